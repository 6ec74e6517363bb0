//! `merak export`: everything an organization owns, as a file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use merak_core::kit::Refusal;
use merak_core::organizations::{self, Organization};
use merak_store::ReadTx;
use merak_transfer::file;
use serde_json::json;

use crate::failure::Failure;
use crate::options::Options;
use crate::progress::Meter;
use crate::target::cannot_write;
use crate::{output, target};

/// Write everything an organization owns to a file, while the server runs.
#[derive(Debug, Args)]
#[command(
    after_help = "The file is one JSON object a line; docs/export-format.md describes it. It holds license keys \
                        and addresses: keep it as safe as the database."
)]
pub struct Export {
    /// The file to make; it must not exist. `-` is the standard output.
    file: PathBuf,
    /// Slug of the organization [default: the only one].
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// Copy the bytes of files into this folder, each under its id.
    #[arg(long, value_name = "FOLDER")]
    with_files: Option<PathBuf>,
    /// Print one JSON object on one line when done.
    #[arg(long)]
    json: bool,
}

impl Export {
    /// Writes the file, under another name until it is complete.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        let is_stream = self.file == Path::new("-");
        if !is_stream {
            target::check(&self.file, "an export")?;
        }
        if let Some(folder) = &self.with_files {
            target::check_folder(folder)?;
        }
        // A replica shows what was made a moment ago when it comes to it, and so perhaps a grant without its key.
        let options = &Options { database_read_url: None, ..options.clone() };
        options.open_existing()?;
        let (store, secret) = super::open(options)?;
        let vault = super::vault(options, &secret, self.with_files.as_ref())?;
        let slug = self.organization.clone();
        let organization = store.read_blocking(move |tx| only(tx, slug.as_deref()))?;
        let mut meter = Meter::new("exported");
        let runtime = super::runtime()?;
        let target = if is_stream { Path::new("the standard output") } else { &self.file };
        let mut write = |to: &mut (dyn Write + Send)| {
            let mut told = |progress: &merak_transfer::Progress| meter.show(progress);
            let written = runtime.block_on(file::export((&store, &vault), &organization, to, &mut told));
            written.map_err(|error| match error {
                merak_transfer::Error::Unwritten { cause } => cannot_write(target, cause),
                other => other.into(),
            })
        };
        let records = if is_stream {
            write(&mut BufWriter::new(io::stdout()))?
        } else {
            let part = beside(&self.file);
            let records = make(&part).and_then(|file| {
                let mut to = BufWriter::new(file);
                let records = write(&mut to)?;
                to.get_ref().sync_all().map_err(|error| cannot_write(target, error))?;
                Ok(records)
            });
            let written = records.and_then(|records| {
                fs::rename(&part, &self.file).map_err(|error| cannot_write(target, error))?;
                Ok(records)
            });
            if written.is_err() {
                // The reason is told; what is left of the attempt is of no use.
                let _ = fs::remove_file(&part);
            }
            written?
        };
        meter.finish();
        let object = json!({"organization_id": organization.id, "records": records, "file": self.file});
        if is_stream {
            output::remark(&format!("{records} records of {}", organization.slug));
            return Ok(());
        }
        output::result(
            self.json,
            &object,
            &[format!("{}: {records} records of {}", self.file.display(), organization.slug)],
        )
    }
}

/// The organization with this slug, or the only one there is.
fn only(tx: &mut ReadTx<'_>, slug: Option<&str>) -> Result<Organization, Refusal> {
    match slug {
        Some(slug) => organizations::find_by_slug(tx, slug)?
            .ok_or_else(|| Refusal::bad_request(format!("there is no organization with the slug {slug}"))),
        None => organizations::only(tx)?.ok_or_else(|| {
            Refusal::bad_request("there is not exactly one organization; name one with --organization")
        }),
    }
}

/// Makes a file that only its owner may read.
fn make(path: &Path) -> Result<File, Failure> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| cannot_write(path, error))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}
