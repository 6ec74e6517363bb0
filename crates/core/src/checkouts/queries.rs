//! What is read of checkouts.

use std::collections::{BTreeSet, HashMap};

use const_format::concatcp;
use merak_store::{PartitionedPage, ReadTx, Sql};
use serde_json::{Map, Value};

use super::{Checkout, CheckoutSort, CheckoutStatus};
use crate::access::Tenancy;
use crate::benefits::grants::BenefitGrant;
use crate::billing::payments;
use crate::clock;
use crate::customers::Customer;
use crate::discounts::{self, Discount};
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, order};
use crate::license_keys::SoldTo;
use crate::organizations::{self, Organization};
use crate::products::{self, CompleteProduct, Price, Product};

/// The checkout, if the caller may see it; else not found. Refused if its organization is blocked.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<Checkout>) -> Result<Checkout> {
    const SQL: &str = concatcp!("SELECT ", Checkout::COLUMNS, " FROM checkouts WHERE id = $1");
    let checkout = tx
        .find::<Checkout>(SQL, &[&id])?
        .filter(|checkout| tenancy.contains(checkout.organization_id))
        .ok_or_else(Refusal::not_found)?;
    if seller(tx, &checkout)?.blocked_at.is_some() {
        return Err(Refusal::not_permitted("This organization cannot sell anything at the moment."));
    }
    checkout.seen_now(tx)
}

/// The checkout with this secret; not found if its time was up before it was confirmed.
pub fn find_by_client_secret(tx: &mut ReadTx<'_>, client_secret: &str) -> Result<Checkout> {
    const SQL: &str = concatcp!("SELECT ", Checkout::COLUMNS, " FROM checkouts WHERE client_secret = $1");
    let checkout: Checkout = tx.find(SQL, &[&client_secret])?.ok_or_else(Refusal::not_found)?;
    let checkout = checkout.seen_now(tx)?;
    if checkout.status == CheckoutStatus::Expired {
        return Err(Refusal::not_found());
    }
    Ok(checkout)
}

/// A checkout that was begun by the operation that was there before; others are not found.
pub fn get_legacy(tx: &mut ReadTx<'_>, id: Id<Checkout>) -> Result<Checkout> {
    const SQL: &str = concatcp!("SELECT ", Checkout::COLUMNS, " FROM checkouts WHERE id = $1 AND is_legacy");
    tx.find(SQL, &[&id])?.ok_or_else(Refusal::not_found)
}

/// A list of checkouts.
#[derive(Clone, Debug)]
pub struct ListCheckouts {
    /// Only those that sell one of these; empty is no filter.
    pub product_ids: Vec<Id<Product>>,
    /// In which order.
    pub sorting: Vec<Sort<CheckoutSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the checkouts of the given organizations, whatever became of them.
pub fn list(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListCheckouts) -> Result<Paged<Checkout>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let order = order(&wanted.sorting, "checkouts.id");
    let page = PartitionedPage {
        table: "checkouts",
        column: if wanted.product_ids.is_empty() { "organization_id" } else { "product_id" },
        filter: &|_| {},
        order: &order,
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    };
    let mut select = Sql::new(concatcp!("SELECT ", Checkout::COLUMNS, " FROM checkouts"));
    let mut count = Sql::new("SELECT CAST(coalesce(sum(checkouts), 0) AS bigint) FROM checkout_counts");
    if wanted.product_ids.is_empty() {
        count.push(" WHERE organization_id IN ").bind_list(tenancy.ids().iter().copied());
        page.push(&mut select, tenancy.ids());
    } else {
        // A checkout belongs to its product's organization.
        let named = products::find_all(tx, &wanted.product_ids)?.into_iter();
        let own = named.filter(|product| tenancy.contains(product.organization_id));
        let own: Vec<Id<Product>> = own.map(|product| product.id).collect();
        count.push(" WHERE product_id IN ").bind_list(own.iter().copied());
        page.push(&mut select, &own);
    }
    let total = tx.count(&count)?;
    let found: Vec<Checkout> = tx.list(&select)?;
    let clocks = clock::of_all(tx, tenancy.ids())?;
    let now = tx.now();
    let seen_now = |checkout: Checkout| {
        let now = clocks.get(&checkout.organization_id).copied().unwrap_or(now);
        checkout.seen_at(now)
    };
    Ok(Paged::new(found.into_iter().map(seen_now).collect(), total))
}

/// A checkout with what it sells.
#[derive(Clone, Debug)]
pub struct CompleteCheckout {
    /// The checkout.
    pub checkout: Checkout,
    /// What is sold.
    pub product: CompleteProduct,
    /// At which price; archived ones too.
    pub price: Price,
    /// With which discount, deleted ones too.
    pub discount: Option<Discount>,
}

/// A checkout as its buyer sees it.
#[derive(Clone, Debug)]
pub struct PublicCheckout {
    /// The checkout with what it sells, as everybody may see it who has its link.
    pub complete: CompleteCheckout,
    /// Whose it is, to compare with. It is only shown where it stands in the checkout, too.
    pub customer_id: Option<Id<Customer>>,
    /// Who sells.
    pub organization: Organization,
}

/// Reads what these checkouts sell, with one statement for each kind of thing.
pub fn complete(tx: &mut ReadTx<'_>, checkouts: Vec<Checkout>) -> Result<Vec<CompleteCheckout>> {
    fn distinct<T>(ids: impl Iterator<Item = Id<T>>) -> Vec<Id<T>> {
        ids.collect::<BTreeSet<_>>().into_iter().collect()
    }
    let sold = products::find_all(tx, &distinct(checkouts.iter().map(|checkout| checkout.product_id)))?;
    let sold: HashMap<Id<Product>, CompleteProduct> = products::complete(tx, sold)?
        .into_iter()
        .map(|complete| (complete.public.product.id, complete))
        .collect();
    let prices = distinct(checkouts.iter().map(|checkout| checkout.product_price_id));
    let prices: HashMap<Id<Price>, Price> =
        products::find_prices(tx, &prices)?.into_iter().map(|price| (price.id, price)).collect();
    let discounts = distinct(checkouts.iter().filter_map(|checkout| checkout.discount_id));
    let discounts: HashMap<Id<Discount>, Discount> =
        discounts::find_many(tx, &discounts)?.into_iter().map(|discount| (discount.id, discount)).collect();
    let complete = checkouts.into_iter().map(|checkout| {
        Ok(CompleteCheckout {
            product: sold.get(&checkout.product_id).cloned().ok_or_else(Refusal::not_found)?,
            price: prices.get(&checkout.product_price_id).cloned().ok_or_else(Refusal::not_found)?,
            discount: checkout.discount_id.and_then(|id| discounts.get(&id).cloned()),
            checkout,
        })
    });
    complete.collect()
}

/// Reads what this checkout sells.
pub fn complete_one(tx: &mut ReadTx<'_>, checkout: Checkout) -> Result<CompleteCheckout> {
    let completed = complete(tx, vec![checkout])?.pop();
    Ok(completed.expect("one checkout was given and so one is complete"))
}

/// Reads what this checkout sells, and who sells it.
pub fn public(tx: &mut ReadTx<'_>, checkout: Checkout) -> Result<PublicCheckout> {
    let (organization, customer_id) = (seller(tx, &checkout)?, checkout.customer_id);
    let checkout = veiled(tx, checkout)?;
    Ok(PublicCheckout { complete: complete_one(tx, checkout)?, customer_id, organization })
}

impl PublicCheckout {
    /// The same with what the checkout has become since it was read. What it sells is only read anew if that is another.
    pub fn as_of(&self, tx: &mut ReadTx<'_>, checkout: Checkout) -> Result<Self> {
        let was = &self.complete.checkout;
        let sold =
            |checkout: &Checkout| (checkout.product_id, checkout.product_price_id, checkout.discount_id);
        if was.id != checkout.id || sold(was) != sold(&checkout) {
            return public(tx, checkout);
        }
        let CompleteCheckout { product, price, discount, .. } = self.complete.clone();
        let customer_id = checkout.customer_id;
        let checkout = veiled(tx, checkout)?;
        let complete = CompleteCheckout { checkout, product, price, discount };
        Ok(Self { complete, customer_id, organization: self.organization.clone() })
    }
}

/// A checkout as its link shows it. While a saved card's payment is under way, and if it fails for good, what stands there of
/// the buyer is what is known of the card's customer; whoever else has the link is not to read it unless the sale is made. The
/// tax tells where they live, so the total is shown without it.
fn veiled(tx: &mut ReadTx<'_>, mut checkout: Checkout) -> Result<Checkout> {
    let payment = match (checkout.status, checkout.confirming_payment_id) {
        (CheckoutStatus::Open | CheckoutStatus::Confirmed, Some(id)) => payments::find(tx, id)?,
        (CheckoutStatus::Failed, _) => payments::last_of_checkout(tx, checkout.id)?,
        _ => None,
    };
    if payment.is_none_or(|payment| payment.payment_method_id.is_none()) {
        return Ok(checkout);
    }
    (checkout.tax_amount, checkout.tax, checkout.is_tax_inclusive) = (None, None, false);
    if checkout.status == CheckoutStatus::Open {
        // Of the buyer there is only what was said.
        return Ok(checkout);
    }
    checkout.customer_id = None;
    checkout.customer_email = None;
    checkout.customer_name = None;
    checkout.customer_billing_address = None;
    checkout.customer_tax_id = None;
    let mut metadata: Map<String, Value> =
        serde_json::from_str(checkout.payment_processor_metadata.as_str()).unwrap_or_default();
    metadata.insert(String::from("customer_id"), Value::Null);
    checkout.payment_processor_metadata = Value::Object(metadata).into();
    Ok(checkout)
}

fn seller(tx: &mut ReadTx<'_>, checkout: &Checkout) -> Result<Organization> {
    organizations::get(tx, &Tenancy::of(checkout.organization_id), checkout.organization_id)
}

impl Checkout {
    fn seen_now(self, tx: &mut ReadTx<'_>) -> Result<Self> {
        let now = clock::now(tx, self.organization_id)?;
        Ok(self.seen_at(now))
    }
}

/// What was typed of the buyer into the checkout that a grant comes from, if nobody had shown by then who they are.
pub(crate) fn sold_to(tx: &mut ReadTx<'_>, grant: &BenefitGrant) -> Result<Option<SoldTo>> {
    const BASE: &str =
        concatcp!("SELECT ", Checkout::COLUMNS, " FROM checkouts WHERE NOT is_buyer_known AND id = ");
    const OF_ORDER: &str = concatcp!(BASE, "(SELECT checkout_id FROM orders WHERE id = $1)");
    const OF_SUBSCRIPTION: &str = concatcp!(BASE, "(SELECT checkout_id FROM subscriptions WHERE id = $1)");
    let checkout: Option<Checkout> = match (grant.order_id, grant.subscription_id) {
        (Some(id), _) => tx.find(OF_ORDER, &[&id])?,
        (None, Some(id)) => tx.find(OF_SUBSCRIPTION, &[&id])?,
        (None, None) => None,
    };
    Ok(checkout.map(|checkout| SoldTo {
        name: checkout.customer_name,
        billing_address: checkout.customer_billing_address,
        tax_id: checkout.customer_tax_id,
        metadata: checkout.customer_metadata,
    }))
}
