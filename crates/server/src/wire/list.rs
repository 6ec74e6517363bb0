//! Lists: page parameters, filters that take one value or many, sorting, and the envelope of the answer.

use merak_core::kit::{Page, Paged, Sort, SortProperty};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

use super::described::{Components, Described, answer, one_of_named};

/// The page a query asks for, with the limit capped.
pub fn page(page: i64, limit: i64) -> Page {
    let clamp = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Page::new(clamp(page), clamp(limit))
}

/// What `page` is when a query leaves it out.
pub fn first_page() -> i64 {
    1
}

/// What `limit` is when a query leaves it out.
pub fn usual_limit() -> i64 {
    10
}

/// A filter that takes one value or many; empty is no filter.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::<Vec<T>>::deserialize(deserializer).map(|values| Self(values.unwrap_or_default()))
    }
}

impl<T: Described> Described for Many<T> {
    const OPTIONAL: bool = true;

    fn schema(components: &mut Components) -> Value {
        let one = T::schema(components);
        json!({"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]})
    }
}

/// The schema of a `sorting` parameter.
pub fn sorts<P: SortProperty>(components: &mut Components, name: &str, default: &str) -> Value {
    let property = one_of_named(components, name, |_| json!({"type": "string", "enum": P::SPELLINGS}));
    json!({
        "anyOf": [{"type": "array", "items": property}, {"type": "null"}],
        "default": [default],
        "description": "In which order; repeat it to sort equals further, put `-` before a name to turn it round."
    })
}

/// Implements a `sorting` parameter type for one list: its component name and its default.
macro_rules! sorting {
    ($name:ident, $property:ty, $component:literal, $default:literal) => {
        /// The order of the list.
        #[derive(Clone, Debug, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Option<Vec<String>>);

        impl Default for $name {
            fn default() -> Self {
                Self(None)
            }
        }

        impl $name {
            /// The criteria, or the list's default.
            pub fn criteria(&self) -> Vec<merak_core::kit::Sort<$property>> {
                let given = self.0.as_deref().unwrap_or_default();
                if given.is_empty() {
                    return $crate::wire::parse_sorts(&[$default.to_owned()]);
                }
                $crate::wire::parse_sorts(given)
            }
        }

        impl $crate::wire::Described for $name {
            const OPTIONAL: bool = true;

            fn schema(components: &mut $crate::wire::Components) -> serde_json::Value {
                $crate::wire::sorts::<$property>(components, $component, $default)
            }
        }
    };
}
pub(crate) use sorting;

/// Reads criteria that the schema let pass.
pub fn parse_sorts<P: SortProperty>(texts: &[String]) -> Vec<Sort<P>> {
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}

answer! {
    /// How long a list is.
    pub struct Pagination {
        /// How many items there are on all pages.
        pub total_count: i64,
        /// The number of the last page; 0 if the list is empty.
        pub max_page: i64,
    }
}

/// A page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct ListResource<T> {
    /// The items.
    pub items: Vec<T>,
    /// How long the list is.
    pub pagination: Pagination,
}

impl<T> ListResource<T> {
    /// Wraps a page of domain nouns.
    pub fn new<N>(paged: Paged<N>, page: Page, wire: impl FnMut(N) -> T) -> Self {
        let pagination = Pagination { total_count: paged.total, max_page: paged.max_page(page) };
        Self { items: paged.items.into_iter().map(wire).collect(), pagination }
    }
}

impl<T: Described> Described for ListResource<T> {
    fn schema(components: &mut Components) -> Value {
        let item = T::schema(components);
        // A union without a component of its own says by its title how its list is called.
        let name = item["$ref"].as_str().and_then(|path| path.rsplit('/').next()).or(item["title"].as_str());
        let name = format!("ListResource_{}_", name.unwrap_or("Item"));
        one_of_named(components, &name, |components| {
            json!({
                "type": "object",
                "properties": {
                    "items": {"type": "array", "items": item},
                    "pagination": Pagination::schema(components)
                },
                "required": ["items", "pagination"]
            })
        })
    }
}
