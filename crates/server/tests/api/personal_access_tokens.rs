//! `/v1/personal_access_tokens/`.

use serde_json::{Value, json};

use crate::support::{Client, Shop, UNKNOWN, everything};

const PATH: &str = "/v1/personal_access_tokens/";

/// The member's browser.
async fn browser(shop: &Shop) -> Client {
    shop.browser(shop.member.id).await
}

fn wanting(expires_in: &Value) -> Value {
    json!({"comment": "CI", "scopes": ["customers:read"], "expires_in": expires_in})
}

scenarios! {
    // spec 10 §10.9 line 103, §8
    async fn a_token_is_made_shown_once_and_works(shop) {
        let browser = browser(shop).await;
        let body = json!({"comment": "CI", "scopes": ["customers:write", "customers:read", "customers:read"]});
        let answer = browser.post(PATH, body).await;
        let made = answer.expect(201);
        let token = made["token"].as_str().unwrap();
        assert!(token.starts_with("polar_pat_") && token.len() == 53, "{token}");
        let object = &made["personal_access_token"];
        let expected = json!({
            "personal_access_token": {
                "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": object["id"],
                "scopes": ["customers:read", "customers:write"], "expires_at": null, "comment": "CI",
                "last_used_at": null,
            },
            "token": token,
        });
        assert_eq!(answer.text(), expected.to_string());
        let program = shop.anonymous.bearer(token);
        program.get("/v1/customers/").await.expect(200);
        assert_eq!(program.get("/v1/benefits/").await.expect(403)["error"], "insufficient_scope");
        let listed = browser.get(PATH).await;
        assert!(!listed.text().contains(token) && listed.text().contains(object["id"].as_str().unwrap()));
        for (name, rows) in shop.tables().await {
            assert!(!rows.iter().any(|row| row.contains(token)), "{name} holds the token");
        }
    }

    // spec 10 §10.9 line 103, §8: seconds or ISO 8601, null or absent is never
    async fn it_lives_as_long_as_was_asked(shop) {
        let browser = browser(shop).await;
        for (expires_in, expires_at) in [
            (Value::Null, Value::Null),
            (json!(3600), json!("2025-01-07T11:00:00Z")),
            (json!(3600.9), json!("2025-01-07T11:00:00Z")),
            (json!("P30D"), json!("2025-02-06T10:00:00Z")),
            (json!("PT1H30M"), json!("2025-01-07T11:30:00Z")),
        ] {
            let made = browser.post(PATH, wanting(&expires_in)).await.expect(201);
            assert_eq!(made["personal_access_token"]["expires_at"], expires_at, "{expires_in}");
        }
        let made = browser.post(PATH, wanting(&json!(60))).await.expect(201);
        let program = shop.anonymous.bearer(made["token"].as_str().unwrap());
        program.get("/v1/customers/").await.expect(200);
        shop.advance(60);
        program.get("/v1/customers/").await.expect(401);
    }

    // spec 10 §10.9 line 103 and §8: reserved and unknown scopes, and lifetimes that are none
    async fn what_a_token_cannot_be_is_told(shop) {
        let browser = browser(shop).await;
        for (body, problems) in [
            (json!({}), &["missing body.comment", "missing body.scopes"][..]),
            (json!({"comment": "", "scopes": ["admin"]}), &["enum body.scopes.0"]),
            (json!({"comment": "", "scopes": ["openid", "web_default"]}), &["enum body.scopes.1"]),
            (json!({"comment": "", "scopes": ["orders:write"]}), &["enum body.scopes.0"]),
            (json!({"comment": null, "scopes": "openid"}), &["string_type body.comment", "list_type body.scopes"]),
            (wanting(&json!(0)), &["greater_than body.expires_in"]),
            (wanting(&json!(-60)), &["greater_than body.expires_in"]),
            (wanting(&json!("3600")), &["time_delta_parsing body.expires_in"]),
            (wanting(&json!("soon")), &["time_delta_parsing body.expires_in"]),
            (wanting(&json!([])), &["time_delta_type body.expires_in"]),
            (wanting(&json!("P200Y")), &["less_than_equal body.expires_in"]),
        ] {
            assert_eq!(browser.post(PATH, body.clone()).await.schema_problems(), problems, "{body}");
        }
        browser.post(PATH, json!({"comment": "", "scopes": []})).await.expect(201);
    }

    // spec 10 §8: newest first, expired ones included, only the caller's own
    async fn a_person_sees_their_own_tokens(shop) {
        let (browser, other) = (browser(shop).await, shop.user("other@example.com").await);
        shop.user_token(other.id, everything()).await;
        shop.advance(1);
        for name in ["first", "second", "third"] {
            let body = json!({"comment": name, "scopes": [], "expires_in": 10});
            browser.post(PATH, body).await.expect(201);
            shop.advance(1);
        }
        shop.advance(3600);
        // "test" is the token with which the shop was opened.
        let answer = browser.get(PATH).await;
        assert_eq!(answer.items("comment"), ["third", "second", "first", "test"]);
        assert_eq!(answer.pagination(), (4, 1));
        let answer = browser.get(&format!("{PATH}?limit=3&page=2")).await;
        assert_eq!((answer.items("comment"), answer.pagination()), (vec![String::from("test")], (4, 2)));
        let elsewhere = shop.browser(other.id).await;
        assert_eq!(elsewhere.get(PATH).await.pagination(), (1, 1));
    }

    // spec 10 §8 and §10.1 line 16: at once; another's or a deleted one is not found
    async fn a_deleted_token_ends_at_once(shop) {
        let browser = browser(shop).await;
        let made = browser.post(PATH, json!({"comment": "", "scopes": ["customers:read"]})).await.expect(201);
        let path = format!("{PATH}{}", made["personal_access_token"]["id"].as_str().unwrap());
        let program = shop.anonymous.bearer(made["token"].as_str().unwrap());
        let stranger = shop.browser(shop.user("other@example.com").await.id).await;
        stranger.delete(&path).await.refused(404, "ResourceNotFound");
        program.get("/v1/customers/").await.expect(200);
        browser.delete(&path).await.expect(204);
        assert_eq!(program.get("/v1/customers/").await.expect(401)["error"], "invalid_token");
        browser.delete(&path).await.refused(404, "ResourceNotFound");
        browser.delete(&format!("{PATH}{UNKNOWN}")).await.refused(404, "ResourceNotFound");
        assert_eq!(browser.delete(&format!("{PATH}x")).await.schema_problems(), ["uuid_parsing path.id"]);
        assert_eq!(browser.get(PATH).await.pagination(), (1, 1));
    }

    // spec 10 §8: a token manages no tokens
    async fn a_token_cannot_make_another(shop) {
        let before = shop.tables().await;
        let answer = shop.merchant.post(PATH, json!({"comment": "", "scopes": []})).await;
        assert_eq!(answer.expect(403)["error"], "insufficient_scope");
        assert!(answer.header("www-authenticate").unwrap().contains("scope=\"web_default\""));
        let organization = shop.organization_client(shop.organization.id, everything()).await;
        assert_eq!(organization.get(PATH).await.expect(401)["error"], "invalid_token");
        shop.anonymous.get(PATH).await.refused(401, "Unauthorized");
        assert_eq!(shop.tables().await["personal_access_tokens"].len(), before["personal_access_tokens"].len());
    }

    // the document is for programs, which cannot call it
    async fn it_is_not_in_the_document(shop) {
        let document = shop.anonymous.get("/openapi.json").await.text();
        assert!(!document.contains("personal_access_tokens") && !document.contains("PersonalAccessToken"));
    }
}
