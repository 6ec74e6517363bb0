//! A data directory and a database of a test's own, and the program run on them.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::{self, JoinHandle};

use merak_store::Database;
use merak_testkit::{Engine, TestDatabase};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Where the program is run, as by someone who has just unpacked it.
pub struct Installation {
    directory: TempDir,
    postgres: Option<TestDatabase>,
}

/// What a command that has ended leaves.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub output: String,
    pub remarks: String,
}

/// A program that goes on until it is stopped. It is killed if the test forgets to.
pub struct Running {
    child: Child,
    output: BufReader<ChildStdout>,
    remarks: Option<JoinHandle<String>>,
}

impl Installation {
    /// One with the embedded database.
    pub fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), postgres: None }
    }

    /// One on this engine.
    pub fn on(engine: Engine) -> Self {
        let postgres = (engine == Engine::Postgres).then(|| merak_testkit::database(engine));
        Self { directory: tempfile::tempdir().unwrap(), postgres }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// A file or directory beside the data directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn database_url(&self) -> Option<String> {
        match self.postgres.as_ref()?.database() {
            Database::Postgres { url, .. } => Some(url),
            Database::Sqlite { .. } => None,
        }
    }

    /// The program with nothing but its own settings in the environment.
    pub fn merak<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = merak();
        command.args(arguments).current_dir(self.directory.path()).env("MERAK_DATA_DIR", self.data_dir());
        if let Some(url) = self.database_url() {
            command.env("MERAK_DATABASE_URL", url);
        }
        command
    }

    /// Runs a command whose words are separated by spaces.
    pub fn run(&self, line: &str) -> Outcome {
        outcome(&mut self.merak(line.split(' ')))
    }

    /// Runs a command that can make no file longer than 64 or 128 KiB, as the shell counts.
    pub fn run_with_small_files(&self, line: &str) -> Outcome {
        let merak = self.merak(line.split(' '));
        let mut command = Command::new("sh");
        command.args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$@\"", "sh"]);
        command.arg(merak.get_program()).args(merak.get_args());
        command.current_dir(self.directory.path()).env("MERAK_DATA_DIR", self.data_dir());
        outcome(command.stdin(Stdio::null()))
    }

    /// The names of everything beside the data directory.
    pub fn names(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.directory.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs a command that must succeed, and reads the JSON it prints.
    pub fn json(&self, line: &str) -> Value {
        let done = self.run(&format!("{line} --json"));
        assert_eq!(done.code, Some(0), "{line}: {done:?}");
        assert_eq!(done.output.lines().count(), 1, "{line}: {done:?}");
        serde_json::from_str(&done.output).unwrap()
    }

    /// Starts a server on a free port and waits until it answers. The answer is the server and its address.
    pub fn serve(&self, options: &[&str]) -> (Running, String) {
        let mut server = start(self.merak(["serve", "--listen", "127.0.0.1:0"]).args(options));
        let line = server.line();
        let url = line.strip_prefix("merak is listening on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        (server, url)
    }

    /// Starts the demo on a free port. The answer is the server and what it prints.
    pub fn demo(&self) -> (Running, Value) {
        let mut server = start(&mut self.merak(["demo", "--json", "--listen", "127.0.0.1:0"]));
        let shop = serde_json::from_str(&server.line()).unwrap();
        (server, shop)
    }
}

/// The program in an environment without any settings.
pub fn merak() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_merak"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MERAK_") {
            command.env_remove(name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a program to its end.
pub fn outcome(command: &mut Command) -> Outcome {
    let done = command.output().unwrap();
    Outcome {
        code: done.status.code(),
        output: String::from_utf8(done.stdout).unwrap(),
        remarks: String::from_utf8(done.stderr).unwrap(),
    }
}

/// Starts a program that prints a line when it is ready.
pub fn start(command: &mut Command) -> Running {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut remarks = child.stderr.take().unwrap();
    let remarks = thread::spawn(move || {
        let mut text = String::new();
        remarks.read_to_string(&mut text).unwrap();
        text
    });
    Running { child, output, remarks: Some(remarks) }
}

impl Outcome {
    /// The exit code and what went wrong.
    pub fn failure(&self) -> (Option<i32>, &str) {
        (self.code, self.remarks.trim_end())
    }
}

impl Running {
    /// The next line it prints; there must be one.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        if line.is_empty() {
            self.child.kill().unwrap();
            panic!("it ended: {}", self.remarks.take().unwrap().join().unwrap());
        }
        line.trim_end().to_owned()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end and collects everything that was not read yet.
    pub fn wait(mut self) -> Outcome {
        let mut output = String::new();
        self.output.read_to_string(&mut output).unwrap();
        let code = self.child.wait().unwrap().code();
        let remarks = self.remarks.take().unwrap().join().unwrap();
        Outcome { code, output, remarks }
    }

    /// Stops it as a service manager does.
    pub fn stop(self) -> Outcome {
        self.signal(Signal::TERM);
        self.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended long ago, and then there is nothing to kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The permissions of a file, as `chmod` takes them.
pub fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().unwrap().permissions().mode() & 0o777
}
