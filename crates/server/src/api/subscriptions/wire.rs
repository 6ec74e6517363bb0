//! How changes of subscriptions look on the wire: a price, or a cancellation, told apart by what fits best.
//!
//! | body | meant |
//! |---|---|
//! | a price | the price |
//! | members of a cancellation, with a price or without | the cancellation, even if all of them are null |
//! | a price and a member of a cancellation that is wrong | the price |
//! | a price that is none, or null | nothing is changed |

use merak_core::kit::{Id, Refusal, Result, at};
use merak_core::products::Price;
use merak_core::subscriptions::CancellationReason;
use merak_core::subscriptions::rules::Cancellation;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::wire::{Components, Described, nullable, object, one_of_named};

/// A change of a subscription, by its seller.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct SubscriptionUpdate {
    product_price_id: Option<Id<Price>>,
    cancel_at_period_end: Option<bool>,
    revoke: Option<bool>,
    customer_cancellation_reason: Option<CancellationReason>,
    customer_cancellation_comment: Option<String>,
}

/// A change of a subscription, by its buyer.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct CustomerSubscriptionUpdate {
    product_price_id: Option<Id<Price>>,
    cancel_at_period_end: Option<bool>,
    cancellation_reason: Option<CancellationReason>,
    cancellation_comment: Option<String>,
}

/// What a change of a subscription wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// To end with its period.
    Cancel(Cancellation),
    /// To end now.
    Revoke(Cancellation),
    /// To go on after all.
    Uncancel,
    /// Another price.
    Price(Id<Price>),
}

impl SubscriptionUpdate {
    /// What is wanted. Ending now and at the end of the period is not both possible.
    pub fn wish(&self) -> Result<Wish> {
        if self.revoke.is_some() && self.cancel_at_period_end.is_some() {
            let place = at("body").field("revoke");
            return Err(Refusal::invalid(
                place.value_error("It can end now or at the end of the period, not both.", true),
            ));
        }
        let why = Cancellation {
            reason: self.customer_cancellation_reason,
            comment: self.customer_cancellation_comment.clone(),
        };
        if self.revoke.is_some() {
            return Ok(Wish::Revoke(why));
        }
        Ok(wish(self.product_price_id, self.cancel_at_period_end, why))
    }
}

impl CustomerSubscriptionUpdate {
    /// What is wanted.
    pub fn wish(&self) -> Wish {
        let why =
            Cancellation { reason: self.cancellation_reason, comment: self.cancellation_comment.clone() };
        wish(self.product_price_id, self.cancel_at_period_end, why)
    }
}

fn wish(price_id: Option<Id<Price>>, cancels: Option<bool>, why: Cancellation) -> Wish {
    match (price_id, cancels) {
        (Some(price_id), _) => Wish::Price(price_id),
        (None, Some(true)) => Wish::Cancel(why),
        (None, Some(false)) => Wish::Uncancel,
        (None, None) => Wish::Nothing,
    }
}

fn price_form(components: &mut Components, name: &str) -> Value {
    one_of_named(components, name, |components| {
        let id = Id::<Price>::schema(components);
        object(json!({"product_price_id": id}), &["product_price_id"])
    })
}

fn cancels() -> Value {
    nullable(json!({"type": "boolean", "description": "Whether it ends at the end of the period."}))
}

fn comment() -> Value {
    nullable(json!({"type": "string", "description": "In the customer's words."}))
}

impl Described for SubscriptionUpdate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "SubscriptionUpdate", |components| {
            let price = price_form(components, "SubscriptionUpdatePrice");
            let cancel = one_of_named(components, "SubscriptionCancel", |components| {
                let members = json!({
                    "cancel_at_period_end": cancels(),
                    "revoke": nullable(json!({"type": "boolean", "const": true, "description": "That it ends now."})),
                    "customer_cancellation_reason": nullable(CancellationReason::schema(components)),
                    "customer_cancellation_comment": comment()
                });
                object(members, &[])
            });
            json!({"anyOf": [price, cancel], "x-fullest": true})
        })
    }
}

impl Described for CustomerSubscriptionUpdate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CustomerSubscriptionUpdate", |components| {
            let price = price_form(components, "CustomerSubscriptionUpdatePrice");
            let cancel = one_of_named(components, "CustomerSubscriptionCancel", |components| {
                let members = json!({
                    "cancel_at_period_end": cancels(),
                    "cancellation_reason": nullable(CancellationReason::schema(components)),
                    "cancellation_comment": comment()
                });
                object(members, &[])
            });
            json!({"anyOf": [price, cancel], "x-fullest": true})
        })
    }
}
