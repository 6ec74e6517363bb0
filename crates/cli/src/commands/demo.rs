//! `merak demo`: a small shop to look at.

use clap::Args;
use merak_core::demo;
use merak_server::{Chores, Config, SECRET_PLACE};
use serde_json::json;

use super::serve::{self, Shows};
use crate::failure::Failure;
use crate::options::{Options, ProcessorName};
use crate::{output, services};

/// Serve a small shop to look at, and say how to call it.
#[derive(Debug, Args)]
pub struct Demo {
    /// Print one JSON object on one line, once the server answers.
    #[arg(long)]
    json: bool,
}

impl Demo {
    /// Fills the shop if it is not there and serves it.
    pub fn run(&self, options: &Options) -> Result<(), Failure> {
        let _place = options.occupy()?;
        let (store, secret) = super::open(options)?;
        let opened = secret.clone();
        let vault = super::vault(options, &secret, None)?;
        let options = &with_mail(options);
        serve::serve(options, &store, secret, Shows::Mail, async |server| {
            let url = match &options.public_url {
                Some(url) => url.trim_end_matches('/').to_owned(),
                None => format!("http://{}", server.address()),
            };
            let (organization, wanted_files) = store.write(demo::stock).await?;
            let mut stored = Vec::new();
            for wanted in &wanted_files {
                stored.push((wanted.file.id, vault.store(&wanted.file, wanted.bytes).await?));
            }
            store.write(move |tx| demo::show(tx, organization.id, &stored)).await?;
            let config = services::connected(options, options.server()?)?;
            let config = Config { public_url: Some(url.clone()), ..config };
            let chores = Chores::new(&config, &store, opened.clone())?;
            chores.sell_demo(organization.id).await.map_err(Failure::runtime)?;
            // Only now, because a demo that finds its port in use must not end the tokens of the one that uses it.
            let shop = store.write(move |tx| demo::open(tx, &opened)).await?;
            let link = checkout_link(options, &url, &shop);
            let mail = match options.mail.as_deref() {
                Some(place) if place.starts_with("folder:") => format!("{url}/mail"),
                other => other.unwrap_or_default().split([':', '?']).next().unwrap_or_default().to_owned(),
            };
            output::say(&if self.json {
                one_line(&url, &link, &shop)
            } else {
                let processor = options.payment_processor.unwrap_or(ProcessorName::Sandbox);
                for_people(&url, &link, &mail, processor == ProcessorName::Sandbox, &shop)
            })
        })
    }
}

/// The options, with a folder for mail unless they say where it goes.
fn with_mail(options: &Options) -> Options {
    let folder = || format!("folder:{}", options.data_dir().join("mail").display());
    Options { mail: Some(options.mail.clone().unwrap_or_else(folder)), ..options.clone() }
}

/// Where the first checkout link leads to; nothing if the shop has none any more.
fn checkout_link(options: &Options, url: &str, shop: &demo::Demo) -> String {
    let usual = format!("{url}/v1/checkout-links/{SECRET_PLACE}/redirect");
    let template = options.checkout_link_url.as_deref().unwrap_or(&usual);
    let secret = shop.checkout_link_secret.as_deref();
    secret.map_or_else(String::new, |secret| template.replace(SECRET_PLACE, secret))
}

/// The customer's portal, signed in.
fn portal(url: &str, shop: &demo::Demo) -> String {
    let (slug, token) = (shop.organization.slug.as_str(), shop.customer_session_token.as_str());
    format!("{url}/{slug}/portal?customer_session_token={token}")
}

fn sign_in(url: &str, shop: &demo::Demo) -> String {
    format!("{url}/login?token={}", shop.login_token)
}

fn orders(url: &str, shop: &demo::Demo) -> String {
    format!("{url}/dashboard/{}/orders", shop.organization.slug.as_str())
}

fn one_line(url: &str, link: &str, shop: &demo::Demo) -> String {
    let keys: Vec<_> = shop
        .license_keys
        .iter()
        .map(|key| json!({"id": key.id, "key": key.key, "status": key.status}))
        .collect();
    json!({
        "url": url,
        "organization_id": shop.organization.id,
        "organization_slug": shop.organization.slug,
        "access_token": shop.access_token,
        "customer_id": shop.customer_id,
        "customer_session_token": shop.customer_session_token,
        "benefit_id": shop.benefit_id,
        "license_keys": keys,
        "benefit_ids": shop.benefit_ids,
        "customer_ids": shop.customer_ids,
        "product_ids": shop.product_ids,
        "discount_code": shop.discount_code,
        "checkout_link_secret": shop.checkout_link_secret,
        "file_ids": shop.file_ids,
        "order_ids": shop.order_ids,
        "subscription_ids": shop.subscription_ids,
        "seconds_ahead": shop.seconds_ahead,
        "checkout_link_url": link,
        "portal_url": portal(url, shop),
        "sign_in_url": sign_in(url, shop),
        "orders_url": orders(url, shop),
    })
    .to_string()
}

/// What only holds where the sandbox plays the payments.
fn hints(is_sandbox: bool, shop: &demo::Demo) -> String {
    if !is_sandbox {
        return String::new();
    }
    let days = shop.seconds_ahead / (24 * 3600);
    let ahead = if days > 0 {
        format!("is {days} days ahead, so that something was renewed")
    } else {
        "goes right".into()
    };
    format!(
        "Buy with the card 4242 4242 4242 4242. The shop's clock {ahead}; `merak clock advance`\nmoves it on. "
    )
}

fn for_people(url: &str, link: &str, mail: &str, is_sandbox: bool, shop: &demo::Demo) -> String {
    let key = shop.license_keys.first().map_or("", |key| key.key.as_str());
    format!(
        "Merak is open for business: {name}\n\n\
         \u{20} address         {url}\n\
         \u{20} API reference   {url}/docs\n\
         \u{20} mail            {mail}\n\
         \u{20} buy             {link}\n\
         \u{20} portal          {portal}\n\
         \u{20} sign in         {sign_in}\n\
         \u{20} then orders     {orders}\n\
         \u{20} organization    {id}\n\
         \u{20} access token    {token}\n\
         \u{20} license key     {key}\n\
         \u{20} discount code   {code}\n\n\
         {hints}The portal's link works for an hour, and the link to sign in once, within a quarter of one.\n\n\
         Activate the key as an app would:\n\n\
         curl -X POST \\\n    \
         '{url}/v1/customer-portal/license-keys/activate' \\\n    \
         -H \"Content-Type: application/json\" \\\n    \
         -H \"Accept: application/json\" \\\n    \
         -d '{{\n  \"key\": \"{key}\",\n  \"organization_id\": \"{id}\",\n  \"label\": \"my-laptop\"\n}}'\n\n\
         Stop with Ctrl-C. The shop is still there at the next start, with new tokens.",
        name = shop.organization.name,
        id = shop.organization.id,
        token = shop.access_token,
        code = shop.discount_code,
        portal = portal(url, shop),
        sign_in = sign_in(url, shop),
        orders = orders(url, shop),
        hints = hints(is_sandbox, shop),
    )
}
