//! `merak token`: create, list, revoke.

use clap::{Args, Subcommand};
use merak_core::access::{self, Wanted};
use merak_core::kit::{Refusal, Scope, ScopeSet};
use merak_core::{organizations, users};
use serde_json::json;
use uuid::Uuid;

use super::{email, open, print};
use crate::failure::Failure;
use crate::options::Options;

/// Look after access tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token. It is printed once and never again.
    Create(Create),
    /// List a user's tokens.
    List {
        /// E-mail address of the user.
        #[arg(long, value_name = "EMAIL")]
        user: String,
        /// Print one JSON object on one line for each token.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token, at once.
    Revoke {
        /// The token's id.
        id: Uuid,
    },
}

/// Make a token. It is printed once and never again.
#[derive(Debug, Args)]
pub struct Create {
    /// E-mail address of the user whose rights it carries; the account is made if there is none.
    #[arg(long, value_name = "EMAIL", required_unless_present = "organization", conflicts_with = "organization")]
    user: Option<String>,
    /// Slug of the organization that acts with it as itself, for ten days unless said otherwise.
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// What it allows, as names separated by spaces.
    #[arg(long, value_name = "SCOPES", required_unless_present = "all_scopes", conflicts_with = "all_scopes")]
    scopes: Option<String>,
    /// Allow everything that a token can.
    #[arg(long)]
    all_scopes: bool,
    /// Lifetime in seconds [default: for ever].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=3_153_600_000))]
    expires_in: Option<i64>,
    /// A note to tell it from others.
    #[arg(long, default_value = "")]
    comment: String,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

impl Token {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(options),
            Self::List { user, json } => list(options, &user, json),
            Self::Revoke { id } => {
                let (store, _) = open(options)?;
                store.write_blocking(move |tx| access::revoke_token(tx, id)).map_err(|refusal| match refusal {
                    Refusal::Store(error) => Failure::from(error),
                    _ => Failure::usage(format!("there is no live token with the id {id}")),
                })
            }
        }
    }
}

impl Create {
    fn run(self, options: &Options) -> Result<(), Failure> {
        let scopes = self.allowed()?;
        let user = self.user.as_deref().map(email).transpose()?;
        let (store, secret) = open(options)?;
        let (organization, expires_in, comment) = (self.organization, self.expires_in, self.comment);
        let (id, token) = store.write_blocking(move |tx| {
            let wanted = Wanted { scopes, expires_in, comment: &comment };
            if let Some(email) = &user {
                let user = users::find_or_create(tx, email)?;
                let made = access::create_personal_access_token(tx, &secret, user.id, &wanted)?;
                return Ok::<_, Refusal>((made.id.uuid(), made.token));
            }
            let slug = organization.as_deref().unwrap_or_default();
            let organization = organizations::find_by_slug(tx, slug)?
                .ok_or_else(|| Refusal::bad_request(format!("there is no organization with the slug {slug}")))?;
            let made = access::create_organization_token(tx, &secret, organization.id, &wanted)?;
            Ok((made.id.uuid(), made.token))
        })?;
        print(self.json, &json!({"id": id, "token": token.as_str()}), &[token.as_str().to_owned()]);
        Ok(())
    }

    fn allowed(&self) -> Result<ScopeSet, Failure> {
        let Some(text) = &self.scopes else { return Ok(ScopeSet::grantable()) };
        text.split_whitespace()
            .map(|word| {
                word.parse::<Scope>()
                    .ok()
                    .filter(|scope| scope.is_grantable())
                    .ok_or_else(|| Failure::usage(format!("--scopes: there is no scope {word}")))
            })
            .collect()
    }
}

fn list(options: &Options, user: &str, json: bool) -> Result<(), Failure> {
    let email = email(user)?;
    let (store, _) = open(options)?;
    let tokens = store.read_blocking(move |tx| {
        let user = users::find_by_email(tx, &email)?
            .ok_or_else(|| Refusal::bad_request(format!("there is no user {}", email.as_str())))?;
        access::list_personal_access_tokens(tx, user.id)
    })?;
    for token in tokens {
        let object = json!({
            "id": token.id, "comment": token.comment, "scopes": token.scopes.to_string(),
            "created_at": token.created_at, "expires_at": token.expires_at, "last_used_at": token.last_used_at,
        });
        let when = |time: Option<merak_store::Timestamp>| time.map_or_else(|| String::from("never"), |time| time.wire());
        let line = format!(
            "{}  made {}  ends {}  used {}  {}",
            token.id,
            token.created_at.wire(),
            when(token.expires_at),
            when(token.last_used_at),
            token.comment
        );
        print(json, &object, &[line]);
    }
    Ok(())
}
