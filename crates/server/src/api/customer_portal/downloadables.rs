//! What a buyer may download: list, and the address that leads to the bytes.

use std::collections::BTreeMap;

use http::Method;
use merak_core::access::BUYERS;
use merak_core::benefits::Benefit;
use merak_core::downloadables::{self, Downloadable, ListDownloadablesOfBuyer, token};
use merak_core::files::{self, FileService, rules};
use merak_core::kit::{Id, Kind, Result};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Timestamp, Tx};
use serde::Serialize;
use serde_json::{Value, json};

use super::{NAV, READERS};
use crate::api::shared::file::{FileBase, object_of};
use crate::flows::upload_file;
use crate::state::House;
use crate::wire::{
    Call, Components, Described, Found, Json, ListResource, Many, Nothing, Operation, Unit, answer,
    first_page, one_of_named, page, request, usual_limit,
};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/downloadables/", list)
            .also_at("/v1/customer-portal/downloadables")
            .named("customer_portal:downloadables:list", "List Downloadables")
            .about("Lists the files that the customer may download, each with an address that is good for ten minutes.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS),
        Operation::new(Method::GET, "/v1/customer-portal/downloadables/{token}", Unit::WriteOne(get))
            .named("customer_portal:downloadables:customer_portal.downloadables.get", "Get Downloadable")
            .about("Leads to the bytes of a file and counts that it was downloaded. The token is the only credential.")
            .nav(NAV)
            .refuses(&[Kind::BadRequest, Kind::NotFound, Kind::Gone]),
    ]
}

request! {
    /// Which files to list.
    pub struct ListDownloadablesQuery {
        /// Only files of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only what these benefits give.
        #[serde(default)]
        pub benefit_id: Many<Id<Benefit>>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }

    /// The address of a download.
    pub struct ByToken {
        /// The token of the download.
        pub token: String,
    }
}

answer! {
    /// A file that the customer may download.
    pub struct DownloadableRead {
        /// Its id.
        pub id: Id<Downloadable>,
        /// The benefit that gives it.
        pub benefit_id: Id<Benefit>,
        /// The file.
        pub file: FileDownload,
    }

    /// Where to download a file.
    pub struct S3DownloadURL {
        /// The address.
        pub url: String,
        /// Headers to be sent with the request; none.
        pub headers: BTreeMap<String, String> = {"default": {}},
        /// Until when the address is good.
        pub expires_at: Timestamp,
    }
}

/// A file as its buyer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct FileDownload {
    #[serde(flatten)]
    base: FileBase,
    download: S3DownloadURL,
    version: Option<String>,
    is_uploaded: bool,
    service: FileService,
    size_readable: String,
}

impl Described for FileDownload {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "FileDownload", |components| {
            let mut members = FileBase::members(components);
            for (name, schema) in [
                ("download", S3DownloadURL::schema(components)),
                ("version", Option::<String>::schema(components)),
                ("is_uploaded", bool::schema(components)),
                ("service", FileService::schema(components)),
                ("size_readable", json!({"type": "string", "readOnly": true})),
            ] {
                members.insert(name.to_owned(), schema);
            }
            object_of(&members, &[])
        })
    }
}

impl DownloadableRead {
    /// What a buyer may download, with a fresh token.
    fn new(downloadable: &Downloadable, file: &files::File, house: &House, now: Timestamp) -> Self {
        let expires_at = now.add_seconds(token::LIFETIME);
        let token = token::sign(&house.secret, downloadable.id, expires_at);
        let url = format!("{}/v1/customer-portal/downloadables/{token}", house.public_url);
        Self {
            id: downloadable.id,
            benefit_id: downloadable.benefit_id,
            file: FileDownload {
                base: file.into(),
                download: S3DownloadURL { url, headers: BTreeMap::new(), expires_at },
                version: file.version.clone(),
                is_uploaded: file.is_uploaded,
                service: file.service,
                size_readable: rules::size_readable(file.size),
            },
        }
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListDownloadablesQuery>,
) -> Result<Json<ListResource<DownloadableRead>>> {
    let query = &call.query;
    let page = page(query.page, query.limit);
    let wanted = ListDownloadablesOfBuyer {
        organization_ids: query.organization_id.0.clone(),
        benefit_ids: query.benefit_id.0.clone(),
        page,
    };
    let (paged, now) = (downloadables::list_of_buyer(tx, &call.actor, &wanted)?, tx.now());
    Ok(Json(ListResource::new(paged, page, |(downloadable, file)| {
        DownloadableRead::new(&downloadable, &file, &call.house, now)
    })))
}

fn get(tx: &mut Tx<'_>, call: &Call<ByToken>) -> Result<Found> {
    let file = downloadables::redeem(tx, &call.house.secret, &call.path.token)?;
    Ok(Found(upload_file::download_url(&call.house, &file, tx.now())))
}
