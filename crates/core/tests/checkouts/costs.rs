//! What checkouts cost.

use super::*;

scenarios! {
    // spec 30 §7.1.11, §5.1
    fn tax_is_known_once_the_place_is(shop) {
        let product = shop.product_with("App", &[fixed(None, 1000)]);
        let in_place = |billing: Option<Address>| {
            let command = CreateCheckout { customer_billing_address: billing, ..of_product(&product) };
            let made = create(shop, &command).unwrap();
            (made.subtotal().unwrap().get(), made.tax_amount.map(Cents::get), made.total().unwrap().get())
        };
        assert_eq!(in_place(None), (1000, None, 1000), "nobody knows where the buyer is");
        assert_eq!(in_place(Some(address("FR"))), (1000, Some(200), 1200));
        assert_eq!(in_place(Some(address("JP"))), (1000, Some(0), 1000));
        assert_eq!(in_place(Some(address("US"))), (1000, None, 1000), "the state is missing");
        assert_eq!(in_place(Some(in_state("US", "NY"))), (1000, Some(100), 1100));
        let in_us = CreateCheckout { customer_billing_address: Some(address("US")), ..of_product(&product) };
        assert_eq!(create(shop, &in_us).unwrap().customer_billing_address, Some(address("US")), "it is kept");
    }

    fn a_price_that_holds_its_tax_is_what_is_paid(shop) {
        let product = shop.product_with("App", &[fixed(None, 1190)]);
        let off = percent(shop, 50, None, &[]);
        let german = CreateCheckout { customer_billing_address: Some(address("DE")), ..of_product(&product) };
        let made = create(shop, &german).unwrap();
        assert!(made.is_tax_inclusive);
        let cents = |cents| Some(Cents::new(cents));
        assert_eq!((made.amount, made.subtotal(), made.tax_amount, made.total()), (cents(1190), cents(1000), cents(190), cents(1190)));
        let made = create(shop, &CreateCheckout { discount_id: Some(off.id), ..german }).unwrap();
        assert_eq!((made.amount, made.subtotal(), made.tax_amount, made.total()), (cents(1190), cents(500), cents(95), cents(595)));
        let how: serde_json::Value = get(shop, made.id).unwrap().checkout.tax.unwrap().parse().unwrap();
        assert_eq!((&how["rate_ppm"], &how["country"], &how["is_inclusive"]), (&190_000.into(), &"DE".into(), &true.into()));
        let moved = ClientUpdate { customer_billing_address: Some(address("FR")), ..ClientUpdate::default() };
        let made = fill(shop, &made, &moved).unwrap();
        assert_eq!((made.subtotal(), made.tax_amount, made.total()), (cents(595), cents(119), cents(714)), "on top there");
    }

    // spec 30 §5.1: zero to pay means tax 0, wherever the buyer is
    fn nothing_to_pay_is_not_taxed(shop) {
        let all = percent(shop, 100, None, &[]);
        let product = shop.product();
        let command = CreateCheckout { discount_id: Some(all.id), ..of_product(&product) };
        let made = create(shop, &command).unwrap();
        assert_eq!((made.tax_amount, made.total()), (Some(Cents::default()), Some(Cents::default())));
        assert!(!made.is_payment_required());
    }

    // spec 30 §2.3, §7.5.26, §7.12.80
    fn another_price_brings_its_own_amount(shop) {
        let year = Some(RecurringInterval::Year);
        let product = shop.product_with("Plan", &[fixed(MONTH, 1000), fixed(year, 3000)]);
        let [small, large] = prices(shop, &product).try_into().unwrap();
        let off = percent(shop, 10, None, &[]);
        let made = create(shop, &CreateCheckout { discount_id: Some(off.id), ..of_product(&product) }).unwrap();
        assert_eq!(made.product_price_id, small.id);
        let take = |id| {
            let command = ClientUpdate { product_price_id: Some(id), ..ClientUpdate::default() };
            let made = fill(shop, &made, &command).unwrap();
            (made.amount.map(Cents::get), made.discount_amount.get(), made.total().map(Cents::get))
        };
        assert_eq!(take(large.id), (Some(3000), 300, Some(2700)));
        assert_eq!(take(small.id), (Some(1000), 100, Some(900)));
        // No product has prices of several kinds, but a later one may.
        let yearly = |set: &'static str| shop.write(move |tx| Ok(tx.execute(set, &[&large.id])?)).unwrap();
        yearly("UPDATE product_prices SET amount_type = 'custom', price_amount = NULL, minimum_amount = 2000 WHERE id = $1");
        assert_eq!(take(large.id), (Some(2000), 0, Some(2000)), "only fixed prices are reduced, and none is below its least");
        yearly("UPDATE product_prices SET minimum_amount = 500 WHERE id = $1");
        take(small.id);
        assert_eq!(take(large.id), (Some(1000), 0, Some(1000)), "what was to be paid stays");
        take(small.id);
        yearly("UPDATE product_prices SET amount_type = 'free', price_currency = NULL, minimum_amount = NULL WHERE id = $1");
        assert_eq!(take(large.id), (None, 0, None));
        assert_eq!(get(shop, made.id).unwrap().checkout.discount_id, Some(off.id), "it stays");
    }
}
