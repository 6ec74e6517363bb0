//! The page of one operation.

use askama::Template;
use axum::http::StatusCode;
use serde_json::Value;

use super::curl::{Body, Call};
use super::document::{Document, Operation, entries, members};
use super::fields::{FieldList, Shape, Tabulator};
use super::listing::json;
use super::prose::{self, Markup};
use super::sample::{Direction, sample};
use super::views::Frame;

/// Everything the page of one operation shows.
#[derive(Template)]
#[template(path = "docs/operation.html")]
pub struct OperationPage<'d> {
    frame: Frame<'d>,
    operation: &'d Operation,
    description: Markup,
    path: Markup,
    command: Markup,
    access: Access,
    parameters: Vec<Parameters>,
    body: Option<RequestBody>,
    answers: Vec<Answer>,
}

/// Parameters of one place.
struct Parameters {
    title: &'static str,
    anchor: &'static str,
    list: FieldList,
}

struct RequestBody {
    content_type: String,
    required: bool,
    description: Markup,
    shapes: Vec<Shape>,
}

/// One answer, good or bad.
struct Answer {
    status: String,
    reason: &'static str,
    /// `good`, `moved` or `bad`, for the colour.
    class: &'static str,
    description: Markup,
    content_type: Option<String>,
    kind: String,
    sample: Option<Markup>,
    shapes: Vec<Shape>,
}

/// Who may call.
struct Access {
    callers: Vec<Caller>,
    scopes: Vec<String>,
}

/// One kind of subject and how it shows who it is.
struct Caller {
    subject: String,
    explanation: &'static str,
}

/// Puts the page of an operation together.
pub fn page<'d>(
    document: &'d Document,
    operation: &'d Operation,
    public_url: &str,
    frame: Frame<'d>,
) -> OperationPage<'d> {
    let detail = document.detail(operation);
    let mut tabulator = Tabulator::new(document, Direction::Request);
    let parameters = [
        ("Path parameters", "path", "path-parameters"),
        ("Query parameters", "query", "query-parameters"),
        ("Headers", "header", "headers"),
    ]
    .into_iter()
    .map(|(title, place, anchor)| Parameters { title, anchor, list: tabulator.parameters(detail, place) })
    .filter(|parameters| !parameters.list.fields.is_empty())
    .collect();
    OperationPage {
        description: prose::render(&operation.description),
        path: path_markup(&operation.path),
        command: command(document, operation, public_url),
        access: Access::new(detail),
        parameters,
        body: request_body(document, detail),
        answers: members(detail, "responses")
            .map(|(status, response)| Answer::new(document, status, response))
            .collect(),
        frame,
        operation,
    }
}

impl Answer {
    fn new(document: &Document, status: &str, response: &Value) -> Answer {
        let code = status.parse::<u16>().ok().and_then(|code| StatusCode::from_u16(code).ok());
        let content = members(response, "content").next();
        let schema = content.map(|(_, content)| &content["schema"]);
        let sample = content.and_then(|(content_type, content)| {
            let given = content.get("example").cloned();
            let value = given.unwrap_or_else(|| sample(document, &content["schema"], Direction::Response));
            (content_type == JSON && !value.is_null()).then(|| json(&value))
        });
        Answer {
            status: status.to_owned(),
            reason: code.and_then(|code| code.canonical_reason()).unwrap_or_default(),
            class: match code.map(|code| code.as_u16()) {
                Some(200..300) => "good",
                Some(300..400) => "moved",
                _ => "bad",
            },
            description: prose::render(response["description"].as_str().unwrap_or_default()),
            content_type: content.map(|(content_type, _)| content_type.clone()),
            kind: schema.map(|schema| document.type_name(schema)).unwrap_or_default(),
            sample,
            shapes: schema
                .map(|schema| Tabulator::new(document, Direction::Response).shapes(schema))
                .unwrap_or_default(),
        }
    }

    fn is_good(&self) -> bool {
        self.class == "good"
    }
}

impl Access {
    fn new(detail: &Value) -> Access {
        let mut scopes: Vec<String> = Vec::new();
        for scope in entries(detail, "security")
            .flat_map(|scheme| scheme.as_object().into_iter().flatten())
            .flat_map(|(_, scopes)| scopes.as_array().into_iter().flatten())
            .filter_map(Value::as_str)
        {
            if !scopes.iter().any(|other| other == scope) {
                scopes.push(scope.to_owned());
            }
        }
        let mut callers: Vec<Caller> = subjects(detail).map(Caller::new).collect();
        if callers.is_empty() {
            callers.push(Caller::new(if needs_token(detail) { "OAuth2 access token" } else { "Anonymous" }));
        }
        Access { callers, scopes }
    }
}

impl Caller {
    fn new(subject: &str) -> Caller {
        let explanation = match subject {
            "Anonymous" => "no credentials needed",
            "User" => "with a personal access token",
            "Organization" => "with an organization access token",
            "Customer" => "with a customer session token",
            _ => "issued by this server",
        };
        Caller { subject: subject.to_owned(), explanation }
    }
}

const JSON: &str = "application/json";

fn request_body(document: &Document, detail: &Value) -> Option<RequestBody> {
    let body = detail.get("requestBody")?;
    let (content_type, content) = members(body, "content").next()?;
    Some(RequestBody {
        content_type: content_type.clone(),
        required: body["required"] == true,
        description: prose::render(body["description"].as_str().unwrap_or_default()),
        shapes: Tabulator::new(document, Direction::Request).shapes(&content["schema"]),
    })
}

fn command(document: &Document, operation: &Operation, public_url: &str) -> Markup {
    let detail = document.detail(operation);
    let mut url = format!("{public_url}{}", operation.path);
    let mut glue = '?';
    for parameter in entries(detail, "parameters").filter(|parameter| parameter["required"] == true) {
        let name = parameter["name"].as_str().unwrap_or_default();
        let value = as_text(&sample(document, &parameter["schema"], Direction::Request));
        if parameter["in"] == "path" {
            url = url.replace(&format!("{{{name}}}"), &value);
        } else if parameter["in"] == "query" {
            url = format!("{url}{glue}{name}={value}");
            glue = '&';
        }
    }
    let body =
        detail.get("requestBody").and_then(|body| members(body, "content").next()).map(|(kind, content)| {
            let value = content
                .get("example")
                .cloned()
                .unwrap_or_else(|| sample(document, &content["schema"], Direction::Request));
            match value {
                Value::Object(fields) if kind != JSON => {
                    Body::Form(fields.iter().map(|(name, value)| (name.clone(), as_text(value))).collect())
                }
                value => Body::Json(value),
            }
        });
    let accepts_json =
        members(detail, "responses").any(|(_, response)| response["content"].get(JSON).is_some());
    let call = Call { method: &operation.method, url: &url, token: token(detail), accepts_json, body };
    call.listing().markup()
}

/// The shell variable a reader keeps the fitting token in.
fn token(detail: &Value) -> Option<&'static str> {
    let mut subjects = subjects(detail);
    if !needs_token(detail) || subjects.any(|subject| subject == "Anonymous") {
        return None;
    }
    let customers = entries(detail, "security").any(|scheme| scheme.get("customer_session").is_some());
    Some(if customers { "CUSTOMER_SESSION_TOKEN" } else { "MERAK_ACCESS_TOKEN" })
}

fn needs_token(detail: &Value) -> bool {
    entries(detail, "security").next().is_some()
}

fn subjects(detail: &Value) -> impl Iterator<Item = &str> {
    entries(detail, "x-polar-allowed-subjects").filter_map(Value::as_str)
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The path with its parameters set apart.
fn path_markup(path: &str) -> Markup {
    let html = prose::escape(path)
        .replace('{', "<span class=\"parameter\">{")
        .replace('}', "}</span>")
        .replace('/', "/<wbr>");
    // A break after the slash of a closing tag would tear the tag apart.
    Markup::from_escaped(html.replace("</<wbr>span>", "</span>"))
}
