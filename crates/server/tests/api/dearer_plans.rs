//! Who may let which card pay a dearer plan. spec 30 §3.7

use merak_core::billing::PaymentMethod;
use merak_core::customer_sessions;
use merak_core::kit::Id;
use merak_core::subscriptions::Subscription;
use serde_json::json;

use super::hosted_checkout::{CARD, filled};
use super::saved_cards::{along_link, browser, cards, charges, checkout, press, signed_in};
use crate::support::Client;
use crate::support::sales::recurring;

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
        let secret = shop.secret.clone();
        let token = shop.write(move |tx| customer_sessions::create_for_link(tx, &secret, eve.id)).await.unwrap().1;
        api(&shop.anonymous.bearer(token.as_str()), &dearer).await.refused(400, "MissingPaymentMethod");
        let secret = shop.secret.clone();
        let token = shop.write(move |tx| customer_sessions::create_for_code(tx, &secret, eve.id)).await.unwrap().1;
        api(&shop.anonymous.bearer(token.as_str()), &dearer).await.refused(400, "MissingPaymentMethod");
        assert_eq!(change(&linked, &cheaper).await.status, 303, "what costs less is theirs to choose");
        // The seller's program has let her in, and answers for that.
        let answered = api(&shop.buyer(eve.id).await, &price(600).await).await.expect(200);
        assert_eq!(answered["amount"], 600);
        let typed = [("number", CARD), ("expiry", "12 / 40"), ("cvc", "123")].map(|(name, value)| (name, value.to_owned()));
        assert_eq!(press(&owner, &format!("{path}/pay"), "", &typed).await.status, 303);
        let page = owner.get(&format!("{path}/plan?price={dearer}")).await.text();
        assert!(page.contains(">Change the plan</button>"), "{page}");
        assert_eq!(change(&owner, &dearer).await.status, 303);
        assert_eq!(charges(shop).await, [(eve.id, 500); 2]);
    }
}
