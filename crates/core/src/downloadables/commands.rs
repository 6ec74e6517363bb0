//! What changes downloadables.

use merak_store::Tx;

use super::{Downloadable, Status, token};
use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::files::{self, File};
use crate::kit::{Id, InstanceSecret, Kind, Refusal, Refuses, Result};

/// Why nothing is downloaded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such token, or nothing behind it that may be downloaded; which one is nobody's business.
    #[error("Not found")]
    NotFound,
    /// The token was good once.
    #[error("This download link has expired.")]
    Expired,
    /// The token is ours and names nothing.
    #[error("This download link names no file.")]
    NamesNothing,
}

impl Refuses for Error {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound => Kind::NotFound,
            Self::Expired => Kind::Gone,
            Self::NamesNothing => Kind::BadRequest,
        }
    }
}

/// Lets a customer download files because of a benefit. What was revoked before comes back with its counter.
pub fn grant(
    tx: &mut Tx<'_>,
    benefit_id: Id<Benefit>,
    customer_id: Id<Customer>,
    file_ids: &[Id<File>],
) -> Result<()> {
    for file_id in file_ids {
        let (id, now) = (Id::<Downloadable>::new(tx), tx.now());
        tx.execute(
            "INSERT INTO downloadables (id, customer_id, file_id, benefit_id, status, downloaded, created_at) \
             VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (customer_id, file_id, benefit_id) DO UPDATE \
             SET status = $5, modified_at = $6 WHERE downloadables.status <> $5",
            &[&id, &customer_id, file_id, &benefit_id, &Status::Granted, &now],
        )?;
    }
    Ok(())
}

/// Takes everything back that a customer may download because of a benefit.
pub fn revoke(tx: &mut Tx<'_>, benefit_id: Id<Benefit>, customer_id: Id<Customer>) -> Result<()> {
    let now = tx.now();
    tx.execute(
        "UPDATE downloadables SET status = $3, modified_at = $4 \
         WHERE benefit_id = $1 AND customer_id = $2 AND status <> $3",
        &[&benefit_id, &customer_id, &Status::Revoked, &now],
    )?;
    Ok(())
}

/// The file behind a token, counted as downloaded. A token is good until it ends, as long as its customer still may: one
/// statement says so and counts.
pub fn redeem(tx: &mut Tx<'_>, secret: &InstanceSecret, text: &str) -> Result<File> {
    let now = tx.now();
    let id = token::open(secret, text, now)?;
    let found = tx.returning::<Id<File>>(
        "UPDATE downloadables SET downloaded = downloaded + 1, last_downloaded_at = $2 \
         WHERE id = $1 AND status = $3 \
         AND EXISTS (SELECT 1 FROM files WHERE files.id = downloadables.file_id AND files.is_uploaded \
         AND files.is_enabled AND files.deleted_at IS NULL) \
         AND EXISTS (SELECT 1 FROM benefits WHERE benefits.id = downloadables.benefit_id \
         AND benefits.deleted_at IS NULL) \
         AND EXISTS (SELECT 1 FROM customers WHERE customers.id = downloadables.customer_id \
         AND customers.deleted_at IS NULL) RETURNING file_id",
        &[&id, &now, &Status::Granted],
    )?;
    let Some(file_id) = found.first() else { return Err(Error::NotFound.into()) };
    files::find(tx, *file_id)?.ok_or_else(Refusal::not_found)
}
