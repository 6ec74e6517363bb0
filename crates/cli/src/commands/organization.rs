//! `merak organization`: create.

use clap::Subcommand;
use merak_core::kit::Slug;
use merak_core::organizations::{self, CreateOrganization, FeatureSettings};
use merak_core::users;
use serde_json::json;

use super::{email, open};
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// Look after organizations.
#[derive(Debug, Subcommand)]
pub enum Organization {
    /// Make an organization, and its owner's account if there is none.
    Create {
        /// What it is called.
        #[arg(long)]
        name: String,
        /// Its name in addresses: ASCII letters, digits and single hyphens.
        #[arg(long)]
        slug: String,
        /// E-mail address of its owner.
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// Print one JSON object on one line.
        #[arg(long)]
        json: bool,
    },
}

impl Organization {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        let Self::Create { name, slug, owner, json } = self;
        if name.chars().count() < 3 {
            return Err(Failure::usage("--name: an organization's name has at least 3 characters"));
        }
        let slug = Slug::parse(&slug).map_err(|problem| Failure::usage(format!("--slug: {problem}")))?;
        let owner = email("--owner", &owner)?;
        let command =
            CreateOrganization { name, slug, avatar_url: None, feature_settings: FeatureSettings::of(false) };
        let (store, _) = open(options)?;
        let (organization, user) = store.write_blocking(move |tx| {
            let user = users::find_or_create(tx, &owner)?;
            Ok::<_, merak_core::kit::Refusal>((organizations::create(tx, user.id, &command)?, user))
        })?;
        let object = json!({"id": organization.id, "slug": organization.slug, "owner_id": user.id});
        output::result(json, &object, &[organization.id.to_string()])
    }
}
