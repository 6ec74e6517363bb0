//! From the unions of a JSON schema to the branches of a shape.

use serde_json::Value;

use super::compile::{
    Compiled, Compiler, Schema, SchemaError, array, component_name, is_set, nullable, trimmed,
};
use super::scalar::Choice;
use super::shape::{Branch, BranchChoice, Member, Node, TagPart, Tagged, TaggedBranch, Union};

impl Compiler<'_> {
    pub(super) fn any_of(&mut self, schema: &Schema, branches: &Value) -> Compiled {
        let all = array(branches, "anyOf")?;
        let some: Vec<&Value> = all.iter().filter(|branch| !is_null_type(branch)).collect();
        let node = match some.as_slice() {
            [] => return Ok(Node::Null),
            [only] => self.compile(only)?,
            [one, many] if many.get("items") == Some(one) => one_or_many(self.compile(many)?),
            several => match (schema.get("discriminator"), schema.get("x-discriminator")) {
                (Some(discriminator), _) => self.tagged(discriminator, several)?,
                (None, Some(discriminator)) => self.tagged_by_several(discriminator, several)?,
                (None, None) => self.union(schema, several)?,
            },
        };
        let node = if is_set(schema, "x-trim") { trimmed(node) } else { node };
        Ok(if some.len() < all.len() { nullable(node) } else { node })
    }

    fn tagged(&mut self, discriminator: &Value, branches: &[&Value]) -> Compiled {
        let property = discriminator
            .get("propertyName")
            .and_then(Value::as_str)
            .ok_or_else(|| SchemaError::new("a discriminator without `propertyName`"))?;
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let branches = branches.iter().map(|schema| {
            let mut node = self.compile(schema)?;
            let named = mapping.into_iter().flatten().filter(|(_, to)| Some(*to) == schema.get("$ref"));
            let named: Vec<String> = named.map(|(tag, _)| tag.clone()).collect();
            let declared = declared_tags(&node, property);
            let tags = if named.is_empty() { declared } else { named };
            if tags.is_empty() {
                return Err(SchemaError::new(format!("a branch without a value for `{property}`")));
            }
            keep_tag(&mut node, property, &tags);
            Ok(TaggedBranch { tags, node })
        });
        let branches = branches.collect::<Compiled<Vec<_>>>()?;
        let tag = TagPart { property: property.to_owned(), classes: Vec::new(), others: None };
        Ok(Node::Tagged(Tagged { tag: vec![tag], tells_missing: false, branches }))
    }

    /// A union whose branch is named by several members together, such as `fixed.repeat` by a type and a duration:
    ///
    /// ```text
    /// "x-discriminator": {
    ///     "parts": [{"propertyName": "type"}, {"propertyName": "duration", "classes": {"once": …}, "others": "repeat"}],
    ///     "mapping": {"fixed.repeat": "#/components/schemas/…", …}
    /// }
    /// ```
    fn tagged_by_several(&mut self, discriminator: &Value, branches: &[&Value]) -> Compiled {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let parts = discriminator.get("parts").and_then(Value::as_array).into_iter().flatten().map(|part| {
            let classes = part.get("classes").and_then(Value::as_object).into_iter().flatten();
            Some(TagPart {
                property: part.get("propertyName").and_then(text)?,
                classes: classes.filter_map(|(value, class)| Some((value.clone(), text(class)?))).collect(),
                others: part.get("others").and_then(text),
            })
        });
        let tag = parts
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| SchemaError::new("a part of a discriminator without `propertyName`"))?;
        let mapping = discriminator.get("mapping").and_then(Value::as_object);
        let branches = branches.iter().map(|schema| {
            let named = mapping.into_iter().flatten().filter(|(_, to)| Some(*to) == schema.get("$ref"));
            let tags: Vec<String> = named.map(|(tag, _)| tag.clone()).collect();
            if tags.is_empty() {
                return Err(SchemaError::new("a branch that the discriminator does not name"));
            }
            Ok(TaggedBranch { tags, node: self.compile(schema)? })
        });
        let branches = branches.collect::<Compiled<Vec<_>>>()?;
        Ok(Node::Tagged(Tagged { tag, tells_missing: true, branches }))
    }

    fn union(&mut self, schema: &Schema, branches: &[&Value]) -> Compiled {
        let branches = branches.iter().map(|schema| {
            let node = self.compile(schema)?;
            Ok(Branch { label: label(schema, &node), node })
        });
        let branches = branches.collect::<Compiled<Vec<_>>>()?;
        if branches.iter().all(|branch| matches!(branch.node, Node::Choice(_))) {
            return Ok(merged_choice(&branches));
        }
        let tags = common_tags(&branches);
        let choices = choices(schema, branches.len())?;
        let is_unlabelled = is_set(schema, "x-unlabelled");
        let takes_fullest = is_set(schema, "x-fullest");
        Ok(Node::Union(Union { branches, tags, choices, is_unlabelled, takes_fullest }))
    }
}

/// By which content which branch is meant, from `x-choose`: a list of `{"where": {"/place": value}, "branch": n}`, where
/// true stands for anything but null and a missing `where` for whatever there is.
fn choices(schema: &Schema, branches: usize) -> Compiled<Vec<BranchChoice>> {
    let listed = schema.get("x-choose").and_then(Value::as_array).into_iter().flatten();
    let choice = |choice: &Value| {
        let branch = choice.get("branch").and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        let branch = branch
            .filter(|branch| *branch < branches)
            .ok_or_else(|| SchemaError::new("`x-choose` without one of the branches"))?;
        let content = choice.get("where").and_then(Value::as_object).into_iter().flatten();
        let content = content
            .map(|(place, expected)| (place.clone(), Some(expected.clone()).filter(|value| *value != true)))
            .collect();
        Ok(BranchChoice { content, branch })
    };
    listed.map(choice).collect()
}

fn is_null_type(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null")
}

fn one_or_many(node: Node) -> Node {
    match node {
        Node::List(list) => Node::OneOrMany(list),
        other => other,
    }
}

/// How a branch is called in `loc`: by its component's name, or by the reference's word for the
/// type.
pub(super) fn label(schema: &Value, node: &Node) -> String {
    let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
    let mut component = schema.get("$ref").into_iter().chain(parts.filter_map(|part| part.get("$ref")));
    if let Some(name) = schema.get("x-label").and_then(Value::as_str) {
        return name.to_owned();
    }
    if let Some(name) = component.find_map(component_name) {
        return name.to_owned();
    }
    match node {
        Node::Text(text) if text.min_length > 0 || text.max_length.is_some() => "constrained-str",
        Node::Text(_) => "str",
        Node::Integer(_) => "int",
        Node::Decimal(_) => "float",
        Node::Boolean => "bool",
        Node::List(_) | Node::OneOrMany(_) => "list",
        Node::Tuple(_) => "tuple",
        Node::Object(_) | Node::Dictionary(_) => "dict",
        Node::Choice(_) => "literal",
        Node::Any | Node::Null | Node::Nullable(_) | Node::Tagged(_) | Node::Union(_) => "any",
    }
    .to_owned()
}

/// The values that a branch itself declares for the discriminator.
fn declared_tags(node: &Node, property: &str) -> Vec<String> {
    let Node::Object(object) = node else { return Vec::new() };
    match object.member(property).map(|member| &member.node) {
        Some(Node::Choice(choice)) => {
            choice.values().iter().filter_map(Value::as_str).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// The tag must survive the check even when only the mapping tells of it, because serde chooses
/// the variant by it.
fn keep_tag(node: &mut Node, property: &str, tags: &[String]) {
    if let Node::Object(object) = node
        && object.member(property).is_none()
    {
        let values = tags.iter().map(|tag| Value::from(tag.as_str())).collect();
        let node = Node::Choice(Choice::new(values, true));
        object.members.push(Member { name: property.to_owned(), node, is_required: true });
    }
}

/// A closed choice that is written as a union of its values, so that each can be described.
fn merged_choice(branches: &[Branch]) -> Node {
    let values = branches.iter().flat_map(|branch| match &branch.node {
        Node::Choice(choice) => choice.values(),
        _ => &[],
    });
    Node::Choice(Choice::new(values.cloned().collect(), false))
}

/// The required members that are a closed choice in every branch, and not the same in all.
fn common_tags(branches: &[Branch]) -> Vec<String> {
    let Some(Branch { node: Node::Object(first), .. }) = branches.first() else { return Vec::new() };
    let is_tag = |name: &str| {
        let rules: Vec<_> = branches.iter().map(|branch| branch.tag_rule(name)).collect();
        let values = |at: usize| rules[at].map(Choice::values);
        rules.iter().all(Option::is_some) && (1..rules.len()).any(|at| values(at) != values(0))
    };
    first.members.iter().map(|member| &member.name).filter(|name| is_tag(name)).cloned().collect()
}
