//! What is read of campaigns.

use const_format::concatcp;
use merak_store::{ReadTx, Sql};

use super::{Campaign, CampaignSort};
use crate::benefits::kinds::ads::Properties;
use crate::benefits::{self, Benefit, BenefitType};
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, at, order_by};

/// The campaign, if it is shown somewhere; else not found.
pub fn get_shown(tx: &mut ReadTx<'_>, id: Id<Campaign>) -> Result<Campaign> {
    // The text is bound and not cast, because SQLite looks an expression of a cast up in no index.
    const SQL: &str = concatcp!(
        "SELECT ",
        Campaign::COLUMNS,
        " FROM advertisement_campaigns WHERE id = $1 AND deleted_at IS NULL \
         AND EXISTS (SELECT 1 FROM benefit_grants \
         WHERE benefit_grants.properties ->> 'advertisement_campaign_id' = $2 \
         AND benefit_grants.properties ->> 'advertisement_campaign_id' IS NOT NULL \
         AND benefit_grants.granted_at IS NOT NULL)"
    );
    tx.find(SQL, &[&id, &id.to_string()])?.ok_or_else(Refusal::not_found)
}

/// How often a campaign was seen and followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// How often it was seen.
    pub views: i64,
    /// How often it was followed.
    pub clicks: i64,
}

/// Reads how often a campaign was seen and followed.
pub fn counts(tx: &mut ReadTx<'_>, id: Id<Campaign>) -> Result<Counts> {
    const SQL: &str = "SELECT views, clicks FROM advertisement_counts WHERE campaign_id = $1";
    let (views, clicks) = tx.find(SQL, &[&id])?.ok_or_else(Refusal::not_found)?;
    Ok(Counts { views, clicks })
}

/// A list of campaigns.
#[derive(Clone, Debug)]
pub struct ListCampaigns {
    /// The room they are shown in: a benefit of the kind `ads`.
    pub benefit_id: Id<Benefit>,
    /// In which order.
    pub sorting: Vec<Sort<CampaignSort>>,
    /// Which page.
    pub page: Page,
}

/// Lists the campaigns that are shown in a room, with the size of its pictures. A campaign that was granted elsewhere
/// later is shown there.
pub fn list_shown(tx: &mut ReadTx<'_>, wanted: &ListCampaigns) -> Result<(Paged<Campaign>, Properties)> {
    let benefit = benefits::find(tx, wanted.benefit_id)?.filter(|benefit| benefit.r#type == BenefitType::Ads);
    let Some(benefit) = benefit else {
        let place = at("query").field("benefit_id");
        let problem = place.value_error("Benefit not found.", wanted.benefit_id.to_string());
        return Err(Refusal::invalid(problem));
    };
    let from = |sql: &mut Sql| {
        sql.push(
            " FROM benefit_grants JOIN advertisement_campaigns \
             ON CAST(advertisement_campaigns.id AS text) = benefit_grants.properties ->> 'advertisement_campaign_id' \
             JOIN advertisement_counts ON advertisement_counts.campaign_id = advertisement_campaigns.id \
             WHERE advertisement_campaigns.deleted_at IS NULL AND benefit_grants.granted_at IS NOT NULL \
             AND NOT EXISTS (SELECT 1 FROM benefit_grants AS later \
             WHERE later.properties ->> 'advertisement_campaign_id' = benefit_grants.properties ->> 'advertisement_campaign_id' \
             AND later.properties ->> 'advertisement_campaign_id' IS NOT NULL AND later.granted_at IS NOT NULL \
             AND (later.granted_at, later.id) > (benefit_grants.granted_at, benefit_grants.id)) \
             AND benefit_grants.benefit_id = ",
        );
        sql.bind(benefit.id);
    };
    let mut count = Sql::new("SELECT count(*)");
    from(&mut count);
    let total = tx.count(&count)?;
    let mut select = Sql::new(concatcp!("SELECT ", Campaign::COLUMNS));
    from(&mut select);
    select.push(&order_by(&wanted.sorting, "advertisement_campaigns.id")).push(" LIMIT ");
    select.bind(wanted.page.rows()).push(" OFFSET ").bind(wanted.page.offset());
    Ok((Paged::new(tx.list(&select)?, total), benefit.properties.parse()?))
}
