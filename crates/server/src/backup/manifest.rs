//! The manifest of a backup: what is in it, and proof that it is unchanged.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use trunkline_kernel::Timestamp;

use super::{BackupError, at};

/// The manifest's name in a backup.
pub(super) const MANIFEST_FILE: &str = "manifest.json";
/// The format that this program writes, and the newest it reads.
pub(super) const MANIFEST_FORMAT: u32 = 1;
/// The largest manifest that is read: room for some 500,000 files.
const MANIFEST_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    /// The format of the backup; a reader refuses a later one.
    pub(crate) format: u32,
    /// The version of the program that wrote it.
    pub(crate) program_version: String,
    /// When it was made.
    pub(crate) created_on: Timestamp,
    /// Every other file by its path below the backup, with `/` between the parts.
    pub(crate) files: BTreeMap<String, FileFacts>,
}

/// What a file must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FileFacts {
    /// Its length in bytes.
    pub(crate) size_bytes: u64,
    /// The SHA-256 of its content in lower-case hexadecimal.
    pub(crate) sha256: String,
}

impl Manifest {
    /// Measures every file below `folder`.
    pub(super) fn of_folder(folder: &Path, now: Timestamp) -> Result<Self, BackupError> {
        let mut files = BTreeMap::new();
        measure(folder, "", &mut files)?;
        files.remove(MANIFEST_FILE);
        let program_version = env!("CARGO_PKG_VERSION").to_owned();
        Ok(Self { format: MANIFEST_FORMAT, program_version, created_on: now, files })
    }

    /// Writes the manifest into the backup's folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(MANIFEST_FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|error| at(&path)(error.into()))?;
        std::fs::write(&path, text).map_err(at(&path))
    }

    /// Reads the manifest of a backup; its files are not looked at.
    ///
    /// **Errors**: [`BackupError::Damaged`], [`BackupError::TooNew`].
    pub(super) fn load(backup: &Path) -> Result<Self, BackupError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let damaged = |what: String| BackupError::Damaged { backup: backup.to_owned(), what };
        let path = backup.join(MANIFEST_FILE);
        let size =
            std::fs::metadata(&path).map_err(|error| damaged(format!("{MANIFEST_FILE}: {error}")))?.len();
        if size > MANIFEST_BYTES_MAX {
            return Err(damaged(format!("{MANIFEST_FILE} has {size} bytes")));
        }
        let text = std::fs::read(&path).map_err(at(&path))?;
        let unreadable = |error: serde_json::Error| damaged(format!("{MANIFEST_FILE}: {error}"));
        // The format first: a later one may have other fields.
        let Format { format } = serde_json::from_slice(&text).map_err(unreadable)?;
        if format > MANIFEST_FORMAT {
            return Err(BackupError::TooNew { found: format, known: MANIFEST_FORMAT });
        }
        serde_json::from_slice(&text).map_err(unreadable)
    }
}

/// The facts of one file.
pub(super) fn digest_file(path: &Path) -> Result<FileFacts, BackupError> {
    const CHUNK_BYTES: usize = 64 * 1024; // Large enough that reading, not calling, takes the time.
    let mut file = std::fs::File::open(path).map_err(at(path))?;
    let mut context = Context::new(&SHA256);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut size_bytes = 0;
    loop {
        let count = file.read(&mut chunk).map_err(at(path))?;
        if count == 0 {
            break;
        }
        context.update(&chunk[..count]);
        size_bytes += count as u64;
    }
    let sha256 = hexadecimal(context.finish().as_ref());
    Ok(FileFacts { size_bytes, sha256 })
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

/// Collects the facts of all files below `folder` under `prefix`.
pub(super) fn measure(
    folder: &Path,
    prefix: &str,
    files: &mut BTreeMap<String, FileFacts>,
) -> Result<(), BackupError> {
    for entry in std::fs::read_dir(folder).map_err(at(folder))? {
        let entry = entry.map_err(at(folder))?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().map_err(at(&entry.path()))?;
        if kind.is_dir() {
            measure(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, digest_file(&entry.path())?);
        }
    }
    Ok(())
}
