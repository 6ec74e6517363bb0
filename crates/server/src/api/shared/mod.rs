//! Wire structs that two sections or more answer with.

mod activation;
mod benefit;
pub mod custom_field;
mod customer;
pub mod discount;
pub mod file;
mod license_key;
mod order;
mod organization;
pub mod price;
mod product;
mod subscription;

pub use activation::LicenseKeyActivationBase;
pub use benefit::BenefitBase;
pub use custom_field::CustomField;
pub use customer::{Customer, CustomerPortalCustomer};
pub use discount::{CheckoutDiscount, DiscountMinimal};
pub use file::FileRead;
pub use license_key::{
    LicenseKeyActivationRead, LicenseKeyRead, LicenseKeyWithActivations, ValidatedLicenseKey,
};
pub use order::{CustomerOrder, Order, OrderInvoice};
pub use organization::Organization;
pub use price::ProductPrice;
pub use product::{
    AttachedCustomField, CheckoutLinkProduct, CheckoutProduct, DiscountProduct, PortalProduct, Product,
};
pub use subscription::{CustomerSubscription, Subscription};

use merak_core::kit::Id;

use crate::wire::request;

request! {
    /// The path of one thing.
    pub struct ById {
        /// The id.
        pub id: Id<()>,
    }
}
