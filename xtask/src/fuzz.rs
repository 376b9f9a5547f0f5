//! `cargo xtask fuzz`: looks for bytes that break a parser, guided by the code they reach.
//!
//! libFuzzer needs counters in the code it drives. They are an option of the compiler's back end that stable releases
//! have, so neither a nightly toolchain nor cargo-fuzz is needed: this sets the flags and builds `fuzz` by itself, for
//! the target by name, so that build scripts and macros stay as they are.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell::Tool;
use crate::workspace;

/// Counters at every branch, and what is compared with what.
const COUNTERS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// An input that takes longer is a finding, in seconds: the slowest takes some milliseconds.
const SLOWEST_S: u32 = 10;
/// What a target may take of memory, in MiB: ten times what any does.
const MEMORY_MIB: u32 = 1_024;

/// Looks for bytes that break a parser of calling; `--list` names the targets.
///
/// Runs until something breaks or the time is over. Inputs that reach new code are kept in `target/fuzzing/NAME`, besides
/// the seeds in `fuzz/corpus/NAME`. What breaks is written there too: replay it with `--input FILE`, put the file
/// among the seeds, where `cargo test -p trunkline-fuzz` replays it for ever, and write a test beside the code.
#[derive(Args)]
pub(crate) struct FuzzArguments {
    /// Which one.
    #[arg(required_unless_present_any = ["list", "all"])]
    name: Option<String>,
    /// Say which there are.
    #[arg(long)]
    list: bool,
    /// One after the other.
    #[arg(long, conflicts_with = "name")]
    all: bool,
    /// How long, for each target.
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run only what this file holds, once.
    #[arg(long, value_name = "FILE", conflicts_with = "all")]
    input: Option<PathBuf>,
}

/// `cargo xtask fuzz`.
pub(crate) fn run(arguments: &FuzzArguments) -> Result<ExitCode> {
    let targets = targets()?;
    if arguments.list {
        for (name, what) in &targets {
            println!("{name:<11} {what}");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen: Vec<_> =
        targets.iter().filter(|(name, _)| arguments.all || arguments.name.as_ref() == Some(name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = targets.iter().map(|(name, _)| name.as_str()).collect();
        bail!("there is no such target; there are: {}", names.join(", "));
    }
    let program = build()?;
    let mut broken = Vec::new();
    for (name, what) in chosen {
        println!("{name}: {what}");
        if !drive(&program, name, arguments)? {
            broken.push(name.as_str());
        }
    }
    if broken.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("FAILED: {}; what broke is in {}", broken.join(", "), kept("NAME").display());
    Ok(ExitCode::FAILURE)
}

/// Names and descriptions, as the table in `fuzz/src/lib.rs` has them.
fn targets() -> Result<Vec<(String, String)>> {
    let path = workspace::root().join("fuzz/src/lib.rs");
    let source = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let targets: Option<Vec<_>> = source.split("name: \"").skip(1).map(target).collect();
    targets
        .filter(|targets| !targets.is_empty())
        .with_context(|| format!("{} has no targets", path.display()))
}

/// The name at the start of a text, and the description behind it.
fn target(text: &str) -> Option<(String, String)> {
    let (name, rest) = text.split_once('"')?;
    let (what, _) = rest.split_once("what: \"")?.1.split_once('"')?;
    Some((name.to_owned(), what.to_owned()))
}

/// Builds the driver with counters in all code; says where it is.
fn build() -> Result<PathBuf> {
    let about = Tool::new("rustc").args(["-vV"]).read()?;
    let host = about.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    Tool::new("cargo")
        .args(["build", "--package", "trunkline-fuzz", "--features", "driver", "--bin", "trunkline-fuzz"])
        .args(["--profile", "fuzz", "--target", host])
        .env("RUSTFLAGS", COUNTERS)
        .must()?;
    Ok(workspace::target().join(host).join("fuzz/trunkline-fuzz"))
}

/// Where inputs of a target are kept.
fn kept(name: &str) -> PathBuf {
    workspace::target().join("fuzzing").join(name)
}

/// Runs one target; whether nothing broke.
fn drive(program: &PathBuf, name: &str, arguments: &FuzzArguments) -> Result<bool> {
    let (kept, seeds) = (kept(name), workspace::root().join("fuzz/corpus").join(name));
    let reached = kept.join("reached");
    std::fs::create_dir_all(&reached).with_context(|| format!("cannot make {}", reached.display()))?;
    let tool = Tool::new(program).env("TRUNKLINE_FUZZ", name).args([
        format!("-timeout={SLOWEST_S}"),
        format!("-rss_limit_mb={MEMORY_MIB}"),
        format!("-artifact_prefix={}/", kept.display()),
    ]);
    let tool = match &arguments.input {
        Some(file) => tool.args([file]),
        None => tool
            .args([format!("-max_total_time={}", arguments.seconds)])
            .args(["-verbosity=0", "-print_final_stats=1"])
            .args([&reached, &seeds]),
    };
    Ok(tool.show()?.success())
}

#[cfg(test)]
mod tests {
    use super::targets;

    #[test]
    fn every_target_has_seeds_and_every_seed_a_target() {
        let mut names: Vec<_> = targets().unwrap().into_iter().map(|(name, _)| name).collect();
        let listed = std::fs::read_dir(crate::workspace::root().join("fuzz/corpus")).unwrap();
        let mut folders: Vec<_> =
            listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        folders.sort();
        assert_eq!(names, folders);
    }
}
