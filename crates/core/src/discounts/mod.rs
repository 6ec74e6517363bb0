//! Reductions of prices that buyers get by a code, or that a checkout link brings along.

mod code;
mod commands;
mod import;
mod queries;
mod redemptions;
pub mod rules;

use merak_store::{Timestamp, row};

pub use self::code::{DiscountCode, DiscountCodeProblem};
pub use self::commands::{CreateDiscount, UpdateDiscount, create, delete, update};
pub use self::import::{ImportDiscount, import};
pub use self::queries::{
    CompleteDiscount, ListDiscounts, complete, complete_one, find_by_code, find_many, get, is_for_product,
    list,
};
pub use self::redemptions::{Redemption, redeem, release};
use crate::kit::{Cents, Currency, Id, Metadata, sort_properties, text_enum};
use crate::organizations::Organization;

text_enum! {
    /// How a discount reduces a price.
    pub enum DiscountType {
        /// By an amount.
        Fixed = "fixed",
        /// By a part.
        Percentage = "percentage",
    }
}

text_enum! {
    /// Which payments for a subscription a discount reduces. What is paid once is always reduced.
    pub enum DiscountDuration {
        /// The first.
        Once = "once",
        /// All.
        Forever = "forever",
        /// Those of the first months.
        Repeating = "repeating",
    }
}

/// What a discount takes off a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// An amount.
    Fixed {
        /// How much.
        amount: Cents,
        /// In which currency.
        currency: Currency,
    },
    /// A part.
    Percentage {
        /// How many ten-thousandths, 1 to 10 000.
        basis_points: i64,
    },
}

/// For how long a discount reduces what a subscription costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// For the first payment.
    Once,
    /// For all payments.
    Forever,
    /// For the payments of so many months of the calendar.
    Months(i64),
}

row! {
    /// A reduction of prices.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Discount in "discounts" {
        /// The discount's id.
        pub id: Id<Discount>,
        /// Whose discount this is.
        pub organization_id: Id<Organization>,
        /// What buyers see.
        pub name: String,
        r#type: DiscountType,
        amount: Option<Cents>,
        currency: Option<Currency>,
        basis_points: Option<i64>,
        duration: DiscountDuration,
        duration_in_months: Option<i64>,
        /// What buyers type, unique among the organization's live discounts in any letter case. Without one the discount
        /// is given by the seller only.
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
        pub metadata: Metadata,
        /// When it was made.
        pub created_at: Timestamp,
        /// When it last changed.
        pub modified_at: Option<Timestamp>,
        /// When it was deleted.
        pub deleted_at: Option<Timestamp>,
    }
}

impl Discount {
    /// What it takes off a price. The store sees to it that exactly the members of the type are there.
    pub fn reduction(&self) -> Reduction {
        match self.r#type {
            DiscountType::Fixed => Reduction::Fixed {
                amount: self.amount.unwrap_or_default(),
                currency: self.currency.unwrap_or_default(),
            },
            DiscountType::Percentage => {
                Reduction::Percentage { basis_points: self.basis_points.unwrap_or_default() }
            }
        }
    }

    /// For how long it reduces what a subscription costs.
    pub fn span(&self) -> Span {
        match self.duration {
            DiscountDuration::Once => Span::Once,
            DiscountDuration::Forever => Span::Forever,
            DiscountDuration::Repeating => Span::Months(self.duration_in_months.unwrap_or_default()),
        }
    }
}

impl Reduction {
    /// The type of discounts that reduce like this.
    pub const fn r#type(self) -> DiscountType {
        match self {
            Self::Fixed { .. } => DiscountType::Fixed,
            Self::Percentage { .. } => DiscountType::Percentage,
        }
    }
}

impl Span {
    /// The duration of discounts that last so long.
    pub const fn duration(self) -> DiscountDuration {
        match self {
            Self::Once => DiscountDuration::Once,
            Self::Forever => DiscountDuration::Forever,
            Self::Months(_) => DiscountDuration::Repeating,
        }
    }
}

sort_properties! {
    /// What a list of discounts can be sorted by.
    pub enum DiscountSort {
        /// When the discount was made.
        CreatedAt = "created_at" => "discounts.created_at",
        /// The name, whatever its letter case.
        Name = "name" => "discounts.name_lower",
        /// The code, by its bytes; what has none stands last going up.
        Code = "code" => "coalesce(discounts.code, '\u{10FFFF}')",
        /// How often it was redeemed.
        RedemptionsCount = "redemptions_count" => "discounts.redemptions_count",
    }
}
