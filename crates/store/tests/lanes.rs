//! Many units that change the same rows on PostgreSQL: all of them succeed, on one node and on several.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use merak_store::{Error, Migration, Options, Statistics, Store, Tx};
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
        let (counted, seen) = (Arc::clone(&runs), Arc::clone(&links));
        let long = store.write(move |tx| {
            let run = counted.fetch_add(1, Ordering::SeqCst);
            // It sees the chain as it is now, and is slower with what follows from that than the others: as long as there
            // are any, more of them have come to their end than were running when it looked.
            tx.one::<i64>("SELECT length FROM heads WHERE chain_id = $1", &[&CHAINS[0]])?;
            let before = seen.load(Ordering::SeqCst);
            while run < 5 && seen.load(Ordering::SeqCst) < before + 7 {
                std::thread::sleep(Duration::from_millis(1));
            }
            link(tx, CHAINS[0], "long")
        });
        long.await.unwrap();
        is_over.store(true, Ordering::SeqCst);
        short.join_all().await;
        assert_eq!(runs.load(Ordering::SeqCst), 6, "it loses until it runs alone");
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
        let deadline = Instant::now() + Duration::from_secs(20);
        while store.statistics().queued_in_lanes == 0 {
            assert!(Instant::now() < deadline, "nobody waits in a lane: {:?}", store.statistics());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
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
            units.spawn(async move { store.write(move |tx| link(tx, CHAINS[0], &number.to_string())).await });
        }
        while store.statistics().lane_waits == 0 {
            tokio::task::yield_now().await;
        }
        store.shutdown().await;
        let kept = units.join_all().await.into_iter().map(|answer| match answer {
            Ok(_) => 1,
            Err(error) => {
                assert!(matches!(error, Error::Closed), "{error}");
                0
            }
        });
        let (kept, again) = (kept.sum::<usize>(), database.open());
        let names = tokio::task::spawn_blocking(move || names(&again, CHAINS[0])).await.unwrap();
        assert_eq!(names.len(), kept);
    });
}
