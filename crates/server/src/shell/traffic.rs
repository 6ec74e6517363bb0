//! What is under way on a connection: one on which nothing is ends, and so does an HTTP/2 stream whose answer nobody
//! takes, with the others on its connection going on. On HTTP/1 an answer that is not taken is a socket that cannot be
//! written to, which ends by itself.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::body::Body;
use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};
use hyper::rt::Executor;
use tokio::time::{Instant, sleep_until};

tokio::task_local! {
    /// What the stream exchanges that is being polled.
    static OF_STREAM: Arc<Exchange>;
}

/// What is under way on one connection.
#[derive(Debug)]
pub struct Traffic(Mutex<Requests>);

#[derive(Debug)]
struct Requests {
    under_way: usize,
    /// When the last one ended.
    quiet_since: Instant,
}

impl Traffic {
    /// A connection without a request.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Requests { under_way: 0, quiet_since: Instant::now() })))
    }

    /// Returns when no request has been under way for so long, counted from the given instant at the earliest.
    pub async fn until_quiet(&self, from: Instant, patience: Duration) {
        let quiet_since = || {
            let requests = locked(&self.0);
            (requests.under_way == 0).then(|| requests.quiet_since.max(from))
        };
        until_lasted(patience, quiet_since).await;
    }
}

/// A request and its answer, under way until all of the answer has been sent or given up.
#[derive(Debug)]
pub struct Exchange {
    traffic: Arc<Traffic>,
    /// What was given to an HTTP/2 stream; nothing on HTTP/1.
    offered: Option<Mutex<Offered>>,
}

#[derive(Debug)]
struct Offered {
    /// How many pieces wait for the reader's window, or for the socket.
    pieces: usize,
    /// When something was last taken of them.
    untouched_since: Instant,
    /// Who waits for all of them to be taken.
    waiting: Option<Waker>,
}

impl Exchange {
    /// The one of the stream that calls this. On HTTP/1, where no stream does, a new one.
    pub fn of_caller(traffic: &Arc<Traffic>) -> Arc<Self> {
        OF_STREAM.try_with(Arc::clone).unwrap_or_else(|_| Self::new(traffic, None))
    }

    fn new(traffic: &Arc<Traffic>, offered: Option<Offered>) -> Arc<Self> {
        locked(&traffic.0).under_way += 1;
        Arc::new(Self { traffic: Arc::clone(traffic), offered: offered.map(Mutex::new) })
    }

    fn offered(&self) -> Option<MutexGuard<'_, Offered>> {
        self.offered.as_ref().map(locked)
    }

    fn is_taken(&self) -> bool {
        self.offered().is_none_or(|offered| offered.pieces == 0)
    }

    /// Waits until all pieces are taken.
    fn poll_taken(&self, context: &mut Context<'_>) -> Poll<()> {
        match self.offered() {
            Some(mut offered) if offered.pieces > 0 => {
                offered.waiting = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }

    /// Returns when nothing of what is offered was taken for so long.
    async fn until_stalled(&self, patience: Duration) {
        let untouched_since = || {
            let offered = self.offered()?;
            (offered.pieces > 0).then_some(offered.untouched_since)
        };
        until_lasted(patience, untouched_since).await;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut requests = locked(&self.traffic.0);
        requests.under_way -= 1;
        requests.quiet_since = Instant::now();
    }
}

/// The body of an answer that knows what of it was taken.
pub struct Answer {
    /// What is left of it.
    body: Option<Body>,
    exchange: Arc<Exchange>,
}

impl Answer {
    /// The answer of an exchange.
    pub fn new(body: Body, exchange: Arc<Exchange>) -> Self {
        Self { body: Some(body), exchange }
    }
}

impl hyper::body::Body for Answer {
    type Data = Piece;
    type Error = axum::Error;

    /// On HTTP/2 the end comes when all is taken: until then the stream is there, and can be ended.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, axum::Error>>> {
        let Self { body, exchange } = self.get_mut();
        if let Some(left) = body {
            if let Some(frame) = ready!(Pin::new(left).poll_frame(context)) {
                let frame = frame.map(|frame| frame.map_data(|bytes| Piece::new(bytes, exchange)));
                return Poll::Ready(Some(frame));
            }
            *body = None;
        }
        exchange.poll_taken(context).map(|()| None)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(hyper::body::Body::is_end_stream) && self.exchange.is_taken()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or(SizeHint::with_exact(0), hyper::body::Body::size_hint)
    }
}

/// A piece of an answer on its way to the socket.
pub struct Piece {
    bytes: Bytes,
    exchange: Arc<Exchange>,
}

impl Piece {
    fn new(bytes: Bytes, exchange: &Arc<Exchange>) -> Self {
        if let Some(mut offered) = exchange.offered() {
            if offered.pieces == 0 {
                offered.untouched_since = Instant::now();
            }
            offered.pieces += 1;
        }
        Self { bytes, exchange: Arc::clone(exchange) }
    }
}

impl Buf for Piece {
    fn remaining(&self) -> usize {
        self.bytes.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.bytes.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.bytes.advance(count);
        if let Some(mut offered) = self.exchange.offered() {
            offered.untouched_since = Instant::now();
        }
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        let Some(mut offered) = self.exchange.offered() else { return };
        offered.pieces -= 1;
        offered.untouched_since = Instant::now();
        if offered.pieces == 0
            && let Some(waiting) = offered.waiting.take()
        {
            waiting.wake();
        }
    }
}

/// Runs the streams of an HTTP/2 connection. One is reset when its reader takes nothing for too long.
#[derive(Clone)]
pub struct Streams {
    traffic: Arc<Traffic>,
    patience: Duration,
}

impl Streams {
    /// The streams of a connection, with how long a reader may take.
    pub fn new(traffic: &Arc<Traffic>, patience: Duration) -> Self {
        Self { traffic: Arc::clone(traffic), patience }
    }
}

impl<S: Future<Output = ()> + Send + 'static> Executor<S> for Streams {
    fn execute(&self, stream: S) {
        let offered = Offered { pieces: 0, untouched_since: Instant::now(), waiting: None };
        let exchange = Exchange::new(&self.traffic, Some(offered));
        let patience = self.patience;
        tokio::spawn(async move {
            tokio::select! {
                biased;
                () = OF_STREAM.scope(Arc::clone(&exchange), stream) => {}
                () = exchange.until_stalled(patience) => tracing::debug!("nobody takes an answer"),
            }
        });
    }
}

/// Returns when something has lasted for so long. The closure says since when it does, if it does.
async fn until_lasted(patience: Duration, since: impl Fn() -> Option<Instant>) {
    loop {
        let now = Instant::now();
        match since().map(|since| since + patience) {
            Some(end) if end <= now => return,
            end => sleep_until(end.unwrap_or(now + patience)).await,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it is locked, so a poisoned lock holds whole values.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_is_not_sent_yet_is_under_way() {
        let (traffic, patience) = (Traffic::new(), Duration::from_millis(20));
        let quiet = || timeout(5 * patience, traffic.until_quiet(Instant::now(), patience));
        let exchange = Exchange::of_caller(&traffic);
        assert!(quiet().await.is_err(), "no answer yet");
        let mut answer = Answer::new(Body::from("text"), exchange);
        let piece = answer.frame().await.unwrap().unwrap().into_data();
        drop(answer);
        assert!(quiet().await.is_err(), "a slow reader is not idle");
        drop(piece);
        assert!(quiet().await.is_ok());
    }
}
