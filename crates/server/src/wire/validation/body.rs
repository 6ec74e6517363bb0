//! What a request body is before it is checked.

use serde_json::Value;

use super::json::{BodyError, parse_json};

/// A body as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// There is none.
    Absent,
    /// JSON, by its content type or for want of one.
    Json(Value),
    /// Something else. No schema of ours takes it, so it is kept only to be told in the problem.
    Other(String),
}

/// Reads a body by its content type. A body without a content type is taken for JSON.
pub fn read_body(content_type: Option<&str>, bytes: &[u8]) -> Result<Body, BodyError> {
    if bytes.is_empty() {
        return Ok(Body::Absent);
    }
    if content_type.is_none_or(is_json) {
        return Ok(parse_json(bytes)?.map_or(Body::Absent, Body::Json));
    }
    Ok(Body::Other(String::from_utf8_lossy(bytes).into_owned()))
}

/// `application/json` or `application/…+json`, with any parameters.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence
        .strip_prefix("application/")
        .is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::is_json;

    #[test]
    fn json_is_known_by_its_content_type() {
        for json in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json"] {
            assert!(is_json(json), "{json}");
        }
        for other in ["", "text/plain", "text/json", "application/jsonl", "application/x-www-form-urlencoded"]
        {
            assert!(!is_json(other), "{other}");
        }
    }
}
