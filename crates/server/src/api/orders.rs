//! Orders: list, get, and where their invoices are.

use merak_core::access::{self, MERCHANTS};
use merak_core::customers::Customer;
use merak_core::discounts::Discount;
use merak_core::kit::{Id, Kind, Paged, Result, Scope};
use merak_core::orders::{self, ListOrders, OrderSort};
use merak_core::organizations::Organization;
use merak_core::products::{PriceType, Product};
use merak_store::ReadTx;

use super::shared::{ById, Order, OrderInvoice};
use crate::wire::{
    Call, Json, ListResource, Many, Nothing, Operation, first_page, page, request, sorting, usual_limit,
};

const NAV: &str = "Other Endpoints > Orders";
const READERS: &[Scope] = &[Scope::OrdersRead];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/orders/", list)
            .named("orders:list", "List Orders")
            .about("Lists the orders of the caller's organizations.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::get("/v1/orders/{id}", get)
            .named("orders:get", "Get Order")
            .about("Shows an order.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::get("/v1/orders/{id}/invoice", invoice)
            .named("orders:invoice", "Get Order Invoice")
            .about(
                "Tells where the invoice of an order is, for an hour. What was given or cost nothing has no invoice: \
                 `InvoiceNotAvailable`.",
            )
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
    ]
}

sorting!(Sorting, OrderSort, "OrderSortProperty", "-created_at");

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
        /// Only those with these discounts.
        #[serde(default)]
        pub discount_id: Many<Id<Discount>>,
        /// Only those of these customers.
        #[serde(default)]
        pub customer_id: Many<Id<Customer>>,
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

fn list(tx: &mut ReadTx<'_>, call: &Call<Nothing, ListOrdersQuery>) -> Result<Json<ListResource<Order>>> {
    let query = &call.query;
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&query.organization_id.0);
    let page = page(query.page, query.limit);
    let wanted = ListOrders {
        product_ids: query.product_id.0.clone(),
        price_types: query.product_price_type.0.clone(),
        discount_ids: query.discount_id.0.clone(),
        customer_ids: query.customer_id.0.clone(),
        sorting: query.sorting.criteria(),
        page,
    };
    let Paged { items, total } = orders::list(tx, &tenancy, &wanted)?;
    let complete = Paged::new(orders::complete(tx, items)?, total);
    Ok(Json(ListResource::new(complete, page, Order::from)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<Order>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let found = orders::get(tx, &tenancy, call.path.id.cast())?;
    Ok(Json(orders::complete_one(tx, found)?.into()))
}

fn invoice(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<OrderInvoice>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let found = orders::get(tx, &tenancy, call.path.id.cast())?;
    Ok(Json(OrderInvoice::of(&found, &call.house, tx.now())?))
}
