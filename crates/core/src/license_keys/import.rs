//! License keys that come from elsewhere, with the texts that apps in the field know.

use merak_store::Tx;

use super::{Activation, LicenseKey, Usage, queries};
use crate::kit::{Id, Imported, Result};
use crate::organizations::Organization;

/// A key with everything that hangs on it. The ids in it agree with each other.
#[derive(Clone, Debug)]
pub struct ImportLicenseKey {
    /// The key.
    pub key: LicenseKey,
    /// How much was used, how often it was validated, and when last.
    pub usage: Usage,
    /// Its live activations.
    pub activations: Vec<Activation>,
}

/// Takes a key over as it is: text, status, limits, counters and seats. Of two keys with one text in an organization
/// the second is refused, unless it is the same key.
pub fn import(tx: &mut Tx<'_>, command: &ImportLicenseKey) -> Result<Imported<LicenseKey>> {
    const OWNER: &str = "SELECT organization_id FROM license_keys WHERE id = $1";
    let mut key = command.key.clone();
    if let Some(reason) = impossible(command) {
        return Ok(Imported::refused(reason));
    }
    if !tx.insert_new(&key)? {
        if let Some(held) = queries::find_by_text(tx, key.organization_id, &key.key)? {
            let is_same = held.key.benefit_id == key.benefit_id && held.key.customer_id == key.customer_id;
            return Ok(if is_same {
                Imported::Found(held.key.id)
            } else {
                Imported::refused("another key here has the same text")
            });
        }
        let owner = tx.find::<Id<Organization>>(OWNER, &[&key.id])?;
        if owner == Some(key.organization_id) {
            return Ok(Imported::refused("the same key has another text here"));
        }
        key.id = Id::new(tx);
        tx.insert(&key)?;
    }
    tx.insert(&Usage { license_key_id: key.id, seats_taken: seats(&command.activations), ..command.usage })?;
    for activation in &command.activations {
        let mut activation = Activation { license_key_id: key.id, ..activation.clone() };
        if !tx.insert_new(&activation)? {
            activation.id = Id::new(tx);
            tx.insert(&activation)?;
        }
    }
    tx.changed_one(
        "UPDATE benefit_counts SET license_keys = license_keys + 1 WHERE benefit_id = $1",
        &[&key.benefit_id],
    )?;
    Ok(Imported::New(key.id))
}

/// Why such a key cannot be, if it cannot.
fn impossible(command: &ImportLicenseKey) -> Option<&'static str> {
    let ImportLicenseKey { key, usage, .. } = command;
    let is_too_small = |limit: Option<i64>| limit.is_some_and(|limit| limit < 1);
    if key.key.is_empty() {
        return Some("the key has no text");
    }
    if is_too_small(key.limit_activations) || is_too_small(key.limit_usage) {
        return Some("a limit of the key is below one");
    }
    if usage.usage < 0 || usage.validations < 0 {
        return Some("a counter of the key is negative");
    }
    None
}

fn seats(activations: &[Activation]) -> i64 {
    i64::try_from(activations.len()).unwrap_or(i64::MAX)
}
