//! What is recorded of what happens in a shop, and what those hear who listen.

use merak_core::benefits::{BenefitType, UpdateBenefit};
use merak_core::events::{self, Event, EventType};
use merak_core::jobs::{self, Job};
use merak_core::organizations::{self, UpdateOrganization};
use merak_core::products::UpdateProduct;
use merak_core::streams::{self, Channel};
use merak_core::{benefits, users};
use merak_store::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

scenarios! {
    // spec 20 §2.3 to §2.6, P25
    fn what_is_done_to_a_product_is_told(shop) {
        let product = shop.product();
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        events_of(shop);
        let nothing = UpdateProduct::default();
        shop.change_product(product.id, &nothing).unwrap();
        let other_price = UpdateProduct {
            prices: Some(vec![merak_core::products::PriceChange::Add(fixed(None, 500))]),
            ..nothing.clone()
        };
        shop.change_product(product.id, &other_price).unwrap();
        shop.set_benefits(product.id, &[benefit.id]).unwrap();
        shop.set_benefits(product.id, &[benefit.id]).unwrap();
        let id = product.id.uuid();
        assert_eq!(told(shop), [
            (EventType::ProductCreated, id),
            (EventType::BenefitCreated, benefit.id.uuid()),
            (EventType::ProductUpdated, id), (EventType::ProductUpdated, id), (EventType::ProductUpdated, id),
            (EventType::ProductUpdated, id),
        ]);
        let refused = UpdateProduct { prices: Some(Vec::new()), ..nothing };
        shop.change_product(product.id, &refused).unwrap_err();
        assert_eq!(told(shop).len(), 6, "what was refused did not happen");
    }

    // spec 20 §3.2 BE3, BE4, BE6 and T-16
    fn what_is_done_to_a_benefit_is_told(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        let (tenancy, id) = (shop.tenancy(), benefit.id);
        let command =
            UpdateBenefit { r#type: BenefitType::Custom, description: None, properties: None, finding: None };
        shop.write(move |tx| benefits::update(tx, &tenancy, id, &command)).unwrap();
        shop.delete_benefit(benefit.id);
        let id = id.uuid();
        let expected =
            [(EventType::BenefitCreated, id), (EventType::BenefitUpdated, id), (EventType::BenefitUpdated, id)];
        assert_eq!(told(shop), expected);
    }

    // spec 10 §3.2
    fn every_change_of_an_organization_is_told(shop) {
        let (tenancy, id) = (shop.tenancy(), shop.organization.id);
        let (other, _) = shop.another_organization();
        let member = shop.member.id;
        shop.write(move |tx| organizations::update(tx, &tenancy, id, &UpdateOrganization::default())).unwrap();
        assert_eq!(told(shop), [(EventType::OrganizationUpdated, id.uuid())]);
        let expected = [(String::from("organization.updated"), json!({"organization_id": id}))];
        for channel in [Channel::User(member), Channel::Organization(id)] {
            assert_eq!(heard(shop, channel), expected, "{channel}");
        }
        assert_eq!(heard(shop, Channel::User(other.id)), []);
    }

    // spec 20 §3.3 and its Merak rules
    fn each_change_of_a_grant_is_told_once(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({"prefix": "one"})).unwrap();
        let (buyer, order, grant_events) = (shop.customer(), shop.order(), || {
            let mut told = told(shop);
            told.retain(|(kind, _)| kind.as_str().starts_with("benefit_grant."));
            told.into_iter().map(|(kind, id)| (kind.as_str(), id)).collect::<Vec<_>>()
        });
        let grant = shop.grant(&benefit, &buyer, order);
        shop.grant(&benefit, &buyer, order);
        let id = grant.id.uuid();
        let mut expected = vec![("benefit_grant.created", id)];
        assert_eq!(grant_events(), expected, "what is granted is not granted again");
        shop.change_benefit(&benefit, json!({"prefix": "two", "activations": {"limit": 2, "enable_customer_admin": true}}));
        expected.push(("benefit_grant.updated", id));
        assert_eq!(grant_events(), expected);
        shop.revoke(&benefit, &buyer, order);
        shop.revoke(&benefit, &buyer, order);
        expected.push(("benefit_grant.revoked", id));
        assert_eq!(grant_events(), expected, "what is revoked is not revoked again");
        shop.grant(&benefit, &buyer, order);
        expected.push(("benefit_grant.created", id));
        assert_eq!(grant_events(), expected);
        let unknown = shop.revoke(&benefit, &shop.customer(), order);
        expected.push(("benefit_grant.revoked", unknown.id.uuid()));
        assert_eq!(grant_events(), expected, "what was never granted is revoked all the same");
        shop.delete_benefit(benefit.id);
        expected.push(("benefit_grant.revoked", id));
        assert_eq!(grant_events(), expected);
        let keys: Vec<String> = heard(shop, Channel::Customer(buyer.id)).into_iter().map(|(key, payload)| {
            assert_eq!(payload, json!({"benefit_id": benefit.id, "benefit_type": "license_keys"}));
            key
        }).collect();
        assert_eq!(keys, ["benefit.granted", "benefit.revoked", "benefit.granted", "benefit.revoked"]);
    }

    fn events_are_kept_for_thirty_days_and_stay_their_shops(shop) {
        let product = shop.product();
        let (_, other) = shop.another_organization();
        let other = other.id;
        assert_eq!(shop.read(move |tx| events::after(tx, other, None, 100)).unwrap(), []);
        let first = events_of(shop).remove(0);
        shop.advance(just_under(hours(30 * 24)));
        shop.product();
        purge(shop);
        let all = events_of(shop);
        assert_eq!((all.len(), all[0].subject_id, &all[0]), (2, product.id.uuid(), &first));
        assert!(all[0].id < all[1].id);
        let (id, after) = (shop.organization.id, all[0].id);
        assert_eq!(shop.read(move |tx| events::after(tx, id, Some(after), 100)).unwrap(), all[1..]);
        shop.advance(hours(1));
        purge(shop);
        assert_eq!(events_of(shop), all[1..]);
    }

    fn only_the_closed_list_of_events_is_stored(shop) {
        let id = shop.organization.id;
        for kind in EventType::ALL {
            shop.write(move |tx| events::emit(tx, id, *kind, Uuid::from_u128(1))).unwrap();
        }
        let told: Vec<EventType> = told(shop).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!((told.len(), told.as_slice()), (19, EventType::ALL));
        shop.write(move |tx| {
            let sql = "INSERT INTO events (id, organization_id, type, subject_id, created_at) VALUES ($1, $2, $3, $1, $4)";
            let params: (Uuid, Timestamp) = (tx.uuid(), tx.now());
            Ok(tx.execute(sql, &[&params.0, &id, &"product.deleted", &params.1])?)
        }).unwrap_err();
    }

    fn a_message_is_found_by_who_has_not_passed_it_on(shop) {
        let (one, two) = (Channel::Checkout(Uuid::from_u128(1)), Channel::Checkout(Uuid::from_u128(2)));
        let publish = move |channel: Channel, key: &'static str| {
            shop.write(move |tx| streams::publish(tx, &channel, key, &json!({"status": "open"}))).unwrap();
        };
        publish(one, "first");
        let before = shop.read(streams::recent).unwrap();
        publish(two, "second");
        publish(one, "third");
        let recent = shop.read(streams::recent).unwrap();
        let fresh: Vec<_> = recent.iter().copied().filter(|id| !before.contains(id)).collect();
        let messages = shop.read(move |tx| streams::find_many(tx, &fresh)).unwrap();
        let shown: Vec<_> = messages.iter().map(|message| (message.channel.clone(), message.key.as_str())).collect();
        assert_eq!(shown, [(two.to_string(), "second"), (one.to_string(), "third")]);
        let missed = shop.read(move |tx| streams::recent_of(tx, &[one])).unwrap();
        assert_eq!((missed.len(), missed.contains(&before[0]), missed.contains(&messages[1].id)), (2, true, true));
        shop.advance(hours(1));
        assert_eq!(shop.read(streams::recent).unwrap(), [], "too old to be missed by anybody");
        purge(shop);
        assert_eq!(heard(shop, one), []);
    }

    fn everybody_of_a_large_shop_is_told(shop) {
        let (tenancy, id) = (shop.tenancy(), shop.organization.id);
        shop.write(move |tx| {
            for number in 0..150 {
                let user = users::find_or_create(tx, &email(&format!("member{number}@example.com")))?;
                let now = tx.now();
                tx.execute(
                    "INSERT INTO organization_members (user_id, organization_id, created_at) VALUES ($1, $2, $3)",
                    &[&user.id, &id, &now],
                )?;
            }
            organizations::update(tx, &tenancy, id, &UpdateOrganization::default())
        }).unwrap();
        let recent = shop.read(streams::recent).unwrap();
        assert_eq!(recent.len(), 152, "150 and the first member, and the organization's own channel");
    }
}

/// The shop's events, the oldest first.
pub fn events_of(shop: &Shop) -> Vec<Event> {
    let id = shop.organization.id;
    shop.read(move |tx| events::after(tx, id, None, 1000)).unwrap()
}

/// What happened in the shop to what, the oldest first.
pub fn told(shop: &Shop) -> Vec<(EventType, Uuid)> {
    events_of(shop).into_iter().map(|event| (event.r#type, event.subject_id)).collect()
}

/// Keys and payloads of what was said on a channel.
pub fn heard(shop: &Shop, channel: Channel) -> Vec<(String, Value)> {
    let messages = shop.read(move |tx| streams::after(tx, &channel, None, 1000)).unwrap();
    messages.into_iter().map(|message| (message.key, message.payload.parse().unwrap())).collect()
}

fn purge(shop: &Shop) {
    shop.write(|tx| jobs::run(tx, &Job::Purge)).unwrap();
}
