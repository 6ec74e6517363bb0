//! Billing: confirming, completing, renewing, dunning, giving back, and clocks that are moved. The processor is played by
//! the tests: they say what it answers.

mod audits;
mod changes;
mod clocks;
mod confirm;
mod dearer;
mod dunning;
mod ends;
mod grace;
mod hints;
mod orders;
mod refunds;
mod renewals;
mod requirements;
mod saved_cards;
mod told;

use merak_core::billing::outcome::{Failure, Method};
use merak_core::billing::renewal::{self, Batch};
use merak_core::billing::{
    self, Answer, Invoice, Outcome, Payment, PaymentMethod, PaymentStatus, Rules, invoices, payments,
};
use merak_core::checkout_links::Sold;
use merak_core::checkouts::confirm::{self as confirming, Confirm, Held};
use merak_core::checkouts::{self, Checkout, ClientUpdate, CreateCheckout, Means};
use merak_core::discounts::{self, CreateDiscount, Discount, Reduction, Span};
use merak_core::emails::{self, Email, Outgoing};
use merak_core::events::{self, EventType};
use merak_core::kit::{Address, Cents, Country, Currency, Id, Metadata, Patch};
use merak_core::orders::Order;
use merak_core::products::{NewPrice, Price, Product, RecurringInterval};
use merak_core::subscriptions::{self, Subscription, SubscriptionStatus};
use merak_core::taxes::{Tax, TaxEngine, TaxProblem, TaxQuestion, Taxes};
use merak_store::{Json, Timestamp};
use serde_json::Value;

use crate::support::*;

const MONTH: Option<RecurringInterval> = Some(RecurringInterval::Month);
const YEAR: Option<RecurringInterval> = Some(RecurringInterval::Year);

/// 20 % on top in France, 10 % held by prices in Japan, incomplete in the states, nothing elsewhere.
#[derive(Debug)]
struct Rates;

impl TaxEngine for Rates {
    fn compute(&self, question: &TaxQuestion<'_>) -> std::result::Result<Tax, TaxProblem> {
        match question.country.as_str() {
            "FR" => Ok(Tax {
                amount: Cents::new(question.subtotal.get() / 5),
                rate_ppm: 200_000,
                ..Tax::zero(question.country)
            }),
            "JP" => Ok(Tax {
                amount: Cents::new(question.subtotal.get() / 11),
                rate_ppm: 100_000,
                is_inclusive: true,
                ..Tax::zero(question.country)
            }),
            "US" if question.state.is_none() => Err(TaxProblem::LocationIncomplete),
            _ => Ok(Tax::zero(question.country)),
        }
    }
}

fn rules() -> Rules {
    Rules { taxes: Taxes::new(Rates), ..Rules::new("sandbox", Cents::new(50)) }
}

fn in_country(code: &str) -> Address {
    Address::in_country(Country::parse(code).unwrap())
}

/// What a buyer types who pays from this country.
fn buyer(country: &str) -> ClientUpdate {
    ClientUpdate {
        customer_name: Patch::Value(String::from("Ada")),
        customer_email: Patch::Value(email("ada@example.com")),
        customer_billing_address: Some(in_country(country)),
        ..ClientUpdate::default()
    }
}

/// An answer that the money came, by this card.
fn paid(card: &str) -> Answer {
    Answer {
        intent_id: Some(format!("pi_{card}")),
        client_secret: Some(format!("pi_{card}_secret")),
        outcome: Outcome::Succeeded {
            charge_id: Some(format!("ch_{card}")),
            method: Some(Method {
                id: format!("pm_{card}"),
                r#type: String::from("card"),
                brand: Some(String::from("visa")),
                last4: Some(String::from("4242")),
                exp_month: Some(12),
                exp_year: Some(2030),
                country: Country::parse("FR"),
            }),
            fee: Some(Cents::new(30)),
        },
    }
}

/// An answer that it was declined; for good or not.
fn declined(is_final: bool) -> Answer {
    failed(Failure {
        code: String::from("card_declined"),
        message: String::from("The card was declined."),
        is_final,
        needs_customer: false,
    })
}

fn failed(failure: Failure) -> Answer {
    Answer { intent_id: None, client_secret: None, outcome: Outcome::Failed(failure) }
}

fn waits(outcome: Outcome) -> Answer {
    Answer { intent_id: Some("pi_wait".into()), client_secret: Some("pi_wait_secret".into()), outcome }
}

impl Shop {
    fn sells(&self, price: NewPrice) -> (Product, Id<Price>) {
        let product = self.product_with(&format!("Product {}", self.number()), &[price]);
        let price = self.complete(product.id).public.prices[0].id;
        (product, price)
    }

    fn checkout(&self, price: NewPrice, change: impl FnOnce(&mut CreateCheckout)) -> Checkout {
        let (_, price) = self.sells(price);
        self.checkout_at(price, change)
    }

    fn checkout_at(&self, price: Id<Price>, change: impl FnOnce(&mut CreateCheckout)) -> Checkout {
        let mut command = new_checkout(Sold::Price(price));
        change(&mut command);
        let tenancy = self.tenancy();
        self.write(move |tx| {
            let taxes = Taxes::new(Rates);
            checkouts::create(tx, &tenancy, &command, &Means { taxes: &taxes, geography: None })
        })
        .unwrap()
    }

    fn hold(&self, checkout: &Checkout, update: ClientUpdate, token: Option<&str>) -> Result<Held> {
        let (secret, token) = (checkout.client_secret.clone(), token.map(str::to_owned));
        self.write(move |tx| {
            let mut checkout = checkouts::find_by_client_secret(tx, &secret)?;
            let terms = checkouts::apply_client_update(tx, &mut checkout, &update)?;
            let confirm = Confirm { token: token.clone(), ..Confirm::default() };
            confirming::hold(tx, &rules(), checkout, &terms, &confirm)
        })
    }

    /// Holds a checkout and hands over the payment that it waits for.
    #[track_caller]
    fn asks(&self, checkout: &Checkout, token: &str) -> Payment {
        match self.hold(checkout, buyer("FR"), Some(token)).unwrap() {
            Held::Asks(question) => {
                let planned = question.payment.clone();
                let read = self.read(move |tx| payments::questions(tx, vec![planned.clone()])).unwrap();
                assert_eq!([*question.clone()].as_slice(), read, "as it is asked again");
                question.payment
            }
            Held::Complete => panic!("there was something to pay"),
        }
    }

    fn settle(&self, payment: &Payment, answer: Answer) -> Payment {
        self.settle_by(payment, answer, rules())
    }

    fn settle_by(&self, payment: &Payment, answer: Answer, rules: Rules) -> Payment {
        let answers = vec![(payment.id, answer)];
        self.write(move |tx| billing::settle(tx, &rules, &answers)).unwrap().pop().unwrap()
    }

    /// A subscription that was bought and paid.
    fn subscribed(&self, price: NewPrice) -> Subscription {
        self.subscribed_with(price, |_| {})
    }

    fn subscribed_with(&self, price: NewPrice, change: impl FnOnce(&mut CreateCheckout)) -> Subscription {
        let checkout = self.checkout(price, change);
        let payment = self.asks(&checkout, "ctoken");
        self.settle(&payment, paid(&format!("card{}", self.number())));
        self.subscription_of(&checkout)
    }

    fn subscription_of(&self, checkout: &Checkout) -> Subscription {
        let id = checkout.id;
        let sql = format!("SELECT {} FROM subscriptions WHERE checkout_id = $1", Subscription::COLUMNS);
        self.read(move |tx| Ok(tx.one(&sql, &[&id])?)).unwrap()
    }

    fn subscription(&self, id: Id<Subscription>) -> Subscription {
        self.read(move |tx| subscriptions::find(tx, id)).unwrap().unwrap()
    }

    fn checkout_now(&self, checkout: &Checkout) -> Checkout {
        let id = checkout.id;
        let sql = format!("SELECT {} FROM checkouts WHERE id = $1", Checkout::COLUMNS);
        self.read(move |tx| Ok(tx.one(&sql, &[&id])?)).unwrap()
    }

    /// Opens what is due.
    fn open_due(&self) -> Batch {
        self.open_due_by(rules())
    }

    fn open_due_by(&self, rules: Rules) -> Batch {
        self.write(move |tx| renewal::open_due(tx, &rules, 100)).unwrap()
    }

    /// Goes to this instant.
    fn go_to(&self, at: Timestamp) {
        self.advance(at.since(self.now()));
    }

    /// All orders, the oldest first.
    fn orders(&self) -> Vec<Order> {
        let sql = format!("SELECT {} FROM orders ORDER BY id", Order::COLUMNS);
        self.read(move |tx| Ok(tx.all(&sql, &[])?)).unwrap()
    }

    fn all_payments(&self) -> Vec<Payment> {
        let sql = format!("SELECT {} FROM payments ORDER BY id", Payment::COLUMNS);
        self.read(move |tx| Ok(tx.all(&sql, &[])?)).unwrap()
    }

    fn payment(&self, id: Id<Payment>) -> Payment {
        self.read(move |tx| payments::find(tx, id)).unwrap().unwrap()
    }

    fn all_invoices(&self) -> Vec<Invoice> {
        let sql = format!("SELECT {} FROM invoices ORDER BY id", Invoice::COLUMNS);
        self.read(move |tx| Ok(tx.all(&sql, &[])?)).unwrap()
    }

    /// The kinds of the mails that were asked for, by recipient.
    fn mails(&self) -> Vec<String> {
        self.read(|tx| Ok(tx.all("SELECT kind FROM emails ORDER BY id", &[])?)).unwrap()
    }

    /// The mails about payments that failed.
    fn mails_of_failures(&self) -> Vec<Email> {
        let ids: Vec<Id<Outgoing>> = self
            .read(|tx| Ok(tx.all("SELECT id FROM emails WHERE kind = 'payment_failed' ORDER BY id", &[])?))
            .unwrap();
        let mail = |id| self.read(move |tx| emails::find(tx, id)).unwrap().unwrap().email().unwrap().unwrap();
        ids.into_iter().map(mail).collect()
    }

    /// What happened since the last look, without checkouts' and products' beginnings.
    fn events(&self) -> Vec<EventType> {
        let organization_id = self.organization.id;
        let all = self.read(move |tx| events::after(tx, organization_id, None, 1000)).unwrap();
        let is_of_sale = |event: &EventType| {
            let name = event.as_str();
            name.starts_with("subscription.") || name.starts_with("order.") || name == "checkout.updated"
        };
        all.into_iter().map(|event| event.r#type).filter(is_of_sale).collect()
    }

    /// What each account holds, without those that hold nothing.
    fn books(&self) -> Vec<(String, i64)> {
        self.read(|tx| {
            Ok(tx.all(
                "SELECT account, CAST(sum(amount) AS bigint) FROM ledger_lines GROUP BY account \
                 HAVING sum(amount) <> 0 ORDER BY account",
                &[],
            )?)
        })
        .unwrap()
    }

    fn discount(&self, reduction: Reduction, span: Span, max_redemptions: Option<i64>) -> Discount {
        let command = CreateDiscount {
            organization_id: self.organization.id,
            name: String::from("Less"),
            code: None,
            reduction,
            span,
            starts_at: None,
            ends_at: None,
            max_redemptions,
            products: Vec::new(),
            metadata: Metadata::default(),
        };
        self.write(move |tx| discounts::create(tx, &command)).unwrap()
    }

    fn redemptions(&self) -> i64 {
        self.read(|tx| Ok(tx.one("SELECT count(*) FROM discount_redemptions", &[])?)).unwrap()
    }
}

fn percent(percent: i64) -> Reduction {
    Reduction::Percentage { basis_points: percent * 100 }
}

fn value_of(json: &Json) -> Value {
    json.parse().unwrap()
}
