//! What handlers and the shell around them share.

use std::sync::Arc;

use merak_adapters::discord::Discord;
use merak_adapters::files::FileStorage;
use merak_adapters::github::Github;
use merak_core::kit::InstanceSecret;
use merak_store::Store;

use crate::wire::Origins;

/// The shared things of a running server.
#[derive(Debug)]
pub struct House {
    /// The data.
    pub store: Store,
    /// What tokens are hashed with.
    pub secret: InstanceSecret,
    /// The address under which people and programs reach this server, without a slash at its end.
    pub public_url: String,
    /// Whose pages may act with a session, and how its cookie is written.
    pub origins: Origins,
    /// The services outside.
    pub adapters: Adapters,
}

/// The services outside, one of each kind.
#[derive(Debug)]
pub struct Adapters {
    /// Where files are.
    pub files: Arc<dyn FileStorage>,
    /// Discord, if this installation is connected to it.
    pub discord: Option<Discord>,
    /// GitHub, if this installation is connected to it.
    pub github: Option<Github>,
}
