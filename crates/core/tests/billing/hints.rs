//! What processors tell: twice, late, out of order. spec 30 §6.2

use super::*;
use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::RefundOutcome;
use merak_core::checkouts::CheckoutStatus;

fn hear(shop: &Shop, event_id: &str, hint: &Hint) -> bool {
    let (event_id, hint) = (event_id.to_owned(), hint.clone());
    shop.write(move |tx| hints::take_in(tx, &rules(), ("sandbox", &event_id), &hint)).unwrap()
}

fn bought(shop: &Shop) -> Payment {
    let checkout = shop.checkout(fixed(None, 1000), |_| {});
    shop.settle(&shop.asks(&checkout, "t"), paid(&format!("c{}", shop.number())))
}

scenarios! {
    /// Scenario 76: a charge is seen twice; scenario 43: nobody knows of the payment
    fn a_message_counts_once(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&checkout, "t");
        let hint = Hint::Payment { id: payment.id, answer: Box::new(paid("a")) };
        assert!(hear(shop, "evt_1", &hint));
        assert!(!hear(shop, "evt_1", &hint));
        // The same in another message, and an older one that failed.
        assert!(hear(shop, "evt_2", &hint));
        assert!(hear(shop, "evt_0", &Hint::Payment { id: payment.id, answer: Box::new(declined(false)) }));
        assert_eq!((shop.orders().len(), shop.payment(payment.id).status), (1, PaymentStatus::Succeeded));
        let unknown = Hint::Payment { id: Id::from_uuid(uuid::Uuid::from_u128(7)), answer: Box::new(paid("b")) };
        assert!(shop.write(move |tx| hints::take_in(tx, &rules(), ("sandbox", "evt_3"), &unknown)).is_err());
    }

    /// Scenario 43: nobody was answered yet, so the checkout is still open
    fn a_message_that_overtakes_the_answer_is_the_answer(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&checkout, "t");
        assert_eq!((shop.checkout_now(&checkout).status, shop.orders().len()), (CheckoutStatus::Open, 0));
        let hint = Hint::Payment { id: payment.id, answer: Box::new(paid("early")) };
        assert!(hear(shop, "evt_early", &hint));
        assert_eq!((shop.checkout_now(&checkout).status, shop.orders().len()), (CheckoutStatus::Succeeded, 1));
        shop.settle(&payment, paid("early"));
        assert_eq!((shop.checkout_now(&checkout).status, shop.orders().len()), (CheckoutStatus::Succeeded, 1));
    }

    /// Scenario 43: the intent was canceled
    fn what_was_canceled_at_the_processor_is_not_bought(shop) {
        let checkout = shop.checkout(fixed(MONTH, 1000), |_| {});
        let payment = shop.asks(&checkout, "t");
        shop.settle(&payment, Answer {
            intent_id: Some(String::from("pi_waits")), client_secret: Some(String::from("secret")), outcome: Outcome::RequiresAction,
        });
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Confirmed);
        let canceled = Answer::failed(billing::CANCELED, "The payment was given up.");
        assert!(hear(shop, "evt_canceled", &Hint::Payment { id: payment.id, answer: Box::new(canceled) }));
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Failed);
        assert_eq!((shop.orders().len(), shop.payment(payment.id).status), (0, PaymentStatus::Failed));
    }

    /// Scenario 43: the intent has no customer or no method. Who pays is known from our own row, and money that is there
    /// was paid; but a period that nothing can pay is owed.
    fn what_was_paid_without_a_method_is_bought_and_cannot_be_renewed(shop) {
        let checkout = shop.checkout(fixed(MONTH, 1000), |_| {});
        let payment = shop.asks(&checkout, "t");
        let mut without = paid("bare");
        if let Outcome::Succeeded { method, .. } = &mut without.outcome {
            *method = None;
        }
        assert!(hear(shop, "evt_bare", &Hint::Payment { id: payment.id, answer: Box::new(without) }));
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Succeeded);
        let [order] = &shop.orders()[..] else { panic!("{:?}", shop.orders()) };
        assert_eq!(order.customer_id, payment.customer_id);
        let subscription = shop.subscription(order.subscription_id.unwrap());
        assert_eq!((subscription.status, subscription.payment_method_id), (SubscriptionStatus::Active, None));
        shop.go_to(subscription.current_period_end);
        assert!(shop.open_due().payments.is_empty());
        assert_eq!(shop.subscription(subscription.id).status, SubscriptionStatus::PastDue);
        assert_eq!(shop.orders().len(), 1);
    }

    fn of_a_payment_that_came_with_its_fee_nothing_is_left_to_tell(shop) {
        let complete = |shop: &Shop| {
            let names = ["pi_whole", "pi_late", "pi_failed", "pi_nobody"].map(String::from);
            let found = shop.read(move |tx| payments::complete(tx, "sandbox", names.clone())).unwrap();
            let mut found: Vec<String> = found.into_iter().collect();
            found.sort();
            found
        };
        let planned = |shop: &Shop| shop.asks(&shop.checkout(fixed(None, 1000), |_| {}), "t");
        let whole = shop.settle(&planned(shop), paid("whole"));
        let mut without = paid("late");
        if let Outcome::Succeeded { fee, .. } = &mut without.outcome {
            *fee = None;
        }
        let late = shop.settle(&planned(shop), without);
        let failed = shop.settle(&planned(shop), Answer { intent_id: Some("pi_failed".into()), ..declined(false) });
        assert_eq!(complete(shop), ["pi_whole"]);
        assert_eq!([&whole, &late, &failed].map(Payment::is_complete), [true, false, false]);
        let elsewhere = shop.read(|tx| payments::complete(tx, "stripe", [String::from("pi_whole")])).unwrap();
        assert!(elsewhere.is_empty());
        // A payment that failed may still come, and a fee be told: each message of these is heard.
        hear(shop, "evt_1", &Hint::Payment { id: late.id, answer: Box::new(paid("late")) });
        hear(shop, "evt_2", &Hint::Payment { id: failed.id, answer: Box::new(paid("failed")) });
        assert_eq!(complete(shop), ["pi_failed", "pi_late", "pi_whole"]);
    }

    /// Scenario 55: what the processor keeps
    fn a_fee_that_is_told_later_is_booked_once(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let (mut without, with) = (paid("later"), paid("later"));
        if let Outcome::Succeeded { fee, .. } = &mut without.outcome {
            *fee = None;
        }
        let payment = shop.settle(&shop.asks(&checkout, "t"), without.clone());
        let fees = |shop: &Shop| shop.books().into_iter().find(|(account, _)| account == "processor_fees");
        assert_eq!((payment.fee_amount, fees(shop)), (None, None));
        for (number, answer) in [with.clone(), without, with].into_iter().enumerate() {
            assert!(hear(shop, &format!("evt_fee{number}"), &Hint::Payment { id: payment.id, answer: Box::new(answer) }));
            assert_eq!(fees(shop), Some((String::from("processor_fees"), 30)));
        }
        assert!(shop.books().contains(&(String::from("processor_clearing"), 1170)));
        assert_eq!(shop.payment(payment.id).fee_amount, Some(Cents::new(30)));
    }

    /// Scenario 76
    fn a_refund_at_the_processor_is_noted_once(shop) {
        let payment = bought(shop);
        let hint = |outcome| Hint::Refund {
            payment_id: payment.id, refund_id: None, processor_refund_id: "re_1".into(),
            amount: Some(Cents::new(600)), outcome,
        };
        hear(shop, "evt_1", &hint(RefundOutcome::Succeeded));
        hear(shop, "evt_2", &hint(RefundOutcome::Succeeded));
        assert_eq!(shop.orders()[0].refunded_amount, Cents::new(600));
        hear(shop, "evt_3", &hint(RefundOutcome::Failed(String::from("returned"))));
        assert_eq!(shop.orders()[0].refunded_amount, Cents::new(0));
        let rows: i64 = shop.read(|tx| Ok(tx.one("SELECT count(*) FROM refunds", &[])?)).unwrap();
        assert_eq!(rows, 1);
    }

    /// Scenario 77
    fn disputes_are_the_same_in_either_order(shop) {
        for is_won in [true, false] {
            for order in [[0, 1], [1, 0]] {
                let shop = &shop.elsewhere();
                let payment = bought(shop);
                let opened = Hint::DisputeOpened {
                    payment_id: payment.id, processor_dispute_id: "dp_1".into(), amount: None,
                    fee: Some(Cents::new(15)),
                };
                let closed = Hint::DisputeClosed {
                    payment_id: payment.id, processor_dispute_id: "dp_1".into(), is_won, amount: None,
                    fee: Some(Cents::new(if is_won { 0 } else { 15 })),
                };
                for which in order {
                    hear(shop, &format!("evt_{which}"), [&opened, &closed][which]);
                }
                let books = shop.books();
                let held = |account: &str| books.iter().find(|(name, _)| name == account).map_or(0, |(_, sum)| *sum);
                assert_eq!(held("disputes"), 0);
                assert_eq!(held("processor_clearing"), if is_won { 1170 } else { -45 });
                assert_eq!(held("processor_fees"), if is_won { 30 } else { 45 });
                assert_eq!(held("dispute_losses"), if is_won { 0 } else { 1000 });
                assert_eq!(held("tax_payable"), if is_won { -200 } else { 0 });
            }
        }
    }

    fn a_method_that_is_gone_pays_nothing_any_more(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let id = subscription.payment_method_id.unwrap();
        let name: String =
            shop.read(move |tx| Ok(tx.one("SELECT processor_method_id FROM payment_methods WHERE id = $1", &[&id])?)).unwrap();
        hear(shop, "evt_1", &Hint::MethodDetached { processor_method_id: name });
        assert_eq!(shop.subscription(subscription.id).payment_method_id, None);
    }
}
