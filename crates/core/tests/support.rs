//! A shop to test in: one member, one organization, and short ways to sell it license keys.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use merak_core::access::{Actor, Subject, Tenancy, tenancy};
use merak_core::benefits::grants::{self, BenefitGrant, Scope};
use merak_core::benefits::{self, Benefit, BenefitType, CreateBenefit, UpdateBenefit};
use merak_core::checkout_links::Sold;
use merak_core::checkouts::CreateCheckout;
use merak_core::customers::{self, CreateCustomer, Customer};
use merak_core::jobs::{self, FlowJob, Job, Outcome};
use merak_core::kit::{self, Cents, Currency, Email, Id, InstanceSecret, Kind, Metadata, Refusal, ScopeSet};
use merak_core::license_keys::{self, Activate, Activation, Deactivate, HeldKey, LicenseKey, Validate};
use merak_core::organizations::{self, CreateOrganization, FeatureSettings, Organization};
use merak_core::products::{
    self, Amount, CompleteProduct, CreateProduct, NewPrice, Product, RecurringInterval, UpdateProduct,
};
use merak_core::users::{self, User};
use merak_store::{Json, ReadTx, Source, Store, TestSource, Timestamp, Tx};
use merak_testkit::{Engine, TestDatabase};
use serde_json::{Value, json};
use uuid::Uuid;

/// The errors of a unit.
pub type Result<T> = kit::Result<T>;

/// Makes two tests of each function, one for each engine, on a [`Shop`] of its own.
macro_rules! scenarios {
    ($( $(#[$meta:meta])* fn $name:ident($shop:ident) $body:block )*) => {
        merak_testkit::both_engines! {
            setup = crate::support::Shop::on;
            $(
                $(#[$meta])*
                fn $name(opened: crate::support::Shop) {
                    let $shop = &opened;
                    $body
                }
            )*
        }
    };
}

/// A store with one organization and its first member.
pub struct Shop {
    // Dropped before the database, which it has open.
    pub store: Store,
    pub source: Arc<TestSource>,
    pub secret: InstanceSecret,
    pub member: User,
    pub organization: Organization,
    numbers: AtomicU64,
    database: TestDatabase,
}

impl Shop {
    /// Opens a shop in a fresh database on the engine.
    pub fn on(engine: Engine) -> Self {
        Self::with(engine, "fjordsoft", 0)
    }

    /// Opens another shop in an installation of its own, on the same engine, whose dice fell otherwise.
    pub fn elsewhere(&self) -> Self {
        Self::with(self.store.engine(), "elsewhere", 8)
    }

    fn with(engine: Engine, slug: &'static str, dice_thrown_before: usize) -> Self {
        let database = merak_testkit::migrated(engine, merak_core::MIGRATIONS);
        let (store, source) = (database.open(), database.source().clone());
        let (member, organization) = store
            .write_blocking(move |tx| -> Result<_> {
                tx.fill(&mut vec![0; dice_thrown_before]);
                let member = users::find_or_create(tx, &email("nora@fjordsoft.example"))?;
                let organization = organizations::create(tx, member.id, &new_organization(slug))?;
                Ok((member, organization))
            })
            .unwrap();
        let numbers = AtomicU64::new(1);
        let secret = InstanceSecret::new("test");
        Self { store, source, secret, member, organization, numbers, database }
    }

    /// The same shop as another node of the installation has it, with connections of its own.
    pub fn another_node(&self) -> Store {
        self.database.open()
    }

    /// Where the shop's data is.
    pub fn place(&self) -> merak_store::Database {
        self.database.database()
    }

    /// Runs a writing unit.
    pub fn write<T: Send + 'static>(
        &self,
        unit: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.store.write_blocking(unit)
    }

    /// Runs a reading unit.
    pub fn read<T: Send + 'static>(
        &self,
        unit: impl FnMut(&mut ReadTx<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        self.store.read_blocking(unit)
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        self.source.advance(by);
    }

    /// What the clock shows.
    pub fn now(&self) -> Timestamp {
        self.source.now()
    }

    /// The member as a caller.
    pub fn as_member(&self) -> Actor {
        actor(Subject::User(self.member.id))
    }

    /// Which organizations a caller works for.
    pub fn tenancy_of(&self, actor: &Actor) -> Tenancy {
        let actor = actor.clone();
        self.read(move |tx| tenancy(tx, &actor)).unwrap()
    }

    /// Which organizations the member works for.
    pub fn tenancy(&self) -> Tenancy {
        self.tenancy_of(&self.as_member())
    }

    /// Another organization of another member.
    pub fn another_organization(&self) -> (User, Organization) {
        let number = self.number();
        self.write(move |tx| {
            let member = users::find_or_create(tx, &email(&format!("stranger{number}@example.com")))?;
            let organization =
                organizations::create(tx, member.id, &new_organization(&format!("other-{number}")))?;
            Ok((member, organization))
        })
        .unwrap()
    }

    /// A new customer of the shop.
    pub fn customer(&self) -> Customer {
        self.customer_of(self.organization.id, &format!("customer{}@example.com", self.number())).unwrap()
    }

    /// A new customer of any organization.
    pub fn customer_of(&self, organization_id: Id<Organization>, address: &str) -> Result<Customer> {
        let command = new_customer(organization_id, address);
        self.write(move |tx| customers::create(tx, &command))
    }

    /// A new benefit of the shop.
    pub fn benefit(&self, r#type: BenefitType, properties: Value) -> Result<Benefit> {
        self.benefit_of(self.organization.id, r#type, properties)
    }

    /// A new benefit of any organization.
    pub fn benefit_of(
        &self,
        organization_id: Id<Organization>,
        r#type: BenefitType,
        properties: Value,
    ) -> Result<Benefit> {
        let description = String::from("A test benefit");
        let command = CreateBenefit { organization_id, r#type, description, properties };
        self.write(move |tx| benefits::create(tx, &command))
    }

    /// Changes the settings of a benefit and runs the job that follows.
    pub fn change_benefit(&self, benefit: &Benefit, properties: Value) -> Benefit {
        let command = UpdateBenefit {
            r#type: benefit.r#type,
            description: None,
            properties: Some(properties),
            finding: None,
        };
        let (tenancy, id) = (self.tenancy(), benefit.id);
        let changed = self.write(move |tx| benefits::update(tx, &tenancy, id, &command)).unwrap();
        self.run_jobs();
        changed
    }

    /// Deletes a benefit and runs the job that follows.
    pub fn delete_benefit(&self, id: Id<Benefit>) {
        let tenancy = self.tenancy();
        self.write(move |tx| benefits::delete(tx, &tenancy, id)).unwrap();
        self.run_jobs();
    }

    /// Grants a benefit.
    pub fn grant(&self, benefit: &Benefit, customer: &Customer, scope: Scope) -> BenefitGrant {
        let (benefit_id, customer_id) = (benefit.id, customer.id);
        self.write(move |tx| grants::grant(tx, benefit_id, customer_id, scope)).unwrap()
    }

    /// Revokes a benefit.
    pub fn revoke(&self, benefit: &Benefit, customer: &Customer, scope: Scope) -> BenefitGrant {
        let (benefit_id, customer_id) = (benefit.id, customer.id);
        self.write(move |tx| grants::revoke(tx, benefit_id, customer_id, scope)).unwrap()
    }

    /// An order that nothing else was bought with.
    pub fn order(&self) -> Scope {
        Scope::Order(Uuid::from_u64_pair(0x4000, self.number()))
    }

    /// A license key sold to a new customer, by a new benefit with these settings.
    pub fn key(&self, properties: Value) -> LicenseKey {
        let benefit = self.benefit(BenefitType::LicenseKeys, properties).unwrap();
        self.key_of_grant(&self.grant(&benefit, &self.customer(), self.order()))
    }

    /// The key that a grant names.
    pub fn key_of_grant(&self, grant: &BenefitGrant) -> LicenseKey {
        self.find_key(key_id(grant))
    }

    /// The key as it is stored now.
    pub fn find_key(&self, id: Id<LicenseKey>) -> LicenseKey {
        self.read(move |tx| license_keys::find(tx, id)).unwrap().unwrap()
    }

    /// The key with its counters as they are stored now.
    pub fn held(&self, key: &LicenseKey) -> HeldKey {
        let (tenancy, id) = (self.tenancy(), key.id);
        self.read(move |tx| license_keys::get(tx, &tenancy, id)).unwrap()
    }

    /// The live activations of a key.
    pub fn activations(&self, key: &LicenseKey) -> Vec<Activation> {
        let id = key.id;
        self.read(move |tx| license_keys::activations_of(tx, id)).unwrap()
    }

    /// How many jobs wait or run, and how many were set aside for the operator.
    pub fn backlog(&self) -> (i64, i64) {
        let backlog = self.read(jobs::backlog).unwrap();
        (backlog.waiting, backlog.failed)
    }

    /// Validates a key.
    pub fn validate(&self, command: &Validate) -> Result<HeldKey> {
        let command = command.clone();
        self.write(move |tx| Ok(license_keys::validate(tx, &command)?.0))
    }

    /// Activates a key.
    pub fn activate(&self, command: &Activate) -> Result<Activation> {
        let command = command.clone();
        self.write(move |tx| Ok(license_keys::activate(tx, &command)?.1))
    }

    /// Deactivates an activation.
    pub fn deactivate(&self, key: &LicenseKey, activation_id: Id<Activation>) -> Result<()> {
        let command =
            Deactivate { organization_id: key.organization_id, key: key.key.clone(), activation_id };
        self.write(move |tx| license_keys::deactivate(tx, &command))
    }

    /// A new product of the shop, paid once.
    pub fn product(&self) -> Product {
        self.product_with(&format!("Product {}", self.number()), &[fixed(None, 1999)])
    }

    /// A new product of the shop with these prices.
    pub fn product_with(&self, name: &str, prices: &[NewPrice]) -> Product {
        let command = new_product(self.organization.id, name, prices);
        self.write(move |tx| products::create(tx, &command)).unwrap()
    }

    /// Changes a product.
    pub fn change_product(&self, id: Id<Product>, command: &UpdateProduct) -> Result<Product> {
        let (tenancy, command) = (self.tenancy(), command.clone());
        self.write(move |tx| products::update(tx, &tenancy, id, &command))
    }

    /// Sets what comes with a product, and does not run the job that follows.
    pub fn set_benefits(&self, id: Id<Product>, benefits: &[Id<Benefit>]) -> Result<Product> {
        let (tenancy, benefits) = (self.tenancy(), benefits.to_vec());
        self.write(move |tx| products::set_benefits(tx, &tenancy, id, &benefits))
    }

    /// A product with everything that belongs to it, as it is stored now.
    pub fn complete(&self, id: Id<Product>) -> CompleteProduct {
        self.read(move |tx| {
            let product = products::find(tx, id)?.expect("the product is there");
            products::complete_one(tx, product)
        })
        .unwrap()
    }

    /// Runs every job that is due, and what follows from it. Returns those that call the outside, which nobody does
    /// here; they are settled as done.
    pub fn run_jobs(&self) -> Vec<FlowJob> {
        let mut outside = Vec::new();
        loop {
            let ran = self.write(|tx| {
                let Some(claimed) = jobs::claim(tx)? else { return Ok(None) };
                let outcome = match &claimed.job {
                    Job::Flow(_) => Outcome::Done,
                    job => jobs::run(tx, job)?,
                };
                jobs::settle(tx, &claimed, &outcome)?;
                Ok(Some(claimed.job))
            });
            match ran.unwrap() {
                Some(Job::Flow(job)) => outside.push(job),
                Some(_) => {}
                None => return outside,
            }
        }
    }

    /// A number that was not given before.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }
}

/// A product to be made, with these prices.
pub fn new_product(organization_id: Id<Organization>, name: &str, prices: &[NewPrice]) -> CreateProduct {
    CreateProduct {
        organization_id,
        name: name.to_owned(),
        description: None,
        prices: prices.to_vec(),
        medias: Vec::new(),
        fields: Vec::new(),
        metadata: Metadata::default(),
    }
}

/// A fixed price in cents; without an interval it is paid once.
pub fn fixed(recurring_interval: Option<RecurringInterval>, cents: i64) -> NewPrice {
    let amount = Amount::Fixed { currency: Currency::Usd, amount: Cents::new(cents) };
    NewPrice { recurring_interval, amount }
}

/// A price of nothing; without an interval it is got once.
pub fn free(recurring_interval: Option<RecurringInterval>) -> NewPrice {
    NewPrice { recurring_interval, amount: Amount::Free }
}

/// A price that the buyer chooses.
pub fn chosen(minimum: Option<i64>) -> NewPrice {
    let minimum = minimum.map(Cents::new);
    let amount = Amount::Custom { currency: Currency::Usd, minimum, maximum: None, preset: None };
    NewPrice { recurring_interval: None, amount }
}

/// A caller with every scope.
pub fn actor(subject: Subject) -> Actor {
    Actor::new(subject, ScopeSet::grantable())
}

/// An address that is known to be one.
pub fn email(text: &str) -> Email {
    text.parse().unwrap()
}

/// An organization to be made.
pub fn new_organization(slug: &str) -> CreateOrganization {
    CreateOrganization {
        name: format!("The {slug}"),
        slug: slug.parse().unwrap(),
        avatar_url: None,
        feature_settings: FeatureSettings::default(),
    }
}

/// A customer to be made.
pub fn new_customer(organization_id: Id<Organization>, address: &str) -> CreateCustomer {
    CreateCustomer {
        organization_id,
        email: email(address),
        name: None,
        billing_address: None,
        tax_id: None,
        metadata: Metadata::default(),
    }
}

/// A validation that asks for nothing in particular.
pub fn validation(key: &LicenseKey) -> Validate {
    Validate {
        organization_id: key.organization_id,
        key: key.key.clone(),
        activation_id: None,
        benefit_id: None,
        customer_id: None,
        increment_usage: 0,
        conditions: json!({}),
    }
}

/// An activation with a label only.
pub fn activation(key: &LicenseKey) -> Activate {
    Activate {
        organization_id: key.organization_id,
        key: key.key.clone(),
        label: String::from("laptop"),
        conditions: Json::default(),
        meta: Json::default(),
    }
}

/// Settings under which a key has this many seats.
pub fn seats(limit: u32) -> Value {
    json!({ "activations": { "limit": limit, "enable_customer_admin": true } })
}

/// The id of the key that a grant names.
pub fn key_id(grant: &BenefitGrant) -> Id<LicenseKey> {
    let properties: Value = grant.properties.parse().unwrap();
    properties["license_key_id"].as_str().unwrap().parse().unwrap()
}

/// The kind and the sentence of a refusal.
#[track_caller]
pub fn refusal<T>(result: Result<T>) -> (Kind, String) {
    match result {
        Ok(_) => panic!("this was to be refused"),
        Err(Refusal::Rule { kind, message }) => (kind, message),
        Err(other) => panic!("not refused by a rule: {other:?}"),
    }
}

/// The one field that a refusal is about: its kind, its place joined by dots, and the sentence.
#[track_caller]
pub fn field_problem<T>(result: Result<T>) -> (&'static str, String, String) {
    match result {
        Ok(_) => panic!("this was to be refused"),
        Err(Refusal::Invalid(problems)) => {
            assert_eq!(problems.len(), 1, "{problems:?}");
            let problem = problems.into_iter().next().unwrap();
            let steps: Vec<String> = problem
                .loc
                .iter()
                .map(|step| serde_json::to_value(step).unwrap().to_string().replace('"', ""))
                .collect();
            (problem.kind, steps.join("."), problem.message)
        }
        Err(other) => panic!("not refused for a field: {other:?}"),
    }
}

/// A number of hours.
pub fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3600)
}

/// The last moment before so much time has passed.
pub fn just_under(duration: Duration) -> Duration {
    duration.checked_sub(Duration::from_micros(1)).unwrap()
}

/// How many there are, as the store counts.
pub fn count<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap()
}

/// Lets so many threads do the same at the same moment.
pub fn at_once<T: Send>(threads: u32, work: impl Fn(u32) -> T + Sync) -> Vec<T> {
    let barrier = Barrier::new(threads as usize);
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|number| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    barrier.wait();
                    work(number)
                })
            })
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// A checkout of this about which nothing else is said.
pub fn new_checkout(sold: Sold) -> CreateCheckout {
    CreateCheckout {
        sold,
        discount_id: None,
        allow_discount_codes: true,
        amount: None,
        customer_id: None,
        customer_name: None,
        customer_email: None,
        customer_ip_address: None,
        customer_billing_address: None,
        customer_tax_id: None,
        metadata: Metadata::default(),
        customer_metadata: Metadata::default(),
        custom_field_data: serde_json::Map::default(),
        subscription_id: None,
        success_url: None,
        embed_origin: None,
    }
}
