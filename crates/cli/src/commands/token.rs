//! `merak token`: create, list, report-leak, revoke.

use clap::{Args, Subcommand};
use merak_core::access::{self, Leak, ReportLeak, Wanted};
use merak_core::emails::Found;
use merak_core::kit::{Email, Refusal, Scope, ScopeSet};
use merak_core::organizations::{self, Organization};
use merak_core::users;
use merak_store::{ReadTx, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::{email, open};
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Look after access tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make a token. It is printed once and never again.
    Create(Create),
    /// List the tokens of a user or an organization that were not revoked, newest first.
    List(List),
    /// End a token that was found where everybody can read it, whatever kind it is.
    ReportLeak {
        /// The token; `-` reads it from the standard input.
        token: String,
        /// Print one JSON object on one line.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token, at once.
    Revoke {
        /// The token's id, as `merak token list` shows it.
        id: Uuid,
        /// Print one JSON object on one line.
        #[arg(long)]
        json: bool,
    },
}

/// Make a token. It is printed once and never again.
#[derive(Debug, Args)]
#[command(after_help = known_scopes())]
pub struct Create {
    /// E-mail address of the user whose rights it carries; the account is made if there is none.
    #[arg(
        long,
        value_name = "EMAIL",
        required_unless_present = "organization",
        conflicts_with = "organization"
    )]
    user: Option<String>,
    /// Slug of the organization that acts with it as itself.
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// What it allows, as names separated by spaces; all names are listed below.
    #[arg(
        long,
        value_name = "SCOPES",
        required_unless_present = "all_scopes",
        conflicts_with = "all_scopes"
    )]
    scopes: Option<String>,
    /// Allow everything that a token can.
    #[arg(long)]
    all_scopes: bool,
    /// Lifetime in seconds [default: for ever; ten days for an organization].
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(i64).range(1..=3_153_600_000))]
    expires_in: Option<i64>,
    /// A note to tell it from others.
    #[arg(long, default_value = "")]
    comment: String,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

/// List the tokens of a user or an organization that were not revoked, newest first.
#[derive(Debug, Args)]
pub struct List {
    /// E-mail address of the user.
    #[arg(
        long,
        value_name = "EMAIL",
        required_unless_present = "organization",
        conflicts_with = "organization"
    )]
    user: Option<String>,
    /// Slug of the organization.
    #[arg(long, value_name = "SLUG")]
    organization: Option<String>,
    /// Print one JSON object on one line for each token.
    #[arg(long)]
    json: bool,
}

impl Token {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(options),
            Self::List(list) => list.run(options),
            Self::ReportLeak { token, json } => report_leak(options, token, json),
            Self::Revoke { id, json } => {
                let (store, _) = open(options)?;
                store.write_blocking(move |tx| access::revoke_token(tx, id)).map_err(
                    |refusal| match refusal {
                        Refusal::Store(error) => Failure::from(error),
                        _ => Failure::usage(format!(
                            "there is no token with the id {id}, or it was revoked before"
                        )),
                    },
                )?;
                output::result(json, &json!({"id": id, "is_revoked": true}), &[format!("revoked {id}")])
            }
        }
    }
}

fn report_leak(options: &Options, token: String, json: bool) -> Result<(), Failure> {
    let token = if token == "-" {
        std::io::read_to_string(std::io::stdin())
            .map_err(|error| Failure::runtime(format!("cannot read the token: {error}")))?
            .trim()
            .to_owned()
    } else {
        token
    };
    let (store, secret) = open(options)?;
    let leak = store.write_blocking(move |tx| {
        let found = Found { notifier: String::from("The operator of this server"), url: None };
        access::report_leak(tx, &secret, &ReportLeak { token: &token, kind: None, found })
    })?;
    let (object, line) = match leak {
        Leak::Unknown => (
            json!({"label": "false_positive", "kind": null, "id": null, "is_ended": false}),
            String::from("it is no token of this installation"),
        ),
        Leak::Known(kind) => (
            json!({"label": "true_positive", "kind": kind, "id": null, "is_ended": false}),
            format!("{kind} was ended before"),
        ),
        Leak::Ended { kind, id, owner_id } => (
            json!({"label": "true_positive", "kind": kind, "id": id, "owner_id": owner_id, "is_ended": true}),
            format!("ended {kind} {id} of {owner_id}"),
        ),
    };
    output::result(json, &object, &[line])
}

impl Create {
    fn run(self, options: &Options) -> Result<(), Failure> {
        let scopes = self.allowed()?;
        let user = self.user.as_deref().map(|user| email("--user", user)).transpose()?;
        let (store, secret) = open(options)?;
        let (organization, expires_in, comment) = (self.organization, self.expires_in, self.comment);
        let (id, token) = store.write_blocking(move |tx| {
            let wanted = Wanted { scopes, expires_in, comment: &comment };
            if let Some(email) = &user {
                let user = users::find_or_create(tx, email)?;
                let made = access::create_personal_access_token(tx, &secret, user.id, &wanted)?;
                return Ok::<_, Refusal>((made.id.uuid(), made.token));
            }
            let organization = organization_with(tx, organization.as_deref().unwrap_or_default())?;
            let made = access::create_organization_token(tx, &secret, organization.id, &wanted)?;
            Ok((made.id.uuid(), made.token))
        })?;
        output::result(self.json, &json!({"id": id, "token": token.as_str()}), &[token.as_str().to_owned()])
    }

    fn allowed(&self) -> Result<ScopeSet, Failure> {
        let Some(text) = &self.scopes else { return Ok(ScopeSet::grantable()) };
        let scopes: ScopeSet = text.split_whitespace().map(grantable).collect::<Result<_, _>>()?;
        if scopes.is_empty() {
            return Err(Failure::usage(
                "--scopes: name at least one scope; a token without any allows nothing",
            ));
        }
        Ok(scopes)
    }
}

/// A token as a line of a list.
struct Listed {
    id: Uuid,
    comment: String,
    scopes: ScopeSet,
    created_at: Timestamp,
    expires_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

impl List {
    fn run(self, options: &Options) -> Result<(), Failure> {
        let email = self.user.as_deref().map(|user| email("--user", user)).transpose()?;
        let (store, _) = open(options)?;
        let (tokens, now) = store.read_blocking(move |tx| {
            let tokens = match (&email, &self.organization) {
                (Some(email), _) => of_user(tx, email)?,
                (None, slug) => of_organization(tx, slug.as_deref().unwrap_or_default())?,
            };
            Ok::<_, Refusal>((tokens, tx.now()))
        })?;
        tokens.iter().try_for_each(|token| output::result(self.json, &token.object(), &[token.line(now)]))
    }
}

impl Listed {
    fn object(&self) -> serde_json::Value {
        json!({
            "id": self.id, "comment": self.comment, "scopes": self.scopes.to_string(),
            "created_at": self.created_at, "expires_at": self.expires_at, "last_used_at": self.last_used_at,
        })
    }

    fn line(&self, now: Timestamp) -> String {
        let ends = match self.expires_at {
            None => String::from("never ends"),
            Some(time) if time <= now => format!("ended {}", time.wire()),
            Some(time) => format!("ends {}", time.wire()),
        };
        let used = self
            .last_used_at
            .map_or_else(|| String::from("never used"), |time| format!("used {}", time.wire()));
        let scopes = if self.scopes == ScopeSet::grantable() {
            String::from("all scopes")
        } else {
            self.scopes.to_string()
        };
        let comment = if self.comment.is_empty() { String::new() } else { format!("  {}", self.comment) };
        format!("{}  made {}  {ends}  {used}  [{scopes}]{comment}", self.id, self.created_at.wire())
    }
}

fn of_user(tx: &mut ReadTx<'_>, email: &Email) -> Result<Vec<Listed>, Refusal> {
    let user = users::find_by_email(tx, email)?
        .ok_or_else(|| Refusal::bad_request(format!("there is no user {}", email.as_str())))?;
    let tokens = access::list_personal_access_tokens(tx, user.id)?;
    Ok(tokens
        .into_iter()
        .map(|token| Listed {
            id: token.id.uuid(),
            comment: token.comment,
            scopes: token.scopes,
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
        })
        .collect())
}

fn of_organization(tx: &mut ReadTx<'_>, slug: &str) -> Result<Vec<Listed>, Refusal> {
    let organization = organization_with(tx, slug)?;
    let tokens = access::list_organization_tokens(tx, organization.id)?;
    Ok(tokens
        .into_iter()
        .map(|token| Listed {
            id: token.id.uuid(),
            comment: String::new(),
            scopes: token.scopes,
            created_at: token.created_at,
            expires_at: Some(token.expires_at),
            last_used_at: None,
        })
        .collect())
}

fn organization_with(tx: &mut ReadTx<'_>, slug: &str) -> Result<Organization, Refusal> {
    organizations::find_by_slug(tx, slug)?
        .ok_or_else(|| Refusal::bad_request(format!("there is no organization with the slug {slug}")))
}

/// Reads the name of a scope that a token may carry.
fn grantable(name: &str) -> Result<Scope, Failure> {
    match name.parse::<Scope>() {
        Ok(scope) if scope.is_grantable() => Ok(scope),
        Ok(_) => Err(Failure::usage(format!("--scopes: {name} is reserved; a token cannot carry it"))),
        Err(_) => Err(Failure::usage(format!(
            "--scopes: there is no scope {name}; `merak token create --help` lists them all"
        ))),
    }
}

fn known_scopes() -> String {
    let names = Scope::GRANTABLE.map(Scope::as_str).join("\n  ");
    format!("Scopes:\n  {names}")
}
