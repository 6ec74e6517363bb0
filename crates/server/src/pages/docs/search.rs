//! Search over the operations, for readers without JavaScript and for questions kept in a link.

use super::document::Operation;

/// Longest question that is looked at, in characters; the rest is ignored.
const LONGEST_QUESTION: usize = 200;

/// Operations whose method, path, summary, section or description hold every word of the question.
/// Those where the heading or the path holds them all come first; else the order of the document is kept.
pub fn find<'d>(operations: &'d [Operation], question: &str) -> Vec<&'d Operation> {
    let question: String = question.chars().take(LONGEST_QUESTION).collect::<String>().to_lowercase();
    let words: Vec<&str> = question.split_whitespace().collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(bool, &Operation)> = operations
        .iter()
        .filter_map(|operation| {
            let near = operation.haystack();
            let far = format!("{near} {}", operation.description.to_lowercase());
            holds(&far, &words).then(|| (!holds(&near, &words), operation))
        })
        .collect();
    found.sort_by_key(|(far, _)| *far);
    found.into_iter().map(|(_, operation)| operation).collect()
}

/// Paths spell with hyphens what readers type with spaces or underscores, so both spellings count.
fn holds(text: &str, words: &[&str]) -> bool {
    let spaced = text.replace(['-', '_'], " ");
    words.iter().all(|word| text.contains(word) || spaced.contains(&word.replace(['-', '_'], " ")))
}
