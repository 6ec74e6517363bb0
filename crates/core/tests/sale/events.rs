//! What the server does with what the bank tells.

use std::collections::HashSet;

use merak_core::billing::hints::{self, Hint};
use merak_core::billing::{Payment, payments};
use merak_core::kit::Cents;

use crate::letters::{Event, EventKind};
use crate::town::{Asked, Task, Town};

impl Town {
    /// Takes what has come. Events about payments of which all is known are passed over together, as the sandbox's courier
    /// does, or each is looked at, as one that comes by a webhook is.
    pub fn receive(&mut self, events: Vec<Event>) {
        let intents: Vec<String> =
            events.iter().filter_map(|event| intent_of_payment(event).cloned()).collect();
        let is_by_webhook = self.seed.number.is_multiple_of(2);
        let complete = if is_by_webhook || intents.is_empty() {
            HashSet::new()
        } else {
            self.look(move |tx| payments::complete(tx, "sandbox", intents.clone()))
        };
        for event in events {
            if intent_of_payment(&event).is_some_and(|intent| complete.contains(intent)) {
                self.bank.taken(&event.id);
            } else {
                self.begin(Task::Read(event));
            }
        }
    }

    pub fn read_event(&mut self, event: Event) {
        let id = event.id.clone();
        if self.look(move |tx| hints::is_known(tx, "sandbox", &id)) {
            return self.bank.taken(&event.id);
        }
        if let Some(hint) = self.hint(&event.kind) {
            self.begin(Task::TakeIn(event.id, Box::new(hint)));
        }
    }

    /// What an event means; none if the bank did not answer, so that it tells it again.
    fn hint(&mut self, kind: &EventKind) -> Option<Hint> {
        let (intent, reference) = match kind {
            EventKind::Detached { method } => {
                return Some(Hint::MethodDetached { processor_method_id: method.clone() });
            }
            EventKind::Payment { intent, reference } => (intent.clone(), Some(reference.clone())),
            EventKind::Refund { intent, reference, .. } => (intent.clone(), reference.clone()),
            EventKind::DisputeOpened { intent, .. } | EventKind::DisputeClosed { intent, .. } => {
                (intent.clone(), None)
            }
        };
        let own = reference.clone();
        let payment = self.look(move |tx| {
            if let Some(found) = payments::find_by_intent(tx, "sandbox", &intent)? {
                return Ok(Some(found));
            }
            match own.as_deref().and_then(|id| id.parse().ok()) {
                Some(id) => payments::find(tx, id),
                None => Ok(None),
            }
        });
        let Some(payment) = payment else {
            let is_any_unnamed = self.look(|tx| payments::is_any_unnamed(tx, "sandbox"));
            if is_any_unnamed {
                self.tally.note("told too early");
            }
            return (!is_any_unnamed).then_some(Hint::Nothing);
        };
        let payment_id = payment.id;
        Some(match kind {
            // All of it is written down already.
            EventKind::Payment { .. } if payment.is_complete() => Hint::Nothing,
            EventKind::Payment { intent, .. } => {
                let processor_intent_id = payment.processor_intent_id.clone().or(Some(intent.clone()));
                match self.ask(Payment { processor_intent_id, ..payment }) {
                    Asked::Answered(answer) => Hint::Payment { id: payment_id, answer },
                    Asked::Unanswered | Asked::Crashed => return None,
                }
            }
            EventKind::Refund { refund, amount, outcome, .. } => Hint::Refund {
                payment_id,
                refund_id: reference.and_then(|id| id.parse().ok()),
                processor_refund_id: refund.clone(),
                amount: Some(Cents::new(*amount)),
                outcome: outcome.clone(),
            },
            EventKind::DisputeOpened { dispute, amount, .. } => Hint::DisputeOpened {
                payment_id,
                processor_dispute_id: dispute.clone(),
                amount: Some(Cents::new(*amount)),
                fee: None,
            },
            EventKind::DisputeClosed { dispute, amount, is_won, .. } => Hint::DisputeClosed {
                payment_id,
                processor_dispute_id: dispute.clone(),
                is_won: *is_won,
                amount: Some(Cents::new(*amount)),
                fee: None,
            },
            EventKind::Detached { .. } => Hint::Nothing,
        })
    }
}

fn intent_of_payment(event: &Event) -> Option<&String> {
    match &event.kind {
        EventKind::Payment { intent, .. } => Some(intent),
        _ => None,
    }
}
