//! `cargo xtask contract`: our OpenAPI document against the wire contract that lies beside the checkout.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::{Failure, packages, process, test};

/// The beginnings of the contract's paths that are built so far.
const BUILT: [&str; 21] = [
    "/v1/organizations/",
    "/v1/customers/",
    "/v1/customer-sessions/",
    "/v1/products/",
    "/v1/checkout-links/",
    "/v1/checkouts/",
    "/v1/subscriptions/",
    "/v1/orders/",
    "/v1/customer-portal/orders/",
    "/v1/customer-portal/subscriptions/",
    "/v1/benefits/",
    "/v1/custom-fields/",
    "/v1/discounts/",
    "/v1/advertisements/",
    "/v1/license-keys",
    "/v1/files/",
    "/v1/customer-portal/downloadables",
    "/v1/customer-portal/license-keys",
    "/v1/customer-portal/customers",
    "/v1/customer-portal/organizations",
    "/v1/customer-portal/benefit-grants/",
];

/// The reviewed differences, each with its reason.
const EXCEPTIONS: &str = "docs/contract-exceptions.md";

/// Where the contract is expected. It is not part of the project.
pub fn folder() -> PathBuf {
    let root = process::root();
    root.parent().unwrap_or(root).join("shared/contract")
}

/// Fails on a difference that is not a reviewed exception, and on an exception that no longer is a difference.
pub fn run() -> Result<(), Failure> {
    let (root, folder) = (process::root(), folder());
    let differ = folder.join("diff_openapi.py");
    if !differ.is_file() {
        return Err(
            "the wire contract is not here: it is expected as `shared/contract` beside the checkout".into()
        );
    }
    let exceptions = exceptions(&std::fs::read_to_string(root.join(EXCEPTIONS))?);

    let (success, document) = process::output(Command::new(test::binary()?).arg("openapi"))?;
    if !success {
        return Err("`merak openapi` failed".into());
    }
    let candidate = packages::target().join("openapi.json");
    std::fs::write(&candidate, document)?;

    let mut differences = BTreeSet::new();
    let mut compared = 0;
    for prefix in BUILT {
        let (_, lines) = process::output(
            Command::new("python3")
                .arg(&differ)
                .arg(&candidate)
                .args(["--only", prefix])
                .args(["--constraints", "--security"]),
        )?;
        let comparison =
            Comparison::read(&lines).ok_or_else(|| format!("the comparison of {prefix} failed"))?;
        compared += comparison.operations;
        differences.extend(comparison.differences);
    }

    let new: Vec<&String> =
        differences.iter().filter(|line| !exceptions.iter().any(|end| line.ends_with(end))).collect();
    let stale: Vec<&String> = exceptions
        .iter()
        .filter(|end| !differences.iter().any(|line| line.ends_with(end.as_str())))
        .collect();
    for line in &new {
        println!("difference: {line}");
    }
    for line in &stale {
        println!("no longer a difference, remove it from {EXCEPTIONS}: {line}");
    }
    println!(
        "contract: {compared} operations compared, {} differences, {} of them reviewed exceptions",
        differences.len(),
        differences.len() - new.len(),
    );
    if new.is_empty() && stale.is_empty() { Ok(()) } else { Err("the contract does not hold".into()) }
}

/// The lines of the fenced blocks marked `contract-exceptions`: how accepted differences end.
fn exceptions(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```contract-exceptions";
        } else if inside {
            lines.push(line.to_owned());
        }
    }
    lines
}

/// What the comparison of one part of the contract printed.
struct Comparison {
    operations: usize,
    differences: Vec<String>,
}

impl Comparison {
    /// Reads the findings, one a line, and the two closing lines, without which the tool did not come to its end.
    fn read(output: &str) -> Option<Self> {
        let mut lines: Vec<&str> = output.lines().collect();
        lines.pop().filter(|line| line.ends_with("mismatches"))?;
        let operations = lines.pop()?.strip_suffix(" operations compared")?.parse().ok()?;
        Some(Self { operations, differences: lines.into_iter().map(str::to_owned).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Comparison, exceptions};

    #[test]
    fn only_marked_blocks_are_exceptions() {
        let text = "Words.\n```contract-exceptions\nGET /a: x\n```\n```text\nGET /b: y\n```\n";
        assert_eq!(exceptions(text), ["GET /a: x"]);
    }

    #[test]
    fn a_comparison_that_stopped_half_way_is_none() {
        assert!(Comparison::read("GET /a: x\n").is_none());
        let whole =
            Comparison::read("GET /a: x\n3 operations compared\n0 operations missing, 1 mismatches\n");
        assert_eq!(whole.map(|whole| (whole.operations, whole.differences.len())), Some((3, 1)));
    }
}
