//! Mail into a folder: one file for each message, as a mail program stores it. For trying things out.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use jiff::Timestamp;
use mail_parser::{Addr, MessageParser};
use tokio::task::spawn_blocking;

use super::{Delivery, Mailer, Message, SERVICE, formatted};
use crate::{Error, Result};

/// How the name of a message's file ends.
const ENDING: &str = ".eml";

/// A longer file is not one of ours.
const LONGEST_FILE: u64 = 4 << 20;

/// A folder that takes mail.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

/// A message in the folder, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The id of the message.
    pub id: String,
    /// When it was written.
    pub date: Option<Timestamp>,
    /// Who sent it: name and address.
    pub from: String,
    /// Where an answer goes, if not there.
    pub reply_to: Option<String>,
    /// Whom it went to.
    pub to: String,
    /// What it is about.
    pub subject: String,
}

/// A message in the folder, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// What a list shows of it.
    pub kept: Kept,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
}

impl Folder {
    /// A folder at this place. It is made when the first message comes.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The newest messages, the newest first, at most so many.
    pub async fn list(&self, limit: usize) -> io::Result<Vec<Kept>> {
        let folder = self.path.clone();
        blocking(move || {
            let mut names = names(&folder)?;
            names.sort_unstable_by(|one, other| other.cmp(one));
            // What was removed meanwhile, or is no message, is not there.
            let read = names.iter().filter_map(|id| read(&folder, id).ok().flatten());
            Ok(read.map(|opened| opened.kept).take(limit).collect())
        })
        .await
    }

    async fn take(&self, messages: Vec<Message>) -> Vec<Result<Delivery>> {
        let (folder, count) = (self.path.clone(), messages.len());
        let written = blocking(move || {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
            Ok(write_all(&folder, &messages))
        })
        .await;
        written.unwrap_or_else(|error| (0..count).map(|_| Err(unwritten(&error))).collect())
    }

    /// One message, if it is there.
    pub async fn open(&self, id: &str) -> io::Result<Option<Opened>> {
        if !is_id(id) {
            return Ok(None);
        }
        let (folder, id) = (self.path.clone(), id.to_owned());
        blocking(move || read(&folder, &id)).await
    }
}

#[async_trait]
impl Mailer for Folder {
    async fn send(&self, message: &Message) -> Result<Delivery> {
        let mut answers = self.take(vec![message.clone()]).await;
        answers.pop().unwrap_or_else(|| Err(unwritten("nothing was written")))
    }

    async fn send_many(&self, messages: &[Message], _until: Instant) -> Vec<Result<Delivery>> {
        self.take(messages.to_vec()).await
    }

    fn as_folder(self: Arc<Self>) -> Option<Arc<Folder>> {
        Some(self)
    }
}

/// Ids are names of files, and in no other folder than this.
fn is_id(id: &str) -> bool {
    (1..=100).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Writes messages beside their places and moves them there: whoever reads sees all of a message, or none. A repeat of a
/// message replaces it. All are written before the first is flushed, so that the disk is waited for once.
fn write_all(folder: &Path, messages: &[Message]) -> Vec<Result<Delivery>> {
    let begun: Vec<_> = messages.iter().map(|message| begin(folder, message)).collect();
    let mut answers: Vec<Result<Delivery>> = begun
        .into_iter()
        .map(|begun| match begun {
            Ok(Begun::Refused(reason)) => Ok(Delivery::Refused(reason)),
            Ok(Begun::Written { file, incoming, place }) => file
                .sync_all()
                .and_then(|()| fs::rename(incoming, place))
                .map(|()| Delivery::Taken)
                .map_err(unwritten),
            Err(error) => Err(unwritten(error)),
        })
        .collect();
    if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
        // What was moved may not be there after a power failure.
        for answer in answers.iter_mut().filter(|answer| matches!(answer, Ok(Delivery::Taken))) {
            *answer = Err(unwritten(&error));
        }
    }
    answers
}

/// What came of beginning with a message.
enum Begun {
    Written { file: File, incoming: PathBuf, place: PathBuf },
    Refused(String),
}

fn begin(folder: &Path, message: &Message) -> io::Result<Begun> {
    let id = &message.id;
    let bytes = match formatted(message) {
        Ok((_, bytes)) if is_id(id) => bytes,
        Ok(_) => return Ok(Begun::Refused(String::from("the id cannot be the name of a file"))),
        Err(error) => return Ok(Begun::Refused(error.to_string())),
    };
    let incoming = folder.join(format!("{id}.incoming"));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&incoming)?;
    file.write_all(&bytes)?;
    Ok(Begun::Written { file, incoming, place: folder.join(format!("{id}{ENDING}")) })
}

fn unwritten(cause: impl std::fmt::Display) -> Error {
    Error::Unreachable { service: SERVICE, cause: cause.to_string() }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut ids = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if let Some(id) = name.to_str().and_then(|name| name.strip_suffix(ENDING)).filter(|id| is_id(id)) {
            ids.push(id.to_owned());
        }
    }
    Ok(ids)
}

fn read(folder: &Path, id: &str) -> io::Result<Option<Opened>> {
    let path = folder.join(format!("{id}{ENDING}"));
    match fs::metadata(&path) {
        Ok(metadata) if metadata.len() > LONGEST_FILE => return Ok(None),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    }
    Ok(parse(id, &fs::read(path)?))
}

fn parse(id: &str, bytes: &[u8]) -> Option<Opened> {
    let message = MessageParser::default().parse(bytes)?;
    let shown = |address: Option<&mail_parser::Address<'_>>| address.and_then(|all| all.first().map(shown));
    Some(Opened {
        kept: Kept {
            id: id.to_owned(),
            date: message.date().and_then(|date| Timestamp::from_second(date.to_timestamp()).ok()),
            from: shown(message.from()).unwrap_or_default(),
            reply_to: shown(message.reply_to()),
            to: shown(message.to()).unwrap_or_default(),
            subject: message.subject().unwrap_or_default().to_owned(),
        },
        text: message.body_text(0).unwrap_or_default().into_owned(),
        html: message.body_html(0).unwrap_or_default().into_owned(),
    })
}

fn shown(address: &Addr<'_>) -> String {
    let email = address.address().unwrap_or_default();
    match address.name() {
        Some(name) => format!("{name} <{email}>"),
        None => email.to_owned(),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
