//! Orders as their buyer sees them.

use merak_core::access::BUYERS;
use merak_core::kit::{Id, Kind, Result};
use merak_core::orders::{self, ListOrdersOfBuyer, OrderOfBuyerSort};
use merak_core::organizations::Organization;
use merak_core::products::{PriceType, Product};
use merak_core::subscriptions::Subscription;
use merak_store::ReadTx;

use super::{NAV, READERS};
use crate::api::shared::{ById, CustomerOrder, OrderInvoice};
use crate::wire::{
    Call, Json, ListResource, Many, Nothing, Operation, first_page, page, request, sorting, usual_limit,
};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/orders/", list)
            .named("customer_portal:orders:list", "List Orders")
            .about("Lists what the customer bought.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS),
        Operation::get("/v1/customer-portal/orders/{id}", get)
            .named("customer_portal:orders:get", "Get Order")
            .about("Shows an order of the customer.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::get("/v1/customer-portal/orders/{id}/invoice", invoice)
            .named("customer_portal:orders:invoice", "Get Order Invoice")
            .about(
                "Tells where the invoice of an order is, for an hour. What was given or cost nothing has no invoice: \
                 `InvoiceNotAvailable`.",
            )
            .nav(NAV)
            .admits_purchases(BUYERS, READERS)
            .refuses(&[Kind::NotFound]),
    ]
}

sorting!(Sorting, OrderOfBuyerSort, "CustomerOrderSortProperty", "-created_at");

request! {
    /// Which orders to list.
    pub struct ListOrdersQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those of these products.
        #[serde(default)]
        pub product_id: Many<Id<Product>>,
        /// Only those that were paid once, or only those of subscriptions.
        #[serde(default)]
        pub product_price_type: Many<PriceType>,
        /// Only those of these subscriptions.
        #[serde(default)]
        pub subscription_id: Many<Id<Subscription>>,
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
    call: &Call<Nothing, ListOrdersQuery>,
) -> Result<Json<ListResource<CustomerOrder>>> {
    let query = &call.query;
    let page = page(query.page, query.limit);
    let wanted = ListOrdersOfBuyer {
        organization_ids: query.organization_id.0.clone(),
        product_ids: query.product_id.0.clone(),
        price_types: query.product_price_type.0.clone(),
        subscription_ids: query.subscription_id.0.clone(),
        query: query.query.clone(),
        sorting: query.sorting.criteria(),
        page,
    };
    let found = orders::list_of_buyer(tx, &call.actor, &wanted)?;
    Ok(Json(ListResource::new(found, page, |order| CustomerOrder::new(order, &call.house))))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CustomerOrder>> {
    let found = orders::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    Ok(Json(CustomerOrder::new(found, &call.house)))
}

fn invoice(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<OrderInvoice>> {
    let found = orders::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    Ok(Json(OrderInvoice::of(&found.order, &call.house, tx.now())?))
}
