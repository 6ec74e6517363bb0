//! A shop made with the program's own commands and a running server.

use serde_json::{Value, json};

use crate::http::{self, Answer};
use crate::installation::Installation;

pub struct Shop {
    pub organization_id: String,
    pub token: String,
}

impl Shop {
    pub fn open(installation: &Installation) -> Self {
        let organization =
            installation.json("organization create --name Acme --slug acme --owner owner@example.com");
        let token = installation.json("token create --user owner@example.com --all-scopes");
        Self { organization_id: text(&organization["id"]), token: text(&token["token"]) }
    }

    /// A license-keys benefit without limits.
    pub fn benefit(&self, url: &str) -> String {
        let answer = http::post(
            url,
            "/v1/benefits/",
            &self.token,
            &json!({
                "type": "license_keys", "description": "The application",
                "organization_id": self.organization_id, "properties": {"prefix": "ACME"},
            }),
        );
        assert_eq!(answer.status, 201, "{answer:?}");
        text(&answer.json()["id"])
    }

    /// A product with these benefits.
    pub fn product(&self, url: &str, benefits: &[&str]) -> String {
        let body = json!({
            "name": "Desktop app", "organization_id": self.organization_id,
            "prices": [{"type": "one_time", "amount_type": "fixed", "price_amount": 1999}],
        });
        let answer = http::post(url, "/v1/products/", &self.token, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        let id = text(&answer.json()["id"]);
        let body = json!({"benefits": benefits});
        let answer = http::post(url, &format!("/v1/products/{id}/benefits"), &self.token, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        id
    }

    /// Sells something at this price to somebody who pays with a test card. The answer is the order's id.
    pub fn sell(&self, url: &str, price: &Value, card: &str) -> String {
        let body = json!({"name": "Desktop app", "organization_id": self.organization_id, "prices": [price]});
        let product = http::post(url, "/v1/products/", &self.token, &body);
        assert_eq!(product.status, 201, "{product:?}");
        let body = json!({"product_id": product.json()["id"]});
        let checkout = http::post(url, "/v1/checkouts/custom/", &self.token, &body);
        assert_eq!(checkout.status, 201, "{checkout:?}");
        let path = format!("/v1/checkouts/custom/client/{}/confirm", text(&checkout.json()["client_secret"]));
        let body = json!({
            "customer_name": "Ada", "customer_email": "ada@example.com", "customer_billing_address": {"country": "FR"},
            "confirmation_token_id": format!("ctoken_sandbox_{card}"),
        });
        let confirmed = http::post(url, &path, "", &body);
        assert_eq!(confirmed.status, 200, "{confirmed:?}");
        let path = format!("/v1/orders/?product_id={}", text(&product.json()["id"]));
        text(&http::get(url, &path, &self.token).json()["items"][0]["id"])
    }

    pub fn customer(&self, url: &str, email: &str) -> String {
        let body = json!({"email": email, "organization_id": self.organization_id});
        let answer = http::post(url, "/v1/customers/", &self.token, &body);
        assert_eq!(answer.status, 201, "{answer:?}");
        text(&answer.json()["id"])
    }

    pub fn validate(&self, url: &str, key: &str) -> Answer {
        let body = json!({"key": key, "organization_id": self.organization_id});
        http::post(url, "/v1/customer-portal/license-keys/validate", "", &body)
    }
}

/// Activates a key as an application would.
pub fn activate(url: &str, organization_id: &str, key: &str, label: &str) -> Answer {
    let body = json!({"key": key, "organization_id": organization_id, "label": label});
    http::post(url, "/v1/customer-portal/license-keys/activate", "", &body)
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}
