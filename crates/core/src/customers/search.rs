//! Finding customers by a part of their address or name, in any letter case, among a million.
//!
//! Each customer has a row with both texts folded, and marks: a number for every three letters in a row. A query has
//! marks too, and an index knows who has all of them; only those few are compared. What so many match that looking
//! them up one by one costs more than reading everybody is counted by reading everybody, exactly.

use std::collections::BTreeSet;
use std::fmt::Write;

use const_format::concatcp;
use merak_store::{Engine, Order, PartitionedPage, ReadTx, Sql, Tx};

use super::Customer;
use crate::kit::{Id, Page, Paged, Result};
use crate::organizations::Organization;

/// What stands between address and name; it is in no folded text.
const BETWEEN: char = '\u{1f}';

/// From where on another way is quicker, as measured among a million customers.
struct Turns {
    /// As many matches are looked up by their marks; more are counted by reading everybody.
    few: i64,
    /// As many matches are sorted by themselves; of more, the list is read in its order until the page is full.
    some: i64,
}

const fn turns(engine: Engine) -> Turns {
    match engine {
        Engine::Sqlite => Turns { few: 50_000, some: 100_000 },
        Engine::Postgres => Turns { few: 10_000, some: 20_000 },
    }
}

/// Marks of a query beyond this many add nothing.
const MOST_MARKS: usize = 32;

/// Organizations beyond this many are not looked up by marks.
const MOST_ORGANIZATIONS: usize = 64;

/// A text in which letter case does not matter: two texts that differ only in it are the same afterwards.
///
/// Each letter goes to lower case by way of upper case, so that `ß` meets `SS` and the final `ς` meets `Σ`. Letter by
/// letter, so that a part of a text is folded as it is within the whole. Control characters become spaces.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_control() {
            folded.push(' ');
        } else if letter.is_ascii() {
            folded.push(letter.to_ascii_lowercase());
        } else {
            let upper = letter.to_lowercase().flat_map(char::to_uppercase);
            folded.extend(upper.flat_map(char::to_lowercase));
        }
    }
    folded
}

/// The mark of a few letters, another one in every organization. Different letters rarely share one, and then the
/// texts themselves decide.
fn mark(organization_id: Id<Organization>, letters: &str) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(organization_id.uuid().as_bytes());
    hash.update(letters.as_bytes());
    hash.finalize()
}

/// Every run of `length` letters in a text.
fn runs(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(at, _)| at);
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(length);
    starts.zip(ends).map(|(start, end)| &text[start..end])
}

/// What is kept of a customer for the search: the content of the row, and the marks.
pub fn indexed(organization_id: Id<Organization>, email: &str, name: &str) -> (String, BTreeSet<u32>) {
    let (email, name) = (folded(email), folded(name));
    let marks = marks(organization_id, [&email, &name]);
    (format!("{email}{BETWEEN}{name}"), marks)
}

/// The marks by which a customer with these folded texts is found.
fn marks(organization_id: Id<Organization>, texts: [&str; 2]) -> BTreeSet<u32> {
    let mut marks = BTreeSet::new();
    for text in texts {
        marks.extend(runs(text, 3).map(|run| mark(organization_id, run)));
        if !text.is_ascii() {
            // In scripts of many letters one or two of them say much; an `e` or `an` says nothing.
            for length in [1, 2] {
                let telling = runs(text, length).filter(|run| !run.is_ascii());
                marks.extend(telling.map(|run| mark(organization_id, run)));
            }
        }
    }
    marks
}

/// The marks that whatever contains this folded text has. None if the text says too little.
fn marks_of_query(organization_id: Id<Organization>, query: &str) -> BTreeSet<u32> {
    let length = query.chars().take(3).count();
    if length < 3 && query.is_ascii() {
        return BTreeSet::new();
    }
    runs(query, length).take(MOST_MARKS).map(|run| mark(organization_id, run)).collect()
}

/// Marks as the engine's index takes them: words, or the text of an array.
pub fn marks_text(engine: Engine, marks: &BTreeSet<u32>) -> String {
    let mut text = String::with_capacity(marks.len() * 12 + 2);
    for mark in marks {
        let separator = match (engine, text.is_empty()) {
            (Engine::Postgres, true) => "{",
            (Engine::Postgres, false) => ",",
            (Engine::Sqlite, true) => "",
            (Engine::Sqlite, false) => " ",
        };
        text.push_str(separator);
        match engine {
            Engine::Postgres => write!(text, "{}", mark.cast_signed()),
            Engine::Sqlite => write!(text, "{mark:08x}"),
        }
        .expect("writing to a string cannot fail");
    }
    match engine {
        Engine::Postgres if text.is_empty() => text.push_str("{}"),
        Engine::Postgres => text.push('}'),
        Engine::Sqlite => {}
    }
    text
}

/// Makes a customer findable.
pub(super) fn add(tx: &mut Tx<'_>, customer: &Customer) -> Result<()> {
    let name = customer.name.as_deref().unwrap_or_default();
    let (content, marks) = indexed(customer.organization_id, customer.email.as_str(), name);
    let number: Vec<i64> = tx.returning(
        "INSERT INTO customer_search (customer_id, organization_id, content) VALUES ($1, $2, $3) RETURNING number",
        &[&customer.id, &customer.organization_id, &content],
    )?;
    let sql = tx.dialect(
        "INSERT INTO customer_marks (rowid, marks) VALUES ($1, $2)",
        "INSERT INTO customer_marks (number, marks) VALUES ($1, CAST(CAST($2 AS text) AS integer[]))",
    );
    let text = marks_text(tx.engine(), &marks);
    for number in number {
        tx.execute(sql, &[&number, &text])?;
    }
    Ok(())
}

/// Makes a customer unfindable.
pub(super) fn remove(tx: &mut Tx<'_>, id: Id<Customer>) -> Result<()> {
    let number: Option<i64> = tx.find("SELECT number FROM customer_search WHERE customer_id = $1", &[&id])?;
    let Some(number) = number else { return Ok(()) };
    let sql = tx.dialect(
        "DELETE FROM customer_marks WHERE rowid = $1",
        "DELETE FROM customer_marks WHERE number = $1",
    );
    tx.execute(sql, &[&number])?;
    tx.execute("DELETE FROM customer_search WHERE number = $1", &[&number])?;
    Ok(())
}

/// How many customers one run of the job makes findable.
const BATCH: i64 = 200;

/// Makes the next customers findable that were there before the search was, in order of id. Returns the last one, if
/// there may be more.
pub(crate) fn index_batch(tx: &mut Tx<'_>, after: Option<Id<Customer>>) -> Result<Option<Id<Customer>>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Customer::COLUMNS,
        " FROM customers WHERE customers.id > $1 AND customers.deleted_at IS NULL ORDER BY customers.id LIMIT $2"
    );
    let after = after.unwrap_or_else(|| Id::from_uuid(uuid::Uuid::nil()));
    let customers: Vec<Customer> = tx.all(SQL, &[&after, &BATCH])?;
    for customer in &customers {
        remove(tx, customer.id)?;
        add(tx, customer)?;
    }
    Ok(customers.last().map(|customer| customer.id))
}

/// What is looked for, and where.
struct Wanted<'w> {
    query: String,
    organizations: &'w [Id<Organization>],
}

/// The matching customers of these organizations, in this order.
pub(super) fn page(
    tx: &mut ReadTx<'_>,
    organizations: &[Id<Organization>],
    query: &str,
    (order, page): (&[Order], Page),
) -> Result<Paged<Customer>> {
    let wanted = Wanted { query: folded(query), organizations };
    let turns = turns(tx.engine());
    let by_marks = wanted.by_marks(tx.engine());
    let few = match &by_marks {
        Some(found) => {
            let mut sql = Sql::new("SELECT count(*) FROM (SELECT 1 FROM (");
            sql.append(found).push(") AS found LIMIT ").bind(turns.few + 1).push(") AS first");
            Some(tx.count(&sql)?).filter(|total| *total <= turns.few)
        }
        None => None,
    };
    let total = match few {
        Some(total) => total,
        None => tx.count(&wanted.by_reading(tx.engine(), "count(*)"))?,
    };
    if total <= page.offset() {
        return Ok(Paged::new(Vec::new(), total));
    }
    let mut select = Sql::default();
    if total <= turns.some {
        let found = by_marks.unwrap_or_else(|| wanted.by_reading(tx.engine(), "customer_id AS found_id"));
        select.push("WITH found AS MATERIALIZED (").append(&found);
        // A cross join is read from left to right on SQLite, which would else walk all customers in their order.
        select.push(concatcp!(") SELECT ", Customer::COLUMNS, " FROM found CROSS JOIN customers"));
        select.push(" WHERE customers.id = found.found_id AND customers.deleted_at IS NULL");
        select.push(&Order::clause(order)).push(" LIMIT ").bind(page.rows());
        select.push(" OFFSET ").bind(page.offset());
    } else {
        let engine = tx.engine();
        select.push(concatcp!("SELECT ", Customer::COLUMNS, " FROM customers"));
        let filter = |sql: &mut Sql| {
            sql.push(" AND customers.deleted_at IS NULL AND (SELECT ");
            wanted.push_condition(sql, engine);
            sql.push(" FROM customer_search WHERE customer_id = customers.id)");
        };
        PartitionedPage {
            table: "customers",
            column: "organization_id",
            filter: &filter,
            order,
            limit: page.rows(),
            offset: page.offset(),
        }
        .push(&mut select, organizations);
    }
    Ok(Paged::new(tx.list(&select)?, total))
}

impl Wanted<'_> {
    /// A select of `found_id`, the ids of all matches, by way of the marks. `None` if the query has none.
    fn by_marks(&self, engine: Engine) -> Option<Sql> {
        if self.organizations.len() > MOST_ORGANIZATIONS {
            return None;
        }
        let mut sql = Sql::default();
        for (n, organization_id) in self.organizations.iter().enumerate() {
            let marks = marks_of_query(*organization_id, &self.query);
            if marks.is_empty() {
                return None;
            }
            sql.push(if n == 0 { "" } else { " UNION ALL " });
            sql.push("SELECT customer_id AS found_id FROM customer_marks ");
            match engine {
                Engine::Sqlite => {
                    sql.push("CROSS JOIN customer_search ON customer_search.number = customer_marks.rowid");
                    sql.push(" WHERE customer_marks MATCH ").bind(marks_text(engine, &marks));
                }
                Engine::Postgres => {
                    sql.push("JOIN customer_search ON customer_search.number = customer_marks.number");
                    sql.push(" WHERE marks @> CAST(CAST(").bind(marks_text(engine, &marks));
                    sql.push(" AS text) AS integer[])");
                }
            }
            sql.push(" AND organization_id = ").bind(*organization_id).push(" AND ");
            self.push_condition(&mut sql, engine);
        }
        Some(sql)
    }

    /// A select of this from all matches, by reading everybody.
    fn by_reading(&self, engine: Engine, what: &'static str) -> Sql {
        let mut sql = Sql::new(format!("SELECT {what} FROM customer_search WHERE organization_id IN "));
        sql.bind_list(self.organizations.iter().copied()).push(" AND ");
        self.push_condition(&mut sql, engine);
        sql
    }

    /// Whether a row of `customer_search` matches. What the query says stands for itself, `%` and `_` too.
    fn push_condition(&self, sql: &mut Sql, engine: Engine) {
        let place = match engine {
            Engine::Sqlite => "instr",
            Engine::Postgres => "strpos",
        };
        sql.push(place).push("(customer_search.content, ").bind(self.query.clone()).push(") > 0");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn shop(number: u128) -> Id<Organization> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn letter_case_does_not_matter_in_any_script() {
        for (one, other) in [
            ("JOE@Example.com", "joe@eXAMPLE.COM"),
            ("ÉLODIE", "élodie"),
            ("STRASSE", "straße"),
            ("STRAẞE", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("ЖЕНЯ", "женя"),
            ("ԱՐԱՄ", "արամ"),
            ("İ", "i\u{307}"),
            ("Ǆ", "ǆ"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        assert_eq!(folded("100%_a\\B"), "100%_a\\b");
        assert_ne!(folded("e"), folded("é"));
    }

    #[test]
    fn a_short_query_has_marks_where_letters_say_much() {
        assert_eq!(marks_of_query(shop(1), "李").len(), 1);
        assert_eq!(marks_of_query(shop(1), "jö").len(), 1);
        for short in ["", "j", "jo", "@."] {
            assert!(marks_of_query(shop(1), short).is_empty(), "{short:?}");
        }
        assert_eq!(marks_of_query(shop(1), "joe@").len(), 2);
        assert!(marks_of_query(shop(1), &"abcdefgh".repeat(100)).len() <= MOST_MARKS);
        assert!(marks_of_query(shop(1), "joe").is_disjoint(&marks_of_query(shop(2), "joe")));
    }

    #[test]
    fn marks_are_written_as_the_engine_reads_them() {
        let marks = BTreeSet::from([1, u32::MAX]);
        assert_eq!(marks_text(Engine::Sqlite, &marks), "00000001 ffffffff");
        assert_eq!(marks_text(Engine::Postgres, &marks), "{1,-1}");
        assert_eq!(marks_text(Engine::Postgres, &BTreeSet::new()), "{}");
    }

    proptest! {
        /// Whoever contains a text has its marks, so that no match is missed.
        #[test]
        fn a_part_of_a_text_has_only_marks_of_the_whole(
            before in "\\PC{0,6}", part in "\\PC{1,40}", after in "\\PC{0,6}", name in "\\PC{0,10}",
        ) {
            let whole = folded(&format!("{before}{part}{after}"));
            let part = folded(&part);
            prop_assert!(whole.contains(&part));
            let all = marks(shop(1), [&name, &whole]);
            prop_assert!(marks_of_query(shop(1), &part).is_subset(&all));
        }
    }
}
