//! The few regular expressions that the contract's schemas contain.
//!
//! Understood are literals, escapes, classes, groups of literal alternatives, the repetitions
//! `* + ? {n} {n,m}` and both anchors. Anything else is refused when the schema is compiled, so a
//! new pattern either works or stops the start.

use std::iter::Peekable;
use std::str::Chars;

use serde_json::json;

use super::problem::Fault;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    source: String,
    pieces: Vec<Piece>,
    from_start: bool,
    to_end: bool,
}

#[derive(Debug)]
struct Piece {
    matcher: Matcher,
    min: usize,
    max: usize,
}

#[derive(Debug)]
enum Matcher {
    /// One character out of these inclusive ranges.
    Ranges(Vec<(char, char)>),
    /// One of these texts.
    Texts(Vec<Vec<char>>),
}

impl Pattern {
    /// Compiles `source`, or says which part of it is not understood.
    pub(super) fn compile(source: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut chars = source.chars().peekable();
        let from_start = chars.next_if_eq(&'^').is_some();
        let mut to_end = false;
        while let Some(char) = chars.next() {
            if char == '$' && chars.peek().is_none() {
                to_end = true;
                break;
            }
            let matcher = match char {
                '[' => class(&mut chars)?,
                '(' => alternatives(&mut chars)?,
                '\\' => Matcher::Ranges(escape(&mut chars)?),
                '.' | '^' | '$' | '*' | '+' | '?' | '{' | '|' | ')' => {
                    return Err(format!("`{char}` in the pattern {source}"));
                }
                literal => Matcher::Ranges(vec![(literal, literal)]),
            };
            let (min, max) = repetition(&mut chars)?;
            pieces.push(Piece { matcher, min, max });
        }
        Ok(Self { source: source.to_owned(), pieces, from_start, to_end })
    }

    pub(super) fn check(&self, text: &str) -> Result<(), Fault> {
        if self.matches(text) {
            return Ok(());
        }
        Err(Fault::with(
            "string_pattern_mismatch",
            format!("String should match pattern '{}'", self.source),
            json!({"pattern": self.source}),
        ))
    }

    fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let last_start = if self.from_start { 0 } else { text.len() };
        (0..=last_start).any(|start| self.matches_from(&self.pieces, &text[start..]))
    }

    fn matches_from(&self, pieces: &[Piece], text: &[char]) -> bool {
        let Some((piece, rest)) = pieces.split_first() else {
            return !self.to_end || text.is_empty();
        };
        // All ends that the repetitions of this piece can reach, the longest tried first.
        let mut ends = vec![0];
        let mut reached = Vec::new();
        for repeated in 0..=piece.max {
            if repeated >= piece.min {
                reached.extend(ends.iter().copied());
            }
            ends = ends.iter().flat_map(|end| piece.matcher.ends(text, *end)).collect();
            if ends.is_empty() {
                break;
            }
        }
        reached.sort_unstable();
        reached.dedup();
        reached.into_iter().rev().any(|end| self.matches_from(rest, &text[end..]))
    }
}

impl Matcher {
    fn ends(&self, text: &[char], from: usize) -> Vec<usize> {
        match self {
            Self::Ranges(ranges) => text
                .get(from)
                .filter(|char| ranges.iter().any(|(first, last)| (first..=last).contains(char)))
                .map(|_| from + 1)
                .into_iter()
                .collect(),
            Self::Texts(texts) => texts
                .iter()
                .filter(|option| text[from..].starts_with(option))
                .map(|option| from + option.len())
                .collect(),
        }
    }
}

type Source<'s> = Peekable<Chars<'s>>;

fn escape(chars: &mut Source<'_>) -> Result<Vec<(char, char)>, String> {
    match chars.next() {
        Some('d') => Ok(vec![('0', '9')]),
        Some('w') => Ok(vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')]),
        Some(char) if !char.is_alphanumeric() => Ok(vec![(char, char)]),
        other => Err(format!("the escape `\\{}` in a pattern", other.map_or(String::new(), String::from))),
    }
}

fn class(chars: &mut Source<'_>) -> Result<Matcher, String> {
    let mut ranges = Vec::new();
    loop {
        match chars.next() {
            None => return Err("a class without an end in a pattern".to_owned()),
            Some(']') => return Ok(Matcher::Ranges(ranges)),
            Some('^') if ranges.is_empty() => return Err("a negated class in a pattern".to_owned()),
            Some('\\') => ranges.extend(escape(chars)?),
            Some(first) => {
                let mut ahead = chars.clone();
                let last = match (ahead.next(), ahead.next()) {
                    (Some('-'), Some(last)) if last != ']' => {
                        *chars = ahead;
                        last
                    }
                    _ => first,
                };
                ranges.push((first, last));
            }
        }
    }
}

fn alternatives(chars: &mut Source<'_>) -> Result<Matcher, String> {
    let mut texts = Vec::new();
    let mut text = Vec::new();
    loop {
        match chars.next() {
            None => return Err("a group without an end in a pattern".to_owned()),
            Some(end @ ('|' | ')')) => {
                if text.is_empty() {
                    return Err("an empty alternative in a pattern".to_owned());
                }
                texts.push(std::mem::take(&mut text));
                if end == ')' {
                    return Ok(Matcher::Texts(texts));
                }
            }
            Some('\\') => match escape(chars)?.as_slice() {
                [(first, last)] if first == last => text.push(*first),
                _ => return Err("a class inside a group in a pattern".to_owned()),
            },
            Some(char @ ('(' | '[' | '?' | '*' | '+' | '{' | '.' | '^' | '$')) => {
                return Err(format!("`{char}` inside a group in a pattern"));
            }
            Some(char) => text.push(char),
        }
    }
}

fn repetition(chars: &mut Source<'_>) -> Result<(usize, usize), String> {
    let bounds = match chars.peek() {
        Some('+') => (1, usize::MAX),
        Some('*') => (0, usize::MAX),
        Some('?') => (0, 1),
        Some('{') => {
            chars.next();
            let counts: String = std::iter::from_fn(|| chars.next_if(|char| *char != '}')).collect();
            let (min, max) = counts.split_once(',').unwrap_or((&counts, &counts));
            let parse = |text: &str| text.parse().map_err(|_| format!("`{{{counts}}}` in a pattern"));
            (parse(min)?, parse(max)?)
        }
        _ => return Ok((1, 1)),
    };
    chars.next();
    Ok(bounds)
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn the_patterns_of_the_contract_match_as_regular_expressions_do() {
        for (pattern, matching, other) in [
            ("^[a-z0-9-_]+$", &["a", "a-b_9", "-"][..], &["", "A", "a b", "é"][..]),
            ("usd", &["usd", "x usd"], &["", "eur", "us"]),
            (r"^\w{2}$", &["FR", "a1"], &["F", "FRA", ""]),
            (
                r"^image\/(jpeg|png|gif|webp|svg\+xml)$",
                &["image/png", "image/svg+xml"],
                &["image/", "image/svg", "image/pngx", "ximage/png"],
            ),
            (r"^\d{1,3}x?$", &["1", "123x"], &["", "1234", "x"]),
        ] {
            let compiled = Pattern::compile(pattern).unwrap();
            for text in matching {
                assert!(compiled.check(text).is_ok(), "{pattern} {text}");
            }
            for text in other {
                assert!(compiled.check(text).is_err(), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn patterns_beyond_the_subset_are_refused() {
        for pattern in ["a.b", "^(a+)+$", "[^a]", "a|b", r"\bword", "[a", "(a", "a{x}"] {
            assert!(Pattern::compile(pattern).is_err(), "{pattern}");
        }
    }
}
