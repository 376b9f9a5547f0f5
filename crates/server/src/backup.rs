//! Backups: a folder of files with a manifest, written whole, restored whole.
//!
//! ```text
//! NAME/manifest.json    format, program version, time, and size and SHA-256 of every file
//! NAME/trunkline.db     a consistent copy of the database (SQLite; PostgreSQL has its own tools)
//! NAME/blobs/…          attachments and recordings
//! NAME/tls/…            the certificate authority, so that clients need not trust a new one
//! NAME/master.key       only when asked for: with it the backup alone opens every secret
//! ```
//!
//! Both directions work in a temporary folder beside the target and rename at the end, so that what
//! carries the final name is complete.

mod manifest;
mod restore;

use std::future::Future;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use trunkline_kernel::Timestamp;

pub(crate) use manifest::Manifest;
pub(crate) use restore::restore;

/// The name of the database's copy, and of the database in the data folder.
const DATABASE_FILE: &str = "trunkline.db";
/// The name of the master key in a backup, and in the data folder by default.
const MASTER_KEY_FILE: &str = "master.key";
/// How the names of unfinished folders begin.
const STAGING_PREFIX: &str = ".trunkline-";
/// Folders of the data folder that a backup takes along, if they exist.
const FOLDERS: &[&str] = &["blobs", "tls"];

/// Why a backup or a restore did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackupError {
    /// Something stands where the backup should go.
    #[error("{0} already exists; choose another name")]
    Exists(PathBuf),
    /// The folder to restore into has data.
    #[error("{0} is not empty; restore needs an empty or missing data folder")]
    NotEmpty(PathBuf),
    /// The backup is not one, or is damaged.
    #[error("{backup} is no usable backup: {what}", backup = .backup.display())]
    Damaged {
        /// The backup.
        backup: PathBuf,
        /// What is wrong, naming the file.
        what: String,
    },
    /// A later version wrote it.
    #[error(
        "the backup has format {found}, this program reads up to {known}; restore it with the version that made it or a later one"
    )]
    TooNew {
        /// The format of the backup.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The database could not be copied.
    #[error("the database could not be copied: {0}")]
    Database(String),
    /// The file system refused.
    #[error("{path}: {cause}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        cause: std::io::Error,
    },
}

/// What a backup is made of.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// The folder to make; must not exist, its parent is made.
    pub(crate) target: PathBuf,
    /// The data folder.
    pub(crate) data: PathBuf,
    /// The master key to take along; `None` leaves it out.
    pub(crate) master_key: Option<PathBuf>,
    /// The time that the manifest names.
    pub(crate) now: Timestamp,
}

/// Makes a backup of a running server. `copy_database` copies the database to the file it is given.
///
/// Blobs are copied after the database: one that the copy names is there, unless it was deleted since.
/// Copying and hashing run on threads for blocking work.
///
/// **Errors**: the target then does not exist.
pub(crate) async fn create<F, E>(
    request: Request,
    copy_database: impl FnOnce(PathBuf) -> F,
) -> Result<Manifest, BackupError>
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    if request.target.exists() {
        return Err(BackupError::Exists(request.target));
    }
    let staging = Staging::beside(&request.target)?;
    let database = staging.path().join(DATABASE_FILE);
    copy_database(database).await.map_err(|error| BackupError::Database(error.to_string()))?;
    let rest = tokio::task::spawn_blocking(move || complete(&request, staging));
    rest.await.expect("copying files neither panics nor is cancelled")
}

/// Adds to the database's copy what else belongs to a backup, and gives it its name.
fn complete(request: &Request, staging: Staging) -> Result<Manifest, BackupError> {
    for folder in FOLDERS {
        copy_folder(&request.data.join(folder), &staging.path().join(folder))?;
    }
    if let Some(key) = &request.master_key {
        copy_file(key, &staging.path().join(MASTER_KEY_FILE))?;
    }
    let manifest = Manifest::of_folder(staging.path(), request.now)?;
    manifest.write(staging.path())?;
    staging.finish(&request.target)?;
    Ok(manifest)
}

/// A private folder that becomes the target by a rename, or disappears.
struct Staging(tempfile::TempDir);

impl Staging {
    /// A new folder on the file system of `target`, whose parent is made.
    fn beside(target: &Path) -> Result<Self, BackupError> {
        let parent = parent_of(target);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&parent).map_err(at(&parent))?;
        let private = std::fs::Permissions::from_mode(0o700);
        let builder =
            tempfile::Builder::new().prefix(STAGING_PREFIX).permissions(private).tempdir_in(&parent);
        builder.map(Self).map_err(at(&parent))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Makes everything durable and gives it the final name.
    fn finish(self, target: &Path) -> Result<(), BackupError> {
        sync_tree(self.path())?;
        let path = self.0.keep();
        if let Err(cause) = std::fs::rename(&path, target) {
            let _ = std::fs::remove_dir_all(&path);
            return Err(BackupError::File { path: target.to_owned(), cause });
        }
        sync_folder(&parent_of(target))
    }
}

/// Copies a folder with all below; a missing one is no error. Links are not followed.
fn copy_folder(from: &Path, to: &Path) -> Result<(), BackupError> {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(to).map_err(at(to))?;
    for entry in std::fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let kind = entry.file_type().map_err(at(&entry.path()))?;
        let target = to.join(entry.file_name());
        if kind.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else if kind.is_file() {
            match copy_file(&entry.path(), &target) {
                // Deleted since the folder was listed.
                Err(BackupError::File { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => {}
                outcome => outcome?,
            }
        }
    }
    Ok(())
}

/// Copies a file with its mode.
fn copy_file(from: &Path, to: &Path) -> Result<(), BackupError> {
    std::fs::copy(from, to).map(drop).map_err(at(from))
}

/// Flushes every file and folder of a tree to the disk.
fn sync_tree(folder: &Path) -> Result<(), BackupError> {
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_dir() { sync_tree(&path)? } else { sync_folder(&path)? }
    }
    sync_folder(folder)
}

/// Flushes one file or folder to the disk.
fn sync_folder(path: &Path) -> Result<(), BackupError> {
    std::fs::File::open(path).and_then(|file| file.sync_all()).map_err(at(path))
}

fn parent_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError + use<> {
    let path = path.to_owned();
    move |cause| BackupError::File { path, cause }
}

#[cfg(test)]
mod tests;
