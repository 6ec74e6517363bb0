//! Migrations: once each, in order, unchanged afterwards, and safe when two nodes start at once.

use merak_store::{Error, Migration, Store};
use merak_testkit::{Engine, TestDatabase, both_engines};
use uuid::Uuid;

const FIRST: Migration = Migration {
    name: "0001_shops",
    sql: "
        CREATE TABLE shops (
            id uuid NOT NULL,
            is_open boolean NOT NULL DEFAULT true,
            note text NOT NULL DEFAULT 'a; b',
            CONSTRAINT shops_pkey PRIMARY KEY (id)
        );
        INSERT INTO shops (id) VALUES ('019447a0-0000-7000-8000-000000000001');
    ",
};

const SECOND: Migration = Migration {
    name: "0002_engines",
    sql: "
        ALTER TABLE shops ADD COLUMN engine text;
        -- sqlite: UPDATE shops SET engine = 'SQLite';
        -- postgres: UPDATE shops SET engine = 'PostgreSQL';
    ",
};

const BROKEN: Migration = Migration {
    name: "0003_broken",
    sql: "CREATE TABLE tills (id bigint NOT NULL); INSERT INTO nowhere (id) VALUES (1);",
};

fn reason(error: Result<Vec<String>, Error>) -> String {
    match error {
        Err(Error::Migration { name, reason }) => format!("{name}: {reason}"),
        other => panic!("{other:?}"),
    }
}

both_engines! {
    fn each_is_applied_once(database: TestDatabase) {
        let store = database.open();
        assert_eq!(store.pending(&[FIRST, SECOND]).unwrap(), ["0001_shops", "0002_engines"]);
        assert_eq!(store.migrate(&[FIRST]).unwrap(), ["0001_shops"]);
        assert_eq!(store.pending(&[FIRST, SECOND]).unwrap(), ["0002_engines"]);
        assert_eq!(store.migrate(&[FIRST, SECOND]).unwrap(), ["0002_engines"]);
        assert!(store.migrate(&[FIRST, SECOND]).unwrap().is_empty());
        assert!(store.pending(&[FIRST, SECOND]).unwrap().is_empty());
        let row = store.read_blocking(|tx| tx.one::<(bool, String, String)>("SELECT is_open, note, engine FROM shops", &[]));
        assert_eq!(row.unwrap(), (true, "a; b".to_owned(), database.engine().to_string()));
    }

    fn a_changed_one_is_refused(database: TestDatabase) {
        let store = database.open();
        store.migrate(&[FIRST]).unwrap();
        let changed = Migration { sql: "CREATE TABLE other (id bigint);", ..FIRST };
        assert_eq!(reason(store.migrate(&[changed])), "0001_shops: it was changed after it had been applied");
        assert_eq!(reason(store.pending(&[changed])), "0001_shops: it was changed after it had been applied");
    }

    fn a_failing_one_leaves_no_trace(database: TestDatabase) {
        let store = database.open();
        let reason = reason(store.migrate(&[FIRST, BROKEN]));
        assert!(reason.starts_with("0003_broken: ") && reason.contains("nowhere"), "{reason}");
        assert_eq!(store.pending(&[FIRST, BROKEN]).unwrap().len(), 2);
        assert_eq!(store.migrate(&[FIRST]).unwrap(), ["0001_shops"]);
    }

    fn nodes_that_start_together_take_turns(database: TestDatabase) {
        let nodes: Vec<_> = (0..4)
            .map(|_| {
                let store = database.open();
                std::thread::spawn(move || store.migrate(&[FIRST, SECOND]).unwrap().len())
            })
            .collect();
        let applied: usize = nodes.into_iter().map(|node| node.join().unwrap()).sum();
        assert_eq!(applied, 2);
    }

    async fn it_may_run_beside_an_asynchronous_runtime(database: TestDatabase) {
        let store = database.open();
        assert_eq!(store.migrate(&[FIRST]).unwrap(), ["0001_shops"]);
        store.shutdown().await;
    }

    fn statements_prepared_before_go_on(database: TestDatabase) {
        let store = database.open();
        store.migrate(&[FIRST]).unwrap();
        let read = |store: &Store| store.write_blocking(|tx| tx.all::<(Uuid, bool, String)>("SELECT * FROM shops", &[]));
        assert_eq!(read(&store).unwrap().len(), 1);
        store.migrate(&[FIRST, SECOND]).unwrap();
        assert_eq!(read(&store).unwrap().len(), 1);
    }
}

#[test]
fn sqlite_tables_are_strict() {
    let database = merak_testkit::database(Engine::Sqlite);
    let store = database.open();
    store.migrate(&[FIRST]).unwrap();
    let strict = store
        .read_blocking(|tx| tx.one::<bool>("SELECT strict FROM pragma_table_list WHERE name = 'shops'", &[]));
    assert!(strict.unwrap());
}

#[test]
fn rows_that_refer_to_nothing_are_refused() {
    const ORPHAN: Migration = Migration {
        name: "0002_orphan",
        sql: "CREATE TABLE tills (shop_id uuid NOT NULL REFERENCES shops (id));
              INSERT INTO tills (shop_id) VALUES ('019447a0-0000-7000-8000-0000000000ff');",
    };
    let database = merak_testkit::database(Engine::Sqlite);
    let store = database.open();
    let refused = store.migrate(&[FIRST, ORPHAN]);
    assert!(matches!(refused, Err(Error::Constraint(name)) if name == "foreign_key"));
    assert_eq!(store.pending(&[FIRST]).unwrap(), ["0001_shops"]);
}
