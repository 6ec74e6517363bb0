//! Which database, and how much of the machine it may use.

use std::{fmt, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use crate::{Error, Source, SystemSource};

/// The two engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    /// The embedded engine.
    Sqlite,
    /// A PostgreSQL server, or one that speaks its protocol and has serializable transactions.
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// Where the data is. Passwords show neither in `Debug` nor in `Display`.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A file, made if it is missing.
    Sqlite {
        /// The file; its directory must exist.
        path: PathBuf,
    },
    /// A server.
    Postgres {
        /// Its URL. Beside what PostgreSQL's own clients know, `sslmode` may be `disable`, `prefer` (the default),
        /// `require`, `verify-ca` or `verify-full`, and `sslrootcert` a file of trusted certificates.
        url: String,
        /// The URL of a replica that reading units go to. They may then miss the newest writes.
        read_url: Option<String>,
    },
}

impl Database {
    /// The engine of this database.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Sqlite { .. } => Engine::Sqlite,
            Self::Postgres { .. } => Engine::Postgres,
        }
    }
}

impl FromStr for Database {
    type Err = Error;

    /// Reads `sqlite:PATH` or `postgres://…`. Anything else is refused rather than guessed, because a mistyped URL
    /// must not begin an empty database.
    fn from_str(text: &str) -> Result<Self, Error> {
        if let Some(path) = text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            let path = path.strip_prefix("//").unwrap_or(path);
            return Ok(Self::Sqlite { path: PathBuf::from(path) });
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres { url: text.to_owned(), read_url: None });
        }
        Err(Error::Misuse("a database URL is `sqlite:` and a path, or begins with `postgres://`".to_owned()))
    }
}

impl fmt::Display for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => write!(formatter, "sqlite:{}", path.display()),
            Self::Postgres { url, .. } => formatter.write_str(&masked(url)),
        }
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path } => formatter.debug_struct("Sqlite").field("path", path).finish(),
            Self::Postgres { url, read_url } => formatter
                .debug_struct("Postgres")
                .field("url", &masked(url))
                .field("read_url", &read_url.as_deref().map(masked))
                .finish(),
        }
    }
}

/// A URL with the password replaced, wherever it stands.
fn masked(url: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
    let mut masked = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:***@{host}"),
            None => format!("{scheme}://{user}@{host}"),
        },
        None => address.to_owned(),
    };
    if let Some(query) = query {
        let pairs: Vec<&str> = query
            .split('&')
            .map(|pair| if pair.starts_with("password=") { "password=***" } else { pair })
            .collect();
        masked.push('?');
        masked.push_str(&pairs.join("&"));
    }
    masked
}

/// How a store is opened. Begin with [`Options::new`] and change what must differ.
#[derive(Clone)]
pub struct Options {
    /// Where the data is.
    pub database: Database,
    /// Where units have their time, ids and randomness from.
    pub source: Arc<dyn Source>,
    /// How many units may wait for the writer, and as many for the readers; more are refused with [`Error::Busy`].
    pub queue: usize,
    /// Threads that run reading units.
    pub readers: usize,
    /// Connections that run writing units on PostgreSQL. SQLite has one writer.
    pub connections: usize,
    /// How many units SQLite's writer commits together at most.
    pub group: usize,
    /// How many prepared statements each connection keeps.
    pub statements: usize,
    /// How often a unit on PostgreSQL is run again after a conflict before it is answered with
    /// [`Error::Conflict`]. Every fifth time it runs without any other beside it, if those that run end soon.
    pub reruns: u32,
    /// How long one statement may take on PostgreSQL.
    pub statement_timeout: Duration,
    /// How long connecting to PostgreSQL may take.
    pub connect_timeout: Duration,
}

impl Options {
    /// Options with the default numbers, the machine's clock and its randomness.
    pub fn new(database: Database) -> Self {
        // A reader of SQLite works without pause; one of PostgreSQL mostly waits for the network.
        let readers = match database.engine() {
            Engine::Sqlite => 2,
            Engine::Postgres => 8,
        };
        Self {
            database,
            source: Arc::new(SystemSource::new()),
            queue: 4096,
            readers,
            connections: 8,
            group: 256,
            statements: 256,
            reruns: 20,
            statement_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// A file `merak.db` in the working directory.
impl Default for Options {
    fn default() -> Self {
        Self::new(Database::Sqlite { path: PathBuf::from("merak.db") })
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Options").field("database", &self.database).finish_non_exhaustive()
    }
}
