//! Orders, as far as they say who bought what.

use const_format::concatcp;
use merak_store::{ReadTx, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::batch::{Batch, Taken};
use super::export::{Wanted, rows};
use super::record::Portable;
use super::{Place, RecordKind, customers};
use crate::customers::Customer;
use crate::kit::{Id, Imported, Result};
use crate::orders::{self, Order};
use crate::products::{self, Product};

/// An order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderRecord {
    /// The order's id.
    pub id: Id<Order>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
    /// Who bought.
    pub customer_id: Id<Customer>,
    /// What was bought.
    pub product_id: Id<Product>,
    /// The subscription it pays for.
    pub subscription_id: Option<Uuid>,
}

const SQL: &str = concatcp!(
    "SELECT ",
    Order::COLUMNS,
    " FROM orders JOIN customers ON customers.id = orders.customer_id AND ",
    customers::GOES_ALONG,
    " JOIN products ON products.id = orders.product_id AND products.deleted_at IS NULL \
     WHERE customers.organization_id = $1 AND orders.created_at <= $2 \
     AND (orders.created_at, orders.id) > ($3, $4) ORDER BY orders.created_at, orders.id LIMIT $5"
);

impl OrderRecord {
    pub(super) fn export(
        tx: &mut ReadTx<'_>,
        wanted: &Wanted,
        after: Option<Place>,
    ) -> Result<(Vec<Self>, Option<Place>)> {
        let (orders, place) =
            rows::<Order>(tx, wanted, (SQL, after), |order| (order.created_at, order.id.uuid()))?;
        let record = |order: Order| Self {
            id: order.id,
            created_at: order.created_at,
            modified_at: order.modified_at,
            customer_id: order.customer_id,
            product_id: order.product_id,
            subscription_id: order.subscription_id.map(Id::uuid),
        };
        Ok((orders.into_iter().map(record).collect(), place))
    }
}

impl Portable for OrderRecord {
    fn id(&self) -> Uuid {
        self.id.uuid()
    }

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn names(&self) -> Vec<Uuid> {
        vec![self.customer_id.uuid(), self.product_id.uuid()]
    }

    fn take(&self, batch: &mut Batch<'_, '_>) -> Result<Taken> {
        let Some(customer_id) = batch.find(RecordKind::Customer, self.customer_id.uuid()) else {
            return Ok(Taken::Behind(String::from("its customer did not come in")));
        };
        let Some(product_id) = batch.find(RecordKind::Product, self.product_id.uuid()) else {
            return Ok(Taken::Behind(String::from("its product did not come in")));
        };
        let Some(product) = products::find(batch.tx, product_id)? else {
            return Ok(Taken::Behind(String::from("its product is not here any more")));
        };
        let price_id = products::first_price(batch.tx, product_id)?;
        let mut order = Order::of_nothing(self.id, &product, price_id, customer_id, self.created_at);
        order.subscription_id = self.subscription_id.map(Id::from_uuid);
        order.modified_at = self.modified_at;
        let imported: Imported<Order> = orders::import(batch.tx, &order)?;
        Ok(imported.into())
    }
}
