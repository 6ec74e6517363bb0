//! What handlers and the shell around them share.

use std::sync::Arc;

use merak_adapters::discord::Discord;
use merak_adapters::files::FileStorage;
use merak_adapters::github::Github;
use merak_adapters::secret_scanning::ScanningKeys;
use merak_core::kit::InstanceSecret;
use merak_core::search::Totals;
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
    /// The address of a checkout link, with [`SECRET_PLACE`] where its secret stands.
    pub checkout_link_url: String,
    /// Whose pages may act with a session, and how its cookie is written.
    pub origins: Origins,
    /// The services outside.
    pub adapters: Adapters,
    /// What broad searches found.
    pub totals: Totals,
}

/// What the secret is put in the place of in the template of checkout links' addresses.
pub const SECRET_PLACE: &str = "{client_secret}";

impl House {
    /// The address of the checkout link with this secret.
    pub fn checkout_link_url(&self, client_secret: &str) -> String {
        self.checkout_link_url.replace(SECRET_PLACE, client_secret)
    }
}

/// The services outside, one of each kind.
#[derive(Debug)]
pub struct Adapters {
    /// Where files are.
    pub files: Arc<dyn FileStorage>,
    /// The keys of who reports leaked tokens, if reports are taken.
    pub scanning_keys: Option<ScanningKeys>,
    /// Discord, if this installation is connected to it.
    pub discord: Option<Discord>,
    /// GitHub, if this installation is connected to it.
    pub github: Option<Github>,
}
