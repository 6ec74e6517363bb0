//! Products: their prices, what comes with them, what their buyers are asked, and who may change them.

use merak_core::access::{Actor, Subject};
use merak_core::benefits::{self, Benefit, BenefitType};
use merak_core::custom_fields::{self, CreateCustomField, CustomField, CustomFieldType, Properties};
use merak_core::files::{self, CreateFile, File, FileService, Part, StoredObject};
use merak_core::kit::{Id, Kind, Metadata, Refusal};
use merak_core::organizations::Organization;
use merak_core::products::{
    self, AttachField, Price, PriceChange, PriceType, Product, RecurringInterval, UpdateProduct,
};
use serde_json::json;

use crate::support::*;

const MONTH: Option<RecurringInterval> = Some(RecurringInterval::Month);
const YEAR: Option<RecurringInterval> = Some(RecurringInterval::Year);

scenarios! {
    /// P12: each list of prices that a product can have.
    fn every_sort_of_price_list_is_kept_as_given(shop) {
        for (prices, is_recurring) in [
            (vec![fixed(MONTH, 900)], true),
            (vec![fixed(MONTH, 900), fixed(YEAR, 9000)], true),
            (vec![free(MONTH)], true),
            (vec![fixed(None, 1999)], false),
            (vec![chosen(Some(1000))], false),
            (vec![free(None)], false),
        ] {
            let product = shop.product_with("A product", &prices);
            let complete = shop.complete(product.id).public;
            assert_eq!((complete.product.is_recurring, complete.product.is_archived), (is_recurring, false));
            let stored: Vec<(PriceType, Option<RecurringInterval>)> =
                complete.prices.iter().map(|price| (price.r#type, price.recurring_interval)).collect();
            let given: Vec<_> = prices.iter().map(|price| (price.r#type(), price.recurring_interval)).collect();
            assert_eq!(stored, given);
            assert!(complete.prices.iter().all(|price| !price.is_archived && price.product_id == product.id));
        }
    }

    /// P11: each list of prices that no product can have.
    fn impossible_price_lists_are_refused(shop) {
        for prices in [
            vec![],
            vec![fixed(MONTH, 900), fixed(None, 1999)],
            vec![fixed(MONTH, 900), fixed(YEAR, 900), fixed(MONTH, 900)],
            vec![fixed(MONTH, 900), fixed(MONTH, 1000)],
            vec![fixed(None, 900), fixed(None, 1000)],
            vec![free(None), free(None)],
            vec![free(MONTH), free(YEAR)],
            vec![free(MONTH), fixed(MONTH, 900)],
        ] {
            let command = new_product(shop.organization.id, "A product", &prices);
            let problem = field_problem(shop.write(move |tx| products::create(tx, &command)));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.prices"), "{prices:?}");
        }
        assert_eq!(rows(shop, "products") + rows(shop, "product_prices"), 0, "nothing was made");
    }

    /// P15, P19, P28: a change touches what it names; P25: an empty one touches nothing.
    fn a_change_touches_what_it_names(shop) {
        let product = shop.product();
        shop.advance(hours(1));
        shop.change_product(product.id, &UpdateProduct::default()).unwrap();
        assert_eq!(shop.complete(product.id).public.product.modified_at, Some(product.created_at));
        let metadata: Metadata = serde_json::from_str(r#"{"a":1}"#).unwrap();
        let command = UpdateProduct {
            name: Some(String::from("   ")),
            description: Some(String::from("About it")),
            is_archived: Some(true),
            metadata: Some(metadata.clone()),
            ..UpdateProduct::default()
        };
        shop.change_product(product.id, &command).unwrap();
        let changed = shop.complete(product.id).public;
        assert_eq!((changed.product.name.as_str(), changed.product.description.as_deref()), ("   ", Some("About it")));
        assert_eq!((changed.product.is_archived, &changed.product.metadata), (true, &metadata));
        assert_eq!(changed.product.modified_at, Some(shop.now()));
        assert_eq!(changed.prices.len(), 1, "an archived product keeps its prices");
        let command = UpdateProduct { is_archived: Some(false), ..UpdateProduct::default() };
        shop.change_product(product.id, &command).unwrap();
        let changed = shop.complete(product.id).public.product;
        assert_eq!((changed.is_archived, changed.metadata, changed.name.as_str()), (false, metadata, "   "));
    }

    /// P16: a kept price stays as it is beside a new one.
    fn a_kept_price_stays_beside_a_new_one(shop) {
        let product = shop.product_with("Cloud", &[fixed(MONTH, 900)]);
        let kept = prices(shop, product.id).remove(0);
        shop.advance(hours(1));
        set_prices(shop, product.id, &[PriceChange::Keep(kept.id), PriceChange::Add(fixed(YEAR, 12_000))]).unwrap();
        let now = prices(shop, product.id);
        assert_eq!(now[0], kept);
        assert_eq!((now[1].recurring_interval, now[1].price_amount.unwrap().get()), (YEAR, 12_000));
        assert_eq!((now.len(), now[1].created_at), (2, shop.now()));
        let modified_at = shop.complete(product.id).public.product.modified_at;
        assert_eq!(modified_at, Some(product.created_at), "prices are not the product's own");
    }

    /// P17: a price that is not in the new list is archived.
    fn a_price_that_is_not_named_is_archived(shop) {
        let product = shop.product_with("Cloud", &[fixed(MONTH, 900)]);
        let old = prices(shop, product.id).remove(0);
        set_prices(shop, product.id, &[PriceChange::Add(fixed(YEAR, 9000))]).unwrap();
        assert_eq!(prices(shop, product.id).iter().map(|p| p.recurring_interval).collect::<Vec<_>>(), [YEAR]);
        let id = old.id;
        let archived = shop.read(move |tx| products::find_price(tx, id)).unwrap().unwrap();
        assert_eq!((archived.is_archived, archived.modified_at), (true, Some(shop.now())));
        assert_eq!(archived.price_amount, old.price_amount);
    }

    /// P15: without a price there is no product.
    fn an_empty_list_of_prices_is_refused(shop) {
        let product = shop.product();
        let problem = field_problem(set_prices(shop, product.id, &[]));
        assert_eq!((problem.0, problem.1.as_str()), ("too_short", "body.prices"));
        assert_eq!(prices(shop, product.id).len(), 1);
    }

    /// P29 and T-3: ids that are not current are passed over, but not if nothing is left.
    fn ids_that_are_not_current_are_passed_over(shop) {
        let product = shop.product();
        let old = prices(shop, product.id).remove(0);
        let foreign = prices(shop, shop.product().id).remove(0);
        set_prices(shop, product.id, &[PriceChange::Keep(foreign.id), PriceChange::Add(fixed(None, 2999))]).unwrap();
        let current = prices(shop, product.id).remove(0);
        let unknown = Id::<Price>::from_uuid(uuid::Uuid::from_u128(7));
        let only_strange = [old.id, foreign.id, unknown].map(PriceChange::Keep);
        let Err(Refusal::Invalid(problems)) = set_prices(shop, product.id, &only_strange) else {
            panic!("this was to be refused")
        };
        let places: Vec<_> = problems.iter().map(|problem| serde_json::to_value(&problem.loc).unwrap()).collect();
        assert_eq!(places, [0, 1, 2].map(|n| json!(["body", "prices", n])));
        assert_eq!(problems[0].input, json!({"id": old.id}));
        assert_eq!(prices(shop, product.id), [current]);
    }

    /// P29: the rules of the price list hold for what results, and nothing changes if they do not.
    fn the_resulting_prices_must_obey_the_rules(shop) {
        let product = shop.product_with("Cloud", &[fixed(MONTH, 900)]);
        let before = prices(shop, product.id);
        let keep = PriceChange::Keep(before[0].id);
        for changes in [
            vec![keep, PriceChange::Add(fixed(MONTH, 1000))],
            vec![keep, PriceChange::Add(fixed(None, 1000))],
            vec![keep, PriceChange::Add(free(YEAR))],
            vec![PriceChange::Add(fixed(None, 1000)), PriceChange::Add(fixed(None, 1000))],
        ] {
            let problem = field_problem(set_prices(shop, product.id, &changes));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.prices"), "{changes:?}");
        }
        assert_eq!(prices(shop, product.id), before);
        assert_eq!(rows(shop, "product_prices"), 1);
    }

    /// Spec 20 §2.5: what violates the rules already is accepted as long as it is not touched.
    fn prices_that_break_the_rules_already_can_stay(shop) {
        let product = shop.product_with("Cloud", &[fixed(MONTH, 900), fixed(YEAR, 9000)]);
        let id = product.id;
        shop.write(move |tx| {
            Ok(tx.execute("UPDATE product_prices SET recurring_interval = 'month' WHERE product_id = $1", &[&id])?)
        })
        .unwrap();
        let before = prices(shop, id);
        let keep: Vec<PriceChange> = before.iter().map(|price| PriceChange::Keep(price.id)).collect();
        set_prices(shop, id, &keep).unwrap();
        assert_eq!(prices(shop, id), before);
        let problem = field_problem(set_prices(shop, id, &[keep[0], keep[1], PriceChange::Add(fixed(YEAR, 1))]));
        assert_eq!(problem.1, "body.prices");
        set_prices(shop, id, &keep[..1]).unwrap();
        assert_eq!(prices(shop, id).len(), 1, "taking one away mends it");
    }

    /// T-4: whether a product is recurring is about its current prices, in the field and in the filter.
    fn a_product_can_change_from_one_time_to_recurring(shop) {
        let product = shop.product();
        assert!(!product.is_recurring);
        set_prices(shop, product.id, &[PriceChange::Add(fixed(MONTH, 900))]).unwrap();
        assert!(shop.complete(product.id).public.product.is_recurring);
        set_prices(shop, product.id, &[PriceChange::Add(fixed(None, 900))]).unwrap();
        assert!(!shop.complete(product.id).public.product.is_recurring);
    }

    /// P8, P14: a stranger finds no product and changes none.
    fn a_stranger_finds_no_product(shop) {
        let product = shop.product();
        let (stranger, other) = shop.another_organization();
        for subject in [Subject::Anonymous, Subject::User(stranger.id), Subject::Organization(other.id)] {
            let tenancy = shop.tenancy_of(&actor(subject));
            let (own, id) = (tenancy.clone(), product.id);
            assert_eq!(refusal(shop.read(move |tx| products::get(tx, &own, id))).0, Kind::NotFound);
            let (own, command) = (tenancy.clone(), UpdateProduct { is_archived: Some(true), ..UpdateProduct::default() });
            assert_eq!(refusal(shop.write(move |tx| products::update(tx, &own, id, &command))).0, Kind::NotFound);
            let own = tenancy.clone();
            assert_eq!(refusal(shop.write(move |tx| products::set_benefits(tx, &own, id, &[]))).0, Kind::NotFound);
        }
        assert!(!shop.complete(product.id).public.product.is_archived);
        for subject in [Subject::User(shop.member.id), Subject::Organization(shop.organization.id)] {
            let (tenancy, id) = (shop.tenancy_of(&actor(subject)), product.id);
            shop.read(move |tx| products::get(tx, &tenancy, id)).unwrap();
        }
    }

    /// P22: benefits stand in the order of the list, and a job follows even if nothing changed.
    fn benefits_stand_in_the_order_of_the_list(shop) {
        let product = shop.product();
        let ids: Vec<Id<Benefit>> = (0..3).map(|_| note(shop).id).collect();
        for wanted in [
            vec![ids[0], ids[1], ids[2]],
            vec![ids[2], ids[1], ids[0]],
            vec![ids[2], ids[1], ids[0]],
            vec![ids[1]],
            vec![],
            vec![],
        ] {
            shop.set_benefits(product.id, &wanted).unwrap();
            assert_eq!(benefits_of(shop, product.id), wanted);
            assert_eq!(jobs(shop, "update_grants_of_product"), 1, "{wanted:?}");
            shop.run_jobs();
        }
    }

    /// Spec 20 §2.6: of a benefit that is named twice the first counts.
    fn a_benefit_that_is_named_twice_counts_where_it_stands_first(shop) {
        let product = shop.product();
        let (first, second) = (note(shop).id, note(shop).id);
        shop.set_benefits(product.id, &[first, second, first]).unwrap();
        assert_eq!(benefits_of(shop, product.id), [first, second]);
    }

    /// P21, T-24: only live benefits of the product's organization; else nothing changes.
    fn only_benefits_of_the_same_organization_come_with_a_product(shop) {
        let product = shop.product();
        let own = note(shop).id;
        shop.set_benefits(product.id, &[own]).unwrap();
        let member = shop.member.id;
        let second = shop
            .write(move |tx| merak_core::organizations::create(tx, member, &new_organization("second-shop")))
            .unwrap();
        let of_second = shop.benefit_of(second.id, BenefitType::Custom, json!({})).unwrap().id;
        let deleted = note(shop).id;
        shop.delete_benefit(deleted);
        let unknown = Id::<Benefit>::from_uuid(uuid::Uuid::from_u128(7));
        for wrong in [of_second, deleted, unknown] {
            let problem = field_problem(shop.set_benefits(product.id, &[own, wrong]));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.benefits.1"));
            assert_eq!(benefits_of(shop, product.id), [own]);
        }
    }

    /// P23: a benefit that is not selectable is neither added nor removed, but can be moved.
    fn a_benefit_that_is_not_selectable_stays_where_it_is_attached(shop) {
        let product = shop.product();
        let (fixed, other) = (note(shop).id, note(shop).id);
        shop.set_benefits(product.id, &[fixed]).unwrap();
        let never = note(shop).id;
        shop.write(move |tx| {
            Ok(tx.execute("UPDATE benefits SET selectable = FALSE WHERE id IN ($1, $2)", &[&fixed, &never])?)
        })
        .unwrap();
        let problem = field_problem(shop.set_benefits(product.id, &[fixed, never]));
        assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.benefits.1"));
        let Err(Refusal::Invalid(problems)) = shop.set_benefits(product.id, &[other]) else {
            panic!("this was to be refused")
        };
        assert_eq!(serde_json::to_value(&problems[0].loc).unwrap(), json!(["body", "benefits"]));
        assert_eq!((problems.len(), &problems[0].input), (1, &json!(fixed)));
        shop.set_benefits(product.id, &[other, fixed]).unwrap();
        assert_eq!(benefits_of(shop, product.id), [other, fixed]);
    }

    /// B13: a deleted benefit is off every product at once, and the others stay in their order.
    fn a_deleted_benefit_is_off_every_product(shop) {
        let (one, two) = (shop.product(), shop.product());
        let (gone, stays) = (note(shop).id, note(shop).id);
        shop.set_benefits(one.id, &[gone, stays]).unwrap();
        shop.set_benefits(two.id, &[stays, gone]).unwrap();
        let tenancy = shop.tenancy();
        shop.write(move |tx| benefits::delete(tx, &tenancy, gone)).unwrap();
        assert_eq!((benefits_of(shop, one.id), benefits_of(shop, two.id)), (vec![stays], vec![stays]));
        let attached: i64 =
            shop.read(move |tx| Ok(tx.one("SELECT count(*) FROM product_benefits WHERE benefit_id = $1", &[&gone])?)).unwrap();
        assert_eq!(attached, 0);
    }

    /// P13, P20: pictures are complete, enabled files of the organization for that; a list replaces all.
    fn pictures_are_uploaded_files_of_the_organization(shop) {
        let own = |service, is_uploaded| file(shop, &shop.as_member(), shop.organization.id, service, is_uploaded);
        let (one, two) = (own(FileService::ProductMedia, true), own(FileService::ProductMedia, true));
        let (stranger, other) = shop.another_organization();
        let foreign = file(shop, &actor(Subject::User(stranger.id)), other.id, FileService::ProductMedia, true);
        let disabled = own(FileService::ProductMedia, true);
        shop.write(move |tx| Ok(tx.execute("UPDATE files SET is_enabled = FALSE WHERE id = $1", &[&disabled])?)).unwrap();
        let deleted = own(FileService::ProductMedia, true);
        let tenancy = shop.tenancy();
        shop.write(move |tx| files::delete(tx, &tenancy, deleted)).unwrap();
        let unknown = Id::<File>::from_uuid(uuid::Uuid::from_u128(7));
        let product = shop.product();
        let set = |medias: Vec<Id<File>>| UpdateProduct { medias: Some(medias), ..UpdateProduct::default() };
        shop.change_product(product.id, &set(vec![two, one, two])).unwrap();
        assert_eq!(medias(shop, product.id), [two, one, two], "in order, and twice if named twice");
        for wrong in [
            unknown,
            own(FileService::Downloadable, true),
            own(FileService::ProductMedia, false),
            disabled,
            deleted,
            foreign,
        ] {
            let problem = field_problem(shop.change_product(product.id, &set(vec![one, wrong])));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.medias.1"));
            let mut command = new_product(shop.organization.id, "With a picture", &[fixed(None, 1999)]);
            command.medias = vec![wrong];
            let problem = field_problem(shop.write(move |tx| products::create(tx, &command)));
            assert_eq!(problem.1, "body.medias.0");
        }
        assert_eq!(medias(shop, product.id), [two, one, two], "nothing changed");
        assert_eq!(rows(shop, "products"), 1, "nothing was made");
        shop.change_product(product.id, &UpdateProduct::default()).unwrap();
        assert_eq!(medias(shop, product.id).len(), 3, "what is left out stays");
        shop.change_product(product.id, &set(vec![one])).unwrap();
        assert_eq!(medias(shop, product.id), [one]);
        let tenancy = shop.tenancy();
        shop.write(move |tx| files::delete(tx, &tenancy, one)).unwrap();
        assert_eq!(medias(shop, product.id), [], "F10: a deleted picture is gone from the product");
        shop.change_product(product.id, &set(vec![two])).unwrap();
        shop.change_product(product.id, &set(vec![])).unwrap();
        assert_eq!(medias(shop, product.id), []);
    }

    /// P26: fields of the organization are attached in order; a deleted one is asked no more.
    fn fields_are_attached_in_order(shop) {
        let (first, second) = (field(shop, shop.organization.id, "first"), field(shop, shop.organization.id, "second"));
        let attach = |field: &CustomField, required| AttachField { custom_field_id: field.id, required };
        let mut command = new_product(shop.organization.id, "Asks", &[fixed(None, 1999)]);
        command.fields = vec![attach(&second, true), attach(&first, false)];
        let product = shop.write(move |tx| products::create(tx, &command)).unwrap();
        let asked = |id: Id<Product>| -> Vec<(String, i64, bool)> {
            let fields = shop.complete(id).fields;
            fields.into_iter().map(|(at, field)| (field.slug.to_string(), at.position, at.required)).collect()
        };
        assert_eq!(asked(product.id), [("second".into(), 0, true), ("first".into(), 1, false)]);
        let command = UpdateProduct { fields: Some(vec![attach(&first, true)]), ..UpdateProduct::default() };
        shop.change_product(product.id, &command).unwrap();
        assert_eq!(asked(product.id), [("first".into(), 0, true)]);
        shop.change_product(product.id, &UpdateProduct::default()).unwrap();
        assert_eq!(asked(product.id).len(), 1, "what is left out stays");
        let (_, other) = shop.another_organization();
        let foreign = field(shop, other.id, "foreign");
        let command =
            UpdateProduct { fields: Some(vec![attach(&second, true), attach(&foreign, true)]), ..UpdateProduct::default() };
        let problem = field_problem(shop.change_product(product.id, &command));
        assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.attached_custom_fields.1"));
        assert_eq!(asked(product.id), [("first".into(), 0, true)], "nothing changed");
        let tenancy = shop.tenancy();
        shop.write(move |tx| custom_fields::delete(tx, &tenancy, first.id)).unwrap();
        assert_eq!(asked(product.id), []);
    }
}

fn prices(shop: &Shop, id: Id<Product>) -> Vec<Price> {
    shop.complete(id).public.prices
}

fn set_prices(shop: &Shop, id: Id<Product>, changes: &[PriceChange]) -> Result<Product> {
    shop.change_product(id, &UpdateProduct { prices: Some(changes.to_vec()), ..UpdateProduct::default() })
}

fn note(shop: &Shop) -> Benefit {
    shop.benefit(BenefitType::Custom, json!({})).unwrap()
}

fn benefits_of(shop: &Shop, id: Id<Product>) -> Vec<Id<Benefit>> {
    shop.complete(id).public.benefits.into_iter().map(|benefit| benefit.id).collect()
}

fn field(shop: &Shop, organization_id: Id<Organization>, slug: &str) -> CustomField {
    let command = CreateCustomField {
        organization_id,
        r#type: CustomFieldType::Text,
        slug: slug.parse().unwrap(),
        name: slug.to_owned(),
        properties: Properties::default(),
        metadata: Metadata::default(),
    };
    shop.write(move |tx| custom_fields::create(tx, &command)).unwrap()
}

fn medias(shop: &Shop, id: Id<Product>) -> Vec<Id<File>> {
    shop.complete(id).public.medias.into_iter().map(|file| file.id).collect()
}

fn file(
    shop: &Shop,
    actor: &Actor,
    organization_id: Id<Organization>,
    service: FileService,
    is_uploaded: bool,
) -> Id<File> {
    let command = CreateFile {
        organization_id: Some(organization_id),
        service,
        name: String::from("picture.png"),
        mime_type: String::from("image/png"),
        size: 4,
        checksum_sha256_base64: None,
        version: None,
        parts: vec![Part { number: 1, chunk_start: 0, chunk_end: 4, checksum_sha256_base64: None }],
        needs_checksums: false,
    };
    let (actor, now) = (actor.clone(), shop.now());
    let stored = StoredObject { etag: String::from("\"x\""), version: None, last_modified_at: now };
    shop.write(move |tx| {
        let file = files::announce(tx, &actor, &command)?;
        if is_uploaded {
            files::complete(tx, file.id, &stored)?;
        }
        Ok(file.id)
    })
    .unwrap()
}

fn rows(shop: &Shop, table: &'static str) -> i64 {
    shop.read(move |tx| Ok(tx.one(&format!("SELECT count(*) FROM {table}"), &[])?)).unwrap()
}

fn jobs(shop: &Shop, kind: &'static str) -> i64 {
    shop.read(move |tx| Ok(tx.one("SELECT count(*) FROM jobs WHERE kind = $1", &[&kind])?)).unwrap()
}
