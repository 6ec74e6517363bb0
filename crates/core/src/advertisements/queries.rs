//! What is read of campaigns.

use const_format::concatcp;
use merak_store::{ReadTx, Sql};

use super::{Campaign, CampaignSort};
use crate::benefits::kinds::ads::Properties;
use crate::benefits::{self, Benefit, BenefitType};
use crate::kit::{Id, Page, Paged, Refusal, Result, Sort, at, order_by};

/// The campaign, if it is shown somewhere; else not found.
pub fn get_shown(tx: &mut ReadTx<'_>, id: Id<Campaign>) -> Result<Campaign> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Campaign::COLUMNS,
        " FROM advertisement_campaigns WHERE id = $1 AND deleted_at IS NULL AND benefit_id IS NOT NULL"
    );
    tx.find(SQL, &[&id])?.ok_or_else(Refusal::not_found)
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
    const TOTAL: &str = "SELECT campaigns FROM advertisement_room_counts WHERE benefit_id = $1";
    let benefit = benefits::find(tx, wanted.benefit_id)?.filter(|benefit| benefit.r#type == BenefitType::Ads);
    let Some(benefit) = benefit else {
        let place = at("query").field("benefit_id");
        let problem = place.value_error("Benefit not found.", wanted.benefit_id.to_string());
        return Err(Refusal::invalid(problem));
    };
    let total: i64 = tx.find(TOTAL, &[&benefit.id])?.unwrap_or_default();
    // The table that has the first criterion has the index in its order.
    let (table, id) = match wanted.sorting.first().map(|sort| sort.by) {
        Some(CampaignSort::Views | CampaignSort::Clicks) => {
            ("advertisement_counts", "advertisement_counts.campaign_id")
        }
        Some(CampaignSort::CreatedAt | CampaignSort::GrantedAt) | None => {
            ("advertisement_campaigns", "advertisement_campaigns.id")
        }
    };
    let mut select = Sql::new(concatcp!(
        "SELECT ",
        Campaign::COLUMNS,
        " FROM advertisement_campaigns JOIN advertisement_counts \
         ON advertisement_counts.campaign_id = advertisement_campaigns.id WHERE "
    ));
    select.push(table).push(".benefit_id = ").bind(benefit.id);
    select.push(" AND advertisement_campaigns.deleted_at IS NULL");
    select.push(&order_by(&wanted.sorting, id)).push(" LIMIT ");
    select.bind(wanted.page.rows()).push(" OFFSET ").bind(wanted.page.offset());
    Ok((Paged::new(tx.list(&select)?, total), benefit.properties.parse()?))
}
