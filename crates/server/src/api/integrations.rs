//! Connections of sellers to Discord and GitHub, for our own pages: a browser goes there and comes back. Also what
//! payment processors tell.

mod discord;
mod github;
mod payments;

use merak_core::access::{Actor, Subject};
use merak_core::kit::{Id, InstanceSecret, Purpose, Refusal, Result, Scope, read_note, sign};
use merak_core::users::User;
use merak_store::{ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::state::House;
use crate::wire::Operation;

const NAV: &str = "Private > Integrations";

/// Only a session of a person reaches these; no token can have this scope.
const SESSIONS: &[Scope] = &[Scope::WebDefault];

/// How long somebody may take at the other service, in seconds.
const STATE_LIFETIME: i64 = 900;

pub fn operations() -> Vec<Operation> {
    [discord::operations(), github::operations(), payments::operations()].into_iter().flatten().collect()
}

/// What comes back with a seller.
#[derive(Debug, Serialize, Deserialize)]
struct State {
    /// Who was sent.
    user_id: Id<User>,
    /// Where they came from.
    return_to: Url,
}

impl State {
    /// The signed state of a seller who is sent away now.
    fn sign(tx: &ReadTx<'_>, house: &House, purpose: Purpose, state: &Self) -> Result<String> {
        sign(&house.secret, purpose, tx.now().add_seconds(STATE_LIFETIME), state)
    }

    /// The state that came back, if it was signed for this very person not long ago; else nobody is who they claim.
    fn read(
        secret: &InstanceSecret,
        purpose: Purpose,
        (actor, now): (&Actor, Timestamp),
        text: &str,
    ) -> Result<Self> {
        read_note::<Self>(secret, purpose, now, text)
            .filter(|state| actor.subject == Subject::User(state.user_id))
            .ok_or_else(Refusal::unauthorized)
    }
}

/// The person who calls.
fn person(actor: &Actor) -> Result<Id<User>> {
    match actor.subject {
        Subject::User(id) => Ok(id),
        Subject::Anonymous | Subject::Organization(_) | Subject::Customer(_) | Subject::Purchase { .. } => {
            Err(Refusal::unauthorized())
        }
    }
}

/// The address of a seller's own place, or the one they wanted to come back to.
fn way_back(house: &House, wanted: Option<&str>) -> Result<Url> {
    house.origins.way_back(wanted, "/").ok_or_else(Refusal::not_found)
}

/// The way back with what became of it.
fn with_error(mut url: Url, error: &str) -> Url {
    url.query_pairs_mut().append_pair("error", error);
    url
}

/// What is said where a service is not configured.
fn not_connected(service: &str) -> Refusal {
    Refusal::rule(
        merak_core::kit::Kind::NotFound,
        format!("This installation is not connected to {service}."),
    )
}
