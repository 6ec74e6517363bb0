//! Checkouts that are paid with a card that was saved before. spec 30 §7.3.21

use merak_core::billing::{PaymentMethod, methods};
use merak_core::checkouts::CheckoutStatus;
use merak_core::checkouts::confirm::{SavedCard, Seen, Standing};
use merak_core::customer_sessions::{self, Live};
use merak_core::customers::{self, Customer, UpdateCustomer};
use merak_core::kit::{InstanceSecret, Kind};

use super::*;

/// A customer of the seller, and the card that they have saved.
pub fn known(shop: &Shop) -> (Customer, SavedCard) {
    let customer = shop.customer();
    let card = saved(shop, &customer);
    (customer, card)
}

/// A card that a customer saves who has shown who they are.
pub fn saved(shop: &Shop, customer: &Customer) -> SavedCard {
    let setup = customer.clone();
    let planned = shop.write(move |tx| payments::plan_setup(tx, &rules(), &setup, ("ctoken", true))).unwrap();
    shop.settle(&planned, paid(&format!("saved{}", shop.number())));
    newest_card(shop, customer.id)
}

fn offered(shop: &Shop, id: Id<Customer>) -> Vec<Id<PaymentMethod>> {
    let cards = shop.read(move |tx| methods::list_offered(tx, id)).unwrap();
    cards.into_iter().map(|card| card.id).collect()
}

pub fn newest_card(shop: &Shop, id: Id<Customer>) -> SavedCard {
    let cards = shop.read(move |tx| methods::list(tx, id)).unwrap();
    SavedCard { customer_id: id, method_id: cards[0].id }
}

pub fn by(card: SavedCard) -> Confirm {
    Confirm { saved: Some(card), ..Confirm::default() }
}

pub fn hold(shop: &Shop, checkout: &Checkout, confirm: &Confirm) -> Result<Held> {
    let (secret, confirm) = (checkout.client_secret.clone(), confirm.clone());
    shop.write(move |tx| {
        let mut checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let terms = checkouts::apply_client_update(tx, &mut checkout, &buyer("FR"))?;
        confirming::hold(tx, &rules(), checkout, &terms, &confirm)
    })
}

#[track_caller]
pub fn asks(shop: &Shop, checkout: &Checkout, card: SavedCard) -> Payment {
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
        let checkout = checkouts::find_by_client_secret(tx, &secret)?;
        let (session, _) = customer_sessions::create_for_checkout(tx, &keys(), &checkout)?;
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

    // The tax tells in which country the owner of the card lives.
    fn a_checkout_tells_nobody_whose_card_is_asked(shop) {
        let (customer, card) = known(shop);
        let (tenancy, id) = (shop.tenancy(), customer.id);
        let command = UpdateCustomer { billing_address: Patch::Value(in_country("JP")), name: Patch::Value(String::from("Ada")), ..UpdateCustomer::default() };
        shop.write(move |tx| customers::update(tx, &tenancy, id, &command)).unwrap();
        let shown = |checkout: &Checkout| {
            let secret = checkout.client_secret.clone();
            let public = shop.read(move |tx| {
                let checkout = checkouts::find_by_client_secret(tx, &secret)?;
                let public = checkouts::public(tx, checkout.clone())?;
                assert_eq!(format!("{:?}", public.as_of(tx, checkout)?.complete.checkout), format!("{:?}", public.complete.checkout));
                Ok(public)
            });
            let public = public.unwrap();
            let shown = public.complete.checkout;
            let metadata = value_of(&shown.payment_processor_metadata);
            assert!(metadata["customer_id"].is_null(), "{metadata}");
            assert!(shown.customer_email.is_none() && shown.customer_name.is_none() && shown.customer_billing_address.is_none());
            assert_eq!((shown.customer_id, shown.tax_amount, shown.tax.clone(), shown.is_tax_inclusive), (None, None, None, false));
            assert_eq!((shown.total(), shown.subtotal()), (Some(Cents::new(1100)), Some(Cents::new(1100))));
            (shown.status, public.customer_id)
        };
        let held = || {
            let checkout = shop.checkout(fixed(None, 1100), |_| {});
            let secret = checkout.client_secret.clone();
            let held = shop.write(move |tx| {
                let mut checkout = checkouts::find_by_client_secret(tx, &secret)?;
                let terms = checkouts::apply_client_update(tx, &mut checkout, &ClientUpdate::default())?;
                confirming::hold(tx, &rules(), checkout, &terms, &by(card))
            });
            let Held::Asks(question) = held.unwrap() else { panic!("there is something to pay") };
            (checkout, question.payment)
        };
        let tax = |checkout: &Checkout| shop.checkout_now(checkout).tax_amount.map(Cents::get);
        let (checkout, payment) = held();
        assert_eq!((shown(&checkout), tax(&checkout)), ((CheckoutStatus::Open, None), Some(100)));
        shop.settle(&payment, declined(false));
        assert_eq!((shown(&checkout), tax(&checkout)), ((CheckoutStatus::Open, None), None));
        let (checkout, payment) = held();
        shop.settle(&payment, waits(Outcome::RequiresAction));
        assert_eq!((shown(&checkout), tax(&checkout)), ((CheckoutStatus::Confirmed, Some(id)), Some(100)));
        shop.settle(&payment, declined(false));
        assert_eq!((shown(&checkout), tax(&checkout)), ((CheckoutStatus::Failed, Some(id)), None));
        let (checkout, payment) = held();
        shop.settle(&payment, paid("again"));
        let secret = checkout.client_secret;
        let sold = shop.read(move |tx| {
            let checkout = checkouts::find_by_client_secret(tx, &secret)?;
            checkouts::public(tx, checkout)
        });
        assert_eq!(sold.unwrap().complete.checkout.tax_amount, Some(Cents::new(100)));
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

    // Whoever has typed a card into a checkout for somebody else's address does not want to pay what that one buys.
    fn what_others_have_typed_in_is_not_offered(shop) {
        let (customer, own) = known(shop);
        let id = customer.id;
        shop.subscribed_with(fixed(MONTH, 500), |new| new.customer_id = Some(id));
        let typed = newest_card(shop, id);
        assert_ne!(typed, own);
        assert_eq!(shop.read(move |tx| methods::list(tx, id)).unwrap().len(), 2);
        assert_eq!(offered(shop, id), [own.method_id]);
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        assert_eq!(refusal(hold(shop, &checkout, &by(typed))).0, Kind::Payment);
        assert_eq!(shop.checkout_now(&checkout).confirming_payment_id, None);
    }

    fn what_a_customer_types_in_who_has_shown_who_they_are_is_offered(shop) {
        let (customer, other) = (shop.customer(), shop.customer_of(shop.organization.id, "eve@example.com").unwrap());
        let id = customer.id;
        for (named, owner, is_offered) in [(id, id, true), (other.id, id, false), (id, other.id, false)] {
            let checkout = shop.checkout(fixed(MONTH, 1000), |new| new.customer_id = Some(named));
            let confirm = Confirm { token: Some(String::from("ctoken")), owner: Some(owner), ..Confirm::default() };
            let Held::Asks(question) = hold(shop, &checkout, &confirm).unwrap() else { panic!("there is something to pay") };
            shop.settle(&question.payment, paid(&format!("typed{}", shop.number())));
            let card = newest_card(shop, named).method_id;
            assert_eq!(offered(shop, named).contains(&card), is_offered, "{named} by {owner}");
        }
    }

    // The seller may give a customer another person's address.
    fn another_address_is_offered_nothing(shop) {
        let (customer, card) = known(shop);
        let id = customer.id;
        let live = |shop: &Shop| {
            let made = shop.write(move |tx| customer_sessions::create_for_owner(tx, &keys(), id)).unwrap().0;
            move |shop: &Shop| {
                let hash = made.token_hash.clone();
                shop.read(move |tx| customer_sessions::find(tx, &hash)).unwrap().is_some()
            }
        };
        let is_live = live(shop);
        let change = |text: &str| {
            let (tenancy, address) = (shop.tenancy(), email(text));
            let command = UpdateCustomer { email: Some(address), ..UpdateCustomer::default() };
            shop.write(move |tx| customers::update(tx, &tenancy, id, &command)).unwrap();
        };
        change(&customer.email.as_str().to_uppercase());
        assert!(is_live(shop) && offered(shop, id) == [card.method_id], "it is the same address");
        change("bob@example.com");
        assert!(!is_live(shop));
        assert_eq!((offered(shop, id), shop.read(move |tx| methods::list(tx, id)).unwrap().len()), (vec![], 1));
    }

    // Whoever was given the link may have confirmed it, and so may whoever types somebody else's address.
    fn a_purchase_opens_no_owners_session(shop) {
        let (customer, _) = known(shop);
        let named = shop.checkout(fixed(None, 1000), |new| new.customer_id = Some(customer.id));
        let newcomers = shop.checkout(fixed(MONTH, 500), |_| {});
        for checkout in [named, newcomers] {
            let payment = shop.asks(&checkout, "ctoken");
            shop.settle(&payment, paid(&format!("of{}", shop.number())));
            let opened = session(shop, &checkout);
            assert!(opened.bound_to.is_none() && !opened.is_owner_known);
        }
        let linked = shop.write(move |tx| customer_sessions::create(tx, &keys(), customer.id)).unwrap().0.token_hash;
        let coming = linked.clone();
        assert!(!shop.read(move |tx| customer_sessions::find(tx, &linked)).unwrap().unwrap().is_owner_known);
        assert!(shop.write(move |tx| customer_sessions::come_in(tx, &coming)).unwrap().is_some());
        let owners = shop.write(move |tx| customer_sessions::create_for_owner(tx, &keys(), customer.id)).unwrap().0.token_hash;
        let coming = owners.clone();
        assert!(shop.read(move |tx| customer_sessions::find(tx, &owners)).unwrap().unwrap().is_owner_known);
        assert!(shop.write(move |tx| customer_sessions::come_in(tx, &coming)).unwrap().is_none(), "it is no link");
    }

    // Somebody has typed an address that was nobody's yet. It is somebody's now.
    fn a_newcomers_session_is_bound_once_another_door_is_used(shop) {
        let checkout = shop.checkout(fixed(MONTH, 500), |_| {});
        let payment = shop.asks(&checkout, "ctoken");
        shop.settle(&payment, paid("first"));
        let id = payment.customer_id;
        let secret = checkout.client_secret.clone();
        let own = shop.write(move |tx| {
            let checkout = checkouts::find_by_client_secret(tx, &secret)?;
            Ok(customer_sessions::create_for_checkout(tx, &keys(), &checkout)?.0.token_hash)
        }).unwrap();
        shop.write(move |tx| customer_sessions::come_in(tx, &own)).unwrap().unwrap();
        assert!(!is_bound(shop, &checkout), "it is the door that the buyer came by");
        let linked = shop.write(move |tx| customer_sessions::create(tx, &keys(), id)).unwrap().0.token_hash;
        assert!(!is_bound(shop, &checkout), "the receipt is not read yet");
        shop.write(move |tx| customer_sessions::come_in(tx, &linked)).unwrap().unwrap();
        assert!(is_bound(shop, &checkout));
    }

    // Who knows the secret changes the checkout between the look at it and the payment.
    fn nothing_is_charged_but_what_was_seen(shop) {
        let (_, card) = known(shop);
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let price = checkout.product_price_id;
        let other = shop.checkout(fixed(MONTH, 1000), |_| {}).product_price_id;
        let seen_with = |total, product_price_id, discount_id| Confirm {
            seen: Some(Seen { total: Some(Cents::new(total)), product_price_id, discount_id }),
            ..by(card)
        };
        let seen = |total, product_price_id| seen_with(total, product_price_id, None);
        // A discount may take off as much now, and less later.
        let discount = Some(Id::from_uuid(checkout.id.uuid()));
        for stale in [seen(1000, price), seen(1200, other), seen_with(1200, price, discount)] {
            assert_eq!(refusal(hold(shop, &checkout, &stale)).0, Kind::Payment);
            assert_eq!(shop.checkout_now(&checkout).confirming_payment_id, None);
        }
        assert!(matches!(hold(shop, &checkout, &seen(1200, price)).unwrap(), Held::Asks(_)));
    }

    fn what_a_customer_leaves_blank_is_what_is_known_of_them(shop) {
        let (customer, card) = known_well(shop);
        let id = customer.id;
        let look = |checkout: &Checkout, command: ClientUpdate| {
            let secret = checkout.client_secret.clone();
            shop.write(move |tx| {
                let taxes = Taxes::new(Rates);
                let means = Means { taxes: &taxes, geography: None };
                let checkout = checkouts::update_by_client(tx, &secret, &command, &means)?;
                checkouts::seen_by(tx, checkout, id, &means)
            })
        };
        let checkout = shop.checkout(fixed(None, 1000), |new| new.customer_email = Some(email("typed@example.com")));
        let seen = look(&checkout, ClientUpdate::default()).unwrap();
        assert_eq!(seen.customer_email.as_ref(), Some(&customer.email));
        assert_eq!((seen.customer_name.as_deref(), seen.customer_billing_address.clone()), (Some("Ada"), Some(in_country("FR"))));
        assert_eq!((seen.tax_amount, seen.customer_id), (Some(Cents::new(200)), None));
        // Others know its secret: before it is paid nothing of that stands in it, nor after a decline.
        let is_bare = |checkout: &Checkout| {
            let now = shop.checkout_now(checkout);
            let about = (now.customer_name, now.customer_billing_address, now.customer_tax_id, now.customer_id);
            assert_eq!((now.customer_email, about), (Some(email("typed@example.com")), (None, None, None, None)));
        };
        is_bare(&checkout);
        let planned = |confirm: &Confirm| {
            let (secret, confirm) = (checkout.client_secret.clone(), confirm.clone());
            let held = shop.write(move |tx| {
                let mut checkout = checkouts::find_by_client_secret(tx, &secret)?;
                let terms = checkouts::apply_client_update(tx, &mut checkout, &ClientUpdate::default())?;
                confirming::hold(tx, &rules(), checkout, &terms, &confirm)
            });
            let Held::Asks(question) = held.unwrap() else { panic!("there is something to pay") };
            let planned = question.payment.clone();
            let read = shop.read(move |tx| payments::questions(tx, vec![planned.clone()])).unwrap();
            assert_eq!(([*question.clone()].as_slice(), question.payer.email), (read.as_slice(), customer.email.clone()));
            question.payment
        };
        let payment = planned(&Confirm { seen: Some(Seen::of(&seen)), ..by(card) });
        assert_eq!(payment.amount, Cents::new(1200));
        is_bare(&checkout);
        shop.settle(&payment, declined(false));
        is_bare(&checkout);
        let now = shop.checkout_now(&checkout);
        assert_eq!((now.status, now.tax_amount, now.tax), (CheckoutStatus::Open, None, None), "the tax says where they live");
        let payment = planned(&by(card));
        shop.settle(&payment, waits(Outcome::Processing));
        let now = shop.checkout_now(&checkout);
        assert_eq!((now.customer_name.as_deref(), now.customer_email), (Some("Ada"), Some(customer.email.clone())));
        // Whoever has the link reads nothing of them before the sale is made.
        let shown = || {
            let secret = checkout.client_secret.clone();
            let public = shop.read(move |tx| {
                let found = checkouts::find_by_client_secret(tx, &secret)?;
                let public = checkouts::public(tx, found.clone())?;
                Ok((public.as_of(tx, found)?.complete.checkout, public.complete.checkout))
            });
            let (again, first) = public.unwrap();
            assert_eq!(again.customer_email, first.customer_email);
            (first.status, first.customer_name, first.customer_email, first.customer_billing_address)
        };
        assert_eq!(shown(), (CheckoutStatus::Confirmed, None, None, None));
        shop.settle(&payment, paid("again"));
        let (status, name, ..) = shown();
        assert_eq!((status, name.as_deref()), (CheckoutStatus::Succeeded, Some("Ada")));
        let order = shop.orders().pop().unwrap();
        assert_eq!((order.customer_id, order.billing_address, order.tax_amount), (id, Some(in_country("FR")), Cents::new(200)));
        // What is said counts.
        let checkout = shop.checkout(fixed(None, 1000), |_| {});
        let typed = ClientUpdate { customer_name: Patch::Value("Ada Byron".into()), ..buyer("GB") };
        let seen = look(&checkout, typed).unwrap();
        assert_eq!((seen.customer_name.as_deref(), seen.customer_billing_address), (Some("Ada Byron"), Some(in_country("GB"))));
        let tenancy = shop.tenancy();
        shop.write(move |tx| customers::delete(tx, &tenancy, id)).unwrap();
        assert_eq!(refusal(look(&checkout, ClientUpdate::default())).0, Kind::NotFound);
        assert_eq!(refusal(hold(shop, &checkout, &by(card))).0, Kind::Payment);
    }
}

/// As [`known`], of whom name and address are known.
fn known_well(shop: &Shop) -> (Customer, SavedCard) {
    let (customer, card) = known(shop);
    let checkout = shop.checkout(fixed(None, 500), |new| new.customer_id = Some(customer.id));
    shop.settle(&asks(shop, &checkout, card), paid("before"));
    let id = customer.id;
    (shop.read(move |tx| Ok(customers::find(tx, id)?.unwrap())).unwrap(), card)
}

pub fn keys() -> InstanceSecret {
    InstanceSecret::new("of these tests")
}
