//! `merak demo`: a small shop to look at.

use clap::Args;
use merak_core::demo;
use serde_json::json;

use super::serve::{self, Shows};
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

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
        let (store, secret) = super::open(options)?;
        let opened = secret.clone();
        let vault = super::vault(options, &secret, None)?;
        let options = &with_mail(options);
        serve::serve(options, &store, secret, Shows::Mail, async |server| {
            // Only now, because a demo that finds its port in use must not end the tokens of the one that uses it.
            let shop = store.write(move |tx| demo::open(tx, &opened)).await?;
            let organization_id = shop.organization.id;
            let mut stored = Vec::new();
            for wanted in &shop.wanted_files {
                stored.push((wanted.file.id, vault.store(&wanted.file, wanted.bytes).await?));
            }
            store.write(move |tx| demo::show(tx, organization_id, &stored)).await?;
            let url = match &options.public_url {
                Some(url) => url.trim_end_matches('/').to_owned(),
                None => format!("http://{}", server.address()),
            };
            let mail = match options.mail.as_deref() {
                Some(place) if place.starts_with("folder:") => format!("{url}/mail"),
                other => other.unwrap_or_default().split([':', '?']).next().unwrap_or_default().to_owned(),
            };
            output::say(&if self.json { one_line(&url, &shop) } else { for_people(&url, &mail, &shop) })
        })
    }
}

/// The options, with a folder for mail unless they say where it goes.
fn with_mail(options: &Options) -> Options {
    let folder = || format!("folder:{}", options.data_dir().join("mail").display());
    Options { mail: Some(options.mail.clone().unwrap_or_else(folder)), ..options.clone() }
}

fn one_line(url: &str, shop: &demo::Demo) -> String {
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
    })
    .to_string()
}

fn for_people(url: &str, mail: &str, shop: &demo::Demo) -> String {
    let key = shop.license_keys.first().map_or("", |key| key.key.as_str());
    format!(
        "Merak is open for business: {name}\n\n\
         \u{20} address         {url}\n\
         \u{20} API reference   {url}/docs\n\
         \u{20} mail            {mail}\n\
         \u{20} organization    {id}\n\
         \u{20} access token    {token}\n\
         \u{20} license key     {key}\n\
         \u{20} discount code   {code}\n\n\
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
    )
}
