//! What an audit finds where orders and the ledger say different things.

use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::{RefundAnswer, RefundOutcome};
use merak_core::billing::refunds::{self, NewRefund};
use merak_core::ledger;
use merak_core::ledger::audit::AuditPoint;

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

scenarios! {
    fn what_orders_say_is_what_the_ledger_says(shop) {
        let (refunded, disputed, lost) = (sell(shop, "a"), sell(shop, "b"), sell(shop, "c"));
        shop.subscribed(fixed(MONTH, 1000));
        let order_id = shop.orders()[0].id;
        let new = NewRefund { order_id, amount: Some(Cents::new(500)), reason: None, revokes_benefits: None };
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
        assert_eq!(found(shop).len(), 2);
    }
}
