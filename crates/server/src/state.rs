//! What handlers and the shell around them share.

use std::sync::Arc;

use merak_adapters::discord::Discord;
use merak_adapters::files::FileStorage;
use merak_adapters::github::Github;
use merak_adapters::mail::Mailer;
use merak_adapters::payments::Processor;
use merak_adapters::secret_scanning::ScanningKeys;
use merak_core::billing::{Payment, Rules};
use merak_core::checkouts::{Geography, Means};
use merak_core::kit::{EmailRules, Id, InstanceSecret};
use merak_core::search::Totals;
use merak_store::Store;

use crate::emails::Letterhead;
use crate::streams::Hub;
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
    /// Who and where this installation is, as its mails say it.
    pub letterhead: Letterhead,
    /// Whether everybody may read the mail that goes into a folder.
    pub shows_mail: bool,
    /// What is settled about billing; who knows the taxes, too.
    pub billing: Rules,
    /// Which addresses of mail are accepted.
    pub email_rules: EmailRules,
    /// The services outside.
    pub adapters: Adapters,
    /// Who knows in which country an address of the network is, if anybody does.
    pub geography: Option<Arc<dyn Geography>>,
    /// Who listens to event streams here.
    pub streams: Arc<Hub>,
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

    /// The page on which the checkout with this secret is filled in.
    pub fn checkout_url(&self, client_secret: &str) -> String {
        format!("{}/checkout/{client_secret}", self.public_url)
    }

    /// The page that a buyer sees who has confirmed, unless the seller has one.
    pub fn confirmation_url(&self, client_secret: &str) -> String {
        format!("{}/confirmation", self.checkout_url(client_secret))
    }

    /// Where a customer comes back to who had to approve a payment in the portal.
    pub fn payment_url(&self, payment_id: Id<Payment>) -> String {
        format!("{}/portal/payments/{payment_id}", self.public_url)
    }

    /// What checkouts are computed with.
    pub fn means(&self) -> Means<'_> {
        Means { taxes: &self.billing.taxes, geography: self.geography.as_deref() }
    }
}

/// The services outside, one of each kind.
#[derive(Debug)]
pub struct Adapters {
    /// Where files are.
    pub files: Arc<dyn FileStorage>,
    /// Who moves money.
    pub payments: Arc<dyn Processor>,
    /// The keys of who reports leaked tokens, if reports are taken.
    pub scanning_keys: Option<ScanningKeys>,
    /// Discord, if this installation is connected to it.
    pub discord: Option<Discord>,
    /// GitHub, if this installation is connected to it.
    pub github: Option<Github>,
    /// Who takes mail.
    pub mail: Arc<dyn Mailer>,
}

impl Adapters {
    /// Whether no money moves, because the sandbox plays all payments.
    pub fn are_payments_played(&self) -> bool {
        self.payments.name() == merak_adapters::payments::sandbox::NAME
    }
}
