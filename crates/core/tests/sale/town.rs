//! A town: a shop, its buyers, a bank, and what is under way between them. What is under way is in memory only, so a crash
//! loses it, and the sweeps have to find it again.
//!
//! Each step is one unit or one call, in the order in which the server's flows take them.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::RefundAnswer;
use merak_core::billing::refunds::{self, RefundQuestion};
use merak_core::billing::renewal;
use merak_core::billing::{
    self, Answer, Payment, PaymentKind, PaymentMethod, PaymentStatus, Refund, Rules, methods, payments,
};
use merak_core::checkouts;
use merak_core::kit::{Cents, Id, Refusal};
use merak_core::products::Price;
use merak_core::subscriptions::Subscription;
use merak_core::subscriptions::price_change;
use merak_core::taxes::{Tax, TaxEngine, TaxProblem, TaxQuestion, Taxes};
use merak_store::{ReadTx, Tx};

use crate::bank::{Bank, By, Event, EventKind, Found};
use crate::dice::Dice;
use crate::support::*;

/// What a price costs in a year.
pub const A_YEAR: &str = "coalesce(product_prices.price_amount, 0) \
    * CASE WHEN product_prices.recurring_interval = 'month' THEN 12 ELSE 1 END";

/// How many lines of its story are told when something is wrong.
const REMEMBERED: usize = 60;

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

pub struct Town {
    pub shop: Shop,
    pub dice: Dice,
    pub bank: Bank,
    pub rules: Rules,
    pub tasks: Vec<Task>,
    /// Whether nothing goes wrong any more.
    pub is_calm: bool,
    /// Periods that nobody was billed for because nothing ran meanwhile.
    pub left_out: BTreeMap<Id<Subscription>, i64>,
    /// What a card was let pay for a subscription in a year, by whoever may say so: its owner, or, for all cards, the seller.
    pub let_pay: BTreeMap<(Id<Subscription>, Option<Id<PaymentMethod>>), i64>,
    pub crashes: u64,
    pub steps: u64,
    story: VecDeque<String>,
    seed: u64,
}

impl Drop for Town {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let story: Vec<String> = self.story.drain(..).collect();
            eprintln!("the last of what happened:\n{}", story.join("\n"));
            eprintln!("seed {}: MERAK_SIMULATION_SEED={} tells it again", self.seed, self.seed);
        }
    }
}

impl Town {
    pub fn new(engine: merak_store::Engine, seed: u64, rules: Rules) -> Self {
        Self {
            shop: Shop::on(engine),
            dice: Dice::new(seed),
            bank: Bank::new(seed),
            rules: Rules { taxes: Taxes::new(Rates), ..rules },
            tasks: Vec::new(),
            is_calm: false,
            left_out: BTreeMap::new(),
            let_pay: BTreeMap::new(),
            crashes: 0,
            steps: 0,
            story: VecDeque::new(),
            seed,
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
        self.shop.write(unit).unwrap_or_else(|error| panic!("a unit was refused: {error:?}"))
    }

    #[track_caller]
    pub fn look<T: Send + 'static>(
        &self,
        unit: impl FnMut(&mut ReadTx<'_>) -> Result<T> + Send + 'static,
    ) -> T {
        self.shop.read(unit).unwrap_or_else(|error| panic!("a look was refused: {error:?}"))
    }

    /// A command of a person: may be refused by a rule, but not by the store.
    #[track_caller]
    pub fn command<T: Send + 'static>(
        &mut self,
        name: &str,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Option<T> {
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

    /// Takes a step of something that is under way. Whether there was anything.
    pub fn step(&mut self) -> bool {
        if self.tasks.is_empty() {
            return false;
        }
        if !self.is_calm && self.dice.one_in(60) {
            self.tell(format!("CRASH with {} things under way", self.tasks.len()));
            self.tasks.clear();
            self.crashes += 1;
            return false;
        }
        self.steps += 1;
        let index = self.dice.pick(self.tasks.len());
        let task = self.tasks.swap_remove(index);
        self.run(task);
        true
    }

    fn run(&mut self, task: Task) {
        match task {
            Task::Ask(planned) => self.ask_all(planned),
            Task::AskFirst(payment) => {
                let id = payment.id;
                // Without an answer the caller is told that it is not known; the sweep finds out.
                if let Some(answer) = self.ask(*payment) {
                    self.tasks.push(Task::SettleFirst(id, Box::new(answer)));
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
                self.tasks.push(Task::GiveUp(id));
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
                let taken =
                    self.shop.write(move |tx| hints::take_in(tx, &rules, ("sandbox", &event_id), &hint));
                match taken {
                    Ok(_) => self.bank.taken(&id),
                    // It has overtaken its payment, and is told again.
                    Err(Refusal::Rule { .. }) if is_refund => {}
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
                Some(answer) => known.push((id, answer)),
                None => self.tasks.push(Task::Postpone(id)),
            }
            if !known.is_empty() && self.dice.one_in(8) {
                self.tasks.push(Task::Settle(std::mem::take(&mut known)));
            }
        }
        if !known.is_empty() {
            self.tasks.push(Task::Settle(known));
        }
    }

    fn ask(&mut self, planned: Payment) -> Option<Answer> {
        let question =
            self.look(move |tx| payments::questions(tx, vec![planned.clone()])).into_iter().next()?;
        self.ask_question(&question)
    }

    fn ask_question(&mut self, question: &payments::Question) -> Option<Answer> {
        let (payment, now) = (&question.payment, self.shop.now());
        if let Some(intent) = &payment.processor_intent_id {
            return self.bank.retrieve(intent);
        }
        let is_old = now >= payment.planned_at.add_seconds(23 * 3600);
        if is_old && payment.status == PaymentStatus::Pending {
            let found = match payment.kind {
                PaymentKind::Charge => self.bank.find(&payment.id.to_string()),
                PaymentKind::Setup => Found::Nothing,
            };
            return match found {
                Found::NoAnswer => None,
                Found::Nothing => Some(Answer::failed("lost", "The payment was never made.")),
                Found::Attempt(answer) => Some(*answer),
            };
        }
        if question.payer.processor_customer_id.is_none() {
            let (id, named) = (payment.customer_id, format!("cus_{}", payment.customer_id));
            self.unit(move |tx| payments::remember_payer(tx, id, "sandbox", &named));
        }
        let key = format!("payment/{}", payment.id);
        let what = (payment.id.to_string(), payment.amount.get());
        let by = By { is_saved: payment.payment_method_id.is_some(), is_off_session: payment.is_off_session };
        let source = (payment.source.as_str(), by);
        self.bank.charge(&key, (&what.0, what.1), source, now)
    }

    fn ask_refund(&mut self, refund: &Refund) {
        let (id, now) = (refund.id, self.shop.now());
        let known = refund.clone();
        let Some(RefundQuestion { refund, intent_id, .. }) =
            self.look(move |tx| refunds::question(tx, known.clone()))
        else {
            panic!("a payment that succeeded is known to the bank");
        };
        let answer = match &refund.processor_refund_id {
            Some(name) => self.bank.retrieve_refund(name),
            None => self.bank.refund(
                &format!("refund/{id}"),
                (&intent_id, &id.to_string()),
                refund.amount.get(),
                now,
            ),
        };
        self.tasks.push(match answer {
            Some(answer) => Task::SettleRefund(id, answer),
            None => Task::PostponeRefund(id),
        });
    }

    fn read_event(&mut self, event: Event) {
        let id = event.id.clone();
        if self.look(move |tx| hints::is_known(tx, "sandbox", &id)) {
            return self.bank.taken(&event.id);
        }
        if let Some(hint) = self.hint(&event.kind) {
            self.tasks.push(Task::TakeIn(event.id, Box::new(hint)));
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
            return (!is_any_unnamed).then_some(Hint::Nothing);
        };
        let payment_id = payment.id;
        Some(match kind {
            EventKind::Payment { intent, .. } => {
                let processor_intent_id = payment.processor_intent_id.clone().or(Some(intent.clone()));
                let answer = self.ask(Payment { processor_intent_id, ..payment })?;
                Hint::Payment { id: payment_id, answer: Box::new(answer) }
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

    /// What the worker does all the time: what is due, what is overdue, and jobs.
    pub fn sweep(&mut self) {
        self.renew();
        let due = self.unit(|tx| payments::take_due(tx, 100));
        if !due.is_empty() {
            self.tell(format!("{} payments are overdue", due.len()));
            self.tasks.push(Task::Ask(due));
        }
        let due = self.unit(|tx| refunds::take_due(tx, 100));
        self.tasks.extend(due.into_iter().map(|refund| Task::AskRefund(Box::new(refund))));
        self.unit(|tx| checkouts::expire(tx, 100));
    }

    fn renew(&mut self) {
        if !self.look(renewal::is_any_due) {
            return;
        }
        loop {
            let limit = if self.dice.one_in(3) { 3 } else { 100 };
            let rules = self.rules.clone();
            let batch = self.unit(move |tx| renewal::open_due(tx, &rules, limit));
            self.tell(format!("{} are due, {} to be paid", batch.looked_at, batch.payments.len()));
            for (id, count) in batch.left_out {
                *self.left_out.entry(id).or_default() += count;
            }
            if !batch.payments.is_empty() {
                self.tasks.push(Task::Ask(batch.payments));
            }
            if batch.looked_at < usize::try_from(limit).unwrap() {
                return;
            }
        }
    }

    /// Runs the jobs of the core. Mails are sent by somebody else.
    pub fn jobs(&mut self) {
        self.unit(|tx| Ok(tx.execute("DELETE FROM jobs WHERE kind = 'send_email'", &[])?));
        self.shop.run_jobs();
    }

    /// Time goes on, and the bank with it.
    pub fn wait(&mut self, seconds: u64) {
        self.shop.advance(Duration::from_secs(seconds));
        let now = self.shop.now();
        self.bank.tick(now);
        let events = self.bank.mail(now);
        self.tasks.extend(events.into_iter().map(Task::Read));
    }

    /// Lets everything come to its end that is under way.
    pub fn settle_down(&mut self) {
        (self.is_calm, self.bank.is_calm) = (true, true);
        self.tell("everything comes to its end");
        for _ in 0..60 {
            self.sweep();
            while self.step() {}
            self.wait(4 * 3600);
            while self.step() {}
            let waits = self.look(|tx| {
                Ok(tx.one::<i64>(
                    "SELECT (SELECT count(*) FROM payments WHERE ask_at IS NOT NULL) \
                     + (SELECT count(*) FROM refunds WHERE ask_at IS NOT NULL)",
                    &[],
                )?)
            });
            if waits == 0 && !self.bank.has_letters() && self.tasks.is_empty() {
                break;
            }
        }
        self.jobs();
        (self.is_calm, self.bank.is_calm) = (false, false);
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
