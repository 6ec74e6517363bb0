//! Calls from web pages of other origins.

const PUBLIC: &str = "Accept, Accept-Language, Authorization, Content-Language, Content-Type";
const METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT";

scenarios! {
    // spec 50 §7.1 C13, §1.12
    async fn anybody_may_call_without_cookies(shop) {
        let client = shop.merchant.with("origin", "https://anywhere.example");
        for path in ["/v1/organizations/", "/v1/unknown", "/v1/organizations/x", "/healthz", "/v1/organizations"] {
            let answer = client.get(path).await;
            assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{path}");
            assert_eq!(answer.header("access-control-allow-credentials"), None, "{path}");
            assert_eq!(answer.header("access-control-expose-headers"), None, "{path}");
        }
        assert_eq!(shop.merchant.get("/v1/organizations/").await.header("access-control-allow-origin"), None);
    }

    // spec 50 §7.1 C13
    async fn the_front_end_may_call_with_cookies(shop) {
        let answer = shop.merchant.with("origin", "https://shop.example").get("/v1/organizations/").await;
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://shop.example"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert_eq!(answer.header("vary"), Some("Origin"));
    }

    // spec 50 §1.12
    async fn a_preflight_says_what_may_be_sent(shop) {
        let ask = |origin: &str, headers: &str| {
            shop.anonymous
                .with("origin", origin)
                .with("access-control-request-method", "PATCH")
                .with("access-control-request-headers", headers)
        };
        let path = "/v1/customers/x";
        let answer = ask("https://anywhere.example", "authorization, Content-Type").send("OPTIONS", path, None).await;
        assert_eq!((answer.status, answer.text().as_str()), (200, "OK"));
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        for (name, value) in [
            ("access-control-allow-origin", "*"), ("access-control-allow-headers", PUBLIC),
            ("access-control-allow-methods", METHODS), ("access-control-max-age", "600"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{name}");
        }
        let answer = ask("https://anywhere.example", "x-custom").send("OPTIONS", path, None).await;
        assert_eq!((answer.status, answer.text().as_str()), (400, "Disallowed CORS headers"));
        let answer = ask("https://shop.example", "x-custom, x-other").send("OPTIONS", path, None).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("access-control-allow-headers"), Some("x-custom, x-other"));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    }
}
