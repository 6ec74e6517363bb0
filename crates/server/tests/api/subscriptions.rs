//! `/v1/subscriptions/`, and what their buyers see and do.

use serde_json::{Value, json};

use crate::support::sales::{recurring, recurring_free};
use crate::support::{Shop, UNKNOWN, everything};

const PATH: &str = "/v1/subscriptions/";
const PORTAL: &str = "/v1/customer-portal/subscriptions/";

async fn monthly(shop: &Shop) -> Value {
    shop.plan("Pro plan", json!([recurring("month", 1000)])).await
}

scenarios! {
    // Spec 30, scenario 59, and the members of 1.7.
    async fn a_member_lists_the_subscriptions_of_the_shop(shop) {
        let (product, customer) = (monthly(shop).await, shop.customer().await);
        let subscription = shop.subscribe(&product, &customer).await;
        shop.anonymous.get(PATH).await.refused(401, "Unauthorized");
        let list = shop.merchant.get(PATH).await.expect(200);
        assert_eq!(list["pagination"], json!({"total_count": 1, "max_page": 1}));
        let item = &list["items"][0];
        let members: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, [
            "created_at", "modified_at", "id", "amount", "currency", "recurring_interval", "status",
            "current_period_start", "current_period_end", "cancel_at_period_end", "canceled_at", "started_at",
            "ends_at", "ended_at", "customer_id", "product_id", "price_id", "discount_id", "checkout_id",
            "customer_cancellation_reason", "customer_cancellation_comment", "metadata", "custom_field_data",
            "customer", "user_id", "user", "product", "price", "discount",
        ]);
        assert_eq!((&item["id"], &item["user"]["id"]), (&json!(subscription.id), &item["customer"]["id"]));
        assert_eq!((&item["amount"], &item["currency"], &item["status"]), (&json!(1000), &json!("usd"), &json!("active")));
        assert_eq!(item["price"]["recurring_interval"], "month");
        assert_eq!(item["user"]["public_name"].as_str().unwrap().chars().count(), 1);
        assert_eq!(shop.tenant().await.merchant.get(PATH).await.pagination(), (0, 0));
        assert_eq!(shop.member_with("subscriptions:read").await.get(PATH).await.pagination(), (1, 1));
        for query in ["active=true", "sorting=customer", "sorting=-amount&sorting=status"] {
            assert_eq!(shop.merchant.get(&format!("{PATH}?{query}")).await.pagination(), (1, 1), "{query}");
        }
        for query in ["active=false".to_owned(), format!("customer_id={UNKNOWN}"), format!("discount_id={UNKNOWN}"), format!("product_id={UNKNOWN}")] {
            assert_eq!(shop.merchant.get(&format!("{PATH}?{query}")).await.pagination(), (0, 0), "{query}");
        }
        assert_eq!(shop.merchant.get(&format!("{PATH}?sorting=id")).await.schema_problems(), ["enum query.sorting.0"]);
    }

    // Scenario 59, and T-33: who has left sees nothing any more.
    async fn a_list_is_for_who_works_there(shop) {
        let subscription = shop.subscribe(&monthly(shop).await, &shop.customer().await).await;
        let own = shop.organization_client(shop.organization.id, everything()).await;
        assert_eq!(own.get(PATH).await.items("id"), [subscription.id.to_string()]);
        let other = shop.organization_client(shop.tenant().await.organization.id, everything()).await;
        assert_eq!(other.get(PATH).await.pagination(), (0, 0));
        assert_eq!(shop.browser(shop.member.id).await.get(PATH).await.pagination(), (1, 1));
        shop.sql("UPDATE organization_members SET deleted_at = created_at", Vec::new()).await;
        assert_eq!(shop.merchant.get(PATH).await.pagination(), (0, 0));
        let path = format!("{PATH}{}", subscription.id);
        shop.merchant.patch(&path, json!({"revoke": true})).await.refused(404, "ResourceNotFound");
    }

    // Scenarios 67, 68, 69 and 70, spec 40 §7.8: whatever is asked for.
    async fn nobody_else_changes_a_subscription(shop) {
        let subscription = shop.subscribe(&monthly(shop).await, &shop.customer().await).await;
        let (stranger, buyer) = (shop.tenant().await.merchant, shop.buyer(shop.customer().await.id).await);
        for body in [
            json!({"product_price_id": UNKNOWN}), json!({"cancel_at_period_end": true}), json!({"cancel_at_period_end": false}),
            json!({"revoke": true}),
        ] {
            for (client, base) in [(&stranger, PATH), (&buyer, PORTAL)] {
                shop.anonymous.patch(&format!("{base}{}", subscription.id), body.clone()).await.refused(401, "Unauthorized");
                client.patch(&format!("{base}{}", subscription.id), body.clone()).await.refused(404, "ResourceNotFound");
                client.patch(&format!("{base}{UNKNOWN}"), body.clone()).await.refused(404, "ResourceNotFound");
            }
        }
        for (client, base) in [(&stranger, PATH), (&buyer, PORTAL)] {
            shop.anonymous.delete(&format!("{base}{}", subscription.id)).await.refused(401, "Unauthorized");
            client.delete(&format!("{base}{UNKNOWN}")).await.refused(404, "ResourceNotFound");
        }
        let list = shop.merchant.get(PATH).await.expect(200);
        assert_eq!((&list["items"][0]["status"], &list["items"][0]["modified_at"]), (&json!("active"), &json!(null)));
    }

    // Scenario 70: both ways to end at once.
    async fn a_seller_ends_at_once(shop) {
        let product = monthly(shop).await;
        for is_patch in [true, false] {
            let subscription = shop.subscribe(&product, &shop.customer().await).await;
            let path = format!("{PATH}{}", subscription.id);
            let why = json!({"revoke": true, "customer_cancellation_reason": "low_quality"});
            let ended = if is_patch { shop.merchant.patch(&path, why).await } else { shop.merchant.delete(&path).await };
            let ended = ended.expect(200);
            assert_eq!((&ended["status"], &ended["cancel_at_period_end"]), (&json!("canceled"), &json!(false)));
            assert!(ended["ends_at"].is_string() && ended["ends_at"] == ended["ended_at"], "{ended}");
            let reason = if is_patch { json!("low_quality") } else { json!(null) };
            assert_eq!(ended["customer_cancellation_reason"], reason);
        }
    }

    // S2 and T-31.
    async fn an_export_is_a_table_and_for_programs_a_string(shop) {
        let (product, customer) = (monthly(shop).await, shop.customer().await);
        shop.subscribe(&product, &customer).await;
        let path = format!("{PATH}export");
        let answer = shop.merchant.get(&path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8"));
        assert_eq!(answer.header("content-disposition"), Some("attachment; filename=polar-subscribers.csv"));
        let table = answer.text();
        let lines: Vec<&str> = table.split("\r\n").collect();
        assert_eq!(lines[0], "Email,Created At,Active,Product,Price,Currency,Interval");
        assert!(lines[1].starts_with(customer.email.as_str()) && lines[1].ends_with(",true,Pro plan,10.0,usd,month"), "{}", lines[1]);
        assert_eq!((lines[2], lines.len()), ("", 3));
        let program = shop.merchant.with("accept", "application/json");
        let answer = program.get(&path).await;
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.expect(200), json!(table));
        shop.anonymous.get(&path).await.refused(401, "Unauthorized");
        assert_eq!(shop.tenant().await.merchant.get(&path).await.text(), format!("{}\r\n", lines[0]));
    }

    // Scenarios 65, 68, 69 and 70.
    async fn a_seller_cancels_goes_on_and_revokes(shop) {
        let (product, customer) = (monthly(shop).await, shop.customer().await);
        let subscription = shop.subscribe(&product, &customer).await;
        let path = format!("{PATH}{}", subscription.id);
        let cancel = json!({"cancel_at_period_end": true, "customer_cancellation_reason": "too_complex",
            "customer_cancellation_comment": "Too many knobs"});
        shop.anonymous.patch(&path, cancel.clone()).await.refused(401, "Unauthorized");
        shop.tenant().await.merchant.patch(&path, cancel.clone()).await.refused(404, "ResourceNotFound");
        let canceled = shop.merchant.patch(&path, cancel.clone()).await.expect(200);
        assert_eq!((&canceled["status"], &canceled["cancel_at_period_end"]), (&json!("active"), &json!(true)));
        assert_eq!((&canceled["ends_at"], &canceled["ended_at"]), (&canceled["current_period_end"], &json!(null)));
        assert_eq!(canceled["customer_cancellation_reason"], "too_complex");
        assert_eq!(canceled["customer_cancellation_comment"], "Too many knobs");
        shop.merchant.patch(&path, cancel).await.refused(403, "AlreadyCanceledSubscription");
        let going_on = json!({"cancel_at_period_end": false});
        let uncanceled = shop.merchant.patch(&path, going_on.clone()).await.expect(200);
        assert_eq!(uncanceled["cancel_at_period_end"], json!(false));
        for member in ["ends_at", "canceled_at", "customer_cancellation_reason", "customer_cancellation_comment"] {
            assert_eq!(uncanceled[member], json!(null), "{member}");
        }
        shop.merchant.patch(&path, going_on.clone()).await.refused(400, "BadRequest");
        let both = json!({"revoke": true, "cancel_at_period_end": true});
        assert_eq!(shop.merchant.patch(&path, both).await.rule_problems(), ["value_error body.revoke"]);
        shop.tenant().await.merchant.delete(&path).await.refused(404, "ResourceNotFound");
        let ended = shop.merchant.delete(&path).await.expect(200);
        assert_eq!((&ended["status"], &ended["cancel_at_period_end"]), (&json!("canceled"), &json!(false)));
        assert!(ended["ends_at"].is_string() && ended["ends_at"] == ended["ended_at"]);
        shop.merchant.delete(&path).await.refused(403, "AlreadyCanceledSubscription");
        shop.merchant.patch(&path, json!({"revoke": true})).await.refused(403, "AlreadyCanceledSubscription");
        shop.merchant.patch(&path, going_on).await.refused(410, "ResourceUnavailable");
    }

    // T-13 and scenario 83.
    async fn what_is_meant_by_a_change_is_what_fits_best(shop) {
        let product = shop.plan("Pro plan", json!([recurring("month", 1000)])).await;
        let other = shop.plan("Big plan", json!([recurring("month", 3000)])).await;
        let subscription = shop.subscribe(&product, &shop.customer().await).await;
        let path = format!("{PATH}{}", subscription.id);
        let (old, new) = (product["prices"][0]["id"].clone(), other["prices"][0]["id"].clone());
        for body in [
            json!({}),
            json!({"product_price_id": "not-a-uuid"}),
            json!({"product_price_id": null}),
            json!({"customer_cancellation_reason": "unused"}),
            json!({"product_price_id": new, "cancel_at_period_end": null}),
            json!({"product_price_id": new, "customer_cancellation_reason": "unused"}),
        ] {
            let answer = shop.merchant.patch(&path, body.clone()).await.expect(200);
            assert_eq!((&answer["price_id"], &answer["cancel_at_period_end"]), (&old, &json!(false)), "{body}");
            assert_eq!(answer["modified_at"], json!(null), "{body}");
        }
        let wrong = shop.merchant.patch(&path, json!({"revoke": false})).await;
        assert_eq!(wrong.schema_problems(), [
            "missing body.SubscriptionUpdatePrice.product_price_id",
            "literal_error body.SubscriptionCancel.revoke",
        ]);
        let changed = shop.merchant.patch(&path, json!({"product_price_id": new, "revoke": false})).await.expect(200);
        assert_eq!(changed["price_id"], new);
        let canceled = json!({"product_price_id": old, "cancel_at_period_end": true});
        let canceled = shop.merchant.patch(&path, canceled).await.expect(200);
        assert_eq!((&canceled["price_id"], &canceled["cancel_at_period_end"]), (&new, &json!(true)));
    }

    // Scenario 67 and spec 40, 5.8.
    async fn a_price_that_cannot_be_is_refused(shop) {
        let product = monthly(shop).await;
        let once = shop.plan("Once", json!([{"type": "one_time", "amount_type": "fixed", "price_amount": 500}])).await;
        let archived = shop.plan("Archived", json!([recurring("month", 2000)])).await;
        let (price, id) = (archived["prices"][0]["id"].clone(), archived["id"].as_str().unwrap().to_owned());
        shop.merchant.patch(&format!("/v1/products/{id}"), json!({"is_archived": true})).await.expect(200);
        let tenant = shop.tenant().await;
        let body = json!({"name": "Theirs", "prices": [recurring("month", 700)], "organization_id": tenant.organization.id});
        let foreign = tenant.merchant.post("/v1/products/", body).await.expect(201);
        let customer = shop.customer().await;
        let subscription = shop.subscribe(&product, &customer).await;
        let buyer = shop.buyer(customer.id).await;
        for price in [json!(UNKNOWN), once["prices"][0]["id"].clone(), price, foreign["prices"][0]["id"].clone()] {
            let body = json!({"product_price_id": price});
            let of_seller = shop.merchant.patch(&format!("{PATH}{}", subscription.id), body.clone()).await;
            assert_eq!(of_seller.rule_problems(), ["value_error body.product_price_id"]);
            let of_buyer = buyer.patch(&format!("{PORTAL}{}", subscription.id), body).await;
            assert_eq!(of_buyer.rule_problems(), ["value_error body.product_price_id"]);
        }
    }

    // Scenario 67; spec 30, 3.7 and 6.5.
    async fn a_price_of_the_same_interval_changes_at_once_and_is_settled_later(shop) {
        let product = monthly(shop).await;
        let other = shop.plan("Big plan", json!([recurring("month", 3000), recurring("year", 30000)])).await;
        let subscription = shop.subscribe(&product, &shop.customer().await).await;
        let path = format!("{PATH}{}", subscription.id);
        let body = json!({"product_price_id": other["prices"][0]["id"]});
        let changed = shop.merchant.patch(&path, body.clone()).await.expect(200);
        assert_eq!((&changed["product"]["id"], &changed["amount"]), (&other["id"], &json!(3000)));
        assert_eq!(changed["current_period_end"], json!(subscription.current_period_end));
        let lines = "SELECT amount, is_proration FROM invoice_lines WHERE invoice_id IS NULL ORDER BY amount";
        let waiting: Vec<(i64, bool)> = shop.write(move |tx| Ok(tx.all(lines, &[])?)).await.unwrap();
        assert_eq!(waiting, [(-1000, true), (3000, true)]);
        // I14
        let again = shop.merchant.patch(&path, body).await.expect(200);
        assert_eq!(again, changed);
        let count: i64 = shop.write(|tx| Ok(tx.one("SELECT count(*) FROM invoice_lines", &[])?)).await.unwrap();
        assert_eq!(count, 2);
        // Another interval is invoiced now. Without a means of payment it is owed.
        let yearly = json!({"product_price_id": other["prices"][1]["id"]});
        let owed = shop.merchant.patch(&path, yearly).await.expect(200);
        assert_eq!((&owed["status"], &owed["recurring_interval"]), (&json!("past_due"), &json!("year")));
        shop.merchant.patch(&path, json!({"product_price_id": product["prices"][0]["id"]})).await
            .refused(400, "SubscriptionNotActiveOnStripe");
    }

    // Spec 40, scenario 7.8.
    async fn a_buyer_takes_another_plan(shop) {
        let (product, customer) = (monthly(shop).await, shop.customer().await);
        let other = shop.plan("Big plan", json!([recurring("month", 3000)])).await;
        let subscription = shop.subscribe(&product, &customer).await;
        let buyer = shop.buyer(customer.id).await;
        let body = json!({"product_price_id": other["prices"][0]["id"]});
        let changed = buyer.patch(&format!("{PORTAL}{}", subscription.id), body).await.expect(200);
        assert_eq!((&changed["product"]["id"], &changed["product_id"]), (&other["id"], &other["id"]));
        assert_eq!((&changed["price"]["id"], &changed["price_id"]), (&other["prices"][0]["id"], &other["prices"][0]["id"]));
        assert_eq!((&changed["amount"], &changed["recurring_interval"]), (&json!(3000), &json!("month")));
        assert_eq!((&changed["status"], &changed["cancel_at_period_end"]), (&json!("active"), &json!(false)));
        assert_eq!(changed["current_period_end"], json!(subscription.current_period_end));
    }

    // Scenario 67: only what was free has to be paid at once.
    async fn what_was_free_needs_a_payment_before_it_changes(shop) {
        let free = shop.plan("Free plan", json!([recurring_free("month")])).await;
        let paid = monthly(shop).await;
        let customer = shop.customer().await;
        let subscription = shop.subscribe(&free, &customer).await;
        let path = format!("{PORTAL}{}", subscription.id);
        let buyer = shop.buyer(customer.id).await;
        let body = json!({"product_price_id": paid["prices"][0]["id"]});
        buyer.patch(&path, body).await.refused(400, "MissingPaymentMethod");
        let unchanged = buyer.get(&path).await.expect(200);
        assert_eq!((&unchanged["price_id"], &unchanged["modified_at"]), (&free["prices"][0]["id"], &json!(null)));
        let invoices: i64 = shop.write(|tx| Ok(tx.one("SELECT count(*) FROM invoices", &[])?)).await.unwrap();
        assert_eq!(invoices, 0);
    }

    // Spec 40, scenario 7.8, and T-19.
    async fn a_buyer_sees_cancels_and_goes_on(shop) {
        let (product, customer, other) = (monthly(shop).await, shop.customer().await, shop.customer().await);
        let own = shop.subscribe(&product, &customer).await;
        let second = shop.subscribe(&shop.plan("Free plan", json!([recurring_free("month")])).await, &customer).await;
        let foreign = shop.subscribe(&product, &other).await;
        let buyer = shop.buyer(customer.id).await;
        let list = buyer.get(&format!("{PORTAL}?sorting=product")).await.expect(200);
        assert_eq!(list["pagination"]["total_count"], 2);
        let item = &list["items"][1];
        let members: Vec<&str> = item.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members[20..], ["customer_cancellation_comment", "user_id", "product", "price"]);
        assert_eq!(item["product"]["organization"]["id"], json!(shop.organization.id));
        shop.anonymous.get(PORTAL).await.refused(401, "Unauthorized");
        for path in [format!("{PORTAL}{}", foreign.id), format!("{PORTAL}{UNKNOWN}")] {
            buyer.get(&path).await.refused(404, "ResourceNotFound");
            buyer.patch(&path, json!({"cancel_at_period_end": true})).await.refused(404, "ResourceNotFound");
            buyer.delete(&path).await.refused(404, "ResourceNotFound");
        }
        let path = format!("{PORTAL}{}", own.id);
        let body = json!({"cancel_at_period_end": true, "cancellation_reason": "too_complex", "cancellation_comment": "Hard"});
        let canceled = buyer.patch(&path, body).await.expect(200);
        assert_eq!((&canceled["status"], &canceled["cancel_at_period_end"]), (&json!("active"), &json!(true)));
        assert_eq!(canceled["customer_cancellation_reason"], "too_complex");
        assert_eq!(canceled["customer_cancellation_comment"], "Hard");
        buyer.delete(&path).await.refused(403, "AlreadyCanceledSubscription");
        let uncanceled = buyer.patch(&path, json!({"cancel_at_period_end": false})).await.expect(200);
        assert_eq!((&uncanceled["ends_at"], &uncanceled["customer_cancellation_reason"]), (&json!(null), &json!(null)));
        let canceled = buyer.delete(&path).await.expect(200);
        assert_eq!((&canceled["cancel_at_period_end"], &canceled["ends_at"]), (&json!(true), &canceled["current_period_end"]));
        // Customers cannot end at once what they pay for; what is free ends at once.
        let unknown = buyer.patch(&path, json!({"revoke": true})).await.expect(200);
        assert_eq!(unknown["status"], "active");
        let ended = buyer.delete(&format!("{PORTAL}{}", second.id)).await.expect(200);
        assert_eq!((&ended["status"], &ended["cancel_at_period_end"]), (&json!("canceled"), &json!(false)));
        buyer.patch(&format!("{PORTAL}{}", second.id), json!({"cancel_at_period_end": false})).await
            .refused(410, "ResourceUnavailable");
        shop.merchant.get(PORTAL).await.expect(200);
    }
}
