//! Reports of tokens that were found in public places.

use http::{HeaderMap, Method};
use merak_core::access::{self, Leak, LeakedKind, ReportLeak};
use merak_core::emails::Found;
use merak_core::kit::{Kind, Refusal, at};
use serde_json::Value;

use crate::error::Failure;
use crate::wire::validation::Problem;
use crate::wire::{Finishing, Flow, Json, Nothing, Operation, Unit, answer, request};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Method::POST, "/v1/integrations/github/secret-scanning", Unit::flow(report))
            .named("integrations_github:secret_scanning", "Report Leaked Tokens")
            .about("Ends tokens that a secret scanner found where everybody can read them.")
            .nav("Private > Integrations")
            .refuses(&[Kind::BadRequest, Kind::NotPermitted, Kind::NotFound])
            .signed()
            .hidden(),
    ]
}

request! {
    /// A token that was found.
    pub struct LeakedToken {
        /// The token.
        pub token: String,
        /// What it is said to be, in any letter case.
        pub r#type: String,
        /// Where it was found.
        pub url: Option<String>,
        /// In what it was found.
        pub source: String,
    }
}

answer! {
    /// What a token that was found is.
    pub struct LeakedTokenLabel {
        /// The token.
        pub token_raw: String,
        /// What it was said to be.
        pub token_type: String,
        /// `true_positive` if it is or was one of ours, else `false_positive`.
        pub label: String,
    }
}

/// The header that names the public key.
const KEY_NAME: &str = "github-public-key-identifier";
/// The header with the signature.
const SIGNATURE: &str = "github-public-key-signature";

/// The key's name and the signature. A header that is missing is a mistake of the request; one that is no text is there
/// and names or signs nothing.
fn credentials(headers: &HeaderMap) -> Result<(&str, &str), Failure> {
    let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    match (text(KEY_NAME), text(SIGNATURE)) {
        (Some(name), Some(signature)) => Ok((name, signature)),
        _ => Err(Failure::Problems(
            [KEY_NAME, SIGNATURE].into_iter().filter(|name| text(name).is_none()).map(missing).collect(),
        )),
    }
}

fn missing(header: &str) -> Problem {
    Problem {
        kind: "missing",
        loc: ["header", header].map(Into::into).into(),
        msg: String::from("Field required"),
        input: Value::Null,
        ctx: None,
    }
}

async fn report(flow: Flow<Nothing, Nothing, Vec<LeakedToken>>) -> Finishing<Json<Vec<LeakedTokenLabel>>> {
    let call = flow.call();
    let Some(keys) = &call.house.adapters.scanning_keys else { return Err(Refusal::not_found().into()) };
    let Some(signed) = &call.signed else {
        return Err(Failure::Unexpected(String::from("the signed text was not kept")));
    };
    let (name, signature) = credentials(&signed.headers)?;
    let Some(key) = keys.find(name).await? else {
        return Err(Refusal::bad_request("This public key is not known.").into());
    };
    if !key.has_signed(&signed.body, signature) {
        return Err(Refusal::not_permitted("The signature is not that of the report.").into());
    }
    flow.finish(|tx, call| {
        let mut labels = Vec::with_capacity(call.body.len());
        for (leaked, kind) in call.body.iter().zip(kinds(&call.body)?) {
            let found = Found { notifier: String::from("GitHub"), url: leaked.url.clone() };
            let report = ReportLeak { token: &leaked.token, kind: Some(kind), found };
            let leak = access::report_leak(tx, &call.house.secret, &report)?;
            tell(leak, leaked);
            let label = if leak.is_ours() { "true_positive" } else { "false_positive" };
            labels.push(LeakedTokenLabel {
                token_raw: leaked.token.clone(),
                token_type: leaked.r#type.clone(),
                label: label.to_owned(),
            });
        }
        Ok(Json(labels))
    })
    .await
}

/// What the tokens are said to be. A word that nobody knows is a mistake of the report.
fn kinds(leaked: &[LeakedToken]) -> merak_core::kit::Result<Vec<LeakedKind>> {
    let kind = |(index, leaked): (usize, &LeakedToken)| {
        leaked.r#type.to_ascii_lowercase().parse().map_err(|_| {
            let place = at("body").index(index).field("type");
            let sentence = format!("Input should be one of {}", LeakedKind::TEXTS.join(", "));
            Refusal::invalid(place.problem("enum", sentence, leaked.r#type.as_str()))
        })
    };
    leaked.iter().enumerate().map(kind).collect()
}

/// A line in the log for the operator; the owner gets mail.
fn tell(leak: Leak, leaked: &LeakedToken) {
    if let Leak::Ended { kind, id, owner_id } = leak {
        let (kind, source, url) = (kind.as_str(), &leaked.source, leaked.url.as_deref().unwrap_or_default());
        tracing::warn!(kind, %id, %owner_id, source, url, "a token was found in public and has been ended");
    }
}
