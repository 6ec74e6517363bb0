//! `GET /v1/organizations/{id}`.

use crate::support::{UNKNOWN, everything};

scenarios! {
    // spec 10 §10.7 line 75
    async fn members_and_the_organization_itself_see_it(shop) {
        let path = format!("/v1/organizations/{}", shop.organization.id);
        let own = shop.organization_client(shop.organization.id, everything()).await;
        for client in [&shop.merchant, &own] {
            assert_eq!(client.get(&path).await.expect(200)["slug"], "fjordsoft");
        }
        let stranger = shop.tenant().await;
        stranger.merchant.get(&path).await.refused(404, "ResourceNotFound");
        shop.merchant.get(&format!("/v1/organizations/{UNKNOWN}")).await.refused(404, "ResourceNotFound");
    }

    // spec 10 §10.1 line 20a
    async fn an_id_is_a_uuid_of_version_4_or_7(shop) {
        for (id, kind) in [
            ("abc", "uuid_parsing"),
            ("00000000-0000-0000-0000-000000000000", "uuid_version"),
            ("d9428888-122b-11e1-b85c-61cd3cbb3210", "uuid_version"),
        ] {
            let answer = shop.merchant.get(&format!("/v1/organizations/{id}")).await;
            assert_eq!(answer.schema_problems(), [format!("{kind} path.id")], "{id}");
        }
        let id = shop.organization.id.to_string();
        for spelling in [id.to_uppercase(), id.replace('-', ""), format!("urn:uuid:{id}")] {
            shop.merchant.get(&format!("/v1/organizations/{spelling}")).await.expect(200);
        }
    }
}
