//! Shops that are worth moving.

use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use merak_core::checkout_links::{self, CreateCheckoutLink, PaymentProcessor, Sold};
use merak_core::custom_fields::{self, CreateCustomField, CustomField, CustomFieldType};
use merak_core::discounts::{self, CreateDiscount, Reduction, Span};
use merak_core::files::{self, CreateFile, File, FileService, Part, StoredObject};
use merak_core::kit::{Cents, Currency, Id, Metadata};
use merak_core::license_keys::{LicenseKey, Status, UpdateLicenseKey, Validate};
use merak_core::products::{AttachField, PriceChange, RecurringInterval, UpdateProduct};
use merak_core::{customers, license_keys, orders};
use merak_store::Json;
use serde_json::json;

use crate::support::*;

/// Everything that can be told of a shop with keys in every state.
pub fn busy_shop(shop: &Shop) -> LicenseKey {
    let benefit = shop
        .benefit(
            BenefitType::LicenseKeys,
            json!({"prefix": "acme", "expires": {"ttl": 1, "timeframe": "year"},
                   "activations": {"limit": 3, "enable_customer_admin": true}, "limit_usage": 100}),
        )
        .unwrap();
    let note = shop.benefit(BenefitType::Custom, json!({"note": "Thank you"})).unwrap();
    let mut command = new_customer(shop.organization.id, "Nora.Lind@example.com");
    command.name = Some(String::from("Nora Lind"));
    command.billing_address = serde_json::from_value(json!({"city": "Oslo", "country": "NO"})).unwrap();
    command.tax_id = serde_json::from_value(json!(["NO123456789MVA", "no_vat"])).unwrap();
    command.metadata = serde_json::from_value(json!({"plan": "pro", "seats": 3, "trial": false})).unwrap();
    let nora = shop.write(move |tx| customers::create(tx, &command)).unwrap();
    let key = shop.key_of_grant(&shop.grant(&benefit, &nora, shop.order()));
    // Bought by somebody who did not show that they are Nora.
    let (id, typed) = (
        key.id,
        Json::new(&json!({"name": "N.", "billing_address": null, "tax_id": null, "metadata": {}})).unwrap(),
    );
    shop.write(move |tx| {
        Ok(tx.changed_one("UPDATE license_keys SET sold_to = $2 WHERE id = $1", &[&id, &typed])?)
    })
    .unwrap();
    let mut studio = activation(&key);
    studio.conditions = Json::from_text(r#"{"host":"studio"}"#).unwrap();
    studio.meta = Json::from_text(r#"{"cores": 8.0}"#).unwrap();
    shop.activate(&studio).unwrap();
    shop.advance(hours(1));
    let given_back = shop.activate(&activation(&key)).unwrap();
    shop.deactivate(&key, given_back.id).unwrap();
    for increment_usage in [0, 3, 4] {
        shop.validate(&Validate { increment_usage, ..validation(&key) }).unwrap();
    }
    for status in [Status::Disabled, Status::Revoked] {
        let other = shop.key_of_grant(&shop.grant(&benefit, &shop.customer(), shop.order()));
        let (tenancy, change) =
            (shop.tenancy(), UpdateLicenseKey { status: Some(status), ..Default::default() });
        shop.write(move |tx| license_keys::update(tx, &tenancy, other.id, &change)).unwrap();
    }
    shop.grant(&note, &nora, Scope::Subscription(uuid::Uuid::from_u128(99)));
    shop.revoke(&note, &shop.customer(), Scope::ByHand);
    // A customer and a benefit that were deleted go along, because keys name them.
    let gone = shop.customer_of(shop.organization.id, "gone@example.com").unwrap();
    shop.grant(&benefit, &gone, Scope::ByHand);
    let tenancy = shop.tenancy();
    shop.write(move |tx| customers::delete(tx, &tenancy, gone.id)).unwrap();
    let old = shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap();
    shop.grant(&old, &nora, Scope::ByHand);
    shop.delete_benefit(old.id);
    // One that nothing names does not.
    let nobody = shop.customer();
    let tenancy = shop.tenancy();
    shop.write(move |tx| customers::delete(tx, &tenancy, nobody.id)).unwrap();
    shop.run_jobs();
    key
}

/// A shop that sells: a product with an archived price, everything that can hang on it, and somebody who bought it.
pub fn selling_shop(shop: &Shop) {
    let file = stored_file(shop, "manual.pdf", FileService::Downloadable);
    let picture = stored_file(shop, "box.svg", FileService::ProductMedia);
    let old = stored_file(shop, "old.pdf", FileService::Downloadable);
    let downloads = shop
        .benefit(
            BenefitType::Downloadables,
            json!({"files": [file, old], "archived": {old.to_string(): true}}),
        )
        .unwrap();
    let keys = shop.benefit(BenefitType::LicenseKeys, seats(2)).unwrap();
    let (organization_id, tenancy) = (shop.organization.id, shop.tenancy());
    let field = custom_field(shop, "company");
    let monthly = fixed(Some(RecurringInterval::Month), 900);
    let product = shop.product_with("Desktop app", &[monthly]);
    shop.set_benefits(product.id, &[keys.id, downloads.id]).unwrap();
    let yearly = fixed(Some(RecurringInterval::Year), 9000);
    let change = UpdateProduct {
        description: Some(String::from("For your desk")),
        prices: Some(vec![PriceChange::Add(yearly)]),
        fields: Some(vec![AttachField { custom_field_id: field, required: true }]),
        ..UpdateProduct::default()
    };
    shop.change_product(product.id, &change).unwrap();
    let product_id = product.id;
    shop.write(move |tx| {
        let sql = "INSERT INTO product_medias (product_id, position, file_id) VALUES ($1, 0, $2)";
        Ok(tx.execute(sql, &[&product_id, &picture]).map(drop)?)
    })
    .unwrap();
    shop.product_with("Mug", &[fixed(None, 1500)]);
    let price_id = shop.complete(product.id).public.prices[0].id;
    shop.write(move |tx| {
        for (reduction, span, code, products) in [
            (Reduction::Percentage { basis_points: 2500 }, Span::Months(3), Some("SPRING"), vec![product_id]),
            (Reduction::Fixed { amount: Cents::new(500), currency: Currency::Usd }, Span::Once, None, vec![]),
        ] {
            discounts::create(
                tx,
                &CreateDiscount {
                    organization_id,
                    name: String::from("A discount"),
                    reduction,
                    span,
                    code: code.map(|code| code.parse().unwrap()),
                    starts_at: None,
                    ends_at: Some(tx.now().add_seconds(3600)),
                    max_redemptions: Some(9),
                    products,
                    metadata: Metadata::default(),
                },
            )?;
        }
        let discount = discounts::find_by_code(tx, organization_id, &"spring".parse().unwrap())?.unwrap();
        checkout_links::create(
            tx,
            &tenancy,
            &CreateCheckoutLink {
                sold: Sold::Price(price_id),
                payment_processor: PaymentProcessor::Stripe,
                label: Some(String::from("On the web page")),
                allow_discount_codes: true,
                discount_id: Some(discount.id),
                success_url: None,
                metadata: Metadata::default(),
            },
        )
    })
    .unwrap();
    let buyer = shop.customer().id;
    shop.write(move |tx| orders::give(tx, product_id, buyer).map(drop)).unwrap();
    shop.run_jobs();
}

/// A question to buyers.
pub fn custom_field(shop: &Shop, slug: &str) -> Id<CustomField> {
    let command = CreateCustomField {
        organization_id: shop.organization.id,
        r#type: CustomFieldType::Text,
        slug: slug.parse().unwrap(),
        name: String::from("Company"),
        properties: serde_json::from_str(r#"{"max_length":80}"#).unwrap(),
        metadata: serde_json::from_str(r#"{"a":1}"#).unwrap(),
    };
    shop.write(move |tx| custom_fields::create(tx, &command)).unwrap().id
}

pub fn stored_file(shop: &Shop, name: &str, service: FileService) -> Id<File> {
    let (actor, name, organization_id) = (shop.as_member(), name.to_owned(), shop.organization.id);
    shop.write(move |tx| {
        let part = Part { number: 1, chunk_start: 0, chunk_end: 5, checksum_sha256_base64: None };
        let file = files::announce(
            tx,
            &actor,
            &CreateFile {
                organization_id: Some(organization_id),
                service,
                name: name.clone(),
                mime_type: String::from(if service.is_public() {
                    "image/svg+xml"
                } else {
                    "application/pdf"
                }),
                size: 5,
                checksum_sha256_base64: Some(String::from("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")),
                version: None,
                parts: vec![part],
                needs_checksums: false,
            },
        )?;
        files::begun(tx, file.id, "upload")?;
        let etag = String::from("\"etag\"");
        let stored = StoredObject { etag, version: None, last_modified_at: tx.now() };
        Ok(files::complete(tx, file.id, &stored)?.id)
    })
    .unwrap()
}
