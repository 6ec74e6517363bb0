//! What is asked for: each list, with each filter, in each order, and how long the answer says the list is.

use serde::Serialize;

use super::{goods, people, rows};
use crate::seed::Shop;

/// Which lists are measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scene {
    /// The customers, with the search.
    Customers,
    /// The products, with their prices and benefits.
    Products,
    /// The discounts.
    Discounts,
    /// The custom fields.
    CustomFields,
    /// The files.
    Files,
    /// The checkout links, with what they sell.
    CheckoutLinks,
    /// The benefits.
    Benefits,
}

impl Scene {
    /// What the table calls it.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Customers => "customers",
            Self::Products => "products",
            Self::Discounts => "discounts",
            Self::CustomFields => "custom fields",
            Self::Files => "files",
            Self::CheckoutLinks => "checkout links",
            Self::Benefits => "benefits",
        }
    }
}

/// One list as it is asked for.
pub struct Case {
    /// The list.
    pub list: Scene,
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
    name: Scene,
    /// The path, ending in a question mark or an ampersand.
    path: String,
    cases: &'c mut Vec<Case>,
}

/// How many things a page has.
const LIMIT: u64 = 10;

/// No filter.
const ALL: (&str, &str) = ("", "");

/// A filter that names twelve things, of which also the smallest shop has more.
fn twelve(parameter: &str, id: fn(u64) -> String) -> String {
    let each: Vec<String> = (0..12).map(|number| format!("{parameter}={}", id(number * 8 + 3))).collect();
    each.join("&")
}

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

    /// Each order, both ways, of what a filter leaves; an empty one leaves everything.
    fn orders(&mut self, keys: &[&str], (what, filter): (&str, &str), total: u64) {
        for key in keys {
            for direction in ["", "-"] {
                let order = format!("sorting={direction}{key}");
                let what = if what.is_empty() { order.clone() } else { format!("{what}, {order}") };
                self.ask(what, &format!("{filter}&{order}"), total);
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
    let mut list = List { name: Scene::Customers, path: String::from("/v1/customers/?"), cases };
    list.orders(&KEYS, ALL, size);
    list.ask("organization", &format!("organization_id={organization}"), size);
    for (what, query) in [
        ("one", "0000123"),
        ("an address", "mueller.0000040@example.com"),
        ("no address", "joe.lindqvist@mail.example.org"),
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
            list.orders(&KEYS, (&format!("query {what}"), &format!("query={query}")), total);
        }
    }
    list.page("the page in the middle", "", size, size / LIMIT / 2);
    list.page("the last page", "", size, size.div_ceil(LIMIT));
}

fn products(shop: &Shop, cases: &mut Vec<Case>) {
    let products = rows::others(shop.size);
    let count = |is_meant: fn(u64) -> bool| rows::count(products, is_meant);
    let mut list = List { name: Scene::Products, path: String::from("/v1/products/?"), cases };
    let keys = ["created_at", "name", "price_type", "price_amount_type", "price_amount"];
    list.orders(&keys, ALL, products);
    list.orders(
        &keys,
        ("is_archived=false", "is_archived=false"),
        count(|number| !goods::is_archived(number)),
    );
    list.orders(&keys, ("is_recurring=true", "is_recurring=true"), count(goods::is_recurring));
    list.ask("is_archived=true", "is_archived=true", count(goods::is_archived));
    list.ask("is_recurring=false", "is_recurring=false", count(|number| !goods::is_recurring(number)));
    list.ask(
        "is_archived=false, is_recurring=true",
        "is_archived=false&is_recurring=true",
        count(|number| !goods::is_archived(number) && goods::is_recurring(number)),
    );
    list.ask("id of twelve", &twelve("id", goods::product_id), 12);
    list.ask("organization", &format!("organization_id={}", shop.organization_id), products);
    let (rare, common) = (goods::rare_benefit_id(), goods::common_benefit_id());
    list.orders(&keys, ("benefit of few", &format!("benefit_id={rare}")), count(goods::has_rare_benefit));
    list.orders(&keys, ("benefit of all", &format!("benefit_id={common}")), products);
    list.ask(
        "benefit of all, is_archived=false",
        &format!("benefit_id={common}&is_archived=false"),
        count(|number| !goods::is_archived(number)),
    );
    let both = format!("benefit_id={}&benefit_id={}", goods::second_benefit_id(), goods::third_benefit_id());
    let has_either = |number| goods::has_second_benefit(number) || goods::has_third_benefit(number);
    list.orders(&keys, ("two benefits of many", &both), count(has_either));
    list.ask(
        "two benefits of many, is_archived=false",
        &format!("{both}&is_archived=false"),
        count(|number| {
            (goods::has_second_benefit(number) || goods::has_third_benefit(number))
                && !goods::is_archived(number)
        }),
    );
    list.ask("query one", "query=product+000123", count(|number| number == 123));
    list.ask("query some", "query=00012", count(|number| format!("{number:06}").contains("00012")));
    list.orders(&keys, ("query all", "query=product"), products);
    list.ask("query none", "query=zzqx", 0);
}

fn others(shop: &Shop, cases: &mut Vec<Case>) {
    let size = rows::others(shop.size);
    let one = rows::count(size, |number| number == 123);
    let some = rows::count(size, |number| format!("{number:06}").contains("00012"));
    let organization = &shop.organization_id;
    let of_organization = format!("organization_id={organization}");

    let keys = ["created_at", "name", "code", "redemptions_count"];
    let mut list = List { name: Scene::Discounts, path: String::from("/v1/discounts/?"), cases };
    list.orders(&keys, ALL, size);
    list.ask("organization", &of_organization, size);
    list.ask("query one", "query=discount+000123", one);
    // Found by the name or the code, which have the same digits.
    list.ask("query some", "query=00012", some);
    list.orders(&keys, ("query all", "query=discount"), size);
    list.ask("query by code", "query=CODE", rows::count(size, rows::has_code));
    list.ask("query none", "query=zzqx", 0);

    let keys = ["created_at", "slug", "name", "type"];
    let mut list = List { name: Scene::CustomFields, path: String::from("/v1/custom-fields/?"), cases };
    list.orders(&keys, ALL, size);
    list.ask("organization", &of_organization, size);
    list.orders(&keys, ("type of half", "type=number"), rows::count(size, rows::is_number_field));
    list.orders(&keys, ("type of few", "type=date"), rows::count(size, rows::is_date_field));
    list.ask("query one", "query=field+000123", one);
    list.ask("query some", "query=00012", some);
    list.orders(&keys, ("query all", "query=field"), size);
    list.ask("query none", "query=zzqx", 0);

    let mut list = List { name: Scene::Files, path: format!("/v1/files/?{of_organization}&"), cases };
    list.ask("organization", "", size);
    list.ask("ids of twelve", &twelve("ids", rows::file_id), 12);

    let mut list = List { name: Scene::CheckoutLinks, path: String::from("/v1/checkout-links/?"), cases };
    list.orders(&["created_at"], ALL, size);
    list.ask("organization", &of_organization, size);
    list.orders(&["created_at"], ("product", &format!("product_id={}", goods::product_id(7))), 1);
    let linked = format!("product_id={}", goods::linked_product_id());
    let links = rows::count(size, goods::is_of_linked_product);
    list.orders(&["created_at"], ("product of half", &linked), links);
    list.ask("product of twelve", &twelve("product_id", goods::product_id), 12);

    let mut list = List { name: Scene::Benefits, path: String::from("/v1/benefits/?"), cases };
    list.ask("all", "", size);
    list.ask("organization", &of_organization, size);
    list.ask("type", "type=custom", rows::count(size, rows::is_custom_benefit));
    list.ask(
        "two types",
        "type=custom&type=ads",
        rows::count(size, |number| rows::is_custom_benefit(number) || number % 3 == 2),
    );
}
