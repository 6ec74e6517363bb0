//! Money that holds whatever breaks: each call to the processor of each story goes wrong in each way, and in the end all is
//! as if nothing had happened.
//!
//! Units are between calls, so a process that dies before a call dies after the unit that comes before it, and one that
//! dies after a call dies before the unit that writes its answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use merak_core::benefits::BenefitType;
use merak_core::billing::refunds::NewRefund;
use merak_core::customers::Customer;
use merak_core::kit::{Cents, Id, Timeframe, calendar};
use merak_core::ledger::audit::{self, AuditPoint};
use merak_core::orders::Order;
use merak_core::products::Product;
use merak_core::subscriptions::Subscription;
use merak_server::{Chores, Config, Payments, Server};
use merak_testkit::TestDatabase;
use serde_json::{Value, json};

use crate::support::line::{Fault, Line};
use crate::support::sales::{recurring, recurring_free};
use crate::support::shop::config;
use crate::support::{Answer, Shop, migrated};

/// How long it may take until all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A shop that reaches its processor by a line, and what it sells.
struct Stage {
    shop: Shop,
    line: Arc<Line>,
    once: Value,
    monthly: Value,
    yearly: Value,
    free: Value,
    /// Servers that took over from those that died.
    others: Vec<Server>,
}

/// Everything that is known of a customer, and that the processor knows.
type Facts = Vec<String>;

impl Stage {
    async fn open(database: TestDatabase, line: Arc<Line>) -> Self {
        let shop = Shop::open_by(database, &line).await;
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let once = json!({"type": "one_time", "amount_type": "fixed", "price_amount": 700});
        let once = shop.plan("Once", json!([once])).await;
        let monthly = shop.plan("Monthly", json!([recurring("month", 100)])).await;
        let yearly = shop.plan("Yearly", json!([recurring("year", 9000)])).await;
        let free = shop.plan("Free", json!([recurring_free("month")])).await;
        for product in [&once, &monthly] {
            let path = format!("/v1/products/{}/benefits", text(&product["id"]));
            shop.merchant.post(&path, json!({"benefits": [benefit.id]})).await.expect(200);
        }
        Self { shop, line, once, monthly, yearly, free, others: Vec::new() }
    }

    async fn confirm(&self, product: &Value, who: &str, card: &str) -> Answer {
        let body = json!({"product_id": product["id"]});
        let checkout = self.shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
        let path = format!("/v1/checkouts/custom/client/{}/confirm", text(&checkout["client_secret"]));
        let mut body = json!({
            "customer_name": "Ada", "customer_email": who, "customer_billing_address": {"country": "FR"},
        });
        if product["prices"][0]["amount_type"] != "free" {
            body["confirmation_token_id"] = json!(format!("ctoken_sandbox_{card}"));
        }
        self.shop.anonymous.post(&path, body).await
    }

    /// The subscription of a customer to a product.
    async fn subscription(&self, product: &Value, who: &str) -> String {
        let customers = self.shop.merchant.get(&format!("/v1/customers/?email={who}")).await.expect(200);
        let (customer, product) = (text(&customers["items"][0]["id"]), text(&product["id"]));
        let path = format!("/v1/subscriptions/?customer_id={customer}&product_id={product}");
        let found = self.shop.merchant.get(&path).await.expect(200);
        text(&found["items"][0]["id"])
    }

    async fn change(&self, id: &str, product: &Value) -> Answer {
        let body = json!({"product_price_id": product["prices"][0]["id"]});
        self.shop.merchant.patch(&format!("/v1/subscriptions/{id}"), body).await
    }

    async fn order(&self, who: &str) -> Id<Order> {
        let who = who.to_owned();
        let sql = "SELECT orders.id FROM orders JOIN customers ON customers.id = orders.customer_id WHERE customers.email = $1";
        self.shop.write(move |tx| Ok(tx.one(sql, &[&who])?)).await.unwrap()
    }

    /// Lets a period end, as if the subscription had begun forty days ago.
    async fn fall_due(&self, id: &str) {
        let begun = self.shop.store.now().add_seconds(-40 * 86_400);
        let end = calendar::add(begun, 1, Timeframe::Month).unwrap();
        let id: Id<Subscription> = id.parse().unwrap();
        let sql = "UPDATE subscriptions SET anchor_at = $2, current_period_start = $2, current_period_end = $3, \
            due_at = $3 WHERE id = $1";
        self.shop.sql(sql, vec![Box::new(id), Box::new(begun), Box::new(end)]).await;
    }

    /// Types a card into a form of the portal.
    async fn in_portal(&self, who: &str, path: &str) {
        let sought = who.to_owned();
        let sql = "SELECT id FROM customers WHERE email = $1";
        let id: Id<Customer> = self.shop.write(move |tx| Ok(tx.one(sql, &[&sought])?)).await.unwrap();
        let client = self
            .shop
            .anonymous
            .with("cookie", format!("merak_customer_session={}", self.shop.buyer_token(id).await))
            .with("content-type", "application/x-www-form-urlencoded")
            .with("sec-fetch-site", "same-origin");
        let form = "number=4242424242424242&expiry=12+%2F+40&cvc=123";
        let answer = client.send_bytes("POST", &format!("/fjordsoft/portal/{path}"), form).await;
        assert!(matches!(answer.status, 303 | 502), "{} {}", answer.status, answer.text());
    }

    fn chores(&self) -> Chores {
        let config = Config { payments: Payments::Brought(Arc::clone(&self.line) as _), ..config() };
        Chores::new(&config, &self.shop.store, self.shop.secret.clone()).unwrap()
    }

    /// What is known of a customer.
    async fn facts(&self, who: &str) -> Facts {
        const OF: [(&str, &str); 9] = [
            (
                "payment",
                "SELECT status || ' ' || kind || ' ' || CAST(amount AS text) FROM payments WHERE customer_id = $1",
            ),
            (
                "invoice",
                "SELECT status || ' ' || billing_reason || ' ' || CAST(amount AS text) FROM invoices WHERE customer_id = $1",
            ),
            (
                "order",
                "SELECT billing_reason || ' ' || CAST(amount AS text) || ' ' || CAST(refunded_amount AS text) \
                FROM orders WHERE customer_id = $1",
            ),
            (
                "subscription",
                "SELECT status || ' ' || CAST(price_id AS text) || ' ' || CAST(period AS text) || ' ' || \
                CAST(coalesce(amount, -1) AS text) FROM subscriptions WHERE customer_id = $1",
            ),
            (
                "refund",
                "SELECT refunds.status || ' ' || CAST(refunds.amount AS text) FROM refunds \
                JOIN payments ON payments.id = refunds.payment_id WHERE payments.customer_id = $1",
            ),
            ("entry", "SELECT kind || ' ' || description FROM ledger_entries WHERE customer_id = $1"),
            ("method", "SELECT brand FROM payment_methods WHERE customer_id = $1"),
            (
                "grant",
                "SELECT CASE WHEN granted_at IS NOT NULL AND revoked_at IS NULL THEN 'granted' ELSE 'revoked' END \
                FROM benefit_grants WHERE customer_id = $1",
            ),
            (
                "mail",
                // Whether the key is in the mail of the purchase or in one of its own is a matter of time.
                "SELECT emails.kind FROM emails JOIN customers ON customers.email = emails.recipient \
                WHERE customers.id = $1 AND emails.kind <> 'benefit_granted'",
            ),
        ];
        const RECORDS: &str = "SELECT sandbox_records.content FROM sandbox_records JOIN payments \
            ON sandbox_records.owner = 'reference/' || CAST(payments.id AS text) WHERE payments.customer_id = $1";
        let who = who.to_owned();
        let mut facts = self
            .shop
            .write(move |tx| {
                let sql = "SELECT id FROM customers WHERE email = $1";
                let Some(id) = tx.find::<Id<Customer>>(sql, &[&who])? else {
                    return Ok(Vec::new());
                };
                let mut facts = Vec::new();
                for (name, sql) in OF {
                    facts.extend(
                        tx.all::<String>(sql, &[&id])?.into_iter().map(|row| format!("{name}: {row}")),
                    );
                }
                for record in tx.all::<String>(RECORDS, &[&id])? {
                    let intent: Value = serde_json::from_str(&record).unwrap();
                    let (intent, back) = (&intent["Intent"], &intent["Intent"]["refunds"]);
                    // When the bank decides later is another time for each.
                    let stage = intent["stage"].pointer("/Processing/approve").unwrap_or(&intent["stage"]);
                    let back: Vec<String> = back
                        .as_array()
                        .unwrap()
                        .iter()
                        .map(|one| {
                            let stage = one["stage"].pointer("/Pending/arrives").unwrap_or(&one["stage"]);
                            format!("{} {stage}", one["amount_cents"])
                        })
                        .collect();
                    facts.push(format!("processor: {} {stage} back: {back:?}", intent["purpose"]));
                }
                Ok(facts)
            })
            .await
            .unwrap();
        facts.sort();
        facts
    }

    /// Lets time go by until this is known of a customer.
    async fn until(&self, who: &str, expected: &Facts, what: &str) {
        let begun = Instant::now();
        loop {
            let facts = self.facts(who).await;
            if facts == *expected {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {facts:#?} is not {expected:#?}");
            self.shop.advance(130);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until the sandbox has told everything.
    async fn told(&self) {
        let begun = Instant::now();
        let sql = "SELECT count(*) FROM sandbox_records WHERE due_at IS NOT NULL";
        while !self.line.is_silent()
            && self.shop.write(move |tx| Ok(tx.one::<i64>(sql, &[])?)).await.unwrap() > 0
        {
            assert!(begun.elapsed() < PATIENCE, "the sandbox has still something to tell");
            self.shop.advance(10);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until nothing more becomes known of a customer.
    async fn at_rest(&self, who: &str) -> Facts {
        let mut last = Vec::new();
        loop {
            self.told().await;
            self.shop.advance(130);
            tokio::time::sleep(Duration::from_millis(1200)).await;
            self.shop.work_done().await;
            let facts = self.facts(who).await;
            if facts == last {
                return facts;
            }
            last = facts;
        }
    }

    /// Nothing is charged that is not known, the ledger holds, and the numbers of invoices have no gap.
    async fn check(&self) {
        for sql in [
            "SELECT count(*) FROM sandbox_records WHERE owner LIKE 'reference/%' AND NOT EXISTS (SELECT 1 FROM payments \
             WHERE 'reference/' || CAST(payments.id AS text) = sandbox_records.owner)",
            "SELECT count(*) FROM (SELECT sequence FROM ledger_lines GROUP BY organization_id, sequence, currency \
             HAVING sum(amount) <> 0) AS unbalanced",
            "SELECT count(*) - coalesce(max(invoice_number), 0) FROM orders WHERE amount <> 0 OR tax_amount <> 0",
            "SELECT count(*) FROM payments WHERE status = 'pending'",
            "SELECT count(*) FROM jobs WHERE failed_at IS NOT NULL",
            // Money at the processor is what came less what went back.
            "SELECT CAST((SELECT coalesce(sum(amount), 0) FROM ledger_lines WHERE account = 'processor_clearing') \
             + (SELECT coalesce(sum(fee_amount), 0) FROM payments WHERE status = 'succeeded') \
             - (SELECT coalesce(sum(amount), 0) FROM payments WHERE status = 'succeeded') \
             + (SELECT coalesce(sum(amount), 0) FROM refunds WHERE status = 'succeeded') AS bigint)",
        ] {
            let count: i64 = self.shop.write(move |tx| Ok(tx.one(sql, &[])?)).await.unwrap();
            assert_eq!(count, 0, "{sql}");
        }
        let (id, mut from) = (self.shop.organization.id, Some(AuditPoint::default()));
        while let Some(at) = from {
            let part = self.shop.write(move |tx| audit::audit(tx, id, &at)).await.unwrap();
            assert!(part.findings.is_empty(), "{:?}", part.findings);
            from = part.next;
        }
    }

    /// Tells a story without and with everything that may go wrong. The first part prepares it, the second is the story.
    async fn tell<P>(&mut self, prepare: impl AsyncFn(&Self, &str) -> P, act: impl AsyncFn(&Self, &str, P)) {
        let prepared = prepare(self, "smooth@example.com").await;
        let ready = self.at_rest("smooth@example.com").await;
        self.line.breaks(usize::MAX, Fault::Down);
        act(self, "smooth@example.com", prepared).await;
        let expected = self.at_rest("smooth@example.com").await;
        let mut calls = self.line.repair();
        assert!(!calls.is_empty() && !expected.is_empty());
        // Whether it is asked once or twice what became of it is a matter of time.
        while calls.len() > 1 && calls[calls.len() - 2] == calls[calls.len() - 1] {
            calls.pop();
        }
        let mut told = Vec::new();
        for (after, call) in calls.iter().enumerate() {
            for fault in Fault::ALL {
                let (who, what) =
                    (format!("{after}.{fault:?}@example.com").to_lowercase(), format!("{fault:?} at {call}"));
                let prepared = prepare(self, &who).await;
                self.until(&who, &ready, "before it begins").await;
                self.told().await;
                self.line.breaks(after, fault);
                self.act(&who, fault, act(self, &who, prepared), (&expected, &what)).await;
                if fault.is_deadly() || fault == Fault::Late {
                    self.others.push(self.shop.another_server().await);
                    self.until(&who, &expected, &what).await;
                }
                told.push((who, what));
            }
        }
        self.at_rest("smooth@example.com").await;
        for (who, what) in told {
            assert_eq!(self.facts(&who).await, expected, "{what}, later");
        }
        assert_eq!(self.facts("smooth@example.com").await, expected);
        self.check().await;
    }

    async fn act(
        &self,
        who: &str,
        fault: Fault,
        act: impl Future<Output = ()>,
        (expected, what): (&Facts, &str),
    ) {
        let mut act = std::pin::pin!(act);
        let is_over = tokio::select! {
            biased;
            () = self.line.struck(), if fault.is_deadly() || fault == Fault::Late => false,
            () = &mut act => true,
        };
        if is_over {
            // The call comes when the time has come, unless what it would ask for was told before.
            let is_told = async || {
                self.shop.advance(10);
                self.line.has_called() && self.facts(who).await == *expected
            };
            if !self.line.struck_during(is_told).await {
                return drop(self.line.repair());
            }
        }
        match fault {
            // Nobody goes on: what was being done is dropped.
            Fault::DiesBefore | Fault::DiesAfter => {}
            Fault::Lost | Fault::Down => {
                self.line.repair();
                self.until(who, expected, what).await;
            }
            Fault::Late => {
                // Others have asked by the time the answer arrives, and it changes nothing any more.
                self.shop.advance(130);
                tokio::time::sleep(Duration::from_millis(1500)).await;
                self.line.arrive();
                if !is_over {
                    act.await;
                }
            }
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// What a caller may be told whose call went wrong: that it is done, or that it is not known.
fn is_fair(answer: &Answer) {
    assert!(matches!(answer.status, 200 | 503), "{} {}", answer.status, answer.text());
}

async fn buy(stage: &Stage, who: &str, card: &str) {
    is_fair(&stage.confirm(&stage.once, who, card).await);
}

merak_testkit::both_engines! {
    setup = migrated;

    async fn a_confirmation_of_which_nobody_tells(database: TestDatabase) {
        let line = Line::silent(&database);
        let mut stage = Stage::open(database, line).await;
        stage.tell(async |_, _| (), async |stage, who, ()| buy(stage, who, "success").await).await;
    }

    /// What is settled by the unit that makes the answer is settled without an answer, too.
    async fn a_confirmation_that_has_no_answer_in_the_end(database: TestDatabase) {
        let line = Line::silent(&database);
        let stage = Stage::open(database, line).await;
        let who = "late@example.com";
        // The customer is named before.
        stage.line.breaks(1, Fault::Late);
        let (answer, ()) = tokio::join!(stage.confirm(&stage.once, who, "success"), async {
            stage.line.struck().await;
            let id: Id<Product> = text(&stage.once["id"]).parse().unwrap();
            let now = stage.shop.store.now();
            let sql = "UPDATE products SET deleted_at = $2 WHERE id = $1";
            stage.shop.store.write(move |tx| tx.changed_one(sql, &[&id, &now])).await.unwrap();
            stage.line.arrive();
        });
        answer.expect(404);
        assert_eq!(stage.line.repair(), ["ensure_customer", "charge"]);
        let paid: (String, i64) = stage.shop.store.read(|tx| {
            tx.one("SELECT payments.status, orders.amount FROM payments JOIN orders ON orders.invoice_id = payments.invoice_id", &[])
        }).await.unwrap();
        assert_eq!(paid, (String::from("succeeded"), 700));
    }

    async fn a_confirmation_of_which_is_told_late_twice_and_first(database: TestDatabase) {
        let line = Line::new(&database);
        let mut stage = Stage::open(database, line).await;
        stage.tell(async |_, _| (), async |stage, who, ()| buy(stage, who, "delayed_success").await).await;
    }

    async fn a_subscription_that_begins(database: TestDatabase) {
        let line = Line::silent(&database);
        let mut stage = Stage::open(database, line).await;
        stage.tell(async |_, _| (), async |stage, who, ()| {
            is_fair(&stage.confirm(&stage.monthly, who, "success").await);
        }).await;
    }

    async fn a_refund(database: TestDatabase) {
        let line = Line::silent(&database);
        let mut stage = Stage::open(database, line).await;
        let prepare = async |stage: &Stage, who: &str| {
            stage.confirm(&stage.once, who, "success").await.expect(200);
            stage.order(who).await
        };
        stage.tell(prepare, async |stage, _, order_id| {
            let new = NewRefund { order_id, amount: None, reason: None, revokes_benefits: None, left: None };
            stage.chores().refund(new).await.unwrap();
        }).await;
    }

    async fn a_refund_that_needs_a_while_and_is_told(database: TestDatabase) {
        let line = Line::new(&database);
        let mut stage = Stage::open(database, line).await;
        let prepare = async |stage: &Stage, who: &str| {
            stage.confirm(&stage.once, who, "refund_pending").await.expect(200);
            stage.order(who).await
        };
        stage.tell(prepare, async |stage, _, order_id| {
            let new = NewRefund { order_id, amount: None, reason: None, revokes_benefits: None, left: None };
            stage.chores().refund(new).await.unwrap();
        }).await;
    }

    /// Processors forget keys after a day. What is asked for again later is looked for first.
    async fn a_refund_whose_key_is_forgotten(database: TestDatabase) {
        let line = Line::silent(&database);
        let stage = Stage::open(database, line).await;
        for (fault, calls) in [(Fault::DiesAfter, &["find_refund"][..]), (Fault::DiesBefore, &["find_refund", "refund"])] {
            let who = format!("{fault:?}@example.com").to_lowercase();
            stage.confirm(&stage.once, &who, "success").await.expect(200);
            let new = NewRefund { order_id: stage.order(&who).await, amount: Some(Cents::new(200)), reason: None, revokes_benefits: None, left: None };
            stage.line.breaks(0, fault);
            let chores = stage.chores();
            tokio::select! {
                biased;
                () = stage.line.struck() => {}
                _ = chores.refund(new) => panic!("it goes on after it has died"),
            }
            stage.line.breaks(usize::MAX, Fault::Down);
            stage.shop.advance(24 * 3600);
            let begun = Instant::now();
            while !stage.facts(&who).await.contains(&String::from("refund: succeeded 200")) {
                assert!(begun.elapsed() < PATIENCE, "{fault:?}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            assert_eq!(stage.line.repair(), calls);
            let facts = stage.facts(&who).await;
            let back: Vec<_> = facts.iter().filter(|fact| fact.starts_with("processor: ")).collect();
            assert!(back.len() == 1 && back[0].ends_with(r#"back: ["200 \"Succeeded\""]"#), "{back:?}");
        }
        stage.check().await;
    }

    async fn a_change_that_is_charged_at_once(database: TestDatabase) {
        let line = Line::silent(&database);
        let mut stage = Stage::open(database, line).await;
        let prepare = async |stage: &Stage, who: &str| {
            stage.confirm(&stage.monthly, who, "success").await.expect(200);
            stage.subscription(&stage.monthly, who).await
        };
        stage.tell(prepare, async |stage, _, id| {
            // It is made, whatever becomes of its payment.
            let changed = stage.change(&id, &stage.yearly).await.expect(200);
            assert_eq!(changed["price_id"], stage.yearly["prices"][0]["id"]);
        }).await;
    }

    async fn a_change_that_is_made_once_it_is_paid(database: TestDatabase) {
        let line = Line::silent(&database);
        let mut stage = Stage::open(database, line).await;
        let prepare = async |stage: &Stage, who: &str| {
            stage.confirm(&stage.yearly, who, "success").await.expect(200);
            stage.confirm(&stage.free, who, "").await.expect(200);
            stage.subscription(&stage.free, who).await
        };
        stage.tell(prepare, async |stage, _, id| is_fair(&stage.change(&id, &stage.monthly).await)).await;
    }

    async fn a_card_that_is_saved_in_the_portal(database: TestDatabase) {
        let line = Line::new(&database);
        let mut stage = Stage::open(database, line).await;
        let prepare = async |stage: &Stage, who: &str| {
            stage.confirm(&stage.free, who, "").await.expect(200);
        };
        stage.tell(prepare, async |stage, who, ()| stage.in_portal(who, "cards").await).await;
    }

    async fn a_debt_that_is_paid_in_the_portal(database: TestDatabase) {
        let line = Line::new(&database);
        let mut stage = Stage::open(database, line).await;
        let prepare = async |stage: &Stage, who: &str| {
            stage.confirm(&stage.monthly, who, "lost_later").await.expect(200);
            let id = stage.subscription(&stage.monthly, who).await;
            stage.fall_due(&id).await;
            format!("subscriptions/{id}/pay")
        };
        stage.tell(prepare, async |stage, who, path| stage.in_portal(who, &path).await).await;
    }

    async fn a_renewal(database: TestDatabase) {
        let line = Line::silent(&database);
        let mut stage = Stage::open(database, line).await;
        let prepare = async |stage: &Stage, who: &str| {
            stage.confirm(&stage.monthly, who, "success").await.expect(200);
            stage.subscription(&stage.monthly, who).await
        };
        stage.tell(prepare, async |stage, _, id| {
            stage.fall_due(&id).await;
        }).await;
    }
}
