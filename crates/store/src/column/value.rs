//! What can be handed to a statement.

use std::borrow::Cow;

use uuid::Uuid;

use super::{Json, Timestamp};

/// One value in the vocabulary that both engines share.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'v> {
    /// SQL's NULL.
    Null,
    /// A `boolean` column.
    Bool(bool),
    /// A `bigint` column.
    Integer(i64),
    /// A `text` column.
    Text(Cow<'v, str>),
    /// A `uuid` column.
    Uuid(Uuid),
    /// A `timestamptz` column.
    Timestamp(Timestamp),
    /// A `json` or `jsonb` column. JSON's null is a value, not SQL's NULL.
    Json(Cow<'v, str>),
    /// A `bytea` column.
    Bytes(Cow<'v, [u8]>),
}

impl Value<'_> {
    /// The same value, borrowing nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Integer(value) => Value::Integer(value),
            Self::Text(value) => Value::Text(Cow::Owned(value.into_owned())),
            Self::Uuid(value) => Value::Uuid(value),
            Self::Timestamp(value) => Value::Timestamp(value),
            Self::Json(value) => Value::Json(Cow::Owned(value.into_owned())),
            Self::Bytes(value) => Value::Bytes(Cow::Owned(value.into_owned())),
        }
    }
}

/// A Rust type that can be handed to a statement as one parameter.
pub trait Param {
    /// The value to bind.
    fn value(&self) -> Value<'_>;
}

impl Param for Value<'_> {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) => Value::Integer(*value),
            Self::Text(value) => Value::Text(Cow::Borrowed(value)),
            Self::Uuid(value) => Value::Uuid(*value),
            Self::Timestamp(value) => Value::Timestamp(*value),
            Self::Json(value) => Value::Json(Cow::Borrowed(value)),
            Self::Bytes(value) => Value::Bytes(Cow::Borrowed(value)),
        }
    }
}

impl<T: Param + ?Sized> Param for &T {
    fn value(&self) -> Value<'_> {
        (**self).value()
    }
}

impl<T: Param> Param for Option<T> {
    fn value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Param::value)
    }
}

impl Param for bool {
    fn value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
}

impl Param for i64 {
    fn value(&self) -> Value<'_> {
        Value::Integer(*self)
    }
}

impl Param for i32 {
    fn value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl Param for u32 {
    fn value(&self) -> Value<'_> {
        Value::Integer(i64::from(*self))
    }
}

impl Param for str {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl Param for String {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl Param for Box<str> {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl Param for Cow<'_, str> {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
}

impl Param for Uuid {
    fn value(&self) -> Value<'_> {
        Value::Uuid(*self)
    }
}

impl Param for Timestamp {
    fn value(&self) -> Value<'_> {
        Value::Timestamp(*self)
    }
}

impl Param for Json {
    fn value(&self) -> Value<'_> {
        Value::Json(Cow::Borrowed(self.as_str()))
    }
}

impl Param for [u8] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }
}

impl<const LENGTH: usize> Param for [u8; LENGTH] {
    fn value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }
}

impl Param for Vec<u8> {
    fn value(&self) -> Value<'_> {
        Value::Bytes(Cow::Borrowed(self))
    }
}
