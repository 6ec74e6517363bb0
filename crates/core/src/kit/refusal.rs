//! The one way in which the core says no.
//!
//! A noun has its own error enum, whose sentences are written for the caller; it says of what [`Kind`] each
//! is by [`Refuses`] and becomes a [`Refusal`] by `?`. The server knows status and wire name of each kind.

use std::borrow::Cow;

use serde_json::Value;

/// What commands and queries return.
pub type Result<T> = std::result::Result<T, Refusal>;

/// What sort of no it is. The set is closed because the official clients know the names made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request is understood and cannot be served as it stands.
    BadRequest,
    /// A payment was declined.
    Payment,
    /// Nobody is signed in, or the credential of a private flow is unknown.
    Unauthenticated,
    /// The caller is known and may not.
    NotPermitted,
    /// The subscription has been canceled before.
    AlreadyCanceled,
    /// The subscription is in no state in which its price can change.
    SubscriptionNotActive,
    /// Something is to be paid for now, and there is nothing to pay it with.
    MissingPaymentMethod,
    /// There is no invoice of this order.
    InvoiceNotAvailable,
    /// The checkout has left its open state.
    CheckoutNotOpen,
    /// There is no such thing, or none that this caller may see.
    NotFound,
    /// There is such a thing already.
    AlreadyExists,
    /// It was there and is over.
    Gone,
    /// Fields of the request break a rule.
    Invalid,
    /// Properties of a benefit break a rule of its type.
    BenefitPropertiesInvalid,
    /// The sign-in code of a customer is wrong or too old.
    SessionCodeInvalid,
    /// The seller's GitHub connection ended and cannot be renewed.
    GithubTokenExpired,
    /// GitHub does not renew the seller's connection.
    GithubRefreshRefused,
    /// The GitHub app is installed nowhere that the seller can reach.
    GithubNotInstalled,
}

/// A no, with its reason.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A rule of the shop.
    #[error("{message}")]
    Rule {
        /// What sort of no it is.
        kind: Kind,
        /// A sentence for the caller.
        message: String,
    },
    /// Fields that break a rule which the schema cannot know.
    #[error("the request has {} invalid field(s)", .0.len())]
    Invalid(Vec<FieldProblem>),
    /// Properties of a benefit that break a rule of its type.
    #[error("the benefit has {} invalid property(ies)", .0.len())]
    BenefitPropertiesInvalid(Vec<FieldProblem>),
    /// The database did not do its part.
    #[error(transparent)]
    Store(#[from] merak_store::Error),
}

impl Refusal {
    /// A rule of the shop says no.
    pub fn rule(kind: Kind, message: impl Into<String>) -> Self {
        Self::Rule { kind, message: message.into() }
    }

    /// There is no such thing, or none that this caller may see.
    pub fn not_found() -> Self {
        Self::rule(Kind::NotFound, "Not found")
    }

    /// The caller is known and may not.
    pub fn not_permitted(message: impl Into<String>) -> Self {
        Self::rule(Kind::NotPermitted, message)
    }

    /// The request is understood and cannot be served as it stands.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::rule(Kind::BadRequest, message)
    }

    /// Nobody is signed in.
    pub fn unauthorized() -> Self {
        Self::rule(Kind::Unauthenticated, "Unauthorized")
    }

    /// It was there and is over.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::rule(Kind::Gone, message)
    }

    /// One field breaks a rule.
    pub fn invalid(problem: FieldProblem) -> Self {
        Self::Invalid(vec![problem])
    }

    /// Several fields break rules.
    pub fn invalid_all(problems: Vec<FieldProblem>) -> Self {
        Self::Invalid(problems)
    }

    /// Everything it says to a person, without the places in a request.
    pub fn sentences(&self) -> String {
        match self {
            Self::Invalid(problems) | Self::BenefitPropertiesInvalid(problems) => {
                problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join(" ")
            }
            Self::Rule { message, .. } => message.clone(),
            Self::Store(error) => error.to_string(),
        }
    }

    /// What sort of no it is; none for an error of the store, which is nobody's fault who called.
    pub fn kind(&self) -> Option<Kind> {
        match self {
            Self::Rule { kind, .. } => Some(*kind),
            Self::Invalid(_) => Some(Kind::Invalid),
            Self::BenefitPropertiesInvalid(_) => Some(Kind::BenefitPropertiesInvalid),
            Self::Store(_) => None,
        }
    }
}

/// An error enum of a noun, whose `Display` is the sentence for the caller.
///
/// `?` turns it into a [`Refusal`]. That one conversion serves every implementor: the trait is ours, so the
/// compiler knows that the store's error does not implement it.
pub trait Refuses: std::error::Error {
    /// What sort of no it is.
    fn kind(&self) -> Kind;
}

impl<E: Refuses> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::rule(error.kind(), error.to_string())
    }
}

/// One field that breaks a rule, as the wire's list of problems shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldProblem {
    /// The machine-readable kind, `type` on the wire.
    pub kind: &'static str,
    /// The way to the field.
    pub loc: Vec<Loc>,
    /// A sentence for the caller, `msg` on the wire.
    pub message: String,
    /// The value that was refused.
    pub input: Value,
}

/// One step of the way to a field.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(untagged)]
pub enum Loc {
    /// A part of the request or a member of an object.
    Field(Cow<'static, str>),
    /// An element of a list.
    Index(usize),
}

/// A place in the request: `at("body").field("attached_custom_fields").index(0)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place(Vec<Loc>);

/// Begins a place: `part` is `body`, `query`, `path`, `header` or `cookie`.
pub fn at(part: &'static str) -> Place {
    Place(vec![Loc::Field(Cow::Borrowed(part))])
}

impl Place {
    /// The member `name` of this place.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.0.push(Loc::Field(name.into()));
        self
    }

    /// The element `index` of this place.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push(Loc::Index(index));
        self
    }

    /// What is wrong here; `kind` is the machine-readable `type` of the wire.
    pub fn problem(
        self,
        kind: &'static str,
        message: impl Into<String>,
        input: impl Into<Value>,
    ) -> FieldProblem {
        FieldProblem { kind, loc: self.0, message: message.into(), input: input.into() }
    }

    /// What is wrong here, of the kind that most rules of the shop have: `value_error`.
    pub fn value_error(self, message: impl Into<String>, input: impl Into<Value>) -> FieldProblem {
        self.problem("value_error", message, input)
    }

    /// The steps of the way.
    pub fn into_loc(self) -> Vec<Loc> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Sample {
        #[error("All {0} seats are taken.")]
        Full(u32),
    }

    impl Refuses for Sample {
        fn kind(&self) -> Kind {
            match self {
                Self::Full(_) => Kind::NotPermitted,
            }
        }
    }

    #[test]
    fn the_error_of_a_noun_becomes_a_refusal_with_its_sentence() {
        fn command() -> Result<()> {
            Err(Sample::Full(3))?
        }
        let refusal = command().unwrap_err();
        assert_eq!(refusal.kind(), Some(Kind::NotPermitted));
        assert_eq!(refusal.to_string(), "All 3 seats are taken.");
    }

    #[test]
    fn an_error_of_the_store_has_no_kind() {
        fn query() -> Result<()> {
            Err(merak_store::Error::Busy)?
        }
        assert_eq!(query().unwrap_err().kind(), None);
    }

    #[test]
    fn a_place_is_built_step_by_step() {
        let problem = at("body").field("prices").index(2).field("amount").value_error("Too much.", 7);
        assert_eq!(serde_json::to_value(&problem.loc).unwrap(), json!(["body", "prices", 2, "amount"]));
        assert_eq!((problem.kind, problem.input), ("value_error", json!(7)));
    }
}
