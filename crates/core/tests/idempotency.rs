//! Writes that are sent again: one effect, one answer, and nothing to read for whoever steals the database.

use merak_core::idempotency::{self, Known, Name};
use merak_core::instance;
use merak_core::kit::InstanceSecret;

use crate::support::*;

const REQUEST: &[&[u8]] = &[b"POST", b"/v1/customers/", b"{}"];

scenarios! {
    fn a_kept_answer_is_given_again_for_a_day(shop) {
        let name = Name::new(&shop.secret, "user:1", "key-1", REQUEST);
        assert_eq!(find(shop, &name), Known::No);
        keep(shop, &name, b"{\"token\":\"once\"}").unwrap();
        let answer = Known::Answered { status: 201, body: b"{\"token\":\"once\"}".to_vec() };
        assert_eq!(find(shop, &name), answer);
        shop.advance(just_under(hours(24)));
        assert_eq!(find(shop, &name), answer);
        shop.advance(hours(1));
        assert_eq!(find(shop, &name), Known::No);
        keep(shop, &name, b"again").unwrap();
        assert_eq!(find(shop, &name), Known::Answered { status: 201, body: b"again".to_vec() });
    }

    fn a_write_of_several_units_is_under_way_until_it_ends(shop) {
        let name = Name::new(&shop.secret, "user:1", "key-1", REQUEST);
        assert_eq!(begin(shop, &name), Known::No);
        assert_eq!((begin(shop, &name), find(shop, &name)), (Known::UnderWay, Known::UnderWay));
        let other = Name::new(&shop.secret, "user:1", "key-1", &[b"POST", b"/v1/customers/", b"{ }"]);
        assert_eq!(begin(shop, &other), Known::OtherRequest);
        // Its answer is kept as any other's.
        keep(shop, &name, b"body").unwrap();
        let answer = Known::Answered { status: 201, body: b"body".to_vec() };
        assert_eq!((begin(shop, &name), find(shop, &name)), (answer.clone(), answer.clone()));
        // What came to nothing is forgotten, but never an answer.
        abandon(shop, &name);
        assert_eq!(find(shop, &name), answer);
        let failed = Name::new(&shop.secret, "user:1", "key-2", REQUEST);
        assert_eq!(begin(shop, &failed), Known::No);
        abandon(shop, &failed);
        assert_eq!(begin(shop, &failed), Known::No);
        // Whoever died on the way has the name for a while only.
        shop.advance(std::time::Duration::from_mins(1));
        assert_eq!(begin(shop, &failed), Known::No);
    }

    fn of_two_that_begin_one_write_one_does_it(shop) {
        let name = Name::new(&shop.secret, "user:1", "key-1", REQUEST);
        let known: Vec<Known> = std::thread::scope(|scope| {
            let beginners: Vec<_> = (0..8).map(|_| scope.spawn(|| begin(shop, &name))).collect();
            beginners.into_iter().map(|beginner| beginner.join().unwrap()).collect()
        });
        assert_eq!(known.iter().filter(|known| **known == Known::No).count(), 1, "{known:?}");
    }

    fn a_key_names_one_request_of_one_caller(shop) {
        let name = Name::new(&shop.secret, "user:1", "key-1", REQUEST);
        keep(shop, &name, b"body").unwrap();
        let other_body = Name::new(&shop.secret, "user:1", "key-1", &[b"POST", b"/v1/customers/", b"{ }"]);
        assert_eq!(find(shop, &other_body), Known::OtherRequest);
        let shifted = Name::new(&shop.secret, "user:1", "key-1", &[b"POST", b"/v1/customers", b"/{}"]);
        assert_eq!(find(shop, &shifted), Known::OtherRequest);
        for other in [
            Name::new(&shop.secret, "user:2", "key-1", REQUEST),
            Name::new(&shop.secret, "user:1", "key-2", REQUEST),
            Name::new(&InstanceSecret::new("other"), "user:1", "key-1", REQUEST),
        ] {
            assert_eq!(find(shop, &other), Known::No);
        }
    }

    fn two_writers_of_one_name_keep_one_answer(shop) {
        let name = Name::new(&shop.secret, "user:1", "key-1", REQUEST);
        let kept: Vec<bool> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8u8)
                .map(|number| {
                    let name = &name;
                    scope.spawn(move || keep(shop, name, &[number]).is_ok())
                })
                .collect();
            writers.into_iter().map(|writer| writer.join().unwrap()).collect()
        });
        assert_eq!(kept.iter().filter(|kept| **kept).count(), 1);
    }

    fn a_kept_body_cannot_be_read_in_the_database(shop) {
        let name = Name::new(&shop.secret, "user:1", "key-1", REQUEST);
        keep(shop, &name, b"polar_cst_secret").unwrap();
        let stored = shop
            .read(|tx| Ok(tx.one::<String>("SELECT sealed_body FROM idempotent_answers", &[])?))
            .unwrap();
        assert!(!stored.contains("secret"));
        assert!(!stored.contains("736563726574"), "nor as hex");
    }

    fn a_database_serves_one_secret(shop) {
        let claim = |text: &'static str| {
            shop.store.write_blocking(move |tx| instance::claim(tx, &InstanceSecret::new(text)))
        };
        claim("first").unwrap();
        claim("first").unwrap();
        assert!(matches!(claim("second"), Err(instance::Error::OtherSecret)));
        claim("first").unwrap();
    }
}

fn find(shop: &Shop, name: &Name) -> Known {
    let name = name.clone();
    shop.read(move |tx| idempotency::find(tx, &name)).unwrap()
}

fn keep(shop: &Shop, name: &Name, body: &[u8]) -> Result<()> {
    let (name, body) = (name.clone(), body.to_vec());
    shop.write(move |tx| idempotency::keep(tx, &name, 201, &body))
}

fn begin(shop: &Shop, name: &Name) -> Known {
    let name = name.clone();
    shop.write(move |tx| idempotency::begin(tx, &name, 60)).unwrap()
}

fn abandon(shop: &Shop, name: &Name) {
    let name = name.clone();
    shop.write(move |tx| idempotency::abandon(tx, &name)).unwrap();
}
