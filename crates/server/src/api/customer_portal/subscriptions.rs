//! Subscriptions as their buyer sees and changes them.

use http::Method;
use merak_core::access::BUYERS;
use merak_core::kit::{Id, Kind, Result};
use merak_core::organizations::Organization;
use merak_core::products::{Price, Product};
use merak_core::subscriptions::price_change::{ChangePrice, Presence};
use merak_core::subscriptions::rules::Cancellation;
use merak_core::subscriptions::{
    self, ListSubscriptionsOfBuyer, Subscription, SubscriptionOfBuyerSort, price_change,
};
use merak_store::{ReadTx, Tx};

use super::{READERS, WRITERS};
use crate::api::shared::{ById, CustomerSubscription};
use crate::api::subscriptions::{
    CustomerSubscriptionUpdate, PREVIEW_REFUSALS, PreviewQuery, SubscriptionPreview, Wish, fulfil,
};
use crate::flows::change_price;
use crate::wire::{
    Call, Finishing, Flow, Json, ListResource, Many, Nothing, Operation, Unit, first_page, page, request,
    sorting, usual_limit,
};

const NAV: &str = "Featured Endpoints > Customer Portal";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/subscriptions/", list)
            .named("customer_portal:subscriptions:list", "List Subscriptions")
            .about("Lists what the customer subscribed to.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS),
        Operation::get("/v1/customer-portal/subscriptions/{id}", get)
            .named("customer_portal:subscriptions:get", "Get Subscription")
            .about("Shows a subscription of the customer.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::new(Method::PATCH, "/v1/customer-portal/subscriptions/{id}", Unit::flow(update))
            .named("customer_portal:subscriptions:update", "Update Subscription")
            .about(
                "Changes the price of a subscription, lets it end with its period, or lets it go on after all. What is \
                 free ends now, and changes once its payment has gone through: if that needs time, the subscription is \
                 answered as it is meanwhile. A payment that has to be approved needs the pages of the portal. A price that is \
                 dearer takes a token by which the seller or the customer vouches for the card that pays; after the \
                 confirmation of a checkout that is the card which was typed in for it.",
            )
            .nav(NAV)
            .admits(BUYERS, WRITERS)
            .refuses(&[
                Kind::BadRequest,
                Kind::SubscriptionNotActive,
                Kind::MissingPaymentMethod,
                Kind::AlreadyCanceled,
                Kind::NotFound,
                Kind::Gone,
            ]),
        Operation::get("/v1/customer-portal/subscriptions/{id}/preview", preview)
            .named("customer_portal:subscriptions:preview", "Preview Subscription")
            .about("Shows what a change of the price would cost, without making it.")
            .nav(NAV)
            .admits(BUYERS, READERS)
            .refuses(PREVIEW_REFUSALS)
            .hidden(),
        Operation::delete("/v1/customer-portal/subscriptions/{id}", cancel)
            .named("customer_portal:subscriptions:cancel", "Cancel Subscription")
            .about("Lets a subscription end with its period, or now if it is free.")
            .nav(NAV)
            .admits(BUYERS, WRITERS)
            .refuses(&[Kind::AlreadyCanceled, Kind::NotFound]),
    ]
}

sorting!(Sorting, SubscriptionOfBuyerSort, "CustomerSubscriptionSortProperty", "-started_at");

request! {
    /// Which subscriptions to list.
    pub struct ListSubscriptionsQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those of these products.
        #[serde(default)]
        pub product_id: Many<Id<Product>>,
        /// Only those that are active, or only those that are past due or have ended.
        pub active: Option<bool>,
        /// Only those whose product's name or organization's slug contains this.
        pub query: Option<String>,
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

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListSubscriptionsQuery>,
) -> Result<Json<ListResource<CustomerSubscription>>> {
    let query = &call.query;
    let page = page(query.page, query.limit);
    let wanted = ListSubscriptionsOfBuyer {
        organization_ids: query.organization_id.0.clone(),
        product_ids: query.product_id.0.clone(),
        is_active: query.active,
        query: query.query.clone(),
        sorting: query.sorting.criteria(),
        page,
    };
    let found = subscriptions::list_of_buyer(tx, &call.actor, &wanted)?;
    Ok(Json(ListResource::new(found, page, |found| CustomerSubscription::new(found, &call.house))))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CustomerSubscription>> {
    let found = subscriptions::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    Ok(Json(CustomerSubscription::new(found, &call.house)))
}

fn preview(tx: &mut ReadTx<'_>, call: &Call<ById, PreviewQuery>) -> Result<Json<SubscriptionPreview>> {
    let found = subscriptions::find_of_buyer(tx, &call.actor, call.path.id.cast())?.subscription;
    let preview = price_change::preview(tx, &call.house.billing, &found, call.query.product_price_id)?;
    Ok(Json(preview.into()))
}

/// The subscription, and the change of its price as far as this caller may wish it.
fn wished(
    tx: &mut ReadTx<'_>,
    call: &Call<ById, Nothing, CustomerSubscriptionUpdate>,
    price_id: Id<Price>,
) -> Result<(Subscription, ChangePrice)> {
    let found = subscriptions::find_of_buyer(tx, &call.actor, call.path.id.cast())?.subscription;
    let vouch = call.actor.vouch(tx, found.customer_id)?;
    Ok((found, ChangePrice { price_id, payer: Presence::Away, vouch }))
}

async fn update(
    flow: Flow<ById, Nothing, CustomerSubscriptionUpdate>,
) -> Finishing<Json<CustomerSubscription>> {
    if let Wish::Price(price_id) = flow.call().body.wish() {
        let (found, wish) = flow
            .read(move |tx, call| {
                let (found, wish) = wished(tx, call, price_id)?;
                price_change::require(tx, &call.house.billing, &found, wish)?;
                Ok((found, wish))
            })
            .await?;
        change_price::make_way(&flow.call().house, found, wish).await?;
        let applied = flow
            .write(move |tx, call| {
                let (found, wish) = wished(tx, call, price_id)?;
                price_change::apply(tx, &call.house.billing, &found, wish)
            })
            .await?;
        change_price::collect(&flow.call().house, applied).await?;
    }
    flow.finish(|tx, call| {
        let found = subscriptions::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
        let subscription = fulfil(tx, found.subscription.clone(), call.body.wish())?;
        let shown = subscriptions::SubscriptionOfBuyer { subscription, ..found };
        Ok(Json(CustomerSubscription::new(shown, &call.house)))
    })
    .await
}

fn cancel(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<Json<CustomerSubscription>> {
    let found = subscriptions::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    let canceled = subscriptions::cancel(tx, &found.subscription, Cancellation::default())?;
    let shown = subscriptions::SubscriptionOfBuyer { subscription: canceled, ..found };
    Ok(Json(CustomerSubscription::new(shown, &call.house)))
}
