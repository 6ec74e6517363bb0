//! Grants that another service gives: what is asked of it, and that nothing given is ever forgotten, wherever the story
//! breaks off.

mod crashes;
mod moved;
mod permissions;
mod products;
mod told;

use std::collections::BTreeMap;

use merak_core::access::Subject;
use merak_core::benefits::grants::accesses::{self, Access};
use merak_core::benefits::grants::{self, BenefitGrant, Scope};
use merak_core::benefits::kinds::Finding;
use merak_core::benefits::kinds::discord::{Guild, Role};
use merak_core::benefits::kinds::github_repository::RepositoryAccess;
use merak_core::benefits::{self, Benefit, BenefitType, CreateBenefit, UpdateBenefit};
use merak_core::connections::{self, NewAccount, NewTokens, Platform};
use merak_core::customers::Customer;
use merak_core::jobs::{self, FlowJob, Job, Outcome};
use merak_core::kit::{Id, Refusal};
use serde_json::{Value, json};

use crate::support::*;

/// What a service outside has given: permissions by account and place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct World(BTreeMap<(String, String, String), Option<String>>);

impl World {
    fn give(&mut self, access: &Access) {
        self.0.insert(key(access), access.permission.clone());
    }

    fn take(&mut self, access: &Access) {
        self.0.remove(&key(access));
    }

    fn places(&self) -> Vec<String> {
        self.0.keys().map(|(account, container, target)| format!("{account}@{container}/{target}")).collect()
    }
}

fn key(access: &Access) -> (String, String, String) {
    (access.account_id.clone(), access.container.clone(), access.target.clone())
}

scenarios! {
    // spec 20 G2 and 40 §5.1
    fn a_grant_waits_until_an_account_is_chosen(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let grant = shop.grant(&benefit, &buyer, shop.order());
        settle(shop, &mut world);
        assert_eq!(state(shop, &grant), ("pending", json!({})));
        connect(shop, &buyer, "500");
        choose(shop, &grant, "500");
        assert_eq!(state(shop, &grant), ("pending", json!({"account_id": "500"})), "until the job has done it");
        settle(shop, &mut world);
        assert_eq!(world.places(), ["500@10/11"]);
        let remembered = json!({"account_id": "500", "guild_id": "10", "role_id": "11"});
        assert_eq!(state(shop, &grant), ("granted", remembered));
        let mails = "SELECT count(*) FROM emails WHERE kind = 'benefit_granted'";
        assert_eq!(shop.read(move |tx| Ok(tx.one::<i64>(mails, &[])?)).unwrap(), 1, "once, when it is there");
        shop.grant(&benefit, &buyer, grant.scope());
        settle(shop, &mut world);
        assert_eq!(shop.read(move |tx| Ok(tx.one::<i64>(mails, &[])?)).unwrap(), 1);
    }

    // spec 20 G1: what is granted is not given again
    fn a_granted_grant_asks_for_nothing(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let order = shop.order();
        let grant = given(shop, &benefit, &buyer, order, &mut world);
        let again = shop.grant(&benefit, &buyer, order);
        assert_eq!((again.id, again.is_granted()), (grant.id, true));
        assert_eq!(waiting(shop), 0);
        let id = grant.id;
        let errand = shop.write(move |tx| accesses::plan(tx, id)).unwrap();
        assert!(errand.withdraw.is_empty() && errand.give.is_none());
    }

    // spec 20 §3.6: the old role is removed first, and G9
    fn a_changed_benefit_moves_its_holders(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let grant = given(shop, &benefit, &buyer, shop.order(), &mut world);
        let since = grant.granted_at;
        shop.advance(hours(1));
        change(shop, &benefit, json!({"role_id": "12"}), Finding::Guild(guild("20")));
        update_grants(shop, &benefit);
        assert_eq!(state(shop, &grant).0, "granted", "while the service is asked");
        settle(shop, &mut world);
        assert_eq!(world.places(), ["500@20/12"]);
        let moved = find(shop, &grant);
        assert_eq!(moved.granted_at, since, "since when it is held does not change");
        assert_eq!(moved.properties.parse::<Value>().unwrap()["guild_id"], "20");
    }

    // spec 20 G8
    fn a_new_description_changes_nothing_outside(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        given(shop, &benefit, &buyer, shop.order(), &mut world);
        change(shop, &benefit, json!({"role_id": "11"}), Finding::Guild(guild("10")));
        assert_eq!(waiting(shop), 0);
    }

    // spec 20 G3
    fn a_revoked_grant_is_taken_back_from_where_it_was_given(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let order = shop.order();
        let grant = given(shop, &benefit, &buyer, order, &mut world);
        // The benefit moves, and the grant is revoked before anything was done about it.
        change(shop, &benefit, json!({"role_id": "12"}), Finding::Guild(guild("20")));
        shop.revoke(&benefit, &buyer, order);
        update_grants(shop, &benefit);
        settle(shop, &mut world);
        assert_eq!(world, World::default());
        assert_eq!(state(shop, &grant), ("revoked", json!({})));
    }

    // spec 20 G11: each purchase has a grant of its own, and only its own is found
    fn another_purchase_is_another_grant(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let (one, two) = (Scope::Subscription(uuid::Uuid::from_u128(1)), Scope::Subscription(uuid::Uuid::from_u128(2)));
        let first = given(shop, &benefit, &buyer, one, &mut world);
        let second = shop.grant(&benefit, &buyer, two);
        assert_ne!(first.id, second.id);
        assert_eq!((state(shop, &first).0, state(shop, &second).0), ("granted", "pending"));
        assert_eq!(shop.grant(&benefit, &buyer, one).id, first.id);
    }

    // spec 20 G17
    fn a_revoked_grant_that_is_granted_again_waits_for_an_account(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let order = shop.order();
        let grant = given(shop, &benefit, &buyer, order, &mut world);
        shop.revoke(&benefit, &buyer, order);
        settle(shop, &mut world);
        shop.grant(&benefit, &buyer, order);
        assert_eq!(state(shop, &grant), ("pending", json!({})));
        let (caller, id) = (actor(Subject::Customer(buyer.id)), grant.id);
        assert_eq!(shop.read(move |tx| grants::find_of_buyer(tx, &caller, id)).unwrap().0.id, grant.id);
    }

    // spec 20 G4 and D-5
    fn what_two_purchases_give_is_taken_back_with_the_last(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let orders = [shop.order(), shop.order()];
        let first = given(shop, &benefit, &buyer, orders[0], &mut world);
        let second = given(shop, &benefit, &buyer, orders[1], &mut world);
        shop.revoke(&benefit, &buyer, orders[0]);
        assert_eq!(settle(shop, &mut world), 0, "nobody is asked");
        assert_eq!(world.places(), ["500@10/11"]);
        assert_eq!(state(shop, &first), ("revoked", first.properties.parse().unwrap()));
        assert_eq!(state(shop, &second).0, "granted");
        shop.revoke(&benefit, &buyer, orders[1]);
        settle(shop, &mut world);
        assert_eq!(world, World::default());
    }

    // spec 20 G4: whichever benefit gives it
    fn what_two_benefits_give_is_taken_back_with_the_last(shop) {
        let (one, two) = (role(shop, "10", "11"), role(shop, "10", "11"));
        let (buyer, mut world, order) = (shop.customer(), World::default(), shop.order());
        given(shop, &one, &buyer, order, &mut world);
        let second = given(shop, &two, &buyer, order, &mut world);
        shop.revoke(&one, &buyer, order);
        assert_eq!(settle(shop, &mut world), 0, "nobody is asked");
        assert_eq!((world.places(), state(shop, &second).0), (vec![String::from("500@10/11")], "granted"));
        shop.revoke(&two, &buyer, order);
        settle(shop, &mut world);
        assert_eq!(world, World::default());
    }

    // spec 20 G4: the account is what counts, not who connected it; what was given is taken back once
    fn what_two_customers_share_is_taken_back_with_the_last(shop) {
        let (benefit, mut world) = (role(shop, "10", "11"), World::default());
        let (buyers, order) = ([shop.customer(), shop.customer()], shop.order());
        for buyer in &buyers {
            given(shop, &benefit, buyer, order, &mut world);
        }
        shop.revoke(&benefit, &buyers[0], order);
        assert_eq!(settle(shop, &mut world), 0);
        assert_eq!(world.places(), ["500@10/11"]);
        let other = role(shop, "10", "11");
        given(shop, &other, &buyers[0], order, &mut world);
        shop.revoke(&other, &buyers[0], order);
        shop.revoke(&benefit, &buyers[1], order);
        assert_eq!(settle(shop, &mut world), 1);
        assert_eq!(world, World::default());
    }

    // spec 20 G4: another benefit of the same repository, with another permission
    fn what_is_left_of_a_repository_has_its_own_permission(shop) {
        let (read, write) = (repository(shop, "acme", "app", "pull"), repository(shop, "Acme", "App", "push"));
        let (buyer, mut world, order) = (shop.customer(), World::default(), shop.order());
        connect_on(shop, &buyer, Platform::Github, "500");
        let mut left = None;
        for benefit in [&read, &write] {
            let grant = shop.grant(benefit, &buyer, order);
            choose(shop, &grant, "500");
            settle(shop, &mut world);
            left.get_or_insert(grant);
        }
        shop.revoke(&write, &buyer, order);
        assert_eq!(settle(shop, &mut world), 1, "the permission is given anew");
        let key = (String::from("500"), String::from("acme"), String::from("app"));
        assert_eq!(world.0.get(&key), Some(&Some(String::from("pull"))));
        assert_eq!(state(shop, &left.unwrap()).0, "granted");
    }

    // spec 20 G4: another grant came while the service was asked to take back
    fn what_was_given_meanwhile_is_given_again(shop) {
        let (benefit, mut world) = (role(shop, "10", "11"), World::default());
        let (buyers, order) = ([shop.customer(), shop.customer()], shop.order());
        let first = given(shop, &benefit, &buyers[0], order, &mut world);
        shop.revoke(&benefit, &buyers[0], order);
        let id = first.id;
        let errand = shop.write(move |tx| accesses::plan(tx, id)).unwrap();
        let second = given_meanwhile(shop, &benefit, &buyers[1], order, &mut world);
        for access in errand.withdraw {
            world.take(&access);
            shop.write(move |tx| accesses::withdrawn(tx, &access)).unwrap();
        }
        assert_eq!(world, World::default());
        settle(shop, &mut world);
        assert_eq!((world.places(), state(shop, &second).0), (vec![String::from("500@10/11")], "granted"));
    }

    // A crash between the service's answer and our note of it, and a buyer who comes back to the first account.
    fn what_may_have_been_taken_back_is_given_again(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let grant = given(shop, &benefit, &buyer, shop.order(), &mut world);
        connect(shop, &buyer, "600");
        choose(shop, &grant, "600");
        let id = grant.id;
        let errand = shop.write(move |tx| accesses::plan(tx, id)).unwrap();
        world.take(&errand.withdraw[0]);
        choose(shop, &grant, "500");
        settle(shop, &mut world);
        assert_eq!((world.places(), state(shop, &grant).0), (vec![String::from("500@10/11")], "granted"));
    }

    // spec 20 G5 and G18
    fn a_pending_grant_that_is_revoked_takes_nothing_from_another(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let (one, two) = (shop.order(), shop.order());
        given(shop, &benefit, &buyer, one, &mut world);
        let pending = shop.grant(&benefit, &buyer, two);
        shop.revoke(&benefit, &buyer, two);
        assert_eq!(settle(shop, &mut world), 0);
        assert_eq!(state(shop, &pending).0, "revoked");
        assert_eq!(world.places(), ["500@10/11"]);
    }

    // spec 20 T-22 and 40 §5.1
    fn the_account_chosen_before_loses_what_it_had(shop) {
        let (benefit, buyer, mut world) = (repository(shop, "acme", "app", "pull"), shop.customer(), World::default());
        let grant = shop.grant(&benefit, &buyer, shop.order());
        for account in ["500", "600"] {
            connect_on(shop, &buyer, Platform::Github, account);
            choose(shop, &grant, account);
            settle(shop, &mut world);
            assert_eq!(world.places(), [format!("{account}@acme/app")]);
        }
        let remembered = json!({
            "account_id": "600", "repository_owner": "acme", "repository_name": "app", "permission": "pull",
        });
        assert_eq!(state(shop, &grant), ("granted", remembered));
    }

    // spec 20 T-22
    fn a_repository_that_changes_is_left(shop) {
        let (benefit, buyer, mut world) = (repository(shop, "acme", "app", "pull"), shop.customer(), World::default());
        let grant = shop.grant(&benefit, &buyer, shop.order());
        connect_on(shop, &buyer, Platform::Github, "500");
        choose(shop, &grant, "500");
        settle(shop, &mut world);
        for (owner, name, permission, expected) in [
            ("acme", "other", "pull", "500@acme/other"),
            // The same repository: nothing is taken back, the permission is given.
            ("Acme", "Other", "push", "500@acme/other"),
        ] {
            let settings = json!({"repository_owner": owner, "repository_name": name, "permission": permission});
            change(shop, &benefit, settings, Finding::Repository(RepositoryAccess::Full));
            update_grants(shop, &benefit);
            settle(shop, &mut world);
            assert_eq!(world.places(), [expected]);
            assert_eq!(world.0.values().next().unwrap().as_deref(), Some(permission));
            assert_eq!(state(shop, &grant).1["permission"], permission);
        }
    }

    // spec 20 G10 and D-5 (d): also pending grants, and withdrawal happens once
    fn a_deleted_benefit_is_taken_back_from_everybody(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let first = given(shop, &benefit, &buyer, shop.order(), &mut world);
        let second = given(shop, &benefit, &buyer, shop.order(), &mut world);
        let pending = shop.grant(&benefit, &shop.customer(), shop.order());
        let (tenancy, id) = (shop.tenancy(), benefit.id);
        shop.write(move |tx| benefits::delete(tx, &tenancy, id)).unwrap();
        shop.write(move |tx| grants::revoke_batch_of_benefit(tx, id)).unwrap();
        assert_eq!(settle(shop, &mut world), 1, "the service is asked once");
        assert_eq!(world, World::default());
        for grant in [first, second, pending] {
            assert_eq!(state(shop, &grant).0, "revoked");
        }
    }

    // spec 20 §3.5 (Merak): a deleted customer keeps nothing, and no tokens of theirs are kept
    fn a_deleted_customer_leaves_nothing(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        given(shop, &benefit, &buyer, shop.order(), &mut world);
        let (tenancy, id) = (shop.tenancy(), buyer.id);
        shop.write(move |tx| {
            merak_core::customers::delete(tx, &tenancy, id)?;
            grants::revoke_batch_of_customer(tx, id)
        })
        .unwrap();
        settle(shop, &mut world);
        assert_eq!(world, World::default());
        assert!(shop.read(move |tx| connections::list_of_customers(tx, &[id])).unwrap().is_empty());
    }

    // spec 20 §3.6 (Merak): 403 and 404 on grant wait for somebody to act
    fn what_a_service_refuses_waits(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let grant = given(shop, &benefit, &buyer, shop.order(), &mut world);
        change(shop, &benefit, json!({"role_id": "12"}), Finding::Guild(guild("20")));
        let id = grant.id;
        let errand = shop.write(move |tx| accesses::plan(tx, id)).unwrap();
        assert_eq!(errand.withdraw.len(), 1);
        let (withdrawn, gift) = (errand.withdraw[0].clone(), errand.give.unwrap().access);
        let access = withdrawn.clone();
        shop.write(move |tx| accesses::withdrawn(tx, &access)).unwrap();
        world.take(&withdrawn);
        shop.write(move |tx| accesses::refused(tx, &gift)).unwrap();
        assert_eq!(state(shop, &grant), ("pending", json!({"account_id": "500"})));
        // Whoever puts it right needs only to ask again.
        choose(shop, &grant, "500");
        settle(shop, &mut world);
        assert_eq!((state(shop, &grant).0, world.places()), ("granted", vec![String::from("500@20/12")]));
    }

    // spec 40 §5.1
    fn an_account_that_is_not_connected_gives_nothing(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let grant = shop.grant(&benefit, &buyer, shop.order());
        connect_on(shop, &buyer, Platform::Github, "500");
        connect(shop, &shop.customer(), "500");
        choose(shop, &grant, "500");
        assert_eq!(settle(shop, &mut world), 0);
        assert_eq!(state(shop, &grant).0, "pending");
    }

    // spec 20 §3.3: what was given while the grant was revoked is taken back
    fn a_gift_that_comes_too_late_is_taken_back(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let order = shop.order();
        let grant = shop.grant(&benefit, &buyer, order);
        connect(shop, &buyer, "500");
        choose(shop, &grant, "500");
        let id = grant.id;
        let gift = shop.write(move |tx| accesses::plan(tx, id)).unwrap().give.unwrap().access;
        shop.revoke(&benefit, &buyer, order);
        world.give(&gift);
        shop.write(move |tx| accesses::given(tx, &gift)).unwrap();
        assert_eq!(state(shop, &grant).0, "revoked");
        settle(shop, &mut world);
        assert_eq!(world, World::default());
    }

    // Tokens are sealed: the database alone says nothing.
    fn tokens_are_sealed_and_come_back(shop) {
        let buyer = shop.customer();
        connect(shop, &buyer, "500");
        let id = buyer.id;
        let account = shop
            .read(move |tx| connections::find_of_customer(tx, id, Platform::Discord, "500"))
            .unwrap()
            .unwrap();
        let tokens = connections::open_tokens(&shop.secret, &account, shop.now()).unwrap();
        assert_eq!((&*tokens.access, tokens.refresh.as_deref()), ("access-500", Some("refresh-500")));
        assert!(!tokens.is_expired);
        shop.advance(hours(1));
        assert!(connections::open_tokens(&shop.secret, &account, shop.now()).unwrap().is_expired);
        let other = merak_core::kit::InstanceSecret::new("another");
        assert!(connections::open_tokens(&other, &account, shop.now()).is_none());
        let stored: String = shop
            .read(|tx| {
                Ok(tx.one("SELECT sealed_access_token || sealed_refresh_token FROM customer_oauth_accounts", &[])?)
            })
            .unwrap();
        assert!(!stored.contains("access") && !stored.contains("refresh"), "{stored}");
        // Refreshed tokens take their place, unless the account was connected anew meanwhile.
        let (secret, old) = (shop.secret.clone(), account.clone());
        let fresh = |name: &str| NewTokens { access: name.to_owned(), refresh: None, expires_in: None };
        let new = fresh("new");
        shop.write(move |tx| connections::note_refresh_of_customer(tx, &secret, &old, &new)).unwrap();
        let (secret, old) = (shop.secret.clone(), account);
        let late = fresh("late");
        shop.write(move |tx| connections::note_refresh_of_customer(tx, &secret, &old, &late)).unwrap();
        let account = shop
            .read(move |tx| connections::find_of_customer(tx, id, Platform::Discord, "500"))
            .unwrap()
            .unwrap();
        assert_eq!(connections::open_tokens(&shop.secret, &account, shop.now()).unwrap().access, "new");
    }

    // spec 20 G12: what should be outside is worked out from the rows at each run, so that a grant without a row is one with
    // nothing outside, and no error
    fn a_job_of_nothing_asks_for_nothing(shop) {
        let unknown: Id<BenefitGrant> = Id::from_uuid(uuid::Uuid::from_u128(7));
        let errand = shop.write(move |tx| accesses::plan(tx, unknown)).unwrap();
        assert!(errand.withdraw.is_empty() && errand.give.is_none());
    }

    // spec 20 §3.2: one row for each way in which a repository is refused
    fn a_repository_that_cannot_be_given_is_refused(shop) {
        for (access, kind, field) in [
            (RepositoryAccess::NoPerson, "invalid_auth_subject", "repository_owner"),
            (RepositoryAccess::NotConnected, "invalid_user_auth", "repository_owner"),
            (RepositoryAccess::None, "no_repository_acccess", "repository_name"),
            (RepositoryAccess::NotInstalled, "no_repository_installation_found", "repository_name"),
            (RepositoryAccess::Personal, "personal_organization_repository", "repository_name"),
        ] {
            let settings = json!({"repository_owner": "acme", "repository_name": "app", "permission": "pull"});
            let answer = create(shop, BenefitType::GithubRepository, settings, Finding::Repository(access));
            let Err(Refusal::BenefitPropertiesInvalid(problems)) = answer else { panic!("{answer:?}") };
            let loc = serde_json::to_value(&problems[0].loc).unwrap();
            assert_eq!((problems[0].kind, loc), (kind, json!(["body", "properties", field])));
        }
    }
}

/// Does everything that waits to be done outside. Returns how often the service was asked.
fn settle(shop: &Shop, world: &mut World) -> usize {
    let mut asked = 0;
    while let Some(claimed) = shop.write(jobs::claim).unwrap() {
        if let Job::Flow(FlowJob::SettleAccess { grant_id, .. }) = claimed.job {
            let errand = shop.write(move |tx| accesses::plan(tx, grant_id)).unwrap();
            for access in errand.withdraw {
                asked += 1;
                world.take(&access);
                shop.write(move |tx| accesses::withdrawn(tx, &access)).unwrap();
            }
            if let Some(gift) = errand.give {
                asked += 1;
                world.give(&gift.access);
                shop.write(move |tx| accesses::given(tx, &gift.access)).unwrap();
            }
        }
        shop.write(move |tx| jobs::settle(tx, &claimed, &Outcome::Done)).unwrap();
    }
    asked
}

fn waiting(shop: &Shop) -> i64 {
    shop.read(|tx| Ok(tx.one("SELECT count(*) FROM jobs", &[])?)).unwrap()
}

fn guild(id: &str) -> Guild {
    let role = |id: &str| Role { id: id.to_owned(), position: 1, is_foreign: false };
    Guild { id: id.to_owned(), roles: ["11", "12", "13"].map(role).into(), bot_position: 9 }
}

fn create(shop: &Shop, r#type: BenefitType, properties: Value, finding: Finding) -> Result<Benefit> {
    let organization_id = shop.organization.id;
    let command = CreateBenefit { organization_id, r#type, description: String::from("Outside"), properties };
    shop.write(move |tx| benefits::create_found(tx, &command, Some(&finding)))
}

fn role(shop: &Shop, guild_id: &str, role_id: &str) -> Benefit {
    let settings = json!({"guild_token": "checked by the server", "role_id": role_id});
    let benefit = create(shop, BenefitType::Discord, settings, Finding::Guild(guild(guild_id))).unwrap();
    assert_eq!(
        benefit.properties.parse::<Value>().unwrap(),
        json!({"guild_id": guild_id, "role_id": role_id})
    );
    benefit
}

fn repository(shop: &Shop, owner: &str, name: &str, permission: &str) -> Benefit {
    let settings = json!({"repository_owner": owner, "repository_name": name, "permission": permission});
    let finding = Finding::Repository(RepositoryAccess::Full);
    create(shop, BenefitType::GithubRepository, settings, finding).unwrap()
}

/// Changes the settings of a benefit; the job that follows is not run.
fn change(shop: &Shop, benefit: &Benefit, properties: Value, finding: Finding) {
    let command = UpdateBenefit {
        r#type: benefit.r#type,
        description: None,
        properties: Some(properties),
        finding: Some(finding),
    };
    let (tenancy, id) = (shop.tenancy(), benefit.id);
    shop.write(move |tx| benefits::update(tx, &tenancy, id, &command)).unwrap();
}

/// Runs the job that follows a change of settings.
fn update_grants(shop: &Shop, benefit: &Benefit) {
    let id = benefit.id;
    shop.write(move |tx| grants::update_batch_of_benefit(tx, id, None)).unwrap();
}

fn connect(shop: &Shop, customer: &Customer, account_id: &str) {
    connect_on(shop, customer, Platform::Discord, account_id);
}

fn connect_on(shop: &Shop, customer: &Customer, platform: Platform, account_id: &str) {
    let (secret, id) = (shop.secret.clone(), customer.id);
    let account = NewAccount {
        platform,
        account_id: account_id.to_owned(),
        account_username: format!("user{account_id}"),
        tokens: NewTokens {
            access: format!("access-{account_id}"),
            refresh: Some(format!("refresh-{account_id}")),
            expires_in: Some(1800),
        },
    };
    shop.write(move |tx| connections::connect_customer(tx, &secret, id, &account)).unwrap();
}

fn choose(shop: &Shop, grant: &BenefitGrant, account_id: &str) {
    let (caller, id, account_id) =
        (actor(Subject::Customer(grant.customer_id)), grant.id, account_id.to_owned());
    shop.write(move |tx| {
        let (mut grant, _, benefit, _) = grants::find_of_buyer(tx, &caller, id)?;
        grants::choose_account(tx, &benefit, &mut grant, &account_id)
    })
    .unwrap();
}

/// A grant that was given to the account 500.
fn given(shop: &Shop, benefit: &Benefit, buyer: &Customer, scope: Scope, world: &mut World) -> BenefitGrant {
    let grant = shop.grant(benefit, buyer, scope);
    connect(shop, buyer, "500");
    choose(shop, &grant, "500");
    settle(shop, world);
    let grant = find(shop, &grant);
    assert!(grant.is_granted());
    grant
}

/// As [`given`], while jobs of others are under way.
fn given_meanwhile(
    shop: &Shop,
    benefit: &Benefit,
    buyer: &Customer,
    scope: Scope,
    world: &mut World,
) -> BenefitGrant {
    let grant = shop.grant(benefit, buyer, scope);
    connect(shop, buyer, "500");
    choose(shop, &grant, "500");
    let id = grant.id;
    let gift = shop.write(move |tx| accesses::plan(tx, id)).unwrap().give.unwrap().access;
    world.give(&gift);
    shop.write(move |tx| accesses::given(tx, &gift)).unwrap();
    grant
}

fn find(shop: &Shop, grant: &BenefitGrant) -> BenefitGrant {
    let id = grant.id;
    shop.read(move |tx| {
        let sql =
            const_format::concatcp!("SELECT ", BenefitGrant::COLUMNS, " FROM benefit_grants WHERE id = $1");
        Ok(tx.one(sql, &[&id])?)
    })
    .unwrap()
}

fn state(shop: &Shop, grant: &BenefitGrant) -> (&'static str, Value) {
    let grant = find(shop, grant);
    let word = match (grant.granted_at, grant.revoked_at) {
        (Some(_), None) => "granted",
        (None, Some(_)) => "revoked",
        (None, None) => "pending",
        (Some(_), Some(_)) => panic!("granted and revoked"),
    };
    (word, grant.properties.parse().unwrap())
}
