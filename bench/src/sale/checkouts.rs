//! Checkouts: each connection makes one with the seller's token and confirms it as its buyer, with the sandbox's card.

use std::{
    env, fmt, fs,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use hdrhistogram::Histogram;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    client::{Answer, Connection},
    license_keys::{Engines, cluster},
    load::{self, Script, to_f64},
    machine::{self, Machine},
    seed::{Place, Recipe, Seeder, Shop},
    server::Server,
};

/// What to measure, and how long.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// The engines to measure.
    #[arg(long, value_enum, default_value_t = Engines::Sqlite)]
    engine: Engines,
    /// How long checkouts are made, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Keep-alive connections, one request at a time on each.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// The binary to measure; normally the one beside the bench itself.
    #[arg(long)]
    bin: Option<PathBuf>,
}

/// Shops without anything: what is sold is made through the API.
const RECIPE: Recipe = Recipe { name: "checkout", edition: 1, fill: |_, _| Ok(()) };

/// What a checkout costs, in cents.
const AMOUNT: u64 = 1000;

/// How long the grants that follow from the orders may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// Measures the engines asked for and prints the report. Slow figures are no error; wrong answers are, and effects that
/// are missing.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(arguments.connections > 0 && arguments.seconds > 0, "nothing would be measured");
    let itself = env::current_exe()?;
    let built = itself.parent().context("a program lies in a folder")?;
    let bin = arguments.bin.clone().unwrap_or_else(|| built.join("merak"));
    let folder = built.parent().context("the build folder lies in the target folder")?.join("bench");
    fs::create_dir_all(&folder)?;
    let machine = machine::describe(&folder)?;
    let seeder = Seeder::new(&bin, &folder, RECIPE)?;
    let mut figures = Vec::new();
    if arguments.engine != Engines::Postgres {
        let founded = seeder.sqlite(0)?;
        machine::settle(&folder, machine.flush_us)?;
        figures.push(measure("SQLite", &bin, &folder, founded, arguments)?);
    }
    if arguments.engine != Engines::Sqlite {
        let (cluster, _running) = cluster(&folder)?;
        let engine = format!("PostgreSQL {}", cluster.version()?);
        figures.push(measure(&engine, &bin, &folder, seeder.postgres(&cluster, 0)?, arguments)?);
    }
    let report = Report { machine, connections: arguments.connections, figures };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

fn measure(
    engine: &str,
    bin: &Path,
    folder: &Path,
    (shop, place): (Shop, Place),
    arguments: &Arguments,
) -> Result<Figure> {
    let server = Server::start(
        place
            .command(bin)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--rate-limit-per-address", "0", "--rate-limit-per-key", "1000000"])
            .stderr(File::create(folder.join("checkout.log"))?),
    )?;
    let product_id = product(&server, &shop)?;
    let buyers = |round: u64| -> Vec<Buyer> {
        (0..arguments.connections).map(|number| Buyer::new(&shop, &product_id, round, number)).collect()
    };
    let (_, warm) = load::drive(&[server.address], buyers(0), Duration::from_secs(1))?;
    let before = server.processor_time()?;
    let (measured, buyers) =
        load::drive(&[server.address], buyers(1), Duration::from_secs(arguments.seconds))?;
    let processor = server.processor_time()?.saturating_sub(before);

    let bought: u64 = warm.iter().chain(&buyers).map(|buyer| buyer.bought).sum();
    let begun = Instant::now();
    let granted = "SELECT count(*) FROM benefit_grants WHERE granted_at IS NOT NULL AND order_id IS NOT NULL";
    while place.number(granted)? < bought && begun.elapsed() < PATIENCE {
        thread::sleep(Duration::from_millis(200));
    }
    let caught_up = begun.elapsed();
    server.kill()?;
    for (what, sql) in [
        ("checkouts that succeeded", "SELECT count(*) FROM checkouts WHERE status = 'succeeded'"),
        ("orders", "SELECT count(*) FROM orders WHERE invoice_number IS NOT NULL"),
        ("invoice numbers", "SELECT max(invoice_number) FROM orders"),
        ("payments", "SELECT count(*) FROM payments WHERE status = 'succeeded'"),
        ("grants", granted),
    ] {
        let found = place.number(sql)?;
        ensure!(found == bought, "there are {found} {what} of {bought}");
    }
    let revenue = place.number(
        "SELECT CAST(coalesce(-sum(amount), 0) AS bigint) FROM ledger_lines WHERE account = 'revenue'",
    )?;
    ensure!(revenue == bought * AMOUNT, "the ledger has a revenue of {revenue} cents");
    let status = place.command(bin).arg("audit").stdout(Stdio::null()).status()?;
    ensure!(status.success(), "merak audit ended with {status}");

    let mut parts = [load::histogram(), load::histogram()];
    for buyer in &buyers {
        for (all, own) in parts.iter_mut().zip(&buyer.latency_us) {
            all.add(own)?;
        }
    }
    let pairs = measured.requests / 2;
    let [create, confirm] = parts.map(|part| Latency::of(&part));
    Ok(Figure {
        engine: engine.to_owned(),
        pairs_per_second: to_f64(pairs) / measured.elapsed.as_secs_f64(),
        create,
        confirm,
        server_us: processor.as_secs_f64() * 1e6 / to_f64(pairs.max(1)),
        grants_after_ms: caught_up.as_secs_f64() * 1e3,
    })
}

/// A product with a price that is paid once, and a benefit that comes with it.
fn product(server: &Server, shop: &Shop) -> Result<String> {
    let benefit = post(
        server,
        shop,
        "/v1/benefits/",
        &json!({
            "type": "custom", "description": "Bench support", "properties": {"note": null},
            "organization_id": shop.organization_id
        }),
    )?;
    let product = post(
        server,
        shop,
        "/v1/products/",
        &json!({
            "name": "Bench", "organization_id": shop.organization_id, "prices": [
                {"type": "one_time", "amount_type": "fixed", "price_amount": AMOUNT, "price_currency": "usd"}
            ]
        }),
    )?;
    let id = product["id"].as_str().context("a product has an id")?.to_owned();
    post(server, shop, &format!("/v1/products/{id}/benefits"), &json!({"benefits": [benefit["id"]]}))?;
    Ok(id)
}

/// Asks once and takes what was answered.
fn post(server: &Server, shop: &Shop, path: &str, body: &Value) -> Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut connection = Connection::open(server.address).await?;
        let mut request = Vec::new();
        write_post(&mut request, path, Some(&shop.token), &body.to_string());
        let answer = connection.exchange(&request).await?;
        let text = String::from_utf8_lossy(answer.body);
        ensure!((200..300).contains(&answer.status), "{path} was answered {}: {text}", answer.status);
        Ok(serde_json::from_str(&text)?)
    })
}

fn write_post(request: &mut Vec<u8>, path: &str, token: Option<&str>, body: &str) {
    let authorization = token.map_or_else(String::new, |token| format!("authorization: Bearer {token}\r\n"));
    request.extend_from_slice(
        format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\nuser-agent: merak-bench\r\n\
             {authorization}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .as_bytes(),
    );
}

/// Makes a checkout and confirms it, over and over, each for another buyer.
struct Buyer {
    token: String,
    create: String,
    name: String,
    /// The secret of the checkout that is to be confirmed.
    open: Option<String>,
    sent: Instant,
    /// Checkouts that were bought.
    bought: u64,
    /// Of creating and of confirming.
    latency_us: [Histogram<u64>; 2],
}

impl Buyer {
    fn new(shop: &Shop, product_id: &str, round: u64, number: usize) -> Self {
        Self {
            token: shop.token.clone(),
            create: json!({"product_id": product_id}).to_string(),
            name: format!("buyer-{round}-{number}"),
            open: None,
            sent: Instant::now(),
            bought: 0,
            latency_us: [load::histogram(), load::histogram()],
        }
    }
}

impl Script for Buyer {
    fn ask(&mut self, request: &mut Vec<u8>) {
        if let Some(secret) = &self.open {
            let body = json!({
                "customer_name": "Bench Buyer",
                "customer_email": format!("{}-{}@bench.example", self.name, self.bought),
                "customer_billing_address": {"country": "FR"},
                "confirmation_token_id": "ctoken_sandbox_success"
            });
            let path = format!("/v1/checkouts/custom/client/{secret}/confirm");
            write_post(request, &path, None, &body.to_string());
        } else {
            write_post(request, "/v1/checkouts/custom/", Some(&self.token), &self.create);
        }
        self.sent = Instant::now();
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<()> {
        let micros = u64::try_from(self.sent.elapsed().as_micros()).unwrap_or(u64::MAX);
        let text = String::from_utf8_lossy(answer.body);
        if self.open.take().is_some() {
            ensure!(answer.status == 200, "confirming was answered {}: {text}", answer.status);
            self.bought += 1;
            self.latency_us[1].saturating_record(micros);
        } else {
            ensure!(answer.status == 201, "creating was answered {}: {text}", answer.status);
            let made: Value = serde_json::from_slice(answer.body)?;
            let secret = made["client_secret"].as_str().context("a checkout has a client secret")?;
            self.open = Some(secret.to_owned());
            self.latency_us[0].saturating_record(micros);
        }
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        self.open.is_none()
    }
}

/// What was measured.
#[derive(Serialize)]
struct Report {
    machine: Machine,
    connections: usize,
    figures: Vec<Figure>,
}

/// Milliseconds until an answer was there.
#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "the unit is part of the names in the JSON")]
struct Latency {
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        let millis = |micros: u64| to_f64(micros) / 1e3;
        Self {
            p50_ms: millis(histogram.value_at_quantile(0.5)),
            p99_ms: millis(histogram.value_at_quantile(0.99)),
            max_ms: millis(histogram.max()),
        }
    }
}

/// One engine.
#[derive(Serialize)]
struct Figure {
    engine: String,
    /// Checkouts made and confirmed in a second.
    pairs_per_second: f64,
    create: Latency,
    confirm: Latency,
    /// Processor time of the server for a pair, in microseconds; what follows from it is in it.
    server_us: f64,
    /// How long after the last answer all grants were there, in milliseconds.
    grants_after_ms: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "{} cores ({}), {} MiB, a flush of 4 KiB takes {} us; load generator on the same cores; {} connections",
            machine.cores, machine.processor, machine.memory_mib, machine.flush_us, self.connections
        )?;
        for figure in &self.figures {
            writeln!(
                f,
                "\n{}: {:.0} checkouts a second made and confirmed, {:.0} us of the server's processor time each",
                figure.engine, figure.pairs_per_second, figure.server_us
            )?;
            for (what, latency) in [("create", &figure.create), ("confirm", &figure.confirm)] {
                writeln!(
                    f,
                    "  {what:<8} p50 {:>8.2} ms   p99 {:>8.2} ms   max {:>8.2} ms",
                    latency.p50_ms, latency.p99_ms, latency.max_ms
                )?;
            }
            writeln!(f, "  all grants {:.0} ms after the last answer", figure.grants_after_ms)?;
        }
        Ok(())
    }
}
