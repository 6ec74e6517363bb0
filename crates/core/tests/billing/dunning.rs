//! spec 30 §3.8 and §6.4, 6

use super::*;
use merak_core::billing::{GivenUp, InvoiceStatus, methods};

/// A subscription whose second period was declined.
fn overdue(shop: &Shop, is_final: bool) -> Subscription {
    let subscription = shop.subscribed(fixed(MONTH, 1000));
    shop.go_to(subscription.current_period_end);
    let batch = shop.open_due();
    shop.settle(&batch.payments[0], declined(is_final));
    shop.subscription(subscription.id)
}

fn method(shop: &Shop, subscription: &Subscription, name: &str) -> Id<PaymentMethod> {
    let row = PaymentMethod {
        id: Id::from_uuid(uuid::Uuid::from_u64_pair(0x5000, shop.number())),
        organization_id: subscription.organization_id,
        customer_id: subscription.customer_id,
        processor: String::from("sandbox"),
        processor_method_id: name.to_owned(),
        r#type: String::from("card"),
        brand: None,
        last4: None,
        exp_month: None,
        exp_year: None,
        country: None,
        is_offered: false,
        created_at: shop.now(),
        modified_at: None,
        detached_at: None,
    };
    let id = row.id;
    shop.write(move |tx| Ok(tx.insert(&row)?)).unwrap();
    id
}

scenarios! {
    fn a_declined_renewal_is_past_due_at_once_and_recovers(shop) {
        let seen = 5;
        let subscription = overdue(shop, false);
        assert_eq!((subscription.status, subscription.period), (SubscriptionStatus::PastDue, 1));
        assert_eq!(subscription.due_at, Some(shop.now().add_seconds(86_400)));
        assert_eq!(shop.events()[seen..], [
            EventType::SubscriptionUpdated, EventType::SubscriptionUpdated, EventType::SubscriptionRevoked
        ]);
        assert_eq!(shop.mails()[2..], ["payment_failed"]);
        shop.go_to(subscription.due_at.unwrap());
        let retry = shop.open_due().payments;
        assert_eq!(retry.len(), 1);
        assert_eq!(shop.open_due(), Batch::default());
        shop.settle(&retry[0], paid("late"));
        let after = shop.subscription(subscription.id);
        assert_eq!((after.status, after.past_due_since, after.retries), (SubscriptionStatus::Active, None, 0));
        assert_eq!(after.due_at, Some(after.current_period_end));
        assert_eq!(shop.events()[seen + 3..], [
            EventType::SubscriptionUpdated, EventType::SubscriptionActive, EventType::OrderCreated
        ]);
        assert_eq!(shop.orders().len(), 2);
    }

    fn tries_that_were_missed_are_not_made_all_at_once(shop) {
        let mut subscription = overdue(shop, false);
        shop.advance(hours(24 * 30));
        for left in (0..4).rev() {
            let batch = shop.open_due();
            assert_eq!(batch.payments.len(), 1);
            shop.settle(&batch.payments[0], declined(false));
            subscription = shop.subscription(subscription.id);
            assert_eq!(subscription.status == SubscriptionStatus::Canceled, left == 0);
            assert!(shop.open_due().payments.is_empty());
            shop.advance(hours(12));
        }
    }

    fn after_the_last_retry_it_is_given_up(shop) {
        for given_up in [GivenUp::Canceled, GivenUp::Unpaid] {
            let rules = || Rules { given_up, ..rules() };
            let mut subscription = overdue(shop, false);
            let since = subscription.past_due_since.unwrap();
            for day in [1, 3, 5, 7] {
                assert_eq!(subscription.due_at, Some(since.add_seconds(day * 86_400)), "{day}");
                shop.go_to(subscription.due_at.unwrap());
                let batch = shop.open_due_by(rules());
                assert_eq!(batch.payments.len(), 1, "{day}");
                shop.settle_by(&batch.payments[0], declined(false), rules());
                subscription = shop.subscription(subscription.id);
            }
            assert_eq!(subscription.due_at, None);
            let invoice = shop.all_invoices().pop().unwrap();
            match given_up {
                GivenUp::Canceled => {
                    assert_eq!(subscription.status, SubscriptionStatus::Canceled);
                    assert_eq!((subscription.ended_at, subscription.ends_at), (Some(shop.now()), Some(shop.now())));
                    assert_eq!(invoice.status, InvoiceStatus::Uncollectible);
                }
                GivenUp::Unpaid => {
                    assert_eq!((subscription.status, subscription.ended_at), (SubscriptionStatus::Unpaid, None));
                    assert_eq!(invoice.status, InvoiceStatus::Open);
                    let (id, new) = (subscription.id, method(shop, &subscription, "pm_new"));
                    let payment = shop.write(move |tx| methods::choose(tx, &super::rules(), id, new)).unwrap().unwrap();
                    shop.settle(&payment, paid("again"));
                    assert_eq!(shop.subscription(id).status, SubscriptionStatus::Active);
                }
            }
        }
    }

    fn a_card_that_will_never_do_is_not_asked_again(shop) {
        let subscription = overdue(shop, true);
        let since = subscription.past_due_since.unwrap();
        assert_eq!(subscription.due_at, Some(since.add_seconds(7 * 86_400)));
        shop.advance(hours(24 * 3));
        assert_eq!(shop.open_due(), Batch::default());
        // Another card is tried at once.
        let (id, new) = (subscription.id, method(shop, &subscription, "pm_new"));
        let payment = shop.write(move |tx| methods::choose(tx, &rules(), id, new)).unwrap().unwrap();
        assert_eq!((payment.source.as_str(), payment.amount), ("pm_new", Cents::new(1200)));
        assert_eq!(shop.write(move |tx| methods::choose(tx, &rules(), id, new)).unwrap(), None);
        shop.settle(&payment, declined(false));
        assert_eq!(shop.subscription(id).due_at, Some(since.add_seconds(7 * 86_400)));
        shop.go_to(since.add_seconds(7 * 86_400));
        assert!(shop.open_due().payments.is_empty());
        assert_eq!(shop.subscription(id).status, SubscriptionStatus::Canceled);
    }

    /// spec 30 §6.2: the customer is asked to approve it, and it is not tried without them.
    fn what_the_bank_wants_approved_waits_for_its_customer(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        shop.go_to(subscription.current_period_end);
        let payment = shop.open_due().payments.pop().unwrap();
        let unapproved = || failed(Failure {
            code: String::from("authentication_required"),
            message: String::from("The bank wants an approval."),
            is_final: false,
            needs_customer: true,
        });
        shop.settle(&payment, unapproved());
        let after = shop.subscription(subscription.id);
        let since = after.past_due_since.unwrap();
        assert_eq!((after.status, after.due_at), (SubscriptionStatus::PastDue, Some(since.add_seconds(7 * 86_400))));
        let asks = |shop: &Shop| -> Vec<(bool, Option<Timestamp>)> {
            let asked = |email| match email {
                Email::PaymentFailed { awaits_approval, next_attempt_at, .. } => Some((awaits_approval, next_attempt_at)),
                _ => None,
            };
            shop.mails_of_failures().into_iter().filter_map(asked).collect()
        };
        assert_eq!(asks(shop), [(true, None)]);
        shop.advance(hours(24 * 3));
        assert_eq!(shop.open_due(), Batch::default());
        // In person the same card may do, and once more it may not.
        let (id, method) = (subscription.id, after.payment_method_id.unwrap());
        let again = || shop.write(move |tx| methods::choose(tx, &rules(), id, method)).unwrap().unwrap();
        shop.settle(&again(), declined(false));
        assert_eq!(asks(shop), [(true, None), (false, None)]);
        assert_eq!(shop.subscription(id).due_at, Some(since.add_seconds(7 * 86_400)));
        shop.settle(&again(), paid("approved"));
        let after = shop.subscription(id);
        assert_eq!((after.status, after.retries), (SubscriptionStatus::Active, 0));
        assert_eq!(shop.orders().len(), 2);
    }

    fn without_a_method_it_is_past_due_without_asking(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let method = subscription.payment_method_id.unwrap();
        shop.write(move |tx| methods::detach(tx, method)).unwrap();
        assert_eq!(shop.subscription(subscription.id).payment_method_id, None);
        shop.go_to(subscription.current_period_end);
        assert!(shop.open_due().payments.is_empty());
        assert_eq!(shop.subscription(subscription.id).status, SubscriptionStatus::PastDue);
        assert_eq!(shop.mails()[2..], ["payment_failed"]);
    }

    /// Money that comes for what was given up meanwhile goes back
    fn money_for_what_was_given_up_goes_back(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        shop.go_to(subscription.current_period_end);
        let payment = shop.open_due().payments.pop().unwrap();
        shop.settle(&payment, waits(Outcome::Processing));
        let invoice = payment.invoice_id.unwrap();
        shop.write(move |tx| invoices::void(tx, invoice)).unwrap();
        shop.settle(&payment, paid("r"));
        assert_eq!(shop.orders().len(), 1);
        let refunds: i64 = shop.read(|tx| Ok(tx.one("SELECT count(*) FROM refunds", &[])?)).unwrap();
        assert_eq!(refunds, 1);
    }

    fn an_answer_that_never_came_is_asked_for_again(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        shop.go_to(subscription.current_period_end);
        let payment = shop.open_due().payments.pop().unwrap();
        let due = |shop: &Shop| shop.write(|tx| payments::take_due(tx, 10)).unwrap();
        assert!(due(shop).is_empty());
        shop.go_to(payment.ask_at.unwrap());
        assert_eq!(due(shop).iter().map(|payment| payment.id).collect::<Vec<_>>(), [payment.id]);
        // For a while it is whoever's who took it.
        assert!(due(shop).is_empty());
        let id = payment.id;
        shop.write(move |tx| payments::postpone(tx, id, 0)).unwrap();
        assert_eq!(shop.payment(id).ask_at, Some(shop.now().add_seconds(240)));
        shop.settle(&payment, paid("r"));
        assert_eq!((shop.payment(id).ask_at, shop.orders().len()), (None, 2));
    }
}
