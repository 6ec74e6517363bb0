//! Mails: asked for in a unit, opened and noted by their job, forgotten in time.

use std::time::Duration;

use merak_core::access::{self, LeakedKind, ReportLeak, Wanted};
use merak_core::benefits::BenefitType;
use merak_core::customers::{self, Customer, UpdateCustomer};
use merak_core::emails::{
    self, Content, Draft, Email, Found, Money, Opened, Outgoing, PortalLink, SecretEmail,
};
use merak_core::jobs::{self, Claimed, FlowJob, Job, Outcome};
use merak_core::kit::{Cents, Currency, Id, InstanceSecret, Refusal};
use merak_core::orders::{self, Order};
use merak_core::products::{self, Product};
use merak_core::users;
use merak_store::ReadTx;
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

scenarios! {
    fn a_mail_is_a_row_and_a_job_of_the_same_unit(shop) {
        let id = ask(shop, ended(shop));
        let row = record(shop, id).unwrap();
        assert_eq!((row.kind.as_str(), row.recipient.as_str()), ("subscription_ended", "zoe@example.com"));
        assert_eq!((row.sent_at, row.failed_at, row.email().unwrap()), (None, None, Some(ended(shop))));
        assert_eq!(shop.run_jobs(), [FlowJob::SendEmail { email_id: id }]);

        let email = ended(shop);
        let failed = shop.write(move |tx| {
            emails::enqueue(tx, None, "zoe@example.com", &email)?;
            Err::<(), _>(Refusal::not_found())
        });
        assert!(failed.is_err());
        assert!(shop.run_jobs().is_empty());
        assert_eq!(shop.read(|tx| emails::list_newest(tx, 10)).unwrap().len(), 1);
    }

    fn what_was_sent_is_forgotten_and_not_sent_again(shop) {
        let id = ask(shop, ended(shop));
        let draft = draft(shop, id);
        assert_eq!(draft.sender.unwrap().name, shop.organization.name);
        assert_eq!((draft.recipient.as_str(), draft.date), ("zoe@example.com", shop.now()));
        shop.write(move |tx| emails::note_sent(tx, id, "<1@merak.example>")).unwrap();
        let row = record(shop, id).unwrap();
        assert_eq!((row.sent_at, row.message_id.as_deref()), (Some(shop.now()), Some("<1@merak.example>")));
        assert_eq!(row.email().unwrap(), None);
        assert!(matches!(open(shop, id), Opened::Nothing));
        // A worker that was slow to say so changes nothing.
        shop.advance(Duration::from_secs(1));
        shop.write(move |tx| emails::note_sent(tx, id, "<2@merak.example>")).unwrap();
        shop.write(move |tx| emails::note_refused(tx, id, "no such mailbox").map(|_| ())).unwrap();
        assert_eq!(shop.write(move |tx| emails::note_delayed(tx, id, 1, "slow")).unwrap(), Outcome::Done);
        let later = record(shop, id).unwrap();
        assert_eq!((later.sent_at, later.message_id, later.failed_at), (row.sent_at, row.message_id, None));
    }

    fn a_mail_that_leads_to_the_portal_opens_a_session_when_it_is_sent(shop) {
        let customer = shop.customer_of(shop.organization.id, "Zoe@example.com").unwrap();
        let sessions = |shop: &Shop| -> i64 { shop.read(|tx| Ok(tx.one("SELECT count(*) FROM customer_sessions", &[])?)).unwrap() };
        let ended = Email::SubscriptionEnded {
            product_name: String::from("Nimbus"),
            portal: PortalLink { customer_id: customer.id, shows: Some(Uuid::from_u128(7)) },
        };
        let id = ask(shop, ended.clone());
        assert_eq!(sessions(shop), 0);
        let portal = draft(shop, id).portal.unwrap();
        let token = portal.token.unwrap();
        assert_eq!((sessions(shop), portal.shows), (1, Some(Uuid::from_u128(7))));
        let hash = shop.secret.hash(token.as_str());
        let owner = shop.read(move |tx| Ok(tx.one::<Id<Customer>>("SELECT customer_id FROM customer_sessions WHERE token_hash = $1", &[&hash])?));
        assert_eq!(owner.unwrap(), customer.id);

        // At an address that was the customer's somebody else may read it.
        let moves_to = |text: &str| {
            let tenancy = shop.tenancy();
            let command = UpdateCustomer { email: Some(email(text)), ..UpdateCustomer::default() };
            shop.write(move |tx| customers::update(tx, &tenancy, customer.id, &command)).unwrap();
        };
        moves_to("bob@example.com");
        let before = sessions(shop);
        assert!(draft(shop, id).portal.unwrap().token.is_none());
        assert_eq!(sessions(shop), before);
        moves_to("zoe@example.com");
        assert!(draft(shop, id).portal.unwrap().token.is_some());

        // Never at another organization than that which writes, nor for somebody who is no more.
        let (_, other) = shop.another_organization();
        let foreign = shop.write(move |tx| emails::enqueue(tx, Some(other.id), "zoe@example.com", &ended)).unwrap();
        assert!(draft(shop, foreign).portal.unwrap().token.is_none());
        let tenancy = shop.tenancy();
        shop.write(move |tx| customers::delete(tx, &tenancy, customer.id)).unwrap();
        assert!(draft(shop, id).portal.unwrap().token.is_none());
    }

    fn the_mail_of_a_purchase_waits_for_its_keys_but_not_for_ever(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({"prefix": "NIMBUS"})).unwrap();
        let (product, customer) = (shop.product(), shop.customer());
        shop.set_benefits(product.id, &[benefit.id]).unwrap();
        let (product_id, customer_id, organization_id) = (product.id, customer.id, shop.organization.id);
        let buy = |shop: &Shop| {
            shop.write(move |tx| {
                let order = Order::of_nothing(Id::new(tx), &product_of(tx, product_id), None, customer_id, tx.now());
                orders::record(tx, &order)?;
                jobs::enqueue(tx, &Job::UpdateGrantsOfPurchase { purchase: order.purchase() })?;
                let email = Email::SubscriptionCanceled {
                    product_name: String::from("Nimbus"),
                    ends_at: tx.now(),
                    benefits: emails::benefit_lines(tx, product_id)?,
                    portal: PortalLink { customer_id, shows: Some(order.id.uuid()) },
                };
                emails::enqueue(tx, Some(organization_id), "zoe@example.com", &email)
            })
            .unwrap()
        };
        let told = |shop: &Shop, id| match draft(shop, id).content {
            Content::Plain(email) => match *email {
                Email::SubscriptionCanceled { benefits, .. } => benefits[0].license_key.clone(),
                other => panic!("{other:?}"),
            },
            Content::Secret(other) => panic!("{other:?}"),
        };
        let (first, second) = (buy(shop), buy(shop));
        assert!(matches!(open(shop, first), Opened::TooEarly));
        shop.advance(Duration::from_mins(10));
        assert_eq!(told(shop, first), None);
        shop.run_jobs();
        let (of_first, of_second) = (told(shop, first).unwrap(), told(shop, second).unwrap());
        assert!(of_first.starts_with("NIMBUS-") && of_first != of_second);
        let stored: i64 = shop.read(|tx| Ok(tx.one("SELECT count(*) FROM emails WHERE CAST(payload AS text) LIKE '%NIMBUS-%'", &[])?)).unwrap();
        assert_eq!(stored, 0, "the keys are in no record");
    }

    fn many_mails_are_opened_together_each_as_by_itself(shop) {
        let customer = shop.customer_of(shop.organization.id, "Zoe@example.com").unwrap();
        let (_, other) = shop.another_organization();
        let of = |name: &str| Email::SubscriptionEnded {
            product_name: name.to_owned(),
            portal: PortalLink { customer_id: customer.id, shows: None },
        };
        let (own, foreign, sent) = (ask(shop, of("own")), of("foreign"), ask(shop, of("sent")));
        let foreign = shop.write(move |tx| emails::enqueue(tx, Some(other.id), "zoe@example.com", &foreign)).unwrap();
        let expires_at = shop.now().add_seconds(60);
        let code = secret(shop, SecretEmail::SignInCode { code: String::from("K7Q2ZD"), expires_at });
        shop.write(move |tx| emails::note_sent(tx, sent, "<1@merak.example>")).unwrap();
        shop.advance(Duration::from_mins(1));
        let ids = [foreign, Id::from_uuid(Uuid::from_u128(7)), own, sent, code];
        let secret = shop.secret.clone();
        let opened = shop.write(move |tx| emails::open_many(tx, &secret, &ids)).unwrap();
        let [Opened::Draft(of_other), Opened::Nothing, Opened::Draft(of_own), Opened::Nothing, Opened::Useless(_)] = &opened[..] else {
            panic!("{opened:?}")
        };
        assert_eq!((of_other.id, of_own.id), (foreign, own));
        let names = [of_other, of_own].map(|draft| draft.sender.as_ref().unwrap().name.clone());
        assert_eq!(names, [other.name, shop.organization.name.clone()]);
        let has_token = [of_other, of_own].map(|draft| draft.portal.as_ref().unwrap().token.is_some());
        assert_eq!(has_token, [false, true], "a session at its own organization only");
        let secret = shop.secret.clone();
        assert!(shop.write(move |tx| emails::open_many(tx, &secret, &[])).unwrap().is_empty());
    }

    fn what_lets_somebody_in_is_sealed_and_of_no_use_later(shop) {
        let expires_at = shop.now().add_seconds(1800);
        let email = SecretEmail::SignInCode { code: String::from("K7Q2ZD"), expires_at };
        let id = secret(shop, email.clone());
        let other = secret(shop, email.clone());
        let text: Vec<String> = shop.read(|tx| Ok(tx.all("SELECT sealed_payload FROM emails WHERE payload IS NULL", &[])?)).unwrap();
        assert!(text.len() == 2 && text[0] != text[1] && !text.iter().any(|text| text.contains("K7Q2ZD")));
        assert!(matches!(draft(shop, id).content, Content::Secret(opened) if opened == email));
        let wrong = InstanceSecret::new("another");
        let opened = shop.write(move |tx| emails::open(tx, &wrong, id)).unwrap();
        assert!(matches!(opened, Opened::Useless(_)));
        shop.write(move |tx| emails::note_sent(tx, id, "<1@merak.example>")).unwrap();
        shop.advance(Duration::from_mins(30));
        let Opened::Useless(reason) = open(shop, other) else { panic!("the code has ended") };
        shop.write(move |tx| emails::note_useless(tx, other, reason)).unwrap();
        let left: i64 = shop.read(|tx| Ok(tx.one("SELECT count(*) FROM emails WHERE sealed_payload IS NOT NULL", &[])?)).unwrap();
        assert_eq!((left, record(shop, other).unwrap().failed_at), (0, Some(shop.now())));
        assert!(matches!(open(shop, other), Opened::Nothing));
    }

    fn a_mail_that_cannot_be_sent_is_tried_for_two_days_and_set_aside(shop) {
        let (id, asked_at) = (ask(shop, ended(shop)), shop.now());
        let mut tries = 0;
        let mut last_pause = 0;
        loop {
            let Some(claimed) = shop.write(jobs::claim).unwrap() else {
                let Some(due) = shop.read(jobs::next_due).unwrap() else { break };
                let micros = due.as_micros() - shop.now().as_micros();
                last_pause = micros / 1_000_000;
                shop.advance(Duration::from_micros(micros.unsigned_abs()));
                continue;
            };
            tries += 1;
            assert!(tries < 100, "it ends");
            delay(shop, &claimed, id);
        }
        let row = record(shop, id).unwrap();
        let tried_for = (row.failed_at.unwrap().as_micros() - asked_at.as_micros()) / 1_000_000;
        assert!((2 * 86_400..2 * 86_400 + 3600).contains(&tried_for), "{tried_for}");
        assert!((1800..=3600).contains(&last_pause), "{last_pause}");
        assert_eq!(row.last_error.as_deref(), Some("nobody answers"));
        assert_eq!(shop.backlog(), (0, 1));
        // It can be sent after all, once the reason is gone.
        shop.write(jobs::retry_failed).unwrap();
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        assert!(matches!(open(shop, id), Opened::Draft(_)));
        shop.write(move |tx| {
            emails::note_sent(tx, id, "<1@merak.example>")?;
            jobs::settle(tx, &claimed, &Outcome::Done)
        })
        .unwrap();
        let row = record(shop, id).unwrap();
        assert_eq!((row.failed_at, row.last_error, row.sent_at), (None, None, Some(shop.now())));
    }

    fn a_mail_that_is_refused_for_good_is_set_aside_at_once(shop) {
        let id = ask(shop, ended(shop));
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        shop.write(move |tx| {
            let outcome = emails::note_refused(tx, id, "no such mailbox")?;
            jobs::settle(tx, &claimed, &outcome)
        })
        .unwrap();
        assert_eq!(shop.backlog(), (0, 1));
        let failed = shop.read(|tx| jobs::list_failed(tx, 10)).unwrap();
        assert_eq!((failed[0].failures, failed[0].last_error.as_deref()), (1, Some("no such mailbox")));
        assert_eq!(record(shop, id).unwrap().email().unwrap(), Some(ended(shop)), "it is kept to be sent");
    }

    fn records_go_after_a_month_and_what_was_set_aside_with_them(shop) {
        let (sent, refused) = (ask(shop, ended(shop)), ask(shop, ended(shop)));
        for id in [sent, refused] {
            let claimed = shop.write(jobs::claim).unwrap().unwrap();
            shop.write(move |tx| {
                let outcome = if id == sent {
                    emails::note_sent(tx, id, "<1@merak.example>")?;
                    Outcome::Done
                } else {
                    emails::note_refused(tx, id, "no")?
                };
                jobs::settle(tx, &claimed, &outcome)
            })
            .unwrap();
        }
        shop.advance(Duration::from_secs(30 * 86_400 - 1));
        let young = ask(shop, ended(shop));
        assert_eq!(shop.write(|tx| emails::purge(tx, 10)).unwrap(), 0);
        shop.advance(Duration::from_secs(1));
        assert_eq!(shop.write(|tx| emails::purge(tx, 1)).unwrap(), 1);
        assert_eq!(shop.write(|tx| emails::purge(tx, 10)).unwrap(), 1);
        assert_eq!((record(shop, sent).is_none(), record(shop, refused).is_none()), (true, true));
        assert!(record(shop, young).is_some());
        assert_eq!(shop.backlog(), (1, 0), "the young one's job waits");
    }

    fn everybody_who_works_for_an_organization_is_told(shop) {
        let organization_id = shop.organization.id;
        let (stranger, _) = shop.another_organization();
        shop.write(move |tx| {
            let second = users::find_or_create(tx, &email("second@fjordsoft.example"))?;
            let blocked = users::find_or_create(tx, &email("blocked@fjordsoft.example"))?;
            let now = tx.now();
            for user in [second.id, blocked.id] {
                tx.execute(
                    "INSERT INTO organization_members (user_id, organization_id, created_at) VALUES ($1, $2, $3)",
                    &[&user, &organization_id, &now],
                )?;
            }
            tx.execute("UPDATE users SET blocked_at = $2 WHERE id = $1", &[&blocked.id, &now])?;
            Ok(())
        })
        .unwrap();
        let notice = Email::NewSale {
            product_name: String::from("Nimbus"),
            amount: Money { amount: Cents::new(900), currency: Currency::Usd },
            customer_email: String::from("zoe@example.com"),
            customer_name: None,
        };
        let told = shop.write(move |tx| emails::enqueue_to_members(tx, organization_id, &notice)).unwrap();
        let mut recipients: Vec<String> = newest(shop).into_iter().map(|row| row.recipient).collect();
        recipients.sort();
        assert_eq!((told, recipients), (2, vec![String::from("nora@fjordsoft.example"), String::from("second@fjordsoft.example")]));
        assert_ne!(stranger.id, shop.member.id);
    }

    // spec 10 §10.6 lines 72 and 73
    fn the_owner_of_a_leaked_token_gets_one_mail(shop) {
        let (secret, user_id) = (shop.secret.clone(), shop.member.id);
        let made = shop
            .write(move |tx| {
                let wanted = Wanted { scopes: "openid".parse().unwrap(), expires_in: None, comment: "for CI" };
                access::create_personal_access_token(tx, &secret, user_id, &wanted)
            })
            .unwrap();
        let found = Found { notifier: String::from("GitHub"), url: Some(String::from("https://git.example/1")) };
        let report = {
            let (secret, token, found) = (shop.secret.clone(), made.token.into_string(), found.clone());
            move |tx: &mut merak_store::Tx<'_>| {
                let kind = Some(LeakedKind::PersonalAccessToken);
                access::report_leak(tx, &secret, &ReportLeak { token: &token, kind, found: found.clone() })
            }
        };
        shop.write(report.clone()).unwrap();
        let rows = newest(shop);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].recipient.as_str(), rows[0].organization_id), ("nora@fjordsoft.example", None));
        let comment = String::from("for CI");
        assert_eq!(rows[0].email().unwrap(), Some(Email::LeakedPersonalAccessToken { comment, found }));
        shop.write(report).unwrap();
        assert_eq!(newest(shop).len(), 1, "it was ended before");
    }
}

fn product_of(tx: &mut ReadTx<'_>, id: Id<Product>) -> Product {
    products::find(tx, id).unwrap().unwrap()
}

fn ended(shop: &Shop) -> Email {
    let portal = PortalLink { customer_id: Id::from_uuid(shop.organization.id.uuid()), shows: None };
    Email::SubscriptionEnded { product_name: String::from("Nimbus"), portal }
}

fn ask(shop: &Shop, email: Email) -> Id<Outgoing> {
    let organization = Some(shop.organization.id);
    shop.write(move |tx| emails::enqueue(tx, organization, "zoe@example.com", &email)).unwrap()
}

fn secret(shop: &Shop, email: SecretEmail) -> Id<Outgoing> {
    let (secret, organization) = (shop.secret.clone(), Some(shop.organization.id));
    shop.write(move |tx| emails::enqueue_secret(tx, &secret, (organization, "zoe@example.com"), &email))
        .unwrap()
}

fn record(shop: &Shop, id: Id<Outgoing>) -> Option<Outgoing> {
    shop.read(move |tx| emails::find(tx, id)).unwrap()
}

fn newest(shop: &Shop) -> Vec<Outgoing> {
    shop.read(|tx| emails::list_newest(tx, 100)).unwrap()
}

fn open(shop: &Shop, id: Id<Outgoing>) -> Opened {
    let secret = shop.secret.clone();
    shop.write(move |tx| emails::open(tx, &secret, id)).unwrap()
}

fn draft(shop: &Shop, id: Id<Outgoing>) -> Draft {
    match open(shop, id) {
        Opened::Draft(draft) => *draft,
        other => panic!("{other:?}"),
    }
}

/// Nobody answers the worker that has this job.
fn delay(shop: &Shop, claimed: &Claimed, id: Id<Outgoing>) {
    assert_eq!(claimed.job, Job::Flow(FlowJob::SendEmail { email_id: id }));
    let claimed = claimed.clone();
    shop.write(move |tx| {
        let outcome = emails::note_delayed(tx, id, claimed.failure(), "nobody answers")?;
        jobs::settle(tx, &claimed, &outcome)
    })
    .unwrap();
}
