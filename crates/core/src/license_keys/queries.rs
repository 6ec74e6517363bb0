//! What is read of license keys.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{Engine, Lookup, Order, PartitionedPage, ReadTx, Sql, Timestamp, row};

use super::{Activation, HeldKey, LicenseKey, Properties, Usage};
use crate::access::{Actor, Tenancy};
use crate::benefits::kinds::license_keys::key_of;
use crate::benefits::{Benefit, grants};
use crate::customers::{self, Buyer, Customer};
use crate::kit::{Id, Page, Paged, Refusal, Result};
use crate::organizations::Organization;

/// Also selects from what a statement has just written and called `license_key_usage`.
pub(super) const HELD: &str = concatcp!(
    "SELECT ",
    LicenseKey::COLUMNS,
    ", ",
    Usage::COLUMNS,
    ", ",
    Customer::COLUMNS,
    " FROM license_keys JOIN license_key_usage ON license_key_usage.license_key_id = license_keys.id \
     JOIN customers ON customers.id = license_keys.customer_id"
);

pub(super) type HeldRow = (LicenseKey, Usage, Customer);

impl From<HeldRow> for HeldKey {
    fn from((key, usage, customer): HeldRow) -> Self {
        Self { key, usage, customer }
    }
}

/// The key row; says nothing about who may see it.
pub fn find(tx: &mut ReadTx<'_>, id: Id<LicenseKey>) -> Result<Option<LicenseKey>> {
    const SQL: &str = concatcp!("SELECT ", LicenseKey::COLUMNS, " FROM license_keys WHERE id = $1");
    Ok(tx.find(SQL, &[&id])?)
}

/// A key and its holder, neither of which validations and activations change.
static BY_TEXT: Lookup<(LicenseKey, Customer)> = Lookup::new(
    concatcp!(
        LicenseKey::COLUMNS,
        ", ",
        Customer::COLUMNS,
        " FROM license_keys JOIN customers ON customers.id = license_keys.customer_id \
         WHERE license_keys.organization_id = $1 AND license_keys.key = $2"
    ),
    &["license_keys", "customers"],
);

const USAGE: &str = concatcp!("SELECT ", Usage::COLUMNS, " FROM license_key_usage WHERE license_key_id = $1");

/// The key with this text in this organization, exactly as written.
pub(super) fn find_by_text(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    key: &str,
) -> Result<Option<HeldKey>> {
    if tx.engine() == Engine::Postgres {
        const SQL: &str =
            concatcp!(HELD, " WHERE license_keys.organization_id = $1 AND license_keys.key = $2");
        return Ok(tx.find::<HeldRow>(SQL, &[&organization_id, &key])?.map(HeldKey::from));
    }
    let Some(found) = tx.look_up(&BY_TEXT, &[&organization_id, &key])? else { return Ok(None) };
    let (key, customer) = (*found).clone();
    let usage = tx.one(USAGE, &[&key.id])?;
    Ok(Some(HeldKey { key, usage, customer }))
}

/// The id of the key with this text in this organization.
pub(super) fn find_id_by_text(
    tx: &mut ReadTx<'_>,
    organization_id: Id<Organization>,
    key: &str,
) -> Result<Option<Id<LicenseKey>>> {
    Ok(tx.look_up(&BY_TEXT, &[&organization_id, &key])?.map(|found| found.0.id))
}

/// The keys with these ids as people type them.
pub fn texts_of(tx: &mut ReadTx<'_>, ids: &[Id<LicenseKey>]) -> Result<HashMap<Id<LicenseKey>, String>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let mut sql = Sql::new("SELECT id, key FROM license_keys WHERE id IN ");
    sql.bind_list(ids.iter().copied());
    Ok(tx.list::<(Id<LicenseKey>, String)>(&sql)?.into_iter().collect())
}

fn find_held(tx: &mut ReadTx<'_>, id: Id<LicenseKey>) -> Result<Option<HeldKey>> {
    const SQL: &str = concatcp!(HELD, " WHERE license_keys.id = $1");
    Ok(tx.find::<HeldRow>(SQL, &[&id])?.map(HeldKey::from))
}

/// These keys with what belongs to them, the oldest first; says nothing about who may see them.
pub fn find_held_many(tx: &mut ReadTx<'_>, ids: &[Id<LicenseKey>]) -> Result<Vec<HeldKey>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(HELD);
    sql.push(" WHERE license_keys.id IN ").bind_list(ids.iter().copied());
    sql.push(" ORDER BY license_keys.created_at, license_keys.id");
    Ok(tx.list::<HeldRow>(&sql)?.into_iter().map(HeldKey::from).collect())
}

/// A key as its seller sees it: not found if there is none, unauthorized if it is somebody else's.
pub fn get(tx: &mut ReadTx<'_>, tenancy: &Tenancy, id: Id<LicenseKey>) -> Result<HeldKey> {
    let held = find_held(tx, id)?.ok_or_else(Refusal::not_found)?;
    if tenancy.contains(held.key.organization_id) { Ok(held) } else { Err(Refusal::unauthorized()) }
}

/// A key as its buyer sees it, and its live activations if the benefit lets customers look after them.
pub fn get_of_buyer(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    id: Id<LicenseKey>,
) -> Result<(HeldKey, Vec<Activation>)> {
    let buyer = customers::buyer(tx, actor)?;
    let sold = sold(tx, &buyer)?;
    let mut held = find_held(tx, id)?
        .filter(|held| buyer.customer_ids.contains(&held.key.customer_id))
        .filter(|held| sold.as_ref().is_none_or(|sold| sold.contains(&held.key.id)))
        .ok_or_else(Refusal::not_found)?;
    buyer.veil(&mut held.customer);
    let properties = tx
        .one::<merak_store::Json>("SELECT properties FROM benefits WHERE id = $1", &[&held.key.benefit_id])?;
    let settings = Properties::of(&properties)?;
    let is_shown = settings.activations.is_some_and(|activations| activations.enable_customer_admin);
    let activations = if is_shown { activations_of(tx, id)? } else { Vec::new() };
    Ok((held, activations))
}

/// The keys that came with the checkout whose fruits are all that the buyer sees; none if they see everything.
fn sold(tx: &mut ReadTx<'_>, buyer: &Buyer) -> Result<Option<Vec<Id<LicenseKey>>>> {
    let Some(checkout_id) = buyer.checkout_id() else { return Ok(None) };
    let grants = grants::list_of_checkout(tx, checkout_id)?;
    let keys = grants.iter().filter_map(|grant| key_of(grant).transpose());
    keys.collect::<Result<Vec<_>>>().map(Some)
}

const ACTIVATIONS: &str =
    concatcp!("SELECT ", Activation::COLUMNS, " FROM license_key_activations WHERE license_key_id = $1");

/// How much of a key's activations is shown, in bytes as they are stored: enough for some fifteen thousand of the usual
/// size.
const MOST_SHOWN: i64 = 4 << 20;

/// What an activation weighs beside its texts, in bytes.
const ACTIVATION_BYTES: i64 = 256;

/// A key's live activations, the oldest first, as many as have room in an answer.
pub fn activations_of(tx: &mut ReadTx<'_>, id: Id<LicenseKey>) -> Result<Vec<Activation>> {
    const WEIGHTS: &str = concatcp!(
        "SELECT octet_length(label) + octet_length(CAST(conditions AS text)) + octet_length(CAST(meta AS text)) + ",
        ACTIVATION_BYTES,
        " FROM license_key_activations WHERE license_key_id = $1 ORDER BY id LIMIT ",
        MOST_SHOWN / ACTIVATION_BYTES
    );
    const SHOWN: &str = concatcp!(ACTIVATIONS, " ORDER BY id LIMIT $2");
    let mut bytes = 0;
    let shown = tx.all::<i64>(WEIGHTS, &[&id])?.into_iter().take_while(|weight| {
        bytes += weight;
        bytes <= MOST_SHOWN
    });
    let shown = i64::try_from(shown.count()).unwrap_or(i64::MAX);
    let mut activations: Vec<Activation> =
        if shown == 0 { Vec::new() } else { tx.all(SHOWN, &[&id, &shown])? };
    // Ids ascend with time, but for imported ones.
    activations.sort_by_key(|activation| (activation.created_at, activation.id));
    Ok(activations)
}

row! {
    /// A seat as pages show it.
    #[derive(Clone, Debug)]
    pub struct Seat in "license_key_activations" {
        /// The activation's id.
        pub id: Id<Activation>,
        /// The key.
        pub license_key_id: Id<LicenseKey>,
        /// What the app calls the device, as far as a page has room for it; may be empty.
        pub label: String,
        /// When it was activated.
        pub created_at: Timestamp,
    }
}

/// The seats of these keys, the oldest first, at most a thousand in all.
pub fn seats_of_many(tx: &mut ReadTx<'_>, ids: &[Id<LicenseKey>]) -> Result<Vec<Seat>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(
        "SELECT id, license_key_id, substr(label, 1, 200), created_at FROM license_key_activations \
         WHERE license_key_id IN ",
    );
    sql.bind_list(ids.iter().copied()).push(" ORDER BY created_at, id LIMIT 1000");
    Ok(tx.list(&sql)?)
}

/// A live activation of this very key.
pub fn find_activation(
    tx: &mut ReadTx<'_>,
    license_key_id: Id<LicenseKey>,
    id: Id<Activation>,
) -> Result<Option<Activation>> {
    const SQL: &str = concatcp!(ACTIVATIONS, " AND id = $2");
    Ok(tx.find(SQL, &[&license_key_id, &id])?)
}

/// A list of keys as their seller sees them.
#[derive(Clone, Debug)]
pub struct ListLicenseKeys {
    /// Only keys of these benefits; empty is no filter.
    pub benefit_ids: Vec<Id<Benefit>>,
    /// Which page.
    pub page: Page,
}

/// Lists the keys of the given organizations, the oldest first.
pub fn list(tx: &mut ReadTx<'_>, tenancy: &Tenancy, wanted: &ListLicenseKeys) -> Result<Paged<HeldKey>> {
    if tenancy.ids().is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let mut counts =
        Sql::new("SELECT benefit_id, license_keys FROM benefit_counts WHERE organization_id IN ");
    counts.bind_list(tenancy.ids().iter().copied());
    if !wanted.benefit_ids.is_empty() {
        counts.push(" AND benefit_id IN ").bind_list(wanted.benefit_ids.iter().copied());
    }
    let counts = tx.list::<(Id<Benefit>, i64)>(&counts)?;
    let total = counts.iter().map(|(_, keys)| keys).sum();
    let mut select = Sql::new(HELD);
    let mut push = |column, partitions: &[uuid::Uuid]| {
        PartitionedPage {
            table: "license_keys",
            column,
            filter: &|_| (),
            order: &["license_keys.created_at", "license_keys.id"].map(Order::ascending),
            limit: wanted.page.rows(),
            offset: wanted.page.offset(),
        }
        .push(&mut select, partitions);
    };
    if wanted.benefit_ids.is_empty() {
        push("organization_id", &tenancy.ids().iter().map(|id| id.uuid()).collect::<Vec<_>>());
    } else if counts.is_empty() {
        return Ok(Paged::new(Vec::new(), 0));
    } else {
        push("benefit_id", &counts.iter().map(|(id, _)| id.uuid()).collect::<Vec<_>>());
    }
    Ok(Paged::new(tx.list::<HeldRow>(&select)?.into_iter().map(HeldKey::from).collect(), total))
}

/// A buyer's list of keys.
#[derive(Clone, Debug)]
pub struct ListLicenseKeysOfBuyer {
    /// Only keys of these organizations; empty is no filter.
    pub organization_ids: Vec<Id<Organization>>,
    /// Only keys of this benefit.
    pub benefit_id: Option<Id<Benefit>>,
    /// Which page.
    pub page: Page,
}

/// Lists a buyer's keys, the oldest first, in whatever state they are.
pub fn list_of_buyer(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    wanted: &ListLicenseKeysOfBuyer,
) -> Result<Paged<HeldKey>> {
    let buyer = customers::buyer(tx, actor)?;
    let sold = sold(tx, &buyer)?;
    if buyer.customer_ids.is_empty() || sold.as_ref().is_some_and(Vec::is_empty) {
        return Ok(Paged::new(Vec::new(), 0));
    }
    let filter = |sql: &mut Sql| {
        if !wanted.organization_ids.is_empty() {
            sql.push(" AND license_keys.organization_id IN ");
            sql.bind_list(wanted.organization_ids.iter().copied());
        }
        if let Some(benefit_id) = wanted.benefit_id {
            sql.push(" AND license_keys.benefit_id = ").bind(benefit_id);
        }
        if let Some(ids) = &sold {
            sql.push(" AND license_keys.id IN ").bind_list(ids.iter().copied());
        }
    };
    let mut count = Sql::new("SELECT count(*) FROM license_keys WHERE customer_id IN ");
    count.bind_list(buyer.customer_ids.iter().copied());
    filter(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(HELD);
    PartitionedPage {
        table: "license_keys",
        column: "customer_id",
        filter: &filter,
        order: &["license_keys.created_at", "license_keys.id"].map(Order::ascending),
        limit: wanted.page.rows(),
        offset: wanted.page.offset(),
    }
    .push(&mut select, &buyer.customer_ids);
    let mut found: Vec<HeldKey> = tx.list::<HeldRow>(&select)?.into_iter().map(HeldKey::from).collect();
    for held in &mut found {
        buyer.veil(&mut held.customer);
    }
    Ok(Paged::new(found, total))
}
