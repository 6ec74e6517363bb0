//! The bytes of files, between the storage and a folder or an address elsewhere.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use merak_adapters::files::local::PartClaim;
use merak_adapters::files::{
    Completion, Download, Expected, FileStorage, Object, Part, SentPart, Sha256Digest, Upload, Validity,
    Visibility,
};
use merak_adapters::http;
use merak_core::files::{File as FileRow, FileService, StoredObject, rules};
use merak_core::transfer::FileRecord;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use url::Url;

use crate::{Error, Result};

/// How many bytes a part has that is sent to a storage; at least what storages ask for, and all that is in memory.
const PART: usize = 16 << 20;

/// How long an address is good that is used at once.
const VALIDITY_SECONDS: u32 = 3600;

/// How long the transfer of one file or part may take.
const PATIENCE: Duration = Duration::from_hours(1);

/// Where the bytes of files are kept here, and where they lie outside.
#[derive(Clone, Debug)]
pub struct Vault {
    /// The storage of this installation.
    pub storage: Arc<dyn FileStorage>,
    /// A folder outside, with a file for each, named by its id.
    pub folder: Option<PathBuf>,
}

/// Why the bytes of a file are not to be had.
#[derive(Debug)]
pub(crate) enum Lack {
    /// They are nowhere.
    Absent,
    /// They are not those that the record tells of.
    Unlike(String),
}

impl Vault {
    /// Copies the bytes of a file from the storage into the folder, if there is one. What is there already stays.
    pub(crate) async fn copy_out(&self, file: &FileRecord) -> Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, &file.path) else { return Ok(()) };
        let target = folder.join(file.id.to_string());
        let failed = |cause| Error::File { path: target.clone(), cause };
        std::fs::create_dir_all(folder).map_err(|cause| Error::File { path: folder.clone(), cause })?;
        if target.exists() {
            return Ok(());
        }
        let mut copy = NamedTempFile::new_in(folder).map_err(failed)?;
        self.read_object(file, path, copy.as_file_mut()).await?;
        copy.as_file().sync_all().map_err(failed)?;
        if let Err(Lack::Unlike(reason)) = check(file, copy.path()) {
            return Err(failed(io::Error::other(reason)));
        }
        copy.persist(&target).map_err(|error| failed(error.error))?;
        Ok(())
    }

    async fn read_object(&self, file: &FileRecord, path: &str, to: &mut File) -> Result<()> {
        let failed = |cause| Error::File { path: PathBuf::from(path), cause };
        if let Some(local) = Arc::clone(&self.storage).as_local() {
            let opened = local.open(path).await.map_err(failed)?;
            let mut opened = opened.ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
            io::copy(&mut opened.file, to).map_err(failed)?;
            return Ok(());
        }
        let object = Object { path: path.to_owned(), visibility: visibility(file.service) };
        let download = Download { name: &file.name, mime_type: &file.mime_type };
        let url = self.storage.download_url(&object, &download, validity());
        fetch(&client(path)?, &url, file.size, to).await.map_err(|reason| failed(io::Error::other(reason)))
    }

    /// Brings the bytes of a file into the storage, if they are in the folder, or at the address of a picture: that is
    /// called if it is one of the `server` that is read, or of the public internet.
    pub(crate) async fn bring_in(
        &self,
        record: &FileRecord,
        row: &FileRow,
        server: Option<&Url>,
    ) -> Result<std::result::Result<StoredObject, Lack>> {
        if let Some(file) = self.folder.as_ref().map(|folder| folder.join(record.id.to_string()))
            && file.is_file()
        {
            return self.put(record, row, &file).await;
        }
        let Some(url) = &record.public_url else { return Ok(Err(Lack::Absent)) };
        let unfetched =
            |reason: String| Ok(Err(Lack::Unlike(format!("its bytes cannot be fetched: {reason}"))));
        let client = match client_of_picture(url, server) {
            Ok(client) => client,
            Err(reason) => return unfetched(reason),
        };
        let mut copy =
            NamedTempFile::new().map_err(|cause| Error::File { path: std::env::temp_dir(), cause })?;
        if let Err(reason) = fetch(&client, url, record.size, copy.as_file_mut()).await {
            return unfetched(reason);
        }
        self.put(record, row, copy.path()).await
    }

    async fn put(
        &self,
        record: &FileRecord,
        row: &FileRow,
        file: &Path,
    ) -> Result<std::result::Result<StoredObject, Lack>> {
        if let Err(lack) = check(record, file) {
            return Ok(Err(lack));
        }
        let mut from = File::open(file).map_err(|cause| Error::File { path: file.to_owned(), cause })?;
        self.send(row, &mut from, announced(record)).await
    }

    /// Stores the bytes of a file as its row tells where.
    pub async fn store(&self, row: &FileRow, bytes: &[u8]) -> Result<StoredObject> {
        match self.send(row, &mut &*bytes, None).await? {
            Ok(stored) => Ok(stored),
            Err(Lack::Unlike(reason)) => Err(refused(reason)),
            Err(Lack::Absent) => Err(refused(String::from("there is nothing to store"))),
        }
    }

    async fn send(
        &self,
        row: &FileRow,
        from: &mut (dyn Read + Send),
        sha256: Option<Sha256Digest>,
    ) -> Result<std::result::Result<StoredObject, Lack>> {
        let object = Object { path: row.path.clone(), visibility: visibility(row.service) };
        let id = self.storage.begin(&object, &row.mime_type, true).await.map_err(|error| unstored(&error))?;
        let upload = Upload { object, id, has_checksums: true };
        let sent = self.send_to(&upload, row, from, sha256).await;
        if !matches!(sent, Ok(Ok(_)))
            && let Err(error) = self.storage.abort(&upload).await
        {
            // What went wrong before is told; the parts that stay are removed when uploads are swept.
            tracing::warn!(%error, "an upload could not be given up");
        }
        sent
    }

    async fn send_to(
        &self,
        upload: &Upload,
        row: &FileRow,
        from: &mut (dyn Read + Send),
        sha256: Option<Sha256Digest>,
    ) -> Result<std::result::Result<StoredObject, Lack>> {
        let (mut sent, mut number) = (Vec::new(), 1);
        loop {
            let mut bytes = Vec::new();
            from.take(PART as u64).read_to_end(&mut bytes).map_err(|error| refused(error.to_string()))?;
            let is_last = bytes.len() < PART;
            if number == 1 || !bytes.is_empty() {
                sent.push(self.send_part(upload, number, bytes.into()).await?);
                number += 1;
            }
            if is_last {
                break;
            }
        }
        let expected = Expected { size: row.size.unsigned_abs(), sha256 };
        Ok(match self.storage.complete(upload, &sent, &expected).await.map_err(|error| unstored(&error))? {
            Completion::Unfit(sentence) => Err(Lack::Unlike(sentence)),
            Completion::Stored(stored) => Ok(StoredObject {
                etag: stored.etag,
                version: stored.version,
                last_modified_at: stored.last_modified.into(),
            }),
        })
    }

    async fn send_part(&self, upload: &Upload, number: u16, bytes: Bytes) -> Result<SentPart> {
        let part = Part {
            number,
            size: bytes.len() as u64,
            sha256: Some(Sha256Digest(Sha256::digest(&bytes).into())),
        };
        let etag = if let Some(local) = Arc::clone(&self.storage).as_local() {
            let claim = PartClaim {
                path: upload.object.path.clone(),
                upload_id: upload.id.clone(),
                number,
                size: part.size,
                sha256: part.sha256,
                ends: i64::MAX,
            };
            let mut receiving = local.receive(&claim).await.map_err(|error| refused(error.to_string()))?;
            receiving.take(&bytes).await.map_err(|error| refused(error.to_string()))?;
            receiving.keep().await.map_err(|error| refused(error.to_string()))?
        } else {
            let signed = self.storage.sign_part(upload, &part, validity());
            let mut request = client(&signed.url)?.put(&signed.url).body(bytes);
            for (name, value) in signed.headers {
                request = request.header(name, value);
            }
            let answer = request.send().await.and_then(reqwest::Response::error_for_status);
            let answer = answer.map_err(|error| refused(error.without_url().to_string()))?;
            let etag = answer.headers().get(reqwest::header::ETAG).and_then(|etag| etag.to_str().ok());
            etag.ok_or_else(|| refused(String::from("a part was taken without an ETag")))?.to_owned()
        };
        Ok(SentPart { part, etag })
    }
}

/// Whether these are the bytes that the record tells of.
fn check(record: &FileRecord, file: &Path) -> std::result::Result<(), Lack> {
    let unlike = |reason: String| Lack::Unlike(format!("its bytes are not what they should be: {reason}"));
    let mut from = File::open(file).map_err(|error| unlike(error.to_string()))?;
    let (mut digest, mut size, mut buffer) = (Sha256::new(), 0_usize, vec![0; 1 << 16]);
    loop {
        let read = from.read(&mut buffer).map_err(|error| unlike(error.to_string()))?;
        if read == 0 {
            break;
        }
        size += read;
        digest.update(&buffer[..read]);
    }
    if i64::try_from(size) != Ok(record.size) {
        return Err(unlike(format!("there are {size} and not {}", record.size)));
    }
    let digest = Sha256Digest(digest.finalize().into());
    match announced(record) {
        Some(announced) if announced != digest => Err(unlike(String::from("their SHA-256 is another"))),
        _ => Ok(()),
    }
}

fn announced(record: &FileRecord) -> Option<Sha256Digest> {
    record.checksum_sha256_base64.as_deref().and_then(rules::sha256_of).map(Sha256Digest)
}

fn visibility(service: FileService) -> Visibility {
    if service.is_public() { Visibility::Public } else { Visibility::Private }
}

fn validity() -> Validity {
    let now = std::time::SystemTime::now().try_into().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Validity { from: now, seconds: VALIDITY_SECONDS }
}

fn client(address: &str) -> Result<reqwest::Client> {
    http::client(PATIENCE)
        .map_err(|error| Error::Server { address: address.to_owned(), reason: error.to_string() })
}

/// The client for the address of a picture. The server that is read says the address, so it could be one that only this
/// machine can reach.
fn client_of_picture(url: &str, server: Option<&Url>) -> std::result::Result<reqwest::Client, String> {
    let url: Url = url.parse().map_err(|_| String::from("its address cannot be read"))?;
    match server {
        Some(server) if server.origin() == url.origin() => {
            http::client(PATIENCE).map_err(|error| error.to_string())
        }
        _ => http::public_client(&url, PATIENCE).map_err(|error| error.to_string()),
    }
}

fn unstored(error: &merak_adapters::Error) -> Error {
    refused(error.to_string())
}

fn refused(reason: String) -> Error {
    Error::Server { address: String::from("the file storage"), reason }
}

/// Reads what is at an address, no more than is expected. Redirects are not followed.
async fn fetch(
    client: &reqwest::Client,
    url: &str,
    size: i64,
    to: &mut File,
) -> std::result::Result<(), String> {
    let answer = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
    let mut chunks = answer.map_err(|error| error.without_url().to_string())?.bytes_stream();
    let mut left = size.unsigned_abs();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| error.without_url().to_string())?;
        left = left.checked_sub(chunk.len() as u64).ok_or("there are more than announced")?;
        to.write_all(&chunk).map_err(|error| error.to_string())?;
    }
    to.flush().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use merak_adapters::files::local::{Local, Settings};
    use tempfile::TempDir;

    use super::*;

    const PICTURE: &str = "<svg/>";

    struct Setup {
        folder: TempDir,
        vault: Vault,
    }

    fn setup() -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { directory: folder.path().join("files") };
        let storage = Arc::new(Local::new(&settings, "http://shop.example", [7; 32]));
        Setup { vault: Vault { storage, folder: None }, folder }
    }

    impl Setup {
        fn uploads(&self) -> usize {
            std::fs::read_dir(self.folder.path().join("files/uploads")).map_or(0, Iterator::count)
        }
    }

    fn record(size: usize, public_url: Option<&str>) -> FileRecord {
        serde_json::from_value(serde_json::json!({
            "id": "00000000-0000-4000-8000-000000000001", "created_at": "2025-01-07T10:00:00Z",
            "modified_at": null, "service": "product_media", "name": "a.svg", "mime_type": "image/svg+xml",
            "size": size, "version": null, "checksum_sha256_base64": null, "public_url": public_url,
        }))
        .unwrap()
    }

    fn row(record: &FileRecord) -> FileRow {
        FileRow {
            id: record.id,
            organization_id: record.id.cast(),
            service: record.service,
            path: String::from("product_media/a.svg"),
            name: record.name.clone(),
            mime_type: record.mime_type.clone(),
            size: record.size,
            version: None,
            checksum_sha256_base64: None,
            checksum_sha256_hex: None,
            checksum_etag: None,
            storage_version: None,
            last_modified_at: None,
            upload_id: String::new(),
            upload_parts: merak_store::Json::from(serde_json::Value::Null),
            is_uploaded: true,
            is_enabled: true,
            created_at: record.created_at,
            modified_at: None,
            deleted_at: None,
        }
    }

    /// A server that gives the picture to everybody who asks.
    fn server() -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut asked = [0; 4096];
                assert_ne!(stream.read(&mut asked).unwrap(), 0);
                let length = PICTURE.len();
                let head =
                    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                stream.write_all(format!("{head}{PICTURE}").as_bytes()).unwrap();
            }
        });
        url
    }

    #[tokio::test]
    async fn a_picture_is_fetched_from_the_server_that_is_read_and_from_no_other_at_home() {
        let (setup, home) = (setup(), server());
        let record = record(PICTURE.len(), Some(home.as_str()));
        let other: Url = "http://127.0.0.1:1/".parse().unwrap();
        for server in [None, Some(&other)] {
            match setup.vault.bring_in(&record, &row(&record), server).await.unwrap() {
                Err(Lack::Unlike(reason)) => assert_eq!(
                    reason,
                    "its bytes cannot be fetched: its address is not one of the public internet"
                ),
                fetched => panic!("{fetched:?}"),
            }
        }
        let fetched = setup.vault.bring_in(&record, &row(&record), Some(&home)).await.unwrap();
        assert!(fetched.is_ok(), "{fetched:?}");
    }

    #[tokio::test]
    async fn what_does_not_fit_leaves_no_upload_behind() {
        let setup = setup();
        let mut row = row(&record(4, None));
        assert!(setup.vault.store(&row, b"hello").await.is_err());
        assert_eq!(setup.uploads(), 0);
        row.size = 5;
        setup.vault.store(&row, b"hello").await.unwrap();
        assert_eq!(setup.uploads(), 0);
    }

    #[tokio::test]
    async fn a_source_that_fails_leaves_no_upload_behind() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("it is broken"))
            }
        }
        let setup = setup();
        assert!(setup.vault.send(&row(&record(5, None)), &mut Broken, None).await.is_err());
        assert_eq!(setup.uploads(), 0);
    }
}
