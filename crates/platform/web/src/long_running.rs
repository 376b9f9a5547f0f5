//! Long-running operations: a row that can be polled at once, moved on by a durable job.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use trunkline_kernel::clock::Timestamp;
use trunkline_store::{StoreError, Tx, params};

/// How long a finished operation can still be asked for.
pub const KEPT_FOR: Duration = Duration::from_hours(24 * 7);

/// Rows deleted in one transaction, so that a purge never holds up a write for long.
const PURGE_CHUNK: u32 = 500;

/// How far an operation is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Status {
    /// Accepted.
    NotStarted,
    /// At work.
    Running,
    /// Done; `result` says what came of it.
    Succeeded,
    /// Given up; `error` says why.
    Failed,
}

impl Status {
    const fn as_str(self) -> &'static str {
        match self {
            Self::NotStarted => "notStarted",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    fn from_name(name: &str) -> Self {
        [Self::NotStarted, Self::Running, Self::Succeeded]
            .into_iter()
            .find(|status| status.as_str() == name)
            .unwrap_or(Self::Failed)
    }
}

/// The state of an operation, as polled.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationStatus {
    /// The id in `operation-location`.
    pub id: String,
    /// What runs.
    pub kind: String,
    /// How far it is.
    pub status: Status,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<OperationError>,
    /// When it was accepted.
    pub created_on: Timestamp,
    /// When its state last changed.
    pub last_updated_on: Timestamp,
}

/// Why an operation failed.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub struct OperationError {
    /// A code a program can act on.
    pub code: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Accepts an operation: from the commit on it can be polled.
pub fn start(tx: &mut Tx<'_>, id: &str, kind: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO web_operations (id, kind, status, created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?4)",
        params![id, kind, Status::NotStarted.as_str(), now],
    )?;
    Ok(())
}

/// Says that work has begun.
pub fn run(tx: &mut Tx<'_>, id: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE web_operations SET status = ?2, updated_at = ?3 WHERE id = ?1",
        params![id, Status::Running.as_str(), now],
    )?;
    Ok(())
}

/// Ends an operation, with its result or with a code and message.
pub fn finish(
    tx: &mut Tx<'_>,
    id: &str,
    outcome: &Result<Value, OperationError>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let (status, result, error) = match outcome {
        Ok(result) => (Status::Succeeded, Some(result.to_string()), None),
        Err(error) => (Status::Failed, None, Some(error)),
    };
    tx.execute(
        "UPDATE web_operations SET status = ?2, result = ?3, error_code = ?4, error_message = ?5, updated_at = ?6
         WHERE id = ?1",
        params![
            id,
            status.as_str(),
            result,
            error.map(|error| error.code.clone()),
            error.map(|error| error.message.clone()),
            now
        ],
    )?;
    Ok(())
}

/// The state of an operation.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<OperationStatus>, StoreError> {
    let row = tx.query_opt(
        "SELECT id, kind, status, result, error_code, error_message, created_at, updated_at
         FROM web_operations WHERE id = ?1",
        params![id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let result: Option<String> = row.get(3)?;
    let code: Option<String> = row.get(4)?;
    let message: Option<String> = row.get(5)?;
    Ok(Some(OperationStatus {
        id: row.get(0)?,
        kind: row.get(1)?,
        status: Status::from_name(&row.get::<String>(2)?),
        result: result.and_then(|text| serde_json::from_str(&text).ok()),
        error: code.map(|code| OperationError { code, message: message.unwrap_or_default() }),
        created_on: row.get(6)?,
        last_updated_on: row.get(7)?,
    }))
}

/// Deletes one chunk of operations whose last change is older than [`KEPT_FOR`]; returns whether there
/// may be more.
pub fn purge(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let deleted = tx.execute(
        "DELETE FROM web_operations WHERE id IN (
             SELECT id FROM web_operations WHERE updated_at <= ?1 LIMIT ?2)",
        params![now.minus(KEPT_FOR), PURGE_CHUNK],
    )?;
    Ok(deleted == u64::from(PURGE_CHUNK))
}
