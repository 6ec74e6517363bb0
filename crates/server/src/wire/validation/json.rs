//! The JSON text of a body, with the words and offsets that clients get for malformed text.
//!
//! This is a parser of our own and not `serde_json::from_slice`, for two reasons: the answer to
//! malformed text names a kind and a character offset that serde does not know, and serde treats
//! objects with certain private member names as numbers, which a caller must not be able to use.

use serde_json::{Map, Number, Value, json};

use super::problem::{Fault, Loc, Problem};

/// How deep lists and objects may nest; deeper text is refused before it costs stack.
pub const MAX_DEPTH: usize = 128;

/// Why a body is not JSON.
#[derive(Clone, Debug, PartialEq)]
pub enum BodyError {
    /// The bytes are not UTF-8. The framework answers this with a plain 400.
    NotUtf8,
    /// The text is not JSON: a 422 with this one problem, even for anonymous callers.
    Invalid(Box<Problem>),
}

/// Reads the JSON text of a body; `None` for an empty one.
///
/// Of members with the same name the last one wins. NaN, infinities, lone surrogates and nesting
/// beyond [`MAX_DEPTH`] are refused. Numbers keep their text.
pub fn parse_json(text: &[u8]) -> Result<Option<Value>, BodyError> {
    if text.is_empty() {
        return Ok(None);
    }
    let text = std::str::from_utf8(text).map_err(|_| BodyError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    parse(text).map(Some).map_err(|malformed| {
        let offset = text.get(..malformed.at).map_or(0, |before| before.chars().count());
        let fault =
            Fault::with("json_invalid", "JSON decode error".to_owned(), json!({"error": malformed.error}));
        let loc = vec!["body".into(), Loc::Index(offset)];
        BodyError::Invalid(Box::new(fault.at(loc, Value::Object(Map::new()))))
    })
}

/// Malformed text: what is wrong and the byte offset where.
struct Malformed {
    error: &'static str,
    at: usize,
}

type Parsed<T> = Result<T, Malformed>;

const fn malformed<T>(error: &'static str, at: usize) -> Parsed<T> {
    Err(Malformed { error, at })
}

fn parse(text: &str) -> Parsed<Value> {
    let mut parser = Parser { text, bytes: text.as_bytes(), at: 0 };
    parser.skip_space();
    let value = parser.value(0)?;
    parser.skip_space();
    if parser.at == text.len() { Ok(value) } else { malformed("Extra data", parser.at) }
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Parsed<Value> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{' | b'[') if depth == MAX_DEPTH => malformed("Too many levels of nesting", self.at),
            Some(b'{') => self.object(depth + 1),
            Some(b'[') => self.array(depth + 1),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => malformed("Expecting value", self.at),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Parsed<Value> {
        if !self.bytes[self.at..].starts_with(word.as_bytes()) {
            return malformed("Expecting value", self.at);
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        let mut object = Map::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Value::Object(object));
        }
        loop {
            if self.peek() != Some(b'"') {
                return malformed("Expecting property name enclosed in double quotes", self.at);
            }
            let name = self.string()?;
            self.skip_space();
            if self.peek() != Some(b':') {
                return malformed("Expecting ':' delimiter", self.at);
            }
            self.at += 1;
            self.skip_space();
            let value = self.value(depth)?;
            object.insert(name, value);
            self.skip_space();
            match self.peek() {
                Some(b'}') => break,
                Some(b',') => self.at += 1,
                _ => return malformed("Expecting ',' delimiter", self.at),
            }
            self.skip_space();
        }
        self.at += 1;
        Ok(Value::Object(object))
    }

    fn array(&mut self, depth: usize) -> Parsed<Value> {
        let mut array = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::Array(array));
        }
        loop {
            array.push(self.value(depth)?);
            self.skip_space();
            match self.peek() {
                Some(b']') => break,
                Some(b',') => self.at += 1,
                _ => return malformed("Expecting ',' delimiter", self.at),
            }
            self.skip_space();
        }
        self.at += 1;
        Ok(Value::Array(array))
    }

    /// Reads as much as forms a number: after `01` or `1.` the rest is left for the caller to
    /// stumble over, which decides the offset that is reported.
    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits(),
            _ => return malformed("Expecting value", start),
        }
        let digit_at = |at: usize| self.bytes.get(at).is_some_and(u8::is_ascii_digit);
        if self.peek() == Some(b'.') && digit_at(self.at + 1) {
            self.at += 1;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.bytes.get(self.at + 1), Some(b'+' | b'-')));
            if self.bytes.get(self.at + 1 + sign).is_some_and(u8::is_ascii_digit) {
                self.at += 1 + sign;
                self.digits();
            }
        }
        Ok(Value::Number(number_from(&self.text[start..self.at])))
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
    }

    /// Reads a string whose opening quote is next.
    fn string(&mut self) -> Parsed<String> {
        let quote = self.at;
        self.at += 1;
        let mut decoded = String::new();
        loop {
            let start = self.at;
            while let Some(byte) = self.peek()
                && !matches!(byte, b'"' | b'\\' | 0..=0x1f)
            {
                self.at += 1;
            }
            let plain = &self.text[start..self.at];
            match self.peek() {
                None => return malformed("Unterminated string starting at", quote),
                Some(b'"') if decoded.is_empty() => {
                    self.at += 1;
                    return Ok(plain.to_owned());
                }
                Some(b'"') => {
                    self.at += 1;
                    decoded.push_str(plain);
                    return Ok(decoded);
                }
                Some(b'\\') => {
                    decoded.push_str(plain);
                    decoded.push(self.escape(quote)?);
                }
                Some(_) => return malformed("Invalid control character at", self.at),
            }
        }
    }

    /// Reads an escape whose backslash is next, in the string that began at `quote`.
    fn escape(&mut self, quote: usize) -> Parsed<char> {
        let backslash = self.at;
        let Some(kind) = self.bytes.get(backslash + 1) else {
            return malformed("Unterminated string starting at", quote);
        };
        self.at += 2;
        Ok(match kind {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(backslash + 1),
            _ => return malformed("Invalid \\escape", backslash),
        })
    }

    fn unicode_escape(&mut self, letter: usize) -> Parsed<char> {
        let invalid = malformed("Invalid \\uXXXX escape", letter);
        let Some(first) = self.four_digits() else { return invalid };
        let code = if (0xd800..0xdc00).contains(&first) {
            if !self.bytes[self.at..].starts_with(b"\\u") {
                return invalid;
            }
            self.at += 2;
            match self.four_digits() {
                Some(second @ 0xdc00..0xe000) => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                _ => return invalid,
            }
        } else {
            first
        };
        char::from_u32(code).map_or(invalid, Ok)
    }

    /// The four hexadecimal digits that come next. Text that ends with them is malformed anyway,
    /// and is told as a broken escape.
    fn four_digits(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        if self.at + 4 >= self.bytes.len() || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        self.at += 4;
        let digits = std::str::from_utf8(digits).ok()?;
        u32::from_str_radix(digits, 16).ok()
    }
}

/// A number that keeps its text. `text` must follow the JSON grammar.
pub(super) fn number_from(text: &str) -> Number {
    Number::from_string_unchecked(text.to_owned())
}
