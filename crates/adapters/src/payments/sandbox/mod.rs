//! The sandbox: a processor of our own that moves no money. It is there from the start, so that a shop can be tried
//! out, and so that everything that can go wrong with a payment can be made to go wrong.
//!
//! A card is typed into a form, or `ctoken_sandbox_` and its name is used as the confirmation token. Any date in the
//! future and any security code will do.
//!
//! | Number | Name | What comes of it |
//! | --- | --- | --- |
//! | `4242424242424242` | `success` | all is well |
//! | `5555555555554444` | `mastercard` | the same, with a card of another brand |
//! | `378282246310005` | `amex` | the same, with a card of another brand |
//! | `4000002500000003` | `france` | the same, with a card of a bank in France |
//! | `4000002760000016` | `germany` | the same, with a card of a bank in Germany |
//! | `4000000000000002` | `declined` | declined, without a reason |
//! | `4000000000009995` | `insufficient_funds` | declined for want of money |
//! | `4000000000000127` | `incorrect_cvc` | declined for its security code |
//! | `4000000000000069` | `expired_card` | declined for good: it has expired |
//! | `4000000000009987` | `lost_card` | declined for good: it was lost |
//! | `4000002500003155` | `authentication` | the customer is asked to approve (3-D Secure), but not for renewals |
//! | `4000002760003184` | `authentication_always` | the customer is asked to approve; renewals are declined for want of that |
//! | `4000000000000341` | `declined_later` | all is well, but renewals are declined |
//! | `4000000000000309` | `lost_later` | all is well, but renewals are declined for good |
//! | `4000000000000259` | `dispute_lost` | all is well; a dispute opens after 10 seconds and is lost after 60 |
//! | `4000000000001976` | `dispute_won` | all is well; a dispute opens after 10 seconds and is won after 60 |
//! | `4000000000000408` | `delayed_success` | in process for 10 seconds, then all is well |
//! | `4000000000000507` | `delayed_failure` | in process for 10 seconds, then declined |
//! | `4000000000000606` | `events_twice` | all is well, and the event is sent twice, 5 seconds apart |
//! | `4000000000000705` | `events_reversed` | all is well; an event of an earlier failure comes 5 seconds after that of success |
//! | `4000000000000804` | `events_late` | all is well, and the event comes after 5 minutes |
//! | `4000000000000903` | `answer_lost` | the money is taken, but the first call gets no answer; repeating it gets one |
//! | `4000000000007726` | `refund_pending` | all is well; refunds are pending for 10 seconds, then arrive |
//! | `4000000000005126` | `refund_failed` | all is well; refunds are pending for 10 seconds, then fail |
//!
//! Amounts are from 50 to 99 999 999. The fee is 2.9 % and 30 of each charge.
//!
//! Ids are made of the keys that calls are made with, so the same call meets its own record. An event is told again
//! until it is acknowledged, up to ten times.

mod cards;
mod events;
mod memory;
mod processor;
mod records;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use self::cards::{Presented, Scenario, make_token, read_token};
use self::memory::forgetful;
use self::records::{Content, Intent, Purpose, SavedMethod, Stage};
use super::signature::Signer;
use super::{ChargeOutcome, ChargeState, Error, Result, SetupOutcome, SetupState};
use crate::hex::{hex, unhex};

pub use cards::{Card, CardProblem, offered};
pub use events::{SIGNATURE_HEADER, SignedEvent};
pub use memory::{LONGEST_LIST, Memory, Record, ShortMemory};

/// What the sandbox is called.
pub const NAME: &str = "sandbox";

/// What confirmation tokens begin with.
pub const TOKEN_PREFIX: &str = "ctoken_sandbox_";

/// Where its page for proving who one is lies; the client secret follows.
pub const AUTHENTICATE: &str = "/sandbox/authenticate/";

/// What stands in a client secret between the intent's id and what nobody can guess.
const SECRET: &str = "_secret_";

/// How often a change is tried again that met another one.
const MOST_TRIES: usize = 50;

/// The sandbox.
#[derive(Clone)]
pub struct Sandbox {
    names: Hmac<Sha256>,
    signer: Signer,
    public_url: String,
    memory: Arc<dyn Memory>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("memory", &self.memory).finish_non_exhaustive()
    }
}

/// What the customer says on the page of the sandbox's bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is they.
    Approve,
    /// It is not.
    Fail,
}

/// A charge or a set-up that the customer was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// How much, in minor units, and in which currency; absent if a method is only saved.
    pub amount: Option<(i64, String)>,
    /// Where the customer goes on.
    pub return_url: Option<String>,
    /// Whether there is still something to say.
    pub is_open: bool,
}

impl Sandbox {
    /// A sandbox whose names and signatures are made with `secret`, and whose pages lie below `public_url`, an address
    /// without a slash at its end.
    pub fn new(secret: &[u8; 32], public_url: &str, memory: Arc<dyn Memory>) -> Self {
        let names = Hmac::new_from_slice(secret).expect("a key of any length will do");
        let mut signing = names.clone();
        signing.update(b"webhook");
        let signer = Signer::new(&signing.finalize().into_bytes());
        Self { names, signer, public_url: public_url.to_owned(), memory }
    }

    /// A confirmation token for a card that was typed into the form of a page.
    pub fn confirmation_token(&self, card: &Card) -> std::result::Result<String, CardProblem> {
        make_token(card, self.memory.now(), |text| self.mac("token", text))
    }

    /// What the customer with this client secret was asked, if anything was.
    pub async fn find_action(&self, client_secret: &str) -> Result<Option<Action>> {
        let Some(id) = self.intent_of(client_secret) else { return Ok(None) };
        Ok(self.find(&id).await?.map(|(content, _)| action(&content)).unwrap_or_default())
    }

    /// What the customer with this client secret says. Only their first word counts.
    pub async fn finish_action(&self, client_secret: &str, verdict: Verdict) -> Result<Option<Action>> {
        let Some(id) = self.intent_of(client_secret) else { return Ok(None) };
        let finished = self
            .change(&id, |content, now| {
                let Content::Intent(intent) = content else { return Ok(None) };
                let scenario = intent.card.card()?.scenario;
                intent.finish(scenario, verdict == Verdict::Approve, now);
                Ok(Some(intent.clone()))
            })
            .await?;
        let Some(intent) = finished.flatten() else { return Ok(None) };
        self.save_method(&intent).await?;
        Ok(action(&Content::Intent(intent)))
    }

    fn now(&self) -> i64 {
        self.memory.now().as_second()
    }

    fn mac(&self, purpose: &str, text: &str) -> [u8; 32] {
        let mut mac = self.names.clone();
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// A name that only we can make, the same for the same text. Where the text ends with a UUID of version 7, the
    /// name begins with its time, so that the names of what happens together stand together in indexes.
    fn name(&self, prefix: &str, text: &str) -> String {
        let id = text.rsplit('/').next().and_then(|id| Uuid::try_parse(id).ok());
        let time = id.map(|id| hex(&id.as_bytes()[..6])).unwrap_or_default();
        format!("{prefix}_sandbox_{time}{}", hex(&self.mac(prefix, text)[..12]))
    }

    fn client_secret(&self, intent_id: &str) -> String {
        format!("{intent_id}{SECRET}{}", hex(&self.mac("secret", intent_id)[..16]))
    }

    /// The intent whose client secret this is.
    fn intent_of(&self, client_secret: &str) -> Option<String> {
        let (intent_id, tag) = client_secret.split_once(SECRET)?;
        let mut mac = self.names.clone();
        mac.update(b"secret\0");
        mac.update(intent_id.as_bytes());
        mac.verify_truncated_left(&unhex::<16>(tag)?).is_ok().then(|| intent_id.to_owned())
    }

    fn presented(&self, token: &str) -> Option<Presented> {
        read_token(token, self.memory.now(), |text| self.mac("token", text))
    }

    /// What a record says, and its version.
    async fn find(&self, id: &str) -> Result<Option<(Content, i64)>> {
        match self.memory.get(id).await? {
            Some(record) => Ok(Some((Content::read(&record)?, record.version))),
            None => Ok(None),
        }
    }

    async fn find_intent(&self, id: &str) -> Result<Option<Box<Intent>>> {
        Ok(match self.find(id).await? {
            Some((Content::Intent(intent), _)) => Some(intent),
            Some((Content::Method(_), _)) | None => None,
        })
    }

    async fn find_method(&self, id: &str) -> Result<Option<SavedMethod>> {
        Ok(match self.find(id).await? {
            Some((Content::Method(method), _)) if !method.is_detached => Some(method),
            Some(_) | None => None,
        })
    }

    /// Changes a record, again and again until nobody else changed it meanwhile. Nothing if there is no such record.
    async fn change<T: Send>(
        &self,
        id: &str,
        mut change: impl FnMut(&mut Content, i64) -> Result<T> + Send,
    ) -> Result<Option<T>> {
        for _ in 0..MOST_TRIES {
            let Some((mut content, version)) = self.find(id).await? else { return Ok(None) };
            let outcome = change(&mut content, self.now())?;
            if self.memory.replace(&content.record(version)?).await? {
                return Ok(Some(outcome));
            }
        }
        Err(forgetful("too many change one thing at once"))
    }

    /// Keeps a new intent, unless its call was made before; then that one's intent counts. Whether it is new.
    async fn begin(&self, intent: Intent) -> Result<(Box<Intent>, bool)> {
        let content = Content::Intent(Box::new(intent.clone()));
        let is_new = self.memory.insert(&content.record(0)?).await?;
        let kept = if is_new { Some(Box::new(intent)) } else { self.find_intent(&intent.id).await? };
        kept.map(|kept| (kept, is_new)).ok_or_else(|| forgetful("a record came and went"))
    }

    /// Saves the method of an intent that went well, if it is to be. One that was forgotten meanwhile stays forgotten.
    async fn save_method(&self, intent: &Intent) -> Result<()> {
        if !intent.keeps_method || intent.stage_at(self.now()) != Stage::Succeeded {
            return Ok(());
        }
        let method = SavedMethod {
            id: intent.method_id.clone(),
            customer_id: intent.customer_id.clone(),
            card: intent.card.clone(),
            created_at: intent.created_at,
            is_detached: false,
            events: Vec::new(),
        };
        self.memory.insert(&Content::Method(method).record(0)?).await?;
        Ok(())
    }

    fn charge_outcome(&self, intent: &Intent) -> Result<ChargeOutcome> {
        let state = match intent.stage_at(self.now()) {
            Stage::Succeeded => ChargeState::Succeeded {
                charge_id: intent.id.replacen("pi", "ch", 1),
                method: Some(intent.card.shown(&intent.method_id)?),
                fee_cents: intent.amount_cents().map(fee_cents),
            },
            Stage::RequiresAction => ChargeState::RequiresAction { url: Some(self.page(intent)) },
            Stage::Processing { .. } => ChargeState::Processing,
            Stage::Declined(reason) => ChargeState::Declined(reason.decline()),
            Stage::Canceled => ChargeState::Canceled,
        };
        Ok(ChargeOutcome {
            intent_id: Some(intent.id.clone()),
            client_secret: Some(self.client_secret(&intent.id)),
            state,
        })
    }

    fn setup_outcome(&self, intent: &Intent) -> Result<SetupOutcome> {
        let state = match intent.stage_at(self.now()) {
            Stage::Succeeded => SetupState::Succeeded { method: intent.card.shown(&intent.method_id)? },
            Stage::RequiresAction => SetupState::RequiresAction { url: Some(self.page(intent)) },
            Stage::Processing { .. } => SetupState::Processing,
            Stage::Declined(reason) => SetupState::Declined(reason.decline()),
            Stage::Canceled => SetupState::Canceled,
        };
        Ok(SetupOutcome {
            intent_id: Some(intent.id.clone()),
            client_secret: Some(self.client_secret(&intent.id)),
            state,
        })
    }

    fn page(&self, intent: &Intent) -> String {
        format!("{}{AUTHENTICATE}{}", self.public_url, self.client_secret(&intent.id))
    }
}

/// 2.9 %, rounded half up, and 30.
const fn fee_cents(amount_cents: i64) -> i64 {
    (amount_cents * 290 + 5000) / 10_000 + 30
}

/// What the customer is asked by an intent. One that never asked is none of the page's business.
fn action(content: &Content) -> Option<Action> {
    let Content::Intent(intent) = content else { return None };
    let asks = matches!(
        intent.card.card().ok()?.scenario,
        Scenario::AuthenticateOnce | Scenario::AuthenticateAlways
    );
    asks.then(|| Action {
        amount: match &intent.purpose {
            Purpose::Charge { amount_cents, currency } => Some((*amount_cents, currency.clone())),
            Purpose::SetUp => None,
        },
        return_url: intent.return_url.clone(),
        is_open: intent.stage == Stage::RequiresAction,
    })
}

/// What is said of a call whose answer is lost.
fn lost() -> Error {
    forgetful("the answer was lost on its way, as the card says")
}

/// What is said of things that were never made here.
fn unknown(what: &str) -> Error {
    Error::Misconfigured { processor: NAME, cause: format!("{what} is not known") }
}
