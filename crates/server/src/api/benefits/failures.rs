//! What failed of giving a benefit and taking it back: list, retry. No part of the contract.

use merak_core::access::{self, MERCHANTS};
use merak_core::benefits::grants::BenefitGrant;
use merak_core::benefits::{self, Benefit};
use merak_core::customers;
use merak_core::jobs::{self, FailedWork, Waiting, Work};
use merak_core::kit::{Id, Kind, Result};
use merak_store::{ReadTx, Timestamp, Tx};
use serde::Serialize;
use serde_json::{Value, json};

use super::{NAV, READERS, WRITERS};
use crate::api::shared::{ById, Customer};
use crate::shell::Try;
use crate::wire::{
    Call, Components, Described, Json, ListResource, NoContent, Operation, answer, first_page, page, request,
    usual_limit,
};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/benefits/{id}/failures", list)
            .named("benefits:failures", "List Benefit Failures")
            .about(
                "Lists what failed of giving a benefit at another service, changing it for all of its holders and taking it \
                 back, and waits for its next attempt or was set aside; the oldest first, ten thousand at most. Of a \
                 deleted benefit, too.",
            )
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound])
            .hidden(),
        Operation::post("/v1/benefits/{id}/failures/{failure_id}/retry", retry)
            .named("benefits:retry_failure", "Retry Benefit Failure")
            .about(
                "Lets what failed run again now, or when the service is to be asked again that asked for a pause. It is no \
                 failure any more, unless it fails again.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .trying(&[Try::FailedWork])
            .refuses(&[Kind::NotFound])
            .hidden(),
    ]
}

request! {
    /// Which page to list.
    pub struct ListFailuresQuery {
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }

    /// The path of something that failed.
    pub struct FailurePath {
        /// The benefit's id.
        pub id: Id<Benefit>,
        /// What failed.
        pub failure_id: Id<Waiting>,
    }
}

/// What was to be done.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(transparent)]
pub struct FailureWork(Work);

impl Described for FailureWork {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "enum": Work::TEXTS})
    }
}

answer! {
    /// Something that failed of giving a benefit or taking it back.
    pub struct BenefitFailure {
        /// When it was asked for.
        pub created_at: Timestamp,
        /// Its id.
        pub id: Id<Waiting>,
        /// Whether the benefit was to be given, changed for who holds it, or taken back.
        pub work: FailureWork,
        /// For which grant; null if it was for all of them.
        pub grant_id: Option<Id<BenefitGrant>>,
        /// For whom; null if it was for everybody.
        pub customer_id: Option<Id<customers::Customer>>,
        /// The same, in full.
        pub customer: Option<Customer>,
        /// How often it failed since it was asked for, or since it was last retried by hand.
        pub attempts: i64,
        /// Why it failed last.
        pub error: String,
        /// When it is tried again; null if it is not.
        pub next_attempt_at: Option<Timestamp>,
        /// When it was set aside, to be tried again by hand only.
        pub set_aside_at: Option<Timestamp>,
    }
}

impl From<FailedWork> for BenefitFailure {
    fn from(failed: FailedWork) -> Self {
        Self {
            created_at: failed.created_at,
            id: failed.id,
            work: FailureWork(failed.work),
            grant_id: failed.grant_id,
            customer_id: failed.customer.as_ref().map(|customer| customer.id),
            customer: failed.customer.map(Customer::from),
            attempts: failed.failures,
            error: failed.error,
            next_attempt_at: failed.due_at,
            set_aside_at: failed.failed_at,
        }
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<ById, ListFailuresQuery>,
) -> Result<Json<ListResource<BenefitFailure>>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let benefit = benefits::get_ever(tx, &tenancy, call.path.id.cast())?;
    let page = page(call.query.page, call.query.limit);
    let failed = jobs::list_failed_of_benefit(tx, benefit.id, page)?;
    Ok(Json(ListResource::new(failed, page, BenefitFailure::from)))
}

fn retry(tx: &mut Tx<'_>, call: &Call<FailurePath>) -> Result<NoContent> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let benefit = benefits::get_ever(tx, &tenancy, call.path.id)?;
    jobs::retry_of_benefit(tx, benefit.id, call.path.failure_id)?;
    Ok(NoContent)
}
