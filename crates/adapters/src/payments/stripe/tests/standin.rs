//! A stand-in of Stripe, by its public documentation: it checks what is sent, keeps the answer of each key, and knows
//! customers, intents, methods and refunds.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, Response, StatusCode};
use jiff::Timestamp;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

use super::super::{Options, Stripe};
use crate::payments::signature::Signer;

pub(super) const WEBHOOK_SECRET: &str = "whsec_test_1";

/// Stripe as the tests call it, and the stand-in behind it.
pub(super) struct Standin {
    pub(super) stripe: Stripe,
    world: Arc<Mutex<World>>,
}

/// A request that was seen.
#[derive(Clone)]
pub(super) struct Seen {
    /// `POST /v1/refunds`.
    pub(super) line: String,
    /// The `Idempotency-Key`.
    pub(super) key: String,
    /// The form of a `POST`, the query of a `GET`.
    pub(super) fields: Vec<(String, String)>,
}

impl Seen {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type Answer = (u16, Value);

/// Everything that the stand-in knows.
#[derive(Default)]
pub(super) struct World {
    pub(super) seen: Vec<Seen>,
    pub(super) customers: BTreeSet<String>,
    pub(super) intents: BTreeMap<String, Value>,
    /// How many charges took money.
    pub(super) charges: usize,
    methods: BTreeMap<String, Value>,
    refunds: BTreeMap<String, Value>,
    /// What was answered to each key, and to which request.
    kept: BTreeMap<String, (String, Answer)>,
    next: VecDeque<Answer>,
    serial: usize,
}

/// Settings that lead to a stand-in.
pub(super) fn options(url: &str) -> Options {
    Options {
        url: url.parse().unwrap(),
        secret_key: String::from("sk_test_1"),
        publishable_key: String::from("pk_test_1"),
        webhook_secret: WEBHOOK_SECRET.to_owned(),
    }
}

/// A message as Stripe sends it.
pub(super) fn signed(event: &Value, at: Timestamp) -> (HeaderMap, Vec<u8>, Timestamp) {
    let body = event.to_string().into_bytes();
    let signature = Signer::new(WEBHOOK_SECRET.as_bytes()).sign(&body, at);
    let headers = HeaderMap::from_iter([("stripe-signature".parse().unwrap(), signature.parse().unwrap())]);
    (headers, body, at)
}

impl Standin {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let world = Arc::new(Mutex::new(World::default()));
        let handler = Arc::clone(&world);
        let router =
            Router::new().fallback(move |request: Request<Body>| answer(Arc::clone(&handler), request));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { stripe: Stripe::new(options(&url)).unwrap(), world }
    }

    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Answers the next request so, whatever it is.
    pub(super) fn answer_next(&self, status: u16, body: Value) {
        self.world().next.push_back((status, body));
    }
}

async fn answer(world: Arc<Mutex<World>>, request: Request<Body>) -> Response<Body> {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    let header =
        |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    assert_eq!(header("authorization"), "Bearer sk_test_1");
    assert_eq!(header("stripe-version"), "2024-12-18.acacia");
    let is_post = head.method == http::Method::POST;
    let text = if is_post { &body[..] } else { head.uri.query().unwrap_or_default().as_bytes() };
    let seen = Seen {
        line: format!("{} {}", head.method, head.uri.path()),
        key: header("idempotency-key").to_owned(),
        fields: form_urlencoded::parse(text).into_owned().collect(),
    };
    assert_eq!(is_post, !seen.key.is_empty(), "{}", seen.line);
    if is_post {
        assert_eq!(header("content-type"), "application/x-www-form-urlencoded");
    }
    let (status, body) = world.lock().unwrap().answer(&seen);
    let body = if body.is_null() { Body::from("<html>") } else { Body::from(body.to_string()) };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

#[expect(clippy::needless_pass_by_value, reason = "it is written where it is called")]
fn refusal(status: u16, error: Value) -> Answer {
    (status, json!({"error": error}))
}

fn missing(param: &str) -> Answer {
    let error = json!({
        "type": "invalid_request_error", "code": "resource_missing", "param": param, "message": "No such thing.",
    });
    refusal(if param == "id" { 404 } else { 400 }, error)
}

impl World {
    fn answer(&mut self, seen: &Seen) -> Answer {
        self.seen.push(seen.clone());
        if let Some(answer) = self.next.pop_front() {
            return answer;
        }
        if seen.key.is_empty() {
            return self.look(seen);
        }
        let request = format!("{} {:?}", seen.line, seen.fields);
        if let Some((known, answer)) = self.kept.get(&seen.key) {
            if *known != request {
                return refusal(400, json!({"type": "idempotency_error", "message": "Another request."}));
            }
            return answer.clone();
        }
        let answer = self.change(seen);
        self.kept.insert(seen.key.clone(), (request, answer.clone()));
        // The answer is kept, and lost on its way by somebody in between.
        if seen.field("confirmation_token") == Some("ctoken_unheard") { (502, Value::Null) } else { answer }
    }

    fn name(&mut self, prefix: &str) -> String {
        self.serial += 1;
        format!("{prefix}_{}", self.serial)
    }

    fn look(&mut self, seen: &Seen) -> Answer {
        let parts: Vec<&str> = seen.line.trim_start_matches("GET /v1/").split('/').collect();
        let found = match parts[..] {
            ["payment_intents", "search"] => {
                let query = seen.field("query").unwrap();
                let reference =
                    query.strip_prefix("metadata['reference']:'").unwrap().strip_suffix('\'').unwrap();
                let intents = self.intents.values().filter(|intent| {
                    intent["object"] == "payment_intent" && intent["metadata"]["reference"] == reference
                });
                return (200, json!({"object": "search_result", "data": intents.collect::<Vec<_>>()}));
            }
            ["payment_intents" | "setup_intents", id] => self.intents.get(id),
            ["payment_methods", id] => self.methods.get(id),
            ["refunds"] => {
                let intent = seen.field("payment_intent").unwrap();
                let refunds = self.refunds.values().filter(|refund| refund["payment_intent"] == intent);
                return (
                    200,
                    json!({"object": "list", "data": refunds.collect::<Vec<_>>(), "has_more": false}),
                );
            }
            ["refunds", id] => self.refunds.get(id),
            ["customers", id, "payment_methods"] => {
                if !self.customers.contains(id) {
                    return missing("id");
                }
                let methods = self.methods.values().filter(|method| method["customer"] == id);
                return (200, json!({"object": "list", "data": methods.collect::<Vec<_>>()}));
            }
            _ => None,
        };
        found.map_or_else(|| missing("id"), |found| (200, found.clone()))
    }

    fn change(&mut self, seen: &Seen) -> Answer {
        let parts: Vec<&str> = seen.line.trim_start_matches("POST /v1/").split('/').collect();
        match parts[..] {
            ["customers"] => {
                let id = self.name("cus");
                self.customers.insert(id.clone());
                (200, json!({"id": id, "object": "customer"}))
            }
            ["customers", id] if self.customers.contains(id) => {
                (200, json!({"id": id, "object": "customer"}))
            }
            ["customer_sessions"] => match seen.field("customer") {
                Some(id) if self.customers.contains(id) => (
                    200,
                    json!({"object": "customer_session", "client_secret": format!("cuss_secret_of_{id}")}),
                ),
                _ => missing("customer"),
            },
            ["payment_intents"] => self.confirm(seen, "payment_intent"),
            ["setup_intents"] => self.confirm(seen, "setup_intent"),
            ["payment_intents", id, "cancel"] => self.cancel(id),
            ["refunds"] => self.refund(seen),
            ["payment_methods", id, "detach"] => match self.methods.get_mut(id) {
                Some(method) if method["customer"].is_null() => refusal(
                    400,
                    json!({"type": "invalid_request_error", "message": "It is not attached to a customer."}),
                ),
                Some(method) => {
                    method["customer"] = Value::Null;
                    (200, method.clone())
                }
                None => missing("id"),
            },
            _ => missing("id"),
        }
    }

    /// The hand whose card a request means.
    fn card(&self, seen: &Seen) -> Option<(Option<String>, String)> {
        if let Some(token) = seen.field("confirmation_token") {
            let hand = token.strip_prefix("ctoken_")?;
            let known = ["good", "insufficient_funds", "lost_card", "asking", "always_asking", "unheard"];
            return known.contains(&hand).then(|| (None, hand.to_owned()));
        }
        let method = self.methods.get(seen.field("payment_method")?)?;
        if method["customer"].as_str() != seen.field("customer") {
            return None;
        }
        Some((method["id"].as_str().map(str::to_owned), method["hand"].as_str()?.to_owned()))
    }

    fn confirm(&mut self, seen: &Seen, object: &str) -> Answer {
        assert_eq!(seen.field("confirm"), Some("true"));
        let is_away = seen.field("off_session") == Some("true");
        let no_redirects = seen.field("automatic_payment_methods[allow_redirects]") == Some("never");
        assert!(seen.field("return_url").is_some() || no_redirects, "Stripe would refuse this");
        if !self.customers.contains(seen.field("customer").unwrap()) {
            return missing("customer");
        }
        let source =
            if seen.field("payment_method").is_some() { "payment_method" } else { "confirmation_token" };
        let Some((saved, hand)) = self.card(seen) else { return missing(source) };
        let is_charge = object == "payment_intent";
        let id = self.name(if is_charge { "pi" } else { "seti" });
        let is_saved =
            saved.is_some() || !is_charge || seen.field("setup_future_usage") == Some("off_session");
        let method_id = saved.unwrap_or_else(|| self.name("pm"));
        let mut intent = json!({
            "id": id, "object": object, "client_secret": format!("{id}_secret_{}", self.serial),
            "customer": seen.field("customer"), "hand": hand, "saves": is_saved, "method_id": method_id,
            "metadata": {"reference": seen.field("metadata[reference]")},
        });
        if is_charge {
            intent["amount"] = json!(seen.field("amount").unwrap().parse::<i64>().unwrap());
            intent["currency"] = json!(seen.field("currency"));
        }
        let asks = match &*hand {
            "always_asking" => true,
            "asking" => !is_away,
            _ => false,
        };
        if asks && is_away {
            let error = json!({"type": "card_error", "code": "authentication_required", "message": "Ask them first."});
            return self.decline(intent, error);
        }
        if asks {
            intent["status"] = json!("requires_action");
            intent["next_action"] = json!({
                "type": "redirect_to_url",
                "redirect_to_url": {"url": "https://hooks.example.com/3ds", "return_url": seen.field("return_url")},
            });
            self.intents.insert(id, intent.clone());
            return (200, intent);
        }
        if matches!(&*hand, "insufficient_funds" | "lost_card") {
            let error = json!({
                "type": "card_error", "code": "card_declined", "decline_code": hand,
                "message": "Your card was declined.",
            });
            return self.decline(intent, error);
        }
        (200, self.succeed(intent))
    }

    fn decline(&mut self, mut intent: Value, mut error: Value) -> Answer {
        let object = intent["object"].as_str().unwrap().to_owned();
        intent["status"] = json!("requires_payment_method");
        let member = if object == "payment_intent" { "last_payment_error" } else { "last_setup_error" };
        intent[member] = error.clone();
        self.intents.insert(intent["id"].as_str().unwrap().to_owned(), intent.clone());
        error[&*object] = intent;
        refusal(402, error)
    }

    fn succeed(&mut self, mut intent: Value) -> Value {
        intent["status"] = json!("succeeded");
        intent["next_action"] = Value::Null;
        let method_id = intent["method_id"].as_str().unwrap().to_owned();
        let customer = if intent["saves"] == true { intent["customer"].clone() } else { Value::Null };
        let method = self.methods.entry(method_id.clone()).or_insert_with(|| {
            json!({
                "id": method_id, "object": "payment_method", "type": "card", "customer": customer,
                "hand": intent["hand"],
                "card": {"brand": "visa", "last4": "4242", "exp_month": 8, "exp_year": 2030, "country": "US"},
            })
        });
        intent["payment_method"] = method.clone();
        if intent["object"] == "payment_intent" {
            self.charges += 1;
            let (id, balance) = (self.name("ch"), self.name("txn"));
            intent["latest_charge"] = json!({
                "id": id, "object": "charge",
                "balance_transaction": {"id": balance, "fee": 66, "currency": intent["currency"]},
            });
        }
        self.intents.insert(intent["id"].as_str().unwrap().to_owned(), intent.clone());
        intent
    }

    /// The customer tells the bank whether it is they.
    pub(super) fn prove(&mut self, client_secret: &str, approve: bool) {
        let intent = self.intents.values().find(|intent| intent["client_secret"] == client_secret);
        let intent = intent.unwrap().clone();
        if intent["status"] != "requires_action" {
            return;
        }
        if approve {
            self.succeed(intent);
        } else {
            let code = format!("{}_authentication_failure", intent["object"].as_str().unwrap());
            self.decline(intent, json!({"type": "card_error", "code": code, "message": "It is not they."}));
        }
    }

    fn cancel(&mut self, id: &str) -> Answer {
        let Some(intent) = self.intents.get_mut(id) else { return missing("id") };
        match intent["status"].as_str().unwrap() {
            "requires_action" | "requires_payment_method" => {
                intent["status"] = json!("canceled");
                (200, intent.clone())
            }
            _ => refusal(
                400,
                json!({
                    "type": "invalid_request_error", "code": "payment_intent_unexpected_state", "message": "Too late.",
                }),
            ),
        }
    }

    fn refund(&mut self, seen: &Seen) -> Answer {
        let Some(intent) = self.intents.get(seen.field("payment_intent").unwrap()) else {
            return missing("payment_intent");
        };
        let wanted: i64 = seen.field("amount").unwrap().parse().unwrap();
        let back = self.refunds.values().filter(|refund| refund["payment_intent"] == intent["id"]);
        let back: i64 = back.map(|refund| refund["amount"].as_i64().unwrap()).sum();
        if intent["status"] != "succeeded" || wanted > intent["amount"].as_i64().unwrap() - back {
            let message = "The amount is greater than what is left.";
            return refusal(400, json!({"type": "invalid_request_error", "message": message}));
        }
        let intent_id = intent["id"].clone();
        let id = self.name("re");
        let refund = json!({
            "id": id, "object": "refund", "amount": wanted, "payment_intent": intent_id, "status": "succeeded",
            "metadata": {"reference": seen.field("metadata[reference]")},
        });
        self.refunds.insert(id, refund.clone());
        (200, refund)
    }
}
