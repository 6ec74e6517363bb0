//! The small shop that `merak demo` shows and that tests look at.

mod catalogue;
mod files;
mod fill;
mod sales;

use merak_store::{FromRow, ReadTx, Tx};

pub use self::files::{DemoFile, show};
pub use self::sales::{DemoSale, are_grants_due, begin_sales, end_sales};
use crate::access::{self, NewToken, Wanted};
use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::files::File;
use crate::kit::{Id, InstanceSecret, Refusal, Result, ScopeSet};
use crate::license_keys::LicenseKey;
use crate::orders::Order;
use crate::organizations::{self, Organization};
use crate::products::Product;
use crate::subscriptions::Subscription;
use crate::users::User;
use crate::{clock, customer_sessions, login_links, users};

const OWNER: &str = "ada@nimbus.example";
const SLUG: &str = "nimbus-tools";
/// What the demo's tokens are called, so that the next start can replace them.
const COMMENT: &str = "demo";

/// What a visitor of the demo shop needs.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The shop.
    pub organization: Organization,
    /// By how many seconds its clock is ahead.
    pub seconds_ahead: i64,
    /// A personal access token of its owner, with every scope.
    pub access_token: String,
    /// What signs a browser in as the owner: once, and within a quarter of an hour.
    pub login_token: String,
    /// A customer with a key, and a portal session of theirs.
    pub customer_id: Id<Customer>,
    /// The session's token.
    pub customer_session_token: String,
    /// The license-keys benefit of most keys.
    pub benefit_id: Id<Benefit>,
    /// Some keys in different states; the first is good and has free seats.
    pub license_keys: Vec<LicenseKey>,
    /// All benefits.
    pub benefit_ids: Vec<Id<Benefit>>,
    /// All customers.
    pub customer_ids: Vec<Id<Customer>>,
    /// All products, archived ones too.
    pub product_ids: Vec<Id<Product>>,
    /// Its orders, the oldest first.
    pub order_ids: Vec<Id<Order>>,
    /// Its subscriptions, the oldest first.
    pub subscription_ids: Vec<Id<Subscription>>,
    /// A code that reduces a price.
    pub discount_code: &'static str,
    /// What opens a checkout link.
    pub checkout_link_secret: Option<String>,
    /// All files, those that wait for their bytes too.
    pub file_ids: Vec<Id<File>>,
    /// Files whose bytes have to be stored, and then [`show`]n.
    pub wanted_files: Vec<DemoFile>,
}

/// Makes the shop if it is not there; nothing is sold in it yet. Also tells whose bytes are still to be stored.
pub fn stock(tx: &mut Tx<'_>) -> Result<(Organization, Vec<DemoFile>)> {
    let (_, organization) = founded(tx)?;
    let wanted_files = files::wanted(tx, organization.id)?;
    Ok((organization, wanted_files))
}

fn founded(tx: &mut Tx<'_>) -> Result<(User, Organization)> {
    let owner = users::find_or_create(tx, &fill::email(OWNER)?)?;
    let organization = match organizations::find_by_slug(tx, SLUG)? {
        Some(organization) => organization,
        None => fill::fill(tx, owner.id)?,
    };
    Ok((owner, organization))
}

/// Makes the shop if it is not there, and fresh tokens for it; those of an earlier start end.
pub fn open(tx: &mut Tx<'_>, secret: &InstanceSecret) -> Result<Demo> {
    let (owner, organization) = founded(tx)?;
    for token in access::list_personal_access_tokens(tx, owner.id)? {
        if token.comment == COMMENT {
            access::revoke_token(tx, token.id.uuid())?;
        }
    }
    let wanted = Wanted { scopes: ScopeSet::grantable(), expires_in: None, comment: COMMENT };
    let NewToken { token, .. } = access::create_personal_access_token(tx, secret, owner.id, &wanted)?;
    let keys = tx.all::<LicenseKey>(
        const_format::concatcp!(
            "SELECT ",
            LicenseKey::COLUMNS,
            " FROM license_keys WHERE organization_id = $1 ORDER BY created_at, id LIMIT 20"
        ),
        &[&organization.id],
    )?;
    let first = keys.first().ok_or_else(Refusal::not_found)?;
    let (_, login) = login_links::create(tx, secret, owner.id)?;
    let (_, session) = customer_sessions::create(tx, secret, first.customer_id)?;
    let wanted_files = files::wanted(tx, organization.id)?;
    let secrets = live::<String>(tx, "client_secret", "checkout_links", organization.id)?;
    Ok(Demo {
        access_token: token.into_string(),
        login_token: login.into_string(),
        seconds_ahead: clock::advance::find(tx, organization.id)?
            .map_or(0, |clock| clock.ahead_us / 1_000_000),
        customer_id: first.customer_id,
        customer_session_token: session.into_string(),
        benefit_id: first.benefit_id,
        license_keys: keys,
        benefit_ids: live(tx, "id", "benefits", organization.id)?,
        customer_ids: live(tx, "id", "customers", organization.id)?,
        product_ids: live(tx, "id", "products", organization.id)?,
        order_ids: of_shop(tx, "orders", organization.id)?,
        subscription_ids: of_shop(tx, "subscriptions", organization.id)?,
        discount_code: catalogue::CODE,
        checkout_link_secret: secrets.into_iter().next(),
        file_ids: live(tx, "id", "files", organization.id)?,
        wanted_files,
        organization,
    })
}

/// A column of the live rows of one of the organization's tables, a few of them.
fn live<T: FromRow>(
    tx: &mut ReadTx<'_>,
    column: &'static str,
    table: &'static str,
    organization_id: Id<Organization>,
) -> Result<Vec<T>> {
    let sql = format!(
        "SELECT {column} FROM {table} WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 20"
    );
    Ok(tx.all(&sql, &[&organization_id])?)
}

/// The ids in one of the organization's tables from which nothing is deleted, a few of them.
fn of_shop<T>(
    tx: &mut ReadTx<'_>,
    table: &'static str,
    organization_id: Id<Organization>,
) -> Result<Vec<Id<T>>> {
    let sql = format!("SELECT id FROM {table} WHERE organization_id = $1 ORDER BY id LIMIT 20");
    Ok(tx.all(&sql, &[&organization_id])?)
}
