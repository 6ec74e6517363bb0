//! Texts in the form in which letter case does not matter, and the marks they are found by.

use std::collections::BTreeSet;
use std::fmt::Write;

use merak_store::Engine;

use crate::kit::Id;
use crate::organizations::Organization;

/// What stands between the two texts of a thing; it is in no folded text.
const BETWEEN: char = '\u{1f}';

/// Marks of a query beyond this many add nothing.
const MOST_MARKS: usize = 32;

/// A text in which letter case does not matter: two texts that differ only in it are the same afterwards.
///
/// Each letter goes to lower case by way of upper case, so that `ß` meets `SS` and the final `ς` meets `Σ`. Letter by
/// letter, so that a part of a text is folded as it is within the whole. Control characters become spaces.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_ascii_control() {
            folded.push(' ');
        } else if letter.is_ascii() {
            folded.push(letter.to_ascii_lowercase());
        } else {
            let upper = letter.to_lowercase().flat_map(char::to_uppercase);
            folded.extend(upper.flat_map(char::to_lowercase));
        }
    }
    folded
}

/// The mark of a few letters, another one in every organization. Different letters rarely share one, and then the
/// texts themselves decide.
fn mark(organization_id: Id<Organization>, letters: &str) -> u32 {
    let mut hash = crc32fast::Hasher::new();
    hash.update(organization_id.uuid().as_bytes());
    hash.update(letters.as_bytes());
    hash.finalize()
}

/// Every run of `length` letters in a text.
fn runs(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let starts = text.char_indices().map(|(at, _)| at);
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]).skip(length);
    starts.zip(ends).map(|(start, end)| &text[start..end])
}

/// What is kept of a thing with these texts: the content of its row, and its marks.
pub fn indexed(organization_id: Id<Organization>, texts: [&str; 2]) -> (String, BTreeSet<u32>) {
    let [first, second] = texts.map(folded);
    let marks = marks(organization_id, [&first, &second]);
    (format!("{first}{BETWEEN}{second}"), marks)
}

/// The marks by which a thing with these folded texts is found.
fn marks(organization_id: Id<Organization>, texts: [&str; 2]) -> BTreeSet<u32> {
    let mut marks = BTreeSet::new();
    for text in texts {
        marks.extend(runs(text, 3).map(|run| mark(organization_id, run)));
        if !text.is_ascii() {
            // In scripts of many letters one or two of them say much; an `e` or `an` says nothing.
            for length in [1, 2] {
                let telling = runs(text, length).filter(|run| !run.is_ascii());
                marks.extend(telling.map(|run| mark(organization_id, run)));
            }
        }
    }
    marks
}

/// The marks that whatever contains this folded text has. None if the text says too little.
pub(super) fn marks_of_query(organization_id: Id<Organization>, query: &str) -> BTreeSet<u32> {
    let length = query.chars().take(3).count();
    if length < 3 && query.is_ascii() {
        return BTreeSet::new();
    }
    // Runs side by side, and the last one: those between them would leave hardly fewer, and each is one more list to go
    // along.
    let side_by_side = runs(query, length).step_by(length).take(MOST_MARKS - 1);
    side_by_side.chain(runs(query, length).last()).map(|run| mark(organization_id, run)).collect()
}

/// A query for an address up to the first letter of its domain, if that says enough: the domain is that of very many.
pub(super) fn up_to_domain(query: &str) -> Option<&str> {
    let at = query.find('@')?;
    let domain = query[at + 1..].chars().next()?;
    let says_enough = query[..at].chars().count() >= 3;
    says_enough.then(|| &query[..=at + domain.len_utf8()])
}

/// Marks as the engine's index takes them: words, or the text of an array.
pub fn marks_text(engine: Engine, marks: &BTreeSet<u32>) -> String {
    let mut text = String::with_capacity(marks.len() * 12 + 2);
    for mark in marks {
        let separator = match (engine, text.is_empty()) {
            (Engine::Postgres, true) => "{",
            (Engine::Postgres, false) => ",",
            (Engine::Sqlite, true) => "",
            (Engine::Sqlite, false) => " ",
        };
        text.push_str(separator);
        match engine {
            Engine::Postgres => write!(text, "{}", mark.cast_signed()),
            Engine::Sqlite => write!(text, "{mark:08x}"),
        }
        .expect("writing to a string cannot fail");
    }
    match engine {
        Engine::Postgres if text.is_empty() => text.push_str("{}"),
        Engine::Postgres => text.push('}'),
        Engine::Sqlite => {}
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn shop(number: u128) -> Id<Organization> {
        Id::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn letter_case_does_not_matter_in_any_script() {
        for (one, other) in [
            ("JOE@Example.com", "joe@eXAMPLE.COM"),
            ("ÉLODIE", "élodie"),
            ("STRASSE", "straße"),
            ("STRAẞE", "straße"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("ЖЕНЯ", "женя"),
            ("ԱՐԱՄ", "արամ"),
            ("İ", "i\u{307}"),
            ("Ǆ", "ǆ"),
        ] {
            assert_eq!(folded(one), folded(other), "{one}");
        }
        assert_eq!(folded("100%_a\\B"), "100%_a\\b");
        assert_ne!(folded("e"), folded("é"));
    }

    #[test]
    fn a_short_query_has_marks_where_letters_say_much() {
        assert_eq!(marks_of_query(shop(1), "李").len(), 1);
        assert_eq!(marks_of_query(shop(1), "jö").len(), 1);
        for short in ["", "j", "jo", "@."] {
            assert!(marks_of_query(shop(1), short).is_empty(), "{short:?}");
        }
        assert_eq!(marks_of_query(shop(1), "joe@").len(), 2);
        assert!(marks_of_query(shop(1), &"abcdefgh".repeat(100)).len() <= MOST_MARKS);
        assert!(marks_of_query(shop(1), "joe").is_disjoint(&marks_of_query(shop(2), "joe")));
    }

    #[test]
    fn of_an_address_the_domain_says_little() {
        assert_eq!(up_to_domain("joe@example.com"), Some("joe@e"));
        assert_eq!(up_to_domain("иван@пример.рф"), Some("иван@п"));
        for whole in ["joe", "joe@", "jo@example.com", "@example.com", ""] {
            assert_eq!(up_to_domain(whole), None, "{whole}");
        }
    }

    #[test]
    fn marks_are_written_as_the_engine_reads_them() {
        let marks = BTreeSet::from([1, u32::MAX]);
        assert_eq!(marks_text(Engine::Sqlite, &marks), "00000001 ffffffff");
        assert_eq!(marks_text(Engine::Postgres, &marks), "{1,-1}");
        assert_eq!(marks_text(Engine::Postgres, &BTreeSet::new()), "{}");
    }

    proptest! {
        /// Whoever contains a text has its marks, so that no match is missed.
        #[test]
        fn a_part_of_a_text_has_only_marks_of_the_whole(
            before in "\\PC{0,6}", part in "\\PC{1,40}", after in "\\PC{0,6}", name in "\\PC{0,10}",
        ) {
            let whole = folded(&format!("{before}{part}{after}"));
            let part = folded(&part);
            prop_assert!(whole.contains(&part));
            let all = marks(shop(1), [&name, &whole]);
            prop_assert!(marks_of_query(shop(1), &part).is_subset(&all));
        }
    }
}
