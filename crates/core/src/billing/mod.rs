//! Billing: what is to be paid, the attempts to get it, and what becomes of it.
//!
//! An invoice is made out, a payment for it is written down and then tried; what came of it is settled in one unit with
//! everything that follows. The processor is asked between units, never within one, with the payment's id as the key of
//! idempotence: a crash at any point leaves a payment that is still pending, and asking again gives its first answer.
//!
//! | Room | Does |
//! | --- | --- |
//! | [`invoices`] | makes out invoices: lines, discount, tax, credit |
//! | [`payments`] | plans attempts to get money, and says whose answer is overdue |
//! | [`settle()`] | writes down what came of payments, with everything that follows |
//! | [`renewal`] | opens the next period of what is due, ends what was canceled, tries again what is owed |
//! | [`rules`] | when periods begin, and when a failed payment is tried again |
//! | [`methods`] | what customers saved to pay with |
//! | [`refunds`] | gives money back |
//! | [`hints`] | takes in what processors tell by themselves |
//!
//! All of them take and return plain data, so that the whole engine runs without a server and without a processor.

mod audit;
mod books;
pub mod disputes;
mod dunning;
pub mod hints;
mod holds;
mod invoice_taxes;
pub mod invoices;
pub mod methods;
pub mod outcome;
mod paid;
pub mod payments;
pub mod refunds;
pub mod renewal;
pub mod rules;
mod settle;

use merak_store::{Json, Timestamp, row};

pub(crate) use self::audit::CHECK as AUDIT;
pub(crate) use self::books::Books;
pub use self::dunning::{end_owed, without_method};
pub(crate) use self::holds::is_blocked;
pub use self::outcome::{Answer, Outcome};
pub(crate) use self::paid::{Copies, announce, number_of, receipt, record};
pub use self::rules::{CatchUp, GivenUp, Rules};
pub use self::settle::{CANCELED, settle};
use crate::checkouts::Checkout;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::{Address, Cents, Country, Currency, Email, Id, TaxId, text_enum};
use crate::orders::Order;
use crate::organizations::{Organization, Seller};
use crate::products::{Price, Product};
use crate::subscriptions::Subscription;

text_enum! {
    /// What an invoice and its order are for.
    pub enum BillingReason {
        /// Something that is paid once.
        Purchase = "purchase",
        /// The first period of a subscription.
        SubscriptionCreate = "subscription_create",
        /// A later one.
        SubscriptionCycle = "subscription_cycle",
        /// A change of what is subscribed to.
        SubscriptionUpdate = "subscription_update",
    }
}

text_enum! {
    /// How an invoice stands.
    pub enum InvoiceStatus {
        /// It is to be paid.
        Open = "open",
        /// It is paid, or there was nothing to pay. Then it has an order.
        Paid = "paid",
        /// It need not be paid any more.
        Void = "void",
        /// It was given up.
        Uncollectible = "uncollectible",
    }
}

row! {
    /// What is to be paid, or was.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Invoice in "invoices" {
        /// The invoice's id.
        pub id: Id<Invoice>,
        /// Who sells.
        pub organization_id: Id<Organization>,
        /// Who pays.
        pub customer_id: Id<Customer>,
        /// The checkout that it came from.
        pub checkout_id: Option<Id<Checkout>>,
        /// The subscription that it pays for.
        pub subscription_id: Option<Id<Subscription>>,
        /// Which period of the subscription: each has one invoice at most.
        pub period: Option<i64>,
        /// When the period begins.
        pub period_start: Option<Timestamp>,
        /// When it ends.
        pub period_end: Option<Timestamp>,
        /// What it is for.
        pub billing_reason: BillingReason,
        /// How it stands.
        pub status: InvoiceStatus,
        /// What was bought.
        pub product_id: Id<Product>,
        /// At which price.
        pub product_price_id: Id<Price>,
        /// The discount that reduced it.
        pub discount_id: Option<Id<Discount>>,
        /// In which currency.
        pub currency: Currency,
        /// The sum of its lines; negative if more is given back than charged.
        pub amount: Cents,
        /// What the discount takes off.
        pub discount_amount: Cents,
        /// The tax.
        pub tax_amount: Cents,
        /// How the tax came about.
        pub tax: Option<Json>,
        /// How much of the customer's credit it uses.
        pub credit_applied: Cents,
        /// Who sells, as of then; unknown of invoices that earlier versions made out.
        pub seller: Option<Seller>,
        /// The customer's name as of then.
        pub customer_name: Option<String>,
        /// The customer's address for mail as of then.
        pub customer_email: Email,
        /// Where the customer was billed as of then.
        pub customer_billing_address: Option<Address>,
        /// The customer's tax number as of then.
        pub customer_tax_id: Option<TaxId>,
        /// When it was made out, by the organization's clock.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was paid or given up.
        pub settled_at: Option<Timestamp>,
    }
}

impl Invoice {
    /// The amount less discount, before tax: what the order shows as its amount.
    pub fn subtotal(&self) -> Cents {
        Cents::new(self.amount.get() - self.discount_amount.get())
    }

    /// With tax.
    pub fn total(&self) -> Cents {
        Cents::new(self.subtotal().get() + self.tax_amount.get())
    }

    /// The tax that the prices held; none where it comes on top.
    pub(crate) fn held(&self) -> Cents {
        let how: Option<serde_json::Value> = self.tax.as_ref().and_then(|how| how.parse().ok());
        let is_held = how.is_some_and(|how| how["is_inclusive"] == true);
        if is_held { self.tax_amount } else { Cents::default() }
    }

    /// What is to be charged. What is given back becomes credit, so it is never negative.
    pub fn due(&self) -> Cents {
        Cents::new((self.total().get() - self.credit_applied.get()).max(0))
    }
}

row! {
    /// One line of an invoice, or one that waits for the next invoice of its subscription.
    #[derive(Clone, Debug, PartialEq)]
    pub struct InvoiceLine in "invoice_lines" {
        /// The line's id.
        pub id: Id<InvoiceLine>,
        /// The invoice, once it is on one.
        pub invoice_id: Option<Id<Invoice>>,
        /// The subscription that it is of.
        pub subscription_id: Option<Id<Subscription>>,
        /// The price that is charged or given back.
        pub product_price_id: Id<Price>,
        /// What the customer reads.
        pub description: String,
        /// How much; negative gives back. Lines of changes have their discount taken off already.
        pub amount: Cents,
        /// The tax that its price held and that is not part of the amount any more, once it is on an invoice; negative where it
        /// is given back.
        pub held_amount: Cents,
        /// Whether it comes from a change within a period.
        pub is_proration: bool,
        /// From when it counts.
        pub period_start: Option<Timestamp>,
        /// Until when it counts.
        pub period_end: Option<Timestamp>,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

text_enum! {
    /// What a payment is to bring.
    pub enum PaymentKind {
        /// Money.
        Charge = "charge",
        /// The leave to charge later.
        Setup = "setup",
    }
}

text_enum! {
    /// How a payment stands.
    pub enum PaymentStatus {
        /// The processor is asked, or will be; nothing is known.
        Pending = "pending",
        /// The buyer has to do something: 3-D Secure.
        RequiresAction = "requires_action",
        /// The processor will tell later.
        Processing = "processing",
        /// It came.
        Succeeded = "succeeded",
        /// It will not come.
        Failed = "failed",
    }
}

row! {
    /// One attempt to get money, or the leave to get it later.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Payment in "payments" {
        /// The payment's id. The processor's key of idempotence is made of it.
        pub id: Id<Payment>,
        /// Who is to get it.
        pub organization_id: Id<Organization>,
        /// Who is to give it.
        pub customer_id: Id<Customer>,
        /// The checkout that it confirms.
        pub checkout_id: Option<Id<Checkout>>,
        /// The invoice that it pays; for a checkout only once that has succeeded.
        pub invoice_id: Option<Id<Invoice>>,
        /// What it is to bring.
        pub kind: PaymentKind,
        /// How it stands.
        pub status: PaymentStatus,
        /// Which processor.
        pub processor: String,
        /// What pays: a confirmation token, or the processor's id of a saved method.
        pub source: String,
        /// Whether the customer is not there.
        pub is_off_session: bool,
        /// Whether whoever asked for it had shown to be the customer. Anybody can type an address into a checkout.
        pub is_owner_known: bool,
        /// How much; nothing for a setup.
        pub amount: Cents,
        /// In which currency.
        pub currency: Currency,
        /// The processor's id of the attempt.
        pub processor_intent_id: Option<String>,
        /// The processor's id of the money.
        pub processor_charge_id: Option<String>,
        /// The saved method that pays, from the beginning if it was saved before, else once it has paid.
        pub payment_method_id: Option<Id<PaymentMethod>>,
        /// What the processor keeps, if it told.
        pub fee_amount: Option<Cents>,
        /// Why it failed, for programs.
        pub failure_code: Option<String>,
        /// Why it failed, for people.
        pub failure_message: Option<String>,
        /// When the processor has to be asked what became of it, by the real clock; none once that is known.
        pub ask_at: Option<Timestamp>,
        /// How often it was asked again.
        pub asked: i64,
        /// When it was written down, by the real clock.
        pub planned_at: Timestamp,
        /// When it was written down.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When its outcome was known.
        pub settled_at: Option<Timestamp>,
    }
}

impl Payment {
    /// Whether it has brought what it was to bring, with nothing left that a processor could tell of its outcome.
    pub fn is_complete(&self) -> bool {
        self.status == PaymentStatus::Succeeded
            && (self.kind == PaymentKind::Setup || self.fee_amount.is_some())
    }
}

row! {
    /// What a customer saved to pay with.
    #[derive(Clone, Debug, PartialEq)]
    pub struct PaymentMethod in "payment_methods" {
        /// The method's id.
        pub id: Id<PaymentMethod>,
        /// To whom it pays.
        pub organization_id: Id<Organization>,
        /// Whose it is.
        pub customer_id: Id<Customer>,
        /// Which processor keeps it.
        pub processor: String,
        /// The processor's id of it.
        pub processor_method_id: String,
        /// What it is, by the processor's word: `card`.
        pub r#type: String,
        /// The card's brand.
        pub brand: Option<String>,
        /// The card's last four digits.
        pub last4: Option<String>,
        /// The last month in which it is valid, from 1.
        pub exp_month: Option<i64>,
        /// The year of that month.
        pub exp_year: Option<i64>,
        /// Where it was issued.
        pub country: Option<Country>,
        /// Whether it is offered at checkouts, because its customer has given it, and had shown to be them. Others go on
        /// paying what they pay: somebody else may have typed them into a checkout for this customer.
        pub is_offered: bool,
        /// When it was saved.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was removed.
        pub detached_at: Option<Timestamp>,
    }
}

row! {
    /// Credit that a customer got or used. The sum is what is left.
    #[derive(Clone, Debug, PartialEq)]
    pub struct CreditEntry in "credit_entries" {
        /// The entry's id.
        pub id: Id<CreditEntry>,
        /// With whom.
        pub organization_id: Id<Organization>,
        /// Whose.
        pub customer_id: Id<Customer>,
        /// The invoice that gave or used it.
        pub invoice_id: Id<Invoice>,
        /// How much; negative was used.
        pub amount: Cents,
        /// In which currency.
        pub currency: Currency,
        /// When.
        pub created_at: Timestamp,
    }
}

text_enum! {
    /// How a refund stands.
    pub enum RefundStatus {
        /// The processor is asked, or will be.
        Pending = "pending",
        /// The money went back.
        Succeeded = "succeeded",
        /// It did not.
        Failed = "failed",
    }
}

row! {
    /// Money that goes back.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Refund in "refunds" {
        /// The refund's id. The processor's key of idempotence is made of it.
        pub id: Id<Refund>,
        /// Who gives it back.
        pub organization_id: Id<Organization>,
        /// Of which order; none if the money came when nobody waited for it any more.
        pub order_id: Option<Id<Order>>,
        /// Of which payment.
        pub payment_id: Id<Payment>,
        /// How much, with tax.
        pub amount: Cents,
        /// How much of it is tax.
        pub tax_amount: Cents,
        /// In which currency.
        pub currency: Currency,
        /// How it stands.
        pub status: RefundStatus,
        /// Why, in the seller's words.
        pub reason: Option<String>,
        /// Whether what was bought is taken back once it succeeds.
        pub revokes_benefits: bool,
        /// The processor's id of it.
        pub processor_refund_id: Option<String>,
        /// Why it failed.
        pub failure_message: Option<String>,
        /// When the processor has to be asked, by the real clock; none once the outcome is known.
        pub ask_at: Option<Timestamp>,
        /// How often it was asked again.
        pub asked: i64,
        /// When it was written down, by the real clock.
        pub planned_at: Timestamp,
        /// When it was written down.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When its outcome was known.
        pub settled_at: Option<Timestamp>,
    }
}

text_enum! {
    /// How a dispute stands.
    pub enum DisputeStatus {
        /// The bank has not decided.
        Open = "open",
        /// For the seller.
        Won = "won",
        /// For the buyer.
        Lost = "lost",
    }
}

row! {
    /// A payment that the buyer's bank takes back, or wants to.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Dispute in "disputes" {
        /// The dispute's id.
        pub id: Id<Dispute>,
        /// From whom.
        pub organization_id: Id<Organization>,
        /// Which payment.
        pub payment_id: Id<Payment>,
        /// The processor's id of it.
        pub processor_dispute_id: String,
        /// How it stands.
        pub status: DisputeStatus,
        /// How much.
        pub amount: Cents,
        /// What the processor keeps for it.
        pub fee_amount: Cents,
        /// In which currency.
        pub currency: Currency,
        /// When it was opened.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
    }
}
