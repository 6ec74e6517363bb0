//! The rows of a seeded catalogue, the same for both engines.

use anyhow::Result;
use merak_core::kit::Id;
use merak_core::organizations::Organization;
use merak_core::search;
use merak_store::Engine;

use super::{
    goods::{SORTS, attached, checkout_links, products, sort_of},
    people,
};
use crate::{
    keys::{self, Kind},
    seed::{Field, Shop, Sink, moment},
};

/// How many products, discounts, fields, files, links and benefits a shop with so many customers has.
pub const fn others(customers: u64) -> u64 {
    customers / 10
}

/// How many of the first `size` numbers are meant.
pub fn count(size: u64, is_meant: fn(u64) -> bool) -> u64 {
    u64::try_from((0..size).filter(|number| is_meant(*number)).count()).unwrap_or(u64::MAX)
}

/// Half of the discounts have a code.
pub const fn has_code(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// Half of the custom fields ask for a number.
pub const fn is_number_field(number: u64) -> bool {
    number % 2 == 1
}

/// One custom field in a hundred asks for a date.
pub const fn is_date_field(number: u64) -> bool {
    number % 100 == 50
}

fn field_kind(number: u64) -> &'static str {
    match number {
        _ if is_date_field(number) => "date",
        _ if is_number_field(number) => "number",
        _ => "text",
    }
}

/// One benefit in three.
pub const fn is_custom_benefit(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// The id of a file.
pub fn file_id(number: u64) -> String {
    keys::id(Kind::File, number)
}

/// Fills a founded shop.
pub fn fill(sink: &mut dyn Sink, shop: &Shop) -> Result<()> {
    let organization = shop.organization_id.as_str();
    customers(sink, organization, shop.size)?;
    let size = others(shop.size);
    benefits(sink, organization, size)?;
    products(sink, organization, size)?;
    discounts(sink, organization, size)?;
    custom_fields(sink, organization, size)?;
    files(sink, organization, size)?;
    checkout_links(sink, organization, size)
}

fn customers(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "customers",
        &["id", "organization_id", "email", "email_verified", "name", "metadata", "created_at"],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::Customer, number).into(),
                organization.into(),
                people::email(number).into(),
                Field::Boolean(false),
                people::name(number).into(),
                "{}".into(),
                moment(number).into(),
            ]
        }),
    )?;
    let texts = |number| {
        (keys::id(Kind::Customer, number), [people::email(number), people::name(number).unwrap_or_default()])
    };
    let sorted = |number: u64| {
        let name = people::name(number).map(|name| name.to_lowercase());
        vec![moment(number).into(), people::email(number).into(), name.into()]
    };
    findable(
        sink,
        organization,
        size,
        &Findable {
            noun: "customer",
            texts: &texts,
            keys: &["created_at", "email", "name"],
            sorted: &sorted,
        },
    )?;
    total(sink, "customer_counts", "customers", organization, size)
}

/// Things that are found by their texts.
pub struct Findable<'f> {
    pub noun: &'static str,
    /// Id and texts of each.
    pub texts: &'f dyn Fn(u64) -> (String, [String; 2]),
    /// What their list is sorted by, where the rows of the search have it.
    pub keys: &'f [&'static str],
    pub sorted: &'f dyn Fn(u64) -> Vec<Field>,
}

/// What the search keeps of so many things.
pub fn findable(sink: &mut dyn Sink, organization: &str, size: u64, things: &Findable<'_>) -> Result<()> {
    let organization_id: Id<Organization> = organization.parse()?;
    let indexed = |number| {
        let (id, [first, second]) = (things.texts)(number);
        let (content, marks) = search::indexed(organization_id, [&first, &second]);
        (id, content, marks)
    };
    let mut columns = vec!["number", "id", "organization_id", "content"];
    columns.extend(things.keys);
    sink.table(
        &format!("{}_search", things.noun),
        &columns,
        &mut (0..size).map(|number| {
            let (id, content, _) = indexed(number);
            let mut row = vec![Field::Integer(number + 1), id.into(), organization.into(), content.into()];
            row.extend((things.sorted)(number));
            row
        }),
    )?;
    let engine = sink.engine();
    let table = format!("{}_marks", things.noun);
    let marks =
        |number| vec![Field::Integer(number + 1), search::marks_text(engine, &indexed(number).2).into()];
    if engine == Engine::Postgres {
        // An index is made quicker than it grows.
        sink.run(&format!("DROP INDEX {table}_marks_idx"))?;
        sink.table(&table, &["number", "marks"], &mut (0..size).map(marks))?;
        sink.run("SET maintenance_work_mem = '512MB'")?;
        sink.run(&format!(
            "CREATE INDEX {table}_marks_idx ON {table} USING gin (marks) WITH (gin_pending_list_limit = 1024)"
        ))?;
    } else {
        sink.table(&table, &["rowid", "marks"], &mut (0..size).map(marks))?;
    }
    Ok(())
}

/// The row that says how long a list is, in the place of the one that the organization came with.
pub fn total(sink: &mut dyn Sink, table: &str, column: &str, organization: &str, size: u64) -> Result<()> {
    sink.empty(table)?;
    let row = vec![organization.into(), Field::Integer(size)];
    sink.table(table, &["organization_id", column], &mut std::iter::once(row))
}

fn benefits(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "benefits",
        &[
            "id",
            "organization_id",
            "type",
            "description",
            "is_tax_applicable",
            "selectable",
            "deletable",
            "properties",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            let (kind, properties) = match number % 3 {
                _ if is_custom_benefit(number) => ("custom", r#"{"note":null}"#),
                1 => ("downloadables", r#"{"archived":{},"files":[]}"#),
                _ => ("ads", r#"{"image_height":400,"image_width":400}"#),
            };
            let mut row: Vec<Field> = vec![
                keys::id(Kind::Benefit, number).into(),
                organization.into(),
                kind.into(),
                format!("Benefit {number:06}").into(),
            ];
            row.extend([true, true, true].map(Field::Boolean));
            row.extend([properties.into(), moment(number).into()]);
            row
        }),
    )?;
    sink.table(
        "benefit_counts",
        &["benefit_id", "organization_id", "grants", "granted", "license_keys"],
        &mut (0..size).map(|number| {
            let mut row: Vec<Field> = vec![keys::id(Kind::Benefit, number).into(), organization.into()];
            row.extend([0, 0, 0].map(Field::Integer));
            row
        }),
    )?;
    sink.table(
        "benefit_type_counts",
        &["organization_id", "type", "benefits"],
        &mut ["custom", "downloadables", "ads"].into_iter().zip(0..).map(|(kind, rest)| {
            let benefits = (0..size).filter(|number| number % 3 == rest).count();
            vec![
                organization.into(),
                kind.into(),
                Field::Integer(u64::try_from(benefits).unwrap_or_default()),
            ]
        }),
    )?;
    // There are as many products as benefits.
    sink.table(
        "product_benefit_counts",
        &["benefit_id", "is_archived", "is_recurring", "products"],
        &mut attached().iter().flat_map(|(id, has_benefit)| {
            SORTS.into_iter().map(move |sort| {
                let products =
                    (0..size).filter(|number| has_benefit(*number) && sort_of(*number) == sort).count();
                vec![
                    id.as_str().into(),
                    Field::Boolean(sort.0),
                    Field::Boolean(sort.1),
                    Field::Integer(u64::try_from(products).unwrap_or_default()),
                ]
            })
        }),
    )
}

fn discounts(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "discounts",
        &[
            "id",
            "organization_id",
            "name",
            "type",
            "basis_points",
            "duration",
            "code",
            "redemptions_count",
            "metadata",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::Discount, number).into(),
                organization.into(),
                format!("Discount {number:06}").into(),
                "percentage".into(),
                Field::Integer(1 + number % 10_000),
                "once".into(),
                has_code(number).then(|| format!("CODE{number:06}")).into(),
                Field::Integer(number % 50),
                "{}".into(),
                moment(number).into(),
            ]
        }),
    )?;
    let texts = |number| {
        let code = if has_code(number) { format!("CODE{number:06}") } else { String::new() };
        (keys::id(Kind::Discount, number), [format!("Discount {number:06}"), code])
    };
    findable(
        sink,
        organization,
        size,
        &Findable { noun: "discount", texts: &texts, keys: &[], sorted: &|_| Vec::new() },
    )?;
    total(sink, "discount_counts", "discounts", organization, size)
}

fn custom_fields(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "custom_fields",
        &["id", "organization_id", "type", "slug", "name", "properties", "metadata", "created_at"],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::CustomField, number).into(),
                organization.into(),
                field_kind(number).into(),
                format!("field-{number:06}").into(),
                format!("Field {number:06}").into(),
                "{}".into(),
                "{}".into(),
                moment(number).into(),
            ]
        }),
    )?;
    let texts = |number| {
        (keys::id(Kind::CustomField, number), [format!("Field {number:06}"), format!("field-{number:06}")])
    };
    findable(
        sink,
        organization,
        size,
        &Findable { noun: "custom_field", texts: &texts, keys: &[], sorted: &|_| Vec::new() },
    )?;
    sink.table(
        "custom_field_counts",
        &["organization_id", "type", "custom_fields"],
        &mut ["number", "date", "text"].into_iter().map(|kind| {
            let fields = (0..size).filter(|number| field_kind(*number) == kind).count();
            vec![organization.into(), kind.into(), Field::Integer(u64::try_from(fields).unwrap_or_default())]
        }),
    )
}

fn files(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "files",
        &[
            "id",
            "organization_id",
            "service",
            "name",
            "path",
            "mime_type",
            "size",
            "checksum_etag",
            "last_modified_at",
            "upload_id",
            "upload_parts",
            "is_uploaded",
            "is_enabled",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            let id = file_id(number);
            vec![
                id.as_str().into(),
                organization.into(),
                "downloadable".into(),
                format!("file-{number:06}.zip").into(),
                format!("downloadable/{organization}/{id}/file-{number:06}.zip").into(),
                "application/zip".into(),
                Field::Integer(1 + number),
                "d41d8cd98f00b204e9800998ecf8427e".into(),
                moment(number).into(),
                "done".into(),
                "[]".into(),
                Field::Boolean(true),
                Field::Boolean(true),
                moment(number).into(),
            ]
        }),
    )?;
    total(sink, "file_counts", "files", organization, size)
}
