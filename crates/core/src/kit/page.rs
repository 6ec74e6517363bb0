//! Pages of lists.

/// The longest page there is; a longer one that is asked for is cut to this without a word, by the contract.
pub const LONGEST: u32 = 100;

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    number: u32,
    limit: u32,
}

impl Page {
    /// The page `number`, counted from one, of `limit` rows. Zero is taken as one; the limit ends at
    /// [`LONGEST`].
    pub fn new(number: u32, limit: u32) -> Self {
        Self { number: number.max(1), limit: limit.clamp(1, LONGEST) }
    }

    /// Which page, counted from one.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// How many rows a page has at most.
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// How many rows stand before the page.
    pub fn offset(self) -> i64 {
        i64::from(self.number - 1) * i64::from(self.limit)
    }

    /// The limit as a statement binds it.
    pub fn rows(self) -> i64 {
        i64::from(self.limit)
    }
}

impl Default for Page {
    fn default() -> Self {
        Self::new(1, 10)
    }
}

/// The rows of one page, and how many there are on all pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paged<T> {
    /// The rows of the page, in order.
    pub items: Vec<T>,
    /// How many rows match, on all pages.
    pub total: i64,
}

impl<T> Paged<T> {
    /// These rows out of so many.
    pub fn new(items: Vec<T>, total: i64) -> Self {
        Self { items, total }
    }

    /// The number of the last page, zero if nothing matches.
    pub fn max_page(&self, page: Page) -> i64 {
        // `div_ceil` of signed numbers is not stable; `total` is never negative.
        (self.total + page.rows() - 1) / page.rows()
    }

    /// The same page of other things.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Paged<U> {
        Paged { items: self.items.into_iter().map(f).collect(), total: self.total }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_long_page_is_cut_and_a_zero_is_one() {
        assert_eq!(Page::new(3, 500), Page { number: 3, limit: 100 });
        assert_eq!(Page::new(0, 0), Page { number: 1, limit: 1 });
        assert_eq!((Page::default().offset(), Page::default().rows()), (0, 10));
    }

    #[test]
    fn the_last_page_may_be_shorter() {
        for (total, limit, pages) in [(0, 10, 0), (1, 10, 1), (10, 10, 1), (11, 10, 2), (23, 10, 3)] {
            assert_eq!(Paged::<()>::new(vec![], total).max_page(Page::new(1, limit)), pages, "{total}");
        }
    }

    proptest! {
        #[test]
        fn an_offset_never_overflows(number: u32, limit: u32) {
            let page = Page::new(number, limit);
            prop_assert!(page.offset() >= 0);
            prop_assert!((1..=100).contains(&page.limit()));
        }

        #[test]
        fn the_pages_cover_every_row_and_no_more(total in 0i64..100_000, limit in 1u32..=100) {
            let pages = Paged::<()>::new(vec![], total).max_page(Page::new(1, limit));
            prop_assert!(pages * i64::from(limit) >= total);
            prop_assert!((pages - 1) * i64::from(limit) < total || total == 0);
        }
    }
}
