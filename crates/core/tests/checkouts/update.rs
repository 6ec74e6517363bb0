//! How checkouts change.

use merak_core::checkouts::CheckoutStatus;
use merak_core::events::{self, EventType};
use merak_core::kit::{Kind, Patch, WebUrl};
use merak_core::streams::{self, Channel};
use serde_json::json;
use uuid::Uuid;

use super::*;

fn nothing() -> ClientUpdate {
    ClientUpdate::default()
}

scenarios! {
    // spec 30 §2.3, §7.5.33, T-11: what null means
    fn null_clears_where_there_is_something_to_clear(shop) {
        let product = shop.product();
        let full = CreateCheckout {
            customer_name: Some("Ada".into()), customer_email: Some(email("ada@example.com")),
            customer_billing_address: Some(address("FR")), customer_tax_id: Some("FR61954506077".into()),
            customer_ip_address: Some("198.51.100.7".parse().unwrap()), embed_origin: Some("https://e.example".into()),
            success_url: Some(WebUrl::parse("https://example.com").unwrap()), ..of_product(&product)
        };
        let made = create(shop, &full).unwrap();
        let kept = update(shop, made.id, &UpdateCheckout::default()).unwrap();
        assert_eq!(kept.customer_name.as_deref(), Some("Ada"));
        assert_eq!((kept.customer_tax_id, kept.success_url), (made.customer_tax_id, made.success_url), "absent is not null");
        let clear = UpdateCheckout {
            by_buyer: ClientUpdate { customer_name: Patch::Null, customer_email: Patch::Null, customer_tax_id: Patch::Null, ..nothing() },
            customer_ip_address: Patch::Null, success_url: Patch::Null, embed_origin: Patch::Null,
            ..UpdateCheckout::default()
        };
        let cleared = update(shop, made.id, &clear).unwrap();
        assert_eq!((cleared.customer_name, cleared.customer_email, cleared.customer_tax_id), (None, None, None));
        assert_eq!((cleared.customer_ip_address, cleared.success_url, cleared.embed_origin), (None, None, None));
        assert_eq!(cleared.customer_billing_address, Some(address("FR")));
        let notes: Metadata = serde_json::from_str(r#"{"b":true}"#).unwrap();
        let set = UpdateCheckout {
            metadata: Some(notes.clone()), customer_metadata: Some(notes.clone()), allow_discount_codes: Some(false),
            embed_origin: Patch::Value("https://f.example".into()), ..UpdateCheckout::default()
        };
        update(shop, made.id, &set).unwrap();
        let stored = get(shop, made.id).unwrap().checkout;
        assert_eq!((stored.metadata, stored.customer_metadata), (notes.clone(), notes));
        assert_eq!((stored.allow_discount_codes, stored.embed_origin.as_deref()), (false, Some("https://f.example")));
    }

    // spec 30 §7.5.24, §7.5.25
    fn only_the_seller_and_who_knows_the_secret_change_it(shop) {
        let made = create(shop, &of_product(&shop.product())).unwrap();
        let (stranger, _) = shop.another_organization();
        let theirs = shop.tenancy_of(&actor(merak_core::access::Subject::User(stranger.id)));
        let id = made.id;
        let foreign = shop.write(move |tx| {
            with_means(|means| checkouts::update(tx, &theirs, id, &UpdateCheckout::default(), means))
        });
        assert_eq!(refusal(foreign).0, Kind::NotFound);
        let wrong = Checkout { client_secret: "polar_c_wrong".into(), ..made.clone() };
        assert_eq!(refusal(fill(shop, &wrong, &nothing())).0, Kind::NotFound);
        let named = ClientUpdate { customer_name: Patch::Value("Ada".into()), ..nothing() };
        assert_eq!(fill(shop, &made, &named).unwrap().customer_name.as_deref(), Some("Ada"));
    }

    // spec 30 §7.5.26
    fn only_a_current_price_of_the_product_is_taken(shop) {
        let product = shop.product();
        let old = prices(shop, &product)[0].id;
        reprice(shop, &product, 2999);
        let made = create(shop, &of_product(&product)).unwrap();
        let other = prices(shop, &shop.product())[0].id;
        for id in [old, other, Id::from_uuid(Uuid::from_u128(7))] {
            let command = ClientUpdate { product_price_id: Some(id), ..nothing() };
            assert_eq!(problem(fill(shop, &made, &command)), "value_error body.product_price_id");
        }
    }

    // spec 30 §7.5.27
    fn an_amount_is_changed_at_choice_only(shop) {
        let amount = |product: &Product, amount| {
            let made = create(shop, &of_product(product)).unwrap();
            fill(shop, &made, &ClientUpdate { amount: Some(Cents::new(amount)), ..nothing() })
        };
        let choice = shop.product_with("Choice", &[chosen(Some(1000))]);
        assert_eq!(problem(amount(&choice, 500)), "greater_than_equal body.amount");
        assert_eq!(amount(&choice, 4242).unwrap().amount, Some(Cents::new(4242)));
        assert_eq!(amount(&shop.product_with("Fixed", &[fixed(None, 900)]), 4242).unwrap().amount, Some(Cents::new(900)));
        assert_eq!(amount(&shop.product_with("Free", &[free(None)]), 4242).unwrap().amount, None);
    }

    // spec 30 §7.5.28, §7.12.82, T-4
    fn what_is_not_open_is_not_changed(shop) {
        let made = create(shop, &of_product(&shop.product())).unwrap();
        let set = |text: &'static str| shop.write(move |tx| Ok(tx.execute(text, &[])?)).unwrap();
        for status in ["confirmed", "succeeded", "failed"] {
            set(format!("UPDATE checkouts SET status = '{status}'").leak());
            let (kind, sentence) = refusal(update(shop, made.id, &UpdateCheckout::default()));
            assert_eq!(kind, Kind::CheckoutNotOpen);
            assert!(sentence.contains(status) && sentence.contains(&made.id.to_string()), "{sentence}");
            assert_eq!(refusal(fill(shop, &made, &nothing())).0, Kind::CheckoutNotOpen);
        }
        shop.advance(hours(1));
        assert_eq!(by_secret(shop, &made).unwrap().status, CheckoutStatus::Failed, "the buyer still sees how it ended");
        set("UPDATE checkouts SET status = 'expired'");
        assert_eq!(refusal(update(shop, made.id, &UpdateCheckout::default())).0, Kind::CheckoutNotOpen);
        assert_eq!(refusal(fill(shop, &made, &nothing())).0, Kind::NotFound);
    }

    fn what_is_being_confirmed_is_not_changed(shop) {
        let made = create(shop, &of_product(&shop.product())).unwrap();
        let id = made.id.uuid();
        shop.write(move |tx| Ok(tx.execute("UPDATE checkouts SET confirming_payment_id = $1", &[&id])?)).unwrap();
        assert_eq!(refusal(update(shop, made.id, &UpdateCheckout::default())).0, Kind::CheckoutNotOpen);
        assert_eq!(refusal(fill(shop, &made, &nothing())).0, Kind::CheckoutNotOpen);
        assert_eq!(by_secret(shop, &made).unwrap().status, CheckoutStatus::Open);
    }

    // spec 30 §7.5.29
    fn a_tax_number_follows_the_country(shop) {
        let made = create(shop, &of_product(&shop.product())).unwrap();
        let number = |number: &str| Patch::Value(number.to_owned());
        let alone = ClientUpdate { customer_tax_id: number("FR61954506077"), ..nothing() };
        assert_eq!(problem(fill(shop, &made, &alone)), "missing body.customer_billing_address");
        let both = ClientUpdate { customer_billing_address: Some(address("FR")), ..alone };
        let filled = fill(shop, &made, &both).unwrap();
        assert_eq!(filled.customer_tax_id.unwrap().0, "FR61954506077");
        let moved = ClientUpdate { customer_billing_address: Some(in_state("US", "ny")), ..nothing() };
        let (kind, place, _) = field_problem(fill(shop, &made, &moved));
        assert_eq!((kind, place.as_str()), ("value_error", "body.customer_tax_id"));
        let cleared = ClientUpdate { customer_tax_id: Patch::Null, ..moved };
        let filled = fill(shop, &made, &cleared).unwrap();
        assert_eq!((filled.customer_tax_id, filled.customer_billing_address), (None, Some(in_state("US", "US-NY"))));
    }

    // spec 30 §7.5.30, §7.12.81
    fn a_discount_comes_by_id_or_by_code(shop) {
        let product = shop.product_with("App", &[fixed(None, 1000)]);
        let off = percent(shop, 10, Some("FooBar"), &[]);
        let made = create(shop, &of_product(&product)).unwrap();
        let by_id = |id| UpdateCheckout { discount_id: id, ..UpdateCheckout::default() };
        let by_code = |code: &str| ClientUpdate { discount_code: Patch::Value(code.into()), ..nothing() };
        assert_eq!(problem(update(shop, made.id, &by_id(Patch::Value(Id::from_uuid(Uuid::from_u128(7)))))), "value_error body.discount_id");
        let place = "value_error body.discount_code";
        assert_eq!(problem(fill(shop, &made, &by_code("unknown"))), place);
        assert_eq!(problem(fill(shop, &made, &by_code("%"))), place, "what can be no code is told alike");
        assert_eq!(update(shop, made.id, &by_id(Patch::Value(off.id))).unwrap().discount_amount.get(), 100);
        assert_eq!(update(shop, made.id, &by_id(Patch::Null)).unwrap().discount_amount.get(), 0);
        let filled = fill(shop, &made, &by_code("FoObAr")).unwrap();
        assert_eq!((filled.discount_id, filled.total()), (Some(off.id), Some(Cents::new(900))));
        assert_eq!(fill(shop, &made, &nothing()).unwrap().discount_id, Some(off.id));
        let removed = ClientUpdate { discount_code: Patch::Null, ..nothing() };
        assert_eq!(fill(shop, &made, &removed).unwrap().discount_id, None);
        let closed = UpdateCheckout { allow_discount_codes: Some(false), ..by_id(Patch::Value(off.id)) };
        update(shop, made.id, &closed).unwrap();
        assert_eq!(fill(shop, &made, &removed).unwrap().discount_id, Some(off.id), "codes mean nothing here");
        assert_eq!(fill(shop, &made, &by_code("unknown")).unwrap().discount_id, Some(off.id));
        let choice = create(shop, &of_product(&shop.product_with("Choice", &[chosen(None)]))).unwrap();
        assert_eq!(problem(update(shop, choice.id, &by_id(Patch::Value(off.id)))), "value_error body.discount_id");
        assert_eq!(problem(fill(shop, &choice, &by_code("FooBar"))), place);
        let other = percent(shop, 10, Some("Other1"), &[shop.product().id]);
        assert_eq!(problem(fill(shop, &create(shop, &of_product(&product)).unwrap(), &by_code("Other1"))), place);
        assert_eq!(problem(update(shop, made.id, &by_id(Patch::Value(other.id)))), "value_error body.discount_id");
    }

    // spec 30 §7.5.31
    fn tax_is_computed_anew(shop) {
        let made = create(shop, &of_product(&shop.product_with("App", &[fixed(None, 1000)]))).unwrap();
        let tax = |billing| {
            let command = ClientUpdate { customer_billing_address: Some(billing), ..nothing() };
            fill(shop, &made, &command).unwrap().tax_amount.map(Cents::get)
        };
        assert_eq!((tax(address("FR")), tax(address("US")), tax(in_state("US", "CA"))), (Some(200), None, Some(100)));
    }

    // spec 30 §7.5.32
    fn the_address_of_a_known_customer_stays(shop) {
        let customer = shop.customer();
        let made = create(shop, &CreateCheckout { customer_id: Some(customer.id), ..of_product(&shop.product()) }).unwrap();
        let other = ClientUpdate { customer_email: Patch::Value(email("other@example.com")), ..nothing() };
        assert_eq!(fill(shop, &made, &other).unwrap().customer_email, Some(customer.email));
    }

    // spec 30 §7.5.33
    fn answers_are_replaced_as_a_whole(shop) {
        let made = create(shop, &of_product(&asking(shop))).unwrap();
        let answers = |answers: serde_json::Value| {
            let command = ClientUpdate { custom_field_data: Some(answers.as_object().unwrap().clone()), ..nothing() };
            fill(shop, &made, &command)
        };
        assert_eq!(problem(answers(json!({"select": "c"}))), "literal_error body.custom_field_data.select");
        assert_eq!(answers(json!({"select": "b", "other": 1})).unwrap().custom_field_data.as_str(), r#"{"text":null,"select":"b"}"#);
        assert_eq!(answers(json!({})).unwrap().custom_field_data.as_str(), r#"{"text":null,"select":"b"}"#, "none at all change nothing");
    }

    // spec 30 §2.3: the address of the network that was there before counts, and each change is told
    fn a_change_is_told_and_locates_by_the_address_before(shop) {
        let made = create(shop, &of_product(&shop.product())).unwrap();
        let command = UpdateCheckout { customer_ip_address: Patch::Value("192.0.2.1".parse().unwrap()), ..UpdateCheckout::default() };
        assert_eq!(update(shop, made.id, &command).unwrap().customer_billing_address, None);
        assert_eq!(update(shop, made.id, &command).unwrap().customer_billing_address, Some(address("NO")));
        let (owner, id) = (shop.organization.id, made.id.uuid());
        let told = shop.read(move |tx| events::after(tx, owner, None, 100)).unwrap();
        let told = told.iter().filter(|event| event.r#type == EventType::CheckoutUpdated && event.subject_id == id);
        assert_eq!(told.count(), 2);
        let heard = shop.read(move |tx| streams::after(tx, &Channel::Checkout(id), None, 100)).unwrap();
        let heard: Vec<(&str, &str)> = heard.iter().map(|message| (message.key.as_str(), message.payload.as_str())).collect();
        let open = r#"{"status":"open"}"#;
        let expected = [("checkout.updated", open), ("checkout.webhook_event_delivered", open)];
        assert_eq!(heard, [expected, expected].concat());
    }
}

fn by_secret(shop: &Shop, checkout: &Checkout) -> Result<Checkout> {
    let secret = checkout.client_secret.clone();
    shop.read(move |tx| checkouts::find_by_client_secret(tx, &secret))
}
