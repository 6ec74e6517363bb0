//! The header that says under which name a download is saved.

use std::fmt::Write;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What RFC 8187 lets stand in an extended value.
const ATTR_CHAR: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// `Content-Disposition` of a file that is to be saved: a name in ASCII for old programs, and the whole name.
pub fn attachment(name: &str) -> String {
    let ascii: String = name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '%' | '/' => '_',
            ' '..='~' => letter,
            _ => '_',
        })
        .collect();
    let mut header = format!("attachment; filename=\"{ascii}\"");
    if ascii != name {
        // Writing to a string does not fail.
        let _ = write!(header, "; filename*=UTF-8''{}", utf8_percent_encode(name, ATTR_CHAR));
    }
    header
}

#[cfg(test)]
mod tests {
    use super::attachment;

    #[test]
    fn a_plain_name_stands_as_it_is() {
        assert_eq!(attachment("nimbus-4.2 (1).dmg"), "attachment; filename=\"nimbus-4.2 (1).dmg\"");
    }

    #[test]
    fn a_name_of_the_world_has_a_fallback() {
        assert_eq!(
            attachment("étonnante-🦄.png"),
            "attachment; filename=\"_tonnante-_.png\"; filename*=UTF-8''%C3%A9tonnante-%F0%9F%A6%84.png"
        );
    }

    #[test]
    fn a_name_cannot_break_out_of_the_header() {
        let header = attachment("a\"; filename=\"b.exe\r\nSet-Cookie: c=1");
        assert!(!header.contains(['\r', '\n']), "{header}");
        assert_eq!(header.matches('"').count(), 2, "{header}");
    }
}
