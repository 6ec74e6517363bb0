//! What orders say, and what follows from them. spec 30 §4, §7.9, §2.10; spec 50 §6

use super::*;
use merak_core::benefits::BenefitType;
use merak_core::billing::invoices::NewLine;
use merak_core::customer_sessions::Vouch;
use merak_core::organizations::{self, UpdateOrganization, UpdateSeller};
use merak_core::streams::{self, Channel};
use merak_core::subscriptions::price_change;
use merak_core::subscriptions::rules::Cancellation;
use merak_core::users;
use serde_json::json;

/// A checkout of something that a note comes with, and that costs this.
fn with_note(shop: &Shop, price: NewPrice, change: impl FnOnce(&mut CreateCheckout)) -> Checkout {
    let checkout = shop.checkout(price, change);
    let note = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
    shop.set_benefits(checkout.product_id, &[note.id]).unwrap();
    shop.run_jobs();
    checkout
}

/// Buys for nothing.
fn take(shop: &Shop, checkout: &Checkout) {
    let update =
        ClientUpdate { customer_email: Patch::Value(email("ada@example.com")), ..ClientUpdate::default() };
    assert_eq!(shop.hold(checkout, update, None).unwrap(), Held::Complete);
}

/// Who sells from now on.
fn sells_as(shop: &Shop, name: &str) {
    let (tenancy, id) = (shop.tenancy(), shop.organization.id);
    let renamed = UpdateOrganization { name: Some(name.to_owned()), ..UpdateOrganization::default() };
    let seller = UpdateSeller {
        legal_name: Patch::Value(format!("{name} Ltd")),
        country: Patch::Value(Country::parse("IE").unwrap()),
        ..UpdateSeller::default()
    };
    shop.write(move |tx| {
        organizations::update(tx, &tenancy, id, &renamed)?;
        organizations::update_seller(tx, id, &seller).map(drop)
    })
    .unwrap();
}

type OrderAndSubscription = (Option<Id<Order>>, Option<Id<Subscription>>);

/// The scopes of what was granted.
fn scopes(shop: &Shop) -> Vec<OrderAndSubscription> {
    let sql = "SELECT order_id, subscription_id FROM benefit_grants WHERE granted_at IS NOT NULL ORDER BY id";
    shop.read(|tx| Ok(tx.all(sql, &[])?)).unwrap()
}

/// What the page of a checkout was told.
fn heard(shop: &Shop, checkout: &Checkout) -> Vec<String> {
    let id = checkout.id.uuid();
    let messages = shop.read(move |tx| streams::after(tx, &Channel::Checkout(id), None, 100)).unwrap();
    messages.iter().map(|message| format!("{} {}", message.key, message.payload.as_str())).collect()
}

/// Mails by kind and recipient since so many.
fn mails_to(shop: &Shop, seen: usize) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> =
        shop.read(|tx| Ok(tx.all("SELECT kind, recipient FROM emails ORDER BY id", &[])?)).unwrap();
    let mut new = all.split_off(seen);
    new.sort();
    new
}

fn renew(shop: &Shop, subscription: &Subscription) -> Subscription {
    shop.go_to(shop.subscription(subscription.id).current_period_end);
    for payment in shop.open_due().payments {
        shop.settle(&payment, paid(&format!("r{}", shop.number())));
    }
    shop.subscription(subscription.id)
}

scenarios! {
    fn an_invoice_says_for_ever_who_sold(shop) {
        let before = shop.organization.seller();
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        sells_as(shop, "Fjord");
        shop.go_to(subscription.current_period_end);
        shop.settle(&shop.open_due().payments[0], paid("r1"));
        let once = shop.checkout(fixed(None, 1000), |_| {});
        shop.settle(&shop.asks(&once, "t"), paid("once"));
        sells_as(shop, "Bay");
        let orders: Vec<Id<Order>> = shop.orders().iter().map(|order| order.id).collect();
        let data = |at: usize| {
            let id = orders[at];
            shop.read(move |tx| merak_core::orders::invoice_data(tx, id)).unwrap()
        };
        assert_eq!((data(0).seller, data(0).slug.as_str()), (before, "fjordsoft"));
        for at in 1..=2 {
            let seller = data(at).seller;
            assert_eq!((seller.name.as_str(), seller.legal_name.as_deref()), ("Fjord", Some("Fjord Ltd")));
            assert_eq!(seller.address, Some(in_country("IE")));
        }
        // Invoices that earlier versions made out did not keep it.
        shop.write(|tx| Ok(tx.execute("UPDATE invoices SET seller = NULL", &[])?)).unwrap();
        assert_eq!(data(0).seller.legal_name.as_deref(), Some("Bay Ltd"));
    }

    /// Scenarios 53 and 56: what the order of a period says; what comes with it is given by the subscription
    fn the_order_of_a_subscription_is_that_of_its_invoice(shop) {
        let discount = shop.discount(percent(25), Span::Once, None);
        let checkout = with_note(shop, fixed(MONTH, 1000), |new| new.discount_id = Some(discount.id));
        let payment = shop.settle(&shop.asks(&checkout, "t"), paid("a"));
        let payment = shop.payment(payment.id);
        let (subscription, order) = (shop.subscription_of(&checkout), shop.orders().remove(0));
        let invoice = shop.all_invoices().remove(0);
        assert_eq!((order.amount, order.tax_amount), (Cents::new(750), Cents::new(150)));
        assert_eq!(order.amount.get(), invoice.total().get() - invoice.tax_amount.get());
        assert_eq!((order.customer_id, order.subscription_id), (subscription.customer_id, Some(subscription.id)));
        assert_eq!((order.product_id, order.product_price_id), (checkout.product_id, Some(checkout.product_price_id)));
        assert_eq!((order.created_at, order.discount_id), (invoice.created_at, Some(discount.id)));
        assert_eq!((payment.invoice_id, payment.customer_id), (order.invoice_id, order.customer_id));
        shop.run_jobs();
        assert_eq!(scopes(shop), [(None, Some(subscription.id))]);
    }

    /// Scenarios 44 and 56: what was bought once is granted by its order, whatever it cost
    fn what_is_bought_once_is_granted_by_its_order(shop) {
        let checkout = with_note(shop, fixed(None, 1000), |_| {});
        shop.settle(&shop.asks(&checkout, "t"), paid("a"));
        let at_choice = with_note(shop, chosen(None), |new| new.amount = Some(Cents::new(4242)));
        let payment = shop.asks(&at_choice, "t");
        assert_eq!(payment.amount, Cents::new(5090));
        shop.settle(&payment, paid("b"));
        let gift = with_note(shop, free(None), |_| {});
        take(shop, &gift);
        shop.run_jobs();
        let orders = shop.orders();
        let facts: Vec<_> = orders.iter().map(|order| {
            (order.amount.get(), order.tax_amount.get(), order.billing_reason.as_str(), order.product_price_id)
        }).collect();
        assert_eq!(facts, [
            (1000, 200, "purchase", Some(checkout.product_price_id)),
            (4242, 848, "purchase", Some(at_choice.product_price_id)),
            (0, 0, "purchase", Some(gift.product_price_id)),
        ]);
        assert_eq!(scopes(shop), orders.iter().map(|order| (Some(order.id), None)).collect::<Vec<_>>());
    }

    /// Scenario 54: an invoice with parts of a change is for the price of its whole period
    fn an_invoice_with_prorations_is_for_the_price_of_its_period(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (product, dearer) = shop.sells(fixed(MONTH, 3000));
        shop.advance(hours(24 * 10));
        let one = subscription.clone();
        let wish = price_change::ChangePrice { price_id: dearer, payer: price_change::Presence::Away, vouch: Vouch::Seller };
        shop.write(move |tx| price_change::apply(tx, &rules(), &one, wish)).unwrap();
        let after = renew(shop, &subscription);
        let order = shop.orders().pop().unwrap();
        let id = order.invoice_id.unwrap();
        let lines = shop.read(move |tx| invoices::lines_of(tx, id)).unwrap();
        let mut parts: Vec<_> = lines.iter().map(|line| (line.amount.get(), line.is_proration)).collect();
        parts.sort_unstable();
        // 21 of 31 days are left: credit 1000 × 21/31, charge 3000 × 21/31.
        assert_eq!(parts, [(-677, true), (2032, true), (3000, false)]);
        assert_eq!((order.product_id, order.product_price_id), (product.id, Some(dearer)));
        assert_eq!((order.amount, order.billing_reason.as_str()), (Cents::new(4355), "subscription_cycle"));
        assert_eq!(after.amount, Some(Cents::new(3000)), "T-14: what one period costs");
    }

    /// Scenario 54: only parts of a change
    fn an_invoice_of_prorations_alone_is_for_the_price_of_the_subscription(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let (_, other) = shop.sells(fixed(MONTH, 700));
        let line = NewLine {
            product_price_id: other,
            description: String::from("Unused time"),
            amount: Cents::new(-300),
            is_proration: true,
            span: None,
        };
        let one = subscription.clone();
        shop.write(move |tx| {
            invoices::put_aside(tx, &one, &line)?;
            subscriptions::revoke(tx, &one, Cancellation::default())
        }).unwrap();
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.amount.get(), order.product_price_id), (-300, Some(subscription.price_id)));
    }

    /// Scenario 57
    fn an_order_has_the_address_of_the_invoice_or_the_country_of_the_card(shop) {
        let gift = shop.checkout(free(None), |_| {});
        take(shop, &gift);
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&checkout, "t");
        let (id, set) = (checkout.id, "UPDATE checkouts SET customer_billing_address = NULL WHERE id = $1");
        shop.write(move |tx| Ok(tx.changed_one(set, &[&id])?)).unwrap();
        let mut answer = paid("a");
        if let Outcome::Succeeded { method: Some(method), .. } = &mut answer.outcome {
            method.country = Country::parse("US");
        }
        shop.settle(&payment, answer);
        let addresses: Vec<_> = shop.orders().into_iter().map(|order| order.billing_address).collect();
        assert_eq!(addresses, [None, Some(in_country("US"))]);
    }

    /// Scenarios 58 and 61: the page of a checkout is told once of each
    fn the_page_of_a_checkout_hears_of_its_order(shop) {
        let updated = |status: &str| ["updated", "webhook_event_delivered"].map(|key| format!(r#"checkout.{key} {{"status":"{status}"}}"#));
        let all = |between: &[&str]| {
            let between = between.iter().map(|key| format!("checkout.{key} {{}}"));
            [updated("confirmed").to_vec(), between.collect(), updated("succeeded").to_vec()].concat()
        };
        let once = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&once, "t");
        shop.settle(&payment, paid("a"));
        shop.settle(&payment, paid("a"));
        assert_eq!(heard(shop, &once), all(&["order_created"]));
        let monthly = shop.checkout(fixed(MONTH, 1000), |_| {});
        shop.settle(&shop.asks(&monthly, "t"), paid("b"));
        let expected = all(&["subscription_created", "order_created"]);
        assert_eq!(heard(shop, &monthly), expected);
        renew(shop, &shop.subscription_of(&monthly));
        assert_eq!(heard(shop, &monthly), expected, "what comes later is none of its business");
        assert_eq!(shop.orders().pop().unwrap().checkout_id, None);
    }

    /// §2.10: notes and answers go from the checkout to what it makes, and on to every period
    fn notes_and_answers_go_along(shop) {
        let checkout = shop.checkout(fixed(MONTH, 1000), |new| new.metadata = serde_json::from_str(r#"{"a":1}"#).unwrap());
        let id = checkout.id;
        let set = "UPDATE checkouts SET custom_field_data = '{\"seats\":2}' WHERE id = $1";
        shop.write(move |tx| Ok(tx.changed_one(set, &[&id])?)).unwrap();
        shop.settle(&shop.asks(&checkout, "t"), paid("a"));
        let subscription = shop.subscription_of(&checkout);
        renew(shop, &subscription);
        let orders = shop.orders();
        assert_eq!(orders.len(), 2);
        for order in &orders {
            assert_eq!(serde_json::to_string(&order.metadata).unwrap(), r#"{"a":1}"#);
            assert_eq!(value_of(&order.custom_field_data), json!({"seats": 2}));
        }
        assert_eq!(serde_json::to_string(&subscription.metadata).unwrap(), r#"{"a":1}"#);
        assert_eq!(value_of(&subscription.custom_field_data), json!({"seats": 2}));
    }

    /// Spec 50, N3: one mail to the buyer and one to each member; a renewal is no news to the members
    fn each_is_written_to_once(shop) {
        let organization_id = shop.organization.id;
        shop.write(move |tx| {
            let second = users::find_or_create(tx, &email("second@fjordsoft.example"))?;
            let now = tx.now();
            Ok(tx.execute(
                "INSERT INTO organization_members (user_id, organization_id, created_at) VALUES ($1, $2, $3)",
                &[&second.id, &organization_id, &now],
            )?)
        }).unwrap();
        let told = |kind: &str, member_kind: &str| {
            let mut told = vec![(kind.to_owned(), String::from("ada@example.com"))];
            for member in ["nora@fjordsoft.example", "second@fjordsoft.example"] {
                told.push((member_kind.to_owned(), member.to_owned()));
            }
            told.sort();
            told
        };
        shop.settle(&shop.asks(&shop.checkout(fixed(None, 1000), |_| {}), "t"), paid("a"));
        assert_eq!(mails_to(shop, 0), told("order_confirmation", "new_sale"));
        take(shop, &shop.checkout(free(None), |_| {}));
        assert_eq!(mails_to(shop, 3), told("order_confirmation", "new_sale"));
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        assert_eq!(mails_to(shop, 6), told("subscription_confirmation", "new_subscription"));
        renew(shop, &subscription);
        assert_eq!(mails_to(shop, 9), [(String::from("subscription_renewed"), String::from("ada@example.com"))]);
        // Nobody is written to because a checkout's time is up, or because money went back.
        shop.checkout(fixed(None, 1000), |_| {});
        shop.advance(hours(1));
        shop.run_jobs();
        assert_eq!(mails_to(shop, 10), []);
    }

    /// Spec 50, §6.2: exactly one of "canceled" and "ended" for each step
    fn an_end_that_was_announced_is_told_when_it_comes(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let one = subscription.clone();
        shop.write(move |tx| subscriptions::cancel(tx, &one, Cancellation::default())).unwrap();
        let of = |kind: &str| [(kind.to_owned(), String::from("ada@example.com"))];
        assert_eq!(mails_to(shop, 2), of("subscription_canceled"));
        assert_eq!(renew(shop, &subscription).status, SubscriptionStatus::Canceled);
        assert_eq!(mails_to(shop, 3), of("subscription_ended"));
        assert_eq!(shop.orders().len(), 1);
    }
}
