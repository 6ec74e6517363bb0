//! A role on a Discord server, given to the account that the buyer connected.

use merak_store::{Json, ReadTx, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Finding, Kind, Outcome, Outside};
use crate::benefits::Benefit;
use crate::benefits::grants::{BenefitGrant, Place};
use crate::connections::Platform;
use crate::kit::{FieldProblem, Id, Refusal, Result, at};
use crate::organizations::Organization;

/// The settings of a Discord benefit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// The server.
    pub guild_id: String,
    /// The role on it.
    pub role_id: String,
}

/// What Discord says about a server that the bot is on.
#[derive(Clone, Debug)]
pub struct Guild {
    /// Its id.
    pub id: String,
    /// Its roles.
    pub roles: Vec<Role>,
    /// The rank of the bot's highest role.
    pub bot_position: i64,
}

/// A role on a server.
#[derive(Clone, Debug)]
pub struct Role {
    /// Its id.
    pub id: String,
    /// Its rank. The bot can give roles below its own highest one.
    pub position: i64,
    /// Whether an integration other than our bot keeps it.
    pub is_foreign: bool,
}

/// See the module.
pub(super) struct Discord;

impl Kind for Discord {
    fn prepare(
        &self,
        _tx: &mut ReadTx<'_>,
        _owner: Id<Organization>,
        properties: &Value,
        finding: Option<&Finding>,
    ) -> Result<Json> {
        let Some(Finding::Guild(guild)) = finding else {
            return Err(super::not_connected("This installation is not connected to Discord.", "discord"));
        };
        let role_id = properties["role_id"].as_str().unwrap_or_default();
        if let Some(problem) = problem_with(guild, role_id) {
            return Err(Refusal::BenefitPropertiesInvalid(vec![problem]));
        }
        Ok(Json::new(&Properties { guild_id: guild.id.clone(), role_id: role_id.to_owned() })?)
    }

    fn affects_holders(&self, before: &Json, after: &Json) -> Result<bool> {
        Ok(before.parse::<Properties>()? != after.parse::<Properties>()?)
    }

    fn grant(&self, tx: &mut Tx<'_>, _benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        super::through_account(tx, Platform::Discord, grant)
    }

    fn revoke(&self, _tx: &mut Tx<'_>, _grant: &BenefitGrant) -> Result<Json> {
        Ok(Json::default())
    }

    fn outside(&self) -> Option<&dyn Outside> {
        Some(self)
    }
}

impl Outside for Discord {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    fn place(&self, benefit: &Benefit, account_id: &str) -> Result<Place> {
        let Properties { guild_id, role_id } = benefit.properties.parse()?;
        Ok(Place {
            platform: Platform::Discord,
            account_id: account_id.to_owned(),
            container: guild_id,
            target: role_id,
            permission: None,
        })
    }

    fn remembered(&self, place: &Place) -> Result<Json> {
        Ok(Json::from(json!({
            "account_id": place.account_id, "guild_id": place.container, "role_id": place.target,
        })))
    }
}

/// Why the bot cannot give a role, if it cannot: it gives those of the server that nobody else keeps, below its own. The
/// role that every member has bears the server's id and cannot be given.
fn problem_with(guild: &Guild, role_id: &str) -> Option<FieldProblem> {
    let place = at("body").field("properties").field("role_id");
    let known = guild.roles.iter().find(|role| role.id == role_id && !role.is_foreign && role.id != guild.id);
    match known {
        None => Some(place.problem("invalid_role", "This role does not exist on the server.", role_id)),
        Some(role) if role.position >= guild.bot_position => Some(place.problem(
            "invalid_role_position",
            "This role stands above the bot's own. Move the bot's role above it in the server's settings.",
            role_id,
        )),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guild() -> Guild {
        let role = |id: &str, position, is_foreign| Role { id: id.to_owned(), position, is_foreign };
        Guild {
            id: String::from("10"),
            roles: vec![
                role("10", 0, false),
                role("11", 1, false),
                role("12", 2, true),
                role("13", 3, false),
                role("14", 4, false),
            ],
            bot_position: 3,
        }
    }

    // spec 20 §3.2 and B12
    #[test]
    fn a_role_must_exist_and_stand_below_the_bots() {
        let problem = |id| problem_with(&guild(), id).map(|problem| problem.kind);
        assert_eq!(problem("11"), None);
        for id in ["10", "12", "99", ""] {
            assert_eq!(problem(id), Some("invalid_role"), "{id}");
        }
        for id in ["13", "14"] {
            assert_eq!(problem(id), Some("invalid_role_position"), "{id}");
        }
    }
}
