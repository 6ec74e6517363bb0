//! Amounts of money.

use std::fmt;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Serialize};

use super::text_enum;

text_enum! {
    /// The currencies in which something can be sold.
    #[derive(Default)]
    pub enum Currency {
        /// The dollar of the United States.
        #[default]
        Usd = "usd",
    }
}

/// An amount in the smallest unit of its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cents(i64);

impl Cents {
    /// The least amount that something can cost which costs something.
    pub const LEAST_PRICE: Self = Self(50);
    /// The greatest amount that something can cost.
    pub const GREATEST_PRICE: Self = Self(99_999_999);

    /// So many of the smallest unit.
    pub const fn new(count: i64) -> Self {
        Self(count)
    }

    /// How many of the smallest unit.
    pub const fn get(self) -> i64 {
        self.0
    }

    /// Whether something can cost this much.
    pub fn is_price(self) -> bool {
        (Self::LEAST_PRICE..=Self::GREATEST_PRICE).contains(&self)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Param for Cents {
    fn value(&self) -> Value<'_> {
        self.0.value().into_owned()
    }
}

impl Column for Cents {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        cell.integer().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_something_costs_half_a_dollar_to_a_million() {
        for (count, is_price) in
            [(0, false), (49, false), (50, true), (99_999_999, true), (100_000_000, false), (-50, false)]
        {
            assert_eq!(Cents::new(count).is_price(), is_price, "{count}");
        }
    }

    #[test]
    fn an_amount_is_written_as_a_whole_number() {
        assert_eq!(serde_json::to_string(&Cents::new(1999)).unwrap(), "1999");
        assert_eq!(serde_json::from_str::<Cents>("1999").unwrap(), Cents::new(1999));
        assert_eq!(serde_json::to_string(&Currency::Usd).unwrap(), "\"usd\"");
    }
}
