//! Mail addresses: a check of their form. Nothing is looked up.

use idna::{domain_to_ascii_strict, domain_to_unicode};
use serde_json::json;

use crate::wire::validation::problem::Fault;

/// Longest input, longest part before the @-sign and longest address, in characters.
const MAX_INPUT: usize = 2048;
const MAX_LOCAL: usize = 64;
const MAX_ADDRESS: usize = 254;

/// Top-level domains that no mail reaches over the open Internet.
const SPECIAL_USE: [&str; 6] = ["arpa", "invalid", "local", "localhost", "onion", "test"];

/// Reads a mail address and gives it without display name, its domain in lower case Unicode.
/// The part before the @-sign keeps its case, because only the receiving server knows whether the
/// case matters.
pub(super) fn coerce(text: &str, special_use: bool) -> Result<String, Fault> {
    normalise(text, special_use).map_err(|reason| {
        Fault::with(
            "value_error",
            format!("value is not a valid email address: {reason}"),
            json!({"reason": reason}),
        )
    })
}

fn normalise(text: &str, special_use: bool) -> Result<String, &'static str> {
    if text.chars().count() > MAX_INPUT {
        return Err("Length must not exceed 2048 characters");
    }
    let (local, domain) =
        bare_address(text).split_once('@').ok_or("An email address must have an @-sign.")?;
    check_local(local)?;
    let domain = read_domain(domain, special_use)?;
    let address = format!("{local}@{domain}");
    if address.chars().count() > MAX_ADDRESS {
        return Err("The email address is too long.");
    }
    Ok(address)
}

/// Drops spaces and a display name: `Jo Doe <jo@example.com>`.
fn bare_address(text: &str) -> &str {
    let trimmed = text.trim();
    let Some((name, address)) = trimmed.strip_suffix('>').and_then(|rest| rest.split_once('<')) else {
        return trimmed;
    };
    let name = name.trim();
    let is_quoted = name.len() > 1 && name.starts_with('"') && name.ends_with('"');
    let is_plain = name.chars().all(|char| char.is_alphanumeric() || matches!(char, ' ' | '_'));
    if is_quoted || is_plain { address.trim() } else { trimmed }
}

fn check_local(local: &str) -> Result<(), &'static str> {
    if local.is_empty() {
        return Err("There must be something before the @-sign.");
    }
    if local.starts_with('"') {
        return Err("Quoting the part before the @-sign is not allowed here.");
    }
    if local.chars().count() > MAX_LOCAL {
        return Err("The email address is too long before the @-sign.");
    }
    if local.starts_with('.') {
        return Err("An email address cannot start with a period.");
    }
    if local.ends_with('.') {
        return Err("An email address cannot have a period immediately before the @-sign.");
    }
    if local.contains("..") {
        return Err("An email address cannot have two periods in a row.");
    }
    if !local.chars().all(|char| char == '.' || is_local_char(char)) {
        return Err("The email address contains invalid characters before the @-sign.");
    }
    Ok(())
}

fn is_local_char(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(char);
    }
    // Invisible, direction-changing and privately defined characters would make two addresses
    // look alike that are not.
    !matches!(char,
        '\u{80}'..='\u{a0}' | '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
        | '\u{e0000}'..='\u{e007f}' | '\u{f0000}'..='\u{10ffff}')
        && !char.is_whitespace()
}

fn read_domain(domain: &str, special_use: bool) -> Result<String, &'static str> {
    const INVALID: &str = "The part after the @-sign contains invalid characters.";

    if domain.is_empty() {
        return Err("There must be something after the @-sign.");
    }
    if domain.starts_with('[') {
        return Err("A bracketed IP address after the @-sign is not allowed here.");
    }
    if domain.starts_with('.') || domain.ends_with('.') || domain.contains("..") {
        return Err("The part after the @-sign has a period in a wrong place.");
    }
    let ascii = domain_to_ascii_strict(domain).map_err(|_| INVALID)?;
    let (_, top_level) =
        ascii.rsplit_once('.').ok_or("The part after the @-sign is not valid. It should have a period.")?;
    if !top_level.ends_with(|char: char| char.is_ascii_alphabetic()) {
        return Err("The part after the @-sign is not within a valid top-level domain.");
    }
    if !special_use && SPECIAL_USE.contains(&top_level) {
        return Err(
            "The part after the @-sign is a special-use or reserved name that cannot be used with email.",
        );
    }
    let (unicode, outcome) = domain_to_unicode(&ascii);
    outcome.map_err(|_| INVALID)?;
    Ok(unicode)
}

#[cfg(test)]
mod tests {
    use super::coerce;

    #[test]
    fn addresses_are_normalised() {
        for (text, expected) in [
            ("jo@example.com", "jo@example.com"),
            ("Jo@EXAMPLE.Com", "Jo@example.com"),
            ("  jo@example.com ", "jo@example.com"),
            ("Jo Doe <jo@example.com>", "jo@example.com"),
            ("\"Doe, Jo\" <jo@example.com>", "jo@example.com"),
            ("jo+tag@example.com", "jo+tag@example.com"),
            ("jö@example.com", "jö@example.com"),
            ("jo@BÜCHER.example", "jo@bücher.example"),
            ("jo@xn--bcher-kva.example", "jo@bücher.example"),
        ] {
            assert_eq!(coerce(text, false).unwrap(), expected);
        }
    }

    #[test]
    fn malformed_addresses_are_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}com", "a.".repeat(1100));
        for text in [
            "",
            "jo",
            "@example.com",
            "jo@",
            "jo@example",
            "jo@.com",
            "jo@example.com.",
            "jo@exa mple.com",
            "jo@exa_mple.com",
            "jo@-example.com",
            "jo doe@example.com",
            "\"jo\"@example.com",
            "jo@[127.0.0.1]",
            "jo@127.0.0.1",
            ".jo@example.com",
            "jo.@example.com",
            "j..o@example.com",
            "jo@jo@example.com",
            "jo\u{202e}@example.com",
            "jo\n@example.com",
            &long_local,
            &long,
        ] {
            let fault = coerce(text, true).unwrap_err();
            assert_eq!(fault.kind, "value_error");
            assert!(fault.msg.starts_with("value is not a valid email address: "));
            assert!(fault.ctx.unwrap()["reason"].is_string());
        }
    }

    #[test]
    fn special_use_domains_depend_on_the_setting() {
        for text in ["jo@shop.test", "jo@printer.local", "jo@a.LOCALHOST"] {
            assert!(coerce(text, false).is_err(), "{text}");
            assert!(coerce(text, true).is_ok(), "{text}");
        }
    }
}
