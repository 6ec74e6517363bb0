//! Which organizations a caller works for, and lists that read each tenant through its own index.

use merak_store::{Param, ReadTx, Sql};

use super::{Actor, Subject};
use crate::kit::{Id, Page, Refusal, Result, at};
use crate::organizations::Organization;

/// Above this many partitions a list gives up reading each in order and sorts instead.
const MERGE_LIMIT: usize = 64;

/// The organizations whose rows a caller may see. Empty for anonymous callers and customers.
#[derive(Clone, Debug, Default)]
pub struct Tenancy(Vec<Id<Organization>>);

/// Reads the caller's tenancy: a user's live memberships, or the organization itself.
pub fn tenancy(tx: &mut ReadTx<'_>, actor: &Actor) -> Result<Tenancy> {
    Ok(Tenancy(match actor.subject {
        Subject::Organization(id) => vec![id],
        Subject::User(id) => tx.all(
            "SELECT organizations.id FROM organization_members \
             JOIN organizations ON organizations.id = organization_members.organization_id \
             WHERE organization_members.user_id = $1 AND organization_members.deleted_at IS NULL \
             AND organizations.deleted_at IS NULL ORDER BY organizations.id",
            &[&id],
        )?,
        Subject::Anonymous | Subject::Customer(_) => Vec::new(),
    }))
}

impl Tenancy {
    /// The tenancy of one organization, for work that the system does on its behalf.
    pub fn of(id: Id<Organization>) -> Self {
        Self(vec![id])
    }

    /// Whether rows of this organization are visible.
    pub fn contains(&self, id: Id<Organization>) -> bool {
        self.0.contains(&id)
    }

    /// The organizations.
    pub fn ids(&self) -> &[Id<Organization>] {
        &self.0
    }

    /// Only those organizations that the filter names. An empty filter is no filter; it never widens.
    #[must_use]
    pub fn narrowed(self, filter: &[Id<Organization>]) -> Self {
        if filter.is_empty() {
            return self;
        }
        Self(self.0.into_iter().filter(|id| filter.contains(id)).collect())
    }
}

/// The organization that a create body is for: a user names one of theirs, an organization must leave it out.
pub fn require_organization(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    named: Option<Id<Organization>>,
) -> Result<Id<Organization>> {
    let place = at("body").field("organization_id");
    match (actor.subject, named) {
        (Subject::Organization(id), None) => Ok(id),
        (Subject::Organization(_), Some(named)) => Err(Refusal::invalid(place.problem(
            "organization_token",
            "Setting organization_id is disallowed when using an organization token.",
            named.to_string(),
        ))),
        (_, None) => Err(Refusal::invalid(place.problem(
            "missing",
            "organization_id is required.",
            serde_json::Value::Null,
        ))),
        (_, Some(named)) => {
            let is_open = tx
                .find::<Id<Organization>>(
                    "SELECT id FROM organizations WHERE id = $1 AND blocked_at IS NULL AND deleted_at IS NULL",
                    &[&named],
                )?
                .is_some();
            if is_open && tenancy(tx, actor)?.contains(named) {
                Ok(named)
            } else {
                Err(Refusal::invalid(place.value_error("Organization not found.", named.to_string())))
            }
        }
    }
}

/// A page of rows spread over partitions (organizations, benefits, customers) of which each has an index in list
/// order. Every partition is read in order up to the page's end and the results are merged, so that the first page
/// costs the same however many rows there are.
pub struct PartitionedPage<'p> {
    /// The listed table, which has a column `id`.
    pub table: &'p str,
    /// The column that names the partition, such as `organization_id`.
    pub column: &'p str,
    /// Conditions on the table's own columns, each beginning with ` AND `.
    pub filter: &'p dyn Fn(&mut Sql),
    /// Expressions over the table's columns with their direction, such as `created_at DESC`, the id last.
    pub order: &'p [String],
    /// The page.
    pub page: Page,
}

impl PartitionedPage<'_> {
    /// Appends ` WHERE … ORDER BY … LIMIT …` to a select over the table.
    pub fn push<I: Param + Clone + Send + 'static>(&self, sql: &mut Sql, partitions: &[I]) {
        let Self { table, column, filter, order, page } = self;
        let order_by = order.join(", ");
        if partitions.len() <= 1 || partitions.len() > MERGE_LIMIT {
            sql.push(&format!(" WHERE {table}.{column} IN "));
            sql.bind_list(partitions.iter().cloned());
            filter(sql);
            sql.push(&format!(" ORDER BY {order_by} LIMIT "));
            sql.bind(page.rows()).push(" OFFSET ").bind(page.offset());
            return;
        }
        let end = page.offset().saturating_add(page.rows());
        let keys: Vec<String> = order.iter().map(|key| sort_expression(key).to_owned()).collect();
        let named: Vec<String> =
            keys.iter().enumerate().map(|(n, key)| format!("{key} AS key_{n}")).collect();
        let outer: Vec<String> =
            order.iter().enumerate().map(|(n, key)| key.replacen(&keys[n], &format!("key_{n}"), 1)).collect();
        sql.push(&format!(" WHERE {table}.id IN (SELECT row_id FROM ("));
        for (n, partition) in partitions.iter().enumerate() {
            sql.push(if n == 0 { "SELECT * FROM (" } else { " UNION ALL SELECT * FROM (" });
            sql.push(&format!("SELECT {table}.id AS row_id, {} FROM {table}", named.join(", ")));
            sql.push(&format!(" WHERE {table}.{column} = "));
            sql.bind(partition.clone());
            filter(sql);
            sql.push(&format!(" ORDER BY {order_by} LIMIT "));
            sql.bind(end).push(&format!(") AS part_{n}"));
        }
        sql.push(&format!(") AS merged ORDER BY {} LIMIT ", outer.join(", ")));
        sql.bind(page.rows()).push(" OFFSET ").bind(page.offset());
        sql.push(&format!(") ORDER BY {order_by}"));
    }
}

/// The expression of an order item, without its direction.
fn sort_expression(item: &str) -> &str {
    let end =
        [" ASC", " DESC", " NULLS"].iter().filter_map(|word| item.find(word)).min().unwrap_or(item.len());
    &item[..end]
}
