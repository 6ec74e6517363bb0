//! `merak audit`.

use merak_core::kit::{Cents, Id, Refusal};
use merak_core::ledger::entries::{self, Paid};
use merak_core::ledger::{self, Concerns, NewEntry};
use merak_store::{Database, Engine, Options, Store, Timestamp, Tx};
use merak_testkit::both_engines;
use serde_json::Value;

use crate::installation::Installation;
use crate::shop::Shop;

fn opened(installation: &Installation) -> Store {
    let database = match installation.database_url() {
        Some(url) => url.parse().unwrap(),
        None => Database::Sqlite { path: installation.data_dir().join("merak.db") },
    };
    Store::open(&Options::new(database)).unwrap()
}

/// Sells three things for ten dollars and tax.
fn sell(store: &Store, shop: &Shop) {
    let id = Id::from_uuid(shop.organization_id.parse().unwrap());
    let paid = Paid { net: Cents::new(1000), tax: Cents::new(190), fee: Cents::new(65), ..Paid::default() };
    let sale = NewEntry::of(entries::order_paid(&paid), Timestamp::EPOCH, Concerns::default(), "Sale");
    let sales = vec![sale; 3];
    store.write_blocking(move |tx| ledger::post_all(tx, id, &sales)).unwrap();
}

fn change(store: &Store, sql: &'static str) {
    store.write_blocking(move |tx| Ok::<_, Refusal>(tx.changed_one(sql, &[])?)).unwrap();
}

/// Takes away what refuses changes of the ledger, as who may change the schema can.
fn unseal(store: &Store) {
    let drop_triggers = |tx: &mut Tx<'_>| {
        for table in ["ledger_entries", "ledger_lines"] {
            let sql = format!("DROP TRIGGER {table}_no_update");
            let sql = if tx.engine() == Engine::Postgres { format!("{sql} ON {table}") } else { sql };
            tx.execute(&sql, &[])?;
        }
        Ok::<_, Refusal>(())
    };
    store.write_blocking(drop_triggers).unwrap();
}

both_engines! {
    setup = Installation::on;

    fn a_ledger_that_holds_is_shown_and_one_that_does_not_is_told_with_exit_code_1(installation: Installation) {
        let shop = Shop::open(&installation);
        installation.json("organization create --name Other --slug other --owner other@example.com");
        let empty = installation.run("audit");
        assert_eq!((empty.code, empty.output.as_str()), (Some(0), "acme: no entries\nother: no entries\n"));

        let store = opened(&installation);
        sell(&store, &shop);
        let done = installation.run("audit --organization ACME");
        assert_eq!(done.code, Some(0), "{done:?}");
        let lines: Vec<&str> = done.output.lines().collect();
        assert!(lines[0].starts_with("acme: 3 entries, the last with the hash "), "{done:?}");
        let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        let balances: Vec<String> = lines[1..].iter().map(|line| columns(line)).collect();
        assert_eq!(balances, [
            "processor_clearing 33.75 usd", "processor_fees 1.95 usd", "revenue -30.00 usd", "tax_payable -5.70 usd",
        ]);
        let object = installation.json("audit --organization acme");
        assert_eq!((&object["looked_at"], &object["findings"], &object["last_sequence"]), (&3.into(), &0.into(), &3.into()));
        assert_eq!(object["balances"][2], serde_json::json!({"account": "revenue", "currency": "usd", "amount": -3000}));

        unseal(&store);
        change(&store, "UPDATE ledger_entries SET description = 'Gift' WHERE sequence = 2");
        let done = installation.run("audit");
        assert_eq!(done.failure(), (Some(1), "merak: the ledger does not hold: there is one finding"));
        let first = done.output.lines().next().unwrap();
        assert_eq!(first, "acme, entry 2: its hash is not that of its content: it was changed (chain)");
        change(&store, "UPDATE ledger_lines SET amount = 1 WHERE sequence = 3 AND position = 0");
        let done = installation.run("audit --json");
        assert_eq!(done.failure(), (Some(1), "merak: the ledger does not hold: there are 3 findings"));
        let objects: Vec<Value> = done.output.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(objects.len(), 5, "three findings and two organizations");
        assert_eq!((&objects[0]["check"], &objects[0]["sequence"]), (&"chain".into(), &2.into()));
        assert_eq!((&objects[3]["findings"], &objects[4]["findings"]), (&3.into(), &0.into()));
        assert_eq!(installation.run("audit --organization other").code, Some(0));
    }

    fn an_organization_that_is_not_there_is_refused(installation: Installation) {
        assert_eq!(installation.run("migrate").code, Some(0));
        let done = installation.run("audit --organization nobody");
        assert_eq!(done.failure(), (Some(2), "merak: there is no organization with the slug nobody"));
    }
}
