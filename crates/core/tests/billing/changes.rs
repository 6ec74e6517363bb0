//! Changes of a price that wait for their payment, and what the amount of a subscription is. spec 30 §3.7, T-14

use super::*;
use merak_core::billing::InvoiceStatus;
use merak_core::billing::refunds::{self, NewRefund};
use merak_core::customer_sessions::Vouch;
use merak_core::kit::{Kind, Refusal};
use merak_core::subscriptions::price_change::{self, Applied, ChangePrice, Presence};
use merak_core::subscriptions::rules::Cancellation;

fn apply(shop: &Shop, subscription: &Subscription, price_id: Id<Price>, payer: Presence) -> Result<Applied> {
    let one = shop.subscription(subscription.id);
    shop.write(move |tx| {
        price_change::apply(tx, &rules(), &one, ChangePrice { price_id, payer, vouch: Vouch::Seller })
    })
}

#[track_caller]
fn asks_first(shop: &Shop, subscription: &Subscription, price: Id<Price>, payer: Presence) -> Payment {
    match apply(shop, subscription, price, payer).unwrap() {
        Applied::AsksFirst(payment) => *payment,
        other => panic!("nothing is asked first: {other:?}"),
    }
}

fn given_up(shop: &Shop, payment: &Payment) -> Option<Refusal> {
    let id = payment.id;
    shop.write(move |tx| price_change::given_up(tx, id)).unwrap()
}

/// A free subscription whose customer has saved a card.
fn free_with_card(shop: &Shop) -> Subscription {
    let checkout = shop.checkout(free(MONTH), |_| {});
    shop.hold(&checkout, buyer("FR"), None).unwrap();
    let subscription = shop.subscription_of(&checkout);
    let other = shop.checkout(fixed(MONTH, 500), |new| new.customer_id = Some(subscription.customer_id));
    shop.settle(&shop.asks(&other, "t"), paid("saved"));
    subscription
}

fn name_of(shop: &Shop, id: Id<Product>) -> String {
    shop.read(move |tx| Ok(tx.one("SELECT name FROM products WHERE id = $1", &[&id])?)).unwrap()
}

fn refunds(shop: &Shop) -> Vec<i64> {
    shop.read(|tx| Ok(tx.all("SELECT amount FROM refunds ORDER BY id", &[])?)).unwrap()
}

fn mails_of(shop: &Shop, kind: &str) -> usize {
    shop.mails().iter().filter(|mail| *mail == kind).count()
}

/// What the customer read last of a renewal: the lines, and a few of its sums.
fn last_receipt(shop: &Shop) -> (Vec<(String, i64)>, [i64; 4]) {
    const SQL: &str =
        "SELECT payload FROM emails WHERE kind = 'subscription_renewed' ORDER BY id DESC LIMIT 1";
    let receipt = value_of(&shop.read(|tx| Ok(tx.one::<Json>(SQL, &[])?)).unwrap())["receipt"].clone();
    let sum = |name: &str| receipt[name].as_i64().unwrap();
    let line = |line: &Value| (line["label"].as_str().unwrap().to_owned(), line["amount"].as_i64().unwrap());
    let lines = receipt["lines"].as_array().unwrap().iter().map(line).collect();
    (lines, ["subtotal", "tax", "total", "credit"].map(sum))
}

scenarios! {
    fn a_receipt_lists_what_a_change_has_cost(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let old = name_of(shop, subscription.product_id);
        let (product, price) = shop.sells(fixed(MONTH, 3000));
        shop.advance(hours(24 * 10));
        apply(shop, &subscription, price, Presence::Away).unwrap();
        shop.go_to(subscription.current_period_end);
        let payment = shop.open_due().payments.remove(0);
        shop.settle(&payment, paid("r1"));
        let (lines, [subtotal, tax, total, credit]) = last_receipt(shop);
        let labels: Vec<&str> = lines.iter().map(|(label, _)| label.as_str()).collect();
        let name = &product.name;
        assert_eq!(labels, [format!("Unused time of {old}"), format!("Remaining time of {name}"), name.clone()]);
        assert!(lines[0].1 < 0 && lines[1].1 > 0 && lines[2].1 == 3000, "{lines:?}");
        assert_eq!(lines.iter().map(|(_, amount)| amount).sum::<i64>(), subtotal);
        assert_eq!((subtotal + tax, total, credit), (total, payment.amount.get(), 0));
    }

    fn a_receipt_says_what_credit_has_paid(shop) {
        let yearly = shop.subscribed(fixed(YEAR, 12_000));
        let (product, price) = shop.sells(fixed(MONTH, 1000));
        shop.advance(hours(24 * 30));
        apply(shop, &yearly, price, Presence::Away).unwrap();
        shop.go_to(shop.subscription(yearly.id).current_period_end);
        assert!(shop.open_due().payments.is_empty());
        assert_eq!(last_receipt(shop), (vec![(product.name, 1000)], [1000, 200, 1200, 1200]));
        // What the credit does not pay is charged.
        let customer = yearly.customer_id;
        let credit = || shop.read(move |tx| invoices::credit_of(tx, customer)).unwrap().get();
        while credit() >= 1200 {
            shop.go_to(shop.subscription(yearly.id).current_period_end);
            assert!(shop.open_due().payments.is_empty());
        }
        let left = credit();
        shop.go_to(shop.subscription(yearly.id).current_period_end);
        let payment = shop.open_due().payments.remove(0);
        shop.settle(&payment, paid("r1"));
        assert_eq!(last_receipt(shop).1, [1000, 200, 1200, left]);
        assert_eq!(payment.amount.get(), 1200 - left);
        assert!(left > 0, "the case is one of a part");
    }

    fn a_change_waits_while_its_payment_is_processed(shop) {
        let subscription = free_with_card(shop);
        let (_, price) = shop.sells(fixed(MONTH, 1000));
        let payment = asks_first(shop, &subscription, price, Presence::Away);
        assert!(payment.is_off_session);
        shop.settle(&payment, waits(Outcome::Processing));
        assert!(given_up(shop, &payment).is_none());
        // The period ends meanwhile, and is not renewed before it is known what it is of.
        shop.go_to(subscription.current_period_end);
        let batch = shop.open_due();
        assert!(batch.payments.iter().all(|other| other.invoice_id != payment.invoice_id));
        assert_eq!(shop.subscription(subscription.id).period, 0);
        shop.settle(&payment, paid("saved"));
        let after = shop.subscription(subscription.id);
        assert_eq!((after.price_id, after.period, after.amount), (price, 1, Some(Cents::new(1000))));
        assert_eq!((mails_of(shop, "change_not_paid"), refunds(shop).len()), (0, 0));
    }

    fn a_change_whose_payment_fails_later_is_told_of(shop) {
        let subscription = free_with_card(shop);
        let (_, price) = shop.sells(fixed(MONTH, 1000));
        // Who is told at once needs no mail.
        let payment = asks_first(shop, &subscription, price, Presence::Away);
        shop.settle(&payment, declined(false));
        let refusal = given_up(shop, &payment).unwrap();
        assert_eq!(refusal.kind(), Some(Kind::MissingPaymentMethod));
        assert!(refusal.sentences().contains("The card was declined."), "{refusal}");
        assert_eq!(mails_of(shop, "change_not_paid"), 0);
        for under_way in [Some(Outcome::Processing), Some(Outcome::RequiresAction), None] {
            let before = mails_of(shop, "change_not_paid");
            let payment = asks_first(shop, &subscription, price, Presence::There);
            assert!(!payment.is_off_session);
            if let Some(outcome) = under_way {
                shop.settle(&payment, waits(outcome));
            } else {
                // No answer came, and the sweep has asked.
                shop.advance(std::time::Duration::from_secs(121));
                shop.write(|tx| payments::take_due(tx, 10)).unwrap();
            }
            shop.settle(&payment, declined(false));
            assert_eq!(mails_of(shop, "change_not_paid"), before + 1);
            assert_eq!(shop.all_invoices().pop().unwrap().status, InvoiceStatus::Void);
        }
        assert_eq!(shop.subscription(subscription.id).price_id, subscription.price_id);
        assert_eq!(shop.subscription(subscription.id).status, SubscriptionStatus::Active);
    }

    fn an_approval_is_waited_for_only_if_somebody_can_give_it(shop) {
        let subscription = free_with_card(shop);
        let (_, price) = shop.sells(fixed(MONTH, 1000));
        let payment = asks_first(shop, &subscription, price, Presence::Away);
        shop.settle(&payment, waits(Outcome::RequiresAction));
        assert!(given_up(shop, &payment).is_some());
        assert_eq!(shop.all_invoices().pop().unwrap().status, InvoiceStatus::Void);
        // Should it be given all the same, the money goes back.
        shop.settle(&payment, paid("saved"));
        assert_eq!((refunds(shop), shop.subscription(subscription.id).price_id), (vec![payment.amount.get()], subscription.price_id));
        let payment = asks_first(shop, &subscription, price, Presence::There);
        shop.settle(&payment, waits(Outcome::RequiresAction));
        assert!(given_up(shop, &payment).is_none());
        assert_eq!(asks_first(shop, &subscription, price, Presence::There).id, payment.id);
        shop.settle(&payment, paid("saved"));
        assert!(given_up(shop, &payment).is_none());
        assert_eq!(shop.subscription(subscription.id).price_id, price);
    }

    fn a_change_that_waits_for_approval_makes_way(shop) {
        let subscription = free_with_card(shop);
        let (_, cheap) = shop.sells(fixed(MONTH, 1000));
        let (_, dear) = shop.sells(fixed(MONTH, 3000));
        let (_, other_free) = shop.sells(free(MONTH));
        let first = asks_first(shop, &subscription, cheap, Presence::There);
        // Nothing is known of it yet, so nothing may happen to it.
        for price in [dear, other_free] {
            assert_eq!(refusal(apply(shop, &subscription, price, Presence::There)).0, Kind::BadRequest);
        }
        shop.settle(&first, waits(Outcome::RequiresAction));
        let second = asks_first(shop, &subscription, dear, Presence::There);
        assert_ne!(first.id, second.id);
        shop.settle(&second, Answer { intent_id: Some("pi_second".into()), ..waits(Outcome::RequiresAction) });
        assert_eq!(apply(shop, &subscription, other_free, Presence::There).unwrap(), Applied::Done);
        assert_eq!(shop.subscription(subscription.id).price_id, other_free);
        for payment in [&first, &second] {
            shop.settle(payment, paid("saved"));
        }
        assert_eq!(refunds(shop), [first.amount.get(), second.amount.get()]);
        assert_eq!(shop.subscription(subscription.id).price_id, other_free);
    }

    fn who_asks_says_which_approval_is_not_wanted_any_more(shop) {
        let subscription = free_with_card(shop);
        let (_, price) = shop.sells(fixed(MONTH, 1000));
        let (_, other) = shop.sells(fixed(MONTH, 3000));
        let in_the_way = |price_id, payer| {
            let one = shop.subscription(subscription.id);
            shop.read(move |tx| price_change::in_the_way(tx, &one, ChangePrice { price_id, payer, vouch: Vouch::Seller })).unwrap().map(|one| one.id)
        };
        let payment = asks_first(shop, &subscription, price, Presence::There);
        assert_eq!(in_the_way(other, Presence::There), None);
        shop.settle(&payment, waits(Outcome::RequiresAction));
        assert_eq!(in_the_way(price, Presence::There), None);
        for payer in [Presence::There, Presence::Away] {
            assert_eq!(in_the_way(other, payer), Some(payment.id));
        }
        // Another card was saved meanwhile: that is what they want to pay with.
        shop.advance(std::time::Duration::from_secs(1));
        let another = shop.checkout(fixed(MONTH, 500), |new| new.customer_id = Some(subscription.customer_id));
        shop.settle(&shop.asks(&another, "t"), paid("newer"));
        assert_eq!(in_the_way(price, Presence::There), Some(payment.id));
        assert_eq!(in_the_way(price, Presence::Away), None);
        let again = asks_first(shop, &subscription, price, Presence::There);
        assert_ne!((again.id, again.payment_method_id), (payment.id, payment.payment_method_id));
        shop.settle(&payment, Answer::failed(billing::CANCELED, "The payment was given up."));
        assert_eq!(mails_of(shop, "change_not_paid"), 0);
        shop.settle(&again, paid("newer"));
        let after = shop.subscription(subscription.id);
        assert_eq!((after.price_id, after.payment_method_id), (price, again.payment_method_id));
    }

    fn a_change_is_not_made_of_what_owes_a_payment_meanwhile(shop) {
        let subscription = free_with_card(shop);
        let (_, price) = shop.sells(fixed(MONTH, 1000));
        let payment = asks_first(shop, &subscription, price, Presence::Away);
        shop.settle(&payment, waits(Outcome::Processing));
        let (id, one) = (subscription.id, shop.subscription(subscription.id));
        let mut owing = Subscription { status: SubscriptionStatus::PastDue, past_due_since: Some(shop.now()), ..one.clone() };
        shop.write(move |tx| subscriptions::change(tx, &one, &mut owing)).unwrap();
        shop.settle(&payment, paid("saved"));
        assert_eq!((refunds(shop), shop.subscription(id).price_id), (vec![payment.amount.get()], subscription.price_id));
        assert_eq!(shop.all_invoices().pop().unwrap().status, InvoiceStatus::Void);
    }

    fn a_change_ends_with_its_subscription(shop) {
        let subscription = free_with_card(shop);
        let (_, price) = shop.sells(fixed(MONTH, 1000));
        let payment = asks_first(shop, &subscription, price, Presence::There);
        shop.settle(&payment, waits(Outcome::Processing));
        let one = shop.subscription(subscription.id);
        shop.write(move |tx| subscriptions::revoke(tx, &one, Cancellation::default())).unwrap();
        shop.settle(&payment, paid("saved"));
        assert_eq!(refunds(shop), [payment.amount.get()]);
        assert_eq!(shop.subscription(subscription.id).price_id, subscription.price_id);
    }

    /// The amount of a subscription is what its current period costs without discount and tax, wherever it came from.
    fn the_amount_is_net_where_prices_hold_the_tax(shop) {
        let net = |one: &Subscription| shop.subscription(one.id).amount.unwrap().get();
        let checkout = shop.checkout(fixed(MONTH, 1100), |_| {});
        let Held::Asks(question) = shop.hold(&checkout, buyer("JP"), Some("t")).unwrap() else { panic!("there is something to pay") };
        let payment = question.payment;
        assert_eq!(payment.amount.get(), 1100);
        shop.settle(&payment, paid("jp"));
        let one = shop.subscription_of(&checkout);
        assert_eq!(net(&one), 1000, "after a checkout");
        shop.go_to(one.current_period_end);
        let renewal = shop.open_due().payments.remove(0);
        shop.settle(&renewal, paid("jp"));
        assert_eq!((net(&one), renewal.amount.get()), (1000, 1100), "after a renewal");
        // At the same interval: nothing of the period is used, so all of it is given back and charged anew.
        let (_, dear) = shop.sells(fixed(MONTH, 3300));
        let (_, dearer) = shop.sells(fixed(MONTH, 4400));
        assert_eq!(apply(shop, &one, dear, Presence::Away).unwrap(), Applied::Done);
        assert_eq!(net(&one), 3000, "after a change at the same interval");
        assert_eq!(apply(shop, &one, dearer, Presence::Away).unwrap(), Applied::Done);
        assert_eq!(net(&one), 4000, "after another one");
        let waiting: Vec<i64> = shop.read(|tx| Ok(tx.all("SELECT amount FROM invoice_lines WHERE invoice_id IS NULL ORDER BY id", &[])?)).unwrap();
        assert_eq!(waiting, [-1100, 3300, -3300, 4400]);
        shop.go_to(shop.subscription(one.id).current_period_end);
        let renewal = shop.open_due().payments.remove(0);
        assert_eq!(renewal.amount.get(), 4400 + 3300);
        shop.settle(&renewal, paid("jp"));
        assert_eq!(net(&one), 4000, "after a renewal that settles changes");
        // At another interval: what is left of the period is given back as it was paid.
        let (_, yearly) = shop.sells(fixed(YEAR, 9900));
        let Applied::Asks(payment) = apply(shop, &one, yearly, Presence::Away).unwrap() else { panic!("nothing is asked") };
        assert_eq!((net(&one), payment.amount.get()), (9000, 9900 - 4400), "after a change at another interval");
        shop.settle(&payment, paid("jp"));
        assert_eq!(net(&one), 9000, "once that is paid");
        // From something that is free.
        let checkout = shop.checkout(free(MONTH), |new| new.customer_id = Some(one.customer_id));
        shop.hold(&checkout, buyer("JP"), None).unwrap();
        let other = shop.subscription_of(&checkout);
        let payment = asks_first(shop, &other, dear, Presence::Away);
        shop.settle(&payment, paid("jp"));
        assert_eq!((net(&other), payment.amount.get()), (3000, 3300), "after a change from something free");
    }

    fn what_was_refunded_is_charged_once_however_often_the_plan_is_changed(shop) {
        let one = shop.subscribed(fixed(MONTH, 1000));
        let (_, other) = shop.sells(fixed(MONTH, 1000));
        let refund = |amount: i64| {
            shop.advance(hours(1));
            let order_id = shop.orders()[0].id;
            let new = NewRefund { order_id, amount: Some(Cents::new(amount)), reason: None, revokes_benefits: None, left: None };
            shop.write(move |tx| refunds::open(tx, &new)).unwrap();
        };
        let change = |price| {
            shop.advance(hours(1));
            assert_eq!(apply(shop, &one, price, Presence::Away).unwrap(), Applied::Done);
            shop.read(|tx| Ok(tx.one::<i64>("SELECT CAST(sum(amount) AS bigint) FROM invoice_lines WHERE invoice_id IS NULL", &[])?)).unwrap()
        };
        let near = |found: i64, wanted: i64| (wanted - 10..=wanted).contains(&found);
        // With a fifth of tax on top.
        refund(600);
        let first = change(other);
        assert!(near(first, 500), "{first}");
        for price in [one.price_id, other, one.price_id, other, one.price_id] {
            assert_eq!(change(price), first, "changing back and forth costs nothing");
        }
        refund(360);
        let second = change(other);
        assert!(near(second, 800), "{second}");
        assert_eq!(change(one.price_id), second);
    }

    fn a_line_that_waits_again_holds_its_tax(shop) {
        let checkout = shop.checkout(fixed(MONTH, 110), |_| {});
        let Held::Asks(question) = shop.hold(&checkout, buyer("JP"), Some("t")).unwrap() else { panic!("there is something to pay") };
        shop.settle(&question.payment, paid("jp"));
        let one = shop.subscription_of(&checkout);
        let (_, dear) = shop.sells(fixed(MONTH, 11_000));
        let (_, cheap) = shop.sells(fixed(MONTH, 110));
        shop.advance(hours(24));
        apply(shop, &one, dear, Presence::Away).unwrap();
        shop.advance(hours(24 * 20));
        apply(shop, &one, cheap, Presence::Away).unwrap();
        let waiting = || -> Vec<i64> {
            shop.read(|tx| Ok(tx.all("SELECT amount FROM invoice_lines WHERE invoice_id IS NULL ORDER BY id", &[])?)).unwrap()
        };
        let before = waiting();
        assert_eq!(before.len(), 4);
        // A node of before gives up an invoice without a word of what was taken out of its lines.
        let (known, other) = (shop.subscription(one.id), dear);
        let preview = || {
            let known = known.clone();
            shop.read(move |tx| price_change::preview(tx, &rules(), &known, other)).unwrap()
        };
        let shown = preview();
        assert_eq!(shop.write(|tx| Ok(tx.execute("UPDATE invoice_lines SET held_amount = 7 WHERE invoice_id IS NULL", &[])?)).unwrap(), 4);
        assert_eq!(preview(), shown);
        shop.go_to(shop.subscription(one.id).current_period_end);
        let invoice_id = shop.open_due().payments[0].invoice_id.unwrap();
        assert!(waiting().is_empty());
        let lines = shop.read(move |tx| invoices::lines_of(tx, invoice_id)).unwrap();
        assert!(lines[..4].iter().any(|line| line.held_amount.get() != 0), "{lines:?}");
        assert!(lines.iter().all(|line| before.contains(&(line.amount.get() + line.held_amount.get())) || line.created_at > lines[3].created_at));
        shop.write(move |tx| invoices::void(tx, invoice_id)).unwrap();
        assert_eq!(waiting(), before);
    }

    // A checkout that was to make it a paid one is paid after that, and after another change.
    fn what_is_given_back_after_a_change_holds_its_tax(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        shop.hold(&checkout, buyer("JP"), None).unwrap();
        let one = shop.subscription_of(&checkout);
        let asks = |checkout: &Checkout, token: &str| match shop.hold(checkout, buyer("JP"), Some(token)).unwrap() {
            Held::Asks(question) => question.payment,
            Held::Complete => panic!("there is something to pay"),
        };
        let other = shop.checkout(fixed(MONTH, 550), |new| new.customer_id = Some(one.customer_id));
        shop.settle(&asks(&other, "t"), paid("saved"));
        let upgrade = shop.checkout(fixed(MONTH, 5500), |new| new.subscription_id = Some(one.id));
        let late = asks(&upgrade, "late");
        let (_, price) = shop.sells(fixed(MONTH, 1100));
        shop.settle(&asks_first(shop, &one, price, Presence::Away), paid("saved"));
        let (_, dear) = shop.sells(fixed(MONTH, 3300));
        assert_eq!(apply(shop, &one, dear, Presence::Away).unwrap(), Applied::Done);
        shop.settle(&late, paid("late"));
        let waiting: Vec<i64> = shop.read(|tx| Ok(tx.all("SELECT amount FROM invoice_lines WHERE invoice_id IS NULL ORDER BY id", &[])?)).unwrap();
        assert_eq!(waiting, [-1100, 3300, -3300]);
    }

    fn the_amount_is_less_discount_where_prices_hold_the_tax(shop) {
        let discount = shop.discount(percent(50), Span::Forever, None);
        let checkout = shop.checkout(fixed(MONTH, 2200), |new| new.discount_id = Some(discount.id));
        let Held::Asks(question) = shop.hold(&checkout, buyer("JP"), Some("t")).unwrap() else { panic!("there is something to pay") };
        let payment = question.payment;
        shop.settle(&payment, paid("jp"));
        let one = shop.subscription_of(&checkout);
        assert_eq!((payment.amount.get(), one.amount), (1100, Some(Cents::new(1000))));
        let (_, dear) = shop.sells(fixed(MONTH, 4400));
        apply(shop, &one, dear, Presence::Away).unwrap();
        assert_eq!(shop.subscription(one.id).amount, Some(Cents::new(2000)));
        shop.go_to(one.current_period_end);
        let renewal = shop.open_due().payments.remove(0);
        assert_eq!(renewal.amount.get(), 2200 + 1100);
        assert_eq!(shop.subscription(one.id).amount, Some(Cents::new(2000)));
    }
}
