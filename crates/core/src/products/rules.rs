//! Which prices a product can have at once, and how lists see them.

use super::price::{AmountType, NewPrice, Price, PriceType, RecurringInterval};
use crate::kit::Cents;

/// What is wrong with a list of prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceListProblem {
    /// There is none.
    #[error("A product needs a price.")]
    None,
    /// Some recur and some do not.
    #[error("A product can't have recurring and one-time prices at once.")]
    Mixed,
    /// There are two that are paid once.
    #[error("A product can have one one-time price only.")]
    SeveralOneTime,
    /// One of several recurring prices is free.
    #[error("A product that recurs for free can't have another price.")]
    FreeAmongOthers,
    /// Two recur after the same time.
    #[error("A product can have one price for each interval only.")]
    SameInterval,
    /// A recurring price has no amount of its own.
    #[error("Recurring prices can't be chosen by the buyer.")]
    RecurringCustom,
}

/// What the rules look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceTerms {
    interval: Option<RecurringInterval>,
    amount_type: AmountType,
}

impl From<&Price> for PriceTerms {
    fn from(price: &Price) -> Self {
        Self { interval: price.recurring_interval, amount_type: price.amount_type }
    }
}

impl From<&NewPrice> for PriceTerms {
    fn from(price: &NewPrice) -> Self {
        Self { interval: price.recurring_interval, amount_type: price.amount_type() }
    }
}

/// Whether these can be the current prices of a product: one or two fixed recurring ones of different intervals, one
/// free recurring one, or one of any kind that is paid once.
pub fn check_prices<P: Into<PriceTerms>>(
    prices: impl IntoIterator<Item = P>,
) -> Result<(), PriceListProblem> {
    let prices: Vec<PriceTerms> = prices.into_iter().map(Into::into).collect();
    let recurring: Vec<&PriceTerms> = prices.iter().filter(|price| price.interval.is_some()).collect();
    if prices.is_empty() {
        return Err(PriceListProblem::None);
    }
    if recurring.is_empty() {
        return if prices.len() == 1 { Ok(()) } else { Err(PriceListProblem::SeveralOneTime) };
    }
    if recurring.len() < prices.len() {
        return Err(PriceListProblem::Mixed);
    }
    if prices.iter().any(|price| price.amount_type == AmountType::Custom) {
        return Err(PriceListProblem::RecurringCustom);
    }
    if prices.len() > 1 && prices.iter().any(|price| price.amount_type == AmountType::Free) {
        return Err(PriceListProblem::FreeAmongOthers);
    }
    let repeated = |(n, price): (usize, &PriceTerms)| {
        prices[..n].iter().any(|earlier| earlier.interval == price.interval)
    };
    if prices.iter().enumerate().any(repeated) { Err(PriceListProblem::SameInterval) } else { Ok(()) }
}

/// What lists filter and sort by, made of the current prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Standing {
    pub(super) is_recurring: bool,
    pub(super) first_price_type: i64,
    pub(super) first_price_amount_type: i64,
    pub(super) first_price_amount: i64,
}

impl Standing {
    /// The standing of a product with these current prices, the oldest first.
    pub(super) fn of(prices: &[Price]) -> Self {
        let is_recurring = prices.iter().all(|price| price.r#type == PriceType::Recurring);
        let Some(first) = prices.first() else {
            let none = i64::MAX;
            return Self {
                is_recurring,
                first_price_type: none,
                first_price_amount_type: none,
                first_price_amount: none,
            };
        };
        Self {
            is_recurring,
            first_price_type: match first.r#type {
                PriceType::OneTime => 0,
                PriceType::Recurring => 1,
            },
            first_price_amount_type: match first.amount_type {
                AmountType::Free => 0,
                AmountType::Custom => 1,
                AmountType::Fixed => 2,
            },
            first_price_amount: match first.amount_type {
                AmountType::Free => -2,
                AmountType::Custom => first.minimum_amount.map_or(-1, Cents::get),
                AmountType::Fixed => first.price_amount.map_or(0, Cents::get),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::PriceListProblem::{
        FreeAmongOthers, Mixed, None as NoPrice, RecurringCustom, SameInterval, SeveralOneTime,
    };
    use super::*;
    use crate::products::RecurringInterval::{Month, Year};

    fn terms(interval: Option<RecurringInterval>, amount_type: AmountType) -> PriceTerms {
        PriceTerms { interval, amount_type }
    }

    #[test]
    fn one_or_two_fixed_intervals_one_free_or_one_payment() {
        use AmountType::{Custom, Fixed, Free};
        let monthly = terms(Some(Month), Fixed);
        let yearly = terms(Some(Year), Fixed);
        let free = terms(Some(Month), Free);
        let once = terms(None, Fixed);
        for (prices, expected) in [
            (vec![], Err(NoPrice)),
            (vec![monthly], Ok(())),
            (vec![yearly, monthly], Ok(())),
            (vec![free], Ok(())),
            (vec![once], Ok(())),
            (vec![terms(None, Custom)], Ok(())),
            (vec![terms(None, Free)], Ok(())),
            (vec![monthly, monthly], Err(SameInterval)),
            (vec![monthly, yearly, monthly], Err(SameInterval)),
            (vec![monthly, free], Err(FreeAmongOthers)),
            (vec![free, free], Err(FreeAmongOthers)),
            (vec![once, once], Err(SeveralOneTime)),
            (vec![once, monthly], Err(Mixed)),
            (vec![terms(Some(Month), Custom)], Err(RecurringCustom)),
        ] {
            assert_eq!(check_prices(prices.iter().copied()), expected, "{prices:?}");
        }
    }
}
