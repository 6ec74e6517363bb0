//! Subscriptions: what is told of them, what comes with them, and the lists.

use std::time::Duration;

use merak_core::access::{Subject, Tenancy};
use merak_core::benefits::grants::Scope;
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::customers::Customer;
use merak_core::events;
use merak_core::kit::{Cents, Currency, Id, Kind, Metadata, Page, Sort, calendar};
use merak_core::products::{Price, Product, RecurringInterval};
use merak_core::streams::{self, Channel};
use merak_core::subscriptions::rules::Cancellation;
use merak_core::subscriptions::{
    self, CancellationReason, ListSubscriptions, ListSubscriptionsOfBuyer, Subscription, SubscriptionStatus,
};
use merak_store::Json;
use serde_json::{Value, json};

use crate::support::*;

/// A new subscription of a customer to the first price of a product, as it begins now, not yet written.
pub fn new_subscription(shop: &Shop, product: &Product, customer: &Customer) -> Subscription {
    let price: Price = shop.complete(product.id).public.prices.remove(0);
    let now = shop.now();
    let interval = price.recurring_interval.unwrap();
    let unit = match interval {
        RecurringInterval::Month => merak_core::kit::Timeframe::Month,
        RecurringInterval::Year => merak_core::kit::Timeframe::Year,
    };
    let end = calendar::add(now, 1, unit).unwrap();
    let id = shop.write(|tx| Ok(Id::new(tx))).unwrap();
    Subscription {
        id,
        organization_id: product.organization_id,
        customer_id: customer.id,
        product_id: product.id,
        price_id: price.id,
        discount_id: None,
        checkout_id: None,
        status: SubscriptionStatus::Active,
        base_amount: price.price_amount,
        amount: price.price_amount,
        currency: price.price_currency,
        recurring_interval: interval,
        current_period_start: now,
        current_period_end: end,
        cancel_at_period_end: false,
        canceled_at: None,
        started_at: Some(now),
        ends_at: None,
        ended_at: None,
        customer_cancellation_reason: None,
        customer_cancellation_comment: None,
        metadata: Metadata::default(),
        custom_field_data: Json::default(),
        payment_method_id: None,
        anchor_at: now,
        anchor_period: 0,
        period: 0,
        discount_since: None,
        due_at: Some(end),
        past_due_since: None,
        grace_ends_at: None,
        retries: 0,
        created_at: now,
        modified_at: None,
    }
}

/// Writes a new subscription.
pub fn create(shop: &Shop, subscription: &Subscription) {
    let subscription = subscription.clone();
    shop.write(move |tx| subscriptions::create(tx, &subscription, None)).unwrap();
}

/// A running subscription of a new customer to a product.
pub fn subscribe(shop: &Shop, product: &Product) -> Subscription {
    let subscription = new_subscription(shop, product, &shop.customer());
    create(shop, &subscription);
    subscription
}

/// A product with these recurring prices.
pub fn plan(shop: &Shop, name: &str, interval: RecurringInterval, cents: i64) -> Product {
    shop.product_with(name, &[fixed(Some(interval), cents)])
}

/// Writes a subscription after it was changed like this.
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

/// The types of the events about subscriptions since the last time, without their common beginning.
fn told(shop: &Shop, seen: &mut usize) -> Vec<String> {
    let organization = shop.organization.id;
    let all = shop.read(move |tx| events::after(tx, organization, None, 1000)).unwrap();
    let all: Vec<String> = all
        .iter()
        .filter_map(|event| event.r#type.as_str().strip_prefix("subscription.").map(String::from))
        .collect();
    let new = all[*seen..].to_vec();
    *seen = all.len();
    new
}

/// The kinds and recipients of the mails since the last time.
fn mails(shop: &Shop, seen: &mut usize) -> Vec<(String, String)> {
    let all: Vec<(String, String)> =
        shop.read(|tx| Ok(tx.all("SELECT kind, recipient FROM emails ORDER BY id", &[])?)).unwrap();
    let new = all[*seen..].to_vec();
    *seen = all.len();
    new
}

fn kinds(mails: &[(String, String)]) -> Vec<&str> {
    mails.iter().map(|(kind, _)| kind.as_str()).collect()
}

fn is_held(shop: &Shop, benefit: &Benefit, subscription: &Subscription) -> bool {
    let (benefit, id, customer) = (benefit.id, subscription.id.uuid(), subscription.customer_id);
    let held: Option<bool> = shop
        .read(move |tx| {
            Ok(tx.find(
                "SELECT granted_at IS NOT NULL FROM benefit_grants WHERE benefit_id = $1 AND subscription_id = $2 \
                 AND customer_id = $3",
                &[&benefit, &id, &customer],
            )?)
        })
        .unwrap();
    held == Some(true)
}

fn wanted() -> ListSubscriptions {
    ListSubscriptions {
        product_ids: Vec::new(),
        customer_ids: Vec::new(),
        discount_ids: Vec::new(),
        is_active: None,
        sorting: vec!["-started_at".parse().unwrap()],
        page: Page::new(1, 100),
    }
}

fn listed(shop: &Shop, wanted: &ListSubscriptions) -> (Vec<Id<Subscription>>, i64) {
    let (tenancy, wanted) = (shop.tenancy(), wanted.clone());
    let page = shop.read(move |tx| subscriptions::list(tx, &tenancy, &wanted)).unwrap();
    (page.items.iter().map(|found| found.id).collect(), page.total)
}

scenarios! {
    // Spec 30, 3.2 and scenario 60.
    fn a_subscription_that_begins_active_is_told_confirmed_and_granted(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1000);
        let note = shop.benefit(BenefitType::Custom, json!({"note": "Welcome"})).unwrap();
        shop.set_benefits(product.id, &[note.id]).unwrap();
        shop.run_jobs();
        let customer = shop.customer();
        let subscription = new_subscription(shop, &product, &customer);
        create(shop, &subscription);
        assert_eq!(told(shop, &mut 0), ["created", "active"]);
        assert_eq!(
            mails(shop, &mut 0),
            [
                (String::from("subscription_confirmation"), customer.email.to_string()),
                (String::from("new_subscription"), shop.member.email.to_string()),
            ]
        );
        assert!(!is_held(shop, &note, &subscription));
        shop.run_jobs();
        assert!(is_held(shop, &note, &subscription));
        let payload: Json = shop
            .read(|tx| Ok(tx.one("SELECT payload FROM emails WHERE kind = 'subscription_confirmation'", &[])?))
            .unwrap();
        let payload: Value = payload.parse().unwrap();
        assert_eq!(payload["product_name"], "Pro plan");
        assert_eq!(payload["price"], json!({"amount": 1000, "currency": "usd", "interval": "month"}));
        assert_eq!(payload["benefits"][0]["note"], "Welcome");
    }

    // Scenarios 62 and 66: what is incomplete gives nothing.
    fn a_subscription_that_waits_for_its_first_payment_gives_nothing_and_is_not_listed(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1000);
        let note = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        shop.set_benefits(product.id, &[note.id]).unwrap();
        let mut subscription = new_subscription(shop, &product, &shop.customer());
        (subscription.status, subscription.started_at) = (SubscriptionStatus::Incomplete, None);
        create(shop, &subscription);
        shop.run_jobs();
        assert_eq!(told(shop, &mut 0), ["created"]);
        assert_eq!(kinds(&mails(shop, &mut 0)), Vec::<&str>::new());
        assert!(!is_held(shop, &note, &subscription));
        assert_eq!(listed(shop, &wanted()), (vec![], 0));
        // Scenario 62.
        let now = shop.now();
        let after = change(shop, &subscription, |after| {
            (after.status, after.started_at) = (SubscriptionStatus::Active, Some(now));
        });
        shop.run_jobs();
        assert_eq!(told(shop, &mut 1), ["updated", "active"]);
        assert!(is_held(shop, &note, &subscription));
        assert_eq!(listed(shop, &wanted()), (vec![after.id], 1));
    }

    // Scenarios 63 and 65, and T-16, T-17, T-23.
    fn canceling_and_going_on_are_told_once_each(shop) {
        let subscription = subscribe(shop, &plan(shop, "Pro plan", RecurringInterval::Month, 1000));
        let (mut events, mut sent) = (2, 2);
        let why = Cancellation { reason: Some(CancellationReason::TooComplex), comment: Some(String::from("Too many knobs")) };
        let (of, given) = (subscription.clone(), why.clone());
        let canceled = shop.write(move |tx| subscriptions::cancel(tx, &of, given.clone())).unwrap();
        assert_eq!(canceled.status, SubscriptionStatus::Active);
        assert!(canceled.cancel_at_period_end);
        assert_eq!(canceled.ends_at, Some(subscription.current_period_end));
        assert_eq!((canceled.ended_at, canceled.canceled_at), (None, Some(shop.now())));
        assert_eq!(canceled.customer_cancellation_reason, why.reason);
        assert_eq!(canceled.customer_cancellation_comment, why.comment);
        assert_eq!(told(shop, &mut events), ["updated", "canceled"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), ["subscription_canceled"]);

        let of = canceled.clone();
        assert_eq!(refusal(shop.write(move |tx| subscriptions::cancel(tx, &of, Cancellation::default()))).0, Kind::AlreadyCanceled);
        let again = change(shop, &canceled, |_| {});
        assert_eq!(told(shop, &mut events), ["updated"]);

        let of = again.clone();
        let going_on = shop.write(move |tx| subscriptions::uncancel(tx, &of)).unwrap();
        assert_eq!(told(shop, &mut events), ["updated", "uncanceled"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), ["subscription_uncanceled"]);
        // I13
        assert_eq!(Subscription { modified_at: None, ..going_on.clone() }, subscription);

        let of = going_on.clone();
        assert_eq!(refusal(shop.write(move |tx| subscriptions::uncancel(tx, &of))).0, Kind::BadRequest);
    }

    // Scenarios 63 and 65: it is revoked after it was canceled.
    fn revoking_what_was_to_end_is_told_as_canceled_once_more(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1000);
        let note = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        shop.set_benefits(product.id, &[note.id]).unwrap();
        let subscription = subscribe(shop, &product);
        shop.run_jobs();
        let of = subscription.clone();
        let canceled = shop.write(move |tx| subscriptions::cancel(tx, &of, Cancellation::default())).unwrap();
        let (mut events, mut sent) = (4, 3);
        shop.advance(Duration::from_mins(1));
        let of = canceled.clone();
        let ended = shop.write(move |tx| subscriptions::revoke(tx, &of, Cancellation::default())).unwrap();
        assert_eq!(told(shop, &mut events), ["updated", "canceled", "revoked"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), ["subscription_ended"]);
        assert_eq!(ended.status, SubscriptionStatus::Canceled);
        assert!(!ended.cancel_at_period_end);
        let now = Some(shop.now());
        assert_eq!((ended.ends_at, ended.ended_at, ended.canceled_at, ended.due_at), (now, now, now, None));
        shop.run_jobs();
        assert!(!is_held(shop, &note, &subscription));

        let of = ended.clone();
        assert_eq!(refusal(shop.write(move |tx| subscriptions::revoke(tx, &of, Cancellation::default()))).0, Kind::AlreadyCanceled);
        let of = ended.clone();
        assert_eq!(refusal(shop.write(move |tx| subscriptions::uncancel(tx, &of))).0, Kind::Gone);
    }

    // Scenario 71.
    fn what_is_free_ends_at_once(shop) {
        let subscription = subscribe(shop, &shop.product_with("Free plan", &[free(Some(RecurringInterval::Month))]));
        let (of, mut events, mut sent) = (subscription.clone(), 2, 2);
        let ended = shop.write(move |tx| subscriptions::cancel(tx, &of, Cancellation::default())).unwrap();
        let now = Some(shop.now());
        assert_eq!(ended.status, SubscriptionStatus::Canceled);
        assert_eq!((ended.ends_at, ended.ended_at, ended.canceled_at), (now, now, now));
        assert!(!ended.cancel_at_period_end);
        assert_eq!(told(shop, &mut events), ["updated", "canceled", "revoked"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), ["subscription_ended"]);
    }

    // T-41, 3.8 and I11.
    fn what_is_past_due_gives_nothing_until_it_is_paid(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1000);
        let keys = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
        shop.set_benefits(product.id, &[keys.id]).unwrap();
        let subscription = subscribe(shop, &product);
        shop.run_jobs();
        let grant = shop.grant(&keys, &customer_of(shop, &subscription), Scope::Subscription(subscription.id.uuid()));
        let key = shop.key_of_grant(&grant);
        let (mut events, mut sent) = (2, 2);

        let owed = change(shop, &subscription, |after| after.status = SubscriptionStatus::PastDue);
        shop.run_jobs();
        assert_eq!(told(shop, &mut events), ["updated", "revoked"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), Vec::<&str>::new(), "billing tells of the payment");
        assert!(!is_held(shop, &keys, &subscription));
        let of = owed.clone();
        assert_eq!(refusal(shop.write(move |tx| subscriptions::cancel(tx, &of, Cancellation::default()))).0, Kind::AlreadyCanceled);
        let of = owed.clone();
        assert_eq!(refusal(shop.write(move |tx| subscriptions::revoke(tx, &of, Cancellation::default()))).0, Kind::AlreadyCanceled);
        let of = owed.clone();
        assert_eq!(refusal(shop.write(move |tx| subscriptions::uncancel(tx, &of))).0, Kind::BadRequest);

        let paid = change(shop, &owed, |after| after.status = SubscriptionStatus::Active);
        shop.run_jobs();
        assert_eq!(told(shop, &mut events), ["updated", "active"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), ["subscription_confirmation", "new_subscription"]);
        assert!(is_held(shop, &keys, &subscription));
        // Spec 40, 3.5: the key is the same one and good again.
        let again = shop.find_key(key.id);
        assert_eq!((again.key, again.status), (key.key, key.status));

        let owed = change(shop, &paid, |after| after.status = SubscriptionStatus::PastDue);
        told(shop, &mut events);
        let now = Some(shop.now());
        change(shop, &owed, |after| {
            after.status = SubscriptionStatus::Canceled;
            (after.canceled_at, after.ends_at, after.ended_at) = (now, now, now);
        });
        assert_eq!(told(shop, &mut events), ["updated", "canceled"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), ["subscription_ended"]);
    }

    // Scenario 64.
    fn another_product_gives_what_comes_with_it_instead(shop) {
        let basic = plan(shop, "Basic plan", RecurringInterval::Month, 1000);
        let pro = plan(shop, "Pro plan", RecurringInterval::Month, 3000);
        let [both, only_basic, only_pro] =
            [0; 3].map(|_| shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap());
        shop.set_benefits(basic.id, &[both.id, only_basic.id]).unwrap();
        shop.set_benefits(pro.id, &[both.id, only_pro.id]).unwrap();
        let subscription = subscribe(shop, &basic);
        shop.run_jobs();
        let price = shop.complete(pro.id).public.prices.remove(0);
        let mut events = 2;
        let after = change(shop, &subscription, |after| {
            (after.product_id, after.price_id) = (pro.id, price.id);
        });
        shop.run_jobs();
        assert_eq!(told(shop, &mut events), ["updated"]);
        assert_eq!(after.started_at, subscription.started_at);
        let held = [&both, &only_basic, &only_pro].map(|benefit| is_held(shop, benefit, &subscription));
        assert_eq!(held, [true, false, true]);
    }

    // Spec 20, 3.5 and scenario 66: once per subscription of that product.
    fn what_comes_with_a_product_later_is_given_to_all_who_subscribe_to_it(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1000);
        let other = plan(shop, "Other plan", RecurringInterval::Month, 1000);
        let note = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        let many: Vec<Subscription> = (0..120).map(|_| subscribe(shop, &product)).collect();
        let elsewhere = subscribe(shop, &other);
        let ended = subscribe(shop, &product);
        let of = ended.clone();
        shop.write(move |tx| subscriptions::revoke(tx, &of, Cancellation::default())).unwrap();
        let (id, buyer) = (product.id, shop.customer().id);
        shop.write(move |tx| merak_core::orders::give(tx, id, buyer)).unwrap();
        shop.set_benefits(product.id, &[note.id]).unwrap();
        shop.run_jobs();
        assert!(many.iter().all(|subscription| is_held(shop, &note, subscription)));
        assert!(!is_held(shop, &note, &elsewhere) && !is_held(shop, &note, &ended));
        let granted = {
            let benefit = note.id;
            let sql = "SELECT granted FROM benefit_counts WHERE benefit_id = $1";
            shop.read(move |tx| Ok(tx.one::<i64>(sql, &[&benefit])?)).unwrap()
        };
        assert_eq!(granted, 121);
        shop.set_benefits(product.id, &[]).unwrap();
        shop.run_jobs();
        assert!(!many.iter().any(|subscription| is_held(shop, &note, subscription)));
    }

    // Scenario 61: the page is told once.
    fn the_page_of_a_checkout_hears_of_its_subscription(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1000);
        let checkout = uuid::Uuid::from_u128(77);
        let mut subscription = new_subscription(shop, &product, &shop.customer());
        subscription.checkout_id = Some(Id::from_uuid(checkout));
        create(shop, &subscription);
        let heard = |shop: &Shop| {
            shop.read(move |tx| streams::after(tx, &Channel::Checkout(checkout), None, 10)).unwrap().len()
        };
        assert_eq!(heard(shop), 1);
        // An upgrade takes a subscription over: told as created, not as active once more.
        let free = subscribe(shop, &shop.product_with("Free plan", &[free(Some(RecurringInterval::Month))]));
        let mut events = 4;
        let mut sent = 4;
        change(shop, &free, |after| after.checkout_id = Some(Id::from_uuid(checkout)));
        assert_eq!(told(shop, &mut events), ["created", "updated"]);
        assert_eq!(kinds(&mails(shop, &mut sent)), ["subscription_confirmation", "new_subscription"]);
        assert_eq!(heard(shop), 2);
    }

    fn a_list_counts_and_filters(shop) {
        let monthly = plan(shop, "Monthly plan", RecurringInterval::Month, 1000);
        let free = shop.product_with("Free plan", &[free(Some(RecurringInterval::Year))]);
        let mut all = Vec::new();
        for _ in 0..3 {
            all.push(subscribe(shop, &monthly));
            shop.advance(Duration::from_secs(1));
        }
        let of_free = subscribe(shop, &free);
        let (_, foreign) = shop.another_organization();
        let of = all[0].clone();
        let ended = shop.write(move |tx| subscriptions::revoke(tx, &of, Cancellation::default())).unwrap();
        let newest = [of_free.id, all[2].id, all[1].id, all[0].id];
        assert_eq!(listed(shop, &wanted()), (newest.to_vec(), 4));
        let page = ListSubscriptions { page: Page::new(2, 3), ..wanted() };
        assert_eq!(listed(shop, &page), (vec![all[0].id], 4));
        for (is_active, expected) in [(true, (3, 3)), (false, (1, 1))] {
            let wanted = ListSubscriptions { is_active: Some(is_active), ..wanted() };
            let (ids, total) = listed(shop, &wanted);
            assert_eq!((ids.len(), total), expected);
        }
        let of_product = ListSubscriptions { product_ids: vec![free.id], ..wanted() };
        assert_eq!(listed(shop, &of_product), (vec![of_free.id], 1));
        let of_customer = ListSubscriptions { customer_ids: vec![ended.customer_id], is_active: Some(false), ..wanted() };
        assert_eq!(listed(shop, &of_customer), (vec![ended.id], 1));
        let none = Tenancy::of(foreign.id);
        let wanted = wanted();
        assert_eq!(shop.read(move |tx| Ok(subscriptions::list(tx, &none, &wanted)?.total)).unwrap(), 0);
    }

    // Spec 30, 1.7.
    fn a_list_is_sorted_by_what_belongs_to_a_subscription(shop) {
        let monthly = plan(shop, "b plan", RecurringInterval::Month, 1000);
        let yearly = plan(shop, "A plan", RecurringInterval::Year, 9000);
        let free = shop.product_with("c plan", &[free(Some(RecurringInterval::Month))]);
        let [by_month, by_year, for_nothing] = [&monthly, &yearly, &free].map(|product| {
            shop.advance(Duration::from_secs(1));
            subscribe(shop, product)
        });
        let of = by_month.clone();
        shop.write(move |tx| subscriptions::cancel(tx, &of, Cancellation::default())).unwrap();
        let change_status = |of: &Subscription, status| change(shop, of, |after| after.status = status);
        change_status(&by_year, SubscriptionStatus::PastDue);
        let (m, y, f) = (by_month.id, by_year.id, for_nothing.id);
        for (sorting, expected) in [
            ("customer", [m, y, f]),
            ("-customer", [f, y, m]),
            // A month of 1000 is more than a year of 9000; what is free stands last.
            ("amount", [y, m, f]),
            ("-amount", [m, y, f]),
            ("product", [y, m, f]),
            ("-product", [f, m, y]),
            ("started_at", [m, y, f]),
            // Active, to end, past due.
            ("status", [f, m, y]),
            ("-status", [y, m, f]),
            ("current_period_end", [m, f, y]),
            ("discount", [m, y, f]),
        ] {
            let sorting: Vec<Sort<_>> = vec![sorting.parse().unwrap()];
            let (ids, _) = listed(shop, &ListSubscriptions { sorting: sorting.clone(), ..wanted() });
            assert_eq!(ids, expected, "{sorting:?}");
        }
    }

    // Spec 40, 5.6 and scenario 7.8.
    fn a_buyer_lists_what_is_theirs(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1000);
        let free = shop.product_with("Free plan", &[free(Some(RecurringInterval::Month))]);
        let customer = shop.customer();
        let first = new_subscription(shop, &product, &customer);
        create(shop, &first);
        shop.advance(Duration::from_secs(1));
        let second = new_subscription(shop, &free, &customer);
        create(shop, &second);
        let foreign = subscribe(shop, &product);
        let mut unbegun = new_subscription(shop, &product, &customer);
        (unbegun.status, unbegun.started_at) = (SubscriptionStatus::Incomplete, None);
        create(shop, &unbegun);
        let buyer = actor(Subject::Customer(customer.id));
        let list = |sorting: &str, query: Option<&str>| {
            let wanted = ListSubscriptionsOfBuyer {
                organization_ids: Vec::new(),
                product_ids: Vec::new(),
                is_active: None,
                query: query.map(String::from),
                sorting: vec![sorting.parse().unwrap()],
                page: Page::new(1, 10),
            };
            let buyer = buyer.clone();
            let page = shop.read(move |tx| subscriptions::list_of_buyer(tx, &buyer, &wanted)).unwrap();
            (page.items.iter().map(|found| found.subscription.id).collect::<Vec<_>>(), page.total)
        };
        assert_eq!(list("-started_at", None), (vec![second.id, first.id], 2));
        for sorting in ["amount", "-amount"] {
            assert_eq!(list(sorting, None).0, [second.id, first.id], "what is free stands first by {sorting}");
        }
        assert_eq!(list("product", Some("PRO")), (vec![first.id], 1));
        assert_eq!(list("organization", Some("fjordsoft")).1, 2);
        assert_eq!(list("status", Some("100%")).1, 0);
        let of = |id| {
            let buyer = buyer.clone();
            shop.read(move |tx| subscriptions::find_of_buyer(tx, &buyer, id))
        };
        assert_eq!(of(first.id).unwrap().organization.id, shop.organization.id);
        assert_eq!(of(unbegun.id).unwrap().subscription.id, unbegun.id);
        assert_eq!(refusal(of(foreign.id)).0, Kind::NotFound);
        let (tenancy, id) = (shop.tenancy(), unbegun.id);
        assert_eq!(refusal(shop.read(move |tx| subscriptions::get(tx, &tenancy, id))).0, Kind::NotFound);
    }

    fn an_export_goes_on_where_it_was(shop) {
        let product = plan(shop, "Pro plan", RecurringInterval::Month, 1050);
        let (organization, customer, template) = (shop.organization.id, shop.customer(), subscribe(shop, &product));
        shop.write(move |tx| {
            for number in 0..1500 {
                let mut subscription = Subscription { id: Id::new(tx), customer_id: customer.id, ..template.clone() };
                subscription.started_at = template.started_at.map(|at| at.add_seconds(number / 2));
                tx.insert(&subscription)?;
            }
            Ok(())
        })
        .unwrap();
        let (first, next) = shop.read(move |tx| subscriptions::export(tx, &Tenancy::of(organization), None)).unwrap();
        assert_eq!(first.len(), 1000);
        let (second, end) = shop.read(move |tx| subscriptions::export(tx, &Tenancy::of(organization), next)).unwrap();
        assert_eq!((second.len(), end), (501, None));
        assert_eq!((first[0].amount, first[0].currency), (Some(Cents::new(1050)), Some(Currency::Usd)));
        assert_eq!((first[0].product.as_str(), first[0].is_active), ("Pro plan", true));
    }
}

fn customer_of(shop: &Shop, subscription: &Subscription) -> Customer {
    let id = subscription.customer_id;
    shop.read(move |tx| merak_core::customers::find(tx, id)).unwrap().unwrap()
}
