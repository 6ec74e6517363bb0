//! Options that all commands share, from the command line, `MERAK_*` variables and a TOML file, in that order.

use std::fs::{self, File};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use merak_core::MIGRATIONS;
use merak_core::billing::{CatchUp, GivenUp};
use merak_server::{Billing, Config};
use merak_store::Database;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use crate::addresses::{link_template, origin, web_address};
use crate::failure::Failure;
use crate::opened::Opened;
use crate::{mail, occupancy, secret, services, taxes};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Where files are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StorageKind {
    /// In a folder; this server takes them in and hands them out.
    Local,
    /// In buckets of Amazon's S3 or of a service that speaks its protocol.
    S3,
}

/// What becomes of a subscription whose payment is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnpaidKind {
    /// It ends.
    Canceled,
    /// It stays, and can still be paid.
    Unpaid,
}

/// Who knows what tax there is on a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaxKind {
    /// Nobody: there is none.
    None,
    /// A table of rates by country and state.
    Rates,
}

/// Who moves money.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProcessorName {
    /// Nobody: payments are played with test cards.
    Sandbox,
    /// Stripe, with an account of yours.
    Stripe,
}

/// What can be set for every command. In the TOML file the names have underscores: `data_dir = "/srv/merak"`.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
#[derive(Clone, Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// TOML file with any of these options.
    #[arg(long, env = "MERAK_CONFIG", global = true, value_name = "FILE")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Directory of the embedded database and the secret [default: ./merak-data].
    #[arg(long, env = "MERAK_DATA_DIR", global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// `sqlite:PATH` or `postgres://…` [default: merak.db in the data directory].
    #[arg(long, env = "MERAK_DATABASE_URL", global = true, value_name = "URL")]
    pub database_url: Option<String>,

    /// PostgreSQL replica that reads go to.
    #[arg(long, env = "MERAK_DATABASE_READ_URL", global = true, value_name = "URL")]
    pub database_read_url: Option<String>,

    /// What tokens are hashed with: the same on every node, kept for ever [default: the data directory's file `secret`].
    #[arg(long, env = "MERAK_SECRET", global = true, value_name = "TEXT")]
    pub secret: Option<String>,

    /// Address under which people and programs reach this server [default: http:// and the listen address].
    #[arg(long, env = "MERAK_PUBLIC_URL", global = true, value_name = "URL")]
    pub public_url: Option<String>,

    /// Address of checkout links, with `{client_secret}` where the secret stands [default: one of this server].
    #[arg(long, env = "MERAK_CHECKOUT_LINK_URL", global = true, value_name = "TEMPLATE")]
    pub checkout_link_url: Option<String>,

    /// How log lines are written [default: text]; the variable `MERAK_LOG` chooses which, as in `merak_server=debug`.
    #[arg(long, env = "MERAK_LOG_FORMAT", global = true, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,

    /// Address and port of the API [default: 127.0.0.1:8000]; port 0 takes a free one.
    #[arg(long, env = "MERAK_LISTEN", global = true, value_name = "ADDRESS", value_parser = address)]
    pub listen: Option<SocketAddr>,

    /// Address and port of Prometheus metrics [default: none].
    #[arg(long, env = "MERAK_METRICS_LISTEN", global = true, value_name = "ADDRESS", value_parser = address)]
    pub metrics_listen: Option<SocketAddr>,

    /// Origin of a front end that may send cookies; repeat it for more.
    #[arg(long, env = "MERAK_FRONT_END_ORIGIN", global = true, value_name = "ORIGIN", value_delimiter = ',')]
    pub front_end_origin: Vec<String>,

    /// Believe X-Forwarded-For and X-Forwarded-Proto; only behind a proxy that sets them.
    #[arg(long, env = "MERAK_TRUST_PROXY", global = true)]
    pub trust_proxy: bool,

    /// Accept e-mail addresses in domains that no public mail reaches, such as .local and .test.
    #[arg(long, env = "MERAK_ACCEPT_INTERNAL_EMAIL", global = true)]
    pub accept_internal_email: bool,

    /// Where the keys of who reports leaked tokens are published, such as GitHub's [default: none, no reports are taken].
    #[arg(long, env = "MERAK_SCANNING_KEYS_URL", global = true, value_name = "URL")]
    pub scanning_keys_url: Option<String>,

    /// Calls a second that one address may make without a credential [default: 500]; 0 is no limit.
    #[arg(long, env = "MERAK_RATE_LIMIT_PER_ADDRESS", global = true, value_name = "N")]
    pub rate_limit_per_address: Option<u32>,

    /// Calls a second that may be made with one license key [default: 100]; 0 is no limit.
    #[arg(long, env = "MERAK_RATE_LIMIT_PER_KEY", global = true, value_name = "N")]
    pub rate_limit_per_key: Option<u32>,

    /// OAuth client id of a Discord application; with the two below, benefits can be roles on Discord servers.
    #[arg(long, env = "MERAK_DISCORD_CLIENT_ID", global = true, value_name = "TEXT")]
    pub discord_client_id: Option<String>,

    /// Secret of that OAuth client.
    #[arg(long, env = "MERAK_DISCORD_CLIENT_SECRET", global = true, value_name = "TEXT")]
    pub discord_client_secret: Option<String>,

    /// Token of the application's bot.
    #[arg(long, env = "MERAK_DISCORD_BOT_TOKEN", global = true, value_name = "TEXT")]
    pub discord_bot_token: Option<String>,

    /// Address of Discord [default: `https://discord.com`].
    #[arg(long, env = "MERAK_DISCORD_URL", global = true, value_name = "URL")]
    pub discord_url: Option<String>,

    /// Id of a GitHub app; with the three below, benefits can be repositories on GitHub.
    #[arg(long, env = "MERAK_GITHUB_APP_ID", global = true, value_name = "ID")]
    pub github_app_id: Option<String>,

    /// File with the app's private key, as GitHub hands it out.
    #[arg(long, env = "MERAK_GITHUB_APP_PRIVATE_KEY_FILE", global = true, value_name = "FILE")]
    pub github_app_private_key_file: Option<PathBuf>,

    /// OAuth client id of the app.
    #[arg(long, env = "MERAK_GITHUB_APP_CLIENT_ID", global = true, value_name = "TEXT")]
    pub github_app_client_id: Option<String>,

    /// Secret of that OAuth client.
    #[arg(long, env = "MERAK_GITHUB_APP_CLIENT_SECRET", global = true, value_name = "TEXT")]
    pub github_app_client_secret: Option<String>,

    /// OAuth client id that customers connect their accounts with [default: that of the app].
    #[arg(long, env = "MERAK_GITHUB_CLIENT_ID", global = true, value_name = "TEXT")]
    pub github_client_id: Option<String>,

    /// Secret of that OAuth client.
    #[arg(long, env = "MERAK_GITHUB_CLIENT_SECRET", global = true, value_name = "TEXT")]
    pub github_client_secret: Option<String>,

    /// Address of GitHub [default: `https://github.com`].
    #[arg(long, env = "MERAK_GITHUB_URL", global = true, value_name = "URL")]
    pub github_url: Option<String>,

    /// Address of GitHub's API [default: `https://api.github.com`].
    #[arg(long, env = "MERAK_GITHUB_API_URL", global = true, value_name = "URL")]
    pub github_api_url: Option<String>,

    /// Where mail goes: `smtp://USER:PASSWORD@HOST:PORT?tls=starttls` (or implicit, or none), `folder:PATH`, or `log`
    /// [default: log; folder:mail in the data directory for the demo].
    #[arg(long, env = "MERAK_MAIL", global = true, value_name = "WHERE")]
    pub mail: Option<String>,

    /// Sender of all mail, as in `Fjord <shop@example.com>`; needed with smtp.
    #[arg(long, env = "MERAK_MAIL_FROM", global = true, value_name = "SENDER")]
    pub mail_from: Option<String>,
    /// Who moves money [default: sandbox].
    #[arg(long, env = "MERAK_PAYMENT_PROCESSOR", global = true, value_name = "NAME")]
    pub payment_processor: Option<ProcessorName>,

    /// Secret key of the account at Stripe.
    #[arg(long, env = "MERAK_STRIPE_SECRET_KEY", global = true, value_name = "TEXT")]
    pub stripe_secret_key: Option<String>,

    /// Key of that account that pages may know.
    #[arg(long, env = "MERAK_STRIPE_PUBLISHABLE_KEY", global = true, value_name = "TEXT")]
    pub stripe_publishable_key: Option<String>,

    /// Secret of the webhook that Stripe tells events to.
    #[arg(long, env = "MERAK_STRIPE_WEBHOOK_SECRET", global = true, value_name = "TEXT")]
    pub stripe_webhook_secret: Option<String>,

    /// Address of Stripe's API [default: `https://api.stripe.com`].
    #[arg(long, env = "MERAK_STRIPE_API_URL", global = true, value_name = "URL")]
    pub stripe_api_url: Option<String>,

    /// Where files are kept [default: local].
    #[arg(long, env = "MERAK_STORAGE", global = true, value_name = "KIND")]
    pub storage: Option<StorageKind>,

    /// Folder of a local storage [default: files in the data directory]; nodes that share a database share it.
    #[arg(long, env = "MERAK_STORAGE_DIR", global = true, value_name = "DIR")]
    pub storage_dir: Option<PathBuf>,

    /// Bucket of files that only buyers may read.
    #[arg(long, env = "MERAK_STORAGE_BUCKET", global = true, value_name = "NAME")]
    pub storage_bucket: Option<String>,

    /// Bucket of files that everybody may read.
    #[arg(long, env = "MERAK_STORAGE_PUBLIC_BUCKET", global = true, value_name = "NAME")]
    pub storage_public_bucket: Option<String>,

    /// Address at which the public bucket is read [default: made from the endpoint].
    #[arg(long, env = "MERAK_STORAGE_PUBLIC_URL", global = true, value_name = "URL")]
    pub storage_public_url: Option<String>,

    /// Address of a service that speaks S3's protocol [default: Amazon's of the region].
    #[arg(long, env = "MERAK_STORAGE_ENDPOINT", global = true, value_name = "URL")]
    pub storage_endpoint: Option<String>,

    /// Region of the buckets [default: us-east-1].
    #[arg(long, env = "MERAK_STORAGE_REGION", global = true, value_name = "NAME")]
    pub storage_region: Option<String>,

    /// Id of the key to the buckets.
    #[arg(long, env = "MERAK_STORAGE_ACCESS_KEY_ID", global = true, value_name = "TEXT")]
    pub storage_access_key_id: Option<String>,

    /// The key to the buckets.
    #[arg(long, env = "MERAK_STORAGE_SECRET_ACCESS_KEY", global = true, value_name = "TEXT")]
    pub storage_secret_access_key: Option<String>,

    /// Who knows what tax there is on a sale [default: none].
    #[arg(long, env = "MERAK_TAXES", global = true, value_name = "KIND")]
    pub taxes: Option<TaxKind>,

    /// Country of the seller, as two letters; decides who of the European Union is charged no tax.
    #[arg(long, env = "MERAK_TAX_SELLER_COUNTRY", global = true, value_name = "CODE")]
    pub tax_seller_country: Option<String>,

    /// Where the seller collects tax, as in EU,GB,US-NY; repeat it for more [default: wherever there is a rate].
    #[arg(long, env = "MERAK_TAX_REGISTRATION", global = true, value_name = "PLACE", value_delimiter = ',')]
    pub tax_registration: Vec<String>,

    /// File with rates that replace those of the table, each line `country,state,percent,name`.
    #[arg(long, env = "MERAK_TAX_RATES", global = true, value_name = "FILE")]
    pub tax_rates: Option<PathBuf>,

    /// Days after its first failure on which a payment of a subscription is tried again [default: 1,3,5,7].
    #[arg(long, env = "MERAK_RETRY_DAYS", global = true, value_name = "DAYS", value_delimiter = ',')]
    pub retry_days: Vec<u32>,

    /// Days for which a customer whose payment failed keeps what comes with the subscription [default: 0].
    #[arg(long, env = "MERAK_GRACE_DAYS", global = true, value_name = "DAYS")]
    pub grace_days: Option<u32>,

    /// What becomes of a subscription whose payment is given up [default: canceled].
    #[arg(long, env = "MERAK_UNPAID_SUBSCRIPTIONS", global = true, value_name = "WHAT")]
    pub unpaid_subscriptions: Option<UnpaidKind>,

    /// Bill each period that went by while no server was running, instead of the current one alone.
    #[arg(long, env = "MERAK_BILL_MISSED_PERIODS", global = true)]
    pub bill_missed_periods: bool,

    /// Prices hold the tax already, instead of having it added.
    #[arg(long, env = "MERAK_TAX_INCLUSIVE", global = true)]
    pub tax_inclusive: bool,
}

impl Options {
    /// These options, completed by those of the file they name, if each by itself makes sense.
    pub fn completed(self) -> Result<Self, Failure> {
        let options = self.with_file()?;
        if let Some(secret) = &options.secret {
            secret::check(secret)?;
        }
        if options.data_dir.as_ref().is_some_and(|directory| directory.as_os_str().is_empty()) {
            return Err(Failure::usage("--data-dir: name a directory"));
        }
        if let Some(url) = &options.public_url {
            web_address("--public-url", url)?;
        }
        if let Some(url) = &options.scanning_keys_url {
            web_address("--scanning-keys-url", url)?;
        }
        if let Some(template) = &options.checkout_link_url {
            link_template("--checkout-link-url", template)?;
        }
        services::check(&options)?;
        if let Some(url) = &options.storage_public_url {
            web_address("--storage-public-url", url)?;
        }
        if let Some(url) = &options.storage_endpoint {
            web_address("--storage-endpoint", url)?;
        }
        options.storage()?;
        mail::check(&options)?;
        taxes::check(&options)?;
        options.front_end_origin.iter().try_for_each(|text| origin("--front-end-origin", text))?;
        Ok(options)
    }

    fn with_file(self) -> Result<Self, Failure> {
        let Some(path) = &self.config else { return Ok(self) };
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
        let file: Self = toml::from_str(&text).map_err(|error| {
            // Without the line itself, which may hold the secret.
            let line = 1 + text[..error.span().map_or(0, |span| span.start)].matches('\n').count();
            Failure::usage(format!("{}, line {line}: {}", path.display(), error.message()))
        })?;
        Ok(Self {
            config: self.config,
            data_dir: self.data_dir.or(file.data_dir),
            database_url: self.database_url.or(file.database_url),
            database_read_url: self.database_read_url.or(file.database_read_url),
            secret: self.secret.or(file.secret),
            public_url: self.public_url.or(file.public_url),
            checkout_link_url: self.checkout_link_url.or(file.checkout_link_url),
            log_format: self.log_format.or(file.log_format),
            listen: self.listen.or(file.listen),
            metrics_listen: self.metrics_listen.or(file.metrics_listen),
            front_end_origin: if self.front_end_origin.is_empty() {
                file.front_end_origin
            } else {
                self.front_end_origin
            },
            trust_proxy: self.trust_proxy || file.trust_proxy,
            accept_internal_email: self.accept_internal_email || file.accept_internal_email,
            scanning_keys_url: self.scanning_keys_url.or(file.scanning_keys_url),
            rate_limit_per_address: self.rate_limit_per_address.or(file.rate_limit_per_address),
            rate_limit_per_key: self.rate_limit_per_key.or(file.rate_limit_per_key),
            discord_client_id: self.discord_client_id.or(file.discord_client_id),
            discord_client_secret: self.discord_client_secret.or(file.discord_client_secret),
            discord_bot_token: self.discord_bot_token.or(file.discord_bot_token),
            discord_url: self.discord_url.or(file.discord_url),
            github_app_id: self.github_app_id.or(file.github_app_id),
            github_app_private_key_file: self
                .github_app_private_key_file
                .or(file.github_app_private_key_file),
            github_app_client_id: self.github_app_client_id.or(file.github_app_client_id),
            github_app_client_secret: self.github_app_client_secret.or(file.github_app_client_secret),
            github_client_id: self.github_client_id.or(file.github_client_id),
            github_client_secret: self.github_client_secret.or(file.github_client_secret),
            github_url: self.github_url.or(file.github_url),
            github_api_url: self.github_api_url.or(file.github_api_url),
            mail: self.mail.or(file.mail),
            mail_from: self.mail_from.or(file.mail_from),
            payment_processor: self.payment_processor.or(file.payment_processor),
            stripe_secret_key: self.stripe_secret_key.or(file.stripe_secret_key),
            stripe_publishable_key: self.stripe_publishable_key.or(file.stripe_publishable_key),
            stripe_webhook_secret: self.stripe_webhook_secret.or(file.stripe_webhook_secret),
            stripe_api_url: self.stripe_api_url.or(file.stripe_api_url),
            storage: self.storage.or(file.storage),
            storage_dir: self.storage_dir.or(file.storage_dir),
            storage_bucket: self.storage_bucket.or(file.storage_bucket),
            storage_public_bucket: self.storage_public_bucket.or(file.storage_public_bucket),
            storage_public_url: self.storage_public_url.or(file.storage_public_url),
            storage_endpoint: self.storage_endpoint.or(file.storage_endpoint),
            storage_region: self.storage_region.or(file.storage_region),
            storage_access_key_id: self.storage_access_key_id.or(file.storage_access_key_id),
            storage_secret_access_key: self.storage_secret_access_key.or(file.storage_secret_access_key),
            taxes: self.taxes.or(file.taxes),
            tax_seller_country: self.tax_seller_country.or(file.tax_seller_country),
            tax_registration: if self.tax_registration.is_empty() {
                file.tax_registration
            } else {
                self.tax_registration
            },
            tax_rates: self.tax_rates.or(file.tax_rates),
            retry_days: if self.retry_days.is_empty() { file.retry_days } else { self.retry_days },
            grace_days: self.grace_days.or(file.grace_days),
            unpaid_subscriptions: self.unpaid_subscriptions.or(file.unpaid_subscriptions),
            bill_missed_periods: self.bill_missed_periods || file.bill_missed_periods,
            tax_inclusive: self.tax_inclusive || file.tax_inclusive,
        })
    }

    /// Starts writing log lines to the standard error stream, in color if a person is looking.
    pub fn start_log(&self) -> Result<(), Failure> {
        let wanted = std::env::var("MERAK_LOG").unwrap_or_default();
        let wanted = if wanted.is_empty() { "info" } else { &wanted };
        // PostgreSQL's driver has something to say about every statement, and about every table that is there already.
        let filter =
            EnvFilter::try_new(format!("postgres=warn,tokio_postgres=warn,{wanted}")).map_err(|error| {
                Failure::usage(format!("MERAK_LOG: {error}, as in `info` or `warn,merak_server=debug`"))
            })?;
        let is_watched = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let lines = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(is_watched);
        // Only a second start would fail, and there is none.
        let _ = match self.log_format {
            Some(LogFormat::Json) => lines.json().flatten_event(true).try_init(),
            Some(LogFormat::Text) | None => lines.with_target(false).try_init(),
        };
        Ok(())
    }

    /// The directory of the embedded database and the secret.
    pub fn data_dir(&self) -> &Path {
        self.data_dir.as_deref().unwrap_or(Path::new("merak-data"))
    }

    /// Which database to use.
    pub fn database(&self) -> Result<Database, Failure> {
        let database = match &self.database_url {
            None => Database::Sqlite { path: self.data_dir().join("merak.db") },
            Some(url) => url
                .parse()
                .map_err(|error| Failure::usage(format!("--database-url: {}", Failure::from(error))))?,
        };
        match (database, &self.database_read_url) {
            (database, None) => Ok(database),
            (Database::Postgres { url, .. }, Some(read_url)) => {
                Ok(Database::Postgres { url, read_url: Some(read_url.clone()) })
            }
            (Database::Sqlite { .. }, Some(_)) => {
                Err(Failure::usage("--database-read-url needs a PostgreSQL --database-url"))
            }
        }
    }

    /// Opens the store, making the directory of an embedded database if it is missing.
    pub fn open(&self) -> Result<Opened, Failure> {
        let database = self.database()?;
        let mark = match &database {
            Database::Sqlite { path } => {
                secret::make_directory(directory_of(path))?;
                occupancy::share(directory_of(path))?
            }
            Database::Postgres { .. } => None,
        };
        Ok(Opened::new(database, mark)?)
    }

    /// Marks an embedded database as served by this process for as long as the answer lives.
    pub fn occupy(&self) -> Result<Option<File>, Failure> {
        let Database::Sqlite { path } = self.database()? else { return Ok(None) };
        secret::make_directory(directory_of(&path))?;
        occupancy::serve(&path)
    }

    /// Opens the store of a database that is there already.
    pub fn open_existing(&self) -> Result<Opened, Failure> {
        if let Database::Sqlite { path } = self.database()?
            && !path.exists()
        {
            return Err(Failure::runtime(format!(
                "there is no database at {}; `merak serve` makes one",
                path.display()
            )));
        }
        self.open()
    }

    /// Opens the store and brings its schema up to date.
    pub fn open_migrated(&self) -> Result<Opened, Failure> {
        let store = self.open()?;
        for name in store.migrate(MIGRATIONS)? {
            tracing::info!(migration = name, "schema migrated");
        }
        Ok(store)
    }

    /// The address under which the server is reached, without a slash at its end.
    pub fn address(&self) -> String {
        let listen = self.listen.unwrap_or(Config::default().listen);
        let url = self.public_url.clone().unwrap_or_else(|| format!("http://{listen}"));
        url.trim_end_matches('/').to_owned()
    }

    /// When payments are tried again, and what becomes of what is not paid.
    fn billing(&self) -> Result<Billing, Failure> {
        let usual = Billing::default();
        if !self.retry_days.is_sorted_by(|earlier, later| earlier < later) {
            return Err(Failure::usage("--retry-days: each is later than the one before"));
        }
        Ok(Billing {
            retry_days: if self.retry_days.is_empty() { usual.retry_days } else { self.retry_days.clone() },
            grace_days: self.grace_days.unwrap_or(usual.grace_days),
            given_up: match self.unpaid_subscriptions {
                None | Some(UnpaidKind::Canceled) => GivenUp::Canceled,
                Some(UnpaidKind::Unpaid) => GivenUp::Unpaid,
            },
            catch_up: if self.bill_missed_periods { CatchUp::EveryPeriod } else { CatchUp::CurrentPeriod },
        })
    }

    /// The settings of the HTTP side.
    pub fn server(&self) -> Result<Config, Failure> {
        let usual = Config::default();
        Ok(Config {
            listen: self.listen.unwrap_or(usual.listen),
            metrics_listen: self.metrics_listen,
            public_url: self.public_url.clone(),
            checkout_link_url: self.checkout_link_url.clone(),
            front_end_origins: self.front_end_origin.clone(),
            trust_proxy: self.trust_proxy,
            accept_internal_email: self.accept_internal_email,
            scanning_keys_url: self.scanning_keys_url.clone(),
            rate_limit_per_address: self.rate_limit_per_address.unwrap_or(usual.rate_limit_per_address),
            rate_limit_per_key: self.rate_limit_per_key.unwrap_or(usual.rate_limit_per_key),
            storage: self.storage()?,
            mail: mail::mail(self)?,
            mail_from: mail::sender(self)?.unwrap_or(usual.mail_from),
            taxes: taxes::settings(self)?,
            billing: self.billing()?,
            ..usual
        })
    }
}

/// The directory of a file.
pub fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|directory| !directory.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn address(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "write an IP address and a port, as in 127.0.0.1:8000")
}

#[cfg(test)]
mod tests {
    use clap::{Args, Command, FromArgMatches};

    use super::{CatchUp, GivenUp, Options};

    #[test]
    fn what_is_settled_of_billing_is_told() {
        let billing = |arguments: &[&str]| {
            let matches =
                Options::augment_args(Command::new("merak")).try_get_matches_from(arguments).unwrap();
            Options::from_arg_matches(&matches).unwrap().billing().unwrap()
        };
        assert_eq!(billing(&["merak"]).grace_days, 0);
        let settled = billing(&["merak", "--retry-days", "2,4", "--grace-days", "4"]);
        assert_eq!((settled.grace_days, settled.retry_days), (4, vec![2, 4]));
        let file: Options = toml::from_str("grace_days = 3").unwrap();
        assert_eq!(file.billing().unwrap().grace_days, 3);
        assert_eq!((settled.given_up, settled.catch_up), (GivenUp::Canceled, CatchUp::CurrentPeriod));
        let kept = billing(&["merak", "--unpaid-subscriptions", "unpaid", "--bill-missed-periods"]);
        assert_eq!((kept.given_up, kept.catch_up), (GivenUp::Unpaid, CatchUp::EveryPeriod));
    }

    #[test]
    fn every_option_is_documented() {
        let manual = include_str!("../../../docs/configuration.md");
        for argument in Options::augment_args(Command::new("merak")).get_arguments() {
            let key = argument.get_id().as_str();
            let option = key.replace('_', "-");
            let variable = format!("MERAK_{}", key.to_uppercase());
            assert!(manual.contains(&format!("| `--{option}")), "--{option} is not in docs/configuration.md");
            assert!(
                manual.contains(&format!("| `{variable}` |")),
                "{variable} is not in docs/configuration.md"
            );
            assert!(
                argument.get_env().is_some_and(|name| name == variable.as_str()),
                "{variable} is not read"
            );
            assert!(
                key == "config" || manual.contains(&format!("| `{key}` |")),
                "{key} is not in the manual"
            );
        }
    }
}
