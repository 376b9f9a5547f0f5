//! The steps of `cargo xtask test`, in the order that takes the least time.
//!
//! Fast checks come first. cargo-deny, the Python environment, the Node packages and the sample pages are made
//! in the background while the lints and the build run, so the steps that need them stand behind. Lints and
//! documentation share their artefacts (metadata only); the build and all tests share theirs.

use std::time::Duration;

use anyhow::Result;

use super::counts::Counts;
use super::{Context, Outcome, log, network};
use crate::shell::Tool;
use crate::{deny, operations, setup, specs, tidy, workspace};

/// One step.
pub(crate) struct Step {
    /// What `--only` takes.
    pub(crate) name: &'static str,
    /// One line for `--list`.
    pub(crate) what: &'static str,
    /// Does it.
    pub(crate) body: fn(&mut Context) -> Result<Outcome>,
}

/// Every step, in order.
pub(crate) const STEPS: &[Step] = &[
    Step { name: "format", what: "rustfmt changes nothing", body: format },
    Step {
        name: "tidy",
        what: "house rules that no lint knows: see `cargo xtask check tidy --help`",
        body: tidy,
    },
    Step { name: "clippy", what: "lints, warnings denied", body: clippy },
    Step { name: "docs", what: "documentation builds, links resolve", body: docs },
    Step { name: "build", what: "the whole workspace with its tests", body: build },
    Step { name: "unit", what: "unit, slice and system tests, on SQLite and PostgreSQL", body: unit },
    Step { name: "python", what: "the official Python SDK against a running server", body: python },
    Step { name: "js", what: "the official JavaScript SDK against a running server", body: javascript },
    Step { name: "web", what: "the tests of the browser SDK", body: web },
    Step {
        name: "calling",
        what: "browsers call each other through the sample page of a running server",
        body: calling,
    },
    Step {
        name: "network",
        what: "browsers call each other over networks that lose, delay, narrow, block and move",
        body: network::run,
    },
    Step { name: "operations", what: "docs/api-coverage.md lists what is routed", body: operations },
    Step { name: "specs", what: "our API descriptions agree with the published ones", body: specs },
    Step { name: "deny", what: "dependencies: duplicates, licences, sources", body: deny },
];

/// No step may hang a build machine: the slowest takes a quarter of this on two quiet cores.
const LIMIT: Duration = Duration::from_mins(45);

pub(super) fn captured(name: &str, tool: &Tool) -> Result<crate::shell::Captured> {
    tool.clone().limit(LIMIT).capture(&log(name)?)
}

/// A program whose success is the whole answer.
fn plain(name: &str, tool: &Tool) -> Result<Outcome> {
    let captured = captured(name, tool)?;
    Ok(Outcome::check(if captured.success { String::new() } else { captured.output + "\n" }))
}

fn cargo<'a>(words: impl IntoIterator<Item = &'a str>) -> Tool {
    Tool::new("cargo").args(words)
}

fn format(_: &mut Context) -> Result<Outcome> {
    let tool = cargo(["fmt", "--all", "--check", "--", "-l"]);
    let captured = captured("format", &tool)?;
    let hint = "these files change; run `cargo fmt --all`:\n";
    Ok(Outcome::check(if captured.success { String::new() } else { hint.to_owned() + &captured.output }))
}

fn tidy(_: &mut Context) -> Result<Outcome> {
    Ok(Outcome::check(lines(&tidy::check()?)))
}

fn lines(problems: &[String]) -> String {
    problems.iter().flat_map(|problem| [problem.as_str(), "\n"]).collect()
}

fn clippy(_: &mut Context) -> Result<Outcome> {
    plain("clippy", &cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))
}

fn docs(_: &mut Context) -> Result<Outcome> {
    let tool = cargo(["doc", "--workspace", "--no-deps", "--document-private-items"]);
    plain("docs", &tool.env("RUSTDOCFLAGS", "--deny warnings"))
}

fn build(context: &mut Context) -> Result<Outcome> {
    let outcome = plain("build", &cargo(["build", "--workspace", "--all-targets"]))?;
    context.set_built(!outcome.counts.is_failed());
    Ok(outcome)
}

fn unit(context: &mut Context) -> Result<Outcome> {
    if context.is_broken() {
        return Ok(Outcome::skipped("the build failed"));
    }
    let tool = cargo(["test", "--workspace", "--no-fail-fast"])
        .env("TRUNKLINE_TEST_POSTGRES", context.postgres()?)
        .env("TRUNKLINE_BIN", context.server()?);
    let captured = captured("unit", &tool)?;
    Ok(Outcome::counted(Counts::of_cargo(&captured.output), captured.success, captured.output))
}

fn python(context: &mut Context) -> Result<Outcome> {
    let folder = workspace::root().join("conformance/python");
    if !folder.join("requirements.txt").is_file() {
        return Ok(Outcome::skipped("conformance/python has no requirements.txt"));
    }
    if context.is_broken() {
        return Ok(Outcome::skipped("the build failed"));
    }
    context.python()?;
    context.web()?;
    let tool = Tool::new(setup::python_program())
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .folder(folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("TRUNKLINE_BIN", context.server()?);
    let captured = captured("python", &tool)?;
    Ok(Outcome::counted(Counts::of_pytest(&captured.output), captured.success, captured.output))
}

fn javascript(context: &mut Context) -> Result<Outcome> {
    let folder = workspace::root().join("conformance/js");
    if !folder.join("package-lock.json").is_file() {
        return Ok(Outcome::skipped("conformance/js has no package-lock.json"));
    }
    if context.is_broken() {
        return Ok(Outcome::skipped("the build failed"));
    }
    context.javascript()?;
    let tool = Tool::new("node")
        .args(["run.mjs"])
        .folder(folder)
        .env("TRUNKLINE_TEST_POSTGRES", context.postgres()?)
        .env("TRUNKLINE_BIN", context.server()?);
    let captured = captured("js", &tool)?;
    Ok(Outcome::counted(Counts::of_node(&captured.output), captured.success, captured.output))
}

fn web(context: &mut Context) -> Result<Outcome> {
    context.web()?;
    let tool = Tool::new("npm").args(["test", "--silent"]).folder(workspace::root().join("web"));
    let captured = captured("web", &tool)?;
    Ok(Outcome::counted(Counts::of_node(&captured.output), captured.success, captured.output))
}

fn calling(context: &mut Context) -> Result<Outcome> {
    if context.is_broken() {
        return Ok(Outcome::skipped("the build failed"));
    }
    context.javascript()?;
    context.web()?;
    // One file after the other: the browsers of one keep two cores busy.
    let tool = Tool::new("node")
        .args(["run.mjs"])
        .folder(workspace::root().join("conformance/js/calling"))
        .env("TRUNKLINE_BIN", context.server()?);
    let captured = captured("calling", &tool)?;
    Ok(Outcome::counted(Counts::of_node(&captured.output), captured.success, captured.output))
}

fn operations(context: &mut Context) -> Result<Outcome> {
    if context.is_broken() {
        return Ok(Outcome::skipped("the build failed"));
    }
    Ok(Outcome::check(lines(&operations::check(&context.server()?)?)))
}

fn specs(context: &mut Context) -> Result<Outcome> {
    if !workspace::published_specs().is_dir() {
        return Ok(Outcome::skipped(
            "the published API descriptions (../shared/specs) are not on this machine",
        ));
    }
    if context.is_broken() {
        return Ok(Outcome::skipped("the build failed"));
    }
    let found = specs::check(&context.server()?)?;
    Ok(Outcome::check(lines(&found.problems)))
}

fn deny(context: &mut Context) -> Result<Outcome> {
    plain("deny", &deny::tool(&context.cargo_deny()?))
}
