//! Connections: accepting them, giving each request to the shell, and ending in good order.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use super::Shell;
use crate::content::MOST_DOWNLOADS;

/// How large a request's head may be, in bytes. Each connection may fill this much before anybody looks at it.
const HEAD_BYTES: usize = 64 << 10;

/// How many file handles are not for connections, but for the database, files and calls to the outside.
const HANDLES_KEPT: usize = 256 + MOST_DOWNLOADS;

/// How many requests may be under way on one connection. HTTP/2 asks for no less.
const STREAMS: u32 = 100;

/// How long to wait after the system refused to hand over a connection, as when it is out of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A listening server.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    ended: JoinHandle<()>,
}

impl Running {
    /// Stops accepting, lets running requests end, and returns when they have or their time is up.
    pub async fn stop(self) {
        // The loop may have ended by itself; then there is nobody to tell.
        let _ = self.stop.send(true);
        if let Err(error) = self.ended.await {
            tracing::error!(%error, "the accept loop ended badly");
        }
    }
}

/// Listens, and says where.
pub async fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// Answers until told to stop.
pub fn start(shell: Arc<Shell>, listener: TcpListener, address: SocketAddr) -> Running {
    let (stop, stopped) = watch::channel(false);
    let ended = tokio::spawn(accept(listener, shell, stopped));
    Running { address, stop, ended }
}

/// For how many connections there is room: as many as wanted, unless the system gives the process fewer file handles. It
/// is asked for more first.
fn places(wanted: usize) -> usize {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let needed = number(wanted.saturating_add(HANDLES_KEPT));
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let Some(mut handles) = current.filter(|current| *current < needed) else { return wanted };
    let more = maximum.map_or(needed, |maximum| maximum.min(needed));
    if setrlimit(Resource::Nofile, Rlimit { current: Some(more), maximum }).is_ok() {
        handles = more;
    }
    let most = handles.saturating_sub(number(HANDLES_KEPT)).max(handles / 2);
    if most < number(wanted) {
        tracing::warn!(most, wanted, "the limit of open files allows fewer connections");
    }
    wanted.min(usize::try_from(most).unwrap_or(usize::MAX))
}

async fn accept(listener: TcpListener, shell: Arc<Shell>, mut stopped: watch::Receiver<bool>) {
    let graceful = GracefulShutdown::new();
    let mut connections = auto::Builder::new(TokioExecutor::new());
    connections
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(shell.config.idle_timeout)
        .max_buf_size(HEAD_BYTES);
    connections
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Some(shell.config.idle_timeout));
    let room = Arc::new(Semaphore::new(places(shell.config.connections)));
    loop {
        // Without room the next connection waits in the system's queue.
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            _ = stopped.changed() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection keeps its small packets waiting");
        }
        let service = {
            let shell = Arc::clone(&shell);
            hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let shell = Arc::clone(&shell);
                async move { Ok::<_, std::convert::Infallible>(shell.answer(request.map(Body::new), peer).await) }
            })
        };
        let (connections, watcher) = (connections.clone(), graceful.watcher());
        let (patience, mut stopped) = (shell.config.idle_timeout, stopped.clone());
        tokio::spawn(async move {
            // The protocol is known by the first bytes. Until they are there nobody else waits for them with a clock.
            let mut first = [0];
            tokio::select! {
                seen = tokio::time::timeout(patience, stream.peek(&mut first)) => if seen.is_err() { return },
                _ = stopped.changed() => return,
            }
            let connection = connections.serve_connection(TokioIo::new(stream), service).into_owned();
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(shell.config.shutdown_timeout, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}
