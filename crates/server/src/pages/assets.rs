//! Style sheets, scripts and pictures, embedded in the binary and served under names that change with their content.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use sha2::{Digest, Sha256};

/// The name of an asset changes with its content, so it may be kept for a year.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// One embedded file. Its path carries a fingerprint of its bytes, so a browser may keep it for ever.
#[derive(Debug)]
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

    /// The file, to be kept for ever.
    pub fn answer(&self) -> Response {
        let headers = [
            (CONTENT_TYPE, self.content_type),
            (CACHE_CONTROL, FOR_EVER),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // Someone may open a picture by itself; it has no business running anything.
            (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'"),
        ];
        (headers, self.body).into_response()
    }
}

/// Sixteen hexadecimal digits that stand for these bytes; used in asset names and entity tags.
pub fn fingerprint(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let number = digest.iter().take(8).fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    format!("{number:016x}")
}
