//! What common events move. These are plain functions of amounts, so that the same event is told in the same way everywhere.
//!
//! Amounts are zero or above. What an event does not have, such as a fee that is not known yet, is zero, and its line is left
//! out when the entry is added.

use super::{Account, EntryKind, Line};
use crate::kit::{Cents, Currency};

/// What was paid for an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// What of it is the seller's: the price after discounts, without tax.
    pub net: Cents,
    /// The tax on it.
    pub tax: Cents,
    /// What the processor keeps of the charge.
    pub fee: Cents,
    /// What was taken from the customer's credit instead of being charged; at most net and tax.
    pub credit_used: Cents,
    /// In which currency.
    pub currency: Currency,
}

/// Money that goes back to a customer, or is fought about, with its part of the tax.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    /// How much, with tax.
    pub amount: Cents,
    /// The tax in it; see [`tax_share`].
    pub tax: Cents,
    /// What the processor takes for it.
    pub fee: Cents,
    /// In which currency.
    pub currency: Currency,
}

/// What an entry is made of: its kind and its lines.
pub type Movement = (EntryKind, Vec<Line>);

/// An order was paid: the charge is with the processor, less its fee.
pub fn order_paid(paid: &Paid) -> Movement {
    let charged = minus(plus(paid.net, paid.tax), paid.credit_used);
    let lines = Lines::of(paid.currency)
        .debit(Account::ProcessorClearing, minus(charged, paid.fee))
        .debit(Account::ProcessorFees, paid.fee)
        .debit(Account::CustomerCredit, paid.credit_used)
        .credit(Account::Revenue, paid.net)
        .credit(Account::TaxPayable, paid.tax);
    (EntryKind::Payment, lines.0)
}

/// An invoice is owed by its customer, before it is paid by [`invoice_paid`].
pub fn invoice_opened(net: Cents, tax: Cents, currency: Currency) -> Movement {
    let lines = Lines::of(currency)
        .debit(Account::CustomerReceivable, plus(net, tax))
        .credit(Account::Revenue, net)
        .credit(Account::TaxPayable, tax);
    (EntryKind::Invoice, lines.0)
}

/// An invoice that [`invoice_opened`] told of was paid.
pub fn invoice_paid(paid: &Paid) -> Movement {
    let total = plus(paid.net, paid.tax);
    let lines = Lines::of(paid.currency)
        .debit(Account::ProcessorClearing, minus(minus(total, paid.credit_used), paid.fee))
        .debit(Account::ProcessorFees, paid.fee)
        .debit(Account::CustomerCredit, paid.credit_used)
        .credit(Account::CustomerReceivable, total);
    (EntryKind::Payment, lines.0)
}

/// A processor took a fee that was not known when the order was paid.
pub fn processor_fee(fee: Cents, currency: Currency) -> Movement {
    let lines =
        Lines::of(currency).debit(Account::ProcessorFees, fee).credit(Account::ProcessorClearing, fee);
    (EntryKind::ProcessorFee, lines.0)
}

/// A customer got money back. The fees of the payment do not come back, as processors have it.
pub fn refunded(returned: &Returned) -> Movement {
    let lines = Lines::of(returned.currency)
        .debit(Account::Refunds, minus(returned.amount, returned.tax))
        .debit(Account::TaxPayable, returned.tax)
        .debit(Account::ProcessorFees, returned.fee)
        .credit(Account::ProcessorClearing, plus(returned.amount, returned.fee));
    (EntryKind::Refund, lines.0)
}

/// A payment is disputed: the processor holds it back.
pub fn dispute_opened(amount: Cents, currency: Currency) -> Movement {
    let lines =
        Lines::of(currency).debit(Account::Disputes, amount).credit(Account::ProcessorClearing, amount);
    (EntryKind::Dispute, lines.0)
}

/// A dispute that [`dispute_opened`] told of was lost: the money is gone, and the tax on it is not owed.
pub fn dispute_lost(returned: &Returned) -> Movement {
    let lines = Lines::of(returned.currency)
        .debit(Account::DisputeLosses, minus(returned.amount, returned.tax))
        .debit(Account::TaxPayable, returned.tax)
        .debit(Account::ProcessorFees, returned.fee)
        .credit(Account::ProcessorClearing, returned.fee)
        .credit(Account::Disputes, returned.amount);
    (EntryKind::Dispute, lines.0)
}

/// A dispute that [`dispute_opened`] told of was won: the processor gives the money back, less what it takes for that.
pub fn dispute_won(amount: Cents, fee: Cents, currency: Currency) -> Movement {
    let lines = Lines::of(currency)
        .debit(Account::ProcessorClearing, minus(amount, fee))
        .debit(Account::ProcessorFees, fee)
        .credit(Account::Disputes, amount);
    (EntryKind::DisputeReversal, lines.0)
}

/// A customer got credit for what they paid and do not get, such as the rest of a period in a dearer plan.
pub fn proration_credit(net: Cents, tax: Cents, currency: Currency) -> Movement {
    let lines = Lines::of(currency)
        .debit(Account::Revenue, net)
        .debit(Account::TaxPayable, tax)
        .credit(Account::CustomerCredit, plus(net, tax));
    (EntryKind::Credit, lines.0)
}

/// Tax was passed on to an authority, out of what processors had paid out.
pub fn tax_remitted(tax: Cents, currency: Currency) -> Movement {
    let lines = Lines::of(currency).debit(Account::TaxPayable, tax).credit(Account::ProcessorClearing, tax);
    (EntryKind::Tax, lines.0)
}

/// What partial refunds of one payment are counted from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Refundable {
    /// What was paid without tax.
    pub net: Cents,
    /// The tax that was paid.
    pub tax: Cents,
    /// What was refunded before, with tax.
    pub refunded: Cents,
}

/// The tax in a refund of so much, tax included: `tax · refund / (net + tax)`, truncated.
///
/// It is the difference of two such shares, that of all refunds and that of those before. The first refund has the share of
/// the formula, and refunds that together give everything back give all of the tax back, which shares that were truncated one
/// by one would not. What is refunded beyond the payment has no tax in it.
pub fn tax_share(of: &Refundable, amount: Cents) -> Cents {
    let total = i128::from(of.net.get()) + i128::from(of.tax.get());
    let share = |refunded: i128| match total {
        ..=0 => 0,
        total => i128::from(of.tax.get()) * refunded.clamp(0, total) / total,
    };
    let before = i128::from(of.refunded.get());
    let tax = share(before + i128::from(amount.get())) - share(before);
    Cents::new(i64::try_from(tax).unwrap_or_default())
}

/// Lines in one currency that are being put together.
struct Lines(Vec<Line>, Currency);

impl Lines {
    const fn of(currency: Currency) -> Self {
        Self(Vec::new(), currency)
    }

    fn debit(mut self, account: Account, amount: Cents) -> Self {
        self.0.push(Line { account, amount, currency: self.1 });
        self
    }

    fn credit(self, account: Account, amount: Cents) -> Self {
        self.debit(account, minus(Cents::default(), amount))
    }
}

fn plus(one: Cents, other: Cents) -> Cents {
    Cents::new(one.get().saturating_add(other.get()))
}

fn minus(one: Cents, other: Cents) -> Cents {
    Cents::new(one.get().saturating_sub(other.get()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const USD: Currency = Currency::Usd;

    fn cents(amount: i64) -> Cents {
        Cents::new(amount)
    }

    /// What a movement does to the accounts that it moves.
    fn moved(movement: &Movement) -> Vec<(Account, i64)> {
        let lines = movement.1.iter().map(|line| (line.account, line.amount.get()));
        lines.filter(|(_, amount)| *amount != 0).collect()
    }

    fn sum(movement: &Movement) -> i64 {
        movement.1.iter().map(|line| line.amount.get()).sum()
    }

    #[test]
    fn each_event_moves_what_it_says() {
        let paid = Paid {
            net: cents(1000),
            tax: cents(190),
            fee: cents(65),
            credit_used: cents(100),
            currency: USD,
        };
        let returned = Returned { amount: cents(595), tax: cents(95), fee: cents(15), currency: USD };
        for (movement, kind, lines) in [
            (
                order_paid(&paid),
                EntryKind::Payment,
                vec![
                    (Account::ProcessorClearing, 1025),
                    (Account::ProcessorFees, 65),
                    (Account::CustomerCredit, 100),
                    (Account::Revenue, -1000),
                    (Account::TaxPayable, -190),
                ],
            ),
            (
                refunded(&returned),
                EntryKind::Refund,
                vec![
                    (Account::Refunds, 500),
                    (Account::TaxPayable, 95),
                    (Account::ProcessorFees, 15),
                    (Account::ProcessorClearing, -610),
                ],
            ),
            (
                dispute_opened(cents(595), USD),
                EntryKind::Dispute,
                vec![(Account::Disputes, 595), (Account::ProcessorClearing, -595)],
            ),
            (
                dispute_lost(&returned),
                EntryKind::Dispute,
                vec![
                    (Account::DisputeLosses, 500),
                    (Account::TaxPayable, 95),
                    (Account::ProcessorFees, 15),
                    (Account::ProcessorClearing, -15),
                    (Account::Disputes, -595),
                ],
            ),
            (
                dispute_won(cents(595), cents(15), USD),
                EntryKind::DisputeReversal,
                vec![
                    (Account::ProcessorClearing, 580),
                    (Account::ProcessorFees, 15),
                    (Account::Disputes, -595),
                ],
            ),
            (
                proration_credit(cents(500), cents(95), USD),
                EntryKind::Credit,
                vec![(Account::Revenue, 500), (Account::TaxPayable, 95), (Account::CustomerCredit, -595)],
            ),
            (order_paid(&Paid::default()), EntryKind::Payment, vec![]),
        ] {
            assert_eq!((movement.0, moved(&movement)), (kind, lines));
            assert_eq!(sum(&movement), 0);
        }
    }

    // spec 30 §9 and T-36
    #[test]
    fn a_partial_refund_has_its_share_of_the_tax() {
        let of = Refundable { net: cents(1000), tax: cents(190), refunded: cents(0) };
        for (amount, share) in [(1190, 190), (595, 95), (100, 15), (1, 0), (0, 0), (5000, 190)] {
            assert_eq!(tax_share(&of, cents(amount)).get(), share, "{amount}");
        }
        assert_eq!(tax_share(&Refundable { refunded: cents(1190), ..of }, cents(10)).get(), 0);
        assert_eq!(tax_share(&Refundable::default(), cents(10)).get(), 0);
    }

    proptest! {
        #[test]
        fn every_event_sums_to_zero(
            net in 0i64..100_000_000, tax in 0i64..100_000_000, fee in 0i64..1_000_000, credit in 0i64..1_000_000,
        ) {
            let paid = Paid { net: cents(net), tax: cents(tax), fee: cents(fee), credit_used: cents(credit), currency: USD };
            let returned = Returned { amount: cents(net), tax: cents(tax), fee: cents(fee), currency: USD };
            for movement in [
                order_paid(&paid),
                invoice_opened(cents(net), cents(tax), USD),
                invoice_paid(&paid),
                processor_fee(cents(fee), USD),
                refunded(&returned),
                dispute_opened(cents(net), USD),
                dispute_lost(&returned),
                dispute_won(cents(net), cents(fee), USD),
                proration_credit(cents(net), cents(tax), USD),
                tax_remitted(cents(tax), USD),
            ] {
                prop_assert_eq!(sum(&movement), 0, "{:?}", movement);
            }
        }

        #[test]
        fn refunds_that_give_everything_back_give_all_of_the_tax_back(
            net in 0i64..100_000, tax in 0i64..30_000, parts in proptest::collection::vec(1i64..5_000, 0..12),
        ) {
            let mut of = Refundable { net: cents(net), tax: cents(tax), refunded: cents(0) };
            let mut shares = 0;
            let mut rest = net + tax;
            for part in parts.into_iter().map(|part| part.min(net + tax)).chain([net + tax]) {
                let part = part.min(rest);
                let share = tax_share(&of, cents(part)).get();
                prop_assert!((0..=part).contains(&share), "{share} of {part}");
                shares += share;
                rest -= part;
                of.refunded = cents(of.refunded.get() + part);
            }
            prop_assert_eq!((shares, rest), (tax, 0));
        }
    }
}
