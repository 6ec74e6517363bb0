//! The invoice of an order: everything that a document of it says, and the token by which its document is fetched.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp};

use super::{Order, find};
use crate::billing::{Invoice, InvoiceLine};
use crate::discounts::{self, Discount};
use crate::kit::{
    Address, Cents, Currency, Email, Id, InstanceSecret, Kind, Purpose, Refusal, Result, TaxId, read_note,
    sign,
};
use crate::organizations::{self, Seller};

/// For how many seconds the address of an invoice is good.
pub const LIFETIME: i64 = 3600;

/// What the document of an invoice says.
#[derive(Clone, Debug)]
pub struct InvoiceData {
    /// The order that it is of.
    pub order: Order,
    /// The number, counted without gaps in the organization.
    pub number: i64,
    /// When it was made out, by the organization's clock.
    pub issued_at: Timestamp,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// The name in addresses of who sold; never changed.
    pub slug: String,
    /// Who sold, as of then.
    pub seller: Seller,
    /// Who bought, as of then.
    pub buyer: Buyer,
    /// The period that it pays for, if it is of a subscription.
    pub period: Option<(Timestamp, Timestamp)>,
    /// What was charged and given back, in order.
    pub lines: Vec<InvoiceLine>,
    /// The discount that reduced it; may be deleted.
    pub discount: Option<Discount>,
    /// In which currency all amounts are.
    pub currency: Currency,
    /// The sum of the lines.
    pub amount: Cents,
    /// What the discount took off.
    pub discount_amount: Cents,
    /// What is left of the lines, before tax.
    pub subtotal: Cents,
    /// The tax.
    pub tax_amount: Cents,
    /// How the tax came about: an object with its name, rate and place, as the invoice kept it.
    pub tax: Option<Json>,
    /// With tax.
    pub total: Cents,
    /// How much of it the customer's credit paid.
    pub credit_applied: Cents,
    /// What was charged. If the total is negative, nothing was, and the customer got it as credit.
    pub due: Cents,
    /// How much went back since, with tax.
    pub refunded_amount: Cents,
}

/// Who bought, as of when the invoice was made out.
#[derive(Clone, Debug)]
pub struct Buyer {
    /// The name.
    pub name: Option<String>,
    /// The address for mail.
    pub email: Email,
    /// Where they were billed.
    pub billing_address: Option<Address>,
    /// Their tax number.
    pub tax_id: Option<TaxId>,
}

/// Everything that the document of an order's invoice says. Orders that were given have none, and neither have those
/// that cost nothing; nobody is asked here whether the caller may see it.
pub fn invoice_data(tx: &mut ReadTx<'_>, order_id: Id<Order>) -> Result<InvoiceData> {
    const INVOICE: &str = concatcp!("SELECT ", Invoice::COLUMNS, " FROM invoices WHERE id = $1");
    const LINES: &str =
        concatcp!("SELECT ", InvoiceLine::COLUMNS, " FROM invoice_lines WHERE invoice_id = $1 ORDER BY id");
    let order = find(tx, order_id)?.ok_or_else(Refusal::not_found)?;
    let (invoice_id, number) = numbered(&order)?;
    let invoice: Invoice = tx.find(INVOICE, &[&invoice_id])?.ok_or_else(Refusal::not_found)?;
    let lines = tx.all(LINES, &[&invoice_id])?;
    let organization =
        organizations::find_many(tx, &[order.organization_id])?.pop().ok_or_else(Refusal::not_found)?;
    let discount = match invoice.discount_id {
        Some(id) => discounts::find_many(tx, &[id])?.pop(),
        None => None,
    };
    Ok(InvoiceData {
        number,
        issued_at: invoice.created_at,
        paid_at: invoice.settled_at,
        period: invoice.period_start.zip(invoice.period_end),
        lines,
        discount,
        currency: invoice.currency,
        amount: invoice.amount,
        discount_amount: invoice.discount_amount,
        subtotal: invoice.subtotal(),
        tax_amount: invoice.tax_amount,
        total: invoice.total(),
        credit_applied: invoice.credit_applied,
        due: invoice.due(),
        refunded_amount: order.refunded_amount,
        tax: invoice.tax,
        seller: invoice.seller.unwrap_or_else(|| organization.seller()),
        slug: organization.slug,
        buyer: Buyer {
            name: invoice.customer_name,
            email: invoice.customer_email,
            billing_address: invoice.customer_billing_address,
            tax_id: invoice.customer_tax_id,
        },
        order,
    })
}

/// Whether there is a document of a sale of this amount and this tax: something was paid or given back. Only then does its
/// invoice take a number.
pub(crate) fn has_document(amount: Cents, tax_amount: Cents) -> bool {
    amount != Cents::default() || tax_amount != Cents::default()
}

impl Order {
    /// The number of the document of its invoice; none if there is no document. Orders of nothing have none, though some
    /// that were made by earlier versions have taken a number.
    pub fn document_number(&self) -> Option<i64> {
        self.invoice_number
            .filter(|_| self.invoice_id.is_some() && has_document(self.amount, self.tax_amount))
    }
}

/// The invoice and its number, if there is a document of it.
fn numbered(order: &Order) -> Result<(Id<Invoice>, i64)> {
    match (order.invoice_id, order.document_number()) {
        (Some(id), Some(number)) => Ok((id, number)),
        _ => Err(Refusal::rule(Kind::InvoiceNotAvailable, "There is no invoice of this order.")),
    }
}

/// A token that names the invoice of an order for a while. Whoever has it can read the invoice.
pub fn invoice_token(secret: &InstanceSecret, order: &Order, now: Timestamp) -> Result<String> {
    numbered(order)?;
    sign(secret, Purpose::Invoice, now.add_seconds(LIFETIME), &order.id)
}

/// The order whose invoice a token names; not found if it is none of ours or its time is over.
pub fn read_invoice_token(secret: &InstanceSecret, token: &str, now: Timestamp) -> Result<Id<Order>> {
    read_note(secret, Purpose::Invoice, now, token).ok_or_else(Refusal::not_found)
}
