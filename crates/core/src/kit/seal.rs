//! Texts that only this installation can open, and notes that only it can have written.

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{ChaCha20Poly1305, Key, Nonce};
use merak_store::{Timestamp, Tx};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::hex::{hex, unhex};
use super::{InstanceSecret, Result};

/// Encrypts a text for the store. `key` is of one purpose; random nonces don't meet before some billions of texts.
pub(crate) fn seal(tx: &mut Tx<'_>, key: &[u8; 32], text: &[u8]) -> String {
    let mut nonce = [0; 12];
    tx.fill(&mut nonce);
    let sealed = cipher(key).encrypt(&Nonce::from(nonce), text).expect("memory encrypts without fail");
    hex(&[&nonce[..], &sealed].concat())
}

/// Decrypts what [`seal`] made with the same key; `None` for anything else.
pub(crate) fn open(key: &[u8; 32], sealed: &str) -> Option<Vec<u8>> {
    let bytes = unhex(sealed)?;
    let (nonce, sealed) = bytes.split_first_chunk::<12>()?;
    cipher(key).decrypt(&Nonce::from(*nonce), sealed).ok()
}

fn cipher(key: &[u8; 32]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*key))
}

/// What a note is for. A note of one purpose is nothing for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Names a Discord server to the seller whose bot is on it.
    GuildToken,
    /// Comes back with a seller who added the bot to a Discord server.
    DiscordBot,
    /// Comes back with a seller who connected a GitHub account.
    GithubSeller,
    /// Comes back with a seller who installed the GitHub app.
    GithubInstallation,
    /// Comes back with a customer who connected an account.
    CustomerAccount,
    /// Lets its bearer read the invoice of an order.
    Invoice,
}

impl Purpose {
    const fn name(self) -> &'static str {
        match self {
            Self::GuildToken => "guild token",
            Self::DiscordBot => "discord bot",
            Self::GithubSeller => "github seller",
            Self::GithubInstallation => "github installation",
            Self::CustomerAccount => "customer account",
            Self::Invoice => "invoice",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Note<T> {
    #[serde(rename = "e")]
    expires_at: i64,
    #[serde(rename = "c")]
    content: T,
}

/// Writes a note that can be read until an instant. It can be seen by whoever carries it, and written by nobody else.
pub fn sign<T: Serialize>(
    secret: &InstanceSecret,
    purpose: Purpose,
    expires_at: Timestamp,
    content: &T,
) -> Result<String> {
    let note = merak_store::Json::new(&Note { expires_at: expires_at.as_micros(), content })?;
    let text = hex(note.as_str().as_bytes());
    Ok(format!("{text}.{}", signature(secret, purpose, &text)))
}

/// Reads a note of this purpose; `None` if this installation did not write it or its time is over.
pub fn read_note<T: DeserializeOwned>(
    secret: &InstanceSecret,
    purpose: Purpose,
    now: Timestamp,
    note: &str,
) -> Option<T> {
    let (text, claimed) = note.split_once('.')?;
    // Both sides are hashed once more, so that how long the comparison takes says nothing about them.
    if secret.hash(claimed) != secret.hash(&signature(secret, purpose, text)) {
        return None;
    }
    let note: Note<T> = serde_json::from_slice(&unhex(text)?).ok()?;
    (note.expires_at > now.as_micros()).then_some(note.content)
}

fn signature(secret: &InstanceSecret, purpose: Purpose, text: &str) -> String {
    hex(&secret.derive(&format!("note\0{}\0{text}", purpose.name())))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_seconds(1_736_244_000);

    fn note(secret: &InstanceSecret) -> String {
        sign(secret, Purpose::GuildToken, NOON.add_seconds(900), &"1234").unwrap()
    }

    fn read(secret: &str, purpose: Purpose, now: Timestamp, note: &str) -> Option<String> {
        read_note(&InstanceSecret::new(secret), purpose, now, note)
    }

    #[test]
    fn a_note_is_read_until_its_time_is_over() {
        let note = note(&InstanceSecret::new("one"));
        assert_eq!(read("one", Purpose::GuildToken, NOON, &note).as_deref(), Some("1234"));
        assert!(read("one", Purpose::GuildToken, NOON.add_seconds(899), &note).is_some());
        assert!(read("one", Purpose::GuildToken, NOON.add_seconds(900), &note).is_none());
    }

    #[test]
    fn a_note_of_another_purpose_secret_or_text_is_none() {
        let note = note(&InstanceSecret::new("one"));
        assert!(read("one", Purpose::DiscordBot, NOON, &note).is_none());
        assert!(read("two", Purpose::GuildToken, NOON, &note).is_none());
        let other = hex(format!("{{\"e\":{},\"c\":\"9999\"}}", NOON.add_seconds(900).as_micros()).as_bytes());
        let forged = format!("{other}.{}", note.split_once('.').unwrap().1);
        assert!(read("one", Purpose::GuildToken, NOON, &forged).is_none());
        for text in ["", ".", "x", "zz.zz", "00.00", &note[..note.len() - 1]] {
            assert!(read("one", Purpose::GuildToken, NOON, text).is_none(), "{text}");
        }
    }

    #[test]
    fn only_the_key_opens() {
        let sealed = {
            let nonce = [7; 12];
            let text = cipher(&[1; 32]).encrypt(&Nonce::from(nonce), &b"swordfish"[..]).unwrap();
            hex(&[&nonce[..], &text].concat())
        };
        assert_eq!(open(&[1; 32], &sealed).as_deref(), Some(&b"swordfish"[..]));
        assert_eq!(open(&[2; 32], &sealed), None);
        assert_eq!(open(&[1; 32], &sealed[..sealed.len() - 2]), None);
        assert_eq!(open(&[1; 32], "no hex"), None);
    }
}
