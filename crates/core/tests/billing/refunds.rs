//! Refunds: spec 30 §6.2 and T-36.

use super::*;
use merak_core::benefits::BenefitType;
use merak_core::billing::outcome::{RefundAnswer, RefundOutcome};
use merak_core::billing::refunds::{self, NewRefund};
use merak_core::billing::{Refund, RefundStatus};
use serde_json::json;

fn bought(shop: &Shop) -> Order {
    let checkout = shop.checkout(fixed(None, 1000), |_| {});
    let benefit = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
    shop.set_benefits(checkout.product_id, &[benefit.id]).unwrap();
    shop.settle(&shop.asks(&checkout, "t"), paid(&format!("c{}", shop.number())));
    shop.run_jobs();
    shop.orders().pop().unwrap()
}

fn open(shop: &Shop, order: &Order, amount: Option<i64>, revokes_benefits: Option<bool>) -> Result<Refund> {
    let new = NewRefund {
        order_id: order.id,
        amount: amount.map(Cents::new),
        reason: None,
        revokes_benefits,
        left: None,
    };
    shop.write(move |tx| refunds::open(tx, &new))
}

fn settle(shop: &Shop, refund: &Refund, outcome: RefundOutcome) -> Refund {
    let (id, answer) = (refund.id, RefundAnswer { refund_id: Some(format!("re_{}", refund.id)), outcome });
    shop.write(move |tx| refunds::settle(tx, id, &answer)).unwrap()
}

fn granted(shop: &Shop) -> i64 {
    shop.read(|tx| Ok(tx.one("SELECT count(*) FROM benefit_grants WHERE granted_at IS NOT NULL", &[])?))
        .unwrap()
}

scenarios! {
    /// Scenario 76: each part has its share
    fn parts_have_their_share_of_tax_and_sum_to_the_whole(shop) {
        let order = bought(shop);
        let first = open(shop, &order, Some(500), None).unwrap();
        assert_eq!((first.tax_amount, first.revokes_benefits), (Cents::new(83), false));
        assert_eq!(refusal(open(shop, &order, Some(701), None)).1, "At most 700 can be given back.");
        let second = open(shop, &order, None, None).unwrap();
        assert_eq!((second.amount, second.tax_amount), (Cents::new(700), Cents::new(117)));
        assert_eq!(refusal(open(shop, &order, None, None)).1, "Nothing is left to be given back.");
        settle(shop, &first, RefundOutcome::Pending);
        settle(shop, &first, RefundOutcome::Succeeded);
        settle(shop, &first, RefundOutcome::Succeeded);
        assert_eq!((shop.orders()[0].refunded_amount, granted(shop)), (Cents::new(500), 1));
        settle(shop, &second, RefundOutcome::Succeeded);
        assert_eq!(shop.orders()[0].refunded_amount, Cents::new(1200));
        let books = shop.books();
        let books: Vec<_> = books.iter().map(|(account, amount)| (account.as_str(), *amount)).collect();
        assert_eq!(books, [
            ("processor_clearing", -30), ("processor_fees", 30), ("refunds", 1000), ("revenue", -1000)
        ]);
    }

    fn all_of_a_one_time_order_takes_back_what_came_with_it(shop) {
        let order = bought(shop);
        assert_eq!(granted(shop), 1);
        let refund = open(shop, &order, None, None).unwrap();
        assert!(refund.revokes_benefits);
        settle(shop, &refund, RefundOutcome::Succeeded);
        assert_eq!(granted(shop), 0);
        // What comes with the product changes; who has the money back gets nothing of it.
        let more = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        shop.set_benefits(order.product_id, &[more.id]).unwrap();
        shop.run_jobs();
        assert_eq!(granted(shop), 0);
        let kept = bought(shop);
        settle(shop, &open(shop, &kept, None, Some(false)).unwrap(), RefundOutcome::Succeeded);
        assert_eq!(granted(shop), 1);
    }

    fn a_customer_is_written_to_once_the_money_has_gone_back(shop) {
        let told = || {
            let sql = "SELECT payload FROM emails WHERE kind = 'refunded' ORDER BY id";
            let payloads: Vec<Json> = shop.read(move |tx| Ok(tx.all(sql, &[])?)).unwrap();
            let told = |mail: Value| (mail["amount"]["amount"].clone(), mail["number"].clone(), mail["takes_back"].clone());
            payloads.iter().map(|payload| told(value_of(payload))).collect::<Vec<_>>()
        };
        let order = bought(shop);
        let part = open(shop, &order, Some(500), None).unwrap();
        settle(shop, &part, RefundOutcome::Pending);
        assert!(told().is_empty());
        settle(shop, &part, RefundOutcome::Succeeded);
        settle(shop, &part, RefundOutcome::Succeeded);
        let failed = open(shop, &order, Some(100), None).unwrap();
        settle(shop, &failed, RefundOutcome::Failed(String::from("closed")));
        let rest = open(shop, &order, None, None).unwrap();
        settle(shop, &rest, RefundOutcome::Succeeded);
        assert_eq!(told(), [(json!(500), json!("1"), json!(false)), (json!(700), json!("1"), json!(true))]);
        // That a subscription has ended is another mail.
        shop.subscribed(fixed(MONTH, 1000));
        let order = shop.orders().pop().unwrap();
        let refund = open(shop, &order, Some(100), Some(true)).unwrap();
        settle(shop, &refund, RefundOutcome::Succeeded);
        assert_eq!((told().len(), told()[2].2.clone()), (3, json!(false)));
        assert!(shop.mails().contains(&String::from("subscription_ended")));
        // Nobody is written to who was deleted.
        let order = bought(shop);
        let (tenancy, customer) = (shop.tenancy(), order.customer_id);
        let refund = open(shop, &order, None, None).unwrap();
        shop.write(move |tx| merak_core::customers::delete(tx, &tenancy, customer)).unwrap();
        settle(shop, &refund, RefundOutcome::Succeeded);
        assert_eq!(told().len(), 3);
    }

    fn a_refund_that_fails_leaves_the_money_to_be_given_back(shop) {
        let order = bought(shop);
        let refund = open(shop, &order, None, None).unwrap();
        let failed = settle(shop, &refund, RefundOutcome::Failed(String::from("no")));
        assert_eq!((failed.status, granted(shop)), (RefundStatus::Failed, 1));
        let again = open(shop, &order, None, None).unwrap();
        settle(shop, &again, RefundOutcome::Succeeded);
        // The bank sends it back.
        settle(shop, &again, RefundOutcome::Failed(String::from("returned")));
        assert_eq!(shop.orders()[0].refunded_amount, Cents::new(0));
        assert!(open(shop, &order, Some(1200), None).is_ok());
    }

    fn what_cost_nothing_cannot_be_given_back(shop) {
        let checkout = shop.checkout(free(None), |_| {});
        let update = ClientUpdate { customer_email: Patch::Value(email("ada@example.com")), ..ClientUpdate::default() };
        shop.hold(&checkout, update, None).unwrap();
        assert!(open(shop, &shop.orders()[0], None, None).is_err());
    }
}
