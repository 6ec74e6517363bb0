//! Checksums.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::hex::hex;

/// A SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sha256Digest(pub [u8; 32]);

impl Sha256Digest {
    /// Reads standard base64 with padding; nothing if it is not the base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Standard base64 with padding.
    pub fn base64(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// Lower-case hexadecimal.
    pub fn hex(&self) -> String {
        hex(&self.0)
    }
}

/// The checksum that storages give an object of parts: the SHA-256 of the parts' digests, one after the other.
pub fn composite_sha256(parts: impl IntoIterator<Item = Sha256Digest>) -> Sha256Digest {
    let mut whole = Sha256::new();
    for part in parts {
        whole.update(part.0);
    }
    Sha256Digest(whole.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_composite_checksum_is_that_of_the_parts_digests() {
        let part = Sha256Digest::from_base64("uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=").unwrap();
        assert_eq!(part.hex(), "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
        assert_eq!(composite_sha256([part]).base64(), "vGLUuA2eNtopwWxdTZ8Rcx82BSxyQBp2wjwPtam3RCM=");
    }

    #[test]
    fn only_the_base64_of_thirty_two_bytes_is_a_checksum() {
        for text in ["", "uU0n", "uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek", "not base64 at all!"] {
            assert_eq!(Sha256Digest::from_base64(text), None, "{text}");
        }
    }
}
