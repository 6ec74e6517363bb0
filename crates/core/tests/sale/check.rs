//! What holds whenever everything that was under way has come to its end.

use std::collections::{BTreeMap, BTreeSet};

use merak_core::billing::{
    BillingReason, Invoice, InvoiceStatus, Payment, PaymentMethod, PaymentStatus, rules,
};
use merak_core::kit::Id;
use merak_core::ledger::{self, Account, audit::AuditPoint};
use merak_core::subscriptions::Subscription;
use merak_store::Timestamp;
use uuid::Uuid;

use crate::town::{A_YEAR, Town};

/// Statements that find what must not be, and what they find.
const NEVER: &[(&str, &str)] = &[
    (
        "a paid invoice has one order, and no other invoice has any (I6)",
        "SELECT CAST(invoices.id AS text) FROM invoices LEFT JOIN orders ON orders.invoice_id = invoices.id \
         WHERE (invoices.status = 'paid') <> (orders.id IS NOT NULL)",
    ),
    (
        "nothing is under way for ever",
        "SELECT CAST(id AS text) || ' ' || status FROM payments WHERE ask_at IS NOT NULL \
         OR status NOT IN ('succeeded', 'failed')",
    ),
    (
        "no refund is under way for ever",
        "SELECT CAST(id AS text) || ' ' || status FROM refunds WHERE ask_at IS NOT NULL OR status = 'pending'",
    ),
    (
        "no checkout is under way for ever",
        "SELECT CAST(id AS text) || ' ' || status FROM checkouts WHERE status = 'confirmed' \
         OR status = 'open' AND confirming_payment_id IS NOT NULL",
    ),
    (
        "a checkout that succeeded has one order, and no other has any (I6)",
        "SELECT CAST(id AS text) || ' ' || status FROM checkouts WHERE (CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END) \
         <> (SELECT count(*) FROM orders WHERE orders.checkout_id = checkouts.id)",
    ),
    (
        "what recurs makes a subscription, and nothing else does (I6)",
        "SELECT CAST(checkouts.id AS text) FROM checkouts JOIN orders ON orders.checkout_id = checkouts.id \
         JOIN product_prices ON product_prices.id = checkouts.product_price_id \
         WHERE (orders.subscription_id IS NULL) = (product_prices.type = 'recurring')",
    ),
    (
        "an active subscription is looked at when its period ends",
        "SELECT CAST(id AS text) FROM subscriptions WHERE status = 'active' AND \
         (due_at IS NULL OR due_at <> current_period_end OR past_due_since IS NOT NULL OR ended_at IS NOT NULL)",
    ),
    (
        "who owes a payment is looked at again, and owes an invoice",
        "SELECT CAST(id AS text) || ' period ' || CAST(period AS text) || ' due ' || coalesce(CAST(due_at AS text), 'never') \
         || ' since ' || coalesce(CAST(past_due_since AS text), 'never') || (SELECT coalesce(max(CAST(period AS text) || status), '-') \
         FROM invoices WHERE invoices.subscription_id = subscriptions.id AND status = 'open') FROM subscriptions WHERE status = 'past_due' AND (due_at IS NULL \
         OR past_due_since IS NULL OR NOT EXISTS (SELECT 1 FROM invoices WHERE invoices.subscription_id = subscriptions.id \
         AND invoices.status = 'open'))",
    ),
    (
        "only who owes a payment is in a grace, and is looked at when it ends",
        "SELECT CAST(id AS text) FROM subscriptions WHERE grace_ends_at IS NOT NULL \
         AND (status <> 'past_due' OR due_at > grace_ends_at)",
    ),
    (
        "what has ended has ended, and owes nothing",
        "SELECT CAST(id AS text) FROM subscriptions WHERE status = 'canceled' AND (due_at IS NOT NULL OR ended_at IS NULL \
         OR ends_at <> ended_at OR EXISTS (SELECT 1 FROM invoices WHERE invoices.subscription_id = subscriptions.id \
         AND invoices.status = 'open'))",
    ),
    (
        "who owes nothing has no open invoice",
        "SELECT CAST(invoices.id AS text) FROM invoices JOIN subscriptions ON subscriptions.id = invoices.subscription_id \
         WHERE invoices.status = 'open' AND subscriptions.status NOT IN ('past_due', 'unpaid')",
    ),
    (
        "redemptions are counted and limited, and each is of a checkout that came about (I9)",
        "SELECT CAST(id AS text) FROM discounts WHERE redemptions_count <> (SELECT count(*) FROM discount_redemptions \
         WHERE discount_redemptions.discount_id = discounts.id) OR redemptions_count > max_redemptions \
         OR EXISTS (SELECT 1 FROM discount_redemptions JOIN checkouts ON checkouts.id = discount_redemptions.checkout_id \
         WHERE discount_redemptions.discount_id = discounts.id AND checkouts.status <> 'succeeded')",
    ),
    (
        "no key has more seats taken than it has",
        "SELECT CAST(license_keys.id AS text) FROM license_keys WHERE limit_activations < (SELECT count(*) \
         FROM license_key_activations WHERE license_key_activations.license_key_id = license_keys.id)",
    ),
    (
        "no credit is used that is not there",
        "SELECT CAST(customer_id AS text) FROM credit_entries GROUP BY customer_id HAVING sum(amount) < 0",
    ),
    (
        "amounts are what they are made of (I1)",
        "SELECT CAST(id AS text) FROM checkouts WHERE discount_amount < 0 OR amount - discount_amount < 0 \
         OR tax_amount < 0 OR (amount IS NULL AND discount_amount <> 0)",
    ),
    (
        "the lines of an invoice are its amount",
        "SELECT CAST(id AS text) FROM invoices WHERE status <> 'void' AND amount <> (SELECT sum(invoice_lines.amount) \
         FROM invoice_lines WHERE invoice_lines.invoice_id = invoices.id)",
    ),
    (
        "nothing was put aside",
        "SELECT kind || ' ' || coalesce(last_error, '') FROM jobs WHERE failed_at IS NOT NULL",
    ),
    (
        "an order says what its invoice says",
        "SELECT CAST(orders.id AS text) FROM orders JOIN invoices ON invoices.id = orders.invoice_id WHERE orders.amount <> \
         invoices.amount - invoices.discount_amount OR orders.tax_amount <> invoices.tax_amount",
    ),
    (
        "no more goes back than came",
        "SELECT CAST(orders.id AS text) FROM orders WHERE refunded_amount > (SELECT coalesce(sum(payments.amount), 0) \
         FROM payments WHERE payments.invoice_id = orders.invoice_id AND payments.status = 'succeeded') \
         OR refunded_amount <> (SELECT coalesce(sum(refunds.amount), 0) FROM refunds \
         WHERE refunds.order_id = orders.id AND refunds.status = 'succeeded')",
    ),
];

impl Town {
    /// Checks everything.
    #[track_caller]
    pub fn check(&mut self) {
        for (what, sql) in NEVER {
            let found: Vec<String> = self.look(move |tx| Ok(tx.all(sql, &[])?));
            assert!(found.is_empty(), "{what}: {:?}", &found[..found.len().min(5)]);
        }
        self.check_charges();
        self.check_ledger();
        self.check_numbers();
        self.check_grants();
        self.check_cards();
        self.check_periods();
        self.check_events();
    }

    fn all_payments(&self) -> Vec<Payment> {
        let sql = format!("SELECT {} FROM payments", Payment::COLUMNS);
        self.look(move |tx| Ok(tx.all(&sql, &[])?))
    }

    fn all_invoices(&self) -> Vec<Invoice> {
        let sql = format!(
            "SELECT {} FROM invoices ORDER BY subscription_id, period, created_at, id",
            Invoice::COLUMNS
        );
        self.look(move |tx| Ok(tx.all(&sql, &[])?))
    }

    /// I5: of all attempts for one thing one gets money, and we know of each whether it did.
    fn check_charges(&self) {
        let payments: BTreeMap<String, Payment> =
            self.all_payments().into_iter().map(|payment| (payment.id.to_string(), payment)).collect();
        let mut of_thing: BTreeMap<Uuid, Vec<&str>> = BTreeMap::new();
        let mut of_payment: BTreeMap<&str, u32> = BTreeMap::new();
        for intent in self.bank.intents.iter().filter(|intent| intent.amount > 0) {
            let payment = &payments[&intent.reference];
            let is_known = payment.status == PaymentStatus::Succeeded;
            assert_eq!(intent.is_captured(), is_known, "{intent:?} is not {payment:?}");
            assert_eq!(intent.amount, payment.amount.get(), "{intent:?}");
            if intent.is_captured() {
                *of_payment.entry(&intent.reference).or_default() += 1;
                let thing = payment.checkout_id.map(Id::uuid);
                let thing = thing.or(payment.invoice_id.map(Id::uuid)).unwrap();
                if !intent.is_late() {
                    of_thing.entry(thing).or_default().push(&intent.id);
                }
            }
        }
        let returned: BTreeMap<String, i64> = self
            .look(|tx| Ok(tx.all::<(Uuid, i64)>(
                "SELECT payment_id, CAST(sum(amount) AS bigint) FROM refunds WHERE status = 'succeeded' GROUP BY payment_id",
                &[],
            )?))
            .into_iter()
            .map(|(id, amount)| (id.to_string(), amount))
            .collect();
        for intent in &self.bank.intents {
            let known = returned.get(&intent.reference).copied().unwrap_or(0);
            assert_eq!(known, intent.returned, "what went back of {intent:?}");
        }
        for (payment, count) in of_payment {
            assert_eq!(count, 1, "{payment} was charged {count} times");
        }
        for (thing, charges) in of_thing {
            assert_eq!(charges.len(), 1, "{thing} was charged more than once: {charges:?}");
        }
        // What was paid is what was due; what was paid besides went back, or is about to.
        let mut paid: BTreeMap<Uuid, i64> = BTreeMap::new();
        let strays: BTreeMap<Uuid, i64> = self
            .look(|tx| {
                Ok(tx.all::<(Uuid, i64)>(
                    "SELECT payment_id, amount FROM refunds WHERE order_id IS NULL AND status <> 'pending'",
                    &[],
                )?)
            })
            .into_iter()
            .collect();
        for payment in payments.values().filter(|one| one.status == PaymentStatus::Succeeded) {
            if strays.contains_key(&payment.id.uuid()) {
                continue;
            }
            if let Some(id) = payment.invoice_id {
                *paid.entry(id.uuid()).or_default() += payment.amount.get();
            } else {
                assert_eq!(payment.amount.get(), 0, "money came for nothing and stays: {payment:?}");
            }
        }
        for invoice in self.all_invoices() {
            let due = if invoice.status == InvoiceStatus::Paid { invoice.due().get() } else { 0 };
            assert_eq!(paid.get(&invoice.id.uuid()).copied().unwrap_or(0), due, "{invoice:?}");
        }
    }

    /// I7 and I8: the chain is whole, and the accounts are what the bank, the orders and the credits say.
    fn check_ledger(&self) {
        let organization_id = self.shop.organization.id;
        let mut point = Some(AuditPoint::default());
        while let Some(from) = point {
            let part = self.look(move |tx| ledger::audit::audit(tx, organization_id, &from));
            assert_eq!(part.findings, []);
            point = part.next;
        }
        let balances: BTreeMap<Account, i64> = self
            .look(move |tx| ledger::balances(tx, organization_id))
            .into_iter()
            .map(|balance| (balance.account, balance.amount.get()))
            .collect();
        let of = |account| balances.get(&account).copied().unwrap_or(0);
        assert_eq!(balances.values().sum::<i64>(), 0, "the ledger is balanced");
        assert_eq!(of(Account::ProcessorClearing), self.bank.balance(), "the bank has what the ledger says");
        assert_eq!(of(Account::CustomerReceivable), 0, "what was owed was met");
        let sum = |sql: &'static str| self.look(move |tx| Ok(tx.one::<i64>(sql, &[])?));
        let revenue =
            sum("SELECT CAST(coalesce(sum(amount), 0) AS bigint) FROM orders WHERE invoice_id IS NOT NULL");
        assert_eq!(-of(Account::Revenue), revenue, "orders are revenue");
        let credits = sum("SELECT CAST(coalesce(sum(amount), 0) AS bigint) FROM credit_entries");
        let held = sum(
            "SELECT CAST(coalesce(sum(credit_applied), 0) AS bigint) FROM invoices WHERE status = 'open'",
        );
        // Money that nobody waited for is the customer's until it went back.
        let strays = sum(
            "SELECT CAST(coalesce(sum(payments.amount - (SELECT coalesce(sum(refunds.amount), 0) FROM refunds \
             WHERE refunds.payment_id = payments.id AND refunds.status = 'succeeded')), 0) AS bigint) FROM payments \
             WHERE EXISTS (SELECT 1 FROM refunds WHERE refunds.payment_id = payments.id AND refunds.order_id IS NULL)",
        );
        assert_eq!(
            -of(Account::CustomerCredit),
            credits + held + strays,
            "credits are what is owed to customers"
        );
        if !self.bank.is_disputing() {
            assert_eq!(of(Account::Disputes), 0, "every dispute has been decided");
        }
    }

    fn check_numbers(&self) {
        let numbers: Vec<i64> = self.look(|tx| {
            Ok(tx.all(
                "SELECT invoice_number FROM orders WHERE invoice_number IS NOT NULL ORDER BY invoice_number",
                &[],
            )?)
        });
        for (number, expected) in numbers.iter().zip(1..) {
            assert_eq!(*number, expected, "invoice numbers have no gaps");
        }
        let wrong: i64 = self.look(|tx| {
            Ok(tx.one(
                "SELECT count(*) FROM orders \
                 WHERE (invoice_number IS NOT NULL) <> (amount <> 0 OR tax_amount <> 0)",
                &[],
            )?)
        });
        assert_eq!(wrong, 0, "what was paid for or given back has a number, and nothing else has");
    }

    /// A card whose owner is not known pays no more in a year than it was typed in for, unless its owner or the seller said so.
    fn check_cards(&self) {
        type Pays = (Id<Subscription>, Id<PaymentMethod>, i64);
        let typed_in = format!(
            "SELECT orders.subscription_id, payment_methods.id, CAST({A_YEAR} AS bigint) FROM payments \
             JOIN payment_methods ON payment_methods.id = payments.payment_method_id \
             JOIN orders ON orders.invoice_id = payments.invoice_id \
             JOIN product_prices ON product_prices.id = orders.product_price_id \
             WHERE payments.status = 'succeeded' AND payments.source <> payment_methods.processor_method_id \
             AND orders.subscription_id IS NOT NULL"
        );
        let mut most: BTreeMap<_, i64> = BTreeMap::new();
        for (id, card, year) in self.look(move |tx| Ok(tx.all::<Pays>(&typed_in, &[])?)) {
            let known = most.entry((id, card)).or_default();
            *known = year.max(*known);
        }
        let paid = format!(
            "SELECT subscriptions.id, payment_methods.id, CAST({A_YEAR} AS bigint) FROM subscriptions \
             JOIN payment_methods ON payment_methods.id = subscriptions.payment_method_id \
             JOIN product_prices ON product_prices.id = subscriptions.price_id \
             WHERE subscriptions.ended_at IS NULL AND NOT payment_methods.is_offered"
        );
        for (id, card, year) in self.look(move |tx| Ok(tx.all::<Pays>(&paid, &[])?)) {
            let said = |card| self.let_pay.get(&(id, card)).copied().unwrap_or_default();
            let given = most.get(&(id, card)).copied().unwrap_or_default();
            let may = given.max(said(Some(card))).max(said(None));
            assert!(year <= may, "{card} pays {year} for {id} in a year, and was given for {may}");
        }
    }

    /// I10: what is held is what is paid for.
    fn check_grants(&self) {
        let pairs = |sql: &'static str| -> BTreeSet<(Uuid, Uuid)> {
            self.look(move |tx| Ok(tx.all::<(Uuid, Uuid)>(sql, &[])?)).into_iter().collect()
        };
        let entitled = pairs(
            "SELECT subscriptions.id, product_benefits.benefit_id FROM subscriptions \
             JOIN product_benefits ON product_benefits.product_id = subscriptions.product_id WHERE status = 'active' \
             OR status = 'past_due' AND grace_ends_at IS NOT NULL",
        );
        let held = pairs(
            "SELECT subscription_id, benefit_id FROM benefit_grants WHERE subscription_id IS NOT NULL AND granted_at IS NOT NULL",
        );
        assert_same(&entitled, &held, "of subscriptions");
        let entitled = pairs(
            "SELECT orders.id, product_benefits.benefit_id FROM orders \
             JOIN product_benefits ON product_benefits.product_id = orders.product_id WHERE subscription_id IS NULL \
             AND NOT EXISTS (SELECT 1 FROM refunds WHERE refunds.order_id = orders.id AND revokes_benefits \
             AND status = 'succeeded')",
        );
        let held = pairs(
            "SELECT order_id, benefit_id FROM benefit_grants WHERE order_id IS NOT NULL AND granted_at IS NOT NULL",
        );
        assert_same(&entitled, &held, "of orders");
    }

    /// I12: periods tile, whenever they were worked on.
    fn check_periods(&self) {
        let sql = format!("SELECT {} FROM subscriptions", Subscription::COLUMNS);
        let subscriptions: Vec<Subscription> = self.look(move |tx| Ok(tx.all(&sql, &[])?));
        let mut by_subscription: BTreeMap<Uuid, Vec<Invoice>> = BTreeMap::new();
        for invoice in self.all_invoices() {
            if let Some(id) = invoice.subscription_id {
                by_subscription.entry(id.uuid()).or_default().push(invoice);
            }
        }
        for subscription in subscriptions {
            let all = by_subscription.remove(&subscription.id.uuid()).unwrap_or_default();
            let told: Vec<_> = all
                .iter()
                .map(|one| (one.period, one.status, one.billing_reason, one.period_start))
                .collect();
            let settled: Vec<_> =
                all.iter().filter(|one| one.status != InvoiceStatus::Void).map(|one| one.period).collect();
            // A change that was given up for another one at the same instant is for the same period.
            let is_overtaken =
                |one: &Invoice| one.status == InvoiceStatus::Void && settled.contains(&one.period);
            let mut invoices: Vec<Invoice> =
                all.into_iter().filter(|one| was_entered(&subscription, one) && !is_overtaken(one)).collect();
            // What is open of a subscription at its end is settled by an invoice for no time at all.
            if subscription.ended_at.is_some()
                && let Some(last) = invoices.pop_if(|last| last.period_start == last.period_end)
            {
                // Only who lets it end with its period pays for what changed in that.
                let is_with_period = subscription.ended_at >= Some(subscription.current_period_end);
                assert!(last.total().get() <= 0 || is_with_period, "{last:?}");
                assert_eq!(last.period, Some(subscription.period + 1), "{last:?}");
            }
            let mut left_out = 0;
            let span = |invoice: &Invoice| (invoice.period_start.unwrap(), invoice.period_end.unwrap());
            for pair in invoices.windows(2) {
                let ((start, end), (next, next_end)) = (span(&pair[0]), span(&pair[1]));
                let step = pair[1].period.unwrap() - pair[0].period.unwrap();
                assert!(step >= 1 && next < next_end, "{pair:?}");
                match pair[1].billing_reason {
                    BillingReason::SubscriptionUpdate => {
                        assert!(step == 1 && start <= next, "a change begins a period: {pair:?}");
                    }
                    _ if step == 1 => assert_eq!(end, next, "a period begins where one ends: {pair:?}"),
                    _ => {
                        left_out += step - 1;
                        assert!(end < next, "{pair:?}");
                    }
                }
            }
            let known = self.left_out.get(&subscription.id).copied().unwrap_or(0);
            assert_eq!(left_out, known, "who was not billed is told: {subscription:?} {told:?}");
            let last =
                invoices.last().unwrap_or_else(|| panic!("it began with an invoice: {subscription:?}"));
            let now = (subscription.current_period_start, subscription.current_period_end);
            assert_eq!(
                (last.period, span(last)),
                (Some(subscription.period), now),
                "{subscription:?} {last:?}"
            );
            let at: Option<Timestamp> = rules::start_of(&subscription, subscription.period);
            assert_eq!(at, Some(subscription.current_period_start), "{subscription:?}");
            let at = rules::start_of(&subscription, subscription.period + 1);
            assert_eq!(at, Some(subscription.current_period_end), "{subscription:?}");
        }
    }

    /// I11: what is told of subscriptions and orders.
    fn check_events(&mut self) {
        self.read_told();
        let mut of = self.told.clone();
        let statuses: Vec<(Uuid, String, bool, bool)> = self.look(|tx| {
            Ok(tx.all(
                "SELECT id, status, grace_ends_at IS NOT NULL, ends_at IS NOT NULL FROM subscriptions",
                &[],
            )?)
        });
        let may_stay = self.rules.grace_days > 0;
        for (id, status, is_in_grace, is_ending) in statuses {
            let told = of.remove(&id).unwrap_or_default();
            assert_eq!(told[..2], ["subscription.created", "subscription.active"], "{id}");
            let mut is_active = false;
            let mut is_canceled = false;
            for event in &told {
                match event.as_str() {
                    // Who pays in the grace has never lost it.
                    "subscription.active" => {
                        assert!(!std::mem::replace(&mut is_active, true) || may_stay, "{told:?}");
                    }
                    "subscription.revoked" => assert!(std::mem::replace(&mut is_active, false), "{told:?}"),
                    "subscription.canceled" => is_canceled = true,
                    "subscription.uncanceled" => {
                        assert!(std::mem::replace(&mut is_canceled, false), "{told:?}");
                    }
                    _ => {}
                }
            }
            assert_eq!(is_active, status == "active" || is_in_grace, "{id} is {status}: {told:?}");
            assert_eq!(is_canceled, is_ending, "{id} ends, or not: {told:?}");
        }
        let orders: Vec<Uuid> = self.look(|tx| Ok(tx.all("SELECT id FROM orders", &[])?));
        for id in orders {
            assert_eq!(of.remove(&id).unwrap_or_default(), ["order.created"], "{id}");
        }
        assert!(of.is_empty(), "something is told of nothing: {of:?}");
    }
}

/// Whether the period of an invoice began. That of one that was given up for a change that never was did not.
fn was_entered(subscription: &Subscription, invoice: &Invoice) -> bool {
    invoice.status != InvoiceStatus::Void
        || invoice.billing_reason == BillingReason::SubscriptionCycle
        || invoice.period == Some(subscription.period)
            && invoice.period_start == Some(subscription.current_period_start)
}

#[track_caller]
fn assert_same(entitled: &BTreeSet<(Uuid, Uuid)>, held: &BTreeSet<(Uuid, Uuid)>, whose: &str) {
    let missing: Vec<_> = entitled.difference(held).collect();
    let too_much: Vec<_> = held.difference(entitled).collect();
    assert!(missing.is_empty(), "benefits {whose} are not held: {missing:?}");
    assert!(too_much.is_empty(), "benefits {whose} are held for nothing: {too_much:?}");
}
