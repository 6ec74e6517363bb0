//! Style sheets, scripts and pictures, embedded in the binary and served under names that change with their content.

use sha2::{Digest, Sha256};

/// One embedded file. Its path carries a fingerprint of its bytes, so a browser may keep it for ever.
pub struct Asset {
    /// Path on this server, for example `/assets/docs-0123456789abcdef.css`.
    pub path: String,
    /// Value of the `Content-Type` header.
    pub content_type: &'static str,
    /// The file itself.
    pub body: &'static [u8],
}

impl Asset {
    /// Names an embedded file after its content.
    pub fn new(name: &str, extension: &str, content_type: &'static str, body: &'static [u8]) -> Asset {
        Asset { path: format!("/assets/{name}-{}.{extension}", fingerprint(body)), content_type, body }
    }
}

/// Sixteen hexadecimal digits that stand for these bytes; used in asset names and entity tags.
pub fn fingerprint(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{number:016x}")
}
