//! What a checkout's numbers are made of, and what of it a seller or a buyer may choose.

use merak_store::ReadTx;
use serde_json::{Map, Value};

use super::Checkout;
use crate::clock;
use crate::custom_fields::rules::{Answers, Asked, check_answers};
use crate::discounts::{self, Discount, DiscountCode};
use crate::kit::{Address, Cents, Currency, FieldProblem, Id, Refusal, Result, TaxId, at};
use crate::products::{self, AmountType, Price, Product};

/// What is sold by a checkout, and for how much.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What is sold.
    pub product: Product,
    /// At which price. It may be archived by now.
    pub price: Price,
    /// With which discount. It may have ended or be deleted by now.
    pub discount: Option<Discount>,
}

/// The terms of a checkout as they stand.
pub fn terms(tx: &mut ReadTx<'_>, checkout: &Checkout) -> Result<Terms> {
    let product = products::find(tx, checkout.product_id)?.ok_or_else(Refusal::not_found)?;
    let price = products::find_price(tx, checkout.product_price_id)?.ok_or_else(Refusal::not_found)?;
    let discount = match checkout.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    Ok(Terms { product, price, discount })
}

/// What is proposed to the buyer of a price at choice if the seller proposes nothing.
const PROPOSED: Cents = Cents::new(1000);

/// What a price costs at first, and in which currency. A price at choice costs what was asked for, else what its seller
/// proposes, else ten dollars, or its bound that is nearest to that.
pub(super) fn first_amount(price: &Price, asked: Option<Cents>) -> (Option<Cents>, Option<Currency>) {
    let amount = match price.amount_type {
        AmountType::Free => None,
        AmountType::Fixed => price.price_amount,
        AmountType::Custom => asked.or(price.preset_amount).or_else(|| Some(within(price, PROPOSED))),
    };
    (amount, price.price_currency)
}

/// The amount, or the bound of the price that is nearest to it.
pub(super) fn within(price: &Price, amount: Cents) -> Cents {
    let amount = price.minimum_amount.map_or(amount, |least| amount.max(least));
    price.maximum_amount.map_or(amount, |most| amount.min(most))
}

/// Refuses an amount beyond the bounds of a price at choice. For other prices an amount means nothing.
pub(super) fn require_amount(price: &Price, amount: Cents) -> Result<()> {
    if price.amount_type != AmountType::Custom {
        return Ok(());
    }
    let refused = |kind, sentence: String| {
        Err(Refusal::invalid(at("body").field("amount").problem(kind, sentence, amount.get())))
    };
    if let Some(least) = price.minimum_amount.filter(|least| amount < *least) {
        return refused("greater_than_equal", format!("The least amount is {least}."));
    }
    if let Some(most) = price.maximum_amount.filter(|most| amount > *most) {
        return refused("less_than_equal", format!("The greatest amount is {most}."));
    }
    Ok(())
}

/// The discount that a seller names by its id, if it reduces this price now.
pub(super) fn discount_by_id(
    tx: &mut ReadTx<'_>,
    product: &Product,
    price: &Price,
    id: Id<Discount>,
) -> Result<Discount> {
    let refused =
        |sentence| Refusal::invalid(at("body").field("discount_id").value_error(sentence, id.to_string()));
    if price.amount_type != AmountType::Fixed {
        return Err(refused(ONLY_FIXED));
    }
    let found = usable(tx, product, id)?;
    found.ok_or_else(|| refused("This is not a discount for the product, or it cannot be redeemed now."))
}

const ONLY_FIXED: &str = "Discounts are only applicable to fixed prices.";

/// The discount that a buyer names by its code, if it reduces this price now. Whether a code exists is not told.
pub(super) fn discount_by_code(
    tx: &mut ReadTx<'_>,
    product: &Product,
    price: &Price,
    code: &str,
) -> Result<Discount> {
    let refused = |sentence| Refusal::invalid(at("body").field("discount_code").value_error(sentence, code));
    if price.amount_type != AmountType::Fixed {
        return Err(refused(ONLY_FIXED));
    }
    let named = match DiscountCode::parse(code) {
        Ok(code) => discounts::find_by_code(tx, product.organization_id, &code)?,
        Err(_) => None,
    };
    let found = match named {
        Some(discount) => usable(tx, product, discount.id)?,
        None => None,
    };
    found.ok_or_else(|| refused("This code gives no discount here."))
}

/// The discount, if it reduces prices of the product now.
pub(super) fn usable(tx: &mut ReadTx<'_>, product: &Product, id: Id<Discount>) -> Result<Option<Discount>> {
    if !discounts::is_for_product(tx, id, product)? {
        return Ok(None);
    }
    let now = clock::now(tx, product.organization_id)?;
    let found = discounts::find_many(tx, &[id])?.pop();
    Ok(found.filter(|discount| discounts::rules::is_redeemable(discount, now)))
}

/// The number in its register's spelling, as somebody at this address types it.
pub(super) fn require_tax_id(number: &str, address: Option<&Address>) -> Result<TaxId> {
    let Some(address) = address else {
        let place = at("body").field("customer_billing_address");
        let sentence = "Country is required to validate tax ID.";
        return Err(Refusal::invalid(place.problem("missing", sentence, Value::Null)));
    };
    TaxId::parse(number, address.country).ok_or_else(|| {
        Refusal::invalid(at("body").field("customer_tax_id").value_error("Invalid tax ID.", number))
    })
}

/// The address without blank lines, and with the state as the hosted page has it where states are taxed: `US-NY`.
pub(super) fn tidied(address: Address) -> Address {
    let mut address = address.tidied();
    let code = address.country.as_str();
    if ["US", "CA"].contains(&code)
        && let Some(state) = &mut address.state
    {
        let upper = state.to_ascii_uppercase();
        let letters = upper.strip_prefix(code).and_then(|rest| rest.strip_prefix('-')).unwrap_or(&upper);
        if letters.len() == 2 && letters.bytes().all(|letter| letter.is_ascii_alphabetic()) {
            *state = format!("{code}-{letters}");
        }
    }
    address
}

/// The answers in the form that is stored, if they are answers to what the product asks.
pub(super) fn require_answers(
    tx: &mut ReadTx<'_>,
    product_id: Id<Product>,
    answers: &Answers,
) -> Result<Answers> {
    checked_answers(tx, product_id, answers)?.map_err(Refusal::invalid_all)
}

/// What is missing of the answers that a checkout has: a buyer can leave them out until the confirmation.
pub fn missing_answers(tx: &mut ReadTx<'_>, checkout: &Checkout) -> Result<Vec<FieldProblem>> {
    let stored: Map<String, Value> = checkout.custom_field_data.parse()?;
    Ok(checked_answers(tx, checkout.product_id, &stored)?.err().unwrap_or_default())
}

fn checked_answers(
    tx: &mut ReadTx<'_>,
    product_id: Id<Product>,
    answers: &Answers,
) -> Result<std::result::Result<Answers, Vec<FieldProblem>>> {
    let questions = products::questions(tx, product_id)?;
    let asked: Vec<Asked<'_>> =
        questions.iter().map(|(attached, field)| Asked { field, required: attached.required }).collect();
    Ok(check_answers(&asked, answers))
}
