//! How far a long command is, for whoever waits for it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use merak_core::transfer::RecordKind;
use merak_transfer::Progress;

use crate::output;

/// How often it is told: on one line that changes, or on a line each in a log.
const ON_A_TERMINAL: Duration = Duration::from_millis(100);
const IN_A_LOG: Duration = Duration::from_secs(5);

/// Tells on the standard error stream how far a transfer is.
pub struct Meter {
    verb: &'static str,
    is_terminal: bool,
    last: Option<(RecordKind, u64)>,
    told_at: Option<Instant>,
    told: String,
    has_open_line: bool,
}

impl Meter {
    /// One for a command that does this with records.
    pub fn new(verb: &'static str) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { verb, is_terminal, last: None, told_at: None, told: String::new(), has_open_line: false }
    }

    /// Tells it, unless something was told just now.
    pub fn show(&mut self, progress: &Progress) {
        if self.last.is_some_and(|(kind, _)| kind != progress.kind) {
            self.end_of_kind();
        }
        self.last = Some((progress.kind, progress.seen));
        let pause = if self.is_terminal { ON_A_TERMINAL } else { IN_A_LOG };
        if self.told_at.is_none_or(|told_at| told_at.elapsed() >= pause) {
            let total = progress.total.map_or(String::new(), |total| format!(" of {total}"));
            self.tell(&format!("{}{total}", self.line(progress.kind, progress.seen)));
        }
    }

    /// Ends what was begun.
    pub fn finish(&mut self) {
        self.end_of_kind();
        self.last = None;
    }

    fn end_of_kind(&mut self) {
        let Some((kind, seen)) = self.last else { return };
        self.tell(&self.line(kind, seen));
        if self.has_open_line {
            output::remark("");
            self.has_open_line = false;
        }
        self.told_at = None;
    }

    fn line(&self, kind: RecordKind, seen: u64) -> String {
        format!("{}: {seen} {}", kind.as_str().replace('_', " "), self.verb)
    }

    fn tell(&mut self, line: &str) {
        self.told_at = Some(Instant::now());
        if self.is_terminal {
            self.has_open_line = true;
            // Nobody is left to be told that nobody reads.
            let _ = write!(io::stderr(), "\r\x1b[K{line}");
        } else if self.told != line {
            // Of a kind that one batch holds, the beginning is the end.
            output::remark(line);
            line.clone_into(&mut self.told);
        }
    }
}
