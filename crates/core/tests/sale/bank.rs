//! A payment processor in memory. It keeps its promises (a key has one outcome, money moves once) and nothing else is to be
//! relied on: answers are lost before or after the fact, and what it tells comes late, twice and in any order.

use std::collections::HashMap;

use merak_core::billing::outcome::{Failure, Method, Outcome, RefundAnswer, RefundOutcome};
use merak_core::billing::{Answer, CANCELED};
use merak_core::kit::{Cents, Country};
use merak_store::Timestamp;

use crate::dice::Dice;
use crate::letters::{Event, EventKind, Letters};
use crate::tally::Tally;

/// What the processor keeps of each payment, in cents.
pub const FEE: i64 = 30;

/// For how long it remembers keys, in seconds. Who repeats one later is charged again.
const KEYS_LAST: i64 = 24 * 3600;

/// How a card behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Character {
    Good,
    /// Refused now, perhaps not the next time.
    Declines,
    /// Refused for good.
    Stolen,
    /// Has money on some days only.
    Poor,
    /// The customer has to approve, and may not. Without them it is refused.
    Secure,
    /// It is known some hours or days later.
    Slow,
}

impl Character {
    pub const ALL: [Self; 6] =
        [Self::Good, Self::Declines, Self::Stolen, Self::Poor, Self::Secure, Self::Slow];
}

#[derive(Clone, Debug, PartialEq)]
enum State {
    Succeeded,
    RequiresAction,
    Processing,
    Declined(Failure),
}

/// One attempt as the processor knows it.
#[derive(Clone, Debug)]
pub struct Intent {
    pub id: String,
    /// Our payment's id.
    pub reference: String,
    pub amount: i64,
    state: State,
    method: String,
    /// Whether the customer has to approve.
    waits_for_customer: bool,
    /// When the matter is decided, and whether the money comes.
    decided: Option<(Timestamp, bool)>,
    made_at: Timestamp,
    /// When the money came.
    pub captured_at: Option<Timestamp>,
    /// What went back of it, or is about to.
    returning: i64,
    /// What went back of it.
    pub returned: i64,
    /// What a bank holds back, or has given back to the buyer.
    pub disputed: i64,
    dispute: Option<(String, Timestamp)>,
}

impl Intent {
    pub fn is_captured(&self) -> bool {
        self.captured_at.is_some()
    }

    /// Whether the customer approved so late that nobody waits for it any more.
    pub fn is_late(&self) -> bool {
        let patience = self.made_at.add_seconds(23 * 3600);
        self.waits_for_customer && self.captured_at.is_some_and(|at| at >= patience)
    }
}

/// How somebody pays.
#[derive(Clone, Copy, Debug)]
pub struct By {
    /// With a method that was saved before.
    pub is_saved: bool,
    /// Without being there.
    pub is_off_session: bool,
}

struct BankRefund {
    id: String,
    intent: usize,
    reference: Option<String>,
    amount: i64,
    state: RefundOutcome,
    decided: Option<(Timestamp, bool)>,
}

impl BankRefund {
    fn answer(&self) -> RefundAnswer {
        RefundAnswer { refund_id: Some(self.id.clone()), outcome: self.state.clone() }
    }
}

/// What came of looking for an attempt.
pub enum Found<T> {
    NoAnswer,
    Nothing,
    Attempt(Box<T>),
}

pub struct Bank {
    dice: Dice,
    /// Whether everything is answered, at once and for good.
    pub is_calm: bool,
    pub intents: Vec<Intent>,
    keys: HashMap<String, (Timestamp, Answer)>,
    refund_keys: HashMap<String, (Timestamp, usize)>,
    refunds: Vec<BankRefund>,
    cards: HashMap<String, Character>,
    letters: Letters,
    pub tally: Tally,
    count: u64,
}

impl Bank {
    pub fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed ^ 0x00BA_2C00),
            is_calm: false,
            intents: Vec::new(),
            keys: HashMap::new(),
            refund_keys: HashMap::new(),
            refunds: Vec::new(),
            cards: HashMap::new(),
            letters: Letters::default(),
            tally: Tally::default(),
            count: 0,
        }
    }

    /// How a card behaves.
    pub fn character(&self, card: &str) -> Option<Character> {
        self.cards.get(card).copied()
    }

    fn name(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}_{}", self.count)
    }

    /// What a customer types into a form: a card of this character.
    pub fn token(&mut self, character: Character) -> String {
        let token = self.name("ctoken");
        self.cards.insert(token.clone(), character);
        token
    }

    /// Whether the call goes wrong before anything has happened, or after it.
    fn weather(&mut self) -> (bool, bool) {
        if self.is_calm {
            return (false, false);
        }
        let (is_unreachable, is_lost) = (self.dice.one_in(25), self.dice.one_in(20));
        if is_unreachable {
            self.tally.note("calls lost");
        } else if is_lost {
            self.tally.note("answers lost");
        }
        (is_unreachable, is_lost)
    }

    /// Charges, or saves a method if it is for nothing. None if no answer came, whatever has happened.
    pub fn charge(
        &mut self,
        key: &str,
        (reference, amount): (&str, i64),
        (source, by): (&str, By),
        now: Timestamp,
    ) -> Option<Answer> {
        let (is_unreachable, is_lost) = self.weather();
        if is_unreachable {
            return None;
        }
        if let Some((at, answer)) = self.keys.get(key)
            && now < at.add_seconds(KEYS_LAST)
        {
            self.tally.note("asked again with the same key");
            // What it said then, even if the matter has gone on since.
            return Some(answer.clone()).filter(|_| !is_lost);
        }
        let character = self.character(source).expect("the bank has issued every card");
        let method = if by.is_saved {
            source.to_owned()
        } else {
            let method = self.name("pm");
            self.cards.insert(method.clone(), character);
            method
        };
        let intent = Intent {
            id: self.name("pi"),
            reference: reference.to_owned(),
            amount,
            state: State::Succeeded,
            method,
            waits_for_customer: false,
            decided: None,
            made_at: now,
            captured_at: None,
            returning: 0,
            returned: 0,
            disputed: 0,
            dispute: None,
        };
        self.intents.push(intent);
        let index = self.intents.len() - 1;
        self.decide(index, character, by.is_off_session, now);
        let answer = self.answer(index);
        self.keys.insert(key.to_owned(), (now, answer.clone()));
        Some(answer).filter(|_| !is_lost)
    }

    fn decide(&mut self, index: usize, character: Character, is_off_session: bool, now: Timestamp) {
        let hours = |dice: &mut Dice, most: u64| i64::try_from(dice.below(most)).unwrap() * 3600;
        match character {
            Character::Good => self.capture(index, now),
            Character::Poor if now.as_seconds() / 86_400 % 3 != 0 => self.capture(index, now),
            Character::Slow if self.is_calm => self.capture(index, now),
            Character::Poor | Character::Declines => self.decline(index, "card_declined", false, now),
            Character::Stolen => self.decline(index, "stolen_card", true, now),
            Character::Secure if is_off_session || self.is_calm => {
                self.decline(index, "authentication_required", false, now);
            }
            Character::Secure => {
                self.intents[index].state = State::RequiresAction;
                self.intents[index].waits_for_customer = true;
                if self.dice.below(10) < 8 {
                    let after = hours(&mut self.dice, 40);
                    self.intents[index].decided = Some((now.add_seconds(after), self.dice.below(4) > 0));
                }
            }
            Character::Slow => {
                self.intents[index].state = State::Processing;
                let after = hours(&mut self.dice, 24 * 6);
                self.intents[index].decided = Some((now.add_seconds(after), self.dice.below(4) > 0));
            }
        }
    }

    fn capture(&mut self, index: usize, now: Timestamp) {
        let intent = &mut self.intents[index];
        (intent.state, intent.captured_at, intent.decided) = (State::Succeeded, Some(now), None);
        self.tell_of(index, now);
    }

    fn decline(&mut self, index: usize, code: &str, is_final: bool, now: Timestamp) {
        let failure = Failure {
            code: code.to_owned(),
            message: String::from("The card was declined."),
            is_final,
            needs_customer: code == "authentication_required",
        };
        let intent = &mut self.intents[index];
        (intent.state, intent.decided) = (State::Declined(failure), None);
        self.tell_of(index, now);
    }

    fn tell_of(&mut self, index: usize, now: Timestamp) {
        let intent = &self.intents[index];
        let kind = EventKind::Payment { intent: intent.id.clone(), reference: intent.reference.clone() };
        self.tell(kind, now);
    }

    fn tell(&mut self, kind: EventKind, now: Timestamp) {
        let event = Event { id: self.name("evt"), kind };
        self.letters.write(event, now, &mut self.dice);
    }

    fn answer(&self, index: usize) -> Answer {
        let intent = &self.intents[index];
        let outcome = match &intent.state {
            State::Succeeded => Outcome::Succeeded {
                charge_id: (intent.amount > 0).then(|| format!("ch_{}", intent.id)),
                method: Some(Method {
                    id: intent.method.clone(),
                    r#type: String::from("card"),
                    brand: Some(String::from("visa")),
                    last4: Some(String::from("4242")),
                    exp_month: Some(12),
                    exp_year: Some(2099),
                    country: Country::parse("FR"),
                }),
                fee: (intent.amount > 0).then(|| Cents::new(FEE)),
            },
            State::RequiresAction => Outcome::RequiresAction,
            State::Processing => Outcome::Processing,
            State::Declined(failure) => Outcome::Failed(failure.clone()),
        };
        let client_secret = Some(format!("{}_secret", intent.id));
        Answer { intent_id: Some(intent.id.clone()), client_secret, outcome }
    }

    /// How an attempt stands.
    pub fn retrieve(&mut self, intent: &str) -> Option<Answer> {
        let (is_unreachable, _) = self.weather();
        let index = self.intents.iter().rposition(|one| one.id == intent).expect("the bank has made it");
        (!is_unreachable).then(|| self.answer(index))
    }

    /// Gives up an attempt that waits for its customer. How it stands then.
    pub fn cancel(&mut self, intent: &str, now: Timestamp) -> Option<Answer> {
        let (is_unreachable, is_lost) = self.weather();
        if is_unreachable {
            return None;
        }
        let index = self.intents.iter().rposition(|one| one.id == intent).expect("the bank has made it");
        if self.intents[index].state == State::RequiresAction {
            self.tally.note("attempts canceled");
            self.decline(index, CANCELED, false, now);
        }
        Some(self.answer(index)).filter(|_| !is_lost)
    }

    /// How the attempt stands that has this reference.
    pub fn find(&mut self, reference: &str) -> Found<Answer> {
        let (is_unreachable, _) = self.weather();
        if is_unreachable {
            return Found::NoAnswer;
        }
        let index = self.intents.iter().position(|one| one.reference == reference && one.amount > 0);
        index.map_or(Found::Nothing, |index| Found::Attempt(Box::new(self.answer(index))))
    }

    /// Gives money back.
    pub fn refund(
        &mut self,
        key: &str,
        (intent, reference): (&str, &str),
        amount: i64,
        now: Timestamp,
    ) -> Option<RefundAnswer> {
        let (is_unreachable, is_lost) = self.weather();
        if is_unreachable {
            return None;
        }
        let known = self.refund_keys.get(key).filter(|(at, _)| now < at.add_seconds(KEYS_LAST));
        let index = if let Some((_, index)) = known {
            *index
        } else {
            let intent = self.intents.iter().position(|one| one.id == intent).expect("it is known");
            let index = self.give_back(intent, Some(reference.to_owned()), amount, now);
            self.refund_keys.insert(key.to_owned(), (now, index));
            index
        };
        Some(self.refunds[index].answer()).filter(|_| !is_lost)
    }

    pub fn retrieve_refund(&mut self, refund: &str) -> Option<RefundAnswer> {
        let (is_unreachable, _) = self.weather();
        let found = self.refunds.iter().find(|one| one.id == refund).expect("the bank has made it");
        (!is_unreachable).then(|| found.answer())
    }

    /// How the refund stands that has this reference.
    pub fn find_refund(&mut self, reference: &str) -> Found<RefundAnswer> {
        let (is_unreachable, _) = self.weather();
        if is_unreachable {
            return Found::NoAnswer;
        }
        let found = self.refunds.iter().find(|one| one.reference.as_deref() == Some(reference));
        found.map_or(Found::Nothing, |found| Found::Attempt(Box::new(found.answer())))
    }

    fn give_back(&mut self, intent: usize, reference: Option<String>, amount: i64, now: Timestamp) -> usize {
        let id = self.name("re");
        let one = &mut self.intents[intent];
        let is_possible = one.is_captured() && one.returning + amount <= one.amount;
        let refund = BankRefund {
            id,
            intent,
            reference,
            amount,
            state: if is_possible { RefundOutcome::Pending } else { failed() },
            decided: None,
        };
        self.refunds.push(refund);
        let index = self.refunds.len() - 1;
        if is_possible {
            self.intents[intent].returning += amount;
            if self.is_calm || self.dice.below(3) > 0 {
                self.end_refund(index, true, now);
            } else {
                let after = i64::try_from(self.dice.below(50)).unwrap() * 3600;
                self.refunds[index].decided = Some((now.add_seconds(after), self.dice.below(4) > 0));
            }
        }
        index
    }

    fn end_refund(&mut self, index: usize, arrives: bool, now: Timestamp) {
        let refund = &mut self.refunds[index];
        let intent = &mut self.intents[refund.intent];
        refund.decided = None;
        if arrives {
            refund.state = RefundOutcome::Succeeded;
            intent.returned += refund.amount;
        } else {
            refund.state = failed();
            intent.returning -= refund.amount;
        }
        let kind = EventKind::Refund {
            intent: intent.id.clone(),
            refund: refund.id.clone(),
            reference: refund.reference.clone(),
            amount: refund.amount,
            outcome: refund.state.clone(),
        };
        self.tell(kind, now);
    }

    /// The seller gives money back in the processor's own pages.
    pub fn refund_by_hand(&mut self, now: Timestamp) {
        if let Some(intent) = self.any_captured() {
            let left = self.intents[intent].amount - self.intents[intent].returning;
            // What is disputed cannot be given back as well.
            if left > 1 && self.intents[intent].dispute.is_none() && self.intents[intent].disputed == 0 {
                let amount = 1 + i64::try_from(self.dice.below(u64::try_from(left).unwrap())).unwrap();
                self.give_back(intent, None, amount, now);
            }
        }
    }

    /// A buyer wants money back from the bank.
    pub fn dispute(&mut self, now: Timestamp) {
        let Some(index) = self.any_captured() else { return };
        let id = self.name("dp");
        let after = i64::try_from(self.dice.below(900)).unwrap() * 3600;
        let intent = &mut self.intents[index];
        if intent.returning == 0 && intent.disputed == 0 {
            intent.dispute = Some((id.clone(), now.add_seconds(after)));
            intent.disputed = intent.amount;
            let kind =
                EventKind::DisputeOpened { intent: intent.id.clone(), dispute: id, amount: intent.amount };
            self.tell(kind, now);
        }
    }

    /// A customer, or the processor, takes a card away.
    pub fn detach(&mut self, now: Timestamp) {
        if let Some(index) = self.any_captured() {
            let method = self.intents[index].method.clone();
            self.tell(EventKind::Detached { method }, now);
        }
    }

    fn any_captured(&mut self) -> Option<usize> {
        if self.intents.is_empty() {
            return None;
        }
        let recent = self.intents.len().min(40);
        let index = self.intents.len() - 1 - self.dice.pick(recent);
        Some(index).filter(|index| self.intents[*index].is_captured() && self.intents[*index].amount > 0)
    }

    /// Lets happen what is due.
    pub fn tick(&mut self, now: Timestamp) {
        for index in 0..self.intents.len() {
            match self.intents[index].decided {
                Some((at, true)) if at <= now => self.capture(index, at.max(self.intents[index].made_at)),
                Some((at, false)) if at <= now => self.decline(index, "declined_late", false, at),
                _ => {}
            }
            if let Some((dispute, _)) = self.intents[index].dispute.clone().filter(|(_, at)| *at <= now) {
                let is_won = self.dice.one_in(2);
                let intent = &mut self.intents[index];
                intent.dispute = None;
                let amount = intent.disputed;
                if is_won {
                    intent.disputed = 0;
                }
                let intent = intent.id.clone();
                self.tell(EventKind::DisputeClosed { intent, dispute, amount, is_won }, now);
            }
        }
        for index in 0..self.refunds.len() {
            if let Some((_, arrives)) = self.refunds[index].decided.filter(|(at, _)| *at <= now) {
                self.end_refund(index, arrives, now);
            }
        }
    }

    /// What it tells now, in no order.
    pub fn mail(&mut self, now: Timestamp) -> Vec<Event> {
        self.letters.send(now, &mut self.dice, &mut self.tally)
    }

    /// An event was taken in.
    pub fn taken(&mut self, event: &str) {
        self.letters.taken(event);
    }

    pub fn has_letters(&self) -> bool {
        !self.letters.is_empty()
    }

    /// When something is decided next, or told.
    pub fn next(&self) -> Option<Timestamp> {
        let decided = self.intents.iter().filter_map(|intent| Some(intent.decided?.0));
        let disputes = self.intents.iter().filter_map(|intent| Some(intent.dispute.as_ref()?.1));
        let refunds = self.refunds.iter().filter_map(|refund| Some(refund.decided?.0));
        decided.chain(disputes).chain(refunds).chain(self.letters.next()).min()
    }

    pub fn is_disputing(&self) -> bool {
        self.intents.iter().any(|intent| intent.dispute.is_some())
    }

    /// The money that is with the seller: what came, less fees, less what went back.
    pub fn balance(&self) -> i64 {
        let of = |intent: &Intent| intent.amount - FEE - intent.returned - intent.disputed;
        self.intents.iter().filter(|one| one.is_captured() && one.amount > 0).map(of).sum()
    }
}

fn failed() -> RefundOutcome {
    RefundOutcome::Failed(String::from("It could not be given back."))
}
