//! Shops that move: what goes out of one installation and comes into another.
//!
//! A shop is a sequence of [`Record`]s, of which each names only things that stand before it. [`export_batch`] reads
//! them, a batch from one snapshot at a time; [`take_batch`] takes them in, a batch in one unit of work, and writes
//! down in the same unit what it took and where the next one begins. So a run that was killed goes on where it
//! stopped, and what was taken once is never taken again.
//!
//! Records have the members of the API's answers, so that what another server answers is one. A noun that travels is
//! a file here and a line in `record.rs`.

mod batch;
mod benefit_grants;
mod benefits;
mod checkout_links;
mod custom_fields;
mod customers;
mod discounts;
mod downloadables;
mod export;
mod files;
mod import;
mod license_keys;
mod orders;
mod organizations;
mod pictures;
mod products;
mod record;
mod report;
mod uncarried;

pub use self::batch::Tally;
pub use self::benefit_grants::BenefitGrantRecord;
pub use self::benefits::BenefitRecord;
pub use self::checkout_links::CheckoutLinkRecord;
pub use self::custom_fields::CustomFieldRecord;
pub use self::customers::CustomerRecord;
pub use self::discounts::DiscountRecord;
pub use self::downloadables::DownloadableRecord;
pub use self::export::{BATCH, Exported, Place, export_batch, organization_record};
pub use self::files::FileRecord;
pub use self::import::{Begin, Begun, Import, begin, finish, take_batch};
pub use self::license_keys::{ActivationRecord, LicenseKeyRecord};
pub use self::orders::OrderRecord;
pub use self::organizations::OrganizationRecord;
pub use self::pictures::follow_picture;
pub use self::products::{AttachedFieldRecord, PriceRecord, ProductRecord};
pub use self::record::{Arrival, Named, Record, RecordKind};
pub use self::report::{Remark, Report, report};
pub use self::uncarried::{Uncarried, uncarried};
