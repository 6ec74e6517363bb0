//! Which cards pay what is dearer, and what they go on to pay. spec 30 §3.7

use merak_core::access;
use merak_core::billing::methods;
use merak_core::customer_sessions::{self, Vouch};
use merak_core::customers::{self, Customer};
use merak_core::kit::Kind;
use merak_core::subscriptions::price_change::{self, Applied, ChangePrice, Presence};

use super::saved_cards::{asks, by, keys, known, newest_card, saved};
use super::*;

fn wish(shop: &Shop, of: &Subscription, price_id: Id<Price>, vouch: Vouch) -> Result<Applied> {
    let one = shop.subscription(of.id);
    let wish = ChangePrice { price_id, payer: Presence::There, vouch };
    shop.write(move |tx| price_change::apply(tx, &rules(), &one, wish))
}

/// A subscription of this customer that somebody pays who has not shown who they are. It, and the card.
fn paid_by_bob(
    shop: &Shop,
    customer: &Customer,
    price: NewPrice,
    discount: Option<Id<Discount>>,
) -> (Subscription, Id<PaymentMethod>) {
    let id = customer.id;
    let bought = shop.subscribed_with(price, |new| (new.customer_id, new.discount_id) = (Some(id), discount));
    let card = bought.payment_method_id.unwrap();
    (bought, card)
}

/// Opens what falls due until this subscription owes a payment or ends. What was charged meanwhile, by which card.
fn charged_until_owed(shop: &Shop, id: Id<Subscription>) -> Vec<Option<Id<PaymentMethod>>> {
    let mut charged = Vec::new();
    for _ in 0..8 {
        let one = shop.subscription(id);
        if one.status != SubscriptionStatus::Active {
            break;
        }
        shop.go_to(one.current_period_end);
        for payment in shop.open_due().payments {
            charged.push(payment.payment_method_id);
            shop.settle(&payment, paid(&format!("later{}", shop.number())));
        }
    }
    charged
}

/// How often it was told that a subscription is another one.
fn told_of_change(shop: &Shop) -> usize {
    shop.events().iter().filter(|event| event.as_str() == "subscription.updated").count()
}

/// Whom the session vouches for that answers this confirmation.
fn vouch_of(shop: &Shop, checkout: &Checkout, confirm: &Confirm) -> Vouch {
    let (secret, confirm) = (checkout.client_secret.clone(), confirm.clone());
    let actor = shop.write(move |tx| {
        let checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let typed = confirming::typed_payment(tx, &checkout, &confirm)?.map(|payment| payment.id);
        let (session, _) = customer_sessions::create_for_payer(tx, &keys(), &checkout, typed)?;
        access::authenticate(tx, &session.token_hash, true)
    });
    actor.unwrap().unwrap().vouched_by
}

fn typed(token: &str) -> Confirm {
    Confirm { token: Some(token.to_owned()), ..Confirm::default() }
}

scenarios! {
    // Somebody else may have typed the card in, and anybody may have come along a link.
    fn a_dearer_price_takes_somebody_who_vouches_and_a_card_of_the_customers(shop) {
        let subscription = shop.subscribed(fixed(MONTH, 1000));
        let wish = |of: &Subscription, price_id, vouch| {
            let one = shop.subscription(of.id);
            let wish = ChangePrice { price_id, payer: Presence::There, vouch };
            shop.write(move |tx| price_change::apply(tx, &rules(), &one, wish))
        };
        let [(_, dearer), (_, yearly), (_, cheaper)] =
            [fixed(MONTH, 3000), fixed(YEAR, 9000), fixed(MONTH, 500)].map(|price| shop.sells(price));
        let before = shop.subscription(subscription.id);
        for (price, vouch) in [dearer, yearly].into_iter().flat_map(|price| [(price, Vouch::Nobody), (price, Vouch::Customer)]) {
            assert_eq!(refusal(wish(&subscription, price, vouch)).0, Kind::MissingPaymentMethod);
            let (one, rules) = (before.clone(), rules());
            let wish = ChangePrice { price_id: price, payer: Presence::There, vouch };
            assert!(shop.read(move |tx| price_change::require(tx, &rules, &one, wish)).is_err());
        }
        assert_eq!(shop.subscription(subscription.id), before);
        assert_eq!(wish(&subscription, cheaper, Vouch::Nobody).unwrap(), Applied::Done);
        assert_eq!(wish(&subscription, dearer, Vouch::Seller).unwrap(), Applied::Done);
        let customer = shop.read({ let id = subscription.customer_id; move |tx| customers::find(tx, id) }).unwrap().unwrap();
        let own = saved(shop, &customer);
        shop.write(move |tx| methods::choose(tx, &rules(), before.id, own.method_id)).unwrap();
        assert_eq!(refusal(wish(&subscription, yearly, Vouch::Nobody)).0, Kind::MissingPaymentMethod);
        let Applied::Asks(payment) = wish(&subscription, yearly, Vouch::Customer).unwrap() else { panic!("nothing is asked") };
        assert_eq!(payment.payment_method_id, Some(own.method_id));
    }

    fn what_was_free_is_paid_by_a_card_of_the_customers(shop) {
        let customer = shop.customer();
        let checkout = shop.checkout(free(MONTH), |new| new.customer_id = Some(customer.id));
        shop.hold(&checkout, buyer("FR"), None).unwrap();
        let free = shop.subscription_of(&checkout);
        let (_, price_id) = shop.sells(fixed(MONTH, 1000));
        let wish = |vouch| {
            let one = free.clone();
            let wish = ChangePrice { price_id, payer: Presence::There, vouch };
            shop.write(move |tx| price_change::apply(tx, &rules(), &one, wish))
        };
        let of_bob = || {
            let other = shop.checkout(fixed(MONTH, 500), |new| new.customer_id = Some(customer.id));
            shop.settle(&shop.asks(&other, "t"), paid(&format!("bob{}", shop.number())));
        };
        of_bob();
        assert_eq!(refusal(wish(Vouch::Customer)).0, Kind::MissingPaymentMethod);
        let own = saved(shop, &customer);
        shop.advance(hours(1));
        of_bob();
        assert_ne!(newest_card(shop, customer.id), own);
        assert_eq!(refusal(wish(Vouch::Nobody)).0, Kind::MissingPaymentMethod);
        let Applied::AsksFirst(payment) = wish(Vouch::Customer).unwrap() else { panic!("nothing is asked first") };
        assert_eq!(payment.payment_method_id, Some(own.method_id));
    }

    fn whoever_has_paid_a_checkout_lets_their_own_card_pay_more(shop) {
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").unwrap();
        let (first, card) = paid_by_bob(shop, &eve, fixed(MONTH, 1000), None);
        let (second, other) = paid_by_bob(shop, &eve, fixed(MONTH, 1000), None);
        let [(_, dearer), (_, yearly)] = [fixed(MONTH, 3000), fixed(YEAR, 90_000)].map(|price| shop.sells(price));
        for price in [dearer, yearly] {
            assert_eq!(refusal(wish(shop, &second, price, Vouch::Payer(card))).0, Kind::MissingPaymentMethod);
        }
        assert_eq!(wish(shop, &first, dearer, Vouch::Payer(card)).unwrap(), Applied::Done);
        let Applied::Asks(payment) = wish(shop, &first, yearly, Vouch::Payer(card)).unwrap() else { panic!("nothing is asked") };
        assert_eq!(payment.payment_method_id, Some(card));
        // What was free is paid by it, though another one was saved later, and though the owner has given one.
        let own = saved(shop, &eve).method_id;
        let checkout = shop.checkout(free(MONTH), |new| new.customer_id = Some(eve.id));
        shop.hold(&checkout, buyer("FR"), None).unwrap();
        let free = shop.subscription_of(&checkout);
        let stranger = known(shop).1.method_id;
        assert_eq!(refusal(wish(shop, &free, dearer, Vouch::Payer(stranger))).0, Kind::MissingPaymentMethod);
        let Applied::AsksFirst(payment) = wish(shop, &free, dearer, Vouch::Payer(card)).unwrap() else { panic!("nothing is asked first") };
        assert_eq!(payment.payment_method_id, Some(card));
        assert!(![own, other].contains(&card));
    }

    fn a_session_vouches_for_the_card_that_has_paid_its_checkout(shop) {
        let (customer, own) = known(shop);
        let begin = || shop.checkout(fixed(MONTH, 1000), |new| new.customer_id = Some(customer.id));
        let checkout = begin();
        let payment = shop.asks(&checkout, "ctoken");
        shop.settle(&payment, waits(Outcome::Processing));
        assert_eq!(vouch_of(shop, &checkout, &typed("ctoken")), Vouch::Nobody, "it is not saved yet");
        shop.settle(&payment, paid("bob"));
        let card = shop.subscription_of(&checkout).payment_method_id.unwrap();
        assert_eq!(vouch_of(shop, &checkout, &typed("ctoken")), Vouch::Payer(card));
        for others in [typed("another"), Confirm::default(), by(own)] {
            assert_eq!(vouch_of(shop, &checkout, &others), Vouch::Nobody, "{others:?}");
        }
        // What the owner has paid with their card is theirs, whoever else was declined before, or says what it is called.
        let checkout = begin();
        shop.settle(&shop.asks(&checkout, "ctoken"), declined(false));
        let payment = asks(shop, &checkout, own);
        let name = payment.source.clone();
        shop.settle(&payment, paid(name.strip_prefix("pm_").unwrap()));
        assert_eq!(shop.subscription_of(&checkout).payment_method_id, Some(own.method_id));
        for others in [typed("ctoken"), typed(&name), by(own)] {
            assert_eq!(vouch_of(shop, &checkout, &others), Vouch::Nobody, "{others:?}");
        }
    }

    // Bob's card was given for a year. What his friend makes of it by way of something free, on credit, it does not pay.
    fn what_credit_makes_a_paid_one_is_not_paid_by_the_card_of_before(shop) {
        for has_own in [false, true] {
            let eve = shop.customer_of(shop.organization.id, &format!("eve{has_own}@example.com")).unwrap();
            let (one, bobs) = paid_by_bob(shop, &eve, fixed(YEAR, 12_000), None);
            let own = has_own.then(|| saved(shop, &eve).method_id);
            let [(_, nothing), (_, dearer)] = [free(MONTH), fixed(MONTH, 10_000)].map(|price| shop.sells(price));
            assert_eq!(wish(shop, &one, nothing, Vouch::Customer).unwrap(), Applied::Done);
            assert_eq!(shop.subscription(one.id).payment_method_id, Some(bobs));
            let before = told_of_change(shop);
            assert_eq!(wish(shop, &one, dearer, Vouch::Customer).unwrap(), Applied::Done, "its credit pays");
            assert_eq!(told_of_change(shop), before + 1);
            let changed = shop.subscription(one.id);
            assert_eq!((changed.amount, changed.payment_method_id), (Some(Cents::new(10_000)), own));
            let charged = charged_until_owed(shop, one.id);
            assert_eq!(charged.is_empty(), own.is_none());
            assert!(charged.iter().all(|card| *card == own), "{charged:?} {bobs}");
            assert_eq!(shop.subscription(one.id).status == SubscriptionStatus::PastDue, own.is_none());
        }
    }

    fn what_a_discount_makes_a_paid_one_is_not_paid_by_the_card_of_before(shop) {
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").unwrap();
        let discount = shop.discount(percent(100), Span::Months(3), None);
        let (one, bobs) = paid_by_bob(shop, &eve, fixed(YEAR, 12_000), Some(discount.id));
        let [(_, nothing), (_, dearer)] = [free(MONTH), fixed(MONTH, 10_000)].map(|price| shop.sells(price));
        assert_eq!(wish(shop, &one, nothing, Vouch::Customer).unwrap(), Applied::Done);
        assert_eq!(wish(shop, &one, dearer, Vouch::Customer).unwrap(), Applied::Done);
        let changed = shop.subscription(one.id);
        assert_eq!((changed.amount, changed.payment_method_id), (Some(Cents::default()), None), "{bobs}");
        assert_eq!(charged_until_owed(shop, one.id), []);
        assert_eq!(shop.subscription(one.id).status, SubscriptionStatus::PastDue);
    }

    // Their own card is gone before its bank has decided.
    fn what_is_paid_by_a_card_that_is_gone_is_paid_by_no_other(shop) {
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").unwrap();
        let (one, _) = paid_by_bob(shop, &eve, fixed(MONTH, 1000), None);
        let [(_, nothing), (_, dearer)] = [free(YEAR), fixed(MONTH, 10_000)].map(|price| shop.sells(price));
        wish(shop, &one, nothing, Vouch::Customer).unwrap();
        let own = saved(shop, &eve).method_id;
        let Applied::AsksFirst(payment) = wish(shop, &one, dearer, Vouch::Customer).unwrap() else { panic!("nothing is asked first") };
        shop.settle(&payment, waits(Outcome::Processing));
        shop.write(move |tx| methods::detach(tx, own)).unwrap();
        let source = payment.source.strip_prefix("pm_").unwrap().to_owned();
        shop.settle(&payment, paid(&source));
        let changed = shop.subscription(one.id);
        assert_eq!((changed.base_amount, changed.payment_method_id), (Some(Cents::new(10_000)), None));
    }

    fn dearer_is_what_costs_more_in_a_year_or_charges_more_at_once(shop) {
        let customer = shop.customer();
        let half = shop.discount(percent(50), Span::Once, None).id;
        let whole = shop.discount(percent(100), Span::Months(3), None).id;
        let days = |days: u64| hours(24 * days);
        for (from, discount, to, wait, is_dearer) in [
            (fixed(MONTH, 1000), None, fixed(MONTH, 900), days(1), false),
            (fixed(MONTH, 1000), None, fixed(MONTH, 1100), days(1), true),
            (fixed(MONTH, 1000), None, fixed(YEAR, 10_000), days(1), true),
            (fixed(YEAR, 12_000), None, fixed(MONTH, 500), days(363), false),
            (fixed(YEAR, 12_000), None, fixed(MONTH, 1000), days(363), false),
            (fixed(YEAR, 12_000), None, fixed(MONTH, 1001), days(1), true),
            (fixed(YEAR, 12_000), None, fixed(YEAR, 11_000), days(1), false),
            // A year was paid by half, and the next months are paid as a whole.
            (fixed(YEAR, 12_000), Some(half), fixed(MONTH, 500), days(1), false),
            (fixed(YEAR, 12_000), Some(half), fixed(MONTH, 501), days(1), true),
            (fixed(YEAR, 12_000), Some(whole), fixed(MONTH, 500), days(1), true),
            (fixed(YEAR, 12_000), Some(whole), fixed(YEAR, 11_000), days(1), false),
        ] {
            let (one, _) = paid_by_bob(shop, &customer, from, discount);
            let (_, price) = shop.sells(to);
            shop.advance(wait);
            let before = shop.subscription(one.id);
            let preview = shop.read(move |tx| price_change::preview(tx, &rules(), &before, price)).unwrap();
            let case = format!("{} {discount:?} {price}", one.base_amount.unwrap());
            assert_eq!(preview.is_dearer, is_dearer, "{case}");
            let changed = wish(shop, &one, price, Vouch::Nobody);
            assert_eq!(changed.is_err(), is_dearer, "{case}: {changed:?}");
        }
    }
}
