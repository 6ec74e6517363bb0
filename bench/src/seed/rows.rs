//! The rows of a seeded shop, the same for both engines.

use anyhow::Result;

use merak_store::Engine;

use super::Shop;
use crate::keys::{self, Kind};

/// Customers beyond this number share: big shops have people who buy more than once.
const MOST_CUSTOMERS: u64 = 100_000;

/// The one benefit that gives all the keys.
const BENEFIT_ID: &str = "01944034-f4ff-7b6e-8c11-5d0b3a7c9e21";

/// What stands in one column.
pub enum Field {
    Null,
    Integer(u64),
    Negative(i64),
    Boolean(bool),
    Text(String),
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl<T: Into<Self>> From<Option<T>> for Field {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A database that takes whole tables.
pub trait Sink {
    /// Which engine it is.
    fn engine(&self) -> Engine;
    /// Runs a statement.
    fn run(&mut self, sql: &str) -> Result<()>;
    /// Takes all rows out of a table.
    fn empty(&mut self, name: &str) -> Result<()>;
    /// Puts rows into a table; each row has as many fields as there are columns.
    fn table(
        &mut self,
        name: &str,
        columns: &[&str],
        rows: &mut dyn Iterator<Item = Vec<Field>>,
    ) -> Result<()>;
}

/// Fills a founded shop with customers, grants and keys.
pub fn fill(sink: &mut dyn Sink, shop: &Shop) -> Result<()> {
    let organization = shop.organization_id.as_str();
    let customers = shop.size.min(MOST_CUSTOMERS);
    sink.table(
        "benefits",
        &[
            "id", "organization_id", "type", "description", "is_tax_applicable", "selectable", "deletable",
            "properties", "created_at",
        ],
        &mut std::iter::once(vec![
            BENEFIT_ID.into(),
            organization.into(),
            "license_keys".into(),
            "Bench license".into(),
            Field::Boolean(true),
            Field::Boolean(true),
            Field::Boolean(true),
            r#"{"prefix":"BENCH","expires":null,"activations":{"limit":5,"enable_customer_admin":true},"limit_usage":null}"#.into(),
            moment(0).into(),
        ]),
    )?;
    sink.table(
        "benefit_counts",
        &["benefit_id", "organization_id", "grants", "granted", "license_keys"],
        &mut std::iter::once(vec![
            BENEFIT_ID.into(),
            organization.into(),
            Field::Integer(shop.size),
            Field::Integer(shop.size),
            Field::Integer(shop.size),
        ]),
    )?;
    sink.table(
        "customers",
        &[
            "id",
            "organization_id",
            "email",
            "email_verified",
            "name",
            "billing_address",
            "tax_id",
            "metadata",
            "created_at",
            "modified_at",
        ],
        &mut (0..customers).map(|number| customer(organization, number)),
    )?;
    // The organization came with a count of zero.
    sink.empty("customer_counts")?;
    sink.table(
        "customer_counts",
        &["organization_id", "customers"],
        &mut std::iter::once(vec![organization.into(), Field::Integer(customers)]),
    )?;
    sink.table(
        "license_keys",
        &[
            "id",
            "organization_id",
            "customer_id",
            "benefit_id",
            "key",
            "status",
            "limit_activations",
            "expires_at",
            "has_own_limit_activations",
            "has_own_limit_usage",
            "has_own_expires_at",
            "created_at",
        ],
        &mut (0..shop.size).map(|number| license_key(organization, customers, number)),
    )?;
    sink.table(
        "license_key_usage",
        &["license_key_id", "usage", "validations", "last_validated_at", "seats_taken"],
        &mut (0..shop.size).map(usage),
    )?;
    sink.table(
        "benefit_grants",
        &["id", "customer_id", "benefit_id", "order_id", "granted_at", "properties", "created_at"],
        &mut (0..shop.size).map(|number| grant(customers, number)),
    )
}

/// Two of three have a name, a third an address, a tenth a tax number.
fn customer(organization: &str, number: u64) -> Vec<Field> {
    let name = (!number.is_multiple_of(3)).then(|| format!("Customer Number {number}"));
    let address = (number % 3 == 1).then(|| {
        format!(
            r#"{{"line1":"Havnegata {number}","line2":null,"postal_code":"7010","city":"Trondheim","state":null,"country":"NO"}}"#
        )
    });
    let tax_id = (number % 10 == 1).then(|| format!(r#"["NO{:09}MVA","no_vat"]"#, number % 1_000_000_000));
    let metadata = if number.is_multiple_of(4) {
        format!(r#"{{"crm":"N-{number}","seats":3}}"#)
    } else {
        "{}".to_owned()
    };
    vec![
        keys::id(Kind::Customer, number).into(),
        organization.into(),
        format!("customer-{number}@bench.example").into(),
        Field::Boolean(number.is_multiple_of(2)),
        name.into(),
        address.into(),
        tax_id.into(),
        metadata.into(),
        moment(number).into(),
        number.is_multiple_of(5).then(|| moment(number + 60_000)).into(),
    ]
}

/// Half of the keys expire, ten years from their making.
fn license_key(organization: &str, customers: u64, number: u64) -> Vec<Field> {
    let made = moment(number);
    vec![
        keys::id(Kind::LicenseKey, number).into(),
        organization.into(),
        keys::id(Kind::Customer, number % customers).into(),
        BENEFIT_ID.into(),
        key(number).into(),
        "granted".into(),
        Field::Integer(5),
        number.is_multiple_of(2).then(|| made.replacen("2025", "2035", 1)).into(),
        Field::Boolean(false),
        Field::Boolean(false),
        Field::Boolean(false),
        made.into(),
    ]
}

/// Nine of ten keys were validated before, as in a shop that has been open for a while; a first validation makes the
/// row longer.
fn usage(number: u64) -> Vec<Field> {
    let is_new = number % 10 == 9;
    vec![
        keys::id(Kind::LicenseKey, number).into(),
        Field::Integer(0),
        Field::Integer(if is_new { 0 } else { 1 + number % 7 }),
        (!is_new).then(|| moment(number + 120_000)).into(),
        Field::Integer(0),
    ]
}

/// Each key was bought by an order of its own, as a customer may hold several.
fn grant(customers: u64, number: u64) -> Vec<Field> {
    let text = key(number);
    let id = keys::id(Kind::LicenseKey, number);
    vec![
        keys::id(Kind::Grant, number).into(),
        keys::id(Kind::Customer, number % customers).into(),
        BENEFIT_ID.into(),
        keys::id(Kind::Order, number).into(),
        moment(number).into(),
        format!(r#"{{"license_key_id":"{id}","display_key":"****-{}"}}"#, &text[text.len() - 6..]).into(),
        moment(number).into(),
    ]
}

/// The text of a key.
pub fn key(number: u64) -> String {
    keys::key(number).iter().map(|&byte| char::from(byte)).collect()
}

/// The instant so many milliseconds after `START_MS`, in the form SQLite stores and PostgreSQL reads; always on the first day.
pub fn moment(millis: u64) -> String {
    let (seconds, millis) = (36_000 + millis / 1000, millis % 1000);
    let (hours, minutes, seconds) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("2025-01-07T{hours:02}:{minutes:02}:{seconds:02}.{millis:03}000Z")
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn moments_are_of_fixed_width_and_ascend() {
        assert_eq!(moment(0), "2025-01-07T10:00:00.000000Z");
        assert_eq!(moment(1_000_001), "2025-01-07T10:16:40.001000Z");
    }
}
