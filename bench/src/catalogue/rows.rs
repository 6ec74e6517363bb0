//! The rows of a seeded catalogue, the same for both engines.

use anyhow::Result;
use merak_core::kit::Id;
use merak_core::organizations::Organization;
use merak_core::search;
use merak_store::Engine;

use super::people;
use crate::{
    keys::{self, Kind},
    seed::{Field, Shop, Sink, moment},
};

/// The benefit of one product in a hundred.
const RARE_BENEFIT: u64 = 0;
/// The benefit of all products.
const COMMON_BENEFIT: u64 = 1;
/// The benefit of every second product.
const SECOND_BENEFIT: u64 = 2;
/// The benefit of every third product. What other benefits there are, no product has.
const THIRD_BENEFIT: u64 = 3;
/// The product that has half of the links. What the bench names one by one has an odd number.
const LINKED_PRODUCT: u64 = 4;

/// How many products, discounts, fields, files, links and benefits a shop with so many customers has.
pub const fn others(customers: u64) -> u64 {
    customers / 10
}

/// How many of the first `size` numbers are meant.
pub fn count(size: u64, is_meant: fn(u64) -> bool) -> u64 {
    u64::try_from((0..size).filter(|number| is_meant(*number)).count()).unwrap_or(u64::MAX)
}

/// One product in ten is no longer sold.
pub const fn is_archived(number: u64) -> bool {
    number % 10 == 9
}

/// One product in four is a subscription.
pub const fn is_recurring(number: u64) -> bool {
    number % 4 == 1
}

/// Whether archived, whether recurring.
const SORTS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

const fn sort_of(number: u64) -> (bool, bool) {
    (is_archived(number), is_recurring(number))
}

/// One product in a hundred has the rare benefit.
pub const fn has_rare_benefit(number: u64) -> bool {
    number.is_multiple_of(100)
}

/// Every second product has a benefit of its own.
pub const fn has_second_benefit(number: u64) -> bool {
    number.is_multiple_of(2)
}

/// Every third product has a benefit of its own.
pub const fn has_third_benefit(number: u64) -> bool {
    number.is_multiple_of(3)
}

/// Half of the links are to one product; the others are each to another one.
pub const fn is_of_linked_product(number: u64) -> bool {
    number.is_multiple_of(2)
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

/// The id of the benefit of one product in a hundred.
pub fn rare_benefit_id() -> String {
    keys::id(Kind::Benefit, RARE_BENEFIT)
}

/// The id of the benefit of all products.
pub fn common_benefit_id() -> String {
    keys::id(Kind::Benefit, COMMON_BENEFIT)
}

/// The id of the benefit of every second product.
pub fn second_benefit_id() -> String {
    keys::id(Kind::Benefit, SECOND_BENEFIT)
}

/// The id of the benefit of every third product.
pub fn third_benefit_id() -> String {
    keys::id(Kind::Benefit, THIRD_BENEFIT)
}

/// The id of the product that has half of the links.
pub fn linked_product_id() -> String {
    product_id(LINKED_PRODUCT)
}

/// The id of a file.
pub fn file_id(number: u64) -> String {
    keys::id(Kind::File, number)
}

/// The id of a product.
pub fn product_id(number: u64) -> String {
    keys::id(Kind::Product, number)
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
struct Findable<'f> {
    noun: &'static str,
    /// Id and texts of each.
    texts: &'f dyn Fn(u64) -> (String, [String; 2]),
    /// What their list is sorted by, where the rows of the search have it.
    keys: &'f [&'static str],
    sorted: &'f dyn Fn(u64) -> Vec<Field>,
}

/// What the search keeps of so many things.
fn findable(sink: &mut dyn Sink, organization: &str, size: u64, things: &Findable<'_>) -> Result<()> {
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
fn total(sink: &mut dyn Sink, table: &str, column: &str, organization: &str, size: u64) -> Result<()> {
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

/// Whether the product of a number is meant.
type IsMeant = fn(u64) -> bool;

/// The benefits that products have, in their order, and which products have each.
fn attached() -> [(String, IsMeant); 4] {
    [
        (common_benefit_id(), |_| true),
        (rare_benefit_id(), has_rare_benefit),
        (second_benefit_id(), has_second_benefit),
        (third_benefit_id(), has_third_benefit),
    ]
}

/// What stands in a product's row and in the row of its price.
struct Price {
    kind: &'static str,
    amount_type: &'static str,
    amount: Option<u64>,
    minimum: Option<u64>,
    /// How the lists sort it: by kind, by kind of amount, by amount.
    order: [Field; 3],
}

fn price(number: u64) -> Price {
    let amount = 500 + number % 1000 * 100;
    let kind = if is_recurring(number) { "recurring" } else { "one_time" };
    let (amount_type, amount, minimum, place) = match number % 4 {
        0 | 1 => ("fixed", Some(amount), None, Field::Integer(amount)),
        2 => ("custom", None, Some(100), Field::Integer(100)),
        _ => ("free", None, None, Field::Negative(-2)),
    };
    let rank = match amount_type {
        "fixed" => 2,
        "custom" => 1,
        _ => 0,
    };
    let order = [Field::Integer(u64::from(is_recurring(number))), Field::Integer(rank), place];
    Price { kind, amount_type, amount, minimum, order }
}

fn products(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "products",
        &[
            "id",
            "organization_id",
            "name",
            "is_archived",
            "metadata",
            "is_recurring",
            "created_at",
            "first_price_type",
            "first_price_amount_type",
            "first_price_amount",
        ],
        &mut (0..size).map(|number| {
            let mut row = vec![
                product_id(number).into(),
                organization.into(),
                format!("Product {number:06}").into(),
                Field::Boolean(is_archived(number)),
                "{}".into(),
                Field::Boolean(is_recurring(number)),
                moment(number).into(),
            ];
            row.extend(price(number).order);
            row
        }),
    )?;
    sink.table(
        "product_prices",
        &[
            "id",
            "product_id",
            "position",
            "type",
            "amount_type",
            "recurring_interval",
            "price_currency",
            "price_amount",
            "minimum_amount",
            "is_archived",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            let price = price(number);
            vec![
                keys::id(Kind::Price, number).into(),
                product_id(number).into(),
                Field::Integer(0),
                price.kind.into(),
                price.amount_type.into(),
                is_recurring(number).then_some("month").into(),
                (price.amount_type != "free").then_some("usd").into(),
                price.amount.map(Field::Integer).into(),
                price.minimum.map(Field::Integer).into(),
                Field::Boolean(false),
                moment(number).into(),
            ]
        }),
    )?;
    sink.table(
        "product_benefits",
        &["product_id", "benefit_id", "position"],
        &mut attached().iter().zip(0..).flat_map(|((id, has_benefit), position)| {
            (0..size).filter(|number| has_benefit(*number)).map(move |number| {
                vec![product_id(number).into(), id.as_str().into(), Field::Integer(position)]
            })
        }),
    )?;
    sink.empty("product_counts")?;
    sink.table(
        "product_counts",
        &["organization_id", "is_archived", "is_recurring", "products"],
        &mut SORTS.into_iter().map(|sort| {
            let products = (0..size).filter(|number| sort_of(*number) == sort).count();
            vec![
                organization.into(),
                Field::Boolean(sort.0),
                Field::Boolean(sort.1),
                Field::Integer(u64::try_from(products).unwrap_or_default()),
            ]
        }),
    )?;
    let texts = |number| (product_id(number), [format!("Product {number:06}"), String::new()]);
    findable(
        sink,
        organization,
        size,
        &Findable { noun: "product", texts: &texts, keys: &[], sorted: &|_| Vec::new() },
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

fn checkout_links(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    let sold = |number| if is_of_linked_product(number) { linked_product_id() } else { product_id(number) };
    sink.table(
        "checkout_links",
        &[
            "id",
            "organization_id",
            "product_id",
            "payment_processor",
            "client_secret",
            "allow_discount_codes",
            "metadata",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::CheckoutLink, number).into(),
                organization.into(),
                sold(number).into(),
                "stripe".into(),
                format!("polar_cl_{number:043}").into(),
                Field::Boolean(true),
                "{}".into(),
                moment(number).into(),
            ]
        }),
    )?;
    let others = (0..size).filter(|number| !is_of_linked_product(*number)).map(|number| (sold(number), 1));
    let most = std::iter::once((linked_product_id(), count(size, is_of_linked_product)));
    sink.table(
        "product_link_counts",
        &["product_id", "checkout_links"],
        &mut most.chain(others).map(|(id, links)| vec![id.into(), Field::Integer(links)]),
    )?;
    total(sink, "checkout_link_counts", "checkout_links", organization, size)
}
