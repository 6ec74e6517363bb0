//! What a compiled schema is made of.

use serde_json::{Map, Value};

use super::body::Body;
use super::compile::{Compiler, Options, SchemaError};
use super::problem::{Fault, Loc, Problem, Report, Trail};
use super::scalar::{Choice, Decimal, Integer, Text};

/// A JSON schema, compiled so that values can be checked against it.
#[derive(Debug)]
pub struct Shape {
    pub(super) root: Node,
}

impl Shape {
    /// Compiles `schema`, whose `$ref`s point into `components` (`#/components/schemas`), with the
    /// default options.
    ///
    /// It errs when the schema uses something that could not be checked; our own schemas are
    /// compiled at start and in tests, so that is seen early.
    pub fn compile(schema: &Value, components: &Map<String, Value>) -> Result<Self, SchemaError> {
        Self::compile_with(schema, components, Options::default())
    }

    /// Like [`Shape::compile`], with options.
    pub fn compile_with(
        schema: &Value,
        components: &Map<String, Value>,
        options: Options,
    ) -> Result<Self, SchemaError> {
        let root = Compiler::new(components, options).compile(schema)?;
        Ok(Self { root })
    }

    /// Checks `value`, which stands at `loc` of a body, and gives it in its plain spelling.
    ///
    /// Problems are appended in the order in which the schema declares the members. If there are
    /// any, the value that comes back means nothing.
    pub fn check(&self, mut value: Value, loc: &[Loc], problems: &mut Vec<Problem>) -> Value {
        let mut report = Report { base: loc, echo_enclosing: true, problems };
        self.root.visit(&mut value, &Trail::Root, &mut report);
        value
    }

    /// Checks a whole body. An absent body and the literal null are the same thing: missing,
    /// unless the schema admits null.
    pub fn check_body(&self, body: Body, problems: &mut Vec<Problem>) -> Value {
        let loc = [Loc::from("body")];
        let value = match body {
            Body::Absent => Value::Null,
            Body::Json(value) => value,
            Body::Other(text) => Value::String(text),
        };
        if value.is_null() {
            if !self.root.admits_null() {
                problems.push(Fault::MISSING.at(loc.to_vec(), Value::Null));
            }
            return Value::Null;
        }
        self.check(value, &loc, problems)
    }

    /// Checks the parameters of the query or the path, given as one object. `part` is the first
    /// element of each `loc`: `query` or `path`.
    pub fn check_parameters(&self, mut value: Value, part: &str, problems: &mut Vec<Problem>) -> Value {
        let loc = [Loc::from(part)];
        let mut report = Report { base: &loc, echo_enclosing: false, problems };
        self.root.visit(&mut value, &Trail::Root, &mut report);
        value
    }

    /// Whether the member `name` of this object takes a list; `None` if there is no such member.
    pub(super) fn takes_list(&self, name: &str) -> Option<bool> {
        let Node::Object(object) = &self.root else { return None };
        let member = object.members.iter().find(|member| member.name == name)?;
        Some(member.node.takes_list())
    }
}

/// One place of a schema.
#[derive(Debug)]
pub(super) enum Node {
    /// Any JSON.
    Any,
    /// Only null.
    Null,
    /// Null or what stands inside.
    Nullable(Box<Node>),
    Boolean,
    Integer(Integer),
    Decimal(Decimal),
    Text(Text),
    Choice(Choice),
    Object(Object),
    Dictionary(Box<Dictionary>),
    List(Box<List>),
    /// A list that may also be given as its only item. Query filters are like that.
    OneOrMany(Box<List>),
    Tuple(Vec<Node>),
    Tagged(Tagged),
    Union(Union),
}

impl Node {
    pub(super) fn admits_null(&self) -> bool {
        matches!(self, Self::Any | Self::Null | Self::Nullable(_))
    }

    fn takes_list(&self) -> bool {
        match self {
            Self::Nullable(node) => node.takes_list(),
            Self::List(_) | Self::OneOrMany(_) | Self::Tuple(_) => true,
            Self::Union(union) => union.branches.iter().any(|branch| branch.node.takes_list()),
            _ => false,
        }
    }
}

/// An object with known members; others are dropped.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) members: Vec<Member>,
    /// Two moments of which the first must be the earlier one, if both are given.
    pub(super) ordered: Option<[String; 2]>,
}

impl Object {
    pub(super) fn member(&self, name: &str) -> Option<&Member> {
        self.members.iter().find(|member| member.name == name)
    }

    pub(super) fn has_all_required(&self, object: &Map<String, Value>) -> bool {
        self.members.iter().all(|member| !member.is_required || object.contains_key(&member.name))
    }
}

#[derive(Debug)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) node: Node,
    pub(super) is_required: bool,
}

/// An object whose members the caller names.
#[derive(Debug)]
pub(super) struct Dictionary {
    pub(super) key: Text,
    pub(super) value: Node,
    pub(super) min: usize,
    pub(super) max: Option<usize>,
}

#[derive(Debug)]
pub(super) struct List {
    pub(super) item: Node,
    pub(super) min: usize,
    pub(super) max: Option<usize>,
    /// A member of the items, of which no two may be equal.
    pub(super) distinct: Option<String>,
}

/// A union whose branch is named by the object itself.
#[derive(Debug)]
pub(super) struct Tagged {
    /// The members whose values name the branch, joined by dots.
    pub(super) tag: Vec<TagPart>,
    /// Whether each missing member is told by itself, as a missing member.
    pub(super) tells_missing: bool,
    pub(super) branches: Vec<TaggedBranch>,
}

/// A member whose value is part of the name of a branch.
#[derive(Debug)]
pub(super) struct TagPart {
    pub(super) property: String,
    /// Values that are called otherwise in the name.
    pub(super) classes: Vec<(String, String)>,
    /// What all other values are called, if not by themselves.
    pub(super) others: Option<String>,
}

#[derive(Debug)]
pub(super) struct TaggedBranch {
    pub(super) tags: Vec<String>,
    pub(super) node: Node,
}

/// A union without a discriminator.
#[derive(Debug)]
pub(super) struct Union {
    pub(super) branches: Vec<Branch>,
    /// Members that are a closed choice in every branch: together they tell which branch is meant.
    pub(super) tags: Vec<String>,
    /// What the content tells of the branch; the first that applies counts, and if none does, the tags.
    pub(super) choices: Vec<BranchChoice>,
    /// Whether the branch is left out of `loc`.
    pub(super) is_unlabelled: bool,
    /// Whether of the branches that accept an object the one counts that knows most of its members; the later among
    /// equals.
    pub(super) takes_fullest: bool,
}

/// A content by which a branch is meant.
#[derive(Debug)]
pub(super) struct BranchChoice {
    /// Places in the value and what stands there; none for anything but null.
    pub(super) content: Vec<(String, Option<Value>)>,
    /// The branch.
    pub(super) branch: usize,
}

impl BranchChoice {
    pub(super) fn applies(&self, value: &Value) -> bool {
        self.content.iter().all(|(place, expected)| {
            let given = value.pointer(place).filter(|given| !given.is_null());
            match expected {
                Some(expected) => given == Some(expected),
                None => given.is_some(),
            }
        })
    }
}

#[derive(Debug)]
pub(super) struct Branch {
    /// How the branch is called in `loc`.
    pub(super) label: String,
    pub(super) node: Node,
}

impl Union {
    /// A union of plain types, which need no telling apart.
    pub(super) fn of_types(branches: Vec<Branch>) -> Self {
        Self { branches, tags: Vec::new(), choices: Vec::new(), is_unlabelled: false, takes_fullest: false }
    }
}

impl Branch {
    /// The rule for the member `tag`, if this branch makes it a closed choice.
    pub(super) fn tag_rule(&self, tag: &str) -> Option<&Choice> {
        let Node::Object(object) = &self.node else { return None };
        match object.member(tag) {
            Some(Member { node: Node::Choice(choice), is_required: true, .. }) => Some(choice),
            _ => None,
        }
    }
}
