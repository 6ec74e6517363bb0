//! Scopes: what the holder of a token may do.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::UnknownText;
use super::text_enum::{text_enum, undecodable};

text_enum! {
    /// One thing that a subject may do, by the contract's name and in the contract's order.
    ///
    /// No scope implies another: a route that a writer may read lists both.
    pub enum Scope {
        /// Sign you in.
        OpenId = "openid",
        /// See your name and picture.
        Profile = "profile",
        /// See your e-mail address.
        Email = "email",
        /// See your account.
        UserRead = "user:read",
        /// Administer this installation.
        Admin = "admin",
        /// Use the dashboard.
        WebDefault = "web_default",
        /// See your organizations.
        OrganizationsRead = "organizations:read",
        /// Create and change your organizations.
        OrganizationsWrite = "organizations:write",
        /// See custom fields.
        CustomFieldsRead = "custom_fields:read",
        /// Create and change custom fields.
        CustomFieldsWrite = "custom_fields:write",
        /// See discounts.
        DiscountsRead = "discounts:read",
        /// Create and change discounts.
        DiscountsWrite = "discounts:write",
        /// See checkout links.
        CheckoutLinksRead = "checkout_links:read",
        /// Create and change checkout links.
        CheckoutLinksWrite = "checkout_links:write",
        /// See checkouts.
        CheckoutsRead = "checkouts:read",
        /// Create and change checkouts.
        CheckoutsWrite = "checkouts:write",
        /// See products.
        ProductsRead = "products:read",
        /// Create and change products.
        ProductsWrite = "products:write",
        /// See benefits.
        BenefitsRead = "benefits:read",
        /// Create and change benefits.
        BenefitsWrite = "benefits:write",
        /// See files.
        FilesRead = "files:read",
        /// Create and change files.
        FilesWrite = "files:write",
        /// See subscriptions.
        SubscriptionsRead = "subscriptions:read",
        /// Create and change subscriptions.
        SubscriptionsWrite = "subscriptions:write",
        /// See customers.
        CustomersRead = "customers:read",
        /// Create and change customers.
        CustomersWrite = "customers:write",
        /// Open portal sessions for your customers.
        CustomerSessionsWrite = "customer_sessions:write",
        /// See orders.
        OrdersRead = "orders:read",
        /// See the figures of your organizations.
        MetricsRead = "metrics:read",
        /// See webhook endpoints and deliveries.
        WebhooksRead = "webhooks:read",
        /// Create and change webhook endpoints.
        WebhooksWrite = "webhooks:write",
        /// See linked GitHub organizations.
        ExternalOrganizationsRead = "external_organizations:read",
        /// See license keys.
        LicenseKeysRead = "license_keys:read",
        /// Create and change license keys.
        LicenseKeysWrite = "license_keys:write",
        /// See linked repositories.
        RepositoriesRead = "repositories:read",
        /// Change linked repositories.
        RepositoriesWrite = "repositories:write",
        /// See issues of linked repositories.
        IssuesRead = "issues:read",
        /// Change issues of linked repositories.
        IssuesWrite = "issues:write",
        /// See what a customer owns in the portal.
        CustomerPortalRead = "customer_portal:read",
        /// Act for a customer in the portal.
        CustomerPortalWrite = "customer_portal:write",
    }
}

impl Scope {
    /// The scopes that may be put on a token: all but the two that only this server gives.
    pub const GRANTABLE: [Self; 38] = grantable();

    /// Whether it may be put on a token.
    pub const fn is_grantable(self) -> bool {
        !matches!(self, Self::Admin | Self::WebDefault)
    }

    /// What it lets a program do, for the page that asks a person for consent.
    pub const fn label(self) -> &'static str {
        match self {
            Self::OpenId => "Sign you in",
            Self::Profile => "See your name and picture",
            Self::Email => "See your e-mail address",
            Self::UserRead => "See your account",
            Self::Admin => "Administer this installation",
            Self::WebDefault => "Use the dashboard",
            Self::OrganizationsRead => "See your organizations",
            Self::OrganizationsWrite => "Create and change your organizations",
            Self::CustomFieldsRead => "See custom fields",
            Self::CustomFieldsWrite => "Create and change custom fields",
            Self::DiscountsRead => "See discounts",
            Self::DiscountsWrite => "Create and change discounts",
            Self::CheckoutLinksRead => "See checkout links",
            Self::CheckoutLinksWrite => "Create and change checkout links",
            Self::CheckoutsRead => "See checkouts",
            Self::CheckoutsWrite => "Create and change checkouts",
            Self::ProductsRead => "See products",
            Self::ProductsWrite => "Create and change products",
            Self::BenefitsRead => "See benefits",
            Self::BenefitsWrite => "Create and change benefits",
            Self::FilesRead => "See files",
            Self::FilesWrite => "Create and change files",
            Self::SubscriptionsRead => "See subscriptions",
            Self::SubscriptionsWrite => "Create and change subscriptions",
            Self::CustomersRead => "See customers",
            Self::CustomersWrite => "Create and change customers",
            Self::CustomerSessionsWrite => "Open portal sessions for your customers",
            Self::OrdersRead => "See orders",
            Self::MetricsRead => "See the figures of your organizations",
            Self::WebhooksRead => "See webhook endpoints and deliveries",
            Self::WebhooksWrite => "Create and change webhook endpoints",
            Self::ExternalOrganizationsRead => "See linked GitHub organizations",
            Self::LicenseKeysRead => "See license keys",
            Self::LicenseKeysWrite => "Create and change license keys",
            Self::RepositoriesRead => "See linked repositories",
            Self::RepositoriesWrite => "Change linked repositories",
            Self::IssuesRead => "See issues of linked repositories",
            Self::IssuesWrite => "Change issues of linked repositories",
            Self::CustomerPortalRead => "See what a customer owns in the portal",
            Self::CustomerPortalWrite => "Act for a customer in the portal",
        }
    }

    const fn bit(self) -> u64 {
        1 << self as u32
    }
}

const fn grantable() -> [Scope; 38] {
    let mut list = [Scope::OpenId; 38];
    let (mut from, mut to) = (0, 0);
    while from < Scope::ALL.len() {
        if Scope::ALL[from].is_grantable() {
            list[to] = Scope::ALL[from];
            to += 1;
        }
        from += 1;
    }
    list
}

/// A set of scopes. Its text is the scopes in the contract's order with a space between, as OAuth2 writes
/// them; that is how it is stored.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ScopeSet(u64);

impl ScopeSet {
    /// No scope.
    pub const EMPTY: Self = Self(0);

    /// The set of these scopes.
    pub const fn of(scopes: &[Scope]) -> Self {
        let mut bits = 0;
        let mut index = 0;
        while index < scopes.len() {
            bits |= scopes[index].bit();
            index += 1;
        }
        Self(bits)
    }

    /// Every scope that may be put on a token.
    pub const fn grantable() -> Self {
        Self::of(&Scope::GRANTABLE)
    }

    /// Adds a scope.
    pub fn insert(&mut self, scope: Scope) {
        self.0 |= scope.bit();
    }

    /// Whether `scope` is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Whether at least one of `scopes` is in the set, which is what a route asks for.
    pub const fn contains_any(self, scopes: &[Scope]) -> bool {
        self.0 & Self::of(scopes).0 != 0
    }

    /// Whether everything in this set is in `other` too.
    pub const fn is_subset(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether there is no scope in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many scopes are in it.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// The scopes in the contract's order.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for ScopeSet {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::EMPTY;
        for scope in scopes {
            set.insert(scope);
        }
        set
    }
}

impl fmt::Display for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ScopeSet({self})")
    }
}

/// Any white space separates, order and repetition do not matter, an empty text is the empty set.
impl FromStr for ScopeSet {
    type Err = UnknownText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split_ascii_whitespace().map(Scope::from_str).collect()
    }
}

impl Serialize for ScopeSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ScopeSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Cow::<'de, str>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Param for ScopeSet {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Owned(self.to_string()))
    }
}

impl Column for ScopeSet {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        cell.text()?.parse().map_err(undecodable)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn there_are_forty_scopes_and_two_are_reserved() {
        assert_eq!(Scope::ALL.len(), 40);
        let reserved: Vec<_> = Scope::ALL.iter().filter(|scope| !scope.is_grantable()).collect();
        assert_eq!(reserved, [&Scope::Admin, &Scope::WebDefault]);
        assert_eq!(Scope::GRANTABLE.first(), Some(&Scope::OpenId));
        assert_eq!(Scope::GRANTABLE.last(), Some(&Scope::CustomerPortalWrite));
        assert_eq!(ScopeSet::grantable().len(), 38);
        assert!(!ScopeSet::grantable().contains_any(&[Scope::Admin, Scope::WebDefault]));
    }

    #[test]
    fn labels_are_different_sentences() {
        let labels: std::collections::BTreeSet<_> = Scope::ALL.iter().map(|scope| scope.label()).collect();
        assert_eq!(labels.len(), 40);
        assert!(labels.iter().all(|label| label.starts_with(char::is_uppercase) && !label.ends_with('.')));
    }

    #[test]
    fn the_order_and_repetition_of_the_text_do_not_matter() {
        let set: ScopeSet = "  license_keys:write openid\tlicense_keys:write ".parse().unwrap();
        assert_eq!(set.to_string(), "openid license_keys:write");
        assert_eq!("".parse(), Ok(ScopeSet::EMPTY));
        assert_eq!("openid orders:write".parse::<ScopeSet>().unwrap_err().text, "orders:write");
    }

    #[test]
    fn one_of_the_scopes_of_a_route_is_enough() {
        let set = ScopeSet::of(&[Scope::LicenseKeysRead]);
        assert!(set.contains_any(&[Scope::LicenseKeysWrite, Scope::LicenseKeysRead]));
        assert!(!set.contains_any(&[Scope::LicenseKeysWrite]));
        assert!(!set.contains_any(&[]));
        assert!(ScopeSet::EMPTY.is_subset(set) && !ScopeSet::grantable().is_subset(set));
    }

    proptest! {
        #[test]
        fn a_set_is_read_back_from_its_text(bits in 0u64..1 << 40) {
            let set = ScopeSet(bits);
            prop_assert_eq!(set.to_string().parse::<ScopeSet>().unwrap(), set);
            prop_assert_eq!(set.iter().collect::<ScopeSet>(), set);
            prop_assert_eq!(set.iter().count(), set.len());
        }
    }
}
