//! How a field is shown and what it accepts.

use std::borrow::Cow;
use std::collections::HashSet;

use merak_store::{Cell, Column, Json, Param, Value};
use serde::{Deserialize, Serialize};

use super::CustomFieldType;
use crate::kit::{FieldProblem, at};

/// How a field is shown and what it accepts. Each type has some of these members; what is unset is absent on the wire
/// and in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// What stands above the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_label: Option<String>,
    /// What stands below the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_help_text: Option<String>,
    /// What stands in the field while it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_placeholder: Option<String>,
    /// Whether a text may have several lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub textarea: Option<bool>,
    /// How many characters a text has at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_length: Option<i64>,
    /// How many characters a text has at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_length: Option<i64>,
    /// The least number, or a moment in Unix seconds whose day is the earliest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ge: Option<i64>,
    /// The greatest number, or a moment in Unix seconds whose day is the latest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub le: Option<i64>,
    /// What can be selected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<SelectOption>>,
}

/// One of the options of a select field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectOption {
    /// What is stored.
    pub value: String,
    /// What is shown.
    pub label: String,
}

impl Properties {
    /// The same without members that fields of this type do not have.
    #[must_use]
    pub fn of_type(self, r#type: CustomFieldType) -> Self {
        let Self { form_label, form_help_text, form_placeholder, .. } = self;
        let shown = Self { form_label, form_help_text, form_placeholder, ..Self::default() };
        match r#type {
            CustomFieldType::Text => {
                let (textarea, min_length, max_length) = (self.textarea, self.min_length, self.max_length);
                Self { textarea, min_length, max_length, ..shown }
            }
            CustomFieldType::Number | CustomFieldType::Date => Self { ge: self.ge, le: self.le, ..shown },
            CustomFieldType::Checkbox => shown,
            CustomFieldType::Select => Self { options: Some(self.options.unwrap_or_default()), ..shown },
        }
    }

    /// What is wrong with them in a field of this type. A select field without options could never be filled in, and of
    /// two options with one value only the first could be chosen.
    pub(super) fn problems(&self, r#type: CustomFieldType) -> Vec<FieldProblem> {
        if r#type != CustomFieldType::Select {
            return Vec::new();
        }
        let place = || at("body").field("properties").field("options");
        let options = self.options.as_deref().unwrap_or_default();
        if options.is_empty() {
            let none = serde_json::Value::Array(Vec::new());
            return vec![place().value_error("A select field needs an option.", none)];
        }
        let mut seen = HashSet::new();
        let values = options.iter().map(|option| option.value.as_str()).enumerate();
        let repeated = values.filter(|(_, value)| !seen.insert(*value));
        repeated
            .map(|(index, value)| {
                let place = place().index(index).field("value");
                place.value_error("Another option has this value already.", value)
            })
            .collect()
    }
}

impl Param for Properties {
    fn value(&self) -> Value<'_> {
        let json = serde_json::to_string(self).expect("texts, numbers and booleans are always JSON");
        Value::Json(Cow::Owned(json))
    }
}

impl Column for Properties {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Json::read(cell)?.parse()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn properties(json: serde_json::Value) -> Properties {
        serde_json::from_value(json).unwrap()
    }

    // spec 20 §4.1 and T-15
    #[test]
    fn what_is_unset_is_absent() {
        assert_eq!(serde_json::to_string(&Properties::default()).unwrap(), "{}");
        let text = r#"{"form_label":"Company","max_length":0}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Properties>(text).unwrap()).unwrap(), text);
    }

    #[test]
    fn a_type_keeps_its_own_members_only() {
        let all = properties(json!({
            "form_label": "a", "form_help_text": "b", "form_placeholder": "c", "textarea": true, "min_length": 1,
            "max_length": 2, "ge": 3, "le": 4, "options": [{"value": "v", "label": "l"}]
        }));
        let kept = |r#type| {
            let kept = serde_json::to_value(all.clone().of_type(r#type)).unwrap();
            kept.as_object().unwrap().keys().skip(3).cloned().collect::<Vec<_>>()
        };
        assert_eq!(kept(CustomFieldType::Text), ["textarea", "min_length", "max_length"]);
        assert_eq!(kept(CustomFieldType::Number), ["ge", "le"]);
        assert_eq!(kept(CustomFieldType::Date), ["ge", "le"]);
        assert!(kept(CustomFieldType::Checkbox).is_empty());
        assert_eq!(kept(CustomFieldType::Select), ["options"]);
    }

    // spec 20 §4.1
    #[test]
    fn options_are_there_and_differ() {
        let problems = |options: serde_json::Value| {
            let problems = properties(json!({"options": options})).problems(CustomFieldType::Select);
            problems.iter().map(|problem| serde_json::to_value(&problem.loc).unwrap()).collect::<Vec<_>>()
        };
        let option = |value: &str| json!({"value": value, "label": "same"});
        assert!(problems(json!([option("a"), option("b"), option("A")])).is_empty());
        assert_eq!(problems(json!([])), [json!(["body", "properties", "options"])]);
        assert_eq!(
            problems(json!([option("a"), option("b"), option("a"), option("a")])),
            [2, 3].map(|at| json!(["body", "properties", "options", at, "value"]))
        );
        assert!(Properties::default().problems(CustomFieldType::Text).is_empty());
    }
}
