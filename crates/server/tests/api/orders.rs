//! `/v1/orders/`, and what their buyers see.

use merak_core::orders;
use serde_json::{Value, json};

use crate::support::sales::recurring;
use crate::support::{UNKNOWN, everything};

const PATH: &str = "/v1/orders/";
const PORTAL: &str = "/v1/customer-portal/orders/";

fn once(cents: i64) -> Value {
    json!([{"type": "one_time", "amount_type": "fixed", "price_amount": cents}])
}

scenarios! {
    // Spec 30, scenario 51, and the members of 1.6.
    async fn a_member_sees_the_orders_of_the_shop(shop) {
        let (product, customer) = (shop.plan("The book", once(1999)).await, shop.customer().await);
        let first = shop.order_of(&product, &customer, 1999).await;
        shop.advance(1);
        let plan = shop.plan("Pro plan", json!([recurring("month", 1000)])).await;
        let second = shop.order_of(&plan, &customer, 1000).await;
        for path in [PATH.to_owned(), format!("{PATH}{}", first.id), format!("{PATH}{}/invoice", first.id)] {
            shop.anonymous.get(&path).await.refused(401, "Unauthorized");
        }
        let list = shop.merchant.get(PATH).await;
        assert_eq!((list.items("id"), list.pagination()), (vec![second.id.to_string(), first.id.to_string()], (2, 1)));
        let item = shop.merchant.get(&format!("{PATH}{}", first.id)).await.expect(200);
        let members: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, [
            "created_at", "modified_at", "id", "metadata", "custom_field_data", "amount", "tax_amount", "currency",
            "billing_reason", "billing_address", "customer_id", "product_id", "product_price_id", "discount_id",
            "subscription_id", "checkout_id", "customer", "user_id", "user", "product", "product_price", "discount",
            "subscription",
        ]);
        assert_eq!((&item["amount"], &item["billing_reason"]), (&json!(1999), &json!("purchase")));
        assert_eq!((&item["product"]["name"], &item["product_price"]["price_amount"]), (&json!("The book"), &json!(1999)));
        assert_eq!(item["user"]["id"], item["customer"]["id"]);
        for (query, count) in [
            (String::from("product_price_type=one_time"), 1),
            (String::from("product_price_type=recurring&product_price_type=one_time"), 2),
            (format!("product_id={}", plan["id"].as_str().unwrap()), 1),
            (format!("customer_id={}&product_price_type=recurring", customer.id), 1),
            (format!("discount_id={UNKNOWN}"), 0),
            (format!("organization_id={UNKNOWN}"), 0),
        ] {
            let answer = shop.merchant.get(&format!("{PATH}?{query}")).await;
            assert_eq!((answer.items("id").len(), answer.pagination().0), (count, i64::try_from(count).unwrap()), "{query}");
        }
        for sorting in ["created_at", "amount", "customer", "product", "discount", "subscription"] {
            let answer = shop.merchant.get(&format!("{PATH}?sorting=-{sorting}")).await;
            assert_eq!(answer.pagination(), (2, 1), "{sorting}");
        }
        let by_amount = shop.merchant.get(&format!("{PATH}?sorting=amount&limit=1")).await;
        assert_eq!((by_amount.items("id"), by_amount.pagination()), (vec![second.id.to_string()], (2, 2)));
        let foreign = shop.tenant().await.merchant;
        assert_eq!(foreign.get(PATH).await.pagination(), (0, 0));
        foreign.get(&format!("{PATH}{}", first.id)).await.refused(404, "ResourceNotFound");
        foreign.get(&format!("{PATH}{}/invoice", first.id)).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.member_with("orders:read").await.get(PATH).await.pagination(), (2, 1));
        shop.merchant.get(&format!("{PATH}{UNKNOWN}")).await.refused(404, "ResourceNotFound");
    }

    // Spec 30, scenario 51: by organization.
    async fn orders_are_those_of_who_asks(shop) {
        let second = shop.second_organization("second").await;
        let own = shop.order_of(&shop.plan("The book", once(1999)).await, &shop.customer().await, 1999).await;
        let body = json!({"name": "Theirs", "prices": once(500), "organization_id": second.id});
        let product = shop.merchant.post("/v1/products/", body).await.expect(201);
        let customer = shop.customer_of(second.id, "other@example.com").await;
        let other = shop.order_of(&product, &customer, 500).await;
        let (own, other) = (own.id.to_string(), other.id.to_string());
        let browser = shop.browser(shop.member.id).await;
        assert_eq!(browser.get(PATH).await.pagination(), (2, 1));
        browser.get(&format!("{PATH}{own}")).await.expect(200);
        for (id, expected) in [(shop.organization.id, &own), (second.id, &other)] {
            let filtered = shop.merchant.get(&format!("{PATH}?organization_id={id}")).await;
            assert_eq!(filtered.items("id"), std::slice::from_ref(expected));
        }
        let program = shop.organization_client(second.id, everything()).await;
        assert_eq!((program.get(PATH).await.items("id"), program.get(PATH).await.pagination()), (vec![other.clone()], (1, 1)));
        program.get(&format!("{PATH}{other}")).await.expect(200);
        program.get(&format!("{PATH}{own}")).await.refused(404, "ResourceNotFound");
    }

    // O3, and what a given order answers.
    async fn an_invoice_is_where_something_was_paid(shop) {
        let (product, customer) = (shop.plan("The book", once(1999)).await, shop.customer().await);
        let paid = shop.order_of(&product, &customer, 1999).await;
        let (id, buyer_id) = (product["id"].as_str().unwrap().parse().unwrap(), customer.id);
        let given = shop.write(move |tx| Ok(orders::give(tx, id, buyer_id)?.0)).await.unwrap();
        let buyer = shop.buyer(customer.id).await;
        for (client, path) in [(&shop.merchant, PATH), (&buyer, PORTAL)] {
            let url = client.get(&format!("{path}{}/invoice", paid.id)).await.expect(200)["url"].clone();
            let url = url.as_str().unwrap();
            let token = url.split_once("/invoices/").unwrap().1.to_owned();
            let secret = shop.secret.clone();
            let named = shop.write(move |tx| orders::read_invoice_token(&secret, &token, tx.now())).await.unwrap();
            assert_eq!(named, paid.id);
            client.get(&format!("{path}{}/invoice", given.id)).await.refused(404, "InvoiceNotAvailable");
            client.get(&format!("{path}{UNKNOWN}/invoice")).await.refused(404, "ResourceNotFound");
        }
        let data = shop.write(move |tx| orders::invoice_data(tx, paid.id)).await.unwrap();
        assert_eq!((data.total.get(), data.due.get(), data.lines.len()), (1999, 1999, 1));
        assert_eq!(data.buyer.name.as_deref(), Some("Ada"));
        let shown = shop.merchant.get(&format!("{PATH}{}", given.id)).await.expect(200);
        assert_eq!((&shown["amount"], &shown["product_price"]["type"]), (&json!(0), &json!("one_time")));
    }

    // Spec 40, scenario 7.7.
    async fn a_buyer_sees_their_own_orders(shop) {
        let (product, customer, other) = (shop.plan("The book", once(1999)).await, shop.customer().await, shop.customer().await);
        let own = shop.order_of(&product, &customer, 1999).await;
        let foreign = shop.order_of(&product, &other, 1999).await;
        let buyer = shop.buyer(customer.id).await;
        shop.anonymous.get(PORTAL).await.refused(401, "Unauthorized");
        for sorting in ["-created_at", "-amount", "organization", "product", "subscription"] {
            let answer = buyer.get(&format!("{PORTAL}?sorting={sorting}")).await;
            assert_eq!((answer.items("id"), answer.pagination()), (vec![own.id.to_string()], (1, 1)), "{sorting}");
        }
        for (query, count) in [("query=BOOK", 1), ("query=%25", 0), ("product_price_type=recurring", 0), ("product_price_type=one_time", 1)] {
            assert_eq!(buyer.get(&format!("{PORTAL}?{query}")).await.pagination().0, count, "{query}");
        }
        let item = buyer.get(&format!("{PORTAL}{}", own.id)).await.expect(200);
        let members: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, [
            "created_at", "modified_at", "id", "amount", "tax_amount", "currency", "customer_id", "product_id",
            "product_price_id", "subscription_id", "user_id", "product", "product_price", "subscription",
        ]);
        assert_eq!(item["product"]["organization"]["id"], json!(shop.organization.id));
        buyer.get(&format!("{PORTAL}{}", foreign.id)).await.refused(404, "ResourceNotFound");
    }
}
