//! Units of work on SQLite and PostgreSQL.
#![warn(missing_docs)]

mod column;
mod context;
mod error;
mod metrics;
mod migrate;
mod options;
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
pub use error::{Cause, Error, Result, ResultExt};
pub use metrics::{COMMIT_BUCKETS, Statistics};
pub use migrate::Migration;
pub use options::{Database, Engine, Options};
#[doc(hidden)]
pub use row::insert_statement;
pub use row::{Cell, Column, FromRow, Insert, Row};
pub use sql::Sql;
pub use store::Store;
pub use tx::{ReadTx, Tx};
