//! Writes that are sent again: one effect, one answer, and nothing to read for whoever steals the database.

use merak_core::idempotency::{self, Caller, Known, Name};
use merak_core::instance;
use merak_core::kit::InstanceSecret;

use crate::support::*;

const REQUEST: &[&[u8]] = &[b"POST", b"/v1/customers/", b"{}"];
const USER: Caller<'_> = Caller::Seller("user:1");

/// So large that a shelf, which holds 16 MiB, has room for two such answers besides the newest.
const LARGE: i64 = 6 << 20;

scenarios! {
    fn a_kept_answer_is_given_again_for_a_day(shop) {
        let name = Name::new(&shop.secret, USER, "key-1", REQUEST);
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
        let name = Name::new(&shop.secret, USER, "key-1", REQUEST);
        assert_eq!(begin(shop, &name), Known::No);
        assert_eq!((begin(shop, &name), find(shop, &name)), (Known::UnderWay, Known::UnderWay));
        let other = Name::new(&shop.secret, USER, "key-1", &[b"POST", b"/v1/customers/", b"{ }"]);
        assert_eq!(begin(shop, &other), Known::OtherRequest);
        // Its answer is kept as any other's.
        keep(shop, &name, b"body").unwrap();
        let answer = Known::Answered { status: 201, body: b"body".to_vec() };
        assert_eq!((begin(shop, &name), find(shop, &name)), (answer.clone(), answer.clone()));
        // What came to nothing is forgotten, but never an answer.
        abandon(shop, &name);
        assert_eq!(find(shop, &name), answer);
        let failed = Name::new(&shop.secret, USER, "key-2", REQUEST);
        assert_eq!(begin(shop, &failed), Known::No);
        abandon(shop, &failed);
        assert_eq!(begin(shop, &failed), Known::No);
        // Whoever died on the way has the name for a while only.
        shop.advance(std::time::Duration::from_mins(1));
        assert_eq!(begin(shop, &failed), Known::No);
    }

    fn of_two_that_begin_one_write_one_does_it(shop) {
        let name = Name::new(&shop.secret, USER, "key-1", REQUEST);
        let known: Vec<Known> = std::thread::scope(|scope| {
            let beginners: Vec<_> = (0..8).map(|_| scope.spawn(|| begin(shop, &name))).collect();
            beginners.into_iter().map(|beginner| beginner.join().unwrap()).collect()
        });
        assert_eq!(known.iter().filter(|known| **known == Known::No).count(), 1, "{known:?}");
    }

    fn a_key_names_one_request_of_one_caller(shop) {
        let name = Name::new(&shop.secret, USER, "key-1", REQUEST);
        keep(shop, &name, b"body").unwrap();
        let other_body = Name::new(&shop.secret, USER, "key-1", &[b"POST", b"/v1/customers/", b"{ }"]);
        assert_eq!(find(shop, &other_body), Known::OtherRequest);
        let shifted = Name::new(&shop.secret, USER, "key-1", &[b"POST", b"/v1/customers", b"/{}"]);
        assert_eq!(find(shop, &shifted), Known::OtherRequest);
        for other in [
            Name::new(&shop.secret, Caller::Seller("user:2"), "key-1", REQUEST),
            Name::new(&shop.secret, USER, "key-2", REQUEST),
            Name::new(&InstanceSecret::new("other"), USER, "key-1", REQUEST),
        ] {
            assert_eq!(find(shop, &other), Known::No);
        }
    }

    fn two_writers_of_one_name_keep_one_answer(shop) {
        let name = Name::new(&shop.secret, USER, "key-1", REQUEST);
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

    /// Or whoever knows a license key could fill the disk.
    fn the_oldest_answers_of_a_shelf_give_way(shop) {
        let nobody = |key: usize| {
            let caller = Caller::Other { name: "anonymous:secret", counted_as: "anonymous:subscriber" };
            Name::new(&shop.secret, caller, &key.to_string(), REQUEST)
        };
        let is_known = |key: usize| find(shop, &nobody(key)) != Known::No;
        // Another one's, and one that is being done.
        let others = Caller::Other { name: "anonymous:other", counted_as: "anonymous:other" };
        let others = Name::new(&shop.secret, others, "1", REQUEST);
        keep(shop, &others, b"{}").unwrap();
        keep(shop, &nobody(0), b"{}").unwrap();
        assert_eq!(begin(shop, &nobody(100)), Known::No);
        for (key, rows) in [(1, 4), (2, 5), (3, 6), (4, 6), (5, 6)] {
            keep_large(shop, &nobody(key), LARGE);
            assert_eq!(kept(shop), rows, "{key}");
        }
        keep(shop, &nobody(6), b"{}").unwrap();
        assert_eq!([0, 1, 2, 3, 4, 5].map(is_known), [false, false, false, true, true, true]);
        assert_eq!(find(shop, &nobody(100)), Known::UnderWay);
        // However large it is, the newest is kept.
        keep_large(shop, &nobody(100), 3 * LARGE);
        assert!(is_known(100));
        keep(shop, &nobody(101), b"{}").unwrap();
        assert_eq!((kept(shop), is_known(100), is_known(101)), (3, true, true));
        keep_large(shop, &nobody(102), 2 * LARGE);
        keep_large(shop, &nobody(103), LARGE);
        keep(shop, &nobody(104), b"{}").unwrap();
        assert_eq!([100, 101, 102, 103, 104].map(is_known), [false, false, true, true, true]);
        assert!(find(shop, &others) != Known::No, "another one's stays");
    }

    fn answers_are_counted_with_what_they_take(shop) {
        let mut known = 0;
        for (key, length) in [("1", 0), ("2", 0), ("3", 10_000)] {
            let caller = Caller::Other { name: "customer:1", counted_as: "customer:1" };
            keep(shop, &Name::new(&shop.secret, caller, key, REQUEST), &vec![b'x'; length]).unwrap();
            let ends = "SELECT max(shelf_end), max(length(sealed_body)) FROM idempotent_answers";
            let (end, sealed) = shop.read(|tx| Ok(tx.one::<(i64, i64)>(ends, &[])?)).unwrap();
            assert_eq!(end - known, sealed + 1024, "{key}");
            known = end;
        }
    }

    fn a_seller_has_more_room_than_others(shop) {
        for key in 0..9 {
            keep_large(shop, &Name::new(&shop.secret, USER, &key.to_string(), REQUEST), LARGE);
        }
        let rows = kept(shop);
        assert!(rows > 6, "{rows}");
        // What another seller keeps is no matter of this one.
        for key in 0..64 {
            keep(shop, &Name::new(&shop.secret, Caller::Seller("user:2"), &key.to_string(), REQUEST), b"{}").unwrap();
        }
        assert_eq!(kept(shop), rows + 64);
    }

    fn a_kept_body_cannot_be_read_in_the_database(shop) {
        let name = Name::new(&shop.secret, USER, "key-1", REQUEST);
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

fn kept(shop: &Shop) -> i64 {
    shop.read(|tx| Ok(tx.one("SELECT count(*) FROM idempotent_answers", &[])?)).unwrap()
}

fn keep(shop: &Shop, name: &Name, body: &[u8]) -> Result<()> {
    let (name, body) = (name.clone(), body.to_vec());
    shop.write(move |tx| idempotency::keep(tx, &name, 201, &body))
}

/// Keeps an answer that takes so many bytes, without sealing as many.
fn keep_large(shop: &Shop, name: &Name, bytes: i64) {
    shop.advance(std::time::Duration::from_secs(1));
    keep(shop, name, b"{}").unwrap();
    let newest = "UPDATE idempotent_answers SET shelf_end = shelf_end + $1 \
                  WHERE expires_at = (SELECT max(expires_at) FROM idempotent_answers)";
    shop.write(move |tx| Ok(tx.changed_one(newest, &[&bytes])?)).unwrap();
}

fn begin(shop: &Shop, name: &Name) -> Known {
    let name = name.clone();
    shop.write(move |tx| idempotency::begin(tx, &name, 60)).unwrap()
}

fn abandon(shop: &Shop, name: &Name) {
    let name = name.clone();
    shop.write(move |tx| idempotency::abandon(tx, &name)).unwrap();
}
