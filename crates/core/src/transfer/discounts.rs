//! Discounts.

use std::collections::HashMap;

use const_format::concatcp;
use merak_store::{ReadTx, Sql, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use super::{Named, Place, RecordKind};
use crate::discounts::{
    self, Discount, DiscountCode, DiscountDuration, DiscountType, ImportDiscount, Reduction, Span,
};
use crate::kit::{Cents, Currency, Id, Metadata, Result};

/// A discount, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DiscountRecord {
    /// The discount's id.
    pub id: Id<Discount>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// What buyers see.
    pub name: String,
    /// How it reduces a price.
    pub r#type: DiscountType,
    /// How much a fixed one takes off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Cents>,
    /// In which currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// How many ten-thousandths one by part takes off.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis_points: Option<i64>,
    /// Which payments it reduces.
    pub duration: DiscountDuration,
    /// Those of how many months, if it is repeating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_in_months: Option<i64>,
    /// What buyers type.
    pub code: Option<DiscountCode>,
    /// Since when it can be redeemed.
    pub starts_at: Option<Timestamp>,
    /// Until when it can be redeemed.
    pub ends_at: Option<Timestamp>,
    /// How often it can be redeemed.
    pub max_redemptions: Option<i64>,
    /// How often it was.
    pub redemptions_count: i64,
    /// The organization's own notes.
    #[serde(default)]
    pub metadata: Metadata,
    /// The products it is for, in order; none means all.
    #[serde(default)]
    pub products: Vec<Named>,
}

const SQL: &str = concatcp!(
    "SELECT ",
    Discount::COLUMNS,
    " FROM discounts WHERE organization_id = $1 AND deleted_at IS NULL",
    PAGE
);

impl DiscountRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (discounts, place) =
            rows::<Discount>(tx, wanted, (SQL, after), |discount| (discount.created_at, discount.id.uuid()))?;
        if discounts.is_empty() {
            return Ok((Vec::new(), place));
        }
        let mut sql = Sql::new("SELECT discount_id, product_id FROM discount_products WHERE discount_id IN ");
        sql.bind_list(discounts.iter().map(|discount| discount.id)).push(" ORDER BY discount_id, position");
        let mut products: HashMap<Id<Discount>, Vec<Uuid>> = HashMap::new();
        for (discount_id, product_id) in tx.list::<(Id<Discount>, Uuid)>(&sql)? {
            products.entry(discount_id).or_default().push(product_id);
        }
        let records = discounts
            .into_iter()
            .map(|discount| {
                let products = products.remove(&discount.id).unwrap_or_default();
                Self::new(discount, products)
            })
            .collect();
        Ok((records, place))
    }

    fn new(discount: Discount, products: Vec<Uuid>) -> Self {
        let (reduction, span) = (discount.reduction(), discount.span());
        let (amount, currency, basis_points) = match reduction {
            Reduction::Fixed { amount, currency } => (Some(amount), Some(currency), None),
            Reduction::Percentage { basis_points } => (None, None, Some(basis_points)),
        };
        Self {
            id: discount.id,
            created_at: discount.created_at,
            modified_at: discount.modified_at,
            name: discount.name,
            r#type: reduction.r#type(),
            amount,
            currency,
            basis_points,
            duration: span.duration(),
            duration_in_months: match span {
                Span::Once | Span::Forever => None,
                Span::Months(months) => Some(months),
            },
            code: discount.code,
            starts_at: discount.starts_at,
            ends_at: discount.ends_at,
            max_redemptions: discount.max_redemptions,
            redemptions_count: discount.redemptions_count,
            metadata: discount.metadata,
            products: Named::all(products),
        }
    }

    /// What it takes off and for how long, if it has the members of its kind.
    fn effect(&self) -> Option<(Reduction, Span)> {
        let reduction = match self.r#type {
            DiscountType::Fixed => Reduction::Fixed { amount: self.amount?, currency: self.currency? },
            DiscountType::Percentage => Reduction::Percentage { basis_points: self.basis_points? },
        };
        let span = match self.duration {
            DiscountDuration::Once => Span::Once,
            DiscountDuration::Forever => Span::Forever,
            DiscountDuration::Repeating => Span::Months(self.duration_in_months?),
        };
        Some((reduction, span))
    }
}

impl Portable for DiscountRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.code.as_ref().map_or_else(|| self.name.clone(), ToString::to_string)
    }

    fn names(&self) -> Vec<Uuid> {
        self.products.iter().map(|named| named.id).collect()
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let Some((reduction, span)) = self.effect() else {
            return Ok(Taken::Behind(String::from("it has not the members of its kind")));
        };
        let products = batch.find_all(RecordKind::Product, self.names().into_iter());
        // A discount that loses its last product would be for all.
        if products.is_empty() && !self.products.is_empty() {
            return Ok(Taken::Behind(String::from("none of its products came in")));
        }
        if products.len() < self.products.len() {
            let remark = "some of its products did not come in";
            batch.remark_later(RecordKind::Discount, self.id.uuid(), &self.subject(), remark);
        }
        let of = self.clone();
        let command = ImportDiscount {
            id: of.id,
            organization_id: batch.organization_id(),
            name: of.name,
            reduction,
            span,
            code: of.code,
            starts_at: of.starts_at,
            ends_at: of.ends_at,
            max_redemptions: of.max_redemptions,
            redemptions_count: of.redemptions_count,
            products,
            metadata: of.metadata,
            created_at: of.created_at,
            modified_at: of.modified_at,
        };
        Ok(discounts::import(batch.tx, &command)?.into())
    }
}
