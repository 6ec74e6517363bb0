//! Whether what an operator wrote as a web address is one.

use merak_server::SECRET_PLACE;

use crate::failure::Failure;

/// Errs unless the text can stand before the path of every address this server makes.
pub fn web_address(option: &str, text: &str) -> Result<(), Failure> {
    let is_strange = |letter: char| "?#".contains(letter) || letter.is_whitespace();
    match host_of(text) {
        Some(host) if !host.is_empty() && !host.contains(is_strange) => Ok(()),
        _ => Err(Failure::usage(format!("{option}: write http:// or https:// and a host, not {text}"))),
    }
}

/// Errs unless the text becomes a web address when a secret is put into it.
pub fn link_template(option: &str, text: &str) -> Result<(), Failure> {
    let host = host_of(text).unwrap_or_default();
    if text.contains(SECRET_PLACE) && !host.is_empty() && !host.contains(char::is_whitespace) {
        return Ok(());
    }
    let example = format!("https://buy.example.com/{SECRET_PLACE}");
    Err(Failure::usage(format!(
        "{option}: write an address with {SECRET_PLACE} in it, as in {example}, not {text}"
    )))
}

/// Errs unless the text is what browsers send as the origin of a page. Anything else would never be equal to one.
pub fn origin(option: &str, text: &str) -> Result<(), Failure> {
    web_address(option, text)?;
    match host_of(text) {
        Some(host) if !host.contains('/') => Ok(()),
        _ => Err(Failure::usage(format!(
            "{option}: an origin ends with its host or port, without a slash: {text}"
        ))),
    }
}

fn host_of(text: &str) -> Option<&str> {
    text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"))
}
