//! Several grants of one repository with different permissions.

use merak_core::benefits::kinds::Finding;
use merak_core::benefits::kinds::github_repository::RepositoryAccess;
use merak_core::connections::Platform;
use serde_json::json;

use super::{World, change, choose, connect_on, repository, settle, state, update_grants};

scenarios! {
    // spec 20 G4: whichever is granted last, the account may do what the strongest allows
    fn the_strongest_permission_to_a_repository_counts(shop) {
        let key = (String::from("500"), String::from("acme"), String::from("app"));
        for names in [["pull", "push"], ["push", "pull"], ["admin", "triage"]] {
            let buyer = shop.customer();
            let (mut world, order) = (World::default(), shop.order());
            connect_on(shop, &buyer, Platform::Github, "500");
            let benefits = names.map(|permission| repository(shop, "acme", "app", permission));
            let grants = [0, 1].map(|number: usize| {
                let grant = shop.grant(&benefits[number], &buyer, order);
                choose(shop, &grant, "500");
                settle(shop, &mut world);
                grant
            });
            let strongest = usize::from(names == ["pull", "push"]);
            let weakest = 1 - strongest;
            assert_eq!(world.0.get(&key), Some(&Some(names[strongest].to_owned())), "{names:?}");
            for (grant, own) in grants.iter().zip(names) {
                let (word, properties) = state(shop, grant);
                assert_eq!((word, properties["permission"].as_str()), ("granted", Some(own)), "{names:?}");
            }
            let change = |number: usize, permission: &str| {
                let settings = json!({"repository_owner": "acme", "repository_name": "app", "permission": permission});
                change(shop, &benefits[number], settings, Finding::Repository(RepositoryAccess::Full));
                update_grants(shop, &benefits[number]);
            };
            // The weaker one is raised above the other and lowered again.
            change(weakest, "maintain");
            settle(shop, &mut world);
            let expected = if names[strongest] == "admin" { "admin" } else { "maintain" };
            assert_eq!(world.0.get(&key), Some(&Some(expected.to_owned())), "{names:?}");
            change(weakest, "pull");
            settle(shop, &mut world);
            assert_eq!(world.0.get(&key), Some(&Some(names[strongest].to_owned())), "{names:?}");
            assert_eq!(state(shop, &grants[weakest]).1["permission"], "pull");
            // The stronger one ends, and then the other.
            shop.revoke(&benefits[strongest], &buyer, order);
            settle(shop, &mut world);
            assert_eq!(world.0.get(&key), Some(&Some(String::from("pull"))), "{names:?}");
            shop.revoke(&benefits[weakest], &buyer, order);
            settle(shop, &mut world);
            assert_eq!(world, World::default());
        }
    }

    // a weaker one that ends takes nothing from the stronger one, and nobody is asked
    fn a_weaker_permission_that_ends_changes_nothing(shop) {
        let (read, write) = (repository(shop, "acme", "app", "pull"), repository(shop, "acme", "app", "push"));
        let (buyer, mut world, order) = (shop.customer(), World::default(), shop.order());
        connect_on(shop, &buyer, Platform::Github, "500");
        for benefit in [&write, &read] {
            choose(shop, &shop.grant(benefit, &buyer, order), "500");
            settle(shop, &mut world);
        }
        let before = world.clone();
        shop.revoke(&read, &buyer, order);
        assert_eq!(settle(shop, &mut world), 0);
        assert_eq!(world, before);
    }
}
