//! Many units that change the same rows on PostgreSQL: all of them succeed, on one node and on several.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
        mpsc,
    },
    time::{Duration, Instant},
};

use merak_store::{Error, Migration, Options, ReadTx, Statistics, Store, Tx};
use merak_testkit::{Engine, TestDatabase};
use tokio::task::JoinSet;
use uuid::Uuid;

const SCHEMA: Migration = Migration {
    name: "0001_chains",
    sql: "
        CREATE TABLE heads (
            chain_id uuid NOT NULL,
            length bigint NOT NULL,
            last text NOT NULL,
            CONSTRAINT heads_pkey PRIMARY KEY (chain_id)
        );
        CREATE TABLE links (
            chain_id uuid NOT NULL,
            place bigint NOT NULL,
            name text NOT NULL,
            previous text NOT NULL,
            CONSTRAINT links_pkey PRIMARY KEY (chain_id, place)
        );
        CREATE TABLE notes (
            id uuid NOT NULL,
            CONSTRAINT notes_pkey PRIMARY KEY (id)
        );
    ",
};

/// Two chains, of which no link is there yet.
const CHAINS: [Uuid; 2] = [Uuid::from_u128(1), Uuid::from_u128(2)];

fn chained() -> TestDatabase {
    let database = merak_testkit::migrated(Engine::Postgres, &[SCHEMA]);
    database
        .open()
        .write_blocking(|tx| {
            for chain in CHAINS {
                tx.execute("INSERT INTO heads (chain_id, length, last) VALUES ($1, 0, '')", &[&chain])?;
            }
            Ok::<_, Error>(())
        })
        .unwrap();
    database
}

/// Adds a link as a ledger does: reads the head, moves it, and writes what follows from it.
fn link(tx: &mut Tx<'_>, chain: Uuid, name: &str) -> Result<i64, Error> {
    let (length, previous): (i64, String) =
        tx.one("SELECT length, last FROM heads WHERE chain_id = $1", &[&chain])?;
    tx.changed_one(
        "UPDATE heads SET length = $2, last = $3 WHERE chain_id = $1",
        &[&chain, &(length + 1), &name],
    )?;
    tx.execute(
        "INSERT INTO links (chain_id, place, name, previous) VALUES ($1, $2, $3, $4)",
        &[&chain, &(length + 1), &name, &previous.as_str()],
    )?;
    Ok(length + 1)
}

fn wait_in_server(tx: &mut Tx<'_>, millis: i64) -> Result<(), Error> {
    tx.one::<i64>("SELECT 1 FROM pg_sleep(CAST($1 AS bigint) / 1000.0)", &[&millis]).map(drop)
}

/// Has others change what the unit has seen, as often as it takes until the unit runs without any. Says how often it has
/// run.
fn lose(tx: &mut Tx<'_>, runs: &AtomicU32, other: &Store) -> Result<u32, Error> {
    let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
    length(tx)?;
    if run <= 5 {
        other.write_blocking(|tx| link(tx, CHAINS[0], "other"))?;
    }
    Ok(run)
}

fn length(tx: &mut ReadTx<'_>) -> Result<i64, Error> {
    tx.one("SELECT length FROM heads WHERE chain_id = $1", &[&CHAINS[0]])
}

/// Waits until something is so, with an end.
async fn until(mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < deadline, "it takes too long");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// The names along a chain, each of which must name the one before.
fn names(store: &Store, chain: Uuid) -> Vec<String> {
    let links: Vec<(i64, String, String)> = store
        .read_blocking(move |tx| {
            tx.all("SELECT place, name, previous FROM links WHERE chain_id = $1 ORDER BY place", &[&chain])
        })
        .unwrap();
    let mut before = String::new();
    let mut names = Vec::new();
    for (expected, (place, name, previous)) in (1..).zip(links) {
        assert_eq!((place, &previous), (expected, &before), "the chain is whole");
        before.clone_from(&name);
        names.push(name);
    }
    names
}

fn sum(stores: &[Store], of: fn(&Statistics) -> u64) -> u64 {
    stores.iter().map(|store| of(&store.statistics())).sum()
}

#[test]
fn all_links_of_a_chain_find_their_place() {
    const UNITS: usize = 150;
    let database = chained();
    merak_testkit::run(async move {
        for nodes in [1, 2] {
            let options = Options { connections: 8, ..database.options() };
            let stores: Vec<Store> = (0..nodes).map(|_| Store::open(&options).unwrap()).collect();
            let mut units = JoinSet::new();
            for number in 0..UNITS * nodes {
                let (store, name) = (stores[number % nodes].clone(), format!("{nodes}/{number}"));
                let chain = CHAINS[nodes - 1];
                units.spawn(async move { store.write(move |tx| link(tx, chain, &name)).await });
            }
            let mut places: Vec<i64> = units.join_all().await.into_iter().map(Result::unwrap).collect();
            places.sort_unstable();
            assert!(places.iter().copied().eq((1..).take(UNITS * nodes)), "each has a place of its own");
            let last = stores[0].clone();
            let names = tokio::task::spawn_blocking(move || names(&last, CHAINS[nodes - 1])).await.unwrap();
            assert_eq!(names.len(), UNITS * nodes);
            assert_eq!(sum(&stores, |all| all.conflicts + all.refused), 0);
            assert!(sum(&stores, |all| all.lane_waits) > 0, "they have met");
            assert_eq!(sum(&stores, |all| all.queued_in_lanes), 0);
        }
    });
}

#[test]
fn a_long_unit_comes_to_its_end_among_short_ones() {
    let database = chained();
    merak_testkit::run(async move {
        let options = Options { connections: 4, ..database.options() };
        let (store, other) = (Store::open(&options).unwrap(), Store::open(&options).unwrap());
        let is_over = Arc::new(AtomicBool::new(false));
        let links = Arc::new(AtomicUsize::new(0));
        let mut short = JoinSet::new();
        for _ in 0..6 {
            let (other, is_over, links) = (other.clone(), Arc::clone(&is_over), Arc::clone(&links));
            short.spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    other.write(|tx| link(tx, CHAINS[0], "short")).await.unwrap();
                    links.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let runs = Arc::new(AtomicU32::new(0));
        let (counted, seen, beside) = (Arc::clone(&runs), Arc::clone(&links), other.clone());
        let own = store.clone();
        let long = store.write(move |tx| {
            counted.fetch_add(1, Ordering::SeqCst);
            let is_alone = own.statistics().ran_alone > 0;
            // It sees the chain as it is now, and is slower with what follows from that than the others: as long as there
            // are any, more of them have come to their end than were running when it looked.
            let (length_then, before) = (length(tx)?, seen.load(Ordering::SeqCst));
            while !is_alone && seen.load(Ordering::SeqCst) < before + 7 {
                std::thread::sleep(Duration::from_millis(1));
            }
            if is_alone {
                std::thread::sleep(Duration::from_millis(50));
                assert_eq!(beside.read_blocking(length)?, length_then, "the others stand still");
            }
            link(tx, CHAINS[0], "long")
        });
        long.await.unwrap();
        is_over.store(true, Ordering::SeqCst);
        short.join_all().await;
        // The sixth is the first that may be alone. On a busy machine it may not come to that at once.
        assert!(runs.load(Ordering::SeqCst) >= 6, "it loses until it runs alone");
        assert_eq!(store.statistics().ran_alone, 1);
        let names = tokio::task::spawn_blocking(move || names(&store, CHAINS[0])).await.unwrap();
        assert_eq!(names.len(), links.load(Ordering::SeqCst) + 1);
    });
}

#[test]
fn a_lane_leaves_the_other_workers_to_other_units() {
    let database = chained();
    merak_testkit::run(async move {
        let store = Store::open(&Options { connections: 2, ..database.options() }).unwrap();
        let done = Arc::new(AtomicUsize::new(0));
        let mut hot = JoinSet::new();
        for number in 0..8 {
            let (store, done) = (store.clone(), Arc::clone(&done));
            hot.spawn(async move {
                store
                    .write(move |tx| {
                        link(tx, CHAINS[0], &number.to_string())?;
                        wait_in_server(tx, 100)
                    })
                    .await
                    .unwrap();
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        until(|| store.statistics().queued_in_lanes > 0).await;
        for name in ["a", "b", "c"] {
            store.write(|tx| link(tx, CHAINS[1], name)).await.unwrap();
        }
        assert!(done.load(Ordering::SeqCst) < 8, "the others need not wait until the lane is empty");
        hot.join_all().await;
        let both = store.clone();
        let lengths =
            tokio::task::spawn_blocking(move || CHAINS.map(|chain| names(&both, chain).len())).await;
        assert_eq!(lengths.unwrap(), [8, 3]);
    });
}

#[test]
fn who_fails_in_a_lane_does_not_keep_it() {
    let database = chained();
    merak_testkit::run(async move {
        let store = Store::open(&Options { connections: 4, ..database.options() }).unwrap();
        let mut units = JoinSet::new();
        for number in 0..60 {
            let store = store.clone();
            let mut runs = 0;
            units.spawn(async move {
                let unit = store.write(move |tx| {
                    runs += 1;
                    let name = number.to_string();
                    if runs == 1 {
                        return link(tx, CHAINS[0], &name);
                    }
                    match number % 4 {
                        0 => panic!("a unit panics where it has waited to be"),
                        1 => tx.one::<bool>("SELECT pg_terminate_backend(pg_backend_pid())", &[]).map(|_| 0),
                        2 => {
                            link(tx, CHAINS[0], &name)?;
                            Err(Error::NoRow)
                        }
                        _ => link(tx, CHAINS[0], &name),
                    }
                });
                unit.await
            });
        }
        let answers = units.join_all().await;
        let kept = answers.iter().filter(|answer| answer.is_ok()).count();
        assert!(kept >= 15, "nothing is wrong with a quarter of them");
        assert!(answers.iter().any(|answer| matches!(answer, Err(Error::Panic))), "some have panicked");
        assert!(answers.iter().any(|answer| matches!(answer, Err(Error::Unavailable(_)))), "some broke");
        store.write(|tx| link(tx, CHAINS[0], "last")).await.unwrap();
        let last = store.clone();
        let names = tokio::task::spawn_blocking(move || names(&last, CHAINS[0])).await.unwrap();
        assert_eq!(names.len(), kept + 1);
        assert_eq!(store.statistics().queued_in_lanes, 0);
    });
}

#[test]
fn a_store_that_shuts_down_finishes_what_waits_in_lanes() {
    let database = chained();
    merak_testkit::run(async move {
        let store = Store::open(&database.options()).unwrap();
        let mut units = JoinSet::new();
        for number in 0..40 {
            let store = store.clone();
            units.spawn(async move {
                let runs = Arc::new(AtomicU32::new(0));
                let counted = Arc::clone(&runs);
                let answer = store.write(move |tx| {
                    counted.fetch_add(1, Ordering::SeqCst);
                    link(tx, CHAINS[0], &number.to_string())
                });
                (answer.await, runs.load(Ordering::SeqCst))
            });
        }
        until(|| store.statistics().lane_waits > 0).await;
        store.shutdown().await;
        let kept = units.join_all().await.into_iter().map(|(answer, runs)| match answer {
            Ok(_) => 1,
            Err(error) => {
                assert!(matches!(error, Error::Closed), "{error}");
                assert_eq!(runs, 0, "what has begun is finished");
                0
            }
        });
        let (kept, again) = (kept.sum::<usize>(), database.open());
        let names = tokio::task::spawn_blocking(move || names(&again, CHAINS[0])).await.unwrap();
        assert_eq!(names.len(), kept);
    });
}

#[test]
fn units_of_one_write_stand_still_for_a_unit_that_runs_alone() {
    const MOVE: &str = "UPDATE heads SET length = length + 1 WHERE chain_id = $1";
    let database = chained();
    merak_testkit::run(async move {
        let store = Store::open(&Options { connections: 4, ..database.options() }).unwrap();
        let (is_over, moves) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let mut singles = JoinSet::new();
        for _ in 0..6 {
            let (store, is_over, moves) = (store.clone(), Arc::clone(&is_over), Arc::clone(&moves));
            singles.spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    store.write_one(|tx| tx.changed_one(MOVE, &[&CHAINS[0]])).await.unwrap();
                    moves.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let (mut runs, beside, seen) = (0, store.clone(), Arc::clone(&moves));
        let long = store.write(move |tx| {
            runs += 1;
            let is_alone = beside.statistics().ran_alone > 0;
            let (then, before) = (length(tx)?, seen.load(Ordering::SeqCst));
            while !is_alone && seen.load(Ordering::SeqCst) < before + 7 {
                std::thread::sleep(Duration::from_millis(1));
            }
            if is_alone {
                std::thread::sleep(Duration::from_millis(50));
                assert_eq!(beside.read_blocking(length)?, then, "the others stand still");
            }
            tx.changed_one("UPDATE heads SET length = $2 WHERE chain_id = $1", &[&CHAINS[0], &(then + 1)])?;
            Ok::<_, Error>(runs)
        });
        assert!(long.await.unwrap() >= 6, "it loses until it runs alone");
        is_over.store(true, Ordering::SeqCst);
        singles.join_all().await;
        assert_eq!(store.statistics().ran_alone, 1);
        let length = store.read(length).await.unwrap();
        assert_eq!(usize::try_from(length).unwrap(), moves.load(Ordering::SeqCst) + 1);
    });
}

#[test]
fn nobody_waits_long_for_a_unit_that_cannot_be_alone() {
    let database = chained();
    merak_testkit::run(async move {
        let (store, other) = (database.open(), database.open());
        let (release, held) = mpsc::channel::<()>();
        let (ready, is_held) = mpsc::channel();
        let holder = other.clone();
        let holding = tokio::spawn(async move {
            holder
                .write(move |tx| {
                    tx.one::<i64>("SELECT 1", &[])?;
                    let _ = ready.send(());
                    // Until the other side is gone.
                    let _ = held.recv_timeout(Duration::from_secs(25));
                    Ok::<_, Error>(())
                })
                .await
        });
        tokio::task::spawn_blocking(move || is_held.recv()).await.unwrap().unwrap();
        let (runs, beside) = (Arc::new(AtomicU32::new(0)), other.clone());
        let unlucky = store.clone();
        let unlucky = tokio::spawn(async move {
            let unit = unlucky.write(move |tx| {
                let run = lose(tx, &runs, &beside)?;
                link(tx, CHAINS[0], "unlucky").map(|_| run)
            });
            unit.await
        });
        let mut longest = Duration::ZERO;
        while !unlucky.is_finished() {
            let began = Instant::now();
            other.write(|tx| link(tx, CHAINS[1], "between")).await.unwrap();
            longest = longest.max(began.elapsed());
        }
        assert_eq!(unlucky.await.unwrap().unwrap(), 6, "beside the one that does not end");
        assert!(!holding.is_finished());
        assert!(longest < Duration::from_secs(4), "{longest:?}");
        assert_eq!(store.statistics().ran_alone, 0);
        drop(release);
        holding.await.unwrap().unwrap();
    });
}

#[test]
fn who_has_waited_too_long_to_begin_keeps_the_connection() {
    let database = chained();
    merak_testkit::run(async move {
        let hasty = Options { statement_timeout: Duration::from_secs(2), ..database.options() };
        let (store, other) = (Store::open(&hasty).unwrap(), database.open());
        let (release, held) = mpsc::channel::<()>();
        let (ready, is_held) = mpsc::channel();
        let alone = tokio::spawn(async move {
            other
                .write(move |tx| {
                    tx.execute("LOCK TABLE unit_lock IN EXCLUSIVE MODE", &[])?;
                    let _ = ready.send(());
                    let _ = held.recv_timeout(Duration::from_secs(25));
                    Ok::<_, Error>(())
                })
                .await
        });
        tokio::task::spawn_blocking(move || is_held.recv()).await.unwrap().unwrap();
        let waiting = store.clone();
        let waiting = tokio::spawn(async move { waiting.write(|tx| link(tx, CHAINS[0], "late")).await });
        until(|| store.statistics().reruns > 0).await;
        drop(release);
        alone.await.unwrap().unwrap();
        assert_eq!(waiting.await.unwrap().unwrap(), 1);
        assert_eq!(store.statistics().reconnects, 0);
    });
}

#[test]
fn who_waits_in_a_lane_and_is_gone_is_not_run() {
    let database = chained();
    merak_testkit::run(async move {
        let (store, other) = (database.open(), database.open());
        let (release, held) = mpsc::channel::<()>();
        let (enter, has_entered) = mpsc::channel();
        let mut runs = 0;
        let first = store.clone();
        let first = tokio::spawn(async move {
            let unit = first.write(move |tx| {
                runs += 1;
                length(tx)?;
                if runs == 1 {
                    other.write_blocking(|tx| link(tx, CHAINS[0], "other"))?;
                } else {
                    let _ = enter.send(());
                    let _ = held.recv_timeout(Duration::from_secs(25));
                }
                link(tx, CHAINS[0], "first")
            });
            unit.await
        });
        tokio::task::spawn_blocking(move || has_entered.recv()).await.unwrap().unwrap();
        let runs_of_gone = Arc::new(AtomicU32::new(0));
        let (gone, counted) = (store.clone(), Arc::clone(&runs_of_gone));
        let gone = tokio::spawn(async move {
            let unit = gone.write(move |tx| {
                counted.fetch_add(1, Ordering::SeqCst);
                link(tx, CHAINS[0], "gone")
            });
            unit.await
        });
        until(|| store.statistics().queued_in_lanes > 0).await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(release);
        first.await.unwrap().unwrap();
        store.shutdown().await;
        assert_eq!(runs_of_gone.load(Ordering::SeqCst), 1, "it has stood back once");
        let again = database.open();
        let names = tokio::task::spawn_blocking(move || names(&again, CHAINS[0])).await.unwrap();
        assert_eq!(names, ["other", "first"]);
    });
}

#[test]
fn who_has_a_lane_to_itself_waits_in_that_of_others() {
    let database = chained();
    merak_testkit::run(async move {
        let (store, other) = (database.open(), database.open());
        let (release, held) = mpsc::channel::<()>();
        let (enter, has_entered) = mpsc::channel();
        let (first, beside, mut runs) = (store.clone(), other.clone(), 0);
        let first = tokio::spawn(async move {
            let unit = first.write(move |tx| {
                runs += 1;
                length(tx)?;
                if runs == 1 {
                    beside.write_blocking(|tx| link(tx, CHAINS[0], "other"))?;
                } else {
                    let _ = enter.send(());
                    let _ = held.recv_timeout(Duration::from_secs(25));
                }
                link(tx, CHAINS[0], "first").map(|_| runs)
            });
            unit.await
        });
        tokio::task::spawn_blocking(move || has_entered.recv()).await.unwrap().unwrap();
        let (second, mut runs) = (store.clone(), 0);
        let second = tokio::spawn(async move {
            let unit = second.write(move |tx| {
                runs += 1;
                if runs == 1 {
                    tx.one::<i64>("SELECT length FROM heads WHERE chain_id = $1", &[&CHAINS[1]])?;
                    other.write_blocking(|tx| link(tx, CHAINS[1], "other"))?;
                }
                link(tx, CHAINS[1], "second")?;
                link(tx, CHAINS[0], "second").map(|_| runs)
            });
            unit.await
        });
        until(|| store.statistics().queued_in_lanes > 0).await;
        drop(release);
        assert_eq!(first.await.unwrap().unwrap(), 2, "it was not disturbed in its lane");
        assert_eq!(second.await.unwrap().unwrap(), 3, "it lost once, and stood back once");
        let both = store.clone();
        let names =
            tokio::task::spawn_blocking(move || CHAINS.map(|chain| names(&both, chain))).await.unwrap();
        assert_eq!(names, [vec!["other", "first", "second"], vec!["other", "second"]]);
        assert_eq!(store.statistics().queued_in_lanes, 0);
    });
}

#[test]
fn a_migration_and_a_unit_that_runs_alone_do_not_wait_for_each_other() {
    const STEP: Migration = Migration {
        name: "0002_notes",
        sql: "
            ALTER TABLE notes ADD COLUMN body text;
            -- postgres: SELECT pg_sleep(2);
        ",
    };
    let database = chained();
    merak_testkit::run(async move {
        let (store, other) = (database.open(), database.open());
        let (runs, migrator) = (AtomicU32::new(0), store.clone());
        let (tell, told) = mpsc::channel();
        let unit = store.write(move |tx| {
            let run = lose(tx, &runs, &other)?;
            if run == 6 {
                let (tell, migrator) = (tell.clone(), migrator.clone());
                std::thread::spawn(move || tell.send(migrator.migrate(&[SCHEMA, STEP])));
                let held = "SELECT count(*) FROM pg_locks WHERE relation = to_regclass('notes') \
                    AND mode = 'AccessExclusiveLock' AND granted";
                let deadline = Instant::now() + Duration::from_secs(30);
                while tx.one::<i64>(held, &[])? == 0 {
                    assert!(Instant::now() < deadline, "the migration did not lock it");
                    std::thread::sleep(Duration::from_millis(1));
                }
                // It waits for the migration here.
                tx.execute("INSERT INTO notes (id) VALUES ($1)", &[&CHAINS[0]])?;
            }
            link(tx, CHAINS[0], "alone").map(|_| run)
        });
        assert_eq!(unit.await.unwrap(), 6);
        let migrated = tokio::task::spawn_blocking(move || told.recv()).await.unwrap().unwrap();
        assert_eq!(migrated.unwrap(), ["0002_notes"]);
        assert_eq!(store.statistics().ran_alone, 1);
    });
}
