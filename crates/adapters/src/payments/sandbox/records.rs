//! What records say: charges and set-ups as they go on, saved methods, and the events that are still to be told.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::cards::{Presented, Reason, Scenario, TestCard};
use super::memory::{Record, forgetful};
use crate::payments::{EventKind, Method, Result};

/// After how many seconds a delayed outcome is known, and a dispute opens.
const DELAY: i64 = 10;

/// After how many seconds a dispute is closed.
const DISPUTE: i64 = 60;

/// How many seconds the second of two events comes after the first.
const STAGGER: i64 = 5;

/// How many seconds late is.
const LATE: i64 = 300;

/// How often an event is told before nobody listens.
const MOST_ATTEMPTS: u8 = 10;

/// What a record says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Content {
    Intent(Box<Intent>),
    Method(SavedMethod),
}

/// A charge or a set-up.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    pub(super) id: String,
    /// What was asked for, by a hash of it; another wish under the same key is a mistake.
    pub(super) request: String,
    pub(super) purpose: Purpose,
    pub(super) customer_id: String,
    pub(super) reference: String,
    pub(super) method_id: String,
    pub(super) card: KeptCard,
    /// Whether the method is saved when all went well.
    pub(super) keeps_method: bool,
    pub(super) return_url: Option<String>,
    pub(super) stage: Stage,
    pub(super) created_at: i64,
    #[serde(default)]
    pub(super) refunds: Vec<Refund>,
    #[serde(default)]
    pub(super) events: Vec<Planned>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    Charge { amount_cents: i64, currency: String },
    SetUp,
}

/// How an intent stands. Times are seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Stage {
    RequiresAction,
    Processing { until: i64, approve: bool },
    Succeeded,
    Declined(Reason),
    Canceled,
}

/// A card as records hold it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptCard {
    name: String,
    exp_month: u8,
    exp_year: u16,
}

/// A method that can be charged again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedMethod {
    pub(super) id: String,
    pub(super) customer_id: String,
    pub(super) card: KeptCard,
    pub(super) created_at: i64,
    pub(super) is_detached: bool,
    #[serde(default)]
    pub(super) events: Vec<Planned>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    pub(super) reference: String,
    pub(super) amount_cents: i64,
    pub(super) stage: RefundStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum RefundStage {
    Succeeded,
    Pending { until: i64, arrives: bool },
    NotPaid,
    TooMuch,
    Bounced,
}

/// An event that is to be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Planned {
    /// Tells the events of a record apart.
    pub(super) serial: u32,
    pub(super) id: String,
    pub(super) due_at: i64,
    pub(super) occurred_at: i64,
    pub(super) kind: EventKind,
    pub(super) reference: Option<String>,
    pub(super) amount_cents: Option<i64>,
    pub(super) attempts: u8,
}

impl Content {
    pub(super) fn read(record: &Record) -> Result<Self> {
        serde_json::from_str(&record.content).map_err(|error| forgetful(format!("{}: {error}", record.id)))
    }

    /// The record that says this.
    pub(super) fn record(&self, version: i64) -> Result<Record> {
        let (id, owner, events) = match self {
            Self::Intent(intent) => (&intent.id, reference_owner(&intent.reference), &intent.events),
            Self::Method(method) => (&method.id, method.customer_id.clone(), &method.events),
        };
        let due_at = events.iter().map(|event| event.due_at).min();
        Ok(Record {
            id: id.clone(),
            owner: Some(owner),
            due_at: due_at.and_then(|second| Timestamp::from_second(second).ok()),
            version,
            content: serde_json::to_string(self).map_err(forgetful)?,
        })
    }

    /// The name of its record.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Intent(intent) => &intent.id,
            Self::Method(method) => &method.id,
        }
    }

    fn events(&mut self) -> &mut Vec<Planned> {
        match self {
            Self::Intent(intent) => &mut intent.events,
            Self::Method(method) => &mut method.events,
        }
    }

    pub(super) fn intent_id(&self) -> Option<&str> {
        match self {
            Self::Intent(intent) => Some(&intent.id),
            Self::Method(_) => None,
        }
    }

    /// The events that are due. Each stays until it is acknowledged, and is due again later.
    pub(super) fn lease(&mut self, now: i64) -> Vec<Planned> {
        let events = self.events();
        events.retain(|event| event.due_at > now || event.attempts < MOST_ATTEMPTS);
        let mut due = Vec::new();
        for event in events.iter_mut().filter(|event| event.due_at <= now) {
            event.attempts += 1;
            event.due_at = now + (15_i64 << event.attempts);
            due.push(event.clone());
        }
        due
    }

    /// Forgets an event that was heard.
    pub(super) fn acknowledge(&mut self, heard: &Planned) {
        self.events().retain(|event| event.serial != heard.serial || event.id != heard.id);
    }
}

/// What the records of attempts with this reference belong to.
pub(super) fn reference_owner(reference: &str) -> String {
    format!("reference/{reference}")
}

impl KeptCard {
    pub(super) fn card(&self) -> Result<&'static TestCard> {
        TestCard::named(&self.name).ok_or_else(|| forgetful(format!("there is no test card {}", self.name)))
    }

    /// The card as it is shown, under the id of a method.
    pub(super) fn shown(&self, method_id: &str) -> Result<Method> {
        let card = self.card()?;
        Ok(Method {
            id: method_id.to_owned(),
            kind: String::from("card"),
            brand: Some(card.brand.to_owned()),
            last4: Some(card.last4().to_owned()),
            exp_month: Some(self.exp_month),
            exp_year: Some(self.exp_year),
            country: Some(card.country.to_owned()),
        })
    }
}

impl From<Presented> for KeptCard {
    fn from(presented: Presented) -> Self {
        Self {
            name: presented.card.name.to_owned(),
            exp_month: presented.exp_month,
            exp_year: presented.exp_year,
        }
    }
}

impl Intent {
    /// How it stands at a time.
    pub(super) fn stage_at(&self, now: i64) -> Stage {
        match self.stage {
            Stage::Processing { until, approve: true } if until <= now => Stage::Succeeded,
            Stage::Processing { until, approve: false } if until <= now => Stage::Declined(Reason::Declined),
            stage => stage,
        }
    }

    /// Begins: says how it stands first, and plans what will be told of it.
    pub(super) fn begin(&mut self, scenario: Scenario, off_session: bool, now: i64) {
        self.stage = match scenario {
            Scenario::Decline(reason) => Stage::Declined(reason),
            Scenario::DeclineLater(reason) if off_session => Stage::Declined(reason),
            Scenario::AuthenticateAlways if off_session => Stage::Declined(Reason::AuthenticationRequired),
            Scenario::AuthenticateOnce | Scenario::AuthenticateAlways if !off_session => {
                Stage::RequiresAction
            }
            Scenario::Delay { approve } => Stage::Processing { until: now + DELAY, approve },
            Scenario::Approve
            | Scenario::AuthenticateOnce
            | Scenario::AuthenticateAlways
            | Scenario::DeclineLater(_)
            | Scenario::Dispute { .. }
            | Scenario::TellTwice
            | Scenario::TellReversed
            | Scenario::TellLate
            | Scenario::LoseAnswer
            | Scenario::RefundLater { .. } => Stage::Succeeded,
        };
        self.plan_outcome(scenario, now);
    }

    /// Goes on after the customer was asked. Whoever comes second changes nothing.
    pub(super) fn finish(&mut self, scenario: Scenario, is_approved: bool, now: i64) {
        if self.stage != Stage::RequiresAction {
            return;
        }
        self.stage =
            if is_approved { Stage::Succeeded } else { Stage::Declined(Reason::AuthenticationFailed) };
        self.plan_outcome(scenario, now);
    }

    /// Gives up waiting for the customer.
    pub(super) fn cancel(&mut self) {
        if self.stage == Stage::RequiresAction {
            self.stage = Stage::Canceled;
        }
    }

    fn plan_outcome(&mut self, scenario: Scenario, now: i64) {
        match self.stage {
            Stage::RequiresAction | Stage::Canceled => {}
            Stage::Declined(reason) => self.plan(self.failure(reason), now, now),
            Stage::Processing { until, approve } => {
                let kind = if approve { self.success() } else { self.failure(Reason::Declined) };
                self.plan(kind, until, until);
            }
            Stage::Succeeded => self.plan_success(scenario, now),
        }
    }

    fn plan_success(&mut self, scenario: Scenario, now: i64) {
        let lateness = if scenario == Scenario::TellLate { LATE } else { 0 };
        self.plan(self.success(), now, now + lateness);
        if scenario == Scenario::TellTwice {
            self.plan(self.success(), now, now + STAGGER);
        }
        if scenario == Scenario::TellReversed {
            self.plan(self.failure(Reason::Declined), now - 1, now + STAGGER);
        }
        if let (Scenario::Dispute { won }, Purpose::Charge { .. }) = (scenario, &self.purpose) {
            let dispute_id = || self.id.replacen("pi", "dp", 1);
            let (opened, closed) = (
                EventKind::DisputeOpened { dispute_id: dispute_id() },
                EventKind::DisputeClosed { dispute_id: dispute_id(), won },
            );
            self.plan(opened, now + DELAY, now + DELAY);
            self.plan(closed, now + DISPUTE, now + DISPUTE);
        }
    }

    const fn success(&self) -> EventKind {
        match self.purpose {
            Purpose::Charge { .. } => EventKind::ChargeSucceeded,
            Purpose::SetUp => EventKind::SetupSucceeded,
        }
    }

    fn failure(&self, reason: Reason) -> EventKind {
        match self.purpose {
            Purpose::Charge { .. } => EventKind::ChargeFailed(reason.decline()),
            Purpose::SetUp => EventKind::SetupFailed(reason.decline()),
        }
    }

    fn plan(&mut self, kind: EventKind, occurred_at: i64, due_at: i64) {
        let amount_cents = match self.purpose {
            Purpose::Charge { amount_cents, .. } => Some(amount_cents),
            Purpose::SetUp => None,
        };
        self.push(Planned {
            serial: 0,
            id: String::new(),
            due_at,
            occurred_at,
            kind,
            reference: Some(self.reference.clone()),
            amount_cents,
            attempts: 0,
        });
    }

    /// Names an event and plans it. Two that tell the same have one name and are told apart by their serials.
    fn push(&mut self, event: Planned) {
        let serial = self.events.iter().map(|event| event.serial + 1).max().unwrap_or_default();
        let word = match &event.kind {
            EventKind::ChargeSucceeded | EventKind::SetupSucceeded => "succeeded",
            EventKind::ChargeFailed(_) | EventKind::SetupFailed(_) => "failed",
            EventKind::DisputeOpened { .. } => "disputed",
            EventKind::DisputeClosed { .. } => "decided",
            EventKind::RefundSettled { refund_id } | EventKind::RefundFailed { refund_id } => refund_id,
            EventKind::MethodUpdated { .. } | EventKind::MethodDetached { .. } | EventKind::Ignored => "told",
        };
        let id = format!("evt_{}_{word}", self.id);
        self.events.push(Planned { serial, id, ..event });
    }

    /// Gives money back, if there is enough of it. The same refund is not made twice.
    pub(super) fn refund(&mut self, wish: Refund, scenario: Scenario, now: i64) -> Refund {
        if let Some(made) = self.refunds.iter().find(|refund| refund.id == wish.id) {
            return made.clone();
        }
        let stage = self.refund_stage(wish.amount_cents, scenario, now);
        let refund = Refund { stage, ..wish };
        let refund_id = refund.id.clone();
        let told = match stage {
            RefundStage::Succeeded => Some((EventKind::RefundSettled { refund_id }, now)),
            RefundStage::Pending { until, arrives: true } => {
                Some((EventKind::RefundSettled { refund_id }, until))
            }
            RefundStage::Pending { until, arrives: false } => {
                Some((EventKind::RefundFailed { refund_id }, until))
            }
            RefundStage::NotPaid | RefundStage::TooMuch | RefundStage::Bounced => None,
        };
        if let Some((kind, at)) = told {
            self.push(Planned {
                serial: 0,
                id: String::new(),
                due_at: at,
                occurred_at: at,
                kind,
                reference: Some(refund.reference.clone()),
                amount_cents: Some(refund.amount_cents),
                attempts: 0,
            });
        }
        self.refunds.push(refund.clone());
        refund
    }

    fn refund_stage(&self, wanted: i64, scenario: Scenario, now: i64) -> RefundStage {
        let (Purpose::Charge { amount_cents, .. }, Stage::Succeeded) = (&self.purpose, self.stage_at(now))
        else {
            return RefundStage::NotPaid;
        };
        let back =
            self.refunds.iter().filter(|refund| refund.is_good_at(now)).map(|refund| refund.amount_cents);
        if wanted < 1 || wanted > amount_cents - back.sum::<i64>() {
            return RefundStage::TooMuch;
        }
        if let Scenario::RefundLater { arrives } = scenario {
            return RefundStage::Pending { until: now + DELAY, arrives };
        }
        RefundStage::Succeeded
    }
}

impl Refund {
    pub(super) const fn stage_at(&self, now: i64) -> RefundStage {
        match self.stage {
            RefundStage::Pending { until, arrives } if until <= now => {
                if arrives {
                    RefundStage::Succeeded
                } else {
                    RefundStage::Bounced
                }
            }
            stage => stage,
        }
    }

    const fn is_good_at(&self, now: i64) -> bool {
        matches!(self.stage_at(now), RefundStage::Succeeded | RefundStage::Pending { .. })
    }
}

impl SavedMethod {
    /// Forgets the method. Whoever comes second changes nothing.
    pub(super) fn detach(&mut self, now: i64) {
        if self.is_detached {
            return;
        }
        self.is_detached = true;
        self.events.push(Planned {
            serial: 0,
            id: format!("evt_{}_detached", self.id),
            due_at: now,
            occurred_at: now,
            kind: EventKind::MethodDetached { method_id: self.id.clone() },
            reference: None,
            amount_cents: None,
            attempts: 0,
        });
    }
}
