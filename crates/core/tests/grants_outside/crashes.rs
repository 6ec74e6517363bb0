//! Whatever happens in whatever order, and wherever the worker dies: in the end the services agree with the grants.

use merak_core::benefits::grants::accesses;
use merak_core::benefits::grants::{self, BenefitGrant, Scope};
use merak_core::benefits::kinds::Finding;
use merak_core::benefits::{self, Benefit};
use merak_core::jobs::{self, FlowJob, Job, Outcome};
use merak_testkit::Engine;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{World, change, choose, connect, guild, role, update_grants};
use crate::support::*;

/// What can happen to a shop that sells a role.
#[derive(Clone, Debug)]
enum Event {
    Grant(usize),
    Revoke(usize),
    Choose(usize, usize),
    Move(usize),
    Delete,
    /// The worker runs, and dies after so many steps.
    Work(usize),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (0..3_usize).prop_map(Event::Grant),
        2 => (0..3_usize).prop_map(Event::Revoke),
        4 => (0..3_usize, 0..2_usize).prop_map(|(grant, account)| Event::Choose(grant, account)),
        2 => (0..3_usize).prop_map(Event::Move),
        1 => Just(Event::Delete),
        5 => (0..6_usize).prop_map(Event::Work),
    ];
    proptest::collection::vec(event, 1..30)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever happens in whatever order, and wherever the worker dies: once it has done its work, accounts outside
    /// have exactly what the grants say.
    #[test]
    fn the_world_agrees_with_the_grants_in_the_end(events in events()) {
        let opened = Shop::on(Engine::Sqlite);
        let shop = &opened;
        let (benefit, buyer, mut world) = (role(shop, "10", "11"), shop.customer(), World::default());
        let orders = [shop.order(), shop.order(), shop.order()];
        let accounts = ["500", "600"];
        for account in accounts {
            connect(shop, &buyer, account);
        }
        let mut is_deleted = false;
        for event in events {
            shop.advance(hours(1));
            match event {
                Event::Grant(_) | Event::Revoke(_) | Event::Move(_) | Event::Delete if is_deleted => {}
                Event::Grant(n) => drop(shop.grant(&benefit, &buyer, orders[n])),
                Event::Revoke(n) => drop(shop.revoke(&benefit, &buyer, orders[n])),
                Event::Choose(n, account) => choose_if_live(shop, &benefit, orders[n], accounts[account]),
                Event::Move(n) => {
                    let settings = json!({"role_id": format!("1{}", n + 1)});
                    change(shop, &benefit, settings, Finding::Guild(guild("10")));
                    update_grants(shop, &benefit);
                }
                Event::Delete => {
                    is_deleted = true;
                    let (tenancy, id) = (shop.tenancy(), benefit.id);
                    shop.write(move |tx| benefits::delete(tx, &tenancy, id)).unwrap();
                    shop.write(move |tx| grants::revoke_batch_of_benefit(tx, id)).unwrap();
                }
                Event::Work(steps) => work(shop, &mut world, Some(steps)),
            }
        }
        shop.advance(hours(1));
        work(shop, &mut world, None);
        let granted: Vec<String> = shop
            .read(|tx| Ok(tx.all::<merak_store::Json>(
                "SELECT properties FROM benefit_grants WHERE granted_at IS NOT NULL", &[],
            )?))
            .unwrap()
            .into_iter()
            .map(|properties| {
                let held: Value = properties.parse().unwrap();
                let text = |name: &str| held[name].as_str().unwrap().to_owned();
                format!("{}@{}/{}", text("account_id"), text("guild_id"), text("role_id"))
            })
            .collect();
        let expected: std::collections::BTreeSet<String> = granted.into_iter().collect();
        let had: std::collections::BTreeSet<String> = world.places().into_iter().collect();
        prop_assert_eq!(had, expected);
    }
}

/// The worker: does what waits, and dies after so many steps.
fn work(shop: &Shop, world: &mut World, steps: Option<usize>) {
    let mut left = steps.unwrap_or(usize::MAX);
    let mut step = || {
        left = left.saturating_sub(1);
        left > 0
    };
    while let Some(claimed) = shop.write(jobs::claim).unwrap() {
        let Job::Flow(FlowJob::SettleAccess { grant_id, .. }) = claimed.job else {
            shop.write(move |tx| jobs::settle(tx, &claimed, &Outcome::Done)).unwrap();
            continue;
        };
        if !step() {
            return;
        }
        let errand = shop.write(move |tx| accesses::plan(tx, grant_id)).unwrap();
        for access in errand.withdraw {
            if !step() {
                return;
            }
            world.take(&access);
            if !step() {
                return;
            }
            shop.write(move |tx| accesses::withdrawn(tx, &access)).unwrap();
        }
        if let Some(gift) = errand.give {
            if !step() {
                return;
            }
            world.give(&gift.access);
            if !step() {
                return;
            }
            shop.write(move |tx| accesses::given(tx, &gift.access)).unwrap();
        }
        if !step() {
            return;
        }
        shop.write(move |tx| jobs::settle(tx, &claimed, &Outcome::Done)).unwrap();
    }
}

fn choose_if_live(shop: &Shop, benefit: &Benefit, scope: Scope, account_id: &str) {
    let Scope::Order(order) = scope else { panic!("these are orders") };
    let id = benefit.id;
    let live: Option<BenefitGrant> = shop
        .read(move |tx| {
            let sql = const_format::concatcp!(
                "SELECT ",
                BenefitGrant::COLUMNS,
                " FROM benefit_grants JOIN benefits ON benefits.id = benefit_grants.benefit_id \
                 WHERE benefit_id = $1 AND order_id = $2 AND revoked_at IS NULL AND benefits.deleted_at IS NULL"
            );
            Ok(tx.find(sql, &[&id, &order])?)
        })
        .unwrap();
    if let Some(grant) = live {
        choose(shop, &grant, account_id);
    }
}
