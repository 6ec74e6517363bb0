//! What a checkout costs.

use serde_json::json;

use super::{Checkout, Terms};
use crate::discounts;
use crate::kit::Cents;
use crate::products::AmountType;
use crate::taxes::{Tax, TaxProblem, TaxQuestion, Taxes};

/// Computes discount and tax anew from the amount, the terms and where the buyer is. Where nothing is to be paid the
/// tax is zero; where nobody knows yet where the buyer is, it is unknown. Where the place is known and the tax cannot
/// be told, it is unknown too and the problem is answered, which only a confirmation minds.
///
/// How the tax came about is kept as an object with `name`, `rate_ppm`, `country`, `state`, `is_reverse_charge` and
/// `is_inclusive`.
pub fn totals(checkout: &mut Checkout, terms: &Terms, taxes: &Taxes) -> Result<(), TaxProblem> {
    checkout.discount_amount = reduction(checkout, terms);
    checkout.tax_amount = Some(Cents::default());
    checkout.tax = None;
    checkout.is_tax_inclusive = false;
    let Some((subtotal, currency)) = checkout.subtotal().zip(checkout.currency) else { return Ok(()) };
    if subtotal <= Cents::default() {
        return Ok(());
    }
    checkout.tax_amount = None;
    let Some(address) = &checkout.customer_billing_address else { return Ok(()) };
    let question = TaxQuestion {
        tax_id: checkout.customer_tax_id.as_ref(),
        ..TaxQuestion::at(address, subtotal, currency)
    };
    let tax = taxes.compute(&question)?;
    checkout.is_tax_inclusive = tax.is_inclusive;
    checkout.tax_amount = Some(tax.amount);
    let Tax { rate_ppm, country, state, is_reverse_charge, is_inclusive, name, .. } = tax;
    let how = json!({
        "name": name, "rate_ppm": rate_ppm, "country": country, "state": state,
        "is_reverse_charge": is_reverse_charge, "is_inclusive": is_inclusive
    });
    checkout.tax = Some(how.into());
    Ok(())
}

/// What the discount takes off. One that was put on a fixed price stays when the buyer takes another price, and takes
/// nothing off that.
fn reduction(checkout: &Checkout, terms: &Terms) -> Cents {
    let is_fixed = terms.price.amount_type == AmountType::Fixed;
    match (&terms.discount, checkout.amount) {
        (Some(discount), Some(amount)) if is_fixed => {
            discounts::rules::amount_off(discount.reduction(), amount)
        }
        _ => Cents::default(),
    }
}
