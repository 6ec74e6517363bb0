//! `/v1/checkouts/custom/`, for sellers.

use serde_json::{Value, json};

use super::{CUSTOM, FIRST, by_id, by_secret, checkout, chosen, members, once, product};
use crate::support::{UNKNOWN, everything};

scenarios! {
    // spec 30 §7.1.1, §7.1.2, §7.2.16, §7.5.24, T-8
    async fn programs_with_the_scope_make_checkouts(shop) {
        let product = product(shop, once(1999)).await;
        let body = json!({"product_id": product["id"], "metadata": {"key": "value"}});
        assert_eq!(shop.anonymous.post(CUSTOM, body.clone()).await.status, 401);
        assert_eq!(shop.browser(shop.member.id).await.post(CUSTOM, body.clone()).await.status, 403);
        let member = shop.member_with("checkouts:write").await;
        let made = member.post(CUSTOM, body).await.expect(201);
        assert!(made["client_secret"].as_str().unwrap().starts_with("polar_c_"));
        assert_eq!(made["metadata"], json!({"key": "value"}));
        let changed = member.patch(&by_id(&made), json!({"metadata": {"key": "new"}})).await.expect(200);
        assert_eq!(changed["metadata"], json!({"key": "new"}));
        let stranger = shop.tenant().await;
        stranger.merchant.patch(&by_id(&made), json!({})).await.refused(404, "ResourceNotFound");
        shop.anonymous.patch(&by_id(&made), json!({})).await.refused(401, "Unauthorized");
        assert_eq!(shop.browser(shop.member.id).await.patch(&by_id(&made), json!({})).await.status, 403);
        let theirs = shop.organization_client(stranger.organization.id, everything()).await;
        for (client, (name, id)) in [
            (&stranger.merchant, ("product_price_id", &product["prices"][0]["id"])), (&theirs, ("product_id", &product["id"])),
        ] {
            let answer = client.post(CUSTOM, json!({name: id})).await;
            assert_eq!(answer.rule_problems(), [format!("value_error body.{name}")], "not 403 or 404");
        }
        let reader = shop.member_with("checkouts:read").await;
        reader.get(&by_id(&made)).await.expect(200);
        reader.get(&format!("{CUSTOM}{UNKNOWN}")).await.refused(404, "ResourceNotFound");
        assert_eq!(reader.post(CUSTOM, json!({"product_id": product["id"]})).await.status, 403);
    }

    // spec 30 §7.1.8, §2.8
    async fn a_fixed_discount_takes_its_amount_off_but_no_more_than_there_is(shop) {
        let product = product(shop, once(1999)).await;
        for (off, subtotal, is_required) in [(500, 1499, true), (5000, 0, false)] {
            let body = json!({"type": "fixed", "duration": "once", "amount": off, "name": "Off", "organization_id": shop.organization.id});
            let discount = shop.merchant.post("/v1/discounts/", body).await.expect(201);
            let body = json!({"product_id": product["id"], "discount_id": discount["id"]});
            let made = shop.merchant.post(CUSTOM, body).await.expect(201);
            for (name, value) in [
                ("amount", json!(1999)), ("subtotal_amount", json!(subtotal)), ("total_amount", json!(subtotal)),
                ("is_payment_required", json!(is_required)), ("discount_id", discount["id"].clone()),
            ] {
                assert_eq!(made[name], value, "{name} with {off} off");
            }
        }
    }

    // spec 30 §1.2, §1.1, §7.2.16
    async fn a_checkout_shows_what_it_sells(shop) {
        let product = product(shop, once(1999)).await;
        let body = json!({"type": "percentage", "duration": "once", "basis_points": 1000, "name": "Ten off", "code": "TEN",
            "organization_id": shop.organization.id});
        let discount = shop.merchant.post("/v1/discounts/", body).await.expect(201);
        let made = shop.merchant.post(CUSTOM, json!({
            "product_id": product["id"], "discount_id": discount["id"], "customer_name": "  Ada ", "customer_ip_address": "::1",
            "customer_email": "ada@example.com", "customer_billing_address": {"country": "fr", "line1": " "},
            "customer_metadata": {"n": 1}, "customer_tax_id": " "
        })).await.expect(201);
        assert_eq!(members(&made), format!("{FIRST} metadata product product_price discount subscription_id \
            attached_custom_fields customer_metadata"));
        let address = shop.anonymous.address();
        let secret = made["client_secret"].as_str().unwrap();
        for (name, value) in [
            ("payment_processor", json!("stripe")), ("status", json!("open")), ("amount", json!(1999)), ("currency", json!("usd")),
            ("subtotal_amount", json!(1799)), ("total_amount", json!(1799)), ("tax_amount", json!(0)), ("customer_name", json!("Ada")),
            ("url", json!(format!("http://{address}/checkout/{secret}"))),
            ("success_url", json!(format!("http://{address}/checkout/{secret}/confirmation"))),
            ("is_discount_applicable", json!(true)), ("is_free_product_price", json!(false)), ("is_payment_required", json!(true)),
            ("is_payment_setup_required", json!(false)), ("is_payment_form_required", json!(true)),
            ("customer_ip_address", json!("::1")), ("customer_tax_id", Value::Null), ("customer_metadata", json!({"n": 1})),
            ("customer_billing_address", json!({"line1": null, "line2": null, "postal_code": null, "city": null, "state": null, "country": "FR"})),
            ("subscription_id", Value::Null), ("attached_custom_fields", json!([])), ("custom_field_data", json!({})),
            ("payment_processor_metadata", json!({})), ("metadata", json!({})), ("product_price", product["prices"][0].clone()),
        ] {
            assert_eq!(made[name], value, "{name}");
        }
        assert_eq!(members(&made["product"]), "created_at modified_at id name description is_recurring is_archived organization_id \
            prices benefits medias");
        assert_eq!(made["discount"], json!({"duration": "once", "type": "percentage", "basis_points": 1000, "id": discount["id"],
            "name": "Ten off", "code": "TEN"}));
        assert_eq!(shop.merchant.get(&by_id(&made)).await.expect(200), made);
        shop.merchant.get(&format!("{CUSTOM}{UNKNOWN}")).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.anonymous.get(&by_id(&made)).await.status, 401);
    }

    // spec 30 §1.3, T-1
    async fn checkouts_are_listed_with_and_without_the_slash(shop) {
        let (one, two) = (product(shop, once(1999)).await, product(shop, chosen()).await);
        let first = checkout(shop, &one).await;
        shop.advance(1);
        let second = checkout(shop, &two).await;
        let ids = [&second, &first].map(|made| made["id"].as_str().unwrap().to_owned());
        for path in [CUSTOM, "/v1/checkouts/custom"] {
            let list = shop.merchant.get(path).await;
            assert_eq!((list.items("id"), list.pagination()), (ids.to_vec(), (2, 1)), "{path}");
        }
        shop.merchant.post("/v1/checkouts/custom", json!({"product_id": one["id"]})).await.expect(201);
        let of_one = format!("{CUSTOM}?product_id={}&sorting=created_at&limit=1", one["id"].as_str().unwrap());
        let list = shop.merchant.get(&of_one).await;
        assert_eq!((list.items("id"), list.pagination()), (vec![ids[1].clone()], (2, 2)));
        let unsorted = shop.merchant.get(&format!("{CUSTOM}?sorting=amount")).await;
        assert_eq!(unsorted.status, 422);
        assert_eq!(shop.tenant().await.merchant.get(CUSTOM).await.pagination(), (0, 0));
    }

    // spec 30 §1.3, §7.1.2, §7.1.5, §7.1.6, §7.1.7, §7.1.8, §7.1.15, §7.5.27
    async fn what_does_not_fit_is_told_with_its_place(shop) {
        let product = product(shop, chosen()).await;
        let of_product = "body.CheckoutProductCreate";
        for (member, value, problem) in [
            ("amount", json!(49), "greater_than_equal"), ("amount", json!(100_000_000), "less_than_equal"),
            ("customer_ip_address", json!("here"), "ip_any_address"), ("success_url", json!("ftp://x"), "url_scheme"),
            ("customer_email", json!("nobody"), "value_error"), ("discount_id", json!("x"), "uuid_parsing"),
        ] {
            let mut body = json!({"product_id": product["id"]});
            body[member] = value;
            assert_eq!(shop.merchant.post(CUSTOM, body).await.schema_problems(), [format!("{problem} {of_product}.{member}")]);
        }
        for (body, problem) in [
            (json!({"product_price_id": UNKNOWN}), "value_error body.product_price_id"),
            (json!({"product_id": UNKNOWN}), "value_error body.product_id"),
            (json!({"product_id": product["id"], "amount": 500}), "greater_than_equal body.amount"),
            (json!({"product_id": product["id"], "amount": 10_000}), "less_than_equal body.amount"),
            (json!({"product_id": product["id"], "customer_id": UNKNOWN}), "value_error body.customer_id"),
            (json!({"product_id": product["id"], "subscription_id": UNKNOWN}), "value_error body.subscription_id"),
            (json!({"product_id": product["id"], "discount_id": UNKNOWN}), "value_error body.discount_id"),
            (json!({"product_id": product["id"], "customer_tax_id": "1"}), "missing body.customer_billing_address"),
        ] {
            assert_eq!(shop.merchant.post(CUSTOM, body.clone()).await.rule_problems(), [problem], "{body}");
        }
        let both = json!({"product_price_id": UNKNOWN, "product_id": product["id"]});
        let made = shop.merchant.post(CUSTOM, both).await.expect(201);
        assert_eq!(made["amount"], 1000, "the product counts");
        for amount in [10, 20_000_000_000_i64] {
            let answer = shop.merchant.patch(&by_id(&made), json!({"amount": amount})).await;
            assert_eq!(answer.schema_problems().len(), 1, "{amount}");
        }
        for (amount, problem) in [(500, "greater_than_equal body.amount"), (10_000, "less_than_equal body.amount")] {
            assert_eq!(shop.merchant.patch(&by_id(&made), json!({"amount": amount})).await.rule_problems(), [problem]);
        }
        assert_eq!(shop.merchant.patch(&by_id(&made), json!({"amount": 4242})).await.expect(200)["total_amount"], 4242);
        let neither = shop.merchant.post(CUSTOM, json!({})).await;
        assert_eq!(neither.schema_problems(), [
            "missing body.CheckoutProductCreate.product_id", "missing body.CheckoutPriceCreate.product_price_id",
        ]);
    }

    // spec 30 §7.11.73, §5.3
    async fn a_tax_number_is_one_of_a_country(shop) {
        let product = product(shop, once(1999)).await;
        let body = |country: &str, number: &str| json!({
            "product_id": product["id"], "customer_billing_address": {"country": country}, "customer_tax_id": number,
        });
        for (country, typed, kept) in [("GB", "GB980780684", "980780684"), ("us", "91-1144442", "911144442")] {
            let made = shop.merchant.post(CUSTOM, body(country, typed)).await.expect(201);
            assert_eq!(made["customer_tax_id"], kept);
            // What is no country is refused as such, and what was there stays.
            let nowhere = json!({"customer_billing_address": {"country": "foo"}});
            for (client, path) in [(&shop.merchant, by_id(&made)), (&shop.anonymous, by_secret(&made))] {
                let problems = client.patch(&path, nowhere.clone()).await.schema_problems();
                assert_eq!(problems, ["country_alpha2 body.customer_billing_address.country"]);
            }
            assert_eq!(shop.merchant.get(&by_id(&made)).await.expect(200), made);
        }
        for (country, typed) in [("FR", "123"), ("FR", "FR11111111111"), ("FR", "GB980780684")] {
            let problems = shop.merchant.post(CUSTOM, body(country, typed)).await.rule_problems();
            assert_eq!(problems, ["value_error body.customer_tax_id"], "{typed} in {country}");
        }
        for country in ["foo", "F", "ZZ", "", "F R"] {
            let problems = shop.merchant.post(CUSTOM, body(country, "GB980780684")).await.schema_problems();
            let place = "country_alpha2 body.CheckoutProductCreate.customer_billing_address.country";
            assert_eq!(problems, [place], "{country:?}");
        }
        assert_eq!(shop.merchant.get(CUSTOM).await.pagination(), (2, 1), "nothing else was made");
    }

    // spec 30 §2.3, §7.1.10, §7.2.16, §7.5.28: null, blank and absent
    async fn an_update_tells_null_from_absent(shop) {
        let product = product(shop, once(1999)).await;
        let made = shop.merchant.post(CUSTOM, json!({
            "product_id": product["id"], "customer_name": "Ada", "customer_email": "ada@example.com", "embed_origin": "https://e.com",
            "success_url": "https://example.com/?id={CHECKOUT_ID}"
        })).await.expect(201);
        let id = made["id"].as_str().unwrap();
        assert_eq!(made["success_url"], format!("https://example.com/?id={id}"));
        let update = async |body: Value| shop.merchant.patch(&by_id(&made), body).await.expect(200);
        let kept = update(json!({"customer_name": null, "amount": null, "product_price_id": null, "metadata": null,
            "customer_billing_address": null, "custom_field_data": null, "allow_discount_codes": null, "customer_metadata": null})).await;
        assert_eq!((&kept["customer_name"], &kept["customer_email"]), (&Value::Null, &json!("ada@example.com")));
        assert_eq!((&kept["amount"], &kept["embed_origin"]), (&json!(1999), &json!("https://e.com")));
        let cleared = update(json!({"customer_email": null, "embed_origin": null, "success_url": null, "customer_tax_id": ""})).await;
        assert_eq!((&cleared["customer_email"], &cleared["embed_origin"]), (&Value::Null, &Value::Null));
        assert!(cleared["success_url"].as_str().unwrap().ends_with("/confirmation"));
        assert_eq!(update(json!({"customer_name": "Ada"})).await["customer_name"], "Ada");
        assert_eq!(update(json!({"customer_name": "  "})).await["customer_name"], Value::Null);
        shop.sql("UPDATE checkouts SET status = 'confirmed'", Vec::new()).await;
        shop.merchant.patch(&by_id(&made), json!({})).await.refused(403, "NotOpenCheckout");
        shop.sql("UPDATE organizations SET blocked_at = created_at", Vec::new()).await;
        shop.merchant.patch(&by_id(&made), json!({})).await.refused(403, "NotPermitted");
        shop.merchant.get(&by_id(&made)).await.refused(403, "NotPermitted");
    }
}
