//! The figures, as a table for people and as JSON for programs.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::machine::Machine;

/// One measured round of one figure.
#[derive(Clone, Serialize)]
pub struct Round {
    /// Units of work in a second: requests, or pairs of them.
    pub per_second: f64,
    /// The same, divided by what the bare handler reached in this round.
    pub ratio: Option<f64>,
    /// Half of the requests were answered within so many microseconds.
    pub p50_us: u64,
    /// All but a hundredth were.
    pub p99_us: u64,
    /// All were.
    pub max_us: u64,
    /// Processor time of the server for a request, in microseconds; a database of its own is not included.
    pub server_us: f64,
}

/// A figure with its rounds.
#[derive(Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// In the order they were run.
    pub rounds: Vec<Round>,
}

/// Start and memory of one server.
#[derive(Clone, Copy)]
pub struct Weight {
    /// From the start of the process to the line that says it listens.
    pub ready_after: Duration,
    /// From the start of the process to the first validation answered.
    pub first_answer_after: Duration,
    /// Resident memory a second after the start, in bytes.
    pub idle_bytes: u64,
    /// The most resident memory until the end of the load, in bytes.
    pub peak_bytes: u64,
}

/// Everything about one engine and one size.
#[derive(Serialize)]
pub struct Section {
    /// `SQLite …` or `PostgreSQL …`, with the version where it is known.
    pub engine: String,
    /// License keys in the shop.
    pub keys: u64,
    /// What a flush took before and after the rounds, in microseconds.
    pub flush_us: [u64; 2],
    /// The figures.
    pub figures: Vec<Line>,
    /// Milliseconds from the start of the process to the line that says it listens.
    pub ready_ms: f64,
    /// Milliseconds from the start of the process to the first validation answered.
    pub first_answer_ms: f64,
    /// Resident memory a second after the start, in MB.
    pub idle_mb: f64,
    /// The most resident memory until the end of the load, in MB.
    pub peak_mb: f64,
}

/// A figure boiled down: medians of its rounds, and the worst latency of all.
#[derive(Serialize)]
pub struct Line {
    /// What was measured.
    pub name: String,
    /// Medians over the rounds; `max_us` is the maximum.
    #[serde(flatten)]
    pub median: Round,
    /// The rounds themselves.
    pub rounds: Vec<Round>,
}

/// The whole report.
#[derive(Serialize)]
pub struct Report {
    /// What it was measured on.
    pub machine: Machine,
    /// Keep-alive connections.
    pub connections: usize,
    /// Seconds of each round.
    pub seconds: u64,
    /// Size of the measured binary in MB.
    pub binary_mb: f64,
    /// Engine by engine, size by size.
    pub sections: Vec<Section>,
    /// Whether every effect was found in the database; a run where not ends with an error instead.
    pub effects_checked: bool,
}

impl Section {
    /// Boils the rounds of one subject down.
    pub fn new(engine: &str, keys: u64, flush_us: [u64; 2], weight: Weight, figures: Vec<Figure>) -> Self {
        Self {
            engine: engine.to_owned(),
            keys,
            flush_us,
            figures: figures.into_iter().map(Line::from).collect(),
            ready_ms: weight.ready_after.as_secs_f64() * 1e3,
            first_answer_ms: weight.first_answer_after.as_secs_f64() * 1e3,
            idle_mb: megabytes(weight.idle_bytes),
            peak_mb: megabytes(weight.peak_bytes),
        }
    }
}

impl From<Figure> for Line {
    fn from(figure: Figure) -> Self {
        let of = |value: fn(&Round) -> f64| median(figure.rounds.iter().map(value).collect());
        let of_micros = |value: fn(&Round) -> u64| {
            let mut values: Vec<u64> = figure.rounds.iter().map(value).collect();
            values.sort_unstable();
            values[values.len() / 2]
        };
        let ratios: Vec<f64> = figure.rounds.iter().filter_map(|round| round.ratio).collect();
        let median = Round {
            per_second: of(|round| round.per_second),
            ratio: (!ratios.is_empty()).then(|| median(ratios)),
            p50_us: of_micros(|round| round.p50_us),
            p99_us: of_micros(|round| round.p99_us),
            max_us: figure.rounds.iter().map(|round| round.max_us).max().unwrap_or(0),
            server_us: of(|round| round.server_us),
        };
        Self { name: figure.name, median, rounds: figure.rounds }
    }
}

/// The middle value; the mean of the two middle ones would be a round nobody ran.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Bytes as the issue counts them: 1 MB is 1,000,000 bytes.
pub fn megabytes(bytes: u64) -> f64 {
    crate::load::to_f64(bytes) / 1e6
}

impl fmt::Display for Round {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ratio = self.ratio.map_or_else(|| "     ".to_owned(), |ratio| format!("{ratio:.3}"));
        let [p50, p99, max] =
            [self.p50_us, self.p99_us, self.max_us].map(|micros| crate::load::to_f64(micros) / 1e3);
        write!(
            formatter,
            "{:>9.0}/s  {ratio}  {p50:>8.2} {p99:>8.2} {max:>8.2} ms  {:>6.1} us",
            self.per_second, self.server_us
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = &self.machine;
        writeln!(
            formatter,
            "{} cores ({}), {} MiB, a flush of 4 KiB takes {} us; load generator on the same cores; {} connections, rounds of {} s, medians",
            machine.cores,
            machine.processor,
            machine.memory_mib,
            machine.flush_us,
            self.connections,
            self.seconds
        )?;
        writeln!(formatter, "binary {:.1} MB; every effect was read back from the database", self.binary_mb)?;
        for section in &self.sections {
            let [before, after] = section.flush_us;
            writeln!(
                formatter,
                "\n{}, {} keys; a flush took {before} us before and {after} us after the rounds",
                section.engine, section.keys
            )?;
            writeln!(
                formatter,
                "  {:<34} {:>11}  {:<5}  {:>8} {:>8} {:>8}     {:>9}",
                "", "", "ratio", "p50", "p99", "max", "server"
            )?;
            for line in &section.figures {
                writeln!(formatter, "  {:<34} {}", line.name, line.median)?;
            }
            writeln!(
                formatter,
                "  ready after {:.0} ms, first validation answered after {:.0} ms; resident memory {:.0} MB idle, {:.0} MB at most",
                section.ready_ms, section.first_answer_ms, section.idle_mb, section.peak_mb
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Figure, Line, Round};

    #[test]
    fn a_line_has_the_middle_rate_and_the_worst_latency() {
        let round = |per_second, max_us| Round {
            per_second,
            ratio: Some(per_second / 100.0),
            p50_us: 1,
            p99_us: 2,
            max_us,
            server_us: 1.0,
        };
        let rounds = vec![round(10.0, 5), round(30.0, 9), round(20.0, 7)];
        let line = Line::from(Figure { name: "validate".to_owned(), rounds });
        assert!((line.median.per_second - 20.0).abs() < 1e-9);
        assert_eq!(line.median.max_us, 9);
    }
}
