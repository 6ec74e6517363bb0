//! What all nodes of one installation share.

use merak_store::{ReadTx, Tx};

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

/// What the database knows of the secret it belongs to; nothing before its first use.
pub fn fingerprint(tx: &mut ReadTx<'_>) -> merak_store::Result<Option<String>> {
    tx.find("SELECT secret_fingerprint FROM instance WHERE id = 1", &[])
}

/// Binds the database to the secret on first use; later refuses any other secret.
pub fn claim(tx: &mut Tx<'_>, secret: &InstanceSecret) -> Result<(), Error> {
    let fingerprint = secret.fingerprint();
    let now = tx.now();
    tx.execute(
        "INSERT INTO instance (id, secret_fingerprint, created_at) VALUES (1, $1, $2) ON CONFLICT (id) DO NOTHING",
        &[&fingerprint, &now],
    )?;
    if self::fingerprint(tx)? == Some(fingerprint) { Ok(()) } else { Err(Error::OtherSecret) }
}
