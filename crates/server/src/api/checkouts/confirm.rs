//! Confirming a checkout, by the browser of its buyer. Whoever knows the secret may: a token that comes along, of
//! a program that calls for somebody, is no reason to refuse.

use std::slice;

use merak_core::billing::{self, Answer, Payment};
use merak_core::checkouts::confirm::{self, Confirm};
use merak_core::checkouts::{self, ClientUpdate};
use merak_core::customer_sessions;
use merak_core::kit::{Address, Email, Id, Kind, LONGEST_NAME, Patch};
use merak_core::products::Price;

use super::client::{ANYBODY, CheckoutUpdatePublic, NAV, signed_in};
use super::wire::CheckoutPublicConfirmed;
use crate::api::checkout_links::ByClientSecret;
use crate::flows::{collect, confirm_checkout};
use crate::shell::Try;
use crate::wire::{Finishing, Flow, Json, JsonObject, Nothing, Operation, Unit, request};

pub fn operations() -> Vec<Operation> {
    let path = "/v1/checkouts/custom/client/{client_secret}/confirm";
    vec![
        Operation::new(http::Method::POST, path, Unit::flow(confirm))
            .named("checkouts:custom:client_confirm", "Confirm Checkout From Client")
            .about(
                "Confirms the open checkout with this secret, with the buyer's last changes. What was bought is there \
                 once the payment has succeeded, mostly at once.",
            )
            .nav(NAV)
            .trying(&[Try::Confirmation, Try::DiscountCode])
            .admits_or_nobody(ANYBODY, &[])
            .refuses(&[Kind::Payment, Kind::CheckoutNotOpen, Kind::NotPermitted, Kind::NotFound]),
    ]
}

request! {
    /// The buyer says yes.
    pub struct CheckoutConfirmStripe {
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
        /// What the processor's form gave for what was typed into it. Needed where something is paid, now or later.
        pub confirmation_token_id: Option<String>,
    }
}

impl From<&CheckoutConfirmStripe> for ClientUpdate {
    fn from(body: &CheckoutConfirmStripe) -> Self {
        let CheckoutConfirmStripe {
            custom_field_data,
            product_price_id,
            amount,
            customer_name,
            customer_email,
            customer_billing_address,
            customer_tax_id,
            discount_code,
            ..
        } = body.clone();
        Self::from(&CheckoutUpdatePublic {
            custom_field_data,
            product_price_id,
            amount,
            customer_name,
            customer_email,
            customer_billing_address,
            customer_tax_id,
            discount_code,
        })
    }
}

async fn confirm(
    flow: Flow<ByClientSecret, Nothing, CheckoutConfirmStripe>,
) -> Finishing<Json<CheckoutPublicConfirmed>> {
    let call = flow.call();
    let user_id = match call.session {
        Some(_) => flow.read(signed_in).await?,
        None => None,
    };
    let token = call.body.confirmation_token_id.clone().filter(|token| !token.is_empty());
    let update = ClientUpdate::from(&call.body);
    let confirm = Confirm { token, user_id, ..Confirm::default() };
    let paid = confirm_checkout::ask(&call.house, &call.path.client_secret, update, confirm.clone()).await?;
    let finished = finish(&flow, confirm, paid.clone()).await;
    if finished.is_err()
        && let Some((id, answer)) = paid
    {
        // What was paid counts, whatever kept it from being told.
        collect::settle_one(&flow.call().house, id, answer).await?;
    }
    finished
}

/// What is sold is read before the last unit: the writer has enough to do.
///
/// Whoever is answered has typed in the card, or sends what the processor made of it, so their session can let that card pay
/// more. No other answer holds its token; frontends of sellers may put it into the address of a page, which for a checkout of
/// the legacy kind may be anybody's, so there it vouches for nobody.
async fn finish(
    flow: &Flow<ByClientSecret, Nothing, CheckoutConfirmStripe>,
    confirm: Confirm,
    paid: Option<(Id<Payment>, Answer)>,
) -> Finishing<Json<CheckoutPublicConfirmed>> {
    let sold = flow
        .read(|tx, call| {
            let checkout = checkouts::find_by_client_secret(tx, &call.path.client_secret)?;
            checkouts::public(tx, checkout)
        })
        .await?;
    flow.finish(move |tx, call| {
        if let Some(paid) = &paid {
            billing::settle(tx, &call.house.billing, slice::from_ref(paid))?;
        }
        let checkout = checkouts::find_by_client_secret(tx, &call.path.client_secret)?;
        let typed = confirm::typed_payment(tx, &checkout, &confirm)?.filter(|_| !checkout.is_legacy);
        let typed = typed.map(|payment| payment.id);
        let (_, token) = customer_sessions::create_for_payer(tx, &call.house.secret, &checkout, typed)?;
        let public = sold.as_of(tx, checkout)?;
        Ok(Json(CheckoutPublicConfirmed::new(public, &call.house, token.as_str())))
    })
    .await
}
