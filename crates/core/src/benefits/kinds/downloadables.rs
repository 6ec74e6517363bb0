//! Files to download. A buyer may download those that are not archived when the benefit is granted, and keeps them.

use std::collections::{BTreeMap, BTreeSet};

use merak_store::{Json, ReadTx, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Finding, Kind, Outcome};
use crate::benefits::Benefit;
use crate::benefits::grants::BenefitGrant;
use crate::downloadables;
use crate::files::{self, File, FileService};
use crate::kit::{Id, Refusal, Result, at};
use crate::organizations::Organization;

/// The settings of a benefit of downloads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Properties {
    /// Which of the files new buyers do not get.
    pub archived: BTreeMap<Id<File>, bool>,
    /// The files, in the seller's order.
    pub files: Vec<Id<File>>,
}

impl Properties {
    /// The files that new buyers get, in order, each once.
    pub fn active(&self) -> Vec<Id<File>> {
        let mut seen = BTreeSet::new();
        let is_active = |id: &Id<File>| !self.archived.get(id).copied().unwrap_or(false);
        self.files.iter().copied().filter(is_active).filter(|id| seen.insert(*id)).collect()
    }
}

/// What a grant remembers of what it gave.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct GrantProperties {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<Id<File>>,
}

/// See the module.
pub(super) struct Downloadables;

impl Kind for Downloadables {
    fn prepare(
        &self,
        tx: &mut ReadTx<'_>,
        owner: Id<Organization>,
        properties: &Value,
        _finding: Option<&Finding>,
    ) -> Result<Json> {
        let stored = super::normalized::<Properties>(properties)?;
        let named = stored.parse::<Properties>()?.files;
        let own: BTreeSet<Id<File>> = files::find_many(tx, &named)?
            .into_iter()
            .filter(|file| file.organization_id == owner && file.service == FileService::Downloadable)
            .map(|file| file.id)
            .collect();
        let place = || at("body").field("properties").field("files");
        let problems: Vec<_> = named
            .iter()
            .enumerate()
            .filter(|(_, id)| !own.contains(id))
            .map(|(n, id)| {
                let sentence = "This is not a downloadable file of the organization.";
                place().index(n).value_error(sentence, id.to_string())
            })
            .collect();
        if problems.is_empty() { Ok(stored) } else { Err(Refusal::invalid_all(problems)) }
    }

    fn affects_holders(&self, before: &Json, after: &Json) -> Result<bool> {
        let active = |properties: &Json| -> Result<BTreeSet<Id<File>>> {
            Ok(properties.parse::<Properties>()?.active().into_iter().collect())
        };
        Ok(active(before)? != active(after)?)
    }

    fn grant(&self, tx: &mut Tx<'_>, benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        let active = benefit.properties.parse::<Properties>()?.active();
        // Deleted and unfinished files are left out; the others keep the seller's order.
        let there: BTreeSet<Id<File>> = files::find_many(tx, &active)?
            .into_iter()
            .filter(|file| file.is_uploaded)
            .map(|file| file.id)
            .collect();
        let given: Vec<Id<File>> = active.into_iter().filter(|id| there.contains(id)).collect();
        downloadables::grant(tx, benefit.id, grant.customer_id, &given)?;
        Ok(Outcome::Granted(Json::new(&GrantProperties { files: given })?))
    }

    fn revoke(&self, tx: &mut Tx<'_>, grant: &BenefitGrant) -> Result<Json> {
        downloadables::revoke(tx, grant.benefit_id, grant.customer_id)?;
        Ok(Json::default())
    }
}
