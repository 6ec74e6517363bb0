//! License keys under many callers at once: what the rules promise holds under any interleaving.

use merak_core::kit::{Kind, Patch, Refusal};
use merak_core::license_keys::{self, Deactivate, UpdateLicenseKey, Validate};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use crate::support::*;

scenarios! {
    fn sixteen_devices_share_three_seats(shop) {
        let key = shop.key(seats(3));
        let answers = at_once(16, |_| shop.activate(&activation(&key)).map(|_| ()));
        assert_eq!(tally(&answers), (3, 13));
        assert_eq!(shop.activations(&key).len(), 3);
    }

    fn two_hundred_devices_share_three_seats(shop) {
        let key = shop.key(seats(3));
        let answers = at_once(200, |_| shop.activate(&activation(&key)).map(|_| ()));
        assert_eq!(tally(&answers), (3, 197));
        assert_eq!(shop.activations(&key).len(), 3);
    }

    fn two_nodes_share_three_seats_and_ten_usages(shop) {
        let key = shop.key(json!({ "activations": { "limit": 3, "enable_customer_admin": true }, "limit_usage": 10 }));
        let nodes = [shop.store.clone(), shop.another_node()];
        let answers = at_once(24, |number| {
            let command = activation(&key);
            nodes[number as usize % 2]
                .write_blocking(move |tx| license_keys::activate(tx, &command).map(|_| ()))
        });
        assert_eq!(tally(&answers), (3, 21));
        let answers = at_once(24, |number| {
            let using = Validate { increment_usage: 1, ..validation(&key) };
            nodes[number as usize % 2]
                .write_blocking(move |tx| license_keys::validate(tx, &using).map(|_| ()))
        });
        assert_eq!(tally(&answers), (10, 14));
        assert_eq!(shop.held(&key).usage.usage, 10);
    }

    fn forty_validations_share_twenty_usages(shop) {
        let key = shop.key(json!({ "limit_usage": 20 }));
        let using = Validate { increment_usage: 1, ..validation(&key) };
        let answers = at_once(40, |_| shop.validate(&using).map(|_| ()));
        assert_eq!(tally(&answers), (20, 20));
        let held = shop.held(&key);
        assert_eq!((held.usage.usage, held.usage.validations), (20, 20));
    }

    fn validations_in_units_of_one_statement_are_all_counted(shop) {
        let key = shop.key(json!({ "limit_usage": 30 }));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let answers: Vec<_> = runtime.block_on(async {
            let calls: Vec<_> = (0..50)
                .map(|_| {
                    let (store, using) =
                        (shop.store.clone(), Validate { increment_usage: 1, ..validation(&key) });
                    tokio::spawn(async move {
                        store
                            .write_one(move |tx| license_keys::validate(tx, &using).map(|_| ()))
                            .await
                    })
                })
                .collect();
            let mut answers = Vec::new();
            for call in calls {
                answers.push(call.await.unwrap());
            }
            answers
        });
        assert_eq!(tally(&answers), (30, 20));
        let held = shop.held(&key);
        assert_eq!((held.usage.usage, held.usage.validations), (30, 30));
    }

    fn seats_that_change_hands_in_units_of_one_statement_are_told_well(shop) {
        let key = shop.key(seats(2));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let answers: Vec<_> = runtime.block_on(async {
            let callers: Vec<_> = (0..12)
                .map(|_| {
                    let (store, take) = (shop.store.clone(), activation(&key));
                    tokio::spawn(async move {
                        let mut taken = 0;
                        for _ in 0..15 {
                            let taking = take.clone();
                            match store.write_one(move |tx| license_keys::activate(tx, &taking)).await {
                                Ok((_, activation)) => {
                                    taken += 1;
                                    let give = Deactivate {
                                        organization_id: take.organization_id,
                                        key: take.key.clone(),
                                        activation_id: activation.id,
                                    };
                                    store.write_one(move |tx| license_keys::deactivate(tx, &give)).await?;
                                }
                                Err(Refusal::Rule { kind: Kind::NotPermitted, .. }) => {}
                                Err(other) => return Err(other),
                            }
                        }
                        Ok(taken)
                    })
                })
                .collect();
            let mut answers = Vec::new();
            for caller in callers {
                answers.push(caller.await.unwrap());
            }
            answers
        });
        // That it met too many others may be told; anything else would be a defect.
        let is_well = |answer: &merak_core::kit::Result<i32>| {
            matches!(answer, Ok(_) | Err(Refusal::Store(merak_store::Error::Conflict)))
        };
        assert!(answers.iter().all(is_well), "{answers:?}");
        assert!(answers.iter().flatten().sum::<i32>() > 0);
    }

    fn ten_deactivations_free_one_seat_once(shop) {
        let key = shop.key(seats(2));
        let id = shop.activate(&activation(&key)).unwrap().id;
        shop.activate(&activation(&key)).unwrap();
        let answers = at_once(10, |_| shop.deactivate(&key, id));
        assert_eq!(tally(&answers), (1, 9));
        shop.activate(&activation(&key)).unwrap();
        assert_eq!(refusal(shop.activate(&activation(&key))).0, Kind::NotPermitted);
    }

    fn seats_given_back_and_taken_at_once_never_exceed_the_limit(shop) {
        let key = shop.key(seats(4));
        let answers = at_once(24, |number| {
            if number % 3 == 0 {
                let Some(first) = shop.activations(&key).first().map(|activation| activation.id) else {
                    return Ok(());
                };
                shop.deactivate(&key, first)
            } else {
                shop.activate(&activation(&key)).map(|_| ())
            }
        });
        assert!(answers.iter().all(|answer| !matches!(answer, Err(Refusal::Store(_)))), "{answers:?}");
        assert!(shop.activations(&key).len() <= 4);
    }

    fn a_change_beside_validations_loses_none_of_them(shop) {
        let key = shop.key(json!({}));
        let (tenancy, id) = (shop.tenancy(), key.id);
        let answers = at_once(60, |number| {
            if number % 4 == 0 {
                let (tenancy, limit) = (tenancy.clone(), i64::from(number) + 1000);
                let command =
                    UpdateLicenseKey { limit_usage: Patch::Value(limit), ..UpdateLicenseKey::default() };
                shop.write(move |tx| license_keys::update(tx, &tenancy, id, &command)).map(|_| ())
            } else {
                shop.validate(&Validate { increment_usage: 2, ..validation(&key) }).map(|_| ())
            }
        });
        assert_eq!(tally(&answers), (60, 0));
        let held = shop.held(&key);
        assert_eq!((held.usage.usage, held.usage.validations), (90, 45));
        assert!(held.key.limit_usage.is_some_and(|limit| limit >= 1000));
    }

    fn a_revocation_stops_every_validation_that_starts_after_it(shop) {
        let key = shop.key(json!({}));
        let (tenancy, id) = (shop.tenancy(), key.id);
        at_once(12, |number| {
            if number == 5 {
                let tenancy = tenancy.clone();
                let status = Some(license_keys::Status::Revoked);
                let command = UpdateLicenseKey { status, ..UpdateLicenseKey::default() };
                shop.write(move |tx| license_keys::update(tx, &tenancy, id, &command)).unwrap();
                assert_eq!(refusal(shop.validate(&validation(&key))).0, Kind::NotFound);
            } else {
                drop(shop.validate(&validation(&key)));
            }
        });
        assert_eq!(refusal(shop.validate(&validation(&key))).0, Kind::NotFound);
    }

    fn any_number_of_devices_takes_the_seats_that_there_are(shop) {
        let mut runner = TestRunner::new(Config { cases: 12, ..Config::default() });
        runner
            .run(&(1u32..=50, 1u32..=60), |(limit, devices)| {
                let key = shop.key(seats(limit));
                let answers = at_once(devices, |_| shop.activate(&activation(&key)).map(|_| ()));
                let taken = limit.min(devices);
                prop_assert_eq!(tally(&answers), (taken, devices - taken));
                Ok(())
            })
            .unwrap();
    }

    fn any_sequence_of_increments_ends_at_or_below_the_limit(shop) {
        let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
        runner
            .run(&(1i64..200, proptest::collection::vec(0i64..60, 1..25)), |(limit, increments)| {
                let key = shop.key(json!({ "limit_usage": limit }));
                let (mut usage, mut validations) = (0, 0);
                for increment_usage in increments {
                    let is_fine = usage + increment_usage <= limit;
                    let answer = shop.validate(&Validate { increment_usage, ..validation(&key) });
                    prop_assert_eq!(answer.is_ok(), is_fine);
                    if is_fine {
                        usage += increment_usage;
                        validations += 1;
                    }
                }
                let held = shop.held(&key);
                prop_assert_eq!((held.usage.usage, held.usage.validations), (usage, validations));
                Ok(())
            })
            .unwrap();
    }

    fn two_grants_of_one_purchase_at_once_make_one_key(shop) {
        let benefit = shop.benefit(merak_core::benefits::BenefitType::LicenseKeys, json!({})).unwrap();
        let (buyer, order) = (shop.customer(), shop.order());
        let (benefit_id, customer_id) = (benefit.id, buyer.id);
        let answers = at_once(8, |_| {
            shop.write(move |tx| {
                merak_core::benefits::grants::grant(tx, benefit_id, customer_id, order)
            })
        });
        let keys: std::collections::BTreeSet<_> =
            answers.iter().map(|grant| key_id(grant.as_ref().unwrap())).collect();
        assert_eq!(keys.len(), 1);
        let tenancy = shop.tenancy();
        let wanted =
            license_keys::ListLicenseKeys { benefit_ids: vec![benefit.id], page: merak_core::kit::Page::default() };
        let listed = shop.read(move |tx| license_keys::list(tx, &tenancy, &wanted)).unwrap();
        assert_eq!((listed.total, listed.items.len()), (1, 1));
    }

    fn many_purchases_at_once_are_all_counted(shop) {
        let benefit = shop.benefit(merak_core::benefits::BenefitType::LicenseKeys, json!({})).unwrap();
        let answers = at_once(40, |number| {
            let customer = shop.customer_of(shop.organization.id, &format!("buyer{number}@example.com"))?;
            Ok(key_id(&shop.grant(&benefit, &customer, shop.order())))
        });
        let keys: std::collections::BTreeSet<_> =
            answers.into_iter().map(|answer: Result<_>| answer.unwrap()).collect();
        assert_eq!(keys.len(), 40);
        let tenancy = shop.tenancy();
        let wanted =
            license_keys::ListLicenseKeys { benefit_ids: Vec::new(), page: merak_core::kit::Page::new(1, 100) };
        let listed = shop.read(move |tx| license_keys::list(tx, &tenancy, &wanted)).unwrap();
        assert_eq!((listed.total, listed.items.len()), (40, 40));
    }
}

/// How many were done and how many a rule refused; anything else fails the test.
#[track_caller]
fn tally(answers: &[Result<()>]) -> (u32, u32) {
    let (mut done, mut refused) = (0, 0);
    for answer in answers {
        match answer {
            Ok(()) => done += 1,
            Err(Refusal::Rule { .. }) => refused += 1,
            Err(other) => panic!("neither done nor refused by a rule: {other:?}"),
        }
    }
    (done, refused)
}
