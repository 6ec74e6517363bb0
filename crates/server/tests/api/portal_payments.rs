//! Paying in the portal through Stripe, whose stand-in asks for approval as banks do. Plain forms, as our script sends them
//! once Stripe's form has made a token.

use merak_core::billing::methods;
use merak_core::customers::Customer;
use merak_core::kit::Id;
use merak_core::subscriptions::{Subscription, SubscriptionStatus};
use merak_testkit::TestDatabase;
use serde_json::{Value, json};

use crate::support::sales::{recurring, recurring_free};
use crate::support::stripe::Stripe;
use crate::support::{Answer, Client, Shop, migrated};

const HOME: &str = "/fjordsoft/portal";

/// A shop that is paid through the stand-in, one of its customers, and their browser.
struct Scene {
    stripe: Stripe,
    shop: Shop,
    customer: Customer,
    browser: Client,
}

impl Scene {
    async fn open(database: TestDatabase) -> Self {
        let stripe = Stripe::start().await;
        let shop = Shop::open_with(database, stripe.config()).await;
        let customer = shop.customer().await;
        let token = shop.owner_token(customer.id).await;
        let browser = shop.anonymous.with("cookie", format!("merak_customer_session={token}"));
        Self { stripe, shop, customer, browser }
    }

    async fn send(&self, path: &str, form: &str) -> Answer {
        let client = self
            .browser
            .with("content-type", "application/x-www-form-urlencoded")
            .with("sec-fetch-site", "same-origin");
        client.send_bytes("POST", path, form.to_owned()).await
    }

    /// A subscription to the first of some prices.
    async fn subscribe(&self, prices: Value) -> (Subscription, Value) {
        let plan = self.shop.plan("Pro plan", prices).await;
        (self.shop.subscribe(&plan, &self.customer).await, plan)
    }

    async fn stored(&self, id: Id<Subscription>) -> Subscription {
        let found = self.shop.store.read(move |tx| merak_core::subscriptions::find(tx, id)).await;
        found.unwrap().unwrap()
    }

    /// The page that leads to the bank, where this answer leads to.
    async fn bank(&self, answer: &Answer) -> Bank {
        let path = location(answer).to_owned();
        assert!(path.starts_with("/fjordsoft/portal/payments/"), "{path}");
        let page = self.browser.get(&path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("https://js.stripe.com") && !policy.contains("unsafe"), "{policy}");
        let text = page.text();
        let (_, rest) = text.split_once("data-secret=\"").unwrap();
        Bank { secret: rest.split_once('"').unwrap().0.to_owned(), path, text }
    }

    /// What the customer sees once the bank has sent them back.
    async fn come_back(&self, bank: &Bank, is_approved: bool, browser: &Client) -> (String, Answer) {
        let url = self.stripe.prove(&bank.secret, is_approved);
        let (_, path) = url.split_once("/portal/payments/").unwrap();
        let found = self.shop.anonymous.get(&format!("/portal/payments/{path}")).await;
        assert_eq!(location(&found), format!("{}?asked=true", bank.path));
        let led = browser.get(location(&found)).await;
        let path = location(&led).to_owned();
        let page = browser.get(&path).await;
        (path, page)
    }

    /// Saves a card whose bank asks, and pays a subscription with it.
    async fn pay_with_a_card_that_asks(&self, id: Id<Subscription>) {
        let asked = self.send(&format!("{HOME}/cards"), "confirmation_token_id=ctoken_asks").await;
        let bank = self.bank(&asked).await;
        self.come_back(&bank, true, &self.browser).await;
        let customer_id = self.customer.id;
        let card = self.shop.store.read(move |tx| methods::list(tx, customer_id)).await.unwrap().remove(0);
        let chosen =
            self.send(&format!("{HOME}/subscriptions/{id}/card"), &format!("card={}", card.id)).await;
        assert_eq!(location(&chosen), format!("{HOME}/subscriptions/{id}?told=card-chosen"));
    }
}

/// A page that leads to the bank.
struct Bank {
    path: String,
    secret: String,
    text: String,
}

fn location(answer: &Answer) -> &str {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap()
}

fn shows(answer: &Answer, texts: &[&str]) {
    let page = answer.text();
    for text in texts {
        assert!(page.contains(text), "{text:?} is not in {page}");
    }
}

fn price(plan: &Value, at: usize) -> &str {
    plan["prices"][at]["id"].as_str().unwrap()
}

merak_testkit::both_engines! {
    setup = migrated;

    async fn a_card_is_saved_by_the_form_of_stripe(database: TestDatabase) {
        let scene = Scene::open(database).await;
        let page = scene.browser.get(HOME).await;
        shows(&page, &[
            "id=\"stripe\" data-key=\"pk_test_1\" data-mode=\"setup\"", "name=\"confirmation_token_id\"", scene.customer.email.as_str(),
            "src=\"https://js.stripe.com/v3/\"",
        ]);
        assert!(!page.text().contains("cc-number") && !page.text().contains("sk_test"), "{}", page.text());
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self' https://js.stripe.com") && policy.contains("frame-src https://js.stripe.com"), "{policy}");
        let other = scene.shop.anonymous.get(&format!("{HOME}/request")).await;
        assert!(!other.header("content-security-policy").unwrap().contains("stripe"));
        let path = format!("{HOME}/cards");
        let missing = scene.send(&path, "").await;
        assert_eq!(missing.status, 422);
        shows(&missing, &["Please choose how to pay."]);
        let declined = scene.send(&path, "confirmation_token_id=ctoken_declined").await;
        shows(&scene.browser.get(location(&declined)).await, &["Your card was declined."]);
        let saved = scene.send(&path, "confirmation_token_id=ctoken_good").await;
        shows(&scene.browser.get(location(&saved)).await, &["The card was saved", "Visa ending in 4242"]);
        assert_eq!(scene.stripe.seen("/v1/setup_intents")["confirmation_token"], "ctoken_good");
        assert!(scene.stripe.charged().is_empty());
    }

    async fn a_bank_that_asks_is_gone_to_and_come_back_from(database: TestDatabase) {
        let scene = Scene::open(database).await;
        for (token, is_approved, words) in [
            ("ctoken_asks", false, "That did not go through"), ("ctoken_asks", true, "The card was saved"),
            ("ctoken_asks_by_script", true, "The card was saved"),
        ] {
            let asked = scene.send(&format!("{HOME}/cards"), &format!("confirmation_token_id={token}")).await;
            let bank = scene.bank(&asked).await;
            assert!(bank.text.contains("data-at-once") && bank.text.contains("that this card may be saved"), "{}", bank.text);
            let has_address = bank.text.contains("https://bank.example/");
            assert_eq!(has_address, token == "ctoken_asks", "{}", bank.text);
            assert_eq!(bank.text.contains("http-equiv=\"refresh\""), has_address, "{}", bank.text);
            // The script has asked, and nothing is known yet: it does not go round in circles.
            let again = scene.browser.get(&format!("{}?asked=true", bank.path)).await;
            assert!(!again.text().contains("data-at-once") && !again.text().contains("refresh"), "{}", again.text());
            let eve = scene.shop.customer().await;
            let eve = scene.shop.anonymous.with("cookie", format!("merak_customer_session={}", scene.shop.buyer_token(eve.id).await));
            assert_eq!(eve.get(&bank.path).await.status, 404);
            let (path, page) = scene.come_back(&bank, is_approved, &scene.browser).await;
            assert!(path.starts_with(&format!("{HOME}?payment=")), "{path}");
            shows(&page, &[words]);
        }
    }

    async fn a_new_card_pays_a_subscription_once_its_bank_has_said_yes(database: TestDatabase) {
        let scene = Scene::open(database).await;
        let (subscription, _) = scene.subscribe(json!([recurring("month", 1000)])).await;
        let path = format!("{HOME}/subscriptions/{}", subscription.id);
        shows(&scene.browser.get(&path).await, &["data-mode=\"setup\"", "Save and use it"]);
        let asked = scene.send(&format!("{path}/pay"), "confirmation_token_id=ctoken_asks").await;
        let cookie = asked.header("set-cookie").unwrap().to_owned();
        let expected = format!("merak_card_for={}; Path={}; Max-Age=3600; HttpOnly; SameSite=Lax", subscription.id, location(&asked));
        assert_eq!(cookie, expected);
        let bank = scene.bank(&asked).await;
        let browser = scene.browser.with("cookie", cookie.split(';').next().unwrap());
        let (back, page) = scene.come_back(&bank, true, &browser).await;
        assert!(back.starts_with(&format!("{path}?payment=")), "{back}");
        shows(&page, &["The card was saved", "Visa ending in 4242"]);
        assert!(scene.stored(subscription.id).await.payment_method_id.is_some());
        assert!(scene.stripe.charged().is_empty());
        // It was to be done once: whoever comes back again after another card was chosen keeps that.
        let forgotten = browser.get(&bank.path).await;
        let expected = format!("merak_card_for=; Path={}; Max-Age=0; HttpOnly; SameSite=Lax", bank.path);
        assert_eq!(forgotten.header("set-cookie"), Some(expected.as_str()));
        scene.send(&format!("{path}/pay"), "confirmation_token_id=ctoken_good").await;
        let chosen = scene.stored(subscription.id).await.payment_method_id;
        assert!(location(&scene.browser.get(&bank.path).await).starts_with(&format!("{HOME}?payment=")));
        assert_eq!(scene.stored(subscription.id).await.payment_method_id, chosen);
    }

    async fn who_cancels_instead_of_paying_is_not_charged(database: TestDatabase) {
        let scene = Scene::open(database).await;
        let (subscription, plan) = scene.subscribe(json!([recurring("month", 1000), recurring("year", 9000)])).await;
        let body = json!({"product_price_id": price(&plan, 1)});
        scene.shop.merchant.patch(&format!("/v1/subscriptions/{}", subscription.id), body).await.expect(200);
        let path = format!("{HOME}/subscriptions/{}", subscription.id);
        let bank = scene.bank(&scene.send(&format!("{path}/pay"), "confirmation_token_id=ctoken_asks").await).await;
        let ended = scene.send(&format!("{path}/end"), "").await;
        assert_eq!(location(&ended), format!("{path}?told=ended"));
        assert_eq!(scene.stored(subscription.id).await.status, SubscriptionStatus::Canceled);
        // The bank cannot say yes any more, and nobody is led to it.
        assert_eq!(scene.stripe.status(&bank.secret), "canceled");
        let gone = scene.browser.get(&bank.path).await;
        assert_eq!(location(&gone), format!("{path}?told=given-up"));
        assert!(scene.stripe.charged().is_empty());
    }

    async fn what_is_owed_is_paid_by_who_is_there(database: TestDatabase) {
        let scene = Scene::open(database).await;
        let (subscription, plan) = scene.subscribe(json!([recurring("month", 1000), recurring("year", 9000)])).await;
        let body = json!({"product_price_id": price(&plan, 1)});
        scene.shop.merchant.patch(&format!("/v1/subscriptions/{}", subscription.id), body).await.expect(200);
        let path = format!("{HOME}/subscriptions/{}", subscription.id);
        shows(&scene.browser.get(&path).await, &["$80.00 to pay", "data-mode=\"payment\" data-amount=\"8000\"", "data-kept", "Pay $80.00"]);
        let asked = scene.send(&format!("{path}/pay"), "confirmation_token_id=ctoken_asks").await;
        let bank = scene.bank(&asked).await;
        assert!(bank.text.contains("this payment of $80.00"), "{}", bank.text);
        // Who has closed the window finds the way to the bank.
        shows(&scene.browser.get(&path).await, &["Confirm it", &bank.path]);
        // Or they take another card, and are not led to the first one's bank any more.
        let again = scene.send(&format!("{path}/pay"), "confirmation_token_id=ctoken_asks").await;
        let other = scene.bank(&again).await;
        assert_ne!(bank.path, other.path);
        assert_eq!(scene.stripe.status(&bank.secret), "canceled");
        let gone = scene.browser.get(&bank.path).await;
        let bank = other;
        shows(&scene.browser.get(location(&gone)).await, &["This payment is not needed any more, and was canceled", &bank.path]);
        let (back, page) = scene.come_back(&bank, true, &scene.browser).await;
        assert!(back.starts_with(&format!("{path}?payment=")), "{back}");
        shows(&page, &["the payment went through", "Visa ending in 4242"]);
        assert!(!page.text().contains("Confirm it"), "{}", page.text());
        assert_eq!(scene.stored(subscription.id).await.status, SubscriptionStatus::Active);
        assert_eq!(scene.stripe.charged(), [8000]);
        let asked = scene.stripe.seen("/v1/payment_intents");
        assert_eq!(asked.get("setup_future_usage").map(String::as_str), Some("off_session"));
    }

    // A saved card whose bank asks every time is of use only to who is there.
    async fn a_change_of_plan_is_approved(database: TestDatabase) {
        let scene = Scene::open(database).await;
        let (subscription, plan) = scene.subscribe(json!([recurring("month", 1000), recurring("year", 9000)])).await;
        scene.pay_with_a_card_that_asks(subscription.id).await;
        let path = format!("{HOME}/subscriptions/{}", subscription.id);
        let form = format!("price={}&seen=8000", price(&plan, 1));
        let asked = scene.send(&format!("{path}/plan"), &form).await;
        let bank = scene.bank(&asked).await;
        assert!(bank.text.contains("this payment of $80.00"), "{}", bank.text);
        let sent = scene.stripe.seen("/v1/payment_intents");
        assert!(sent.contains_key("payment_method") && sent.contains_key("return_url"), "{sent:?}");
        assert!(!sent.contains_key("off_session") && !sent.contains_key("setup_future_usage"), "{sent:?}");
        let (back, page) = scene.come_back(&bank, true, &scene.browser).await;
        assert!(back.starts_with(&format!("{path}?payment=")), "{back}");
        shows(&page, &["the payment went through", "$90.00 / year"]);
        assert_eq!(scene.stripe.charged(), [8000]);
    }

    async fn what_was_free_changes_only_once_it_is_approved(database: TestDatabase) {
        let scene = Scene::open(database).await;
        let (subscription, _) = scene.subscribe(json!([recurring_free("month")])).await;
        let paid = scene.shop.plan("Team plan", json!([recurring("month", 1000)])).await;
        scene.pay_with_a_card_that_asks(subscription.id).await;
        let path = format!("{HOME}/subscriptions/{}", subscription.id);
        let form = format!("price={}&seen=1000", price(&paid, 0));
        for is_approved in [false, true] {
            let bank = scene.bank(&scene.send(&format!("{path}/plan"), &form).await).await;
            let waiting = scene.stored(subscription.id).await;
            assert_eq!(waiting.price_id, subscription.price_id);
            let (_, page) = scene.come_back(&bank, is_approved, &scene.browser).await;
            let changed = scene.stored(subscription.id).await.price_id != subscription.price_id;
            assert_eq!(changed, is_approved);
            shows(&page, if is_approved { &["the payment went through", "Team plan"] } else { &["That did not go through", "Free"] });
        }
        assert_eq!(scene.stripe.charged(), [1000]);
    }
}
