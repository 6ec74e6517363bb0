//! spec 30 §3.8, §6.4 and 7.9

use super::*;
use merak_core::billing::{CatchUp, InvoiceStatus};

scenarios! {
    fn a_period_is_billed_once_and_ends_where_the_next_begins(shop) {
        let first = shop.subscribed(fixed(MONTH, 1000));
        assert_eq!(shop.open_due(), Batch::default());
        let mut before = first.clone();
        for period in 1..=3 {
            shop.go_to(before.current_period_end);
            let seen = shop.events().len();
            let batch = shop.open_due();
            assert_eq!((batch.looked_at, batch.payments.len()), (1, 1));
            assert_eq!(shop.open_due(), Batch::default());
            let payment = &batch.payments[0];
            assert_eq!((payment.amount, payment.is_off_session), (Cents::new(1200), true));
            let after = shop.subscription(first.id);
            assert_eq!((after.period, after.current_period_start), (period, before.current_period_end));
            shop.settle(payment, paid(&format!("r{period}")));
            shop.settle(payment, paid(&format!("r{period}")));
            assert_eq!(shop.events()[seen..], [EventType::SubscriptionUpdated, EventType::OrderCreated]);
            before = shop.subscription(first.id);
        }
        let orders = shop.orders();
        assert_eq!(orders.len(), 4);
        assert_eq!(orders[3].billing_reason.as_str(), "subscription_cycle");
        assert_eq!(orders.iter().map(|order| order.invoice_number.unwrap()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(shop.mails()[2..], ["subscription_renewed", "subscription_renewed", "subscription_renewed"]);
    }

    /// I5: whatever two nodes do at once
    fn two_nodes_bill_a_period_once(shop) {
        let subscriptions: Vec<_> = (0..6).map(|_| shop.subscribed(fixed(MONTH, 1000))).collect();
        shop.go_to(subscriptions.last().unwrap().current_period_end);
        let nodes = [shop.another_node(), shop.another_node()];
        let opened = at_once(2, |node| {
            let rules = rules();
            nodes[node as usize].write_blocking(move |tx| renewal::open_due(tx, &rules, 4)).unwrap().payments.len()
                + nodes[node as usize].write_blocking(move |tx| renewal::open_due(tx, &super::rules(), 4)).unwrap().payments.len()
        });
        assert_eq!(opened.iter().sum::<usize>(), 6);
        assert_eq!(shop.all_invoices().len(), 12);
    }

    /// §3.4 and scenario 63: cancellation wins
    fn what_was_canceled_ends_with_its_period(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let id = subscription.id;
        let now = shop.now();
        shop.write(move |tx| Ok(tx.changed_one(
            "UPDATE subscriptions SET cancel_at_period_end = TRUE, canceled_at = $2, ends_at = current_period_end WHERE id = $1",
            &[&id, &now],
        )?)).unwrap();
        shop.go_to(subscription.current_period_end);
        shop.advance(hours(5));
        let seen = shop.events().len();
        assert!(shop.open_due().payments.is_empty());
        let after = shop.subscription(id);
        assert_eq!((after.status, after.due_at), (SubscriptionStatus::Canceled, None));
        assert_eq!((after.ended_at, after.ends_at), (Some(subscription.current_period_end), Some(subscription.current_period_end)));
        assert_eq!(shop.events()[seen..], [EventType::SubscriptionUpdated, EventType::SubscriptionRevoked]);
        assert_eq!(shop.orders().len(), 1);
    }

    fn what_is_free_has_an_order_of_nothing_each_period(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        let update = ClientUpdate { customer_email: Patch::Value(email("ada@example.com")), ..ClientUpdate::default() };
        shop.hold(&checkout, update, None).unwrap();
        let before = shop.subscription_of(&checkout);
        shop.go_to(before.current_period_end);
        assert!(shop.open_due().payments.is_empty());
        assert_eq!((shop.orders().len(), shop.orders()[1].amount), (2, Cents::new(0)));
        assert_eq!(shop.subscription(before.id).amount, None);
    }

    /// §3.9. A year begins within a span of months or not; a fixed amount goes off each time.
    fn discounts_lapse(shop) {
        let off = Reduction::Fixed { amount: Cents::new(300), currency: Currency::Usd };
        let half = percent(50);
        for (interval, reduction, span, expected) in [
            (MONTH, half, Span::Once, [500, 1000, 1000]),
            (MONTH, half, Span::Months(2), [500, 500, 1000]),
            (MONTH, half, Span::Forever, [500, 500, 500]),
            (MONTH, off, Span::Once, [700, 1000, 1000]),
            (MONTH, off, Span::Months(2), [700, 700, 1000]),
            (MONTH, off, Span::Forever, [700, 700, 700]),
            (YEAR, half, Span::Once, [500, 1000, 1000]),
            (YEAR, half, Span::Months(12), [500, 1000, 1000]),
            (YEAR, half, Span::Months(13), [500, 500, 1000]),
            (YEAR, half, Span::Forever, [500, 500, 500]),
            (YEAR, off, Span::Once, [700, 1000, 1000]),
            (YEAR, off, Span::Months(2), [700, 1000, 1000]),
            (YEAR, off, Span::Months(24), [700, 700, 1000]),
            (YEAR, off, Span::Forever, [700, 700, 700]),
        ] {
            let case = format!("{interval:?}, {reduction:?}, {span:?}");
            let discount = shop.discount(reduction, span, None);
            let checkout = shop.checkout(fixed(interval, 1000), |new| new.discount_id = Some(discount.id));
            shop.settle(&shop.asks(&checkout, "t"), paid(&format!("d{}", shop.number())));
            let mut subscription = shop.subscription_of(&checkout);
            let mut amounts = vec![subscription.amount.unwrap().get()];
            for _ in 0..2 {
                shop.go_to(subscription.current_period_end);
                for payment in shop.open_due().payments {
                    shop.settle(&payment, paid(&format!("r{}", shop.number())));
                }
                subscription = shop.subscription(subscription.id);
                amounts.push(subscription.amount.unwrap().get());
            }
            assert_eq!(amounts, expected, "{case}");
            let id = subscription.id;
            let orders = shop.orders().into_iter().filter(|order| order.subscription_id == Some(id));
            let told: Vec<_> = orders.map(|order| (order.amount.get(), order.discount_id)).collect();
            let right = expected.map(|amount| (amount, (amount < 1000).then_some(discount.id)));
            assert_eq!(told, right, "{case}");
            assert_eq!(subscription.discount_id, Some(discount.id));
            shop.write(move |tx| Ok(tx.changed_one("UPDATE subscriptions SET due_at = NULL WHERE id = $1", &[&id])?)).unwrap();
        }
    }

    /// §6.4, 3
    fn after_a_long_silence_the_policy_decides(shop) {
        let first = shop.subscribed(fixed(MONTH, 1000));
        let second = shop.subscribed(fixed(MONTH, 1000));
        shop.go_to(first.current_period_end);
        shop.advance(hours(24 * 75));
        let id = second.id;
        let due_at = second.due_at;
        shop.write(move |tx| Ok(tx.changed_one("UPDATE subscriptions SET due_at = NULL WHERE id = $1", &[&id])?)).unwrap();
        let batch = shop.open_due();
        assert_eq!((batch.payments.len(), batch.left_out.as_slice()), (1, [(first.id, 2)].as_slice()));
        assert_eq!(shop.subscription(first.id).period, 3);
        assert!(shop.subscription(first.id).current_period_end > shop.now());
        shop.write(move |tx| Ok(tx.changed_one("UPDATE subscriptions SET due_at = $2 WHERE id = $1", &[&id, &due_at])?)).unwrap();
        for period in 1..=3 {
            let batch = shop.open_due_by(Rules { catch_up: CatchUp::EveryPeriod, ..rules() });
            assert_eq!((batch.payments.len(), batch.left_out.len()), (1, 0));
            assert_eq!(shop.subscription(second.id).period, period);
        }
        assert_eq!(shop.open_due_by(Rules { catch_up: CatchUp::EveryPeriod, ..rules() }), Batch::default());
    }

    /// Scenario 54 and §6.5
    fn credit_is_used_before_money(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let line = invoices::NewLine {
            product_price_id: subscription.price_id,
            description: String::from("Unused time"),
            amount: Cents::new(-2500),
            is_proration: true,
            span: None,
        };
        let one = subscription.clone();
        shop.write(move |tx| invoices::put_aside(tx, &one, &line)).unwrap();
        let credit = |shop: &Shop| {
            let id = subscription.customer_id;
            shop.read(move |tx| invoices::credit_of(tx, id)).unwrap().get()
        };
        let mut before = subscription.clone();
        // 20 % of tax goes back with what is given back.
        for (amount, tax, left) in [(-1500, -300, 1800), (1000, 200, 600)] {
            shop.go_to(before.current_period_end);
            assert!(shop.open_due().payments.is_empty());
            let order = shop.orders().pop().unwrap();
            assert_eq!((order.amount.get(), order.tax_amount.get(), credit(shop)), (amount, tax, left));
            before = shop.subscription(before.id);
            assert_eq!(before.amount, Some(Cents::new(1000)));
        }
        shop.go_to(before.current_period_end);
        let batch = shop.open_due();
        assert_eq!((batch.payments[0].amount, credit(shop)), (Cents::new(600), 0));
        shop.settle(&batch.payments[0], paid("r"));
        let books = shop.books();
        assert!(books.iter().all(|(account, _)| account != "customer_credit" && account != "customer_receivable"), "{books:?}");
    }

    fn what_is_too_little_to_be_charged_is_let_go(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let line = invoices::NewLine {
            product_price_id: subscription.price_id,
            description: String::from("Unused time"),
            amount: Cents::new(-980),
            is_proration: true,
            span: None,
        };
        let one = subscription.clone();
        shop.write(move |tx| invoices::put_aside(tx, &one, &line)).unwrap();
        shop.go_to(subscription.current_period_end);
        assert!(shop.open_due().payments.is_empty());
        assert_eq!(shop.orders()[1].amount, Cents::new(20));
        assert!(shop.books().contains(&(String::from("adjustments"), 24)));
    }

    fn nobody_is_charged_who_was_deleted(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (tenancy, id) = (shop.tenancy(), subscription.customer_id);
        shop.write(move |tx| merak_core::customers::delete(tx, &tenancy, id)).unwrap();
        let ended = shop.subscription(subscription.id);
        assert_eq!((ended.status, ended.ended_at), (SubscriptionStatus::Canceled, Some(shop.now())));
        assert!(shop.events().ends_with(&[
            EventType::SubscriptionUpdated, EventType::SubscriptionCanceled, EventType::SubscriptionRevoked,
        ]));
        shop.go_to(subscription.current_period_end);
        assert!(shop.open_due().payments.is_empty());
        assert_eq!(shop.subscription(subscription.id).status, SubscriptionStatus::Canceled);
    }

    /// A change that waits for its money, and leaves no trace without it
    fn a_change_comes_about_with_its_money(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (product, price) = shop.sells(fixed(YEAR, 9000));
        let new = invoices::NewInvoice {
            billing_reason: billing::BillingReason::SubscriptionUpdate,
            period: subscription.period + 1,
            period_start: shop.now(),
            period_end: shop.now().add_seconds(365 * 86_400),
            product_id: product.id,
            product_price_id: price,
            discount_id: None,
            lines: vec![invoices::NewLine {
                product_price_id: price,
                description: product.name.clone(),
                amount: Cents::new(9000),
                is_proration: false,
                span: None,
            }],
        };
        let open = || {
            let (one, new) = (subscription.clone(), new.clone());
            match shop.write(move |tx| invoices::open(tx, &rules(), &one, &new)).unwrap() {
                invoices::Opened::Asks(payment) => *payment,
                other => panic!("{other:?}"),
            }
        };
        let payment = open();
        shop.settle(&payment, declined(false));
        assert_eq!(shop.subscription(subscription.id), subscription);
        assert_eq!(shop.all_invoices()[1].status, InvoiceStatus::Void);
        shop.settle(&open(), paid("u"));
        let after = shop.subscription(subscription.id);
        assert_eq!((after.product_id, after.price_id, after.period), (product.id, price, 1));
        assert_eq!((after.recurring_interval, after.base_amount), (RecurringInterval::Year, Some(Cents::new(9000))));
        assert_eq!(shop.orders()[1].billing_reason.as_str(), "subscription_update");
    }
}
