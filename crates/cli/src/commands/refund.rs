//! `merak refund`: give money back.

use clap::Args;
use merak_core::billing::refunds::NewRefund;
use merak_core::kit::{Cents, Id, Kind};
use merak_server::Chores;
use serde_json::json;
use uuid::Uuid;

use super::{open, wait_for};
use crate::failure::Failure;
use crate::options::Options;
use crate::{output, services};

/// Give the money of an order back, all of it or a part.
#[derive(Debug, Args)]
pub struct Refund {
    /// The order's id.
    order: Uuid,
    /// How much, in cents, taxes included [default: all that is left].
    #[arg(long, value_name = "CENTS")]
    amount: Option<i64>,
    /// How much you believe is left to be given back, in cents: nothing happens if it is another sum, so a command that runs
    /// twice gives back once.
    #[arg(long, value_name = "CENTS")]
    left: Option<i64>,
    /// Why, for your own books.
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Leave the buyer what came with the order.
    #[arg(long, conflicts_with = "revoke_benefits")]
    keep_benefits: bool,
    /// Take back what came with the order once the money has gone [default: if a one-time order is given back whole].
    #[arg(long)]
    revoke_benefits: bool,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

impl Refund {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        let (store, secret) = open(options)?;
        let config = services::connected(options, options.server()?)?;
        let revokes_benefits = match (self.keep_benefits, self.revoke_benefits) {
            (true, _) => Some(false),
            (_, true) => Some(true),
            (false, false) => None,
        };
        let new = NewRefund {
            order_id: Id::from_uuid(self.order),
            amount: self.amount.map(Cents::new),
            reason: self.reason,
            revokes_benefits,
            left: self.left.map(Cents::new),
        };
        let refund = wait_for(async {
            let chores = Chores::new(&config, &store, secret)?;
            chores.refund(new).await.map_err(|error| match error.refusal() {
                Some(refusal) if refusal.kind() == Some(Kind::NotFound) => {
                    Failure::usage(format!("there is no order with the id {}", self.order))
                }
                Some(refusal) if refusal.kind().is_some() => Failure::usage(refusal.sentences()),
                _ => Failure::runtime(error),
            })
        })?;
        let object = json!({
            "id": refund.id,
            "order_id": refund.order_id,
            "amount": refund.amount,
            "tax_amount": refund.tax_amount,
            "currency": refund.currency,
            "status": refund.status,
            "revokes_benefits": refund.revokes_benefits,
            "failure": refund.failure_message,
        });
        let line = format!("refund {} of {} {} {}", refund.id, refund.amount, refund.currency, refund.status);
        output::result(self.json, &object, &[line])
    }
}
