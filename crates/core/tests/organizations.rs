//! Organizations: their slug, their settings, and who sees them.

use merak_core::access::{Subject, require_organization};
use merak_core::kit::{Country, Id, Kind, Page, Paged, Patch, Refusal, Result};
use merak_core::organizations::{
    self, ListOrganizations, Organization, ProfileSettingsPatch, UpdateOrganization, UpdateSeller,
};
use merak_core::users;
use uuid::Uuid;

use crate::support::*;

scenarios! {
    fn a_new_organization_has_the_defaults_and_its_creator_as_member(shop) {
        let stored = get(shop, shop.organization.id).unwrap();
        assert_eq!((stored.name.as_str(), stored.slug.as_str()), ("The fjordsoft", "fjordsoft"));
        assert_eq!((stored.pledge_minimum_amount, stored.pledge_badge_show_amount), (2000, true));
        assert_eq!((stored.onboarded_at, stored.modified_at), (None, None));
        let tenancy = shop.tenancy();
        assert_eq!(tenancy.ids(), [shop.organization.id]);
    }

    fn a_slug_is_taken_for_ever_and_in_any_letter_case(shop) {
        let member = shop.member.id;
        for slug in ["fjordsoft", "FjordSoft"] {
            let command = new_organization(slug);
            let answer = shop.write(move |tx| organizations::create(tx, member, &command));
            let sentence = "An organization with this slug already exists.";
            assert_eq!(field_problem(answer), ("value_error", "body.slug".into(), sentence.into()));
        }
        let id = shop.organization.id;
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.changed_one("UPDATE organizations SET deleted_at = $2 WHERE id = $1", &[&id, &now])?)
        })
        .unwrap();
        let answer = shop.write(move |tx| organizations::create(tx, member, &new_organization("fjordsoft")));
        assert_eq!(field_problem(answer).1, "body.slug");
    }

    fn strangers_find_no_organization(shop) {
        let (stranger, other) = shop.another_organization();
        let get_as = |subject| {
            let tenancy = shop.tenancy_of(&actor(subject));
            let id = shop.organization.id;
            shop.read(move |tx| organizations::get(tx, &tenancy, id))
        };
        for subject in [Subject::Anonymous, Subject::User(stranger.id), Subject::Organization(other.id)] {
            assert_eq!(refusal(get_as(subject)), (Kind::NotFound, "Not found".into()));
        }
        for subject in [Subject::User(shop.member.id), Subject::Organization(shop.organization.id)] {
            assert_eq!(get_as(subject).unwrap().id, shop.organization.id);
        }
        let unknown = Id::from_uuid(Uuid::from_u128(1));
        assert_eq!(refusal(get(shop, unknown)).0, Kind::NotFound);
        let found = shop.read(|tx| organizations::find_by_slug(tx, "FJORDSOFT")).unwrap();
        assert_eq!(found.map(|found| found.id), Some(shop.organization.id));
    }

    fn a_member_who_left_sees_nothing(shop) {
        let (user, organization) = (shop.member.id, shop.organization.id);
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.changed_one(
                "UPDATE organization_members SET deleted_at = $3 WHERE user_id = $1 AND organization_id = $2",
                &[&user, &organization, &now],
            )?)
        })
        .unwrap();
        assert!(shop.tenancy().ids().is_empty());
        assert_eq!(list(shop, None, "created_at").total, 0);
    }

    fn profile_settings_are_changed_member_by_member(shop) {
        let id = shop.organization.id;
        let featured = vec![id.uuid()];
        change_profile(
            shop,
            ProfileSettingsPatch { featured_organizations: Patch::Value(featured.clone()), ..Default::default() },
        )
        .unwrap();
        let changed = change_profile(
            shop,
            ProfileSettingsPatch {
                description: Patch::Value(String::from("  We make keys.  ")),
                links: Patch::Value(vec!["https://Example.com".parse().unwrap()]),
                enabled: Patch::Value(true),
                ..Default::default()
            },
        )
        .unwrap();
        let profile = changed.profile_settings;
        assert_eq!(profile.description.as_deref(), Some("We make keys."));
        assert_eq!(profile.links.unwrap()[0].as_str(), "https://example.com/");
        assert_eq!((profile.enabled, profile.featured_organizations), (Some(true), Some(featured)));
        let changed = change_profile(
            shop,
            ProfileSettingsPatch {
                description: Patch::Value(String::from("  ")),
                featured_organizations: Patch::Value(Vec::new()),
                enabled: Patch::Null,
                ..Default::default()
            },
        )
        .unwrap();
        let stored = get(shop, changed.id).unwrap().profile_settings;
        assert_eq!((stored.description, stored.enabled), (None, None));
        assert_eq!((stored.featured_organizations, stored.links.map(|links| links.len())), (Some(Vec::new()), Some(1)));
    }

    fn featured_organizations_must_exist(shop) {
        let patch = ProfileSettingsPatch {
            featured_organizations: Patch::Value(vec![shop.organization.id.uuid(), Uuid::from_u128(1)]),
            ..Default::default()
        };
        assert_eq!(refusal(change_profile(shop, patch)).0, Kind::NotFound);
        let id = shop.organization.id.uuid();
        let twice = ProfileSettingsPatch {
            featured_organizations: Patch::Value(vec![id, id]),
            ..Default::default()
        };
        change_profile(shop, twice).unwrap();
    }

    fn issue_funding_stays_as_it_was_unless_it_is_sent(shop) {
        let set = |issue_funding_enabled| {
            update(shop, UpdateOrganization { issue_funding_enabled, ..Default::default() }).unwrap();
            get(shop, shop.organization.id).unwrap().feature_settings.0.map(|f| f.issue_funding_enabled)
        };
        assert_eq!(set(Some(true)), Some(true));
        assert_eq!(set(None), Some(true));
        assert_eq!(set(Some(false)), Some(false));
        assert_eq!(set(None), Some(false));
    }

    fn the_first_change_is_the_day_of_onboarding(shop) {
        shop.advance(hours(1));
        let first = shop.now();
        update(shop, UpdateOrganization::default()).unwrap();
        shop.advance(hours(1));
        let command = UpdateOrganization {
            name: Some(String::from(" Fjord Software ")),
            avatar_url: Patch::Value("https://example.com/a.png".parse().unwrap()),
            default_upfront_split_to_contributors: Patch::Value(50),
            pledge_minimum_amount: Some(-1),
            ..Default::default()
        };
        update(shop, command).unwrap();
        let stored = get(shop, shop.organization.id).unwrap();
        assert_eq!((stored.onboarded_at, stored.modified_at), (Some(first), Some(shop.now())));
        assert_eq!((stored.name.as_str(), stored.slug.as_str()), ("Fjord Software", "fjordsoft"));
        assert_eq!(stored.avatar_url.as_deref(), Some("https://example.com/a.png"));
        assert_eq!((stored.default_upfront_split_to_contributors, stored.pledge_minimum_amount), (Some(50), -1));
        update(shop, UpdateOrganization { avatar_url: Patch::Null, ..Default::default() }).unwrap();
        assert_eq!(get(shop, shop.organization.id).unwrap().avatar_url, None);
    }

    fn who_sells_is_said_piece_by_piece(shop) {
        let text = |text: &str| Patch::Value(String::from(text));
        let id = shop.organization.id;
        let change = |command: UpdateSeller| shop.write(move |tx| organizations::update_seller(tx, id, &command));
        let refused = change(UpdateSeller { city: text("Oslo"), ..Default::default() });
        assert_eq!(refusal(refused), (Kind::BadRequest, String::from("An address needs its country.")));
        let long = "x".repeat(513);
        let refused = change(UpdateSeller { legal_name: text(&long), ..Default::default() });
        assert_eq!(refusal(refused).1, "A legal name has at most 512 characters.");
        assert_eq!(get(shop, id).unwrap().seller(), shop.organization.seller());
        shop.advance(hours(1));
        change(UpdateSeller {
            email: Patch::Value(email("help@fjordsoft.example")),
            legal_name: text(" Fjord Soft AS "),
            line1: text("Kaigata 1"),
            city: text("Oslo"),
            country: Country::parse("NO").into(),
            tax_id: text("NO 123 456 785 MVA"),
            ..Default::default()
        })
        .unwrap();
        let stored = get(shop, id).unwrap();
        assert_eq!((stored.email.as_deref(), stored.modified_at), (Some("help@fjordsoft.example"), Some(shop.now())));
        let seller = stored.seller();
        assert_eq!((seller.name.as_str(), seller.legal_name.as_deref()), ("The fjordsoft", Some("Fjord Soft AS")));
        assert_eq!(seller.tax_id.as_deref(), Some("NO 123 456 785 MVA"));
        let told = shop.read(move |tx| Ok(tx.one::<i64>("SELECT count(*) FROM events WHERE type = 'organization.updated'", &[])?)).unwrap();
        assert_eq!(told, 1);
        // What is not named stays, and what is blank goes.
        let changed = change(UpdateSeller { postal_code: text("0150"), legal_name: text("  "), ..Default::default() });
        let changed = changed.unwrap().seller();
        let address = changed.address.clone().unwrap();
        assert_eq!((address.line1.as_deref(), address.postal_code.as_deref()), (Some("Kaigata 1"), Some("0150")));
        assert_eq!((address.city.as_deref(), address.country.as_str(), changed.legal_name), (Some("Oslo"), "NO", None));
        // A change by the API leaves it alone.
        update(shop, UpdateOrganization { name: Some(String::from("Fjord")), ..Default::default() }).unwrap();
        assert_eq!(get(shop, id).unwrap().seller().address, Some(address));
        let gone = change(UpdateSeller { country: Patch::Null, email: Patch::Null, ..Default::default() }).unwrap();
        assert_eq!((gone.seller().address, gone.email), (None, None));
    }

    fn whoever_runs_the_installation_sees_all_organizations(shop) {
        shop.another_organization();
        let id = shop.organization.id;
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.changed_one("UPDATE organizations SET blocked_at = $2 WHERE id = $1", &[&id, &now])?)
        })
        .unwrap();
        let page = |after: &'static str, limit| {
            let page = shop.read(move |tx| organizations::list_all(tx, after, limit)).unwrap();
            page.into_iter().map(|organization| organization.slug).collect::<Vec<_>>()
        };
        let all = page("", 10);
        assert_eq!((all.len(), all[0].as_str()), (2, "fjordsoft"));
        assert_eq!((page("", 1), page("fjordsoft", 10)), (vec![all[0].clone()], vec![all[1].clone()]));
        assert!(page("zzz", 10).is_empty());
    }

    fn organizations_are_listed_by_age_or_by_slug(shop) {
        let member = shop.member.id;
        for slug in ["zebra", "acme-inc"] {
            shop.advance(hours(1));
            shop.write(move |tx| organizations::create(tx, member, &new_organization(slug))).unwrap();
        }
        shop.another_organization();
        let slugs = |slug: Option<&str>, sorting: &str| {
            let page = list(shop, slug, sorting);
            assert_eq!(page.total, count(&page.items));
            page.items.into_iter().map(|organization| organization.slug).collect::<Vec<_>>()
        };
        assert_eq!(slugs(None, "created_at"), ["fjordsoft", "zebra", "acme-inc"]);
        assert_eq!(slugs(None, "-created_at"), ["acme-inc", "zebra", "fjordsoft"]);
        assert_eq!(slugs(None, "name"), ["acme-inc", "fjordsoft", "zebra"]);
        assert_eq!(slugs(Some("ACME-INC"), "name"), ["acme-inc"]);
        assert!(slugs(Some(""), "name").is_empty());
    }

    fn a_user_names_the_organization_and_an_organization_must_not(shop) {
        let (stranger, other) = shop.another_organization();
        let require = |subject, named| {
            let caller = actor(subject);
            shop.read(move |tx| require_organization(tx, &caller, named))
        };
        let (own, user) = (shop.organization.id, Subject::User(shop.member.id));
        assert_eq!(require(user, Some(own)).unwrap(), own);
        assert_eq!(require(Subject::Organization(own), None).unwrap(), own);
        let place = String::from("body.organization_id");
        let missing = (("missing"), place.clone(), String::from("organization_id is required."));
        assert_eq!(field_problem(require(user, None)), missing);
        let (kind, at, _) = field_problem(require(Subject::Organization(own), Some(own)));
        assert_eq!((kind, at), ("organization_token", place.clone()));
        let unknown = Id::from_uuid(Uuid::from_u128(1));
        for (subject, named) in [(user, other.id), (user, unknown), (Subject::User(stranger.id), own)] {
            let problem = field_problem(require(subject, Some(named)));
            assert_eq!(problem, ("value_error", place.clone(), "Organization not found.".into()));
        }
        shop.write(move |tx| {
            let now = tx.now();
            Ok(tx.changed_one("UPDATE organizations SET blocked_at = $2 WHERE id = $1", &[&own, &now])?)
        })
        .unwrap();
        assert!(matches!(require(user, Some(own)), Err(Refusal::Invalid(_))));
    }

    fn a_person_is_found_by_address_in_any_letter_case(shop) {
        let find = |address: &'static str| {
            shop.write(move |tx| users::find_or_create(tx, &email(address))).unwrap().id
        };
        assert_eq!(find("NORA@fjordsoft.example"), shop.member.id);
        let other = find("Éva@example.com");
        assert_ne!(other, shop.member.id);
        assert_eq!(find("Éva@example.com"), other);
        assert_eq!(find("éVA@Example.com"), other);
    }
}

fn get(shop: &Shop, id: Id<Organization>) -> Result<Organization> {
    let tenancy = shop.tenancy();
    shop.read(move |tx| organizations::get(tx, &tenancy, id))
}

fn update(shop: &Shop, command: UpdateOrganization) -> Result<Organization> {
    let (tenancy, id) = (shop.tenancy(), shop.organization.id);
    shop.write(move |tx| organizations::update(tx, &tenancy, id, &command))
}

fn change_profile(shop: &Shop, patch: ProfileSettingsPatch) -> Result<Organization> {
    update(shop, UpdateOrganization { profile_settings: Some(patch), ..Default::default() })
}

fn list(shop: &Shop, slug: Option<&str>, sorting: &str) -> Paged<Organization> {
    let wanted = ListOrganizations {
        slug: slug.map(String::from),
        sorting: vec![sorting.parse().unwrap()],
        page: Page::default(),
    };
    let tenancy = shop.tenancy();
    shop.read(move |tx| organizations::list(tx, &tenancy, &wanted)).unwrap()
}
