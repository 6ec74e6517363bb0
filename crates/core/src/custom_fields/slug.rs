//! Slugs of fields: the names that answers have in stored data.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize};

/// How many characters a slug has at most, so that it fits into an index.
pub const LONGEST: usize = 512;

/// Why a text cannot be the slug of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FieldSlugProblem {
    /// It is empty.
    #[error("The slug must not be empty.")]
    Empty,
    /// It has more than [`LONGEST`] characters.
    #[error("The slug has at most {LONGEST} characters.")]
    TooLong,
    /// It has other characters than `a-z`, `0-9`, `-` and `_`.
    #[error("The slug can only contain small ASCII letters, numbers, hyphens and underscores.")]
    Characters,
}

/// The name of a field's answers in stored data. Capitals are not folded but refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct FieldSlug(String);

impl FieldSlug {
    /// Reads a slug.
    pub fn parse(text: &str) -> Result<Self, FieldSlugProblem> {
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if text.is_empty() {
            return Err(FieldSlugProblem::Empty);
        }
        if !text.bytes().all(is_allowed) {
            return Err(FieldSlugProblem::Characters);
        }
        if text.len() > LONGEST {
            return Err(FieldSlugProblem::TooLong);
        }
        Ok(Self(text.to_owned()))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldSlug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for FieldSlug {
    type Err = FieldSlugProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for FieldSlug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Param for FieldSlug {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(&self.0))
    }
}

impl Column for FieldSlug {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Ok(Self(cell.text()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 20 §9.4 C1 and C2
    #[test]
    fn small_letters_numbers_hyphens_and_underscores_are_a_slug() {
        for slug in ["my-field", "valid_slug", "_valid_slug2", "-", "7", &"a".repeat(LONGEST)] {
            assert_eq!(FieldSlug::parse(slug).unwrap().as_str(), slug);
        }
        for (text, problem) in [
            ("", FieldSlugProblem::Empty),
            ("aaa bbb", FieldSlugProblem::Characters),
            ("888!", FieldSlugProblem::Characters),
            ("Upper", FieldSlugProblem::Characters),
            ("é", FieldSlugProblem::Characters),
            ("a\n", FieldSlugProblem::Characters),
            (&"a".repeat(LONGEST + 1), FieldSlugProblem::TooLong),
        ] {
            assert_eq!(FieldSlug::parse(text), Err(problem), "{text:?}");
        }
    }
}
