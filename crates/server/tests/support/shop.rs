//! A shop behind a real server: one member, one organization, and short ways to sell.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use merak_adapters::files::local;
use merak_core::access::{self, Tenancy, Wanted};
use merak_core::benefits::grants::{self, BenefitGrant, Scope};
use merak_core::benefits::{self, Benefit, BenefitType, CreateBenefit};
use merak_core::customer_sessions;
use merak_core::customers::{self, CreateCustomer, Customer};
use merak_core::jobs::{self, Job};
use merak_core::kit::{Email, Id, InstanceSecret, Metadata, Result, ScopeSet};
use merak_core::license_keys::{self, LicenseKey, UpdateLicenseKey};
use merak_core::organizations::{self, CreateOrganization, FeatureSettings, Organization};
use merak_core::user_sessions;
use merak_core::users::{self, User};
use merak_server::{Config, Payments, Server, Storage};
use merak_store::{Param, Store, TestSource, Tx};
use merak_testkit::{Engine, TestDatabase};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::http::Client;
use super::line::Line;
use super::tables::{self, Tables};

/// How long an effect of a job may take to appear.
const DEADLINE: Duration = Duration::from_secs(20);

/// A server on a fresh database, with one organization and its first member.
pub struct Shop {
    // Dropped before the database, which they have open.
    pub server: Server,
    pub store: Store,
    pub source: Arc<TestSource>,
    pub secret: InstanceSecret,
    /// A member of the organization.
    pub member: User,
    /// The organization.
    pub organization: Organization,
    /// A caller with a personal access token of the member and every scope.
    pub merchant: Client,
    /// A caller without a credential.
    pub anonymous: Client,
    numbers: AtomicU64,
    _database: TestDatabase,
    /// Where its files are.
    pub folder: TempDir,
    settings: Config,
}

/// Another organization.
pub struct Tenant {
    pub organization: Organization,
    /// A caller with every scope as its member.
    pub merchant: Client,
}

/// A database with the schema in it.
pub fn migrated(engine: Engine) -> TestDatabase {
    merak_testkit::migrated(engine, merak_core::MIGRATIONS)
}

/// Settings of a server that listens on a free port and refuses nobody for calling often.
pub fn config() -> Config {
    Config {
        listen: ([127, 0, 0, 1], 0).into(),
        rate_limit_per_address: 0,
        rate_limit_per_key: 0,
        front_end_origins: vec![String::from("https://shop.example")],
        ..Config::default()
    }
}

/// Every scope that a token can have.
pub fn everything() -> ScopeSet {
    ScopeSet::grantable()
}

/// The named scopes, with spaces between.
pub fn scopes(text: &str) -> ScopeSet {
    text.parse().unwrap()
}

/// An order that nothing else was bought with.
pub fn order() -> Scope {
    Scope::Order(Uuid::new_v4())
}

impl Shop {
    /// Starts a server on the database.
    pub async fn open(database: TestDatabase) -> Self {
        Self::open_with(database, config()).await
    }

    /// Starts a server that reaches the sandbox for payments by this line.
    pub async fn open_by(database: TestDatabase, line: &Arc<Line>) -> Self {
        Self::open_with(database, Config { payments: Payments::Brought(Arc::clone(line) as _), ..config() })
            .await
    }

    /// Starts a server with other settings.
    pub async fn open_with(database: TestDatabase, config: Config) -> Self {
        let (store, source, secret) =
            (database.open(), database.source().clone(), InstanceSecret::new("test"));
        let folder = tempfile::tempdir().unwrap();
        let config = match config.storage {
            Storage::Local(_) => {
                let directory = folder.path().join("files");
                Config { storage: Storage::Local(local::Settings { directory }), ..config }
            }
            Storage::S3(_) => config,
        };
        let settings = config.clone();
        let server = Server::start(config, store.clone(), secret.clone()).await.unwrap();
        let (member, organization) = tenant(&store, "nora@fjordsoft.example", "fjordsoft").await;
        let anonymous = Client::new(server.address());
        let mut shop = Self {
            merchant: anonymous.clone(),
            anonymous,
            server,
            store,
            source,
            secret,
            member,
            organization,
            numbers: AtomicU64::new(1),
            _database: database,
            folder,
            settings,
        };
        shop.merchant = shop.user_client(shop.member.id, everything()).await;
        shop
    }

    /// Another server of the same installation.
    pub async fn another_server(&self) -> Server {
        Server::start(self.settings.clone(), self.store.clone(), self.secret.clone()).await.unwrap()
    }

    /// Runs a writing unit.
    pub async fn write<T: Send + 'static>(
        &self,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.store.write(unit).await
    }

    /// Runs a statement, for states that no command leads to.
    pub async fn sql(&self, sql: &'static str, params: Vec<Box<dyn Param + Send>>) {
        self.write(move |tx| {
            let params: Vec<&dyn Param> = params.iter().map(|param| &**param as &dyn Param).collect();
            Ok(tx.execute(sql, &params)?)
        })
        .await
        .unwrap();
    }

    /// Everything that is stored.
    pub async fn tables(&self) -> Tables {
        let mut tables = tables::read(&self.store).await;
        // Jobs that come back by themselves come and go meanwhile.
        for jobs in tables.iter_mut().filter(|(name, _)| name.as_str() == "jobs").map(|(_, rows)| rows) {
            jobs.retain(|row| !row.contains("expire_checkouts") && !row.contains("purge"));
        }
        tables
    }

    /// Waits until no job waits any more.
    pub async fn work_done(&self) {
        let begin = Instant::now();
        loop {
            let waiting = self
                .store
                .read(|tx| {
                    tx.one::<i64>(
                        "SELECT count(*) FROM jobs WHERE failed_at IS NULL AND dedupe_key IS NULL",
                        &[],
                    )
                })
                .await
                .unwrap();
            if waiting == 0 {
                return;
            }
            assert!(begin.elapsed() < DEADLINE, "{waiting} jobs are still waiting");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Removes what ended, as the job does that comes back every hour.
    pub async fn purged(&self) {
        self.write(|tx| jobs::run(tx, &Job::Purge)).await.unwrap();
    }

    /// Moves the clock forward.
    pub fn advance(&self, seconds: u64) {
        self.source.advance(Duration::from_secs(seconds));
    }

    /// A number that was not given before.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Another organization with another member.
    pub async fn tenant(&self) -> Tenant {
        let number = self.number();
        let (member, organization) =
            tenant(&self.store, &format!("stranger{number}@example.com"), &format!("other-{number}")).await;
        let merchant = self.user_client(member.id, everything()).await;
        Tenant { organization, merchant }
    }

    /// One more organization of the shop's member.
    pub async fn second_organization(&self, slug: &str) -> Organization {
        let (id, command) = (self.member.id, new_organization(slug));
        self.write(move |tx| organizations::create(tx, id, &command)).await.unwrap()
    }

    /// The user with this address.
    pub async fn user(&self, address: &str) -> User {
        let address: Email = address.parse().unwrap();
        self.write(move |tx| users::find_or_create(tx, &address)).await.unwrap()
    }

    /// A new personal access token.
    pub async fn user_token(&self, id: Id<User>, scopes: ScopeSet) -> String {
        let secret = self.secret.clone();
        let wanted = Wanted { scopes, expires_in: None, comment: "test" };
        self.write(move |tx| access::create_personal_access_token(tx, &secret, id, &wanted))
            .await
            .unwrap()
            .token
            .into_string()
    }

    /// A caller with a new personal access token.
    pub async fn user_client(&self, id: Id<User>, scopes: ScopeSet) -> Client {
        self.anonymous.bearer(&self.user_token(id, scopes).await)
    }

    /// A caller with a token of the shop's member that allows only this.
    pub async fn member_with(&self, text: &str) -> Client {
        self.user_client(self.member.id, scopes(text)).await
    }

    /// A caller with a new token of an organization.
    pub async fn organization_client(&self, id: Id<Organization>, scopes: ScopeSet) -> Client {
        self.anonymous.bearer(&self.organization_token(id, scopes).await)
    }

    /// A new token of an organization.
    pub async fn organization_token(&self, id: Id<Organization>, scopes: ScopeSet) -> String {
        let secret = self.secret.clone();
        let wanted = Wanted { scopes, expires_in: None, comment: "test" };
        self.write(move |tx| access::create_organization_token(tx, &secret, id, &wanted))
            .await
            .unwrap()
            .token
            .into_string()
    }

    /// A caller whose browser has a new session of this user.
    pub async fn browser(&self, id: Id<User>) -> Client {
        self.anonymous.with("cookie", format!("polar_session={}", self.session(id).await))
    }

    /// The value of a new session's cookie.
    pub async fn session(&self, id: Id<User>) -> String {
        let secret = self.secret.clone();
        self.write(move |tx| user_sessions::create(tx, &secret, id, "a test")).await.unwrap().1.into_string()
    }

    /// A caller in a new portal session.
    pub async fn buyer(&self, id: Id<Customer>) -> Client {
        self.anonymous.bearer(&self.buyer_token(id).await)
    }

    /// The token of a new portal session.
    pub async fn buyer_token(&self, id: Id<Customer>) -> String {
        let secret = self.secret.clone();
        self.write(move |tx| customer_sessions::create(tx, &secret, id)).await.unwrap().1.into_string()
    }

    /// The token of a new session of a customer who has signed in by the code that was sent to them.
    pub async fn owner_token(&self, id: Id<Customer>) -> String {
        let secret = self.secret.clone();
        let made = self.write(move |tx| customer_sessions::create_for_owner(tx, &secret, id)).await;
        made.unwrap().1.into_string()
    }

    /// Links a customer to a user's account.
    pub async fn link(&self, id: Id<Customer>, user_id: Id<User>) {
        self.write(move |tx| customers::link_user(tx, id, user_id)).await.unwrap();
    }

    /// A new customer of the shop.
    pub async fn customer(&self) -> Customer {
        self.customer_of(self.organization.id, &format!("customer{}@example.com", self.number())).await
    }

    /// A new customer of any organization.
    pub async fn customer_of(&self, organization_id: Id<Organization>, address: &str) -> Customer {
        let command = CreateCustomer {
            organization_id,
            email: address.parse().unwrap(),
            name: None,
            billing_address: None,
            tax_id: None,
            metadata: Metadata::default(),
        };
        self.write(move |tx| customers::create(tx, &command)).await.unwrap()
    }

    /// A new benefit of the shop.
    pub async fn benefit(&self, r#type: BenefitType, properties: Value) -> Benefit {
        self.benefit_of(self.organization.id, r#type, properties).await
    }

    /// A new benefit of any organization.
    pub async fn benefit_of(
        &self,
        organization_id: Id<Organization>,
        r#type: BenefitType,
        properties: Value,
    ) -> Benefit {
        let description = String::from("A test benefit");
        let command = CreateBenefit { organization_id, r#type, description, properties };
        self.write(move |tx| benefits::create(tx, &command)).await.unwrap()
    }

    /// Grants a benefit.
    pub async fn grant(&self, benefit: Id<Benefit>, customer: Id<Customer>, scope: Scope) -> BenefitGrant {
        self.write(move |tx| grants::grant(tx, benefit, customer, scope)).await.unwrap()
    }

    /// Takes a benefit back.
    pub async fn revoke(&self, benefit: Id<Benefit>, customer: Id<Customer>, scope: Scope) -> BenefitGrant {
        self.write(move |tx| grants::revoke(tx, benefit, customer, scope)).await.unwrap()
    }

    /// A license key sold to a new customer, by a new benefit with these settings.
    pub async fn key(&self, properties: Value) -> LicenseKey {
        let benefit = self.benefit(BenefitType::LicenseKeys, properties).await;
        let customer = self.customer().await;
        self.sell(benefit.id, customer.id).await
    }

    /// A license key sold by another organization.
    pub async fn key_of(&self, tenant: &Tenant, properties: Value) -> LicenseKey {
        let organization_id = tenant.organization.id;
        let benefit = self.benefit_of(organization_id, BenefitType::LicenseKeys, properties).await;
        let address = format!("customer{}@example.com", self.number());
        let customer = self.customer_of(organization_id, &address).await;
        self.sell(benefit.id, customer.id).await
    }

    /// A license key of this benefit, sold to this customer by an order of its own.
    pub async fn sell(&self, benefit: Id<Benefit>, customer: Id<Customer>) -> LicenseKey {
        let grant = self.grant(benefit, customer, order()).await;
        self.key_of_grant(&grant).await
    }

    /// The key that a grant names.
    pub async fn key_of_grant(&self, grant: &BenefitGrant) -> LicenseKey {
        let properties: Value = grant.properties.parse().unwrap();
        let id: Id<LicenseKey> = properties["license_key_id"].as_str().unwrap().parse().unwrap();
        self.find_key(id).await
    }

    /// The key as it is stored now.
    pub async fn find_key(&self, id: Id<LicenseKey>) -> LicenseKey {
        self.store.read(move |tx| license_keys::find(tx, id)).await.unwrap().unwrap()
    }

    /// Changes a key as its seller.
    pub async fn change_key(&self, key: &LicenseKey, command: UpdateLicenseKey) -> LicenseKey {
        let (tenancy, id) = (Tenancy::of(key.organization_id), key.id);
        self.write(move |tx| license_keys::update(tx, &tenancy, id, &command)).await.unwrap().key
    }
}

/// The body that names a key, for the anonymous calls.
pub fn naming(key: &LicenseKey) -> Value {
    json!({"key": key.key, "organization_id": key.organization_id})
}

async fn tenant(store: &Store, address: &str, slug: &str) -> (User, Organization) {
    let (address, command) = (address.parse().unwrap(), new_organization(slug));
    store
        .write(move |tx| -> Result<_> {
            let member = users::find_or_create(tx, &address)?;
            let organization = organizations::create(tx, member.id, &command)?;
            Ok((member, organization))
        })
        .await
        .unwrap()
}

fn new_organization(slug: &str) -> CreateOrganization {
    CreateOrganization {
        name: format!("The {slug}"),
        slug: slug.parse().unwrap(),
        avatar_url: None,
        feature_settings: FeatureSettings::of(false),
    }
}
