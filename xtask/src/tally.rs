//! Counting tests: each runner's closing line, summed over all suites.

use std::time::Duration;

/// How many tests passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub passed: u64,
    pub failed: u64,
}

impl Tally {
    /// Adds what a line of a test runner says, if it is a closing line of cargo, node or pytest.
    pub fn see(&mut self, line: &str) {
        let line = line.trim();
        if let Some(counts) = line.strip_prefix("test result:") {
            self.passed += number_before(counts, "passed").unwrap_or(0);
            self.failed += number_before(counts, "failed").unwrap_or(0);
        } else if let Some(count) = node_count(line, "pass") {
            self.passed += count;
        } else if let Some(count) = node_count(line, "fail").or_else(|| node_count(line, "cancelled")) {
            self.failed += count;
        } else if line.starts_with("==") && line.ends_with("==") && line.contains(" in ") {
            self.passed += number_before(line, "passed").unwrap_or(0);
            self.failed += number_before(line, "failed").unwrap_or(0);
            self.failed +=
                number_before(line, "error").or_else(|| number_before(line, "errors")).unwrap_or(0);
        }
    }

    /// A runner that ends badly without a failed test (it did not compile, it crashed) counts as one failure.
    pub fn close(&mut self, ended_well: bool) {
        if !ended_well && self.failed == 0 {
            self.failed = 1;
        }
    }
}

/// Prints one line a suite and the sum as the last line.
pub fn report(suites: &[(&str, Tally, Duration)]) -> Tally {
    let mut sum = Tally::default();
    println!();
    for (suite, tally, took) in suites {
        println!("{suite:<16}{:>6} passed {:>4} failed {:>5} s", tally.passed, tally.failed, took.as_secs());
        sum.passed += tally.passed;
        sum.failed += tally.failed;
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    sum
}

/// The number in front of a word, as in `3 passed`.
fn number_before(line: &str, word: &str) -> Option<u64> {
    let words: Vec<&str> =
        line.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    let at = words.iter().position(|found| *found == word)?;
    words.get(at.checked_sub(1)?)?.parse().ok()
}

/// The count of a closing line of node's test runner, as in `ℹ pass 3`.
fn node_count(line: &str, word: &str) -> Option<u64> {
    let rest = line.strip_prefix('ℹ').or_else(|| line.strip_prefix('#'))?;
    rest.trim_start().strip_prefix(word)?.strip_prefix(' ')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Tally;

    fn tally(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.see(line);
        }
        tally
    }

    #[test]
    fn cargo_lines_are_summed() {
        let seen = tally(&[
            "running 2 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s",
        ]);
        assert_eq!(seen, Tally { passed: 15, failed: 2 });
    }

    #[test]
    fn node_and_pytest_lines_are_counted() {
        assert_eq!(tally(&["ℹ tests 9", "ℹ pass 8", "ℹ fail 1"]), Tally { passed: 8, failed: 1 });
        let pytest = "==== 1 failed, 12 passed, 3 warnings, 2 errors in 3.21s ====";
        assert_eq!(tally(&[pytest]), Tally { passed: 12, failed: 3 });
    }

    #[test]
    fn a_runner_that_ends_badly_is_one_failure() {
        let mut seen = tally(&[]);
        seen.close(false);
        assert_eq!(seen, Tally { passed: 0, failed: 1 });
    }
}
