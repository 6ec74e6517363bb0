//! What the address of a page says about how it is shown.

use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use url::form_urlencoded;

use crate::shell::Response;

/// How a page is shown. It goes along from page to page.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Whether it stands in a frame of the seller's page.
    pub is_embedded: bool,
    /// `light` or `dark`, if somebody wants one of these.
    pub theme: Option<String>,
    /// The token of the buyer's session in the portal.
    pub customer_session_token: Option<String>,
    /// How often the page has come back by itself for what is not there yet.
    pub tries: u32,
}

impl Around {
    /// What the query says.
    pub fn of_query(query: &str) -> Self {
        let mut around = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "embed" => around.is_embedded = value == "true",
                "theme" => around.theme = Some(value.into_owned()),
                "customer_session_token" => around.customer_session_token = Some(value.into_owned()),
                "tries" => around.tries = value.parse().unwrap_or(u32::MAX),
                _ => {}
            }
        }
        around
    }

    /// The same as a query, with the mark before it; empty if there is nothing to say.
    pub fn query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if self.is_embedded {
            query.append_pair("embed", "true");
        }
        if let Some(theme) = self.theme.as_deref().filter(|theme| ["light", "dark"].contains(theme)) {
            query.append_pair("theme", theme);
        }
        if let Some(token) = &self.customer_session_token {
            query.append_pair("customer_session_token", token);
        }
        if self.tries > 0 {
            query.append_pair("tries", &self.tries.to_string());
        }
        let query = query.finish();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// 303 to another page.
pub fn see_other(location: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    // An address that cannot stand in a header is none of ours; the caller is sent nowhere.
    response.headers_mut().extend(HeaderValue::from_str(location).ok().map(|location| (LOCATION, location)));
    let headers = [("cache-control", "no-store"), ("referrer-policy", "no-referrer")];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_a_page_is_shown_goes_along() {
        let around =
            Around::of_query("theme=dark&embed=true&customer_session_token=a%26b&customer_email=x&tries=2");
        assert_eq!(around.query(), "?embed=true&theme=dark&customer_session_token=a%26b&tries=2");
        assert_eq!(Around::of_query("theme=%22&embed=1").query(), "");
    }
}
