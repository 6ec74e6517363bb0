//! Products that come from elsewhere.

use merak_store::{Timestamp, Tx};

use super::commands::count;
use super::rules::Standing;
use super::{AttachField, Price, Product, set_benefits, set_fields};
use crate::benefits::Benefit;
use crate::files::File;
use crate::kit::{Id, Imported, Metadata, Result, problem_of_name};
use crate::organizations::Organization;
use crate::search;

/// A product with everything that belongs to it.
#[derive(Clone, Debug)]
pub struct ImportProduct {
    /// The product's id.
    pub id: Id<Product>,
    /// Who sells it.
    pub organization_id: Id<Organization>,
    /// What it is called.
    pub name: String,
    /// What buyers read about it.
    pub description: Option<String>,
    /// Whether it is no longer sold.
    pub is_archived: bool,
    /// The organization's own notes.
    pub metadata: Metadata,
    /// All its prices, the oldest first; archived ones too.
    pub prices: Vec<Price>,
    /// What comes with it, in order.
    pub benefits: Vec<Id<Benefit>>,
    /// What its buyers are asked, in order.
    pub fields: Vec<AttachField>,
    /// Its pictures, in order.
    pub medias: Vec<Id<File>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
}

/// The ids of prices where they come from, each with the one it has here.
pub type PricesThereAndHere = Vec<(Id<Price>, Id<Price>)>;

/// Takes a product over with its prices, whose ids checkout links name. The prices stay as they are: the reference asks
/// less of those that a change leaves than of those that a product begins with, and without any it cannot be bought.
pub fn import(tx: &mut Tx<'_>, command: &ImportProduct) -> Result<(Imported<Product>, PricesThereAndHere)> {
    const OWNER: &str = "SELECT organization_id FROM products WHERE id = $1";
    if let Some(reason) = problem_of_name(&command.name) {
        return Ok((Imported::refused(reason), Vec::new()));
    }
    let current: Vec<Price> = command.prices.iter().filter(|price| !price.is_archived).cloned().collect();
    let standing = Standing::of(&current);
    let mut product = Product {
        id: command.id,
        organization_id: command.organization_id,
        name: command.name.clone(),
        description: command.description.clone(),
        is_archived: command.is_archived,
        metadata: command.metadata.clone(),
        is_recurring: standing.is_recurring,
        first_price_type: standing.first_price_type,
        first_price_amount_type: standing.first_price_amount_type,
        first_price_amount: standing.first_price_amount,
        created_at: command.created_at,
        modified_at: command.modified_at,
        deleted_at: None,
    };
    if !tx.insert_new(&product)? {
        if tx.find::<Id<Organization>>(OWNER, &[&product.id])? == Some(product.organization_id) {
            let same = command.prices.iter().map(|price| (price.id, price.id)).collect();
            return Ok((Imported::Found(product.id), same));
        }
        product.id = Id::new(tx);
        tx.insert(&product)?;
    }
    search::add(tx, &product)?;
    let mut prices = Vec::new();
    for (position, price) in (0_i64..).zip(&command.prices) {
        let mut row = Price { product_id: product.id, position, ..price.clone() };
        if !tx.insert_new(&row)? {
            row.id = Id::new(tx);
            tx.insert(&row)?;
        }
        prices.push((price.id, row.id));
    }
    set_benefits::attach(tx, &product, &command.benefits)?;
    set_fields::set_fields(tx, &product, &command.fields)?;
    for (position, file_id) in (0_i64..).zip(&command.medias) {
        tx.execute(
            "INSERT INTO product_medias (product_id, position, file_id) VALUES ($1, $2, $3)",
            &[&product.id, &position, file_id],
        )?;
    }
    count(tx, &product, 1)?;
    Ok((Imported::New(product.id), prices))
}
