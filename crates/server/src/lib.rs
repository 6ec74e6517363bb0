//! Merak's server: the wire around the core.
//!
//! `api` holds the operations, `wire` the grammar they share, `shell` the way from a connection to an operation and
//! back, `pages` what people look at, `workers` what happens afterwards, `flows` what calls the outside, `content` the
//! bytes of files that are kept in a local folder, `streams` the messages that pass to who listens.

pub mod api;
mod chores;
pub mod config;
mod content;
mod emails;
pub mod error;
mod flows;
mod metrics;
pub mod pages;
mod places;
mod shell;
pub mod state;
mod streams;
pub mod wire;
pub mod workers;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use merak_adapters::discord::Discord;
use merak_adapters::files::FileStorage;
use merak_adapters::files::local::Local;
use merak_adapters::files::s3::{self, S3};
use merak_adapters::github::Github;
use merak_adapters::http::ClientError;
use merak_adapters::payments::Processor;
use merak_adapters::payments::sandbox::Sandbox;
use merak_adapters::payments::stripe::Stripe;
use merak_adapters::secret_scanning::ScanningKeys;
use merak_core::billing::Rules;
use merak_core::instance;
use merak_core::kit::{Cents, Currency, EmailRules, InstanceSecret};
use merak_core::search::Totals;
use merak_store::Store;
use serde_json::Value;

pub use self::chores::{ChoreError, Chores};
pub use self::config::{Billing, Config, Mail, Payments, Storage};
use self::emails::Letterhead;
use self::flows::sandbox_memory::SandboxMemory;
use self::shell::Shell;
pub use self::state::SECRET_PLACE;
use self::state::{Adapters, House};
use self::streams::Hub;
use self::wire::Origins;
use self::wire::router::Routes;
use self::wire::validation::{Options, SchemaError};
use self::workers::Worker;
use self::workers::biller::Biller;
use self::workers::courier::Courier;

/// How often budgets and histograms are tidied.
const UPKEEP: Duration = Duration::from_secs(10);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {cause}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
        /// What the system says.
        cause: io::Error,
    },
    /// The database belongs to another installation, or could not be asked.
    #[error(transparent)]
    Instance(#[from] instance::Error),
    /// A schema of ours cannot be compiled.
    #[error("a schema of this server cannot be used: {0}")]
    Schema(#[from] SchemaError),
    /// No client of the services outside can be made.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The storage of files cannot be used.
    #[error(transparent)]
    Storage(#[from] s3::SettingsError),
}

/// A server at work.
pub struct Server {
    running: shell::Running,
    metrics: Option<shell::metrics_page::MetricsPage>,
    worker: Worker,
    biller: Biller,
    streams: Arc<Hub>,
    courier: Option<Courier>,
    store: Store,
}

impl Server {
    /// Starts a server on a migrated store: the API, its pages, a worker, and metrics if asked for.
    pub async fn start(config: Config, store: Store, secret: InstanceSecret) -> Result<Self, StartError> {
        let claimed = secret.clone();
        store.write(move |tx| instance::claim(tx, &claimed)).await?;
        // A server on a free port learns its own address only by listening, and its pages show it.
        let (listener, address) = shell::listen(config.listen)
            .await
            .map_err(|cause| StartError::Listen { address: config.listen, cause })?;
        let public_url = match &config.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{address}"),
        };
        let options = Options { allow_special_use_domains: config.accept_internal_email };
        let routes = Arc::new(Routes::new(api::operations(), &public_url, options)?);
        let house = Arc::new(build(&config, &store, secret, public_url)?);
        let pages = pages::router(&house, &routes);
        let metrics_listen = config.metrics_listen;
        let worker = Worker::start(Arc::clone(&house));
        let biller = Biller::start(&house);
        let streams = Arc::clone(&house.streams);
        tokio::spawn(streams::pass_on(Arc::clone(&streams), store.clone()));
        let courier = Courier::start(&house);
        let shell = Arc::new(Shell::new(house, routes, config, pages));
        let metrics = match metrics_listen {
            Some(wanted) => Some(
                shell::metrics_page::MetricsPage::start(wanted, Arc::clone(&shell))
                    .await
                    .map_err(|cause| StartError::Listen { address: wanted, cause })?,
            ),
            None => None,
        };
        tokio::spawn(keep_up(Arc::downgrade(&shell)));
        let running = shell::start(shell, listener, address);
        Ok(Self { running, metrics, worker, biller, streams, courier, store })
    }

    /// Where the API listens.
    pub fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Where metrics are served, if they are.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().map(|metrics| metrics.address)
    }

    /// Stops in good order: no new connections, running requests and the running job end, everything is committed.
    pub async fn stop(self) {
        // A stream would go on for ever.
        self.streams.close();
        self.running.stop().await;
        self.worker.stop().await;
        self.biller.stop().await;
        if let Some(courier) = self.courier {
            courier.stop().await;
        }
        if let Some(metrics) = self.metrics {
            metrics.stop();
        }
        self.store.shutdown().await;
    }
}

/// The shared things of a server with these settings. It calls nobody yet.
fn build(
    config: &Config,
    store: &Store,
    secret: InstanceSecret,
    public_url: String,
) -> Result<House, StartError> {
    let origins = Origins::new(&public_url, &config.front_end_origins);
    let adapters = Adapters {
        payments: open_payments(&config.payments, &public_url, &secret, store)?,
        files: open_storage(&config.storage, &public_url, &secret)?,
        scanning_keys: config.scanning_keys_url.clone().map(ScanningKeys::new).transpose()?,
        discord: config.discord.clone().map(Discord::new).transpose()?,
        github: config.github.clone().map(Github::new).transpose()?,
        mail: config.mail.mailer(),
    };
    let checkout_link_url = config
        .checkout_link_url
        .clone()
        .unwrap_or_else(|| format!("{public_url}/v1/checkout-links/{SECRET_PLACE}/redirect"));
    let billing = Rules {
        taxes: config.taxes.taxes(),
        processor: adapters.payments.name().to_owned(),
        minimum: Cents::new(adapters.payments.minimum_cents(Currency::default().as_str())),
        retry_days: config.billing.retry_days.clone(),
        grace_days: config.billing.grace_days,
        given_up: config.billing.given_up,
        catch_up: config.billing.catch_up,
    };
    Ok(House {
        store: store.clone(),
        billing,
        secret,
        letterhead: Letterhead { from: config.mail_from.clone(), public_url: public_url.clone() },
        shows_mail: config.shows_mail,
        public_url,
        checkout_link_url,
        email_rules: if config.accept_internal_email { EmailRules::lenient() } else { EmailRules::default() },
        origins,
        adapters,
        streams: Arc::new(Hub::new(config.streams, config.streams_per_address, config.stream_ping)),
        geography: config.geography.clone(),
        totals: Totals::default(),
    })
}

/// The storage of files that the settings name. It calls nobody yet.
pub fn open_storage(
    storage: &Storage,
    public_url: &str,
    secret: &InstanceSecret,
) -> Result<Arc<dyn FileStorage>, s3::SettingsError> {
    Ok(match storage {
        Storage::Local(settings) => {
            let base_url = format!("{public_url}{}", content::BASE);
            Arc::new(Local::new(settings, &base_url, secret.derive("addresses of files")))
        }
        Storage::S3(settings) => Arc::new(S3::new(settings)?),
    })
}

/// Who moves money, by the settings. Nobody is called yet.
fn open_payments(
    payments: &Payments,
    public_url: &str,
    secret: &InstanceSecret,
    store: &Store,
) -> Result<Arc<dyn Processor>, ClientError> {
    Ok(match payments {
        Payments::Sandbox => Arc::new(sandbox(store, secret, public_url)),
        Payments::Stripe(options) => Arc::new(Stripe::new(options.clone())?),
        Payments::Brought(processor) => Arc::clone(processor),
    })
}

/// The sandbox for payments of the installation with this store, this secret and this address.
pub fn sandbox(store: &Store, secret: &InstanceSecret, public_url: &str) -> Sandbox {
    let memory = Arc::new(SandboxMemory::new(store.clone()));
    Sandbox::new(&secret.derive("sandbox for payments"), public_url, memory)
}

/// Whether the storage of files can be used; in words for the operator.
pub async fn check_storage(storage: &Storage) -> Result<String, String> {
    // Nothing is signed for anybody here, so any address and any secret will do.
    let opened = open_storage(storage, "http://localhost", &InstanceSecret::new("check"));
    opened.map_err(|error| error.to_string())?.check().await.map_err(|error| error.to_string())
}

async fn keep_up(shell: std::sync::Weak<Shell>) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        let Some(shell) = shell.upgrade() else { return };
        shell.upkeep();
    }
}

/// The OpenAPI document of this server, as it would be served under the given address.
pub fn openapi(public_url: &str) -> Result<Value, SchemaError> {
    Ok(Routes::new(api::operations(), public_url, Options::default())?.document().clone())
}
