//! Stripe as a processor.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use url::form_urlencoded;

use super::answers::{charge, method, refund, refused_charge, refused_refund, refused_setup, setup};
use super::calls::{Answer, Fields, No, asked_otherwise, misconfigured, unknown};
use super::{NAME, Stripe};
use crate::hex::hex;
use crate::payments::sandbox::Sandbox;
use crate::payments::{
    Address, ChargeOutcome, ChargeRequest, CustomerRequest, Event, EventError, Method, Processor,
    RefundOutcome, RefundRequest, Result, SetupOutcome, SetupRequest, Source,
};

/// What is to be told of a payment intent: its fee and its card.
const EXPAND: [&str; 2] = ["latest_charge.balance_transaction", "payment_method"];

#[async_trait]
impl Processor for Stripe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn minimum_cents(&self, currency: &str) -> i64 {
        match currency {
            "gbp" => 30,
            "bgn" => 100,
            "aed" | "myr" | "pln" | "ron" => 200,
            "dkk" => 250,
            "nok" | "sek" => 300,
            "hkd" => 400,
            "mxn" | "thb" => 1000,
            "czk" => 1500,
            "huf" => 17_500,
            _ => 50,
        }
    }

    async fn ensure_customer(&self, request: &CustomerRequest, key: &str) -> Result<String> {
        let fields = customer_fields(request);
        // A customer may have changed before the same is asked again. Then it is another wish, and no money hangs on it.
        let digest = fingerprint(&fields);
        if let Some(id) = &request.existing_id {
            match self.calls.post(&["customers", id], &fields, &format!("{key}/update/{digest}")).await? {
                Answer::Done(_) => return Ok(id.clone()),
                Answer::No(no) if no.is_missing() => {}
                Answer::No(no) => return Err(no.into_error()),
            }
        }
        let made = self.calls.post(&["customers"], &fields, &format!("{key}/{digest}")).await?.done()?;
        let id = made["id"].as_str().ok_or_else(|| unknown(String::from("a customer without an id")))?;
        Ok(id.to_owned())
    }

    async fn charge(&self, request: &ChargeRequest, key: &str) -> Result<ChargeOutcome> {
        let mut fields = vec![
            field("amount", &request.amount_cents.to_string()),
            field("currency", &request.currency),
            field("customer", &request.customer_id),
            field("confirm", "true"),
            // Its fee is known at once only of money that is taken at once.
            field("capture_method", "automatic"),
            source(&request.source),
        ];
        if request.off_session {
            fields.push(field("off_session", "true"));
        } else if request.save_method {
            fields.push(field("setup_future_usage", "off_session"));
        }
        fields.extend(returning(request.return_url.as_deref()));
        fields.extend(metadata(&request.metadata, &request.reference));
        fields.extend(EXPAND.map(|path| field("expand[]", path)));
        match self.calls.post_anew(&["payment_intents"], &fields, key).await? {
            Some(Answer::Done(intent)) => charge(&intent),
            Some(Answer::No(no)) => refusal(no).map(|no| refused_charge(&no)),
            None => self.charged_before(request).await,
        }
    }

    async fn set_up(&self, request: &SetupRequest, key: &str) -> Result<SetupOutcome> {
        let mut fields = vec![
            field("customer", &request.customer_id),
            field("confirm", "true"),
            field("usage", "off_session"),
            source(&request.source),
        ];
        fields.extend(returning(request.return_url.as_deref()));
        fields.extend(metadata(&request.metadata, &request.reference));
        fields.push(field("expand[]", "payment_method"));
        match self.calls.post(&["setup_intents"], &fields, key).await? {
            Answer::Done(intent) => setup(&intent),
            Answer::No(no) => refusal(no).map(|no| refused_setup(&no)),
        }
    }

    async fn retrieve(&self, intent_id: &str) -> Result<ChargeOutcome> {
        let query = EXPAND.map(|path| ("expand[]", path));
        charge(&self.calls.get(&["payment_intents", intent_id], &query).await?.done()?)
    }

    async fn retrieve_setup(&self, intent_id: &str) -> Result<SetupOutcome> {
        let query = [("expand[]", "payment_method")];
        setup(&self.calls.get(&["setup_intents", intent_id], &query).await?.done()?)
    }

    async fn find_charge(&self, reference: &str) -> Result<Option<ChargeOutcome>> {
        let found = self.intents(reference).await?;
        let outcomes = found.iter().map(charge).collect::<Result<Vec<_>>>()?;
        Ok(ChargeOutcome::weightiest(outcomes))
    }

    async fn cancel(&self, intent_id: &str, key: &str) -> Result<ChargeOutcome> {
        match self.calls.post(&["payment_intents", intent_id, "cancel"], &Fields::new(), key).await? {
            // Also what could not be given up any more: it stands as it stands.
            Answer::Done(_) => self.retrieve(intent_id).await,
            Answer::No(no) if no.code() == "payment_intent_unexpected_state" => {
                self.retrieve(intent_id).await
            }
            Answer::No(no) => Err(no.into_error()),
        }
    }

    async fn refund(&self, request: &RefundRequest, key: &str) -> Result<RefundOutcome> {
        let mut fields = vec![
            field("payment_intent", &request.intent_id),
            field("amount", &request.amount_cents.to_string()),
        ];
        fields.extend(metadata(&[], &request.reference));
        match self.calls.post(&["refunds"], &fields, key).await? {
            Answer::Done(made) => refund(&made),
            Answer::No(no) if no.is_missing() => Err(no.into_error()),
            Answer::No(no) => Ok(refused_refund(&no)),
        }
    }

    async fn find_refund(&self, intent_id: &str, reference: &str) -> Result<Option<RefundOutcome>> {
        // A charge has few refunds; each is of at least a cent, and it takes a person to make one.
        let query = [("payment_intent", intent_id), ("limit", "100")];
        let found = self.calls.get(&["refunds"], &query).await?.done()?;
        let named = list(&found)?.iter().find(|made| made["metadata"]["reference"] == reference);
        match named {
            Some(made) => refund(made).map(Some),
            None if found["has_more"] == true => {
                Err(unknown(String::from("a charge with more than a hundred refunds")))
            }
            None => Ok(None),
        }
    }

    async fn retrieve_refund(&self, refund_id: &str) -> Result<RefundOutcome> {
        refund(&self.calls.get(&["refunds", refund_id], &[]).await?.done()?)
    }

    async fn list_methods(&self, customer_id: &str) -> Result<Vec<Method>> {
        let query = [("type", "card"), ("limit", "100")];
        match self.calls.get(&["customers", customer_id, "payment_methods"], &query).await? {
            Answer::Done(found) => Ok(list(&found)?.iter().filter_map(method).collect()),
            Answer::No(no) if no.is_missing() => Ok(Vec::new()),
            Answer::No(no) => Err(no.into_error()),
        }
    }

    async fn saved_cards_secret(&self, customer_id: &str, key: &str) -> Result<Option<String>> {
        let form = "components[payment_element]";
        let redisplay = format!("{form}[features][payment_method_allow_redisplay_filters]");
        let fields = vec![
            field("customer", customer_id),
            field(&format!("{form}[enabled]"), "true"),
            field(&format!("{form}[features][payment_method_redisplay]"), "enabled"),
            // Others may have been typed in by somebody else, for this customer.
            field(&format!("{redisplay}[0]"), "always"),
        ];
        match self.calls.post(&["customer_sessions"], &fields, key).await? {
            Answer::Done(made) => Ok(made["client_secret"].as_str().map(str::to_owned)),
            Answer::No(no) if no.is_missing() => Ok(None),
            Answer::No(no) => Err(no.into_error()),
        }
    }

    async fn detach(&self, method_id: &str) -> Result<()> {
        let key = format!("detach/{method_id}");
        match self.calls.post(&["payment_methods", method_id, "detach"], &Fields::new(), &key).await? {
            Answer::Done(_) => Ok(()),
            Answer::No(no) if no.is_missing() => Ok(()),
            // One that belongs to nobody cannot be taken from anybody; that is told like any other mistake.
            Answer::No(no) => match self.calls.get(&["payment_methods", method_id], &[]).await? {
                Answer::Done(method) if method["customer"].is_null() => Ok(()),
                Answer::Done(_) | Answer::No(_) => Err(no.into_error()),
            },
        }
    }

    fn browser(&self) -> Value {
        json!({"processor": NAME, "publishable_key": self.publishable_key})
    }

    fn read_event(
        &self,
        headers: &HeaderMap,
        body: &[u8],
        now: Timestamp,
    ) -> std::result::Result<Vec<Event>, EventError> {
        self.read(headers, body, now).map(|event| vec![event])
    }

    fn as_sandbox(self: Arc<Self>) -> Option<Arc<Sandbox>> {
        None
    }
}

impl Stripe {
    /// The payment intents that were made for an attempt.
    async fn intents(&self, reference: &str) -> Result<Vec<Value>> {
        // A quote or a backslash would end the search's text early.
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-');
        if !reference.chars().all(is_plain) {
            return Err(misconfigured(String::from("a reference has letters, digits, `_` and `-`")));
        }
        let wanted = format!("metadata['reference']:'{reference}'");
        let query = [
            ("query", &*wanted),
            ("limit", "100"),
            ("expand[]", "data.latest_charge.balance_transaction"),
            ("expand[]", "data.payment_method"),
        ];
        let found = self.calls.get(&["payment_intents", "search"], &query).await?.done()?;
        Ok(list(&found)?.clone())
    }

    /// What came of a charge that was asked for in other words before: the address to come back to is another one since a
    /// restart, say. What is charged must be the same.
    async fn charged_before(&self, request: &ChargeRequest) -> Result<ChargeOutcome> {
        let is_same = |intent: &&Value| {
            intent["amount"] == request.amount_cents && intent["currency"] == request.currency.as_str()
        };
        let found = self.intents(&request.reference).await?;
        let outcomes = found.iter().filter(is_same).map(charge).collect::<Result<Vec<_>>>()?;
        ChargeOutcome::weightiest(outcomes).ok_or_else(asked_otherwise)
    }
}

/// A no that is about what the customer gave. Another one is about the account.
fn refusal(no: No) -> Result<No> {
    if no.error["param"] == "customer" {
        return Err(no.into_error());
    }
    if no.error["type"] != "card_error" {
        let code = no.code();
        tracing::warn!(status = no.status.as_u16(), code, "Stripe did not understand a payment");
    }
    Ok(no)
}

fn field(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn source(source: &Source) -> (String, String) {
    match source {
        Source::ConfirmationToken(token) => field("confirmation_token", token),
        Source::SavedMethod(id) => field("payment_method", id),
    }
}

/// Where the customer comes back to. Who has no address to come back to must not be sent away.
fn returning(url: Option<&str>) -> Fields {
    match url {
        Some(url) => vec![field("return_url", url)],
        None => vec![
            field("automatic_payment_methods[enabled]", "true"),
            field("automatic_payment_methods[allow_redirects]", "never"),
        ],
    }
}

fn metadata(given: &[(String, String)], reference: &str) -> Fields {
    let given = given.iter().filter(|(name, _)| name != "reference");
    let given = given.map(|(name, value)| (format!("metadata[{name}]"), value.clone()));
    given.chain([field("metadata[reference]", reference)]).collect()
}

fn customer_fields(request: &CustomerRequest) -> Fields {
    let mut fields = vec![field("email", &request.email), field("metadata[reference]", &request.reference)];
    fields.extend(request.name.as_deref().map(|name| field("name", name)));
    let Some(Address { line1, line2, postal_code, city, state, country }) = &request.address else {
        return fields;
    };
    let parts = [
        ("line1", line1.as_deref()),
        ("line2", line2.as_deref()),
        ("postal_code", postal_code.as_deref()),
        ("city", city.as_deref()),
        ("state", state.as_deref()),
        ("country", Some(country.as_str())),
    ];
    // What an address does not have is emptied, so that none is made of two.
    fields.extend(
        parts.into_iter().map(|(name, value)| field(&format!("address[{name}]"), value.unwrap_or_default())),
    );
    fields
}

/// Tells fields from others.
fn fingerprint(fields: &Fields) -> String {
    let told = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    hex(&Sha256::digest(told)[..8])
}

fn list(found: &Value) -> Result<&Vec<Value>> {
    found["data"].as_array().ok_or_else(|| unknown(String::from("a list without its items")))
}
