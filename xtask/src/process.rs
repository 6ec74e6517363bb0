//! Running other programs and saying clearly when one fails.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one folder below the workspace root")
}

/// The cargo that runs this program.
///
/// It is given none of the variables that describe this program's own package. Build scripts may watch them, as ring's
/// does, and everything above ring would be compiled again for whoever calls cargo without us.
pub fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    let is_of_package = |name: &str| {
        ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
            .iter()
            .any(|start| name.starts_with(start))
            || ["CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&name)
    };
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_of_package) {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs a program to its end with our own output, and fails when it does.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    println!("$ {}", shown(command));
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status})", shown(command)).into()) }
}

/// Runs a program to its end and returns what it wrote to standard output, whatever its exit status.
pub fn output(command: &mut Command) -> Result<(bool, String), Failure> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| cannot_start(command, &error))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// Runs a program, passes its standard output on line by line, each behind `prefix`, and shows each line to `see` as
/// well. Returns whether the program ended well.
pub fn watch(command: &mut Command, prefix: &str, mut see: impl FnMut(&str)) -> Result<bool, Failure> {
    println!("{prefix}$ {}", shown(command));
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    let stdout = child.stdout.take().expect("standard output was asked for as a pipe");
    for line in BufReader::new(stdout).split(b'\n') {
        let line = String::from_utf8_lossy(&line?).into_owned();
        println!("{prefix}{line}");
        see(&line);
    }
    Ok(child.wait()?.success())
}

/// Where a program of this name is found on the search path.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// Installs Debian packages, which needs root.
pub fn install_debian(packages: &[&str]) -> Result<(), Failure> {
    if find("apt-get").is_none() || !is_root()? {
        let packages = packages.join(" ");
        return Err(
            format!("please install {packages}; only root on Debian can have it done for them").into()
        );
    }
    run(Command::new("apt-get").args(["update", "--quiet"]))?;
    run(Command::new("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--quiet", "--yes", "--no-install-recommends"])
        .args(packages))
}

/// Whether this program has the rights of root.
pub fn is_root() -> Result<bool, Failure> {
    let (_, id) = output(Command::new("id").arg("-u"))?;
    Ok(id.trim() == "0")
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> =
        std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    words.join(" ")
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    format!("cannot start `{}`: {error}", command.get_program().to_string_lossy()).into()
}
