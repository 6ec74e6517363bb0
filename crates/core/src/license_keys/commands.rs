//! What changes license keys: grant and revocation by the system, changes by the seller, and the three anonymous
//! calls that apps make.

use merak_store::{Engine, Json, Timestamp, Tx};
use serde_json::Value;

use super::{
    Activation, Error, HeldKey, LicenseKey, Properties, Status, Terms, Usage, format, queries, rules,
};
use crate::access::Tenancy;
use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::kit::{Id, Patch, Result};
use crate::organizations::Organization;

/// A key to be made.
#[derive(Clone, Copy, Debug)]
pub struct CreateLicenseKey<'c> {
    /// Who sells it.
    pub organization_id: Id<Organization>,
    /// Who holds it.
    pub customer_id: Id<Customer>,
    /// What it is granted by.
    pub benefit_id: Id<Benefit>,
    /// What its text begins with.
    pub prefix: Option<&'c str>,
    /// What it is worth.
    pub terms: Terms,
}

/// Makes a key with a fresh text.
pub fn create(tx: &mut Tx<'_>, command: &CreateLicenseKey<'_>) -> Result<LicenseKey> {
    let key = LicenseKey {
        id: Id::new(tx),
        organization_id: command.organization_id,
        customer_id: command.customer_id,
        benefit_id: command.benefit_id,
        key: format::license_key(command.prefix, |bytes| tx.fill(bytes)),
        status: Status::Granted,
        limit_activations: command.terms.limit_activations,
        limit_usage: command.terms.limit_usage,
        expires_at: command.terms.expires_at,
        has_own_limit_activations: false,
        has_own_limit_usage: false,
        has_own_expires_at: false,
        created_at: tx.now(),
        modified_at: None,
    };
    tx.insert(&key)?;
    tx.insert(&Usage {
        license_key_id: key.id,
        usage: 0,
        validations: 0,
        last_validated_at: None,
        seats_taken: 0,
    })?;
    tx.changed_one(
        "UPDATE benefit_counts SET license_keys = license_keys + 1 WHERE benefit_id = $1",
        &[&key.benefit_id],
    )?;
    Ok(key)
}

/// Brings a key up to date with its benefit's settings, except for what was set for this key by hand. The expiry is
/// counted from the day the key was granted. Unless `keeps_status`, a revoked key comes back to life.
pub fn sync(tx: &mut Tx<'_>, key: &mut LicenseKey, settings: &Properties, keeps_status: bool) -> Result<()> {
    let terms = settings.terms(key.created_at)?;
    if !keeps_status {
        key.status = Status::Granted;
    }
    if !key.has_own_limit_activations {
        key.limit_activations = terms.limit_activations;
    }
    if !key.has_own_limit_usage {
        key.limit_usage = terms.limit_usage;
    }
    if !key.has_own_expires_at {
        key.expires_at = terms.expires_at;
    }
    store(tx, key)
}

/// Revokes a key, whatever its status was. Its activations stay and keep their seats.
pub fn revoke(tx: &mut Tx<'_>, id: Id<LicenseKey>) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE license_keys SET status = $2, modified_at = $3 WHERE id = $1",
        &[&id, &Status::Revoked, &now],
    )?;
    Ok(())
}

/// A seller's change of a key. Absent members stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UpdateLicenseKey {
    /// Any status to any status.
    pub status: Option<Status>,
    /// The usage itself, not an increment.
    pub usage: Option<i64>,
    /// Null switches activations off.
    pub limit_activations: Patch<i64>,
    /// Null allows any usage.
    pub limit_usage: Patch<i64>,
    /// Null lets the key never end.
    pub expires_at: Patch<Timestamp>,
}

/// Changes a key of the caller's. The grant, the benefit and the activations are not touched.
pub fn update(
    tx: &mut Tx<'_>,
    tenancy: &Tenancy,
    id: Id<LicenseKey>,
    command: &UpdateLicenseKey,
) -> Result<HeldKey> {
    let mut held = queries::get(tx, tenancy, id)?;
    if *command == UpdateLicenseKey::default() {
        return Ok(held);
    }
    if let Some(usage) = command.usage {
        held.usage.usage = usage;
        tx.changed_one("UPDATE license_key_usage SET usage = $2 WHERE license_key_id = $1", &[&id, &usage])?;
    }
    let key = &mut held.key;
    if let Some(status) = command.status {
        key.status = status;
    }
    key.has_own_limit_activations |= !command.limit_activations.is_absent();
    key.has_own_limit_usage |= !command.limit_usage.is_absent();
    key.has_own_expires_at |= !command.expires_at.is_absent();
    command.limit_activations.apply(&mut key.limit_activations);
    command.limit_usage.apply(&mut key.limit_usage);
    command.expires_at.apply(&mut key.expires_at);
    store(tx, key)?;
    Ok(held)
}

fn store(tx: &mut Tx<'_>, key: &mut LicenseKey) -> Result<()> {
    key.modified_at = Some(tx.now());
    Ok(tx.changed_one(
        "UPDATE license_keys SET status = $2, limit_activations = $3, limit_usage = $4, expires_at = $5, \
         has_own_limit_activations = $6, has_own_limit_usage = $7, has_own_expires_at = $8, modified_at = $9 \
         WHERE id = $1",
        &[
            &key.id,
            &key.status,
            &key.limit_activations,
            &key.limit_usage,
            &key.expires_at,
            &key.has_own_limit_activations,
            &key.has_own_limit_usage,
            &key.has_own_expires_at,
            &key.modified_at,
        ],
    )?)
}

/// An app asks whether a key is good, and counts that it asked.
#[derive(Clone, Debug)]
pub struct Validate {
    /// Whose key.
    pub organization_id: Id<Organization>,
    /// Its text.
    pub key: String,
    /// The activation that must be live.
    pub activation_id: Option<Id<Activation>>,
    /// The benefit it must be of.
    pub benefit_id: Option<Id<Benefit>>,
    /// The customer it must be of.
    pub customer_id: Option<Id<Customer>>,
    /// How much usage to count, not negative.
    pub increment_usage: i64,
    /// What the activation's conditions must equal.
    pub conditions: Value,
}

/// How often a validation looks again when the key changed between reading and counting.
const LOOKS: usize = 3;

/// Validates a key and counts it. Where units run one at a time, what was read still holds when it is counted; else
/// the counting statement itself carries the rule, and if it counts nothing the key is read again to name the reason.
/// Either way the unit needs no isolation of its own ([`merak_store::Store::write_one`]).
pub fn validate(tx: &mut Tx<'_>, command: &Validate) -> Result<(HeldKey, Option<Activation>)> {
    for _ in 0..LOOKS {
        let mut held =
            queries::find_by_text(tx, command.organization_id, &command.key)?.ok_or(Error::NotFound)?;
        let activation = match command.activation_id {
            Some(id) => queries::find_activation(tx, held.key.id, id)?,
            None => None,
        };
        rules::may_validate(&held, activation.as_ref(), command, tx.now())?;
        let counted = match tx.engine() {
            Engine::Sqlite => Some(count_alone(tx, held.usage, command.increment_usage)?),
            Engine::Postgres => count_among_others(tx, held.key.id, command.increment_usage)?,
        };
        if let Some(usage) = counted {
            held.usage = usage;
            return Ok((held, activation));
        }
    }
    Err(merak_store::Error::Conflict.into())
}

fn count_alone(tx: &mut Tx<'_>, before: Usage, increment: i64) -> Result<Usage> {
    let after = Usage {
        usage: before.usage + increment,
        validations: before.validations + 1,
        last_validated_at: Some(tx.now()),
        ..before
    };
    tx.changed_one(
        "UPDATE license_key_usage SET usage = $2, validations = $3, last_validated_at = $4 \
         WHERE license_key_id = $1",
        &[&after.license_key_id, &after.usage, &after.validations, &after.last_validated_at],
    )?;
    Ok(after)
}

fn count_among_others(tx: &mut Tx<'_>, id: Id<LicenseKey>, increment: i64) -> Result<Option<Usage>> {
    const SQL: &str = "UPDATE license_key_usage \
         SET usage = usage + $2, validations = validations + 1, last_validated_at = $3 \
         WHERE license_key_id = $1 AND EXISTS (SELECT 1 FROM license_keys WHERE license_keys.id = $1 \
         AND status = 'granted' AND (expires_at IS NULL OR expires_at > $3) \
         AND ($2 = 0 OR usage + $2 <= coalesce(limit_usage, 2147483647))) \
         RETURNING license_key_id, usage, validations, last_validated_at, seats_taken";
    let now = tx.now();
    Ok(tx.returning(SQL, &[&id, &increment, &now])?.pop())
}

/// An app takes a seat of a key.
#[derive(Clone, Debug)]
pub struct Activate {
    /// Whose key.
    pub organization_id: Id<Organization>,
    /// Its text.
    pub key: String,
    /// What the app calls the device.
    pub label: String,
    /// What validations of this activation must repeat.
    pub conditions: Json,
    /// What the app wants to remember.
    pub meta: Json,
}

/// Activates a key, if it has a free seat. No counter of the key changes.
pub fn activate(tx: &mut Tx<'_>, command: &Activate) -> Result<(HeldKey, Activation)> {
    let held = queries::find_by_text(tx, command.organization_id, &command.key)?.ok_or(Error::NotFound)?;
    rules::may_activate(&held, tx.now())?;
    let activation = Activation {
        id: Id::new(tx),
        license_key_id: held.key.id,
        label: command.label.clone(),
        conditions: command.conditions.clone(),
        meta: command.meta.clone(),
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.changed_one(
        "UPDATE license_key_usage SET seats_taken = seats_taken + 1 WHERE license_key_id = $1",
        &[&held.key.id],
    )?;
    tx.insert(&activation)?;
    Ok((held, activation))
}

/// An app gives a seat back.
#[derive(Clone, Debug)]
pub struct Deactivate {
    /// Whose key.
    pub organization_id: Id<Organization>,
    /// Its text.
    pub key: String,
    /// Which seat.
    pub activation_id: Id<Activation>,
}

/// Frees a seat at once, whatever the key's state. Of two calls for one activation the second finds nothing.
pub fn deactivate(tx: &mut Tx<'_>, command: &Deactivate) -> Result<()> {
    let key_id =
        queries::find_id_by_text(tx, command.organization_id, &command.key)?.ok_or(Error::NotFound)?;
    let now = tx.now();
    let freed = tx.execute(
        "UPDATE license_key_activations SET deleted_at = $3, modified_at = $3 \
         WHERE id = $1 AND license_key_id = $2 AND deleted_at IS NULL",
        &[&command.activation_id, &key_id, &now],
    )?;
    if freed == 0 {
        return Err(Error::NotFound.into());
    }
    Ok(tx.changed_one(
        "UPDATE license_key_usage SET seats_taken = seats_taken - 1 WHERE license_key_id = $1",
        &[&key_id],
    )?)
}
