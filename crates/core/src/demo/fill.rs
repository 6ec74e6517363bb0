//! The people of the demo shop: its customers and what they hold.

use merak_store::{Json, Tx};
use serde_json::{Value, json};

use super::catalogue;
use crate::access::Tenancy;
use crate::benefits::{self, Benefit, BenefitType, CreateBenefit, grants, kinds};
use crate::customers::{self, CreateCustomer, Customer};
use crate::kit::{Address, Country, Email, Id, Metadata, Patch, Refusal, Result, Slug};
use crate::license_keys::{self, Activate, LicenseKey, Status, UpdateLicenseKey};
use crate::organizations::{self, CreateOrganization, FeatureSettings, Organization, UpdateSeller};
use crate::users::User;

/// Makes the shop with everything but its files.
pub(super) fn fill(tx: &mut Tx<'_>, owner: Id<User>) -> Result<Organization> {
    let organization = organizations::create(
        tx,
        owner,
        &CreateOrganization {
            name: String::from("Nimbus Tools"),
            slug: Slug::parse(super::SLUG).map_err(|error| Refusal::bad_request(error.to_string()))?,
            avatar_url: None,
            feature_settings: FeatureSettings::of(false),
        },
    )?;
    let text = |text: &str| Patch::Value(text.to_owned());
    let seller = UpdateSeller {
        email: Patch::Value(email("help@nimbus.example")?),
        legal_name: text("Nimbus Tools GmbH"),
        line1: text("Lindenallee 7"),
        line2: Patch::Absent,
        postal_code: text("50968"),
        city: text("Köln"),
        state: Patch::Absent,
        country: Country::parse("DE").into(),
        tax_id: text("DE136695976"),
    };
    let organization = organizations::update_seller(tx, organization.id, &seller)?;
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
    let benefits = catalogue::Benefits { pro, team, support };
    catalogue::fill(tx, organization.id, &benefits)?;
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

pub(super) fn email(text: &str) -> Result<Email> {
    text.parse().map_err(|error| Refusal::bad_request(format!("{text}: {error}")))
}
