//! Bearer tokens: how they are made and what is kept of them.
//!
//! A token is its prefix, 37 random letters and digits, and a checksum of six characters by which secret
//! scanners tell a token from a look-alike. The server keeps the keyed hash only and never checks the
//! checksum: a token is genuine when its hash is known.

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use merak_store::{Cell, Column, Param, Value};
use sha2::Sha256;

use super::hex::hex;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// The cookie of a person who signed in.
    UserSession,
    /// A person's own token for programs.
    PersonalAccess,
    /// An OAuth2 access token that acts as a person.
    UserAccess,
    /// An OAuth2 access token that acts as an organization.
    OrganizationAccess,
    /// An OAuth2 refresh token that acts as a person.
    UserRefresh,
    /// An OAuth2 refresh token that acts as an organization.
    OrganizationRefresh,
    /// An OAuth2 authorization code.
    AuthorizationCode,
    /// The id of an OAuth2 client.
    Client,
    /// The secret of an OAuth2 client.
    ClientSecret,
    /// What lets an OAuth2 client change its own registration.
    ClientRegistration,
    /// A buyer's session in the portal of one organization.
    CustomerSession,
    /// A sign-in link sent by mail.
    MagicLink,
    /// A confirmation of a new e-mail address.
    EmailChange,
    /// What lets a browser see and fill one checkout.
    Checkout,
    /// What lets a browser open one checkout link.
    CheckoutLink,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 15] = [
        Self::UserSession,
        Self::PersonalAccess,
        Self::UserAccess,
        Self::OrganizationAccess,
        Self::UserRefresh,
        Self::OrganizationRefresh,
        Self::AuthorizationCode,
        Self::Client,
        Self::ClientSecret,
        Self::ClientRegistration,
        Self::CustomerSession,
        Self::MagicLink,
        Self::EmailChange,
        Self::Checkout,
        Self::CheckoutLink,
    ];

    /// What a token of this kind begins with, by the contract.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::UserSession => "polar_us_",
            Self::PersonalAccess => "polar_pat_",
            Self::UserAccess => "polar_at_u_",
            Self::OrganizationAccess => "polar_at_o_",
            Self::UserRefresh => "polar_rt_u_",
            Self::OrganizationRefresh => "polar_rt_o_",
            Self::AuthorizationCode => "polar_ac_",
            Self::Client => "polar_ci_",
            Self::ClientSecret => "polar_cs_",
            Self::ClientRegistration => "polar_crt_",
            Self::CustomerSession => "polar_cst_",
            Self::MagicLink => "polar_ml_",
            Self::EmailChange => "polar_ev_",
            Self::Checkout => "polar_c_",
            Self::CheckoutLink => "polar_cl_",
        }
    }
}

/// How many random characters a token has: 220 bits.
const RANDOM_LENGTH: usize = 37;
/// How many characters the checksum has.
const CHECKSUM_LENGTH: usize = 6;
/// The digits of base 62 in the order of their value.
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token in clear text: shown once to whom it is for and never kept, which is why it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Makes a token with randomness from `fill`, which must come from a secure generator.
    pub fn generate(kind: TokenKind, fill: impl FnMut(&mut [u8])) -> Self {
        let random = random_digits(fill);
        let mut text = String::with_capacity(kind.prefix().len() + RANDOM_LENGTH + CHECKSUM_LENGTH);
        text.push_str(kind.prefix());
        text.extend(random.iter().copied().map(char::from));
        text.extend(checksum(&random).map(char::from));
        Self(text)
    }

    /// The token itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token itself, for the one answer that shows it.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Characters that are equally likely: a byte above the last whole multiple of 62 is thrown away.
fn random_digits(mut fill: impl FnMut(&mut [u8])) -> [u8; RANDOM_LENGTH] {
    const FAIR: u8 = 62 * 4;
    let mut digits = [0; RANDOM_LENGTH];
    let mut bytes = [0; 48];
    let mut made = 0;
    while made < RANDOM_LENGTH {
        fill(&mut bytes);
        for byte in bytes.into_iter().filter(|byte| *byte < FAIR).take(RANDOM_LENGTH - made) {
            digits[made] = DIGITS[usize::from(byte % 62)];
            made += 1;
        }
    }
    digits
}

/// The CRC-32 of the random part in base 62, filled up with zeros from the left.
fn checksum(random: &[u8]) -> [u8; CHECKSUM_LENGTH] {
    let mut rest = crc32fast::hash(random);
    let mut text = [b'0'; CHECKSUM_LENGTH];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    text
}

/// What is kept of a token: its HMAC-SHA-256 under the instance secret, as lower-case hex.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TokenHash(String);

impl TokenHash {
    /// The hash as hex.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Param for TokenHash {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(&self.0))
    }
}

impl Column for TokenHash {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Ok(Self(cell.text()?.to_owned()))
    }
}

/// The secret of this installation, from which every keyed hash and key is made.
///
/// Changing it signs everybody out and makes every token unknown.
#[derive(Clone)]
pub struct InstanceSecret(String);

impl InstanceSecret {
    /// The secret with this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The hash under which `token`, prefix included, is kept and looked up.
    pub fn hash(&self, token: &str) -> TokenHash {
        TokenHash(hex(&self.mac(token)))
    }

    /// A key for one purpose. Keys of different purposes tell nothing about each other or the secret.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        // No token begins like this, so that a derived key is never the hash of a token.
        self.mac(&format!("merak key: {purpose}"))
    }

    /// A short public name of the secret, by which a database notices that it is run under another one.
    pub fn fingerprint(&self) -> String {
        hex(&self.derive("fingerprint")[..8])
    }

    fn mac(&self, message: &str) -> [u8; 32] {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.as_bytes()).expect("HMAC takes a key of any length");
        mac.update(message.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for InstanceSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstanceSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn checksums_are_those_of_the_contract() {
        for (random, expected) in [
            ("A".repeat(37), "2qTV0e"),
            ("0".repeat(37), "3jnQlY"),
            ("IJK3qzdSIxozMDG79bJE8SWJ4jHMNnrHMbicm".to_owned(), "00s62F"),
        ] {
            assert_eq!(checksum(random.as_bytes()).map(char::from).iter().collect::<String>(), expected);
        }
    }

    #[test]
    fn the_stored_hash_is_that_of_the_contract() {
        let token = format!("polar_pat_{}2qTV0e", "A".repeat(37));
        assert_eq!(
            InstanceSecret::new("unit-test-secret").hash(&token).as_str(),
            "31c4b0819085772b972a5c100988f6eff7b94110449fa734c3a428154f45ded8"
        );
    }

    #[test]
    fn bytes_that_would_favour_some_characters_are_thrown_away() {
        let mut byte = 255u8;
        let digits = random_digits(|bytes| {
            for slot in bytes {
                *slot = byte;
                byte = byte.wrapping_add(1);
            }
        });
        // 255 is skipped, 0 is the first that counts.
        assert_eq!(&digits[..3], b"012");
    }

    #[test]
    fn every_character_is_drawn() {
        let mut state = 1u32;
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..200 {
            seen.extend(random_digits(|bytes| {
                for slot in bytes {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *slot = state.to_be_bytes()[0];
                }
            }));
        }
        assert_eq!(seen.len(), 62);
    }

    #[test]
    fn tokens_and_secrets_do_not_print() {
        let token = Token::generate(TokenKind::PersonalAccess, |bytes| bytes.fill(7));
        assert_eq!(format!("{token:?}"), "Token(…)");
        assert_eq!(format!("{:?}", InstanceSecret::new("swordfish")), "InstanceSecret(…)");
    }

    #[test]
    fn keys_of_different_purposes_differ() {
        let secret = InstanceSecret::new("one");
        assert_ne!(secret.derive("cookies"), secret.derive("mail"));
        assert_ne!(secret.derive("cookies"), InstanceSecret::new("two").derive("cookies"));
        assert_eq!(secret.fingerprint().len(), 16);
        assert_ne!(secret.fingerprint(), InstanceSecret::new("two").fingerprint());
    }

    #[test]
    fn prefixes_tell_the_kinds_apart() {
        let prefixes: std::collections::BTreeSet<_> = TokenKind::ALL.map(TokenKind::prefix).into();
        assert_eq!(prefixes.len(), TokenKind::ALL.len());
    }

    proptest! {
        #[test]
        fn a_token_is_prefix_randomness_and_checksum(seed: u64, kind in 0..TokenKind::ALL.len()) {
            let kind = TokenKind::ALL[kind];
            let mut state = seed | 1;
            let token = Token::generate(kind, |bytes| {
                for slot in bytes {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    *slot = state.to_be_bytes()[0];
                }
            });
            let suffix = token.as_str().strip_prefix(kind.prefix()).unwrap();
            prop_assert_eq!(suffix.len(), 43);
            prop_assert!(suffix.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let (random, sum) = suffix.split_at(37);
            prop_assert_eq!(checksum(random.as_bytes()), sum.as_bytes());
        }
    }
}
