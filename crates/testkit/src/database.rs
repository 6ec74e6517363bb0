//! Databases that live as long as a test.

use std::{
    env, fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use merak_store::{Database, Engine, Migration, Options, Source, Store, TestSource};
use postgres::{Client, NoTls};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Names the server that PostgreSQL's tests run on, by the URL of a user who may create databases.
const SERVER: &str = "MERAK_TEST_POSTGRES_URL";

/// What an empty database is made from: both engines then sort texts alike, and fold the letters of every script.
const EMPTY: &str = "template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'";

/// A database of one test's own. It is dropped with this.
pub struct TestDatabase {
    place: Place,
    source: Arc<TestSource>,
}

enum Place {
    Sqlite { directory: TempDir },
    Postgres { name: String, url: String },
}

impl TestDatabase {
    /// Where it is.
    pub fn database(&self) -> Database {
        match &self.place {
            Place::Sqlite { directory } => Database::Sqlite { path: directory.path().join("merak.db") },
            Place::Postgres { url, .. } => Database::Postgres { url: url.clone(), read_url: None },
        }
    }

    /// The engine it is on.
    pub fn engine(&self) -> Engine {
        self.database().engine()
    }

    /// The clock and the dice of the units that run on it.
    pub fn source(&self) -> &Arc<TestSource> {
        &self.source
    }

    /// How it is opened: with few connections, and with the source of the test.
    pub fn options(&self) -> Options {
        let source: Arc<dyn Source> = self.source.clone();
        Options { database: self.database(), source, connections: 4, ..Options::default() }
    }

    /// Opens it.
    pub fn open(&self) -> Store {
        Store::open(&self.options()).expect("a fresh database can be opened")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Place::Postgres { name, .. } = &self.place {
            let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            administer(move |client| {
                client.batch_execute(&statement).expect("a test's database can be dropped");
            });
        }
    }
}

/// An empty database on the engine.
pub fn database(engine: Engine) -> TestDatabase {
    let place = match engine {
        Engine::Sqlite => sqlite(),
        Engine::Postgres => postgres_from(EMPTY),
    };
    TestDatabase { place, source: Arc::new(TestSource::new(1)) }
}

/// What the store makes beside the migrations. Templates are kept on a server by what they were made of.
const TABLES_OF_STORE: &str = "schema_migrations unit_lock";

/// A database on the engine to which the migrations have been applied. They run once for all tests, which get copies.
pub fn migrated(engine: Engine, migrations: &[Migration]) -> TestDatabase {
    let mut digest = Sha256::new();
    digest.update(TABLES_OF_STORE);
    for migration in migrations {
        digest.update(migration.name);
        digest.update(migration.sql);
    }
    let digest = digest.finalize();
    let version = digest.iter().take(8).fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let place = match engine {
        Engine::Sqlite => {
            let template = sqlite_template(&version, migrations);
            let place = sqlite();
            if let Place::Sqlite { directory } = &place {
                fs::copy(template, directory.path().join("merak.db")).expect("a template can be copied");
            }
            place
        }
        Engine::Postgres => postgres_from(&postgres_template(&version, migrations)),
    };
    TestDatabase { place, source: Arc::new(TestSource::new(1)) }
}

/// Runs an asynchronous test.
#[doc(hidden)]
pub fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be started")
        .block_on(test);
}

fn sqlite() -> Place {
    Place::Sqlite { directory: tempfile::tempdir().expect("a temporary directory can be made") }
}

/// The file of a migrated database, made by the first test that needs it.
fn sqlite_template(version: &str, migrations: &[Migration]) -> PathBuf {
    let template = env::temp_dir().join(format!("merak-template-{version}.db"));
    if !template.exists() {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let path = directory.path().join("merak.db");
        let store =
            Store::open(&Options::new(Database::Sqlite { path: path.clone() })).expect("a template opens");
        store.migrate(migrations).expect("the migrations can be applied");
        // A copy is one file, while the database may still be spread over its log.
        let copy = template.with_extension(unique());
        store.backup(&copy).expect("the template can be copied");
        fs::rename(copy, &template).expect("the template can be put in place");
        store.shutdown_blocking();
    }
    template
}

/// The name of a migrated database, made by the first test that needs it.
fn postgres_template(version: &str, migrations: &[Migration]) -> String {
    let name = format!("merak_template_{version}");
    let template = name.clone();
    let migrations = migrations.to_vec();
    administer(move |client| {
        // Tests of many processes ask for the same template at once.
        client.batch_execute("SELECT pg_advisory_lock(6845271)").expect("the lock can be had");
        let exists = client
            .query_one("SELECT count(*) FROM pg_database WHERE datname = $1", &[&template])
            .expect("the catalogue can be read");
        if exists.get::<_, i64>(0) == 0 {
            // Renamed when it is complete, so that an interrupted test run leaves no half of a template.
            let half = format!("{template}_{}", unique());
            client
                .batch_execute(&format!("CREATE DATABASE {half} TEMPLATE {EMPTY}"))
                .expect("a database can be created");
            let url = url_of(&half);
            let store = Store::open(&Options::new(Database::Postgres { url, read_url: None }))
                .expect("a template opens");
            store.migrate(&migrations).expect("the migrations can be applied");
            store.shutdown_blocking();
            client
                .batch_execute(&format!("ALTER DATABASE {half} RENAME TO {template}"))
                .expect("a database can be renamed");
        }
    });
    name
}

fn postgres_from(template: &str) -> Place {
    let name = format!("merak_test_{}", unique());
    let statement = format!("CREATE DATABASE {name} TEMPLATE {template}");
    administer(move |client| client.batch_execute(&statement).expect("a database can be created"));
    let url = url_of(&name);
    Place::Postgres { name, url }
}

/// Does something on the server itself, in a thread of its own, because the driver must not be used inside of an
/// asynchronous test.
fn administer(work: impl FnOnce(&mut Client) + Send + 'static) {
    let server = server();
    std::thread::spawn(move || {
        let mut client = Client::connect(&server, NoTls).expect("the server of the tests can be reached");
        work(&mut client);
    })
    .join()
    .expect("the server of the tests does what it is asked");
}

fn server() -> String {
    env::var(SERVER).unwrap_or_else(|_| {
        panic!("this test needs PostgreSQL: run `cargo xtask test`, which starts one, or set {SERVER}")
    })
}

/// The server's URL with another database in it.
fn url_of(name: &str) -> String {
    let server = server();
    let (address, query) = server.split_once('?').unwrap_or((&server, ""));
    let host_begins = address.find("://").map_or(0, |at| at + 3);
    let host_ends = address[host_begins..].find('/').map_or(address.len(), |at| host_begins + at);
    format!("{}/{name}?{query}", &address[..host_ends])
}

/// A name that no other test of this machine uses.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970").as_nanos();
    format!("{}_{}_{nanos}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
