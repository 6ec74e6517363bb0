//! What buyers may answer, decided without a database.

use serde_json::{Map, Value};

use super::{CustomField, CustomFieldType, FieldSlug, Properties};
use crate::kit::{FieldProblem, Moment, at, lax};

/// A field as a product asks it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'f> {
    /// The field.
    pub field: &'f CustomField,
    /// Whether it must be answered.
    pub required: bool,
}

/// Answers by slug.
pub type Answers = Map<String, Value>;

/// Checks a buyer's answers, which stand in the member `custom_field_data` of a body, and gives them in the form that is
/// stored: lax spellings made plain, answers to questions that were not asked dropped, and those that may be left out
/// and were filled in. All problems are told, in the order of the fields.
pub fn check_answers(asked: &[Asked<'_>], answers: &Answers) -> Result<Answers, Vec<FieldProblem>> {
    let mut stored = Answers::with_capacity(asked.len());
    let mut problems = Vec::new();
    for Asked { field, required } in asked {
        let slug = field.slug.as_str();
        let outcome = match (answers.get(slug), required) {
            (Some(answer), true) => required_answer(field, answer),
            (Some(answer), false) => optional_answer(field, answer),
            (None, false) => Ok(unanswered(field.r#type)),
            (None, true) => Err(Fault { kind: "missing", message: String::from("Field required") }),
        };
        match outcome {
            Ok(answer) => {
                stored.insert(slug.to_owned(), answer);
            }
            Err(Fault { kind, message }) => {
                // A missing member is told with the object around it, as everywhere.
                let input = answers.get(slug).cloned().unwrap_or_else(|| Value::Object(answers.clone()));
                let place = at("body").field("custom_field_data").field(slug.to_owned());
                problems.push(place.problem(kind, message, input));
            }
        }
    }
    if problems.is_empty() { Ok(stored) } else { Err(problems) }
}

/// Gives an answer the new slug of its field, in its place. What else has that name gives way: the slug belongs to the
/// field now.
#[must_use]
pub fn renamed(answers: Answers, from: &FieldSlug, to: &FieldSlug) -> Answers {
    if from == to || !answers.contains_key(from.as_str()) {
        return answers;
    }
    answers
        .into_iter()
        .filter(|(slug, _)| slug != to.as_str())
        .map(
            |(slug, answer)| {
                if slug == from.as_str() { (to.as_str().to_owned(), answer) } else { (slug, answer) }
            },
        )
        .collect()
}

/// A broken rule before it is known which field broke it.
struct Fault {
    kind: &'static str,
    message: String,
}

impl From<lax::LaxProblem> for Fault {
    fn from(problem: lax::LaxProblem) -> Self {
        Self { kind: problem.kind, message: problem.message.to_owned() }
    }
}

fn fault(kind: &'static str, message: impl Into<String>) -> Fault {
    Fault { kind, message: message.into() }
}

/// What is stored for a field that was left out.
fn unanswered(r#type: CustomFieldType) -> Value {
    match r#type {
        CustomFieldType::Checkbox => Value::Bool(false),
        CustomFieldType::Text | CustomFieldType::Number | CustomFieldType::Date | CustomFieldType::Select => {
            Value::Null
        }
    }
}

fn required_answer(field: &CustomField, answer: &Value) -> Result<Value, Fault> {
    let plain = plain_answer(field, answer)?;
    if plain == Value::Bool(false) {
        return Err(fault("literal_error", "Input should be True"));
    }
    Ok(plain)
}

fn optional_answer(field: &CustomField, answer: &Value) -> Result<Value, Fault> {
    // An unchecked box is false, so null says nothing about it.
    if answer.is_null() && field.r#type != CustomFieldType::Checkbox {
        return Ok(Value::Null);
    }
    plain_answer(field, answer)
}

fn plain_answer(field: &CustomField, answer: &Value) -> Result<Value, Fault> {
    let properties = &field.properties;
    match field.r#type {
        CustomFieldType::Text => text(properties, answer),
        CustomFieldType::Number => number(properties, answer),
        CustomFieldType::Date => date(properties, answer),
        CustomFieldType::Checkbox => Ok(Value::Bool(lax::boolean(answer)?)),
        CustomFieldType::Select => selected(properties, answer),
    }
}

/// Without a least length the empty text is an answer, even to a required question.
fn text(properties: &Properties, answer: &Value) -> Result<Value, Fault> {
    let Value::String(text) = answer else {
        return Err(fault("string_type", "Input should be a valid string"));
    };
    let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    if let Some(least) = properties.min_length.filter(|least| length < *least) {
        return Err(fault("string_too_short", format!("String should have at least {}", characters(least))));
    }
    if let Some(most) = properties.max_length.filter(|most| length > *most) {
        return Err(fault("string_too_long", format!("String should have at most {}", characters(most))));
    }
    Ok(answer.clone())
}

fn characters(count: i64) -> String {
    format!("{count} character{}", if count == 1 { "" } else { "s" })
}

fn number(properties: &Properties, answer: &Value) -> Result<Value, Fault> {
    let number = lax::integer(answer)?;
    if let Some(most) = properties.le.filter(|most| number > *most) {
        return Err(fault("less_than_equal", format!("Input should be less than or equal to {most}")));
    }
    if let Some(least) = properties.ge.filter(|least| number < *least) {
        return Err(fault("greater_than_equal", format!("Input should be greater than or equal to {least}")));
    }
    Ok(Value::from(number))
}

const SECONDS_OF_DAY: i64 = 24 * 3600;

/// A day or a moment; stored as a moment, with the zone that it was sent with. The bounds are the midnights, in UTC, that
/// begin the days of the bounds, so that ten o'clock of the last day is too late. A bound of 0 is none.
fn date(properties: &Properties, answer: &Value) -> Result<Value, Fault> {
    let moment = match answer {
        Value::String(text) => Moment::from_text(text),
        Value::Number(number) => Moment::from_number(number),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(fault("datetime_type", "Input should be a valid datetime"));
        }
    };
    let unreadable = |reason: &str| {
        fault("datetime_from_date_parsing", format!("Input should be a valid datetime or date, {reason}"))
    };
    let moment = moment.map_err(unreadable)?;
    let instant = i128::from(moment.instant().map_err(unreadable)?.as_microsecond());
    let midnight =
        |bound: &i64| i128::from(bound.div_euclid(SECONDS_OF_DAY)) * i128::from(SECONDS_OF_DAY) * 1_000_000;
    if properties.le.filter(|bound| *bound != 0).is_some_and(|bound| instant > midnight(&bound)) {
        return Err(fault("less_than_equal", "Input should not be after the last day that is accepted"));
    }
    if properties.ge.filter(|bound| *bound != 0).is_some_and(|bound| instant < midnight(&bound)) {
        return Err(fault("greater_than_equal", "Input should not be before the first day that is accepted"));
    }
    Ok(Value::from(moment.to_string()))
}

fn selected(properties: &Properties, answer: &Value) -> Result<Value, Fault> {
    let options = properties.options.as_deref().unwrap_or_default();
    if answer.as_str().is_some_and(|answer| options.iter().any(|option| option.value == answer)) {
        return Ok(answer.clone());
    }
    let values: Vec<String> = options.iter().map(|option| format!("'{}'", option.value)).collect();
    Err(fault("literal_error", format!("Input should be one of {}", values.join(", "))))
}

#[cfg(test)]
mod tests;
