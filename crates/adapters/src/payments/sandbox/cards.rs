//! The test cards, and the tokens that stand for them.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::TOKEN_PREFIX;
use crate::hex::hex;
use crate::payments::Decline;

/// For how long a token of a form is good, in seconds.
const TOKEN_LIFETIME: i64 = 12 * 60 * 60;

/// What the customer typed into the form.
#[derive(Clone)]
pub struct Card {
    /// The number; spaces and hyphens count for nothing.
    pub number: String,
    /// The month in which it expires, from 1.
    pub exp_month: u8,
    /// The year in which it expires, in four digits.
    pub exp_year: u16,
    /// The three or four digits on its back.
    pub cvc: String,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Card(…)")
    }
}

/// What is wrong with what the customer typed. The sentences are for the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardProblem {
    /// Real cards have no business here.
    #[error("This is a sandbox: only test cards are accepted, such as 4242 4242 4242 4242.")]
    Number,
    /// The card has expired, or the month is none.
    #[error("The date of expiry is in the past or no date.")]
    Expiry,
    /// The digits are missing.
    #[error("The security code has three or four digits.")]
    Cvc,
}

/// A card, and what comes of using it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TestCard {
    pub(super) number: &'static str,
    /// What its token without a form ends with, and what records call it. Never changed.
    pub(super) name: &'static str,
    pub(super) brand: &'static str,
    pub(super) country: &'static str,
    pub(super) scenario: Scenario,
}

/// What comes of using a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scenario {
    /// All is well.
    Approve,
    /// It is declined.
    Decline(Reason),
    /// The customer must prove who they are, unless they did so when the card was saved.
    AuthenticateOnce,
    /// The customer must prove who they are, always.
    AuthenticateAlways,
    /// All is well while the customer is there; without them it is declined.
    DeclineLater(Reason),
    /// All is well, until the customer's bank wants the money back.
    Dispute { won: bool },
    /// What comes of it is known after a while.
    Delay { approve: bool },
    /// All is well, and told twice.
    TellTwice,
    /// All is well, and a failure that came before is told after it.
    TellReversed,
    /// All is well, and told late.
    TellLate,
    /// All is well, but the answer is lost once.
    LoseAnswer,
    /// All is well, but money that is given back needs a while, and may not arrive.
    RefundLater { arrives: bool },
}

/// Why a card is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) enum Reason {
    Declined,
    InsufficientFunds,
    Expired,
    Lost,
    IncorrectCvc,
    AuthenticationRequired,
    AuthenticationFailed,
    AmountTooSmall,
    AmountTooLarge,
    UnknownToken,
    UnknownMethod,
}

use Scenario::{
    Approve, AuthenticateAlways, AuthenticateOnce, Decline as Refuse, DeclineLater, Delay, Dispute,
    LoseAnswer, RefundLater, TellLate, TellReversed, TellTwice,
};

const fn card(number: &'static str, name: &'static str, scenario: Scenario) -> TestCard {
    TestCard { number, name, brand: "visa", country: "US", scenario }
}

pub(super) const TEST_CARDS: [TestCard; 24] = [
    card("4242424242424242", "success", Approve),
    TestCard { brand: "mastercard", ..card("5555555555554444", "mastercard", Approve) },
    TestCard { country: "FR", ..card("4000002500000003", "france", Approve) },
    card("4000000000000002", "declined", Refuse(Reason::Declined)),
    card("4000000000009995", "insufficient_funds", Refuse(Reason::InsufficientFunds)),
    card("4000000000000069", "expired_card", Refuse(Reason::Expired)),
    card("4000000000009987", "lost_card", Refuse(Reason::Lost)),
    card("4000000000000127", "incorrect_cvc", Refuse(Reason::IncorrectCvc)),
    card("4000002500003155", "authentication", AuthenticateOnce),
    card("4000002760003184", "authentication_always", AuthenticateAlways),
    card("4000000000000341", "declined_later", DeclineLater(Reason::Declined)),
    card("4000000000000309", "lost_later", DeclineLater(Reason::Lost)),
    card("4000000000000259", "dispute_lost", Dispute { won: false }),
    card("4000000000001976", "dispute_won", Dispute { won: true }),
    card("4000000000000408", "delayed_success", Delay { approve: true }),
    card("4000000000000507", "delayed_failure", Delay { approve: false }),
    card("4000000000000606", "events_twice", TellTwice),
    card("4000000000000705", "events_reversed", TellReversed),
    card("4000000000000804", "events_late", TellLate),
    card("4000000000000903", "answer_lost", LoseAnswer),
    card("4000000000007726", "refund_pending", RefundLater { arrives: true }),
    card("4000000000005126", "refund_failed", RefundLater { arrives: false }),
    TestCard { brand: "amex", ..card("378282246310005", "amex", Approve) },
    TestCard { country: "DE", ..card("4000002760000016", "germany", Approve) },
];

/// The test cards for a page that offers them: the number in groups of four, and what comes of it, the most usual first.
/// Those that differ by their brand or bank alone are left out.
pub fn offered() -> impl Iterator<Item = (String, &'static str)> {
    const FIRST: [&str; 3] = ["success", "declined", "authentication"];
    let is_first = |card: &&TestCard| FIRST.contains(&card.name);
    let others = TEST_CARDS.iter().filter(move |card| !is_first(card) && card.scenario != Approve);
    TEST_CARDS.iter().filter(is_first).chain(others).map(|card| (card.grouped(), card.scenario.words()))
}

impl Scenario {
    const fn words(self) -> &'static str {
        match self {
            Approve => "is accepted",
            Refuse(reason) => reason.words(),
            AuthenticateOnce => "asks you to approve",
            AuthenticateAlways => "asks you to approve; renewals are declined",
            DeclineLater(Reason::Lost) => "is accepted; renewals are declined for good",
            DeclineLater(_) => "is accepted; renewals are declined",
            Dispute { won: true } => "is accepted, then disputed; the shop wins",
            Dispute { won: false } => "is accepted, then disputed; the shop loses",
            Delay { approve: true } => "is accepted after ten seconds",
            Delay { approve: false } => "is declined after ten seconds",
            TellTwice => "is accepted, and the event comes twice",
            TellReversed => "is accepted, and an older failure is told afterwards",
            TellLate => "is accepted, and the event comes late",
            LoseAnswer => "is accepted, and the first answer is lost",
            RefundLater { arrives: true } => "is accepted; refunds take a while",
            RefundLater { arrives: false } => "is accepted; refunds fail after a while",
        }
    }
}

impl Reason {
    const fn words(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "is declined for want of money",
            Self::Expired => "is declined: it has expired",
            Self::Lost => "is declined: it was lost",
            Self::IncorrectCvc => "is declined for its security code",
            _ => "is declined",
        }
    }
}

impl TestCard {
    fn grouped(&self) -> String {
        let mut grouped = String::new();
        for (place, digit) in self.number.chars().enumerate() {
            if place > 0 && place % 4 == 0 {
                grouped.push(' ');
            }
            grouped.push(digit);
        }
        grouped
    }

    pub(super) fn numbered(number: &str) -> Option<&'static Self> {
        let digits: String = number.chars().filter(|letter| !matches!(letter, ' ' | '-')).collect();
        TEST_CARDS.iter().find(|card| card.number == digits)
    }

    pub(super) fn named(name: &str) -> Option<&'static Self> {
        TEST_CARDS.iter().find(|card| card.name == name)
    }

    pub(super) fn last4(&self) -> &'static str {
        &self.number[self.number.len() - 4..]
    }
}

impl Reason {
    const fn code(self) -> &'static str {
        match self {
            Self::Declined => "card_declined",
            Self::InsufficientFunds => "insufficient_funds",
            Self::Expired => "expired_card",
            Self::Lost => "lost_card",
            Self::IncorrectCvc => "incorrect_cvc",
            Self::AuthenticationRequired => "authentication_required",
            Self::AuthenticationFailed => "authentication_failed",
            Self::AmountTooSmall => "amount_too_small",
            Self::AmountTooLarge => "amount_too_large",
            Self::UnknownToken => "unknown_confirmation_token",
            Self::UnknownMethod => "unknown_payment_method",
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Declined => "Your card was declined.",
            Self::InsufficientFunds => "Your card has insufficient funds.",
            Self::Expired => "Your card has expired.",
            Self::Lost => "Your card cannot be used any more.",
            Self::IncorrectCvc => "Your card's security code is incorrect.",
            Self::AuthenticationRequired => "Your bank wants you to confirm this payment.",
            Self::AuthenticationFailed => "Your bank could not confirm that it is you who pays.",
            Self::AmountTooSmall => "The amount is too small to be paid by card.",
            Self::AmountTooLarge => "The amount is too large to be paid by card.",
            Self::UnknownToken => "What you typed is not known any more. Please type it again.",
            Self::UnknownMethod => "This payment method is not saved any more.",
        }
    }

    pub(super) fn decline(self) -> Decline {
        Decline {
            code: self.code().to_owned(),
            message: self.message().to_owned(),
            hard: !matches!(
                self,
                Self::Declined
                    | Self::InsufficientFunds
                    | Self::IncorrectCvc
                    | Self::AuthenticationRequired
                    | Self::AuthenticationFailed
            ),
            authentication_required: matches!(self, Self::AuthenticationRequired),
        }
    }
}

/// A card as a token or a record holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Presented {
    pub(super) card: &'static TestCard,
    pub(super) exp_month: u8,
    pub(super) exp_year: u16,
}

/// The token of what was typed, signed by `mac`, so that a form cannot be answered without having been shown.
pub(super) fn make_token(
    typed: &Card,
    now: Timestamp,
    mac: impl Fn(&str) -> [u8; 32],
) -> Result<String, CardProblem> {
    let card = TestCard::numbered(&typed.number).ok_or(CardProblem::Number)?;
    let today = TimeZone::UTC.to_datetime(now);
    let month = (i64::from(typed.exp_year), i64::from(typed.exp_month));
    let is_expired = month < (i64::from(today.year()), i64::from(today.month()));
    if is_expired || !(1..=12).contains(&typed.exp_month) || typed.exp_year > 9999 {
        return Err(CardProblem::Expiry);
    }
    let cvc = typed.cvc.trim();
    if !matches!(cvc.len(), 3 | 4) || !cvc.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(CardProblem::Cvc);
    }
    let body = format!("{}.{}.{}.{}", card.name, typed.exp_month, typed.exp_year, now.as_second());
    Ok(format!("{TOKEN_PREFIX}{body}.{}", hex(&mac(&body))))
}

/// The card that a token stands for: one of a form, or `ctoken_sandbox_` and the name of a test card.
pub(super) fn read_token(token: &str, now: Timestamp, mac: impl Fn(&str) -> [u8; 32]) -> Option<Presented> {
    let text = token.strip_prefix(TOKEN_PREFIX)?;
    let Some((body, signature)) = text.rsplit_once('.') else {
        let year = TimeZone::UTC.to_datetime(now).year();
        let exp_year = u16::try_from(year).ok()?.saturating_add(5);
        return TestCard::named(text).map(|card| Presented { card, exp_month: 12, exp_year });
    };
    // Who forges a token of the sandbox gains nothing that its documented tokens do not give, so the time that the
    // comparison takes may tell what it likes.
    if hex(&mac(body)) != signature {
        return None;
    }
    let mut parts = body.split('.');
    let card = TestCard::named(parts.next()?)?;
    let (exp_month, exp_year) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let made_at: i64 = parts.next()?.parse().ok()?;
    (now.as_second() - made_at <= TOKEN_LIFETIME).then_some(Presented { card, exp_month, exp_year })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn is_luhn(number: &str) -> bool {
        let value = |(place, digit): (usize, u8)| {
            let doubled = u32::from(digit - b'0') << (place % 2);
            doubled / 10 + doubled % 10
        };
        let sum: u32 = number.bytes().rev().enumerate().map(value).sum();
        sum.is_multiple_of(10)
    }

    #[test]
    fn what_is_offered_are_test_cards_and_each_says_something_else() {
        let offered: Vec<_> = offered().collect();
        let numbers: Vec<&str> = offered.iter().map(|(number, _)| number.as_str()).collect();
        assert_eq!(numbers[..3], ["4242 4242 4242 4242", "4000 0000 0000 0002", "4000 0025 0000 3155"]);
        let mut words: Vec<&str> = offered.iter().map(|(_, words)| *words).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!((words.len(), offered.len()), (20, 20));
        assert!(numbers.iter().all(|number| TestCard::numbered(number).is_some()));
    }

    #[test]
    fn cards_are_well_formed_and_told_apart() {
        assert!(!is_luhn("4242424242424243"));
        assert!(TEST_CARDS.iter().all(|card| is_luhn(card.number)));
        let distinct = |text: fn(&TestCard) -> &'static str| {
            TEST_CARDS.iter().map(text).collect::<BTreeSet<_>>().len() == TEST_CARDS.len()
        };
        assert!(distinct(|card| card.number) && distinct(|card| card.name));
    }

    #[test]
    fn every_card_is_documented() {
        let manual = include_str!("mod.rs");
        for card in &TEST_CARDS {
            assert!(
                manual.contains(&format!("//! | `{}` | `{}` |", card.number, card.name)),
                "{}",
                card.name
            );
        }
    }
}
