//! Checkouts that are paid with a card that was saved before. spec 30 §7.3.21

use merak_core::billing::methods;
use merak_core::checkouts::CheckoutStatus;
use merak_core::checkouts::confirm::{SavedCard, Standing};
use merak_core::customer_sessions::{self, Live};
use merak_core::customers::{self, Customer};
use merak_core::kit::{InstanceSecret, Kind};

use super::*;

/// A customer of the seller, and the card that they pay a subscription with.
fn known(shop: &Shop) -> (Customer, SavedCard) {
    let customer = shop.customer();
    let id = customer.id;
    shop.subscribed_with(fixed(MONTH, 500), |new| new.customer_id = Some(id));
    (customer, newest_card(shop, id))
}

fn newest_card(shop: &Shop, id: Id<Customer>) -> SavedCard {
    let cards = shop.read(move |tx| methods::list(tx, id)).unwrap();
    SavedCard { customer_id: id, method_id: cards[0].id }
}

fn by(card: SavedCard) -> Confirm {
    Confirm { saved: Some(card), ..Confirm::default() }
}

fn hold(shop: &Shop, checkout: &Checkout, confirm: &Confirm) -> Result<Held> {
    let (secret, confirm) = (checkout.client_secret.clone(), confirm.clone());
    shop.write(move |tx| {
        let mut checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let terms = checkouts::apply_client_update(tx, &mut checkout, &buyer("FR"))?;
        confirming::hold(tx, &rules(), checkout, &terms, &confirm)
    })
}

#[track_caller]
fn asks(shop: &Shop, checkout: &Checkout, card: SavedCard) -> Payment {
    match hold(shop, checkout, &by(card)).unwrap() {
        Held::Asks(question) => question.payment,
        Held::Complete => panic!("there was something to pay"),
    }
}

fn standing(shop: &Shop, checkout: &Checkout, confirm: &Confirm) -> Result<Standing> {
    let (secret, confirm) = (checkout.client_secret.clone(), confirm.clone());
    shop.read(move |tx| {
        let checkout = checkouts::find_by_client_secret(tx, &secret)?;
        confirming::standing(tx, &checkout, &confirm)
    })
}

/// What a session opens that is opened at the end of a checkout.
fn session(shop: &Shop, checkout: &Checkout) -> Live {
    let secret = checkout.client_secret.clone();
    let live = shop.write(move |tx| {
        let keys = InstanceSecret::new("of these tests");
        let checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let (session, _) = customer_sessions::create_for_checkout(tx, &keys, &checkout)?;
        customer_sessions::find(tx, &session.token_hash)
    });
    live.unwrap().unwrap()
}

fn is_bound(shop: &Shop, checkout: &Checkout) -> bool {
    session(shop, checkout).bound_to.is_some()
}

scenarios! {
    fn a_saved_card_pays_for_its_owner(shop) {
        let (customer, card) = known(shop);
        // `ada@example.com` stands in the form, and the card is of somebody else.
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = asks(shop, &checkout, card);
        let method = shop.read(move |tx| methods::find(tx, card.method_id)).unwrap().unwrap();
        assert_eq!((payment.customer_id, payment.payment_method_id), (customer.id, Some(method.id)));
        assert_eq!((payment.source.as_str(), payment.is_off_session), (method.processor_method_id.as_str(), false));
        shop.settle(&payment, paid("again"));
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.customer_id, order.amount), (customer.id, Cents::new(1000)));
        let checkout = shop.checkout_now(&checkout);
        assert_eq!((checkout.status, checkout.customer_id), (CheckoutStatus::Succeeded, Some(customer.id)));
        assert!(!is_bound(shop, &checkout), "they had shown who they are");
        assert_eq!(shop.read(move |tx| methods::list(tx, customer.id)).unwrap().len(), 1, "what was paid once keeps no card");
    }

    fn a_plan_goes_on_with_the_card_that_has_paid_it(shop) {
        let (customer, card) = known(shop);
        let checkout = shop.checkout(fixed(MONTH, 1000), |new| new.customer_id = Some(customer.id));
        let payment = asks(shop, &checkout, card);
        let method = shop.read(move |tx| methods::find(tx, card.method_id)).unwrap().unwrap();
        let name = method.processor_method_id.strip_prefix("pm_").unwrap().to_owned();
        shop.settle(&payment, paid(&name));
        assert_eq!(shop.subscription_of(&checkout).payment_method_id, Some(card.method_id));
        assert_eq!(shop.read(move |tx| methods::list(tx, customer.id)).unwrap().len(), 1);
    }

    // The secret of a checkout is in links that are passed on; with the payment's secret a browser could ask whose card it is.
    fn a_checkout_tells_nobody_of_the_card(shop) {
        let (_, card) = known(shop);
        for outcome in [Outcome::RequiresAction, Outcome::Processing] {
            let checkout = shop.checkout(fixed(None, 1000), |_| {});
            let payment = asks(shop, &checkout, card);
            shop.settle(&payment, waits(outcome));
            let told = value_of(&shop.checkout_now(&checkout).payment_processor_metadata);
            assert_eq!(told["intent_client_secret"], Value::Null, "{told}");
            assert_ne!(told["intent_status"], Value::Null);
        }
        let typed = shop.checkout(fixed(None, 1000), |_| {});
        let payment = shop.asks(&typed, "ctoken");
        shop.settle(&payment, waits(Outcome::RequiresAction));
        let told = value_of(&shop.checkout_now(&typed).payment_processor_metadata);
        assert_eq!(told["intent_client_secret"], "pi_wait_secret", "a card that was typed in is known to who typed it");
    }

    fn nobody_pays_with_the_card_of_another(shop) {
        let (_, card) = known(shop);
        let other = shop.customer_of(shop.organization.id, "eve@example.com").unwrap();
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let stolen = SavedCard { customer_id: other.id, ..card };
        assert_eq!(refusal(hold(shop, &checkout, &by(stolen))).0, Kind::Payment);
        let (_, elsewhere) = shop.another_organization();
        let stranger = shop.customer_of(elsewhere.id, "ada@example.com").unwrap();
        let stolen = SavedCard { customer_id: stranger.id, ..card };
        assert_eq!(refusal(hold(shop, &checkout, &by(stolen))).0, Kind::Payment);
        let named = shop.checkout(fixed(None, 1000), |new| new.customer_id = Some(other.id));
        assert_eq!(refusal(hold(shop, &named, &by(card))).0, Kind::Payment);
        let before = shop.all_payments().len();
        shop.write(move |tx| methods::detach(tx, card.method_id)).unwrap();
        assert_eq!(refusal(hold(shop, &checkout, &by(card))).0, Kind::Payment);
        assert_eq!(shop.all_payments().len(), before);
        assert_eq!(shop.checkout_now(&checkout).confirming_payment_id, None);
    }

    fn what_the_processor_calls_the_card_is_no_token(shop) {
        let (_, card) = known(shop);
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let payment = asks(shop, &checkout, card);
        let token = Confirm { token: Some(payment.source.clone()), ..Confirm::default() };
        let other = shop.customer_of(shop.organization.id, "eve@example.com").unwrap();
        let stolen = by(SavedCard { customer_id: other.id, ..card });
        assert_eq!(standing(shop, &checkout, &by(card)).unwrap(), Standing::UnderWay(Box::new(payment.clone())));
        assert_eq!(refusal(standing(shop, &checkout, &token)).0, Kind::CheckoutNotOpen);
        assert_eq!(refusal(standing(shop, &checkout, &stolen)).0, Kind::CheckoutNotOpen);
        shop.settle(&payment, paid("again"));
        assert_eq!(standing(shop, &checkout, &by(card)).unwrap(), Standing::Confirmed);
        assert_eq!(refusal(standing(shop, &checkout, &token)).0, Kind::CheckoutNotOpen);
    }

    // Somebody who has typed an address that was nobody's yet has shown nothing of it by buying once more.
    fn a_newcomer_is_not_known_better_by_buying_again(shop) {
        let first = shop.checkout(fixed(MONTH, 500), |_| {});
        let payment = shop.asks(&first, "ctoken");
        shop.settle(&payment, paid("first"));
        let opened = session(shop, &first);
        assert!(opened.bound_to.is_none() && opened.opens_cards, "nothing else has happened to this customer");
        let card = newest_card(shop, payment.customer_id);
        let second = shop.checkout(fixed(None, 1000), |_| {});
        let payment = asks(shop, &second, card);
        shop.settle(&payment, paid("again"));
        assert_eq!(shop.checkout_now(&second).customer_id, Some(card.customer_id));
        assert!(is_bound(shop, &first) && is_bound(shop, &second));
    }

    // Whoever was given the link may have confirmed it.
    fn who_has_confirmed_a_checkout_for_a_customer_does_not_pay_with_their_cards(shop) {
        let (customer, _) = known(shop);
        let checkout = shop.checkout(fixed(None, 1000), |new| new.customer_id = Some(customer.id));
        let payment = shop.asks(&checkout, "ctoken");
        shop.settle(&payment, paid("of_somebody"));
        let opened = session(shop, &checkout);
        assert!(opened.bound_to.is_none() && !opened.opens_cards);
        let signed_in = shop.write(move |tx| {
            let (session, _) = customer_sessions::create(tx, &InstanceSecret::new("of these tests"), customer.id)?;
            customer_sessions::find(tx, &session.token_hash)
        });
        assert!(signed_in.unwrap().unwrap().opens_cards);
    }

    fn what_a_customer_leaves_blank_is_what_is_known_of_them(shop) {
        let (customer, card) = known(shop);
        let id = customer.id;
        let fill = |checkout: &Checkout, command: ClientUpdate| {
            let secret = checkout.client_secret.clone();
            shop.write(move |tx| {
                let taxes = Taxes::new(Rates);
                let means = Means { taxes: &taxes, geography: None };
                checkouts::update_for(tx, &secret, &command, id, &means)
            })
        };
        let checkout = shop.checkout(fixed(None, 1000), |new| new.customer_email = Some(email("typed@example.com")));
        let filled = fill(&checkout, ClientUpdate::default()).unwrap();
        assert_eq!(filled.customer_email.as_ref(), Some(&customer.email));
        assert_eq!((filled.customer_name.as_deref(), filled.customer_billing_address), (Some("Ada"), Some(in_country("FR"))));
        assert_eq!((filled.tax_amount, filled.customer_id), (Some(Cents::new(200)), None), "it is not theirs before it is paid");
        let typed = ClientUpdate { customer_name: Patch::Value("Ada Byron".into()), ..buyer("GB") };
        let filled = fill(&checkout, typed).unwrap();
        assert_eq!((filled.customer_name.as_deref(), filled.customer_billing_address), (Some("Ada Byron"), Some(in_country("GB"))));
        asks(shop, &checkout, card);
        assert_eq!(refusal(fill(&checkout, ClientUpdate::default())).0, Kind::CheckoutNotOpen);
        let gone = shop.checkout(fixed(None, 1000), |_| {});
        let tenancy = shop.tenancy();
        shop.write(move |tx| customers::delete(tx, &tenancy, id)).unwrap();
        assert_eq!(refusal(fill(&gone, ClientUpdate::default())).0, Kind::NotFound);
    }
}
