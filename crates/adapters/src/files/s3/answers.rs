//! What the storage says, and what it is told, beside the signed addresses.

use std::fmt::Write;

use jiff::Timestamp;
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, LAST_MODIFIED};

use super::{Error, Result, SERVICE, SentPart};

/// What is known of an object without reading it.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// How many bytes it has.
    pub(super) size: u64,
    /// Its `ETag`, with its quotes.
    pub(super) etag: String,
    /// Its version, where the bucket keeps several.
    pub(super) version: Option<String>,
    /// When it was stored.
    pub(super) last_modified: Timestamp,
    /// The composite checksum in base64, if the storage tells it.
    pub(super) checksum: Option<String>,
}

impl Head {
    pub(super) fn of(headers: &HeaderMap) -> Result<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let strange = |what: &str| Error::Malformed { service: SERVICE, cause: format!("no {what}") };
        let modified = text(LAST_MODIFIED.as_str()).ok_or_else(|| strange("Last-Modified"))?;
        Ok(Self {
            size: text(CONTENT_LENGTH.as_str())
                .and_then(|length| length.parse().ok())
                .ok_or_else(|| strange("Content-Length"))?,
            etag: text(ETAG.as_str()).ok_or_else(|| strange("ETag"))?.to_owned(),
            version: text("x-amz-version-id").filter(|version| *version != "null").map(str::to_owned),
            last_modified: jiff::fmt::rfc2822::parse(modified)
                .map_err(|_| strange("readable Last-Modified"))?
                .timestamp(),
            // A composite checksum ends in the number of parts.
            checksum: text("x-amz-checksum-sha256")
                .map(|checksum| checksum.rsplit_once('-').map_or(checksum, |(digest, _)| digest).to_owned()),
        })
    }
}

/// The code of an error, if the text tells of one.
pub(super) fn code_of(text: &str) -> Option<&str> {
    let error = &text[text.find("<Error")?..];
    let begin = error.find("<Code>")? + "<Code>".len();
    let code = &error[begin..];
    Some(code[..code.find("</Code>")?].trim())
}

/// The list of parts that completes an upload, with the checksums that rusty-s3's own body has no place for.
pub(super) fn completion_body(sent: &[SentPart]) -> String {
    let mut body =
        String::from("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for SentPart { part, etag } in sent {
        // Writing to a string does not fail.
        let _ = write!(body, "<Part><PartNumber>{}</PartNumber><ETag>", part.number);
        for letter in etag.chars() {
            match letter {
                '&' => body.push_str("&amp;"),
                '<' => body.push_str("&lt;"),
                '>' => body.push_str("&gt;"),
                _ => body.push(letter),
            }
        }
        body.push_str("</ETag>");
        if let Some(digest) = part.sha256 {
            let _ = write!(body, "<ChecksumSHA256>{}</ChecksumSHA256>", digest.base64());
        }
        body.push_str("</Part>");
    }
    body.push_str("</CompleteMultipartUpload>");
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{Part, Sha256Digest};

    #[test]
    fn the_code_of_an_error_is_found() {
        let text = "<?xml version=\"1.0\"?>\n<Error><Code>NoSuchUpload</Code><Message>x</Message></Error>";
        assert_eq!(code_of(text), Some("NoSuchUpload"));
        assert_eq!(code_of("<Result><Code>200</Code></Result>"), None);
        assert_eq!(code_of("<Error><Code>cut"), None);
    }

    #[test]
    fn the_parts_are_listed_with_their_checksums() {
        let part = Part { number: 1, size: 3, sha256: Some(Sha256Digest([0; 32])) };
        let sent = [
            SentPart { part, etag: String::from("\"a&b\"") },
            SentPart { part: Part { number: 2, sha256: None, ..part }, etag: String::from("\"c\"") },
        ];
        assert_eq!(
            completion_body(&sent),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Part><PartNumber>1</PartNumber><ETag>\"a&amp;b\"</ETag>\
             <ChecksumSHA256>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</ChecksumSHA256></Part>\
             <Part><PartNumber>2</PartNumber><ETag>\"c\"</ETag></Part></CompleteMultipartUpload>"
        );
    }
}
