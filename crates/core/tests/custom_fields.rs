//! Custom fields: their slugs, their properties, who sees them, and what their deletion ends.

use merak_core::search::Totals;
use std::time::Duration;

use merak_core::access::Subject;
use merak_core::custom_fields::{
    self, CreateCustomField, CustomField, CustomFieldType, ListCustomFields, Properties, UpdateCustomField,
};
use merak_core::kit::{Id, Kind, Metadata, Page, Paged, Refusal, Result};
use merak_core::organizations::{self, Organization};
use merak_core::products::{self, AttachField};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::*;

scenarios! {
    /// C2
    fn each_type_is_stored_as_given(shop) {
        let options = json!([{"value": "a", "label": "A"}]);
        for (r#type, slug, properties) in [
            (CustomFieldType::Text, "my-field", json!({"form_label": "Company", "min_length": 1, "textarea": true})),
            (CustomFieldType::Number, "valid_slug", json!({"ge": 1, "le": i64::MAX})),
            (CustomFieldType::Date, "_valid_slug2", json!({"ge": 1_735_689_600})),
            (CustomFieldType::Checkbox, "terms", json!({})),
            (CustomFieldType::Select, "plan", json!({"options": options})),
        ] {
            let mut command = new_field(shop.organization.id, slug);
            command.r#type = r#type;
            command.properties = properties_of(&properties);
            command.metadata = serde_json::from_str(r#"{"a":1}"#).unwrap();
            let made = create(shop, command).unwrap();
            let stored = get(shop, made.id).unwrap();
            assert_eq!((stored.r#type, stored.slug.as_str()), (r#type, slug));
            assert_eq!(serde_json::to_value(&stored.properties).unwrap(), properties);
            assert_eq!((stored.metadata.len(), stored.modified_at), (1, None));
            assert_eq!(stored.created_at, shop.now());
        }
    }

    /// C6
    fn a_slug_belongs_to_one_live_field_of_an_organization(shop) {
        let first = field(shop, "company");
        let taken = ("value_error", "body.slug".into(), "A custom field with this slug already exists.".into());
        assert_eq!(field_problem(create(shop, new_field(shop.organization.id, "company"))), taken);
        let second = field(shop, "seats");
        let rename = UpdateCustomField { slug: Some("company".parse().unwrap()), ..no_change() };
        assert_eq!(field_problem(update(shop, second.id, rename.clone())), taken);
        assert_eq!(get(shop, second.id).unwrap().slug.as_str(), "seats");
        let (_, other) = shop.another_organization();
        let command = new_field(other.id, "company");
        shop.write(move |tx| custom_fields::create(tx, &command)).unwrap();
        update(shop, first.id, rename.clone()).unwrap();
        delete(shop, first.id).unwrap();
        assert_eq!(update(shop, second.id, rename).unwrap().slug.as_str(), "company");
        field(shop, "seats");
    }

    /// C6
    fn a_type_never_changes(shop) {
        let made = field(shop, "company");
        let command = UpdateCustomField { r#type: CustomFieldType::Number, ..no_change() };
        let problem = field_problem(update(shop, made.id, command));
        assert_eq!((problem.0, problem.1.as_str()), ("value_error", "body.type"));
    }

    // spec 20 §4.1
    fn a_select_field_has_options_that_differ(shop) {
        let refused = |options: Value| {
            let mut command = new_field(shop.organization.id, "plan");
            command.r#type = CustomFieldType::Select;
            command.properties = properties_of(&json!({"options": options}));
            field_problem(create(shop, command)).1
        };
        assert_eq!(refused(json!([])), "body.properties.options");
        let same = json!([{"value": "a", "label": "A"}, {"value": "a", "label": "B"}]);
        assert_eq!(refused(same.clone()), "body.properties.options.1.value");
        let mut command = new_field(shop.organization.id, "plan");
        command.r#type = CustomFieldType::Select;
        command.properties = properties_of(&json!({"options": [{"value": "a", "label": "A"}]}));
        let made = create(shop, command).unwrap();
        let change = UpdateCustomField {
            r#type: CustomFieldType::Select,
            properties: Some(properties_of(&json!({"options": same}))),
            ..no_change()
        };
        assert_eq!(field_problem(update(shop, made.id, change)).1, "body.properties.options.1.value");
        assert_eq!(get(shop, made.id).unwrap().properties.options.unwrap().len(), 1);
    }

    // spec 20 §4.2
    fn a_change_replaces_what_it_names(shop) {
        let made = field(shop, "company");
        assert_eq!(update(shop, made.id, no_change()).unwrap().modified_at, None);
        shop.advance(hours(1));
        let command = UpdateCustomField {
            name: Some(String::from("Your company")),
            properties: Some(properties_of(&json!({"max_length": 5, "ge": 7}))),
            metadata: Some(serde_json::from_str(r#"{"b":true}"#).unwrap()),
            ..no_change()
        };
        update(shop, made.id, command).unwrap();
        let stored = get(shop, made.id).unwrap();
        assert_eq!((stored.name.as_str(), stored.slug.as_str()), ("Your company", "company"));
        assert_eq!(serde_json::to_string(&stored.properties).unwrap(), r#"{"max_length":5}"#);
        assert_eq!((stored.metadata.len(), stored.modified_at), (1, Some(shop.now())));
    }

    /// C7
    fn a_deleted_field_is_gone_and_no_product_asks_for_it(shop) {
        let (made, kept) = (field(shop, "company"), field(shop, "seats"));
        attach(shop, &[made.id, kept.id]);
        delete(shop, made.id).unwrap();
        for answer in [get(shop, made.id), update(shop, made.id, no_change())] {
            assert_eq!(refusal(answer).0, Kind::NotFound);
        }
        assert_eq!(refusal(delete(shop, made.id)).0, Kind::NotFound);
        let attached = shop
            .read(|tx| Ok(tx.all::<Id<CustomField>>("SELECT custom_field_id FROM product_custom_fields", &[])?))
            .unwrap();
        assert_eq!(attached, [kept.id]);
        let ids = [kept.id, made.id, kept.id, Id::from_uuid(Uuid::from_u128(1))];
        let found = shop.read(move |tx| custom_fields::find_many(tx, &ids)).unwrap();
        assert_eq!(found.into_iter().map(|field| field.id).collect::<Vec<_>>(), [kept.id]);
        assert!(shop.read(|tx| custom_fields::find_many(tx, &[])).unwrap().is_empty());
        assert_eq!(list(shop, wanted(&["slug"])).total, 1);
    }

    fn a_stranger_finds_no_field(shop) {
        let made = field(shop, "company");
        let (stranger, other) = shop.another_organization();
        for subject in [Subject::Anonymous, Subject::User(stranger.id), Subject::Organization(other.id)] {
            let tenancy = shop.tenancy_of(&actor(subject));
            let (own, id) = (tenancy.clone(), made.id);
            assert_eq!(refusal(shop.read(move |tx| custom_fields::get(tx, &own, id))).0, Kind::NotFound);
            let (own, asked) = (tenancy.clone(), wanted(&["slug"]));
            assert_eq!(shop.read(move |tx| custom_fields::list(tx, &own, &asked, &Totals::default())).unwrap().total, 0);
            let own = tenancy.clone();
            let change = UpdateCustomField { name: Some(String::from("Mine")), ..no_change() };
            assert_eq!(refusal(shop.write(move |tx| custom_fields::update(tx, &own, id, &change))).0, Kind::NotFound);
            assert_eq!(refusal(shop.write(move |tx| custom_fields::delete(tx, &tenancy, id))).0, Kind::NotFound);
        }
        assert_eq!(get(shop, made.id).unwrap().name, "A question");
    }

    /// C8
    fn a_list_is_sorted_as_asked(shop) {
        let second = second_organization(shop);
        for (organization_id, slug, name, r#type) in [
            (shop.organization.id, "b", "Zoe", CustomFieldType::Text),
            (second, "a", "adam", CustomFieldType::Checkbox),
            (shop.organization.id, "_c", "Éva", CustomFieldType::Number),
            (second, "d", "Bea", CustomFieldType::Checkbox),
        ] {
            let command = CreateCustomField { r#type, name: name.into(), ..new_field(organization_id, slug) };
            create(shop, command).unwrap();
            shop.advance(Duration::from_millis(1));
        }
        for (sorting, slugs) in [
            (&["created_at"][..], ["b", "a", "_c", "d"]),
            (&["-created_at"], ["d", "_c", "a", "b"]),
            (&["slug"], ["_c", "a", "b", "d"]),
            (&["-slug"], ["d", "b", "a", "_c"]),
            (&["name"], ["a", "d", "b", "_c"]),
            (&["-name"], ["_c", "b", "d", "a"]),
            (&["type"], ["a", "d", "_c", "b"]),
            (&["-type"], ["b", "_c", "d", "a"]),
            (&["type", "-created_at"], ["d", "a", "_c", "b"]),
        ] {
            let mut found = Vec::new();
            for number in 1..=2 {
                let page = list(shop, ListCustomFields { page: Page::new(number, 2), ..wanted(sorting) });
                assert_eq!(page.total, 4);
                found.extend(page.items.into_iter().map(|field| field.slug.to_string()));
            }
            assert_eq!(found, slugs, "{sorting:?}");
        }
    }

    // spec 20 §4.2
    fn a_list_is_filtered_by_text_and_type(shop) {
        for (slug, name, r#type) in [
            ("company", "Your COMPANY", CustomFieldType::Text),
            ("seats", "100%", CustomFieldType::Number),
            ("plan_b", "Élodie", CustomFieldType::Text),
        ] {
            create(shop, CreateCustomField { r#type, name: name.into(), ..new_field(shop.organization.id, slug) })
                .unwrap();
        }
        for (query, types, slugs) in [
            ("COMP", &[][..], &["company"][..]),
            ("eat", &[], &["seats"]),
            ("%", &[], &["seats"]),
            ("_", &[], &["plan_b"]),
            ("éLO", &[], &["plan_b"]),
            ("", &[], &["company", "plan_b", "seats"]),
            ("", &[CustomFieldType::Text], &["company", "plan_b"]),
            ("", &[CustomFieldType::Number, CustomFieldType::Text], &["company", "plan_b", "seats"]),
            ("a", &[CustomFieldType::Number], &["seats"]),
            ("", &[CustomFieldType::Date], &[]),
        ] {
            let page = list(shop, ListCustomFields {
                query: Some(query.into()),
                types: types.to_vec(),
                ..wanted(&["slug"])
            });
            let found: Vec<&str> = page.items.iter().map(|field| field.slug.as_str()).collect();
            assert_eq!((found.as_slice(), page.total), (slugs, count(slugs)), "{query:?} {types:?}");
        }
    }

    fn two_creations_of_one_slug_at_once_make_one_field(shop) {
        let answers: Vec<Result<CustomField>> = std::thread::scope(|scope| {
            let started: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| create(shop, new_field(shop.organization.id, "company"))))
                .collect();
            started.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
        assert_eq!(made.len(), 1);
        for answer in refused {
            assert!(matches!(answer, Err(Refusal::Invalid(_))), "{answer:?}");
        }
        assert_eq!(list(shop, wanted(&["slug"])).total, 1);
    }
}

fn new_field(organization_id: Id<Organization>, slug: &str) -> CreateCustomField {
    CreateCustomField {
        organization_id,
        r#type: CustomFieldType::Text,
        slug: slug.parse().unwrap(),
        name: String::from("A question"),
        properties: Properties::default(),
        metadata: Metadata::default(),
    }
}

fn no_change() -> UpdateCustomField {
    UpdateCustomField {
        r#type: CustomFieldType::Text,
        slug: None,
        name: None,
        properties: None,
        metadata: None,
    }
}

fn properties_of(json: &Value) -> Properties {
    serde_json::from_value(json.clone()).unwrap()
}

fn wanted(sorting: &[&str]) -> ListCustomFields {
    let sorting = sorting.iter().map(|text| text.parse().unwrap()).collect();
    ListCustomFields { query: None, types: Vec::new(), sorting, page: Page::default() }
}

fn create(shop: &Shop, command: CreateCustomField) -> Result<CustomField> {
    shop.write(move |tx| custom_fields::create(tx, &command))
}

fn field(shop: &Shop, slug: &str) -> CustomField {
    create(shop, new_field(shop.organization.id, slug)).unwrap()
}

fn get(shop: &Shop, id: Id<CustomField>) -> Result<CustomField> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| custom_fields::get(tx, &tenancy, id))
}

fn update(shop: &Shop, id: Id<CustomField>, command: UpdateCustomField) -> Result<CustomField> {
    let tenancy = shop.tenancy();
    shop.write(move |tx| custom_fields::update(tx, &tenancy, id, &command))
}

fn delete(shop: &Shop, id: Id<CustomField>) -> Result<()> {
    let tenancy = shop.tenancy();
    shop.write(move |tx| custom_fields::delete(tx, &tenancy, id))
}

fn list(shop: &Shop, wanted: ListCustomFields) -> Paged<CustomField> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| custom_fields::list(tx, &tenancy, &wanted, &Totals::default())).unwrap()
}

fn second_organization(shop: &Shop) -> Id<Organization> {
    let member = shop.member.id;
    shop.write(move |tx| organizations::create(tx, member, &new_organization("second-shop"))).unwrap().id
}

/// A product that asks these.
fn attach(shop: &Shop, fields: &[Id<CustomField>]) {
    let mut command = new_product(shop.organization.id, "The app", &[fixed(None, 1999)]);
    command.fields = fields.iter().map(|id| AttachField { custom_field_id: *id, required: false }).collect();
    shop.write(move |tx| products::create(tx, &command)).unwrap();
}
