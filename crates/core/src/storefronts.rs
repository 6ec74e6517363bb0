//! Storefronts: what an organization shows to everybody, if it wishes.

use const_format::concatcp;
use merak_store::{Order, PartitionedPage, ReadTx, Sql};

use crate::customers;
use crate::kit::{Email, Id, MetadataValue, Refusal, Result};
use crate::organizations::{self, Organization};
use crate::products::{self, Product, PublicProduct};

/// How many products are shown at most.
const MOST_PRODUCTS: i64 = 100;

/// How many buyers are hinted at.
const SHOWN_BUYERS: i64 = 3;

/// What everybody may see of an organization.
#[derive(Clone, Debug)]
pub struct Storefront {
    /// Whose it is.
    pub organization: Organization,
    /// What is sold, the newest first.
    pub products: Vec<PublicProduct>,
    /// How many have bought something.
    pub buyers: i64,
    /// The first letters of those who were the first.
    pub initials: Vec<String>,
}

impl Storefront {
    /// The newest of the products that the seller marked as the one for donations.
    pub fn donation_product(&self) -> Option<&PublicProduct> {
        const MARK: &str = "donation_product";
        let is_marked =
            |found: &&PublicProduct| found.product.metadata.get(MARK) == Some(&MetadataValue::Boolean(true));
        self.products.iter().find(is_marked)
    }
}

/// The storefront of the organization with this slug; not found unless it is open.
pub fn get(tx: &mut ReadTx<'_>, slug: &str) -> Result<Storefront> {
    let organization = organizations::find_by_slug(tx, slug)?
        .filter(|organization| organization.profile_settings.enabled == Some(true))
        .ok_or_else(Refusal::not_found)?;
    let newest = newest_products(tx, organization.id)?;
    let first = customers::first_buyers(tx, organization.id, SHOWN_BUYERS)?;
    Ok(Storefront {
        products: products::public(tx, newest)?,
        buyers: customers::count_buyers(tx, organization.id)?,
        initials: first.iter().map(|(name, email)| initial(name.as_deref(), email)).collect(),
        organization,
    })
}

/// The newest of an organization's products that are for sale.
fn newest_products(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Vec<Product>> {
    let filter = |sql: &mut Sql| {
        sql.push(" AND products.deleted_at IS NULL AND products.is_archived = FALSE");
    };
    let mut select = Sql::new(concatcp!("SELECT ", Product::COLUMNS, " FROM products"));
    PartitionedPage {
        table: "products",
        column: "organization_id",
        filter: &filter,
        order: &["products.created_at", "products.id"].map(Order::descending),
        limit: MOST_PRODUCTS,
        offset: 0,
    }
    .push_stretches(
        &mut select,
        &[organization_id],
        &[" AND products.is_recurring = FALSE", " AND products.is_recurring = TRUE"],
    );
    Ok(tx.list(&select)?)
}

/// The first letter of somebody's name, or of their address, which is no secret.
fn initial(name: Option<&str>, email: &Email) -> String {
    let name = name.map(str::trim).filter(|name| !name.is_empty());
    name.unwrap_or(email.as_str()).chars().take(1).collect()
}

#[cfg(test)]
mod tests {
    use super::initial;

    #[test]
    fn a_buyer_is_a_letter() {
        let email = "nora@example.com".parse().unwrap();
        for (name, letter) in [(None, "n"), (Some(" "), "n"), (Some("Éva Łoś"), "É"), (Some(" 李"), "李")]
        {
            assert_eq!(initial(name, &email), letter, "{name:?}");
        }
    }
}
