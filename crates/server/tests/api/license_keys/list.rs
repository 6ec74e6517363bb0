//! `GET /v1/license-keys`.

use serde_json::json;

scenarios! {
    // spec 40 §7.1 and §2.6
    async fn keys_of_all_benefits_and_states_are_listed_oldest_first(shop) {
        let first = shop.key(json!({})).await;
        shop.advance(1);
        let second = shop.key(json!({"expires": {"ttl": 1, "timeframe": "day"}})).await;
        shop.merchant.patch(&format!("/v1/license-keys/{}", first.id), json!({"status": "disabled"})).await.expect(200);
        shop.advance(2 * 24 * 3600);
        let path = format!("/v1/license-keys?organization_id={}", shop.organization.id);
        let answer = shop.merchant.get(&path).await;
        assert_eq!(answer.items("id"), [first.id.to_string(), second.id.to_string()]);
        assert_eq!(answer.pagination(), (2, 1));
        for (benefits, expected) in [
            (vec![first.benefit_id], vec![first.id.to_string()]),
            (vec![second.benefit_id, first.benefit_id], vec![first.id.to_string(), second.id.to_string()]),
        ] {
            let query: Vec<String> = benefits.iter().map(|id| format!("benefit_id={id}")).collect();
            let answer = shop.merchant.get(&format!("{path}&{}", query.join("&"))).await;
            assert_eq!(answer.items("id"), expected);
        }
    }

    // spec 40 §2.0: clients of both generations call it
    async fn the_address_with_a_slash_is_the_list_as_well(shop) {
        shop.key(json!({})).await;
        let list = shop.merchant.get("/v1/license-keys?limit=1").await;
        assert_eq!(list.pagination(), (1, 1));
        assert_eq!(shop.merchant.get("/v1/license-keys/?limit=1").await.text(), list.text());
        shop.anonymous.get("/v1/license-keys/").await.refused(401, "Unauthorized");
    }
}
