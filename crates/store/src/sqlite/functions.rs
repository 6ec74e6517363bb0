//! Functions that mean the same here as on PostgreSQL.

use rusqlite::{Connection, functions::FunctionFlags};

/// Lets `lower` fold the letters of every script. SQLite's own folds ASCII only, so that `ÉVA` and `éva` would be
/// two texts here and one on PostgreSQL, in comparisons and in unique indexes alike.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("lower", 1, flags, |context| {
        let text = context.get::<Option<String>>(0)?;
        Ok(text.map(|text| text.to_lowercase()))
    })
}
