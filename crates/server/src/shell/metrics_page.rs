//! `/metrics` on a listener of its own, so that it need not be open to the world.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::Shell;

/// The running listener.
pub struct MetricsPage {
    /// Where it listens.
    pub address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl MetricsPage {
    /// Listens and serves `/metrics`.
    pub async fn start(address: SocketAddr, shell: Arc<Shell>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let router = axum::Router::new().route("/metrics", get(metrics)).with_state(shell);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, serving })
    }

    /// Stops serving. Nobody misses the rest of a page of numbers.
    pub fn stop(self) {
        self.serving.abort();
    }
}

async fn metrics(State(shell): State<Arc<Shell>>) -> impl axum::response::IntoResponse {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shell.metrics_text().await)
}
