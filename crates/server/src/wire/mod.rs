//! The grammar of the contract: what requests and answers look like on the wire.
//!
//! A route is declared once ([`route`]) and gives the entry of the router, the access rule and the operation of the
//! OpenAPI document. Requests are checked by their own schema ([`validation`]) before serde reads them.

mod answer;
pub mod cookie;
pub mod described;
pub mod flow;
mod list;
mod long;
pub mod openapi;
pub mod request;
pub mod route;
pub mod router;
mod stream;
pub mod validation;

pub use answer::{
    Accepted, Answer, Created, Found, Json, NoContent, Reply, SeeOther, TemporaryRedirect, Text,
};
pub use cookie::Origins;
pub use described::{
    Components, Described, Given, JsonObject, Seconds, nullable, object, one_of_named, reference,
};
pub(crate) use described::{answer, request};
pub use flow::{Finishing, Flow};
pub(crate) use list::sorting;
pub use list::{ListResource, Many, Pagination, first_page, page, parse_sorts, sorts, usual_limit};
pub use long::{Appearance, Long, Part};
pub use route::{Call, Nothing, Operation, Served, Unit};
pub use stream::Listening;
