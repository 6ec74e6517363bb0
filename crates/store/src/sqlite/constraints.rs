//! The names of violated constraints. SQLite reports a unique constraint by its columns; the schema knows its name.

use rusqlite::{Connection, ffi};

use crate::scan::{Token, tokens};

/// The name that PostgreSQL would report, or nothing if this is no violation that has one.
pub(super) fn violated(connection: &Connection, extended_code: i32, message: &str) -> Option<String> {
    let subject = message.split_once("failed: ").map_or("", |(_, subject)| subject);
    match extended_code {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some("foreign_key".to_owned()),
        ffi::SQLITE_CONSTRAINT_CHECK => Some(subject.to_owned()),
        ffi::SQLITE_CONSTRAINT_NOTNULL => {
            subject.split_once('.').map(|(table, column)| not_null(table, column))
        }
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Some(unique(connection, subject))
        }
        _ => None,
    }
}

/// What PostgreSQL itself calls such a constraint where the schema gives no name.
pub(crate) fn not_null(table: &str, column: &str) -> String {
    format!("{table}_{column}_not_null")
}

/// `subject` is `table.column, table.column`, or `index 'name'` for an index over expressions.
fn unique(connection: &Connection, subject: &str) -> String {
    if let Some(name) = subject.strip_prefix("index '") {
        return name.trim_end_matches('\'').to_owned();
    }
    let table = subject.split('.').next().unwrap_or_default();
    let columns: Vec<&str> =
        subject.split(", ").filter_map(|column| column.split_once('.').map(|(_, column)| column)).collect();
    named(connection, table, &columns)
        .ok()
        .flatten()
        .unwrap_or_else(|| format!("{table}_{}_key", columns.join("_")))
}

fn named(connection: &Connection, table: &str, columns: &[&str]) -> rusqlite::Result<Option<String>> {
    let definition: String = connection.query_one(
        "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1",
        [table],
        |row| row.get(0),
    )?;
    let mut indexes =
        connection.prepare("SELECT name, origin FROM pragma_index_list(?1) WHERE \"unique\" ORDER BY seq")?;
    let mut columns_of = connection.prepare("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
    for index in indexes.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))? {
        let (name, origin) = index?;
        let covered: Vec<Option<String>> =
            columns_of.query_map([&name], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        if covered.iter().map(Option::as_deref).ne(columns.iter().copied().map(Some)) {
            continue;
        }
        return Ok(Some(match origin.as_str() {
            "c" => name,
            "pk" => {
                constraint_name(&definition, "PRIMARY", columns).unwrap_or_else(|| format!("{table}_pkey"))
            }
            _ => constraint_name(&definition, "UNIQUE", columns)
                .unwrap_or_else(|| format!("{table}_{}_key", columns.join("_"))),
        }));
    }
    // An `INTEGER PRIMARY KEY` has no index of its own.
    Ok(Some(constraint_name(&definition, "PRIMARY", columns).unwrap_or_else(|| format!("{table}_pkey"))))
}

/// Finds `CONSTRAINT name UNIQUE (columns)` or `CONSTRAINT name PRIMARY KEY (columns)` in a table's definition; a
/// constraint that stands behind its column has no list.
fn constraint_name(definition: &str, kind: &str, columns: &[&str]) -> Option<String> {
    let words: Vec<&str> = tokens(definition)
        .filter(|token| !matches!(token, Token::Space(_) | Token::Comment(_)))
        .map(Token::text)
        .collect();
    words.windows(3).enumerate().find_map(|(at, window)| {
        if !window[0].eq_ignore_ascii_case("CONSTRAINT") || !window[2].eq_ignore_ascii_case(kind) {
            return None;
        }
        let mut rest = words[at + 3..].iter().copied().peekable();
        rest.next_if(|word| word.eq_ignore_ascii_case("KEY"));
        let listed = rest.next_if_eq(&"(").is_some();
        let matches = if listed {
            rest.take_while(|word| *word != ")")
                .filter(|word| *word != ",")
                .map(unquoted)
                .eq(columns.iter().copied())
        } else {
            column_before(&words, at) == columns.first().copied()
        };
        matches.then(|| unquoted(window[1]).to_owned())
    })
}

/// The first word of the column definition that the word at `at` is in.
fn column_before<'w>(words: &[&'w str], at: usize) -> Option<&'w str> {
    let mut depth = 0;
    for index in (0..at).rev() {
        match words[index] {
            ")" => depth += 1,
            "(" if depth > 0 => depth -= 1,
            "(" | "," if depth == 0 => return words.get(index + 1).copied().map(unquoted),
            _ => {}
        }
    }
    None
}

fn unquoted(name: &str) -> &str {
    name.trim_matches(['"', '`', '[', ']'])
}
