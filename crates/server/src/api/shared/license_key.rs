//! License keys: the sixteen members that every answer about a key has, and what some answers add.

use merak_core::benefits::Benefit;
use merak_core::kit::{Email, Id, avatar};
use merak_core::license_keys::{self, HeldKey, Status};
use merak_core::{customers, organizations};
use merak_store::{Json, Timestamp};
use serde_json::{Value, json};

use super::{Customer, LicenseKeyActivationBase};
use crate::wire::{Components, Described, answer, one_of_named};

answer! {
    /// The holder of a key in the form of the days when customers were users. Deprecated.
    pub struct LicenseKeyUser {
        /// The customer's id.
        pub id: Id<customers::Customer>,
        /// The customer's address.
        pub email: Email = {"format": null},
        /// The first letter of the customer's name or address.
        pub public_name: String,
        /// Always null.
        pub avatar_url: Option<String> = {"required": false},
    }
}

impl Described for Status {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "LicenseKeyStatus", |_| {
            json!({
                "type": "string",
                "enum": Status::TEXTS,
                "description": "Whether the key can be used. An expired key keeps its status."
            })
        })
    }
}

/// Declares an answer that has the members of a key and some more.
macro_rules! key_answers {
    ($(
        $(#[doc = $doc:expr])*
        $name:ident { $($(#[doc = $field_doc:expr])* $field:ident : $type:ty $(= $added:tt)?),* }
    )*) => {
        answer! {$(
            $(#[doc = $doc])*
            pub struct $name {
                /// The key's id.
                pub id: Id<license_keys::LicenseKey>,
                /// Who sold it.
                pub organization_id: Id<organizations::Organization>,
                /// The same as `customer_id`.
                pub user_id: Id<customers::Customer> = {"deprecated": true},
                /// Who holds it.
                pub customer_id: Id<customers::Customer>,
                /// The holder in an old form.
                pub user: LicenseKeyUser = {"deprecated": true},
                /// The holder.
                pub customer: Customer,
                /// What it was granted by.
                pub benefit_id: Id<Benefit>,
                /// The text that apps send.
                pub key: String,
                /// The key with all but its last six characters hidden.
                pub display_key: String,
                /// Whether it can be used.
                pub status: Status,
                /// On how many devices at once; null if it is used without activations.
                pub limit_activations: Option<i64>,
                /// How much was used.
                pub usage: i64,
                /// How much usage it allows; null if any amount.
                pub limit_usage: Option<i64>,
                /// How often it was validated.
                pub validations: i64,
                /// When it was last validated.
                pub last_validated_at: Option<Timestamp>,
                /// When it ends; null if never.
                pub expires_at: Option<Timestamp>,
                $($(#[doc = $field_doc])* pub $field: $type $(= $added)?,)*
            }
        )*}
        $(
            impl $name {
                /// Writes a key with what this answer adds.
                pub fn new(held: HeldKey, $($field: $type),*) -> Self {
                    let HeldKey { key, usage, customer } = held;
                    Self {
                        id: key.id,
                        organization_id: key.organization_id,
                        user_id: key.customer_id,
                        customer_id: key.customer_id,
                        user: LicenseKeyUser::from(&customer),
                        customer: Customer::from(customer),
                        benefit_id: key.benefit_id,
                        display_key: key.display_key(),
                        key: key.key,
                        status: key.status,
                        limit_activations: key.limit_activations,
                        usage: usage.usage,
                        limit_usage: key.limit_usage,
                        validations: usage.validations,
                        last_validated_at: usage.last_validated_at,
                        expires_at: key.expires_at,
                        $($field,)*
                    }
                }
            }
        )*
    };
}

key_answers! {
    /// A license key.
    LicenseKeyRead {}

    /// A license key with its seats.
    LicenseKeyWithActivations {
        /// Its live activations, the oldest first.
        activations: Vec<LicenseKeyActivationBase>
    }

    /// A license key that was found good, counted.
    ValidatedLicenseKey {
        /// The activation the request named; null if it named none.
        activation: Option<LicenseKeyActivationBase> = {"required": false}
    }
}

answer! {
    /// A seat of a license key with the key.
    pub struct LicenseKeyActivationRead {
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
        /// The key.
        pub license_key: LicenseKeyRead,
    }
}

impl LicenseKeyActivationRead {
    /// Writes a seat with its key.
    pub fn new(held: HeldKey, activation: license_keys::Activation) -> Self {
        let LicenseKeyActivationBase { id, license_key_id, label, meta, created_at, modified_at } =
            activation.into();
        Self {
            id,
            license_key_id,
            label,
            meta,
            created_at,
            modified_at,
            license_key: LicenseKeyRead::new(held),
        }
    }
}

impl From<&customers::Customer> for LicenseKeyUser {
    fn from(customer: &customers::Customer) -> Self {
        Self {
            id: customer.id,
            email: customer.email.clone(),
            public_name: avatar::public_name(customer.name.as_deref(), customer.email.as_str()),
            avatar_url: None,
        }
    }
}
