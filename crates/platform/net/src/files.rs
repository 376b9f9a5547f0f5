//! Files that are there whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::NetError;

/// Writes `content` to `path` through a temporary file beside it, so that readers see the old content or
/// the new, never a part. The file and its folder are synced.
///
/// `mode` are the permission bits, such as `0o600`.
pub fn write_whole(path: &Path, content: &[u8], mode: u32) -> Result<(), NetError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = || -> std::io::Result<()> {
        let mut file =
            tempfile::Builder::new().permissions(Permissions::from_mode(mode)).tempfile_in(folder)?;
        file.write_all(content)?;
        // The process's umask may have narrowed the mode given at creation.
        file.as_file().set_permissions(Permissions::from_mode(mode))?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|failure| failure.error)?;
        File::open(folder)?.sync_all()
    };
    written().map_err(|source| NetError::file("write", path, source))
}

/// The file's content, or `None` when there is no such file.
pub(crate) fn find_content(path: &Path) -> Result<Option<Vec<u8>>, NetError> {
    match fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(NetError::file("read", path, source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_with_the_mode_asked_for_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        write_whole(&path, b"one", 0o644).unwrap();
        write_whole(&path, b"two", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = write_whole(Path::new("/nonexistent/folder/file"), b"", 0o600).unwrap_err();
        assert!(error.to_string().contains("/nonexistent/folder/file"), "{error}");
    }
}
