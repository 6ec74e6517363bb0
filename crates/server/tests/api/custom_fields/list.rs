//! `GET /v1/custom-fields/`.

use serde_json::json;

use super::{PATH, create};

scenarios! {
    // spec 20 §4.2
    async fn fields_are_found_by_organization_text_and_type(shop) {
        let second = shop.second_organization("second").await;
        for (slug, name, kind) in [("b-seats", "Seats", "number"), ("a-company", "FIRM", "text"), ("c", "Terms", "checkbox")] {
            create(shop, json!({"type": kind, "slug": slug, "name": name, "properties": {}})).await.expect(201);
            shop.advance(1);
        }
        let body = json!({"type": "text", "slug": "a", "name": "Other", "properties": {}, "organization_id": second.id});
        shop.merchant.post(PATH, body).await.expect(201);
        let own = shop.organization.id;
        for (query, slugs) in [
            (String::new(), &["a", "a-company", "b-seats", "c"][..]),
            (format!("organization_id={own}"), &["a-company", "b-seats", "c"]),
            (format!("organization_id={own}&organization_id={}", second.id), &["a", "a-company", "b-seats", "c"]),
            (String::from("query=firm"), &["a-company"]),
            (String::from("query=SEAT"), &["b-seats"]),
            (String::from("type=text"), &["a", "a-company"]),
            (String::from("type=text&type=checkbox&query=c"), &["a-company", "c"]),
            (String::from("type=select"), &[]),
            (String::from("sorting=-slug"), &["c", "b-seats", "a-company", "a"]),
            (String::from("sorting=type&sorting=-created_at"), &["c", "b-seats", "a", "a-company"]),
        ] {
            let answer = shop.merchant.get(&format!("{PATH}?{query}")).await;
            assert_eq!(answer.items("slug"), slugs, "{query}");
            assert_eq!(usize::try_from(answer.pagination().0).unwrap(), slugs.len());
        }
        for (query, problem) in
            [("type=color", "enum query.type.0"), ("sorting=bogus", "enum query.sorting.0"), ("organization_id=x", "uuid_parsing query.organization_id.0")]
        {
            assert_eq!(shop.merchant.get(&format!("{PATH}?{query}")).await.schema_problems(), [problem]);
        }
        assert_eq!(shop.tenant().await.merchant.get(PATH).await.pagination(), (0, 0));
        assert_eq!(shop.member_with("custom_fields:read").await.get(PATH).await.pagination(), (4, 1));
    }
}
