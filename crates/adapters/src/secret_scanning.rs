//! Who finds tokens in public places signs what it reports; here are the keys by which its signatures are known.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use tokio::sync::Semaphore;

use crate::http::{self, ClientError, cause};
use crate::{Error, Result};

/// Where GitHub publishes its keys.
pub const GITHUB_KEYS: &str = "https://api.github.com/meta/public_keys/secret_scanning";

const SERVICE: &str = "the list of secret scanning keys";

/// How long fetching the list may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// For how long a list is believed.
const FRESH: Duration = Duration::from_hours(1);

/// How soon a list is fetched again for a key that was not in it, or after it could not be fetched.
const PAUSE: Duration = Duration::from_mins(1);

/// How many callers may wait for a list. Reports come from one sender, so these are plenty; but anybody can send one,
/// and each that waits is kept in memory.
const WAITERS: usize = 8;

/// After how many seconds who may not wait comes back.
const FULL: u64 = 1;

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
    known: Mutex<Known>,
    /// Whoever fetches the list has this to itself.
    fetching: tokio::sync::Mutex<()>,
    waiting: Semaphore,
}

/// What is known of the list. Held only to look and to write, never while something is fetched.
#[derive(Debug, Default)]
struct Known {
    kept: Option<Kept>,
    /// When the last try to fetch it ended, if that failed.
    failed: Option<Instant>,
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
        Ok(Self {
            client: http::client(PATIENCE)?,
            url,
            known: Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
            waiting: Semaphore::new(WAITERS),
        })
    }

    /// The key with this name, if it is published. While the list cannot be fetched, an old one does; without an old one
    /// that is [`Error::Paused`] for a minute, whoever asks.
    pub async fn find(&self, name: &str) -> Result<Option<PublicKey>> {
        if let Some(answer) = self.known().answer(name) {
            return answer;
        }
        let Ok(_place) = self.waiting.try_acquire() else {
            return Err(Error::Paused { service: SERVICE, seconds: FULL });
        };
        // Whoever comes meanwhile waits, so that many reports at once fetch one list.
        let _turn = self.fetching.lock().await;
        if let Some(answer) = self.known().answer(name) {
            return answer;
        }
        let fetched = self.fetch().await;
        let mut known = self.known();
        match fetched {
            Ok(keys) => {
                let key = keys.get(name).cloned();
                *known = Known { kept: Some(Kept { keys, since: Instant::now() }), failed: None };
                Ok(key)
            }
            Err(error) => {
                known.failed = Some(Instant::now());
                match known.old(name) {
                    Some(key) => {
                        tracing::warn!(%error, "an old key is believed");
                        Ok(Some(key))
                    }
                    None => Err(error),
                }
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // What is known is replaced in one step, so it is whole also after a panic.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Known {
    /// What is answered without fetching anything, if that is possible.
    fn answer(&self, name: &str) -> Option<Result<Option<PublicKey>>> {
        if let Some(kept) = &self.kept {
            let age = kept.since.elapsed();
            let key = kept.keys.get(name);
            if age < PAUSE || key.is_some() && age < FRESH {
                return Some(Ok(key.cloned()));
            }
        }
        let left = PAUSE.checked_sub(self.failed?.elapsed())?;
        Some(match self.old(name) {
            Some(key) => Ok(Some(key)),
            None => Err(Error::Paused { service: SERVICE, seconds: left.as_secs() + 1 }),
        })
    }

    fn old(&self, name: &str) -> Option<PublicKey> {
        self.kept.as_ref().and_then(|kept| kept.keys.get(name)).cloned()
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
