//! `cargo xtask run`, and the built server for the commands that ask it something.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::shell::Tool;
use crate::workspace;

/// Builds the server and starts it on `./trunkline-data`; prints what a newcomer needs.
///
/// The first build takes a few minutes, later ones seconds. The server prints its connection string, the
/// lines that make the SDKs trust its certificate, and first programs. Ctrl-C stops it; the data stays.
/// Everything after `--` goes to `trunkline serve`: `cargo xtask run -- --port 8443`.
#[derive(Args)]
pub(crate) struct RunArguments {
    /// Build with full optimisation: several times longer to build, for trying speed.
    #[arg(long)]
    release: bool,
    /// Arguments for `trunkline serve`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    serve: Vec<OsString>,
}

/// `cargo xtask run`.
pub(crate) fn run(arguments: &RunArguments) -> Result<ExitCode> {
    println!("building the server (a few minutes the first time) ...");
    let profile = if arguments.release { "release" } else { "dev" };
    cargo_build().args(["--profile", profile]).must()?;
    let folder = if arguments.release { "release" } else { "debug" };
    let binary = workspace::target().join(folder).join("trunkline");
    let mut words = vec![OsString::from("serve")];
    let data_given = arguments.serve.iter().any(|word| {
        let word = word.to_string_lossy();
        word == "--data" || word.starts_with("--data=") || word == "--ephemeral"
    });
    if !data_given {
        words.extend(["--data".into(), workspace::root().join("trunkline-data").into_os_string()]);
    }
    words.extend(arguments.serve.iter().cloned());
    // Replaces xtask, so that signals and the exit status are the server's own.
    let mut command = Tool::new(&binary).args(words).command();
    command.current_dir(std::env::current_dir()?);
    bail!("cannot start {}: {}", binary.display(), command.exec())
}

/// The development build of the server, brought up to date; the program that `TRUNKLINE_BIN` names, if set.
pub(crate) fn build() -> Result<PathBuf> {
    if let Some(given) = std::env::var_os("TRUNKLINE_BIN") {
        return Ok(PathBuf::from(given));
    }
    cargo_build().args(["--quiet"]).must()?;
    Ok(workspace::server_binary())
}

/// With the features of the whole workspace, so that dependencies are built once for this and for the tests.
fn cargo_build() -> Tool {
    Tool::new("cargo").args(["build", "--workspace", "--bin", "trunkline"])
}
