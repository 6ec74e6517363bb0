//! How time goes by: what the worker does meanwhile, and what happens while no server runs.

use std::time::Duration;

use merak_core::billing::{payments, refunds, renewal};
use merak_core::jobs::{self, Job, Outcome};
use merak_store::{Timestamp, Tx};
use uuid::Uuid;

use crate::support::*;
use crate::town::{Task, Town};

const HOUR: u64 = 3600;

/// How many jobs are run in one unit at most.
const JOBS_AT_ONCE: u32 = 5;

impl Town {
    /// Time goes on, and the server runs: whatever falls due is done then or some hours later, in its order.
    pub fn pass(&mut self, seconds: u64) {
        let until = self.shop.now().add_seconds(i64::try_from(seconds).unwrap());
        loop {
            let due = self.due_before(until);
            let told = self.bank.next().filter(|at| *at < until);
            let Some(first) = due.first().into_iter().chain(told).min() else { break };
            // What the bank tells has its time.
            let is_late = due.first() != Some(first) || self.dice.one_in(2);
            let late = if is_late { self.dice.below(12 * HOUR) } else { 0 };
            let soonest = self.shop.now().add_seconds(60);
            self.wait_until(first.max(soonest).add_seconds(i64::try_from(late).unwrap()).min(until));
            self.sweep_what_is(&due);
            self.go_through();
        }
        self.wait_until(until);
    }

    /// No server runs for so long.
    pub fn go_down(&mut self, seconds: u64) {
        self.tell(format!("DOWN for {} hours, with {} things under way", seconds / HOUR, self.tasks.len()));
        self.tasks.clear();
        self.tally.note("times without a server");
        self.down += i64::try_from(seconds).unwrap();
        self.wait(seconds);
    }

    /// What the worker does when it looks around.
    pub fn work(&mut self) {
        self.sweep();
        self.go_through();
    }

    /// Does what is under way, or a part of it.
    fn go_through(&mut self) {
        let most = if self.dice.one_in(4) { self.dice.below(6) } else { u64::MAX };
        for _ in 0..most {
            if !self.step() {
                break;
            }
        }
        if self.dice.one_in(2) {
            self.jobs();
        }
    }

    /// What falls due first before an instant.
    fn due_before(&self, until: Timestamp) -> Due {
        self.look(move |tx| {
            let mut first = |sql| tx.find(sql, &[&until]);
            Ok(Due {
                subscriptions: first(
                    "SELECT due_at FROM subscriptions WHERE due_at < $1 AND NOT is_held ORDER BY due_at LIMIT 1",
                )?,
                payments: first("SELECT ask_at FROM payments WHERE ask_at < $1 ORDER BY ask_at LIMIT 1")?,
                refunds: first("SELECT ask_at FROM refunds WHERE ask_at < $1 ORDER BY ask_at LIMIT 1")?,
            })
        })
    }

    /// Takes on what is due, and what is overdue.
    pub fn sweep(&mut self) {
        let soon = self.shop.now().add_seconds(1);
        let due = self.due_before(soon);
        self.sweep_what_is(&due);
    }

    fn sweep_what_is(&mut self, due: &Due) {
        let now = self.shop.now();
        let is_due = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_due(due.subscriptions) {
            self.renew();
        }
        if is_due(due.payments) {
            let due = self.unit(|tx| payments::take_due(tx, 100));
            self.tell(format!("{} payments are overdue", due.len()));
            self.begin(Task::Ask(due));
        }
        if is_due(due.refunds) {
            let due = self.unit(|tx| refunds::take_due(tx, 100));
            for refund in due {
                self.begin(Task::AskRefund(Box::new(refund)));
            }
        }
    }

    fn renew(&mut self) {
        loop {
            let limit = if self.dice.one_in(3) { 3 } else { 100 };
            let rules = self.rules.clone();
            let batch = self.unit(move |tx| renewal::open_due(tx, &rules, limit));
            self.tell(format!("{} are due, {} to be paid", batch.looked_at, batch.payments.len()));
            for (id, count) in batch.left_out {
                *self.left_out.entry(id).or_default() += count;
                self.tally.add("periods left out", count);
            }
            if !batch.payments.is_empty() {
                self.begin(Task::Ask(batch.payments));
            }
            if batch.looked_at < usize::try_from(limit).unwrap() {
                return;
            }
        }
    }

    /// Lets the store tidy up, which the server does every now and then: checkouts expire, and what is old goes.
    pub fn tidy(&mut self) {
        self.unit(jobs::ensure_recurring);
        self.jobs();
    }

    /// Runs the jobs of the core. Mails are sent by somebody else, and what else calls the outside is done.
    pub fn jobs(&mut self) {
        // Only what was written makes jobs.
        if !self.has_written.replace(false) {
            return;
        }
        self.read_told();
        let is_any_due = "SELECT EXISTS (SELECT 1 FROM jobs WHERE due_at <= $1 AND kind <> 'send_email')";
        let mut is_there_more: bool = self.look(move |tx| {
            let now = tx.now();
            Ok(tx.one(is_any_due, &[&now])?)
        });
        while is_there_more {
            let is_lost = self.crashes();
            is_there_more = self.unit(move |tx| run_jobs(tx, is_lost)) && !is_lost;
            self.has_written.set(is_lost);
        }
    }

    /// Keeps what was told, before it is removed.
    pub fn read_told(&mut self) {
        let after = self.last_told;
        let told: Vec<(Uuid, Uuid, String)> = self.look(move |tx| {
            Ok(tx.all(
                "SELECT id, subject_id, type FROM events WHERE id > $1 \
                 AND (type LIKE 'subscription.%' OR type LIKE 'order.%') ORDER BY id",
                &[&after],
            )?)
        });
        for (id, subject, kind) in told {
            self.last_told = id;
            self.told.entry(subject).or_default().push(kind);
        }
    }

    /// Time goes on, and the bank with it.
    pub fn wait(&mut self, seconds: u64) {
        self.shop.advance(Duration::from_secs(seconds));
        let now = self.shop.now();
        self.bank.tick(now);
        let events = self.bank.mail(now);
        if !events.is_empty() {
            self.receive(events);
        }
    }

    fn wait_until(&mut self, at: Timestamp) {
        let seconds = at.as_seconds() - self.shop.now().as_seconds();
        self.wait(u64::try_from(seconds).unwrap_or_default());
    }

    /// Lets everything come to its end that is under way.
    pub fn settle_down(&mut self) {
        (self.is_calm, self.bank.is_calm) = (true, true);
        self.tell("everything comes to its end");
        for _ in 0..60 {
            self.sweep();
            while self.step() {}
            self.wait(4 * HOUR);
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
}

/// What falls due first.
struct Due {
    subscriptions: Option<Timestamp>,
    payments: Option<Timestamp>,
    refunds: Option<Timestamp>,
}

impl Due {
    fn first(&self) -> Option<Timestamp> {
        [self.subscriptions, self.payments, self.refunds].into_iter().flatten().min()
    }
}

/// Runs some jobs. Whether there are more. The worker takes each in one unit and does it in another, so the last may be lost
/// between.
fn run_jobs(tx: &mut Tx<'_>, is_last_lost: bool) -> Result<bool> {
    let now = tx.now();
    tx.execute(
        "DELETE FROM jobs WHERE kind = 'send_email' OR kind IN ('expire_checkouts', 'purge') AND due_at > $1",
        &[&now],
    )?;
    for _ in 0..JOBS_AT_ONCE {
        let Some(claimed) = jobs::claim(tx)? else { return Ok(false) };
        if is_last_lost && !jobs::is_any_due(tx, false)? {
            return Ok(false);
        }
        let outcome = match &claimed.job {
            Job::Flow(_) => Outcome::Done,
            job => jobs::run(tx, job)?,
        };
        jobs::settle(tx, &claimed, &outcome)?;
    }
    Ok(true)
}
