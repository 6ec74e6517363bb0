//! Everything a customer has: subscriptions, what came with them, purchases, cards.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::response::IntoResponse;
use http::header::CACHE_CONTROL;
use http::{HeaderMap, Method, StatusCode};
use merak_core::billing::{Payment, PaymentKind, PaymentMethod, PaymentStatus, methods, payments};
use merak_core::customer_sessions;
use merak_core::kit::{Cents, Id, Page, Refusal, Result, Sort};
use merak_core::orders::{self, ListOrdersOfBuyer, OrderOfBuyer, OrderOfBuyerSort};
use merak_core::streams::Channel;
use merak_core::subscriptions::{
    self, ListSubscriptionsOfBuyer, Subscription, SubscriptionOfBuyer, SubscriptionOfBuyerSort,
};
use merak_store::{ReadTx, Tx};

use super::super::{Frame, Stripe};
use super::benefits::{self, Card, MOST, Of};
use super::desk::{Caller, Desk, Rooms, append, base_of, field, reply_with, see_other};
use super::money::{self, Badge};
use crate::emails::words::{amount, day};
use crate::error::Failure;
use crate::shell::{Response, Visitor, subscriber};
use crate::streams;
use crate::wire::Listening;
use crate::wire::cookie::Session;

#[derive(Template)]
#[template(path = "shop/portal/home.html")]
struct HomePage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    who: String,
    told: Option<Told>,
    state: String,
    current: Vec<Row>,
    past: Vec<Row>,
    benefits: Vec<Card>,
    orders: Vec<OrderRow>,
    cards: Vec<CardRow>,
    problem: Option<String>,
    typed: CardForm,
    takes_cards: bool,
    stripe: Option<Stripe>,
}

/// What happened, in a colour.
pub struct Told {
    pub tone: &'static str,
    pub sentence: String,
}

struct Row {
    id: String,
    name: String,
    rate: String,
    badge: Badge,
    line: String,
}

/// An order in a list.
pub struct OrderRow {
    pub id: String,
    pub name: String,
    pub day: String,
    pub amount: String,
    pub has_invoice: bool,
    pub refunded: Option<String>,
}

struct CardRow {
    id: String,
    name: String,
    expiry: Option<String>,
    pays: Vec<String>,
}

/// What was typed into the form for a card, without what must not be shown again.
#[derive(Clone, Default)]
pub struct CardForm {
    pub expiry: String,
}

/// Everything that is read for the page.
struct Seen {
    subscriptions: Vec<SubscriptionOfBuyer>,
    /// What each of them costs, as prices are shown.
    listed: Vec<Option<Cents>>,
    orders: Vec<OrderOfBuyer>,
    methods: Vec<PaymentMethod>,
    benefits: Vec<Card>,
    state: String,
    payment: Option<Payment>,
}

/// The page. A token in the address becomes a cookie first, so that the address holds no secret any more.
pub async fn show(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let query = query.unwrap_or_default();
    let token = field(query.as_bytes(), "customer_session_token");
    if !token.is_empty() {
        return exchange(&rooms, (&slug, &headers), &token, query.as_bytes()).await;
    }
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    if let Ok(id) = field(query.as_bytes(), "id").parse::<Id<Subscription>>() {
        return preselected(&rooms, &desk, id, query.as_bytes()).await;
    }
    page(&rooms, &desk, query.as_bytes(), (StatusCode::OK, None, CardForm::default())).await
}

/// The page with what is wrong with the form for a card.
pub async fn page(
    rooms: &Rooms,
    desk: &Desk,
    query: &[u8],
    (status, problem, typed): (StatusCode, Option<String>, CardForm),
) -> Response {
    let (house, known) = (Arc::clone(&rooms.house), desk.clone());
    let payment_id = field(query, "payment").parse::<Id<Payment>>().ok();
    let seen = rooms.house.store.read(move |tx| read(tx, &house, &known, payment_id)).await;
    let seen = match seen {
        Ok(seen) => seen,
        Err(refusal) => return rooms.refused(Some(&desk.organization), &refusal.into()),
    };
    let told = match &seen.payment {
        Some(payment) => Some(told_of(payment)),
        None => told(query),
    };
    let pays = |method: &PaymentMethod| {
        let paid = seen.subscriptions.iter().filter(|of| {
            of.subscription.payment_method_id == Some(method.id) && of.subscription.ended_at.is_none()
        });
        paid.map(|of| of.product.product.name.clone()).collect()
    };
    let cards = seen.methods.iter().map(|method| CardRow {
        id: method.id.to_string(),
        name: money::card(method),
        expiry: money::card_expiry(method),
        pays: pays(method),
    });
    let cards = cards.collect();
    let (past, current): (Vec<Row>, Vec<Row>) = {
        let all = seen.subscriptions.iter().zip(&seen.listed);
        let (past, current): (Vec<_>, Vec<_>) = all.partition(|(of, _)| of.subscription.ended_at.is_some());
        (past.into_iter().map(row).collect(), current.into_iter().map(row).collect())
    };
    let stripe =
        Stripe::in_portal(&*rooms.house.adapters.payments, (&desk.customer, desk.is_owner_known), None);
    let policy = Stripe::policy_of(stripe.as_ref());
    let page = HomePage {
        frame: rooms.frame("Your purchases", &desk.organization),
        base: &desk.base,
        who: desk.who(),
        told,
        state: seen.state,
        current,
        past,
        benefits: seen.benefits,
        orders: seen.orders.iter().map(order_row).collect(),
        cards,
        problem,
        typed,
        takes_cards: super::cards::takes_cards(rooms),
        stripe,
    };
    reply_with(status, &page, policy)
}

fn read(
    tx: &mut ReadTx<'_>,
    house: &crate::state::House,
    desk: &Desk,
    payment_id: Option<Id<Payment>>,
) -> Result<Seen> {
    let actor = desk.actor();
    let wanted = ListSubscriptionsOfBuyer {
        organization_ids: vec![desk.organization.id],
        product_ids: Vec::new(),
        is_active: None,
        query: None,
        sorting: vec![Sort { by: SubscriptionOfBuyerSort::StartedAt, descending: true }],
        page: Page::new(1, MOST),
    };
    let subscriptions = subscriptions::list_of_buyer(tx, &actor, &wanted)?.items;
    let payment = match payment_id {
        Some(id) => payments::find(tx, id)?.filter(|payment| payment.customer_id == desk.customer.id),
        None => None,
    };
    let each: Vec<&Subscription> = subscriptions.iter().map(|of| &of.subscription).collect();
    Ok(Seen {
        listed: subscriptions::listed(tx, &each)?,
        subscriptions,
        orders: list_orders(tx, desk, Vec::new())?,
        methods: methods::list(tx, desk.customer.id)?,
        benefits: benefits::cards(tx, house, desk, Of::Everything)?,
        state: benefits::state(tx, desk)?,
        payment,
    })
}

/// The orders of a customer, those of these subscriptions if there are any.
pub fn list_orders(
    tx: &mut ReadTx<'_>,
    desk: &Desk,
    subscription_ids: Vec<Id<Subscription>>,
) -> Result<Vec<OrderOfBuyer>> {
    let wanted = ListOrdersOfBuyer {
        organization_ids: vec![desk.organization.id],
        product_ids: Vec::new(),
        price_types: Vec::new(),
        subscription_ids,
        query: None,
        sorting: vec![Sort { by: OrderOfBuyerSort::CreatedAt, descending: true }],
        page: Page::new(1, MOST),
    };
    Ok(orders::list_of_buyer(tx, &desk.actor(), &wanted)?.items)
}

fn row((of, listed): (&SubscriptionOfBuyer, &Option<Cents>)) -> Row {
    let subscription = &of.subscription;
    Row {
        id: subscription.id.to_string(),
        name: of.product.product.name.clone(),
        rate: money::rate(*listed, subscription.currency, subscription.recurring_interval),
        badge: money::badge(subscription),
        line: line(subscription),
    }
}

/// What comes next of a subscription.
pub fn line(subscription: &Subscription) -> String {
    if let Some(end) = subscription.ended_at {
        return format!("Ended on {}", day(end));
    }
    if subscription.past_due_since.is_some() {
        let failed = "A payment did not go through";
        return match subscription.grace_ends_at {
            Some(end) => format!("{failed}; everything stays until {}", day(end)),
            None => failed.to_owned(),
        };
    }
    if subscription.cancel_at_period_end {
        return format!("Ends on {}", day(subscription.current_period_end));
    }
    format!("Renews on {}", day(subscription.current_period_end))
}

/// An order as a list shows it.
pub fn order_row(of: &OrderOfBuyer) -> OrderRow {
    let order = &of.order;
    let total = Cents::new(order.amount.get() + order.tax_amount.get());
    OrderRow {
        id: order.id.to_string(),
        name: of.product.product.name.clone(),
        day: day(order.created_at),
        amount: if total.get() == 0 { String::from("Free") } else { amount(total, order.currency) },
        has_invoice: order.document_number().is_some(),
        refunded: (order.refunded_amount.get() > 0)
            .then(|| format!("{} refunded", amount(order.refunded_amount, order.currency))),
    }
}

/// What the form before this page did.
pub fn told(query: &[u8]) -> Option<Told> {
    let sentence = match field(query, "told").as_str() {
        "deactivated" => "The activation was removed. Its seat is free again.",
        "account" => "The account was chosen. Access is being given; that takes a moment.",
        "card-removed" => "The card was removed.",
        "card-chosen" => "This card pays the subscription from now on.",
        "canceled" => "The subscription was canceled.",
        "ended" => "The subscription was canceled, and has ended. You do not have to pay what was due.",
        "resumed" => "Your subscription continues.",
        "plan" => "The plan was changed.",
        "given-up" => "This payment is not needed any more, and was canceled. You were not charged.",
        "given-back" => "This payment is not needed any more. What was charged goes back to you.",
        _ if field(query, "error").is_empty() => return None,
        // What other services say is theirs; it is not repeated in our name.
        _ => return Some(Told { tone: "bad", sentence: String::from("The account was not connected.") }),
    };
    Some(Told { tone: "good", sentence: sentence.to_owned() })
}

/// What became of a payment.
pub fn told_of(payment: &Payment) -> Told {
    let is_setup = payment.kind == PaymentKind::Setup;
    let (tone, sentence) = match payment.status {
        PaymentStatus::Succeeded if is_setup => ("good", String::from("The card was saved.")),
        PaymentStatus::Succeeded => ("good", String::from("Thank you, the payment went through.")),
        PaymentStatus::Failed => {
            let reason = payment.failure_message.as_deref().unwrap_or("No reason was given.");
            ("bad", format!("That did not go through: {reason}"))
        }
        PaymentStatus::Pending | PaymentStatus::Processing | PaymentStatus::RequiresAction => {
            let sentence = "The payment is in process, which can take a while. Load this page again later to see what became \
                            of it.";
            ("warm", String::from(sentence))
        }
    };
    Told { tone, sentence }
}

/// Puts the token into a cookie and leads to the same page without it. Who has signed in as the same customer stays it.
async fn exchange(rooms: &Rooms, (slug, headers): (&str, &HeaderMap), token: &str, query: &[u8]) -> Response {
    let organization = match rooms.organization(slug).await {
        Ok(organization) => organization,
        Err(response) => return response,
    };
    let base = base_of(&organization);
    let (hash, id) = (rooms.house.secret.hash(token), organization.id);
    let house = &rooms.house;
    let present = Session::read_of_customer(&Method::GET, headers, &house.secret, &house.origins);
    let unit = move |tx: &mut Tx<'_>| {
        let live = customer_sessions::come_in(tx, &hash)?;
        let owner = match &present {
            Some(present) => customer_sessions::find(tx, &present.hash)?.filter(|live| live.is_owner_known),
            None => None,
        };
        Ok::<_, Refusal>(
            live.map(|live| (owner.is_some_and(|one| one.customer.id == live.customer.id), live)),
        )
    };
    // Their owner's session reaches further: it stays.
    let is_kept = match rooms.house.store.write(unit).await {
        Ok(Some((is_owner, session))) if session.customer.organization_id == id => {
            if session.bound_to.is_some() && !is_owner {
                return rooms.bound(&organization);
            }
            is_owner
        }
        Ok(_) => return see_other(&format!("{base}/request")),
        Err(refusal) => return rooms.refused(Some(&organization), &refusal.into()),
    };
    let mut path = base.clone();
    if let Ok(id) = field(query, "id").parse::<Id<Subscription>>() {
        path = format!("{base}?id={id}");
    } else if !field(query, "error").is_empty() {
        path = format!("{base}?error=1");
    }
    let mut response = see_other(&path);
    if !is_kept {
        append(&mut response, house.origins.let_in(token, (&base, organization.id)));
    }
    response
}

/// Leads to the subscription or the order that a link names.
async fn preselected(rooms: &Rooms, desk: &Desk, id: Id<Subscription>, query: &[u8]) -> Response {
    let actor = desk.actor();
    let look = move |tx: &mut ReadTx<'_>| {
        if subscriptions::find_of_buyer(tx, &actor, id).is_ok() {
            return Ok::<_, Refusal>(Some("subscriptions"));
        }
        Ok(orders::find_of_buyer(tx, &actor, id.cast()).is_ok().then_some("orders"))
    };
    match rooms.house.store.read(look).await {
        Ok(Some(kind)) => see_other(&format!("{}/{kind}/{id}", desk.base)),
        _ => page(rooms, desk, query, (StatusCode::OK, None, CardForm::default())).await,
    }
}

/// A text that changes with what the customer has, for the script that looks whether it did.
pub async fn state(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let organization = desk.organization.clone();
    match rooms.house.store.read(move |tx| benefits::state(tx, &desk)).await {
        Ok(state) => ([(CACHE_CONTROL, "no-store")], state).into_response(),
        Err(refusal) => rooms.refused(Some(&organization), &refusal.into()),
    }
}

/// What the customer gets and loses from now on, for the same script. It ends with their session.
pub async fn stream(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
) -> Response {
    let house = Arc::clone(&rooms.house);
    let channels = match channels_of(&rooms, &slug, &headers).await {
        Ok(channels) => channels,
        Err(response) => return response,
    };
    let listening = Listening::new(channels, move || {
        let (rooms, slug, headers) = (rooms.clone(), slug.clone(), headers.clone());
        Box::pin(async move { channels_of(&rooms, &slug, &headers).await.map_err(|_| Failure::NoRoute) })
    });
    let opened = streams::open(&house, subscriber(visitor.address), listening).await;
    opened.unwrap_or_else(|failure| failure.into_response(""))
}

/// To what a customer listens, if they are let in.
async fn channels_of(
    rooms: &Rooms,
    slug: &str,
    headers: &HeaderMap,
) -> std::result::Result<Vec<Channel>, Response> {
    let desk = rooms.enter(Caller { slug, method: &Method::GET, headers }).await?;
    Ok(vec![Channel::Customer(desk.customer.id)])
}
