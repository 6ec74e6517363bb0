//! The files of the demo shop: pictures of its products, and something to download. Their bytes are in the program; who
//! runs the demo stores them and then calls [`show`].

use const_format::concatcp;
use merak_store::{ReadTx, Tx};
use serde_json::json;

use super::catalogue::{CLASSIC, LITE, PREVIEW, PRO, TEAM, THEMES};
use crate::access::{Actor, Subject, Tenancy};
use crate::benefits::{self, BenefitType, CreateBenefit};
use crate::files::{self, CreateFile, File, FileService, Part, StoredObject};
use crate::kit::{Id, Result, ScopeSet};
use crate::orders;
use crate::organizations::Organization;
use crate::products::{self, Product, UpdateProduct};

/// A file whose bytes are in the program.
struct Embedded {
    name: &'static str,
    mime_type: &'static str,
    version: Option<&'static str>,
    /// The product that it is a picture of, or that it comes with.
    product: &'static str,
    bytes: &'static [u8],
}

const FILES: [Embedded; 7] = [
    picture("nimbus-pro.svg", PRO, include_bytes!("pictures/pro.svg")),
    picture("nimbus-team.svg", TEAM, include_bytes!("pictures/team.svg")),
    picture("nimbus-themes.svg", THEMES, include_bytes!("pictures/themes.svg")),
    picture("nimbus-lite.svg", LITE, include_bytes!("pictures/lite.svg")),
    picture("nimbus-preview.svg", PREVIEW, include_bytes!("pictures/preview.svg")),
    picture("nimbus-classic.svg", CLASSIC, include_bytes!("pictures/classic.svg")),
    Embedded {
        name: "nimbus-themes-1.2.zip",
        mime_type: "application/zip",
        version: Some("1.2"),
        product: THEMES,
        bytes: include_bytes!("downloads/nimbus-themes-1.2.zip"),
    },
];

const fn picture(name: &'static str, product: &'static str, bytes: &'static [u8]) -> Embedded {
    Embedded { name, mime_type: "image/svg+xml", version: None, product, bytes }
}

impl Embedded {
    fn service(&self) -> FileService {
        if self.mime_type == "image/svg+xml" { FileService::ProductMedia } else { FileService::Downloadable }
    }
}

/// A file of the demo shop whose bytes are not stored yet.
#[derive(Clone, Debug)]
pub struct DemoFile {
    /// The file.
    pub file: File,
    /// Its bytes.
    pub bytes: &'static [u8],
}

/// The files whose bytes are not stored yet. One that was stored once and deleted since stays away.
pub(super) fn wanted(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<Vec<DemoFile>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        File::COLUMNS,
        " FROM files WHERE organization_id = $1 AND name = $2 AND (is_uploaded OR deleted_at IS NULL) \
         ORDER BY is_uploaded DESC LIMIT 1"
    );
    let mut wanted = Vec::new();
    for embedded in &FILES {
        let file = match tx.find::<File>(SQL, &[&organization_id, &embedded.name])? {
            Some(file) if file.is_uploaded => continue,
            Some(file) => file,
            None => announce(tx, organization_id, embedded)?,
        };
        wanted.push(DemoFile { file, bytes: embedded.bytes });
    }
    Ok(wanted)
}

fn announce(tx: &mut Tx<'_>, organization_id: Id<Organization>, embedded: &Embedded) -> Result<File> {
    let shop = Actor::new(Subject::Organization(organization_id), ScopeSet::grantable());
    let size = i64::try_from(embedded.bytes.len()).unwrap_or(i64::MAX);
    let digest = files::rules::base64_of(&files::rules::digest(embedded.bytes));
    let command = CreateFile {
        organization_id: None,
        service: embedded.service(),
        name: embedded.name.to_owned(),
        mime_type: embedded.mime_type.to_owned(),
        size,
        checksum_sha256_base64: Some(digest.clone()),
        version: embedded.version.map(str::to_owned),
        parts: vec![Part {
            number: 1,
            chunk_start: 0,
            chunk_end: size,
            checksum_sha256_base64: Some(digest),
        }],
        needs_checksums: false,
    };
    files::announce(tx, &shop, &command)
}

/// Shows files whose bytes are stored now: pictures on their products, downloads to those who buy.
pub fn show(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
    stored: &[(Id<File>, StoredObject)],
) -> Result<()> {
    let tenancy = Tenancy::of(organization_id);
    for (id, object) in stored {
        let file = files::complete(tx, *id, object)?;
        let Some(embedded) = FILES.iter().find(|embedded| embedded.name == file.name) else { continue };
        let Some(product_id) = product_named(tx, organization_id, embedded.product)? else { continue };
        if file.service == FileService::ProductMedia {
            let change = UpdateProduct { medias: Some(vec![file.id]), ..UpdateProduct::default() };
            products::update(tx, &tenancy, product_id, &change)?;
        } else {
            offer(tx, &tenancy, product_id, &file)?;
        }
    }
    Ok(())
}

/// Lets a file come with a product, and with what else it is for, and gives it to somebody.
fn offer(tx: &mut Tx<'_>, tenancy: &Tenancy, product_id: Id<Product>, file: &File) -> Result<()> {
    const BUYERS: &str =
        "SELECT id FROM customers WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 2";
    let command = CreateBenefit {
        organization_id: file.organization_id,
        r#type: BenefitType::Downloadables,
        description: String::from("The theme pack"),
        properties: json!({"files": [file.id]}),
    };
    let downloads = benefits::create(tx, &command)?.id;
    products::set_benefits(tx, tenancy, product_id, &[downloads])?;
    if let Some(pro) = product_named(tx, file.organization_id, PRO)? {
        let with_it = products::benefits_of(tx, &[pro])?.remove(&pro).unwrap_or_default();
        let mut ids: Vec<_> = with_it.into_iter().map(|benefit| benefit.id).collect();
        ids.push(downloads);
        products::set_benefits(tx, tenancy, pro, &ids)?;
    }
    for buyer in tx.all(BUYERS, &[&file.organization_id])? {
        orders::give(tx, product_id, buyer)?;
    }
    Ok(())
}

fn product_named(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    name: &str,
) -> Result<Option<Id<Product>>> {
    Ok(tx.find(
        "SELECT id FROM products WHERE organization_id = $1 AND name = $2 AND deleted_at IS NULL ORDER BY id LIMIT 1",
        &[&organization_id, &name],
    )?)
}
