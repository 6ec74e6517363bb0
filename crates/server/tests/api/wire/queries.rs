//! Query parameters.

use serde_json::json;

use crate::support::UNKNOWN;

scenarios! {
    // spec 50 §1.6: an empty value is a value, and null is a text
    async fn empty_values_are_values(shop) {
        for (query, problem) in [
            ("organization_id=", "uuid_parsing query.organization_id.0"),
            ("organization_id=null", "uuid_parsing query.organization_id.0"),
            ("page=", "int_parsing query.page"),
            ("limit=null", "int_parsing query.limit"),
            ("sorting=", "enum query.sorting.0"),
        ] {
            let answer = shop.merchant.get(&format!("/v1/customers/?{query}")).await;
            assert_eq!(answer.schema_problems(), [problem], "{query}");
        }
    }

    // spec 50 §1.6 and §1.8
    async fn lists_are_repeated_and_scalars_are_the_last(shop) {
        let query = format!("organization_id={}&organization_id={UNKNOWN}", shop.organization.id);
        shop.merchant.get(&format!("/v1/customers/?{query}")).await.expect(200);
        let answer = shop.merchant.get("/v1/customers/?sorting=name&sorting=size&sorting=-email").await;
        assert_eq!(answer.schema_problems(), ["enum query.sorting.1"]);
        let expected = "'created_at', '-created_at', 'email', '-email', 'name' or '-name'";
        assert_eq!(answer.json()["detail"][0]["ctx"], json!({"expected": expected}));
        shop.merchant.get("/v1/customers/?limit=x&limit=5&page=0&page=1").await.expect(200);
        shop.merchant.get("/v1/customers/?unknown=1&metadata[a]=b&%5B%5D=%").await.expect(200);
    }

    // spec 50 §1.6: ids in filters
    async fn an_id_in_a_filter_is_a_uuid_of_an_accepted_version(shop) {
        let answer = shop.merchant.get("/v1/customers/?organization_id=00000000-0000-0000-0000-000000000000").await;
        assert_eq!(answer.schema_problems(), ["uuid_version query.organization_id.0"]);
        let answer = shop.merchant.get("/v1/customers/?organization_id=a&organization_id=b").await;
        let problems = ["uuid_parsing query.organization_id.0", "uuid_parsing query.organization_id.1"];
        assert_eq!(answer.schema_problems(), problems);
    }

    async fn thousands_of_parameters_are_refused(shop) {
        for query in [
            vec!["a=1"; 5000].join("&"),
            "&".repeat(5000),
            vec![format!("organization_id={UNKNOWN}"); 1100].join("&"),
        ] {
            let answer = shop.merchant.get(&format!("/v1/customers/?{query}")).await;
            assert!((400..500).contains(&answer.status), "{}", answer.status);
        }
        let many = vec![format!("organization_id={UNKNOWN}"); 900].join("&");
        let answer = shop.merchant.get(&format!("/v1/customers/?{many}")).await;
        assert_eq!(answer.pagination(), (0, 0));
    }
}
