//! What commands print for whoever started them.

use std::io::{self, ErrorKind, Write};

use serde_json::Value;

use crate::failure::Failure;

/// Prints a line, at once. A reader who has gone away, as `head` does, is no failure.
pub fn say(line: &str) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    match writeln!(output, "{line}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::runtime(format!("cannot write the result: {error}")))
        }
        _ => Ok(()),
    }
}

/// Prints something that the result does not depend on to the standard error stream.
pub fn remark(line: &str) {
    // Nobody is left to be told that nobody reads.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints a result: one JSON object on one line, or the given lines for people.
pub fn result(json: bool, object: &Value, lines: &[String]) -> Result<(), Failure> {
    if json { say(&object.to_string()) } else { lines.iter().try_for_each(|line| say(line)) }
}
