//! Single values: text, numbers, truth values and closed choices, with the lax readings that
//! clients rely on (`"12"` for an integer, `"yes"` for a truth value).

use std::borrow::Cow;

use merak_core::kit::lax;
use serde_json::{Value, json};

use super::formats::Format;
use super::pattern::Pattern;
use super::problem::{Fault, choices, count};

/// What a check of one value yields: the coerced value, or `None` when it stays as it is.
pub(super) type Coerced = Result<Option<Value>, Fault>;

/// A rule about text.
#[derive(Debug, Default)]
pub(super) struct Text {
    pub(super) min_length: usize,
    pub(super) max_length: Option<usize>,
    pub(super) format: Option<Format>,
    pub(super) pattern: Option<Pattern>,
    /// Whether spaces around the text are dropped.
    pub(super) trim: bool,
    /// Whether text that is blank after trimming means null.
    pub(super) blank_is_null: bool,
}

impl Text {
    pub(super) fn coerce(&self, value: &Value) -> Coerced {
        if let Some(format) = self.format
            && let Some(coerced) = format.coerce_other(value)
        {
            return coerced;
        }
        let Value::String(text) = value else {
            let wrong_type =
                self.format.map_or_else(|| not_text("string_type", "string"), Format::wrong_type);
            return Err(wrong_type);
        };
        self.coerce_text(text)
    }

    /// Like [`Text::coerce`] for what is known to be text.
    pub(super) fn coerce_text(&self, text: &str) -> Coerced {
        if text.as_bytes().contains(&0) {
            return Err(null_character());
        }
        let trimmed = if self.trim { text.trim() } else { text };
        if self.trim && self.blank_is_null && trimmed.is_empty() {
            return Ok(Some(Value::Null));
        }
        let coerced = match self.format {
            Some(format) if format.measures_itself() => format.coerce(trimmed)?,
            Some(format) => {
                self.check_length(trimmed)?;
                format.coerce(trimmed)?
            }
            None => {
                self.check_length(trimmed)?;
                Cow::Borrowed(trimmed)
            }
        };
        if let Some(pattern) = &self.pattern {
            pattern.check(&coerced)?;
        }
        Ok((*coerced != *text).then(|| Value::String(coerced.into_owned())))
    }

    fn check_length(&self, text: &str) -> Result<(), Fault> {
        let min = self.min_length;
        // A text has at least a quarter as many characters as bytes, so most texts need no count.
        if text.len() < min.saturating_mul(4) && text.chars().count() < min {
            return Err(Fault::with(
                "string_too_short",
                format!("String should have at least {}", count(min, "character")),
                json!({"min_length": min}),
            ));
        }
        if let Some(max) = self.max_length
            && text.len() > max
            && text.chars().count() > max
        {
            return Err(Fault::with(
                "string_too_long",
                format!("String should have at most {}", count(max, "character")),
                json!({"max_length": max}),
            ));
        }
        Ok(())
    }
}

/// A value of the wrong JSON type where text of some kind is wanted.
pub(super) fn not_text(kind: &'static str, what: &str) -> Fault {
    Fault { kind, msg: Cow::Owned(format!("Input should be a valid {what}")), ctx: None }
}

/// U+0000 is legal JSON but neither database stores it.
pub(super) fn null_character() -> Fault {
    Fault::custom("Text must not contain the character U+0000.")
}

/// A rule about whole numbers; bounds are inclusive where the name says `least` or `most`.
#[derive(Debug, Default)]
pub(super) struct Integer {
    pub(super) above: Option<i64>,
    pub(super) at_least: Option<i64>,
    pub(super) below: Option<i64>,
    pub(super) at_most: Option<i64>,
}

impl Integer {
    pub(super) fn coerce(&self, value: &Value) -> Coerced {
        let number = lax::integer(value).map_err(Fault::from)?;
        let as_it_is = matches!(value, Value::Number(written) if written.as_i64() == Some(number) && written.as_str() != "-0");
        self.check_bounds(number)?;
        Ok((!as_it_is).then(|| Value::from(number)))
    }

    fn check_bounds(&self, number: i64) -> Result<(), Fault> {
        if let Some(le) = self.at_most.filter(|le| number > *le) {
            return Err(out_of_bounds("less_than_equal", "less than or equal to", "le", &le.into()));
        }
        if let Some(lt) = self.below.filter(|lt| number >= *lt) {
            return Err(out_of_bounds("less_than", "less than", "lt", &lt.into()));
        }
        if let Some(ge) = self.at_least.filter(|ge| number < *ge) {
            return Err(out_of_bounds("greater_than_equal", "greater than or equal to", "ge", &ge.into()));
        }
        if let Some(gt) = self.above.filter(|gt| number <= *gt) {
            return Err(out_of_bounds("greater_than", "greater than", "gt", &gt.into()));
        }
        Ok(())
    }
}

pub(super) fn out_of_bounds(kind: &'static str, relation: &str, name: &str, bound: &Value) -> Fault {
    let shown = bound.as_str().map_or_else(|| bound.to_string(), str::to_owned);
    Fault::with(kind, format!("Input should be {relation} {shown}"), json!({ name: bound }))
}

/// A rule about numbers that may have a fraction.
#[derive(Debug, Default)]
pub(super) struct Decimal {
    pub(super) above: Option<f64>,
    pub(super) at_least: Option<f64>,
    pub(super) below: Option<f64>,
    pub(super) at_most: Option<f64>,
}

impl Decimal {
    pub(super) fn coerce(&self, value: &Value) -> Coerced {
        let (number, as_it_is) = match value {
            Value::Number(number) => (number.as_str().parse::<f64>().unwrap_or(f64::NAN), true),
            Value::String(text) => {
                let number = text.trim().parse::<f64>().map_err(|_| {
                    Fault::plain(
                        "float_parsing",
                        "Input should be a valid number, unable to parse string as a number",
                    )
                })?;
                (number, false)
            }
            Value::Bool(truth) => (f64::from(*truth), false),
            Value::Null | Value::Array(_) | Value::Object(_) => {
                return Err(Fault::plain("float_type", "Input should be a valid number"));
            }
        };
        if !number.is_finite() {
            return Err(Fault::plain("finite_number", "Input should be a finite number"));
        }
        if let Some(le) = self.at_most.filter(|le| number > *le) {
            return Err(out_of_bounds("less_than_equal", "less than or equal to", "le", &le.into()));
        }
        if let Some(lt) = self.below.filter(|lt| number >= *lt) {
            return Err(out_of_bounds("less_than", "less than", "lt", &lt.into()));
        }
        if let Some(ge) = self.at_least.filter(|ge| number < *ge) {
            return Err(out_of_bounds("greater_than_equal", "greater than or equal to", "ge", &ge.into()));
        }
        if let Some(gt) = self.above.filter(|gt| number <= *gt) {
            return Err(out_of_bounds("greater_than", "greater than", "gt", &gt.into()));
        }
        Ok((!as_it_is).then(|| Value::from(number)))
    }
}

/// Reads a truth value.
pub(super) fn coerce_boolean(value: &Value) -> Coerced {
    let truth = lax::boolean(value).map_err(Fault::from)?;
    Ok((!value.is_boolean()).then_some(Value::Bool(truth)))
}

/// A closed list of values.
#[derive(Debug)]
pub(super) struct Choice {
    values: Vec<Value>,
    kind: &'static str,
    expected: String,
}

impl Choice {
    /// A choice told as `literal_error` if it is a literal and as `enum` otherwise: the two are
    /// one thing in JSON schema and two things to the clients.
    pub(super) fn new(values: Vec<Value>, is_literal: bool) -> Self {
        let quoted: Vec<String> = values.iter().map(quoted).collect();
        let kind = if is_literal { "literal_error" } else { "enum" };
        Self { values, kind, expected: choices(&quoted) }
    }

    /// The same choice, told as a literal.
    pub(super) fn into_literal(self) -> Self {
        Self { kind: "literal_error", ..self }
    }

    pub(super) fn values(&self) -> &[Value] {
        &self.values
    }

    pub(super) fn admits(&self, value: &Value) -> bool {
        self.values.contains(value)
    }

    pub(super) fn coerce(&self, value: &Value) -> Coerced {
        if self.admits(value) { Ok(None) } else { Err(self.fault()) }
    }

    pub(super) fn fault(&self) -> Fault {
        let msg = format!("Input should be {}", self.expected);
        Fault::with(self.kind, msg, json!({"expected": self.expected}))
    }
}

/// A value as it appears in a list of choices.
pub(super) fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}
