//! One battery for every list: pages, their edges, orders both ways with ties and nulls, several organizations.

use std::collections::BTreeSet;

use merak_core::access::{Actor, Subject, Tenancy};
use merak_core::benefits::grants::{self, Scope};
use merak_core::benefits::{self, Benefit, BenefitType, CreateBenefit};
use merak_core::checkout_links::{self, CreateCheckoutLink, PaymentProcessor, Sold};
use merak_core::custom_fields::{self, CreateCustomField, CustomFieldType, Properties};
use merak_core::customers::{self, CreateCustomer, Customer};
use merak_core::discounts::{self, CreateDiscount, Reduction, Span};
use merak_core::files::{self, CreateFile, File, FileService, Part, StoredObject};
use merak_core::kit::{Cents, Currency, Id, Metadata, Result};
use merak_core::organizations::{self, CreateOrganization, FeatureSettings, Organization};
use merak_core::products::{
    self, Amount, CreateProduct, NewPrice, Product, RecurringInterval, UpdateProduct,
};
use merak_store::Tx;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{Client, Shop, UNKNOWN, everything};

/// More than the longest page.
const COUNT: usize = 105;

/// A list of [`COUNT`] items and the orders it is to have.
struct List {
    client: Client,
    path: String,
    orders: Vec<Order>,
    /// Whether `organization_id` narrows it.
    has_organizations: bool,
}

/// An order: the value of `sorting` (empty for the usual one), and what ascends.
struct Order {
    sorting: &'static str,
    key: fn(&Value) -> String,
}

fn order(sorting: &'static str, key: fn(&Value) -> String) -> Order {
    Order { sorting, key }
}

impl List {
    async fn check(&self) {
        for order in &self.orders {
            self.is_ordered(order).await;
        }
        self.has_edges().await;
        if self.has_organizations {
            let answer = self.client.get(&self.with(&format!("organization_id={UNKNOWN}"))).await;
            assert_eq!((answer.items("id").len(), answer.pagination()), (0, (0, 0)));
        }
    }

    fn with(&self, query: &str) -> String {
        format!("{}{}{query}", self.path, if self.path.contains('?') { '&' } else { '?' })
    }

    /// Reads all pages of this length.
    async fn pages(&self, sorting: &str, limit: usize) -> Vec<Value> {
        let sorting = if sorting.is_empty() { String::new() } else { format!("&sorting={sorting}") };
        let mut items = Vec::new();
        for page in 1.. {
            let answer = self.client.get(&self.with(&format!("page={page}&limit={limit}{sorting}"))).await;
            let body = answer.expect(200);
            let found = body["items"].as_array().unwrap();
            if found.is_empty() {
                return items;
            }
            let counted = (i64::try_from(COUNT).unwrap(), i64::try_from(COUNT.div_ceil(limit)).unwrap());
            assert_eq!(answer.pagination(), counted, "{}", self.path);
            items.extend_from_slice(found);
        }
        items
    }

    async fn is_ordered(&self, order: &Order) {
        let whole = self.pages(order.sorting, 100).await;
        let ids: BTreeSet<&str> = whole.iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert_eq!((whole.len(), ids.len()), (COUNT, COUNT), "{} has every item once", self.path);
        assert_eq!(
            self.pages(order.sorting, 7).await,
            whole,
            "{}: the order is that of other pages",
            self.path
        );
        let mut keys: Vec<String> = whole.iter().map(order.key).collect();
        if order.sorting.starts_with('-') {
            keys.reverse();
        }
        assert!(keys.is_sorted(), "{} sorted by {}: {keys:?}", self.path, order.sorting);
        assert!(keys.first() != keys.last(), "{}: there is something to sort", self.path);
    }

    // spec 50 §1.7, C9, spec 40 T-26
    async fn has_edges(&self) {
        assert_eq!(self.client.get(&self.path).await.items("id").len(), 10, "the usual length");
        for limit in ["101", "1000", "4294967296", "9223372036854775807"] {
            let answer = self.client.get(&self.with(&format!("limit={limit}"))).await;
            assert_eq!((answer.items("id").len(), answer.pagination()), (100, (105, 2)), "{limit}");
            let answer = self.client.get(&self.with(&format!("limit={limit}&page=2"))).await;
            assert_eq!(answer.items("id").len(), 5);
        }
        for page in ["3", "1000000", "4294967297", "9223372036854775807"] {
            let answer = self.client.get(&self.with(&format!("limit=100&page={page}"))).await;
            assert_eq!(answer.items("id").len(), 0, "{page}");
        }
        for (query, problem) in [
            ("limit=0", "greater_than query.limit"),
            ("limit=-1", "greater_than query.limit"),
            ("page=0", "greater_than query.page"),
            ("page=-1", "greater_than query.page"),
            ("page=x", "int_parsing query.page"),
            ("page=1.5", "int_parsing query.page"),
        ] {
            let answer = self.client.get(&self.with(query)).await;
            assert_eq!(answer.schema_problems(), [problem], "{query}");
        }
        let answer = self.client.get(&self.with("page=9223372036854775808")).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        let answer = self.client.get(&self.with("page=0&limit=0")).await;
        assert_eq!(answer.schema_problems(), ["greater_than query.page", "greater_than query.limit"]);
    }
}

fn text(item: &Value, pointer: &str) -> String {
    // Nulls are last when the order ascends.
    item.pointer(pointer).unwrap().as_str().map_or_else(|| String::from("\u{10ffff}"), str::to_lowercase)
}

fn age(item: &Value) -> String {
    text(item, "/created_at")
}

/// The shop's organization and two more of its member.
async fn three(shop: &Shop) -> [Id<Organization>; 3] {
    [
        shop.organization.id,
        shop.second_organization("second").await.id,
        shop.second_organization("a-third").await.id,
    ]
}

/// Makes the items in seven moments, of which each sees fifteen, five of each organization.
async fn in_turns(shop: &Shop, make: impl Fn(&mut Tx<'_>, usize) -> Result<()> + Clone + Send + 'static) {
    for turn in 0..7 {
        let make = make.clone();
        shop.write(move |tx| (0..15).try_for_each(|n| make(tx, turn * 15 + n))).await.unwrap();
        shop.advance(1);
    }
}

fn customer(tx: &mut Tx<'_>, organization_id: Id<Organization>, n: usize) -> Result<Customer> {
    // Addresses and names whose order is neither that of their making nor that of their bytes.
    let mixed = n * 37 % COUNT;
    let letter = if n.is_multiple_of(2) { 'A' } else { 'b' };
    let command = CreateCustomer {
        organization_id,
        email: format!("{letter}{mixed}@example.com").parse().unwrap(),
        name: (!n.is_multiple_of(4)).then(|| format!("{letter}{}", mixed % 10)),
        billing_address: None,
        tax_id: None,
        metadata: Metadata::default(),
    };
    customers::create(tx, &command)
}

fn custom_field(tx: &mut Tx<'_>, organization_id: Id<Organization>, n: usize) -> Result<()> {
    let letter = if n.is_multiple_of(2) { 'A' } else { 'b' };
    let command = CreateCustomField {
        organization_id,
        r#type: [CustomFieldType::Text, CustomFieldType::Checkbox, CustomFieldType::Number][n % 5 % 3],
        slug: format!("field-{}", n * 37 % COUNT).parse().unwrap(),
        name: format!("{letter}{}", n * 37 % 10),
        properties: Properties::default(),
        metadata: Metadata::default(),
    };
    custom_fields::create(tx, &command).map(drop)
}

fn discount(tx: &mut Tx<'_>, organization_id: Id<Organization>, n: usize) -> Result<()> {
    let letter = if n.is_multiple_of(2) { 'A' } else { 'b' };
    let command = CreateDiscount {
        organization_id,
        name: format!("{letter}{}", n * 37 % 10),
        reduction: Reduction::Percentage { basis_points: 1 },
        span: Span::Once,
        code: (!n.is_multiple_of(4)).then(|| format!("code{}", n * 37 % COUNT).parse().unwrap()),
        starts_at: None,
        ends_at: None,
        max_redemptions: None,
        products: Vec::new(),
        metadata: Metadata::default(),
    };
    let made = discounts::create(tx, &command)?;
    for checkout in 0..n % 3 {
        discounts::redeem(tx, made.id, Uuid::from_u128(checkout as u128))?;
    }
    Ok(())
}

fn product(tx: &mut Tx<'_>, organization_id: Id<Organization>, n: usize) -> Result<Product> {
    let letter = if n.is_multiple_of(2) { 'A' } else { 'b' };
    let recurring_interval = n.is_multiple_of(3).then_some(RecurringInterval::Month);
    let (currency, cents) = (Currency::Usd, Cents::new(100 + i64::try_from(n * 37 % 10).unwrap()));
    let amount = match n % 5 {
        0 => Amount::Free,
        1 if recurring_interval.is_none() => Amount::Custom {
            currency,
            minimum: n.is_multiple_of(2).then_some(cents),
            maximum: None,
            preset: None,
        },
        _ => Amount::Fixed { currency, amount: cents },
    };
    let command = CreateProduct {
        organization_id,
        name: format!("{letter}{}", n * 37 % 10),
        description: None,
        prices: vec![NewPrice { recurring_interval, amount }],
        medias: Vec::new(),
        fields: Vec::new(),
        metadata: Metadata::default(),
    };
    let product = products::create(tx, &command)?;
    if n.is_multiple_of(7) {
        let command = UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() };
        products::update(tx, &Tenancy::of(organization_id), product.id, &command)?;
    }
    Ok(product)
}

fn benefit(tx: &mut Tx<'_>, organization_id: Id<Organization>, r#type: BenefitType) -> Result<Benefit> {
    let description = String::from("A benefit");
    benefits::create(tx, &CreateBenefit { organization_id, r#type, description, properties: json!({}) })
}

/// A complete file.
fn file(tx: &mut Tx<'_>, organization_id: Id<Organization>, n: usize) -> Result<File> {
    let caller = Actor::new(Subject::Organization(organization_id), everything());
    let command = CreateFile {
        organization_id: None,
        service: FileService::Downloadable,
        name: format!("{n:03}.txt"),
        mime_type: String::from("text/plain"),
        size: 1,
        checksum_sha256_base64: None,
        version: None,
        parts: vec![Part { number: 1, chunk_start: 0, chunk_end: 1, checksum_sha256_base64: None }],
        needs_checksums: false,
    };
    let id = files::announce(tx, &caller, &command)?.id;
    let stored = StoredObject { etag: String::from("\"x\""), version: None, last_modified_at: tx.now() };
    files::complete(tx, id, &stored)
}

fn purchase(n: usize) -> Scope {
    Scope::Order(Uuid::from_u128(0x4000_8000_0000_0000_0000 | n as u128))
}

scenarios! {
    async fn organizations_of_a_user(shop) {
        let member = shop.member.id;
        in_turns(shop, move |tx, n| {
            // One is there already.
            if n == 0 {
                return Ok(());
            }
            let command = CreateOrganization {
                name: format!("Number {n}"),
                slug: format!("shop-{}", n * 37 % COUNT).parse().unwrap(),
                avatar_url: None,
                feature_settings: FeatureSettings::of(false),
            };
            organizations::create(tx, member, &command).map(drop)
        }).await;
        let slug = |item: &Value| text(item, "/slug");
        let orders = vec![
            order("", age), order("created_at", age), order("-created_at", age), order("name", slug), order("-name", slug),
        ];
        List { client: shop.merchant.clone(), path: "/v1/organizations/".into(), orders, has_organizations: false }
            .check().await;
    }

    async fn customers_of_several_organizations(shop) {
        let organizations = three(shop).await;
        in_turns(shop, move |tx, n| customer(tx, organizations[n % 3], n).map(drop)).await;
        let (email, name) = (|item: &Value| text(item, "/email"), |item: &Value| text(item, "/name"));
        let orders = vec![
            order("-created_at", age), order("created_at", age), order("email", email), order("-email", email),
            order("name", name), order("-name", name),
        ];
        let list = List { client: shop.merchant.clone(), path: "/v1/customers/".into(), orders, has_organizations: true };
        list.check().await;
        assert_eq!(list.pages("", 100).await, list.pages("-created_at", 100).await, "the usual order");
        // spec 50 §1.8: criteria apply in the order given
        let items = list.pages("name&sorting=-email", 100).await;
        let keys: Vec<(String, String)> = items.iter().map(|item| (name(item), email(item))).collect();
        assert!(keys.is_sorted_by(|one, other| one.0 < other.0 || (one.0 == other.0 && one.1 >= other.1)), "{keys:?}");
    }

    async fn customers_of_an_organization_that_calls_itself(shop) {
        let id = shop.organization.id;
        in_turns(shop, move |tx, n| customer(tx, id, n).map(drop)).await;
        let client = shop.organization_client(id, everything()).await;
        let path = format!("/v1/customers/?organization_id={id}&query=EXAMPLE");
        List { client, path, orders: vec![order("-created_at", age)], has_organizations: false }.check().await;
    }

    // spec 20 C8
    async fn custom_fields_of_several_organizations(shop) {
        let organizations = three(shop).await;
        in_turns(shop, move |tx, n| custom_field(tx, organizations[n % 3], n)).await;
        let (slug, name) = (|item: &Value| text(item, "/slug"), |item: &Value| text(item, "/name"));
        let r#type = |item: &Value| text(item, "/type");
        let orders = vec![
            order("", slug), order("slug", slug), order("-slug", slug), order("name", name), order("-name", name),
            order("type", r#type), order("-type", r#type), order("created_at", age), order("-created_at", age),
        ];
        List { client: shop.merchant.clone(), path: "/v1/custom-fields/".into(), orders, has_organizations: true }
            .check().await;
    }

    async fn discounts_of_several_organizations(shop) {
        let organizations = three(shop).await;
        in_turns(shop, move |tx, n| discount(tx, organizations[n % 3], n)).await;
        let (name, code) = (|item: &Value| text(item, "/name"), |item: &Value| text(item, "/code"));
        let redemptions = |item: &Value| item["redemptions_count"].to_string();
        let orders = vec![
            order("-created_at", age), order("created_at", age), order("name", name), order("-name", name),
            order("code", code), order("-code", code), order("redemptions_count", redemptions),
            order("-redemptions_count", redemptions),
        ];
        let list = List { client: shop.merchant.clone(), path: "/v1/discounts/".into(), orders, has_organizations: true };
        list.check().await;
        assert_eq!(list.pages("", 100).await, list.pages("-created_at", 100).await, "the usual order");
    }

    async fn products_of_several_organizations(shop) {
        let organizations = three(shop).await;
        in_turns(shop, move |tx, n| product(tx, organizations[n % 3], n).map(drop)).await;
        let (name, r#type) = (|item: &Value| text(item, "/name"), |item: &Value| text(item, "/prices/0/type"));
        let amount_type = |item: &Value| {
            let kinds = ["free", "custom", "fixed"];
            kinds.iter().position(|kind| item["prices"][0]["amount_type"] == *kind).unwrap().to_string()
        };
        let amount = |item: &Value| {
            let price = &item["prices"][0];
            let cents = match price["amount_type"].as_str().unwrap() {
                "free" => -2,
                "custom" => price["minimum_amount"].as_i64().unwrap_or(-1),
                _ => price["price_amount"].as_i64().unwrap(),
            };
            format!("{:05}", cents + 2)
        };
        let orders = vec![
            order("-created_at", age), order("created_at", age), order("name", name), order("-name", name),
            order("price_type", r#type), order("-price_type", r#type),
            order("price_amount_type", amount_type), order("-price_amount_type", amount_type),
            order("price_amount", amount), order("-price_amount", amount),
        ];
        let list = List { client: shop.merchant.clone(), path: "/v1/products/".into(), orders, has_organizations: true };
        list.check().await;
        assert_eq!(list.pages("", 100).await, list.pages("-created_at", 100).await, "the usual order");
        let bad = shop.merchant.get("/v1/products/?sorting=foo").await;
        assert_eq!(bad.schema_problems(), ["enum query.sorting.0"], "spec 20 P27");
    }

    // spec 20 T-36
    async fn checkout_links_of_several_organizations(shop) {
        let organizations = three(shop).await;
        let sold = shop.write(move |tx| {
            (0..3).map(|n| product(tx, organizations[n], n + 1)).collect::<Result<Vec<_>>>()
        }).await.unwrap();
        let products: Vec<String> = sold.iter().map(|product| format!("product_id={}", product.id)).collect();
        in_turns(shop, move |tx, n| {
            let command = CreateCheckoutLink {
                sold: Sold::Product(sold[n % 3].id),
                payment_processor: PaymentProcessor::Stripe,
                label: None,
                allow_discount_codes: true,
                discount_id: None,
                success_url: None,
                metadata: Metadata::default(),
            };
            checkout_links::create(tx, &Tenancy::of(sold[n % 3].organization_id), &command).map(drop)
        }).await;
        for path in [String::from("/v1/checkout-links/"), format!("/v1/checkout-links/?{}", products.join("&"))] {
            let orders = vec![order("", age), order("created_at", age), order("-created_at", age)];
            List { client: shop.merchant.clone(), path, orders, has_organizations: true }.check().await;
        }
    }

    async fn benefits_of_several_organizations(shop) {
        let organizations = three(shop).await;
        let types = [BenefitType::LicenseKeys, BenefitType::Ads, BenefitType::Custom, BenefitType::Ads];
        in_turns(shop, move |tx, n| benefit(tx, organizations[n % 3], types[n % 4]).map(drop)).await;
        let key = |item: &Value| format!("{} {}", text(item, "/type"), age(item));
        let list = List {
            client: shop.merchant.clone(),
            path: "/v1/benefits/".into(),
            orders: vec![order("", key)],
            has_organizations: true,
        };
        list.check().await;
        // There is nothing to choose: the parameter is unknown, and so ignored.
        shop.merchant.get("/v1/benefits/?sorting=nonsense").await.expect(200);
    }

    async fn license_keys_of_several_organizations(shop) {
        let organizations = three(shop).await;
        let made = shop.write(move |tx| {
            let mut made = Vec::new();
            for (n, organization) in organizations.into_iter().enumerate() {
                let benefit = benefit(tx, organization, BenefitType::LicenseKeys)?;
                made.push((benefit.id, customer(tx, organization, n)?.id));
            }
            Ok(made)
        }).await.unwrap();
        let sold = made.clone();
        in_turns(shop, move |tx, n| {
            let (benefit, customer) = sold[n % 3];
            grants::grant(tx, benefit, customer, purchase(n)).map(drop)
        }).await;
        let client = shop.merchant.clone();
        // The keys do not say when they were made, but they count up with their ids.
        let id = |item: &Value| text(item, "/id");
        let benefits: Vec<String> = made.iter().map(|(id, _)| format!("benefit_id={id}")).collect();
        for path in [String::from("/v1/license-keys"), format!("/v1/license-keys?{}", benefits.join("&"))] {
            List { client: client.clone(), path, orders: vec![order("", id)], has_organizations: true }.check().await;
        }
        // The same keys as their buyer sees them, who is a customer of all three.
        let user = shop.user("joe@example.com").await;
        for (_, customer) in &made {
            shop.link(*customer, user.id).await;
        }
        let client = shop.user_client(user.id, everything()).await;
        let path = String::from("/v1/customer-portal/license-keys/");
        List { client, path, orders: vec![order("", id)], has_organizations: true }.check().await;
    }

    async fn grants_of_a_benefit(shop) {
        let id = shop.organization.id;
        let benefit = shop.benefit(BenefitType::LicenseKeys, json!({})).await.id;
        let holders = shop.write(move |tx| (0..3).map(|n| Ok(customer(tx, id, n)?.id)).collect::<Result<Vec<_>>>()).await.unwrap();
        let named: Vec<String> = holders.iter().map(|id| format!("customer_id={id}")).collect();
        in_turns(shop, move |tx, n| grants::grant(tx, benefit, holders[n % 3], purchase(n)).map(drop)).await;
        let path = format!("/v1/benefits/{benefit}/grants");
        for path in [path.clone(), format!("{path}?is_granted=true"), format!("{path}?{}", named.join("&"))] {
            let list = List { client: shop.merchant.clone(), path, orders: Vec::new(), has_organizations: false };
            list.check().await;
            let ages: Vec<String> = list.pages("", 100).await.iter().map(age).collect();
            assert!(ages.is_sorted_by(|one, other| one >= other), "the newest first");
            assert_eq!(list.pages("", 30).await, list.pages("", 100).await);
        }
    }

    async fn files_of_an_organization(shop) {
        let id = shop.organization.id;
        in_turns(shop, move |tx, n| file(tx, id, n).map(drop)).await;
        let path = format!("/v1/files/?organization_id={id}");
        let list = List { client: shop.merchant.clone(), path, orders: Vec::new(), has_organizations: false };
        list.check().await;
        let ages: Vec<String> = list.pages("", 100).await.iter().map(age).collect();
        assert!(ages.is_sorted_by(|one, other| one >= other), "the newest first");
        assert_eq!(list.pages("", 30).await, list.pages("", 100).await);
    }

    async fn downloadables_of_a_buyer(shop) {
        let organizations = three(shop).await;
        let user = shop.user("joe@example.com").await.id;
        let buyers = shop.write(move |tx| {
            let mut buyers = Vec::new();
            for (n, organization) in organizations.into_iter().enumerate() {
                let customer = customer(tx, organization, n)?.id;
                customers::link_user(tx, customer, user)?;
                buyers.push((organization, customer));
            }
            Ok(buyers)
        }).await.unwrap();
        in_turns(shop, move |tx, n| {
            let (organization_id, customer) = buyers[n % 3];
            let description = String::from("A file");
            let properties = json!({"files": [file(tx, organization_id, n)?.id]});
            let r#type = BenefitType::Downloadables;
            let benefit = benefits::create(tx, &CreateBenefit { organization_id, r#type, description, properties })?;
            grants::grant(tx, benefit.id, customer, purchase(n)).map(drop)
        }).await;
        let list = List {
            client: shop.user_client(user, everything()).await,
            path: "/v1/customer-portal/downloadables/".into(),
            orders: Vec::new(),
            has_organizations: true,
        };
        list.check().await;
        let whole = list.pages("", 100).await;
        let names: Vec<String> = whole.iter().map(|item| text(item, "/file/name")).collect();
        assert!(names.is_sorted_by(|one, other| one > other), "the newest first: {names:?}");
        let ids = |items: Vec<Value>| items.iter().map(|item| text(item, "/id")).collect::<Vec<_>>();
        assert_eq!(ids(list.pages("", 30).await), ids(whole));
    }

    async fn grants_of_a_buyer(shop) {
        let organizations = three(shop).await;
        let user = shop.user("joe@example.com").await.id;
        let made = shop.write(move |tx| {
            let mut made = Vec::new();
            for (n, organization) in organizations.into_iter().enumerate() {
                let customer = customer(tx, organization, n)?.id;
                customers::link_user(tx, customer, user)?;
                for kind in [BenefitType::Custom, BenefitType::Ads] {
                    made.push((benefit(tx, organization, kind)?.id, customer));
                }
            }
            Ok(made)
        }).await.unwrap();
        in_turns(shop, move |tx, n| {
            let (benefit, customer) = made[n % made.len()];
            let grant = grants::grant(tx, benefit, customer, purchase(n))?;
            if n.is_multiple_of(10) {
                tx.execute("UPDATE benefit_grants SET granted_at = NULL WHERE id = $1", &[&grant.id])?;
            }
            Ok(())
        }).await;
        let (since, kind) = (|item: &Value| text(item, "/granted_at"), |item: &Value| text(item, "/benefit/type"));
        let seller = |item: &Value| text(item, "/benefit/organization/slug");
        let orders = vec![
            order("-granted_at", since), order("granted_at", since), order("type", kind), order("-type", kind),
            order("organization", seller), order("-organization", seller),
        ];
        let list = List {
            client: shop.user_client(user, everything()).await,
            path: "/v1/customer-portal/benefit-grants/".into(),
            orders,
            has_organizations: true,
        };
        list.check().await;
        assert_eq!(list.pages("", 100).await, list.pages("-granted_at", 100).await, "the usual order");
        let answer = list.client.get(&list.with("sorting=size")).await;
        assert_eq!(answer.schema_problems(), ["enum query.sorting.0"]);
    }
}
