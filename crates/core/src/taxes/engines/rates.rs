//! A percentage by country and state, from a table.

use crate::kit::{Cents, Country, State, TaxId};
use crate::taxes::places::state_of;
use crate::taxes::{
    MILLION, RateTable, Registration, Tax, TaxEngine, TaxProblem, TaxQuestion, is_in_european_union,
};

/// Says what a table says.
///
/// Tax is rounded half up to the smallest unit, once for the price. A business in another member state of the European
/// Union than the seller's, with a right VAT number of another one, owes the tax itself. The number's check digits are
/// looked at, and nobody is asked whether it is in use.
#[derive(Clone, Debug)]
pub struct Rates {
    /// Which rates there are.
    pub table: RateTable,
    /// Where the seller is, if it is said.
    pub seller_country: Option<Country>,
    /// Where the seller collects tax; wherever there is a rate if it is not said.
    pub registrations: Option<Vec<Registration>>,
    /// Whether prices hold the tax already.
    pub is_inclusive: bool,
}

impl TaxEngine for Rates {
    fn compute(&self, question: &TaxQuestion<'_>) -> Result<Tax, TaxProblem> {
        let state = state_of(question)?;
        let mut tax =
            Tax { state: state.map(|state| state.code().to_owned()), ..Tax::zero(question.country) };
        let Some(rate) = self.table.rate(question.country, state) else { return Ok(tax) };
        if !self.is_collected(question.country, state) {
            return Ok(tax);
        }
        tax.name.clone_from(&rate.name);
        if self.is_reverse_charge(question) {
            tax.is_reverse_charge = true;
            return Ok(tax);
        }
        tax.rate_ppm = rate.ppm;
        tax.is_inclusive = self.is_inclusive;
        tax.amount = tax_on(question.subtotal, rate.ppm, if self.is_inclusive { rate.ppm } else { 0 });
        Ok(tax)
    }
}

impl Rates {
    fn is_collected(&self, country: Country, state: Option<State>) -> bool {
        let Some(registrations) = &self.registrations else { return true };
        registrations.iter().any(|registration| registration.covers(country, state))
    }

    fn is_reverse_charge(&self, question: &TaxQuestion<'_>) -> bool {
        let elsewhere = |country| Some(country) != self.seller_country;
        is_in_european_union(question.country)
            && elsewhere(question.country)
            && question.tax_id.and_then(TaxId::member_state).is_some_and(elsewhere)
    }
}

/// `price · rate / (1 + held)`, rounded half up, where `held` is the part of tax that the price holds already.
fn tax_on(price: Cents, rate_ppm: i64, held_ppm: i64) -> Cents {
    let divisor = i128::from(MILLION + held_ppm);
    let tax = (2 * i128::from(price.get()) * i128::from(rate_ppm) + divisor).div_euclid(2 * divisor);
    // A rate is at most the whole, so the tax is not greater than the price.
    Cents::new(i64::try_from(tax).unwrap_or(price.get()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::tax_on;
    use crate::kit::Cents;

    #[test]
    fn a_half_is_rounded_up() {
        for (price, ppm, exclusive, inclusive) in [
            (1000, 190_000, 190, 160),
            (999, 190_000, 190, 160),
            (50, 190_000, 10, 8),
            (10, 50_000, 1, 0),
            (9, 50_000, 0, 0),
            (1000, 149_750, 150, 130),
            (1000, 0, 0, 0),
            (1, 1_000_000, 1, 1),
            (i64::MAX, 1_000_000, i64::MAX, i64::MAX / 2 + 1),
        ] {
            assert_eq!(tax_on(Cents::new(price), ppm, 0).get(), exclusive, "{price} {ppm}");
            assert_eq!(tax_on(Cents::new(price), ppm, ppm).get(), inclusive, "{price} {ppm}");
        }
    }

    proptest! {
        #[test]
        fn tax_is_within_half_a_unit_and_both_ways_agree(price in 0i64..100_000_000, ppm in 0i64..=1_000_000) {
            let tax = tax_on(Cents::new(price), ppm, 0).get();
            prop_assert!((2 * (tax * 1_000_000 - price * ppm)).abs() <= 1_000_000);
            // What holds the tax gives the same net price again.
            let held = tax_on(Cents::new(price + tax), ppm, ppm).get();
            prop_assert!((held - tax).abs() <= 1, "{held} {tax}");
        }
    }
}
