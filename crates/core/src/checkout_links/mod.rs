//! Checkout links: stored recipes of checkouts, to be put on a web page.

mod commands;
mod import;
mod queries;

use merak_store::{Timestamp, row};

pub use self::commands::{CreateCheckoutLink, Sold, UpdateCheckoutLink, create, delete, update};
pub use self::import::import;
pub use self::queries::{
    CompleteCheckoutLink, ListCheckoutLinks, complete, complete_one, find, follow, get, list,
};
use crate::discounts::Discount;
use crate::kit::{Id, Metadata, WebUrl, sort_properties, text_enum};
use crate::organizations::Organization;
use crate::products::{Price, Product};

text_enum! {
    /// Who takes the money, by the wire's name. It says no more than that a checkout takes any.
    #[derive(Default)]
    pub enum PaymentProcessor {
        /// Whichever processor is set up.
        #[default]
        Stripe = "stripe",
    }
}

row! {
    /// A recipe of checkouts.
    #[derive(Clone, Debug)]
    pub struct CheckoutLink in "checkout_links" {
        /// The link's id.
        pub id: Id<CheckoutLink>,
        /// Whose link: the product's organization.
        pub organization_id: Id<Organization>,
        /// What is sold.
        pub product_id: Id<Product>,
        /// At which price; none leaves it to each use. It may be archived by now.
        pub product_price_id: Option<Id<Price>>,
        /// A discount that buyers get; it may have ended or be deleted by now.
        pub discount_id: Option<Id<Discount>>,
        /// Who takes the money.
        pub payment_processor: PaymentProcessor,
        /// What opens the link. Whoever has it can buy, so it is no secret from buyers.
        pub client_secret: String,
        /// What the seller calls it.
        pub label: Option<String>,
        /// Where buyers go when they have bought.
        pub success_url: Option<WebUrl>,
        /// Whether buyers can type the code of a discount.
        pub allow_discount_codes: bool,
        /// The organization's own notes, which each checkout gets a copy of.
        pub metadata: Metadata,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

sort_properties! {
    /// What a list of checkout links can be sorted by.
    pub enum CheckoutLinkSort {
        /// When the link was made.
        CreatedAt = "created_at" => "checkout_links.created_at",
    }
}
