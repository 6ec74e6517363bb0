//! A stand-in of Stripe for whoever buys: customers, set-ups and payments, and a bank that asks or not.
//!
//! | Confirmation token | Its card |
//! | --- | --- |
//! | `ctoken_good` | is accepted |
//! | `ctoken_declined` | is declined |
//! | `ctoken_asks` | has to be approved at an address of the bank whenever its owner is there |
//! | `ctoken_asks_by_script` | the same, by Stripe's script |

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, Response, StatusCode};
use merak_adapters::payments::stripe::Options;
use merak_server::{Config, Payments};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

use super::shop::config;

/// A call that changes something: its path and its fields.
pub type Seen = (String, BTreeMap<String, String>);

/// The stand-in.
pub struct Stripe {
    url: String,
    world: Arc<Mutex<World>>,
}

#[derive(Default)]
struct World {
    seen: Vec<Seen>,
    intents: BTreeMap<String, Value>,
    /// Which token a saved method came from.
    methods: BTreeMap<String, String>,
    kept: BTreeMap<String, (u16, Value)>,
    serial: usize,
}

impl Stripe {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(World::default()));
        let known = Arc::clone(&world);
        let router =
            Router::new().fallback(move |request: Request<Body>| answer(Arc::clone(&known), request));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, world }
    }

    /// Settings of a server that takes money through it.
    pub fn config(&self) -> Config {
        let options = Options {
            secret_key: String::from("sk_test_1"),
            publishable_key: String::from("pk_test_1"),
            webhook_secret: String::from("whsec_1"),
            url: self.url.parse().unwrap(),
        };
        Config { payments: Payments::Stripe(options), ..config() }
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// The last call of this path.
    pub fn seen(&self, path: &str) -> BTreeMap<String, String> {
        let world = self.world();
        world.seen.iter().rev().find(|(line, _)| line == path).unwrap().1.clone()
    }

    /// How much money was taken, payment by payment.
    pub fn charged(&self) -> Vec<i64> {
        let world = self.world();
        let paid = world.intents.values().filter(|intent| intent["status"] == "succeeded");
        paid.filter_map(|intent| intent["amount"].as_i64()).collect()
    }

    /// How a payment stands.
    pub fn status(&self, client_secret: &str) -> String {
        let world = self.world();
        let intent = world.intents.values().find(|intent| intent["client_secret"] == client_secret);
        intent.unwrap()["status"].as_str().unwrap().to_owned()
    }

    /// The owner of the card tells the bank whether it is they. Answers where the bank sends them.
    pub fn prove(&self, client_secret: &str, is_approved: bool) -> String {
        let mut world = self.world();
        let intent = world.intents.values().find(|intent| intent["client_secret"] == client_secret);
        let mut intent = intent.unwrap().clone();
        assert_eq!(intent["status"], "requires_action");
        if is_approved {
            world.succeed(&mut intent);
        } else {
            world.decline(&mut intent, "payment_intent_authentication_failure");
        }
        intent["return_url"].as_str().unwrap().to_owned()
    }
}

async fn answer(world: Arc<Mutex<World>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let path = head.uri.path().to_owned();
    let (status, body) = if head.method == http::Method::POST {
        let key = head.headers["idempotency-key"].to_str().unwrap().to_owned();
        let fields: BTreeMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
        world.lock().unwrap().once(&key, &path, &fields)
    } else {
        let id = path.rsplit('/').next().unwrap().to_owned();
        let found = world.lock().unwrap().intents.get(&id).cloned();
        found.map_or((404, json!({"error": {"type": "invalid_request_error"}})), |found| (200, found))
    };
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

impl World {
    fn once(&mut self, key: &str, path: &str, fields: &BTreeMap<String, String>) -> (u16, Value) {
        if let Some(answer) = self.kept.get(key) {
            return answer.clone();
        }
        self.seen.push((path.to_owned(), fields.clone()));
        let answer = match path {
            "/v1/setup_intents" => self.confirm(fields, "seti"),
            "/v1/payment_intents" => self.confirm(fields, "pi"),
            "/v1/customer_sessions" => (200, json!({"client_secret": "cuss_1_secret"})),
            _ if path.ends_with("/cancel") => (200, self.cancel(path.rsplit('/').nth(1).unwrap())),
            _ => (200, json!({"id": "cus_1", "customer": null})),
        };
        self.kept.insert(key.to_owned(), answer.clone());
        answer
    }

    fn confirm(&mut self, fields: &BTreeMap<String, String>, prefix: &str) -> (u16, Value) {
        self.serial += 1;
        let id = format!("{prefix}_{}", self.serial);
        let saved = fields.get("payment_method").cloned();
        let token = match &saved {
            Some(method) => self.methods[method].clone(),
            None => fields["confirmation_token"].clone(),
        };
        let method = saved.unwrap_or_else(|| format!("pm_{}", self.serial));
        let mut intent = json!({
            "id": id, "client_secret": format!("{id}_secret"), "return_url": fields.get("return_url"),
            "amount": fields.get("amount").map(|amount| amount.parse::<i64>().unwrap()),
            "currency": "usd", "token": token, "payment_method": method,
            "metadata": {"reference": fields["metadata[reference]"]},
        });
        let is_there = !fields.contains_key("off_session");
        if token == "ctoken_declined" {
            self.decline(&mut intent, "card_declined");
            let error =
                json!({"type": "card_error", "code": "card_declined", "message": "Your card was declined."});
            return (402, json!({"error": error}));
        }
        if token.starts_with("ctoken_asks") && is_there {
            intent["status"] = json!("requires_action");
            intent["next_action"] = match token.as_str() {
                "ctoken_asks" => json!({
                    "type": "redirect_to_url", "redirect_to_url": {"url": format!("https://bank.example/{id}?a=1&b=2")},
                }),
                _ => json!({"type": "use_stripe_sdk"}),
            };
            self.intents.insert(id, intent.clone());
        } else {
            self.succeed(&mut intent);
        }
        (200, intent)
    }

    fn cancel(&mut self, id: &str) -> Value {
        let intent = self.intents.get_mut(id).unwrap();
        assert_eq!(intent["status"], "requires_action");
        intent["status"] = json!("canceled");
        intent.clone()
    }

    fn succeed(&mut self, intent: &mut Value) {
        intent["status"] = json!("succeeded");
        let id = intent["payment_method"].as_str().unwrap().to_owned();
        self.methods.insert(id.clone(), intent["token"].as_str().unwrap().to_owned());
        intent["payment_method"] = json!({
            "id": id, "type": "card",
            "card": {"brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2040, "country": "US"},
        });
        intent["latest_charge"] = json!({"id": format!("ch_{id}")});
        self.intents.insert(intent["id"].as_str().unwrap().to_owned(), intent.clone());
    }

    fn decline(&mut self, intent: &mut Value, code: &str) {
        intent["status"] = json!("requires_payment_method");
        let error = json!({"type": "card_error", "code": code, "message": "It was not they."});
        (intent["last_payment_error"], intent["last_setup_error"]) = (error.clone(), error);
        self.intents.insert(intent["id"].as_str().unwrap().to_owned(), intent.clone());
    }
}
