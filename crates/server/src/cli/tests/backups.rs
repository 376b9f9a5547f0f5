//! Tests of `trunkline backup` and `trunkline restore`.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_backup_is_waited_for() {
    let api = FakeApi::default()
        .accepted("https://localhost:8443/trunkline/operations/7?api-version=1")
        .reply(200, json!({ "id": "7", "status": "running" }))
        .reply(200, json!({ "id": "7", "status": "succeeded", "result": { "sizeBytes": 4096, "files": 3 } }));
    insta::assert_snapshot!(shown(api, "trunkline backup").await, @r#"
    > POST /trunkline/backups {"file":"DATA/backups/trunkline-20261121T074559Z"}
    > GET /trunkline/operations/7
    > GET /trunkline/operations/7
    Backup  DATA/backups/trunkline-20261121T074559Z
    Size    4096
    Files   3
    ! Keep a copy of DATA/master.key elsewhere: without it the secrets in the backup stay closed.
    = 0
    "#);
    let failed = FakeApi::default()
        .accepted("/trunkline/operations/8")
        .reply(200, json!({ "status": "failed", "error": { "code": "DiskFull", "message": "no space" } }));
    insta::assert_snapshot!(shown(failed, "trunkline backup here --include-master-key").await, @r#"
    > POST /trunkline/backups {"file":"DATA/backups/here","includeMasterKey":true}
    > GET /trunkline/operations/8
    ! warning: with the master key inside, whoever has the backup can read every secret.
    ! error: no space
    = 1
    "#);
}

#[tokio::test]
async fn a_backup_is_restored_into_an_empty_folder_only() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let (data, target) = (folder.path().join("data"), folder.path().join("one"));
    let request = crate::backup::Request {
        target: target.clone(),
        data: folder.path().to_owned(),
        master_key: None,
        now: Timestamp::from_seconds(1_000_000_000),
    };
    crate::backup::create(request, |file| async move { std::fs::write(file, "database") })
        .await
        .expect("made");
    let line = format!("trunkline restore {}", target.display());
    let api = FakeApi::default();
    let first = run_with(&api, &data, &line, None).await.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(first, @"
    Restored    DATA
    Made on     2001-09-09T01:46:40.000000+00:00
    By version  VERSION
    Files       1
    ! Put the master key at DATA/master.key (mode 0600) before you start the server.
    = 0
    ");
    insta::assert_snapshot!(run_with(&api, &data, &line, None).await, @"
    ! error: DATA is not empty; restore needs an empty or missing data folder
    = 1
    ");
}

#[tokio::test]
async fn nothing_is_restored_beside_postgresql() {
    let line = "trunkline restore x --set database.url=postgres://db/x";
    let shown = shown(FakeApi::default(), line).await;
    assert!(shown.contains("restore PostgreSQL with its own tools") && shown.ends_with("= 2"), "{shown}");
}
