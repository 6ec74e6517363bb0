//! Events of the sandbox: signed when they are due, and read like those of any other processor.

use std::collections::BTreeMap;

use jiff::Timestamp;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};

use super::Sandbox;
use super::memory::forgetful;
use super::records::{Content, Planned};
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
    /// The events that are to be told now, at most of a hundred records. Each is told again later unless it is
    /// acknowledged.
    pub async fn due_events(&self) -> Result<Vec<SignedEvent>> {
        let now = self.memory.now();
        let (mut records, mut told) = (Vec::new(), Vec::new());
        for record in self.memory.list_due(now).await? {
            let mut content = Content::read(&record)?;
            let events = content.lease(now.as_second());
            records.push(content.record(record.version)?);
            told.push((content.intent_id().map(str::to_owned), events));
        }
        let leased = self.memory.replace_many(&records).await?;
        let mut due = Vec::new();
        // What somebody else changed meanwhile is still due, and comes next time.
        for ((record, (intent_id, events)), _) in
            records.iter().zip(told).zip(leased).filter(|(_, is_leased)| *is_leased)
        {
            for planned in events {
                due.push(self.signed(&record.id, intent_id.clone(), planned, now)?);
            }
        }
        Ok(due)
    }

    /// Lets events be: they were heard.
    pub async fn acknowledge(&self, events: &[SignedEvent]) -> Result<()> {
        let mut heard: BTreeMap<&str, Vec<&Planned>> = BTreeMap::new();
        for event in events {
            heard.entry(&event.record_id).or_default().push(&event.planned);
        }
        let forget = |content: &mut Content| {
            let planned = heard.get(content.id());
            for planned in planned.into_iter().flatten() {
                content.acknowledge(planned);
            }
        };
        let ids: Vec<&str> = heard.keys().copied().collect();
        let mut records = Vec::new();
        for record in self.memory.get_many(&ids).await? {
            let mut content = Content::read(&record)?;
            forget(&mut content);
            records.push(content.record(record.version)?);
        }
        let replaced = self.memory.replace_many(&records).await?;
        for (record, _) in records.iter().zip(replaced).filter(|(_, is_replaced)| !is_replaced) {
            self.change(&record.id, |content, _| {
                forget(content);
                Ok(())
            })
            .await?;
        }
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
