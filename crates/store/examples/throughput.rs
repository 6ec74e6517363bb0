//! Measures the store alone: find a license key with its customer, count the validation, commit durably. The counters
//! are read back afterwards, because a measurement that does not check its effect measures nothing.
//!
//! `cargo run --release -p merak-store --example throughput -- [sqlite:PATH | postgres://…] [tasks] [seconds] [keys]`

use std::{
    env,
    error::Error as StdError,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use merak_store::{Database, Error, Migration, Options, Store, Tx};
use uuid::Uuid;

const SCHEMA: Migration = Migration {
    name: "0001_throughput",
    sql: "
        CREATE TABLE customers (
            id uuid NOT NULL,
            email text NOT NULL,
            name text NOT NULL,
            CONSTRAINT customers_pkey PRIMARY KEY (id)
        );
        CREATE TABLE license_keys (
            id uuid NOT NULL,
            customer_id uuid NOT NULL REFERENCES customers (id),
            organization_id uuid NOT NULL,
            key text NOT NULL,
            status text NOT NULL,
            usage bigint NOT NULL,
            validations bigint NOT NULL,
            last_validated_at timestamptz,
            created_at timestamptz NOT NULL,
            CONSTRAINT license_keys_pkey PRIMARY KEY (id),
            CONSTRAINT license_keys_organization_id_key_key UNIQUE (organization_id, key)
        );
    ",
};

const ORGANIZATION: Uuid = Uuid::from_u128(0x0194_47a0_0000_7000_8000_0000_0000_0001);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = env::args().skip(1);
    let directory = env::temp_dir().join(format!("merak-throughput-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let default = format!("sqlite:{}/merak.db", directory.display());
    let database: Database = arguments.next().unwrap_or(default).parse()?;
    let tasks: usize = arguments.next().map_or(Ok(64), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let keys: u32 = arguments.next().map_or(Ok(10_000), |text| text.parse())?;

    let store = Store::open(&Options::new(database))?;
    store.migrate(&[SCHEMA])?;
    for first in (0..keys).step_by(1000) {
        store.write(move |tx| fill(tx, first, 1000.min(keys - first))).await?;
    }
    println!("{keys} keys, {tasks} tasks, {seconds} seconds");
    measure("write", &store, tasks, seconds, |store, key| {
        Box::pin(async move { store.write(move |tx| validate(tx, key)).await })
    })
    .await?;
    measure("write_one", &store, tasks, seconds, |store, key| {
        Box::pin(async move { store.write_one(move |tx| validate(tx, key)).await })
    })
    .await?;
    measure_reads(&store, tasks, seconds).await?;
    println!("{:?}", store.statistics());
    // What Linux knows of this process: its memory, and what it had written to disk.
    for (file, words) in [("status", ["VmHWM", "VmRSS"]), ("io", ["wchar", "write_bytes"])] {
        let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
        text.lines()
            .filter(|line| words.iter().any(|word| line.starts_with(word)))
            .for_each(|line| println!("{line}"));
    }
    store.shutdown().await;
    std::fs::remove_dir_all(&directory)?;
    Ok(())
}

fn fill(tx: &mut Tx<'_>, first: u32, count: u32) -> Result<(), Error> {
    for number in first..first + count {
        let customer = tx.uuid();
        let email = format!("buyer{number}@example.com");
        tx.execute(
            "INSERT INTO customers (id, email, name) VALUES ($1, $2, $3)",
            &[&customer, &email, &"A. Buyer"],
        )?;
        let (id, now) = (tx.uuid(), tx.now());
        tx.execute(
            "INSERT INTO license_keys (id, customer_id, organization_id, key, status, usage, validations, created_at)
             VALUES ($1, $2, $3, $4, 'granted', 0, 0, $5) ON CONFLICT DO NOTHING",
            &[&id, &customer, &ORGANIZATION, &key(number), &now],
        )?;
    }
    Ok(())
}

fn key(number: u32) -> String {
    format!("MERAK-{number:08X}-{:08X}-8F2C-99D1", number.wrapping_mul(2_654_435_761))
}

fn validate(tx: &mut Tx<'_>, number: u32) -> Result<(), Error> {
    let sql = "SELECT license_keys.id, license_keys.status, customers.id, customers.email, customers.name
        FROM license_keys JOIN customers ON customers.id = license_keys.customer_id
        WHERE license_keys.organization_id = $1 AND license_keys.key = $2";
    let (id, _status, _customer, _email, _name) =
        tx.one::<(Uuid, String, Uuid, String, String)>(sql, &[&ORGANIZATION, &key(number)])?;
    let now = tx.now();
    tx.changed_one(
        "UPDATE license_keys SET validations = validations + 1, last_validated_at = $2 WHERE id = $1",
        &[&id, &now],
    )
}

type Answer = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

async fn measure(
    name: &str,
    store: &Store,
    tasks: usize,
    seconds: u64,
    validate: fn(Store, u32) -> Answer,
) -> Result<(), Error> {
    let counted =
        |tx: &mut merak_store::ReadTx<'_>| tx.one::<i64>("SELECT sum(validations) FROM license_keys", &[]);
    let keys = store.read(|tx| tx.one::<i64>("SELECT count(*) FROM license_keys", &[])).await?;
    let keys = u32::try_from(keys).unwrap_or(u32::MAX);
    let before = store.read(counted).await?;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let began = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let (store, stop, done) = (store.clone(), Arc::clone(&stop), Arc::clone(&done));
        clients.spawn(async move {
            let mut latencies = Vec::new();
            let mut number = u32::try_from(task).unwrap_or(0).wrapping_mul(7919);
            while !stop.load(Ordering::Relaxed) {
                number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let asked = Instant::now();
                if validate(store.clone(), (number >> 8) % keys).await.is_ok() {
                    done.fetch_add(1, Ordering::Relaxed);
                }
                latencies.push(asked.elapsed());
            }
            latencies
        });
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    stop.store(true, Ordering::Relaxed);
    let mut latencies: Vec<Duration> = clients.join_all().await.into_iter().flatten().collect();
    let took = began.elapsed();
    latencies.sort_unstable();
    let (done, after) = (done.load(Ordering::Relaxed), store.read(counted).await?);
    assert_eq!(u64::try_from(after - before).unwrap_or(0), done, "every answered validation was counted");
    report(name, done, took, &latencies);
    Ok(())
}

async fn measure_reads(store: &Store, tasks: usize, seconds: u64) -> Result<(), Error> {
    let began = Instant::now();
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let store = store.clone();
        clients.spawn(async move {
            let mut latencies = Vec::new();
            while began.elapsed() < Duration::from_secs(seconds) {
                let asked = Instant::now();
                store
                    .read(|tx| {
                        let sql = "SELECT status FROM license_keys WHERE organization_id = $1 AND key = $2";
                        tx.one::<String>(sql, &[&ORGANIZATION, &key(7)])
                    })
                    .await?;
                latencies.push(asked.elapsed());
            }
            Ok::<_, Error>(latencies)
        });
    }
    let mut latencies = Vec::new();
    for client in clients.join_all().await {
        latencies.extend(client?);
    }
    latencies.sort_unstable();
    report("read", latencies.len() as u64, began.elapsed(), &latencies);
    Ok(())
}

fn report(name: &str, done: u64, took: Duration, latencies: &[Duration]) {
    let at = |percent: usize| latencies.get(latencies.len() * percent / 100).copied().unwrap_or_default();
    println!(
        "{name}: {} units/s, p50 {:?}, p99 {:?}",
        u128::from(done) * 1000 / took.as_millis(),
        at(50),
        at(99)
    );
}
