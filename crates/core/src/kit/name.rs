//! How long names are.

/// How many characters a name has at most. Lists are sorted by names, and an index of PostgreSQL takes no text of any
/// length.
pub const LONGEST_NAME: usize = 512;

/// Why a name from elsewhere cannot be one here, if it cannot.
pub(crate) fn problem_of_name(name: &str) -> Option<&'static str> {
    name.chars().nth(LONGEST_NAME).map(|_| "its name has more than 512 characters")
}
