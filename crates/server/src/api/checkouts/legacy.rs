//! The two operations that were there before, for programs that still call them. What they make is an ordinary checkout.

use merak_core::checkouts::{self, CompleteCheckout, CreateLegacy};
use merak_core::kit::{Email, Id, Kind, Refusal, Result, WebUrl};
use merak_core::products::Price;
use merak_core::subscriptions::Subscription;
use merak_store::{ReadTx, Tx};

use super::client::{ANYBODY, signed_in};
use crate::api::shared::{CheckoutLinkProduct, CheckoutProduct, ProductPrice};
use crate::state::House;
use crate::wire::{Call, Created, Json, Nothing, Operation, answer, request};

const NAV: &str = "Other Endpoints > Checkouts";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::post("/v1/checkouts/", create)
            .named("checkouts:create", "Create Checkout")
            .about("Begins a checkout. New programs make a custom one instead.")
            .nav(NAV)
            .admits_only(ANYBODY, &[]),
        Operation::get("/v1/checkouts/{id}", get)
            .named("checkouts:get", "Get Checkout")
            .about("Shows a checkout that was begun by this section's other operation.")
            .nav(NAV)
            .refuses(&[Kind::NotFound]),
    ]
}

request! {
    /// A new checkout.
    pub struct CheckoutLegacyCreate {
        /// At which price.
        pub product_price_id: Id<Price>,
        /// Where the buyer goes then. `{CHECKOUT_SESSION_ID}` in it becomes the checkout's id.
        pub success_url: WebUrl,
        /// Where the buyer's mail goes.
        pub customer_email: Option<Email>,
        /// Not to be given any more.
        pub subscription_id: Option<Id<Subscription>>,
    }

    /// The path of a checkout, whose id can be any text here.
    pub struct ById {
        /// The id.
        pub id: String,
    }
}

answer! {
    /// A checkout as it was shown before.
    pub struct CheckoutLegacy {
        /// The checkout's id.
        pub id: String,
        /// The page on which it is filled in.
        pub url: Option<String> = {"required": false},
        /// Where the buyer's mail goes.
        pub customer_email: Option<String>,
        /// The buyer's name.
        pub customer_name: Option<String>,
        /// What is sold.
        pub product: CheckoutProduct,
        /// At which price.
        pub product_price: ProductPrice,
    }
}

impl CheckoutLegacy {
    fn new(complete: CompleteCheckout, house: &House) -> Self {
        let CompleteCheckout { checkout, product, price, .. } = complete;
        Self {
            id: checkout.id.to_string(),
            url: Some(house.checkout_url(&checkout.client_secret)),
            customer_email: checkout.customer_email.map(|email| email.to_string()),
            customer_name: checkout.customer_name,
            product: CheckoutProduct(CheckoutLinkProduct::new(product.public, house)),
            product_price: price.into(),
        }
    }
}

fn create(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, CheckoutLegacyCreate>,
) -> Result<Created<CheckoutLegacy>> {
    let body = &call.body;
    let command = CreateLegacy {
        product_price_id: body.product_price_id,
        success_url: body.success_url.clone(),
        customer_email: body.customer_email.clone(),
        subscription_id: body.subscription_id,
        user_id: signed_in(tx, call)?,
        ip_address: call.address,
    };
    let checkout = checkouts::create_legacy(tx, &command, &call.house.means())?;
    Ok(Created(CheckoutLegacy::new(checkouts::complete_one(tx, checkout)?, &call.house)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CheckoutLegacy>> {
    let id = call.path.id.parse().map_err(|_| Refusal::not_found())?;
    let checkout = checkouts::get_legacy(tx, id)?;
    Ok(Json(CheckoutLegacy::new(checkouts::complete_one(tx, checkout)?, &call.house)))
}
