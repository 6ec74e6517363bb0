//! A scanner of SQL text: enough to find words, quotes, comments and statement ends, and nothing more.

/// A piece of SQL text. All pieces in order are the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token<'s> {
    /// Blanks and line ends.
    Space(&'s str),
    /// `-- …` without its line end, or `/* … */`.
    Comment(&'s str),
    /// A keyword, a name or a number.
    Word(&'s str),
    /// `'…'`, or PostgreSQL's `$tag$ … $tag$`.
    Text(&'s str),
    /// A name in double quotes.
    Name(&'s str),
    /// Any other single character.
    Symbol(&'s str),
}

impl<'s> Token<'s> {
    pub(crate) fn text(self) -> &'s str {
        match self {
            Self::Space(text)
            | Self::Comment(text)
            | Self::Word(text)
            | Self::Text(text)
            | Self::Name(text)
            | Self::Symbol(text) => text,
        }
    }

    /// Whether this is the given keyword, in whatever case.
    pub(crate) fn is_word(self, keyword: &str) -> bool {
        matches!(self, Self::Word(word) if word.eq_ignore_ascii_case(keyword))
    }
}

/// Cuts a text into its pieces. An unclosed quote or comment reaches to the end of the text.
pub(crate) fn tokens(sql: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = sql;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let (length, make) = measure(rest, first);
        let (piece, remainder) = rest.split_at(length);
        rest = remainder;
        Some(make(piece))
    })
}

type Make<'s> = fn(&'s str) -> Token<'s>;

fn measure(rest: &str, first: char) -> (usize, Make<'_>) {
    if first.is_whitespace() {
        return (rest.find(|c: char| !c.is_whitespace()).unwrap_or(rest.len()), Token::Space);
    }
    if is_word(first) {
        return (rest.find(|c| !is_word(c)).unwrap_or(rest.len()), Token::Word);
    }
    if rest.starts_with("--") {
        return (rest.find('\n').unwrap_or(rest.len()), Token::Comment);
    }
    if rest.starts_with("/*") {
        return (closed_by(rest, 2, "*/"), Token::Comment);
    }
    match first {
        // A doubled quote inside ends one piece and begins the next, which comes to the same.
        '\'' => (closed_by(rest, 1, "'"), Token::Text),
        '"' => (closed_by(rest, 1, "\""), Token::Name),
        '$' => match dollar_tag(rest) {
            Some(tag) => (closed_by(rest, tag.len(), tag), Token::Text),
            None => (1, Token::Symbol),
        },
        _ => (first.len_utf8(), Token::Symbol),
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn closed_by(rest: &str, from: usize, end: &str) -> usize {
    rest[from..].find(end).map_or(rest.len(), |at| from + at + end.len())
}

/// `$$` or `$tag$` at the beginning of the text; a parameter such as `$1` is none.
fn dollar_tag(rest: &str) -> Option<&str> {
    let end = rest[1..].find(|c| !is_word(c))? + 1;
    let is_tag = rest[end..].starts_with('$') && !rest[1..].starts_with(|c: char| c.is_ascii_digit());
    is_tag.then(|| &rest[..=end])
}
