//! Addresses of web pages.

use merak_core::kit::{UrlProblem, WebUrl};
use serde_json::json;

use crate::wire::validation::problem::Fault;

/// The longest address that is accepted, in characters.
const MAX_LENGTH: usize = 2083;

/// Reads an `http` or `https` address and gives its normal form.
pub(super) fn coerce(text: &str) -> Result<String, Fault> {
    let url = WebUrl::parse(text).map_err(|problem| match problem {
        UrlProblem::TooLong => too_long(),
        UrlProblem::Unreadable(reason) => Fault::unreadable("url_parsing", "URL", &reason),
        UrlProblem::Scheme => Fault::with(
            "url_scheme",
            "URL scheme should be 'http' or 'https'".to_owned(),
            json!({"expected_schemes": "'http' or 'https'"}),
        ),
    })?;
    // Percent-encoding may have made it longer, and what we answer must be accepted when it is sent back.
    if url.as_str().len() > MAX_LENGTH { Err(too_long()) } else { Ok(url.as_str().to_owned()) }
}

fn too_long() -> Fault {
    Fault::with(
        "url_too_long",
        format!("URL should have at most {MAX_LENGTH} characters"),
        json!({"max_length": MAX_LENGTH}),
    )
}

#[cfg(test)]
mod tests {
    use super::coerce;

    #[test]
    fn addresses_are_normalised() {
        for (text, expected) in [
            ("https://example.com", "https://example.com/"),
            ("HTTPS://EXAMPLE.com:443/A b", "https://example.com/A%20b"),
            ("http://example.com:8080/?q=1#f", "http://example.com:8080/?q=1#f"),
        ] {
            assert_eq!(coerce(text).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_no_web_address_is_refused() {
        let long = format!("https://example.com/{}", "a".repeat(2083));
        let long_once_encoded = format!("https://example.com/{}", "é".repeat(1000));
        for (text, kind) in [
            ("", "url_parsing"),
            ("example.com", "url_parsing"),
            ("https://", "url_parsing"),
            ("ftp://example.com", "url_scheme"),
            ("javascript:alert(1)", "url_scheme"),
            (&long, "url_too_long"),
            (&long_once_encoded, "url_too_long"),
        ] {
            assert_eq!(coerce(text).unwrap_err().kind, kind, "{text}");
        }
    }
}
