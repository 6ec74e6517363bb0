//! The one outgoing HTTP client.

mod public;

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};

pub use self::public::{AddressError, public_client};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a service may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(30);

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be made: {0}")]
pub struct ClientError(String);

/// Makes a client that ends every request after `patience`, unless the request says otherwise. It follows no redirects:
/// a service that answers by one is not where it was said to be.
pub fn client(patience: Duration) -> Result<reqwest::Client, ClientError> {
    client_with(patience, reqwest::redirect::Policy::none())
}

/// The same for somebody who knows which redirects may be followed.
pub fn client_with(
    patience: Duration,
    redirects: reqwest::redirect::Policy,
) -> Result<reqwest::Client, ClientError> {
    builder(patience)?.redirect(redirects).build().map_err(|error| ClientError(error.to_string()))
}

/// What all clients have in common.
fn builder(patience: Duration) -> Result<reqwest::ClientBuilder, ClientError> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .user_agent(concat!("merak/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT)
        .read_timeout(SILENCE)
        .timeout(patience))
}

/// TLS with the certificates that the system trusts.
fn tls() -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore::empty();
    // A certificate that cannot be read is one that is not trusted; the others are.
    for certificate in rustls_native_certs::load_native_certs().certs {
        drop(roots.add(certificate));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ClientError(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// What went wrong with a request, without its address, which may carry a signature.
pub(crate) fn cause(error: reqwest::Error) -> String {
    use std::error::Error as _;
    let error = error.without_url();
    let mut sentence = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        sentence = format!("{sentence}: {inner}");
        source = inner.source();
    }
    sentence
}
