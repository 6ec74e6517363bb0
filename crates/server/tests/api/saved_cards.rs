//! Checkouts that a known customer pays with a saved card, by plain forms. spec 30 §1.4 and §7.3.21

use merak_core::billing::{PaymentMethod, methods};
use merak_core::customers::Customer;
use merak_core::kit::Id;
use merak_core::users::User;
use merak_testkit::TestDatabase;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::hosted_checkout::{CARD, buyer, filled, follow, once, status, until};
use crate::support::sales::recurring;
use crate::support::stripe::Stripe;
use crate::support::{Answer, Client, Shop, migrated};

const PORTAL: &str = "/fjordsoft/portal";
const ASKS_ALWAYS: &str = "4000 0027 6000 3184";
const CLIENT: &str = "/v1/checkouts/custom/client/";

/// The cookies that a browser has in which a customer of the shop has typed in the code that was sent to them.
pub async fn signed_in(shop: &Shop, id: Id<Customer>) -> String {
    let token = shop.owner_token(id).await;
    format!("merak_customer_session={token}; merak_buyer_{}={token}", shop.organization.id)
}

/// The cookies that a browser has after it came along a link into the portal.
pub async fn along_link(shop: &Shop, id: Id<Customer>) -> String {
    let token = shop.buyer_token(id).await;
    let entered = shop.anonymous.get(&format!("{PORTAL}?customer_session_token={token}")).await;
    assert_eq!(entered.status, 303, "{}", entered.text());
    cookies(&entered)
}

/// The cookies that an answer sets, as a browser sends them back.
fn cookies(answer: &Answer) -> String {
    let set = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    set.map(|line| line.split(';').next().unwrap()).collect::<Vec<_>>().join("; ")
}

/// A browser with these cookies.
pub fn browser(shop: &Shop, cookies: &str) -> Client {
    shop.anonymous.with("cookie", cookies)
}

/// Presses a button, as a browser does on our own page.
pub async fn press(client: &Client, path: &str, action: &str, fields: &[(&str, String)]) -> Answer {
    let client = client.with("sec-fetch-site", "same-origin").with("sec-fetch-dest", "document");
    send(&client, path, action, fields).await
}

async fn send(client: &Client, path: &str, action: &str, fields: &[(&str, String)]) -> Answer {
    let mut form = Serializer::new(String::new());
    form.extend_pairs(fields.iter().map(|(name, value)| (*name, value.as_str())));
    form.append_pair("action", action);
    client
        .with("content-type", "application/x-www-form-urlencoded")
        .send_bytes("POST", path, form.finish())
        .await
}

/// Saves a card in the portal. It.
async fn save(shop: &Shop, client: &Client, id: Id<Customer>, number: &str) -> PaymentMethod {
    let fields = [("number", number), ("expiry", "12 / 40"), ("cvc", "123")];
    let fields = fields.map(|(name, value)| (name, value.to_owned()));
    let saved = press(client, &format!("{PORTAL}/cards"), "save", &fields).await;
    if saved.header("location").is_some_and(|path| path.starts_with("/sandbox/")) {
        let bank = saved.header("location").unwrap();
        let answered = send(&shop.anonymous, bank, "", &[("verdict", String::from("approve"))]).await;
        let (_, rest) = answered.header("location").unwrap().split_once("/portal/").unwrap();
        let portal = shop.anonymous.get(&format!("/portal/{rest}")).await;
        client.get(portal.header("location").unwrap()).await;
    }
    cards(shop, id).await.remove(0)
}

pub async fn cards(shop: &Shop, id: Id<Customer>) -> Vec<PaymentMethod> {
    shop.store.read(move |tx| methods::list(tx, id)).await.unwrap()
}

/// A customer with a saved card, and their browser.
async fn known(shop: &Shop) -> (Customer, PaymentMethod, Client) {
    let customer = shop.customer().await;
    let client = browser(shop, &signed_in(shop, customer.id).await);
    let card = save(shop, &client, customer.id, CARD).await;
    (customer, card, client)
}

/// Begins a checkout of a new product.
pub async fn checkout(shop: &Shop, price: Value, more: Value) -> String {
    let plan = shop.plan("Fjord Editor", json!([price])).await;
    let mut body = json!({"product_id": plan["id"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let made = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
    format!("/checkout/{}", made["client_secret"].as_str().unwrap())
}

/// What is sent by somebody who pays with this card and has filled the form in.
fn with(card: &PaymentMethod, total: &str) -> Vec<(&'static str, String)> {
    let mut fields = buyer();
    fields.extend([("saved_card", card.id.to_string()), ("seen_total", total.to_owned())]);
    fields
}

/// The payments that brought money: whose, and how much.
pub async fn charges(shop: &Shop) -> Vec<(Id<Customer>, i64)> {
    const SQL: &str =
        "SELECT customer_id, amount FROM payments WHERE status = 'succeeded' AND kind = 'charge' ORDER BY id";
    shop.write(|tx| Ok(tx.all(SQL, &[])?)).await.unwrap()
}

fn shows_card(page: &Answer) -> bool {
    assert_eq!(page.status, 200, "{}", page.text());
    let text = page.text();
    assert_eq!(text.contains("saved_card"), text.contains("ending in 4242"), "{text}");
    text.contains("saved_card")
}

scenarios! {
    async fn a_known_customer_pays_with_a_saved_card(shop) {
        let (customer, card, client) = known(shop).await;
        let path = checkout(shop, once(1999), json!({})).await;
        let page = client.with("sec-fetch-dest", "document").get(&path).await;
        assert!(shows_card(&page));
        let text = page.text();
        let chosen = format!("value=\"{}\" checked", card.id);
        assert!(text.contains(&chosen) && text.contains("Expires 12/2040") && text.contains("Another card"), "{text}");
        assert!(text.contains(customer.email.as_str()), "{text}");
        assert_eq!(page.header("referrer-policy"), Some("same-origin"), "so that the form says where it comes from");
        assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"));
        let bought = press(&client, &path, "pay", &with(&card, "1999")).await;
        let page = follow(shop, &bought).await.text();
        assert!(page.contains("Thank you") && page.contains(customer.email.as_str()), "{page}");
        assert_eq!((status(shop, &path).await.as_str(), charges(shop).await), ("succeeded", vec![(customer.id, 1999)]));
        assert_eq!(cards(shop, customer.id).await.len(), 1);
    }

    // The form of somebody who is known may be left blank; what it makes is seen before it is charged.
    async fn what_is_left_blank_is_known(shop) {
        let (customer, card, client) = known(shop).await;
        let typed = [("saved_card", card.id.to_string()), ("seen_total", String::from("1999"))];
        let path = checkout(shop, once(1999), json!({})).await;
        let incomplete = press(&client, &path, "pay", &typed).await;
        assert_eq!(incomplete.status, 422);
        assert!(incomplete.text().contains("Please fill this in"), "nothing is known yet: {}", incomplete.text());
        assert!(incomplete.text().contains(&format!("value=\"{}\" checked", card.id)));
        let first = press(&client, &path, "pay", &with(&card, "1999")).await;
        assert_eq!(first.status, 303, "{}", first.text());
        let path = checkout(shop, once(1999), json!({})).await;
        let page = client.get(&path).await.text();
        assert!(!page.contains("Ada") && page.matches(customer.email.as_str()).count() == 1, "a form is sent as it is: {page}");
        let bought = press(&client, &path, "pay", &typed).await;
        assert_eq!(bought.status, 303, "{}", bought.text());
        assert_eq!(charges(shop).await, [(customer.id, 1999); 2]);
    }

    // Links are passed on, and addresses are guessed: only a session shows who somebody is.
    async fn the_cards_are_seen_and_charged_by_their_owner_alone(shop) {
        let (customer, card, owner) = known(shop).await;
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").await;
        let eve = browser(shop, &signed_in(shop, eve.id).await);
        let other = shop.tenant().await;
        let stranger = shop.customer_of(other.organization.id, customer.email.as_str()).await;
        let token = shop.owner_token(stranger.id).await;
        // Under the name of this shop, too.
        let stranger = browser(shop, &format!("merak_buyer_{}={token}", shop.organization.id));
        let worker = shop.browser(shop.member.id).await;
        for more in [json!({}), json!({"customer_id": customer.id}), json!({"customer_email": customer.email})] {
            let path = checkout(shop, once(1999), more.clone()).await;
            for client in [&shop.anonymous, &eve, &stranger, &worker] {
                assert!(!shows_card(&client.get(&path).await), "{more}");
                let tried = press(client, &path, "pay", &with(&card, "1999")).await;
                assert_eq!(tried.status, 422, "{}", tried.text());
                let text = tried.text();
                assert!(text.contains("not signed in any more") || text.contains("not saved any more"), "{text}");
                assert!(!text.contains("ending in"), "{text}");
            }
            assert!(shows_card(&owner.get(&path).await), "{more}");
        }
        assert_eq!(charges(shop).await, []);
        // Those of a customer cannot pay what the seller made for another one.
        let path = checkout(shop, once(1999), json!({"customer_id": shop.customer().await.id})).await;
        assert!(!shows_card(&owner.get(&path).await));
        assert_eq!(press(&owner, &path, "pay", &with(&card, "1999")).await.status, 422);
        assert_eq!(charges(shop).await, []);
    }

    // The seller has named the customer, and the customer has passed the link on.
    async fn who_was_given_a_link_does_not_pay_with_the_cards_of_its_owner(shop) {
        let (customer, card, _) = known(shop).await;
        let link = checkout(shop, once(500), json!({"customer_id": customer.id})).await;
        let mut typed = filled(CARD);
        typed.push(("seen_total", String::from("500")));
        let bought = press(&shop.anonymous, &link, "pay", &typed).await;
        let token = bought.header("location").unwrap().split_once("customer_session_token=").unwrap().1.to_owned();
        let entered = shop.anonymous.get(&format!("{PORTAL}?customer_session_token={token}")).await;
        let friend = browser(shop, &cookies(&entered));
        assert_eq!(friend.get(PORTAL).await.status, 200, "the portal is open to who buys for a customer");
        let path = checkout(shop, once(1999), json!({})).await;
        assert!(!shows_card(&friend.get(&path).await));
        assert_eq!(press(&friend, &path, "pay", &with(&card, "1999")).await.status, 422);
        assert_eq!(charges(shop).await, [(customer.id, 500)]);
    }

    async fn only_our_own_page_pays(shop) {
        let (customer, card, client) = known(shop).await;
        let path = checkout(shop, once(1999), json!({})).await;
        for (site, origin) in [("cross-site", "https://evil.example"), ("same-site", "https://evil.fjordsoft.example"), ("cross-site", "null")] {
            let foreign = client.with("sec-fetch-site", site).with("origin", origin);
            let refused = send(&foreign, &path, "pay", &with(&card, "1999")).await;
            assert_eq!(refused.status, 422);
            assert!(refused.text().contains("Another website sent this form"), "{}", refused.text());
        }
        assert_eq!((charges(shop).await, status(shop, &path).await.as_str()), (vec![], "open"));
        assert_eq!(press(&client, &path, "pay", &with(&card, "1999")).await.status, 303);
        assert_eq!(charges(shop).await, [(customer.id, 1999)]);
    }

    // In a frame a button could be pressed by mistake.
    async fn a_frame_is_told_nothing(shop) {
        let (_, card, client) = known(shop).await;
        let path = checkout(shop, once(1999), json!({"embed_origin": "https://seller.example"})).await;
        let embedded = format!("{path}?embed=true");
        for (client, path) in [(client.with("sec-fetch-dest", "iframe"), &path), (client.clone(), &embedded)] {
            let page = client.get(path).await;
            assert!(!shows_card(&page));
            assert!(page.header("content-security-policy").unwrap().contains("https://seller.example"));
            assert_eq!(send(&client, path, "pay", &with(&card, "1999")).await.status, 422);
        }
        assert_eq!(charges(shop).await, []);
    }

    async fn who_has_left_pays_with_another_card(shop) {
        let (_, card, client) = known(shop).await;
        let path = checkout(shop, once(1999), json!({})).await;
        assert!(shows_card(&client.get(&path).await));
        let left = press(&client, &format!("{PORTAL}/sign-out"), "", &[]).await;
        let forgotten: Vec<&str> = left.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
        assert!(forgotten.len() == 2 && forgotten.iter().all(|line| line.contains("Max-Age=0")), "{forgotten:?}");
        assert!(forgotten[1].starts_with(&format!("merak_buyer_{}=; Path=/checkout/;", shop.organization.id)), "{forgotten:?}");
        let refused = press(&client, &path, "pay", &with(&card, "1999")).await;
        assert!(refused.text().contains("not signed in any more") && !refused.text().contains("ending in"), "{}", refused.text());
        let mut typed = filled(CARD);
        typed.push(("seen_total", String::from("1999")));
        assert_eq!(press(&client, &path, "pay", &typed).await.status, 303);
        assert_eq!(charges(shop).await.len(), 1);
        // A session that has run out is one that has ended.
        let (_, card, client) = known(shop).await;
        shop.advance(3600);
        let path = checkout(shop, once(1999), json!({})).await;
        assert!(!shows_card(&client.get(&path).await));
        assert_eq!(press(&client, &path, "pay", &with(&card, "1999")).await.status, 422);
    }

    async fn another_card_is_typed_in_beside_them(shop) {
        let (customer, _, client) = known(shop).await;
        let path = checkout(shop, once(1999), json!({})).await;
        let mut typed = filled("5555 5555 5555 4444");
        typed.extend([("saved_card", String::from("another")), ("seen_total", String::from("1")), ]);
        let asked = press(&client, &path, "pay", &typed).await;
        let page = asked.text();
        assert!(page.contains("The total is now") && page.contains("value=\"another\" checked"), "{page}");
        typed.retain(|(name, _)| *name != "seen_total");
        typed.push(("seen_total", String::from("1999")));
        assert_eq!(press(&client, &path, "pay", &typed).await.status, 303);
        let (payer, _) = charges(shop).await[0];
        assert_ne!(payer, customer.id, "who types another address buys with it");
    }

    async fn a_saved_card_pays_for_a_plan(shop) {
        let (customer, card, client) = known(shop).await;
        let body = json!({"type": "percentage", "duration": "once", "basis_points": 10000, "name": "First month", "organization_id": shop.organization.id});
        let discount = shop.merchant.post("/v1/discounts/", body).await.expect(201);
        for (more, total) in [(json!({}), "900"), (json!({"discount_id": discount["id"]}), "0")] {
            let path = checkout(shop, recurring("month", 900), more).await;
            assert!(shows_card(&client.get(&path).await));
            let bought = press(&client, &path, "pay", &with(&card, total)).await;
            assert_eq!(bought.status, 303, "{}", bought.text());
            assert_eq!(status(shop, &path).await, "succeeded");
        }
        let paid: Vec<(Id<Customer>, Option<Id<PaymentMethod>>)> = shop
            .write(|tx| Ok(tx.all("SELECT customer_id, payment_method_id FROM subscriptions", &[])?)).await.unwrap();
        assert_eq!(paid, [(customer.id, Some(card.id)); 2]);
    }

    async fn the_bank_of_a_saved_card_asks_its_owner(shop) {
        let customer = shop.customer().await;
        let client = browser(shop, &signed_in(shop, customer.id).await);
        let card = save(shop, &client, customer.id, ASKS_ALWAYS).await;
        let path = checkout(shop, once(1999), json!({})).await;
        let held = press(&client, &path, "pay", &with(&card, "1999")).await;
        let token = held.header("location").unwrap().to_owned();
        let page = shop.anonymous.get(&token).await.text();
        let bank = page.split("href=\"").find_map(|rest| rest.split('"').next().filter(|url| url.starts_with("/sandbox/")));
        // Who only knows the link is not shown the bank, nor anything to find the card by.
        let other = shop.anonymous.get(&format!("{path}/confirmation")).await.text();
        assert!(other.contains("Processing your payment") && !other.contains("/sandbox/"), "{other}");
        let seen = shop.anonymous.get(&path.replace("/checkout/", CLIENT)).await.expect(200);
        let metadata = &seen["payment_processor_metadata"];
        assert_eq!((&metadata["intent_client_secret"], &metadata["customer_id"]), (&Value::Null, &Value::Null));
        for name in ["customer_id", "customer_email", "customer_name", "customer_billing_address", "tax_amount"] {
            assert_eq!(seen[name], Value::Null, "{name}");
        }
        assert_eq!((&seen["status"], &seen["total_amount"]), (&json!("confirmed"), &json!(1999)));
        let again = press(&client, &path, "pay", &with(&card, "1999")).await;
        assert_eq!(again.header("location"), Some(format!("{path}/confirmation").as_str()), "it is under way");
        // The answer was lost, or the hour is over: who has signed in is asked all the same.
        let buyer = format!("merak_buyer_{}={}", shop.organization.id, shop.owner_token(customer.id).await);
        let page = browser(shop, &buyer).get(&format!("{path}/confirmation")).await.text();
        assert!(page.contains(bank.unwrap()), "{page}");
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").await;
        let buyer = format!("merak_buyer_{}={}", shop.organization.id, shop.owner_token(eve.id).await);
        assert!(!browser(shop, &buyer).get(&format!("{path}/confirmation")).await.text().contains("/sandbox/"));
        send(&shop.anonymous, bank.unwrap(), "", &[("verdict", String::from("approve"))]).await;
        // The sandbox tells by itself what the bank has said.
        until(shop, &format!("{path}/confirmation"), "Thank you").await;
        assert_eq!(charges(shop).await, [(customer.id, 1999)]);
        assert_eq!(status(shop, &path).await, "succeeded");
    }

    // spec 30 §1.4: whoever knows the link to an open checkout reads what stands in it.
    async fn a_declined_card_leaves_everything_open(shop) {
        let (customer, card, client) = known(shop).await;
        let path = checkout(shop, once(1999), json!({})).await;
        assert_eq!(press(&client, &path, "pay", &with(&card, "1999")).await.status, 303, "name and address are known now");
        shop.sql("UPDATE payment_methods SET processor_method_id = 'pm_sandbox_gone'", Vec::new()).await;
        let blank = |total: &str| [("saved_card", card.id.to_string()), ("seen_total", total.to_owned())];
        let path = checkout(shop, once(1999), json!({})).await;
        let bare = async || {
            let seen = shop.anonymous.get(&path.replace("/checkout/", CLIENT)).await.expect(200);
            for name in ["customer_id", "customer_email", "customer_name", "customer_billing_address", "customer_tax_id", "tax_amount"] {
                assert_eq!(seen[name], Value::Null, "{name}");
            }
            assert_eq!(seen["status"], "open");
        };
        let page = press(&client, &path, "pay", &blank("1")).await;
        assert!(page.text().contains("The total is now"), "{}", page.text());
        bare().await;
        let declined = press(&client, &path, "pay", &blank("1999")).await;
        assert_eq!(declined.status, 400, "{}", declined.text());
        assert!(declined.text().contains("The payment was declined"), "{}", declined.text());
        bare().await;
        // Somebody else who knows the link buys it as somebody else, and is given nothing of the first one's.
        let body = json!({"customer_email": customer.email, "customer_name": "Eve", "customer_billing_address": {"country": "FR"}, "confirmation_token_id": "ctoken_sandbox_success"});
        let confirmed = shop.anonymous.post(&format!("{}/confirm", path.replace("/checkout/", CLIENT)), body).await;
        let token = confirmed.expect(200)["customer_session_token"].as_str().unwrap().to_owned();
        let entered = shop.anonymous.get(&format!("{PORTAL}?customer_session_token={token}")).await;
        assert_eq!((entered.status, entered.header("set-cookie")), (403, None), "{}", entered.text());
    }

    // Bob is asked by Eve to pay what is hers. She can't buy anything else with his card.
    async fn the_card_of_who_pays_for_somebody_else_is_not_offered_to_them(shop) {
        let eve = shop.customer_of(shop.organization.id, "eve@example.com").await;
        for more in [json!({"customer_id": eve.id}), json!({"customer_email": "eve@example.com"})] {
            let path = checkout(shop, recurring("month", 500), more).await;
            let mut typed = filled(CARD);
            typed.retain(|(name, _)| *name != "customer_email");
            typed.extend([("customer_email", String::from("eve@example.com")), ("seen_total", String::from("500"))]);
            assert_eq!(press(&shop.anonymous, &path, "pay", &typed).await.status, 303);
        }
        let all = cards(shop, eve.id).await;
        assert_eq!(all.len(), 2, "they go on paying the plans");
        let client = browser(shop, &signed_in(shop, eve.id).await);
        let user = shop.user("eve@example.com").await;
        shop.link(eve.id, user.id).await;
        shop.sql("UPDATE users SET email_verified = TRUE", Vec::new()).await;
        let path = checkout(shop, once(5000), json!({})).await;
        for client in [client, shop.browser(user.id).await] {
            assert!(!shows_card(&client.get(&path).await));
            let tried = press(&client, &path, "pay", &with(&all[0], "5000")).await;
            assert!(tried.text().contains("not saved any more"), "{}", tried.text());
        }
        assert_eq!(charges(shop).await, [(eve.id, 500); 2]);
    }

    // What is typed in by who has signed in is theirs; by who came along a link it may be anybody's.
    async fn a_card_is_offered_if_it_was_typed_in_by_its_owner(shop) {
        let customer = shop.customer().await;
        let path = checkout(shop, once(1999), json!({})).await;
        let linked = browser(shop, &along_link(shop, customer.id).await);
        save(shop, &linked, customer.id, CARD).await;
        let owner = browser(shop, &signed_in(shop, customer.id).await);
        for client in [&linked, &owner] {
            assert!(!shows_card(&client.get(&path).await));
        }
        let plan = checkout(shop, recurring("month", 900), json!({"customer_id": customer.id})).await;
        let mut typed = filled(CARD);
        typed.push(("seen_total", String::from("900")));
        let foreign = owner.with("sec-fetch-site", "cross-site");
        assert_eq!(send(&foreign, &plan, "pay", &typed).await.status, 303, "whoever has the link pays");
        assert!(!shows_card(&owner.get(&path).await), "but another website shows nothing of who sits there");
        let plan = checkout(shop, recurring("month", 900), json!({"customer_id": customer.id})).await;
        assert_eq!(press(&owner, &plan, "pay", &typed).await.status, 303);
        assert!(shows_card(&owner.get(&path).await));
        assert!(!shows_card(&linked.get(&path).await));
        assert_eq!(cards(shop, customer.id).await.iter().filter(|card| card.is_offered).count(), 1);
    }

    // An address that was nobody's was typed in by Eve, and is the one of somebody who comes by its receipt.
    async fn a_newcomer_charges_no_card_that_the_owner_saves_later(shop) {
        let path = checkout(shop, recurring("month", 500), json!({})).await;
        let mut typed = filled(CARD);
        typed.push(("seen_total", String::from("500")));
        let bought = press(&shop.anonymous, &path, "pay", &typed).await;
        let token = bought.header("location").unwrap().split_once("customer_session_token=").unwrap().1.to_owned();
        let entered = shop.anonymous.get(&format!("{PORTAL}?customer_session_token={token}")).await;
        let eve = browser(shop, &cookies(&entered));
        assert_eq!(eve.get(PORTAL).await.status, 200, "nothing else is known of this customer");
        let (id, _) = charges(shop).await[0];
        let victim = browser(shop, &along_link(shop, id).await);
        let card = save(shop, &victim, id, CARD).await;
        assert_eq!(eve.get(PORTAL).await.status, 403);
        let path = checkout(shop, once(5000), json!({})).await;
        assert!(!shows_card(&eve.get(&path).await));
        assert_eq!(press(&eve, &path, "pay", &with(&card, "5000")).await.status, 422);
        assert_eq!(charges(shop).await.len(), 1);
    }

    // Nobody is led into the session of somebody else, to leave a card there.
    async fn an_owners_session_is_no_link_and_outlives_one(shop) {
        let (customer, _, owner) = known(shop).await;
        let token = shop.owner_token(customer.id).await;
        let led = shop.anonymous.get(&format!("{PORTAL}?customer_session_token={token}")).await;
        assert_eq!((led.header("location"), led.header("set-cookie")), (Some(&*format!("{PORTAL}/request")), None));
        // The way from a purchase into the portal takes nothing from who has signed in.
        let token = shop.buyer_token(customer.id).await;
        let back = owner.get(&format!("{PORTAL}?customer_session_token={token}")).await;
        assert_eq!((back.header("location"), back.header("set-cookie")), (Some(PORTAL), None));
        let path = checkout(shop, once(1999), json!({})).await;
        assert!(shows_card(&owner.get(&path).await));
        // That of another customer takes both.
        let token = shop.buyer_token(shop.customer().await.id).await;
        let other = owner.get(&format!("{PORTAL}?customer_session_token={token}")).await;
        let set: Vec<&str> = other.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap()).collect();
        assert!(set[0].starts_with(&format!("merak_customer_session={token};")) && set[1].contains("=; Path=/checkout/; Max-Age=0"), "{set:?}");
    }

    // Whoever knows the link changes the price while the form is filled in.
    async fn another_price_than_was_seen_is_not_charged(shop) {
        let (_, card, client) = known(shop).await;
        let plan = shop.plan("Fjord Editor", json!([recurring("month", 900), recurring("year", 900)])).await;
        let made = shop.merchant.post("/v1/checkouts/custom/", json!({"product_id": plan["id"]})).await.expect(201);
        let path = format!("/checkout/{}", made["client_secret"].as_str().unwrap());
        let page = client.get(&path).await.text();
        let seen = page.split_once("name=\"seen_price\" value=\"").unwrap().1.split_once('"').unwrap().0.to_owned();
        assert_eq!(made["product_price_id"], json!(seen));
        let prices = plan["prices"].as_array().unwrap();
        let other = prices.iter().find(|price| price["id"] != json!(seen)).unwrap();
        let api = shop.anonymous.patch(&path.replace("/checkout/", CLIENT), json!({"product_price_id": other["id"]})).await;
        api.expect(200);
        let mut fields = with(&card, "900");
        fields.push(("seen_price", seen));
        let asked = press(&client, &path, "pay", &fields).await;
        assert!(asked.status == 200 && asked.text().contains("Please check it"), "{}", asked.text());
        assert_eq!(charges(shop).await, []);
        fields.pop();
        fields.push(("seen_price", other["id"].as_str().unwrap().to_owned()));
        // Nor with another discount, which may end sooner than the one that was seen.
        fields.push(("seen_discount", String::from("another")));
        let asked = press(&client, &path, "pay", &fields).await;
        assert!(asked.status == 200 && asked.text().contains("Please check it"), "{}", asked.text());
        assert_eq!(charges(shop).await, []);
        fields.pop();
        fields.push(("seen_discount", String::new()));
        assert_eq!(press(&client, &path, "pay", &fields).await.status, 303);
    }

    // spec 30 §7.3.21
    async fn a_person_who_is_signed_in_sees_the_cards_of_their_customer(shop) {
        let (customer, card, _) = known(shop).await;
        let ada = shop.user("ada@example.com").await;
        let client = shop.browser(ada.id).await;
        let path = checkout(shop, once(1999), json!({})).await;
        assert!(!shows_card(&client.get(&path).await));
        shop.link(customer.id, ada.id).await;
        assert!(!shows_card(&client.get(&path).await), "the account has shown another address than the customer's");
        shop.sql("UPDATE users SET email = $1, email_verified = FALSE WHERE id = $2", vec![Box::new(customer.email.to_string()), Box::new(ada.id)]).await;
        assert!(!shows_card(&client.get(&path).await), "the account has not shown its address");
        shop.sql("UPDATE users SET email_verified = TRUE", Vec::new()).await;
        assert!(shows_card(&client.get(&path).await));
        let foreign = client.with("sec-fetch-site", "cross-site");
        assert!(send(&foreign, &path, "pay", &with(&card, "1999")).await.text().contains("Another website"));
        assert_eq!(press(&client, &path, "pay", &with(&card, "1999")).await.status, 303);
        assert_eq!(charges(shop).await, [(customer.id, 1999)]);
        shop.sql("UPDATE users SET blocked_at = created_at WHERE id = $1", vec![Box::new(ada.id)]).await;
        let path = checkout(shop, once(1999), json!({})).await;
        assert!(!shows_card(&client.get(&path).await), "whoever is blocked is nobody");
    }
}

/// A person with a customer in this shop, whom the processor knows if they have bought before, and their browser.
async fn person(shop: &Shop, has_bought: bool) -> (User, Customer, Client) {
    let customer = shop.customer().await;
    if has_bought {
        let plan = shop.plan("Pro plan", json!([recurring("month", 900)])).await;
        let body = json!({"product_id": plan["id"], "customer_id": customer.id});
        let made = shop.merchant.post("/v1/checkouts/custom/", body).await.expect(201);
        let path = format!("{CLIENT}{}/confirm", made["client_secret"].as_str().unwrap());
        let body = json!({"customer_name": "Ada", "customer_billing_address": {"country": "FR"}, "confirmation_token_id": "ctoken_good"});
        shop.anonymous.post(&path, body).await.expect(200);
    }
    let user = shop.user(customer.email.as_str()).await;
    shop.link(customer.id, user.id).await;
    shop.sql("UPDATE users SET email_verified = TRUE", Vec::new()).await;
    let client = shop.browser(user.id).await;
    (user, customer, client)
}

merak_testkit::both_engines! {
    setup = migrated;

    // spec 30 §1.4, §7.3.21
    async fn a_browser_that_is_signed_in_is_told_how_to_show_saved_cards(database: TestDatabase) {
        let stripe = Stripe::start().await;
        let shop = Shop::open_with(database, stripe.config()).await;
        let (user, customer, client) = person(&shop, true).await;
        let plan = shop.plan("Fjord Editor", json!([once(1999)])).await;
        let body = json!({"product_price_id": plan["prices"][0]["id"]});
        // A card that whoever has the link to a checkout has typed in may be anybody's.
        let made = client.post(CLIENT, body.clone()).await.expect(201);
        assert_eq!((&made["customer_id"], &made["payment_processor_metadata"]), (&json!(customer.id), &json!({})));
        let others = cards(&shop, customer.id).await.remove(0).id;
        shop.write(move |tx| methods::detach(tx, others)).await.unwrap();
        let owner = browser(&shop, &signed_in(&shop, customer.id).await);
        assert!(owner.get(PORTAL).await.text().contains("data-offered"));
        assert!(!browser(&shop, &along_link(&shop, customer.id).await).get(PORTAL).await.text().contains("data-offered"));
        let token = [("confirmation_token_id", String::from("ctoken_good"))];
        assert_eq!(press(&owner, &format!("{PORTAL}/cards"), "", &token).await.status, 303);
        let made = client.post(CLIENT, body.clone()).await.expect(201);
        assert_eq!((&made["customer_id"], &made["customer_email"]), (&json!(customer.id), &json!(customer.email)));
        let told = json!({"customer_session_client_secret": "cuss_1_secret"});
        assert_eq!(made["payment_processor_metadata"], told);
        let asked = stripe.seen("/v1/customer_sessions");
        assert_eq!(asked["customer"], "cus_1");
        assert_eq!(asked["components[payment_element][features][payment_method_redisplay]"], "enabled");
        // The checkout's secret is in links that are passed on, so whoever has it alone is not told.
        let path = format!("{CLIENT}{}", made["client_secret"].as_str().unwrap());
        assert_eq!(shop.anonymous.get(&path).await.expect(200)["payment_processor_metadata"], json!({}));
        // A token of the same person is a program's, which may act for others.
        let program = shop.user_client(user.id, crate::support::shop::scopes("web_default")).await;
        let made = program.post(CLIENT, body).await.expect(201);
        assert_eq!((&made["customer_id"], &made["customer_email"]), (&Value::Null, &Value::Null));
        assert_eq!(made["payment_processor_metadata"], json!({}));
    }

    // spec 30 §7.3.21
    async fn who_has_saved_nothing_is_known_all_the_same(database: TestDatabase) {
        let stripe = Stripe::start().await;
        let shop = Shop::open_with(database, stripe.config()).await;
        let plan = shop.plan("Fjord Editor", json!([once(1999)])).await;
        let body = json!({"product_price_id": plan["prices"][0]["id"]});
        let (_, customer, client) = person(&shop, false).await;
        let made = client.post(CLIENT, body.clone()).await.expect(201);
        assert_eq!((&made["customer_id"], &made["payment_processor_metadata"]), (&json!(customer.id), &json!({})));
        let unknown = shop.user("grace@example.com").await;
        let made = shop.browser(unknown.id).await.post(CLIENT, body).await.expect(201);
        assert_eq!((&made["customer_id"], &made["customer_email"]), (&Value::Null, &json!("grace@example.com")));
        assert_eq!(made["payment_processor_metadata"], json!({}));
    }

    async fn a_saved_card_pays_through_stripe_and_its_bank_is_asked(database: TestDatabase) {
        let stripe = Stripe::start().await;
        let shop = Shop::open_with(database, stripe.config()).await;
        let customer = shop.customer().await;
        let client = browser(&shop, &signed_in(&shop, customer.id).await);
        let token = [("confirmation_token_id", String::from("ctoken_good"))];
        assert_eq!(press(&client, &format!("{PORTAL}/cards"), "", &token).await.status, 303);
        let card = cards(&shop, customer.id).await.remove(0);
        let path = checkout(&shop, once(1999), json!({})).await;
        let page = client.get(&path).await;
        assert!(shows_card(&page) && page.text().contains("id=\"stripe\""), "{}", page.text());
        let bought = press(&client, &path, "pay", &with(&card, "1999")).await;
        assert!(follow(&shop, &bought).await.text().contains("Thank you"));
        let asked = stripe.seen("/v1/payment_intents");
        assert_eq!((&asked["payment_method"], &asked["customer"]), (&card.processor_method_id, &String::from("cus_1")));
        assert!(!asked.contains_key("off_session") && !asked.contains_key("setup_future_usage"), "{asked:?}");
        assert!(asked["return_url"].ends_with(&format!("{path}/confirmation")), "{asked:?}");
        assert_eq!(stripe.charged(), [1999]);
        // The bank of another one asks.
        let token = [("confirmation_token_id", String::from("ctoken_asks_by_script"))];
        let asked = press(&client, &format!("{PORTAL}/cards"), "", &token).await;
        let page = client.get(asked.header("location").unwrap()).await.text();
        let secret = page.split_once("data-secret=\"").unwrap().1.split_once('"').unwrap().0;
        stripe.prove(secret, true);
        client.get(&format!("{}?asked=true", asked.header("location").unwrap())).await;
        let card = cards(&shop, customer.id).await.remove(0);
        let path = checkout(&shop, once(2500), json!({})).await;
        let held = press(&client, &path, "pay", &with(&card, "2500")).await;
        let cookie = cookies(&held);
        let other = shop.anonymous.get(&format!("{path}/confirmation")).await.text();
        assert!(other.contains("data-outcome=\"waiting\"") && !other.contains("data-secret"), "{other}");
        let page = browser(&shop, &cookie).get(&format!("{path}/confirmation")).await.text();
        let secret = page.split_once("data-secret=\"").unwrap().1.split_once('"').unwrap().0;
        stripe.prove(secret, true);
        assert_eq!(stripe.charged(), [1999, 2500]);
    }
}
