//! `/{slug}/portal`: what came with what was bought, and that it appears while the page is open.

use merak_core::benefits::BenefitType;
use serde_json::json;

use crate::portal_pages::{HOME, browser, leads_to, send, shows};
use crate::support::http::EVENT_STREAM;
use crate::support::shop::order;

scenarios! {
    // spec 20 §8
    async fn a_room_for_an_advertisement_says_its_size(shop) {
        let customer = shop.customer().await;
        let room = shop.benefit(BenefitType::Ads, json!({"image_height": 100, "image_width": 200})).await;
        shop.grant(room.id, customer.id, order()).await;
        let page = browser(shop, &customer).await.get(HOME).await;
        shows(&page, &["A test benefit", "Advertisement", "A picture of 200 × 100 pixels is shown for you."]);
    }

    // spec 40 §4.4
    async fn a_service_that_is_not_connected_is_not_offered(shop) {
        let customer = shop.customer().await;
        let role = shop.benefit(BenefitType::Custom, json!({"note": null})).await;
        shop.grant(role.id, customer.id, order()).await;
        // It was connected once, or no role could be sold.
        shop.sql("UPDATE benefits SET type = 'discord'", Vec::new()).await;
        let client = browser(shop, &customer).await;
        let page = client.get(HOME).await;
        shows(&page, &["Discord cannot be connected at the moment."]);
        assert!(!page.text().contains("/connect/"), "{}", page.text());
        assert_eq!(client.get(&format!("{HOME}/connect/discord")).await.status, 404);
    }

    // spec 40 §4.4
    async fn a_customer_hears_in_the_portal_what_they_get(shop) {
        let (customer, other) = (shop.customer().await, shop.customer().await);
        let note = shop.benefit(BenefitType::Custom, json!({"note": null})).await;
        let client = browser(shop, &customer).await;
        let path = format!("{HOME}/stream");
        leads_to(&shop.anonymous.get(&path).await, "/fjordsoft/portal/request");
        let mut stream = client.listen(&path).await;
        assert_eq!((stream.status, &stream.headers["content-type"]), (200, &EVENT_STREAM.parse().unwrap()));
        shop.grant(note.id, other.id, order()).await;
        shop.grant(note.id, customer.id, order()).await;
        let payload = json!({"benefit_id": note.id, "benefit_type": "custom"});
        assert_eq!(stream.next().await, Some((String::from("benefit.granted"), payload)), "and nothing of others");
        // It ends with the session.
        leads_to(&send(&client, &format!("{HOME}/sign-out"), "").await, "/fjordsoft/portal/request?told=signed-out");
        shop.grant(note.id, customer.id, order()).await;
        assert_eq!(stream.next().await, None);
    }
}
