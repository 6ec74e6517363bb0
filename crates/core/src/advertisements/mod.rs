//! What buyers of the benefit `ads` show in the room they bought.
//!
//! A campaign is shown while a granted grant names it, in the room of the benefit that was granted last. Which room that
//! is stands in the campaign's row and follows every change of such a grant.

mod commands;
mod queries;
mod rooms;

use merak_store::{Timestamp, row};

pub use self::commands::{CreateCampaign, create, note_click, note_view, show_by_grant};
pub use self::queries::{Counts, ListCampaigns, counts, get_shown, list_shown};
pub(crate) use self::rooms::settle_named;
use crate::customers::Customer;
use crate::kit::{Id, WebUrl, sort_properties};

row! {
    /// A picture, a text, and where they lead.
    #[derive(Clone, Debug)]
    pub struct Campaign in "advertisement_campaigns" {
        /// The campaign's id.
        pub id: Id<Campaign>,
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
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

sort_properties! {
    /// What a list of campaigns can be sorted by.
    pub enum CampaignSort {
        /// When the campaign was made.
        CreatedAt = "created_at" => "advertisement_campaigns.created_at",
        /// Since when it is shown.
        GrantedAt = "granted_at" => "advertisement_campaigns.granted_at",
        /// How often it was seen.
        Views = "views" => "advertisement_counts.views",
        /// How often it was followed.
        Clicks = "clicks" => "advertisement_counts.clicks",
    }
}
