//! Stored answers follow their field to its new slug.

use std::net::{IpAddr, Ipv4Addr};

use merak_core::checkouts::{self, CreateByBuyer, Means};
use merak_core::custom_fields::{
    self, CreateCustomField, CustomField, CustomFieldType, Properties, UpdateCustomField,
};
use merak_core::jobs::{self, Job};
use merak_core::kit::{Id, Metadata, Result};
use merak_core::orders::Order;
use merak_core::products::{self, Product, RecurringInterval};
use merak_core::subscriptions::{Subscription, SubscriptionStatus};
use merak_core::taxes::Taxes;
use merak_store::{Json, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

scenarios! {
    // spec 20 C3
    fn stored_answers_get_the_new_slug_wherever_they_are(shop) {
        let (product, field) = (shop.product(), field(shop, "text1"));
        let data = json!({"foo": "bar", "text1": "x"});
        let sold = [
            ("orders", order(shop, &product, data.clone())),
            ("subscriptions", subscription(shop, &product, data.clone())),
            ("checkouts", checkout(shop, &product, data.clone())),
        ];
        let (_, other) = shop.another_organization();
        let command = new_product(other.id, "Theirs", &[fixed(None, 500)]);
        let theirs = shop.write(move |tx| products::create(tx, &command)).unwrap();
        let foreign = order(shop, &theirs, data.clone());
        rename(shop, field.id, "updatedslug").unwrap();
        for (table, id) in sold {
            assert_eq!(answers(shop, table, id), data.to_string(), "the request does not wait");
        }
        shop.run_jobs();
        for (table, id) in sold {
            assert_eq!(answers(shop, table, id), r#"{"foo":"bar","updatedslug":"x"}"#, "{table}");
        }
        assert_eq!(answers(shop, "orders", foreign), data.to_string(), "of another organization");
    }

    fn many_orders_are_done_in_batches_and_none_is_missed(shop) {
        let (product, field) = (shop.product(), field(shop, "seats"));
        let orders: Vec<Uuid> = (0..450).map(|number| {
            if number % 100 == 0 {
                shop.advance(hours(1));
            }
            order(shop, &product, json!({"seats": number}))
        }).collect();
        rename(shop, field.id, "places").unwrap();
        shop.run_jobs();
        for (number, id) in orders.into_iter().enumerate() {
            assert_eq!(answers(shop, "orders", id), json!({"places": number}).to_string());
        }
        assert_eq!(pending(shop), 0);
    }

    // A checkout becomes an order while the job is on its way.
    fn what_is_sold_meanwhile_is_not_missed(shop) {
        let (product, field) = (shop.product(), field(shop, "seats"));
        let first = checkout(shop, &product, json!({"seats": 1}));
        rename(shop, field.id, "places").unwrap();
        let meanwhile = order(shop, &product, answers(shop, "checkouts", first).parse().unwrap());
        step(shop);
        let later = order(shop, &product, answers(shop, "checkouts", first).parse().unwrap());
        shop.run_jobs();
        for id in [meanwhile, later] {
            assert_eq!(answers(shop, "orders", id), r#"{"places":1}"#);
        }
    }

    fn changes_in_a_row_are_made_in_their_order(shop) {
        let (product, field) = (shop.product(), field(shop, "a"));
        let id = order(shop, &product, json!({"a": 1, "z": 2}));
        for slug in ["b", "c", "a", "d"] {
            rename(shop, field.id, slug).unwrap();
        }
        shop.run_jobs();
        assert_eq!(answers(shop, "orders", id), r#"{"d":1,"z":2}"#);
    }

    fn a_slug_is_free_when_the_answers_have_left_it(shop) {
        let (product, first, second) = (shop.product(), field(shop, "a"), field(shop, "b"));
        let id = order(shop, &product, json!({"a": 1, "b": 2}));
        rename(shop, first.id, "first").unwrap();
        let taken = |result: Result<CustomField>| {
            let (kind, place, _) = field_problem(result);
            assert_eq!((kind, place.as_str()), ("value_error", "body.slug"));
        };
        taken(make(shop, "a"));
        taken(rename(shop, second.id, "a"));
        shop.run_jobs();
        rename(shop, second.id, "a").unwrap();
        shop.run_jobs();
        assert_eq!(answers(shop, "orders", id), r#"{"first":1,"a":2}"#);
        make(shop, "b").unwrap();
    }

    fn nothing_is_moved_where_nothing_was_sold_or_changed(shop) {
        let made = field(shop, "a");
        rename(shop, made.id, "b").unwrap();
        assert_eq!(pending(shop), 0);
        order(shop, &shop.product(), json!({}));
        rename(shop, made.id, "b").unwrap();
        assert_eq!(pending(shop), 0);
    }
}

fn make(shop: &Shop, slug: &str) -> Result<CustomField> {
    let command = CreateCustomField {
        organization_id: shop.organization.id,
        r#type: CustomFieldType::Text,
        slug: slug.parse().unwrap(),
        name: String::from("A question"),
        properties: Properties::default(),
        metadata: Metadata::default(),
    };
    shop.write(move |tx| custom_fields::create(tx, &command))
}

fn field(shop: &Shop, slug: &str) -> CustomField {
    make(shop, slug).unwrap()
}

fn rename(shop: &Shop, id: Id<CustomField>, slug: &str) -> Result<CustomField> {
    let command = UpdateCustomField {
        r#type: CustomFieldType::Text,
        slug: Some(slug.parse().unwrap()),
        name: None,
        properties: None,
        metadata: None,
    };
    let tenancy = shop.tenancy();
    shop.write(move |tx| custom_fields::update(tx, &tenancy, id, &command))
}

/// Runs one job.
fn step(shop: &Shop) {
    let claimed = shop.write(jobs::claim).unwrap().unwrap();
    assert!(matches!(claimed.job, Job::MoveAnswers { .. }));
    shop.write(move |tx| {
        let outcome = jobs::run(tx, &claimed.job)?;
        jobs::settle(tx, &claimed, &outcome)
    })
    .unwrap();
}

fn pending(shop: &Shop) -> i64 {
    shop.read(|tx| Ok(tx.one("SELECT count(*) FROM custom_field_renames", &[])?)).unwrap()
}

fn answers(shop: &Shop, table: &str, id: Uuid) -> String {
    let sql = format!("SELECT custom_field_data FROM {table} WHERE id = $1");
    shop.read(move |tx| Ok(tx.one::<Json>(&sql, &[&id])?)).unwrap().to_string()
}

/// An order of a product, of no amount, with these answers.
pub fn order(shop: &Shop, product: &Product, data: Value) -> Uuid {
    let customer =
        shop.customer_of(product.organization_id, &format!("c{}@example.com", shop.number())).unwrap();
    let product = product.clone();
    shop.write(move |tx| {
        let (id, now) = (Id::new(tx), tx.now());
        let order = Order {
            custom_field_data: Json::from(&data),
            ..Order::of_nothing(id, &product, None, customer.id, now)
        };
        tx.insert(&order)?;
        Ok(order.id.uuid())
    })
    .unwrap()
}

/// A subscription to a product of the shop with these answers.
pub fn subscription(shop: &Shop, product: &Product, data: Value) -> Uuid {
    let (product, customer, price) = (product.clone(), shop.customer(), shop.complete(product.id));
    shop.write(move |tx: &mut Tx<'_>| {
        let now = tx.now();
        let subscription = Subscription {
            id: Id::new(tx),
            organization_id: product.organization_id,
            customer_id: customer.id,
            product_id: product.id,
            price_id: price.public.prices[0].id,
            discount_id: None,
            checkout_id: None,
            status: SubscriptionStatus::Active,
            base_amount: None,
            amount: None,
            currency: None,
            recurring_interval: RecurringInterval::Month,
            current_period_start: now,
            current_period_end: now.add_seconds(1),
            cancel_at_period_end: false,
            canceled_at: None,
            started_at: Some(now),
            ends_at: None,
            ended_at: None,
            customer_cancellation_reason: None,
            customer_cancellation_comment: None,
            metadata: Metadata::default(),
            custom_field_data: Json::from(&data),
            payment_method_id: None,
            anchor_at: now,
            anchor_period: 0,
            period: 0,
            discount_since: None,
            due_at: None,
            past_due_since: None,
            grace_ends_at: None,
            retries: 0,
            created_at: now,
            modified_at: None,
        };
        tx.insert(&subscription)?;
        Ok(subscription.id.uuid())
    })
    .unwrap()
}

fn checkout(shop: &Shop, product: &Product, data: Value) -> Uuid {
    let price = shop.complete(product.id).public.prices[0].id;
    let taxes = Taxes::none();
    shop.write(move |tx| {
        let command = CreateByBuyer {
            product_price_id: price,
            customer_email: None,
            subscription_id: None,
            user_id: None,
            ip_address: IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let means = Means { taxes: &taxes, geography: None };
        let id = checkouts::create_by_buyer(tx, &command, &means)?.id;
        tx.changed_one(
            "UPDATE checkouts SET custom_field_data = $2 WHERE id = $1",
            &[&id, &Json::from(&data)],
        )?;
        Ok(id.uuid())
    })
    .unwrap()
}
