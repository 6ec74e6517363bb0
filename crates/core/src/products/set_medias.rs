//! The pictures of a product.

use merak_store::{Sql, Tx};

use super::Product;
use crate::files::{self, File, FileService};
use crate::kit::{Id, Refusal, Result, at};

/// Sets the pictures of a product: the complete list, in order. A picture may be named twice.
pub(super) fn set_medias(tx: &mut Tx<'_>, product: &Product, medias: &[Id<File>]) -> Result<()> {
    let known = files::find_many(tx, medias)?;
    let is_own = |id: Id<File>| known.iter().any(|file| file.id == id && is_picture_of(product, file));
    let foreign = medias.iter().enumerate().filter(|(_, id)| !is_own(**id));
    let problems: Vec<_> = foreign
        .map(|(n, id)| {
            let place = at("body").field("medias").index(n);
            place
                .value_error("This is not an uploaded picture of the product's organization.", id.to_string())
        })
        .collect();
    if !problems.is_empty() {
        return Err(Refusal::invalid_all(problems));
    }
    tx.execute("DELETE FROM product_medias WHERE product_id = $1", &[&product.id])?;
    if medias.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("INSERT INTO product_medias (product_id, position, file_id) VALUES ");
    for (position, file_id) in (0_i64..).zip(medias) {
        sql.push(if position == 0 { "(" } else { ", (" });
        sql.bind(product.id).push(", ").bind(position).push(", ").bind(*file_id).push(")");
    }
    tx.apply(&sql)?;
    Ok(())
}

fn is_picture_of(product: &Product, file: &File) -> bool {
    file.organization_id == product.organization_id
        && file.service == FileService::ProductMedia
        && file.is_uploaded
        && file.is_enabled
}
