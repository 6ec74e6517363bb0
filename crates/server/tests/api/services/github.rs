//! The stand-in of GitHub.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use merak_adapters::github::AppKey;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs1KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Answer, Seen};

/// What GitHub knows.
pub struct GithubWorld {
    /// Whose account has which name.
    pub users: BTreeMap<u64, String>,
    /// The repositories by owner and name.
    pub repositories: BTreeMap<(String, String), Repository>,
    /// Where repositories are now that had another owner and name before.
    pub former: BTreeMap<(String, String), (String, String)>,
    /// The installations of the app, with whose repositories they cover and whether that is a person.
    pub installations: BTreeMap<u64, (String, bool)>,
    /// Which installations each user can reach.
    pub reach: BTreeMap<u64, Vec<u64>>,
    /// Codes of authorizations and whose they are.
    pub codes: BTreeMap<String, u64>,
    /// Access tokens and whose they are.
    pub tokens: BTreeMap<String, u64>,
    /// Refresh tokens and whose they are.
    pub refreshes: BTreeMap<String, u64>,
    /// Whether the secrets of the OAuth clients are others now.
    pub has_other_secret: bool,
    /// How long sellers' access tokens last; for ever if absent.
    pub lifetime: Option<i64>,
    public_key: Vec<u8>,
    serial: u64,
}

/// A repository.
#[derive(Default)]
pub struct Repository {
    /// Its id.
    pub id: u64,
    /// The installation that covers it.
    pub installation: Option<u64>,
    /// Who has access, with which permission.
    pub collaborators: BTreeMap<u64, String>,
    /// Who is invited: the invitation's id, the account, the permission.
    pub invitations: Vec<(u64, u64, String)>,
}

fn not_found() -> Answer {
    (404, json!({"message": "Not Found"}))
}

fn bad_credentials() -> Answer {
    (401, json!({"message": "Bad credentials"}))
}

const NO_CONTENT: Answer = (204, Value::Null);

impl GithubWorld {
    pub fn new(_key: AppKey, pem: &str) -> Self {
        let der = PrivatePkcs1KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
        let pair = RsaKeyPair::from_der(der.secret_pkcs1_der()).unwrap();
        let repository = |id, installation| Repository { id, installation, ..Repository::default() };
        let named = |owner: &str, name: &str| (owner.to_owned(), name.to_owned());
        Self {
            users: [(1, "nora"), (500, "buyer"), (600, "second")]
                .map(|(id, name)| (id, name.to_owned()))
                .into(),
            repositories: [
                (named("acme", "app"), repository(900, Some(70))),
                (named("acme", "other"), repository(901, Some(70))),
                (named("acme", "bare"), repository(902, None)),
                (named("nora", "own"), repository(903, Some(71))),
                (named("foreign", "app"), repository(904, Some(72))),
            ]
            .into(),
            former: BTreeMap::new(),
            installations: [(70, ("acme", false)), (71, ("nora", true)), (72, ("foreign", false))]
                .map(|(id, (owner, is_person))| (id, (owner.to_owned(), is_person)))
                .into(),
            reach: [(1, vec![70, 71])].into(),
            codes: BTreeMap::new(),
            tokens: BTreeMap::new(),
            refreshes: BTreeMap::new(),
            has_other_secret: false,
            lifetime: Some(28_800),
            public_key: pair.public_key().as_ref().to_vec(),
            serial: 0,
        }
    }

    /// A repository that there is.
    pub fn repository(&mut self, owner: &str, name: &str) -> &mut Repository {
        self.repositories.get_mut(&(owner.to_owned(), name.to_owned())).unwrap()
    }

    /// Who has access to a repository or is invited, as `account: permission`.
    pub fn holders(&self, owner: &str, name: &str) -> Vec<String> {
        let repository = &self.repositories[&(owner.to_owned(), name.to_owned())];
        let members = repository.collaborators.iter().map(|(id, permission)| format!("{id}: {permission}"));
        let invited =
            repository.invitations.iter().map(|(_, id, permission)| format!("{id} invited: {permission}"));
        members.chain(invited).collect()
    }

    /// A repository gets another owner or name. Its installation becomes that of the owner.
    pub fn rename(&mut self, from: (&str, &str), to: (&str, &str)) {
        let [from, to] = [from, to].map(|(owner, name)| (owner.to_owned(), name.to_owned()));
        let mut repository = self.repositories.remove(&from).unwrap();
        let of_owner = self.installations.iter().find(|(_, (owner, _))| *owner == to.0);
        repository.installation = of_owner.map(|(id, _)| *id);
        self.repositories.insert(to.clone(), repository);
        self.former.insert(from, to);
    }

    /// Sends who calls a repository by a former name on to where it is; what changes something by a status that keeps
    /// the method.
    fn sent_on(&self, seen: &Seen, path: &[&str]) -> Option<Answer> {
        let ["repos", owner, name, rest @ ..] = path else { return None };
        let now = self.former.get(&((*owner).to_owned(), (*name).to_owned()))?;
        let id = self.repositories[now].id.to_string();
        let path = [&["", "api", "repositories", &id], rest].concat().join("/");
        let query: String =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&seen.query).finish();
        let url =
            format!("http://{}{path}{}{query}", seen.header("host"), if query.is_empty() { "" } else { "?" });
        let (status, message) =
            if seen.method == "GET" { (301, "Moved Permanently") } else { (307, "Temporary Redirect") };
        Some((status, json!({"message": message, "url": url})))
    }

    /// The path of a repository by its names, if it is called by its id.
    fn by_names<'p>(&self, path: &[&'p str], names: &'p mut (String, String)) -> Vec<&'p str> {
        if let ["repositories", id, rest @ ..] = path
            && let Some((found, _)) = self.repositories.iter().find(|(_, known)| known.id.to_string() == *id)
        {
            names.clone_from(found);
            return [&["repos", names.0.as_str(), names.1.as_str()], rest].concat();
        }
        path.to_vec()
    }

    /// The person accepts every invitation.
    pub fn accept(&mut self, account: u64) {
        for repository in self.repositories.values_mut() {
            let (accepted, left) = std::mem::take(&mut repository.invitations)
                .into_iter()
                .partition(|(_, id, _)| *id == account);
            repository.invitations = left;
            let accepted: Vec<(u64, u64, String)> = accepted;
            repository.collaborators.extend(accepted.into_iter().map(|(_, id, permission)| (id, permission)));
        }
    }

    pub fn answer_website(&mut self, seen: &Seen, path: &[&str]) -> Answer {
        let (&http::Method::POST, ["login", "oauth", "access_token"]) = (&seen.method, path) else {
            return not_found();
        };
        assert_eq!(seen.header("accept"), "application/json");
        let (client, secret) = (seen.form("client_id").unwrap(), seen.form("client_secret").unwrap());
        let is_app = client == "app-client" && secret == "app-secret";
        let is_customers = client == "github-client" && secret == "github-secret";
        if self.has_other_secret || !is_app && !is_customers {
            return (200, json!({"error": "incorrect_client_credentials"}));
        }
        let user = match seen.form("grant_type").as_deref() {
            Some("refresh_token") => match self.refreshes.remove(&seen.form("refresh_token").unwrap()) {
                Some(user) => user,
                None => {
                    return (200, json!({"error": "bad_refresh_token", "error_description": "It ended."}));
                }
            },
            _ => match self.codes.remove(&seen.form("code").unwrap()) {
                Some(user) => user,
                None => return (200, json!({"error": "bad_verification_code", "error_description": "No."})),
            },
        };
        self.serial += 1;
        let access = format!("ghu_{}", self.serial);
        self.tokens.insert(access.clone(), user);
        let mut body = json!({"access_token": access, "token_type": "bearer", "scope": ""});
        if let Some(lifetime) = self.lifetime.filter(|_| is_app) {
            let refresh = format!("ghr_{}", self.serial);
            self.refreshes.insert(refresh.clone(), user);
            body["expires_in"] = json!(lifetime);
            body["refresh_token"] = json!(refresh);
        }
        (200, body)
    }

    pub fn answer_api(&mut self, seen: &Seen, path: &[&str]) -> Answer {
        if seen.header("accept") != "application/vnd.github+json"
            || seen.header("x-github-api-version") != "2022-11-28"
        {
            return (400, json!({"message": "Say which version you speak."}));
        }
        let Some(token) = seen.header("authorization").strip_prefix("Bearer ") else {
            return bad_credentials();
        };
        if let Some(answer) = self.sent_on(seen, path) {
            return answer;
        }
        let mut names = (String::new(), String::new());
        let path = &*self.by_names(path, &mut names);
        if let Some(user) = self.tokens.get(token).copied() {
            return self.answer_user(seen, path, user);
        }
        if let Some(installation) = token.strip_prefix("ghs_") {
            let installation = installation.parse().unwrap();
            return self.answer_installation(seen, path, installation);
        }
        if self.is_app(token) { self.answer_app(seen, path) } else { bad_credentials() }
    }

    fn is_app(&self, token: &str) -> bool {
        let Some((text, signature)) = token.rsplit_once('.') else { return false };
        let Ok(signature) = URL_SAFE_NO_PAD.decode(signature) else { return false };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key);
        if key.verify(text.as_bytes(), &signature).is_err() {
            return false;
        }
        let claims = URL_SAFE_NO_PAD.decode(text.split_once('.').unwrap().1).unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        let (issued, ends) = (claims["iat"].as_u64().unwrap(), claims["exp"].as_u64().unwrap());
        // GitHub takes ten minutes at most.
        claims["iss"] == "4711" && ends - issued <= 600
    }

    fn answer_user(&self, seen: &Seen, path: &[&str], user: u64) -> Answer {
        if seen.method != "GET" {
            return not_found();
        }
        let reached = self.reach.get(&user).cloned().unwrap_or_default();
        match path {
            ["user"] => (200, json!({"id": user, "login": self.users[&user]})),
            ["user", "installations"] => {
                let shown: Vec<Value> = reached.iter().map(|id| self.show(*id)).collect();
                (200, json!({"total_count": shown.len(), "installations": page(seen, &shown)}))
            }
            ["user", "installations", id, "repositories"] => {
                let id: u64 = id.parse().unwrap();
                if !reached.contains(&id) {
                    return not_found();
                }
                let owner = &self.installations[&id].0;
                let covered = self.repositories.iter().filter(|((of, _), _)| of == owner);
                let shown: Vec<Value> = covered
                    .map(|((owner, name), known)| json!({"id": known.id, "name": name, "owner": {"login": owner}}))
                    .collect();
                (200, json!({"total_count": shown.len(), "repositories": page(seen, &shown)}))
            }
            _ => not_found(),
        }
    }

    fn show(&self, id: u64) -> Value {
        let (owner, is_person) = &self.installations[&id];
        json!({"id": id, "account": {"login": owner, "type": if *is_person { "User" } else { "Organization" }}})
    }

    fn answer_app(&self, seen: &Seen, path: &[&str]) -> Answer {
        match (seen.method.as_str(), path) {
            ("GET", ["app"]) => {
                (200, json!({"slug": "merak", "html_url": "https://github.example/apps/merak"}))
            }
            ("GET", ["repos", owner, name, "installation"]) => {
                let key = ((*owner).to_owned(), (*name).to_owned());
                match self.repositories.get(&key).and_then(|repository| repository.installation) {
                    Some(id) => (200, self.show(id)),
                    None => not_found(),
                }
            }
            ("POST", ["app", "installations", id, "access_tokens"]) => {
                if !seen.body.is_empty() {
                    let body = seen.json();
                    assert_eq!(
                        body["permissions"],
                        json!({"administration": "write"}),
                        "no more than is needed"
                    );
                    // It does not know former names here.
                    let is_covered = |((_, name), known): (&(String, String), &Repository)| {
                        known.installation.is_some_and(|of| of.to_string() == *id)
                            && (body["repositories"] == json!([name])
                                || body["repository_ids"] == json!([known.id]))
                    };
                    if !self.repositories.iter().any(is_covered) {
                        return (
                            422,
                            json!({"message": "There is at least one repository that does not exist."}),
                        );
                    }
                }
                (201, json!({"token": format!("ghs_{id}"), "expires_at": "2030-01-01T00:00:00Z"}))
            }
            _ => not_found(),
        }
    }

    fn answer_installation(&mut self, seen: &Seen, path: &[&str], installation: u64) -> Answer {
        match path {
            ["user", id] => {
                let known = id.parse().ok().and_then(|id: u64| Some((id, self.users.get(&id)?)));
                known.map_or_else(not_found, |(id, login)| (200, json!({"id": id, "login": login})))
            }
            ["orgs", name] => (200, json!({"login": name, "plan": {"name": "free"}})),
            ["repos", owner, name, rest @ ..] => {
                self.serial += 1;
                let (serial, users) = (self.serial, &self.users);
                let key = ((*owner).to_owned(), (*name).to_owned());
                match self.repositories.get_mut(&key) {
                    Some(repository) if repository.installation == Some(installation) => {
                        repository.answer(seen, rest, (users, serial))
                    }
                    _ => not_found(),
                }
            }
            _ => not_found(),
        }
    }
}

impl Repository {
    fn answer(
        &mut self,
        seen: &Seen,
        path: &[&str],
        (users, serial): (&BTreeMap<u64, String>, u64),
    ) -> Answer {
        let named = |name: &str| users.iter().find(|(_, login)| *login == name).map(|(id, _)| *id);
        match (seen.method.as_str(), path) {
            ("PUT", ["collaborators", name]) => {
                let Some(id) = named(name) else { return not_found() };
                let permission = seen.json()["permission"].as_str().unwrap().to_owned();
                if let Some(known) = self.collaborators.get_mut(&id) {
                    *known = permission;
                    return NO_CONTENT;
                }
                // An invitation that waits is answered again, for what it was.
                if !self.invitations.iter().any(|(_, invited, _)| *invited == id) {
                    self.invitations.push((serial, id, permission));
                }
                (201, json!({"id": serial}))
            }
            ("DELETE", ["collaborators", name]) => {
                let Some(id) = named(name) else { return not_found() };
                self.collaborators.remove(&id);
                NO_CONTENT
            }
            ("GET", ["invitations"]) => {
                let word = |permission: &str| match permission {
                    "pull" => String::from("read"),
                    "push" => String::from("write"),
                    other => other.to_owned(),
                };
                let shown: Vec<Value> = self
                    .invitations
                    .iter()
                    .map(|(id, user, permission)| {
                        json!({
                            "id": id, "invitee": {"id": user, "login": users[user]}, "permissions": word(permission),
                        })
                    })
                    .collect();
                (200, page(seen, &shown))
            }
            ("DELETE", ["invitations", id]) => {
                let id: u64 = id.parse().unwrap();
                let before = self.invitations.len();
                self.invitations.retain(|(known, ..)| *known != id);
                if self.invitations.len() < before { NO_CONTENT } else { not_found() }
            }
            _ => not_found(),
        }
    }
}

/// The page of a list that a request asks for.
fn page(seen: &Seen, items: &[Value]) -> Value {
    let number = |name: &str| -> usize {
        seen.query.iter().find(|(known, _)| known == name).unwrap().1.parse().unwrap()
    };
    let (size, page) = (number("per_page"), number("page"));
    items.iter().skip(size * (page - 1)).take(size).cloned().collect()
}
