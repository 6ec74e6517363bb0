//! Webhooks of payment processors: what they tell is believed if they signed it just now.

use http::Method;
use merak_adapters::payments::{sandbox, stripe};
use merak_core::kit::{Kind, Refusal};

use super::NAV;
use crate::error::Failure;
use crate::flows::receive_processor_event;
use crate::wire::{Accepted, Finishing, Flow, Nothing, Operation, Unit};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(
            Method::POST,
            "/v1/integrations/stripe/webhook",
            Unit::flow(|flow| receive(flow, stripe::NAME)),
        )
        .named("integrations_stripe:webhook", "Hear Stripe")
        .about("Takes an event that Stripe has signed.")
        .nav(NAV)
        .refuses(REFUSALS)
        .signed()
        .hidden(),
        Operation::new(
            Method::POST,
            "/v1/integrations/sandbox/webhook",
            Unit::flow(|flow| receive(flow, sandbox::NAME)),
        )
        .named("integrations_sandbox:webhook", "Hear The Sandbox")
        .about("Takes an event that the sandbox for payments has signed.")
        .nav(NAV)
        .refuses(REFUSALS)
        .signed()
        .hidden(),
    ]
}

const REFUSALS: &[Kind] = &[Kind::BadRequest, Kind::Unauthenticated, Kind::NotFound];

async fn receive(flow: Flow<Nothing, Nothing, Nothing>, processor: &'static str) -> Finishing<Accepted> {
    let call = flow.call();
    if call.house.adapters.payments.name() != processor {
        return Err(Refusal::not_found().into());
    }
    let Some(signed) = &call.signed else {
        return Err(Failure::Unexpected(String::from("the signed text was not kept")));
    };
    receive_processor_event::receive(&call.house, &signed.headers, &signed.body).await?;
    flow.finish(|_, _| Ok(Accepted)).await
}
