//! A seller's GitHub account, and the app on their repositories.

use http::Method;
use merak_adapters::github::{Github, Installation};
use merak_adapters::rest;
use merak_core::access::USERS;
use merak_core::connections::{self, NewAccount, Platform};
use merak_core::kit::{Kind, Purpose, Refusal, Result as Decision};
use merak_core::streams::{self, Channel};
use merak_store::{ReadTx, Tx};
use serde_json::json;

use super::discord::told;
use super::{NAV, SESSIONS, State, not_connected, person, way_back, with_error};
use crate::error::Failure;
use crate::flows::github_seller::{self, NoToken};
use crate::flows::new_tokens;
use crate::state::House;
use crate::wire::{Call, Finishing, Flow, Json, Nothing, Operation, SeeOther, Text, Unit, answer, request};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/integrations/github_repository_benefit/user/authorize", authorize)
            .named("integrations_github_repository_benefit:user_authorize", "Connect GitHub")
            .about("Sends a seller to GitHub, to connect an account.")
            .nav(NAV)
            .admits(USERS, SESSIONS)
            .hidden(),
        Operation::new(
            Method::GET,
            "/v1/integrations/github_repository_benefit/user/callback",
            Unit::flow(callback),
        )
        .named("integrations_github_repository_benefit:user_callback", "GitHub Connected")
        .about("Receives a seller from GitHub and keeps the connection.")
        .nav(NAV)
        .admits(USERS, SESSIONS)
        .hidden(),
        Operation::new(
            Method::GET,
            "/v1/integrations/github_repository_benefit/user/repositories",
            Unit::flow(repositories),
        )
        .named("integrations_github_repository_benefit:user_repositories", "List Repositories")
        .about("Shows the repositories that a seller can give access to.")
        .nav(NAV)
        .admits(USERS, SESSIONS)
        .hidden(),
        Operation::new(
            Method::GET,
            "/v1/integrations/github_repository_benefit/installation/install",
            Unit::flow(install),
        )
        .named("integrations_github_repository_benefit:installation_install", "Install App")
        .about("Sends a seller to GitHub, to install the app on repositories.")
        .nav(NAV)
        .admits(USERS, SESSIONS)
        .hidden(),
        Operation::new(
            Method::GET,
            "/v1/integrations/github_repository_benefit/installation/callback",
            Unit::Write(installed),
        )
        .named("integrations_github_repository_benefit:installation_callback", "App Installed")
        .about("Receives a seller from GitHub.")
        .nav(NAV)
        .admits(USERS, SESSIONS)
        .hidden(),
    ]
}

request! {
    /// Where a seller comes from.
    pub struct GithubAuthorizeQuery {
        /// Where to come back to.
        pub return_to: Option<String>,
    }

    /// What GitHub sends a seller back with.
    pub struct GithubCallbackQuery {
        /// What was signed when they left.
        pub state: String,
        /// What tokens are got with.
        pub code: Option<String>,
        /// Why they did not agree.
        pub error: Option<String>,
    }
}

answer! {
    /// What a seller can give access to.
    pub struct GitHubRepositories {
        /// The repositories.
        pub repositories: Vec<GitHubRepository>,
        /// Their owners.
        pub organizations: Vec<GitHubOrganization>,
    }

    /// A repository.
    pub struct GitHubRepository {
        /// Whose it is.
        pub repository_owner: String,
        /// What it is called.
        pub repository_name: String,
    }

    /// An owner of repositories.
    pub struct GitHubOrganization {
        /// What it is called.
        pub name: String,
        /// Whether it is a person.
        pub is_personal: bool,
        /// What it pays for.
        pub plan_name: String,
        /// Whether it pays nothing.
        pub is_free: bool,
    }
}

fn github_of(house: &House) -> Decision<&Github> {
    house.adapters.github.as_ref().ok_or_else(|| not_connected("GitHub"))
}

fn redirect_uri(house: &House) -> String {
    format!("{}/v1/integrations/github_repository_benefit/user/callback", house.public_url)
}

fn authorize(tx: &mut ReadTx<'_>, call: &Call<Nothing, GithubAuthorizeQuery>) -> Decision<SeeOther> {
    let house = &*call.house;
    let github = github_of(house)?;
    let return_to = way_back(house, call.query.return_to.as_deref())?;
    let state = State { user_id: person(&call.actor)?, return_to };
    let state = State::sign(tx, house, Purpose::GithubSeller, &state)?;
    let url = github.seller_authorization(&redirect_uri(house), &state);
    Ok(SeeOther::to(&url.map_err(|_| Refusal::not_found())?))
}

async fn callback(flow: Flow<Nothing, GithubCallbackQuery, Nothing>) -> Finishing<SeeOther> {
    let (house, query) = (&flow.call().house, &flow.call().query);
    let github = github_of(house)?;
    let state = flow
        .read(|tx, call| {
            let caller = (&call.actor, tx.now());
            State::read(&call.house.secret, Purpose::GithubSeller, caller, &call.query.state)
        })
        .await?;
    let answered = match (&query.error, &query.code) {
        (Some(error), _) => Err(error.clone()),
        (None, None) => Err(String::from("GitHub gave no code.")),
        (None, Some(code)) => account_of(github, code, house).await.map_err(|error| told(&error)),
    };
    flow.finish(move |tx, call| {
        let url = match &answered {
            Err(error) => with_error(state.return_to.clone(), error),
            Ok(account) => {
                connections::connect_user(tx, &call.house.secret, state.user_id, account)?;
                state.return_to.clone()
            }
        };
        Ok(SeeOther::to(&url))
    })
    .await
}

async fn account_of(github: &Github, code: &str, house: &House) -> rest::Result<NewAccount> {
    let tokens = github.exchange_of_seller(code, &redirect_uri(house)).await?;
    let account = github.user(&tokens.access).await?;
    Ok(NewAccount {
        platform: Platform::Github,
        account_id: account.id,
        account_username: account.username,
        tokens: new_tokens(tokens),
    })
}

async fn repositories(flow: Flow<Nothing, Nothing, Nothing>) -> Finishing<Json<GitHubRepositories>> {
    let call = flow.call();
    let github = github_of(&call.house)?;
    let token = github_seller::token(&call.house, github, person(&call.actor)?).await.map_err(refusal)?;
    let mut shown = GitHubRepositories { repositories: Vec::new(), organizations: Vec::new() };
    for installation in github.installations(&token).await? {
        let found = match github.repositories(&token, installation.id).await {
            // One that is suspended, say, must not hide the others.
            Err(rest::Error::Refused { .. }) => continue,
            found => found?,
        };
        for repository in found {
            shown.repositories.push(GitHubRepository {
                repository_owner: repository.owner.login,
                repository_name: repository.name,
            });
        }
        shown.organizations.push(organization_of(github, installation).await?);
    }
    flow.finish(move |_, _| Ok(Json(shown.clone()))).await
}

/// Why a seller's account cannot be used, as an answer.
fn refusal(reason: NoToken) -> Failure {
    match reason {
        NoToken::NotConnected => {
            Refusal::rule(Kind::GithubTokenExpired, "Connect your GitHub account first.").into()
        }
        NoToken::Ended(error) => Refusal::from(error).into(),
        NoToken::Outside(error) => error.into(),
        NoToken::Refused(refusal) => refusal.into(),
    }
}

async fn organization_of(github: &Github, installation: Installation) -> rest::Result<GitHubOrganization> {
    let is_personal = installation.account.is_personal();
    let plan = if is_personal {
        None
    } else {
        match github.plan_of(&installation).await {
            Err(rest::Error::Refused { .. }) => None,
            plan => plan?,
        }
    };
    Ok(GitHubOrganization {
        name: installation.account.login,
        is_personal,
        is_free: plan.as_deref() == Some("free"),
        plan_name: plan.unwrap_or_default(),
    })
}

async fn install(flow: Flow<Nothing, Nothing, Nothing>) -> Finishing<SeeOther> {
    let github = github_of(&flow.call().house)?;
    let state = flow
        .read(|tx, call| {
            let return_to = way_back(&call.house, None)?;
            let state = State { user_id: person(&call.actor)?, return_to };
            State::sign(tx, &call.house, Purpose::GithubInstallation, &state)
        })
        .await?;
    let page = github.installation_page(&state).await?;
    flow.finish(move |_, _| Ok(SeeOther::to(&page))).await
}

/// GitHub sends sellers here after they installed the app, also when they began on GitHub's own pages. The page that they
/// began on hears of it.
fn installed(tx: &mut Tx<'_>, call: &Call) -> Decision<Text> {
    let channel = Channel::User(person(&call.actor)?);
    streams::publish(tx, &channel, "integrations.github_repository_benefit.installed", &json!({}))?;
    Ok(Text("The app is installed. You can close this window."))
}
