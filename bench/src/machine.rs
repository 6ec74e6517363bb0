//! Facts about the machine that a reader of the figures needs; nothing that tells which machine it is.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde::Serialize;

/// What the figures were measured on.
#[derive(Serialize)]
pub struct Machine {
    /// Processors this process may use.
    pub cores: usize,
    /// The processor's name, as it gives it.
    pub processor: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Median of writing 4 KiB at the end of a file and flushing it to the disk, in microseconds: the floor of a durable commit.
    pub flush_us: u64,
}

/// Looks the facts up; flushes a small file in `folder` for a moment.
pub fn describe(folder: &Path) -> Result<Machine> {
    let field = |file: &str, name: &str| -> Result<String> {
        let text = fs::read_to_string(file)?;
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or(": unknown");
        Ok(line.trim_start_matches([' ', '\t', ':']).trim_end_matches(" kB").to_owned())
    };
    let memory_kib: u64 = field("/proc/meminfo", "MemTotal")?.parse().unwrap_or(0);
    Ok(Machine {
        cores: thread::available_parallelism()?.get(),
        processor: field("/proc/cpuinfo", "model name")?,
        memory_mib: memory_kib / 1024,
        flush_us: flush_us(folder)?,
    })
}

/// Waits until flushes are about as quick as at the start of the run, because disks that are shared take their time
/// after large copies; at most two minutes. Gives the time of a flush at the end of the wait.
pub fn settle(folder: &Path, usual_us: u64) -> Result<u64> {
    let start = Instant::now();
    loop {
        let flush = flush_us(folder)?;
        if flush <= usual_us + usual_us / 2 || start.elapsed() > PATIENCE {
            return Ok(flush);
        }
        thread::sleep(Duration::from_secs(3));
    }
}

/// How long to wait for a disk.
const PATIENCE: Duration = Duration::from_mins(2);

/// Median of writing 4 KiB at the end of a file and flushing it, in microseconds.
pub fn flush_us(folder: &Path) -> Result<u64> {
    let path = folder.join("flush");
    let mut file = File::create(&path)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let start = Instant::now();
        file.write_all(&[0; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed().as_micros());
    }
    fs::remove_file(path)?;
    times.sort_unstable();
    u64::try_from(times[times.len() / 2]).context("a flush takes less than five hundred thousand years")
}
