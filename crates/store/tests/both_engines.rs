//! What a unit of work promises, on both engines.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};
use std::time::Duration;

use merak_store::{Error, Json, Migration, Options, ResultExt, Source, Sql, Store, Timestamp, Tx, row};
use merak_testkit::{Engine, TestDatabase, both_engines};
use tokio::task::JoinSet;
use uuid::Uuid;

const SCHEMA: Migration = Migration {
    name: "0001_counters",
    sql: "
        CREATE TABLE counters (
            id bigint NOT NULL,
            value bigint NOT NULL,
            CONSTRAINT counters_pkey PRIMARY KEY (id),
            CONSTRAINT counters_value_check CHECK (value >= 0)
        );
        CREATE TABLE seats (
            id uuid NOT NULL,
            counter_id bigint NOT NULL,
            name text NOT NULL,
            nickname text,
            details json NOT NULL,
            taken_at timestamptz NOT NULL,
            CONSTRAINT seats_pkey PRIMARY KEY (id),
            CONSTRAINT seats_counter_id_name_key UNIQUE (counter_id, name),
            CONSTRAINT seats_counter_id_fkey FOREIGN KEY (counter_id) REFERENCES counters (id)
        );
        CREATE UNIQUE INDEX seats_nickname_index ON seats (lower(nickname));
        INSERT INTO counters (id, value) VALUES (1, 0), (2, 0);
    ",
};

row! {
    /// A seat.
    #[derive(Clone, Debug, PartialEq)]
    struct Seat in "seats" {
        id: Uuid,
        counter_id: i64,
        name: String,
        nickname: Option<String>,
        details: Json,
        taken_at: Timestamp,
    }
}

row! {
    /// A counter.
    #[derive(Debug, PartialEq)]
    struct Counter in "counters" {
        id: i64,
        value: i64,
    }
}

fn migrated(engine: Engine) -> TestDatabase {
    merak_testkit::migrated(engine, &[SCHEMA])
}

fn seat(tx: &mut Tx<'_>, name: &str) -> Seat {
    Seat {
        id: tx.uuid(),
        counter_id: 1,
        name: name.to_owned(),
        nickname: None,
        details: Json::default(),
        taken_at: tx.now(),
    }
}

async fn value(store: &Store) -> i64 {
    store.read(|tx| tx.one::<i64>("SELECT value FROM counters WHERE id = 1", &[])).await.unwrap()
}

async fn seats(store: &Store) -> i64 {
    store.read(|tx| tx.one::<i64>("SELECT count(*) FROM seats", &[])).await.unwrap()
}

fn set(tx: &mut Tx<'_>, value: i64) -> Result<(), Error> {
    tx.changed_one("UPDATE counters SET value = $1 WHERE id = 1", &[&value])
}

both_engines! {
    setup = migrated;

    async fn rows_are_inserted_joined_and_listed(database: TestDatabase) {
        let store = database.open();
        let written = store
            .write(|tx| {
                let seat = seat(tx, "Ada");
                tx.insert(&seat)?;
                Ok::<_, Error>(seat)
            })
            .await
            .unwrap();
        let expected = written.clone();
        let (counter, left, right, listed) = store
            .read(|tx| {
                let sql = format!("SELECT {}, {} FROM counters LEFT JOIN seats ON seats.counter_id = counters.id
                    WHERE counters.id = $1", Counter::COLUMNS, Seat::COLUMNS);
                let (counter, left) = tx.one::<(Counter, Option<Seat>)>(&sql, &[&1])?;
                let (_, right) = tx.one::<(Counter, Option<Seat>)>(&sql, &[&2])?;
                let mut sql = Sql::new(format!("SELECT {} FROM seats WHERE name IN ", Seat::COLUMNS));
                sql.bind_list(["Ada", "Bob"]).push(" AND counter_id = ").bind(1);
                let listed: Vec<Seat> = tx.list(&sql)?;
                Ok::<_, Error>((counter, left, right, listed))
            })
            .await
            .unwrap();
        assert_eq!(counter, Counter { id: 1, value: 0 });
        assert_eq!((left, right), (Some(expected.clone()), None));
        assert_eq!(listed, [expected]);
        assert_eq!(written.taken_at, Timestamp::parse("2025-01-07T10:00:00Z").unwrap());
    }

    async fn a_unit_that_refuses_leaves_no_trace(database: TestDatabase) {
        let store = database.open();
        let refused = store
            .write(|tx| {
                set(tx, 7)?;
                Err::<(), Error>(Error::NoRow)
            })
            .await;
        assert!(matches!(refused, Err(Error::NoRow)));
        assert_eq!(value(&store).await, 0);
    }

    async fn a_unit_that_cannot_read_what_it_wrote_leaves_no_trace(database: TestDatabase) {
        let store = database.open();
        let sql = "UPDATE counters SET value = 7 WHERE id = 1 RETURNING CAST('seven' AS text)";
        let refused = store.write(move |tx| tx.returning::<i64>(sql, &[])).await;
        assert!(matches!(refused, Err(Error::Decode(_))), "{refused:?}");
        assert_eq!(value(&store).await, 0);
        let passed_over = store
            .write(move |tx| {
                assert!(tx.returning::<i64>("UPDATE counters SET value = 8 WHERE id = 9 RETURNING value", &[])?.is_empty());
                set(tx, 6)
            })
            .await;
        passed_over.unwrap();
        assert_eq!(value(&store).await, 6);
    }

    async fn an_error_says_its_cause_and_no_values(database: TestDatabase) {
        let store = database.open();
        let nowhere = store.write(|tx| tx.execute("DELETE FROM nowhere WHERE id = $1", &[&"a secret"])).await;
        let sentence = nowhere.unwrap_err().to_string();
        assert!(sentence.starts_with("the database refused a statement: "), "{sentence}");
        assert!(sentence.contains("DELETE FROM nowhere") && !sentence.contains("secret"), "{sentence}");
        // SQLite reads a number out of any text.
        if store.engine() == Engine::Postgres {
            let sql = "SELECT CAST(CAST($1 AS text) AS bigint)";
            let unfit = store.read(move |tx| tx.one::<i64>(sql, &[&"a secret"])).await;
            let sentence = unfit.unwrap_err().to_string();
            assert!(sentence.contains("a value does not fit (22P02)") && !sentence.contains("secret"), "{sentence}");
        }
    }

    async fn a_panic_ends_in_its_own_unit(database: TestDatabase) {
        let store = database.open();
        let mut units = JoinSet::new();
        for number in 0..20 {
            let store = store.clone();
            units.spawn(async move {
                store
                    .write(move |tx| {
                        tx.execute("UPDATE counters SET value = value + 1 WHERE id = 1", &[])?;
                        assert!(number % 2 == 0, "an odd unit panics");
                        Ok::<_, Error>(())
                    })
                    .await
            });
        }
        let results = units.join_all().await;
        assert_eq!(results.iter().filter(|result| matches!(result, Err(Error::Panic))).count(), 10);
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
        assert_eq!(value(&store).await, 10);
        assert_eq!(store.statistics().panics, 10);
    }

    async fn a_failed_statement_decides_the_unit(database: TestDatabase) {
        let store = database.open();
        let swallowed = store
            .write(|tx| {
                set(tx, 5)?;
                let _ = tx.execute("UPDATE counters SET value = -1 WHERE id = 2", &[]);
                let next = tx.one::<i64>("SELECT value FROM counters WHERE id = 1", &[]);
                assert!(matches!(next, Err(Error::Constraint(name)) if name == "counters_value_check"));
                Ok::<_, Error>(())
            })
            .await;
        assert!(matches!(swallowed, Err(Error::Constraint(name)) if name == "counters_value_check"));
        assert_eq!(value(&store).await, 0);

        let no_row = store
            .write(|tx| {
                assert!(matches!(tx.one::<i64>("SELECT value FROM counters WHERE id = 9", &[]), Err(Error::NoRow)));
                set(tx, 6)
            })
            .await;
        no_row.unwrap();
        assert_eq!(value(&store).await, 6);
    }

    async fn a_constraint_becomes_the_domains_error(database: TestDatabase) {
        #[derive(Debug)]
        enum Refusal {
            NameTaken,
            Store(#[expect(dead_code, reason = "shown when the test fails")] Error),
        }
        impl From<Error> for Refusal {
            fn from(error: Error) -> Self {
                Self::Store(error)
            }
        }
        let store = database.open();
        let take = |tx: &mut Tx<'_>| {
            tx.execute("UPDATE counters SET value = value + 1 WHERE id = 1", &[])?;
            let seat = seat(tx, "Ada");
            tx.insert(&seat).on_constraint("seats_counter_id_name_key", || Refusal::NameTaken)
        };
        store.write(take).await.unwrap();
        assert!(matches!(store.write(take).await, Err(Refusal::NameTaken)));
        assert_eq!(value(&store).await, 1);
    }

    async fn constraints_have_the_same_names(database: TestDatabase) {
        let store = database.open();
        let seat = |id: u8, counter: u8, name: &str, nickname: &str| {
            format!(
                "INSERT INTO seats (id, counter_id, name, nickname, details, taken_at) VALUES
                 ('019447a0-0000-7000-8000-0000000000{id}', {counter}, {name}, {nickname}, '{{}}', '2025-01-07T10:00:00.000000Z')"
            )
        };
        let first = seat(11, 1, "'Ada'", "'Bo'");
        store.write(move |tx| tx.execute(&first, &[])).await.unwrap();
        let cases = [
            (seat(11, 1, "'Eve'", "NULL"), "seats_pkey"),
            (seat(12, 1, "'Eve'", "'BO'"), "seats_nickname_index"),
            (seat(12, 1, "'Ada'", "NULL"), "seats_counter_id_name_key"),
            (seat(12, 1, "NULL", "NULL"), "seats_name_not_null"),
            (seat(12, 9, "'Eve'", "NULL"), "foreign_key"),
            ("INSERT INTO counters (id, value) VALUES (1, 1)".to_owned(), "counters_pkey"),
            ("UPDATE counters SET value = -1".to_owned(), "counters_value_check"),
        ];
        for (sql, expected) in cases {
            match store.write(move |tx| tx.execute(&sql, &[])).await {
                Err(Error::Constraint(name)) => assert_eq!(name, expected),
                other => panic!("{expected}: {other:?}"),
            }
        }
    }

    async fn no_update_is_lost(database: TestDatabase) {
        let store = database.open();
        let mut units = JoinSet::new();
        for _ in 0..60 {
            let store = store.clone();
            units.spawn(async move {
                store
                    .write(|tx| {
                        let value: i64 = tx.one("SELECT value FROM counters WHERE id = 1", &[])?;
                        std::thread::yield_now();
                        set(tx, value + 1)
                    })
                    .await
            });
        }
        for result in units.join_all().await {
            result.unwrap();
        }
        assert_eq!(value(&store).await, 60);
    }

    async fn check_then_insert_never_oversells(database: TestDatabase) {
        let store = database.open();
        let mut units = JoinSet::new();
        for number in 0..40 {
            let store = store.clone();
            units.spawn(async move {
                store
                    .write(move |tx| {
                        let taken: i64 = tx.one("SELECT count(*) FROM seats WHERE counter_id = $1", &[&1])?;
                        if taken >= 5 {
                            return Ok(false);
                        }
                        let seat = seat(tx, &format!("seat {number}"));
                        tx.insert(&seat)?;
                        Ok::<_, Error>(true)
                    })
                    .await
            });
        }
        let taken = units.join_all().await.into_iter().filter(|result| *result.as_ref().unwrap()).count();
        assert_eq!(taken, 5);
        assert_eq!(seats(&store).await, 5);
    }

    async fn an_instant_is_one_for_a_unit_and_ids_ascend(database: TestDatabase) {
        let store = database.open();
        let source = Arc::clone(database.source());
        let (first, second, ids) = store
            .write(move |tx| {
                let first = tx.now();
                source.advance(Duration::from_mins(1));
                Ok::<_, Error>((first, tx.now(), [tx.uuid(), tx.uuid(), tx.uuid()]))
            })
            .await
            .unwrap();
        assert_eq!(first, second);
        assert!(ids.is_sorted() && ids[0] != ids[1]);
        assert!(ids.iter().all(|id| id.get_version_num() == 7 && id.get_variant() == uuid::Variant::RFC4122));
        assert_eq!(ids[0].get_timestamp().unwrap().to_unix().0, 1_736_244_000);
        assert_eq!(database.source().now(), first.add_seconds(60));
    }

    async fn a_reading_unit_cannot_write(database: TestDatabase) {
        let store = database.open();
        let write = "INSERT INTO counters (id, value) VALUES (3, 0) RETURNING id";
        let refused = store.read(move |tx| tx.all::<i64>(write, &[])).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
        let refused = store.write(move |tx| tx.all::<i64>(write, &[])).await;
        assert!(matches!(refused, Err(Error::Misuse(_))), "{refused:?}");
        let written = store.write(move |tx| tx.returning::<i64>(write, &[])).await.unwrap();
        assert_eq!(written, [3]);
    }

    async fn a_reading_unit_sees_one_snapshot(database: TestDatabase) {
        let store = database.open();
        let writer = store.clone();
        let (before, after) = tokio::task::spawn_blocking(move || {
            store.read_blocking(move |tx| {
                let sql = "SELECT value FROM counters WHERE id = 1";
                let before: i64 = tx.one(sql, &[])?;
                let writer = writer.clone();
                // From another thread, because a unit itself must not wait; here it may, for there is no other work.
                std::thread::spawn(move || writer.write_blocking(|tx| set(tx, 8))).join().unwrap()?;
                Ok::<_, Error>((before, tx.one::<i64>(sql, &[])?))
            })
        })
        .await
        .unwrap()
        .unwrap();
        assert_eq!((before, after), (0, 0));
    }

    async fn one_write_stays_and_a_second_is_refused_where_it_would_stand_alone(database: TestDatabase) {
        let store = database.open();
        let sql = "UPDATE counters SET value = value + 1 WHERE id = 1 AND value < 3 RETURNING value";
        for expected in [vec![1], vec![2], vec![3], vec![]] {
            let value: Vec<i64> = store.write_one(move |tx| tx.returning::<i64>(sql, &[])).await.unwrap();
            assert_eq!(value, expected);
        }
        let second = store
            .write_one(|tx| {
                set(tx, 10)?;
                set(tx, 11)
            })
            .await;
        let left = match store.engine() {
            Engine::Sqlite => {
                second.unwrap();
                11
            }
            Engine::Postgres => {
                assert!(matches!(second, Err(Error::Misuse(_))), "{second:?}");
                10
            }
        };
        assert_eq!(value(&store).await, left);
        let changed = store
            .write_one(|tx| {
                // A statement that finds nothing to change is no write.
                let none = tx.execute("UPDATE counters SET value = 7 WHERE id = 77", &[])?;
                tx.execute("UPDATE counters SET value = value WHERE id = 1", &[]).map(|one| (none, one))
            })
            .await;
        assert_eq!(changed.unwrap(), (0, 1));
        let failed = store.write_one(|tx| set(tx, -1)).await;
        assert!(matches!(failed, Err(Error::Constraint(_))));
        assert_eq!(value(&store).await, left);
    }

    async fn a_unit_that_fails_late_disturbs_nobody_in_its_group(database: TestDatabase) {
        let store = database.open();
        let hold = merak_testkit::hold(&store).await;
        let mut units = JoinSet::new();
        for number in 0..30_i64 {
            let store = store.clone();
            units.spawn(async move {
                store
                    .write(move |tx| {
                        tx.execute("UPDATE counters SET value = value + 1 WHERE id = 1", &[])?;
                        // Every third fails after it has written, in one way or the other.
                        match number % 6 {
                            0 => Err(Error::NoRow),
                            3 => set(tx, -1),
                            _ => Ok(()),
                        }
                    })
                    .await
            });
        }
        // The one writer of the embedded engine finds them all when it goes on.
        while store.engine() == Engine::Sqlite && store.statistics().queued_writes < 30 {
            tokio::task::yield_now().await;
        }
        drop(hold);
        let results = units.join_all().await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 20);
        assert_eq!(results.iter().filter(|result| matches!(result, Err(Error::NoRow))).count(), 5);
        assert_eq!(results.iter().filter(|result| matches!(result, Err(Error::Constraint(_)))).count(), 5);
        assert_eq!(value(&store).await, 20);
    }

    async fn a_unit_alone_waits_for_those_that_have_begun(database: TestDatabase) {
        let (store, other) = (database.open(), database.open());
        let hold = merak_testkit::hold(&other).await;
        let alone = tokio::spawn(async move {
            store.write_alone(|tx| tx.execute("UPDATE counters SET value = 7 WHERE id = 1", &[])).await
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(!alone.is_finished());
        drop(hold);
        assert_eq!(alone.await.unwrap().unwrap(), 1);
        assert_eq!(value(&other).await, 7);
        assert_eq!(other.statistics().ran_alone, 0, "an ordinary unit has company");
    }

    async fn a_full_queue_refuses_at_once_and_shutdown_drains(database: TestDatabase) {
        let options = Options { queue: 3, connections: 1, ..database.options() };
        let store = Store::open(&options).unwrap();
        let hold = merak_testkit::hold(&store).await;
        let mut waiting = JoinSet::new();
        for _ in 0..3 {
            let store = store.clone();
            waiting.spawn(async move {
                store.write(|tx| tx.execute("UPDATE counters SET value = value + 1 WHERE id = 1", &[])).await
            });
        }
        while store.statistics().queued_writes < 3 {
            tokio::task::yield_now().await;
        }
        let refused = store.write(|_| Ok::<_, Error>(())).await;
        assert!(matches!(refused, Err(Error::Busy)));
        assert_eq!(store.statistics().refused, 1);

        let closing = store.clone();
        let shutdown = tokio::spawn(async move { closing.shutdown().await });
        while !matches!(store.write(|_| Ok::<_, Error>(())).await, Err(Error::Closed)) {
            tokio::task::yield_now().await;
        }
        assert!(!shutdown.is_finished());
        hold.release().await.unwrap();
        shutdown.await.unwrap();
        for result in waiting.join_all().await {
            result.unwrap();
        }
        assert!(matches!(store.ping().await, Err(Error::Closed)));
        assert_eq!(value(&database.open()).await, 3);
    }

    async fn a_new_store_answers_and_counts(database: TestDatabase) {
        let store = database.open();
        store.ping().await.unwrap();
        let statistics = store.statistics();
        assert_eq!((statistics.writes, statistics.reads, statistics.groups), (1, 1, 1));
        assert_eq!(statistics.commit_histogram.iter().sum::<u64>(), statistics.commits);
    }
}

#[test]
fn waiting_units_share_one_commit() {
    let database = migrated(Engine::Sqlite);
    merak_testkit::run(async move {
        let store = database.open();
        let hold = merak_testkit::hold(&store).await;
        let mut units = JoinSet::new();
        for _ in 0..100 {
            let store = store.clone();
            units.spawn(async move {
                store.write(|tx| tx.execute("UPDATE counters SET value = value + 1 WHERE id = 1", &[])).await
            });
        }
        while store.statistics().queued_writes < 100 {
            tokio::task::yield_now().await;
        }
        hold.release().await.unwrap();
        assert!(units.join_all().await.into_iter().all(|result| result.is_ok_and(|changed| changed == 1)));
        assert_eq!(value(&store).await, 100);
        let statistics = store.statistics();
        assert_eq!(statistics.grouped, 101);
        assert!(statistics.commits <= 3, "{statistics:?}");
    });
}

#[test]
fn a_unit_that_swallows_a_conflict_is_run_again() {
    let database = migrated(Engine::Postgres);
    merak_testkit::run(async move {
        let store = database.open();
        let runs = Arc::new(AtomicU32::new(0));
        let (counted, other) = (Arc::clone(&runs), store.clone());
        let answer = tokio::task::spawn_blocking(move || {
            store.write_blocking(move |tx| {
                let value: i64 = tx.one("SELECT value FROM counters WHERE id = 1", &[])?;
                if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                    let other = other.clone();
                    std::thread::spawn(move || other.write_blocking(|tx| set(tx, 40))).join().unwrap()?;
                }
                // Meets the other unit's change in this statement, not at the commit; and hides it.
                let hidden = set(tx, value + 1);
                Ok::<_, Error>(hidden.is_ok())
            })
        })
        .await
        .unwrap();
        assert!(answer.unwrap());
        assert_eq!(runs.load(Ordering::SeqCst), 2);
        let store = database.open();
        assert_eq!(value(&store).await, 41);
    });
}

#[test]
fn what_fails_after_enough_was_seen_has_failed() {
    let database = migrated(Engine::Postgres);
    merak_testkit::run(async move {
        let store = database.open();
        let answer = store.write(|tx| {
            set(tx, 7)?;
            // The first row is there by the time the third cannot be computed.
            drop(tx.find::<i64>("SELECT CAST(6 / (3 - n) AS bigint) FROM generate_series(1, 5) AS n", &[]));
            Ok::<_, Error>(())
        });
        assert!(matches!(answer.await, Err(Error::Engine(_))), "it is not told that all is well");
        assert_eq!(value(&store).await, 0, "and nothing is kept");
    });
}

#[test]
fn a_unit_that_always_conflicts_is_answered_so() {
    let database = migrated(Engine::Postgres);
    merak_testkit::run(async move {
        let store = Store::open(&Options { reruns: 3, ..database.options() }).unwrap();
        let (again, other) = (store.clone(), store.clone());
        let answer = tokio::task::spawn_blocking(move || {
            again.write_blocking(move |tx| {
                let value: i64 = tx.one("SELECT value FROM counters WHERE id = 1", &[])?;
                let other = other.clone();
                std::thread::spawn(move || {
                    other.write_blocking(|tx| {
                        tx.execute("UPDATE counters SET value = value + 1 WHERE id = 1", &[])
                    })
                })
                .join()
                .unwrap()?;
                set(tx, value + 100)
            })
        })
        .await
        .unwrap();
        assert!(matches!(answer, Err(Error::Conflict)));
        let statistics = store.statistics();
        assert_eq!((statistics.reruns, statistics.conflicts), (3, 1));
        assert_eq!(value(&store).await, 4);
    });
}
