//! One connection of the driver, worked on by the calling thread, with an end to its patience. The server's own
//! `statement_timeout` is no help against a server that has stopped, or a proxy in between that says nothing more.

use std::{
    future::{Future, poll_fn},
    pin::{Pin, pin},
    task::Poll,
    time::Duration,
};

use tokio::{
    net::lookup_host,
    runtime::{Builder, Runtime},
    time::timeout,
};
use tokio_postgres::{Client, Config, Socket, config::Host, tls::MakeTlsConnect};

use super::failure;
use crate::{Error, Result, error::Cause};

/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection. It must not be used inside an asynchronous runtime.
pub(super) struct Line {
    runtime: Runtime,
    /// Taken away when this is dropped, so that the driver says goodbye.
    client: Option<Client>,
    /// What reads and writes the socket; nothing once the connection is gone.
    driver: Option<Driver>,
    patience: Option<Duration>,
    /// Whether the server has once not answered in time. What it says afterwards would answer something else.
    is_silent: bool,
}

type Driver = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("the server did not answer in time")]
struct Silence;

impl Line {
    /// Connects, within so much time for each address of a server. Every answer may take as long.
    pub(super) fn connect<T>(config: &Config, tls: T, patience: Duration) -> Result<Self>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::unavailable)?;
        let connecting = runtime.block_on(async {
            let addresses = timeout(patience, addresses(config)).await?;
            timeout(patience.saturating_mul(addresses), config.connect(tls)).await
        });
        let (client, connection) =
            connecting.map_err(|_| silence())?.map_err(|error| failure::error(&error, "connect"))?;
        Ok(Self {
            runtime,
            client: Some(client),
            driver: Some(Box::pin(connection)),
            patience: Some(patience),
            is_silent: false,
        })
    }

    /// Says how long an answer may take from now on; as long as it likes if there is no end.
    pub(super) fn wait_for(&mut self, patience: Option<Duration>) {
        self.patience = patience;
    }

    /// Whether the server has once not answered in time.
    pub(super) fn is_silent(&self) -> bool {
        self.is_silent
    }

    /// Whether nothing can be asked any more.
    pub(super) fn is_closed(&self) -> bool {
        self.is_silent || self.driver.is_none() || self.client.as_ref().is_none_or(Client::is_closed)
    }

    /// Runs work to its end, while the connection is there and as long as there is patience.
    pub(super) fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
    ) -> Result<Result<T, tokio_postgres::Error>> {
        let Self { runtime, client, driver, patience, is_silent } = self;
        if *is_silent {
            return Err(silence());
        }
        let client = client.as_ref().ok_or(Error::Closed)?;
        let answer = async {
            let mut work = pin!(work(client));
            let answer = poll_fn(|context| {
                if let Some(running) = driver
                    && let Poll::Ready(end) = running.as_mut().poll(context)
                {
                    // With it goes what would have been answered, so that nobody waits for that.
                    *driver = None;
                    end?;
                }
                work.as_mut().poll(context)
            });
            match patience {
                Some(patience) => timeout(*patience, answer).await.ok(),
                None => Some(answer.await),
            }
        };
        runtime.block_on(answer).ok_or_else(|| {
            *is_silent = true;
            silence()
        })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        drop(self.client.take());
        if let Some(driver) = self.driver.take().filter(|_| !self.is_silent) {
            // Best effort: the server also notices that the connection is gone.
            drop(self.runtime.block_on(async { timeout(GOODBYE, driver).await }));
        }
    }
}

/// How many addresses the servers have, which the driver tries one after the other; one at least.
async fn addresses(config: &Config) -> u32 {
    let (hosts, known) = (config.get_hosts(), config.get_hostaddrs().len());
    let mut count = known;
    for host in hosts.iter().filter(|_| known == 0) {
        count += match host {
            Host::Tcp(name) => lookup_host((name.as_str(), 0)).await.map_or(1, Iterator::count),
            #[cfg(unix)]
            Host::Unix(_) => 1,
        };
    }
    u32::try_from(count).unwrap_or(u32::MAX).max(1)
}

fn silence() -> Error {
    Error::Unavailable(Cause::new(Silence))
}
