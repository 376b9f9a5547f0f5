//! `docs/cli.md`, written from the commands' own help.

use std::fmt::Write as _;

use clap::{Command, CommandFactory as _};

use super::Cli;

const HEAD: &str = "\
# The command line

Commands talk to the running server over the socket in its data folder; with no server running they take the
folder's lock and work on the data themselves. Results go to standard output, everything else to standard error.
With `--json` results are JSON, and an error is `{\"error\":{\"code\",\"message\"}}` on standard error. The exit code
is 0 when the command did what it says, 1 when it failed, 2 when the command line makes no sense. Commands that
destroy something ask first on a terminal and want `--yes` elsewhere.
";

/// The page: every command with its help, in order.
pub(super) fn render() -> String {
    let mut page = HEAD.to_owned();
    let mut root = Cli::command().term_width(100);
    root.build();
    render_command(&mut root, "trunkline", 2, &mut page);
    page
}

fn render_command(command: &mut Command, path: &str, depth: usize, page: &mut String) {
    let help = command.render_help().to_string();
    let lines: Vec<_> = help.lines().map(str::trim_end).collect();
    let _ =
        write!(page, "\n{} `{path}`\n\n```text\n{}\n```\n", "#".repeat(depth), lines.join("\n").trim_end());
    for inner in command.get_subcommands_mut().filter(|inner| inner.get_name() != "help") {
        let path = format!("{path} {}", inner.get_name());
        render_command(inner, &path, depth + 1, page);
    }
}
