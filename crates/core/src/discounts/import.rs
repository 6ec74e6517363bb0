//! Discounts that come from elsewhere.

use merak_store::{Timestamp, Tx};

use super::commands::{checked, count, restrict};
use super::{Discount, DiscountCode, Reduction, Span, queries};
use crate::kit::{Id, Imported, Metadata, Refusal, Result, problem_of_name};
use crate::organizations::Organization;
use crate::products::Product;
use crate::search;

/// A discount with what was redeemed of it.
#[derive(Clone, Debug)]
pub struct ImportDiscount {
    /// The discount's id.
    pub id: Id<Discount>,
    /// Whose discount.
    pub organization_id: Id<Organization>,
    /// What buyers see.
    pub name: String,
    /// What it takes off.
    pub reduction: Reduction,
    /// For how long it reduces what a subscription costs.
    pub span: Span,
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
    /// The products it is for, each once; none means all.
    pub products: Vec<Id<Product>>,
    /// The organization's own notes.
    pub metadata: Metadata,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub modified_at: Option<Timestamp>,
}

/// Takes a discount over. Refused if a live discount of the organization has its code.
pub fn import(tx: &mut Tx<'_>, command: &ImportDiscount) -> Result<Imported<Discount>> {
    const OWNER: &str = "SELECT organization_id FROM discounts WHERE id = $1";
    if let Some(reason) = impossible(command).or(problem_of_name(&command.name)) {
        return Ok(Imported::refused(reason));
    }
    let products = match checked(tx, command.organization_id, &command.products) {
        Ok(products) => products,
        Err(Refusal::Store(error)) => return Err(error.into()),
        Err(refusal) => return Ok(Imported::Refused(refusal.sentences())),
    };
    let mut discount = command.row();
    // On SQLite the code is compared by a trigger, whose conflict is nobody's to pass over.
    let is_taken = match &discount.code {
        Some(code) => queries::find_by_code(tx, discount.organization_id, code)?.is_some(),
        None => false,
    };
    if is_taken || !tx.insert_new(&discount)? {
        match tx.find::<Id<Organization>>(OWNER, &[&discount.id])? {
            Some(owner) if owner == discount.organization_id => return Ok(Imported::Found(discount.id)),
            Some(_) => discount.id = Id::new(tx),
            None => return Ok(Imported::refused("a discount here has the same code")),
        }
        if is_taken || !tx.insert_new(&discount)? {
            return Ok(Imported::refused("a discount here has the same code"));
        }
    }
    restrict(tx, discount.id, &products)?;
    search::add(tx, &discount)?;
    count(tx, discount.organization_id, 1)?;
    Ok(Imported::New(discount.id))
}

/// Why such a discount cannot be, if it cannot.
fn impossible(command: &ImportDiscount) -> Option<&'static str> {
    let is_part = |basis_points: i64| (1..=10_000).contains(&basis_points);
    match (command.reduction, command.span) {
        (Reduction::Percentage { basis_points }, _) if !is_part(basis_points) => {
            Some("it takes off less than nothing or more than everything")
        }
        (Reduction::Fixed { amount, .. }, _) if amount.get() < 0 => Some("it takes off less than nothing"),
        (_, Span::Months(months)) if months < 1 => Some("it reduces no month"),
        _ if command.redemptions_count < 0 => Some("it was redeemed less than never"),
        _ => None,
    }
}

impl ImportDiscount {
    fn row(&self) -> Discount {
        let (amount, currency, basis_points) = match self.reduction {
            Reduction::Fixed { amount, currency } => (Some(amount), Some(currency), None),
            Reduction::Percentage { basis_points } => (None, None, Some(basis_points)),
        };
        let duration_in_months = match self.span {
            Span::Once | Span::Forever => None,
            Span::Months(months) => Some(months),
        };
        Discount {
            id: self.id,
            organization_id: self.organization_id,
            name: self.name.clone(),
            r#type: self.reduction.r#type(),
            amount,
            currency,
            basis_points,
            duration: self.span.duration(),
            duration_in_months,
            code: self.code.clone(),
            starts_at: self.starts_at,
            ends_at: self.ends_at,
            max_redemptions: self.max_redemptions,
            redemptions_count: self.redemptions_count,
            metadata: self.metadata.clone(),
            created_at: self.created_at,
            modified_at: self.modified_at,
            deleted_at: None,
        }
    }
}
