//! Customers as their seller sees them, and as they see themselves.

use std::collections::BTreeMap;

use merak_core::connections::CustomerAccount;
use merak_core::customers;
use merak_core::kit::{Address, Email, Id, Metadata, TaxId, avatar};
use merak_store::Timestamp;

use crate::wire::answer;

answer! {
    /// A buyer of one organization.
    pub struct Customer {
        /// When the customer was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The customer's id.
        pub id: Id<customers::Customer>,
        /// The organization's own notes.
        pub metadata: Metadata,
        /// The address.
        pub email: Email = {"format": null},
        /// Whether the customer showed that the address is theirs.
        pub email_verified: bool,
        /// What they are called.
        pub name: Option<String>,
        /// Where they are billed.
        pub billing_address: Option<Address>,
        /// Their tax number and its kind.
        pub tax_id: Option<TaxId>,
        /// Whose customer this is.
        pub organization_id: Id<merak_core::organizations::Organization>,
        /// A picture made of the address.
        pub avatar_url: String = {"readOnly": true},
    }

    /// A customer as the customer portal shows it.
    pub struct CustomerPortalCustomer {
        /// When the customer was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The customer's id.
        pub id: Id<customers::Customer>,
        /// The address.
        pub email: Email = {"format": null},
        /// Whether the customer showed that the address is theirs.
        pub email_verified: bool,
        /// What they are called.
        pub name: Option<String>,
        /// Where they are billed.
        pub billing_address: Option<Address>,
        /// Their tax number and its kind.
        pub tax_id: Option<TaxId>,
        /// Accounts elsewhere that the customer connected, by platform and account id.
        pub oauth_accounts: BTreeMap<String, CustomerPortalOAuthAccount>,
    }

    /// An account elsewhere.
    pub struct CustomerPortalOAuthAccount {
        /// The account's id there.
        pub account_id: String,
        /// What it is called there.
        pub account_username: Option<String>,
    }
}

impl From<customers::Customer> for Customer {
    fn from(customer: customers::Customer) -> Self {
        Self {
            created_at: customer.created_at,
            modified_at: customer.modified_at,
            id: customer.id,
            metadata: customer.metadata,
            avatar_url: avatar::gravatar_url(customer.email.as_str()),
            email: customer.email,
            email_verified: customer.email_verified,
            name: customer.name,
            billing_address: customer.billing_address,
            tax_id: customer.tax_id,
            organization_id: customer.organization_id,
        }
    }
}

impl CustomerPortalCustomer {
    /// A customer with those of the accounts that are theirs.
    pub fn new(customer: customers::Customer, accounts: &[CustomerAccount]) -> Self {
        let own = accounts.iter().filter(|account| account.customer_id == customer.id).map(|account| {
            let shown = CustomerPortalOAuthAccount {
                account_id: account.account_id.clone(),
                account_username: Some(account.account_username.clone()),
            };
            (format!("{}:{}", account.platform, account.account_id), shown)
        });
        Self {
            created_at: customer.created_at,
            modified_at: customer.modified_at,
            id: customer.id,
            email: customer.email,
            email_verified: customer.email_verified,
            name: customer.name,
            billing_address: customer.billing_address,
            tax_id: customer.tax_id,
            oauth_accounts: own.collect(),
        }
    }
}
