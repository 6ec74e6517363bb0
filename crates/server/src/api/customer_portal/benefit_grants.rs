//! Benefit grants as their buyer sees them: list, get, update.

use std::collections::BTreeSet;

use merak_core::access::{Actor, BUYERS, Subject};
use merak_core::benefits::grants::{self, GrantOfBuyer, GrantSort, ListGrantsOfBuyer};
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::connections::{self, CustomerAccount};
use merak_core::customers::Customer;
use merak_core::kit::{Id, Kind, Refusal, Result, at};
use merak_core::organizations::Organization;
use merak_store::{Json as StoredJson, ReadTx, Timestamp, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{NAV, READERS, WRITERS};
use crate::api::benefits::{grant_properties_schema, kind_names, subscriber_benefit, subscriber_schema};
use crate::api::shared::{self, ById, CustomerPortalCustomer};
use crate::wire::{
    Call, Components, Described, Json, ListResource, Many, Nothing, Operation, first_page, one_of_named,
    page, request, sorting, usual_limit,
};

pub fn operations() -> Vec<Operation> {
    vec![
        Operation::get("/v1/customer-portal/benefit-grants/", list)
            .named("customer_portal:benefit-grants:list", "List Benefit Grants")
            .about("Lists what the customer holds or waits for.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS),
        Operation::get("/v1/customer-portal/benefit-grants/{id}", get)
            .named("customer_portal:benefit-grants:get", "Get Benefit Grant")
            .about("Shows something that the customer holds or waits for.")
            .nav(NAV)
            .admits_purchases(BUYERS, READERS)
            .refuses(&[Kind::NotFound]),
        Operation::patch("/v1/customer-portal/benefit-grants/{id}", update)
            .named("customer_portal:benefit-grants:update", "Update Benefit Grant")
            .about("Names the connected account through which a benefit is to be given, for kinds that need one.")
            .nav(NAV)
            .admits(BUYERS, WRITERS)
            .refuses(&[Kind::NotPermitted, Kind::NotFound]),
    ]
}

sorting!(Sorting, GrantSort, "CustomerBenefitGrantSortProperty", "-granted_at");

request! {
    /// Which grants to list.
    pub struct ListGrantsQuery {
        /// Only benefits of these kinds.
        #[serde(default)]
        pub r#type: Many<BenefitType>,
        /// Only these benefits.
        #[serde(default)]
        pub benefit_id: Many<Id<Benefit>>,
        /// Only benefits of these organizations.
        #[serde(default)]
        pub organization_id: Many<Id<Organization>>,
        /// Only what came from these checkouts.
        #[serde(default)]
        pub checkout_id: Many<Uuid>,
        /// Only what came with these orders.
        #[serde(default)]
        pub order_id: Many<Uuid>,
        /// Only what came with these subscriptions.
        #[serde(default)]
        pub subscription_id: Many<Uuid>,
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
}

/// A benefit as its buyer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct BenefitSubscriber {
    created_at: Timestamp,
    modified_at: Option<Timestamp>,
    id: Id<Benefit>,
    r#type: BenefitType,
    description: String,
    selectable: bool,
    deletable: bool,
    organization_id: Id<Organization>,
    organization: shared::Organization,
    properties: StoredJson,
}

/// A grant as its buyer sees it.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerBenefitGrant {
    created_at: Timestamp,
    modified_at: Option<Timestamp>,
    id: Id<grants::BenefitGrant>,
    granted_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    customer_id: Id<Customer>,
    benefit_id: Id<Benefit>,
    subscription_id: Option<Uuid>,
    order_id: Option<Uuid>,
    is_granted: bool,
    is_revoked: bool,
    customer: CustomerPortalCustomer,
    benefit: BenefitSubscriber,
    properties: StoredJson,
}

impl CustomerBenefitGrant {
    fn new(
        (grant, customer, benefit, organization): GrantOfBuyer,
        accounts: &[CustomerAccount],
    ) -> Result<Self> {
        let kind = benefit.r#type;
        Ok(Self {
            created_at: grant.created_at,
            modified_at: grant.modified_at,
            id: grant.id,
            granted_at: grant.granted_at,
            revoked_at: grant.revoked_at,
            customer_id: grant.customer_id,
            benefit_id: grant.benefit_id,
            subscription_id: grant.subscription_id,
            order_id: grant.order_id,
            is_granted: grant.is_granted(),
            is_revoked: grant.is_revoked(),
            customer: CustomerPortalCustomer::new(customer, accounts),
            benefit: BenefitSubscriber {
                created_at: benefit.created_at,
                modified_at: benefit.modified_at,
                id: benefit.id,
                r#type: kind,
                description: benefit.description,
                selectable: benefit.selectable,
                deletable: benefit.deletable,
                organization_id: benefit.organization_id,
                organization: organization.into(),
                properties: subscriber_benefit(kind, benefit.properties)?,
            },
            properties: complete(kind, grant.properties)?,
        })
    }
}

/// Clients insist on a campaign id in grants of ads, also before there is a campaign.
fn complete(kind: BenefitType, properties: StoredJson) -> Result<StoredJson> {
    const CAMPAIGN: &str = "advertisement_campaign_id";
    if kind != BenefitType::Ads {
        return Ok(properties);
    }
    let mut members: Map<String, Value> = properties.parse()?;
    members.entry(CAMPAIGN).or_insert_with(|| Value::from(""));
    Ok(StoredJson::from(Value::Object(members)))
}

impl Described for CustomerBenefitGrant {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CustomerBenefitGrant", |components| {
            let time = Timestamp::schema(components);
            let (uuid, maybe_uuid) = (Uuid::schema(components), <Option<Uuid>>::schema(components));
            let maybe_time = <Option<Timestamp>>::schema(components);
            let organization = shared::Organization::schema(components);
            let customer = CustomerPortalCustomer::schema(components);
            let mut kinds = kind_names();
            // The contract's own order for this union.
            kinds.rotate_left(2);
            kinds.swap(4, 5);
            let branches: Vec<Value> = kinds
                .into_iter()
                .map(|(kind, name)| {
                    let subscriber = one_of_named(components, &format!("Benefit{name}Subscriber"), |_| {
                        subscriber_schema(kind, organization.clone())
                    });
                    let properties = one_of_named(components, &format!("BenefitGrant{name}Properties"), |_| {
                        grant_properties_schema(kind)
                    });
                    one_of_named(components, &format!("CustomerBenefitGrant{name}"), |_| {
                        let members = json!({
                            "created_at": time, "modified_at": maybe_time, "id": uuid, "granted_at": maybe_time,
                            "revoked_at": maybe_time, "customer_id": uuid, "benefit_id": uuid,
                            "subscription_id": maybe_uuid, "order_id": maybe_uuid,
                            "is_granted": {"type": "boolean"}, "is_revoked": {"type": "boolean"},
                            "customer": customer, "benefit": subscriber, "properties": properties
                        });
                        let required: Vec<&String> = members.as_object().into_iter().flat_map(Map::keys).collect();
                        json!({"type": "object", "properties": members, "required": required})
                    })
                })
                .collect();
            json!({"anyOf": branches})
        })
    }
}

/// A change of a grant, of whatever kind.
#[derive(Clone, Debug, Deserialize)]
pub struct CustomerBenefitGrantUpdate {
    benefit_type: BenefitType,
    properties: Option<AccountChoice>,
}

/// Which connected account to use.
#[derive(Clone, Debug, Deserialize)]
pub struct AccountChoice {
    account_id: String,
}

impl Described for CustomerBenefitGrantUpdate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "CustomerBenefitGrantUpdate", |components| {
            let mut mapping = Map::new();
            let branches: Vec<Value> = kind_names()
                .into_iter()
                .map(|(kind, name)| {
                    let branch =
                        one_of_named(components, &format!("CustomerBenefitGrant{name}Update"), |_| {
                            update_schema(kind)
                        });
                    mapping.insert(kind.as_str().to_owned(), branch["$ref"].clone());
                    branch
                })
                .collect();
            json!({"oneOf": branches, "discriminator": {"propertyName": "benefit_type", "mapping": mapping}})
        })
    }
}

fn update_schema(kind: BenefitType) -> Value {
    let tag = json!({"type": "string", "const": kind.as_str()});
    if !kind.is_outside() {
        return json!({"type": "object", "properties": {"benefit_type": tag}, "required": ["benefit_type"]});
    }
    let choice = json!({
        "type": "object",
        "properties": {"account_id": {"type": "string", "description": "The id of a connected account."}},
        "required": ["account_id"]
    });
    json!({
        "type": "object",
        "properties": {"benefit_type": tag, "properties": choice},
        "required": ["benefit_type", "properties"]
    })
}

fn list(
    tx: &mut ReadTx<'_>,
    call: &Call<Nothing, ListGrantsQuery>,
) -> Result<Json<ListResource<CustomerBenefitGrant>>> {
    let query = &call.query;
    let page = page(query.page, query.limit);
    let wanted = ListGrantsOfBuyer {
        types: query.r#type.0.clone(),
        benefit_ids: query.benefit_id.0.clone(),
        organization_ids: query.organization_id.0.clone(),
        checkout_ids: query.checkout_id.0.clone(),
        order_ids: query.order_id.0.clone(),
        subscription_ids: query.subscription_id.0.clone(),
        sorting: query.sorting.criteria(),
        page,
    };
    let paged = grants::list_of_buyer(tx, &call.actor, &wanted)?;
    let total = paged.total;
    let holders: BTreeSet<Id<Customer>> = paged.items.iter().map(|(grant, ..)| grant.customer_id).collect();
    let accounts = accounts_for(tx, &call.actor, &Vec::from_iter(holders))?;
    let shown = |found| CustomerBenefitGrant::new(found, &accounts);
    let items = paged.items.into_iter().map(shown).collect::<Result<Vec<_>>>()?;
    Ok(Json(ListResource::new(merak_core::kit::Paged::new(items, total), page, |item| item)))
}

fn get(tx: &mut ReadTx<'_>, call: &Call<ById>) -> Result<Json<CustomerBenefitGrant>> {
    let found = grants::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    shown(tx, &call.actor, found)
}

/// The accounts that these customers connected, unless the caller has only confirmed a checkout.
fn accounts_for(
    tx: &mut ReadTx<'_>,
    actor: &Actor,
    customer_ids: &[Id<Customer>],
) -> Result<Vec<CustomerAccount>> {
    if let Subject::Purchase { .. } = actor.subject {
        return Ok(Vec::new());
    }
    connections::list_of_customers(tx, customer_ids)
}

/// A grant with the accounts that its holder connected.
fn shown(tx: &mut ReadTx<'_>, actor: &Actor, found: GrantOfBuyer) -> Result<Json<CustomerBenefitGrant>> {
    let accounts = accounts_for(tx, actor, &[found.0.customer_id])?;
    Ok(Json(CustomerBenefitGrant::new(found, &accounts)?))
}

fn update(
    tx: &mut Tx<'_>,
    call: &Call<ById, Nothing, CustomerBenefitGrantUpdate>,
) -> Result<Json<CustomerBenefitGrant>> {
    let mut found = grants::find_of_buyer(tx, &call.actor, call.path.id.cast())?;
    let body = &call.body;
    if body.benefit_type != found.2.r#type {
        let place = at("body").field("benefit_type");
        return Err(Refusal::invalid(
            place.value_error("The benefit is of another type.", body.benefit_type.as_str()),
        ));
    }
    if let Some(choice) = &body.properties {
        choose_account(tx, &mut found, &choice.account_id)?;
    }
    shown(tx, &call.actor, found)
}

/// Names the account through which a benefit is to be given, if it is one of those that the holder connected.
fn choose_account(tx: &mut Tx<'_>, found: &mut GrantOfBuyer, account_id: &str) -> Result<()> {
    let (grant, _, benefit, _) = found;
    let Some(platform) = benefit.r#type.platform() else { return Ok(()) };
    if connections::find_of_customer(tx, grant.customer_id, platform, account_id)?.is_none() {
        let place = at("body").field("properties").field("account_id");
        return Err(Refusal::invalid(
            place.value_error("The customer has no such connected account.", account_id),
        ));
    }
    grants::choose_account(tx, benefit, grant, account_id)
}
