//! Benefits of downloads: who gets which files, who keeps them, and the tokens that lead to the bytes.

use merak_core::access::Subject;
use merak_core::benefits::grants::{self, Scope};
use merak_core::benefits::{self, Benefit, BenefitType, CreateBenefit};
use merak_core::customers::Customer;
use merak_core::downloadables::{self, Downloadable, ListDownloadablesOfBuyer, token};
use merak_core::files::{File, FileService};
use merak_core::kit::{Id, Kind, Page, Paged};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

fn benefit(shop: &Shop, files: &[&File]) -> Benefit {
    shop.benefit(BenefitType::Downloadables, settings(files, &[])).unwrap()
}

fn settings(files: &[&File], archived: &[&File]) -> Value {
    let ids: Vec<_> = files.iter().map(|file| file.id).collect();
    let archived: serde_json::Map<String, Value> =
        archived.iter().map(|file| (file.id.to_string(), json!(true))).collect();
    json!({"files": ids, "archived": archived})
}

fn held_by(
    shop: &Shop,
    customer: &Customer,
    wanted: ListDownloadablesOfBuyer,
) -> Paged<(Downloadable, File)> {
    let actor = actor(Subject::Customer(customer.id));
    shop.read(move |tx| downloadables::list_of_buyer(tx, &actor, &wanted)).unwrap()
}

fn everything() -> ListDownloadablesOfBuyer {
    ListDownloadablesOfBuyer {
        organization_ids: Vec::new(),
        benefit_ids: Vec::new(),
        page: Page::new(1, 100),
    }
}

/// The names of what a customer may download.
fn names(shop: &Shop, customer: &Customer) -> Vec<String> {
    let mut names: Vec<String> =
        held_by(shop, customer, everything()).items.into_iter().map(|(_, file)| file.name).collect();
    names.sort();
    names
}

/// Statuses and counters of all rows, in order of their files.
fn rows(shop: &Shop) -> Vec<(String, i64)> {
    shop.read(|tx| Ok(tx.all("SELECT status, downloaded FROM downloadables ORDER BY file_id, id", &[])?))
        .unwrap()
}

fn redeem(shop: &Shop, token: &str) -> Result<File> {
    let (secret, token) = (shop.secret.clone(), token.to_owned());
    shop.write(move |tx| downloadables::redeem(tx, &secret, &token))
}

/// A token of the first thing that a customer may download.
fn token_of(shop: &Shop, customer: &Customer) -> String {
    let id = held_by(shop, customer, everything()).items[0].0.id;
    token::sign(&shop.secret, id, shop.now().add_seconds(token::LIFETIME))
}

scenarios! {
    // G13: one file, two files in order
    fn a_grant_gives_the_files_in_order(shop) {
        let (a, b) = (shop.whole_file(FileService::Downloadable, "a"), shop.whole_file(FileService::Downloadable, "b"));
        for files in [vec![&b], vec![&b, &a]] {
            let (benefit, customer) = (benefit(shop, &files), shop.customer());
            let grant = shop.grant(&benefit, &customer, shop.order());
            let ids: Vec<_> = files.iter().map(|file| file.id).collect();
            assert_eq!(grant.properties.parse::<Value>().unwrap(), json!({"files": ids}));
            assert_eq!(names(shop, &customer).len(), files.len());
        }
    }

    // G13: one archived, only the other; both when it is brought back
    fn an_archived_file_is_not_given(shop) {
        let (a, b) = (shop.whole_file(FileService::Downloadable, "a"), shop.whole_file(FileService::Downloadable, "b"));
        let archived = settings(&[&a, &b], &[&a]);
        let benefit = shop.benefit(BenefitType::Downloadables, archived).unwrap();
        let customer = shop.customer();
        let grant = shop.grant(&benefit, &customer, shop.order());
        assert_eq!(grant.properties.parse::<Value>().unwrap(), json!({"files": [b.id]}));
        assert_eq!(names(shop, &customer), ["b"]);
        shop.change_benefit(&benefit, settings(&[&a, &b], &[]));
        assert_eq!(names(shop, &customer), ["a", "b"]);
    }

    // G13, T-21: archiving takes nothing away
    fn who_has_a_file_keeps_it_when_it_is_archived(shop) {
        let (a, b) = (shop.whole_file(FileService::Downloadable, "a"), shop.whole_file(FileService::Downloadable, "b"));
        let benefit = benefit(shop, &[&a, &b]);
        let before = shop.customer();
        shop.grant(&benefit, &before, shop.order());
        let benefit = shop.change_benefit(&benefit, settings(&[&a, &b], &[&a]));
        let after = shop.customer();
        shop.grant(&benefit, &after, shop.order());
        assert_eq!((names(shop, &before), names(shop, &after)), (vec![String::from("a"), String::from("b")], vec![String::from("b")]));
        // Removing it from the benefit takes nothing away either.
        shop.change_benefit(&benefit, settings(&[&b], &[]));
        assert_eq!(names(shop, &before), ["a", "b"]);
    }

    // Somebody buys while the second file is on its way.
    fn a_file_that_is_complete_after_the_sale_reaches_those_who_bought(shop) {
        let (a, late) = (shop.whole_file(FileService::Downloadable, "a"), shop.begun_file(FileService::Downloadable, "late"));
        let (given, order) = (benefit(shop, &[&a, &late]), shop.order());
        let archived = shop.benefit(BenefitType::Downloadables, settings(&[&late], &[&late])).unwrap();
        let (buyer, other) = (shop.customer(), shop.customer());
        shop.grant(&given, &buyer, order);
        shop.grant(&archived, &other, shop.order());
        let returned = shop.customer();
        let refunded = shop.order();
        shop.grant(&given, &returned, refunded);
        shop.revoke(&given, &returned, refunded);
        shop.run_jobs();
        assert_eq!(names(shop, &buyer), ["a"]);
        shop.complete_file(late.id);
        shop.run_jobs();
        assert_eq!(names(shop, &buyer), ["a", "late"]);
        for nobody in [&other, &returned] {
            assert_eq!(names(shop, nobody), [""; 0]);
        }
        // Completing again is no news.
        shop.complete_file(late.id);
        assert_eq!(shop.read(|tx| Ok(tx.one::<i64>("SELECT count(*) FROM jobs", &[])?)).unwrap(), 0);
    }

    fn all_benefits_that_give_a_file_are_found(shop) {
        let late = shop.begun_file(FileService::Downloadable, "late");
        let buyer = shop.customer();
        let (organization_id, customer_id, id) = (shop.organization.id, buyer.id, late.id);
        shop.write(move |tx| {
            for _ in 0..103 {
                let command = CreateBenefit {
                    organization_id,
                    r#type: BenefitType::Downloadables,
                    description: String::from("Files"),
                    properties: json!({"files": [id], "archived": {}}),
                };
                let benefit = benefits::create(tx, &command)?;
                grants::grant(tx, benefit.id, customer_id, Scope::ByHand)?;
            }
            Ok(())
        })
        .unwrap();
        shop.complete_file(id);
        shop.run_jobs();
        assert_eq!(rows(shop).len(), 103);
    }

    // G13: revoked rows stay; granted again they come back with their counters
    fn what_is_revoked_is_kept_and_comes_back(shop) {
        let (a, b) = (shop.whole_file(FileService::Downloadable, "a"), shop.whole_file(FileService::Downloadable, "b"));
        let (benefit, customer, order) = (benefit(shop, &[&a, &b]), shop.customer(), shop.order());
        shop.grant(&benefit, &customer, order);
        redeem(shop, &token_of(shop, &customer)).unwrap();
        let before = held_by(shop, &customer, everything());
        let grant = shop.revoke(&benefit, &customer, order);
        assert_eq!(grant.properties.parse::<Value>().unwrap(), json!({}));
        assert_eq!(names(shop, &customer), [""; 0]);
        assert_eq!(rows(shop).iter().filter(|(status, _)| status == "revoked").count(), 2);
        shop.grant(&benefit, &customer, order);
        let after = held_by(shop, &customer, everything());
        let ids = |held: &Paged<(Downloadable, File)>| held.items.iter().map(|(held, _)| held.id).collect::<Vec<_>>();
        assert_eq!(ids(&after), ids(&before));
        assert_eq!(rows(shop).iter().map(|(_, downloaded)| downloaded).sum::<i64>(), 1);
    }

    // spec 40 §5.4: only the customer's last grant takes the files with it
    fn a_second_purchase_keeps_the_files(shop) {
        let file = shop.whole_file(FileService::Downloadable, "a");
        let (benefit, customer) = (benefit(shop, &[&file]), shop.customer());
        let (first, second) = (shop.order(), shop.order());
        shop.grant(&benefit, &customer, first);
        shop.grant(&benefit, &customer, second);
        assert_eq!(held_by(shop, &customer, everything()).total, 1, "one row for a file");
        shop.revoke(&benefit, &customer, first);
        assert_eq!(names(shop, &customer), ["a"]);
        shop.revoke(&benefit, &customer, second);
        assert_eq!(names(shop, &customer), [""; 0]);
    }

    // B14, spec 20 §3.2
    fn only_downloadable_files_of_the_organization_can_be_named(shop) {
        let good = shop.whole_file(FileService::Downloadable, "a");
        let unfinished = shop.begun_file(FileService::Downloadable, "b");
        let media = shop.whole_file(FileService::ProductMedia, "c.png");
        let deleted = shop.whole_file(FileService::Downloadable, "d");
        shop.delete_file(deleted.id);
        let (_, other) = shop.another_organization();
        let properties = settings(&[&good], &[]);
        let foreign = shop.benefit_of(other.id, BenefitType::Downloadables, properties);
        assert_eq!(field_problem(foreign).1, "body.properties.files.0");
        for bad in [&media, &deleted] {
            let refused = shop.benefit(BenefitType::Downloadables, settings(&[&good, bad], &[]));
            assert_eq!(field_problem(refused).1, "body.properties.files.1");
        }
        let unknown = json!({"files": [good.id, Uuid::from_u128(7)]});
        assert_eq!(field_problem(shop.benefit(BenefitType::Downloadables, unknown)).1, "body.properties.files.1");
        let made = shop.benefit(BenefitType::Downloadables, settings(&[&good, &unfinished], &[])).unwrap();
        let grant = shop.grant(&made, &shop.customer(), shop.order());
        assert_eq!(grant.properties.parse::<Value>().unwrap(), json!({"files": [good.id]}), "unfinished is left out");
    }

    // spec 20 §3.6: {} if there is no active file
    fn a_benefit_of_archived_files_gives_nothing(shop) {
        let file = shop.whole_file(FileService::Downloadable, "a");
        let benefit = shop.benefit(BenefitType::Downloadables, settings(&[&file], &[&file])).unwrap();
        let grant = shop.grant(&benefit, &shop.customer(), shop.order());
        assert_eq!((grant.is_granted(), grant.properties.parse::<Value>().unwrap()), (true, json!({})));
    }

    // G8: only another set of active files concerns holders
    fn an_order_or_a_note_of_files_changes_nothing_for_holders(shop) {
        let (a, b) = (shop.whole_file(FileService::Downloadable, "a"), shop.whole_file(FileService::Downloadable, "b"));
        let benefit = benefit(shop, &[&a, &b]);
        let customer = shop.customer();
        let grant = shop.grant(&benefit, &customer, shop.order());
        shop.advance(hours(1));
        shop.change_benefit(&benefit, settings(&[&b, &a], &[]));
        let found = grant.id;
        let same = shop.read(move |tx| {
            Ok(tx.one::<Option<merak_store::Timestamp>>("SELECT modified_at FROM benefit_grants WHERE id = $1", &[&found])?)
        }).unwrap();
        assert_eq!(same, grant.modified_at);
    }

    // F11, spec 40 §5.4: shown only while everything is as it should be
    fn what_cannot_be_downloaded_is_not_listed(shop) {
        let file = shop.whole_file(FileService::Downloadable, "a");
        let (benefit, customer) = (benefit(shop, &[&file]), shop.customer());
        shop.grant(&benefit, &customer, shop.order());
        let token = token_of(shop, &customer);
        let set = |sql: &'static str| shop.write(move |tx| Ok(tx.execute(sql, &[])?)).unwrap();
        for (hide, show) in [
            ("UPDATE files SET is_enabled = FALSE", "UPDATE files SET is_enabled = TRUE"),
            ("UPDATE files SET is_uploaded = FALSE", "UPDATE files SET is_uploaded = TRUE"),
            ("UPDATE files SET deleted_at = created_at", "UPDATE files SET deleted_at = NULL"),
            ("UPDATE benefits SET deleted_at = created_at", "UPDATE benefits SET deleted_at = NULL"),
            ("UPDATE downloadables SET status = 'revoked'", "UPDATE downloadables SET status = 'granted'"),
        ] {
            set(hide);
            assert_eq!(held_by(shop, &customer, everything()).total, 0, "{hide}");
            assert_eq!(refusal(redeem(shop, &token)).0, Kind::NotFound, "{hide}");
            set(show);
            assert_eq!(names(shop, &customer), ["a"], "{show}");
            assert_eq!(redeem(shop, &token).unwrap().id, file.id);
        }
        assert_eq!(rows(shop), [(String::from("granted"), 5)], "refused downloads do not count");
    }

    // spec 40 §7.6
    fn a_token_is_good_for_ten_minutes(shop) {
        let file = shop.whole_file(FileService::Downloadable, "a");
        let (benefit, customer) = (benefit(shop, &[&file]), shop.customer());
        shop.grant(&benefit, &customer, shop.order());
        let token = token_of(shop, &customer);
        shop.advance(std::time::Duration::from_secs(599));
        redeem(shop, &token).unwrap();
        redeem(shop, &token).unwrap();
        shop.advance(std::time::Duration::from_secs(1));
        assert_eq!(refusal(redeem(shop, &token)).0, Kind::Gone);
        let unknown = token::sign(&shop.secret, Id::from_uuid(Uuid::from_u128(7)), shop.now().add_seconds(1));
        assert_eq!(refusal(redeem(shop, &unknown)).0, Kind::NotFound);
        assert_eq!(refusal(redeem(shop, "i-am-hacker")).0, Kind::NotFound);
        assert_eq!(rows(shop), [(String::from("granted"), 2)]);
        let last = shop.read(|tx| {
            Ok(tx.one::<Option<merak_store::Timestamp>>("SELECT last_downloaded_at FROM downloadables", &[])?)
        }).unwrap();
        assert_eq!(last, Some(shop.now().add_seconds(-1)));
    }

    // spec 40 §5.4: the newest first, filters, and nobody else's
    fn a_buyer_sees_the_newest_first(shop) {
        let (a, b) = (shop.whole_file(FileService::Downloadable, "a"), shop.whole_file(FileService::Downloadable, "b"));
        let (first, second, customer) = (benefit(shop, &[&a]), benefit(shop, &[&b]), shop.customer());
        shop.grant(&first, &customer, shop.order());
        shop.advance(hours(1));
        shop.grant(&second, &customer, shop.order());
        let listed: Vec<_> = held_by(shop, &customer, everything()).items.iter().map(|(_, file)| file.name.clone()).collect();
        assert_eq!(listed, ["b", "a"]);
        let of = |benefit_ids: Vec<Id<Benefit>>| held_by(shop, &customer, ListDownloadablesOfBuyer { benefit_ids, ..everything() }).total;
        assert_eq!((of(vec![first.id]), of(vec![first.id, second.id]), of(vec![Id::from_uuid(Uuid::from_u128(7))])), (1, 2, 0));
        let (_, other) = shop.another_organization();
        let by = |id| held_by(shop, &customer, ListDownloadablesOfBuyer { organization_ids: vec![id], ..everything() }).total;
        assert_eq!((by(shop.organization.id), by(other.id)), (2, 0));
        let page = Page::new(2, 1);
        assert_eq!(held_by(shop, &customer, ListDownloadablesOfBuyer { page, ..everything() }).items[0].1.name, "a");
        assert_eq!(held_by(shop, &shop.customer(), everything()).total, 0);
    }
}
