//! Organizations as everybody sees them: get by slug.

use merak_core::kit::{Kind, Refusal, Result};
use merak_core::organizations;
use merak_store::ReadTx;

use super::NAV;
use crate::api::shared::Organization;
use crate::wire::{Call, Json, Operation, request};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/organizations/{slug}", get)
            .named("customer_portal:organizations:get", "Get Organization")
            .about("Shows an organization by its slug. Open to everybody.")
            .nav(NAV)
            .refuses(&[Kind::NotFound]),
    ]
}

request! {
    /// The path of an organization.
    pub struct BySlug {
        /// Its slug, in any letter case.
        pub slug: String,
    }
}

fn get(tx: &mut ReadTx<'_>, call: &Call<BySlug>) -> Result<Json<Organization>> {
    let organization = organizations::find_by_slug(tx, &call.path.slug)?.ok_or_else(Refusal::not_found)?;
    Ok(Json(organization.into()))
}
