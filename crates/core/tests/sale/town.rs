//! A town: a shop, its buyers, a bank, and what is under way between them. What is under way is in memory only, so a crash
//! loses it, and the sweeps have to find it again.
//!
//! Each step is one unit or one call, in the order in which the server's flows take them.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};

use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::RefundAnswer;
use merak_core::billing::refunds::{self, RefundQuestion};
use merak_core::billing::{
    self, Answer, Payment, PaymentKind, PaymentMethod, PaymentStatus, Refund, Rules, methods, payments,
};
use merak_core::kit::{Cents, Id, Refusal};
use merak_core::products::Price;
use merak_core::subscriptions::Subscription;
use merak_core::subscriptions::price_change;
use merak_core::taxes::{Tax, TaxEngine, TaxProblem, TaxQuestion, Taxes};
use merak_store::{Engine, ReadTx, Timestamp, Tx};
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

use crate::bank::{Bank, By, Found};
use crate::dice::Dice;
use crate::letters::Event;
use crate::support::*;
use crate::tally::Tally;

/// What a price costs in a year.
pub const A_YEAR: &str = "coalesce(product_prices.price_amount, 0) \
    * CASE WHEN product_prices.recurring_interval = 'month' THEN 12 ELSE 1 END";

/// How many lines of its story are told when something is wrong.
const REMEMBERED: usize = 60;

/// For how many seconds a processor remembers keys, as the server has it: with an hour to spare.
const KEYS_LAST: i64 = 23 * 3600;

/// Where the dice of a story start, and the test that tells it.
#[derive(Clone, Copy, Debug)]
pub struct Seed {
    pub number: u64,
    pub test: &'static str,
}

/// 20 % on top in France, 10 % held by prices in Japan, nothing elsewhere.
#[derive(Debug)]
struct Rates;

impl TaxEngine for Rates {
    fn compute(&self, question: &TaxQuestion<'_>) -> std::result::Result<Tax, TaxProblem> {
        let subtotal = question.subtotal.get();
        let zero = Tax::zero(question.country);
        Ok(match question.country.as_str() {
            "FR" => Tax { amount: Cents::new(subtotal / 5), rate_ppm: 200_000, ..zero },
            "JP" => Tax { amount: Cents::new(subtotal / 11), rate_ppm: 100_000, is_inclusive: true, ..zero },
            _ => zero,
        })
    }
}

/// What is under way.
pub enum Task {
    /// Ask for these, or what became of them.
    Ask(Vec<Payment>),
    /// Ask for this; if it fails, give up what it was for.
    AskFirst(Box<Payment>),
    Settle(Vec<(Id<Payment>, Answer)>),
    SettleFirst(Id<Payment>, Box<Answer>),
    GiveUp(Id<Payment>),
    Postpone(Id<Payment>),
    AskRefund(Box<Refund>),
    SettleRefund(Id<Refund>, RefundAnswer),
    PostponeRefund(Id<Refund>),
    Read(Event),
    TakeIn(String, Box<Hint>),
}

/// What came of asking the bank.
pub enum Asked {
    Answered(Box<Answer>),
    Unanswered,
    Crashed,
}

impl From<Option<Answer>> for Asked {
    fn from(answer: Option<Answer>) -> Self {
        answer.map_or(Self::Unanswered, |answer| Self::Answered(Box::new(answer)))
    }
}

pub struct Town {
    pub shop: Shop,
    pub dice: Dice,
    pub bank: Bank,
    pub rules: Rules,
    /// Each with when it could have been done first.
    pub tasks: Vec<(Timestamp, Task)>,
    /// Whether nothing goes wrong any more.
    pub is_calm: bool,
    /// Periods that nobody was billed for because nothing ran meanwhile.
    pub left_out: BTreeMap<Id<Subscription>, i64>,
    /// What a card was let pay for a subscription in a year, by whoever may say so: its owner, or, for all cards, the seller.
    pub let_pay: BTreeMap<(Id<Subscription>, Option<Id<PaymentMethod>>), i64>,
    /// For how many seconds no server ran.
    pub down: i64,
    /// What was told of subscriptions and orders, and which event was the last of it. Old ones are removed from the store.
    pub told: BTreeMap<Uuid, Vec<String>>,
    pub last_told: Uuid,
    /// Runs short reads, without a thread that would have to be woken.
    runtime: Runtime,
    /// Whether anything was written since jobs ran.
    pub has_written: Cell<bool>,
    pub tally: Tally,
    pub seed: Seed,
    story: VecDeque<String>,
}

impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let story: Vec<String> = self.story.drain(..).collect();
            eprintln!("the last of what happened:\n{}", story.join("\n"));
            let (Seed { number, test }, engine) = (self.seed, self.shop.store.engine());
            let engine = format!("{engine:?}").to_lowercase();
            eprintln!(
                "seed {number}, told again by:\n\
                 MERAK_SIMULATION_SEED={number} cargo test -p merak-core --test sale -- {test}::{engine}"
            );
        }
    }
}

impl Town {
    pub fn new(engine: Engine, seed: Seed, rules: Rules) -> Self {
        Self {
            shop: Shop::on(engine),
            dice: Dice::new(seed.number),
            bank: Bank::new(seed.number),
            rules: Rules { taxes: Taxes::new(Rates), ..rules },
            tasks: Vec::new(),
            is_calm: false,
            left_out: BTreeMap::new(),
            let_pay: BTreeMap::new(),
            down: 0,
            told: BTreeMap::new(),
            last_told: Uuid::nil(),
            runtime: Builder::new_current_thread().build().unwrap(),
            has_written: Cell::new(true),
            tally: Tally::default(),
            seed,
            story: VecDeque::new(),
        }
    }

    pub fn tell(&mut self, line: impl Into<String>) {
        if self.story.len() == REMEMBERED {
            self.story.pop_front();
        }
        let line = line.into();
        self.story.push_back(format!("{} {line}", self.shop.now().wire()));
    }

    /// A unit that must succeed.
    #[track_caller]
    pub fn unit<T: Send + 'static>(&self, unit: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static) -> T {
        self.has_written.set(true);
        self.shop.write(unit).unwrap_or_else(|error| panic!("a unit was refused: {error:?}"))
    }

    #[track_caller]
    pub fn look<T: Send + 'static>(
        &self,
        unit: impl FnMut(&mut ReadTx<'_>) -> Result<T> + Send + 'static,
    ) -> T {
        let read = self.shop.store.read(unit);
        self.runtime.block_on(read).unwrap_or_else(|error| panic!("a look was refused: {error:?}"))
    }

    /// A command of a person: may be refused by a rule, but not by the store.
    #[track_caller]
    pub fn command<T: Send + 'static>(
        &mut self,
        name: &str,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Option<T> {
        self.has_written.set(true);
        match self.shop.write(unit) {
            Ok(value) => {
                self.tell(name);
                Some(value)
            }
            Err(Refusal::Store(error)) => panic!("{name}: {error:?}"),
            Err(refusal) => {
                self.tell(format!("{name}: {refusal}"));
                None
            }
        }
    }

    /// Something is under way.
    pub fn begin(&mut self, task: Task) {
        self.tasks.push((self.shop.now(), task));
    }

    /// Takes a step of something that is under way. Whether there was anything.
    pub fn step(&mut self) -> bool {
        if self.tasks.is_empty() {
            return false;
        }
        if self.crashes() {
            return false;
        }
        let index = self.dice.pick(self.tasks.len());
        let (since, task) = self.tasks.swap_remove(index);
        self.tally.note("steps");
        if since < self.shop.now() {
            self.tally.note("steps taken late");
        }
        self.run(task);
        true
    }

    /// Whether the server crashes now. What was under way is lost.
    pub fn crashes(&mut self) -> bool {
        let does = !self.is_calm && self.dice.one_in(60);
        if does {
            self.tell(format!("CRASH with {} things under way", self.tasks.len()));
            self.tasks.clear();
            self.tally.note("crashes");
        }
        does
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Ask(planned) => self.ask_all(planned),
            Task::AskFirst(payment) => {
                let id = payment.id;
                // Without an answer the caller is told that it is not known; the sweep finds out.
                if let Asked::Answered(answer) = self.ask(*payment) {
                    self.begin(Task::SettleFirst(id, answer));
                }
            }
            Task::Settle(answers) => {
                for (id, answer) in &answers {
                    self.tell(format!("settle {id} {}", short(answer)));
                }
                let rules = self.rules.clone();
                self.unit(move |tx| billing::settle(tx, &rules, &answers));
            }
            Task::SettleFirst(id, answer) => {
                self.tell(format!("settle a change {id} {}", short(&answer)));
                let (rules, answers) = (self.rules.clone(), vec![(id, *answer)]);
                self.unit(move |tx| billing::settle(tx, &rules, &answers));
                self.begin(Task::GiveUp(id));
            }
            Task::GiveUp(id) => {
                if let Some(refusal) = self.unit(move |tx| price_change::given_up(tx, id)) {
                    self.tell(format!("a change is given up {id}: {refusal}"));
                }
            }
            Task::Postpone(id) => self.unit(move |tx| payments::postpone(tx, id, 0)),
            Task::AskRefund(refund) => self.ask_refund(&refund),
            Task::SettleRefund(id, answer) => {
                self.tell(format!("settle refund {id} {:?}", answer.outcome));
                self.unit(move |tx| refunds::settle(tx, id, &answer));
            }
            Task::PostponeRefund(id) => self.unit(move |tx| refunds::postpone(tx, id, 0)),
            Task::Read(event) => self.read_event(event),
            Task::TakeIn(id, hint) => {
                self.tell(format!("take in {id} {}", of_hint(&hint)));
                let (rules, event_id) = (self.rules.clone(), id.clone());
                let is_refund = matches!(*hint, Hint::Refund { .. });
                self.has_written.set(true);
                let taken =
                    self.shop.write(move |tx| hints::take_in(tx, &rules, ("sandbox", &event_id), &hint));
                match taken {
                    Ok(_) => self.bank.taken(&id),
                    // It has overtaken its payment, and is told again.
                    Err(Refusal::Rule { .. }) if is_refund => self.tally.note("told too early"),
                    Err(error) => panic!("an event could not be taken in: {error:?}"),
                }
            }
        }
    }

    /// Asks for some payments at once; their answers are settled together, or not.
    fn ask_all(&mut self, planned: Vec<Payment>) {
        let questions = self.look(move |tx| payments::questions(tx, planned.clone()));
        let mut known = Vec::new();
        for question in questions {
            let id = question.payment.id;
            match self.ask_question(&question) {
                Asked::Answered(answer) => known.push((id, *answer)),
                Asked::Unanswered => self.begin(Task::Postpone(id)),
                Asked::Crashed => return,
            }
            if !known.is_empty() && self.dice.one_in(8) {
                self.begin(Task::Settle(std::mem::take(&mut known)));
            }
        }
        if !known.is_empty() {
            self.begin(Task::Settle(known));
        }
    }

    pub fn ask(&mut self, planned: Payment) -> Asked {
        let questions = self.look(move |tx| payments::questions(tx, vec![planned.clone()]));
        questions.first().map_or(Asked::Unanswered, |question| self.ask_question(question))
    }

    fn ask_question(&mut self, question: &payments::Question) -> Asked {
        if self.crashes() {
            return Asked::Crashed;
        }
        let (payment, now) = (&question.payment, self.shop.now());
        if let Some(intent) = &payment.processor_intent_id {
            return self.bank.retrieve(intent).into();
        }
        let is_old = now >= payment.planned_at.add_seconds(KEYS_LAST);
        if is_old && payment.status == PaymentStatus::Pending {
            let found = match payment.kind {
                PaymentKind::Charge => self.bank.find(&payment.id.to_string()),
                PaymentKind::Setup => Found::Nothing,
            };
            return match found {
                Found::NoAnswer => Asked::Unanswered,
                Found::Nothing => Some(Answer::failed("lost", "The payment was never made.")).into(),
                Found::Attempt(answer) => {
                    self.tally.note("found by our name for it");
                    Asked::Answered(answer)
                }
            };
        }
        if question.payer.processor_customer_id.is_none() {
            let (id, named) = (payment.customer_id, format!("cus_{}", payment.customer_id));
            self.unit(move |tx| payments::remember_payer(tx, id, "sandbox", &named));
            if self.crashes() {
                return Asked::Crashed;
            }
        }
        let key = format!("payment/{}", payment.id);
        let what = (payment.id.to_string(), payment.amount.get());
        let by = By { is_saved: payment.payment_method_id.is_some(), is_off_session: payment.is_off_session };
        let source = (payment.source.as_str(), by);
        self.bank.charge(&key, (&what.0, what.1), source, now).into()
    }

    /// Gives up a payment at the bank that waits for its customer. Whether that is known to be done: else whoever wanted it
    /// is told so, and nothing follows.
    pub fn cancel(&mut self, payment: &Payment) -> bool {
        let (id, now) = (payment.id, self.shop.now());
        let Some(intent) = payment.processor_intent_id.as_deref() else { return true };
        if payment.status != PaymentStatus::RequiresAction {
            return true;
        }
        let Some(answer) = self.bank.cancel(intent, now) else { return false };
        if self.crashes() {
            return false;
        }
        self.run(Task::Settle(vec![(id, answer)]));
        true
    }

    fn ask_refund(&mut self, refund: &Refund) {
        let (id, now) = (refund.id, self.shop.now());
        let known = refund.clone();
        let Some(RefundQuestion { refund, intent_id, .. }) =
            self.look(move |tx| refunds::question(tx, known.clone()))
        else {
            panic!("a payment that succeeded is known to the bank");
        };
        let (key, reference) = (format!("refund/{id}"), id.to_string());
        let is_old = now >= refund.planned_at.add_seconds(KEYS_LAST);
        let answer = if let Some(name) = &refund.processor_refund_id {
            self.bank.retrieve_refund(name)
        } else {
            // A key that was forgotten would give back once more.
            match if is_old { self.bank.find_refund(&reference) } else { Found::Nothing } {
                Found::NoAnswer => None,
                Found::Nothing => self.bank.refund(&key, (&intent_id, &reference), refund.amount.get(), now),
                Found::Attempt(answer) => Some(*answer),
            }
        };
        self.begin(match answer {
            Some(answer) => Task::SettleRefund(id, answer),
            None => Task::PostponeRefund(id),
        });
    }

    /// Notes that a card, or any, may pay this price.
    pub fn lets_pay(&mut self, id: Id<Subscription>, card: Option<Id<PaymentMethod>>, price_id: Id<Price>) {
        let sql = format!("SELECT CAST({A_YEAR} AS bigint) FROM product_prices WHERE id = $1");
        let year: i64 = self.look(move |tx| Ok(tx.one(&sql, &[&price_id])?));
        let most = self.let_pay.entry((id, card)).or_default();
        *most = year.max(*most);
    }

    /// The saved methods of somebody who has some.
    pub fn any_method(&mut self, subscription: &Subscription) -> Option<Id<PaymentMethod>> {
        let id = subscription.customer_id;
        let all = self.look(move |tx| methods::list(tx, id));
        (!all.is_empty()).then(|| all[self.dice.pick(all.len())].id)
    }
}

fn short(answer: &Answer) -> String {
    let text = format!("{:?}", answer.outcome);
    format!("{} {:?}", text.split([' ', '{', '(']).next().unwrap_or_default(), answer.intent_id)
}

fn of_hint(hint: &Hint) -> String {
    match hint {
        Hint::Payment { id, answer } => format!("payment {id} {}", short(answer)),
        other => format!("{other:?}"),
    }
}
