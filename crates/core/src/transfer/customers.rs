//! Customers: the live ones, and deleted ones whose license keys are still known.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Place;
use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use crate::customers::{self, Customer};
use crate::kit::{Address, Email, Id, Metadata, Result, TaxId};

/// A customer, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CustomerRecord {
    /// The customer's id.
    pub id: Id<Customer>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// The address.
    pub email: Email,
    /// Whether the customer showed that the address is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<String>,
    /// Where they are billed.
    pub billing_address: Option<Address>,
    /// Their tax number and its kind.
    pub tax_id: Option<TaxId>,
    /// The organization's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

/// Customers that go along. A deleted one does if a license key names it.
pub(super) const GOES_ALONG: &str = "(customers.deleted_at IS NULL \
     OR EXISTS (SELECT 1 FROM license_keys WHERE license_keys.customer_id = customers.id))";

const SQL: &str = concatcp!(
    "SELECT ",
    Customer::COLUMNS,
    " FROM customers WHERE organization_id = $1 AND ",
    GOES_ALONG,
    PAGE
);

impl CustomerRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (customers, place) =
            rows::<Customer>(tx, wanted, (SQL, after), |customer| (customer.created_at, customer.id.uuid()))?;
        Ok((customers.into_iter().map(Self::from).collect(), place))
    }
}

impl From<Customer> for CustomerRecord {
    fn from(customer: Customer) -> Self {
        Self {
            id: customer.id,
            created_at: customer.created_at,
            modified_at: customer.modified_at,
            deleted_at: customer.deleted_at,
            email: customer.email,
            email_verified: customer.email_verified,
            name: customer.name,
            billing_address: customer.billing_address,
            tax_id: customer.tax_id,
            metadata: customer.metadata,
        }
    }
}

impl Portable for CustomerRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.email.as_str().to_owned()
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let of = self.clone();
        let customer = Customer {
            id: of.id,
            organization_id: batch.organization_id(),
            user_id: None,
            email: of.email,
            email_verified: of.email_verified,
            name: of.name,
            billing_address: of.billing_address.map(Address::tidied),
            tax_id: of.tax_id,
            metadata: of.metadata,
            created_at: of.created_at,
            modified_at: of.modified_at,
            deleted_at: of.deleted_at,
        };
        Ok(customers::import(batch.tx, customer)?.into())
    }
}
