//! The key that an app signs with.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::SERVICE;
use crate::rest::{Error, Result};

/// The private key of an app. It does not print.
#[derive(Clone)]
pub struct AppKey(std::sync::Arc<RsaKeyPair>);

impl std::fmt::Debug for AppKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppKey(…)")
    }
}

/// Why a text is no private key of an app.
#[derive(Debug, thiserror::Error)]
#[error("this is no RSA private key in PEM form: {0}")]
pub struct KeyError(String);

impl AppKey {
    /// Reads the key as GitHub hands it out: PEM of PKCS #1, or of PKCS #8.
    pub fn from_pem(pem: &str) -> std::result::Result<Self, KeyError> {
        let key =
            PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|error| KeyError(error.to_string()))?;
        let pair = match &key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(KeyError(String::from("it is of another kind"))),
        };
        pair.map(|pair| Self(std::sync::Arc::new(pair))).map_err(|error| KeyError(error.to_string()))
    }

    /// Signs what an app says of itself, good for some minutes.
    pub(super) fn token(&self, app_id: &str, now: u64) -> Result<String> {
        // A minute back, because clocks differ; GitHub takes ten minutes at most.
        let claims = json!({"iat": now.saturating_sub(60), "exp": now + 480, "iss": app_id});
        let head = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","typ":"JWT"}"#);
        let text = format!("{head}.{}", URL_SAFE_NO_PAD.encode(claims.to_string()));
        let mut signature = vec![0; self.0.public().modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|_| Error::Unauthorized { service: SERVICE })?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
