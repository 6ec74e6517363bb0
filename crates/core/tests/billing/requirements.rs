//! What a confirmation asks for, of whom, and what it tells the processor. spec 30 §2.4 and §7.6

use super::confirm::problems;
use super::*;
use merak_core::customers::Customer;
use merak_core::kit::Kind;
use merak_core::users::User;

const EMAIL: &str = "body.customer_email missing";
const NAME: &str = "body.customer_name missing";
const ADDRESS: &str = "body.customer_billing_address missing";
const TOKEN: &str = "body.confirmation_token_id missing";

/// What the processor is told of a payment, apart from the checkout's id.
fn facts(shop: &Shop, payment: &Payment) -> Vec<String> {
    let id = payment.id;
    let question = shop
        .read(move |tx| {
            let payment = payments::find(tx, id)?.unwrap();
            payments::questions(tx, vec![payment])
        })
        .unwrap()
        .remove(0);
    let mut facts: Vec<_> = question.facts.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(facts.remove(0), format!("checkout_id={}", payment.checkout_id.unwrap()));
    facts
}

fn hold_as(shop: &Shop, checkout: &Checkout, address: &str, user_id: Id<User>) -> Customer {
    let (secret, update) = (
        checkout.client_secret.clone(),
        ClientUpdate { customer_email: Patch::Value(email(address)), ..buyer("FR") },
    );
    shop.write(move |tx| {
        let mut checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let terms = checkouts::apply_client_update(tx, &mut checkout, &update)?;
        let confirm = Confirm { user_id: Some(user_id), ..Confirm::default() };
        confirming::hold(tx, &rules(), checkout, &terms, &confirm)
    })
    .unwrap();
    customer_of(shop, checkout)
}

fn customer_of(shop: &Shop, checkout: &Checkout) -> Customer {
    let id = shop.checkout_now(checkout).customer_id.unwrap();
    shop.read(move |tx| merak_core::customers::find(tx, id)).unwrap().unwrap()
}

scenarios! {
    /// The table of §2.4, with nothing filled in, and scenario 35 with the token alone
    fn each_kind_of_price_asks_for_what_it_needs(shop) {
        let all = shop.discount(percent(100), Span::Once, None).id;
        let part = shop.discount(percent(50), Span::Once, None).id;
        let everything = vec![EMAIL, NAME, ADDRESS, TOKEN];
        for (price, discount_id, missing) in [
            (fixed(None, 1000), None, everything.clone()),
            (fixed(None, 1000), Some(part), everything.clone()),
            (fixed(None, 1000), Some(all), vec![EMAIL]),
            (chosen(None), None, everything.clone()),
            (free(None), None, vec![EMAIL]),
            (fixed(MONTH, 1000), None, everything.clone()),
            (fixed(MONTH, 1000), Some(part), everything.clone()),
            (fixed(MONTH, 1000), Some(all), everything),
            (free(MONTH), None, vec![EMAIL]),
        ] {
            let checkout = shop.checkout(price, |new| new.discount_id = discount_id);
            assert_eq!(problems(shop.hold(&checkout, ClientUpdate::default(), None)), missing, "{price:?} {discount_id:?}");
            let missing: Vec<_> = missing.into_iter().filter(|problem| *problem != TOKEN).collect();
            assert_eq!(problems(shop.hold(&checkout, ClientUpdate::default(), Some("t"))), missing, "{price:?} {discount_id:?}");
        }
        assert_eq!((shop.redemptions(), shop.all_payments().len()), (0, 0), "who is refused has used nothing up");
    }

    /// Scenario 35: no way leads there but a defect, and nobody pays nothing for what has a price
    fn a_price_at_choice_has_an_amount(shop) {
        let checkout = shop.checkout(chosen(None), |_| {});
        let id = checkout.id;
        shop.write(move |tx| Ok(tx.changed_one("UPDATE checkouts SET amount = NULL WHERE id = $1", &[&id])?)).unwrap();
        assert_eq!(problems(shop.hold(&checkout, buyer("FR"), Some("t"))), ["body.amount missing"]);
        let update = ClientUpdate { amount: Some(Cents::new(4242)), ..buyer("FR") };
        let Held::Asks(question) = shop.hold(&checkout, update, Some("t")).unwrap() else { panic!("nothing is asked") };
        let payment = question.payment;
        assert_eq!(payment.amount, Cents::new(5090));
    }

    /// Scenarios 37 and 38
    fn the_processor_is_told_what_the_tax_is_and_where(shop) {
        let in_quebec = ClientUpdate {
            customer_billing_address: Some(Address { state: Some("CA-QC".into()), ..in_country("CA") }),
            ..buyer("CA")
        };
        let discount = shop.discount(percent(100), Span::Once, None);
        for (price, discount_id, update, expected) in [
            (fixed(None, 1000), None, buyer("NO"), vec!["type=product", "tax_amount=0", "tax_country=NO"]),
            (fixed(None, 1000), None, buyer("FR"), vec!["type=product", "tax_amount=200", "tax_country=FR"]),
            (fixed(MONTH, 1000), None, in_quebec, vec!["type=product", "tax_amount=0", "tax_country=CA", "tax_state=QC"]),
            (fixed(MONTH, 1000), Some(discount.id), buyer("FR"), vec!["type=product", "tax_amount=0", "tax_country=FR"]),
        ] {
            let checkout = shop.checkout(price, |new| new.discount_id = discount_id);
            let Held::Asks(question) = shop.hold(&checkout, update, Some("t")).unwrap() else { panic!("nothing is asked") };
            let payment = question.payment;
            assert_eq!(facts(shop, &payment), expected);
            assert_eq!(payment.kind.as_str(), if discount_id.is_some() { "setup" } else { "charge" });
            let redeemed: Vec<(Id<Discount>, Id<Checkout>)> =
                shop.read(|tx| Ok(tx.all("SELECT discount_id, checkout_id FROM discount_redemptions", &[])?)).unwrap();
            assert_eq!(redeemed, discount_id.map(|id| (id, checkout.id)).into_iter().collect::<Vec<_>>());
        }
    }

    /// Scenario 40: a customer who was named, and what the processor is told of them
    fn what_the_buyer_types_is_told_to_the_processor(shop) {
        let known = shop.customer();
        let id = known.id;
        shop.write(move |tx| Ok(tx.changed_one(
            "UPDATE customers SET metadata = '{\"key\":\"value\",\"own\":1}' WHERE id = $1", &[&id]
        )?)).unwrap();
        let checkout = shop.checkout(fixed(None, 1000), |new| {
            new.customer_id = Some(known.id);
            new.customer_metadata = serde_json::from_str(r#"{"key":"updated","key2":"value2"}"#).unwrap();
        });
        let payment = shop.asks(&checkout, "t");
        let of = payment.id;
        let payer = shop.read(move |tx| {
            let payment = payments::find(tx, of)?.unwrap();
            payments::questions(tx, vec![payment])
        }).unwrap().remove(0).payer;
        assert_eq!((payer.customer_id, payer.email, payer.name.as_deref()), (known.id, known.email, Some("Ada")));
        assert_eq!(payer.billing_address, Some(in_country("FR")));
        shop.settle(&payment, paid("a"));
        let metadata = serde_json::to_value(customer_of(shop, &checkout).metadata).unwrap();
        assert_eq!(metadata, serde_json::json!({"key": "updated", "own": 1, "key2": "value2"}));
    }

    /// Scenario 42
    fn who_is_signed_in_with_the_same_address_is_the_customer_from_then_on(shop) {
        let user = shop.member.clone();
        let verified = |is_verified: bool| {
            let id = user.id;
            let set = "UPDATE users SET email_verified = $2 WHERE id = $1";
            shop.write(move |tx| Ok(tx.changed_one(set, &[&id, &is_verified])?)).unwrap();
        };
        let upper = user.email.as_str().to_uppercase();
        verified(true);
        let other = hold_as(shop, &shop.checkout(free(None), |_| {}), "other@example.com", user.id);
        assert_eq!(other.user_id, None);
        verified(false);
        assert_eq!(hold_as(shop, &shop.checkout(free(None), |_| {}), &upper, user.id).user_id, None);
        verified(true);
        let customer = hold_as(shop, &shop.checkout(free(None), |_| {}), &upper, user.id);
        assert_eq!(customer.user_id, Some(user.id));
        // Whose it is stays so.
        let (second, _) = shop.another_organization();
        assert_eq!(hold_as(shop, &shop.checkout(free(None), |_| {}), &upper, second.id).user_id, Some(user.id));
    }

    /// T-32: an address whose customer was deleted is free for a new one
    fn a_deleted_customer_does_not_buy_again(shop) {
        let gone = shop.customer_of(shop.organization.id, "ada@example.com").unwrap();
        let (tenancy, id) = (shop.tenancy(), gone.id);
        shop.write(move |tx| merak_core::customers::delete(tx, &tenancy, id)).unwrap();
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        shop.settle(&shop.asks(&checkout, "t"), paid("a"));
        assert_ne!(customer_of(shop, &checkout).id, gone.id);
    }

    /// T-40
    fn nothing_is_bought_of_who_is_blocked(shop) {
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let set = |text: &'static str| shop.write(move |tx| Ok(tx.execute(text, &[])?)).unwrap();
        set("UPDATE organizations SET blocked_at = created_at");
        assert_eq!(refusal(shop.hold(&checkout, buyer("FR"), Some("t"))).0, Kind::NotPermitted);
        set("UPDATE organizations SET blocked_at = NULL");
        shop.asks(&checkout, "t");
    }

    /// §2.9: two checkouts for one free subscription, of which the second comes too late
    fn what_was_upgraded_meanwhile_is_not_paid_twice(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        shop.hold(&checkout, buyer("FR"), None).unwrap();
        let before = shop.subscription_of(&checkout);
        let upgrade = || shop.checkout(fixed(MONTH, 1000), |new| new.subscription_id = Some(before.id));
        let (first, second) = (upgrade(), upgrade());
        shop.settle(&shop.asks(&first, "t"), paid("a"));
        assert_eq!(problems(shop.hold(&second, buyer("FR"), Some("u"))), ["body.subscription_id value_error"]);
        assert_eq!(shop.all_payments().len(), 1);
    }

    /// The same, when both were confirmed before either was paid: what the first has paid for is not lost
    fn of_two_upgrades_at_once_the_first_is_given_back(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        shop.hold(&checkout, buyer("FR"), None).unwrap();
        let before = shop.subscription_of(&checkout);
        let upgrade = || shop.checkout(fixed(MONTH, 1000), |new| new.subscription_id = Some(before.id));
        let (slow, quick) = (upgrade(), upgrade());
        let asked = shop.asks(&slow, "t");
        // While it is being charged nobody else is.
        assert_eq!(problems(shop.hold(&quick, buyer("FR"), Some("u"))), ["body.subscription_id value_error"]);
        shop.settle(&asked, waits(Outcome::RequiresAction));
        shop.settle(&shop.asks(&quick, "u"), paid("quick"));
        shop.settle(&asked, paid("slow"));
        let after = shop.subscription(before.id);
        assert_eq!((after.checkout_id, after.period), (Some(slow.id), 2));
        let reasons: Vec<_> = shop.orders().iter().map(|order| order.billing_reason.as_str().to_owned()).collect();
        assert_eq!(reasons, ["subscription_create", "subscription_update", "subscription_update"]);
        shop.go_to(after.current_period_end);
        assert!(shop.open_due().payments.is_empty(), "the next period is paid by what was given back");
        assert_eq!(shop.orders()[3].amount, Cents::default());
    }

    /// T-20, scenarios 61 and 64: an upgrade that costs nothing now takes the same subscription over, with its discount
    fn an_upgrade_for_nothing_makes_no_second_subscription(shop) {
        let checkout = shop.checkout(free(MONTH), |new| new.metadata = serde_json::from_str(r#"{"a":1,"b":1}"#).unwrap());
        shop.hold(&checkout, buyer("FR"), None).unwrap();
        let before = shop.subscription_of(&checkout);
        let discount = shop.discount(percent(100), Span::Once, None);
        let upgrade = shop.checkout(fixed(MONTH, 1000), |new| {
            new.subscription_id = Some(before.id);
            new.discount_id = Some(discount.id);
            new.metadata = serde_json::from_str(r#"{"b":2}"#).unwrap();
        });
        shop.settle(&shop.asks(&upgrade, "t"), paid("a"));
        let after = shop.subscription(before.id);
        assert_eq!((after.checkout_id, after.discount_id), (Some(upgrade.id), Some(discount.id)));
        assert_eq!((after.base_amount, after.amount), (Some(Cents::new(1000)), Some(Cents::new(0))));
        assert_eq!(serde_json::to_value(&after.metadata).unwrap(), serde_json::json!({"a": 1, "b": 2}));
        let count: i64 = shop.read(|tx| Ok(tx.one("SELECT count(*) FROM subscriptions", &[])?)).unwrap();
        assert_eq!(count, 1);
    }

    /// §2.9: what is bought once is an ordinary order
    fn an_upgrade_to_what_is_bought_once_leaves_the_subscription_alone(shop) {
        let checkout = shop.checkout(free(MONTH), |_| {});
        shop.hold(&checkout, buyer("FR"), None).unwrap();
        let before = shop.subscription_of(&checkout);
        let once = shop.checkout(fixed(None, 1000), |new| new.subscription_id = Some(before.id));
        shop.settle(&shop.asks(&once, "t"), paid("a"));
        assert_eq!(shop.subscription(before.id), before);
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.billing_reason.as_str(), order.subscription_id), ("purchase", None));
        assert_eq!(order.customer_id, before.customer_id);
    }
}
