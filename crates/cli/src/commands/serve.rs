//! `merak serve`: run until told to stop.

use merak_core::kit::InstanceSecret;
use merak_server::{Config, Mail, Payments, Server};
use merak_store::Store;
use tokio::signal::unix::{SignalKind, signal};

use crate::failure::Failure;
use crate::opened::Opened;
use crate::options::Options;
use crate::{output, services};

/// Serves until the process is told to stop.
pub fn run(options: &Options) -> Result<(), Failure> {
    let _place = options.occupy()?;
    let (store, secret) = super::open(options)?;
    serve(options, &store, secret, Shows::Nothing, async |server| {
        output::say(&format!("merak is listening on http://{}", server.address()))
    })
}

/// What a server shows to everybody who reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shows {
    /// Nothing that is not everybody's.
    Nothing,
    /// The mail that goes into a folder: to try things out.
    Mail,
}

/// Starts a server, tells `ready` about it, and runs it until SIGTERM or SIGINT.
pub fn serve(
    options: &Options,
    store: &Opened,
    secret: InstanceSecret,
    shows: Shows,
    ready: impl AsyncFnOnce(&Server) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::runtime(format!("cannot start threads: {error}")))?;
    runtime.block_on(async {
        // Listen for signals first: one that comes during the start must not be lost.
        let mut terminate = signal(SignalKind::terminate()).map_err(Failure::runtime)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::runtime)?;
        let config = services::connected(options, options.server()?)?;
        let config = Config { shows_mail: shows == Shows::Mail, ..config };
        if let Mail::Log = config.mail {
            tracing::warn!("no mail is sent: --mail says where it goes");
        }
        // The demo is there to try test cards; a shop that is open to the world is not.
        if let (Payments::Sandbox, Shows::Nothing) = (&config.payments, shows) {
            tracing::warn!(
                "payments are played by the sandbox: test cards buy real license keys and no money moves; \
                 --payment-processor stripe takes money"
            );
        }
        let server = Server::start(config, Store::clone(store), secret).await?;
        if let Some(address) = server.metrics_address() {
            tracing::info!("metrics on http://{address}/metrics");
        }
        tracing::info!(version = env!("CARGO_PKG_VERSION"), "listening on http://{}", server.address());
        ready(&server).await?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping");
        server.stop().await;
        tracing::info!("stopped");
        Ok(())
    })
}
