//! License keys as their seller sees them: list, get, update, get one activation.

use merak_core::access::{self, MERCHANTS};
use merak_core::benefits::Benefit;
use merak_core::kit::{Id, Kind, Patch, Refusal, Result, Scope};
use merak_core::license_keys::{self, Activation, LicenseKey, ListLicenseKeys, Status, UpdateLicenseKey};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Timestamp, Tx};

use super::shared::{
    ById, LicenseKeyActivationBase, LicenseKeyActivationRead, LicenseKeyRead, LicenseKeyWithActivations,
};
use crate::wire::{
    Call, Given, Json, ListResource, Many, Nothing, Operation, first_page, page, request, usual_limit,
};

const NAV: &str = "Featured Endpoints > License Keys";
const READERS: &[Scope] = &[Scope::LicenseKeysRead, Scope::LicenseKeysWrite];
const WRITERS: &[Scope] = &[Scope::LicenseKeysWrite];

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/license-keys", list)
            .also_at("/v1/license-keys/")
            .named("license_keys:list", "List License Keys")
            .about("Lists the keys that the caller's organizations sold, the oldest first.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::Unauthenticated, Kind::NotFound]),
        Operation::get("/v1/license-keys/{id}", get)
            .named("license_keys:get", "Get License Key")
            .about("Shows a key with its live activations.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::Unauthenticated, Kind::NotFound]),
        Operation::patch("/v1/license-keys/{id}", update)
            .named("license_keys:update", "Update License Key")
            .about("Changes a key. What is left out stays as it is; null lifts a limit.")
            .nav(NAV)
            .admits(MERCHANTS, WRITERS)
            .refuses(&[Kind::Unauthenticated, Kind::NotFound]),
        Operation::get("/v1/license-keys/{id}/activations/{activation_id}", get_activation)
            .named("license_keys:get_activation", "Get Activation")
            .about("Shows a live activation of a key.")
            .nav(NAV)
            .admits(MERCHANTS, READERS)
            .refuses(&[Kind::Unauthenticated, Kind::NotFound]),
    ]
}

request! {
    /// Which keys to list.
    pub struct ListLicenseKeysQuery {
        /// Only keys of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only keys of these benefits.
        #[serde(default)]
        pub benefit_id: Many<Id<Benefit>>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }

    /// The path of an activation.
    pub struct ActivationPath {
        /// The key's id.
        pub id: Id<LicenseKey>,
        /// The activation's id.
        pub activation_id: Id<Activation>,
    }

    /// A change of a key.
    pub struct LicenseKeyUpdate {
        /// Any status to any status.
        pub status: Option<Status>,
        /// The usage itself, not an increment.
        #[serde(default)]
        pub usage: Given<i64> = {"minimum": -2_147_483_648_i64, "maximum": 2_147_483_647, "default": 0},
        /// On how many devices at once; null switches activations off.
        #[serde(default)]
        pub limit_activations: Patch<i64> = {"exclusiveMinimum": 0, "maximum": 2_147_483_647},
        /// How much usage; null allows any amount.
        #[serde(default)]
        pub limit_usage: Patch<i64> = {"exclusiveMinimum": 0, "maximum": 2_147_483_647},
        /// When it ends; null for never.
        #[serde(default)]
        pub expires_at: Patch<Timestamp>,
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListLicenseKeysQuery>,
) -> Result<Json<ListResource<LicenseKeyRead>>> {
    let tenancy = access::tenancy(tx, &call.actor)?.narrowed(&call.query.organization_id.0);
    let page = page(call.query.page, call.query.limit);
    let wanted = ListLicenseKeys { benefit_ids: call.query.benefit_id.0.clone(), page };
    Ok(Json(ListResource::new(license_keys::list(tx, &tenancy, &wanted)?, page, LicenseKeyRead::new)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<LicenseKeyWithActivations>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let held = license_keys::get(tx, &tenancy, call.path.id.cast())?;
    let activations = license_keys::activations_of(tx, held.key.id)?;
    let activations = activations.into_iter().map(LicenseKeyActivationBase::from).collect();
    Ok(Json(LicenseKeyWithActivations::new(held, activations)))
}

fn update(tx: &mut Tx<'_>, call: &Call<ById, Nothing, LicenseKeyUpdate>) -> Result<Json<LicenseKeyRead>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let body = &call.body;
    let command = UpdateLicenseKey {
        status: body.status,
        usage: body.usage.0,
        limit_activations: body.limit_activations,
        limit_usage: body.limit_usage,
        expires_at: body.expires_at,
    };
    Ok(Json(LicenseKeyRead::new(license_keys::update(tx, &tenancy, call.path.id.cast(), &command)?)))
}

fn get_activation(
    tx: &mut ReadTx<'_>,
    call: &Call<ActivationPath>,
) -> Result<Json<LicenseKeyActivationRead>> {
    let tenancy = access::tenancy(tx, &call.actor)?;
    let held = license_keys::get(tx, &tenancy, call.path.id)?;
    let activation = license_keys::find_activation(tx, call.path.id, call.path.activation_id)?
        .ok_or_else(Refusal::not_found)?;
    Ok(Json(LicenseKeyActivationRead::new(held, activation)))
}
