//! What a server is told when it starts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use merak_adapters::files::{local, s3};
use merak_adapters::mail::{Folder, Log, Mailer, Memory, Smtp};
pub use merak_adapters::mail::{Mailbox, SmtpSettings};
use merak_adapters::payments::{Processor, stripe};
use merak_adapters::{discord, github};
use merak_core::billing::{CatchUp, GivenUp, Rules};
use merak_core::checkouts::Geography;
use merak_core::kit::Cents;
use merak_core::taxes::TaxSettings;

/// Where files are kept.
#[derive(Clone, Debug)]
pub enum Storage {
    /// In a folder, and served by this server.
    Local(local::Settings),
    /// In buckets.
    S3(s3::Settings),
}

/// Where mail goes.
#[derive(Clone, Debug)]
pub enum Mail {
    /// To a mail server.
    Smtp(SmtpSettings),
    /// Into a folder, one file for each.
    Folder(PathBuf),
    /// Nowhere: the log says that there was some.
    Log,
    /// Into the memory, for tests.
    Memory(Arc<Memory>),
}

impl Mail {
    /// Who takes it. Nobody is called yet.
    pub fn mailer(&self) -> Arc<dyn Mailer> {
        match self {
            Self::Smtp(settings) => Arc::new(Smtp::new(settings.clone())),
            Self::Folder(path) => Arc::new(Folder::new(path)),
            Self::Log => Arc::new(Log),
            Self::Memory(memory) => Arc::<Memory>::clone(memory),
        }
    }
}

/// Who moves money.
#[derive(Clone, Debug)]
pub enum Payments {
    /// Nobody: payments are played.
    Sandbox,
    /// Stripe.
    Stripe(stripe::Options),
    /// Somebody whom the program brings along.
    Brought(Arc<dyn Processor>),
}

/// What an operator settles about billing.
#[derive(Clone, Debug)]
pub struct Billing {
    /// So many days after its first failure a payment of a subscription is tried again; ascending.
    pub retry_days: Vec<u32>,
    /// So many days after that first failure what comes with a subscription is taken back; 0 takes it back at once.
    pub grace_days: u32,
    /// What becomes of a subscription whose payment is given up.
    pub given_up: GivenUp,
    /// What is billed after nothing was done for longer than a period.
    pub catch_up: CatchUp,
}

impl Default for Billing {
    fn default() -> Self {
        let Rules { retry_days, grace_days, given_up, catch_up, .. } = Rules::new("", Cents::default());
        Self { retry_days, grace_days, given_up, catch_up }
    }
}

/// Settings of the HTTP side.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where to serve metrics, apart from the API; nowhere if absent.
    pub metrics_listen: Option<SocketAddr>,
    /// The address under which this server is reached; made from `listen` if absent.
    pub public_url: Option<String>,
    /// The address of a checkout link, with `{client_secret}` where its secret stands; one of this server if absent.
    pub checkout_link_url: Option<String>,
    /// Origins of front ends that may send cookies.
    pub front_end_origins: Vec<String>,
    /// Whether `X-Forwarded-For` and `X-Forwarded-Proto` are believed: only behind a proxy that sets them.
    pub trust_proxy: bool,
    /// Whether addresses in domains that no public mail reaches (`.local`, `.test`) are accepted.
    pub accept_internal_email: bool,
    /// Calls a second that one address may make on anonymous routes; 0 is no limit.
    pub rate_limit_per_address: u32,
    /// Calls a second that may be made with one license key on anonymous routes; 0 is no limit.
    pub rate_limit_per_key: u32,
    /// How many connections there may be at once.
    pub connections: usize,
    /// How many of them one address may have, if calls are counted per address and no proxy is trusted. Where the system
    /// allows fewer connections it is as much less.
    pub connections_per_address: usize,
    /// How many event streams may be open at once.
    pub streams: usize,
    /// How many of them may be open to one address.
    pub streams_per_address: usize,
    /// How often a stream that has nothing to say shows that it is there.
    pub stream_ping: Duration,
    /// How large a body may be, in bytes.
    pub body_limit: usize,
    /// How much memory the bodies of all requests that are being answered may take, in bytes; one address has a quarter.
    pub memory_for_bodies: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long an answer may take.
    pub request_timeout: Duration,
    /// How long a connection may be without a request: until the head of one is there, and between two.
    pub idle_timeout: Duration,
    /// How long running requests may take to end at shutdown.
    pub shutdown_timeout: Duration,
    /// How long the sender of a file may be silent, and how long who asked may take nothing of an answer.
    pub transfer_timeout: Duration,
    /// Who knows in which country an address of the network is, if anybody does.
    pub geography: Option<Arc<dyn Geography>>,
    /// Where files are kept.
    pub storage: Storage,
    /// Who moves money.
    pub payments: Payments,
    /// Where the keys of who reports leaked tokens are published; no reports are taken if absent.
    pub scanning_keys_url: Option<String>,
    /// Discord, if benefits can be roles there.
    pub discord: Option<discord::Options>,
    /// GitHub, if benefits can be repositories there.
    pub github: Option<github::Options>,
    /// Where mail goes.
    pub mail: Mail,
    /// The sender of all mail: the name of this installation and its address.
    pub mail_from: Mailbox,
    /// Whether everybody who reaches this server may read the mail that goes into a folder: only to try things out.
    pub shows_mail: bool,
    /// What tax there is on sales.
    pub taxes: TaxSettings,
    /// When payments are tried again, and what becomes of what is not paid.
    pub billing: Billing,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8000)),
            metrics_listen: None,
            public_url: None,
            checkout_link_url: None,
            front_end_origins: Vec::new(),
            trust_proxy: false,
            accept_internal_email: false,
            rate_limit_per_address: 500,
            rate_limit_per_key: 100,
            connections: 10_000,
            connections_per_address: 1_000,
            streams: 5_000,
            streams_per_address: 200,
            stream_ping: Duration::from_secs(15),
            body_limit: 1024 * 1024,
            memory_for_bodies: 256 * 1024 * 1024,
            body_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            shutdown_timeout: Duration::from_secs(20),
            transfer_timeout: Duration::from_secs(30),
            geography: None,
            discord: None,
            github: None,
            mail: Mail::Log,
            mail_from: Mailbox { name: String::from("Merak"), address: String::from("no-reply@localhost") },
            shows_mail: false,
            storage: Storage::Local(local::Settings { directory: PathBuf::from("merak-data/files") }),
            payments: Payments::Sandbox,
            scanning_keys_url: None,
            taxes: TaxSettings::None,
            billing: Billing::default(),
        }
    }
}
