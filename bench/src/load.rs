//! The load generator: one thread, many keep-alive connections, each with its own script, and one histogram.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::client::{Answer, Connection};

/// What one connection asks, and what it makes of the answers.
pub trait Script: Send + 'static {
    /// Writes the next request into an empty buffer.
    fn ask(&mut self, request: &mut Vec<u8>);
    /// Looks at the answer; a wrong one is an error and ends the whole run.
    fn take(&mut self, answer: &Answer<'_>) -> Result<()>;
    /// Whether the script may stop here; a pair is not left half done.
    fn is_at_rest(&self) -> bool {
        true
    }
}

/// What a round gave.
pub struct Measured {
    /// Answers received.
    pub requests: u64,
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Microseconds from the first byte sent to the last byte received.
    pub latency_us: Histogram<u64>,
}

impl Measured {
    /// Answers in a second.
    pub fn rate(&self) -> f64 {
        to_f64(self.requests) / self.elapsed.as_secs_f64()
    }
}

/// Counters stay far below 2^52, where every integer is exact.
#[expect(clippy::cast_precision_loss, reason = "counters of a run are far below 2^52")]
pub fn to_f64(count: u64) -> f64 {
    count as f64
}

/// A histogram from a microsecond to a minute, three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are constants that fit")
}

/// Drives one connection a script against the addresses in turn, for a while; gives the scripts back with what they counted.
pub fn drive<S: Script>(
    addresses: &[SocketAddr],
    scripts: Vec<S>,
    duration: Duration,
) -> Result<(Measured, Vec<S>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let latency = Arc::new(Mutex::new(histogram()));
        let mut connections = Vec::with_capacity(scripts.len());
        for (number, script) in scripts.into_iter().enumerate() {
            connections.push((Connection::open(addresses[number % addresses.len()]).await?, script));
        }
        let start = Instant::now();
        let end = start + duration;
        let mut tasks = JoinSet::new();
        for (connection, script) in connections {
            tasks.spawn(follow(connection, script, end, Arc::clone(&latency)));
        }
        let mut scripts = Vec::new();
        while let Some(finished) = tasks.join_next().await {
            scripts.push(finished.context("a connection's task panicked")??);
        }
        let elapsed = start.elapsed();
        let latency_us = Arc::into_inner(latency)
            .and_then(|latency| latency.into_inner().ok())
            .context("a connection still holds the histogram")?;
        Ok((Measured { requests: latency_us.len(), elapsed, latency_us }, scripts))
    })
}

/// One connection follows its script until the time is over.
async fn follow<S: Script>(
    mut connection: Connection,
    mut script: S,
    end: Instant,
    latency: Arc<Mutex<Histogram<u64>>>,
) -> Result<S> {
    let mut request = Vec::with_capacity(1024);
    loop {
        request.clear();
        script.ask(&mut request);
        let sent = Instant::now();
        let answer = connection.exchange(&request).await?;
        let received = Instant::now();
        script.take(&answer)?;
        let micros = u64::try_from((received - sent).as_micros()).unwrap_or(u64::MAX);
        latency
            .lock()
            .expect("the generator is one thread and recording does not panic")
            .saturating_record(micros);
        if received >= end && script.is_at_rest() {
            return Ok(script);
        }
    }
}
