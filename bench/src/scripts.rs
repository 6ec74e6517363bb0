//! What the connections of a round ask: validations, pairs of activation and deactivation, first pages of the list.

use anyhow::{Context as _, Result, ensure};

use crate::{
    client::Answer,
    keys::{self, Dice, KEY_BYTES},
    load::Script,
};

/// The headers the official clients send, apart from the token.
const HEADERS: &str = "host: localhost\r\naccept: application/json\r\nuser-agent: merak-bench\r\n";

/// Which key the next request is about.
#[derive(Clone, Copy)]
pub enum Choice {
    /// Any of the first so many keys, all equally likely.
    Any(u64),
    /// Always this one.
    Only(u64),
}

impl Choice {
    fn next(self, dice: &mut Dice) -> [u8; KEY_BYTES] {
        match self {
            Self::Any(keys) => keys::key(dice.below(keys)),
            Self::Only(number) => keys::key(number),
        }
    }
}

/// A request whose bytes are the same each time but for the key.
struct Template {
    bytes: Vec<u8>,
    key_at: usize,
}

impl Template {
    /// A POST to one of the anonymous operations; `more` holds further members and begins with a comma.
    fn post(operation: &str, organization_id: &str, more: &str) -> Self {
        let nothing = "?".repeat(KEY_BYTES);
        let body = format!(r#"{{"key":"{nothing}","organization_id":"{organization_id}"{more}}}"#);
        let bytes = format!(
            "POST /v1/customer-portal/license-keys/{operation} HTTP/1.1\r\n{HEADERS}content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes();
        let key_at = bytes.len() - body.len() + r#"{"key":""#.len();
        Self { bytes, key_at }
    }

    fn write(&self, request: &mut Vec<u8>, key: &[u8; KEY_BYTES]) {
        request.extend_from_slice(&self.bytes);
        request[self.key_at..][..KEY_BYTES].copy_from_slice(key);
    }
}

/// Says what was wrong, with the beginning of the body.
fn expect(status: u16, answer: &Answer<'_>, asked: &str) -> Result<()> {
    ensure!(
        answer.status == status,
        "{asked} was answered {}, not {status}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body[..answer.body.len().min(500)])
    );
    Ok(())
}

/// Validates keys, one after the other.
pub struct Validate {
    template: Template,
    choice: Choice,
    dice: Dice,
    /// Answers of 200: so much higher must the counters stand in the end.
    pub accepted: u64,
}

impl Validate {
    pub fn new(organization_id: &str, choice: Choice, seed: u64) -> Self {
        let template = Template::post("validate", organization_id, "");
        Self { template, choice, dice: Dice::new(seed), accepted: 0 }
    }
}

impl Script for Validate {
    fn ask(&mut self, request: &mut Vec<u8>) {
        self.template.write(request, &self.choice.next(&mut self.dice));
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<()> {
        expect(200, answer, "validate")?;
        self.accepted += 1;
        Ok(())
    }
}

/// Activates a key, then deactivates that activation.
pub struct Pairs {
    organization_id: String,
    activate: Template,
    choice: Choice,
    dice: Dice,
    /// Key and activation of the pair that is half done.
    open: Option<([u8; KEY_BYTES], String)>,
    key: [u8; KEY_BYTES],
    /// Pairs completed.
    pub completed: u64,
}

impl Pairs {
    pub fn new(organization_id: &str, choice: Choice, seed: u64) -> Self {
        Self {
            organization_id: organization_id.to_owned(),
            activate: Template::post(
                "activate",
                organization_id,
                r#","label":"bench","meta":{"os":"linux"}"#,
            ),
            choice,
            dice: Dice::new(seed),
            open: None,
            key: [0; KEY_BYTES],
            completed: 0,
        }
    }
}

impl Script for Pairs {
    fn ask(&mut self, request: &mut Vec<u8>) {
        if let Some((key, activation_id)) = &self.open {
            let more = format!(r#","activation_id":"{activation_id}""#);
            Template::post("deactivate", &self.organization_id, &more).write(request, key);
        } else {
            self.key = self.choice.next(&mut self.dice);
            self.activate.write(request, &self.key);
        }
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<()> {
        if self.open.take().is_some() {
            expect(204, answer, "deactivate")?;
            self.completed += 1;
        } else {
            expect(200, answer, "activate")?;
            self.open = Some((self.key, activation_id(answer.body)?));
        }
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        self.open.is_none()
    }
}

/// The id of an activation: the first member of the answer, found without reading all of it as JSON.
fn activation_id(body: &[u8]) -> Result<String> {
    let rest = body.strip_prefix(br#"{"id":""#).context("an activation that does not begin with its id")?;
    let id = rest.get(..36).context("an activation id that is too short")?;
    Ok(String::from_utf8(id.to_vec())?)
}

/// The first page of a merchant's license keys.
pub struct List {
    request: Vec<u8>,
    /// So many bytes has the body: the list does not change while only lists are asked for.
    body_bytes: usize,
}

impl List {
    /// `body_bytes`: the length every answer must have.
    pub fn new(organization_id: &str, token: &str, body_bytes: usize) -> Self {
        let request = format!(
            "GET /v1/license-keys?organization_id={organization_id}&page=1&limit=10 HTTP/1.1\r\n{HEADERS}authorization: Bearer {token}\r\n\r\n"
        );
        Self { request: request.into_bytes(), body_bytes }
    }
}

impl Script for List {
    fn ask(&mut self, request: &mut Vec<u8>) {
        request.extend_from_slice(&self.request);
    }

    fn take(&mut self, answer: &Answer<'_>) -> Result<()> {
        expect(200, answer, "the list")?;
        ensure!(
            self.body_bytes == 0 || answer.body.len() == self.body_bytes,
            "a list of {} bytes, not {}",
            answer.body.len(),
            self.body_bytes
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Choice, Pairs, Template, Validate, activation_id};
    use crate::{client::Answer, keys, load::Script as _};

    #[test]
    fn the_key_is_written_into_its_place() {
        let template = Template::post("validate", "an-organization", "");
        let mut request = Vec::new();
        template.write(&mut request, &keys::key(3));
        let text = String::from_utf8(request).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let key = String::from_utf8(keys::key(3).to_vec()).unwrap();
        assert_eq!(body, format!(r#"{{"key":"{key}","organization_id":"an-organization"}}"#));
        assert!(head.contains(&format!("content-length: {}", body.len())));
    }

    #[test]
    fn a_pair_is_an_activation_and_its_end() {
        let mut pairs = Pairs::new("an-organization", Choice::Only(0), 0);
        let mut request = Vec::new();
        pairs.ask(&mut request);
        assert!(request.starts_with(b"POST /v1/customer-portal/license-keys/activate "));
        let body = br#"{"id":"0194ad00-0000-7000-8000-000000000000","license_key_id":"x"}"#;
        pairs.take(&Answer { status: 200, body }).unwrap();
        assert!(!pairs.is_at_rest());
        request.clear();
        pairs.ask(&mut request);
        assert!(String::from_utf8_lossy(&request).contains("0194ad00-0000-7000-8000-000000000000"));
        pairs.take(&Answer { status: 204, body: b"" }).unwrap();
        assert_eq!((pairs.is_at_rest(), pairs.completed), (true, 1));
    }

    #[test]
    fn a_wrong_status_is_an_error() {
        let mut validate = Validate::new("an-organization", Choice::Any(10), 0);
        assert!(validate.take(&Answer { status: 404, body: b"{}" }).is_err());
        assert_eq!(validate.accepted, 0);
        assert!(activation_id(b"[]").is_err());
    }
}
