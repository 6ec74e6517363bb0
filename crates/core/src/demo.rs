//! The small shop that `merak demo` shows and that tests look at.

use merak_store::{Json, Tx};
use serde_json::{Value, json};

use crate::access::{self, NewToken, Tenancy, Wanted};
use crate::benefits::{self, Benefit, BenefitType, CreateBenefit, grants, kinds};
use crate::customers::{self, CreateCustomer, Customer};
use crate::kit::{
    Address, Country, Email, Id, InstanceSecret, Metadata, Patch, Refusal, Result, ScopeSet, Slug,
};
use crate::license_keys::{self, Activate, LicenseKey, Status, UpdateLicenseKey};
use crate::organizations::{self, CreateOrganization, FeatureSettings, Organization};
use crate::{customer_sessions, users};

const OWNER: &str = "ada@nimbus.example";
const SLUG: &str = "nimbus-tools";
/// What the demo's tokens are called, so that the next start can replace them.
const COMMENT: &str = "demo";

/// What a visitor of the demo shop needs.
#[derive(Clone, Debug)]
pub struct Demo {
    /// The shop.
    pub organization: Organization,
    /// A personal access token of its owner, with every scope.
    pub access_token: String,
    /// A customer with a key, and a portal session of theirs.
    pub customer_id: Id<Customer>,
    /// The session's token.
    pub customer_session_token: String,
    /// The license-keys benefit of most keys.
    pub benefit_id: Id<Benefit>,
    /// Some keys in different states; the first is good and has free seats.
    pub license_keys: Vec<LicenseKey>,
    /// All benefits.
    pub benefit_ids: Vec<Id<Benefit>>,
    /// All customers.
    pub customer_ids: Vec<Id<Customer>>,
}

/// Makes the shop if it is not there, and fresh tokens for it; those of an earlier start end.
pub fn open(tx: &mut Tx<'_>, secret: &InstanceSecret) -> Result<Demo> {
    let owner = users::find_or_create(tx, &email(OWNER)?)?;
    let organization = match organizations::find_by_slug(tx, SLUG)? {
        Some(organization) => organization,
        None => fill(tx, owner.id)?,
    };
    for token in access::list_personal_access_tokens(tx, owner.id)? {
        if token.comment == COMMENT {
            access::revoke_token(tx, token.id.uuid())?;
        }
    }
    let wanted = Wanted { scopes: ScopeSet::grantable(), expires_in: None, comment: COMMENT };
    let NewToken { token, .. } = access::create_personal_access_token(tx, secret, owner.id, &wanted)?;
    let keys = tx.all::<LicenseKey>(
        const_format::concatcp!(
            "SELECT ",
            LicenseKey::COLUMNS,
            " FROM license_keys WHERE organization_id = $1 ORDER BY created_at, id LIMIT 20"
        ),
        &[&organization.id],
    )?;
    let first = keys.first().ok_or_else(Refusal::not_found)?;
    let (_, session) = customer_sessions::create(tx, secret, first.customer_id)?;
    let benefit_ids = tx.all(
        "SELECT id FROM benefits WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 20",
        &[&organization.id],
    )?;
    let customer_ids = tx.all(
        "SELECT id FROM customers WHERE organization_id = $1 AND deleted_at IS NULL ORDER BY id LIMIT 20",
        &[&organization.id],
    )?;
    Ok(Demo {
        access_token: token.into_string(),
        customer_id: first.customer_id,
        customer_session_token: session.into_string(),
        benefit_id: first.benefit_id,
        license_keys: keys,
        organization,
        benefit_ids,
        customer_ids,
    })
}

fn fill(tx: &mut Tx<'_>, owner: Id<users::User>) -> Result<Organization> {
    let organization = organizations::create(
        tx,
        owner,
        &CreateOrganization {
            name: String::from("Nimbus Tools"),
            slug: Slug::parse(SLUG).map_err(|error| Refusal::bad_request(error.to_string()))?,
            avatar_url: None,
            feature_settings: FeatureSettings::of(false),
        },
    )?;
    let shop = Shop { organization_id: organization.id };
    let pro = shop.benefit(
        tx,
        BenefitType::LicenseKeys,
        "Nimbus Pro license",
        json!({"prefix": "nimbus", "expires": {"ttl": 1, "timeframe": "year"},
               "activations": {"limit": 3, "enable_customer_admin": true}, "limit_usage": 500}),
    )?;
    let team = shop.benefit(
        tx,
        BenefitType::LicenseKeys,
        "Nimbus Team license",
        json!({"prefix": "nimbus team", "activations": {"limit": 25, "enable_customer_admin": true}}),
    )?;
    let support = shop.benefit(
        tx,
        BenefitType::Custom,
        "Priority support",
        json!({"note": "Write to help@nimbus.example and name your license key: you are answered first."}),
    )?;

    let nora =
        shop.customer(tx, "nora.lind@fjordsoft.example", "Nora Lind", Some(("Trondheim", "7010", "NO")))?;
    let jonas = shop.customer(tx, "jonas@weber.example", "Jonas Weber", Some(("Leipzig", "04109", "DE")))?;
    let mei = shop.customer(tx, "mei@tanaka.example", "Mei Tanaka", Some(("Osaka", "530-0001", "JP")))?;
    let olu = shop.customer(tx, "olu@adeyemi.example", "Olu Adeyemi", None)?;
    let ines = shop.customer(tx, "ines@duarte.example", "Inês Duarte", Some(("Porto", "4000-322", "PT")))?;

    shop.key(tx, pro, nora, &["studio-mac"])?;
    shop.key(tx, pro, jonas, &["laptop", "workstation", "build server"])?;
    let paused = shop.key(tx, pro, mei, &[])?;
    let expired = shop.key(tx, pro, olu, &["old-laptop"])?;
    shop.key(tx, team, ines, &["front desk", "lab 1", "lab 2"])?;
    for customer in [nora, ines] {
        grants::grant(tx, support, customer, grants::Scope::ByHand)?;
    }
    shop.change(tx, paused, &UpdateLicenseKey { status: Some(Status::Disabled), ..Default::default() })?;
    let last_week = tx.now().add_seconds(-7 * 24 * 3600);
    shop.change(
        tx,
        expired,
        &UpdateLicenseKey { expires_at: Patch::Value(last_week), ..Default::default() },
    )?;
    grants::grant(tx, team, olu, grants::Scope::ByHand)?;
    grants::revoke(tx, team, olu, grants::Scope::ByHand)?;
    Ok(organization)
}

struct Shop {
    organization_id: Id<Organization>,
}

impl Shop {
    fn benefit(
        &self,
        tx: &mut Tx<'_>,
        r#type: BenefitType,
        description: &str,
        properties: Value,
    ) -> Result<Id<Benefit>> {
        let command = CreateBenefit {
            organization_id: self.organization_id,
            r#type,
            description: description.to_owned(),
            properties,
        };
        Ok(benefits::create(tx, &command)?.id)
    }

    fn customer(
        &self,
        tx: &mut Tx<'_>,
        address: &str,
        name: &str,
        place: Option<(&str, &str, &str)>,
    ) -> Result<Id<Customer>> {
        let billing_address = place.and_then(|(city, postal_code, country)| {
            Some(Address {
                line1: None,
                line2: None,
                postal_code: Some(postal_code.to_owned()),
                city: Some(city.to_owned()),
                state: None,
                country: Country::parse(country)?,
            })
        });
        let command = CreateCustomer {
            organization_id: self.organization_id,
            email: email(address)?,
            name: Some(name.to_owned()),
            billing_address,
            tax_id: None,
            metadata: Metadata::default(),
        };
        Ok(customers::create(tx, &command)?.id)
    }

    /// A key by hand, activated on the named devices.
    fn key(
        &self,
        tx: &mut Tx<'_>,
        benefit: Id<Benefit>,
        customer: Id<Customer>,
        devices: &[&str],
    ) -> Result<Id<LicenseKey>> {
        let grant = grants::grant(tx, benefit, customer, grants::Scope::ByHand)?;
        let key = match kinds::license_keys::key_of(&grant)? {
            Some(id) => license_keys::find(tx, id)?,
            None => None,
        };
        let key = key.ok_or_else(Refusal::not_found)?;
        for label in devices {
            license_keys::activate(
                tx,
                &Activate {
                    organization_id: self.organization_id,
                    key: key.key.clone(),
                    label: (*label).to_owned(),
                    conditions: Json::default(),
                    meta: Json::default(),
                },
            )?;
        }
        Ok(key.id)
    }

    fn change(&self, tx: &mut Tx<'_>, id: Id<LicenseKey>, command: &UpdateLicenseKey) -> Result<()> {
        let tenancy = Tenancy::of(self.organization_id);
        license_keys::update(tx, &tenancy, id, command).map(|_| ())
    }
}

fn email(text: &str) -> Result<Email> {
    text.parse().map_err(|error| Refusal::bad_request(format!("{text}: {error}")))
}
