//! Metadata: the few facts of their own that callers may keep with our objects.

use std::borrow::Cow;
use std::fmt;

use merak_store::{Cell, Column, Param, Value};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value as JsonValue;

use super::text_enum::undecodable;

/// How many pairs there may be.
pub const MOST_PAIRS: usize = 50;
/// How many characters a key may have.
pub const LONGEST_KEY: usize = 40;
/// How many characters a text value may have.
pub const LONGEST_TEXT: usize = 500;

/// What one key may hold. The type is kept: `"5"` stays text and `true` stays a boolean.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum MetadataValue {
    /// A text of one to [`LONGEST_TEXT`] characters.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// True or false.
    Boolean(bool),
}

/// Pairs of a key and a value, in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata(Vec<(String, MetadataValue)>);

/// Why something cannot be metadata.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataProblem {
    /// It is not a JSON object.
    #[error("metadata is an object")]
    NotAnObject,
    /// There are more than [`MOST_PAIRS`] pairs.
    #[error("metadata has at most {MOST_PAIRS} pairs, not {0}")]
    TooManyPairs(usize),
    /// A key is empty or longer than [`LONGEST_KEY`].
    #[error("a metadata key has 1 to {LONGEST_KEY} characters: {0:?}")]
    KeyLength(String),
    /// A text is empty or longer than [`LONGEST_TEXT`].
    #[error("the metadata text of {0:?} does not have 1 to {LONGEST_TEXT} characters")]
    TextLength(String),
    /// A value is neither text, whole number nor boolean.
    #[error("the metadata value of {0:?} is neither text, whole number nor boolean")]
    ValueType(String),
}

impl Metadata {
    /// Checks what a caller gave. Whole numbers may be written with a fraction of zero.
    pub fn from_json(json: &JsonValue) -> Result<Self, MetadataProblem> {
        let pairs = json.as_object().ok_or(MetadataProblem::NotAnObject)?;
        if pairs.len() > MOST_PAIRS {
            return Err(MetadataProblem::TooManyPairs(pairs.len()));
        }
        for (key, value) in pairs {
            if !(1..=LONGEST_KEY).contains(&key.chars().count()) {
                return Err(MetadataProblem::KeyLength(key.clone()));
            }
            if let JsonValue::String(text) = value
                && !(1..=LONGEST_TEXT).contains(&text.chars().count())
            {
                return Err(MetadataProblem::TextLength(key.clone()));
            }
        }
        Self::with_values(pairs)
    }

    /// Reads the types of the values but does not measure anything, so that rows which were written under
    /// wider limits stay readable.
    fn with_values(pairs: &serde_json::Map<String, JsonValue>) -> Result<Self, MetadataProblem> {
        let pair = |(key, value): (&String, &JsonValue)| {
            let value = match value {
                JsonValue::String(text) => Some(MetadataValue::Text(text.clone())),
                JsonValue::Bool(truth) => Some(MetadataValue::Boolean(*truth)),
                JsonValue::Number(number) => whole(number).map(MetadataValue::Integer),
                JsonValue::Null | JsonValue::Array(_) | JsonValue::Object(_) => None,
            };
            match value {
                Some(value) => Ok((key.clone(), value)),
                None => Err(MetadataProblem::ValueType(key.clone())),
            }
        };
        pairs.iter().map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&MetadataValue> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// The pairs in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MetadataValue)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// These pairs and those, of equal keys those. There may be more than [`MOST_PAIRS`] then.
    #[must_use]
    pub fn merged(&self, over: &Self) -> Self {
        let kept = self.0.iter().filter(|(key, _)| over.get(key).is_none());
        Self(kept.chain(&over.0).cloned().collect())
    }

    /// How many pairs there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The whole number that a JSON number is, if it is one and fits.
fn whole(number: &serde_json::Number) -> Option<i64> {
    // Beyond 2^53 a double no longer tells neighbours apart, so that a fraction of zero cannot be seen there.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    number.as_i64().or_else(|| {
        let float = number.as_f64().filter(|float| float.fract() == 0.0 && float.abs() <= EXACT)?;
        #[expect(clippy::cast_possible_truncation, reason = "a whole number within the exact range")]
        Some(float as i64)
    })
}

impl fmt::Display for MetadataValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Integer(number) => number.fmt(f),
            Self::Boolean(truth) => truth.fmt(f),
        }
    }
}

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Numbers of arbitrary precision come through `JsonValue` only.
        Self::from_json(&JsonValue::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Param for Metadata {
    fn value(&self) -> Value<'_> {
        let json = serde_json::to_string(self).expect("texts, numbers and booleans are always JSON");
        Value::Json(Cow::Owned(json))
    }
}

impl Column for Metadata {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        let text = cell.json()?;
        // Most things have none.
        if text == "{}" {
            return Ok(Self::default());
        }
        let pairs = serde_json::from_str(text).map_err(undecodable)?;
        Self::with_values(&pairs).map_err(undecodable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn types_and_order_are_kept() {
        let text = r#"{"plan":"5","seats":5,"vip":true,"a":-1}"#;
        let metadata: Metadata = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&metadata).unwrap(), text);
        assert_eq!(metadata.get("plan"), Some(&MetadataValue::Text("5".into())));
        assert_eq!(metadata.get("seats"), Some(&MetadataValue::Integer(5)));
        assert_eq!(metadata.get("vip"), Some(&MetadataValue::Boolean(true)));
        assert_eq!(metadata.get("none"), None);
        assert_eq!((metadata.len(), metadata.is_empty()), (4, false));
    }

    #[test]
    fn a_fraction_of_zero_is_whole_and_any_other_is_refused() {
        let metadata = |text: &str| serde_json::from_str::<Metadata>(text);
        assert_eq!(metadata(r#"{"a":1.0}"#).unwrap().get("a"), Some(&MetadataValue::Integer(1)));
        assert_eq!(metadata(r#"{"a":1e3}"#).unwrap().get("a"), Some(&MetadataValue::Integer(1000)));
        for wrong in ["1.5", "1e300", "9223372036854775808", "null", "[]", "{}"] {
            assert!(metadata(&format!(r#"{{"a":{wrong}}}"#)).is_err(), "{wrong}");
        }
        let least = metadata(r#"{"a":-9223372036854775808}"#).unwrap();
        assert_eq!(least.get("a"), Some(&MetadataValue::Integer(i64::MIN)));
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        let with = |key: String, text: String| Metadata::from_json(&json!({ key: text }));
        assert!(with("é".repeat(40), "é".repeat(500)).is_ok());
        assert_eq!(with("é".repeat(41), "x".into()), Err(MetadataProblem::KeyLength("é".repeat(41))));
        assert_eq!(with(String::new(), "x".into()), Err(MetadataProblem::KeyLength(String::new())));
        assert_eq!(with("k".into(), "é".repeat(501)), Err(MetadataProblem::TextLength("k".into())));
        assert_eq!(with("k".into(), String::new()), Err(MetadataProblem::TextLength("k".into())));
    }

    #[test]
    fn there_are_at_most_fifty_pairs_and_only_in_an_object() {
        let pairs = |count: usize| {
            Metadata::from_json(&(0..count).map(|n| (n.to_string(), json!(n))).collect::<JsonValue>())
        };
        assert_eq!(pairs(50).unwrap().len(), 50);
        assert_eq!(pairs(51), Err(MetadataProblem::TooManyPairs(51)));
        assert_eq!(Metadata::from_json(&json!([])), Err(MetadataProblem::NotAnObject));
        assert_eq!(Metadata::from_json(&json!(null)), Err(MetadataProblem::NotAnObject));
    }

    /// A number near one of these bounds, or at it.
    fn around(bounds: &'static [usize]) -> impl Strategy<Value = usize> {
        (prop::sample::select(bounds), 0_usize..3).prop_map(|(bound, off)| (bound + off).saturating_sub(1))
    }

    /// A character of one to four bytes, as lengths are not counted in bytes.
    fn letter() -> impl Strategy<Value = char> {
        prop::sample::select(&['a', '\u{e9}', '\u{4e2d}', '\u{1f984}'][..])
    }

    /// A text of so many characters.
    fn text(length: usize, letter: char) -> String {
        std::iter::repeat_n(letter, length).collect()
    }

    proptest! {
        /// Keys have 1 to 40 characters, and texts 1 to 500.
        #[test]
        fn lengths_around_the_bounds_are_told_apart(
            key in around(&[0, 1, LONGEST_KEY]),
            value in around(&[0, 1, LONGEST_TEXT]),
            (of_key, of_value) in (letter(), letter()),
            others in 0..MOST_PAIRS,
        ) {
            let (key_text, value_text) = (text(key, of_key), text(value, of_value));
            let mut pairs: serde_json::Map<_, _> = (0..others).map(|n| (format!("k{n}"), json!(n))).collect();
            pairs.insert(key_text.clone(), json!(value_text));
            let found = Metadata::from_json(&pairs.into());
            if !(1..=40).contains(&key) {
                prop_assert_eq!(found, Err(MetadataProblem::KeyLength(key_text)));
            } else if !(1..=500).contains(&value) {
                prop_assert_eq!(found, Err(MetadataProblem::TextLength(key_text)));
            } else {
                let found = found.unwrap();
                prop_assert_eq!(found.get(&key_text), Some(&MetadataValue::Text(value_text)));
            }
        }

        /// There are at most 50 pairs, whatever is in them.
        #[test]
        fn counts_around_the_bound_are_told_apart(count in around(&[0, 1, MOST_PAIRS]), is_long in any::<bool>()) {
            let filler = if is_long { json!("v".repeat(LONGEST_TEXT)) } else { json!(true) };
            let pairs: serde_json::Map<_, _> = (0..count).map(|n| (format!("k{n}"), filler.clone())).collect();
            let found = Metadata::from_json(&pairs.into()).map(|metadata| metadata.len());
            prop_assert_eq!(found, if count <= 50 { Ok(count) } else { Err(MetadataProblem::TooManyPairs(count)) });
        }

        #[test]
        fn any_metadata_is_read_back_as_it_was(
            pairs in proptest::collection::btree_map(".{1,40}", prop_oneof![
                ".{1,500}".prop_map(JsonValue::from),
                any::<i64>().prop_map(JsonValue::from),
                any::<bool>().prop_map(JsonValue::from),
            ], 0..50),
        ) {
            let json: JsonValue = pairs.into_iter().collect::<serde_json::Map<_, _>>().into();
            let metadata = Metadata::from_json(&json).unwrap();
            prop_assert_eq!(serde_json::to_value(&metadata).unwrap(), json);
        }
    }
}
