//! Connections: where to, how long to try, and when to try again.

use std::time::{Duration, Instant};

use rand::RngExt;
use tokio_postgres::{Config, NoTls};

use super::{
    Line, Session,
    tls::{self, Mode},
};
use crate::{Error, Options, Result};

/// What every connection is told. A serializable unit that scans a small table from end to end conflicts with everybody
/// who writes to it; by an index it reads only the rows it means, so the planner takes one wherever there is one.
const GREETING: &str =
    "SET client_min_messages = warning; SET TimeZone = 'UTC'; SET enable_seqscan = off; SET jit = off";

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A server to connect to, and what is known of its health.
#[derive(Clone)]
pub(crate) struct Target {
    config: Config,
    mode: Mode,
    root_certificates: Option<String>,
    greeting: String,
    statements: usize,
    /// How long connecting may take.
    connect_timeout: Duration,
    /// How long an answer may take: as long as a statement may, and the way there and back.
    patience: Option<Duration>,
    /// While the server cannot be reached: when to try next, how long to wait then, and what it said.
    down: Option<Down>,
}

#[derive(Clone)]
struct Down {
    until: Instant,
    pause: Duration,
    reason: Error,
}

impl Target {
    pub(crate) fn new(url: &str, options: &Options) -> Result<Self> {
        let (address, mode, root_certificates) = tls::split_url(url)?;
        let mut config: Config = address
            .parse()
            .map_err(|error: tokio_postgres::Error| Error::Misuse(format!("database URL: {error}")))?;
        config.ssl_mode(mode.of_driver());
        let connect_timeout = config.get_connect_timeout().copied().unwrap_or(options.connect_timeout);
        config.connect_timeout(connect_timeout);
        if config.get_application_name().is_none() {
            config.application_name("merak");
        }
        if config.get_tcp_user_timeout().is_none() {
            // A server that vanishes without a word must not hold a thread for the minutes TCP would wait.
            config.tcp_user_timeout(Duration::from_secs(30));
        }
        config.keepalives_idle(Duration::from_secs(30));
        // A node that has stopped in the middle of a unit must not keep the others from what it has locked.
        let timeout = options.statement_timeout.as_millis();
        let greeting = format!(
            "SET statement_timeout = {timeout}; SET idle_in_transaction_session_timeout = {timeout}; {GREETING}"
        );
        // For the server, no time at all is any time.
        let is_patient = options.statement_timeout.is_zero();
        Ok(Self {
            config,
            mode,
            root_certificates,
            greeting,
            statements: options.statements,
            connect_timeout,
            patience: (!is_patient).then(|| options.statement_timeout + connect_timeout),
            down: None,
        })
    }

    /// The same server for migrations, whose statements may take as long as they need.
    pub(crate) fn without_timeout(mut self) -> Self {
        self.greeting = format!("SET statement_timeout = 0; {GREETING}");
        self.patience = None;
        self
    }

    /// Connects once, unless that has failed a moment ago; then it fails at once with the same reason.
    pub(crate) fn connect(&mut self) -> Result<Session> {
        if let Some(down) = &self.down
            && Instant::now() < down.until
        {
            return Err(down.reason.clone());
        }
        match self.try_connect() {
            Ok(session) => {
                self.down = None;
                Ok(session)
            }
            Err(reason) => {
                let pause =
                    self.down.as_ref().map_or(FIRST_PAUSE, |down| (down.pause * 2).min(LONGEST_PAUSE));
                // Jitter, so that the nodes of a shop do not all come back in the same instant.
                let until = Instant::now() + pause.mul_f64(rand::rng().random_range(0.5..1.0));
                self.down = Some(Down { until, pause, reason: reason.clone() });
                Err(reason)
            }
        }
    }

    fn try_connect(&self) -> Result<Session> {
        let patience = self.connect_timeout;
        let line = match self.mode {
            Mode::Disable => Line::connect(&self.config, NoTls, patience),
            mode => {
                let connector = tls::connector(mode, self.root_certificates.as_deref())?;
                Line::connect(&self.config, connector, patience)
            }
        };
        let mut session = Session::new(line.map_err(unavailable)?, self.statements);
        session.batch(&self.greeting).map_err(unavailable)?;
        session.line.wait_for(self.patience);
        Ok(session)
    }
}

/// Whatever keeps a connection from being made or a unit from being begun, says nothing of the unit. A standby, for one,
/// refuses to begin what may write, until it is promoted.
pub(super) fn unavailable(error: Error) -> Error {
    match error {
        Error::Engine(cause) => Error::Unavailable(cause),
        other => other,
    }
}
