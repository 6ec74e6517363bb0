//! Finding things by a part of their name, in any letter case, among a million.
//!
//! Each thing has a row with its texts folded, and marks: a number for every three letters in a row. A query has marks
//! too, and an index knows what has all of them; only those few are compared. What so many match that looking them up
//! one by one costs more than reading everything is counted by reading everything, exactly, and [`Totals`] remembers
//! what came out. The commands of the nouns keep rows and marks, by `add`, `change` and `remove`.

mod marks;
mod page;
mod rows;
mod statements;
mod totals;

use merak_store::FromRow;
use serde::{Deserialize, Serialize};

pub use self::marks::{folded, indexed, marks_text};
pub use self::totals::Totals;
pub(crate) use self::{
    page::{Search, page},
    rows::{add, change, index_batch, remove, tick},
    statements::push_condition,
    totals::{Clock, Question},
};
use crate::custom_fields::CustomField;
use crate::customers::Customer;
use crate::discounts::Discount;
use crate::kit::Id;
use crate::organizations::Organization;
use crate::products::Product;

/// What can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Noun {
    /// By address and name.
    Customers,
    /// By name.
    Products,
    /// By name and code.
    Discounts,
    /// By name and slug.
    CustomFields,
}

/// What a noun's tables and columns are called.
struct Names {
    /// The things themselves.
    table: &'static str,
    /// What is kept of each for the search.
    rows: &'static str,
    /// The marks.
    marks: &'static str,
    /// The table and the column that say how many live things an organization has.
    counts: (&'static str, &'static str),
    /// What the rows of the search keep of what the list is sorted by, if they keep all: the expression over the
    /// thing's own columns, the column there, and that with its table.
    keys: &'static [(&'static str, &'static str, &'static str)],
}

impl Noun {
    /// The noun's name in tables.
    pub const fn as_str(self) -> &'static str {
        self.names().table
    }

    const fn names(self) -> &'static Names {
        match self {
            Self::Customers => &Names {
                table: "customers",
                rows: "customer_search",
                marks: "customer_marks",
                counts: ("customer_counts", "customers"),
                keys: &[
                    ("customers.id", "id", "customer_search.id"),
                    ("customers.created_at", "created_at", "customer_search.created_at"),
                    ("customers.email_lower", "email", "customer_search.email"),
                    ("customers.name_lower", "name", "customer_search.name"),
                ],
            },
            Self::Products => &Names {
                table: "products",
                rows: "product_search",
                marks: "product_marks",
                counts: ("product_counts", "products"),
                keys: &[("products.id", "id", "product_search.id")],
            },
            Self::Discounts => &Names {
                table: "discounts",
                rows: "discount_search",
                marks: "discount_marks",
                counts: ("discount_counts", "discounts"),
                keys: &[("discounts.id", "id", "discount_search.id")],
            },
            Self::CustomFields => &Names {
                table: "custom_fields",
                rows: "custom_field_search",
                marks: "custom_field_marks",
                counts: ("custom_field_counts", "custom_fields"),
                keys: &[("custom_fields.id", "id", "custom_field_search.id")],
            },
        }
    }
}

/// A thing that is found by its texts.
pub(crate) trait Searched: FromRow + Sized {
    /// Which noun it is.
    const NOUN: Noun;

    /// The columns of its row, with the table's name.
    const SELECTED: &'static str;

    /// Its id.
    fn id(&self) -> Id<Self>;

    /// Whose it is.
    fn organization_id(&self) -> Id<Organization>;

    /// The texts it is found by; an empty one is none.
    fn texts(&self) -> [&str; 2];

    /// Whether the search keeps the same of both.
    fn is_kept_alike(&self, other: &Self) -> bool {
        self.texts() == other.texts()
    }
}

impl Searched for Customer {
    const NOUN: Noun = Noun::Customers;
    const SELECTED: &'static str = Self::COLUMNS;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn organization_id(&self) -> Id<Organization> {
        self.organization_id
    }

    fn texts(&self) -> [&str; 2] {
        [self.email.as_str(), self.name.as_deref().unwrap_or_default()]
    }

    fn is_kept_alike(&self, other: &Self) -> bool {
        // An empty name stands elsewhere in the list than none.
        (&self.email, &self.name) == (&other.email, &other.name)
    }
}

impl Searched for Product {
    const NOUN: Noun = Noun::Products;
    const SELECTED: &'static str = Self::COLUMNS;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn organization_id(&self) -> Id<Organization> {
        self.organization_id
    }

    fn texts(&self) -> [&str; 2] {
        [&self.name, ""]
    }
}

impl Searched for Discount {
    const NOUN: Noun = Noun::Discounts;
    const SELECTED: &'static str = Self::COLUMNS;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn organization_id(&self) -> Id<Organization> {
        self.organization_id
    }

    fn texts(&self) -> [&str; 2] {
        [&self.name, self.code.as_ref().map_or("", |code| code.as_str())]
    }
}

impl Searched for CustomField {
    const NOUN: Noun = Noun::CustomFields;
    const SELECTED: &'static str = Self::COLUMNS;

    fn id(&self) -> Id<Self> {
        self.id
    }

    fn organization_id(&self) -> Id<Organization> {
        self.organization_id
    }

    fn texts(&self) -> [&str; 2] {
        [&self.name, self.slug.as_str()]
    }
}
