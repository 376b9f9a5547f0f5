//! The step `network`: the hard-network lab, in a network namespace of its own.
//!
//! The machine's own network is neither used nor changed, so the lab has the ports of production to itself.

use anyhow::Result;

use super::counts::Counts;
use super::steps::captured;
use super::{Context, Outcome};
use crate::shell::{Tool, is_root};
use crate::workspace;

/// What the lines of figures begin with that the trials print.
const FIGURES: &str = "network | ";

/// Runs the trials and shows their figures.
pub(super) fn run(context: &mut Context) -> Result<Outcome> {
    if context.is_broken() {
        return Ok(Outcome::skipped("the build failed"));
    }
    if let Err(reason) = try_own_network() {
        return Ok(Outcome::skipped(&format!("no network of our own can be made here: {reason:#}")));
    }
    let server = context.server()?;
    // With the features of the whole workspace, as everything else.
    Tool::new("cargo").args(["build", "--quiet", "--workspace", "--bin", "lab_link"]).must()?;
    context.javascript()?;
    context.web()?;
    let tool = in_own_network()
        .args(["node", "--test", "--test-reporter=spec", "network.trials.mjs"])
        .folder(workspace::root().join("conformance/js/calling"))
        .env("TRUNKLINE_BIN", server)
        .env("LAB_LINK", workspace::target().join("debug/lab_link"));
    let captured = captured("network", &tool)?;
    let lines = captured.output.lines().filter_map(|line| line.strip_prefix(FIGURES));
    let figures: Vec<_> = lines.map(|line| format!("    {line}")).collect();
    println!("\n{}", figures.join("\n"));
    Ok(Outcome::counted(Counts::of_node(&captured.output), captured.success, captured.output))
}

/// Starts a program in a new network namespace; who is not root becomes it there.
fn in_own_network() -> Tool {
    let tool = Tool::new("unshare").args(["--net"]);
    if is_root() { tool } else { tool.args(["--map-root-user"]) }
}

/// Opens in a new namespace what makes devices there. Whatever the lab itself then fails in is a failure.
///
/// **Errors**: what forbids it, such as a container without the right or without `/dev/net/tun`.
fn try_own_network() -> Result<()> {
    in_own_network().args(["sh", "-c", ": <> /dev/net/tun"]).read().map(drop)
}
