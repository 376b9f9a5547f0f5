//! `cargo xtask check newest-sdks`: what the next releases of the SDKs will bring.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::postgres::{Cluster, Durability};
use crate::setup::{self, Need};
use crate::shell::Tool;
use crate::{server, workspace};

/// `cargo xtask check newest-sdks`.
pub(crate) fn run() -> Result<ExitCode> {
    setup::debian(&[Need::Python, Need::Chromium, Need::Nats, Need::Guide, Need::Node, Need::Postgres])?;
    let binary = server::build()?;
    // The sample pages keep their pinned packages: their witness is the component in them, not its newest release.
    setup::samples()?;
    let cluster = Cluster::start(Durability::None)?;
    let python = python(&binary)?;
    let javascript = javascript(&binary, &cluster.url())?;
    Ok(if python && javascript { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The Python suite in an environment of its own, made anew each time.
fn python(binary: &Path) -> Result<bool> {
    let folder = workspace::root().join("conformance/python");
    let venv = workspace::target().join("venv-newest");
    Tool::new("python3").args(["-m", "venv", "--clear"]).args([&venv]).must()?;
    let program = venv.join("bin/python");
    let install =
        ["-m", "pip", "install", "--quiet", "--upgrade", "--requirement", "requirements-newest.txt"];
    Tool::new(&program).args(install).folder(&folder).must()?;
    Tool::new(&program).args(["-m", "pip", "list", "--disable-pip-version-check"]).must()?;
    let tests = Tool::new(&program).args(["-m", "pytest", "-q"]).env("PYTHONDONTWRITEBYTECODE", "1");
    Ok(tests.folder(folder).env("TRUNKLINE_BIN", binary).show()?.success())
}

/// The JavaScript suite in a copy, so that the locked packages of the checkout stay.
fn javascript(binary: &Path, postgres: &str) -> Result<bool> {
    let source = workspace::root().join("conformance/js");
    let copy = workspace::scratch()?.join("js-newest");
    if copy.exists() {
        std::fs::remove_dir_all(&copy).context("cannot empty the copy")?;
    }
    let prefix = "conformance/js/";
    for path in
        workspace::files()?.iter().filter(|path| path.starts_with(prefix) && !path.ends_with("lock.json"))
    {
        let target = copy.join(&path[prefix.len()..]);
        let folder = target.parent().context("every file has a folder")?;
        std::fs::create_dir_all(folder).context("cannot create the copy")?;
        std::fs::copy(workspace::root().join(path), &target)
            .with_context(|| format!("cannot copy {path}"))?;
    }
    let manifest = std::fs::read_to_string(source.join("package.json")).context("no package.json")?;
    let manifest: Value = serde_json::from_str(&manifest).context("package.json is no JSON")?;
    let names = ["dependencies", "devDependencies"].iter().filter_map(|kind| manifest[*kind].as_object());
    let newest: Vec<_> =
        names.flat_map(|packages| packages.keys()).map(|name| format!("{name}@latest")).collect();
    Tool::new("npm").args(["install", "--no-audit", "--no-fund"]).args(newest).folder(&copy).must()?;
    let tests = Tool::new("node").args(["run.mjs"]).folder(copy).env("TRUNKLINE_BIN", binary);
    Ok(tests.env("TRUNKLINE_TEST_POSTGRES", postgres).show()?.success())
}
