//! Storefronts: what an organization shows to everybody, if it wishes.

use merak_core::kit::{Kind, Result};
use merak_core::products::PublicProduct;
use merak_core::storefronts;
use merak_store::ReadTx;

use super::shared::{CheckoutLinkProduct, Organization};
use crate::state::House;
use crate::wire::{Call, Json, Operation, answer, request};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/storefronts/{slug}", get)
            .named("storefronts:get", "Get Storefront")
            .about(
                "Shows an organization, the newest hundred of its products and how many have bought something, if its \
                 profile is enabled. Open to everybody.",
            )
            .nav("Private > Storefronts")
            .refuses(&[Kind::NotFound])
            .hidden(),
    ]
}

request! {
    /// The path of a storefront.
    pub struct StorefrontPath {
        /// The organization's slug, in any letter case.
        pub slug: String,
    }
}

answer! {
    /// What everybody may see of an organization.
    pub struct Storefront {
        /// Whose it is.
        pub organization: Organization,
        /// What it sells, the newest first.
        pub products: Vec<CheckoutLinkProduct>,
        /// The newest of them that is marked as the one for donations.
        pub donation_product: Option<CheckoutLinkProduct>,
        /// Who has bought something.
        pub customers: StorefrontCustomers,
    }

    /// Who has bought something.
    pub struct StorefrontCustomers {
        /// How many.
        pub total: i64,
        /// The first three.
        pub customers: Vec<StorefrontCustomer>,
    }

    /// Somebody who has bought something.
    pub struct StorefrontCustomer {
        /// The first letter of their name or address.
        pub name: String,
    }
}

impl Storefront {
    fn new(found: storefronts::Storefront, house: &House) -> Self {
        let shown = |product: PublicProduct| CheckoutLinkProduct::new(product, house);
        let donation_product = found.donation_product().cloned().map(shown);
        let customers = found.initials.into_iter().map(|name| StorefrontCustomer { name }).collect();
        Self {
            organization: found.organization.into(),
            products: found.products.into_iter().map(shown).collect(),
            donation_product,
            customers: StorefrontCustomers { total: found.buyers, customers },
        }
    }
}

fn get(tx: &mut ReadTx<'_>, call: &Call<StorefrontPath>) -> Result<Json<Storefront>> {
    Ok(Json(Storefront::new(storefronts::get(tx, &call.path.slug)?, &call.house)))
}
