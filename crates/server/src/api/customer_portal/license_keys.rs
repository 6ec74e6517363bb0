//! License keys as their buyer sees them, and the three calls of the app that checks one: validate, activate,
//! deactivate. Those three never look at credentials: whoever knows the key may call them.

use http::Method;
use merak_core::access::BUYERS;
use merak_core::benefits::Benefit;
use merak_core::customers::Customer;
use merak_core::kit::{Id, Kind, Result};
use merak_core::license_keys::{self, Activate, Activation, Deactivate, ListLicenseKeysOfBuyer, Validate};
use merak_core::organizations::Organization;
use merak_store::{ReadTx, Tx};
use serde_json::Value;

use super::READERS;
use crate::api::shared::{
    ById, LicenseKeyActivationBase, LicenseKeyActivationRead, LicenseKeyRead, LicenseKeyWithActivations,
    ValidatedLicenseKey,
};
use crate::wire::{
    Call, Json, JsonObject, ListResource, Many, NoContent, Nothing, Operation, Unit, first_page, page,
    request, usual_limit,
};

const NAV: &str = "Featured Endpoints > Customer Portal";

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/license-keys/", list)
            .also_at("/v1/customer-portal/license-keys")
            .named("customer_portal:license_keys:list", "List License Keys")
            .about("Lists the keys that the customer holds, in whatever state they are, the oldest first.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS)
            .refuses(&[Kind::Unauthenticated, Kind::NotFound]),
        Operation::get("/v1/customer-portal/license-keys/{id}", get)
            .named("customer_portal:license_keys:get", "Get License Key")
            .about("Shows a key that the customer holds, with its activations if customers may look after them.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::new(Method::POST, "/v1/customer-portal/license-keys/validate", Unit::WriteOne(validate))
            .named("customer_portal:license_keys:validate", "Validate License Key")
            .about(
                "Says whether a key is good and counts that it was asked. Any doubt is an error: there is no answer \
                 that says no. Needs no credential.",
            )
            .nav(NAV)
            .refuses(&[Kind::BadRequest, Kind::NotFound]),
        Operation::new(Method::POST, "/v1/customer-portal/license-keys/activate", Unit::WriteOne(activate))
            .named("customer_portal:license_keys:activate", "Activate License Key")
            .about("Takes a seat of a key, typically for a device. Needs no credential.")
            .nav(NAV)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
        Operation::new(Method::POST, "/v1/customer-portal/license-keys/deactivate", Unit::WriteOne(deactivate))
            .named("customer_portal:license_keys:deactivate", "Deactivate License Key")
            .about("Gives a seat of a key back. Needs no credential.")
            .nav(NAV)
            .refuses(&[Kind::NotFound]),
    ]
}

request! {
    /// Which keys to list.
    pub struct ListLicenseKeysQuery {
        /// Only keys of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only keys of this benefit.
        pub benefit_id: Option<Id<Benefit>>,
        /// Page number, the first is 1.
        #[serde(default = "first_page")]
        pub page: i64 = {"exclusiveMinimum": 0, "default": 1},
        /// How many items a page has; above 100 means 100.
        #[serde(default = "usual_limit")]
        pub limit: i64 = {"exclusiveMinimum": 0, "default": 10},
    }

    /// A key to be validated.
    pub struct LicenseKeyValidate {
        /// The key's text.
        pub key: String,
        /// Who sold it.
        pub organization_id: Id<Organization>,
        /// The activation that must be live.
        pub activation_id: Option<Id<Activation>>,
        /// The benefit it must be of.
        pub benefit_id: Option<Id<Benefit>>,
        /// The customer it must be of.
        pub customer_id: Option<Id<Customer>>,
        /// How much usage to count.
        pub increment_usage: Option<i64> = {"minimum": 0, "maximum": 2_147_483_647},
        /// What the activation's conditions must equal, if it has any.
        #[serde(default)]
        pub conditions: JsonObject = {"default": {}},
    }

    /// A seat to be taken.
    pub struct LicenseKeyActivate {
        /// The key's text.
        pub key: String,
        /// Who sold it.
        pub organization_id: Id<Organization>,
        /// What the app calls the device.
        pub label: String = {"maxLength": license_keys::LONGEST_LABEL},
        /// What validations of this activation must repeat, at most 32 KiB. Never shown.
        #[serde(default)]
        pub conditions: JsonObject = {"default": {}},
        /// What the app wants to remember, at most 32 KiB.
        #[serde(default)]
        pub meta: JsonObject = {"default": {}},
    }

    /// A seat to be given back.
    pub struct LicenseKeyDeactivate {
        /// The key's text.
        pub key: String,
        /// Who sold it.
        pub organization_id: Id<Organization>,
        /// Which activation.
        pub activation_id: Id<Activation>,
    }
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListLicenseKeysQuery>,
) -> Result<Json<ListResource<LicenseKeyRead>>> {
    let page = page(call.query.page, call.query.limit);
    let wanted = ListLicenseKeysOfBuyer {
        organization_ids: call.query.organization_id.0.clone(),
        benefit_id: call.query.benefit_id,
        page,
    };
    let keys = license_keys::list_of_buyer(tx, &call.actor, &wanted)?;
    Ok(Json(ListResource::new(keys, page, LicenseKeyRead::new)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<LicenseKeyWithActivations>> {
    let (held, activations) = license_keys::get_of_buyer(tx, &call.actor, call.path.id.cast())?;
    let activations = activations.into_iter().map(LicenseKeyActivationBase::from).collect();
    Ok(Json(LicenseKeyWithActivations::new(held, activations)))
}

fn validate(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, LicenseKeyValidate>,
) -> Result<Json<ValidatedLicenseKey>> {
    let body = &call.body;
    let command = Validate {
        organization_id: body.organization_id,
        key: body.key.clone(),
        activation_id: body.activation_id,
        benefit_id: body.benefit_id,
        customer_id: body.customer_id,
        increment_usage: body.increment_usage.unwrap_or(0),
        conditions: Value::Object(body.conditions.0.clone()),
    };
    let (held, activation) = license_keys::validate(tx, &command)?;
    Ok(Json(ValidatedLicenseKey::new(held, activation.map(LicenseKeyActivationBase::from))))
}

fn activate(
    tx: &mut Tx<'_>,
    call: &Call<Nothing, Nothing, LicenseKeyActivate>,
) -> Result<Json<LicenseKeyActivationRead>> {
    let body = &call.body;
    let command = Activate {
        organization_id: body.organization_id,
        key: body.key.clone(),
        label: body.label.clone(),
        conditions: merak_store::Json::new(&body.conditions)?,
        meta: merak_store::Json::new(&body.meta)?,
    };
    let (held, activation) = license_keys::activate(tx, &command)?;
    Ok(Json(LicenseKeyActivationRead::new(held, activation)))
}

fn deactivate(tx: &mut Tx<'_>, call: &Call<Nothing, Nothing, LicenseKeyDeactivate>) -> Result<NoContent> {
    let body = &call.body;
    let command = Deactivate {
        organization_id: body.organization_id,
        key: body.key.clone(),
        activation_id: body.activation_id,
    };
    license_keys::deactivate(tx, &command)?;
    Ok(NoContent)
}
