//! What is read of downloadables.

use const_format::concatcp;
use merak_store::{ReadTx, Sql};

use super::{Downloadable, Status};
use crate::access::Actor;
use crate::benefits::{Benefit, grants};
use crate::customers;
use crate::files::File;
use crate::kit::{Id, Page, Paged, Result};
use crate::organizations::Organization;

/// What a buyer may download.
#[derive(Clone, Debug)]
pub struct ListDownloadablesOfBuyer {
    /// Only files of these organizations; empty is no filter, here and below.
    pub organization_ids: Vec<Id<Organization>>,
    /// Only what these benefits give.
    pub benefit_ids: Vec<Id<Benefit>>,
    /// Which page.
    pub page: Page,
}

/// Lists what a buyer may download now, the newest first. A person holds few things, so they are simply counted.
pub fn list_of_buyer(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    wanted: &ListDownloadablesOfBuyer,
) -> Result<Paged<(Downloadable, File)>> {
    const FROM: &str = " FROM downloadables JOIN files ON files.id = downloadables.file_id \
         JOIN benefits ON benefits.id = downloadables.benefit_id \
         WHERE files.is_uploaded AND files.is_enabled AND files.deleted_at IS NULL \
         AND benefits.deleted_at IS NULL AND downloadables.status = ";
    let buyer = customers::buyer(tx, actor)?;
    if buyer.customer_ids.is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let mut benefit_ids = wanted.benefit_ids.clone();
    if let Some(checkout_id) = buyer.checkout_id() {
        // Files are held once, whatever they came with, so those are seen that came with the checkout as well.
        let sold = grants::list_of_checkout(tx, checkout_id)?;
        let mut sold: Vec<_> = sold.into_iter().map(|grant| grant.benefit_id).collect();
        sold.retain(|id| benefit_ids.is_empty() || benefit_ids.contains(id));
        if sold.is_empty() {
            return Ok(Paged::new(Vec::new(), 0));
        }
        benefit_ids = sold;
    }
    let filter = |sql: &mut Sql| {
        sql.bind(Status::Granted)
            .push(" AND downloadables.customer_id IN ")
            .bind_list(buyer.customer_ids.iter().copied());
        if !wanted.organization_ids.is_empty() {
            sql.push(" AND files.organization_id IN ").bind_list(wanted.organization_ids.iter().copied());
        }
        if !benefit_ids.is_empty() {
            sql.push(" AND downloadables.benefit_id IN ").bind_list(benefit_ids.iter().copied());
        }
    };
    let mut count = Sql::new(concatcp!("SELECT count(*)", FROM));
    filter(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Downloadable::COLUMNS, ", ", File::COLUMNS, FROM));
    filter(&mut select);
    select.push(" ORDER BY downloadables.created_at DESC, downloadables.id DESC LIMIT ");
    select.bind(wanted.page.rows()).push(" OFFSET ").bind(wanted.page.offset());
    Ok(Paged::new(tx.list(&select)?, total))
}
