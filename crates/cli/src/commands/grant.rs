//! `merak grant`: give a benefit by hand, or take it back.

use clap::Args;
use merak_core::benefits::grants::{self, Scope};
use merak_core::benefits::kinds::license_keys::key_of;
use merak_core::kit::{Id, Refusal};
use merak_core::license_keys;
use serde_json::json;
use uuid::Uuid;

use super::open;
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Give a benefit to a customer by hand, or take it back.
#[derive(Debug, Args)]
pub struct Grant {
    /// The benefit's id.
    #[arg(long, value_name = "ID")]
    benefit: Uuid,
    /// The customer's id.
    #[arg(long, value_name = "ID")]
    customer: Uuid,
    /// The order it comes with, if any. Each order has a grant, and a license key, of its own.
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

impl Grant {
    /// Runs the command.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        let (benefit, customer) = (Id::from_uuid(self.benefit), Id::from_uuid(self.customer));
        let scope = match (self.subscription, self.order) {
            (Some(id), _) => Scope::Subscription(id),
            (None, Some(id)) => Scope::Order(id),
            (None, None) => Scope::ByHand,
        };
        let is_revoked = self.revoke;
        let (store, _) = open(options)?;
        let (grant, key) = store
            .write_blocking(move |tx| {
                let change = if is_revoked { grants::revoke } else { grants::grant };
                let grant = change(tx, benefit, customer, scope)?;
                let key = match key_of(&grant)? {
                    Some(id) => license_keys::find(tx, id)?,
                    None => None,
                };
                Ok::<_, Refusal>((grant, key))
            })
            .map_err(|refusal| match refusal {
                Refusal::Store(error) => Failure::from(error),
                _ => Failure::usage("there is no such benefit and customer in one organization"),
            })?;
        let mut object = json!({
            "id": grant.id,
            "benefit_id": grant.benefit_id,
            "customer_id": grant.customer_id,
            "is_granted": grant.is_granted(),
            "is_revoked": grant.is_revoked(),
            "properties": grant.properties,
        });
        let mut lines = vec![format!("grant {}", grant.id)];
        if let Some(key) = key {
            object["license_key"] = json!({"id": key.id, "key": key.key, "status": key.status});
            lines.push(format!("license key {} ({})", key.key, key.status));
        }
        output::result(self.json, &object, &lines)
    }
}
