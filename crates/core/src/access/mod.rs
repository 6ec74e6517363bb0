//! Who is calling, and what they may do.
//!
//! A request resolves to one [`Actor`]. A route declares whom it [`Admits`]; [`authorize`] compares the two. Which
//! tenants an actor works for is asked with [`tenancy()`].

mod leaks;
mod tenancy;
mod tokens;

use merak_store::{ReadTx, Timestamp};

pub use self::leaks::{Leak, LeakedKind, ReportLeak, report_leak};
pub use self::tenancy::{Tenancy, require_organization, require_own_organization, tenancy};
pub use self::tokens::{
    NewToken, OAuth2AccessToken, PersonalAccessToken, Wanted, authenticate, create_organization_token,
    create_personal_access_token, get_personal_access_token, list_organization_tokens,
    list_personal_access_tokens, note_use, page_of_personal_access_tokens, revoke_token,
};
use crate::checkouts::Checkout;
use crate::customer_sessions::Vouch;
use crate::customers::{self, Customer};
use crate::kit::{Id, Result, Scope, ScopeSet};
use crate::organizations::Organization;
use crate::users::User;

/// Who a credential stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Nobody in particular.
    Anonymous,
    /// A person, with the rights of a member of their organizations.
    User(Id<User>),
    /// A seller acting as itself.
    Organization(Id<Organization>),
    /// A buyer of one organization.
    Customer(Id<Customer>),
    /// Whoever has confirmed a checkout without showing that they are the customer whose address they typed. They see what
    /// it sold, and do nothing.
    Purchase {
        /// Whose it is now.
        customer_id: Id<Customer>,
        /// What they have confirmed.
        checkout_id: Id<Checkout>,
    },
}

/// The kinds of subject a route can admit, spelled as the wire spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SubjectKind {
    /// `Anonymous`
    Anonymous,
    /// `Customer`
    Customer,
    /// `Organization`
    Organization,
    /// `User`
    User,
}

impl SubjectKind {
    /// The wire's name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Anonymous => "Anonymous",
            Self::Customer => "Customer",
            Self::Organization => "Organization",
            Self::User => "User",
        }
    }
}

impl Subject {
    /// Which kind of subject this is.
    pub const fn kind(&self) -> SubjectKind {
        match self {
            Self::Anonymous => SubjectKind::Anonymous,
            Self::User(_) => SubjectKind::User,
            Self::Organization(_) => SubjectKind::Organization,
            Self::Customer(_) | Self::Purchase { .. } => SubjectKind::Customer,
        }
    }
}

/// A resolved caller: the subject, what its credential allows, and what is known against it.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who is calling.
    pub subject: Subject,
    /// What the credential allows.
    pub scopes: ScopeSet,
    /// Set if the user or organization is blocked: every protected route refuses.
    pub is_blocked: bool,
    /// The personal access token whose "last used" time is due to be written.
    pub unnoted_token: Option<Id<PersonalAccessToken>>,
    /// Who vouches for a session of a customer. Of all others it says nothing; see [`Actor::vouch`].
    pub vouched_by: Vouch,
}

impl Actor {
    /// A caller without a credential.
    pub const ANONYMOUS: Self = Self::new(Subject::Anonymous, ScopeSet::EMPTY);

    /// A caller of whom nothing else is known.
    pub const fn new(subject: Subject, scopes: ScopeSet) -> Self {
        Self { subject, scopes, is_blocked: false, unnoted_token: None, vouched_by: Vouch::Nobody }
    }

    /// Who vouches that whoever calls is this customer.
    pub fn vouch(&self, tx: &mut ReadTx<'_>, customer_id: Id<Customer>) -> Result<Vouch> {
        match self.subject {
            Subject::Customer(id) if id == customer_id => Ok(self.vouched_by),
            Subject::User(user_id) => {
                let customer = customers::find(tx, customer_id)?;
                let is_own =
                    customer.map(|customer| customers::is_of_person(tx, &customer, user_id)).transpose()?;
                Ok(if is_own == Some(true) { Vouch::Customer } else { Vouch::Nobody })
            }
            _ => Ok(Vouch::Nobody),
        }
    }

    /// A text that tells this caller's subject from every other, for naming things that belong to it.
    pub fn name(&self) -> String {
        match self.subject {
            Subject::Anonymous => String::from("anonymous"),
            Subject::User(id) => format!("user:{id}"),
            Subject::Organization(id) => format!("organization:{id}"),
            Subject::Customer(id) => format!("customer:{id}"),
            Subject::Purchase { checkout_id, .. } => format!("purchase:{checkout_id}"),
        }
    }
}

/// Whom a route admits.
#[derive(Clone, Copy, Debug)]
pub enum Admits {
    /// Everybody; credentials are not looked at.
    Everybody,
    /// These kinds of subject, holding at least one of these scopes.
    Subjects {
        /// The kinds, sorted by name.
        kinds: &'static [SubjectKind],
        /// The scopes, any one of which is enough. `web_default` always is, and is added by [`Admits::scopes`].
        scopes: &'static [Scope],
    },
    /// The same, and who has only shown that they confirmed a checkout ([`Subject::Purchase`]) is let in as well. Such
    /// routes show nothing to them but what it sold.
    Purchases {
        /// The kinds, sorted by name.
        kinds: &'static [SubjectKind],
        /// The scopes, any one of which is enough.
        scopes: &'static [Scope],
    },
    /// As [`Admits::Subjects`], but good credentials that would not do are not refused: their bearer is taken for nobody.
    OrNobody {
        /// The kinds, sorted by name; nobody is one of them.
        kinds: &'static [SubjectKind],
        /// The scopes, any one of which is enough.
        scopes: &'static [Scope],
    },
    /// As [`Admits::Subjects`], but being signed in in a browser is not enough: one of just these scopes is needed. If none is named,
    /// every good credential will do.
    Exactly {
        /// The kinds, sorted by name.
        kinds: &'static [SubjectKind],
        /// The scopes, any one of which is enough.
        scopes: &'static [Scope],
    },
}

/// Merchant routes: a user or an organization.
pub const MERCHANTS: &[SubjectKind] = &[SubjectKind::Organization, SubjectKind::User];
/// Routes of the customer portal: a buyer, or a user for all customers linked to them.
pub const BUYERS: &[SubjectKind] = &[SubjectKind::Customer, SubjectKind::User];
/// Routes for people only.
pub const USERS: &[SubjectKind] = &[SubjectKind::User];

impl Admits {
    /// The kinds of subject, sorted by name; none if credentials are not looked at.
    pub const fn kinds(&self) -> &'static [SubjectKind] {
        match self {
            Self::Everybody => &[],
            Self::Subjects { kinds, .. }
            | Self::Purchases { kinds, .. }
            | Self::OrNobody { kinds, .. }
            | Self::Exactly { kinds, .. } => kinds,
        }
    }

    /// Every scope that would do, sorted by name, the interactive one included where it would.
    pub fn scopes(&self) -> Vec<Scope> {
        let mut all = match self {
            Self::Everybody => Vec::new(),
            Self::Subjects { scopes, .. }
            | Self::Purchases { scopes, .. }
            | Self::OrNobody { scopes, .. }
            | Self::Exactly { scopes, .. } => scopes.to_vec(),
        };
        if !matches!(self, Self::Everybody | Self::Exactly { .. }) {
            all.push(Scope::WebDefault);
        }
        all.sort_by_key(|scope| scope.as_str());
        all
    }

    /// Whether callers without a credential are let in.
    pub fn admits_anonymous(&self) -> bool {
        matches!(self, Self::Everybody) || self.kinds().contains(&SubjectKind::Anonymous)
    }

    /// Whether customer session tokens are looked up for this route.
    pub fn admits_customers(&self) -> bool {
        self.kinds().contains(&SubjectKind::Customer)
    }
}

/// Why a caller is not let in. The wire has its own bodies for these, so they are no [`crate::kit::Refusal`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denied {
    /// No credential on a protected route.
    Unauthenticated,
    /// A credential that is unknown, expired or revoked.
    InvalidToken,
    /// A good credential of a kind of subject the route does not admit.
    WrongSubject(&'static [SubjectKind]),
    /// A session that is bound to one checkout, where more than that checkout is shown or something is changed.
    BoundToPurchase,
    /// None of the scopes that would do.
    InsufficientScope(Vec<Scope>),
    /// A blocked user or organization.
    Blocked,
}

/// Compares a caller with a route: block, then subject, then how far it reaches, then scope.
pub fn authorize(actor: &Actor, admits: &Admits) -> std::result::Result<(), Denied> {
    if matches!(admits, Admits::Everybody) {
        return Ok(());
    }
    let (kinds, wanted) = (admits.kinds(), admits.scopes());
    let kind = actor.subject.kind();
    if kind == SubjectKind::Anonymous {
        return if kinds.contains(&kind) { Ok(()) } else { Err(Denied::Unauthenticated) };
    }
    if actor.is_blocked {
        return Err(Denied::Blocked);
    }
    if !kinds.contains(&kind) {
        return Err(Denied::WrongSubject(kinds));
    }
    if matches!(actor.subject, Subject::Purchase { .. }) && !matches!(admits, Admits::Purchases { .. }) {
        return Err(Denied::BoundToPurchase);
    }
    if wanted.is_empty() || actor.scopes.contains_any(&wanted) {
        Ok(())
    } else {
        Err(Denied::InsufficientScope(wanted))
    }
}

/// Whether something that may carry an end is still alive: valid means that the end lies in the future.
fn is_alive(expires_at: Option<Timestamp>, now: Timestamp) -> bool {
    expires_at.is_none_or(|end| end > now)
}
