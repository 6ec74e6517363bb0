//! A field of a form: its label, its input, and below it what helps and what is wrong.
//!
//! A field is a template of its own, so that a page shows one by `{{ field|safe }}`; what it holds is escaped already.
//!
//! ```text
//! Field::new("customer_email", "E-mail", Input::line("email")).required(true).filled("jo@example.com").faulty(None)
//! ```

use askama::Template;

/// One field.
#[derive(Clone, Debug, Template)]
#[template(path = "shop/field.html")]
pub struct Field {
    /// Its name in the form.
    pub name: String,
    /// What stands above it.
    pub label: String,
    /// What is typed into.
    pub input: Input,
    /// What was typed; for a box, `true` if it is ticked.
    pub value: String,
    /// What stands below it.
    pub hint: Option<String>,
    /// What is wrong with what was typed.
    pub problem: Option<String>,
    /// Whether it must be filled in.
    pub is_required: bool,
    /// Whether it is only shown.
    pub is_locked: bool,
    /// What a browser may fill it in with, in the words of HTML.
    pub autocomplete: &'static str,
}

/// What is typed into.
#[derive(Clone, Debug)]
pub enum Input {
    /// One line of text.
    Line(Line),
    /// Several lines of text.
    Area(Line),
    /// One of these: what is sent, and what is shown. Empty is none of them.
    Choice(Vec<(String, String)>),
    /// A box that is ticked or not.
    Box,
}

/// What is particular about a text.
#[derive(Clone, Debug)]
pub struct Line {
    /// The type of the input.
    pub kind: &'static str,
    /// Which keyboard a phone shows.
    pub mode: &'static str,
    /// What stands there while it is empty.
    pub placeholder: String,
    /// How many characters there may be.
    pub longest: Option<i64>,
}

impl Input {
    /// A line of this type of input.
    pub fn line(kind: &'static str) -> Self {
        let mode = match kind {
            "email" => "email",
            _ => "text",
        };
        Self::Line(Line { kind, mode, placeholder: String::new(), longest: None })
    }

    /// A line of digits.
    pub fn digits(placeholder: &str) -> Self {
        Self::Line(Line { kind: "text", mode: "numeric", placeholder: placeholder.to_owned(), longest: None })
    }
}

impl Field {
    /// An empty field that may stay so.
    pub fn new(name: impl Into<String>, label: impl Into<String>, input: Input) -> Self {
        Self {
            name: name.into(),
            label: label.into(),
            input,
            value: String::new(),
            hint: None,
            problem: None,
            is_required: false,
            is_locked: false,
            autocomplete: "off",
        }
    }

    /// The same, to be filled in or not.
    #[must_use]
    pub fn required(self, is_required: bool) -> Self {
        Self { is_required, ..self }
    }

    /// The same with this text.
    #[must_use]
    pub fn filled(self, value: impl Into<String>) -> Self {
        Self { value: value.into(), ..self }
    }

    /// The same with this help.
    #[must_use]
    pub fn hinted(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }

    /// The same with this problem.
    #[must_use]
    pub fn faulty(self, problem: Option<String>) -> Self {
        Self { problem, ..self }
    }

    /// The same, to be filled in by the browser.
    #[must_use]
    pub fn completed_as(self, autocomplete: &'static str) -> Self {
        Self { autocomplete, ..self }
    }

    /// Its id in the page.
    pub fn id(&self) -> String {
        format!("field-{}", self.name.replace('.', "-"))
    }

    /// What describes it, for `aria-describedby`.
    fn described_by(&self) -> String {
        let id = self.id();
        let hint = self.hint.as_ref().map(|_| format!("{id}-hint"));
        let problem = self.problem.as_ref().map(|_| format!("{id}-problem"));
        [hint, problem].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_says_what_is_wrong_with_it_and_escapes_what_was_typed() {
        let field = Field::new("a.b", "Seats <b>", Input::digits("1"))
            .required(true)
            .filled("\"><script>")
            .hinted(Some(String::from("At least one.")))
            .faulty(Some(String::from("Please type a number.")));
        let html = field.to_string();
        assert!(!html.contains("<script>") && !html.contains("<b>"), "{html}");
        assert!(html.contains(r#"aria-describedby="field-a-b-hint field-a-b-problem""#), "{html}");
        assert!(html.contains(r#"aria-invalid="true""#) && html.contains(" required"), "{html}");
        let quiet = Field::new("a", "A", Input::Box).to_string();
        assert!(!quiet.contains("aria-") && !quiet.contains("required"), "{quiet}");
    }
}
