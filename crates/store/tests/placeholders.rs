//! Parameters arrive where their numbers say, whatever their order in the text: SQLite by itself would number them in
//! order of appearance, and change the wrong row or none without any error.

use merak_store::{Error, Param, Sql};
use merak_testkit::{TestDatabase, both_engines};

async fn select(
    database: &TestDatabase,
    sql: &'static str,
    params: &'static [i64],
) -> Result<Vec<i64>, Error> {
    let store = database.open();
    store
        .read(move |tx| {
            let params: Vec<&dyn Param> = params.iter().map(|param| param as &dyn Param).collect();
            tx.all(sql, &params)
        })
        .await
}

both_engines! {
    async fn numbers_may_be_reversed(database: TestDatabase) {
        let rows = select(&database, "SELECT CAST($2 AS bigint) - CAST($1 AS bigint)", &[1, 10]).await;
        assert_eq!(rows.unwrap(), [9]);
    }

    async fn an_update_with_reversed_numbers_changes_its_row(database: TestDatabase) {
        let store = database.open();
        let changed = store
            .write(|tx| {
                tx.execute("CREATE TABLE notes (id bigint, body text)", &[])?;
                tx.execute("INSERT INTO notes (id, body) VALUES ($1, $2), (2, 'b')", &[&1, &"a"])?;
                tx.execute("UPDATE notes SET body = $2 WHERE id = $1", &[&1, &"c"])
            })
            .await;
        assert_eq!(changed.unwrap(), 1);
        let bodies = store.read(|tx| tx.all::<String>("SELECT body FROM notes ORDER BY id", &[])).await;
        assert_eq!(bodies.unwrap(), ["c", "b"]);
    }

    async fn numbers_may_repeat(database: TestDatabase) {
        let sql = "SELECT CAST($1 AS bigint) + CAST($2 AS bigint) * CAST($1 AS bigint)";
        assert_eq!(select(&database, sql, &[3, 5]).await.unwrap(), [18]);
    }

    async fn there_may_be_many(database: TestDatabase) {
        let store = database.open();
        let rows = store
            .read(|tx| {
                let mut sql = Sql::new("SELECT n FROM (SELECT CAST(0 AS bigint) AS n");
                for number in 1..=70 {
                    sql.push(" UNION ALL SELECT CAST(").bind(number).push(" AS bigint)");
                }
                sql.push(") AS numbers WHERE n NOT IN ").bind_list([0_i64, 70]).push(" ORDER BY n");
                tx.list::<i64>(&sql)
            })
            .await;
        assert_eq!(rows.unwrap(), (1..70).collect::<Vec<i64>>());
    }

    async fn a_dollar_in_quotes_is_no_parameter(database: TestDatabase) {
        let store = database.open();
        let text = store
            .read(|tx| tx.one::<String>("SELECT '$1 ''$2''' || CAST($1 AS text) AS \"$3\" -- $4", &[&"x"]))
            .await;
        assert_eq!(text.unwrap(), "$1 '$2'x");
    }

    async fn a_gap_is_refused(database: TestDatabase) {
        let sql = "SELECT CAST($1 AS bigint) + CAST($3 AS bigint)";
        for params in [&[1, 2][..], &[1, 2, 3]] {
            let refused = select(&database, sql, params).await;
            assert!(matches!(refused, Err(Error::Misuse(_) | Error::Engine(_))), "{refused:?}");
        }
    }

    async fn a_wrong_count_is_refused(database: TestDatabase) {
        let sql = "SELECT CAST($1 AS bigint)";
        for params in [&[][..], &[1, 2]] {
            assert!(matches!(select(&database, sql, params).await, Err(Error::Misuse(_))));
        }
    }

    async fn an_empty_list_holds_nothing(database: TestDatabase) {
        let store = database.open();
        let count = store
            .read(|tx| {
                let mut sql = Sql::new("SELECT count(*) FROM (SELECT CAST(1 AS bigint) AS n) AS one WHERE n IN ");
                tx.list::<i64>(sql.bind_list(Vec::<i64>::new()))
            })
            .await;
        assert_eq!(count.unwrap(), [0]);
    }

    async fn a_shared_filter_is_renumbered(database: TestDatabase) {
        let store = database.open();
        let rows = store
            .read(|tx| {
                let mut filter = Sql::new("n > ");
                filter.bind(2).push(" AND n < ").bind(5);
                let mut sql = Sql::new("SELECT n + CAST(");
                sql.bind(100).push(" AS bigint) FROM (SELECT CAST(1 AS bigint) AS n UNION ALL SELECT 3 UNION ALL SELECT 7) AS t WHERE ");
                sql.append(&filter).push(" LIMIT ").bind(10);
                tx.list::<i64>(&sql)
            })
            .await;
        assert_eq!(rows.unwrap(), [103]);
    }
}
