//! The kinds of records and the one list of them.

use merak_store::ReadTx;
use serde::Serialize;
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{Exported, Place, Wanted};
use super::{
    BenefitGrantRecord, BenefitRecord, CheckoutLinkRecord, CustomFieldRecord, CustomerRecord, DiscountRecord,
    DownloadableRecord, FileRecord, LicenseKeyRecord, OrderRecord, ProductRecord,
};
use crate::kit::{Result, text_enum};

/// What a record of any kind can do.
pub(super) trait Portable {
    /// The thing's id where it comes from.
    fn id(&self) -> Uuid;

    /// What a person knows it by.
    fn subject(&self) -> String;

    /// The ids of other records that it names.
    fn names(&self) -> Vec<Uuid> {
        Vec::new()
    }

    /// Takes it into the organization of the batch.
    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken>;

    /// Completes what came in before under this id, if it came without something that is there now.
    fn complete(&self, _batch: &mut Batch<'_, '_>, _here: Uuid) -> Result<()> {
        Ok(())
    }
}

macro_rules! records {
    ($( $(#[$meta:meta])* $variant:ident($record:ty) = $name:literal, )*) => {
        text_enum! {
            /// The kinds of records, in the order in which they follow each other.
            pub enum RecordKind {
                $( $(#[$meta])* $variant = $name, )*
                /// A price, which comes with its product.
                ProductPrice = "product_price",
                /// The organization, which stands before all records.
                Organization = "organization",
            }
        }

        impl RecordKind {
            /// The kinds that have records of their own, in the same order.
            pub const RECORDS: &'static [Self] = &[$( Self::$variant ),*];
        }

        /// One thing that a shop has. It is written as its kind, `type`, and its members, `data`.
        #[derive(Clone, Debug, Serialize)]
        #[serde(tag = "type", content = "data", rename_all = "snake_case")]
        pub enum Record {
            $( $(#[$meta])* $variant(Box<$record>), )*
        }

        impl Record {
            fn parse(kind: RecordKind, text: &str) -> std::result::Result<Self, serde_json::Error> {
                match kind {
                    $( RecordKind::$variant => serde_json::from_str(text).map(Self::$variant), )*
                    RecordKind::ProductPrice => Err(serde::de::Error::custom("a price comes with its product")),
                    RecordKind::Organization => Err(serde::de::Error::custom("there is one, and it stands first")),
                }
            }

            /// Of what kind it is.
            pub const fn kind(&self) -> RecordKind {
                match self {
                    $( Self::$variant(_) => RecordKind::$variant, )*
                }
            }

            pub(super) fn portable(&self) -> &dyn Portable {
                match self {
                    $( Self::$variant(record) => record.as_ref(), )*
                }
            }
        }

        /// Reads the next records of a kind.
        pub(super) fn export_kind(
            tx: &mut ReadTx<'_>,
            kind: RecordKind,
            wanted: &Wanted,
            after: Option<Place>,
        ) -> Result<Exported> {
            match kind {
                $( RecordKind::$variant => {
                    let (records, place) = <$record>::export(tx, wanted, after)?;
                    let records =
                        records.into_iter().map(|record| Record::$variant(Box::new(record))).collect();
                    Ok(Exported { records, kind, place })
                } )*
                RecordKind::ProductPrice | RecordKind::Organization => Ok(Exported { records: Vec::new(), kind, place: None }),
            }
        }
    };
}

/// A thing that a record names by its id; the API's answers say more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Named {
    /// Its id where it comes from.
    pub id: Uuid,
}

impl Named {
    pub(super) fn all(ids: Vec<Uuid>) -> Vec<Self> {
        ids.into_iter().map(|id| Self { id }).collect()
    }
}

records! {
    /// A file, without its bytes.
    File(FileRecord) = "file",
    /// A question to buyers.
    CustomField(CustomFieldRecord) = "custom_field",
    /// Something given to those who buy.
    Benefit(BenefitRecord) = "benefit",
    /// Something sold, with its prices.
    Product(ProductRecord) = "product",
    /// A reduction of prices.
    Discount(DiscountRecord) = "discount",
    /// A recipe of checkouts.
    CheckoutLink(CheckoutLinkRecord) = "checkout_link",
    /// A buyer.
    Customer(CustomerRecord) = "customer",
    /// A license key with its counters and its live activations.
    LicenseKey(LicenseKeyRecord) = "license_key",
    /// A purchase.
    Order(OrderRecord) = "order",
    /// A benefit given to a customer.
    BenefitGrant(BenefitGrantRecord) = "benefit_grant",
    /// A file that a customer may download.
    Downloadable(DownloadableRecord) = "downloadable",
}

/// A record that arrives, whole or not.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// It can be read.
    Record(Record),
    /// It cannot.
    Unreadable {
        /// Of what kind it is.
        kind: RecordKind,
        /// Its id, if that much can be read.
        id: Uuid,
        /// Why it cannot be read.
        reason: String,
    },
    /// It was there when its list was read, and no more when it was asked for itself or for what hangs on it.
    Vanished {
        /// Of what kind it was.
        kind: RecordKind,
        /// Its id.
        id: Uuid,
        /// What a person knows it by.
        subject: String,
    },
}

impl Arrival {
    /// Reads the members of a record of this kind. There may be more than the record has.
    pub fn read(kind: RecordKind, text: &str) -> Self {
        #[derive(serde::Deserialize)]
        struct Named {
            id: Uuid,
        }
        match Record::parse(kind, text) {
            Ok(record) => Self::Record(record),
            Err(error) => {
                let sentence = error.to_string();
                let reason = sentence.split(" at line ").next().unwrap_or_default();
                Self::Unreadable {
                    kind,
                    id: serde_json::from_str::<Named>(text).map_or(Uuid::nil(), |named| named.id),
                    reason: format!("it cannot be read: {reason}"),
                }
            }
        }
    }

    /// Of what kind it is.
    pub const fn kind(&self) -> RecordKind {
        match self {
            Self::Record(record) => record.kind(),
            Self::Unreadable { kind, .. } | Self::Vanished { kind, .. } => *kind,
        }
    }
}

impl RecordKind {
    /// The kind that follows in a shop.
    pub fn next(self) -> Option<Self> {
        let at = Self::RECORDS.iter().position(|kind| *kind == self)?;
        Self::RECORDS.get(at + 1).copied()
    }
}
