//! The file of the embedded engine in the hands of other programs, which know SQLite's own functions only.

use merak_store::Database;
use merak_testkit::Engine;
use rusqlite::Connection;

use crate::support::*;

#[test]
fn other_programs_find_the_file_sound_and_may_write_to_it() {
    let shop = &Shop::on(Engine::Sqlite);
    let customer = shop.customer_of(shop.organization.id, "ÉVA@example.com").unwrap();
    shop.write(|tx| Ok(tx.execute("UPDATE customers SET name = 'Éva Łoś'", &[])?)).unwrap();
    shop.product();
    shop.write(|tx| Ok(tx.execute("UPDATE products SET name = 'ÉTÉ'", &[])?)).unwrap();
    let Database::Sqlite { path } = shop.place() else { unreachable!("the engine was chosen above") };
    let other = Connection::open(path).unwrap();
    let check = || other.query_one("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(check(), "ok");
    for change in [
        "UPDATE customers SET name = 'ÉLODIE', email_verified = 1",
        "UPDATE customers SET metadata = '{}'",
        "UPDATE products SET is_archived = 0, name = 'ÉTÉ 2'",
        "DELETE FROM product_marks",
    ] {
        other.execute(change, []).unwrap();
    }
    assert_eq!(check(), "ok");
    let expressions: i64 = other
        .query_one(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'index' AND sql LIKE '%lower(%'",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(expressions, 0, "an index over our `lower` would seem damaged");
    // The program goes on with it.
    let taken = shop.customer_of(shop.organization.id, "éva@example.com");
    assert_eq!(field_problem(taken).1, "body.email");
    let name = shop.read(move |tx| {
        Ok(tx.one::<Option<String>>("SELECT name FROM customers WHERE id = $1", &[&customer.id])?)
    });
    assert_eq!(name.unwrap().as_deref(), Some("ÉLODIE"));
}
