//! Small shared values: ids, texts with a format, tokens, pages, and the one way of refusing.
//!
//! Nothing in here knows a noun of the shop. A value checks itself when it is made, so that the nouns may
//! rely on it, and knows how the store keeps it.

pub mod address;
pub mod avatar;
pub mod by_id;
pub mod calendar;
pub mod country;
pub mod email;
pub(crate) mod hex;
pub mod id;
pub mod imported;
pub mod lax;
pub mod metadata;
pub mod moment;
pub mod money;
pub mod name;
pub mod page;
pub mod patch;
pub mod refusal;
pub mod scope;
pub mod seal;
pub mod search;
pub mod slug;
pub mod sorting;
pub mod state;
pub mod tax_id;
pub mod text_enum;
pub mod token;
pub mod url;

pub use address::Address;
pub use by_id::{ById, distinct};
pub use calendar::Timeframe;
pub use country::Country;
pub use email::{Email, EmailProblem, EmailRules};
pub use id::Id;
pub use imported::Imported;
pub use metadata::{Metadata, MetadataProblem, MetadataValue};
pub use moment::Moment;
pub use money::{Cents, Currency};
pub use name::LONGEST_NAME;
pub use page::{Page, Paged};
pub use patch::Patch;
pub use refusal::{FieldProblem, Kind, Loc, Place, Refusal, Refuses, Result, at};
pub use scope::{Scope, ScopeSet};
pub use seal::{Purpose, read_note, sign};
pub use search::contains_pattern;
pub use slug::{Slug, SlugProblem};
pub use sorting::{Sort, SortProperty, order, order_by};
pub use state::State;
pub use tax_id::{TaxId, TaxIdFormat};
pub use text_enum::UnknownText;
pub use token::{InstanceSecret, Token, TokenHash, TokenKind};
pub use url::{UrlProblem, WebUrl};

pub(crate) use name::problem_of_name;
pub(crate) use sorting::sort_properties;
pub(crate) use text_enum::text_enum;
