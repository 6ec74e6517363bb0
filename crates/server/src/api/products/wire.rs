//! How products are written by their sellers. Prices come in five shapes, of which the content chooses one.

use merak_core::files::File;
use merak_core::kit::{Cents, Currency, Id, LONGEST_NAME, Metadata};
use merak_core::organizations;
use merak_core::products::{self, Amount, AmountType, AttachField, NewPrice, PriceType, RecurringInterval};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use crate::api::shared::price::{AMOUNT_TYPES, TYPES};
use crate::wire::{Components, Described, nullable, object, one_of_named, request};

/// A price to be made, of whatever shape.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct PriceCreate {
    pub amount_type: AmountType,
    pub recurring_interval: Option<RecurringInterval>,
    pub price_amount: Option<Cents>,
    #[serde(default)]
    pub price_currency: Currency,
    pub minimum_amount: Option<Cents>,
    pub maximum_amount: Option<Cents>,
    pub preset_amount: Option<Cents>,
}

impl From<PriceCreate> for NewPrice {
    fn from(price: PriceCreate) -> Self {
        let currency = price.price_currency;
        let amount = match (price.amount_type, price.price_amount) {
            (AmountType::Fixed, Some(amount)) => Amount::Fixed { currency, amount },
            (AmountType::Custom, _) => Amount::Custom {
                currency,
                minimum: price.minimum_amount,
                maximum: price.maximum_amount,
                preset: price.preset_amount,
            },
            // The schema asks for the amount of a fixed price.
            (AmountType::Free | AmountType::Fixed, _) => Amount::Free,
        };
        Self { recurring_interval: price.recurring_interval, amount }
    }
}

fn amount(about: &str) -> Value {
    json!({
        "type": "integer", "minimum": Cents::LEAST_PRICE, "maximum": Cents::GREATEST_PRICE, "description": about
    })
}

/// The shape of a price to be made; its name is in the errors about it.
fn price_schema(components: &mut Components, r#type: PriceType, amount_type: AmountType) -> Value {
    let part = |(_, name): &(_, &'static str)| *name;
    let type_name =
        TYPES.iter().find(|(known, _)| *known == r#type).map(|(_, name)| *name).unwrap_or_default();
    let amount_name =
        AMOUNT_TYPES.iter().find(|(known, _)| *known == amount_type).map(part).unwrap_or_default();
    one_of_named(components, &format!("ProductPrice{type_name}{amount_name}Create"), |components| {
        let mut properties = json!({
            "type": {"type": "string", "const": r#type.as_str()},
            "amount_type": {"type": "string", "const": amount_type.as_str()}
        });
        let mut required = vec!["type", "amount_type"];
        let currency =
            json!({"type": "string", "pattern": "^usd$", "default": "usd", "description": "The currency."});
        match amount_type {
            AmountType::Free => {}
            AmountType::Fixed => {
                properties["price_amount"] = amount("How much it costs, in cents.");
                properties["price_currency"] = currency;
                required.push("price_amount");
            }
            AmountType::Custom => {
                properties["price_currency"] = currency;
                properties["minimum_amount"] = nullable(amount("The least a buyer can choose, in cents."));
                properties["maximum_amount"] = nullable(amount("The most a buyer can choose, in cents."));
                properties["preset_amount"] = nullable(amount("What is proposed to a buyer, in cents."));
            }
        }
        if r#type == PriceType::Recurring {
            properties["recurring_interval"] = RecurringInterval::schema(components);
            required.push("recurring_interval");
        }
        object(properties, &required)
    })
}

/// The shapes in which prices that are paid once can be made, in the contract's order.
const ONE_TIME: [(PriceType, AmountType); 3] = [
    (PriceType::OneTime, AmountType::Fixed),
    (PriceType::OneTime, AmountType::Custom),
    (PriceType::OneTime, AmountType::Free),
];
/// The shapes in which recurring prices can be made.
const RECURRING: [(PriceType, AmountType); 2] =
    [(PriceType::Recurring, AmountType::Fixed), (PriceType::Recurring, AmountType::Free)];

/// The prices of a new product that is paid once.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct OneTimePrices(pub Vec<PriceCreate>);

impl Described for OneTimePrices {
    fn schema(components: &mut Components) -> Value {
        let shapes = ONE_TIME.map(|(r#type, amount_type)| price_schema(components, r#type, amount_type));
        json!({"type": "array", "items": {"anyOf": shapes}, "minItems": 1, "maxItems": 1})
    }
}

/// The prices of a new recurring product: up to two fixed ones, or a free one. The first one tells which.
fn recurring_prices(components: &mut Components) -> Value {
    let [fixed, free] = RECURRING.map(|(r#type, amount_type)| price_schema(components, r#type, amount_type));
    json!({
        "anyOf": [
            {"type": "array", "items": fixed, "minItems": 1, "maxItems": 2, "x-distinct": "recurring_interval"},
            {"type": "array", "items": free, "minItems": 1, "maxItems": 1}
        ],
        "x-choose": [{"where": {"/0/amount_type": "free"}, "branch": 1}, {"branch": 0}],
        "x-unlabelled": true
    })
}

request! {
    /// A new product that is paid once.
    pub struct ProductOneTimeCreate {
        /// The organization's own notes.
        #[serde(default)]
        pub metadata: Metadata = {"default": {}},
        /// What it is called.
        pub name: String = {"minLength": 3, "maxLength": LONGEST_NAME},
        /// What buyers read about it.
        pub description: Option<String> = {"x-trim": true},
        /// What it costs.
        pub prices: OneTimePrices,
        /// Its pictures, in order: uploaded files of the service `product_media`.
        pub medias: Option<Vec<Id<File>>> = {"maxItems": 100},
        /// What its buyers are asked, in order.
        #[serde(default)]
        pub attached_custom_fields: Vec<AttachedCustomFieldCreate> = {"default": [], "maxItems": 100},
        /// Who sells it. Left out with an organization's token, else required.
        pub organization_id: Option<Id<organizations::Organization>>,
    }
}

/// A new product. It is recurring if its first price is.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct ProductCreate(pub ProductOneTimeCreate);

impl Described for ProductCreate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "ProductCreate", |components| {
            let one_time = ProductOneTimeCreate::schema(components);
            let mut schema = components["ProductOneTimeCreate"].clone();
            let prices = recurring_prices(components);
            let recurring = one_of_named(components, "ProductRecurringCreate", |_| {
                schema["properties"]["prices"] = prices;
                schema["properties"]["prices"]["description"] = json!("What it costs.");
                schema["description"] = json!("A new product that is paid again and again.");
                schema
            });
            json!({
                "anyOf": [recurring, one_time],
                "x-choose": [{"where": {"/prices/0/type": "recurring"}, "branch": 0}, {"branch": 1}]
            })
        })
    }
}

request! {
    /// A custom field to be put on a product.
    pub struct AttachedCustomFieldCreate {
        /// The field's id.
        pub custom_field_id: Id<merak_core::custom_fields::CustomField>,
        /// Whether buyers must answer.
        pub required: bool,
    }

    /// A price that the product has already.
    pub struct ExistingProductPrice {
        /// The price's id.
        pub id: Id<products::Price>,
    }

    /// A change of a product.
    pub struct ProductUpdate {
        /// The organization's own notes, replaced as a whole.
        pub metadata: Option<Metadata>,
        /// What it is called.
        pub name: Option<String> = {"minLength": 3, "maxLength": LONGEST_NAME},
        /// What buyers read about it. A blank text changes nothing.
        pub description: Option<String> = {"x-trim": true},
        /// Whether it is no longer sold.
        pub is_archived: Option<bool>,
        /// The complete list of prices: those named by their id stay, new ones are added, all others are archived.
        pub prices: Option<Vec<PriceChange>> = {"maxItems": 100},
        /// Its pictures, in order, replaced as a whole.
        pub medias: Option<Vec<Id<File>>> = {"maxItems": 100},
        /// What its buyers are asked, in order, replaced as a whole.
        pub attached_custom_fields: Option<Vec<AttachedCustomFieldCreate>> = {"maxItems": 100},
    }

    /// What is to come with a product.
    pub struct ProductBenefitsUpdate {
        /// The complete list of benefits, in order.
        pub benefits: Vec<Id<merak_core::benefits::Benefit>> = {"maxItems": 100},
    }
}

impl From<&AttachedCustomFieldCreate> for AttachField {
    fn from(field: &AttachedCustomFieldCreate) -> Self {
        Self { custom_field_id: field.custom_field_id, required: field.required }
    }
}

/// An item of the new list of prices.
#[derive(Clone, Debug)]
pub enum PriceChange {
    /// A price that the product has.
    Existing(ExistingProductPrice),
    /// A price to be made.
    New(PriceCreate),
}

impl<'de> Deserialize<'de> for PriceChange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Serde's own way with such unions cannot read numbers of arbitrary precision.
        let item = Value::deserialize(deserializer)?;
        let read = if item.get("id").is_some() {
            serde_json::from_value(item).map(Self::Existing)
        } else {
            serde_json::from_value(item).map(Self::New)
        };
        read.map_err(D::Error::custom)
    }
}

impl From<&PriceChange> for products::PriceChange {
    fn from(change: &PriceChange) -> Self {
        match change {
            PriceChange::Existing(price) => Self::Keep(price.id),
            PriceChange::New(price) => Self::Add((*price).into()),
        }
    }
}

impl Described for PriceChange {
    fn schema(components: &mut Components) -> Value {
        let mut shapes = vec![ExistingProductPrice::schema(components)];
        let mut choose = vec![json!({"where": {"/id": true}, "branch": 0})];
        for (r#type, amount_type) in RECURRING.into_iter().chain(ONE_TIME) {
            let content = json!({"/type": r#type.as_str(), "/amount_type": amount_type.as_str()});
            choose.push(json!({"where": content, "branch": shapes.len()}));
            shapes.push(price_schema(components, r#type, amount_type));
        }
        // Who says only how often something is paid is told what is missing from the most usual shape of that.
        choose.push(json!({"where": {"/type": "recurring"}, "branch": 1}));
        choose.push(json!({"where": {"/type": "one_time"}, "branch": 3}));
        json!({"anyOf": shapes, "x-choose": choose})
    }
}
