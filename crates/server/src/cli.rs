//! The command line: what each command does, over the operator API or on files alone.
//!
//! | module | what |
//! |---|---|
//! | [`arguments`] | the commands as types |
//! | [`client`] | the operator API and how a command calls it |
//! | [`console`] | results, hints, questions, tables |
//! | [`resources`], [`users`], [`operators`], [`backups`] | commands over the operator API |
//! | [`applications`], [`directory_users`], [`roles`] | commands about the built-in directory |
//! | [`chat`] | chat threads: a look, deletion, export and import |
//! | [`events`] | event subscriptions, deliveries, listening |
//! | [`usage`] | what resources used |
//! | [`local`] | commands on files alone |
//! | `document` | `docs/cli.md`, in tests |

mod applications;
pub(crate) mod arguments;
mod backups;
mod chat;
mod client;
mod console;
mod directory_users;
#[cfg(test)]
mod document;
mod events;
mod local;
mod operators;
mod resources;
mod roles;
#[cfg(test)]
mod tests;
mod usage;
mod users;

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Value;
use trunkline_kernel::Clock;
use trunkline_web::Operation;

pub(crate) use arguments::{Cli, Command};
pub(crate) use client::{ApiReply, CliError, OperatorApi, Pending};
pub(crate) use console::Console;
pub(crate) use events::Forward;

use crate::config::{self, Config, Inputs, Loaded};
use crate::doctor;

/// What the commands need from the rest of the program.
pub(crate) trait Program: Send + Sync {
    /// The operator API: over the socket when a server holds the data folder, else of a router in this
    /// process, under the folder's lock.
    fn connect<'p>(&'p self, config: &'p Config) -> Pending<'p, Result<Box<dyn OperatorApi>, CliError>>;

    /// Every operation of the program.
    fn list_operations(&self) -> Vec<&'static Operation>;

    /// The OpenAPI document of a service in one api-version, `current` for operations without versions.
    fn find_document(&self, service: &str, version: &str) -> Option<Value>;

    /// Opens the database of a server that does not run, for `doctor`; an error says what is wrong.
    fn probe_database<'p>(&'p self, config: &'p Config)
    -> Pending<'p, Result<doctor::DatabaseFacts, String>>;

    /// Fetches a JSON document of an issuer as a server of `config` would, for `doctor`; an error says why not.
    fn fetch<'p>(&'p self, config: &'p Config, url: &'p str) -> Pending<'p, Result<Value, String>>;

    /// Posts to `url` as a server of `config` would, for `events listen --forward`.
    fn forward(&self, config: &Config, url: &str) -> Result<Box<dyn Forward>, CliError>;

    /// The machine's clock.
    fn clock(&self) -> Arc<dyn Clock>;
}

/// What a command works with.
struct Session<'s> {
    api: &'s dyn OperatorApi,
    config: &'s Config,
}

impl Session<'_> {
    async fn request(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, CliError> {
        client::request(self.api, method, path, body).await
    }

    /// The resource a command is about: the named one, else the default one, else the only one.
    async fn resource(&self, named: Option<&str>) -> Result<String, CliError> {
        if let Some(name) = named {
            return Ok(name.to_owned());
        }
        if let Some(name) = &self.config.default_resource {
            return Ok(name.to_string());
        }
        let (resources, _) = client::list(self.api, "/trunkline/resources?maxPageSize=2", 2).await?;
        match resources.as_slice() {
            [only] => Ok(console::text(only, "name")),
            [] => Err(CliError::Usage(
                "there is no resource yet; make one: trunkline resource create NAME".to_owned(),
            )),
            _ => Err(CliError::Usage("there are several resources; name one with --resource".to_owned())),
        }
    }
}

/// Runs every command but `serve` on the process's own console.
pub(crate) async fn main(cli: Cli, program: &dyn Program) -> ExitCode {
    let (mut output, mut notes) = (std::io::stdout(), std::io::stderr());
    let mut question = console::terminal_question();
    let ask: Option<&mut (dyn FnMut(&str) -> bool + Send)> = match &mut question {
        Some(question) => Some(question),
        None => None,
    };
    let mut console = Console { is_json: cli.global.json, output: &mut output, notes: &mut notes, ask };
    let inputs = Inputs::of_process(cli.global.config.clone(), cli.flags());
    match run(&cli, &inputs, program, &mut console).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            console.failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// Runs one command.
///
/// **Errors**: [`CliError`]; nothing of it has been printed yet.
async fn run(
    cli: &Cli,
    inputs: &Inputs,
    program: &dyn Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match &cli.command {
        Command::Completions { shell } => return local::completions(*shell, console),
        Command::Openapi(arguments) => return local::openapi(arguments, program, console),
        Command::Config(command) => return local::config(command, inputs, console),
        _ => {}
    }
    let Loaded { config, .. } = config::load(inputs)?;
    match &cli.command {
        Command::Ca(command) => return local::authority(command, &config, program.clock(), console),
        Command::Restore(arguments) => return local::restore(arguments, &config, console),
        Command::Doctor => return local::doctor(&config, program, console).await,
        _ => {}
    }
    let api = program.connect(&config).await?;
    let session = Session { api: api.as_ref(), config: &config };
    match &cli.command {
        Command::Resource(command) => resources::resource(command, &session, console).await,
        Command::Key(command) => resources::key(command, &session, console).await,
        Command::User(command) => users::user(command, &session, console).await,
        Command::Token(command) => users::token(command, &session, console).await,
        Command::Chat(command) => chat::chat(command, &session, console).await,
        Command::Events(command) => events::events(command, &session, program, console).await,
        Command::Operator(command) => operators::operator(command, &session, console).await,
        Command::App(command) => applications::application(command, &session, console).await,
        Command::DirectoryUser(command) => directory_users::directory_user(command, &session, console).await,
        Command::Role(command) => roles::role(command, &session, console).await,
        Command::Usage(arguments) => usage::usage(arguments, &session, console).await,
        Command::Audit { limit } => operators::audit(*limit, &session, console).await,
        Command::MasterKey(command) => operators::master_key(command, &session, console).await,
        Command::Backup(arguments) => backups::backup(arguments, &session, program.clock(), console).await,
        Command::Serve(_)
        | Command::Ca(_)
        | Command::Restore(_)
        | Command::Doctor
        | Command::Completions { .. }
        | Command::Openapi(_)
        | Command::Config(_) => Err(CliError::Usage("this command runs without the operator API".to_owned())),
    }
}

/// Reads `NAME=VALUE` pairs into an object.
fn pairs(texts: &[String], flag: &str) -> Result<Value, CliError> {
    let pair = |text: &String| match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), Value::from(value))),
        _ => Err(CliError::Usage(format!("{flag} {text:?} is not NAME=VALUE"))),
    };
    texts.iter().map(pair).collect::<Result<serde_json::Map<_, _>, _>>().map(Value::Object)
}
