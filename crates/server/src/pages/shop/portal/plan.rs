//! Another plan: what the change costs, shown before it is made, and the change.
//!
//! The page says what is charged by the tax and the credit of now. The form tells what was shown: should more be charged
//! meanwhile than an hour makes of it, nothing is changed, and the page shows what it is now.
//!
//! A dearer plan takes somebody who has signed in by a code, and a card that they have given: see [`payers`].

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use merak_core::access::Actor;
use merak_core::billing::{Payment, PaymentStatus};
use merak_core::customer_sessions::Vouch;
use merak_core::kit::{Cents, Refusal};
use merak_core::products;
use merak_core::subscriptions::price_change::{self, Bill, ChangePrice, Presence, Preview};
use merak_core::subscriptions::{self, Subscription, payers};
use merak_store::ReadTx;

use super::super::Frame;
use super::cards::go_on;
use super::desk::{Caller, Desk, Rooms, field, refusal_of, reply, see_other};
use super::home::CardForm;
use super::money;
use super::subscription::{self, Place, id_of};
use crate::emails::words::{amount, day};
use crate::flows::{self, change_price};
use crate::shell::Response;
use crate::state::House;

/// How long a shown sum is good for, in seconds.
const GOOD_FOR: i64 = 3600;

#[derive(Template)]
#[template(path = "shop/portal/plan.html")]
struct PlanPage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    who: String,
    problem: Option<String>,
    id: String,
    name: String,
    price_id: String,
    now: String,
    then: String,
    explained: Explained,
    /// What is done first, if it cannot be changed so: the address, and the words.
    first: Option<(String, &'static str)>,
    /// What was shown to be charged at once, in cents.
    seen: String,
}

/// What a change costs: in lines, in one sum, and in words.
struct Explained {
    rows: Vec<(String, String)>,
    sum: Option<(String, String)>,
    words: String,
}

/// Shows what a change of the plan does, before it is made.
pub async fn preview(
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
    let price = field(query.unwrap_or_default().as_bytes(), "price");
    page(&rooms, &desk, &id, &price, (StatusCode::OK, None)).await
}

async fn page(
    rooms: &Rooms,
    desk: &Desk,
    id: &str,
    price: &str,
    (status, problem): (StatusCode, Option<String>),
) -> Response {
    let (known, rules) = (desk.clone(), rooms.house.billing.clone());
    let (wanted, chosen) = (id.to_owned(), price.to_owned());
    let previewed = rooms
        .house
        .store
        .read(move |tx| {
            let of = subscriptions::find_of_buyer(tx, &known.actor(), id_of(&wanted)?)?;
            let price_id = chosen.parse().map_err(|_| choose())?;
            let preview = price_change::preview(tx, &rules, &of.subscription, price_id)?;
            let product = products::find(tx, preview.after.product_id)?.ok_or_else(Refusal::not_found)?;
            let listed = subscriptions::listed(tx, &[&of.subscription, &preview.after])?;
            let want = want(tx, &of.subscription, &preview, known.vouch())?;
            Ok::<_, Refusal>((of, preview, product, (listed, want)))
        })
        .await;
    let (of, preview, product, (listed, want)) = match previewed {
        Ok(previewed) => previewed,
        Err(refusal) => {
            let (status, sentence) = refusal_of(&refusal.into());
            let told = (status, Some(sentence), CardForm::default());
            return subscription::page(rooms, desk, id, b"", told).await;
        }
    };
    let (before, after) = (&of.subscription, &preview.after);
    let own = format!("{}/subscriptions/{}", desk.base, before.id);
    let cards_at = if preview.is_paid_first { desk.base.clone() } else { own };
    let first = want.map(|want| match want {
        Want::SignIn => (format!("{}/request", desk.base), "Sign in by a code"),
        Want::Card | Want::OwnCard => (cards_at, "Add a card"),
    });
    let page = PlanPage {
        frame: rooms.frame("Change the plan", &desk.organization),
        base: &desk.base,
        who: desk.who(),
        problem,
        id: before.id.to_string(),
        name: of.product.product.name.clone(),
        price_id: after.price_id.to_string(),
        now: plan(&of.product.product.name, before, listed[0]),
        then: plan(&product.name, after, listed[1]),
        explained: explain(before, &preview, want),
        first,
        seen: due_now(&preview).to_string(),
    };
    reply(status, &page)
}

fn choose() -> Refusal {
    Refusal::bad_request("Please choose a plan.")
}

fn plan(name: &str, subscription: &Subscription, listed: Option<Cents>) -> String {
    let rate = money::rate(listed, subscription.currency, subscription.recurring_interval);
    format!("{name} · {rate}")
}

fn due_now(preview: &Preview) -> Cents {
    preview.now.as_ref().map_or(Cents::default(), Bill::due)
}

/// What has to come before a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// That it is shown who wishes it.
    SignIn,
    /// A card that can be charged.
    Card,
    /// A card that the customer has given, instead of the one that pays.
    OwnCard,
}

impl Want {
    const fn sentence(self) -> &'static str {
        match self {
            Self::SignIn => {
                "More is charged for this plan, today or over a year. Anybody may have come along a link, so please sign in \
                 first, by a code that we send to you by mail."
            }
            Self::Card => "No card can be charged for this. Please add one first.",
            Self::OwnCard => {
                "More is charged for this plan, today or over a year, and the card that pays was typed in by somebody who had not \
                 signed in. Please type in a card first, the same one or another."
            }
        }
    }
}

/// What has to come before a change, if anything does.
fn want(
    tx: &mut ReadTx<'_>,
    before: &Subscription,
    preview: &Preview,
    vouch: Vouch,
) -> merak_core::kit::Result<Option<Want>> {
    if preview.is_dearer && vouch == Vouch::Nobody {
        return Ok(Some(Want::SignIn));
    }
    Ok(match payers::card(tx, before, preview.is_paid_first, vouch)? {
        Some(card) if preview.is_dearer && !payers::may_pay(&card, vouch) => Some(Want::OwnCard),
        None if due_now(preview) > Cents::default() => Some(Want::Card),
        Some(_) | None => None,
    })
}

/// What a change costs, as an invoice would say it, and what has to come before it.
fn explain(before: &Subscription, preview: &Preview, want: Option<Want>) -> Explained {
    let mut explained = explain_costs(before, preview, want.is_none());
    if let Some(want) = want {
        explained.words = format!("{} {}", explained.words, want.sentence());
    }
    explained
}

fn explain_costs(before: &Subscription, preview: &Preview, is_payable: bool) -> Explained {
    if before.price_id == preview.after.price_id {
        let words = String::from("This is the plan that you have already.");
        return Explained { rows: Vec::new(), sum: None, words };
    }
    let until = day(preview.after.current_period_end);
    match (&preview.now, &preview.next) {
        (Some(bill), _) => {
            let begins = format!("A new period begins today and lasts until {until}.");
            let first = if preview.is_paid_first { " The plan changes once it is paid." } else { "" };
            let (sum, words) = match (bill.total().get(), bill.due().get()) {
                (total, _) if total < 0 => {
                    let credit = amount(Cents::new(-total), bill.currency);
                    let words = format!(
                        "Nothing is charged today. {credit} is credited to you, and pays what falls due next."
                    );
                    ((String::from("Credited to you"), credit), words)
                }
                (_, 0) => (
                    (String::from("Charged today"), amount(bill.due(), bill.currency)),
                    String::from("Nothing is charged today."),
                ),
                _ if !is_payable => {
                    let due = amount(bill.due(), bill.currency);
                    let words = format!("{due} is to be paid today, {}.", with_tax(bill));
                    ((String::from("To pay today"), due), words)
                }
                _ => {
                    let due = amount(bill.due(), bill.currency);
                    let words = format!("Your card is charged {due} today, {}.{first}", with_tax(bill));
                    ((String::from("Charged today"), due), words)
                }
            };
            Explained { rows: rows(bill), sum: Some(sum), words: format!("{begins} {words}") }
        }
        (None, Some(bill)) => {
            let (date, due) = (day(bill.at), amount(bill.due(), bill.currency));
            let credit = Cents::new(-bill.total().get());
            let rest = if credit > Cents::default() {
                let credit = amount(credit, bill.currency);
                format!("{credit} more is credited to you, and pays what falls due later.")
            } else {
                format!("It charges {due}, {}.", with_tax(bill))
            };
            let when = if preview.after.cancel_at_period_end {
                format!(
                    "The plan changes at once, and ends on {date}. Nothing is charged today; the difference for the rest \
                     of this period is charged when it ends."
                )
            } else {
                format!(
                    "The plan changes at once. Nothing is charged today; the difference for the rest of this period is \
                     part of your next invoice on {date}."
                )
            };
            let words = format!("{when} {rest}");
            Explained { rows: rows(bill), sum: Some((format!("Charged on {date}"), due)), words }
        }
        (None, None) => {
            let words = format!("The plan changes at once, and ends on {until}. Nothing is charged.");
            let sum = Some((
                String::from("Charged today"),
                amount(Cents::default(), before.currency.unwrap_or_default()),
            ));
            Explained { rows: Vec::new(), sum, words }
        }
    }
}

/// Everything that makes the sum.
fn rows(bill: &Bill) -> Vec<(String, String)> {
    let shown = |cents: Cents| amount(cents, bill.currency);
    let mut rows: Vec<(String, String)> =
        bill.lines.iter().map(|line| (line.description.clone(), shown(line.amount))).collect();
    let mut row = |label: &str, cents: i64| {
        if cents != 0 {
            rows.push((label.to_owned(), shown(Cents::new(cents))));
        }
    };
    row("Discount", -bill.discount_amount.get());
    row("Tax", bill.tax_amount.get());
    row("Your credit", -bill.credit_applied.get());
    rows
}

/// How much of the sum is tax, in words.
fn with_tax(bill: &Bill) -> String {
    match bill.tax_amount.get() {
        0 => String::from("without tax"),
        _ => format!("with {} of tax", amount(bill.tax_amount, bill.currency)),
    }
}

/// Changes the plan.
pub async fn change(
    State(rooms): State<Rooms>,
    Path((slug, id)): Place,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let (price, seen) = (field(&form, "price"), field(&form, "seen").parse::<i64>().ok());
    let changed = changed(&rooms.house, desk.actor(), (id.clone(), price.clone()), seen).await;
    let back = format!("{}/subscriptions/{id}", desk.base);
    match changed {
        Ok(Some(payment)) if payment.status != PaymentStatus::Succeeded => {
            go_on(&rooms, &desk, &payment, &back).await
        }
        Ok(_) => see_other(&format!("{back}?told=plan")),
        Err(error) => {
            let (status, sentence) = refusal_of(&error);
            page(&rooms, &desk, &id, &price, (status, Some(sentence))).await
        }
    }
}

/// Makes the change if it costs no more than was seen. The payment, if there is one.
async fn changed(
    house: &House,
    actor: Actor,
    (id, price): (String, String),
    seen: Option<i64>,
) -> Result<Option<Payment>, flows::Error> {
    let price_id = price.parse().map_err(|_| choose())?;
    let vouch = actor.vouched_by;
    let wish = ChangePrice { price_id, payer: Presence::There, vouch };
    let rules = house.billing.clone();
    let look = move |tx: &mut ReadTx<'_>| {
        let before = subscriptions::find_of_buyer(tx, &actor, id_of(&id)?)?.subscription;
        let preview = price_change::preview(tx, &rules, &before, price_id)?;
        require_seen(tx, (&before, &preview), vouch, seen)?;
        Ok::<_, Refusal>(before)
    };
    // Nothing makes way for a change that is not made.
    let before = house.store.read(look.clone()).await?;
    change_price::make_way(house, before, wish).await?;
    let rules = house.billing.clone();
    let applied = house
        .store
        .write(move |tx| {
            let before = look(tx)?;
            price_change::apply(tx, &rules, &before, wish)
        })
        .await?;
    change_price::collect(house, applied).await
}

/// Refuses if more is due now than was seen, or nothing could be charged for it.
fn require_seen(
    tx: &mut ReadTx<'_>,
    (before, preview): (&Subscription, &Preview),
    vouch: Vouch,
    seen: Option<i64>,
) -> merak_core::kit::Result<()> {
    let due = due_now(preview).get();
    if due > 0 && seen.is_none_or(|seen| due > seen.saturating_add(leeway(before))) {
        let due = amount(Cents::new(due), preview.after.currency.unwrap_or_default());
        let sentence =
            format!("{due} would be charged today by now. Please check it and press the button again.");
        return Err(Refusal::bad_request(sentence));
    }
    want(tx, before, preview, vouch)?.map_or(Ok(()), |want| Err(Refusal::bad_request(want.sentence())))
}

/// By how much what is charged may grow while somebody looks at it: what is given back of the old plan becomes less, and so
/// does its tax, for which the same is added once more.
fn leeway(before: &Subscription) -> i64 {
    let period = before.current_period_end.as_seconds() - before.current_period_start.as_seconds();
    let amount = before.amount.unwrap_or_default().get();
    2 * (amount.saturating_mul(GOOD_FOR) / period.max(1)) + 2
}
