//! One subscription: what is paid when and how, an end, and going on.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use merak_core::access::Tenancy;
use merak_core::billing::{Invoice, Payment, PaymentMethod, methods, payments};
use merak_core::kit::{Cents, Id, Page, Refusal, Result, Sort};
use merak_core::orders::OrderOfBuyer;
use merak_core::products::{self, AmountType, ListProducts, Price, ProductSort};
use merak_core::subscriptions::rules::Cancellation;
use merak_core::subscriptions::{
    self, CancellationReason, Subscription, SubscriptionOfBuyer, SubscriptionStatus, payers,
};
use merak_store::{ReadTx, Tx};

use super::super::{Frame, Stripe};
use super::benefits::{self, Card, Of};
use super::cards::{approval_path, takes_cards};
use super::desk::{Caller, Desk, Rooms, field, refusal_of, reply_with, see_other};
use super::home::{CardForm, OrderRow, Told, line, list_orders, order_row, told, told_of};
use super::money::{self, Badge};
use crate::emails::words::{amount, day};
use crate::flows::{self, pay_in_portal};
use crate::shell::Response;
use crate::state::House;

/// How many other products are offered at most.
const MOST_PRODUCTS: u32 = 20;

/// How long a comment may be, in characters.
const LONGEST_COMMENT: usize = 2000;

#[derive(Template)]
#[template(path = "shop/portal/subscription.html")]
#[expect(clippy::struct_excessive_bools, reason = "each shows or hides a part of the page")]
struct SubscriptionPage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    who: String,
    told: Option<Told>,
    problem: Option<String>,
    id: String,
    name: String,
    badge: Badge,
    line: String,
    facts: Vec<(&'static str, String)>,
    owed: Option<String>,
    /// Whether everything that comes with it is still there, although a payment is owed.
    keeps_benefits: bool,
    /// Whether it can be ended instead of paying what is owed.
    can_end: bool,
    is_paid: bool,
    cards: Vec<Choice>,
    /// Whether more cards may be there for who signs in.
    hides_cards: bool,
    takes_cards: bool,
    stripe: Option<Stripe>,
    /// Where a payment is approved that waits for that.
    approves: Option<String>,
    typed: CardForm,
    plans: Vec<Choice>,
    can_cancel: bool,
    cancels_at_once: bool,
    can_resume: bool,
    ends: String,
    reasons: Vec<(&'static str, &'static str)>,
    benefits: Vec<Card>,
    orders: Vec<OrderRow>,
}

/// Something to choose from.
struct Choice {
    id: String,
    name: String,
    detail: String,
    is_chosen: bool,
}

/// Everything that is read for the page.
struct Seen {
    of: SubscriptionOfBuyer,
    /// What a period costs, as prices are shown.
    listed: Option<Cents>,
    owed: Option<Invoice>,
    methods: Vec<PaymentMethod>,
    plans: Vec<(String, Price)>,
    benefits: Vec<Card>,
    orders: Vec<OrderOfBuyer>,
    payment: Option<Payment>,
    /// A payment that waits for the customer to approve it.
    waiting: Option<Payment>,
}

pub type Place = Path<(String, String)>;

/// Whether a saved card may be told here to pay a subscription: the one that pays it already, and what the customer, who has
/// shown who they are, has given.
pub fn can_pay(desk: &Desk, subscription: &Subscription, method: &PaymentMethod) -> bool {
    subscription.payment_method_id == Some(method.id) || payers::may_pay(method, desk.vouch())
}

pub fn id_of(id: &str) -> Result<Id<Subscription>> {
    id.parse().map_err(|_| Refusal::not_found())
}

/// The page of a subscription.
pub async fn show(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let query = query.unwrap_or_default();
    page(&rooms, &desk, &id, query.as_bytes(), (StatusCode::OK, None, CardForm::default())).await
}

/// The page, with what is wrong with a form of it.
pub async fn page(
    rooms: &Rooms,
    desk: &Desk,
    id: &str,
    query: &[u8],
    (status, problem, typed): (StatusCode, Option<String>, CardForm),
) -> Response {
    let (house, known, wanted) = (Arc::clone(&rooms.house), desk.clone(), id.to_owned());
    let payment_id = field(query, "payment").parse::<Id<Payment>>().ok();
    let seen = rooms.house.store.read(move |tx| read(tx, &house, (&known, &wanted), payment_id)).await;
    let seen = match seen {
        Ok(seen) => seen,
        Err(refusal) => return rooms.refused(Some(&desk.organization), &refusal.into()),
    };
    let told = seen.payment.as_ref().map(told_of).or_else(|| told(query));
    let subscription = &seen.of.subscription;
    let is_going_on = subscription.status.is_active() && subscription.ended_at.is_none();
    let is_free = subscription.base_amount.is_none();
    let can_pay = |method: &&PaymentMethod| can_pay(desk, subscription, method);
    // What is not offered stays hidden from who has signed in, too.
    let hides_cards =
        !desk.is_owner_known && seen.methods.iter().any(|method| method.is_offered && !can_pay(&method));
    let cards = seen.methods.iter().filter(can_pay).map(|method| Choice {
        id: method.id.to_string(),
        name: money::card(method),
        detail: money::card_expiry(method).unwrap_or_default(),
        is_chosen: subscription.payment_method_id == Some(method.id),
    });
    let plans = seen.plans.iter().filter(|_| is_going_on && !subscription.cancel_at_period_end);
    let plans = plans.map(|(name, price)| Choice {
        id: price.id.to_string(),
        name: name.clone(),
        detail: money::price(price),
        is_chosen: price.id == subscription.price_id,
    });
    let processor = &rooms.house.adapters.payments;
    let stripe = Stripe::in_portal(&**processor, (&desk.customer, desk.is_owner_known), seen.owed.as_ref());
    let policy = Stripe::policy_of(stripe.as_ref());
    let page = SubscriptionPage {
        frame: rooms.frame(&seen.of.product.product.name, &desk.organization),
        base: &desk.base,
        who: desk.who(),
        told,
        problem,
        id: subscription.id.to_string(),
        name: seen.of.product.product.name.clone(),
        badge: money::badge(subscription),
        line: line(subscription),
        facts: facts(subscription, seen.listed, &seen.methods),
        owed: seen.owed.as_ref().map(|invoice| amount(invoice.due(), invoice.currency)),
        keeps_benefits: subscription.gives(),
        can_end: matches!(subscription.status, SubscriptionStatus::PastDue | SubscriptionStatus::Unpaid)
            && subscription.ended_at.is_none(),
        is_paid: !is_free && subscription.ended_at.is_none(),
        cards: cards.collect(),
        hides_cards,
        takes_cards: takes_cards(rooms),
        stripe,
        approves: seen.waiting.as_ref().map(|payment| approval_path(desk, payment)),
        typed,
        plans: plans.collect(),
        can_cancel: is_going_on && !subscription.cancel_at_period_end && subscription.ends_at.is_none(),
        cancels_at_once: is_free,
        can_resume: is_going_on && subscription.cancel_at_period_end,
        ends: day(subscription.current_period_end),
        reasons: REASONS.to_vec(),
        benefits: seen.benefits,
        orders: seen.orders.iter().map(order_row).collect(),
    };
    reply_with(status, &page, policy)
}

/// Reasons as the form shows them.
const REASONS: [(&str, &str); 8] = [
    ("too_expensive", "It is too expensive"),
    ("missing_features", "Something is missing"),
    ("unused", "I do not use it"),
    ("switched_service", "I use something else now"),
    ("low_quality", "It is not good enough"),
    ("too_complex", "It is too complicated"),
    ("customer_service", "The customer service"),
    ("other", "Something else"),
];

fn facts(
    subscription: &Subscription,
    listed: Option<Cents>,
    methods: &[PaymentMethod],
) -> Vec<(&'static str, String)> {
    let rate = money::rate(listed, subscription.currency, subscription.recurring_interval);
    let mut facts = vec![("Price", rate)];
    if subscription.ended_at.is_none() {
        let (from, to) = (day(subscription.current_period_start), day(subscription.current_period_end));
        facts.push(("Current period", format!("{from}\u{a0}– {to}")));
        if subscription.amount.is_some() && !subscription.cancel_at_period_end {
            facts.push(("Next payment", to));
        }
    }
    if let Some(started) = subscription.started_at {
        facts.push(("Since", day(started)));
    }
    let paying = methods.iter().find(|method| subscription.payment_method_id == Some(method.id));
    if subscription.base_amount.is_some() && subscription.ended_at.is_none() {
        facts.push(("Paid with", paying.map_or_else(|| String::from("No card"), money::card)));
    }
    facts
}

fn read(
    tx: &mut ReadTx<'_>,
    house: &House,
    (desk, id): (&Desk, &str),
    payment_id: Option<Id<Payment>>,
) -> Result<Seen> {
    let of = subscriptions::find_of_buyer(tx, &desk.actor(), id_of(id)?)?;
    let id = of.subscription.id;
    let payment = match payment_id {
        Some(id) => payments::find(tx, id)?.filter(|payment| payment.customer_id == desk.customer.id),
        None => None,
    };
    Ok(Seen {
        listed: subscriptions::listed(tx, &[&of.subscription])?.pop().flatten(),
        owed: methods::owed(tx, &of.subscription)?,
        methods: methods::list(tx, desk.customer.id)?,
        plans: plans(tx, house, desk, &of)?,
        benefits: benefits::cards(tx, house, desk, Of::Subscription(id.uuid()))?,
        orders: list_orders(tx, desk, vec![id])?,
        payment,
        waiting: payments::waiting_for_approval(tx, id)?,
        of,
    })
}

/// What else the organization sells again and again, at prices that can be changed to; its own product first.
fn plans(
    tx: &mut ReadTx<'_>,
    house: &House,
    desk: &Desk,
    of: &SubscriptionOfBuyer,
) -> Result<Vec<(String, Price)>> {
    let wanted = ListProducts {
        ids: Vec::new(),
        query: None,
        is_archived: Some(false),
        is_recurring: Some(true),
        benefit_ids: Vec::new(),
        sorting: vec![Sort { by: ProductSort::Name, descending: false }],
        page: Page::new(1, MOST_PRODUCTS),
    };
    let others = products::list(tx, &Tenancy::of(desk.organization.id), &wanted, &house.totals)?.items;
    let mut all = products::public(tx, others)?;
    all.sort_by_key(|product| product.product.id != of.product.product.id);
    let prices = all.into_iter().flat_map(|product| {
        let name = product.product.name;
        product.prices.into_iter().map(move |price| (name.clone(), price))
    });
    let can_be =
        |price: &Price| price.recurring_interval.is_some() && price.amount_type != AmountType::Custom;
    let prices: Vec<(String, Price)> = prices.filter(|(_, price)| can_be(price)).collect();
    let is_only_own = prices.iter().all(|(_, price)| price.id == of.subscription.price_id);
    Ok(if is_only_own { Vec::new() } else { prices })
}

/// Lets the subscription end.
pub async fn cancel(
    state: State<Rooms>,
    place: Place,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let comment: String = field(&form, "comment").chars().take(LONGEST_COMMENT).collect();
    let why = Cancellation {
        reason: field(&form, "reason").parse::<CancellationReason>().ok(),
        comment: Some(comment).filter(|comment| !comment.is_empty()),
    };
    let decide = move |tx: &mut Tx<'_>, found: &Subscription| subscriptions::cancel(tx, found, why.clone());
    decided(state, place, (method, headers), ("canceled", decide)).await
}

/// Lets it go on after all.
pub async fn resume(state: State<Rooms>, place: Place, method: Method, headers: HeaderMap) -> Response {
    let decide = |tx: &mut Tx<'_>, found: &Subscription| subscriptions::uncancel(tx, found);
    decided(state, place, (method, headers), ("resumed", decide)).await
}

/// Ends it at once instead of paying what is owed.
pub async fn end(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let ended = match own(&rooms, &desk, &id).await {
        Ok(subscription) => pay_in_portal::end_owed(&rooms.house, subscription.id).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => see_other(&format!("{}/subscriptions/{id}?told=ended", desk.base)),
        Err(error) => told_in_place(&rooms, &desk, &id, &error, CardForm::default()).await,
    }
}

async fn decided(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    (method, headers): (Method, HeaderMap),
    (told, mut decide): (
        &str,
        impl FnMut(&mut Tx<'_>, &Subscription) -> Result<Subscription> + Send + 'static,
    ),
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let (actor, wanted) = (desk.actor(), id.clone());
    let done = rooms
        .house
        .store
        .write(move |tx| {
            let of = subscriptions::find_of_buyer(tx, &actor, id_of(&wanted)?)?;
            decide(tx, &of.subscription)
        })
        .await;
    match done {
        Ok(_) => see_other(&format!("{}/subscriptions/{id}?told={told}", desk.base)),
        Err(refusal) => told_in_place(&rooms, &desk, &id, &refusal.into(), CardForm::default()).await,
    }
}

/// The page with why something was not done; a page of its own if there is no such subscription.
pub async fn told_in_place(
    rooms: &Rooms,
    desk: &Desk,
    id: &str,
    error: &flows::Error,
    typed: CardForm,
) -> Response {
    let (status, sentence) = refusal_of(error);
    if status == StatusCode::NOT_FOUND {
        return rooms.nothing(Some(&desk.organization));
    }
    page(rooms, desk, id, b"", (status, Some(sentence), typed)).await
}

/// A subscription of the customer.
pub async fn own(rooms: &Rooms, desk: &Desk, id: &str) -> std::result::Result<Subscription, flows::Error> {
    let (actor, id) = (desk.actor(), id.to_owned());
    let found =
        rooms.house.store.read(move |tx| subscriptions::find_of_buyer(tx, &actor, id_of(&id)?)).await?;
    Ok(found.subscription)
}
