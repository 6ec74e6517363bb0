//! `/v1/users`.

use merak_core::kit::ScopeSet;
use serde_json::json;

use crate::support::everything;

const PATH: &str = "/v1/users/me/scopes";

scenarios! {
    // spec 10 §7 and §10.1 line 17
    async fn a_person_sees_what_their_credential_allows(shop) {
        let token = shop.member_with("customers:write benefits:read customers:read").await;
        let answer = token.get(PATH).await;
        answer.expect(200);
        assert_eq!(answer.text(), r#"{"scopes":["benefits:read","customers:read","customers:write"]}"#);
        let none = shop.user_client(shop.member.id, ScopeSet::EMPTY).await;
        assert_eq!(none.get(PATH).await.expect(200), json!({"scopes": []}));
        let all = shop.user_client(shop.member.id, everything()).await.get(PATH).await.expect(200);
        assert_eq!(all["scopes"].as_array().unwrap().len(), 38);
        let browser = shop.browser(shop.member.id).await;
        assert_eq!(browser.get(PATH).await.expect(200), json!({"scopes": ["web_default"]}));
    }

    // spec 10 §7: organization tokens are refused there (401, subject)
    async fn who_is_no_person_is_refused(shop) {
        let organization = shop.organization_client(shop.organization.id, everything()).await;
        let answer = organization.get(PATH).await;
        let told = answer.expect(401);
        assert_eq!(told["error_description"], "The subject of this access token is not valid for this endpoint.");
        assert!(answer.header("www-authenticate").unwrap().contains("allowed_subjects=\"User\""));
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        assert_eq!(buyer.get(PATH).await.expect(401)["error"], "invalid_token");
        shop.anonymous.get(PATH).await.refused(401, "Unauthorized");
    }
}
