//! The benchmark of the catalogue: page 1 of every list, with each filter and in each order, at two sizes.

mod cases;
mod goods;
mod people;
mod report;
mod rows;

use std::{env, fs, fs::File, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};

use self::{
    cases::{Case, Scene},
    report::{Figure, Measure, Report},
};
use crate::{
    client::Answer,
    license_keys::{Engines, cluster},
    load::{self, Script},
    machine,
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
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    /// Customers of each shop; of products, discounts, fields, files and links there is a tenth as many.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    customers: Vec<u64>,
    /// How long each list is asked for, in milliseconds; longer if it needs more for so many answers.
    #[arg(long, default_value_t = 1000)]
    millis: u64,
    /// How many answers each connection waits for at least.
    #[arg(long, default_value_t = 10)]
    requests: u64,
    /// Keep-alive connections of the load generator.
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// Measure only these lists.
    #[arg(long, value_enum, value_delimiter = ',')]
    scenes: Option<Vec<Scene>>,
    /// Of these lists, measure only the cases whose name contains this.
    #[arg(long)]
    only: Option<String>,
    /// The binary to measure; normally the one beside the bench itself.
    #[arg(long)]
    bin: Option<PathBuf>,
}

/// How the seeded shops are made.
const RECIPE: Recipe = Recipe { name: "catalogue", edition: 3, fill: rows::fill };

/// Measures everything asked for and prints the report. Slow figures are no error; wrong answers are.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(
        arguments.customers.iter().all(|&customers| (1000..=10_000_000).contains(&customers)),
        "a shop has 1,000 to 10,000,000 customers"
    );
    ensure!(
        arguments.connections > 0 && arguments.requests > 0 && !arguments.customers.is_empty(),
        "nothing would be measured"
    );
    let itself = env::current_exe()?;
    let built = itself.parent().context("a program lies in a folder")?;
    let bin = arguments.bin.clone().unwrap_or_else(|| built.join("merak"));
    let folder = built.parent().context("the build folder lies in the target folder")?.join("bench");
    fs::create_dir_all(&folder)?;
    let machine = machine::describe(&folder)?;
    let seeder = Seeder::new(&bin, &folder, RECIPE)?;

    let mut figures = Vec::new();
    if arguments.engine != Engines::Postgres {
        let mut subjects = Vec::new();
        for &customers in &arguments.customers {
            subjects.push(Subject::start(&bin, &folder, seeder.sqlite(customers)?)?);
        }
        measure("SQLite", &subjects, arguments, &mut figures)?;
    }
    if arguments.engine != Engines::Sqlite {
        let (cluster, _running) = cluster(&folder)?;
        let mut subjects = Vec::new();
        for &customers in &arguments.customers {
            subjects.push(Subject::start(&bin, &folder, seeder.postgres(&cluster, customers)?)?);
        }
        measure(&format!("PostgreSQL {}", cluster.version()?), &subjects, arguments, &mut figures)?;
    }
    let report = Report { machine, connections: arguments.connections, figures };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// A shop with its server.
struct Subject {
    shop: Shop,
    server: Server,
    // Kept as long as the server runs on it.
    _place: Place,
}

impl Subject {
    fn start(bin: &std::path::Path, folder: &std::path::Path, (shop, place): (Shop, Place)) -> Result<Self> {
        let log = folder.join(format!("catalogue-{}.log", shop.size));
        let server = Server::start(
            place
                .command(bin)
                .args(["serve", "--listen", "127.0.0.1:0"])
                .args(["--rate-limit-per-address", "1000000", "--rate-limit-per-key", "1000000"])
                .stderr(File::create(log)?),
        )?;
        Ok(Self { shop, server, _place: place })
    }
}

/// Every list on shops of all sizes in turn, so that a slow moment of the machine meets all of them.
fn measure(
    engine: &str,
    subjects: &[Subject],
    arguments: &Arguments,
    figures: &mut Vec<Figure>,
) -> Result<()> {
    let cases: Vec<Vec<Case>> = subjects.iter().map(|subject| cases::of(&subject.shop)).collect();
    let is_wanted = |case: &Case| {
        arguments.scenes.as_ref().is_none_or(|scenes| scenes.contains(&case.list))
            && arguments.only.as_ref().is_none_or(|only| case.what.contains(only.as_str()))
    };
    for (number, first) in cases[0].iter().enumerate().filter(|(_, case)| is_wanted(case)) {
        let mut sizes = Vec::new();
        for (subject, cases) in subjects.iter().zip(&cases) {
            let case = &cases[number];
            let measured = ask(subject, case, arguments).with_context(|| {
                format!("{} {} of {} on {engine}", case.list.title(), case.what, subject.shop.size)
            })?;
            sizes.push(measured);
        }
        figures.push(Figure::new(engine, first, sizes));
    }
    Ok(())
}

/// Asks for one list for a while.
fn ask(subject: &Subject, case: &Case, arguments: &Arguments) -> Result<Measure> {
    let scripts =
        |count, least| -> Vec<Page> { (0..count).map(|_| Page::new(&subject.shop, case, least)).collect() };
    let address = [subject.server.address];
    // The first answer of all reads from the disk what the others find in memory, and counts what is remembered.
    let (first, _) = load::drive(&address, scripts(1, 1), Duration::ZERO)?;
    let duration = Duration::from_millis(arguments.millis);
    let (measured, _) = load::drive(&address, scripts(arguments.connections, arguments.requests), duration)?;
    let millis = |quantile| load::to_f64(measured.latency_us.value_at_quantile(quantile)) / 1000.0;
    Ok(Measure {
        customers: subject.shop.size,
        total: case.total,
        requests: measured.requests,
        first_ms: load::to_f64(first.latency_us.max()) / 1000.0,
        p50_ms: millis(0.5),
        p99_ms: millis(0.99),
    })
}

/// Asks for one page over and over. All answers must be the same to the byte, and the first says how long the list is.
struct Page {
    request: Vec<u8>,
    total: u64,
    items: u64,
    first: Option<Vec<u8>>,
    /// How many answers are still to come before the script may stop.
    missing: u64,
}

impl Page {
    fn new(shop: &Shop, case: &Case, least: u64) -> Self {
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {}\r\n\r\n",
            case.path, shop.token
        );
        Self {
            request: request.into_bytes(),
            total: case.total,
            items: case.items,
            first: None,
            missing: least,
        }
    }
}

impl Script for Page {
    fn ask(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn is_at_rest(&self) -> bool {
        self.missing == 0
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<()> {
        self.missing = self.missing.saturating_sub(1);
        ensure!(answer.status == 200, "status {}: {}", answer.status, String::from_utf8_lossy(answer.body));
        if let Some(first) = &self.first {
            ensure!(first == answer.body, "the same question was answered in another way");
            return Ok(());
        }
        let body: serde_json::Value = serde_json::from_slice(answer.body)?;
        let total = body["pagination"]["total_count"].as_u64();
        ensure!(total == Some(self.total), "total_count is {total:?} and not {}", self.total);
        let items = body["items"].as_array().map(Vec::len).and_then(|items| u64::try_from(items).ok());
        ensure!(items == Some(self.items), "{items:?} items and not {}", self.items);
        self.first = Some(answer.body.to_vec());
        Ok(())
    }
}
