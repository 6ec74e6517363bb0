//! Checkouts as the programs of sellers make and change them.

use std::net::IpAddr;

use merak_core::access::{self, MERCHANTS};
use merak_core::checkout_links::Sold;
use merak_core::checkouts::{
    self, CheckoutSort, ClientUpdate, CreateCheckout, ListCheckouts, UpdateCheckout,
};
use merak_core::customers::Customer;
use merak_core::discounts::Discount;
use merak_core::kit::{
    Address, Cents, Email, Id, Kind, LONGEST_NAME, Metadata, Paged, Patch, Result, Scope, WebUrl,
};
use merak_core::organizations::Organization;
use merak_core::products::{Price, Product};
use merak_core::subscriptions::Subscription;
use merak_store::{ReadTx, Tx};
use serde::Deserialize;
use serde_json::{Value, json};

use super::client::NAV;
use super::wire::Checkout;
use crate::api::checkout_links::{SoldById, sold_by};
use crate::api::shared::ById;
use crate::wire::{
    Call, Components, Created, Described, Given, Json, JsonObject, ListResource, Many, Nothing, Operation,
    first_page, one_of_named, page, request, sorting, usual_limit,
};

const READERS: &[Scope] = &[Scope::CheckoutsRead, Scope::CheckoutsWrite];
const WRITERS: &[Scope] = &[Scope::CheckoutsWrite];

pub fn operations() -> Vec<Operation> {
    // Without its slash the path would be one of the older operation, whose id is any text.
    const ALIAS: &str = "/v1/checkouts/custom";
    vec![
        Operation::get("/v1/checkouts/custom/", list)
            .named("checkouts:custom:list", "List Checkouts")
            .about("Lists the checkouts of the caller's organizations, whatever became of them.")
            .nav(NAV)
            .admits_only(MERCHANTS, READERS)
            .also_at(ALIAS),
        Operation::post("/v1/checkouts/custom/", create)
            .named("checkouts:custom:create", "Create Checkout")
            .about("Begins a checkout of a product, at one of its prices or at its first. It is open for 30 minutes.")
            .nav(NAV)
            .admits_only(MERCHANTS, WRITERS)
            .refuses(&[Kind::NotPermitted])
            .also_at(ALIAS),
        Operation::get("/v1/checkouts/custom/{id}", get)
            .named("checkouts:custom:get", "Get Checkout")
            .about("Shows a checkout.")
            .nav(NAV)
            .admits_only(MERCHANTS, READERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
        Operation::patch("/v1/checkouts/custom/{id}", update)
            .named("checkouts:custom:update", "Update Checkout")
            .about("Changes an open checkout. What is left out stays as it is.")
            .nav(NAV)
            .admits_only(MERCHANTS, WRITERS)
            .refuses(&[Kind::CheckoutNotOpen, Kind::NotFound]),
    ]
}

sorting!(Sorting, CheckoutSort, "CheckoutSortProperty", "-created_at");

request! {
    /// Which checkouts to list.
    pub struct ListCheckoutsQuery {
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

    /// A new checkout of a product.
    pub struct CheckoutProductCreate {
        /// The organization's own notes, which the order and the subscription get a copy of.
        #[serde(default)]
        pub metadata: Given<Metadata>,
        /// The answers to the product's custom fields, by slug. None at all are asked for later.
        #[serde(default)]
        pub custom_field_data: Given<JsonObject>,
        /// A discount of a fixed price, if it can be redeemed now.
        pub discount_id: Option<Id<Discount>>,
        /// Whether the buyer can type the code of a discount.
        #[serde(default)]
        pub allow_discount_codes: Given<bool> = {"default": true},
        /// How much the buyer is to pay, in cents, at a price at choice. It means nothing at others.
        pub amount: Option<i64> = {"minimum": 50, "maximum": 99_999_999},
        /// Who buys. What is not said here about the buyer is taken from the customer.
        pub customer_id: Option<Id<Customer>>,
        /// The buyer's name.
        pub customer_name: Option<String> = {"x-trim": true, "maxLength": LONGEST_NAME},
        /// Where the buyer's mail goes.
        pub customer_email: Option<Email>,
        /// Where the buyer's browser calls from.
        pub customer_ip_address: Option<IpAddr>,
        /// Where the buyer is billed.
        pub customer_billing_address: Option<Address>,
        /// The buyer's tax number. It needs a billing address.
        pub customer_tax_id: Option<String> = {"x-trim": true},
        /// Notes that the customer gets a copy of.
        #[serde(default)]
        pub customer_metadata: Given<Metadata>,
        /// The free subscription to turn into a paid one. Its customer buys.
        pub subscription_id: Option<Id<Subscription>>,
        /// Where the buyer goes then. `{CHECKOUT_ID}` in it becomes the checkout's id.
        pub success_url: Option<WebUrl>,
        /// The origin of the page that the checkout is embedded in.
        pub embed_origin: Option<String>,
        /// What is sold, at its first price.
        #[serde(flatten)]
        pub sold: SoldById,
    }

    /// A change of an open checkout.
    pub struct CheckoutUpdate {
        /// The answers to the product's custom fields, by slug, replaced as a whole.
        pub custom_field_data: Option<JsonObject>,
        /// Another current price of the same product.
        pub product_price_id: Option<Id<Price>>,
        /// How much to pay, in cents, at a price at choice.
        pub amount: Option<i64> = {"minimum": 50, "maximum": 99_999_999},
        /// The buyer's name.
        #[serde(default)]
        pub customer_name: Patch<String> = {"x-trim": true, "maxLength": LONGEST_NAME},
        /// Where the buyer's mail goes. It stays if it is known who buys.
        #[serde(default)]
        pub customer_email: Patch<Email>,
        /// Where the buyer is billed, replaced as a whole.
        pub customer_billing_address: Option<Address>,
        /// The buyer's tax number.
        #[serde(default)]
        pub customer_tax_id: Patch<String> = {"x-trim": true},
        /// The organization's own notes, replaced as a whole.
        pub metadata: Option<Metadata>,
        /// A discount of a fixed price, if it can be redeemed now.
        #[serde(default)]
        pub discount_id: Patch<Id<Discount>>,
        /// Whether the buyer can type the code of a discount.
        pub allow_discount_codes: Option<bool>,
        /// Where the buyer's browser calls from.
        #[serde(default)]
        pub customer_ip_address: Patch<IpAddr>,
        /// Notes that the customer gets a copy of, replaced as a whole.
        pub customer_metadata: Option<Metadata>,
        /// Where the buyer goes then. `{CHECKOUT_ID}` in it becomes the checkout's id.
        #[serde(default)]
        pub success_url: Patch<WebUrl>,
        /// The origin of the page that the checkout is embedded in.
        #[serde(default)]
        pub embed_origin: Patch<String>,
    }
}

/// A new checkout: of a product, or of one of its prices. If both are named the product counts.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct CheckoutCreate(CheckoutProductCreate);

impl Described for CheckoutCreate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CheckoutCreate", |components| {
            let by_product = CheckoutProductCreate::schema(components);
            let schema = components["CheckoutProductCreate"].clone();
            components["CheckoutProductCreate"] = sold_by(schema.clone(), "product_id");
            let by_price = one_of_named(components, "CheckoutPriceCreate", |_| {
                let mut schema = sold_by(schema, "product_price_id");
                schema["properties"]["product_price_id"]["description"] = json!("At which price it is sold.");
                schema["description"] = json!("A new checkout of a product at one of its prices.");
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

impl From<&CheckoutProductCreate> for CreateCheckout {
    fn from(body: &CheckoutProductCreate) -> Self {
        Self {
            sold: match body.sold {
                SoldById::Product(id) => Sold::Product(id),
                SoldById::Price(id) => Sold::Price(id),
            },
            discount_id: body.discount_id,
            allow_discount_codes: body.allow_discount_codes.0.unwrap_or(true),
            amount: body.amount.map(Cents::new),
            customer_id: body.customer_id,
            customer_name: body.customer_name.clone(),
            customer_email: body.customer_email.clone(),
            customer_ip_address: body.customer_ip_address,
            customer_billing_address: body.customer_billing_address.clone(),
            customer_tax_id: body.customer_tax_id.clone(),
            metadata: body.metadata.0.clone().unwrap_or_default(),
            customer_metadata: body.customer_metadata.0.clone().unwrap_or_default(),
            custom_field_data: body.custom_field_data.0.clone().unwrap_or_default().0,
            subscription_id: body.subscription_id,
            success_url: body.success_url.clone(),
            embed_origin: body.embed_origin.clone(),
        }
    }
}

impl From<&CheckoutUpdate> for UpdateCheckout {
    fn from(body: &CheckoutUpdate) -> Self {
        Self {
            by_buyer: ClientUpdate {
                product_price_id: body.product_price_id,
                amount: body.amount.map(Cents::new),
                customer_name: body.customer_name.clone(),
                customer_email: body.customer_email.clone(),
                customer_billing_address: body.customer_billing_address.clone(),
                customer_tax_id: body.customer_tax_id.clone(),
                custom_field_data: body.custom_field_data.clone().map(|answers| answers.0),
                discount_code: Patch::Absent,
            },
            discount_id: body.discount_id,
            allow_discount_codes: body.allow_discount_codes,
            customer_ip_address: body.customer_ip_address,
            metadata: body.metadata.clone(),
            customer_metadata: body.customer_metadata.clone(),
            success_url: body.success_url.clone(),
            embed_origin: body.embed_origin.clone(),
        }
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListCheckoutsQuery>,
) -> Result<Json<ListResource<Checkout>>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let page = page(call.query.page, call.query.limit);
    let wanted = ListCheckouts {
        product_ids: call.query.product_id.0.clone(),
        sorting: call.query.sorting.criteria(),
        page,
    };
    let found = checkouts::list(tx, &tenancy, &wanted)?;
    let complete = Paged::new(checkouts::complete(tx, found.items)?, found.total);
    Ok(Json(ListResource::new(complete, page, |checkout| Checkout::new(checkout, &call.house))))
}

fn create(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, CheckoutCreate>) -> Result<Created<Checkout>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let command = CreateCheckout::from(&call.body.0);
    let checkout = checkouts::create(tx, &tenancy, &command, &call.house.means())?;
    Ok(Created(Checkout::new(checkouts::complete_one(tx, checkout)?, &call.house)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<Checkout>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let checkout = checkouts::get(tx, &tenancy, call.path.id.cast())?;
    Ok(Json(Checkout::new(checkouts::complete_one(tx, checkout)?, &call.house)))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, CheckoutUpdate>) -> Result<Json<Checkout>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let command = UpdateCheckout::from(&call.body);
    let checkout = checkouts::update(tx, &tenancy, call.path.id.cast(), &command, &call.house.means())?;
    Ok(Json(Checkout::new(checkouts::complete_one(tx, checkout)?, &call.house)))
}
