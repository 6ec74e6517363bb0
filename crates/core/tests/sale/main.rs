//! The life of shops, at random: buying, paying, renewing, changing, giving back, with a bank that answers late, twice, or
//! not at all, and a server that crashes between any two steps. Whenever all has come to its end, everything is checked.
//!
//! A failure tells what happened last, and its seed:
//!
//! ```text
//! MERAK_SIMULATION_SEED=17 cargo test -p merak-core --test sale -- a_busy_shop
//! ```

#[macro_use]
#[expect(dead_code, unused_macros, reason = "the shop of all tests, of which these need a part")]
#[path = "../support.rs"]
mod support;

mod bank;
mod calendar;
mod check;
mod dice;
mod life;
mod town;

use merak_core::billing::{CatchUp, GivenUp, Rules};
use merak_core::kit::Cents;
use merak_store::Engine;

use crate::life::{Life, Manner};
use crate::town::Town;

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

/// A life in which everything is checked every so many moments.
fn live(engine: Engine, seed: u64, rules: Rules, manner: Manner, (rounds, moments): (u64, u64)) {
    let mut life = Life::new(Town::new(engine, seed, rules), manner);
    for _ in 0..rounds {
        life.live(moments);
        life.town.settle_down();
        life.town.check();
    }
    tell(&life, seed);
}

fn tell(life: &Life, seed: u64) {
    let (years, town) = (life.town.years(), &life.town);
    eprintln!(
        "seed {seed}: {years} years of subscriptions, {} orders, {} charges, {} steps, {} crashes",
        town.orders(),
        town.bank.intents.len(),
        town.steps,
        town.crashes
    );
}

const BUSY: Manner = Manner { busy: 6, longest_pause: 30 * 24, monthly_one_in: 2, bad_card_one_in: 3 };

/// Many buy by the year.
const CROWD: Manner = Manner { busy: 8, longest_pause: 20, monthly_one_in: 12, bad_card_one_in: 10 };

/// Little happens but that time goes by.
const LONG: Manner = Manner { busy: 1, longest_pause: 120 * 24, ..CROWD };

fn rules_of(seed: u64) -> Rules {
    Rules {
        catch_up: if seed.is_multiple_of(3) { CatchUp::EveryPeriod } else { CatchUp::CurrentPeriod },
        given_up: if seed % 4 == 1 { GivenUp::Unpaid } else { GivenUp::Canceled },
        ..rules()
    }
}

merak_testkit::both_engines! {
    setup = std::convert::identity;

    fn a_busy_shop_keeps_every_promise(engine: Engine) {
        let (usual, size) = match engine {
            Engine::Sqlite => (1..5, (3, 50)),
            Engine::Postgres => (101..102, (2, 30)),
        };
        for seed in seeds(usual) {
            live(engine, seed, rules_of(seed), BUSY, size);
        }
    }

    /// Counted are the years from the start of each subscription to its end, or to the end of the story.
    fn ten_thousand_years_keep_every_promise(engine: Engine) {
        let (usual, buyers, moments, least) = match engine {
            Engine::Sqlite => (77, 480, 1100, 10_000),
            Engine::Postgres => (12, 30, 40, 20),
        };
        for seed in seeds(usual..usual + 1) {
                    let rules = Rules { catch_up: CatchUp::EveryPeriod, ..rules() };
            let mut life = Life::new(Town::new(engine, seed, rules), CROWD);
            life.live(buyers / 8);
            for _ in 0..buyers {
                life.buy();
            }
            life.manner = LONG;
            life.live(moments);
            life.town.settle_down();
            life.town.check();
            let years = life.town.years();
            tell(&life, seed);
            assert!(years >= least, "only {years} years");
        }
    }
}
