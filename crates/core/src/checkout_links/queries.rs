//! What is read of checkout links.

use std::collections::{BTreeSet, HashMap};

use const_format::concatcp;
use merak_store::{PartitionedPage, ReadTx, Sql};

use super::{CheckoutLink, CheckoutLinkSort};
use crate::access::Tenancy;
use crate::discounts::{self, Discount};
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, at, order};
use crate::products::{self, Price, Product, PublicProduct};

/// The live link, if there is one; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<CheckoutLink>) -> Result<Option<CheckoutLink>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        CheckoutLink::COLUMNS,
        " FROM checkout_links WHERE id = $1 AND deleted_at IS NULL"
    );
    Ok(tx.find(SQL, &[&id])?)
}

/// The live link, if the caller may see it; else not found.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<CheckoutLink>) -> Result<CheckoutLink> {
    find(tx, id)?.filter(|link| tenancy.contains(link.organization_id)).ok_or_else(Refusal::not_found)
}

/// What whoever knows a link's secret can buy with it, and at which price: the link's own while it is current, else the
/// product's oldest. Not found if the link or what it sells is gone or its organization is blocked, refused if nothing
/// of the product is sold any more.
pub fn follow(tx: &mut ReadTx<'_>, client_secret: &str) -> Result<(CheckoutLink, Product, Price)> {
    const SQL: &str = concatcp!(
        "SELECT ",
        CheckoutLink::COLUMNS,
        ", ",
        Product::COLUMNS,
        " FROM checkout_links JOIN products ON products.id = checkout_links.product_id \
         JOIN organizations ON organizations.id = checkout_links.organization_id \
         WHERE client_secret = $1 AND checkout_links.deleted_at IS NULL AND products.deleted_at IS NULL \
         AND organizations.deleted_at IS NULL AND organizations.blocked_at IS NULL"
    );
    let found: Option<(CheckoutLink, Product)> = tx.find(SQL, &[&client_secret])?;
    let (link, product) = found.ok_or_else(Refusal::not_found)?;
    let refused = |member, sentence| {
        Refusal::invalid(at("body").field(member).value_error(sentence, product.id.to_string()))
    };
    if product.is_archived {
        return Err(refused("product_id", "This product is not sold any more."));
    }
    let own = match link.product_price_id {
        Some(id) => products::find_price(tx, id)?.filter(|price| !price.is_archived),
        None => None,
    };
    let price = match own {
        Some(price) => price,
        None => products::first_current_price(tx, product.id)?
            .ok_or_else(|| refused("product_price_id", "This product has no price."))?,
    };
    Ok((link, product, price))
}

/// A list of checkout links.
#[derive(Clone, Debug)]
pub struct ListCheckoutLinks {
    /// Only those that sell one of these; empty is no filter.
    pub product_ids: Vec<Id<Product>>,
    /// In which order.
    pub sorting: Vec<Sort<CheckoutLinkSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the live links of the given organizations, also of products that are archived.
pub fn list(
    tx: &mut ReadTx<'_>,
    tenancy: &Tenancy,
    wanted: &ListCheckoutLinks,
) -> Result<Paged<CheckoutLink>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| {
        sql.push(" AND checkout_links.deleted_at IS NULL");
    };
    let order = order(&wanted.sorting, "checkout_links.id");
    let page = PartitionedPage {
        table: "checkout_links",
        column: if wanted.product_ids.is_empty() { "organization_id" } else { "product_id" },
        filter: &filter,
        order: &order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    };
    let mut select = Sql::new(concatcp!("SELECT ", CheckoutLink::COLUMNS, " FROM checkout_links"));
    let mut count;
    if wanted.product_ids.is_empty() {
        count =
            Sql::new("SELECT CAST(coalesce(sum(checkout_links), 0) AS bigint) FROM checkout_link_counts ");
        count.push("WHERE organization_id IN ").bind_list(tenancy.ids().iter().copied());
        page.push(&mut select, tenancy.ids());
    } else {
        // A link belongs to its product's organization.
        let named = products::find_all(tx, &wanted.product_ids)?.into_iter();
        let own = named.filter(|product| tenancy.contains(product.organization_id));
        let own: Vec<Id<Product>> = own.map(|product| product.id).collect();
        count = Sql::new("SELECT CAST(coalesce(sum(checkout_links), 0) AS bigint) FROM product_link_counts ");
        count.push("WHERE product_id IN ").bind_list(own.iter().copied());
        page.push(&mut select, &own);
    }
    let total = tx.count(&count)?;
    Ok(Paged::new(tx.list(&select)?, total))
}

/// A link with what it sells.
#[derive(Clone, Debug)]
pub struct CompleteCheckoutLink {
    /// The link.
    pub link: CheckoutLink,
    /// What is sold.
    pub product: PublicProduct,
    /// At which price, if it says so; archived ones too.
    pub price: Option<Price>,
    /// The discount that buyers get, deleted ones too.
    pub discount: Option<Discount>,
}

/// Reads what these links sell, with one statement for each kind of thing.
pub fn complete(tx: &mut ReadTx<'_>, links: Vec<CheckoutLink>) -> Result<Vec<CompleteCheckoutLink>> {
    fn distinct<T>(ids: impl Iterator<Item = Id<T>>) -> Vec<Id<T>> {
        ids.collect::<BTreeSet<_>>().into_iter().collect()
    }
    let sold = products::find_all(tx, &distinct(links.iter().map(|link| link.product_id)))?;
    let sold = products::public(tx, sold)?.into_iter();
    let sold: HashMap<Id<Product>, PublicProduct> = sold.map(|public| (public.product.id, public)).collect();
    let prices = products::find_prices(tx, &distinct(links.iter().filter_map(|link| link.product_price_id)))?;
    let prices: HashMap<Id<Price>, Price> = prices.into_iter().map(|price| (price.id, price)).collect();
    let discounts = discounts::find_many(tx, &distinct(links.iter().filter_map(|link| link.discount_id)))?;
    let discounts: HashMap<Id<Discount>, Discount> =
        discounts.into_iter().map(|discount| (discount.id, discount)).collect();
    let complete = links.into_iter().map(|link| {
        Ok(CompleteCheckoutLink {
            product: sold.get(&link.product_id).cloned().ok_or_else(Refusal::not_found)?,
            price: link.product_price_id.and_then(|id| prices.get(&id).cloned()),
            discount: link.discount_id.and_then(|id| discounts.get(&id).cloned()),
            link,
        })
    });
    complete.collect()
}

/// Reads what this link sells.
pub fn complete_one(tx: &mut ReadTx<'_>, link: CheckoutLink) -> Result<CompleteCheckoutLink> {
    let completed = complete(tx, vec![link])?.pop();
    Ok(completed.expect("one link was given and so one is complete"))
}
