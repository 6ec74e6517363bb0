//! What people do, at random: sellers, buyers, and the bank's customers.

use std::collections::BTreeMap;

use merak_core::benefits::Benefit;
use merak_core::billing::refunds::{self, NewRefund};
use merak_core::billing::{self, Invoice, invoices, methods, payments};
use merak_core::checkout_links::Sold;
use merak_core::checkouts::confirm::{self, Confirm, Held, Standing};
use merak_core::checkouts::{self, ClientUpdate, CreateCheckout, Means};
use merak_core::customer_sessions::Vouch;
use merak_core::customers;
use merak_core::discounts::{self, CreateDiscount, Reduction, Span};
use merak_core::kit::{Address, Cents, Country, Id, Metadata, Patch};
use merak_core::license_keys::{self, LicenseKey};
use merak_core::products::{AmountType, Price, PriceChange, RecurringInterval, UpdateProduct};
use merak_core::subscriptions::price_change::{self, Applied, ChangePrice, Presence};
use merak_core::subscriptions::rules::Cancellation;
use merak_core::subscriptions::{self, Subscription};

use crate::bank::Character;
use crate::life::Life;
use crate::support::*;
use crate::town::Task;

impl Life {
    pub fn anything(&mut self) {
        match self.town.dice.below(45) {
            0..=11 if self.town.dice.one_in(self.manner.buys_one_in) => self.buy(),
            0..=11 => {}
            12..=15 => {
                let open = self.any_open();
                self.confirm_this(open);
            }
            16 => self.update_checkout(),
            17..=18 => self.cancel("ended_at IS NULL"),
            19 => self.uncancel(),
            20 => self.revoke(),
            21..=24 => self.change_price(),
            25 => self.upgrade(),
            26..=27 => self.choose_method(),
            28 => self.pay_what_is_owed(),
            29..=30 => self.refund(),
            31 => {
                let now = self.town.shop.now();
                self.town.bank.refund_by_hand(now);
            }
            32 => {
                let now = self.town.shop.now();
                self.town.bank.dispute(now);
            }
            33 => {
                let now = self.town.shop.now();
                self.town.bank.detach(now);
            }
            34 => self.change_benefits(),
            35 => self.change_prices(),
            36..=38 => self.activate(),
            39..=40 => self.save_card(),
            41 => self.change_by_way_of_nothing(),
            42 => self.offer_less(),
            43 => self.change_and_change_again(),
            _ => self.town.jobs(),
        }
    }

    fn price(&mut self) -> Price {
        let only_recurring = self.town.dice.below(4) > 0;
        let monthly = self.town.dice.one_in(self.manner.monthly_one_in);
        let fitting: Vec<&Price> = self
            .prices
            .iter()
            .filter(|price| match price.recurring_interval {
                None => !only_recurring,
                Some(RecurringInterval::Month) => monthly,
                Some(RecurringInterval::Year) => !monthly,
            })
            .collect();
        fitting[self.town.dice.pick(fitting.len())].clone()
    }

    fn buyer(&mut self) -> ClientUpdate {
        let number = self.town.dice.below(self.manner.buyers);
        let country = ["FR", "NO", "JP", "US"][usize::try_from(number % 4).unwrap()];
        ClientUpdate {
            customer_name: Patch::Value(String::from("Ada")),
            customer_email: Patch::Value(email(&format!("ada{number}@example.com"))),
            customer_billing_address: Some(Address::in_country(Country::parse(country).unwrap())),
            ..ClientUpdate::default()
        }
    }

    pub fn buy(&mut self) {
        let price = self.price();
        let mut command = new_checkout(Sold::Price(price.id));
        if price.amount_type == AmountType::Custom {
            command.amount = Some(Cents::new(100 + i64::try_from(self.town.dice.below(5000)).unwrap()));
        }
        if price.amount_type == AmountType::Fixed && self.town.dice.one_in(3) {
            // The last ones can be redeemed still.
            let recent = self.discounts.len() - self.town.dice.pick(6.min(self.discounts.len())) - 1;
            command.discount_id = Some(self.discounts[recent].id);
        }
        if self.begin(command) && self.town.dice.below(5) > 0 {
            self.confirm_this(self.open.last().cloned());
        }
    }

    /// Whether there is a new checkout.
    fn begin(&mut self, command: CreateCheckout) -> bool {
        let (tenancy, taxes) = (self.town.shop.tenancy(), self.town.rules.taxes.clone());
        let checkout = self.town.command("begin to buy", move |tx| {
            checkouts::create(tx, &tenancy, &command, &Means { taxes: &taxes, geography: None })
        });
        if self.open.len() > 6 {
            self.open.remove(0);
        }
        let is_new = checkout.is_some();
        self.open.extend(checkout.map(|checkout| checkout.client_secret));
        is_new
    }

    fn any_open(&mut self) -> Option<String> {
        (!self.open.is_empty()).then(|| self.open[self.town.dice.pick(self.open.len())].clone())
    }

    fn update_checkout(&mut self) {
        let Some(secret) = self.any_open() else { return };
        let (update, taxes) = (self.buyer(), self.town.rules.taxes.clone());
        self.town.command("change a checkout", move |tx| {
            checkouts::update_by_client(tx, &secret, &update, &Means { taxes: &taxes, geography: None })
        });
    }

    fn character(&mut self) -> Character {
        if self.town.dice.one_in(self.manner.bad_card_one_in) {
            Character::ALL[self.town.dice.pick(Character::ALL.len())]
        } else {
            Character::Good
        }
    }

    fn confirm_this(&mut self, secret: Option<String>) {
        let Some(secret) = secret else { return };
        let character = self.character();
        let token = self.town.bank.token(character);
        let (update, rules) = (self.buyer(), self.town.rules.clone());
        let confirm = Confirm { token: Some(token), ..Confirm::default() };
        let held = self.town.command(&format!("confirm with a card that is {character:?}"), move |tx| {
            let mut checkout = checkouts::find_by_client_secret(tx, &secret)?;
            if confirm::standing(tx, &checkout, &confirm)? != Standing::Open {
                return Ok(None);
            }
            let terms = checkouts::apply_client_update(tx, &mut checkout, &update)?;
            confirm::hold(tx, &rules, checkout, &terms, &confirm).map(Some)
        });
        if let Some(Some(Held::Asks(question))) = held {
            self.town.begin(Task::Ask(vec![question.payment]));
        }
    }

    fn any_subscription(&mut self, which: &str) -> Option<Subscription> {
        let sql = format!(
            "SELECT {} FROM subscriptions WHERE {which} ORDER BY id LIMIT 400",
            Subscription::COLUMNS
        );
        let all: Vec<Subscription> = self.town.look(move |tx| Ok(tx.all(&sql, &[])?));
        (!all.is_empty()).then(|| all[self.town.dice.pick(all.len())].clone())
    }

    fn cancel(&mut self, which: &str) {
        if let Some(one) = self.any_subscription(which) {
            self.town.command(&format!("cancel {}", one.id), move |tx| {
                subscriptions::cancel(tx, &one, Cancellation::default())
            });
        }
    }

    fn uncancel(&mut self) {
        if let Some(one) = self.any_subscription("cancel_at_period_end") {
            self.town.command(&format!("uncancel {}", one.id), move |tx| subscriptions::uncancel(tx, &one));
        }
    }

    /// Somebody has enough of one of these subscriptions, at once or at the end of its period.
    pub fn leave(&mut self, which: &str) {
        if self.town.dice.one_in(3) {
            self.revoke_one(which);
        } else {
            self.cancel(which);
        }
    }

    fn revoke(&mut self) {
        if !self.town.dice.one_in(3) {
            return;
        }
        if let Some(one) = self.any_subscription("status IN ('past_due', 'unpaid')") {
            let id = one.id;
            let waiting = self.town.command(&format!("end {id} that owes"), move |tx| {
                let waiting = payments::waiting_for_approval(tx, id)?;
                billing::end_owed(tx, id)?;
                Ok(waiting)
            });
            if let Some(Some(payment)) = waiting {
                self.town.cancel(&payment);
            }
        }
        self.revoke_one("ended_at IS NULL");
    }

    fn revoke_one(&mut self, which: &str) {
        if let Some(one) = self.any_subscription(which) {
            self.town.command(&format!("revoke {}", one.id), move |tx| {
                subscriptions::revoke(tx, &one, Cancellation::default())
            });
        }
    }

    fn change_price(&mut self) {
        let Some(one) = self.any_subscription("ended_at IS NULL") else { return };
        let price = self.price().id;
        let vouch = match self.town.dice.below(6) {
            0..=2 => Vouch::Seller,
            3 => Vouch::Customer,
            4 => self.town.any_method(&one).map_or(Vouch::Nobody, Vouch::Payer),
            _ => Vouch::Nobody,
        };
        self.change_to(one, price, vouch);
    }

    /// To what costs nothing, as everybody may, and from there to what the customer may: credit or a discount may pay it.
    fn change_by_way_of_nothing(&mut self) {
        let paid = "base_amount IS NOT NULL AND status = 'active'";
        let Some(one) = self.any_subscription(paid) else { return };
        let (free, price) = (self.any_free(), self.price().id);
        self.change_now(one.id, free, Vouch::Nobody);
        self.change_now(one.id, price, Vouch::Customer);
    }

    /// Somebody makes a free subscription a paid one, and changes their mind while that may still wait for their approval.
    fn change_and_change_again(&mut self) {
        let Some(id) = self.any_to_be_approved() else { return };
        let (free, first, second) = (self.any_free(), self.price().id, self.price().id);
        self.change_now(id, free, Vouch::Nobody);
        self.change_now(id, first, Vouch::Seller);
        while self.town.step() {}
        self.change_now(id, second, Vouch::Seller);
    }

    /// What costs nothing, by the month or by the year.
    fn any_free(&mut self) -> Id<Price> {
        let product = self.products[if self.town.dice.one_in(4) { 5 } else { 6 }].id;
        self.prices.iter().find(|price| price.product_id == product).expect("it is sold").id
    }

    /// An active subscription of somebody who has saved a card whose payments have to be approved, if there is one.
    fn any_to_be_approved(&mut self) -> Option<Id<Subscription>> {
        let saved: Vec<(Id<Subscription>, String)> = self.town.look(|tx| {
            Ok(tx.all(
                "SELECT subscriptions.id, payment_methods.processor_method_id FROM subscriptions \
                 JOIN payment_methods ON payment_methods.customer_id = subscriptions.customer_id \
                 WHERE subscriptions.status = 'active' AND payment_methods.detached_at IS NULL \
                 ORDER BY payment_methods.id DESC, subscriptions.id",
                &[],
            )?)
        });
        let is_secure = |card: &str| self.town.bank.character(card) == Some(Character::Secure);
        saved.into_iter().find(|(_, card)| is_secure(card)).map(|(id, _)| id)
    }

    fn change_now(&mut self, id: Id<Subscription>, price: Id<Price>, vouch: Vouch) {
        if let Some(now) = self.town.look(move |tx| subscriptions::find(tx, id)) {
            self.change_to(now, price, vouch);
        }
    }

    fn change_to(&mut self, one: Subscription, price: Id<Price>, vouch: Vouch) {
        let (rules, id) = (self.town.rules.clone(), one.id);
        let payer = if self.town.dice.one_in(2) { Presence::There } else { Presence::Away };
        let wish = ChangePrice { price_id: price, payer, vouch };
        let known = one.clone();
        if let Some(payment) = self.town.look(move |tx| price_change::in_the_way(tx, &known, wish))
            && !self.town.cancel(&payment)
        {
            return;
        }
        let applied = self.town.command(&format!("change the price of {id}, {vouch:?}"), move |tx| {
            price_change::apply(tx, &rules, &one, wish)
        });
        if applied.is_some() {
            let who = match vouch {
                Vouch::Seller => Some(None),
                Vouch::Payer(card) => Some(Some(card)),
                Vouch::Customer | Vouch::Nobody => None,
            };
            if let Some(card) = who {
                self.town.lets_pay(id, card, price);
            }
        }
        match applied {
            Some(Applied::Asks(payment)) => self.town.begin(Task::Ask(vec![*payment])),
            Some(Applied::AsksFirst(payment)) => self.town.begin(Task::AskFirst(payment)),
            Some(Applied::Done) | None => {}
        }
    }

    fn upgrade(&mut self) {
        let Some(one) = self.any_subscription("base_amount IS NULL AND ended_at IS NULL") else { return };
        let price = self.price();
        let mut command = new_checkout(Sold::Price(price.id));
        command.subscription_id = Some(one.id);
        if self.begin(command) {
            self.confirm_this(self.open.last().cloned());
        }
    }

    fn choose_method(&mut self) {
        let Some(one) = self.any_subscription("ended_at IS NULL") else { return };
        let Some(method) = self.town.any_method(&one) else { return };
        let (rules, id) = (self.town.rules.clone(), one.id);
        self.town.lets_pay(id, Some(method), one.price_id);
        let waiting = self.town.look(move |tx| payments::waiting_for_approval(tx, id));
        if let Some(waiting) = waiting.filter(|payment| payment.payment_method_id != Some(method))
            && !self.town.cancel(&waiting)
        {
            return;
        }
        let is_in_person = self.town.dice.one_in(2);
        let planned = self.town.command(&format!("pay {id} with another method"), move |tx| {
            let mut planned = methods::choose(tx, &rules, id, method)?;
            if let (Some(payment), true) = (&mut planned, is_in_person) {
                payments::ask_in_person(tx, payment)?;
            }
            Ok(planned)
        });
        if let Some(Some(payment)) = planned {
            self.town.begin(Task::Ask(vec![payment]));
        }
    }

    fn pay_what_is_owed(&mut self) {
        let sql = format!(
            "SELECT {} FROM invoices WHERE status = 'open' AND subscription_id IS NOT NULL ORDER BY id LIMIT 50",
            Invoice::COLUMNS
        );
        let all: Vec<Invoice> = self.town.look(move |tx| Ok(tx.all(&sql, &[])?));
        if all.is_empty() {
            return;
        }
        let invoice = all[self.town.dice.pick(all.len())].clone();
        let character = self.character();
        let token = self.town.bank.token(character);
        let (rules, id) = (self.town.rules.clone(), invoice.id);
        if let Some(waiting) = self.town.look(move |tx| payments::under_way(tx, id))
            && !self.town.cancel(&waiting)
        {
            return;
        }
        let is_owner = self.town.dice.one_in(2);
        let planned = self.town.command(&format!("pay invoice {id} in person"), move |tx| {
            let invoice = invoices::find(tx, id)?.expect("it was there");
            payments::plan(tx, &rules, &invoice, payments::Source::Token(&token, is_owner))
        });
        if let Some(Some(payment)) = planned {
            self.town.begin(Task::Ask(vec![payment]));
        }
    }

    /// Somebody saves a card who has shown who they are, or not.
    fn save_card(&mut self) {
        let Some(one) = self.any_subscription("ended_at IS NULL") else { return };
        let character = self.character();
        let token = self.town.bank.token(character);
        let (rules, is_owner) = (self.town.rules.clone(), self.town.dice.one_in(2));
        let planned = self.town.command("save a card", move |tx| {
            let Some(customer) = customers::find(tx, one.customer_id)? else { return Ok(None) };
            payments::plan_setup(tx, &rules, &customer, (&token, is_owner)).map(Some)
        });
        if let Some(Some(payment)) = planned {
            self.town.begin(Task::Ask(vec![payment]));
        }
    }

    fn refund(&mut self) {
        let orders: Vec<Id<merak_core::orders::Order>> =
            self.town.look(|tx| Ok(tx.all("SELECT id FROM orders ORDER BY id DESC LIMIT 60", &[])?));
        if orders.is_empty() {
            return;
        }
        let order_id = orders[self.town.dice.pick(orders.len())];
        let amount = match self.town.dice.below(2) {
            0 => None,
            _ => Some(Cents::new(1 + i64::try_from(self.town.dice.below(900)).unwrap())),
        };
        let new = NewRefund { order_id, amount, reason: None, revokes_benefits: None, left: None };
        let refund = self.town.command("give back", move |tx| refunds::open(tx, &new));
        if let Some(refund) = refund {
            self.town.begin(Task::AskRefund(Box::new(refund)));
        }
    }

    fn change_benefits(&mut self) {
        let product = self.products[self.town.dice.pick(self.products.len())].id;
        let with: Vec<Id<Benefit>> =
            self.benefits.iter().filter(|_| self.town.dice.one_in(2)).map(|one| one.id).collect();
        self.town.tell("other benefits come with a product");
        self.town.has_written.set(true);
        self.town.shop.set_benefits(product, &with).unwrap();
    }

    /// A price goes and one like it comes.
    fn change_prices(&mut self) {
        let product = self.products[self.town.dice.pick(self.products.len())].id;
        let mut by_interval = BTreeMap::new();
        for price in self.town.shop.complete(product).public.prices {
            by_interval.insert(price.recurring_interval.map(RecurringInterval::as_str), price);
        }
        let more = i64::try_from(self.town.dice.below(400)).unwrap();
        let changed = by_interval.into_values().map(|price| match price.price_amount {
            Some(amount) => {
                let cents = (amount.get() + more - 150).clamp(50, 50_000);
                PriceChange::Add(fixed(price.recurring_interval, cents))
            }
            None => PriceChange::Keep(price.id),
        });
        let command = UpdateProduct {
            name: None,
            description: None,
            is_archived: None,
            prices: Some(changed.collect()),
            medias: None,
            fields: None,
            metadata: None,
        };
        self.town.tell("prices change");
        self.town.has_written.set(true);
        self.town.shop.change_product(product, &command).unwrap();
        self.read_prices();
    }

    /// There is a new discount.
    pub fn offer_less(&mut self) {
        let percent = |percent: i64| Reduction::Percentage { basis_points: percent * 100 };
        let (reduction, span, max_redemptions) = match self.discounts.len() % 5 {
            0 => (percent(25), Span::Once, Some(3)),
            1 => (percent(100), Span::Once, Some(5)),
            2 => (percent(33), Span::Months(5), None),
            3 => (percent(50), Span::Forever, Some(8)),
            _ => (percent(100), Span::Months(14), None),
        };
        let command = CreateDiscount {
            organization_id: self.town.shop.organization.id,
            name: String::from("Less"),
            code: None,
            reduction,
            span,
            starts_at: None,
            ends_at: None,
            max_redemptions,
            products: Vec::new(),
            metadata: Metadata::default(),
        };
        self.discounts
            .extend(self.town.command("offer it for less", move |tx| discounts::create(tx, &command)));
    }

    fn activate(&mut self) {
        let sql = format!("SELECT {} FROM license_keys ORDER BY id DESC LIMIT 20", LicenseKey::COLUMNS);
        let keys: Vec<LicenseKey> = self.town.look(move |tx| Ok(tx.all(&sql, &[])?));
        if keys.is_empty() {
            return;
        }
        let command = activation(&keys[self.town.dice.pick(keys.len())]);
        self.town.command("activate", move |tx| Ok(license_keys::activate(tx, &command)?.1.id));
    }
}
