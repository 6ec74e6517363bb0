//! Reports of tokens that were found in public places.

use http::{HeaderMap, Method};
use merak_core::access::{self, Leak, LeakedKind, ReportLeak};
use merak_core::emails::Found;
use merak_core::kit::{Kind, Refusal, Result, at};

use crate::error::Failure;
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

/// A header as text; empty if it is missing.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn report(flow: Flow<Nothing, Nothing, Vec<LeakedToken>>) -> Finishing<Json<Vec<LeakedTokenLabel>>> {
    let call = flow.call();
    let Some(keys) = &call.house.adapters.scanning_keys else { return Err(Refusal::not_found().into()) };
    let Some(signed) = &call.signed else {
        return Err(Failure::Unexpected(String::from("the signed text was not kept")));
    };
    let name = header(&signed.headers, "github-public-key-identifier");
    let Some(key) = keys.find(name).await? else {
        return Err(Refusal::bad_request("This public key is not known.").into());
    };
    if !key.has_signed(&signed.body, header(&signed.headers, "github-public-key-signature")) {
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
fn kinds(leaked: &[LeakedToken]) -> Result<Vec<LeakedKind>> {
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
