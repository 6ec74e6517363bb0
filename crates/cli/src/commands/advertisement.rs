//! `merak advertisement`: create.

use clap::Subcommand;
use merak_core::advertisements::{self, CreateCampaign};
use merak_core::kit::{Id, Refusal, WebUrl};
use serde_json::json;
use uuid::Uuid;

use super::open;
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Look after advertisements.
#[derive(Debug, Subcommand)]
pub enum Advertisement {
    /// Make a campaign of a customer, and show it in a room they bought.
    Create(Create),
}

/// What a campaign is made of.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// The id of the customer who advertises.
    #[arg(long, value_name = "ID")]
    customer: Uuid,
    /// Address of the picture.
    #[arg(long, value_name = "URL")]
    image_url: String,
    /// Address of the picture on a dark background, if there is another one.
    #[arg(long, value_name = "URL")]
    image_url_dark: Option<String>,
    /// What is said of the picture.
    #[arg(long)]
    text: String,
    /// Address that the picture leads to.
    #[arg(long, value_name = "URL")]
    link_url: String,
    /// The customer's grant of a benefit of the kind ads, whose room shows the campaign.
    #[arg(long, value_name = "ID")]
    grant: Option<Uuid>,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

impl Advertisement {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        let Self::Create(create) = self;
        let command = CreateCampaign {
            customer_id: Id::from_uuid(create.customer),
            image_url: address("--image-url", &create.image_url)?,
            image_url_dark: match &create.image_url_dark {
                Some(text) => Some(address("--image-url-dark", text)?),
                None => None,
            },
            text: create.text,
            link_url: address("--link-url", &create.link_url)?,
        };
        let grant_id = create.grant.map(Id::from_uuid);
        let (store, _) = open(options)?;
        let campaign = store
            .write_blocking(move |tx| {
                let campaign = advertisements::create(tx, &command)?;
                if let Some(grant_id) = grant_id {
                    advertisements::show_by_grant(tx, campaign.id, grant_id)?;
                }
                Ok::<_, Refusal>(campaign)
            })
            .map_err(|refusal| match refusal {
                Refusal::Store(error) => Failure::from(error),
                _ => {
                    Failure::usage("there is no such customer with such a grant of a benefit of the kind ads")
                }
            })?;
        let object = json!({
            "id": campaign.id,
            "customer_id": campaign.customer_id,
            "image_url": campaign.image_url,
            "image_url_dark": campaign.image_url_dark,
            "text": campaign.text,
            "link_url": campaign.link_url,
            "grant_id": create.grant,
        });
        let at = |path: &str| format!("{}/v1/advertisements/{}/{path}", options.address(), campaign.id);
        let lines = [
            format!("campaign {}", campaign.id),
            format!("to be followed: {}", at("click")),
            format!("to be counted: {}", at("pixel")),
        ];
        output::result(create.json, &object, &lines)
    }
}

fn address(option: &str, text: &str) -> Result<WebUrl, Failure> {
    text.parse().map_err(|problem| Failure::usage(format!("{option}: {text} is no web address: {problem}")))
}
