//! Dependencies: cargo-deny over `deny.toml`.
//!
//! The tool comes from the registry and is built without optimisation: that takes about 90 seconds of CPU,
//! a third of an optimised build, and its run takes two seconds either way.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};

use crate::shell::{self, Tool};
use crate::workspace;

/// Pinned, so that a new release of the tool cannot fail a commit that passed before.
const VERSION: &str = "0.20.2";

/// `cargo xtask check deny`.
pub(crate) fn run() -> Result<ExitCode> {
    let program = install()?;
    let status = tool(&program).show()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The check itself, with an installed cargo-deny.
pub(crate) fn tool(program: &PathBuf) -> Tool {
    Tool::new(program).args(["check", "--hide-inclusion-graph", "bans", "licenses", "sources"])
}

/// Finds cargo-deny of the pinned version or builds it under `target/xtask`; answers the program.
pub(crate) fn install() -> Result<PathBuf> {
    let folder = workspace::scratch()?.join(format!("cargo-deny-{VERSION}"));
    let ours = folder.join("bin/cargo-deny");
    if ours.is_file() {
        return Ok(ours);
    }
    if let Some(installed) = shell::find("cargo-deny")
        && Tool::new(&installed).args(["--version"]).read().is_ok_and(|text| text.contains(VERSION))
    {
        return Ok(installed);
    }
    let log = workspace::scratch()?.join("install-cargo-deny.log");
    let build = workspace::scratch()?.join("cargo-deny-build");
    let mut words = vec!["-n", "10", "cargo", "install", "--locked", "--debug", "--version", VERSION];
    if shell::find("nice").is_none() {
        bail!("`nice` is missing: install coreutils");
    }
    words.extend(["cargo-deny", "--root"]);
    let install = Tool::new("nice").args(words).args([&folder]).env("CARGO_TARGET_DIR", &build);
    let captured = install.capture(&log)?;
    // The intermediate files are larger than all of the workspace's own.
    std::fs::remove_dir_all(&build).ok();
    if !captured.success {
        bail!("cannot install cargo-deny {VERSION}; the log is {}\n{}", log.display(), captured.output);
    }
    ours.is_file().then_some(ours).context("cargo install succeeded but left no cargo-deny")
}
