//! Values on their way from PostgreSQL, out of its binary form. Nothing is returned for a type that is another one.

use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use super::encode::EPOCH_MICROS;
use crate::Timestamp;

pub(crate) fn is_text(kind: &Type) -> bool {
    matches!(*kind, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
}

pub(crate) fn integer(kind: &Type, bytes: &[u8]) -> Option<i64> {
    match *kind {
        Type::INT8 => i64::from_sql(kind, bytes).ok(),
        Type::INT4 => i32::from_sql(kind, bytes).ok().map(i64::from),
        Type::INT2 => i16::from_sql(kind, bytes).ok().map(i64::from),
        Type::NUMERIC => whole_numeric(bytes),
        _ => None,
    }
}

/// PostgreSQL's `numeric`: counts of digits, weight, sign and scale, then digits to the base of 10,000.
fn whole_numeric(bytes: &[u8]) -> Option<i64> {
    let mut words = bytes.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]]));
    let (count, weight, sign, _scale) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let negative = match sign {
        0 => false,
        0x4000 => true,
        _ => return None,
    };
    let mut value: i128 = 0;
    for place in 0..=weight.max(count - 1) {
        let digit = i128::from(if place < count { words.next()? } else { 0 });
        if place <= weight {
            value = value.checked_mul(10_000)?.checked_add(digit)?;
        } else if digit != 0 {
            return None;
        }
    }
    i64::try_from(if negative { -value } else { value }).ok()
}

pub(crate) fn boolean(kind: &Type, bytes: &[u8]) -> Option<bool> {
    (*kind == Type::BOOL).then(|| bool::from_sql(kind, bytes).ok()).flatten()
}

pub(crate) fn uuid(kind: &Type, bytes: &[u8]) -> Option<Uuid> {
    (*kind == Type::UUID).then(|| Uuid::from_slice(bytes).ok()).flatten()
}

pub(crate) fn timestamp(kind: &Type, bytes: &[u8]) -> Option<Timestamp> {
    if *kind != Type::TIMESTAMPTZ {
        return None;
    }
    let micros = i64::from_sql(&Type::INT8, bytes).ok()?.checked_add(EPOCH_MICROS)?;
    // PostgreSQL also knows infinity and later millennia, which no column of ours may hold.
    let timestamp = Timestamp::from_micros(micros);
    (timestamp.as_micros() == micros).then_some(timestamp)
}

pub(crate) fn json<'b>(kind: &Type, bytes: &'b [u8]) -> Option<&'b [u8]> {
    match *kind {
        Type::JSON => Some(bytes),
        Type::JSONB => bytes.strip_prefix(&[1]),
        _ => None,
    }
}
