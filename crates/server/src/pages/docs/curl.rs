//! Operations as commands for a terminal.

use serde_json::Value;

use super::listing::{Ink, Listing};

/// What a command line has to say.
pub struct Call<'c> {
    pub method: &'c str,
    /// With parameters filled in.
    pub url: &'c str,
    /// Name of the shell variable that holds the token, if one is needed.
    pub token: Option<&'c str>,
    /// Whether the answer is JSON.
    pub accepts_json: bool,
    pub body: Option<Body>,
}

/// What is sent.
pub enum Body {
    Json(Value),
    /// Fields of an HTML form.
    Form(Vec<(String, String)>),
}

impl Call<'_> {
    /// The command, coloured.
    pub fn listing(&self) -> Listing {
        let mut listing = Listing::default();
        listing.push(Ink::Command, "curl");
        listing.push(Ink::Plain, " ");
        listing.push(Ink::Flag, "-X");
        listing.push(Ink::Plain, format!(" {}", self.method));
        next_line(&mut listing);
        listing.push(Ink::Text, quote(self.url));
        if matches!(self.body, Some(Body::Json(_))) {
            header(&mut listing, "Content-Type: application/json");
        }
        if self.accepts_json {
            header(&mut listing, "Accept: application/json");
        }
        if let Some(token) = self.token {
            header(&mut listing, &format!("Authorization: Bearer ${token}"));
        }
        match &self.body {
            None => {}
            Some(Body::Json(value)) => {
                flag(&mut listing, "-d");
                let mut body = Listing::default();
                body.push_json(value);
                body.map(inside_quotes);
                listing.push(Ink::Plain, "'");
                listing.append(body);
                listing.push(Ink::Plain, "'");
            }
            Some(Body::Form(fields)) => {
                for (name, value) in fields {
                    flag(&mut listing, "--data-urlencode");
                    listing.push(Ink::Text, quote(&format!("{name}={value}")));
                }
            }
        }
        listing
    }
}

fn next_line(listing: &mut Listing) {
    listing.push(Ink::Plain, " \\\n    ");
}

fn flag(listing: &mut Listing, name: &str) {
    next_line(listing);
    listing.push(Ink::Flag, name);
    listing.push(Ink::Plain, " ");
}

/// Headers stand in double quotes because the shell must fill in the token.
fn header(listing: &mut Listing, text: &str) {
    flag(listing, "-H");
    listing.push(Ink::Text, format!("\"{text}\""));
}

fn quote(text: &str) -> String {
    format!("'{}'", inside_quotes(text))
}

/// A single quote cannot stand inside single quotes: close them, write it, open them again.
fn inside_quotes(text: &str) -> String {
    text.replace('\'', "'\\''")
}
