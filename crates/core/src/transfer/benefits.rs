//! Benefits: the live ones, and deleted ones whose license keys are still known.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use super::{Place, RecordKind};
use crate::benefits::kinds::downloadables::Properties as Downloads;
use crate::benefits::{self, Benefit, BenefitType, kinds};
use crate::connections::Platform;
use crate::files::File;
use crate::kit::{Id, Result};

/// A benefit, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BenefitRecord {
    /// The benefit's id.
    pub id: Id<Benefit>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Its kind.
    pub r#type: BenefitType,
    /// What buyers read.
    pub description: String,
    /// Whether sellers may put it on products.
    pub selectable: bool,
    /// Whether it may be deleted.
    pub deletable: bool,
    /// Only notes say so in the API's answers.
    #[serde(default = "yes")]
    pub is_tax_applicable: bool,
    /// The kind's own settings.
    pub properties: Json,
}

fn yes() -> bool {
    true
}

/// Benefits that go along. A deleted one does if a license key names it.
pub(super) const GOES_ALONG: &str = "(benefits.deleted_at IS NULL \
     OR EXISTS (SELECT 1 FROM license_keys WHERE license_keys.benefit_id = benefits.id))";

const SQL: &str = concatcp!(
    "SELECT ",
    Benefit::COLUMNS,
    " FROM benefits WHERE organization_id = $1 AND ",
    GOES_ALONG,
    PAGE
);

impl BenefitRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (benefits, place) =
            rows::<Benefit>(tx, wanted, (SQL, after), |benefit| (benefit.created_at, benefit.id.uuid()))?;
        Ok((benefits.into_iter().map(Self::from).collect(), place))
    }
}

impl BenefitRecord {
    /// Why it stays behind, if a service outside gives it: that a server or a repository is the seller's is said by the
    /// service, and never by a record.
    fn unproved(&self) -> Option<&'static str> {
        Some(match kinds::of(self.r#type).outside()?.platform() {
            Platform::Discord => {
                "Discord has to say here whose server it is: connect the server, make the benefit, and put it on its \
                 products; those who hold it connect their accounts here"
            }
            Platform::Github => {
                "GitHub has to say here whose repository it is: connect the repository, make the benefit, and put it on \
                 its products; those who hold it connect their accounts here"
            }
        })
    }

    /// The settings of a benefit of downloads, if it is one.
    fn downloads(&self) -> Option<Downloads> {
        if self.r#type == BenefitType::Downloadables { self.properties.parse().ok() } else { None }
    }
}

fn uuids(ids: &[Id<File>]) -> Vec<Uuid> {
    ids.iter().map(|id| id.uuid()).collect()
}

impl From<Benefit> for BenefitRecord {
    fn from(benefit: Benefit) -> Self {
        Self {
            id: benefit.id,
            created_at: benefit.created_at,
            modified_at: benefit.modified_at,
            deleted_at: benefit.deleted_at,
            r#type: benefit.r#type,
            description: benefit.description,
            selectable: benefit.selectable,
            deletable: benefit.deletable,
            is_tax_applicable: benefit.is_tax_applicable,
            properties: benefit.properties,
        }
    }
}

impl Portable for BenefitRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.description.clone()
    }

    fn names(&self) -> Vec<Uuid> {
        self.downloads().map(|downloads| uuids(&downloads.files)).unwrap_or_default()
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        if let Some(reason) = self.unproved() {
            return Ok(Taken::Behind(String::from(reason)));
        }
        let mut of = self.clone();
        if let Some(downloads) = self.downloads() {
            let here = Downloads {
                files: batch.find_all(RecordKind::File, uuids(&downloads.files).into_iter()),
                archived: downloads
                    .archived
                    .iter()
                    .filter_map(|(id, is_archived)| {
                        Some((batch.find(RecordKind::File, id.uuid())?, *is_archived))
                    })
                    .collect(),
            };
            if here.files.len() < downloads.files.len() {
                let remark = "some of its files did not come in";
                batch.remark_later(RecordKind::Benefit, self.id.uuid(), &self.subject(), remark);
            }
            of.properties = Json::new(&here)?;
        }
        let benefit = Benefit {
            id: of.id,
            organization_id: batch.organization_id(),
            r#type: of.r#type,
            description: of.description,
            is_tax_applicable: of.is_tax_applicable,
            selectable: of.selectable,
            deletable: of.deletable,
            properties: of.properties,
            created_at: of.created_at,
            modified_at: of.modified_at,
            deleted_at: of.deleted_at,
        };
        Ok(benefits::import(batch.tx, benefit)?.into())
    }
}
