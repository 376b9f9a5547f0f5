//! The program `trunkline`.
//!
//! | module | what |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`config`] | settings: file, environment, flags |
//! | [`mod@serve`], [`banner`], [`ready`], [`admin`], [`telemetry`] | a server from bind to drain |
//! | [`node`], [`background`] | store, services and background work, composed |
//! | [`samples`] | the pages of the development profile |
//! | [`platform`] | operations of the server itself |
//! | [`program`], [`fetch`], [`directory`], [`events`], [`chat`], [`calling`], [`relay`], [`users`], [`erasure`], [`revocations`] | adapters |
//! | [`backup`], [`doctor`], [`folder`], [`logging`] | what the commands do |

mod admin;
mod background;
mod backup;
mod banner;
mod calling;
mod chat;
mod cli;
mod config;
mod directory;
mod doctor;
mod erasure;
mod events;
mod fetch;
mod folder;
mod logging;
mod media;
mod node;
mod platform;
mod program;
mod ready;
mod relay;
mod revocations;
mod samples;
mod serve;
mod telemetry;
mod users;
mod welcome;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(cause) => {
            eprintln!("error: the runtime cannot start: {cause}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(run(cli))
}

async fn run(cli: Cli) -> ExitCode {
    let Command::Serve(arguments) = &cli.command else {
        return cli::main(cli, &program::Trunkline).await;
    };
    let (ready_file, is_json) = (arguments.ready_file.clone(), cli.global.json);
    let inputs = config::Inputs::of_process(cli.global.config.clone(), cli.flags());
    match serve(&inputs, ready_file, is_json).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("error: {cause:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(
    inputs: &config::Inputs,
    ready_file: Option<std::path::PathBuf>,
    is_json: bool,
) -> anyhow::Result<()> {
    let config::Loaded { config, .. } = config::load(inputs)?;
    logging::start(&config.log)?;
    serve::run(config, ready_file, is_json).await
}
