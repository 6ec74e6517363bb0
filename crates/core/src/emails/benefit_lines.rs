//! How mails list what comes with a product.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp};

use super::{BenefitLine, PortalLink};
use crate::benefits::grants::BenefitGrant;
use crate::benefits::kinds::{custom, downloadables, license_keys};
use crate::benefits::{Benefit, BenefitType};
use crate::files::{self, File};
use crate::kit::{Id, Result};
use crate::products::{self, Product};
use crate::{jobs, license_keys as keys};

/// How long a mail waits for the keys that it is to tell, in seconds. After that it goes without: the portal has them.
const WAITS_FOR_KEYS: i64 = 600;

/// What comes with a product, in the seller's order, as somebody who has just bought it reads it. License keys are
/// told apart from the rest, later: a job makes them.
pub fn benefit_lines(tx: &mut ReadTx<'_>, product_id: Id<Product>) -> Result<Vec<BenefitLine>> {
    let benefits = products::benefits_of(tx, &[product_id])?.remove(&product_id).unwrap_or_default();
    let files: Vec<Vec<Id<File>>> = benefits.iter().map(files_of).collect::<Result<_>>()?;
    let wanted: Vec<Id<File>> = files.iter().flatten().copied().collect();
    let names: HashMap<Id<File>, String> = files::find_many(tx, &wanted)?
        .into_iter()
        .filter(|file| file.is_uploaded)
        .map(|file| (file.id, file.name))
        .collect();
    let line = |(benefit, files): (Benefit, Vec<Id<File>>)| {
        Ok(BenefitLine {
            note: note_of(&benefit)?,
            key_of: (benefit.r#type == BenefitType::LicenseKeys).then_some(benefit.id),
            description: benefit.description,
            license_key: None,
            downloads: files.iter().filter_map(|id| names.get(id).cloned()).collect(),
        })
    };
    benefits.into_iter().zip(files).map(line).collect()
}

/// Puts the license keys of a purchase into the lines of a mail. Returns whether they are still being made; what could not
/// be made is not waited for, nor for ever.
pub(super) fn tell_keys(
    tx: &mut ReadTx<'_>,
    of: PortalLink,
    lines: &mut [BenefitLine],
    asked_at: Timestamp,
) -> Result<bool> {
    const SQL: &str = concatcp!(
        "SELECT ",
        BenefitGrant::COLUMNS,
        " FROM benefit_grants WHERE customer_id = $1 AND (order_id = $2 OR subscription_id = $2) \
         AND granted_at IS NOT NULL LIMIT 1000"
    );
    let Some(purchase) = of.shows.filter(|_| lines.iter().any(|line| line.key_of.is_some())) else {
        return Ok(false);
    };
    let grants: Vec<BenefitGrant> = tx.all(SQL, &[&of.customer_id, &purchase])?;
    let mut ids = HashMap::new();
    for grant in &grants {
        if let Some(id) = license_keys::key_of(grant)? {
            ids.insert(grant.benefit_id, id);
        }
    }
    let wanted: Vec<_> = ids.values().copied().collect();
    let texts = keys::texts_of(tx, &wanted)?;
    for line in lines.iter_mut() {
        let id = line.key_of.and_then(|benefit| ids.get(&benefit));
        line.license_key = id.and_then(|id| texts.get(id).cloned());
    }
    let is_complete = lines.iter().all(|line| line.key_of.is_none() || line.license_key.is_some());
    let is_over = asked_at.add_seconds(WAITS_FOR_KEYS) <= tx.now();
    Ok(!is_complete && !is_over && jobs::has_grants_to_update(tx, of.customer_id)?)
}

fn files_of(benefit: &Benefit) -> Result<Vec<Id<File>>> {
    match benefit.r#type {
        BenefitType::Downloadables => Ok(benefit.properties.parse::<downloadables::Properties>()?.active()),
        _ => Ok(Vec::new()),
    }
}

fn note_of(benefit: &Benefit) -> Result<Option<String>> {
    match benefit.r#type {
        BenefitType::Custom => Ok(benefit.properties.parse::<custom::Properties>()?.note),
        _ => Ok(None),
    }
}
