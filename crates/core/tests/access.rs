//! Credentials: whom a token stands for, until when, and what it may do.

use std::time::Duration;

use merak_core::access::{
    self, Actor, Admits, BUYERS, Denied, MERCHANTS, NewToken, Subject, Wanted, authorize,
};
use merak_core::kit::{Kind, Scope, ScopeSet, Token};
use merak_core::{customer_sessions, login_links, user_sessions};
use uuid::Uuid;

use crate::support::*;

const READ_KEYS: Admits =
    Admits::Subjects { kinds: MERCHANTS, scopes: &[Scope::LicenseKeysRead, Scope::LicenseKeysWrite] };
const PORTAL: Admits =
    Admits::Subjects { kinds: BUYERS, scopes: &[Scope::CustomerPortalRead, Scope::CustomerPortalWrite] };

scenarios! {
    fn a_personal_access_token_stands_for_its_user(shop) {
        let scopes = ScopeSet::of(&[Scope::LicenseKeysRead, Scope::OpenId]);
        let made = personal_token(shop, scopes, None);
        assert!(made.token.as_str().starts_with("polar_pat_"));
        let caller = authenticate(shop, &made.token).unwrap();
        assert_eq!((caller.subject, caller.scopes), (Subject::User(shop.member.id), scopes));
        assert!(!caller.is_blocked);
        shop.advance(hours(24 * 10_000));
        assert!(authenticate(shop, &made.token).is_some());
    }

    fn a_token_is_unknown_with_another_secret_or_letter_case(shop) {
        let made = personal_token(shop, ScopeSet::grantable(), None);
        for text in [
            made.token.as_str().to_uppercase(),
            format!("{} ", made.token.as_str()),
            String::from("polar_pat_"),
            String::new(),
        ] {
            let hash = shop.secret.hash(&text);
            assert!(shop.read(move |tx| access::authenticate(tx, &hash, true)).unwrap().is_none(), "{text:?}");
        }
        let hash = merak_core::kit::InstanceSecret::new("other").hash(made.token.as_str());
        assert!(shop.read(move |tx| access::authenticate(tx, &hash, true)).unwrap().is_none());
    }

    fn the_token_text_is_nowhere_in_the_database(shop) {
        let made = personal_token(shop, ScopeSet::grantable(), None);
        let user = shop.member.id;
        let stored = shop.read(move |tx| access::list_personal_access_tokens(tx, user)).unwrap();
        assert_eq!(stored.len(), 1);
        assert_eq!(stored[0].token_hash, shop.secret.hash(made.token.as_str()));
        assert_eq!((stored[0].comment.as_str(), stored[0].scopes), ("test", ScopeSet::grantable()));
    }

    fn a_personal_access_token_ends_at_its_very_second(shop) {
        let made = personal_token(shop, ScopeSet::grantable(), Some(3600));
        shop.advance(just_under(hours(1)));
        assert!(authenticate(shop, &made.token).is_some());
        shop.advance(Duration::from_micros(1));
        assert!(authenticate(shop, &made.token).is_none());
    }

    fn a_revoked_token_is_unknown_at_once(shop) {
        let personal = personal_token(shop, ScopeSet::grantable(), None);
        let id = personal.id.uuid();
        shop.write(move |tx| access::revoke_token(tx, id)).unwrap();
        assert!(authenticate(shop, &personal.token).is_none());
        assert_eq!(refusal(shop.write(move |tx| access::revoke_token(tx, id))).0, Kind::NotFound);
        let organization = organization_token(shop, ScopeSet::grantable());
        let id = organization.id.uuid();
        shop.write(move |tx| access::revoke_token(tx, id)).unwrap();
        assert!(authenticate(shop, &organization.token).is_none());
        let unknown = Uuid::from_u128(1);
        assert_eq!(refusal(shop.write(move |tx| access::revoke_token(tx, unknown))).0, Kind::NotFound);
    }

    fn an_organization_acts_as_itself(shop) {
        let made = organization_token(shop, ScopeSet::of(&[Scope::CustomersRead]));
        assert!(made.token.as_str().starts_with("polar_at_o_"));
        let caller = authenticate(shop, &made.token).unwrap();
        assert_eq!(caller.subject, Subject::Organization(shop.organization.id));
        assert_eq!(shop.tenancy_of(&caller).ids(), [shop.organization.id]);
    }

    fn a_customer_session_lasts_an_hour_and_is_known_where_customers_are_admitted(shop) {
        let customer = shop.customer();
        let (secret, id) = (shop.secret.clone(), customer.id);
        let (session, token) = shop.write(move |tx| customer_sessions::create(tx, &secret, id)).unwrap();
        assert!(token.as_str().starts_with("polar_cst_"));
        assert_eq!(session.expires_at, shop.now().add_seconds(3600));
        let caller = authenticate(shop, &token).unwrap();
        assert_eq!(caller.subject, Subject::Customer(customer.id));
        assert_eq!(caller.scopes, ScopeSet::of(&[Scope::CustomerPortalWrite]));
        let hash = shop.secret.hash(token.as_str());
        assert!(shop.read(move |tx| access::authenticate(tx, &hash, false)).unwrap().is_none());
        shop.advance(hours(1));
        assert!(authenticate(shop, &token).is_none());
        assert_eq!(shop.write(|tx| customer_sessions::purge(tx, 10)).unwrap(), 1);
    }

    fn blocked_callers_are_known_and_deleted_ones_are_not(shop) {
        let personal = personal_token(shop, ScopeSet::grantable(), None);
        let organization = organization_token(shop, ScopeSet::grantable());
        let (user, organization_id) = (shop.member.id, shop.organization.id);
        let set = |column: &'static str| {
            shop.write(move |tx| {
                let now = tx.now();
                tx.changed_one(&format!("UPDATE users SET {column} = $2 WHERE id = $1"), &[&user, &now])?;
                let sql = format!("UPDATE organizations SET {column} = $2 WHERE id = $1");
                Ok(tx.changed_one(&sql, &[&organization_id, &now])?)
            })
            .unwrap();
        };
        set("blocked_at");
        for token in [&personal.token, &organization.token] {
            let caller = authenticate(shop, token).unwrap();
            assert_eq!(authorize(&caller, &READ_KEYS), Err(Denied::Blocked));
        }
        set("deleted_at");
        assert!(authenticate(shop, &personal.token).is_none());
        assert!(authenticate(shop, &organization.token).is_none());
    }

    // spec 10 §1.3, §10.9 line 108: what ended is removed, and nothing else
    fn sessions_and_links_that_ended_are_removed(shop) {
        let (secret, user) = (shop.secret.clone(), shop.member.id);
        let make = move |tx: &mut merak_store::Tx<'_>| {
            user_sessions::create(tx, &secret, user, "a test")?;
            login_links::create(tx, &secret, user)?;
            Ok(())
        };
        shop.write(make.clone()).unwrap();
        shop.advance(Duration::from_secs(899));
        let purge = || shop.write(|tx| Ok((user_sessions::purge(tx, 10)?, login_links::purge(tx, 10)?))).unwrap();
        assert_eq!(purge(), (0, 0));
        shop.advance(Duration::from_secs(1));
        assert_eq!(purge(), (0, 1));
        shop.write(make).unwrap();
        shop.advance(Duration::from_mins(31 * 24 * 60 - 15));
        assert_eq!(purge(), (1, 1), "the second session has a quarter of an hour left");
    }

    fn use_is_noted_once_a_minute(shop) {
        let made = personal_token(shop, ScopeSet::grantable(), None);
        let unnoted = || authenticate(shop, &made.token).unwrap().unnoted_token;
        assert_eq!(unnoted(), Some(made.id));
        let id = made.id;
        shop.write(move |tx| access::note_use(tx, id)).unwrap();
        assert_eq!(unnoted(), None);
        shop.advance(Duration::from_secs(59));
        assert_eq!(unnoted(), None);
        shop.advance(Duration::from_secs(1));
        assert_eq!(unnoted(), Some(made.id));
    }
}

#[test]
fn a_route_admits_the_right_subject_with_one_of_its_scopes() {
    let with = |scopes: &[Scope]| Actor { scopes: ScopeSet::of(scopes), ..actor(Subject::User(any())) };
    assert_eq!(authorize(&with(&[Scope::LicenseKeysRead]), &READ_KEYS), Ok(()));
    assert_eq!(authorize(&with(&[Scope::LicenseKeysWrite, Scope::OpenId]), &READ_KEYS), Ok(()));
    assert_eq!(authorize(&with(&[Scope::WebDefault]), &READ_KEYS), Ok(()));
    let wanted = vec![Scope::LicenseKeysRead, Scope::LicenseKeysWrite, Scope::WebDefault];
    assert_eq!(authorize(&with(&[Scope::CustomersRead]), &READ_KEYS), Err(Denied::InsufficientScope(wanted)));
}

#[test]
fn block_comes_before_subject_and_subject_before_scope() {
    let customer = Actor { scopes: ScopeSet::EMPTY, ..actor(Subject::Customer(any())) };
    assert_eq!(authorize(&customer, &READ_KEYS), Err(Denied::WrongSubject(MERCHANTS)));
    let blocked = Actor { is_blocked: true, ..customer };
    assert_eq!(authorize(&blocked, &READ_KEYS), Err(Denied::Blocked));
    assert_eq!(authorize(&Actor::ANONYMOUS, &READ_KEYS), Err(Denied::Unauthenticated));
    assert_eq!(authorize(&Actor::ANONYMOUS, &Admits::Everybody), Ok(()));
    assert_eq!(authorize(&blocked, &Admits::Everybody), Ok(()));
}

#[test]
fn an_organization_is_no_buyer() {
    assert_eq!(authorize(&actor(Subject::Organization(any())), &PORTAL), Err(Denied::WrongSubject(BUYERS)));
    assert_eq!(authorize(&actor(Subject::Customer(any())), &PORTAL), Ok(()));
    assert_eq!(authorize(&actor(Subject::User(any())), &PORTAL), Ok(()));
    assert!(PORTAL.admits_customers() && !READ_KEYS.admits_customers());
}

fn any<T>() -> merak_core::kit::Id<T> {
    merak_core::kit::Id::from_uuid(Uuid::from_u128(5))
}

fn authenticate(shop: &Shop, token: &Token) -> Option<Actor> {
    let hash = shop.secret.hash(token.as_str());
    shop.read(move |tx| access::authenticate(tx, &hash, true)).unwrap()
}

fn personal_token(
    shop: &Shop,
    scopes: ScopeSet,
    expires_in: Option<i64>,
) -> NewToken<access::PersonalAccessToken> {
    let (secret, user) = (shop.secret.clone(), shop.member.id);
    let wanted = Wanted { scopes, expires_in, comment: "test" };
    shop.write(move |tx| access::create_personal_access_token(tx, &secret, user, &wanted)).unwrap()
}

fn organization_token(shop: &Shop, scopes: ScopeSet) -> NewToken<access::OAuth2AccessToken> {
    let (secret, organization) = (shop.secret.clone(), shop.organization.id);
    let wanted = Wanted { scopes, expires_in: None, comment: "test" };
    shop.write(move |tx| access::create_organization_token(tx, &secret, organization, &wanted)).unwrap()
}
