//! The shop that a newcomer sees.

use merak_core::demo;
use merak_core::license_keys::rules::is_expired;
use merak_core::license_keys::{self, Status, Validate};
use merak_core::{access, kit::Id, organizations::Organization};
use serde_json::json;

use crate::support::*;

scenarios! {
    fn the_demo_shop_has_something_of_everything_and_its_tokens_work(shop) {
        let secret = shop.secret.clone();
        let shown = shop.write(move |tx| demo::open(tx, &secret)).unwrap();
        let statuses: Vec<Status> = shown.license_keys.iter().map(|key| key.status).collect();
        for status in Status::ALL {
            assert!(statuses.contains(status), "{statuses:?}");
        }
        assert!(shown.license_keys.iter().any(|key| is_expired(key, shop.now())));
        let first = shown.license_keys[0].clone();
        let good = Validate {
            organization_id: shown.organization.id,
            key: first.key.clone(),
            activation_id: None,
            benefit_id: Some(shown.benefit_id),
            customer_id: Some(shown.customer_id),
            increment_usage: 1,
            conditions: json!({}),
        };
        shop.validate(&good).unwrap();
        shop.activate(&activation(&first)).unwrap();
        for (token, is_customer) in [(&shown.access_token, false), (&shown.customer_session_token, true)] {
            let hash = shop.secret.hash(token);
            let caller = shop.read(move |tx| access::authenticate(tx, &hash, is_customer)).unwrap();
            assert!(caller.is_some());
        }
    }

    fn a_second_start_shows_the_same_shop_with_fresh_tokens(shop) {
        let open = || {
            let secret = shop.secret.clone();
            shop.write(move |tx| demo::open(tx, &secret)).unwrap()
        };
        let (first, second) = (open(), open());
        let id = |organization: &Organization| -> Id<Organization> { organization.id };
        assert_eq!(id(&first.organization), id(&second.organization));
        let keys = |demo: &demo::Demo| -> Vec<Id<license_keys::LicenseKey>> {
            demo.license_keys.iter().map(|key| key.id).collect()
        };
        assert_eq!(keys(&first), keys(&second));
        assert_ne!(first.access_token, second.access_token);
        let hash = shop.secret.hash(&first.access_token);
        assert!(shop.read(move |tx| access::authenticate(tx, &hash, false)).unwrap().is_none());
    }
}
