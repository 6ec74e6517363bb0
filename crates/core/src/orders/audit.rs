//! Whether the ledger says of each order what the order says of itself.
//!
//! | the order | its entries |
//! | --- | --- |
//! | amount, tax | what its invoice put on revenue and on tax |
//! | that it is paid | nothing is left of what was owed for it |
//! | what went back | what its refunds took from the processor |
//! | its disputes | what is held back, and what was lost |
//!
//! Orders without an invoice moved no money: somebody recorded a purchase by hand, or brought it from elsewhere.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp};

use super::Order;
use crate::kit::{Id, Result};
use crate::ledger::audit::{Check, Problem, Step};
use crate::ledger::{Account, EntryKind};
use crate::organizations::Organization;

pub(crate) const CHECK: Check = Check { name: "orders", step };

/// How many orders a step looks at.
const ORDERS: i64 = 200;

fn step(tx: &mut ReadTx<'_>, organization_id: Id<Organization>, cursor: Option<&str>) -> Result<Step> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Order::COLUMNS,
        " FROM orders WHERE organization_id = $1 AND invoice_id IS NOT NULL \
         AND (created_at > $2 OR created_at = $2 AND id > $3) ORDER BY created_at, id LIMIT $4"
    );
    let (since, after) = read(cursor);
    let orders: Vec<Order> = tx.all(SQL, &[&organization_id, &since, &after, &ORDERS])?;
    let mut step = Step { looked_at: u64::try_from(orders.len()).unwrap_or_default(), ..Step::default() };
    let ids: Vec<Id<Order>> = orders.iter().map(|order| order.id).collect();
    let entries = entries_of(tx, &ids)?;
    let disputes = disputes_of(tx, &ids)?;
    let (nothing, undisputed) = (Moved::default(), Disputed::default());
    for order in &orders {
        let moved = entries.get(&order.id).unwrap_or(&nothing);
        let fought_over = disputes.get(&order.id).unwrap_or(&undisputed);
        step.problems.extend(
            look_at(order, moved, fought_over)
                .into_iter()
                .map(|message| Problem { sequence: None, message: format!("order {}: {message}", order.id) }),
        );
    }
    step.next = orders
        .last()
        .filter(|_| orders.len() == usize::try_from(ORDERS).unwrap_or_default())
        .map(|last| format!("{} {}", last.created_at.as_micros(), last.id));
    Ok(step)
}

fn read(cursor: Option<&str>) -> (Timestamp, Id<Order>) {
    let begin = || (Timestamp::from_micros(i64::MIN / 4), Id::from_uuid(uuid::Uuid::nil()));
    let read = |text: &str| {
        let (at, id) = text.split_once(' ')?;
        Some((Timestamp::from_micros(at.parse().ok()?), Id::from_uuid(id.parse().ok()?)))
    };
    cursor.and_then(read).unwrap_or_else(begin)
}

/// What the entries of an order have moved, by their kind and the account, in cents.
type Moved = HashMap<(EntryKind, Account), i64>;

/// What is disputed of an order and not decided yet, and what was lost.
#[derive(Default)]
struct Disputed {
    open: i64,
    lost: i64,
}

fn look_at(order: &Order, moved: &Moved, disputed: &Disputed) -> Vec<String> {
    let of = |kind, account| moved.get(&(kind, account)).copied().unwrap_or_default();
    let on = |wanted| moved.iter().filter(|((_, account), _)| *account == wanted).map(|(_, sum)| *sum).sum();
    let lost = of(EntryKind::Dispute, Account::DisputeLosses) + of(EntryKind::Dispute, Account::TaxPayable);
    [
        ("its amount", order.amount.get(), -of(EntryKind::Invoice, Account::Revenue)),
        ("its tax", order.tax_amount.get(), -of(EntryKind::Invoice, Account::TaxPayable)),
        ("what is still owed for it", 0, on(Account::CustomerReceivable)),
        (
            "what was given back of it",
            order.refunded_amount.get(),
            -of(EntryKind::Refund, Account::ProcessorClearing),
        ),
        ("what is disputed of it", disputed.open, on(Account::Disputes)),
        ("what was lost of it in disputes", disputed.lost, lost),
    ]
    .into_iter()
    .filter(|(_, said, noted)| said != noted)
    .map(|(what, said, noted): (&str, i64, i64)| {
        format!("{what} is {said}, and {noted} in the ledger (in cents)")
    })
    .collect()
}

fn entries_of(tx: &mut ReadTx<'_>, orders: &[Id<Order>]) -> Result<HashMap<Id<Order>, Moved>> {
    let mut moved: HashMap<Id<Order>, Moved> = HashMap::new();
    if orders.is_empty() {
        return Ok(moved);
    }
    let mut sql = Sql::new(
        "SELECT ledger_entries.order_id, ledger_entries.kind, ledger_lines.account, \
         CAST(sum(ledger_lines.amount) AS bigint) FROM ledger_entries \
         JOIN ledger_lines ON ledger_lines.organization_id = ledger_entries.organization_id \
         AND ledger_lines.sequence = ledger_entries.sequence WHERE ledger_entries.order_id IN ",
    );
    // The organization is not named, or SQLite would go through all that its ledger has.
    sql.bind_list(orders.iter().copied());
    sql.push(" GROUP BY ledger_entries.order_id, ledger_entries.kind, ledger_lines.account");
    for (order_id, kind, account, sum) in tx.list::<(Id<Order>, EntryKind, Account, i64)>(&sql)? {
        moved.entry(order_id).or_default().insert((kind, account), sum);
    }
    Ok(moved)
}

fn disputes_of(tx: &mut ReadTx<'_>, orders: &[Id<Order>]) -> Result<HashMap<Id<Order>, Disputed>> {
    let mut disputed: HashMap<Id<Order>, Disputed> = HashMap::new();
    if orders.is_empty() {
        return Ok(disputed);
    }
    let mut sql = Sql::new(
        "SELECT orders.id, CAST(coalesce(sum(CASE disputes.status WHEN 'open' THEN disputes.amount ELSE 0 END), 0) AS bigint), \
         CAST(coalesce(sum(CASE disputes.status WHEN 'lost' THEN disputes.amount ELSE 0 END), 0) AS bigint) FROM orders \
         JOIN payments ON payments.invoice_id = orders.invoice_id JOIN disputes ON disputes.payment_id = payments.id \
         WHERE orders.id IN ",
    );
    sql.bind_list(orders.iter().copied()).push(" GROUP BY orders.id");
    for (id, open, lost) in tx.list::<(Id<Order>, i64, i64)>(&sql)? {
        disputed.insert(id, Disputed { open, lost });
    }
    Ok(disputed)
}
