//! Checkout links.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use super::{Place, RecordKind};
use crate::checkout_links::{self, CheckoutLink, PaymentProcessor};
use crate::discounts::Discount;
use crate::kit::{Id, Metadata, Result, WebUrl};
use crate::products::{Price, Product};

/// A checkout link, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CheckoutLinkRecord {
    /// The link's id.
    pub id: Id<CheckoutLink>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// Who takes the money.
    pub payment_processor: PaymentProcessor,
    /// What opens the link.
    pub client_secret: String,
    /// Where buyers go when they have bought.
    pub success_url: Option<WebUrl>,
    /// What the seller calls it.
    pub label: Option<String>,
    /// Whether buyers can type the code of a discount.
    pub allow_discount_codes: bool,
    /// What is sold.
    pub product_id: Id<Product>,
    /// At which price.
    pub product_price_id: Option<Id<Price>>,
    /// A discount that buyers get.
    pub discount_id: Option<Id<Discount>>,
    /// The organization's own notes.
    #[serde(default)]
    pub metadata: Metadata,
}

const SQL: &str = concatcp!(
    "SELECT ",
    CheckoutLink::COLUMNS,
    " FROM checkout_links WHERE organization_id = $1 AND deleted_at IS NULL \
     AND EXISTS (SELECT 1 FROM products WHERE products.id = product_id AND products.deleted_at IS NULL)",
    PAGE
);

impl CheckoutLinkRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (links, place) =
            rows::<CheckoutLink>(tx, wanted, (SQL, after), |link| (link.created_at, link.id.uuid()))?;
        let record = |link: CheckoutLink| Self {
            id: link.id,
            created_at: link.created_at,
            modified_at: link.modified_at,
            payment_processor: link.payment_processor,
            client_secret: link.client_secret,
            success_url: link.success_url,
            label: link.label,
            allow_discount_codes: link.allow_discount_codes,
            product_id: link.product_id,
            product_price_id: link.product_price_id,
            discount_id: link.discount_id,
            metadata: link.metadata,
        };
        Ok((links.into_iter().map(record).collect(), place))
    }
}

impl Portable for CheckoutLinkRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.label.clone().unwrap_or_else(|| self.id.to_string())
    }

    fn names(&self) -> Vec<Uuid> {
        let others = [self.product_price_id.map(Id::uuid), self.discount_id.map(Id::uuid)];
        others.into_iter().flatten().chain([self.product_id.uuid()]).collect()
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let Some(product_id) = batch.find(RecordKind::Product, self.product_id.uuid()) else {
            return Ok(Taken::Behind(String::from("its product did not come in")));
        };
        let product_price_id = match self.product_price_id {
            None => None,
            Some(id) => match batch.find(RecordKind::ProductPrice, id.uuid()) {
                // Without it buyers would choose a price, and the seller has chosen.
                None => return Ok(Taken::Behind(String::from("its price did not come in"))),
                found => found,
            },
        };
        let discount_id = self.discount_id.and_then(|id| batch.find(RecordKind::Discount, id.uuid()));
        if discount_id.is_none() && self.discount_id.is_some() {
            let remark = "its discount did not come in";
            batch.remark_later(RecordKind::CheckoutLink, self.id.uuid(), &self.subject(), remark);
        }
        let of = self.clone();
        let link = CheckoutLink {
            id: of.id,
            organization_id: batch.organization_id(),
            product_id,
            product_price_id,
            discount_id,
            payment_processor: of.payment_processor,
            client_secret: of.client_secret,
            label: of.label,
            success_url: of.success_url,
            allow_discount_codes: of.allow_discount_codes,
            metadata: of.metadata,
            created_at: of.created_at,
            modified_at: of.modified_at,
            deleted_at: None,
        };
        Ok(checkout_links::import(batch.tx, link)?.into())
    }
}
