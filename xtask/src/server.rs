//! `cargo xtask run`, and the built server for the commands that ask it something.

use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;

use crate::shell::Tool;
use crate::web::Samples;
use crate::workspace;

/// Builds the server and the sample pages and starts both on one address; prints what a newcomer needs.
///
/// The first build takes a few minutes, later ones seconds. The server prints its connection string, the
/// lines that make the SDKs trust its certificate, and first programs; the samples are at its address in a
/// browser. Ctrl-C stops it; the data stays in `./trunkline-data`. Without Node.js 20.19 or later,
/// with a configuration file and in production there are no samples.
/// Everything after `--` goes to `trunkline serve`: `cargo xtask run -- --port 8443`.
#[derive(Args)]
pub(crate) struct RunArguments {
    /// Build with full optimisation: several times longer to build, for trying speed.
    #[arg(long)]
    release: bool,
    /// Start the server alone, without building and serving the sample pages.
    #[arg(long)]
    no_samples: bool,
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
    if may_have_samples(&arguments.serve) {
        if !arguments.no_samples {
            words.extend(with_samples(&arguments.serve));
        }
    } else {
        println!("no sample pages: there are none in production and with a configuration file");
    }
    words.extend(arguments.serve.iter().cloned());
    // Replaces xtask, so that signals and the exit status are the server's own.
    let mut command = Tool::new(&binary).args(words).command();
    command.current_dir(std::env::current_dir()?);
    bail!("cannot start {}: {}", binary.display(), command.exec())
}

/// The flags that go with the samples; none, and why, where they cannot be built: the server runs without them.
fn with_samples(serve: &[OsString]) -> Vec<OsString> {
    let started = match Samples::build(|line| println!("{line}")) {
        Ok(Some(samples)) => start_samples(&samples, serve),
        Ok(None) => return Vec::new(),
        Err(cause) => Err(cause),
    };
    started.unwrap_or_else(|cause| {
        eprintln!("there are no sample pages: {cause:#}");
        Vec::new()
    })
}

/// Starts the samples' trusted service and answers the flags that go with it.
fn start_samples(samples: &Samples, serve: &[OsString]) -> Result<Vec<OsString>> {
    let given = given_ready_file(serve);
    let file = match &given {
        Some(file) => std::env::current_dir()?.join(file),
        None => workspace::scratch()?.join("run.json"),
    };
    let mut words = samples.start(&file)?;
    if given.is_none() {
        words.extend(["--ready-file".into(), file.into_os_string()]);
    }
    Ok(words)
}

/// The ready file that the arguments for `trunkline serve` name.
fn given_ready_file(serve: &[OsString]) -> Option<PathBuf> {
    let mut words = serve.iter().map(|word| word.to_string_lossy());
    while let Some(word) = words.next() {
        if word == "--ready-file" {
            return words.next().map(|file| Path::new(&*file).to_path_buf());
        }
        if let Some(file) = word.strip_prefix("--ready-file=") {
            return Some(PathBuf::from(file));
        }
    }
    None
}

/// Whether the server would take the samples: the production profile refuses them, and a configuration file may name it.
fn may_have_samples(serve: &[OsString]) -> bool {
    let is_production = std::env::var_os("TRUNKLINE_CONFIG").is_some()
        || std::env::var_os("TRUNKLINE_PROFILE").is_some_and(|profile| profile == "production");
    let mut before = "".into();
    !is_production
        && !serve.iter().any(|word| {
            let word = word.to_string_lossy();
            let forbids = match &*word {
                "--config" | "--profile=production" | "--set=profile=production" => true,
                "production" => before == "--profile",
                "profile=production" => before == "--set",
                word => word.starts_with("--config="),
            };
            before = word;
            forbids
        })
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

#[cfg(test)]
mod tests {
    use super::{given_ready_file, may_have_samples};

    #[test]
    fn a_ready_file_is_found_in_both_spellings() {
        let words = |text: &str| text.split(' ').map(Into::into).collect::<Vec<_>>();
        let find = |text: &str| given_ready_file(&words(text)).map(|file| file.display().to_string());
        assert_eq!(find("--port 0 --ready-file a.json").as_deref(), Some("a.json"));
        assert_eq!(find("--ready-file=b.json --port 0").as_deref(), Some("b.json"));
        assert_eq!(find("--port 0"), None);
    }

    #[test]
    fn samples_stay_away_from_production_and_from_configuration_files() {
        let may = |text: &str| may_have_samples(&text.split(' ').map(Into::into).collect::<Vec<_>>());
        for without in [
            "--set profile=production",
            "--set=profile=production",
            "--profile production",
            "--profile=production",
            "--config a.toml",
            "--config=a.toml",
        ] {
            assert!(!may(without), "{without}");
        }
        for with in
            ["--port 8443", "--data /srv/pre-production", "--data production", "--profile development"]
        {
            assert!(may(with), "{with}");
        }
    }
}
