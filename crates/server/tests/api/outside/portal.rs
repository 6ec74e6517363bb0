//! Customers who connect accounts, and what they choose with them.

use merak_core::benefits::grants::BenefitGrant;
use merak_core::customers::Customer;
use serde_json::json;
use url::Url;

use super::{connected, location, parameter, typed};
use crate::support::shop::order;
use crate::support::{Client, UNKNOWN, everything};

const AUTHORIZE: &str = "/v1/customer-portal/oauth-accounts/authorize";
const CALLBACK: &str = "/v1/customer-portal/oauth-accounts/callback";

connected! {
    // spec 40 §5.3 and §5.2
    async fn a_customer_connects_accounts(connected) {
        let shop = &connected.shop;
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        for (platform, path, client, scope) in [
            ("discord", "/discord/oauth2/authorize", "discord-client", "identify email guilds.join"),
            ("github", "/github/login/oauth/authorize", "github-client", "user user:email"),
        ] {
            let answer = buyer.get(&format!("{AUTHORIZE}?platform={platform}&customer_id={}", customer.id)).await;
            let away: Url = answer.expect(200)["url"].as_str().unwrap().parse().unwrap();
            assert_eq!(away.path(), path);
            for (name, expected) in [
                ("client_id", client),
                ("scope", scope),
                ("redirect_uri", &format!("http://{}{CALLBACK}", shop.server.address())),
            ] {
                assert_eq!(parameter(&away, name).as_deref(), Some(expected), "{platform} {name}");
            }
        }
        connected.connect(&customer, "discord", 500).await;
        connected.connect(&customer, "github", 500).await;
        connected.connect(&customer, "github", 600).await;
        // The same again changes nothing but the name.
        connected.services.world().github.users.insert(600, String::from("renamed"));
        connected.connect(&customer, "github", 600).await;
        let expected = json!({
            "discord:500": {"account_id": "500", "account_username": "user500"},
            "github:500": {"account_id": "500", "account_username": "buyer"},
            "github:600": {"account_id": "600", "account_username": "renamed"},
        });
        let shown = buyer.get(&format!("/v1/customer-portal/customers/{}", customer.id)).await;
        assert_eq!(shown.expect(200)["oauth_accounts"], expected);
        assert!(!shown.text().contains("access-") && !shown.text().contains("ghu_"), "tokens never leave");
        let other = shop.customer().await;
        let shown = shop.buyer(other.id).await.get(&format!("/v1/customer-portal/customers/{}", other.id)).await;
        assert_eq!(shown.expect(200)["oauth_accounts"], json!({}));
    }

    // spec 40 §5.3: an anonymous browser comes back with a new session of the customer
    async fn who_comes_back_has_a_session(connected) {
        let shop = &connected.shop;
        let customer = shop.customer().await;
        let buyer = shop.buyer(customer.id).await;
        let query = format!("platform=discord&customer_id={}&return_to=https://shop.example/back?x=1", customer.id);
        let away: Url = buyer.get(&format!("{AUTHORIZE}?{query}")).await.expect(200)["url"].as_str().unwrap().parse().unwrap();
        let state = parameter(&away, "state").unwrap();
        connected.services.world().discord.codes.insert(String::from("c"), (String::from("500"), None));
        let back = location(&shop.anonymous.get(&format!("{CALLBACK}?code=c&state={state}")).await);
        assert!(back.as_str().starts_with("https://shop.example/back?x=1&customer_session_token=polar_cst_"), "{back}");
        let session = shop.anonymous.bearer(&parameter(&back, "customer_session_token").unwrap());
        let shown = session.get(&format!("/v1/customer-portal/customers/{}", customer.id)).await.expect(200);
        assert_eq!(shown["oauth_accounts"]["discord:500"]["account_id"], "500");

        // What the service refuses, or the person, leads back without one.
        for (answer, expected) in [
            ("code=unknown", "The account could not be connected."),
            ("error=access_denied", "access_denied"),
        ] {
            let back = location(&shop.anonymous.get(&format!("{CALLBACK}?{answer}&state={state}")).await);
            assert_eq!(parameter(&back, "error").as_deref(), Some(expected));
            assert_eq!(parameter(&back, "customer_session_token"), None);
        }
        // A state that is not ours, or too old, leads to a page that says so.
        let page = location(&shop.anonymous.get(&format!("{CALLBACK}?code=c&state=x")).await);
        assert_eq!(page.path(), "/not-connected");
        let page = shop.anonymous.get(page.path()).await;
        assert!(page.status == 400 && page.text().contains("Nothing was connected"), "{}", page.text());
        shop.advance(900);
        let page = location(&shop.anonymous.get(&format!("{CALLBACK}?code=c&state={state}")).await);
        assert_eq!(page.path(), "/not-connected");
    }

    // spec 40 §5.3: a person who is signed in comes back for their own customers only, and needs no other session
    async fn a_person_comes_back_for_their_own_customers(connected) {
        let shop = &connected.shop;
        let customer = shop.customer().await;
        let person = shop.user("buyer@example.com").await;
        let stranger = shop.browser(shop.user("stranger@example.com").await.id).await;
        shop.link(customer.id, person.id).await;
        let browser = shop.browser(person.id).await;
        let path = format!("{AUTHORIZE}?platform=discord&customer_id={}", customer.id);
        stranger.get(&path).await.refused(403, "NotPermitted");
        let away: Url = browser.get(&path).await.expect(200)["url"].as_str().unwrap().parse().unwrap();
        let path = format!("{CALLBACK}?code=c&state={}", parameter(&away, "state").unwrap());
        let code = || connected.services.world().discord.codes.insert(String::from("c"), (String::from("500"), None));
        code();
        stranger.get(&path).await.refused(403, "NotPermitted");
        code();
        let back = location(&browser.get(&path).await);
        assert_eq!((back.path(), back.query()), ("/fjordsoft/portal", None));
    }

    // spec 40 §5.3 and §5
    async fn nobody_connects_for_another(connected) {
        let shop = &connected.shop;
        let (customer, other) = (shop.customer().await, shop.customer().await);
        let buyer = shop.buyer(customer.id).await;
        buyer.get(&format!("{AUTHORIZE}?platform=github&customer_id={}", other.id)).await.refused(403, "NotPermitted");
        buyer.get(&format!("{AUTHORIZE}?platform=github&customer_id={UNKNOWN}")).await.refused(404, "ResourceNotFound");
        let answer = buyer.get(&format!("{AUTHORIZE}?platform=gitlab&customer_id={}", customer.id)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        // What is signed for a seller is nothing here.
        let away = connected.leave("/v1/integrations/discord/bot/authorize").await;
        let state = parameter(&away, "state").unwrap();
        let page = location(&shop.anonymous.get(&format!("{CALLBACK}?code=c&state={state}")).await);
        assert_eq!(page.path(), "/not-connected");
    }

    // spec 40 §7.5
    async fn a_pending_grant_takes_a_connected_account(connected) {
        let shop = &connected.shop;
        let id = connected.role("10", "11").await;
        let (customer, purchase) = (shop.customer().await, order());
        let grant = shop.grant(typed(&id), customer.id, purchase).await;
        let answer = connected.choose(&grant, "discord", "500").await;
        assert_eq!(answer.rule_problems(), ["value_error body.properties.account_id"]);
        assert_eq!(answer.json()["detail"][0]["input"], "500");
        // An account on the other platform, or another's, is none.
        connected.connect(&customer, "github", 500).await;
        connected.connect(&shop.customer().await, "discord", 500).await;
        let answer = connected.choose(&grant, "discord", "500").await;
        assert_eq!(answer.rule_problems(), ["value_error body.properties.account_id"]);
        let answer = connected.choose(&grant, "github_repository", "500").await;
        assert_eq!(answer.rule_problems(), ["value_error body.benefit_type"]);
        let path = format!("/v1/customer-portal/benefit-grants/{}", grant.id);
        shop.link(customer.id, shop.member.id).await;
        let reader = shop.member_with("customer_portal:read").await;
        let body = json!({"benefit_type": "discord", "properties": {"account_id": "500"}});
        assert_eq!(reader.patch(&path, body.clone()).await.status, 403);
        connected.connect(&customer, "discord", 500).await;
        let chosen = shop.merchant.patch(&path, body.clone()).await.expect(200);
        assert_eq!((&chosen["is_granted"], &chosen["properties"]), (&json!(false), &json!({"account_id": "500"})));
        shop.work_done().await;
        assert_eq!(shop.merchant.get(&path).await.expect(200)["is_granted"], true);
        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.merchant.patch(&path, body).await.refused(404, "ResourceNotFound");
    }

    // spec 40 §4.4 and §7.5, by plain forms
    async fn a_customer_connects_and_chooses_on_the_page(connected) {
        const HOME: &str = "/fjordsoft/portal";
        let shop = &connected.shop;
        let customer = shop.customer().await;
        let enter = async |customer: &Customer| {
            let token = shop.owner_token(customer.id).await;
            shop.anonymous.with("cookie", format!("merak_customer_session={token}")).with("sec-fetch-site", "same-origin")
        };
        let (client, other) = (enter(&customer).await, enter(&shop.customer().await).await);
        let choose = async |client: &Client, grant: &BenefitGrant, account: &str| {
            let form = client.with("content-type", "application/x-www-form-urlencoded");
            form.send_bytes("POST", &format!("{HOME}/grants/{}/account", grant.id), format!("account={account}")).await
        };
        let shown = async || client.get(HOME).await.text();
        for (platform, service, account, name) in
            [("discord", "Discord", 500, "user500"), ("github", "GitHub", 500, "buyer")]
        {
            let (benefit, place) = match platform {
                "discord" => (connected.role("10", "11").await, "A role"),
                _ => (connected.repository("acme", "app", "pull").await, "acme/app"),
            };
            let grant = shop.grant(typed(&benefit), customer.id, order()).await;
            let page = shown().await;
            for text in [place, "Connect an account", &format!("Connect {service}")] {
                assert!(page.contains(text), "{text} is not in {page}");
            }
            assert!(!page.contains(&format!("account-{}", grant.id)), "there is nothing to choose yet: {page}");
            let path = format!("{HOME}/connect/{platform}");
            let back = connected.arrive(&location(&client.get(&path).await), platform, account).await;
            assert_eq!((back.path(), parameter(&back, "error")), (HOME, None));
            let (waits, page) = (format!("<option value=\"{account}\">{name}</option>"), shown().await);
            assert!(page.contains(&waits) && page.contains("Connect another account"), "{page}");
            // What is not theirs gives nothing, and nobody chooses for them.
            assert_eq!(choose(&client, &grant, "700").await.status, 404);
            assert_eq!(choose(&other, &grant, &account.to_string()).await.status, 404);
            assert!(shown().await.contains("Choose an account"));

            connected.services.world().is_hanging = true;
            let chosen = choose(&client, &grant, &account.to_string()).await;
            assert_eq!((chosen.status, chosen.header("location")), (303, Some("/fjordsoft/portal?told=account")));
            let page = client.get(chosen.header("location").unwrap()).await.text();
            for text in ["The account was chosen", "On its way", &format!("<option value=\"{account}\" selected>{name}</option>")] {
                assert!(page.contains(text), "{text} is not in {page}");
            }
            connected.services.world().is_hanging = false;
            shop.work_done().await;
            let page = shown().await;
            assert!(page.contains("<span class=\"state good\">Connected</span>") && !page.contains("On its way"), "{page}");
            assert_eq!(connected.grant(&grant).await["is_granted"], true);
        }
        assert_eq!(connected.services.world().discord.holders("10"), ["500: 11"]);
        assert_eq!(client.get(&format!("{HOME}/connect/gitlab")).await.status, 404);
    }

    // spec 40 §5.1 (Merak) and spec 20 T-22
    async fn another_account_takes_the_place_of_the_first(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        for (account, expected) in [(500_u64, vec!["500: 11"]), (600, vec!["500: ", "600: 11"])] {
            connected.connect(&customer, "discord", account).await;
            connected.choose(&grant, "discord", &account.to_string()).await.expect(200);
            shop.work_done().await;
            assert_eq!(services.world().discord.holders("10"), expected);
        }
        assert_eq!(connected.grant(&grant).await["properties"]["account_id"], "600");
    }

    // spec 20 §3.8 and D-12
    async fn a_token_of_a_program_reaches_no_private_route(connected) {
        let shop = &connected.shop;
        let organization = shop.organization_client(shop.organization.id, everything()).await;
        for path in ["/v1/integrations/discord/bot/authorize", "/v1/integrations/github_repository_benefit/user/repositories"] {
            assert_eq!(shop.merchant.get(path).await.status, 403);
            assert_eq!(organization.get(path).await.status, 401);
            shop.anonymous.get(path).await.refused(401, "Unauthorized");
        }
        let document = merak_server::openapi("http://localhost").unwrap();
        let paths = document["paths"].as_object().unwrap();
        assert!(!paths.keys().any(|path| path.contains("integrations") || path.contains("oauth-accounts")));
    }
}
