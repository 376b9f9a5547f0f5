//! `trunkline backup`: asks the server for a backup and waits for it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use trunkline_kernel::{Clock, Timestamp};

use super::arguments;
use super::client::{encode, reply, request};
use super::console::{Console, fields, text};
use super::{ApiReply, CliError, Session};

/// How often the operation is asked about: fast enough for people, slow enough for the server.
const POLL_EVERY: Duration = Duration::from_millis(250);
/// How long a backup may take: a terabyte at 50 MB/s.
const BACKUP_MAX: Duration = Duration::from_hours(6);

/// Runs the command.
pub(super) async fn backup(
    arguments: &arguments::Backup,
    session: &Session<'_>,
    clock: Arc<dyn Clock>,
    console: &mut Console<'_>,
) -> Result<(), CliError> {
    let default = default_name(clock.now());
    let target = locate(arguments.name.as_deref().unwrap_or(&default), &session.config.backup_folder)?;
    let mut body = json!({ "file": target });
    if arguments.include_master_key {
        body["includeMasterKey"] = json!(true);
        console.note("warning: with the master key inside, whoever has the backup can read every secret.");
    }
    let accepted = reply(session.api, "POST", "/trunkline/backups", Some(body)).await?;
    let outcome = wait(session, &accepted, ("the backup", BACKUP_MAX)).await?;
    let human = fields(&[
        ("Backup", target.display().to_string()),
        ("Size", text(&outcome["result"], "sizeBytes")),
        ("Files", text(&outcome["result"], "files")),
    ]);
    console.result(&json!({ "backup": target, "result": outcome["result"] }), &human)?;
    if !arguments.include_master_key {
        let key = session.config.master_key_file.display();
        console.note(&format!(
            "Keep a copy of {key} elsewhere: without it the secrets in the backup stay closed."
        ));
    }
    Ok(())
}

/// A name that sorts by time and that every file system takes.
fn default_name(now: Timestamp) -> String {
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let date = now.to_rfc3339();
    format!("trunkline-{}T{}Z", digits(&date[..10]), digits(&date[11..19]))
}

/// A bare name lies in the backup folder, a path where it says; absolute, because the server's working
/// folder is another.
pub(super) fn locate(name: &str, folder: &Path) -> Result<PathBuf, CliError> {
    let is_bare = Path::new(name).components().count() == 1 && !name.starts_with('.');
    let path = if is_bare { folder.join(name) } else { PathBuf::from(name) };
    Ok(std::path::absolute(path)?)
}

/// Waits until the long-running operation that `accepted` names has ended well; `what` it does, and how long
/// that may take.
pub(super) async fn wait(
    session: &Session<'_>,
    accepted: &ApiReply,
    what: (&str, Duration),
) -> Result<Value, CliError> {
    let path = operation_path(accepted, what.0)?;
    let poll = async {
        loop {
            let operation = request(session.api, "GET", &path, None).await?;
            match operation["status"].as_str().map(str::to_ascii_lowercase).as_deref() {
                Some("succeeded") => return Ok(operation),
                Some("notstarted" | "running") => tokio::time::sleep(POLL_EVERY).await,
                _ => {
                    let error = &operation["error"];
                    let message = text(error, "message");
                    let message = if message.is_empty() { format!("{} failed", what.0) } else { message };
                    return Err(CliError::Refused { status: 200, code: text(error, "code"), message });
                }
            }
        }
    };
    if let Ok(outcome) = tokio::time::timeout(what.1, poll).await {
        return outcome;
    }
    let minutes = what.1.as_secs() / 60;
    Err(CliError::Unreachable(format!("{} did not end within {minutes} minutes", what.0)))
}

fn operation_path(accepted: &ApiReply, what: &str) -> Result<String, CliError> {
    let id = match accepted.operation_location.as_deref() {
        Some(location) => {
            location.split('?').next().and_then(|path| path.rsplit('/').next()).map(str::to_owned)
        }
        None => accepted.body["id"].as_str().map(encode),
    };
    match id {
        Some(id) if !id.is_empty() => Ok(format!("/trunkline/operations/{id}")),
        _ => Err(CliError::Unreachable(format!("the server did not say which operation is {what}"))),
    }
}
