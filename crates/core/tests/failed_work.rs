//! What failed of a benefit, as its seller sees it.

use merak_core::benefits::{self, Benefit, BenefitType};
use merak_core::jobs::{self, FailedWork, FlowJob, Job, Outcome, Reason, Waiting, Work};
use merak_core::kit::{Id, Kind, Page, Paged};
use merak_store::{Error, Json};
use serde_json::json;

use crate::support::*;

scenarios! {
    // spec 20 §3.4: state and last error, and a manual re-run
    fn what_failed_is_listed_until_it_is_done(shop) {
        let (note, other) = (benefit(shop), benefit(shop));
        for benefit in [&note, &other] {
            enqueue(shop, Job::UpdateGrantsOfBenefit { benefit_id: benefit.id, after: None });
        }
        assert!(list(shop, &note, Page::default()).items.is_empty(), "it has not failed yet");
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::Failed(Reason::from("host 10.0.0.7 said no").told("Nobody said yes.")));
        let failed = only(list(shop, &note, Page::default()));
        assert_eq!((failed.work, failed.failures, failed.error.as_str()), (Work::Update, 1, "Nobody said yes."));
        assert_eq!((failed.due_at, failed.failed_at), (Some(shop.now().add_seconds(2)), None));
        assert!(failed.customer.is_none() && failed.grant_id.is_none());
        assert!(list(shop, &other, Page::default()).items.is_empty());

        // What was told is of the last failure, and what was not written for sellers is not told.
        shop.write(move |tx| jobs::retry(tx, failed.id)).unwrap();
        assert!(list(shop, &note, Page::default()).items.is_empty());
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::of_refusal(&Error::Misuse(String::from("SELECT secret")).into()));
        assert_eq!(only(list(shop, &note, Page::default())).error, "Something went wrong on this server.");
        retry(shop, &note, failed.id).unwrap();
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::SetAside("nothing will come of it".into()));
        let failed = only(list(shop, &note, Page::default()));
        assert_eq!((failed.due_at, failed.failed_at), (None, Some(shop.now())));

        assert_eq!(refusal(retry(shop, &other, failed.id)).0, Kind::NotFound, "it is not of that benefit");
        retry(shop, &note, failed.id).unwrap();
        assert_eq!(refusal(retry(shop, &note, failed.id)).0, Kind::NotFound, "it is no failure any more");
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        assert_eq!((claimed.failure(), &claimed.job), (1, &Job::UpdateGrantsOfBenefit { benefit_id: note.id, after: None }));
        settle(shop, &claimed, Outcome::Done);
        assert!(list(shop, &note, Page::default()).items.is_empty());
    }

    // What a service asked for holds for whoever lets the job run by hand, too; and that it asked is no reason to forget why
    // the job failed.
    fn a_pause_that_was_asked_for_is_kept(shop) {
        let note = benefit(shop);
        enqueue(shop, Job::UpdateGrantsOfBenefit { benefit_id: note.id, after: None });
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::Failed(Reason::from("no").told("Nobody said yes.")));
        shop.advance(std::time::Duration::from_secs(2));
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::Postponed("not now".into(), 600));
        let failed = only(list(shop, &note, Page::default()));
        assert_eq!(failed.error, "Nobody said yes.");
        retry(shop, &note, failed.id).unwrap();
        assert!(shop.write(jobs::claim).unwrap().is_none());
        shop.advance(std::time::Duration::from_mins(10));
        assert!(shop.write(jobs::claim).unwrap().is_some());
    }

    fn a_newer_run_that_is_done_ends_older_failures(shop) {
        let (note, other) = (benefit(shop), benefit(shop));
        for benefit in [&note, &other] {
            enqueue(shop, Job::UpdateGrantsOfBenefit { benefit_id: benefit.id, after: None });
            let claimed = shop.write(jobs::claim).unwrap().unwrap();
            settle(shop, &claimed, Outcome::SetAside("nothing will come of it".into()));
        }
        enqueue(shop, Job::UpdateGrantsOfBenefit { benefit_id: note.id, after: None });
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::Done);
        assert!(list(shop, &note, Page::default()).items.is_empty());
        assert_eq!(list(shop, &other, Page::default()).items.len(), 1);
    }

    fn what_runs_is_left_to_run(shop) {
        let note = benefit(shop);
        enqueue(shop, Job::UpdateGrantsOfBenefit { benefit_id: note.id, after: None });
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::Failed("no".into()));
        shop.advance(std::time::Duration::from_secs(2));
        let running = shop.write(jobs::claim).unwrap().unwrap();
        let failed = only(list(shop, &note, Page::default()));
        retry(shop, &note, failed.id).unwrap();
        assert!(shop.write(jobs::claim).unwrap().is_none(), "the worker still has it");
        settle(shop, &running, Outcome::Done);
        assert!(list(shop, &note, Page::default()).items.is_empty());
    }

    fn the_work_is_what_is_left_to_be_done_for_the_grant(shop) {
        let (note, customer) = (benefit(shop), shop.customer());
        let scope = shop.order();
        let grant = shop.grant(&note, &customer, scope);
        enqueue(shop, FlowJob::SettleAccess { grant_id: grant.id, customer_id: customer.id }.into());
        let claimed = shop.write(jobs::claim).unwrap().unwrap();
        settle(shop, &claimed, Outcome::FailedOutside("away".into(), 10));
        let work = |shop: &Shop| {
            let failed = only(list(shop, &note, Page::default()));
            assert_eq!((failed.grant_id, failed.customer.map(|customer| customer.id)), (Some(grant.id), Some(customer.id)));
            failed.work
        };
        assert_eq!(work(shop), Work::Update);
        shop.write(|tx| Ok(tx.execute("UPDATE benefit_grants SET granted_at = NULL", &[])?)).unwrap();
        assert_eq!(work(shop), Work::Grant);
        shop.revoke(&note, &customer, scope);
        assert_eq!(work(shop), Work::Revoke);
        let (id, tenancy) = (note.id, shop.tenancy());
        shop.write(move |tx| benefits::delete(tx, &tenancy, id)).unwrap();
        let tenancy = shop.tenancy();
        shop.read(move |tx| benefits::get_ever(tx, &tenancy, id)).unwrap();
        let (stranger, _) = shop.another_organization();
        let tenancy = shop.tenancy_of(&actor(merak_core::access::Subject::User(stranger.id)));
        assert_eq!(refusal(shop.read(move |tx| benefits::get_ever(tx, &tenancy, id))).0, Kind::NotFound);
    }

    // A service that is away for long makes a list that is long, not slow.
    fn a_page_is_cut_from_the_first_ten_thousand(shop) {
        let note = benefit(shop);
        let id = note.id;
        shop.write(move |tx| {
            let now = tx.now();
            let job = Json::new(&Job::UpdateGrantsOfBenefit { benefit_id: id, after: None })?;
            for second in 0..10_050 {
                let job_id = Id::<Waiting>::new(tx);
                tx.execute(
                    "INSERT INTO jobs (id, kind, payload, due_at, attempts, failures, created_at, benefit_id) \
                     VALUES ($1, 'update_grants_of_benefit', $2, $3, 1, 1, $4, $5)",
                    &[&job_id, &job, &now, &now.add_seconds(second), &id],
                )?;
            }
            Ok(())
        }).unwrap();
        let first = list(shop, &note, Page::new(1, 100));
        assert_eq!((first.total, first.items.len(), first.items[0].created_at), (10_000, 100, shop.now()));
        let second = list(shop, &note, Page::new(2, 100));
        assert_eq!(second.items[0].created_at, shop.now().add_seconds(100));
        assert_eq!(list(shop, &note, Page::new(112, 90)).items.len(), 10);
        for page in [Page::new(101, 100), Page::new(u32::MAX, 100)] {
            let past = list(shop, &note, page);
            assert_eq!((past.total, past.items.len()), (10_000, 0));
        }
    }
}

fn benefit(shop: &Shop) -> Benefit {
    shop.benefit(BenefitType::Custom, json!({})).unwrap()
}

fn enqueue(shop: &Shop, job: Job) {
    shop.write(move |tx| jobs::enqueue(tx, &job)).unwrap();
}

fn settle(shop: &Shop, claimed: &jobs::Claimed, outcome: Outcome) {
    let claimed = claimed.clone();
    shop.write(move |tx| jobs::settle(tx, &claimed, &outcome)).unwrap();
}

fn list(shop: &Shop, benefit: &Benefit, page: Page) -> Paged<FailedWork> {
    let id = benefit.id;
    shop.read(move |tx| jobs::list_failed_of_benefit(tx, id, page)).unwrap()
}

fn retry(shop: &Shop, benefit: &Benefit, id: Id<Waiting>) -> Result<()> {
    let benefit_id = benefit.id;
    shop.write(move |tx| jobs::retry_of_benefit(tx, benefit_id, id))
}

fn only(listed: Paged<FailedWork>) -> FailedWork {
    assert_eq!((listed.total, listed.items.len()), (1, 1));
    listed.items.into_iter().next().unwrap()
}
