//! Connections to PostgreSQL that are encrypted: a small terminator with a certificate of its own stands before the real
//! server, so that every mode meets certificates that are right and wrong.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::Arc,
    thread,
};

use merak_store::{Database, Error, Options, Store};
use merak_testkit::Engine;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tempfile::TempDir;

/// What a client sends to ask for TLS: length 8, and the number that stands for it.
const TLS_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// A terminator that shows a certificate for a name.
struct Terminator {
    address: SocketAddr,
    /// The certificate of the authority that signed it.
    authority: PathBuf,
    _folder: TempDir,
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl Terminator {
    /// Stands before the server, with a certificate for `name`.
    fn before(server: SocketAddr, name: &str) -> Self {
        let issuer = authority();
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                // A client that refuses the certificate ends the conversation, which is the point of some tests.
                thread::spawn(move || drop(serve(client, server, config)));
            }
        });
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("authority.pem");
        std::fs::write(&file, issuer.pem()).unwrap();
        Self { address, authority: file, _folder: folder }
    }
}

fn serve(mut client: TcpStream, server: SocketAddr, config: Arc<ServerConfig>) -> std::io::Result<()> {
    let mut request = [0; 8];
    client.read_exact(&mut request)?;
    assert_eq!(request, TLS_REQUEST, "the client must ask for TLS first");
    client.write_all(b"S")?;
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), client);
    tls.flush()?;
    let mut plain = TcpStream::connect(server)?;
    // One thread for both directions: the protocol takes turns, and what a turn brings fits into these buffers.
    plain.set_read_timeout(Some(std::time::Duration::from_millis(5)))?;
    tls.sock.set_read_timeout(Some(std::time::Duration::from_millis(5)))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match tls.read(&mut buffer) {
            Ok(0) => return plain.shutdown(Shutdown::Both),
            Ok(length) => plain.write_all(&buffer[..length])?,
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
        match plain.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => tls.write_all(&buffer[..length])?,
            Err(error) if is_pause(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_pause(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

/// Where the test's database is, and the rest of its URL.
fn server_of(url: &str) -> (SocketAddr, String) {
    let (_, rest) = url.split_once('@').expect("the URL names a user");
    let (host, path) = rest.split_once('/').expect("the URL names a database");
    let address = std::net::ToSocketAddrs::to_socket_addrs(host).unwrap().find(SocketAddr::is_ipv4).unwrap();
    let user = url.split_once("://").unwrap().1.split_once('@').unwrap().0;
    (address, format!("{user}@HOST/{}", path.split('?').next().unwrap()))
}

fn ask(url: String) -> Result<i64, Error> {
    let mut options = Options::new(Database::Postgres { url, read_url: None });
    (options.connections, options.readers) = (1, 1);
    let store = Store::open(&options)?;
    let answer = store.write_blocking(|tx| tx.one::<i64>("SELECT CAST(7 AS bigint)", &[]));
    store.shutdown_blocking();
    answer
}

#[test]
fn certificates_are_looked_at_as_the_url_asks() {
    let database = merak_testkit::database(Engine::Postgres);
    let Database::Postgres { url, .. } = database.database() else { unreachable!("asked for PostgreSQL") };
    let (server, rest) = server_of(&url);
    let right = Terminator::before(server, "localhost");
    let other_host = Terminator::before(server, "elsewhere.example");
    let url = |at: &Terminator, host: &str, query: &str| {
        format!("postgres://{}?{query}", rest.replace("HOST", &format!("{host}:{}", at.address.port())))
    };
    let trusting = |at: &Terminator, trusted: &Terminator, mode: &str| {
        url(at, "localhost", &format!("sslmode={mode}&sslrootcert={}", trusted.authority.display()))
    };

    for (mode, at, trusted, is_accepted) in [
        ("verify-full", &right, &right, true),
        ("verify-full", &other_host, &other_host, false),
        ("verify-full", &right, &other_host, false),
        ("verify-ca", &right, &right, true),
        ("verify-ca", &other_host, &other_host, true),
        ("verify-ca", &right, &other_host, false),
        ("require", &right, &other_host, true),
        ("prefer", &other_host, &right, true),
    ] {
        let answer = ask(trusting(at, trusted, mode));
        if is_accepted {
            assert_eq!(answer.unwrap(), 7, "{mode}");
        } else {
            assert!(matches!(answer, Err(Error::Unavailable(_))), "{mode}: {answer:?}");
        }
    }
    // The machine's own authorities have not signed it.
    let answer = ask(url(&right, "localhost", "sslmode=verify-full"));
    assert!(matches!(answer, Err(Error::Unavailable(_))), "{answer:?}");
}
