//! Checks and coerces what a request brings, by the JSON schema of the operation itself.
//!
//! The contract was made by a validator that reports all problems of a request at once, in a
//! vocabulary of its own that clients read (`type`, `loc`, `input`, `ctx`), and that accepts more
//! than the schema says (`"12"` for an integer). A [`Shape`] is a schema compiled for that: it
//! reports the same problems in the same order and turns lax spellings into the plain ones, so
//! that serde can read the outcome strictly.
//!
//! The schema says everything, partly in extensions: `x-literal` (a closed choice that is told as
//! a literal), `x-trim` (spaces around text are dropped, blank text means null), `x-label` (how a
//! branch of a union is called in `loc`), `x-unlabelled` (none is), `x-discriminator` (which members together name the
//! branch of a union), `x-choose` (by which content a branch is meant), `x-fullest`
//! (the branch that knows most members is meant), `x-distinct` (a member that no two items share), `x-ordered` (two
//! moments of an object, of which the first must be the earlier one).

mod body;
mod check;
mod compile;
mod formats;
mod json;
mod pattern;
mod problem;
mod query;
mod scalar;
mod shape;
#[cfg(test)]
mod tests;
mod unions;

pub use body::{Body, read_body};
pub use compile::{Options, SchemaError};
pub use json::{BodyError, MAX_DEPTH, parse_json};
pub use problem::{Loc, Problem};
pub use query::query_object;
pub use shape::Shape;
