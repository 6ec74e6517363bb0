//! Discounts: the four shapes that a type and a duration make, and the members that all have.

use merak_core::discounts::{self, DiscountCode, DiscountDuration, DiscountType, Reduction, Span};
use merak_core::kit::{Cents, Currency, Id, Metadata};
use merak_core::organizations;
use merak_store::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::wire::{Components, Described, one_of_named};

impl Described for DiscountType {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "DiscountType",
            |_| json!({"type": "string", "enum": Self::TEXTS, "description": "Whether an amount is taken off, or a part."}),
        )
    }
}

impl Described for DiscountDuration {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "DiscountDuration", |_| {
            json!({
                "type": "string",
                "enum": Self::TEXTS,
                "description": "Whether the first payment for a subscription is reduced, all are, or those of some months."
            })
        })
    }
}

/// The types and durations that discounts differ by, in the contract's order: the type, whether it repeats, the part of
/// the schema names, and the name of the branch.
pub const SHAPES: [(DiscountType, bool, &str, &str); 4] = [
    (DiscountType::Fixed, false, "FixedOnceForever", "fixed.once_forever"),
    (DiscountType::Fixed, true, "FixedRepeat", "fixed.repeat"),
    (DiscountType::Percentage, false, "PercentageOnceForever", "percentage.once_forever"),
    (DiscountType::Percentage, true, "PercentageRepeat", "percentage.repeat"),
];

/// The four shapes of an answer, named by their part in the place of `{}`, with members in addition.
pub fn shapes(components: &mut Components, name: &str, added: impl Fn(&mut Components) -> Value) -> Value {
    let branches: Vec<Value> = SHAPES
        .iter()
        .map(|(r#type, repeats, part, _)| {
            one_of_named(components, &name.replace("{}", part), |components| {
                let mut members = members(*r#type, *repeats, components);
                if let (Some(members), Value::Object(added)) = (members.as_object_mut(), added(components)) {
                    members.extend(added);
                }
                let required: Vec<&String> = members.as_object().into_iter().flat_map(Map::keys).collect();
                json!({"type": "object", "properties": members, "required": required})
            })
        })
        .collect();
    json!({"oneOf": branches})
}

fn members(r#type: DiscountType, repeats: bool, components: &mut Components) -> Value {
    let nullable = |schema: Value| json!({"anyOf": [schema, {"type": "null"}]});
    let time = || json!({"type": "string", "format": "date-time"});
    let id = || json!({"type": "string", "format": "uuid4"});
    let mut members = json!({"duration": DiscountDuration::schema(components)});
    if repeats {
        members["duration_in_months"] = json!({"type": "integer"});
    }
    members["type"] = DiscountType::schema(components);
    match r#type {
        DiscountType::Fixed => {
            members["amount"] = json!({"type": "integer", "description": "How much is taken off, in cents."});
            members["currency"] = json!({"type": "string"});
        }
        DiscountType::Percentage => {
            members["basis_points"] =
                json!({"type": "integer", "description": "How many ten-thousandths are taken off."});
        }
    }
    let common = json!({
        "created_at": time(),
        "modified_at": nullable(time()),
        "id": id(),
        "metadata": Metadata::schema(components),
        "name": {"type": "string", "description": "What buyers see."},
        "code": nullable(json!({"type": "string", "description": "What buyers type."})),
        "starts_at": nullable(time()),
        "ends_at": nullable(time()),
        "max_redemptions": nullable(json!({"type": "integer"})),
        "redemptions_count": {"type": "integer", "description": "How often it was redeemed."},
        "organization_id": id()
    });
    if let (Some(members), Value::Object(common)) = (members.as_object_mut(), common) {
        members.extend(common);
    }
    members
}

/// A discount without the products that it is for, as it stands inside of other things. Members that its type or
/// duration does not have are absent: clients tell the shapes apart by them.
#[derive(Clone, Debug, Serialize)]
pub struct DiscountMinimal {
    pub duration: DiscountDuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_in_months: Option<i64>,
    pub r#type: DiscountType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_points: Option<i64>,
    pub created_at: Timestamp,
    pub modified_at: Option<Timestamp>,
    pub id: Id<discounts::Discount>,
    pub metadata: Metadata,
    pub name: String,
    pub code: Option<DiscountCode>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub max_redemptions: Option<i64>,
    pub redemptions_count: i64,
    pub organization_id: Id<organizations::Organization>,
}

impl Described for DiscountMinimal {
    fn schema(components: &mut Components) -> Value {
        shapes(components, "Discount{}DurationBase", |_| json!({}))
    }
}

impl From<discounts::Discount> for DiscountMinimal {
    fn from(discount: discounts::Discount) -> Self {
        let (reduction, span) = (discount.reduction(), discount.span());
        let (amount, currency, basis_points) = match reduction {
            Reduction::Fixed { amount, currency } => (Some(amount), Some(currency), None),
            Reduction::Percentage { basis_points } => (None, None, Some(basis_points)),
        };
        let duration_in_months = match span {
            Span::Once | Span::Forever => None,
            Span::Months(months) => Some(months),
        };
        Self {
            duration: span.duration(),
            duration_in_months,
            r#type: reduction.r#type(),
            amount,
            currency,
            basis_points,
            created_at: discount.created_at,
            modified_at: discount.modified_at,
            id: discount.id,
            metadata: discount.metadata,
            name: discount.name,
            code: discount.code,
            starts_at: discount.starts_at,
            ends_at: discount.ends_at,
            max_redemptions: discount.max_redemptions,
            redemptions_count: discount.redemptions_count,
            organization_id: discount.organization_id,
        }
    }
}

/// A discount as whoever buys sees it.
#[derive(Clone, Debug, Serialize)]
pub struct CheckoutDiscount {
    pub duration: DiscountDuration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_in_months: Option<i64>,
    pub r#type: DiscountType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_points: Option<i64>,
    pub id: Id<discounts::Discount>,
    pub name: String,
    pub code: Option<DiscountCode>,
}

/// What buyers do not see of a discount.
const FOR_SELLERS: [&str; 8] = [
    "created_at",
    "modified_at",
    "metadata",
    "starts_at",
    "ends_at",
    "max_redemptions",
    "redemptions_count",
    "organization_id",
];

impl Described for CheckoutDiscount {
    fn schema(components: &mut Components) -> Value {
        let union = shapes(components, "CheckoutDiscount{}Duration", |_| json!({}));
        for (_, _, part, _) in SHAPES {
            let schema = &mut components[&format!("CheckoutDiscount{part}Duration")];
            if let Some(members) = schema["properties"].as_object_mut() {
                members.retain(|name, _| !FOR_SELLERS.contains(&name.as_str()));
            }
            if let Some(names) = schema["required"].as_array_mut() {
                names.retain(|name| name.as_str().is_none_or(|name| !FOR_SELLERS.contains(&name)));
            }
        }
        union
    }
}

impl From<discounts::Discount> for CheckoutDiscount {
    fn from(discount: discounts::Discount) -> Self {
        let DiscountMinimal {
            duration,
            duration_in_months,
            r#type,
            amount,
            currency,
            basis_points,
            id,
            name,
            code,
            ..
        } = discount.into();
        Self { duration, duration_in_months, r#type, amount, currency, basis_points, id, name, code }
    }
}
