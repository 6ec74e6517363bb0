//! A life of a shop: what it is like, and how it goes by, moment for moment.

use std::ops::RangeInclusive;

use merak_core::benefits::{Benefit, BenefitType};
use merak_core::discounts::Discount;
use merak_core::kit::Id;
use merak_core::products::{NewPrice, Price, Product, RecurringInterval};
use serde_json::json;

use crate::support::*;
use crate::town::Town;

const MONTH: Option<RecurringInterval> = Some(RecurringInterval::Month);
const YEAR: Option<RecurringInterval> = Some(RecurringInterval::Year);

/// A year of 365¼ days, in seconds.
pub const A_YEAR: i64 = 31_557_600;

/// What a life is like.
#[derive(Clone, Debug)]
pub struct Manner {
    /// How many commands there are at one moment at most.
    pub busy: u64,
    /// How long it is from one moment to the next at most, in hours; mostly it is much shorter.
    pub longest_pause: u64,
    /// Of how many of these pauses one is a time in which no server runs.
    pub down_one_in: u64,
    /// How many people buy.
    pub buyers: u64,
    /// Of how many who might buy one does.
    pub buys_one_in: u64,
    /// How many paid subscriptions run: with fewer somebody buys, with more somebody leaves.
    pub running: RangeInclusive<i64>,
    /// Of how many who buy one pays by the month; the others pay by the year.
    pub monthly_one_in: u64,
    /// Of how many cards one is not good.
    pub bad_card_one_in: u64,
}

pub struct Life {
    pub town: Town,
    pub manner: Manner,
    pub products: Vec<Product>,
    /// What is sold, and for how much, as of now.
    pub prices: Vec<Price>,
    pub benefits: Vec<Benefit>,
    pub discounts: Vec<Discount>,
    /// Checkouts that were begun.
    pub open: Vec<String>,
}

impl Life {
    pub fn new(town: Town, manner: Manner) -> Self {
        let mut life = Self {
            town,
            manner,
            products: Vec::new(),
            prices: Vec::new(),
            benefits: Vec::new(),
            discounts: Vec::new(),
            open: Vec::new(),
        };
        life.open_shop();
        life
    }

    fn open_shop(&mut self) {
        let shop = &self.town.shop;
        self.benefits = vec![
            shop.benefit(BenefitType::LicenseKeys, seats(2)).unwrap(),
            shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap(),
            shop.benefit(BenefitType::Custom, json!({ "note": "Thank you" })).unwrap(),
        ];
        let sold: [&[NewPrice]; 8] = [
            &[fixed(None, 1999)],
            &[chosen(Some(100))],
            &[free(None)],
            &[fixed(MONTH, 1000), fixed(YEAR, 10_000)],
            &[fixed(YEAR, 30_007), fixed(MONTH, 2999)],
            &[free(MONTH)],
            &[free(YEAR)],
            &[fixed(YEAR, 60), fixed(MONTH, 51)],
        ];
        for (number, prices) in sold.iter().enumerate() {
            let product = shop.product_with(&format!("Product {number}"), prices);
            let with: Vec<Id<Benefit>> = self.benefits[..number % 4].iter().map(|one| one.id).collect();
            shop.set_benefits(product.id, &with).unwrap();
            self.products.push(product);
        }
        self.read_prices();
        for _ in 0..5 {
            self.offer_less();
        }
    }

    /// Notes what is sold now.
    pub fn read_prices(&mut self) {
        let shop = &self.town.shop;
        self.prices =
            self.products.iter().flat_map(|product| shop.complete(product.id).public.prices).collect();
    }

    /// So many moments of the shop's life.
    pub fn live(&mut self, moments: u64) {
        for _ in 0..moments {
            self.moment();
            let pause = self.pause();
            self.go_on(pause);
        }
    }

    /// So many years of the shop's life.
    pub fn live_for_years(&mut self, years: i64) {
        let end = self.town.shop.now().add_seconds(years * A_YEAR);
        loop {
            self.moment();
            let left = end.as_seconds() - self.town.shop.now().as_seconds();
            let pause = self.pause().min(u64::try_from(left).unwrap_or_default());
            if pause == 0 {
                return;
            }
            self.go_on(pause);
        }
    }

    /// People do something, while the server does a part of its work.
    fn moment(&mut self) {
        let commands = self.town.dice.below(self.manner.busy) + 1;
        for _ in 0..commands {
            self.anything();
            let steps = self.town.dice.below(6);
            for _ in 0..steps {
                self.town.step();
            }
        }
        self.keep_within_bounds();
        self.town.work();
        if self.town.dice.one_in(12) {
            self.town.tidy();
        }
    }

    /// Sees to it that some subscriptions run, and not too many.
    fn keep_within_bounds(&mut self) {
        let (paid, free): (i64, i64) = self.town.look(|tx| {
            Ok(tx.one(
                "SELECT count(base_amount), count(*) - count(base_amount) FROM subscriptions WHERE status = 'active'",
                &[],
            )?)
        });
        if paid < *self.manner.running.start() {
            self.buy();
        } else if paid > *self.manner.running.end() {
            self.leave("status = 'active' AND base_amount IS NOT NULL");
        }
        if free > *self.manner.running.start() {
            self.leave("status = 'active' AND base_amount IS NULL");
        }
    }

    /// How long it is until the next moment, in seconds.
    fn pause(&mut self) -> u64 {
        let longest = self.manner.longest_pause;
        let hours = match self.town.dice.below(6) {
            0 => longest,
            1 | 2 => longest / 4,
            3 => longest / 30,
            _ => 3,
        };
        60 + self.town.dice.below(hours.max(1) * 3600)
    }

    fn go_on(&mut self, pause: u64) {
        if self.town.dice.one_in(self.manner.down_one_in) {
            self.town.go_down(pause);
        } else {
            self.town.pass(pause);
        }
    }
}
