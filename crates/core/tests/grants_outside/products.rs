//! Grants of other services that go with what comes with a product.

use merak_core::access::Subject;
use merak_core::benefits::grants::{self, Purchase, Scope, accesses};
use serde_json::json;

use super::{World, choose, connect, role, settle, state};
use crate::support::*;

scenarios! {
    // spec 20 §3.3 (d): what comes with the product no more is given to nobody who waited for it
    fn what_waits_is_revoked_with_its_place_on_the_product(shop) {
        let (benefit, product, buyer) = (role(shop, "10", "11"), shop.product(), shop.customer());
        let bought = |scope| Purchase { customer_id: buyer.id, product_id: product.id, scope };
        let (ordered, subscribed) = (bought(shop.order()), bought(Scope::Subscription(uuid::Uuid::from_u128(1))));
        shop.set_benefits(product.id, &[benefit.id]).unwrap();
        let [waits, ends] = [ordered, subscribed]
            .map(|purchase| shop.write(move |tx| grants::grant_purchase(tx, &purchase)).unwrap().remove(0));
        assert_eq!((state(shop, &waits).0, state(shop, &ends).0), ("pending", "pending"));
        shop.set_benefits(product.id, &[]).unwrap();
        shop.write(move |tx| grants::grant_purchase(tx, &ordered)).unwrap();
        shop.write(move |tx| grants::revoke_purchase(tx, &subscribed)).unwrap();
        for grant in [&waits, &ends] {
            assert_eq!(state(shop, grant), ("revoked", json!({})));
            let (caller, id) = (actor(Subject::Customer(buyer.id)), grant.id);
            assert_eq!(refusal(shop.read(move |tx| grants::find_of_buyer(tx, &caller, id))).1, "Not found");
        }
    }

    // The seller takes it off the product while the service is slow to give it.
    fn what_is_on_its_way_is_not_kept_by_who_has_no_claim_to_it(shop) {
        let (benefit, product, buyer) = (role(shop, "10", "11"), shop.product(), shop.customer());
        let purchase = Purchase { customer_id: buyer.id, product_id: product.id, scope: shop.order() };
        shop.set_benefits(product.id, &[benefit.id]).unwrap();
        let grant = shop.write(move |tx| grants::grant_purchase(tx, &purchase)).unwrap().remove(0);
        connect(shop, &buyer, "500");
        choose(shop, &grant, "500");
        let (mut world, id) = (World::default(), grant.id);
        let gift = shop.write(move |tx| accesses::plan(tx, id)).unwrap().give.unwrap().access;
        shop.set_benefits(product.id, &[]).unwrap();
        shop.write(move |tx| grants::grant_purchase(tx, &purchase)).unwrap();
        world.give(&gift);
        shop.write(move |tx| accesses::given(tx, &gift)).unwrap();
        settle(shop, &mut world);
        assert_eq!((state(shop, &grant).0, world), ("revoked", World::default()));
    }
}
