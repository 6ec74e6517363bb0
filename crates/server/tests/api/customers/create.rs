//! `POST /v1/customers/`.

use serde_json::{Value, json};

use crate::support::{Answer, Shop, UNKNOWN, everything, noise};

const PATH: &str = "/v1/customers/";

async fn create(shop: &Shop, mut body: Value) -> Answer {
    body["organization_id"] = json!(shop.organization.id);
    shop.merchant.post(PATH, body).await
}

scenarios! {
    // spec 10 §4.1
    async fn a_new_customer_has_every_member(shop) {
        let answer = create(shop, json!({
            "email": "Nora.Lind@Fjordsoft.EXAMPLE", "name": "Nora Lind",
            "billing_address": {"line1": " Havnegata 4 ", "city": " ", "country": "no"},
            "tax_id": ["NO995525828MVA", "no_vat"],
        })).await;
        let made = answer.expect(201);
        let expected = json!({
            "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": made["id"], "metadata": {},
            "email": "Nora.Lind@fjordsoft.example", "email_verified": false, "name": "Nora Lind",
            "billing_address": {"line1": "Havnegata 4", "line2": null, "postal_code": null, "city": null,
                "state": null, "country": "NO"},
            "tax_id": ["NO995525828MVA", "no_vat"], "organization_id": shop.organization.id,
            "avatar_url": "https://www.gravatar.com/avatar/\
                1db8391dcb7e098a489e472884c8bd73d0bad3c98ae3ee8e57c9108ac155b791?d=blank",
        });
        assert_eq!(answer.text(), expected.to_string());
        let path = format!("{PATH}{}", made["id"].as_str().unwrap());
        assert_eq!(shop.merchant.get(&path).await.text(), answer.text());
    }

    // spec 10 §10.8 lines 90 and 92
    async fn a_user_names_one_of_their_organizations(shop) {
        let stranger = shop.tenant().await;
        let email = "a@example.com";
        let answer = shop.merchant.post(PATH, json!({"email": email})).await;
        assert_eq!(answer.rule_problems(), ["missing body.organization_id"]);
        assert_eq!(answer.json()["detail"][0]["input"], Value::Null);
        for id in [UNKNOWN.to_owned(), stranger.organization.id.to_string()] {
            let answer = shop.merchant.post(PATH, json!({"email": email, "organization_id": id})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
            assert_eq!(answer.json()["detail"][0]["input"], id);
        }
    }

    // spec 10 §10.8 line 92, T-25
    async fn an_organization_must_not_name_any(shop) {
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let answer = own.post(PATH, json!({"email": "a@example.com", "organization_id": shop.organization.id})).await;
        assert_eq!(answer.rule_problems(), ["organization_token body.organization_id"]);
        for body in [json!({"email": "a@example.com"}), json!({"email": "b@example.com", "organization_id": null})] {
            let made = own.post(PATH, body).await.expect(201);
            assert_eq!(made["organization_id"], shop.organization.id.to_string());
        }
    }

    // spec 10 §10.8 line 91
    async fn an_address_is_used_once_in_an_organization_in_any_letter_case(shop) {
        create(shop, json!({"email": "élodie@example.com"})).await.expect(201);
        let own = shop.organization_client(shop.organization.id, everything()).await;
        for email in ["élodie@example.com", "ÉLODIE@Example.com"] {
            let answer = create(shop, json!({"email": email})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.email"], "{email}");
            let answer = own.post(PATH, json!({"email": email})).await;
            assert_eq!(answer.rule_problems(), ["value_error body.email"], "{email}");
        }
        let input = create(shop, json!({"email": "ÉLODIE@EXAMPLE.com"})).await.json()["detail"][0]["input"].clone();
        assert_eq!(input, "ÉLODIE@example.com");
    }

    // spec 10 §10.8 line 96
    async fn one_person_is_two_customers_of_two_organizations(shop) {
        let second = shop.second_organization("second").await;
        let one = create(shop, json!({"email": "joe@example.com"})).await.expect(201);
        let other = shop.merchant.post(PATH, json!({"email": "joe@example.com", "organization_id": second.id})).await;
        assert_ne!(one["id"], other.expect(201)["id"]);
    }

    // spec 10 §6.4
    async fn an_address_is_told_from_a_look_alike(shop) {
        for email in ["nope", "a@b", "a@", "@example.com", "a b@example.com", "a@x.invalid", "a@[127.0.0.1]", "\"a b\"@example.com"] {
            let answer = create(shop, json!({"email": email})).await;
            assert_eq!(answer.schema_problems(), ["value_error body.email"], "{email}");
            assert!(answer.json()["detail"][0]["ctx"]["reason"].is_string(), "{}", answer.text());
        }
        let answer = create(shop, json!({"email": format!("{}@example.com", "l".repeat(65))})).await;
        assert_eq!(answer.schema_problems(), ["value_error body.email"]);
        assert_eq!(create(shop, json!({"email": null})).await.schema_problems(), ["string_type body.email"]);
        let made = create(shop, json!({"email": " Foo <foo@example.com> "})).await.expect(201);
        assert_eq!(made["email"], "foo@example.com");
    }

    // spec 10 §10.8 line 94
    async fn an_address_on_the_map_needs_a_known_country(shop) {
        for (country, problem) in [
            (json!("zz"), "country_alpha2 body.billing_address.country"),
            (Value::Null, "string_type body.billing_address.country"),
        ] {
            let body = json!({"email": "a@example.com", "billing_address": {"country": country}});
            assert_eq!(create(shop, body).await.schema_problems(), [problem]);
        }
        let answer = create(shop, json!({"email": "a@example.com", "billing_address": {"city": "Oslo"}})).await;
        assert_eq!(answer.schema_problems(), ["missing body.billing_address.country"]);
    }

    // so that it fits into an index of PostgreSQL, however little it can be compressed
    async fn a_name_has_at_most_512_characters(shop) {
        let made = create(shop, json!({"email": "a@example.com", "name": noise(512)})).await.expect(201);
        let path = format!("/v1/customers/{}", made["id"].as_str().unwrap());
        for length in [513, 3000] {
            let answer = create(shop, json!({"email": "b@example.com", "name": noise(length)})).await;
            assert_eq!(answer.schema_problems(), ["string_too_long body.name"]);
            let answer = shop.merchant.patch(&path, json!({"name": noise(length)})).await;
            assert_eq!(answer.schema_problems(), ["string_too_long body.name"]);
        }
    }

    // spec 10 §10.8 line 95
    async fn a_tax_id_is_a_number_and_a_known_format(shop) {
        let made = create(shop, json!({"email": "a@example.com", "tax_id": ["zzz", "us_ein"]})).await.expect(201);
        assert_eq!(made["tax_id"], json!(["zzz", "us_ein"]));
        for (tax_id, problem) in [
            (json!("FR61954506077"), "tuple_type body.tax_id"),
            (json!(["FR61954506077"]), "missing body.tax_id.1"),
            (json!(["a", "eu_vat", "b"]), "too_long body.tax_id"),
            (json!(["a", "moon_vat"]), "enum body.tax_id.1"),
        ] {
            let answer = create(shop, json!({"email": "b@example.com", "tax_id": tax_id})).await;
            assert_eq!(answer.schema_problems(), [problem], "{tax_id}");
        }
    }

    // spec 10 D-7
    async fn metadata_is_stored(shop) {
        let metadata = json!({"plan": "pro", "seats": 3, "trial": false, "number": "5"});
        let made = create(shop, json!({"email": "a@example.com", "metadata": metadata})).await.expect(201);
        assert_eq!(made["metadata"].to_string(), metadata.to_string());
    }
}
