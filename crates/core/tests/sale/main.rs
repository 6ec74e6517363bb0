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

use std::time::Instant;

use merak_core::billing::{CatchUp, GivenUp, Rules};
use merak_core::kit::Cents;
use merak_store::Engine;

use crate::life::{Life, Manner};
use crate::town::Town;

fn rules() -> Rules {
    Rules::new("sandbox", Cents::new(50))
}

/// These seeds, or the one that is asked for.
fn seeds(usual: std::ops::Range<u64>) -> Vec<u64> {
    match std::env::var("MERAK_SIMULATION_SEED") {
        Ok(seed) => vec![seed.parse().expect("a seed is a number")],
        Err(_) => usual.collect(),
    }
}

/// A life in which everything is checked every so many moments. Returns the years of subscriptions in it.
fn live(engine: Engine, seed: u64, rules: Rules, manner: Manner, (rounds, moments): (u64, u64)) -> f64 {
    let begun = Instant::now();
    let mut life = Life::new(Town::new(engine, seed, rules), manner);
    for _ in 0..rounds {
        life.live(moments);
        life.town.settle_down();
        life.town.check();
    }
    let (years, town) = (life.town.years(), &life.town);
    eprintln!(
        "seed {seed}: {years:.0} years of subscriptions, {} orders, {} charges, {} steps, {} crashes, {:.1} s",
        town.orders(),
        town.bank.intents.len(),
        town.steps,
        town.crashes,
        begun.elapsed().as_secs_f64()
    );
    years
}

const BUSY: Manner = Manner { busy: 6, longest_pause: 30 * 24, monthly_one_in: 2, bad_card_one_in: 3 };

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
            Engine::Sqlite => (1..7, (6, 60)),
            Engine::Postgres => (101..103, (2, 40)),
        };
        for seed in seeds(usual) {
            live(engine, seed, rules_of(seed), BUSY, size);
        }
    }
}
