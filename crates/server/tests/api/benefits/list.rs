//! `GET /v1/benefits/`.

use merak_core::benefits::BenefitType;
use serde_json::json;

use crate::support::everything;

scenarios! {
    // spec 20 B1 and B2
    async fn benefits_stand_by_type_and_then_by_age(shop) {
        for (kind, properties) in [
            (BenefitType::LicenseKeys, json!({})),
            (BenefitType::Custom, json!({"note": "1"})),
            (BenefitType::Ads, json!({})),
            (BenefitType::Custom, json!({"note": "2"})),
        ] {
            shop.benefit(kind, properties).await;
            shop.advance(1);
        }
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let reader = shop.member_with("benefits:read").await;
        for client in [&shop.merchant, &own, &reader] {
            let answer = client.get("/v1/benefits/").await;
            assert_eq!(answer.items("type"), ["ads", "custom", "custom", "license_keys"]);
            assert_eq!(answer.json()["items"][1]["properties"]["note"], "1");
        }
        assert_eq!(shop.tenant().await.merchant.get("/v1/benefits/").await.pagination(), (0, 0));
        let answer = shop.merchant.get("/v1/benefits/?type=custom").await;
        assert_eq!((answer.items("type").len(), answer.pagination()), (2, (2, 1)));
        let answer = shop.merchant.get("/v1/benefits/?type=custom&type=ads&limit=2").await;
        assert_eq!((answer.items("type"), answer.pagination()), (vec!["ads".into(), "custom".into()], (3, 2)));
        for kind in ["cake", ""] {
            let answer = shop.merchant.get(&format!("/v1/benefits/?type={kind}")).await;
            assert_eq!(answer.schema_problems(), ["enum query.type.0"]);
        }
    }
}
