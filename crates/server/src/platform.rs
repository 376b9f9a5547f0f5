//! Operations of the server itself: status, audit log, long-running operations, backups, the master key,
//! the published OpenAPI documents.

mod api;
pub(crate) mod operations;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde_json::json;
use trunkline_kernel::{Clock, Entropy, Timestamp};
use trunkline_store::Store;
use trunkline_store::vault::Vault;
use trunkline_web::{Operation, Routes};

use crate::backup;
use trunkline_calling::CallingService;
use trunkline_chat::ChatService;
use trunkline_directory::DirectoryService;
use trunkline_events::EventsService;
use trunkline_identity::Identity;
use trunkline_resources::Resources;
use trunkline_traversal::TraversalService;
use trunkline_usage::UsageService;

/// The kind of the durable job that makes a backup; its key is the operation's id.
pub(crate) const BACKUP_JOB: &str = "server.backup";

/// What these operations work with.
pub(crate) struct Platform {
    pub(crate) store: Store,
    pub(crate) vault: Vault,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) resources: Arc<Resources>,
    pub(crate) identity: Arc<Identity>,
    pub(crate) directory: Arc<DirectoryService>,
    pub(crate) usage: Arc<UsageService>,
    pub(crate) events: Arc<EventsService>,
    pub(crate) chat: Arc<ChatService>,
    pub(crate) calling: Arc<CallingService>,
    pub(crate) traversal: Arc<TraversalService>,
    pub(crate) data: PathBuf,
    pub(crate) master_key_file: Option<PathBuf>,
    pub(crate) node_name: String,
    pub(crate) started: Timestamp,
    // Filled once the routes of all services are known; the documents are made from them.
    pub(crate) published: OnceLock<Vec<&'static Operation>>,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Platform").finish_non_exhaustive()
    }
}

impl Platform {
    /// Every operation with its handler.
    pub(crate) fn routes(self: &Arc<Self>) -> Routes {
        api::routes(self)
    }

    /// Makes the backup that `payload` asks for.
    ///
    /// **Errors**: [`backup::BackupError`]; the target then does not exist.
    pub(crate) async fn run_backup(
        &self,
        payload: &BackupPayload,
    ) -> Result<serde_json::Value, backup::BackupError> {
        let master_key = self.master_key_file.clone().filter(|_| payload.include_master_key);
        let request = backup::Request {
            target: payload.file.clone(),
            data: self.data.clone(),
            master_key,
            now: self.clock.now(),
        };
        let store = self.store.clone();
        let manifest =
            backup::create(request, |file| async move { store.backup(&file).await.map(drop) }).await?;
        let size_bytes: u64 = manifest.files.values().map(|file| file.size_bytes).sum();
        Ok(json!({ "file": payload.file, "files": manifest.files.len(), "sizeBytes": size_bytes }))
    }
}

/// What a backup job carries.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct BackupPayload {
    /// The folder to make, an absolute path on the server's machine.
    pub(crate) file: PathBuf,
    /// Whether the master key is put into the backup.
    #[serde(default)]
    pub(crate) include_master_key: bool,
}

/// The service and version of every document there is.
pub(crate) fn list_documents(operations: &[&'static Operation]) -> Vec<(String, String)> {
    let mut documents = Vec::new();
    for operation in operations {
        let versions = if operation.versions.is_empty() { &[CURRENT][..] } else { operation.versions };
        for version in versions {
            let document = (operation.service.to_owned(), (*version).to_owned());
            if !documents.contains(&document) {
                documents.push(document);
            }
        }
    }
    documents
}

/// The version under which operations without versions are published.
pub(crate) const CURRENT: &str = "current";

/// One document; `None` when there is no such service or version.
pub(crate) fn find_document(
    operations: &[&'static Operation],
    service: &str,
    version: &str,
) -> Option<serde_json::Value> {
    let is_known = list_documents(operations).iter().any(|known| known.0 == service && known.1 == version);
    let version = if version == CURRENT { "" } else { version };
    is_known.then(|| trunkline_web::openapi::document(service, version, operations))
}
