//! Decisions about files: what may be announced, and how sizes are told.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{File, FileService, Part};
use crate::kit::{FieldProblem, Id, at};
use crate::organizations::Organization;

/// How many parts an upload may have, by the protocol of the storages.
pub const MOST_PARTS: usize = 10_000;

/// How long a name may be, in characters.
pub const LONGEST_NAME: usize = 255;

/// A size for people: one decimal, steps of 1024.
pub fn size_readable(bytes: i64) -> String {
    const UNITS: [&str; 7] = ["B", "KB", "MB", "GB", "TB", "PB", "EB"];
    // A size has at most 63 bits: in tenths of a unit it has 67, and is rounded half up without any fraction.
    let tenths = i128::from(bytes) * 10;
    let mut unit = 0;
    let rounded = |unit: usize| (tenths + (1 << (10 * unit)) / 2) >> (10 * unit);
    while unit + 1 < UNITS.len() && i128::from(bytes) >= 1 << (10 * (unit + 1)) {
        unit += 1;
    }
    format!("{}.{} {}", rounded(unit) / 10, rounded(unit) % 10, UNITS[unit])
}

/// A name as it is kept: without what would be a folder, and without what nobody can see. Nothing if nothing is left,
/// or too much.
pub fn tidy_name(name: &str) -> Option<String> {
    let tidy: String =
        name.chars().filter(|letter| !matches!(letter, '/' | '\\') && !letter.is_control()).collect();
    let is_folder = tidy.chars().all(|letter| letter == '.');
    (!is_folder && tidy.chars().count() <= LONGEST_NAME).then_some(tidy)
}

/// How long a media type may be, in bytes.
pub const LONGEST_MEDIA_TYPE: usize = 255;

/// The media type of which nothing is known.
pub const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// Whether a text can be sent as a media type: a type and a subtype, and perhaps parameters, in printable ASCII.
pub fn is_media_type(text: &str) -> bool {
    let is_token = |text: &str| {
        let is_mark = |byte: u8| b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
    };
    let essence = text.split(';').next().unwrap_or_default().trim_end_matches(' ');
    text.len() <= LONGEST_MEDIA_TYPE
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// Whether files of a service may have a media type: what everybody sees is a picture.
pub fn may_have_media_type(service: FileService, media_type: &str) -> bool {
    const PICTURES: [&str; 5] = ["image/jpeg", "image/png", "image/gif", "image/webp", "image/svg+xml"];
    if service.is_public() { PICTURES.contains(&media_type) } else { is_media_type(media_type) }
}

/// How many bytes of a name a path has. With what stands before them they are fewer than the 1,024 that keys of Amazon's
/// storage may have.
const LONGEST_SEGMENT: usize = 900;

/// Where the bytes of a file are kept. Ids are not guessed, and a path never comes twice; the name is only for people.
pub fn path_of(service: FileService, organization_id: Id<Organization>, id: Id<File>, name: &str) -> String {
    let name = &name[..name.floor_char_boundary(LONGEST_SEGMENT)];
    format!("{service}/{organization_id}/{id}/{name}")
}

/// The bytes of a SHA-256 in standard base64 with padding; nothing if it is none.
pub fn sha256_of(base64: &str) -> Option<[u8; 32]> {
    STANDARD.decode(base64).ok()?.try_into().ok()
}

/// The SHA-256 of bytes.
pub fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// A SHA-256 in standard base64 with padding.
pub fn base64_of(digest: &[u8; 32]) -> String {
    STANDARD.encode(digest)
}

/// What is wrong with the parts of an upload: they must be numbered from 1 without gaps, and cover the file from its
/// first byte to its last, each beginning where the one before ends. Only the last may be empty.
pub fn problems_of_parts(size: i64, parts: &[Part]) -> Vec<FieldProblem> {
    let place = || at("body").field("upload").field("parts");
    if parts.is_empty() || parts.len() > MOST_PARTS {
        let sentence = format!("An upload has 1 to {MOST_PARTS} parts.");
        return vec![place().value_error(sentence, json!(parts))];
    }
    let mut problems = Vec::new();
    let mut end = 0;
    for (n, part) in parts.iter().enumerate() {
        let is_last = n + 1 == parts.len();
        let number = i64::try_from(n + 1).unwrap_or(i64::MAX);
        let wrong = if part.number != number {
            Some(format!("This is part {number}."))
        } else if part.chunk_start != end {
            Some(format!("This part begins at {end}."))
        } else if part.chunk_end < part.chunk_start || (part.chunk_end == part.chunk_start && !is_last) {
            Some(String::from("A part ends after it begins."))
        } else if is_last && part.chunk_end != size {
            Some(format!("The last part ends at {size}."))
        } else {
            None
        };
        if let Some(sentence) = wrong {
            problems.push(place().index(n).value_error(sentence, json!(part)));
        }
        if let Some(checksum) = &part.checksum_sha256_base64
            && sha256_of(checksum).is_none()
        {
            let place = place().index(n).field("checksum_sha256_base64");
            problems.push(no_checksum(place, checksum));
        }
        end = part.chunk_end;
    }
    problems
}

/// What is wrong with an upload whose parts must all be announced with their checksums: the first that is not.
pub fn problem_of_unclaimed(parts: &[Part]) -> Option<FieldProblem> {
    let n = parts.iter().position(|part| part.checksum_sha256_base64.is_none())?;
    let place = at("body").field("upload").field("parts").index(n).field("checksum_sha256_base64");
    Some(place.value_error("A file as large as this needs the checksum of each part.", Value::Null))
}

/// The problem of a text that should be a checksum.
pub fn no_checksum(place: crate::kit::Place, text: &str) -> FieldProblem {
    place.value_error("This is not the base64 of a SHA-256.", Value::from(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(number: i64, chunk_start: i64, chunk_end: i64) -> Part {
        Part { number, chunk_start, chunk_end, checksum_sha256_base64: None }
    }

    fn places(size: i64, parts: &[Part]) -> Vec<String> {
        problems_of_parts(size, parts)
            .into_iter()
            .map(|problem| {
                let steps = problem.loc.iter().skip(3);
                steps.map(|step| serde_json::to_value(step).unwrap().to_string()).collect::<String>()
            })
            .collect()
    }

    #[test]
    fn a_size_is_told_with_one_decimal() {
        for (bytes, told) in [
            (0, "0.0 B"),
            (110, "110.0 B"),
            (1023, "1023.0 B"),
            (1024, "1.0 KB"),
            (1_572_864, "1.5 MB"),
            (123_494, "120.6 KB"),
            (73_400_320, "70.0 MB"),
            (2 << 30, "2.0 GB"),
            (1 << 50, "1.0 PB"),
            (1 << 60, "1.0 EB"),
            (i64::MAX, "8.0 EB"),
        ] {
            assert_eq!(size_readable(bytes), told);
        }
    }

    #[test]
    fn a_name_is_no_way_into_another_folder() {
        assert_eq!(tidy_name("étonnante-🦄.png").as_deref(), Some("étonnante-🦄.png"));
        assert_eq!(tidy_name("../../etc/passwd").as_deref(), Some("....etcpasswd"));
        assert_eq!(tidy_name("a\r\nb\\c\0").as_deref(), Some("abc"));
        for nothing in ["", ".", "..", "/", "\u{7}", &"x".repeat(256)] {
            assert_eq!(tidy_name(nothing), None, "{nothing:?}");
        }
        assert_eq!(tidy_name(&"é".repeat(255)).map(|name| name.chars().count()), Some(255));
    }

    #[test]
    fn a_path_is_short_enough_for_every_storage() {
        let (longest, id) = (FileService::OrganizationAvatar, Id::from_uuid(uuid::Uuid::nil()));
        let path = |name: &str| path_of(longest, id.cast(), id, name);
        assert!(path(&"🦄".repeat(LONGEST_NAME)).len() <= 1024);
        assert!(path(&"🦄".repeat(LONGEST_NAME)).ends_with("🦄"));
        assert!(path(&format!("a{}", "🦄".repeat(LONGEST_NAME - 1))).ends_with("🦄"));
        assert!(path(&"é".repeat(LONGEST_NAME)).ends_with(&format!("/{}", "é".repeat(LONGEST_NAME))));
    }

    #[test]
    fn a_media_type_has_two_tokens_and_perhaps_parameters() {
        let longest = format!("a/{}", "b".repeat(253));
        let long = format!("{longest}b");
        for (text, is_one) in [
            ("text/plain", true),
            ("application/vnd.api+json; charset=\"utf-8\"", true),
            ("image/svg+xml ;a=b", true),
            (&*longest, true),
            (&*long, false),
            ("", false),
            ("a", false),
            ("/", false),
            ("a/", false),
            ("/b", false),
            ("a/b/c", false),
            ("a /b", false),
            ("a\nb", false),
            ("a/b\n", false),
            ("a/b; c=\r\nd", false),
            ("a/b; c=\u{e9}", false),
            ("é/b", false),
            ("anything at all", false),
        ] {
            assert_eq!(is_media_type(text), is_one, "{text:?}");
        }
        assert!(may_have_media_type(FileService::ProductMedia, "image/svg+xml"));
        assert!(!may_have_media_type(FileService::OrganizationAvatar, "text/html"));
        assert!(may_have_media_type(FileService::Downloadable, "text/html"));
    }

    #[test]
    fn parts_cover_the_file_without_gaps() {
        assert_eq!(places(11, &[part(1, 0, 11)]), [""; 0]);
        assert_eq!(places(0, &[part(1, 0, 0)]), [""; 0]);
        assert_eq!(places(20, &[part(1, 0, 10), part(2, 10, 20), part(3, 20, 20)]), [""; 0]);
        assert_eq!(places(11, &[]), [""]);
        assert_eq!(places(11, &[part(0, 0, 11)]), ["0"]);
        assert_eq!(places(11, &[part(1, 0, 5), part(3, 5, 11)]), ["1"]);
        assert_eq!(places(11, &[part(1, 0, 5), part(2, 6, 11)]), ["1"]);
        assert_eq!(places(11, &[part(1, 0, 10)]), ["0"]);
        assert_eq!(places(11, &[part(1, 0, 0), part(2, 0, 11)]), ["0"]);
        assert_eq!(places(5, &[part(1, 0, 10), part(2, 10, 5)]), ["1"]);
    }

    #[test]
    fn a_checksum_is_the_base64_of_thirty_two_bytes() {
        let mut bad = part(1, 0, 1);
        bad.checksum_sha256_base64 = Some(String::from("abc"));
        assert_eq!(places(1, &[bad]), ["0\"checksum_sha256_base64\""]);
    }

    #[test]
    fn the_first_part_without_a_checksum_is_named() {
        let with = Part { checksum_sha256_base64: Some(base64_of(&digest(b"a"))), ..part(1, 0, 1) };
        assert_eq!(problem_of_unclaimed(&[with.clone(), with.clone()]), None);
        let problem = problem_of_unclaimed(&[with, part(2, 1, 2), part(3, 2, 3)]).unwrap();
        let loc = serde_json::to_value(&problem.loc).unwrap();
        assert_eq!(loc, json!(["body", "upload", "parts", 1, "checksum_sha256_base64"]));
    }

    proptest! {
        // Ten thousand parts take a while.
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Up to 10,000 parts are an upload, and one more is none, however well they fit.
        #[test]
        fn as_many_parts_as_there_may_be_fit_and_no_more(
            off in 0_usize..5, length in 1_i64..200_000_000, rest in 0_i64..1000, which in any::<prop::sample::Index>(),
        ) {
            let count = MOST_PARTS - 2 + off;
            let number = |n: usize| i64::try_from(n).unwrap();
            let mut parts: Vec<Part> =
                (0..count).map(|n| part(number(n) + 1, number(n) * length, (number(n) + 1) * length)).collect();
            // The last part may be of any length, and empty.
            let end = number(count - 1) * length + rest;
            parts[count - 1].chunk_end = end;
            let of_all: &[&str] = if count <= 10_000 { &[] } else { &[""] };
            prop_assert_eq!(places(end, &parts), of_all);
            // One that is in the wrong place is told by its own place, and too many are told as a whole.
            let wrong = which.index(count - 1);
            parts[wrong].number += 1;
            let of_one = wrong.to_string();
            prop_assert_eq!(places(end, &parts), [if count <= 10_000 { &*of_one } else { "" }]);
        }
    }

    proptest! {
        /// However a file is cut, the reference's own way included, its parts are accepted, and no other end is.
        #[test]
        fn however_a_file_is_cut_its_parts_fit(cuts in prop::collection::vec(1_i64..100_000_000, 1..40), off in 1_i64..1000) {
            let mut parts = Vec::new();
            let mut end = 0;
            for (n, length) in cuts.iter().enumerate() {
                parts.push(part(i64::try_from(n + 1).unwrap(), end, end + length));
                end += length;
            }
            prop_assert_eq!(problems_of_parts(end, &parts), vec![]);
            prop_assert_eq!(parts.iter().map(Part::size).sum::<i64>(), end);
            prop_assert_eq!(problems_of_parts(end + off, &parts).len(), 1);
            prop_assert_eq!(problems_of_parts(end - off, &parts).len(), 1);
        }

        /// One part that is moved, renumbered or turned round is found.
        #[test]
        fn a_part_out_of_place_is_found(count in 2_usize..30, which in 0_usize..30, by in 1_i64..50) {
            let which = which % count;
            let number = |n: usize| i64::try_from(n).unwrap();
            let good: Vec<Part> =
                (0..count).map(|n| part(number(n) + 1, number(n) * 100, number(n) * 100 + 100)).collect();
            let size = number(count) * 100;
            let mut moved = good.clone();
            moved[which].chunk_start += by;
            prop_assert!(!problems_of_parts(size, &moved).is_empty());
            let mut renumbered = good.clone();
            renumbered[which].number += by;
            prop_assert!(!problems_of_parts(size, &renumbered).is_empty());
            let mut shortened = good;
            shortened[which].chunk_end -= by;
            prop_assert!(!problems_of_parts(size, &shortened).is_empty());
        }

        #[test]
        fn a_size_is_told_for_any_number(bytes in 0_i64..) {
            let told = size_readable(bytes);
            prop_assert!(told.contains('.') && told.ends_with('B'), "{}", told);
        }
    }
}
