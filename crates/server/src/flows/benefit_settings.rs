//! Asks the services outside about the settings of a benefit before it is made or changed.

use merak_adapters::discord::Discord;
use merak_adapters::github::{Github, Repository, RepositoryPlace};
use merak_adapters::rest;
use merak_core::access::{Actor, Subject};
use merak_core::benefits::BenefitType;
use merak_core::benefits::kinds::Finding;
use merak_core::benefits::kinds::discord::{Guild, Role};
use merak_core::benefits::kinds::github_repository::{self, RepositoryAccess};
use merak_core::kit::{Purpose, Refusal, at, read_note};
use serde_json::Value;

use super::github_seller::{self, NoToken};
use crate::error::Failure;
use crate::state::House;
use crate::wire::validation::Problem;

/// The settings of a benefit as a seller sent them.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The benefit's kind.
    pub kind: BenefitType,
    /// The settings.
    pub properties: &'a Value,
    /// The name of the schema's branch that they were checked by.
    pub branch: &'static str,
    /// Who sent them.
    pub actor: &'a Actor,
}

/// What the service behind the kind says about the settings; nothing if there is none, or none that can be asked.
pub async fn find(house: &House, asked: &Asked<'_>) -> Result<Option<Finding>, Failure> {
    match asked.kind {
        BenefitType::Discord => match &house.adapters.discord {
            Some(discord) => find_guild(house, discord, asked).await.map(Some),
            None => Ok(None),
        },
        BenefitType::GithubRepository => match &house.adapters.github {
            Some(github) => find_repository(house, github, asked).await.map(Finding::Repository).map(Some),
            None => Ok(None),
        },
        BenefitType::Custom | BenefitType::Ads | BenefitType::Downloadables | BenefitType::LicenseKeys => {
            Ok(None)
        }
    }
}

async fn find_guild(house: &House, discord: &Discord, asked: &Asked<'_>) -> Result<Finding, Failure> {
    let token = asked.properties["guild_token"].as_str().unwrap_or_default();
    let Some(guild_id) = guild_of_token(house, token).await? else {
        return Err(Failure::Problems(vec![Problem {
            kind: "value_error",
            loc: ["body", asked.branch, "properties", "guild_token"].map(Into::into).into(),
            msg: String::from("This token names no server, or its time is over."),
            input: Value::from(token),
            ctx: Some(serde_json::json!({"error": {}})),
        }]));
    };
    let problem = |error: rest::Error| {
        outside_problem(&error, "guild_token", asked, "The bot is not on this server any more. Add it again.")
    };
    let guild = discord.guild(&guild_id).await.map_err(problem)?;
    let bot = discord.bot_member(&guild_id).await.map_err(problem)?;
    Ok(Finding::Guild(seen(&guild, &bot)))
}

/// A server as the rules of benefits see it.
fn seen(guild: &merak_adapters::discord::Guild, bot: &merak_adapters::discord::BotMember) -> Guild {
    let own = guild.roles.iter().filter(|role| bot.roles.contains(&role.id));
    Guild {
        id: guild.id.clone(),
        bot_position: own.map(|role| role.position).max().unwrap_or(0),
        roles: guild
            .roles
            .iter()
            .map(|role| Role {
                id: role.id.clone(),
                position: role.position,
                is_foreign: role.managed && role.bot_id() != Some(&bot.id),
            })
            .collect(),
    }
}

/// The Discord server that a token names, if this installation signed it and its time is not over.
pub async fn guild_of_token(house: &House, token: &str) -> Result<Option<String>, Failure> {
    let (secret, token) = (house.secret.clone(), token.to_owned());
    Ok(house
        .store
        .read(move |tx| Ok::<_, Refusal>(read_note(&secret, Purpose::GuildToken, tx.now(), &token)))
        .await?)
}

async fn find_repository(
    house: &House,
    github: &Github,
    asked: &Asked<'_>,
) -> Result<RepositoryAccess, Failure> {
    let Subject::User(user_id) = asked.actor.subject else { return Ok(RepositoryAccess::NoPerson) };
    let token = match github_seller::token(house, github, user_id).await {
        Ok(token) => token,
        Err(NoToken::NotConnected) => return Ok(RepositoryAccess::NotConnected),
        Err(NoToken::Ended(error)) => return Err(Refusal::from(error).into()),
        Err(NoToken::Outside(error)) => return Err(repository_problem(&error, asked)),
        Err(NoToken::Refused(refusal)) => return Err(refusal.into()),
    };
    reach(github, &token, asked).await
}

/// How far a seller's access to a repository goes.
async fn reach(github: &Github, token: &str, asked: &Asked<'_>) -> Result<RepositoryAccess, Failure> {
    let text = |name: &str| asked.properties[name].as_str().unwrap_or_default();
    let place = RepositoryPlace { owner: text("repository_owner"), name: text("repository_name") };
    let of_seller = |error: rest::Error| match error {
        // The seller took the connection back at GitHub.
        rest::Error::Unauthorized { .. } => Refusal::from(github_repository::Error::Expired).into(),
        error => repository_problem(&error, asked),
    };
    let installations = github.installations(token).await.map_err(of_seller)?;
    if installations.is_empty() {
        return Err(Refusal::from(github_repository::Error::NotInstalled).into());
    }
    let of_owner = installations.iter().find(|known| known.account.login.eq_ignore_ascii_case(place.owner));
    let Some(of_owner) = of_owner else { return Ok(RepositoryAccess::None) };
    let repositories = github.repositories(token, of_owner.id).await.map_err(of_seller)?;
    // This is asked in the name of the app, so what is wrong with it is nothing of the seller's.
    let cover = github.installation_of(&place).await.map_err(|error| repository_problem(&error, asked))?;
    let renamed = cover.as_ref().and_then(|cover| cover.renamed);
    let is_it = |known: &Repository| match renamed {
        // The seller is shown it under the name that it has now.
        Some(id) => known.id == id,
        None => known.name.eq_ignore_ascii_case(place.name),
    };
    if !repositories.iter().any(is_it) {
        return Ok(RepositoryAccess::None);
    }
    Ok(match cover {
        None => RepositoryAccess::NotInstalled,
        Some(cover) if cover.installation.account.is_personal() => RepositoryAccess::Personal,
        Some(_) => RepositoryAccess::Full,
    })
}

fn repository_problem(error: &rest::Error, asked: &Asked<'_>) -> Failure {
    outside_problem(error, "repository_name", asked, "GitHub does not show this repository.")
}

/// A service that cannot answer, or does not know what it is asked about, is a problem of the field that names it.
fn outside_problem(
    error: &rest::Error,
    field: &'static str,
    asked: &Asked<'_>,
    if_refused: &'static str,
) -> Failure {
    let sentence = match error {
        rest::Error::Refused { .. } => if_refused,
        rest::Error::RateLimited { .. }
        | rest::Error::Unavailable { .. }
        | rest::Error::Unauthorized { .. } => {
            tracing::warn!(%error, "settings of a benefit could not be checked");
            "The service cannot be asked right now. Try again later."
        }
    };
    let place = at("body").field("properties").field(field);
    let problem = place.value_error(sentence, asked.properties[field].clone());
    Refusal::BenefitPropertiesInvalid(vec![problem]).into()
}
