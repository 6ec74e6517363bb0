//! Ids that know which noun they belong to.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;

use merak_store::{Cell, Column, Param, Tx, Value};
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde::ser::{Serialize, Serializer};
use uuid::Uuid;

/// The id of one `T`.
///
/// An `Id<Customer>` cannot be passed where an `Id<Benefit>` is meant. The type parameter costs nothing and
/// asks nothing of `T`.
pub struct Id<T> {
    uuid: Uuid,
    noun: PhantomData<fn() -> T>,
}

impl<T> Id<T> {
    /// A new id, drawn from the source of the unit of work.
    pub fn new(tx: &mut Tx<'_>) -> Self {
        Self::from_uuid(tx.uuid())
    }

    /// The id with this value.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, noun: PhantomData }
    }

    /// The value without its noun.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// The same value as the id of another noun, for the places where two nouns share one id on the wire.
    pub const fn cast<U>(self) -> Id<U> {
        Id::from_uuid(self.uuid)
    }
}

// Derives would demand the same of `T`, so these are written out.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Id<T> {}

impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<T> Eq for Id<T> {}

impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<T> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Hyphenated lower case, the only spelling that is ever written.
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

/// Any spelling of a UUID is understood: hyphenated, plain, braced, with `urn:uuid:`, in either case.
impl<T> FromStr for Id<T> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self::from_uuid)
    }
}

impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self::from_uuid(uuid)
    }
}

impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Spelling<T>(PhantomData<fn() -> T>);

        impl<T> Visitor<'_> for Spelling<T> {
            type Value = Id<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a UUID")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Id<T>, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_str(Spelling(PhantomData)).map_err(D::Error::custom)
    }
}

impl<T> Param for Id<T> {
    fn value(&self) -> Value<'_> {
        Value::Uuid(self.uuid)
    }
}

impl<T> Column for Id<T> {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        cell.uuid().map(Self::from_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Customer;

    const TEXT: &str = "0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e4f";

    #[test]
    fn every_spelling_of_one_uuid_is_one_id() {
        let id: Id<Customer> = TEXT.parse().unwrap();
        for spelling in [
            "0195d3a42f5b7c118e9a3b6f0c2d1e4f",
            "0195D3A4-2F5B-7C11-8E9A-3B6F0C2D1E4F",
            "urn:uuid:0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e4f",
            "{0195d3a4-2f5b-7c11-8e9a-3b6f0c2d1e4f}",
        ] {
            assert_eq!(spelling.parse::<Id<Customer>>().unwrap(), id, "{spelling}");
        }
        assert!("0195d3a4-2f5b-7c11-8e9a".parse::<Id<Customer>>().is_err());
        assert!("".parse::<Id<Customer>>().is_err());
    }

    #[test]
    fn an_id_is_written_hyphenated_and_in_lower_case() {
        let id: Id<Customer> = TEXT.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(format!("{id:?}"), TEXT);
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{TEXT}\""));
    }

    #[test]
    fn an_id_is_read_from_json_text_only() {
        let id: Id<Customer> = serde_json::from_str(&format!("\"{TEXT}\"")).unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert!(serde_json::from_str::<Id<Customer>>("5").is_err());
        assert!(serde_json::from_str::<Id<Customer>>("\"x\"").is_err());
    }

    #[test]
    fn ids_sort_as_their_text_does() {
        let mut ids: Vec<Id<Customer>> = (0..50u128)
            .map(|n| Id::from_uuid(Uuid::from_u128(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_0C21))))
            .collect();
        ids.sort();
        let texts: Vec<String> = ids.iter().map(ToString::to_string).collect();
        assert!(texts.is_sorted());
    }
}
