//! What the other commands need on the machine: Debian packages, Python and JavaScript test environments.
//!
//! Nothing is done twice: a stamp beside each environment holds the text of the file it was made from.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::shell::{Tool, find, is_root};
use crate::{deny, postgres, web, workspace};

/// Installs what the other commands need: PostgreSQL, browsers, NATS, Python, Node packages, wrk, cargo-deny.
///
/// As root missing Debian packages are installed with apt-get; as another user the exact command is printed.
/// The Python environment goes to `target/venv`, Node packages to `conformance/js/node_modules` and
/// `web/node_modules`, the rest to `target/xtask`. Done work is not repeated. `run` does without all this; where
/// Node.js is missing it only leaves out the sample pages. What one benchmark alone needs, `bench` installs itself.
#[derive(Args)]
pub(crate) struct SetupArguments {
    /// Only say what is missing; change nothing.
    #[arg(long)]
    check: bool,
}

/// One thing from a Debian package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// `initdb` and `postgres`, version 15 or later.
    Postgres,
    /// Python with `venv` and `pip`.
    Python,
    /// Node.js 20 or later with `npm`.
    Node,
    /// The browser in which all pages are tested, and its driver.
    Chromium,
    /// The other browser that calls are tested in.
    Firefox,
    /// Another implementation of the relay's protocol, to test ours with.
    Coturn,
    /// Network namespaces from the command line, for the hard-network lab.
    Namespaces,
    /// The NATS server that events are sent to in tests.
    Nats,
    /// What the commands printed in the documentation use, which the SDK suites run.
    Guide,
    /// The HTTP load tool.
    Wrk,
    /// The chat server that ours is measured beside.
    Prosody,
    /// The media server that ours is measured beside.
    Janus,
    /// Builds Debian packages.
    DpkgDeb,
}

impl Need {
    fn package(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Python => "python3-venv",
            Self::Node => "nodejs npm",
            Self::Chromium => "chromium chromium-driver",
            Self::Firefox => "firefox-esr",
            Self::Coturn => "coturn",
            Self::Namespaces => "iproute2 util-linux",
            Self::Nats => "nats-server",
            Self::Guide => "curl openssl",
            Self::Wrk => "wrk",
            Self::Prosody => "prosody",
            Self::Janus => "janus",
            Self::DpkgDeb => "dpkg",
        }
    }

    fn is_present(self) -> bool {
        match self {
            Self::Postgres => postgres::find_programs().is_ok(),
            Self::Python => Tool::new("python3").args(["-c", "import ensurepip, venv"]).read().is_ok(),
            Self::Node => find("node").is_some() && find("npm").is_some(),
            Self::Chromium => find("chromium").is_some() && find("chromedriver").is_some(),
            Self::Firefox => find("firefox-esr").is_some(),
            Self::Coturn => find("turnutils_uclient").is_some(),
            Self::Namespaces => ["ip", "unshare", "nsenter"].iter().all(|name| find(name).is_some()),
            // Debian puts it where only root's path looks.
            Self::Nats => find("nats-server").is_some() || Path::new("/usr/sbin/nats-server").is_file(),
            Self::Guide => find("curl").is_some() && find("openssl").is_some(),
            Self::Wrk => find("wrk").is_some(),
            Self::Prosody => find("prosody").is_some(),
            Self::Janus => find("janus").is_some(),
            Self::DpkgDeb => find("dpkg-deb").is_some(),
        }
    }
}

/// `cargo xtask setup`.
pub(crate) fn run(arguments: &SetupArguments) -> Result<ExitCode> {
    let needs = [
        Need::Postgres,
        Need::Python,
        Need::Node,
        Need::Chromium,
        Need::Firefox,
        Need::Coturn,
        Need::Namespaces,
        Need::Nats,
        Need::Guide,
        Need::Wrk,
    ];
    if arguments.check {
        let missing = missing(&needs);
        if missing.is_empty() {
            println!("nothing is missing from Debian");
            return Ok(ExitCode::SUCCESS);
        }
        println!("missing: {}", apt_line(&missing));
        return Ok(ExitCode::FAILURE);
    }
    debian(&needs)?;
    rust_components()?;
    println!("Python environment ...");
    python()?;
    println!("Node packages ...");
    javascript()?;
    println!("Sample pages ...");
    samples()?;
    println!("cargo-deny ...");
    deny::install()?;
    println!("everything is set up; next: cargo xtask test");
    Ok(ExitCode::SUCCESS)
}

/// Makes sure of Debian packages: installs them as root, otherwise says the command and fails.
pub(crate) fn debian(needs: &[Need]) -> Result<()> {
    let missing = missing(needs);
    if missing.is_empty() {
        return Ok(());
    }
    let line = apt_line(&missing);
    if !is_root() || find("apt-get").is_none() {
        bail!("these Debian packages are missing; install them and start again:\n\n    sudo {line}\n");
    }
    println!("installing: {line}");
    let log = workspace::scratch()?.join("apt-get.log");
    for words in ["apt-get update -q", &line] {
        let mut parts = words.split(' ');
        let program = parts.next().expect("the line has a first word");
        let captured =
            Tool::new(program).args(parts).env("DEBIAN_FRONTEND", "noninteractive").capture(&log)?;
        if !captured.success {
            bail!("`{words}` failed:\n{}", captured.output);
        }
    }
    Ok(())
}

/// Makes sure of rustfmt and clippy, which a minimal toolchain lacks.
pub(crate) fn rust_components() -> Result<()> {
    let present = |name| Tool::new("cargo").args([name, "--version"]).read().is_ok();
    if present("fmt") && present("clippy") {
        return Ok(());
    }
    println!("installing rustfmt and clippy ...");
    Tool::new("rustup").args(["component", "add", "rustfmt", "clippy"]).must()
}

fn missing(needs: &[Need]) -> Vec<Need> {
    needs.iter().copied().filter(|need| !need.is_present()).collect()
}

fn apt_line(needs: &[Need]) -> String {
    let names: Vec<_> = needs.iter().map(|need| need.package()).collect();
    format!("apt-get install -y --no-install-recommends {}", names.join(" "))
}

/// Python of the environment that the SDK tests run in.
pub(crate) fn python_program() -> PathBuf {
    workspace::target().join("venv/bin/python")
}

/// Makes `target/venv` with the pinned packages of the Python SDK tests.
pub(crate) fn python() -> Result<()> {
    let requirements = workspace::root().join("conformance/python/requirements.txt");
    if !requirements.is_file() {
        return Ok(());
    }
    let venv = workspace::target().join("venv");
    let version = Tool::new("python3").args(["--version"]).read()?;
    let wanted = version + &read(&requirements)?;
    let stamp = venv.join("xtask-stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    let log = workspace::scratch()?.join("venv.log");
    quiet(&Tool::new("python3").args(["-m", "venv", "--clear"]).args([&venv]), &log)?;
    let pip = Tool::new(python_program())
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ])
        .args([&requirements]);
    quiet(&pip, &log)?;
    write(&stamp, &wanted)
}

/// Installs the packages of the sample pages and builds them.
pub(crate) fn samples() -> Result<()> {
    web::Samples::build(|line| println!("{line}")).map(drop)
}

/// Installs the locked packages of the JavaScript SDK tests.
pub(crate) fn javascript() -> Result<()> {
    let folder = workspace::root().join("conformance/js");
    let lock = folder.join("package-lock.json");
    if !lock.is_file() {
        return Ok(());
    }
    let wanted = read(&lock)?;
    let stamp = folder.join("node_modules/.xtask-stamp");
    if std::fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    let log = workspace::scratch()?.join("npm.log");
    let install =
        Tool::new("npm").args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).folder(&folder);
    quiet(&install, &log)?;
    write(&stamp, &wanted)
}

/// Runs `tool` without showing its output, unless it fails.
pub(crate) fn quiet(tool: &Tool, log: &Path) -> Result<()> {
    let captured = tool.capture(log)?;
    if !captured.success {
        bail!("`{}` failed:\n{}", tool.line(), captured.output);
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::{Need, apt_line};

    #[test]
    fn the_printed_command_names_every_missing_package() {
        let line = apt_line(&[Need::Postgres, Need::Node]);
        assert_eq!(line, "apt-get install -y --no-install-recommends postgresql nodejs npm");
    }
}
