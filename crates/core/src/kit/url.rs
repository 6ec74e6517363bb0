//! Addresses of web pages.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize};

/// How many characters a URL may have.
const LONGEST: usize = 2083;

/// Why a text is not the URL of a web page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlProblem {
    /// It is too long.
    #[error("a URL has at most {LONGEST} characters")]
    TooLong,
    /// It is not a URL; the reason is in lower case and without an end, to stand inside a sentence.
    #[error("{0}")]
    Unreadable(String),
    /// It is a URL of something else than a web page.
    #[error("the scheme of a web page is http or https")]
    Scheme,
}

/// The normalised `http` or `https` URL of a page: the host is in lower case, the scheme's own port is left
/// out, and a bare host is followed by `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct WebUrl(String);

impl WebUrl {
    /// Reads and normalises a URL.
    pub fn parse(text: &str) -> Result<Self, UrlProblem> {
        if text.chars().nth(LONGEST).is_some() {
            return Err(UrlProblem::TooLong);
        }
        if text.is_empty() {
            return Err(UrlProblem::Unreadable("input is empty".to_owned()));
        }
        let url = url::Url::parse(text).map_err(|error| UrlProblem::Unreadable(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(UrlProblem::Scheme);
        }
        Ok(Self(url.into()))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for WebUrl {
    type Err = UrlProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for WebUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Cow::<'de, str>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Param for WebUrl {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(&self.0))
    }
}

impl Column for WebUrl {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Ok(Self(cell.text()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_normalised() {
        for (typed, kept) in [
            ("https://Example.COM", "https://example.com/"),
            ("HTTP://example.com:80/a?b=c#d", "http://example.com/a?b=c#d"),
            ("https://example.com:8443/ä", "https://example.com:8443/%C3%A4"),
        ] {
            assert_eq!(WebUrl::parse(typed).unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_is_no_web_page_is_refused() {
        for scheme in ["ftp://example.com", "javascript:alert(1)", "mailto:nora@example.com", "data:,x"] {
            assert_eq!(WebUrl::parse(scheme), Err(UrlProblem::Scheme), "{scheme}");
        }
        for unreadable in ["", "example.com", "https://", "/path", "http://exa mple.com"] {
            assert!(matches!(WebUrl::parse(unreadable), Err(UrlProblem::Unreadable(_))), "{unreadable}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2083));
        assert_eq!(WebUrl::parse(&long), Err(UrlProblem::TooLong));
    }
}
