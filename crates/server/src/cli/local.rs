//! Commands that need no operator API: configuration, certificate authority, restore, doctor, documents.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::CommandFactory as _;
use serde_json::{Value, json};
use trunkline_kernel::Clock;
use trunkline_net::trust::{self, TrustOutcome};
use trunkline_net::{Authority, NetError};
use trunkline_web::Operation;

use super::arguments::{CaCommand, Cli, ConfigCommand, OpenApi, Restore};
use super::console::{Console, fields, table};
use super::{CliError, Program, backups};
use crate::backup;
use crate::config::{self, Config, ConfigErrors, Inputs};
use crate::doctor;
use crate::folder::DataFolder;

/// Prints the completion script of a shell.
pub(super) fn completions(shell: clap_complete::Shell, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "trunkline", &mut script);
    Ok(console.output.write_all(&script)?)
}

/// Prints an OpenAPI document, or every operation, one a line: method, path, id, service, versions.
pub(super) fn openapi(
    arguments: &OpenApi,
    program: &dyn Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let (Some(service), Some(version)) = (&arguments.service, &arguments.api_version) else {
        let operations = program.list_operations();
        let value: Vec<_> = operations.iter().map(|operation| operation_json(operation)).collect();
        let lines: Vec<_> = operations.iter().map(|operation| operation_line(operation)).collect();
        return console.result(&json!({ "value": value }), &lines.join("\n"));
    };
    match program.find_document(service, version) {
        Some(document) => {
            let text = serde_json::to_string_pretty(&document).unwrap_or_default();
            console.result(&document, &text)
        }
        None => Err(CliError::Usage(format!(
            "there is no document {service} {version}; trunkline openapi --list names services and versions ('current' where there is none)"
        ))),
    }
}

fn operation_json(operation: &Operation) -> Value {
    json!({
        "method": operation.method.as_str(),
        "path": operation.path,
        "operationId": operation.id,
        "service": operation.service,
        "versions": operation.versions,
    })
}

/// Separated by tabs, so that scripts can cut it.
fn operation_line(operation: &Operation) -> String {
    let versions = operation.versions.join(",");
    [operation.method.as_str(), operation.path, operation.id, operation.service, &versions].join("\t")
}

/// Shows or checks the configuration.
pub(super) fn config(
    command: &ConfigCommand,
    inputs: &Inputs,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let loaded = config::load(inputs);
    match command {
        ConfigCommand::Show { changed } => {
            let mut origins = loaded?.origins;
            origins.retain(|origin| !changed || !["default", "derived"].contains(&origin.source.as_str()));
            let rows: Vec<_> = origins
                .iter()
                .map(|origin| vec![origin.key.clone(), origin.value.clone(), origin.source.clone()])
                .collect();
            let human = table(&["KEY", "VALUE", "SOURCE"], &rows, "Everything is at its default.");
            console.result(&json!({ "value": origins }), &human)
        }
        ConfigCommand::Check => match loaded {
            Ok(_) => {
                console.result(&json!({ "isValid": true, "problems": [] }), "The configuration is valid.")
            }
            Err(errors) => {
                console.result(
                    &json!({ "isValid": false, "problems": problems(&errors) }),
                    &errors.to_string(),
                )?;
                Err(CliError::Found)
            }
        },
    }
}

fn problems(errors: &ConfigErrors) -> Vec<Value> {
    let problem = |problem: &config::Problem| json!({ "source": problem.source.to_string(), "key": problem.key, "message": problem.message });
    errors.0.iter().map(problem).collect()
}

/// Shows the server's own authority, or installs it on this machine.
pub(super) fn authority(
    command: &CaCommand,
    config: &Config,
    clock: Arc<dyn Clock>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let folder = config.data.join("tls");
    if !folder.join("ca.pem").is_file() {
        let message =
            format!("there is no certificate authority in {}; `trunkline serve` makes it", folder.display());
        return Err(CliError::File(message));
    }
    let failed = |error: NetError| CliError::File(error.to_string());
    let authority = Authority::open_or_create(&folder, clock).map_err(failed)?;
    match command {
        CaCommand::Show => show_authority(&authority, console).map_err(|error| match error {
            ShowError::Net(error) => failed(error),
            ShowError::Cli(error) => error,
        }),
        CaCommand::Trust => {
            let home = std::env::var_os("HOME").map(PathBuf::from);
            let surroundings = trust::Surroundings::detect(home);
            let report = trust::install(&authority.certificate_file(), &surroundings).map_err(failed)?;
            report_trust(&report, console)
        }
    }
}

/// Either side of showing the authority can fail.
enum ShowError {
    Net(NetError),
    Cli(CliError),
}

fn show_authority(authority: &Authority, console: &mut Console<'_>) -> Result<(), ShowError> {
    let bundle = trunkline_net::TrustBundle::write(authority).map_err(ShowError::Net)?;
    let files = [
        ("Authority", authority.certificate_file()),
        ("Bundle", bundle.pem_file()),
        ("Java trust store", bundle.p12_file()),
    ];
    let mut rows: Vec<_> = files.iter().map(|(name, file)| (*name, file.display().to_string())).collect();
    rows.push(("Valid until", authority.not_after().to_rfc3339()));
    let mut human = fields(&rows);
    let mut lines = serde_json::Map::new();
    for paste in bundle.paste_lines() {
        let _ = write!(human, "\n\n# {}\n{}", paste.client, paste.lines.join("\n"));
        lines.insert(paste.client.to_owned(), json!(paste.lines));
    }
    let value = json!({
        "caFile": files[0].1,
        "bundleFile": files[1].1,
        "pkcs12File": files[2].1,
        "notAfter": authority.not_after(),
        "lines": lines,
    });
    console.result(&value, &human).map_err(ShowError::Cli)
}

fn report_trust(report: &trust::TrustReport, console: &mut Console<'_>) -> Result<(), CliError> {
    let mut lines = Vec::new();
    let mut values = Vec::new();
    for step in &report.steps {
        let store = &step.store;
        let (word, reason, command) = match &step.outcome {
            TrustOutcome::Installed => ("installed", "", ""),
            TrustOutcome::Run { reason, command } => ("run", reason.as_str(), command.as_str()),
            TrustOutcome::Failed { command, reason } => ("failed", reason.as_str(), command.as_str()),
        };
        lines.push(match word {
            "installed" => format!("{store}: installed"),
            "run" => format!("{store}: {reason}. Run this:\n  {command}"),
            _ => format!("{store}: failed: {reason}. Try by hand:\n  {command}"),
        });
        values.push(json!({ "store": store, "outcome": word, "reason": reason, "command": command }));
    }
    console.result(&json!({ "value": values }), &lines.join("\n"))?;
    let is_failed = |step: &trust::TrustStep| matches!(step.outcome, TrustOutcome::Failed { .. });
    if report.steps.iter().any(is_failed) { Err(CliError::Found) } else { Ok(()) }
}

/// Restores a backup into the empty data folder.
pub(super) fn restore(
    arguments: &Restore,
    config: &Config,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    if config.database.url.is_some() {
        let message =
            "a backup holds a SQLite database; with database.url set, restore PostgreSQL with its own tools";
        return Err(CliError::Usage(message.to_owned()));
    }
    let name = arguments.backup.to_string_lossy();
    let given = std::path::absolute(&arguments.backup)?;
    let source = if given.exists() { given } else { backups::locate(&name, &config.backup_folder)? };
    let folder = DataFolder::create(&config.data)?;
    let restored = backup::restore(&source, folder.path())?;
    let manifest = &restored.manifest;
    let human = fields(&[
        ("Restored", folder.path().display().to_string()),
        ("Made on", manifest.created_on.to_rfc3339()),
        ("By version", manifest.program_version.clone()),
        ("Files", manifest.files.len().to_string()),
    ]);
    let value = json!({
        "data": folder.path(),
        "createdOn": manifest.created_on,
        "programVersion": manifest.program_version,
        "files": manifest.files.len(),
        "needsMasterKey": restored.needs_master_key && !config.master_key_file.is_file(),
    });
    console.result(&value, &human)?;
    if restored.needs_master_key && !config.master_key_file.is_file() {
        let key = config.master_key_file.display();
        console.note(&format!("Put the master key at {key} (mode 0600) before you start the server."));
    }
    Ok(())
}

/// Looks for what is wrong with the installation.
pub(super) async fn doctor(
    config: &Config,
    program: &dyn Program,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let machine = doctor::ThisMachine::new(program.clock());
    let report = doctor::examine(config, program, &machine).await;
    console.result(&report.to_json(), &report.to_text())?;
    if report.is_failed() { Err(CliError::Found) } else { Ok(()) }
}
