//! Mail through a server that speaks SMTP.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use tokio::sync::Mutex;
use tokio::time::timeout;
use url::Url;

use super::{Delivery, Mailer, Message, SERVICE, formatted};
use crate::{Error, Result};

/// How long a connection may take until the server has said who it is.
const CONNECT: Duration = Duration::from_secs(10);

/// How long the server may take for a message. Some look into it before they take it.
const SEND: Duration = Duration::from_secs(30);

/// How many connections are kept for the next message, and how long.
const IDLE_CONNECTIONS: usize = 4;
const IDLE: Duration = Duration::from_mins(1);

/// Replies that refuse the caller, not the message: it is to log in, or cannot.
const ABOUT_THE_LOGIN: [&str; 4] = ["530", "534", "535", "538"];

/// How the connection is kept from being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// It begins in the clear and goes on encrypted; a server that cannot is not used.
    Starttls,
    /// It is encrypted from the beginning.
    Implicit,
    /// It is not: for a server on the same machine.
    None,
}

/// Which server, and how.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpSettings {
    /// Its name, which its certificate must have.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The encryption.
    pub tls: Tls,
    /// Name and password, if it wants them.
    pub login: Option<(String, String)>,
    /// How this side is called in the greeting.
    pub hello: String,
}

impl std::fmt::Debug for SmtpSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpSettings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

impl SmtpSettings {
    /// Reads `smtp://USER:PASSWORD@HOST:PORT?tls=starttls`, user, port and query being optional. The reason of a
    /// refusal does not repeat the text, which may hold the password.
    pub fn parse(text: &str, hello: &str) -> std::result::Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "it is no address")?;
        if url.scheme() != "smtp" || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err("write smtp://HOST, with a login before and a port behind it if they are needed");
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("the host is missing")?;
        let mut tls = Tls::Starttls;
        for (name, value) in url.query_pairs() {
            tls = match (name.as_ref(), value.as_ref()) {
                ("tls", "starttls") => Tls::Starttls,
                ("tls", "implicit") => Tls::Implicit,
                ("tls", "none") => Tls::None,
                ("tls", _) => return Err("tls is one of starttls, implicit and none"),
                _ => return Err("there is no option but tls"),
            };
        }
        let usual_port = match tls {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        };
        let text = |part: &str| {
            percent_decode_str(part).decode_utf8().map(String::from).map_err(|_| "the login is no UTF-8")
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (_, None) => return Err("the password is missing"),
            (user, Some(password)) => Some((text(user)?, text(password)?)),
        };
        Ok(Self {
            host: host.trim_matches(['[', ']']).to_owned(),
            port: url.port().unwrap_or(usual_port),
            tls,
            login,
            hello: hello.to_owned(),
        })
    }
}

/// A mail server.
pub struct Smtp {
    settings: SmtpSettings,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings.fmt(f)
    }
}

impl Smtp {
    /// The server of these settings. It is not called yet.
    pub fn new(settings: SmtpSettings) -> Self {
        Self { settings, idle: Mutex::new(Vec::new()) }
    }

    /// A connection that is ready for a message: one that was used before and still answers, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection> {
        loop {
            let kept = self.idle.lock().await.pop();
            let Some((mut connection, since)) = kept else { break };
            if since.elapsed() < IDLE && connection.test_connected().await {
                return Ok(connection);
            }
        }
        self.connect().await.map_err(|error| unreachable(error.to_string()))
    }

    async fn connect(&self) -> std::result::Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let settings = &self.settings;
        let hello = ClientId::Domain(settings.hello.clone());
        let tls = || TlsParameters::new(settings.host.clone());
        let from_the_beginning = if settings.tls == Tls::Implicit { Some(tls()?) } else { None };
        let place = (settings.host.as_str(), settings.port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(place, Some(CONNECT), &hello, from_the_beginning, None)
                .await?;
        if settings.tls == Tls::Starttls {
            connection.starttls(tls()?, &hello).await?;
        }
        if let Some((user, password)) = &settings.login {
            let credentials = Credentials::new(user.clone(), password.clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    /// Sends over a connection, which is kept if it can be used again. One that was given up in the middle of a message
    /// is never kept: the reply to this message would be taken for that to the next.
    async fn send_over(
        &self,
        mut connection: AsyncSmtpConnection,
        envelope: &Envelope,
        bytes: &[u8],
    ) -> Result<Delivery> {
        match connection.send(envelope, bytes).await {
            Ok(_) => {
                let mut idle = self.idle.lock().await;
                idle.retain(|(_, since)| since.elapsed() < IDLE);
                if idle.len() < IDLE_CONNECTIONS {
                    idle.push((connection, Instant::now()));
                }
                Ok(Delivery::Taken)
            }
            Err(error) => match error.status() {
                Some(code)
                    if error.is_permanent() && !ABOUT_THE_LOGIN.contains(&code.to_string().as_str()) =>
                {
                    Ok(Delivery::Refused(error.to_string()))
                }
                Some(_) => Err(Error::Refused { service: SERVICE, cause: error.to_string() }),
                // The server does not know what this message needs.
                None if error.is_client() => Ok(Delivery::Refused(error.to_string())),
                None => Err(unreachable(error.to_string())),
            },
        }
    }
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, message: &Message) -> Result<Delivery> {
        let (envelope, bytes) = match formatted(message) {
            Ok(formatted) => formatted,
            Err(error) => return Ok(Delivery::Refused(error.to_string())),
        };
        let late = |_| unreachable(String::from("it did not answer in time"));
        let connection = timeout(CONNECT, self.connection()).await.map_err(late)??;
        timeout(SEND, self.send_over(connection, &envelope, &bytes)).await.map_err(late)?
    }
}

fn unreachable(cause: String) -> Error {
    Error::Unreachable { service: SERVICE, cause }
}
