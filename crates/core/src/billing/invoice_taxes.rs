//! The tax of invoices: on top, held by prices, or given back.

use merak_store::{Json, ReadTx};
use serde_json::json;

use super::{Invoice, InvoiceLine, Rules};
use crate::customers::Customer;
use crate::kit::{Address, Cents, Currency, Id, Result};
use crate::subscriptions::Subscription;
use crate::taxes::{Tax, TaxQuestion};

/// Takes the tax that its price holds out of a line.
pub(super) fn take_out(line: &mut InvoiceLine, held: &mut Held) {
    let whole = line.amount;
    line.amount = held.taken_from(whole);
    line.held_amount = Cents::new(whole.get() - line.amount.get());
}

/// The tax that the prices of lines hold, as far as it has not been taken out of them yet.
pub(crate) struct Held(pub(crate) i64);

impl Held {
    /// The amount of the next line without its tax.
    pub(crate) fn taken_from(&mut self, amount: Cents) -> Cents {
        let taken =
            if self.0 < 0 { self.0.max(amount.get().min(0)) } else { self.0.min(amount.get().max(0)) };
        self.0 -= taken;
        Cents::new(amount.get() - taken)
    }
}

/// The tax on what is given back, below zero: the same share of it as of the last payment of the subscription, because
/// that is what is given back. Whether the amount holds it, and how the tax came about.
pub(super) fn tax_given_back(
    tx: &mut ReadTx<'_>,
    id: Id<Subscription>,
    subtotal: Cents,
) -> Result<(Cents, bool, Option<Json>)> {
    let Some(paid) = last_paid(tx, id)?.filter(|paid| paid.tax_amount > Cents::default()) else {
        return Ok((Cents::default(), false, None));
    };
    let is_held = paid.held() > Cents::default();
    let whole = if is_held { paid.total() } else { paid.subtotal() };
    // Half a cent is rounded up, as in what was paid; never more than the whole tax for the whole amount.
    let (part, whole) = (i128::from(-subtotal.get()), i128::from(whole.get()));
    let share = (2 * i128::from(paid.tax_amount.get()) * part + whole).div_euclid(2 * whole);
    Ok((Cents::new(-i64::try_from(share).unwrap_or_default()), is_held, paid.tax))
}

/// The last invoice of a subscription that charged something and is paid.
fn last_paid(tx: &mut ReadTx<'_>, id: Id<Subscription>) -> Result<Option<Invoice>> {
    let sql = format!(
        "SELECT {} FROM invoices WHERE subscription_id = $1 AND status = 'paid' AND status <> 'void' \
         AND amount - discount_amount > 0 ORDER BY period DESC LIMIT 1",
        Invoice::COLUMNS
    );
    Ok(tx.find(&sql, &[&id])?)
}

/// The tax that a price holds of which the amount is the rest, by what was held of the last payment.
pub(crate) fn held_as_paid(tx: &mut ReadTx<'_>, id: Id<Subscription>, amount: Cents) -> Result<Cents> {
    let Some(paid) = last_paid(tx, id)?.filter(|paid| paid.held() > Cents::default()) else {
        return Ok(Cents::default());
    };
    let (part, whole) = (i128::from(amount.get().max(0)), i128::from(paid.subtotal().get()));
    let share = (2 * i128::from(paid.held().get()) * part + whole).div_euclid(2 * whole);
    Ok(Cents::new(i64::try_from(share).unwrap_or_default()))
}

/// The tax on what a customer pays; none where it cannot be told where they are.
pub(super) fn tax_on(rules: &Rules, customer: &Customer, subtotal: Cents, currency: Currency) -> Option<Tax> {
    let address: &Address = customer.billing_address.as_ref()?;
    let question =
        TaxQuestion { tax_id: customer.tax_id.as_ref(), ..TaxQuestion::at(address, subtotal, currency) };
    // An address that is not good enough any more must not keep a subscription from going on.
    rules.taxes.compute(&question).ok().filter(|_| subtotal > Cents::default())
}

/// The tax that an amount holds for this customer, where prices hold it.
pub(crate) fn held_in(rules: &Rules, customer: &Customer, amount: Cents, currency: Currency) -> Cents {
    let tax = tax_on(rules, customer, amount, currency).filter(|tax| tax.is_inclusive);
    tax.map_or(Cents::default(), |tax| tax.amount)
}

/// How a tax came about, as checkouts and invoices keep it.
pub(super) fn how(tax: &Tax) -> Json {
    json!({
        "name": tax.name, "rate_ppm": tax.rate_ppm, "country": tax.country, "state": tax.state,
        "is_reverse_charge": tax.is_reverse_charge, "is_inclusive": tax.is_inclusive
    })
    .into()
}
