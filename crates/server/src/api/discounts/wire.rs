//! How discounts look on the wire. Requests are checked by four shapes and then read into one struct for all.

use merak_core::discounts::{
    CompleteDiscount, DiscountCode, DiscountDuration, DiscountType, Reduction, Span,
};
use merak_core::kit::{Cents, Currency, Id, LONGEST_NAME, Metadata, Patch};
use merak_core::organizations::Organization;
use merak_core::products::Product;
use merak_store::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::api::shared::discount::{SHAPES, shapes};
use crate::api::shared::{DiscountMinimal, DiscountProduct};
use crate::wire::{Components, Described, one_of_named};

fn nullable(schema: &Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

fn name() -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "description": "What buyers see."})
}

fn code() -> Value {
    json!({"anyOf": [
        {"type": "string", "format": "discount-code", "x-trim": true,
         "description": "What buyers type: 3 to 256 letters and numbers, in any letter case. Without one you give the \
                         discount yourself."},
        {"type": "null"}
    ]})
}

fn time(description: &str) -> Value {
    json!({"anyOf": [
        {"type": "string", "format": "date-time", "description": description},
        {"type": "null"}
    ]})
}

/// A discount starts before it ends.
const TIMES: [&str; 2] = ["starts_at", "ends_at"];

fn max_redemptions() -> Value {
    nullable(&json!({"type": "integer", "minimum": 1, "description": "How often it can be redeemed."}))
}

fn months() -> Value {
    json!({"type": "integer", "minimum": 1, "description": "For how many months of the calendar it repeats."})
}

fn amount() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": Cents::GREATEST_PRICE.get(),
           "description": "How much is taken off, in cents."})
}

fn currency() -> Value {
    json!({"type": "string", "pattern": "^usd$", "default": "usd"})
}

fn basis_points() -> Value {
    json!({"type": "integer", "minimum": 1, "maximum": 10_000,
           "description": "How many ten-thousandths are taken off."})
}

fn product_ids() -> Value {
    nullable(&json!({"type": "array", "items": {"type": "string", "format": "uuid4"}, "maxItems": 100,
                     "description": "The products it is for; none means all."}))
}

/// A discount to be made, of whatever shape.
#[derive(Clone, Debug, Deserialize)]
pub struct DiscountCreate {
    duration: DiscountDuration,
    duration_in_months: Option<i64>,
    r#type: DiscountType,
    amount: Option<Cents>,
    #[serde(default)]
    currency: Currency,
    basis_points: Option<i64>,
    #[serde(default)]
    pub metadata: Metadata,
    pub name: String,
    pub code: Option<DiscountCode>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub max_redemptions: Option<i64>,
    pub products: Option<Vec<Id<Product>>>,
    pub organization_id: Option<Id<Organization>>,
}

impl DiscountCreate {
    /// What it takes off. The schema has seen to it that what the type needs is there.
    pub fn reduction(&self) -> Reduction {
        match self.r#type {
            DiscountType::Fixed => {
                Reduction::Fixed { amount: self.amount.unwrap_or_default(), currency: self.currency }
            }
            DiscountType::Percentage => {
                Reduction::Percentage { basis_points: self.basis_points.unwrap_or_default() }
            }
        }
    }

    /// For how long.
    pub fn span(&self) -> Span {
        match self.duration {
            DiscountDuration::Once => Span::Once,
            DiscountDuration::Forever => Span::Forever,
            DiscountDuration::Repeating => Span::Months(self.duration_in_months.unwrap_or_default()),
        }
    }
}

impl Described for DiscountCreate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "DiscountCreate", |components| {
            let mut mapping = Map::new();
            let branches: Vec<Value> = SHAPES
                .iter()
                .map(|(r#type, repeats, part, tag)| {
                    let name = format!("Discount{part}DurationCreate");
                    let branch = one_of_named(components, &name, |components| {
                        created_shape(*r#type, *repeats, components)
                    });
                    mapping.insert((*tag).to_owned(), branch["$ref"].clone());
                    branch
                })
                .collect();
            let once_forever = json!({"once": "once_forever", "forever": "once_forever"});
            json!({
                "oneOf": branches,
                "x-discriminator": {
                    "parts": [
                        {"propertyName": "type"},
                        {"propertyName": "duration", "classes": once_forever, "others": "repeat"}
                    ],
                    "mapping": mapping
                }
            })
        })
    }
}

fn created_shape(r#type: DiscountType, repeats: bool, components: &mut Components) -> Value {
    let mut members = json!({"duration": DiscountDuration::schema(components)});
    let mut required = vec!["duration"];
    if repeats {
        members["duration_in_months"] = months();
        required.push("duration_in_months");
    }
    members["type"] = DiscountType::schema(components);
    required.push("type");
    match r#type {
        DiscountType::Fixed => {
            members["amount"] = amount();
            members["currency"] = currency();
            required.push("amount");
        }
        DiscountType::Percentage => {
            members["basis_points"] = basis_points();
            required.push("basis_points");
        }
    }
    members["metadata"] = Metadata::schema(components);
    members["name"] = name();
    required.push("name");
    members["code"] = code();
    members["starts_at"] = time("Since when it can be redeemed.");
    members["ends_at"] = time("Until when it can be redeemed.");
    members["max_redemptions"] = max_redemptions();
    members["products"] = product_ids();
    members["organization_id"] = nullable(&json!({"type": "string", "format": "uuid4"}));
    json!({"type": "object", "properties": members, "required": required, "x-ordered": TIMES})
}

/// A change of a discount, of whatever shape.
#[derive(Clone, Debug, Deserialize)]
pub struct DiscountUpdate {
    pub metadata: Option<Metadata>,
    pub name: Option<String>,
    #[serde(default)]
    pub code: Patch<DiscountCode>,
    #[serde(default)]
    pub starts_at: Patch<Timestamp>,
    #[serde(default)]
    pub ends_at: Patch<Timestamp>,
    #[serde(default)]
    pub max_redemptions: Patch<i64>,
    pub duration: Option<DiscountDuration>,
    pub duration_in_months: Option<i64>,
    pub r#type: Option<DiscountType>,
    pub amount: Option<Cents>,
    pub currency: Option<Currency>,
    pub basis_points: Option<i64>,
    pub products: Option<Vec<Id<Product>>>,
}

impl Described for DiscountUpdate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "DiscountUpdate", |components| {
            json!({
                "type": "object",
                "properties": {
                    "metadata": nullable(&Metadata::schema(components)),
                    "name": nullable(&name()),
                    "code": code(),
                    "starts_at": time("Since when it can be redeemed."),
                    "ends_at": time("Until when it can be redeemed."),
                    "max_redemptions": max_redemptions(),
                    "duration": nullable(&DiscountDuration::schema(components)),
                    "duration_in_months": nullable(&months()),
                    "type": nullable(&DiscountType::schema(components)),
                    "amount": nullable(&amount()),
                    "currency": nullable(&currency()),
                    "basis_points": nullable(&basis_points()),
                    "products": product_ids()
                },
                "x-ordered": TIMES
            })
        })
    }
}

/// A reduction of prices, with the products that it is for.
#[derive(Clone, Debug, Serialize)]
pub struct Discount {
    #[serde(flatten)]
    pub minimal: DiscountMinimal,
    pub products: Vec<DiscountProduct>,
}

impl Described for Discount {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "Discount", |components| {
            shapes(
                components,
                "Discount{}Duration",
                |components| json!({"products": Vec::<DiscountProduct>::schema(components)}),
            )
        })
    }
}

impl From<CompleteDiscount> for Discount {
    fn from(complete: CompleteDiscount) -> Self {
        Self {
            minimal: complete.discount.into(),
            products: complete.products.into_iter().map(DiscountProduct::from).collect(),
        }
    }
}
