//! The audit log: one row for every change made through the operator API, in the change's transaction.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trunkline_kernel::clock::Timestamp;
use trunkline_store::{StoreError, Tx, params};
use uuid::Uuid;

use crate::context::Context;

/// One row of the audit log.
#[derive(Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntry {
    /// Grows with time.
    pub id: i64,
    /// When.
    pub occurred_on: Timestamp,
    /// Who: `operator:NAME`, or `configuration`.
    pub principal: String,
    /// The operation id.
    pub operation: String,
    /// What was changed.
    pub target: String,
    /// How, without secrets.
    pub detail: Value,
    /// The `x-ms-request-id` of the request; what the configuration changed at one start shares one id.
    pub request_id: String,
}

/// A change that no request asked for, such as one by the configuration at start.
#[derive(Debug)]
pub struct Change<'a> {
    /// Who: one word.
    pub principal: &'a str,
    /// The operation that an operator would have used.
    pub operation: &'a str,
    /// What was changed.
    pub target: &'a str,
    /// How, without secrets.
    pub detail: &'a Value,
    /// One id for all changes that belong together.
    pub request_id: Uuid,
    /// When.
    pub now: Timestamp,
}

pub(crate) fn record(
    tx: &mut Tx<'_>,
    context: &Context,
    target: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    let change = Change {
        principal: &context.principal.key(),
        operation: context.operation.id,
        target,
        detail,
        request_id: context.request_id,
        now: context.now,
    };
    record_change(tx, &change)
}

/// Writes a row in the transaction of the change.
pub fn record_change(tx: &mut Tx<'_>, change: &Change<'_>) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO web_audit (occurred_at, principal, operation, target, detail, request_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            change.now,
            change.principal,
            change.operation,
            change.target,
            change.detail.to_string(),
            change.request_id.to_string()
        ],
    )?;
    Ok(())
}

/// A page of the log, newest first, starting below `before`.
pub fn list(tx: &mut Tx<'_>, before: Option<i64>, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = tx.query_all(
        "SELECT id, occurred_at, principal, operation, target, detail, request_id FROM web_audit
         WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
        params![before.unwrap_or(i64::MAX), limit],
    )?;
    let entry = |row: &trunkline_store::Row| {
        Ok(AuditEntry {
            id: row.get(0)?,
            occurred_on: row.get(1)?,
            principal: row.get(2)?,
            operation: row.get(3)?,
            target: row.get(4)?,
            detail: serde_json::from_str(&row.get::<String>(5)?).unwrap_or(Value::Null),
            request_id: row.get(6)?,
        })
    };
    rows.iter().map(entry).collect()
}
