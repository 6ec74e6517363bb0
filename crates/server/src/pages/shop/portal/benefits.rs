//! What came with what was bought, as cards: keys, files, notes, advertisements, and accounts elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use askama::Template;
use axum::extract::{Path, State};
use bytes::Bytes;
use http::{HeaderMap, Method};
use merak_core::benefits::grants::{self, BenefitGrant, GrantOfBuyer, GrantSort, ListGrantsOfBuyer};
use merak_core::benefits::kinds::license_keys::key_of;
use merak_core::benefits::{Benefit, BenefitType};
use merak_core::connections::{self, CustomerAccount, Platform};
use merak_core::downloadables::{self, ListDownloadablesOfBuyer, token};
use merak_core::files::rules::size_readable;
use merak_core::kit::{Id, Page, Refusal, Result, Sort};
use merak_core::license_keys::{self, Activation, Deactivate, HeldKey, LicenseKey, Properties, Seat, Status};
use merak_store::{ReadTx, Timestamp};
use serde_json::Value;
use uuid::Uuid;

use super::desk::{Caller, Desk, Rooms, field, see_other};
use super::money::Badge;
use crate::api::customer_portal::authorization_url;
use crate::emails::words::day;
use crate::state::House;

/// How many things a page shows at most.
pub const MOST: u32 = 100;

/// One thing that a customer has or waits for.
#[derive(Template)]
#[template(path = "shop/portal/benefit.html")]
pub struct Card {
    base: String,
    grant_id: Id<BenefitGrant>,
    title: String,
    kind: &'static str,
    badge: Option<Badge>,
    content: Content,
}

/// What there is to it.
enum Content {
    Nothing,
    Note(String),
    Room(String),
    Files(Vec<Download>),
    Account(Account),
    Key(Box<Key>),
}

/// A file to download.
struct Download {
    name: String,
    size: String,
    url: String,
}

/// Access that another service gives, to an account there.
struct Account {
    service: &'static str,
    platform: &'static str,
    place: Option<String>,
    /// The accounts to choose from: id, name, and whether it is chosen.
    accounts: Vec<(String, String, bool)>,
    /// Whether this installation is connected to the service.
    is_connected: bool,
}

/// A license key.
struct Key {
    id: Id<LicenseKey>,
    text: String,
    facts: Vec<(&'static str, String)>,
    /// Id, label, day.
    activations: Vec<(Id<Activation>, String, String)>,
    /// What is said of the activations; none if customers do not look after them.
    seats: Option<String>,
}

/// Of what to show the cards.
#[derive(Clone, Copy)]
pub enum Of {
    Everything,
    Order(Uuid),
    Subscription(Uuid),
}

/// The cards, and a text that changes with them.
pub fn cards(tx: &mut ReadTx<'_>, house: &House, desk: &Desk, of: Of) -> Result<Vec<Card>> {
    let found = list(tx, desk, of)?;
    let keys = keys_of(tx, &found)?;
    let mut files = files_of(tx, house, desk, &found)?;
    let accounts = connections::list_of_customers(tx, &[desk.customer.id])?;
    let card = |(grant, _, benefit, _): GrantOfBuyer| {
        let content = match benefit.r#type {
            BenefitType::Custom => note(&benefit)?,
            BenefitType::Ads => room(&benefit)?,
            BenefitType::Downloadables => files.remove(&benefit.id).map_or(Content::Nothing, Content::Files),
            BenefitType::LicenseKeys => key(&keys, &grant, &benefit, desk.now)?,
            BenefitType::Discord | BenefitType::GithubRepository => {
                account(&benefit, &grant, &accounts, house)?
            }
        };
        Ok(Card {
            base: desk.base.clone(),
            grant_id: grant.id,
            badge: if grant.is_granted() {
                badge(&grant, &keys, &benefit, desk.now)?
            } else {
                Some(("warm", waits_for(&content)))
            },
            kind: kind(benefit.r#type),
            title: benefit.description,
            content,
        })
    };
    found.into_iter().map(card).collect()
}

/// A text that is another one as soon as the customer has something else.
pub fn state(tx: &mut ReadTx<'_>, desk: &Desk) -> Result<String> {
    let mut text = String::new();
    for (grant, ..) in list(tx, desk, Of::Everything)? {
        let changed = grant.modified_at.unwrap_or(grant.created_at).as_micros();
        let _ = writeln!(text, "{} {} {changed}", grant.id, grant.is_granted());
    }
    Ok(super::super::super::assets::fingerprint(text.as_bytes()))
}

fn list(tx: &mut ReadTx<'_>, desk: &Desk, of: Of) -> Result<Vec<GrantOfBuyer>> {
    let (order_ids, subscription_ids) = match of {
        Of::Everything => (Vec::new(), Vec::new()),
        Of::Order(id) => (vec![id], Vec::new()),
        Of::Subscription(id) => (Vec::new(), vec![id]),
    };
    let wanted = ListGrantsOfBuyer {
        types: Vec::new(),
        benefit_ids: Vec::new(),
        organization_ids: vec![desk.organization.id],
        checkout_ids: Vec::new(),
        order_ids,
        subscription_ids,
        sorting: vec![Sort { by: GrantSort::GrantedAt, descending: true }],
        page: Page::new(1, MOST),
    };
    Ok(grants::list_of_buyer(tx, &desk.actor(), &wanted)?.items)
}

fn kind(r#type: BenefitType) -> &'static str {
    match r#type {
        BenefitType::Custom => "Note",
        BenefitType::Ads => "Advertisement",
        BenefitType::Discord => "Discord",
        BenefitType::GithubRepository => "GitHub",
        BenefitType::Downloadables => "Files",
        BenefitType::LicenseKeys => "License key",
    }
}

/// What is said of something that was not granted yet.
fn waits_for(content: &Content) -> &'static str {
    match content {
        Content::Account(Account { accounts, .. }) if accounts.is_empty() => "Connect an account",
        Content::Account(Account { accounts, .. })
            if !accounts.iter().any(|(_, _, is_chosen)| *is_chosen) =>
        {
            "Choose an account"
        }
        _ => "On its way",
    }
}

fn badge(grant: &BenefitGrant, keys: &Keys, benefit: &Benefit, now: Timestamp) -> Result<Option<Badge>> {
    if benefit.r#type != BenefitType::LicenseKeys {
        return Ok(benefit.r#type.is_outside().then_some(("good", "Connected")));
    }
    Ok(keys.of(grant)?.map(|(held, _)| match held.key.status {
        Status::Granted if held.key.expires_at.is_some_and(|end| end <= now) => ("warm", "Expired"),
        Status::Granted => ("good", "Valid"),
        Status::Revoked => ("bad", "Revoked"),
        Status::Disabled => ("bad", "Disabled"),
    }))
}

fn note(benefit: &Benefit) -> Result<Content> {
    let properties: Value = benefit.properties.parse()?;
    let note = properties["note"].as_str().filter(|note| !note.trim().is_empty());
    Ok(note.map_or(Content::Nothing, |note| Content::Note(note.to_owned())))
}

fn room(benefit: &Benefit) -> Result<Content> {
    let properties: Value = benefit.properties.parse()?;
    let (width, height) = (properties["image_width"].as_i64(), properties["image_height"].as_i64());
    Ok(match (width, height) {
        (Some(width), Some(height)) => {
            Content::Room(format!("A picture of {width} × {height} pixels is shown for you."))
        }
        _ => Content::Nothing,
    })
}

fn account(
    benefit: &Benefit,
    grant: &BenefitGrant,
    accounts: &[CustomerAccount],
    house: &House,
) -> Result<Content> {
    let Some(platform) = benefit.r#type.platform() else { return Ok(Content::Nothing) };
    let (properties, chosen): (Value, Value) = (benefit.properties.parse()?, grant.properties.parse()?);
    let chosen = chosen["account_id"].as_str().unwrap_or_default().to_owned();
    let (service, is_connected) = match platform {
        Platform::Discord => ("Discord", house.adapters.discord.is_some()),
        Platform::Github => ("GitHub", house.adapters.github.is_some()),
    };
    let place = match (properties["repository_owner"].as_str(), properties["repository_name"].as_str()) {
        (Some(owner), Some(name)) => Some(format!("{owner}/{name}")),
        _ => None,
    };
    let own = accounts.iter().filter(|account| account.platform == platform);
    let accounts = own
        .map(|account| {
            let name = account.account_username.clone();
            (account.account_id.clone(), name, account.account_id == chosen)
        })
        .collect();
    Ok(Content::Account(Account { service, platform: platform.as_str(), place, accounts, is_connected }))
}

/// The keys of a page, with their activations.
struct Keys(BTreeMap<Id<LicenseKey>, (HeldKey, Vec<Seat>)>);

impl Keys {
    fn of(&self, grant: &BenefitGrant) -> Result<Option<&(HeldKey, Vec<Seat>)>> {
        Ok(key_of(grant)?.and_then(|id| self.0.get(&id)))
    }
}

/// The keys that these grants gave.
pub fn key_ids(found: &[GrantOfBuyer]) -> Result<Vec<Id<LicenseKey>>> {
    let with_keys = found.iter().filter(|(_, _, benefit, _)| benefit.r#type == BenefitType::LicenseKeys);
    with_keys.filter_map(|(grant, ..)| key_of(grant).transpose()).collect()
}

fn keys_of(tx: &mut ReadTx<'_>, found: &[GrantOfBuyer]) -> Result<Keys> {
    let held = license_keys::find_held_many(tx, &key_ids(found)?)?;
    let ids: Vec<Id<LicenseKey>> = held.iter().map(|held| held.key.id).collect();
    let mut activations: BTreeMap<Id<LicenseKey>, Vec<Seat>> = BTreeMap::new();
    for activation in license_keys::seats_of_many(tx, &ids)? {
        activations.entry(activation.license_key_id).or_default().push(activation);
    }
    let with_activations = |held: HeldKey| {
        let id = held.key.id;
        (id, (held, activations.remove(&id).unwrap_or_default()))
    };
    Ok(Keys(held.into_iter().map(with_activations).collect()))
}

fn key(keys: &Keys, grant: &BenefitGrant, benefit: &Benefit, now: Timestamp) -> Result<Content> {
    let Some((held, activations)) = keys.of(grant)? else { return Ok(Content::Nothing) };
    let (key, usage) = (&held.key, &held.usage);
    let mut facts = Vec::new();
    if usage.usage > 0 || key.limit_usage.is_some() {
        let of = key.limit_usage.map(|limit| format!(" / {limit}")).unwrap_or_default();
        facts.push(("Usage", format!("{}{of}", usage.usage)));
    }
    facts.push(("Validations", usage.validations.to_string()));
    if let Some(last) = usage.last_validated_at {
        facts.push(("Last validated", day(last)));
    }
    if let Some(end) = key.expires_at {
        facts.push((if end <= now { "Expired" } else { "Expires" }, day(end)));
    }
    let settings = Properties::of(&benefit.properties)?;
    let is_shown = settings.activations.is_some_and(|activations| activations.enable_customer_admin);
    let seats = is_shown.then(|| match key.limit_activations {
        Some(limit) => format!("{} of {limit} activations in use", usage.seats_taken),
        None => format!("{} activations in use", usage.seats_taken),
    });
    let shown = |activation: &Seat| {
        let label = match activation.label.trim() {
            "" => String::from("Unnamed device"),
            label => label.to_owned(),
        };
        (activation.id, label, day(activation.created_at))
    };
    let activations = if is_shown { activations.iter().map(shown).collect() } else { Vec::new() };
    Ok(Content::Key(Box::new(Key { id: key.id, text: key.key.clone(), facts, activations, seats })))
}

fn files_of(
    tx: &mut ReadTx<'_>,
    house: &House,
    desk: &Desk,
    found: &[GrantOfBuyer],
) -> Result<BTreeMap<Id<Benefit>, Vec<Download>>> {
    let with_files = found.iter().filter(|(_, _, benefit, _)| benefit.r#type == BenefitType::Downloadables);
    let benefits: BTreeSet<Id<Benefit>> = with_files.map(|(_, _, benefit, _)| benefit.id).collect();
    let mut files: BTreeMap<Id<Benefit>, Vec<Download>> = BTreeMap::new();
    if benefits.is_empty() {
        return Ok(files);
    }
    let wanted = ListDownloadablesOfBuyer {
        organization_ids: vec![desk.organization.id],
        benefit_ids: benefits.into_iter().collect(),
        page: Page::new(1, MOST),
    };
    let end = tx.now().add_seconds(token::LIFETIME);
    for (downloadable, file) in downloadables::list_of_buyer(tx, &desk.actor(), &wanted)?.items {
        let signed = token::sign(&house.secret, downloadable.id, end);
        files.entry(downloadable.benefit_id).or_default().push(Download {
            size: size_readable(file.size).replace(".0 B", " B"),
            name: file.name,
            url: format!("/v1/customer-portal/downloadables/{signed}"),
        });
    }
    Ok(files)
}

/// Gives back a seat of a key, if its seller lets customers do that.
pub async fn remove_activation(
    State(rooms): State<Rooms>,
    Path((slug, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> crate::shell::Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let (actor, activation) = (desk.actor(), field(&form, "activation"));
    let removed = rooms
        .house
        .store
        .write(move |tx| {
            let id: Id<LicenseKey> = id.parse().map_err(|_| Refusal::not_found())?;
            let (held, live) = license_keys::get_of_buyer(tx, &actor, id)?;
            let is_meant = |live: &&Activation| live.id.to_string() == activation;
            let live = live.iter().find(is_meant).ok_or_else(Refusal::not_found)?;
            let command = Deactivate {
                organization_id: held.key.organization_id,
                key: held.key.key.clone(),
                activation_id: live.id,
            };
            license_keys::deactivate(tx, &command)
        })
        .await;
    match removed {
        Ok(()) => see_other(&format!("{}?told=deactivated", desk.base)),
        Err(refusal) => rooms.refused(Some(&desk.organization), &refusal.into()),
    }
}

/// Names the account through which a benefit is to be given.
pub async fn choose_account(
    State(rooms): State<Rooms>,
    Path((slug, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
    form: Bytes,
) -> crate::shell::Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let (actor, account_id) = (desk.actor(), field(&form, "account"));
    let chosen = rooms
        .house
        .store
        .write(move |tx| {
            let id: Id<BenefitGrant> = id.parse().map_err(|_| Refusal::not_found())?;
            let (mut grant, _, benefit, _) = grants::find_of_buyer(tx, &actor, id)?;
            let platform = benefit.r#type.platform().ok_or_else(Refusal::not_found)?;
            connections::find_of_customer(tx, grant.customer_id, platform, &account_id)?
                .ok_or_else(Refusal::not_found)?;
            grants::choose_account(tx, &benefit, &mut grant, &account_id)
        })
        .await;
    match chosen {
        Ok(()) => see_other(&format!("{}?told=account", desk.base)),
        Err(refusal) => rooms.refused(Some(&desk.organization), &refusal.into()),
    }
}

/// Leads to the other service, where a customer connects an account.
pub async fn connect(
    State(rooms): State<Rooms>,
    Path((slug, platform)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> crate::shell::Response {
    let desk = match rooms.enter(Caller { slug: &slug, method: &method, headers: &headers }).await {
        Ok(desk) => desk,
        Err(response) => return response,
    };
    let Ok(platform) = platform.parse::<Platform>() else { return rooms.nothing(Some(&desk.organization)) };
    let who = (desk.customer.id, desk.newcomer_of);
    match authorization_url(&rooms.house, who, platform, &desk.base) {
        Ok(url) => see_other(url.as_str()),
        Err(refusal) => rooms.refused(Some(&desk.organization), &refusal.into()),
    }
}
