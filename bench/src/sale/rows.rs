//! The rows of a shop whose subscriptions are due.

use anyhow::Result;

use crate::{
    keys::{self, Kind},
    seed::{Field, Shop, Sink, moment},
};

/// What a period costs, in cents.
pub const AMOUNT: u64 = 1000;

/// Subscribers with a saved card of the sandbox, each with a subscription and its grant. When the periods end is written
/// before each run.
pub fn fill(sink: &mut dyn Sink, shop: &Shop) -> Result<()> {
    let organization = shop.organization_id.as_str();
    // What founding the shop asked for would be done while the clock runs.
    sink.empty("jobs")?;
    product(sink, organization, shop.size)?;
    customers(sink, organization, shop.size)?;
    subscriptions(sink, organization, shop.size)?;
    sink.table(
        "benefit_grants",
        &["id", "customer_id", "benefit_id", "subscription_id", "granted_at", "properties", "created_at"],
        &mut (0..shop.size).map(|number| {
            vec![
                keys::id(Kind::Grant, number).into(),
                keys::id(Kind::Customer, number).into(),
                keys::id(Kind::Benefit, 0).into(),
                keys::id(Kind::Subscription, number).into(),
                moment(number).into(),
                "{}".into(),
                moment(number).into(),
            ]
        }),
    )
}

fn product(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    let (product_id, benefit_id) = (keys::id(Kind::Product, 0), keys::id(Kind::Benefit, 0));
    let mut one =
        |name: &str, columns: &[&str], row: Vec<Field>| sink.table(name, columns, &mut std::iter::once(row));
    let mut benefit: Vec<Field> =
        vec![benefit_id.as_str().into(), organization.into(), "custom".into(), "Bench support".into()];
    benefit.extend([true, true, true].map(Field::Boolean));
    benefit.extend([r#"{"note":null}"#.into(), moment(0).into()]);
    one(
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
        benefit,
    )?;
    let mut counts: Vec<Field> = vec![benefit_id.as_str().into(), organization.into()];
    counts.extend([size, size, 0].map(Field::Integer));
    one("benefit_counts", &["benefit_id", "organization_id", "grants", "granted", "license_keys"], counts)?;
    let mut product: Vec<Field> = vec![product_id.as_str().into(), organization.into(), "Bench".into()];
    product.extend([Field::Boolean(false), "{}".into(), Field::Boolean(true), moment(0).into()]);
    product.extend([1, 2, AMOUNT].map(Field::Integer));
    one(
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
        product,
    )?;
    one(
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
            "is_archived",
            "created_at",
        ],
        vec![
            keys::id(Kind::Price, 0).into(),
            product_id.as_str().into(),
            Field::Integer(0),
            "recurring".into(),
            "fixed".into(),
            "month".into(),
            "usd".into(),
            Field::Integer(AMOUNT),
            Field::Boolean(false),
            moment(0).into(),
        ],
    )?;
    one(
        "product_benefits",
        &["product_id", "benefit_id", "position"],
        vec![product_id.as_str().into(), benefit_id.into(), Field::Integer(0)],
    )?;
    one(
        "subscription_counts",
        &["organization_id", "product_id", "active", "revoked", "other"],
        vec![
            organization.into(),
            product_id.into(),
            Field::Integer(size),
            Field::Integer(0),
            Field::Integer(0),
        ],
    )
}

fn customers(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "customers",
        &[
            "id",
            "organization_id",
            "email",
            "email_verified",
            "name",
            "billing_address",
            "metadata",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::Customer, number).into(),
                organization.into(),
                format!("customer-{number}@bench.example").into(),
                Field::Boolean(false),
                format!("Customer Number {number}").into(),
                r#"{"line1":null,"line2":null,"postal_code":null,"city":null,"state":null,"country":"NO"}"#
                    .into(),
                "{}".into(),
                moment(number).into(),
            ]
        }),
    )?;
    sink.empty("customer_counts")?;
    sink.table(
        "customer_counts",
        &["organization_id", "customers"],
        &mut std::iter::once(vec![organization.into(), Field::Integer(size)]),
    )?;
    sink.table(
        "processor_customers",
        &["customer_id", "processor", "processor_customer_id", "created_at"],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::Customer, number).into(),
                "sandbox".into(),
                payer(number).into(),
                moment(number).into(),
            ]
        }),
    )?;
    sink.table(
        "payment_methods",
        &[
            "id",
            "organization_id",
            "customer_id",
            "processor",
            "processor_method_id",
            "type",
            "brand",
            "last4",
            "exp_month",
            "exp_year",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::Method, number).into(),
                organization.into(),
                keys::id(Kind::Customer, number).into(),
                "sandbox".into(),
                method(number).into(),
                "card".into(),
                "visa".into(),
                "4242".into(),
                Field::Integer(12),
                Field::Integer(2099),
                moment(number).into(),
            ]
        }),
    )?;
    // As the sandbox writes them. Should it write them in another way, the payments fail, and the run with them.
    sink.table(
        "sandbox_records",
        &["id", "owner", "version", "content"],
        &mut (0..size).map(|number| {
            let (id, owner) = (method(number), payer(number));
            let content = serde_json::json!({"Method": {
                "id": id, "customer_id": owner, "card": {"name": "success", "exp_month": 12, "exp_year": 2099},
                "created_at": 1_736_244_000, "is_detached": false, "events": []
            }});
            vec![id.into(), owner.into(), Field::Integer(0), content.to_string().into()]
        }),
    )
}

fn subscriptions(sink: &mut dyn Sink, organization: &str, size: u64) -> Result<()> {
    sink.table(
        "subscriptions",
        &[
            "id",
            "organization_id",
            "customer_id",
            "product_id",
            "price_id",
            "status",
            "base_amount",
            "amount",
            "currency",
            "recurring_interval",
            "current_period_start",
            "current_period_end",
            "cancel_at_period_end",
            "started_at",
            "metadata",
            "custom_field_data",
            "payment_method_id",
            "anchor_at",
            "anchor_period",
            "period",
            "retries",
            "created_at",
        ],
        &mut (0..size).map(|number| {
            vec![
                keys::id(Kind::Subscription, number).into(),
                organization.into(),
                keys::id(Kind::Customer, number).into(),
                keys::id(Kind::Product, 0).into(),
                keys::id(Kind::Price, 0).into(),
                "active".into(),
                Field::Integer(AMOUNT),
                Field::Integer(AMOUNT),
                "usd".into(),
                "month".into(),
                moment(number).into(),
                "2025-02-07T10:00:00.000000Z".into(),
                Field::Boolean(false),
                moment(number).into(),
                "{}".into(),
                "{}".into(),
                keys::id(Kind::Method, number).into(),
                moment(number).into(),
                Field::Integer(0),
                Field::Integer(0),
                Field::Integer(0),
                moment(number).into(),
            ]
        }),
    )
}

/// What the sandbox calls a customer.
fn payer(number: u64) -> String {
    format!("cus_sandbox_{number:024x}")
}

/// What the sandbox calls a saved card.
fn method(number: u64) -> String {
    format!("pm_sandbox_{number:024x}")
}
