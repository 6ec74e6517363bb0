//! How mails list what comes with a product.

use std::collections::HashMap;

use merak_store::ReadTx;

use super::BenefitLine;
use crate::benefits::kinds::{custom, downloadables};
use crate::benefits::{Benefit, BenefitType};
use crate::files::{self, File};
use crate::kit::{Id, Result};
use crate::products::{self, Product};

/// What comes with a product, in the seller's order, as somebody who has just bought it reads it. License keys are not
/// in it: they are made by a job, and the portal shows them.
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
            description: benefit.description,
            license_key: None,
            downloads: files.iter().filter_map(|id| names.get(id).cloned()).collect(),
        })
    };
    benefits.into_iter().zip(files).map(line).collect()
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
