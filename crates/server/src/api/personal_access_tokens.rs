//! Personal access tokens: create, list, delete. Only a person in a browser may, never a token.

use merak_core::access::{self, Subject, USERS, Wanted};
use merak_core::kit::{Id, Kind, Refusal, Result, Scope, ScopeSet};
use merak_core::users::User;
use merak_store::{ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::shared::ById;
use crate::wire::{
    Call, Components, Created, Described, Json, ListResource, NoContent, Nothing, Operation, Seconds, answer,
    first_page, page, request, usual_limit,
};

const NAV: &str = "Private > Personal Access Tokens";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/personal_access_tokens/", list)
            .named("personal_access_token:list", "List Personal Access Tokens")
            .about("Lists the caller's tokens, newest first, expired ones included.")
            .nav(NAV)
            .admits(USERS, &[])
            .hidden(),
        Operation::post("/v1/personal_access_tokens/", create)
            .named("personal_access_token:create", "Create Personal Access Token")
            .about("Makes a token that acts as the caller. Its text is shown this once.")
            .nav(NAV)
            .admits(USERS, &[])
            .hidden(),
        Operation::delete("/v1/personal_access_tokens/{id}", delete)
            .named("personal_access_token:delete", "Delete Personal Access Token")
            .about("Revokes a token, at once.")
            .nav(NAV)
            .admits(USERS, &[])
            .refuses(&[Kind::NotFound])
            .hidden(),
    ]
}

/// A scope that a token may carry.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct AvailableScope(Scope);

impl Described for AvailableScope {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "enum": Scope::GRANTABLE.map(Scope::as_str).to_vec()})
    }
}

request! {
    /// Which page to list.
    pub struct ListTokensQuery {
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }

    /// A new token.
    pub struct PersonalAccessTokenCreate {
        /// A note to tell it from others.
        pub comment: String,
        /// How long it lives; for ever if left out.
        #[serde(default)]
        pub expires_in: Option<Seconds>,
        /// What it allows.
        pub scopes: Vec<AvailableScope>,
    }
}

answer! {
    /// A token, without its text.
    pub struct PersonalAccessToken {
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// Its id.
        pub id: Id<access::PersonalAccessToken>,
        /// What it allows.
        pub scopes: Vec<AvailableScope>,
        /// When it ends.
        pub expires_at: Option<Timestamp>,
        /// The note.
        pub comment: String,
        /// When it was last used, to the minute.
        pub last_used_at: Option<Timestamp>,
    }

    /// A token that was just made.
    pub struct PersonalAccessTokenCreateResponse {
        /// The token.
        pub personal_access_token: PersonalAccessToken,
        /// Its text, which is never to be seen again.
        pub token: String,
    }
}

impl From<access::PersonalAccessToken> for PersonalAccessToken {
    fn from(token: access::PersonalAccessToken) -> Self {
        Self {
            created_at: token.created_at,
            modified_at: token.modified_at,
            id: token.id,
            scopes: token.scopes.iter().map(AvailableScope).collect(),
            expires_at: token.expires_at,
            comment: token.comment,
            last_used_at: token.last_used_at,
        }
    }
}

/// The person who calls; the routes admit nobody else.
fn caller<Q, P, B>(call: &Call<P, Q, B>) -> Result<Id<User>> {
    match call.actor.subject {
        Subject::User(id) => Ok(id),
        _ => Err(Refusal::not_found()),
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListTokensQuery>,
) -> Result<Json<ListResource<PersonalAccessToken>>> {
    let page = page(call.query.page, call.query.limit);
    let tokens = access::page_of_personal_access_tokens(tx, caller(call)?, page)?;
    Ok(Json(ListResource::new(tokens, page, PersonalAccessToken::from)))
}

fn create(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, PersonalAccessTokenCreate>,
) -> Result<Created<PersonalAccessTokenCreateResponse>> {
    let body = &call.body;
    let scopes: ScopeSet = body.scopes.iter().map(|scope| scope.0).collect();
    let expires_in = body.expires_in.map(|seconds| seconds.0);
    let wanted = Wanted { scopes, expires_in, comment: &body.comment };
    let user_id = caller(call)?;
    let made = access::create_personal_access_token(tx, &call.house.secret, user_id, &wanted)?;
    let row = access::get_personal_access_token(tx, user_id, made.id)?;
    let token = made.token.into_string();
    Ok(Created(PersonalAccessTokenCreateResponse { personal_access_token: row.into(), token }))
}

fn delete(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    let token = access::get_personal_access_token(tx, caller(call)?, call.path.id.cast())?;
    access::revoke_token(tx, token.id.uuid())?;
    Ok(NoContent)
}
