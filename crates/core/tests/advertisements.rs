//! Advertisements: which campaigns are shown, in which room, and how often they were seen and followed.

use merak_core::advertisements::{self, Campaign, Counts, CreateCampaign, ListCampaigns};
use merak_core::benefits::grants::{self, BenefitGrant, Scope};
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::customers::Customer;
use merak_core::kit::{Id, Kind, Page, Result};
use merak_store::Timestamp;
use serde_json::json;
use uuid::Uuid;

use crate::support::*;

scenarios! {
    /// A1
    fn a_campaign_is_shown_while_a_granted_grant_names_it(shop) {
        let (room, customer) = (room(shop), shop.customer());
        let grant = shop.grant(&room, &customer, shop.order());
        let campaign = campaign(shop, &customer);
        assert_eq!(refusal(get(shop, &campaign)).0, Kind::NotFound);
        assert_eq!(refusal(view(shop, &campaign)).0, Kind::NotFound);
        assert_eq!(refusal(click(shop, &campaign)).0, Kind::NotFound);
        assert!(shown_in(shop, &room, "granted_at").is_empty());
        let shown = show(shop, &campaign, &grant).unwrap();
        assert_eq!(shown.properties.as_str(), format!(r#"{{"advertisement_campaign_id":"{}"}}"#, campaign.id));
        assert_eq!(get(shop, &campaign).unwrap().id, campaign.id);
        assert_eq!(shown_in(shop, &room, "granted_at"), [campaign.id]);
        let scope = Scope::Order(grant.order_id.unwrap());
        shop.revoke(&room, &customer, scope);
        assert_eq!(refusal(get(shop, &campaign)).0, Kind::NotFound);
        assert!(shown_in(shop, &room, "granted_at").is_empty());
        shop.grant(&room, &customer, scope);
        assert_eq!(shown_in(shop, &room, "granted_at"), [campaign.id], "the grant remembers what it showed");
        shop.delete_benefit(room.id);
        assert_eq!(refusal(get(shop, &campaign)).0, Kind::NotFound);
    }

    // spec 20 §8
    fn a_campaign_is_shown_in_the_room_that_was_granted_last(shop) {
        let (first, second, customer) = (room(shop), room(shop), shop.customer());
        let campaign = campaign(shop, &customer);
        let early = shop.grant(&first, &customer, shop.order());
        show(shop, &campaign, &early).unwrap();
        shop.advance(hours(1));
        let late = shop.grant(&second, &customer, Scope::ByHand);
        assert_eq!(shown_in(shop, &first, "granted_at"), [campaign.id], "the second grant does not name it");
        show(shop, &campaign, &late).unwrap();
        assert!(shown_in(shop, &first, "granted_at").is_empty());
        assert_eq!(shown_in(shop, &second, "granted_at"), [campaign.id]);
        shop.revoke(&second, &customer, Scope::ByHand);
        assert_eq!(shown_in(shop, &first, "granted_at"), [campaign.id]);
        assert!(shown_in(shop, &second, "granted_at").is_empty());
    }

    fn a_room_shows_campaigns_of_its_own_holder_only(shop) {
        let (room, customer) = (room(shop), shop.customer());
        let grant = shop.grant(&room, &customer, Scope::ByHand);
        let foreign = campaign(shop, &shop.customer());
        assert_eq!(refusal(show(shop, &foreign, &grant)).0, Kind::NotFound);
        let note = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        let other = shop.grant(&note, &customer, Scope::ByHand);
        let own = campaign(shop, &customer);
        assert_eq!(refusal(show(shop, &own, &other)).0, Kind::NotFound);
        show(shop, &own, &grant).unwrap();
        let next = campaign(shop, &customer);
        show(shop, &next, &grant).unwrap();
        assert_eq!(shown_in(shop, &room, "granted_at"), [next.id], "a grant shows one at a time");
        let mut command = new_campaign(&customer);
        command.customer_id = Id::from_uuid(Uuid::from_u128(1));
        let nobody = shop.write(move |tx| advertisements::create(tx, &command));
        assert_eq!(refusal(nobody).0, Kind::NotFound);
    }

    /// A1
    fn only_rooms_have_a_list(shop) {
        let note = shop.benefit(BenefitType::Custom, json!({})).unwrap();
        for id in [note.id, Id::from_uuid(Uuid::from_u128(1))] {
            let problem = field_problem(list(shop, id, "granted_at", Page::default()));
            assert_eq!((problem.0, problem.1.as_str()), ("value_error", "query.benefit_id"));
        }
        let (page, size) = list(shop, room(shop).id, "granted_at", Page::default()).unwrap();
        assert_eq!((page.total, size.0, size.1), (0, 200, 100));
    }

    // spec 20 §8
    fn a_list_is_sorted_as_asked(shop) {
        let room = room(shop);
        let customers: Vec<Customer> = (0..4).map(|_| shop.customer()).collect();
        let mut campaigns = Vec::new();
        for customer in &customers {
            campaigns.push(campaign(shop, customer));
            shop.advance(hours(1));
        }
        for (number, views, clicks) in [(2, 1, 0), (0, 3, 1), (3, 0, 3), (1, 2, 2)] {
            let grant = shop.grant(&room, &customers[number], Scope::ByHand);
            show(shop, &campaigns[number], &grant).unwrap();
            for _ in 0..views {
                view(shop, &campaigns[number]).unwrap();
            }
            for _ in 0..clicks {
                click(shop, &campaigns[number]).unwrap();
            }
            shop.advance(hours(1));
        }
        for (sorting, order) in [
            ("created_at", [0, 1, 2, 3]),
            ("-created_at", [3, 2, 1, 0]),
            ("granted_at", [2, 0, 3, 1]),
            ("-granted_at", [1, 3, 0, 2]),
            ("views", [3, 2, 1, 0]),
            ("-views", [0, 1, 2, 3]),
            ("clicks", [2, 0, 1, 3]),
            ("-clicks", [3, 1, 0, 2]),
        ] {
            let mut found = Vec::new();
            for number in 1..=2 {
                let (page, _) = list(shop, room.id, sorting, Page::new(number, 3)).unwrap();
                assert_eq!(page.total, 4);
                found.extend(page.items.into_iter().map(|campaign| campaign.id));
            }
            assert_eq!(found, order.map(|number: usize| campaigns[number].id), "{sorting}");
        }
    }

    // what is kept in the campaign's row is what its grants say, whatever happened to them
    fn rooms_follow_every_change_of_grants(shop) {
        let rooms = [room(shop), room(shop)];
        let customers = [shop.customer(), shop.customer()];
        let scopes = [Scope::ByHand, shop.order(), shop.order()];
        let campaigns: Vec<Campaign> =
            (0..4).map(|number| campaign(shop, &customers[number % 2])).collect();
        let mut state = 7_u32;
        let mut draw = move |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            usize::try_from(state >> 16).unwrap() % below
        };
        let mut most = 0;
        for _ in 0..150 {
            let (room, customer, scope) = (&rooms[draw(2)], &customers[draw(2)], scopes[draw(3)]);
            match draw(5) {
                0 => drop(shop.revoke(room, customer, scope)),
                1 | 2 => drop(shop.grant(room, customer, scope)),
                _ => {
                    let grant = shop.grant(room, customer, scope);
                    let campaign = &campaigns[draw(4)];
                    assert_eq!(show(shop, campaign, &grant).is_ok(), campaign.customer_id == customer.id);
                }
            }
            if draw(3) == 0 {
                shop.advance(hours(1));
            }
            let expected = named_rooms(shop, &campaigns);
            for (number, room) in rooms.iter().enumerate() {
                for sorting in ["created_at", "-views"] {
                    let mut shown = shown_in(shop, room, sorting);
                    shown.sort();
                    let mut named: Vec<_> =
                        expected.iter().filter(|(_, room_id)| *room_id == room.id).map(|(id, _)| *id).collect();
                    named.sort();
                    assert_eq!(shown, named, "room {number}");
                    most = most.max(shown.len());
                }
            }
        }
        assert!(most >= 3, "there was something to be seen: {most}");
        shop.delete_benefit(rooms[0].id);
        let expected = named_rooms(shop, &campaigns);
        assert!(expected.iter().all(|(_, room_id)| *room_id == rooms[1].id));
        assert_eq!(shown_in(shop, &rooms[1], "clicks").len(), expected.len());
    }

    // the row of the campaign, not a search through all grants, says whether and where it is shown
    fn a_grant_that_comes_from_elsewhere_shows_its_campaign(shop) {
        let (room, customer) = (room(shop), shop.customer());
        let campaign = campaign(shop, &customer);
        let grant = BenefitGrant {
            id: Id::from_uuid(Uuid::from_u128(7)),
            customer_id: customer.id,
            benefit_id: room.id,
            subscription_id: None,
            order_id: None,
            granted_at: Some(shop.now()),
            revoked_at: None,
            properties: merak_store::Json::from(&json!({"advertisement_campaign_id": campaign.id})),
            created_at: shop.now(),
            modified_at: None,
        };
        shop.write(move |tx| grants::import(tx, grant.clone())).unwrap();
        assert_eq!(shown_in(shop, &room, "created_at"), [campaign.id]);
        let named: Option<Id<Benefit>> = shop
            .read(move |tx| {
                const SQL: &str = "SELECT benefit_id FROM advertisement_campaigns WHERE id = $1";
                Ok(tx.find::<Option<Id<Benefit>>>(SQL, &[&campaign.id])?.flatten())
            })
            .unwrap();
        assert_eq!(named, Some(room.id));
    }

    /// A1
    fn every_view_and_click_is_counted_however_many_come_at_once(shop) {
        let (room, customer) = (room(shop), shop.customer());
        let campaign = campaign(shop, &customer);
        show(shop, &campaign, &shop.grant(&room, &customer, Scope::ByHand)).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        runtime.block_on(async {
            let calls: Vec<_> = (0..40)
                .map(|number| {
                    let (store, id) = (shop.store.clone(), campaign.id);
                    tokio::spawn(async move {
                        store
                            .write_one(move |tx| {
                                if number % 4 == 0 {
                                    advertisements::note_click(tx, id).map(drop)
                                } else {
                                    advertisements::note_view(tx, id)
                                }
                            })
                            .await
                    })
                })
                .collect();
            for call in calls {
                call.await.unwrap().unwrap();
            }
        });
        let id = campaign.id;
        let counted = shop.read(move |tx| advertisements::counts(tx, id)).unwrap();
        assert_eq!(counted, Counts { views: 30, clicks: 10 });
        assert_eq!(click(shop, &campaign).unwrap(), "https://acme.example/");
    }
}

/// A benefit of the kind ads.
fn room(shop: &Shop) -> Benefit {
    shop.benefit(BenefitType::Ads, json!({"image_height": 100, "image_width": 200})).unwrap()
}

/// In which room each campaign belongs, by looking through all grants.
fn named_rooms(shop: &Shop, campaigns: &[Campaign]) -> Vec<(Id<Campaign>, Id<Benefit>)> {
    const SQL: &str =
        "SELECT granted_at, id, benefit_id, properties FROM benefit_grants WHERE granted_at IS NOT NULL";
    type Row = (Timestamp, Id<BenefitGrant>, Id<Benefit>, merak_store::Json);
    let grants: Vec<Row> = shop.read(|tx| Ok(tx.all(SQL, &[])?)).unwrap();
    let room = |campaign: &Campaign| {
        let names = |(_, _, _, properties): &&Row| properties.as_str().contains(&campaign.id.to_string());
        let latest = grants.iter().filter(names).max_by_key(|(granted_at, id, ..)| (*granted_at, *id))?;
        Some((campaign.id, latest.2))
    };
    campaigns.iter().filter_map(room).collect()
}

fn new_campaign(customer: &Customer) -> CreateCampaign {
    CreateCampaign {
        customer_id: customer.id,
        image_url: "https://acme.example/ad.png".parse().unwrap(),
        image_url_dark: None,
        text: String::from("Acme"),
        link_url: "https://Acme.example".parse().unwrap(),
    }
}

fn campaign(shop: &Shop, customer: &Customer) -> Campaign {
    let command = new_campaign(customer);
    shop.write(move |tx| advertisements::create(tx, &command)).unwrap()
}

fn show(shop: &Shop, campaign: &Campaign, grant: &BenefitGrant) -> Result<BenefitGrant> {
    let (id, grant_id) = (campaign.id, grant.id);
    shop.write(move |tx| advertisements::show_by_grant(tx, id, grant_id))
}

fn get(shop: &Shop, campaign: &Campaign) -> Result<Campaign> {
    let id = campaign.id;
    shop.read(move |tx| advertisements::get_shown(tx, id))
}

fn view(shop: &Shop, campaign: &Campaign) -> Result<()> {
    let id = campaign.id;
    shop.write(move |tx| advertisements::note_view(tx, id))
}

fn click(shop: &Shop, campaign: &Campaign) -> Result<String> {
    let id = campaign.id;
    shop.write(move |tx| Ok(advertisements::note_click(tx, id)?.to_string()))
}

type Listed = (merak_core::kit::Paged<Campaign>, (i64, i64));

fn list(shop: &Shop, benefit_id: Id<Benefit>, sorting: &str, page: Page) -> Result<Listed> {
    let wanted = ListCampaigns { benefit_id, sorting: vec![sorting.parse().unwrap()], page };
    shop.read(move |tx| {
        let (page, room) = advertisements::list_shown(tx, &wanted)?;
        Ok((page, (room.image_width, room.image_height)))
    })
}

fn shown_in(shop: &Shop, room: &Benefit, sorting: &str) -> Vec<Id<Campaign>> {
    let (page, _) = list(shop, room.id, sorting, Page::default()).unwrap();
    assert_eq!(page.total, count(&page.items));
    page.items.into_iter().map(|campaign| campaign.id).collect()
}
