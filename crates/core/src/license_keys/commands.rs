//! What changes license keys: grant and revocation by the system, changes by the seller, and the three anonymous
//! calls that apps make.

use const_format::concatcp;
use merak_store::{Engine, Json, Param, ReadTx, Timestamp, Tx};
use serde_json::Value;

use super::{
    Activation, Error, HeldKey, LicenseKey, Properties, SoldTo, Status, Terms, Usage, format, queries, rules,
};
use crate::access::Tenancy;
use crate::benefits::Benefit;
use crate::clock;
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
    /// See [`LicenseKey::sold_to`].
    pub sold_to: Option<&'c SoldTo>,
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
        sold_to: command.sold_to.map(Json::new).transpose()?,
        created_at: clock::now(tx, command.organization_id)?,
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

/// How often a call looks again when the key changed between reading and writing, as it can on PostgreSQL.
const LOOKS: usize = 3;

/// Counts a validation at the instant `$1`, which uses `$2` of the key.
const COUNT: &str =
    "UPDATE license_key_usage SET usage = usage + $2, validations = validations + 1, last_validated_at = $1";

/// Takes a seat of a key.
const TAKE: &str = "UPDATE license_key_usage SET seats_taken = seats_taken + 1";

/// For PostgreSQL: goes on with the key of a row of `license_key_usage`, if it is good at the instant `$1`, and by the clock
/// of its organization, should that be ahead.
const OF_GOOD_KEY: &str = " FROM license_keys WHERE license_keys.id = license_key_id \
    AND status = 'granted' AND (expires_at IS NULL OR (expires_at > $1 AND NOT EXISTS (SELECT 1 FROM organization_clocks \
    WHERE organization_clocks.organization_id = license_keys.organization_id \
    AND license_keys.expires_at <= CAST($1 AS timestamptz) + ahead_us * interval '1 microsecond')))";

/// For PostgreSQL: further, if enough usage is left.
const WITH_USAGE_LEFT: &str = " AND ($2 = 0 OR usage + $2 <= coalesce(limit_usage, 2147483647))";

/// Validates a key and counts it. On PostgreSQL the statement that counts carries the rule, so the unit needs no isolation
/// of its own ([`merak_store::Store::write_one`]), and the key is read only to name the reason if it counts nothing.
pub fn validate(tx: &mut Tx<'_>, command: &Validate) -> Result<(HeldKey, Option<Activation>)> {
    let (mut held, activation) = validate_and_count(tx, command)?;
    held.veil()?;
    Ok((held, activation))
}

fn validate_and_count(tx: &mut Tx<'_>, command: &Validate) -> Result<(HeldKey, Option<Activation>)> {
    const COUNT_ALONE: &str = concatcp!(COUNT, " WHERE license_key_id = $3");
    const COUNT_FOUND: &str =
        concatcp!(COUNT, OF_GOOD_KEY, WITH_USAGE_LEFT, " AND license_key_id = $3 RETURNING ", Usage::COLUMNS);
    for _ in 0..LOOKS {
        if tx.engine() == Engine::Postgres
            && command.activation_id.is_none()
            && let Some(held) = find_and_count(tx, command)?
        {
            return Ok((held, None));
        }
        let mut held =
            queries::find_by_text(tx, command.organization_id, &command.key)?.ok_or(Error::NotFound)?;
        let activation = match command.activation_id {
            Some(id) => queries::find_activation(tx, held.key.id, id)?,
            None => None,
        };
        let now = tx.now();
        let by_its_clock = instant_of(tx, &held.key)?;
        rules::may_validate(&held, activation.as_ref(), command, by_its_clock)?;
        let params: [&dyn Param; 3] = [&now, &command.increment_usage, &held.key.id];
        if tx.engine() == Engine::Sqlite {
            // Nobody else writes during a unit, so what it found is what it counts on.
            tx.changed_one(COUNT_ALONE, &params)?;
            held.usage.usage += command.increment_usage;
            held.usage.validations += 1;
            held.usage.last_validated_at = Some(now);
            return Ok((held, activation));
        }
        if let Some(usage) = tx.returning(COUNT_FOUND, &params)?.pop() {
            held.usage = usage;
            return Ok((held, activation));
        }
    }
    Err(merak_store::Error::Conflict.into())
}

/// The instant by which a key has ended or not. Only one that ends needs its organization's clock.
fn instant_of(tx: &mut ReadTx<'_>, key: &LicenseKey) -> Result<Timestamp> {
    if key.expires_at.is_none() { Ok(tx.now()) } else { clock::now(tx, key.organization_id) }
}

/// Finds a good key and counts in the same statement, which spares a round trip to the server.
fn find_and_count(tx: &mut Tx<'_>, command: &Validate) -> Result<Option<HeldKey>> {
    const SQL: &str = concatcp!(
        "WITH license_key_usage AS (",
        COUNT,
        OF_GOOD_KEY,
        WITH_USAGE_LEFT,
        " AND organization_id = $3 AND key = $4 AND benefit_id = coalesce($5, benefit_id) \
         AND customer_id = coalesce($6, customer_id) RETURNING license_key_usage.*) ",
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

/// Takes a seat of a key. On PostgreSQL the statement that takes it carries the rule, as in [`validate`]. No other counter
/// of the key changes.
pub fn activate(tx: &mut Tx<'_>, command: &Activate) -> Result<(HeldKey, Activation)> {
    rules::may_be_kept(command)?;
    let (mut held, activation) = take_seat(tx, command)?;
    held.veil()?;
    Ok((held, activation))
}

fn take_seat(tx: &mut Tx<'_>, command: &Activate) -> Result<(HeldKey, Activation)> {
    const TAKE_ALONE: &str = concatcp!(TAKE, " WHERE license_key_id = $1");
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
    };
    for _ in 0..LOOKS {
        if tx.engine() == Engine::Postgres
            && let Some(held) = find_and_take(tx, command, id)?
        {
            let activation = activation(held.key.id);
            return Ok((held, activation));
        }
        let mut held =
            queries::find_by_text(tx, command.organization_id, &command.key)?.ok_or(Error::NotFound)?;
        let by_its_clock = instant_of(tx, &held.key)?;
        rules::may_activate(&held, by_its_clock)?;
        if tx.engine() == Engine::Sqlite {
            tx.changed_one(TAKE_ALONE, &[&held.key.id])?;
            held.usage.seats_taken += 1;
            let activation = activation(held.key.id);
            tx.insert(&activation)?;
            return Ok((held, activation));
        }
    }
    Err(merak_store::Error::Conflict.into())
}

/// Finds a key with a free seat, takes it and writes the activation down, in one statement.
fn find_and_take(tx: &mut Tx<'_>, command: &Activate, id: Id<Activation>) -> Result<Option<HeldKey>> {
    const SQL: &str = concatcp!(
        "WITH license_key_usage AS (",
        TAKE,
        OF_GOOD_KEY,
        " AND seats_taken < limit_activations AND organization_id = $2 AND key = $3 \
         RETURNING license_key_usage.*), placed AS (\
         INSERT INTO license_key_activations (id, license_key_id, label, conditions, meta, created_at) \
         SELECT CAST($4 AS uuid), license_key_id, CAST($5 AS text), CAST($6 AS json), CAST($7 AS json), $1 \
         FROM license_key_usage) ",
        queries::HELD
    );
    let params: [&dyn Param; 7] = [
        &tx.now(),
        &command.organization_id,
        &command.key,
        &id,
        &command.label,
        &command.conditions,
        &command.meta,
    ];
    Ok(tx.returning::<queries::HeldRow>(SQL, &params)?.pop().map(HeldKey::from))
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

/// Frees a seat at once, whatever the key's state; nothing is left of the activation. Of two calls for one activation the second finds nothing.
pub fn deactivate(tx: &mut Tx<'_>, command: &Deactivate) -> Result<()> {
    const FREE: &str = "DELETE FROM license_key_activations WHERE id = $1 AND license_key_id = ";
    const COUNT: &str = "UPDATE license_key_usage SET seats_taken = seats_taken - 1";
    let Deactivate { organization_id, key, activation_id } = command;
    let freed = match tx.engine() {
        Engine::Sqlite => {
            const FREE_ONE: &str = concatcp!(FREE, "$2");
            const COUNT_ONE: &str = concatcp!(COUNT, " WHERE license_key_id = $1");
            let key_id = queries::find_id_by_text(tx, *organization_id, key)?.ok_or(Error::NotFound)?;
            let freed = tx.execute(FREE_ONE, &[activation_id, &key_id])?;
            if freed == 1 { tx.execute(COUNT_ONE, &[&key_id])? } else { 0 }
        }
        Engine::Postgres => {
            const FREE_AND_COUNT: &str = concatcp!(
                "WITH freed AS (",
                FREE,
                "(SELECT id FROM license_keys WHERE organization_id = $2 AND key = $3) RETURNING license_key_id) ",
                COUNT,
                " FROM freed WHERE license_key_usage.license_key_id = freed.license_key_id"
            );
            tx.execute(FREE_AND_COUNT, &[activation_id, organization_id, key])?
        }
    };
    if freed == 1 { Ok(()) } else { Err(Error::NotFound.into()) }
}
