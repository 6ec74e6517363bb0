//! What a command does with the services of a server, without serving anything.

use merak_core::billing::Refund;
use merak_core::billing::refunds::NewRefund;
use merak_core::clock::advance;
use merak_core::kit::{Id, InstanceSecret, Refusal};
use merak_core::organizations::Organization;
use merak_store::{Store, Timestamp};

use crate::config::Config;
use crate::flows::advance_clock::{self, Courier};
use crate::flows::{self, refund, sell_demo};
use crate::state::House;
use crate::{StartError, build};

/// The services of a server. Others may be at work on the same store.
#[derive(Debug)]
pub struct Chores {
    house: House,
    courier: Courier,
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct ChoreError(#[from] flows::Error);

impl ChoreError {
    /// What the core said, if it was the core.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.0 {
            flows::Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl Chores {
    /// The services that these settings name.
    pub fn new(config: &Config, store: &Store, secret: InstanceSecret) -> Result<Self, StartError> {
        let public_url = match &config.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", config.listen),
        };
        Ok(Self { house: build(config, store, secret, public_url)?, courier: Courier::Elsewhere })
    }

    /// Gives money back. A refund of which nothing is known yet is pending, and a running server asks about it.
    pub async fn refund(&self, new: NewRefund) -> Result<Refund, ChoreError> {
        Ok(refund::run(&self.house, new).await?)
    }

    /// Says that the clock of an organization is to be moved to an instant. Refused where real money moves.
    pub async fn advance_clock(&self, id: Id<Organization>, target: Timestamp) -> Result<(), ChoreError> {
        let processor = self.house.adapters.payments.name();
        if !self.house.adapters.are_payments_played() {
            let sentence = "Clocks can only be moved where payments are played by the sandbox.";
            return Err(flows::Error::Refused(Refusal::bad_request(sentence)).into());
        }
        let moved = self
            .house
            .store
            .write(move |tx| advance::advance(tx, id, target, processor))
            .await
            .map_err(flows::Error::Refused)?;
        tracing::debug!(?moved, "a clock is to be moved");
        Ok(())
    }

    /// Makes the sales of the demo shop that were not made yet, and lets a month of its clock go by, where payments are
    /// played by the sandbox. A running server gives what was sold.
    pub async fn sell_demo(&self, id: Id<Organization>) -> Result<(), ChoreError> {
        Ok(sell_demo::run(&self.house, id).await?)
    }

    /// Lets the clock of an organization go on for some steps, doing what is due at each. Mails are left to a server that runs
    /// beside, which knows where they go, and waited for, unless none seems to run. Whether it has not arrived yet.
    pub async fn go_on(&mut self, id: Id<Organization>) -> Result<bool, ChoreError> {
        if !advance_clock::go(&self.house, id, self.courier).await? {
            self.courier = Courier::Nobody;
        }
        let clock =
            self.house.store.read(move |tx| advance::find(tx, id)).await.map_err(flows::Error::Refused)?;
        Ok(clock.is_some_and(|clock| clock.target_at.is_some()))
    }
}
