//! What people are told of money that goes another way: sellers of disputes, buyers of what came too late.

use merak_core::billing::disputes;
use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::{RefundAnswer, RefundOutcome};
use merak_core::billing::{DisputeStatus, Refund, refunds};
use merak_core::checkouts::CheckoutStatus;
use merak_core::emails::{self, Email};
use merak_core::kit::Page;
use merak_core::subscriptions::rules::Cancellation;
use merak_core::users;

use super::*;

/// The mails of these kinds, in the order in which they were asked for: to whom, and what they say.
fn letters(shop: &Shop, kinds: &'static [&'static str]) -> Vec<(String, Email)> {
    let found = shop.read(move |tx| {
        let mut found = Vec::new();
        for id in tx.all("SELECT id FROM emails ORDER BY id", &[])? {
            let mail = emails::find(tx, id)?.expect("it was just listed");
            if kinds.contains(&mail.kind.as_str()) {
                let said = mail.email()?.expect("it was not sent yet");
                found.push((mail.recipient, said));
            }
        }
        Ok(found)
    });
    found.unwrap()
}

fn hear(shop: &Shop, event_id: &str, hint: &Hint) {
    let (event_id, hint) = (event_id.to_owned(), hint.clone());
    shop.write(move |tx| hints::take_in(tx, &rules(), ("sandbox", &event_id), &hint)).unwrap();
}

fn opened(payment: &Payment) -> Hint {
    let (processor_dispute_id, amount) = (String::from("dp_1"), Some(Cents::new(700)));
    Hint::DisputeOpened { payment_id: payment.id, processor_dispute_id, amount, fee: None }
}

fn closed(payment: &Payment, is_won: bool) -> Hint {
    let (processor_dispute_id, amount) = (String::from("dp_1"), Some(Cents::new(700)));
    Hint::DisputeClosed { payment_id: payment.id, processor_dispute_id, is_won, amount, fee: None }
}

fn bought(shop: &Shop) -> Payment {
    let checkout = shop.checkout(fixed(None, 1000), |_| {});
    shop.settle(&shop.asks(&checkout, "t"), paid(&format!("c{}", shop.number())))
}

/// The processor gives back what came too late.
fn give_back(shop: &Shop) {
    let sql =
        format!("SELECT {} FROM refunds WHERE order_id IS NULL AND status = 'pending'", Refund::COLUMNS);
    let refund: Refund = shop.read(move |tx| Ok(tx.one(&sql, &[])?)).unwrap();
    for _ in 0..2 {
        let answer =
            RefundAnswer { refund_id: Some(String::from("re_1")), outcome: RefundOutcome::Succeeded };
        shop.write(move |tx| refunds::settle(tx, refund.id, &answer)).unwrap();
    }
}

/// The only mail of money that went back unused: how much, and what it was for.
#[track_caller]
fn returned(shop: &Shop, to: &str) -> (i64, Option<String>) {
    let all = letters(shop, &["payment_returned"]);
    let [(recipient, Email::PaymentReturned { product_name, amount, .. })] = all.as_slice() else {
        panic!("one mail was expected: {all:?}");
    };
    assert_eq!(recipient, to);
    (amount.amount.get(), product_name.clone())
}

/// Who works for the shop of these tests.
const MEMBER: &str = "nora@fjordsoft.example";

const DISPUTES: &[&str] = &["dispute_opened", "dispute_closed"];

scenarios! {
    /// Spec 30, scenario 77
    fn members_are_told_of_a_dispute_and_how_it_ends(shop) {
        for is_won in [true, false] {
            let shop = &shop.elsewhere();
            let payment = bought(shop);
            let order = shop.orders().remove(0);
            let looked = |shop: &Shop| {
                let order = order.clone();
                shop.read(move |tx| {
                    let all = disputes::of_order(tx, &order)?;
                    let by_order = disputes::of_orders(tx, [&order])?;
                    assert_eq!(by_order.get(&order.id).copied(), all.last().map(|dispute| dispute.status));
                    Ok(all.into_iter().map(|dispute| (dispute.status, dispute.amount.get())).collect::<Vec<_>>())
                })
                .unwrap()
            };
            assert_eq!(looked(shop), []);
            for event in ["evt_1", "evt_1", "evt_2"] {
                hear(shop, event, &opened(&payment));
            }
            assert_eq!(looked(shop), [(DisputeStatus::Open, 700)]);
            for event in ["evt_3", "evt_4"] {
                hear(shop, event, &closed(&payment, is_won));
            }
            let end = if is_won { DisputeStatus::Won } else { DisputeStatus::Lost };
            assert_eq!(looked(shop), [(end, 700)]);
            let told = letters(shop, DISPUTES);
            let [(first, Email::DisputeOpened { of }), (second, Email::DisputeClosed { of: again, is_won: told })] = told.as_slice() else {
                panic!("{told:?}");
            };
            assert_eq!((first.as_str(), second.as_str(), *told), (MEMBER, MEMBER, is_won));
            assert_eq!(of, again);
            assert_eq!((of.amount.amount, of.customer_email.as_deref()), (Cents::new(700), Some("ada@example.com")));
            assert_eq!(of.order_id, Some(order.id.uuid()));
            assert!(of.product_name.as_deref().unwrap().starts_with("Product"), "{of:?}");
        }
    }

    fn a_dispute_that_is_told_once_it_is_closed_is_one_mail(shop) {
        let payment = bought(shop);
        hear(shop, "evt_2", &closed(&payment, false));
        hear(shop, "evt_1", &opened(&payment));
        let told = letters(shop, DISPUTES);
        assert!(matches!(told.as_slice(), [(_, Email::DisputeClosed { is_won: false, .. })]), "{told:?}");
    }

    fn each_member_is_told(shop) {
        let payment = bought(shop);
        let id = shop.organization.id;
        shop.write(move |tx| {
            let second = users::find_or_create(tx, &email("second@fjordsoft.example"))?;
            let now = tx.now();
            Ok(tx.execute(
                "INSERT INTO organization_members (user_id, organization_id, created_at) VALUES ($1, $2, $3)",
                &[&second.id, &id, &now],
            )?)
        })
        .unwrap();
        hear(shop, "evt_1", &opened(&payment));
        let mut told: Vec<String> = letters(shop, DISPUTES).into_iter().map(|(to, _)| to).collect();
        told.sort();
        assert_eq!(told, [MEMBER, "second@fjordsoft.example"]);
    }

    // Two payments of a renewal, one of which came when the other had paid it, and goes back.
    fn a_dispute_of_what_paid_for_nothing_is_no_orders(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        shop.go_to(subscription.current_period_end);
        let stray = shop.open_due().payments.remove(0);
        shop.settle(&stray, declined(false));
        let invoice = shop.all_invoices()[1].clone();
        let typed = payments::Source::Token("t", false);
        let planned = shop.write(move |tx| payments::plan(tx, &rules(), &invoice, typed)).unwrap().unwrap();
        let paying = shop.settle(&planned, paid("b"));
        shop.settle(&stray, paid("a"));
        let order = shop.orders().pop().unwrap();
        let look = |shop: &Shop| {
            let (order, id) = (order.clone(), shop.organization.id);
            shop.read(move |tx| {
                let listed = disputes::orders(tx, id, Page::new(1, 10))?;
                assert_eq!(listed.items.len(), usize::try_from(listed.total).unwrap());
                let by_order = disputes::of_orders(tx, [&order])?;
                Ok((disputes::of_order(tx, &order)?.len(), by_order.len(), listed.items.into_iter().map(|order| order.id).collect::<Vec<_>>()))
            })
            .unwrap()
        };
        hear(shop, "evt_1", &opened(&stray));
        assert_eq!(look(shop), (0, 0, vec![]));
        hear(shop, "evt_2", &opened(&paying));
        assert_eq!(look(shop), (1, 1, vec![order.id]));
        let told = letters(shop, DISPUTES);
        let [(_, Email::DisputeOpened { of: none }), (_, Email::DisputeOpened { of: one })] = told.as_slice() else {
            panic!("{told:?}");
        };
        assert_eq!((none.order_id, none.product_name.as_deref()), (None, None));
        assert_eq!(one.order_id, Some(order.id.uuid()));
    }

    fn who_has_left_is_told_nothing(shop) {
        let payment = bought(shop);
        shop.write(|tx| Ok(tx.execute("UPDATE organization_members SET deleted_at = created_at", &[])?)).unwrap();
        hear(shop, "evt_1", &opened(&payment));
        assert_eq!(letters(shop, DISPUTES), []);
    }

    fn disputed_orders_are_listed_the_last_disputed_first(shop) {
        let payments = [bought(shop), bought(shop), bought(shop)];
        let ids: Vec<_> = shop.orders().into_iter().map(|order| order.id).collect();
        let list = |number: u32| {
            let id = shop.organization.id;
            let found = shop.read(move |tx| disputes::orders(tx, id, Page::new(number, 1))).unwrap();
            (found.items.into_iter().map(|order| order.id).collect::<Vec<_>>(), found.total)
        };
        assert_eq!(list(1), (vec![], 0));
        for which in [2, 0] {
            shop.advance(hours(1));
            hear(shop, &format!("evt_{which}"), &opened(&payments[which]));
        }
        // Once more, which is the same order all the same.
        shop.advance(hours(1));
        let (processor_dispute_id, amount) = (String::from("dp_2"), Some(Cents::new(300)));
        hear(shop, "evt_3", &Hint::DisputeOpened { payment_id: payments[2].id, processor_dispute_id, amount, fee: None });
        assert_eq!((list(1), list(2), list(3)), ((vec![ids[2]], 2), (vec![ids[0]], 2), (vec![], 2)));
        let (_, other) = shop.another_organization();
        let found = shop.read(move |tx| disputes::orders(tx, other.id, Page::new(1, 10))).unwrap();
        assert_eq!((found.items.len(), found.total), (0, 0));
    }

    /// T-26
    fn a_buyer_whose_payment_comes_after_the_checkout_has_expired_is_told(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&checkout, "late");
        shop.settle(&payment, declined(false));
        shop.advance(hours(1));
        while shop.write(|tx| checkouts::expire(tx, 100)).unwrap() > 0 {}
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Expired);
        shop.settle(&payment, paid("late"));
        assert_eq!(letters(shop, &["payment_returned"]), [], "it has not gone back yet");
        give_back(shop);
        let (amount, product) = returned(shop, "ada@example.com");
        assert_eq!((amount, shop.orders().len()), (1200, 0));
        assert!(product.unwrap().starts_with("Product"));
    }

    /// T-26
    fn a_buyer_who_has_paid_with_another_card_meanwhile_is_told(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let first = shop.asks(&checkout, "first");
        shop.settle(&first, declined(false));
        let second = shop.asks(&checkout, "second");
        shop.settle(&second, paid("b"));
        shop.settle(&first, paid("a"));
        give_back(shop);
        assert_eq!((returned(shop, "ada@example.com").0, shop.orders().len()), (1200, 1));
    }

    fn a_customer_whose_subscription_has_ended_meanwhile_is_told(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        shop.go_to(subscription.current_period_end);
        let payment = shop.open_due().payments.remove(0);
        let ended = shop.subscription(subscription.id);
        shop.write(move |tx| subscriptions::revoke(tx, &ended, Cancellation::default())).unwrap();
        shop.settle(&payment, paid("late"));
        give_back(shop);
        assert_eq!(returned(shop, "ada@example.com").0, 1200);
    }
}
