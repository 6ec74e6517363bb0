//! How long lists of orders and subscriptions take among very many. Slow, so it is asked for by name.

use std::time::Instant;

use merak_core::access::Tenancy;
use merak_core::kit::{Id, Page, SortProperty};
use merak_core::orders::{self, ListOrders, OrderSort};
use merak_core::products::{PriceType, RecurringInterval};
use merak_core::subscriptions::{self, ListSubscriptions, SubscriptionSort};
use merak_testkit::Engine;
use uuid::Uuid;

use crate::support::*;

const ROWS: i64 = 300_000;
const CUSTOMERS: i64 = 60_000;
const PRODUCTS: i64 = 30;
const DISCOUNTS: i64 = 50;

merak_testkit::both_engines! {
    setup = filled;
    #[ignore = "takes minutes; run by name with --ignored --nocapture"]
    fn page_1_costs_the_same_however_many_there_are(opened: Shop) {
        measure(&opened);
    }
}

fn filled(engine: Engine) -> Shop {
    let shop = Shop::on(engine);
    let mut products = Vec::new();
    for number in 0..PRODUCTS {
        let interval = (number % 3 > 0).then_some(RecurringInterval::Month);
        let name = format!("Product {}", number * 7 % PRODUCTS);
        let product = shop.product_with(&name, &[fixed(interval, 500 + 100 * number)]);
        products.push((product.id, shop.complete(product.id).public.prices.remove(0).id));
    }
    let organization = shop.organization.id;
    shop.write(move |tx| {
        let numbers = |count: i64| tx_numbers(count);
        let is_sqlite = tx.engine() == Engine::Sqlite;
        let uuid = |kind: u8, number: &str| {
            if is_sqlite {
                format!("printf('019{kind}0000-0000-7000-8000-%012x', {number})")
            } else {
                format!("CAST('019{kind}0000-0000-7000-8000-' || lpad(to_hex({number}), 12, '0') AS uuid)")
            }
        };
        let time = |seconds: &str| {
            if is_sqlite {
                format!("strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1700000000 + {seconds}, 'unixepoch')")
            } else {
                format!("to_timestamp(1700000000 + {seconds})")
            }
        };
        let text = |number: &str| format!("CAST({number} AS text)");
        let run = |tx: &mut merak_store::Tx<'_>, sql: String| tx.execute(&sql, &[&organization]).map_err(|e| { println!("{sql}"); e });
        run(tx, format!(
            "{} INSERT INTO customers (id, organization_id, email, email_verified, metadata, created_at) \
             SELECT {}, $1, 'buyer' || {} || '@example.com', FALSE, '{{}}', {} FROM numbers",
            numbers(CUSTOMERS), uuid(1, "n"), text("(n * 7919) % 60000"), time("n"),
        ))?;
        run(tx, format!(
            "{} INSERT INTO discounts (id, organization_id, name, type, duration, redemptions_count, metadata, created_at, basis_points) \
             SELECT {}, $1, 'Discount ' || {}, 'percentage', 'forever', 0, '{{}}', {}, 1000 FROM numbers",
            numbers(DISCOUNTS), uuid(2, "n"), text("(n * 7) % 50"), time("n"),
        ))?;
        tx.execute("CREATE TABLE scratch (n bigint, product_id uuid, price_id uuid, price_type text)", &[])?;
        for (n, (product, price)) in (0_i64..).zip(products.clone()) {
            let r#type = if n % 3 > 0 { "recurring" } else { "one_time" };
            tx.execute("INSERT INTO scratch VALUES ($1, $2, $3, $4)", &[&n, &product, &price, &r#type])?;
        }
        // Half of the sales are of products of their time.
        let product = "(CASE WHEN m % 2 = 0 THEN m / 2 % 30 ELSE m * 30 / 300000 END)";
        let plan = format!("(CASE WHEN {product} % 3 = 0 THEN {product} + 1 ELSE {product} END)");
        let discount = format!("CASE WHEN m % 3 = 0 THEN {} END", uuid(2, "(m / 3) % 50"));
        let email = "(SELECT lower(customers.email) FROM customers WHERE customers.id = ";
        let (columns, keys) = if is_after() {
            (", price_type, customer_email", format!(", scratch.price_type, {email}{})", uuid(1, "m * 13 % 60000")))
        } else {
            ("", String::new())
        };
        let rows = format!("(SELECT n AS m FROM numbers) AS sold");
        run(tx, format!(
            "{} INSERT INTO orders (id, organization_id, customer_id, product_id, product_price_id, subscription_id, \
             discount_id, billing_reason, amount, tax_amount, currency, metadata, custom_field_data, refunded_amount, created_at{columns}) \
             SELECT {}, $1, {}, scratch.product_id, scratch.price_id, CASE WHEN scratch.price_type = 'recurring' THEN {} END, {discount}, \
             'purchase', 500 + 100 * scratch.n, 0, 'usd', '{{}}', '{{}}', 0, {}{keys} \
             FROM {rows} JOIN scratch ON scratch.n = {product}",
            numbers(ROWS), uuid(3, "m"), uuid(1, "m * 13 % 60000"), uuid(4, "m / 4"), time("m * 100"),
        ))?;
        let (columns, keys) = if is_after() {
            (", customer_email", format!(", {email}{})", uuid(1, "m * 13 % 60000")))
        } else {
            ("", String::new())
        };
        run(tx, format!(
            "{} INSERT INTO subscriptions (id, organization_id, customer_id, product_id, price_id, discount_id, status, base_amount, \
             amount, currency, recurring_interval, current_period_start, current_period_end, cancel_at_period_end, started_at, \
             metadata, custom_field_data, anchor_at, anchor_period, period, retries, created_at{columns}) \
             SELECT {}, $1, {}, scratch.product_id, scratch.price_id, {discount}, \
             CASE WHEN m < 120000 THEN 'canceled' WHEN m % 30 = 0 THEN 'past_due' ELSE 'active' END, \
             500 + 100 * scratch.n, 500 + 100 * scratch.n, 'usd', 'month', {time1}, {}, m % 40 = 0, {time1}, \
             '{{}}', '{{}}', {time1}, 0, 0, 0, {time1}{keys} \
             FROM {rows} JOIN scratch ON scratch.n = {plan}",
            numbers(ROWS), uuid(4, "m"), uuid(1, "m * 13 % 60000"), time("m * 100 + 2592000"), time1 = time("m * 100"),
        ))?;
        let standing = "sum(CASE WHEN status = 'active' THEN 1 ELSE 0 END), sum(CASE WHEN status = 'active' THEN 0 ELSE 1 END), 0";
        let types = "sum(CASE WHEN price_type = 'recurring' THEN 0 ELSE 1 END), sum(CASE WHEN price_type = 'recurring' THEN 1 ELSE 0 END)";
        run(tx, format!("INSERT INTO subscription_counts SELECT $1, product_id, {standing} FROM subscriptions GROUP BY product_id"))?;
        run(tx, format!("INSERT INTO order_counts SELECT $1, orders.product_id, {types} FROM orders JOIN scratch ON scratch.product_id = orders.product_id GROUP BY orders.product_id", types = types.replace("price_type", "scratch.price_type")))?;
        if is_after() {
            run(tx, format!("INSERT INTO subscription_discount_counts SELECT $1, discount_id, product_id, {standing} FROM subscriptions WHERE discount_id IS NOT NULL GROUP BY discount_id, product_id"))?;
            run(tx, format!("INSERT INTO order_discount_counts SELECT $1, discount_id, product_id, {types} FROM orders WHERE discount_id IS NOT NULL GROUP BY discount_id, product_id"))?;
        }
        if !is_sqlite {
            tx.execute("ANALYZE", &[])?;
        }
        Ok(())
    })
    .unwrap();
    shop
}

fn is_after() -> bool {
    std::env::var("BEFORE").is_err()
}

fn tx_numbers(count: i64) -> String {
    format!("WITH RECURSIVE numbers AS (SELECT CAST(0 AS bigint) AS n UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {count})")
}

/// Three times each, the best counts.
fn time(what: &str, mut list: impl FnMut() -> (usize, i64)) {
    let mut best = f64::MAX;
    let mut found = (0, 0);
    for _ in 0..3 {
        let begun = Instant::now();
        found = list();
        best = best.min(begun.elapsed().as_secs_f64() * 1000.0);
    }
    println!("{what:60} {best:9.1} ms  {} of {}", found.0, found.1);
}

fn measure(shop: &Shop) {
    let organization = shop.organization.id;
    let engine = format!("{:?}", shop.store.engine());
    let of = |kind: u8, n: u128| Uuid::from_u128((0x0190_0000_0000_7000_8000_0000_0000_0000 + (u128::from(kind) << 112)) + n);
    let products: Vec<Uuid> = shop.read(|tx| Ok(tx.all("SELECT product_id FROM scratch ORDER BY n", &[])?)).unwrap();
    let all = ListOrders {
        product_ids: Vec::new(),
        price_types: Vec::new(),
        discount_ids: Vec::new(),
        customer_ids: Vec::new(),
        sorting: Vec::new(),
        page: Page::new(1, 10),
    };
    let filters = [
        ("all", all.clone()),
        ("product", ListOrders { product_ids: vec![Id::from_uuid(products[10])], ..all.clone() }),
        ("one_time", ListOrders { price_types: vec![PriceType::OneTime], ..all.clone() }),
        ("recurring", ListOrders { price_types: vec![PriceType::Recurring], ..all.clone() }),
        ("discount", ListOrders { discount_ids: vec![Id::from_uuid(of(2, 7))], ..all.clone() }),
        ("customer", ListOrders { customer_ids: vec![Id::from_uuid(of(1, 13))], ..all.clone() }),
        ("product and discount", ListOrders {
            product_ids: vec![Id::from_uuid(products[10])],
            discount_ids: vec![Id::from_uuid(of(2, 7))],
            ..all.clone()
        }),
    ];
    for (name, wanted) in filters {
        for sorting in OrderSort::SPELLINGS {
            let wanted = ListOrders { sorting: vec![sorting.parse().unwrap()], ..wanted.clone() };
            time(&format!("{engine} orders of {name} by {sorting}"), || {
                let wanted = wanted.clone();
                let page = shop.read(move |tx| orders::list(tx, &Tenancy::of(organization), &wanted)).unwrap();
                (page.items.len(), page.total)
            });
        }
    }
    let all = ListSubscriptions {
        product_ids: Vec::new(),
        customer_ids: Vec::new(),
        discount_ids: Vec::new(),
        is_active: None,
        sorting: Vec::new(),
        page: Page::new(1, 10),
    };
    let filters = [
        ("all", all.clone()),
        ("product", ListSubscriptions { product_ids: vec![Id::from_uuid(products[10])], ..all.clone() }),
        ("active", ListSubscriptions { is_active: Some(true), ..all.clone() }),
        ("ended", ListSubscriptions { is_active: Some(false), ..all.clone() }),
        ("discount", ListSubscriptions { discount_ids: vec![Id::from_uuid(of(2, 7))], ..all.clone() }),
        ("customer", ListSubscriptions { customer_ids: vec![Id::from_uuid(of(1, 13))], ..all.clone() }),
        ("active of product", ListSubscriptions {
            product_ids: vec![Id::from_uuid(products[10])],
            is_active: Some(true),
            ..all.clone()
        }),
    ];
    for (name, wanted) in filters {
        for sorting in SubscriptionSort::SPELLINGS {
            let wanted = ListSubscriptions { sorting: vec![sorting.parse().unwrap()], ..wanted.clone() };
            time(&format!("{engine} subscriptions of {name} by {sorting}"), || {
                let wanted = wanted.clone();
                let page = shop.read(move |tx| subscriptions::list(tx, &Tenancy::of(organization), &wanted)).unwrap();
                (page.items.len(), page.total)
            });
        }
    }
    let begun = Instant::now();
    let part = shop.read(move |tx| subscriptions::export(tx, &Tenancy::of(organization), None)).unwrap();
    println!("{engine} export's first part {:9.1} ms {}", begun.elapsed().as_secs_f64() * 1000.0, part.0.len());
    let begun = Instant::now();
    let part = shop.read(move |tx| subscriptions::export(tx, &Tenancy::of(organization), part.1)).unwrap();
    println!("{engine} export's second part {:9.1} ms {}", begun.elapsed().as_secs_f64() * 1000.0, part.0.len());
}
