//! What changes campaigns.

use const_format::concatcp;
use merak_store::{Json, Tx};
use serde_json::{Map, Value};

use super::rooms::{NAME, settle_named};
use super::{Campaign, queries};
use crate::benefits::grants::BenefitGrant;
use crate::benefits::{Benefit, BenefitType};
use crate::customers::{self, Customer};
use crate::kit::{Id, Refusal, Result, WebUrl};

/// A new campaign.
#[derive(Clone, Debug)]
pub struct CreateCampaign {
    /// Who advertises.
    pub customer_id: Id<Customer>,
    /// The picture.
    pub image_url: WebUrl,
    /// The picture on a dark background, if there is another one.
    pub image_url_dark: Option<WebUrl>,
    /// What is said of the picture.
    pub text: String,
    /// Where it leads.
    pub link_url: WebUrl,
}

/// Makes a campaign of a live customer. It is shown once a grant names it.
pub fn create(tx: &mut Tx<'_>, command: &CreateCampaign) -> Result<Campaign> {
    customers::find(tx, command.customer_id)?.ok_or_else(Refusal::not_found)?;
    let campaign = Campaign {
        id: Id::new(tx),
        customer_id: command.customer_id,
        image_url: command.image_url.clone(),
        image_url_dark: command.image_url_dark.clone(),
        text: command.text.clone(),
        link_url: command.link_url.clone(),
        created_at: tx.now(),
        modified_at: None,
        deleted_at: None,
    };
    tx.insert(&campaign)?;
    tx.execute(
        "INSERT INTO advertisement_counts (campaign_id, views, clicks) VALUES ($1, 0, 0)",
        &[&campaign.id],
    )?;
    Ok(campaign)
}

/// Lets a grant show a campaign in the room that it gives: both must be the same customer's, and the room one of the
/// kind `ads`. What the grant showed before is shown by it no more.
pub fn show_by_grant(tx: &mut Tx<'_>, id: Id<Campaign>, grant_id: Id<BenefitGrant>) -> Result<BenefitGrant> {
    const SQL: &str = concatcp!(
        "SELECT ",
        BenefitGrant::COLUMNS,
        ", ",
        Benefit::COLUMNS,
        " FROM benefit_grants JOIN benefits ON benefits.id = benefit_grants.benefit_id \
         JOIN advertisement_campaigns ON advertisement_campaigns.customer_id = benefit_grants.customer_id \
         WHERE benefit_grants.id = $1 AND advertisement_campaigns.id = $2 \
         AND advertisement_campaigns.deleted_at IS NULL AND benefits.deleted_at IS NULL"
    );
    let found: Option<(BenefitGrant, Benefit)> = tx.find(SQL, &[&grant_id, &id])?;
    let Some((mut grant, _)) = found.filter(|(_, benefit)| benefit.r#type == BenefitType::Ads) else {
        return Err(Refusal::not_found());
    };
    let mut properties: Map<String, Value> = grant.properties.parse()?;
    properties.insert(String::from(NAME), Value::from(id.to_string()));
    let before = std::mem::replace(&mut grant.properties, Json::from(Value::Object(properties)));
    grant.modified_at = Some(tx.now());
    tx.changed_one(
        "UPDATE benefit_grants SET properties = $2, modified_at = $3 WHERE id = $1",
        &[&grant.id, &grant.properties, &grant.modified_at],
    )?;
    settle_named(tx, &before)?;
    settle_named(tx, &grant.properties)?;
    Ok(grant)
}

/// Notes that a campaign was seen, if it is shown somewhere; else not found. One statement writes.
pub fn note_view(tx: &mut Tx<'_>, id: Id<Campaign>) -> Result<()> {
    queries::get_shown(tx, id)?;
    Ok(tx.changed_one("UPDATE advertisement_counts SET views = views + 1 WHERE campaign_id = $1", &[&id])?)
}

/// Notes that a campaign was followed, and says where it leads, if it is shown somewhere; else not found. One statement
/// writes.
pub fn note_click(tx: &mut Tx<'_>, id: Id<Campaign>) -> Result<WebUrl> {
    let campaign = queries::get_shown(tx, id)?;
    tx.changed_one("UPDATE advertisement_counts SET clicks = clicks + 1 WHERE campaign_id = $1", &[&id])?;
    Ok(campaign.link_url)
}
