//! The bot on a seller's Discord server: add it, learn what it sees.

use http::Method;
use merak_adapters::discord::{BotMember, Discord, Guild, Role};
use merak_adapters::rest;
use merak_core::access::USERS;
use merak_core::kit::{Purpose, Refusal, Result as Decision};
use merak_store::ReadTx;

use super::{NAV, SESSIONS, State, not_connected, person, way_back, with_error};
use crate::api::benefits::GuildTokens;
use crate::flows::benefit_settings::guild_of_token;
use crate::state::House;
use crate::wire::{Call, Finishing, Flow, Json, Nothing, Operation, SeeOther, Unit, answer, request};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/integrations/discord/bot/authorize", authorize)
            .named("integrations_discord:bot_authorize", "Add Bot")
            .about("Sends a seller to Discord, to add the bot to a server.")
            .nav(NAV)
            .admits(USERS, SESSIONS)
            .hidden(),
        Operation::new(Method::GET, "/v1/integrations/discord/bot/callback", Unit::flow(callback))
            .named("integrations_discord:bot_callback", "Bot Added")
            .about("Receives a seller from Discord and sends them on with a token for the server.")
            .nav(NAV)
            .admits(USERS, SESSIONS)
            .hidden(),
        Operation::new(Method::GET, "/v1/integrations/discord/guild/lookup", Unit::flow(lookup))
            .named("integrations_discord:guild_lookup", "Look Up Server")
            .about("Shows a server and the roles on it.")
            .nav(NAV)
            .admits(USERS, SESSIONS)
            .hidden(),
    ]
}

request! {
    /// Where a seller comes from.
    pub struct DiscordAuthorizeQuery {
        /// Where to come back to.
        pub return_to: Option<String>,
    }

    /// What Discord sends a seller back with.
    pub struct DiscordCallbackQuery {
        /// What was signed when they left.
        pub state: String,
        /// What tokens are got with.
        pub code: Option<String>,
        /// Why they did not agree.
        pub error: Option<String>,
    }

    /// Which server to look up.
    pub struct GuildLookupQuery {
        /// The token of the server.
        pub guild_token: String,
    }
}

answer! {
    /// A Discord server.
    pub struct DiscordGuild {
        /// What it is called.
        pub name: String,
        /// The roles on it, the highest first.
        pub roles: Vec<DiscordGuildRole>,
    }

    /// A role on a Discord server.
    pub struct DiscordGuildRole {
        /// Its id.
        pub id: String,
        /// What it is called.
        pub name: String,
        /// Its rank.
        pub position: i64,
        /// Whether it is the bot's own.
        pub is_polar_bot: bool,
        /// Its color, as in a style sheet.
        pub color: String,
    }
}

fn discord_of(house: &House) -> Decision<&Discord> {
    house.adapters.discord.as_ref().ok_or_else(|| not_connected("Discord"))
}

fn redirect_uri(house: &House) -> String {
    format!("{}/v1/integrations/discord/bot/callback", house.public_url)
}

fn authorize(tx: &mut ReadTx<'_>, call: &Call<Nothing, DiscordAuthorizeQuery>) -> Decision<SeeOther> {
    let house = &*call.house;
    let discord = discord_of(house)?;
    let return_to = way_back(house, call.query.return_to.as_deref())?;
    let state = State { user_id: person(&call.actor)?, return_to };
    let state = State::sign(tx, house, Purpose::DiscordBot, &state)?;
    let url = discord.bot_authorization(&redirect_uri(house), &state);
    Ok(SeeOther::to(&url.map_err(|_| Refusal::not_found())?))
}

async fn callback(flow: Flow<Nothing, DiscordCallbackQuery, Nothing>) -> Finishing<SeeOther> {
    let (house, query) = (&flow.call().house, &flow.call().query);
    let discord = discord_of(house)?;
    let state = flow
        .read(|tx, call| {
            let caller = (&call.actor, tx.now());
            State::read(&call.house.secret, Purpose::DiscordBot, caller, &call.query.state)
        })
        .await?;
    let back = state.return_to;
    let answered = match (&query.error, &query.code) {
        (Some(error), _) => Err(error.clone()),
        (None, None) => Err(String::from("Discord gave no code.")),
        (None, Some(code)) => match discord.exchange_for_guild(code, &redirect_uri(house)).await {
            Ok(Some(guild_id)) => Ok(guild_id),
            Ok(None) => Err(String::from("No server was chosen.")),
            Err(error) => Err(told(&error)),
        },
    };
    flow.finish(move |tx, call| {
        let url = match &answered {
            Err(error) => with_error(back.clone(), error),
            Ok(guild_id) => {
                let token = GuildTokens::new(&call.house.secret, tx.now()).sign(guild_id)?;
                let mut url = back.clone();
                url.query_pairs_mut().append_pair("guild_token", &token).append_pair("guild_id", guild_id);
                url
            }
        };
        Ok(SeeOther::to(&url))
    })
    .await
}

/// A failure in words for the seller's page. What it was exactly is in the log.
pub(super) fn told(error: &rest::Error) -> String {
    tracing::warn!(%error, "an account was not connected");
    match error {
        rest::Error::Refused { service, .. } => format!("{service} refused the connection."),
        rest::Error::RateLimited { service, .. }
        | rest::Error::Unavailable { service, .. }
        | rest::Error::Unauthorized { service } => format!("{service} cannot be asked right now."),
    }
}

async fn lookup(flow: Flow<Nothing, GuildLookupQuery, Nothing>) -> Finishing<Json<DiscordGuild>> {
    let (house, query) = (&flow.call().house, &flow.call().query);
    let discord = discord_of(house)?;
    let guild_id = guild_of_token(house, &query.guild_token).await?.ok_or_else(Refusal::unauthorized)?;
    let shown = match discord.guild(&guild_id).await {
        Ok(guild) => {
            let bot = discord.bot_member(&guild_id).await?;
            shown(guild, &bot)
        }
        Err(error) if error.status().is_some() => {
            return Err(Refusal::rule(
                merak_core::kit::Kind::NotFound,
                "The bot is not on this server any more.",
            )
            .into());
        }
        Err(error) => return Err(error.into()),
    };
    flow.finish(move |_, _| Ok(Json(shown.clone()))).await
}

/// The server as sellers choose a role from it: without roles that other integrations keep.
fn shown(guild: Guild, bot: &BotMember) -> DiscordGuild {
    let is_own = |role: &Role| role.bot_id() == Some(&bot.id);
    let choosable = guild.roles.into_iter().filter(|role| !role.managed || is_own(role));
    let mut roles: Vec<DiscordGuildRole> = choosable
        .map(|role| DiscordGuildRole {
            is_polar_bot: is_own(&role),
            color: format!("#{:06x}", role.color.clamp(0, 0x00ff_ffff)),
            position: role.position,
            id: role.id,
            name: role.name,
        })
        .collect();
    roles.sort_by_key(|role| std::cmp::Reverse(role.position));
    DiscordGuild { name: guild.name, roles }
}
