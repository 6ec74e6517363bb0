//! Files as their seller sees them. The three services differ only in whether everybody may read the bytes, so their
//! schemas are made from one table.

use merak_core::files::{self, FileService, rules};
use merak_core::kit::Id;
use merak_core::organizations::Organization;
use merak_store::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::state::House;
use crate::wire::{Components, Described, one_of_named};

impl Described for FileService {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "FileServiceTypes", |_| json!({"type": "string", "enum": Self::TEXTS}))
    }
}

/// The part of the schema names that says the service, in the contract's order.
pub const SERVICE_NAMES: [(FileService, &str); 3] = [
    (FileService::Downloadable, "DownloadableFile"),
    (FileService::ProductMedia, "ProductMediaFile"),
    (FileService::OrganizationAvatar, "OrganizationAvatarFile"),
];

/// What is told of a file wherever it is told of.
#[derive(Clone, Debug, Serialize)]
pub struct FileBase {
    pub id: Id<files::File>,
    pub organization_id: Id<Organization>,
    pub name: String,
    pub path: String,
    pub mime_type: String,
    pub size: i64,
    pub storage_version: Option<String>,
    pub checksum_etag: Option<String>,
    pub checksum_sha256_base64: Option<String>,
    pub checksum_sha256_hex: Option<String>,
    pub last_modified_at: Option<Timestamp>,
}

impl FileBase {
    /// The members of the schema.
    pub fn members(components: &mut Components) -> Map<String, Value> {
        let (id, text) = (Id::<files::File>::schema(components), Option::<String>::schema(components));
        let mut members = Map::new();
        for (name, schema, about) in [
            ("id", id.clone(), "The file's id."),
            ("organization_id", id, "Whose file."),
            ("name", String::schema(components), "What it is called."),
            ("path", String::schema(components), "Where the bytes are in the storage."),
            ("mime_type", String::schema(components), "Its media type."),
            ("size", i64::schema(components), "How many bytes it has."),
            ("storage_version", text.clone(), "The storage's version of the bytes, if it keeps several."),
            ("checksum_etag", text.clone(), "The storage's tag of the bytes, with its quotes."),
            ("checksum_sha256_base64", text.clone(), "The SHA-256 of the whole file, in base64."),
            ("checksum_sha256_hex", text, "The same in hexadecimal."),
            ("last_modified_at", Option::<Timestamp>::schema(components), "When the bytes were stored."),
        ] {
            members.insert(name.to_owned(), described(schema, about));
        }
        members
    }
}

impl From<&files::File> for FileBase {
    fn from(file: &files::File) -> Self {
        Self {
            id: file.id,
            organization_id: file.organization_id,
            name: file.name.clone(),
            path: file.path.clone(),
            mime_type: file.mime_type.clone(),
            size: file.size,
            storage_version: file.storage_version.clone(),
            checksum_etag: file.checksum_etag.clone(),
            checksum_sha256_base64: file.checksum_sha256_base64.clone(),
            checksum_sha256_hex: file.checksum_sha256_hex.clone(),
            last_modified_at: file.last_modified_at,
        }
    }
}

/// A schema with a sentence about it.
pub fn described(mut schema: Value, about: &str) -> Value {
    schema["description"] = Value::from(about);
    schema
}

/// An object schema in which every member is required but those named.
pub fn object_of(members: &Map<String, Value>, optional: &[&str]) -> Value {
    let required: Vec<&String> = members.keys().filter(|name| !optional.contains(&name.as_str())).collect();
    json!({"type": "object", "required": required, "properties": members})
}

/// A file of any service.
#[derive(Clone, Debug, Serialize)]
pub struct FileRead {
    #[serde(flatten)]
    base: FileBase,
    version: Option<String>,
    service: FileService,
    is_uploaded: bool,
    created_at: Timestamp,
    size_readable: String,
    /// Only files that everybody may read have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    public_url: Option<String>,
}

impl FileRead {
    /// A file of the core, with the address it has in this house's storage.
    pub fn new(file: &files::File, house: &House) -> Self {
        Self {
            base: file.into(),
            version: file.version.clone(),
            service: file.service,
            is_uploaded: file.is_uploaded,
            created_at: file.created_at,
            size_readable: rules::size_readable(file.size),
            public_url: file.service.is_public().then(|| house.adapters.files.public_url(&file.path)),
        }
    }
}

fn read_schema(service: FileService, name: &str, components: &mut Components) -> Value {
    one_of_named(components, &format!("{name}Read"), |components| {
        let mut members = FileBase::members(components);
        for (name, schema, about) in [
            ("version", Option::<String>::schema(components), "What the seller calls this edition."),
            ("service", json!({"type": "string", "const": service.as_str()}), "What it is for."),
            ("is_uploaded", bool::schema(components), "Whether the bytes are there."),
            ("created_at", Timestamp::schema(components), "When it was announced."),
            ("size_readable", json!({"type": "string", "readOnly": true}), "The size for people."),
        ] {
            members.insert(name.to_owned(), described(schema, about));
        }
        if service.is_public() {
            let schema = json!({"type": "string", "readOnly": true});
            members.insert("public_url".to_owned(), described(schema, "Where everybody can read it."));
        }
        object_of(&members, &[])
    })
}

/// One schema for each service, told apart by the member `service`.
pub fn of_each_service(
    components: &mut Components,
    make: impl Fn(FileService, &str, &mut Components) -> Value,
) -> Value {
    let mut mapping = Map::new();
    let mut branches = Vec::new();
    for (service, name) in SERVICE_NAMES {
        let branch = make(service, name, components);
        mapping.insert(service.as_str().to_owned(), branch["$ref"].clone());
        branches.push(branch);
    }
    json!({"oneOf": branches, "discriminator": {"propertyName": "service", "mapping": mapping}})
}

impl Described for FileRead {
    fn schema(components: &mut Components) -> Value {
        // The contract names the list of this union, though not the union.
        let mut union = of_each_service(components, read_schema);
        union["title"] = Value::from("FileRead");
        union
    }
}

/// A picture of a product.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct ProductMediaFileRead(FileRead);

impl ProductMediaFileRead {
    #[expect(dead_code, reason = "products show it")]
    /// A file of the core, with the address it has in this house's storage.
    pub fn new(file: &files::File, house: &House) -> Self {
        Self(FileRead::new(file, house))
    }
}

impl Described for ProductMediaFileRead {
    fn schema(components: &mut Components) -> Value {
        read_schema(FileService::ProductMedia, "ProductMediaFile", components)
    }
}
