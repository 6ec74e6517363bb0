//! Checkout links: what they can sell, with which discount, and who may change them.

use merak_core::access::{Subject, Tenancy};
use merak_core::checkout_links::{
    self, CheckoutLink, CompleteCheckoutLink, CreateCheckoutLink, ListCheckoutLinks, PaymentProcessor, Sold,
    UpdateCheckoutLink,
};
use merak_core::discounts::{self, CreateDiscount, Discount, Reduction, Span};
use merak_core::kit::{Id, Kind, Metadata, Page, Paged, Patch, WebUrl};
use merak_core::organizations::Organization;
use merak_core::products::{self, Price, PriceChange, Product, RecurringInterval, UpdateProduct};

use crate::support::*;

const MONTH: Option<RecurringInterval> = Some(RecurringInterval::Month);
const YEAR: Option<RecurringInterval> = Some(RecurringInterval::Year);

scenarios! {
    /// L2, L3: a link keeps what it was given, sells a product or a price, and has a secret of the contract's form.
    fn a_link_keeps_what_it_was_given(shop) {
        let product = shop.product_with("Cloud", &[fixed(MONTH, 900), fixed(YEAR, 9000)]);
        let discount = discount(shop, shop.organization.id, &[]);
        let metadata: Metadata = serde_json::from_str(r#"{"a":1}"#).unwrap();
        let command = CreateCheckoutLink {
            payment_processor: PaymentProcessor::Stripe,
            label: Some(String::new()),
            allow_discount_codes: false,
            discount_id: Some(discount.id),
            success_url: Some(WebUrl::parse("https://Example.com?x={CHECKOUT_ID}").unwrap()),
            metadata: metadata.clone(),
            ..to(Sold::Product(product.id))
        };
        let link = create(shop, &shop.tenancy(), &command).unwrap();
        let stored = get(shop, link.id);
        assert_eq!((stored.link.product_id, stored.link.product_price_id), (product.id, None));
        assert_eq!(stored.link.organization_id, shop.organization.id);
        assert_eq!((stored.link.label.as_deref(), stored.link.allow_discount_codes), (Some(""), false));
        assert_eq!(stored.link.success_url.unwrap().as_str(), "https://example.com/?x={CHECKOUT_ID}");
        assert_eq!((stored.link.metadata, stored.discount.map(|found| found.id)), (metadata, Some(discount.id)));
        assert_eq!((stored.product.prices.len(), stored.price), (2, None));
        let secret = stored.link.client_secret;
        assert!(secret.starts_with("polar_cl_") && secret.len() == 52, "{secret}");
        let price = prices(shop, product.id).remove(1);
        let link = create(shop, &shop.tenancy(), &to(Sold::Price(price.id))).unwrap();
        let stored = get(shop, link.id);
        assert_eq!((stored.link.product_id, stored.link.product_price_id), (product.id, Some(price.id)));
        assert_eq!(stored.price, Some(price));
        assert_ne!(stored.link.client_secret, secret);
    }

    /// L1, L3: unknown, foreign and archived things are not sold.
    fn only_what_the_caller_sells_can_be_linked(shop) {
        let (stranger, other) = shop.another_organization();
        let foreign = {
            let command = new_product(other.id, "Foreign", &[fixed(None, 1999)]);
            shop.write(move |tx| products::create(tx, &command)).unwrap()
        };
        let archived = shop.product();
        archive(shop, archived.id);
        let unknown = uuid::Uuid::from_u128(7);
        for id in [foreign.id, archived.id, Id::from_uuid(unknown)] {
            let problem = field_problem(create(shop, &shop.tenancy(), &to(Sold::Product(id))));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.product_id"));
        }
        let product = shop.product();
        let old = prices(shop, product.id).remove(0);
        let change =
            UpdateProduct { prices: Some(vec![PriceChange::Add(fixed(None, 2999))]), ..UpdateProduct::default() };
        shop.change_product(product.id, &change).unwrap();
        let of_archived = prices(shop, archived.id).remove(0);
        let of_foreign = prices(shop, foreign.id).remove(0);
        for id in [old.id, of_archived.id, of_foreign.id, Id::from_uuid(unknown)] {
            let problem = field_problem(create(shop, &shop.tenancy(), &to(Sold::Price(id))));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.product_price_id"));
        }
        let theirs = shop.tenancy_of(&actor(Subject::User(stranger.id)));
        assert_eq!(field_problem(create(shop, &theirs, &to(Sold::Product(product.id)))).1, "body.product_id");
        assert_eq!(list(shop, &shop.tenancy(), &[]).total, 0);
    }

    /// L7: a discount must be for the product, but need not be redeemable now.
    fn the_discount_must_be_for_the_product(shop) {
        let (product, another) = (shop.product(), shop.product());
        let (_, other) = shop.another_organization();
        let foreign = discount(shop, other.id, &[]);
        let of_another = discount(shop, shop.organization.id, &[another.id]);
        let deleted = discount(shop, shop.organization.id, &[]);
        let tenancy = shop.tenancy();
        shop.write(move |tx| discounts::delete(tx, &tenancy, deleted.id)).unwrap();
        let link = create(shop, &shop.tenancy(), &to(Sold::Product(product.id))).unwrap();
        for id in [foreign.id, of_another.id, deleted.id, Id::from_uuid(uuid::Uuid::from_u128(7))] {
            let command = CreateCheckoutLink { discount_id: Some(id), ..to(Sold::Product(product.id)) };
            let problem = field_problem(create(shop, &shop.tenancy(), &command));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.discount_id"));
            let command = UpdateCheckoutLink { discount_id: Patch::Value(id), ..UpdateCheckoutLink::default() };
            assert_eq!(field_problem(update(shop, link.id, &command)).1, "body.discount_id");
        }
        let ended = discount(shop, shop.organization.id, &[product.id]);
        let now = shop.now();
        shop.write(move |tx| Ok(tx.execute("UPDATE discounts SET ends_at = $2 WHERE id = $1", &[&ended.id, &now])?)).unwrap();
        shop.advance(hours(1));
        let command = CreateCheckoutLink { discount_id: Some(ended.id), ..to(Sold::Product(product.id)) };
        let link = create(shop, &shop.tenancy(), &command).unwrap();
        let tenancy = shop.tenancy();
        shop.write(move |tx| discounts::delete(tx, &tenancy, ended.id)).unwrap();
        assert_eq!(get(shop, link.id).discount.map(|found| found.id), Some(ended.id), "T-38: still shown");
    }

    /// L4: a change touches what it names; null clears.
    fn a_change_touches_what_it_names(shop) {
        let product = shop.product_with("Cloud", &[fixed(MONTH, 900), fixed(YEAR, 9000)]);
        let [monthly, yearly] = <[Price; 2]>::try_from(prices(shop, product.id)).unwrap();
        let discount = discount(shop, shop.organization.id, &[product.id]);
        let link = create(shop, &shop.tenancy(), &to(Sold::Price(monthly.id))).unwrap();
        shop.advance(hours(1));
        update(shop, link.id, &UpdateCheckoutLink::default()).unwrap();
        assert_eq!(get(shop, link.id).link.modified_at, None, "an empty change is none");
        let metadata: Metadata = serde_json::from_str(r#"{"b":true}"#).unwrap();
        let command = UpdateCheckoutLink {
            product_price_id: Patch::Value(yearly.id),
            discount_id: Patch::Value(discount.id),
            label: Patch::Value(String::from("Blog")),
            success_url: Patch::Value(WebUrl::parse("https://example.com/thanks").unwrap()),
            allow_discount_codes: Some(false),
            metadata: Some(metadata.clone()),
        };
        update(shop, link.id, &command).unwrap();
        let changed = get(shop, link.id);
        assert_eq!((changed.price, changed.discount.map(|found| found.id)), (Some(yearly), Some(discount.id)));
        assert_eq!((changed.link.label.as_deref(), changed.link.allow_discount_codes), (Some("Blog"), false));
        assert_eq!((changed.link.metadata, changed.link.modified_at), (metadata.clone(), Some(shop.now())));
        assert_eq!(changed.link.success_url.unwrap().as_str(), "https://example.com/thanks");
        assert_eq!(changed.link.client_secret, link.client_secret);
        let command = UpdateCheckoutLink {
            product_price_id: Patch::Null,
            discount_id: Patch::Null,
            label: Patch::Null,
            success_url: Patch::Null,
            ..UpdateCheckoutLink::default()
        };
        update(shop, link.id, &command).unwrap();
        let cleared = get(shop, link.id).link;
        assert_eq!((cleared.product_price_id, cleared.discount_id, cleared.label, cleared.success_url), (None, None, None, None));
        assert_eq!((cleared.allow_discount_codes, cleared.metadata), (false, metadata));
    }

    /// L4: the price is one of the same product that is not archived; an archived one stays where it is.
    fn the_price_stays_one_of_the_product(shop) {
        let product = shop.product();
        let old = prices(shop, product.id).remove(0);
        let link = create(shop, &shop.tenancy(), &to(Sold::Price(old.id))).unwrap();
        let of_another = prices(shop, shop.product().id).remove(0);
        let change =
            UpdateProduct { prices: Some(vec![PriceChange::Add(fixed(None, 2999))]), ..UpdateProduct::default() };
        shop.change_product(product.id, &change).unwrap();
        for id in [of_another.id, old.id] {
            let command = UpdateCheckoutLink { product_price_id: Patch::Value(id), ..UpdateCheckoutLink::default() };
            let problem = field_problem(update(shop, link.id, &command));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.product_price_id"));
        }
        let command = UpdateCheckoutLink { label: Patch::Value(String::from("x")), ..UpdateCheckoutLink::default() };
        update(shop, link.id, &command).unwrap();
        let stored = get(shop, link.id).price.unwrap();
        assert_eq!((stored.id, stored.is_archived), (old.id, true));
    }

    /// L1, L4: a stranger finds no link; a deleted one is gone.
    fn a_stranger_finds_no_link_and_a_deleted_one_is_gone(shop) {
        let link = create(shop, &shop.tenancy(), &to(Sold::Product(shop.product().id))).unwrap();
        let (stranger, other) = shop.another_organization();
        for subject in [Subject::Anonymous, Subject::User(stranger.id), Subject::Organization(other.id)] {
            let tenancy = shop.tenancy_of(&actor(subject));
            let (own, id) = (tenancy.clone(), link.id);
            assert_eq!(refusal(shop.read(move |tx| checkout_links::get(tx, &own, id))).0, Kind::NotFound);
            let own = tenancy.clone();
            let command = UpdateCheckoutLink::default();
            assert_eq!(refusal(shop.write(move |tx| checkout_links::update(tx, &own, id, &command))).0, Kind::NotFound);
            let own = tenancy.clone();
            assert_eq!(refusal(shop.write(move |tx| checkout_links::delete(tx, &own, id))).0, Kind::NotFound);
            assert_eq!(list(shop, &tenancy, &[]).total, 0);
            assert_eq!(list(shop, &tenancy, &[link.product_id]).total, 0);
        }
        delete(shop, link.id).unwrap();
        assert_eq!(refusal(delete(shop, link.id)).0, Kind::NotFound);
        assert_eq!(refusal(update(shop, link.id, &UpdateCheckoutLink::default())).0, Kind::NotFound);
        assert_eq!(list(shop, &shop.tenancy(), &[]).total, 0);
    }

    /// T-36 and spec 20 §7.2: the oldest first, those of archived products too, and only those of some products.
    fn links_are_listed_oldest_first(shop) {
        let (one, two) = (shop.product(), shop.product());
        let mut ids = Vec::new();
        for product in [&one, &two, &one, &two, &one] {
            ids.push(create(shop, &shop.tenancy(), &to(Sold::Product(product.id))).unwrap().id);
            shop.advance(hours(1));
        }
        archive(shop, two.id);
        delete(shop, ids[4]).unwrap();
        let found = |products: &[Id<Product>]| {
            let found = list(shop, &shop.tenancy(), products);
            assert_eq!(found.total, count(&found.items));
            found.items.into_iter().map(|link| link.id).collect::<Vec<_>>()
        };
        assert_eq!(found(&[]), ids[..4]);
        assert_eq!(found(&[one.id]), [ids[0], ids[2]]);
        assert_eq!(found(&[two.id, one.id, two.id]), ids[..4]);
        assert_eq!(found(&[Id::from_uuid(uuid::Uuid::from_u128(7))]), []);
        let (tenancy, wanted) = (shop.tenancy(), ListCheckoutLinks {
            product_ids: Vec::new(),
            sorting: vec!["-created_at".parse().unwrap()],
            page: Page::new(2, 3),
        });
        let last = shop.read(move |tx| checkout_links::list(tx, &tenancy, &wanted)).unwrap();
        assert_eq!((last.total, last.items.len(), last.items[0].id), (4, 1, ids[0]));
    }
}

fn to(sold: Sold) -> CreateCheckoutLink {
    CreateCheckoutLink {
        sold,
        payment_processor: PaymentProcessor::default(),
        label: None,
        allow_discount_codes: true,
        discount_id: None,
        success_url: None,
        metadata: Metadata::default(),
    }
}

fn create(shop: &Shop, tenancy: &Tenancy, command: &CreateCheckoutLink) -> Result<CheckoutLink> {
    let (tenancy, command) = (tenancy.clone(), command.clone());
    shop.write(move |tx| checkout_links::create(tx, &tenancy, &command))
}

fn update(shop: &Shop, id: Id<CheckoutLink>, command: &UpdateCheckoutLink) -> Result<CheckoutLink> {
    let (tenancy, command) = (shop.tenancy(), command.clone());
    shop.write(move |tx| checkout_links::update(tx, &tenancy, id, &command))
}

fn delete(shop: &Shop, id: Id<CheckoutLink>) -> Result<()> {
    let tenancy = shop.tenancy();
    shop.write(move |tx| checkout_links::delete(tx, &tenancy, id))
}

fn get(shop: &Shop, id: Id<CheckoutLink>) -> CompleteCheckoutLink {
    let tenancy = shop.tenancy();
    shop.read(move |tx| {
        let link = checkout_links::get(tx, &tenancy, id)?;
        checkout_links::complete_one(tx, link)
    })
    .unwrap()
}

fn list(shop: &Shop, tenancy: &Tenancy, products: &[Id<Product>]) -> Paged<CheckoutLink> {
    let tenancy = tenancy.clone();
    let wanted = ListCheckoutLinks {
        product_ids: products.to_vec(),
        sorting: vec!["created_at".parse().unwrap()],
        page: Page::default(),
    };
    shop.read(move |tx| checkout_links::list(tx, &tenancy, &wanted)).unwrap()
}

fn prices(shop: &Shop, id: Id<Product>) -> Vec<Price> {
    shop.complete(id).public.prices
}

fn archive(shop: &Shop, id: Id<Product>) {
    shop.change_product(id, &UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() }).unwrap();
}

fn discount(shop: &Shop, organization_id: Id<Organization>, products: &[Id<Product>]) -> Discount {
    let command = CreateDiscount {
        organization_id,
        name: String::from("Ten off"),
        reduction: Reduction::Percentage { basis_points: 1000 },
        span: Span::Once,
        code: None,
        starts_at: None,
        ends_at: None,
        max_redemptions: None,
        products: products.to_vec(),
        metadata: Metadata::default(),
    };
    shop.write(move |tx| discounts::create(tx, &command)).unwrap()
}
