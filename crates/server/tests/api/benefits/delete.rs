//! `DELETE /v1/benefits/{id}`.

use merak_core::benefits::BenefitType;
use serde_json::json;

use crate::support::everything;
use crate::support::shop::naming;

scenarios! {
    // spec 20 B9, B13, spec 40 §7.4
    async fn a_deleted_benefit_is_taken_back_from_everybody(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let customer = shop.customer().await;
        let keys = [shop.sell(benefit.id, customer.id).await, shop.sell(benefit.id, customer.id).await];
        assert_ne!(keys[0].key, keys[1].key, "two orders are two keys");
        let path = format!("/v1/benefits/{}", benefit.id);
        let answer = shop.merchant.delete(&path).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        for answer in [
            shop.merchant.get(&path).await,
            shop.merchant.delete(&path).await,
            shop.merchant.get(&format!("{path}/grants")).await,
            shop.merchant.patch(&path, json!({"type": "license_keys"})).await,
        ] {
            answer.refused(404, "ResourceNotFound");
        }
        assert_eq!(shop.merchant.get("/v1/benefits/").await.pagination(), (0, 0));
        shop.work_done().await;
        for key in &keys {
            let shown = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
            assert_eq!(shown["status"], "revoked");
            let answer = shop.anonymous.post("/v1/customer-portal/license-keys/validate", naming(key)).await;
            answer.refused(404, "ResourceNotFound");
        }
        let buyer = shop.buyer(customer.id).await;
        assert_eq!(buyer.get("/v1/customer-portal/benefit-grants/").await.pagination(), (0, 0));
        assert_eq!(buyer.get("/v1/customer-portal/license-keys/").await.pagination(), (2, 1));
    }

    // spec 20 B9
    async fn what_the_system_keeps_is_not_deleted(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).await;
        shop.sql("UPDATE benefits SET deletable = $1", vec![Box::new(false)]).await;
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let path = format!("/v1/benefits/{}", benefit.id);
        for client in [&shop.merchant, &own] {
            client.delete(&path).await.refused(403, "NotPermitted");
        }
        assert_eq!(shop.merchant.get(&path).await.expect(200)["deletable"], false);
    }
}
