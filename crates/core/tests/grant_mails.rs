//! Mails about what a customer has and no mail about a purchase tells: once for each thing.

use merak_core::benefits::grants::{self, BenefitGrant, Scope};
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::customers::Customer;
use merak_core::emails::{self, BenefitLine, Content, Email, Opened, Outgoing, PortalLink};
use merak_core::kit::Id;
use merak_core::orders;
use merak_core::products::RecurringInterval;
use merak_core::subscriptions::{self, Subscription, SubscriptionStatus};
use serde_json::json;

use crate::subscriptions::{new_subscription, plan, subscribe};
use crate::support::*;

scenarios! {
    fn what_a_seller_gives_is_told_with_its_key(shop) {
        let (benefit, customer) = (keys(shop), shop.customer());
        let grant = give(shop, &benefit, &customer, Scope::ByHand);
        let mails = told(shop);
        let [(recipient, line, product, portal)] = &mails[..] else { panic!("{mails:?}") };
        assert_eq!((recipient.as_str(), product.as_deref()), (customer.email.as_str(), None));
        assert_eq!(*portal, PortalLink { customer_id: customer.id, shows: None });
        let key = shop.find_key(key_of(&grant)).key;
        assert_eq!(line.license_key.as_deref(), Some(key.as_str()));
        // What is there already is not given.
        give(shop, &benefit, &customer, Scope::ByHand);
        assert_eq!(told(shop).len(), 1);
        // Given anew, after it was taken back, it is told anew.
        shop.revoke(&benefit, &customer, Scope::ByHand);
        assert_eq!(told(shop).len(), 1);
        give(shop, &benefit, &customer, Scope::ByHand);
        assert_eq!(told(shop).len(), 2);
    }

    fn a_product_that_is_given_is_told_benefit_by_benefit(shop) {
        let (product, note, benefit) = (shop.product_with("Nimbus", &[fixed(None, 500)]), note(shop), keys(shop));
        shop.set_benefits(product.id, &[note.id, benefit.id]).unwrap();
        let (product_id, customer) = (product.id, shop.customer());
        let (order, granted) = shop.write(move |tx| orders::give(tx, product_id, customer.id)).unwrap();
        shop.run_jobs();
        let mails = told(shop);
        assert_eq!(mails.len(), 2);
        assert!(mails.iter().all(|(_, _, product, portal)| {
            product.as_deref() == Some("Nimbus") && portal.shows == Some(order.id.uuid())
        }));
        let key = shop.find_key(key_of(&granted[1])).key;
        assert!(mails.iter().any(|(_, line, ..)| line.license_key.as_deref() == Some(key.as_str())));
    }

    fn a_purchase_tells_by_its_own_mail_and_what_comes_later_by_another(shop) {
        let (product, first, later) = (plan(shop, "Pro", RecurringInterval::Month, 1000), note(shop), keys(shop));
        shop.set_benefits(product.id, &[first.id]).unwrap();
        let subscription = subscribe(shop, &product);
        shop.run_jobs();
        assert_eq!(told(shop), []);
        shop.set_benefits(product.id, &[first.id, later.id]).unwrap();
        shop.run_jobs();
        let mails = told(shop);
        let [(_, line, product_name, portal)] = &mails[..] else { panic!("{mails:?}") };
        assert!(line.license_key.is_some());
        assert_eq!((product_name.as_deref(), portal.shows), (Some("Pro"), Some(subscription.id.uuid())));

        // A renewal, a payment that is owed and comes after all, a benefit that goes and comes again: nothing is new.
        let renewed = change(shop, &subscription, |after| {
            after.current_period_end = after.current_period_end.add_seconds(3600);
        });
        let owed = change(shop, &renewed, |after| after.status = SubscriptionStatus::PastDue);
        shop.run_jobs();
        change(shop, &owed, |after| after.status = SubscriptionStatus::Active);
        shop.run_jobs();
        shop.set_benefits(product.id, &[first.id]).unwrap();
        shop.run_jobs();
        shop.set_benefits(product.id, &[first.id, later.id]).unwrap();
        shop.run_jobs();
        assert_eq!(told(shop).len(), 1);
    }

    fn another_plan_tells_what_it_gives_beside_the_old_one(shop) {
        let basic = plan(shop, "Basic", RecurringInterval::Month, 1000);
        let pro = plan(shop, "Pro", RecurringInterval::Month, 3000);
        let (both, only_pro) = (note(shop), keys(shop));
        shop.set_benefits(basic.id, &[both.id]).unwrap();
        shop.set_benefits(pro.id, &[both.id, only_pro.id]).unwrap();
        let subscription = subscribe(shop, &basic);
        shop.run_jobs();
        let price = shop.complete(pro.id).public.prices.remove(0);
        change(shop, &subscription, |after| (after.product_id, after.price_id) = (pro.id, price.id));
        shop.run_jobs();
        let mails = told(shop);
        let [(_, line, product_name, _)] = &mails[..] else { panic!("{mails:?}") };
        assert!(line.license_key.is_some() && product_name.as_deref() == Some("Pro"));
    }

    fn one_who_is_gone_is_not_written_to(shop) {
        let (product, later) = (plan(shop, "Pro", RecurringInterval::Month, 1000), note(shop));
        let customer = shop.customer();
        let subscription = new_subscription(shop, &product, &customer);
        crate::subscriptions::create(shop, &subscription);
        shop.run_jobs();
        let (tenancy, id) = (shop.tenancy(), customer.id);
        shop.write(move |tx| merak_core::customers::delete(tx, &tenancy, id)).unwrap();
        shop.set_benefits(product.id, &[later.id]).unwrap();
        shop.run_jobs();
        assert_eq!(told(shop), []);
    }
}

fn note(shop: &Shop) -> Benefit {
    shop.benefit(BenefitType::Custom, json!({"note": "Welcome"})).unwrap()
}

fn keys(shop: &Shop) -> Benefit {
    shop.benefit(BenefitType::LicenseKeys, json!({"prefix": "NIMBUS"})).unwrap()
}

fn give(shop: &Shop, benefit: &Benefit, customer: &Customer, scope: Scope) -> BenefitGrant {
    let (benefit, customer) = (benefit.id, customer.id);
    shop.write(move |tx| grants::give(tx, benefit, customer, scope)).unwrap()
}

fn key_of(grant: &BenefitGrant) -> Id<merak_core::license_keys::LicenseKey> {
    merak_core::benefits::kinds::license_keys::key_of(grant).unwrap().unwrap()
}

fn change(shop: &Shop, before: &Subscription, how: impl Fn(&mut Subscription)) -> Subscription {
    let (before, mut after) = (before.clone(), before.clone());
    how(&mut after);
    shop.write(move |tx| {
        let mut after = after.clone();
        subscriptions::change(tx, &before, &mut after)?;
        Ok(after)
    })
    .unwrap()
}

/// The mails that something is ready, the oldest first, as they are sent: to whom, what, of which product, and where to.
fn told(shop: &Shop) -> Vec<(String, BenefitLine, Option<String>, PortalLink)> {
    let ids: Vec<Id<Outgoing>> = shop
        .read(|tx| Ok(tx.all("SELECT id FROM emails WHERE kind = 'benefit_granted' ORDER BY id", &[])?))
        .unwrap();
    let secret = shop.secret.clone();
    shop.write(move |tx| {
        let mut mails = Vec::new();
        for id in &ids {
            let Opened::Draft(draft) = emails::open(tx, &secret, *id)? else { panic!("it can be sent") };
            let Content::Plain(email) = draft.content else { panic!("it lets nobody in") };
            let Email::BenefitGranted { benefit, product_name, portal } = *email else {
                panic!("it is another")
            };
            mails.push((draft.recipient, benefit, product_name, portal));
        }
        Ok(mails)
    })
    .unwrap()
}
