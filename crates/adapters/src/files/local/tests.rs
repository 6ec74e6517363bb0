//! Uploads and addresses of a folder.

use bytes::Bytes;
use tempfile::TempDir;

use super::*;
use crate::files::{Sha256Digest, Visibility};

const NOW: i64 = 1_736_244_000;

struct Setup {
    folder: TempDir,
    local: Arc<Local>,
}

fn setup() -> Setup {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { directory: folder.path().join("files") };
    let local = Arc::new(Local::new(&settings, "http://shop.example/content", [7; 32]));
    Setup { folder, local }
}

fn object(path: &str) -> Object {
    Object { path: path.to_owned(), visibility: Visibility::Private }
}

fn validity() -> Validity {
    Validity { from: jiff::Timestamp::from_second(NOW).unwrap(), seconds: 600 }
}

fn split(url: &str) -> (&str, &str) {
    url.strip_prefix("http://shop.example/content/").unwrap().split_once('?').unwrap()
}

impl Setup {
    async fn begin(&self, path: &str) -> Upload {
        let object = object(path);
        let id = self.local.begin(&object, "text/plain", false).await.unwrap();
        Upload { object, id, has_checksums: false }
    }

    /// Sends a part as its address allows.
    async fn send(&self, upload: &Upload, number: u16, bytes: &[u8]) -> SentPart {
        let part = Part { number, size: bytes.len() as u64, sha256: None };
        let url = self.local.sign_part(upload, &part, validity()).url;
        let (path, query) = split(&url);
        let claim = self.local.part_claim(path, query, NOW).unwrap();
        let mut receiving = self.local.receive(&claim).await.unwrap();
        for chunk in bytes.chunks(3) {
            receiving.take(&Bytes::copy_from_slice(chunk)).await.unwrap();
        }
        SentPart { part, etag: receiving.keep().await.unwrap() }
    }

    async fn read(&self, path: &str) -> Option<String> {
        let opened = self.local.open(path).await.unwrap()?;
        Some(std::io::read_to_string(opened.file).unwrap())
    }
}

fn expected(size: u64) -> Expected {
    Expected { size, sha256: None }
}

#[tokio::test]
async fn parts_become_an_object_in_the_order_of_their_numbers() {
    let setup = setup();
    let upload = setup.begin("a/b.txt").await;
    let second = setup.send(&upload, 2, b"world").await;
    let first = setup.send(&upload, 1, b"hello ").await;
    assert_eq!(setup.read("a/b.txt").await, None, "not before it is complete");
    let sent = [first, second];
    let done = setup.local.complete(&upload, &sent, &expected(11)).await.unwrap();
    let Completion::Stored(stored) = &done else { panic!("{done:?}") };
    assert!(stored.etag.ends_with("-2\""), "{stored:?}");
    assert_eq!(setup.read("a/b.txt").await.as_deref(), Some("hello world"));
    assert_eq!(setup.local.complete(&upload, &sent, &expected(11)).await.unwrap(), done, "again");
    setup.local.remove(&upload.object).await.unwrap();
    assert_eq!(setup.read("a/b.txt").await, None);
    assert_eq!(std::fs::read_dir(setup.folder.path().join("files/objects")).unwrap().count(), 0);
    setup.local.remove(&upload.object).await.unwrap();
}

#[tokio::test]
async fn a_part_that_is_sent_again_takes_the_place_of_the_first() {
    let setup = setup();
    let upload = setup.begin("a").await;
    let old = setup.send(&upload, 1, b"old").await;
    let new = setup.send(&upload, 1, b"new").await;
    let done = setup.local.complete(&upload, &[new], &expected(3)).await.unwrap();
    assert!(matches!(done, Completion::Stored(_)), "{done:?}");
    assert_eq!(setup.read("a").await.as_deref(), Some("new"));
    assert_ne!(old.etag, "");
}

#[tokio::test]
async fn what_does_not_fit_becomes_no_object() {
    let setup = setup();
    let upload = setup.begin("a").await;
    let good = setup.send(&upload, 1, b"hello").await;
    let wrong_sum = Sha256Digest([0; 32]);
    for (sent, expected) in [
        (
            SentPart { etag: String::from("\"00000000000000000000000000000000\""), ..good.clone() },
            expected(5),
        ),
        (SentPart { etag: String::from("../../etc"), ..good.clone() }, expected(5)),
        (SentPart { part: Part { number: 2, ..good.part }, ..good.clone() }, expected(5)),
        (SentPart { part: Part { size: 6, ..good.part }, ..good.clone() }, expected(6)),
        (SentPart { part: Part { sha256: Some(wrong_sum), ..good.part }, ..good.clone() }, expected(5)),
        (good.clone(), expected(6)),
        (good.clone(), Expected { size: 5, sha256: Some(wrong_sum) }),
    ] {
        let done = setup.local.complete(&upload, std::slice::from_ref(&sent), &expected).await.unwrap();
        assert!(matches!(done, Completion::Unfit(_)), "{sent:?} {expected:?}: {done:?}");
        assert_eq!(setup.read("a").await, None);
    }
    let done = setup.local.complete(&upload, &[good], &expected(5)).await.unwrap();
    assert!(matches!(done, Completion::Stored(_)), "it can still be completed: {done:?}");
}

#[tokio::test]
async fn an_upload_that_is_given_up_takes_no_parts() {
    let setup = setup();
    let upload = setup.begin("a").await;
    setup.send(&upload, 1, b"hello").await;
    setup.local.abort(&upload).await.unwrap();
    setup.local.abort(&upload).await.unwrap();
    let part = Part { number: 1, size: 5, sha256: None };
    let url = setup.local.sign_part(&upload, &part, validity()).url;
    let (path, query) = split(&url);
    let claim = setup.local.part_claim(path, query, NOW).unwrap();
    assert!(matches!(setup.local.receive(&claim).await, Err(PutError::NoSuchUpload)));
}

#[tokio::test]
async fn names_of_any_length_and_script_are_kept() {
    let setup = setup();
    for name in ["é".repeat(255), String::from("a b%2f&?#.txt"), String::from("\u{1f984}"), "x".repeat(201)]
    {
        let path = format!("downloadable/1/{name}");
        let upload = setup.begin(&path).await;
        let sent = setup.send(&upload, 1, name.as_bytes()).await;
        let done = setup.local.complete(&upload, &[sent], &expected(name.len() as u64)).await.unwrap();
        assert!(matches!(done, Completion::Stored(_)), "{done:?}");
        let download = Download { name: &name, mime_type: "text/plain" };
        let url = setup.local.download_url(&upload.object, &download, validity());
        let (address, query) = split(&url);
        let claim = setup.local.download_claim(address, query, NOW + 599).unwrap();
        assert_eq!((&claim.path, &claim.name), (&path, &name));
        assert_eq!(setup.read(&claim.path).await.as_ref(), Some(&name));
        assert_eq!(setup.local.download_claim(address, query, NOW + 600), Err(Denied::Expired));
    }
}

#[tokio::test]
async fn no_object_is_outside_of_the_folder() {
    let setup = setup();
    std::fs::create_dir_all(setup.folder.path().join("files/objects")).unwrap();
    std::fs::write(setup.folder.path().join("files/secret"), "secret").unwrap();
    for path in ["../secret", "a/../../secret", "/etc/passwd", "", ".", "a//b", "a/", "..\\secret", "a\0"] {
        assert_eq!(setup.read(path).await, None, "{path:?}");
        assert!(setup.local.begin(&object(path), "a/b", false).await.is_err(), "{path:?}");
    }
}

#[tokio::test]
async fn the_folder_can_be_checked_before_it_is_there() {
    let setup = setup();
    assert!(setup.local.check().await.unwrap().ends_with("can be written"));
    assert!(!setup.folder.path().join("files").exists(), "it makes nothing");
    let nowhere = Settings { directory: PathBuf::from("/proc/merak") };
    assert!(Local::new(&nowhere, "http://a", [0; 32]).check().await.is_err());
}

/// A crash in the middle of a removal, and before it was written down that the object is there.
#[tokio::test]
async fn a_completion_is_repeated_after_a_crash_that_left_some_of_the_parts() {
    let setup = setup();
    let upload = setup.begin("a").await;
    let sent = [setup.send(&upload, 1, b"hello ").await, setup.send(&upload, 2, b"world").await];
    let uploads = setup.folder.path().join("files/uploads");
    let (directory, kept) = (uploads.join(&upload.id), setup.folder.path().join("kept"));
    std::fs::create_dir(&kept).unwrap();
    for part in std::fs::read_dir(&directory).unwrap() {
        let part = part.unwrap();
        std::fs::copy(part.path(), kept.join(part.file_name())).unwrap();
    }
    let done = setup.local.complete(&upload, &sent, &expected(11)).await.unwrap();
    std::fs::rename(&kept, &directory).unwrap();
    let crash = folder::remove_by(&directory, |left| {
        let first = std::fs::read_dir(left)?.next().unwrap()?;
        std::fs::remove_file(first.path())?;
        Err(std::io::Error::other("a crash"))
    });
    assert!(crash.is_err());
    assert_eq!(setup.local.complete(&upload, &sent, &expected(11)).await.unwrap(), done);
    setup.local.abort(&upload).await.unwrap();
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 0, "nothing is left in the end");
}

#[test]
fn every_folder_that_is_made_is_told_of_from_the_outside_in() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let make = |path: &str| {
        let mut made = Vec::new();
        let told = &mut |directory: &std::path::Path| {
            assert_eq!(std::fs::metadata(directory)?.permissions().mode() & 0o777, 0o700);
            made.push(directory.strip_prefix(folder.path()).unwrap().to_owned());
            Ok(())
        };
        folder::make_missing(&folder.path().join(path), told).map(|()| made)
    };
    assert_eq!(make("a/b/c").unwrap(), ["a", "a/b", "a/b/c"].map(PathBuf::from));
    assert_eq!(make("a/b/d").unwrap(), ["a/b/d"].map(PathBuf::from));
    assert_eq!(make("a/b").unwrap(), Vec::<PathBuf>::new());
    std::fs::write(folder.path().join("file"), "").unwrap();
    assert!(make("file").is_err());
    assert!(make("file/a").is_err());
}

#[tokio::test]
async fn uploads_are_found_that_nobody_touched_for_long() {
    let setup = setup();
    let day = Duration::from_hours(24);
    assert_eq!(setup.local.uploads_untouched_for(day).await.unwrap(), [""; 0], "there is no folder yet");
    let (old, removed, _young) = (setup.begin("a").await, setup.begin("b").await, setup.begin("c").await);
    let uploads = setup.folder.path().join("files/uploads");
    std::fs::rename(uploads.join(&removed.id), uploads.join(format!("{}.removed", removed.id))).unwrap();
    for name in [old.id.clone(), format!("{}.removed", removed.id)] {
        let directory = std::fs::File::open(uploads.join(name)).unwrap();
        directory.set_modified(std::time::SystemTime::now() - day).unwrap();
    }
    let mut found = setup.local.uploads_untouched_for(day).await.unwrap();
    found.sort();
    let mut expected = [old.id, removed.id];
    expected.sort();
    assert_eq!(found, expected);
    for id in &found {
        setup.local.abort_upload(id).await.unwrap();
    }
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 1);
}

// The one that comes second has looked for the parts before the first one took them.
#[tokio::test]
async fn completing_twice_at_once_is_completing_once() {
    let setup = setup();
    for path in ["one.txt", "a/two.txt"] {
        let upload = setup.begin(path).await;
        let mut sent = vec![setup.send(&upload, 1, b"hello ").await];
        if path != "one.txt" {
            sent.push(setup.send(&upload, 2, b"world").await);
        }
        let size = sent.iter().map(|sent| sent.part.size).sum();
        let expected = Expected { size, sha256: None };
        let root = setup.folder.path().join("files");
        let (directory, object) = (root.join("uploads").join(&upload.id), root.join("objects").join(path));
        let mut first = None;
        let second = folder::complete_by((&directory, &object), &sent, expected, &mut |directory| {
            let names = folder::names(directory);
            if first.is_none() {
                let place = (directory, &*object);
                first = Some(folder::complete_by(place, &sent, expected, &mut folder::names).unwrap());
            }
            names
        });
        assert!(matches!(first, Some(Completion::Stored(_))), "{first:?}");
        assert_eq!(Some(second.unwrap()), first);
    }
}

#[tokio::test]
async fn completing_what_is_given_up_meanwhile_finds_nothing() {
    let setup = setup();
    let upload = setup.begin("a").await;
    let sent = [setup.send(&upload, 1, b"hello").await];
    let root = setup.folder.path().join("files");
    let (directory, object) = (root.join("uploads").join(&upload.id), root.join("objects/a"));
    let expected = Expected { size: 5, sha256: None };
    let done = folder::complete_by((&directory, &object), &sent, expected, &mut |directory| {
        let names = folder::names(directory);
        drop(std::fs::remove_dir_all(directory));
        names
    });
    assert_eq!(done.unwrap(), Completion::Unfit(String::from("Part 1 was not uploaded.")));
}
