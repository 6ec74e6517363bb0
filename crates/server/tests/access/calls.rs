//! For each operation: a call that would succeed, one that does no harm, and what another tenant is answered.

use std::collections::BTreeMap;

use merak_core::benefits::BenefitType;
use merak_core::customers::Customer;
use merak_core::kit::Id;
use merak_server::wire::Operation;
use serde_json::{Value, json};

use crate::support::shop::{naming, order};
use crate::support::{Answer, Client, Shop, UNKNOWN};

/// What somebody is answered who has nothing to do with the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// The call concerns no tenant yet.
    NoTenant,
    /// 404.
    NotFound,
    /// 401, by which license keys tell sellers that the key is another's.
    Unauthorized,
    /// 200 without an item.
    Empty,
    /// 422 at this place.
    Problem(&'static str),
}

impl Foreign {
    /// Compares an answer.
    pub fn check(&self, id: &str, is_organization: bool, answer: &Answer) {
        match self {
            Self::NoTenant => panic!("{id} concerns no tenant"),
            Self::NotFound => answer.refused(404, "ResourceNotFound"),
            Self::Unauthorized => {
                answer.refused(401, "Unauthorized");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"polar\""));
            }
            Self::Empty => assert_eq!((answer.items("id").len(), answer.pagination()), (0, (0, 0)), "{id}"),
            Self::Problem(place) => {
                // An organization must not name any, so it is told that instead.
                let kind = if is_organization && *place == "body.organization_id" {
                    "organization_token"
                } else {
                    "value_error"
                };
                assert_eq!(answer.rule_problems(), [format!("{kind} {place}")], "{id}");
            }
        }
    }
}

/// A call of an operation.
#[derive(Clone, Debug)]
pub struct Call {
    /// The path with ids of the shop.
    pub path: String,
    /// The id of the shop's in it; nothing that stands in a path if there is none.
    pub id: String,
    /// The body, if the operation takes one.
    pub body: Option<Value>,
    /// What another tenant is answered.
    pub foreign: Foreign,
}

impl Call {
    /// Calls in a way that is let in but does nothing: for an unknown id, or with a body that says too little.
    pub async fn harmless(&self, client: &Client, operation: &Operation) -> Answer {
        let path = self.path.replace(&self.id, UNKNOWN);
        client.send(operation.method.as_str(), &path, self.body.as_ref().map(|_| json!({}))).await
    }
}

/// Every operation with a call of it.
pub struct Calls {
    /// In the contract's order.
    pub all: Vec<(Operation, Call)>,
    /// The customer whose things the calls name.
    pub customer: Id<Customer>,
}

impl Calls {
    /// Makes what the calls need.
    pub async fn on(shop: &Shop) -> Self {
        let mut calls = BTreeMap::new();
        let mut add =
            |name: &'static str, path: String, id: String, body: Option<Value>, foreign: Foreign| {
                let path = path.replace("{id}", &id);
                calls.insert(name, Call { path, id, body, foreign });
            };
        let none = || String::from("\0");
        let organization = shop.organization.id.to_string();
        let customer = shop.customer().await;
        let settings = json!({"activations": {"limit": 3, "enable_customer_admin": true}});
        let benefit = shop.benefit(BenefitType::LicenseKeys, settings).await;
        let grant = shop.grant(benefit.id, customer.id, order()).await;
        let key = shop.key_of_grant(&grant).await;
        let activation = {
            let mut body = naming(&key);
            body["label"] = json!("laptop");
            let made =
                shop.anonymous.post("/v1/customer-portal/license-keys/activate", body).await.expect(200);
            made["id"].as_str().unwrap().to_owned()
        };
        let id = |id: &dyn ToString| id.to_string();

        use Foreign::{Empty, NoTenant, NotFound, Problem, Unauthorized};
        let base = "/v1/organizations/";
        add("organizations:list", format!("{base}?slug={}", shop.organization.slug), none(), None, Empty);
        add(
            "organizations:create",
            base.into(),
            none(),
            Some(json!({"name": "New", "slug": "new-one"})),
            NoTenant,
        );
        add("organizations:get", format!("{base}{{id}}"), organization.clone(), None, NotFound);
        add(
            "organizations:update",
            format!("{base}{{id}}"),
            organization.clone(),
            Some(json!({"name": "Mine"})),
            NotFound,
        );

        let base = "/v1/benefits/";
        let body = json!({"type": "custom", "description": "A note", "properties": {}, "organization_id": organization});
        let change = json!({"type": "license_keys", "description": "Mine"});
        add("benefits:list", format!("{base}?organization_id={organization}"), none(), None, Empty);
        add("benefits:create", base.into(), none(), Some(body), Problem("body.organization_id"));
        add("benefits:get", format!("{base}{{id}}"), id(&benefit.id), None, NotFound);
        add("benefits:update", format!("{base}{{id}}"), id(&benefit.id), Some(change), NotFound);
        add("benefits:delete", format!("{base}{{id}}"), id(&benefit.id), None, NotFound);
        add("benefits:grants", format!("{base}{{id}}/grants"), id(&benefit.id), None, NotFound);

        let base = "/v1/license-keys";
        let one = format!("{base}/{{id}}/activations/{activation}");
        add("license_keys:list", format!("{base}?organization_id={organization}"), none(), None, Empty);
        add("license_keys:get", format!("{base}/{{id}}"), id(&key.id), None, Unauthorized);
        add(
            "license_keys:update",
            format!("{base}/{{id}}"),
            id(&key.id),
            Some(json!({"status": "revoked"})),
            Unauthorized,
        );
        add("license_keys:get_activation", one, id(&key.id), None, Unauthorized);

        let base = "/v1/customers/";
        let body = json!({"email": "new@example.com", "organization_id": organization});
        add("customers:list", format!("{base}?organization_id={organization}"), none(), None, Empty);
        add("customers:create", base.into(), none(), Some(body), Problem("body.organization_id"));
        add("customers:get", format!("{base}{{id}}"), id(&customer.id), None, NotFound);
        add(
            "customers:update",
            format!("{base}{{id}}"),
            id(&customer.id),
            Some(json!({"name": "Mine"})),
            NotFound,
        );
        add("customers:delete", format!("{base}{{id}}"), id(&customer.id), None, NotFound);
        let body = json!({"customer_id": customer.id});
        let path = "/v1/customer-sessions/".to_owned();
        add("customer-sessions:create", path, none(), Some(body), Problem("body.customer_id"));

        let base = "/v1/customer-portal";
        let item = |collection: &str| format!("{base}/{collection}/{{id}}");
        let change = json!({"benefit_type": "license_keys"});
        add("customer_portal:benefit-grants:list", format!("{base}/benefit-grants/"), none(), None, Empty);
        add("customer_portal:benefit-grants:get", item("benefit-grants"), id(&grant.id), None, NotFound);
        add(
            "customer_portal:benefit-grants:update",
            item("benefit-grants"),
            id(&grant.id),
            Some(change),
            NotFound,
        );
        add("customer_portal:customers:get", item("customers"), id(&customer.id), None, NotFound);
        add("customer_portal:license_keys:list", format!("{base}/license-keys/"), none(), None, Empty);
        add("customer_portal:license_keys:get", item("license-keys"), id(&key.id), None, NotFound);
        let slug = format!("{base}/organizations/{{id}}");
        add("customer_portal:organizations:get", slug, shop.organization.slug.clone(), None, NoTenant);
        for (name, last) in [
            ("customer_portal:license_keys:validate", "validate"),
            ("customer_portal:license_keys:activate", "activate"),
            ("customer_portal:license_keys:deactivate", "deactivate"),
        ] {
            let mut body = naming(&key);
            body["label"] = json!("phone");
            body["activation_id"] = json!(activation);
            add(name, format!("{base}/license-keys/{last}"), none(), Some(body), NoTenant);
        }

        let covered = |operation: Operation| {
            let call = calls.remove(operation.id);
            let call =
                call.unwrap_or_else(|| panic!("{} is in no access test: give it a call here", operation.id));
            (operation, call)
        };
        let all: Vec<(Operation, Call)> = merak_server::api::operations().into_iter().map(covered).collect();
        assert!(calls.is_empty(), "these operations do not exist any more: {:?}", calls.keys());
        Self { all, customer: customer.id }
    }

    /// The call of an operation.
    pub fn of(&self, operation: &Operation) -> &Call {
        &self.all.iter().find(|(other, _)| other.id == operation.id).unwrap().1
    }

    /// Calls each of these operations, looks at the answers, and sees that nothing was written.
    pub async fn refuse(
        &self,
        shop: &Shop,
        client: &Client,
        is_meant: impl Fn(&Operation) -> bool,
        check: impl Fn(&Operation, &Answer),
    ) {
        let before = shop.tables().await;
        let mut count = 0;
        for (operation, call) in self.all.iter().filter(|(operation, _)| is_meant(operation)) {
            let answer = client.send(operation.method.as_str(), &call.path, call.body.clone()).await;
            check(operation, &answer);
            count += 1;
        }
        assert!(count > 0, "no operation was called");
        let after = shop.tables().await;
        for (name, rows) in &before {
            assert_eq!(&after[name], rows, "{name} was written");
        }
    }
}
