//! A backup of a running server, restored into an empty folder.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::support::server::{Server, run, run_json};

#[test]
fn a_backup_taken_under_load_restores_everything_acknowledged_before_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (data, restored) = (folder.path().join("data"), folder.path().join("restored"));
    let backup = folder.path().join("backup");
    let text = |path: &std::path::Path| path.to_str().expect("a name in UTF-8").to_owned();
    let server = Server::start(&data, &[]);
    let before: Vec<String> = (0..20).map(|_| server.create_user()).collect();
    let key = run_json(&data, &["key", "show"])["primaryKey"].clone();

    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut created = 0;
            while !is_over.load(Ordering::Relaxed) {
                server.create_user();
                created += 1;
            }
            created
        });
        let made = run_json(&data, &["backup", &text(&backup)]);
        assert!(made["result"]["sizeBytes"].as_u64().is_some_and(|size| size > 0), "{made}");
        is_over.store(true, Ordering::Relaxed);
        assert!(load.join().expect("the load ends") > 0);
    });
    assert!(server.stop().success());

    let refused = run(&["restore", &text(&backup), "--data", &text(&data), "--json"]);
    assert_eq!(refused.status.code(), Some(1), "a folder with data is not overwritten");

    let done = run(&["restore", &text(&backup), "--data", &text(&restored), "--json"]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    // The master key is kept apart from backups.
    assert!(!restored.join("master.key").exists());
    let (status, log) = Server::refuse(&restored, &[]);
    assert!(!status.success() && log.contains("master.key"), "{log}");
    std::fs::copy(data.join("master.key"), restored.join("master.key")).expect("the key can be copied");

    let server = Server::start(&restored, &[]);
    let users = run_json(&restored, &["user", "list", "--limit", "100000"]);
    let kept: Vec<&str> =
        users["value"].as_array().expect("a list").iter().filter_map(|user| user["id"].as_str()).collect();
    assert!(before.iter().all(|id| kept.contains(&id.as_str())), "a user from before the backup is missing");
    assert_eq!(run_json(&restored, &["key", "show"])["primaryKey"], key);
    server.create_user();
    assert!(server.stop().success());
}

#[test]
fn the_master_key_rotates_while_the_server_runs() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let old = std::fs::read_to_string(data.join("master.key")).expect("a key file");
    let before = run_json(&data, &["key", "show"]);
    let rotated = run_json(&data, &["master-key", "rotate", "--yes"]);
    assert!(rotated["resealed"].as_u64().is_some_and(|count| count >= 4), "{rotated}");
    assert_ne!(std::fs::read_to_string(data.join("master.key")).expect("a key file"), old);
    assert_eq!(run_json(&data, &["key", "show"]), before);
    assert!(server.stop().success());
    let server = Server::start(&data, &[]);
    // The port is another one after a restart, the keys are the same.
    assert_eq!(run_json(&data, &["key", "show"])["primaryKey"], before["primaryKey"]);
    let audit = run_json(&data, &["audit"]);
    assert_eq!(audit["value"][0]["operation"], json!("MasterKey_Rotate"));
    server.create_user();
    assert!(server.stop().success());
}
