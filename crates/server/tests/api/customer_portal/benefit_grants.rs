//! `/v1/customer-portal/benefit-grants/`.

use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::shop::order;
use crate::support::{UNKNOWN, everything};

const PATH: &str = "/v1/customer-portal/benefit-grants/";

scenarios! {
    // spec 40 §6.5 and §5.1
    async fn a_grant_is_shown_with_its_benefit_and_seller(shop) {
        let settings = json!({"prefix": "nimbus", "limit_usage": 500});
        let benefit = shop.benefit(BenefitType::LicenseKeys, settings).await;
        let customer = shop.customer().await;
        let grant = shop.grant(benefit.id, customer.id, Scope::Subscription(Uuid::new_v4())).await;
        let buyer = shop.buyer(customer.id).await;
        let holder = buyer.get(&format!("/v1/customer-portal/customers/{}", customer.id)).await.expect(200);
        let seller = shop.anonymous.get("/v1/customer-portal/organizations/fjordsoft").await.expect(200);
        let properties: Value = grant.properties.parse().unwrap();
        let expected = json!({
            "created_at": "2025-01-07T10:00:00Z", "modified_at": "2025-01-07T10:00:00Z", "id": grant.id,
            "granted_at": "2025-01-07T10:00:00Z", "revoked_at": null, "customer_id": customer.id,
            "benefit_id": benefit.id, "subscription_id": grant.subscription_id, "order_id": null,
            "is_granted": true, "is_revoked": false, "customer": holder,
            "benefit": {
                "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": benefit.id, "type": "license_keys",
                "description": "A test benefit", "selectable": true, "deletable": true,
                "organization_id": shop.organization.id, "organization": seller,
                "properties": {"prefix": "nimbus", "expires": null, "activations": null, "limit_usage": 500},
            },
            "properties": properties,
        });
        let path = format!("{PATH}{}", grant.id);
        assert_eq!(buyer.get(&path).await.text(), expected.to_string());
        assert_eq!(buyer.get(PATH).await.json()["items"][0].to_string(), expected.to_string());
    }

    // spec 40 §5.1: clients insist on the member
    async fn a_grant_of_ads_always_names_a_campaign(shop) {
        let benefit = shop.benefit(BenefitType::Ads, json!({})).await;
        let customer = shop.customer().await;
        shop.grant(benefit.id, customer.id, order()).await;
        let shown = shop.buyer(customer.id).await.get(PATH).await.json()["items"][0].clone();
        assert_eq!(shown["properties"], json!({"advertisement_campaign_id": ""}));
        assert_eq!(shown["benefit"]["properties"], json!({"image_height": 400, "image_width": 400}));
    }

    // spec 40 §7.5
    async fn revoked_grants_and_those_of_others_are_not_seen(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": "private"})).await;
        let (one, two, purchase) = (shop.customer().await, shop.customer().await, order());
        let granted = shop.grant(benefit.id, one.id, order()).await;
        let pending = shop.grant(benefit.id, one.id, order()).await;
        shop.sql("UPDATE benefit_grants SET granted_at = NULL WHERE id = $1", vec![Box::new(pending.id)]).await;
        shop.grant(benefit.id, one.id, purchase).await;
        let revoked = shop.revoke(benefit.id, one.id, purchase).await;
        let buyer = shop.buyer(one.id).await;
        // spec 40 §5.1: what waits stands first
        assert_eq!(buyer.get(PATH).await.items("id"), [pending.id.to_string(), granted.id.to_string()]);
        for (id, status) in [(granted.id, 200), (pending.id, 200), (revoked.id, 404)] {
            buyer.get(&format!("{PATH}{id}")).await.expect(status);
        }
        let other = shop.buyer(two.id).await;
        assert_eq!(other.get(PATH).await.pagination(), (0, 0));
        other.get(&format!("{PATH}{}", granted.id)).await.refused(404, "ResourceNotFound");
        // What others have of the same benefit changes nothing for either.
        let theirs = shop.grant(benefit.id, two.id, order()).await;
        for (id, status) in [(granted.id, 200), (pending.id, 200), (revoked.id, 404), (theirs.id, 404)] {
            buyer.get(&format!("{PATH}{id}")).await.expect(status);
        }
        other.get(&format!("{PATH}{}", theirs.id)).await.expect(200);
        other.get(&format!("{PATH}{}", granted.id)).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §5.1
    async fn every_filter_narrows(shop) {
        let customer = shop.customer().await;
        let (purchase, subscription) = (Uuid::new_v4(), Uuid::new_v4());
        let note = shop.benefit(BenefitType::Custom, json!({})).await;
        let keys = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let bought = shop.grant(note.id, customer.id, Scope::Order(purchase)).await.id.to_string();
        let subscribed = shop.grant(keys.id, customer.id, Scope::Subscription(subscription)).await.id.to_string();
        let buyer = shop.buyer(customer.id).await;
        for (filter, expected) in [
            (String::from("type=custom"), vec![&bought]),
            (String::from("type=license_keys&type=ads"), vec![&subscribed]),
            (format!("benefit_id={}", keys.id), vec![&subscribed]),
            (format!("organization_id={}", shop.organization.id), vec![&subscribed, &bought]),
            (format!("organization_id={UNKNOWN}"), vec![]),
            (format!("order_id={purchase}"), vec![&bought]),
            (format!("subscription_id={subscription}&subscription_id={UNKNOWN}"), vec![&subscribed]),
            (format!("checkout_id={UNKNOWN}"), vec![]),
            (format!("type=custom&benefit_id={}", keys.id), vec![]),
        ] {
            let answer = buyer.get(&format!("{PATH}?sorting=-type&{filter}")).await;
            assert_eq!(answer.items("id").iter().collect::<Vec<_>>(), expected, "{filter}");
            assert_eq!(usize::try_from(answer.pagination().0), Ok(expected.len()), "{filter}");
        }
        let answer = buyer.get(&format!("{PATH}?type=cake&order_id=x")).await;
        assert_eq!(answer.schema_problems(), ["enum query.type.0", "uuid_parsing query.order_id.0"]);
    }

    // spec 40 §5.1: what there is to change, and what not
    async fn a_change_names_the_type_and_changes_nothing_here(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await;
        let customer = shop.customer().await;
        let purchase = order();
        let grant = shop.grant(benefit.id, customer.id, purchase).await;
        let buyer = shop.buyer(customer.id).await;
        let path = format!("{PATH}{}", grant.id);
        let shown = buyer.get(&path).await;
        assert_eq!(buyer.patch(&path, json!({"benefit_type": "license_keys"})).await.text(), shown.text());
        let answer = buyer.patch(&path, json!({"benefit_type": "custom"})).await;
        assert_eq!(answer.rule_problems(), ["value_error body.benefit_type"]);
        let discord = json!({"benefit_type": "discord"});
        assert_eq!(buyer.patch(&path, discord).await.schema_problems(), ["missing body.discord.properties"]);
        assert_eq!(buyer.patch(&path, json!({"benefit_type": "x"})).await.schema_problems(), ["union_tag_invalid body"]);
        assert_eq!(buyer.patch(&path, json!({})).await.schema_problems(), ["union_tag_not_found body"]);
        // spec 40 T-23
        let user = shop.user("reader@example.com").await;
        shop.link(customer.id, user.id).await;
        let reader = shop.user_client(user.id, crate::support::shop::scopes("customer_portal:read")).await;
        reader.get(&path).await.expect(200);
        let answer = reader.patch(&path, json!({"benefit_type": "license_keys"})).await;
        assert_eq!(answer.expect(403)["error"], "insufficient_scope");
        shop.revoke(benefit.id, customer.id, purchase).await;
        let answer = buyer.patch(&path, json!({"benefit_type": "license_keys"})).await;
        answer.refused(404, "ResourceNotFound");
    }

    // spec 40 §7.5
    async fn a_user_sees_the_grants_of_every_linked_customer(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).await;
        let user = shop.user("joe@example.com").await;
        for _ in 0..2 {
            let customer = shop.customer().await;
            shop.grant(benefit.id, customer.id, order()).await;
            shop.link(customer.id, user.id).await;
        }
        let joe = shop.user_client(user.id, everything()).await;
        assert_eq!(joe.get(PATH).await.pagination(), (2, 1));
    }
}
