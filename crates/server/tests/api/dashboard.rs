//! `/dashboard/{slug}/orders`: what sellers see of their orders, and giving money back by a form.

use merak_core::billing::hints::{self, Hint};
use merak_core::billing::{Payment, Rules};
use merak_core::kit::{Cents, Id, Refusal};
use merak_core::orders::Order;
use merak_core::subscriptions::{self, Subscription, SubscriptionStatus};
use serde_json::{Value, json};

use crate::support::{Answer, Client, Shop};

const ORDERS: &str = "/dashboard/fjordsoft/orders";

async fn send(client: &Client, path: &str, form: &str) -> Answer {
    let client = client
        .with("content-type", "application/x-www-form-urlencoded")
        .with("sec-fetch-site", "same-origin");
    client.send_bytes("POST", path, form.to_owned()).await
}

fn shows(answer: &Answer, texts: &[&str]) {
    let page = answer.text();
    for text in texts {
        assert!(page.contains(text), "{text:?} is not in {page}");
    }
}

/// Something sold by a checkout; the order's id.
async fn sold(shop: &Shop, email: &str, price: Value) -> String {
    let body = json!({"name": "Fjord <Editor>", "prices": [price], "organization_id": shop.organization.id});
    let product = shop.merchant.post("/v1/products/", body).await.expect(201);
    let body = json!({"product_id": product["id"]});
    let checkout = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
    let path = format!("/v1/checkouts/custom/client/{}/confirm", checkout["client_secret"].as_str().unwrap());
    let body = json!({
        "customer_name": "Ada", "customer_email": email, "customer_billing_address": {"country": "FR"},
        "confirmation_token_id": "ctoken_sandbox_success"
    });
    shop.anonymous.post(&path, body).await.expect(200);
    let found =
        shop.merchant.get(&format!("/v1/orders/?product_id={}", product["id"].as_str().unwrap())).await;
    found.items("id").remove(0)
}

/// How many refunds of an order take back what came with it.
async fn taken_back(shop: &Shop, id: &str) -> usize {
    let id = id.parse().unwrap();
    let refunds = shop.store.read(move |tx| merak_core::billing::refunds::of_order(tx, id)).await.unwrap();
    refunds.iter().filter(|refund| refund.revokes_benefits).count()
}

fn once() -> Value {
    json!({"type": "one_time", "amount_type": "fixed", "price_amount": 1000})
}

fn monthly() -> Value {
    json!({"type": "recurring", "recurring_interval": "month", "amount_type": "fixed", "price_amount": 1000})
}

scenarios! {
    async fn orders_are_found_by_customer(shop) {
        let client = shop.browser(shop.member.id).await;
        shows(&client.get(ORDERS).await, &["Nothing was sold yet"]);
        let ada = sold(shop, "ada@example.com", once()).await;
        let bob = sold(shop, "bob@example.com", once()).await;
        let all = client.get(ORDERS).await;
        shows(&all, &[&ada, &bob, "2 in all", "$10.00", "Fjord &#60;Editor&#62;"]);
        let found = client.get(&format!("{ORDERS}?query=ada%40example.com")).await;
        shows(&found, &[&ada, "1 in all"]);
        assert!(!found.text().contains(&bob));
        shows(&client.get(&format!("{ORDERS}?query=nobody")).await, &["No orders of such a customer"]);
        let page = client.get(&format!("{ORDERS}/{ada}")).await;
        shows(&page, &["ada@example.com", "Refund", "At most $10.00", "Revenue", "Processor clearing"]);
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        // Nobody else gets in: no session, a stranger's, a token instead of a session.
        let stranger = shop.user("eve@example.com").await;
        let other = shop.tenant().await;
        for client in [shop.anonymous.clone(), shop.browser(stranger.id).await, shop.merchant.clone()] {
            assert_eq!(client.get(ORDERS).await.status, 404);
            assert_eq!(client.get(&format!("{ORDERS}/{ada}")).await.status, 404);
            assert_eq!(send(&client, &format!("{ORDERS}/{ada}/refund"), "amount=1").await.status, 404);
        }
        let foreign = format!("/dashboard/{}/orders/{ada}", other.organization.slug);
        assert_eq!(client.get(&foreign).await.status, 404);
        assert_eq!(client.get(&format!("{ORDERS}/x")).await.status, 404);
    }

    async fn money_is_given_back_by_a_form(shop) {
        let client = shop.browser(shop.member.id).await;
        let id = sold(shop, "ada@example.com", once()).await;
        let path = format!("{ORDERS}/{id}");
        let refund = format!("{path}/refund");
        let evil = client.with("origin", "https://evil.example").send_bytes("POST", &refund, "amount=1").await;
        assert_eq!(evil.status, 403);
        for (amount, status, told) in
            [("ten", 422, "Type an amount"), ("0", 400, "more than nothing"), ("10.01", 400, "At most")]
        {
            let answer = send(&client, &refund, &format!("amount={amount}&left=10.00&reason=A+%3Creason%3E")).await;
            assert_eq!(answer.status, status, "{amount}");
            shows(&answer, &[told, &format!("value=\"{amount}\""), "A &#60;reason&#62;"]);
        }
        // What was chosen is still chosen when the form comes back.
        let answer = send(&client, &refund, "amount=ten&left=10.00&benefits=revoke").await;
        shows(&answer, &["value=\"revoke\" checked"]);
        let given = send(&client, &refund, "amount=4.00&left=10.00&reason=Half+a+book&benefits=keep").await;
        assert_eq!((given.status, given.header("location")), (303, Some(format!("{path}?told=refunded").as_str())));
        shows(&client.get(&path).await, &["$4.00", "Half a book", "Refunded", "At most $6.00"]);
        // The same form once more gives back nothing more.
        let again = send(&client, &refund, "amount=4.00&left=10.00&reason=Half+a+book&benefits=keep").await;
        assert_eq!(again.status, 400);
        shows(&again, &["Something was given back meanwhile", "At most $6.00"]);
        let rest = send(&client, &refund, "amount=6.00&left=6.00&benefits=revoke").await;
        assert_eq!(rest.status, 303);
        let page = client.get(&path).await;
        shows(&page, &["$6.00"]);
        assert!(!page.text().contains("id=\"refund\""), "nothing is left");
        shows(&client.get(ORDERS).await, &["Refunded"]);
        let order = shop.store.read({
            let id = id.parse().unwrap();
            move |tx| merak_core::orders::find(tx, id)
        }).await.unwrap().unwrap();
        assert_eq!(order.refunded_amount.get(), 1000);
        shop.work_done().await;
    }

    async fn a_disputed_order_stands_out(shop) {
        let client = shop.browser(shop.member.id).await;
        let ada = sold(shop, "ada@example.com", once()).await;
        let bob = sold(shop, "bob@example.com", once()).await;
        let disputed = format!("{ORDERS}?show=disputed");
        shows(&client.get(&disputed).await, &["No payment was disputed", "0 in all"]);
        let id: Id<Order> = ada.parse().unwrap();
        let payment_id: Id<Payment> = shop.write(move |tx| {
            Ok(tx.one("SELECT payments.id FROM payments JOIN orders ON orders.invoice_id = payments.invoice_id WHERE orders.id = $1", &[&id])?)
        }).await.unwrap();
        let (name, amount, fee) = (String::from("dp_1"), Some(Cents::new(700)), Some(Cents::new(1500)));
        let opened = Hint::DisputeOpened { payment_id, processor_dispute_id: name.clone(), amount, fee };
        let closed = Hint::DisputeClosed { payment_id, processor_dispute_id: name, is_won: false, amount, fee };
        for (event, hint, badge, meaning) in [
            ("evt_1", opened, "Disputed</span>", "wants this payment back"),
            ("evt_2", closed, "Dispute lost</span>", "decided for the customer"),
        ] {
            let rules = Rules::new("sandbox", Cents::new(50));
            shop.write(move |tx| hints::take_in(tx, &rules, ("sandbox", event), &hint)).await.unwrap();
            let list = client.get(&disputed).await;
            shows(&list, &[&ada, badge, "1 in all"]);
            assert!(!list.text().contains(&bob));
            shows(&client.get(ORDERS).await, &[&ada, &bob, badge, "2 in all"]);
            shows(&client.get(&format!("{ORDERS}/{ada}")).await, &[badge, meaning, "$7.00", "fee $15.00"]);
            assert!(!client.get(&format!("{ORDERS}/{bob}")).await.text().contains("Dispute"));
        }
        shop.work_done().await;
    }

    /// As the refunds of the command line, see docs/billing.md.
    async fn benefits_go_or_stay_as_usual_unless_something_else_is_said(shop) {
        let client = shop.browser(shop.member.id).await;
        for (form, takes_back) in [
            ("amount=10.00&left=10.00&benefits=usual", 1), ("amount=10.00&left=10.00", 1),
            ("amount=9.99&left=10.00&benefits=usual", 0), ("amount=10.00&left=10.00&benefits=keep", 0),
            ("amount=0.01&left=10.00&benefits=revoke", 1),
        ] {
            let id = sold(shop, "ada@example.com", once()).await;
            let path = format!("{ORDERS}/{id}");
            shows(&client.get(&path).await, &["value=\"usual\" checked", "value=\"keep\"><", "value=\"revoke\"><"]);
            assert_eq!(send(&client, &format!("{path}/refund"), form).await.status, 303, "{form}");
            assert_eq!(taken_back(shop, &id).await, takes_back, "{form}");
        }
        // Of a subscription, taking back ends it, and that is said.
        let id = sold(shop, "ada@example.com", monthly()).await;
        let (path, refund) = (format!("{ORDERS}/{id}"), format!("{ORDERS}/{id}/refund"));
        let page = client.get(&path).await;
        shows(&page, &["value=\"usual\" checked", "This ends the subscription"]);
        assert!(!page.text().contains("value=\"keep\""), "{}", page.text());
        assert_eq!(send(&client, &refund, "amount=1.00&left=10.00&benefits=usual").await.status, 303);
        assert_eq!(taken_back(shop, &id).await, 0);
        let status = async || {
            let list = shop.merchant.get("/v1/subscriptions/?active=true").await.expect(200);
            list["pagination"]["total_count"].clone()
        };
        assert_eq!(status().await, 1);
        assert_eq!(send(&client, &refund, "amount=1.00&left=9.00&benefits=revoke").await.status, 303);
        assert_eq!((taken_back(shop, &id).await, status().await), (1, json!(0)));
        // It has ended, so nothing of it is left to take back.
        let page = client.get(&path).await;
        shows(&page, &["At most $8.00"]);
        assert!(!page.text().contains("name=\"benefits\""), "{}", page.text());
        shop.work_done().await;
    }

    // spec 30 T-41
    async fn what_is_not_paid_can_be_ended(shop) {
        let client = shop.browser(shop.member.id).await;
        let id = sold(shop, "ada@example.com", monthly()).await;
        let end = format!("{ORDERS}/{id}/end");
        let active = send(&client, &end, "").await;
        assert_eq!(active.status, 403);
        shop.write(|tx| {
            let id: Id<Subscription> = tx.one("SELECT id FROM subscriptions", &[])?;
            let before = subscriptions::find(tx, id)?.ok_or_else(Refusal::not_found)?;
            let (status, since) = (SubscriptionStatus::PastDue, Some(before.current_period_start));
            let mut after = Subscription { status, past_due_since: since, ..before.clone() };
            subscriptions::change(tx, &before, &mut after)
        }).await.unwrap();
        shows(&client.get(&format!("{ORDERS}/{id}")).await, &["Payment owed", "End the subscription"]);
        let ended = send(&client, &end, "").await;
        assert_eq!(ended.header("location"), Some(format!("{ORDERS}/{id}?told=ended").as_str()));
        let list = shop.merchant.get("/v1/subscriptions/?active=false").await.expect(200);
        assert_eq!(list["items"][0]["status"], "canceled");
        assert_eq!(send(&client, &end, "").await.status, 403);
        shop.work_done().await;
    }
}
