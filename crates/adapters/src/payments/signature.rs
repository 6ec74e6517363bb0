//! Messages that are signed with a shared secret and a time: `t=1700000000,v1=…`, where the signature is the HMAC-SHA256
//! of the time, a point and the body. Several signatures may stand there, while a secret is being replaced.

use hmac::{Hmac, KeyInit, Mac};
use jiff::Timestamp;
use sha2::Sha256;

use super::EventError;
use crate::hex::{hex, unhex};

/// How far the time of a signature may be from now, in seconds.
const TOLERANCE: u64 = 300;

/// The longest header that is read; five signatures are far shorter.
const LONGEST_HEADER: usize = 4096;

/// The secret of a webhook. It does not print.
#[derive(Clone)]
pub(super) struct Signer(Hmac<Sha256>);

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Hmac::new_from_slice(secret).expect("a key of any length will do"))
    }

    /// The header of a body that is signed at this time.
    pub(super) fn sign(&self, body: &[u8], at: Timestamp) -> String {
        let time = at.as_second().to_string();
        let signature = self.mac(&time, body).finalize().into_bytes();
        format!("t={time},v1={}", hex(&signature))
    }

    /// Errs unless one of the header's signatures is that of the body, and its time is about now.
    pub(super) fn verify(&self, header: &[u8], body: &[u8], now: Timestamp) -> Result<(), EventError> {
        let header = std::str::from_utf8(header).map_err(|_| EventError::BadSignature)?;
        if header.len() > LONGEST_HEADER {
            return Err(EventError::BadSignature);
        }
        let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
        let times: Vec<&str> = parts().filter(|(name, _)| *name == "t").map(|(_, time)| time).collect();
        // Of two times, which one was signed could be argued about.
        let [time] = times[..] else { return Err(EventError::BadSignature) };
        let seconds: i64 = time.parse().map_err(|_| EventError::BadSignature)?;
        let is_ours = parts().filter(|(name, _)| *name == "v1").any(|(_, signature)| {
            let signature = unhex::<32>(signature);
            signature.is_some_and(|signature| self.mac(time, body).verify_slice(&signature).is_ok())
        });
        if !is_ours {
            return Err(EventError::BadSignature);
        }
        if now.as_second().abs_diff(seconds) > TOLERANCE {
            return Err(EventError::Replayed);
        }
        Ok(())
    }

    fn mac(&self, time: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        mac.update(time.as_bytes());
        mac.update(b".");
        mac.update(body);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with another program: `printf '1700000000.{}' | openssl dgst -sha256 -hmac whsec_test`.
    const SIGNATURE: &str = "35495024f4ef3f94e5a93e22221544c4b75e9a42300cd965ab81cb85cd994e91";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_signature_of_another_program_is_known() {
        let signer = Signer::new(b"whsec_test");
        let header = format!("t=1700000000,v1={SIGNATURE}");
        assert_eq!(signer.sign(b"{}", at(1_700_000_000)), header);
        assert_eq!(signer.verify(header.as_bytes(), b"{}", at(1_700_000_300)), Ok(()));
    }

    #[test]
    fn one_of_several_signatures_is_enough() {
        let signer = Signer::new(b"whsec_test");
        let old = "0".repeat(64);
        let header = format!("t=1700000000,v0=x,v1={old}, v1={SIGNATURE},v2=y");
        assert_eq!(signer.verify(header.as_bytes(), b"{}", at(1_700_000_000)), Ok(()));
    }

    #[test]
    fn what_was_not_signed_is_refused() {
        let signer = Signer::new(b"whsec_test");
        let is_refused = |header: &str, body: &[u8]| {
            signer.verify(header.as_bytes(), body, at(1_700_000_000)) == Err(EventError::BadSignature)
        };
        let good = format!("t=1700000000,v1={SIGNATURE}");
        assert!(is_refused(&good, b"{ }"));
        for header in [
            "",
            "t=1700000000",
            &format!("v1={SIGNATURE}"),
            &format!("t=1700000001,v1={SIGNATURE}"),
            &format!("t=1700000000,t=1700000000,v1={SIGNATURE}"),
            &format!("t=x,v1={SIGNATURE}"),
            &format!("t=1700000000,v0={SIGNATURE}"),
            &format!("t=1700000000,v1={}", &SIGNATURE[1..]),
            &format!("{good},{}", "x".repeat(LONGEST_HEADER)),
        ] {
            assert!(is_refused(header, b"{}"), "{header}");
        }
        assert!(!is_refused(&good, b"{}"));
        let other = Signer::new(b"whsec_other").verify(good.as_bytes(), b"{}", at(1_700_000_000));
        assert_eq!(other, Err(EventError::BadSignature));
    }

    #[test]
    fn what_was_signed_long_ago_or_will_be_is_refused() {
        let signer = Signer::new(b"whsec_test");
        let header = format!("t=1700000000,v1={SIGNATURE}");
        for (now, is_good) in
            [(1_699_999_699, false), (1_699_999_700, true), (1_700_000_300, true), (1_700_000_301, false)]
        {
            let expected = if is_good { Ok(()) } else { Err(EventError::Replayed) };
            assert_eq!(signer.verify(header.as_bytes(), b"{}", at(now)), expected, "{now}");
        }
    }
}
