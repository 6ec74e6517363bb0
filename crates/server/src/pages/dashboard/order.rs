//! One order with its money: payments, refunds and what the ledger says, and the form that gives money back.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use merak_core::billing::refunds::{self, NewRefund};
use merak_core::billing::{
    self, Dispute, DisputeStatus, Payment, PaymentStatus, Refund, RefundStatus, disputes, payments,
};
use merak_core::kit::{Cents, Id, Refusal, Result};
use merak_core::ledger::{self, Entry, Line};
use merak_core::orders::{self, CompleteOrder, Order};
use merak_core::subscriptions::{self, Subscription, SubscriptionStatus};
use merak_store::ReadTx;

use super::super::shop::Frame;
use super::super::shop::portal::desk::{field, refusal_of, reply};
use super::super::shop::portal::money::{self, Badge};
use super::orders::dispute_badge;
use super::{Office, Rooms, go_on};
use crate::emails::words::{amount, day, invoice_number};
use crate::flows;
use crate::shell::Response;

/// What becomes of benefits, as the form sends it.
const USUAL: &str = "usual";
const KEEP: &str = "keep";
const REVOKE: &str = "revoke";

/// How long a reason may be, in characters.
const LONGEST_REASON: usize = 500;

#[derive(Template)]
#[template(path = "dashboard/order.html")]
struct OrderPage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    told: Option<&'static str>,
    problem: Option<String>,
    id: String,
    product: String,
    facts: Vec<(&'static str, String)>,
    sums: Vec<(&'static str, String)>,
    total: String,
    payments: Vec<Moved>,
    refunds: Vec<Moved>,
    disputes: Vec<Moved>,
    /// How the newest dispute stands: its badge, and what that means.
    disputed: Option<(Badge, &'static str)>,
    ledger: Vec<Posted>,
    left: Option<(String, String)>,
    choices: Vec<Choice>,
    typed: Typed,
    owed: Option<&'static str>,
}

/// Money that moved or was to move.
struct Moved {
    day: String,
    amount: String,
    badge: (&'static str, &'static str),
    note: String,
}

struct Posted {
    day: String,
    text: String,
    lines: Vec<(String, String)>,
}

/// What may become of what came with the order.
struct Choice {
    value: &'static str,
    words: &'static str,
    is_chosen: bool,
}

/// What was typed into the form.
#[derive(Clone, Default)]
struct Typed {
    amount: String,
    reason: String,
    benefits: String,
    /// What is wrong with the amount.
    problem: Option<&'static str>,
}

struct Seen {
    of: CompleteOrder,
    payments: Vec<Payment>,
    refunds: Vec<Refund>,
    disputes: Vec<Dispute>,
    ledger: Vec<(Entry, Vec<Line>)>,
    subscription: Option<Subscription>,
}

type Place = Path<(String, String)>;

/// The page.
pub async fn show(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let office = match rooms.enter(&slug, &method, &headers).await {
        Ok(office) => office,
        Err(response) => return response,
    };
    let told = match field(query.unwrap_or_default().as_bytes(), "told").as_str() {
        "refunded" => Some("The refund is on its way."),
        "pending" => Some("The refund was requested. You can follow it below."),
        "ended" => Some("The subscription has ended."),
        _ => None,
    };
    page(&rooms, &office, &id, (StatusCode::OK, None, Typed::default()), told).await
}

async fn page(
    rooms: &Rooms,
    office: &Office,
    id: &str,
    (status, problem, typed): (StatusCode, Option<String>, Typed),
    told: Option<&'static str>,
) -> Response {
    let (known, wanted) = (office.clone(), id.to_owned());
    let seen = match rooms.house.store.read(move |tx| read(tx, &known, &wanted)).await {
        Ok(seen) => seen,
        Err(refusal) => return rooms.refused(Some(office), &refusal.into()),
    };
    let (order, currency) = (&seen.of.order, seen.of.order.currency);
    let shown = |cents: Cents| amount(cents, currency);
    let left = left(&seen);
    let page = OrderPage {
        frame: rooms.frame("Order", &office.organization),
        base: &office.base,
        told,
        problem,
        id: order.id.to_string(),
        product: seen.of.product.name.clone(),
        facts: facts(&seen, office),
        sums: vec![("Subtotal", shown(order.amount)), ("Tax", shown(order.tax_amount))],
        total: shown(Cents::new(order.amount.get() + order.tax_amount.get())),
        payments: seen.payments.iter().map(payment).collect(),
        refunds: seen.refunds.iter().map(refunded).collect(),
        disputes: seen.disputes.iter().map(disputed).collect(),
        disputed: seen
            .disputes
            .last()
            .map(|dispute| (dispute_badge(dispute.status), meaning(dispute.status))),
        ledger: seen.ledger.iter().map(|(entry, lines)| posted(entry, lines)).collect(),
        left: left.map(|left| (shown(left), plain(left))),
        choices: choices(&seen, &typed.benefits),
        typed,
        owed: seen.subscription.as_ref().and_then(owed),
    };
    reply(status, &page)
}

fn read(tx: &mut ReadTx<'_>, office: &Office, id: &str) -> Result<Seen> {
    let id: Id<Order> = id.parse().map_err(|_| Refusal::not_found())?;
    let order = orders::get(tx, &office.tenancy, id)?;
    let payments = match order.invoice_id {
        Some(id) => payments::of_invoice(tx, id)?,
        None => Vec::new(),
    };
    let subscription = match order.subscription_id {
        Some(id) => subscriptions::find(tx, id)?,
        None => None,
    };
    Ok(Seen {
        payments,
        refunds: refunds::of_order(tx, id)?,
        disputes: disputes::of_order(tx, &order)?,
        ledger: ledger::list_of_order(tx, order.organization_id, id.uuid())?,
        of: orders::complete_one(tx, order)?,
        subscription,
    })
}

fn facts(seen: &Seen, office: &Office) -> Vec<(&'static str, String)> {
    let (order, customer) = (&seen.of.order, &seen.of.customer);
    let mut facts = vec![("Customer", customer.email.to_string())];
    facts.extend(customer.name.clone().map(|name| ("Name", name)));
    facts.push(("Product", seen.of.product.name.clone()));
    facts.push(("Date", day(order.created_at)));
    if let Some(number) = order.document_number() {
        facts.push(("Invoice", invoice_number(office.organization.slug.as_str(), number)));
    }
    if let Some(subscription) = &seen.subscription {
        facts.push(("Subscription", money::badge(subscription).1.to_owned()));
    }
    facts
}

/// How much can still be given back; none if no money came, or none is left.
fn left(seen: &Seen) -> Option<Cents> {
    let paid = seen.payments.iter().find(|payment| payment.status == PaymentStatus::Succeeded)?;
    let of_it = seen.refunds.iter().filter(|refund| refund.status != RefundStatus::Failed);
    let given: i64 = of_it.map(|refund| refund.amount.get()).sum();
    Some(Cents::new(paid.amount.get() - given)).filter(|left| left.get() > 0)
}

/// What the seller can choose to become of what came with the order. The first is what happens if nothing is said, in the
/// command of the same name too; none is left to choose once a subscription has ended.
fn choices(seen: &Seen, chosen: &str) -> Vec<Choice> {
    let offered: &[(&str, &str)] = match (&seen.subscription, seen.of.order.subscription_id) {
        (Some(subscription), _) if subscription.ended_at.is_some() => &[],
        (_, Some(_)) => &[
            (USUAL, "The subscription goes on, and the customer keeps them"),
            (REVOKE, "Take them back. This ends the subscription as soon as the money has gone back"),
        ],
        (_, None) => &[
            (USUAL, "As usual: taken back once everything has gone back, kept as long as only a part has"),
            (KEEP, "The customer keeps them"),
            (REVOKE, "Take them back"),
        ],
    };
    let is_offered = offered.iter().any(|(value, _)| *value == chosen);
    let chosen = if is_offered { chosen } else { USUAL };
    offered.iter().map(|(value, words)| Choice { value, words, is_chosen: *value == chosen }).collect()
}

/// An amount as it is typed: `12.50`.
fn plain(cents: Cents) -> String {
    format!("{}.{:02}", cents.get() / 100, cents.get() % 100)
}

/// Cents of what was typed; the second is an error for people.
fn typed_cents(text: &str) -> std::result::Result<Cents, &'static str> {
    const PROBLEM: &str = "Type an amount such as 12.50.";
    let text = text.trim().trim_start_matches('$').replace(',', "");
    let (whole, rest) = text.split_once('.').unwrap_or((&text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(rest) || rest.len() > 2 {
        return Err(PROBLEM);
    }
    let cents = format!("{whole}{rest:0<2}").parse::<i64>().map_err(|_| PROBLEM)?;
    Ok(Cents::new(cents))
}

fn payment(payment: &Payment) -> Moved {
    let badge = match payment.status {
        PaymentStatus::Succeeded => ("good", "Paid"),
        PaymentStatus::Failed => ("bad", "Failed"),
        PaymentStatus::Pending | PaymentStatus::Processing => ("warm", "In process"),
        PaymentStatus::RequiresAction => ("warm", "Waits for the customer"),
    };
    let fee = payment.fee_amount.map(|fee| format!("fee {}", amount(fee, payment.currency)));
    let note = payment.failure_message.clone().or(fee).unwrap_or_default();
    Moved { day: day(payment.created_at), amount: amount(payment.amount, payment.currency), badge, note }
}

fn refunded(refund: &Refund) -> Moved {
    let badge = match refund.status {
        RefundStatus::Succeeded => ("good", "Refunded"),
        RefundStatus::Pending => ("warm", "In process"),
        RefundStatus::Failed => ("bad", "Failed"),
    };
    let note = refund.failure_message.clone().or_else(|| refund.reason.clone()).unwrap_or_default();
    Moved { day: day(refund.created_at), amount: amount(refund.amount, refund.currency), badge, note }
}

fn disputed(dispute: &Dispute) -> Moved {
    let fee = dispute.fee_amount;
    Moved {
        day: day(dispute.created_at),
        amount: amount(dispute.amount, dispute.currency),
        badge: dispute_badge(dispute.status),
        note: if fee == Cents::default() {
            String::new()
        } else {
            format!("fee {}", amount(fee, dispute.currency))
        },
    }
}

/// What a dispute means for the seller.
const fn meaning(status: DisputeStatus) -> &'static str {
    match status {
        DisputeStatus::Open => {
            "The customer's bank wants this payment back. Until it has decided, the payment processor holds the money. Show \
             your evidence there."
        }
        DisputeStatus::Won => "The bank has decided for you. The money is yours again.",
        DisputeStatus::Lost => "The bank has decided for the customer. The money has gone back to them.",
    }
}

fn posted(entry: &Entry, lines: &[Line]) -> Posted {
    let line = |line: &Line| (account(line.account.as_str()), amount(line.amount, line.currency));
    Posted {
        day: day(entry.occurred_at),
        text: entry.description.clone(),
        lines: lines.iter().map(line).collect(),
    }
}

/// The name of an account for people: `Processor fees`.
fn account(name: &str) -> String {
    let words = name.replace('_', " ");
    let (first, rest) = words.split_at(words.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", first.to_uppercase())
}

/// What is said of a subscription whose payment is owed, which its seller may end.
fn owed(subscription: &Subscription) -> Option<&'static str> {
    match subscription.status {
        SubscriptionStatus::PastDue => {
            Some("A payment of this subscription is owed, and will be tried again.")
        }
        SubscriptionStatus::Unpaid => {
            Some("A payment of this subscription is owed, and is not tried any more.")
        }
        SubscriptionStatus::Incomplete
        | SubscriptionStatus::IncompleteExpired
        | SubscriptionStatus::Trialing
        | SubscriptionStatus::Active
        | SubscriptionStatus::Canceled => None,
    }
}

/// Gives money back.
pub async fn refund(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let office = match rooms.enter(&slug, &method, &headers).await {
        Ok(office) => office,
        Err(response) => return response,
    };
    let reason: String = field(&form, "reason").chars().take(LONGEST_REASON).collect();
    let typed = Typed {
        amount: field(&form, "amount"),
        reason: reason.clone(),
        benefits: field(&form, "benefits"),
        problem: None,
    };
    let cents = match typed_cents(&typed.amount) {
        Ok(cents) => cents,
        Err(problem) => {
            let typed = Typed { problem: Some(problem), ..typed };
            let told = (StatusCode::UNPROCESSABLE_ENTITY, None, typed);
            return page(&rooms, &office, &id, told, None).await;
        }
    };
    let revokes_benefits = match typed.benefits.as_str() {
        KEEP => Some(false),
        REVOKE => Some(true),
        _ => None,
    };
    // What the form said was left. Without it the form is none of ours, and nothing matches.
    let seen = typed_cents(&field(&form, "left")).unwrap_or_default();
    let done = match own(&rooms, &office, &id).await {
        Ok(order) => {
            let new = NewRefund {
                order_id: order.id,
                amount: Some(cents),
                reason: Some(reason).filter(|reason| !reason.is_empty()),
                revokes_benefits,
                left: Some(seen),
            };
            flows::refund::run(&rooms.house, new).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(refund) => {
            let told = if refund.status == RefundStatus::Succeeded { "refunded" } else { "pending" };
            go_on(&office, &format!("/orders/{id}?told={told}"))
        }
        Err(error) => in_place(&rooms, &office, &id, &error, typed).await,
    }
}

/// Ends the subscription of an order, whose payment is owed.
pub async fn end_subscription(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let office = match rooms.enter(&slug, &method, &headers).await {
        Ok(office) => office,
        Err(response) => return response,
    };
    let (tenancy, wanted) = (office.tenancy.clone(), id.clone());
    let ended = rooms
        .house
        .store
        .write(move |tx| {
            let id: Id<Order> = wanted.parse().map_err(|_| Refusal::not_found())?;
            let order = orders::get(tx, &tenancy, id)?;
            let subscription_id = order.subscription_id.ok_or_else(Refusal::not_found)?;
            billing::end_owed(tx, subscription_id)
        })
        .await;
    match ended {
        Ok(_) => go_on(&office, &format!("/orders/{id}?told=ended")),
        Err(refusal) => in_place(&rooms, &office, &id, &refusal.into(), Typed::default()).await,
    }
}

async fn in_place(rooms: &Rooms, office: &Office, id: &str, error: &flows::Error, typed: Typed) -> Response {
    let (status, sentence) = refusal_of(error);
    page(rooms, office, id, (status, Some(sentence), typed), None).await
}

/// An order of the organization.
async fn own(rooms: &Rooms, office: &Office, id: &str) -> std::result::Result<Order, flows::Error> {
    let (tenancy, id) = (office.tenancy.clone(), id.to_owned());
    let found = rooms.house.store.read(move |tx| {
        let id = id.parse().map_err(|_| Refusal::not_found())?;
        orders::get(tx, &tenancy, id)
    });
    Ok(found.await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_type_them() {
        for (text, cents) in
            [("12.50", 1250), ("12", 1200), (" $1,234.5 ", 123_450), ("0.05", 5), ("99999999", 9_999_999_900)]
        {
            assert_eq!(typed_cents(text), Ok(Cents::new(cents)), "{text}");
        }
        for text in ["", ".", "-1", "1.234", "1e3", "1.5.0", "ten", "99999999999999999999", "٣"] {
            assert!(typed_cents(text).is_err(), "{text}");
        }
        assert_eq!(plain(Cents::new(1205)), "12.05");
    }
}
