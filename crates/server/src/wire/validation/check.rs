//! The walk over a value, beside the schema it must follow.

use std::mem;

use merak_store::Timestamp;
use serde_json::{Map, Value, json};

use super::problem::{Fault, Report, Trail, count};
use super::scalar::{Coerced, coerce_boolean, null_character, quoted};
use super::shape::{Branch, Dictionary, List, Node, Object, TagPart, Tagged, Union};

/// Names that `serde_json` gives a private meaning to. An object with such a member would be read
/// as a number or as raw text later on.
const PRIVATE_NAMES: &str = "$serde_json::private::";

impl Node {
    /// Checks `value` and coerces it in place.
    pub(super) fn visit(&self, value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
        match self {
            Self::Any => refuse_unstorable(value, trail, report),
            Self::Null | Self::Nullable(_) if value.is_null() => {}
            Self::Null => {
                report.push(trail, Fault::plain("none_required", "Input should be None"), value.clone());
            }
            Self::Nullable(node) => node.visit(value, trail, report),
            Self::Boolean => settle(coerce_boolean(value), value, trail, report),
            Self::Integer(integer) => settle(integer.coerce(value), value, trail, report),
            Self::Decimal(decimal) => settle(decimal.coerce(value), value, trail, report),
            Self::Text(text) => settle(text.coerce(value), value, trail, report),
            Self::Choice(choice) => settle(choice.coerce(value), value, trail, report),
            Self::Object(object) => object.visit(value, trail, report),
            Self::Dictionary(dictionary) => dictionary.visit(value, trail, report),
            Self::List(list) => list.visit(value, trail, report),
            Self::OneOrMany(list) => {
                if !value.is_array() {
                    *value = Value::Array(vec![mem::take(value)]);
                }
                list.visit(value, trail, report);
            }
            Self::Tuple(items) => visit_tuple(items, value, trail, report),
            Self::Tagged(tagged) => tagged.visit(value, trail, report),
            Self::Union(union) => union.visit(value, trail, report),
        }
    }

    /// Whether `value` is of the JSON type that this place is about, so that accepting it needs no
    /// lax reading.
    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Null => value.is_null(),
            Self::Nullable(node) => value.is_null() || node.fits(value),
            Self::Boolean => value.is_boolean(),
            Self::Integer(_) => value.as_i64().is_some(),
            Self::Decimal(_) => value.is_number(),
            Self::Text(_) => value.is_string(),
            Self::Choice(choice) => choice.admits(value),
            Self::Object(_) | Self::Dictionary(_) | Self::Tagged(_) => value.is_object(),
            Self::List(_) | Self::OneOrMany(_) | Self::Tuple(_) => value.is_array(),
            Self::Union(union) => union.branches.iter().any(|branch| branch.node.fits(value)),
        }
    }
}

fn settle(coerced: Coerced, value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
    match coerced {
        Ok(None) => {}
        Ok(Some(plain)) => *value = plain,
        Err(fault) => report.push(trail, fault, value.clone()),
    }
}

const NOT_AN_OBJECT: Fault = Fault::plain(
    "model_attributes_type",
    "Input should be a valid dictionary or object to extract fields from",
);

impl Object {
    fn visit(&self, value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
        let Value::Object(object) = value else {
            report.push(trail, NOT_AN_OBJECT, value.clone());
            return;
        };
        // Members are coerced in place, so what a missing one is told with must be kept before.
        let enclosing = if report.echo_enclosing && !self.has_all_required(object) {
            Value::Object(object.clone())
        } else {
            Value::Null
        };
        let are_ordered =
            self.ordered.as_ref().filter(|names| names.iter().all(|name| object.contains_key(name)));
        let original = are_ordered.map(|names| (names, object.clone()));
        let before = report.problems.len();
        let mut known = 0;
        for member in &self.members {
            let trail = trail.field(&member.name);
            match object.get_mut(&member.name) {
                Some(value) => {
                    known += 1;
                    member.node.visit(value, &trail, report);
                }
                None if member.is_required => report.push(&trail, Fault::MISSING, enclosing.clone()),
                None => {}
            }
        }
        if known < object.len() {
            object.retain(|name, _| self.member(name).is_some());
        }
        if let Some((names @ [first, second], original)) = original
            // A rule about several members is judged once each of them is good.
            && report.problems.len() == before
            && let [Some(start), Some(end)] = names.each_ref().map(|name| moment(&object[name]))
            && start >= end
        {
            let fault = Fault::custom(&format!("{first} must be before {second}."));
            report.push(trail, fault, Value::Object(original));
        }
    }
}

/// A moment that was coerced before; `None` for null.
fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|text| Timestamp::parse(text).ok())
}

impl Dictionary {
    fn visit(&self, value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
        let Value::Object(object) = value else {
            let fault = Fault::plain("dict_type", "Input should be a valid dictionary");
            report.push(trail, fault, value.clone());
            return;
        };
        let length = object.len();
        let is_within = self.min <= length && self.max.is_none_or(|max| length <= max);
        let original = if is_within { Value::Null } else { Value::Object(object.clone()) };
        let before = report.problems.len();
        let mut renamed = false;
        for (name, value) in object.iter_mut() {
            let trail = trail.field(name);
            let key = if is_private(name) { Err(private_name()) } else { self.key.coerce_text(name) };
            match key {
                Ok(plain) => renamed |= plain.is_some(),
                Err(fault) => report.push(&trail.field("[key]"), fault, Value::String(name.clone())),
            }
            self.value.visit(value, &trail, report);
        }
        if report.problems.len() > before {
            return;
        }
        if let Some(fault) = wrong_length("Dictionary", length, self.min, self.max) {
            report.push(trail, fault, original);
        } else if renamed {
            self.rename(object);
        }
    }

    /// Gives the names their plain spelling. Of names that become the same the last one wins.
    fn rename(&self, object: &mut Map<String, Value>) {
        *object = mem::take(object)
            .into_iter()
            .map(|(name, value)| match self.key.coerce_text(&name) {
                Ok(Some(Value::String(plain))) => (plain, value),
                _ => (name, value),
            })
            .collect();
    }
}

impl List {
    fn visit(&self, value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
        let Value::Array(items) = value else {
            report.push(trail, Fault::plain("list_type", "Input should be a valid list"), value.clone());
            return;
        };
        let length = items.len();
        // Too many items are not even looked at; too few are, and then told only if each is good.
        if self.max.is_some_and(|max| length > max) {
            if let Some(fault) = wrong_length("List", length, 0, self.max) {
                report.push(trail, fault, value.clone());
            }
            return;
        }
        let is_told = length < self.min || self.distinct.is_some();
        let original = if is_told { Value::Array(items.clone()) } else { Value::Null };
        let before = report.problems.len();
        for (index, item) in items.iter_mut().enumerate() {
            self.item.visit(item, &trail.index(index), report);
        }
        if report.problems.len() > before {
            return;
        }
        if let Some(fault) = wrong_length("List", length, self.min, self.max) {
            report.push(trail, fault, original);
        } else if let Some(member) = &self.distinct
            && let Some(repeated) = first_repeated(items, member)
        {
            let fault = Fault::custom(&format!("There are two items with the {member} {repeated}."));
            report.push(trail, fault, original);
        }
    }
}

/// The value of a member that two items have, if there is one.
fn first_repeated<'v>(items: &'v [Value], member: &str) -> Option<&'v Value> {
    let values: Vec<&Value> = items.iter().filter_map(|item| item.get(member)).collect();
    values.iter().enumerate().find(|(n, value)| values[..*n].contains(value)).map(|(_, value)| *value)
}

fn visit_tuple(places: &[Node], value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
    let Value::Array(items) = value else {
        report.push(trail, Fault::plain("tuple_type", "Input should be a valid tuple"), value.clone());
        return;
    };
    if let Some(fault) = wrong_length("Tuple", items.len(), 0, Some(places.len())) {
        report.push(trail, fault, value.clone());
        return;
    }
    let enclosing = if report.echo_enclosing && items.len() < places.len() {
        Value::Array(items.clone())
    } else {
        Value::Null
    };
    for (index, place) in places.iter().enumerate() {
        let trail = trail.index(index);
        match items.get_mut(index) {
            Some(item) => place.visit(item, &trail, report),
            None => report.push(&trail, Fault::MISSING, enclosing.clone()),
        }
    }
}

fn wrong_length(what: &'static str, actual: usize, min: usize, max: Option<usize>) -> Option<Fault> {
    if actual < min {
        return Some(Fault::with(
            "too_short",
            format!("{what} should have at least {} after validation, not {actual}", count(min, "item")),
            json!({"field_type": what, "min_length": min, "actual_length": actual}),
        ));
    }
    let max = max.filter(|max| actual > *max)?;
    Some(Fault::with(
        "too_long",
        format!("{what} should have at most {} after validation, not {actual}", count(max, "item")),
        json!({"field_type": what, "max_length": max, "actual_length": actual}),
    ))
}

impl TagPart {
    /// What the value is called in the name of the branch.
    fn class_of(&self, value: &Value) -> String {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let class = self.classes.iter().find(|(other, _)| *other == value).map(|(_, class)| class);
        class.or(self.others.as_ref()).cloned().unwrap_or(value)
    }
}

impl Tagged {
    fn visit(&self, value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
        let Value::Object(object) = value else {
            report.push(trail, NOT_AN_OBJECT, value.clone());
            return;
        };
        let names: Vec<&str> = self.tag.iter().map(|part| part.property.as_str()).collect();
        let discriminator = format!("'{}'", names.join("."));
        let missing: Vec<&str> = names.into_iter().filter(|name| !object.contains_key(*name)).collect();
        if !missing.is_empty() && self.tells_missing {
            for name in missing {
                report.push(&trail.field(name), Fault::MISSING, value.clone());
            }
            return;
        }
        if !missing.is_empty() {
            let fault = Fault::with(
                "union_tag_not_found",
                format!("Unable to extract tag using discriminator {discriminator}"),
                json!({"discriminator": discriminator}),
            );
            report.push(trail, fault, value.clone());
            return;
        }
        let tag =
            self.tag.iter().map(|part| part.class_of(&object[&part.property])).collect::<Vec<_>>().join(".");
        if let Some(branch) = self.branches.iter().find(|branch| branch.tags.contains(&tag)) {
            branch.node.visit(value, &trail.field(&tag), report);
            return;
        }
        let tags = self.branches.iter().flat_map(|branch| &branch.tags);
        let tags: Vec<String> = tags.map(|tag| quoted(&Value::from(tag.as_str()))).collect();
        let expected = tags.join(", ");
        let fault = Fault::with(
            "union_tag_invalid",
            format!(
                "Input tag '{tag}' found using {discriminator} does not match any of the expected tags: {expected}"
            ),
            json!({"discriminator": discriminator, "tag": tag, "expected_tags": expected}),
        );
        report.push(trail, fault, value.clone());
    }
}

impl Union {
    fn visit(&self, value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
        if let Some(choice) = self.choices.iter().find(|choice| choice.applies(value)) {
            let branch = &self.branches[choice.branch];
            let labelled = trail.field(&branch.label);
            branch.node.visit(value, if self.is_unlabelled { trail } else { &labelled }, report);
            return;
        }
        if self.takes_fullest {
            return take_fullest(&self.branches, value, trail, report);
        }
        let all = self.branches.iter();
        let Some(object) = value.as_object().filter(|_| !self.tags.is_empty()) else {
            try_each(&all.collect::<Vec<_>>(), value, trail, report);
            return;
        };
        let is_meant = |branch: &&Branch| {
            self.tags.iter().all(|tag| {
                let given = object.get(tag);
                given.is_some_and(|given| branch.tag_rule(tag).is_some_and(|rule| rule.admits(given)))
            })
        };
        match all.filter(is_meant).collect::<Vec<_>>().as_slice() {
            [] => self.tell_tags(value, trail, report),
            [branch] => branch.node.visit(value, &trail.field(&branch.label), report),
            several => try_each(several, value, trail, report),
        }
    }

    /// No branch is meant: tells for each branch what its tags should have been.
    fn tell_tags(&self, value: &Value, trail: &Trail<'_>, report: &mut Report<'_>) {
        for branch in &self.branches {
            let trail = trail.field(&branch.label);
            for tag in &self.tags {
                let trail = trail.field(tag);
                let Some(rule) = branch.tag_rule(tag) else { continue };
                match value.get(tag) {
                    None => report.push(&trail, Fault::MISSING, value.clone()),
                    Some(given) if !rule.admits(given) => report.push(&trail, rule.fault(), given.clone()),
                    Some(_) => {}
                }
            }
        }
    }
}

/// Takes the first branch that accepts the value, those that need no lax reading first. If none
/// does, the problems of all are told, or only those of the one branch whose required members are
/// all there.
fn try_each(branches: &[&Branch], value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
    let mut findings = vec![Vec::new(); branches.len()];
    for is_exact in [true, false] {
        for (branch, found) in branches.iter().zip(&mut findings) {
            if branch.node.fits(value) != is_exact {
                continue;
            }
            let mut attempt = value.clone();
            *found =
                report.aside(|aside| branch.node.visit(&mut attempt, &trail.field(&branch.label), aside));
            if found.is_empty() {
                *value = attempt;
                return;
            }
        }
    }
    let is_complete = |branch: &Branch| match (&branch.node, &*value) {
        (Node::Object(shape), Value::Object(object)) => shape.has_all_required(object),
        _ => false,
    };
    let mut complete = (0..branches.len()).filter(|at| is_complete(branches[*at]));
    if let (Some(only), None) = (complete.next(), complete.next()) {
        report.problems.append(&mut findings[only]);
        return;
    }
    report.problems.extend(findings.into_iter().flatten());
}

/// Takes of the branches that accept the value the one that knows most of its members, the later one among equals. If
/// none accepts it, the problems of all are told.
fn take_fullest(branches: &[Branch], value: &mut Value, trail: &Trail<'_>, report: &mut Report<'_>) {
    let mut findings = Vec::new();
    let mut fullest: Option<(usize, Value)> = None;
    for branch in branches {
        let mut attempt = value.clone();
        let found = report.aside(|aside| branch.node.visit(&mut attempt, &trail.field(&branch.label), aside));
        let known = attempt.as_object().map_or(0, Map::len);
        if !found.is_empty() {
            findings.extend(found);
        } else if fullest.as_ref().is_none_or(|(most, _)| known >= *most) {
            fullest = Some((known, attempt));
        }
    }
    match fullest {
        Some((_, accepted)) => *value = accepted,
        None => report.problems.extend(findings),
    }
}

/// Refuses what no database could keep, anywhere inside free JSON.
fn refuse_unstorable(value: &Value, trail: &Trail<'_>, report: &mut Report<'_>) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::String(text) => {
            if text.as_bytes().contains(&0) {
                report.push(trail, null_character(), value.clone());
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                refuse_unstorable(item, &trail.index(index), report);
            }
        }
        Value::Object(object) => {
            for (name, value) in object {
                let trail = trail.field(name);
                let key = trail.field("[key]");
                if name.as_bytes().contains(&0) {
                    report.push(&key, null_character(), Value::String(name.clone()));
                } else if is_private(name) {
                    report.push(&key, private_name(), Value::String(name.clone()));
                }
                refuse_unstorable(value, &trail, report);
            }
        }
    }
}

fn is_private(name: &str) -> bool {
    name.starts_with(PRIVATE_NAMES)
}

fn private_name() -> Fault {
    Fault::custom("This member name is reserved.")
}
