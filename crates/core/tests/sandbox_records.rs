//! What the sandbox for payments remembers: of several who change one record at once, one does.

use merak_core::sandbox_records::{self, SandboxRecord};
use merak_store::Timestamp;

use crate::support::*;

fn record(id: &str, due_at: Option<i64>) -> SandboxRecord {
    SandboxRecord {
        id: id.to_owned(),
        owner: Some(String::from("cus_1")),
        due_at: due_at.map(Timestamp::from_seconds),
        version: 0,
        content: String::from("{}"),
    }
}

fn insert(shop: &Shop, record: &SandboxRecord) -> bool {
    let record = record.clone();
    shop.write(move |tx| sandbox_records::insert(tx, &record)).unwrap()
}

fn replace(shop: &Shop, record: &SandboxRecord) -> bool {
    let record = record.clone();
    shop.write(move |tx| sandbox_records::replace(tx, &record)).unwrap()
}

fn find(shop: &Shop, id: &'static str) -> Option<SandboxRecord> {
    shop.read(move |tx| sandbox_records::find(tx, id)).unwrap()
}

fn due(shop: &Shop, seconds: i64) -> Vec<String> {
    let by = Timestamp::from_seconds(seconds);
    let records = shop.read(move |tx| sandbox_records::list_due(tx, by, 2)).unwrap();
    records.into_iter().map(|record| record.id).collect()
}

scenarios! {
    fn a_record_is_kept_once_and_replaced_by_who_saw_it_last(shop) {
        let first = record("pi_1", None);
        assert_eq!(find(shop, "pi_1"), None);
        assert!(!replace(shop, &first), "there is nothing to replace");
        assert!(insert(shop, &first));
        assert!(!insert(shop, &SandboxRecord { content: String::from("other"), ..first.clone() }));
        assert_eq!(find(shop, "pi_1"), Some(first.clone()));
        let changed = SandboxRecord {
            content: String::from("changed"),
            due_at: Some(Timestamp::from_seconds(5)),
            ..first.clone()
        };
        assert!(replace(shop, &changed));
        assert!(!replace(shop, &changed), "somebody was faster");
        assert_eq!(find(shop, "pi_1"), Some(SandboxRecord { version: 1, ..changed }));
    }

    fn of_several_who_do_the_same_at_once_one_does_it(shop) {
        let first = record("pi_1", None);
        let times = |act: fn(&Shop, &SandboxRecord) -> bool| {
            std::thread::scope(|scope| {
                let actors: Vec<_> = (0..8).map(|_| scope.spawn(|| act(shop, &first))).collect();
                actors.into_iter().map(|actor| usize::from(actor.join().unwrap())).sum::<usize>()
            })
        };
        assert_eq!(times(insert), 1);
        assert_eq!(times(replace), 1);
    }

    fn records_are_found_by_owner_and_when_they_are_due(shop) {
        for (id, due_at) in [("pm_1", Some(30)), ("pm_3", Some(10)), ("pm_2", None), ("pm_4", Some(20))] {
            assert!(insert(shop, &record(id, due_at)));
        }
        assert!(insert(shop, &SandboxRecord { owner: Some(String::from("cus_2")), ..record("pm_5", None) }));
        let owned = shop.read(|tx| sandbox_records::list(tx, "cus_1", 3)).unwrap();
        assert_eq!(owned.iter().map(|record| &*record.id).collect::<Vec<_>>(), ["pm_4", "pm_3", "pm_2"]);
        assert!(due(shop, 9).is_empty());
        assert_eq!(due(shop, 10), ["pm_3"]);
        assert_eq!(due(shop, 99), ["pm_3", "pm_4"], "those that have waited longest come first");
    }
}
