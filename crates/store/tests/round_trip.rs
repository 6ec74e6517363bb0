//! Every type of column, its edges included, comes back as it went in, and sorts alike on both engines.

use std::fmt::Debug;

use merak_store::{Error, FromRow, Json, Migration, Param, Store, Timestamp};
use merak_testkit::{Engine, TestDatabase, both_engines};
use uuid::Uuid;

const SCHEMA: Migration = Migration {
    name: "0001_columns",
    sql: "CREATE TABLE columns (
        place bigint NOT NULL,
        a_boolean boolean,
        a_bigint bigint,
        a_text text,
        a_uuid uuid,
        a_timestamptz timestamptz,
        a_json json,
        a_jsonb jsonb,
        a_bytea bytea
    );",
};

fn migrated(engine: Engine) -> TestDatabase {
    merak_testkit::migrated(engine, &[SCHEMA])
}

/// Writes the values into a column and expects them back, in the order they were written and in their own order.
async fn keeps<T>(store: &Store, column: &'static str, values: Vec<T>)
where
    T: Param + FromRow + Clone + PartialEq + Debug + Send + Sync + 'static,
{
    let written = values.clone();
    let (read, sorted) = store
        .write(move |tx| {
            tx.execute("DELETE FROM columns", &[])?;
            for (place, value) in (0_i64..).zip(&written) {
                tx.changed_one(
                    &format!("INSERT INTO columns (place, {column}) VALUES ($1, $2)"),
                    &[&place, value],
                )?;
            }
            let read: Vec<T> = tx.all(&format!("SELECT {column} FROM columns ORDER BY place"), &[])?;
            let in_order = if column.starts_with("a_json") { "place" } else { column };
            let sorted: Vec<i64> = tx.all(&format!("SELECT place FROM columns ORDER BY {in_order}"), &[])?;
            Ok::<_, Error>((read, sorted))
        })
        .await
        .unwrap();
    assert_eq!(read, values, "{column}");
    assert!(sorted.is_sorted(), "{column}: {sorted:?}");
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

both_engines! {
    setup = migrated;

    async fn booleans(database: TestDatabase) {
        keeps(&database.open(), "a_boolean", vec![false, true]).await;
    }

    async fn integers(database: TestDatabase) {
        let store = database.open();
        keeps(&store, "a_bigint", vec![i64::MIN, -1, 0, 1, i64::from(u32::MAX), i64::MAX]).await;
        keeps(&store, "a_bigint", vec![i32::MIN, 0, i32::MAX]).await;
        keeps(&store, "a_bigint", vec![0, u32::MAX]).await;
        let too_large = store
            .write(|tx| {
                tx.execute("UPDATE columns SET a_bigint = $1", &[&i64::MAX])?;
                tx.all::<i32>("SELECT a_bigint FROM columns", &[])
            })
            .await;
        assert!(matches!(too_large, Err(Error::Decode(reason)) if reason.contains("a_bigint")));
    }

    async fn sums(database: TestDatabase) {
        let store = database.open();
        keeps(&store, "a_bigint", vec![-70_000_i64, -5, 10_000, 50_000, 120_000_000]).await;
        let sums = store
            .read(|tx| {
                let sum = |tx: &mut merak_store::ReadTx<'_>, condition: &str| {
                    tx.one::<Option<i64>>(&format!("SELECT sum(a_bigint) FROM columns WHERE {condition}"), &[])
                };
                Ok::<_, Error>([
                    sum(tx, "place >= 0")?, sum(tx, "place < 2")?, sum(tx, "place = 2")?, sum(tx, "place = 4")?, sum(tx, "place > 8")?,
                ])
            })
            .await;
        assert_eq!(sums.unwrap(), [Some(119_989_995), Some(-70_005), Some(10_000), Some(120_000_000), None]);
    }

    async fn texts(database: TestDatabase) {
        let long = "z".repeat(100_000);
        let texts = ["", " ", "'; --", "A", "a", "a\"b\\c\n", "e\u{301}", "é", "漢字", "🔑", &long];
        let mut texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        // Both engines compare bytes: PostgreSQL's test databases have the collation C, as Merak's must.
        texts.sort();
        keeps(&database.open(), "a_text", texts).await;
    }

    async fn uuids(database: TestDatabase) {
        let uuids = vec![Uuid::nil(), Uuid::from_u128(0x0194_47a0_0000_7abc_8def_0123_4567_89ab), Uuid::max()];
        let store = database.open();
        keeps(&store, "a_uuid", uuids).await;
        let found = store
            .read(|tx| tx.all::<i64>("SELECT place FROM columns WHERE a_uuid = $1", &[&Uuid::max()]))
            .await;
        assert_eq!(found.unwrap(), [2]);
    }

    async fn timestamps(database: TestDatabase) {
        let store = database.open();
        keeps(&store, "a_timestamptz", vec![
            Timestamp::MIN,
            at("1969-12-31T23:59:59.999999Z"),
            Timestamp::EPOCH,
            at("2025-01-07T10:00:00Z"),
            at("2025-01-07T10:00:00.000001Z"),
            at("2025-01-07T10:00:00.123456Z"),
            at("2025-01-07T10:00:00.5Z"),
            at("2025-01-07T11:00:00.999999Z"),
            Timestamp::MAX,
        ]).await;
        let later = store
            .read(|tx| {
                let sql = "SELECT count(*) FROM columns WHERE a_timestamptz > $1";
                tx.one::<i64>(sql, &[&at("2025-01-07T12:00:00+02:00")])
            })
            .await;
        assert_eq!(later.unwrap(), 5);
    }

    async fn documents_keep_their_spelling(database: TestDatabase) {
        let texts = ["null", "{\"b\": 1.50, \"a\":  [1e400, \"ü\\u0041\"]}", "\"text\"", "12345678901234567890123", "{}"];
        let documents: Vec<Json> = texts.into_iter().map(|text| Json::from_text(text).unwrap()).collect();
        let store = database.open();
        keeps(&store, "a_json", documents.clone()).await;
        let nulls = store.read(|tx| tx.one::<i64>("SELECT count(*) FROM columns WHERE a_json IS NULL", &[])).await;
        assert_eq!(nulls.unwrap(), 0, "JSON's null is a value");
        let member = store
            .read(|tx| tx.one::<String>("SELECT CAST(a_json ->> 'b' AS text) FROM columns WHERE place = 1", &[]))
            .await;
        assert!(member.unwrap().starts_with("1.5"));
        keeps(&store, "a_jsonb", vec![Json::from_text("{\"a\": 1}").unwrap()]).await;
    }

    async fn bytes(database: TestDatabase) {
        keeps(&database.open(), "a_bytea", vec![vec![], vec![0], vec![0, 255], vec![255; 1000]]).await;
    }

    async fn absent_values(database: TestDatabase) {
        let store = database.open();
        keeps::<Option<bool>>(&store, "a_boolean", vec![None]).await;
        keeps::<Option<i64>>(&store, "a_bigint", vec![None]).await;
        keeps::<Option<String>>(&store, "a_text", vec![None]).await;
        keeps::<Option<Uuid>>(&store, "a_uuid", vec![None]).await;
        keeps::<Option<Timestamp>>(&store, "a_timestamptz", vec![None]).await;
        keeps::<Option<Json>>(&store, "a_json", vec![None]).await;
        keeps::<Option<Vec<u8>>>(&store, "a_bytea", vec![None]).await;
        let missing = store.read(|tx| tx.one::<String>("SELECT a_text FROM columns", &[])).await;
        assert!(matches!(missing, Err(Error::Decode(reason)) if reason.contains("a_text")));
    }

    async fn expressions(database: TestDatabase) {
        let store = database.open();
        let (exists, count) = store
            .read(|tx| tx.one::<(bool, i64)>("SELECT EXISTS (SELECT 1 FROM columns), count(*) FROM columns", &[]))
            .await
            .unwrap();
        assert_eq!((exists, count), (false, 0));
    }

    async fn patterns_are_compared_in_lower_case(database: TestDatabase) {
        let store = database.open();
        keeps(&store, "a_text", ["ADA", "Bob", "ada", "ÉVA", "éva"].map(str::to_owned).to_vec()).await;
        let found = store
            .read(|tx| {
                let sql = "SELECT count(*) FROM columns WHERE lower(a_text) LIKE lower($1)";
                Ok::<_, Error>([tx.one::<i64>(sql, &[&"%Ad%"])?, tx.one::<i64>(sql, &[&"Év%"])?])
            })
            .await;
        assert_eq!(found.unwrap(), [2, 2]);
    }

    async fn a_value_of_another_type_is_refused(database: TestDatabase) {
        let store = database.open();
        let refused = store
            .write(|tx| tx.execute("INSERT INTO columns (place, a_bigint) VALUES (1, $1)", &[&"seven"]))
            .await;
        assert!(matches!(refused, Err(Error::Engine(_))), "{refused:?}");
    }
}

#[test]
fn the_wire_has_six_digits_or_none() {
    assert_eq!(at("2025-01-07T12:00:00+02:00").wire(), "2025-01-07T10:00:00Z");
    assert_eq!(at("2025-01-07T10:00:00.5Z").wire(), "2025-01-07T10:00:00.500000Z");
    assert_eq!(at("2025-01-07T10:00:00.1234567Z").wire(), "2025-01-07T10:00:00.123456Z");
    assert_eq!(at("1960-01-07T10:00:00.1234567Z").wire(), "1960-01-07T10:00:00.123456Z");
    assert_eq!(at("2025-01-07T10:00:00Z").to_string(), "2025-01-07T10:00:00.000000Z");
    for nonsense in ["", "2025-01-07", "2025-13-07T10:00:00.000000Z", "2025-01-07T24:00:00.000000Z"] {
        assert!(Timestamp::parse(nonsense).is_err(), "{nonsense}");
    }
    assert_eq!(Timestamp::from_micros(i64::MAX), Timestamp::MAX);
    for edge in [Timestamp::MIN, Timestamp::MAX] {
        assert_eq!(at(&edge.to_string()), edge);
    }
}
