//! Events of the sandbox: signed when they are due, and read like those of any other processor.

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::Sandbox;
use super::memory::forgetful;
use super::records::Planned;
use crate::payments::{Event, EventError, EventKind, Result};

/// The header of the signature.
pub const SIGNATURE_HEADER: HeaderName = HeaderName::from_static("sandbox-signature");

/// A message for the webhook's address.
#[derive(Clone, Debug)]
pub struct SignedEvent {
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    record_id: String,
    planned: Planned,
}

/// What a message says.
#[derive(Serialize, Deserialize)]
struct Told {
    id: String,
    /// Seconds since 1970.
    created: i64,
    kind: EventKind,
    intent_id: Option<String>,
    reference: Option<String>,
    amount_cents: Option<i64>,
}

impl Sandbox {
    /// The events that are to be told now. Each is told again later unless it is acknowledged.
    pub async fn due_events(&self) -> Result<Vec<SignedEvent>> {
        let now = self.memory.now();
        let mut due = Vec::new();
        for record in self.memory.list_due(now).await? {
            let leased = self
                .change(&record.id, |content, now| {
                    let intent_id = content.intent_id().map(str::to_owned);
                    Ok((content.lease(now), intent_id))
                })
                .await?;
            let Some((events, intent_id)) = leased else { continue };
            for planned in events {
                due.push(self.signed(&record.id, intent_id.clone(), planned, now)?);
            }
        }
        Ok(due)
    }

    /// Lets an event be: it was heard.
    pub async fn acknowledge(&self, event: &SignedEvent) -> Result<()> {
        self.change(&event.record_id, |content, _| {
            content.acknowledge(&event.planned);
            Ok(())
        })
        .await?;
        Ok(())
    }

    fn signed(
        &self,
        record_id: &str,
        intent_id: Option<String>,
        planned: Planned,
        now: Timestamp,
    ) -> Result<SignedEvent> {
        let told = Told {
            id: planned.id.clone(),
            created: planned.occurred_at,
            kind: planned.kind.clone(),
            intent_id,
            reference: planned.reference.clone(),
            amount_cents: planned.amount_cents,
        };
        let body = serde_json::to_vec(&told).map_err(forgetful)?;
        let signature = HeaderValue::try_from(self.signer.sign(&body, now)).map_err(forgetful)?;
        let headers = HeaderMap::from_iter([(SIGNATURE_HEADER, signature)]);
        Ok(SignedEvent { headers, body, record_id: record_id.to_owned(), planned })
    }

    pub(super) fn read(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> std::result::Result<Event, EventError> {
        let header = headers.get(&SIGNATURE_HEADER).ok_or(EventError::BadSignature)?;
        self.signer.verify(header.as_bytes(), body, now)?;
        let told: Told = serde_json::from_slice(body).map_err(|_| EventError::BadPayload)?;
        Ok(Event {
            id: told.id,
            occurred_at: Timestamp::from_second(told.created).map_err(|_| EventError::BadPayload)?,
            kind: told.kind,
            intent_id: told.intent_id,
            reference: told.reference,
            amount_cents: told.amount_cents,
            fee_cents: None,
        })
    }
}
