//! Access to a repository on GitHub, given to the account that the buyer connected.

use merak_store::{Json, ReadTx, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Finding, Kind, Outcome, Outside};
use crate::benefits::Benefit;
use crate::benefits::grants::{BenefitGrant, Place};
use crate::connections::Platform;
use crate::kit::{Id, Kind as RefusalKind, Refusal, Refuses, Result, at};
use crate::organizations::Organization;

/// The settings of a GitHub benefit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// Who owns the repository.
    pub repository_owner: String,
    /// What it is called.
    pub repository_name: String,
    /// `pull`, `triage`, `push`, `maintain` or `admin`.
    pub permission: String,
}

/// What an account may do with a repository, the least first; each includes those before it.
pub const PERMISSIONS: [&str; 5] = ["pull", "triage", "push", "maintain", "admin"];

/// What GitHub says about the seller's access to a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryAccess {
    /// The seller can give access to it.
    Full,
    /// An organization asks, which has no GitHub account of its own.
    NoPerson,
    /// The seller has not connected a GitHub account.
    NotConnected,
    /// The seller's account cannot reach it through the app.
    None,
    /// The app is not installed on it.
    NotInstalled,
    /// It belongs to a person; everybody who gets access to such a repository can write to it.
    Personal,
}

/// Why GitHub could not be asked on the seller's behalf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The connection ended and cannot be renewed.
    #[error("The connection of your GitHub account has ended. Connect it again.")]
    Expired,
    /// GitHub does not renew the connection.
    #[error("GitHub does not renew the connection of your account. Connect it again.")]
    RefreshRefused,
    /// The app is installed nowhere that the seller can reach.
    #[error("The GitHub app is not installed on any account that you can reach.")]
    NotInstalled,
}

impl Refuses for Error {
    fn kind(&self) -> RefusalKind {
        match self {
            Self::Expired => RefusalKind::GithubTokenExpired,
            Self::RefreshRefused => RefusalKind::GithubRefreshRefused,
            Self::NotInstalled => RefusalKind::GithubNotInstalled,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct GrantProperties<'p> {
    account_id: &'p str,
    repository_owner: &'p str,
    repository_name: &'p str,
    permission: &'p str,
}

/// See the module.
pub(super) struct GithubRepository;

impl Kind for GithubRepository {
    fn prepare(
        &self,
        _tx: &mut ReadTx<'_>,
        _owner: Id<Organization>,
        properties: &Value,
        finding: Option<&Finding>,
    ) -> Result<Json> {
        let Some(Finding::Repository(access)) = finding else {
            return Err(super::not_connected(
                "This installation is not connected to GitHub.",
                "github_repository",
            ));
        };
        let (field, kind, sentence) = match access {
            RepositoryAccess::Full => return super::normalized::<Properties>(properties),
            RepositoryAccess::NoPerson => (
                "repository_owner",
                "invalid_auth_subject",
                "Only a person with a GitHub account can set this, not an organization's token.",
            ),
            RepositoryAccess::NotConnected => {
                ("repository_owner", "invalid_user_auth", "Connect your GitHub account first.")
            }
            RepositoryAccess::None => (
                "repository_name",
                "no_repository_acccess",
                "Your GitHub account has no access to this repository.",
            ),
            RepositoryAccess::NotInstalled => (
                "repository_name",
                "no_repository_installation_found",
                "The GitHub app is not installed on this repository.",
            ),
            RepositoryAccess::Personal => (
                "repository_name",
                "personal_organization_repository",
                "The repository belongs to a person, so that everybody with access could write to it. Move it to an \
                 organization.",
            ),
        };
        let place = at("body").field("properties").field(field);
        let problem = place.problem(kind, sentence, properties[field].clone());
        Err(Refusal::BenefitPropertiesInvalid(vec![problem]))
    }

    fn affects_holders(&self, before: &Json, after: &Json) -> Result<bool> {
        Ok(before.parse::<Properties>()? != after.parse::<Properties>()?)
    }

    fn grant(&self, tx: &mut Tx<'_>, _benefit: &Benefit, grant: &BenefitGrant) -> Result<Outcome> {
        super::through_account(tx, Platform::Github, grant)
    }

    fn revoke(&self, _tx: &mut Tx<'_>, _grant: &BenefitGrant) -> Result<Json> {
        Ok(Json::default())
    }

    fn outside(&self) -> Option<&dyn Outside> {
        Some(self)
    }
}

impl Outside for GithubRepository {
    fn platform(&self) -> Platform {
        Platform::Github
    }

    fn place(&self, benefit: &Benefit, account_id: &str) -> Result<Place> {
        let Properties { repository_owner, repository_name, permission } = benefit.properties.parse()?;
        Ok(Place {
            platform: Platform::Github,
            account_id: account_id.to_owned(),
            container: repository_owner,
            target: repository_name,
            permission: Some(permission),
        })
    }

    fn remembered(&self, place: &Place) -> Result<Json> {
        Ok(Json::new(&GrantProperties {
            account_id: &place.account_id,
            repository_owner: &place.container,
            repository_name: &place.target,
            permission: place.permission.as_deref().unwrap_or_default(),
        })?)
    }
}
