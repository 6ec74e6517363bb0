//! Addresses of web pages.

use serde_json::json;
use url::Url;

use crate::wire::validation::problem::Fault;

/// The longest address that is accepted, in bytes.
const MAX_LENGTH: usize = 2083;

/// Reads an `http` or `https` address and gives its normal form.
pub(super) fn coerce(text: &str) -> Result<String, Fault> {
    check_length(text)?;
    if text.is_empty() {
        return Err(Fault::unreadable("url_parsing", "URL", "input is empty"));
    }
    let url =
        Url::parse(text).map_err(|error| Fault::unreadable("url_parsing", "URL", &error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::with(
            "url_scheme",
            "URL scheme should be 'http' or 'https'".to_owned(),
            json!({"expected_schemes": "'http' or 'https'"}),
        ));
    }
    // Percent-encoding may have made it longer, and what we answer must be accepted when it is
    // sent back.
    check_length(url.as_str())?;
    Ok(url.into())
}

fn check_length(text: &str) -> Result<(), Fault> {
    if text.len() <= MAX_LENGTH {
        return Ok(());
    }
    Err(Fault::with(
        "url_too_long",
        format!("URL should have at most {MAX_LENGTH} characters"),
        json!({"max_length": MAX_LENGTH}),
    ))
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
