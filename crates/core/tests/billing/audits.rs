//! What an audit finds where orders and the ledger say different things.

use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::{RefundAnswer, RefundOutcome};
use merak_core::billing::refunds::{self, NewRefund};
use merak_core::billing::{Refund, invoices::NewLine};
use merak_core::customers;
use merak_core::ledger;
use merak_core::ledger::audit::AuditPoint;
use merak_core::subscriptions::rules::Cancellation;

use super::*;

fn found(shop: &Shop) -> Vec<String> {
    let (mut all, mut point) = (Vec::new(), Some(AuditPoint::default()));
    while let Some(from) = point {
        let id = shop.organization.id;
        let part = shop.read(move |tx| ledger::audit(tx, id, &from)).unwrap();
        all.extend(
            part.findings.into_iter().map(|finding| format!("{}: {}", finding.check, finding.message)),
        );
        point = part.next;
    }
    all
}

fn sell(shop: &Shop, card: &str) -> Payment {
    let checkout = shop.checkout(fixed(None, 1000), |_| {});
    shop.settle(&shop.asks(&checkout, card), paid(card))
}

fn hear(shop: &Shop, name: &'static str, hint: Hint) {
    shop.write(move |tx| hints::take_in(tx, &rules(), ("sandbox", name), &hint)).unwrap();
}

fn give_back(shop: &Shop, id: Id<Refund>) {
    let answer = RefundAnswer { refund_id: Some(format!("re_{id}")), outcome: RefundOutcome::Succeeded };
    shop.write(move |tx| refunds::settle(tx, id, &answer)).unwrap();
}

/// What billing is found to say, by its rows, and nothing else.
#[track_caller]
fn assert_found(shop: &Shop, expected: &[(&str, &str)]) {
    let found = found(shop);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (whose, told) in expected {
        let is_told = |finding: &&String| {
            finding.starts_with("billing: ") && finding.contains(whose) && finding.contains(told)
        };
        assert_eq!(found.iter().filter(is_told).count(), 1, "{whose}: {told} in {found:?}");
    }
}

scenarios! {
    fn what_orders_say_is_what_the_ledger_says(shop) {
        let (refunded, disputed, lost) = (sell(shop, "a"), sell(shop, "b"), sell(shop, "c"));
        shop.subscribed(fixed(MONTH, 1000));
        let order_id = shop.orders()[0].id;
        let new = NewRefund { order_id, amount: Some(Cents::new(500)), reason: None, revokes_benefits: None, left: None };
        let refund = shop.write(move |tx| refunds::open(tx, &new)).unwrap();
        assert_eq!(refund.payment_id, refunded.id);
        let answer = RefundAnswer { refund_id: Some("re_1".into()), outcome: RefundOutcome::Succeeded };
        shop.write(move |tx| refunds::settle(tx, refund.id, &answer)).unwrap();
        for (name, payment) in [("b", &disputed), ("c", &lost)] {
            let opened = Hint::DisputeOpened {
                payment_id: payment.id, processor_dispute_id: format!("dp_{name}"), amount: None, fee: None,
            };
            hear(shop, name, opened);
        }
        let closed = Hint::DisputeClosed {
            payment_id: lost.id, processor_dispute_id: "dp_c".into(), is_won: false, amount: None, fee: None,
        };
        hear(shop, "closed", closed);
        assert_eq!(found(shop), Vec::<String>::new());
        for (change, told) in [
            ("UPDATE orders SET amount = amount + 1 WHERE id = $1", "its amount is 1001, and 1000"),
            ("UPDATE orders SET tax_amount = 0 WHERE id = $1", "its tax is 0, and 200"),
            ("UPDATE orders SET refunded_amount = 0 WHERE id = $1", "what was given back of it is 0, and 500"),
        ] {
            let before = shop.orders()[0].clone();
            shop.write(move |tx| Ok(tx.changed_one(change, &[&order_id])?)).unwrap();
            let [finding] = &found(shop)[..] else { panic!("{told}: {:?}", found(shop)) };
            assert!(finding.starts_with("orders: order ") && finding.contains(told), "{finding}");
            shop.write(move |tx| Ok(tx.changed_one(
                "UPDATE orders SET amount = $2, tax_amount = $3, refunded_amount = $4 WHERE id = $1",
                &[&before.id, &before.amount, &before.tax_amount, &before.refunded_amount],
            )?)).unwrap();
        }
        shop.write(|tx| Ok(tx.execute("UPDATE disputes SET status = 'won'", &[])?)).unwrap();
        assert_eq!(found(shop).iter().filter(|finding| finding.starts_with("orders: ")).count(), 2);
    }

    fn what_customers_paid_and_are_owed_is_what_the_ledger_says(shop) {
        let (refunded, disputed) = (sell(shop, "a"), sell(shop, "b"));
        let order_id = shop.orders()[0].id;
        let new = NewRefund { order_id, amount: Some(Cents::new(500)), reason: None, revokes_benefits: None, left: None };
        give_back(shop, shop.write(move |tx| refunds::open(tx, &new)).unwrap().id);
        let opened = Hint::DisputeOpened {
            payment_id: disputed.id, processor_dispute_id: "dp_b".into(), amount: None, fee: Some(Cents::new(1500)),
        };
        hear(shop, "b", opened);
        let credited = shop.subscribed(fixed(MONTH, 1000));
        let line = NewLine {
            product_price_id: credited.price_id,
            description: String::from("A change"),
            amount: Cents::new(-300),
            is_proration: true,
            span: None,
        };
        shop.write(move |tx| {
            invoices::put_aside(tx, &credited, &line)?;
            subscriptions::revoke(tx, &credited, Cancellation::default())
        }).unwrap();
        assert_eq!(found(shop), Vec::<String>::new());

        // Money that nobody waited for is the customer's until it has gone back.
        let late = shop.subscribed(fixed(YEAR, 5000));
        shop.go_to(late.current_period_end);
        let stray = shop.open_due().payments.pop().unwrap();
        shop.settle(&stray, waits(Outcome::Processing));
        let invoice = stray.invoice_id.unwrap();
        shop.write(move |tx| invoices::void(tx, invoice)).unwrap();
        shop.settle(&stray, paid("r"));
        assert_eq!(found(shop), Vec::<String>::new());
        let refund: Id<Refund> = shop.read(|tx| Ok(tx.one("SELECT id FROM refunds WHERE order_id IS NULL", &[])?)).unwrap();
        give_back(shop, refund);
        assert_eq!(found(shop), Vec::<String>::new());

        let (payment, customer) = (refunded.id, refunded.customer_id);
        let due = shop.payment(stray.id).amount.get();
        for (change, undo, whose, told) in [
            ("UPDATE payments SET fee_amount = 31", "fee_amount = 30", payment.to_string(), "its fee is 31, and 30"),
            ("UPDATE payments SET fee_amount = NULL", "fee_amount = 30", payment.to_string(), "its fee is 0, and 30"),
            ("UPDATE payments SET amount = 1201", "amount = 1200", payment.to_string(), "its amount is 1201, and 1200"),
        ] {
            let change = format!("{change} WHERE id = $1");
            let undo = format!("UPDATE payments SET {undo} WHERE id = $1");
            shop.write(move |tx| Ok(tx.changed_one(&change, &[&payment])?)).unwrap();
            assert_found(shop, &[(&whose, told)]);
            shop.write(move |tx| Ok(tx.changed_one(&undo, &[&payment])?)).unwrap();
        }
        let (whose, stray, disputed) = (payment.to_string(), stray.id.to_string(), disputed.id.to_string());
        let customer = customer.to_string();
        let returned = format!("what was given back of it is 0, and {due}");
        let kept = format!("the credit is {}, and 360", 360 + due);
        for (change, undo, told) in [
            (
                "UPDATE refunds SET status = 'failed' WHERE order_id IS NOT NULL",
                "UPDATE refunds SET status = 'succeeded' WHERE order_id IS NOT NULL",
                vec![(&whose, "what was given back of it is 0, and 500")],
            ),
            (
                "UPDATE refunds SET status = 'failed' WHERE order_id IS NULL",
                "UPDATE refunds SET status = 'succeeded' WHERE order_id IS NULL",
                vec![(&stray, returned.as_str()), (&customer, kept.as_str())],
            ),
            (
                "UPDATE disputes SET fee_amount = 0",
                "UPDATE disputes SET fee_amount = 1500",
                vec![(&disputed, "what its disputes cost is 0, and 1500")],
            ),
            (
                "UPDATE credit_entries SET amount = amount + 5 WHERE amount < 0",
                "UPDATE credit_entries SET amount = amount - 5 WHERE amount < 0",
                vec![(&customer, "the credit is 365, and 360")],
            ),
        ] {
            shop.write(move |tx| Ok(tx.changed_one(change, &[])?)).unwrap();
            assert_found(shop, &told.iter().map(|(whose, told)| (whose.as_str(), *told)).collect::<Vec<_>>());
            shop.write(move |tx| Ok(tx.changed_one(undo, &[])?)).unwrap();
        }
        assert_eq!(found(shop), Vec::<String>::new());
    }

    /// More customers than a step looks at, and those that were deleted, too.
    fn every_customer_is_looked_at(shop) {
        let payment = sell(shop, "a");
        for _ in 0..120 {
            shop.customer();
        }
        let (id, customer, tenancy) = (payment.id, payment.customer_id, shop.tenancy());
        shop.write(move |tx| customers::delete(tx, &tenancy, customer)).unwrap();
        assert_eq!(found(shop), Vec::<String>::new());
        shop.write(move |tx| Ok(tx.changed_one("UPDATE payments SET fee_amount = 0 WHERE id = $1", &[&id])?)).unwrap();
        assert_found(shop, &[(&id.to_string(), "its fee is 0, and 30")]);
        let (_, other) = shop.another_organization();
        let part = shop.read(move |tx| ledger::audit(tx, other.id, &AuditPoint::default())).unwrap();
        assert_eq!(part.findings, []);
    }
}
