//! What is told of grants that another service gives: it is told when the service has answered.

use merak_core::benefits::grants::accesses;
use merak_core::benefits::kinds::Finding;
use merak_core::customers::Customer;
use merak_core::streams::Channel;
use serde_json::json;

use super::{World, change, choose, connect, given, guild, role, settle, update_grants};
use crate::events::{heard, told};
use crate::support::*;

scenarios! {
    // spec 20 §3.3: the first pending is told, and what the buyer does later
    fn a_grant_that_waits_is_told_and_again_when_it_is_given(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let order = shop.order();
        let grant = shop.grant(&benefit, &buyer, order);
        shop.grant(&benefit, &buyer, order);
        assert_eq!(of_grants(shop), ["created"], "it waits already");
        connect(shop, &buyer, "500");
        choose(shop, &grant, "500");
        choose(shop, &grant, "500");
        assert_eq!(of_grants(shop), ["created"], "nobody has answered yet");
        assert_eq!(keys(shop, &buyer), ["benefit.granted"]);
        settle(shop, &mut world);
        assert_eq!(of_grants(shop), ["created", "updated"]);
        assert_eq!(keys(shop, &buyer), ["benefit.granted", "benefit.granted"]);
        settle(shop, &mut world);
        assert_eq!(of_grants(shop), ["created", "updated"]);
    }

    fn what_moves_its_holders_is_told_when_they_have_moved(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        given(shop, &benefit, &buyer, shop.order(), &mut world);
        let before = of_grants(shop).len();
        change(shop, &benefit, json!({"role_id": "12"}), Finding::Guild(guild("20")));
        update_grants(shop, &benefit);
        assert_eq!(of_grants(shop).len(), before);
        settle(shop, &mut world);
        assert_eq!(of_grants(shop)[before..], ["updated"]);
    }

    fn a_look_that_changes_nothing_outside_is_told_as_well(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        given(shop, &benefit, &buyer, shop.order(), &mut world);
        let before = of_grants(shop).len();
        update_grants(shop, &benefit);
        assert_eq!(settle(shop, &mut world), 0, "nobody is asked");
        assert_eq!(of_grants(shop)[before..], ["updated"]);
    }

    fn a_refusal_is_an_answer(shop) {
        let (benefit, buyer) = (role(shop, "10", "11"), shop.customer());
        let grant = shop.grant(&benefit, &buyer, shop.order());
        connect(shop, &buyer, "500");
        choose(shop, &grant, "500");
        let id = grant.id;
        let gift = shop.write(move |tx| accesses::plan(tx, id)).unwrap().give.unwrap();
        shop.write(move |tx| accesses::refused(tx, &gift.access)).unwrap();
        assert_eq!(of_grants(shop), ["created", "updated"]);
        assert_eq!(keys(shop, &buyer), ["benefit.granted"]);
    }

    fn what_is_revoked_before_the_service_answers_is_told_as_revoked_only(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let order = shop.order();
        let grant = shop.grant(&benefit, &buyer, order);
        connect(shop, &buyer, "500");
        choose(shop, &grant, "500");
        let id = grant.id;
        let gift = shop.write(move |tx| accesses::plan(tx, id)).unwrap().give.unwrap();
        shop.revoke(&benefit, &buyer, order);
        shop.write(move |tx| accesses::given(tx, &gift.access)).unwrap();
        settle(shop, &mut world);
        assert_eq!(of_grants(shop), ["created", "revoked"]);
        assert_eq!(keys(shop, &buyer), ["benefit.granted", "benefit.revoked"]);
    }

    fn what_is_taken_for_another_grant_and_given_back_is_not_told(shop) {
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let grant = given(shop, &benefit, &buyer, shop.order(), &mut world);
        let before = of_grants(shop).len();
        shop.write(move |tx| {
            tx.execute("UPDATE benefit_grant_accesses SET given_at = NULL", &[])?;
            merak_core::jobs::enqueue(tx, &merak_core::jobs::FlowJob::SettleAccess {
                grant_id: grant.id, customer_id: grant.customer_id,
            }.into())
        }).unwrap();
        assert_eq!(settle(shop, &mut world), 1, "it is given anew");
        assert_eq!(of_grants(shop).len(), before, "and nobody is told: nothing has changed");
    }
}

/// The events of grants, the oldest first.
fn of_grants(shop: &Shop) -> Vec<&'static str> {
    told(shop).into_iter().filter_map(|(kind, _)| kind.as_str().strip_prefix("benefit_grant.")).collect()
}

fn keys(shop: &Shop, buyer: &Customer) -> Vec<String> {
    heard(shop, Channel::Customer(buyer.id)).into_iter().map(|(key, _)| key).collect()
}
