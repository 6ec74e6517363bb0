//! What a discount is worth and when, decided without a database.

use merak_store::Timestamp;

use super::{Discount, Reduction, Span};
use crate::kit::{Cents, Timeframe, calendar};

/// The whole of a price, in basis points.
const WHOLE: i128 = 10_000;

/// How much of a price is taken off, in cents: at most the price. A part is rounded to the nearest cent, half a cent up:
///
/// ```text
/// (price × basis_points + 5 000) / 10 000
/// ```
pub fn amount_off(reduction: Reduction, price: Cents) -> Cents {
    match reduction {
        Reduction::Fixed { amount, .. } => amount.min(price),
        Reduction::Percentage { basis_points } => {
            let off = (i128::from(price.get()) * i128::from(basis_points) + WHOLE / 2).div_euclid(WHOLE);
            // Not more than a whole, so it fits whatever the price is.
            i64::try_from(off).map_or(price, Cents::new).min(price)
        }
    }
}

/// Whether it can be redeemed now. Both ends of its time are part of it.
pub fn is_redeemable(discount: &Discount, now: Timestamp) -> bool {
    discount.deleted_at.is_none()
        && discount.starts_at.is_none_or(|starts_at| starts_at <= now)
        && discount.ends_at.is_none_or(|ends_at| now <= ends_at)
        && discount.max_redemptions.is_none_or(|most| discount.redemptions_count < most)
}

/// Whether it reduces the payment for the period of a subscription that begins at `period`, if the first one began at
/// `first`. Months are those of the calendar, so a plan that is paid by the year needs twelve of them for its first
/// payment, as for any, and twenty-four for two.
pub fn reduces_period(span: Span, first: Timestamp, period: Timestamp) -> bool {
    match span {
        Span::Once => period <= first,
        Span::Forever => true,
        Span::Months(months) => {
            let end =
                u32::try_from(months).ok().and_then(|months| calendar::add(first, months, Timeframe::Month));
            // What would last beyond the calendar lasts for ever.
            end.is_none_or(|end| period < end)
        }
    }
}

#[cfg(test)]
mod tests;
