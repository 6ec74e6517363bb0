//! What is wrong, field by field, in words for a buyer.

use std::collections::BTreeMap;

use merak_core::kit::{FieldProblem, Loc, Refusal};

use super::typed::{ADDRESS, AMOUNT};

/// What is wrong, by the name of the field. What belongs to no field stands at the top of the page.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    fields: BTreeMap<String, String>,
    /// What belongs to no field.
    pub general: Vec<String>,
}

impl Problems {
    /// Whether all is well.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.general.is_empty()
    }

    /// What is wrong with a field.
    pub fn of(&self, name: &str) -> Option<String> {
        self.fields.get(name).cloned()
    }

    /// One more. What was said first of a field stands.
    pub fn add(&mut self, name: impl Into<String>, sentence: impl Into<String>) {
        self.fields.entry(name.into()).or_insert_with(|| sentence.into());
    }

    /// Those whose fields are not on the page are told at the top, so that nothing is said nowhere.
    pub fn keep_fields(&mut self, is_shown: impl Fn(&str) -> bool) {
        for (name, sentence) in std::mem::take(&mut self.fields) {
            if is_shown(&name) {
                self.fields.insert(name, sentence);
            } else if !self.general.contains(&sentence) {
                self.general.push(sentence);
            }
        }
    }

    /// All that the core refuses.
    pub fn add_refusal(&mut self, refusal: &Refusal) {
        match refusal {
            Refusal::Invalid(problems) => problems.iter().for_each(|problem| self.add_problem(problem)),
            other => self.general.push(other.sentences()),
        }
    }

    /// One that the core found.
    pub fn add_problem(&mut self, problem: &FieldProblem) {
        let steps = problem.loc.iter().filter_map(|step| match step {
            Loc::Field(name) => Some(name.as_ref()),
            Loc::Index(_) => None,
        });
        let name = steps.skip(1).collect::<Vec<_>>().join(".");
        let name = match name.as_str() {
            "amount" => AMOUNT.to_owned(),
            "customer_billing_address" => format!("{ADDRESS}country"),
            "discount_id" => String::from("discount_code"),
            "confirmation_token_id" => String::from("card.number"),
            _ => name,
        };
        self.add(name, sentence(problem));
    }
}

/// What a program is told, in the words for a person where these differ.
fn sentence(problem: &FieldProblem) -> String {
    let said = problem.message.as_str();
    match (problem.kind, problem.loc.get(2)) {
        ("missing", _) => String::from("Please fill this in."),
        ("literal_error", _) if said == "Input should be True" => String::from("Please tick this box."),
        ("literal_error", _) => String::from("Please choose one of these."),
        ("int_parsing" | "int_from_float" | "int_type", _) => String::from("Please type a whole number."),
        (kind, Some(_)) if kind.starts_with("date") => String::from("Please choose a day."),
        (_, Some(_)) => {
            said.replace("Input should be", "This should be").replace("String should", "This should")
        }
        (_, None) => said.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use merak_core::kit::at;

    use super::*;

    #[test]
    fn problems_stand_beside_their_fields() {
        let mut problems = Problems::default();
        problems.add_problem(&at("body").field("custom_field_data").field("seats").problem(
            "missing",
            "Field required",
            0,
        ));
        problems.add_problem(&at("body").field("customer_billing_address").value_error("Nowhere.", 0));
        problems.add("gone", "It is gone.");
        problems.keep_fields(|name| name != "gone");
        assert_eq!(problems.of("custom_field_data.seats").as_deref(), Some("Please fill this in."));
        assert_eq!(problems.of("customer_billing_address.country").as_deref(), Some("Nowhere."));
        assert_eq!(problems.general, ["It is gone."]);
    }
}
