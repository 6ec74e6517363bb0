//! The orders of an organization, a page at a time, by customer if wanted.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::{HeaderMap, Method, StatusCode};
use merak_core::customers::{self, CustomerSort, ListCustomers};
use merak_core::kit::{Cents, Page, Paged, Refusal, Result, Sort};
use merak_core::orders::{self, CompleteOrder, ListOrders, OrderSort};
use merak_store::ReadTx;
use url::form_urlencoded;

use super::super::shop::Frame;
use super::super::shop::portal::desk::{field, reply};
use super::{Office, Rooms};
use crate::emails::words::{amount, day};
use crate::shell::Response;
use crate::state::House;

/// How many orders stand on a page.
const PER_PAGE: u32 = 25;

/// Orders of how many customers a search finds at most.
const MOST_FOUND: u32 = 50;

#[derive(Template)]
#[template(path = "dashboard/orders.html")]
struct OrdersPage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    query: String,
    rows: Vec<Row>,
    total: i64,
    earlier: Option<String>,
    later: Option<String>,
}

struct Row {
    id: String,
    day: String,
    email: String,
    product: String,
    amount: String,
    badge: Option<(&'static str, &'static str)>,
}

/// The page.
pub async fn show(
    State(rooms): State<Rooms>,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let office = match rooms.enter(&slug, &method, &headers).await {
        Ok(office) => office,
        Err(response) => return response,
    };
    let query = query.unwrap_or_default();
    let text = field(query.as_bytes(), "query");
    let number = field(query.as_bytes(), "page").parse::<u32>().unwrap_or(1).max(1);
    let (house, known, wanted) = (Arc::clone(&rooms.house), office.clone(), text.clone());
    let found = rooms.house.store.read(move |tx| read(tx, &house, &known, (&wanted, number))).await;
    let found = match found {
        Ok(found) => found,
        Err(refusal) => return rooms.refused(Some(&office), &refusal.into()),
    };
    let link = |number: u32| {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("query", &text)
            .append_pair("page", &number.to_string())
            .finish();
        format!("{}/orders?{query}", office.base)
    };
    let seen = i64::from(number) * i64::from(PER_PAGE);
    let page = OrdersPage {
        frame: rooms.frame("Orders", &office.organization),
        base: &office.base,
        rows: found.items.iter().map(row).collect(),
        total: found.total,
        earlier: (number > 1).then(|| link(number - 1)),
        later: (seen < found.total).then(|| link(number.saturating_add(1))),
        query: text.clone(),
    };
    reply(StatusCode::OK, &page)
}

fn read(
    tx: &mut ReadTx<'_>,
    house: &House,
    office: &Office,
    (text, number): (&str, u32),
) -> Result<Paged<CompleteOrder>> {
    let mut customer_ids = Vec::new();
    if !text.is_empty() {
        let wanted = ListCustomers {
            query: Some(text.to_owned()),
            sorting: vec![Sort { by: CustomerSort::CreatedAt, descending: true }],
            page: Page::new(1, MOST_FOUND),
        };
        let found = customers::list(tx, &office.tenancy, &wanted, &house.totals)?;
        customer_ids = found.items.iter().map(|customer| customer.id).collect();
        if customer_ids.is_empty() {
            return Ok(Paged::new(Vec::new(), 0));
        }
    }
    let wanted = ListOrders {
        product_ids: Vec::new(),
        price_types: Vec::new(),
        discount_ids: Vec::new(),
        customer_ids,
        sorting: vec![Sort { by: OrderSort::CreatedAt, descending: true }],
        page: Page::new(number, PER_PAGE),
    };
    let found = orders::list(tx, &office.tenancy, &wanted)?;
    Ok::<_, Refusal>(Paged::new(orders::complete(tx, found.items)?, found.total))
}

fn row(of: &CompleteOrder) -> Row {
    let order = &of.order;
    let total = Cents::new(order.amount.get() + order.tax_amount.get());
    let badge = match order.refunded_amount.get() {
        0 => None,
        some if some >= total.get() => Some(("bad", "Refunded")),
        _ => Some(("warm", "Partly refunded")),
    };
    Row {
        id: order.id.to_string(),
        day: day(order.created_at),
        email: of.customer.email.to_string(),
        product: of.product.name.clone(),
        amount: amount(total, order.currency),
        badge,
    }
}
