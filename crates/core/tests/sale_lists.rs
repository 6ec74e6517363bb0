//! Lists of orders and subscriptions: whatever they are filtered and sorted by, a page is a slice of the sorted whole.

use std::cmp::Ordering;
use std::time::Duration;

use merak_core::customers::Customer;
use merak_core::discounts::{self, CreateDiscount, Discount, Reduction, Span};
use merak_core::kit::{Cents, Id, Metadata, Page, Sort, SortProperty};
use merak_core::orders::{self, ListOrders, Order, OrderSort};
use merak_core::organizations::Organization;
use merak_core::products::{PriceType, Product, RecurringInterval};
use merak_core::subscriptions::{
    self, ListSubscriptions, Subscription, SubscriptionSort, SubscriptionStatus,
};
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::subscriptions::new_subscription;
use crate::support::*;

scenarios! {
    fn any_page_of_orders_is_a_slice_of_the_sorted_whole(shop) {
        let town = Town::of(shop);
        let rows = town.orders(shop);
        let mut runner = TestRunner::new(Config { cases: 150, ..Config::default() });
        let sortings = subsequence(OrderSort::SPELLINGS.to_vec(), 1..=3).prop_shuffle();
        let types = subsequence(PriceType::ALL.to_vec(), 0..=2);
        runner
            .run(&(town.filters(), types, sortings, 1u32..8, 1u32..12), |(filters, types, sorting, number, limit)| {
                let sorting: Vec<Sort<OrderSort>> = sorting.iter().map(|text| text.parse().unwrap()).collect();
                let wanted = ListOrders {
                    product_ids: filters.products.clone(),
                    price_types: types.clone(),
                    discount_ids: filters.discounts.clone(),
                    customer_ids: filters.customers.clone(),
                    sorting: sorting.clone(),
                    page: Page::new(number, limit),
                };
                let tenancy = shop.tenancy().narrowed(&filters.organizations);
                let expected = rows.iter().filter(|row| {
                    tenancy.contains(row.organization)
                        && filters.fit(row)
                        && (types.is_empty() || types.contains(&row.price_type))
                });
                let expected = slice(expected.collect(), wanted.page, &sorting, |row, by| match by {
                    OrderSort::CreatedAt => Key::Number(row.time),
                    OrderSort::Amount => Key::Number(row.amount.unwrap()),
                    OrderSort::Customer => Key::Text(row.email.clone()),
                    OrderSort::Product => Key::Coarse(row.product_name.clone()),
                    OrderSort::Discount => row.discount_name.clone().map_or(Key::Nothing, Key::Coarse),
                    OrderSort::Subscription => row.subscription.map_or(Key::Nothing, |id| Key::Text(id.to_string())),
                });
                let listed = shop.read(move |tx| orders::list(tx, &tenancy, &wanted)).unwrap();
                let ids: Vec<Uuid> = listed.items.iter().map(|row| row.id.uuid()).collect();
                prop_assert_eq!((ids, listed.total), expected);
                Ok(())
            })
            .unwrap();
    }

    fn any_page_of_subscriptions_is_a_slice_of_the_sorted_whole(shop) {
        let town = Town::of(shop);
        let rows = town.subscriptions(shop);
        let mut runner = TestRunner::new(Config { cases: 150, ..Config::default() });
        let sortings = subsequence(SubscriptionSort::SPELLINGS.to_vec(), 1..=3).prop_shuffle();
        let active = prop_oneof![Just(None), Just(Some(true)), Just(Some(false))];
        runner
            .run(&(town.filters(), active, sortings, 1u32..8, 1u32..12), |(filters, is_active, sorting, number, limit)| {
                let sorting: Vec<Sort<SubscriptionSort>> = sorting.iter().map(|text| text.parse().unwrap()).collect();
                let wanted = ListSubscriptions {
                    product_ids: filters.products.clone(),
                    customer_ids: filters.customers.clone(),
                    discount_ids: filters.discounts.clone(),
                    is_active,
                    sorting: sorting.clone(),
                    page: Page::new(number, limit),
                };
                let tenancy = shop.tenancy().narrowed(&filters.organizations);
                let expected = rows.iter().filter(|row| {
                    tenancy.contains(row.organization)
                        && filters.fit(row)
                        && is_active.is_none_or(|wanted| (row.rank <= 5) == wanted)
                });
                let by_amount = sorting.iter().find(|sort| sort.by == SubscriptionSort::Amount);
                let free = if by_amount.is_some_and(|sort| sort.descending) { -1 } else { i64::MAX };
                let expected = slice(expected.collect(), wanted.page, &sorting, |row, by| match by {
                    SubscriptionSort::Customer => Key::Text(row.email.clone()),
                    SubscriptionSort::Status => Key::Coarse(row.rank.to_string()),
                    SubscriptionSort::StartedAt => Key::Number(row.time),
                    SubscriptionSort::CurrentPeriodEnd => Key::Number(row.period_end),
                    SubscriptionSort::Amount => Key::Number(row.amount.unwrap_or(free)),
                    SubscriptionSort::Product => Key::Coarse(row.product_name.clone()),
                    SubscriptionSort::Discount => row.discount_name.clone().map_or(Key::Nothing, Key::Coarse),
                });
                let listed = shop.read(move |tx| subscriptions::list(tx, &tenancy, &wanted)).unwrap();
                let ids: Vec<Uuid> = listed.items.iter().map(|row| row.id.uuid()).collect();
                prop_assert_eq!((ids, listed.total), expected);
                Ok(())
            })
            .unwrap();
    }

    fn a_new_address_is_what_lists_are_sorted_by(shop) {
        let town = Town::of(shop);
        let (orders, subscriptions) = (town.orders(shop), town.subscriptions(shop));
        let (tenancy, customer) = (shop.tenancy(), town.customers[0].clone());
        let command = merak_core::customers::UpdateCustomer { email: Some(email("ZZZ@example.com")), ..Default::default() };
        shop.write(move |tx| merak_core::customers::update(tx, &tenancy, customer.id, &command)).unwrap();
        let of_it = |rows: &[Row]| rows.iter().filter(|row| row.customer == town.customers[0].id).count();
        let (tenancy, page) = (shop.tenancy(), Page::new(1, 100));
        let wanted = ListOrders {
            product_ids: Vec::new(),
            price_types: Vec::new(),
            discount_ids: Vec::new(),
            customer_ids: Vec::new(),
            sorting: vec![Sort::desc(OrderSort::Customer)],
            page,
        };
        let listed = shop.read(move |tx| orders::list(tx, &tenancy, &wanted)).unwrap();
        let first = listed.items.iter().take_while(|row| row.customer_id == town.customers[0].id).count();
        assert_eq!(first, of_it(&orders));
        let tenancy = shop.tenancy();
        let wanted = ListSubscriptions {
            product_ids: Vec::new(),
            customer_ids: Vec::new(),
            discount_ids: Vec::new(),
            is_active: None,
            sorting: vec![Sort::desc(SubscriptionSort::Customer)],
            page,
        };
        let listed = shop.read(move |tx| subscriptions::list(tx, &tenancy, &wanted)).unwrap();
        let first = listed.items.iter().take_while(|row| row.customer_id == town.customers[0].id).count();
        assert_eq!(first, of_it(&subscriptions));
    }

    /// What others own names nothing.
    fn what_belongs_to_others_is_no_filter_that_finds_anything(shop) {
        let town = Town::of(shop);
        town.orders(shop);
        let (_, foreign) = shop.another_organization();
        let mine = town.products[0].id;
        for product_ids in [vec![mine], vec![mine, town.products[1].id]] {
            let tenancy = merak_core::access::Tenancy::of(foreign.id);
            let wanted = ListOrders {
                product_ids,
                price_types: Vec::new(),
                discount_ids: Vec::new(),
                customer_ids: Vec::new(),
                sorting: vec![Sort::asc(OrderSort::Product)],
                page: Page::new(1, 10),
            };
            let listed = shop.read(move |tx| orders::list(tx, &tenancy, &wanted)).unwrap();
            assert_eq!((listed.items.len(), listed.total), (0, 0));
        }
    }
}

/// Two organizations of the member, with products and discounts some of which are called alike, and customers.
struct Town {
    organizations: Vec<Id<Organization>>,
    products: Vec<Product>,
    discounts: Vec<Discount>,
    customers: Vec<Customer>,
}

/// One order or subscription, as a list of it is filtered and sorted.
#[derive(Clone, Debug)]
struct Row {
    id: Uuid,
    organization: Id<Organization>,
    product: Id<Product>,
    discount: Option<Id<Discount>>,
    customer: Id<Customer>,
    price_type: PriceType,
    rank: i64,
    time: i64,
    period_end: i64,
    amount: Option<i64>,
    email: String,
    product_name: String,
    discount_name: Option<String>,
    subscription: Option<Uuid>,
}

#[derive(Clone, Debug)]
struct Filters {
    organizations: Vec<Id<Organization>>,
    products: Vec<Id<Product>>,
    discounts: Vec<Id<Discount>>,
    customers: Vec<Id<Customer>>,
}

impl Filters {
    fn fit(&self, row: &Row) -> bool {
        (self.products.is_empty() || self.products.contains(&row.product))
            && (self.customers.is_empty() || self.customers.contains(&row.customer))
            && (self.discounts.is_empty() || row.discount.is_some_and(|id| self.discounts.contains(&id)))
    }
}

/// What is compared; among coarse ones time decides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i64),
    Text(String),
    Coarse(String),
    Nothing,
}

/// The ids of a page, and how many there are: nothing stands last going up and first going down, and equals by time where
/// many are equal, then by id, in the direction of the last criterion.
fn slice<P: SortProperty + PartialEq>(
    mut rows: Vec<&Row>,
    page: Page,
    sorting: &[Sort<P>],
    key: impl Fn(&Row, P) -> Key,
) -> (Vec<Uuid>, i64) {
    let mut criteria: Vec<Sort<P>> = Vec::new();
    for sort in sorting {
        if !criteria.iter().any(|known| known.by == sort.by) {
            criteria.push(*sort);
        }
    }
    let last = criteria[criteria.len() - 1];
    let is_coarse = |row: &Row| last.by.sql().contains("name") || matches!(key(row, last.by), Key::Coarse(_));
    rows.sort_by(|one, other| {
        let mut order = Ordering::Equal;
        for sort in &criteria {
            let up = key(one, sort.by).cmp(&key(other, sort.by));
            order = order.then(if sort.descending { up.reverse() } else { up });
        }
        let by_time = if is_coarse(one) { one.time.cmp(&other.time) } else { Ordering::Equal };
        let ties = by_time.then(one.id.cmp(&other.id));
        order.then(if last.descending { ties.reverse() } else { ties })
    });
    let total = i64::try_from(rows.len()).unwrap();
    let from = usize::try_from(page.offset()).unwrap();
    let ids = rows.iter().skip(from).take(page.limit() as usize).map(|row| row.id).collect();
    (ids, total)
}

impl Town {
    fn of(shop: &Shop) -> Self {
        let member = shop.member.id;
        let second = shop
            .write(move |tx| merak_core::organizations::create(tx, member, &new_organization("second-shop")))
            .unwrap();
        let organizations = vec![shop.organization.id, second.id];
        let (mut products, mut discounts, mut customers) = (Vec::new(), Vec::new(), Vec::new());
        for (number, name) in ["Beta", "alpha", "beta", "Gamma", "delta", "ALPHA"].into_iter().enumerate() {
            let interval = (number % 3 > 0).then_some(RecurringInterval::Month);
            let command = new_product(organizations[number % 2], name, &[fixed(interval, 500)]);
            products.push(shop.write(move |tx| merak_core::products::create(tx, &command)).unwrap());
        }
        for (number, name) in ["Spring", "autumn", "spring", "Winter"].into_iter().enumerate() {
            let command = CreateDiscount {
                organization_id: organizations[number % 2],
                name: String::from(name),
                code: None,
                reduction: Reduction::Percentage { basis_points: 1000 },
                span: Span::Forever,
                starts_at: None,
                ends_at: None,
                max_redemptions: None,
                products: Vec::new(),
                metadata: Metadata::default(),
            };
            discounts.push(shop.write(move |tx| discounts::create(tx, &command)).unwrap());
        }
        for number in 0..8 {
            let address = format!("{}{number}@example.com", ["B", "a", "c"][number % 3]);
            customers.push(shop.customer_of(organizations[number % 2], &address).unwrap());
        }
        Self { organizations, products, discounts, customers }
    }

    /// Filters of each sort, often none.
    fn filters(&self) -> impl Strategy<Value = Filters> + use<> {
        fn some<T: Clone + std::fmt::Debug + 'static>(of: Vec<T>) -> impl Strategy<Value = Vec<T>> {
            let most = of.len();
            prop_oneof![2 => Just(Vec::new()), 1 => subsequence(of.clone(), 1..=1), 1 => subsequence(of, 1..=most)]
        }
        let organizations = some(self.organizations.clone());
        let products = some(self.products.iter().map(|one| one.id).collect());
        let discounts = some(self.discounts.iter().map(|one| one.id).collect());
        let customers = prop_oneof![
            3 => Just(Vec::new()),
            1 => subsequence(self.customers.iter().map(|one| one.id).collect::<Vec<_>>(), 1..=8),
        ];
        (organizations, products, discounts, customers).prop_map(
            |(organizations, products, discounts, customers)| Filters {
                organizations,
                products,
                discounts,
                customers,
            },
        )
    }

    /// Of a product, and so of one organization: its nth customer, and a discount or none.
    fn pick(&self, n: usize) -> (&Product, &Customer, Option<&Discount>) {
        let product = &self.products[n * 7 % 11 % self.products.len()];
        let own = |of: Id<Organization>| of == product.organization_id;
        let customers: Vec<_> = self.customers.iter().filter(|one| own(one.organization_id)).collect();
        let discounts: Vec<_> = self.discounts.iter().filter(|one| own(one.organization_id)).collect();
        let discount = (n % 5 < 3).then(|| discounts[n * 3 % 7 % discounts.len()]);
        (product, customers[n * 5 % 13 % customers.len()], discount)
    }

    fn orders(&self, shop: &Shop) -> Vec<Row> {
        let mut rows = Vec::new();
        for n in 0..60 {
            let (product, customer, discount) = self.pick(n);
            let price = shop.complete(product.id).public.prices.remove(0);
            let (product, customer_id, now) = (product.clone(), customer.id, shop.now());
            let mut order = shop
                .write(move |tx| {
                    Ok(Order::of_nothing(Id::new(tx), &product, Some(price.id), customer_id, now))
                })
                .unwrap();
            order.amount = Cents::new(i64::try_from(n % 4).unwrap() * 100);
            order.discount_id = discount.map(|one| one.id);
            order.subscription_id = (price.r#type == PriceType::Recurring)
                .then(|| Id::from_uuid(Uuid::from_u128(n as u128 % 6 + 1)));
            rows.push(Row {
                id: order.id.uuid(),
                organization: order.organization_id,
                product: order.product_id,
                discount: order.discount_id,
                customer: order.customer_id,
                price_type: price.r#type,
                rank: 0,
                time: order.created_at.as_micros(),
                period_end: 0,
                amount: Some(order.amount.get()),
                email: customer.email.lower(),
                product_name: self
                    .products
                    .iter()
                    .find(|one| one.id == order.product_id)
                    .unwrap()
                    .name
                    .to_lowercase(),
                discount_name: discount.map(|one| one.name.to_lowercase()),
                subscription: order.subscription_id.map(Id::uuid),
            });
            shop.write(move |tx| orders::record(tx, &order)).unwrap();
            if n % 3 == 0 {
                shop.advance(Duration::from_millis(1));
            }
        }
        rows
    }

    fn subscriptions(&self, shop: &Shop) -> Vec<Row> {
        let statuses = [
            SubscriptionStatus::Active,
            SubscriptionStatus::Canceled,
            SubscriptionStatus::Active,
            SubscriptionStatus::PastDue,
            SubscriptionStatus::Trialing,
            SubscriptionStatus::Unpaid,
        ];
        let mut rows = Vec::new();
        for n in 0..60 {
            let (product, customer, discount) = self.pick(n);
            if !product.is_recurring {
                continue;
            }
            let mut before = new_subscription(shop, product, customer);
            // Each becomes what it is by a change, so that the totals move.
            before.discount_id = self.discounts.first().filter(|_| n % 4 == 0).map(|one| one.id);
            let subscription = before.clone();
            shop.write(move |tx| subscriptions::create(tx, &subscription, None)).unwrap();
            let mut after = Subscription { discount_id: discount.map(|one| one.id), ..before.clone() };
            after.status = statuses[n * 5 % 11 % statuses.len()];
            after.cancel_at_period_end = n % 4 == 1;
            after.amount = (n % 5 > 0).then(|| Cents::new(i64::try_from(n % 3).unwrap() * 700));
            after.base_amount = after.amount;
            after.currency = after.amount.and(before.currency);
            if n % 7 == 0 {
                after.recurring_interval = RecurringInterval::Year;
            }
            after.current_period_end =
                after.current_period_end.add_seconds(i64::try_from(n % 3).unwrap() * 3600);
            let changed = after.clone();
            shop.write(move |tx| subscriptions::change(tx, &before, &mut changed.clone())).unwrap();
            let rank = match (after.status, after.cancel_at_period_end) {
                (SubscriptionStatus::Incomplete, _) => 1,
                (SubscriptionStatus::IncompleteExpired, _) => 2,
                (SubscriptionStatus::Trialing, _) => 3,
                (SubscriptionStatus::Active, false) => 4,
                (SubscriptionStatus::Active, true) => 5,
                (SubscriptionStatus::PastDue, _) => 6,
                (SubscriptionStatus::Canceled, _) => 7,
                (SubscriptionStatus::Unpaid, _) => 8,
            };
            let months = if after.recurring_interval == RecurringInterval::Year { 1 } else { 12 };
            rows.push(Row {
                id: after.id.uuid(),
                organization: after.organization_id,
                product: after.product_id,
                discount: after.discount_id,
                customer: after.customer_id,
                price_type: PriceType::Recurring,
                rank,
                time: after.started_at.unwrap().as_micros(),
                period_end: after.current_period_end.as_micros(),
                amount: after.amount.map(|amount| amount.get() * months),
                email: customer.email.lower(),
                product_name: product.name.to_lowercase(),
                discount_name: discount.map(|one| one.name.to_lowercase()),
                subscription: None,
            });
            if n % 3 == 0 {
                shop.advance(Duration::from_millis(1));
            }
        }
        rows
    }
}
