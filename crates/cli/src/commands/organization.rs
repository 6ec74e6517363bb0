//! `merak organization`: create, update, list.

use clap::{Args, Subcommand};
use merak_core::kit::{Country, Patch, Refusal, Slug};
use merak_core::organizations::{self, CreateOrganization, FeatureSettings, UpdateSeller};
use merak_core::users;
use serde_json::{Value, json};

use super::{email, open};
use crate::failure::Failure;
use crate::options::Options;
use crate::output;

/// How many organizations are read at once.
const PAGE: i64 = 500;

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
    /// Say who sells: what stands on invoices from now on, and where answers to mails go.
    Update(Update),
    /// Show the organizations, by slug.
    List {
        /// Print one JSON object on one line for each.
        #[arg(long)]
        json: bool,
    },
}

/// Who sells.
#[derive(Debug, Args)]
#[command(
    after_help = "What is not named stays as it is, and an empty value takes away what is there. Invoices that were made out \
                        before do not change."
)]
pub struct Update {
    /// The organization's slug.
    slug: String,
    /// E-mail address to which customers write.
    #[arg(long)]
    email: Option<String>,
    /// Name under which it does business, if that is another one than it shows.
    #[arg(long, value_name = "NAME")]
    legal_name: Option<String>,
    /// Street and number.
    #[arg(long, value_name = "TEXT")]
    address_line1: Option<String>,
    /// Whatever else stands above the town.
    #[arg(long, value_name = "TEXT", alias = "line2")]
    address_line2: Option<String>,
    /// Postal code.
    #[arg(long, value_name = "TEXT")]
    postal_code: Option<String>,
    /// City or town.
    #[arg(long, value_name = "TEXT")]
    city: Option<String>,
    /// State or province.
    #[arg(long, value_name = "TEXT")]
    state: Option<String>,
    /// Country, by its two letters; an empty value takes the whole address away.
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// Tax number, as it is to stand on invoices.
    #[arg(long, value_name = "NUMBER")]
    tax_id: Option<String>,
    /// Print one JSON object on one line.
    #[arg(long)]
    json: bool,
}

impl Organization {
    /// Runs the command.
    pub fn run(self, options: &Options) -> Result<(), Failure> {
        match self {
            Self::Create { name, slug, owner, json } => create(options, name, (&slug, &owner), json),
            Self::Update(update) => update.run(options),
            Self::List { json } => list(options, json),
        }
    }
}

fn create(options: &Options, name: String, (slug, owner): (&str, &str), json: bool) -> Result<(), Failure> {
    if name.chars().count() < 3 {
        return Err(Failure::usage("--name: an organization's name has at least 3 characters"));
    }
    let slug = Slug::parse(slug).map_err(|problem| Failure::usage(format!("--slug: {problem}")))?;
    let owner = email("--owner", owner)?;
    let command =
        CreateOrganization { name, slug, avatar_url: None, feature_settings: FeatureSettings::of(false) };
    let (store, _) = open(options)?;
    let (organization, user) = store.write_blocking(move |tx| {
        let user = users::find_or_create(tx, &owner)?;
        Ok::<_, Refusal>((organizations::create(tx, user.id, &command)?, user))
    })?;
    let object = json!({"id": organization.id, "slug": organization.slug, "owner_id": user.id});
    output::result(json, &object, &[organization.id.to_string()])
}

impl Update {
    fn run(self, options: &Options) -> Result<(), Failure> {
        let command = UpdateSeller {
            email: patch(self.email).try_map(|text| email("--email", &text))?,
            legal_name: patch(self.legal_name),
            line1: patch(self.address_line1),
            line2: patch(self.address_line2),
            postal_code: patch(self.postal_code),
            city: patch(self.city),
            state: patch(self.state),
            country: patch(self.country).try_map(|code| country(&code))?,
            tax_id: patch(self.tax_id),
        };
        options.open_existing()?;
        let (store, _) = open(options)?;
        let slug = self.slug;
        let updated = store.write_blocking(move |tx| {
            let Some(found) = organizations::find_by_slug(tx, &slug)? else { return Ok(Err(slug.clone())) };
            Ok::<_, Refusal>(Ok(organizations::update_seller(tx, found.id, &command)?))
        })?;
        let organization = updated
            .map_err(|slug| Failure::usage(format!("there is no organization with the slug {slug}")))?;
        let seller = organization.seller();
        let lines = [format!("Invoices say from now on: {}", in_words(&seller))];
        output::result(self.json, &shown(&organization), &lines)
    }
}

fn list(options: &Options, json: bool) -> Result<(), Failure> {
    options.open_existing()?;
    let (store, _) = open(options)?;
    let mut after = String::new();
    loop {
        let last = after.clone();
        let page = store.read_blocking(move |tx| organizations::list_all(tx, &last, PAGE))?;
        let Some(end) = page.last() else { return Ok(()) };
        after.clone_from(&end.slug);
        for organization in &page {
            let line =
                format!("{} {} {}", organization.id, organization.slug, in_words(&organization.seller()));
            output::result(json, &shown(organization), &[line])?;
        }
    }
}

/// What an option says: an empty value takes away what is there.
fn patch(option: Option<String>) -> Patch<String> {
    option.map_or(Patch::Absent, |text| Some(text).filter(|text| !text.trim().is_empty()).into())
}

fn country(code: &str) -> Result<Country, Failure> {
    let sentence = || Failure::usage(format!("--country: {code} is no country by its two letters"));
    Country::parse(code.trim()).ok_or_else(sentence)
}

fn shown(organization: &organizations::Organization) -> Value {
    json!({
        "id": organization.id,
        "slug": organization.slug,
        "name": organization.name,
        "email": organization.email,
        "billing_email": organization.billing_email,
        "legal_name": organization.legal_name,
        "address": organization.billing_address,
        "tax_id": organization.tax_id,
    })
}

/// The seller on one line.
fn in_words(seller: &organizations::Seller) -> String {
    let mut words = vec![seller.legal_name.as_ref().unwrap_or(&seller.name).clone()];
    if let Some(address) = &seller.address {
        let town = [&address.postal_code, &address.city].into_iter().flatten().cloned().collect::<Vec<_>>();
        words.extend([&address.line1, &address.line2].into_iter().flatten().cloned());
        words.push(town.join(" "));
        words.extend(address.state.clone());
        words.push(address.country.to_string());
    }
    words.extend([&seller.tax_id, &seller.email].into_iter().flatten().cloned());
    words.retain(|word| !word.is_empty());
    words.join(", ")
}
