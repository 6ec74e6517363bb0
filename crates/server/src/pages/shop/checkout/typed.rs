//! What a buyer typed into the form, or what the address of the page fills it in with, and what that changes.

use std::collections::BTreeMap;

use merak_core::checkouts::{ClientUpdate, PublicCheckout};
use merak_core::custom_fields::CustomFieldType;
use merak_core::custom_fields::rules::Answers;
use merak_core::kit::{Address, Cents, Country, Email, EmailRules, Patch};
use merak_core::products::AmountType;
use serde_json::Value;
use url::form_urlencoded;

use super::problems::Problems;

/// The name of the field for an amount at choice, in whole units and cents as people write them.
pub const AMOUNT: &str = "chosen_amount";

/// What stands before the names of the address's lines.
pub const ADDRESS: &str = "customer_billing_address.";

/// What stands before the slugs of custom fields.
pub const ANSWER: &str = "custom_field_data.";

/// Parameters of the page's address that fill nothing in.
const AROUND: [&str; 4] = ["embed", "theme", "embed_origin", "customer_session_token"];

/// Which button was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Show me what that makes.
    Update,
    /// Take the code.
    Apply,
    /// Take the discount away.
    Remove,
    /// Buy.
    Pay,
}

/// The fields by name, without blanks around what was typed.
#[derive(Clone, Debug, Default)]
pub struct Typed(BTreeMap<String, String>);

impl Typed {
    /// What a form sends.
    pub fn of_form(form: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(form);
        Self(pairs.map(|(name, value)| (name.into_owned(), value.trim().to_owned())).collect())
    }

    /// What the page's address fills in. Dots stand for nesting, and the amount is in cents there.
    pub fn of_query(query: &str) -> Self {
        let Self(mut fields) = Self::of_form(query.as_bytes());
        fields.retain(|name, _| !AROUND.contains(&name.as_str()));
        if let Some(cents) = fields.remove("amount").and_then(|cents| cents.parse().ok()) {
            fields.insert(AMOUNT.to_owned(), decimal(Cents::new(cents)));
        }
        Self(fields)
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The field's text, if the field was there.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The field's text, if there is any.
    pub fn given(&self, name: &str) -> Option<&str> {
        self.find(name).filter(|text| !text.is_empty())
    }

    /// Which button was pressed.
    pub fn action(&self) -> Action {
        match self.given("action") {
            Some("pay") => Action::Pay,
            Some("apply") => Action::Apply,
            Some("remove") => Action::Remove,
            Some(_) | None => Action::Update,
        }
    }

    /// The country, if one was chosen.
    pub fn country(&self) -> Option<Country> {
        Country::parse(self.given("customer_billing_address.country")?)
    }

    /// The fields without the lines of an address in another country: they are of no use there.
    #[must_use]
    pub fn moved_from(mut self, country: Option<Country>) -> Self {
        if country.is_some() && self.country().is_some() && self.country() != country {
            self.0.retain(|name, _| !name.starts_with(ADDRESS) || name.ends_with(".country"));
        }
        self
    }

    /// The fields without this one.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// What changes of the checkout, apart from the answers. What cannot be read is a problem and changes nothing.
    pub fn changes(
        &self,
        public: &PublicCheckout,
        rules: &EmailRules,
        problems: &mut Problems,
    ) -> ClientUpdate {
        let checkout = &public.complete.checkout;
        let product_price_id = self.given("product_price_id").and_then(|id| id.parse().ok());
        ClientUpdate {
            product_price_id: product_price_id.filter(|id| *id != checkout.product_price_id),
            amount: self.amount(public, problems),
            customer_name: self.patch("customer_name"),
            customer_email: self.email(rules, problems),
            customer_billing_address: self.address(),
            customer_tax_id: self.patch("customer_tax_id"),
            custom_field_data: None,
            discount_code: self.discount(public, problems),
        }
    }

    fn patch(&self, name: &str) -> Patch<String> {
        match self.find(name) {
            None => Patch::Absent,
            Some("") => Patch::Null,
            Some(text) => Patch::Value(text.to_owned()),
        }
    }

    fn email(&self, rules: &EmailRules, problems: &mut Problems) -> Patch<Email> {
        match self.find("customer_email") {
            None => Patch::Absent,
            Some("") => Patch::Null,
            Some(text) => match Email::parse(text, rules) {
                Ok(email) => Patch::Value(email),
                Err(problem) => {
                    problems.add("customer_email", problem.to_string());
                    Patch::Absent
                }
            },
        }
    }

    fn amount(&self, public: &PublicCheckout, problems: &mut Problems) -> Option<Cents> {
        let is_chosen = public.complete.price.amount_type == AmountType::Custom;
        let typed = self.find(AMOUNT).filter(|_| is_chosen)?;
        let cents = cents(typed);
        if cents.is_none() {
            problems.add(AMOUNT, "Please type an amount, such as 12.50.");
        }
        cents
    }

    fn address(&self) -> Option<Address> {
        let line = |name: &str| self.given(&format!("{ADDRESS}{name}")).map(str::to_owned);
        Some(Address {
            line1: line("line1"),
            line2: line("line2"),
            postal_code: line("postal_code"),
            city: line("city"),
            state: line("state"),
            country: self.country()?,
        })
    }

    fn discount(&self, public: &PublicCheckout, problems: &mut Problems) -> Patch<String> {
        match (self.action(), self.given("discount_code")) {
            (Action::Remove, _) => Patch::Null,
            (Action::Apply, None) => {
                problems.add("discount_code", "Please type the code.");
                Patch::Absent
            }
            // A code in the box of somebody who pays is meant to count.
            (Action::Apply | Action::Pay, Some(code)) if public.complete.discount.is_none() => {
                Patch::Value(code.to_owned())
            }
            (Action::Update | Action::Apply | Action::Pay, _) => Patch::Absent,
        }
    }

    /// The answers to the product's questions. What was left blank was not answered.
    pub fn answers(&self, public: &PublicCheckout) -> Answers {
        let questions = public.complete.product.fields.iter();
        let answers = questions.filter_map(|(_, field)| {
            let slug = field.slug.as_str();
            let typed = self.given(&format!("{ANSWER}{slug}"));
            let answer = match field.r#type {
                CustomFieldType::Checkbox => Value::Bool(typed == Some("true")),
                _ => Value::from(typed?),
            };
            Some((slug.to_owned(), answer))
        });
        answers.collect()
    }
}

/// An amount as it stands in the field: `12.50`.
pub fn decimal(cents: Cents) -> String {
    format!("{}.{:02}", cents.get() / 100, cents.get() % 100)
}

/// The amount that somebody typed. A comma may stand for the point; signs of currencies and blanks count for nothing.
fn cents(typed: &str) -> Option<Cents> {
    let typed: String = typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '$').collect();
    let (whole, rest) = typed.split_once(['.', ',']).unwrap_or((&typed, ""));
    let are_digits = whole.bytes().chain(rest.bytes()).all(|letter| letter.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || rest.len() > 2 || !are_digits {
        return None;
    }
    let rest = format!("{rest:0<2}");
    Some(Cents::new(whole.parse::<i64>().ok()? * 100 + rest.parse::<i64>().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them() {
        for (typed, read) in [
            ("12.50", Some(1250)),
            ("12,5", Some(1250)),
            ("$ 12", Some(1200)),
            ("0.05", Some(5)),
            ("7.", Some(700)),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1.234", None),
            ("1,234.50", None),
            ("1e3", None),
            ("12345678901", None),
            ("é", None),
        ] {
            assert_eq!(cents(typed), read.map(Cents::new), "{typed}");
        }
        assert_eq!(decimal(Cents::new(1205)), "12.05");
    }

    #[test]
    fn an_address_fills_the_form_in() {
        let typed = Typed::of_query("customer_billing_address.country=fr&amount=1250&theme=dark&embed=true");
        assert_eq!(typed.country().map(Country::as_str), Some("FR"));
        assert_eq!((typed.find(AMOUNT), typed.find("theme")), (Some("12.50"), None));
        assert!(Typed::of_query("embed=true").is_empty());
    }

    #[test]
    fn who_moves_leaves_the_lines_behind() {
        let (fr, us) = (Country::parse("FR"), Country::parse("US"));
        let typed = || {
            Typed::of_form(
                b"customer_billing_address.country=US&customer_billing_address.city=Ulm&customer_name=A",
            )
        };
        let city = "customer_billing_address.city";
        assert_eq!(typed().moved_from(fr).find(city), None);
        assert_eq!(typed().moved_from(fr).find("customer_name"), Some("A"));
        assert_eq!(typed().moved_from(us).find(city), Some("Ulm"));
        assert_eq!(typed().moved_from(None).find(city), Some("Ulm"));
    }
}
