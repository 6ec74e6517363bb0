//! License keys as sellers and buyers see and change them.

use std::time::Duration;

use merak_core::access::Subject;
use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use merak_core::kit::{Id, Kind, Page, Patch};
use merak_core::license_keys::{
    self, ListLicenseKeys, ListLicenseKeysOfBuyer, Status, UpdateLicenseKey, Validate,
};
use merak_store::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

scenarios! {
    fn a_seller_changes_every_value_of_a_key(shop) {
        let key = shop.key(json!({ "prefix": "testing" }));
        let expires_at: Timestamp = "2025-02-07T12:00:00.5Z".parse().unwrap();
        let command = UpdateLicenseKey {
            status: None,
            usage: Some(4),
            limit_activations: Patch::Value(5),
            limit_usage: Patch::Value(10),
            expires_at: Patch::Value(expires_at),
        };
        change(shop, key.id, command);
        let held = shop.held(&key);
        assert_eq!((held.usage.usage, held.key.limit_usage), (4, Some(10)));
        assert_eq!((held.key.limit_activations, held.key.expires_at), (Some(5), Some(expires_at)));
        assert_eq!(held.key.modified_at, Some(shop.now()));
        let command = UpdateLicenseKey {
            limit_activations: Patch::Null,
            limit_usage: Patch::Null,
            expires_at: Patch::Null,
            ..UpdateLicenseKey::default()
        };
        change(shop, key.id, command);
        let held = shop.held(&key);
        assert_eq!((held.key.limit_activations, held.key.limit_usage, held.key.expires_at), (None, None, None));
        assert_eq!((held.usage.usage, held.key.status), (4, Status::Granted));
    }

    fn an_empty_change_leaves_the_key_as_it_is(shop) {
        let key = shop.key(json!({ "limit_usage": 3 }));
        shop.validate(&Validate { increment_usage: 2, ..validation(&key) }).unwrap();
        change(shop, key.id, UpdateLicenseKey::default());
        let held = shop.held(&key);
        assert_eq!((held.usage.usage, held.usage.validations, held.key.limit_usage), (2, 1, Some(3)));
        assert_eq!((held.key.status, held.key.modified_at), (Status::Granted, None));
    }

    fn a_foreign_key_is_unauthorized_and_an_unknown_one_not_found(shop) {
        let key = shop.key(json!({}));
        let (stranger, organization) = shop.another_organization();
        for subject in [Subject::User(stranger.id), Subject::Organization(organization.id)] {
            let tenancy = shop.tenancy_of(&actor(subject));
            let id = key.id;
            let own = tenancy.clone();
            let read = shop.read(move |tx| license_keys::get(tx, &own, id));
            assert_eq!(refusal(read).0, Kind::Unauthenticated);
            let command = UpdateLicenseKey { status: Some(Status::Revoked), ..UpdateLicenseKey::default() };
            let changed = shop.write(move |tx| license_keys::update(tx, &tenancy, id, &command));
            assert_eq!(refusal(changed).0, Kind::Unauthenticated);
        }
        assert_eq!(shop.find_key(key.id).status, Status::Granted);
        let (tenancy, unknown) = (shop.tenancy(), Id::from_uuid(Uuid::from_u128(1)));
        let read = shop.read(move |tx| license_keys::get(tx, &tenancy, unknown));
        assert_eq!(refusal(read), (Kind::NotFound, "Not found".into()));
    }

    fn a_seller_lists_the_oldest_keys_first_page_by_page(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let mut keys = Vec::new();
        for number in 0..12 {
            let key = if number % 3 == 0 {
                shop.key(json!({}))
            } else {
                shop.key_of_grant(&shop.grant(&benefit, &shop.customer(), shop.order()))
            };
            keys.push(key);
            if number % 2 == 0 {
                shop.advance(Duration::from_micros(1));
            }
        }
        set_status(shop, keys[0].id, Status::Disabled);
        let mut listed = Vec::new();
        for number in 1..=4 {
            let page = list(shop, Vec::new(), Page::new(number, 5));
            assert_eq!(page.total, 12);
            listed.extend(page.items.into_iter().map(|held| held.key.id));
        }
        assert_eq!(listed, keys.iter().map(|key| key.id).collect::<Vec<_>>());
        let of_benefit = list(shop, vec![benefit.id], Page::default());
        assert_eq!((of_benefit.total, of_benefit.items.len()), (8, 8));
        let both = list(shop, vec![benefit.id, keys[3].benefit_id], Page::new(1, 100));
        assert_eq!(both.total, 9);
        assert!(both.items.is_sorted_by_key(|held| (held.key.created_at, held.key.id)));
        let unknown = list(shop, vec![Id::from_uuid(Uuid::from_u128(1))], Page::default());
        assert_eq!((unknown.total, unknown.items.len()), (0, 0));
    }

    fn a_member_of_two_organizations_lists_the_keys_of_both_in_order(shop) {
        let member = shop.member.id;
        let second = shop
            .write(move |tx| merak_core::organizations::create(tx, member, &new_organization("second-shop")))
            .unwrap();
        let benefit = shop.benefit_of(second.id, BenefitType::LicenseKeys, json!({})).unwrap();
        let mut expected = Vec::new();
        for number in 0..6 {
            shop.advance(Duration::from_secs(1));
            expected.push(if number % 2 == 0 {
                shop.key(json!({})).id
            } else {
                let customer = shop.customer_of(second.id, &format!("buyer{number}@example.com")).unwrap();
                key_id(&shop.grant(&benefit, &customer, shop.order()))
            });
        }
        let all = list(shop, Vec::new(), Page::new(1, 4));
        assert_eq!(all.total, 6);
        assert_eq!(all.items.iter().map(|held| held.key.id).collect::<Vec<_>>(), expected[..4]);
        let rest = list(shop, Vec::new(), Page::new(2, 4));
        assert_eq!(rest.items.iter().map(|held| held.key.id).collect::<Vec<_>>(), expected[4..]);
        let (_, stranger) = shop.another_organization();
        let narrowed = shop.tenancy().narrowed(&[second.id, stranger.id]);
        let wanted = ListLicenseKeys { benefit_ids: Vec::new(), page: Page::default() };
        let narrow = shop.read(move |tx| license_keys::list(tx, &narrowed, &wanted)).unwrap();
        assert_eq!((narrow.total, narrow.items.len()), (3, 3));
    }

    fn a_buyer_sees_own_keys_only_and_activations_if_the_benefit_says_so(shop) {
        let open = shop.benefit(BenefitType::LicenseKeys, seats(2)).unwrap();
        let shut = shop
            .benefit(
                BenefitType::LicenseKeys,
                json!({ "activations": { "limit": 2, "enable_customer_admin": false } }),
            )
            .unwrap();
        let (buyer, other) = (shop.customer(), shop.customer());
        let keys = [&open, &shut].map(|benefit| {
            let key = shop.key_of_grant(&shop.grant(benefit, &buyer, shop.order()));
            shop.activate(&activation(&key)).unwrap();
            key
        });
        let foreign = shop.key_of_grant(&shop.grant(&open, &other, shop.order()));
        let caller = actor(Subject::Customer(buyer.id));
        let get = |id| {
            let caller = caller.clone();
            shop.read(move |tx| license_keys::get_of_buyer(tx, &caller, id))
        };
        assert_eq!(get(keys[0].id).unwrap().1.len(), 1);
        assert_eq!(get(keys[1].id).unwrap().1.len(), 0);
        assert_eq!(refusal(get(foreign.id)), (Kind::NotFound, "Not found".into()));
        set_status(shop, keys[1].id, Status::Revoked);
        let list = |benefit_id| {
            let caller = caller.clone();
            let wanted =
                ListLicenseKeysOfBuyer { organization_ids: Vec::new(), benefit_id, page: Page::default() };
            shop.read(move |tx| license_keys::list_of_buyer(tx, &caller, &wanted)).unwrap()
        };
        let all = list(None);
        assert_eq!(all.total, 2);
        assert_eq!(all.items.iter().map(|held| held.key.id).collect::<Vec<_>>(), keys.map(|key| key.id));
        assert_eq!(list(Some(shut.id)).total, 1);
    }

    fn a_linked_user_sees_the_keys_of_all_their_customers(shop) {
        let (seller, organization) = shop.another_organization();
        let benefit = shop.benefit_of(organization.id, BenefitType::LicenseKeys, json!({})).unwrap();
        let there = shop.customer_of(organization.id, "buyer@example.com").unwrap();
        let here = shop.customer_of(shop.organization.id, "buyer@example.com").unwrap();
        let own = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let first = shop.key_of_grant(&shop.grant(&own, &here, shop.order()));
        shop.advance(Duration::from_secs(1));
        let second = shop.key_of_grant(&shop.grant(&benefit, &there, shop.order()));
        let user = seller.id;
        let customers = [here.id, there.id];
        shop.write(move |tx| {
            for customer in customers {
                merak_core::customers::link_user(tx, customer, user)?;
            }
            Ok(())
        })
        .unwrap();
        let caller = actor(Subject::User(user));
        let list = |organization_ids: Vec<_>| {
            let caller = caller.clone();
            let wanted = ListLicenseKeysOfBuyer { organization_ids, benefit_id: None, page: Page::default() };
            shop.read(move |tx| license_keys::list_of_buyer(tx, &caller, &wanted)).unwrap()
        };
        let all = list(Vec::new());
        assert_eq!(all.items.iter().map(|held| held.key.id).collect::<Vec<_>>(), [first.id, second.id]);
        assert_eq!(all.total, 2);
        let some = list(vec![organization.id]);
        assert_eq!((some.total, some.items[0].key.id), (1, second.id));
    }

    fn a_blocked_organization_does_not_stop_its_keys(shop) {
        let key = shop.key(seats(1));
        let id = shop.organization.id;
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.changed_one("UPDATE organizations SET blocked_at = $2 WHERE id = $1", &[&id, &now])?)
        })
        .unwrap();
        shop.activate(&activation(&key)).unwrap();
        shop.validate(&validation(&key)).unwrap();
    }

    fn keys_of_a_deleted_customer_end_with_the_job_that_takes_them_back(shop) {
        let key = shop.key(json!({}));
        let (tenancy, id) = (shop.tenancy(), key.customer_id);
        shop.write(move |tx| merak_core::customers::delete(tx, &tenancy, id)).unwrap();
        // Until the job has run the key is as good as it was.
        shop.validate(&validation(&key)).unwrap();
        shop.run_jobs();
        assert_eq!(shop.find_key(key.id).status, Status::Revoked);
        assert_eq!(shop.held(&key).customer.id, id);
    }

    fn a_stored_key_is_readable_after_its_benefit_was_deleted(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let buyer = shop.customer();
        let key = shop.key_of_grant(&shop.grant(&benefit, &buyer, Scope::ByHand));
        shop.delete_benefit(benefit.id);
        assert_eq!(shop.held(&key).key.status, Status::Revoked);
        let caller = actor(Subject::Customer(buyer.id));
        let id = key.id;
        shop.read(move |tx| license_keys::get_of_buyer(tx, &caller, id)).unwrap();
    }
}

fn change(shop: &Shop, id: Id<license_keys::LicenseKey>, command: UpdateLicenseKey) {
    let tenancy = shop.tenancy();
    shop.write(move |tx| license_keys::update(tx, &tenancy, id, &command)).unwrap();
}

fn set_status(shop: &Shop, id: Id<license_keys::LicenseKey>, status: Status) {
    change(shop, id, UpdateLicenseKey { status: Some(status), ..UpdateLicenseKey::default() });
}

fn list(
    shop: &Shop,
    benefit_ids: Vec<Id<merak_core::benefits::Benefit>>,
    page: Page,
) -> merak_core::kit::Paged<license_keys::HeldKey> {
    let (tenancy, wanted) = (shop.tenancy(), ListLicenseKeys { benefit_ids, page });
    shop.read(move |tx| license_keys::list(tx, &tenancy, &wanted)).unwrap()
}
