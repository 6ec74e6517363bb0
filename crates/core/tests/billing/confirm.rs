//! spec 30 §7.6 and §7.7

use super::*;
use merak_core::checkouts::CheckoutStatus;
use merak_core::checkouts::confirm::Standing;
use merak_core::products::UpdateProduct;

/// Place and kind of everything that a confirmation was refused for.
pub(super) fn problems(result: Result<Held>) -> Vec<String> {
    match result {
        Err(merak_core::kit::Refusal::Invalid(problems)) => {
            let place = |loc: &[merak_core::kit::Loc]| {
                loc.iter()
                    .map(|step| serde_json::to_value(step).unwrap().to_string().replace('"', ""))
                    .collect::<Vec<_>>()
                    .join(".")
            };
            problems.iter().map(|problem| format!("{} {}", place(&problem.loc), problem.kind)).collect()
        }
        other => panic!("not refused for fields: {other:?}"),
    }
}

scenarios! {
    /// Scenarios 37, 44, 56 and 58; 55 without payout accounts: what was paid, less what the processor keeps
    fn what_is_paid_once_is_there_with_its_money(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |new| {
            new.metadata = serde_json::from_str(r#"{"a":1}"#).unwrap();
            new.customer_metadata = serde_json::from_str(r#"{"plan":"pro"}"#).unwrap();
        });
        let payment = shop.asks(&checkout, "ctoken");
        assert_eq!((payment.amount, payment.status), (Cents::new(1200), PaymentStatus::Pending));
        assert!(payment.ask_at.is_some());
        let id = payment.id;
        let question = shop.read(move |tx| {
            let payment = payments::find(tx, id)?.unwrap();
            payments::questions(tx, vec![payment])
        }).unwrap().pop().unwrap();
        let facts: Vec<_> = question.facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(facts[1..], ["type=product", "tax_amount=200", "tax_country=FR"]);
        assert_eq!((question.payer.email.as_str(), question.keeps_method), ("ada@example.com", false));
        let held = shop.checkout_now(&checkout);
        assert_eq!((held.status, held.confirming_payment_id), (CheckoutStatus::Open, Some(payment.id)));

        let settled = shop.settle(&payment, paid("a"));
        assert_eq!((settled.status, settled.ask_at, settled.payment_method_id), (PaymentStatus::Succeeded, None, None));
        let done = shop.checkout_now(&checkout);
        assert_eq!(done.status, CheckoutStatus::Succeeded);
        let metadata = value_of(&done.payment_processor_metadata);
        assert_eq!(metadata.as_object().unwrap().keys().collect::<Vec<_>>(), ["customer_id", "intent_client_secret", "intent_status"]);
        assert_eq!(metadata["intent_status"], "succeeded");
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.amount, order.tax_amount, order.invoice_number), (Cents::new(1000), Cents::new(200), Some(1)));
        assert_eq!((order.billing_reason.as_str(), order.subscription_id), ("purchase", None));
        assert_eq!(order.checkout_id, Some(checkout.id));
        assert_eq!(serde_json::to_string(&order.metadata).unwrap(), r#"{"a":1}"#);
        assert_eq!(order.billing_address, Some(in_country("FR")));
        let customer_id = order.customer_id;
        let customer = shop.read(move |tx| merak_core::customers::find(tx, customer_id)).unwrap().unwrap();
        assert_eq!((customer.email.as_str(), customer.name.as_deref()), ("ada@example.com", Some("Ada")));
        assert_eq!(serde_json::to_string(&customer.metadata).unwrap(), r#"{"plan":"pro"}"#);
        assert_eq!(shop.events(), [EventType::CheckoutUpdated, EventType::OrderCreated, EventType::CheckoutUpdated]);
        assert_eq!(shop.mails(), ["order_confirmation", "new_sale"]);
        let books: Vec<_> = shop.books();
        let books: Vec<_> = books.iter().map(|(account, amount)| (account.as_str(), *amount)).collect();
        assert_eq!(books, [
            ("processor_clearing", 1170), ("processor_fees", 30), ("revenue", -1000), ("tax_payable", -200)
        ]);
    }

    fn a_checkout_with_a_payment_is_kept(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&checkout, "ctoken");
        shop.settle(&payment, declined(false));
        shop.advance(std::time::Duration::from_hours(8 * 24));
        shop.write(|tx| checkouts::expire(tx, 10)).unwrap();
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Expired);
        assert_eq!(shop.write(|tx| checkouts::purge(tx, 10)).unwrap(), 0);
    }

    /// Scenarios 44, 60 and 61; T-24
    fn what_recurs_becomes_a_subscription(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        assert_eq!((subscription.status, subscription.period), (SubscriptionStatus::Active, 0));
        assert_eq!((subscription.base_amount, subscription.amount), (Some(Cents::new(1000)), Some(Cents::new(1000))));
        assert_eq!((subscription.currency, subscription.recurring_interval), (Some(Currency::Usd), RecurringInterval::Month));
        assert_eq!(subscription.due_at, Some(subscription.current_period_end));
        assert_eq!(subscription.started_at, Some(subscription.current_period_start));
        assert!(subscription.payment_method_id.is_some());
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.subscription_id, order.billing_reason.as_str()), (Some(subscription.id), "subscription_create"));
        assert_eq!(shop.events(), [
            EventType::CheckoutUpdated, EventType::SubscriptionCreated, EventType::SubscriptionActive,
            EventType::OrderCreated, EventType::CheckoutUpdated
        ]);
        assert_eq!(shop.mails(), ["subscription_confirmation", "new_subscription"]);
    }

    /// Scenarios 35 and 36; everything is told at once
    fn everything_that_is_missing_is_told_at_once(shop) {
        let checkout = shop.checkout(fixed(MONTH, 1000), |_| {});
        assert_eq!(problems(shop.hold(&checkout, ClientUpdate::default(), None)), [
            "body.customer_email missing", "body.customer_name missing", "body.customer_billing_address missing",
            "body.confirmation_token_id missing"
        ]);
        assert_eq!(problems(shop.hold(&checkout, buyer("US"), None)), [
            "body.customer_billing_address value_error", "body.confirmation_token_id missing"
        ]);
        let command = UpdateProduct { is_archived: None, ..no_change() };
        let other = merak_core::products::PriceChange::Add(fixed(MONTH, 2000));
        shop.change_product(checkout.product_id, &UpdateProduct { prices: Some(vec![other]), ..command }).unwrap();
        assert_eq!(problems(shop.hold(&checkout, buyer("FR"), Some("t"))), ["body.product_price_id value_error"]);
        assert!(shop.all_payments().is_empty());
        assert_eq!(shop.checkout_now(&checkout).confirming_payment_id, None);
    }

    /// Scenarios 39, 46, 60 and 61; T-28
    fn what_costs_nothing_is_complete_at_once(shop) {
        let checkout = shop.checkout(free(None), |_| {});
        let update = ClientUpdate { customer_email: Patch::Value(email("ada@example.com")), ..ClientUpdate::default() };
        assert_eq!(shop.hold(&checkout, update.clone(), None).unwrap(), Held::Complete);
        let done = shop.checkout_now(&checkout);
        assert_eq!(done.status, CheckoutStatus::Succeeded);
        assert_eq!(value_of(&done.payment_processor_metadata).as_object().unwrap().len(), 1);
        let checkout = shop.checkout(free(MONTH), |_| {});
        assert_eq!(shop.hold(&checkout, update.clone(), None).unwrap(), Held::Complete);
        let subscription = shop.subscription_of(&checkout);
        assert_eq!((subscription.amount, subscription.currency), (None, None));
        let discount = shop.discount(percent(100), Span::Once, None);
        let checkout = shop.checkout(fixed(None, 1000), |new| new.discount_id = Some(discount.id));
        assert_eq!(shop.hold(&checkout, update, None).unwrap(), Held::Complete);
        assert!(shop.all_payments().is_empty());
        let orders = shop.orders();
        assert_eq!(orders.iter().map(|order| order.amount.get()).collect::<Vec<_>>(), [0, 0, 0]);
        // There is no document of it, so it takes no number: the next that is paid for has the first.
        assert!(orders.iter().all(|order| order.invoice_number.is_none() && order.document_number().is_none()));
        let receipts = shop.read(|tx| Ok(tx.all::<Json>(
            "SELECT payload FROM emails WHERE kind = 'order_confirmation' ORDER BY id", &[],
        )?)).unwrap();
        assert_eq!(receipts.iter().map(|payload| value_of(payload)["receipt"]["number"].clone()).collect::<Vec<_>>(), [Value::Null, Value::Null]);
        assert_eq!(shop.books(), []);
        assert_eq!(shop.redemptions(), 1);
        shop.subscribed(fixed(MONTH, 1000));
        assert_eq!(shop.orders()[3].document_number(), Some(1));
    }

    /// Scenarios 38 and 46; T-6 and T-28
    fn what_costs_nothing_now_but_later_needs_a_method(shop) {
        let discount = shop.discount(percent(100), Span::Once, None);
        let checkout = shop.checkout(fixed(MONTH, 1000), |new| new.discount_id = Some(discount.id));
        assert_eq!(problems(shop.hold(&checkout, buyer("FR"), None)), ["body.confirmation_token_id missing"]);
        let payment = shop.asks(&checkout, "ctoken");
        assert_eq!((payment.kind.as_str(), payment.amount), ("setup", Cents::new(0)));
        shop.settle(&payment, waits(Outcome::RequiresAction));
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Confirmed);
        let metadata = value_of(&shop.checkout_now(&checkout).payment_processor_metadata);
        assert_eq!(metadata.as_object().unwrap().keys().collect::<Vec<_>>(), ["customer_id", "intent_client_secret", "intent_status"]);
        assert!(shop.orders().is_empty());
        shop.settle(&payment, paid("a"));
        let subscription = shop.subscription_of(&checkout);
        assert!(subscription.payment_method_id.is_some());
        assert_eq!((subscription.amount, shop.redemptions()), (Some(Cents::new(0)), 1));
        shop.go_to(subscription.current_period_end);
        assert_eq!(shop.open_due().payments[0].amount, Cents::new(1200));
    }

    /// Scenario 45; T-29
    fn a_decline_opens_the_checkout_again_and_a_late_failure_ends_it(shop) {
        let discount = shop.discount(percent(50), Span::Once, Some(1));
        let checkout = shop.checkout(fixed(None, 1000), |new| new.discount_id = Some(discount.id));
        let first = shop.asks(&checkout, "bad");
        assert_eq!(shop.redemptions(), 1);
        shop.settle(&first, declined(false));
        let open = shop.checkout_now(&checkout);
        assert_eq!((open.status, open.confirming_payment_id, open.customer_id), (CheckoutStatus::Open, None, None));
        assert_eq!(shop.redemptions(), 0);
        let second = shop.asks(&checkout, "good");
        shop.settle(&second, waits(Outcome::RequiresAction));
        // What comes late of the first says nothing about the second.
        shop.settle(&first, declined(false));
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Confirmed);
        shop.settle(&second, declined(false));
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Failed);
        assert_eq!((shop.redemptions(), shop.orders().len()), (0, 0));
    }

    /// T-26: money that comes when nobody waits for it any more goes back
    fn money_that_comes_too_late_goes_back(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let first = shop.asks(&checkout, "first");
        shop.settle(&first, declined(false));
        let second = shop.asks(&checkout, "second");
        shop.settle(&second, paid("b"));
        shop.settle(&first, paid("a"));
        shop.settle(&first, paid("a"));
        assert_eq!(shop.orders().len(), 1);
        let refunds: Vec<(Id<Payment>, i64)> =
            shop.read(|tx| Ok(tx.all("SELECT payment_id, amount FROM refunds", &[])?)).unwrap();
        assert_eq!(refunds, [(first.id, 1200)]);
    }

    /// Scenario 34; T-25
    fn one_token_confirms_once(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let standing = |token: &'static str| {
            let id = checkout.client_secret.clone();
            shop.read(move |tx| {
                let checkout = checkouts::find_by_client_secret(tx, &id)?;
                let confirm = Confirm { token: Some(token.to_owned()), ..Confirm::default() };
                confirming::standing(tx, &checkout, &confirm)
            })
        };
        assert_eq!(standing("a").unwrap(), Standing::Open);
        let payment = shop.asks(&checkout, "a");
        assert_eq!(standing("a").unwrap(), Standing::UnderWay(Box::new(payment.clone())));
        assert_eq!(refusal(standing("b")).0, merak_core::kit::Kind::CheckoutNotOpen);
        assert_eq!(refusal(shop.hold(&checkout, buyer("FR"), Some("a"))).0, merak_core::kit::Kind::CheckoutNotOpen);
        shop.settle(&payment, paid("a"));
        assert_eq!(standing("a").unwrap(), Standing::Confirmed);
        assert_eq!(refusal(standing("b")).0, merak_core::kit::Kind::CheckoutNotOpen);
        assert_eq!(shop.orders().len(), 1);
    }

    /// I9; scenario 72
    fn the_last_redemption_is_given_once(shop) {
        let discount = shop.discount(percent(50), Span::Once, Some(1));
        let (_, price) = shop.sells(fixed(None, 1000));
        let checkouts: Vec<_> =
            (0..4).map(|_| shop.checkout_at(price, |new| new.discount_id = Some(discount.id))).collect();
        let held = at_once(4, |number| {
            let checkout = &checkouts[number as usize];
            let mut update = buyer("NO");
            update.customer_email = Patch::Value(email(&format!("ada{number}@example.com")));
            shop.hold(checkout, update, Some("t")).is_ok()
        });
        assert_eq!(held.into_iter().filter(|held| *held).count(), 1);
        assert_eq!(shop.redemptions(), 1);
    }

    /// T-30
    fn what_is_too_little_to_be_charged_is_refused(shop) {
        let discount = shop.discount(percent(99), Span::Once, None);
        let checkout = shop.checkout(fixed(None, 1000), |new| new.discount_id = Some(discount.id));
        assert_eq!(problems(shop.hold(&checkout, buyer("NO"), Some("t"))), ["body.amount greater_than_equal"]);
        assert_eq!(shop.redemptions(), 0);
    }

    /// Scenarios 40 and 41
    fn a_known_customer_keeps_what_is_known(shop) {
        let known = shop.customer_of(shop.organization.id, "ADA@example.com").unwrap();
        let checkout = shop.checkout(fixed(None, 1000), |new| {
            new.customer_metadata = serde_json::from_str(r#"{"key":"updated","key2":"value2"}"#).unwrap();
        });
        let id = known.id;
        shop.write(move |tx| Ok(tx.changed_one(
            "UPDATE customers SET metadata = '{\"key\":\"value\"}', name = 'The Countess' WHERE id = $1", &[&id]
        )?)).unwrap();
        shop.settle(&shop.asks(&checkout, "t"), paid("a"));
        let customer = shop.read(move |tx| merak_core::customers::find(tx, id)).unwrap().unwrap();
        assert_eq!(customer.name.as_deref(), Some("The Countess"));
        assert_eq!(customer.billing_address, Some(in_country("FR")));
        assert_eq!(serde_json::to_string(&customer.metadata).unwrap(), r#"{"key":"updated","key2":"value2"}"#);
        assert_eq!(shop.orders()[0].customer_id, known.id);
    }

    /// Scenario 44, §2.9, T-18 and T-20
    fn a_free_subscription_becomes_a_paid_one(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        let update = ClientUpdate { customer_email: Patch::Value(email("ada@example.com")), ..ClientUpdate::default() };
        shop.hold(&checkout, update, None).unwrap();
        let before = shop.subscription_of(&checkout);
        shop.advance(hours(24 * 10));
        let upgrade = shop.checkout(fixed(YEAR, 12_000), |new| new.subscription_id = Some(before.id));
        shop.settle(&shop.asks(&upgrade, "t"), paid("a"));
        let after = shop.subscription(before.id);
        assert_eq!((after.started_at, after.checkout_id), (before.started_at, Some(upgrade.id)));
        assert_eq!((after.recurring_interval, after.base_amount), (RecurringInterval::Year, Some(Cents::new(12_000))));
        assert_eq!((after.period, after.anchor_period, after.due_at), (1, 1, Some(after.current_period_end)));
        assert!(after.payment_method_id.is_some());
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.billing_reason.as_str(), order.subscription_id), ("subscription_update", Some(before.id)));
    }

    fn a_subscription_is_made_a_paid_one_by_one_checkout_only(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        let update = ClientUpdate { customer_email: Patch::Value(email("ada@example.com")), ..ClientUpdate::default() };
        shop.hold(&checkout, update, None).unwrap();
        let before = shop.subscription_of(&checkout);
        let upgrades: Vec<Checkout> =
            (0..3).map(|_| shop.checkout(fixed(YEAR, 12_000), |new| new.subscription_id = Some(before.id))).collect();
        let payment = shop.asks(&upgrades[0], "first");
        let refused = |upgrade: &Checkout| problems(shop.hold(upgrade, buyer("FR"), Some("second")));
        let [problem] = &refused(&upgrades[1])[..] else { panic!("it is refused for one reason") };
        assert!(problem.contains("subscription_id"), "{problem}");
        // Who was declined leaves the way to the others.
        shop.settle(&payment, declined(false));
        shop.settle(&shop.asks(&upgrades[1], "second"), paid("a"));
        assert_eq!(refused(&upgrades[2]).len(), 1);
        assert_eq!(refused(&upgrades[0]).len(), 1);
        assert_eq!(shop.orders().len(), 2);
    }

    /// T-43
    fn what_was_confirmed_counts_whatever_becomes_of_its_price(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&checkout, "t");
        shop.settle(&payment, waits(Outcome::Processing));
        shop.change_product(checkout.product_id, &UpdateProduct { is_archived: Some(true), ..no_change() }).unwrap();
        shop.settle(&payment, paid("a"));
        assert_eq!(shop.orders().len(), 1);
    }

    fn who_takes_too_long_to_approve_has_failed(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&checkout, "t");
        shop.settle(&payment, waits(Outcome::RequiresAction));
        shop.advance(hours(23));
        shop.settle(&payment, waits(Outcome::RequiresAction));
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Confirmed);
        shop.advance(hours(1));
        shop.settle(&payment, waits(Outcome::RequiresAction));
        assert_eq!(shop.checkout_now(&checkout).status, CheckoutStatus::Failed);
    }
}

fn no_change() -> UpdateProduct {
    UpdateProduct {
        name: None,
        description: None,
        is_archived: None,
        prices: None,
        medias: None,
        fields: None,
        metadata: None,
    }
}
