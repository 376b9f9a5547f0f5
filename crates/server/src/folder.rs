//! The data folder: made private, held by one process at a time.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The name of the lock's file in the data folder.
pub(crate) const LOCK_FILE: &str = "trunkline.lock";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FolderError {
    /// Another process holds it.
    #[error("the data folder {folder} is in use by process {pid}; stop it first, or choose another folder with --data", folder = .folder.display())]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// The holder's process id, or a question mark.
        pid: String,
    },
    /// It does not exist and must.
    #[error("the data folder {folder} does not exist; `trunkline serve --data {folder}` makes it", folder = .0.display())]
    Missing(PathBuf),
    /// The file system refused.
    #[error("the data folder {folder} cannot be used: {cause}", folder = .folder.display())]
    Unusable {
        /// The folder.
        folder: PathBuf,
        /// What the file system said.
        cause: std::io::Error,
    },
}

/// A data folder that this process holds until the value is dropped, however the process ends.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    // The lock belongs to the open file: closing it, also by a crash, gives it back.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is missing (mode 0700) and takes its lock.
    ///
    /// **Errors**: [`FolderError::InUse`] at once when another process holds it.
    pub(crate) fn create(path: &Path) -> Result<Self, FolderError> {
        let unusable = |cause| FolderError::Unusable { folder: path.to_owned(), cause };
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable)?;
        Self::open(path)
    }

    /// Takes the lock of a folder that exists.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderError> {
        if !path.is_dir() {
            return Err(FolderError::Missing(path.to_owned()));
        }
        let unusable = |cause| FolderError::Unusable { folder: path.to_owned(), cause };
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join(LOCK_FILE))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::InUse { folder: path.to_owned(), pid: read_pid(&mut lock) });
            }
            Err(TryLockError::Error(cause)) => return Err(unusable(cause)),
        }
        write_pid(&mut lock).map_err(unusable)?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether some process holds the folder at this moment, and which; `None` when nobody does.
pub(crate) fn find_holder(path: &Path) -> Option<String> {
    let mut lock = OpenOptions::new().read(true).write(true).open(path.join(LOCK_FILE)).ok()?;
    match lock.try_lock() {
        Err(TryLockError::WouldBlock) => Some(read_pid(&mut lock)),
        _ => None,
    }
}

fn write_pid(lock: &mut File) -> std::io::Result<()> {
    lock.set_len(0)?;
    lock.seek(SeekFrom::Start(0))?;
    writeln!(lock, "{}", std::process::id())
}

fn read_pid(lock: &mut File) -> String {
    const PID_BYTES_MAX: u64 = 20; // Longer than any process id.
    let mut text = String::new();
    let _ = lock.take(PID_BYTES_MAX).read_to_string(&mut text);
    let pid = text.trim();
    if !pid.is_empty() && pid.bytes().all(|byte| byte.is_ascii_digit()) {
        pid.to_owned()
    } else {
        "?".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_new_folder_is_private_and_a_second_holder_is_refused() {
        let parent = tempfile::tempdir().expect("temporary folder");
        let path = parent.path().join("a/b");
        let held = DataFolder::create(&path).expect("made");
        assert_eq!(held.path(), path);
        let mode = |path: &Path| std::fs::metadata(path).expect("exists").permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join(LOCK_FILE)), 0o600);
        let refusal = DataFolder::create(&path).expect_err("held").to_string();
        let pid = std::process::id();
        assert!(refusal.contains(&format!("in use by process {pid};")), "{refusal}");
        assert_eq!(find_holder(&path), Some(pid.to_string()));
        drop(held);
        assert_eq!(find_holder(&path), None);
        DataFolder::open(&path).expect("free again");
    }

    #[test]
    fn a_missing_folder_is_not_made_by_opening_it() {
        let parent = tempfile::tempdir().expect("temporary folder");
        let path = parent.path().join("absent");
        assert!(matches!(DataFolder::open(&path), Err(FolderError::Missing(_))));
        assert!(!path.exists());
        assert_eq!(find_holder(&path), None);
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_is_an_error() {
        let file = tempfile::NamedTempFile::new().expect("temporary file");
        assert!(matches!(DataFolder::create(file.path()), Err(FolderError::Unusable { .. })));
    }
}
