//! A PostgreSQL of our own for one test run: started in a temporary folder, in memory where there is room, stopped and removed afterwards.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::{Failure, process, scratch};

/// The variable that names the server to test on. When it is set, that server is used and none is started.
pub const URL_VARIABLE: &str = "MERAK_TEST_POSTGRES_URL";

/// The variable with the command that stops and starts our server, for tests of its absence. It is unset on a server
/// that is not ours.
pub const CONTROL_VARIABLE: &str = "MERAK_TEST_POSTGRES_CONTROL";

/// The account that owns the server when we are root, because PostgreSQL refuses to run as root.
const ACCOUNT: &str = "postgres";

/// Faster settings that are safe for data which ends with the test run, and room for many test servers. The log is kept
/// short because it may lie in memory.
const SETTINGS: &str = "
listen_addresses = '127.0.0.1'
max_connections = 300
fsync = off
full_page_writes = off
wal_level = minimal
max_wal_senders = 0
max_wal_size = 256MB
dynamic_shared_memory_type = mmap
";

/// A PostgreSQL to test on.
pub struct Postgres {
    url: String,
    own: Option<Own>,
}

/// What belongs to a server that we started.
struct Own {
    control: String,
    keeper: Child,
}

impl Postgres {
    /// The server that the environment names, or else a private one, installed from Debian if need be.
    pub fn start() -> Result<Self, Failure> {
        if let Ok(url) = std::env::var(URL_VARIABLE) {
            if process::find("psql").is_none() {
                process::install_debian(&["postgresql-client"])?;
            }
            return Ok(Self { url, own: None });
        }
        let programs = if let Some(programs) = programs() {
            programs
        } else {
            process::install_debian(&["postgresql"])?;
            programs().ok_or("Debian's postgresql package brought no initdb")?
        };
        let own = Cluster::create(&programs)?;
        Ok(Self { url: own.url(), own: Some(own.start()?) })
    }

    /// Gives a program the variables that tests read.
    pub fn export(&self, command: &mut Command) {
        command.env(URL_VARIABLE, &self.url);
        match &self.own {
            Some(own) => command.env(CONTROL_VARIABLE, &own.control),
            None => command.env_remove(CONTROL_VARIABLE),
        };
    }
}

impl Drop for Own {
    /// Lets go of the keeper, who stops the server, and waits until it is gone.
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("the private PostgreSQL may still run: {error}");
        }
    }
}

/// A private cluster on disk.
struct Cluster {
    control: String,
    folder: PathBuf,
    port: u16,
}

impl Cluster {
    fn create(programs: &Path) -> Result<Self, Failure> {
        let folder = scratch::folder("merak-postgres")?;
        let mut prefix = Vec::new();
        if process::is_root()? {
            process::output(Command::new("chown").arg(ACCOUNT).arg(&folder))?;
            prefix.extend(["runuser", "-u", ACCOUNT, "--"]);
        }
        let data = folder.join("data");
        let shell = format!(
            "{} {}/initdb --no-sync --auth=trust --username=merak --encoding=UTF8 --locale=C.UTF-8 --pgdata={} 2>&1",
            prefix.join(" "),
            programs.display(),
            data.display(),
        );
        let (created, said) = process::output(Command::new("sh").args(["-c", &shell]).current_dir(&folder))?;
        if !created {
            return Err(format!("initdb failed:\n{said}").into());
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!("{SETTINGS}port = {port}\nunix_socket_directories = '{}'\n", folder.display());
        let file = data.join("postgresql.conf");
        let text = std::fs::read_to_string(&file)?;
        std::fs::write(&file, text + &settings)?;
        let control = format!(
            "{} {}/pg_ctl --wait --silent --pgdata={} --log={}",
            prefix.join(" "),
            programs.display(),
            data.display(),
            folder.join("log").display(),
        );
        Ok(Self { control: control.trim().to_owned(), folder, port })
    }

    fn url(&self) -> String {
        format!("postgres://merak@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts the server together with a keeper: a shell that waits for the end of its input and then stops the
    /// server. Its input ends when we let go of it and also when we are killed, so nothing is left behind.
    fn start(self) -> Result<Own, Failure> {
        let Self { control, folder, .. } = self;
        let keep = format!(
            "trap '' INT TERM; {control} start >&2 && echo started && read -r _; {control} --mode=immediate stop >&2; rm -rf '{}'",
            folder.display()
        );
        let mut keeper = Command::new("sh")
            .args(["-c", &keep])
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut answer = String::new();
        let stdout = keeper.stdout.take().expect("standard output was asked for as a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut answer)?;
        let own = Own { control, keeper };
        if answer.trim() == "started" { Ok(own) } else { Err("the private PostgreSQL does not start".into()) }
    }
}

/// The folder of the newest installed server programs.
fn programs() -> Option<PathBuf> {
    if let Some(initdb) = process::find("initdb") {
        return initdb.parent().map(Path::to_owned);
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|programs| programs.join("initdb").is_file())
        .max_by_key(|programs| {
            let version = programs.parent()?.file_name()?.to_str()?;
            version.parse::<u32>().ok()
        })
}
