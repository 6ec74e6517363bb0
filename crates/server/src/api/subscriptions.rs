//! Subscriptions: list, export, change, revoke.

mod preview;
mod table;
mod wire;

use http::Method;
use merak_core::access::{self, MERCHANTS};
use merak_core::customer_sessions::Vouch;
use merak_core::customers::Customer;
use merak_core::discounts::Discount;
use merak_core::kit::{Id, Kind, Paged, Result, Scope};
use merak_core::organizations::Organization;
use merak_core::products::Product;
use merak_core::subscriptions::price_change::{ChangePrice, Presence};
use merak_core::subscriptions::rules::Cancellation;
use merak_core::subscriptions::{self, ExportCursor, ListSubscriptions, SubscriptionSort, price_change};
use merak_store::{ReadTx, Tx};

pub use self::preview::{PreviewQuery, REFUSALS as PREVIEW_REFUSALS, SubscriptionPreview};
use self::wire::SubscriptionUpdate;
pub use self::wire::{CustomerSubscriptionUpdate, Wish};
use super::shared::{ById, Subscription};
use crate::flows::change_price;
use crate::state::House;
use crate::wire::{
    Appearance, Call, Finishing, Flow, Json, ListResource, Many, Nothing, Operation, Part, Unit, first_page,
    page, request, sorting, usual_limit,
};

const NAV: &str = "Other Endpoints > Subscriptions";
const READERS: &[Scope] = &[Scope::SubscriptionsRead, Scope::SubscriptionsWrite];
const WRITERS: &[Scope] = &[Scope::SubscriptionsWrite];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/subscriptions/", list)
            .named("subscriptions:list", "List Subscriptions")
            .about("Lists the subscriptions of the caller's organizations that have begun.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::long("/v1/subscriptions/export", Appearance { content_type: "text/csv; charset=utf-8", file_name: "polar-subscribers.csv" }, export)
            .named("subscriptions:export", "Export Subscriptions")
            .about(
                "Gives all subscriptions that have begun as a table in CSV, at most a million. Who accepts nothing but \
                 `application/json` gets the table as one JSON string.",
            )
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::new(Method::PATCH, "/v1/subscriptions/{id}", Unit::flow(update))
            .named("subscriptions:update", "Update Subscription")
            .about(
                "Changes the price of a subscription, lets it end with its period or now, or lets it go on after all. At \
                 the same interval the rest of the period is settled by the next invoice. What was free changes once its \
                 payment has gone through: if that needs time, the subscription is answered as it is meanwhile.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[
                Kind::BadRequest,
                Kind::SubscriptionNotActive,
                Kind::MissingPaymentMethod,
                Kind::AlreadyCanceled,
                Kind::NotFound,
                Kind::Gone,
            ]),
        Operation::get("/v1/subscriptions/{id}/preview", preview)
            .named("subscriptions:preview", "Preview Subscription")
            .about("Shows what a change of the price would cost, without making it.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(PREVIEW_REFUSALS)
            .hidden(),
        Operation::delete("/v1/subscriptions/{id}", revoke)
            .named("subscriptions:revoke", "Revoke Subscription")
            .about("Ends a subscription now, and takes back what came with it. Nothing is paid back.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::AlreadyCanceled, Kind::NotFound]),
    ]
}

sorting!(Sorting, SubscriptionSort, "SubscriptionSortProperty", "-started_at");

request! {
    /// Which subscriptions to list.
    pub struct ListSubscriptionsQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those of these products.
        #[serde(default)]
        pub product_id: Many<Id<Product>>,
        /// Only those of these customers.
        #[serde(default)]
        pub customer_id: Many<Id<Customer>>,
        /// Only those with these discounts.
        #[serde(default)]
        pub discount_id: Many<Id<Discount>>,
        /// Only those that are active, or only those that are past due or have ended.
        pub active: Option<bool>,
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

request! {
    /// Which subscriptions to export.
    pub struct ExportQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListSubscriptionsQuery>,
) -> Result<Json<ListResource<Subscription>>> {
    let query = &call.query;
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&query.organization_id.0);
    let page = page(query.page, query.limit);
    let wanted = ListSubscriptions {
        product_ids: query.product_id.0.clone(),
        customer_ids: query.customer_id.0.clone(),
        discount_ids: query.discount_id.0.clone(),
        is_active: query.active,
        sorting: query.sorting.criteria(),
        page,
    };
    let Paged { items, total } = subscriptions::list(tx, &tenancy, &wanted)?;
    let (complete, now) = (subscriptions::complete(tx, items)?, tx.now());
    let shown = |complete| Subscription::new(complete, &call.house, now);
    let items = complete.into_iter().map(shown).collect::<Result<Vec<_>>>()?;
    Ok(Json(ListResource::new(Paged::new(items, total), page, |subscription| subscription)))
}

fn export(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ExportQuery>,
    after: Option<ExportCursor>,
) -> Result<Part<ExportCursor>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let (subscribers, next) = subscriptions::export(tx, &tenancy, after)?;
    let mut text = String::from(if after.is_none() { table::HEADER } else { "" });
    for subscriber in &subscribers {
        table::push(&mut text, subscriber);
    }
    Ok(Part { text, next })
}

async fn update(flow: Flow<ById, Nothing, SubscriptionUpdate>) -> Finishing<Json<Subscription>> {
    if let Wish::Price(price_id) = flow.call().body.wish()? {
        let wish = ChangePrice { price_id, payer: Presence::Away, vouch: Vouch::Seller };
        let found = flow.read(find).await?;
        change_price::make_way(&flow.call().house, found, wish).await?;
        let applied = flow
            .write(move |tx, call| {
                let found = find(tx, call)?;
                price_change::apply(tx, &call.house.billing, &found, wish)
            })
            .await?;
        change_price::collect(&flow.call().house, applied).await?;
        return flow
            .finish(|tx, call| {
                let found = find(tx, call)?;
                show(tx, found, &call.house)
            })
            .await;
    }
    flow.finish(|tx, call| {
        let found = find(tx, call)?;
        let changed = fulfil(tx, found, call.body.wish()?)?;
        show(tx, changed, &call.house)
    })
    .await
}

fn preview(tx: &mut ReadTx<'_>, call: &Call<ById, PreviewQuery>) -> Result<Json<SubscriptionPreview>> {
    let found = find(tx, call)?;
    let preview = price_change::preview(tx, &call.house.billing, &found, call.query.product_price_id)?;
    Ok(Json(preview.into()))
}

fn find<Q, B>(tx: &mut ReadTx<'_>, call: &Call<ById, Q, B>) -> Result<subscriptions::Subscription> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    subscriptions::get(tx, &tenancy, call.path.id.cast())
}

/// Does to a subscription what its seller or buyer wishes. Another price is a flow of its own, see [`change_price`].
pub fn fulfil(
    tx: &mut Tx<'_>,
    found: subscriptions::Subscription,
    wish: Wish,
) -> Result<subscriptions::Subscription> {
    match wish {
        Wish::Nothing | Wish::Price(_) => Ok(found),
        Wish::Cancel(why) => subscriptions::cancel(tx, &found, why),
        Wish::Revoke(why) => subscriptions::revoke(tx, &found, why),
        Wish::Uncancel => subscriptions::uncancel(tx, &found),
    }
}

fn revoke(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<Json<Subscription>> {
    let found = find(tx, call)?;
    let ended = subscriptions::revoke(tx, &found, Cancellation::default())?;
    show(tx, ended, &call.house)
}

/// The subscription with what belongs to it.
fn show(
    tx: &mut ReadTx<'_>,
    subscription: subscriptions::Subscription,
    house: &House,
) -> Result<Json<Subscription>> {
    let complete = subscriptions::complete_one(tx, subscription)?;
    Ok(Json(Subscription::new(complete, house, tx.now())?))
}
