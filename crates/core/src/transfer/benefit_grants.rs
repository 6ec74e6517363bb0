//! Grants of the benefits and customers that go along.

use const_format::concatcp;
use merak_store::{Json, ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{BATCH, Wanted, next_place};
use super::record::Portable;
use super::{Place, RecordKind, benefits, customers};
use crate::benefits::Benefit;
use crate::benefits::grants::{self, BenefitGrant};
use crate::customers::Customer;
use crate::kit::{Id, Result};

/// A grant, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BenefitGrantRecord {
    /// The grant's id.
    pub id: Id<BenefitGrant>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// Since when the customer has the benefit.
    pub granted_at: Option<Timestamp>,
    /// Since when the customer has it no more.
    pub revoked_at: Option<Timestamp>,
    /// The subscription it comes with.
    pub subscription_id: Option<Uuid>,
    /// The order it comes with.
    pub order_id: Option<Uuid>,
    /// Who holds it.
    pub customer_id: Id<Customer>,
    /// What is held.
    pub benefit_id: Id<Benefit>,
    /// What the kind remembers of it.
    #[serde(default)]
    pub properties: Json,
}

const BENEFIT: &str = concatcp!(
    "SELECT id FROM benefits WHERE organization_id = $1 AND created_at <= $2 AND id > $3 AND ",
    benefits::GOES_ALONG,
    " ORDER BY id LIMIT 1"
);
const SQL: &str = concatcp!(
    "SELECT ",
    BenefitGrant::COLUMNS,
    " FROM benefit_grants JOIN customers ON customers.id = benefit_grants.customer_id AND ",
    customers::GOES_ALONG,
    " WHERE benefit_id = $1 AND benefit_grants.created_at <= $2 \
     AND (benefit_grants.created_at, benefit_grants.id) > ($3, $4) \
     ORDER BY benefit_grants.created_at, benefit_grants.id LIMIT $5"
);

impl BenefitGrantRecord {
    /// Grants are read benefit by benefit, which is how their index goes.
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let mut after = after.unwrap_or(Place::BEGIN);
        let benefit_id = match after.parent {
            Some(id) if after.id != Uuid::max() => Some(id),
            done => {
                after = Place::BEGIN;
                let done = done.unwrap_or(Uuid::nil());
                tx.find(BENEFIT, &[&wanted.organization_id, &wanted.until, &done])?
            }
        };
        let Some(benefit_id) = benefit_id else { return Ok((Vec::new(), None)) };
        let grants: Vec<BenefitGrant> =
            tx.all(SQL, &[&benefit_id, &wanted.until, &after.created_at, &after.id, &BATCH])?;
        let next = next_place(&grants, |grant| Place {
            parent: Some(benefit_id),
            created_at: grant.created_at,
            id: grant.id.uuid(),
        });
        // The benefit is done; the next batch begins with the one after it.
        let done = Place { parent: Some(benefit_id), created_at: Timestamp::MAX, id: Uuid::max() };
        Ok((grants.into_iter().map(Self::from).collect(), Some(next.unwrap_or(done))))
    }

    /// The grant's properties with the ids that things have here, and whether they are all.
    fn properties_here(&self, batch: &Batch<'_, '_>) -> (Json, bool) {
        let Ok(mut members) = self.properties.parse::<Map<String, Value>>() else {
            return (Json::default(), true);
        };
        let mut is_whole = true;
        if let Some(Value::Array(files)) = members.get_mut("files") {
            let here = batch.find_all::<()>(RecordKind::File, files.iter().filter_map(uuid_of));
            *files = here.into_iter().map(|id| Value::from(id.to_string())).collect();
        }
        for (name, kind) in NAMED {
            let Some(member) = members.get_mut(*name) else { continue };
            if let Some(id) = uuid_of(member) {
                if let Some(here) = batch.find::<()>(*kind, id) {
                    *member = Value::from(here.to_string());
                } else {
                    // Without the key it would name nothing; the next change of the benefit makes a new one.
                    members.remove(*name);
                    is_whole = false;
                }
            }
        }
        (Json::from(Value::Object(members)), is_whole)
    }
}

/// What is told of a grant whose key is not here.
const WITHOUT_KEY: &str = "its license key did not come in";

/// Members of a grant's properties that name another record.
const NAMED: &[(&str, RecordKind)] = &[("license_key_id", RecordKind::LicenseKey)];

fn uuid_of(value: &Value) -> Option<Uuid> {
    value.as_str()?.parse().ok()
}

impl From<BenefitGrant> for BenefitGrantRecord {
    fn from(grant: BenefitGrant) -> Self {
        Self {
            id: grant.id,
            created_at: grant.created_at,
            modified_at: grant.modified_at,
            granted_at: grant.granted_at,
            revoked_at: grant.revoked_at,
            subscription_id: grant.subscription_id,
            order_id: grant.order_id,
            customer_id: grant.customer_id,
            benefit_id: grant.benefit_id,
            properties: grant.properties,
        }
    }
}

impl Portable for BenefitGrantRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn names(&self) -> Vec<Uuid> {
        let mut names = vec![self.customer_id.uuid(), self.benefit_id.uuid()];
        names.extend(self.order_id);
        let members = self.properties.parse::<Map<String, Value>>().unwrap_or_default();
        names.extend(NAMED.iter().filter_map(|(name, _)| uuid_of(members.get(*name)?)));
        names
            .extend(members.get("files").and_then(Value::as_array).into_iter().flatten().filter_map(uuid_of));
        names
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        // The benefit first, so that of one that stayed behind all grants are counted.
        let Some(benefit_id) = batch.find(RecordKind::Benefit, self.benefit_id.uuid()) else {
            return Ok(Taken::Behind(
                match batch.subject_behind(RecordKind::Benefit, self.benefit_id.uuid()) {
                    Some(benefit) => format!("its benefit did not come in: {benefit} ({})", self.benefit_id),
                    None => String::from("its benefit did not come in"),
                },
            ));
        };
        let Some(customer_id) = batch.find(RecordKind::Customer, self.customer_id.uuid()) else {
            return Ok(Taken::Behind(String::from("its customer did not come in")));
        };
        let (properties, is_whole) = self.properties_here(batch);
        if !is_whole {
            batch.remark_later(RecordKind::BenefitGrant, self.id.uuid(), &self.subject(), WITHOUT_KEY);
        }
        let grant = BenefitGrant {
            id: self.id,
            customer_id,
            benefit_id,
            subscription_id: self.subscription_id,
            // Of an order that is not here the id stays: it may come later.
            order_id: self.order_id.map(|id| batch.find::<()>(RecordKind::Order, id).map_or(id, Id::uuid)),
            granted_at: self.granted_at,
            revoked_at: self.revoked_at,
            properties,
            created_at: self.created_at,
            modified_at: self.modified_at,
        };
        Ok(grants::import(batch.tx, grant)?.into())
    }

    fn complete(&self, batch: &mut Batch<'_, '_>, here: Uuid) -> Result<()> {
        if batch.subject_behind(RecordKind::BenefitGrant, self.id.uuid()).is_none() {
            return Ok(());
        }
        if let (properties, true) = self.properties_here(batch) {
            grants::supply(batch.tx, Id::from_uuid(here), &properties)?;
            batch.forget_remarks(RecordKind::BenefitGrant, self.id.uuid())?;
        }
        Ok(())
    }
}
