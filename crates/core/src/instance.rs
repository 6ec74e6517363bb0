//! What all nodes of one installation share.

use merak_store::Tx;

use crate::kit::InstanceSecret;

/// Why a node may not work on this database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database was first used with another secret, so every token in it would look unknown.
    #[error(
        "this database belongs to an installation with another secret; start every node with the same MERAK_SECRET \
         (or the same data directory's `secret` file)"
    )]
    OtherSecret,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] merak_store::Error),
}

/// Binds the database to the secret on first use; later refuses any other secret.
pub fn claim(tx: &mut Tx<'_>, secret: &InstanceSecret) -> Result<(), Error> {
    let fingerprint = secret.fingerprint();
    let now = tx.now();
    tx.execute(
        "INSERT INTO instance (id, secret_fingerprint, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
        &[&fingerprint, &now],
    )?;
    let stored: String = tx.one("SELECT secret_fingerprint FROM instance WHERE id = 1", &[])?;
    if stored == fingerprint { Ok(()) } else { Err(Error::OtherSecret) }
}
