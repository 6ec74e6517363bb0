//! Roles on Discord servers.

use merak_core::jobs::{self, Job};
use serde_json::{Value, json};

use super::{connected, id_of, location, parameter, property_problems, typed, until};
use crate::support::everything;
use crate::support::shop::order;

connected! {
    // A service that hangs takes every place for calls, and nobody else waits for it.
    async fn other_jobs_do_not_wait_for_a_service_that_hangs(connected) {
        let shop = &connected.shop;
        let benefit = connected.role("10", "11").await;
        let mut buyers = Vec::new();
        for n in 0..12_u64 {
            let buyer = shop.customer().await;
            connected.connect(&buyer, "discord", 500 + n).await;
            buyers.push((shop.grant(typed(&benefit), buyer.id, order()).await, 500 + n));
        }
        connected.services.world().is_hanging = true;
        for (grant, account) in &buyers {
            connected.choose(grant, "discord", &account.to_string()).await.expect(200);
        }
        let job = Job::RevokeGrantsOfCustomer { customer_id: buyers[0].0.customer_id };
        shop.store.write(move |tx| jobs::enqueue(tx, &job)).await.unwrap();
        let first = &buyers[0].0;
        until(|| async { connected.grant(first).await["is_revoked"] == true }).await;
        let waiting = connected.waiting().await;
        assert!(waiting.iter().all(|(_, _, error)| error.is_none()), "no call was given up yet: {waiting:?}");
        connected.services.world().is_hanging = false;
        let last = &buyers[11].0;
        until(|| async { connected.grant(last).await["is_granted"] == true }).await;
    }

    // spec 20 §3.8
    async fn a_seller_adds_the_bot_and_gets_a_token_for_the_server(connected) {
        let away = connected.leave("/v1/integrations/discord/bot/authorize?return_to=/settings").await;
        assert!(away.path().ends_with("/discord/oauth2/authorize"), "{away}");
        let host = connected.shop.server.address();
        for (name, expected) in [
            ("response_type", "code"),
            ("client_id", "discord-client"),
            ("scope", "bot"),
            ("permissions", "268435459"),
            ("redirect_uri", &format!("http://{host}/v1/integrations/discord/bot/callback")),
        ] {
            assert_eq!(parameter(&away, name).as_deref(), Some(expected), "{name}");
        }
        let token = connected.guild_token("10").await;
        let guild = connected.browser.get(&format!("/v1/integrations/discord/guild/lookup?guild_token={token}")).await;
        let role = |id: &str, name: &str, position: i64| json!({
            "id": id, "name": name, "position": position, "is_polar_bot": id == "13", "color": "#1abc9c",
        });
        let roles = [role("14", "Owners", 4), role("13", "Merak", 3), role("12", "Friends", 2), role("11", "Buyers", 1),
            role("10", "@everyone", 0)];
        assert_eq!(guild.expect(200), json!({"name": "Fjordsoft", "roles": roles}));
    }

    // spec 20 §3.8: bad state or another user, and a server that only the address names
    async fn nobody_gets_a_token_for_another_seller(connected) {
        let (shop, path) = (&connected.shop, "/v1/integrations/discord/bot/callback");
        let away = connected.leave("/v1/integrations/discord/bot/authorize").await;
        let state = parameter(&away, "state").unwrap();
        let stranger = shop.browser(shop.user("stranger@example.com").await.id).await;
        stranger.get(&format!("{path}?code=x&state={state}")).await.refused(401, "Unauthorized");
        for forged in ["x", "x.y", &state[1..]] {
            connected.browser.get(&format!("{path}?code=x&state={forged}")).await.refused(401, "Unauthorized");
        }
        let back = connected.back(&format!("{path}?code=unknown&state={state}&guild_id=10")).await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("Discord refused the connection."));
        assert_eq!(parameter(&back, "guild_token"), None);
        let back = connected.back(&format!("{path}?error=access_denied&state={state}")).await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
        // A person who only signed in chose no server.
        connected.services.world().discord.codes.insert(String::from("c"), (String::from("1"), None));
        let back = connected.back(&format!("{path}?code=c&state={state}&guild_id=10")).await;
        assert_eq!(parameter(&back, "error").as_deref(), Some("No server was chosen."));
        shop.advance(900);
        connected.browser.get(&format!("{path}?code=x&state={state}")).await.refused(401, "Unauthorized");
    }

    // Nobody else's page gets a seller back with a token in the address.
    async fn the_way_back_is_ours(connected) {
        let browser = &connected.browser;
        for (wanted, expected) in [
            ("https://evil.example/x", "/"),
            ("//evil.example/x", "/"),
            ("javascript:alert(1)", "/"),
            ("/benefits?x=1", "/benefits"),
        ] {
            let path = format!("/v1/integrations/discord/bot/authorize?return_to={wanted}");
            let state = parameter(&location(&browser.get(&path).await), "state").unwrap();
            let path = format!("/v1/integrations/discord/bot/callback?error=no&state={state}");
            assert_eq!(connected.back(&path).await.path(), expected, "{wanted}");
        }
        let path = "/v1/integrations/discord/bot/authorize?return_to=https://shop.example/benefits";
        let state = parameter(&location(&browser.get(path).await), "state").unwrap();
        let back = location(&browser.get(&format!("/v1/integrations/discord/bot/callback?error=no&state={state}")).await);
        assert_eq!(back.as_str(), "https://shop.example/benefits?error=no", "a configured front end");
    }

    async fn a_server_is_looked_up_by_a_good_token_only(connected) {
        let path = "/v1/integrations/discord/guild/lookup?guild_token=";
        let token = connected.guild_token("10").await;
        connected.browser.get(&format!("{path}x")).await.refused(401, "Unauthorized");
        connected.services.world().discord.guilds.clear();
        connected.browser.get(&format!("{path}{token}")).await.refused(404, "ResourceNotFound");
        connected.services.fail("GET /discord/api/v10/guilds", 500);
        connected.browser.get(&format!("{path}{token}")).await.refused(503, "ServiceUnavailable");
        connected.shop.advance(900);
        connected.browser.get(&format!("{path}{token}")).await.refused(401, "Unauthorized");
        let token = connected.shop.merchant.get(&format!("{path}{token}")).await;
        assert_eq!(token.status, 403, "no token of a program reaches it: {}", token.text());
    }

    // spec 20 B6 and B12
    async fn a_role_is_checked_before_it_is_sold(connected) {
        let merchant = &connected.shop.merchant;
        let token = connected.guild_token("10").await;
        for (role, expected) in [
            ("99", "invalid_role"),
            ("10", "invalid_role"),
            ("15", "invalid_role"),
            ("14", "invalid_role_position"),
            ("13", "invalid_role_position"),
        ] {
            let answer = merchant.post("/v1/benefits/", connected.role_body(&token, role)).await;
            assert_eq!(property_problems(&answer), [format!("{expected} body.properties.role_id")], "{role}");
        }
        let made = merchant.post("/v1/benefits/", connected.role_body(&token, "12")).await.expect(201);
        assert_eq!((&made["properties"]["guild_id"], &made["properties"]["role_id"]), (&json!("10"), &json!("12")));
        assert!(made["properties"]["guild_token"].is_string(), "spec 20 T-14: {made}");
        assert_eq!(made.get("is_tax_applicable"), None);
    }

    // spec 20 §3.2 and B12
    async fn a_token_for_a_server_must_be_fresh_and_ours(connected) {
        let merchant = &connected.shop.merchant;
        let token = connected.guild_token("10").await;
        let state = parameter(&connected.leave("/v1/integrations/discord/bot/authorize").await, "state").unwrap();
        let place = "value_error body.discord.properties.guild_token";
        for bad in ["x", "", &state, &token[..token.len() - 1]] {
            let answer = merchant.post("/v1/benefits/", connected.role_body(bad, "11")).await;
            assert_eq!(answer.schema_problems(), [place], "{bad}");
        }
        let id = id_of(&merchant.post("/v1/benefits/", connected.role_body(&token, "11")).await.expect(201));
        connected.shop.advance(900);
        let answer = merchant.post("/v1/benefits/", connected.role_body(&token, "11")).await;
        assert_eq!(answer.schema_problems(), [place]);
        let body = json!({"type": "discord", "properties": {"guild_token": token, "role_id": "12"}});
        let answer = merchant.patch(&format!("/v1/benefits/{id}"), body).await;
        let place = "value_error body.BenefitDiscordUpdate.properties.guild_token";
        assert_eq!(answer.schema_problems(), [place]);
    }

    // spec 20 B12 and §3.1: signed anew in each answer, and good in an update
    async fn the_token_of_an_answer_is_good_in_an_update(connected) {
        let merchant = &connected.shop.merchant;
        let id = connected.role("10", "11").await;
        let path = format!("/v1/benefits/{id}");
        connected.shop.advance(3600);
        let first = merchant.get(&path).await.expect(200)["properties"]["guild_token"].clone();
        connected.shop.advance(1);
        let listed = merchant.get("/v1/benefits/?type=discord").await.expect(200);
        let second = listed["items"][0]["properties"]["guild_token"].clone();
        assert_ne!(first, second);
        let body = json!({"type": "discord", "properties": {"guild_token": second, "role_id": "12"}});
        let changed = merchant.patch(&path, body).await.expect(200);
        assert_eq!(changed["properties"]["role_id"], "12");
        let body = json!({"type": "discord", "description": "Another name"});
        connected.services.changes();
        assert_eq!(merchant.patch(&path, body).await.expect(200)["description"], "Another name");
        assert_eq!(connected.services.world().requests, Vec::<String>::new(), "nobody is asked about a name");
        merchant.delete(&path).await.expect(204);
        merchant.get(&path).await.refused(404, "ResourceNotFound");
    }

    // spec 20 §3.2 (Merak): a service that cannot answer is a problem of the field, to be tried again
    async fn a_service_that_is_away_is_told(connected) {
        let merchant = &connected.shop.merchant;
        let token = connected.guild_token("10").await;
        for status in [500, 429, 401] {
            connected.services.fail("GET /discord/api/v10/guilds/10", status);
            let answer = merchant.post("/v1/benefits/", connected.role_body(&token, "11")).await;
            assert_eq!(property_problems(&answer), ["value_error body.properties.guild_token"]);
            assert!(answer.text().contains("Try again later"), "{}", answer.text());
        }
        connected.services.world().discord.guilds.remove("10");
        let answer = merchant.post("/v1/benefits/", connected.role_body(&token, "11")).await;
        assert_eq!(property_problems(&answer), ["value_error body.properties.guild_token"]);
        assert!(answer.text().contains("The bot is not on this server any more"));
    }

    // spec 20 B5: who may not make a benefit learns nothing, and nobody is asked
    async fn access_comes_before_the_service(connected) {
        let shop = &connected.shop;
        let token = connected.guild_token("10").await;
        connected.services.changes();
        let stranger = shop.tenant().await;
        let answer = stranger.merchant.post("/v1/benefits/", connected.role_body(&token, "11")).await;
        assert_eq!(answer.rule_problems(), ["value_error body.organization_id"]);
        let own = shop.organization_client(shop.organization.id, everything()).await;
        let answer = own.post("/v1/benefits/", connected.role_body(&token, "11")).await;
        assert_eq!(answer.rule_problems(), ["organization_token body.organization_id"]);
        assert_eq!(connected.services.world().requests, Vec::<String>::new());
        let mut body = connected.role_body(&token, "11");
        body["organization_id"] = Value::Null;
        let id = id_of(&own.post("/v1/benefits/", body).await.expect(201));
        let change = json!({"type": "discord", "properties": {"guild_token": token, "role_id": "12"}});
        connected.services.changes();
        stranger.merchant.patch(&format!("/v1/benefits/{id}"), change.clone()).await.refused(404, "ResourceNotFound");
        let mut other = change;
        other["type"] = json!("github_repository");
        other["properties"] = json!({"repository_owner": "acme", "repository_name": "app", "permission": "pull"});
        own.patch(&format!("/v1/benefits/{id}"), other).await.refused(400, "BadRequest");
        assert_eq!(connected.services.world().requests, Vec::<String>::new());
    }

    // A write that is sent twice is done once, also when it asks outside.
    async fn an_idempotent_create_is_done_once(connected) {
        let body = connected.role_body(&connected.guild_token("10").await, "11");
        let named = connected.shop.merchant.with("idempotency-key", "one");
        let first = named.post("/v1/benefits/", body.clone()).await;
        let again = named.post("/v1/benefits/", body).await;
        assert_eq!((first.status, first.text()), (201, again.text()));
        assert_eq!(connected.shop.merchant.get("/v1/benefits/").await.pagination(), (1, 1));
    }

    // spec 20 §3.3, §3.6, §3.7 and spec 40 §5.1: the whole story
    async fn a_role_is_sold_given_moved_and_taken_back(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let (customer, purchase) = (shop.customer().await, order());
        let grant = shop.grant(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], false);
        connected.connect(&customer, "discord", 500).await;
        services.changes();

        let chosen = connected.choose(&grant, "discord", "500").await.expect(200);
        assert_eq!((&chosen["is_granted"], &chosen["properties"]), (&json!(false), &json!({"account_id": "500"})));
        assert_eq!(chosen["benefit"]["properties"], json!({"guild_id": "10"}));
        shop.work_done().await;
        assert_eq!(services.changes(), ["PUT /discord/api/v10/guilds/10/members/500"]);
        assert_eq!(services.world().discord.holders("10"), ["500: 11"]);
        let given = connected.grant(&grant).await;
        let held = json!({"account_id": "500", "guild_id": "10", "role_id": "11"});
        assert_eq!((&given["is_granted"], &given["properties"]), (&json!(true), &held));

        // The role changes on the same server, and then the server.
        for (guild, role, expected, requests) in [
            ("10", "12", "500: 12", vec![
                "DELETE /discord/api/v10/guilds/10/members/500/roles/11",
                "PUT /discord/api/v10/guilds/10/members/500",
                "PUT /discord/api/v10/guilds/10/members/500/roles/12",
            ]),
            ("20", "11", "500: 11", vec![
                "DELETE /discord/api/v10/guilds/10/members/500/roles/12",
                "PUT /discord/api/v10/guilds/20/members/500",
            ]),
        ] {
            let token = connected.guild_token(guild).await;
            let body = json!({"type": "discord", "properties": {"guild_token": token, "role_id": role}});
            shop.merchant.patch(&format!("/v1/benefits/{id}"), body).await.expect(200);
            shop.work_done().await;
            assert_eq!(services.changes(), requests);
            assert_eq!(services.world().discord.holders(guild), [expected]);
            assert_eq!(connected.grant(&grant).await["properties"]["role_id"], role);
        }

        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert_eq!(services.changes(), ["DELETE /discord/api/v10/guilds/20/members/500/roles/11"]);
        assert_eq!(services.world().discord.holders("20"), ["500: "], "still a member");
        let taken = connected.grant(&grant).await;
        assert_eq!((&taken["is_revoked"], &taken["properties"]), (&json!(true), &json!({})));
    }

    // spec 20 §3.6 (Merak): 404 on revoke is done
    async fn who_left_the_server_has_nothing_to_lose(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let (customer, purchase) = (shop.customer().await, order());
        let grant = shop.grant(typed(&id), customer.id, purchase).await;
        connected.connect(&customer, "discord", 500).await;
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        services.world().discord.guilds.get_mut("10").unwrap().members.remove("500");
        shop.revoke(typed(&id), customer.id, purchase).await;
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_revoked"], true);
    }

    // spec 20 §3.6 (Merak): 403 and 404 on grant wait for somebody, and are not tried again
    async fn a_role_that_cannot_be_given_waits(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "discord", 500).await;
        // The seller moves the bot's role down.
        services.world().discord.guilds.get_mut("10").unwrap().roles[3].2 = 1;
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        let waiting = connected.grant(&grant).await;
        assert_eq!((&waiting["is_granted"], &waiting["is_revoked"]), (&json!(false), &json!(false)));
        assert_eq!(waiting["properties"], json!({"account_id": "500"}));
        services.world().discord.guilds.get_mut("10").unwrap().roles[3].2 = 3;
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
    }

    // spec 20 §3.4: 5·2^n seconds, or as long as Discord asks; G12
    async fn a_failing_service_is_left_alone_for_longer_each_time(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "discord", 500).await;
        let member = "PUT /discord/api/v10/guilds/10/members/500";
        services.fail(member, 500);
        services.fail(member, 502);
        services.fail_with(member, 429, Some(("retry-after", String::from("7"))), json!({"retry_after": 6.5}));
        connected.choose(&grant, "discord", "500").await.expect(200);
        for (attempt, wait, reason) in [
            (1, 10, "Discord is not available: status 500"),
            (2, 20, "Discord is not available: status 502"),
            (3, 7, "Discord asks to wait 7 seconds"),
        ] {
            assert_eq!(connected.postponed(attempt).await, (wait, reason.to_owned()));
            assert_eq!(connected.grant(&grant).await["is_granted"], false);
            shop.advance(u64::try_from(wait).unwrap());
        }
        shop.work_done().await;
        assert_eq!(services.world().discord.holders("10"), ["500: 11"]);
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
    }

    // spec 20 §3.4 (Merak): given up visibly
    async fn a_service_that_never_comes_back_is_given_up_visibly(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.connect(&customer, "discord", 500).await;
        for _ in 0..12 {
            services.fail("PUT /discord/api/v10/guilds/10/members/500", 500);
        }
        connected.choose(&grant, "discord", "500").await.expect(200);
        for attempt in 1..=11 {
            let (wait, _) = connected.postponed(attempt).await;
            assert!(wait <= 3600, "{wait}");
            if attempt == 11 {
                // Days later.
                shop.sql("UPDATE jobs SET failures = 99", vec![]).await;
            }
            shop.advance(u64::try_from(wait).unwrap());
        }
        until(async || shop.store.read(jobs::backlog).await.unwrap().failed == 1).await;
        let error: Option<String> = shop
            .store
            .read(|tx| tx.one("SELECT last_error FROM jobs WHERE failed_at IS NOT NULL", &[]))
            .await
            .unwrap();
        assert_eq!(error.as_deref(), Some("Discord is not available: status 500"));
    }

    // A crash between the call and its record: the job is claimed again when its lease ends, and does no harm.
    async fn a_job_that_was_cut_off_is_done_again(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let (customer, purchase) = (shop.customer().await, order());
        let grant = shop.grant(typed(&id), customer.id, purchase).await;
        connected.connect(&customer, "discord", 500).await;
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        // The state just before the record: Discord has given the role, and nobody wrote it down.
        shop.sql("UPDATE benefit_grant_accesses SET given_at = NULL", vec![]).await;
        shop.sql("UPDATE benefit_grants SET granted_at = NULL, properties = $1", vec![Box::new(
            merak_store::Json::from(json!({"account_id": "500"})),
        )]).await;
        shop.sql("UPDATE benefit_counts SET granted = 0", vec![]).await;
        services.changes();
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(services.changes(), [
            "PUT /discord/api/v10/guilds/10/members/500",
            "PUT /discord/api/v10/guilds/10/members/500/roles/11",
        ]);
        assert_eq!(services.world().discord.holders("10"), ["500: 11"]);
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
    }

    // spec 20 §3.6: an access token that is over is renewed and the new ones are kept
    async fn a_token_that_is_over_is_renewed(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        connected.connect(&customer, "discord", 500).await;
        let old = services.world().discord.tokens.keys().last().cloned().unwrap();
        shop.advance(604_800);
        services.world().discord.tokens.clear();
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.choose(&grant, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
        let tokens: Vec<String> = services.world().discord.tokens.keys().cloned().collect();
        assert!(tokens.len() == 1 && tokens[0] != old, "{tokens:?}");
        // A week later the kept refresh token is good again.
        shop.advance(604_800);
        let second = shop.grant(typed(&id), customer.id, order()).await;
        connected.choose(&second, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&second).await["is_granted"], true);
        // What cannot be renewed waits for the customer.
        services.world().discord.refreshes.clear();
        shop.advance(604_800);
        let third = shop.grant(typed(&id), customer.id, order()).await;
        connected.choose(&third, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&third).await["is_granted"], false);
        connected.connect(&customer, "discord", 500).await;
        connected.choose(&third, "discord", "500").await.expect(200);
        shop.work_done().await;
        assert_eq!(connected.grant(&third).await["is_granted"], true);
    }

    // What the operator has to put right is not told to the buyer as an account to be connected again.
    async fn a_wrong_secret_of_the_application_is_no_fault_of_the_buyer(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        let customer = shop.customer().await;
        connected.connect(&customer, "discord", 500).await;
        shop.advance(604_800);
        services.world().discord.tokens.clear();
        services.world().discord.has_other_secret = true;
        let grant = shop.grant(typed(&id), customer.id, order()).await;
        connected.choose(&grant, "discord", "500").await.expect(200);
        // The job waits, with a reason for the operator.
        let (wait, reason) = connected.postponed(1).await;
        assert_eq!(reason, "Discord does not accept the credential");
        // The refresh token was not spent: all is well once the secret is right.
        services.world().discord.has_other_secret = false;
        shop.advance(u64::try_from(wait).unwrap());
        shop.work_done().await;
        assert_eq!(connected.grant(&grant).await["is_granted"], true);
        assert_eq!(services.world().discord.holders("10"), ["500: 11"]);
    }

    // spec 20 G10: a deleted benefit is taken back from everybody
    async fn a_deleted_benefit_is_taken_back(connected) {
        let (shop, services) = (&connected.shop, &connected.services);
        let id = connected.role("10", "11").await;
        for account in [500_u64, 600] {
            let customer = shop.customer().await;
            let grant = shop.grant(typed(&id), customer.id, order()).await;
            connected.connect(&customer, "discord", account).await;
            connected.choose(&grant, "discord", &account.to_string()).await.expect(200);
        }
        shop.work_done().await;
        assert_eq!(services.world().discord.holders("10"), ["500: 11", "600: 11"]);
        shop.merchant.delete(&format!("/v1/benefits/{id}")).await.expect(204);
        shop.work_done().await;
        assert_eq!(services.world().discord.holders("10"), ["500: ", "600: "]);
    }
}
