//! What a shop sells: products, their prices, and what comes with them.

mod commands;
mod contents;
mod import;
mod price;
mod queries;
mod rules;
mod set_benefits;
mod set_fields;
mod set_medias;

use merak_store::{Timestamp, row};

pub use self::commands::{CreateProduct, UpdateProduct, create, update};
pub use self::contents::{
    AttachedField, CompleteProduct, PublicProduct, Question, benefits_of, complete, complete_one, public,
    questions,
};
pub use self::import::{ImportProduct, PricesThereAndHere, import};
pub use self::price::{
    Amount, AmountType, NewPrice, Price, PriceChange, PriceType, RecurringInterval, find_price, find_prices,
};
pub(crate) use self::price::{first_current_price, first_price};
pub(crate) use self::queries::find_ever;
pub use self::queries::{ListProducts, find, find_all, find_with_deleted, get, list};
pub use self::rules::{PriceListProblem, check_prices};
pub use self::set_benefits::{remove_benefit, set_benefits};
pub use self::set_fields::AttachField;
use crate::kit::{Id, Metadata, sort_properties};
use crate::organizations::Organization;

row! {
    /// Something an organization sells.
    #[derive(Clone, Debug)]
    pub struct Product in "products" {
        /// The product's id.
        pub id: Id<Product>,
        /// Who sells it.
        pub organization_id: Id<Organization>,
        /// What it is called, at least three characters.
        pub name: String,
        /// What buyers read about it.
        pub description: Option<String>,
        /// Whether it is no longer sold. Those who have it keep it.
        pub is_archived: bool,
        /// The organization's own notes.
        pub metadata: Metadata,
        /// Whether all current prices are recurring.
        pub is_recurring: bool,
        first_price_type: i64,
        first_price_amount_type: i64,
        first_price_amount: i64,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed, apart from what belongs to it: prices, benefits, pictures, fields.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

sort_properties! {
    /// What a list of products can be sorted by. The three price criteria look at the oldest current price; a product
    /// without one stands above all.
    pub enum ProductSort {
        /// When the product was made.
        CreatedAt = "created_at" => "products.created_at",
        /// The name, whatever its letter case.
        Name = "name" => "products.name_lower",
        /// One-time before recurring.
        PriceType = "price_type" => "products.first_price_type",
        /// Free before pay-what-you-want before fixed.
        PriceAmountType = "price_amount_type" => "products.first_price_amount_type",
        /// Free, then pay-what-you-want without a least amount, then by amount.
        PriceAmount = "price_amount" => "products.first_price_amount",
    }
}
