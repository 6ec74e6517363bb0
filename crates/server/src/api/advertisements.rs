//! Advertisements: list and get what is shown in a room, and count views and clicks.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Method};
use merak_core::advertisements::{self, Campaign, CampaignSort, ListCampaigns};
use merak_core::benefits::Benefit;
use merak_core::kit::{Id, Kind, Refusal, Result, WebUrl};
use merak_store::{ReadTx, Timestamp, Tx};
use serde_json::{Value, json};

use super::shared::ById;
use crate::wire::{
    Answer, Call, Components, Described, Json, ListResource, NoContent, Nothing, Operation, Pagination,
    Reply, SeeOther, Unit, answer, first_page, page, request, sorting, usual_limit,
};

const NAV: &str = "Other Endpoints > Advertisements";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/advertisements/", list)
            .named("advertisements:list", "List Advertisements")
            .about("Lists the campaigns that are shown in the room of a benefit of the kind `ads`.")
            .nav(NAV),
        Operation::get("/v1/advertisements/{id}", get)
            .named("advertisements:get", "Get Advertisement")
            .about("Shows a campaign, while it is shown somewhere.")
            .nav(NAV)
            .refuses(&[Kind::NotFound]),
        Operation::new(Method::POST, "/v1/advertisements/{id}/view", Unit::WriteOne(view))
            .named("advertisements:view", "Count View")
            .about("Counts that a campaign was seen.")
            .nav(NAV)
            .refuses(&[Kind::NotFound])
            .hidden(),
        Operation::new(Method::GET, "/v1/advertisements/{id}/pixel", Unit::WriteOne(pixel))
            .named("advertisements:pixel", "Count View By Picture")
            .about("Counts that a campaign was seen, and answers a picture that shows nothing.")
            .nav(NAV)
            .refuses(&[Kind::NotFound])
            .hidden(),
        Operation::new(Method::GET, "/v1/advertisements/{id}/click", Unit::WriteOne(click))
            .named("advertisements:click", "Follow Advertisement")
            .about("Counts that a campaign was followed, and goes on where it leads.")
            .nav(NAV)
            .refuses(&[Kind::NotFound])
            .hidden(),
    ]
}

sorting!(Sorting, CampaignSort, "AdvertisementSortProperty", "granted_at");

request! {
    /// Which campaigns to list.
    pub struct ListAdvertisementsQuery {
        /// The benefit whose room they are shown in.
        pub benefit_id: Id<Benefit>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
        /// In which order.
        #[serde(default)]
        pub sorting: Sorting,
    }
}

answer! {
    /// What somebody shows in a room they bought.
    pub struct AdvertisementCampaign {
        /// When the campaign was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The campaign's id.
        pub id: Id<Campaign>,
        /// The picture.
        pub image_url: WebUrl,
        /// The picture on a dark background, if there is another one.
        pub image_url_dark: Option<WebUrl>,
        /// What is said of the picture.
        pub text: String,
        /// Where it leads.
        pub link_url: WebUrl,
    }

    /// The campaigns that are shown in a room.
    pub struct AdvertisementCampaignListResource {
        /// The items.
        pub items: Vec<AdvertisementCampaign>,
        /// How long the list is.
        pub pagination: Pagination,
        /// Width and height of the pictures, in pixels.
        pub dimensions: Dimensions,
    }
}

/// Width and height.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Dimensions(i64, i64);

impl Described for Dimensions {
    fn schema(_: &mut Components) -> Value {
        let side = json!({"type": "integer"});
        json!({"type": "array", "prefixItems": [side, side], "minItems": 2, "maxItems": 2})
    }
}

impl From<Campaign> for AdvertisementCampaign {
    fn from(campaign: Campaign) -> Self {
        Self {
            created_at: campaign.created_at,
            modified_at: campaign.modified_at,
            id: campaign.id,
            image_url: campaign.image_url,
            image_url_dark: campaign.image_url_dark,
            text: campaign.text,
            link_url: campaign.link_url,
        }
    }
}

/// 200 with a picture of one transparent pixel. Who kept a copy would be counted once only.
#[derive(Clone, Copy, Debug)]
struct Pixel;

/// The smallest GIF: one colour, which is transparent.
const TRANSPARENT_GIF: &[u8] = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";

impl Answer for Pixel {
    const STATUS: u16 = 200;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> std::result::Result<Reply, serde_json::Error> {
        let mut reply = Reply::new(Self::STATUS, Bytes::from_static(TRANSPARENT_GIF));
        reply.headers.push((CONTENT_TYPE, HeaderValue::from_static("image/gif")));
        reply.headers.push((CACHE_CONTROL, HeaderValue::from_static("no-store")));
        Ok(reply)
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListAdvertisementsQuery>,
) -> Result<Json<AdvertisementCampaignListResource>> {
    let page = page(call.query.page, call.query.limit);
    let wanted =
        ListCampaigns { benefit_id: call.query.benefit_id, sorting: call.query.sorting.criteria(), page };
    let (shown, room) = advertisements::list_shown(tx, &wanted)?;
    let ListResource { items, pagination } = ListResource::new(shown, page, AdvertisementCampaign::from);
    let dimensions = Dimensions(room.image_width, room.image_height);
    Ok(Json(AdvertisementCampaignListResource { items, pagination, dimensions }))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<AdvertisementCampaign>> {
    Ok(Json(advertisements::get_shown(tx, call.path.id.cast())?.into()))
}

fn view(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    advertisements::note_view(tx, call.path.id.cast())?;
    Ok(NoContent)
}

fn pixel(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<Pixel> {
    advertisements::note_view(tx, call.path.id.cast())?;
    Ok(Pixel)
}

fn click(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<SeeOther> {
    let link = advertisements::note_click(tx, call.path.id.cast())?;
    // A normalised address is ASCII without control characters.
    let location = HeaderValue::from_str(link.as_str()).map_err(|_| Refusal::not_found())?;
    Ok(SeeOther { location, cookie: None })
}
