//! The shop that a newcomer sees.

use std::collections::BTreeSet;

use merak_core::demo::{self, DemoFile};
use merak_core::discounts;
use merak_core::files::{File, StoredObject};
use merak_core::license_keys::rules::is_expired;
use merak_core::license_keys::{self, Status, Validate};
use merak_core::products::{self, AmountType, RecurringInterval};
use merak_core::{access, kit::Id, organizations::Organization};
use merak_store::Timestamp;
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

    fn the_demo_shop_sells_products_of_every_kind(shop) {
        let secret = shop.secret.clone();
        let shown = shop.write(move |tx| demo::open(tx, &secret)).unwrap();
        assert_eq!((shown.product_ids.len(), shown.wanted_files.len()), (6, 7));
        let (id, stored) = (shown.organization.id, stored(&shown.wanted_files));
        let again = stored.clone();
        shop.write(move |tx| demo::show(tx, id, &stored)).unwrap();
        shop.run_jobs();
        let products = shown.product_ids.clone();
        let complete = shop
            .read(move |tx| {
                let found = products::find_all(tx, &products)?;
                products::complete(tx, found)
            })
            .unwrap();
        let kinds: BTreeSet<_> = complete
            .iter()
            .flat_map(|product| &product.public.prices)
            .map(|price| (price.amount_type, price.recurring_interval))
            .collect();
        let (month, year) = (Some(RecurringInterval::Month), Some(RecurringInterval::Year));
        for kind in [
            (AmountType::Free, None),
            (AmountType::Free, month),
            (AmountType::Custom, None),
            (AmountType::Fixed, None),
            (AmountType::Fixed, month),
            (AmountType::Fixed, year),
        ] {
            assert!(kinds.contains(&kind), "{kinds:?}");
        }
        assert_eq!(complete.iter().filter(|product| product.public.product.is_archived).count(), 1);
        assert!(complete.iter().all(|product| product.public.medias.len() == 1));
        assert!(complete.iter().any(|product| product.fields.len() == 3));
        let code = shown.discount_code.parse().unwrap();
        assert!(shop.read(move |tx| discounts::find_by_code(tx, id, &code)).unwrap().is_some());
        assert!(shown.checkout_link_secret.is_some());
        let downloads: i64 = shop
            .read(|tx| Ok(tx.one("SELECT count(*) FROM downloadables WHERE status = 'granted'", &[])?))
            .unwrap();
        assert_eq!(downloads, 2);

        // The next start stores nothing again, and what is shown twice is there once.
        let secret = shop.secret.clone();
        let next = shop.write(move |tx| demo::open(tx, &secret)).unwrap();
        assert!(next.wanted_files.is_empty());
        assert_eq!(next.product_ids, shown.product_ids);
        assert_eq!(next.file_ids.len(), 7);
        assert_eq!(again.len(), 7);
    }

    fn a_start_that_was_cut_off_stores_the_rest_the_next_time(shop) {
        let secret = shop.secret.clone();
        let first = shop.write(move |tx| demo::open(tx, &secret)).unwrap();
        let (id, some) = (first.organization.id, stored(&first.wanted_files[..2]));
        shop.write(move |tx| demo::show(tx, id, &some)).unwrap();
        let secret = shop.secret.clone();
        let second = shop.write(move |tx| demo::open(tx, &secret)).unwrap();
        let names = |demo: &demo::Demo| -> Vec<String> {
            demo.wanted_files.iter().map(|wanted| wanted.file.path.clone()).collect()
        };
        assert_eq!(names(&second), names(&first)[2..]);
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

fn stored(files: &[DemoFile]) -> Vec<(Id<File>, StoredObject)> {
    let object = |wanted: &DemoFile| {
        let etag = String::from("\"etag\"");
        (wanted.file.id, StoredObject { etag, version: None, last_modified_at: Timestamp::EPOCH })
    };
    files.iter().map(object).collect()
}
