//! Grants of other services that come from another installation: they are held here, and can be taken back.

use merak_core::benefits::BenefitType;
use merak_core::connections::Platform;
use merak_core::transfer::{Import, RecordKind};
use serde_json::json;

use super::{World, choose, connect_on, given, repository, role, settle, state};
use crate::transfer::moving::{begin, counts_of, export, export_of, remarks, take, take_some};

scenarios! {
    fn what_another_installation_gave_is_taken_back_here(shop) {
        let (role, repository) = (role(shop, "10", "11"), repository(shop, "acme", "app", "push"));
        let (buyer, order, mut world) = (shop.customer(), shop.order(), World::default());
        let on_discord = given(shop, &role, &buyer, order, &mut world);
        let on_github = shop.grant(&repository, &buyer, order);
        connect_on(shop, &buyer, Platform::Github, "700");
        choose(shop, &on_github, "700");
        settle(shop, &mut world);
        let waits = shop.grant(&role, &shop.customer(), shop.order());
        assert_eq!(world.places(), ["500@10/11", "700@acme/app"]);

        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        assert_eq!(take(&elsewhere, &import, &lines).behind, 0);
        assert!(export_of(&elsewhere, &import) == lines);
        counts_of(&elsewhere, &import);
        assert_eq!(state(&elsewhere, &waits), ("pending", json!({})));
        assert_eq!(settle(&elsewhere, &mut world), 0, "nothing is done because of an import");

        for benefit in [&role, &repository] {
            elsewhere.revoke(benefit, &buyer, order);
        }
        settle(&elsewhere, &mut world);
        assert_eq!(world, World::default());
        for grant in [on_discord, on_github] {
            assert_eq!(state(&elsewhere, &grant).0, "revoked");
        }
    }

    fn a_service_that_is_not_connected_here_is_told_until_it_is(shop) {
        role(shop, "10", "11");
        repository(shop, "acme", "app", "pull");
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        assert_eq!(take(&elsewhere, &import, &lines).new, 2);
        let left = |name: &str| {
            format!("benefit 1 this installation is not connected to {name}: until it is, nobody gets or loses it [Outside]")
        };
        assert_eq!(remarks(&elsewhere, &import), [left("Discord"), left("GitHub")]);
        let connected = Import { services: vec![Platform::Discord, Platform::Github], ..import };
        take(&elsewhere, &connected, &lines);
        assert!(remarks(&elsewhere, &connected).is_empty());
    }

    fn settings_that_name_nothing_stay_behind(shop) {
        role(shop, "10", "11");
        repository(shop, "acme", "app", "pull");
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        for (kind, properties) in [
            (BenefitType::Discord, json!({"guild_id": "10", "role_id": ""})),
            (BenefitType::Discord, json!({"guild_token": "10", "role_id": "11"})),
            (BenefitType::GithubRepository, json!({"repository_owner": "a", "repository_name": "b", "permission": "own"})),
        ] {
            let benefit = json!({
                "id": uuid::Uuid::from_u128(7), "created_at": "2025-01-07T10:00:00Z", "modified_at": null,
                "deleted_at": null, "type": kind, "description": "Odd", "selectable": true, "deletable": true,
                "properties": properties,
            });
            let arrival = merak_core::transfer::Arrival::read(RecordKind::Benefit, &benefit.to_string());
            assert_eq!(take_some(&elsewhere, &import, vec![arrival]).behind, 1, "{properties}");
        }
    }
}
