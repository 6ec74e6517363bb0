//! What a payment processor tells by itself, from its webhook or from the sandbox's courier.
//!
//! An event is a hint: it may come twice, late, or before what happened earlier, and it may be about an attempt that is
//! not the current one. So whatever is done about it must bear being done again, and asks the processor how the matter
//! stands.

use http::HeaderMap;
use merak_adapters::payments::{Event, EventError, EventKind};
use merak_core::kit::{Kind, Refusal};

use super::Error;
use crate::state::House;

/// Reads a message and acts on its events. What is not believed is refused: 400 if it cannot be read, 401 if it was not
/// signed, or not just now.
pub async fn receive(house: &House, headers: &HeaderMap, body: &[u8]) -> Result<(), Error> {
    let now = house.store.now().into();
    let events = house.adapters.payments.read_event(headers, body, now).map_err(|error| match error {
        EventError::BadPayload => Refusal::bad_request("The message cannot be read."),
        EventError::BadSignature | EventError::Replayed => {
            Refusal::rule(Kind::Unauthenticated, error.to_string())
        }
    })?;
    run(house, events).await
}

/// Acts on events. An error makes the processor tell them again.
#[expect(clippy::unused_async, reason = "what acts on an event runs units of work and asks the processor")]
pub async fn run(house: &House, events: Vec<Event>) -> Result<(), Error> {
    let processor = house.adapters.payments.name();
    for event in events {
        let Event { id, kind, reference, .. } = &event;
        if *kind == EventKind::Ignored {
            continue;
        }
        tracing::debug!(processor, event = id, ?reference, "an event about nothing that is known here");
    }
    Ok(())
}
