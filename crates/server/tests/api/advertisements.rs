//! `/v1/advertisements/`.

use merak_core::advertisements::{self, CreateCampaign};
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::customers::Customer;
use serde_json::{Value, json};

use crate::support::shop::order;
use crate::support::{Shop, UNKNOWN};

const PATH: &str = "/v1/advertisements/";

/// A benefit of the kind ads, 200 wide and 100 high.
async fn room(shop: &Shop) -> Benefit {
    shop.benefit(BenefitType::Ads, json!({"image_height": 100, "image_width": 200})).await
}

/// The path of a new campaign of the customer.
async fn campaign(shop: &Shop, customer: &Customer, room: Option<&Benefit>) -> String {
    let command = CreateCampaign {
        customer_id: customer.id,
        image_url: "https://acme.example/ad.png".parse().unwrap(),
        image_url_dark: None,
        text: String::from("Acme"),
        link_url: "https://Acme.example".parse().unwrap(),
    };
    let campaign = shop.write(move |tx| advertisements::create(tx, &command)).await.unwrap();
    if let Some(room) = room {
        let grant = shop.grant(room.id, customer.id, order()).await;
        shop.write(move |tx| advertisements::show_by_grant(tx, campaign.id, grant.id)).await.unwrap();
    }
    format!("{PATH}{}", campaign.id)
}

async fn counts(shop: &Shop, path: &str) -> (i64, i64) {
    let id = path.rsplit('/').next().unwrap().parse().unwrap();
    let counts = shop.store.read(move |tx| advertisements::counts(tx, id)).await.unwrap();
    (counts.views, counts.clicks)
}

scenarios! {
    /// A1
    async fn a_room_lists_what_is_shown_in_it(shop) {
        let room = room(shop).await;
        let customer = shop.customer().await;
        let path = campaign(shop, &customer, Some(&room)).await;
        campaign(shop, &customer, None).await;
        let answer = shop.anonymous.get(&format!("{PATH}?benefit_id={}", room.id)).await;
        let body = answer.expect(200);
        let expected = json!({
            "items": [{
                "created_at": "2025-01-07T10:00:00Z", "modified_at": null, "id": body["items"][0]["id"],
                "image_url": "https://acme.example/ad.png", "image_url_dark": null, "text": "Acme",
                "link_url": "https://acme.example/",
            }],
            "pagination": {"total_count": 1, "max_page": 1},
            "dimensions": [200, 100],
        });
        assert_eq!(answer.text(), expected.to_string());
        assert_eq!(shop.anonymous.get(&path).await.text(), expected["items"][0].to_string());
        // Whoever calls, and with whatever token.
        for client in [&shop.merchant, &shop.anonymous.bearer("polar_pat_nonsense")] {
            assert_eq!(client.get(&path).await.status, 200);
        }
    }

    /// A1
    async fn only_benefits_of_the_kind_ads_have_a_list(shop) {
        let note = shop.benefit(BenefitType::Custom, json!({})).await;
        assert_eq!(shop.anonymous.get(PATH).await.schema_problems(), ["missing query.benefit_id"]);
        assert_eq!(shop.anonymous.get(&format!("{PATH}?benefit_id=x")).await.schema_problems(), ["uuid_parsing query.benefit_id"]);
        for id in [note.id.to_string(), UNKNOWN.to_owned()] {
            let answer = shop.anonymous.get(&format!("{PATH}?benefit_id={id}")).await;
            assert_eq!(answer.rule_problems(), ["value_error query.benefit_id"]);
        }
        let path = format!("{PATH}?benefit_id={}&sorting=text", room(shop).await.id);
        assert_eq!(shop.anonymous.get(&path).await.schema_problems(), ["enum query.sorting.0"]);
    }

    // spec 20 §8
    async fn a_list_is_sorted_and_has_pages(shop) {
        let room = room(shop).await;
        let mut paths = Vec::new();
        for views in [1, 3, 0, 2] {
            let path = campaign(shop, &shop.customer().await, Some(&room)).await;
            for _ in 0..views {
                shop.anonymous.send("POST", &format!("{path}/view"), None).await.expect(204);
            }
            shop.advance(1);
            paths.push(path);
        }
        for (sorting, order) in [("", [0, 1, 2, 3]), ("-granted_at", [3, 2, 1, 0]), ("-views", [1, 3, 0, 2]), ("created_at", [0, 1, 2, 3])] {
            let mut found = Vec::new();
            for page in 1..=2 {
                let sorting = if sorting.is_empty() { String::new() } else { format!("&sorting={sorting}") };
                let answer = shop.anonymous.get(&format!("{PATH}?benefit_id={}&limit=3&page={page}{sorting}", room.id)).await;
                assert_eq!(answer.pagination(), (4, 2));
                found.extend(answer.items("id").into_iter().map(|id| format!("{PATH}{id}")));
            }
            assert_eq!(found, order.map(|number: usize| paths[number].clone()), "{sorting}");
        }
    }

    /// A1
    async fn what_is_shown_nowhere_is_not_found_and_not_counted(shop) {
        let path = campaign(shop, &shop.customer().await, None).await;
        for path in [path.clone(), format!("{PATH}{UNKNOWN}")] {
            shop.anonymous.get(&path).await.refused(404, "ResourceNotFound");
            shop.anonymous.send("POST", &format!("{path}/view"), None).await.refused(404, "ResourceNotFound");
            shop.anonymous.get(&format!("{path}/pixel")).await.refused(404, "ResourceNotFound");
            shop.anonymous.get(&format!("{path}/click")).await.refused(404, "ResourceNotFound");
        }
        assert_eq!(counts(shop, &path).await, (0, 0));
    }

    /// A1
    async fn views_and_clicks_are_counted(shop) {
        let path = campaign(shop, &shop.customer().await, Some(&room(shop).await)).await;
        for _ in 0..2 {
            let answer = shop.anonymous.send("POST", &format!("{path}/view"), None).await;
            assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        }
        assert_eq!(counts(shop, &path).await, (2, 0));
        let answer = shop.anonymous.get(&format!("{path}/pixel")).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.headers.get_all("content-type").iter().collect::<Vec<_>>(), ["image/gif"]);
        assert_eq!(answer.headers.get_all("cache-control").iter().collect::<Vec<_>>(), ["no-store"]);
        assert!(answer.body.starts_with(b"GIF89a\x01\x00\x01\x00") && answer.body.ends_with(b";"));
        assert_eq!(counts(shop, &path).await, (3, 0));
        let answer = shop.anonymous.get(&format!("{path}/click")).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("https://acme.example/")));
        assert_eq!(counts(shop, &path).await, (3, 1));
    }

    async fn counting_is_no_part_of_the_document(shop) {
        let document = shop.anonymous.get("/openapi.json").await.expect(200);
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        assert!(paths.iter().any(|path| *path == "/v1/advertisements/{id}"));
        for hidden in ["view", "pixel", "click"] {
            assert_eq!(document["paths"].get(format!("/v1/advertisements/{{id}}/{hidden}")), None::<&Value>);
        }
    }
}
