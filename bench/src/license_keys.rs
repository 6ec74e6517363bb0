//! The benchmark of license keys: what is run, in which order.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    machine,
    postgres_cluster::PrivateCluster,
    report::{self, Report, Section},
    rounds::{Load, Scene, Subject},
    seed::{self, Cluster, Recipe, Seeder},
};

/// The address of a durable PostgreSQL cluster on this machine; without it the bench starts one of its own.
const POSTGRES_URL: &str = "MERAK_BENCH_POSTGRES_URL";

/// How the seeded shops are made.
const RECIPE: Recipe = Recipe { name: "", edition: 2, fill: seed::fill };

/// What to measure, and how long.
#[derive(clap::Args)]
pub struct Arguments {
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// The engines to measure.
    #[arg(long, value_enum, default_value_t = Engines::Both)]
    engine: Engines,
    /// License keys in each shop.
    #[arg(long, value_delimiter = ',', default_values_t = [10_000, 1_000_000])]
    keys: Vec<u64>,
    /// The length of one measured round.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often every figure is measured.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Keep-alive connections of the load generator.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// The binary to measure; normally the one beside the bench itself.
    #[arg(long)]
    bin: Option<PathBuf>,
    /// Nodes on one PostgreSQL database.
    #[arg(long, default_value_t = 2)]
    nodes: usize,
    /// Measure only these scenes, bare handlers included as needed.
    #[arg(long, value_enum, value_delimiter = ',')]
    scenes: Option<Vec<Scene>>,
}

/// Which engines are measured.
#[derive(Clone, Copy, Eq, PartialEq, clap::ValueEnum)]
pub enum Engines {
    Sqlite,
    Postgres,
    Both,
}

/// Measures everything asked for and prints the report. Slow figures are not an error; missing effects are.
pub fn run(arguments: &Arguments) -> Result<()> {
    ensure!(
        arguments.keys.iter().all(|&keys| (2..=40_000_000).contains(&keys)),
        "a shop has 2 to 40,000,000 keys"
    );
    ensure!(
        arguments.rounds > 0 && arguments.connections > 0 && arguments.nodes > 0,
        "nothing would be measured"
    );
    let itself = env::current_exe()?;
    let built = itself.parent().context("a program lies in a folder")?;
    let bin = arguments.bin.clone().unwrap_or_else(|| built.join("merak"));
    let binary_bytes = fs::metadata(&bin).with_context(|| format!("{} is not built", bin.display()))?.len();
    let folder = built.parent().context("the build folder lies in the target folder")?.join("bench");
    fs::create_dir_all(&folder)?;
    let machine = machine::describe(&folder)?;
    let seeder = Seeder::new(&bin, &folder, RECIPE)?;

    let mut sections = Vec::new();
    if arguments.engine != Engines::Postgres {
        let mut subjects = Vec::new();
        for &keys in &arguments.keys {
            subjects.push(Subject::start(&bin, &folder, seeder.sqlite(keys)?, 1)?);
        }
        let disk = Disk { folder: &folder, usual_us: machine.flush_us };
        sections.extend(measure("SQLite", subjects, arguments, &SQLITE, disk)?);
    }
    if arguments.engine != Engines::Sqlite {
        let (cluster, _running) = cluster(&folder)?;
        let mut subjects = Vec::new();
        for &keys in &arguments.keys {
            subjects.push(Subject::start(&bin, &folder, seeder.postgres(&cluster, keys)?, arguments.nodes)?);
        }
        let name = format!("PostgreSQL {}", cluster.version()?);
        let disk = Disk { folder: &folder, usual_us: machine.flush_us };
        sections.extend(measure(&name, subjects, arguments, &POSTGRES, disk)?);
    }
    let report = Report {
        machine,
        connections: arguments.connections,
        seconds: arguments.seconds,
        binary_mb: report::megabytes(binary_bytes),
        sections,
        effects_checked: true,
    };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}

/// The scenes of one round on SQLite; each bare handler comes before what is compared with it.
const SQLITE: [Scene; 5] = [Scene::BareValidate, Scene::Validate, Scene::Pairs, Scene::BareList, Scene::List];

/// The scenes of one round on PostgreSQL.
const POSTGRES: [Scene; 7] = [
    Scene::BareValidate,
    Scene::Validate,
    Scene::ValidateNodes,
    Scene::ValidateHot,
    Scene::Pairs,
    Scene::BareList,
    Scene::List,
];

/// Where the data lies, and what a flush took there before anything was copied.
#[derive(Clone, Copy)]
struct Disk<'a> {
    folder: &'a Path,
    usual_us: u64,
}

/// All sizes of one engine in turn, round by round, so that a slow moment of the machine meets all of them.
fn measure(
    engine: &str,
    mut subjects: Vec<Subject>,
    arguments: &Arguments,
    scenes: &[Scene],
    disk: Disk<'_>,
) -> Result<Vec<Section>> {
    let asked = |scene: &&Scene| {
        let Some(asked) = &arguments.scenes else { return true };
        matches!(scene, Scene::BareValidate | Scene::BareList) || asked.contains(scene)
    };
    let scenes: Vec<Scene> = scenes.iter().filter(asked).copied().collect();
    let load = Load { connections: arguments.connections, round: Duration::from_secs(arguments.seconds) };
    for subject in &mut subjects {
        for &scene in &scenes {
            subject.play(scene, Load { round: Duration::from_secs(1), ..load }, false)?;
        }
    }
    let flush_before_us = machine::settle(disk.folder, disk.usual_us)?;
    for _ in 0..arguments.rounds {
        for subject in &mut subjects {
            for &scene in &scenes {
                subject.play(scene, load, true)?;
            }
        }
    }
    let flush_us = [flush_before_us, machine::flush_us(disk.folder)?];
    subjects
        .into_iter()
        .map(|mut subject| {
            subject.finish()?;
            Ok(Section::new(engine, subject.keys(), flush_us, subject.weight, subject.figures))
        })
        .collect()
}

/// The cluster named by the environment, or one of our own that runs as long as the second value lives.
pub fn cluster(folder: &Path) -> Result<(Cluster, Option<PrivateCluster>)> {
    if let Ok(url) = env::var(POSTGRES_URL) {
        return Ok((Cluster::new(&url)?, None));
    }
    let running = PrivateCluster::start(folder)?;
    Ok((Cluster::new(&running.url)?, Some(running)))
}
