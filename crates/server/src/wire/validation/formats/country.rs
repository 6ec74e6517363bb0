//! Countries by their two letters.

use crate::wire::validation::problem::Fault;

/// The officially assigned codes of ISO 3166-1 alpha-2, sorted.
const CODES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ \
    BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH \
    ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE \
    IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC \
    MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE \
    PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV \
    SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT \
    ZA ZM ZW";

/// The code in upper case.
pub(super) fn coerce(text: &str) -> Result<&'static str, Fault> {
    CODES
        .split_ascii_whitespace()
        .find(|code| code.eq_ignore_ascii_case(text))
        .ok_or(Fault::plain("country_alpha2", "Invalid country alpha2 code"))
}

#[cfg(test)]
mod tests {
    use super::{CODES, coerce};

    #[test]
    fn codes_are_accepted_in_any_case() {
        assert_eq!(coerce("fr").unwrap(), "FR");
        assert_eq!(coerce("De").unwrap(), "DE");
        for text in ["", "XX", "FRA", "UK", "f r", "FR DE"] {
            assert_eq!(coerce(text).unwrap_err().kind, "country_alpha2", "{text}");
        }
    }

    #[test]
    fn the_list_is_complete_and_sorted() {
        let codes: Vec<&str> = CODES.split_ascii_whitespace().collect();
        assert_eq!(codes.len(), 249);
        assert!(codes.is_sorted_by(|a, b| a < b));
    }
}
