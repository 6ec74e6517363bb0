//! What is left standing when the engine fails: connections die, servers go away, disks fill up, commits fail.

use std::{
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use merak_store::{BackupError, Database, Error, Migration, Options, ResultExt, Store, Tx};
use merak_testkit::{Engine, TestDatabase, both_engines};
use tokio::task::JoinSet;

const SCHEMA: Migration = Migration {
    name: "0001_pairs",
    sql: "
        CREATE TABLE pairs (
            id bigint NOT NULL,
            one bigint NOT NULL,
            other bigint NOT NULL,
            CONSTRAINT pairs_pkey PRIMARY KEY (id)
        );
        CREATE TABLE parts (
            id bigint NOT NULL,
            pair_id bigint NOT NULL REFERENCES pairs (id) DEFERRABLE INITIALLY DEFERRED,
            body text NOT NULL,
            CONSTRAINT parts_pkey PRIMARY KEY (id)
        );
        INSERT INTO pairs (id, one, other) VALUES (1, 0, 0);
    ",
};

fn migrated(engine: Engine) -> TestDatabase {
    merak_testkit::migrated(engine, &[SCHEMA])
}

fn count_up(tx: &mut Tx<'_>) -> Result<(), Error> {
    tx.changed_one("UPDATE pairs SET one = one + 1 WHERE id = 1", &[])?;
    tx.changed_one("UPDATE pairs SET other = other + 1 WHERE id = 1", &[])
}

fn pair(store: &Store) -> (i64, i64) {
    store.read_blocking(|tx| tx.one("SELECT one, other FROM pairs WHERE id = 1", &[])).unwrap()
}

/// Ends every other connection to this database from within a unit.
fn kill_all(tx: &mut Tx<'_>) -> Result<u64, Error> {
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    tx.all::<bool>(sql, &[]).map(|killed| killed.len() as u64)
}

both_engines! {
    setup = migrated;

    fn a_commit_that_fails_is_the_units_answer(database: TestDatabase) {
        let store = database.open();
        let refused = store.write_blocking(|tx| {
            count_up(tx)?;
            tx.execute("INSERT INTO parts (id, pair_id, body) VALUES (1, 9, '')", &[])
        });
        assert!(matches!(refused, Err(Error::Constraint(name)) if name == "foreign_key"));
        assert_eq!(pair(&store), (0, 0));
        store.write_blocking(count_up).unwrap();
        assert_eq!(pair(&store), (1, 1));
    }

    fn a_large_number_of_texts_does_not_exhaust_the_statement_cache(database: TestDatabase) {
        let store = Store::open(&Options { statements: 4, connections: 1, ..database.options() }).unwrap();
        for round in 0..3 {
            for number in 0..20_i64 {
                let sql = format!("SELECT CAST({number} AS bigint) + CAST($1 AS bigint)");
                let sum = store.write_blocking(move |tx| tx.one::<i64>(&sql, &[&round]));
                assert_eq!(sum.unwrap(), number + i64::from(round));
            }
        }
    }
}

#[test]
fn a_commit_that_fails_fails_its_whole_group() {
    let database = migrated(Engine::Sqlite);
    merak_testkit::run(async move {
        let store = database.open();
        let hold = merak_testkit::hold(&store).await;
        let mut units = JoinSet::new();
        for number in 0..6 {
            let store = store.clone();
            units.spawn(async move {
                store
                    .write(move |tx| {
                        if number == 3 {
                            let orphan = "INSERT INTO parts (id, pair_id, body) VALUES (1, 9, '')";
                            return tx.execute(orphan, &[]).map(drop);
                        }
                        count_up(tx)
                    })
                    .await
            });
        }
        while store.statistics().queued_writes < 6 {
            tokio::task::yield_now().await;
        }
        let first = hold.release().await;
        // What arrives while a group runs still joins it.
        let mut results = units.join_all().await;
        results.push(first);
        for result in results {
            assert!(matches!(&result, Err(Error::Constraint(name)) if name == "foreign_key"), "{result:?}");
        }
        store.write(count_up).await.unwrap();
        let pair = tokio::task::spawn_blocking(move || pair(&store)).await.unwrap();
        assert_eq!(pair, (1, 1));
    });
}

#[test]
fn a_full_database_is_answered_so_and_recovers() {
    let database = migrated(Engine::Sqlite);
    let store = database.open();
    let limit = |pages: i64| {
        let sql = format!("PRAGMA max_page_count = {pages}");
        store.write_blocking(move |tx| tx.returning::<i64>(&sql, &[])).unwrap();
    };
    let fill = |id: i64| {
        store.write_blocking(move |tx| {
            count_up(tx)?;
            let body = "x".repeat(500_000);
            tx.execute("INSERT INTO parts (id, pair_id, body) VALUES ($1, 1, $2)", &[&id, &body]).map(drop)
        })
    };
    limit(60);
    for id in 0..3 {
        let answer = fill(id);
        assert!(matches!(answer, Err(Error::Full)), "{answer:?}");
    }
    let swallowed = store.write_blocking(|tx| {
        let body = "x".repeat(500_000);
        let _ = tx.execute("INSERT INTO parts (id, pair_id, body) VALUES (1, 1, $1)", &[&body]);
        Ok::<_, Error>(())
    });
    assert!(matches!(swallowed, Err(Error::Full)));
    assert_eq!(pair(&store), (0, 0));
    store.write_blocking(count_up).unwrap();
    limit(100_000);
    fill(1).unwrap();
    assert_eq!(pair(&store), (2, 2));
}

#[test]
fn postgres_says_full_and_unavailable_in_its_own_words() {
    let database = migrated(Engine::Postgres);
    let store = database.open();
    let raise = |code: &str| {
        let sql = format!("DO $$ BEGIN RAISE 'no' USING ERRCODE = '{code}'; END $$");
        store.write_blocking(move |tx| tx.execute(&sql, &[]))
    };
    assert!(matches!(raise("53100"), Err(Error::Full)));
    assert!(matches!(raise("53200"), Err(Error::Unavailable(_))));
    assert!(matches!(raise("40P01"), Err(Error::Conflict)));
    assert!(matches!(raise("XX000"), Err(Error::Engine(_))));
    let hasty = Options { statement_timeout: Duration::from_millis(100), ..database.options() };
    let slow =
        Store::open(&hasty).unwrap().write_blocking(|tx| tx.all::<bool>("SELECT pg_sleep(100) IS NULL", &[]));
    assert!(matches!(slow, Err(Error::Unavailable(_))), "{slow:?}");
    store.write_blocking(count_up).unwrap();
}

#[test]
fn a_killed_connection_is_opened_again_without_anybody_noticing() {
    let database = migrated(Engine::Postgres);
    let store = database.open();
    let killer = database.open();
    for expected in 1..=5 {
        killer.write_blocking(kill_all).unwrap();
        store.write_blocking(count_up).unwrap();
        assert_eq!(pair(&store), (expected, expected));
    }
    assert!(store.statistics().reconnects > 0);

    // In the middle of a unit as well, as long as it has not begun to commit.
    let (killer, mut first) = (killer.clone(), true);
    let result = store.write_blocking(move |tx| {
        count_up(tx)?;
        if std::mem::take(&mut first) {
            let killer = killer.clone();
            thread::spawn(move || killer.write_blocking(kill_all)).join().unwrap()?;
        }
        tx.one::<i64>("SELECT one FROM pairs WHERE id = 1", &[])
    });
    assert_eq!(result.unwrap(), 6);
    assert_eq!(pair(&store), (6, 6));
}

#[test]
fn a_server_that_is_gone_is_answered_so_at_once_and_found_again() {
    let database = migrated(Engine::Postgres);
    let Database::Postgres { url, .. } = database.database() else {
        unreachable!("the engine was chosen above")
    };
    let (host, rest) =
        url.split_once('@').map_or_else(|| panic!("{url}"), |(_, rest)| rest.split_once('/').unwrap());
    let proxy = Proxy::start(host.parse().expect("the server is given as an address"));
    let through = url.replace(&format!("@{host}/{rest}"), &format!("@{}/{rest}", proxy.address));
    let options = Options {
        database: Database::Postgres { url: through, read_url: None },
        connections: 1,
        readers: 1,
        ..database.options()
    };
    let store = Store::open(&options).unwrap();
    store.write_blocking(count_up).unwrap();
    proxy.interrupt();
    for _ in 0..10 {
        let began = Instant::now();
        let (written, read) =
            (store.write_blocking(count_up), store.read_blocking(|tx| tx.one::<i64>("SELECT 1", &[])));
        assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
        assert!(matches!(read, Err(Error::Unavailable(_))), "{read:?}");
        // A connection that has to be given up takes five.
        assert!(began.elapsed() < Duration::from_secs(4));
    }
    proxy.resume();
    let deadline = Instant::now() + Duration::from_secs(20);
    while store.write_blocking(count_up).is_err() {
        assert!(Instant::now() < deadline, "the store did not come back");
        thread::yield_now();
    }
    assert_eq!(pair(&database.open()), (2, 2));
}

#[test]
fn a_worker_that_is_cut_off_leaves_its_lane_to_the_others() {
    const UNITS: u32 = 8;
    let database = migrated(Engine::Postgres);
    let Database::Postgres { url, .. } = database.database() else {
        unreachable!("the engine was chosen above")
    };
    let (host, rest) =
        url.split_once('@').map_or_else(|| panic!("{url}"), |(_, rest)| rest.split_once('/').unwrap());
    let proxy = Proxy::start(host.parse().expect("the server is given as an address"));
    let through = url.replace(&format!("@{host}/{rest}"), &format!("@{}/{rest}", proxy.address));
    let options = Options {
        database: Database::Postgres { url: through, read_url: None },
        connections: 2,
        ..database.options()
    };
    merak_testkit::run(async move {
        let (store, other) = (Store::open(&options).unwrap(), database.open());
        let (release, held) = mpsc::channel::<()>();
        let (enter, has_entered) = mpsc::channel();
        let (first, mut runs) = (store.clone(), 0);
        let first = tokio::spawn(async move {
            let unit = first.write(move |tx| {
                runs += 1;
                tx.one::<i64>("SELECT one FROM pairs WHERE id = 1", &[])?;
                if runs == 1 {
                    // It loses, and so comes into a lane.
                    other.write_blocking(count_up)?;
                    return count_up(tx);
                }
                let _ = enter.send(());
                let _ = held.recv_timeout(Duration::from_secs(25));
                tx.one::<bool>("SELECT pg_terminate_backend(pg_backend_pid())", &[]).map(drop)
            });
            unit.await
        });
        tokio::task::spawn_blocking(move || has_entered.recv()).await.unwrap().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut units = JoinSet::new();
        for _ in 0..UNITS {
            let store = store.clone();
            units.spawn(async move { store.write(count_up).await });
        }
        while store.statistics().queued_in_lanes < u64::from(UNITS) {
            assert!(Instant::now() < deadline, "{:?}", store.statistics());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        proxy.refuse();
        drop(release);
        let first = first.await.unwrap();
        assert!(matches!(first, Err(Error::Unavailable(_))), "{first:?}");
        let answers = tokio::spawn(units.join_all());
        while !answers.is_finished() {
            assert!(Instant::now() < deadline, "somebody waits for the one that is cut off");
            store.write(|tx| tx.one::<i64>("SELECT 1", &[])).await.unwrap();
        }
        for answer in answers.await.unwrap() {
            answer.unwrap();
        }
        let sql = "SELECT one FROM pairs WHERE id = 1";
        assert_eq!(store.read(|tx| tx.one::<i64>(sql, &[])).await.unwrap(), i64::from(UNITS) + 1);
    });
}

#[test]
fn a_server_that_says_nothing_more_is_given_up() {
    let database = migrated(Engine::Postgres);
    let Database::Postgres { url, .. } = database.database() else {
        unreachable!("the engine was chosen above")
    };
    let (host, rest) =
        url.split_once('@').map_or_else(|| panic!("{url}"), |(_, rest)| rest.split_once('/').unwrap());
    let proxy = Proxy::start(host.parse().expect("the server is given as an address"));
    let through = url.replace(&format!("@{host}/{rest}"), &format!("@{}/{rest}", proxy.address));
    let options = Options {
        database: Database::Postgres { url: through, read_url: None },
        connections: 1,
        readers: 1,
        statement_timeout: Duration::from_secs(3),
        connect_timeout: Duration::from_secs(2),
        ..database.options()
    };
    let store = Store::open(&options).unwrap();
    store.write_blocking(count_up).unwrap();
    let held = proxy.hold();
    let began = Instant::now();
    let written = store.write_blocking(count_up);
    let read = store.read_blocking(|tx| tx.one::<i64>("SELECT 1", &[]));
    for answer in [written.map(|()| 0), read] {
        assert!(matches!(&answer, Err(Error::Unavailable(_))), "{answer:?}");
        assert!(answer.unwrap_err().to_string().ends_with("the server did not answer in time"));
    }
    store.shutdown_blocking();
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    drop(held);
}

#[test]
fn a_server_that_never_says_anything_cannot_be_opened() {
    // The system takes connections for a listener that never looks at them.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let began = Instant::now();
    for mode in ["disable", "prefer"] {
        let url = format!("postgres://nobody@{}/nothing?sslmode={mode}", silent.local_addr().unwrap());
        let database = Database::Postgres { url, read_url: None };
        let options = Options { connect_timeout: Duration::from_millis(200), ..Options::new(database) };
        let refused = Store::open(&options);
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn a_standby_is_a_server_that_cannot_serve_now() {
    let standby = Standby::start();
    let url = format!("postgres://nobody@{standby}/nothing?sslmode=disable");
    let database = Database::Postgres { url, read_url: None };
    let store = Store::open(&Options { connections: 1, readers: 1, ..Options::new(database) }).unwrap();
    let written = store.write_blocking(count_up);
    assert!(matches!(written, Err(Error::Unavailable(_))), "{written:?}");
    assert!(written.unwrap_err().to_string().contains("during recovery (0A000)"));
}

#[test]
fn a_server_that_is_not_there_cannot_be_opened() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("postgres://nobody:secret@{free}/nothing");
    let database = Database::Postgres { url, read_url: None };
    assert!(!format!("{database} {database:?}").contains("secret"));
    let refused = Store::open(&Options::new(database));
    assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
}

#[test]
fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let database = migrated(Engine::Postgres);
    let Database::Postgres { url, .. } = database.database() else {
        unreachable!("the engine was chosen above")
    };
    let open = |mode: &str| {
        let separator = if url.contains('?') { '&' } else { '?' };
        let url = format!("{url}{separator}sslmode={mode}");
        Store::open(&Options::new(Database::Postgres { url, read_url: None }))
    };
    open("disable").unwrap();
    open("prefer").unwrap();
    for mode in ["require", "verify-ca", "verify-full"] {
        assert!(matches!(open(mode), Err(Error::Unavailable(_))), "{mode}");
    }
    assert!(matches!(open("nonsense"), Err(Error::Misuse(_))));
}

#[test]
fn reading_units_go_to_the_replica_if_there_is_one() {
    let (primary, replica) = (migrated(Engine::Postgres), migrated(Engine::Postgres));
    let url_of = |database: &TestDatabase| match database.database() {
        Database::Postgres { url, .. } => url,
        Database::Sqlite { .. } => unreachable!("the engine was chosen above"),
    };
    let database = Database::Postgres { url: url_of(&primary), read_url: Some(url_of(&replica)) };
    let store = Store::open(&Options::new(database)).unwrap();
    let sql = "SELECT current_database()";
    let names = (
        store.write_blocking(move |tx| tx.one::<String>(sql, &[])).unwrap(),
        store.read_blocking(move |tx| tx.one::<String>(sql, &[])).unwrap(),
    );
    assert!(url_of(&primary).contains(&names.0), "{names:?}");
    assert!(url_of(&replica).contains(&names.1), "{names:?}");
    let written = store.read_blocking(|tx| {
        let sql = "UPDATE pairs SET one = 7 WHERE id = 1 RETURNING one";
        tx.all::<i64>(sql, &[])
    });
    assert!(matches!(written, Err(Error::Misuse(_))), "a replica is only read: {written:?}");
    store.shutdown_blocking();
}

#[test]
fn a_backup_is_of_one_instant_while_writes_go_on() {
    let database = migrated(Engine::Sqlite);
    let store = database.open();
    let stop = Arc::new(AtomicBool::new(false));
    let (writer, stopped) = (store.clone(), Arc::clone(&stop));
    let writing = thread::spawn(move || {
        let mut id = 0_i64;
        while !stopped.load(Ordering::Relaxed) {
            id += 1;
            writer
                .write_blocking(move |tx| {
                    count_up(tx)?;
                    let body = "x".repeat(20_000);
                    tx.execute("INSERT INTO parts (id, pair_id, body) VALUES ($1, 1, $2)", &[&id, &body])
                })
                .unwrap();
        }
    });
    let directory = tempfile::tempdir().unwrap();
    let copy = directory.path().join("copy.db");
    for _ in 0..5 {
        store.backup(&copy).unwrap();
        let copied = Store::open(&Options::new(Database::Sqlite { path: copy.clone() })).unwrap();
        let (one, other) = pair(&copied);
        let parts = copied.read_blocking(|tx| tx.one::<i64>("SELECT count(*) FROM parts", &[])).unwrap();
        assert_eq!((one, other), (parts, parts));
        copied.shutdown_blocking();
    }
    stop.store(true, Ordering::Relaxed);
    writing.join().unwrap();
    let nowhere = store.backup(&directory.path().join("missing/copy.db"));
    assert!(matches!(nowhere, Err(BackupError::Target(_))), "{nowhere:?}");
}

#[test]
fn what_was_answered_is_there_after_opening_again() {
    let database = migrated(Engine::Sqlite);
    let store = database.open();
    store.write_blocking(count_up).unwrap();
    let beside = database.open();
    assert_eq!(pair(&beside), (1, 1));
    store.shutdown_blocking();
    beside.write_blocking(count_up).unwrap();
    assert_eq!(pair(&database.open()), (2, 2));
}

#[test]
fn a_refusal_by_name_passes_other_errors_on() {
    let refused: Result<(), Error> =
        Err(Error::Constraint("pairs_pkey".to_owned())).on_constraint("parts_pkey", || Error::Closed);
    assert!(matches!(refused, Err(Error::Constraint(name)) if name == "pairs_pkey"));
}

/// Plays a server that is a standby: it refuses to begin what writes.
struct Standby;

impl Standby {
    fn start() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                thread::spawn(move || Self::serve(client));
            }
        });
        address
    }

    /// Speaks as much of the protocol as a store needs until it is refused.
    fn serve(mut client: TcpStream) -> io::Result<()> {
        let ready = Self::message(b'Z', b"I");
        Self::hear(&mut client)?;
        client.write_all(&[Self::message(b'R', &[0; 4]), ready.clone()].concat())?;
        loop {
            let mut kind = [0];
            client.read_exact(&mut kind)?;
            let said = Self::hear(&mut client)?;
            let answer = if said.starts_with(b"BEGIN") {
                let sentence = "cannot set transaction read-write mode during recovery";
                let fields = format!("SERROR\0VERROR\0C0A000\0M{sentence}\0\0");
                Self::message(b'E', fields.as_bytes())
            } else {
                Self::message(b'C', b"SET\0")
            };
            client.write_all(&[answer, ready.clone()].concat())?;
        }
    }

    fn hear(client: &mut TcpStream) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        client.read_exact(&mut length)?;
        let mut said = vec![0; u32::from_be_bytes(length) as usize - 4];
        client.read_exact(&mut said)?;
        Ok(said)
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[kind], &length[..], body].concat()
    }
}

/// Stands between a store and its server, and can be interrupted.
struct Proxy {
    address: SocketAddr,
    server: SocketAddr,
    streams: Arc<Mutex<Vec<TcpStream>>>,
    open: Arc<AtomicBool>,
    /// Held while nothing may pass.
    gate: Arc<Mutex<()>>,
}

impl Proxy {
    fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(AtomicBool::new(true));
        let proxy = Self { address, server, streams: Arc::default(), open, gate: Arc::default() };
        let (server, streams, open) = (proxy.server, Arc::clone(&proxy.streams), Arc::clone(&proxy.open));
        let gate = Arc::clone(&proxy.gate);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if open.load(Ordering::SeqCst) {
                    streams.lock().unwrap().extend(join(client, server, &gate).unwrap());
                }
            }
        });
        proxy
    }

    /// Closes all connections, and from now on every new one.
    fn interrupt(&self) {
        self.refuse();
        for stream in self.streams.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Closes every new connection from now on.
    fn refuse(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    /// Keeps every byte to itself, for as long as the answer lives.
    fn hold(&self) -> MutexGuard<'_, ()> {
        self.gate.lock().unwrap()
    }

    fn resume(&self) {
        self.open.store(true, Ordering::SeqCst);
    }
}

fn join(client: TcpStream, server: SocketAddr, gate: &Arc<Mutex<()>>) -> io::Result<[TcpStream; 2]> {
    let server = TcpStream::connect(server)?;
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (mut from, mut to) = (from.try_clone()?, to.try_clone()?);
        let gate = Arc::clone(gate);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                drop(gate.lock());
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    Ok([client, server])
}
