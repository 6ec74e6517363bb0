//! Checkout links: list, create, get, update, delete.

use http::Method;
use http::header::USER_AGENT;
use merak_core::access::{self, MERCHANTS};
use merak_core::checkout_links::{
    self, CheckoutLinkSort, CompleteCheckoutLink, CreateCheckoutLink, ListCheckoutLinks, PaymentProcessor,
    Sold, UpdateCheckoutLink,
};
use merak_core::checkouts::{self, Visit};
use merak_core::discounts::Discount;
use merak_core::kit::{Id, Kind, Metadata, Paged, Patch, Refusal, Result, Scope, WebUrl};
use merak_core::organizations::Organization;
use merak_core::products::{Price, Product};
use merak_store::{ReadTx, Timestamp, Tx};
use serde::Deserialize;
use serde_json::{Value, json};

use super::shared::{ById, CheckoutLinkProduct, DiscountMinimal, ProductPrice};
use crate::pages::apology::prefers_page;
use crate::pages::notice::Notice;
use crate::state::House;
use crate::wire::{
    Answer, Call, Components, Created, Described, Json, ListResource, Many, NoContent, Nothing, Operation,
    Reply, TemporaryRedirect, Text, Unit, answer, first_page, one_of_named, page, request, sorting,
    usual_limit,
};

const NAV: &str = "Other Endpoints > Checkout-Links";
const READERS: &[Scope] = &[Scope::CheckoutLinksRead, Scope::CheckoutLinksWrite];
const WRITERS: &[Scope] = &[Scope::CheckoutLinksWrite];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/checkout-links/", list)
            .named("checkout-links:list", "List Checkout Links")
            .about("Lists the checkout links of the caller's organizations, also those of archived products.")
            .nav(NAV)
            .admits(MERCHANTS, READERS),
        Operation::post("/v1/checkout-links/", create)
            .named("checkout-links:create", "Create Checkout Link")
            .about(
                "Makes a link that opens a checkout of a product: at one of its prices, or at the price that is its first \
                 when somebody uses the link.",
            )
            .nav(NAV)
            .admits(MERCHANTS, WRITERS),
        Operation::get("/v1/checkout-links/{id}", get)
            .named("checkout-links:get", "Get Checkout Link")
            .about("Shows a checkout link.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/checkout-links/{id}", update)
            .named("checkout-links:update", "Update Checkout Link")
            .about("Changes a checkout link. What it sells stays the same product.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
        Operation::delete("/v1/checkout-links/{id}", delete)
            .named("checkout-links:delete", "Delete Checkout Link")
            .about("Deletes a checkout link; it opens nothing any more.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotFound]),
        Operation::new(Method::GET, "/v1/checkout-links/{client_secret}/redirect", Unit::Write(follow))
            .named("checkout-links:redirect", "Follow Checkout Link")
            .about("Begins a checkout for whoever follows a checkout link, and leads there.")
            .nav(NAV)
            .refuses(&[Kind::NotFound])
            .signed()
            .hidden(),
        Operation::new(Method::HEAD, "/v1/checkout-links/{client_secret}/redirect", Unit::Read(look))
            .named("checkout-links:look", "Look At Checkout Link")
            .about("Says whether a checkout link leads anywhere, and begins nothing.")
            .nav(NAV)
            .refuses(&[Kind::NotFound])
            .hidden(),
    ]
}

sorting!(Sorting, CheckoutLinkSort, "CheckoutLinkSortProperty", "created_at");

impl Described for PaymentProcessor {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "PaymentProcessor", |_| json!({"type": "string", "enum": Self::TEXTS}))
    }
}

request! {
    /// Which checkout links to list.
    pub struct ListCheckoutLinksQuery {
        /// Only those of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only those that sell one of these.
        #[serde(default)]
        pub product_id: Many<Id<Product>>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
        /// In which order.
        #[serde(default)]
        pub sorting: Sorting,
    }

    /// The path of a link that is followed.
    pub struct ByClientSecret {
        /// What opens the link.
        pub client_secret: String,
    }

    /// A new link to a product.
    pub struct CheckoutLinkProductCreate {
        /// The organization's own notes, which each checkout gets a copy of.
        #[serde(default)]
        pub metadata: Metadata = {"default": {}},
        /// Who takes the money: whichever processor is set up.
        #[serde(default)]
        pub payment_processor: OnlyProcessor = {"default": "stripe"},
        /// What the seller calls it.
        pub label: Option<String>,
        /// Whether buyers can type the code of a discount.
        #[serde(default = "yes")]
        pub allow_discount_codes: bool = {"default": true},
        /// A discount that buyers get, if it can be redeemed when they come.
        pub discount_id: Option<Id<Discount>>,
        /// Where buyers go when they have bought. `{CHECKOUT_ID}` in it becomes the checkout's id.
        pub success_url: Option<WebUrl>,
        /// What is sold, at the price that is its first at each use.
        #[serde(flatten)]
        pub sold: SoldById,
    }

    /// A change of a checkout link.
    pub struct CheckoutLinkUpdate {
        /// The organization's own notes, replaced as a whole.
        pub metadata: Option<Metadata>,
        /// What the seller calls it.
        #[serde(default)]
        pub label: Patch<String>,
        /// Whether buyers can type the code of a discount.
        pub allow_discount_codes: Option<bool>,
        /// At which price of the product; null leaves it to each use.
        #[serde(default)]
        pub product_price_id: Patch<Id<Price>>,
        /// A discount that buyers get, if it can be redeemed when they come.
        #[serde(default)]
        pub discount_id: Patch<Id<Discount>>,
        /// Where buyers go when they have bought. `{CHECKOUT_ID}` in it becomes the checkout's id.
        #[serde(default)]
        pub success_url: Patch<WebUrl>,
    }
}

fn yes() -> bool {
    true
}

/// The one processor that a request can name.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct OnlyProcessor(PaymentProcessor);

impl Described for OnlyProcessor {
    fn schema(_: &mut Components) -> Value {
        json!({"type": "string", "const": PaymentProcessor::Stripe.as_str()})
    }
}

/// A new checkout link: to a product, or to one of its prices. If both are named the product counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct CheckoutLinkCreate(CheckoutLinkProductCreate);

/// The member that says what is sold; the schema leaves one of the two.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum SoldById {
    #[serde(rename = "product_id")]
    Product(Id<Product>),
    #[serde(rename = "product_price_id")]
    Price(Id<Price>),
}

impl Described for SoldById {
    fn schema(components: &mut Components) -> Value {
        Id::<Product>::schema(components)
    }
}

impl Described for CheckoutLinkCreate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CheckoutLinkCreate", |components| {
            let by_product = CheckoutLinkProductCreate::schema(components);
            let schema = components["CheckoutLinkProductCreate"].clone();
            components["CheckoutLinkProductCreate"] = sold_by(schema.clone(), "product_id");
            let by_price = one_of_named(components, "CheckoutLinkPriceCreate", |_| {
                let mut schema = sold_by(schema, "product_price_id");
                schema["properties"]["product_price_id"]["description"] = json!("At which price it is sold.");
                schema["description"] = json!("A new link to one price of a product.");
                schema
            });
            json!({
                "anyOf": [by_product, by_price],
                "x-choose": [
                    {"where": {"/product_id": true}, "branch": 0},
                    {"where": {"/product_price_id": true}, "branch": 1}
                ]
            })
        })
    }
}

/// The schema with the member by which it is said what is sold.
pub(super) fn sold_by(mut schema: Value, member: &str) -> Value {
    let members = schema["properties"].as_object_mut();
    if let Some((members, sold)) =
        members.and_then(|members| members.shift_remove("sold").map(|sold| (members, sold)))
    {
        members.insert(member.to_owned(), sold);
    }
    schema["required"] = json!([member]);
    schema
}

answer! {
    /// A recipe of checkouts.
    pub struct CheckoutLink {
        /// When the link was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The link's id.
        pub id: Id<checkout_links::CheckoutLink>,
        /// The organization's own notes, which each checkout gets a copy of.
        pub metadata: Metadata,
        /// Who takes the money: whichever processor is set up.
        pub payment_processor: PaymentProcessor,
        /// What opens the link.
        pub client_secret: String,
        /// Where buyers go when they have bought.
        pub success_url: Option<String>,
        /// What the seller calls it.
        pub label: Option<String>,
        /// Whether buyers can type the code of a discount.
        pub allow_discount_codes: bool,
        /// What is sold.
        pub product_id: Id<Product>,
        /// At which price; null leaves it to each use.
        pub product_price_id: Option<Id<Price>>,
        /// The discount that buyers get.
        pub discount_id: Option<Id<Discount>>,
        /// What is sold.
        pub product: CheckoutLinkProduct,
        /// At which price. It may be archived by now.
        pub product_price: Option<ProductPrice>,
        /// The discount that buyers get. It may have ended or be deleted by now.
        pub discount: Option<DiscountMinimal>,
        /// The address to put on a web page.
        pub url: String = {"readOnly": true},
    }
}

impl CheckoutLink {
    fn new(complete: CompleteCheckoutLink, house: &House) -> Self {
        let CompleteCheckoutLink { link, product, price, discount } = complete;
        Self {
            created_at: link.created_at,
            modified_at: link.modified_at,
            id: link.id,
            metadata: link.metadata,
            payment_processor: link.payment_processor,
            url: house.checkout_link_url(&link.client_secret),
            client_secret: link.client_secret,
            success_url: link.success_url.map(|url| url.to_string()),
            label: link.label,
            allow_discount_codes: link.allow_discount_codes,
            product_id: link.product_id,
            product_price_id: link.product_price_id,
            discount_id: link.discount_id,
            product: CheckoutLinkProduct::new(product, house),
            product_price: price.map(Into::into),
            discount: discount.map(Into::into),
        }
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListCheckoutLinksQuery>,
) -> Result<Json<ListResource<CheckoutLink>>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let page = page(call.query.page, call.query.limit);
    let wanted = ListCheckoutLinks {
        product_ids: call.query.product_id.0.clone(),
        sorting: call.query.sorting.criteria(),
        page,
    };
    let found = checkout_links::list(tx, &tenancy, &wanted)?;
    let complete = Paged::new(checkout_links::complete(tx, found.items)?, found.total);
    Ok(Json(ListResource::new(complete, page, |link| CheckoutLink::new(link, &call.house))))
}

fn create(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, CheckoutLinkCreate>,
) -> Result<Created<CheckoutLink>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let body = &call.body.0;
    let command = CreateCheckoutLink {
        sold: match body.sold {
            SoldById::Product(id) => Sold::Product(id),
            SoldById::Price(id) => Sold::Price(id),
        },
        payment_processor: body.payment_processor.0,
        label: body.label.clone(),
        allow_discount_codes: body.allow_discount_codes,
        discount_id: body.discount_id,
        success_url: body.success_url.clone(),
        metadata: body.metadata.clone(),
    };
    let link = checkout_links::create(tx, &tenancy, &command)?;
    Ok(Created(CheckoutLink::new(checkout_links::complete_one(tx, link)?, &call.house)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CheckoutLink>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let link = checkout_links::get(tx, &tenancy, call.path.id.cast())?;
    Ok(Json(CheckoutLink::new(checkout_links::complete_one(tx, link)?, &call.house)))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, CheckoutLinkUpdate>) -> Result<Json<CheckoutLink>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let body = &call.body;
    let command = UpdateCheckoutLink {
        product_price_id: body.product_price_id,
        discount_id: body.discount_id,
        label: body.label.clone(),
        success_url: body.success_url.clone(),
        allow_discount_codes: body.allow_discount_codes,
        metadata: body.metadata.clone(),
    };
    let link = checkout_links::update(tx, &tenancy, call.path.id.cast(), &command)?;
    Ok(Json(CheckoutLink::new(checkout_links::complete_one(tx, link)?, &call.house)))
}

fn delete(tx: &mut Tx<'_>, call: &Call<ById>) -> Result<NoContent> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    checkout_links::delete(tx, &tenancy, call.path.id.cast())?;
    Ok(NoContent)
}

/// Where a link leads: to the page of a new checkout, or to a page that says what it is about.
enum Followed {
    Checkout(TemporaryRedirect),
    Notice(Notice),
}

impl Answer for Followed {
    const STATUS: u16 = TemporaryRedirect::STATUS;

    fn body_schema(_: &mut Components) -> Option<Value> {
        None
    }

    fn reply(&self) -> std::result::Result<Reply, serde_json::Error> {
        match self {
            Self::Checkout(redirect) => redirect.reply(),
            Self::Notice(notice) => notice.reply(),
        }
    }
}

/// What programs call themselves that fetch a link to show what is behind it. Nobody buys there.
const PREVIEWERS: [&str; 10] = [
    "bluesky",
    "discordbot",
    "facebookexternalhit",
    "iframely",
    "linkedinbot",
    "mastodon",
    "slackbot",
    "telegrambot",
    "twitterbot",
    "whatsapp",
];

/// Begins a checkout and leads there. Browsers are told by a page why they cannot, previewers by a page what is sold.
fn follow(tx: &mut Tx<'_>, call: &Call<ByClientSecret>) -> Result<Followed> {
    let headers = call.signed.as_ref().map(|signed| &signed.headers);
    let agent = headers.and_then(|headers| headers.get(USER_AGENT)?.to_str().ok());
    let agent = agent.unwrap_or_default().to_ascii_lowercase();
    let is_person = headers.is_some_and(prefers_page);
    if PREVIEWERS.iter().any(|previewer| agent.contains(previewer)) {
        let (_, product, _) = checkout_links::follow(tx, &call.path.client_secret)?;
        return Ok(Followed::Notice(Notice::preview(&product.name)));
    }
    let query = call.signed.as_ref().map(|signed| signed.query.as_str()).unwrap_or_default();
    let (embed_origin, forwarded) = forwarded(query);
    let visit = Visit { embed_origin, ip_address: call.address };
    match checkouts::create_by_link(tx, &call.path.client_secret, &visit, &call.house.means()) {
        Ok(checkout) => {
            let url = call.house.checkout_url(&checkout.client_secret);
            let url = if forwarded.is_empty() { url } else { format!("{url}?{forwarded}") };
            Ok(Followed::Checkout(TemporaryRedirect(url)))
        }
        Err(Refusal::Invalid(problems)) if is_person => Ok(Followed::Notice(Notice::not_sold(&problems))),
        Err(refusal) if is_person && refusal.kind() == Some(Kind::NotFound) => {
            Ok(Followed::Notice(Notice::leads_nowhere()))
        }
        Err(refusal) => Err(refusal),
    }
}

/// The `embed_origin` of a query, and the query without it. Of a parameter that is repeated the last value counts, in
/// the place of the first.
fn forwarded(query: &str) -> (Option<String>, String) {
    let mut kept: Vec<(String, String)> = Vec::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()).into_owned() {
        match kept.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => kept.push((name, value)),
        }
    }
    let origin = kept.iter().position(|(name, _)| name == "embed_origin").map(|at| kept.remove(at).1);
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    (origin, query)
}

fn look(tx: &mut ReadTx<'_>, call: &Call<ByClientSecret>) -> Result<Text> {
    checkout_links::follow(tx, &call.path.client_secret)?;
    Ok(Text(""))
}
