//! The queue of jobs: who runs what, in which order, and what becomes of failures.

use std::collections::BTreeSet;
use std::time::Duration;

use merak_core::benefits::grants::{Purchase, Scope};
use merak_core::benefits::{self, BenefitType};
use merak_core::connections::Platform;
use merak_core::idempotency::{self, Caller, Known, Name};
use merak_core::jobs::{self, Claimed, FlowJob, Job, Outcome, Reason};
use merak_core::kit::{Id, Kind, Refusal};
use merak_core::{customer_sessions, customers};
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

scenarios! {
    fn a_job_that_is_done_is_gone(shop) {
        enqueue(shop, revocation(1));
        let claimed = claim(shop).unwrap();
        assert_eq!(claimed.job, revocation(1));
        assert!(claim(shop).is_none());
        settle(shop, &claimed, Outcome::Done);
        shop.advance(hours(24));
        assert!(claim(shop).is_none());
        assert_eq!(shop.backlog(), (0, 0));
    }

    fn jobs_of_one_lane_run_one_after_the_other(shop) {
        let update = |number| Job::UpdateGrantsOfBenefit { benefit_id: id(number), after: None };
        for job in [update(1), Job::RevokeGrantsOfBenefit { benefit_id: id(1) }, update(2)] {
            enqueue(shop, job);
        }
        let first = claim(shop).unwrap();
        assert_eq!(first.job, update(1));
        let other_lane = claim(shop).unwrap();
        assert_eq!(other_lane.job, update(2));
        assert!(claim(shop).is_none(), "the lane of the first benefit is taken");
        settle(shop, &first, Outcome::Done);
        assert_eq!(claim(shop).unwrap().job, Job::RevokeGrantsOfBenefit { benefit_id: id(1) });
    }

    fn mails_are_claimed_together_and_nothing_else_with_them(shop) {
        let mail = |number| Job::from(FlowJob::SendEmail { email_id: id(number) });
        for job in [mail(1), revocation(2), mail(3), mail(4), mail(5)] {
            enqueue(shop, job);
        }
        let first = claim(shop).unwrap();
        assert_eq!(first.job, mail(1));
        let claim_mails = |shop: &Shop, limit| shop.write(move |tx| jobs::claim_mails(tx, limit)).unwrap();
        let some = claim_mails(shop, 2);
        let rest = claim_mails(shop, 10);
        let numbers = |claimed: &[Claimed]| claimed.iter().map(|claimed| format!("{:?}", claimed.job)).collect::<BTreeSet<_>>();
        let wanted = |numbers: &[u128]| numbers.iter().map(|number| format!("{:?}", mail(*number))).collect::<BTreeSet<_>>();
        assert_eq!((numbers(&some), numbers(&rest)), (wanted(&[3, 4]), wanted(&[5])));
        assert!(claim_mails(shop, 10).is_empty());
        for claimed in &some {
            settle(shop, claimed, Outcome::Done);
        }
        assert_eq!(shop.backlog(), (3, 0));
        // Whose worker died is claimed again, and the slow one's word does not count.
        shop.advance(Duration::from_secs(jobs::LEASE.unsigned_abs()));
        assert_eq!(numbers(&claim_mails(shop, 10)), wanted(&[1, 5]));
        settle(shop, &rest[0], Outcome::Done);
        assert_eq!(shop.backlog(), (3, 0));
        assert_eq!(claim(shop).unwrap().job, revocation(2));
    }

    fn a_job_whose_worker_died_is_claimed_again(shop) {
        enqueue(shop, revocation(1));
        assert_eq!(shop.read(jobs::next_due).unwrap(), Some(shop.now()));
        claim(shop).unwrap();
        assert_eq!(shop.read(jobs::next_due).unwrap(), Some(shop.now().add_seconds(jobs::LEASE)));
        shop.advance(Duration::from_secs(jobs::LEASE.unsigned_abs()));
        assert_eq!(claim(shop).unwrap().job, revocation(1));
    }

    fn a_worker_that_lost_its_lease_changes_nothing(shop) {
        enqueue(shop, revocation(1));
        let slow = claim(shop).unwrap();
        shop.advance(Duration::from_secs(jobs::LEASE.unsigned_abs()));
        let quick = claim(shop).unwrap();
        settle(shop, &slow, Outcome::Failed("too late".into()));
        shop.advance(Duration::from_secs(10));
        assert!(claim(shop).is_none(), "the job is still the second worker's");
        settle(shop, &slow, Outcome::Next(revocation(2)));
        assert_eq!(shop.backlog(), (1, 0));
        settle(shop, &quick, Outcome::Done);
        assert_eq!(shop.backlog(), (0, 0));
    }

    /// As after a newer release asked for it and an older one is back.
    fn a_job_that_cannot_be_read_keeps_no_other_waiting(shop) {
        enqueue(shop, revocation(1));
        enqueue(shop, Job::from(FlowJob::SendEmail { email_id: id(2) }));
        shop.write(|tx| {
            let payload = merak_store::Json::from_text(r#"{"kind": "of_tomorrow"}"#)?;
            Ok::<_, Refusal>(tx.execute("UPDATE jobs SET payload = $1", &[&payload])?)
        }).unwrap();
        enqueue(shop, Job::from(FlowJob::SendEmail { email_id: id(3) }));
        enqueue(shop, revocation(4));
        assert!(shop.write(|tx| jobs::claim_mails(tx, 10)).unwrap().len() == 1);
        assert_eq!(claim(shop).unwrap().job, revocation(4));
        assert!(claim(shop).is_none());
        let waiting = shop.read(|tx| jobs::list_waiting(tx, 10)).unwrap();
        let errors: Vec<_> = waiting.iter().filter_map(|waiting| waiting.last_error.as_deref()).collect();
        assert_eq!(errors, ["this release cannot read the job"; 2]);
        // It is looked at again every hour, and not for ever.
        for _ in 0..100 {
            shop.advance(hours(1));
            while claim(shop).is_some() {}
        }
        assert_eq!(shop.backlog(), (2, 2));
    }

    /// G12: a job about something unknown is an error at once, which the operator sees; no later attempt would mend it.
    /// One whose subject was deleted since is done without a word, though G12 counts that as unknown too: both sides of
    /// that race are right, and the deletion has asked for what else there is to do.
    fn a_job_about_something_unknown_is_set_aside_at_once(shop) {
        let (customer, product) = (shop.customer().id, shop.product().id);
        let purchase = |customer_id, product_id| Purchase { customer_id, product_id, scope: Scope::ByHand };
        let unknown = [
            (Job::UpdateGrantsOfBenefit { benefit_id: id(1), after: None }, "benefit"),
            (Job::RevokeGrantsOfBenefit { benefit_id: id(1) }, "benefit"),
            (Job::UpdateGrantsOfProduct { product_id: id(1), after: None }, "product"),
            (Job::UpdateGrantsOfFile { file_id: id(1), after: None }, "file"),
            (revocation(1), "customer"),
            (Job::UpdateGrantsOfPurchase { purchase: purchase(id(1), product) }, "customer"),
            (Job::UpdateGrantsOfPurchase { purchase: purchase(customer, id(1)) }, "product"),
            (Job::UpdateUntoldGrantsOfPurchase { purchase: purchase(customer, id(1)) }, "product"),
        ];
        for (job, name) in unknown {
            enqueue(shop, job.clone());
            shop.run_jobs();
            let failed = shop.read(|tx| jobs::list_failed(tx, 10)).unwrap();
            assert_eq!(failed.len(), 1, "{job:?}");
            let error = format!("there is no {name} {}", id::<()>(1));
            assert_eq!((failed[0].failures, failed[0].last_error.as_deref()), (1, Some(&*error)), "{job:?}");
            shop.advance(hours(10_000));
            assert!(claim(shop).is_none(), "{job:?} is not tried again");
            shop.write(|tx| Ok(tx.execute("DELETE FROM jobs", &[])?)).unwrap();
        }
    }

    /// G12: beside it, what was there and was deleted since.
    fn a_job_about_something_deleted_has_nothing_to_do(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).unwrap().id;
        let (customer, product) = (shop.customer().id, shop.product().id);
        let tenancy = shop.tenancy();
        shop.write(move |tx| benefits::delete(tx, &tenancy, benefit)).unwrap();
        let tenancy = shop.tenancy();
        shop.write(move |tx| customers::delete(tx, &tenancy, customer)).unwrap();
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.execute("UPDATE products SET deleted_at = $2 WHERE id = $1", &[&product, &now])?)
        })
        .unwrap();
        let purchase = Purchase { customer_id: customer, product_id: product, scope: Scope::ByHand };
        for job in [
            Job::UpdateGrantsOfBenefit { benefit_id: benefit, after: None },
            Job::RevokeGrantsOfBenefit { benefit_id: benefit },
            Job::UpdateGrantsOfProduct { product_id: product, after: None },
            Job::RevokeGrantsOfCustomer { customer_id: customer },
            Job::UpdateGrantsOfPurchase { purchase },
        ] {
            enqueue(shop, job);
        }
        shop.run_jobs();
        assert_eq!(shop.backlog(), (0, 0));
    }

    fn a_failing_job_pauses_longer_each_time_and_is_set_aside_in_the_end(shop) {
        enqueue(shop, revocation(1));
        let mut pauses = Vec::new();
        while let Some(claimed) = claim(shop) {
            settle(shop, &claimed, Outcome::Failed("no network".into()));
            assert!(claim(shop).is_none());
            let Some(due_at) = shop.read(jobs::next_due).unwrap() else { break };
            pauses.push(due_at.since(shop.now()));
            shop.source.set(due_at);
        }
        assert_eq!(pauses.len(), 9);
        assert!(pauses.is_sorted() && pauses[0] >= Duration::from_secs(1), "{pauses:?}");
        assert_eq!(shop.backlog(), (0, 1));
        shop.advance(hours(10_000));
        assert!(claim(shop).is_none());
    }

    /// A GitHub that is down for days costs nobody anything: the job goes on asking, once an hour at last.
    fn a_job_that_calls_the_outside_is_tried_for_days(shop) {
        for platform in [Some(Platform::Discord), Some(Platform::Github), None] {
            enqueue(shop, settlement(1));
            let begin = shop.now();
            let mut longest = Duration::ZERO;
            while let Some(claimed) = claim(shop) {
                let reason = Reason::from("status 503");
                settle(shop, &claimed, match platform {
                    Some(platform) => Outcome::FailedOutside(reason, platform.pause_after(claimed.failure())),
                    None => Outcome::Failed(reason),
                });
                let Some(due_at) = shop.read(jobs::next_due).unwrap() else { break };
                longest = longest.max(due_at.since(shop.now()));
                shop.source.set(due_at);
            }
            assert!(shop.now().since(begin) >= hours(72), "{platform:?}: {:?}", shop.now().since(begin));
            assert_eq!(longest, hours(1), "{platform:?}");
            let failed = shop.read(|tx| jobs::list_failed(tx, 10)).unwrap();
            assert_eq!((failed.len(), failed[0].last_error.as_deref()), (1, Some("status 503")));
            shop.write(|tx| Ok(tx.execute("DELETE FROM jobs", &[])?)).unwrap();
        }
    }

    /// Who was asked to wait has not failed, however often.
    fn a_job_that_is_postponed_is_never_set_aside(shop) {
        for job in [settlement(1), revocation(1)] {
            enqueue(shop, job);
            for _ in 0..150 {
                let claimed = claim(shop).unwrap();
                assert_eq!(claimed.failure(), 1);
                settle(shop, &claimed, Outcome::Postponed("asks to wait".into(), 90));
                shop.advance(Duration::from_secs(89));
                assert!(claim(shop).is_none());
                shop.advance(Duration::from_secs(1));
            }
            assert_eq!(shop.backlog(), (1, 0));
            settle(shop, &claim(shop).unwrap(), Outcome::Done);
        }
    }

    /// A conflict that outlasted the store's own reruns is nobody's failure.
    fn a_job_that_meets_conflicts_is_never_set_aside(shop) {
        enqueue(shop, revocation(1));
        for _ in 0..30 {
            let claimed = claim(shop).unwrap();
            shop.write(move |tx| {
                jobs::settle_refused(tx, &claimed, &Refusal::Store(merak_store::Error::Conflict))
            })
            .unwrap();
            assert!(claim(shop).is_none());
            shop.advance(Duration::from_mins(1));
        }
        assert_eq!(shop.backlog(), (1, 0));
        assert_eq!(claim(shop).unwrap().failure(), 1);
    }

    /// With no place left for calls, those that need nothing but the store are found behind any number that call.
    fn units_are_found_behind_jobs_that_call_the_outside(shop) {
        for number in 0..120 {
            enqueue(shop, settlement(number));
        }
        assert_eq!(shop.read(jobs::next_unit_due).unwrap(), None);
        assert!(shop.write(jobs::claim_unit).unwrap().is_none());
        shop.advance(hours(1));
        enqueue(shop, revocation(1));
        assert_eq!(shop.read(jobs::next_unit_due).unwrap(), Some(shop.now()));
        let claimed = shop.write(jobs::claim_unit).unwrap().unwrap();
        assert_eq!(claimed.job, revocation(1));
        assert!(shop.write(jobs::claim_unit).unwrap().is_none());
        assert_eq!(claim(shop).unwrap().job, settlement(0));
    }

    fn what_was_set_aside_keeps_its_error_and_can_be_run_again(shop) {
        enqueue(shop, revocation(1));
        shop.advance(Duration::from_secs(1));
        enqueue(shop, revocation(2));
        while let Some(claimed) = claim(shop) {
            settle(shop, &claimed, Outcome::Failed("no network".into()));
            shop.advance(hours(2));
        }
        let failed = shop.read(|tx| jobs::list_failed(tx, 10)).unwrap();
        assert_eq!(failed.len(), 2);
        assert!(failed.iter().all(|job| job.failures == 10 && job.last_error.as_deref() == Some("no network")));
        assert_eq!(shop.read(|tx| jobs::list_failed(tx, 1)).unwrap()[0].id, failed[0].id);
        let id = failed[0].id;
        shop.write(move |tx| jobs::retry(tx, id)).unwrap();
        let claimed = claim(shop).unwrap();
        assert_eq!(claimed.failure(), 1);
        assert_eq!(refusal(shop.write(move |tx| jobs::retry(tx, id))).0, Kind::NotFound, "it runs");
        settle(shop, &claimed, Outcome::Failed("again".into()));
        assert!(claim(shop).is_none());
        shop.write(move |tx| jobs::retry(tx, id)).unwrap();
        assert_eq!(shop.read(|tx| jobs::list_waiting(tx, 10)).unwrap()[0].last_error.as_deref(), Some("again"));
        settle(shop, &claim(shop).unwrap(), Outcome::Done);
        assert_eq!(refusal(shop.write(move |tx| jobs::retry(tx, id))).0, Kind::NotFound, "it is done");
        assert_eq!(shop.write(jobs::retry_failed).unwrap(), 1);
        assert_eq!(shop.write(jobs::retry_failed).unwrap(), 0);
        settle(shop, &claim(shop).unwrap(), Outcome::Done);
        assert_eq!(shop.backlog(), (0, 0));
    }

    fn work_that_comes_back_by_itself_waits_once(shop) {
        for _ in 0..3 {
            shop.write(jobs::ensure_recurring).unwrap();
        }
        assert_eq!(shop.backlog(), (2, 0));
        for _ in 0..2 {
            let claimed = claim(shop).unwrap();
            assert!(matches!(claimed.job, Job::Purge | Job::ExpireCheckouts), "{claimed:?}");
            shop.write(jobs::ensure_recurring).unwrap();
            settle(shop, &claimed, Outcome::Done);
        }
        assert_eq!(shop.backlog(), (2, 0));
        shop.run_jobs();
        assert_eq!(shop.read(jobs::next_due).unwrap(), Some(shop.now().add_seconds(900)));
    }

    fn purging_removes_only_what_has_ended(shop) {
        let (secret, customer) = (shop.secret.clone(), shop.customer().id);
        let open = move |tx: &mut merak_store::Tx<'_>| customer_sessions::create(tx, &secret, customer);
        let old_name = Name::new(&shop.secret, Caller::Seller("somebody"), "old", &[]);
        let (first, kept) = (old_name.clone(), old_name.clone());
        shop.write(open.clone()).unwrap();
        shop.write(move |tx| idempotency::keep(tx, &first, 201, b"old")).unwrap();
        shop.advance(hours(24));
        shop.write(open).unwrap();
        let new_name = Name::new(&shop.secret, Caller::Seller("somebody"), "new", &[]);
        let second = new_name.clone();
        shop.write(move |tx| idempotency::keep(tx, &second, 201, b"new")).unwrap();
        shop.write(jobs::ensure_recurring).unwrap();
        shop.run_jobs();
        let sessions = shop.read(|tx| Ok(tx.one::<i64>("SELECT count(*) FROM customer_sessions", &[])?)).unwrap();
        let answers = shop.read(|tx| Ok(tx.one::<i64>("SELECT count(*) FROM idempotent_answers", &[])?)).unwrap();
        assert_eq!((sessions, answers), (1, 1));
        assert_eq!(shop.read(move |tx| idempotency::find(tx, &kept)).unwrap(), Known::No);
        let known = shop.read(move |tx| idempotency::find(tx, &new_name)).unwrap();
        assert_eq!(known, Known::Answered { status: 201, body: b"new".to_vec() });
    }

    fn workers_at_once_share_the_jobs(shop) {
        for number in 0..24 {
            enqueue(shop, revocation(number));
        }
        let claimed: Vec<Job> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..6)
                .map(|_| scope.spawn(|| std::iter::from_fn(|| claim(shop)).map(|claimed| claimed.job).collect()))
                .collect();
            workers.into_iter().flat_map(|worker| -> Vec<Job> { worker.join().unwrap() }).collect()
        });
        let distinct: BTreeSet<String> = claimed.iter().map(|job| format!("{job:?}")).collect();
        assert_eq!((claimed.len(), distinct.len()), (24, 24));
    }
}

fn id<T>(number: u128) -> Id<T> {
    Id::from_uuid(Uuid::from_u128(number))
}

fn revocation(number: u128) -> Job {
    Job::RevokeGrantsOfCustomer { customer_id: id(number) }
}

fn settlement(number: u128) -> Job {
    FlowJob::SettleAccess { grant_id: id(number), customer_id: id(number) }.into()
}

fn enqueue(shop: &Shop, job: Job) {
    shop.write(move |tx| jobs::enqueue(tx, &job)).unwrap();
}

fn claim(shop: &Shop) -> Option<Claimed> {
    shop.write(jobs::claim).unwrap()
}

fn settle(shop: &Shop, claimed: &Claimed, outcome: Outcome) {
    let claimed = claimed.clone();
    shop.write(move |tx| jobs::settle(tx, &claimed, &outcome)).unwrap();
}
