//! Wire structs that two sections or more answer with.

mod activation;
mod customer;
pub mod file;
mod license_key;
mod organization;

pub use activation::LicenseKeyActivationBase;
pub use customer::{Customer, CustomerPortalCustomer};
pub use file::FileRead;
pub use license_key::{
    LicenseKeyActivationRead, LicenseKeyRead, LicenseKeyWithActivations, ValidatedLicenseKey,
};
pub use organization::Organization;

use merak_core::kit::Id;

use crate::wire::request;

request! {
    /// The path of one thing.
    pub struct ById {
        /// The id.
        pub id: Id<()>,
    }
}
