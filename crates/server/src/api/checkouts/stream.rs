//! What a buyer's browser is told while a checkout goes on.

use merak_core::checkouts;
use merak_core::kit::{Kind, Result};
use merak_core::streams::Channel;
use merak_store::ReadTx;

use super::client::NAV;
use crate::api::checkout_links::ByClientSecret;
use crate::wire::{Call, Operation};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::stream("/v1/checkouts/custom/client/{client_secret}/stream", listen)
            .named("checkouts:custom:client_stream", "Stream Checkout From Client")
            .about("Tells, from now on, what happens to the checkout with this secret.")
            .nav(NAV)
            .refuses(&[Kind::NotFound])
            .hidden(),
    ]
}

fn listen(tx: &mut ReadTx<'_>, call: &Call<ByClientSecret>) -> Result<Vec<Channel>> {
    let checkout = checkouts::find_by_client_secret(tx, &call.path.client_secret)?;
    Ok(vec![Channel::Checkout(checkout.id.uuid())])
}
