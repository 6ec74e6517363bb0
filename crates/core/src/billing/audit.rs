//! Whether the ledger says of each customer's payments and credit what billing says of them.
//!
//! | billing | the ledger |
//! | --- | --- |
//! | a payment's amount, if it succeeded | what came to the processor, with the fee that it kept |
//! | its fee | what is on the account of fees for it, but for disputes |
//! | what was given back of it | what its refunds took from the processor |
//! | what is disputed of it, and what disputes cost | what is held back, and the fees for disputes |
//! | the customer's credit | what is owed to them as credit |
//!
//! Owed as credit is what the entries of credit come to, what open invoices have used of it and give back should they not be
//! paid, and money that came when nobody waited for it and did not go back yet.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use merak_store::{ReadTx, Sql};

use super::Payment;
use crate::customers::Customer;
use crate::kit::{Id, Result};
use crate::ledger::audit::{Check, Problem, Step};
use crate::ledger::{Account, EntryKind};
use crate::organizations::Organization;

pub(crate) const CHECK: Check = Check { name: "billing", step };

/// How many customers a step looks at.
const CUSTOMERS: i64 = 100;

fn step(tx: &mut ReadTx<'_>, organization_id: Id<Organization>, cursor: Option<&str>) -> Result<Step> {
    const SQL: &str = "SELECT id FROM customers WHERE organization_id = $1 AND id > $2 ORDER BY id LIMIT $3";
    let after: Id<Customer> =
        cursor.and_then(|text| text.parse().ok()).unwrap_or_else(|| Id::from_uuid(uuid::Uuid::nil()));
    let customers: Vec<Id<Customer>> = tx.all(SQL, &[&organization_id, &after, &CUSTOMERS])?;
    let mut step = Step { looked_at: u64::try_from(customers.len()).unwrap_or_default(), ..Step::default() };
    if customers.is_empty() {
        return Ok(step);
    }
    let noted = noted(tx, &customers)?;
    let said = said(tx, &customers)?;
    let payments: BTreeSet<_> = said.payments.keys().chain(noted.payments.keys()).copied().collect();
    for id in payments {
        let of = |sums: &BTreeMap<Id<Payment>, Sums>| sums.get(&id).copied().unwrap_or_default();
        compare(&mut step, &format!("payment {id}"), &of(&said.payments), &of(&noted.payments));
    }
    for id in &customers {
        let of = |credit: &HashMap<Id<Customer>, i64>| credit.get(id).copied().unwrap_or_default();
        let (said, noted) = (of(&said.credit), of(&noted.credit));
        tell(&mut step, &format!("customer {id}"), ("the credit", said, noted));
    }
    step.next = customers
        .last()
        .filter(|_| customers.len() == usize::try_from(CUSTOMERS).unwrap_or_default())
        .map(ToString::to_string);
    Ok(step)
}

/// What one side says of a payment, in cents.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    amount: i64,
    fee: i64,
    given_back: i64,
    disputed: i64,
    dispute_fee: i64,
}

/// What one side says of some customers.
#[derive(Debug, Default)]
struct Side {
    payments: BTreeMap<Id<Payment>, Sums>,
    credit: HashMap<Id<Customer>, i64>,
}

fn compare(step: &mut Step, whose: &str, said: &Sums, noted: &Sums) {
    for compared in [
        ("its amount", said.amount, noted.amount),
        ("its fee", said.fee, noted.fee),
        ("what was given back of it", said.given_back, noted.given_back),
        ("what is disputed of it", said.disputed, noted.disputed),
        ("what its disputes cost", said.dispute_fee, noted.dispute_fee),
    ] {
        tell(step, whose, compared);
    }
}

fn tell(step: &mut Step, whose: &str, (what, said, noted): (&str, i64, i64)) {
    if said != noted {
        let message = format!("{whose}: {what} is {said}, and {noted} in the ledger (in cents)");
        step.problems.push(Problem { sequence: None, message });
    }
}

/// What entries of a customer have moved: of which payment, whether for a dispute, of which kind, on which account, and how
/// much.
type Moved = (Id<Customer>, Option<Id<Payment>>, bool, EntryKind, Account, i64);

/// What the ledger says. The organization is not named, or SQLite would go through all that its ledger has.
fn noted(tx: &mut ReadTx<'_>, customers: &[Id<Customer>]) -> Result<Side> {
    let mut sql = Sql::new(
        "SELECT ledger_entries.customer_id, ledger_entries.payment_id, ledger_entries.dispute_id IS NOT NULL, \
         ledger_entries.kind, ledger_lines.account, CAST(sum(ledger_lines.amount) AS bigint) FROM ledger_entries \
         JOIN ledger_lines ON ledger_lines.organization_id = ledger_entries.organization_id \
         AND ledger_lines.sequence = ledger_entries.sequence WHERE ledger_entries.customer_id IN ",
    );
    sql.bind_list(customers.iter().copied());
    sql.push(
        " GROUP BY ledger_entries.customer_id, ledger_entries.payment_id, ledger_entries.dispute_id IS NOT NULL, \
         ledger_entries.kind, ledger_lines.account",
    );
    let mut side = Side::default();
    for (customer_id, payment_id, is_of_dispute, kind, account, sum) in tx.list::<Moved>(&sql)? {
        if account == Account::CustomerCredit {
            *side.credit.entry(customer_id).or_default() -= sum;
        }
        let Some(payment_id) = payment_id else { continue };
        let sums = side.payments.entry(payment_id).or_default();
        match (kind, account) {
            (EntryKind::Payment, Account::ProcessorClearing) => sums.amount += sum,
            (EntryKind::Payment, Account::ProcessorFees) => {
                sums.amount += sum;
                sums.fee += sum;
            }
            (_, Account::ProcessorFees) if is_of_dispute => sums.dispute_fee += sum,
            (_, Account::ProcessorFees) => sums.fee += sum,
            (EntryKind::Refund, Account::ProcessorClearing) => sums.given_back -= sum,
            (_, Account::Disputes) => sums.disputed += sum,
            _ => {}
        }
    }
    Ok(side)
}

/// What billing says.
fn said(tx: &mut ReadTx<'_>, customers: &[Id<Customer>]) -> Result<Side> {
    let mut side = Side::default();
    let mut sql = Sql::new(
        "SELECT id, amount, coalesce(fee_amount, 0) FROM payments WHERE status = 'succeeded' AND customer_id IN ",
    );
    sql.bind_list(customers.iter().copied());
    for (id, amount, fee) in tx.list::<(Id<Payment>, i64, i64)>(&sql)? {
        side.payments.insert(id, Sums { amount, fee, ..Sums::default() });
    }
    refunds(tx, customers, &mut side)?;
    let mut sql = Sql::new(
        "SELECT payments.id, CAST(sum(CASE disputes.status WHEN 'open' THEN disputes.amount ELSE 0 END) AS bigint), \
         CAST(sum(disputes.fee_amount) AS bigint) FROM payments JOIN disputes ON disputes.payment_id = payments.id \
         WHERE payments.customer_id IN ",
    );
    sql.bind_list(customers.iter().copied()).push(" GROUP BY payments.id");
    for (id, disputed, dispute_fee) in tx.list::<(Id<Payment>, i64, i64)>(&sql)? {
        let sums = side.payments.entry(id).or_default();
        (sums.disputed, sums.dispute_fee) = (disputed, dispute_fee);
    }
    let mut given =
        Sql::new("SELECT customer_id, CAST(sum(amount) AS bigint) FROM credit_entries WHERE customer_id IN ");
    given.bind_list(customers.iter().copied()).push(" GROUP BY customer_id");
    // By subscription, as there is an index of its invoices; what is not of one is paid in the unit that makes it.
    let mut used = Sql::new(
        "SELECT subscriptions.customer_id, CAST(sum(invoices.credit_applied) AS bigint) FROM subscriptions \
         JOIN invoices ON invoices.subscription_id = subscriptions.id AND invoices.status = 'open' \
         AND invoices.status <> 'void' WHERE subscriptions.customer_id IN ",
    );
    used.bind_list(customers.iter().copied()).push(" GROUP BY subscriptions.customer_id");
    for sql in [given, used] {
        for (id, amount) in tx.list::<(Id<Customer>, i64)>(&sql)? {
            *side.credit.entry(id).or_default() += amount;
        }
    }
    Ok(side)
}

/// What went back of payments. What nobody waited for is the customer's until it did.
fn refunds(tx: &mut ReadTx<'_>, customers: &[Id<Customer>], side: &mut Side) -> Result<()> {
    let mut sql = Sql::new(
        "SELECT payments.id, payments.customer_id, payments.amount, \
         CAST(sum(CASE refunds.status WHEN 'succeeded' THEN refunds.amount ELSE 0 END) AS bigint), \
         CAST(sum(CASE WHEN refunds.order_id IS NULL THEN 1 ELSE 0 END) AS bigint) FROM payments \
         JOIN refunds ON refunds.payment_id = payments.id WHERE payments.customer_id IN ",
    );
    sql.bind_list(customers.iter().copied());
    sql.push(" GROUP BY payments.id, payments.customer_id, payments.amount");
    for (id, customer_id, amount, given_back, strays) in
        tx.list::<(Id<Payment>, Id<Customer>, i64, i64, i64)>(&sql)?
    {
        side.payments.entry(id).or_default().given_back = given_back;
        if strays > 0 {
            *side.credit.entry(customer_id).or_default() += amount - given_back;
        }
    }
    Ok(())
}
