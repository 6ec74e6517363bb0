//! `GET /v1/customer-portal/organizations/{slug}`.

scenarios! {
    // spec 40 §5.9
    async fn everybody_sees_an_organization_by_its_slug(shop) {
        let own = shop.merchant.get(&format!("/v1/organizations/{}", shop.organization.id)).await;
        for slug in ["fjordsoft", "FjordSoft", "fj%6Frdsoft"] {
            let answer = shop.anonymous.get(&format!("/v1/customer-portal/organizations/{slug}")).await;
            assert_eq!(answer.text(), own.text(), "{slug}");
        }
        let answer = shop.anonymous.get("/v1/customer-portal/organizations/nobody").await;
        answer.refused(404, "ResourceNotFound");
    }

    // spec 40 §5.9
    async fn a_blocked_or_deleted_organization_is_not_shown(shop) {
        let now = merak_store::Source::now(&*shop.source);
        let path = "/v1/customer-portal/organizations/fjordsoft";
        shop.anonymous.get(path).await.expect(200);
        shop.sql("UPDATE organizations SET blocked_at = $1", vec![Box::new(now)]).await;
        shop.anonymous.get(path).await.refused(404, "ResourceNotFound");
        shop.sql("UPDATE organizations SET blocked_at = NULL, deleted_at = $1", vec![Box::new(now)]).await;
        shop.anonymous.get(path).await.refused(404, "ResourceNotFound");
    }
}
