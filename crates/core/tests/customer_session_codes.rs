//! Codes that sign customers in by mail.

use std::time::Duration;

use merak_core::customer_session_codes::{self as codes, CustomerSessionCode, Redeemed};
use merak_core::customers::{self, Customer, UpdateCustomer};
use merak_core::emails::{self, Content, Opened, SecretEmail};
use merak_core::kit::{Id, Kind, Token};
use merak_core::organizations::Organization;

use crate::support::*;

scenarios! {
    // spec 40 §7.9: a known e-mail in other letter case gets a code, and the code signs in once
    fn a_code_signs_in_once_and_shows_that_the_address_is_the_customers(shop) {
        let customer = shop.customer();
        assert!(!customer.email_verified);
        let code = code_of(shop, &customer.email.as_str().to_uppercase());
        assert_eq!(code.len(), codes::LENGTH);
        assert!(code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()), "{code}");
        redeem(shop, &format!(" {} ", code.to_lowercase())).unwrap();
        assert!(find(shop, customer.id).email_verified);
        refused(redeem(shop, &code));
    }

    // spec 40 §7.9
    fn who_is_unknown_gets_no_mail(shop) {
        let customer = shop.customer();
        let (_, other) = shop.another_organization();
        request(shop, shop.organization.id, "nobody@example.com");
        request(shop, other.id, customer.email.as_str());
        request(shop, Id::from_uuid(customer.id.uuid()), customer.email.as_str());
        let tenancy = shop.tenancy();
        shop.write(move |tx| customers::delete(tx, &tenancy, customer.id)).unwrap();
        request(shop, shop.organization.id, customer.email.as_str());
        assert!(shop.read(|tx| emails::list_newest(tx, 10)).unwrap().is_empty());
    }

    fn a_blocked_shop_signs_nobody_in(shop) {
        let customer = shop.customer();
        let code = code_of(shop, customer.email.as_str());
        let id = shop.organization.id;
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.execute("UPDATE organizations SET blocked_at = $2 WHERE id = $1", &[&id, &now])?)
        })
        .unwrap();
        refused(redeem(shop, &code));
        request(shop, id, customer.email.as_str());
        assert_eq!(shop.read(|tx| emails::list_newest(tx, 10)).unwrap().len(), 1);
    }

    fn a_code_ends_after_half_an_hour(shop) {
        let customer = shop.customer();
        let (first, second) = (code_of(shop, customer.email.as_str()), code_of(shop, customer.email.as_str()));
        shop.advance(Duration::from_secs(1799));
        redeem(shop, &first).unwrap();
        shop.advance(Duration::from_secs(1));
        refused(redeem(shop, &second));
        assert_eq!(shop.write(|tx| codes::purge(tx, 10)).unwrap(), 1);
    }

    fn three_codes_are_good_at_once(shop) {
        let customer = shop.customer();
        let all: Vec<String> = (0..4).map(|_| {
            shop.advance(Duration::from_secs(1));
            code_of(shop, customer.email.as_str())
        }).collect();
        refused(redeem(shop, &all[0]));
        for code in &all[1..] {
            redeem(shop, code).unwrap();
        }
    }

    fn what_is_no_code_is_refused(shop) {
        for text in ["", "ABC12", "ABC1234", "ÄBC123", "ABC 12", "ＡＢＣＤＥＦ", "'; --  "] {
            refused(redeem(shop, text));
        }
    }

    // spec 40 §4.3: only if it is still the customer's address
    fn a_code_that_went_to_an_old_address_verifies_no_other(shop) {
        let customer = shop.customer();
        let code = code_of(shop, customer.email.as_str());
        let tenancy = shop.tenancy();
        let command = UpdateCustomer { email: Some(email("new@example.com")), ..UpdateCustomer::default() };
        shop.write(move |tx| customers::update(tx, &tenancy, customer.id, &command)).unwrap();
        assert!(redeem(shop, &code).is_err());
        assert!(!find(shop, customer.id).email_verified);
    }

    fn a_code_counts_for_its_own_address(shop) {
        let (ada, eve) = (shop.customer(), shop.customer());
        let code = code_of(shop, ada.email.as_str());
        assert!(redeem_of(shop, &eve, &code).is_none());
        assert!(redeem_of(shop, &ada, &code).is_some());
        assert!(redeem_of(shop, &ada, &code).is_none());
    }

    fn wrong_codes_end_those_that_are_good(shop) {
        let customer = shop.customer();
        let good = code_of(shop, customer.email.as_str());
        for _ in 0..19 {
            assert!(redeem_of(shop, &customer, "AAAAAA").is_none());
        }
        redeem_of(shop, &customer, &good).unwrap();
        let good = code_of(shop, customer.email.as_str());
        for wrong in (0..20).map(|n| if n % 2 == 0 { "AAAAAA" } else { "no code" }) {
            assert!(redeem_of(shop, &customer, wrong).is_none());
        }
        assert!(redeem_of(shop, &customer, &good).is_none());
    }

    fn guesses_at_everybodys_codes_come_to_an_end(shop) {
        let customer = shop.customer();
        let code = code_of(shop, customer.email.as_str());
        // As if there were many customers: the more codes are good, the fewer guesses there are.
        let secret = shop.secret.clone();
        shop.write(move |tx| {
            let sql = format!("SELECT {} FROM customer_session_codes", CustomerSessionCode::COLUMNS);
            let one: CustomerSessionCode = tx.one(&sql, &[])?;
            for n in 0..7000 {
                let code_hash = secret.hash(&format!("code {n}"));
                let another = CustomerSessionCode { id: Id::new(tx), code_hash, ..one.clone() };
                tx.insert(&another)?;
            }
            Ok(())
        }).unwrap();
        let redeem = |code: &str| {
            let (secret, code) = (shop.secret.clone(), code.to_owned());
            shop.write(move |tx| codes::redeem_alone(tx, &secret, &code)).unwrap()
        };
        for _ in 0..4 {
            assert!(matches!(redeem("AAAAAA"), Redeemed::Wrong));
        }
        assert!(matches!(redeem("AAAAAA"), Redeemed::TooMany));
        assert!(matches!(redeem(&code), Redeemed::TooMany), "also a good one waits");
        assert!(redeem_of(shop, &customer, &code).is_some(), "who says whose it is gets in");
        shop.advance(Duration::from_secs(1801));
        let code = code_of(shop, customer.email.as_str());
        assert!(matches!(redeem(&code), Redeemed::In(_)));
    }

    // spec 40 §4.3: two at once cannot both succeed
    fn of_many_who_use_a_code_at_once_one_gets_in(shop) {
        let customer = shop.customer();
        let code = code_of(shop, customer.email.as_str());
        let got_in = std::thread::scope(|scope| {
            let tries: Vec<_> = (0..4).map(|_| scope.spawn(|| redeem(shop, &code).is_ok())).collect();
            tries.into_iter().map(|each| each.join().unwrap()).filter(|is_in| *is_in).count()
        });
        assert_eq!(got_in, 1);
        let sessions: i64 = shop.read(|tx| Ok(tx.one("SELECT count(*) FROM customer_sessions", &[])?)).unwrap();
        assert_eq!(sessions, 1);
    }
}

fn request(shop: &Shop, organization_id: Id<Organization>, address: &str) {
    let (secret, address) = (shop.secret.clone(), email(address));
    shop.write(move |tx| codes::request(tx, &secret, organization_id, &address)).unwrap();
}

/// The code in the mail that the customer with this address gets.
fn code_of(shop: &Shop, address: &str) -> String {
    request(shop, shop.organization.id, address);
    let secret = shop.secret.clone();
    let opened = shop.write(move |tx| {
        let id = emails::list_newest(tx, 1)?[0].id;
        emails::open(tx, &secret, id)
    });
    match opened.unwrap() {
        Opened::Draft(draft) => match draft.content {
            Content::Secret(SecretEmail::SignInCode { code, .. }) => code,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

fn redeem(shop: &Shop, code: &str) -> Result<Token> {
    let (secret, code) = (shop.secret.clone(), code.to_owned());
    shop.write(move |tx| codes::redeem(tx, &secret, &code))
}

fn redeem_of(shop: &Shop, customer: &Customer, code: &str) -> Option<Token> {
    let (secret, code) = (shop.secret.clone(), code.to_owned());
    let (owner, email) = (customer.organization_id, customer.email.clone());
    shop.write(move |tx| codes::redeem_of(tx, &secret, (owner, &email), &code)).unwrap()
}

fn refused(result: Result<Token>) {
    assert_eq!(result.unwrap_err().kind(), Some(Kind::SessionCodeInvalid));
}

fn find(shop: &Shop, id: Id<Customer>) -> Customer {
    shop.read(move |tx| customers::find(tx, id)).unwrap().unwrap()
}
