//! What changes products.

use merak_store::{Sql, Tx};
use serde_json::Value;

use super::price::{NewPrice, Price, PriceChange};
use super::rules::{self, PriceTerms, Standing};
use super::{AttachField, Product, contents, queries, set_benefits, set_fields, set_medias};
use crate::access::Tenancy;
use crate::events::{self, EventType};
use crate::files::File;
use crate::kit::{Id, Metadata, Refusal, Result, at};
use crate::organizations::Organization;
use crate::search;

/// A new product.
#[derive(Clone, Debug)]
pub struct CreateProduct {
    /// Who sells it.
    pub organization_id: Id<Organization>,
    /// What it is called.
    pub name: String,
    /// What buyers read about it.
    pub description: Option<String>,
    /// What it costs.
    pub prices: Vec<NewPrice>,
    /// Its pictures, in order.
    pub medias: Vec<Id<File>>,
    /// What its buyers are asked, in order.
    pub fields: Vec<AttachField>,
    /// The organization's own notes.
    pub metadata: Metadata,
}

/// Makes a product, if these can be its prices.
pub fn create(tx: &mut Tx<'_>, command: &CreateProduct) -> Result<Product> {
    if let Err(problem) = rules::check_prices(&command.prices) {
        let sent: Vec<Value> =
            command.prices.iter().map(|price| PriceChange::Add(*price).as_sent()).collect();
        return Err(Refusal::invalid(at("body").field("prices").value_error(problem.to_string(), sent)));
    }
    let id = Id::new(tx);
    let prices = new_prices(tx, id, 0, &command.prices);
    let standing = Standing::of(&prices);
    let product = Product {
        id,
        organization_id: command.organization_id,
        name: command.name.clone(),
        description: command.description.clone(),
        is_archived: false,
        metadata: command.metadata.clone(),
        is_recurring: standing.is_recurring,
        first_price_type: standing.first_price_type,
        first_price_amount_type: standing.first_price_amount_type,
        first_price_amount: standing.first_price_amount,
        created_at: tx.now(),
        // Clients of the reference see a time here from the beginning.
        modified_at: Some(tx.now()),
        deleted_at: None,
    };
    tx.insert(&product)?;
    search::add(tx, &product)?;
    for price in &prices {
        tx.insert(price)?;
    }
    set_medias::set_medias(tx, &product, &command.medias)?;
    set_fields::set_fields(tx, &product, &command.fields)?;
    count(tx, &product, 1)?;
    events::emit(tx, product.organization_id, EventType::ProductCreated, id.uuid())?;
    Ok(product)
}

/// A change of a product. Absent members stay as they are.
#[derive(Clone, Debug, Default)]
pub struct UpdateProduct {
    /// See [`Product::name`].
    pub name: Option<String>,
    /// See [`Product::description`]. It cannot be taken away.
    pub description: Option<String>,
    /// See [`Product::is_archived`].
    pub is_archived: Option<bool>,
    /// The complete new list of current prices: what is not kept is archived. Ids that are not current are passed over.
    pub prices: Option<Vec<PriceChange>>,
    /// Replaced as a whole.
    pub medias: Option<Vec<Id<File>>>,
    /// Replaced as a whole.
    pub fields: Option<Vec<AttachField>>,
    /// Replaced as a whole.
    pub metadata: Option<Metadata>,
}

/// Changes a product the caller may see.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<Product>,
    command: &UpdateProduct,
) -> Result<Product> {
    let before = queries::get(tx, tenancy, id)?;
    let mut product = before.clone();
    if let Some(name) = &command.name {
        product.name.clone_from(name);
    }
    if let Some(description) = &command.description {
        product.description = Some(description.clone());
    }
    if let Some(is_archived) = command.is_archived {
        product.is_archived = is_archived;
    }
    if let Some(metadata) = &command.metadata {
        product.metadata = metadata.clone();
    }
    let is_changed = product.name != before.name
        || product.description != before.description
        || product.is_archived != before.is_archived
        || product.metadata != before.metadata;
    if is_changed {
        product.modified_at = Some(tx.now());
    }
    let prices_changed = match &command.prices {
        Some(changes) => change_prices(tx, &mut product, changes)?,
        None => false,
    };
    if let Some(medias) = &command.medias {
        set_medias::set_medias(tx, &product, medias)?;
    }
    if let Some(fields) = &command.fields {
        set_fields::set_fields(tx, &product, fields)?;
    }
    if is_changed || prices_changed {
        store(tx, &before, &product)?;
    }
    // The shop is told of every change that was asked for, even of one that changes nothing.
    events::emit(tx, product.organization_id, EventType::ProductUpdated, id.uuid())?;
    Ok(product)
}

fn store(tx: &mut Tx<'_>, before: &Product, product: &Product) -> Result<()> {
    tx.changed_one(
        "UPDATE products SET name = $2, description = $3, is_archived = $4, metadata = $5, is_recurring = $6, \
         first_price_type = $7, first_price_amount_type = $8, first_price_amount = $9, modified_at = $10 WHERE id = $1",
        &[
            &product.id,
            &product.name,
            &product.description,
            &product.is_archived,
            &product.metadata,
            &product.is_recurring,
            &product.first_price_type,
            &product.first_price_amount_type,
            &product.first_price_amount,
            &product.modified_at,
        ],
    )?;
    if (before.is_archived, before.is_recurring) != (product.is_archived, product.is_recurring) {
        count(tx, before, -1)?;
        count(tx, product, 1)?;
        set_benefits::recount(tx, before, product)?;
    }
    search::change(tx, before, product)
}

/// Keeps, adds and archives prices. Returns whether any was added or archived.
fn change_prices(tx: &mut Tx<'_>, product: &mut Product, changes: &[PriceChange]) -> Result<bool> {
    let place = || at("body").field("prices");
    if changes.is_empty() {
        let empty = Value::Array(Vec::new());
        return Err(Refusal::invalid(place().problem("too_short", "A product needs a price.", empty)));
    }
    let current = contents::prices_of(tx, &[product.id])?.remove(&product.id).unwrap_or_default();
    let is_kept = |price: &Price| changes.contains(&PriceChange::Keep(price.id));
    let (mut prices, archived): (Vec<Price>, Vec<Price>) = current.into_iter().partition(is_kept);
    let added: Vec<NewPrice> = changes
        .iter()
        .filter_map(|change| match change {
            PriceChange::Add(price) => Some(*price),
            PriceChange::Keep(_) => None,
        })
        .collect();
    if prices.is_empty() && added.is_empty() {
        let unknown = |(n, change): (usize, &PriceChange)| {
            place().index(n).value_error("This is not a current price of the product.", change.as_sent())
        };
        return Err(Refusal::invalid_all(changes.iter().enumerate().map(unknown).collect()));
    }
    if archived.is_empty() && added.is_empty() {
        return Ok(false);
    }
    let terms = prices.iter().map(PriceTerms::from).chain(added.iter().map(PriceTerms::from));
    if let Err(problem) = rules::check_prices(terms) {
        let sent: Vec<Value> = changes.iter().map(PriceChange::as_sent).collect();
        return Err(Refusal::invalid(place().value_error(problem.to_string(), sent)));
    }
    archive(tx, &archived)?;
    let next: i64 = tx.one(
        "SELECT coalesce(max(position) + 1, 0) FROM product_prices WHERE product_id = $1",
        &[&product.id],
    )?;
    let added = new_prices(tx, product.id, next, &added);
    for price in &added {
        tx.insert(price)?;
    }
    prices.extend(added);
    let standing = Standing::of(&prices);
    product.is_recurring = standing.is_recurring;
    product.first_price_type = standing.first_price_type;
    product.first_price_amount_type = standing.first_price_amount_type;
    product.first_price_amount = standing.first_price_amount;
    Ok(true)
}

fn archive(tx: &mut Tx<'_>, prices: &[Price]) -> Result<()> {
    if prices.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("UPDATE product_prices SET is_archived = TRUE, modified_at = ");
    sql.bind(tx.now()).push(" WHERE id IN ").bind_list(prices.iter().map(|price| price.id));
    tx.apply(&sql)?;
    Ok(())
}

fn new_prices(tx: &mut Tx<'_>, product_id: Id<Product>, first: i64, prices: &[NewPrice]) -> Vec<Price> {
    let now = tx.now();
    (first..).zip(prices).map(|(position, price)| price.row(Id::new(tx), product_id, position, now)).collect()
}

/// Keeps the total of the list that the product is in.
pub(super) fn count(tx: &mut Tx<'_>, product: &Product, change: i64) -> Result<()> {
    tx.execute(
        "INSERT INTO product_counts (organization_id, is_archived, is_recurring, products) VALUES ($1, $2, $3, 0) \
         ON CONFLICT (organization_id, is_archived, is_recurring) DO NOTHING",
        &[&product.organization_id, &product.is_archived, &product.is_recurring],
    )?;
    Ok(tx.changed_one(
        "UPDATE product_counts SET products = products + $4 \
         WHERE organization_id = $1 AND is_archived = $2 AND is_recurring = $3",
        &[&product.organization_id, &product.is_archived, &product.is_recurring, &change],
    )?)
}
