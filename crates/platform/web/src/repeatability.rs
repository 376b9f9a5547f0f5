//! Repeatability headers (OASIS Repeatable Requests 1.0): a request sent again has its effect once.
//!
//! A record is keyed by resource, principal, operation and request id, and written in the transaction of
//! the effect. It keeps a reference to the effect (the id of what was created), never the reply itself:
//! tokens are secrets, so a repeated request that wants one gets a new token for the same identity.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_lc_rs::digest;
use trunkline_kernel::clock::Timestamp;
use trunkline_store::{Key, StoreError, Tx, params};

use crate::context::Context;
use crate::error::ApiError;

/// How long a record is kept: the SDKs stop retrying after minutes, queues of applications after hours.
pub const KEPT_FOR: Duration = Duration::from_hours(24);

/// The longest request id accepted, in bytes; a GUID has 36.
const ID_BYTES_MAX: usize = 128;

/// Records deleted in one transaction, so that a purge never holds up a write for long.
const PURGE_CHUNK: u32 = 500;

/// The repeatability headers of one request.
#[derive(Clone, Debug)]
pub struct Repeatability {
    key_hash: Vec<u8>,
    body_hash: Vec<u8>,
    now: Timestamp,
    is_audited: Arc<AtomicBool>,
}

impl Repeatability {
    pub(crate) fn read(context: &Context) -> Result<Option<Self>, ApiError> {
        let Some(id) = context.headers.get("repeatability-request-id") else { return Ok(None) };
        let id = id.to_str().ok().filter(|id| (1..=ID_BYTES_MAX).contains(&id.len())).ok_or_else(|| {
            ApiError::invalid(
                "repeatability-request-id",
                format!("Repeatability-Request-ID must have 1 to {ID_BYTES_MAX} visible characters; a GUID is usual."),
            )
        })?;
        if let Some(first_sent) = context.headers.get("repeatability-first-sent") {
            let date = first_sent.to_str().ok().and_then(Timestamp::parse_http_date).ok_or_else(|| {
                ApiError::invalid(
                    "repeatability-first-sent",
                    "Repeatability-First-Sent must be a date such as 'Sat, 21 Nov 2026 07:45:59 GMT'.",
                )
            })?;
            if context.now.since(date) > KEPT_FOR {
                return Err(ApiError::invalid(
                    "repeatability-first-sent",
                    "The request was first sent more than 24 hours ago; whether it had its effect is no longer known.",
                ));
            }
        }
        let resource = context.resource.as_ref().map(|resource| resource.id.to_string()).unwrap_or_default();
        let scope =
            [&*resource, &context.principal.key(), context.operation.id, &context.target_path, id].join("\n");
        let hash = |bytes: &[u8]| digest::digest(&digest::SHA256, bytes).as_ref().to_vec();
        Ok(Some(Self {
            key_hash: hash(scope.as_bytes()),
            body_hash: hash(&context.body),
            now: context.now,
            is_audited: Arc::clone(&context.is_audited),
        }))
    }

    /// The key of the transaction: the same for every try, so that two at once come one after the other.
    pub fn store_key(&self) -> Key {
        let name: String = self.key_hash.iter().map(|byte| format!("{byte:02x}")).collect();
        Key::system(format!("web_repeatability/{name}"))
    }

    /// The reference an earlier request with the same id recorded. Call it first in the transaction.
    ///
    /// **Errors**: 400 when that request had another body.
    pub fn find(&self, tx: &mut Tx<'_>) -> Result<Option<String>, ApiError> {
        let row = tx.query_opt(
            "SELECT body_hash, reference FROM web_repeatability WHERE key_hash = ?1 AND created_at > ?2",
            params![self.key_hash.clone(), self.now.minus(KEPT_FOR)],
        )?;
        let Some(row) = row else { return Ok(None) };
        if row.get::<Vec<u8>>(0)? != self.body_hash {
            return Err(ApiError::invalid(
                "repeatability-request-id",
                "This Repeatability-Request-ID was already used with another body; use a new one.",
            ));
        }
        // The first request left the row in the audit log.
        self.is_audited.store(true, Ordering::Relaxed);
        Ok(Some(row.get(1)?))
    }

    /// Records the effect, in its own transaction.
    pub fn record(&self, tx: &mut Tx<'_>, reference: &str) -> Result<(), StoreError> {
        tx.execute(
            "INSERT INTO web_repeatability (key_hash, body_hash, reference, created_at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (key_hash) DO UPDATE SET body_hash = excluded.body_hash,
                 reference = excluded.reference, created_at = excluded.created_at",
            params![self.key_hash.clone(), self.body_hash.clone(), reference, self.now],
        )?;
        Ok(())
    }
}

/// Deletes one chunk of records older than [`KEPT_FOR`]; returns whether there may be more.
pub fn purge(tx: &mut Tx<'_>, now: Timestamp) -> Result<bool, StoreError> {
    let deleted = tx.execute(
        "DELETE FROM web_repeatability WHERE key_hash IN (
             SELECT key_hash FROM web_repeatability WHERE created_at <= ?1 LIMIT ?2)",
        params![now.minus(KEPT_FOR), PURGE_CHUNK],
    )?;
    Ok(deleted == u64::from(PURGE_CHUNK))
}
