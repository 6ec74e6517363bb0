//! For each operation: a call that would succeed, one that does no harm, and what another tenant is answered.

use merak_core::access::{self, Wanted};
use merak_core::advertisements::{self, CreateCampaign};
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::customers::Customer;
use merak_core::jobs::{self, Job, Waiting};
use merak_core::kit::Id;
use merak_server::wire::Operation;
use serde_json::{Value, json};

use self::Foreign::{Empty, NoTenant, NotFound, NotPermitted, OwnStream, Problem, Text, Unauthorized};
use crate::support::files::{announcement, text_file};
use crate::support::http::EVENT_STREAM;
use crate::support::sales::recurring;
use crate::support::shop::{naming, order};
use crate::support::{Answer, Client, Shop, UNKNOWN, everything};

/// What somebody is answered who has nothing to do with the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// The call concerns no tenant, or only the caller.
    NoTenant,
    /// 404.
    NotFound,
    /// 401, by which license keys tell sellers that the key is another's.
    Unauthorized,
    /// 403; an organization that names any is told that instead.
    NotPermitted,
    /// 200 without an item.
    Empty,
    /// A stream of the caller's own things, or 404 if there are none.
    OwnStream,
    /// 422 at this place.
    Problem(&'static str),
    /// 200 with this text.
    Text(&'static str),
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
            // An organization must not name any, so it is told that instead.
            Self::NotPermitted if is_organization && answer.status == 422 => {
                assert_eq!(answer.rule_problems(), ["organization_token body.organization_id"], "{id}");
            }
            Self::NotPermitted => answer.refused(403, "NotPermitted"),
            Self::Text(text) => assert_eq!((answer.status, answer.text().as_str()), (200, *text), "{id}"),
            Self::Empty => assert_eq!((answer.items("id").len(), answer.pagination()), (0, (0, 0)), "{id}"),
            Self::OwnStream if answer.status == 404 => answer.refused(404, "ResourceNotFound"),
            Self::OwnStream => assert_eq!(answer.header("content-type"), Some(EVENT_STREAM), "{id}"),
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

/// An operation's name, the id in its path, its body, and what another tenant is answered.
type Row<'t> = (&'static str, &'t str, Option<Value>, Foreign);

/// What the calls name.
struct Things {
    organization: String,
    slug: String,
    customer: Id<Customer>,
    benefit: String,
    grant: String,
    /// Something that failed of the benefit.
    failure: String,
    key: String,
    /// The body that names the key to the open operations.
    naming: Value,
    activation: String,
    field: String,
    file: String,
    /// The body that completes the upload of the file.
    completion: Value,
    discount: String,
    product: String,
    link: String,
    /// The link's secret, which stands in its address.
    secret: String,
    checkout: String,
    /// The checkout's secret.
    checkout_secret: String,
    campaign: String,
    token: String,
    order: String,
    subscription: String,
    /// Another one, for its buyer to cancel.
    canceled: String,
}

impl Things {
    async fn on(shop: &Shop) -> Self {
        let customer = shop.customer().await;
        let settings = json!({"activations": {"limit": 3, "enable_customer_admin": true}});
        let benefit = shop.benefit(BenefitType::LicenseKeys, settings).await;
        let grant = shop.grant(benefit.id, customer.id, order()).await;
        let key = shop.key_of_grant(&grant).await;
        let mut naming = naming(&key);
        naming["label"] = json!("laptop");
        let path = "/v1/customer-portal/license-keys/activate";
        let activation = shop.anonymous.post(path, naming.clone()).await.expect(200)["id"].clone();
        naming["activation_id"] = activation.clone();
        let body = json!({"type": "text", "slug": "ours", "name": "Ours", "properties": {},
            "organization_id": shop.organization.id});
        let field = shop.merchant.post("/v1/custom-fields/", body).await.expect(201)["id"].clone();
        let upload = shop.upload(&text_file(shop, "greeting.txt"), b"hello world").await;
        let body = json!({"type": "percentage", "duration": "once", "basis_points": 1000, "name": "Ours",
            "organization_id": shop.organization.id});
        let discount = shop.merchant.post("/v1/discounts/", body).await.expect(201)["id"].clone();
        let body = json!({"name": "Ours", "prices": [{"type": "one_time", "amount_type": "free"}],
            "organization_id": shop.organization.id});
        let product = shop.merchant.post("/v1/products/", body).await.expect(201)["id"].clone();
        let body = json!({"payment_processor": "stripe", "product_id": product});
        let link = shop.merchant.post("/v1/checkout-links/", body).await.expect(201).clone();
        let body = json!({"product_id": product});
        let checkout = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
        let command = CreateCampaign {
            customer_id: customer.id,
            image_url: "https://acme.example/ad.png".parse().unwrap(),
            image_url_dark: None,
            text: String::from("Acme"),
            link_url: "https://acme.example/".parse().unwrap(),
        };
        let campaign = shop.write(move |tx| advertisements::create(tx, &command)).await.unwrap();
        let once = json!([{"type": "one_time", "amount_type": "fixed", "price_amount": 1999}]);
        let book = shop.plan("The book", once).await;
        let order = shop.order_of(&book, &customer, 1999).await.id.to_string();
        let plan = shop.plan("Pro plan", json!([recurring("month", 1000)])).await;
        let subscription = shop.subscribe(&plan, &customer).await.id.to_string();
        let canceled = shop.subscribe(&plan, &customer).await.id.to_string();
        Self {
            order,
            subscription,
            canceled,
            file: upload.id(),
            completion: upload.completion(),
            organization: shop.organization.id.to_string(),
            slug: shop.organization.slug.clone(),
            customer: customer.id,
            benefit: benefit.id.to_string(),
            grant: grant.id.to_string(),
            failure: failure_of(shop, benefit.id).await,
            key: key.id.to_string(),
            naming,
            activation: activation.as_str().unwrap().to_owned(),
            field: field.as_str().unwrap().to_owned(),
            discount: discount.as_str().unwrap().to_owned(),
            product: product.as_str().unwrap().to_owned(),
            link: link["id"].as_str().unwrap().to_owned(),
            secret: link["client_secret"].as_str().unwrap().to_owned(),
            checkout: checkout["id"].as_str().unwrap().to_owned(),
            checkout_secret: checkout["client_secret"].as_str().unwrap().to_owned(),
            campaign: campaign.id.to_string(),
            token: token_of_member(shop).await,
        }
    }

    /// Subscriptions and orders, for those who sell and those who buy.
    fn of_sales(&self) -> Vec<Row<'_>> {
        const HEADER: &str = "Email,Created At,Active,Product,Price,Currency,Interval\r\n";
        let Self { order, subscription, canceled, .. } = self;
        let change = json!({"customer_cancellation_reason": "unused", "cancel_at_period_end": true});
        let cancel = json!({"cancel_at_period_end": true});
        vec![
            ("subscriptions:list", NO_ID, None, Empty),
            ("subscriptions:export", NO_ID, None, Text(HEADER)),
            ("subscriptions:update", subscription, Some(change), NotFound),
            ("subscriptions:preview", subscription, None, NotFound),
            ("subscriptions:revoke", subscription, None, NotFound),
            ("orders:list", NO_ID, None, Empty),
            ("orders:get", order, None, NotFound),
            ("orders:invoice", order, None, NotFound),
            ("customer_portal:orders:list", NO_ID, None, Empty),
            ("customer_portal:orders:get", order, None, NotFound),
            ("customer_portal:orders:invoice", order, None, NotFound),
            ("customer_portal:subscriptions:list", NO_ID, None, Empty),
            ("customer_portal:subscriptions:get", canceled, None, NotFound),
            ("customer_portal:subscriptions:update", canceled, Some(cancel), NotFound),
            ("customer_portal:subscriptions:preview", canceled, None, NotFound),
            ("customer_portal:subscriptions:cancel", canceled, None, NotFound),
        ]
    }

    /// A call of each operation.
    fn rows(&self) -> Vec<Row<'_>> {
        [
            self.of_sales(),
            self.of_shops(),
            self.of_the_catalogue(),
            self.of_checkouts(),
            self.of_customers(),
            self.of_accounts(),
        ]
        .concat()
    }

    /// What a shop is and gives.
    fn of_shops(&self) -> Vec<Row<'_>> {
        let Self { organization, benefit, key, field, campaign, .. } = self;
        let ours = Problem("body.organization_id");
        let note = json!({"type": "custom", "description": "A note", "properties": {}, "organization_id": organization});
        let change = json!({"type": "license_keys", "description": "Mine"});
        let question = json!({"type": "text", "slug": "new", "name": "New", "properties": {},
            "organization_id": organization});
        vec![
            ("organizations:list", NO_ID, None, Empty),
            ("organizations:create", NO_ID, Some(json!({"name": "New", "slug": "new-one"})), NoTenant),
            ("organizations:get", organization, None, NotFound),
            ("organizations:update", organization, Some(json!({"name": "Mine"})), NotFound),
            ("advertisements:list", NO_ID, None, NoTenant),
            ("advertisements:get", campaign, None, NoTenant),
            ("advertisements:view", campaign, None, NoTenant),
            ("advertisements:pixel", campaign, None, NoTenant),
            ("advertisements:click", campaign, None, NoTenant),
            ("benefits:list", NO_ID, None, Empty),
            ("benefits:create", NO_ID, Some(note), ours.clone()),
            ("benefits:get", benefit, None, NotFound),
            ("benefits:update", benefit, Some(change), NotFound),
            ("benefits:delete", benefit, None, NotFound),
            ("benefits:grants", benefit, None, NotFound),
            ("benefits:failures", benefit, None, NotFound),
            ("benefits:retry_failure", benefit, None, NotFound),
            ("license_keys:list", NO_ID, None, Empty),
            ("license_keys:get", key, None, Unauthorized),
            ("license_keys:update", key, Some(json!({"status": "revoked"})), Unauthorized),
            ("license_keys:get_activation", key, None, Unauthorized),
            ("custom-fields:list", NO_ID, None, Empty),
            ("custom-fields:create", NO_ID, Some(question), ours),
            ("custom-fields:get", field, None, NotFound),
            ("custom-fields:update", field, Some(json!({"type": "text", "name": "Mine"})), NotFound),
            ("custom-fields:delete", field, None, NotFound),
        ]
    }

    /// What is sold.
    fn of_the_catalogue(&self) -> Vec<Row<'_>> {
        let Self { organization, discount, product, link, file, completion, .. } = self;
        let sale = json!({"type": "fixed", "duration": "once", "amount": 500, "name": "New",
            "organization_id": organization});
        let offer = json!({"name": "New", "prices": [{"type": "one_time", "amount_type": "free"}],
            "organization_id": organization});
        let recipe = json!({"payment_processor": "stripe", "product_id": product});
        let mut upload = announcement("downloadable", "a.txt", b"hello world");
        upload["organization_id"] = json!(organization);
        let ours = Problem("body.organization_id");
        vec![
            ("products:list", NO_ID, None, Empty),
            ("products:create", NO_ID, Some(offer), NotPermitted),
            ("products:get", product, None, NotFound),
            ("products:update", product, Some(json!({"name": "Mine"})), NotFound),
            ("products:update_benefits", product, Some(json!({"benefits": []})), NotFound),
            ("files:list", NO_ID, None, NotPermitted),
            ("files:create", NO_ID, Some(upload), NotPermitted),
            ("files:uploaded", file, Some(completion.clone()), NotPermitted),
            ("files:update", file, Some(json!({"name": "b.txt"})), NotPermitted),
            ("files:delete", file, None, NotPermitted),
            ("discounts:list", NO_ID, None, Empty),
            ("discounts:create", NO_ID, Some(sale), ours),
            ("discounts:get", discount, None, NotFound),
            ("discounts:update", discount, Some(json!({"name": "Mine"})), NotFound),
            ("discounts:delete", discount, None, NotFound),
            ("checkout-links:list", NO_ID, None, Empty),
            ("checkout-links:create", NO_ID, Some(recipe), Problem("body.product_id")),
            ("checkout-links:get", link, None, NotFound),
            ("checkout-links:update", link, Some(json!({"label": "Mine"})), NotFound),
            ("checkout-links:delete", link, None, NotFound),
            ("checkout-links:redirect", &self.secret, None, NoTenant),
            ("checkout-links:look", &self.secret, None, NoTenant),
            ("embeds:get_product", product, None, NoTenant),
            ("storefronts:get", &self.slug, None, NoTenant),
        ]
    }

    /// What is being bought.
    fn of_checkouts(&self) -> Vec<Row<'_>> {
        let Self { product, checkout, checkout_secret, .. } = self;
        let (by_product, by_price) = (json!({"product_id": product}), json!({"product_price_id": UNKNOWN}));
        let legacy = json!({"product_price_id": UNKNOWN, "success_url": "https://example.com/"});
        let named = json!({"customer_name": "Mine"});
        vec![
            ("checkouts:custom:list", NO_ID, None, Empty),
            ("checkouts:custom:create", NO_ID, Some(by_product), Problem("body.product_id")),
            ("checkouts:custom:get", checkout, None, NotFound),
            ("checkouts:custom:update", checkout, Some(named.clone()), NotFound),
            ("checkouts:custom:client_create", NO_ID, Some(by_price), NoTenant),
            ("checkouts:custom:client_get", checkout_secret, None, NoTenant),
            ("checkouts:custom:client_update", checkout_secret, Some(named), NoTenant),
            // Nothing is known of the buyer yet, so it is let in and not confirmed.
            ("checkouts:custom:client_confirm", checkout_secret, Some(json!({})), NoTenant),
            ("checkouts:custom:client_stream", checkout_secret, None, NoTenant),
            ("checkouts:create", NO_ID, Some(legacy), NoTenant),
            ("checkouts:get", checkout, None, NoTenant),
        ]
    }

    /// Customers, and what they see themselves.
    fn of_customers(&self) -> Vec<Row<'_>> {
        let Self { organization, slug, grant, key, naming, customer, .. } = self;
        let buyer = json!({"email": "new@example.com", "organization_id": organization});
        let session = json!({"customer_id": customer});
        let granted = json!({"benefit_type": "license_keys"});
        let code_request = json!({"email": "nora@example.com", "organization_id": organization});
        let ours = Problem("body.organization_id");
        vec![
            ("customers:list", NO_ID, None, Empty),
            ("customers:create", NO_ID, Some(buyer), ours),
            ("customers:get", "{customer}", None, NotFound),
            ("customers:update", "{customer}", Some(json!({"name": "Mine"})), NotFound),
            ("customers:delete", "{customer}", None, NotFound),
            ("customer-sessions:create", NO_ID, Some(session), Problem("body.customer_id")),
            ("customer_portal:benefit-grants:list", NO_ID, None, Empty),
            ("customer_portal:benefit-grants:get", grant, None, NotFound),
            ("customer_portal:benefit-grants:update", grant, Some(granted), NotFound),
            ("customer_portal:customer_session:request", NO_ID, Some(code_request), NoTenant),
            (
                "customer_portal:customer_session:authenticate",
                NO_ID,
                Some(json!({"code": "ABC123"})),
                NoTenant,
            ),
            ("customer_portal:customers:get", "{customer}", None, NotFound),
            ("customer_portal:customers:stream", NO_ID, None, OwnStream),
            ("customer_portal:downloadables:list", NO_ID, None, Empty),
            ("customer_portal:downloadables:customer_portal.downloadables.get", NO_ID, None, NoTenant),
            ("customer_portal:license_keys:list", NO_ID, None, Empty),
            ("customer_portal:license_keys:get", key, None, NotFound),
            ("customer_portal:license_keys:validate", NO_ID, Some(naming.clone()), NoTenant),
            ("customer_portal:license_keys:activate", NO_ID, Some(naming.clone()), NoTenant),
            ("customer_portal:license_keys:deactivate", NO_ID, Some(naming.clone()), NoTenant),
            ("customer_portal:organizations:get", slug, None, NoTenant),
            ("customer_portal:oauth_accounts:authorize", "{customer}", None, NotPermitted),
            ("customer_portal:oauth_accounts:callback", NO_ID, None, NoTenant),
        ]
    }

    /// People, and other services.
    fn of_accounts(&self) -> Vec<Row<'_>> {
        let Self { token, organization, .. } = self;
        vec![
            ("personal_access_token:list", NO_ID, None, NoTenant),
            ("personal_access_token:create", NO_ID, Some(json!({"comment": "", "scopes": []})), NoTenant),
            ("personal_access_token:delete", token, None, NotFound),
            ("users:scopes", NO_ID, None, NoTenant),
            ("stream:user", NO_ID, None, NoTenant),
            ("stream:organization", organization, None, Unauthorized),
            ("integrations_github:secret_scanning", NO_ID, Some(json!([])), NoTenant),
            ("integrations_stripe:webhook", NO_ID, None, NoTenant),
            ("integrations_sandbox:webhook", NO_ID, None, NoTenant),
            ("auth:logout", NO_ID, None, NoTenant),
            ("auth:logout_by_form", NO_ID, None, NoTenant),
            ("magic_link:request", NO_ID, Some(json!({"email": "nobody@example.com"})), NoTenant),
            ("integrations_discord:bot_authorize", NO_ID, None, NoTenant),
            ("integrations_discord:bot_callback", NO_ID, None, NoTenant),
            ("integrations_discord:guild_lookup", NO_ID, None, NoTenant),
            ("integrations_github_repository_benefit:user_authorize", NO_ID, None, NoTenant),
            ("integrations_github_repository_benefit:user_callback", NO_ID, None, NoTenant),
            ("integrations_github_repository_benefit:user_repositories", NO_ID, None, NoTenant),
            ("integrations_github_repository_benefit:installation_install", NO_ID, None, NoTenant),
            ("integrations_github_repository_benefit:installation_callback", NO_ID, None, NoTenant),
        ]
    }
}

/// The id of a job about the benefit that was set aside.
async fn failure_of(shop: &Shop, benefit_id: Id<Benefit>) -> String {
    let made = shop.write(move |tx| {
        jobs::enqueue(tx, &Job::UpdateGrantsOfBenefit { benefit_id, after: None })?;
        let now = tx.now();
        Ok(tx.returning::<Id<Waiting>>(
            "UPDATE jobs SET failures = 10, failed_at = $2 WHERE benefit_id = $1 RETURNING id",
            &[&benefit_id, &now],
        )?)
    });
    made.await.unwrap().remove(0).to_string()
}

/// The id of a personal access token of the shop's member.
async fn token_of_member(shop: &Shop) -> String {
    let (secret, id) = (shop.secret.clone(), shop.member.id);
    let wanted = Wanted { scopes: everything(), expires_in: None, comment: "" };
    let made = shop.write(move |tx| access::create_personal_access_token(tx, &secret, id, &wanted)).await;
    made.unwrap().id.to_string()
}

/// Stands in no path.
const NO_ID: &str = "\0";

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
        let things = Things::on(shop).await;
        let customer = things.customer.to_string();
        let mut rows = things.rows();
        let covered = |operation: Operation| {
            let row = rows.iter().position(|(name, ..)| *name == operation.id);
            let row =
                row.unwrap_or_else(|| panic!("{} is in no access test: give it a row here", operation.id));
            let (_, id, body, foreign) = rows.swap_remove(row);
            let id = id.replace("{customer}", &customer);
            let mut path = operation.path.replace("{id}", &id).replace("{slug}", &id);
            path = path.replace("{activation_id}", &things.activation);
            path = path.replace("{failure_id}", &things.failure);
            path = path.replace("{token}", "i-am-hacker").replace("{client_secret}", &id);
            if operation.id == "files:list" {
                // Users must say whose files they want.
                path = format!("{path}?organization_id={}", things.organization);
            }
            if operation.id == "organizations:list" {
                // Everybody else has an organization of their own.
                path = format!("{path}?slug={}", things.slug);
            }
            if operation.id.ends_with(":preview") {
                path = format!("{path}?product_price_id={UNKNOWN}");
            }
            if operation.id == "customer_portal:oauth_accounts:authorize" {
                path = format!("{path}?platform=discord&customer_id={id}");
            }
            (operation, Call { path, id, body, foreign })
        };
        let all: Vec<(Operation, Call)> = merak_server::api::operations().into_iter().map(covered).collect();
        let left: Vec<&str> = rows.iter().map(|(name, ..)| *name).collect();
        assert!(left.is_empty(), "these operations do not exist any more: {left:?}");
        Self { all, customer: things.customer }
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
        shop.work_done().await;
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
