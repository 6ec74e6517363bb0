//! The order of lists: what a list may be sorted by, and its SQL.

use std::fmt;
use std::str::FromStr;

use merak_store::Order;

use super::UnknownText;

/// The properties that one list may be sorted by; made by `sort_properties!`.
pub trait SortProperty: Copy + 'static {
    /// What a caller may write, in the contract's order: each name and then its `-` twin.
    const SPELLINGS: &'static [&'static str];

    /// The name on the wire.
    fn name(self) -> &'static str;

    /// The SQL expression that is sorted by.
    fn sql(self) -> &'static str;

    /// Whether the expression can be null.
    fn is_nullable(self) -> bool;

    /// The property of this name.
    fn parse(name: &str) -> Option<Self>;
}

/// Declares the properties that a list may be sorted by, each with its name and its SQL expression.
///
/// ```text
/// sort_properties! {
///     /// What customers may be sorted by.
///     pub enum CustomerSort {
///         /// When the row was made.
///         CreatedAt = "created_at" => "customers.created_at",
///         /// The name, which a customer may not have.
///         Name = "name" => nullable "customers.name",
///     }
/// }
/// ```
///
/// `nullable` is to be written where the expression can be null and only there: the words it adds to the
/// statement keep an index from being used for the order.
macro_rules! sort_properties {
    (@nullable) => { false };
    (@nullable nullable) => { true };
    (
        $(#[$meta:meta])*
        $vis:vis enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal => $($nullable:ident)? $sql:literal ),+
            $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $( $(#[$variant_meta])* $variant ),+
        }

        impl $crate::kit::SortProperty for $name {
            const SPELLINGS: &'static [&'static str] = &[$( $text, concat!("-", $text) ),+];

            fn name(self) -> &'static str {
                match self {
                    $( Self::$variant => $text ),+
                }
            }

            fn sql(self) -> &'static str {
                match self {
                    $( Self::$variant => $sql ),+
                }
            }

            fn is_nullable(self) -> bool {
                match self {
                    $( Self::$variant => $crate::kit::sort_properties!(@nullable $($nullable)?) ),+
                }
            }

            fn parse(name: &str) -> Option<Self> {
                match name {
                    $( $text => Some(Self::$variant), )+
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use sort_properties;

/// One criterion of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort<P> {
    /// The property.
    pub by: P,
    /// Whether the greatest comes first.
    pub descending: bool,
}

impl<P> Sort<P> {
    /// The least first.
    pub const fn asc(by: P) -> Self {
        Self { by, descending: false }
    }

    /// The greatest first.
    pub const fn desc(by: P) -> Self {
        Self { by, descending: true }
    }
}

impl<P: SortProperty> fmt::Display for Sort<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.descending { "-" } else { "" }, self.by.name())
    }
}

impl<P: SortProperty> FromStr for Sort<P> {
    type Err = UnknownText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, descending) = match text.strip_prefix('-') {
            Some(name) => (name, true),
            None => (text, false),
        };
        match P::parse(name) {
            Some(by) => Ok(Self { by, descending }),
            None => Err(UnknownText { set: "sorting criterion", text: text.to_owned() }),
        }
    }
}

/// The order of a list. It ends with `tie_break`, a column without equals such as `customers.id`, in the direction of
/// the first criterion: pages neither overlap nor leave a row out, and the whole order is that of one index.
pub fn order<P: SortProperty>(sorts: &[Sort<P>], tie_break: &'static str) -> Vec<Order> {
    let criterion = |sort: &Sort<P>| Order {
        by: sort.by.sql(),
        descending: sort.descending,
        nullable: sort.by.is_nullable(),
    };
    let descending = sorts.first().is_some_and(|first| first.descending);
    sorts.iter().map(criterion).chain([Order { by: tie_break, descending, nullable: false }]).collect()
}

/// The whole `ORDER BY` of a list as [`order`] has it, with a space before it.
pub fn order_by<P: SortProperty>(sorts: &[Sort<P>], tie_break: &'static str) -> String {
    Order::clause(&order(sorts, tie_break))
}

#[cfg(test)]
mod tests {
    use super::*;

    sort_properties! {
        /// A test list.
        enum CustomerSort {
            /// Never null.
            CreatedAt = "created_at" => "customers.created_at",
            /// Sometimes null.
            Name = "name" => nullable "lower(customers.name)",
        }
    }

    #[test]
    fn spellings_stand_in_the_order_of_the_contract() {
        assert_eq!(CustomerSort::SPELLINGS, ["created_at", "-created_at", "name", "-name"]);
        for spelling in CustomerSort::SPELLINGS {
            assert_eq!(spelling.parse::<Sort<CustomerSort>>().unwrap().to_string(), *spelling);
        }
        for wrong in ["", "-", "--name", "Name", "size", "name "] {
            assert!(wrong.parse::<Sort<CustomerSort>>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn nulls_are_told_where_to_stand_and_ties_are_broken() {
        let sorts = [Sort::desc(CustomerSort::Name), Sort::asc(CustomerSort::CreatedAt)];
        assert_eq!(
            order_by(&sorts, "customers.id"),
            " ORDER BY lower(customers.name) DESC NULLS FIRST, customers.created_at ASC, customers.id DESC"
        );
        assert_eq!(
            order_by(&[Sort::asc(CustomerSort::Name)], "customers.id"),
            " ORDER BY lower(customers.name) ASC NULLS LAST, customers.id ASC"
        );
        assert_eq!(order_by::<CustomerSort>(&[], "customers.id"), " ORDER BY customers.id ASC");
    }
}
