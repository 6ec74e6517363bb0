//! Buyers of one shop. The same person in two shops is two customers.

mod buyers;
mod commands;
mod import;
mod queries;

use merak_store::{Timestamp, row};

pub(crate) use self::buyers::note_first_purchase;
pub use self::buyers::{count_buyers, first_buyers};
pub use self::commands::{
    CreateCustomer, Enrichment, UpdateCustomer, create, delete, enrich, link_user, update,
};
pub(crate) use self::commands::{create_by, outgrow};
pub use self::import::import;
pub(crate) use self::queries::{Buyer, buyer};
pub use self::queries::{
    ListCustomers, find, find_by_email, find_of_buyer, find_of_user, find_with_deleted, get, ids_of_buyer,
    is_of_person, list, newcomer_of,
};
use crate::kit::{Address, Email, Id, Metadata, TaxId, sort_properties};
use crate::organizations::Organization;
use crate::users::User;

row! {
    /// A buyer of one organization.
    #[derive(Clone, Debug)]
    pub struct Customer in "customers" {
        /// The customer's id.
        pub id: Id<Customer>,
        /// Whose customer this is.
        pub organization_id: Id<Organization>,
        /// The account of the same person, if they have one here.
        pub user_id: Option<Id<User>>,
        /// The address, unique among the organization's live customers whatever its letter case.
        pub email: Email,
        /// Whether the person showed that the address is theirs.
        pub email_verified: bool,
        /// What they are called.
        pub name: Option<String>,
        /// Where they are billed.
        pub billing_address: Option<Address>,
        /// Their tax number with its format; not checked against each other here.
        pub tax_id: Option<TaxId>,
        /// The organization's own notes.
        pub metadata: Metadata,
        /// When the customer was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

sort_properties! {
    /// What a list of customers can be sorted by.
    pub enum CustomerSort {
        /// When the customer was made.
        CreatedAt = "created_at" => "customers.created_at",
        /// The address, whatever its letter case.
        Email = "email" => "customers.email_lower",
        /// The name, whatever its letter case.
        Name = "name" => nullable "customers.name_lower",
    }
}
