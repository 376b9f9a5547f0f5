//! HTTP: wire types and one handler per operation.

use std::sync::Arc;

use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use trunkline_kernel::Timestamp;
use trunkline_store::{Engine, Health, Key, NewJob, StoreError};
use trunkline_web::audit::{self, AuditEntry};
use trunkline_web::long_running::{self, OperationStatus};
use trunkline_web::{ApiError, Context, Reply, Routes, secrets};

use super::{BACKUP_JOB, BackupPayload, Platform, find_document, list_documents, operations};

/// What this server is and how it does.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusReply {
    /// The version of the program.
    version: &'static str,
    /// `SQLite` or `PostgreSQL`.
    engine: &'static str,
    /// `healthy`, or what is wrong.
    health: String,
    /// The name of this process among those that share a database.
    node: String,
    /// When this process started.
    started_on: Timestamp,
    /// The clock of this process.
    now: Timestamp,
}

/// How many secrets were sealed anew.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ResealReply {
    /// Access keys, signing keys and the server's own secrets.
    resealed: u64,
}

pub(super) fn routes(platform: &Arc<Platform>) -> Routes {
    Routes::new()
        .add(&operations::PING_GET, platform, ping_get)
        .add(&operations::STATUS_GET, platform, status_get)
        .add(&operations::AUDIT_LIST, platform, audit_list)
        .add(&operations::OPERATIONS_GET, platform, operations_get)
        .add(&operations::BACKUPS_CREATE, platform, backups_create)
        .add(&operations::MASTER_KEY_ROTATE, platform, master_key_rotate)
        .add(&operations::OPENAPI_GET, platform, open_api_get)
}

async fn ping_get(_: Arc<Platform>, _: Context) -> Result<Reply, ApiError> {
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

async fn status_get(platform: Arc<Platform>, context: Context) -> Result<Reply, ApiError> {
    let health = match platform.store.health() {
        Health::Healthy => "healthy".to_owned(),
        Health::Unhealthy { reason } => reason,
    };
    let reply = StatusReply {
        version: env!("CARGO_PKG_VERSION"),
        engine: match platform.store.engine() {
            Engine::Sqlite => "SQLite",
            Engine::Postgres => "PostgreSQL",
        },
        health,
        node: platform.node_name.clone(),
        started_on: platform.started,
        now: context.now,
    };
    Ok(Reply::json(StatusCode::OK, &reply))
}

async fn audit_list(platform: Arc<Platform>, context: Context) -> Result<Reply, ApiError> {
    let limit = context.page_size()?;
    let before: Option<i64> = context.continuation()?;
    let found: Vec<AuditEntry> =
        platform.store.read(move |tx| audit::list(tx, before, limit)).await.map_err(ApiError::from)?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.id);
    Ok(Reply::json(StatusCode::OK, &context.page(found, next.as_ref())))
}

async fn operations_get(platform: Arc<Platform>, context: Context) -> Result<Reply, ApiError> {
    let id = context.path("id").to_owned();
    let found: Option<OperationStatus> =
        platform.store.read(move |tx| long_running::find(tx, &id)).await.map_err(ApiError::from)?;
    let found = found
        .ok_or_else(|| ApiError::not_found("There is no such operation, or it ended over a week ago."))?;
    Ok(Reply::json(StatusCode::OK, &found).with_header(http::header::RETRY_AFTER, "1"))
}

async fn backups_create(platform: Arc<Platform>, context: Context) -> Result<Reply, ApiError> {
    let asked: BackupPayload = context.json()?;
    if platform.store.engine() == Engine::Postgres {
        let message = "This server's data is in PostgreSQL: back it up with pg_dump or pg_basebackup, and keep the master key file.";
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "BackupNotSupported", message));
    }
    if !asked.file.is_absolute() {
        return Err(ApiError::invalid("file", "file must be an absolute path on the server's machine."));
    }
    if asked.file.exists() {
        return Err(ApiError::conflict("Something stands at that path already; choose another one.")
            .with_target("file"));
    }
    let id = platform.entropy.uuid().to_string();
    let location = context.operation_location(&id);
    let (now, started) = (context.now, id.clone());
    let payload = json!(asked).to_string();
    platform
        .store
        .write(Key::system("server/backup"), move |tx| -> Result<(), StoreError> {
            long_running::start(tx, &started, "backup", now)?;
            tx.schedule(&NewJob {
                resource: "",
                kind: BACKUP_JOB,
                key: &started,
                payload: &payload,
                due: now,
            })?;
            context.audit(
                tx,
                &asked.file.display().to_string(),
                &json!({ "includeMasterKey": asked.include_master_key }),
            )
        })
        .await
        .map_err(ApiError::from)?;
    let found: Option<OperationStatus> =
        platform.store.read(move |tx| long_running::find(tx, &id)).await.map_err(ApiError::from)?;
    let found = found.ok_or_else(ApiError::internal)?;
    Ok(Reply::json(StatusCode::ACCEPTED, &found).with_operation_location(&location))
}

async fn master_key_rotate(platform: Arc<Platform>, context: Context) -> Result<Reply, ApiError> {
    platform.vault.rotate().map_err(|cause| {
        tracing::error!(%cause, "the master key cannot be rotated");
        ApiError::unavailable(format!("The master key cannot be rotated: {cause}."))
    })?;
    let mut resealed = platform.resources.reseal().await?;
    resealed += platform.identity.reseal().await?;
    resealed += platform.directory.reseal().await?;
    resealed += platform.events.reseal().await?;
    // The text that tells a lost key at start follows the others, so that the old key can go from the file.
    platform.vault.check(&platform.store).await.map_err(|cause| {
        tracing::error!(%cause, "the check of the master key cannot be sealed anew");
        ApiError::internal()
    })?;
    resealed += secrets::reseal(&platform.store, &platform.vault).await.map_err(|cause| {
        tracing::error!(%cause, "a secret cannot be sealed anew");
        ApiError::internal()
    })?;
    platform
        .store
        .write(Key::system("server/masterKey"), move |tx| -> Result<(), StoreError> {
            context.audit(tx, "master key", &json!({ "resealed": resealed }))
        })
        .await
        .map_err(ApiError::from)?;
    Ok(Reply::json(StatusCode::OK, &ResealReply { resealed }))
}

async fn open_api_get(platform: Arc<Platform>, context: Context) -> Result<Reply, ApiError> {
    let operations = platform.published.get().map(Vec::as_slice).unwrap_or_default();
    if let Some(document) = find_document(operations, context.path("service"), context.path("version")) {
        return Ok(Reply::json(StatusCode::OK, &document));
    }
    let known = list_documents(operations);
    let known: Vec<String> =
        known.iter().map(|(service, version)| format!("/openapi/{service}/{version}.json")).collect();
    Err(ApiError::not_found(format!("There is no such document; there are {}.", known.join(", "))))
}
