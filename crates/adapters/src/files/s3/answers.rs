//! What the storage says, and what it is told, beside the signed addresses.

use std::fmt::Write;

use jiff::Timestamp;
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, LAST_MODIFIED};
use roxmltree::{Document, Node};

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
pub(super) fn code_of(text: &str) -> Option<String> {
    let document = Document::parse(text.trim()).ok()?;
    let root = document.root_element();
    (root.tag_name().name() == "Error").then(|| member(root, "Code").map(str::to_owned))?
}

/// A part that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KeptPart {
    pub(super) number: u16,
    pub(super) etag: String,
    pub(super) size: u64,
}

/// The parts of an upload on one page, and the number after which the next page begins, if there is one.
///
/// Only the names of members are looked at: services that speak the protocol call the whole by different names.
pub(super) fn parts_of(text: &str) -> Result<(Vec<KeptPart>, Option<u16>)> {
    let strange = |cause: String| Error::Malformed { service: SERVICE, cause };
    let document = Document::parse(text.trim()).map_err(|error| strange(error.to_string()))?;
    let root = document.root_element();
    let mut parts = Vec::new();
    for part in root.children().filter(|node| node.tag_name().name() == "Part") {
        let number = member(part, "PartNumber").and_then(|text| text.parse().ok());
        let size = member(part, "Size").and_then(|text| text.parse().ok());
        let (Some(number), Some(size), Some(etag)) = (number, size, member(part, "ETag")) else {
            return Err(strange(String::from("a part without number, size or tag")));
        };
        parts.push(KeptPart { number, etag: etag.to_owned(), size });
    }
    let is_cut = member(root, "IsTruncated").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let after = member(root, "NextPartNumberMarker").and_then(|text| text.parse().ok());
    match (is_cut, after) {
        (false, _) => Ok((parts, None)),
        (true, Some(after)) if after > 0 => Ok((parts, Some(after))),
        (true, _) => Err(strange(String::from("a page of parts without a next one"))),
    }
}

fn member<'d>(node: Node<'d, '_>, name: &str) -> Option<&'d str> {
    node.children().find(|child| child.tag_name().name() == name)?.text().map(str::trim)
}

/// The list of parts that completes an upload, with the checksums that rusty-s3's own body has no place for.
pub(super) fn completion_body(sent: &[SentPart], has_checksums: bool) -> String {
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
        if let Some(digest) = part.sha256.filter(|_| has_checksums) {
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
        assert_eq!(code_of(text).as_deref(), Some("NoSuchUpload"));
        assert_eq!(code_of("<Result><Code>200</Code></Result>"), None);
        assert_eq!(code_of("<Error><Code>cut"), None);
    }

    #[test]
    fn a_page_of_parts_is_read_whatever_it_is_called() {
        for name in ["ListPartsResult", "ListPartsResponse"] {
            let text = format!(
                "<{name} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><IsTruncated>true</IsTruncated>\
                 <NextPartNumberMarker>7</NextPartNumberMarker>\
                 <Part><PartNumber>7</PartNumber><ETag>&quot;a&quot;</ETag><Size>5</Size></Part></{name}>"
            );
            let part = KeptPart { number: 7, etag: String::from("\"a\""), size: 5 };
            assert_eq!(parts_of(&text).unwrap(), (vec![part], Some(7)));
        }
        assert_eq!(parts_of("<L><IsTruncated>false</IsTruncated></L>").unwrap(), (vec![], None));
        for strange in ["", "<L><IsTruncated>true</IsTruncated></L>", "<L><Part><Size>x</Size></Part></L>"] {
            assert!(parts_of(strange).is_err(), "{strange}");
        }
    }

    #[test]
    fn the_parts_are_listed_with_their_checksums() {
        let part = Part { number: 1, size: 3, sha256: Some(Sha256Digest([0; 32])) };
        let sent = [
            SentPart { part, etag: String::from("\"a&b\"") },
            SentPart { part: Part { number: 2, sha256: None, ..part }, etag: String::from("\"c\"") },
        ];
        assert_eq!(
            completion_body(&sent, true),
            "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Part><PartNumber>1</PartNumber><ETag>\"a&amp;b\"</ETag>\
             <ChecksumSHA256>AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=</ChecksumSHA256></Part>\
             <Part><PartNumber>2</PartNumber><ETag>\"c\"</ETag></Part></CompleteMultipartUpload>"
        );
    }
}
