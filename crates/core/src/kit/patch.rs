//! The three states of a field in an update.

use serde::{Deserialize, Deserializer};

/// A field of an update: left out, set to null, or given.
///
/// In a struct it stands as `#[serde(default)] name: Patch<String>`; without the attribute a field that is
/// left out would be missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// The field was left out: what is stored stays.
    #[default]
    Absent,
    /// The field is null: what is stored is taken away.
    Null,
    /// The field has a new value.
    Value(T),
}

impl<T> Patch<T> {
    /// Whether the field was left out.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// The new value, if there is one.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Absent | Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// What is stored after the update, where `current` was before.
    #[must_use]
    pub fn or(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// Changes `stored` as the update says.
    pub fn apply(self, stored: &mut Option<T>) {
        if !self.is_absent() {
            *stored = self.value();
        }
    }

    /// The same state with a borrowed value.
    pub const fn as_ref(&self) -> Patch<&T> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(value),
        }
    }

    /// The same state with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Patch<U> {
        match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(f(value)),
        }
    }

    /// The same state with another value, or the error of making it.
    pub fn try_map<U, E>(self, f: impl FnOnce(T) -> Result<U, E>) -> Result<Patch<U>, E> {
        Ok(match self {
            Self::Absent => Patch::Absent,
            Self::Null => Patch::Null,
            Self::Value(value) => Patch::Value(f(value)?),
        })
    }
}

/// A given field: none is null, never absent.
impl<T> From<Option<T>> for Patch<T> {
    fn from(given: Option<T>) -> Self {
        given.map_or(Self::Null, Self::Value)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<T>::deserialize(deserializer).map(Self::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Update {
        #[serde(default)]
        name: Patch<String>,
    }

    fn name(json: &str) -> Patch<String> {
        serde_json::from_str::<Update>(json).unwrap().name
    }

    #[test]
    fn absent_null_and_value_are_three_things() {
        assert_eq!(name("{}"), Patch::Absent);
        assert_eq!(name(r#"{"name":null}"#), Patch::Null);
        assert_eq!(name(r#"{"name":""}"#), Patch::Value(String::new()));
        assert!(serde_json::from_str::<Update>(r#"{"name":1}"#).is_err());
    }

    #[test]
    fn an_update_keeps_takes_away_or_replaces() {
        for (patch, before, after) in [
            (Patch::Absent, Some(1), Some(1)),
            (Patch::Absent, None, None),
            (Patch::Null, Some(1), None),
            (Patch::Value(2), Some(1), Some(2)),
            (Patch::Value(2), None, Some(2)),
        ] {
            assert_eq!(patch.or(before), after);
            let mut stored = before;
            patch.apply(&mut stored);
            assert_eq!(stored, after);
        }
    }

    #[test]
    fn a_value_is_changed_in_place() {
        assert_eq!(Patch::Value("7").map(str::len), Patch::Value(1));
        assert_eq!(Patch::<&str>::Null.map(str::len), Patch::Null);
        assert_eq!(Patch::Value("7").try_map(str::parse::<u8>), Ok(Patch::Value(7)));
        assert!(Patch::Value("x").try_map(str::parse::<u8>).is_err());
        assert_eq!(Patch::Value(String::from("a")).as_ref(), Patch::Value(&String::from("a")));
    }
}
