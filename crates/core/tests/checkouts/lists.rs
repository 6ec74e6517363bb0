//! Lists of checkouts.

use std::time::Duration;

use merak_core::checkouts::ListCheckouts;
use merak_core::kit::{Page, Paged};
use merak_core::products;

use super::*;

scenarios! {
    // spec 30 §1.3 C1, §7.12.84; the total as spec 50 §1.7 wants it
    fn checkouts_are_listed_by_product_and_only_to_their_seller(shop) {
        let (one, two) = (shop.product(), shop.product());
        let mut ids = Vec::new();
        for product in [&one, &two, &one] {
            ids.push(create(shop, &of_product(product)).unwrap().id);
            shop.advance(Duration::from_secs(1));
        }
        let (stranger, other) = shop.another_organization();
        let theirs = shop.tenancy_of(&actor(merak_core::access::Subject::User(stranger.id)));
        let foreign = {
            let (tenancy, command) = (theirs.clone(), new_product(other.id, "Foreign", &[fixed(None, 500)]));
            shop.write(move |tx| {
                let product = products::create(tx, &command)?;
                with_means(|means| checkouts::create(tx, &tenancy, &of_product(&product), means))
            }).unwrap()
        };
        let list = |tenancy: &merak_core::access::Tenancy, products: &[Id<Product>], sort: &str, page| {
            let wanted = ListCheckouts {
                product_ids: products.to_vec(), sorting: vec![sort.parse().unwrap()], page: Page::new(page, 2),
            };
            let tenancy = tenancy.clone();
            let found: Paged<Checkout> = shop.read(move |tx| checkouts::list(tx, &tenancy, &wanted)).unwrap();
            (found.items.iter().map(|checkout| checkout.id).collect::<Vec<_>>(), found.total)
        };
        let ours = shop.tenancy();
        assert_eq!(list(&ours, &[], "-created_at", 1), (vec![ids[2], ids[1]], 3));
        assert_eq!(list(&ours, &[], "expires_at", 2), (vec![ids[2]], 3));
        assert_eq!(list(&ours, &[one.id], "created_at", 1), (vec![ids[0], ids[2]], 2));
        assert_eq!(list(&ours, &[one.id, two.id, one.id], "created_at", 1).1, 3);
        assert_eq!(list(&ours, &[foreign.product_id], "created_at", 1), (vec![], 0));
        assert_eq!(list(&theirs, &[], "created_at", 1), (vec![foreign.id], 1));
        assert_eq!(list(&ours, &[], "created_at", 9), (vec![], 3));
        assert_eq!(list(&merak_core::access::Tenancy::default(), &[], "created_at", 1), (vec![], 0));
    }
}
