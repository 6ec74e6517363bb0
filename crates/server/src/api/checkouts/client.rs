//! Checkouts as the browsers of buyers begin and fill them. Whoever knows the secret may.

use std::time::Duration;

use http::Method;
use merak_core::access::{Subject, SubjectKind};
use merak_core::billing::{methods, payments};
use merak_core::checkouts::{self, Checkout, ClientUpdate, CreateByBuyer};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Address, Cents, Email, Id, Kind, LONGEST_NAME, Patch, Result};
use merak_core::products::Price;
use merak_core::subscriptions::Subscription;
use merak_core::user_sessions;
use merak_core::users::User;
use merak_store::{ReadTx, Tx};

use super::wire::CheckoutPublic;
use crate::api::checkout_links::ByClientSecret;
use crate::shell::Try;
use crate::state::House;
use crate::wire::{
    Call, Created, Finishing, Flow, Given, Json, JsonObject, Nothing, Operation, Unit, request,
};

/// How long a buyer waits at most for the processor to tell how to show their saved cards.
const PATIENCE: Duration = Duration::from_secs(5);

pub const NAV: &str = "Featured Endpoints > Checkouts";

/// Everybody, but a person who is signed in is known.
pub const ANYBODY: &[SubjectKind] = &[SubjectKind::Anonymous, SubjectKind::User];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/v1/checkouts/custom/client/", Unit::flow(create))
            .named("checkouts:custom:client_create", "Create Checkout From Client")
            .about("Begins a checkout for whoever wants to buy.")
            .nav(NAV)
            .admits(ANYBODY, &[])
            .hidden(),
        Operation::get("/v1/checkouts/custom/client/{client_secret}", get)
            .named("checkouts:custom:client_get", "Get Checkout From Client")
            .about("Shows the checkout with this secret to its buyer, until its time is up.")
            .nav(NAV)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/checkouts/custom/client/{client_secret}", update)
            .named("checkouts:custom:client_update", "Update Checkout From Client")
            .about("Fills in the open checkout with this secret. What is left out stays as it is.")
            .nav(NAV)
            .trying(&[Try::DiscountCode])
            .refuses(&[Kind::CheckoutNotOpen, Kind::NotFound]),
    ]
}

request! {
    /// A checkout that a browser begins.
    pub struct CheckoutCreatePublic {
        /// At which price.
        pub product_price_id: Id<Price>,
        /// Where the buyer's mail goes.
        pub customer_email: Option<Email>,
        /// Whether the buyer came along a link of the operation that was there before.
        #[serde(default)]
        pub from_legacy_checkout_link: Given<bool> = {"default": false},
        /// The free subscription to turn into a paid one, if it is the buyer's own.
        pub subscription_id: Option<Id<Subscription>>,
    }

    /// What a buyer fills in.
    pub struct CheckoutUpdatePublic {
        /// The answers to the product's custom fields, by slug.
        pub custom_field_data: Option<JsonObject>,
        /// Another current price of the same product.
        pub product_price_id: Option<Id<Price>>,
        /// How much to pay, in cents, at a price at choice.
        pub amount: Option<i64> = {"minimum": 50, "maximum": 99_999_999},
        /// The buyer's name.
        #[serde(default)]
        pub customer_name: Patch<String> = {"x-trim": true, "maxLength": LONGEST_NAME},
        /// Where the buyer's mail goes. It stays if it is known who buys.
        #[serde(default)]
        pub customer_email: Patch<Email>,
        /// Where the buyer is billed, replaced as a whole.
        pub customer_billing_address: Option<Address>,
        /// The buyer's tax number.
        #[serde(default)]
        pub customer_tax_id: Patch<String> = {"x-trim": true},
        /// The code of a discount; null takes any discount away. It means nothing where codes are not allowed.
        #[serde(default)]
        pub discount_code: Patch<String>,
    }
}

impl From<&CheckoutUpdatePublic> for ClientUpdate {
    fn from(body: &CheckoutUpdatePublic) -> Self {
        Self {
            product_price_id: body.product_price_id,
            amount: body.amount.map(Cents::new),
            customer_name: body.customer_name.clone(),
            customer_email: body.customer_email.clone(),
            customer_billing_address: body.customer_billing_address.clone(),
            customer_tax_id: body.customer_tax_id.clone(),
            custom_field_data: body.custom_field_data.clone().map(|answers| answers.0),
            discount_code: body.discount_code.clone(),
        }
    }
}

/// Who is signed in in the browser that calls. A token of the same person is a program's, which may act for others.
pub fn signed_in<P, Q, B>(tx: &mut ReadTx<'_>, call: &Call<P, Q, B>) -> Result<Option<Id<User>>> {
    let (Some(session), Subject::User(id)) = (&call.session, call.actor.subject) else { return Ok(None) };
    Ok(user_sessions::authenticate(tx, session)?.map(|_| id))
}

async fn create(flow: Flow<Nothing, Nothing, CheckoutCreatePublic>) -> Finishing<Created<CheckoutPublic>> {
    let call = flow.call();
    if call.body.from_legacy_checkout_link.0 == Some(true) {
        let price = &call.body.product_price_id;
        tracing::info!(%price, "a link of the operation of before was followed");
    }
    if call.session.is_none() {
        let anonymous = |tx: &mut Tx<'_>, call: &Begin| {
            let checkout = begin(tx, call)?;
            Ok(Created(CheckoutPublic::new(checkouts::public(tx, checkout)?, &call.house)))
        };
        return flow.finish(anonymous).await;
    }
    let begun = flow.write(|tx, call| {
        let checkout = begin(tx, call)?;
        let user_id = signed_in(tx, call)?;
        let payer = match checkout.customer_id.zip(user_id) {
            Some((id, user_id)) if has_offered(tx, id, user_id)? => {
                payments::payer_id(tx, id, &call.house.billing.processor)?
            }
            _ => None,
        };
        Ok((checkout, payer))
    });
    let (checkout, payer) = begun.await?;
    let saved_cards = match payer {
        Some(payer) => saved_cards_secret(&call.house, &payer, checkout.id).await,
        None => None,
    };
    let answer = move |tx: &mut Tx<'_>, call: &Begin| {
        let public = CheckoutPublic::new(checkouts::public(tx, checkout.clone())?, &call.house);
        Ok(Created(public.with_saved_cards(saved_cards.as_deref())))
    };
    flow.finish(answer).await
}

type Begin = Call<Nothing, Nothing, CheckoutCreatePublic>;

fn begin(tx: &mut Tx<'_>, call: &Begin) -> Result<Checkout> {
    let body = &call.body;
    let command = CreateByBuyer {
        product_price_id: body.product_price_id,
        customer_email: body.customer_email.clone(),
        subscription_id: body.subscription_id,
        user_id: signed_in(tx, call)?,
        ip_address: call.address,
    };
    checkouts::create_by_buyer(tx, &command, &call.house.means())
}

/// Whether a person is the customer that they buy as, and has given all the cards that are saved. The processor's form shows
/// those that it was told to show; whose they are it does not know.
fn has_offered(tx: &mut ReadTx<'_>, id: Id<Customer>, user_id: Id<User>) -> Result<bool> {
    let Some(customer) = customers::find(tx, id)? else { return Ok(false) };
    if !customers::is_of_person(tx, &customer, user_id)? {
        return Ok(false);
    }
    let cards = methods::list(tx, id)?;
    Ok(!cards.is_empty() && cards.iter().all(|card| card.is_offered))
}

/// What shows the buyer their saved cards in the processor's form, if it has such a thing and tells it in time: without it
/// they type a card in.
async fn saved_cards_secret(house: &House, payer: &str, id: Id<Checkout>) -> Option<String> {
    let key = format!("checkout/{id}/saved-cards");
    let asked = house.adapters.payments.saved_cards_secret(payer, &key);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(secret)) => secret,
        Ok(Err(error)) => {
            tracing::warn!(checkout = %id, %error, "the saved cards of a buyer cannot be shown");
            None
        }
        Err(_) => {
            tracing::warn!(checkout = %id, "the saved cards of a buyer cannot be shown in time");
            None
        }
    }
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ByClientSecret>) -> Result<Json<CheckoutPublic>> {
    let checkout = checkouts::find_by_client_secret(tx, &call.path.client_secret)?;
    Ok(Json(CheckoutPublic::new(checkouts::public(tx, checkout)?, &call.house)))
}

fn update(
    tx: &mut Tx<'_>,
    call: &Call<ByClientSecret, Nothing, CheckoutUpdatePublic>,
) -> Result<Json<CheckoutPublic>> {
    let command = ClientUpdate::from(&call.body);
    let means = call.house.means();
    let checkout = checkouts::update_by_client(tx, &call.path.client_secret, &command, &means)?;
    Ok(Json(CheckoutPublic::new(checkouts::public(tx, checkout)?, &call.house)))
}
