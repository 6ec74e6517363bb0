//! What the demo shop has sold. It is sold as everything is: a checkout begins here, whoever has the sandbox confirms it
//! with a test card, and then a month of the shop's clock goes by.

use std::collections::HashSet;

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp, Tx};
use serde_json::{Value, json};

use super::catalogue::{PRO, TEAM, THEMES};
use super::fill::email;
use crate::access::Tenancy;
use crate::checkout_links::Sold;
use crate::checkouts::{self, CreateCheckout, Means};
use crate::clock;
use crate::custom_fields::rules::Answers;
use crate::kit::{Address, Cents, Country, Id, Metadata, Result, Timeframe, calendar};
use crate::organizations::Organization;
use crate::products::{Price, RecurringInterval};
use crate::subscriptions::rules::Cancellation;
use crate::subscriptions::{self, CancellationReason, Subscription};

/// A sale as it is planned.
struct Planned {
    buyer: &'static str,
    name: &'static str,
    country: &'static str,
    product: &'static str,
    interval: Option<RecurringInterval>,
    /// How much is paid at a price at choice, in cents.
    amount: Option<i64>,
    /// The sandbox's name of the card.
    card: &'static str,
}

/// Who lets a subscription end with the period that is paid.
const LEAVING: &str = "amara@okafor.example";

/// One that renews, one whose renewal fails, one that ends, and two that are paid once. Nobody else buys at these
/// addresses, by which it is known what was sold before.
const PLAN: [Planned; 5] = [
    Planned {
        buyer: "hana@novak.example",
        name: "Hana Nováková",
        country: "CZ",
        product: TEAM,
        interval: None,
        amount: None,
        card: "success",
    },
    Planned {
        buyer: "emil@sorensen.example",
        name: "Emil Sørensen",
        country: "DK",
        product: THEMES,
        interval: None,
        amount: Some(1200),
        card: "mastercard",
    },
    Planned {
        buyer: "theo@brandt.example",
        name: "Theo Brandt",
        country: "DE",
        product: PRO,
        interval: Some(RecurringInterval::Month),
        amount: None,
        card: "success",
    },
    Planned {
        buyer: "lucia@vidal.example",
        name: "Lucía Vidal",
        country: "ES",
        product: PRO,
        interval: Some(RecurringInterval::Month),
        amount: None,
        card: "declined_later",
    },
    Planned {
        buyer: LEAVING,
        name: "Amara Okafor",
        country: "IE",
        product: PRO,
        interval: Some(RecurringInterval::Year),
        amount: None,
        card: "success",
    },
];

/// A sale that is to be confirmed.
#[derive(Clone, Debug)]
pub struct DemoSale {
    /// The secret of its checkout.
    pub client_secret: String,
    /// The sandbox's name of the card that pays.
    pub card: &'static str,
}

/// Begins the sales of the demo shop that were not made yet. What the shop does not sell any more is left out.
pub fn begin_sales(
    tx: &mut Tx<'_>,
    organization_id: Id<Organization>,
    means: &Means<'_>,
) -> Result<Vec<DemoSale>> {
    let tenancy = Tenancy::of(organization_id);
    let (made, prices) = (made(tx, organization_id)?, prices(tx, organization_id)?);
    let mut sales = Vec::new();
    for planned in PLAN.iter().filter(|planned| !made.contains(planned.buyer)) {
        let is_it = |(_, product, interval): &&(Id<Price>, String, Option<RecurringInterval>)| {
            product == planned.product && *interval == planned.interval
        };
        let Some((price_id, ..)) = prices.iter().find(is_it) else { continue };
        let checkout = checkouts::create(tx, &tenancy, &command(planned, *price_id)?, means)?;
        sales.push(DemoSale { client_secret: checkout.client_secret, card: planned.card });
    }
    Ok(sales)
}

fn command(planned: &Planned, price_id: Id<Price>) -> Result<CreateCheckout> {
    let answers = json!({"company": "Novák & dcera", "team-size": 6});
    Ok(CreateCheckout {
        sold: Sold::Price(price_id),
        discount_id: None,
        allow_discount_codes: true,
        amount: planned.amount.map(Cents::new),
        customer_id: None,
        customer_name: Some(planned.name.to_owned()),
        customer_email: Some(email(planned.buyer)?),
        customer_ip_address: None,
        customer_billing_address: Country::parse(planned.country).map(Address::in_country),
        customer_tax_id: None,
        metadata: Metadata::default(),
        customer_metadata: Metadata::default(),
        custom_field_data: match answers {
            Value::Object(answers) if planned.product == TEAM => answers,
            _ => Answers::new(),
        },
        subscription_id: None,
        success_url: None,
        embed_origin: None,
    })
}

/// The buyers of the plan who have bought.
fn made(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<HashSet<String>> {
    let mut sql = Sql::new("SELECT customer_email FROM checkouts WHERE organization_id = ");
    sql.bind(organization_id);
    sql.push(" AND status IN ('confirmed', 'succeeded') AND customer_email IN ");
    sql.bind_list(PLAN.iter().map(|planned| planned.buyer));
    Ok(tx.list::<String>(&sql)?.into_iter().collect())
}

/// A price, its product's name and how often it is paid.
type Offer = (Id<Price>, String, Option<RecurringInterval>);

/// What the shop sells.
fn prices(tx: &mut ReadTx<'_>, organization_id: Id<Organization>) -> Result<Vec<Offer>> {
    const SQL: &str = "SELECT product_prices.id, products.name, product_prices.recurring_interval \
                       FROM products JOIN product_prices ON product_prices.product_id = products.id \
                       WHERE products.organization_id = $1 AND products.deleted_at IS NULL \
                       AND NOT products.is_archived AND NOT product_prices.is_archived \
                       ORDER BY products.id, product_prices.position LIMIT 100";
    Ok(tx.all(SQL, &[&organization_id])?)
}

/// Lets the subscription that is to end do so, once its sale was made, and says to which instant of the shop's clock a
/// month has gone by.
pub fn end_sales(tx: &mut Tx<'_>, organization_id: Id<Organization>) -> Result<Option<Timestamp>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Subscription::COLUMNS,
        " FROM subscriptions WHERE organization_id = $1 AND customer_email = $2 AND status = 'active' \
         AND NOT cancel_at_period_end ORDER BY id LIMIT 1"
    );
    if let Some(leaving) = tx.find::<Subscription>(SQL, &[&organization_id, &LEAVING])? {
        let why = Cancellation {
            reason: Some(CancellationReason::SwitchedService),
            comment: Some(String::from("We moved our notes into the wiki.")),
        };
        subscriptions::cancel(tx, &leaving, why)?;
    }
    let month_later = calendar::add(clock::now(tx, organization_id)?, 1, Timeframe::Month);
    Ok(month_later.map(|at| at.add_seconds(3600)))
}

/// Whether something that was sold is still to be given to its buyer.
pub fn are_grants_due(tx: &mut ReadTx<'_>) -> Result<bool> {
    const SQL: &str = "SELECT EXISTS (SELECT 1 FROM jobs WHERE failed_at IS NULL AND kind IN \
                       ('update_grants_of_purchase', 'update_untold_grants_of_purchase'))";
    Ok(tx.one(SQL, &[])?)
}
