//! Resources of a running server: what goes with them, and what they may spend.

use std::path::Path;

use rusqlite::Connection;
use serde_json::json;

use crate::support::client::Client;
use crate::support::server::{Server, run_json, wait_until};

/// Writes a user as a request does that was under way when its resource was deleted.
fn write_late_user(data: &Path, resource: &str, created_at: i64) {
    let database = Connection::open(data.join("trunkline.db")).expect("the database opens");
    database
        .execute("INSERT INTO identity_users VALUES (?1, '8:acs:late', 1, ?2)", (resource, created_at))
        .expect("a user is written");
}

fn count_users(data: &Path, resource: &str) -> i64 {
    let database = Connection::open(data.join("trunkline.db")).expect("the database opens");
    let sql = "SELECT count(*) FROM identity_users WHERE resource_id = ?1";
    database.query_row(sql, [resource], |row| row.get(0)).expect("users are counted")
}

#[test]
fn what_requests_left_behind_a_deleted_resource_goes_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let gone = run_json(&data, &["resource", "create", "gone"])["id"].as_str().expect("an id").to_owned();
    run_json(&data, &["user", "create", "--resource", "gone"]);
    let created_at = {
        let database = Connection::open(data.join("trunkline.db")).expect("the database opens");
        let sql = "SELECT created_at FROM identity_users WHERE resource_id = ?1";
        database.query_row(sql, [&gone], |row| row.get(0)).expect("the user is there")
    };
    run_json(&data, &["resource", "delete", "gone", "--yes"]);
    wait_until("the user to go", || (count_users(&data, &gone) == 0).then_some(()));
    assert!(server.stop().success());

    write_late_user(&data, &gone, created_at);
    let server = Server::start(&data, &["--test-clock"]);
    assert_eq!(count_users(&data, &gone), 1);
    assert_eq!(server.admin("POST", "/clock", r#"{"advanceSeconds":300}"#).0, 200);
    wait_until("the late user to go", || (count_users(&data, &gone) == 0).then_some(()));
    assert!(server.stop().success());
}

#[test]
fn a_resource_that_spent_its_limit_is_stopped_and_no_other() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let settings = ["usage.prices.identity.users=0.5", "usage.spend_limit=1", "usage.spend_action=stop"];
    let arguments: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let server = Server::start(&data, &[arguments.as_slice(), &["--test-clock"]].concat());
    let client = server.client();
    let create = |client: &Client| {
        let reply = client.call("POST", "/identities?api-version=2023-10-01", "{}");
        (reply.status, reply.body["error"]["code"].clone())
    };
    assert_eq!(create(&client), (201, json!(null)));
    assert_eq!(create(&client), (201, json!(null)));
    // Spending is looked at once a second.
    let stopped = wait_until("the limit to stop the resource", || {
        assert_eq!(server.admin("POST", "/clock", r#"{"advanceSeconds":1}"#).0, 200);
        Some(create(&client)).filter(|(status, _)| *status != 201)
    });
    assert_eq!(stopped, (403, json!("SpendLimitReached")));

    let spending = run_json(&data, &["usage", "spend"]);
    let of_resource = &spending["value"][0];
    assert_eq!(of_resource["resource"], json!("dev"), "{spending}");
    assert!(server.log().contains("a resource reached its spend limit"), "{}", server.log());
    assert!(server.stop().success());
}
