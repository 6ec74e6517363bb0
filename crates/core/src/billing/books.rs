//! What billing writes into the ledger.

use std::collections::BTreeMap;

use merak_store::{Timestamp, Tx};

use super::{Invoice, Payment};
use crate::kit::{Cents, Currency, Id, Result};
use crate::ledger::{self, Account, Concerns, EntryKind, Line, NewEntry};
use crate::orders::Order;
use crate::organizations::Organization;

/// Entries that are written together, because each ledger is a chain whose end is read and moved once for all of them.
#[derive(Debug, Default)]
pub(crate) struct Books(Vec<(Id<Organization>, NewEntry)>);

impl Books {
    /// Notes an entry.
    pub(super) fn note(&mut self, organization_id: Id<Organization>, entry: NewEntry) {
        self.0.push((organization_id, entry));
    }

    /// Notes an entry about an invoice, with so much on each account.
    pub(super) fn note_invoice(
        &mut self,
        invoice: &Invoice,
        order: Option<&Order>,
        (kind, occurred_at): (EntryKind, Timestamp),
        description: &str,
        amounts: &[(Account, i64)],
    ) {
        let concerns = Concerns {
            customer_id: Some(invoice.customer_id.uuid()),
            order_id: order.map(|order| order.id.uuid()),
            invoice_id: Some(invoice.id.uuid()),
            ..Concerns::default()
        };
        let description = description.to_owned();
        let lines = lines(invoice.currency, amounts);
        self.note(invoice.organization_id, NewEntry { kind, occurred_at, concerns, description, lines });
    }

    /// Notes what the payment of an invoice moves: what is owed comes into being and is met at once.
    pub(super) fn note_paid(&mut self, invoice: &Invoice, order: &Order, payment: Option<&Payment>) {
        let (total, at) = (invoice.total().get(), order.created_at);
        if total != 0 {
            let (subtotal, tax) = (invoice.subtotal().get(), invoice.tax_amount.get());
            // What is given back more than charged is owed to the customer as credit.
            let counterpart = if total < 0 { Account::CustomerCredit } else { Account::CustomerReceivable };
            self.note_invoice(
                invoice,
                Some(order),
                (EntryKind::Invoice, at),
                "An invoice",
                &[(counterpart, total), (Account::Revenue, -subtotal), (Account::TaxPayable, -tax)],
            );
        }
        let credit = invoice.credit_applied.get();
        if credit > 0 {
            self.note_invoice(
                invoice,
                Some(order),
                (EntryKind::Payment, at),
                "Paid from credit",
                &[(Account::CustomerCredit, credit), (Account::CustomerReceivable, -credit)],
            );
        }
        if let Some(payment) = payment.filter(|payment| payment.amount > Cents::default()) {
            self.note_money(payment, Some((invoice, order)), at, "Paid", Account::CustomerReceivable);
        }
    }

    /// Notes that a payment's money came, and from which account's debt.
    pub(super) fn note_money(
        &mut self,
        payment: &Payment,
        paid: Option<(&Invoice, &Order)>,
        occurred_at: Timestamp,
        description: &str,
        from: Account,
    ) {
        let (amount, fee) = (payment.amount.get(), payment.fee_amount.unwrap_or_default().get());
        let entry = NewEntry {
            kind: EntryKind::Payment,
            occurred_at,
            concerns: Concerns {
                customer_id: Some(payment.customer_id.uuid()),
                order_id: paid.map(|(_, order)| order.id.uuid()),
                invoice_id: paid.map(|(invoice, _)| invoice.id.uuid()),
                payment_id: Some(payment.id.uuid()),
                ..Concerns::default()
            },
            description: description.to_owned(),
            lines: lines(
                payment.currency,
                &[(Account::ProcessorClearing, amount - fee), (Account::ProcessorFees, fee), (from, -amount)],
            ),
        };
        self.note(payment.organization_id, entry);
    }

    /// Notes what the processor keeps of a payment, if it told that later than the money came.
    pub(super) fn note_fee(&mut self, payment: &Payment, fee: Cents, occurred_at: Timestamp) {
        let concerns = Concerns {
            customer_id: Some(payment.customer_id.uuid()),
            invoice_id: payment.invoice_id.map(Id::uuid),
            payment_id: Some(payment.id.uuid()),
            ..Concerns::default()
        };
        self.note_processor_fee(payment, concerns, fee, occurred_at);
    }

    /// Notes what the processor takes for something that concerns a payment; below zero it gives it back.
    pub(super) fn note_processor_fee(
        &mut self,
        payment: &Payment,
        concerns: Concerns,
        fee: Cents,
        occurred_at: Timestamp,
    ) {
        let fee = fee.get();
        let entry = NewEntry {
            kind: EntryKind::ProcessorFee,
            occurred_at,
            concerns,
            description: String::from("The processor's fee"),
            lines: lines(
                payment.currency,
                &[(Account::ProcessorClearing, -fee), (Account::ProcessorFees, fee)],
            ),
        };
        self.note(payment.organization_id, entry);
    }

    /// Writes what was noted, in the order in which it was.
    pub(crate) fn post(self, tx: &mut Tx<'_>) -> Result<()> {
        let mut chains: BTreeMap<Id<Organization>, Vec<NewEntry>> = BTreeMap::new();
        for (organization_id, entry) in self.0 {
            chains.entry(organization_id).or_default().push(entry);
        }
        for (organization_id, entries) in chains {
            ledger::post_all(tx, organization_id, &entries)?;
        }
        Ok(())
    }
}

/// Lines with so much on each account.
pub(super) fn lines(currency: Currency, amounts: &[(Account, i64)]) -> Vec<Line> {
    amounts
        .iter()
        .map(|(account, amount)| Line { account: *account, amount: Cents::new(*amount), currency })
        .collect()
}
