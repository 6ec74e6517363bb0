//! Event streams: `/v1/stream/…` and `/v1/customer-portal/customers/stream`.

use std::time::Duration;

use merak_core::benefits::BenefitType;
use merak_server::Config;
use merak_testkit::Engine;
use serde_json::json;

use crate::support::http::EVENT_STREAM;
use crate::support::shop::{config, order};
use crate::support::{Client, Shop, everything, migrated};

const OF_CUSTOMER: &str = "/v1/customer-portal/customers/stream";
const OF_USER: &str = "/v1/stream/user";

scenarios! {
    // spec 50 §4.7 and 40 §5.2, framing of 30 C9
    async fn a_buyer_hears_what_they_get_and_lose(shop) {
        let (customer, other) = (shop.customer().await, shop.customer().await);
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": null})).await;
        let order = order();
        shop.grant(benefit.id, other.id, order).await;
        let mut stream = shop.buyer(customer.id).await.listen(OF_CUSTOMER).await;
        assert_eq!(stream.status, 200);
        for (name, value) in [("content-type", EVENT_STREAM), ("cache-control", "no-store"), ("x-accel-buffering", "no")] {
            assert_eq!(stream.headers[name], value);
        }
        shop.revoke(benefit.id, other.id, order).await;
        shop.grant(benefit.id, customer.id, order).await;
        let payload = json!({"benefit_id": benefit.id, "benefit_type": "custom"});
        assert_eq!(stream.next().await, Some((String::from("benefit.granted"), payload.clone())), "and nothing of others");
        shop.revoke(benefit.id, customer.id, order).await;
        assert_eq!(stream.next().await, Some((String::from("benefit.revoked"), payload)));
    }

    // spec 50 §4.7: nothing is replayed
    async fn a_stream_begins_with_what_comes_after_it(shop) {
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        let benefits = [
            shop.benefit(BenefitType::Custom, json!({"note": null})).await,
            shop.benefit(BenefitType::Custom, json!({"note": null})).await,
        ];
        let mut early = buyer.listen(OF_CUSTOMER).await;
        shop.grant(benefits[0].id, customer.id, order()).await;
        let mut late = buyer.listen(OF_CUSTOMER).await;
        shop.grant(benefits[1].id, customer.id, order()).await;
        for benefit in &benefits {
            assert_eq!(early.next().await.unwrap().1["benefit_id"], benefit.id.to_string());
        }
        assert_eq!(late.next().await.unwrap().1["benefit_id"], benefits[1].id.to_string());
    }

    // spec 40 §4.1: a user acts for all customers linked to them
    async fn a_person_hears_of_all_customers_they_are(shop) {
        let person = shop.user("nora.private@example.com").await;
        let client = shop.user_client(person.id, everything()).await;
        client.get(OF_CUSTOMER).await.refused(404, "ResourceNotFound");
        let customers = [shop.customer().await, shop.customer().await];
        for customer in &customers {
            shop.link(customer.id, person.id).await;
        }
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": null})).await;
        let mut stream = client.listen(OF_CUSTOMER).await;
        for customer in &customers {
            shop.grant(benefit.id, customer.id, order()).await;
        }
        for _ in &customers {
            assert_eq!(stream.next().await.unwrap().0, "benefit.granted");
        }
    }

    // spec 50 §4.7; whichever server of several the change was made on
    async fn members_hear_of_their_organization_on_every_server(shop) {
        let id = shop.organization.id;
        let path = format!("/v1/stream/organizations/{id}");
        let second = shop.another_server().await;
        let browser = shop.browser(shop.member.id).await;
        let elsewhere = Client::new(second.address())
            .with("cookie", format!("polar_session={}", shop.session(shop.member.id).await));
        let mut streams = Vec::new();
        for client in [&browser, &elsewhere] {
            for path in [OF_USER, &path] {
                streams.push(client.listen(path).await);
            }
        }
        shop.merchant.patch(&format!("/v1/organizations/{id}"), json!({})).await.expect(200);
        for stream in &mut streams {
            let heard = stream.next().await;
            assert_eq!(heard, Some((String::from("organization.updated"), json!({"organization_id": id}))));
        }
        drop(streams);
        second.stop().await;
    }

    // spec 50 §4.7: 404 unknown, 401 not a member; tokens do not do
    async fn only_members_listen_to_an_organization(shop) {
        let stranger = shop.user("stranger@example.com").await;
        let stranger = shop.browser(stranger.id).await;
        let path = format!("/v1/stream/organizations/{}", shop.organization.id);
        let answer = stranger.get(&path).await;
        answer.refused(401, "Unauthorized");
        let unknown = format!("/v1/stream/organizations/{}", crate::support::UNKNOWN);
        stranger.get(&unknown).await.refused(404, "ResourceNotFound");
        for path in [&path, OF_USER] {
            assert_eq!(shop.merchant.get(path).await.status, 403, "a token of a member is no session");
        }
    }

    async fn a_stream_ends_when_its_credential_does(shop) {
        let customer = shop.customer().await;
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": null})).await;
        let mut expiring = shop.buyer(customer.id).await.listen(OF_CUSTOMER).await;
        shop.grant(benefit.id, customer.id, order()).await;
        assert!(expiring.next().await.is_some());
        shop.advance(3600);
        shop.grant(benefit.id, customer.id, order()).await;
        assert_eq!(expiring.next().await, None, "the session is over, and this grant is none of its business");
        let browser = shop.browser(shop.member.id).await;
        let mut left = browser.listen(&format!("/v1/stream/organizations/{}", shop.organization.id)).await;
        let now = merak_store::Source::now(&*shop.source);
        shop.sql("UPDATE organization_members SET deleted_at = $1", vec![Box::new(now)]).await;
        shop.write(|tx| {
            let id = merak_core::organizations::only(tx)?.unwrap().id;
            merak_core::streams::publish(tx, &merak_core::streams::Channel::Organization(id), "x", &json!({}))
        }).await.unwrap();
        assert_eq!(left.next().await, None, "who is no member any more hears nothing");
    }

    async fn streams_end_with_the_server(shop) {
        let customer = shop.customer().await;
        let second = shop.another_server().await;
        let token = shop.buyer_token(customer.id).await;
        let mut stream = Client::new(second.address()).bearer(&token).listen(OF_CUSTOMER).await;
        let stopping = tokio::time::timeout(Duration::from_secs(10), second.stop());
        let (next, stopped) = tokio::join!(stream.next(), stopping);
        assert_eq!(next, None);
        stopped.expect("nobody waits for streams");
    }
}

fn on_one_engine(config: Config, test: impl AsyncFnOnce(&Shop)) {
    let database = migrated(Engine::Sqlite);
    merak_testkit::run(async move { test(&Shop::open_with(database, config).await).await });
}

#[test]
fn an_address_has_so_many_streams_and_no_more() {
    on_one_engine(Config { streams_per_address: 2, ..config() }, async |shop| {
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        let streams = [buyer.listen(OF_CUSTOMER).await, buyer.listen(OF_CUSTOMER).await];
        let answer = buyer.get(OF_CUSTOMER).await;
        answer.refused(429, "TooManyRequests");
        assert_eq!(answer.header("retry-after"), Some("10"));
        drop(streams);
        freed(&buyer).await;
    });
}

#[test]
fn a_server_has_so_many_streams_and_no_more() {
    on_one_engine(Config { streams: 1, ..config() }, async |shop| {
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        let stream = buyer.listen(OF_CUSTOMER).await;
        let answer = buyer.get(OF_CUSTOMER).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
        drop(stream);
        freed(&buyer).await;
    });
}

// spec 30 C9
#[test]
fn a_stream_with_nothing_to_say_shows_that_it_is_there_and_ends_with_its_session() {
    let often = Duration::from_millis(50);
    on_one_engine(Config { stream_ping: often, ..config() }, async |shop| {
        let customer = shop.customer().await;
        let mut stream = shop.buyer(customer.id).await.listen(OF_CUSTOMER).await;
        for _ in 0..3 {
            assert_eq!(stream.block().await.as_deref(), Some(": ping"));
        }
        shop.advance(3600);
        assert_eq!(stream.next().await, None);
    });
    assert_eq!(Config::default().stream_ping, Duration::from_secs(15));
}

// Who does not listen while much is said has to come again, and holds nobody up.
#[test]
fn who_falls_behind_is_told_no_more() {
    on_one_engine(config(), async |shop| {
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        let (mut slow, mut quick) = (buyer.listen(OF_CUSTOMER).await, buyer.listen(OF_CUSTOMER).await);
        let channel = merak_core::streams::Channel::Customer(customer.id);
        let long = json!({"text": "x".repeat(100_000)});
        for _ in 0..20 {
            let long = long.clone();
            shop.write(move |tx| {
                for _ in 0..10 {
                    merak_core::streams::publish(tx, &channel, "long", &long)?;
                }
                Ok(())
            })
            .await
            .unwrap();
            for _ in 0..10 {
                assert_eq!(quick.next().await.unwrap().0, "long");
            }
        }
        let mut heard = 0;
        while slow.next().await.is_some() {
            heard += 1;
        }
        assert!(heard < 200, "{heard}");
    });
}

/// Waits until a place is free again: the server learns by itself that who listened is gone.
async fn freed(client: &Client) {
    let begin = std::time::Instant::now();
    while client.get(OF_CUSTOMER).await.status != 200 {
        assert!(begin.elapsed() < Duration::from_secs(10), "a place is given back");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
