//! Slashes, old prefixes, unknown addresses, other methods, request ids.

use serde_json::json;

scenarios! {
    // spec 50 §7.1 C10, §1.2
    async fn a_slash_more_or_less_is_redirected_with_the_query(shop) {
        let base = format!("http://{}", shop.anonymous.address());
        for (method, path, place) in [
            ("GET", "/v1/customers?limit=3&query=a%20b", "/v1/customers/?limit=3&query=a%20b"),
            ("POST", "/v1/customers", "/v1/customers/"),
            ("GET", "/v1/customers/abc/", "/v1/customers/abc"),
            ("POST", "/v1/customer-portal/license-keys/activate/", "/v1/customer-portal/license-keys/activate"),
            ("GET", "/v1/customer-portal/benefit-grants", "/v1/customer-portal/benefit-grants/"),
        ] {
            let answer = shop.anonymous.send(method, path, None).await;
            assert_eq!((answer.status, answer.body.len()), (307, 0), "{path}");
            assert_eq!(answer.header("location"), Some(format!("{base}{place}").as_str()));
        }
    }

    // spec 50 §1.2: every address of the contract leads to an operation without a redirect
    async fn every_address_is_spelled_as_clients_send_it(shop) {
        for operation in merak_server::api::operations() {
            let path = operation.path.replace("{id}", "x").replace("{activation_id}", "y").replace("{slug}", "z");
            let answer = shop.anonymous.send(operation.method.as_str(), &path, None).await;
            assert!(![307, 405].contains(&answer.status), "{} {path}: {}", operation.method, answer.status);
            // An answer to HEAD says how much it does not say.
            let says_why = operation.method == "HEAD" || answer.text().contains("\"error\"");
            assert!(answer.status != 404 || says_why, "{} {path}: {answer:?}", operation.method);
        }
    }

    // spec 50 §7.1 C14, §1.1
    async fn the_old_prefix_works_and_is_noted(shop) {
        let old = shop.merchant.get("/api/v1/organizations/?limit=1").await;
        let new = shop.merchant.get("/v1/organizations/?limit=1").await;
        assert_eq!((old.status, old.text()), (200, new.text()));
        assert!(old.header("x-polar-deprecation-notice").unwrap().contains("/v1"));
        assert_eq!(new.header("x-polar-deprecation-notice"), None);
        for (path, status) in [("/api/v1/nothing", 404), ("/api/v1/customers/", 401)] {
            let answer = shop.anonymous.get(path).await;
            assert_eq!(answer.status, status);
            assert!(answer.header("x-polar-deprecation-notice").is_some());
        }
        assert_eq!(shop.anonymous.get("/api/v10/customers/").await.header("x-polar-deprecation-notice"), None);
    }

    // spec 40 §2.0 and §7.1: what the portal was called when customers were users
    async fn the_address_of_users_is_that_of_the_portal(shop) {
        let key = shop.key(json!({"activations": {"limit": 2, "enable_customer_admin": true}})).await;
        let mut body = crate::support::shop::naming(&key);
        body["label"] = json!("x");
        let made = shop.anonymous.post("/v1/users/license-keys/activate", body.clone()).await.expect(200);
        body["activation_id"] = made["id"].clone();
        shop.anonymous.post("/v1/users/license-keys/validate", body.clone()).await.expect(200);
        shop.anonymous.post("/v1/users/license-keys/deactivate", body).await.expect(204);
        let buyer = shop.buyer(key.customer_id).await;
        let list = buyer.get("/v1/users/license-keys/").await;
        assert_eq!(list.text(), buyer.get("/v1/customer-portal/license-keys/").await.text());
        assert_eq!(list.items("id"), [key.id.to_string()]);
        shop.anonymous.get(&format!("/v1/users/license-keys/{}", key.id)).await.refused(401, "Unauthorized");
        assert_eq!(shop.anonymous.get("/v1/users/me").await.expect(404), json!({"detail": "Not Found"}));
    }

    // spec 50 §7.1 C11, §1.10
    async fn an_unknown_address_is_told_without_a_name(shop) {
        for path in ["/v1/unknown", "/v1", "/v1/", "/v1/license-keys/validate/x/y", "/nothing", "/v1/%ff%00"] {
            let answer = shop.merchant.get(path).await;
            assert_eq!(answer.expect(404), json!({"detail": "Not Found"}), "{path}");
        }
    }

    // spec 50 §7.1 C11, §1.3
    async fn another_method_is_told_which_there_is(shop) {
        for (method, path) in [
            ("PUT", "/v1/customers/"),
            ("DELETE", "/v1/customers/"),
            ("HEAD", "/v1/customers/"),
            ("OPTIONS", "/v1/customers/"),
            ("POST", "/v1/license-keys"),
            ("PURGE", "/v1/license-keys"),
        ] {
            let answer = shop.merchant.send(method, path, None).await;
            assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")), "{method} {path}");
            if method != "HEAD" {
                assert_eq!(answer.json(), json!({"detail": "Method Not Allowed"}));
            }
        }
        let answer = shop.merchant.get("/v1/customer-sessions/").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    }

    // spec 40 §2.0: the words of the open operations are ids to a GET
    async fn a_get_of_an_action_is_a_get_of_an_odd_id(shop) {
        for word in ["validate", "activate", "deactivate"] {
            let path = format!("/v1/customer-portal/license-keys/{word}");
            shop.anonymous.get(&path).await.refused(401, "Unauthorized");
            assert_eq!(shop.merchant.get(&path).await.schema_problems(), ["uuid_parsing path.id"]);
        }
    }

    // spec 50 §1.1
    async fn every_answer_of_a_sandbox_says_so(shop) {
        let cases = [
            ("GET", "/v1/organizations/", 200), ("GET", "/v1/organizations", 307), ("GET", "/v1/unknown", 404),
            ("POST", "/v1/organizations/", 422), ("DELETE", "/v1/organizations/", 405), ("GET", "/healthz", 200),
            ("GET", "/nothing", 404), ("GET", "/v1/files/content/nothing", 403),
        ];
        for (method, path, status) in cases {
            let answer = shop.merchant.send(method, path, None).await;
            assert_eq!((answer.status, answer.header("x-polar-sandbox")), (status, Some("1")), "{method} {path}");
        }
        let preflight = shop.anonymous.with("origin", "https://a.example").with("access-control-request-method", "PUT");
        assert_eq!(preflight.send("OPTIONS", "/v1/customers/", None).await.header("x-polar-sandbox"), Some("1"));
    }

    async fn every_answer_has_an_id_of_the_request(shop) {
        for path in ["/v1/organizations/", "/v1/unknown", "/healthz", "/v1/organizations"] {
            let given = shop.merchant.with("x-request-id", "my-id-1").get(path).await;
            assert_eq!(given.header("x-request-id"), Some("my-id-1"), "{path}");
            let made = shop.merchant.get(path).await;
            assert!(uuid::Uuid::parse_str(made.header("x-request-id").unwrap()).is_ok(), "{path}");
        }
        let long = shop.merchant.with("x-request-id", "x".repeat(500)).get("/v1/organizations/").await;
        assert_eq!(long.header("x-request-id").unwrap().len(), 36);
    }
}
