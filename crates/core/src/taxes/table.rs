//! A table of rates: what ships, and what a seller puts in its place.

use std::collections::BTreeMap;

use super::MILLION;
use crate::kit::{Country, State};

/// A rate and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In parts of a million.
    pub ppm: i64,
    /// What the tax is called, such as `VAT`.
    pub name: String,
}

/// Rates by country, and by state where states have their own.
///
/// The text of a table has a line for each rate, `country,state,percent,name`: `DE,,19,VAT` or `CA,QC,14.975,GST + QST`. A
/// percentage has at most four decimals. A line without a state replaces all lines of its country before it. Empty lines and
/// those that begin with `#` say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateTable(BTreeMap<(Country, Option<&'static str>), Rate>);

/// Why a text is no table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct RateTableProblem {
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl RateTable {
    /// The table that ships.
    pub fn shipped() -> Self {
        let mut table = Self(BTreeMap::new());
        table.add(include_str!("engines/rates.csv")).expect("the table that ships is one, as a test shows");
        table
    }

    /// This table with the lines of a text put in the place of its own.
    pub fn with(mut self, text: &str) -> Result<Self, RateTableProblem> {
        self.add(text)?;
        Ok(self)
    }

    /// The rate in a state, or in the whole country.
    pub fn rate(&self, country: Country, state: Option<State>) -> Option<&Rate> {
        let code = state.map(State::code);
        self.0.get(&(country, code)).or_else(|| self.0.get(&(country, None)))
    }

    fn add(&mut self, text: &str) -> Result<(), RateTableProblem> {
        // Spreadsheets begin their texts with a mark of the encoding.
        let lines = text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate();
        for (at, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            self.add_line(line).map_err(|reason| RateTableProblem { line: at + 1, reason })?;
        }
        Ok(())
    }

    fn add_line(&mut self, line: &str) -> Result<(), &'static str> {
        let parts: Vec<&str> = line.split(',').map(str::trim).collect();
        let [country, state, percent, name] = parts[..] else {
            return Err("write country,state,percent,name");
        };
        let country = Country::parse(country).ok_or("there is no such country")?;
        let ppm = ppm(percent).ok_or("write a percentage from 0 to 100 with at most four decimals")?;
        if name.is_empty() || name.chars().count() > 40 {
            return Err("the name must have between 1 and 40 characters");
        }
        let code = match state {
            "" => {
                self.0.retain(|place, _| place.0 != country);
                None
            }
            state => Some(State::parse(country, state).ok_or("the country has no such state")?.code()),
        };
        self.0.insert((country, code), Rate { ppm, name: name.to_owned() });
        Ok(())
    }
}

/// A percentage in parts of a million.
fn ppm(percent: &str) -> Option<i64> {
    let (whole, decimals) = percent.split_once('.').unwrap_or((percent, ""));
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || whole.len() > 3 || decimals.len() > 4 || !is_number(whole) || !is_number(decimals)
    {
        return None;
    }
    let ppm = format!("{whole}{decimals:0<4}").parse().ok()?;
    (ppm <= MILLION).then_some(ppm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(table: &RateTable, country: &str, state: &str) -> Option<(i64, String)> {
        let country = Country::parse(country).unwrap();
        table.rate(country, State::parse(country, state)).map(|rate| (rate.ppm, rate.name.clone()))
    }

    #[test]
    fn the_table_that_ships_has_all_of_the_union_and_all_states() {
        let table = RateTable::shipped();
        for country in crate::taxes::EUROPEAN_UNION {
            let (ppm, name) = rate(&table, country, "").unwrap();
            assert!((170_000..=270_000).contains(&ppm) && name == "VAT", "{country}");
        }
        for country in ["US", "CA"].map(|code| Country::parse(code).unwrap()) {
            assert_eq!(table.rate(country, None), None);
            for state in State::all(country) {
                let ppm = table.rate(country, Some(state)).unwrap().ppm;
                assert!((0..=150_000).contains(&ppm), "{state}");
            }
        }
        assert_eq!(rate(&table, "DE", ""), Some((190_000, "VAT".into())));
        assert_eq!(rate(&table, "FI", ""), Some((255_000, "VAT".into())));
        assert_eq!(rate(&table, "CA", "QC"), Some((149_750, "GST + QST".into())));
        assert_eq!(rate(&table, "US", "MO"), Some((42_250, "Sales tax".into())));
        assert_eq!(rate(&table, "HK", ""), None);
    }

    #[test]
    fn a_text_replaces_lines_and_a_line_without_state_all_of_its_country() {
        let text = "\u{feff}# mine\n\nde,,7,VAT\r\nUS,US-NY,8.875,Sales tax\nCA,,0,None\nCA,QC,9.975,QST\n";
        let table = RateTable::shipped().with(text).unwrap();
        assert_eq!(rate(&table, "DE", ""), Some((70_000, "VAT".into())));
        assert_eq!(rate(&table, "US", "NY"), Some((88_750, "Sales tax".into())));
        assert_eq!(rate(&table, "US", "TX"), Some((62_500, "Sales tax".into())));
        assert_eq!(rate(&table, "CA", "ON"), Some((0, "None".into())));
        assert_eq!(rate(&table, "CA", "QC"), Some((99_750, "QST".into())));
        assert_eq!(rate(&table, "FR", ""), Some((200_000, "VAT".into())));
    }

    #[test]
    fn a_line_that_is_none_is_named() {
        for (line, reason) in [
            ("DE,19,VAT", "write country,state,percent,name"),
            ("XX,,19,VAT", "there is no such country"),
            ("DE,BY,19,VAT", "the country has no such state"),
            ("US,QC,5,Sales tax", "the country has no such state"),
            ("DE,,19,", "the name must have between 1 and 40 characters"),
            ("DE,,100.0001,VAT", "write a percentage from 0 to 100 with at most four decimals"),
            ("DE,,-1,VAT", "write a percentage from 0 to 100 with at most four decimals"),
            ("DE,,1.00001,VAT", "write a percentage from 0 to 100 with at most four decimals"),
            ("DE,,+1,VAT", "write a percentage from 0 to 100 with at most four decimals"),
            ("DE,,,VAT", "write a percentage from 0 to 100 with at most four decimals"),
        ] {
            let problem = RateTable::shipped().with(&format!("FR,,20,VAT\n{line}")).unwrap_err();
            assert_eq!(problem, RateTableProblem { line: 2, reason }, "{line}");
        }
    }
}
