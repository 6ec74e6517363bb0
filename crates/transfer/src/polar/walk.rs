//! The walk through a shop: what is read in which order, and where a walk that was stopped goes on.

use std::collections::{BTreeMap, HashMap};

use futures_util::{StreamExt, TryStreamExt, stream};
use merak_core::downloadables::Status;
use merak_core::kit::{Id, Refusal};
use merak_core::organizations::Organization;
use merak_core::transfer::{
    Arrival, Begin, DownloadableRecord, OrganizationRecord, Record, RecordKind, Uncarried,
};
use merak_store::{Store, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::pages::{Listing, PageOf};
use super::{Client, Server};
use crate::intake::Intake;
use crate::{Error, Outcome, Result, Told, Vault};

/// How many keys are asked for at once, each for its activations.
const AT_ONCE: usize = 6;

/// How many keys a page has: the grants of their holders are asked for in one question that must not grow too long.
const KEYS_PER_PAGE: usize = 50;

/// How often a list is walked anew because rows vanished meanwhile.
const WALKS: u32 = 3;

/// What is walked, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Files,
    CustomFields,
    Benefits,
    Products,
    Discounts,
    CheckoutLinks,
    Customers,
    LicenseKeys,
    Orders,
    BenefitGrants,
}

const STEPS: [Step; 10] = [
    Step::Files,
    Step::CustomFields,
    Step::Benefits,
    Step::Products,
    Step::Discounts,
    Step::CheckoutLinks,
    Step::Customers,
    Step::LicenseKeys,
    Step::Orders,
    Step::BenefitGrants,
];

impl Step {
    /// The list whose items are records as they stand, and their kind; none if there is more to do.
    fn listing(self) -> Option<(RecordKind, Listing)> {
        let by_age = |path: &str| Listing::new(path).with("sorting", "created_at");
        Some(match self {
            // Benefits and files are listed in an order of their own, and there are few.
            Self::Files => (RecordKind::File, Listing::new("/v1/files/")),
            Self::Benefits => (RecordKind::Benefit, Listing::new("/v1/benefits/")),
            Self::CustomFields => (RecordKind::CustomField, by_age("/v1/custom-fields/")),
            Self::Products => (RecordKind::Product, by_age("/v1/products/")),
            Self::Discounts => (RecordKind::Discount, by_age("/v1/discounts/")),
            Self::CheckoutLinks => (RecordKind::CheckoutLink, by_age("/v1/checkout-links/")),
            Self::Customers => (RecordKind::Customer, by_age("/v1/customers/")),
            Self::Orders => (RecordKind::Order, by_age("/v1/orders/")),
            Self::LicenseKeys | Self::BenefitGrants => return None,
        })
    }
}

/// Where a walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Position {
    step: Step,
    /// The benefit whose keys or grants are walked.
    benefit_id: Option<Uuid>,
    /// The page that comes next, counted from one.
    page: u64,
    /// How many rows the list had when the last page was read: fewer now, and some are on pages that were read.
    #[serde(default)]
    total: u64,
    /// Whether rows had vanished before that, so that the list is to be walked anew.
    #[serde(default)]
    has_shrunk: bool,
}

/// A benefit, as far as the walk must know it.
#[derive(Clone, Deserialize)]
struct BenefitHead {
    id: Uuid,
    r#type: String,
    #[serde(default)]
    description: String,
}

impl BenefitHead {
    /// It is no more there: somebody deleted it while the shop was walked.
    fn vanished(&self) -> Arrival {
        Arrival::Vanished { kind: RecordKind::Benefit, id: self.id, subject: self.description.clone() }
    }
}

/// Takes in the shop that a server shows. `slug` names the organization there; it may be left out if the token sees
/// only one.
pub async fn import(
    (store, vault): (&Store, &Vault),
    server: Server,
    (slug, mut begin): (Option<String>, Begin),
    told: Told<'_>,
) -> Result<Outcome> {
    let url = server.url.clone();
    let client = Client::new(server)?;
    let organization = find_organization(&client, slug.as_deref()).await?;
    client.address().clone_into(&mut begin.way);
    let id = organization.id;
    let mut intake = Intake::begin((store, vault), organization, begin, told).await?.reading(url);
    let position = intake.position::<Position>();
    let mut walk = Walk { client, id, intake: &mut intake, benefits: Vec::new() };
    walk.run(position).await?;
    let uncarried = walk.uncarried().await;
    intake.finish(uncarried).await
}

/// The organization that is meant, of those that the token sees.
async fn find_organization(client: &Client, slug: Option<&str>) -> Result<OrganizationRecord> {
    let mut listing = Listing::new("/v1/organizations/").with("sorting", "created_at");
    if let Some(slug) = slug {
        listing = listing.with("slug", slug);
    }
    let page = listing.page(client, 1).await?;
    match page.items.as_slice() {
        [only] => serde_json::from_str(only.get()).map_err(|error| Error::Server {
            address: format!("{}{}", client.address(), listing.path),
            reason: format!("the organization cannot be read: {error}"),
        }),
        [] => Err(Refusal::bad_request("the token sees no such organization there").into()),
        several => {
            let slugs: Vec<String> = several
                .iter()
                .filter_map(|item| serde_json::from_str::<Map<String, Value>>(item.get()).ok())
                .filter_map(|members| Some(members.get("slug")?.as_str()?.to_owned()))
                .collect();
            Err(Refusal::bad_request(format!(
                "the token sees several organizations there; name one with --source: {}",
                slugs.join(", ")
            ))
            .into())
        }
    }
}

struct Walk<'w, 't> {
    client: Client,
    id: Id<Organization>,
    intake: &'w mut Intake<'t>,
    benefits: Vec<BenefitHead>,
}

impl Walk<'_, '_> {
    async fn run(&mut self, position: Option<Position>) -> Result<()> {
        // Ids alone: what the walk through keys and grants goes by. There are few benefits.
        self.benefits = self.benefit_heads().await?;
        for step in STEPS {
            let begin = match position {
                Some(position) if position.step > step => continue,
                Some(position) if position.step == step => Some(position),
                _ => None,
            };
            match (step, step.listing()) {
                (_, Some(listing)) => self.simple(step, listing, begin).await?,
                (Step::LicenseKeys, None) => self.license_keys(begin).await?,
                (_, None) => self.benefit_grants(begin).await?,
            }
        }
        Ok(())
    }

    /// How many there are of what stays there, as far as the API says it. Nobody's import fails for a number.
    async fn uncarried(&self) -> BTreeMap<Uncarried, Option<u64>> {
        let of_shop = |path| Listing::new(path).with("organization_id", &self.id);
        let ads = self.benefits.iter().filter(|benefit| benefit.r#type == "ads");
        let campaigns =
            ads.map(|benefit| Listing::new("/v1/advertisements/").with("benefit_id", &benefit.id));
        let mut counts = BTreeMap::new();
        for (kind, listings) in [
            (Uncarried::Subscriptions, vec![of_shop("/v1/subscriptions/")]),
            (Uncarried::Orders, vec![of_shop("/v1/orders/")]),
            (Uncarried::AdvertisementCampaigns, campaigns.collect()),
        ] {
            let mut count = Some(0);
            for mut listing in listings {
                listing.limit = 1;
                let listed = listing.page(&self.client, 1).await;
                // A younger Merak may not have each list of the API yet, and then nothing of it either.
                let more = listed.map(|page| page.pagination.total_count).map_err(Error::if_absent::<u64>);
                let more = more.map_or_else(|error| matches!(error, Ok(None)).then_some(0), Some);
                count = count.zip(more).map(|(count, more)| count + more);
            }
            if count != Some(0) {
                counts.insert(kind, count);
            }
        }
        counts
    }

    async fn benefit_heads(&self) -> Result<Vec<BenefitHead>> {
        let listing = Listing::new("/v1/benefits/").with("organization_id", &self.id);
        let mut heads = Vec::new();
        for number in 1.. {
            let page = listing.page(&self.client, number).await?;
            heads.extend(page.items.iter().filter_map(|item| serde_json::from_str(item.get()).ok()));
            if number >= page.pagination.max_page {
                break;
            }
        }
        Ok(heads)
    }

    /// Walks a list whose items are records as they stand.
    async fn simple(
        &mut self,
        step: Step,
        (kind, listing): (RecordKind, Listing),
        begin: Option<Position>,
    ) -> Result<()> {
        let listing = listing.with("organization_id", &self.id);
        let mut pages = Pages::new(listing, begin);
        let mut begin = pages.position(step, None);
        // A younger Merak may not have each list of the API yet.
        while let Some(page) = pages.next(&self.client).await.or_else(Error::if_absent)? {
            let arrivals = page.items.iter().map(|item| Arrival::read(kind, item.get())).collect();
            let end = pages.position(step, None);
            self.intake.take(arrivals, (&begin, &end), Some(page.pagination.total_count)).await?;
            begin = end;
        }
        Ok(())
    }

    /// The benefits that are left of a walk by benefit, with where the walk of each begins.
    fn benefits_from(
        &self,
        begin: Option<Position>,
        is_wanted: impl Fn(&BenefitHead) -> bool,
    ) -> Vec<(BenefitHead, Option<Position>)> {
        let wanted: Vec<BenefitHead> =
            self.benefits.iter().filter(|benefit| is_wanted(benefit)).cloned().collect();
        // One that was deleted since is no more in the list, and everything is walked again.
        let found = begin.and_then(|position| {
            let at = wanted.iter().position(|benefit| Some(benefit.id) == position.benefit_id)?;
            Some((at, position))
        });
        let (skipped, mut first) = found.map_or((0, None), |(at, position)| (at, Some(position)));
        wanted.into_iter().skip(skipped).map(|benefit| (benefit, first.take())).collect()
    }

    async fn license_keys(&mut self, begin: Option<Position>) -> Result<()> {
        let total = Listing::new("/v1/license-keys").with("organization_id", &self.id);
        let total = total.page(&self.client, 1).await?.pagination.total_count;
        for (benefit, begin) in self.benefits_from(begin, |benefit| benefit.r#type == "license_keys") {
            let mut listing = Listing::new("/v1/license-keys").with("organization_id", &self.id);
            listing = listing.with("benefit_id", &benefit.id);
            listing.limit = KEYS_PER_PAGE;
            let mut pages = Pages::new(listing, begin);
            let mut begin = pages.position(Step::LicenseKeys, Some(benefit.id));
            while let Some(page) = self.next_of(&benefit, &mut pages, &begin).await? {
                let arrivals = self.whole_keys(&benefit, &page).await?;
                let end = pages.position(Step::LicenseKeys, Some(benefit.id));
                self.intake.take(arrivals, (&begin, &end), Some(total)).await?;
                begin = end;
            }
        }
        Ok(())
    }

    /// The keys of a page with their activations, and with the time of their grants, which keys do not tell. One that
    /// was deleted since the page was read is said to be.
    async fn whole_keys(&self, benefit: &BenefitHead, page: &PageOf) -> Result<Vec<Arrival>> {
        #[derive(Deserialize)]
        struct Head {
            id: Uuid,
            customer_id: Uuid,
            #[serde(default)]
            display_key: String,
        }
        let heads: Vec<Head> =
            page.items.iter().filter_map(|item| serde_json::from_str(item.get()).ok()).collect();
        // Keys without a time come in all the same.
        let granted = self.granted_at(benefit.id, heads.iter().map(|head| head.customer_id)).await.map(Some);
        let granted = granted.or_else(Error::if_absent)?.unwrap_or_default();
        let granted = &granted;
        stream::iter(heads)
            .map(|head| async move {
                let path = format!("/v1/license-keys/{}", head.id);
                let key = self.client.get::<Box<RawValue>>(&path, &[]).await.map(Some);
                Ok(match key.or_else(Error::if_absent)? {
                    Some(key) => {
                        Arrival::read(RecordKind::LicenseKey, dated(&key, granted.get(&head.id)).get())
                    }
                    None => Arrival::Vanished {
                        kind: RecordKind::LicenseKey,
                        id: head.id,
                        subject: head.display_key,
                    },
                })
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
    }

    /// When these customers' keys of a benefit were granted.
    async fn granted_at(
        &self,
        benefit_id: Uuid,
        customers: impl Iterator<Item = Uuid>,
    ) -> Result<HashMap<Uuid, Timestamp>> {
        #[derive(Deserialize)]
        struct Grant {
            created_at: Timestamp,
            properties: Properties,
        }
        #[derive(Deserialize)]
        struct Properties {
            license_key_id: Option<Uuid>,
        }
        let mut customers: Vec<Uuid> = customers.collect();
        customers.sort_unstable();
        customers.dedup();
        let mut listing = Listing::new(format!("/v1/benefits/{benefit_id}/grants"));
        for customer in customers {
            listing = listing.with("customer_id", &customer);
        }
        let mut granted = HashMap::new();
        let mut pages = Pages::new(listing, None);
        while let Some(page) = pages.next(&self.client).await? {
            for item in &page.items {
                if let Ok(grant) = serde_json::from_str::<Grant>(item.get())
                    && let Some(id) = grant.properties.license_key_id
                {
                    granted.insert(id, grant.created_at);
                }
            }
        }
        Ok(granted)
    }

    /// The next page of what hangs on a benefit, if there is one. That the benefit is gone is said to be.
    async fn next_of(
        &mut self,
        benefit: &BenefitHead,
        pages: &mut Pages,
        begin: &Position,
    ) -> Result<Option<PageOf>> {
        let page = pages.next(&self.client).await;
        if matches!(page, Err(Error::Absent { .. })) {
            self.intake.take(vec![benefit.vanished()], (begin, begin), None).await?;
        }
        page.or_else(Error::if_absent)
    }

    async fn benefit_grants(&mut self, begin: Option<Position>) -> Result<()> {
        for (benefit, begin) in self.benefits_from(begin, |_| true) {
            let listing = Listing::new(format!("/v1/benefits/{}/grants", benefit.id));
            let mut pages = Pages::new(listing, begin);
            let mut begin = pages.position(Step::BenefitGrants, Some(benefit.id));
            while let Some(page) = self.next_of(&benefit, &mut pages, &begin).await? {
                let mut arrivals: Vec<Arrival> = page
                    .items
                    .iter()
                    .map(|item| Arrival::read(RecordKind::BenefitGrant, item.get()))
                    .collect();
                let downloads: Vec<Arrival> = arrivals.iter().flat_map(downloads_of).collect();
                arrivals.extend(downloads);
                let end = pages.position(Step::BenefitGrants, Some(benefit.id));
                self.intake.take(arrivals, (&begin, &end), None).await?;
                begin = end;
            }
        }
        Ok(())
    }
}

/// What a grant lets its customer download. The API has no list of it; how often it was downloaded is not known.
fn downloads_of(arrival: &Arrival) -> Vec<Arrival> {
    #[derive(Default, Deserialize)]
    struct Properties {
        #[serde(default)]
        files: Vec<Uuid>,
    }
    let Arrival::Record(Record::BenefitGrant(grant)) = arrival else { return Vec::new() };
    if grant.granted_at.is_none() {
        return Vec::new();
    }
    let downloadable = |file: Uuid| {
        // The same every time, so that nothing is taken twice.
        let digest = Sha256::new().chain_update(grant.id.uuid()).chain_update(file).finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Arrival::Record(Record::Downloadable(Box::new(DownloadableRecord {
            id: Id::from_uuid(uuid::Builder::from_random_bytes(bytes).into_uuid()),
            created_at: grant.created_at,
            modified_at: None,
            customer_id: grant.customer_id,
            file_id: Id::from_uuid(file),
            benefit_id: grant.benefit_id,
            status: Status::Granted,
            downloaded: 0,
            last_downloaded_at: None,
        })))
    };
    let properties: Properties = grant.properties.parse().unwrap_or_default();
    properties.files.into_iter().map(downloadable).collect()
}

/// A key with the time it was granted, if that is known.
fn dated(key: &RawValue, granted_at: Option<&Timestamp>) -> Box<RawValue> {
    let with_time = granted_at.and_then(|time| {
        let mut members: Map<String, Value> = serde_json::from_str(key.get()).ok()?;
        members.insert(String::from("created_at"), Value::from(time.wire()));
        to_raw_value(&members).ok()
    });
    with_time.unwrap_or_else(|| key.to_owned())
}

/// A walk through the pages of a list. Rows that vanish move those after them forward, past the next page; the list is
/// then walked anew, which costs little because nothing is taken twice.
struct Pages {
    listing: Listing,
    /// The page that comes next.
    number: u64,
    total: u64,
    has_shrunk: bool,
    walks: u32,
    is_done: bool,
}

impl Pages {
    /// A walk from the first page, or from where an earlier run stopped.
    fn new(listing: Listing, begin: Option<Position>) -> Self {
        let (number, total, has_shrunk) =
            begin.map_or((1, 0, false), |begin| (begin.page, begin.total, begin.has_shrunk));
        Self { listing, number, total, has_shrunk, walks: 1, is_done: false }
    }

    /// Where a later run goes on.
    fn position(&self, step: Step, benefit_id: Option<Uuid>) -> Position {
        Position { step, benefit_id, page: self.number, total: self.total, has_shrunk: self.has_shrunk }
    }

    async fn next(&mut self, client: &Client) -> Result<Option<PageOf>> {
        if self.is_done {
            return Ok(None);
        }
        let page = self.listing.page(client, self.number).await?;
        let mut total = page.pagination.total_count;
        if page.items.is_empty() && self.number > 1 {
            // The reference says of a page past the end that the list is empty.
            total = self.listing.page(client, 1).await?.pagination.total_count;
        }
        self.has_shrunk |= total < self.total;
        self.total = total;
        self.number += 1;
        if self.number > page.pagination.max_page || page.items.is_empty() {
            self.is_done = !self.has_shrunk || self.walks >= WALKS;
            (self.number, self.walks, self.has_shrunk) = (1, self.walks + 1, false);
            if self.is_done {
                self.number = page.pagination.max_page + 1;
            }
        }
        Ok(Some(page))
    }
}
