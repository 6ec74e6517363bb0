//! Prices. A price never changes once it is made; it can only be archived, for good.

use std::sync::Arc;

use const_format::concatcp;
use merak_store::{Lookup, ReadTx, Sql, Timestamp, row};
use serde_json::{Value, json};

use super::Product;
use crate::kit::{Cents, Currency, Id, Result, text_enum};

text_enum! {
    /// How often something is paid.
    pub enum PriceType {
        /// Once.
        OneTime = "one_time",
        /// Again and again.
        Recurring = "recurring",
    }
}

text_enum! {
    /// How an amount comes about, in the order of lists.
    pub enum AmountType {
        /// Nothing is paid.
        Free = "free",
        /// The buyer chooses.
        Custom = "custom",
        /// The seller chose.
        Fixed = "fixed",
    }
}

text_enum! {
    /// After which time something is paid again.
    pub enum RecurringInterval {
        /// Each month.
        Month = "month",
        /// Each year.
        Year = "year",
    }
}

row! {
    /// One price of a product.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Price in "product_prices" {
        /// The price's id.
        pub id: Id<Price>,
        /// What costs this much.
        pub product_id: Id<Product>,
        /// The place among all prices the product ever had, the oldest first.
        pub position: i64,
        /// How often it is paid.
        pub r#type: PriceType,
        /// How the amount comes about.
        pub amount_type: AmountType,
        /// When it is paid again; set if and only if it recurs.
        pub recurring_interval: Option<RecurringInterval>,
        /// In which currency; not set if and only if it is free.
        pub price_currency: Option<Currency>,
        /// How much; set if and only if it is fixed.
        pub price_amount: Option<Cents>,
        /// The least a buyer can choose.
        pub minimum_amount: Option<Cents>,
        /// The most a buyer can choose.
        pub maximum_amount: Option<Cents>,
        /// What is proposed to a buyer.
        pub preset_amount: Option<Cents>,
        /// Whether nobody can buy at it any more.
        pub is_archived: bool,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it was archived.
        pub modified_at: Option<Timestamp>,
    }
}

/// How much something costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// Nothing.
    Free,
    /// What the buyer chooses. The bounds are not checked against each other.
    Custom {
        /// In which currency.
        currency: Currency,
        /// The least a buyer can choose.
        minimum: Option<Cents>,
        /// The most a buyer can choose.
        maximum: Option<Cents>,
        /// What is proposed.
        preset: Option<Cents>,
    },
    /// This much.
    Fixed {
        /// In which currency.
        currency: Currency,
        /// How much.
        amount: Cents,
    },
}

/// A price to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewPrice {
    /// After which time it is paid again; none is once.
    pub recurring_interval: Option<RecurringInterval>,
    /// How much.
    pub amount: Amount,
}

/// One item of the new list of prices that an update gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceChange {
    /// Keep this current price.
    Keep(Id<Price>),
    /// Add this one.
    Add(NewPrice),
}

impl NewPrice {
    /// How often it is paid.
    pub fn r#type(&self) -> PriceType {
        if self.recurring_interval.is_some() { PriceType::Recurring } else { PriceType::OneTime }
    }

    /// How the amount comes about.
    pub fn amount_type(&self) -> AmountType {
        match self.amount {
            Amount::Free => AmountType::Free,
            Amount::Custom { .. } => AmountType::Custom,
            Amount::Fixed { .. } => AmountType::Fixed,
        }
    }

    /// The row of it.
    pub(super) fn row(
        &self,
        id: Id<Price>,
        product_id: Id<Product>,
        position: i64,
        created_at: Timestamp,
    ) -> Price {
        let mut price = Price {
            id,
            product_id,
            position,
            r#type: self.r#type(),
            amount_type: self.amount_type(),
            recurring_interval: self.recurring_interval,
            price_currency: None,
            price_amount: None,
            minimum_amount: None,
            maximum_amount: None,
            preset_amount: None,
            is_archived: false,
            created_at,
            modified_at: None,
        };
        match self.amount {
            Amount::Free => {}
            Amount::Custom { currency, minimum, maximum, preset } => {
                price.price_currency = Some(currency);
                (price.minimum_amount, price.maximum_amount, price.preset_amount) =
                    (minimum, maximum, preset);
            }
            Amount::Fixed { currency, amount } => {
                (price.price_currency, price.price_amount) = (Some(currency), Some(amount));
            }
        }
        price
    }
}

impl PriceChange {
    /// The item as it is written in a request, to be shown to the caller beside what is wrong with it.
    pub(super) fn as_sent(&self) -> Value {
        let price = match self {
            Self::Keep(id) => return json!({ "id": id }),
            Self::Add(price) => price,
        };
        let mut sent = json!({"type": price.r#type(), "amount_type": price.amount_type()});
        if let Some(interval) = price.recurring_interval {
            sent["recurring_interval"] = json!(interval);
        }
        match price.amount {
            Amount::Free => {}
            Amount::Custom { currency, minimum, maximum, preset } => {
                sent["price_currency"] = json!(currency);
                sent["minimum_amount"] = json!(minimum);
                sent["maximum_amount"] = json!(maximum);
                sent["preset_amount"] = json!(preset);
            }
            Amount::Fixed { currency, amount } => {
                sent["price_currency"] = json!(currency);
                sent["price_amount"] = json!(amount);
            }
        }
        sent
    }
}

/// The prices with these ids, archived or not; says nothing about who may see them.
pub fn find_prices(tx: &mut ReadTx<'_>, ids: &[Id<Price>]) -> Result<Vec<Price>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new(format!("SELECT {} FROM product_prices WHERE id IN ", Price::COLUMNS));
    sql.bind_list(ids.iter().copied());
    Ok(tx.list(&sql)?)
}

static BY_ID: Lookup<Price> =
    Lookup::new(concatcp!(Price::COLUMNS, " FROM product_prices WHERE id = $1"), &["product_prices"]);

/// The price with this id, archived or not, if there is one; says nothing about who may see it.
pub fn find_price(tx: &mut ReadTx<'_>, id: Id<Price>) -> Result<Option<Price>> {
    Ok(tx.look_up(&BY_ID, &[&id])?.map(Arc::unwrap_or_clone))
}

/// The price a product is given at: the oldest current one, else the oldest there ever was.
pub(crate) fn first_price(tx: &mut ReadTx<'_>, product_id: Id<Product>) -> Result<Option<Id<Price>>> {
    const SQL: &str =
        "SELECT id FROM product_prices WHERE product_id = $1 ORDER BY is_archived, position LIMIT 1";
    Ok(tx.find(SQL, &[&product_id])?)
}

/// The oldest current price of a product, if it has one.
pub(crate) fn first_current_price(tx: &mut ReadTx<'_>, product_id: Id<Product>) -> Result<Option<Price>> {
    const SQL: &str = concatcp!(
        "SELECT ",
        Price::COLUMNS,
        " FROM product_prices WHERE product_id = $1 AND NOT is_archived ORDER BY position LIMIT 1"
    );
    Ok(tx.find(SQL, &[&product_id])?)
}
