//! Flows: the stories that call the outside. Each alternates units of work with calls to adapters; the core does not
//! know the adapters, nor they the core.
//!
//! A step may be done twice, because a crash can come between any two. So each call is one that bears repeating, and
//! what a flow leaves undone is found by a job.

pub mod advance_clock;
pub mod benefit_settings;
pub mod change_price;
pub mod collect;
pub mod confirm_checkout;
pub mod github_seller;
pub mod pay_in_portal;
pub mod receive_processor_event;
pub mod refund;
mod remove_stored_file;
pub mod renew;
pub mod sandbox_memory;
pub mod sell_demo;
pub mod send_email;
mod settle_access;
pub mod sweep_uploads;
pub mod upload_file;

use merak_adapters::rest;
use merak_core::connections::NewTokens;
use merak_core::jobs::{Claimed, FlowJob, Outcome, Reason};
use merak_core::kit::Refusal;

use crate::state::House;

/// Why a flow did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The core said no, or the store could not.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A service outside did not do its part.
    #[error(transparent)]
    Outside(#[from] merak_adapters::Error),
    /// A service that is needed is not configured any more.
    #[error("this installation is not connected to {0}")]
    NotConnected(&'static str),
}

impl From<merak_store::Error> for Error {
    fn from(error: merak_store::Error) -> Self {
        Self::Refused(Refusal::Store(error))
    }
}

impl Error {
    /// What came of a job whose flow ended so.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(refusal) => Outcome::of_refusal(refusal),
            Self::Outside(_) => Outcome::Failed(self.to_string().into()),
            Self::NotConnected(service) => {
                let told = format!("This installation is not connected to {service}.");
                Outcome::Failed(Reason::from(self.to_string()).told(told))
            }
        }
    }
}

/// Carries out a job that calls the outside, and settles it in its last unit of work.
pub async fn run(house: &House, claimed: &Claimed, job: &FlowJob) -> Result<(), Error> {
    match job {
        FlowJob::RemoveStoredFile { file_id } => remove_stored_file::run(house, claimed, *file_id).await,
        FlowJob::SettleAccess { grant_id, .. } => settle_access::run(house, claimed, *grant_id).await,
        FlowJob::SendEmail { email_id } => send_email::run(house, claimed, *email_id).await,
    }
}

/// The tokens of an account, as an adapter got them, for the core to keep.
pub fn new_tokens(tokens: rest::Tokens) -> NewTokens {
    NewTokens { access: tokens.access, refresh: tokens.refresh, expires_in: tokens.expires_in }
}
