//! The kinds of records and the one list of them.

use merak_store::ReadTx;
use serde::Serialize;
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{Exported, Place, Wanted};
use super::{BenefitGrantRecord, BenefitRecord, CustomerRecord, LicenseKeyRecord};
use crate::kit::{Result, text_enum};

/// What a record of any kind can do.
pub(super) trait Portable {
    /// The thing's id where it comes from.
    fn id(&self) -> Uuid;

    /// What a person knows it by.
    fn subject(&self) -> String;

    /// The ids of other records that it names.
    fn names(&self) -> Vec<Uuid>;

    /// Takes it into the organization of the batch.
    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken>;
}

macro_rules! records {
    ($( $(#[$meta:meta])* $variant:ident($record:ty) = $name:literal, )*) => {
        text_enum! {
            /// The kinds of records, in the order in which they follow each other.
            pub enum RecordKind {
                $( $(#[$meta])* $variant = $name, )*
            }
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
            }
        }
    };
}

records! {
    /// Something given to those who buy.
    Benefit(BenefitRecord) = "benefit",
    /// A buyer.
    Customer(CustomerRecord) = "customer",
    /// A license key with its counters and its live activations.
    LicenseKey(LicenseKeyRecord) = "license_key",
    /// A benefit given to a customer.
    BenefitGrant(BenefitGrantRecord) = "benefit_grant",
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
            Self::Unreadable { kind, .. } => *kind,
        }
    }
}

impl RecordKind {
    /// The kind that follows in a shop.
    pub fn next(self) -> Option<Self> {
        let at = Self::ALL.iter().position(|kind| *kind == self)?;
        Self::ALL.get(at + 1).copied()
    }
}
