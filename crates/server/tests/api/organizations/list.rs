//! `GET /v1/organizations/`.

use crate::support::everything;

scenarios! {
    // spec 10 §10.7 line 75
    async fn everybody_sees_the_organizations_they_work_for(shop) {
        shop.second_organization("second").await;
        let stranger = shop.tenant().await;
        assert_eq!(shop.merchant.get("/v1/organizations/").await.items("slug"), ["fjordsoft", "second"]);
        assert_eq!(stranger.merchant.get("/v1/organizations/").await.pagination(), (1, 1));
        let own = shop.organization_client(shop.organization.id, everything()).await;
        assert_eq!(own.get("/v1/organizations/").await.items("slug"), ["fjordsoft"]);
        let nobody = shop.user("nobody@example.com").await;
        let nobody = shop.user_client(nobody.id, everything()).await;
        assert_eq!(nobody.get("/v1/organizations/").await.pagination(), (0, 0));
    }

    // spec 10 §10.7 line 89
    async fn the_slug_filter_ignores_letter_case(shop) {
        shop.second_organization("acme-inc").await;
        for (slug, expected) in [("ACME-INC", 1), ("acme-inc", 1), ("acme", 0), ("", 0)] {
            let answer = shop.merchant.get(&format!("/v1/organizations/?slug={slug}")).await;
            assert_eq!(answer.pagination(), (expected, expected), "{slug}");
        }
    }

    // spec 10 §3.2
    async fn blocked_and_deleted_organizations_are_not_listed(shop) {
        let now = merak_store::Source::now(&*shop.source);
        for (slug, sql) in [
            ("blocked", "UPDATE organizations SET blocked_at = $1 WHERE slug = $2"),
            ("deleted", "UPDATE organizations SET deleted_at = $1 WHERE slug = $2"),
        ] {
            shop.second_organization(slug).await;
            shop.sql(sql, vec![Box::new(now), Box::new(slug)]).await;
        }
        assert_eq!(shop.merchant.get("/v1/organizations/").await.items("slug"), ["fjordsoft"]);
    }
}
