//! The services outside that the options connect this installation to.

use std::fs;

use merak_adapters::payments::stripe;
use merak_adapters::rest::ClientCredentials;
use merak_adapters::{discord, github};
use merak_server::config::{local, s3};
use merak_server::{Config, Payments, Storage};

use crate::addresses::web_address;
use crate::failure::Failure;
use crate::options::{Options, ProcessorName, StorageKind};

/// Errs if a service is set by half, or at an address that is none.
pub fn check(options: &Options) -> Result<(), Failure> {
    discord(options)?;
    parts_of_github(options)?;
    payments(options)?;
    Ok(())
}

/// The settings of a server, with the services that the options connect it to.
pub fn connected(options: &Options, config: Config) -> Result<Config, Failure> {
    Ok(Config {
        discord: discord(options)?,
        github: github(options)?,
        payments: payments(options)?,
        ..config
    })
}

/// Who moves money. Keys of an account that is not used are a mistake: somebody believes that they take money.
pub fn payments(options: &Options) -> Result<Payments, Failure> {
    let url = url_of("--stripe-api-url", options.stripe_api_url.as_deref(), "https://api.stripe.com")?;
    let parts = whole([
        ("--stripe-secret-key", options.stripe_secret_key.as_deref()),
        ("--stripe-publishable-key", options.stripe_publishable_key.as_deref()),
        ("--stripe-webhook-secret", options.stripe_webhook_secret.as_deref()),
    ])?;
    match (options.payment_processor.unwrap_or(ProcessorName::Sandbox), parts) {
        (ProcessorName::Sandbox, None) => Ok(Payments::Sandbox),
        (ProcessorName::Sandbox, Some(_)) => {
            Err(Failure::usage("--stripe-secret-key needs --payment-processor stripe"))
        }
        (ProcessorName::Stripe, None) => {
            Err(Failure::usage("--payment-processor stripe needs --stripe-secret-key"))
        }
        (ProcessorName::Stripe, Some([secret_key, publishable_key, webhook_secret])) => {
            Ok(Payments::Stripe(stripe::Options { url, secret_key, publishable_key, webhook_secret }))
        }
    }
}

/// Discord, if it is set.
pub fn discord(options: &Options) -> Result<Option<discord::Options>, Failure> {
    let url = url_of("--discord-url", options.discord_url.as_deref(), "https://discord.com")?;
    let parts = whole([
        ("--discord-client-id", options.discord_client_id.as_deref()),
        ("--discord-client-secret", options.discord_client_secret.as_deref()),
        ("--discord-bot-token", options.discord_bot_token.as_deref()),
    ])?;
    Ok(parts.map(|[id, secret, bot_token]| discord::Options {
        url,
        client: ClientCredentials { id, secret },
        bot_token,
    }))
}

/// GitHub, if it is set. The file of the key is read.
pub fn github(options: &Options) -> Result<Option<github::Options>, Failure> {
    let Some(Parts { url, api_url, app: [id, path, app_client, app_secret], customer_client }) =
        parts_of_github(options)?
    else {
        return Ok(None);
    };
    let pem = fs::read_to_string(&path)
        .map_err(|error| Failure::runtime(format!("cannot read {path}: {error}")))?;
    let key = github::AppKey::from_pem(&pem).map_err(|error| Failure::runtime(format!("{path}: {error}")))?;
    let client = ClientCredentials { id: app_client, secret: app_secret };
    Ok(Some(github::Options {
        url,
        api_url,
        customer_client: customer_client.unwrap_or_else(|| client.clone()),
        app: github::App { id, key, client },
    }))
}

struct Parts {
    url: url::Url,
    api_url: url::Url,
    /// Its id, the file of its key, the id and the secret of its client.
    app: [String; 4],
    customer_client: Option<ClientCredentials>,
}

fn parts_of_github(options: &Options) -> Result<Option<Parts>, Failure> {
    let url = url_of("--github-url", options.github_url.as_deref(), "https://github.com")?;
    let api_url = url_of("--github-api-url", options.github_api_url.as_deref(), "https://api.github.com")?;
    let key_file = options.github_app_private_key_file.as_ref().map(|path| path.to_string_lossy());
    let app = whole([
        ("--github-app-id", options.github_app_id.as_deref()),
        ("--github-app-private-key-file", key_file.as_deref()),
        ("--github-app-client-id", options.github_app_client_id.as_deref()),
        ("--github-app-client-secret", options.github_app_client_secret.as_deref()),
    ])?;
    let customer_client = whole([
        ("--github-client-id", options.github_client_id.as_deref()),
        ("--github-client-secret", options.github_client_secret.as_deref()),
    ])?
    .map(|[id, secret]| ClientCredentials { id, secret });
    if app.is_none() && customer_client.is_some() {
        return Err(Failure::usage(
            "--github-client-id needs --github-app-id: the app gives access to repositories",
        ));
    }
    Ok(app.map(|app| Parts { url, api_url, app, customer_client }))
}

/// All of some options, or none of them.
fn whole<const N: usize>(parts: [(&str, Option<&str>); N]) -> Result<Option<[String; N]>, Failure> {
    let given = parts.iter().find(|(_, value)| value.is_some());
    let missing = parts.iter().find(|(_, value)| value.is_none_or(str::is_empty));
    match (given, missing) {
        (None, _) => Ok(None),
        (Some((given, _)), Some((missing, _))) => Err(Failure::usage(format!("{given} needs {missing}"))),
        (Some(_), None) => Ok(Some(parts.map(|(_, value)| value.unwrap_or_default().to_owned()))),
    }
}

fn url_of(option: &str, given: Option<&str>, usual: &str) -> Result<url::Url, Failure> {
    let text = given.unwrap_or(usual);
    web_address(option, text)?;
    text.parse().map_err(|error| Failure::usage(format!("{option}: {text}: {error}")))
}

impl Options {
    /// Where files are kept.
    pub fn storage(&self) -> Result<Storage, Failure> {
        let in_bucket = [
            (self.storage_bucket.is_some(), "--storage-bucket"),
            (self.storage_public_bucket.is_some(), "--storage-public-bucket"),
            (self.storage_access_key_id.is_some(), "--storage-access-key-id"),
            (self.storage_secret_access_key.is_some(), "--storage-secret-access-key"),
        ];
        match self.storage {
            None | Some(StorageKind::Local) => match in_bucket.iter().find(|(is_given, _)| *is_given) {
                // A forgotten option would leave the files where nobody looks for them.
                Some((_, option)) => Err(Failure::usage(format!("{option} needs --storage s3"))),
                None => Ok(Storage::Local(local::Settings {
                    directory: self.storage_dir.clone().unwrap_or_else(|| self.data_dir().join("files")),
                })),
            },
            Some(StorageKind::S3) => {
                if let Some((_, option)) = in_bucket.iter().find(|(is_given, _)| !is_given) {
                    return Err(Failure::usage(format!("--storage s3 needs {option}")));
                }
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                Ok(Storage::S3(s3::Settings {
                    endpoint: self.storage_endpoint.clone(),
                    region: self.storage_region.clone().unwrap_or_else(|| String::from("us-east-1")),
                    bucket: text(&self.storage_bucket),
                    public_bucket: text(&self.storage_public_bucket),
                    public_url: self.storage_public_url.clone(),
                    access_key_id: text(&self.storage_access_key_id),
                    secret_access_key: text(&self.storage_secret_access_key),
                }))
            }
        }
    }
}
