//! Mail addresses: a check of their form. Nothing is looked up.

use merak_core::kit::{Email, EmailRules};
use serde_json::json;

use crate::wire::validation::problem::Fault;

/// Reads a mail address and gives it without display name, its domain in lower case Unicode. The part before the
/// @-sign keeps its case, because only the receiving server knows whether the case matters.
pub(super) fn coerce(text: &str, special_use: bool) -> Result<String, Fault> {
    let rules = if special_use { EmailRules::lenient() } else { EmailRules::default() };
    Email::parse(text, &rules).map(|email| email.as_str().to_owned()).map_err(|problem| {
        let reason = problem.to_string();
        Fault::with(
            "value_error",
            format!("value is not a valid email address: {reason}"),
            json!({"reason": reason}),
        )
    })
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
