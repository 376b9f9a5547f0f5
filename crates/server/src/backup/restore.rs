//! Putting a backup back into an empty data folder: all of it or nothing.

use std::path::{Component, Path};

use super::manifest::{FileFacts, MANIFEST_FILE, digest_file};
use super::{BackupError, MASTER_KEY_FILE, Manifest, Staging, at, copy_file, sync_folder, sync_tree};
use crate::folder::LOCK_FILE;

/// What a restore found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    /// The backup's manifest.
    pub(crate) manifest: Manifest,
    /// Whether the master key must still be put in place by hand.
    pub(crate) needs_master_key: bool,
}

/// Restores the backup folder `backup` into `data`, which is empty but for the lock its caller holds.
///
/// Every file is copied aside and compared with the manifest there, so that what was checked is what is
/// used; only then it moves into the folder, the database last.
///
/// **Errors**: the data folder is then as empty as before.
pub(crate) fn restore(backup: &Path, data: &Path) -> Result<Restored, BackupError> {
    let manifest = Manifest::load(backup)?;
    refuse_data(data)?;
    let staging = Staging::beside(&data.join("restore"))?;
    for (name, facts) in &manifest.files {
        copy_checked(backup, name, facts, staging.path())?;
    }
    sync_tree(staging.path())?;
    move_into(staging.path(), data)?;
    let needs_master_key = !manifest.files.contains_key(MASTER_KEY_FILE);
    Ok(Restored { manifest, needs_master_key })
}

fn refuse_data(data: &Path) -> Result<(), BackupError> {
    let entries = match std::fs::read_dir(data) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(BackupError::File { path: data.to_owned(), cause }),
    };
    // A configuration and a master key are put there before a restore; the rest is data.
    let allowed = [LOCK_FILE, MASTER_KEY_FILE, "trunkline.toml"];
    for entry in entries {
        let name = entry.map_err(at(data))?.file_name();
        // What an interrupted restore left behind was never in use.
        let is_leftover = name.to_string_lossy().starts_with(super::STAGING_PREFIX);
        if !is_leftover && !allowed.iter().any(|allowed| name == *allowed) {
            return Err(BackupError::NotEmpty(data.to_owned()));
        }
    }
    Ok(())
}

/// Copies one file of the manifest and compares the copy.
fn copy_checked(backup: &Path, name: &str, facts: &FileFacts, staging: &Path) -> Result<(), BackupError> {
    let damaged = |what: String| BackupError::Damaged { backup: backup.to_owned(), what };
    // The manifest is data from outside: no name of it may lead out of the folder.
    let path = Path::new(name);
    let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if !is_plain || name.is_empty() || [MANIFEST_FILE, LOCK_FILE].contains(&name) {
        return Err(damaged(format!("the manifest names {name:?}")));
    }
    let (from, to) = (backup.join(path), staging.join(path));
    if !std::fs::symlink_metadata(&from).is_ok_and(|facts| facts.is_file()) {
        return Err(damaged(format!("{name} is missing")));
    }
    let folder = super::parent_of(&to);
    std::fs::create_dir_all(&folder).map_err(at(&folder))?;
    copy_file(&from, &to)?;
    if digest_file(&to)? == *facts {
        Ok(())
    } else {
        Err(damaged(format!("{name} differs from the manifest")))
    }
}

/// Moves the checked files into place. What was moved is taken back when one move fails.
fn move_into(staging: &Path, data: &Path) -> Result<(), BackupError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(staging).map_err(at(staging))? {
        names.push(entry.map_err(at(staging))?.file_name());
    }
    // The database last: a server started on a half-moved folder finds none and no secret to open.
    names.sort_by_key(|name| *name == super::DATABASE_FILE);
    let mut moved = Vec::new();
    for name in names {
        let target = data.join(&name);
        let is_free = !target.exists();
        let outcome = if is_free {
            std::fs::rename(staging.join(&name), &target)
        } else {
            Err(std::io::ErrorKind::AlreadyExists.into())
        };
        if let Err(cause) = outcome {
            for name in moved {
                let _ = std::fs::rename(data.join(&name), staging.join(&name));
            }
            return Err(BackupError::File { path: target, cause });
        }
        moved.push(name);
    }
    sync_folder(data)
}
