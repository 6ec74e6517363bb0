//! `POST …/validate`.

use merak_core::kit::Patch;
use merak_core::license_keys::UpdateLicenseKey;
use serde_json::{Value, json};

use super::{call, seat};
use crate::support::UNKNOWN;

const DAY: u64 = 24 * 3600;

fn seats(limit: i64) -> Value {
    json!({"activations": {"limit": limit, "enable_customer_admin": true}})
}

fn expiring(ttl: i64, timeframe: &str) -> Value {
    json!({"expires": {"ttl": ttl, "timeframe": timeframe}})
}

scenarios! {
    // spec 40 §6.2
    async fn the_answer_is_the_key_as_counted_and_its_seat(shop) {
        let key = shop.key(json!({"activations": {"limit": 3, "enable_customer_admin": true}, "limit_usage": 500})).await;
        let more = json!({"conditions": {"major": 4}, "meta": {"os": "macOS 15.2", "build": 412}});
        let id = seat(shop, &key, more).await;
        shop.advance(5);
        let body = json!({
            "activation_id": id, "benefit_id": key.benefit_id, "customer_id": null, "increment_usage": 2,
            "conditions": {"major": 4},
        });
        let answer = call(shop, "validate", &key, body).await;
        let mut expected = shop.merchant.get(&format!("/v1/license-keys/{}", key.id)).await.expect(200);
        let activations = expected.as_object_mut().unwrap().remove("activations").unwrap();
        expected["activation"] = activations[0].clone();
        assert_eq!(answer.text(), expected.to_string());
        assert_eq!((&expected["usage"], &expected["validations"]), (&json!(2), &json!(1)));
        assert_eq!(expected["last_validated_at"], "2025-01-07T10:00:05Z");
        let without = call(shop, "validate", &key, json!({})).await.expect(200);
        assert_eq!(without["activation"], Value::Null);
    }

    // spec 40 §7.2: refusals count nothing
    async fn benefit_and_customer_must_be_the_keys_if_named(shop) {
        let key = shop.key(json!({"prefix": "x"})).await;
        assert_eq!(call(shop, "validate", &key, json!({})).await.expect(200)["validations"], 1);
        call(shop, "validate", &key, json!({"benefit_id": UNKNOWN})).await.refused(404, "ResourceNotFound");
        call(shop, "validate", &key, json!({"customer_id": UNKNOWN})).await.refused(404, "ResourceNotFound");
        let body = json!({"benefit_id": key.benefit_id});
        assert_eq!(call(shop, "validate", &key, body).await.expect(200)["validations"], 2);
        let body = json!({"benefit_id": key.benefit_id, "customer_id": key.customer_id});
        assert_eq!(call(shop, "validate", &key, body).await.expect(200)["validations"], 3);
    }

    // spec 40 §7.2
    async fn a_key_without_an_end_lasts(shop) {
        let key = shop.key(json!({})).await;
        call(shop, "validate", &key, json!({})).await.expect(200);
        shop.advance(3653 * DAY);
        call(shop, "validate", &key, json!({})).await.expect(200);
    }

    // spec 40 §7.2: the last moment is the one before the end
    async fn a_key_of_a_day_lasts_a_day(shop) {
        let key = shop.key(expiring(1, "day")).await;
        call(shop, "validate", &key, json!({})).await.expect(200);
        shop.advance(DAY - 1);
        call(shop, "validate", &key, json!({})).await.expect(200);
        shop.advance(1);
        call(shop, "validate", &key, json!({})).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §7.2
    async fn a_key_of_a_month_lasts_to_the_same_day_of_the_next(shop) {
        let key = shop.key(expiring(1, "month")).await;
        call(shop, "validate", &key, json!({})).await.expect(200);
        shop.advance(28 * DAY + 300);
        call(shop, "validate", &key, json!({})).await.expect(200);
        shop.advance(3 * DAY);
        call(shop, "validate", &key, json!({})).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §3.2: clipped to the end of a shorter month
    async fn a_month_from_the_last_of_january_is_the_last_of_february(shop) {
        shop.advance(24 * DAY);
        let key = shop.key(expiring(1, "month")).await;
        let shown = call(shop, "validate", &key, json!({})).await.expect(200);
        assert_eq!(shown["expires_at"], "2025-02-28T10:00:00Z");
    }

    // spec 40 §7.2 and §2.4
    async fn usage_ends_at_its_limit(shop) {
        let key = shop.key(json!({"limit_usage": 10})).await;
        for (increment, usage) in [(1, 1), (8, 9)] {
            let shown = call(shop, "validate", &key, json!({"increment_usage": increment, "label": "ignored"})).await;
            assert_eq!(shown.expect(200)["usage"], usage);
        }
        let answer = call(shop, "validate", &key, json!({"increment_usage": 2})).await;
        answer.refused(400, "BadRequest");
        assert!(answer.json()["detail"].as_str().unwrap().contains(" 1 "), "{}", answer.text());
        assert_eq!(call(shop, "validate", &key, json!({"increment_usage": 1})).await.expect(200)["usage"], 10);
        let shown = call(shop, "validate", &key, json!({"increment_usage": 0})).await.expect(200);
        assert_eq!((&shown["usage"], &shown["validations"]), (&json!(10), &json!(4)));
    }

    // spec 40 §2.4
    async fn usage_without_a_limit_ends_at_what_the_wire_can_carry(shop) {
        let key = shop.key(json!({})).await;
        let most = 2_147_483_647_i64;
        assert_eq!(call(shop, "validate", &key, json!({"increment_usage": most})).await.expect(200)["usage"], most);
        call(shop, "validate", &key, json!({"increment_usage": 1})).await.refused(400, "BadRequest");
        for (increment, kind) in [(-1, "greater_than_equal"), (most + 1, "less_than_equal")] {
            let answer = call(shop, "validate", &key, json!({"increment_usage": increment})).await;
            assert_eq!(answer.schema_problems(), [format!("{kind} body.increment_usage")]);
        }
        assert_eq!(call(shop, "validate", &key, json!({})).await.expect(200)["usage"], most);
    }

    // spec 40 §2.4: a remaining count can be negative
    async fn usage_above_the_limit_is_told_as_it_is(shop) {
        let key = shop.key(json!({"limit_usage": 10})).await;
        shop.change_key(&key, UpdateLicenseKey { usage: Some(12), ..UpdateLicenseKey::default() }).await;
        let answer = call(shop, "validate", &key, json!({"increment_usage": 1})).await;
        answer.refused(400, "BadRequest");
        assert!(answer.text().contains("-2"), "{}", answer.text());
        call(shop, "validate", &key, json!({})).await.expect(200);
    }

    // spec 40 §7.2
    async fn a_named_activation_must_be_live_and_the_keys(shop) {
        let (key, other) = (shop.key(seats(1)).await, shop.key(seats(1)).await);
        let (id, foreign) = (seat(shop, &key, json!({})).await, seat(shop, &other, json!({})).await);
        for id in [UNKNOWN, &foreign] {
            call(shop, "validate", &key, json!({"activation_id": id})).await.refused(404, "ResourceNotFound");
        }
        let shown = call(shop, "validate", &key, json!({"activation_id": id})).await.expect(200);
        assert_eq!((&shown["key"], &shown["activation"]["id"]), (&json!(key.key), &json!(id)));
        // Enforcing that a device is activated is the app's own business.
        call(shop, "validate", &key, json!({})).await.expect(200);
    }

    // spec 40 §7.2 and §2.4
    async fn conditions_are_repeated_as_a_whole(shop) {
        let key = shop.key(seats(5)).await;
        let stored = json!({"ip": "10.0.0.1", "list": [1, 2], "deep": {"a": true, "b": null}, "n": 1});
        let id = seat(shop, &key, json!({"conditions": stored})).await;
        let turned = json!({"n": 1.0, "deep": {"b": null, "a": true}, "list": [1, 2], "ip": "10.0.0.1"});
        for conditions in [stored.clone(), turned] {
            let body = json!({"activation_id": id, "conditions": conditions});
            call(shop, "validate", &key, body).await.expect(200);
        }
        let mut others = vec![json!({})];
        for (name, value) in [
            ("extra", json!(1)), ("list", json!([2, 1])), ("n", json!(true)), ("n", json!("1")), ("ip", json!("10.0.0.2")),
            ("deep", json!({"a": 1, "b": null})), ("deep", json!({"a": true})),
        ] {
            let mut other = stored.clone();
            other[name] = value;
            others.push(other);
        }
        for conditions in others {
            let body = json!({"activation_id": id, "conditions": conditions});
            let answer = call(shop, "validate", &key, body).await;
            assert_eq!(answer.status, 404, "{conditions}");
        }
        assert_eq!(call(shop, "validate", &key, json!({"activation_id": id})).await.status, 404);
        // They are compared only when the activation is named, and none let anything pass.
        call(shop, "validate", &key, json!({"conditions": {"ip": "9"}})).await.expect(200);
        let free = seat(shop, &key, json!({})).await;
        call(shop, "validate", &key, json!({"activation_id": free, "conditions": {"ip": "9"}})).await.expect(200);
    }

    // spec 40 §7.2 and the order of §2.4
    async fn the_first_reason_against_a_key_is_told(shop) {
        let settings = json!({
            "expires": {"ttl": 1, "timeframe": "day"}, "limit_usage": 1,
            "activations": {"limit": 1, "enable_customer_admin": true},
        });
        let key = shop.key(settings).await;
        let id = seat(shop, &key, json!({"conditions": {"a": 1}})).await;
        let say = |body: Value| {
            let key = &key;
            async move {
                let answer = call(shop, "validate", key, body).await;
                (answer.status, answer.json()["detail"].as_str().unwrap().to_owned())
            }
        };
        // Everything is wrong at first; one thing after the other is put right.
        let mut body = json!({
            "activation_id": UNKNOWN, "benefit_id": UNKNOWN, "customer_id": UNKNOWN, "increment_usage": 5,
        });
        let path = format!("/v1/license-keys/{}", key.id);
        shop.merchant.patch(&path, json!({"status": "disabled"})).await.expect(200);
        shop.advance(DAY);
        let mut said = vec![say(body.clone()).await];
        shop.merchant.patch(&path, json!({"status": "granted"})).await.expect(200);
        said.push(say(body.clone()).await);
        shop.merchant.patch(&path, json!({"expires_at": null})).await.expect(200);
        said.push(say(body.clone()).await);
        body["activation_id"] = json!(id);
        said.push(say(body.clone()).await);
        body["conditions"] = json!({"a": 1});
        said.push(say(body.clone()).await);
        body["benefit_id"] = json!(key.benefit_id);
        said.push(say(body.clone()).await);
        body["customer_id"] = json!(key.customer_id);
        said.push(say(body.clone()).await);
        let statuses: Vec<u16> = said.iter().map(|(status, _)| *status).collect();
        assert_eq!(statuses, [404, 404, 404, 404, 404, 404, 400]);
        let mut sentences: Vec<&String> = said.iter().map(|(_, sentence)| sentence).collect();
        assert_eq!(sentences[2], "Not found");
        sentences.dedup();
        assert_eq!(sentences.len(), 7, "{said:?}");
        body["increment_usage"] = json!(1);
        assert_eq!(call(shop, "validate", &key, body).await.expect(200)["validations"], 1);
    }

    // spec 40 §3.1
    async fn a_key_is_found_exactly_as_written(shop) {
        let key = shop.key(json!({"prefix": "abc"})).await;
        let text = key.key.clone();
        for other in [text.to_lowercase(), format!(" {text}"), format!("{text} "), text[4..].to_owned(), String::new()] {
            call(shop, "validate", &key, json!({"key": other})).await.refused(404, "ResourceNotFound");
        }
        call(shop, "validate", &key, json!({"organization_id": UNKNOWN})).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §2.4 and §7.2
    async fn numbers_are_read_generously(shop) {
        let key = shop.key(json!({})).await;
        let mut usage = 0;
        for (increment, counts) in [(json!("2"), 2), (json!(1.0), 1), (json!(true), 1), (Value::Null, 0), (json!(0), 0)] {
            usage += counts;
            let shown = call(shop, "validate", &key, json!({"increment_usage": increment})).await.expect(200);
            assert_eq!(shown["usage"], usage);
        }
        for (increment, kind) in [(json!(1.5), "int_from_float"), (json!("many"), "int_parsing"), (json!([]), "int_type")] {
            let answer = call(shop, "validate", &key, json!({"increment_usage": increment})).await;
            assert_eq!(answer.schema_problems(), [format!("{kind} body.increment_usage")]);
        }
        let nulls = json!({"activation_id": null, "benefit_id": null, "customer_id": null, "increment_usage": null});
        call(shop, "validate", &key, nulls).await.expect(200);
        let answer = call(shop, "validate", &key, json!({"conditions": null, "activation_id": ""})).await;
        assert_eq!(answer.schema_problems(), ["uuid_parsing body.activation_id", "dict_type body.conditions"]);
    }

    // spec 40 §2.8: a change of the limit is effective for the next call
    async fn a_new_limit_counts_at_once(shop) {
        let key = shop.key(json!({"limit_usage": 1})).await;
        call(shop, "validate", &key, json!({"increment_usage": 1})).await.expect(200);
        call(shop, "validate", &key, json!({"increment_usage": 1})).await.refused(400, "BadRequest");
        shop.change_key(&key, UpdateLicenseKey { limit_usage: Patch::Value(2), ..UpdateLicenseKey::default() }).await;
        call(shop, "validate", &key, json!({"increment_usage": 1})).await.expect(200);
    }
}
