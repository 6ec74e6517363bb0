//! What changes license keys: grant and revocation by the system, changes by the seller, and the three anonymous
//! calls that apps make.

use const_format::concatcp;
use merak_store::{Engine, Json, Param, ReadTx, Timestamp, Tx};
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
        tx.changed_one("UPDATE license_keys SET usage = $2 WHERE id = $1", &[&id, &usage])?;
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

/// What an app's call found before it writes. It may have been seen on an older snapshot: what is written afterwards
/// checks by itself what it depends on.
#[derive(Clone, Debug)]
pub struct Seen {
    held: HeldKey,
    activation: Option<Activation>,
}

/// What a validation or an activation answers with.
pub type Counted = (HeldKey, Option<Activation>);

/// The condition under which a key is good at the instant `$1`.
const IS_GOOD: &str = "status = 'granted' AND (expires_at IS NULL OR expires_at > $1)";

/// Counts a validation of a key, and uses `$2` of it if so much is left.
const COUNT: &str = concatcp!(
    "UPDATE license_keys SET usage = usage + $2, validations = validations + 1, last_validated_at = $1 WHERE ",
    IS_GOOD,
    " AND ($2 = 0 OR usage + $2 <= coalesce(limit_usage, 2147483647))"
);

/// Looks whether a key may be validated as asked.
pub fn look_to_validate(tx: &mut ReadTx<'_>, command: &Validate) -> Result<Seen> {
    let held = queries::find_by_text(tx, command.organization_id, &command.key)?.ok_or(Error::NotFound)?;
    let activation = match command.activation_id {
        Some(id) => queries::find_activation(tx, held.key.id, id)?,
        None => None,
    };
    rules::may_validate(&held, activation.as_ref(), command, tx.now())?;
    Ok(Seen { held, activation })
}

/// Counts a validation by one statement, which carries the rule and so needs no isolation of its own
/// ([`merak_store::Store::write_one`]). Nothing if it must be looked first, or again because the key has changed.
pub fn count(tx: &mut Tx<'_>, command: &Validate, seen: Option<Seen>) -> Result<Option<Counted>> {
    const OF_SEEN: &str = concatcp!(COUNT, " AND id = $3 RETURNING ", Usage::COLUMNS);
    let now = tx.now();
    let increment = command.increment_usage;
    match seen {
        Some(mut seen) => {
            let counted = tx.returning::<Usage>(OF_SEEN, &[&now, &increment, &seen.held.key.id])?.pop();
            Ok(counted.map(|usage| {
                seen.held.usage = usage;
                (seen.held, seen.activation)
            }))
        }
        None if tx.engine() == Engine::Postgres && command.activation_id.is_none() => {
            Ok(count_unseen(tx, command)?.map(|held| (held, None)))
        }
        None => Ok(None),
    }
}

/// Finds the key and counts in the same statement, which spares a round trip to the server.
fn count_unseen(tx: &mut Tx<'_>, command: &Validate) -> Result<Option<HeldKey>> {
    const SQL: &str = concatcp!(
        "WITH license_keys AS (",
        COUNT,
        " AND organization_id = $3 AND key = $4 AND benefit_id = coalesce($5, benefit_id) \
         AND customer_id = coalesce($6, customer_id) RETURNING *) ",
        queries::HELD
    );
    let params: [&dyn Param; 6] = [
        &tx.now(),
        &command.increment_usage,
        &command.organization_id,
        &command.key,
        &command.benefit_id,
        &command.customer_id,
    ];
    Ok(tx.returning::<queries::HeldRow>(SQL, &params)?.pop().map(HeldKey::from))
}

/// Validates a key and counts it.
pub fn validate(tx: &mut Tx<'_>, command: &Validate) -> Result<Counted> {
    tx.looking(|tx| look_to_validate(tx, command), |tx, seen| count(tx, command, seen))
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

/// Looks whether a key has a free seat.
pub fn look_to_activate(tx: &mut ReadTx<'_>, command: &Activate) -> Result<Seen> {
    let held = queries::find_by_text(tx, command.organization_id, &command.key)?.ok_or(Error::NotFound)?;
    rules::may_activate(&held, tx.now())?;
    Ok(Seen { held, activation: None })
}

/// Takes the seat of a key. The statement that takes it carries the rule. Nothing if it must be looked first, or again
/// because the key has changed. No other counter of the key changes.
pub fn place(
    tx: &mut Tx<'_>,
    command: &Activate,
    seen: Option<Seen>,
) -> Result<Option<(HeldKey, Activation)>> {
    const TAKE: &str = concatcp!(
        "UPDATE license_keys SET seats_taken = seats_taken + 1 WHERE ",
        IS_GOOD,
        " AND seats_taken < limit_activations"
    );
    const TAKE_SEEN: &str = concatcp!(TAKE, " AND id = $2");
    // One round trip to the server, and one statement, so that no isolation is needed.
    const TAKE_AND_PLACE: &str = concatcp!(
        "WITH license_keys AS (",
        TAKE,
        " AND organization_id = $2 AND key = $3 RETURNING *), placed AS (\
         INSERT INTO license_key_activations (id, license_key_id, label, conditions, meta, created_at) \
         SELECT CAST($4 AS uuid), id, CAST($5 AS text), CAST($6 AS json), CAST($7 AS json), $1 FROM license_keys) ",
        queries::HELD
    );
    let id = Id::new(tx);
    let now = tx.now();
    let activation = |license_key_id| Activation {
        id,
        license_key_id,
        label: command.label.clone(),
        conditions: command.conditions.clone(),
        meta: command.meta.clone(),
        created_at: now,
        modified_at: None,
        deleted_at: None,
    };
    match (tx.engine(), seen) {
        (Engine::Sqlite, None) => Ok(None),
        (Engine::Sqlite, Some(mut seen)) => {
            if tx.execute(TAKE_SEEN, &[&now, &seen.held.key.id])? == 0 {
                return Ok(None);
            }
            seen.held.usage.seats_taken += 1;
            let activation = activation(seen.held.key.id);
            tx.insert(&activation)?;
            Ok(Some((seen.held, activation)))
        }
        (Engine::Postgres, _) => {
            let params: [&dyn Param; 7] = [
                &now,
                &command.organization_id,
                &command.key,
                &id,
                &command.label,
                &command.conditions,
                &command.meta,
            ];
            let held = tx.returning::<queries::HeldRow>(TAKE_AND_PLACE, &params)?.pop().map(HeldKey::from);
            Ok(held.map(|held| {
                let activation = activation(held.key.id);
                (held, activation)
            }))
        }
    }
}

/// Activates a key, if it has a free seat.
pub fn activate(tx: &mut Tx<'_>, command: &Activate) -> Result<(HeldKey, Activation)> {
    tx.looking(|tx| look_to_activate(tx, command), |tx, seen| place(tx, command, seen))
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

/// Looks whether there is such a seat, and says of which key.
pub fn look_to_deactivate(tx: &mut ReadTx<'_>, command: &Deactivate) -> Result<Id<LicenseKey>> {
    const SQL: &str = "SELECT license_keys.id FROM license_keys \
        JOIN license_key_activations ON license_key_activations.license_key_id = license_keys.id \
        WHERE organization_id = $1 AND key = $2 AND license_key_activations.id = $3 AND deleted_at IS NULL";
    let params: [&dyn Param; 3] = [&command.organization_id, &command.key, &command.activation_id];
    Ok(tx.find(SQL, &params)?.ok_or(Error::NotFound)?)
}

/// Frees a seat at once, whatever the key's state. Nothing if it must be looked first, or again because the seat is
/// free by now.
pub fn free(tx: &mut Tx<'_>, command: &Deactivate, seen: Option<Id<LicenseKey>>) -> Result<Option<()>> {
    const FREE: &str = "UPDATE license_key_activations SET deleted_at = $1, modified_at = $1 \
        WHERE id = $2 AND deleted_at IS NULL AND license_key_id = ";
    const COUNT: &str = "UPDATE license_keys SET seats_taken = seats_taken - 1";
    const FREE_SEEN: &str = concatcp!(FREE, "$3");
    const COUNT_SEEN: &str = concatcp!(COUNT, " WHERE id = $1");
    const FREE_AND_COUNT: &str = concatcp!(
        "WITH freed AS (",
        FREE,
        "(SELECT id FROM license_keys WHERE organization_id = $3 AND key = $4) RETURNING license_key_id) ",
        COUNT,
        " FROM freed WHERE id = freed.license_key_id"
    );
    let now = tx.now();
    let freed = match (tx.engine(), seen) {
        (Engine::Sqlite, None) => 0,
        (Engine::Sqlite, Some(key_id)) => {
            let freed = tx.execute(FREE_SEEN, &[&now, &command.activation_id, &key_id])?;
            if freed == 1 { tx.execute(COUNT_SEEN, &[&key_id])? } else { 0 }
        }
        (Engine::Postgres, _) => tx.execute(
            FREE_AND_COUNT,
            &[&now, &command.activation_id, &command.organization_id, &command.key],
        )?,
    };
    Ok((freed == 1).then_some(()))
}

/// Frees a seat at once, whatever the key's state. Of two calls for one activation the second finds nothing.
pub fn deactivate(tx: &mut Tx<'_>, command: &Deactivate) -> Result<()> {
    tx.looking(|tx| look_to_deactivate(tx, command), |tx, seen| free(tx, command, seen))
}
