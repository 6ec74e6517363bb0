//! Names of organizations in addresses.

use std::borrow::Cow;

use crate::wire::validation::problem::Fault;

/// Names that would collide with pages: those of the reference, then the first path segments
/// that Merak itself serves.
const RESERVED: [&str; 34] = [
    "benefits",
    "donations",
    "issue-funding",
    "newsletters",
    "products",
    "careers",
    "legal",
    "docs",
    "login",
    "signup",
    "oauth2",
    "checkout",
    "embed",
    "maintainer",
    "dashboard",
    "feed",
    "for-you",
    "posts",
    "purchases",
    "funding",
    "rewards",
    "settings",
    "backoffice",
    "finance",
    ".well-known",
    "api",
    "v1",
    "healthz",
    "readyz",
    "openapi.json",
    "assets",
    "portal",
    "metrics",
    "mail",
];

/// Checks a slug and gives it in lower case.
pub(super) fn coerce(text: &str) -> Result<Cow<'_, str>, Fault> {
    let slug = if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    };
    if RESERVED.contains(&&*slug) {
        return Err(Fault::custom("This slug is reserved."));
    }
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if !slug.split('-').all(is_word) {
        return Err(Fault::custom("The slug can only contain ASCII letters, numbers and hyphens."));
    }
    Ok(slug)
}

#[cfg(test)]
mod tests {
    use super::coerce;

    #[test]
    fn slugs_are_words_joined_by_single_hyphens() {
        for (text, expected) in [("acme", "acme"), ("Acme-Software", "acme-software"), ("123", "123")] {
            assert_eq!(coerce(text).unwrap(), expected);
        }
        for text in ["", "-acme", "acme-", "a--b", "a_b", "a.b", "a b", "café", "İstanbul"] {
            assert_eq!(coerce(text).unwrap_err().kind, "value_error", "{text}");
        }
    }

    #[test]
    fn reserved_names_are_refused_in_any_case() {
        for text in ["docs", "Docs", "API", "healthz"] {
            assert!(coerce(text).unwrap_err().msg.contains("reserved"), "{text}");
        }
    }
}
