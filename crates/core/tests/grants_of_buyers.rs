//! What buyers see of their grants in the portal.

use merak_core::access::{Actor, Subject};
use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::{self, BenefitGrant, GrantOfBuyer, ListGrantsOfBuyer, Scope};
use merak_core::customers::Customer;
use merak_core::kit::{Id, Kind, Page, Paged, Result};
use serde_json::json;
use uuid::Uuid;

use crate::custom_field_renames;
use crate::support::*;

scenarios! {
    fn a_buyer_sees_own_grants_that_are_not_revoked(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({ "note": "hello" })).unwrap();
        let (buyer, other) = (shop.customer(), shop.customer());
        let granted = shop.grant(&benefit, &buyer, shop.order());
        let order = shop.order();
        let gone = shop.grant(&benefit, &buyer, order);
        shop.revoke(&benefit, &buyer, order);
        let foreign = shop.grant(&benefit, &other, shop.order());
        let pending = pending(shop, &buyer);
        let page = list(shop, &as_customer(&buyer), all());
        assert_eq!(page.total, 2);
        assert_eq!(ids(&page), [pending, granted.id], "what waits stands above what is granted");
        let (_, customer, shown, organization) = &page.items[1];
        assert_eq!((customer.id, shown.id, organization.id), (buyer.id, benefit.id, shop.organization.id));
        for seen in [granted.id, pending] {
            assert_eq!(find(shop, &as_customer(&buyer), seen).unwrap().0.id, seen);
        }
        for hidden in [gone.id, foreign.id, Id::from_uuid(Uuid::from_u128(1))] {
            assert_eq!(refusal(find(shop, &as_customer(&buyer), hidden)).0, Kind::NotFound);
        }
        let theirs = list(shop, &as_customer(&other), all());
        assert_eq!((theirs.total, ids(&theirs)), (1, vec![foreign.id]));
    }

    fn grants_of_a_deleted_benefit_are_hidden_before_they_are_revoked(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        let buyer = shop.customer();
        let granted = shop.grant(&benefit, &buyer, shop.order());
        let (tenancy, id) = (shop.tenancy(), benefit.id);
        shop.write(move |tx| merak_core::benefits::delete(tx, &tenancy, id)).unwrap();
        assert_eq!(list(shop, &as_customer(&buyer), all()).total, 0);
        assert_eq!(refusal(find(shop, &as_customer(&buyer), granted.id)).0, Kind::NotFound);
    }

    fn grants_are_filtered_by_everything_they_came_with(shop) {
        let notes = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        let keys = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        let buyer = shop.customer();
        let product = shop.product();
        let order = custom_field_renames::order(shop, &product, json!({}));
        let subscription = custom_field_renames::subscription(shop, &product, json!({}));
        let (checkout, other_checkout) = (Uuid::from_u128(20), Uuid::from_u128(21));
        shop.write(move |tx| {
            tx.changed_one("UPDATE orders SET checkout_id = $2 WHERE id = $1", &[&order, &checkout])?;
            Ok(tx.changed_one("UPDATE subscriptions SET checkout_id = $2 WHERE id = $1", &[&subscription, &other_checkout])?)
        }).unwrap();
        let by_order = shop.grant(&notes, &buyer, Scope::Order(order)).id;
        let by_subscription = shop.grant(&keys, &buyer, Scope::Subscription(subscription)).id;
        let by_hand = shop.grant(&keys, &buyer, Scope::ByHand).id;
        let (_, stranger) = shop.another_organization();
        let cases = [
            (all(), vec![by_order, by_subscription, by_hand]),
            (ListGrantsOfBuyer { types: vec![BenefitType::Custom], ..all() }, vec![by_order]),
            (ListGrantsOfBuyer { benefit_ids: vec![keys.id], ..all() }, vec![by_subscription, by_hand]),
            (ListGrantsOfBuyer { order_ids: vec![order], ..all() }, vec![by_order]),
            (ListGrantsOfBuyer { subscription_ids: vec![subscription, order], ..all() }, vec![by_subscription]),
            (ListGrantsOfBuyer { checkout_ids: vec![order], ..all() }, vec![]),
            (ListGrantsOfBuyer { checkout_ids: vec![checkout], ..all() }, vec![by_order]),
            (ListGrantsOfBuyer { checkout_ids: vec![other_checkout], ..all() }, vec![by_subscription]),
            (ListGrantsOfBuyer { checkout_ids: vec![checkout, other_checkout], ..all() }, vec![by_order, by_subscription]),
            (
                ListGrantsOfBuyer { checkout_ids: vec![checkout], subscription_ids: vec![subscription], ..all() },
                vec![],
            ),
            (ListGrantsOfBuyer { organization_ids: vec![stranger.id], ..all() }, vec![]),
            (
                ListGrantsOfBuyer { organization_ids: vec![stranger.id, shop.organization.id], ..all() },
                vec![by_order, by_subscription, by_hand],
            ),
        ];
        for (wanted, mut expected) in cases {
            let page = list(shop, &as_customer(&buyer), wanted.clone());
            let mut found = ids(&page);
            found.sort();
            expected.sort();
            assert_eq!((page.total, &found), (count(&page.items), &expected), "{wanted:?}");
        }
    }

    fn grants_are_sorted_by_time_type_or_organization(shop) {
        let notes = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        let ads = shop.benefit(BenefitType::Ads, json!({})).unwrap();
        let buyer = shop.customer();
        let first = shop.grant(&notes, &buyer, Scope::ByHand).id;
        shop.advance(hours(1));
        let second = shop.grant(&ads, &buyer, Scope::ByHand).id;
        let waiting = pending(shop, &buyer);
        for (sorting, expected) in [
            ("-granted_at", vec![waiting, second, first]),
            ("granted_at", vec![first, second, waiting]),
            ("type", vec![second, first, waiting]),
            ("-type", vec![waiting, first, second]),
        ] {
            let wanted = ListGrantsOfBuyer { sorting: vec![sorting.parse().unwrap()], ..all() };
            assert_eq!(ids(&list(shop, &as_customer(&buyer), wanted)), expected, "{sorting}");
        }
        let wanted = ListGrantsOfBuyer { sorting: vec!["organization".parse().unwrap()], ..all() };
        assert_eq!(list(shop, &as_customer(&buyer), wanted).total, 3);
    }

    fn sellers_and_strangers_hold_nothing(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        let granted = shop.grant(&benefit, &shop.customer(), Scope::ByHand);
        for subject in
            [Subject::Anonymous, Subject::Organization(shop.organization.id), Subject::User(shop.member.id)]
        {
            let caller = actor(subject);
            assert_eq!(list(shop, &caller, all()).total, 0);
            assert_eq!(refusal(find(shop, &caller, granted.id)).0, Kind::NotFound);
        }
    }
}

fn all() -> ListGrantsOfBuyer {
    ListGrantsOfBuyer {
        types: Vec::new(),
        benefit_ids: Vec::new(),
        organization_ids: Vec::new(),
        checkout_ids: Vec::new(),
        order_ids: Vec::new(),
        subscription_ids: Vec::new(),
        sorting: vec!["-granted_at".parse().unwrap()],
        page: Page::default(),
    }
}

fn as_customer(customer: &Customer) -> Actor {
    actor(Subject::Customer(customer.id))
}

fn ids(page: &Paged<GrantOfBuyer>) -> Vec<Id<BenefitGrant>> {
    page.items.iter().map(|(grant, ..)| grant.id).collect()
}

fn list(shop: &Shop, caller: &Actor, wanted: ListGrantsOfBuyer) -> Paged<GrantOfBuyer> {
    let caller = caller.clone();
    shop.read(move |tx| grants::list_of_buyer(tx, &caller, &wanted)).unwrap()
}

fn find(shop: &Shop, caller: &Actor, id: Id<BenefitGrant>) -> Result<GrantOfBuyer> {
    let caller = caller.clone();
    shop.read(move |tx| grants::find_of_buyer(tx, &caller, id))
}

/// A grant that waits for its buyer, of a kind that cannot be made here yet and so is put into the table by hand.
fn pending(shop: &Shop, customer: &Customer) -> Id<BenefitGrant> {
    let (organization, customer) = (shop.organization.id, customer.id);
    shop.write(move |tx| {
        let (benefit, grant, now) = (tx.uuid(), tx.uuid(), tx.now());
        tx.execute(
            "INSERT INTO benefits (id, organization_id, type, description, is_tax_applicable, selectable, deletable, \
             properties, created_at) VALUES ($1, $2, 'discord', 'A role', $3, $3, $3, $4, $5)",
            &[&benefit, &organization, &true, &merak_store::Json::default(), &now],
        )?;
        tx.execute(
            "INSERT INTO benefit_grants (id, customer_id, benefit_id, properties, created_at) \
             VALUES ($1, $2, $3, $4, $5)",
            &[&grant, &customer, &benefit, &merak_store::Json::default(), &now],
        )?;
        Ok(Id::from_uuid(grant))
    })
    .unwrap()
}
