//! Operations that call the outside: a storage, another service. Nothing can be waited for inside a unit of work, so
//! such a handler is asynchronous and goes in steps: unit, call, unit.
//!
//! - The first unit is not the handler's: it finds out who is calling and whether they may, and whether the answer of
//!   an `Idempotency-Key` is known already. A write that is being done by such a key is announced there, so that the
//!   same request, sent twice at once, calls the outside once.
//! - The handler runs units through [`Flow::read`] and [`Flow::write`], and calls adapters between them.
//! - Its last unit is [`Flow::finish`], the only way to a [`Finished`] answer: it keeps the answer of an
//!   `Idempotency-Key` in the same transaction as the effect.
//!
//! A flow that has begun goes on when its caller goes away. A crash between two steps is as if the caller had asked
//! for nothing more: what was written by then must be a whole, and a job must find what is left over.

use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use merak_core::access::Admits;
use merak_core::idempotency::{self, Known};
use merak_core::kit::Result as Decision;
use merak_store::{ReadTx, Tx};

use super::answer::{Answer, Reply};
use super::request::{Checked, Named};
use super::route::{Call, Input, admit, name_of, note_use, prepare};
use crate::error::Failure;
use crate::state::House;

/// For how long a flow has its `Idempotency-Key` to itself, in seconds. Longer than any answer may take.
const TURN: i64 = 900;

/// What a flow's handler is.
pub type Handler<P, Q, B, A> = Arc<dyn Fn(Flow<P, Q, B>) -> Steps<A> + Send + Sync>;

type Steps<A> = Pin<Box<dyn Future<Output = Finishing<A>> + Send>>;

/// What the handler of a flow returns.
pub type Finishing<A> = Result<Finished<A>, Failure>;

/// An admitted call on its way through several units of work.
#[derive(Debug)]
pub struct Flow<P, Q, B> {
    call: Arc<Call<P, Q, B>>,
    named: Option<Arc<Named>>,
}

/// The answer of a flow, which only its last unit makes.
#[derive(Debug)]
pub struct Finished<A>(Outcome<A>);

#[derive(Debug)]
enum Outcome<A> {
    Fresh(A),
    Kept(Reply),
}

impl<P: Input, Q: Input, B: Input> Flow<P, Q, B> {
    /// The call: who is calling, and the checked parts of the request.
    pub fn call(&self) -> &Call<P, Q, B> {
        &self.call
    }

    /// Runs a unit that reads.
    pub async fn read<T: Send + 'static>(
        &self,
        mut unit: impl FnMut(&mut ReadTx<'_>, &Call<P, Q, B>) -> Decision<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let call = Arc::clone(&self.call);
        Ok(self.call.house.store.read(move |tx| unit(tx, &call)).await?)
    }

    /// Runs a unit that writes, before or between calls to the outside. What it writes stays, whatever follows.
    pub async fn write<T: Send + 'static>(
        &self,
        mut unit: impl FnMut(&mut Tx<'_>, &Call<P, Q, B>) -> Decision<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let call = Arc::clone(&self.call);
        let written = self.call.house.store.write(move |tx| unit(tx, &call)).await?;
        self.call.house.streams.nudge();
        Ok(written)
    }

    /// Runs the last unit. Its answer is kept with its effect, if the caller named the write.
    pub async fn finish<A: Answer>(
        &self,
        mut unit: impl FnMut(&mut Tx<'_>, &Call<P, Q, B>) -> Decision<A> + Send + 'static,
    ) -> Finishing<A> {
        let (call, named) = (Arc::clone(&self.call), self.named.clone());
        let unit = move |tx: &mut Tx<'_>| {
            let Some(named) = &named else {
                return Ok::<_, Failure>(Outcome::Fresh(unit(tx, &call)?));
            };
            let reply = unit(tx, &call)?.reply()?;
            idempotency::keep(tx, &name_of(named, &call), reply.status, &reply.body)?;
            Ok(Outcome::Kept(reply))
        };
        let outcome = self.call.house.store.write(unit).await?;
        self.call.house.streams.nudge();
        Ok(Finished(outcome))
    }
}

/// Carries a flow out, on a task of its own, so that it ends even if nobody waits for its answer any more.
pub(super) async fn run<P: Input, Q: Input, B: Input, A: Answer>(
    house: Arc<House>,
    mut checked: Checked,
    admits: Admits,
    handler: Handler<P, Q, B, A>,
) -> Result<Reply, Failure> {
    let named = checked.idempotency.take().map(Arc::new);
    let (credential, mut call) = prepare::<P, Q, B>(&house, checked)?;
    let call = match &named {
        None => {
            house
                .store
                .read(move |tx| {
                    call.actor = admit(tx, &credential, &admits)?;
                    Ok::<_, Failure>(call.clone())
                })
                .await?
        }
        Some(named) => {
            let named = Arc::clone(named);
            let (known, call) = house
                .store
                .write(move |tx| {
                    call.actor = admit(tx, &credential, &admits)?;
                    let known = idempotency::begin(tx, &name_of(&named, &call), TURN)?;
                    Ok::<_, Failure>((known, call.clone()))
                })
                .await?;
            match known {
                Known::No => call,
                Known::Answered { status, body } => return Ok(Reply::new(status, body)),
                Known::OtherRequest => return Err(Failure::IdempotencyKeyReused),
                Known::UnderWay => return Err(Failure::UnderWay),
            }
        }
    };
    note_use(&house, &call.actor);
    let call = Arc::new(call);
    let flow = Flow { call: Arc::clone(&call), named: named.clone() };
    let steps = tokio::spawn(async move {
        let steps = AssertUnwindSafe(async move { handler(flow).await });
        let outcome = steps
            .catch_unwind()
            .await
            .unwrap_or_else(|_| Err(Failure::Unexpected(String::from("a flow panicked"))));
        if let Some(named) = named.filter(|_| outcome.is_err()) {
            let store = call.house.store.clone();
            if let Err(error) = store.write(move |tx| idempotency::abandon(tx, &name_of(&named, &call))).await
            {
                // Only the next try has to wait until the turn is over.
                tracing::warn!(%error, "a write that failed was not forgotten");
            }
        }
        outcome
    });
    match steps.await.map_err(|_| Failure::Unexpected(String::from("a flow was cut off")))?? {
        Finished(Outcome::Fresh(answer)) => Ok(answer.reply()?),
        Finished(Outcome::Kept(reply)) => Ok(reply),
    }
}
