//! A shop as a file: one JSON object a line, described in `docs/export-format.md`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use merak_core::clock;
use merak_core::kit::Id;
use merak_core::organizations::Organization;
use merak_core::transfer::{
    self, Arrival, Begin, OrganizationRecord, Place, Record, RecordKind, Uncarried, export_batch,
    organization_record,
};
use merak_store::{Store, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::intake::Intake;
use crate::{Error, Outcome, Progress, Result, Told, Vault};

/// The version of the format that is written. A reader takes every version up to it.
pub const VERSION: u32 = 1;

/// How many records one unit of work takes in at most, and how many bytes of text they may have together.
const BATCH: usize = 100;
const BATCH_BYTES: usize = 1 << 20;

/// A line is not read any further than this.
const LONGEST_LINE: u64 = 256 << 20;

/// The kinds of lines that are no records.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Frame {
    #[serde(rename = "merak.export")]
    Header(Header),
    Organization {
        data: Box<OrganizationRecord>,
    },
    End {
        records: u64,
        /// How many there are of what no record carries.
        uncarried: BTreeMap<Uncarried, u64>,
    },
}

/// The first line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    version: u32,
    exported_at: Timestamp,
}

/// Any line, as far as its type must be known.
#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    r#type: std::borrow::Cow<'l, str>,
    #[serde(borrow)]
    data: Option<&'l RawValue>,
}

/// Writes everything that an organization owns, a batch at a time, and copies the bytes of its files if the vault has a
/// folder. Returns how many records there were.
pub async fn export(
    (store, vault): (&Store, &Vault),
    organization: &Organization,
    to: &mut (dyn Write + Send),
    told: Told<'_>,
) -> Result<u64> {
    let wanted = organization.clone();
    // What was made until then must be there from the first batch on, or a grant could name a key that was not there yet
    // when the keys were read.
    let begun = store.write_alone(move |tx| {
        let until = clock::now(tx, wanted.id)?;
        Ok::<_, Error>((tx.now(), until, organization_record(tx, &wanted)?))
    });
    let (exported_at, until, record) = begun.await?;
    write(to, &Frame::Header(Header { version: VERSION, exported_at }))?;
    write(to, &Frame::Organization { data: Box::new(record) })?;
    let mut exporter = Exporter { store, vault, organization_id: organization.id, until, records: 0 };
    let mut next = RecordKind::RECORDS.first().copied();
    while let Some(kind) = next {
        exporter.kind(kind, to, told).await?;
        next = kind.next();
    }
    let id = organization.id;
    let uncarried = store.read(move |tx| transfer::uncarried(tx, id)).await?;
    write(to, &Frame::End { records: exporter.records, uncarried })?;
    to.flush().map_err(unwritten)?;
    Ok(exporter.records)
}

struct Exporter<'s> {
    store: &'s Store,
    vault: &'s Vault,
    organization_id: Id<Organization>,
    /// By the clock of the organization.
    until: Timestamp,
    records: u64,
}

impl Exporter<'_> {
    async fn kind(&mut self, kind: RecordKind, to: &mut (dyn Write + Send), told: Told<'_>) -> Result<()> {
        let (mut seen, mut after): (u64, Option<Place>) = (0, None);
        loop {
            let (id, until, from) = (self.organization_id, self.until, (kind, after));
            let batch = self.store.read(move |tx| export_batch(tx, id, until, from)).await?;
            for record in &batch.records {
                if let Record::File(file) = record {
                    self.vault.copy_out(file).await?;
                }
                write(to, record)?;
                seen += 1;
            }
            if !batch.records.is_empty() {
                told(&Progress { kind, seen, total: None });
            }
            after = batch.place;
            if after.is_none() {
                self.records += seen;
                return Ok(());
            }
        }
    }
}

fn write(to: &mut (dyn Write + Send), line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *to, line).map_err(|error| unwritten(error.into()))?;
    to.write_all(b"\n").map_err(unwritten)
}

fn unwritten(cause: io::Error) -> Error {
    Error::Unwritten { cause }
}

/// Where an import of a file goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    /// Which file it was: no two exports begin in the same microsecond.
    exported_at: Timestamp,
    /// The first byte that was not taken.
    offset: u64,
    /// The line that begins there.
    line: u64,
    /// How many records stand before it.
    records: u64,
}

/// Takes in what [`export`] wrote.
pub async fn import(
    (store, vault): (&Store, &Vault),
    path: &Path,
    mut begin: Begin,
    told: Told<'_>,
) -> Result<Outcome> {
    String::from("file").clone_into(&mut begin.way);
    let unreadable = |cause| Error::File { path: path.to_owned(), cause };
    let mut lines = Lines::open(path).map_err(unreadable)?;
    let header = header(lines.next().map_err(unreadable)?)?;
    let organization = organization(lines.next().map_err(unreadable)?)?;
    let mut intake = Intake::begin((store, vault), organization, begin, told).await?;
    let mut records = 0;
    if let Some(position) = intake.position::<Position>()
        && position.exported_at == header.exported_at
    {
        lines.go_to(&position).map_err(unreadable)?;
        records = position.records;
    }
    let position_at = |lines: &Lines, records| Position {
        exported_at: header.exported_at,
        offset: lines.offset,
        line: lines.line,
        records,
    };
    loop {
        let begin = position_at(&lines, records);
        let (mut arrivals, mut bytes, mut end) = (Vec::new(), 0, None);
        while arrivals.len() < BATCH && bytes < BATCH_BYTES && end.is_none() {
            let Some(text) = lines.next().map_err(unreadable)? else {
                return Err(lines.problem("the file ends here, but it is not complete"));
            };
            bytes += text.len();
            match content(&text) {
                Ok(Content::Record(arrival)) => arrivals.push(arrival),
                Ok(Content::End(told)) => end = Some(told),
                Err(reason) => return Err(lines.problem(reason)),
            }
        }
        records += u64::try_from(arrivals.len()).unwrap_or(u64::MAX);
        if !arrivals.is_empty() {
            intake.take(arrivals, (&begin, &position_at(&lines, records)), None).await?;
        }
        match end {
            Some(End { records: told, uncarried }) if told == records => {
                let counts = uncarried.into_iter();
                // A kind of a later release says nothing to this one.
                let known = counts.filter_map(|(kind, count)| Some((kind.parse().ok()?, Some(count))));
                return intake.finish(known.collect()).await;
            }
            Some(End { records: told, .. }) => {
                return Err(lines.problem(format!("the file held {told} records, but {records} are in it")));
            }
            None => {}
        }
    }
}

/// What a line after the second holds.
enum Content {
    Record(Arrival),
    End(End),
}

/// The last line.
#[derive(Deserialize)]
struct End {
    records: u64,
    #[serde(default)]
    uncarried: BTreeMap<String, u64>,
}

fn content(text: &str) -> std::result::Result<Content, String> {
    let line: Line<'_> = serde_json::from_str(text).map_err(|error| format!("this is no record: {error}"))?;
    if line.r#type == "end" {
        let end: End = serde_json::from_str(text).map_err(|error| error.to_string())?;
        return Ok(Content::End(end));
    }
    let kind: RecordKind =
        line.r#type.parse().map_err(|_| format!("this release does not know the type {:?}", line.r#type))?;
    let data = line.data.ok_or("the record has no data")?;
    let mut arrival = Arrival::read(kind, data.get());
    if let Arrival::Record(Record::File(file)) = &mut arrival {
        // An export never says it; whoever wrote this one does not tell this machine what to call.
        file.public_url = None;
    }
    Ok(Content::Record(arrival))
}

fn header(text: Option<String>) -> Result<Header> {
    let problem = |reason: String| Error::Format { line: 1, reason };
    let text = text.unwrap_or_default();
    let is_ours = serde_json::from_str::<Line<'_>>(&text).is_ok_and(|line| line.r#type == "merak.export");
    if !is_ours {
        return Err(problem(String::from("this is no export of Merak")));
    }
    let header: Header = serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    if header.version > VERSION {
        return Err(problem(format!(
            "this release reads exports up to version {VERSION}, and this is one of version {}",
            header.version
        )));
    }
    Ok(header)
}

fn organization(text: Option<String>) -> Result<OrganizationRecord> {
    let problem = |reason: String| Error::Format { line: 2, reason };
    let text = text.unwrap_or_default();
    let line: Line<'_> = serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    match line.data {
        Some(data) if line.r#type == "organization" => {
            serde_json::from_str(data.get()).map_err(|error| problem(error.to_string()))
        }
        _ => Err(problem(String::from("the organization must stand here"))),
    }
}

/// The lines of a file, with where they are.
struct Lines {
    file: BufReader<File>,
    offset: u64,
    line: u64,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self { file: BufReader::with_capacity(1 << 16, File::open(path)?), offset: 0, line: 0 })
    }

    fn go_to(&mut self, position: &Position) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(position.offset))?;
        (self.offset, self.line) = (position.offset, position.line);
        Ok(())
    }

    /// The next line without its end; none at the end of the file or if the last line was cut off.
    fn next(&mut self) -> io::Result<Option<String>> {
        let mut text = String::new();
        let read = self.file.by_ref().take(LONGEST_LINE).read_line(&mut text)?;
        if text.pop() != Some('\n') {
            return Ok(None);
        }
        self.offset += u64::try_from(read).unwrap_or(0);
        self.line += 1;
        Ok(Some(text))
    }

    fn problem(&self, reason: impl Into<String>) -> Error {
        Error::Format { line: self.line, reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_names_no_addresses_to_be_called() {
        let line = r#"{"type":"file","data":{"id":"00000000-0000-4000-8000-000000000001",
            "created_at":"2025-01-07T10:00:00Z","modified_at":null,"service":"product_media","name":"a.svg",
            "mime_type":"image/svg+xml","size":1,"version":null,"checksum_sha256_base64":null,
            "public_url":"http://169.254.169.254/latest/meta-data"}}"#;
        match content(line) {
            Ok(Content::Record(Arrival::Record(Record::File(file)))) => assert_eq!(file.public_url, None),
            _ => panic!("it is a file"),
        }
    }
}
