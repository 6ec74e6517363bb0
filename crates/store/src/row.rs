//! Rows: how a statement's answer becomes a Rust value.

use rusqlite::types::ValueRef;
use tokio_postgres::types::{FromSql, Type};
use uuid::Uuid;

use crate::{Error, Json, Param, Result, Timestamp, Tx, postgres::decode};

/// One row of a statement's answer.
pub struct Row<'r>(pub(crate) Origin<'r>);

pub(crate) enum Origin<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    /// Reads a value that begins at column `at`, counted from zero.
    pub fn get<T: FromRow>(&self, at: usize) -> Result<T> {
        T::from_row(self, at)
    }

    /// The column `at`, counted from zero.
    pub fn cell(&self, at: usize) -> Result<Cell<'_>> {
        let content = match &self.0 {
            Origin::Sqlite(row) => row.get_ref(at).ok().map(Content::Sqlite),
            Origin::Postgres(row) => row.columns().get(at).and_then(|column| {
                let bytes = row.try_get::<_, Option<Bytes<'_>>>(at).ok()?;
                Some(Content::Postgres(column.type_(), bytes.map(|bytes| bytes.0)))
            }),
        };
        content.map(|content| Cell { content }).ok_or_else(|| {
            Error::Decode(format!("the statement has no column {at}; it returns fewer than the type reads"))
        })
    }

    /// How many bytes its texts have together, if SQLite gave it.
    pub(crate) fn text_bytes(&self) -> usize {
        let Origin::Sqlite(row) = &self.0 else { return 0 };
        (0..row.as_ref().column_count())
            .filter_map(|at| match row.get_ref(at) {
                Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => Some(bytes.len()),
                Ok(_) | Err(_) => None,
            })
            .sum()
    }

    /// Reads the cell of column `at`; an error names the column.
    fn column<T: Column>(&self, at: usize, cell: Cell<'_>) -> Result<T> {
        T::read(cell).map_err(|error| match error {
            Error::Decode(reason) => Error::Decode(format!("column {}: {reason}", self.column_name(at))),
            other => other,
        })
    }

    fn column_name(&self, at: usize) -> &str {
        match &self.0 {
            Origin::Sqlite(row) => row.as_ref().column_name(at).unwrap_or("?"),
            Origin::Postgres(row) => row.columns().get(at).map_or("?", |column| column.name()),
        }
    }
}

/// Bytes as PostgreSQL sent them, whatever their type.
struct Bytes<'b>(&'b [u8]);

impl<'b> FromSql<'b> for Bytes<'b> {
    fn from_sql(
        _type: &Type,
        bytes: &'b [u8],
    ) -> std::result::Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(bytes))
    }

    fn accepts(_type: &Type) -> bool {
        true
    }
}

/// One column of one row.
#[derive(Clone, Copy)]
pub struct Cell<'r> {
    content: Content<'r>,
}

#[derive(Clone, Copy)]
enum Content<'r> {
    Sqlite(ValueRef<'r>),
    Postgres(&'r Type, Option<&'r [u8]>),
}

impl<'r> Cell<'r> {
    /// Whether the column holds SQL's NULL.
    pub fn is_null(self) -> bool {
        matches!(self.content, Content::Sqlite(ValueRef::Null) | Content::Postgres(_, None))
    }

    /// A text.
    pub fn text(self) -> Result<&'r str> {
        match self.content {
            Content::Sqlite(ValueRef::Text(bytes)) => utf8(bytes),
            Content::Postgres(kind, Some(bytes)) if decode::is_text(kind) => utf8(bytes),
            _ => Err(self.unlike("text")),
        }
    }

    /// A whole number. PostgreSQL's `numeric`, which is what `sum` of a `bigint` gives there, is read too if it is
    /// whole and fits.
    pub fn integer(self) -> Result<i64> {
        match self.content {
            Content::Sqlite(ValueRef::Integer(value)) => Some(value),
            Content::Postgres(kind, Some(bytes)) => decode::integer(kind, bytes),
            Content::Sqlite(_) | Content::Postgres(_, None) => None,
        }
        .ok_or_else(|| self.unlike("a whole number"))
    }

    /// A truth value.
    pub fn boolean(self) -> Result<bool> {
        match self.content {
            Content::Sqlite(ValueRef::Integer(0)) => Some(false),
            Content::Sqlite(ValueRef::Integer(1)) => Some(true),
            Content::Postgres(kind, Some(bytes)) => decode::boolean(kind, bytes),
            Content::Sqlite(_) | Content::Postgres(_, None) => None,
        }
        .ok_or_else(|| self.unlike("a truth value"))
    }

    /// A UUID.
    pub fn uuid(self) -> Result<Uuid> {
        match self.content {
            Content::Sqlite(ValueRef::Text(bytes)) => Uuid::try_parse_ascii(bytes).ok(),
            Content::Postgres(kind, Some(bytes)) => decode::uuid(kind, bytes),
            Content::Sqlite(_) | Content::Postgres(_, None) => None,
        }
        .ok_or_else(|| self.unlike("a UUID"))
    }

    /// An instant.
    pub fn timestamp(self) -> Result<Timestamp> {
        match self.content {
            Content::Sqlite(ValueRef::Text(bytes)) => {
                std::str::from_utf8(bytes).ok().and_then(|text| Timestamp::parse(text).ok())
            }
            Content::Postgres(kind, Some(bytes)) => decode::timestamp(kind, bytes),
            Content::Sqlite(_) | Content::Postgres(_, None) => None,
        }
        .ok_or_else(|| self.unlike("an instant"))
    }

    /// The text of a JSON document.
    pub fn json(self) -> Result<&'r str> {
        match self.content {
            Content::Sqlite(ValueRef::Text(bytes)) => utf8(bytes),
            Content::Postgres(kind, Some(bytes)) => {
                decode::json(kind, bytes).ok_or_else(|| self.unlike("JSON")).and_then(utf8)
            }
            Content::Sqlite(_) | Content::Postgres(_, None) => Err(self.unlike("JSON")),
        }
    }

    /// Raw bytes.
    pub fn bytes(self) -> Result<&'r [u8]> {
        match self.content {
            Content::Sqlite(ValueRef::Blob(bytes)) => Ok(bytes),
            Content::Postgres(kind, Some(bytes)) if *kind == Type::BYTEA => Ok(bytes),
            Content::Sqlite(_) | Content::Postgres(..) => Err(self.unlike("bytes")),
        }
    }

    fn unlike(self, wanted: &str) -> Error {
        let found = match self.content {
            Content::Sqlite(value) => format!("{:?}", value.data_type()),
            Content::Postgres(_, None) => "Null".to_owned(),
            Content::Postgres(kind, Some(_)) => kind.name().to_owned(),
        };
        Error::Decode(format!("expected {wanted}, found {found}"))
    }
}

fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| Error::Decode(error.to_string()))
}

/// A Rust type that is read from one column.
pub trait Column: Sized {
    /// Reads the column. It errs for NULL; `Option<T>` is what reads that.
    fn read(cell: Cell<'_>) -> Result<Self>;
}

impl Column for bool {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.boolean()
    }
}

impl Column for i64 {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.integer()
    }
}

impl Column for i32 {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.integer()?.try_into().map_err(|_| Error::Decode("a number does not fit 32 bits".to_owned()))
    }
}

impl Column for u32 {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.integer()?.try_into().map_err(|_| Error::Decode("a number does not fit 32 bits".to_owned()))
    }
}

impl Column for String {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.text().map(str::to_owned)
    }
}

impl Column for Box<str> {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.text().map(Self::from)
    }
}

impl Column for Uuid {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.uuid()
    }
}

impl Column for Timestamp {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.timestamp()
    }
}

impl Column for Json {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.json().and_then(Self::from_text)
    }
}

impl Column for Vec<u8> {
    fn read(cell: Cell<'_>) -> Result<Self> {
        cell.bytes().map(<[u8]>::to_vec)
    }
}

/// A Rust type that is read from one or more neighbouring columns of a row.
///
/// Every [`Column`] is one; so are the structs of [`row!`](crate::row!), tuples of up to eight, which read from left
/// to right, and `Option<T>`, which is `None` if its first column is NULL (a column that may be NULL, or the right
/// side of a `LEFT JOIN`).
pub trait FromRow: Sized {
    /// How many columns the type reads.
    const WIDTH: usize;

    /// Reads the value that begins at column `at`.
    fn from_row(row: &Row<'_>, at: usize) -> Result<Self>;

    /// Reads the value that begins at column `at`, if that is not NULL.
    fn optional(row: &Row<'_>, at: usize) -> Result<Option<Self>> {
        if row.cell(at)?.is_null() { Ok(None) } else { Self::from_row(row, at).map(Some) }
    }
}

impl<T: Column> FromRow for T {
    const WIDTH: usize = 1;

    fn from_row(row: &Row<'_>, at: usize) -> Result<Self> {
        row.column(at, row.cell(at)?)
    }

    fn optional(row: &Row<'_>, at: usize) -> Result<Option<Self>> {
        let cell = row.cell(at)?;
        if cell.is_null() { Ok(None) } else { row.column(at, cell).map(Some) }
    }
}

impl<T: FromRow> FromRow for Option<T> {
    const WIDTH: usize = T::WIDTH;

    fn from_row(row: &Row<'_>, at: usize) -> Result<Self> {
        T::optional(row, at)
    }
}

macro_rules! tuple_from_row {
    ($($name:ident)+) => {
        impl<$($name: FromRow),+> FromRow for ($($name,)+) {
            const WIDTH: usize = 0 $(+ $name::WIDTH)+;

            fn from_row(row: &Row<'_>, at: usize) -> Result<Self> {
                let mut next = at;
                let mut advance = |width: usize| {
                    next += width;
                    next - width
                };
                Ok(($($name::from_row(row, advance($name::WIDTH))?,)+))
            }
        }
    };
}

tuple_from_row!(A);
tuple_from_row!(A B);
tuple_from_row!(A B C);
tuple_from_row!(A B C D);
tuple_from_row!(A B C D E);
tuple_from_row!(A B C D E F);
tuple_from_row!(A B C D E F G);
tuple_from_row!(A B C D E F G H);

/// A Rust type that knows how to become a new row; [`row!`](crate::row!) implements it.
pub trait Insert {
    /// Inserts this value into its table.
    fn insert(&self, tx: &mut Tx<'_>) -> Result<()>;

    /// Inserts this value unless a unique constraint is in the way. Returns whether it was inserted.
    fn insert_new(&self, tx: &mut Tx<'_>) -> Result<bool>;

    /// Inserts this value, and these values of columns that it does not know.
    fn insert_with(&self, tx: &mut Tx<'_>, others: &[(&'static str, &dyn Param)]) -> Result<()>;
}

/// Declares a struct that is a table's row, one field a column, and with it what is selected, read and inserted.
///
/// ```
/// use merak_store::{Timestamp, row};
///
/// row! {
///     /// A note.
///     #[derive(Clone, Debug)]
///     pub struct Note in "notes" {
///         /// What it says.
///         pub body: String,
///         /// When it was read first.
///         pub read_at: Option<Timestamp>,
///     }
/// }
/// assert_eq!(Note::TABLE, "notes");
/// assert_eq!(Note::COLUMNS, "notes.body, notes.read_at");
/// ```
///
/// There is no update of a whole row, on purpose: it rewrites every index, and puts values back that another unit's
/// statement did not mean to touch. Updates name their columns.
#[macro_export]
macro_rules! row {
    (
        $(#[$struct_meta:meta])*
        $visibility:vis struct $name:ident in $table:literal {
            $(#[$first_meta:meta])*
            $first_visibility:vis $first:ident : $first_type:ty
            $(, $(#[$meta:meta])* $field_visibility:vis $field:ident : $type:ty)*
            $(,)?
        }
    ) => {
        $(#[$struct_meta])*
        $visibility struct $name {
            $(#[$first_meta])*
            $first_visibility $first: $first_type,
            $($(#[$meta])* $field_visibility $field: $type,)*
        }

        impl $name {
            /// The table these rows are in.
            pub const TABLE: &'static str = $table;
            /// The columns to select, qualified by the table so that they can stand in a join.
            pub const COLUMNS: &'static str = concat!(
                $table, ".", $crate::column_name!($first) $(, ", ", $table, ".", $crate::column_name!($field))*
            );
        }

        impl $crate::FromRow for $name {
            const WIDTH: usize = <$first_type as $crate::FromRow>::WIDTH $(+ <$type as $crate::FromRow>::WIDTH)*;

            fn from_row(row: &$crate::Row<'_>, at: usize) -> $crate::Result<Self> {
                let mut next = at;
                let mut advance = |width: usize| {
                    next += width;
                    next - width
                };
                Ok(Self {
                    $first: row.get(advance(<$first_type as $crate::FromRow>::WIDTH))?,
                    $($field: row.get(advance(<$type as $crate::FromRow>::WIDTH))?,)*
                })
            }
        }

        impl $crate::Insert for $name {
            fn insert(&self, tx: &mut $crate::Tx<'_>) -> $crate::Result<()> {
                static STATEMENT: ::std::sync::OnceLock<String> = ::std::sync::OnceLock::new();
                let statement = STATEMENT.get_or_init(|| {
                    let columns = [$crate::column_name!($first) $(, $crate::column_name!($field))*];
                    $crate::insert_statement($table, &columns)
                });
                tx.changed_one(statement, &[&self.$first as &dyn $crate::Param $(, &self.$field)*])
            }

            fn insert_new(&self, tx: &mut $crate::Tx<'_>) -> $crate::Result<bool> {
                static STATEMENT: ::std::sync::OnceLock<String> = ::std::sync::OnceLock::new();
                let statement = STATEMENT.get_or_init(|| {
                    let columns = [$crate::column_name!($first) $(, $crate::column_name!($field))*];
                    format!("{} ON CONFLICT DO NOTHING", $crate::insert_statement($table, &columns))
                });
                let changed = tx.execute(statement, &[&self.$first as &dyn $crate::Param $(, &self.$field)*])?;
                Ok(changed == 1)
            }

            fn insert_with(
                &self,
                tx: &mut $crate::Tx<'_>,
                others: &[(&'static str, &dyn $crate::Param)],
            ) -> $crate::Result<()> {
                let mut columns = vec![$crate::column_name!($first) $(, $crate::column_name!($field))*];
                let mut params = vec![&self.$first as &dyn $crate::Param $(, &self.$field)*];
                columns.extend(others.iter().map(|(column, _)| *column));
                params.extend(others.iter().map(|(_, param)| *param));
                tx.changed_one(&$crate::insert_statement($table, &columns), &params)
            }
        }
    };
}

/// The column of a field, whose name may be one that Rust takes raw only.
#[doc(hidden)]
#[macro_export]
macro_rules! column_name {
    (r#type) => {
        "type"
    };
    ($field:ident) => {
        stringify!($field)
    };
}

/// The text behind [`row!`](crate::row!)'s insertion.
#[doc(hidden)]
pub fn insert_statement(table: &str, columns: &[&str]) -> String {
    let places: Vec<String> = (1..=columns.len()).map(|number| format!("${number}")).collect();
    format!("INSERT INTO {table} ({}) VALUES ({})", columns.join(", "), places.join(", "))
}
