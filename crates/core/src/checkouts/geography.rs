//! What an installation knows that checkouts are computed with.

use std::fmt::Debug;
use std::net::IpAddr;

use super::Checkout;
use crate::kit::{Address, Country};
use crate::taxes::Taxes;

/// Who knows in which country an address of the network is. No such knowledge comes with Merak: an installation without
/// any leaves the country to the buyer.
pub trait Geography: Debug + Send + Sync {
    /// The country, if it is known. It must not wait.
    fn country_of(&self, address: IpAddr) -> Option<Country>;
}

/// What checkouts are computed with.
#[derive(Clone, Copy, Debug)]
pub struct Means<'m> {
    /// Who knows what tax there is.
    pub taxes: &'m Taxes,
    /// Who knows where buyers are, if anybody does.
    pub geography: Option<&'m dyn Geography>,
}

impl Means<'_> {
    /// Gives a checkout without a billing address the country that its buyer seems to be in.
    pub(super) fn locate(&self, checkout: &mut Checkout) {
        if checkout.customer_billing_address.is_some() {
            return;
        }
        let address = checkout.customer_ip_address.as_deref().and_then(|address| address.parse().ok());
        let country = self.geography.zip(address).and_then(|(geography, ip)| geography.country_of(ip));
        checkout.customer_billing_address = country.map(Address::in_country);
    }
}
