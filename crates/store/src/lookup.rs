//! Rows that are looked up again and again, and seldom change.

use std::{any::Any, marker::PhantomData, sync::OnceLock};

/// A `SELECT` that finds at most one row by something unique, and what it is made of. The writer of SQLite keeps what
/// [`ReadTx::look_up`](crate::ReadTx::look_up) finds the second time in memory until one of those rows changes, whoever
/// changes it; everywhere else it is a plain statement.
///
/// ```
/// use merak_store::Lookup;
///
/// static TITLE: Lookup<String> = Lookup::new(
///     "books.title FROM books JOIN authors ON authors.id = books.author_id WHERE authors.name = $1",
///     &["books", "authors"],
/// );
/// ```
///
/// What is looked up must follow from the rows of the named tables alone, one of each, and these must have rowids
/// that nobody changes (SQLite tells of no others, nor of what `OR REPLACE` deletes, which nobody may say). What is longer than a few kilobytes is not kept.
pub struct Lookup<T> {
    select: &'static str,
    tables: &'static [&'static str],
    keeps_nothing: bool,
    texts: OnceLock<Texts>,
    kind: PhantomData<fn() -> T>,
}

/// The statement, plain and with the rows' numbers before the columns.
struct Texts {
    plain: String,
    numbered: String,
}

impl<T: Any> Lookup<T> {
    /// A lookup of what follows `SELECT`, made of rows of these tables.
    pub const fn new(select: &'static str, tables: &'static [&'static str]) -> Self {
        Self { select, tables, keeps_nothing: false, texts: OnceLock::new(), kind: PhantomData }
    }

    /// The same, where it is kept also that there is nothing, until any row of the tables changes or comes. It is for
    /// what most have not; whoever asks at random would push out what is there.
    pub const fn or_nothing(select: &'static str, tables: &'static [&'static str]) -> Self {
        Self { select, tables, keeps_nothing: true, texts: OnceLock::new(), kind: PhantomData }
    }

    /// Whether it is kept that nothing was found.
    pub(crate) const fn keeps_nothing(&self) -> bool {
        self.keeps_nothing
    }

    /// What tells it from any other.
    pub(crate) fn number(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// The tables whose rows it is made of.
    pub(crate) fn tables(&self) -> &'static [&'static str] {
        self.tables
    }

    /// The statement.
    pub(crate) fn plain(&self) -> &str {
        &self.texts().plain
    }

    /// The statement on SQLite, where the numbers of the rows come before the columns, in the order of the tables.
    pub(crate) fn numbered(&self) -> &str {
        &self.texts().numbered
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            let rowids = self.tables.join(".rowid, ");
            Texts {
                plain: format!("SELECT {}", self.select),
                numbered: format!("SELECT {rowids}.rowid, {}", self.select),
            }
        })
    }
}
