//! What failed of giving a benefit, as its seller sees it and lets it run again (spec 20 §3.4 and D-5).

use serde_json::{Value, json};

use super::{connected, typed, until};
use crate::support::shop::order;
use crate::support::{Client, UNKNOWN};

connected! {
    async fn a_seller_sees_what_failed_and_lets_it_run_again(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "discord", 500).await;
        services.fail("PUT /discord/api/v10/guilds/10/members/500", 502);
        connected.choose(&grant, "discord", "500").await.expect(200);
        let (wait, _) = connected.postponed(1).await;
        let now = merak_store::Source::now(&*shop.source);

        let failed = failures(&shop.merchant, &id).await.remove(0);
        assert_eq!((&failed["work"], &failed["attempts"]), (&json!("grant"), &json!(1)));
        assert_eq!(failed["error"], "Discord is not available.", "and not in the operator's words");
        assert_eq!(failed["next_attempt_at"], json!(now.add_seconds(wait)));
        assert_eq!((&failed["set_aside_at"], &failed["grant_id"]), (&Value::Null, &json!(grant.id)));
        assert_eq!((&failed["customer_id"], &failed["customer"]["id"]), (&json!(customer.id), &json!(customer.id)));
        assert_eq!(failed["customer"]["email"], json!(customer.email));

        // Nobody else sees or moves it, not under a benefit of theirs either.
        let tenant = shop.tenant().await;
        let path = format!("/v1/benefits/{id}/failures");
        let retry = format!("{path}/{}/retry", failed["id"].as_str().unwrap());
        tenant.merchant.get(&path).await.refused(404, "ResourceNotFound");
        tenant.merchant.post(&retry, json!({})).await.refused(404, "ResourceNotFound");
        let body = json!({"type": "custom", "description": "A note", "properties": {},
            "organization_id": tenant.organization.id});
        let theirs = tenant.merchant.post("/v1/benefits/", body).await.expect(201)["id"].as_str().unwrap().to_owned();
        assert_eq!(failures(&tenant.merchant, &theirs).await, Vec::<Value>::new());
        tenant.merchant.post(&retry.replace(&id, &theirs), json!({})).await.refused(404, "ResourceNotFound");
        let reader = shop.member_with("benefits:read").await;
        assert_eq!(failures(&reader, &id).await.len(), 1);
        assert_eq!(reader.post(&retry, json!({})).await.status, 403);
        assert_eq!(failures(&shop.merchant, &id).await, [failed]);

        // Discord works again, and nobody waits for the next attempt.
        shop.merchant.post(&retry, json!({})).await.expect(204);
        shop.work_done().await;
        assert_eq!(services.world().discord.holders("10"), ["500: 11"]);
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
        assert_eq!(failures(&shop.merchant, &id).await, Vec::<Value>::new());
        shop.merchant.post(&retry, json!({})).await.refused(404, "ResourceNotFound");
        let unknown = format!("{path}/{UNKNOWN}/retry");
        shop.merchant.post(&unknown, json!({})).await.refused(404, "ResourceNotFound");
    }

    // What cannot be taken back is told with the service's own reason, also when nothing else is left of the benefit.
    async fn what_is_not_taken_back_of_a_deleted_benefit_is_seen(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "discord", 500).await;
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        let reason = json!({"message": "Missing Permissions", "code": 50_013});
        services.fail_with("DELETE /discord/api/v10/guilds/10/members/500", 403, None, reason);
        shop.merchant.delete(&format!("/v1/benefits/{id}")).await.expect(204);
        connected.postponed(1).await;
        // Days later.
        shop.sql("UPDATE jobs SET failures = 100, failed_at = due_at WHERE kind = 'settle_access'", vec![]).await;

        let failed = failures(&shop.merchant, &id).await.remove(0);
        assert_eq!((&failed["work"], &failed["attempts"]), (&json!("revoke"), &json!(100)));
        assert_eq!(failed["error"], "Discord refused with status 403: Missing Permissions");
        assert!(failed["next_attempt_at"].is_null() && failed["set_aside_at"].is_string(), "{failed}");

        let path = format!("/v1/benefits/{id}/failures/{}/retry", failed["id"].as_str().unwrap());
        shop.merchant.with("idempotency-key", "once").post(&path, json!({})).await.expect(204);
        until(async || services.world().discord.holders("10") == ["500: "]).await;
        shop.work_done().await;
        assert_eq!(failures(&shop.merchant, &id).await, Vec::<Value>::new());
        shop.merchant.with("idempotency-key", "once").post(&path, json!({})).await.expect(204);
    }

    // What would be refused again is not tried again by itself (spec 20 §3.6): the seller sees to it, and lets it run.
    async fn what_a_service_refuses_to_give_is_set_aside_with_its_reason(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "discord", 500).await;
        let give = "PUT /discord/api/v10/guilds/10/members/500";
        services.fail_with(give, 403, None, json!({"message": "Missing Permissions", "code": 50_013}));
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        let failed = failures(&shop.merchant, &id).await.remove(0);
        assert_eq!((&failed["work"], &failed["attempts"]), (&json!("grant"), &json!(1)));
        assert_eq!(failed["error"], "Discord refused with status 403: Missing Permissions");
        assert!(failed["next_attempt_at"].is_null() && failed["set_aside_at"].is_string(), "{failed}");
        assert_eq!(connected.grant(&grant).await["is_granted"], false);

        // It is refused again, for another reason. There is still one thing to be seen to.
        services.fail_with(give, 404, None, json!({"message": "Unknown Guild", "code": 10_004}));
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        let again = failures(&shop.merchant, &id).await;
        assert_eq!((again.len(), &again[0]["error"]), (1, &json!("Discord refused with status 404: Unknown Guild")));

        let path = format!("/v1/benefits/{id}/failures/{}/retry", again[0]["id"].as_str().unwrap());
        shop.merchant.post(&path, json!({})).await.expect(204);
        until(async || services.world().discord.holders("10") == ["500: 11"]).await;
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
        assert_eq!(failures(&shop.merchant, &id).await, Vec::<Value>::new());
    }

    // With the grant ends what was to be seen to.
    async fn what_was_refused_is_no_failure_once_the_grant_ends(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let (customer, purchase) = (shop.customer().await, order());
        let grant = shop.grant(typed(&id), customer.id, purchase).await;
        connected.connect(&customer, "discord", 500).await;
        let reason = json!({"message": "Missing Permissions", "code": 50_013});
        services.fail_with("PUT /discord/api/v10/guilds/10/members/500", 403, None, reason);
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(failures(&shop.merchant, &id).await.len(), 1);
        let backlog = shop.store.read(merak_core::jobs::backlog).await.unwrap();
        assert_eq!((backlog.failed, backlog.refused), (0, 1), "the operator can do nothing about it");
        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert_eq!(failures(&shop.merchant, &id).await, Vec::<Value>::new());
    }

    // What only the customer can mend is nothing for the seller to see to.
    async fn an_account_that_discord_no_longer_lets_in_waits_for_its_customer(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "discord", 500).await;
        let reason = json!({"message": "Invalid OAuth2 access token", "code": 50_025});
        services.fail_with("PUT /discord/api/v10/guilds/10/members/500", 403, None, reason);
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], false);
        assert_eq!(failures(&shop.merchant, &id).await, Vec::<Value>::new());
    }

    // The same with GitHub.
    async fn a_service_that_does_not_accept_the_installation_is_named(connected) {
        let shop = &connected.shop;
        let id = connected.repository("acme", "app", "pull").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "github", 500).await;
        connected.services.fail("POST /api/app/installations/70/access_tokens", 401);
        connected.choose(&grant, "github_repository", "500").await.expect(200);
        connected.postponed(1).await;
        let failed = failures(&shop.merchant, &id).await.remove(0);
        assert_eq!((&failed["work"], &failed["attempts"]), (&json!("grant"), &json!(1)));
        assert_eq!(failed["error"], "GitHub does not accept this installation.");
    }
}

async fn failures(client: &Client, benefit: &str) -> Vec<Value> {
    let listed = client.get(&format!("/v1/benefits/{benefit}/failures")).await.expect(200);
    let items = listed["items"].as_array().unwrap().clone();
    assert_eq!(listed["pagination"]["total_count"], json!(items.len()));
    items
}
