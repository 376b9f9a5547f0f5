//! `calling_calls`: what a call is, from its beginning to the end of what is kept of it.

use std::sync::Arc;

use trunkline_calling_wire::CustomContext;
use trunkline_kernel::{ResourceId, Timestamp};
use trunkline_store::{Row, StoreError, Tx, params};

use super::CallNumber;
use super::words::{kind_of_row, kind_to_row};
use crate::actor::CallFacts;
use crate::rules::call::{Ended, Head};
use crate::rules::{Kind, P, Reason};

/// A call as it was saved last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallRow {
    pub(crate) number: CallNumber,
    pub(crate) resource: ResourceId,
    pub(crate) id: Arc<str>,
    pub(crate) kind: Kind,
    pub(crate) server_call_id: Arc<str>,
    pub(crate) correlation_id: Arc<str>,
    /// What the application gave along; nothing once erased.
    pub(crate) custom_context: Option<CustomContext>,
    pub(crate) started_by: P,
    /// Empty once erased.
    pub(crate) started_by_raw: Arc<str>,
    pub(crate) started_at: Timestamp,
    pub(crate) live_at: Option<Timestamp>,
    pub(crate) next_p: u32,
    pub(crate) ended: Option<Ended>,
}

/// Inserts the row of a call that begins; returns its number.
pub(crate) fn insert(tx: &mut Tx<'_>, facts: &CallFacts, head: &Head) -> Result<CallNumber, StoreError> {
    let (kind, locator) = kind_to_row(&head.kind);
    let row = tx.query_one(
        "INSERT INTO calling_calls (resource_id, id, kind, locator, server_call_id, correlation_id, custom_context,
             started_by, started_by_raw, started_at, live_at, next_p)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) RETURNING number",
        params![
            facts.resource.id,
            &*facts.id,
            kind,
            locator,
            &*facts.server_call_id,
            &*facts.correlation_id,
            context_to_row(facts.custom_context.as_ref()),
            head.started_by.0,
            &*head.starter,
            head.started_at,
            head.live_at,
            head.next_p
        ],
    )?;
    row.get(0)
}

/// Writes what has changed with a call.
pub(crate) fn update(tx: &mut Tx<'_>, number: CallNumber, head: &Head) -> Result<(), StoreError> {
    let (kind, _) = kind_to_row(&head.kind);
    tx.execute(
        "UPDATE calling_calls SET kind = ?2, live_at = ?3, next_p = ?4, ended_at = ?5, end_code = ?6,
             end_sub_code = ?7, ended_by = ?8 WHERE number = ?1",
        params![
            number,
            kind,
            head.live_at,
            head.next_p,
            head.ended.map(|ended| ended.at),
            head.ended.map(|ended| ended.reason.code),
            head.ended.map(|ended| ended.reason.sub_code),
            head.ended.and_then(|ended| ended.by).map(|by| by.0)
        ],
    )?;
    Ok(())
}

fn context_to_row(context: Option<&CustomContext>) -> String {
    let write = |context| serde_json::to_string(context).expect("texts in a list of pairs");
    context.map_or_else(String::new, write)
}

/// What goes with a call.
const OF_CALLS: [&str; 2] = ["calling_legs", "calling_reports"];

const CALL: &str = "number, resource_id, id, kind, locator, server_call_id, correlation_id, custom_context,
     started_by, started_by_raw, started_at, live_at, next_p, ended_at, end_code, end_sub_code, ended_by";

fn read(row: &Row) -> Result<CallRow, StoreError> {
    let locator: String = row.get(4)?;
    let text = |column| row.get::<String>(column).map(Arc::from);
    let ended = match row.get::<Option<Timestamp>>(13)? {
        None => None,
        Some(at) => Some(Ended {
            at,
            reason: read_reason(row, 14)?.unwrap_or(Reason::HUNG_UP),
            by: row.get::<Option<u32>>(16)?.map(P),
        }),
    };
    Ok(CallRow {
        number: row.get(0)?,
        resource: row.get(1)?,
        id: text(2)?,
        kind: kind_of_row(row.get(3)?, &locator, 3)?,
        server_call_id: text(5)?,
        correlation_id: text(6)?,
        custom_context: serde_json::from_str(&row.get::<String>(7)?).ok(),
        started_by: P(row.get(8)?),
        started_by_raw: text(9)?,
        started_at: row.get(10)?,
        live_at: row.get(11)?,
        next_p: row.get(12)?,
        ended,
    })
}

/// The two columns of a reason, from `column`.
pub(super) fn read_reason(row: &Row, column: usize) -> Result<Option<Reason>, StoreError> {
    let (code, sub_code) = (row.get::<Option<u32>>(column)?, row.get::<Option<u32>>(column + 1)?);
    let reason = |(code, sub_code): (u32, u32)| Some(Reason { code: u16::try_from(code).ok()?, sub_code });
    Ok(code.zip(sub_code).and_then(reason))
}

/// A call by its number.
pub(crate) fn find(tx: &mut Tx<'_>, number: CallNumber) -> Result<Option<CallRow>, StoreError> {
    let sql = format!("SELECT {CALL} FROM calling_calls WHERE number = ?1");
    tx.query_opt(&sql, params![number])?.as_ref().map(read).transpose()
}

/// A call by its id.
pub(crate) fn find_by_id(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    id: &str,
) -> Result<Option<CallRow>, StoreError> {
    let sql = format!("SELECT {CALL} FROM calling_calls WHERE resource_id = ?1 AND id = ?2");
    tx.query_opt(&sql, params![resource, id])?.as_ref().map(read).transpose()
}

/// At most `limit` calls of a resource with numbers below `before`, the newest first.
pub(crate) fn list(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    before: Option<CallNumber>,
    limit: u32,
) -> Result<Vec<CallRow>, StoreError> {
    let sql = format!(
        "SELECT {CALL} FROM calling_calls WHERE resource_id = ?1 AND number < ?2 ORDER BY number DESC LIMIT ?3"
    );
    let before = before.map_or(i64::MAX, |number| number.0);
    tx.query_all(&sql, params![resource, before, limit])?.iter().map(read).collect()
}

/// The calls of a resource that have not ended.
pub(crate) fn list_running(tx: &mut Tx<'_>, resource: ResourceId) -> Result<Vec<CallRow>, StoreError> {
    let sql = format!(
        "SELECT {CALL} FROM calling_calls WHERE resource_id = ?1 AND ended_at IS NULL ORDER BY number"
    );
    tx.query_all(&sql, params![resource])?.iter().map(read).collect()
}

/// At most `limit` resources with calls that have not ended and that no other node than `node` has now.
pub(crate) fn list_resources_to_run(
    tx: &mut Tx<'_>,
    node: &str,
    now: Timestamp,
    limit: u32,
) -> Result<Vec<ResourceId>, StoreError> {
    let rows = tx.query_all(
        "SELECT DISTINCT resource_id FROM calling_calls WHERE ended_at IS NULL AND NOT EXISTS
             (SELECT 1 FROM calling_owners o WHERE o.resource_id = calling_calls.resource_id AND o.node <> ?1
                  AND o.held_until >= ?2)
         ORDER BY resource_id LIMIT ?3",
        params![node, now, limit],
    )?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Deletes at most `limit` calls that ended before `until`, with their legs; returns how many.
pub(crate) fn delete_ended(tx: &mut Tx<'_>, until: Timestamp, limit: u32) -> Result<u64, StoreError> {
    let ended = "SELECT number FROM calling_calls WHERE ended_at IS NOT NULL AND ended_at < ?1
         ORDER BY ended_at, number LIMIT ?2";
    for table in OF_CALLS {
        tx.execute(&format!("DELETE FROM {table} WHERE call IN ({ended})"), params![until, limit])?;
    }
    tx.execute(&format!("DELETE FROM calling_calls WHERE number IN ({ended})"), params![until, limit])
}

/// Deletes at most `limit` calls of a resource that began before `until`, with their legs; returns how many.
pub(crate) fn delete_of_resource(
    tx: &mut Tx<'_>,
    resource: ResourceId,
    until: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    let some = "SELECT number FROM calling_calls WHERE resource_id = ?1 AND started_at <= ?2 ORDER BY number LIMIT ?3";
    let values = params![resource, until, limit];
    for table in OF_CALLS {
        tx.execute(&format!("DELETE FROM {table} WHERE call IN ({some})"), values)?;
    }
    tx.execute(&format!("DELETE FROM calling_calls WHERE number IN ({some})"), values)
}
