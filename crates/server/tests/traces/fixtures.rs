//! The shop that the recordings were made in.

use merak_core::access::{self, Wanted};
use merak_core::benefits::BenefitType;
use merak_core::customers::{self, CreateCustomer, Customer};
use merak_core::kit::{Id, Metadata, Patch};
use merak_core::license_keys::{LicenseKey, Status, UpdateLicenseKey};
use merak_core::organizations::{self, CreateOrganization, FeatureSettings, Organization};
use merak_core::users::User;
use merak_store::Source;
use serde_json::{Value, json};

use crate::support::shop::scopes;
use crate::support::{Shop, UNKNOWN, everything};
use crate::trace::Values;

const DAY: i64 = 24 * 3600;

/// Makes everything that the recordings name, and says what they name it.
pub async fn prepare(shop: &Shop) -> Values {
    let mut values = Values::default();
    values.set("base", format!("http://{}", shop.anonymous.address()));
    values.set("unknown_id", UNKNOWN);
    let merchant = shop.user("merchant@example.com").await;
    let other = shop.user("other@example.com").await;
    let org = organization(shop, merchant.id, "Acme Software", "acme-software").await;
    let org_b = organization(shop, other.id, "Other Corp", "other-corp").await;
    values.set("org", org.id);
    values.set("org_b", org_b.id);
    values.set("pat", shop.user_token(merchant.id, everything()).await);
    values.set("pat_b", shop.user_token(other.id, everything()).await);
    values.set("pat_lk_read", shop.user_token(merchant.id, scopes("license_keys:read")).await);
    values.set("pat_openid", shop.user_token(merchant.id, scopes("openid")).await);
    values.set("pat_expired", expired_token(shop, merchant.id).await);

    let customer = customer(shop, org.id, "buyer@example.com", Some("Jane Buyer"), json!({})).await;
    let metadata = json!({"plan": "pro", "seats": 3, "trial": false});
    let customer2 = self::customer(shop, org.id, "second@example.com", None, metadata).await;
    let customer_b = self::customer(shop, org_b.id, "buyer@example.com", None, json!({})).await;
    let id = customer.id;
    shop.write(move |tx| {
        Ok(tx.execute("UPDATE customers SET email_verified = $2 WHERE id = $1", &[&id, &true])?)
    })
    .await
    .unwrap();
    values.set("customer", customer.id);
    values.set("customer2", customer2.id);
    values.set("customer_b", customer_b.id);

    let full = json!({"prefix": "ACME", "activations": {"limit": 50, "enable_customer_admin": true}});
    let benefit = shop.benefit_of(org.id, BenefitType::LicenseKeys, full.clone()).await;
    let benefit2 = shop.benefit_of(org.id, BenefitType::LicenseKeys, json!({})).await;
    let benefit_b = shop.benefit_of(org_b.id, BenefitType::LicenseKeys, full).await;
    values.set("benefit", benefit.id);
    values.set("benefit2", benefit2.id);
    values.set("benefit_b", benefit_b.id);

    let mut name = |name: &str, key: &LicenseKey| {
        values.set(name, &key.key);
        values.set(&format!("{name}_id"), key.id);
    };
    for text in ["key1", "key2", "key3"] {
        name(text, &shop.sell(benefit.id, customer.id).await);
    }
    name("k_other", &shop.sell(benefit_b.id, customer_b.id).await);
    name("k_plain", &shop.sell(benefit2.id, customer.id).await);
    let (yesterday, in_ten_years) = {
        let now = shop.source.now();
        (now.add_seconds(-DAY), now.add_seconds(3650 * DAY))
    };
    let seats =
        |limit| UpdateLicenseKey { limit_activations: Patch::Value(limit), ..UpdateLicenseKey::default() };
    let special = [
        ("k_limit1", seats(1)),
        ("k_limit3", seats(3)),
        ("k_usage", UpdateLicenseKey { limit_usage: Patch::Value(10), ..UpdateLicenseKey::default() }),
        ("k_revoked", UpdateLicenseKey { status: Some(Status::Revoked), ..seats(3) }),
        ("k_disabled", UpdateLicenseKey { status: Some(Status::Disabled), ..seats(3) }),
        ("k_expired", UpdateLicenseKey { expires_at: Patch::Value(yesterday), ..seats(3) }),
        (
            "k_future",
            UpdateLicenseKey {
                expires_at: Patch::Value(in_ten_years),
                limit_usage: Patch::Value(5),
                ..seats(3)
            },
        ),
    ];
    for (text, change) in special {
        let key = shop.sell(benefit2.id, customer.id).await;
        name(text, &shop.change_key(&key, change).await);
    }
    values
}

async fn organization(shop: &Shop, creator: Id<User>, name: &str, slug: &str) -> Organization {
    let command = CreateOrganization {
        name: name.to_owned(),
        slug: slug.parse().unwrap(),
        avatar_url: None,
        feature_settings: FeatureSettings::of(false),
    };
    shop.write(move |tx| organizations::create(tx, creator, &command)).await.unwrap()
}

async fn customer(
    shop: &Shop,
    organization_id: Id<Organization>,
    email: &str,
    name: Option<&str>,
    metadata: Value,
) -> Customer {
    let command = CreateCustomer {
        organization_id,
        email: email.parse().unwrap(),
        name: name.map(str::to_owned),
        billing_address: None,
        tax_id: None,
        metadata: Metadata::from_json(&metadata).unwrap(),
    };
    shop.write(move |tx| customers::create(tx, &command)).await.unwrap()
}

async fn expired_token(shop: &Shop, user_id: Id<User>) -> String {
    let secret = shop.secret.clone();
    let wanted = Wanted { scopes: everything(), expires_in: Some(-DAY), comment: "expired" };
    let made =
        shop.write(move |tx| access::create_personal_access_token(tx, &secret, user_id, &wanted)).await;
    made.unwrap().token.into_string()
}
