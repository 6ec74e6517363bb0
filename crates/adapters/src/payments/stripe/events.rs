//! Reads Stripe's events.

use jiff::Timestamp;
use serde_json::Value;

use super::answers::{decline, id_of};
use crate::payments::{Decline, Event, EventKind};

/// The event in a body, if it is one.
pub(super) fn read(body: &[u8]) -> Option<Event> {
    let told: Value = serde_json::from_slice(body).ok()?;
    let object = &told["data"]["object"];
    let kind = kind(told["type"].as_str()?, object)?;
    let is_intent = matches!(object["object"].as_str(), Some("payment_intent" | "setup_intent"));
    Some(Event {
        id: told["id"].as_str()?.to_owned(),
        occurred_at: Timestamp::from_second(told["created"].as_i64()?).ok()?,
        kind,
        intent_id: if is_intent { id_of(object) } else { id_of(&object["payment_intent"]) },
        reference: object["metadata"]["reference"].as_str().map(str::to_owned),
        amount_cents: object["amount"].as_i64(),
        fee_cents: dispute_fee(object),
    })
}

/// What happened; nothing if the object lacks its name.
fn kind(word: &str, object: &Value) -> Option<EventKind> {
    let id = || id_of(object);
    Some(match word {
        "payment_intent.succeeded" => EventKind::ChargeSucceeded,
        // The fee of money that was taken comes later than the money.
        "charge.updated" if object["status"] == "succeeded" => EventKind::ChargeSucceeded,
        "payment_intent.payment_failed" => EventKind::ChargeFailed(decline(&object["last_payment_error"])),
        "payment_intent.canceled" => EventKind::ChargeFailed(given_up()),
        "setup_intent.succeeded" => EventKind::SetupSucceeded,
        "setup_intent.setup_failed" => EventKind::SetupFailed(decline(&object["last_setup_error"])),
        "setup_intent.canceled" => EventKind::SetupFailed(given_up()),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            match object["status"].as_str() {
                Some("succeeded") => EventKind::RefundSettled { refund_id: id()? },
                Some("failed" | "canceled") => EventKind::RefundFailed { refund_id: id()? },
                _ => EventKind::Ignored,
            }
        }
        // A bank that only asks takes no money; should it do so later, that is told by itself.
        word if word.starts_with("charge.dispute.") && is_inquiry(object) => EventKind::Ignored,
        "charge.dispute.created" | "charge.dispute.funds_withdrawn" => {
            EventKind::DisputeOpened { dispute_id: id()? }
        }
        "charge.dispute.closed" => {
            EventKind::DisputeClosed { dispute_id: id()?, won: object["status"] == "won" }
        }
        "payment_method.updated" | "payment_method.automatically_updated" => {
            EventKind::MethodUpdated { method_id: id()? }
        }
        "payment_method.detached" => EventKind::MethodDetached { method_id: id()? },
        _ => EventKind::Ignored,
    })
}

fn is_inquiry(dispute: &Value) -> bool {
    dispute["status"].as_str().is_some_and(|status| status.starts_with("warning_"))
}

/// What the processor has taken for a dispute so far; less than before if it gives the fee back to who wins.
fn dispute_fee(object: &Value) -> Option<i64> {
    if object["object"] != "dispute" {
        return None;
    }
    let moves = object["balance_transactions"].as_array()?;
    Some(moves.iter().filter_map(|one| one["fee"].as_i64()).sum())
}

fn given_up() -> Decline {
    Decline {
        code: String::from("canceled"),
        message: String::from("The payment was given up."),
        hard: false,
        authentication_required: false,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names of events in a text in which they stand between marks of this kind.
    fn names(text: &str, mark: char) -> BTreeSet<&str> {
        let is_name = |text: &&str| {
            let is_word = |word: &str| {
                !word.is_empty() && word.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
            };
            text.contains('.') && text.split('.').all(is_word)
        };
        text.split(mark).filter(is_name).collect()
    }

    #[test]
    fn the_documented_events_are_those_that_are_heard() {
        let source = include_str!("events.rs").split("#[cfg(test)]").next().unwrap();
        let guide = include_str!("../../../../../docs/configuration.md");
        let list = guide.split("/v1/integrations/stripe/webhook` for the").nth(1).unwrap();
        let list = list.split(". Without ").next().unwrap();
        let heard = names(source, '"');
        assert!(heard.len() > 10, "{heard:?}");
        assert_eq!(names(list, '`'), heard);
    }
}
