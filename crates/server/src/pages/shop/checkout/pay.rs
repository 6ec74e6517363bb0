//! The buyer presses the button.

use std::sync::Arc;

use http::StatusCode;
use http::header::SET_COOKIE;
use merak_adapters::payments::sandbox::{Card, CardProblem};
use merak_core::checkouts::confirm::{Confirm, Seen};
use merak_core::checkouts::{self, ClientUpdate, PublicCheckout};
use merak_core::custom_fields::rules::{Asked, check_answers};
use merak_core::customer_sessions;
use merak_core::kit::{Kind, Refusal};

use super::around::{Around, see_other};
use super::fields::{Filling, missing_lines};
use super::known::{Chosen, Known};
use super::page::{is_form_required, seen_discount, seen_total, total_words};
use super::problems::Problems;
use super::typed::{ADDRESS, Typed};
use super::{Rooms, Shown, confirmation_path};
use crate::error::Failure;
use crate::flows::{self, confirm_checkout};
use crate::shell::Response;

const FILL_IN: &str = "Please fill this in.";

/// The button that was pressed, and by whom.
pub struct Press<'p> {
    pub typed: &'p Typed,
    /// What pays.
    pub chosen: Chosen,
    /// The customer, if it is known who presses it.
    pub known: Option<&'p Known>,
}

/// Confirms a checkout that has the last changes, or shows what is wrong.
pub async fn run(
    rooms: &Rooms,
    public: &PublicCheckout,
    around: &Around,
    press: Press<'_>,
    mut problems: Problems,
) -> Response {
    let Press { typed, chosen, known } = press;
    let (token, saved) = match chosen {
        Chosen::Another => (token(rooms, public, typed, &mut problems), None),
        Chosen::Saved(card) => (None, Some(card)),
        Chosen::Refused => (None, None),
    };
    let answers = typed.answers(public);
    let questions = public.complete.product.fields.iter();
    let asked: Vec<Asked<'_>> =
        questions.map(|(attached, field)| Asked { field, required: attached.required }).collect();
    check_answers(&asked, &answers)
        .err()
        .unwrap_or_default()
        .iter()
        .for_each(|problem| problems.add_problem(problem));
    missing(public, &mut problems);
    let again = |public: &PublicCheckout, status, problems, notice| {
        let filling = Filling { typed, is_sent: true };
        rooms.form(
            public,
            around,
            Shown { status, filling, card: echoed(rooms, typed), problems, notice, known },
        )
    };
    if !problems.is_empty() {
        return again(public, StatusCode::UNPROCESSABLE_ENTITY, problems, None);
    }
    if !is_seen(public, typed) {
        let notice =
            format!("The total is now {}. Please check it and press the button again.", total_words(public));
        return again(public, StatusCode::OK, problems, Some(notice));
    }
    let checkout = &public.complete.checkout;
    let client_secret = &checkout.client_secret;
    let update = ClientUpdate { custom_field_data: Some(answers), ..ClientUpdate::default() };
    let (owner, seen) = (known.and_then(Known::owner), Some(Seen::of(checkout)));
    let confirm = Confirm { token, saved, user_id: None, owner, seen };
    match confirm_checkout::run(&rooms.house, client_secret, update, confirm).await {
        Ok(()) => confirmed(rooms, client_secret, around).await,
        Err(flows::Error::Refused(refusal)) => match refusal.kind() {
            Some(Kind::CheckoutNotOpen) => see_other(&confirmation_path(client_secret, around)),
            Some(Kind::NotFound) | None => rooms.refused(refusal),
            Some(kind) => {
                problems.add_refusal(&refusal);
                let is_payment = kind == Kind::Payment;
                let status =
                    if is_payment { StatusCode::BAD_REQUEST } else { StatusCode::UNPROCESSABLE_ENTITY };
                // As it is now: whoever knows the secret may have changed it meanwhile.
                match rooms.find_for(client_secret, saved.map(|card| card.customer_id)).await {
                    Ok(now) => again(&now, status, problems, None),
                    Err(refusal) => rooms.refused(refusal),
                }
            }
        },
        Err(flows::Error::Outside(error)) => {
            tracing::warn!(%error, "a checkout could not be confirmed");
            let sentence =
                "The payment service does not respond. Nothing is lost: please wait a moment and try again.";
            problems.general.push(sentence.to_owned());
            again(public, StatusCode::SERVICE_UNAVAILABLE, problems, None)
        }
        Err(error @ flows::Error::NotConnected(_)) => Failure::from(error).into_response("checkout"),
    }
}

/// Whether the form has shown what is paid now: the total, the discount, and the price unless it was chosen in the form.
fn is_seen(public: &PublicCheckout, typed: &Typed) -> bool {
    let price = public.complete.checkout.product_price_id.to_string();
    let is_chosen = typed.given("product_price_id").is_some();
    let is_price_seen = is_chosen || typed.find("seen_price").is_none_or(|seen| seen == price);
    let discount = seen_discount(public);
    let is_discount_seen = typed.find("seen_discount").is_none_or(|seen| seen == discount);
    is_price_seen && is_discount_seen && typed.find("seen_total") == Some(seen_total(public).as_str())
}

/// On to what comes of it, with a session in the portal. Its token goes into addresses, the seller's page may be one of them,
/// so it vouches for nobody.
async fn confirmed(rooms: &Rooms, client_secret: &str, around: &Around) -> Response {
    let (secret, house) = (client_secret.to_owned(), Arc::clone(&rooms.house));
    let minted = rooms.house.store.write(move |tx| {
        let checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let (_, token) = customer_sessions::create_for_checkout(tx, &house.secret, &checkout)?;
        Ok::<_, Refusal>(token.into_string())
    });
    // It is bought either way; without a session the buyer signs in by mail.
    let customer_session_token = minted.await.ok();
    // The buyer's bank leads back without the token, so the browser keeps it for that page alone.
    let page = confirmation_path(client_secret, &Around::default());
    let origins = &rooms.house.origins;
    let cookie = customer_session_token.as_deref().map(|token| origins.set_customer_cookie(token, &page));
    let around = Around { customer_session_token, ..around.clone() };
    let mut response = see_other(&confirmation_path(client_secret, &around));
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// What must be there of the buyer and is not.
fn missing(public: &PublicCheckout, problems: &mut Problems) {
    let checkout = &public.complete.checkout;
    if checkout.customer_email.is_none() {
        problems.add("customer_email", FILL_IN);
    }
    if !is_form_required(public) {
        return;
    }
    if checkout.customer_name.is_none() {
        problems.add("customer_name", FILL_IN);
    }
    if checkout.customer_billing_address.is_none() {
        problems.add(format!("{ADDRESS}country"), "Please choose your country.");
    }
    for line in missing_lines(public) {
        problems.add(format!("{ADDRESS}{line}"), FILL_IN);
    }
}

/// What stands for the card: the processor's form has put it into ours, or the sandbox makes it of what was typed.
fn token(rooms: &Rooms, public: &PublicCheckout, typed: &Typed, problems: &mut Problems) -> Option<String> {
    if !is_form_required(public) {
        return None;
    }
    let Some(sandbox) = Arc::clone(&rooms.house.adapters.payments).as_sandbox() else {
        let token = typed.given("confirmation_token_id");
        if token.is_none() {
            problems.general.push(String::from("Please choose how to pay."));
        }
        return token.map(str::to_owned);
    };
    match sandbox.confirmation_token(&card(typed)) {
        Ok(token) => Some(token),
        Err(problem) => {
            let name = match problem {
                CardProblem::Number => "card.number",
                CardProblem::Expiry => "card.expiry",
                CardProblem::Cvc => "card.cvc",
            };
            problems.add(name, problem.to_string());
            None
        }
    }
}

/// What was typed of the card, if it is a test card: the number of a real one is not sent back.
pub fn echoed<'t>(rooms: &Rooms, typed: &'t Typed) -> [&'t str; 3] {
    let sandbox = Arc::clone(&rooms.house.adapters.payments).as_sandbox();
    let is_test = |problem| problem != Some(CardProblem::Number);
    match sandbox.map(|sandbox| sandbox.confirmation_token(&card(typed)).err()) {
        Some(problem) if is_test(problem) => {
            ["card.number", "card.expiry", "card.cvc"].map(|name| typed.find(name).unwrap_or_default())
        }
        _ => [""; 3],
    }
}

fn card(typed: &Typed) -> Card {
    let text = |name| typed.find(name).unwrap_or_default();
    let (exp_month, exp_year) = expiry(text("card.expiry"));
    Card { number: text("card.number").to_owned(), exp_month, exp_year, cvc: text("card.cvc").to_owned() }
}

/// Month and year as they stand on a card, `12 / 30` or `1230` or with the century; zeros if it is no such thing.
fn expiry(text: &str) -> (u8, u16) {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let parts: Vec<&str> = text.split(['/', '-', ' ', '.']).filter(|part| !part.is_empty()).collect();
    let (month, year) = match parts.as_slice() {
        [month, year] => (*month, *year),
        [_] if matches!(digits.len(), 4 | 6) => digits.split_at(2),
        _ => return (0, 0),
    };
    let (Ok(month), Ok(short)) = (month.parse(), year.parse::<u16>()) else { return (0, 0) };
    (month, if short < 100 { 2000 + short } else { short })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_expiry_is_read_as_it_stands_on_cards() {
        for (text, read) in [
            ("12/30", (12, 2030)),
            ("12 / 30", (12, 2030)),
            ("1230", (12, 2030)),
            ("01/2031", (1, 2031)),
            ("012031", (1, 2031)),
            ("1/31", (1, 2031)),
            ("", (0, 0)),
            ("soon", (0, 0)),
            ("1/2/3", (0, 0)),
            ("12/999999", (0, 0)),
        ] {
            assert_eq!(expiry(text), read, "{text}");
        }
    }
}
