//! What the demo shop sells.

use merak_store::{Timestamp, Tx};
use serde_json::{Value, json};

use crate::access::Tenancy;
use crate::benefits::Benefit;
use crate::checkout_links::{self, CreateCheckoutLink, PaymentProcessor, Sold};
use crate::custom_fields::{self, CreateCustomField, CustomField, CustomFieldType, FieldSlug};
use crate::discounts::{self, CreateDiscount, Discount, DiscountCode, Reduction, Span};
use crate::kit::{Cents, Currency, Id, Metadata, Refusal, Result};
use crate::organizations::Organization;
use crate::products::{
    self, Amount, AttachField, CreateProduct, NewPrice, Product, RecurringInterval, UpdateProduct,
};

/// The names of the products, by which their files find them.
pub(super) const PRO: &str = "Nimbus Pro";
pub(super) const TEAM: &str = "Nimbus Team";
pub(super) const THEMES: &str = "Nimbus theme pack";
pub(super) const LITE: &str = "Nimbus Lite";
pub(super) const PREVIEW: &str = "Nimbus Preview";
pub(super) const CLASSIC: &str = "Nimbus Classic 1";

/// The code that a visitor may try.
pub(super) const CODE: &str = "LAUNCH20";

const DAY: i64 = 24 * 3600;

/// What comes with the products.
pub(super) struct Benefits {
    pub pro: Id<Benefit>,
    pub team: Id<Benefit>,
    pub support: Id<Benefit>,
}

/// Fills the shop's catalogue.
pub(super) fn fill(tx: &mut Tx<'_>, organization_id: Id<Organization>, benefits: &Benefits) -> Result<()> {
    let catalogue = Catalogue { organization_id, tenancy: Tenancy::of(organization_id) };
    let company = catalogue.field(
        tx,
        CustomFieldType::Text,
        ("company", "Company"),
        json!({"form_label": "Company", "form_placeholder": "As it should stand on the invoice", "max_length": 80}),
    )?;
    let source = catalogue.field(
        tx,
        CustomFieldType::Select,
        ("source", "How did you hear of us?"),
        json!({"form_label": "How did you hear of us?", "options": [
            {"value": "friend", "label": "A friend"}, {"value": "search", "label": "A search"},
            {"value": "talk", "label": "A talk"}]}),
    )?;
    let seats = catalogue.field(
        tx,
        CustomFieldType::Number,
        ("team-size", "Team size"),
        json!({"form_label": "How many people are you?", "ge": 2, "le": 25}),
    )?;

    let monthly = NewPrice { recurring_interval: Some(RecurringInterval::Month), amount: fixed(900) };
    let yearly = NewPrice { recurring_interval: Some(RecurringInterval::Year), amount: fixed(9000) };
    let once = |amount| NewPrice { recurring_interval: None, amount };
    let pro = catalogue.product(
        tx,
        (PRO, "Notes that keep up with you: sync, history, and a licence for three devices."),
        &[monthly, yearly],
        &[(source, false)],
    )?;
    let team = catalogue.product(
        tx,
        (TEAM, "Twenty-five seats on one licence, paid once."),
        &[once(fixed(24_900))],
        &[(company, true), (seats, true), (source, false)],
    )?;
    catalogue.product(
        tx,
        (THEMES, "Three themes, drawn on rainy evenings. Pay what they are worth to you."),
        &[once(Amount::Custom {
            currency: Currency::Usd,
            minimum: Some(Cents::new(300)),
            maximum: None,
            preset: Some(Cents::new(800)),
        })],
        &[],
    )?;
    catalogue.product(tx, (LITE, "The notes without the sync, for nothing."), &[once(Amount::Free)], &[])?;
    let free_monthly = NewPrice { recurring_interval: Some(RecurringInterval::Month), amount: Amount::Free };
    catalogue.product(
        tx,
        (
            PREVIEW,
            "Each month's build before everybody else has it. It costs nothing but your patience with it.",
        ),
        &[free_monthly],
        &[],
    )?;
    let classic = catalogue.product(
        tx,
        (CLASSIC, "The first Nimbus. Who bought it keeps it; it is not sold any more."),
        &[once(fixed(3900))],
        &[],
    )?;
    let archived = UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() };
    products::update(tx, &catalogue.tenancy, classic, &archived)?;
    products::set_benefits(tx, &catalogue.tenancy, pro, &[benefits.pro, benefits.support])?;
    products::set_benefits(tx, &catalogue.tenancy, team, &[benefits.team, benefits.support])?;

    let now = tx.now();
    let part = |basis_points| Reduction::Percentage { basis_points };
    let five = Reduction::Fixed { amount: Cents::new(500), currency: Currency::Usd };
    let launch = catalogue.discount(
        tx,
        ("Launch week", Some(CODE)),
        (part(2000), Span::Once),
        Terms { ends_at: Some(now.add_seconds(60 * DAY)), max_redemptions: Some(500), products: vec![] },
    )?;
    catalogue.discount(tx, ("Five dollars off", Some("FIVEOFF")), (five, Span::Once), Terms::default())?;
    let half_a_year = (part(5000), Span::Months(6));
    let for_pro = Terms { products: vec![pro], ..Terms::default() };
    catalogue.discount(tx, ("Students", Some("STUDENT50")), half_a_year, for_pro)?;
    let partners = ("Partners", None);
    catalogue.discount(tx, partners, (part(1500), Span::Forever), Terms::default())?;

    catalogue.link(tx, Sold::Product(pro), "Pricing page", Some(launch))?;
    catalogue.link(tx, Sold::Product(team), "Team page", None)
}

fn fixed(cents: i64) -> Amount {
    Amount::Fixed { currency: Currency::Usd, amount: Cents::new(cents) }
}

/// When a discount can be redeemed, how often, and for what.
#[derive(Default)]
struct Terms {
    ends_at: Option<Timestamp>,
    max_redemptions: Option<i64>,
    products: Vec<Id<Product>>,
}

struct Catalogue {
    organization_id: Id<Organization>,
    tenancy: Tenancy,
}

impl Catalogue {
    fn field(
        &self,
        tx: &mut Tx<'_>,
        r#type: CustomFieldType,
        (slug, name): (&str, &str),
        properties: Value,
    ) -> Result<Id<CustomField>> {
        let slug: FieldSlug =
            slug.parse().map_err(|problem| Refusal::bad_request(format!("{slug}: {problem}")))?;
        let properties =
            serde_json::from_value(properties).map_err(|error| Refusal::bad_request(error.to_string()))?;
        let command = CreateCustomField {
            organization_id: self.organization_id,
            r#type,
            slug,
            name: name.to_owned(),
            properties,
            metadata: Metadata::default(),
        };
        Ok(custom_fields::create(tx, &command)?.id)
    }

    fn product(
        &self,
        tx: &mut Tx<'_>,
        (name, description): (&str, &str),
        prices: &[NewPrice],
        fields: &[(Id<CustomField>, bool)],
    ) -> Result<Id<Product>> {
        let attach = |(custom_field_id, required): &(Id<CustomField>, bool)| AttachField {
            custom_field_id: *custom_field_id,
            required: *required,
        };
        let command = CreateProduct {
            organization_id: self.organization_id,
            name: name.to_owned(),
            description: Some(description.to_owned()),
            prices: prices.to_vec(),
            medias: Vec::new(),
            fields: fields.iter().map(attach).collect(),
            metadata: Metadata::default(),
        };
        Ok(products::create(tx, &command)?.id)
    }

    fn discount(
        &self,
        tx: &mut Tx<'_>,
        (name, code): (&str, Option<&str>),
        (reduction, span): (Reduction, Span),
        terms: Terms,
    ) -> Result<Id<Discount>> {
        let code = code.map(DiscountCode::parse).transpose();
        let command = CreateDiscount {
            organization_id: self.organization_id,
            name: name.to_owned(),
            reduction,
            span,
            code: code.map_err(|problem| Refusal::bad_request(problem.to_string()))?,
            starts_at: None,
            ends_at: terms.ends_at,
            max_redemptions: terms.max_redemptions,
            products: terms.products,
            metadata: Metadata::default(),
        };
        Ok(discounts::create(tx, &command)?.id)
    }

    fn link(
        &self,
        tx: &mut Tx<'_>,
        sold: Sold,
        label: &str,
        discount_id: Option<Id<Discount>>,
    ) -> Result<()> {
        let command = CreateCheckoutLink {
            sold,
            payment_processor: PaymentProcessor::default(),
            label: Some(label.to_owned()),
            allow_discount_codes: true,
            discount_id,
            success_url: None,
            metadata: Metadata::default(),
        };
        checkout_links::create(tx, &self.tenancy, &command).map(drop)
    }
}
