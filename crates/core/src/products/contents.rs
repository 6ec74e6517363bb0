//! What belongs to products, read for a whole page of them by one statement a kind.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{FromRow, ReadTx, Sql, row};

use super::{Price, Product};
use crate::benefits::Benefit;
use crate::custom_fields::CustomField;
use crate::files::File;
use crate::kit::{Id, Result};

/// A product with what everybody may see of it.
#[derive(Clone, Debug)]
pub struct PublicProduct {
    /// The product.
    pub product: Product,
    /// Its current prices, the oldest first.
    pub prices: Vec<Price>,
    /// What comes with it, in the seller's order.
    pub benefits: Vec<Benefit>,
    /// Its pictures, in the seller's order.
    pub medias: Vec<File>,
}

/// A product with everything that belongs to it, as its seller sees it.
#[derive(Clone, Debug)]
pub struct CompleteProduct {
    /// What everybody may see.
    pub public: PublicProduct,
    /// What its buyers are asked, in the seller's order.
    pub fields: Vec<Question>,
}

row! {
    /// A custom field on a product.
    #[derive(Clone, Debug)]
    pub struct AttachedField in "product_custom_fields" {
        /// The product.
        pub product_id: Id<Product>,
        /// The place on the product, from 0.
        pub position: i64,
        /// The field.
        pub custom_field_id: Id<CustomField>,
        /// Whether buyers must answer.
        pub required: bool,
    }
}

/// A field as a product asks it.
pub type Question = (AttachedField, CustomField);

/// Reads what belongs to these products and everybody may see.
pub fn public(tx: &mut ReadTx<'_>, products: Vec<Product>) -> Result<Vec<PublicProduct>> {
    let ids: Vec<Id<Product>> = products.iter().map(|product| product.id).collect();
    let mut prices = prices_of(tx, &ids)?;
    let mut benefits = benefits_of(tx, &ids)?;
    let mut medias = medias_of(tx, &ids)?;
    let with_contents = |product: Product| PublicProduct {
        prices: prices.remove(&product.id).unwrap_or_default(),
        benefits: benefits.remove(&product.id).unwrap_or_default(),
        medias: medias.remove(&product.id).unwrap_or_default(),
        product,
    };
    Ok(products.into_iter().map(with_contents).collect())
}

/// Reads everything that belongs to these products.
pub fn complete(tx: &mut ReadTx<'_>, products: Vec<Product>) -> Result<Vec<CompleteProduct>> {
    let ids: Vec<Id<Product>> = products.iter().map(|product| product.id).collect();
    let mut fields = fields_of(tx, &ids)?;
    let with_contents = |public: PublicProduct| CompleteProduct {
        fields: fields.remove(&public.product.id).unwrap_or_default(),
        public,
    };
    Ok(public(tx, products)?.into_iter().map(with_contents).collect())
}

/// Reads everything that belongs to this product.
pub fn complete_one(tx: &mut ReadTx<'_>, product: Product) -> Result<CompleteProduct> {
    let completed = complete(tx, vec![product])?.pop();
    Ok(completed.expect("one product was given and so one is complete"))
}

/// What buyers of a product are asked, in the seller's order.
pub fn questions(tx: &mut ReadTx<'_>, product_id: Id<Product>) -> Result<Vec<Question>> {
    Ok(fields_of(tx, &[product_id])?.remove(&product_id).unwrap_or_default())
}

/// The current prices of each of these products, the oldest first.
pub(super) fn prices_of(
    tx: &mut ReadTx<'_>,
    products: &[Id<Product>],
) -> Result<HashMap<Id<Product>, Vec<Price>>> {
    const SQL: &str = concatcp!(
        "SELECT product_prices.product_id, ",
        Price::COLUMNS,
        " FROM product_prices WHERE NOT product_prices.is_archived AND product_prices.product_id IN "
    );
    each(tx, SQL, products, "product_prices.product_id, product_prices.position")
}

/// The live benefits of each of these products, in the seller's order.
pub fn benefits_of(
    tx: &mut ReadTx<'_>,
    products: &[Id<Product>],
) -> Result<HashMap<Id<Product>, Vec<Benefit>>> {
    const SQL: &str = concatcp!(
        "SELECT product_benefits.product_id, ",
        Benefit::COLUMNS,
        " FROM product_benefits JOIN benefits ON benefits.id = product_benefits.benefit_id \
         WHERE benefits.deleted_at IS NULL AND product_benefits.product_id IN "
    );
    each(tx, SQL, products, "product_benefits.product_id, product_benefits.position")
}

fn medias_of(tx: &mut ReadTx<'_>, products: &[Id<Product>]) -> Result<HashMap<Id<Product>, Vec<File>>> {
    const SQL: &str = concatcp!(
        "SELECT product_medias.product_id, ",
        File::COLUMNS,
        " FROM product_medias JOIN files ON files.id = product_medias.file_id \
         WHERE files.deleted_at IS NULL AND product_medias.product_id IN "
    );
    each(tx, SQL, products, "product_medias.product_id, product_medias.position")
}

fn fields_of(tx: &mut ReadTx<'_>, products: &[Id<Product>]) -> Result<HashMap<Id<Product>, Vec<Question>>> {
    const SQL: &str = concatcp!(
        "SELECT product_custom_fields.product_id, ",
        AttachedField::COLUMNS,
        ", ",
        CustomField::COLUMNS,
        " FROM product_custom_fields \
         JOIN custom_fields ON custom_fields.id = product_custom_fields.custom_field_id \
         WHERE custom_fields.deleted_at IS NULL AND product_custom_fields.product_id IN "
    );
    each(tx, SQL, products, "product_custom_fields.product_id, product_custom_fields.position")
}

/// Reads what belongs to products: `select` ends with `IN `, and its first column is the product.
fn each<T: FromRow>(
    tx: &mut ReadTx<'_>,
    select: &str,
    products: &[Id<Product>],
    order: &str,
) -> Result<HashMap<Id<Product>, Vec<T>>> {
    let mut found: HashMap<Id<Product>, Vec<T>> = HashMap::new();
    if products.is_empty() {
        return Ok(found);
    }
    let mut sql = Sql::new(select);
    sql.bind_list(products.iter().copied()).push(" ORDER BY ").push(order);
    for (product_id, thing) in tx.list::<(Id<Product>, T)>(&sql)? {
        found.entry(product_id).or_default().push(thing);
    }
    Ok(found)
}
