//! Shops with many rows, made once for a schema and a size, and copied before each use.
//!
//! Organization, owner and token come from the command line of the binary under measurement; the many rows go straight into the database, because a
//! million grants through the front door would take longer than everything that is measured.

mod postgres;
mod rows;
mod sqlite;

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};

pub use postgres::Cluster;
pub use rows::{Field, Sink, fill, key, moment};

use crate::server;

/// Puts the rows of a shop into an empty database.
pub type Fill = fn(&mut dyn Sink, &Shop) -> Result<()>;

/// What the seeded shops hold.
#[derive(Clone, Copy)]
pub struct Recipe {
    /// The beginning of the names of folders and databases; nothing for the shops of license keys.
    pub name: &'static str,
    /// Raised when the seeded rows change, so that folders seeded before are not used again.
    pub edition: u64,
    /// Makes the rows.
    pub fill: Fill,
}

/// All validations counted.
const VALIDATIONS: &str = "SELECT CAST(sum(validations) AS bigint) FROM license_key_usage";
/// The validations of one key.
const HOT: &str = "SELECT validations FROM license_key_usage JOIN license_keys ON license_keys.id = license_key_id WHERE key = $1";
/// Activations that still occupy a seat; those that were given back are deleted.
const ACTIVATIONS: &str = "SELECT count(*) FROM license_key_activations";
/// Seats that are taken by the count kept with each key.
const SEATS_TAKEN: &str = "SELECT CAST(sum(seats_taken) AS bigint) FROM license_key_usage";

/// What the database says after the load, read by SQL and not through the server.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Effects {
    /// All validations counted.
    pub validations: u64,
    /// Those of the one key that is left out of the random rounds.
    pub hot_validations: u64,
    /// Activations that still occupy a seat.
    pub activations: u64,
    /// Seats that are taken by the count kept with each key.
    pub seats_taken: u64,
}

/// A seeded shop, as its `shop.json` tells it.
#[derive(Clone, Deserialize, Serialize)]
pub struct Shop {
    /// The schema and the edition of the rows it was seeded for.
    schema: u64,
    /// How many license keys it has, or customers.
    pub size: u64,
    /// The organization of all of them.
    pub organization_id: String,
    /// A personal access token of its owner.
    pub token: String,
}

impl Shop {
    /// Written last, so that a folder seeded only in part is never used.
    fn keep(&self, folder: &Path) -> Result<()> {
        Ok(fs::write(folder.join("shop.json"), serde_json::to_vec(self)?)?)
    }
}

/// Where one server under measurement keeps its data.
pub struct Place {
    /// The folder given to the server.
    pub data_dir: PathBuf,
    /// The database, if it is not in that folder.
    pub database_url: Option<String>,
}

impl Place {
    /// The binary with this place's options set.
    pub fn command(&self, bin: &Path) -> Command {
        let mut command = Command::new(bin);
        command.env("MERAK_DATA_DIR", &self.data_dir);
        if let Some(url) = &self.database_url {
            command.env("MERAK_DATABASE_URL", url);
        }
        command
    }

    /// The number that a statement gives.
    pub fn number(&self, sql: &str) -> Result<u64> {
        match &self.database_url {
            None => sqlite::number(&self.data_dir, sql),
            Some(url) => postgres::number(url, sql),
        }
    }

    /// Runs a statement while no server is at work.
    pub fn run(&self, sql: &str) -> Result<()> {
        match &self.database_url {
            None => sqlite::run(&self.data_dir, sql),
            Some(url) => postgres::run(url, sql),
        }
    }

    /// What the database says after the load.
    pub fn effects(&self, hot_key: &str) -> Result<Effects> {
        match &self.database_url {
            None => sqlite::effects(&self.data_dir, hot_key),
            Some(url) => postgres::effects(url, hot_key),
        }
    }
}

/// Makes and copies shops of one schema.
pub struct Seeder<'a> {
    bin: &'a Path,
    folder: &'a Path,
    schema: u64,
    recipe: Recipe,
}

impl<'a> Seeder<'a> {
    /// Looks at the schema the binary makes. `folder` holds everything the bench keeps.
    pub fn new(bin: &'a Path, folder: &'a Path, recipe: Recipe) -> Result<Self> {
        let data_dir = folder.join("schema");
        empty(&data_dir)?;
        let place = Place { data_dir, database_url: None };
        let status = place.command(bin).arg("migrate").stdout(std::process::Stdio::null()).status()?;
        anyhow::ensure!(status.success(), "{} migrate ended with {status}", bin.display());
        let mut hasher = DefaultHasher::new();
        (recipe.edition, sqlite::schema(&place.data_dir)?).hash(&mut hasher);
        Ok(Self { bin, folder, schema: hasher.finish(), recipe })
    }

    /// A fresh copy of an SQLite shop.
    pub fn sqlite(&self, size: u64) -> Result<(Shop, Place)> {
        let seeded = self.folder.join(format!("{}sqlite-{size}", self.prefix('-')));
        let shop = if let Some(shop) = self.kept(&seeded, size) {
            shop
        } else {
            empty(&seeded)?;
            let place = Place { data_dir: seeded.clone(), database_url: None };
            let shop = self.found(&place, size)?;
            sqlite::fill(&place.data_dir, &shop, self.recipe.fill)?;
            shop.keep(&seeded)?;
            shop
        };
        let data_dir = self.folder.join(format!("{}sqlite-{size}-run", self.prefix('-')));
        empty(&data_dir)?;
        for file in fs::read_dir(&seeded)? {
            let file = file?;
            let copy = data_dir.join(file.file_name());
            fs::copy(file.path(), &copy)?;
            // Otherwise the first durable commits would wait for the copy to reach the disk.
            fs::File::open(copy)?.sync_all()?;
        }
        Ok((shop, Place { data_dir, database_url: None }))
    }

    /// A fresh copy of a PostgreSQL shop.
    pub fn postgres(&self, cluster: &Cluster, size: u64) -> Result<(Shop, Place)> {
        let data_dir = self.folder.join(format!("{}postgres-{size}", self.prefix('-')));
        let seeded = format!("merak_bench_{}{size}", self.prefix('_'));
        let shop = match self.kept(&data_dir, size) {
            Some(shop) if cluster.is_seeded(&seeded, self.schema)? => shop,
            _ => {
                empty(&data_dir)?;
                cluster.create(&seeded)?;
                let place = Place { data_dir: data_dir.clone(), database_url: Some(cluster.url(&seeded)) };
                let shop = self.found(&place, size)?;
                postgres::fill(&cluster.url(&seeded), &shop, self.recipe.fill)?;
                cluster.mark_seeded(&seeded, self.schema)?;
                shop.keep(&data_dir)?;
                shop
            }
        };
        let copy = format!("{seeded}_run");
        cluster.copy(&seeded, &copy)?;
        Ok((shop, Place { data_dir, database_url: Some(cluster.url(&copy)) }))
    }

    /// What the names of folders and databases begin with.
    fn prefix(&self, separator: char) -> String {
        if self.recipe.name.is_empty() { String::new() } else { format!("{}{separator}", self.recipe.name) }
    }

    /// The shop seeded earlier, if it is of this schema and size.
    fn kept(&self, folder: &Path, size: u64) -> Option<Shop> {
        let text = fs::read_to_string(folder.join("shop.json")).ok()?;
        let shop: Shop = serde_json::from_str(&text).ok()?;
        (shop.schema == self.schema && shop.size == size).then_some(shop)
    }

    /// Organization, owner and token, by the commands an operator would use.
    fn found(&self, place: &Place, size: u64) -> Result<Shop> {
        eprintln!(
            "seeding {size} {} in {}",
            match self.recipe.name {
                "" => "license keys",
                "renewals" => "subscriptions",
                _ => "customers",
            },
            place.data_dir.display()
        );
        let owner = "owner@bench.example";
        let organization = server::run_json(place.command(self.bin).args([
            "organization",
            "create",
            "--name",
            "Bench",
            "--slug",
            "bench",
            "--owner",
            owner,
            "--json",
        ]))?;
        let token = server::run_json(place.command(self.bin).args([
            "token",
            "create",
            "--user",
            owner,
            "--all-scopes",
            "--json",
        ]))?;
        let text = |value: &serde_json::Value, member: &str| -> Result<String> {
            Ok(value[member].as_str().with_context(|| format!("{value} has no {member}"))?.to_owned())
        };
        Ok(Shop {
            schema: self.schema,
            size,
            organization_id: text(&organization, "id")?,
            token: text(&token, "token")?,
        })
    }
}

/// An empty folder in the place of whatever was there.
fn empty(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}
