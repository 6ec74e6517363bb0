//! E-mail addresses: what is accepted and how it is kept.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use merak_store::{Cell, Column, Param, Value};
use serde::{Deserialize, Deserializer, Serialize};
use unicode_normalization::UnicodeNormalization;

/// Longer input is not looked at, whatever it contains.
const LONGEST_INPUT: usize = 2048;
/// The length that mail servers agree on for a whole address, in characters.
const LONGEST_ADDRESS: usize = 254;
/// The length that mail servers agree on for the part before the @-sign, in characters.
const LONGEST_LOCAL: usize = 64;

/// What this installation accepts beyond the grammar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailRules {
    /// Domains, with all below them, to which no mail goes on the public internet. Who runs a shop inside a
    /// private network takes out of the list what is in use there.
    pub special_use: Vec<String>,
}

impl EmailRules {
    /// No domain is refused for its name.
    pub fn lenient() -> Self {
        Self { special_use: Vec::new() }
    }
}

impl Default for EmailRules {
    fn default() -> Self {
        let names = ["arpa", "invalid", "local", "localhost", "onion", "test"];
        Self { special_use: names.map(str::to_owned).to_vec() }
    }
}

/// Why a text is not an address that mail can be sent to; its text is the reason that callers read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailProblem {
    /// The input as a whole is too long.
    #[error("Length must not exceed {LONGEST_INPUT} characters")]
    InputTooLong,
    /// There is no @-sign.
    #[error("An email address must have an @-sign.")]
    NoAtSign,
    /// There is more than one @-sign.
    #[error("An email address has only one @-sign.")]
    SeveralAtSigns,
    /// Nothing stands before the @-sign.
    #[error("There must be something before the @-sign.")]
    NoLocalPart,
    /// Nothing stands after the @-sign.
    #[error("There must be something after the @-sign.")]
    NoDomain,
    /// The part before the @-sign is in quotes.
    #[error("Quoting the part before the @-sign is not allowed here.")]
    QuotedLocalPart,
    /// The part before the @-sign begins or ends with a period or has two in a row.
    #[error("The part before the @-sign has a period at its start or end, or two together.")]
    LocalPeriods,
    /// A character cannot stand before the @-sign.
    #[error("The part before the @-sign contains an invalid character: {0:?}.")]
    LocalCharacter(char),
    /// The part before the @-sign is too long.
    #[error("The part before the @-sign is longer than {LONGEST_LOCAL} characters.")]
    LocalTooLong,
    /// The domain is an address of a machine in brackets.
    #[error("A bracketed IP address after the @-sign is not allowed here.")]
    AddressLiteral,
    /// The domain is not one by the rules of domain names.
    #[error("The part after the @-sign is not a valid domain name.")]
    Domain,
    /// The domain has no period.
    #[error("The part after the @-sign is not valid. It should have a period.")]
    DomainWithoutPeriod,
    /// The domain is one that gets no mail.
    #[error("The part after the @-sign is a special-use or reserved name that cannot be used with email.")]
    SpecialUse,
    /// The address is too long.
    #[error("The email address is longer than {LONGEST_ADDRESS} characters.")]
    TooLong,
}

/// An e-mail address in the form in which it is shown.
///
/// The domain is in lower case and both parts are Unicode in its composed form; the part before the @-sign
/// keeps its capitals. Two addresses are the same person when their [`lower`](Email::lower) forms are equal;
/// `==` compares the shown form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// Reads an address as a person may type it: spaces around it and a display name before it are dropped.
    ///
    /// Whether the domain exists is not asked.
    pub fn parse(text: &str, rules: &EmailRules) -> Result<Self, EmailProblem> {
        if text.chars().nth(LONGEST_INPUT).is_some() {
            return Err(EmailProblem::InputTooLong);
        }
        let address = without_display_name(text.trim());
        if address.starts_with('"') {
            return Err(EmailProblem::QuotedLocalPart);
        }
        let (local, domain) = address.split_once('@').ok_or(EmailProblem::NoAtSign)?;
        if domain.contains('@') {
            return Err(EmailProblem::SeveralAtSigns);
        }
        let local = checked_local(local)?;
        let domain = checked_domain(domain, rules)?;
        let shown = format!("{local}@{domain}");
        if shown.chars().count() > LONGEST_ADDRESS { Err(EmailProblem::TooLong) } else { Ok(Self(shown)) }
    }

    /// The address as it is shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form by which addresses are compared.
    pub fn lower(&self) -> String {
        self.0.to_lowercase()
    }

    /// What stands before the @-sign.
    pub fn local(&self) -> &str {
        self.parts().0
    }

    /// What stands after the @-sign.
    pub fn domain(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('@').unwrap_or((&self.0, ""))
    }
}

/// `Nora Lind <nora@example.com>` without its name; any other text as it is.
fn without_display_name(text: &str) -> &str {
    let Some((name, address)) = text.strip_suffix('>').and_then(|rest| rest.split_once('<')) else {
        return text;
    };
    let name = name.trim();
    let is_quoted = name.len() >= 3 && name.starts_with('"') && name.ends_with('"');
    let is_words = name.chars().all(|c| c.is_alphanumeric() || c.is_whitespace() || is_atom_sign(c));
    if is_quoted || is_words { address.trim() } else { text }
}

/// The signs that stand unquoted in an address beside letters and digits.
fn is_atom_sign(c: char) -> bool {
    "!#$%&'*+-/=?^_`{|}~".contains(c)
}

fn checked_local(local: &str) -> Result<String, EmailProblem> {
    if local.is_empty() {
        return Err(EmailProblem::NoLocalPart);
    }
    let local: String = local.nfc().collect();
    let is_foreign_letter =
        |c: char| !c.is_ascii() && !c.is_control() && !c.is_whitespace() && !is_private(c);
    let is_fine = |c: char| c == '.' || c.is_ascii_alphanumeric() || is_atom_sign(c) || is_foreign_letter(c);
    if let Some(wrong) = local.chars().find(|c| !is_fine(*c)) {
        return Err(EmailProblem::LocalCharacter(wrong));
    }
    if local.split('.').any(str::is_empty) {
        return Err(EmailProblem::LocalPeriods);
    }
    if local.chars().count() > LONGEST_LOCAL {
        return Err(EmailProblem::LocalTooLong);
    }
    Ok(local)
}

/// Characters without an agreed meaning, and those that turn the direction of the text around them.
fn is_private(c: char) -> bool {
    matches!(c,
        '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFF}')
}

/// The domain as it is shown.
fn checked_domain(domain: &str, rules: &EmailRules) -> Result<String, EmailProblem> {
    if domain.is_empty() {
        return Err(EmailProblem::NoDomain);
    }
    if domain.starts_with('[') {
        return Err(EmailProblem::AddressLiteral);
    }
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| EmailProblem::Domain)?;
    let last = ascii.rsplit('.').next().unwrap_or_default();
    // No top-level domain is without a letter, but every plain IP address is.
    if ascii.starts_with('.') || !last.bytes().any(|byte| byte.is_ascii_alphabetic()) {
        return Err(EmailProblem::Domain);
    }
    let is_below = |name: &String| {
        ascii.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if rules.special_use.iter().any(is_below) {
        return Err(EmailProblem::SpecialUse);
    }
    if !ascii.contains('.') {
        return Err(EmailProblem::DomainWithoutPeriod);
    }
    let (shown, read) = idna::domain_to_unicode(&ascii);
    read.map_err(|_| EmailProblem::Domain)?;
    Ok(shown)
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// By the default rules.
impl FromStr for Email {
    type Err = EmailProblem;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text, &EmailRules::default())
    }
}

/// By the lenient rules: what the installation accepts beyond the grammar is asked where input arrives.
impl<'de> Deserialize<'de> for Email {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text, &EmailRules::lenient()).map_err(serde::de::Error::custom)
    }
}

impl Param for Email {
    fn value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(&self.0))
    }
}

impl Column for Email {
    fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
        Ok(Self(cell.text()?.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_is_kept_in_the_form_in_which_it_is_shown() {
        for (typed, kept) in [
            ("nora@example.com", "nora@example.com"),
            ("  Nora.Lind@EXAMPLE.Com ", "Nora.Lind@example.com"),
            ("Foo <foo@example.com>", "foo@example.com"),
            ("\"Lind, Nora\" <nora@example.com>", "nora@example.com"),
            ("<nora@example.com>", "nora@example.com"),
            ("nora+shop@example.com", "nora+shop@example.com"),
            ("e\u{301}va@example.com", "éva@example.com"),
            ("nora@BÜCHER.example", "nora@bücher.example"),
            ("nora@xn--bcher-kva.example", "nora@bücher.example"),
            ("n@123.example", "n@123.example"),
        ] {
            assert_eq!(typed.parse::<Email>().unwrap().as_str(), kept, "{typed:?}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        for (typed, problem) in [
            ("nora", EmailProblem::NoAtSign),
            ("", EmailProblem::NoAtSign),
            ("nora@a.example@b.example", EmailProblem::SeveralAtSigns),
            ("@example.com", EmailProblem::NoLocalPart),
            ("nora@", EmailProblem::NoDomain),
            ("\"nora lind\"@example.com", EmailProblem::QuotedLocalPart),
            (".nora@example.com", EmailProblem::LocalPeriods),
            ("nora..lind@example.com", EmailProblem::LocalPeriods),
            ("nora.@example.com", EmailProblem::LocalPeriods),
            ("nora lind@example.com", EmailProblem::LocalCharacter(' ')),
            ("nora\u{202e}@example.com", EmailProblem::LocalCharacter('\u{202e}')),
            ("nora@[127.0.0.1]", EmailProblem::AddressLiteral),
            ("nora@127.0.0.1", EmailProblem::Domain),
            ("nora@exa mple.com", EmailProblem::Domain),
            ("nora@-example.com", EmailProblem::Domain),
            ("nora@example..com", EmailProblem::Domain),
            ("nora@.example.com", EmailProblem::Domain),
            ("nora@example.com.", EmailProblem::Domain),
            ("nora@example", EmailProblem::DomainWithoutPeriod),
            ("nora@localhost", EmailProblem::SpecialUse),
            ("nora@shop.LOCAL", EmailProblem::SpecialUse),
            ("nora@shop.test", EmailProblem::SpecialUse),
            ("Foo; Bar <foo@example.com>", EmailProblem::LocalCharacter(';')),
        ] {
            assert_eq!(typed.parse::<Email>().unwrap_err(), problem, "{typed:?}");
        }
    }

    #[test]
    fn lengths_have_ends() {
        let local = "a".repeat(64);
        assert!(format!("{local}@example.com").parse::<Email>().is_ok());
        assert!(format!("{}@example.com", "é".repeat(64)).parse::<Email>().is_ok());
        assert_eq!(format!("{local}a@example.com").parse::<Email>(), Err(EmailProblem::LocalTooLong));
        let domain = |length: usize| {
            let labels = format!("{}.", "b".repeat(60)).repeat(3);
            let rest = length - labels.len();
            format!("{labels}{}", "c".repeat(rest))
        };
        assert!(format!("a@{}", domain(200)).parse::<Email>().is_ok());
        assert_eq!(format!("{local}@{}", domain(200)).parse::<Email>(), Err(EmailProblem::TooLong));
        assert_eq!("a".repeat(2049).parse::<Email>(), Err(EmailProblem::InputTooLong));
    }

    #[test]
    fn special_use_names_are_a_setting() {
        let rules = EmailRules { special_use: vec!["invalid".into()] };
        assert!(Email::parse("nora@shop.local", &rules).is_ok());
        assert!(Email::parse("nora@latest.example", &EmailRules::default()).is_ok());
        assert_eq!(Email::parse("nora@shop.invalid", &rules), Err(EmailProblem::SpecialUse));
        assert!(Email::parse("nora@shop.invalid", &EmailRules::lenient()).is_ok());
    }

    #[test]
    fn addresses_are_compared_in_lower_case() {
        let email: Email = "NORA@Example.com".parse().unwrap();
        assert_eq!(email.lower(), "nora@example.com");
        assert_eq!((email.local(), email.domain()), ("NORA", "example.com"));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_accepted_stays_as_it_is(text in ".{0,80}") {
            if let Ok(email) = text.parse::<Email>() {
                prop_assert_eq!(email.as_str().parse::<Email>().unwrap(), email);
            }
        }

        #[test]
        fn plain_addresses_are_accepted(local in "[a-zA-Z0-9_+-]{1,30}", label in "[a-z]{1,20}") {
            let text = format!("{local}@{label}.example");
            let email: Email = text.parse().unwrap();
            prop_assert_eq!(email.as_str(), text);
        }
    }
}
