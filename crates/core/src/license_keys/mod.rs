//! License keys: sold rights that an app can check, and the devices they are activated on.

mod commands;
pub mod format;
mod import;
mod properties;
mod queries;
pub mod rules;

use merak_store::{Json, Timestamp, row};
use serde::{Deserialize, Serialize};

pub use self::commands::{
    Activate, CreateLicenseKey, Deactivate, UpdateLicenseKey, Validate, activate, create, deactivate, revoke,
    sync, update, validate,
};
pub use self::import::{ImportLicenseKey, import};
pub use self::properties::{Activations, Expires, Properties, Terms};
pub use self::queries::{
    ListLicenseKeys, ListLicenseKeysOfBuyer, Seat, activations_of, find, find_activation, find_held_many,
    get, get_of_buyer, list, list_of_buyer, seats_of_many, texts_of,
};
pub use self::rules::{Error, LONGEST_LABEL};
use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::kit::{Address, Id, Metadata, Result, TaxId, text_enum};
use crate::organizations::Organization;

text_enum! {
    /// What a merchant or the end of a purchase made of a key. An expired key keeps its status.
    pub enum Status {
        /// It can be used.
        Granted = "granted",
        /// The benefit was taken back.
        Revoked = "revoked",
        /// The merchant paused it.
        Disabled = "disabled",
    }
}

row! {
    /// A license key. Its text is readable, because customers copy it from the portal.
    #[derive(Clone, Debug)]
    pub struct LicenseKey in "license_keys" {
        /// The key's id.
        pub id: Id<LicenseKey>,
        /// Who sold it.
        pub organization_id: Id<Organization>,
        /// Who holds it.
        pub customer_id: Id<Customer>,
        /// What it was granted by.
        pub benefit_id: Id<Benefit>,
        /// The text that apps send, unique in its organization.
        pub key: String,
        /// Whether it can be used.
        pub status: Status,
        /// On how many devices at once; none needed if absent.
        pub limit_activations: Option<i64>,
        /// How much usage; any amount if absent.
        pub limit_usage: Option<i64>,
        /// When it ends; never if absent.
        pub expires_at: Option<Timestamp>,
        /// Whether `limit_activations` was set for this key by hand.
        pub has_own_limit_activations: bool,
        /// Whether `limit_usage` was set for this key by hand.
        pub has_own_limit_usage: bool,
        /// Whether `expires_at` was set for this key by hand.
        pub has_own_expires_at: bool,
        /// What is told of its holder to whoever knows the key, if that is not all that is known: a [`SoldTo`].
        pub sold_to: Option<Json>,
        /// When it was granted.
        pub created_at: Timestamp,
        /// When a merchant or its benefit last changed it; validations don't count.
        pub modified_at: Option<Timestamp>,
    }
}

/// What was typed of a buyer into a checkout by somebody who had not shown who they are. The address may be anybody's, so
/// the key that they get must not tell what else is known of the customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SoldTo {
    /// What they say they are called.
    pub name: Option<String>,
    /// Where they want to be billed.
    pub billing_address: Option<Address>,
    /// Their tax number.
    pub tax_id: Option<TaxId>,
    /// The notes that the checkout had for the customer.
    pub metadata: Metadata,
}

impl LicenseKey {
    /// The key with all but its last six characters hidden.
    pub fn display_key(&self) -> String {
        format::display_key(&self.key)
    }
}

row! {
    /// What validations and activations change of a key.
    #[derive(Clone, Copy, Debug)]
    pub struct Usage in "license_key_usage" {
        /// The key.
        pub license_key_id: Id<LicenseKey>,
        /// How much was used.
        pub usage: i64,
        /// How often it was validated.
        pub validations: i64,
        /// When it was last validated.
        pub last_validated_at: Option<Timestamp>,
        /// How many of its activations are live.
        pub seats_taken: i64,
    }
}

row! {
    /// A named seat of a key, typically a device.
    #[derive(Clone, Debug)]
    pub struct Activation in "license_key_activations" {
        /// The activation's id.
        pub id: Id<Activation>,
        /// The key.
        pub license_key_id: Id<LicenseKey>,
        /// What the app calls the device; may be empty.
        pub label: String,
        /// An object that validations of this activation must repeat; never shown.
        pub conditions: Json,
        /// An object of the app's own, returned as it was sent.
        pub meta: Json,
        /// When it was activated.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub modified_at: Option<Timestamp>,
    }
}

/// A key with its counters and its holder: what every answer about keys shows.
#[derive(Clone, Debug)]
pub struct HeldKey {
    /// The key.
    pub key: LicenseKey,
    /// Its counters.
    pub usage: Usage,
    /// Its holder, live or deleted.
    pub customer: Customer,
}

impl HeldKey {
    /// Takes from the holder what whoever knows the key may not know.
    pub(crate) fn veil(&mut self) -> Result<()> {
        let Some(sold_to) = &self.key.sold_to else { return Ok(()) };
        let SoldTo { name, billing_address, tax_id, metadata } = sold_to.parse()?;
        let holder = &mut self.customer;
        (holder.name, holder.billing_address, holder.tax_id, holder.metadata) =
            (name, billing_address, tax_id, metadata);
        Ok(())
    }
}
