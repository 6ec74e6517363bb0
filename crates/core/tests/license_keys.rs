//! License keys as apps use them: validation, activation, deactivation.

use std::time::Duration;

use merak_core::clock::{self, advance};
use merak_core::kit::{Id, Kind, Patch};
use merak_core::license_keys::rules::MAX_COUNT;
use merak_core::license_keys::{self, Status, UpdateLicenseKey, Validate};
use merak_store::Json;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

scenarios! {
    fn a_key_validates_and_is_counted(shop) {
        let key = shop.key(json!({ "prefix": "testing" }));
        assert!(key.key.starts_with("TESTING-"), "{}", key.key);
        let held = shop.validate(&validation(&key)).unwrap();
        assert_eq!(held.usage.validations, 1);
        assert_eq!(held.usage.last_validated_at, Some(shop.now()));
        assert_eq!((held.usage.usage, held.customer.id), (0, key.customer_id));
        shop.advance(hours(1));
        assert_eq!(shop.validate(&validation(&key)).unwrap().usage.validations, 2);
        assert_eq!(shop.held(&key).usage.last_validated_at, Some(shop.now()));
    }

    fn a_validation_may_name_benefit_and_customer(shop) {
        let key = shop.key(json!({ "prefix": "testing" }));
        let other = shop.key(json!({}));
        let base = validation(&key);
        let wrong = Validate { benefit_id: Some(other.benefit_id), ..base.clone() };
        let sentence = "This license key is for another benefit.";
        assert_eq!(refusal(shop.validate(&wrong)), (Kind::NotFound, sentence.into()));
        let wrong = Validate { customer_id: Some(other.customer_id), ..base.clone() };
        let sentence = "This license key is owned by another customer.";
        assert_eq!(refusal(shop.validate(&wrong)), (Kind::NotFound, sentence.into()));
        assert_eq!(shop.held(&key).usage.validations, 0);
        let right = Validate {
            benefit_id: Some(key.benefit_id),
            customer_id: Some(key.customer_id),
            ..base
        };
        assert_eq!(shop.validate(&right).unwrap().usage.validations, 1);
    }

    fn a_key_is_found_exactly_as_it_is_written(shop) {
        let key = shop.key(json!({}));
        let (_, stranger) = shop.another_organization();
        let base = validation(&key);
        for wrong in [
            Validate { organization_id: stranger.id, ..base.clone() },
            Validate { key: key.key.to_lowercase(), ..base.clone() },
            Validate { key: format!(" {}", key.key), ..base.clone() },
            Validate { key: String::new(), ..base.clone() },
        ] {
            assert_eq!(refusal(shop.validate(&wrong)), (Kind::NotFound, "Not found".into()), "{wrong:?}");
        }
    }

    fn a_key_without_an_end_validates_for_ever(shop) {
        let key = shop.key(json!({}));
        shop.validate(&validation(&key)).unwrap();
        shop.advance(hours(24 * 3653));
        shop.validate(&validation(&key)).unwrap();
    }

    fn a_key_ends_a_day_later(shop) {
        let key = shop.key(json!({ "expires": { "ttl": 1, "timeframe": "day" } }));
        assert_eq!(key.expires_at, Some(shop.now().add_seconds(86_400)));
        shop.validate(&validation(&key)).unwrap();
        shop.advance(just_under(hours(24)));
        shop.validate(&validation(&key)).unwrap();
        shop.advance(Duration::from_micros(1));
        let sentence = "This license key is past its expiry date.";
        assert_eq!(refusal(shop.validate(&validation(&key))), (Kind::NotFound, sentence.into()));
        assert_eq!(shop.held(&key).usage.validations, 2);
        assert_eq!(shop.find_key(key.id).status, Status::Granted);
    }

    fn a_key_ends_by_the_clock_of_its_organization(shop) {
        let ends = json!({ "expires": { "ttl": 30, "timeframe": "day" }, "activations": { "limit": 3, "enable_customer_admin": false } });
        let key = shop.key(ends.clone());
        let endless = shop.key(json!({}));
        let (_, other) = shop.another_organization();
        let id = shop.organization.id;
        let go_to = |at: merak_store::Timestamp| {
            shop.write(move |tx| {
                advance::advance(tx, id, at, "sandbox")?;
                advance::step(tx, id)
            })
            .unwrap();
        };
        let end = key.expires_at.unwrap();
        go_to(end.add_seconds(-1));
        let seat = shop.activate(&activation(&key)).unwrap();
        shop.validate(&validation(&key)).unwrap();
        go_to(end);
        let sentence = "This license key is past its expiry date.";
        let with_seat = Validate { activation_id: Some(seat.id), ..validation(&key) };
        for command in [validation(&key), with_seat, Validate { increment_usage: 1, ..validation(&key) }] {
            assert_eq!(refusal(shop.validate(&command)), (Kind::NotFound, sentence.into()));
        }
        assert!(shop.activate(&activation(&key)).is_err());
        assert_eq!((shop.held(&key).usage.validations, shop.held(&key).usage.usage), (1, 0));
        shop.validate(&validation(&endless)).unwrap();
        // A key that is granted now ends thirty days from now, by the same clock.
        let later = shop.key(ends);
        assert_eq!(later.expires_at, Some(end.add_seconds(30 * 86_400)));
        shop.validate(&validation(&later)).unwrap();
        // Nobody else's clock has gone on: what an app is told does not depend on who asks.
        shop.write(move |tx| {
            assert_eq!(clock::now(tx, other.id)?, tx.now());
            Ok(())
        })
        .unwrap();
        shop.advance(hours(1));
        assert_eq!(refusal(shop.validate(&validation(&key))).0, Kind::NotFound);
    }

    fn a_key_ends_a_calendar_month_later(shop) {
        shop.source.set("2025-01-31T10:00:00Z".parse().unwrap());
        let key = shop.key(json!({ "expires": { "ttl": 1, "timeframe": "month" } }));
        assert_eq!(key.expires_at, Some("2025-02-28T10:00:00Z".parse().unwrap()));
        shop.advance(just_under(hours(24 * 28)));
        shop.validate(&validation(&key)).unwrap();
        shop.advance(Duration::from_micros(1));
        assert_eq!(refusal(shop.validate(&validation(&key))).0, Kind::NotFound);
    }

    fn usage_is_counted_up_to_the_limit_and_no_further(shop) {
        let key = shop.key(json!({ "limit_usage": 10 }));
        let using = |increment_usage| Validate { increment_usage, ..validation(&key) };
        assert_eq!(shop.validate(&using(1)).unwrap().usage.usage, 1);
        assert_eq!(shop.validate(&using(8)).unwrap().usage.usage, 9);
        let sentence = "Only 1 usages remain on this license key.";
        assert_eq!(refusal(shop.validate(&using(2))), (Kind::BadRequest, sentence.into()));
        assert_eq!(shop.validate(&using(1)).unwrap().usage.usage, 10);
        assert_eq!(refusal(shop.validate(&using(1))).0, Kind::BadRequest);
        assert_eq!(shop.validate(&using(0)).unwrap().usage.usage, 10);
        assert_eq!(shop.held(&key).usage.validations, 4);
    }

    fn usage_without_a_limit_ends_where_the_counter_does(shop) {
        let key = shop.key(json!({}));
        let using = |increment_usage| Validate { increment_usage, ..validation(&key) };
        assert_eq!(shop.validate(&using(MAX_COUNT)).unwrap().usage.usage, MAX_COUNT);
        assert_eq!(refusal(shop.validate(&using(1))).0, Kind::BadRequest);
        assert_eq!(shop.validate(&using(0)).unwrap().usage.usage, MAX_COUNT);
    }

    fn usage_above_the_limit_leaves_a_negative_rest(shop) {
        let key = shop.key(json!({ "limit_usage": 5 }));
        change(shop, key.id, UpdateLicenseKey { usage: Some(7), ..UpdateLicenseKey::default() });
        let using = Validate { increment_usage: 1, ..validation(&key) };
        let sentence = "Only -2 usages remain on this license key.";
        assert_eq!(refusal(shop.validate(&using)), (Kind::BadRequest, sentence.into()));
        assert_eq!(shop.validate(&validation(&key)).unwrap().usage.usage, 7);
    }

    fn an_activation_is_validated_by_its_id(shop) {
        let (key, other) = (shop.key(seats(1)), shop.key(seats(1)));
        let activated = shop.activate(&activation(&key)).unwrap();
        let foreign = shop.activate(&activation(&other)).unwrap();
        let with = |id| Validate { activation_id: Some(id), ..validation(&key) };
        for unknown in [Id::from_uuid(Uuid::from_u128(1)), foreign.id] {
            assert_eq!(refusal(shop.validate(&with(unknown))), (Kind::NotFound, "Not found".into()));
        }
        assert_eq!(shop.validate(&with(activated.id)).unwrap().key.id, key.id);
        assert_eq!(shop.validate(&validation(&key)).unwrap().usage.validations, 2);
        shop.deactivate(&key, activated.id).unwrap();
        assert_eq!(refusal(shop.validate(&with(activated.id))).0, Kind::NotFound);
    }

    fn conditions_of_an_activation_must_be_repeated_as_a_whole(shop) {
        let key = shop.key(seats(5));
        let stored = r#"{"ip":"10.0.0.1","list":[1,2],"deep":{"a":1,"b":true}}"#;
        let mut command = activation(&key);
        command.conditions = Json::from_text(stored).unwrap();
        let id = shop.activate(&command).unwrap().id;
        let with = |conditions: Value| Validate { activation_id: Some(id), conditions, ..validation(&key) };
        for same in [
            stored,
            r#"{"deep":{"b":true,"a":1},"list":[1,2],"ip":"10.0.0.1"}"#,
            r#"{"ip":"10.0.0.1","list":[1.0,2e0],"deep":{"a":1.0,"b":true}}"#,
        ] {
            shop.validate(&with(serde_json::from_str(same).unwrap())).unwrap();
        }
        for other in [
            json!({}),
            json!({"ip":"10.0.0.1","list":[1,2]}),
            json!({"ip":"10.0.0.1","list":[1,2],"deep":{"a":1,"b":true},"more":1}),
            json!({"ip":"10.0.0.1","list":[2,1],"deep":{"a":1,"b":true}}),
            json!({"ip":"10.0.0.1","list":[1,2],"deep":{"a":1,"b":1}}),
            json!({"ip":"10.0.0.1","list":[1,2],"deep":{"a":"1","b":true}}),
        ] {
            let sentence = "The conditions differ from those of this activation.";
            assert_eq!(refusal(shop.validate(&with(other))), (Kind::NotFound, sentence.into()));
        }
        assert_eq!(shop.held(&key).usage.validations, 3);
    }

    fn an_activation_without_conditions_takes_any(shop) {
        let key = shop.key(seats(1));
        let id = shop.activate(&activation(&key)).unwrap().id;
        let conditions = json!({ "ip": "10.0.0.1" });
        shop.validate(&Validate { activation_id: Some(id), conditions, ..validation(&key) }).unwrap();
    }

    fn a_revoked_or_disabled_key_does_not_validate(shop) {
        let key = shop.key(json!({}));
        for status in [Status::Revoked, Status::Disabled] {
            set_status(shop, key.id, status);
            let sentence = "This license key is not active.";
            assert_eq!(refusal(shop.validate(&validation(&key))), (Kind::NotFound, sentence.into()));
        }
        set_status(shop, key.id, Status::Granted);
        assert_eq!(shop.validate(&validation(&key)).unwrap().usage.validations, 1);
    }

    fn of_several_reasons_the_first_in_order_is_told(shop) {
        let key = shop.key(json!({ "expires": { "ttl": 1, "timeframe": "day" }, "limit_usage": 1 }));
        let other = shop.key(json!({}));
        let everything_wrong = Validate {
            activation_id: Some(Id::from_uuid(Uuid::from_u128(1))),
            benefit_id: Some(other.benefit_id),
            customer_id: Some(other.customer_id),
            increment_usage: 2,
            ..validation(&key)
        };
        assert_eq!(refusal(shop.validate(&everything_wrong)).1, "Not found");
        let known = Validate { activation_id: None, ..everything_wrong.clone() };
        assert_eq!(refusal(shop.validate(&known)).1, "This license key is for another benefit.");
        shop.advance(hours(25));
        assert_eq!(
            refusal(shop.validate(&everything_wrong)).1,
            "This license key is past its expiry date."
        );
        set_status(shop, key.id, Status::Disabled);
        assert_eq!(refusal(shop.validate(&everything_wrong)).1, "This license key is not active.");
    }

    fn an_activation_keeps_its_label_and_meta_as_sent(shop) {
        let key = shop.key(seats(1));
        let mut command = activation(&key);
        command.label = "ä".repeat(100_000);
        command.meta = Json::from_text(r#"{"z":1.50,"a":{"test":"test"},"n":null}"#).unwrap();
        let activated = shop.activate(&command).unwrap();
        assert_eq!((&activated.label, &activated.meta), (&command.label, &command.meta));
        let stored = shop.activations(&key);
        assert_eq!(stored.len(), 1);
        assert_eq!((&stored[0].label, &stored[0].meta), (&command.label, &command.meta));
        assert_eq!(stored[0].modified_at, None);
    }

    fn activations_are_shown_as_far_as_an_answer_has_room(shop) {
        let key = shop.key(seats(30));
        let mut command = activation(&key);
        command.label = "ä".repeat(100_000);
        let made: Vec<_> = (0..22)
            .map(|_| {
                shop.advance(Duration::from_secs(1));
                shop.activate(&command).unwrap().id
            })
            .collect();
        let shown: Vec<_> = shop.activations(&key).iter().map(|activation| activation.id).collect();
        assert_eq!(shown, made[..20]);
    }

    fn a_key_without_seats_is_not_activated(shop) {
        let key = shop.key(json!({}));
        let sentence = "This license key has no activations; validate it directly.";
        assert_eq!(refusal(shop.activate(&activation(&key))), (Kind::NotPermitted, sentence.into()));
    }

    fn a_seat_is_free_as_soon_as_it_is_given_back(shop) {
        let key = shop.key(seats(1));
        let first = shop.activate(&activation(&key)).unwrap();
        let sentence = "All activations of this license key are in use.";
        assert_eq!(refusal(shop.activate(&activation(&key))), (Kind::NotPermitted, sentence.into()));
        shop.deactivate(&key, first.id).unwrap();
        let second = shop.activate(&activation(&key)).unwrap();
        assert_ne!(first.id, second.id);
        assert_eq!(shop.activations(&key).len(), 1);
    }

    fn an_activation_is_given_back_once_and_by_its_own_key(shop) {
        let (key, other) = (shop.key(seats(1)), shop.key(seats(1)));
        let activated = shop.activate(&activation(&key)).unwrap();
        assert_eq!(refusal(shop.deactivate(&other, activated.id)), (Kind::NotFound, "Not found".into()));
        shop.deactivate(&key, activated.id).unwrap();
        assert_eq!(refusal(shop.deactivate(&key, activated.id)), (Kind::NotFound, "Not found".into()));
        let (key_id, id) = (key.id, activated.id);
        let found = shop.read(move |tx| license_keys::find_activation(tx, key_id, id)).unwrap();
        assert!(found.is_none());
    }

    fn a_lowered_limit_removes_no_activation(shop) {
        let key = shop.key(seats(2));
        let taken = [(), ()].map(|()| shop.activate(&activation(&key)).unwrap());
        let limit_activations = Patch::Value(1);
        change(shop, key.id, UpdateLicenseKey { limit_activations, ..UpdateLicenseKey::default() });
        for activated in &taken {
            shop.validate(&Validate { activation_id: Some(activated.id), ..validation(&key) }).unwrap();
        }
        assert_eq!(refusal(shop.activate(&activation(&key))).0, Kind::NotPermitted);
        shop.deactivate(&key, taken[0].id).unwrap();
        assert_eq!(refusal(shop.activate(&activation(&key))).0, Kind::NotPermitted);
        shop.deactivate(&key, taken[1].id).unwrap();
        shop.activate(&activation(&key)).unwrap();
    }

    fn a_key_that_is_not_good_gives_seats_back_but_takes_none(shop) {
        let key = shop.key(json!({
            "activations": { "limit": 9, "enable_customer_admin": false },
            "expires": { "ttl": 1, "timeframe": "day" },
        }));
        let taken = [(); 3].map(|()| shop.activate(&activation(&key)).unwrap());
        for (status, activated) in [Status::Revoked, Status::Disabled].into_iter().zip(&taken) {
            set_status(shop, key.id, status);
            let (kind, sentence) = refusal(shop.activate(&activation(&key)));
            assert_eq!((kind, sentence.contains("not active")), (Kind::NotPermitted, true), "{sentence}");
            shop.deactivate(&key, activated.id).unwrap();
        }
        set_status(shop, key.id, Status::Granted);
        shop.advance(hours(24));
        let (kind, sentence) = refusal(shop.activate(&activation(&key)));
        assert_eq!((kind, sentence.contains("past its expiry")), (Kind::NotPermitted, true), "{sentence}");
        shop.deactivate(&key, taken[2].id).unwrap();
        assert!(shop.activations(&key).is_empty());
    }

    fn activating_changes_no_counter(shop) {
        let key = shop.key(seats(1));
        shop.activate(&activation(&key)).unwrap();
        refusal(shop.activate(&activation(&key)));
        let held = shop.held(&key);
        assert_eq!((held.usage.usage, held.usage.validations), (0, 0));
        assert_eq!((held.usage.last_validated_at, held.key.modified_at), (None, None));
    }
}

fn change(shop: &Shop, id: Id<license_keys::LicenseKey>, command: UpdateLicenseKey) {
    let tenancy = shop.tenancy();
    shop.write(move |tx| license_keys::update(tx, &tenancy, id, &command)).unwrap();
}

fn set_status(shop: &Shop, id: Id<license_keys::LicenseKey>, status: Status) {
    change(shop, id, UpdateLicenseKey { status: Some(status), ..UpdateLicenseKey::default() });
}
