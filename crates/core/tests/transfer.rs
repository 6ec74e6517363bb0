//! A shop goes out of one installation and comes into another.

pub mod moving;
mod shops;

use merak_core::access::Tenancy;
use merak_core::benefits::BenefitType;
use merak_core::benefits::grants::Scope;
use merak_core::clock::{self, advance};
use merak_core::files::FileService;
use merak_core::kit::{Id, Page};
use merak_core::license_keys::{Deactivate, Validate};
use merak_core::products::{self, AttachField, ListProducts, RecurringInterval, UpdateProduct};
use merak_core::search::Totals;
use merak_core::transfer::{self, Arrival, BATCH, Record, RecordKind, Uncarried};
use merak_core::{custom_fields, customers, license_keys, orders};
use merak_store::Json;
use serde_json::{Value, json};

use self::moving::*;
use self::shops::*;
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
        assert_eq!((held.customer.name.as_deref(), held.customer.billing_address), (Some("N."), None));
        let back = Deactivate { organization_id: key.organization_id, key: key.key.clone(), activation_id };
        elsewhere.write(move |tx| license_keys::deactivate(tx, &back)).unwrap();
    }

    fn what_happened_by_a_clock_that_is_ahead_comes_along(shop) {
        let (id, benefit, customer) = (shop.organization.id, shop.benefit(BenefitType::LicenseKeys, json!({})).unwrap(), shop.customer());
        let later = shop.now().add_seconds(60 * 86_400);
        shop.write(move |tx| {
            advance::advance(tx, id, later, "sandbox")?;
            advance::step(tx, id)
        })
        .unwrap();
        let key = shop.key_of_grant(&shop.grant(&benefit, &customer, Scope::ByHand));
        assert!(key.created_at >= later);
        let until = shop.read(move |tx| clock::now(tx, id)).unwrap();
        let begin = (RecordKind::LicenseKey, None);
        let batch = shop.read(move |tx| transfer::export_batch(tx, id, until, begin)).unwrap();
        assert_eq!(batch.records.len(), 1);
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

        // What came in is found, and nothing else.
        let id = import.organization_id;
        for noun in ["customer", "product", "discount", "custom_field"] {
            let unfound = format!(
                "SELECT count(*) FROM {noun}s WHERE organization_id = $1 AND deleted_at IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM {noun}_search WHERE {noun}_search.id = {noun}s.id)"
            );
            assert_eq!(elsewhere.read(move |tx| Ok(tx.one::<i64>(&unfound, &[&id])?)).unwrap(), 0, "{noun}");
        }
        let Record::Product(sold) = lines.find(RecordKind::Product) else { unreachable!() };
        let wanted = ListProducts {
            ids: Vec::new(),
            query: Some(sold.name.to_uppercase()),
            is_archived: None,
            is_recurring: None,
            benefit_ids: Vec::new(),
            sorting: Vec::new(),
            page: Page::default(),
        };
        let tenancy = Tenancy::of(id);
        let found = elsewhere.read(move |tx| products::list(tx, &tenancy, &wanted, &Totals::default())).unwrap();
        assert!(found.items.iter().any(|product| product.name == sold.name));

        // A later run brings the bytes.
        let arrivals: Vec<Arrival> = lines.records.iter().map(|record| with_bytes(record, shop.now())).collect();
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
        let tenancy = Tenancy::of(import.organization_id);
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

    fn what_vanishes_while_it_is_read_is_told_until_it_arrives_again(shop) {
        let key = shop.key(seats(2));
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "https://api.example.com");
        let fewer = Lines { records: lines.of(|kind| kind < RecordKind::LicenseKey), ..lines.clone() };
        take(&elsewhere, &import, &fewer);
        let Record::Benefit(benefit) = lines.find(RecordKind::Benefit) else { unreachable!() };
        let vanished = vec![
            Arrival::Vanished { kind: RecordKind::Benefit, id: benefit.id.uuid(), subject: String::from("Keys") },
            Arrival::Vanished { kind: RecordKind::LicenseKey, id: key.id.uuid(), subject: String::from("****-1") },
        ];
        // The benefit came in and was counted before.
        for _ in 0..2 {
            let tally = take_some(&elsewhere, &import, vanished.clone());
            assert_eq!((tally.new, tally.known, tally.behind), (0, 0, 1));
        }
        let remark = "it was deleted there while the shop was read; what hangs on it and was not read yet stays behind";
        assert_eq!(
            remarks(&elsewhere, &import),
            [format!("benefit 1 {remark} [Keys]"), format!("license_key 1 {remark} [****-1]")]
        );
        take(&elsewhere, &import, &lines);
        assert!(remarks(&elsewhere, &import).is_empty(), "the server had only lost sight of it");
    }

    fn a_grant_gets_its_key_when_that_comes_in(shop) {
        let key = shop.key(seats(2));
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "https://api.example.com");
        let is_other = |kind| kind != RecordKind::LicenseKey;
        take(&elsewhere, &import, &Lines { records: lines.of(is_other), ..lines.clone() });
        let Record::BenefitGrant(grant) = lines.find(RecordKind::BenefitGrant) else { unreachable!() };
        let remark = format!("benefit_grant 1 its license key did not come in [{}]", grant.id);
        for _ in 0..2 {
            assert_eq!(remarks(&elsewhere, &import), [remark.as_str()]);
            take(&elsewhere, &import, &Lines { records: lines.of(is_other), ..lines.clone() });
        }
        assert_eq!(take(&elsewhere, &import, &lines).new, 1);
        assert!(remarks(&elsewhere, &import).is_empty());
        assert!(export_of(&elsewhere, &import) == lines, "the grant names {} again", key.id);
    }

    fn what_everybody_sees_must_be_a_picture(shop) {
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        let file = |id: u128, service: &str, mime_type: &str| {
            let answer = json!({
                "id": uuid::Uuid::from_u128(id), "created_at": "2024-06-01T00:00:00Z", "modified_at": null,
                "service": service, "name": format!("{id}.bin"), "mime_type": mime_type, "size": 1, "version": null,
                "checksum_sha256_base64": null,
            });
            Arrival::read(RecordKind::File, &answer.to_string())
        };
        let page = file(7, "organization_avatar", "text/html");
        let Arrival::Record(Record::File(record)) = page.clone() else { unreachable!() };
        let into = import.clone();
        let wanted = elsewhere.write(move |tx| record.wanted(tx, &into)).unwrap();
        assert!(wanted.is_none(), "its bytes are not even stored");
        let some = vec![page, file(8, "product_media", "image/png"), file(9, "downloadable", "a\nb")];
        let tally = take_some(&elsewhere, &import, some);
        assert_eq!((tally.new, tally.behind), (2, 1));
        let remarks = remarks(&elsewhere, &import);
        let remark = "its media type is not that of a picture";
        assert!(remarks.iter().any(|told| told.contains(remark) && told.ends_with("[7.bin]")), "{remarks:?}");
        // The reference takes any text for the type of a download.
        let id = Id::from_uuid(uuid::Uuid::from_u128(9));
        let download = elsewhere.read(move |tx| merak_core::files::find(tx, id)).unwrap().unwrap();
        assert_eq!(download.mime_type, "application/octet-stream");
    }

    // spec 20 §2.5.4: the reference lets a change of a product leave such prices
    fn prices_that_no_product_can_be_made_with_come_along(shop) {
        let product = shop.product_with("Cloud", &[fixed(Some(RecurringInterval::Month), 900), fixed(Some(RecurringInterval::Year), 9000)]);
        let id = product.id;
        shop.write(move |tx| {
            let sql = "UPDATE product_prices SET recurring_interval = 'month' WHERE product_id = $1";
            Ok(tx.execute(sql, &[&id])?)
        })
        .unwrap();
        let buyer = shop.customer().id;
        shop.write(move |tx| orders::give(tx, id, buyer).map(drop)).unwrap();
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        assert_eq!(take(&elsewhere, &import, &lines).behind, 0);
        assert!(export_of(&elsewhere, &import) == lines);
        assert_eq!(
            remarks(&elsewhere, &import),
            ["product 1 its prices stay as they are, though no product can be made so: \
              A product can have one price for each interval only. [Cloud]"]
        );
    }

    fn what_was_deleted_here_is_missed_alone_and_told(shop) {
        let product = shop.product();
        let [kept, gone] = ["kept", "gone"].map(|slug| custom_field(shop, slug));
        let [held, over] = ["held", "over"].map(|note| shop.benefit(BenefitType::Custom, json!({"note": note})).unwrap().id);
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        take(&elsewhere, &import, &Lines { records: lines.of(|kind| kind != RecordKind::Product), ..lines.clone() });
        let tenancy = Tenancy::of(import.organization_id);
        let (field_id, own) = (gone, tenancy.clone());
        elsewhere.write(move |tx| custom_fields::delete(tx, &own, field_id)).unwrap();
        elsewhere.write(move |tx| merak_core::benefits::delete(tx, &tenancy, over)).unwrap();

        let asked = [kept, gone].map(|custom_field_id| AttachField { custom_field_id, required: false });
        let change = UpdateProduct { fields: Some(asked.to_vec()), ..UpdateProduct::default() };
        shop.change_product(product.id, &change).unwrap();
        shop.set_benefits(product.id, &[over, held]).unwrap();
        take(&elsewhere, &import, &export(shop));
        let Record::Product(here) = export_of(&elsewhere, &import).find(RecordKind::Product) else { unreachable!() };
        assert_eq!(here.attached_custom_fields.iter().map(|field| field.custom_field_id).collect::<Vec<_>>(), [kept]);
        assert_eq!(here.benefits.iter().map(|named| named.id).collect::<Vec<_>>(), [held.uuid()]);
        counts_of(&elsewhere, &import);
        let told = remarks(&elsewhere, &import);
        for what in ["benefits", "custom fields"] {
            let remark = format!("product 1 some of its {what} were deleted here [{}]", product.name);
            assert!(told.contains(&remark), "{remark} is not in {told:?}");
        }
    }

    fn a_benefit_that_comes_later_than_its_product_is_told_and_not_put_on_it(shop) {
        let product = shop.product();
        let [first, second, third] =
            ["A", "B", "C"].map(|note| shop.benefit(BenefitType::Custom, json!({"note": note})).unwrap().id);
        shop.set_benefits(product.id, &[first, second, third]).unwrap();
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        let without = |left: &[Id<merak_core::benefits::Benefit>]| Lines {
            records: lines
                .records
                .iter()
                .filter(|record| !matches!(record, Record::Benefit(benefit) if left.contains(&benefit.id)))
                .cloned()
                .collect(),
            ..lines.clone()
        };
        let fewer = format!("product 1 some of its benefits did not come in [{}]", product.name);
        let later = format!(
            "product 1 some of its benefits came in after it and are not on it: put them on it, or those who hold them \
             lose them when its benefits change [{}]",
            product.name
        );
        take(&elsewhere, &import, &without(&[second, third]));
        assert_eq!(remarks(&elsewhere, &import), [fewer.as_str()]);
        take(&elsewhere, &import, &without(&[third]));
        assert_eq!(remarks(&elsewhere, &import), [later.as_str(), &*fewer]);
        take(&elsewhere, &import, &lines);
        assert_eq!(remarks(&elsewhere, &import), [later]);
        let Record::Product(here) = export_of(&elsewhere, &import).find(RecordKind::Product) else { unreachable!() };
        assert_eq!(here.benefits.iter().map(|named| named.id).collect::<Vec<_>>(), [first.uuid()]);
        let tenancy = Tenancy::of(import.organization_id);
        elsewhere
            .write(move |tx| products::set_benefits(tx, &tenancy, product.id, &[first, second, third]))
            .unwrap();
        take(&elsewhere, &import, &lines);
        assert!(remarks(&elsewhere, &import).is_empty());
    }

    fn a_picture_that_came_along_is_shown_from_here(shop) {
        let picture = stored_file(shop, "face.svg", FileService::OrganizationAvatar);
        let there = format!("https://old.example/organization_avatar/{}/{picture}/face.svg", shop.organization.id);
        let mut lines = export(shop);
        lines.organization.avatar_url = Some(there.clone());
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        take(&elsewhere, &import, &lines);
        let follow = || {
            let (into, picture) = (import.clone(), there.clone());
            let moved = |path: &str| format!("https://new.example/{path}");
            elsewhere.write(move |tx| transfer::follow_picture(tx, &into, &picture, &moved)).unwrap();
            export_of(&elsewhere, &import).organization.avatar_url
        };
        assert_eq!(follow().as_ref(), Some(&there), "its bytes are not here");
        let told = remarks(&elsewhere, &import).pop().unwrap();
        let remark = "its picture stays where it is, and is not seen any more when that server is switched off";
        assert_eq!(told, format!("organization 1 {remark} [{there}]"));
        let arrivals = lines.records.iter().map(|record| with_bytes(record, shop.now())).collect();
        take_some(&elsewhere, &import, arrivals);
        let here = format!("https://new.example/organization_avatar/{}/{picture}/face.svg", import.organization_id);
        assert_eq!(follow().as_ref(), Some(&here));
        assert!(remarks(&elsewhere, &import).is_empty());
        assert_eq!(follow().as_ref(), Some(&here), "once");
    }

    fn what_no_record_carries_is_counted(shop) {
        let id = shop.organization.id;
        let counts = || shop.read(move |tx| transfer::uncarried(tx, id)).unwrap();
        assert!(counts().is_empty());
        selling_shop(shop);
        assert_eq!(counts(), [(Uncarried::Orders, 1)].into());
        let product = shop.product_with("Monthly", &[fixed(Some(RecurringInterval::Month), 900)]);
        crate::subscriptions::subscribe(shop, &product);
        assert_eq!(counts(), [(Uncarried::Subscriptions, 1), (Uncarried::Orders, 1)].into());
        let (_, other) = shop.another_organization();
        assert!(shop.read(move |tx| transfer::uncarried(tx, other.id)).unwrap().is_empty());
    }

    fn what_an_operator_blocked_stays_blocked_when_its_bytes_come_later(shop) {
        let blocked = stored_file(shop, "blocked.pdf", FileService::Downloadable);
        stored_file(shop, "open.pdf", FileService::Downloadable);
        shop.write(move |tx| Ok(tx.changed_one("UPDATE files SET is_enabled = FALSE WHERE id = $1", &[&blocked])?))
            .unwrap();
        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        take(&elsewhere, &import, &lines);
        let arrivals = lines.records.iter().map(|record| with_bytes(record, shop.now())).collect();
        take_some(&elsewhere, &import, arrivals);
        assert!(export_of(&elsewhere, &import) == lines);
        let open = elsewhere.read(move |tx| Ok(merak_core::files::find(tx, blocked)?.unwrap().is_enabled));
        assert!(!open.unwrap());
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
