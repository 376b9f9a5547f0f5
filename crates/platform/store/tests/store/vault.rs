//! The vault: tampering, foreign keys, rotation, permissions, a lost key file.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use tempfile::TempDir;
use trunkline_kernel::{SeededEntropy, SystemEntropy};
use trunkline_store::{Vault, VaultError};
use trunkline_testkit::{TestStore, on_both_engines};

on_both_engines!(&[]; a_lost_key_file_is_detected, a_rotated_key_file_still_fits);

fn vault(folder: &TempDir) -> Vault {
    Vault::open_or_create(&folder.path().join("master.key"), Arc::new(SystemEntropy)).unwrap()
}

#[test]
fn what_is_sealed_opens_again_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let sealed = vault(&folder).seal("key", b"secret");
    assert!(!sealed.windows(6).any(|part| part == b"secret"));
    assert_eq!(vault(&folder).open("key", &sealed).unwrap().expose(), b"secret");
    assert_ne!(vault(&folder).seal("key", b"secret"), sealed, "each seal draws a nonce");
}

#[test]
fn another_purpose_or_a_changed_byte_does_not_open() {
    let vault = Vault::ephemeral(Arc::new(SeededEntropy::new(1)));
    let sealed = vault.seal("key", b"secret");
    assert!(matches!(vault.open("token", &sealed), Err(VaultError::Damaged)));
    for index in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[index] ^= 1;
        assert!(vault.open("key", &changed).is_err(), "byte {index}");
        assert!(vault.open("key", &sealed[..index]).is_err(), "cut at {index}");
    }
}

#[test]
fn a_foreign_key_is_named() {
    let sealed = Vault::ephemeral(Arc::new(SeededEntropy::new(1))).seal("key", b"secret");
    let other = Vault::ephemeral(Arc::new(SeededEntropy::new(2)));
    assert!(matches!(other.open("key", &sealed), Err(VaultError::UnknownKey { .. })));
}

#[test]
fn after_a_rotation_old_secrets_open_and_are_sealed_again() {
    let folder = TempDir::new().unwrap();
    let vault = vault(&folder);
    let sealed = vault.seal("key", b"secret");
    assert_eq!(vault.reseal("key", &sealed).unwrap(), None);
    let id = vault.rotate().unwrap();
    assert_eq!(vault.key_ids().first(), Some(&id));
    assert!(vault.is_outdated(&sealed));
    let again = vault.reseal("key", &sealed).unwrap().unwrap();
    vault.forget_old_keys().unwrap();
    let reopened = self::vault(&folder);
    assert_eq!(reopened.key_ids(), [id]);
    assert_eq!(reopened.open("key", &again).unwrap().expose(), b"secret");
    assert!(matches!(reopened.open("key", &sealed), Err(VaultError::UnknownKey { .. })));
}

#[test]
fn only_the_owner_may_read_the_key_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("master.key");
    vault(&folder);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    for mode in [0o640, 0o604, 0o620, 0o602] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let opened = Vault::open_or_create(&path, Arc::new(SystemEntropy));
        assert!(matches!(opened, Err(VaultError::Permissions { mode: found, .. }) if found == mode));
    }
}

#[test]
fn what_is_no_key_file_is_refused_with_its_line() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("master.key");
    for (text, expected) in [("", 0), ("\n", 0), ("nonsense", 1), ("AAAA", 1)] {
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let opened = Vault::open_or_create(&path, Arc::new(SystemEntropy));
        assert!(matches!(opened, Err(VaultError::Format { line, .. }) if line == expected), "{text}");
    }
    assert!(matches!(
        Vault::open_existing(&folder.path().join("absent"), Arc::new(SystemEntropy)),
        Err(VaultError::File { .. })
    ));
}

async fn a_lost_key_file_is_detected(test: TestStore) {
    let folder = TempDir::new().unwrap();
    vault(&folder).check(test.store()).await.unwrap();
    vault(&folder).check(test.store()).await.unwrap();
    std::fs::remove_file(folder.path().join("master.key")).unwrap();
    assert!(matches!(vault(&folder).check(test.store()).await, Err(VaultError::WrongKeyFile)));
}

async fn a_rotated_key_file_still_fits(test: TestStore) {
    let folder = TempDir::new().unwrap();
    let vault = vault(&folder);
    vault.check(test.store()).await.unwrap();
    vault.rotate().unwrap();
    vault.check(test.store()).await.unwrap();
    vault.forget_old_keys().unwrap();
    vault.check(test.store()).await.unwrap();
}
