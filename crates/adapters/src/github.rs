//! GitHub: accounts that people connect, and repositories that an app installed there gives access to.

mod app_key;

use std::time::{SystemTime, UNIX_EPOCH};

use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

pub use self::app_key::{AppKey, KeyError};
use crate::http::ClientError;
use crate::redirects::{Followed, send_within};
use crate::rest::{
    Account, Answer, ClientCredentials, Error, Http, Result, Tokens, address, authorization, form, send,
    with_query,
};

const SERVICE: &str = "GitHub";

/// What a customer allows: to be known.
const CUSTOMER_SCOPES: &str = "user user:email";

/// What GitHub says when it does not accept the credentials of an OAuth client.
const WRONG_CLIENT: &str = "incorrect_client_credentials";

/// How many items a page has; GitHub's most.
const PAGE: usize = 100;

/// How many pages of a list are read at most.
const MOST_PAGES: usize = 30;

/// Where GitHub is and as whom it is called.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address of its website, `https://github.com`.
    pub url: Url,
    /// The address of its API, `https://api.github.com`.
    pub api_url: Url,
    /// The app that sellers install on their repositories.
    pub app: App,
    /// The OAuth client that customers connect their accounts with.
    pub customer_client: ClientCredentials,
}

/// An app at GitHub.
#[derive(Clone, Debug)]
pub struct App {
    /// Its id.
    pub id: String,
    /// The key that it signs with.
    pub key: AppKey,
    /// The OAuth client that sellers connect their accounts with.
    pub client: ClientCredentials,
}

/// A client of GitHub.
#[derive(Clone, Debug)]
pub struct Github {
    http: Http,
    options: Options,
}

/// Where the app is installed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Installation {
    /// The installation's id.
    pub id: u64,
    /// Whose repositories it covers.
    pub account: Owner,
}

/// Who owns repositories.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Owner {
    /// The name in addresses.
    pub login: String,
    /// `User` or `Organization`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

impl Owner {
    /// Whether this is a person.
    pub fn is_personal(&self) -> bool {
        self.kind == "User"
    }
}

/// The installation that covers a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// The installation.
    pub installation: Installation,
    /// The repository's id, if it is called otherwise than it was asked for by now.
    pub renamed: Option<u64>,
}

/// A repository that a person can give access to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Repository {
    /// Its id, which never changes.
    pub id: u64,
    /// Its name below its owner.
    pub name: String,
    /// Whose it is.
    pub owner: Owner,
}

/// A repository by its names, as calls address it.
#[derive(Clone, Copy, Debug)]
pub struct RepositoryPlace<'p> {
    /// The owner's name.
    pub owner: &'p str,
    /// The repository's name.
    pub name: &'p str,
}

/// A token of an installation, for one repository. It does not print.
pub struct InstallationToken(String);

#[derive(Deserialize)]
struct TokenAnswer {
    access_token: Option<String>,
    refresh_token: Option<String>,
    expires_in: Option<i64>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

/// An invitation to a repository that still waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: u64,
    /// The permission that it is for, in the words of [`Collaborator::permission`].
    pub permission: String,
}

#[derive(Deserialize)]
struct InvitationAnswer {
    id: u64,
    invitee: Option<User>,
    #[serde(default)]
    permissions: String,
}

impl From<InvitationAnswer> for Invitation {
    fn from(answer: InvitationAnswer) -> Self {
        // Here GitHub has other words for the two oldest permissions.
        let permission = match answer.permissions.as_str() {
            "read" => String::from("pull"),
            "write" => String::from("push"),
            _ => answer.permissions,
        };
        Self { id: answer.id, permission }
    }
}

impl Github {
    /// A client with these options.
    pub fn new(options: Options) -> std::result::Result<Self, ClientError> {
        Ok(Self { http: Http::new()?, options })
    }

    /// Where a seller is sent to connect an account.
    pub fn seller_authorization(&self, redirect_uri: &str, state: &str) -> Result<Url> {
        self.authorization(&self.options.app.client, redirect_uri, state)
    }

    /// Where a customer is sent to connect an account.
    pub fn customer_authorization(&self, redirect_uri: &str, state: &str) -> Result<Url> {
        let url = self.authorization(&self.options.customer_client, redirect_uri, state)?;
        Ok(with_query(url, &[("scope", CUSTOMER_SCOPES)]))
    }

    fn authorization(&self, client: &ClientCredentials, redirect_uri: &str, state: &str) -> Result<Url> {
        Ok(with_query(
            address(SERVICE, &self.options.url, &["login", "oauth", "authorize"])?,
            &[("client_id", client.id.as_str()), ("redirect_uri", redirect_uri), ("state", state)],
        ))
    }

    /// Where a seller is sent to install the app.
    pub async fn installation_page(&self, state: &str) -> Result<Url> {
        #[derive(Deserialize)]
        struct AppAnswer {
            html_url: String,
        }
        let AppAnswer { html_url } = send(SERVICE, self.as_app(Method::GET, &["app"])?).await?.read()?;
        let html_url = html_url.parse().map_err(|_| Error::Unavailable {
            service: SERVICE,
            cause: String::from("the address of the app's page is none"),
        })?;
        Ok(with_query(address(SERVICE, &html_url, &["installations", "new"])?, &[("state", state)]))
    }

    /// Exchanges the code of a seller's authorization. A refused code is an [`Error::Refused`].
    pub async fn exchange_of_seller(&self, code: &str, redirect_uri: &str) -> Result<Tokens> {
        let fields = [("code", code), ("redirect_uri", redirect_uri)];
        self.token(&self.options.app.client, &fields).await
    }

    /// Exchanges the code of a customer's authorization. A refused code is an [`Error::Refused`].
    pub async fn exchange_of_customer(&self, code: &str, redirect_uri: &str) -> Result<Tokens> {
        let fields = [("code", code), ("redirect_uri", redirect_uri)];
        self.token(&self.options.customer_client, &fields).await
    }

    /// Gets new tokens of a seller. A refresh token that ended is an [`Error::Refused`]; a wrong secret of the app's client is
    /// an [`Error::Unauthorized`], as it is wherever tokens are asked for.
    pub async fn refresh_of_seller(&self, refresh_token: &str) -> Result<Tokens> {
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.token(&self.options.app.client, &fields).await
    }

    async fn token(&self, client: &ClientCredentials, fields: &[(&str, &str)]) -> Result<Tokens> {
        let url = address(SERVICE, &self.options.url, &["login", "oauth", "access_token"])?;
        let fields =
            [&[("client_id", client.id.as_str()), ("client_secret", client.secret.as_str())], fields]
                .concat();
        let call = form(self.http.call(Method::POST, url), &fields).header("accept", "application/json");
        let answer: TokenAnswer = send(SERVICE, call).await?.read()?;
        // GitHub refuses with a status of success.
        match (answer.access_token, answer.error) {
            (Some(access), None) => {
                Ok(Tokens { access, refresh: answer.refresh_token, expires_in: answer.expires_in })
            }
            // A wrong secret of ours is nothing that the person could mend.
            (_, Some(error)) if error == WRONG_CLIENT => Err(Error::Unauthorized { service: SERVICE }),
            (_, error) => Err(Error::Refused {
                service: SERVICE,
                status: 400,
                code: None,
                reason: error.unwrap_or_else(|| String::from("no token was given")),
            }),
        }
    }

    /// Whose access token this is.
    pub async fn user(&self, access_token: &str) -> Result<Account> {
        let call = self.as_user(access_token, &["user"])?;
        let user: User = send(SERVICE, call).await?.read()?;
        Ok(Account { id: user.id.to_string(), username: user.login })
    }

    /// The installations of the app that a person can use.
    pub async fn installations(&self, access_token: &str) -> Result<Vec<Installation>> {
        #[derive(Deserialize)]
        struct Page {
            installations: Vec<Installation>,
        }
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let call = self.as_user(access_token, &["user", "installations"])?;
            let Page { installations } = send(SERVICE, paged(call, page)).await?.read()?;
            let is_last = installations.len() < PAGE;
            all.extend(installations);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// The repositories that a person can use through an installation.
    pub async fn repositories(&self, access_token: &str, installation: u64) -> Result<Vec<Repository>> {
        #[derive(Deserialize)]
        struct Page {
            repositories: Vec<Repository>,
        }
        let installation = installation.to_string();
        let mut all = Vec::new();
        for page in 1..=MOST_PAGES {
            let segments = ["user", "installations", &installation, "repositories"];
            let call = self.as_user(access_token, &segments)?;
            let Page { repositories } = send(SERVICE, paged(call, page)).await?.read()?;
            let is_last = repositories.len() < PAGE;
            all.extend(repositories);
            if is_last {
                break;
            }
        }
        Ok(all)
    }

    /// The installation that covers a repository, if there is one. GitHub knows repositories by their former names, too.
    pub async fn installation_of(&self, place: &RepositoryPlace<'_>) -> Result<Option<Cover>> {
        let segments = ["repos", place.owner, place.name, "installation"];
        let asked = match self.as_app(Method::GET, &segments) {
            Ok(call) => send_within(SERVICE, &self.options.api_url, call).await,
            Err(error) => Err(error),
        };
        match asked {
            Ok(Followed { answer, moved_to }) => {
                let renamed = moved_to.and_then(|place| self.repository_at(&place));
                Ok(Some(Cover { installation: answer.read()?, renamed }))
            }
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The repository that an address below `/repositories/{id}` is about.
    fn repository_at(&self, place: &Url) -> Option<u64> {
        let below = place.path().strip_prefix(self.options.api_url.path().trim_end_matches('/'))?;
        below.strip_prefix("/repositories/")?.split('/').next()?.parse().ok()
    }

    /// What an organization pays for, if the app may know.
    pub async fn plan_of(&self, installation: &Installation) -> Result<Option<String>> {
        #[derive(Deserialize)]
        struct Organization {
            plan: Option<Plan>,
        }
        #[derive(Deserialize)]
        struct Plan {
            name: String,
        }
        let token = self.installation_token(installation.id, None).await?;
        let url = address(SERVICE, &self.options.api_url, &["orgs", &installation.account.login])?;
        let call = authorization(self.http.call(Method::GET, url), &format!("Bearer {}", token.0));
        let organization: Organization = send(SERVICE, versioned(call)).await?.read()?;
        Ok(organization.plan.map(|plan| plan.name))
    }

    /// A token to give and take access to one repository.
    pub async fn token_for(&self, cover: &Cover, place: &RepositoryPlace<'_>) -> Result<InstallationToken> {
        // Here GitHub knows no former names.
        let repository = match cover.renamed {
            Some(id) => json!({"repository_ids": [id]}),
            None => json!({"repositories": [place.name]}),
        };
        self.installation_token(cover.installation.id, Some(repository)).await
    }

    async fn installation_token(
        &self,
        installation: u64,
        repository: Option<Value>,
    ) -> Result<InstallationToken> {
        #[derive(Deserialize)]
        struct Made {
            token: String,
        }
        let installation = installation.to_string();
        let call = self.as_app(Method::POST, &["app", "installations", &installation, "access_tokens"])?;
        let call = match repository {
            Some(mut wanted) => {
                wanted["permissions"] = json!({"administration": "write"});
                call.json(&wanted)
            }
            None => call,
        };
        let Made { token } = send(SERVICE, call).await?.read()?;
        Ok(InstallationToken(token))
    }

    /// What an account is called now: names change and are taken by others, ids are not. None if it is no more.
    pub async fn name_of(&self, token: &InstallationToken, account_id: &str) -> Result<Option<String>> {
        match send(SERVICE, self.as_installation(token, Method::GET, &["user", account_id])?).await {
            Ok(answer) => answer.read().map(|user: User| Some(user.login)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives a person access, or invites them. One who has access gets this permission.
    pub async fn add_collaborator(
        &self,
        token: &InstallationToken,
        place: &RepositoryPlace<'_>,
        wanted: &Collaborator<'_>,
    ) -> Result<()> {
        let segments = ["repos", place.owner, place.name, "collaborators", wanted.username];
        let call = self.as_installation(token, Method::PUT, &segments)?;
        self.send_on(call.json(&json!({"permission": wanted.permission}))).await.map(|_| ())
    }

    /// The invitation of an account to a repository that still waits, if there is one.
    pub async fn invitation_of(
        &self,
        token: &InstallationToken,
        place: &RepositoryPlace<'_>,
        account_id: &str,
    ) -> Result<Option<Invitation>> {
        for page in 1..=MOST_PAGES {
            let segments = ["repos", place.owner, place.name, "invitations"];
            let call = self.as_installation(token, Method::GET, &segments)?;
            let answers: Vec<InvitationAnswer> = self.send_on(paged(call, page)).await?.read()?;
            let is_last = answers.len() < PAGE;
            let is_of_account = |answer: &InvitationAnswer| {
                answer.invitee.as_ref().is_some_and(|invitee| invitee.id.to_string() == account_id)
            };
            if let Some(answer) = answers.into_iter().find(is_of_account) {
                return Ok(Some(answer.into()));
            }
            if is_last {
                break;
            }
        }
        Ok(None)
    }

    /// Takes an invitation back. One that is not there any more is taken back.
    pub async fn delete_invitation(
        &self,
        token: &InstallationToken,
        place: &RepositoryPlace<'_>,
        invitation: u64,
    ) -> Result<()> {
        let segments = ["repos", place.owner, place.name, "invitations", &invitation.to_string()];
        done_or_gone(self.send_on(self.as_installation(token, Method::DELETE, &segments)?).await.map(|_| ()))
    }

    /// Takes a person's access away. Who has none keeps none.
    pub async fn remove_collaborator(
        &self,
        token: &InstallationToken,
        place: &RepositoryPlace<'_>,
        username: &str,
    ) -> Result<()> {
        let segments = ["repos", place.owner, place.name, "collaborators", username];
        done_or_gone(self.send_on(self.as_installation(token, Method::DELETE, &segments)?).await.map(|_| ()))
    }

    /// Sends a call about a repository, and sends it on if that has another name by now.
    async fn send_on(&self, call: RequestBuilder) -> Result<Answer> {
        Ok(send_within(SERVICE, &self.options.api_url, call).await?.answer)
    }

    fn as_user(&self, access_token: &str, segments: &[&str]) -> Result<RequestBuilder> {
        let call = self.http.call(Method::GET, address(SERVICE, &self.options.api_url, segments)?);
        Ok(versioned(authorization(call, &format!("Bearer {access_token}"))))
    }

    fn as_app(&self, method: Method, segments: &[&str]) -> Result<RequestBuilder> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let token = self.options.app.key.token(&self.options.app.id, now)?;
        let call = self.http.call(method, address(SERVICE, &self.options.api_url, segments)?);
        Ok(versioned(authorization(call, &format!("Bearer {token}"))))
    }

    fn as_installation(
        &self,
        token: &InstallationToken,
        method: Method,
        segments: &[&str],
    ) -> Result<RequestBuilder> {
        let call = self.http.call(method, address(SERVICE, &self.options.api_url, segments)?);
        Ok(versioned(authorization(call, &format!("Bearer {}", token.0))))
    }
}

/// Who is to have which permission.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Collaborator<'p> {
    /// What the account is called.
    pub username: &'p str,
    /// `pull`, `triage`, `push`, `maintain` or `admin`.
    pub permission: &'p str,
}

fn versioned(call: RequestBuilder) -> RequestBuilder {
    call.header("accept", "application/vnd.github+json").header("x-github-api-version", "2022-11-28")
}

fn paged(call: RequestBuilder, page: usize) -> RequestBuilder {
    call.query(&[("per_page", PAGE), ("page", page)])
}

fn done_or_gone(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.status() == Some(404) => Ok(()),
        other => other,
    }
}
