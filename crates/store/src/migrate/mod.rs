//! Migrations: one source for both engines, forward only.

mod translate;

use std::{collections::HashMap, thread};

use sha2::{Digest, Sha256};

use crate::{
    Database, Engine, Error, Options, Result, Source, SystemSource, Tx, postgres, sqlite,
    tx::{self, Scope},
};

/// One step of the schema.
///
/// The text is PostgreSQL's SQL, of the subset that SQLite knows too. On SQLite the types of columns are replaced by
/// its own (`uuid`, `timestamptz`, `json` and `jsonb` become `TEXT`, `bigint` and `boolean` become `INTEGER`, `bytea`
/// becomes `BLOB`), and tables are made `STRICT`. A line that begins with `-- sqlite:` or `-- postgres:` is run on
/// that engine only. A trigger for SQLite stands in one such line; its body ends in `END`.
///
/// All steps that are due are applied in one transaction. An applied step is never changed: its checksum is kept.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// The name, which sorts as the steps follow each other: `0001_license_keys`.
    pub name: &'static str,
    /// The statements, each ended by a semicolon.
    pub sql: &'static str,
}

impl Migration {
    /// SHA-256 of the text, in hexadecimal; line ends do not count.
    fn checksum(&self) -> String {
        let digest = Sha256::digest(self.sql.replace('\r', ""));
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }
}

/// Any number, as long as nothing else of the database uses it for an advisory lock.
const LOCK: i64 = 0x006d_6572_616b_0001;

const TABLE: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL,
    CONSTRAINT schema_migrations_pkey PRIMARY KEY (name)
);";

/// What units lock. It has no rows and no columns, and no migration touches it: one that holds a table which a unit waits for
/// must not wait for that unit.
const LOCKED_BY_UNITS: &str = "CREATE TABLE IF NOT EXISTS unit_lock ()";

pub(crate) fn apply(options: &Options, migrations: &[Migration]) -> Result<Vec<String>> {
    in_connection(options, |connection| {
        connection.batch(match connection.engine() {
            Engine::Sqlite => "BEGIN IMMEDIATE",
            Engine::Postgres => "BEGIN",
        })?;
        let result = connection.apply(migrations).and_then(|names| {
            connection.batch("COMMIT")?;
            Ok(names)
        });
        if result.is_err() {
            // The connection is closed after this, which undoes everything in any case.
            drop(connection.batch("ROLLBACK"));
        }
        result
    })
}

pub(crate) fn pending(options: &Options, migrations: &[Migration]) -> Result<Vec<String>> {
    in_connection(options, |connection| {
        let due = connection.due(migrations)?;
        Ok(due.into_iter().map(|migration| migration.name.to_owned()).collect())
    })
}

/// Opens a connection in a thread of its own, because the PostgreSQL driver must not be used inside an asynchronous
/// runtime.
fn in_connection<T: Send>(
    options: &Options,
    work: impl FnOnce(&mut Connection) -> Result<T> + Send,
) -> Result<T> {
    thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut connection = match &options.database {
                Database::Sqlite { path } => {
                    Connection::Sqlite(sqlite::Session::open(path, sqlite::Role::Migrator, 1)?)
                }
                Database::Postgres { url, .. } => Connection::Postgres(Box::new(
                    postgres::Target::new(url, options)?.without_timeout().connect()?,
                )),
            };
            work(&mut connection)
        });
        worker.join().unwrap_or(Err(Error::Panic))
    })
}

enum Connection {
    Sqlite(sqlite::Session),
    Postgres(Box<postgres::Session>),
}

impl Connection {
    fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    fn batch(&mut self, sql: &str) -> Result<()> {
        match self {
            Self::Sqlite(session) => session.batch(sql),
            Self::Postgres(session) => session.batch(sql),
        }
    }

    fn tx<'c>(&'c mut self, source: &'c SystemSource) -> Tx<'c> {
        let session = match self {
            Self::Sqlite(session) => tx::Session::Sqlite(session),
            Self::Postgres(session) => tx::Session::Postgres(session),
        };
        Tx::new(session, source, Scope::One)
    }

    /// Runs all statements of a text.
    fn script(&mut self, sql: &str) -> std::result::Result<(), (String, Error)> {
        for statement in translate::statements(sql, self.engine()) {
            self.batch(&statement).map_err(|error| (statement, error))?;
        }
        Ok(())
    }

    fn apply(&mut self, migrations: &[Migration]) -> Result<Vec<String>> {
        if self.engine() == Engine::Postgres {
            self.batch(&format!("SELECT pg_advisory_xact_lock({LOCK})"))?;
        }
        self.script(TABLE).map_err(|(_, error)| error)?;
        if self.engine() == Engine::Postgres {
            self.batch(LOCKED_BY_UNITS)?;
        }
        let source = SystemSource::new();
        let mut names = Vec::new();
        for migration in self.due(migrations)? {
            self.script(migration.sql)
                .map_err(|(statement, error)| refused(*migration, &statement, error))?;
            self.tx(&source).execute(
                "INSERT INTO schema_migrations (name, checksum, applied_at) VALUES ($1, $2, $3)",
                &[&migration.name, &migration.checksum(), &source.now()],
            )?;
            names.push(migration.name.to_owned());
        }
        if let (Self::Sqlite(session), false) = (&*self, names.is_empty()) {
            session.check_foreign_keys()?;
        }
        Ok(names)
    }

    /// The migrations that were not applied yet. Errs if one that was applied has another text now.
    fn due<'m>(&mut self, migrations: &'m [Migration]) -> Result<Vec<&'m Migration>> {
        let applied = self.applied()?;
        let newer = applied.keys().find(|name| migrations.iter().all(|migration| migration.name != **name));
        if let Some(name) = newer {
            tracing::warn!(migration = name, "the database was migrated by a newer release");
        }
        let mut due = Vec::new();
        for migration in migrations {
            match applied.get(migration.name) {
                None => due.push(migration),
                Some(checksum) if *checksum == migration.checksum() => {}
                Some(_) => {
                    return Err(Error::Migration {
                        name: migration.name.to_owned(),
                        reason: "it was changed after it had been applied".to_owned(),
                    });
                }
            }
        }
        Ok(due)
    }

    /// Names and checksums of the migrations that were applied.
    fn applied(&mut self) -> Result<HashMap<String, String>> {
        let source = SystemSource::new();
        let mut tx = self.tx(&source);
        let exists = tx.dialect(
            "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_migrations'",
            "SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migrations')",
        );
        if tx.one::<i64>(exists, &[])? == 0 {
            return Ok(HashMap::new());
        }
        let rows: Vec<(String, String)> = tx.all("SELECT name, checksum FROM schema_migrations", &[])?;
        Ok(rows.into_iter().collect())
    }
}

/// Says which statement of a migration failed. What has nothing to do with the migration itself passes as it is.
fn refused(migration: Migration, statement: &str, error: Error) -> Error {
    let reason = match &error {
        Error::Engine(cause) => cause.to_string(),
        Error::Constraint(_) => error.to_string(),
        _ => return error,
    };
    let first_line = statement.lines().next().unwrap_or_default();
    Error::Migration { name: migration.name.to_owned(), reason: format!("{reason} (in `{first_line} …`)") }
}
