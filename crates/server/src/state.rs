//! What handlers and the shell around them share.

use std::sync::Arc;

use merak_adapters::files::FileStorage;
use merak_core::kit::InstanceSecret;
use merak_store::Store;

/// The shared things of a running server.
#[derive(Debug)]
pub struct House {
    /// The data.
    pub store: Store,
    /// What tokens are hashed with.
    pub secret: InstanceSecret,
    /// The address under which people and programs reach this server, without a slash at its end.
    pub public_url: String,
    /// The services outside.
    pub adapters: Adapters,
}

/// The services outside, one of each kind.
#[derive(Debug)]
pub struct Adapters {
    /// Where files are.
    pub files: Arc<dyn FileStorage>,
}
