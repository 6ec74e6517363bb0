//! Units of work on two engines: SQLite inside the process, or a PostgreSQL server, with one SQL text for both.
//!
//! # A unit of work
//!
//! All reading and writing is done by plain synchronous functions over a [`Tx`] or a [`ReadTx`]:
//!
//! ```
//! use merak_store::{Database, Error, Migration, Options, Store, Timestamp, Tx, row};
//! use uuid::Uuid;
//!
//! row! {
//!     /// A seat somebody has taken.
//!     #[derive(Clone, Debug)]
//!     pub struct Seat in "seats" {
//!         /// Its id.
//!         pub id: Uuid,
//!         /// Who sits there.
//!         pub name: String,
//!         /// Since when.
//!         pub taken_at: Timestamp,
//!     }
//! }
//!
//! const SEATS: Migration = Migration {
//!     name: "0001_seats",
//!     sql: "CREATE TABLE seats (
//!         id uuid NOT NULL,
//!         name text NOT NULL,
//!         taken_at timestamptz NOT NULL,
//!         CONSTRAINT seats_pkey PRIMARY KEY (id),
//!         CONSTRAINT seats_name_key UNIQUE (name)
//!     );",
//! };
//!
//! /// Five seats, however many ask at once.
//! fn take(tx: &mut Tx<'_>, name: &str) -> Result<Option<Seat>, Error> {
//!     let taken: i64 = tx.one("SELECT count(*) FROM seats", &[])?;
//!     if taken >= 5 {
//!         return Ok(None);
//!     }
//!     let seat = Seat { id: tx.uuid(), name: name.to_owned(), taken_at: tx.now() };
//!     tx.insert(&seat)?;
//!     Ok(Some(seat))
//! }
//!
//! # let directory = tempfile::tempdir().unwrap();
//! # let path = directory.path().join("seats.db");
//! let store = Store::open(&Options::new(Database::Sqlite { path }))?;
//! store.migrate(&[SEATS])?;
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! let seat = store.write(|tx| take(tx, "Ada")).await?;
//! let found = store
//!     .read(move |tx| {
//!         let sql = format!("SELECT {} FROM seats WHERE name = $1", Seat::COLUMNS);
//!         tx.find::<Seat>(&sql, &[&"Ada"])
//!     })
//!     .await?;
//! assert_eq!(found.map(|seat| seat.id), seat.map(|seat| seat.id));
//! # Ok::<_, Error>(())
//! # })?;
//! # Ok::<_, Error>(())
//! ```
//!
//! # What a unit is promised
//!
//! - **It is alone.** Units that write are serializable on both engines: the outcome is as if they had run one after
//!   the other. "Check, then write" is right as it is written, with no lock and no `FOR UPDATE`.
//! - **All or nothing.** A unit that returns an error or panics leaves no trace, and does not disturb any other.
//! - **Durable when answered.** [`Store::write`] answers after the commit has reached the disk.
//! - **One instant, own dice.** [`ReadTx::now`] does not move within a unit; ids and randomness come from the store's
//!   [`Source`], so that a test can say what they are.
//! - **Never stuck in a line.** Queues are bounded. What does not fit is refused with [`Error::Busy`] at once.
//!
//! What is asked of it in return:
//!
//! - **It may run more than once**, so it has no effects but those on `tx`. What must happen outside is written down
//!   as a row, and done by somebody who reads it later.
//! - **It does not wait**, least of all for another unit: on SQLite every other writer waits with it, on PostgreSQL it may
//!   come to that.
//! - **It hands on the errors of statements.** The first statement that fails decides the unit: later ones repeat its
//!   error, and if the unit returns `Ok` all the same, the error is the answer. A unit may turn the error into one of
//!   its own ([`ResultExt::on_constraint`]). To go on after a conflict, write `ON CONFLICT DO NOTHING`.
//!
//! A reading unit sees one snapshot and cannot write. A unit whose single statement carries its whole rule can be run by
//! [`Store::write_one`], which promises less and is quicker.
//!
//! # The two engines
//!
//! | | SQLite | PostgreSQL |
//! | --- | --- | --- |
//! | writing units | one thread; all that wait share one transaction and one commit | one connection each, in a `SERIALIZABLE` transaction, rerun after conflicts: first behind those that change the same rows, every fifth time without any other |
//! | reading units | snapshots, on the calling thread if they are short, else on threads of their own | `REPEATABLE READ READ ONLY`, on a replica if there is one |
//! | `write_one` | an ordinary unit | one statement that commits by itself, at `READ COMMITTED` |
//! | `uuid` | `TEXT`, lower case with hyphens | `uuid` |
//! | `timestamptz` | `TEXT` of fixed width, see [`Timestamp`] | `timestamptz` |
//! | `json`, `jsonb` | `TEXT` | as they are; `json` keeps its spelling |
//! | `boolean`, `bigint` | `INTEGER` | as they are |
//! | constraint names | found in the schema, because SQLite reports columns | reported |
//! | disk full, server gone | [`Error::Full`] | [`Error::Full`], [`Error::Unavailable`]; work goes on by itself afterwards |
//!
//! # One SQL text
//!
//! Statements are written in what both engines share: parameters `$1`, `$2`, …, `RETURNING`, `ON CONFLICT`, window
//! functions, `->>`. Parameters arrive by number, in whatever order they stand. Where one text cannot serve, and that is
//! seldom, [`ReadTx::dialect`] picks. Worth knowing:
//!
//! - PostgreSQL must see a parameter's type: `CAST($1 AS bigint)` where it stands alone.
//! - `x ->> 'key'` of a number is a number on SQLite: `CAST(x ->> 'key' AS text)`.
//! - `LIKE` ignores case on SQLite only: `lower(x) LIKE lower($1)`. On SQLite `lower` is the store's own, because
//!   SQLite's folds ASCII alone. So an index has no `lower` in it, or other programs find the file damaged: keep a
//!   column with the lower case, generated on PostgreSQL and by triggers on SQLite.
//! - A PostgreSQL database should have `LC_COLLATE 'C'`, so that texts sort as they do on SQLite, and a UTF-8
//!   `LC_CTYPE` such as `C.UTF-8`, so that `lower` folds the letters of every script there too.
//! - Statements whose text depends on the request are put together by [`Sql`]; updates name their columns.
#![warn(missing_docs)]

mod column;
mod context;
mod error;
mod lookup;
mod metrics;
mod migrate;
mod options;
mod partitioned;
mod postgres;
mod row;
mod scan;
mod sql;
mod sqlite;
mod store;
mod tx;
mod work;

pub use column::{Json, Param, Timestamp, Value};
pub use context::{Source, SystemSource, TestSource};
pub use error::{BackupError, Cause, Error, Result, ResultExt};
pub use lookup::Lookup;
pub use metrics::{COMMIT_BUCKETS, Statistics};
pub use migrate::Migration;
pub use options::{Database, Engine, Options};
pub use partitioned::{Order, PartitionedPage};
#[doc(hidden)]
pub use row::insert_statement;
pub use row::{Cell, Column, FromRow, Insert, Row};
pub use sql::Sql;
pub use store::Store;
pub use tx::{ReadTx, Tx};
