//! Values on their way to PostgreSQL, in its binary form.

use std::{error::Error, fmt};

use tokio_postgres::types::{IsNull, ToSql, Type, private::BytesMut, to_sql_checked};

use crate::Value;

/// Microseconds from 1970 to 2000, which is when PostgreSQL's clock begins.
pub(super) const EPOCH_MICROS: i64 = 946_684_800_000_000;

/// A value that a statement binds.
pub(super) struct Bound<'v>(pub(super) Value<'v>);

/// The kind of value only: the driver logs the parameters of statements, and they may be anybody's secrets.
impl fmt::Debug for Bound<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(name(&self.0))
    }
}

impl ToSql for Bound<'_> {
    fn to_sql(&self, kind: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match (&self.0, kind) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Bool(value), &Type::BOOL) => value.to_sql(kind, out),
            (Value::Integer(value), &Type::INT8) => value.to_sql(kind, out),
            (Value::Integer(value), &Type::INT4) => i32::try_from(*value)?.to_sql(kind, out),
            (Value::Integer(value), &Type::INT2) => i16::try_from(*value)?.to_sql(kind, out),
            (Value::Text(text), &Type::TEXT | &Type::VARCHAR | &Type::BPCHAR | &Type::NAME) => {
                text.to_sql(kind, out)
            }
            (Value::Uuid(uuid), &Type::UUID) => {
                out.extend_from_slice(uuid.as_bytes());
                Ok(IsNull::No)
            }
            (Value::Timestamp(timestamp), &Type::TIMESTAMPTZ) => {
                (timestamp.as_micros() - EPOCH_MICROS).to_sql(&Type::INT8, out)
            }
            (Value::Json(text), &Type::JSON | &Type::TEXT) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (Value::Json(text), &Type::JSONB) => {
                // The version of the binary form, which is the text.
                out.extend_from_slice(&[1]);
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (Value::Bytes(bytes), &Type::BYTEA) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            (value, kind) => Err(format!("the parameter is {}, a {kind} is expected", name(value)).into()),
        }
    }

    fn accepts(_kind: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Integer(_) => "a whole number",
        Value::Text(_) => "text",
        Value::Uuid(_) => "a UUID",
        Value::Timestamp(_) => "an instant",
        Value::Json(_) => "JSON",
        Value::Bytes(_) => "bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::Bound;
    use crate::Value;

    #[test]
    fn a_bound_value_shows_its_kind_only() {
        assert_eq!(format!("{:?}", Bound(Value::Text("a secret".into()))), "text");
    }
}
