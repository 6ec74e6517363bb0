//! Benefits that Discord and GitHub give, from the seller's connection to the buyer's access, against stand-ins.

mod discord;
mod failures;
mod github;
mod portal;

use std::future::Future;
use std::time::{Duration, Instant};

use merak_core::benefits::grants::{BenefitGrant, Scope};
use merak_core::customers::Customer;
use merak_core::kit::Id;
use merak_testkit::TestDatabase;
use serde_json::{Value, json};
use url::Url;

use crate::services::Services;
use crate::support::shop::{config, order};
use crate::support::{Answer, Client, Shop};

/// How long an effect of a job may take to appear.
const DEADLINE: Duration = Duration::from_secs(20);

/// A shop that is connected to the stand-ins.
pub struct Connected {
    pub shop: Shop,
    pub services: Services,
    /// The seller in a browser.
    pub browser: Client,
}

/// A repository that somebody with a connected account has bought access to, but not chosen the account for yet.
pub struct Sale {
    /// The benefit's id.
    pub id: String,
    pub customer: Customer,
    pub purchase: Scope,
    pub grant: BenefitGrant,
}

/// Makes two tests of each function, one for each engine, on a connected shop of its own.
macro_rules! connected {
    ($( $(#[$meta:meta])* async fn $name:ident($connected:ident) $body:block )*) => {
        merak_testkit::both_engines! {
            setup = crate::support::migrated;
            $(
                $(#[$meta])*
                async fn $name(database: merak_testkit::TestDatabase) {
                    let opened = crate::outside::Connected::open(database).await;
                    let $connected = &opened;
                    $body
                }
            )*
        }
    };
}
use connected;

impl Connected {
    pub async fn open(database: TestDatabase) -> Self {
        let services = Services::start().await;
        let shop = Shop::open_with(database, services.config(config())).await;
        let browser = shop.browser(shop.member.id).await;
        Self { shop, services, browser }
    }

    /// A token for a server, as the seller's browser gets it after adding the bot there.
    pub async fn guild_token(&self, guild: &str) -> String {
        let away = self.leave("/v1/integrations/discord/bot/authorize?return_to=/benefits").await;
        self.services
            .world()
            .discord
            .codes
            .insert(String::from("bot-code"), (String::from("1"), Some(guild.to_owned())));
        let state = parameter(&away, "state").unwrap();
        let path = format!("/v1/integrations/discord/bot/callback?code=bot-code&state={state}&guild_id=666");
        let back = self.back(&path).await;
        assert_eq!(parameter(&back, "guild_id").as_deref(), Some(guild), "only Discord's word counts");
        parameter(&back, "guild_token").unwrap()
    }

    /// Connects the seller's GitHub account.
    pub async fn connect_seller(&self) {
        let away = self.leave("/v1/integrations/github_repository_benefit/user/authorize").await;
        self.services.world().github.codes.insert(String::from("seller-code"), 1);
        let state = parameter(&away, "state").unwrap();
        let path = "/v1/integrations/github_repository_benefit/user/callback";
        let back = self.back(&format!("{path}?code=seller-code&state={state}")).await;
        assert_eq!(parameter(&back, "error"), None);
    }

    /// Where the seller's browser is sent to.
    pub async fn leave(&self, path: &str) -> Url {
        location(&self.browser.get(path).await)
    }

    /// Where the seller's browser is sent to when it comes back.
    pub async fn back(&self, path: &str) -> Url {
        let url = location(&self.browser.get(path).await);
        assert_eq!(url.origin().ascii_serialization(), format!("http://{}", self.shop.server.address()));
        url
    }

    /// The body of a benefit that is a role.
    pub fn role_body(&self, token: &str, role: &str) -> Value {
        json!({
            "type": "discord", "description": "A role", "organization_id": self.shop.organization.id,
            "properties": {"guild_token": token, "role_id": role},
        })
    }

    /// The body of a benefit that is a repository.
    pub fn repository_body(&self, owner: &str, name: &str, permission: &str) -> Value {
        json!({
            "type": "github_repository", "description": "The source", "organization_id": self.shop.organization.id,
            "properties": {"repository_owner": owner, "repository_name": name, "permission": permission},
        })
    }

    /// Makes a benefit that is a role, and answers its id.
    pub async fn role(&self, guild: &str, role: &str) -> String {
        let body = self.role_body(&self.guild_token(guild).await, role);
        id_of(&self.shop.merchant.post("/v1/benefits/", body).await.expect(201))
    }

    /// Makes a benefit that is a repository, and answers its id.
    pub async fn repository(&self, owner: &str, name: &str, permission: &str) -> String {
        self.connect_seller().await;
        let body = self.repository_body(owner, name, permission);
        id_of(&self.shop.merchant.post("/v1/benefits/", body).await.expect(201))
    }

    /// Sells the repository `acme/app` to the holder of the GitHub account 500.
    pub async fn sell_repository(&self) -> Sale {
        let id = self.repository("acme", "app", "pull").await;
        let (customer, purchase) = (self.shop.customer().await, order());
        let grant = self.shop.grant(typed(&id), customer.id, purchase).await;
        self.connect(&customer, "github", 500).await;
        Sale { id, customer, purchase, grant }
    }

    /// Connects an account to a customer, through the portal and back.
    pub async fn connect(&self, customer: &Customer, platform: &str, account: u64) {
        let buyer = self.shop.buyer(customer.id).await;
        let path = "/v1/customer-portal/oauth-accounts/authorize";
        let answer = buyer.get(&format!("{path}?platform={platform}&customer_id={}", customer.id)).await;
        let away: Url = answer.expect(200)["url"].as_str().unwrap().parse().unwrap();
        let back = self.arrive(&away, platform, account).await;
        assert_eq!(parameter(&back, "error"), None);
        assert_eq!(back.path(), "/fjordsoft/portal");
    }

    /// Agrees to a connection at the other service. Where the customer's browser is sent to when it comes back.
    pub async fn arrive(&self, away: &Url, platform: &str, account: u64) -> Url {
        let code = format!("code-{account}");
        match platform {
            "discord" => {
                let known = (account.to_string(), None);
                self.services.world().discord.codes.insert(code.clone(), known);
            }
            _ => {
                self.services.world().github.codes.insert(code.clone(), account);
            }
        }
        let state = parameter(away, "state").unwrap();
        let path = "/v1/customer-portal/oauth-accounts/callback";
        location(&self.shop.anonymous.get(&format!("{path}?code={code}&state={state}")).await)
    }

    /// Names the account through which a customer wants a benefit.
    pub async fn choose(&self, grant: &BenefitGrant, kind: &str, account: &str) -> Answer {
        let buyer = self.shop.buyer(grant.customer_id).await;
        let body = json!({"benefit_type": kind, "properties": {"account_id": account}});
        buyer.patch(&format!("/v1/customer-portal/benefit-grants/{}", grant.id), body).await
    }

    /// A grant as the seller sees it.
    pub async fn grant(&self, grant: &BenefitGrant) -> Value {
        let path = format!("/v1/benefits/{}/grants?limit=100", grant.benefit_id);
        let listed = self.shop.merchant.get(&path).await.expect(200);
        let items = listed["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == grant.id.to_string()).unwrap().clone()
    }

    /// The jobs that wait: their attempts, for how many seconds from now they wait, and why they failed last.
    pub async fn waiting(&self) -> Vec<(i64, i64, Option<String>)> {
        self.shop
            .store
            .read(|tx| {
                let now = tx.now();
                let rows: Vec<(i64, merak_store::Timestamp, Option<String>)> = tx.all(
                    "SELECT attempts, due_at, last_error FROM jobs WHERE kind = 'settle_access' AND failed_at IS NULL \
                     AND leased_until IS NULL ORDER BY due_at, id",
                    &[],
                )?;
                let wait = |due: merak_store::Timestamp| {
                    i64::try_from(due.since(now).as_secs()).unwrap()
                };
                Ok::<_, merak_core::kit::Refusal>(
                    rows.into_iter().map(|(attempts, due, error)| (attempts, wait(due), error)).collect(),
                )
            })
            .await
            .unwrap()
    }

    /// Waits until a job was postponed for the so-manieth time, and answers for how long and why.
    pub async fn postponed(&self, times: i64) -> (i64, String) {
        let begin = Instant::now();
        loop {
            if let [(attempts, wait, Some(error))] = self.waiting().await.as_slice()
                && *attempts == times
            {
                return (*wait, error.clone());
            }
            assert!(begin.elapsed() < DEADLINE, "{:?}", self.waiting().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Waits until something is so.
pub async fn until<F: Future<Output = bool>>(mut is_so: impl FnMut() -> F) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < DEADLINE, "it did not come to pass");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Where an answer leads a browser.
#[track_caller]
pub fn location(answer: &Answer) -> Url {
    assert_eq!(answer.status, 303, "{}", answer.text());
    answer.header("location").unwrap().parse().unwrap()
}

/// A parameter of an address.
pub fn parameter(url: &Url, name: &str) -> Option<String> {
    url.query_pairs().find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
}

/// The id of what was answered.
pub fn id_of(answer: &Value) -> String {
    answer["id"].as_str().unwrap().to_owned()
}

/// An id as the core has it.
pub fn typed<T>(id: &str) -> Id<T> {
    id.parse().unwrap()
}

/// The problems of a refused benefit, each as `type loc.loc`.
#[track_caller]
pub fn property_problems(answer: &Answer) -> Vec<String> {
    let body = answer.expect(422);
    assert_eq!(body["error"], "BenefitPropertiesValidationError", "{body}");
    let problems = body["detail"].as_array().unwrap().iter();
    problems
        .map(|problem| {
            let steps: Vec<String> = problem["loc"]
                .as_array()
                .unwrap()
                .iter()
                .map(|step| step.to_string().replace('"', ""))
                .collect();
            format!("{} {}", problem["type"].as_str().unwrap(), steps.join("."))
        })
        .collect()
}
