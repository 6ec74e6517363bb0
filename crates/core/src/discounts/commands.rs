//! What changes discounts.

use std::collections::HashSet;

use merak_store::{Engine, Param, ResultExt, Timestamp, Tx};

use super::{Discount, DiscountCode, DiscountDuration, DiscountType, Reduction, Span, queries};
use crate::access::Tenancy;
use crate::kit::{Cents, Currency, FieldProblem, Id, Metadata, Patch, Place, Refusal, Result, at};
use crate::organizations::Organization;
use crate::products::{self, Product};
use crate::search;

/// A new discount.
#[derive(Clone, Debug)]
pub struct CreateDiscount {
    /// Whose discount.
    pub organization_id: Id<Organization>,
    /// What buyers see.
    pub name: String,
    /// What it takes off.
    pub reduction: Reduction,
    /// For how long it reduces what a subscription costs.
    pub span: Span,
    /// What buyers type.
    pub code: Option<DiscountCode>,
    /// Since when it can be redeemed.
    pub starts_at: Option<Timestamp>,
    /// Until when it can be redeemed.
    pub ends_at: Option<Timestamp>,
    /// How often it can be redeemed.
    pub max_redemptions: Option<i64>,
    /// The products it is for, each once; none means all.
    pub products: Vec<Id<Product>>,
    /// The organization's own notes.
    pub metadata: Metadata,
}

/// Makes a discount. A code that a live discount of the organization has is refused, in any letter case.
pub fn create(tx: &mut Tx<'_>, command: &CreateDiscount) -> Result<Discount> {
    let class = match command.span {
        Span::Once | Span::Forever => "once_forever",
        Span::Months(_) => "repeat",
    };
    let shape = format!("{}.{class}", command.reduction.r#type());
    check_order(command.starts_at, command.ends_at, at("body").field(shape))?;
    let products = checked(tx, command.organization_id, &command.products)?;
    let (amount, currency, basis_points) = match command.reduction {
        Reduction::Fixed { amount, currency } => (Some(amount), Some(currency), None),
        Reduction::Percentage { basis_points } => (None, None, Some(basis_points)),
    };
    let discount = Discount {
        id: Id::new(tx),
        organization_id: command.organization_id,
        name: command.name.clone(),
        r#type: command.reduction.r#type(),
        amount,
        currency,
        basis_points,
        duration: command.span.duration(),
        duration_in_months: match command.span {
            Span::Once | Span::Forever => None,
            Span::Months(months) => Some(months),
        },
        code: command.code.clone(),
        starts_at: command.starts_at,
        ends_at: command.ends_at,
        max_redemptions: command.max_redemptions,
        redemptions_count: 0,
        metadata: command.metadata.clone(),
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    let (name_lower, code_lower) =
        (discount.name.to_lowercase(), discount.code.as_ref().map(|code| code.as_str().to_lowercase()));
    // PostgreSQL writes these itself. On SQLite a trigger would, which costs as much as the row.
    let others: &[(_, &dyn Param)] = match tx.engine() {
        Engine::Sqlite => &[("name_lower", &name_lower), ("code_lower", &code_lower)],
        Engine::Postgres => &[],
    };
    tx.insert_with(&discount, others).on_constraint(CODE_KEY, || code_taken(&discount))?;
    restrict(tx, discount.id, &products)?;
    search::add(tx, &discount)?;
    count(tx, discount.organization_id, 1)?;
    Ok(discount)
}

const CODE_KEY: &str = "discounts_organization_id_code_key";

fn code_taken(discount: &Discount) -> Refusal {
    let code = discount.code.as_ref().map(DiscountCode::as_str);
    Refusal::invalid(at("body").field("code").value_error("A discount with this code already exists.", code))
}

fn check_order(starts_at: Option<Timestamp>, ends_at: Option<Timestamp>, place: Place) -> Result<()> {
    match (starts_at, ends_at) {
        (Some(starts_at), Some(ends_at)) if starts_at >= ends_at => {
            let times = serde_json::json!({"starts_at": starts_at, "ends_at": ends_at});
            Err(Refusal::invalid(place.value_error("A discount must start before it ends.", times)))
        }
        _ => Ok(()),
    }
}

/// The products, each once, if all are live products of the organization.
pub(super) fn checked(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
    ids: &[Id<Product>],
) -> Result<Vec<Id<Product>>> {
    let found = products::find_all(tx, ids)?;
    let own: HashSet<Id<Product>> = found
        .iter()
        .filter(|product| product.organization_id == organization_id)
        .map(|product| product.id)
        .collect();
    let unknown = ids.iter().enumerate().filter(|(_, id)| !own.contains(id));
    let problems: Vec<FieldProblem> = unknown
        .map(|(index, id)| {
            at("body").field("products").index(index).value_error("Product not found.", id.to_string())
        })
        .collect();
    if !problems.is_empty() {
        return Err(Refusal::invalid_all(problems));
    }
    let mut seen = HashSet::new();
    Ok(ids.iter().copied().filter(|id| seen.insert(*id)).collect())
}

/// Writes down the products that a discount is for.
pub(super) fn restrict(tx: &mut Tx<'_>, id: Id<Discount>, products: &[Id<Product>]) -> Result<()> {
    for (position, product_id) in (0_i64..).zip(products) {
        tx.execute(
            "INSERT INTO discount_products (discount_id, product_id, position) VALUES ($1, $2, $3)",
            &[&id, product_id, &position],
        )?;
    }
    Ok(())
}

/// Keeps the total of the list.
pub(super) fn count(tx: &mut Tx<'_>, organization_id: Id<Organization>, change: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO discount_counts (organization_id, discounts) VALUES ($1, 0) \
         ON CONFLICT (organization_id) DO NOTHING",
        &[&organization_id],
    )?;
    Ok(tx.changed_one(
        "UPDATE discount_counts SET discounts = discounts + $2 WHERE organization_id = $1",
        &[&organization_id, &change],
    )?)
}

/// A change of a discount. Absent members stay as they are, and null clears where there is something to clear. Members
/// that the discount's type or duration does not have are passed over: clients send a currency with every change.
#[derive(Clone, Debug, Default)]
pub struct UpdateDiscount {
    /// See [`Discount::name`].
    pub name: Option<String>,
    /// See [`Discount::code`].
    pub code: Patch<DiscountCode>,
    /// See [`Discount::starts_at`].
    pub starts_at: Patch<Timestamp>,
    /// See [`Discount::ends_at`].
    pub ends_at: Patch<Timestamp>,
    /// See [`Discount::max_redemptions`]. It may be less than what was redeemed.
    pub max_redemptions: Patch<i64>,
    /// The type the caller believes it to have.
    pub r#type: Option<DiscountType>,
    /// The amount of a fixed discount that nobody has redeemed.
    pub amount: Option<Cents>,
    /// The currency of a fixed discount that nobody has redeemed.
    pub currency: Option<Currency>,
    /// The part of a percentage discount that nobody has redeemed.
    pub basis_points: Option<i64>,
    /// The duration the caller believes it to have.
    pub duration: Option<DiscountDuration>,
    /// The months of a repeating discount.
    pub duration_in_months: Option<i64>,
    /// Replaces the products it is for; an empty list means all.
    pub products: Option<Vec<Id<Product>>>,
    /// Replaced as a whole.
    pub metadata: Option<Metadata>,
}

/// Changes a discount the caller may see. Who has it already keeps what it was.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<Discount>,
    command: &UpdateDiscount,
) -> Result<Discount> {
    check_order(command.starts_at.value(), command.ends_at.value(), at("body"))?;
    let stored = queries::get(tx, tenancy, id)?;
    let mut discount = changed(&stored, command)?;
    if let Some(ids) = &command.products {
        let products = checked(tx, discount.organization_id, ids)?;
        tx.execute("DELETE FROM discount_products WHERE discount_id = $1", &[&id])?;
        restrict(tx, id, &products)?;
    }
    if terms(&discount) != terms(&stored) && discount.ends_at.is_some_and(|ends_at| ends_at < tx.now()) {
        let place = at("body").field("ends_at");
        let ends_at = serde_json::json!(discount.ends_at);
        return Err(Refusal::invalid(
            place.value_error("The end of a discount must be in the future.", ends_at),
        ));
    }
    if discount == stored {
        return Ok(discount);
    }
    discount.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE discounts SET name = $2, amount = $3, currency = $4, basis_points = $5, duration_in_months = $6, \
         code = $7, starts_at = $8, ends_at = $9, max_redemptions = $10, metadata = $11, modified_at = $12 \
         WHERE id = $1",
        &[
            &discount.id,
            &discount.name,
            &discount.amount,
            &discount.currency,
            &discount.basis_points,
            &discount.duration_in_months,
            &discount.code,
            &discount.starts_at,
            &discount.ends_at,
            &discount.max_redemptions,
            &discount.metadata,
            &discount.modified_at,
        ],
    )
    .on_constraint(CODE_KEY, || code_taken(&discount))?;
    search::change(tx, &stored, &discount)?;
    Ok(discount)
}

/// What a discount gives and when. While one of these changes, its end must not be over.
fn terms(discount: &Discount) -> impl PartialEq + use<> {
    let Discount { starts_at, ends_at, max_redemptions, duration_in_months, .. } = *discount;
    let Discount { amount, currency, basis_points, .. } = *discount;
    (starts_at, ends_at, max_redemptions, amount, currency, basis_points, duration_in_months)
}

/// The discount with the change, if the change is allowed.
fn changed(stored: &Discount, command: &UpdateDiscount) -> Result<Discount> {
    let mut discount = stored.clone();
    if let Some(duration) = command.duration.filter(|duration| *duration != stored.duration) {
        let sentence = "The duration of a discount can't be changed.";
        return Err(Refusal::invalid(at("body").field("duration").value_error(sentence, duration.as_str())));
    }
    if let Some(r#type) = command.r#type.filter(|r#type| *r#type != stored.r#type) {
        let sentence = "The type of a discount can't be changed.";
        return Err(Refusal::invalid(at("body").field("type").value_error(sentence, r#type.as_str())));
    }
    match stored.r#type {
        DiscountType::Fixed => {
            discount.amount = command.amount.or(stored.amount);
            discount.currency = command.currency.or(stored.currency);
        }
        DiscountType::Percentage => discount.basis_points = command.basis_points.or(stored.basis_points),
    }
    if stored.duration == DiscountDuration::Repeating {
        discount.duration_in_months = command.duration_in_months.or(stored.duration_in_months);
    }
    if stored.redemptions_count > 0 {
        let refused = |field: &'static str, input: serde_json::Value| {
            let sentence = "This can't be changed after the discount was redeemed.";
            Err(Refusal::invalid(at("body").field(field).value_error(sentence, input)))
        };
        if discount.amount != stored.amount {
            return refused("amount", serde_json::json!(discount.amount));
        }
        if discount.currency != stored.currency {
            return refused("currency", serde_json::json!(discount.currency));
        }
        if discount.basis_points != stored.basis_points {
            return refused("basis_points", serde_json::json!(discount.basis_points));
        }
    }
    if let Some(name) = &command.name {
        discount.name.clone_from(name);
    }
    command.code.clone().apply(&mut discount.code);
    command.starts_at.apply(&mut discount.starts_at);
    command.ends_at.apply(&mut discount.ends_at);
    command.max_redemptions.apply(&mut discount.max_redemptions);
    if let Some(metadata) = &command.metadata {
        discount.metadata.clone_from(metadata);
    }
    Ok(discount)
}

/// Deletes a discount the caller may see. It cannot be redeemed any more, and its code is free; who has it keeps it.
pub fn delete(tx: &mut Tx<'_>, tenancy: &Tenancy, id: Id<Discount>) -> Result<()> {
    let discount = queries::get(tx, tenancy, id)?;
    let now = tx.now();
    tx.changed_one("UPDATE discounts SET deleted_at = $2, modified_at = $2 WHERE id = $1", &[&id, &now])?;
    search::remove(tx, &discount)?;
    count(tx, discount.organization_id, -1)
}
