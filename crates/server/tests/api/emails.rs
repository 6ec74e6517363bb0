//! What happens to a mail between its row and its reader.

use std::sync::Arc;
use std::time::{Duration, Instant};

use merak_adapters::Error;
use merak_adapters::mail::{Delivery, Memory};
use merak_core::emails::{self, Email, Outgoing, PortalLink};
use merak_core::jobs;
use merak_core::kit::{Id, Patch};
use merak_core::organizations::{self, UpdateSeller};
use merak_server::{Config, Mail};
use merak_testkit::{Engine, TestDatabase};

use crate::support::shop::config;
use crate::support::{Shop, migrated};

async fn shop_with_mail(database: TestDatabase) -> (Shop, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let config = Config { mail: Mail::Memory(Arc::clone(&memory)), ..config() };
    (Shop::open_with(database, config).await, memory)
}

/// Asks for a mail to a new customer.
async fn ask(shop: &Shop) -> Id<Outgoing> {
    let customer = shop.customer().await;
    let email = Email::SubscriptionEnded {
        product_name: String::from("Nimbus"),
        portal: PortalLink { customer_id: customer.id, shows: None },
    };
    let organization = Some(shop.organization.id);
    shop.write(move |tx| emails::enqueue(tx, organization, customer.email.as_str(), &email)).await.unwrap()
}

async fn record(shop: &Shop, id: Id<Outgoing>) -> Outgoing {
    shop.store.read(move |tx| emails::find(tx, id)).await.unwrap().unwrap()
}

/// The record once it is as it should be.
async fn record_when(shop: &Shop, id: Id<Outgoing>, is_so: impl Fn(&Outgoing) -> bool) -> Outgoing {
    let begin = Instant::now();
    loop {
        let record = record(shop, id).await;
        if is_so(&record) {
            return record;
        }
        assert!(begin.elapsed() < Duration::from_secs(20), "{record:?} {:?}", record.last_error);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn unreachable() -> merak_adapters::Result<Delivery> {
    Err(Error::Unreachable { service: "The mail server", cause: String::from("connection refused") })
}

merak_testkit::both_engines! {
    setup = migrated;

    async fn a_mail_speaks_for_its_organization(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database).await;
        // Where nothing else is known, answers go where the organization has its own bills.
        let organization = shop.organization.id;
        ask(&shop).await;
        shop.work_done().await;
        assert_eq!(mail.drain()[0].reply_to, None);
        let path = format!("/v1/organizations/{organization}");
        let body = serde_json::json!({"billing_email": "bills@fjordsoft.example"});
        shop.merchant.patch(&path, body).await.expect(200);
        ask(&shop).await;
        shop.work_done().await;
        assert_eq!(mail.drain()[0].reply_to.as_deref(), Some("bills@fjordsoft.example"));
        let email = Patch::Value("help@fjordsoft.example".parse().unwrap());
        let command = UpdateSeller { email, ..UpdateSeller::default() };
        shop.write(move |tx| organizations::update_seller(tx, organization, &command)).await.unwrap();
        let id = ask(&shop).await;
        shop.work_done().await;
        let sent = mail.drain();
        assert_eq!(sent.len(), 1);
        let message = &sent[0];
        assert_eq!((message.from.name.as_str(), message.from.address.as_str()), ("The fjordsoft via Merak", "no-reply@localhost"));
        assert_eq!(message.reply_to.as_deref(), Some("help@fjordsoft.example"));
        assert_eq!(message.id, id.to_string());
        let record = record(&shop, id).await;
        assert_eq!(record.message_id, Some(message.message_id()));
        assert!(record.sent_at.is_some() && record.email().unwrap().is_none());
        // The link signs its reader in.
        let token = message.text.split_once("customer_session_token=").unwrap().1;
        let token = token.split(['&', '\n']).next().unwrap();
        let keys = shop.anonymous.bearer(token).get("/v1/customer-portal/license-keys/").await;
        keys.expect(200);
    }

    async fn a_mail_of_a_moved_clock_has_its_date_and_a_link_that_is_good_now(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database).await;
        let (organization, now, ahead) = (shop.organization.id, shop.store.now(), 300 * 86_400_i64);
        let sql = "INSERT INTO organization_clocks (organization_id, ahead_us, created_at) VALUES ($1, $2, $3)";
        shop.sql(sql, vec![Box::new(organization), Box::new(ahead * 1_000_000), Box::new(now)]).await;
        ask(&shop).await;
        shop.work_done().await;
        let message = mail.drain().remove(0);
        assert_eq!(message.date.as_second(), now.as_seconds() + ahead);
        let token = message.text.split_once("customer_session_token=").unwrap().1;
        let token = token.split(['&', '\n']).next().unwrap();
        shop.anonymous.bearer(token).get("/v1/customer-portal/license-keys/").await.expect(200);
    }

    async fn a_mail_is_tried_again_until_somebody_takes_it(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database).await;
        let busy = || Err(Error::Refused { service: "The mail server", cause: String::from("451 later") });
        mail.answer(unreachable());
        mail.answer(busy());
        let id = ask(&shop).await;
        for cause in ["connection refused", "451 later"] {
            let waiting = record_when(&shop, id, |record| record.last_error.as_deref().is_some_and(|error| error.contains(cause))).await;
            assert_eq!((waiting.sent_at, waiting.failed_at), (None, None));
            assert!(mail.drain().is_empty());
            shop.advance(60);
        }
        shop.work_done().await;
        let sent = mail.drain();
        assert_eq!((sent.len(), sent[0].id.clone()), (1, id.to_string()));
        let record = record(&shop, id).await;
        assert_eq!((record.last_error.as_deref(), record.sent_at.is_some()), (None, true));
        shop.advance(3600);
        shop.work_done().await;
        assert!(mail.drain().is_empty());
    }

    async fn what_is_refused_for_good_is_set_aside_and_can_be_sent_later(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database).await;
        mail.answer(Ok(Delivery::Refused(String::from("550 no such mailbox"))));
        let id = ask(&shop).await;
        let refused = record_when(&shop, id, |record| record.failed_at.is_some()).await;
        assert_eq!(refused.last_error.as_deref(), Some("550 no such mailbox"));
        assert_eq!(shop.store.read(jobs::backlog).await.unwrap().failed, 1);
        shop.write(jobs::retry_failed).await.unwrap();
        shop.work_done().await;
        assert_eq!(mail.drain().len(), 1);
        let record = record(&shop, id).await;
        assert_eq!((record.failed_at, record.sent_at.is_some()), (None, true));
    }

    async fn a_mail_that_was_sent_but_not_settled_is_not_sent_again(database: TestDatabase) {
        let (shop, mail) = shop_with_mail(database).await;
        let id = ask(&shop).await;
        shop.work_done().await;
        assert_eq!(mail.drain().len(), 1);
        let job = jobs::FlowJob::SendEmail { email_id: id }.into();
        shop.write(move |tx| jobs::enqueue(tx, &job)).await.unwrap();
        shop.work_done().await;
        assert!(mail.drain().is_empty());
    }
}

#[test]
fn a_server_to_try_things_out_shows_its_mail() {
    merak_testkit::run(async {
        let folder = tempfile::tempdir().unwrap();
        let mail = Mail::Folder(folder.path().join("mail"));
        let settings = Config { mail: mail.clone(), shows_mail: true, ..config() };
        let shop = Shop::open_with(migrated(Engine::Sqlite), settings).await;
        let empty = shop.anonymous.get("/mail").await;
        assert!(empty.status == 200 && empty.text().contains("No mail yet"), "{}", empty.text());
        let (first, second) = (ask(&shop).await, ask(&shop).await);
        shop.work_done().await;
        let list = shop.anonymous.get("/mail").await;
        let (text, policy) = (list.text(), list.header("content-security-policy").unwrap().to_owned());
        let places = [second, first].map(|id| text.find(&format!("/mail/{id}")).unwrap());
        assert!(places[0] < places[1], "the newest first");
        assert!(
            policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"),
            "{policy}"
        );
        let page = shop.anonymous.get(&format!("/mail/{first}")).await;
        let frame = format!(
            "<iframe title=\"The mail as HTML\" src=\"/mail/{first}/html\" sandbox=\"allow-top-navigation-by-user-activation\">"
        );
        assert!(page.text().contains(&frame), "{}", page.text());
        assert!(
            page.text().contains("The fjordsoft via Merak &#60;no-reply@localhost&#62;"),
            "{}",
            page.text()
        );
        let framed = shop.anonymous.get(&format!("/mail/{first}/html")).await;
        assert!(framed.text().contains("Your subscription to Nimbus has ended"), "{}", framed.text());
        let policy = framed.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("sandbox allow-top-navigation-by-user-activation; default-src 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("script"), "{policy}");
        for path in ["/mail/none", "/mail/..%2f..%2fmerak", "/mail/none/html"] {
            assert_eq!(shop.anonymous.get(path).await.status, 404, "{path}");
        }

        let hidden = Shop::open_with(migrated(Engine::Sqlite), Config { mail, ..config() }).await;
        assert_eq!(hidden.anonymous.get("/mail").await.status, 404);
        assert_eq!(hidden.anonymous.get(&format!("/mail/{first}/html")).await.status, 404);
    });
}
