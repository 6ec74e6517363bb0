//! The text of a license key.

use uuid::{Builder, Uuid};

/// A new license key: the prefix, if there is one, a hyphen, and the random body. `fill` must come from a
/// secure generator.
pub fn license_key(prefix: Option<&str>, fill: impl FnMut(&mut [u8])) -> String {
    let body = license_key_body(fill);
    match key_prefix(prefix) {
        Some(prefix) => format!("{prefix}-{body}"),
        None => body,
    }
}

/// The random part of a license key: a UUID of version 4 in capitals, 122 random bits.
pub fn license_key_body(mut fill: impl FnMut(&mut [u8])) -> String {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    let uuid = Builder::from_random_bytes(bytes).into_uuid();
    uuid.hyphenated().encode_upper(&mut Uuid::encode_buffer()).to_owned()
}

/// A prefix as it stands in a key: trimmed and in capitals, spaces inside kept. A blank one is none.
pub fn key_prefix(prefix: Option<&str>) -> Option<String> {
    prefix.map(str::trim).filter(|prefix| !prefix.is_empty()).map(str::to_uppercase)
}

/// What may be shown of a key to those who need not use it: its last six characters.
pub fn display_key(key: &str) -> String {
    let begin = key.char_indices().rev().nth(5).map_or(0, |(index, _)| index);
    ["****-", &key[begin..]].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_key_is_its_prefix_in_capitals_and_a_random_body() {
        let key = |prefix| license_key(prefix, |bytes| bytes.fill(0xab));
        assert_eq!(key(None), "ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB");
        assert_eq!(key(Some(" my app ")), "MY APP-ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB");
        assert_eq!(key(Some("straße")), "STRASSE-ABABABAB-ABAB-4BAB-ABAB-ABABABABABAB");
        assert_eq!(key(Some("")), key(None));
        assert_eq!(key(Some(" \n")), key(None));
    }

    #[test]
    fn six_characters_of_a_key_may_be_shown() {
        assert_eq!(display_key("MYAPP-ABABABAB-ABAB-4BAB-ABAB-ABABAB123456"), "****-123456");
        assert_eq!(display_key("1234"), "****-1234");
        assert_eq!(display_key("ÄÖÜäöüß"), "****-ÖÜäöüß");
        assert_eq!(display_key(""), "****-");
    }

    proptest! {
        #[test]
        fn a_body_is_a_uuid_of_version_4_in_capitals(random: [u8; 16]) {
            let body = license_key_body(|bytes| bytes.copy_from_slice(&random));
            let uuid = Uuid::parse_str(&body).unwrap();
            prop_assert_eq!(uuid.get_version_num(), 4);
            prop_assert_eq!(body.len(), 36);
            prop_assert_eq!(body.to_uppercase(), body.clone());
            prop_assert_eq!(display_key(&body), format!("****-{}", &body[30..]));
        }
    }
}
