//! Ways to have sold: subscriptions and orders with their invoices, without a checkout.

use merak_core::billing::{BillingReason, Invoice, InvoiceLine, InvoiceStatus};
use merak_core::customers::Customer;
use merak_core::kit::{Cents, Currency, Id, Metadata, Timeframe, calendar};
use merak_core::orders::{self, Order};
use merak_core::products::{self, Price, Product, RecurringInterval};
use merak_core::subscriptions::{self, Subscription, SubscriptionStatus};
use merak_store::Json;
use serde_json::{Value, json};

use super::Shop;

/// A recurring price in a request.
pub fn recurring(interval: &str, cents: i64) -> Value {
    json!({"type": "recurring", "recurring_interval": interval, "amount_type": "fixed", "price_amount": cents})
}

/// A free recurring price in a request.
pub fn recurring_free(interval: &str) -> Value {
    json!({"type": "recurring", "recurring_interval": interval, "amount_type": "free"})
}

impl Shop {
    /// A product of the shop with these prices, as the API shows it.
    pub async fn plan(&self, name: &str, prices: Value) -> Value {
        let body = json!({"name": name, "prices": prices, "organization_id": self.organization.id});
        self.merchant.post("/v1/products/", body).await.expect(201)
    }

    /// A running subscription of a customer to the first price of a product.
    pub async fn subscribe(&self, product: &Value, customer: &Customer) -> Subscription {
        let (product_id, customer_id) = (id_of::<Product>(&product["id"]), customer.id);
        let organization_id = self.organization.id;
        let price_id = id_of::<Price>(&product["prices"][0]["id"]);
        self.write(move |tx| {
            let price = products::find_price(tx, price_id)?.expect("the price is there");
            let (now, interval) = (tx.now(), price.recurring_interval.expect("the price recurs"));
            let unit = match interval {
                RecurringInterval::Month => Timeframe::Month,
                RecurringInterval::Year => Timeframe::Year,
            };
            let end = calendar::add(now, 1, unit).expect("the calendar goes on");
            let subscription = Subscription {
                id: Id::new(tx),
                organization_id,
                customer_id,
                product_id,
                price_id,
                discount_id: None,
                checkout_id: None,
                status: SubscriptionStatus::Active,
                base_amount: price.price_amount,
                amount: price.price_amount,
                currency: price.price_currency,
                recurring_interval: interval,
                current_period_start: now,
                current_period_end: end,
                cancel_at_period_end: false,
                canceled_at: None,
                started_at: Some(now),
                ends_at: None,
                ended_at: None,
                customer_cancellation_reason: None,
                customer_cancellation_comment: None,
                metadata: Metadata::default(),
                custom_field_data: Json::default(),
                payment_method_id: None,
                anchor_at: now,
                anchor_period: 0,
                period: 0,
                discount_since: None,
                due_at: Some(end),
                past_due_since: None,
                grace_ends_at: None,
                retries: 0,
                created_at: now,
                modified_at: None,
            };
            subscriptions::create(tx, &subscription, None)?;
            Ok(subscription)
        })
        .await
        .unwrap()
    }

    /// An order of a customer for so much, with a paid invoice.
    pub async fn order_of(&self, product: &Value, customer: &Customer, cents: i64) -> Order {
        let product_id = id_of::<Product>(&product["id"]);
        let price_id = id_of::<Price>(&product["prices"][0]["id"]);
        let customer = customer.clone();
        let number = i64::try_from(self.number()).unwrap();
        self.write(move |tx| {
            let now = tx.now();
            let found = products::find(tx, product_id)?.expect("the product is there");
            let invoice = Invoice {
                id: Id::new(tx),
                organization_id: found.organization_id,
                customer_id: customer.id,
                checkout_id: None,
                subscription_id: None,
                period: None,
                period_start: None,
                period_end: None,
                billing_reason: BillingReason::Purchase,
                status: InvoiceStatus::Paid,
                product_id,
                product_price_id: price_id,
                discount_id: None,
                currency: Currency::Usd,
                amount: Cents::new(cents),
                discount_amount: Cents::default(),
                tax_amount: Cents::default(),
                tax: None,
                credit_applied: Cents::default(),
                seller: None,
                customer_name: Some(String::from("Ada")),
                customer_email: customer.email.clone(),
                customer_billing_address: None,
                customer_tax_id: None,
                created_at: now,
                modified_at: None,
                settled_at: Some(now),
            };
            tx.insert(&invoice)?;
            let line = InvoiceLine {
                id: Id::new(tx),
                invoice_id: Some(invoice.id),
                subscription_id: None,
                product_price_id: price_id,
                description: found.name.clone(),
                amount: Cents::new(cents),
                held_amount: Cents::default(),
                is_proration: false,
                period_start: None,
                period_end: None,
                created_at: now,
            };
            tx.insert(&line)?;
            let mut order = Order::of_nothing(Id::new(tx), &found, Some(price_id), customer.id, now);
            order.amount = Cents::new(cents);
            order.invoice_id = Some(invoice.id);
            order.invoice_number = Some(number);
            orders::record(tx, &order)?;
            Ok(order)
        })
        .await
        .unwrap()
    }
}

fn id_of<T>(value: &Value) -> Id<T> {
    value.as_str().unwrap().parse().unwrap()
}
