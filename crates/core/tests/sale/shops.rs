//! Many shops, each told from a seed of its own, on all cores: how long they lived, and what happened to them all.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use merak_store::Timestamp;
use uuid::Uuid;

use crate::life::{A_YEAR, Life};
use crate::tally::Tally;
use crate::town::Town;

/// What is counted in the rows of a shop.
const HAPPENED: &[(&str, &str)] = &[
    ("orders", "SELECT count(*) FROM orders"),
    (
        "renewals that were paid",
        "SELECT count(*) FROM invoices JOIN payments ON payments.invoice_id = invoices.id \
         WHERE invoices.billing_reason = 'subscription_cycle' AND payments.status = 'succeeded' AND invoices.status = 'paid'",
    ),
    (
        "renewals that cost nothing",
        "SELECT count(*) FROM invoices WHERE billing_reason = 'subscription_cycle' AND status = 'paid' \
         AND NOT EXISTS (SELECT 1 FROM payments WHERE payments.invoice_id = invoices.id)",
    ),
    (
        "changes that began a period",
        "SELECT count(*) FROM invoices WHERE billing_reason = 'subscription_update' AND status = 'paid'",
    ),
    ("changes within a period", "SELECT count(*) FROM invoice_lines WHERE is_proration"),
    (
        "changes that were given up",
        "SELECT count(*) FROM invoices WHERE billing_reason = 'subscription_update' AND status = 'void'",
    ),
    ("debts that were given up", "SELECT count(*) FROM invoices WHERE status = 'uncollectible'"),
    ("payments that failed", "SELECT count(*) FROM payments WHERE status = 'failed'"),
    ("cards declined", "SELECT count(*) FROM payments WHERE failure_code = 'card_declined'"),
    ("cards stolen", "SELECT count(*) FROM payments WHERE failure_code = 'stolen_card'"),
    ("approvals needed", "SELECT count(*) FROM payments WHERE failure_code = 'authentication_required'"),
    ("approvals that never came", "SELECT count(*) FROM payments WHERE failure_code = 'abandoned'"),
    ("payments given up by the payer", "SELECT count(*) FROM payments WHERE failure_code = 'canceled'"),
    ("payments declined days later", "SELECT count(*) FROM payments WHERE failure_code = 'declined_late'"),
    ("payments that never reached the bank", "SELECT count(*) FROM payments WHERE failure_code = 'lost'"),
    ("refunds", "SELECT count(*) FROM refunds WHERE status = 'succeeded'"),
    ("refunds that failed", "SELECT count(*) FROM refunds WHERE status = 'failed'"),
    ("payments nobody waited for", "SELECT count(*) FROM refunds WHERE order_id IS NULL"),
    ("disputes won", "SELECT count(*) FROM disputes WHERE status = 'won'"),
    ("disputes lost", "SELECT count(*) FROM disputes WHERE status = 'lost'"),
    ("discounts redeemed", "SELECT count(*) FROM discount_redemptions"),
    (
        "discounts redeemed to the last",
        "SELECT count(*) FROM discounts WHERE redemptions_count = max_redemptions",
    ),
    ("credit used", "SELECT count(*) FROM credit_entries WHERE amount < 0"),
    ("subscriptions", "SELECT count(*) FROM subscriptions"),
    ("subscriptions that ended", "SELECT count(*) FROM subscriptions WHERE ended_at IS NOT NULL"),
    ("cards taken away", "SELECT count(*) FROM payment_methods WHERE detached_at IS NOT NULL"),
    ("seats taken", "SELECT count(*) FROM license_key_activations"),
    ("grants taken back", "SELECT count(*) FROM benefit_grants WHERE revoked_at IS NOT NULL"),
];

/// What is known of some shops together.
#[derive(Default)]
pub struct Chronicle {
    /// For how many seconds they lived, see [`Town::lived`].
    lived: i64,
    /// For how many seconds subscriptions ran in them.
    ran: i64,
    pub tally: Tally,
}

impl Chronicle {
    /// Tells of shops, one of each seed, some at once.
    pub fn of(seeds: &[u64], life: impl Fn(u64) -> Life + Sync) -> Self {
        let (next, is_wrong, chronicle) =
            (AtomicUsize::new(0), AtomicBool::new(false), Mutex::new(Self::default()));
        let work = || {
            // Whoever finds something wrong says so, and the others need not go on.
            let alarm = Alarm(&is_wrong);
            while !is_wrong.load(Ordering::Relaxed)
                && let Some(seed) = seeds.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let life = life(*seed);
                chronicle.lock().unwrap_or_else(PoisonError::into_inner).add(&life.town);
            }
            drop(alarm);
        };
        thread::scope(|scope| {
            // A shop and its store take turns, so one more keeps the cores busy.
            for _ in 0..=thread::available_parallelism().map_or(2, usize::from) {
                scope.spawn(work);
            }
        });
        chronicle.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&mut self, town: &Town) {
        let (lived, ran) = town.lived();
        self.lived += lived;
        self.ran += ran;
        self.tally.add_all(&town.tally);
        self.tally.add_all(&town.bank.tally);
        self.tally.add_all(&town.happened());
    }

    /// For how many years the shops lived, and for how many their subscriptions ran, all together.
    pub fn years(&self) -> (i64, i64) {
        (self.lived / A_YEAR, self.ran / A_YEAR)
    }
}

struct Alarm<'a>(&'a AtomicBool);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl Town {
    /// For how many seconds this shop lived: those in which at least one subscription ran whose period was paid, less
    /// those in which no server did. And for how many seconds subscriptions ran, all together.
    pub fn lived(&self) -> (i64, i64) {
        type Run = (Uuid, Timestamp, Timestamp, Option<Timestamp>);
        let runs: Vec<Run> = self.look(|tx| {
            Ok(tx.all(
                "SELECT subscriptions.id, invoices.period_start, invoices.period_end, subscriptions.ended_at \
                 FROM invoices JOIN subscriptions ON subscriptions.id = invoices.subscription_id \
                 WHERE invoices.status = 'paid'",
                &[],
            )?)
        });
        let now = self.shop.now().as_seconds();
        let mut of_each: BTreeMap<Uuid, Vec<(i64, i64)>> = BTreeMap::new();
        for (id, start, end, ended_at) in runs {
            let end = end.as_seconds().min(now).min(ended_at.map_or(now, Timestamp::as_seconds));
            of_each.entry(id).or_default().push((start.as_seconds(), end));
        }
        let of_any = of_each.values().flatten().copied().collect();
        let ran = of_each.into_values().map(covered).sum();
        (covered(of_any) - self.down, ran)
    }

    fn happened(&self) -> Tally {
        let mut tally = Tally::default();
        for (what, sql) in HAPPENED {
            tally.add(what, self.look(|tx| Ok(tx.one(sql, &[])?)));
        }
        // Who pays in the grace has never lost it.
        for told in self.told.values() {
            let (mut is_active, mut was_active) = (false, false);
            for event in told {
                match event.as_str() {
                    "subscription.active" if is_active => tally.note("debts paid in the grace"),
                    "subscription.active" if was_active => tally.note("debts paid after all"),
                    _ => {}
                }
                is_active = (is_active || event == "subscription.active") && event != "subscription.revoked";
                was_active |= is_active;
            }
        }
        tally
    }
}

/// How many seconds are in at least one of these spans.
fn covered(mut spans: Vec<(i64, i64)>) -> i64 {
    spans.sort_unstable();
    let (mut all, mut until) = (0, i64::MIN);
    for (start, end) in spans {
        all += (end - start.max(until)).max(0);
        until = until.max(end);
    }
    all
}
