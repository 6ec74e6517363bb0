//! Reads what Stripe answers.

use serde_json::Value;

use super::calls::{No, unknown};
use crate::payments::{
    ChargeOutcome, ChargeState, Decline, Method, RefundOutcome, RefundState, Result, SetupOutcome, SetupState,
};

/// Codes of declines after which the same card is never accepted.
const HARD: [&str; 27] = [
    "amount_too_small",
    "amount_too_large",
    "card_not_supported",
    "currency_not_supported",
    "expired_card",
    "fraudulent",
    "incorrect_number",
    "invalid_account",
    "invalid_expiry_month",
    "invalid_expiry_year",
    "invalid_number",
    "lost_card",
    "merchant_blacklist",
    "new_account_information_available",
    "not_permitted",
    "payment_method_not_available",
    "pickup_card",
    "resource_missing",
    "restricted_card",
    "revocation_of_all_authorizations",
    "revocation_of_authorization",
    "security_violation",
    "service_not_allowed",
    "stolen_card",
    "stop_payment_order",
    "testmode_decline",
    "transaction_not_allowed",
];

/// How the charge of a payment intent stands.
pub(super) fn charge(intent: &Value) -> Result<ChargeOutcome> {
    let state = match text(intent, "status")? {
        "succeeded" => ChargeState::Succeeded {
            charge_id: id_of(&intent["latest_charge"])
                .ok_or_else(|| unknown(String::from("a payment without a charge")))?,
            method: method(&intent["payment_method"]),
            fee_cents: fee_cents(intent),
        },
        "processing" => ChargeState::Processing,
        "requires_action" => ChargeState::RequiresAction { url: page(intent) },
        "requires_payment_method" => ChargeState::Declined(decline(&intent["last_payment_error"])),
        "canceled" => ChargeState::Canceled,
        other => return Err(unknown(format!("the status {other}"))),
    };
    let (intent_id, client_secret) = names(intent)?;
    Ok(ChargeOutcome { intent_id, client_secret, state })
}

/// How a set-up intent stands.
pub(super) fn setup(intent: &Value) -> Result<SetupOutcome> {
    let state = match text(intent, "status")? {
        "succeeded" => SetupState::Succeeded {
            method: method(&intent["payment_method"])
                .ok_or_else(|| unknown(String::from("a set-up without a method")))?,
        },
        "processing" => SetupState::Processing,
        "requires_action" => SetupState::RequiresAction { url: page(intent) },
        "requires_payment_method" => SetupState::Declined(decline(&intent["last_setup_error"])),
        "canceled" => SetupState::Canceled,
        other => return Err(unknown(format!("the status {other}"))),
    };
    let (intent_id, client_secret) = names(intent)?;
    Ok(SetupOutcome { intent_id, client_secret, state })
}

/// What came of a charge that was refused.
pub(super) fn refused_charge(no: &No) -> ChargeOutcome {
    let intent = &no.error["payment_intent"];
    let (intent_id, client_secret) = names(intent).unwrap_or_default();
    ChargeOutcome { intent_id, client_secret, state: ChargeState::Declined(decline(&no.error)) }
}

/// What came of a set-up that was refused.
pub(super) fn refused_setup(no: &No) -> SetupOutcome {
    let intent = &no.error["setup_intent"];
    let (intent_id, client_secret) = names(intent).unwrap_or_default();
    SetupOutcome { intent_id, client_secret, state: SetupState::Declined(decline(&no.error)) }
}

/// How a refund stands.
pub(super) fn refund(refund: &Value) -> Result<RefundOutcome> {
    let failed = |code: &str| RefundState::Failed {
        code: refund["failure_reason"].as_str().unwrap_or(code).to_owned(),
        message: String::from("The customer's bank did not take the money back."),
    };
    let state = match text(refund, "status")? {
        "succeeded" => RefundState::Succeeded,
        "pending" | "requires_action" => RefundState::Pending,
        "failed" => failed("failed"),
        "canceled" => failed("canceled"),
        other => return Err(unknown(format!("the status {other}"))),
    };
    Ok(RefundOutcome { refund_id: Some(text(refund, "id")?.to_owned()), state })
}

/// What came of a refund that was refused.
pub(super) fn refused_refund(no: &No) -> RefundOutcome {
    let Decline { code, message, .. } = decline(&no.error);
    RefundOutcome { refund_id: None, state: RefundState::Failed { code, message } }
}

/// A payment method, if it was told in full.
pub(super) fn method(method: &Value) -> Option<Method> {
    let (id, kind) = (method["id"].as_str()?, method["type"].as_str()?);
    let details = &method[kind];
    let word = |name: &str| details[name].as_str().map(str::to_owned);
    let number = |name: &str| details[name].as_u64();
    Some(Method {
        id: id.to_owned(),
        kind: kind.to_owned(),
        brand: word("brand"),
        last4: word("last4"),
        exp_month: number("exp_month").and_then(|month| u8::try_from(month).ok()),
        exp_year: number("exp_year").and_then(|year| u16::try_from(year).ok()),
        country: word("country"),
    })
}

/// Why something was declined, by an error of Stripe.
pub(super) fn decline(error: &Value) -> Decline {
    // The bank's word, unless it says nothing; else Stripe's.
    let bank = error["decline_code"].as_str().filter(|code| *code != "generic_decline");
    let code = bank.or_else(|| error["code"].as_str()).or_else(|| error["type"].as_str());
    let code = code.unwrap_or("declined");
    let is_advised_against = error["advice_code"] == "do_not_try_again";
    Decline {
        code: code.to_owned(),
        message: error["message"].as_str().unwrap_or("The payment was declined.").to_owned(),
        hard: HARD.contains(&code) || is_advised_against,
        authentication_required: error["code"] == "authentication_required"
            || error["decline_code"] == "authentication_required",
    }
}

/// The id of something that is told by its id or in full.
pub(super) fn id_of(value: &Value) -> Option<String> {
    value.as_str().or_else(|| value["id"].as_str()).map(str::to_owned)
}

fn names(intent: &Value) -> Result<(Option<String>, Option<String>)> {
    let client_secret = intent["client_secret"].as_str().map(str::to_owned);
    Ok((Some(text(intent, "id")?.to_owned()), client_secret))
}

/// What Stripe keeps, if it is told in the currency of the charge.
fn fee_cents(intent: &Value) -> Option<i64> {
    let balance = &intent["latest_charge"]["balance_transaction"];
    balance["fee"].as_i64().filter(|_| balance["currency"] == intent["currency"])
}

/// Where a browser proves who its owner is.
fn page(intent: &Value) -> Option<String> {
    intent["next_action"]["redirect_to_url"]["url"].as_str().map(str::to_owned)
}

fn text<'v>(value: &'v Value, name: &str) -> Result<&'v str> {
    value[name].as_str().ok_or_else(|| unknown(format!("an answer without `{name}`")))
}
