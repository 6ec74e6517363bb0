//! The reference made from a small document that has one of everything.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use serde_json::Value;
use tower::ServiceExt;

use super::Docs;

mod own_document;

const ACTIVATE: &str = "/docs/customer_portal/license_keys/activate";

fn docs() -> Docs {
    let document: Value = serde_json::from_str(include_str!("tests/document.json")).unwrap();
    Docs::new(&document, "https://shop.example/")
}

fn html(path: &str) -> String {
    let page = docs().page(path).unwrap_or_else(|| panic!("{path} is no page"));
    String::from_utf8(page.body.to_vec()).unwrap()
}

/// What stands between two words of a page, the first included.
fn between<'h>(html: &'h str, from: &str, to: &str) -> &'h str {
    let start = html.find(from).unwrap_or_else(|| panic!("{from} is not on the page"));
    let length = html[start..].find(to).unwrap_or_else(|| panic!("{to} does not follow {from}"));
    &html[start..start + length]
}

/// The page without its tags, as a terminal would show it.
fn text(html: &str) -> String {
    let mut text = String::new();
    let mut inside_tag = false;
    for character in html.chars() {
        match character {
            '<' => inside_tag = true,
            '>' => inside_tag = false,
            other if !inside_tag => text.push(other),
            _ => {}
        }
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&#60;", "<"), ("&#62;", ">"), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, character)| text.replace(entity, character))
}

fn links(html: &str) -> Vec<&str> {
    html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

async fn request(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    Arc::new(docs()).router().oneshot(request).await.into_response()
}

#[test]
fn the_page_of_an_operation_says_everything() {
    insta::assert_snapshot!(between(&html(ACTIVATE), "<main", "</main>"));
}

/// Errs at the first link that leads neither to a page, nor to a place on one, nor to an asset.
fn assert_no_dead_link(docs: &Docs) {
    let elsewhere = ["/openapi.json", "/healthz"];
    let html = |path: &str| docs.page(path).map(|page| String::from_utf8(page.body.to_vec()).unwrap());
    for path in docs.pages.keys() {
        for link in links(&html(path).unwrap()) {
            let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
            let is_found = match html(if target.is_empty() { path } else { target }) {
                Some(page) => anchor.is_empty() || page.contains(&format!("id=\"{anchor}\"")),
                None => docs.assets.find(target).is_some() || elsewhere.contains(&target),
            };
            assert!(is_found, "{link} on {path}");
        }
    }
}

#[test]
fn every_link_leads_to_a_page_or_an_asset() {
    assert_no_dead_link(&docs());
}

#[test]
fn the_navigation_lists_every_operation_in_three_groups() {
    let docs = docs();
    let overview = html("/docs");
    let contents = between(&overview, "<nav class=\"contents\"", "</nav>");
    assert_eq!(links(contents).len(), docs.document.operations().len());
    let groups: Vec<String> =
        contents.split("<h2>").skip(1).map(|rest| rest.split("</h2>").next().unwrap().to_owned()).collect();
    assert_eq!(groups, ["Featured Endpoints", "Issue Funding Endpoints", "Other Endpoints"]);
}

#[test]
fn every_page_has_one_heading_and_its_own_title() {
    let mut titles = HashSet::new();
    for path in docs().pages.keys() {
        let page = html(path);
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        let title = between(&page, "<title>", "</title>").to_owned();
        assert!(titles.insert(title.clone()), "{title} is used twice");
    }
}

#[test]
fn nothing_stands_inline_that_the_security_policy_forbids() {
    for path in docs().pages.keys() {
        let page = html(path);
        assert!(!page.contains(" style="), "{path}");
        assert!(!page.contains("<style"), "{path}");
        assert!(page.split("<script").skip(1).all(|rest| rest.starts_with(" src=\"/assets/")), "{path}");
    }
}

#[test]
fn descriptions_cannot_bring_their_own_markup() {
    let page = html("/docs/license_keys/get");
    assert!(!page.contains("<script>alert"));
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(!page.contains("javascript:"));
    assert!(html("/docs/license_keys/list").contains("&lt;i&gt;these&lt;/i&gt;"));
}

#[test]
fn samples_carry_a_token_only_where_one_is_needed() {
    let token = |path: &str| {
        let page = html(path);
        let command = text(between(&page, "<pre", "</pre>"));
        command.split("Bearer ").nth(1).map(|rest| rest.split('"').next().unwrap().to_owned())
    };
    assert_eq!(token(ACTIVATE), None);
    assert_eq!(token("/docs/repositories/list"), None, "strangers may call it");
    assert_eq!(token("/docs/license_keys/list").as_deref(), Some("$MERAK_ACCESS_TOKEN"));
    assert_eq!(token("/docs/customer_portal/license_keys/get").as_deref(), Some("$CUSTOMER_SESSION_TOKEN"));
}

#[test]
fn commands_fill_in_the_path_and_quote_for_the_shell() {
    let command = |path: &str| text(between(&html(path), "<pre", "</pre>"));
    insta::assert_snapshot!(command("/docs/license_keys/get"), @r#"
    curl -X GET \
        'https://shop.example/v1/license-keys/00000000-0000-4000-8000-000000000000' \
        -H "Accept: application/json" \
        -H "Authorization: Bearer $MERAK_ACCESS_TOKEN"
    "#);
    insta::assert_snapshot!(command("/docs/oauth2/request_token"), @r#"
    curl -X POST \
        'https://shop.example/v1/oauth2/token' \
        -H "Accept: application/json" \
        --data-urlencode 'grant_type=authorization_code' \
        --data-urlencode 'code=it'\''s'
    "#);
    insta::assert_snapshot!(command("/docs/benefits/create"), @r#"
    curl -X POST \
        'https://shop.example/v1/benefits/' \
        -H "Content-Type: application/json" \
        -H "Authorization: Bearer $MERAK_ACCESS_TOKEN" \
        -d '{
      "type": "custom",
      "currency": "usd",
      "country": "US",
      "description": "string"
    }'
    "#);
}

#[test]
fn a_schema_that_holds_itself_comes_to_an_end() {
    let page = html("/docs/repositories/list");
    assert!(text(&page).contains("\"fork_of\": null"));
    assert!(page.contains("<code class=\"name\">fork_of</code> <span class=\"kind\">Repository"));
}

#[test]
fn search_finds_by_path_method_and_words_of_the_summary() {
    let docs = docs();
    let find = |question: &str| -> Vec<String> {
        let operations = super::search::find(docs.document.operations(), question);
        operations.iter().map(|operation| format!("{} {}", operation.method, operation.path)).collect()
    };
    assert_eq!(find("license-keys/activate"), ["POST /v1/customer-portal/license-keys/activate"]);
    assert_eq!(find("DELETE"), ["DELETE /v1/benefits/{id}"]);
    assert_eq!(find("license_keys post"), ["POST /v1/customer-portal/license-keys/activate"]);
    assert_eq!(find("list license keys"), ["GET /v1/license-keys"]);
    assert_eq!(find("newest first"), ["GET /v1/license-keys"], "words of a description count too");
    assert!(find("  ").is_empty());
    assert!(find("nothing of the kind").is_empty());
}

#[tokio::test]
async fn pages_come_with_the_security_policy_and_are_asked_for_again_cheaply() {
    let first = request(ACTIVATE, &[]).await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(first.headers()["content-type"], "text/html; charset=utf-8");
    let policy = first.headers()["content-security-policy"].to_str().unwrap();
    assert_eq!(
        policy,
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    );
    let etag = first.headers()["etag"].to_str().unwrap();
    let second = request(ACTIVATE, &[("if-none-match", etag)]).await;
    assert_eq!(second.status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn assets_are_kept_for_ever_under_a_name_made_from_their_content() {
    let docs = docs();
    for asset in [&docs.assets.style, &docs.assets.script, &docs.assets.icon] {
        let response = request(&asset.path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], asset.content_type);
        assert_eq!(response.headers()["cache-control"], "public, max-age=31536000, immutable");
    }
    assert_eq!(request("/assets/docs-0000000000000000.css", &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn unknown_operations_get_a_page_that_says_so() {
    let response = request("/docs/license_keys/launch", &[]).await;
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(response.headers().contains_key("content-security-policy"));
}

#[tokio::test]
async fn a_search_works_without_a_script_and_shows_the_question_as_text() {
    let response = request("/docs?q=%3Cu%3Enothing", &[]).await;
    assert_eq!(response.status(), StatusCode::OK);
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let page = String::from_utf8(body.to_vec()).unwrap();
    assert!(!page.contains("<u>"));
    let answer = text(between(&page, "Nothing fits", "</q>"));
    assert_eq!(answer, "Nothing fits <u>nothing");
}
