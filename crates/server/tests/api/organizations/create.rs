//! `POST /v1/organizations/`.

use serde_json::{Value, json};

use crate::support::{Shop, everything};

const PATH: &str = "/v1/organizations/";

/// The slugs that belong to pages of the front end.
const RESERVED: [&str; 12] = [
    "benefits",
    "donations",
    "products",
    "legal",
    "docs",
    "login",
    "oauth2",
    "checkout",
    "dashboard",
    "for-you",
    "settings",
    "finance",
];

async fn create(shop: &Shop, body: Value) -> crate::support::Answer {
    shop.merchant.post(PATH, body).await
}

scenarios! {
    // spec 10 §10.7 lines 76 and 82, §3.1
    async fn a_new_organization_has_every_member_and_its_creator_works_for_it(shop) {
        let answer = create(shop, json!({"name": "Polar Software", "slug": "polar-software-inc"})).await;
        let made = answer.expect(201);
        let id = made["id"].as_str().unwrap();
        let expected = json!({
            "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": id, "name": "Polar Software",
            "slug": "polar-software-inc", "avatar_url": null, "bio": null, "company": null, "blog": null,
            "location": null, "email": null, "twitter_username": null, "pledge_minimum_amount": 2000,
            "pledge_badge_show_amount": true, "default_upfront_split_to_contributors": null,
            "profile_settings": {"enabled": null, "description": null, "featured_projects": null,
                "featured_organizations": null, "links": null,
                "subscribe": {"promote": true, "show_count": true, "count_free": true}, "accent_color": null},
            "feature_settings": {"issue_funding_enabled": false},
        });
        assert_eq!(answer.text(), expected.to_string());
        assert_eq!(shop.merchant.get(&format!("{PATH}{id}")).await.expect(200), made);
        let stranger = shop.tenant().await;
        stranger.merchant.get(&format!("{PATH}{id}")).await.refused(404, "ResourceNotFound");
    }

    // spec 10 §10.7 line 76, §6.6
    async fn a_slug_is_made_of_ascii_letters_digits_and_single_hyphens(shop) {
        for slug in ["", "a", "ab"] {
            let answer = create(shop, json!({"name": "Odd", "slug": slug})).await;
            assert_eq!(answer.schema_problems(), ["string_too_short body.slug"], "{slug}");
        }
        for slug in ["slug with spaces", "slug/with/slashes", "slug🦄", "under_score", "dot.ted", "-lead", "trail-", "dou--ble", "Ünder"] {
            let answer = create(shop, json!({"name": "Odd", "slug": slug})).await;
            assert_eq!(answer.schema_problems(), ["value_error body.slug"], "{slug}");
            assert_eq!(answer.json()["detail"][0]["input"], slug);
        }
        for slug in ["slug-with-dashes", "123"] {
            create(shop, json!({"name": "Even", "slug": slug})).await.expect(201);
        }
    }

    // spec 10 §10.7 lines 76 and 80
    async fn a_reserved_slug_is_refused_in_any_letter_case(shop) {
        for slug in RESERVED {
            for slug in [slug.to_owned(), slug.to_uppercase()] {
                let answer = create(shop, json!({"name": "Odd", "slug": slug})).await;
                assert_eq!(answer.schema_problems(), ["value_error body.slug"], "{slug}");
                assert_eq!(answer.json()["detail"][0]["input"], slug.as_str());
            }
        }
    }

    // spec 10 §10.7 line 77
    async fn a_slug_is_used_once_in_any_letter_case(shop) {
        for slug in ["fjordsoft", "FjordSoft"] {
            let answer = create(shop, json!({"name": "Copy", "slug": slug})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.slug"], "{slug}");
        }
    }

    // spec 10 §3.2: also by organizations that are gone
    async fn the_slug_of_a_deleted_or_blocked_organization_stays_taken(shop) {
        let now = merak_store::Source::now(&*shop.source);
        for (slug, sql) in [
            ("gone-one", "UPDATE organizations SET deleted_at = $1 WHERE slug = $2"),
            ("blocked-one", "UPDATE organizations SET blocked_at = $1 WHERE slug = $2"),
        ] {
            create(shop, json!({"name": "First", "slug": slug})).await.expect(201);
            shop.sql(sql, vec![Box::new(now), Box::new(slug)]).await;
            let answer = create(shop, json!({"name": "Second", "slug": slug})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.slug"]);
        }
    }

    // so that it fits into an index of PostgreSQL
    async fn a_slug_has_at_most_512_characters(shop) {
        create(shop, json!({"name": "Long", "slug": "a".repeat(512)})).await.expect(201);
        let answer = create(shop, json!({"name": "Long", "slug": "a".repeat(513)})).await;
        assert_eq!(answer.schema_problems(), ["string_too_long body.slug"]);
    }

    // spec 10 §10.7 line 79
    async fn a_slug_is_stored_in_small_letters(shop) {
        let made = create(shop, json!({"name": "Loud", "slug": "LOUD-Slug"})).await.expect(201);
        assert_eq!(made["slug"], "loud-slug");
    }

    // spec 10 §10.7 line 78, T-21
    async fn feature_settings_are_stored_as_given(shop) {
        for (n, (given, expected)) in [
            (json!({"issue_funding_enabled": false}), json!({"issue_funding_enabled": false})),
            (json!({"issue_funding_enabled": "yes"}), json!({"issue_funding_enabled": true})),
            (json!({}), json!({"issue_funding_enabled": false})),
            (Value::Null, Value::Null),
        ].into_iter().enumerate() {
            let body = json!({"name": "Features", "slug": format!("features-{n}"), "feature_settings": given});
            let made = create(shop, body).await.expect(201);
            assert_eq!(made["feature_settings"], expected);
            let path = format!("{PATH}{}", made["id"].as_str().unwrap());
            assert_eq!(shop.merchant.get(&path).await.expect(200)["feature_settings"], expected);
        }
    }

    // spec 10 §3.2
    async fn a_name_has_three_characters_and_is_kept_as_sent(shop) {
        let answer = create(shop, json!({"name": "ab", "slug": "short-name"})).await;
        assert_eq!(answer.schema_problems(), ["string_too_short body.name"]);
        let made = create(shop, json!({"name": "  a ", "slug": "blank-name"})).await.expect(201);
        assert_eq!(made["name"], "  a ");
    }

    // spec 10 §6.5
    async fn a_picture_is_an_address_in_its_usual_form(shop) {
        let body = json!({"name": "Picture", "slug": "picture", "avatar_url": "HTTPS://Example.COM:443/A b.png"});
        assert_eq!(create(shop, body).await.expect(201)["avatar_url"], "https://example.com/A%20b.png");
        for (url, kind) in [("", "url_parsing"), ("nope", "url_parsing"), ("ftp://example.com", "url_scheme")] {
            let body = json!({"name": "Picture", "slug": "picture-2", "avatar_url": url});
            assert_eq!(create(shop, body).await.schema_problems(), [format!("{kind} body.avatar_url")], "{url}");
        }
    }

    // spec 10 §10.1 line 7
    async fn an_organization_makes_no_organizations(shop) {
        let client = shop.organization_client(shop.organization.id, everything()).await;
        let answer = client.post(PATH, json!({"name": "Child", "slug": "child"})).await;
        assert_eq!(answer.expect(401)["error"], "invalid_token");
        assert!(answer.header("www-authenticate").unwrap().contains("allowed_subjects=\"User\""));
    }
}
