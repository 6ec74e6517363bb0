//! Grants: what a purchase gives and takes back, and how license keys follow their benefit.

use merak_core::access::Subject;
use merak_core::benefits::grants::{self, BenefitGrant, ListGrants, Scope};
use merak_core::benefits::{self, Benefit, BenefitType, UpdateBenefit};
use merak_core::kit::{Id, Kind, Page, Patch, Refusal};
use merak_core::license_keys::{self, Status, UpdateLicenseKey};
use merak_store::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

scenarios! {
    fn a_grant_is_granted_once_for_a_purchase(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({ "prefix": " my app " })).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let first = shop.grant(&benefit, &buyer, order);
        assert_eq!((first.granted_at, first.revoked_at), (Some(shop.now()), None));
        let key = shop.key_of_grant(&first);
        assert!(key.key.starts_with("MY APP-"), "{}", key.key);
        assert_eq!(properties(&first)["display_key"], format!("****-{}", &key.key[key.key.len() - 6..]));
        shop.advance(hours(1));
        let again = shop.grant(&benefit, &buyer, order);
        assert_eq!((again.id, again.granted_at, again.modified_at), (first.id, first.granted_at, first.modified_at));
        assert_eq!(key_id(&again), key.id);
    }

    fn two_purchases_give_two_keys(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let buyer = shop.customer();
        let orders = [shop.order(), shop.order(), Scope::Subscription(Uuid::from_u128(7)), Scope::ByHand];
        let keys: std::collections::BTreeSet<_> =
            orders.iter().map(|order| key_id(&shop.grant(&benefit, &buyer, *order))).collect();
        assert_eq!(keys.len(), 4);
        shop.revoke(&benefit, &buyer, orders[0]);
        let status = |order| shop.key_of_grant(&shop.grant(&benefit, &buyer, order)).status;
        for order in &orders[1..] {
            assert_eq!(status(*order), Status::Granted);
        }
        let all = list(shop, benefit.id, None);
        assert_eq!((all.len(), all.iter().filter(|grant| grant.is_revoked()).count()), (4, 1));
    }

    fn a_revoked_purchase_keeps_its_properties_and_its_key_is_revoked(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, seats(2)).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let granted = shop.grant(&benefit, &buyer, order);
        let key = shop.key_of_grant(&granted);
        shop.activate(&activation(&key)).unwrap();
        shop.advance(hours(1));
        let revoked = shop.revoke(&benefit, &buyer, order);
        assert_eq!((revoked.granted_at, revoked.revoked_at), (None, Some(shop.now())));
        assert_eq!(properties(&revoked), properties(&granted));
        assert_eq!(shop.find_key(key.id).status, Status::Revoked);
        assert_eq!(shop.find_key(key.id).modified_at, Some(shop.now()));
        assert_eq!(shop.activations(&key).len(), 1);
        shop.advance(hours(1));
        let again = shop.revoke(&benefit, &buyer, order);
        assert_eq!((again.revoked_at, again.modified_at), (revoked.revoked_at, revoked.modified_at));
    }

    fn a_purchase_that_comes_back_to_life_has_the_same_key_again(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, seats(2)).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let key = shop.key_of_grant(&shop.grant(&benefit, &buyer, order));
        let activated = shop.activate(&activation(&key)).unwrap();
        shop.revoke(&benefit, &buyer, order);
        shop.advance(hours(1));
        let back = shop.grant(&benefit, &buyer, order);
        assert_eq!((back.granted_at, back.revoked_at), (Some(shop.now()), None));
        assert_eq!(key_id(&back), key.id);
        assert_eq!(shop.find_key(key.id).status, Status::Granted);
        assert_eq!(shop.activations(&key)[0].id, activated.id);
        assert_eq!(list(shop, benefit.id, None).len(), 1);
    }

    fn what_was_never_granted_is_recorded_as_revoked(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let revoked = shop.revoke(&benefit, &buyer, order);
        assert_eq!((revoked.granted_at, revoked.revoked_at), (None, Some(shop.now())));
        assert_eq!(properties(&revoked), json!({}));
        assert!(shop.key_of_grant(&shop.grant(&benefit, &buyer, order)).status == Status::Granted);
    }

    fn the_end_of_a_purchase_revokes_a_disabled_key_too(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let key = shop.key_of_grant(&shop.grant(&benefit, &buyer, order));
        change_key(shop, key.id, UpdateLicenseKey { status: Some(Status::Disabled), ..Default::default() });
        assert!(list(shop, benefit.id, Some(true)).len() == 1, "the grant is not touched");
        shop.revoke(&benefit, &buyer, order);
        assert_eq!(shop.find_key(key.id).status, Status::Revoked);
        change_key(shop, key.id, UpdateLicenseKey { status: Some(Status::Granted), ..Default::default() });
        shop.validate(&validation(&key)).unwrap();
        assert_eq!(list(shop, benefit.id, Some(true)).len(), 0);
    }

    fn a_changed_benefit_changes_its_keys_but_not_their_status_or_clock(shop) {
        let benefit = shop
            .benefit(
                BenefitType::LicenseKeys,
                json!({ "limit_usage": 5, "expires": { "ttl": 10, "timeframe": "day" } }),
            )
            .unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let granted = shop.grant(&benefit, &buyer, order);
        let key = shop.key_of_grant(&granted);
        change_key(shop, key.id, UpdateLicenseKey { status: Some(Status::Disabled), ..Default::default() });
        shop.advance(hours(48));
        shop.change_benefit(
            &benefit,
            json!({ "limit_usage": 7, "expires": { "ttl": 10, "timeframe": "day" } }),
        );
        let changed = shop.find_key(key.id);
        assert_eq!((changed.status, changed.limit_usage), (Status::Disabled, Some(7)));
        assert_eq!((changed.expires_at, &changed.key), (key.expires_at, &key.key));
        let stored = &list(shop, benefit.id, Some(true))[0];
        assert_eq!((stored.id, stored.granted_at), (granted.id, granted.granted_at));
        shop.change_benefit(&benefit, json!({ "expires": { "ttl": 1, "timeframe": "month" } }));
        let changed = shop.find_key(key.id);
        assert_eq!(changed.limit_usage, None);
        assert_eq!(changed.expires_at, Some("2025-02-07T10:00:00Z".parse().unwrap()));
    }

    fn a_changed_benefit_reaches_revoked_keys_when_they_come_back(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({ "limit_usage": 5 })).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let key = shop.key_of_grant(&shop.grant(&benefit, &buyer, order));
        let revoked = shop.revoke(&benefit, &buyer, order);
        shop.advance(hours(1));
        shop.change_benefit(
            &benefit,
            json!({ "limit_usage": 8, "expires": { "ttl": 1, "timeframe": "year" } }),
        );
        let untouched = shop.find_key(key.id);
        assert_eq!((untouched.status, untouched.limit_usage), (Status::Revoked, Some(5)));
        let stored = &list(shop, benefit.id, Some(false))[0];
        assert_eq!((stored.revoked_at, stored.modified_at), (revoked.revoked_at, revoked.modified_at));
        shop.grant(&benefit, &buyer, order);
        let back = shop.find_key(key.id);
        assert_eq!((back.status, back.limit_usage), (Status::Granted, Some(8)));
        assert_eq!(back.expires_at, Some("2026-01-07T10:00:00Z".parse().unwrap()));
    }

    fn an_expired_key_is_good_again_when_its_benefit_lasts_longer(shop) {
        let settings = |ttl: u32| json!({ "expires": { "ttl": ttl, "timeframe": "day" } });
        let benefit = shop.benefit(BenefitType::LicenseKeys, settings(1)).unwrap();
        let key = shop.key_of_grant(&shop.grant(&benefit, &shop.customer(), shop.order()));
        shop.advance(hours(30));
        assert_eq!(refusal(shop.validate(&validation(&key))).0, Kind::NotFound);
        shop.change_benefit(&benefit, settings(2));
        shop.validate(&validation(&key)).unwrap();
        shop.advance(hours(18));
        assert_eq!(refusal(shop.validate(&validation(&key))).0, Kind::NotFound);
    }

    fn a_value_set_by_hand_outlasts_changes_of_the_benefit(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({ "limit_usage": 5 })).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let key = shop.key_of_grant(&shop.grant(&benefit, &buyer, order));
        let end: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        change_key(
            shop,
            key.id,
            UpdateLicenseKey {
                limit_usage: Patch::Null,
                expires_at: Patch::Value(end),
                ..UpdateLicenseKey::default()
            },
        );
        shop.change_benefit(
            &benefit,
            json!({
                "limit_usage": 9,
                "expires": { "ttl": 1, "timeframe": "day" },
                "activations": { "limit": 3, "enable_customer_admin": true },
            }),
        );
        let changed = shop.find_key(key.id);
        assert_eq!((changed.limit_usage, changed.expires_at), (None, Some(end)));
        assert_eq!(changed.limit_activations, Some(3));
    }

    fn a_changed_prefix_is_for_new_keys_only(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({ "prefix": "one" })).unwrap();
        let buyer = shop.customer();
        let old = shop.key_of_grant(&shop.grant(&benefit, &buyer, shop.order()));
        shop.advance(hours(1));
        let benefit = shop.change_benefit(&benefit, json!({ "prefix": "two" }));
        assert_eq!(benefit.modified_at, Some(shop.now()));
        let kept = shop.find_key(old.id);
        assert_eq!((&kept.key, kept.modified_at), (&old.key, None));
        let new = shop.key_of_grant(&shop.grant(&benefit, &buyer, shop.order()));
        assert!(new.key.starts_with("TWO-"), "{}", new.key);
    }

    fn a_benefit_with_more_holders_than_one_batch_changes_all_of_them(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({ "limit_usage": 1 })).unwrap();
        let buyer = shop.customer();
        let count = usize::try_from(2 * grants::BATCH + 3).unwrap();
        let (benefit_id, customer_id) = (benefit.id, buyer.id);
        shop.write(move |tx| {
            for number in 0..count {
                let order = Scope::Order(Uuid::from_u64_pair(0x9000, number as u64));
                grants::grant(tx, benefit_id, customer_id, order)?;
            }
            Ok(())
        })
        .unwrap();
        shop.change_benefit(&benefit, json!({ "limit_usage": 2 }));
        let mut limits = Vec::new();
        for number in 1..=3 {
            let tenancy = shop.tenancy();
            let wanted = license_keys::ListLicenseKeys {
                benefit_ids: vec![benefit_id],
                page: Page::new(number, 100),
            };
            let page = shop.read(move |tx| license_keys::list(tx, &tenancy, &wanted)).unwrap();
            limits.extend(page.items.into_iter().map(|held| held.key.limit_usage));
        }
        assert_eq!(limits, vec![Some(2); count]);
        shop.delete_benefit(benefit_id);
        assert_eq!(list(shop, benefit_id, Some(true)).len(), 0);
    }

    fn a_deleted_benefit_is_taken_back_from_everybody(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let buyer = shop.customer();
        let keys = [shop.order(), shop.order()]
            .map(|order| shop.key_of_grant(&shop.grant(&benefit, &buyer, order)).id);
        shop.delete_benefit(benefit.id);
        for key in keys {
            assert_eq!(shop.find_key(key).status, Status::Revoked);
        }
        let (tenancy, id) = (shop.tenancy(), benefit.id);
        assert_eq!(refusal(shop.read(move |tx| benefits::get(tx, &tenancy, id))).0, Kind::NotFound);
        let (benefit_id, customer_id) = (benefit.id, buyer.id);
        let late = shop.write(move |tx| grants::grant(tx, benefit_id, customer_id, Scope::ByHand));
        assert_eq!(refusal(late).0, Kind::NotFound);
    }

    fn a_shared_benefit_stays_until_the_last_purchase_ends(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({ "note": "hello" })).unwrap();
        let buyer = shop.customer();
        let orders = [shop.order(), shop.order()];
        for order in orders {
            assert_eq!(properties(&shop.grant(&benefit, &buyer, order)), json!({}));
        }
        assert!(shop.revoke(&benefit, &buyer, orders[0]).is_revoked());
        assert_eq!(list(shop, benefit.id, Some(true)).len(), 1);
        assert!(shop.revoke(&benefit, &buyer, orders[1]).is_revoked());
        assert_eq!(list(shop, benefit.id, Some(true)).len(), 0);
        assert_eq!(list(shop, benefit.id, Some(false)).len(), 2);
    }

    fn an_ads_grant_keeps_its_campaign(shop) {
        let benefit = shop.benefit(BenefitType::Ads, json!({})).unwrap();
        assert_eq!(
            benefit.properties.parse::<Value>().unwrap(),
            json!({ "image_height": 400, "image_width": 400 })
        );
        let (buyer, order) = (shop.customer(), shop.order());
        let granted = shop.grant(&benefit, &buyer, order);
        let campaign = json!({ "advertisement_campaign_id": "c0ffee" });
        let (id, stored) = (granted.id, merak_store::Json::from(&campaign));
        shop.write(move |tx| {
            Ok(tx.changed_one("UPDATE benefit_grants SET properties = $2 WHERE id = $1", &[&id, &stored])?)
        })
        .unwrap();
        assert_eq!(properties(&shop.revoke(&benefit, &buyer, order)), campaign);
        assert_eq!(properties(&shop.grant(&benefit, &buyer, order)), campaign);
    }

    fn grants_are_listed_newest_first_and_by_state(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({ "note": null })).unwrap();
        let buyers = [shop.customer(), shop.customer(), shop.customer()];
        let mut granted = Vec::new();
        for buyer in &buyers {
            granted.push(shop.grant(&benefit, buyer, Scope::ByHand).id);
            shop.advance(hours(1));
        }
        shop.revoke(&benefit, &buyers[1], Scope::ByHand);
        let ids = |is_granted| list(shop, benefit.id, is_granted).iter().map(|g| g.id).collect::<Vec<_>>();
        assert_eq!(ids(None), [granted[2], granted[1], granted[0]]);
        assert_eq!(ids(Some(true)), [granted[2], granted[0]]);
        assert_eq!(ids(Some(false)), [granted[1]]);
        let wanted = ListGrants {
            benefit_id: benefit.id,
            is_granted: None,
            customer_ids: vec![buyers[0].id, buyers[1].id],
            page: Page::new(1, 1),
        };
        let page = shop.read(move |tx| grants::list(tx, &wanted)).unwrap();
        assert_eq!((page.total, page.items[0].0.id, page.items[0].1.id), (2, granted[1], buyers[1].id));
    }

    fn a_benefit_is_not_granted_across_organizations(shop) {
        let (_, organization) = shop.another_organization();
        let stranger = shop.customer_of(organization.id, "buyer@example.com").unwrap();
        let benefit = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        for (benefit_id, customer_id) in [
            (benefit.id, stranger.id),
            (benefit.id, Id::from_uuid(Uuid::from_u128(1))),
            (Id::from_uuid(Uuid::from_u128(1)), stranger.id),
        ] {
            let answer = shop.write(move |tx| grants::grant(tx, benefit_id, customer_id, Scope::ByHand));
            assert_eq!(refusal(answer).0, Kind::NotFound);
        }
        assert_eq!(list(shop, benefit.id, None).len(), 0);
    }

    fn an_expiry_beyond_the_calendar_is_refused(shop) {
        for (ttl, timeframe) in [(8000, "year"), (100_000, "month"), (3_000_000, "day"), (u32::MAX, "year")] {
            let properties = json!({ "expires": { "ttl": ttl, "timeframe": timeframe } });
            let (kind, place, _) = field_problem(shop.benefit(BenefitType::LicenseKeys, properties));
            assert_eq!((kind, place.as_str()), ("value_error", "body.properties.expires.ttl"));
        }
        let properties = json!({ "expires": { "ttl": 5000, "timeframe": "year" } });
        let benefit = shop.benefit(BenefitType::LicenseKeys, properties).unwrap();
        shop.grant(&benefit, &shop.customer(), Scope::ByHand);
    }

    fn settings_are_stored_whole_and_replaced_as_a_whole(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({ "prefix": " x " })).unwrap();
        let stored = r#"{"prefix":" x ","expires":null,"activations":null,"limit_usage":null}"#;
        assert_eq!(benefit.properties.as_str(), stored);
        let changed = shop.change_benefit(&benefit, json!({ "limit_usage": 3 }));
        let stored = r#"{"prefix":null,"expires":null,"activations":null,"limit_usage":3}"#;
        assert_eq!(changed.properties.as_str(), stored);
    }

    fn a_benefit_keeps_its_type(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({ "note": "a" })).unwrap();
        let (tenancy, id) = (shop.tenancy(), benefit.id);
        let command = UpdateBenefit {
            r#type: BenefitType::Ads,
            description: Some(String::from("Something else")),
            properties: None,
            finding: None,
        };
        let changed = shop.write(move |tx| benefits::update(tx, &tenancy, id, &command));
        assert_eq!(refusal(changed).0, Kind::BadRequest);
        assert_eq!(find(shop, benefit.id).description, "A test benefit");
    }

    fn a_benefit_that_the_system_keeps_is_not_deleted(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        let (tenancy, id) = (shop.tenancy(), benefit.id);
        shop.write(move |tx| {
            Ok(tx.changed_one("UPDATE benefits SET deletable = $2 WHERE id = $1", &[&id, &false])?)
        })
        .unwrap();
        let answer = shop.write(move |tx| benefits::delete(tx, &tenancy, id));
        assert_eq!(refusal(answer).0, Kind::NotPermitted);
        assert_eq!(find(shop, id).deleted_at, None);
    }

    // spec 20 §3.8 and D-12
    fn a_benefit_given_outside_cannot_be_made_without_the_service(shop) {
        for (r#type, properties) in [
            (BenefitType::Discord, json!({ "guild_token": "x", "role_id": "y" })),
            (
                BenefitType::GithubRepository,
                json!({ "repository_owner": "o", "repository_name": "n", "permission": "pull" }),
            ),
        ] {
            let answer = shop.benefit(r#type, properties);
            assert!(matches!(answer, Err(Refusal::Invalid(_))), "{answer:?}");
        }
    }

    fn a_stranger_finds_no_benefit(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        let (stranger, organization) = shop.another_organization();
        for subject in [
            Subject::Anonymous,
            Subject::User(stranger.id),
            Subject::Organization(organization.id),
            Subject::Customer(shop.customer().id),
        ] {
            let tenancy = shop.tenancy_of(&actor(subject));
            let (id, own) = (benefit.id, tenancy.clone());
            assert_eq!(refusal(shop.read(move |tx| benefits::get(tx, &own, id))).0, Kind::NotFound);
            let own = tenancy.clone();
            assert_eq!(refusal(shop.write(move |tx| benefits::delete(tx, &own, id))).0, Kind::NotFound);
            let wanted = benefits::ListBenefits { types: Vec::new(), page: Page::default() };
            let listed = shop.read(move |tx| benefits::list(tx, &tenancy, &wanted)).unwrap();
            assert_eq!((listed.total, listed.items.len()), (0, 0));
        }
    }

    fn benefits_are_listed_by_type_and_then_the_oldest_first(shop) {
        let mut made = Vec::new();
        for r#type in [BenefitType::LicenseKeys, BenefitType::Custom, BenefitType::Ads, BenefitType::Custom] {
            shop.advance(hours(1));
            made.push(shop.benefit(r#type, json!({})).unwrap().id);
        }
        let list = |types: Vec<BenefitType>| {
            let (tenancy, wanted) = (shop.tenancy(), benefits::ListBenefits { types, page: Page::default() });
            let page = shop.read(move |tx| benefits::list(tx, &tenancy, &wanted)).unwrap();
            assert_eq!(page.total, count(&page.items));
            page.items.into_iter().map(|benefit| benefit.id).collect::<Vec<_>>()
        };
        assert_eq!(list(Vec::new()), [made[2], made[1], made[3], made[0]]);
        assert_eq!(list(vec![BenefitType::Custom]), [made[1], made[3]]);
        assert_eq!(list(vec![BenefitType::Discord]), []);
    }
}

fn properties(grant: &BenefitGrant) -> Value {
    grant.properties.parse().unwrap()
}

fn list(shop: &Shop, benefit_id: Id<Benefit>, is_granted: Option<bool>) -> Vec<BenefitGrant> {
    let wanted = ListGrants { benefit_id, is_granted, customer_ids: Vec::new(), page: Page::new(1, 100) };
    let page = shop.read(move |tx| grants::list(tx, &wanted)).unwrap();
    assert_eq!(page.total, count(&page.items), "the stored count is that of the rows");
    page.items.into_iter().map(|(grant, _)| grant).collect()
}

fn change_key(shop: &Shop, id: Id<license_keys::LicenseKey>, command: UpdateLicenseKey) {
    let tenancy = shop.tenancy();
    shop.write(move |tx| license_keys::update(tx, &tenancy, id, &command)).unwrap();
}

fn find(shop: &Shop, id: Id<Benefit>) -> Benefit {
    shop.read(move |tx| benefits::find(tx, id)).unwrap().unwrap()
}
