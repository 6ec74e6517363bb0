//! Who may call what: one battery that walks every operation with every kind of credential that must not do, and sees
//! that nothing was written. An operation that has no row in `access/calls.rs` fails it.

#[path = "access/calls.rs"]
mod calls;
#[path = "access/contract.rs"]
mod contract;
#[path = "access/credentials.rs"]
mod credentials;
#[expect(dead_code, reason = "this binary needs a part of what all share")]
mod support;

use std::collections::BTreeSet;

use merak_core::access::{Admits, SubjectKind};
use merak_core::kit::{Scope, ScopeSet};
use merak_server::wire::Operation;
use merak_testkit::TestDatabase;
use serde_json::json;

use self::calls::{Calls, Foreign};
use self::credentials::Credentials;
use self::support::{Answer, Client, Shop, everything};

merak_testkit::both_engines! {
    setup = support::migrated;

    // spec 10 §10.1 lines 1 and 4
    async fn without_a_credential_protected_operations_are_refused(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let none = &shop.anonymous;
        for client in [none.clone(), none.with("authorization", "Basic bm9yYTp4"), none.with("authorization", "polar_pat_x")] {
            calls.refuse(&shop, &client, is_protected, |operation, answer| {
                assert_eq!(answer.text(), r#"{"error":"Unauthorized","detail":"Unauthorized"}"#, "{}", operation.id);
                assert_eq!(answer.status, 401, "{}", operation.id);
                assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"polar\""), "{}", operation.id);
            }).await;
        }
    }

    // spec 10 §10.1 lines 2, 3 and 16, T-1, T-26 and D-1; spec 50 §7.1 C7
    async fn tokens_that_are_no_good_are_refused(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        for (what, client) in Credentials::no_good(&shop).await {
            calls.refuse(&shop, &client, is_protected, |operation, answer| {
                is_invalid_token(&format!("{what} on {}", operation.id), answer);
            }).await;
        }
    }

    // spec 10 §10.1 line 14
    async fn a_session_token_is_unknown_where_customers_are_not_admitted(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let buyer = shop.buyer(calls.customer).await;
        calls.refuse(&shop, &buyer, |operation| refuses_kind(operation, SubjectKind::Customer), |operation, answer| {
            is_invalid_token(operation.id, answer);
        }).await;
    }

    // spec 10 §10.1 lines 7 and 8, spec 40 §4.1
    async fn an_organization_is_refused_where_only_people_are_admitted(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let client = shop.organization_client(shop.organization.id, everything()).await;
        calls.refuse(&shop, &client, |operation| refuses_kind(operation, SubjectKind::Organization), |operation, answer| {
            assert_eq!(answer.text(), "{\"error\":\"invalid_token\",\"error_description\":\
                \"The subject of this access token is not valid for this endpoint.\"}", "{}", operation.id);
            assert_eq!(answer.status, 401);
            let kinds: Vec<&str> = kinds(operation).iter().map(|kind| kind.as_str()).collect();
            assert_eq!(answer.header("www-authenticate").unwrap(), format!(
                "Bearer realm=\"polar\", allowed_subjects=\"{}\", error=\"invalid_token\", \
                 error_description=\"The subject of this access token is not valid for this endpoint.\"",
                kinds.join(" "),
            ));
            is_not_cached(answer);
        }).await;
    }

    // spec 10 §10.1 lines 6 and 15; spec 50 §7.1 C8
    async fn a_token_without_a_scope_that_does_is_refused(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let mut checked = 0;
        for (operation, _) in &calls.all {
            if !is_protected(operation) || wants_no_scope(operation) {
                continue;
            }
            let others: ScopeSet = Scope::GRANTABLE.iter().copied()
                .filter(|scope| !operation.admits.scopes().contains(scope))
                .collect();
            let mut clients = vec![
                shop.user_client(shop.member.id, others).await,
                shop.user_client(shop.member.id, ScopeSet::EMPTY).await,
            ];
            if !refuses_kind(operation, SubjectKind::Organization) {
                clients.push(shop.organization_client(shop.organization.id, others).await);
            }
            for client in clients {
                checked += 1;
                calls.refuse(&shop, &client, |other| other.id == operation.id, |operation, answer| {
                    lacks_scope(operation, answer);
                }).await;
            }
        }
        assert!(checked > 40);
    }

    // spec 10 §1.8
    async fn each_scope_of_an_operation_is_enough(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        for (operation, call) in &calls.all {
            for scope in operation.admits.scopes().into_iter().filter(|scope| scope.is_grantable()) {
                let client = shop.user_client(shop.member.id, ScopeSet::of(&[scope])).await;
                let answer = call.harmless(&client, operation).await;
                let is_let_in = matches!(answer.status, 200 | 404 | 422);
                assert!(is_let_in, "{} with {}: {}", operation.id, scope.as_str(), answer.text());
            }
        }
    }

    // spec 10 §10.1 line 9 and spec 50 §7.1 C8: the block comes before the subject and the scope
    async fn a_blocked_user_is_refused_everywhere(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        for scopes in [everything(), ScopeSet::EMPTY] {
            let client = shop.user_client(shop.member.id, scopes).await;
            let browser = shop.browser(shop.member.id).await;
            block(&shop, "UPDATE users SET blocked_at = $1").await;
            calls.refuse(&shop, &client, is_protected, is_blocked).await;
            calls.refuse(&shop, &browser, is_protected, is_blocked).await;
        }
    }

    // spec 10 §10.1 line 10 and spec 50 §7.1 C8
    async fn a_blocked_organization_is_refused_everywhere(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        for scopes in [everything(), ScopeSet::EMPTY] {
            let client = shop.organization_client(shop.organization.id, scopes).await;
            block(&shop, "UPDATE organizations SET blocked_at = $1").await;
            calls.refuse(&shop, &client, is_protected, is_blocked).await;
        }
    }

    // spec 10 §1.6, spec 40 §2.7 and T-4: nobody works for another's organization
    async fn another_tenant_sees_and_changes_nothing(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let tenant = shop.tenant().await;
        let organization = shop.organization_client(tenant.organization.id, everything()).await;
        let (former, browser) = former_member(&shop).await;
        for (who, client) in [
            ("user", tenant.merchant), ("former member", former), ("browser", browser), ("organization", organization),
        ] {
            noted(&shop).await;
            let is_organization = who == "organization";
            let reaches = |operation: &Operation| {
                is_protected(operation)
                    && if who == "browser" { takes_browsers(operation) } else { takes_tokens(operation) }
                    && calls.of(operation).foreign != Foreign::NoTenant
                    && !(is_organization && refuses_kind(operation, SubjectKind::Organization))
            };
            calls.refuse(&shop, &client, reaches, |operation, answer| {
                calls.of(operation).foreign.check(operation.id, is_organization, answer);
            }).await;
        }
    }

    // spec 40 §5: an object that is not the subject's own is not found
    async fn another_customer_sees_nothing(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let other = shop.customer().await;
        let client = shop.buyer(other.id).await;
        let admits_customers = |operation: &Operation| is_protected(operation) && operation.admits.admits_customers();
        calls.refuse(&shop, &client, admits_customers, |operation, answer| {
            calls.of(operation).foreign.check(operation.id, false, answer);
        }).await;
    }

    // spec 40 §2.0: open operations never look at credentials
    async fn open_operations_answer_alike_whatever_the_credential(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let mut clients = Credentials::no_good(&shop).await;
        clients.push(("a good token", shop.merchant.clone()));
        clients.push(("another scheme", shop.anonymous.with("authorization", "Basic bm9yYTp4")));
        let mut count = 0;
        for (operation, call) in calls.all.iter().filter(|(operation, _)| is_open(operation)) {
            count += 1;
            let expected = call.harmless(&shop.anonymous, operation).await;
            // A webhook wants a signature instead of a credential, and this call has none.
            let wants_signature = operation.id == "integrations_sandbox:webhook";
            assert_eq!([401, 403].contains(&expected.status), wants_signature, "{}", operation.id);
            for (what, client) in &clients {
                let answer = call.harmless(client, operation).await;
                assert_eq!((answer.status, answer.text()), (expected.status, expected.text()), "{what} on {}", operation.id);
            }
        }
        assert!(count > 4);
    }

    // spec 10 §10.1 line 5
    async fn the_scheme_is_written_in_any_letter_case(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let token = shop.user_token(shop.member.id, everything()).await;
        let client = shop.anonymous.with("authorization", format!("bEaReR {token}"));
        for (operation, call) in calls.all.iter().filter(|(operation, _)| takes_tokens(operation)) {
            let answer = call.harmless(&client, operation).await;
            assert!(matches!(answer.status, 200 | 404 | 422), "{}: {}", operation.id, answer.text());
        }
    }

    // spec 10 §1.1 and §1.5: a session opens everything that admits people
    async fn a_cookie_is_enough_wherever_people_are_admitted(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let browser = shop.browser(shop.member.id).await;
        for (operation, call) in calls.all.iter().filter(|(operation, _)| is_protected(operation) && takes_browsers(operation)) {
            assert!(!refuses_kind(operation, SubjectKind::User), "{} admits no people", operation.id);
            let answer = call.harmless(&browser, operation).await;
            assert!(matches!(answer.status, 200 | 404 | 422), "{}: {}", operation.id, answer.text());
        }
    }

    // spec 30 T-8: checkouts are made by programs
    async fn a_cookie_is_not_enough_where_programs_are_meant(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let browser = shop.browser(shop.member.id).await;
        let programs_only = |operation: &Operation| is_protected(operation) && !takes_browsers(operation);
        calls.refuse(&shop, &browser, programs_only, lacks_scope).await;
    }

    // spec 30 §1.0 and spec 50 §7.1 C7: where nobody need be known, a credential must still be a good one
    async fn half_open_operations_refuse_what_is_no_good(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let half_open = |operation: &Operation| !is_open(operation) && !is_protected(operation);
        for (what, client) in Credentials::no_good(&shop).await {
            calls.refuse(&shop, &client, half_open, |operation, answer| {
                is_invalid_token(&format!("{what} on {}", operation.id), answer);
            }).await;
        }
        for (operation, call) in calls.all.iter().filter(|(operation, _)| half_open(operation)) {
            let answer = call.harmless(&shop.anonymous, operation).await;
            assert!(matches!(answer.status, 404 | 422), "{}: {}", operation.id, answer.text());
        }
    }

    // SECURITY.md: what a page of another site sends with somebody's cookie does nothing
    async fn a_page_of_another_site_changes_nothing(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let page = shop.browser(shop.member.id).await.with("sec-fetch-site", "cross-site");
        let changes = |operation: &Operation| is_protected(operation) && operation.is_write();
        calls.refuse(&shop, &page, changes, |operation, answer| {
            assert_eq!(answer.status, 403, "{}: {}", operation.id, answer.text());
            answer.refused(403, "NotPermitted");
        }).await;
    }

    // spec 50 §1.10: access comes before the schema, and malformed JSON before access (C6)
    async fn access_is_checked_before_the_request_but_after_its_json(database: TestDatabase) {
        let (shop, calls) = prepared(database).await;
        let weak = shop.member_with("openid").await;
        shop.work_done().await;
        let before = shop.tables().await;
        for (operation, call) in calls.all.iter().filter(|(operation, call)| is_protected(operation) && call.body.is_some()) {
            let path = call.path.replace(&call.id, "not-an-id");
            let malformed = |client: &Client| client.with("content-type", "application/json");
            let method = operation.method.as_str();
            for client in [&shop.anonymous, &weak] {
                let answer = client.send(method, &path, Some(json!([]))).await;
                assert!([401, 403].contains(&answer.status), "{}: {}", operation.id, answer.text());
                let answer = malformed(client).send_bytes(method, &path, "{\"a\": ").await;
                assert_eq!(answer.schema_problems().len(), 1, "{}", operation.id);
                assert!(answer.text().contains("json_invalid"), "{}", operation.id);
            }
        }
        assert_eq!(shop.tables().await, before);
    }
}

async fn prepared(database: TestDatabase) -> (Shop, Calls) {
    let shop = Shop::open(database).await;
    let calls = Calls::on(&shop).await;
    (shop, calls)
}

/// Whether a good credential is needed.
fn is_protected(operation: &Operation) -> bool {
    !operation.admits.admits_anonymous()
}

/// Whether credentials are not looked at.
fn is_open(operation: &Operation) -> bool {
    matches!(operation.admits, Admits::Everybody)
}

/// Whether every good credential of its kinds of subject opens it.
fn wants_no_scope(operation: &Operation) -> bool {
    is_protected(operation) && operation.admits.scopes().is_empty()
}

/// Whether being signed in in a browser is enough.
fn takes_browsers(operation: &Operation) -> bool {
    wants_no_scope(operation) || operation.admits.scopes().contains(&Scope::WebDefault)
}

/// Whether a token of any kind opens it, and not only a session.
fn takes_tokens(operation: &Operation) -> bool {
    wants_no_scope(operation) || operation.admits.scopes().iter().any(|scope| scope.is_grantable())
}

fn kinds(operation: &Operation) -> &'static [SubjectKind] {
    operation.admits.kinds()
}

fn refuses_kind(operation: &Operation, kind: SubjectKind) -> bool {
    is_protected(operation) && !kinds(operation).contains(&kind)
}

fn is_invalid_token(what: &str, answer: &Answer) {
    const SENTENCE: &str =
        "The access token provided is expired, revoked, malformed, or invalid for other reasons.";
    assert_eq!(answer.status, 401, "{what}: {}", answer.text());
    assert_eq!(answer.json(), json!({"error": "invalid_token", "error_description": SENTENCE}), "{what}");
    assert_eq!(
        answer.header("www-authenticate").unwrap(),
        format!("Bearer realm=\"polar\", error=\"invalid_token\", error_description=\"{SENTENCE}\""),
        "{what}"
    );
    is_not_cached(answer);
}

fn is_not_cached(answer: &Answer) {
    assert_eq!(
        (answer.header("cache-control"), answer.header("pragma")),
        (Some("no-store"), Some("no-cache"))
    );
}

fn lacks_scope(operation: &Operation, answer: &Answer) {
    const SENTENCE: &str = "The request requires higher privileges than provided by the access token.";
    assert_eq!(answer.status, 403, "{}: {}", operation.id, answer.text());
    assert_eq!(answer.json(), json!({"error": "insufficient_scope", "error_description": SENTENCE}));
    let challenge = answer.header("www-authenticate").unwrap();
    let (begin, rest) = challenge.split_once("scope=\"").unwrap();
    let (named, end) = rest.split_once('"').unwrap();
    assert_eq!(begin, "Bearer realm=\"polar\", ");
    assert_eq!(end, format!(", error=\"insufficient_scope\", error_description=\"{SENTENCE}\""));
    let scopes = operation.admits.scopes();
    let expected: BTreeSet<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    assert_eq!(named.split(' ').collect::<BTreeSet<_>>(), expected, "{}", operation.id);
    let is_for_programs = operation.id.starts_with("checkouts:custom:");
    assert_eq!(expected.contains("web_default"), !is_for_programs, "{}", operation.id);
    is_not_cached(answer);
}

fn is_blocked(operation: &Operation, answer: &Answer) {
    assert_eq!(answer.status, 403, "{}: {}", operation.id, answer.text());
    assert_eq!(answer.text(), r#"{"error":"NotPermitted","detail":"Not permitted"}"#);
    assert_eq!(answer.header("www-authenticate"), None);
}

async fn block(shop: &Shop, sql: &'static str) {
    let now = merak_store::Source::now(&*shop.source);
    shop.sql(sql, vec![Box::new(now)]).await;
}

/// Notes a use of every token, so that no later use is noted beside the call that is looked at.
async fn noted(shop: &Shop) {
    block(shop, "UPDATE personal_access_tokens SET last_used_at = $1").await;
}

/// Somebody who was a member of the shop's organization, with a token and with a session.
async fn former_member(shop: &Shop) -> (Client, Client) {
    let user = shop.user("former@example.com").await;
    let now = merak_store::Source::now(&*shop.source);
    shop.sql(
        "INSERT INTO organization_members (user_id, organization_id, created_at, deleted_at) VALUES ($1, $2, $3, $3)",
        vec![Box::new(user.id), Box::new(shop.organization.id), Box::new(now)],
    )
    .await;
    (shop.user_client(user.id, everything()).await, shop.browser(user.id).await)
}
