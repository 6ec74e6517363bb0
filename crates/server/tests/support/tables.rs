//! Everything that is stored, for tests that something left no trace.

use std::collections::BTreeMap;

use merak_store::{Engine, ReadTx, Store};

/// Every row of every table as text, but for the jobs that come back by themselves.
pub type Tables = BTreeMap<String, Vec<String>>;

/// Reads all tables.
pub async fn read(store: &Store) -> Tables {
    store.read(all).await.unwrap()
}

fn all(tx: &mut ReadTx<'_>) -> merak_store::Result<Tables> {
    let names: Vec<String> = tx.all(
        tx.dialect(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
            "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
        ),
        &[],
    )?;
    let mut tables = Tables::new();
    for name in names {
        let row = match tx.engine() {
            Engine::Postgres => String::from("row_to_json(t)::text"),
            Engine::Sqlite => {
                let columns: Vec<String> =
                    tx.all("SELECT name FROM pragma_table_info($1) ORDER BY cid", &[&name])?;
                let quoted: Vec<String> =
                    columns.iter().map(|column| format!("'{column}=' || quote(\"{column}\")")).collect();
                quoted.join(" || ' ' || ")
            }
        };
        let recurring = if name == "jobs" { " WHERE kind <> 'purge'" } else { "" };
        let mut rows: Vec<String> = tx.all(&format!("SELECT {row} FROM {name} t{recurring}"), &[])?;
        rows.sort();
        tables.insert(name, rows);
    }
    Ok(tables)
}
