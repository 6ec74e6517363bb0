//! What is looked up is as it is, whoever changed it and whatever became of the change.

use std::sync::Arc;

use merak_store::{Error, FromRow, Lookup, Migration, Param, ReadTx, Store, Tx};
use merak_testkit::{Engine, TestDatabase, both_engines};

const SCHEMA: Migration = Migration {
    name: "0001_books",
    sql: "
        CREATE TABLE authors (
            id text NOT NULL,
            name text NOT NULL,
            CONSTRAINT authors_pkey PRIMARY KEY (id)
        );
        CREATE TABLE books (
            id text NOT NULL,
            author_id text NOT NULL,
            title text NOT NULL,
            CONSTRAINT books_pkey PRIMARY KEY (id),
            CONSTRAINT books_author_id_fkey FOREIGN KEY (author_id) REFERENCES authors (id) ON DELETE CASCADE
        );
        CREATE TABLE shelves (id text NOT NULL, place text NOT NULL);
        CREATE TABLE loans (
            book_id text NOT NULL REFERENCES books (id) DEFERRABLE INITIALLY DEFERRED
        );
        INSERT INTO authors (id, name) VALUES ('ada', 'Ada');
        INSERT INTO books (id, author_id, title) VALUES ('notes', 'ada', 'Notes');
        INSERT INTO shelves (id, place) VALUES ('first', 'left');
    ",
};

static BOOK: Lookup<(String, String)> = Lookup::new(
    "books.title, authors.name FROM books JOIN authors ON authors.id = books.author_id WHERE books.id = $1",
    &["books", "authors"],
);

static TITLE: Lookup<String> = Lookup::new("books.title FROM books WHERE books.id = $1", &["books"]);

fn migrated(engine: Engine) -> TestDatabase {
    merak_testkit::migrated(engine, &[SCHEMA])
}

/// What is asked for once is not kept; the third time tells what was kept the second time.
fn look_up<T: Clone + FromRow + Send + Sync + 'static>(
    tx: &mut ReadTx<'_>,
    lookup: &'static Lookup<T>,
    params: &[&dyn Param],
) -> Result<Option<Arc<T>>, Error> {
    tx.look_up(lookup, params)?;
    tx.look_up(lookup, params)?;
    tx.look_up(lookup, params)
}

fn look(tx: &mut ReadTx<'_>, id: &str) -> Result<Option<Arc<(String, String)>>, Error> {
    look_up(tx, &BOOK, &[&id])
}

fn look_at(store: &Store) -> Option<(String, String)> {
    store.write_blocking(|tx| look(tx, "notes")).unwrap().map(Arc::unwrap_or_clone)
}

fn book(title: &str, author: &str) -> (String, String) {
    (title.to_owned(), author.to_owned())
}

fn name(tx: &mut Tx<'_>, title: &str) -> Result<(), Error> {
    tx.changed_one("UPDATE books SET title = $1 WHERE id = 'notes'", &[&title])
}

both_engines! {
    setup = migrated;

    fn a_change_of_any_row_behind_it_is_seen(database: TestDatabase) {
        let store = database.open();
        assert_eq!(look_at(&store), Some(book("Notes", "Ada")));
        store.write_blocking(|tx| name(tx, "Sketch")).unwrap();
        assert_eq!(look_at(&store), Some(book("Sketch", "Ada")));
        store.write_blocking(|tx| tx.changed_one("UPDATE authors SET name = 'A. L.'", &[])).unwrap();
        assert_eq!(look_at(&store), Some(book("Sketch", "A. L.")));
        // The book goes with its author.
        let title = || store.write_blocking(|tx| look_up(tx, &TITLE, &[&"notes"])).unwrap();
        assert!(title().is_some());
        store.write_blocking(|tx| tx.changed_one("DELETE FROM authors WHERE id = 'ada'", &[])).unwrap();
        assert_eq!((title(), look_at(&store)), (None, None));
        store
            .write_blocking(|tx| {
                tx.execute("INSERT INTO authors (id, name) VALUES ('eva', 'Eva')", &[])?;
                tx.execute("INSERT INTO books (id, author_id, title) VALUES ('notes', 'eva', 'Again')", &[])
            })
            .unwrap();
        assert_eq!(look_at(&store), Some(book("Again", "Eva")));
    }

    fn that_everything_goes_at_once_is_seen(database: TestDatabase) {
        static SHELF: Lookup<String> = Lookup::new("shelves.place FROM shelves WHERE shelves.id = $1", &["shelves"]);
        let store = database.open();
        let place = || store.write_blocking(|tx| look_up(tx, &SHELF, &[&"first"])).unwrap();
        assert!(place().is_some());
        store.write_blocking(|tx| tx.changed_one("DELETE FROM shelves", &[])).unwrap();
        assert_eq!(place(), None);
    }

    fn a_unit_sees_its_own_changes(database: TestDatabase) {
        let store = database.open();
        let seen = store.write_blocking(|tx| {
            let before = look(tx, "notes")?;
            name(tx, "Sketch")?;
            let after = look(tx, "notes")?;
            Ok::<_, Error>((before, after))
        });
        let (before, after) = seen.unwrap();
        assert_eq!(before.as_deref(), Some(&book("Notes", "Ada")));
        assert_eq!(after.as_deref(), Some(&book("Sketch", "Ada")));
    }

    fn what_was_undone_was_never_seen(database: TestDatabase) {
        let store = database.open();
        // Twice, because the second time the unit has a savepoint.
        for _ in 0..2 {
            let refused: Result<(), Error> = store.write_blocking(|tx| {
                name(tx, "Undone")?;
                assert_eq!(look(tx, "notes")?.as_deref(), Some(&book("Undone", "Ada")));
                Err(Error::NoRow)
            });
            assert!(matches!(refused, Err(Error::NoRow)));
            assert_eq!(look_at(&store), Some(book("Notes", "Ada")));
        }
        let refused = store.write_blocking(|tx| {
            name(tx, "Not committed")?;
            look(tx, "notes")?;
            tx.execute("INSERT INTO loans (book_id) VALUES ('none')", &[])
        });
        assert!(matches!(refused, Err(Error::Constraint(_))));
        assert_eq!(look_at(&store), Some(book("Notes", "Ada")));
    }

    fn what_others_write_is_seen(database: TestDatabase) {
        let (one, other) = (database.open(), database.open());
        for title in ["First", "Second", "Third"] {
            look_at(&one);
            let text = title.to_owned();
            other.write_blocking(move |tx| name(tx, &text)).unwrap();
            assert_eq!(look_at(&one), Some(book(title, "Ada")));
        }
    }

    fn texts_and_numbers_that_look_alike_are_told_apart(database: TestDatabase) {
        static SUM: Lookup<String> = Lookup::new("authors.name || $1 || ':' || $2 FROM authors", &["authors"]);
        let store = database.open();
        for (one, other) in [("a", "bc"), ("ab", "c"), ("", "abc"), ("abc", "")] {
            let text = store.write_blocking(move |tx| look_up(tx, &SUM, &[&one, &other])).unwrap();
            assert_eq!(text.as_deref(), Some(&format!("Ada{one}:{other}")));
        }
    }
}

#[test]
fn nothing_is_kept_until_something_comes() {
    static AUTHOR: Lookup<String> =
        Lookup::new("authors.id FROM authors WHERE authors.name = $1", &["authors"]);
    static PERHAPS: Lookup<String> =
        Lookup::or_nothing("authors.id FROM authors WHERE authors.name = $1", &["authors"]);
    let database = migrated(Engine::Sqlite);
    let store = database.open();
    for lookup in [&AUTHOR, &PERHAPS] {
        let author = |name: &'static str| {
            store.write_blocking(move |tx| look_up(tx, lookup, &[&name])).unwrap().map(Arc::unwrap_or_clone)
        };
        let change = |sql: &'static str| store.write_blocking(|tx| tx.changed_one(sql, &[])).unwrap();
        assert_eq!((author("Eva"), author("Ida")), (None, None));
        change("INSERT INTO authors (id, name) VALUES ('eva', 'Eva')");
        assert_eq!((author("Eva").as_deref(), author("Ida")), (Some("eva"), None));
        change("UPDATE authors SET name = 'Ida' WHERE id = 'eva'");
        assert_eq!((author("Eva"), author("Ida").as_deref()), (None, Some("eva")));
        change("DELETE FROM authors WHERE id = 'eva'");
        assert_eq!((author("Eva"), author("Ida")), (None, None));
    }
}

#[test]
fn what_is_long_is_read_again() {
    let database = migrated(Engine::Sqlite);
    let store = database.open();
    let again = || store.write_blocking(|tx| look(tx, "notes")).unwrap().unwrap();
    let title = "x".repeat(5000);
    store.write_blocking(move |tx| name(tx, &title)).unwrap();
    assert!(!Arc::ptr_eq(&again(), &again()));
}

#[test]
fn the_writer_of_sqlite_reads_it_once() {
    let database = migrated(Engine::Sqlite);
    let store = database.open();
    let again = || store.write_blocking(|tx| look(tx, "notes")).unwrap().unwrap();
    let first = again();
    assert!(Arc::ptr_eq(&first, &again()));
    store
        .write_blocking(|tx| tx.execute("INSERT INTO authors (id, name) VALUES ('eva', 'Eva')", &[]))
        .unwrap();
    assert!(Arc::ptr_eq(&first, &again()), "another row is nothing to it");
    store.write_blocking(|tx| name(tx, "Sketch")).unwrap();
    assert!(!Arc::ptr_eq(&first, &again()));
    // What very many others push out is read again.
    let kept = again();
    let ask_for_others = |times: u32| {
        let asked = store.write_blocking(move |tx| {
            for number in 0..20_000 {
                for _ in 0..times {
                    tx.look_up(&BOOK, &[&format!("book {number}")])?;
                }
            }
            Ok::<_, Error>(())
        });
        asked.unwrap();
    };
    let others = store.write_blocking(|tx| {
        for number in 0..20_000 {
            let id = format!("book {number}");
            tx.execute("INSERT INTO books (id, author_id, title) VALUES ($1, 'ada', 'T')", &[&id])?;
        }
        Ok::<_, Error>(())
    });
    others.unwrap();
    ask_for_others(1);
    assert!(Arc::ptr_eq(&kept, &again()), "what is asked for once pushes nothing out");
    ask_for_others(2);
    assert!(!Arc::ptr_eq(&kept, &again()));
}

#[test]
fn what_is_asked_for_once_is_not_kept() {
    let database = migrated(Engine::Sqlite);
    let store = database.open();
    let again = || store.write_blocking(|tx| tx.look_up(&BOOK, &[&"notes"])).unwrap().unwrap();
    let (first, second) = (again(), again());
    assert!(!Arc::ptr_eq(&first, &second));
    assert!(Arc::ptr_eq(&second, &again()));
}
