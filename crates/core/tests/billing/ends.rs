//! What is open when a subscription ends, who is not charged, and what a change of the price would cost.

use super::*;
use merak_core::billing::hints::{self, Hint};
use merak_core::billing::outcome::{RefundAnswer, RefundOutcome};
use merak_core::billing::refunds::{self, NewRefund};
use merak_core::billing::{InvoiceStatus, invoices::NewLine};
use merak_core::customer_sessions::Vouch;
use merak_core::subscriptions::price_change::{self, Applied, ChangePrice, Presence, Preview};
use merak_core::subscriptions::rules::Cancellation;

fn put_aside(shop: &Shop, subscription: &Subscription, cents: i64) {
    let line = NewLine {
        product_price_id: subscription.price_id,
        description: String::from("A change"),
        amount: Cents::new(cents),
        is_proration: true,
        span: None,
    };
    let one = subscription.clone();
    shop.write(move |tx| invoices::put_aside(tx, &one, &line)).unwrap();
}

fn revoke(shop: &Shop, subscription: &Subscription) {
    let one = shop.subscription(subscription.id);
    shop.write(move |tx| subscriptions::revoke(tx, &one, Cancellation::default())).unwrap();
}

fn credit(shop: &Shop, subscription: &Subscription) -> i64 {
    let id = subscription.customer_id;
    shop.read(move |tx| invoices::credit_of(tx, id)).unwrap().get()
}

fn waiting(shop: &Shop) -> i64 {
    shop.read(|tx| Ok(tx.one("SELECT count(*) FROM invoice_lines WHERE invoice_id IS NULL", &[])?)).unwrap()
}

fn balance(shop: &Shop, account: &str) -> i64 {
    shop.books().iter().find(|(name, _)| name == account).map_or(0, |(_, amount)| *amount)
}

fn preview(shop: &Shop, subscription: &Subscription, price: Id<Price>) -> Preview {
    let one = shop.subscription(subscription.id);
    shop.read(move |tx| price_change::preview(tx, &rules(), &one, price)).unwrap()
}

/// What a change to a price would give back now.
fn given_back(shop: &Shop, subscription: &Subscription, price: Id<Price>) -> Option<i64> {
    let told = preview(shop, subscription, price).now.unwrap();
    told.lines.iter().find(|line| line.is_proration).map(|line| line.amount.get())
}

fn apply(shop: &Shop, subscription: &Subscription, price: Id<Price>) -> Result<Applied> {
    let one = shop.subscription(subscription.id);
    let wish = ChangePrice { price_id: price, payer: Presence::Away, vouch: Vouch::Seller };
    shop.write(move |tx| price_change::apply(tx, &rules(), &one, wish))
}

scenarios! {
    fn what_is_owed_to_the_customer_becomes_credit_with_its_tax(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        assert_eq!(balance(shop, "tax_payable"), -200);
        put_aside(shop, &subscription, -323);
        put_aside(shop, &subscription, 23);
        revoke(shop, &subscription);
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.amount.get(), order.tax_amount.get()), (-300, -60));
        assert_eq!((credit(shop, &subscription), waiting(shop)), (360, 0));
        assert_eq!((balance(shop, "tax_payable"), balance(shop, "customer_credit")), (-140, -360));
    }

    fn what_the_customer_would_owe_is_let_go_if_it_is_ended_at_once(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        put_aside(shop, &subscription, -323);
        put_aside(shop, &subscription, 968);
        revoke(shop, &subscription);
        assert_eq!((waiting(shop), shop.orders().len(), credit(shop, &subscription)), (0, 1, 0));
    }

    fn what_changes_cost_is_charged_when_the_subscription_ends_with_its_period(shop) {
        for answer in [paid("card_7"), declined(false)] {
            let shop = &shop.elsewhere();
            let is_paid = matches!(answer.outcome, Outcome::Succeeded { .. });
            let subscription = shop.subscribed(fixed(MONTH, 1000));
            put_aside(shop, &subscription, -323);
            put_aside(shop, &subscription, 968);
            let one = subscription.clone();
            shop.write(move |tx| subscriptions::cancel(tx, &one, Cancellation::default())).unwrap();
            // It goes on, so it may still be invoiced.
            assert_eq!(waiting(shop), 2);
            shop.go_to(subscription.current_period_end);
            let payment = shop.open_due().payments.remove(0);
            assert_eq!(payment.amount, Cents::new(774));
            let ended = shop.subscription(subscription.id);
            assert_eq!((ended.status, ended.ended_at), (SubscriptionStatus::Canceled, ended.ends_at));
            shop.settle(&payment, answer);
            assert_eq!(shop.subscription(subscription.id), ended);
            let invoice = shop.all_invoices().pop().unwrap();
            let (status, orders) =
                if is_paid { (InvoiceStatus::Paid, 2) } else { (InvoiceStatus::Uncollectible, 1) };
            assert_eq!((invoice.status, invoice.amount, shop.orders().len()), (status, Cents::new(645), orders));
            assert_eq!((waiting(shop), credit(shop, &subscription)), (0, 0));
            assert_eq!(shop.open_due(), Batch::default());
        }
    }

    fn what_went_back_is_not_credited_once_more(shop) {
        for (gone, left) in [(None, None), (Some(600), Some(-500)), (Some(1200), None)] {
            let shop = &shop.elsewhere();
            let subscription = shop.subscribed(fixed(MONTH, 1000));
            let (_, yearly) = shop.sells(fixed(YEAR, 9000));
            if let Some(cents) = gone {
                let order_id = shop.orders()[0].id;
                let new = NewRefund { order_id, amount: Some(Cents::new(cents)), reason: None, revokes_benefits: None, left: None };
                shop.write(move |tx| refunds::open(tx, &new)).unwrap();
            }
            let told = preview(shop, &subscription, yearly).now.unwrap();
            let given_back = told.lines.iter().find(|line| line.is_proration).map(|line| line.amount.get());
            assert_eq!(given_back, if gone.is_none() { Some(-1000) } else { left });
        }
    }

    fn what_went_back_of_an_invoice_with_a_change_is_not_credited_once_more(shop) {
        for dispute in [false, true] {
            let shop = &shop.elsewhere();
            let subscription = shop.subscribed(fixed(MONTH, 1000));
            let (_, yearly) = shop.sells(fixed(YEAR, 12_000));
            let (_, monthly) = shop.sells(fixed(MONTH, 1000));
            // Nothing of the month is used, so the year costs 120.00 less 10.00, and 20 % on top.
            let Applied::Asks(payment) = apply(shop, &subscription, yearly).unwrap() else { panic!("nothing is asked") };
            assert_eq!(payment.amount.get(), 13_200);
            shop.settle(&payment, paid("year"));
            assert_eq!(given_back(shop, &subscription, monthly), Some(-12_000));
            if dispute {
                let id = payment.id;
                shop.write(move |tx| {
                    let opened = Hint::DisputeOpened { payment_id: id, processor_dispute_id: "dp_1".into(), amount: None, fee: None };
                    hints::take_in(tx, &rules(), ("sandbox", "evt_1"), &opened)
                }).unwrap();
            } else {
                let order_id = shop.orders().pop().unwrap().id;
                let new = NewRefund { order_id, amount: None, reason: None, revokes_benefits: None, left: None };
                shop.write(move |tx| refunds::open(tx, &new)).unwrap();
            }
            // What the month brought into it is all that is left.
            assert_eq!(given_back(shop, &subscription, monthly), Some(-1000));
        }
    }

    fn what_waits_is_told_of_a_subscription_that_will_end(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (_, dearer) = shop.sells(fixed(MONTH, 3000));
        let (_, cheaper) = shop.sells(fixed(MONTH, 500));
        let one = subscription.clone();
        shop.write(move |tx| subscriptions::cancel(tx, &one, Cancellation::default())).unwrap();
        let told = preview(shop, &subscription, dearer).next.unwrap();
        assert_eq!((told.at, told.due().get()), (subscription.current_period_end, 2400));
        assert_eq!(preview(shop, &subscription, cheaper).next, None);
        assert_eq!(apply(shop, &subscription, dearer).unwrap(), Applied::Done);
        shop.go_to(subscription.current_period_end);
        assert_eq!(shop.open_due().payments.remove(0).amount.get(), 2400);
    }

    fn a_period_that_is_being_paid_is_not_changed(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (_, dearer) = shop.sells(fixed(MONTH, 3000));
        shop.go_to(subscription.current_period_end);
        let payment = shop.open_due().payments.remove(0);
        assert!(apply(shop, &subscription, dearer).is_err());
        shop.settle(&payment, paid("later"));
        assert_eq!(apply(shop, &subscription, dearer).unwrap(), Applied::Done);
    }

    fn a_renewal_under_way_is_given_back_if_the_subscription_is_ended(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        shop.go_to(subscription.current_period_end);
        let payment = shop.open_due().payments.remove(0);
        revoke(shop, &subscription);
        assert_eq!(shop.all_invoices()[1].status, InvoiceStatus::Void);
        shop.settle(&payment, paid("late"));
        assert_eq!(shop.orders().len(), 1);
        let back: i64 = shop.read(|tx| Ok(tx.one("SELECT amount FROM refunds", &[])?)).unwrap();
        assert_eq!(back, 1200);
    }

    fn a_refund_that_takes_back_ends_the_subscription(shop) {
        for takes_back in [false, true] {
            let subscription = shop.subscribed(fixed(MONTH, 1000));
            let order = shop.orders().pop().unwrap();
            let new = NewRefund {
                order_id: order.id, amount: None, reason: None, revokes_benefits: takes_back.then_some(true), left: None,
            };
            let refund = shop.write(move |tx| refunds::open(tx, &new)).unwrap();
            assert_eq!(refund.revokes_benefits, takes_back);
            let answer = RefundAnswer { refund_id: Some(format!("re_{}", refund.id)), outcome: RefundOutcome::Succeeded };
            shop.write(move |tx| refunds::settle(tx, refund.id, &answer)).unwrap();
            let after = shop.subscription(subscription.id);
            assert_eq!(after.status == SubscriptionStatus::Canceled, takes_back);
            assert_eq!((after.ended_at.is_some(), after.due_at.is_none()), (takes_back, takes_back));
        }
        assert_eq!(shop.events().pop(), Some(EventType::SubscriptionRevoked));
    }

    fn nobody_is_charged_for_who_is_blocked(shop) {
        let (running, ending) = (shop.subscribed(fixed(MONTH, 1000)), shop.subscribed(fixed(MONTH, 1000)));
        let (_, dearer) = shop.sells(fixed(MONTH, 3000));
        let one = ending.clone();
        shop.write(move |tx| subscriptions::cancel(tx, &one, Cancellation::default())).unwrap();
        let (id, now) = (shop.organization.id, shop.now());
        let block = move |tx: &mut merak_store::Tx<'_>| {
            Ok(tx.changed_one("UPDATE organizations SET blocked_at = $2 WHERE id = $1", &[&id, &now])?)
        };
        shop.write(block).unwrap();
        assert!(apply(shop, &running, dearer).is_err());
        shop.go_to(running.current_period_end);
        assert_eq!(shop.open_due().looked_at, 2);
        assert_eq!(shop.subscription(ending.id).status, SubscriptionStatus::Canceled);
        assert_eq!(shop.subscription(running.id), running);
        let organization = shop.organization.id;
        let of_it = shop.write(move |tx| renewal::open_due_of(tx, &rules(), organization, 100)).unwrap();
        assert_eq!(of_it.looked_at, 0);
        let free = "UPDATE organizations SET blocked_at = NULL WHERE id = $1";
        shop.write(move |tx| Ok(tx.changed_one(free, &[&id])?)).unwrap();
        assert_eq!(shop.open_due().payments.len(), 0);
        shop.advance(std::time::Duration::from_mins(10));
        assert_eq!(shop.open_due().payments.len(), 1);
    }

    fn what_is_held_costs_no_sweep_anything(shop) {
        let held: Vec<_> = (0..5).map(|_| shop.subscribed(fixed(MONTH, 1000))).collect();
        let (id, now) = (shop.organization.id, shop.now());
        let block = "UPDATE organizations SET blocked_at = $2 WHERE id = $1";
        shop.write(move |tx| Ok(tx.changed_one(block, &[&id, &now])?)).unwrap();
        shop.go_to(held[4].current_period_end);
        // The first sweeps meet each once, whatever they may take at a time.
        for looked_at in [2, 2, 1, 0] {
            let batch = shop.write(move |tx| renewal::open_due(tx, &rules(), 2)).unwrap();
            assert_eq!(batch, Batch { looked_at, ..Batch::default() });
        }
        // They are all still due, and no sweep sees them: there is nothing to do until it is time to look whether they
        // must still wait, and that is one look at the organization.
        assert!(!shop.read(renewal::is_any_due).unwrap());
        shop.advance(std::time::Duration::from_mins(10));
        assert!(shop.read(renewal::is_any_due).unwrap());
        assert_eq!(shop.open_due(), Batch::default());
        assert!(!shop.read(renewal::is_any_due).unwrap());
        // Who cancels meanwhile is seen again, and ended.
        let one = shop.subscription(held[0].id);
        assert_eq!(one, held[0]);
        shop.write(move |tx| subscriptions::cancel(tx, &one, Cancellation::default())).unwrap();
        assert_eq!(shop.open_due().looked_at, 1);
        assert_eq!(shop.subscription(held[0].id).status, SubscriptionStatus::Canceled);
        // A clock that is moved finds what is not blocked any more at once.
        let free = "UPDATE organizations SET blocked_at = NULL WHERE id = $1";
        shop.write(move |tx| Ok(tx.changed_one(free, &[&id])?)).unwrap();
        let batch = shop.write(move |tx| renewal::open_due_of(tx, &rules(), id, 100)).unwrap();
        assert_eq!((batch.looked_at, batch.payments.len()), (4, 4));
        let rest = "SELECT count(*) FROM subscriptions WHERE is_held";
        assert_eq!(shop.read(move |tx| Ok(tx.one::<i64>(rest, &[])?)).unwrap(), 0);
        shop.advance(std::time::Duration::from_mins(10));
        shop.open_due();
        let rest = "SELECT count(*) FROM held_organizations";
        assert_eq!(shop.read(move |tx| Ok(tx.one::<i64>(rest, &[])?)).unwrap(), 0);
    }

    fn a_preview_is_what_the_change_then_costs(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (_, dearer) = shop.sells(fixed(MONTH, 3000));
        let (_, yearly) = shop.sells(fixed(YEAR, 9000));
        shop.advance(std::time::Duration::from_hours(10 * 24));
        let same = preview(shop, &subscription, subscription.price_id);
        assert_eq!((same.now, same.next.unwrap().due()), (None, Cents::new(1200)));
        let told = preview(shop, &subscription, dearer);
        assert_eq!((told.now, told.is_paid_first), (None, false));
        let next = told.next.unwrap();
        assert_eq!((next.at, next.lines.len()), (subscription.current_period_end, 3));
        assert_eq!(waiting(shop), 0);
        assert_eq!(apply(shop, &subscription, dearer).unwrap(), Applied::Done);
        // Another interval takes up what waits.
        let told = preview(shop, &subscription, yearly).now.unwrap();
        let Applied::Asks(payment) = apply(shop, &subscription, yearly).unwrap() else { panic!("nothing is asked") };
        assert_eq!(payment.amount, told.due());
        let invoice = shop.all_invoices().pop().unwrap();
        assert_eq!((invoice.amount, invoice.tax_amount), (told.amount, told.tax_amount));
        assert_eq!(invoice.discount_amount, told.discount_amount);
        // Who asks again finds it done.
        assert_eq!(apply(shop, &subscription, yearly).unwrap(), Applied::Done);
    }

    fn a_preview_of_the_next_invoice_is_what_is_billed_then(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (_, dearer) = shop.sells(fixed(MONTH, 3000));
        put_aside(shop, &subscription, -5000);
        shop.advance(std::time::Duration::from_hours(10 * 24));
        let told = preview(shop, &subscription, dearer).next.unwrap();
        apply(shop, &subscription, dearer).unwrap();
        shop.go_to(subscription.current_period_end);
        assert!(shop.open_due().payments.is_empty());
        let invoice = shop.all_invoices().pop().unwrap();
        assert_eq!(
            (invoice.amount, invoice.tax_amount, invoice.total(), invoice.due()),
            (told.amount, told.tax_amount, told.total(), Cents::default())
        );
        assert!(told.tax_amount < Cents::default());
        let lines: i64 = shop.read(move |tx| invoices::lines_of(tx, invoice.id)).unwrap().iter().map(|line| line.amount.get()).sum();
        assert_eq!(lines, told.lines.iter().map(|line| line.amount.get()).sum::<i64>());
    }

    fn a_change_that_is_paid_first_is_asked_for_once(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        shop.hold(&checkout, buyer("FR"), None).unwrap();
        let subscription = shop.subscription_of(&checkout);
        // The card of another subscription of the same customer pays.
        let (_, price) = shop.sells(fixed(MONTH, 1000));
        assert_eq!(refusal(apply(shop, &subscription, price)).0, merak_core::kit::Kind::MissingPaymentMethod);
        let other = shop.checkout(fixed(MONTH, 500), |new| new.customer_id = Some(subscription.customer_id));
        shop.settle(&shop.asks(&other, "t"), paid("saved"));
        let told = preview(shop, &subscription, price);
        assert!(told.is_paid_first);
        let Applied::AsksFirst(payment) = apply(shop, &subscription, price).unwrap() else { panic!("nothing is asked") };
        assert_eq!(told.now.unwrap().due(), payment.amount);
        // Who wishes it again meanwhile is told of the same payment; who wishes another price has to wait.
        assert_eq!(apply(shop, &subscription, price).unwrap(), Applied::AsksFirst(payment.clone()));
        let (_, dearer) = shop.sells(fixed(MONTH, 3000));
        let (kind, sentence) = refusal(apply(shop, &subscription, dearer));
        assert_eq!(kind, merak_core::kit::Kind::BadRequest);
        assert!(sentence.starts_with("The payment of another change is being processed."), "{sentence}");
        assert_eq!(shop.subscription(subscription.id).price_id, subscription.price_id);
        shop.settle(&payment, paid("saved2"));
        assert_eq!(shop.subscription(subscription.id).price_id, price);
        assert_eq!(apply(shop, &subscription, price).unwrap(), Applied::Done);
    }
}
