//! The master key file: one key per line in base64, the newest first, readable by its owner only.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{KEY_BYTES, MasterKey, VaultError};

/// A key file is a few lines; anything longer is another file.
const SIZE_BYTES_MAX: u64 = 65_536;

pub(crate) fn read(path: &Path) -> Result<Vec<MasterKey>, VaultError> {
    let in_file = |failure: io::Error| failed(path, &failure);
    let metadata = std::fs::metadata(path).map_err(in_file)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(VaultError::Permissions { path: path.to_owned(), mode });
    }
    if metadata.len() > SIZE_BYTES_MAX {
        return Err(VaultError::Format { path: path.to_owned(), line: 0 });
    }
    let text = std::fs::read_to_string(path).map_err(in_file)?;
    let mut keys = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        if !text.trim().is_empty() {
            keys.push(parse(text).ok_or_else(|| VaultError::Format { path: path.to_owned(), line })?);
        }
    }
    if keys.is_empty() {
        return Err(VaultError::Format { path: path.to_owned(), line: 0 });
    }
    Ok(keys)
}

fn parse(line: &str) -> Option<MasterKey> {
    let bytes = STANDARD.decode(line.trim()).ok()?;
    let bytes: [u8; KEY_BYTES] = bytes.try_into().ok()?;
    Some(MasterKey::new(bytes))
}

/// Replaces the file whole: a crash leaves the old one or the new one.
pub(crate) fn write(path: &Path, keys: &[MasterKey]) -> Result<(), VaultError> {
    let mut text = String::new();
    for key in keys {
        STANDARD.encode_string(key.bytes.expose(), &mut text);
        text.push('\n');
    }
    let mut partial = path.as_os_str().to_owned();
    partial.push(".new");
    let partial = PathBuf::from(partial);
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let replace = || -> io::Result<()> {
        std::fs::create_dir_all(folder)?;
        // One left behind by a crash may have other permissions.
        match std::fs::remove_file(&partial) {
            Err(failure) if failure.kind() != io::ErrorKind::NotFound => return Err(failure),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&partial, path)?;
        File::open(folder)?.sync_all()
    };
    replace().map_err(|failure| failed(path, &failure))
}

fn failed(path: &Path, failure: &io::Error) -> VaultError {
    VaultError::File { path: path.to_owned(), reason: failure.to_string() }
}
