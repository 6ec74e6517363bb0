//! Out of one shop and into another, and what came of it.

use std::collections::BTreeMap;

use merak_core::clock;
use merak_core::files::StoredObject;
use merak_core::kit::Id;
use merak_core::organizations::{self, Organization};
use merak_core::transfer::{
    self, Arrival, Begin, Import, OrganizationRecord, Place, Record, RecordKind, Tally,
};
use merak_store::{Json, Timestamp};

use crate::support::*;

/// What an export holds.
#[derive(Clone, Debug)]
pub struct Lines {
    pub organization: OrganizationRecord,
    pub records: Vec<Record>,
}

impl Lines {
    pub fn text(&self) -> Vec<String> {
        let mut lines = vec![serde_json::to_string(&self.organization).unwrap()];
        lines.extend(self.records.iter().map(|record| serde_json::to_string(record).unwrap()));
        lines
    }

    pub fn of(&self, wanted: impl Fn(RecordKind) -> bool) -> Vec<Record> {
        self.records.iter().filter(|record| wanted(record.kind())).cloned().collect()
    }

    pub fn find(&self, kind: RecordKind) -> Record {
        self.of(|other| other == kind)[0].clone()
    }
}

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

pub fn export(shop: &Shop) -> Lines {
    export_organization(shop, shop.organization.id)
}

pub fn export_of(shop: &Shop, import: &Import) -> Lines {
    export_organization(shop, import.organization_id)
}

pub fn export_organization(shop: &Shop, id: Id<Organization>) -> Lines {
    let tenancy = merak_core::access::Tenancy::of(id);
    let organization = shop
        .read(move |tx| {
            let organization = organizations::get(tx, &tenancy, id)?;
            transfer::organization_record(tx, &organization)
        })
        .unwrap();
    let until = shop.read(move |tx| clock::now(tx, id)).unwrap().add_seconds(24 * 3600);
    let mut records = Vec::new();
    let mut at: Option<(RecordKind, Option<Place>)> = Some((RecordKind::RECORDS[0], None));
    while let Some(begin) = at {
        let batch = shop.read(move |tx| transfer::export_batch(tx, id, until, begin)).unwrap();
        records.extend(batch.records);
        at = match batch.place {
            Some(place) => Some((batch.kind, Some(place))),
            None => batch.kind.next().map(|kind| (kind, None)),
        };
    }
    Lines { organization, records }
}

pub fn begin(shop: &Shop, lines: &Lines, way: &str) -> Import {
    begin_into(shop, lines, way, None).unwrap()
}

pub fn begin_into(shop: &Shop, lines: &Lines, way: &str, into: Option<&str>) -> Result<Import> {
    begun(shop, lines, way, into).map(|begun| begun.import)
}

pub fn resumed(shop: &Shop, lines: &Lines, way: &str) -> Option<Json> {
    begun(shop, lines, way, None).unwrap().position
}

pub fn begun(shop: &Shop, lines: &Lines, way: &str, into: Option<&str>) -> Result<transfer::Begun> {
    let command = Begin { way: way.to_owned(), into: into.map(str::to_owned), owner: None };
    let record = lines.organization.clone();
    shop.write(move |tx| transfer::begin(tx, &record, &command))
}

/// How many files somebody of the shop may download now.
pub fn downloads(shop: &Shop, import: &Import) -> i64 {
    let id = import.organization_id;
    shop.read(move |tx| {
        Ok(tx.one(
            "SELECT count(*) FROM downloadables JOIN files ON files.id = file_id \
             WHERE organization_id = $1 AND is_enabled AND status = 'granted'",
            &[&id],
        )?)
    })
    .unwrap()
}

/// A record as it arrives whose bytes, if it is a file, were stored just now.
pub fn with_bytes(record: &Record, now: Timestamp) -> Arrival {
    match record.clone() {
        Record::File(mut file) => {
            let etag = String::from("\"etag\"");
            file.stored = Some((file.id, StoredObject { etag, version: None, last_modified_at: now }));
            Arrival::Record(Record::File(file))
        }
        other => Arrival::Record(other),
    }
}

/// Takes all records in, a few at a time and through their text.
pub fn take(shop: &Shop, import: &Import, lines: &Lines) -> Tally {
    let mut tally = Tally::default();
    let arrivals: Vec<Arrival> = lines
        .records
        .iter()
        .map(|record| {
            let text = serde_json::to_string(record).unwrap();
            let line: BTreeMap<String, Box<serde_json::value::RawValue>> =
                serde_json::from_str(&text).unwrap();
            let kind = serde_json::from_str::<RecordKind>(line["type"].get()).unwrap();
            Arrival::read(kind, line["data"].get())
        })
        .collect();
    for some in arrivals.chunks(3) {
        tally += take_some(shop, import, some.to_vec());
    }
    let import = import.clone();
    shop.write(move |tx| transfer::finish(tx, &import)).unwrap();
    tally
}

pub fn take_some(shop: &Shop, import: &Import, some: Vec<Arrival>) -> Tally {
    let import = import.clone();
    let taken = shop.write(move |tx| transfer::take_batch(tx, &import, &some, &Json::default())).unwrap();
    let mut tally = Tally::default();
    for of_kind in taken.into_values() {
        tally += of_kind;
    }
    tally
}

pub fn remarks(shop: &Shop, import: &Import) -> Vec<String> {
    let import = import.clone();
    let report = shop.read(move |tx| transfer::report(tx, &import)).unwrap();
    report
        .remarks
        .iter()
        .map(|remark| {
            format!("{} {} {} [{}]", remark.kind, remark.count, remark.remark, remark.subjects.join(", "))
        })
        .collect()
}

/// What the tables of totals say, and that it is so.
pub fn counts_of(shop: &Shop, import: &Import) -> BTreeMap<String, i64> {
    let id = import.organization_id;
    shop.read(move |tx| {
        let mut counts = BTreeMap::new();
        for (name, told, counted) in COUNTS {
            let told = tx.one::<Option<i64>>(told, &[&id])?.unwrap_or(0);
            assert_eq!(told, tx.one::<i64>(counted, &[&id])?, "{name}");
            counts.insert((*name).to_owned(), told);
        }
        Ok(counts)
    })
    .unwrap()
}

/// Each total, and the rows that it counts.
pub const COUNTS: &[(&str, &str, &str)] = &[
    (
        "customers",
        "SELECT customers FROM customer_counts WHERE organization_id = $1",
        "SELECT count(*) FROM customers WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "license_keys",
        "SELECT CAST(sum(license_keys) AS bigint) FROM benefit_counts WHERE organization_id = $1",
        "SELECT count(*) FROM license_keys WHERE organization_id = $1",
    ),
    (
        "grants",
        "SELECT CAST(sum(grants) AS bigint) FROM benefit_counts WHERE organization_id = $1",
        "SELECT count(*) FROM benefit_grants JOIN benefits ON benefits.id = benefit_id WHERE organization_id = $1",
    ),
    (
        "granted",
        "SELECT CAST(sum(granted) AS bigint) FROM benefit_counts WHERE organization_id = $1",
        "SELECT count(granted_at) FROM benefit_grants JOIN benefits ON benefits.id = benefit_id \
         WHERE organization_id = $1",
    ),
    (
        "products",
        "SELECT CAST(sum(products) AS bigint) FROM product_counts WHERE organization_id = $1",
        "SELECT count(*) FROM products WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "products of benefits",
        "SELECT CAST(sum(products) AS bigint) FROM product_benefit_counts \
         JOIN benefits ON benefits.id = benefit_id WHERE organization_id = $1",
        "SELECT count(*) FROM product_benefits JOIN benefits ON benefits.id = benefit_id WHERE organization_id = $1",
    ),
    (
        "discounts",
        "SELECT CAST(sum(discounts) AS bigint) FROM discount_counts WHERE organization_id = $1",
        "SELECT count(*) FROM discounts WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "checkout links",
        "SELECT CAST(sum(checkout_links) AS bigint) FROM checkout_link_counts WHERE organization_id = $1",
        "SELECT count(*) FROM checkout_links WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "checkout links of products",
        "SELECT CAST(sum(checkout_links) AS bigint) FROM product_link_counts \
         JOIN products ON products.id = product_id WHERE organization_id = $1",
        "SELECT count(*) FROM checkout_links WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "files",
        "SELECT CAST(sum(files) AS bigint) FROM file_counts WHERE organization_id = $1",
        "SELECT count(*) FROM files WHERE organization_id = $1 AND is_uploaded AND deleted_at IS NULL",
    ),
    (
        "customers in the search",
        "SELECT count(*) FROM customer_search WHERE organization_id = $1",
        "SELECT count(*) FROM customers WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "products in the search",
        "SELECT count(*) FROM product_search WHERE organization_id = $1",
        "SELECT count(*) FROM products WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "discounts in the search",
        "SELECT count(*) FROM discount_search WHERE organization_id = $1",
        "SELECT count(*) FROM discounts WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "custom fields in the search",
        "SELECT count(*) FROM custom_field_search WHERE organization_id = $1",
        "SELECT count(*) FROM custom_fields WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "custom fields",
        "SELECT CAST(sum(custom_fields) AS bigint) FROM custom_field_counts WHERE organization_id = $1",
        "SELECT count(*) FROM custom_fields WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "benefits",
        "SELECT CAST(sum(benefits) AS bigint) FROM benefit_type_counts WHERE organization_id = $1",
        "SELECT count(*) FROM benefits WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "seats",
        "SELECT CAST(sum(seats_taken) AS bigint) FROM license_key_usage JOIN license_keys \
         ON license_keys.id = license_key_id WHERE organization_id = $1",
        "SELECT count(*) FROM license_key_activations JOIN license_keys ON license_keys.id = license_key_id \
         WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
];
