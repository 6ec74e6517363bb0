//! Searching for a text inside of others.

/// A pattern for `lower(…) LIKE … ESCAPE '\'` that finds a text anywhere in any letter case, wildcards taken literally.
pub fn contains_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::contains_pattern;

    #[test]
    fn wildcards_stand_for_themselves() {
        assert_eq!(contains_pattern("10%_É\\"), "%10\\%\\_é\\\\%");
    }
}
