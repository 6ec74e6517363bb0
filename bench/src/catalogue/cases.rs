//! What is asked for: each list, with each filter, in each order, and how long the answer says the list is.

use super::{people, rows};
use crate::seed::Shop;

/// One list as it is asked for.
pub struct Case {
    /// The list.
    pub list: &'static str,
    /// Which filter, order or page.
    pub what: String,
    /// Path and query.
    pub path: String,
    /// How many things are on all pages.
    pub total: u64,
    /// How many are on this one.
    pub items: u64,
}

/// The cases of one list.
struct List<'c> {
    name: &'static str,
    /// The path, ending in a question mark or an ampersand.
    path: String,
    cases: &'c mut Vec<Case>,
}

/// How many things a page has.
const LIMIT: u64 = 10;

impl List<'_> {
    fn ask(&mut self, what: impl Into<String>, query: &str, total: u64) {
        self.page(what, query, total, 1);
    }

    fn page(&mut self, what: impl Into<String>, query: &str, total: u64, page: u64) {
        let path = format!("{}{query}&limit={LIMIT}&page={page}", self.path);
        let before = (page - 1) * LIMIT;
        let items = total.saturating_sub(before).min(LIMIT);
        self.cases.push(Case { list: self.name, what: what.into(), path, total, items });
    }

    /// Each order, both ways.
    fn orders(&mut self, keys: &[&str], filter: &str, total: u64) {
        for key in keys {
            for direction in ["", "-"] {
                let what = if filter.is_empty() { String::new() } else { format!("{filter}, ") };
                self.ask(
                    format!("{what}sorting {direction}{key}"),
                    &format!("{filter}&sorting={direction}{key}"),
                    total,
                );
            }
        }
    }
}

/// Everything that is asked of a shop; the same in the same order whatever its size.
pub fn of(shop: &Shop) -> Vec<Case> {
    let mut cases = Vec::new();
    customers(shop, &mut cases);
    products(shop, &mut cases);
    others(shop, &mut cases);
    cases
}

fn customers(shop: &Shop, cases: &mut Vec<Case>) {
    const KEYS: [&str; 3] = ["created_at", "email", "name"];
    let (size, organization) = (shop.size, &shop.organization_id);
    let mut list = List { name: "customers", path: String::from("/v1/customers/?"), cases };
    list.orders(&KEYS, "", size);
    list.ask("organization", &format!("organization_id={organization}"), size);
    for (what, query) in [
        ("one", "0000123"),
        ("few", "quixotic"),
        ("accents", "INÉS LINDQ"),
        ("some", "nora lindqvist"),
        ("many", "example.com"),
        ("none, rare letters", "zzqx"),
        ("none, common letters", "example.net"),
        ("two letters", "no"),
        ("one letter", "q"),
        ("one letter, none", "~"),
    ] {
        let total = people::matching(size, query);
        let query = query.replace(' ', "+").replace('É', "%C3%89");
        list.ask(format!("query {what}"), &format!("query={query}"), total);
        if what == "few" || what == "some" || what == "many" {
            for key in KEYS {
                for direction in ["", "-"] {
                    list.ask(
                        format!("query {what}, sorting {direction}{key}"),
                        &format!("query={query}&sorting={direction}{key}"),
                        total,
                    );
                }
            }
        }
    }
    list.page("the page in the middle", "", size, size / LIMIT / 2);
    list.page("the last page", "", size, size.div_ceil(LIMIT));
}

fn products(shop: &Shop, cases: &mut Vec<Case>) {
    let products = rows::others(shop.size);
    let count = |is_meant: fn(u64) -> bool| rows::count(products, is_meant);
    let mut list = List { name: "products", path: String::from("/v1/products/?"), cases };
    let keys = ["created_at", "name", "price_type", "price_amount_type", "price_amount"];
    list.orders(&keys, "", products);
    list.orders(&keys, "is_archived=false", count(|number| !rows::is_archived(number)));
    list.orders(&keys, "is_recurring=true", count(rows::is_recurring));
    list.ask("is_archived=true", "is_archived=true", count(rows::is_archived));
    list.ask("organization", &format!("organization_id={}", shop.organization_id), products);
    list.ask("benefit of few", &format!("benefit_id={}", rows::RARE_BENEFIT), count(rows::has_rare_benefit));
    list.ask("benefit of all", &format!("benefit_id={}", rows::COMMON_BENEFIT), products);
    list.ask("query one", "query=product+000123", count(|number| number == 123));
    list.ask("query all", "query=product", products);
    list.ask("query none", "query=zzqx", 0);
}

fn others(shop: &Shop, cases: &mut Vec<Case>) {
    let size = rows::others(shop.size);
    let one = rows::count(size, |number| number == 123);
    let organization = &shop.organization_id;

    let mut list = List { name: "discounts", path: String::from("/v1/discounts/?"), cases };
    list.orders(&["created_at", "name", "code", "redemptions_count"], "", size);
    list.ask("organization", &format!("organization_id={organization}"), size);
    list.ask("query one", "query=discount+000123", one);

    let mut list = List { name: "custom fields", path: String::from("/v1/custom-fields/?"), cases };
    list.orders(&["created_at", "slug", "name", "type"], "", size);
    list.ask("type", "type=number", rows::count(size, |number| number % 2 == 1));
    list.ask("organization", &format!("organization_id={organization}"), size);
    list.ask("query one", "query=field+000123", one);

    let mut list = List { name: "files", path: format!("/v1/files/?organization_id={organization}&"), cases };
    list.ask("all", "", size);

    let mut list = List { name: "checkout links", path: String::from("/v1/checkout-links/?"), cases };
    list.orders(&["created_at"], "", size);
    list.ask("organization", &format!("organization_id={organization}"), size);
    list.ask("product", &format!("product_id={}", rows::product_id(7)), 1);

    let mut list = List { name: "benefits", path: String::from("/v1/benefits/?"), cases };
    list.ask("all", "", 2);
}
