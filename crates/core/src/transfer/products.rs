//! Products with their prices and everything else that belongs to them.

use std::collections::{HashMap, HashSet};

use const_format::concatcp;
use merak_store::{FromRow, ReadTx, Sql, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{PAGE, Wanted, rows};
use super::record::Portable;
use super::{Named, Place, RecordKind};
use crate::benefits::Benefit;
use crate::custom_fields::CustomField;
use crate::files::File;
use crate::kit::{Cents, Currency, Id, Metadata, Result};
use crate::products::{
    self, AmountType, AttachField, ImportProduct, Price, PriceType, Product, RecurringInterval, check_prices,
};

/// A product, with the members of the API's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProductRecord {
    /// The product's id.
    pub id: Id<Product>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// What it is called.
    pub name: String,
    /// What buyers read about it.
    pub description: Option<String>,
    /// Whether it is no longer sold.
    pub is_archived: bool,
    /// The organization's own notes.
    #[serde(default)]
    pub metadata: Metadata,
    /// Its prices, the oldest first; archived ones too, which the API does not show.
    pub prices: Vec<PriceRecord>,
    /// What comes with it, in order.
    pub benefits: Vec<Named>,
    /// Its pictures, in order.
    #[serde(default)]
    pub medias: Vec<Named>,
    /// What its buyers are asked, in order.
    #[serde(default)]
    pub attached_custom_fields: Vec<AttachedFieldRecord>,
}

/// A price of a product.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PriceRecord {
    /// The price's id.
    pub id: Id<Price>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was archived.
    pub modified_at: Option<Timestamp>,
    /// How often it is paid.
    pub r#type: PriceType,
    /// How the amount comes about.
    pub amount_type: AmountType,
    /// Whether nobody can buy at it any more.
    pub is_archived: bool,
    /// When it is paid again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurring_interval: Option<RecurringInterval>,
    /// In which currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_currency: Option<Currency>,
    /// How much.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_amount: Option<Cents>,
    /// The least a buyer can choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_amount: Option<Cents>,
    /// The most a buyer can choose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maximum_amount: Option<Cents>,
    /// What is proposed to a buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset_amount: Option<Cents>,
}

/// A custom field on a product.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct AttachedFieldRecord {
    /// The field.
    pub custom_field_id: Id<CustomField>,
    /// Whether buyers must answer.
    pub required: bool,
}

const SQL: &str = concatcp!(
    "SELECT ",
    Product::COLUMNS,
    " FROM products WHERE organization_id = $1 AND deleted_at IS NULL",
    PAGE
);
const PRICES: &str =
    concatcp!("SELECT product_id, ", Price::COLUMNS, " FROM product_prices WHERE product_id IN ");

impl ProductRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        const BENEFITS: &str = "SELECT product_id, benefit_id FROM product_benefits \
             JOIN benefits ON benefits.id = benefit_id AND benefits.deleted_at IS NULL WHERE product_id IN ";
        const MEDIAS: &str = "SELECT product_id, file_id FROM product_medias \
             JOIN files ON files.id = file_id AND files.is_uploaded AND files.deleted_at IS NULL WHERE product_id IN ";
        const FIELDS: &str = "SELECT product_id, custom_field_id, required FROM product_custom_fields \
             JOIN custom_fields ON custom_fields.id = custom_field_id AND custom_fields.deleted_at IS NULL \
             WHERE product_id IN ";
        let (products, place) =
            rows::<Product>(tx, wanted, (SQL, after), |product| (product.created_at, product.id.uuid()))?;
        if products.is_empty() {
            return Ok((Vec::new(), place));
        }
        let mut prices = of_each::<Price>(tx, PRICES, &products)?;
        let mut benefits = of_each::<Uuid>(tx, BENEFITS, &products)?;
        let mut medias = of_each::<Uuid>(tx, MEDIAS, &products)?;
        let mut fields = of_each::<(Id<CustomField>, bool)>(tx, FIELDS, &products)?;
        let records = products
            .into_iter()
            .map(|product| Self {
                prices: prices
                    .remove(&product.id)
                    .unwrap_or_default()
                    .into_iter()
                    .map(PriceRecord::from)
                    .collect(),
                benefits: Named::all(benefits.remove(&product.id).unwrap_or_default()),
                medias: Named::all(medias.remove(&product.id).unwrap_or_default()),
                attached_custom_fields: fields
                    .remove(&product.id)
                    .unwrap_or_default()
                    .into_iter()
                    .map(|(custom_field_id, required)| AttachedFieldRecord { custom_field_id, required })
                    .collect(),
                id: product.id,
                created_at: product.created_at,
                modified_at: product.modified_at,
                name: product.name,
                description: product.description,
                is_archived: product.is_archived,
                metadata: product.metadata,
            })
            .collect();
        Ok((records, place))
    }
}

/// What belongs to each of these products, in its order.
fn of_each<T: FromRow>(
    tx: &mut ReadTx<'_>,
    select: &str,
    products: &[Product],
) -> Result<HashMap<Id<Product>, Vec<T>>> {
    let mut sql = Sql::new(select);
    sql.bind_list(products.iter().map(|product| product.id)).push(" ORDER BY product_id, position");
    let mut found: HashMap<_, Vec<T>> = HashMap::new();
    for (product_id, thing) in tx.list::<(Id<Product>, T)>(&sql)? {
        found.entry(product_id).or_default().push(thing);
    }
    Ok(found)
}

/// Which of these things that came in before are here still.
fn live(
    tx: &mut ReadTx<'_>,
    (benefits, medias, fields): (&[Id<Benefit>], &[Id<File>], &[AttachField]),
) -> Result<HashSet<Uuid>> {
    let benefits: Vec<Uuid> = benefits.iter().map(|id| id.uuid()).collect();
    let medias: Vec<Uuid> = medias.iter().map(|id| id.uuid()).collect();
    let fields: Vec<Uuid> = fields.iter().map(|field| field.custom_field_id.uuid()).collect();
    let mut sql = Sql::new("SELECT id FROM benefits WHERE deleted_at IS NULL AND id IN ");
    sql.bind_list(benefits);
    sql.push(" UNION ALL SELECT id FROM files WHERE deleted_at IS NULL AND id IN ").bind_list(medias);
    sql.push(" UNION ALL SELECT id FROM custom_fields WHERE deleted_at IS NULL AND id IN ").bind_list(fields);
    Ok(tx.list(&sql)?.into_iter().collect())
}

/// Leaves out what is not here any more. Whether all of it is.
fn keep_live<T>(things: &mut Vec<T>, live: &HashSet<Uuid>, id: impl Fn(&T) -> Uuid) -> bool {
    let before = things.len();
    things.retain(|thing| live.contains(&id(thing)));
    things.len() == before
}

impl From<Price> for PriceRecord {
    fn from(price: Price) -> Self {
        Self {
            id: price.id,
            created_at: price.created_at,
            modified_at: price.modified_at,
            r#type: price.r#type,
            amount_type: price.amount_type,
            is_archived: price.is_archived,
            recurring_interval: price.recurring_interval,
            price_currency: price.price_currency,
            price_amount: price.price_amount,
            minimum_amount: price.minimum_amount,
            maximum_amount: price.maximum_amount,
            preset_amount: price.preset_amount,
        }
    }
}

impl PriceRecord {
    /// The price as it stands on a product, if it has the members of its kind and no others.
    fn row(&self, product_id: Id<Product>) -> Option<Price> {
        let is_whole = (self.r#type == PriceType::Recurring) == self.recurring_interval.is_some()
            && (self.amount_type == AmountType::Fixed) == self.price_amount.is_some()
            && (self.amount_type == AmountType::Free) == self.price_currency.is_none();
        is_whole.then_some(Price {
            id: self.id,
            product_id,
            position: 0,
            r#type: self.r#type,
            amount_type: self.amount_type,
            recurring_interval: self.recurring_interval,
            price_currency: self.price_currency,
            price_amount: self.price_amount,
            minimum_amount: self.minimum_amount,
            maximum_amount: self.maximum_amount,
            preset_amount: self.preset_amount,
            is_archived: self.is_archived,
            created_at: self.created_at,
            modified_at: self.modified_at,
        })
    }
}

/// What is told of a product whose benefits are not all here.
const FEWER: &str = "some of its benefits did not come in";

/// What is told of a product that is here longer than some of its benefits.
const LATER: &str = "some of its benefits came in after it and are not on it: put them on it, or those who hold them lose them when \
                     its benefits change";

impl Portable for ProductRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.name.clone()
    }

    fn names(&self) -> Vec<Uuid> {
        let fields = self.attached_custom_fields.iter().map(|field| field.custom_field_id.uuid());
        self.benefits.iter().chain(&self.medias).map(|named| named.id).chain(fields).collect()
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let prices: Option<Vec<Price>> = self.prices.iter().map(|price| price.row(self.id)).collect();
        let Some(prices) = prices else {
            return Ok(Taken::Behind(String::from("one of its prices has not the members of its kind")));
        };
        let mut benefits = batch.find_all(RecordKind::Benefit, self.benefits.iter().map(|named| named.id));
        let mut medias = batch.find_all(RecordKind::File, self.medias.iter().map(|named| named.id));
        let mut fields: Vec<AttachField> = self
            .attached_custom_fields
            .iter()
            .filter_map(|field| {
                let id = batch.find(RecordKind::CustomField, field.custom_field_id.uuid())?;
                Some(AttachField { custom_field_id: id, required: field.required })
            })
            .collect();
        let mut lacks = Vec::new();
        for (there, here, remark) in [
            (self.benefits.len(), benefits.len(), FEWER),
            (self.medias.len(), medias.len(), "some of its pictures did not come in"),
            (self.attached_custom_fields.len(), fields.len(), "some of its custom fields did not come in"),
        ] {
            if here < there {
                lacks.push(String::from(remark));
            }
        }
        let live = live(batch.tx, (&benefits, &medias, &fields))?;
        for (is_whole, remark) in [
            (keep_live(&mut benefits, &live, |id| id.uuid()), "some of its benefits were deleted here"),
            (keep_live(&mut medias, &live, |id| id.uuid()), "some of its pictures were deleted here"),
            (
                keep_live(&mut fields, &live, |field| field.custom_field_id.uuid()),
                "some of its custom fields were deleted here",
            ),
        ] {
            if !is_whole {
                lacks.push(String::from(remark));
            }
        }
        let current = self.prices.iter().zip(&prices).filter(|(record, _)| !record.is_archived);
        let current: Vec<&Price> = current.map(|(_, price)| price).collect();
        if !current.is_empty()
            && let Err(problem) = check_prices(current)
        {
            lacks.push(format!("its prices stay as they are, though no product can be made so: {problem}"));
        }
        let of = self.clone();
        let command = ImportProduct {
            id: of.id,
            organization_id: batch.organization_id(),
            name: of.name,
            description: of.description,
            is_archived: of.is_archived,
            metadata: of.metadata,
            prices,
            benefits,
            fields,
            medias,
            created_at: of.created_at,
            modified_at: of.modified_at,
        };
        let (imported, prices) = products::import(batch.tx, &command)?;
        for (there, here) in prices {
            batch.place(RecordKind::ProductPrice, there.uuid(), here.uuid());
        }
        let taken = Taken::from(imported);
        if matches!(taken, Taken::Here { .. }) {
            for remark in lacks {
                batch.remark_later(RecordKind::Product, self.id.uuid(), &self.subject(), &remark);
            }
        }
        Ok(taken)
    }
    /// A product is the seller's once it is here, so benefits that came in after it are told and not put on it.
    fn complete(&self, batch: &mut Batch<'_, '_>, here: Uuid) -> Result<()> {
        let Some(subject) = batch.subject_behind(RecordKind::Product, self.id.uuid()).map(str::to_owned)
        else {
            return Ok(());
        };
        let told = batch.remarks_of(RecordKind::Product, self.id.uuid())?;
        if !told.iter().any(|remark| remark == FEWER || remark == LATER) {
            return Ok(());
        }
        let mut benefits = batch.find_all(RecordKind::Benefit, self.benefits.iter().map(|named| named.id));
        let is_whole = benefits.len() == self.benefits.len();
        let live = live(batch.tx, (&benefits, &[], &[]))?;
        keep_live(&mut benefits, &live, |id| id.uuid());
        let on_it: HashSet<Id<Benefit>> = batch
            .tx
            .all("SELECT benefit_id FROM product_benefits WHERE product_id = $1", &[&here])?
            .into_iter()
            .collect();
        batch.forget_remarks(RecordKind::Product, self.id.uuid())?;
        let others = told.iter().map(String::as_str).filter(|remark| *remark != FEWER && *remark != LATER);
        let fewer = (!is_whole).then_some(FEWER);
        let later = benefits.iter().any(|id| !on_it.contains(id)).then_some(LATER);
        for remark in others.chain(fewer).chain(later) {
            batch.remark(RecordKind::Product, self.id.uuid(), &subject, remark)?;
        }
        Ok(())
    }
}
