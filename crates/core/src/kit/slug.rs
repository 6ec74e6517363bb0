//! Slugs: the names of organizations in URLs.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize};

/// How many characters a slug has at least.
pub const SHORTEST: usize = 3;

/// How many characters a slug has at most, so that it fits into an index.
pub const LONGEST: usize = 512;

/// First path segments that pages of ours or of the contract's own front end use, in byte order.
const RESERVED: [&str; 39] = [
    ".well-known",
    "api",
    "assets",
    "backoffice",
    "benefits",
    "careers",
    "checkout",
    "dashboard",
    "docs",
    "donations",
    "embed",
    "feed",
    "finance",
    "for-you",
    "funding",
    "healthz",
    "invoices",
    "issue-funding",
    "legal",
    "login",
    "logout",
    "mail",
    "maintainer",
    "metrics",
    "newsletters",
    "not-connected",
    "oauth2",
    "openapi",
    "portal",
    "posts",
    "products",
    "purchases",
    "readyz",
    "rewards",
    "sandbox",
    "settings",
    "signup",
    "static",
    "v1",
];

/// Why a text cannot be a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlugProblem {
    /// It has fewer than [`SHORTEST`] characters.
    #[error("String should have at least {SHORTEST} characters")]
    TooShort,
    /// It has more than [`LONGEST`] characters.
    #[error("String should have at most {LONGEST} characters")]
    TooLong,
    /// It has other characters than letters, digits and single hyphens between them.
    #[error("The slug can only contain ASCII letters, numbers and hyphens.")]
    Characters,
    /// It is the name of a page.
    #[error("This slug is reserved.")]
    Reserved,
}

/// The name of an organization in URLs: groups of `a-z0-9` with single hyphens between.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// Reads a slug; capitals become small letters.
    pub fn parse(text: &str) -> Result<Self, SlugProblem> {
        if text.chars().count() < SHORTEST {
            return Err(SlugProblem::TooShort);
        }
        if text.chars().nth(LONGEST).is_some() {
            return Err(SlugProblem::TooLong);
        }
        let slug = text.to_lowercase();
        let is_group = |group: &str| {
            !group.is_empty() && group.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        // `.well-known` is in the list of names but can only ever fail here.
        if !slug.split('-').all(is_group) {
            return Err(SlugProblem::Characters);
        }
        if RESERVED.binary_search(&slug.as_str()).is_ok() {
            return Err(SlugProblem::Reserved);
        }
        Ok(Self(slug))
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for Slug {
    type Err = SlugProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Slug {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Param for Slug {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(&self.0))
    }
}

impl Column for Slug {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Ok(Self(cell.text()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_slug_is_groups_of_letters_and_digits() {
        for (typed, kept) in [("Acme", "acme"), ("acme-tools-2", "acme-tools-2"), ("123", "123")] {
            assert_eq!(Slug::parse(typed).unwrap().as_str(), kept);
        }
        for wrong in ["a_b_c", "a.b.c", "a b c", "-abc", "abc-", "a--b", "café", "---", "ÄBC"] {
            assert_eq!(Slug::parse(wrong), Err(SlugProblem::Characters), "{wrong}");
        }
        assert_eq!(Slug::parse("ab"), Err(SlugProblem::TooShort));
        assert_eq!(Slug::parse(""), Err(SlugProblem::TooShort));
        assert!(Slug::parse(&"a".repeat(LONGEST)).is_ok());
        assert_eq!(Slug::parse(&"a".repeat(LONGEST + 1)), Err(SlugProblem::TooLong));
    }

    #[test]
    fn names_of_pages_are_reserved_in_any_case() {
        assert!(RESERVED.is_sorted());
        for name in ["dashboard", "OAuth2", "for-you", "healthz", "Portal", "api"] {
            assert_eq!(Slug::parse(name), Err(SlugProblem::Reserved), "{name}");
        }
        assert!(Slug::parse("dashboards").is_ok());
    }

    proptest! {
        #[test]
        fn a_slug_stays_as_it_is(text in "[A-Za-z0-9-]{3,12}") {
            if let Ok(slug) = Slug::parse(&text) {
                prop_assert_eq!(slug.as_str(), text.to_ascii_lowercase());
                prop_assert_eq!(Slug::parse(slug.as_str()).unwrap(), slug);
            }
        }
    }
}
