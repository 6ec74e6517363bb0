//! People, as they see themselves: what their credential allows.

use merak_core::access::USERS;
use merak_core::kit::{Result, Scope};
use merak_store::ReadTx;
use serde::Serialize;
use serde_json::{Value, json};

use crate::wire::{Call, Components, Described, Json, Operation, answer};

const NAV: &str = "Private > Users";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/users/me/scopes", scopes)
            .named("users:scopes", "Get User Scopes")
            .about("Shows what the credential of the person who calls allows. Any credential of a person will do.")
            .nav(NAV)
            .admits_only(USERS, &[])
            .hidden(),
    ]
}

/// A scope that a credential may have, those included that only this server gives.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub struct HeldScope(Scope);

impl Described for HeldScope {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "enum": Scope::TEXTS})
    }
}

answer! {
    /// What a credential allows.
    pub struct UserScopes {
        /// Its scopes.
        pub scopes: Vec<HeldScope>,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "handlers may refuse; this one has no reason to")]
fn scopes(_: &mut ReadTx<'_>, call: &Call) -> Result<Json<UserScopes>> {
    Ok(Json(UserScopes { scopes: call.actor.scopes.iter().map(HeldScope).collect() }))
}
