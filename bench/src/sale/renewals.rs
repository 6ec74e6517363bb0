//! Renewals: subscriptions that are all due at once are billed, paid and mailed by a running server.

use std::{
    env, fmt, fs,
    fs::File,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, ensure};
use merak_core::kit::calendar::{self, Timeframe};
use merak_store::Timestamp;
use serde::Serialize;

use super::rows;
use crate::{
    license_keys::{Engines, cluster},
    load::to_f64,
    machine::{self, Machine},
    report::megabytes,
    seed::{Place, Recipe, Seeder},
    server::Server,
};

/// What to measure.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// The engines to measure.
    #[arg(long, value_enum, default_value_t = Engines::Sqlite)]
    engine: Engines,
    /// How many subscriptions are due.
    #[arg(long, default_value_t = 100_000)]
    subscriptions: u64,
    /// After how many seconds it is given up.
    #[arg(long, default_value_t = 900)]
    patience: u64,
    /// The binary to measure; normally the one beside the bench itself.
    #[arg(long)]
    bin: Option<PathBuf>,
}

/// How the seeded shops are made.
const RECIPE: Recipe = Recipe { name: "renewals", edition: 1, fill: rows::fill };

/// How often it is looked how far the server has come.
const PAUSE: Duration = Duration::from_millis(500);

/// What must be there in the end, by a statement that counts it: once for each subscription.
const EFFECTS: [(&str, &str); 9] = [
    ("orders of the new period", "SELECT count(*) FROM orders WHERE billing_reason = 'subscription_cycle'"),
    ("subscriptions with such an order", "SELECT count(DISTINCT subscription_id) FROM orders"),
    ("numbers of invoices", "SELECT max(invoice_number) FROM orders"),
    ("paid invoices", "SELECT count(*) FROM invoices WHERE status = 'paid'"),
    ("payments that brought the money", "SELECT count(*) FROM payments WHERE status = 'succeeded'"),
    (
        "subscriptions in the new period",
        "SELECT count(*) FROM subscriptions WHERE status = 'active' AND period = 1",
    ),
    (
        "mails that were sent",
        "SELECT count(*) FROM emails WHERE kind = 'subscription_renewed' AND sent_at IS NOT NULL",
    ),
    ("events of orders", "SELECT count(*) FROM events WHERE type = 'order.created'"),
    (
        "customers who still have what they pay for",
        "SELECT count(DISTINCT customer_id) FROM benefit_grants WHERE granted_at IS NOT NULL AND revoked_at IS NULL",
    ),
];

/// Measures the engines asked for and prints the report. A slow run is no error; one whose effects are missing is.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!((1..=10_000_000).contains(&arguments.subscriptions), "1 to 10,000,000 subscriptions can be due");
    let itself = env::current_exe()?;
    let built = itself.parent().context("a program lies in a folder")?;
    let bin = arguments.bin.clone().unwrap_or_else(|| built.join("merak"));
    let folder = built.parent().context("the build folder lies in the target folder")?.join("bench");
    fs::create_dir_all(&folder)?;
    let machine = machine::describe(&folder)?;
    let seeder = Seeder::new(&bin, &folder, RECIPE)?;
    let mut figures = Vec::new();
    if arguments.engine != Engines::Postgres {
        let (_, place) = seeder.sqlite(arguments.subscriptions)?;
        machine::settle(&folder, machine.flush_us)?;
        figures.push(measure("SQLite", &bin, &folder, &place, arguments)?);
    }
    if arguments.engine != Engines::Sqlite {
        let (cluster, _running) = cluster(&folder)?;
        let (_, place) = seeder.postgres(&cluster, arguments.subscriptions)?;
        let engine = format!("PostgreSQL {}", cluster.version()?);
        figures.push(measure(&engine, &bin, &folder, &place, arguments)?);
    }
    let report = Report { machine, figures };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// Lets a server renew what is due, and looks on.
fn measure(engine: &str, bin: &Path, folder: &Path, place: &Place, arguments: &Arguments) -> Result<Figure> {
    let count = arguments.subscriptions;
    make_due(place)?;
    let mails = place.data_dir.join("mails");
    let server = Server::start(
        place
            .command(bin)
            .args(["serve", "--listen", "127.0.0.1:0"])
            .arg("--mail")
            .arg(format!("folder:{}", mails.display()))
            .stderr(File::create(folder.join("renewals.log"))?),
    )?;
    let begun = server.started;
    let patience = Duration::from_secs(arguments.patience);
    // The looks are cheap ones: what is counted here is not what is being measured.
    let until = |what: &str, sql: &str, wanted: u64| -> Result<f64> {
        loop {
            let found = place.number(sql)?;
            if found >= wanted {
                return Ok(begun.elapsed().as_secs_f64());
            }
            ensure!(begun.elapsed() < patience, "after {patience:?} the {what} are at {found} of {wanted}");
            thread::sleep(PAUSE);
        }
    };
    let opened = "SELECT count(*) FROM invoices";
    let invoiced = until("invoices", opened, count)?;
    let numbered = "SELECT coalesce(max(last_number), 0) FROM invoice_numbers";
    let ordered = until("orders", numbered, count)?;
    let mailed = until(
        "mails",
        "SELECT 1 - count(*) FROM (SELECT 1 FROM jobs WHERE is_flow LIMIT 1) AS left_over",
        1,
    )?;
    let told = until(
        "events of the sandbox",
        "SELECT 1 - count(*) FROM (SELECT 1 FROM sandbox_records WHERE due_at IS NOT NULL LIMIT 1) AS left_over",
        1,
    )?;
    let (processor, resident) = (server.processor_time()?, server.resident()?);
    server.kill()?;

    let written = files(&mails)?;
    ensure!(written == count, "there are {written} mails in the folder, not {count}");
    for (what, sql) in EFFECTS {
        let found = place.number(sql)?;
        ensure!(found == count, "there are {found} {what}, not {count}");
    }
    let revenue = place.number(
        "SELECT CAST(coalesce(-sum(amount), 0) AS bigint) FROM ledger_lines WHERE account = 'revenue'",
    )?;
    ensure!(revenue == count * rows::AMOUNT, "the ledger has a revenue of {revenue} cents");
    let audit = Instant::now();
    let status = place.command(bin).arg("audit").stdout(Stdio::null()).status()?;
    ensure!(status.success(), "merak audit ended with {status}");
    Ok(Figure {
        engine: engine.to_owned(),
        subscriptions: count,
        invoiced_s: invoiced,
        ordered_s: ordered,
        mailed_s: mailed,
        told_s: told,
        per_second: to_f64(count) / mailed,
        server_us: processor.as_secs_f64() * 1e6 / to_f64(count),
        peak_mb: megabytes(resident.peak),
        audit_s: audit.elapsed().as_secs_f64(),
    })
}

/// Lets the first period of all subscriptions end a few days ago, so that exactly one is due.
fn make_due(place: &Place) -> Result<()> {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let start = Timestamp::from_seconds(i64::try_from(since_1970)?).add_seconds(-33 * 24 * 3600);
    let end = calendar::add(start, 1, Timeframe::Month).context("there is a month after")?;
    place.run(&format!(
        "UPDATE subscriptions SET anchor_at = '{start}', current_period_start = '{start}', current_period_end = '{end}', \
         due_at = '{end}'"
    ))
}

/// How many mails lie in the folder.
fn files(folder: &Path) -> Result<u64> {
    let mut count = 0;
    if folder.exists() {
        for file in fs::read_dir(folder)? {
            count += u64::from(file?.file_name().to_string_lossy().ends_with(".eml"));
        }
    }
    Ok(count)
}

/// What was measured.
#[derive(Serialize)]
struct Report {
    machine: Machine,
    figures: Vec<Figure>,
}

/// A run.
#[derive(Serialize)]
struct Figure {
    engine: String,
    subscriptions: u64,
    /// Seconds from the start of the process until all invoices were made out.
    invoiced_s: f64,
    /// Until all were paid and had their order.
    ordered_s: f64,
    /// Until all mails lay in the folder and were noted as sent.
    mailed_s: f64,
    /// Until the sandbox had told of all payments.
    told_s: f64,
    /// Renewals in a second, until all mails lay in the folder.
    per_second: f64,
    /// Processor time of the server for each, in microseconds.
    server_us: f64,
    /// The most resident memory, in MB.
    peak_mb: f64,
    /// What `merak audit` took, in seconds.
    audit_s: f64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            f,
            "{} cores ({}), {} MiB, a flush of 4 KiB takes {} us",
            machine.cores, machine.processor, machine.memory_mib, machine.flush_us
        )?;
        for figure in &self.figures {
            let rate = |seconds: f64| to_f64(figure.subscriptions) / seconds;
            writeln!(f, "\n{}, {} subscriptions due at once", figure.engine, figure.subscriptions)?;
            for (stage, seconds) in [
                ("invoices made out", figure.invoiced_s),
                ("paid, with their orders", figure.ordered_s),
                ("mails in the folder", figure.mailed_s),
                ("told by the sandbox, too", figure.told_s),
            ] {
                writeln!(f, "  {stage:<26} {seconds:>8.1} s {:>9.0}/s", rate(seconds))?;
            }
            writeln!(
                f,
                "  server {:.0} us of processor time each, at most {:.0} MB; audit {:.1} s: every entry holds",
                figure.server_us, figure.peak_mb, figure.audit_s
            )?;
        }
        Ok(())
    }
}
