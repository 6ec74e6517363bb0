//! Accounts elsewhere that customers connect: a browser goes there and comes back.

use http::Method;
use merak_adapters::rest;
use merak_core::access::{BUYERS, Subject, Tenancy};
use merak_core::checkouts::Checkout;
use merak_core::connections::{self, NewAccount, Platform};
use merak_core::customers::{self, Customer};
use merak_core::kit::{Id, Kind, Purpose, Refusal, Result as Decision, read_note, sign};
use merak_core::{customer_sessions, organizations, user_sessions};
use merak_store::{ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

use super::WRITERS;
use crate::flows::new_tokens;
use crate::pages::NOT_CONNECTED;
use crate::state::House;
use crate::wire::{
    Call, Components, Described, Finishing, Flow, Json, Nothing, Operation, SeeOther, Unit, answer,
    one_of_named, request,
};

const NAV: &str = "Private > Customer Portal";

/// How long somebody may take at the other service, in seconds.
const STATE_LIFETIME: i64 = 900;

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/oauth-accounts/authorize", authorize)
            .named("customer_portal:oauth_accounts:authorize", "Connect Account")
            .about("Tells where a customer connects an account.")
            .nav(NAV)
            .admits(BUYERS, WRITERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound])
            .hidden(),
        Operation::new(Method::GET, "/v1/customer-portal/oauth-accounts/callback", Unit::flow(callback))
            .named("customer_portal:oauth_accounts:callback", "Account Connected")
            .about("Receives a customer from another service and keeps the connection.")
            .nav(NAV)
            .hidden(),
    ]
}

impl Described for Platform {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "CustomerOAuthPlatform",
            |_| json!({"type": "string", "enum": Self::TEXTS, "description": "Where an account is."}),
        )
    }
}

request! {
    /// Who wants to connect what.
    pub struct AccountAuthorizeQuery {
        /// Where the account is.
        pub platform: Platform,
        /// Whose account it is to be.
        pub customer_id: Id<Customer>,
        /// Where to come back to.
        pub return_to: Option<String>,
    }

    /// What another service sends a customer back with.
    pub struct AccountCallbackQuery {
        /// What was signed when they left.
        pub state: String,
        /// What tokens are got with.
        pub code: Option<String>,
        /// Why they did not agree.
        pub error: Option<String>,
    }
}

answer! {
    /// Where to connect an account.
    pub struct AccountAuthorization {
        /// The address at the other service.
        pub url: String,
    }
}

/// What comes back with a customer.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct State {
    customer_id: Id<Customer>,
    /// The checkout that had made the customer and was all that was known of them when they left.
    #[serde(default)]
    newcomer_of: Option<Id<Checkout>>,
    platform: Platform,
    return_to: Url,
}

fn redirect_uri(house: &House) -> String {
    format!("{}/v1/customer-portal/oauth-accounts/callback", house.public_url)
}

fn authorize(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, AccountAuthorizeQuery>,
) -> Decision<Json<AccountAuthorization>> {
    let (house, query) = (&*call.house, &call.query);
    let customer = customers::find(tx, query.customer_id)?.ok_or_else(Refusal::not_found)?;
    if !customers::ids_of_buyer(tx, &call.actor)?.contains(&customer.id) {
        return Err(Refusal::not_permitted("Not permitted"));
    }
    let owner = customer.organization_id;
    let organization = organizations::get(tx, &Tenancy::of(owner), owner)?;
    let usual = format!("/{}/portal", organization.slug);
    let return_to = house.origins.way_back(query.return_to.as_deref(), &usual);
    let return_to = return_to.ok_or_else(Refusal::not_found)?;
    let newcomer_of = customers::newcomer_of(tx, customer.id)?;
    let state = State { customer_id: customer.id, newcomer_of, platform: query.platform, return_to };
    let url = leave(house, &state, tx.now())?;
    Ok(Json(AccountAuthorization { url: url.into() }))
}

/// Where a customer connects an account, who comes back to this path of ours.
pub fn authorization_url(
    house: &House,
    (customer_id, newcomer_of): (Id<Customer>, Option<Id<Checkout>>),
    platform: Platform,
    back: &str,
) -> Decision<Url> {
    let return_to = house.origins.way_back(None, back).ok_or_else(Refusal::not_found)?;
    leave(house, &State { customer_id, newcomer_of, platform, return_to }, house.store.now())
}

/// The address at the other service, with what comes back signed.
fn leave(house: &House, state: &State, now: Timestamp) -> Decision<Url> {
    let platform = state.platform;
    let state = sign(&house.secret, Purpose::CustomerAccount, now.add_seconds(STATE_LIFETIME), state)?;
    let url = match platform {
        Platform::Discord => house
            .adapters
            .discord
            .as_ref()
            .map(|discord| discord.customer_authorization(&redirect_uri(house), &state)),
        Platform::Github => house
            .adapters
            .github
            .as_ref()
            .map(|github| github.customer_authorization(&redirect_uri(house), &state)),
    };
    match url {
        Some(Ok(url)) => Ok(url),
        Some(Err(_)) | None => {
            Err(Refusal::rule(Kind::NotFound, format!("This installation is not connected to {platform}.")))
        }
    }
}

/// Somebody comes back. A state that is not ours leads to a page that says so, because a browser is asking.
async fn callback(flow: Flow<Nothing, AccountCallbackQuery, Nothing>) -> Finishing<SeeOther> {
    let (house, query) = (&flow.call().house, &flow.call().query);
    let state = flow
        .read(|tx, call| {
            let purpose = Purpose::CustomerAccount;
            Ok(read_note::<State>(&call.house.secret, purpose, tx.now(), &call.query.state))
        })
        .await?;
    let Some(state) = state else {
        return flow.finish(|_, call| nowhere(&call.house)).await;
    };
    let answered = match (&query.error, &query.code) {
        (Some(error), _) => Err(error.clone()),
        (None, None) => Err(String::from("No code was given.")),
        (None, Some(code)) => account_of(house, state.platform, code).await.map_err(|error| {
            tracing::warn!(%error, "a customer's account was not connected");
            String::from("The account could not be connected.")
        }),
    };
    flow.finish(move |tx, call| finish(tx, call, &state, &answered)).await
}

/// To the page that says that nothing was connected.
fn nowhere(house: &House) -> Decision<SeeOther> {
    house.origins.way_back(None, NOT_CONNECTED).map(|url| SeeOther::to(&url)).ok_or_else(Refusal::not_found)
}

fn finish(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, AccountCallbackQuery, Nothing>,
    state: &State,
    answered: &Result<NewAccount, String>,
) -> Decision<SeeOther> {
    let house = &*call.house;
    let Some(customer) = customers::find(tx, state.customer_id)? else { return nowhere(house) };
    // Whoever left may have been somebody else than the one who has turned out to be the customer meanwhile.
    if state.newcomer_of.is_some() && customers::newcomer_of(tx, customer.id)? != state.newcomer_of {
        return nowhere(house);
    }
    let person = match &call.session {
        Some(session) => user_sessions::authenticate(tx, session)?,
        None => None,
    };
    // A person who is signed in comes back for one of their own customers; anybody else is known by the state alone, and
    // gets a session of the customer for whom it was signed.
    let is_person = match person.map(|actor| actor.subject) {
        Some(Subject::User(id)) if customer.user_id == Some(id) => true,
        Some(Subject::User(_)) => return Err(Refusal::not_permitted("Not permitted")),
        Some(
            Subject::Anonymous | Subject::Organization(_) | Subject::Customer(_) | Subject::Purchase { .. },
        )
        | None => false,
    };
    let mut url = state.return_to.clone();
    let account = match answered {
        Ok(account) => account,
        Err(error) => {
            url.query_pairs_mut().append_pair("error", error);
            return Ok(SeeOther::to(&url));
        }
    };
    connections::connect_customer(tx, &house.secret, customer.id, account)?;
    if !is_person {
        let (_, token) = customer_sessions::open(tx, &house.secret, customer.id, state.newcomer_of)?;
        url.query_pairs_mut().append_pair("customer_session_token", token.as_str());
    }
    Ok(SeeOther::to(&url))
}

async fn account_of(
    house: &House,
    platform: Platform,
    code: &str,
) -> Result<NewAccount, merak_adapters::Error> {
    let not_connected = |service| merak_adapters::Error::Refused {
        service,
        cause: String::from("this installation is not connected to it"),
    };
    let (tokens, account): (rest::Tokens, rest::Account) = match platform {
        Platform::Discord => {
            let discord = house.adapters.discord.as_ref().ok_or_else(|| not_connected("Discord"))?;
            let tokens = discord.exchange(code, &redirect_uri(house)).await?;
            let account = discord.user(&tokens.access).await?;
            (tokens, account)
        }
        Platform::Github => {
            let github = house.adapters.github.as_ref().ok_or_else(|| not_connected("GitHub"))?;
            let tokens = github.exchange_of_customer(code, &redirect_uri(house)).await?;
            let account = github.user(&tokens.access).await?;
            (tokens, account)
        }
    };
    Ok(NewAccount {
        platform,
        account_id: account.id,
        account_username: account.username,
        tokens: new_tokens(tokens),
    })
}
