//! Countries by their two letters.

use merak_core::kit::Country;

use crate::wire::validation::problem::Fault;

/// The code in upper case.
pub(super) fn coerce(text: &str) -> Result<String, Fault> {
    Country::parse(text)
        .map(|country| country.as_str().to_owned())
        .ok_or(Fault::plain("country_alpha2", "Invalid country alpha2 code"))
}
