//! Who may let which card pay a dearer plan. spec 30 §3.7

use merak_core::billing::PaymentMethod;
use merak_core::customer_sessions;
use merak_core::customers::Customer;
use merak_core::kit::Id;
use merak_core::subscriptions::Subscription;
use serde_json::{Value, json};

use super::hosted_checkout::{CARD, filled};
use super::saved_cards::{along_link, browser, cards, charges, checkout, press, signed_in};
use crate::support::Client;
use crate::support::sales::recurring;
use crate::support::shop::scopes;

/// Why a dearer plan is refused: nobody vouches for whoever wishes it, or not for the card that pays.
const LINK: &str = "anybody may have come along a link";
const OTHERS: &str = "it is not known that the customer has given the card";

scenarios! {
    // Bob has paid what is Eve's. She can't let his card pay more for it.
    async fn a_dearer_plan_takes_its_owner_and_a_card_of_theirs(shop) {
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").await;
        for _ in 0..2 {
            let path = checkout(shop, recurring("month", 500), json!({"customer_id": eve.id})).await;
            let mut typed = filled(CARD);
            typed.push(("seen_total", String::from("500")));
            assert_eq!(press(&shop.anonymous, &path, "pay", &typed).await.status, 303);
        }
        let of_bob = cards(shop, eve.id).await;
        let (id, card): (Id<Subscription>, Id<PaymentMethod>) = shop
            .write(move |tx| Ok(tx.one("SELECT id, payment_method_id FROM subscriptions ORDER BY id LIMIT 1", &[])?))
            .await
            .unwrap();
        let other = of_bob.iter().find(|one| one.id != card).unwrap();
        let price = async |cents| {
            let plan = shop.plan("Another plan", json!([recurring("month", cents)])).await;
            plan["prices"][0]["id"].as_str().unwrap().to_owned()
        };
        let (dearer, cheaper) = (price(5000).await, price(300).await);
        let path = format!("/fjordsoft/portal/subscriptions/{id}");
        let change = async |client: &Client, price: &str| {
            let fields = [("price", price.to_owned()), ("seen", String::from("9999"))];
            press(client, &format!("{path}/plan"), "change", &fields).await
        };
        let api = async |client: &Client, price: &str| {
            client.patch(&format!("/v1/customer-portal/subscriptions/{id}"), json!({"product_price_id": price})).await
        };
        let linked = browser(shop, &along_link(shop, eve.id).await);
        let owner = browser(shop, &signed_in(shop, eve.id).await);
        for (client, words, way) in [
            (&linked, "please sign in first", "/request\">Sign in by a code"),
            (&owner, "typed in by somebody who had not signed in", ">Add a card"),
        ] {
            let page = client.get(&format!("{path}/plan?price={dearer}")).await.text();
            assert!(page.contains(words) && page.contains(way) && !page.contains("<button class=\"button main\""), "{page}");
            let refused = change(client, &dearer).await;
            assert!(refused.status == 400 && refused.text().contains(words), "{}", refused.text());
            // Nor does she let another card of his pay this one.
            assert!(!client.get(&path).await.text().contains(&other.id.to_string()));
            let refused = press(client, &format!("{path}/card"), "", &[("card", other.id.to_string())]).await;
            assert!(refused.status == 400 && refused.text().contains("given by you"), "{}", refused.text());
        }
        // A program is no better than whoever has given it its token.
        let refused = async |client: &Client, why: &str| {
            let answer = api(client, &dearer).await;
            let (status, text) = (answer.status, answer.text());
            assert!(status == 400 && text.contains("MissingPaymentMethod") && text.contains(why), "{status} {text}");
        };
        let secret = shop.secret.clone();
        let token = shop.write(move |tx| customer_sessions::create_for_link(tx, &secret, eve.id)).await.unwrap().1;
        let by_link = shop.anonymous.bearer(token.as_str());
        let secret = shop.secret.clone();
        let token = shop.write(move |tx| customer_sessions::create_for_code(tx, &secret, eve.id)).await.unwrap().1;
        let by_code = shop.anonymous.bearer(token.as_str());
        // A person whose customer she is, with another address or with hers.
        let account = async |address: &str| {
            let user = shop.user(address).await;
            let sql = "UPDATE users SET email_verified = TRUE WHERE id = $1";
            shop.write(move |tx| Ok(tx.changed_one(sql, &[&user.id])?)).await.unwrap();
            shop.link(eve.id, user.id).await;
            shop.user_client(user.id, scopes("customer_portal:write")).await
        };
        refused(&account("another@example.com").await, LINK).await;
        let by_account = account("eve@example.com").await;
        refused(&by_account, OTHERS).await;
        refused(&by_link, LINK).await;
        refused(&by_code, OTHERS).await;
        assert_eq!(change(&linked, &cheaper).await.status, 303, "what costs less is theirs to choose");
        // The seller's program has let her in, and answers for that.
        let answered = api(&shop.buyer(eve.id).await, &price(600).await).await.expect(200);
        assert_eq!(answered["amount"], 600);
        let typed = [("number", CARD), ("expiry", "12 / 40"), ("cvc", "123")].map(|(name, value)| (name, value.to_owned()));
        assert_eq!(press(&owner, &format!("{path}/pay"), "", &typed).await.status, 303);
        let page = owner.get(&format!("{path}/plan?price={dearer}")).await.text();
        assert!(page.contains(">Change the plan</button>"), "{page}");
        assert_eq!(change(&owner, &dearer).await.status, 303);
        // By a program, too.
        for (client, cents) in [(&by_code, 6000), (&by_account, 7000)] {
            let answered = api(client, &price(cents).await).await.expect(200);
            assert_eq!(answered["amount"], cents);
        }
        let dearest = price(8000).await;
        let refused = api(&by_link, &dearest).await;
        assert!(refused.status == 400 && refused.text().contains(LINK), "{}", refused.text());
        assert_eq!(charges(shop).await, [(eve.id, 500); 2]);
    }

    // Programs sell, and change what they have sold, with what the confirmation has answered.
    async fn the_answer_of_a_confirmation_lets_its_own_card_pay_more(shop) {
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").await;
        let mut sold = Vec::new();
        for _ in 0..2 {
            let path = checkout(shop, recurring("month", 500), json!({"customer_id": eve.id})).await;
            let body = json!({"customer_name": "Bob", "customer_billing_address": {"country": "FR"}, "confirmation_token_id": "ctoken_sandbox_success"});
            let path = path.replace("/checkout/", "/v1/checkouts/custom/client/");
            let confirmed = shop.anonymous.post(&format!("{path}/confirm"), body).await.expect(200);
            assert_eq!(shop.anonymous.get(&path).await.expect(200).get("customer_session_token"), None);
            let id: Id<Subscription> = shop.write(|tx| Ok(tx.one("SELECT id FROM subscriptions ORDER BY id DESC LIMIT 1", &[])?)).await.unwrap();
            sold.push((confirmed["customer_session_token"].as_str().unwrap().to_owned(), id));
        }
        let plan = shop.plan("Another plan", json!([recurring("month", 5000), recurring("year", 40_000)])).await;
        let price = plan["prices"].as_array().unwrap();
        let (dearer, yearly) = (price[0]["id"].clone(), price[1]["id"].clone());
        let change = async |token: &str, id: Id<Subscription>, price: &Value| {
            let path = format!("/v1/customer-portal/subscriptions/{id}");
            shop.anonymous.bearer(token).patch(&path, json!({"product_price_id": price})).await
        };
        let ((first, one), (second, other)) = (sold[0].clone(), sold[1].clone());
        for (token, id) in [(&first, other), (&second, one)] {
            let refused = change(token, id, &dearer).await;
            assert!(refused.status == 400 && refused.text().contains(OTHERS), "{}", refused.text());
        }
        assert_eq!(change(&first, one, &dearer).await.expect(200)["amount"], 5000);
        assert_eq!(change(&second, other, &yearly).await.expect(200)["amount"], 40_000);
        // The same token in an address is a link as any other.
        let entered = shop.anonymous.get(&format!("/fjordsoft/portal?customer_session_token={first}")).await;
        assert_eq!(entered.status, 303);
        let linked = browser(shop, &format!("merak_customer_session={first}"));
        let page = linked.get(&format!("/fjordsoft/portal/subscriptions/{one}/plan?price={}", yearly.as_str().unwrap())).await.text();
        assert!(page.contains("please sign in first"), "{page}");
    }

    // What the pages of a checkout give stands in addresses.
    async fn the_pages_of_a_checkout_let_no_card_pay_more(shop) {
        let path = checkout(shop, recurring("month", 500), json!({"success_url": "https://seller.example/thanks"})).await;
        let mut typed = filled(CARD);
        typed.push(("seen_total", String::from("500")));
        let paid = press(&shop.anonymous, &path, "pay", &typed).await;
        let (_, token) = paid.header("location").unwrap().split_once("customer_session_token=").unwrap();
        let buyer = shop.anonymous.bearer(token);
        let list = buyer.get("/v1/customer-portal/subscriptions/").await.expect(200);
        let path = format!("/v1/customer-portal/subscriptions/{}", list["items"][0]["id"].as_str().unwrap());
        let plan = shop.plan("Another plan", json!([recurring("month", 5000)])).await;
        let refused = buyer.patch(&path, json!({"product_price_id": plan["prices"][0]["id"]})).await;
        assert!(refused.status == 400 && refused.text().contains(LINK), "{}", refused.text());
    }

    // What most customers do: they buy as nobody in particular, and sign in when they want more.
    async fn who_has_bought_without_signing_in_types_the_card_in_for_more(shop) {
        let path = checkout(shop, recurring("month", 1000), json!({})).await;
        let mut typed = filled(CARD);
        typed.push(("seen_total", String::from("1000")));
        assert_eq!(press(&shop.anonymous, &path, "pay", &typed).await.status, 303);
        let sql = "SELECT id, customer_id FROM subscriptions";
        let (id, customer): (Id<Subscription>, Id<Customer>) = shop.write(move |tx| Ok(tx.one(sql, &[])?)).await.unwrap();
        let owner = browser(shop, &signed_in(shop, customer).await);
        let path = format!("/fjordsoft/portal/subscriptions/{id}");
        let plan = shop.plan("Other plans", json!([recurring("month", 800), recurring("year", 9000)])).await;
        let change = async |index: usize, seen: &str| {
            let price = plan["prices"][index]["id"].as_str().unwrap().to_owned();
            press(&owner, &format!("{path}/plan"), "change", &[("price", price), ("seen", seen.to_owned())]).await
        };
        assert_eq!(change(0, "0").await.status, 303, "what is cheaper is paid by the card of before");
        let refused = change(1, "9000").await;
        let why = "More is charged for this plan, today or over a year, and the card that pays was typed in by somebody who had not signed in.";
        assert!(refused.status == 400 && refused.text().contains(why) && refused.text().contains(">Add a card</a>"), "{}", refused.text());
        assert_eq!(charges(shop).await, [(customer, 1000)]);
        let typed = [("number", CARD), ("expiry", "12 / 40"), ("cvc", "123")].map(|(name, value)| (name, value.to_owned()));
        assert_eq!(press(&owner, &format!("{path}/pay"), "", &typed).await.status, 303);
        assert_eq!(change(1, "9000").await.header("location"), Some(format!("{path}?told=plan").as_str()));
        assert_eq!(charges(shop).await.len(), 2);
    }

    // Who has come along a link is told that signing in shows more cards, if it does.
    async fn cards_that_stay_hidden_are_not_promised(shop) {
        const PROMISE: &str = "To pay with another card that is saved";
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").await;
        for _ in 0..2 {
            let path = checkout(shop, recurring("month", 500), json!({"customer_id": eve.id})).await;
            let mut typed = filled(CARD);
            typed.push(("seen_total", String::from("500")));
            assert_eq!(press(&shop.anonymous, &path, "pay", &typed).await.status, 303);
        }
        let id: Id<Subscription> = shop.write(|tx| Ok(tx.one("SELECT id FROM subscriptions ORDER BY id LIMIT 1", &[])?)).await.unwrap();
        let page = format!("/fjordsoft/portal/subscriptions/{id}");
        let linked = browser(shop, &along_link(shop, eve.id).await);
        let shown = linked.get(&page).await;
        assert!(shown.status == 200 && !shown.text().contains(PROMISE), "{}", shown.text());
        let owner = browser(shop, &signed_in(shop, eve.id).await);
        let typed = [("number", CARD), ("expiry", "12 / 40"), ("cvc", "123")].map(|(name, value)| (name, value.to_owned()));
        assert_eq!(press(&owner, "/fjordsoft/portal/cards", "save", &typed).await.status, 303);
        assert!(linked.get(&page).await.text().contains(PROMISE));
        assert!(!owner.get(&page).await.text().contains(PROMISE));
    }
}
