//! What mails say: plain data, complete in itself but for license keys, so that a mail says what was true when it was
//! asked for.
//!
//! There is no text here and no address of a page: those are made when the mail is sent.

use merak_store::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::benefits::Benefit;
use crate::customers::Customer;
use crate::kit::{Cents, Currency, Id};
use crate::products::RecurringInterval;

/// A mail that keeps nothing secret but what its reader has bought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "email", rename_all = "snake_case")]
pub enum Email {
    /// To a customer: a one-time purchase was made, for money or for nothing.
    OrderConfirmation {
        /// What was bought and for how much.
        receipt: Receipt,
        /// What comes with it.
        benefits: Vec<BenefitLine>,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a customer: a subscription has begun.
    SubscriptionConfirmation {
        /// The product's name.
        product_name: String,
        /// What it costs; none if it is free.
        price: Option<RecurringPrice>,
        /// What was paid at its start; none if that was nothing.
        receipt: Option<Receipt>,
        /// Until when it costs nothing, if it begins with a trial.
        trial_ends_at: Option<Timestamp>,
        /// What comes with it.
        benefits: Vec<BenefitLine>,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a customer: a subscription went on for another period and was paid.
    SubscriptionRenewed {
        /// What was paid.
        receipt: Receipt,
        /// When the period that was paid for ends.
        period_ends_at: Timestamp,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a customer: a payment of a subscription did not go through. The link leads to where it can be paid and the
    /// means of payment changed.
    PaymentFailed {
        /// The product's name.
        product_name: String,
        /// What is owed.
        amount: Money,
        /// When it is tried again by itself; none if it is not.
        next_attempt_at: Option<Timestamp>,
        /// Until when the customer keeps what comes with it; none if it is taken back at once.
        #[serde(default)]
        kept_until: Option<Timestamp>,
        /// Whether it is the customer's bank that wants them to approve it.
        #[serde(default)]
        awaits_approval: bool,
        /// Where the customer can do something about it.
        portal: PortalLink,
    },
    /// To a customer: a subscription that was to become a paid one stays as it is, because the payment did not go through.
    ChangeNotPaid {
        /// The name of the product that it was to be changed to.
        product_name: String,
        /// What was to be paid.
        amount: Money,
        /// Where the customer can try again.
        portal: PortalLink,
    },
    /// To a customer: money went back to them.
    Refunded {
        /// The name of the product that it was paid for.
        product_name: String,
        /// The number of the invoice of which it is, if it has one.
        number: Option<String>,
        /// How much.
        amount: Money,
        /// When.
        refunded_at: Timestamp,
        /// Whether what came with a one-time purchase was taken back. That a subscription has ended is told by itself.
        takes_back: bool,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a customer: money that came too late to be of use went back to them.
    PaymentReturned {
        /// The name of the product that it was to be paid for, if that is known.
        product_name: Option<String>,
        /// How much.
        amount: Money,
        /// When.
        returned_at: Timestamp,
        /// Where the customer sees what they have.
        portal: PortalLink,
    },
    /// To a customer: a subscription will end and not go on.
    SubscriptionCanceled {
        /// The product's name.
        product_name: String,
        /// When it ends.
        ends_at: Timestamp,
        /// What the customer has until then.
        benefits: Vec<BenefitLine>,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a customer: a subscription that was to end goes on.
    SubscriptionUncanceled {
        /// The product's name.
        product_name: String,
        /// When it renews; none if that is not known.
        renews_at: Option<Timestamp>,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a customer: a subscription is over, and what came with it too.
    SubscriptionEnded {
        /// The product's name.
        product_name: String,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a customer: something they bought is ready that was not when its receipt was sent.
    BenefitGranted {
        /// What is ready.
        benefit: BenefitLine,
        /// What it came with, if that is known.
        product_name: Option<String>,
        /// Where the customer sees it.
        portal: PortalLink,
    },
    /// To a user: a personal access token of theirs was found in public and ended.
    LeakedPersonalAccessToken {
        /// What its owner wrote to it.
        comment: String,
        /// Where it was found.
        found: Found,
    },
    /// To a user, or a member of an organization: an OAuth2 token was found in public and ended.
    LeakedOauth2Token {
        /// What the program is called that had the token, if it has a name.
        client_name: Option<String>,
        /// Where it was found.
        found: Found,
    },
    /// To a member of an organization: somebody bought something once.
    NewSale {
        /// The product's name.
        product_name: String,
        /// What was paid, taxes included.
        amount: Money,
        /// Who bought.
        customer_email: String,
        /// What they are called, if they said so.
        customer_name: Option<String>,
    },
    /// To a member of an organization: somebody subscribed.
    NewSubscription {
        /// The product's name.
        product_name: String,
        /// What it costs; none if it is free.
        price: Option<RecurringPrice>,
        /// Who subscribed.
        customer_email: String,
        /// What they are called, if they said so.
        customer_name: Option<String>,
    },
    /// To a member of an organization: the bank of a customer wants a payment back.
    DisputeOpened {
        /// Which payment.
        of: DisputedPayment,
    },
    /// To a member of an organization: the bank has decided about a payment that it wanted back.
    DisputeClosed {
        /// Which payment.
        of: DisputedPayment,
        /// Whether the organization keeps the money.
        is_won: bool,
    },
}

/// A mail that lets its reader in. Whoever reads it can act as its recipient, so it is sealed until it is sent.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "email", rename_all = "snake_case")]
pub enum SecretEmail {
    /// To a customer: a code that signs in to the portal.
    SignInCode {
        /// The code.
        code: String,
        /// When it ends. The mail is of no use later and is then not sent any more.
        expires_at: Timestamp,
    },
    /// To a user: a link that signs in.
    SignInLink {
        /// The token in the link.
        token: String,
        /// When it ends. The mail is of no use later and is then not sent any more.
        expires_at: Timestamp,
    },
}

/// What was bought and paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The number by which both sides find it again, if it has one.
    pub number: Option<String>,
    /// The product's name.
    pub product_name: String,
    /// What makes up the amount before discount and tax, in order. May be empty: then the product's name stands for it.
    pub lines: Vec<ReceiptLine>,
    /// The currency of all amounts.
    pub currency: Currency,
    /// Before discount and tax.
    pub subtotal: Cents,
    /// What was taken off; 0 if nothing was.
    pub discount: Cents,
    /// The tax.
    pub tax: Cents,
    /// What was to be paid, with tax.
    pub total: Cents,
    /// How much of it was paid with the customer's credit; the rest was charged.
    #[serde(default)]
    pub credit: Cents,
    /// When it was paid.
    pub paid_at: Timestamp,
}

/// One line of a receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    /// What it is for.
    pub label: String,
    /// Its amount in the receipt's currency; negative if something is given back.
    pub amount: Cents,
}

/// An amount with its currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// How much.
    pub amount: Cents,
    /// Of what.
    pub currency: Currency,
}

/// What a subscription costs each month or year.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecurringPrice {
    /// How much, without tax.
    pub amount: Cents,
    /// Of what.
    pub currency: Currency,
    /// How often.
    pub interval: RecurringInterval,
}

/// One benefit as a mail lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BenefitLine {
    /// What the seller calls it.
    pub description: String,
    /// What the seller wants its holders to know.
    pub note: Option<String>,
    /// The benefit, if it gives a license key: the key is looked up when the mail is sent, so that it is there by then and
    /// never in the mail's record.
    pub key_of: Option<Id<Benefit>>,
    /// The license key, if there is one.
    #[serde(skip)]
    pub license_key: Option<String>,
    /// The names of the files that can be downloaded in the portal.
    pub downloads: Vec<String>,
}

/// A payment that the bank of a customer wants back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisputedPayment {
    /// The name of the product that it was paid for; none if it paid for nothing.
    pub product_name: Option<String>,
    /// How much the bank wants.
    pub amount: Money,
    /// Who paid, if that is known.
    pub customer_email: Option<String>,
    /// What they are called, if they said so.
    pub customer_name: Option<String>,
    /// The order that it paid for.
    pub order_id: Option<Uuid>,
}

/// Leads to the customer portal. The address is made when the mail is sent, with a new session of the customer, so that
/// its hour begins then and its token is nowhere in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalLink {
    /// Who is signed in by it.
    pub customer_id: Id<Customer>,
    /// The order or subscription that is shown first.
    pub shows: Option<Uuid>,
}

/// Where a leaked token was found, as it was reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Who told.
    pub notifier: String,
    /// Where it can be seen, if that was said.
    pub url: Option<String>,
}

impl Email {
    /// What comes with what was bought, where the mail lists it.
    pub(super) fn benefits_mut(&mut self) -> &mut [BenefitLine] {
        match self {
            Self::OrderConfirmation { benefits, .. }
            | Self::SubscriptionConfirmation { benefits, .. }
            | Self::SubscriptionCanceled { benefits, .. } => benefits,
            Self::BenefitGranted { benefit, .. } => std::slice::from_mut(benefit),
            _ => &mut [],
        }
    }

    /// The mail's name in the table, in logs and in metrics.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::OrderConfirmation { .. } => "order_confirmation",
            Self::SubscriptionConfirmation { .. } => "subscription_confirmation",
            Self::SubscriptionRenewed { .. } => "subscription_renewed",
            Self::PaymentFailed { .. } => "payment_failed",
            Self::ChangeNotPaid { .. } => "change_not_paid",
            Self::Refunded { .. } => "refunded",
            Self::PaymentReturned { .. } => "payment_returned",
            Self::SubscriptionCanceled { .. } => "subscription_canceled",
            Self::SubscriptionUncanceled { .. } => "subscription_uncanceled",
            Self::SubscriptionEnded { .. } => "subscription_ended",
            Self::BenefitGranted { .. } => "benefit_granted",
            Self::LeakedPersonalAccessToken { .. } => "leaked_personal_access_token",
            Self::LeakedOauth2Token { .. } => "leaked_oauth2_token",
            Self::NewSale { .. } => "new_sale",
            Self::NewSubscription { .. } => "new_subscription",
            Self::DisputeOpened { .. } => "dispute_opened",
            Self::DisputeClosed { .. } => "dispute_closed",
        }
    }

    /// The portal it leads to.
    pub const fn portal(&self) -> Option<PortalLink> {
        match self {
            Self::OrderConfirmation { portal, .. }
            | Self::SubscriptionConfirmation { portal, .. }
            | Self::SubscriptionRenewed { portal, .. }
            | Self::PaymentFailed { portal, .. }
            | Self::ChangeNotPaid { portal, .. }
            | Self::Refunded { portal, .. }
            | Self::PaymentReturned { portal, .. }
            | Self::SubscriptionCanceled { portal, .. }
            | Self::SubscriptionUncanceled { portal, .. }
            | Self::SubscriptionEnded { portal, .. }
            | Self::BenefitGranted { portal, .. } => Some(*portal),
            Self::LeakedPersonalAccessToken { .. }
            | Self::LeakedOauth2Token { .. }
            | Self::NewSale { .. }
            | Self::NewSubscription { .. }
            | Self::DisputeOpened { .. }
            | Self::DisputeClosed { .. } => None,
        }
    }
}

impl SecretEmail {
    /// As [`Email::kind`].
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::SignInCode { .. } => "sign_in_code",
            Self::SignInLink { .. } => "sign_in_link",
        }
    }

    /// From when on the mail is of no use.
    pub const fn expires_at(&self) -> Timestamp {
        match self {
            Self::SignInCode { expires_at, .. } | Self::SignInLink { expires_at, .. } => *expires_at,
        }
    }
}

impl std::fmt::Debug for SecretEmail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretEmail").field("kind", &self.kind()).finish_non_exhaustive()
    }
}
