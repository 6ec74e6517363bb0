//! The life of shops, at random: buying, paying, renewing, changing, giving back, with a bank that answers late, twice, or
//! not at all, and a server that crashes between any two steps. Whenever all has come to its end, everything is checked.
//!
//! A failure tells what happened last, and its seed:
//!
//! ```text
//! MERAK_SIMULATION_SEED=17 cargo test -p merak-core --test sale -- a_busy_shop_keeps_every_promise::sqlite
//! ```

#[macro_use]
#[expect(dead_code, unused_macros, reason = "the shop of all tests, of which these need a part")]
#[path = "../support.rs"]
mod support;

mod bank;
mod calendar;
mod check;
mod deeds;
mod dice;
mod events;
mod letters;
mod life;
mod shops;
mod tally;
mod time;
mod town;

use merak_core::billing::{CatchUp, GivenUp, Rules};
use merak_core::kit::Cents;
use merak_store::Engine;

use crate::dice::Dice;
use crate::life::{Life, Manner};
use crate::shops::Chronicle;
use crate::town::{Seed, Town};

fn rules() -> Rules {
    Rules::new("sandbox", Cents::new(50))
}

/// These seeds, or the one that is asked for.
#[expect(
    clippy::disallowed_methods,
    reason = "whoever looks for a defect names the seed, not the command line"
)]
fn seeds(usual: std::ops::Range<u64>) -> Vec<u64> {
    match std::env::var("MERAK_SIMULATION_SEED") {
        Ok(seed) => vec![seed.parse().expect("a seed is a number")],
        Err(_) => usual.collect(),
    }
}

const BUSY: Manner = Manner {
    busy: 6,
    longest_pause: 30 * 24,
    down_one_in: 2,
    buyers: 60,
    buys_one_in: 1,
    running: 2..=100,
    monthly_one_in: 2,
    bad_card_one_in: 3,
};

/// What a shop is like that lives for decades: some months go by with little else than what falls due.
fn manner_of(seed: u64) -> Manner {
    let mut dice = Dice::new(seed ^ 0x00C0_FFEE);
    let least = 1 + i64::from(dice.one_in(3));
    Manner {
        busy: 2,
        longest_pause: (400 + 200 * dice.below(4)) * 24,
        down_one_in: 40,
        buyers: 12,
        buys_one_in: 4,
        running: least..=least + 1,
        monthly_one_in: 6 << dice.below(3),
        bad_card_one_in: 3 + dice.below(3),
    }
}

/// What shops live through in ten thousand years, at least so often.
const LIVED_THROUGH: &[(&str, i64)] = &[
    ("answers lost", 1500),
    ("approvals needed", 50),
    ("approvals that never came", 50),
    ("asked again with the same key", 2000),
    ("attempts canceled", 5),
    ("calls lost", 1200),
    ("cards declined", 400),
    ("cards stolen", 200),
    ("cards taken away", 400),
    ("changes that began a period", 2500),
    ("changes that were given up", 50),
    ("changes within a period", 3000),
    ("crashes", 2500),
    ("credit used", 3000),
    ("debts paid after all", 100),
    ("debts paid in the grace", 10),
    ("debts that were given up", 100),
    ("discounts redeemed", 800),
    ("discounts redeemed to the last", 2),
    ("disputes lost", 250),
    ("disputes won", 250),
    ("found by our name for it", 5),
    ("grants taken back", 5000),
    ("orders", 30_000),
    ("payments declined days later", 200),
    ("payments nobody waited for", 30),
    ("payments that never reached the bank", 5),
    ("periods left out", 200),
    ("refunds", 1000),
    ("refunds that failed", 100),
    ("renewals that cost nothing", 8000),
    ("renewals that were paid", 10_000),
    ("seats taken", 400),
    ("steps taken late", 3000),
    ("subscriptions that ended", 3000),
    ("times without a server", 500),
    ("told again", 8000),
    ("told late", 15_000),
    ("told out of order", 800),
];

fn rules_of(seed: u64) -> Rules {
    Rules {
        catch_up: if seed.is_multiple_of(3) { CatchUp::EveryPeriod } else { CatchUp::CurrentPeriod },
        // Sometimes it ends together with a try.
        grace_days: if seed % 3 == 2 { 3 + u32::try_from(seed % 2).unwrap() } else { 0 },
        given_up: if seed % 4 == 1 { GivenUp::Unpaid } else { GivenUp::Canceled },
        ..rules()
    }
}

merak_testkit::both_engines! {
    setup = std::convert::identity;

    /// Much happens at once, and everything is checked several times.
    fn a_busy_shop_keeps_every_promise(engine: Engine) {
        let (usual, (rounds, moments)) = match engine {
            Engine::Sqlite => (1..7, (3, 50)),
            Engine::Postgres => (101..102, (2, 30)),
        };
        let seeds = seeds(usual);
        let chronicle = Chronicle::of(&seeds, |number| {
            let seed = Seed { number, test: "a_busy_shop_keeps_every_promise" };
            let mut life = Life::new(Town::new(engine, seed, rules_of(number)), BUSY);
            for _ in 0..rounds {
                life.live(moments);
                life.town.settle_down();
                life.town.check();
            }
            life
        });
        eprintln!("{} shops: {:?}", seeds.len(), chronicle.tally);
    }

    /// Counted are the years in which at least one subscription ran, see [`Town::lived`].
    fn ten_thousand_years_of_shops_keep_every_promise(engine: Engine) {
        let (usual, least) = match engine {
            Engine::Sqlite => (1000..1335, 10_000),
            Engine::Postgres => (5000..5002, 50),
        };
        let seeds = seeds(usual);
        let chronicle = Chronicle::of(&seeds, |number| {
            let seed = Seed { number, test: "ten_thousand_years_of_shops_keep_every_promise" };
            let mut life = Life::new(Town::new(engine, seed, rules_of(number)), manner_of(number));
            life.live_for_years(25 + i64::try_from(number % 16).unwrap());
            life.town.settle_down();
            life.town.check();
            life
        });
        let (years, of_subscriptions) = chronicle.years();
        eprintln!(
            "{} shops lived for {years} years, with {of_subscriptions} years of subscriptions: {:?}",
            seeds.len(),
            chronicle.tally
        );
        if seeds.len() == 1 {
            return;
        }
        assert!(years >= least, "only {years} years");
        assert!(of_subscriptions >= 2 * years, "only {of_subscriptions} years of subscriptions in {years}");
        if engine == Engine::Sqlite {
            for (what, least) in LIVED_THROUGH {
                let count = chronicle.tally.of(what);
                assert!(count >= *least, "{what}: only {count}");
            }
        }
    }
}
