//! The ledger: what it takes in, what its accounts hold then, and that whatever is changed afterwards is found.

use std::collections::BTreeMap;

use merak_core::kit::{Cents, Currency, Id};
use merak_core::ledger::audit::{AuditPoint, Finding};
use merak_core::ledger::entries::{self, Paid, Returned};
use merak_core::ledger::{self, Account, Balance, Concerns, Entry, EntryKind, FIRST_HASH, Line, NewEntry};
use merak_core::organizations::Organization;
use merak_store::{Engine, Error, Param, Timestamp, Tx};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::support::*;

scenarios! {
    fn entries_are_numbered_and_each_holds_the_hash_of_the_one_before(shop) {
        assert_eq!(shop.read({ let id = shop.organization.id; move |tx| ledger::head(tx, id) }).unwrap(), None);
        let first = post(shop, &sale(1000)).unwrap();
        let second = post(shop, &sale(500)).unwrap();
        assert_eq!((first.sequence, first.previous_hash.as_str()), (1, FIRST_HASH));
        assert_eq!((second.sequence, &second.previous_hash), (2, &first.hash));
        assert_eq!((second.kind, second.created_at), (EntryKind::Payment, shop.now()));
        let id = shop.organization.id;
        assert_eq!(shop.read(move |tx| ledger::head(tx, id)).unwrap(), Some((2, second.hash.clone())));
        // Another organization has a ledger of its own.
        let (_, other) = shop.another_organization();
        let new = sale(7);
        let elsewhere = shop.write(move |tx| ledger::post(tx, other.id, &new)).unwrap();
        assert_eq!((elsewhere.sequence, elsewhere.previous_hash.as_str()), (1, FIRST_HASH));
        assert_eq!(held(shop)[&Account::Revenue], -1500);
        assert_eq!(findings(shop), []);
    }

    fn lines_that_do_not_sum_to_zero_are_refused_and_leave_no_trace(shop) {
        for amounts in [vec![1], vec![100, -99], vec![i64::MAX, i64::MAX, 2], vec![i64::MIN, i64::MAX]] {
            let lines = amounts.into_iter().map(|amount| line(Account::Revenue, amount)).collect();
            let refused = post(shop, &NewEntry { lines, ..sale(1) });
            assert!(matches!(refused, Err(merak_core::kit::Refusal::Store(Error::Misuse(_)))));
        }
        assert_eq!((held(shop), findings(shop)), (BTreeMap::new(), vec![]));
        assert_eq!(post(shop, &sale(1)).unwrap().sequence, 1);
    }

    fn an_event_that_moves_nothing_is_told_all_the_same(shop) {
        let free = NewEntry::of(entries::order_paid(&Paid::default()), shop.now(), Concerns::default(), "Free");
        assert_eq!(post(shop, &free).unwrap().sequence, 1);
        assert_eq!((held(shop), findings(shop)), (BTreeMap::new(), vec![]));
    }

    // Spec 30, scenarios 76 and 77: also a dispute that was won costs its fee.
    fn the_story_of_an_order_is_found_by_it(shop) {
        let order_id = Uuid::from_u128(77);
        let concerns = Concerns { order_id: Some(order_id), ..Concerns::default() };
        let paid = Paid { net: Cents::new(1000), tax: Cents::new(190), fee: Cents::new(65), ..Paid::default() };
        let refund = Returned { amount: Cents::new(595), tax: Cents::new(95), ..Returned::default() };
        for movement in [
            entries::order_paid(&paid),
            entries::refunded(&refund),
            entries::dispute_opened(Cents::new(595), Currency::Usd),
            entries::dispute_won(Cents::new(595), Cents::new(15), Currency::Usd),
        ] {
            post(shop, &NewEntry::of(movement, shop.now(), concerns, "It happened\nin two lines")).unwrap();
            post(shop, &sale(1)).unwrap();
        }
        let id = shop.organization.id;
        let story = shop.read(move |tx| ledger::list_of_order(tx, id, order_id)).unwrap();
        let kinds: Vec<(EntryKind, usize)> = story.iter().map(|(entry, lines)| (entry.kind, lines.len())).collect();
        assert_eq!(kinds, [
            (EntryKind::Payment, 4), (EntryKind::Refund, 3), (EntryKind::Dispute, 2), (EntryKind::DisputeReversal, 3),
        ]);
        let held = held(shop);
        assert_eq!(held[&Account::ProcessorClearing], 1125 - 595 - 15 + 4);
        assert_eq!((held[&Account::TaxPayable], held[&Account::Disputes], held[&Account::ProcessorFees]), (-95, 0, 80));
        let (_, other) = shop.another_organization();
        assert!(shop.read(move |tx| ledger::list_of_order(tx, other.id, order_id)).unwrap().is_empty());
        assert_eq!(findings(shop), []);
    }

    fn any_postings_leave_the_balances_of_their_sums(shop) {
        let mut runner = TestRunner::new(Config { cases: 24, ..Config::default() });
        let amounts = proptest::collection::vec((0usize..10, 0usize..10, -5_000_000i64..5_000_000), 0..6);
        let mut model: BTreeMap<Account, i64> = BTreeMap::new();
        let model = std::cell::RefCell::new(&mut model);
        runner
            .run(&proptest::collection::vec((amounts, "\\PC{0,20}"), 1..5), |postings| {
                let new: Vec<NewEntry> = postings.iter().map(|(moves, description)| {
                    let lines = moves.iter().flat_map(|(to, from, amount)| {
                        [line(Account::ALL[*to], *amount), line(Account::ALL[*from], -amount)]
                    });
                    NewEntry { lines: lines.collect(), description: description.clone(), ..sale(1) }
                }).collect();
                for line in new.iter().flat_map(|entry| &entry.lines).filter(|line| line.amount != Cents::new(0)) {
                    *model.borrow_mut().entry(line.account).or_default() += line.amount.get();
                }
                let id = shop.organization.id;
                let posted = shop.write(move |tx| ledger::post_all(tx, id, &new)).unwrap();
                prop_assert!(posted.windows(2).all(|two| two[0].hash == two[1].previous_hash));
                prop_assert_eq!(&held(shop), &**model.borrow());
                prop_assert_eq!(held(shop).values().sum::<i64>(), 0);
                prop_assert_eq!(findings(shop), []);
                Ok(())
            })
            .unwrap();
    }

    fn many_nodes_that_post_at_once_make_one_chain(shop) {
        let (nodes, id) = ([shop.store.clone(), shop.another_node()], shop.organization.id);
        let sequences = at_once(40, |number| {
            let new = sale(1 + i64::from(number));
            let entry: Result<Entry> =
                nodes[number as usize % 2].write_blocking(move |tx| ledger::post(tx, id, &new));
            entry.unwrap().sequence
        });
        let mut sequences: Vec<i64> = sequences.into_iter().collect();
        sequences.sort_unstable();
        assert_eq!(sequences, (1..=40).collect::<Vec<i64>>());
        assert_eq!(held(shop)[&Account::Revenue], -(1..=40).sum::<i64>());
        assert_eq!(findings(shop), []);
    }

    fn what_was_posted_is_neither_changed_nor_taken_out(shop) {
        post(shop, &sale(1000)).unwrap();
        for sql in [
            "UPDATE ledger_entries SET description = 'x' WHERE sequence = 1",
            "UPDATE ledger_lines SET amount = amount + 1 WHERE sequence = 1",
            "DELETE FROM ledger_lines WHERE sequence = 1",
            "DELETE FROM ledger_entries WHERE sequence = 1",
            "DELETE FROM ledger_lines",
        ] {
            let refused = shop.write(move |tx| Ok(tx.execute(sql, &[])?));
            assert!(refused.is_err_and(|refusal| format!("{refusal:?}").contains("only added to")), "{sql}");
        }
        assert_eq!((held(shop)[&Account::Revenue], findings(shop)), (-1000, vec![]));
    }

    fn a_long_ledger_is_audited_in_steps_and_one_change_is_one_finding(shop) {
        let id = shop.organization.id;
        let new: Vec<NewEntry> = (1..=1200).map(sale).collect();
        shop.write(move |tx| ledger::post_all(tx, id, &new)).unwrap();
        assert_eq!(audited(shop), (vec![], 1200, 5));
        shop.write(unseal).unwrap();
        execute(shop, "UPDATE ledger_entries SET description = 'x' WHERE sequence = 777");
        assert_eq!(at(shop), [Some(777)]);
        // A wrong sum of a line is found as such, and by the hash.
        execute(shop, "UPDATE ledger_lines SET amount = amount + 1 WHERE sequence = 501 AND position = 0");
        assert_eq!(at(shop), [Some(501), Some(501), Some(777)]);
    }

    fn a_change_of_any_column_is_found(shop) {
        for amount in [1000, 2000, 3000] {
            post(shop, &sale(amount)).unwrap();
        }
        // Without lines, which would hold on to its number and its organization.
        let bare = NewEntry { lines: vec![], ..sale(1) };
        post(shop, &bare).unwrap();
        post(shop, &bare).unwrap();
        let (_, other) = shop.another_organization();
        assert_eq!(findings(shop), []);
        let (uuid, time, hash) = (Uuid::from_u128(1), Timestamp::from_seconds(5), "a".repeat(64));
        let changes: [(&str, &str, &dyn Param); 23] = [
            ("ledger_entries", "id", &uuid),
            ("ledger_entries", "kind", &"refund"),
            ("ledger_entries", "occurred_at", &time),
            ("ledger_entries", "created_at", &time),
            ("ledger_entries", "customer_id", &uuid),
            ("ledger_entries", "order_id", &uuid),
            ("ledger_entries", "invoice_id", &uuid),
            ("ledger_entries", "payment_id", &uuid),
            ("ledger_entries", "refund_id", &uuid),
            ("ledger_entries", "dispute_id", &uuid),
            ("ledger_entries", "description", &"Other"),
            ("ledger_entries", "previous_hash", &hash),
            ("ledger_entries", "hash", &hash),
            ("ledger_lines", "position", &9i64),
            ("ledger_lines", "sequence", &1i64),
            ("ledger_lines", "account", &"refunds"),
            ("ledger_lines", "currency", &"eur"),
            ("ledger_lines", "amount", &77i64),
            ("ledger_heads", "sequence", &4i64),
            ("ledger_heads", "hash", &hash),
            ("ledger_heads", "organization_id", &other.id),
            // These are done to the entry without lines.
            ("ledger_entries", "sequence", &9i64),
            ("ledger_entries", "organization_id", &other.id),
        ];
        for (table, column, value) in changes {
            let which = match (table, column) {
                ("ledger_entries", "sequence" | "organization_id") => "sequence = 4",
                ("ledger_entries", _) => "sequence = 2",
                ("ledger_lines", _) => "sequence = 2 AND position = 1",
                _ => "sequence = 5",
            };
            // In a unit that ends with an error, so that nothing of it stays.
            let (id, value) = (shop.organization.id, value.value().into_owned());
            let sql = match column {
                // A place that is not taken.
                "sequence" if table == "ledger_lines" => {
                    format!("UPDATE {table} SET {column} = $1, position = 5 WHERE organization_id = $2 AND {which}")
                }
                _ => format!("UPDATE {table} SET {column} = $1 WHERE organization_id = $2 AND {which}"),
            };
            let found = undone(shop, move |tx| {
                unseal(tx)?;
                tx.changed_one(&sql, &[&value, &id])?;
                whole_audit(tx, id)
            });
            assert_ne!(found, [], "{table}.{column}");
        }
        assert_eq!(findings(shop), []);
    }

    fn what_is_taken_out_is_missed(shop) {
        for amount in 1..=6 {
            post(shop, &sale(amount)).unwrap();
        }
        for (gone, expected) in [
            ("sequence = 6", vec![("chain", Some(5))]),
            ("sequence > 3", vec![("chain", Some(3))]),
            ("sequence = 3", vec![("chain", Some(4))]),
            ("sequence IN (2, 3)", vec![("chain", Some(4))]),
            ("sequence = 1", vec![("chain", Some(2))]),
            ("sequence > 0", vec![("chain", Some(0))]),
        ] {
            let id = shop.organization.id;
            let found = undone(shop, move |tx| {
                unseal(tx)?;
                tx.execute(&format!("DELETE FROM ledger_lines WHERE {gone}"), &[])?;
                tx.execute(&format!("DELETE FROM ledger_entries WHERE {gone}"), &[])?;
                whole_audit(tx, id)
            });
            let places: Vec<_> = found.iter().map(|finding| (finding.check, finding.sequence)).collect();
            assert_eq!(places, expected, "{gone}: {found:?}");
        }
        for sql in [
            "DELETE FROM ledger_lines WHERE sequence = 4",
            "DELETE FROM ledger_lines WHERE sequence = 4 AND position = 0",
            "DELETE FROM ledger_heads",
        ] {
            let id = shop.organization.id;
            let found = undone(shop, move |tx| {
                unseal(tx)?;
                tx.execute(sql, &[])?;
                whole_audit(tx, id)
            });
            assert_ne!(found, [], "{sql}");
        }
        assert_eq!(findings(shop), []);
    }
}

fn line(account: Account, amount: i64) -> Line {
    Line { account, amount: Cents::new(amount), currency: Currency::Usd }
}

/// Something was sold for so much.
fn sale(amount: i64) -> NewEntry {
    let paid = Paid { net: Cents::new(amount), ..Paid::default() };
    NewEntry::of(entries::order_paid(&paid), Timestamp::from_seconds(1), Concerns::default(), "Sale")
}

fn post(shop: &Shop, new: &NewEntry) -> Result<Entry> {
    let (id, new) = (shop.organization.id, new.clone());
    shop.write(move |tx| ledger::post(tx, id, &new))
}

fn held(shop: &Shop) -> BTreeMap<Account, i64> {
    let id = shop.organization.id;
    let balances = shop.read(move |tx| ledger::balances(tx, id)).unwrap();
    balances.into_iter().map(|Balance { account, amount, .. }| (account, amount.get())).collect()
}

/// Takes away what refuses changes of the ledger, as who may change the schema can.
fn unseal(tx: &mut Tx<'_>) -> Result<()> {
    for table in ["ledger_entries", "ledger_lines"] {
        for change in ["update", "delete"] {
            let sql = format!("DROP TRIGGER {table}_no_{change}");
            let sql = if tx.engine() == Engine::Postgres { format!("{sql} ON {table}") } else { sql };
            tx.execute(&sql, &[])?;
        }
    }
    Ok(())
}

fn execute(shop: &Shop, sql: &'static str) {
    shop.write(move |tx| Ok(tx.changed_one(sql, &[])?)).unwrap();
}

/// What an audit finds, how many entries it looks at, and in how many steps.
fn audited(shop: &Shop) -> (Vec<Finding>, u64, u32) {
    let (mut all, mut looked_at, mut steps) = (Vec::new(), 0, 0);
    let mut point = Some(AuditPoint::default());
    while let Some(from) = point {
        let id = shop.organization.id;
        let part = shop.read(move |tx| ledger::audit(tx, id, &from)).unwrap();
        all.extend(part.findings);
        (looked_at, steps, point) = (looked_at + part.looked_at, steps + 1, part.next);
    }
    (all, looked_at, steps)
}

fn findings(shop: &Shop) -> Vec<Finding> {
    audited(shop).0
}

fn at(shop: &Shop) -> Vec<Option<i64>> {
    findings(shop).into_iter().map(|finding| finding.sequence).collect()
}

/// What an audit finds within one unit.
fn whole_audit(tx: &mut Tx<'_>, id: Id<Organization>) -> Result<Vec<Finding>> {
    let (mut all, mut point) = (Vec::new(), Some(AuditPoint::default()));
    while let Some(from) = point {
        let part = ledger::audit(tx, id, &from)?;
        all.extend(part.findings);
        point = part.next;
    }
    Ok(all)
}

/// What a unit answers that is undone afterwards.
fn undone<T: Send + 'static>(
    shop: &Shop,
    mut unit: impl FnMut(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> T {
    let (answer, answers) = std::sync::mpsc::channel();
    let ended = shop.write(move |tx| -> Result<()> {
        answer.send(unit(tx)?).expect("the test waits for the answer");
        Err(merak_core::kit::Refusal::not_found())
    });
    let last = answers.try_iter().last();
    last.unwrap_or_else(|| panic!("the unit did not come to its end: {ended:?}"))
}
