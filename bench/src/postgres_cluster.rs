//! A private PostgreSQL cluster with flushing on, for machines that offer none to the bench.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

/// Settings that differ from the defaults: memory enough for the data, and no checkpoint forced in the middle of a round.
const SETTINGS: &str =
    "-c shared_buffers=512MB -c max_wal_size=4GB -c log_min_messages=error -c log_min_error_statement=panic";

/// A running cluster; stopped when dropped, its files stay for the next run.
pub struct PrivateCluster {
    tools: PathBuf,
    files: PathBuf,
    /// The address of its maintenance database.
    pub url: String,
}

impl PrivateCluster {
    /// Makes the cluster if it is not there yet, and starts it.
    pub fn start(folder: &Path) -> Result<Self> {
        let tools =
            Command::new("pg_config").arg("--bindir").output().context("pg_config is not installed")?;
        let tools = PathBuf::from(String::from_utf8(tools.stdout)?.trim());
        let home = folder.join("postgres");
        let files = home.join("files");
        fs::create_dir_all(&home)?;
        if is_root()? {
            // PostgreSQL refuses to run as root; Debian's packages bring a user for it.
            let status = Command::new("chown").arg("postgres").arg(&home).status()?;
            ensure!(status.success(), "the folder of the cluster cannot be given to the user postgres");
        }
        if !files.exists() {
            let mut make = as_postgres(&tools.join("initdb"))?;
            make.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "-D"])
                .arg(&files);
            finish(&mut make)?;
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut start = as_postgres(&tools.join("pg_ctl"))?;
        start.arg("start").arg("-w").arg("-D").arg(&files).arg("-l").arg(home.join("log"));
        start
            .arg("-o")
            .arg(format!("-p {port} -k {} -c listen_addresses=127.0.0.1 {SETTINGS}", home.display()));
        finish(&mut start)?;
        Ok(Self { tools, files, url: format!("postgres://postgres@127.0.0.1:{port}/postgres") })
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        // Nothing can be done about a cluster that will not stop but to say so.
        let stopped = as_postgres(&self.tools.join("pg_ctl"))
            .and_then(|mut stop| finish(stop.args(["stop", "-m", "fast", "-D"]).arg(&self.files)));
        if let Err(error) = stopped {
            eprintln!("the private cluster could not be stopped: {error:#}");
        }
    }
}

fn is_root() -> Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}

fn as_postgres(program: &Path) -> Result<Command> {
    if !is_root()? {
        return Ok(Command::new(program));
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program).current_dir("/");
    Ok(command)
}

fn finish(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "{command:?} ended with {status}");
    Ok(())
}
