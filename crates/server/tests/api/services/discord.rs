//! The stand-in of Discord.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::{Answer, Seen};

/// The bot's own account.
pub const BOT: &str = "900";

/// What Discord knows.
pub struct DiscordWorld {
    /// The servers that the bot is on.
    pub guilds: BTreeMap<String, Guild>,
    /// Codes of authorizations, with whose they are, and to which server the bot was added.
    pub codes: BTreeMap<String, (String, Option<String>)>,
    /// Access tokens and whose they are.
    pub tokens: BTreeMap<String, String>,
    /// Refresh tokens and whose they are.
    pub refreshes: BTreeMap<String, String>,
    /// Whether the secret of the OAuth client is another one now.
    pub has_other_secret: bool,
    /// How long access tokens last.
    pub lifetime: i64,
    serial: u32,
}

/// A server.
pub struct Guild {
    pub name: &'static str,
    /// The roles: id, name, position, the bot that keeps it.
    pub roles: Vec<(&'static str, &'static str, i64, Option<&'static str>)>,
    /// Who is on it, with their roles.
    pub members: BTreeMap<String, BTreeSet<String>>,
}

impl Guild {
    fn new(name: &'static str, everybody: &'static str) -> Self {
        Self {
            name,
            roles: vec![
                (everybody, "@everyone", 0, None),
                ("11", "Buyers", 1, None),
                ("12", "Friends", 2, None),
                ("13", "Merak", 3, Some(BOT)),
                ("14", "Owners", 4, None),
                ("15", "Other bot", 2, Some("901")),
            ],
            members: BTreeMap::from([(BOT.to_owned(), BTreeSet::from([String::from("13")]))]),
        }
    }
}

fn unknown(code: i64, what: &str) -> Answer {
    (404, json!({"message": format!("Unknown {what}"), "code": code}))
}

const NO_CONTENT: Answer = (204, Value::Null);

impl DiscordWorld {
    pub fn new() -> Self {
        Self {
            guilds: [("10", "Fjordsoft"), ("20", "Second")]
                .map(|(id, name)| (id.to_owned(), Guild::new(name, id)))
                .into(),
            codes: BTreeMap::new(),
            tokens: BTreeMap::new(),
            refreshes: BTreeMap::new(),
            has_other_secret: false,
            lifetime: 604_800,
            serial: 0,
        }
    }

    /// Who has which roles on a server, the bot left out, as `account: role role`.
    pub fn holders(&self, guild: &str) -> Vec<String> {
        let members = self.guilds[guild].members.iter().filter(|(id, _)| *id != BOT);
        let shown = |(id, roles): (&String, &BTreeSet<String>)| {
            format!("{id}: {}", roles.iter().cloned().collect::<Vec<_>>().join(" "))
        };
        members.map(shown).collect()
    }

    pub fn answer(&mut self, seen: &Seen, path: &[&str]) -> Answer {
        let ["api", "v10", path @ ..] = path else { return unknown(0, "address") };
        if let (&http::Method::POST, ["oauth2", "token"]) = (&seen.method, path) {
            return self.token(seen);
        }
        let authorization = seen.header("authorization");
        if let Some(token) = authorization.strip_prefix("Bearer ") {
            return match (path, self.tokens.get(token)) {
                (["users", "@me"], Some(id)) => (200, json!({"id": id, "username": format!("user{id}")})),
                _ => (401, json!({"message": "401: Unauthorized", "code": 0})),
            };
        }
        if authorization != "Bot bot-token" {
            return (401, json!({"message": "401: Unauthorized", "code": 0}));
        }
        match (seen.method.as_str(), path) {
            ("GET", ["users", "@me"]) => (200, json!({"id": BOT, "username": "merak", "bot": true})),
            (_, ["guilds", id, rest @ ..]) => {
                let tokens = &self.tokens;
                let Some(guild) = self.guilds.get_mut(*id) else { return unknown(10_004, "Guild") };
                guild.answer(seen, (id, rest), tokens)
            }
            _ => unknown(0, "address"),
        }
    }

    fn token(&mut self, seen: &Seen) -> Answer {
        let expected = format!("Basic {}", STANDARD.encode("discord-client:discord-secret"));
        if self.has_other_secret || seen.header("authorization") != expected {
            return (401, json!({"error": "invalid_client"}));
        }
        let invalid = || (400, json!({"error": "invalid_grant", "error_description": "Invalid grant"}));
        let (id, guild) = match seen.form("grant_type").as_deref() {
            Some("authorization_code") => {
                assert!(seen.form("redirect_uri").unwrap().ends_with("/callback"));
                // A code is good for once.
                let Some(known) = self.codes.remove(&seen.form("code").unwrap()) else { return invalid() };
                known
            }
            Some("refresh_token") => {
                let Some(id) = self.refreshes.remove(&seen.form("refresh_token").unwrap()) else {
                    return invalid();
                };
                (id, None)
            }
            _ => return (400, json!({"error": "unsupported_grant_type"})),
        };
        self.serial += 1;
        let (access, refresh) = (format!("access-{}", self.serial), format!("refresh-{}", self.serial));
        self.tokens.insert(access.clone(), id.clone());
        self.refreshes.insert(refresh.clone(), id);
        let mut body = json!({
            "token_type": "Bearer", "access_token": access, "refresh_token": refresh,
            "expires_in": self.lifetime, "scope": "identify",
        });
        if let Some(guild) = guild {
            body["guild"] = json!({"id": guild, "name": "A server"});
        }
        (200, body)
    }
}

impl Guild {
    fn answer(
        &mut self,
        seen: &Seen,
        (id, path): (&str, &[&str]),
        tokens: &BTreeMap<String, String>,
    ) -> Answer {
        match (seen.method.as_str(), path) {
            ("GET", []) => {
                let role = |(id, name, position, bot): &(&str, &str, i64, Option<&str>)| {
                    let mut role = json!({
                        "id": id, "name": name, "position": position, "color": 0x00_1a_bc_9c, "managed": bot.is_some(),
                    });
                    if let Some(bot) = bot {
                        role["tags"] = json!({"bot_id": bot});
                    }
                    role
                };
                (
                    200,
                    json!({"id": id, "name": self.name, "roles": self.roles.iter().map(role).collect::<Vec<_>>()}),
                )
            }
            ("GET", ["members", user]) => match self.members.get(*user) {
                Some(roles) => (200, json!({"user": {"id": user}, "roles": roles})),
                None => unknown(10_007, "Member"),
            },
            ("PUT", ["members", user]) => {
                let body = seen.json();
                if tokens.get(body["access_token"].as_str().unwrap()).is_none_or(|owner| owner != user) {
                    return (403, json!({"message": "Invalid OAuth2 access token", "code": 50_025}));
                }
                if self.members.contains_key(*user) {
                    return NO_CONTENT;
                }
                let roles = body["roles"].as_array().unwrap().iter();
                let roles: BTreeSet<String> = roles.map(|role| role.as_str().unwrap().to_owned()).collect();
                if !roles.iter().all(|role| self.may_give(role)) {
                    return (403, json!({"message": "Missing Permissions", "code": 50_013}));
                }
                self.members.insert((*user).to_owned(), roles);
                (201, json!({"user": {"id": user}}))
            }
            ("PUT" | "DELETE", ["members", user, "roles", role]) => {
                if !self.roles.iter().any(|(known, ..)| known == role) {
                    return unknown(10_011, "Role");
                }
                if !self.may_give(role) {
                    return (403, json!({"message": "Missing Permissions", "code": 50_013}));
                }
                let Some(roles) = self.members.get_mut(*user) else { return unknown(10_007, "Member") };
                if seen.method == "PUT" {
                    roles.insert((*role).to_owned());
                } else {
                    roles.remove(*role);
                }
                NO_CONTENT
            }
            _ => unknown(0, "address"),
        }
    }

    fn may_give(&self, role: &str) -> bool {
        let position =
            |id: &str| self.roles.iter().find(|known| known.0 == id).map_or(i64::MAX, |known| known.2);
        position(role) < position("13")
    }
}
