//! Tests of backup and restore: the round trip, and that nothing damaged or half done is used.

use std::convert::Infallible;

use super::manifest::{MANIFEST_FILE, MANIFEST_FORMAT};
use super::*;
use crate::folder::DataFolder;

/// A data folder with something in every place, a backup of it, and an empty folder to restore into.
struct Scene {
    folder: tempfile::TempDir,
}

impl Scene {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("temporary folder");
        let data = folder.path().join("data");
        std::fs::create_dir_all(data.join("blobs/a")).expect("folder made");
        std::fs::create_dir_all(data.join("tls")).expect("folder made");
        for (name, content) in
            [("blobs/a/one", "blob"), ("tls/ca.pem", "authority"), (MASTER_KEY_FILE, "key")]
        {
            std::fs::write(data.join(name), content).expect("file written");
        }
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn back_up(&self, with_key: bool) -> Result<Manifest, BackupError> {
        let request = Request {
            target: self.path("backups/one"),
            data: self.path("data"),
            master_key: with_key.then(|| self.path("data/master.key")),
            now: Timestamp::from_seconds(1_000_000_000),
        };
        create(request, |file| async move {
            std::fs::write(file, "database").expect("file written");
            Ok::<_, Infallible>(())
        })
        .await
    }

    fn restore(&self) -> Result<restore::Restored, BackupError> {
        let target = self.path("restored");
        let _lock = DataFolder::create(&target).expect("free");
        restore(&self.path("backups/one"), &target)
    }

    /// What is in the restored folder besides the lock.
    fn restored_names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.path("restored"))
            .expect("readable")
            .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
            .filter(|name| name != crate::folder::LOCK_FILE)
            .collect();
        names.sort();
        names
    }
}

#[tokio::test]
async fn a_backup_comes_back_whole_without_the_master_key() {
    let scene = Scene::new();
    let manifest = scene.back_up(false).await.expect("made");
    let names: Vec<_> = manifest.files.keys().map(String::as_str).collect();
    assert_eq!(names, ["blobs/a/one", "tls/ca.pem", "trunkline.db"]);
    let facts = std::fs::metadata(scene.path("backups/one")).expect("made");
    assert_eq!(facts.permissions().mode() & 0o777, 0o700, "it holds the authority's key");
    let restored = scene.restore().expect("restored");
    assert!(restored.needs_master_key);
    assert_eq!(restored.manifest, manifest);
    assert_eq!(scene.restored_names(), ["blobs", "tls", "trunkline.db"]);
    for (name, content) in
        [("blobs/a/one", "blob"), ("tls/ca.pem", "authority"), ("trunkline.db", "database")]
    {
        assert_eq!(std::fs::read_to_string(scene.path("restored").join(name)).expect("readable"), content);
    }
}

#[tokio::test]
async fn the_master_key_comes_along_when_asked_for() {
    let scene = Scene::new();
    scene.back_up(true).await.expect("made");
    assert!(!scene.restore().expect("restored").needs_master_key);
    assert_eq!(std::fs::read_to_string(scene.path("restored/master.key")).expect("readable"), "key");
}

#[tokio::test]
async fn a_name_that_exists_is_refused_and_a_failed_copy_leaves_nothing() {
    let scene = Scene::new();
    scene.back_up(false).await.expect("made");
    assert!(matches!(scene.back_up(false).await, Err(BackupError::Exists(_))));
    let (target, data) = (scene.path("other/two"), scene.path("data"));
    let request = Request { target, data, master_key: None, now: Timestamp::EPOCH };
    let failed = create(request.clone(), |_| async { Err("disk full") }).await;
    assert!(matches!(failed, Err(BackupError::Database(cause)) if cause == "disk full"));
    assert_eq!(std::fs::read_dir(scene.path("other")).expect("readable").count(), 0);
    let request = Request { master_key: Some(scene.path("absent")), ..request };
    let failed = create(request, |file| async move { std::fs::write(file, "database") }).await;
    assert!(matches!(failed, Err(BackupError::File { path, .. }) if path == scene.path("absent")));
    assert_eq!(std::fs::read_dir(scene.path("other")).expect("readable").count(), 0);
}

#[tokio::test]
async fn tampering_is_refused_and_leaves_the_folder_empty() {
    type Tamper = fn(&Path);
    let tampers: [(&str, Tamper); 5] = [
        ("trunkline.db differs", |backup| {
            std::fs::write(backup.join("trunkline.db"), "Database").expect("written");
        }),
        ("tls/ca.pem is missing", |backup| std::fs::remove_file(backup.join("tls/ca.pem")).expect("removed")),
        ("manifest.json", |backup| std::fs::write(backup.join("manifest.json"), "{").expect("written")),
        ("the manifest names \"../x\"", |backup| rename_in_manifest(backup, "tls/ca.pem", "../x")),
        ("the manifest names \"/x\"", |backup| rename_in_manifest(backup, "tls/ca.pem", "/x")),
    ];
    for (expected, tamper) in tampers {
        let scene = Scene::new();
        scene.back_up(false).await.expect("made");
        tamper(&scene.path("backups/one"));
        let refusal = scene.restore().expect_err("refused").to_string();
        assert!(refusal.contains(expected), "{refusal}");
        assert!(scene.restored_names().is_empty(), "{expected}");
    }
}

fn rename_in_manifest(backup: &Path, from: &str, to: &str) {
    let path = backup.join(MANIFEST_FILE);
    let text = std::fs::read_to_string(&path).expect("readable");
    std::fs::write(&path, text.replace(from, to)).expect("written");
}

#[tokio::test]
async fn a_link_in_the_place_of_a_file_is_not_followed() {
    let scene = Scene::new();
    scene.back_up(false).await.expect("made");
    let file = scene.path("backups/one/tls/ca.pem");
    std::fs::remove_file(&file).expect("removed");
    std::os::unix::fs::symlink(scene.path("data/tls/ca.pem"), &file).expect("linked");
    assert!(matches!(scene.restore(), Err(BackupError::Damaged { .. })));
}

#[tokio::test]
async fn a_later_format_and_a_folder_with_data_are_refused() {
    let scene = Scene::new();
    scene.back_up(false).await.expect("made");
    rename_in_manifest(&scene.path("backups/one"), "\"format\": 1", "\"format\": 2");
    assert!(matches!(scene.restore(), Err(BackupError::TooNew { found: 2, known: MANIFEST_FORMAT })));
    rename_in_manifest(&scene.path("backups/one"), "\"format\": 2", "\"format\": 1");
    std::fs::write(scene.path("restored/trunkline.db"), "other").expect("written");
    assert!(matches!(scene.restore(), Err(BackupError::NotEmpty(_))));
    assert_eq!(std::fs::read_to_string(scene.path("restored/trunkline.db")).expect("readable"), "other");
}

#[tokio::test]
async fn a_key_that_stands_there_already_is_not_overwritten() {
    let scene = Scene::new();
    scene.back_up(true).await.expect("made");
    std::fs::create_dir_all(scene.path("restored")).expect("folder made");
    std::fs::write(scene.path("restored/master.key"), "mine").expect("written");
    assert!(matches!(scene.restore(), Err(BackupError::File { .. })));
    assert_eq!(scene.restored_names(), ["master.key"]);
    assert_eq!(std::fs::read_to_string(scene.path("restored/master.key")).expect("readable"), "mine");
}
