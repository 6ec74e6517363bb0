//! Confirming a checkout: the buyer says yes, and the payment is on its way.
//!
//! ```text
//! unit: hold            all checks; the discount is redeemed, the customer known, the payment planned
//! call: the processor
//! unit: settle          declined: open again      under way: confirmed      paid: confirmed, and complete
//! ```
//!
//! While it is held a checkout shows as open, but nobody else gets hold of it: who comes with the same confirmation token
//! waits for the same payment, and who comes with another one is refused. What is for nothing is confirmed and complete in
//! one unit.
//!
//! A customer may pay with a card that they saved before. That they are this customer is shown by their session, and never by
//! the checkout: its secret is in links that are passed on. What is known of them is therefore not written into a checkout
//! before its payment is on its way: one that was declined is open again, and as it was.

use const_format::concatcp;
use merak_store::{ReadTx, Tx};
use serde_json::{Map, Value};

use super::{
    Checkout, CheckoutStatus, Terms, advance, complete, fill_in, missing_answers, save, save_standing, tell,
    totals,
};
use crate::billing::payments::{self, Question};
use crate::billing::{Books, Payment, PaymentMethod, PaymentStatus, Rules, methods};
use crate::clock;
use crate::customers::{self, CreateCustomer, Customer, Enrichment};
use crate::discounts::{self, Discount};
use crate::kit::{Cents, FieldProblem, Id, Kind, Metadata, Refusal, Refuses, Result, at};
use crate::organizations;
use crate::products::{AmountType, Price, PriceType};
use crate::subscriptions;
use crate::taxes::TaxProblem;
use crate::users::{self, User};

/// Whether a confirmation can begin.
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// It can.
    Open,
    /// One with the same token or card is under way.
    UnderWay(Box<Payment>),
    /// One with the same token or card has come to its end.
    Confirmed,
}

/// Whether this confirmation can begin. Refused if the checkout is not open and it was not closed by one with the same
/// token or card.
pub fn standing(tx: &mut ReadTx<'_>, checkout: &Checkout, confirm: &Confirm) -> Result<Standing> {
    let Err(closed) = checkout.require_open() else { return Ok(Standing::Open) };
    let last = match payments::last_of_checkout(tx, checkout.id)? {
        Some(payment) if confirm.has_made(tx, &payment)? => Some(payment),
        _ => None,
    };
    match (last, checkout.status) {
        (Some(payment), CheckoutStatus::Open) if checkout.confirming_payment_id == Some(payment.id) => {
            Ok(Standing::UnderWay(Box::new(payment)))
        }
        (Some(_), CheckoutStatus::Confirmed | CheckoutStatus::Succeeded) => Ok(Standing::Confirmed),
        _ => Err(closed)?,
    }
}

/// The payment of a checkout that this confirmation has made by what was typed into the processor's form for it. None if
/// another one has made the last payment, if a card pays that was saved before, or if there was nothing to pay.
pub fn typed_payment(tx: &mut ReadTx<'_>, checkout: &Checkout, confirm: &Confirm) -> Result<Option<Payment>> {
    match payments::last_of_checkout(tx, checkout.id)? {
        Some(payment) if confirm.saved.is_none() && confirm.has_made(tx, &payment)? => Ok(Some(payment)),
        _ => Ok(None),
    }
}

/// A confirmation, apart from what the buyer changed with it.
#[derive(Clone, Debug, Default)]
pub struct Confirm {
    /// What the buyer typed into the processor's form.
    pub token: Option<String>,
    /// A card that was saved before, instead. Whoever names it has shown that they are its customer: a checkout's secret
    /// shows nothing of that.
    pub saved: Option<SavedCard>,
    /// The account of who confirms, if they are signed in by a cookie or an app.
    pub user_id: Option<Id<User>>,
    /// Of whom it is shown that it is they who confirm. What they type in is offered to them later if they are who buys.
    pub owner: Option<Id<Customer>>,
    /// What was shown to them. Nothing else is charged; of a program it is not known.
    pub seen: Option<Seen>,
}

/// What a buyer has seen of what they pay for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// How much it is now; see [`Checkout::total`].
    pub total: Option<Cents>,
    /// Which price, which says whether it is paid again and again.
    pub product_price_id: Id<Price>,
    /// Which discount, which says what later periods cost.
    pub discount_id: Option<Id<Discount>>,
}

impl Seen {
    /// What this checkout shows.
    pub fn of(checkout: &Checkout) -> Self {
        Self {
            total: checkout.total(),
            product_price_id: checkout.product_price_id,
            discount_id: checkout.discount_id,
        }
    }
}

/// A saved card, and who has shown that it is theirs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedCard {
    /// Whose session it is.
    pub customer_id: Id<Customer>,
    /// The card.
    pub method_id: Id<PaymentMethod>,
}

impl Confirm {
    /// Whether a payment was planned by this confirmation, or the same one before.
    fn has_made(&self, tx: &mut ReadTx<'_>, payment: &Payment) -> Result<bool> {
        if let Some(saved) = self.saved {
            let is_same = payment.payment_method_id == Some(saved.method_id);
            return Ok(is_same && payment.customer_id == saved.customer_id);
        }
        if self.token.as_deref() != Some(payment.source.as_str()) {
            return Ok(false);
        }
        // What the processor calls a saved card is no token, and says nothing of who names it.
        let method = match payment.payment_method_id {
            Some(id) => methods::find(tx, id)?,
            None => None,
        };
        Ok(method.is_none_or(|method| method.processor_method_id != payment.source))
    }
}

/// What follows from holding a checkout.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// The processor is to be asked this.
    Asks(Box<Question>),
    /// There was nothing to pay: the checkout has succeeded.
    Complete,
}

/// Checks everything that a confirmation needs and holds the checkout for its payment. Everything that is wrong is told at
/// once. What costs nothing is complete afterwards.
///
/// The terms are those of the checkout with the buyer's last changes in it; see [`super::apply_client_update`].
pub fn hold(
    tx: &mut Tx<'_>,
    rules: &Rules,
    mut checkout: Checkout,
    terms: &Terms,
    confirm: &Confirm,
) -> Result<Held> {
    checkout.require_open()?;
    let organization = organizations::find(tx, checkout.organization_id)?.ok_or_else(Refusal::not_found)?;
    if organization.blocked_at.is_some() {
        return Err(Refusal::not_permitted("This organization cannot sell anything at the moment."));
    }
    if payments::count_failed(tx, checkout.id)? >= MOST_FAILURES {
        return Err(Error::TooManyFailures.into());
    }
    let said = checkout.clone();
    if let Some(saved) = confirm.saved {
        fill_in(&mut checkout, &require_customer(tx, &said, saved.customer_id)?);
    }
    let tax = totals(&mut checkout, terms, &rules.taxes);
    if confirm.seen.is_some_and(|seen| seen != Seen::of(&checkout)) {
        return Err(Error::Changed.into());
    }
    if let Some(id) = checkout.discount_id
        && !discounts::redeem(tx, id, checkout.id.uuid())?
    {
        let place = at("body").field("discount_id");
        return Err(Refusal::invalid(place.value_error("Discount is no longer redeemable.", id.to_string())));
    }
    let mut problems = problems(rules, &checkout, terms, confirm, tax.err());
    problems.extend(upgrade_problem(tx, &checkout, terms)?);
    problems.extend(missing_answers(tx, &checkout)?);
    if !problems.is_empty() {
        return Err(Refusal::invalid_all(problems));
    }
    let (customer, is_known) = customer_of(tx, &checkout, confirm)?;
    checkout.is_buyer_known = is_known;
    if !needs_token(&checkout, terms) {
        if !is_known && is_beset(tx, &customer)? {
            return Err(Error::TooManyGifts.into());
        }
        let metadata = match payments::payer_id(tx, customer.id, &rules.processor)? {
            Some(id) => Value::from(id),
            None => Value::from(customer.id.to_string()),
        };
        checkout.payment_processor_metadata = object([("customer_id", metadata)]);
        save(tx, &checkout)?;
        confirm_for(tx, &mut checkout, &customer)?;
        tell(tx, &checkout)?;
        let mut books = Books::default();
        complete::complete(tx, &mut books, checkout, None, None)?;
        books.post(tx)?;
        return Ok(Held::Complete);
    }
    let method = match confirm.saved {
        Some(saved) => Some(require_saved(tx, rules, saved)?),
        None => None,
    };
    let source = if let Some(method) = &method {
        payments::Source::Saved(method)
    } else {
        let is_owner_known = confirm.owner == Some(customer.id) || is_signed_in(tx, confirm, &customer)?;
        payments::Source::Token(confirm.token.as_deref().unwrap_or_default(), is_owner_known)
    };
    let payment = payments::plan_for_checkout(tx, rules, &checkout, customer.id, source)?;
    checkout.confirming_payment_id = Some(payment.id);
    checkout.modified_at = Some(tx.now());
    // With what was said of the buyer and no more: the payment may fail.
    let written = Checkout {
        customer_email: said.customer_email,
        customer_name: said.customer_name,
        customer_billing_address: said.customer_billing_address,
        customer_tax_id: said.customer_tax_id,
        ..checkout.clone()
    };
    save(tx, &written)?;
    let processor_customer_id = payments::payer_id(tx, customer.id, &rules.processor)?;
    let sold = Some((&checkout, terms.price.r#type));
    Ok(Held::Asks(Box::new(payments::question(payment, customer, processor_customer_id, sold))))
}

/// How many payments of one checkout may fail. Somebody who tries cards finds out nothing more by it then.
const MOST_FAILURES: i64 = 10;

/// How many times in an hour something that costs nothing goes to an address that was only typed: each is a mail.
const MOST_GIFTS: i64 = 10;

/// Why nothing can be bought for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too many payments of the checkout have failed.
    #[error("Too many payments have failed here. Please begin again.")]
    TooManyFailures,
    /// Another total, another price or another discount than the buyer has seen.
    #[error("What is to be paid has changed meanwhile. Please check it and press the button again.")]
    Changed,
    /// The saved card is not there any more.
    #[error("This card is not saved any more. Please choose another one.")]
    NoSuchCard,
    /// The checkout is for another customer than the one who wants to pay it.
    #[error("This checkout is for somebody else. Please pay with another card.")]
    OtherCustomer,
    /// Too much was ordered for nothing by one address.
    #[error("Too much was ordered with this address within an hour. Please try again later.")]
    TooManyGifts,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::TooManyFailures | Self::Changed | Self::NoSuchCard | Self::OtherCustomer => Kind::Payment,
            Self::TooManyGifts => Kind::NotPermitted,
        }
    }
}

/// A card that is offered to this customer, at the processor of today.
fn require_saved(tx: &mut ReadTx<'_>, rules: &Rules, saved: SavedCard) -> Result<PaymentMethod> {
    let found = methods::find(tx, saved.method_id)?.filter(|method| {
        let is_offered = method.is_saved() && method.is_offered;
        is_offered && method.customer_id == saved.customer_id && method.processor == rules.processor
    });
    Ok(found.ok_or(Error::NoSuchCard)?)
}

/// Whether so much goes to this customer for nothing that somebody may have an evil joke.
fn is_beset(tx: &mut ReadTx<'_>, customer: &Customer) -> Result<bool> {
    let since = clock::now(tx, customer.organization_id)?.add_seconds(-60 * 60);
    let gifts: i64 = tx.one(
        "SELECT count(*) FROM orders WHERE customer_id = $1 AND created_at > $2 AND amount = 0",
        &[&customer.id, &since],
    )?;
    Ok(gifts >= MOST_GIFTS)
}

/// Whether something is charged now or later, so that the processor has to be asked.
fn needs_token(checkout: &Checkout, terms: &Terms) -> bool {
    let is_setup_required =
        terms.price.r#type == PriceType::Recurring && terms.price.amount_type != AmountType::Free;
    checkout.is_payment_required() || is_setup_required
}

/// Everything that a confirmation misses.
fn problems(
    rules: &Rules,
    checkout: &Checkout,
    terms: &Terms,
    confirm: &Confirm,
    tax: Option<TaxProblem>,
) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    let body = |field| at("body").field(field);
    if let Some(problem) = tax {
        let place = body("customer_billing_address");
        let address = serde_json::to_value(&checkout.customer_billing_address).unwrap_or_default();
        problems.push(place.value_error(problem.to_string(), address));
    }
    let missing = |field, sentence: &str| body(field).problem("missing", sentence, Value::Null);
    if terms.price.amount_type == AmountType::Custom && checkout.amount.is_none() {
        problems.push(missing("amount", "Amount is required for custom prices."));
    }
    if terms.price.is_archived {
        let id = checkout.product_price_id.to_string();
        problems.push(body("product_price_id").value_error("Price is archived.", id));
    }
    let needs_token = needs_token(checkout, terms);
    let has_address = checkout.customer_billing_address.is_some();
    for (field, is_there) in [
        ("customer_email", checkout.customer_email.is_some()),
        ("customer_name", checkout.customer_name.is_some() || !needs_token),
        ("customer_billing_address", has_address || !needs_token),
    ] {
        if !is_there {
            problems.push(missing(field, "Field is required."));
        }
    }
    if needs_token && confirm.token.is_none() && confirm.saved.is_none() {
        problems.push(missing("confirmation_token_id", "Confirmation token is required."));
    }
    let total = checkout.total().unwrap_or_default();
    if total > Cents::default() && total < rules.minimum {
        let sentence = format!("The least that can be paid is {}.", rules.minimum);
        problems.push(body("amount").problem("greater_than_equal", sentence, total.get()));
    }
    problems
}

/// Why the subscription of a checkout cannot be made a paid one by it any more: it is one already, or another checkout is
/// just about to make it one. One that has ended does not matter: the buyer gets a new one. Nor does a checkout that waits
/// for its buyer, who may never come back to it.
fn upgrade_problem(tx: &mut ReadTx<'_>, checkout: &Checkout, terms: &Terms) -> Result<Option<FieldProblem>> {
    const OTHER: &str = "SELECT checkouts.id FROM checkouts JOIN payments ON payments.id = checkouts.confirming_payment_id \
        WHERE checkouts.subscription_id = $1 AND checkouts.id <> $2 AND payments.status IN ('pending', 'processing') LIMIT 1";
    let (Some(id), PriceType::Recurring) = (checkout.subscription_id, terms.price.r#type) else {
        return Ok(None);
    };
    let Some(subscription) = subscriptions::find(tx, id)?.filter(|one| one.status.is_active()) else {
        return Ok(None);
    };
    let other: Option<Id<Checkout>> = tx.find(OTHER, &[&id, &checkout.id])?;
    let sentence = match (subscription.base_amount, other) {
        (Some(_), _) => "Only free subscriptions can be upgraded.",
        (None, Some(_)) => "Another payment for this subscription is under way.",
        (None, None) => return Ok(None),
    };
    Ok(Some(at("body").field("subscription_id").value_error(sentence, id.to_string())))
}

/// Who buys: the one whose saved card pays, else the checkout's customer, else the one with the buyer's address, else a new
/// one. And whether more is known of them than that address, which may be anybody's: the seller has named them, or they are
/// signed in.
fn customer_of(tx: &mut Tx<'_>, checkout: &Checkout, confirm: &Confirm) -> Result<(Customer, bool)> {
    if let Some(saved) = confirm.saved {
        let customer = require_customer(tx, checkout, saved.customer_id)?;
        customers::outgrow(tx, customer.id, Some(checkout.id))?;
        return Ok((customer, true));
    }
    let known = match checkout.customer_id {
        Some(id) => customers::find(tx, id)?,
        None => None,
    };
    let email = checkout.customer_email.clone().ok_or_else(Refusal::not_found)?;
    let is_named = known.is_some();
    let known = match known {
        Some(known) => Some(known),
        None => customers::find_by_email(tx, checkout.organization_id, &email)?,
    };
    let mut customer = if let Some(known) = known {
        customers::outgrow(tx, known.id, Some(checkout.id))?;
        known
    } else {
        let new = CreateCustomer {
            organization_id: checkout.organization_id,
            email,
            name: checkout.customer_name.clone(),
            billing_address: checkout.customer_billing_address.clone(),
            tax_id: checkout.customer_tax_id.clone(),
            metadata: Metadata::default(),
        };
        customers::create_by(tx, &new, Some(checkout.id))?
    };
    if customer.user_id.is_none()
        && let Some(user_id) = confirm.user_id
        && let Some(user) = users::find(tx, user_id)?
        && user.email_verified
        && user.email.lower() == customer.email.lower()
    {
        customers::link_user(tx, customer.id, user_id)?;
        customer.user_id = Some(user_id);
        return Ok((customer, true));
    }
    let is_signed_in = customer.user_id.is_some() && customer.user_id == confirm.user_id;
    Ok((customer, is_named || is_signed_in))
}

/// Whether who confirms is signed in as the person who is this customer.
fn is_signed_in(tx: &mut ReadTx<'_>, confirm: &Confirm, customer: &Customer) -> Result<bool> {
    confirm.user_id.map_or(Ok(false), |id| customers::is_of_person(tx, customer, id))
}

/// The customer whose saved card pays.
fn require_customer(tx: &mut ReadTx<'_>, checkout: &Checkout, id: Id<Customer>) -> Result<Customer> {
    let customer = customers::find(tx, id)?
        .filter(|customer| customer.organization_id == checkout.organization_id)
        .ok_or(Error::NoSuchCard)?;
    if checkout.customer_id.is_some_and(|named| named != id) {
        return Err(Error::OtherCustomer.into());
    }
    Ok(customer)
}

/// Makes a held checkout confirmed, for this customer, which is still to be written. What was blank of the customer is
/// filled in from it, unless anybody can have typed it who had nothing to pay, and its notes for the customer are written
/// to theirs.
fn confirm_for(tx: &mut Tx<'_>, checkout: &mut Checkout, customer: &Customer) -> Result<()> {
    let counts = checkout.is_buyer_known || checkout.confirming_payment_id.is_some();
    customers::enrich(
        tx,
        customer,
        &Enrichment {
            name: checkout.customer_name.clone().filter(|_| counts),
            billing_address: checkout.customer_billing_address.clone().filter(|_| counts),
            tax_id: checkout.customer_tax_id.clone().filter(|_| counts),
            metadata: checkout.customer_metadata.clone(),
        },
    )?;
    checkout.customer_id = Some(customer.id);
    checkout.status = CheckoutStatus::Confirmed;
    Ok(())
}

fn find(tx: &mut ReadTx<'_>, id: Id<Checkout>) -> Result<Option<Checkout>> {
    const SQL: &str = concatcp!("SELECT ", Checkout::COLUMNS, " FROM checkouts WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// The checkout, if it waits for this payment and no other.
pub(crate) fn waiting(tx: &mut ReadTx<'_>, id: Id<Checkout>, payment: &Payment) -> Result<Option<Checkout>> {
    Ok(find(tx, id)?.filter(|checkout| {
        let is_waiting = matches!(checkout.status, CheckoutStatus::Open | CheckoutStatus::Confirmed);
        is_waiting && checkout.confirming_payment_id == Some(payment.id)
    }))
}

/// The processor has taken the payment of a held checkout up: it is confirmed.
pub(crate) fn confirmed(
    tx: &mut Tx<'_>,
    id: Id<Checkout>,
    payment: &Payment,
    client_secret: Option<&str>,
) -> Result<()> {
    let Some(checkout) = waiting(tx, id, payment)? else { return Ok(()) };
    let is_saved = payment.payment_method_id.is_some();
    let checkout = confirmed_now(tx, checkout, (payment, is_saved), client_secret)?;
    save_standing(tx, &checkout)
}

/// As [`confirmed`], of a checkout that waits for the payment; that it is, is still to be written. One that is confirmed
/// already stays so. If a card pays that was saved before, what is known of its customer is filled in.
pub(crate) fn confirmed_now(
    tx: &mut Tx<'_>,
    mut checkout: Checkout,
    (payment, is_saved): (&Payment, bool),
    client_secret: Option<&str>,
) -> Result<Checkout> {
    if checkout.status == CheckoutStatus::Confirmed {
        return Ok(checkout);
    }
    let customer =
        customers::find_with_deleted(tx, &[payment.customer_id])?.pop().ok_or_else(Refusal::not_found)?;
    let customer_id = payments::payer_id(tx, payment.customer_id, &payment.processor)?;
    checkout.payment_processor_metadata = object([
        ("customer_id", customer_id.map_or(Value::Null, Value::from)),
        ("intent_client_secret", client_secret.map_or(Value::Null, Value::from)),
        ("intent_status", Value::from(intent_status(payment.status))),
    ]);
    checkout.modified_at = Some(tx.now());
    if is_saved {
        fill_in(&mut checkout, &customer);
        save(tx, &checkout)?;
    }
    confirm_for(tx, &mut checkout, &customer)?;
    tell(tx, &checkout)?;
    Ok(checkout)
}

/// How browsers know the state of a payment.
const fn intent_status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Succeeded => "succeeded",
        PaymentStatus::RequiresAction => "requires_action",
        PaymentStatus::Pending | PaymentStatus::Processing => "processing",
        PaymentStatus::Failed => "canceled",
    }
}

/// The payment that a checkout waits for has failed. Before the checkout was confirmed the buyer can try again; afterwards
/// it has failed for good. Its discount can be redeemed by somebody else either way.
pub(crate) fn failed(tx: &mut Tx<'_>, id: Id<Checkout>, payment: &Payment) -> Result<()> {
    let Some(mut checkout) = waiting(tx, id, payment)? else { return Ok(()) };
    if let Some(discount_id) = checkout.discount_id {
        discounts::release(tx, discount_id, checkout.id.uuid())?;
    }
    checkout.confirming_payment_id = None;
    if checkout.status == CheckoutStatus::Confirmed {
        checkout.status = CheckoutStatus::Failed;
        if payment.payment_method_id.is_some() {
            // What the card's customer is known by was filled in for the sale, and whoever has the link could read it.
            tx.execute(
                "UPDATE checkouts SET customer_email = NULL, customer_name = NULL, customer_billing_address = NULL, \
                 customer_tax_id = NULL, tax_amount = NULL, tax = NULL, is_tax_inclusive = FALSE WHERE id = $1",
                &[&id],
            )?;
        }
        return advance(tx, &mut checkout);
    }
    // A buyer who was declined at the last moment has time to try something else.
    let now = clock::now(tx, checkout.organization_id)?;
    let (expires_at, modified_at) = (checkout.expires_at.max(now.add_seconds(RESPITE)), tx.now());
    tx.changed_one(
        "UPDATE checkouts SET confirming_payment_id = NULL, expires_at = $2, modified_at = $3 WHERE id = $1",
        &[&id, &expires_at, &modified_at],
    )?;
    if payment.payment_method_id.is_some() {
        // The tax may be that of where the card's customer lives. Any change tells it anew.
        tx.execute(
            "UPDATE checkouts SET tax_amount = NULL, tax = NULL, is_tax_inclusive = FALSE \
             WHERE id = $1 AND tax IS NOT NULL",
            &[&id],
        )?;
    }
    Ok(())
}

/// For how long a checkout is open at least after a payment of it was declined, in seconds.
const RESPITE: i64 = 5 * 60;

fn object<const N: usize>(members: [(&str, Value); N]) -> merak_store::Json {
    let members: Map<String, Value> =
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Value::Object(members).into()
}
