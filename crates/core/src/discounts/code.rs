//! Codes that buyers type.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize};

/// How many characters a code has at least.
pub const SHORTEST: usize = 3;

/// How many characters a code has at most.
pub const LONGEST: usize = 256;

/// Why a text cannot be a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscountCodeProblem {
    /// It has fewer than `SHORTEST` or more than `LONGEST` characters.
    #[error("The code must have between {SHORTEST} and {LONGEST} characters.")]
    Length,
    /// It has other characters than letters and numbers.
    #[error("The code can only contain letters and numbers.")]
    Characters,
}

/// What buyers type to get a discount: letters and numbers of any script. Its letter case is kept and does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct DiscountCode(String);

impl DiscountCode {
    /// Reads a code; spaces around it are dropped.
    pub fn parse(text: &str) -> Result<Self, DiscountCodeProblem> {
        let code = text.trim();
        if !(SHORTEST..=LONGEST).contains(&code.chars().count()) {
            return Err(DiscountCodeProblem::Length);
        }
        if !code.chars().all(char::is_alphanumeric) {
            return Err(DiscountCodeProblem::Characters);
        }
        Ok(Self(code.to_owned()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for DiscountCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for DiscountCode {
    type Err = DiscountCodeProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for DiscountCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Param for DiscountCode {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(&self.0))
    }
}

impl Column for DiscountCode {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Ok(Self(cell.text()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 20 §9.5 D8
    #[test]
    fn letters_and_numbers_of_any_script_are_a_code() {
        for (typed, kept) in
            [("abc", "abc"), (" abc1 ", "abc1"), ("FooBar", "FooBar"), ("été1", "été1"), ("五折扣", "五折扣")]
        {
            assert_eq!(DiscountCode::parse(typed).unwrap().as_str(), kept);
        }
        assert!(DiscountCode::parse(&"é".repeat(LONGEST)).is_ok());
        for (text, problem) in [
            ("", DiscountCodeProblem::Length),
            ("  ", DiscountCodeProblem::Length),
            ("ab", DiscountCodeProblem::Length),
            (&"a".repeat(LONGEST + 1), DiscountCodeProblem::Length),
            ("a-b-c", DiscountCodeProblem::Characters),
            ("a b", DiscountCodeProblem::Characters),
            ("10%", DiscountCodeProblem::Characters),
        ] {
            assert_eq!(DiscountCode::parse(text), Err(problem), "{text:?}");
        }
    }
}
