//! What was wrong with a request, in the vocabulary the clients know.

use std::borrow::Cow;

use merak_core::kit::lax::LaxProblem;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

/// One step of the path from the request to the offending value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(untagged)]
pub enum Loc {
    /// A part of the request (`body`, `query`), a member's name or the name of a union's branch.
    Field(String),
    /// A position in a list, or the character offset of malformed JSON.
    Index(usize),
}

impl From<&str> for Loc {
    fn from(name: &str) -> Self {
        Self::Field(name.to_owned())
    }
}

impl From<String> for Loc {
    fn from(name: String) -> Self {
        Self::Field(name)
    }
}

impl From<usize> for Loc {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// One problem of a request, as an element of the `detail` list of a 422 answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    /// The machine-readable kind, `type` on the wire.
    pub kind: &'static str,
    /// Where the offending value stands.
    pub loc: Vec<Loc>,
    /// A sentence for the person who called.
    pub msg: String,
    /// The offending value as it was sent; the enclosing object when a member is missing.
    pub input: Value,
    /// The parameters of the rule, for rules that have some.
    pub ctx: Option<Value>,
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let members = if self.ctx.is_some() { 5 } else { 4 };
        let mut problem = serializer.serialize_struct("Problem", members)?;
        problem.serialize_field("type", self.kind)?;
        problem.serialize_field("loc", &self.loc)?;
        problem.serialize_field("msg", &self.msg)?;
        problem.serialize_field("input", &self.input)?;
        if let Some(ctx) = &self.ctx {
            problem.serialize_field("ctx", ctx)?;
        }
        problem.end()
    }
}

/// A broken rule before it is known where in the request it was broken.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fault {
    pub(super) kind: &'static str,
    pub(super) msg: Cow<'static, str>,
    pub(super) ctx: Option<Value>,
}

impl Fault {
    /// A rule without parameters.
    pub(super) const fn plain(kind: &'static str, msg: &'static str) -> Self {
        Self { kind, msg: Cow::Borrowed(msg), ctx: None }
    }

    /// A rule whose parameters the client is told.
    pub(super) fn with(kind: &'static str, msg: String, ctx: Value) -> Self {
        Self { kind, msg: Cow::Owned(msg), ctx: Some(ctx) }
    }

    /// A rule of our own that no general kind describes. The empty `error` object is what the
    /// reference sends in the place of an exception.
    pub(super) fn custom(sentence: &str) -> Self {
        Self::with("value_error", format!("Value error, {sentence}"), json!({"error": {}}))
    }

    /// Text that could not be read, with the reason.
    pub(super) fn unreadable(kind: &'static str, what: &str, reason: &str) -> Self {
        Self::with(kind, format!("Input should be a valid {what}, {reason}"), json!({"error": reason}))
    }

    pub(super) const MISSING: Self = Self::plain("missing", "Field required");

    /// The fault at its place.
    pub(super) fn at(self, loc: Vec<Loc>, input: Value) -> Problem {
        Problem { kind: self.kind, loc, msg: self.msg.into_owned(), input, ctx: self.ctx }
    }
}

impl From<LaxProblem> for Fault {
    fn from(problem: LaxProblem) -> Self {
        Self::plain(problem.kind, problem.message)
    }
}

/// A path that lives on the stack while values are visited, so that accepted members cost no
/// allocation; it becomes a list of [`Loc`] only when there is a problem to report.
#[derive(Clone, Copy)]
pub(super) enum Trail<'t> {
    Root,
    Field(&'t Trail<'t>, &'t str),
    Index(&'t Trail<'t>, usize),
}

impl<'t> Trail<'t> {
    pub(super) const fn field(&'t self, name: &'t str) -> Self {
        Self::Field(self, name)
    }

    pub(super) const fn index(&'t self, index: usize) -> Self {
        Self::Index(self, index)
    }

    fn append_to(&self, loc: &mut Vec<Loc>) {
        match self {
            Self::Root => {}
            Self::Field(parent, name) => {
                parent.append_to(loc);
                loc.push(Loc::from(*name));
            }
            Self::Index(parent, index) => {
                parent.append_to(loc);
                loc.push(Loc::Index(*index));
            }
        }
    }
}

/// How many problems of one request are told. Without a limit a long list of wrong items would
/// make an answer many times as large as the request.
const MAX_PROBLEMS: usize = 1000;

/// Where the problems of one check are collected.
pub(super) struct Report<'r> {
    pub(super) base: &'r [Loc],
    /// Whether a missing member is told with the object around it, as in bodies, or with null, as
    /// in queries and paths.
    pub(super) echo_enclosing: bool,
    pub(super) problems: &'r mut Vec<Problem>,
}

impl Report<'_> {
    pub(super) fn push(&mut self, trail: &Trail<'_>, fault: Fault, input: Value) {
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let mut loc = self.base.to_vec();
        trail.append_to(&mut loc);
        self.problems.push(fault.at(loc, input));
    }

    /// Runs `check` with an empty list of problems of its own and hands back what it found.
    pub(super) fn aside(&mut self, check: impl FnOnce(&mut Report<'_>)) -> Vec<Problem> {
        let mut problems = Vec::new();
        check(&mut Report { base: self.base, echo_enclosing: self.echo_enclosing, problems: &mut problems });
        problems
    }
}

/// Lists choices as the clients know them: `'a', 'b' or 'c'`.
pub(super) fn choices<S: AsRef<str>>(quoted: &[S]) -> String {
    match quoted {
        [] => String::new(),
        [only] => only.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} or {}", head.join(", "), last.as_ref())
        }
    }
}

/// `"1 character"`, `"3 characters"`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
