//! `cargo xtask`: the developer commands of Trunkline.
//!
//! Each module is one command or one part that several share; `main` only reads the command line.
//! `cargo xtask NAME --help` explains each.

mod bench;
mod deny;
mod fuzz;
mod locate;
mod newest;
mod operations;
mod package;
mod postgres;
mod server;
mod setup;
mod shell;
mod source;
mod specs;
mod test;
mod tidy;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer commands of Trunkline.
///
/// Start with `cargo xtask run` (a server to talk to) and `cargo xtask test` (everything that is checked).
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(server::RunArguments),
    Test(test::TestArguments),
    Bench(bench::BenchArguments),
    Fuzz(fuzz::FuzzArguments),
    Setup(setup::SetupArguments),
    /// Single checks: API descriptions, house rules, operations, dependencies, the newest SDKs.
    Check {
        #[command(subcommand)]
        what: Check,
    },
    Where(locate::WhereArguments),
    Package(package::PackageArguments),
    /// A temporary PostgreSQL cluster in the foreground, for running single tests by hand.
    ///
    /// Prints the `export` line that the tests need and keeps the cluster until Enter, Ctrl-C or the end of
    /// standard input. Its data is gone afterwards.
    #[command(hide = true)]
    Postgres,
}

#[derive(Subcommand)]
enum Check {
    /// Compares the API descriptions the server publishes with the published Swagger files.
    ///
    /// Operation by operation and field by field; every difference must stand with its reason in
    /// `xtask/specs-differences.toml`. Needs `../shared/specs` beside the checkout.
    Specs,
    /// House rules that a machine can keep and no lint knows.
    ///
    /// Files over 500 lines and functions over 70 need a reason; every Rust file opens with `//!`; every
    /// workspace dependency says what for; crates depend on lower tiers only, engines reach no I/O crate;
    /// committed migrations stay as they are; no open notes, paths of one machine, ignored tests, `dbg!`, or
    /// `unsafe` outside listed files. Exceptions stand with their reasons in `xtask/tidy.toml`.
    Tidy,
    /// Every published operation has a test file and stands in `docs/api-coverage.md` as routed or missing.
    Operations,
    /// Dependencies: duplicates, licences, sources (`deny.toml`).
    Deny,
    /// The SDK tests with the newest releases of the SDKs instead of the pinned ones.
    ///
    /// Not part of `test`: a release of somebody else's must not fail a commit that passed before.
    NewestSdks,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => server::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Setup(arguments) => setup::run(&arguments),
        Command::Check { what: Check::Specs } => specs::run(),
        Command::Check { what: Check::Tidy } => tidy::run(),
        Command::Check { what: Check::Operations } => operations::run(),
        Command::Check { what: Check::Deny } => deny::run(),
        Command::Check { what: Check::NewestSdks } => newest::run(),
        Command::Where(arguments) => locate::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Postgres => postgres::run(),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
