//! `trunkline operator`, `trunkline audit` and `trunkline master-key`.

use serde_json::{Value, json};

use super::arguments::{MasterKeyCommand, OperatorCommand, Role};
use super::client::{encode, list};
use super::console::{Console, fields, table, text};
use super::{CliError, Session};

/// More operators than people run one installation; `list` shows them all.
const OPERATORS_MAX: usize = 10_000;

/// Runs a command about operators.
pub(super) async fn operator(
    command: &OperatorCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    match command {
        OperatorCommand::Create { name, role } => {
            let role = match role {
                Role::Owner => "owner",
                Role::Contributor => "contributor",
                Role::Reader => "reader",
            };
            let body = json!({ "name": name, "role": role });
            let operator = session.request("POST", "/trunkline/operators", Some(body)).await?;
            let human = fields(&[
                ("Name", text(&operator, "name")),
                ("Role", text(&operator, "role")),
                ("Token", text(&operator, "token")),
            ]);
            console.result(&operator, &human)?;
            console.note("The token is shown this once; send it as `Authorization: Bearer TOKEN`.");
            Ok(())
        }
        OperatorCommand::List => {
            let (operators, _) = list(session.api, "/trunkline/operators", OPERATORS_MAX).await?;
            let row =
                |operator: &Value| ["name", "role", "createdOn"].map(|name| text(operator, name)).to_vec();
            let rows: Vec<_> = operators.iter().map(row).collect();
            let human = table(&["NAME", "ROLE", "CREATED"], &rows, "No operators.");
            console.result(&json!({ "value": operators }), &human)
        }
        OperatorCommand::Delete { name, yes } => {
            console.confirm(&format!("Delete the operator {name}? Its token is refused at once."), *yes)?;
            session.request("DELETE", &format!("/trunkline/operators/{}", encode(name)), None).await?;
            console.result(&json!({ "deleted": name }), &format!("Deleted {name}."))
        }
    }
}

/// Lists the audit log.
pub(super) async fn audit(
    limit: usize,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let (entries, has_more) = list(session.api, "/trunkline/audit", limit).await?;
    let row = |entry: &Value| {
        ["occurredOn", "principal", "operation", "target"].map(|name| text(entry, name)).to_vec()
    };
    let rows: Vec<_> = entries.iter().map(row).collect();
    let human = table(&["TIME", "WHO", "OPERATION", "TARGET"], &rows, "No changes yet.");
    console.result(&json!({ "value": entries, "hasMore": has_more }), &human)?;
    if has_more {
        console.note("There are more; ask with a higher --limit.");
    }
    Ok(())
}

/// Runs a command about the master key.
pub(super) async fn master_key(
    command: &MasterKeyCommand,
    session: &Session<'_>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let MasterKeyCommand::Rotate { yes } = command;
    let file = session.config.master_key_file.display();
    console.confirm(&format!("Replace the master key in {file} and seal every secret again?"), *yes)?;
    let outcome = session.request("POST", "/trunkline/masterKey/:rotate", None).await?;
    console.result(&outcome, &format!("Sealed {} secrets again.", text(&outcome, "resealed")))?;
    console.note(&format!("Copy {file} to a safe place now: older copies do not open newer data."));
    Ok(())
}
