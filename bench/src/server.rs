//! Child processes under measurement: started, asked for their address, weighed and ended.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

/// A running server; killed when dropped, so that a failed run leaves nothing behind.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// When the process was started.
    pub started: Instant,
    /// From the start of the process to the line that says it is ready.
    pub ready_after: Duration,
}

/// Resident memory of a process in bytes.
#[derive(Clone, Copy, Debug)]
pub struct Resident {
    /// At this moment.
    pub now: u64,
    /// The most it ever was.
    pub peak: u64,
}

impl Server {
    /// Starts a command that says `… is listening on http://ADDRESS` on its standard output.
    pub fn start(command: &mut Command) -> Result<Self> {
        let started = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?} cannot be started"))?;
        let output = child.stdout.take().context("the standard output is a pipe")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let ready_after = started.elapsed();
        let Some((_, address)) = line.trim().rsplit_once("http://") else {
            child.kill()?;
            child.wait()?;
            anyhow::bail!("{command:?} said {line:?} instead of its address");
        };
        Ok(Self { address: address.parse()?, child, started, ready_after })
    }

    /// Reads how much memory the process has in use.
    pub fn resident(&self) -> Result<Resident> {
        let status = fs::read_to_string(Path::new("/proc").join(self.child.id().to_string()).join("status"))?;
        let field = |name: &str| -> Result<u64> {
            let line =
                status.lines().find_map(|line| line.strip_prefix(name)).context("a field of the process")?;
            let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
            Ok(kilobytes * 1024)
        };
        Ok(Resident { now: field("VmRSS:")?, peak: field("VmHWM:")? })
    }

    /// Processor time the process has used so far.
    pub fn processor_time(&self) -> Result<Duration> {
        let stat = fs::read_to_string(Path::new("/proc").join(self.child.id().to_string()).join("stat"))?;
        let (_, fields) =
            stat.rsplit_once(") ").context("a process's stat line has its name in parentheses")?;
        let mut ticks = 0;
        for field in fields.split(' ').skip(11).take(2) {
            ticks += field.parse::<u64>()?;
        }
        // Linux reports to user space in hundredths of a second on every architecture Merak runs on.
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Kills without a warning, as a power cut would: what was answered must be in the database all the same.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only when the process has already ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command of the binary to its end and reads its standard output as JSON.
pub fn run_json(command: &mut Command) -> Result<serde_json::Value> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("{command:?} cannot be started"))?;
    ensure!(output.status.success(), "{command:?} ended with {}", output.status);
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("{command:?} answered {:?}", String::from_utf8_lossy(&output.stdout)))
}
