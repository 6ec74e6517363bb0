//! Amounts, prices and cards in the words of the portal.

use merak_core::billing::PaymentMethod;
use merak_core::kit::{Cents, Currency};
use merak_core::products::{AmountType, Price, RecurringInterval};
use merak_core::subscriptions::{Subscription, SubscriptionStatus};

use crate::emails::words::amount;

/// How an interval is said: `month`.
pub fn every(interval: RecurringInterval) -> &'static str {
    match interval {
        RecurringInterval::Month => "month",
        RecurringInterval::Year => "year",
    }
}

/// What a subscription costs: `$9.00 / month`.
pub fn rate(cents: Option<Cents>, currency: Option<Currency>, interval: RecurringInterval) -> String {
    match cents.filter(|cents| *cents != Cents::default()) {
        Some(cents) => format!("{} / {}", amount(cents, currency.unwrap_or_default()), every(interval)),
        None => String::from("Free"),
    }
}

/// What a price costs.
pub fn price(price: &Price) -> String {
    let interval = price.recurring_interval.unwrap_or(RecurringInterval::Month);
    match price.amount_type {
        AmountType::Free => String::from("Free"),
        AmountType::Fixed => rate(price.price_amount, price.price_currency, interval),
        AmountType::Custom => String::from("Your choice"),
    }
}

/// A badge: its colour and its word.
pub type Badge = (&'static str, &'static str);

/// How a subscription stands.
pub fn badge(subscription: &Subscription) -> Badge {
    match subscription.status {
        SubscriptionStatus::Active | SubscriptionStatus::Trialing if subscription.cancel_at_period_end => {
            ("warm", "Ends soon")
        }
        SubscriptionStatus::Active => ("good", "Active"),
        SubscriptionStatus::Trialing => ("good", "Trial"),
        SubscriptionStatus::PastDue => ("bad", "Payment due"),
        SubscriptionStatus::Unpaid => ("bad", "Unpaid"),
        SubscriptionStatus::Canceled => ("", "Ended"),
        SubscriptionStatus::Incomplete => ("warm", "Not started"),
        SubscriptionStatus::IncompleteExpired => ("", "Never started"),
    }
}

/// A card as people know it: `Visa ending in 4242`.
pub fn card(method: &PaymentMethod) -> String {
    let brand = match method.brand.as_deref() {
        Some("visa") => "Visa",
        Some("mastercard") => "Mastercard",
        Some("amex") => "American Express",
        Some("discover") => "Discover",
        Some("diners") => "Diners Club",
        Some("jcb") => "JCB",
        Some("unionpay") => "UnionPay",
        Some(other) => other,
        None => "Card",
    };
    match &method.last4 {
        Some(last4) => format!("{brand} ending in {last4}"),
        None => brand.to_owned(),
    }
}

/// Until when a card is good: `12/2030`.
pub fn card_expiry(method: &PaymentMethod) -> Option<String> {
    Some(format!("{:02}/{}", method.exp_month?, method.exp_year?))
}
