//! What is on the disk.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use jiff::Timestamp;
use md5::Md5;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::task::spawn_blocking;
use uuid::Uuid;

use super::PartClaim;
use crate::files::{Completion, Expected, SentPart, Sha256Digest, Stored, Upload};
use crate::hex::{hex, unhex};

/// How many bytes are copied at once.
const COPIED_AT_ONCE: usize = 1 << 20;

/// How the name of an upload's folder ends that is being removed. No id has a point in it.
const REMOVED: &str = ".removed";

/// How many bytes a name on the disk may have; file systems allow 255.
const LONGEST_NAME: usize = 200;

/// The folder of a local storage.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    root: PathBuf,
}

/// Why a part was not taken.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The upload is over, or never began.
    #[error("There is no such upload.")]
    NoSuchUpload,
    /// It has more or fewer bytes than were announced.
    #[error("The part does not have the size that was announced.")]
    OtherSize,
    /// Its bytes have another checksum.
    #[error("The part does not have the checksum that was announced.")]
    OtherChecksum,
    /// The disk did not do its part.
    #[error(transparent)]
    Disk(#[from] io::Error),
}

/// An object that can be read.
#[derive(Debug)]
pub struct Opened {
    /// The file.
    pub file: File,
    /// How many bytes it has.
    pub size: u64,
    /// When it was stored.
    pub modified: Timestamp,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Makes room for an upload.
    pub(super) async fn begin(&self, path: &str) -> io::Result<String> {
        // Who has an address that nothing can be stored at learns of it now, not when the bytes are there.
        self.object(path)?;
        let id = Uuid::new_v4().simple().to_string();
        let directory = self.upload(&id)?;
        blocking(move || make_directory(&directory)).await?;
        Ok(id)
    }

    /// Begins to receive a part.
    pub(super) async fn receive(&self, claim: &PartClaim) -> Result<Receiving, PutError> {
        let directory = self.upload(&claim.upload_id).map_err(|_| PutError::NoSuchUpload)?;
        let scratch = Scratch(directory.join(format!("{}.incoming", Uuid::new_v4().simple())));
        let file = match tokio::fs::OpenOptions::new().write(true).create_new(true).open(&scratch.0).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(PutError::NoSuchUpload),
            Err(error) => return Err(error.into()),
        };
        Ok(Receiving {
            claim: claim.clone(),
            directory,
            scratch,
            file,
            size: 0,
            md5: Md5::new(),
            sha256: Sha256::new(),
        })
    }

    /// Puts the parts together, reading each byte once.
    pub(super) async fn complete(
        &self,
        upload: &Upload,
        sent: &[SentPart],
        expected: Expected,
    ) -> io::Result<Completion> {
        let (directory, object) = (self.upload(&upload.id)?, self.object(&upload.object.path)?);
        let sent = sent.to_vec();
        blocking(move || complete(&directory, &object, &sent, expected)).await
    }

    /// Removes an upload and all its parts.
    pub(super) async fn abort(&self, id: &str) -> io::Result<()> {
        let directory = self.upload(id)?;
        blocking(move || remove_whole(&directory)).await
    }

    /// The uploads whose folders were not changed for so long, also those whose removal was interrupted.
    pub(super) async fn uploads_untouched_for(&self, age: Duration) -> io::Result<Vec<String>> {
        let uploads = self.root.join("uploads");
        blocking(move || {
            let entries = match fs::read_dir(uploads) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let now = SystemTime::now();
            let mut ids = Vec::new();
            for entry in entries {
                let entry = entry?;
                let about = match entry.metadata() {
                    Ok(about) => about,
                    // It was removed just now.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                };
                let untouched_for = now.duration_since(about.modified()?).unwrap_or_default();
                if about.is_dir()
                    && untouched_for >= age
                    && let Ok(name) = entry.file_name().into_string()
                {
                    ids.push(name.strip_suffix(REMOVED).unwrap_or(&name).to_owned());
                }
            }
            Ok(ids)
        })
        .await
    }

    /// Removes an object, and the folders that are empty without it.
    pub(super) async fn remove(&self, path: &str) -> io::Result<()> {
        let (object, top) = (self.object(path)?, self.root.join("objects"));
        blocking(move || {
            absent_is_fine(fs::remove_file(&object))?;
            let mut folder = object.parent();
            // A folder that is not empty stays, and those above it.
            while let Some(empty) = folder.filter(|folder| **folder != top && fs::remove_dir(folder).is_ok())
            {
                folder = empty.parent();
            }
            Ok(())
        })
        .await
    }

    /// Opens an object; nothing if there is none.
    pub(super) async fn open(&self, path: &str) -> io::Result<Option<Opened>> {
        let Ok(object) = self.object(path) else { return Ok(None) };
        blocking(move || {
            let file = match File::open(object) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            };
            let about = file.metadata()?;
            // Part of a path is the path of a folder, and that is no object.
            if !about.is_file() {
                return Ok(None);
            }
            let modified = modified(&about)?;
            Ok(Some(Opened { file, size: about.len(), modified }))
        })
        .await
    }

    /// Whether files can be written, by writing one.
    pub(super) async fn check(&self) -> io::Result<String> {
        let root = self.root.clone();
        blocking(move || {
            // A folder that is not there yet is made where its parent can be written.
            let mut existing = root.as_path();
            while !existing.exists() {
                existing = match existing.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
            }
            let probe = existing.join(format!(".doctor.{}", Uuid::new_v4().simple()));
            File::create_new(&probe)?;
            fs::remove_file(&probe)?;
            Ok(format!("{} can be written", root.display()))
        })
        .await
    }

    fn upload(&self, id: &str) -> io::Result<PathBuf> {
        // Our own ids are letters and digits; anything else would be a way out of the folder.
        if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no such upload"));
        }
        Ok(self.root.join("uploads").join(id))
    }

    /// Where an object is. A segment that could mean anything but a name in its folder is refused.
    fn object(&self, path: &str) -> io::Result<PathBuf> {
        let mut place = self.root.join("objects");
        for segment in path.split('/') {
            if segment.is_empty() || segment == "." || segment == ".." || segment.contains(['\0', '\\']) {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "this is no path of an object"));
            }
            if segment.len() > LONGEST_NAME {
                place.push(format!("~{}", hex(&Sha256::digest(segment))));
            } else {
                place.push(segment);
            }
        }
        Ok(place)
    }
}

/// A part on its way to the disk. Dropped before its end, it leaves nothing.
#[derive(Debug)]
pub struct Receiving {
    claim: PartClaim,
    directory: PathBuf,
    scratch: Scratch,
    file: tokio::fs::File,
    size: u64,
    md5: Md5,
    sha256: Sha256,
}

impl Receiving {
    /// Takes the next bytes.
    pub async fn take(&mut self, bytes: &Bytes) -> Result<(), PutError> {
        self.size += bytes.len() as u64;
        if self.size > self.claim.size {
            return Err(PutError::OtherSize);
        }
        self.md5.update(bytes);
        self.sha256.update(bytes);
        self.file.write_all(bytes).await?;
        Ok(())
    }

    /// Keeps the part, if it is what was announced, and returns its `ETag`.
    pub async fn keep(mut self) -> Result<String, PutError> {
        if self.size != self.claim.size {
            return Err(PutError::OtherSize);
        }
        let sha256 = Sha256Digest(self.sha256.finalize().into());
        if self.claim.sha256.is_some_and(|announced| announced != sha256) {
            return Err(PutError::OtherChecksum);
        }
        self.file.flush().await?;
        self.file.sync_all().await?;
        let md5 = hex(&self.md5.finalize());
        let name = format!("{:05}-{md5}-{}", self.claim.number, sha256.hex());
        match tokio::fs::rename(&self.scratch.0, self.directory.join(name)).await {
            Ok(()) => Ok(format!("\"{md5}\"")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(PutError::NoSuchUpload),
            Err(error) => Err(error.into()),
        }
    }
}

/// A file that is removed when nobody needs it any more. One that was renamed is not there, and that is fine.
#[derive(Debug)]
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed goes with its upload.
        drop(fs::remove_file(&self.0));
    }
}

/// A part that is on the disk.
struct KeptPart {
    file: PathBuf,
    md5: [u8; 16],
    sha256: Sha256Digest,
}

fn complete(
    directory: &Path,
    object: &Path,
    sent: &[SentPart],
    expected: Expected,
) -> io::Result<Completion> {
    complete_by((directory, object), sent, expected, &mut names)
}

/// The same, with what looks for the parts. If they vanish while they are put together, somebody else has completed or
/// aborted the upload, and what came of that is looked for.
pub(super) fn complete_by(
    (directory, object): (&Path, &Path),
    sent: &[SentPart],
    expected: Expected,
    look: &mut dyn FnMut(&Path) -> io::Result<Vec<String>>,
) -> io::Result<Completion> {
    let mut attempt = || put_together((directory, object), sent, expected, &look(directory)?);
    match attempt() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => attempt(),
        other => other,
    }
}

fn put_together(
    (directory, object): (&Path, &Path),
    sent: &[SentPart],
    expected: Expected,
    names: &[String],
) -> io::Result<Completion> {
    let mut parts = Vec::with_capacity(sent.len());
    let mut etag = Md5::new();
    if names.is_empty() && object.exists() {
        // Done before, and not written down by who asked for it.
        return stored(object, composite_of_etags(sent).as_deref());
    }
    for SentPart { part, etag: claimed } in sent {
        let Some(kept) = find(directory, names, part.number, claimed) else {
            return Ok(Completion::Unfit(format!("Part {} was not uploaded.", part.number)));
        };
        if part.sha256.is_some_and(|digest| digest != kept.sha256) {
            return Ok(Completion::Unfit(format!("Part {} has another checksum.", part.number)));
        }
        if fs::metadata(&kept.file)?.len() != part.size {
            return Ok(Completion::Unfit(format!("Part {} has another size.", part.number)));
        }
        etag.update(kept.md5);
        parts.push(kept);
    }
    let etag = format!("\"{}-{}\"", hex(&etag.finalize()), sent.len());
    let whole = Scratch(directory.join(format!("{}.whole", Uuid::new_v4().simple())));
    let (size, sha256) = join(&parts, &whole.0)?;
    if size != expected.size {
        return Ok(Completion::Unfit(format!("The file has {size} bytes, not {}.", expected.size)));
    }
    if expected.sha256.is_some_and(|digest| digest != sha256) {
        return Ok(Completion::Unfit(String::from("The file has another checksum.")));
    }
    if let Some(folder) = object.parent() {
        make_directory(folder)?;
        fs::rename(&whole.0, object)?;
        File::open(folder)?.sync_all()?;
    }
    remove_whole(directory)?;
    stored(object, Some(&etag))
}

/// Removes an upload's folder. It gets another name first: after a crash in the middle, one that had lost some of its
/// parts would look like an upload that goes on.
fn remove_whole(directory: &Path) -> io::Result<()> {
    remove_by(directory, |away| fs::remove_dir_all(away))
}

/// The same, with what removes a folder.
pub(super) fn remove_by(directory: &Path, remove: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut away = directory.as_os_str().to_owned();
    away.push(REMOVED);
    let away = PathBuf::from(away);
    absent_is_fine(fs::rename(directory, &away))?;
    absent_is_fine(remove(&away))
}

/// The files of an upload, sorted; none if it is over.
pub(super) fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

fn find(directory: &Path, names: &[String], number: u16, etag: &str) -> Option<KeptPart> {
    let claimed = etag.trim_matches('"');
    let begin = format!("{number:05}-{claimed}-");
    // Nothing but a whole name is looked for, so what the caller claims cannot match half of one.
    let md5 = unhex::<16>(claimed)?;
    let at = names.partition_point(|name| *name < begin);
    let name = names.get(at).filter(|name| name.starts_with(&begin))?;
    let sha256 = Sha256Digest(unhex(&name[begin.len()..])?);
    Some(KeptPart { file: directory.join(name), md5, sha256 })
}

/// The `ETag` of an object of these parts, as the sender names them.
fn composite_of_etags(sent: &[SentPart]) -> Option<String> {
    let mut etag = Md5::new();
    for part in sent {
        etag.update(unhex::<16>(part.etag.trim_matches('"'))?);
    }
    Some(format!("\"{}-{}\"", hex(&etag.finalize()), sent.len()))
}

/// Writes the parts one after the other, and makes sure that they are on the disk.
fn join(parts: &[KeptPart], whole: &Path) -> io::Result<(u64, Sha256Digest)> {
    if let [only] = parts {
        // A single part is the whole; it was hashed when it came. Not every file system has links.
        if fs::hard_link(&only.file, whole).is_err() {
            fs::copy(&only.file, whole)?;
            File::open(whole)?.sync_all()?;
        }
        return Ok((fs::metadata(whole)?.len(), only.sha256));
    }
    let mut file = File::create_new(whole)?;
    let (mut size, mut sha256) = (0, Sha256::new());
    let mut bytes = vec![0; COPIED_AT_ONCE];
    for part in parts {
        let mut from = File::open(&part.file)?;
        loop {
            let count = from.read(&mut bytes)?;
            if count == 0 {
                break;
            }
            sha256.update(&bytes[..count]);
            file.write_all(&bytes[..count])?;
            size += count as u64;
        }
    }
    file.sync_all()?;
    Ok((size, Sha256Digest(sha256.finalize().into())))
}

fn stored(object: &Path, etag: Option<&str>) -> io::Result<Completion> {
    let Some(etag) = etag else {
        return Ok(Completion::Unfit(String::from("The parts are not those that were uploaded.")));
    };
    let last_modified = modified(&fs::metadata(object)?)?;
    Ok(Completion::Stored(Stored { etag: etag.to_owned(), version: None, last_modified }))
}

fn modified(about: &fs::Metadata) -> io::Result<Timestamp> {
    Timestamp::try_from(about.modified()?).map_err(io::Error::other)
}

/// Makes a folder that only its owner can look into, and those above it. Each that is made is on the disk when the
/// folder above it is; what a power failure takes of them would take the object with it.
pub(super) fn make_directory(directory: &Path) -> io::Result<()> {
    make_missing(directory, &mut |made| {
        let above = made.parent().filter(|above| !above.as_os_str().is_empty());
        File::open(above.unwrap_or(Path::new(".")))?.sync_all()
    })
}

/// Makes the folders that are missing, the outermost first, and tells of each.
pub(super) fn make_missing(
    directory: &Path,
    is_made: &mut dyn FnMut(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700);
    let mut made = builder.create(directory);
    if let (Err(error), Some(above)) = (&made, directory.parent())
        && error.kind() == io::ErrorKind::NotFound
    {
        make_missing(above, is_made)?;
        made = builder.create(directory);
    }
    match made {
        Ok(()) => is_made(directory),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Runs what waits for the disk where waiting is allowed.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
