//! Access to repositories on GitHub.

use serde_json::{Value, json};

use super::{Sale, connected, id_of, location, parameter, property_problems, typed};
use crate::services::Repository;
use crate::support::shop::order;
use crate::support::{Answer, everything};

const INTEGRATION: &str = "/v1/integrations/github_repository_benefit";

#[track_caller]
fn unauthorized(answer: &Answer, name: &str) {
    answer.refused(401, name);
}

connected! {
    // spec 20 §3.8
    async fn a_seller_connects_an_account_and_sees_repositories(connected) {
        let away = connected.leave(&format!("{INTEGRATION}/user/authorize")).await;
        assert!(away.path().ends_with("/github/login/oauth/authorize"), "{away}");
        assert_eq!(parameter(&away, "client_id").as_deref(), Some("app-client"));
        connected.connect_seller().await;
        let shown = connected.browser.get(&format!("{INTEGRATION}/user/repositories")).await.expect(200);
        let repository = |owner: &str, name: &str| json!({"repository_owner": owner, "repository_name": name});
        assert_eq!(shown, json!({
            "repositories": [
                repository("acme", "app"), repository("acme", "bare"), repository("acme", "other"),
                repository("nora", "own"),
            ],
            "organizations": [
                {"name": "acme", "is_personal": false, "plan_name": "free", "is_free": true},
                {"name": "nora", "is_personal": true, "plan_name": "", "is_free": false},
            ],
        }));
    }

    async fn a_seller_who_is_not_connected_sees_none(connected) {
        let path = format!("{INTEGRATION}/user/repositories");
        unauthorized(&connected.browser.get(&path).await, "GitHubRepositoryBenefitExpiredAccessToken");
        let away = connected.leave(&format!("{INTEGRATION}/user/authorize?return_to=/x")).await;
        let state = parameter(&away, "state").unwrap();
        let callback = format!("{INTEGRATION}/user/callback");
        let stranger = connected.shop.browser(connected.shop.user("stranger@example.com").await.id).await;
        stranger.get(&format!("{callback}?code=c&state={state}")).await.refused(401, "Unauthorized");
        let back = connected.back(&format!("{callback}?code=unknown&state={state}")).await;
        assert_eq!((back.path(), parameter(&back, "error").as_deref()), ("/x", Some("GitHub refused the connection.")));
        let back = connected.back(&format!("{callback}?error=access_denied&state={state}")).await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
        unauthorized(&connected.browser.get(&path).await, "GitHubRepositoryBenefitExpiredAccessToken");
    }

    // spec 20 §3.8
    async fn a_seller_installs_the_app(connected) {
        let page = location(&connected.browser.get(&format!("{INTEGRATION}/installation/install")).await);
        assert!(page.as_str().starts_with("https://github.example/apps/merak/installations/new?state="), "{page}");
        let path = format!("{INTEGRATION}/installation/callback?installation_id=70&setup_action=install");
        let mut stream = connected.browser.listen("/v1/stream/user").await;
        let answer = connected.browser.get(&path).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
        assert_eq!(answer.text(), "The app is installed. You can close this window.");
        let heard = stream.next().await;
        let key = String::from("integrations.github_repository_benefit.installed");
        assert_eq!(heard, Some((key, json!({}))));
    }

    // spec 20 B6, B12 and §3.2: one line for each refusal
    async fn a_repository_is_checked_before_it_is_sold(connected) {
        let shop = &connected.shop;
        let post = async |owner: &str, name: &str| {
            shop.merchant.post("/v1/benefits/", connected.repository_body(owner, name, "pull")).await
        };
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let mut body = connected.repository_body("acme", "app", "pull");
        body["organization_id"] = Value::Null;
        let answer = own.post("/v1/benefits/", body).await;
        assert_eq!(property_problems(&answer), ["invalid_auth_subject body.properties.repository_owner"]);
        let answer = post("acme", "app").await;
        assert_eq!(property_problems(&answer), ["invalid_user_auth body.properties.repository_owner"]);
        connected.connect_seller().await;
        for (owner, name, expected) in [
            ("acme", "unknown", "no_repository_acccess"),
            ("foreign", "app", "no_repository_acccess"),
            ("..", "..", "no_repository_acccess"),
            ("acme", "bare", "no_repository_installation_found"),
            ("nora", "own", "personal_organization_repository"),
        ] {
            let problem = format!("{expected} body.properties.repository_name");
            assert_eq!(property_problems(&post(owner, name).await), [problem], "{owner}/{name}");
        }
        let made = post("Acme", "App").await;
        assert_eq!(made.status, 422, "GitHub finds it, the stand-in does not: {}", made.text());
        let made = post("acme", "app").await.expect(201);
        let properties = json!({
            "repository_owner": "acme", "repository_name": "app", "permission": "pull", "repository_id": null,
        });
        assert_eq!(made["properties"], properties);
        connected.services.world().github.reach.clear();
        unauthorized(&post("acme", "app").await, "GitHubRepositoryBenefitNoAccess");
    }

    // spec 20 §3.2 (Merak)
    async fn a_service_that_is_away_is_told(connected) {
        connected.connect_seller().await;
        for status in [500, 503] {
            connected.services.fail("GET /api/user/installations", status);
            let body = connected.repository_body("acme", "app", "pull");
            let answer = connected.shop.merchant.post("/v1/benefits/", body).await;
            assert_eq!(property_problems(&answer), ["value_error body.properties.repository_name"]);
        }
        let empty = ("x-ratelimit-remaining", String::from("0"));
        connected.services.fail_with("GET /api/user/installations", 403, Some(empty), json!({}));
        let body = connected.repository_body("acme", "app", "pull");
        let answer = connected.shop.merchant.post("/v1/benefits/", body).await;
        assert!(answer.text().contains("Try again later"), "{}", answer.text());
    }

    // spec 20 §3.2: a connection is renewed while it can be
    async fn a_sellers_connection_is_renewed(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        connected.connect_seller().await;
        let post = async || {
            let body = connected.repository_body("acme", "app", "pull");
            shop.merchant.post("/v1/benefits/", body).await
        };
        shop.advance(28_800);
        services.world().github.tokens.clear();
        post().await.expect(201);
        assert_eq!(services.world().github.tokens.len(), 1);
        // GitHub does not renew it any more.
        shop.advance(28_800);
        services.world().github.refreshes.clear();
        unauthorized(&post().await, "GitHubRepositoryRefreshTokenError");
        // The seller took it back at GitHub.
        connected.connect_seller().await;
        services.world().github.tokens.clear();
        unauthorized(&post().await, "GitHubRepositoryBenefitExpiredAccessToken");
        // Tokens of an app that do not end have nothing to be renewed with, and need nothing.
        services.world().github.lifetime = None;
        connected.connect_seller().await;
        shop.advance(10_000_000);
        post().await.expect(201);
    }

    // What the operator has to put right is not told to the seller as a connection that ended.
    async fn a_wrong_secret_of_the_app_is_no_fault_of_the_seller(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        connected.connect_seller().await;
        shop.advance(28_800);
        services.world().github.tokens.clear();
        let post = async || {
            let body = connected.repository_body("acme", "app", "pull");
            shop.merchant.post("/v1/benefits/", body).await
        };
        let shown = async || connected.browser.get(&format!("{INTEGRATION}/user/repositories")).await;
        services.world().github.has_other_secret = true;
        let answer = post().await;
        assert_eq!(property_problems(&answer), ["value_error body.properties.repository_name"]);
        assert!(answer.text().contains("Try again later"), "{}", answer.text());
        assert_eq!(shown().await.expect(503)["error"], "ServiceUnavailable");
        let away = connected.leave(&format!("{INTEGRATION}/user/authorize")).await;
        let state = parameter(&away, "state").unwrap();
        let back = connected.back(&format!("{INTEGRATION}/user/callback?code=x&state={state}")).await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("GitHub cannot be asked right now."));
        // The refresh token was not spent: all is well once the secret is right.
        services.world().github.has_other_secret = false;
        post().await.expect(201);
        shown().await.expect(200);
        // A key of the app that GitHub does not accept is no fault of the seller either.
        services.fail("GET /api/repos/acme/app/installation", 401);
        let answer = post().await;
        assert_eq!(property_problems(&answer), ["value_error body.properties.repository_name"]);
        assert!(answer.text().contains("Try again later"), "{}", answer.text());
    }

    // One that is suspended, say, hides nothing but itself.
    async fn an_installation_that_refuses_hides_no_other_repositories(connected) {
        connected.connect_seller().await;
        let shown = async || {
            let shown = connected.browser.get(&format!("{INTEGRATION}/user/repositories")).await.expect(200);
            let names = |list: &str, member: &str| -> Vec<String> {
                let items = shown[list].as_array().unwrap().iter();
                items.map(|item| item[member].as_str().unwrap().to_owned()).collect()
            };
            (names("repositories", "repository_name"), names("organizations", "name"))
        };
        for status in [403, 404, 422] {
            connected.services.fail("GET /api/user/installations/70/repositories", status);
            assert_eq!(shown().await, (vec![String::from("own")], vec![String::from("nora")]), "{status}");
        }
        // What an organization pays for need not be known.
        for status in [403, 404] {
            connected.services.fail("POST /api/app/installations/70/access_tokens", status);
            let (repositories, organizations) = shown().await;
            assert_eq!((repositories.len(), organizations.len()), (4, 2), "{status}");
        }
        connected.services.fail("GET /api/orgs/acme", 403);
        assert_eq!(shown().await.1, ["acme", "nora"]);
    }

    // spec 20 B7 and B12: update
    async fn a_repository_is_changed_and_deleted(connected) {
        let merchant = &connected.shop.merchant;
        let id = connected.repository("acme", "app", "pull").await;
        let path = format!("/v1/benefits/{id}");
        let settings = |name: &str, permission: &str| json!({
            "type": "github_repository",
            "properties": {"repository_owner": "acme", "repository_name": name, "permission": permission},
        });
        let answer = merchant.patch(&path, settings("unknown", "pull")).await;
        assert_eq!(property_problems(&answer), ["no_repository_acccess body.properties.repository_name"]);
        let answer = merchant.patch(&path, settings("app", "own")).await;
        let place = "body.BenefitGitHubRepositoryUpdate.properties.permission";
        assert_eq!(answer.schema_problems(), [format!("literal_error {place}")]);
        for permission in ["pull", "triage", "push", "maintain", "admin"] {
            let changed = merchant.patch(&path, settings("other", permission)).await.expect(200);
            assert_eq!(changed["properties"]["permission"], permission);
            assert_eq!(changed["properties"]["repository_name"], "other");
        }
        assert_eq!(id_of(&merchant.get(&path).await.expect(200)), id);
        merchant.delete(&path).await.expect(204);
        merchant.get(&path).await.refused(404, "ResourceNotFound");
    }

    // spec 20 §3.6 and T-22: the whole story
    async fn a_repository_is_sold_given_moved_and_taken_back(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let Sale { id, customer, purchase, grant } = connected.sell_repository().await;
        shop.work_done().await;
        services.changes();
        let chosen = connected.choose(&grant, "github_repository", "500").await.expect(200);
        assert_eq!(chosen["benefit"]["properties"], json!({"repository_owner": "acme", "repository_name": "app"}));
        shop.work_done().await;
        assert_eq!(services.changes(), ["PUT /api/repos/acme/app/collaborators/buyer"]);
        let held = json!({
            "account_id": "500", "repository_owner": "acme", "repository_name": "app", "permission": "pull",
        });
        assert_eq!(connected.grant(&grant).await["properties"], held);
        assert_eq!(services.world().github.holders("acme", "app"), ["500 invited: pull"]);

        let change = async |name: &str, permission: &str| {
            let body = json!({
                "type": "github_repository",
                "properties": {"repository_owner": "acme", "repository_name": name, "permission": permission},
            });
            shop.merchant.patch(&format!("/v1/benefits/{id}"), body).await.expect(200);
            shop.work_done().await;
            services.changes()
        };
        // An invitation cannot be changed, so a new one takes its place.
        let asked = change("app", "push").await;
        assert!(asked[0].starts_with("DELETE /api/repos/acme/app/invitations/"), "{asked:?}");
        assert_eq!(asked[1..], ["PUT /api/repos/acme/app/collaborators/buyer"]);
        assert_eq!(services.world().github.holders("acme", "app"), ["500 invited: push"]);
        services.world().github.accept(500);
        assert_eq!(change("app", "triage").await, ["PUT /api/repos/acme/app/collaborators/buyer"]);
        assert_eq!(services.world().github.holders("acme", "app"), ["500: triage"]);
        // T-22: the old repository is left.
        assert_eq!(change("other", "triage").await, [
            "DELETE /api/repos/acme/app/collaborators/buyer",
            "PUT /api/repos/acme/other/collaborators/buyer",
        ]);
        assert_eq!(services.world().github.holders("acme", "app"), Vec::<String>::new());
        // The person is called something else now, and another has taken the name.
        services.world().github.users.insert(500, String::from("renamed"));
        services.world().github.users.insert(501, String::from("buyer"));
        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert!(services.changes()[0].starts_with("DELETE /api/repos/acme/other/invitations/"));
        assert_eq!(services.world().github.holders("acme", "other"), Vec::<String>::new());
        assert_eq!(connected.grant(&grant).await["is_revoked"], true);
    }

    // An account keeps its id when it is renamed: nobody else is invited or put out.
    async fn a_renamed_account_is_found_by_its_id(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let Sale { id, customer, purchase, grant } = connected.sell_repository().await;
        services.world().github.users.insert(500, String::from("renamed"));
        services.world().github.users.insert(501, String::from("buyer"));
        connected.choose(&grant, "github_repository", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(services.world().github.holders("acme", "app"), ["500 invited: pull"]);
        services.world().github.accept(500);
        services.world().github.repository("acme", "app").collaborators.insert(501, String::from("push"));
        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert_eq!(services.world().github.holders("acme", "app"), ["501: push"]);
    }

    // spec 20 §3.4: 2^n seconds, or as long as GitHub asks
    async fn a_failing_service_is_left_alone_for_longer_each_time(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let Sale { grant, .. } = connected.sell_repository().await;
        let collaborator = "PUT /api/repos/acme/app/collaborators";
        services.fail(collaborator, 500);
        services.fail("POST /api/app/installations/70/access_tokens", 503);
        services.fail_with(collaborator, 403, Some(("retry-after", String::from("42"))), json!({"message": "Slow down"}));
        connected.choose(&grant, "github_repository", "500").await.expect(200);
        for (attempt, wait) in [(1, 2), (2, 4), (3, 42)] {
            let (waits, reason) = connected.postponed(attempt).await;
            assert_eq!(waits, wait, "{reason}");
            shop.advance(u64::try_from(wait).unwrap());
        }
        shop.work_done().await;
        assert_eq!(services.world().github.holders("acme", "app"), ["500 invited: pull"]);
    }

    // spec 20 §3.6 (Merak): what only the seller can put right waits for them
    async fn a_repository_that_the_app_left_waits(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let Sale { id, customer, purchase, grant } = connected.sell_repository().await;
        services.world().github.repository("acme", "app").installation = None;
        connected.choose(&grant, "github_repository", "500").await.expect(200);
        shop.work_done().await;
        let waiting = connected.grant(&grant).await;
        assert_eq!((&waiting["is_granted"], &waiting["properties"]), (&json!(false), &json!({"account_id": "500"})));
        services.world().github.repository("acme", "app").installation = Some(70);
        connected.choose(&grant, "github_repository", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
        // A repository that is no more has nothing to be taken back from.
        services.world().github.repositories.insert(
            (String::from("acme"), String::from("app")), Repository::default(),
        );
        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_revoked"], true);
    }

    // GitHub sends on who calls a repository by a former name, and gives out tokens for ids alone.
    async fn a_renamed_repository_is_sold_given_and_taken_back(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let Sale { id, customer, purchase, grant } = connected.sell_repository().await;
        services.world().github.rename(("acme", "app"), ("acme", "studio"));
        services.changes();
        connected.choose(&grant, "github_repository", "500").await.expect(200);
        shop.work_done().await;
        let put = |path: &str| format!("PUT /api/{path}/collaborators/buyer");
        assert_eq!(services.changes(), [put("repos/acme/app"), put("repositories/900")]);
        assert_eq!(services.world().github.holders("acme", "studio"), ["500 invited: pull"]);
        // What is changed of it needs no new name.
        let body = json!({
            "type": "github_repository",
            "properties": {"repository_owner": "acme", "repository_name": "app", "permission": "push"},
        });
        shop.merchant.patch(&format!("/v1/benefits/{id}"), body).await.expect(200);
        shop.work_done().await;
        assert_eq!(services.world().github.holders("acme", "studio"), ["500 invited: push"]);
        services.world().github.accept(500);
        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert_eq!(services.world().github.holders("acme", "studio"), Vec::<String>::new());
        assert_eq!(connected.grant(&grant).await["is_revoked"], true);
        for name in ["app", "studio"] {
            let body = connected.repository_body("acme", name, "pull");
            shop.merchant.post("/v1/benefits/", body).await.expect(201);
        }
        // The former name of what the seller does not reach is that of nothing.
        services.world().github.rename(("foreign", "app"), ("foreign", "web"));
        services.world().github.rename(("acme", "other"), ("foreign", "other"));
        for (owner, name) in [("foreign", "app"), ("acme", "other")] {
            let answer = shop.merchant.post("/v1/benefits/", connected.repository_body(owner, name, "pull")).await;
            assert_eq!(property_problems(&answer), ["no_repository_acccess body.properties.repository_name"]);
        }
    }

    // Whoever gave a repository away does not sell access to it any more, but what was sold is taken back.
    async fn a_repository_with_another_owner_is_no_more_given(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let Sale { id, customer: before, purchase, grant: held } = connected.sell_repository().await;
        connected.choose(&held, "github_repository", "500").await.expect(200);
        shop.work_done().await;
        services.world().github.accept(500);
        services.world().github.rename(("acme", "app"), ("foreign", "gift"));
        assert_eq!(services.world().github.holders("foreign", "gift"), ["500: pull"]);

        let after = shop.customer().await;
        let grant = shop.grant(typed(&id), after.id, order()).await;
        connected.connect(&after, "github", 600).await;
        connected.choose(&grant, "github_repository", "600").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], false);
        assert_eq!(services.world().github.holders("foreign", "gift"), ["500: pull"]);
        let failed = shop.merchant.get(&format!("/v1/benefits/{id}/failures")).await.expect(200);
        assert!(failed.to_string().contains("The repository has another owner now, or its owner another name"), "{failed}");

        shop.revoke(typed(&id), before.id, purchase).await;
        shop.work_done().await;
        assert_eq!(services.world().github.holders("foreign", "gift"), Vec::<String>::new());
    }

    // What cannot be taken back does not keep a buyer from what was bought, and is not forgotten.
    async fn a_withdrawal_that_is_refused_is_tried_again(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let Sale { id, grant, .. } = connected.sell_repository().await;
        connected.choose(&grant, "github_repository", "500").await.expect(200);
        shop.work_done().await;
        services.world().github.accept(500);
        services.fail("DELETE /api/repos/acme/app/collaborators", 403);
        let body = json!({
            "type": "github_repository",
            "properties": {"repository_owner": "acme", "repository_name": "other", "permission": "pull"},
        });
        shop.merchant.patch(&format!("/v1/benefits/{id}"), body).await.expect(200);
        let (wait, reason) = connected.postponed(1).await;
        assert_eq!(reason, "GitHub refused with status 403: Nothing works today.");
        assert_eq!(services.world().github.holders("acme", "other"), ["500 invited: pull"]);
        assert_eq!(services.world().github.holders("acme", "app"), ["500: pull"]);
        shop.advance(u64::try_from(wait).unwrap());
        shop.work_done().await;
        assert_eq!(services.world().github.holders("acme", "app"), Vec::<String>::new());
        assert_eq!(services.world().github.holders("acme", "other"), ["500 invited: pull"]);
    }
}
