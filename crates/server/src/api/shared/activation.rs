//! Activations of license keys.

use merak_core::kit::Id;
use merak_core::license_keys;
use merak_store::{Json, Timestamp};

use crate::wire::answer;

answer! {
    /// A seat of a license key, typically a device.
    pub struct LicenseKeyActivationBase {
        /// The activation's id.
        pub id: Id<license_keys::Activation>,
        /// The key it is a seat of.
        pub license_key_id: Id<license_keys::LicenseKey>,
        /// What the app calls the device.
        pub label: String,
        /// What the app wanted to remember, as it was sent.
        pub meta: Json,
        /// When the key was activated.
        pub created_at: Timestamp,
        /// When the activation last changed.
        pub modified_at: Option<Timestamp>,
    }
}

impl From<license_keys::Activation> for LicenseKeyActivationBase {
    fn from(activation: license_keys::Activation) -> Self {
        Self {
            id: activation.id,
            license_key_id: activation.license_key_id,
            label: activation.label,
            meta: activation.meta,
            created_at: activation.created_at,
            modified_at: activation.modified_at,
        }
    }
}
