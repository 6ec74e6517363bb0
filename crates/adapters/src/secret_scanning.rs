//! Who finds tokens in public places signs what it reports; here are the keys by which its signatures are known.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::http::{self, ClientError, cause};
use crate::{Error, Result};

/// Where GitHub publishes its keys.
pub const GITHUB_KEYS: &str = "https://api.github.com/meta/public_keys/secret_scanning";

const SERVICE: &str = "the list of secret scanning keys";

/// How long fetching the list may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// For how long a list is believed.
const FRESH: Duration = Duration::from_hours(1);

/// How soon a list is fetched again for a key that was not in it.
const PAUSE: Duration = Duration::from_mins(1);

/// What stands before the point in the public key of a P-256 key pair (RFC 5480).
const P256_HEADER: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// The published keys, fetched when they are needed and kept for an hour.
#[derive(Debug)]
pub struct ScanningKeys {
    client: reqwest::Client,
    url: String,
    kept: Mutex<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    keys: HashMap<String, PublicKey>,
    since: Instant,
}

/// A public key of the curve P-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

#[derive(Deserialize)]
struct Published {
    public_keys: Vec<PublishedKey>,
}

#[derive(Deserialize)]
struct PublishedKey {
    key_identifier: String,
    key: String,
}

impl ScanningKeys {
    /// Keys that are published at this address. Nobody is called yet.
    pub fn new(url: String) -> std::result::Result<Self, ClientError> {
        Ok(Self { client: http::client(PATIENCE)?, url, kept: Mutex::new(None) })
    }

    /// The key with this name, if it is published. While the list cannot be fetched, an old one does.
    pub async fn find(&self, name: &str) -> Result<Option<PublicKey>> {
        // Whoever comes meanwhile waits, so that many reports at once fetch one list.
        let mut kept = self.kept.lock().await;
        if let Some(kept) = &*kept {
            let age = kept.since.elapsed();
            let key = kept.keys.get(name);
            if age < PAUSE || key.is_some() && age < FRESH {
                return Ok(key.cloned());
            }
        }
        match self.fetch().await {
            Ok(keys) => {
                let key = keys.get(name).cloned();
                *kept = Some(Kept { keys, since: Instant::now() });
                Ok(key)
            }
            Err(error) => match kept.as_ref().and_then(|kept| kept.keys.get(name)) {
                Some(key) => {
                    tracing::warn!(%error, "an old key is believed");
                    Ok(Some(key.clone()))
                }
                None => Err(error),
            },
        }
    }

    async fn fetch(&self) -> Result<HashMap<String, PublicKey>> {
        let unreachable = |error| Error::Unreachable { service: SERVICE, cause: cause(error) };
        let answer = self.client.get(&self.url).send().await.map_err(unreachable)?;
        if !answer.status().is_success() {
            return Err(Error::Refused { service: SERVICE, cause: format!("status {}", answer.status()) });
        }
        let text = answer.bytes().await.map_err(unreachable)?;
        let published: Published = serde_json::from_slice(&text)
            .map_err(|error| Error::Malformed { service: SERVICE, cause: error.to_string() })?;
        let keys = published.public_keys.into_iter();
        Ok(keys.filter_map(|key| Some((key.key_identifier, PublicKey::from_pem(&key.key)?))).collect())
    }
}

impl PublicKey {
    /// Reads a key of the curve P-256 in PEM; nothing else is understood.
    pub fn from_pem(text: &str) -> Option<Self> {
        let text = text.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?;
        let text = text.strip_suffix("-----END PUBLIC KEY-----")?;
        let text: String = text.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(text).ok()?;
        let point = bytes.strip_prefix(&P256_HEADER)?;
        (point.len() == 65).then(|| Self(point.to_vec()))
    }

    /// Whether the owner of this key signed the message. The signature is DER in Base64.
    pub fn has_signed(&self, message: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else { return false };
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &self.0).verify(message, &signature).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with another program: `openssl ecparam -name prime256v1 -genkey`, `openssl dgst -sha256 -sign`.
    const KEY: &str = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7+pyF3TR0NWklMNO11armfSQBYXN\n\
                       wbF13O5prkNNnbk8PgOnUAVl/sIxOKYm+MqDGnvkGbm9PuqKbU+sWLqERg==\n-----END PUBLIC KEY-----\n";
    const MESSAGE: &str =
        r#"[{"token":"polar_pat_x","type":"polar_personal_access_token","source":"commit"}]"#;
    const SIGNATURE: &str =
        "MEUCICGlPPlTLlylDmknuBcXarZ66ovoUkoZHohh7J/6QRIoAiEA1HH/aTBkTD0U8fdA6sfYXUN6MnQRK3YjEPkyt/8uRGM=";

    #[test]
    fn a_signature_of_another_program_is_known() {
        let key = PublicKey::from_pem(KEY).unwrap();
        assert!(key.has_signed(MESSAGE.as_bytes(), SIGNATURE));
        assert!(!key.has_signed(MESSAGE.replace("commit", "issue").as_bytes(), SIGNATURE));
        for wrong in ["", "x", "AAAA", &SIGNATURE.replace("MEUC", "MEUD")] {
            assert!(!key.has_signed(MESSAGE.as_bytes(), wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_key_of_the_curve_is_none() {
        for text in [
            "",
            "-----BEGIN PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            &KEY.replace("MFkwEwYH", "MFkwEwYI"),
            &KEY.replace("PUBLIC", "PRIVATE"),
        ] {
            assert_eq!(PublicKey::from_pem(text), None, "{text}");
        }
    }
}
