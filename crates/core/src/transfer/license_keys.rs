//! License keys with their counters and their live activations.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{Json, ReadTx, Sql, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use super::{Place, RecordKind};
use crate::benefits::{self, Benefit};
use crate::customers::Customer;
use crate::kit::{Id, Result};
use crate::license_keys::{
    self, Activation, ImportLicenseKey, LicenseKey, Properties, SoldTo, Status, Terms, Usage, format,
};

/// A license key, with the members of the API's answer and those that only the server knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LicenseKeyRecord {
    /// The key's id.
    pub id: Id<LicenseKey>,
    /// When it was granted. The API does not say it.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// Who holds it.
    pub customer_id: Id<Customer>,
    /// What it was granted by.
    pub benefit_id: Id<Benefit>,
    /// The text that apps send.
    pub key: String,
    /// Whether it can be used.
    pub status: Status,
    /// On how many devices at once.
    pub limit_activations: Option<i64>,
    /// Whether the limit was set by hand; the API does not say it.
    pub has_own_limit_activations: Option<bool>,
    /// How much was used.
    pub usage: i64,
    /// How much usage it allows.
    pub limit_usage: Option<i64>,
    /// Whether the limit was set by hand; the API does not say it.
    pub has_own_limit_usage: Option<bool>,
    /// How often it was validated.
    pub validations: i64,
    /// When it was last validated.
    pub last_validated_at: Option<Timestamp>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// Whether the end was set by hand; the API does not say it.
    pub has_own_expires_at: Option<bool>,
    /// What whoever knows the key is told of its holder, if that is not all that is known of them: an object. The API does
    /// not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold_to: Option<Json>,
    /// Its live activations, the oldest first.
    pub activations: Vec<ActivationRecord>,
}

/// An activation of a key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActivationRecord {
    /// The activation's id.
    pub id: Id<Activation>,
    /// When the key was activated.
    pub created_at: Timestamp,
    /// When the activation last changed.
    pub modified_at: Option<Timestamp>,
    /// What the app calls the device.
    pub label: String,
    /// What validations must repeat. The API does not show it, and without it they need not.
    #[serde(default)]
    pub conditions: Json,
    /// What the app wanted to remember.
    #[serde(default)]
    pub meta: Json,
}

const SQL: &str = concatcp!(
    "SELECT ",
    LicenseKey::COLUMNS,
    ", ",
    Usage::COLUMNS,
    " FROM license_keys JOIN license_key_usage ON license_key_id = license_keys.id WHERE organization_id = $1",
    PAGE
);

impl LicenseKeyRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (keys, place) = rows::<(LicenseKey, Usage)>(tx, wanted, (SQL, after), |(key, _)| {
            (key.created_at, key.id.uuid())
        })?;
        if keys.is_empty() {
            return Ok((Vec::new(), place));
        }
        let mut activations = activations_of(tx, keys.iter().map(|(key, _)| key.id))?;
        let records = keys
            .into_iter()
            .map(|(key, usage)| {
                let activations = activations.remove(&key.id).unwrap_or_default();
                Self::new(key, &usage, activations)
            })
            .collect();
        Ok((records, place))
    }

    fn new(key: LicenseKey, usage: &Usage, activations: Vec<Activation>) -> Self {
        Self {
            id: key.id,
            created_at: Some(key.created_at),
            modified_at: key.modified_at,
            customer_id: key.customer_id,
            benefit_id: key.benefit_id,
            key: key.key,
            status: key.status,
            limit_activations: key.limit_activations,
            has_own_limit_activations: Some(key.has_own_limit_activations),
            usage: usage.usage,
            limit_usage: key.limit_usage,
            has_own_limit_usage: Some(key.has_own_limit_usage),
            validations: usage.validations,
            last_validated_at: usage.last_validated_at,
            expires_at: key.expires_at,
            has_own_expires_at: Some(key.has_own_expires_at),
            sold_to: key.sold_to,
            activations: activations.into_iter().map(ActivationRecord::from).collect(),
        }
    }

    /// When the key was granted, as far as that is known: it was there when it was first activated.
    fn granted_at(&self, now: Timestamp) -> Timestamp {
        let first = self.activations.iter().map(|activation| activation.created_at).min();
        self.created_at.or(first).or(self.last_validated_at).unwrap_or(now)
    }
}

/// The live activations of these keys, the oldest first.
fn activations_of(
    tx: &mut ReadTx<'_>,
    keys: impl Iterator<Item = Id<LicenseKey>>,
) -> Result<HashMap<Id<LicenseKey>, Vec<Activation>>> {
    let mut sql = Sql::new(concatcp!(
        "SELECT ",
        Activation::COLUMNS,
        " FROM license_key_activations WHERE license_key_id IN "
    ));
    sql.bind_list(keys).push(" ORDER BY license_key_id, created_at, id");
    let mut found: HashMap<_, Vec<Activation>> = HashMap::new();
    for activation in tx.list::<Activation>(&sql)? {
        found.entry(activation.license_key_id).or_default().push(activation);
    }
    Ok(found)
}

impl From<Activation> for ActivationRecord {
    fn from(activation: Activation) -> Self {
        Self {
            id: activation.id,
            created_at: activation.created_at,
            modified_at: activation.modified_at,
            label: activation.label,
            conditions: activation.conditions,
            meta: activation.meta,
        }
    }
}

impl Portable for LicenseKeyRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        format::display_key(&self.key)
    }

    fn names(&self) -> Vec<Uuid> {
        vec![self.customer_id.uuid(), self.benefit_id.uuid()]
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let Some(customer_id) = batch.find(RecordKind::Customer, self.customer_id.uuid()) else {
            return Ok(Taken::Behind(String::from("its customer did not come in")));
        };
        let Some(benefit_id) = batch.find::<Benefit>(RecordKind::Benefit, self.benefit_id.uuid()) else {
            return Ok(Taken::Behind(String::from("its benefit did not come in")));
        };
        let created_at = self.granted_at(batch.tx.now());
        let terms = match benefits::find(batch.tx, benefit_id)? {
            Some(benefit) => Properties::of(&benefit.properties)?.terms(created_at)?,
            None => Terms::default(),
        };
        let key = LicenseKey {
            id: self.id,
            organization_id: batch.organization_id(),
            customer_id,
            benefit_id,
            key: self.key.clone(),
            status: self.status,
            limit_activations: self.limit_activations,
            limit_usage: self.limit_usage,
            expires_at: self.expires_at,
            // What differs from the benefit's settings must have been set for this key.
            has_own_limit_activations: self
                .has_own_limit_activations
                .unwrap_or(self.limit_activations != terms.limit_activations),
            has_own_limit_usage: self.has_own_limit_usage.unwrap_or(self.limit_usage != terms.limit_usage),
            has_own_expires_at: self.has_own_expires_at.unwrap_or(self.expires_at != terms.expires_at),
            sold_to: self.sold_to.as_ref().map(checked).transpose()?,
            created_at,
            modified_at: self.modified_at,
        };
        let usage = Usage {
            license_key_id: key.id,
            usage: self.usage,
            validations: self.validations,
            last_validated_at: self.last_validated_at,
            seats_taken: 0,
        };
        let activations = self.activations.iter().map(|activation| activation.row(key.id)).collect();
        let command = ImportLicenseKey { key, usage, activations };
        Ok(license_keys::import(batch.tx, &command)?.into())
    }
}

/// What is told of a holder, if it reads as such.
fn checked(sold_to: &Json) -> Result<Json> {
    sold_to.parse::<SoldTo>()?;
    Ok(sold_to.clone())
}

impl ActivationRecord {
    fn row(&self, license_key_id: Id<LicenseKey>) -> Activation {
        Activation {
            id: self.id,
            license_key_id,
            label: self.label.clone(),
            conditions: self.conditions.clone(),
            meta: self.meta.clone(),
            created_at: self.created_at,
            modified_at: self.modified_at,
        }
    }
}
