//! The orders of an organization, a page at a time: all of them, those of a customer, or those whose payment was disputed.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::{HeaderMap, Method, StatusCode};
use merak_core::billing::{DisputeStatus, disputes};
use merak_core::customers::{self, CustomerSort, ListCustomers};
use merak_core::kit::{Cents, Page, Paged, Refusal, Result, Sort};
use merak_core::orders::{self, CompleteOrder, ListOrders, Order, OrderSort};
use merak_store::ReadTx;
use url::form_urlencoded;

use super::super::shop::Frame;
use super::super::shop::portal::desk::{field, reply};
use super::super::shop::portal::money::Badge;
use super::{Office, Rooms};
use crate::emails::words::{amount, day};
use crate::shell::Response;
use crate::state::House;

/// How many orders stand on a page.
const PER_PAGE: u32 = 25;

/// Orders of how many customers a search finds at most.
const MOST_FOUND: u32 = 50;

/// What the address says of a page that shows disputed orders only.
const DISPUTED: &str = "disputed";

#[derive(Template)]
#[template(path = "dashboard/orders.html")]
struct OrdersPage<'p> {
    frame: Frame<'p>,
    base: &'p str,
    query: String,
    is_disputed: bool,
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
    badges: Vec<Badge>,
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
    let is_disputed = field(query.as_bytes(), "show") == DISPUTED;
    let number = field(query.as_bytes(), "page").parse::<u32>().unwrap_or(1).max(1);
    let (house, known, wanted) = (Arc::clone(&rooms.house), office.clone(), text.clone());
    let found = rooms.house.store.read(move |tx| {
        let page = Page::new(number, PER_PAGE);
        let found = if is_disputed {
            disputes::orders(tx, known.organization.id, page)?
        } else {
            list(tx, &house, &known, (&wanted, page))?
        };
        let disputed = disputes::of_orders(tx, &found.items)?;
        let complete = orders::complete(tx, found.items)?;
        Ok::<_, Refusal>((Paged::new(complete, found.total), disputed))
    });
    let (found, disputed) = match found.await {
        Ok(found) => found,
        Err(refusal) => return rooms.refused(Some(&office), &refusal.into()),
    };
    let link = |number: u32| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if is_disputed {
            query.append_pair("show", DISPUTED);
        } else {
            query.append_pair("query", &text);
        }
        let query = query.append_pair("page", &number.to_string()).finish();
        format!("{}/orders?{query}", office.base)
    };
    let seen = i64::from(number) * i64::from(PER_PAGE);
    let page = OrdersPage {
        frame: rooms.frame("Orders", &office.organization),
        base: &office.base,
        rows: found.items.iter().map(|of| row(of, disputed.get(&of.order.id).copied())).collect(),
        total: found.total,
        earlier: (number > 1).then(|| link(number - 1)),
        later: (seen < found.total).then(|| link(number.saturating_add(1))),
        query: text.clone(),
        is_disputed,
    };
    reply(StatusCode::OK, &page)
}

fn list(
    tx: &mut ReadTx<'_>,
    house: &House,
    office: &Office,
    (text, page): (&str, Page),
) -> Result<Paged<Order>> {
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
        page,
    };
    orders::list(tx, &office.tenancy, &wanted)
}

/// How a dispute stands.
pub fn dispute_badge(status: DisputeStatus) -> Badge {
    match status {
        DisputeStatus::Open => ("bad", "Disputed"),
        DisputeStatus::Won => ("good", "Dispute won"),
        DisputeStatus::Lost => ("bad", "Dispute lost"),
    }
}

fn row(of: &CompleteOrder, disputed: Option<DisputeStatus>) -> Row {
    let order = &of.order;
    let total = Cents::new(order.amount.get() + order.tax_amount.get());
    let refunded = match order.refunded_amount.get() {
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
        badges: refunded.into_iter().chain(disputed.map(dispute_badge)).collect(),
    }
}
