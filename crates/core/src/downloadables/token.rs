//! Tokens of downloads: signed, good for a while, and the only credential. Whoever has the address has the file.
//!
//! ```text
//! base64url({"id": "…", "ends": <microseconds>}) . base64url(HMAC-SHA256 of the first part)
//! ```

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use merak_store::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::Downloadable;
use super::commands::Error;
use crate::kit::{Id, InstanceSecret};

/// For how many seconds a token is good.
pub const LIFETIME: i64 = 600;

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id<Downloadable>>,
    ends: i64,
}

/// A token that names a downloadable until it ends.
pub fn sign(secret: &InstanceSecret, id: Id<Downloadable>, ends: Timestamp) -> String {
    seal(secret, &Content { id: Some(id), ends: ends.as_micros() })
}

/// What a token names.
pub(super) fn open(secret: &InstanceSecret, text: &str, now: Timestamp) -> Result<Id<Downloadable>, Error> {
    let (content, signature) = text.split_once('.').ok_or(Error::NotFound)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| Error::NotFound)?;
    mac(secret, content).verify_slice(&signature).map_err(|_| Error::NotFound)?;
    let content = URL_SAFE_NO_PAD.decode(content).map_err(|_| Error::NotFound)?;
    let content: Content = serde_json::from_slice(&content).map_err(|_| Error::NotFound)?;
    if now.as_micros() >= content.ends {
        return Err(Error::Expired);
    }
    content.id.ok_or(Error::NamesNothing)
}

fn seal(secret: &InstanceSecret, content: &Content) -> String {
    let content = serde_json::to_vec(content).expect("an id and a number can be written");
    let content = URL_SAFE_NO_PAD.encode(content);
    let signature = URL_SAFE_NO_PAD.encode(mac(secret, &content).finalize().into_bytes());
    format!("{content}.{signature}")
}

fn mac(secret: &InstanceSecret, content: &str) -> Hmac<Sha256> {
    let key = secret.derive("downloads");
    let mut mac = Hmac::new_from_slice(&key).expect("HMAC takes a key of any length");
    mac.update(content.as_bytes());
    mac
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn now() -> Timestamp {
        Timestamp::from_seconds(1_736_244_000)
    }

    fn id() -> Id<Downloadable> {
        Id::from_uuid(Uuid::from_u128(7))
    }

    #[test]
    fn a_token_names_its_download_until_it_ends() {
        let secret = InstanceSecret::new("one");
        let ends = now().add_seconds(LIFETIME);
        let token = sign(&secret, id(), ends);
        assert_eq!(open(&secret, &token, now()).unwrap(), id());
        assert_eq!(open(&secret, &token, ends.add_micros(-1)).unwrap(), id());
        assert!(matches!(open(&secret, &token, ends), Err(Error::Expired)));
    }

    #[test]
    fn what_was_not_signed_here_names_nothing() {
        let secret = InstanceSecret::new("one");
        let token = sign(&secret, id(), now().add_seconds(1));
        let (content, signature) = token.split_once('.').unwrap();
        let later = seal(&InstanceSecret::new("two"), &Content { id: Some(id()), ends: i64::MAX });
        let mixed = format!("{}.{signature}", later.split_once('.').unwrap().0);
        for bad in
            ["", ".", "i-am-hacker", content, &later, &mixed, &format!("{token}A"), &format!("{content}.")]
        {
            assert!(matches!(open(&secret, bad, now()), Err(Error::NotFound)), "{bad}");
        }
    }

    // spec 40 §5.4: a valid signature without an id
    #[test]
    fn a_token_of_ours_without_an_id_is_a_bad_request() {
        let secret = InstanceSecret::new("one");
        let token = seal(&secret, &Content { id: None, ends: i64::MAX });
        assert!(matches!(open(&secret, &token, now()), Err(Error::NamesNothing)));
    }
}
