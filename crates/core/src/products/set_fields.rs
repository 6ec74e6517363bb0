//! What the buyers of a product are asked.

use merak_store::{Sql, Tx};

use super::Product;
use crate::custom_fields::{self, CustomField};
use crate::kit::{Id, Refusal, Result, at};

/// A custom field to be put on a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttachField {
    /// The field.
    pub custom_field_id: Id<CustomField>,
    /// Whether buyers must answer.
    pub required: bool,
}

/// Sets what the buyers of a product are asked: the complete list, in order.
pub(super) fn set_fields(tx: &mut Tx<'_>, product: &Product, fields: &[AttachField]) -> Result<()> {
    let ids: Vec<Id<CustomField>> = fields.iter().map(|field| field.custom_field_id).collect();
    let known = custom_fields::find_many(tx, &ids)?;
    let is_own = |id: Id<CustomField>| {
        known.iter().any(|field| field.id == id && field.organization_id == product.organization_id)
    };
    let foreign = ids.iter().enumerate().filter(|(_, id)| !is_own(**id));
    let problems: Vec<_> = foreign
        .map(|(n, id)| {
            let place = at("body").field("attached_custom_fields").index(n);
            place.value_error("This is not a custom field of the product's organization.", id.to_string())
        })
        .collect();
    if !problems.is_empty() {
        return Err(Refusal::invalid_all(problems));
    }
    tx.execute("DELETE FROM product_custom_fields WHERE product_id = $1", &[&product.id])?;
    if fields.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new(
        "INSERT INTO product_custom_fields (product_id, position, custom_field_id, required) VALUES ",
    );
    for (position, field) in (0_i64..).zip(fields) {
        sql.push(if position == 0 { "(" } else { ", (" }).bind(product.id).push(", ").bind(position);
        sql.push(", ").bind(field.custom_field_id).push(", ").bind(field.required).push(")");
    }
    tx.apply(&sql)?;
    Ok(())
}
