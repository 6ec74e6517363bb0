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
