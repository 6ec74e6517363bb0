//! How checkouts begin.

use merak_core::checkout_links::{self, CreateCheckoutLink, PaymentProcessor};
use merak_core::checkouts::{CheckoutStatus, CreateByBuyer, CreateLegacy, LIFETIME, Visit};
use merak_core::customers::{self, UpdateCustomer};
use merak_core::events::EventType;
use merak_core::kit::{Kind, Patch, TaxId, TaxIdFormat, WebUrl};
use merak_core::{events, products};
use serde_json::json;
use uuid::Uuid;

use super::*;

scenarios! {
    // spec 30 §7.1.2, §7.1.3, §7.1.14: what is sold is a current price of a product of the caller's
    fn only_what_is_sold_can_be_bought(shop) {
        let (_, other) = shop.another_organization();
        let foreign = {
            let command = new_product(other.id, "Foreign", &[fixed(None, 1999)]);
            shop.write(move |tx| products::create(tx, &command)).unwrap()
        };
        let archived = shop.product();
        let of_archived = prices(shop, &archived)[0].id;
        let change = UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() };
        shop.change_product(archived.id, &change).unwrap();
        let product = shop.product();
        let old = prices(shop, &product)[0].id;
        reprice(shop, &product, 2999);
        let unknown = Uuid::from_u128(7);
        for id in [foreign.id, archived.id, Id::from_uuid(unknown)] {
            assert_eq!(problem(create(shop, &new_checkout(Sold::Product(id)))), "value_error body.product_id");
        }
        let of_foreign = prices(shop, &foreign)[0].id;
        for id in [of_foreign, of_archived, old, Id::from_uuid(unknown)] {
            assert_eq!(problem(create(shop, &new_checkout(Sold::Price(id)))), "value_error body.product_price_id");
        }
        let made = create(shop, &of_product(&product)).unwrap();
        assert_eq!(made.product_price_id, prices(shop, &product)[0].id, "the first that is current");
        assert!(made.client_secret.starts_with("polar_c_") && made.client_secret.len() == 51, "{}", made.client_secret);
        assert_eq!((made.status, made.expires_at), (CheckoutStatus::Open, shop.now().add_seconds(LIFETIME)));
    }

    // spec 30 §7.1.4, §7.2.16, T-40
    fn a_blocked_organization_sells_nothing(shop) {
        let product = shop.product();
        let made = create(shop, &of_product(&product)).unwrap();
        let set = |text: &'static str| shop.write(move |tx| Ok(tx.execute(text, &[])?)).unwrap();
        set("UPDATE organizations SET blocked_at = created_at");
        let price = prices(shop, &product)[0].id;
        for command in [of_product(&product), new_checkout(Sold::Price(price))] {
            assert_eq!(refusal(create(shop, &command)).0, Kind::NotPermitted);
        }
        assert_eq!(refusal(get(shop, made.id)).0, Kind::NotPermitted);
        assert_eq!(refusal(update(shop, made.id, &UpdateCheckout::default())).0, Kind::NotPermitted);
        assert_eq!(problem(by_buyer(shop, price, None, None)), "value_error body.product_price_id");
        set("UPDATE organizations SET blocked_at = NULL");
        create(shop, &of_product(&product)).unwrap();
    }

    // spec 30 §7.1.5, §7.1.9
    fn an_amount_is_for_prices_at_choice(shop) {
        let bounded = shop.product_with("Bounded", &[chosen(Some(1000))]);
        let cents = |amount| Some(Cents::new(amount));
        let with = |product: &Product, amount| create(shop, &CreateCheckout { amount: cents(amount), ..of_product(product) });
        assert_eq!(problem(with(&bounded, 500)), "greater_than_equal body.amount");
        assert_eq!(with(&bounded, 4242).unwrap().amount, cents(4242));
        let most = shop.write(|tx| Ok(tx.execute("UPDATE product_prices SET maximum_amount = 5000", &[])?));
        most.unwrap();
        assert_eq!(problem(with(&bounded, 10_000)), "less_than_equal body.amount");
        assert_eq!(create(shop, &of_product(&bounded)).unwrap().amount, cents(1000), "ten dollars are proposed");
        let dear = shop.product_with("Dear", &[chosen(Some(4000))]);
        assert_eq!(create(shop, &of_product(&dear)).unwrap().amount, cents(4000), "but never less than the least");
        shop.write(|tx| Ok(tx.execute("UPDATE product_prices SET preset_amount = 4500", &[])?)).unwrap();
        assert_eq!(create(shop, &of_product(&dear)).unwrap().amount, cents(4500), "and the seller's word counts more");
        let made = with(&shop.product_with("Fixed", &[fixed(None, 1999)]), 4242).unwrap();
        assert_eq!((made.amount, made.currency), (cents(1999), Some(Currency::Usd)));
        let made = with(&shop.product_with("Free", &[free(None)]), 4242).unwrap();
        assert_eq!((made.amount, made.currency, made.total(), made.tax_amount), (None, None, None, Some(Cents::default())));
        assert!(!made.is_payment_required());
    }

    // spec 30 §7.1.6
    fn a_tax_number_needs_a_country_in_which_it_is_right(shop) {
        let product = shop.product();
        let with = |number: &str, billing: Option<Address>| create(shop, &CreateCheckout {
            customer_tax_id: Some(number.into()), customer_billing_address: billing, ..of_product(&product)
        });
        assert_eq!(problem(with("FR61954506077", None)), "missing body.customer_billing_address");
        assert_eq!(problem(with("123", Some(address("FR")))), "value_error body.customer_tax_id");
        let made = with("FR61954506077", Some(address("FR"))).unwrap();
        assert_eq!(made.customer_tax_id, Some(TaxId("FR61954506077".into(), TaxIdFormat::EuVat)));
        assert_eq!(made.tax_amount, Some(Cents::default()), "the buyer owes it");
    }

    // spec 30 §7.1.7, §2.9
    fn a_free_subscription_is_upgraded_for_its_customer(shop) {
        let plan = shop.product_with("Plan", &[fixed(MONTH, 900)]);
        let (free_plan, paid_plan) = (shop.product_with("Free", &[free(MONTH)]), shop.product_with("Paid", &[fixed(MONTH, 500)]));
        let with = |id| create(shop, &CreateCheckout {
            subscription_id: Some(id), customer_id: Some(shop.customer().id), ..of_product(&plan)
        });
        let place = "value_error body.subscription_id";
        assert_eq!(problem(with(Id::from_uuid(Uuid::from_u128(7)))), place);
        assert_eq!(problem(with(subscription(shop, &paid_plan, Some(Cents::new(500))).id)), place);
        let held = subscription(shop, &free_plan, None);
        let made = with(held.id).unwrap();
        assert_eq!((made.subscription_id, made.customer_id), (Some(held.id), Some(held.customer_id)));
        assert!(made.customer_email.is_some());
        shop.write(|tx| Ok(tx.execute("UPDATE subscriptions SET ended_at = created_at", &[])?)).unwrap();
        assert_eq!(problem(with(held.id)), place);
    }

    // spec 30 §7.1.8
    fn a_discount_reduces_fixed_prices(shop) {
        let product = shop.product_with("Fixed", &[fixed(None, 2000)]);
        let off = percent(shop, 25, None, &[product.id]);
        let with = |product: &Product, id| create(shop, &CreateCheckout { discount_id: Some(id), ..of_product(product) });
        let made = with(&product, off.id).unwrap();
        let cents = |cents| Some(Cents::new(cents));
        assert_eq!((made.amount, made.discount_amount.get(), made.subtotal()), (cents(2000), 500, cents(1500)));
        let place = "value_error body.discount_id";
        assert_eq!(problem(with(&product, Id::from_uuid(Uuid::from_u128(7)))), place);
        assert_eq!(problem(with(&shop.product(), off.id)), place, "it is for another product");
        let for_all = percent(shop, 10, None, &[]);
        assert_eq!(problem(with(&shop.product_with("Choice", &[chosen(None)]), for_all.id)), place);
        shop.write(|tx| Ok(tx.execute("UPDATE discounts SET max_redemptions = 0", &[])?)).unwrap();
        assert_eq!(problem(with(&product, off.id)), place, "it was redeemed as often as it can be");
    }

    // spec 30 §7.1.12, T-9
    fn answers_are_checked_if_there_are_any(shop) {
        let product = asking(shop);
        let with = |answers: serde_json::Value| create(shop, &CreateCheckout {
            custom_field_data: answers.as_object().unwrap().clone(), ..of_product(&product)
        });
        assert_eq!(problem(with(json!({"text": "abc"}))), "missing body.custom_field_data.select");
        assert_eq!(problem(with(json!({"text": "abc", "select": "c"}))), "literal_error body.custom_field_data.select");
        let made = with(json!({"text": "abc", "select": "a"})).unwrap();
        assert_eq!(made.custom_field_data.as_str(), r#"{"text":"abc","select":"a"}"#);
        let none = with(json!({})).unwrap();
        assert_eq!(none.custom_field_data.as_str(), "{}");
        let missing = |checkout: Checkout| shop.read(move |tx| checkouts::missing_answers(tx, &checkout)).unwrap().len();
        assert_eq!((missing(made), missing(none)), (0, 1), "they are asked for at the confirmation");
    }

    // spec 30 §7.1.13, §7.1.15, §2.2
    fn what_is_not_said_is_taken_from_the_customer(shop) {
        let product = shop.product();
        let customer = shop.customer();
        let tax_id = TaxId("FR61954506077".into(), TaxIdFormat::EuVat);
        let known = UpdateCustomer {
            name: Patch::Value("Ada".into()),
            billing_address: Patch::Value(address("FR")),
            tax_id: Patch::Value(tax_id.clone()),
            ..UpdateCustomer::default()
        };
        let (tenancy, id) = (shop.tenancy(), customer.id);
        shop.write(move |tx| customers::update(tx, &tenancy, id, &known)).unwrap();
        let notes: Metadata = serde_json::from_str(r#"{"a":1}"#).unwrap();
        let command = CreateCheckout {
            customer_id: Some(customer.id), metadata: notes.clone(), customer_metadata: notes.clone(),
            embed_origin: Some("https://shop.example".into()), ..of_product(&product)
        };
        let made = create(shop, &command).unwrap();
        assert_eq!((made.customer_id, made.customer_email.clone()), (Some(customer.id), Some(customer.email)));
        assert_eq!((made.customer_name.as_deref(), made.customer_billing_address), (Some("Ada"), Some(address("FR"))));
        assert_eq!(made.customer_tax_id, Some(tax_id));
        let stored = get(shop, made.id).unwrap().checkout;
        assert_eq!((stored.metadata, stored.customer_metadata), (notes.clone(), notes));
        assert_eq!(stored.embed_origin.as_deref(), Some("https://shop.example"));
        let made = create(shop, &CreateCheckout { customer_name: Some("Eve".into()), ..command.clone() }).unwrap();
        assert_eq!(made.customer_name.as_deref(), Some("Eve"));
        let unknown = CreateCheckout { customer_id: Some(Id::from_uuid(Uuid::from_u128(7))), ..command };
        assert_eq!(problem(create(shop, &unknown)), "value_error body.customer_id");
        let (_, other) = shop.another_organization();
        let stranger = shop.customer_of(other.id, "stranger@example.com").unwrap();
        let foreign = CreateCheckout { customer_id: Some(stranger.id), ..unknown };
        assert_eq!(problem(create(shop, &foreign)), "value_error body.customer_id");
    }

    // spec 30 §2.2, T-42
    fn a_network_address_tells_the_country_where_somebody_knows(shop) {
        let product = shop.product();
        let from = |ip: &str, billing| create(shop, &CreateCheckout {
            customer_ip_address: Some(ip.parse().unwrap()), customer_billing_address: billing, ..of_product(&product)
        }).unwrap().customer_billing_address;
        assert_eq!(from("192.0.2.9", None), Some(address("NO")));
        assert_eq!(from("2001:db8::1", None), None);
        assert_eq!(from("192.0.2.9", Some(address("FR"))), Some(address("FR")));
    }

    // spec 30 §7.3.19, §7.3.20, §7.3.21
    fn a_browser_begins_for_who_is_signed_in_there(shop) {
        let product = shop.product_with("Choice", &[chosen(None)]);
        let price = prices(shop, &product)[0].id;
        let made = by_buyer(shop, price, Some("typed@example.com"), None).unwrap();
        assert_eq!(made.customer_email.as_ref().unwrap().as_str(), "typed@example.com");
        assert_eq!((made.amount, made.customer_ip_address.as_deref()), (Some(Cents::new(1000)), Some("198.51.100.7")));
        let made = by_buyer(shop, price, Some("typed@example.com"), Some(shop.member.id)).unwrap();
        assert_eq!(made.customer_email.as_ref().unwrap(), &shop.member.email, "the account's address counts");
        assert_eq!(made.customer_id, None);
        let customer = shop.customer();
        let (id, user_id) = (customer.id, shop.member.id);
        shop.write(move |tx| customers::link_user(tx, id, user_id)).unwrap();
        let made = by_buyer(shop, price, Some("typed@example.com"), Some(shop.member.id)).unwrap();
        assert_eq!((made.customer_id, made.customer_email), (Some(customer.id), Some(customer.email)));
        assert_eq!(problem(by_buyer(shop, Id::from_uuid(Uuid::from_u128(7)), None, None)), "value_error body.product_price_id");
        reprice(shop, &product, 500);
        assert_eq!(problem(by_buyer(shop, price, None, None)), "value_error body.product_price_id");
    }

    // spec 30 §1.4 C6: a subscription of somebody else is passed over
    fn a_buyer_upgrades_only_a_subscription_of_their_own(shop) {
        let plan = shop.product_with("Plan", &[fixed(MONTH, 900)]);
        let price = prices(shop, &plan)[0].id;
        let own = subscription(shop, &shop.product_with("Free", &[free(MONTH)]), None);
        let other = subscription(shop, &shop.product_with("Free", &[free(MONTH)]), None);
        let (id, user_id) = (own.customer_id, shop.member.id);
        shop.write(move |tx| customers::link_user(tx, id, user_id)).unwrap();
        for (named, user_id, counts) in
            [(own.id, Some(user_id), true), (other.id, Some(user_id), false), (own.id, None, false)]
        {
            let command = CreateByBuyer {
                product_price_id: price, customer_email: None, subscription_id: Some(named), user_id, ip_address: ip(),
            };
            let made = shop.write(move |tx| with_means(|means| checkouts::create_by_buyer(tx, &command, means))).unwrap();
            assert_eq!(made.subscription_id, counts.then_some(named));
        }
    }

    // spec 30 §7.4.23, spec 20 L6, L8
    fn a_link_is_a_recipe_of_checkouts(shop) {
        let product = shop.product_with("Linked", &[fixed(MONTH, 1000), fixed(Some(RecurringInterval::Year), 2000)]);
        let [first, second] = prices(shop, &product).try_into().unwrap();
        let off = percent(shop, 50, None, &[]);
        let link = |product_price_id: Option<Id<Price>>| {
            let command = CreateCheckoutLink {
                sold: product_price_id.map_or(Sold::Product(product.id), Sold::Price),
                payment_processor: PaymentProcessor::Stripe,
                label: None,
                allow_discount_codes: false,
                discount_id: Some(off.id),
                success_url: Some(WebUrl::parse("https://example.com/?id={CHECKOUT_ID}").unwrap()),
                metadata: serde_json::from_str(r#"{"from":"blog"}"#).unwrap(),
            };
            let tenancy = shop.tenancy();
            shop.write(move |tx| checkout_links::create(tx, &tenancy, &command)).unwrap().client_secret
        };
        let by_price = link(Some(second.id));
        let made = follow(shop, &by_price).unwrap();
        assert_eq!((made.product_price_id, made.discount_id, made.discount_amount.get()), (second.id, Some(off.id), 1000));
        assert!(made.metadata.get("from").is_some());
        assert!(!made.allow_discount_codes);
        assert_eq!(checkouts::success_url(&made).unwrap(), format!("https://example.com/?id={}", made.id));
        assert_eq!(made.embed_origin.as_deref(), Some("https://e.example"));
        assert_eq!(follow(shop, &link(None)).unwrap().product_price_id, first.id);
        let keep = UpdateProduct { prices: Some(vec![PriceChange::Keep(first.id)]), ..UpdateProduct::default() };
        shop.change_product(product.id, &keep).unwrap();
        assert_eq!(follow(shop, &by_price).unwrap().product_price_id, first.id, "its own is archived");
        shop.write(|tx| Ok(tx.execute("UPDATE discounts SET ends_at = created_at", &[])?)).unwrap();
        shop.advance(hours(1));
        let made = follow(shop, &by_price).unwrap();
        assert_eq!((made.discount_id, made.discount_amount.get()), (None, 0), "it has ended");
        let archived = UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() };
        shop.change_product(product.id, &archived).unwrap();
        assert_eq!(problem(follow(shop, &by_price)), "value_error body.product_id");
        assert_eq!(refusal(follow(shop, "polar_cl_unknown")).0, Kind::NotFound);
    }

    // spec 30 §7.8.48, §7.8.50
    fn the_operation_of_before_makes_an_ordinary_checkout(shop) {
        let product = shop.product();
        let price = prices(shop, &product)[0].id;
        let command = CreateLegacy {
            product_price_id: price,
            success_url: WebUrl::parse("https://example.com/?id={CHECKOUT_SESSION_ID}").unwrap(),
            customer_email: Some(email("ada@example.com")),
            subscription_id: None,
            user_id: None,
            ip_address: ip(),
        };
        let legacy = |command: CreateLegacy| {
            shop.write(move |tx| with_means(|means| checkouts::create_legacy(tx, &command, means)))
        };
        let made = legacy(command.clone()).unwrap();
        assert_eq!(checkouts::success_url(&made).unwrap(), format!("https://example.com/?id={}", made.id));
        let find = |id| shop.read(move |tx| checkouts::get_legacy(tx, id));
        assert_eq!(find(made.id).unwrap().id, made.id);
        let ordinary = create(shop, &of_product(&product)).unwrap();
        assert_eq!(refusal(find(ordinary.id)).0, Kind::NotFound, "whose buyers are nobody's business");
        let upgrade = CreateLegacy { subscription_id: Some(Id::from_uuid(Uuid::from_u128(7))), ..command.clone() };
        assert_eq!(problem(legacy(upgrade)), "value_error body.subscription_id");
        reprice(shop, &product, 500);
        assert_eq!(problem(legacy(command)), "value_error body.product_price_id");
    }

    // spec 50 §3.2: each beginning is told once, whichever way
    fn a_beginning_is_told(shop) {
        let product = shop.product();
        let price = prices(shop, &product)[0].id;
        let made = [create(shop, &of_product(&product)).unwrap(), by_buyer(shop, price, None, None).unwrap()];
        create(shop, &CreateCheckout { amount: None, ..new_checkout(Sold::Product(Id::from_uuid(Uuid::from_u128(7)))) }).unwrap_err();
        let owner = shop.organization.id;
        let told = shop.read(move |tx| events::after(tx, owner, None, 100)).unwrap();
        let told: Vec<Uuid> =
            told.iter().filter(|event| event.r#type == EventType::CheckoutCreated).map(|event| event.subject_id).collect();
        assert_eq!(told, made.map(|checkout| checkout.id.uuid()));
    }
}

fn ip() -> IpAddr {
    "198.51.100.7".parse().unwrap()
}

fn by_buyer(
    shop: &Shop,
    product_price_id: Id<Price>,
    typed: Option<&str>,
    user_id: Option<Id<merak_core::users::User>>,
) -> Result<Checkout> {
    let command = CreateByBuyer {
        product_price_id,
        customer_email: typed.map(email),
        subscription_id: None,
        user_id,
        ip_address: ip(),
    };
    shop.write(move |tx| with_means(|means| checkouts::create_by_buyer(tx, &command, means)))
}

fn follow(shop: &Shop, secret: &str) -> Result<Checkout> {
    let secret = secret.to_owned();
    let visit = Visit { embed_origin: Some("https://e.example".into()), ip_address: ip() };
    shop.write(move |tx| with_means(|means| checkouts::create_by_link(tx, &secret, &visit, means)))
}
