//! `merak grant`: give a benefit or a whole product by hand, or take it back.

use clap::Args;
use merak_core::benefits::Benefit;
use merak_core::benefits::grants::{self, BenefitGrant, Scope};
use merak_core::benefits::kinds::license_keys::key_of;
use merak_core::customers::Customer;
use merak_core::kit::{Id, Refusal};
use merak_core::license_keys::{self, LicenseKey};
use merak_core::orders;
use merak_core::products::Product;
use merak_store::{ReadTx, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::open;
use crate::failure::Failure;
use crate::opened::Opened;
use crate::options::Options;
use crate::output;

/// Give a benefit or a product to a customer by hand, or take it back.
#[derive(Debug, Args)]
pub struct Grant {
    /// The benefit's id.
    #[arg(long, value_name = "ID", required_unless_present = "product", conflicts_with = "product")]
    benefit: Option<Uuid>,
    /// The product's id: records an order of it for nothing and gives everything that comes with it.
    #[arg(long, value_name = "ID", conflicts_with = "subscription")]
    product: Option<Uuid>,
    /// The customer's id.
    #[arg(long, value_name = "ID")]
    customer: Uuid,
    /// The order it comes with, if any. Each order has a grant, and a license key, of its own. With a product, an order
    /// that is there already.
    #[arg(long, value_name = "ID", conflicts_with = "subscription")]
    order: Option<Uuid>,
    /// The subscription it comes with, if any.
    #[arg(long, value_name = "ID")]
    subscription: Option<Uuid>,
    /// Take it back instead.
    #[arg(long)]
    revoke: bool,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

/// A grant with the license key it gave, if it gave one.
type Given = (BenefitGrant, Option<LicenseKey>);

impl Grant {
    /// Runs the command.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        let customer = Id::from_uuid(self.customer);
        let (store, _) = open(options)?;
        match (self.product, self.benefit) {
            (Some(product), _) => self.run_product(&store, Id::from_uuid(product), customer),
            (None, Some(benefit)) => self.run_benefit(&store, Id::from_uuid(benefit), customer),
            (None, None) => Err(Failure::usage("name a --benefit or a --product")),
        }
    }

    fn run_benefit(
        &self,
        store: &Opened,
        benefit: Id<Benefit>,
        customer: Id<Customer>,
    ) -> Result<(), Failure> {
        let scope = match (self.subscription, self.order) {
            (Some(id), _) => Scope::Subscription(id),
            (None, Some(id)) => Scope::Order(id),
            (None, None) => Scope::ByHand,
        };
        let is_revoked = self.revoke;
        let given = store
            .write_blocking(move |tx| {
                let change = if is_revoked { grants::revoke } else { grants::give };
                let grant = change(tx, benefit, customer, scope)?;
                with_key(tx, grant)
            })
            .map_err(|refusal| told(refusal, "there is no such benefit and customer in one organization"))?;
        output::result(self.json, &object(&given), &lines(&given))
    }

    fn run_product(
        &self,
        store: &Opened,
        product: Id<Product>,
        customer: Id<Customer>,
    ) -> Result<(), Failure> {
        if self.revoke && self.order.is_none() {
            return Err(Failure::usage(
                "--revoke of a product needs --order, because each order has its own grants",
            ));
        }
        let (order, is_revoked) = (self.order.map(Id::from_uuid), self.revoke);
        let (order, given) = store
            .write_blocking(move |tx| {
                let (order, grants) = match order {
                    None => orders::give(tx, product, customer)?,
                    Some(id) => {
                        let order = orders::find(tx, id)?
                            .filter(|order| order.product_id == product && order.customer_id == customer)
                            .ok_or_else(Refusal::not_found)?;
                        let change =
                            if is_revoked { grants::revoke_purchase } else { grants::grant_purchase };
                        let grants = change(tx, &order.purchase())?;
                        (order, grants)
                    }
                };
                let given: Result<Vec<Given>, Refusal> =
                    grants.into_iter().map(|grant| with_key(tx, grant)).collect();
                Ok::<_, Refusal>((order, given?))
            })
            .map_err(|refusal| {
                told(refusal, "there is no such product, customer and order in one organization")
            })?;
        let whole = json!({
            "order_id": order.id,
            "product_id": order.product_id,
            "customer_id": order.customer_id,
            "grants": given.iter().map(object).collect::<Vec<Value>>(),
        });
        let mut shown = vec![format!("order {}", order.id)];
        shown.extend(given.iter().flat_map(lines));
        output::result(self.json, &whole, &shown)
    }
}

fn with_key(tx: &mut Tx<'_>, grant: BenefitGrant) -> Result<Given, Refusal> {
    let tx: &mut ReadTx<'_> = tx;
    let key = match key_of(&grant)? {
        Some(id) => license_keys::find(tx, id)?,
        None => None,
    };
    Ok((grant, key))
}

fn told(refusal: Refusal, missing: &'static str) -> Failure {
    match refusal {
        Refusal::Store(error) => Failure::from(error),
        _ => Failure::usage(missing),
    }
}

fn object((grant, key): &Given) -> Value {
    let mut object = json!({
        "id": grant.id,
        "benefit_id": grant.benefit_id,
        "customer_id": grant.customer_id,
        "is_granted": grant.is_granted(),
        "is_revoked": grant.is_revoked(),
        "properties": grant.properties,
    });
    if let Some(key) = key {
        object["license_key"] = json!({"id": key.id, "key": key.key, "status": key.status});
    }
    object
}

fn lines((grant, key): &Given) -> Vec<String> {
    let mut lines = vec![format!("grant {}", grant.id)];
    lines.extend(key.as_ref().map(|key| format!("license key {} ({})", key.key, key.status)));
    lines
}
