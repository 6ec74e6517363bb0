//! The session cookie, and which pages may act with it.
//!
//! A browser sends cookies whoever wrote the page that asks. So a request that changes something counts as its
//! person's only if the browser says that it comes from this server's own pages or from a configured front end.
//! Browsers have said so on every such request since 2020; a request that says nothing comes from a program.

use http::header::{COOKIE, HOST, ORIGIN, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use merak_core::kit::{Id, InstanceSecret, Token, TokenHash};
use merak_core::organizations::Organization;
use merak_core::{customer_sessions, user_sessions};
use url::Url;

/// The name of the session cookie, which front ends know.
const NAME: &str = "polar_session";

/// The name of the cookie of a customer who is in the portal. It is for the portal of one organization only.
const CUSTOMER_NAME: &str = "merak_customer_session";

/// What the name of the cookie begins with that says the same to the checkouts of that organization. Its id follows: these
/// pages are at one address for all of them.
const BUYER_PREFIX: &str = "merak_buyer_";

/// Which pages are told it.
const BUYER_PATH: &str = "/checkout/";

/// The name of the cookie that says which subscription a card is for whose bank is being asked.
const CARD_FOR: &str = "merak_card_for";

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The cookie that a request carries.
#[derive(Clone, Debug)]
pub struct Session {
    /// The hash of its value.
    pub hash: TokenHash,
    /// Whether a page that is not ours wants something changed with it.
    pub is_misused: bool,
}

impl Session {
    /// Reads the cookie of a request, if it has one that can be ours.
    pub fn read(
        method: &Method,
        headers: &HeaderMap,
        secret: &InstanceSecret,
        origins: &Origins,
    ) -> Option<Self> {
        Self::named(NAME, (method, headers), secret, origins)
    }

    /// As [`Self::read`], of the cookie of the customer portal.
    pub fn read_of_customer(
        method: &Method,
        headers: &HeaderMap,
        secret: &InstanceSecret,
        origins: &Origins,
    ) -> Option<Self> {
        Self::named(CUSTOMER_NAME, (method, headers), secret, origins)
    }

    /// As [`Self::read`], of the cookie by which the checkouts of an organization know its customer.
    pub fn read_of_buyer(
        (method, headers): (&Method, &HeaderMap),
        secret: &InstanceSecret,
        origins: &Origins,
        organization_id: Id<Organization>,
    ) -> Option<Self> {
        Self::named(&buyer_name(organization_id), (method, headers), secret, origins)
    }

    fn named(
        name: &str,
        (method, headers): (&Method, &HeaderMap),
        secret: &InstanceSecret,
        origins: &Origins,
    ) -> Option<Self> {
        let value = value_of(headers, name)?;
        Some(Self { hash: secret.hash(value), is_misused: !method.is_safe() && !origins.admit(headers) })
    }
}

fn buyer_name(organization_id: Id<Organization>) -> String {
    format!("{BUYER_PREFIX}{organization_id}")
}

/// The token of a customer's session that a request carries in its cookie.
pub fn customer_token(headers: &HeaderMap) -> Option<&str> {
    value_of(headers, CUSTOMER_NAME)
}

/// The subscription that a card is for whose bank was asked.
pub fn card_for(headers: &HeaderMap) -> Option<&str> {
    value_of(headers, CARD_FOR)
}

/// The value of a cookie of a request.
fn value_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    lines.find_map(|line| value_in(line, name))
}

/// The value of a cookie in a `Cookie` header.
fn value_in<'l>(line: &'l str, name: &str) -> Option<&'l str> {
    let pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.filter(|(found, _)| *found == name).map(|(_, value)| value).find(|value| !value.is_empty())
}

/// The origins whose pages may act with a session.
#[derive(Clone, Debug)]
pub struct Origins {
    own: String,
    front_ends: Vec<String>,
}

impl Origins {
    /// The server's own origin, from its public address, and those of front ends.
    pub fn new(public_url: &str, front_ends: &[String]) -> Self {
        let own = Url::parse(public_url).map(|url| url.origin().ascii_serialization()).unwrap_or_default();
        Self { own, front_ends: front_ends.to_vec() }
    }

    /// Where to send a browser back to: where it wanted to go if that is ours, else to the usual place below the server's
    /// own origin. A link of ours must not lead to somebody else's page.
    pub fn way_back(&self, wanted: Option<&str>, usual: &str) -> Option<Url> {
        let own = Url::parse(&self.own).ok()?;
        let is_ours = |url: &Url| {
            let origin = url.origin().ascii_serialization();
            origin == self.own || self.front_ends.contains(&origin)
        };
        let wanted = wanted.and_then(|wanted| own.join(wanted).ok()).filter(is_ours);
        wanted.or_else(|| own.join(usual).ok())
    }

    /// Whether the cookie must only travel encrypted.
    fn is_secure(&self) -> bool {
        self.own.starts_with("https:")
    }

    /// Whether a page that may act with a session sends this, or no page at all.
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
        let is_known = |origin: &[u8]| {
            origin == self.own.as_bytes() || self.front_ends.iter().any(|known| known.as_bytes() == origin)
        };
        if origin.is_some_and(is_known) {
            return true;
        }
        match (headers.get(FETCH_SITE), origin) {
            (Some(site), _) => site == "same-origin" || site == "none",
            (None, None) => true,
            // Old browsers, and pages that were not fetched over TLS, only tell the origin.
            (None, Some(origin)) => headers.get(HOST).is_some_and(|host| is_at(origin, host.as_bytes())),
        }
    }

    /// The header that gives a browser a session.
    pub fn set_cookie(&self, token: &Token) -> HeaderValue {
        self.cookie((NAME, token.as_str()), "/", user_sessions::LIFETIME)
    }

    /// The header that makes a browser forget its session.
    pub fn forget_cookie(&self) -> HeaderValue {
        self.cookie((NAME, ""), "/", 0)
    }

    /// The header that gives a browser a session of a customer, for the pages below this path.
    pub fn set_customer_cookie(&self, token: &str, path: &str) -> HeaderValue {
        self.cookie((CUSTOMER_NAME, token), path, customer_sessions::LIFETIME)
    }

    /// The headers that give a browser a session of a customer who has come along a link to the portal at this path. The
    /// organization's checkouts do not know them by it, nor anybody who was there before.
    pub fn let_in(
        &self,
        token: &str,
        (path, organization_id): (&str, Id<Organization>),
    ) -> [(HeaderName, HeaderValue); 2] {
        let buyer = self.cookie((&buyer_name(organization_id), ""), BUYER_PATH, 0);
        [(SET_COOKIE, self.set_customer_cookie(token, path)), (SET_COOKIE, buyer)]
    }

    /// The headers that give a browser an owner's session, in the portal at this path: for its pages, and for the
    /// organization's checkouts.
    pub fn sign_in(
        &self,
        token: &str,
        (path, organization_id): (&str, Id<Organization>),
    ) -> [(HeaderName, HeaderValue); 2] {
        let buyer =
            self.cookie((&buyer_name(organization_id), token), BUYER_PATH, customer_sessions::LIFETIME);
        [(SET_COOKIE, self.set_customer_cookie(token, path)), (SET_COOKIE, buyer)]
    }

    /// The headers that make a browser forget it.
    pub fn sign_out(
        &self,
        (path, organization_id): (&str, Id<Organization>),
    ) -> [(HeaderName, HeaderValue); 2] {
        let buyer = self.cookie((&buyer_name(organization_id), ""), BUYER_PATH, 0);
        [(SET_COOKIE, self.cookie((CUSTOMER_NAME, ""), path, 0)), (SET_COOKIE, buyer)]
    }

    /// The header that makes a browser remember, for the page at this path, which subscription a card is for.
    pub fn set_card_for(&self, subscription_id: &str, path: &str) -> HeaderValue {
        self.cookie((CARD_FOR, subscription_id), path, customer_sessions::LIFETIME)
    }

    /// The header that makes a browser forget it.
    pub fn forget_card_for(&self, path: &str) -> HeaderValue {
        self.cookie((CARD_FOR, ""), path, 0)
    }

    fn cookie(&self, (name, value): (&str, &str), path: &str, seconds: i64) -> HeaderValue {
        let secure = if self.is_secure() { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        HeaderValue::try_from(text).expect("tokens and slugs are letters, digits, hyphens and low lines")
    }
}

/// Whether an origin is that of pages at this host and port.
fn is_at(origin: &[u8], host: &[u8]) -> bool {
    let rest = origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"));
    rest.is_some_and(|rest| rest.eq_ignore_ascii_case(host))
}

/// What the browser calls itself.
pub fn user_agent(headers: &HeaderMap) -> &str {
    headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(lines: &[(&str, &str)]) -> HeaderMap {
        lines
            .iter()
            .map(|(name, value)| {
                (HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap())
            })
            .collect()
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        for (line, value) in [
            ("polar_session=abc", Some("abc")),
            ("theme=dark; polar_session=abc;lang=en", Some("abc")),
            ("polar_session=; polar_session=abc", Some("abc")),
            ("my_polar_session=abc", None),
            ("Polar_Session=abc", None),
            ("polar_session", None),
            ("", None),
        ] {
            assert_eq!(value_in(line, NAME), value, "{line:?}");
        }
    }

    #[test]
    fn only_our_own_pages_and_front_ends_act_with_a_session() {
        let origins = Origins::new("https://merak.example/", &[String::from("https://shop.example")]);
        for (lines, is_admitted) in [
            (&[][..], true),
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "same-site"), ("origin", "https://shop.example")], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "null")], false),
            (&[("origin", "https://merak.example")], true),
            (&[("origin", "https://merak.example.evil.example")], false),
            (&[("origin", "https://evil.example"), ("host", "merak.example")], false),
            (&[("origin", "http://10.0.0.7:8000"), ("host", "10.0.0.7:8000")], true),
            (&[("origin", "null"), ("host", "null")], false),
            (&[("origin", "")], false),
        ] {
            assert_eq!(origins.admit(&request(lines)), is_admitted, "{lines:?}");
        }
    }

    #[test]
    fn a_read_is_never_misused() {
        let (secret, origins) = (InstanceSecret::new("test"), Origins::new("http://localhost:8000", &[]));
        let headers = request(&[("cookie", "polar_session=abc"), ("sec-fetch-site", "cross-site")]);
        let is_misused =
            |method: Method| Session::read(&method, &headers, &secret, &origins).unwrap().is_misused;
        assert!(!is_misused(Method::GET) && !is_misused(Method::HEAD));
        assert!(is_misused(Method::POST) && is_misused(Method::PATCH) && is_misused(Method::DELETE));
    }

    // spec 10 §9
    #[test]
    fn the_cookie_is_for_this_server_alone() {
        let plain = Origins::new("http://localhost:8000", &[]);
        let expected = "polar_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax";
        assert_eq!(plain.forget_cookie(), expected);
        let secure = Origins::new("https://merak.example/shop", &[]);
        assert_eq!(secure.forget_cookie(), format!("{expected}; Secure"));
        let token = Token::generate(merak_core::kit::TokenKind::UserSession, |bytes| bytes.fill(1));
        let expected =
            format!("polar_session={}; Path=/; Max-Age=2678400; HttpOnly; SameSite=Lax", token.as_str());
        assert_eq!(plain.set_cookie(&token), expected);
    }
}
