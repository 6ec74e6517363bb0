//! Notes of an organization on its objects.

use serde_json::{Map, Value, json};

use crate::support::{Answer, Shop};

async fn create(shop: &Shop, metadata: Value) -> Answer {
    let email = format!("m{}@example.com", shop.number());
    let body = json!({"email": email, "organization_id": shop.organization.id, "metadata": metadata});
    shop.merchant.post("/v1/customers/", body).await
}

fn pairs(count: usize) -> Value {
    (0..count).map(|n| (format!("key-{n}"), json!("x"))).collect::<Map<_, _>>().into()
}

/// Metadata that is just out of bounds, and how that is told.
fn out_of_bounds() -> [(Value, String); 5] {
    let long = "k".repeat(41);
    [
        (pairs(51), String::from("too_long body.metadata")),
        (json!({&long: "v"}), format!("string_too_long body.metadata.{long}.[key]")),
        (json!({"": "v"}), String::from("string_too_short body.metadata..[key]")),
        // A text that is too long is no whole number and no boolean either: each is told, the first of them here.
        (json!({"k": "v".repeat(501)}), String::from("string_too_long body.metadata.k.constrained-str")),
        (json!({"k": ""}), String::from("string_too_short body.metadata.k.constrained-str")),
    ]
}

fn with(body: &Value, metadata: Value) -> Value {
    let mut body = body.clone();
    body["metadata"] = metadata;
    body
}

scenarios! {
    // spec 50 §7.1 C2, §1.9
    async fn metadata_has_bounds(shop) {
        assert_eq!(create(shop, pairs(50)).await.expect(201)["metadata"], pairs(50));
        assert_eq!(create(shop, pairs(51)).await.schema_problems(), ["too_long body.metadata"]);
        let long = "k".repeat(41);
        let place = format!("string_too_long body.metadata.{long}.[key]");
        assert_eq!(create(shop, json!({&long: 1})).await.schema_problems(), [place]);
        assert_eq!(create(shop, json!({"": 1})).await.schema_problems(), ["string_too_short body.metadata..[key]"]);
        create(shop, json!({"k".repeat(40): "v".repeat(500)})).await.expect(201);
        for value in [json!("v".repeat(501)), json!(""), json!(1.5), Value::Null, json!([]), json!({})] {
            let problems = create(shop, json!({"k": value})).await.schema_problems();
            let ends: Vec<&str> = problems.iter().filter_map(|it| it.split("body.metadata.k.").nth(1)).collect();
            assert_eq!(ends, ["constrained-str", "int", "bool"], "{problems:?}");
        }
    }

    // spec 50 §1.9, spec 20 D-2: the same bounds on everything that takes metadata, when it is made and when it changes
    async fn metadata_has_the_same_bounds_everywhere(shop) {
        let id = json!(shop.organization.id);
        let product = shop.merchant.post("/v1/products/", json!({
            "name": "The app", "organization_id": id, "prices": [{"type": "one_time", "amount_type": "free"}],
        })).await.expect(201)["id"].clone();
        // What is made, the branch of its schema if it has several, and what a change must say besides.
        let nothing = json!({});
        for (path, body, branch, change) in [
            ("/v1/customers/", json!({"email": "a@example.com", "organization_id": id}), "", nothing.clone()),
            ("/v1/products/", json!({
                "name": "Another", "organization_id": id, "prices": [{"type": "one_time", "amount_type": "free"}],
            }), "ProductOneTimeCreate.", nothing.clone()),
            ("/v1/discounts/", json!({
                "type": "percentage", "duration": "once", "basis_points": 1, "name": "N", "organization_id": id,
            }), "percentage.once_forever.", nothing.clone()),
            ("/v1/custom-fields/", json!({
                "type": "text", "slug": "a", "name": "A", "properties": {}, "organization_id": id,
            }), "text.", json!({"type": "text"})),
            ("/v1/checkout-links/", json!({"payment_processor": "stripe", "product_id": product}),
                "CheckoutLinkProductCreate.", nothing.clone()),
            ("/v1/checkouts/custom/", json!({"payment_processor": "stripe", "product_id": product}),
                "CheckoutProductCreate.", nothing),
        ] {
            let made = shop.merchant.post(path, with(&body, pairs(50))).await.expect(201);
            assert_eq!(made["metadata"], pairs(50), "{path}");
            let one = format!("{path}{}", made["id"].as_str().unwrap());
            let of_change = if path == "/v1/custom-fields/" { branch } else { "" };
            for (metadata, problem) in out_of_bounds() {
                let told = |branch: &str| problem.replace("body.", &format!("body.{branch}"));
                let answer = shop.merchant.post(path, with(&body, metadata.clone())).await;
                assert_eq!(answer.schema_problems()[0], told(branch), "{path}");
                let answer = shop.merchant.patch(&one, with(&change, metadata)).await;
                assert_eq!(answer.schema_problems()[0], told(of_change), "{path}");
            }
            assert_eq!(shop.merchant.get(&one).await.expect(200)["metadata"], pairs(50), "{path}");
            let longest = json!({"k".repeat(40): "v".repeat(500), "k": "v"});
            let changed = shop.merchant.patch(&one, with(&change, longest.clone())).await.expect(200);
            assert_eq!(changed["metadata"], longest, "{path}");
            let emptied = shop.merchant.patch(&one, with(&change, json!({}))).await.expect(200);
            assert_eq!(emptied["metadata"], json!({}), "{path}");
        }
    }

    // spec 50 §1.9: types are kept
    async fn metadata_keeps_types_and_order(shop) {
        let made = create(shop, json!({"z": "5", "a": 5, "m": true, "f": 1.0})).await;
        assert!(made.text().contains(r#""metadata":{"z":"5","a":5,"m":true,"f":1}"#), "{}", made.text());
        let status = create(shop, json!({"n": i64::MAX})).await.status;
        assert_eq!(status, 201);
        let huge = format!(
            "{{\"email\":\"x@example.com\",\"organization_id\":\"{}\",\"metadata\":{{\"n\":{}}}}}",
            shop.organization.id,
            "1".repeat(30)
        );
        let client = shop.merchant.with("content-type", "application/json");
        assert_eq!(client.send_bytes("POST", "/v1/customers/", huge).await.schema_problems().len(), 3);
    }
}
