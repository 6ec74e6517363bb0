//! Streams for people who sell: what happens while they have their pages open.

use merak_core::access::{Subject, USERS};
use merak_core::kit::{Kind, Refusal, Result};
use merak_core::organizations;
use merak_core::streams::Channel;
use merak_store::ReadTx;

use super::shared::ById;
use crate::wire::{Call, Operation};

const NAV: &str = "Private > Streams";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::stream("/v1/stream/user", of_user)
            .named("stream:user", "Stream User")
            .about("Tells, from now on, what changes in the organizations of the caller.")
            .nav(NAV)
            .admits(USERS, &[])
            .hidden(),
        Operation::stream("/v1/stream/organizations/{id}", of_organization)
            .named("stream:organization", "Stream Organization")
            .about("Tells the members of an organization, from now on, what changes in it.")
            .nav(NAV)
            .admits(USERS, &[])
            .refuses(&[Kind::Unauthenticated, Kind::NotFound])
            .hidden(),
    ]
}

fn of_user(_: &mut ReadTx<'_>, call: &Call) -> Result<Vec<Channel>> {
    let Subject::User(id) = call.actor.subject else { return Err(Refusal::unauthorized()) };
    Ok(vec![Channel::User(id)])
}

/// That an organization exists is no secret, so who is not a member is told so.
fn of_organization(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Vec<Channel>> {
    let id = call.path.id.cast();
    if organizations::find(tx, id)?.is_none() {
        return Err(Refusal::not_found());
    }
    let tenancy = merak_core::access::tenancy(tx, &call.actor)?;
    if tenancy.contains(id) { Ok(vec![Channel::Organization(id)]) } else { Err(Refusal::unauthorized()) }
}
