//! How benefits and grants look on the wire. The six kinds differ only in their properties, so the contract's thirty
//! shapes are made from one table; requests are checked by those shapes and then read into one struct for all kinds.

use merak_core::benefits::grants;
use merak_core::benefits::{self, BenefitType};
use merak_core::customers;
use merak_core::kit::{Id, InstanceSecret, Purpose, Result, sign};
use merak_core::organizations;
use merak_store::{Json, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::api::shared::Customer;
use crate::wire::{Components, Described, answer, nullable, object, one_of_named, reference};

/// The part of each schema name that says the kind, in the contract's order of the kinds.
pub fn kind_names() -> [(BenefitType, &'static str); 6] {
    [
        (BenefitType::Custom, "Custom"),
        (BenefitType::Ads, "Ads"),
        (BenefitType::Discord, "Discord"),
        (BenefitType::GithubRepository, "GitHubRepository"),
        (BenefitType::Downloadables, "Downloadables"),
        (BenefitType::LicenseKeys, "LicenseKeys"),
    ]
}

impl Described for BenefitType {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "BenefitType", |_| json!({"type": "string", "enum": Self::TEXTS}))
    }
}

fn uuid() -> Value {
    json!({"type": "string", "format": "uuid4"})
}

fn time() -> Value {
    json!({"type": "string", "format": "date-time"})
}

fn permission() -> Value {
    json!({"type": "string", "enum": ["pull", "triage", "push", "maintain", "admin"], "x-literal": true})
}

fn image_size() -> Value {
    object(
        json!({
            "image_height": {"type": "integer", "default": 400, "description": "Height of the picture, in pixels."},
            "image_width": {"type": "integer", "default": 400, "description": "Width of the picture, in pixels."}
        }),
        &[],
    )
}

fn note() -> Value {
    nullable(json!({"type": "string", "description": "A private note, shown to those who hold the benefit."}))
}

/// How long the beginning of keys is at most. Keys are unique and so in an index, also where capitals take more room.
const LONGEST_PREFIX: usize = 256;

fn license_keys(limit: Value) -> Value {
    let expires = object(
        json!({
            "ttl": {"type": "integer", "exclusiveMinimum": 0, "maximum": 2_147_483_647},
            "timeframe": {"type": "string", "enum": ["year", "month", "day"], "x-literal": true}
        }),
        &["ttl", "timeframe"],
    );
    let activations = object(
        json!({
            "limit": {"type": "integer", "exclusiveMinimum": 0, "maximum": 2_147_483_647,
                      "description": "On how many devices at once."},
            "enable_customer_admin": {"type": "boolean",
                                      "description": "Whether customers see and remove activations in the portal."}
        }),
        &["limit", "enable_customer_admin"],
    );
    json!({
        "prefix": nullable(json!({"type": "string", "maxLength": LONGEST_PREFIX,
                                  "description": "What keys begin with, in capitals."})),
        "expires": nullable(expires),
        "activations": nullable(activations),
        "limit_usage": nullable(limit)
    })
}

/// What a seller sends as properties. `is_update`: some kinds ask for more then.
fn input_properties(kind: BenefitType, is_update: bool) -> Value {
    match kind {
        BenefitType::Custom => object(json!({"note": note()}), if is_update { &["note"] } else { &[] }),
        BenefitType::Ads => image_size(),
        BenefitType::Discord => object(
            json!({"guild_token": {"type": "string"}, "role_id": {"type": "string"}}),
            &["guild_token", "role_id"],
        ),
        BenefitType::GithubRepository => object(
            json!({
                "repository_owner": {"type": "string"},
                "repository_name": {"type": "string"},
                "permission": permission()
            }),
            &["repository_owner", "repository_name", "permission"],
        ),
        BenefitType::Downloadables => object(
            json!({
                "archived": {"type": "object", "additionalProperties": {"type": "boolean"},
                             "propertyNames": {"format": "uuid4"}, "default": {}},
                "files": {"type": "array", "items": uuid(), "minItems": 1, "maxItems": 1000}
            }),
            &["files"],
        ),
        BenefitType::LicenseKeys => object(
            license_keys(json!({"type": "integer", "exclusiveMinimum": 0, "maximum": 2_147_483_647})),
            &[],
        ),
    }
}

/// What a seller is shown as properties.
fn output_properties(kind: BenefitType) -> Value {
    match kind {
        BenefitType::Custom => object(json!({"note": note()}), &["note"]),
        BenefitType::Ads => image_size(),
        BenefitType::Discord => object(
            json!({
                "guild_id": {"type": "string"},
                "role_id": {"type": "string"},
                "guild_token": {"type": "string", "readOnly": true}
            }),
            &["guild_id", "role_id", "guild_token"],
        ),
        BenefitType::GithubRepository => object(
            json!({
                "repository_owner": {"type": "string"},
                "repository_name": {"type": "string"},
                "permission": permission(),
                "repository_id": {"anyOf": [uuid(), {"type": "null"}], "deprecated": true}
            }),
            &["repository_owner", "repository_name", "permission"],
        ),
        BenefitType::Downloadables => object(
            json!({
                "archived": {"type": "object", "additionalProperties": {"type": "boolean"},
                             "propertyNames": {"format": "uuid4"}},
                "files": {"type": "array", "items": uuid()}
            }),
            &["archived", "files"],
        ),
        BenefitType::LicenseKeys => object(
            license_keys(json!({"type": "integer"})),
            &["prefix", "expires", "activations", "limit_usage"],
        ),
    }
}

/// What a buyer is shown as properties.
fn subscriber_properties(kind: BenefitType) -> Value {
    match kind {
        BenefitType::Discord => object(json!({"guild_id": {"type": "string"}}), &["guild_id"]),
        BenefitType::GithubRepository => object(
            json!({"repository_owner": {"type": "string"}, "repository_name": {"type": "string"}}),
            &["repository_owner", "repository_name"],
        ),
        BenefitType::Downloadables => {
            object(json!({"active_files": {"type": "array", "items": uuid()}}), &["active_files"])
        }
        BenefitType::Custom | BenefitType::Ads | BenefitType::LicenseKeys => output_properties(kind),
    }
}

/// What a grant of this kind remembers. Members may be missing until they are known.
pub fn grant_properties_schema(kind: BenefitType) -> Value {
    let text = json!({"type": "string"});
    match kind {
        BenefitType::Custom => object(json!({}), &[]),
        BenefitType::Ads => {
            object(json!({"advertisement_campaign_id": text}), &["advertisement_campaign_id"])
        }
        BenefitType::Discord => object(json!({"account_id": text, "guild_id": text, "role_id": text}), &[]),
        BenefitType::GithubRepository => object(
            json!({
                "account_id": text, "repository_owner": text, "repository_name": text,
                "permission": permission()
            }),
            &[],
        ),
        BenefitType::Downloadables => object(json!({"files": {"type": "array", "items": text}}), &[]),
        BenefitType::LicenseKeys => object(json!({"license_key_id": text, "display_key": text}), &[]),
    }
}

/// A schema for each kind, and references to them.
fn of_each_kind(
    components: &mut Components,
    name: impl Fn(&str) -> String,
    make: impl Fn(BenefitType, &mut Components) -> Value,
) -> Vec<Value> {
    kind_names()
        .into_iter()
        .map(|(kind, kind_name)| {
            one_of_named(components, &name(kind_name), |components| make(kind, components))
        })
        .collect()
}

fn description() -> Value {
    json!({"type": "string", "minLength": 3, "maxLength": 42, "description": "What buyers read."})
}

/// A benefit to be made, of whatever kind.
#[derive(Clone, Debug, Deserialize)]
pub struct BenefitCreate {
    pub r#type: BenefitType,
    pub description: String,
    pub organization_id: Option<Id<organizations::Organization>>,
    pub properties: Value,
}

impl Described for BenefitCreate {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "BenefitCreate", |components| {
            let branches = of_each_kind(
                components,
                |name| format!("Benefit{name}Create"),
                |kind, _| {
                    object(
                        json!({
                            "type": {"type": "string", "const": kind.as_str()},
                            "description": description(),
                            "organization_id": nullable(uuid()),
                            "properties": input_properties(kind, false)
                        }),
                        &["type", "description", "properties"],
                    )
                },
            );
            let mapping: Map<String, Value> = kind_names()
                .iter()
                .zip(&branches)
                .map(|((kind, _), branch)| (kind.as_str().to_owned(), branch["$ref"].clone()))
                .collect();
            json!({"oneOf": branches, "discriminator": {"propertyName": "type", "mapping": mapping}})
        })
    }
}

/// A change of a benefit, of whatever kind.
#[derive(Clone, Debug, Deserialize)]
pub struct BenefitUpdate {
    pub r#type: BenefitType,
    pub description: Option<String>,
    pub properties: Option<Value>,
}

/// The name of the schema that a change of this kind is checked by, as problems tell it.
pub const fn update_branch(kind: BenefitType) -> &'static str {
    match kind {
        BenefitType::Custom => "BenefitCustomUpdate",
        BenefitType::Ads => "BenefitAdsUpdate",
        BenefitType::Discord => "BenefitDiscordUpdate",
        BenefitType::GithubRepository => "BenefitGitHubRepositoryUpdate",
        BenefitType::Downloadables => "BenefitDownloadablesUpdate",
        BenefitType::LicenseKeys => "BenefitLicenseKeysUpdate",
    }
}

impl Described for BenefitUpdate {
    fn schema(components: &mut Components) -> Value {
        let mut branches = of_each_kind(
            components,
            |name| format!("Benefit{name}Update"),
            |kind, _| {
                object(
                    json!({
                        "description": nullable(description()),
                        "type": {"type": "string", "const": kind.as_str()},
                        "properties": nullable(input_properties(kind, true))
                    }),
                    &["type"],
                )
            },
        );
        // Here, and in answers, the contract lists the ads before the note.
        branches.swap(0, 1);
        json!({"anyOf": branches})
    }
}

fn common_properties(kind: BenefitType) -> Value {
    json!({
        "created_at": time(),
        "modified_at": nullable(time()),
        "id": uuid(),
        "type": {"type": "string", "const": kind.as_str()},
        "description": {"type": "string", "description": "What buyers read."},
        "selectable": {"type": "boolean", "description": "Whether it can be put on products."},
        "deletable": {"type": "boolean", "description": "Whether it can be deleted."},
        "organization_id": uuid()
    })
}

const COMMON: [&str; 8] =
    ["created_at", "modified_at", "id", "type", "description", "selectable", "deletable", "organization_id"];

/// A benefit as its seller sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Benefit {
    pub created_at: Timestamp,
    pub modified_at: Option<Timestamp>,
    pub id: Id<benefits::Benefit>,
    pub r#type: BenefitType,
    pub description: String,
    pub selectable: bool,
    pub deletable: bool,
    pub organization_id: Id<organizations::Organization>,
    pub properties: Json,
    /// Only notes have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_tax_applicable: Option<bool>,
}

impl Described for Benefit {
    fn schema(components: &mut Components) -> Value {
        one_of_named(components, "Benefit", |components| {
            let mut branches = of_each_kind(
                components,
                |name| format!("Benefit{name}"),
                |kind, _| {
                    let mut properties = common_properties(kind);
                    properties["properties"] = output_properties(kind);
                    let mut required = [&COMMON[..], &["properties"]].concat();
                    if kind == BenefitType::Custom {
                        properties["is_tax_applicable"] = json!({"type": "boolean", "deprecated": true});
                        required.push("is_tax_applicable");
                    }
                    object(properties, &required)
                },
            );
            branches.swap(0, 1);
            json!({"anyOf": branches})
        })
    }
}

/// How long a seller can use the token that stands for a Discord server, in seconds.
const GUILD_TOKEN_LIFETIME: i64 = 900;

/// Signs what stands for a Discord server, so that sellers can only name servers that they once showed to be theirs.
#[derive(Clone, Debug)]
pub struct GuildTokens {
    secret: InstanceSecret,
    now: Timestamp,
}

impl GuildTokens {
    /// Tokens that are good from now on.
    pub fn new(secret: &InstanceSecret, now: Timestamp) -> Self {
        Self { secret: secret.clone(), now }
    }

    /// A token for a server.
    pub fn sign(&self, guild_id: &str) -> Result<String> {
        sign(&self.secret, Purpose::GuildToken, self.now.add_seconds(GUILD_TOKEN_LIFETIME), &guild_id)
    }
}

impl Benefit {
    /// The benefit as its seller sees it. That of a Discord role gets a token for its server, signed anew.
    pub fn shown(benefit: benefits::Benefit, tokens: &GuildTokens) -> Result<Self> {
        let properties = match benefit.r#type {
            BenefitType::Discord => {
                let mut members: Map<String, Value> = benefit.properties.parse()?;
                let guild_id = members.get("guild_id").and_then(Value::as_str).unwrap_or_default();
                let token = tokens.sign(guild_id)?;
                members.insert(String::from("guild_token"), Value::from(token));
                Json::from(Value::Object(members))
            }
            BenefitType::GithubRepository => {
                let mut members: Map<String, Value> = benefit.properties.parse()?;
                members.insert(String::from("repository_id"), Value::Null);
                Json::from(Value::Object(members))
            }
            BenefitType::Custom
            | BenefitType::Ads
            | BenefitType::Downloadables
            | BenefitType::LicenseKeys => benefit.properties,
        };
        Ok(Self {
            created_at: benefit.created_at,
            modified_at: benefit.modified_at,
            id: benefit.id,
            r#type: benefit.r#type,
            description: benefit.description,
            selectable: benefit.selectable,
            deletable: benefit.deletable,
            organization_id: benefit.organization_id,
            properties,
            is_tax_applicable: (benefit.r#type == BenefitType::Custom).then_some(benefit.is_tax_applicable),
        })
    }
}

/// A benefit as its buyer sees it, with the organization's schema given.
pub fn subscriber_schema(kind: BenefitType, organization: Value) -> Value {
    let mut properties = common_properties(kind);
    properties["organization"] = organization;
    properties["properties"] = subscriber_properties(kind);
    object(properties, &[&COMMON[..], &["organization", "properties"]].concat())
}

/// The properties of a benefit that its buyer may see.
pub fn subscriber_benefit(kind: BenefitType, properties: Json) -> merak_store::Result<Json> {
    match kind {
        BenefitType::Custom | BenefitType::Ads | BenefitType::LicenseKeys => Ok(properties),
        BenefitType::Discord => keep_only(&properties, &["guild_id"]),
        BenefitType::GithubRepository => keep_only(&properties, &["repository_owner", "repository_name"]),
        BenefitType::Downloadables => {
            let properties: Value = properties.parse()?;
            let is_archived = |file: &Value| {
                file.as_str().is_some_and(|id| properties["archived"][id].as_bool().unwrap_or(false))
            };
            let files = properties["files"].as_array().cloned().unwrap_or_default();
            let active: Vec<Value> = files.into_iter().filter(|file| !is_archived(file)).collect();
            Ok(Json::from(json!({"active_files": active})))
        }
    }
}

fn keep_only(properties: &Json, names: &[&str]) -> merak_store::Result<Json> {
    let mut members: Map<String, Value> = properties.parse()?;
    members.retain(|name, _| names.contains(&name.as_str()));
    Ok(Json::from(Value::Object(members)))
}

/// What any grant remembers.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct GrantProperties(pub Json);

impl Described for GrantProperties {
    fn schema(components: &mut Components) -> Value {
        let mut kinds = kind_names();
        // The contract's own order for this union.
        kinds.rotate_left(2);
        let branches: Vec<Value> = kinds
            .into_iter()
            .map(|(kind, name)| {
                let name = format!("BenefitGrant{name}Properties");
                one_of_named(components, &name, |_| grant_properties_schema(kind));
                reference(&name)
            })
            .collect();
        json!({"anyOf": branches})
    }
}

answer! {
    /// A grant as its seller sees it.
    pub struct BenefitGrant {
        /// When the grant was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// The grant's id.
        pub id: Id<grants::BenefitGrant>,
        /// Since when the customer has the benefit.
        pub granted_at: Option<Timestamp> = {"required": false},
        /// Whether the customer has it.
        pub is_granted: bool,
        /// Since when the customer has it no more.
        pub revoked_at: Option<Timestamp> = {"required": false},
        /// Whether it was taken back.
        pub is_revoked: bool,
        /// The subscription it comes with.
        pub subscription_id: Option<Uuid>,
        /// The order it comes with.
        pub order_id: Option<Uuid>,
        /// Who holds it.
        pub customer_id: Id<customers::Customer>,
        /// The same as `customer_id`.
        pub user_id: Id<customers::Customer> = {"deprecated": true},
        /// What is held.
        pub benefit_id: Id<benefits::Benefit>,
        /// The holder.
        pub customer: Customer,
        /// What the kind remembers of the grant.
        pub properties: GrantProperties,
    }
}

impl From<(grants::BenefitGrant, customers::Customer)> for BenefitGrant {
    fn from((grant, customer): (grants::BenefitGrant, customers::Customer)) -> Self {
        Self {
            created_at: grant.created_at,
            modified_at: grant.modified_at,
            id: grant.id,
            granted_at: grant.granted_at,
            is_granted: grant.is_granted(),
            revoked_at: grant.revoked_at,
            is_revoked: grant.is_revoked(),
            subscription_id: grant.subscription_id,
            order_id: grant.order_id,
            customer_id: grant.customer_id,
            user_id: grant.customer_id,
            benefit_id: grant.benefit_id,
            customer: customer.into(),
            properties: GrantProperties(grant.properties),
        }
    }
}
