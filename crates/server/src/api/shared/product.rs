//! Products as their seller sees them, as everybody may see them, and by themselves.

use merak_core::custom_fields;
use merak_core::kit::{Id, Metadata, Result};
use merak_core::organizations::Organization;
use merak_core::products::{self, CompleteProduct, PublicProduct};
use merak_store::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::file::ProductMediaFileRead;
use super::{BenefitBase, CustomField, ProductPrice};
use crate::api::benefits::{Benefit, GuildTokens};
use crate::state::House;
use crate::wire::{Components, Described, answer, one_of_named};

answer! {
    /// Something an organization sells.
    pub struct Product {
        /// When the product was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The product's id.
        pub id: Id<products::Product>,
        /// What it is called.
        pub name: String,
        /// What buyers read about it.
        pub description: Option<String>,
        /// Whether all its current prices are recurring.
        pub is_recurring: bool,
        /// Whether it is no longer sold.
        pub is_archived: bool,
        /// Who sells it.
        pub organization_id: Id<Organization>,
        /// The organization's own notes.
        pub metadata: Metadata,
        /// The current prices, the oldest first.
        pub prices: Vec<ProductPrice>,
        /// What comes with it, in the seller's order.
        pub benefits: Vec<Benefit>,
        /// Its pictures, in the seller's order.
        pub medias: Vec<ProductMediaFileRead>,
        /// What its buyers are asked, in the seller's order.
        pub attached_custom_fields: Vec<AttachedCustomField>,
    }

    /// A custom field on a product.
    pub struct AttachedCustomField {
        /// The field's id.
        pub custom_field_id: Id<custom_fields::CustomField>,
        /// The field.
        pub custom_field: CustomField,
        /// Its place on the product, from 0.
        pub order: i64,
        /// Whether buyers must answer.
        pub required: bool,
    }

    /// A product that a checkout link leads to.
    pub struct CheckoutLinkProduct {
        /// When the product was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The product's id.
        pub id: Id<products::Product>,
        /// What it is called.
        pub name: String,
        /// What buyers read about it.
        pub description: Option<String>,
        /// Whether all its current prices are recurring.
        pub is_recurring: bool,
        /// Whether it is no longer sold.
        pub is_archived: bool,
        /// Who sells it.
        pub organization_id: Id<Organization>,
        /// The current prices, the oldest first.
        pub prices: Vec<ProductPrice>,
        /// What comes with it, in the seller's order.
        pub benefits: Vec<BenefitBase>,
        /// Its pictures, in the seller's order.
        pub medias: Vec<ProductMediaFileRead>,
    }

    /// A product as somebody who bought it sees it.
    pub struct PortalProduct {
        /// When the product was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The product's id.
        pub id: Id<products::Product>,
        /// What it is called.
        pub name: String,
        /// What buyers read about it.
        pub description: Option<String>,
        /// Whether all its current prices are recurring.
        pub is_recurring: bool,
        /// Whether it is no longer sold.
        pub is_archived: bool,
        /// Who sells it.
        pub organization_id: Id<Organization>,
        /// The current prices, the oldest first.
        pub prices: Vec<ProductPrice>,
        /// What comes with it, in the seller's order.
        pub benefits: Vec<BenefitBase>,
        /// Its pictures, in the seller's order.
        pub medias: Vec<ProductMediaFileRead>,
        /// Who sells it.
        pub organization: super::Organization,
    }

    /// A product by itself: one that a discount is for, or that was bought.
    pub struct DiscountProduct {
        /// When the product was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The product's id.
        pub id: Id<products::Product>,
        /// What it is called.
        pub name: String,
        /// What buyers read about it.
        pub description: Option<String>,
        /// Whether all its current prices are recurring.
        pub is_recurring: bool,
        /// Whether it is no longer sold.
        pub is_archived: bool,
        /// Who sells it.
        pub organization_id: Id<Organization>,
    }
}

/// A product that a checkout sells: what a checkout link shows of it, by another name.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct CheckoutProduct(pub CheckoutLinkProduct);

impl Described for CheckoutProduct {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CheckoutProduct", |components| {
            CheckoutLinkProduct::schema(components);
            let mut schema = components["CheckoutLinkProduct"].clone();
            schema["description"] = json!("A product that a checkout sells.");
            schema
        })
    }
}

impl Product {
    /// A product of the core, with its pictures where they are in this house's storage, as it is shown at this instant.
    pub fn new(complete: CompleteProduct, house: &House, now: Timestamp) -> Result<Self> {
        let PublicProduct { product, prices, benefits, medias } = complete.public;
        let tokens = GuildTokens::new(&house.secret, now);
        let shown = |benefit| Benefit::shown(benefit, &tokens);
        Ok(Self {
            created_at: product.created_at,
            modified_at: product.modified_at,
            id: product.id,
            name: product.name,
            description: product.description,
            is_recurring: product.is_recurring,
            is_archived: product.is_archived,
            organization_id: product.organization_id,
            metadata: product.metadata,
            prices: prices.into_iter().map(Into::into).collect(),
            benefits: benefits.into_iter().map(shown).collect::<Result<_>>()?,
            medias: medias.iter().map(|media| ProductMediaFileRead::new(media, house)).collect(),
            attached_custom_fields: complete.fields.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<(products::AttachedField, custom_fields::CustomField)> for AttachedCustomField {
    fn from((attached, field): (products::AttachedField, custom_fields::CustomField)) -> Self {
        Self {
            custom_field_id: attached.custom_field_id,
            custom_field: field.into(),
            order: attached.position,
            required: attached.required,
        }
    }
}

impl CheckoutLinkProduct {
    /// A product of the core, with its pictures where they are in this house's storage.
    pub fn new(public: PublicProduct, house: &House) -> Self {
        let PublicProduct { product, prices, benefits, medias } = public;
        Self {
            created_at: product.created_at,
            modified_at: product.modified_at,
            id: product.id,
            name: product.name,
            description: product.description,
            is_recurring: product.is_recurring,
            is_archived: product.is_archived,
            organization_id: product.organization_id,
            prices: prices.into_iter().map(Into::into).collect(),
            benefits: benefits.into_iter().map(Into::into).collect(),
            medias: medias.iter().map(|media| ProductMediaFileRead::new(media, house)).collect(),
        }
    }
}

impl PortalProduct {
    /// A product of the core, with its pictures where they are in this house's storage.
    pub fn new(public: PublicProduct, organization: Organization, house: &House) -> Self {
        let PublicProduct { product, prices, benefits, medias } = public;
        Self {
            created_at: product.created_at,
            modified_at: product.modified_at,
            id: product.id,
            name: product.name,
            description: product.description,
            is_recurring: product.is_recurring,
            is_archived: product.is_archived,
            organization_id: product.organization_id,
            prices: prices.into_iter().map(Into::into).collect(),
            benefits: benefits.into_iter().map(Into::into).collect(),
            medias: medias.iter().map(|media| ProductMediaFileRead::new(media, house)).collect(),
            organization: organization.into(),
        }
    }
}

impl From<products::Product> for DiscountProduct {
    fn from(product: products::Product) -> Self {
        Self {
            created_at: product.created_at,
            modified_at: product.modified_at,
            id: product.id,
            name: product.name,
            description: product.description,
            is_recurring: product.is_recurring,
            is_archived: product.is_archived,
            organization_id: product.organization_id,
        }
    }
}
