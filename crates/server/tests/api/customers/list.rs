//! `GET /v1/customers/`.

use serde_json::json;

scenarios! {
    // spec 10 §10.8 line 98
    async fn the_query_is_looked_for_in_address_and_name(shop) {
        for (email, name) in [
            ("joe@example.com", Some("Somebody")),
            ("other@example.com", Some("Big Joe")),
            ("élodie@example.com", None),
            ("100%_sure@example.com", Some("A\\B")),
        ] {
            let body = json!({"email": email, "name": name, "organization_id": shop.organization.id});
            shop.merchant.post("/v1/customers/", body).await.expect(201);
        }
        for (query, expected) in [
            ("JOE", 2), ("big+joe", 1), ("%C3%89LODIE", 1), ("zzz", 0), ("", 4), ("%25_", 1), ("o_er", 0), ("a%5Cb", 1),
        ] {
            let answer = shop.merchant.get(&format!("/v1/customers/?query={query}")).await;
            assert_eq!(answer.pagination().0, expected, "{query}");
            assert_eq!(i64::try_from(answer.items("id").len()), Ok(expected), "{query}");
        }
    }

    // spec 10 §10.8 line 98
    async fn organizations_add_up(shop) {
        let second = shop.second_organization("second").await;
        shop.customer().await;
        shop.customer_of(second.id, "second@example.com").await;
        let (one, two) = (shop.organization.id, second.id);
        for (filter, expected) in [
            (format!("?organization_id={one}"), 1),
            (format!("?organization_id={one}&organization_id={two}"), 2),
            (String::new(), 2),
        ] {
            let answer = shop.merchant.get(&format!("/v1/customers/{filter}")).await;
            assert_eq!(answer.pagination().0, expected, "{filter}");
        }
        let answer = shop.merchant.get(&format!("/v1/customers/?organization_id={one},{two}")).await;
        assert_eq!(answer.schema_problems(), ["uuid_parsing query.organization_id.0"]);
    }
}
