//! UUIDs in every spelling that clients may send.

use std::borrow::Cow;

use serde_json::json;
use uuid::Uuid;

use crate::wire::validation::problem::Fault;

/// Random identifiers are version 4 in the reference and version 7 in Merak.
pub(super) fn is_accepted_version(version: usize) -> bool {
    matches!(version, 4 | 7)
}

/// Reads a UUID and gives it hyphenated in lower case.
pub(super) fn coerce(text: &str, is_accepted: fn(usize) -> bool) -> Result<Cow<'_, str>, Fault> {
    let uuid =
        Uuid::try_parse(text).map_err(|_| Fault::unreadable("uuid_parsing", "UUID", &complaint(text)))?;
    if !is_accepted(uuid.get_version_num()) {
        return Err(Fault::with(
            "uuid_version",
            "UUID version 4 expected".to_owned(),
            json!({"expected_version": 4}),
        ));
    }
    let is_canonical = text.len() == 36 && !text.bytes().any(|byte| byte.is_ascii_uppercase());
    Ok(if is_canonical { Cow::Borrowed(text) } else { Cow::Owned(uuid.hyphenated().to_string()) })
}

/// Why `text` is no UUID, in the words that clients of the reference get. The parser's own words
/// have changed since.
fn complaint(text: &str) -> String {
    const GROUP_STARTS: [usize; 5] = [0, 9, 14, 19, 24];
    const GROUP_LENGTHS: [usize; 5] = [8, 4, 4, 4, 12];

    let (digits, offset) = if let Some(braced) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) {
        (braced, 1)
    } else if let Some(urn) = text.strip_prefix("urn:uuid:") {
        (urn, 9)
    } else {
        (text, 0)
    };
    let is_digit = |char: char| char.is_ascii_hexdigit() || char == '-';
    if let Some((at, char)) = digits.char_indices().find(|(_, char)| !is_digit(*char)) {
        return format!(
            "invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], \
             found `{char}` at {}",
            at + offset + 1,
        );
    }
    let hyphens: Vec<usize> = digits.match_indices('-').map(|(at, _)| at).collect();
    if hyphens.is_empty() && offset == 0 {
        return format!("invalid length: expected length 32 for simple format, found {}", digits.len());
    }
    if hyphens.len() != 4 {
        return format!("invalid group count: expected 5, found {}", hyphens.len() + 1);
    }
    let ends = hyphens.iter().copied().chain([digits.len()]);
    for (group, end) in ends.enumerate() {
        let found = end - GROUP_STARTS[group];
        let expected = GROUP_LENGTHS[group];
        if found != expected {
            return format!("invalid group length in group {group}: expected {expected}, found {found}");
        }
    }
    "invalid length".to_owned()
}

#[cfg(test)]
mod tests {
    use super::{coerce, complaint, is_accepted_version};

    const CANONICAL: &str = "3f2b6c1e-8a4d-4f7b-9c0e-1d2a3b4c5d6e";

    #[test]
    fn every_spelling_becomes_hyphenated_lower_case() {
        for text in [
            CANONICAL,
            "3F2B6C1E-8A4D-4F7B-9C0E-1D2A3B4C5D6E",
            "3f2b6c1e8a4d4f7b9c0e1d2a3b4c5d6e",
            "{3f2b6c1e-8a4d-4f7b-9c0e-1d2a3b4c5d6e}",
            "urn:uuid:3f2b6c1e-8a4d-4f7b-9c0e-1d2a3b4c5d6e",
        ] {
            assert_eq!(coerce(text, is_accepted_version).unwrap(), CANONICAL);
        }
    }

    #[test]
    fn versions_other_than_four_and_seven_are_refused() {
        assert!(coerce("0193571c-9a3e-7c4f-8b5a-0f1e2d3c4b5a", is_accepted_version).is_ok());
        for text in [
            "00000000-0000-0000-0000-000000000000",
            "d9428888-122b-11e1-b85c-61cd3cbb3210",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
        ] {
            assert_eq!(coerce(text, is_accepted_version).unwrap_err().kind, "uuid_version");
        }
    }

    #[test]
    fn the_complaint_names_the_first_thing_that_is_wrong() {
        for (text, expected) in [
            ("abc", "invalid length: expected length 32 for simple format, found 3"),
            ("", "invalid length: expected length 32 for simple format, found 0"),
            ("a-b", "invalid group count: expected 5, found 2"),
            ("----", "invalid group length in group 0: expected 8, found 0"),
            ("3f2b6c1e-8a4d-4f7b-9c0e-1d2a3b4c5d6", "invalid group length in group 4: expected 12, found 11"),
            (
                "3f2b6c1e-8a4d-4f7b-9c0é-1d2a3b4c5d6e",
                "invalid character: expected an optional prefix of `urn:uuid:` followed by \
                 [0-9a-fA-F-], found `é` at 23",
            ),
        ] {
            assert_eq!(complaint(text), expected);
        }
    }
}
