//! Large objects (attachments, recordings, dead letters) in a folder or in memory.
//!
//! An acknowledged blob is on stable storage: it is written to a file beside its place, synced, renamed,
//! and the folder is synced. Rows in the store name blobs; what a row promises is put before the row is written. A blob
//! goes before or after its row so that whoever cleans up still finds it.

use std::fs::DirBuilder;
use std::ops::Range;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

/// The default bound of one blob: held in memory while it is put, so a handful at once must fit.
pub const SIZE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Longest name: every file system and S3 take it.
const NAME_BYTES_MAX: usize = 1024;
/// Longest part of a name between slashes: what common file systems allow, less what a partial file adds.
const PART_BYTES_MAX: usize = 200;

/// Blobs are customers' data: a new folder is for its owner only.
const FOLDER_MODE: u32 = 0o700;

/// Where blobs are kept.
#[derive(Clone, Debug)]
pub enum BlobPlace {
    /// A folder of this machine; it is made when absent.
    Folder(PathBuf),
    /// Memory of this process.
    Memory,
}

/// Why a blob cannot be put, got or deleted.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    /// The name is empty, too long, or holds something else than `a-z A-Z 0-9 . _ -` between slashes.
    #[error("not a name for a blob: {0:?}")]
    Name(String),
    /// There is no such blob.
    #[error("there is no blob {0}")]
    NotFound(String),
    /// The blob is larger than the bound.
    #[error("a blob of {size_bytes} bytes is larger than {size_bytes_max}")]
    TooLarge {
        /// Its size.
        size_bytes: u64,
        /// The bound.
        size_bytes_max: u64,
    },
    /// The range is not within the blob.
    #[error("the range is not within the blob")]
    Range,
    /// The folder fails.
    #[error("the blob store is unavailable: {0}")]
    Unavailable(String),
}

/// A blob's name and size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// The name, as given to [`Blobs::put`].
    pub name: String,
    /// The size.
    pub size_bytes: u64,
}

/// A store of blobs. Clones are handles to the same one.
#[derive(Clone)]
pub struct Blobs {
    objects: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
    size_bytes_max: u64,
}

impl Blobs {
    /// Opens the place, or makes it. Blobs larger than `size_bytes_max` are refused.
    pub fn open(place: &BlobPlace, size_bytes_max: u64) -> Result<Self, BlobError> {
        match place {
            BlobPlace::Memory => {
                Ok(Self { objects: Arc::new(InMemory::new()), folder: None, size_bytes_max })
            }
            BlobPlace::Folder(folder) => {
                let made = DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder);
                made.map_err(|failure| in_folder(folder, &failure))?;
                if let Some(parent) = folder.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                    sync_folder(parent)?;
                }
                let files = LocalFileSystem::new_with_prefix(folder)
                    .map_err(|failure| BlobError::Unavailable(failure.to_string()))?;
                Ok(Self {
                    objects: Arc::new(files.with_fsync(true)),
                    folder: Some(folder.clone()),
                    size_bytes_max,
                })
            }
        }
    }

    /// Puts a blob, or replaces it whole: a reader sees the old one or the new one.
    pub async fn put(&self, name: &str, bytes: Bytes) -> Result<(), BlobError> {
        let path = path_of(name)?;
        let size_bytes = bytes.len() as u64;
        if size_bytes > self.size_bytes_max {
            return Err(BlobError::TooLarge { size_bytes, size_bytes_max: self.size_bytes_max });
        }
        let put = self.objects.put(&path, PutPayload::from_bytes(bytes)).await;
        put.map(drop).map_err(|failure| translate(failure, name))
    }

    /// The whole blob.
    pub async fn get(&self, name: &str) -> Result<Bytes, BlobError> {
        let got = self.objects.get(&path_of(name)?).await.map_err(|failure| translate(failure, name))?;
        got.bytes().await.map_err(|failure| translate(failure, name))
    }

    /// Part of a blob; the range must lie within it.
    pub async fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let path = path_of(name)?;
        let size_bytes = self.size(name).await?;
        if range.start > range.end || range.end > size_bytes {
            return Err(BlobError::Range);
        }
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        self.objects.get_range(&path, range).await.map_err(|failure| translate(failure, name))
    }

    /// The size in bytes.
    pub async fn size(&self, name: &str) -> Result<u64, BlobError> {
        let head = self.objects.head(&path_of(name)?).await;
        head.map(|meta| meta.size).map_err(|failure| translate(failure, name))
    }

    /// Deletes a blob; returns whether there was one.
    pub async fn delete(&self, name: &str) -> Result<bool, BlobError> {
        let path = path_of(name)?;
        // In memory a blob that is not there is deleted without a word.
        match self.size(name).await {
            Err(BlobError::NotFound(_)) => return Ok(false),
            other => other?,
        };
        match self.objects.delete(&path).await {
            Ok(()) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(failure) => return Err(translate(failure, name)),
        }
        self.sync_parent(name).await?;
        Ok(true)
    }

    /// The blobs whose names begin with the parts of `prefix`, by name, at most `limit`.
    pub async fn list(&self, prefix: &str, limit: usize) -> Result<Vec<BlobInfo>, BlobError> {
        let prefix = if prefix.is_empty() { None } else { Some(path_of(prefix)?) };
        let listed = self
            .objects
            .list(prefix.as_ref())
            .map_ok(|meta| BlobInfo { name: meta.location.to_string(), size_bytes: meta.size });
        let all: Result<Vec<_>, _> = listed.try_collect().await;
        let mut all = all.map_err(|failure| translate(failure, "a list"))?;
        all.sort_by(|left, right| left.name.cmp(&right.name));
        all.truncate(limit);
        Ok(all)
    }

    /// A delete is durable only when the folder is synced, which the library leaves to us.
    async fn sync_parent(&self, name: &str) -> Result<(), BlobError> {
        let Some(parent) = self.folder.as_ref().map(|folder| folder.join(name)) else { return Ok(()) };
        let Some(parent) = parent.parent().map(Path::to_owned) else { return Ok(()) };
        let synced = tokio::task::spawn_blocking(move || sync_folder(&parent)).await;
        synced.unwrap_or_else(|failure| Err(BlobError::Unavailable(failure.to_string())))
    }
}

fn path_of(name: &str) -> Result<ObjectPath, BlobError> {
    let is_part = |part: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        (1..=PART_BYTES_MAX).contains(&part.len()) && !part.starts_with('.') && part.bytes().all(allowed)
    };
    if name.len() > NAME_BYTES_MAX || !name.split('/').all(is_part) {
        return Err(BlobError::Name(name.chars().take(PART_BYTES_MAX).collect()));
    }
    Ok(ObjectPath::from(name))
}

fn translate(failure: object_store::Error, name: &str) -> BlobError {
    match failure {
        object_store::Error::NotFound { .. } => BlobError::NotFound(name.to_owned()),
        other => BlobError::Unavailable(other.to_string()),
    }
}

fn sync_folder(folder: &Path) -> Result<(), BlobError> {
    let synced = std::fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|failure| in_folder(folder, &failure))
}

fn in_folder(folder: &Path, failure: &std::io::Error) -> BlobError {
    BlobError::Unavailable(format!("{}: {failure}", folder.display()))
}
