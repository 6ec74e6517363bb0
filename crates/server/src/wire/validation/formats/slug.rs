//! Names of organizations in addresses.

use merak_core::kit::{Slug, SlugProblem};

use crate::wire::validation::problem::Fault;

/// Checks a slug and gives it in lower case. That it is long enough is a rule of the schema, checked before.
pub(super) fn coerce(text: &str) -> Result<String, Fault> {
    match Slug::parse(text) {
        Ok(slug) => Ok(slug.as_str().to_owned()),
        Err(
            problem @ (SlugProblem::TooShort
            | SlugProblem::TooLong
            | SlugProblem::Characters
            | SlugProblem::Reserved),
        ) => Err(Fault::custom(&problem.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::coerce;

    #[test]
    fn slugs_are_words_joined_by_single_hyphens() {
        for (text, expected) in [("acme", "acme"), ("Acme-Software", "acme-software"), ("123", "123")] {
            assert_eq!(coerce(text).unwrap(), expected);
        }
        for text in ["", "-acme", "acme-", "a--b", "a_b", "a.b", "a b", "café", "İstanbul"] {
            assert_eq!(coerce(text).unwrap_err().kind, "value_error", "{text}");
        }
    }

    #[test]
    fn reserved_names_are_refused_in_any_case() {
        for text in ["docs", "Docs", "API", "healthz"] {
            assert!(coerce(text).unwrap_err().msg.contains("reserved"), "{text}");
        }
    }
}
