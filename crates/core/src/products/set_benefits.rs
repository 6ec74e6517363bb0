//! What comes with a product.

use std::collections::HashSet;

use merak_store::{Sql, Tx};

use super::{Product, contents, queries};
use crate::access::Tenancy;
use crate::benefits::{self, Benefit};
use crate::events::{self, EventType};
use crate::jobs::{self, Job};
use crate::kit::{FieldProblem, Id, Refusal, Result, at};
use crate::search::{self, Clock};

/// Sets what comes with a product the caller may see: the complete list, in order. What is named twice counts where it
/// stands first. A job brings everybody in line who bought the product before, and the shop is told, even if nothing
/// changed.
pub fn set_benefits(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<Product>,
    benefit_ids: &[Id<Benefit>],
) -> Result<Product> {
    let product = queries::get(tx, tenancy, id)?;
    let attached = contents::benefits_of(tx, &[id])?.remove(&id).unwrap_or_default();
    let known = benefits::find_all(tx, benefit_ids)?;
    let problems = problems(&product, &attached, &known, benefit_ids);
    if !problems.is_empty() {
        return Err(Refusal::invalid_all(problems));
    }
    let mut seen = HashSet::new();
    let wanted: Vec<Id<Benefit>> = benefit_ids.iter().copied().filter(|id| seen.insert(*id)).collect();
    let before: Vec<Id<Benefit>> = attached.iter().map(|benefit| benefit.id).collect();
    if wanted != before {
        replace(tx, id, &wanted)?;
        let added: Vec<_> = wanted.iter().copied().filter(|id| !before.contains(id)).collect();
        let removed: Vec<_> = before.iter().copied().filter(|id| !wanted.contains(id)).collect();
        count(tx, &product, &added, 1)?;
        count(tx, &product, &removed, -1)?;
        search::tick(tx, Clock::ProductBenefits, product.organization_id)?;
    }
    events::emit(tx, product.organization_id, EventType::ProductUpdated, id.uuid())?;
    jobs::enqueue(tx, &Job::UpdateGrantsOfProduct { product_id: id, after: None })?;
    Ok(product)
}

/// Puts these benefits, each once, on a product that has none yet.
pub(super) fn attach(tx: &mut Tx<'_>, product: &Product, benefit_ids: &[Id<Benefit>]) -> Result<()> {
    if benefit_ids.is_empty() {
        return Ok(());
    }
    replace(tx, product.id, benefit_ids)?;
    count(tx, product, benefit_ids, 1)?;
    search::tick(tx, Clock::ProductBenefits, product.organization_id)?;
    Ok(())
}

/// Keeps the totals of a product's benefits when it becomes one of another sort.
pub(super) fn recount(tx: &mut Tx<'_>, before: &Product, product: &Product) -> Result<()> {
    const ATTACHED: &str =
        "SELECT benefit_id FROM product_benefits WHERE product_id = $1 ORDER BY benefit_id";
    let benefit_ids: Vec<Id<Benefit>> = tx.all(ATTACHED, &[&product.id])?;
    if benefit_ids.is_empty() {
        return Ok(());
    }
    count(tx, before, &benefit_ids, -1)?;
    count(tx, product, &benefit_ids, 1)?;
    search::tick(tx, Clock::ProductBenefits, product.organization_id)?;
    Ok(())
}

/// Takes a benefit, which is being deleted, off all products.
pub fn remove_benefit(tx: &mut Tx<'_>, benefit: &Benefit) -> Result<()> {
    tx.execute("DELETE FROM product_benefits WHERE benefit_id = $1", &[&benefit.id])?;
    tx.execute("DELETE FROM product_benefit_counts WHERE benefit_id = $1", &[&benefit.id])?;
    search::tick(tx, Clock::ProductBenefits, benefit.organization_id)?;
    Ok(())
}

/// What keeps these from being the benefits of the product.
fn problems(
    product: &Product,
    attached: &[Benefit],
    known: &[Benefit],
    benefit_ids: &[Id<Benefit>],
) -> Vec<FieldProblem> {
    let place = || at("body").field("benefits");
    let is_attached = |id: Id<Benefit>| attached.iter().any(|benefit| benefit.id == id);
    let mut problems = Vec::new();
    for (n, id) in benefit_ids.iter().enumerate() {
        let own = known
            .iter()
            .find(|benefit| benefit.id == *id && benefit.organization_id == product.organization_id);
        let sentence = match own {
            None => "This is not a benefit of the product's organization.",
            Some(benefit) if !benefit.selectable && !is_attached(*id) => "This benefit can't be added.",
            Some(_) => continue,
        };
        problems.push(place().index(n).value_error(sentence, id.to_string()));
    }
    for benefit in attached {
        if !benefit.selectable && !benefit_ids.contains(&benefit.id) {
            problems.push(place().value_error("This benefit can't be removed.", benefit.id.to_string()));
        }
    }
    problems
}

fn replace(tx: &mut Tx<'_>, id: Id<Product>, benefit_ids: &[Id<Benefit>]) -> Result<()> {
    tx.execute("DELETE FROM product_benefits WHERE product_id = $1", &[&id])?;
    if benefit_ids.is_empty() {
        return Ok(());
    }
    let mut sql = Sql::new("INSERT INTO product_benefits (product_id, benefit_id, position) VALUES ");
    for (position, benefit_id) in (0_i64..).zip(benefit_ids) {
        sql.push(if position == 0 { "(" } else { ", (" });
        sql.bind(id).push(", ").bind(*benefit_id).push(", ").bind(position).push(")");
    }
    tx.apply(&sql)?;
    Ok(())
}

/// Keeps on how many products of this one's sort each of these benefits is.
fn count(tx: &mut Tx<'_>, product: &Product, benefit_ids: &[Id<Benefit>], change: i64) -> Result<()> {
    if benefit_ids.is_empty() {
        return Ok(());
    }
    let mut make = Sql::new(
        "INSERT INTO product_benefit_counts (benefit_id, is_archived, is_recurring, products) VALUES ",
    );
    for (n, benefit_id) in benefit_ids.iter().enumerate() {
        make.push(if n == 0 { "(" } else { ", (" }).bind(*benefit_id);
        make.push(", ").bind(product.is_archived).push(", ").bind(product.is_recurring).push(", 0)");
    }
    make.push(" ON CONFLICT (benefit_id, is_archived, is_recurring) DO NOTHING");
    tx.apply(&make)?;
    let mut update = Sql::new("UPDATE product_benefit_counts SET products = products + ");
    update.bind(change).push(" WHERE is_archived = ").bind(product.is_archived);
    update.push(" AND is_recurring = ").bind(product.is_recurring);
    update.push(" AND benefit_id IN ").bind_list(benefit_ids.iter().copied());
    tx.apply(&update)?;
    Ok(())
}
