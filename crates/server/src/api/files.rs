//! Files: list, create, complete an upload, update, delete.

use std::time::Duration;

use http::Method;
use merak_core::access::{MERCHANTS, tenancy};
use merak_core::files::{
    self, CompleteUpload, CreateFile, File, FileService, ListFiles, Part, SentPart, UpdateFile, Uploading,
    rules,
};
use merak_core::kit::{Id, Kind, Result, Scope};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::shared::file::{FileBase, described, object_of, of_each_service};
use super::shared::{ById, FileRead};
use crate::error::Failure;
use crate::flows::upload_file;
use crate::state::House;
use crate::wire::{
    Call, Components, Created, Described, Finishing, Flow, Json, ListResource, NoContent, Nothing, Operation,
    Unit, answer, first_page, one_of_named, page, request, usual_limit,
};

const NAV: &str = "Other Endpoints > Files";
const SCOPES: &[Scope] = &[Scope::FilesWrite];

/// How long putting a large file together and reading it through may take.
const PATIENCE: Duration = Duration::from_mins(10);

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/files/", list)
            .named("files:list", "List Files")
            .about("Lists the files of an organization that are uploaded, the newest first.")
            .nav(NAV)
            .admits(MERCHANTS, SCOPES)
            .refuses(&[Kind::NotPermitted]),
        Operation::new(Method::POST, "/v1/files/", Unit::flow(create))
            .named("files:create", "Create File")
            .about(
                "Announces a file and answers an address for each of its parts, good for ten minutes. Send the parts \
                 there by `PUT`, with the headers that are answered, and complete the upload.",
            )
            .nav(NAV)
            .admits(MERCHANTS, SCOPES)
            .refuses(&[Kind::NotPermitted]),
        Operation::new(Method::POST, "/v1/files/{id}/uploaded", Unit::flow(uploaded))
            .within(PATIENCE)
            .named("files:uploaded", "Complete File Upload")
            .about(
                "Puts the parts of a file together. Sizes and checksums are verified; what does not fit is refused \
                 and can be sent again, in S3 as a new file. Completing twice is no mistake.",
            )
            .nav(NAV)
            .admits(MERCHANTS, SCOPES)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
        Operation::patch("/v1/files/{id}", update)
            .named("files:update", "Update File")
            .about("Changes the name under which a file is downloaded, or its version. Its addresses stay.")
            .nav(NAV)
            .admits(MERCHANTS, SCOPES)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
        Operation::delete("/v1/files/{id}", delete)
            .named("files:delete", "Delete File")
            .about("Deletes a file. It is gone from products and from what customers can download.")
            .nav(NAV)
            .admits(MERCHANTS, SCOPES)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
    ]
}

request! {
    /// Which files to list.
    pub struct ListFilesQuery {
        /// Whose files. Users must say it.
        pub organization_id: Option<Id<Organization>>,
        /// Only these files.
        pub ids: Option<Vec<Id<File>>>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }

    /// The parts in which a file comes.
    pub struct S3FileCreateMultipart {
        /// The parts, in order. They cover the file from its first byte to its last.
        pub parts: Vec<S3FileCreatePart>,
    }

    /// A part of a file that is going to be uploaded.
    pub struct S3FileCreatePart {
        /// Its number, from 1.
        pub number: i64,
        /// Where its first byte stands in the file.
        pub chunk_start: i64,
        /// Where the first byte after it stands.
        pub chunk_end: i64,
        /// The SHA-256 of its bytes, in base64. If it is given, the part is verified when it arrives.
        pub checksum_sha256_base64: Option<String>,
    }

    /// An upload whose parts were sent.
    pub struct FileUploadCompleted {
        /// The upload's id.
        pub id: String,
        /// The file's path.
        pub path: String,
        /// The parts.
        pub parts: Vec<S3FileUploadCompletedPart>,
    }

    /// A part that was sent.
    pub struct S3FileUploadCompletedPart {
        /// Its number.
        pub number: i64,
        /// The `ETag` that was answered to it, with its quotes.
        pub checksum_etag: String,
        /// The SHA-256 of its bytes, in base64; null if it was announced without one.
        pub checksum_sha256_base64: Option<String> = {"required": true},
    }

    /// A change of a file. What is left out, null or empty stays as it is.
    pub struct FilePatch {
        /// What it is called.
        pub name: Option<String>,
        /// What the seller calls this edition.
        pub version: Option<String>,
    }
}

/// A file to be uploaded, for any service.
#[derive(Clone, Debug, Deserialize)]
pub struct FileCreate {
    organization_id: Option<Id<Organization>>,
    name: String,
    mime_type: String,
    size: i64,
    checksum_sha256_base64: Option<String>,
    upload: S3FileCreateMultipart,
    service: FileService,
    version: Option<String>,
}

impl Described for FileCreate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "FileCreate", |components| of_each_service(components, create_schema))
    }
}

/// How many bytes a file may have, where there is a bound.
const fn most_bytes(service: FileService) -> Option<i64> {
    match service {
        FileService::Downloadable => None,
        FileService::ProductMedia => Some(10 << 20),
        FileService::OrganizationAvatar => Some(1 << 20),
    }
}

fn create_schema(service: FileService, name: &str, components: &mut Components) -> Value {
    one_of_named(components, &format!("{name}Create"), |components| {
        let mut size = json!({"type": "integer", "minimum": 0});
        if let Some(most) = most_bytes(service) {
            size["maximum"] = Value::from(most);
        }
        let mut mime_type = String::schema(components);
        if service.is_public() {
            mime_type["pattern"] = Value::from(r"^image\/(jpeg|png|gif|webp|svg\+xml)$");
        }
        let text = Option::<String>::schema(components);
        let organization = Option::<Id<Organization>>::schema(components);
        let upload = S3FileCreateMultipart::schema(components);
        let mut members = Map::new();
        for (name, schema, about) in [
            (
                "organization_id",
                organization,
                "Whose file. Left out with an organization's token, else required.",
            ),
            ("name", String::schema(components), "What it is called; also when it is downloaded."),
            ("mime_type", mime_type, "Its media type."),
            ("size", size, "How many bytes it has."),
            ("checksum_sha256_base64", text.clone(), "The SHA-256 of the whole file, in base64."),
            ("upload", upload, ""),
            ("service", json!({"type": "string", "const": service.as_str()}), "What it is for."),
            ("version", text, "What the seller calls this edition."),
        ] {
            let schema = if about.is_empty() { schema } else { described(schema, about) };
            members.insert(name.to_owned(), schema);
        }
        object_of(&members, &["organization_id", "checksum_sha256_base64", "version"])
    })
}

answer! {
    /// An upload that waits for its parts.
    pub struct S3FileUploadMultipart {
        /// The upload's id, which completes it.
        pub id: String,
        /// The file's path.
        pub path: String,
        /// Where the parts are to be sent.
        pub parts: Vec<S3FileUploadPart>,
    }

    /// A part that is to be sent.
    pub struct S3FileUploadPart {
        /// Its number.
        pub number: i64,
        /// Where its first byte stands in the file.
        pub chunk_start: i64,
        /// Where the first byte after it stands.
        pub chunk_end: i64,
        /// The SHA-256 that its bytes must have, in base64.
        pub checksum_sha256_base64: Option<String> = {"required": false},
        /// The address for its bytes.
        pub url: String,
        /// Until when the address is good.
        pub expires_at: Timestamp,
        /// The headers that must be sent with it, word for word.
        pub headers: std::collections::BTreeMap<String, String> = {"default": {}},
    }
}

/// A file whose parts are to be sent.
#[derive(Clone, Debug, Serialize)]
pub struct FileUpload {
    #[serde(flatten)]
    base: FileBase,
    upload: S3FileUploadMultipart,
    version: Option<String>,
    is_uploaded: bool,
    service: FileService,
    size_readable: String,
}

impl Described for FileUpload {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "FileUpload", |components| {
            let mut members = FileBase::members(components);
            for (name, schema) in [
                ("upload", S3FileUploadMultipart::schema(components)),
                ("version", Option::<String>::schema(components)),
                ("is_uploaded", json!({"type": "boolean", "default": false})),
                ("service", FileService::schema(components)),
                ("size_readable", json!({"type": "string", "readOnly": true})),
            ] {
                members.insert(name.to_owned(), schema);
            }
            object_of(&members, &["is_uploaded"])
        })
    }
}

impl FileUpload {
    /// A file whose upload was begun, with a fresh address for each part.
    fn new(file: &File, house: &House, now: Timestamp) -> Result<Self> {
        let upload = upload_file::upload_of(file)?;
        let (validity, expires_at) = (upload_file::validity(now), upload_file::expires_at(now));
        let sign = |part: Part| {
            let sent = upload_file::part_of(&part)?;
            let signed = house.adapters.files.sign_part(&upload, &sent, validity);
            Some(S3FileUploadPart {
                number: part.number,
                chunk_start: part.chunk_start,
                chunk_end: part.chunk_end,
                checksum_sha256_base64: part.checksum_sha256_base64,
                url: signed.url,
                expires_at,
                headers: signed.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            })
        };
        Ok(Self {
            base: file.into(),
            // The core lets no part through that has no number and size of a storage's.
            upload: S3FileUploadMultipart {
                id: file.upload_id.clone(),
                path: file.path.clone(),
                parts: file.parts()?.into_iter().filter_map(sign).collect(),
            },
            version: file.version.clone(),
            is_uploaded: file.is_uploaded,
            service: file.service,
            size_readable: rules::size_readable(file.size),
        })
    }
}

fn list(tx: &mut ReadTx<'_>, call: &Call<Nothing, ListFilesQuery>) -> Result<Json<ListResource<FileRead>>> {
    let query = &call.query;
    let page = page(query.page, query.limit);
    let wanted = ListFiles {
        organization_id: query.organization_id,
        ids: query.ids.clone().unwrap_or_default(),
        page,
    };
    let paged = files::list(tx, &call.actor, &wanted)?;
    Ok(Json(ListResource::new(paged, page, |file| FileRead::new(&file, &call.house))))
}

async fn create(flow: Flow<Nothing, Nothing, FileCreate>) -> Finishing<Created<FileUpload>> {
    let file = flow
        .write(|tx, call| {
            let body = &call.body;
            let needs_checksums = call.house.adapters.files.needs_checksums(body.size.unsigned_abs());
            let part = |part: &S3FileCreatePart| Part {
                number: part.number,
                chunk_start: part.chunk_start,
                chunk_end: part.chunk_end,
                checksum_sha256_base64: part.checksum_sha256_base64.clone(),
            };
            files::announce(
                tx,
                &call.actor,
                &CreateFile {
                    organization_id: body.organization_id,
                    service: body.service,
                    name: body.name.clone(),
                    mime_type: body.mime_type.clone(),
                    size: body.size,
                    checksum_sha256_base64: body.checksum_sha256_base64.clone(),
                    version: body.version.clone(),
                    parts: body.upload.parts.iter().map(part).collect(),
                    needs_checksums,
                },
            )
        })
        .await?;
    let upload_id = upload_file::begin(&flow.call().house, &file).await?;
    flow.finish(move |tx, call| {
        let file = files::begun(tx, file.id, &upload_id)?;
        Ok(Created(FileUpload::new(&file, &call.house, tx.now())?))
    })
    .await
}

async fn uploaded(flow: Flow<ById, Nothing, FileUploadCompleted>) -> Finishing<Json<FileRead>> {
    let uploading = flow
        .read(|tx, call| {
            let body = &call.body;
            let part = |part: &S3FileUploadCompletedPart| SentPart {
                number: part.number,
                checksum_etag: part.checksum_etag.clone(),
                checksum_sha256_base64: part.checksum_sha256_base64.clone(),
            };
            let command = CompleteUpload {
                upload_id: body.id.clone(),
                path: body.path.clone(),
                parts: body.parts.iter().map(part).collect(),
            };
            let tenancy = tenancy(tx, &call.actor)?;
            files::uploading(tx, &tenancy, call.path.id.cast(), &command)
        })
        .await?;
    let (file, sent) = match uploading {
        Uploading::Sent(file, sent) => (file, sent),
        Uploading::Complete(file) => {
            return flow.finish(move |_, call| Ok(Json(FileRead::new(&file, &call.house)))).await;
        }
    };
    let stored = upload_file::complete(&flow.call().house, &file, &sent).await?;
    let id = file.id;
    let finished = flow
        .finish(move |tx, call| Ok(Json(FileRead::new(&files::complete(tx, id, &stored)?, &call.house))))
        .await;
    if let Err(Failure::Refused(_)) = &finished {
        // It may have been deleted in the meantime, and its bytes removed before they were put together.
        flow.write(move |tx, _| files::remove_if_deleted(tx, id)).await?;
    }
    finished
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, FilePatch>) -> Result<Json<FileRead>> {
    let command = UpdateFile { name: call.body.name.clone(), version: call.body.version.clone() };
    let tenancy = tenancy(tx, &call.actor)?;
    let file = files::update(tx, &tenancy, call.path.id.cast(), &command)?;
    Ok(Json(FileRead::new(&file, &call.house)))
}

fn delete(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    let tenancy = tenancy(tx, &call.actor)?;
    files::delete(tx, &tenancy, call.path.id.cast())?;
    Ok(NoContent)
}
