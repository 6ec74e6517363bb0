//! Prices, whose members depend on how often they are paid and how their amount comes about.

use merak_core::kit::{Cents, Currency, Id};
use merak_core::products::{self, AmountType, PriceType, RecurringInterval};
use merak_store::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::wire::{Components, Described, nullable, object, one_of_named};

/// A price of a product.
#[derive(Clone, Debug, Serialize)]
pub struct ProductPrice {
    pub created_at: Timestamp,
    pub modified_at: Option<Timestamp>,
    pub id: Id<products::Price>,
    pub amount_type: AmountType,
    pub is_archived: bool,
    pub product_id: Id<products::Product>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_amount: Option<Cents>,
    /// Only what buyers choose has bounds, which may be null.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    pub r#type: PriceType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring_interval: Option<RecurringInterval>,
}

/// Between which amounts a buyer chooses.
#[derive(Clone, Debug, Serialize)]
pub struct Bounds {
    #[serde(rename = "minimum_amount")]
    pub minimum: Option<Cents>,
    #[serde(rename = "maximum_amount")]
    pub maximum: Option<Cents>,
    #[serde(rename = "preset_amount")]
    pub preset: Option<Cents>,
}

impl From<products::Price> for ProductPrice {
    fn from(price: products::Price) -> Self {
        let is_custom = price.amount_type == AmountType::Custom;
        Self {
            created_at: price.created_at,
            modified_at: price.modified_at,
            id: price.id,
            amount_type: price.amount_type,
            is_archived: price.is_archived,
            product_id: price.product_id,
            price_currency: price.price_currency,
            price_amount: price.price_amount,
            bounds: is_custom.then_some(Bounds {
                minimum: price.minimum_amount,
                maximum: price.maximum_amount,
                preset: price.preset_amount,
            }),
            r#type: price.r#type,
            recurring_interval: price.recurring_interval,
        }
    }
}

impl Described for PriceType {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "ProductPriceType",
            |_| json!({"type": "string", "enum": Self::TEXTS, "description": "Whether it is paid once or again and again."}),
        )
    }
}

impl Described for RecurringInterval {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "SubscriptionRecurringInterval",
            |_| json!({"type": "string", "enum": Self::TEXTS}),
        )
    }
}

/// The part of each schema name that says the type, and the part that says how the amount comes about.
pub const TYPES: [(PriceType, &str); 2] =
    [(PriceType::Recurring, "Recurring"), (PriceType::OneTime, "OneTime")];
/// See [`TYPES`].
pub const AMOUNT_TYPES: [(AmountType, &str); 3] =
    [(AmountType::Fixed, "Fixed"), (AmountType::Custom, "Custom"), (AmountType::Free, "Free")];

impl Described for ProductPrice {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "ProductPrice", |components| {
            let of_types = TYPES.map(|(r#type, name)| {
                let schema = one_of_named(components, &format!("ProductPrice{name}"), |components| {
                    let of_amounts = AMOUNT_TYPES.map(|(amount_type, amount_name)| {
                        let name = format!("ProductPrice{name}{amount_name}");
                        let schema = one_of_named(components, &name, |components| {
                            price_schema(r#type, amount_type, components)
                        });
                        (amount_type.as_str(), schema)
                    });
                    told_apart_by("amount_type", &of_amounts)
                });
                (r#type.as_str(), schema)
            });
            told_apart_by("type", &of_types)
        })
    }
}

fn told_apart_by(property: &str, branches: &[(&str, Value)]) -> Value {
    let schemas: Vec<&Value> = branches.iter().map(|(_, schema)| schema).collect();
    let mapping: Map<String, Value> =
        branches.iter().map(|(tag, schema)| ((*tag).to_owned(), schema["$ref"].clone())).collect();
    json!({"oneOf": schemas, "discriminator": {"propertyName": property, "mapping": mapping}})
}

fn price_schema(r#type: PriceType, amount_type: AmountType, components: &mut Components) -> Value {
    let id = json!({"type": "string", "format": "uuid4"});
    let time = json!({"type": "string", "format": "date-time"});
    let mut properties = json!({
        "created_at": time,
        "modified_at": nullable(time.clone()),
        "id": id,
        "amount_type": {"type": "string", "const": amount_type.as_str()},
        "is_archived": {"type": "boolean", "description": "Whether nobody can buy at it any more."},
        "product_id": id
    });
    let currency = json!({"type": "string", "description": "The currency, in three letters."});
    match amount_type {
        AmountType::Free => {}
        AmountType::Fixed => {
            properties["price_currency"] = currency;
            properties["price_amount"] =
                json!({"type": "integer", "description": "How much it costs, in cents."});
        }
        AmountType::Custom => {
            properties["price_currency"] = currency;
            let cents = |about: &str| nullable(json!({"type": "integer", "description": about}));
            properties["minimum_amount"] = cents("The least a buyer can choose, in cents.");
            properties["maximum_amount"] = cents("The most a buyer can choose, in cents.");
            properties["preset_amount"] = cents("What is proposed to a buyer, in cents.");
        }
    }
    properties["type"] = json!({"type": "string", "const": r#type.as_str()});
    if r#type == PriceType::Recurring {
        properties["recurring_interval"] = RecurringInterval::schema(components);
    }
    let required: Vec<String> = properties.as_object().into_iter().flat_map(Map::keys).cloned().collect();
    object(properties, &required.iter().map(String::as_str).collect::<Vec<_>>())
}
