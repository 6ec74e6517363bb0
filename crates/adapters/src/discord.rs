//! Discord: accounts that people connect, and roles on servers that a bot gives them.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use crate::http::ClientError;
use crate::rest::{
    Account, ClientCredentials, Error, Http, Result, Tokens, address, authorization, form, send, with_query,
};

const SERVICE: &str = "Discord";

/// What a bot may do on a server that adds it: manage roles and invite.
const BOT_PERMISSIONS: &str = "268435459";

/// What a customer allows: to be known, and to be added to a server.
const CUSTOMER_SCOPES: &str = "identify email guilds.join";

/// Where Discord is and as whom it is called.
#[derive(Clone)]
pub struct Options {
    /// The address of its website and its API, `https://discord.com`.
    pub url: Url,
    /// The OAuth client of the application.
    pub client: ClientCredentials,
    /// The token of the application's bot.
    pub bot_token: String,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("url", &self.url.as_str())
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// A client of Discord.
#[derive(Clone, Debug)]
pub struct Discord {
    http: Http,
    options: Options,
}

/// A server as its bot sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Guild {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// The roles that its members can have.
    #[serde(default)]
    pub roles: Vec<Role>,
}

/// A role on a server.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Role {
    /// Its id; that of the role which everybody has is the server's own.
    pub id: String,
    /// What it is called.
    pub name: String,
    /// Its rank: a bot can give the roles below its highest one.
    #[serde(default)]
    pub position: i64,
    /// Its color as a number.
    #[serde(default)]
    pub color: i64,
    /// Whether an integration keeps it, so that nobody can give it.
    #[serde(default)]
    pub managed: bool,
    #[serde(default)]
    tags: Option<Tags>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct Tags {
    #[serde(default)]
    bot_id: Option<String>,
}

impl Role {
    /// The bot that this role was made for, if it was made for one.
    pub fn bot_id(&self) -> Option<&str> {
        self.tags.as_ref()?.bot_id.as_deref()
    }
}

/// The bot on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BotMember {
    /// The bot's own account.
    pub id: String,
    /// The roles that it has.
    pub roles: Vec<String>,
}

/// What came of adding somebody to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// They came in, with the role.
    Now,
    /// They were there already, and have whatever they had.
    Before,
}

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: String,
    refresh_token: Option<String>,
    expires_in: Option<i64>,
    guild: Option<GuildId>,
}

#[derive(Deserialize)]
struct GuildId {
    id: String,
}

impl From<TokenAnswer> for Tokens {
    fn from(answer: TokenAnswer) -> Self {
        Self { access: answer.access_token, refresh: answer.refresh_token, expires_in: answer.expires_in }
    }
}

#[derive(Deserialize)]
struct User {
    id: String,
    username: String,
}

#[derive(Deserialize)]
struct Member {
    #[serde(default)]
    roles: Vec<String>,
}

impl Discord {
    /// A client with these options.
    pub fn new(options: Options) -> std::result::Result<Self, ClientError> {
        Ok(Self { http: Http::new()?, options })
    }

    /// Where a seller is sent to add the bot to a server.
    pub fn bot_authorization(&self, redirect_uri: &str, state: &str) -> Result<Url> {
        let permissions = ("permissions", BOT_PERMISSIONS);
        self.authorization("bot", redirect_uri, state).map(|url| with_query(url, &[permissions]))
    }

    /// Where a customer is sent to connect an account.
    pub fn customer_authorization(&self, redirect_uri: &str, state: &str) -> Result<Url> {
        self.authorization(CUSTOMER_SCOPES, redirect_uri, state)
    }

    fn authorization(&self, scope: &str, redirect_uri: &str, state: &str) -> Result<Url> {
        Ok(with_query(
            self.at(&["oauth2", "authorize"])?,
            &[
                ("response_type", "code"),
                ("client_id", &self.options.client.id),
                ("redirect_uri", redirect_uri),
                ("scope", scope),
                ("state", state),
            ],
        ))
    }

    /// Exchanges the code of an authorization. A refused code is an [`Error::Refused`].
    pub async fn exchange(&self, code: &str, redirect_uri: &str) -> Result<Tokens> {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
        self.token(&fields).await.map(Tokens::from)
    }

    /// Exchanges the code of an authorization that added the bot to a server, and says to which. Only Discord's own
    /// word counts: the address that the browser came back with can be written by anybody.
    pub async fn exchange_for_guild(&self, code: &str, redirect_uri: &str) -> Result<Option<String>> {
        let fields = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
        Ok(self.token(&fields).await?.guild.map(|guild| guild.id))
    }

    /// Gets new tokens. A refresh token that ended is an [`Error::Refused`].
    pub async fn refresh(&self, refresh_token: &str) -> Result<Tokens> {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
            .await
            .map(Tokens::from)
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<TokenAnswer> {
        let client = &self.options.client;
        let call = self.http.call(Method::POST, self.at(&["api", "v10", "oauth2", "token"])?);
        send(SERVICE, form(call.basic_auth(&client.id, Some(&client.secret)), &fields)).await?.read()
    }

    /// Whose access token this is.
    pub async fn user(&self, access_token: &str) -> Result<Account> {
        let call = self.http.call(Method::GET, self.at(&["api", "v10", "users", "@me"])?);
        let user: User =
            send(SERVICE, authorization(call, &format!("Bearer {access_token}"))).await?.read()?;
        Ok(Account { id: user.id, username: user.username })
    }

    /// A server that the bot was added to.
    pub async fn guild(&self, guild_id: &str) -> Result<Guild> {
        self.as_bot(Method::GET, &["guilds", guild_id])?.read().await
    }

    /// The bot as a member of a server.
    pub async fn bot_member(&self, guild_id: &str) -> Result<BotMember> {
        let User { id, .. } = self.as_bot(Method::GET, &["users", "@me"])?.read().await?;
        let Member { roles } =
            self.as_bot(Method::GET, &["guilds", guild_id, "members", &id])?.read().await?;
        Ok(BotMember { id, roles })
    }

    /// Adds a person to a server with a role, by the access token with which they allowed it.
    pub async fn add_member(&self, place: &RolePlace<'_>, access_token: &str) -> Result<Joined> {
        let mut call = self.as_bot(Method::PUT, &["guilds", place.guild_id, "members", place.account_id])?;
        call.request = call.request.json(&json!({"access_token": access_token, "roles": [place.role_id]}));
        let answer = send(SERVICE, call.request).await?;
        Ok(if answer.status == StatusCode::CREATED { Joined::Now } else { Joined::Before })
    }

    /// Gives a member of a server a role. One who has it keeps it.
    pub async fn add_role(&self, place: &RolePlace<'_>) -> Result<()> {
        self.as_bot(Method::PUT, &place.segments())?.done().await
    }

    /// Takes a role from a member of a server. Whom or what the server does not know is an [`Error::Refused`] of 404.
    pub async fn remove_role(&self, place: &RolePlace<'_>) -> Result<()> {
        self.as_bot(Method::DELETE, &place.segments())?.done().await
    }

    fn as_bot(&self, method: Method, segments: &[&str]) -> Result<BotCall> {
        let call = self.http.call(method, self.at(&[&["api", "v10"], segments].concat())?);
        Ok(BotCall { request: authorization(call, &format!("Bot {}", self.options.bot_token)) })
    }

    fn at(&self, segments: &[&str]) -> Result<Url> {
        address(SERVICE, &self.options.url, segments)
    }
}

/// A role of a person on a server.
#[derive(Clone, Copy, Debug)]
pub struct RolePlace<'p> {
    /// The server.
    pub guild_id: &'p str,
    /// The role.
    pub role_id: &'p str,
    /// The person.
    pub account_id: &'p str,
}

impl<'p> RolePlace<'p> {
    fn segments(&self) -> [&'p str; 6] {
        ["guilds", self.guild_id, "members", self.account_id, "roles", self.role_id]
    }
}

struct BotCall {
    request: RequestBuilder,
}

impl BotCall {
    async fn read<T: serde::de::DeserializeOwned>(self) -> Result<T> {
        send(SERVICE, self.request).await?.read()
    }

    async fn done(self) -> Result<()> {
        send(SERVICE, self.request).await.map(|_| ())
    }
}

/// Whether a failure is about the person's account: they took their permission back, or are in as many servers as one may
/// be.
pub fn is_of_account(error: &Error) -> bool {
    const CODES: [i64; 2] = [30_001, 50_025];
    matches!(error, Error::Refused { service: SERVICE, code: Some(code), .. } if CODES.contains(code))
}

/// Whether a failure says that what is to be taken away is not there: the server, the role or the member.
pub fn is_gone(error: &Error) -> bool {
    error.status() == Some(404)
}
