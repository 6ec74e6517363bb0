//! Connections: accepting them, giving each request to the shell, and ending in good order.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_io_timeout::TimeoutStream;
use tokio_util::task::TaskTracker;

use super::traffic::{Answer, Exchange, Streams, Traffic};
use super::{Shell, subscriber};
use crate::config::Config;
use crate::content::MOST_DOWNLOADS;
use crate::places::Places;

/// How large a request's head may be, in bytes. Each connection may fill this much before anybody looks at it.
const HEAD_BYTES: usize = 64 << 10;

/// How many file handles are not for connections, but for the database, files and calls to the outside.
const HANDLES_KEPT: usize = 256 + MOST_DOWNLOADS;

/// How many requests may be under way on one connection. HTTP/2 asks for no less.
const STREAMS: u32 = 100;

/// How long to wait after the system refused to hand over a connection, as when it is out of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection that is to end and has no request may take to part. An HTTP/2 client may have sent one before it
/// hears of the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// How much may wait in the system that it has not sent yet, in bytes. It counts a socket as one that takes something only
/// when a third of what waits is gone. Of the megabytes that it would hold, that takes a slow reader so long that it
/// looked silent; of this, one of ten kilobytes a second does not.
const UNSENT_BYTES: u32 = 128 << 10;

/// How often it is told that an address has too many connections.
const TOLD_EVERY: Duration = Duration::from_mins(1);

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
fn room(wanted: usize) -> usize {
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

/// How many of the connections there is room for one subscriber may have. Who trusts a proxy, or does not count calls per
/// address, has one before this server: its connections are those of all.
fn share(config: &Config, room: usize) -> usize {
    if config.trust_proxy || config.rate_limit_per_address == 0 {
        return room;
    }
    // With less room for all there is less for one.
    (config.connections_per_address.saturating_mul(room) / config.connections.max(1)).max(1)
}

async fn accept(listener: TcpListener, shell: Arc<Shell>, mut stopped: watch::Receiver<bool>) {
    let most = room(shell.config.connections);
    let (room, places) = (Arc::new(Semaphore::new(most)), Places::new(most, share(&shell.config, most)));
    let connections = TaskTracker::new();
    let mut told: Option<Instant> = None;
    loop {
        // Without room the next connection waits in the system's queue.
        let next = async {
            let room = Arc::clone(&room).acquire_owned().await.ok();
            (room, listener.accept().await)
        };
        let (room, accepted) = tokio::select! {
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
        let Ok(place) = places.take(subscriber(peer.ip())) else {
            if told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                told = Some(Instant::now());
                tracing::warn!(
                    "an address has too many connections; if it is a proxy's, --trust-proxy lifts the limit"
                );
            }
            continue;
        };
        let (shell, stopped) = (Arc::clone(&shell), stopped.clone());
        connections.spawn(async move {
            serve(shell, stream, peer, stopped).await;
            drop((room, place));
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(shell.config.shutdown_timeout, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// Serves a connection until it ends. Nothing new is begun on it when it was quiet for the idle time or the server stops;
/// what is under way then has the time that requests have.
async fn serve(shell: Arc<Shell>, stream: TcpStream, peer: SocketAddr, mut stopped: watch::Receiver<bool>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "a connection keeps its small packets waiting");
    }
    bound_unsent(&stream);
    let (idle, silence) = (shell.config.idle_timeout, shell.config.transfer_timeout);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(silence));
    let traffic = Traffic::new();
    let protocols = protocols((idle, silence), Streams::new(&traffic, silence));
    let service = service_fn(|request: http::Request<Incoming>| {
        let (shell, exchange) = (Arc::clone(&shell), Arc::clone(&traffic));
        async move {
            let exchange = Exchange::of_caller(&exchange);
            let response = shell.answer(request.map(Body::new), peer).await;
            Ok::<_, Infallible>(response.map(|body| Answer::new(body, exchange)))
        }
    });
    let mut connection = pin!(protocols.serve_connection(TokioIo::new(Box::pin(stream)), service));
    let (mut is_ending, mut since, mut patience) = (false, Instant::now(), idle);
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            () = traffic.until_quiet(since, patience) => if is_ending { return },
            _ = stopped.changed(), if !is_ending => {}
        }
        connection.as_mut().graceful_shutdown();
        (is_ending, since, patience) = (true, Instant::now(), FAREWELL.min(idle));
    }
}

#[cfg(target_os = "linux")]
fn bound_unsent(stream: &TcpStream) {
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT_BYTES) {
        tracing::debug!(%error, "a connection may hold much that is not sent");
    }
}

#[cfg(not(target_os = "linux"))]
fn bound_unsent(_: &TcpStream) {}

/// How HTTP is spoken. There is no clock for the head of an HTTP/1 request: until it is there, no request is under way.
fn protocols((idle, silence): (Duration, Duration), streams: Streams) -> auto::Builder<Streams> {
    let mut protocols = auto::Builder::new(streams);
    protocols.http1().max_buf_size(HEAD_BYTES);
    protocols
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .keep_alive_interval(Some(idle))
        .keep_alive_timeout(silence);
    protocols
}
