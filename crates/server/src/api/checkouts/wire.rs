//! Checkouts on the wire: for their sellers, and for their buyers. Both show the same members, and each some of its own.

use merak_core::checkout_links::PaymentProcessor;
use merak_core::checkouts::{self, CheckoutStatus, CompleteCheckout, PublicCheckout};
use merak_core::customers::Customer;
use merak_core::discounts::Discount;
use merak_core::kit::{Address, Currency, Email, Id, Metadata};
use merak_core::products::{AmountType, Price, PriceType, Product};
use merak_core::subscriptions::Subscription;
use merak_store::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use crate::api::shared::{
    AttachedCustomField, CheckoutDiscount, CheckoutLinkProduct, CheckoutProduct, Organization, ProductPrice,
};
use crate::state::House;
use crate::wire::{Components, Described, answer, one_of_named};

impl Described for CheckoutStatus {
    fn schema(components: &mut Components) -> Value {
        one_of_named(
            components,
            "CheckoutStatus",
            |_| json!({"type": "string", "enum": Self::TEXTS, "description": "How far a checkout has come."}),
        )
    }
}

answer! {
    /// What every checkout shows first.
    pub struct CheckoutBase {
        /// When the checkout was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The checkout's id.
        pub id: Id<checkouts::Checkout>,
        /// The buyer's answers to the product's custom fields, by slug.
        pub custom_field_data: merak_store::Json = {"required": false},
        /// Who takes the money: whichever processor is set up.
        pub payment_processor: PaymentProcessor,
        /// How far it has come.
        pub status: CheckoutStatus,
        /// What lets a browser see and fill it.
        pub client_secret: String,
        /// The page on which it is filled in.
        pub url: String,
        /// Until when it is open.
        pub expires_at: Timestamp,
        /// Where the buyer goes then.
        pub success_url: String,
        /// The origin of the page that it is embedded in.
        pub embed_origin: Option<String>,
        /// What it costs, in cents, before discount and tax; null if it is free.
        pub amount: Option<i64> = {"minimum": 50, "maximum": 99_999_999},
        /// The tax, in cents; null as long as it is not known.
        pub tax_amount: Option<i64>,
        /// In which currency; null if it is free.
        pub currency: Option<String>,
        /// The amount less discount, without tax; null if it is free.
        pub subtotal_amount: Option<i64>,
        /// What is to be paid, with as much tax as is known; null if it is free.
        pub total_amount: Option<i64>,
        /// What is sold.
        pub product_id: Id<Product>,
        /// At which price.
        pub product_price_id: Id<Price>,
        /// The discount.
        pub discount_id: Option<Id<Discount>>,
        /// Whether the buyer can type the code of a discount.
        pub allow_discount_codes: bool,
        /// Whether discounts reduce the price: fixed ones only.
        pub is_discount_applicable: bool,
        /// Whether the price is free.
        pub is_free_product_price: bool,
        /// Whether anything is to be paid now.
        pub is_payment_required: bool,
        /// Whether something is to be paid later, so that the leave to charge is needed.
        pub is_payment_setup_required: bool,
        /// Whether the buyer has to say how to pay.
        pub is_payment_form_required: bool,
        /// Who buys, once that is known.
        pub customer_id: Option<Id<Customer>>,
        /// The buyer's name.
        pub customer_name: Option<String>,
        /// Where the buyer's mail goes.
        pub customer_email: Option<Email>,
        /// Where the buyer's browser called from.
        pub customer_ip_address: Option<String> = {"format": "ipvanyaddress"},
        /// Where the buyer is billed.
        pub customer_billing_address: Option<Address>,
        /// The buyer's tax number.
        pub customer_tax_id: Option<String>,
        /// What the browser needs to know of the processor.
        pub payment_processor_metadata: merak_store::Json,
    }

    /// What only the seller sees of the notes, first part.
    pub struct CheckoutNotes {
        /// The organization's own notes, which the order and the subscription get a copy of.
        pub metadata: Metadata,
    }

    /// What is sold.
    pub struct CheckoutSold {
        /// What is sold.
        pub product: CheckoutProduct,
        /// At which price. It may be archived by now.
        pub product_price: ProductPrice,
        /// With which discount. It may have ended or be deleted by now.
        pub discount: Option<CheckoutDiscount>,
    }

    /// What the seller sees last.
    pub struct CheckoutSellersEnd {
        /// The free subscription that it turns into a paid one.
        pub subscription_id: Option<Id<Subscription>>,
        /// What the buyer is asked, in the seller's order.
        pub attached_custom_fields: Vec<AttachedCustomField>,
        /// Notes that the customer gets a copy of.
        pub customer_metadata: Metadata,
    }

    /// What the buyer sees last.
    pub struct CheckoutBuyersEnd {
        /// Who sells.
        pub organization: Organization,
        /// What the buyer is asked, in the seller's order.
        pub attached_custom_fields: Vec<AttachedCustomField>,
    }
}

/// A checkout as its seller sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Checkout {
    #[serde(flatten)]
    base: CheckoutBase,
    #[serde(flatten)]
    notes: CheckoutNotes,
    #[serde(flatten)]
    sold: CheckoutSold,
    #[serde(flatten)]
    end: CheckoutSellersEnd,
}

/// A checkout as its buyer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct CheckoutPublic {
    #[serde(flatten)]
    base: CheckoutBase,
    #[serde(flatten)]
    sold: CheckoutSold,
    #[serde(flatten)]
    end: CheckoutBuyersEnd,
}

/// A checkout that was confirmed, as its buyer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct CheckoutPublicConfirmed {
    #[serde(flatten)]
    checkout: CheckoutPublic,
    #[serde(flatten)]
    confirmation: CheckoutConfirmation,
}

answer! {
    /// What only the answer to a confirmation shows.
    pub struct CheckoutConfirmation {
        /// The token of a session in the customer portal, for an hour.
        pub customer_session_token: String,
    }
}

impl Described for CheckoutPublicConfirmed {
    fn schema(components: &mut Components) -> Value {
        let parts: &[fn(&mut Components) -> Value] = &[
            CheckoutBase::schema,
            CheckoutSold::schema,
            CheckoutBuyersEnd::schema,
            CheckoutConfirmation::schema,
        ];
        let about = "A checkout that was confirmed, as its buyer sees it.";
        let name = "CheckoutPublicConfirmed";
        let reference = joined(components, name, about, parts);
        if let Some(schema) = components.get_mut(name) {
            schema["properties"]["status"] = json!({"type": "string", "const": "confirmed"});
        }
        reference
    }
}

impl CheckoutPublicConfirmed {
    /// A checkout of the core that was confirmed. It says so even if it has gone on since: clients know no other word here.
    pub fn new(public: PublicCheckout, house: &House, customer_session_token: &str) -> Self {
        let mut checkout = CheckoutPublic::new(public, house);
        checkout.base.status = CheckoutStatus::Confirmed;
        let customer_session_token = customer_session_token.to_owned();
        Self { checkout, confirmation: CheckoutConfirmation { customer_session_token } }
    }
}

impl Described for Checkout {
    fn schema(components: &mut Components) -> Value {
        joined(
            components,
            "Checkout",
            "A checkout as its seller sees it.",
            &[CheckoutBase::schema, CheckoutNotes::schema, CheckoutSold::schema, CheckoutSellersEnd::schema],
        )
    }
}

impl Described for CheckoutPublic {
    fn schema(components: &mut Components) -> Value {
        joined(
            components,
            "CheckoutPublic",
            "A checkout as its buyer sees it.",
            &[CheckoutBase::schema, CheckoutSold::schema, CheckoutBuyersEnd::schema],
        )
    }
}

/// The schema of an object that has the members of several. These have no place in the document of their own.
pub fn joined(
    components: &mut Components,
    name: &str,
    about: &str,
    parts: &[fn(&mut Components) -> Value],
) -> Value {
    one_of_named(components, name, |components| {
        let (mut members, mut required) = (Components::new(), Vec::new());
        for part in parts {
            let reference = part(components);
            let part = reference["$ref"].as_str().and_then(|path| path.rsplit('/').next());
            let part = part.and_then(|name| components.shift_remove(name)).unwrap_or_default();
            members.extend(part["properties"].as_object().cloned().unwrap_or_default());
            required.extend(part["required"].as_array().cloned().unwrap_or_default());
        }
        json!({"type": "object", "properties": members, "required": required, "description": about})
    })
}

impl Checkout {
    /// A checkout of the core, with pages and pictures where this house has them.
    pub fn new(complete: CompleteCheckout, house: &House) -> Self {
        let base = CheckoutBase::new(&complete, house);
        let CompleteCheckout { checkout, product, price, discount } = complete;
        Self {
            base,
            notes: CheckoutNotes { metadata: checkout.metadata },
            sold: CheckoutSold {
                product: CheckoutProduct(CheckoutLinkProduct::new(product.public, house)),
                product_price: price.into(),
                discount: discount.map(Into::into),
            },
            end: CheckoutSellersEnd {
                subscription_id: checkout.subscription_id,
                attached_custom_fields: product.fields.into_iter().map(Into::into).collect(),
                customer_metadata: checkout.customer_metadata,
            },
        }
    }
}

impl CheckoutPublic {
    /// The same with what shows its buyer their saved cards. It stands in no other answer: the checkout's secret is in links
    /// that are passed on.
    #[must_use]
    pub fn with_saved_cards(mut self, secret: Option<&str>) -> Self {
        if let Some(secret) = secret {
            self.base.payment_processor_metadata = json!({"customer_session_client_secret": secret}).into();
        }
        self
    }

    /// A checkout of the core, with pages and pictures where this house has them.
    pub fn new(public: PublicCheckout, house: &House) -> Self {
        let PublicCheckout { complete, organization, .. } = public;
        let base = CheckoutBase::new(&complete, house);
        let CompleteCheckout { product, price, discount, .. } = complete;
        Self {
            base,
            sold: CheckoutSold {
                product: CheckoutProduct(CheckoutLinkProduct::new(product.public, house)),
                product_price: price.into(),
                discount: discount.map(Into::into),
            },
            end: CheckoutBuyersEnd {
                organization: organization.into(),
                attached_custom_fields: product.fields.into_iter().map(Into::into).collect(),
            },
        }
    }
}

impl CheckoutBase {
    fn new(complete: &CompleteCheckout, house: &House) -> Self {
        let CompleteCheckout { checkout, price, .. } = complete;
        let is_free = price.amount_type == AmountType::Free;
        let is_payment_required = checkout.is_payment_required();
        let is_setup_required = price.r#type == PriceType::Recurring && !is_free;
        let usual_page = || house.confirmation_url(&checkout.client_secret);
        Self {
            created_at: checkout.created_at,
            modified_at: checkout.modified_at,
            id: checkout.id,
            custom_field_data: checkout.custom_field_data.clone(),
            payment_processor: PaymentProcessor::Stripe,
            status: checkout.status,
            client_secret: checkout.client_secret.clone(),
            url: house.checkout_url(&checkout.client_secret),
            expires_at: checkout.expires_at,
            success_url: checkouts::success_url(checkout).unwrap_or_else(usual_page),
            embed_origin: checkout.embed_origin.clone(),
            amount: checkout.amount.map(merak_core::kit::Cents::get),
            tax_amount: checkout.tax_amount.map(merak_core::kit::Cents::get),
            currency: checkout.currency.map(|currency: Currency| currency.as_str().to_owned()),
            subtotal_amount: checkout.subtotal().map(merak_core::kit::Cents::get),
            total_amount: checkout.total().map(merak_core::kit::Cents::get),
            product_id: checkout.product_id,
            product_price_id: checkout.product_price_id,
            discount_id: checkout.discount_id,
            allow_discount_codes: checkout.allow_discount_codes,
            is_discount_applicable: price.amount_type == AmountType::Fixed,
            is_free_product_price: is_free,
            is_payment_required,
            is_payment_setup_required: is_setup_required,
            is_payment_form_required: is_payment_required || is_setup_required,
            customer_id: checkout.customer_id,
            customer_name: checkout.customer_name.clone(),
            customer_email: checkout.customer_email.clone(),
            customer_ip_address: checkout.customer_ip_address.clone(),
            customer_billing_address: checkout.customer_billing_address.clone(),
            customer_tax_id: checkout.customer_tax_id.as_ref().map(|tax_id| tax_id.0.clone()),
            payment_processor_metadata: checkout.payment_processor_metadata.clone(),
        }
    }
}
