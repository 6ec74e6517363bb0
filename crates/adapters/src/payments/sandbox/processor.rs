//! The sandbox as a processor.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use super::cards::{Reason, Scenario, TEST_CARDS};
use super::records::{Content, Intent, KeptCard, Purpose, Refund, RefundStage, Stage, reference_owner};
use super::{NAME, Sandbox, lost, unknown};
use crate::hex::hex;
use crate::payments::{
    ChargeOutcome, ChargeRequest, ChargeState, CustomerRequest, Error, Event, EventError, Method, Processor,
    RefundOutcome, RefundRequest, RefundState, Result, SetupOutcome, SetupRequest, SetupState, Source,
};

/// What can be charged, in minor units.
const AMOUNTS: std::ops::RangeInclusive<i64> = 50..=99_999_999;

/// What a charge and a set-up have in common.
struct Wish<'w> {
    /// What calls for the same are known by.
    key: &'w str,
    /// The intent's id.
    id: String,
    purpose: Purpose,
    customer_id: &'w str,
    source: &'w Source,
    off_session: bool,
    keeps_method: bool,
    return_url: Option<&'w String>,
    reference: &'w str,
}

#[async_trait]
impl Processor for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn minimum_cents(&self, _currency: &str) -> i64 {
        *AMOUNTS.start()
    }

    fn at_once(&self) -> usize {
        // What is remembered at the same time is flushed together.
        100
    }

    fn customer_id(&self, reference: &str) -> Option<String> {
        // There is nothing to be remembered of a customer but the methods, which know whose they are.
        Some(self.name("cus", reference))
    }

    async fn ensure_customer(&self, request: &CustomerRequest, _key: &str) -> Result<String> {
        Ok(request.existing_id.clone().unwrap_or_else(|| self.name("cus", &request.reference)))
    }

    async fn charge(&self, request: &ChargeRequest, key: &str) -> Result<ChargeOutcome> {
        let declined = |reason: Reason| ChargeOutcome {
            intent_id: None,
            client_secret: None,
            state: ChargeState::Declined(reason.decline()),
        };
        if request.amount_cents < *AMOUNTS.start() {
            return Ok(declined(Reason::AmountTooSmall));
        }
        if request.amount_cents > *AMOUNTS.end() {
            return Ok(declined(Reason::AmountTooLarge));
        }
        let wish = Wish {
            key,
            id: self.name("pi", key),
            purpose: Purpose::Charge {
                amount_cents: request.amount_cents,
                currency: request.currency.clone(),
            },
            customer_id: &request.customer_id,
            source: &request.source,
            off_session: request.off_session,
            keeps_method: request.save_method,
            return_url: request.return_url.as_ref(),
            reference: &request.reference,
        };
        match self.confirm(wish).await? {
            Ok(intent) => self.charge_outcome(&intent),
            Err(reason) => Ok(declined(reason)),
        }
    }

    async fn set_up(&self, request: &SetupRequest, key: &str) -> Result<SetupOutcome> {
        let wish = Wish {
            key,
            id: self.name("seti", key),
            purpose: Purpose::SetUp,
            customer_id: &request.customer_id,
            source: &request.source,
            off_session: false,
            keeps_method: true,
            return_url: request.return_url.as_ref(),
            reference: &request.reference,
        };
        match self.confirm(wish).await? {
            Ok(intent) => self.setup_outcome(&intent),
            Err(reason) => Ok(SetupOutcome {
                intent_id: None,
                client_secret: None,
                state: SetupState::Declined(reason.decline()),
            }),
        }
    }

    async fn retrieve(&self, intent_id: &str) -> Result<ChargeOutcome> {
        let intent = self.find_intent(intent_id).await?;
        let intent = intent.filter(|intent| intent.amount_cents().is_some());
        let intent = intent.ok_or_else(|| unknown("the charge"))?;
        self.save_method(&intent).await?;
        self.charge_outcome(&intent)
    }

    async fn retrieve_setup(&self, intent_id: &str) -> Result<SetupOutcome> {
        let intent = self.find_intent(intent_id).await?;
        let intent = intent.filter(|intent| intent.amount_cents().is_none());
        let intent = intent.ok_or_else(|| unknown("the set-up"))?;
        self.save_method(&intent).await?;
        self.setup_outcome(&intent)
    }

    async fn find_charge(&self, reference: &str) -> Result<Option<ChargeOutcome>> {
        let mut outcomes = Vec::new();
        for record in self.memory.list(&reference_owner(reference)).await? {
            if let Content::Intent(intent) = Content::read(&record)?
                && intent.amount_cents().is_some()
            {
                self.save_method(&intent).await?;
                outcomes.push(self.charge_outcome(&intent)?);
            }
        }
        Ok(ChargeOutcome::weightiest(outcomes))
    }

    async fn cancel(&self, intent_id: &str, _key: &str) -> Result<ChargeOutcome> {
        let canceled = self
            .change(intent_id, |content, _| {
                let Content::Intent(intent) = content else { return Ok(None) };
                intent.cancel();
                Ok(intent.amount_cents().is_some().then(|| intent.clone()))
            })
            .await?;
        let intent = canceled.flatten().ok_or_else(|| unknown("the charge"))?;
        self.charge_outcome(&intent)
    }

    async fn refund(&self, request: &RefundRequest, key: &str) -> Result<RefundOutcome> {
        let Some((_, intent_name)) = request.intent_id.rsplit_once('_') else {
            return Err(unknown("the charge"));
        };
        // The id leads back to the charge, which holds its refunds.
        let wish = Refund {
            id: format!("{}_{intent_name}", self.name("re", key)),
            reference: request.reference.clone(),
            amount_cents: request.amount_cents,
            stage: RefundStage::Succeeded,
        };
        let made = self
            .change(&request.intent_id, |content, now| {
                let Content::Intent(intent) = content else { return Ok(None) };
                let scenario = intent.card.card()?.scenario;
                Ok(Some(intent.refund(wish.clone(), scenario, now)))
            })
            .await?;
        let refund = made.flatten().ok_or_else(|| unknown("the charge"))?;
        if refund.amount_cents != wish.amount_cents || refund.reference != wish.reference {
            return Err(other_wish());
        }
        Ok(refund_outcome(&refund, refund.stage))
    }

    async fn find_refund(&self, intent_id: &str, reference: &str) -> Result<Option<RefundOutcome>> {
        let intent = self.find_intent(intent_id).await?.ok_or_else(|| unknown("the charge"))?;
        let found = intent.refunds.iter().find(|refund| refund.reference == reference);
        Ok(found.map(|refund| refund_outcome(refund, refund.stage_at(self.now()))))
    }

    async fn retrieve_refund(&self, refund_id: &str) -> Result<RefundOutcome> {
        let Some((_, intent_name)) = refund_id.rsplit_once('_') else { return Err(unknown("the refund")) };
        let intent = self.find_intent(&format!("pi_sandbox_{intent_name}")).await?;
        let refunds = intent.map(|intent| intent.refunds).unwrap_or_default();
        let refund = refunds.iter().find(|refund| refund.id == refund_id);
        let refund = refund.ok_or_else(|| unknown("the refund"))?;
        Ok(refund_outcome(refund, refund.stage_at(self.now())))
    }

    async fn list_methods(&self, customer_id: &str) -> Result<Vec<Method>> {
        let mut methods = Vec::new();
        for record in self.memory.list(customer_id).await? {
            if let Content::Method(method) = Content::read(&record)?
                && !method.is_detached
            {
                methods.push(method);
            }
        }
        methods.sort_by(|one, other| (other.created_at, &other.id).cmp(&(one.created_at, &one.id)));
        methods.iter().map(|method| method.card.shown(&method.id)).collect()
    }

    async fn detach(&self, method_id: &str) -> Result<()> {
        self.change(method_id, |content, now| {
            if let Content::Method(method) = content {
                method.detach(now);
            }
            Ok(())
        })
        .await?;
        Ok(())
    }

    fn browser(&self) -> Value {
        let cards: Vec<Value> = TEST_CARDS
            .iter()
            .map(|card| json!({"number": card.number, "name": card.name, "brand": card.brand}))
            .collect();
        json!({"processor": NAME, "publishable_key": null, "test_cards": cards})
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
        Some(self)
    }
}

impl Sandbox {
    /// The intent of a wish: the one that was made for its key before, else a new one. `Err` is why there is none.
    async fn confirm(&self, wish: Wish<'_>) -> Result<std::result::Result<Intent, Reason>> {
        let request = hex(&self.mac("wish", &wish.text())[..12]);
        if let Some(intent) = self.find_intent(&wish.id).await? {
            return self.again(*intent, &request).await.map(Ok);
        }
        let (method_id, card) = match self.instrument(&wish).await? {
            Ok(instrument) => instrument,
            Err(reason) => return Ok(Err(reason)),
        };
        let (scenario, now) = (card.card()?.scenario, self.now());
        let mut intent = Intent {
            id: wish.id,
            request: request.clone(),
            purpose: wish.purpose,
            customer_id: wish.customer_id.to_owned(),
            reference: wish.reference.to_owned(),
            method_id,
            card,
            keeps_method: wish.keeps_method,
            return_url: wish.return_url.cloned(),
            stage: Stage::Succeeded,
            created_at: now,
            refunds: Vec::new(),
            events: Vec::new(),
        };
        intent.begin(scenario, wish.off_session, now);
        let (intent, is_new) = self.begin(intent).await?;
        if is_new && scenario == Scenario::LoseAnswer {
            return Err(lost());
        }
        self.again(*intent, &request).await.map(Ok)
    }

    /// An intent that was made for a key, if it was made for the same wish.
    async fn again(&self, intent: Intent, request: &str) -> Result<Intent> {
        if intent.request != request {
            return Err(other_wish());
        }
        self.save_method(&intent).await?;
        Ok(intent)
    }

    /// The method that a wish is to be paid with.
    async fn instrument(&self, wish: &Wish<'_>) -> Result<std::result::Result<(String, KeptCard), Reason>> {
        Ok(match wish.source {
            Source::ConfirmationToken(token) => match self.presented(token) {
                Some(presented) => Ok((self.name("pm", wish.key), presented.into())),
                None => Err(Reason::UnknownToken),
            },
            Source::SavedMethod(id) => match self.find_method(id).await? {
                Some(method) if method.customer_id == wish.customer_id => Ok((method.id, method.card)),
                Some(_) | None => Err(Reason::UnknownMethod),
            },
        })
    }
}

impl Wish<'_> {
    /// What is asked for, so that another wish under the same key is noticed.
    fn text(&self) -> String {
        let amount = match &self.purpose {
            Purpose::Charge { amount_cents, currency } => json!([amount_cents, currency]),
            Purpose::SetUp => Value::Null,
        };
        let source = match self.source {
            Source::ConfirmationToken(token) => token,
            Source::SavedMethod(id) => id,
        };
        json!([amount, self.customer_id, source, self.off_session, self.keeps_method, self.reference])
            .to_string()
    }
}

impl Intent {
    /// How much is charged; nothing if a method is only saved.
    pub(super) const fn amount_cents(&self) -> Option<i64> {
        match &self.purpose {
            Purpose::Charge { amount_cents, .. } => Some(*amount_cents),
            Purpose::SetUp => None,
        }
    }
}

fn refund_outcome(refund: &Refund, stage: RefundStage) -> RefundOutcome {
    let failed = |code: &str, message: &str| RefundState::Failed {
        code: code.to_owned(),
        message: message.to_owned(),
    };
    let outcome = match stage {
        RefundStage::Succeeded => RefundState::Succeeded,
        RefundStage::Pending { .. } => RefundState::Pending,
        RefundStage::NotPaid => failed("charge_not_paid", "Nothing was paid that could be given back."),
        RefundStage::TooMuch => failed("amount_too_large", "This is more than is left to be given back."),
        RefundStage::Bounced => failed("refund_failed", "The customer's bank did not take the money back."),
    };
    RefundOutcome { refund_id: Some(refund.id.clone()), state: outcome }
}

fn other_wish() -> Error {
    Error::Misconfigured { processor: NAME, cause: String::from("a key was used again for something else") }
}
