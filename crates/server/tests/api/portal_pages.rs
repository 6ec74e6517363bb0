//! `/{slug}/portal`: the pages of customers, by plain forms as a browser without scripts sends them.

use merak_adapters::mail::Memory;
use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use merak_core::billing::{invoices, methods};
use merak_core::customers::Customer;
use merak_core::kit::Id;
use merak_core::subscriptions::Subscription;
use merak_core::taxes::engines::rates::Rates;
use merak_core::taxes::{RateTable, TaxSettings};
use merak_server::{Config, Mail};
use merak_testkit::TestDatabase;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::support::sales::{recurring, recurring_free};
use crate::support::shop::config;
use crate::support::{Answer, Client, Shop, migrated};

/// Where the portal is.
pub const HOME: &str = "/fjordsoft/portal";
const CARD: &str = "number=4242424242424242&expiry=12+%2F+40&cvc=123";

/// The browser of a customer, signed in.
pub async fn browser(shop: &Shop, customer: &Customer) -> Client {
    shop.anonymous.with("cookie", format!("merak_customer_session={}", shop.owner_token(customer.id).await))
}

/// Sends a form as our own page does.
pub async fn send(client: &Client, path: &str, form: &str) -> Answer {
    let client = client
        .with("content-type", "application/x-www-form-urlencoded")
        .with("sec-fetch-site", "same-origin");
    client.send_bytes("POST", path, form.to_owned()).await
}

/// Asserts that an answer leads there.
pub fn leads_to(answer: &Answer, path: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(path)), "{}", answer.text());
}

/// The page that a form leads to.
async fn follow(client: &Client, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 303, "{}", answer.text());
    client.get(answer.header("location").unwrap()).await
}

/// Asserts that these texts stand on a page.
pub fn shows(answer: &Answer, texts: &[&str]) {
    let page = answer.text();
    for text in texts {
        assert!(page.contains(text), "{text:?} is not in {page}");
    }
}

async fn subscription(shop: &Shop, customer: &Customer) -> Subscription {
    let plan = shop.plan("Pro plan", json!([recurring("month", 1000), recurring("year", 3000)])).await;
    shop.subscribe(&plan, customer).await
}

async fn stored(shop: &Shop, id: Id<Subscription>) -> Subscription {
    shop.store.read(move |tx| merak_core::subscriptions::find(tx, id)).await.unwrap().unwrap()
}

/// Answers the bank that an answer leads to. The page that the customer comes back to.
async fn approve(shop: &Shop, client: &Client, asked: &Answer, verdict: &str) -> Answer {
    let bank = asked.header("location").unwrap();
    assert!(bank.starts_with("/sandbox/authenticate/"), "{bank}");
    let answered = send(&shop.anonymous, bank, &format!("verdict={verdict}")).await;
    let (_, rest) = answered.header("location").unwrap().split_once("/portal/").unwrap();
    let portal = shop.anonymous.get(&format!("/portal/{rest}")).await;
    let came = follow(client, &portal).await;
    follow(client, &came).await
}

/// The payments that brought money, the smallest first.
async fn charges(shop: &Shop) -> Vec<i64> {
    const SQL: &str =
        "SELECT amount FROM payments WHERE status = 'succeeded' AND kind = 'charge' ORDER BY amount";
    shop.write(|tx| Ok(tx.all(SQL, &[])?)).await.unwrap()
}

/// A shop that collects the taxes of the table.
async fn with_taxes(database: TestDatabase, is_inclusive: bool) -> Shop {
    let rates =
        Rates { table: RateTable::shipped(), seller_country: None, registrations: None, is_inclusive };
    Shop::open_with(database, Config { taxes: TaxSettings::Rates(rates), ..config() }).await
}

/// Somebody in France buys the first price of a product with a card that is kept. Their browser, and the subscription.
async fn bought(shop: &Shop, plan: &Value) -> (Client, Subscription) {
    let made = shop
        .merchant
        .post(
            "/v1/checkouts/custom/",
            json!({"product_id": plan["id"], "product_price_id": plan["prices"][0]["id"]}),
        )
        .await;
    let secret = made.expect(201)["client_secret"].as_str().unwrap().to_owned();
    let body = json!({
        "customer_name": "Ada", "customer_email": "ada@example.com", "customer_billing_address": {"country": "FR"},
        "confirmation_token_id": "ctoken_sandbox_success"
    });
    shop.anonymous.post(&format!("/v1/checkouts/custom/client/{secret}/confirm"), body).await.expect(200);
    let id: Id<Subscription> =
        shop.write(|tx| Ok(tx.one("SELECT id FROM subscriptions", &[])?)).await.unwrap();
    let found = stored(shop, id).await;
    // As if it had been typed in by who has signed in, as they have by now.
    shop.sql("UPDATE payment_methods SET is_offered = TRUE", Vec::new()).await;
    let token = shop.owner_token(found.customer_id).await;
    (shop.anonymous.with("cookie", format!("merak_customer_session={token}")), found)
}

fn price_of(plan: &Value, cents: i64) -> String {
    let found = plan["prices"].as_array().unwrap().iter().find(|price| price["price_amount"] == cents);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

scenarios! {
    // spec 40 §4.4
    async fn a_token_in_the_address_becomes_a_cookie(shop) {
        let customer = shop.customer().await;
        let token = shop.buyer_token(customer.id).await;
        let answer = shop.anonymous.get(&format!("{HOME}?customer_session_token={token}")).await;
        leads_to(&answer, HOME);
        let expected = format!("merak_customer_session={token}; Path={HOME}; Max-Age=3600; HttpOnly; SameSite=Lax");
        assert_eq!(answer.header("set-cookie"), Some(expected.as_str()));
        let page = browser(shop, &customer).await.get(HOME).await;
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-store")));
        assert_eq!(page.header("referrer-policy"), Some("same-origin"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        shows(&page, &["Nothing here yet", customer.email.as_str()]);
        assert!(!page.text().contains(&token));
        // A token that is none, or of another shop, is as good as none.
        for token in ["polar_cst_x".to_owned(), {
            let other = shop.tenant().await;
            let stranger = shop.customer_of(other.organization.id, "eve@example.com").await;
            shop.buyer_token(stranger.id).await
        }] {
            let answer = shop.anonymous.get(&format!("{HOME}?customer_session_token={token}")).await;
            leads_to(&answer, "/fjordsoft/portal/request");
            assert_eq!(answer.header("set-cookie"), None);
            let client = shop.anonymous.with("cookie", format!("merak_customer_session={token}"));
            leads_to(&client.get(HOME).await, "/fjordsoft/portal/request");
        }
        leads_to(&shop.anonymous.get(HOME).await, "/fjordsoft/portal/request");
        let nowhere = shop.anonymous.get("/nobody/portal").await;
        assert_eq!(nowhere.status, 404);
        shows(&nowhere, &["Page not found"]);
    }

    // spec 40 §4.1
    async fn a_session_lasts_an_hour_however_much_it_is_used(shop) {
        let client = browser(shop, &shop.customer().await).await;
        for _ in 0..3 {
            shop.advance(1199);
            let page = client.get(HOME).await;
            assert_eq!((page.status, page.header("set-cookie")), (200, None));
        }
        shop.advance(3);
        for path in [HOME.to_owned(), format!("{HOME}/orders/x"), format!("{HOME}/state")] {
            let answer = client.get(&path).await;
            leads_to(&answer, "/fjordsoft/portal/request");
            assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"), "{path}");
        }
        leads_to(&send(&client, &format!("{HOME}/cards"), CARD).await, "/fjordsoft/portal/request");
    }

    async fn what_was_bought_is_there(shop) {
        let customer = shop.customer().await;
        let settings = json!({
            "prefix": "FJORD", "limit_usage": 5,
            "activations": {"limit": 2, "enable_customer_admin": true}
        });
        let keys = shop.benefit(BenefitType::LicenseKeys, settings).await;
        let note = shop.benefit(BenefitType::Custom, json!({"note": "<script>alert(1)</script> & more"})).await;
        let book = shop.plan("The <b>book</b>", json!([{"type": "one_time", "amount_type": "fixed", "price_amount": 1999}])).await;
        let order = shop.order_of(&book, &customer, 1999).await;
        let scope = Scope::Order(order.id.uuid());
        let grant = shop.grant(keys.id, customer.id, scope).await;
        shop.grant(note.id, customer.id, scope).await;
        let key = shop.key_of_grant(&grant).await;
        let body = json!({"key": key.key, "organization_id": shop.organization.id, "label": "Ada's \"laptop\""});
        shop.anonymous.post("/v1/customer-portal/license-keys/activate", body).await.expect(200);
        let client = browser(shop, &customer).await;
        let page = client.get(HOME).await;
        shows(&page, &[&key.key, "0 / 5", "1 of 2 activations in use", "$19.99", "&#60;script&#62;"]);
        assert!(!page.text().contains("<script>alert") && !page.text().contains("<b>book"), "{}", page.text());
        let shown = client.get(&format!("{HOME}/orders/{}", order.id)).await;
        shows(&shown, &[&key.key, "$19.99", "Invoice (PDF)"]);
        leads_to(&client.get(&format!("{HOME}?id={}", order.id)).await, &format!("{HOME}/orders/{}", order.id));
        let invoice = client.get(&format!("{HOME}/orders/{}/invoice", order.id)).await;
        let pdf = follow(&shop.anonymous, &invoice).await;
        assert_eq!((pdf.status, pdf.header("content-type")), (200, Some("application/pdf")));
        // Another customer, and one of another shop, see none of it.
        let eve = browser(shop, &shop.customer().await).await;
        for path in [format!("{HOME}/orders/{}", order.id), format!("{HOME}/orders/{}/invoice", order.id)] {
            assert_eq!(eve.get(&path).await.status, 404);
        }
        assert!(!eve.get(HOME).await.text().contains(&key.key));
        // The seat is given back, by its customer only.
        let text = page.text();
        let (_, rest) = text.split_once("name=\"activation\" value=\"").unwrap();
        let form = format!("activation={}", &rest[..36]);
        let path = format!("{HOME}/license-keys/{}/remove", key.id);
        assert_eq!(send(&eve, &path, &form).await.status, 404);
        let removed = send(&client, &path, &form).await;
        shows(&follow(&client, &removed).await, &["The activation was removed", "0 of 2 activations in use"]);
        assert_eq!(send(&client, &path, &form).await.status, 404);
    }

    // Earlier versions gave numbers to orders of nothing; there is no document of them.
    async fn what_cost_nothing_shows_no_invoice(shop) {
        let customer = shop.customer().await;
        let book = shop.plan("The book", json!([{"type": "one_time", "amount_type": "fixed", "price_amount": 1999}])).await;
        let free = shop.order_of(&book, &customer, 0).await;
        assert!(free.invoice_number.is_some());
        let client = browser(shop, &customer).await;
        let seller = shop.browser(shop.member.id).await;
        let office = format!("/dashboard/fjordsoft/orders/{}", free.id);
        for (client, path) in [
            (&client, HOME.to_owned()), (&client, format!("{HOME}/orders/{}", free.id)), (&seller, office),
        ] {
            let page = client.get(&path).await;
            shows(&page, &["The book"]);
            assert!(!page.text().contains("nvoice"), "{path}: {}", page.text());
        }
        let paid = shop.order_of(&book, &customer, 1999).await;
        shows(&client.get(HOME).await, &[&format!("{HOME}/orders/{}/invoice", paid.id)]);
        shows(&seller.get(&format!("/dashboard/fjordsoft/orders/{}", paid.id)).await, &["<span class=\"soft\">Invoice</span>"]);
    }

    async fn a_form_of_another_site_does_nothing(shop) {
        let customer = shop.customer().await;
        let found = subscription(shop, &customer).await;
        let client = browser(shop, &customer).await;
        let foreign = [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")];
        let subscription = format!("{HOME}/subscriptions/{}", found.id);
        for path in [
            format!("{subscription}/cancel"), format!("{subscription}/end"), format!("{subscription}/resume"), format!("{subscription}/card"),
            format!("{subscription}/pay"), format!("{subscription}/plan"), format!("{HOME}/cards"),
            format!("{HOME}/cards/x/remove"), format!("{HOME}/license-keys/x/remove"),
            format!("{HOME}/grants/x/account"), format!("{HOME}/sign-out"), format!("{HOME}/request"),
            format!("{HOME}/authenticate"),
        ] {
            for (name, value) in foreign {
                let answer = client.with(name, value).send_bytes("POST", &path, CARD).await;
                assert_eq!(answer.status, 403, "{path}: {}", answer.text());
            }
        }
        assert_eq!(stored(shop, found.id).await, found);
        assert_eq!(client.get(HOME).await.status, 200);
    }

    async fn a_subscription_is_canceled_and_goes_on(shop) {
        let customer = shop.customer().await;
        let found = subscription(shop, &customer).await;
        let client = browser(shop, &customer).await;
        let path = format!("{HOME}/subscriptions/{}", found.id);
        leads_to(&client.get(&format!("{HOME}?id={}", found.id)).await, &path);
        shows(&client.get(&path).await, &["Pro plan", "$10.00 / month", "Active", "Cancel the subscription"]);
        let eve = browser(shop, &shop.customer().await).await;
        assert_eq!(eve.get(&path).await.status, 404);
        for action in ["cancel", "end", "resume", "card", "pay", "plan"] {
            assert_eq!(send(&eve, &format!("{path}/{action}"), CARD).await.status, 404, "{action}");
        }
        let canceled = send(&client, &format!("{path}/cancel"), "reason=too_expensive&comment=Too+%3Cmuch%3E").await;
        shows(&follow(&client, &canceled).await, &["The subscription was canceled", "Keep the subscription"]);
        let after = stored(shop, found.id).await;
        assert!(after.cancel_at_period_end);
        assert_eq!(after.customer_cancellation_comment.as_deref(), Some("Too <much>"));
        let again = send(&client, &format!("{path}/cancel"), "").await;
        assert_eq!(again.status, 403);
        shows(&again, &["already canceled", "Keep the subscription"]);
        let resumed = send(&client, &format!("{path}/resume"), "").await;
        shows(&follow(&client, &resumed).await, &["Your subscription continues"]);
        assert!(!stored(shop, found.id).await.cancel_at_period_end);
        shop.work_done().await;
    }

    async fn a_card_is_saved_chosen_and_removed(shop) {
        let customer = shop.customer().await;
        let found = subscription(shop, &customer).await;
        let client = browser(shop, &customer).await;
        let wrong = send(&client, &format!("{HOME}/cards"), "number=1&expiry=12+%2F+40&cvc=123").await;
        assert_eq!(wrong.status, 422);
        shows(&wrong, &["only test cards are accepted", "value=\"12 / 40\""]);
        let saved = send(&client, &format!("{HOME}/cards"), CARD).await;
        shows(&follow(&client, &saved).await, &["The card was saved", "Visa ending in 4242", "12/2040"]);
        let declined = send(&client, &format!("{HOME}/cards"), &CARD.replace("4242424242424242", "4000000000000002")).await;
        shows(&follow(&client, &declined).await, &["That did not go through"]);
        let id = customer.id;
        let method = shop.store.read(move |tx| methods::list(tx, id)).await.unwrap().remove(0);
        let path = format!("{HOME}/subscriptions/{}", found.id);
        let chosen = send(&client, &format!("{path}/card"), &format!("card={}", method.id)).await;
        shows(&follow(&client, &chosen).await, &["This card pays the subscription", "Visa ending in 4242"]);
        let remove = format!("{HOME}/cards/{}/remove", method.id);
        let paying = send(&client, &remove, "").await;
        assert_eq!(paying.status, 409);
        shows(&paying, &["This card pays a subscription"]);
        let replaced = send(&client, &format!("{path}/pay"), &CARD.replace("4242424242424242", "5555555555554444")).await;
        shows(&follow(&client, &replaced).await, &["The card was saved", "Mastercard ending in 4444"]);
        let eve = browser(shop, &shop.customer().await).await;
        assert_eq!(send(&eve, &remove, "").await.status, 404);
        assert_eq!(send(&eve, &format!("{path}/card"), &format!("card={}", method.id)).await.status, 404);
        let removed = send(&client, &remove, "").await;
        let page = follow(&client, &removed).await;
        shows(&page, &["The card was removed"]);
        assert!(!page.text().contains("Visa ending"), "{}", page.text());
    }

    async fn a_plan_that_cannot_be_had_is_told(shop) {
        let customer = shop.customer().await;
        let found = subscription(shop, &customer).await;
        let client = browser(shop, &customer).await;
        let path = format!("{HOME}/subscriptions/{}", found.id);
        let own = client.get(&format!("{path}/plan?price={}", found.price_id)).await;
        shows(&own, &["This is the plan that you have already."]);
        assert!(!own.text().contains("<button class=\"button main\">"), "{}", own.text());
        for answer in [client.get(&format!("{path}/plan?price=x")).await, send(&client, &format!("{path}/plan"), "price=x").await] {
            assert_eq!(answer.status, 400);
            shows(&answer, &["Please choose a plan"]);
        }
        assert_eq!(stored(shop, found.id).await, found);
    }

    // Nothing changes that could not be paid.
    async fn a_plan_that_costs_something_wants_a_card_first(shop) {
        let customer = shop.customer().await;
        let client = browser(shop, &customer).await;
        let paid = subscription(shop, &customer).await;
        let free = shop.plan("Free plan", json!([recurring_free("month")])).await;
        let free = shop.subscribe(&free, &customer).await;
        let plan = shop.plan("Team plan", json!([recurring("year", 9000)])).await;
        let price = plan["prices"][0]["id"].as_str().unwrap();
        for (found, due, card_at) in [
            (&paid, 8000, format!("{HOME}/subscriptions/{}", paid.id)), (&free, 9000, HOME.to_owned()),
        ] {
            let path = format!("{HOME}/subscriptions/{}/plan", found.id);
            let shown = client.get(&format!("{path}?price={price}")).await;
            shows(&shown, &["is to be paid today", "No card can be charged for this. Please add one first.", &format!("href=\"{card_at}\">Add a card</a>"), "To pay today"]);
            assert!(!shown.text().contains("<button class=\"button main\">"), "{}", shown.text());
            let refused = send(&client, &path, &format!("price={price}&seen={due}")).await;
            assert_eq!(refused.status, 400);
            shows(&refused, &["No card can be charged for this."]);
            assert_eq!(stored(shop, found.id).await, *found);
        }
        send(&client, &format!("{HOME}/subscriptions/{}/pay", paid.id), CARD).await;
        for (found, due) in [(&paid, 8000), (&free, 9000)] {
            let form = format!("price={price}&seen={due}");
            let changed = send(&client, &format!("{HOME}/subscriptions/{}/plan", found.id), &form).await;
            shows(&follow(&client, &changed).await, &["The plan was changed", "$90.00 / year"]);
        }
        assert_eq!(charges(shop).await, [8000, 9000]);
    }

    // The credit that a waiting change has taken is there for it.
    async fn a_change_that_waits_is_shown_as_it_was(shop) {
        let customer = shop.customer().await;
        let client = browser(shop, &customer).await;
        let found = subscription(shop, &customer).await;
        let path = format!("{HOME}/subscriptions/{}", found.id);
        send(&client, &format!("{path}/pay"), CARD).await;
        let yearly = stored(shop, found.id).await;
        let plans = shop.merchant.get(&format!("/v1/products/{}", yearly.product_id)).await.expect(200);
        for (cents, seen) in [(3000, 2000), (1000, 0)] {
            let form = format!("price={}&seen={seen}", price_of(&plans, cents));
            leads_to(&send(&client, &format!("{path}/plan"), &form).await, &format!("{path}?told=plan"));
        }
        let free = shop.plan("Free plan", json!([recurring_free("month")])).await;
        let free = shop.subscribe(&free, &customer).await;
        let team = shop.plan("Team plan", json!([recurring("month", 5000)])).await;
        let asks = CARD.replace("4242424242424242", "4000002500003155");
        // It is the newest.
        shop.advance(60);
        approve(shop, &client, &send(&client, &format!("{HOME}/cards"), &asks).await, "approve").await;
        let path = format!("{HOME}/subscriptions/{}/plan", free.id);
        let price = team["prices"][0]["id"].as_str().unwrap();
        let mut banks = Vec::new();
        for _ in 0..2 {
            let shown = client.get(&format!("{path}?price={price}")).await;
            shows(&shown, &["-$20.00", "Your card is charged $30.00 today", "name=\"seen\" value=\"3000\""]);
            let asked = send(&client, &path, &format!("price={price}&seen=3000")).await;
            banks.push(asked.header("location").unwrap().to_owned());
        }
        assert!(banks[0].starts_with("/sandbox/authenticate/") && banks[0] == banks[1], "{banks:?}");
    }

    async fn who_does_not_want_to_pay_cancels_instead(shop) {
        let customer = shop.customer().await;
        let client = browser(shop, &customer).await;
        let found = subscription(shop, &customer).await;
        let path = format!("{HOME}/subscriptions/{}", found.id);
        let early = send(&client, &format!("{path}/end"), "").await;
        assert_eq!(early.status, 403);
        assert_eq!(stored(shop, found.id).await, found);
        let plans = shop.merchant.get(&format!("/v1/products/{}", found.product_id)).await.expect(200);
        let body = json!({"product_price_id": price_of(&plans, 3000)});
        shop.merchant.patch(&format!("/v1/subscriptions/{}", found.id), body).await.expect(200);
        let page = client.get(&path).await;
        shows(&page, &["$20.00 to pay", "Cancel instead of paying", "you do not have to pay this", "you have everything back"]);
        let ended = send(&client, &format!("{path}/end"), "").await;
        let page = follow(&client, &ended).await;
        shows(&page, &["has ended. You do not have to pay what was due.", "Ended on"]);
        assert!(!page.text().contains("to pay</h2>") && !page.text().contains("Cancel instead"), "{}", page.text());
        let after = stored(shop, found.id).await;
        assert!(after.ended_at.is_some() && after.due_at.is_none());
        let open: i64 = shop.write(|tx| Ok(tx.one("SELECT count(*) FROM invoices WHERE status = 'open'", &[])?)).await.unwrap();
        assert_eq!(open, 0);
        assert_eq!(send(&client, &format!("{path}/end"), "").await.status, 403);
        shop.work_done().await;
    }

    // What was free changes once the bank has said yes, and not before.
    async fn a_change_of_plan_goes_by_the_bank(shop) {
        let customer = shop.customer().await;
        let client = browser(shop, &customer).await;
        let free = shop.plan("Free plan", json!([recurring_free("month")])).await;
        let paid = shop.plan("Pro plan", json!([recurring("month", 1000)])).await;
        let found = shop.subscribe(&free, &customer).await;
        let asks = CARD.replace("4242424242424242", "4000002500003155");
        approve(shop, &client, &send(&client, &format!("{HOME}/cards"), &asks).await, "approve").await;
        let path = format!("{HOME}/subscriptions/{}", found.id);
        let form = format!("price={}&seen=1000", paid["prices"][0]["id"].as_str().unwrap());
        for (verdict, words) in [("fail", "That did not go through"), ("approve", "the payment went through")] {
            let asked = send(&client, &format!("{path}/plan"), &form).await;
            assert_eq!(stored(shop, found.id).await.price_id, found.price_id);
            shows(&client.get(&path).await, &["Your bank asks you to confirm a payment", "Confirm it"]);
            let page = approve(shop, &client, &asked, verdict).await;
            shows(&page, &[words]);
        }
        let after = stored(shop, found.id).await;
        assert_ne!(after.price_id, found.price_id);
        assert!(after.payment_method_id.is_some());
        assert_eq!(charges(shop).await, [1000]);
    }

    async fn a_card_that_wants_approval_goes_by_the_bank(shop) {
        let customer = shop.customer().await;
        let client = browser(shop, &customer).await;
        let asked = send(&client, &format!("{HOME}/cards"), &CARD.replace("4242424242424242", "4000002500003155")).await;
        let bank = asked.header("location").unwrap().to_owned();
        assert!(bank.starts_with("/sandbox/authenticate/"), "{bank}");
        let approved = send(&shop.anonymous, &bank, "verdict=approve").await;
        let back = approved.header("location").unwrap().to_owned();
        let path = back.split_once("/portal/").map(|(_, rest)| format!("/portal/{rest}")).unwrap();
        let portal = shop.anonymous.get(&path).await;
        assert!(portal.header("location").unwrap().starts_with("/fjordsoft/portal/payments/"));
        let eve = browser(shop, &shop.customer().await).await;
        assert_eq!(eve.get(portal.header("location").unwrap()).await.status, 404);
        let returned = follow(&client, &portal).await;
        shows(&follow(&client, &returned).await, &["The card was saved", "ending in 3155"]);
    }
}

merak_testkit::both_engines! {
    setup = migrated;

    // spec 30 §3.7 and §6.5
    async fn a_plan_is_shown_with_its_tax_before_it_is_changed(database: TestDatabase) {
        let shop = &with_taxes(database, false).await;
        let pro = shop.plan("Pro plan", json!([recurring("month", 1000), recurring("year", 10000)])).await;
        let team = shop.plan("Team plan", json!([recurring("month", 3000)])).await;
        let (client, found) = bought(shop, &pro).await;
        assert_eq!(charges(shop).await, [1200]);
        let path = format!("{HOME}/subscriptions/{}", found.id);
        shows(&client.get(&path).await, &["Pro plan", "$100.00 / year", "Team plan", "$30.00 / month"]);
        let yearly = price_of(&pro, 10000);
        let shown = client.get(&format!("{path}/plan?price={yearly}")).await;
        shows(&shown, &[
            "Pro plan · $10.00 / month", "Pro plan · $100.00 / year", "Unused time of Pro plan", "-$10.00", "$100.00",
            "<span>Tax</span><span class=\"amount\">$18.00</span>",
            "<span>Charged today</span><span class=\"amount\">$108.00</span>",
            "Your card is charged $108.00 today, with $18.00 of tax.", "name=\"seen\" value=\"10800\"",
        ]);
        assert_eq!(stored(shop, found.id).await, found, "looking changes nothing");
        // Who saw less than is charged now looks again.
        for seen in ["", "&seen=10700"] {
            let again = send(&client, &format!("{path}/plan"), &format!("price={yearly}{seen}")).await;
            assert_eq!(again.status, 400);
            shows(&again, &["$108.00 would be charged today by now", "value=\"10800\""]);
        }
        assert_eq!(charges(shop).await, [1200]);
        let form = format!("price={yearly}&seen=10800");
        for _ in 0..2 {
            let changed = send(&client, &format!("{path}/plan"), &form).await;
            shows(&follow(&client, &changed).await, &["The plan was changed", "$100.00 / year"]);
        }
        assert_eq!(charges(shop).await, [1200, 10800]);
        // Back to the month: more is given back than charged, with its tax.
        let monthly = price_of(&pro, 1000);
        let shown = client.get(&format!("{path}/plan?price={monthly}")).await;
        shows(&shown, &["-$100.00", "$10.00", "-$18.00", "<span>Credited to you</span><span class=\"amount\">$108.00</span>", "Nothing is charged today."]);
        let changed = send(&client, &format!("{path}/plan"), &format!("price={monthly}&seen=0")).await;
        shows(&follow(&client, &changed).await, &["The plan was changed", "$10.00 / month"]);
        let customer_id = found.customer_id;
        let credit = shop.store.read(move |tx| invoices::credit_of(tx, customer_id)).await.unwrap();
        assert_eq!(credit.get(), 10800);
        // Another price of the same interval waits for the next invoice, which the credit pays.
        let dearer = price_of(&team, 3000);
        let shown = client.get(&format!("{path}/plan?price={dearer}")).await;
        shows(&shown, &[
            "Team plan · $30.00 / month", "Remaining time of Team plan", "Nothing is charged today",
            "<span>Tax</span><span class=\"amount\">$10.00</span>", "<span>Your credit</span><span class=\"amount\">-$60.00</span>",
        ]);
        let changed = send(&client, &format!("{path}/plan"), &format!("price={dearer}&seen=0")).await;
        shows(&follow(&client, &changed).await, &["The plan was changed", "$30.00 / month"]);
        assert_eq!(charges(shop).await, [1200, 10800]);
        shop.work_done().await;
    }

    async fn a_plan_is_shown_with_the_tax_that_its_price_holds(database: TestDatabase) {
        let shop = &with_taxes(database, true).await;
        let pro = shop.plan("Pro plan", json!([recurring("month", 1000), recurring("year", 10000)])).await;
        let (client, found) = bought(shop, &pro).await;
        let path = format!("{HOME}/subscriptions/{}", found.id);
        // Prices are shown as they are listed, whatever tax they hold.
        for page in [HOME, &path] {
            shows(&client.get(page).await, &["$10.00 / month"]);
        }
        let yearly = price_of(&pro, 10000);
        let shown = client.get(&format!("{path}/plan?price={yearly}")).await;
        shows(&shown, &[
            "Pro plan · $10.00 / month", "Pro plan · $100.00 / year", "-$10.00", "$85.00", "$15.00", "<span>Charged today</span><span class=\"amount\">$90.00</span>",
            "Your card is charged $90.00 today, with $15.00 of tax.",
        ]);
        let changed = send(&client, &format!("{path}/plan"), &format!("price={yearly}&seen=9000")).await;
        shows(&follow(&client, &changed).await, &["The plan was changed"]);
        assert_eq!(charges(shop).await, [1000, 9000]);
        let lines: Vec<i64> = shop.write(|tx| Ok(tx.all("SELECT amount FROM invoice_lines ORDER BY amount", &[])?)).await.unwrap();
        assert_eq!(lines, [-1000, 833, 8500], "the lines are those that were shown");
    }

    // spec 40 §4.3
    async fn a_code_lets_in_and_signing_out_ends_it(database: TestDatabase) {
        let memory = Arc::new(Memory::default());
        let shop = Shop::open_with(database, Config { mail: Mail::Memory(Arc::clone(&memory)), ..config() }).await;
        let customer = shop.customer().await;
        let anonymous = &shop.anonymous;
        shows(&anonymous.get(&format!("{HOME}/request")).await, &["Send me a code"]);
        let wrong = send(anonymous, &format!("{HOME}/request"), "email=nobody").await;
        assert_eq!(wrong.status, 422);
        shows(&wrong, &["Enter an e-mail address", "value=\"nobody\""]);
        for email in ["stranger%40example.com", &customer.email.as_str().replace('@', "%40")] {
            let sent = send(anonymous, &format!("{HOME}/request"), &format!("email={email}")).await;
            assert!(sent.header("location").unwrap().starts_with("/fjordsoft/portal/authenticate?email="));
        }
        shop.work_done().await;
        let mails = memory.drain();
        assert_eq!(mails.len(), 1);
        let is_code = |line: &&str| line.len() == 6 && line.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = mails[0].text.lines().find(is_code).unwrap().to_owned();
        let page = anonymous.get(&format!("{HOME}/authenticate?email=a%22b%40example.com")).await;
        shows(&page, &["autocomplete=\"one-time-code\"", "30 minutes", "value=\"a&#34;b@example.com\""]);
        shows(&anonymous.get(&format!("{HOME}/authenticate")).await, &["E-mail address"]);
        let email = customer.email.as_str().replace('@', "%40");
        let wrong = send(anonymous, &format!("{HOME}/authenticate"), &format!("email={email}&code=AAAAAA")).await;
        assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
        shows(&wrong, &["This code is wrong"]);
        // At the door of another shop the code is as good as none, and is not used up.
        let other = shop.tenant().await;
        let door = format!("/{}/portal/authenticate", other.organization.slug);
        assert_eq!(send(anonymous, &door, &format!("email={email}&code={code}")).await.status, 401);
        // Nor is it good for somebody else's address, or for none.
        shop.customer_of(shop.organization.id, "eve@example.com").await;
        for email in ["eve%40example.com", "nobody%40example.com", ""] {
            let answer = send(anonymous, &format!("{HOME}/authenticate"), &format!("email={email}&code={code}")).await;
            assert_eq!(answer.status, 401, "{email}");
        }
        let typed = format!("email={email}&code={}+{}", &code[..3], code[3..].to_lowercase());
        let entered = send(anonymous, &format!("{HOME}/authenticate"), &typed).await;
        leads_to(&entered, HOME);
        let cookie = entered.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let client = anonymous.with("cookie", cookie);
        shows(&client.get(HOME).await, &[customer.email.as_str()]);
        let left = send(&client, &format!("{HOME}/sign-out"), "").await;
        leads_to(&left, "/fjordsoft/portal/request?told=signed-out");
        assert!(left.header("set-cookie").unwrap().contains("Max-Age=0"));
        leads_to(&client.get(HOME).await, "/fjordsoft/portal/request");
        // Tries end.
        let mut statuses = Vec::new();
        for _ in 0..6 {
            statuses.push(send(anonymous, &format!("{HOME}/request"), &format!("email={email}")).await.status);
        }
        assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
        shop.work_done().await;
    }
}
