//! The figures of the catalogue, as a table for people and as JSON for programs.

use std::fmt;

use serde::Serialize;

use super::cases::{Case, Scene};
use crate::machine::Machine;

/// One list at one size.
#[derive(Serialize)]
pub struct Measure {
    /// Customers of the shop.
    pub customers: u64,
    /// How long the list is, as every answer said.
    pub total: u64,
    /// Answers received.
    pub requests: u64,
    /// The very first answer took so many milliseconds; it is none of those.
    pub first_ms: f64,
    /// Half of them came within so many milliseconds.
    pub p50_ms: f64,
    /// All but a hundredth did; of fewer than a hundred answers it is the slowest.
    pub p99_ms: f64,
}

/// One list at all sizes.
#[derive(Serialize)]
pub struct Figure {
    /// The engine, with its version where it is known.
    pub engine: String,
    /// The list.
    pub list: Scene,
    /// Which filter, order or page.
    pub case: String,
    /// From the smallest shop to the largest, as they were asked for.
    pub sizes: Vec<Measure>,
    /// The median of the last size over that of the first.
    pub ratio_p50: f64,
    /// The same of the slowest hundredth.
    pub ratio_p99: f64,
}

/// The whole report.
#[derive(Serialize)]
pub struct Report {
    /// What it was measured on.
    pub machine: Machine,
    /// Keep-alive connections.
    pub connections: usize,
    /// List by list, engine by engine.
    pub figures: Vec<Figure>,
}

impl Figure {
    /// Puts the sizes of one list together.
    pub fn new(engine: &str, case: &Case, sizes: Vec<Measure>) -> Self {
        let ratio = |value: fn(&Measure) -> f64| match (sizes.first(), sizes.last()) {
            (Some(first), Some(last)) => value(last) / value(first),
            _ => f64::NAN,
        };
        Self {
            engine: engine.to_owned(),
            list: case.list,
            case: case.what.clone(),
            ratio_p50: ratio(|measure| measure.p50_ms),
            ratio_p99: ratio(|measure| measure.p99_ms),
            sizes,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cores, processor, memory_mib, .. } = &self.machine;
        writeln!(f, "{cores} cores ({processor}), {memory_mib} MiB; {} connections", self.connections)?;
        let mut engine = "";
        for figure in &self.figures {
            if figure.engine != engine {
                engine = &figure.engine;
                writeln!(
                    f,
                    "\n{engine}: each size with its total, p50 / p99 and the first answer in milliseconds"
                )?;
            }
            write!(f, "{:14} {:44}", figure.list.title(), figure.case)?;
            for size in &figure.sizes {
                write!(
                    f,
                    " {:>9} {:8.2} / {:8.2} ({:8.2})",
                    size.total, size.p50_ms, size.p99_ms, size.first_ms
                )?;
            }
            writeln!(f, "   x {:.2} / {:.2}", figure.ratio_p50, figure.ratio_p99)?;
        }
        Ok(())
    }
}
