//! Where a buyer goes who has bought.

use super::Checkout;

/// The seller's page for a buyer who has bought, with the checkout's id where the seller put a place for it. None if
/// the seller named no page.
///
/// A URL's path has braces percent-encoded and its query has not; the place is recognised in both forms. Nothing else
/// in braces is touched.
pub fn success_url(checkout: &Checkout) -> Option<String> {
    let url = checkout.success_url.as_ref()?.as_str();
    let id = checkout.id.to_string();
    Some(filled(url, &id, checkout.is_legacy))
}

/// The places of the id; the last two only in checkouts of the operations that came before.
const PLACES: [&str; 4] =
    ["{CHECKOUT_ID}", "%7BCHECKOUT_ID%7D", "{CHECKOUT_SESSION_ID}", "%7BCHECKOUT_SESSION_ID%7D"];

fn filled(url: &str, id: &str, is_legacy: bool) -> String {
    let places = if is_legacy { &PLACES[..] } else { &PLACES[..2] };
    places.iter().fold(url.to_owned(), |url, place| url.replace(place, id))
}

#[cfg(test)]
mod tests {
    use super::*;

    // spec 30 §2.6 and §7.1.10
    #[test]
    fn the_id_stands_where_the_seller_wants_it() {
        for (url, filled_in) in [
            ("https://x.test/ok?checkout_id={CHECKOUT_ID}", "https://x.test/ok?checkout_id=7"),
            ("https://x.test/%7BCHECKOUT_ID%7D/ok#{CHECKOUT_ID}", "https://x.test/7/ok#7"),
            ("https://x.test/?a={CHECKOUT_SESSION_ID}", "https://x.test/?a={CHECKOUT_SESSION_ID}"),
            ("https://x.test/?a={}&b={0}&c={&d={OTHER}", "https://x.test/?a={}&b={0}&c={&d={OTHER}"),
        ] {
            assert_eq!(filled(url, "7", false), filled_in);
        }
    }

    #[test]
    fn checkouts_of_before_have_another_place_as_well() {
        assert_eq!(filled("https://x.test/?a={CHECKOUT_SESSION_ID}", "7", true), "https://x.test/?a=7");
    }
}
