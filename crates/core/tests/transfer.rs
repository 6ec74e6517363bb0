//! A shop goes out of one installation and comes into another.

use std::collections::BTreeMap;

use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use merak_core::checkout_links::{self, CreateCheckoutLink, PaymentProcessor, Sold};
use merak_core::custom_fields::{self, CreateCustomField, CustomFieldType};
use merak_core::discounts::{self, CreateDiscount, Reduction, Span};
use merak_core::files::{self, CreateFile, File, FileService, Part, StoredObject};
use merak_core::kit::{Cents, Currency, Id, Metadata};
use merak_core::license_keys::{Deactivate, LicenseKey, Status, UpdateLicenseKey, Validate};
use merak_core::organizations::Organization;
use merak_core::products::{AttachField, PriceChange, RecurringInterval, UpdateProduct};
use merak_core::transfer::{
    self, Arrival, BATCH, Begin, Import, OrganizationRecord, Place, Record, RecordKind, Tally,
};
use merak_core::{customers, license_keys, orders, organizations};
use merak_store::Json;
use serde_json::{Value, json};

use crate::support::*;

scenarios! {
    fn a_shop_comes_out_of_another_installation_as_it_went_in(shop) {
        let key = busy_shop(shop);
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        assert_eq!(import.organization_id, shop.organization.id, "apps send the organization's id");
        take(&elsewhere, &import, &lines);

        assert!(export_of(&elsewhere, &import) == lines);
        assert_eq!(counts_of(&elsewhere, &import), counts_of(shop, &import));
        let report = elsewhere.read({
            let import = import.clone();
            move |tx| transfer::report(tx, &import)
        })
        .unwrap();
        assert!(report.remarks.is_empty(), "{:?}", report.remarks);

        let activation_id = shop.activations(&key)[0].id;
        let mut good = Validate { activation_id: Some(activation_id), ..validation(&key) };
        assert_eq!(refusal(elsewhere.validate(&good)).1, "The conditions differ from those of this activation.");
        good.conditions = json!({"host": "studio"});
        let held = elsewhere.validate(&good).unwrap();
        assert_eq!((held.key.id, held.usage.usage, held.usage.validations), (key.id, 7, 4));
        let back = Deactivate { organization_id: key.organization_id, key: key.key.clone(), activation_id };
        elsewhere.write(move |tx| license_keys::deactivate(tx, &back)).unwrap();
    }

    fn everything_that_is_sold_comes_along(shop) {
        selling_shop(shop);
        let lines = export(shop);
        for kind in RecordKind::RECORDS {
            assert!(lines.records.iter().any(|record| record.kind() == *kind), "there is no {kind}");
        }
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        take(&elsewhere, &import, &lines);
        assert!(export_of(&elsewhere, &import) == lines);
        assert_eq!(counts_of(&elsewhere, &import), counts_of(shop, &import));
        // Nobody can download what has no bytes yet, and everybody is told which files these are.
        let remarks = remarks(&elsewhere, &import);
        assert_eq!(remarks.len(), 1);
        assert!(remarks[0].starts_with("file 3 its bytes are not here"), "{remarks:?}");
        assert!(remarks[0].ends_with("[box.svg, manual.pdf, old.pdf]"), "{remarks:?}");
        assert_eq!(downloads(&elsewhere, &import), 0);

        // A later run brings the bytes.
        let stored = |record: &Record| match record.clone() {
            Record::File(mut file) => {
                let etag = String::from("\"etag\"");
                let object = StoredObject { etag, version: None, last_modified_at: shop.now() };
                file.stored = Some((file.id, object));
                Arrival::Record(Record::File(file))
            }
            other => Arrival::Record(other),
        };
        let arrivals: Vec<Arrival> = lines.records.iter().map(stored).collect();
        assert_eq!(take_some(&elsewhere, &import, arrivals.clone()).new, 0);
        assert!(self::remarks(&elsewhere, &import).is_empty());
        assert_eq!(downloads(&elsewhere, &import), 1);
        assert_eq!(take_some(&elsewhere, &import, arrivals).new, 0);
        assert!(export_of(&elsewhere, &import) == lines);

        // What is granted from now on follows the product as it did there.
        elsewhere.run_jobs();
        let Record::Product(product) = lines.find(RecordKind::Product) else { unreachable!() };
        let buyer = elsewhere.customer_of(import.organization_id, "new@example.com").unwrap().id;
        let id = product.id;
        let (_, grants) = elsewhere.write(move |tx| orders::give(tx, id, buyer)).unwrap();
        assert_eq!(grants.len(), 2);
    }

    fn all_ids_of_a_shop_that_sells_can_be_replaced(shop) {
        selling_shop(shop);
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        take(&elsewhere, &begin(&elsewhere, &lines, "file"), &lines);
        let import = begin_into(&elsewhere, &lines, "file", Some("elsewhere")).unwrap();
        let tally = take(&elsewhere, &import, &lines);
        // A link is opened by a secret that only one can have.
        assert_eq!((tally.known, tally.behind), (0, 1));
        assert!(remarks(&elsewhere, &import).iter().any(|remark| remark.contains("a link here has the same secret")));
        let own: Vec<String> = export_of(&elsewhere, &import).text().into_iter().skip(1).collect();
        for record in &lines.records {
            let text = serde_json::to_string(record).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            let id = value["data"]["id"].as_str().unwrap().to_owned();
            assert!(own.iter().all(|line| !line.contains(&id)), "{} {id} is named", record.kind());
        }
        counts_of(&elsewhere, &import);
    }

    fn what_hangs_on_something_that_stays_behind_is_told(shop) {
        selling_shop(shop);
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        let left = [RecordKind::File, RecordKind::CustomField, RecordKind::Customer];
        let fewer = Lines { records: lines.of(|kind| !left.contains(&kind)), ..lines.clone() };
        take(&elsewhere, &import, &fewer);
        let told = remarks(&elsewhere, &import).join("\n");
        for remark in [
            "benefit 1 some of its files did not come in [A test benefit]",
            "product 1 some of its custom fields did not come in [Desktop app]",
            "product 1 some of its pictures did not come in [Desktop app]",
            "license_key 1 its customer did not come in",
            "order 1 its customer did not come in",
            "benefit_grant 2 its customer did not come in",
            "downloadable 1 its customer, its file or its benefit did not come in",
        ] {
            assert!(told.contains(remark), "{remark} is not in\n{told}");
        }
        let without_product = Lines { records: lines.of(|kind| kind != RecordKind::Product), ..lines };
        let third = shop.elsewhere();
        let import = begin(&third, &without_product, "file");
        take(&third, &import, &without_product);
        let told = remarks(&third, &import).join("\n");
        for remark in [
            "discount 1 none of its products came in [SPRING]",
            "checkout_link 1 its product did not come in [On the web page]",
        ] {
            assert!(told.contains(remark), "{remark} is not in\n{told}");
        }
    }

    fn a_second_run_changes_nothing(shop) {
        busy_shop(shop);
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        let first = take(&elsewhere, &import, &lines);
        let taken = export_of(&elsewhere, &import);
        let second = take(&elsewhere, &begin(&elsewhere, &lines, "file"), &lines);
        assert_eq!((first.new, first.known), (second.known, second.new));
        assert_eq!((first.behind, second.behind), (0, 0));
        assert!(export_of(&elsewhere, &import) == taken);
        // By another way it is the same shop.
        let other_way = take(&elsewhere, &begin(&elsewhere, &lines, "https://api.example.com"), &lines);
        assert_eq!(other_way, second);
    }

    fn what_was_deleted_here_does_not_come_back(shop) {
        let customer = shop.customer();
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        take(&elsewhere, &import, &lines);
        let tenancy = merak_core::access::Tenancy::of(import.organization_id);
        let own = tenancy.clone();
        elsewhere.write(move |tx| customers::delete(tx, &own, customer.id)).unwrap();
        assert_eq!(take(&elsewhere, &import, &lines).new, 0);
        assert_eq!(refusal(elsewhere.read(move |tx| customers::get(tx, &tenancy, customer.id))).1, "Not found");
    }

    fn an_unfinished_run_says_where_to_go_on(shop) {
        let customer = shop.customer();
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        let position = Json::from(json!({"line": 2}));
        let (at, one) = (position.clone(), vec![Arrival::Record(lines.records[0].clone())]);
        let into = import.clone();
        elsewhere.write(move |tx| transfer::take_batch(tx, &into, &one, &at)).unwrap();
        assert_eq!(resumed(&elsewhere, &lines, "file"), Some(position));
        assert_eq!(resumed(&elsewhere, &lines, "https://api.example.com"), None, "each way has its own place");
        elsewhere.write(move |tx| transfer::finish(tx, &import)).unwrap();
        assert_eq!(resumed(&elsewhere, &lines, "file"), None);
        assert_eq!(customer.organization_id, shop.organization.id);
    }

    fn a_customer_with_a_known_address_is_that_customer(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, seats(2)).unwrap();
        let buyer = shop.customer_of(shop.organization.id, "Nora@example.com").unwrap();
        let key = shop.key_of_grant(&shop.grant(&benefit, &buyer, Scope::ByHand));
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let known = elsewhere.customer_of(elsewhere.organization.id, "nora@example.com").unwrap();
        let import = begin_into(&elsewhere, &lines, "file", Some("elsewhere")).unwrap();
        assert_eq!(import.organization_id, elsewhere.organization.id);
        take(&elsewhere, &import, &lines);
        assert_eq!(elsewhere.find_key(key.id).customer_id, known.id);
        assert_eq!(counts_of(&elsewhere, &import)["customers"], 1);
    }

    fn ids_that_belong_to_somebody_else_here_are_replaced(shop) {
        let key = shop.key(seats(2));
        shop.activate(&activation(&key)).unwrap();
        let lines = export(shop);
        // The same shop comes in twice, the second time into an organization of its own.
        let elsewhere = shop.elsewhere();
        take(&elsewhere, &begin(&elsewhere, &lines, "file"), &lines);
        let import = begin_into(&elsewhere, &lines, "file", Some("elsewhere")).unwrap();
        let tally = take(&elsewhere, &import, &lines);
        assert_eq!((tally.new, tally.behind), (4, 0));
        let copy = export_of(&elsewhere, &import);
        let Record::LicenseKey(copied) = copy.find(RecordKind::LicenseKey) else { unreachable!() };
        let Record::BenefitGrant(grant) = copy.find(RecordKind::BenefitGrant) else { unreachable!() };
        assert_eq!(copied.key, key.key);
        assert_ne!(copied.id, key.id);
        let properties: Value = grant.properties.parse().unwrap();
        assert_eq!(properties["license_key_id"], copied.id.to_string(), "the grant names the key that is here");
        let into = import.organization_id;
        let activation_id = copied.activations[0].id;
        let at_copy = Validate { organization_id: into, activation_id: Some(activation_id), ..validation(&key) };
        elsewhere.validate(&at_copy).unwrap();
        assert_eq!(take(&elsewhere, &import, &lines).known, 4);
    }

    fn what_stays_behind_is_told_with_its_reason_and_may_come_later(shop) {
        let key = shop.key(seats(2));
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        let without_customer =
            Lines { records: lines.of(|kind| kind != RecordKind::Customer), ..lines.clone() };
        let tally = take(&elsewhere, &import, &without_customer);
        assert_eq!((tally.new, tally.behind), (1, 2));
        let remarks = remarks(&elsewhere, &import);
        let hidden = key.display_key();
        assert_eq!(remarks[0], format!("license_key 1 its customer did not come in [{hidden}]"));
        assert!(remarks[1].starts_with("benefit_grant 1 its customer did not come in"));
        let tally = take(&elsewhere, &import, &lines);
        assert_eq!((tally.new, tally.known, tally.behind), (3, 1, 0));
        assert!(self::remarks(&elsewhere, &import).is_empty());
    }

    fn another_key_with_the_same_text_is_refused(shop) {
        let key = shop.key(seats(2));
        let mut lines = export(shop);
        let Record::LicenseKey(first) = lines.find(RecordKind::LicenseKey) else { unreachable!() };
        let other = shop.benefit(BenefitType::LicenseKeys, seats(1)).unwrap();
        let mut second = first.clone();
        second.benefit_id = other.id;
        second.id = Id::from_uuid(uuid::Uuid::from_u128(7));
        let mut records = export(shop).records;
        records.push(Record::LicenseKey(second));
        lines.records = records;
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        assert_eq!(take(&elsewhere, &import, &lines).behind, 1);
        let hidden = key.display_key();
        assert_eq!(
            remarks(&elsewhere, &import),
            [format!("license_key 1 another key here has the same text [{hidden}]")]
        );
    }

    fn an_organization_that_cannot_be_made_is_refused(shop) {
        let mut lines = export(shop);
        let elsewhere = shop.elsewhere();
        elsewhere.another_organization();
        lines.organization.slug = String::from("other-1");
        let (_, sentence) = refusal(begin_into(&elsewhere, &lines, "file", None));
        assert!(sentence.contains("the slug other-1"), "{sentence}");
        let (_, sentence) = refusal(begin_into(&elsewhere, &lines, "file", Some("nowhere")));
        assert_eq!(sentence, "there is no organization with the slug nowhere");
        lines.organization.slug = String::from("free-one");
        lines.organization.members.clear();
        let (_, sentence) = refusal(begin_into(&elsewhere, &lines, "file", None));
        assert!(sentence.contains("--owner"), "{sentence}");
    }

    fn a_record_as_the_api_answers_it_is_enough(shop) {
        let benefit = shop.benefit(BenefitType::LicenseKeys, seats(2)).unwrap();
        let customer = shop.customer();
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        take(&elsewhere, &import, &lines);
        let answer = json!({
            "id": "0b8e5f4e-6a34-4c0f-9d38-6f0f4f6f2a11", "organization_id": shop.organization.id,
            "user_id": customer.id, "customer_id": customer.id, "user": {}, "customer": {},
            "benefit_id": benefit.id, "key": "ACME-1", "display_key": "****-CME-1", "status": "granted",
            "limit_activations": 5, "usage": 3, "limit_usage": null, "validations": 9,
            "last_validated_at": "2024-12-01T00:00:00Z", "expires_at": null,
            "activations": [{
                "id": "5d0c6b9a-58d4-4a8f-b9cf-4f6d1f8f2b22",
                "license_key_id": "0b8e5f4e-6a34-4c0f-9d38-6f0f4f6f2a11", "label": "laptop", "meta": {"os": "x"},
                "created_at": "2024-06-01T00:00:00Z", "modified_at": null,
            }],
        });
        let arrivals = vec![
            Arrival::read(RecordKind::LicenseKey, &answer.to_string()),
            Arrival::read(RecordKind::Customer, r#"{"id":"5d0c6b9a-58d4-4a8f-b9cf-4f6d1f8f2b23","email":"x"}"#),
        ];
        let into = import.clone();
        let tally = take_some(&elsewhere, &into, arrivals);
        assert_eq!((tally.new, tally.behind), (1, 1));
        let key = elsewhere.find_key("0b8e5f4e-6a34-4c0f-9d38-6f0f4f6f2a11".parse().unwrap());
        assert_eq!(key.created_at.wire(), "2024-06-01T00:00:00Z", "it was there when it was activated");
        assert_eq!((key.has_own_limit_activations, key.has_own_limit_usage), (true, false));
        let remarks = remarks(&elsewhere, &import);
        assert!(remarks[0].starts_with("customer 1 it cannot be read: "), "{remarks:?}");
    }

    fn a_long_shop_goes_out_in_batches_that_miss_nothing(shop) {
        let benefit = shop.benefit(BenefitType::Custom, json!({"note": null})).unwrap();
        let (organization_id, benefit_id) = (shop.organization.id, benefit.id);
        let number = usize::try_from(BATCH).unwrap() + 7;
        shop.write(move |tx| {
            for n in 0..number {
                let customer = customers::create(tx, &new_customer(organization_id, &format!("c{n}@example.com")))?;
                merak_core::benefits::grants::grant(tx, benefit_id, customer.id, Scope::ByHand)?;
            }
            Ok(())
        })
        .unwrap();
        let lines = export(shop);
        let count = |kind| lines.records.iter().filter(|record| record.kind() == kind).count();
        assert_eq!((count(RecordKind::Customer), count(RecordKind::BenefitGrant)), (number, number));
    }

    fn other_shops_do_not_go_along(shop) {
        let (_, other) = shop.another_organization();
        shop.customer_of(other.id, "stranger@example.com").unwrap();
        shop.benefit_of(other.id, BenefitType::Custom, json!({})).unwrap();
        assert!(export(shop).records.is_empty());
    }
}

/// Everything that can be told of a shop with keys in every state.
fn busy_shop(shop: &Shop) -> LicenseKey {
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
fn selling_shop(shop: &Shop) {
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
    let field = shop
        .write(move |tx| {
            custom_fields::create(
                tx,
                &CreateCustomField {
                    organization_id,
                    r#type: CustomFieldType::Text,
                    slug: "company".parse().unwrap(),
                    name: String::from("Company"),
                    properties: serde_json::from_str(r#"{"max_length":80}"#).unwrap(),
                    metadata: serde_json::from_str(r#"{"a":1}"#).unwrap(),
                },
            )
        })
        .unwrap();
    let monthly = fixed(Some(RecurringInterval::Month), 900);
    let product = shop.product_with("Desktop app", &[monthly]);
    shop.set_benefits(product.id, &[keys.id, downloads.id]).unwrap();
    let yearly = fixed(Some(RecurringInterval::Year), 9000);
    let change = UpdateProduct {
        description: Some(String::from("For your desk")),
        prices: Some(vec![PriceChange::Add(yearly)]),
        fields: Some(vec![AttachField { custom_field_id: field.id, required: true }]),
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

fn stored_file(shop: &Shop, name: &str, service: FileService) -> Id<File> {
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
                mime_type: String::from("application/pdf"),
                size: 5,
                checksum_sha256_base64: Some(String::from("LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=")),
                version: None,
                parts: vec![part],
            },
        )?;
        files::begun(tx, file.id, "upload")?;
        let etag = String::from("\"etag\"");
        let stored = StoredObject { etag, version: None, last_modified_at: tx.now() };
        Ok(files::complete(tx, file.id, &stored)?.id)
    })
    .unwrap()
}

/// What an export holds.
#[derive(Clone, Debug)]
struct Lines {
    organization: OrganizationRecord,
    records: Vec<Record>,
}

impl Lines {
    fn text(&self) -> Vec<String> {
        let mut lines = vec![serde_json::to_string(&self.organization).unwrap()];
        lines.extend(self.records.iter().map(|record| serde_json::to_string(record).unwrap()));
        lines
    }

    fn of(&self, wanted: impl Fn(RecordKind) -> bool) -> Vec<Record> {
        self.records.iter().filter(|record| wanted(record.kind())).cloned().collect()
    }

    fn find(&self, kind: RecordKind) -> Record {
        self.of(|other| other == kind)[0].clone()
    }
}

impl PartialEq for Lines {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

fn export(shop: &Shop) -> Lines {
    export_organization(shop, shop.organization.id)
}

fn export_of(shop: &Shop, import: &Import) -> Lines {
    export_organization(shop, import.organization_id)
}

fn export_organization(shop: &Shop, id: Id<Organization>) -> Lines {
    let tenancy = merak_core::access::Tenancy::of(id);
    let organization = shop
        .read(move |tx| {
            let organization = organizations::get(tx, &tenancy, id)?;
            transfer::organization_record(tx, &organization)
        })
        .unwrap();
    let until = shop.now().add_seconds(24 * 3600);
    let mut records = Vec::new();
    let mut at: Option<(RecordKind, Option<Place>)> = Some((RecordKind::RECORDS[0], None));
    while let Some(begin) = at {
        let batch = shop.read(move |tx| transfer::export_batch(tx, id, until, begin)).unwrap();
        records.extend(batch.records);
        at = match batch.place {
            Some(place) => Some((batch.kind, Some(place))),
            None => batch.kind.next().map(|kind| (kind, None)),
        };
    }
    Lines { organization, records }
}

fn begin(shop: &Shop, lines: &Lines, way: &str) -> Import {
    begin_into(shop, lines, way, None).unwrap()
}

fn begin_into(shop: &Shop, lines: &Lines, way: &str, into: Option<&str>) -> Result<Import> {
    begun(shop, lines, way, into).map(|begun| begun.import)
}

fn resumed(shop: &Shop, lines: &Lines, way: &str) -> Option<Json> {
    begun(shop, lines, way, None).unwrap().position
}

fn begun(shop: &Shop, lines: &Lines, way: &str, into: Option<&str>) -> Result<transfer::Begun> {
    let command = Begin { way: way.to_owned(), into: into.map(str::to_owned), owner: None };
    let record = lines.organization.clone();
    shop.write(move |tx| transfer::begin(tx, &record, &command))
}

/// How many files somebody of the shop may download now.
fn downloads(shop: &Shop, import: &Import) -> i64 {
    let id = import.organization_id;
    shop.read(move |tx| {
        Ok(tx.one(
            "SELECT count(*) FROM downloadables JOIN files ON files.id = file_id \
             WHERE organization_id = $1 AND is_enabled AND status = 'granted'",
            &[&id],
        )?)
    })
    .unwrap()
}

/// Takes all records in, a few at a time and through their text.
fn take(shop: &Shop, import: &Import, lines: &Lines) -> Tally {
    let mut tally = Tally::default();
    let arrivals: Vec<Arrival> = lines
        .records
        .iter()
        .map(|record| {
            let text = serde_json::to_string(record).unwrap();
            let line: BTreeMap<String, Box<serde_json::value::RawValue>> =
                serde_json::from_str(&text).unwrap();
            let kind = serde_json::from_str::<RecordKind>(line["type"].get()).unwrap();
            Arrival::read(kind, line["data"].get())
        })
        .collect();
    for some in arrivals.chunks(3) {
        tally += take_some(shop, import, some.to_vec());
    }
    let import = import.clone();
    shop.write(move |tx| transfer::finish(tx, &import)).unwrap();
    tally
}

fn take_some(shop: &Shop, import: &Import, some: Vec<Arrival>) -> Tally {
    let import = import.clone();
    let taken = shop.write(move |tx| transfer::take_batch(tx, &import, &some, &Json::default())).unwrap();
    let mut tally = Tally::default();
    for of_kind in taken.into_values() {
        tally += of_kind;
    }
    tally
}

fn remarks(shop: &Shop, import: &Import) -> Vec<String> {
    let import = import.clone();
    let report = shop.read(move |tx| transfer::report(tx, &import)).unwrap();
    report
        .remarks
        .iter()
        .map(|remark| {
            format!("{} {} {} [{}]", remark.kind, remark.count, remark.remark, remark.subjects.join(", "))
        })
        .collect()
}

/// What the tables of totals say, and that it is so.
fn counts_of(shop: &Shop, import: &Import) -> BTreeMap<String, i64> {
    let id = import.organization_id;
    shop.read(move |tx| {
        let mut counts = BTreeMap::new();
        for (name, told, counted) in COUNTS {
            let told = tx.one::<Option<i64>>(told, &[&id])?.unwrap_or(0);
            assert_eq!(told, tx.one::<i64>(counted, &[&id])?, "{name}");
            counts.insert((*name).to_owned(), told);
        }
        Ok(counts)
    })
    .unwrap()
}

/// Each total, and the rows that it counts.
const COUNTS: &[(&str, &str, &str)] = &[
    (
        "customers",
        "SELECT customers FROM customer_counts WHERE organization_id = $1",
        "SELECT count(*) FROM customers WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "license_keys",
        "SELECT CAST(sum(license_keys) AS bigint) FROM benefit_counts WHERE organization_id = $1",
        "SELECT count(*) FROM license_keys WHERE organization_id = $1",
    ),
    (
        "grants",
        "SELECT CAST(sum(grants) AS bigint) FROM benefit_counts WHERE organization_id = $1",
        "SELECT count(*) FROM benefit_grants JOIN benefits ON benefits.id = benefit_id WHERE organization_id = $1",
    ),
    (
        "granted",
        "SELECT CAST(sum(granted) AS bigint) FROM benefit_counts WHERE organization_id = $1",
        "SELECT count(granted_at) FROM benefit_grants JOIN benefits ON benefits.id = benefit_id \
         WHERE organization_id = $1",
    ),
    (
        "products",
        "SELECT CAST(sum(products) AS bigint) FROM product_counts WHERE organization_id = $1",
        "SELECT count(*) FROM products WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "products of benefits",
        "SELECT CAST(sum(products) AS bigint) FROM product_benefit_counts \
         JOIN benefits ON benefits.id = benefit_id WHERE organization_id = $1",
        "SELECT count(*) FROM product_benefits JOIN benefits ON benefits.id = benefit_id WHERE organization_id = $1",
    ),
    (
        "discounts",
        "SELECT CAST(sum(discounts) AS bigint) FROM discount_counts WHERE organization_id = $1",
        "SELECT count(*) FROM discounts WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "checkout links",
        "SELECT CAST(sum(checkout_links) AS bigint) FROM checkout_link_counts WHERE organization_id = $1",
        "SELECT count(*) FROM checkout_links WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "files",
        "SELECT CAST(sum(files) AS bigint) FROM file_counts WHERE organization_id = $1",
        "SELECT count(*) FROM files WHERE organization_id = $1 AND is_uploaded AND deleted_at IS NULL",
    ),
    (
        "customers in the search",
        "SELECT count(*) FROM customer_search WHERE organization_id = $1",
        "SELECT count(*) FROM customers WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
    (
        "seats",
        "SELECT CAST(sum(seats_taken) AS bigint) FROM license_keys WHERE organization_id = $1",
        "SELECT count(*) FROM license_key_activations JOIN license_keys ON license_keys.id = license_key_id \
         WHERE organization_id = $1 AND deleted_at IS NULL",
    ),
];
