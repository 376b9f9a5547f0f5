//! A server's life: first start, restart, drain, and what it refuses to start on.

use std::path::Path;

use serde_json::json;

use crate::support::server::{Server, inspect, run, run_json, wait_until};

const CREATE_WITH_TOKEN: &str = r#"{"createTokenWithScopes":["chat","voip"],"expiresInMinutes":60}"#;
const CREATE: &str = "/identities?api-version=2023-10-01";

fn data(folder: &tempfile::TempDir) -> std::path::PathBuf {
    folder.path().join("data")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders have names in UTF-8")
}

#[test]
fn a_restart_keeps_resources_keys_users_and_tokens() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let server = Server::start(&data, &[]);
    let reply = server.client().call("POST", CREATE, CREATE_WITH_TOKEN);
    assert_eq!(reply.status, 201, "{}", reply.head);
    let (id, token) = (&reply.body["identity"]["id"], &reply.body["accessToken"]["token"]);
    let (resource, key) =
        (server.ready["resourceId"].clone(), run_json(&data, &["key", "show"])["primaryKey"].clone());
    let subscription = server.ready["subscriptionId"].clone();
    assert!(server.stop().success());

    let server = Server::start(&data, &[]);
    assert_eq!(server.ready["resourceId"], resource);
    assert_eq!(server.ready["subscriptionId"], subscription);
    assert_eq!(run_json(&data, &["key", "show"])["primaryKey"], key);
    let inspected = inspect(&data, token.as_str().expect("a token"));
    assert_eq!(inspected["isValid"], json!(true), "{inspected}");
    assert_eq!(&inspected["userId"], id);
    assert!(server.stop().success());
}

#[test]
fn commands_do_the_same_without_a_server() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    run_json(&data, &["resource", "create", "contoso"]);
    let user = run_json(&data, &["user", "create", "--resource", "contoso", "--label", "team=red"]);
    let users = run_json(&data, &["user", "list", "--resource", "contoso"]);
    assert_eq!(users["value"][0]["id"], user["id"]);
    assert_eq!(users["value"][0]["labels"], json!({ "team": "red" }));
    let server = Server::start(&data, &[]);
    let users_over_the_socket = run_json(&data, &["user", "list", "--resource", "contoso"]);
    assert_eq!(users_over_the_socket, users);
    assert!(server.stop().success());
}

#[test]
fn a_second_server_on_a_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let server = Server::start(&data, &[]);
    let (ready_file, pid) = (folder.path().join("second.json"), server.ready["pid"].to_string());
    let second = run(&["serve", "--data", text(&data), "--port", "0", "--ready-file", text(&ready_file)]);
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr);
    assert!(told.contains("is in use by process") && told.contains(&pid), "{told}");
    assert!(!ready_file.exists());
    assert!(server.stop().success());
}

#[test]
fn a_request_in_flight_is_finished_when_the_server_is_asked_to_stop() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let mut server = Server::start(&data, &[]);
    let client = server.client();
    let unfinished = client.begin("POST", CREATE, CREATE_WITH_TOKEN, 10);
    server.signal("TERM");
    wait_until("readiness to end", || (server.admin("GET", "/readyz", "").0 == 503).then_some(()));
    wait_until("the listener to close", || (!client.can_connect()).then_some(()));
    let reply = unfinished.finish();
    assert_eq!(reply.status, 201, "{}", reply.head);
    assert!(server.wait().success());
    let users = run_json(&data, &["user", "list"]);
    assert_eq!(users["value"][0]["id"], reply.body["identity"]["id"]);
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let mut server = Server::start(&data, &[]);
    let id = server.create_user();
    server.signal("KILL");
    assert!(!server.wait().success());
    let server = Server::start(&data, &[]);
    assert_eq!(run_json(&data, &["user", "list"])["value"][0]["id"], json!(id));
    assert!(server.stop().success());
}

#[test]
fn a_lost_or_foreign_master_key_is_told_at_start() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    assert!(Server::start(&data, &[]).stop().success());
    let key_file = data.join("master.key");
    std::fs::remove_file(&key_file).expect("there is a key file");
    let (status, log) = Server::refuse(&data, &[]);
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("master.key"), "{log}");
    assert!(!key_file.exists(), "a new key must not be made beside old data");

    let other = folder.path().join("other");
    assert!(Server::start(&other, &[]).stop().success());
    std::fs::copy(other.join("master.key"), &key_file).expect("a key file can be copied");
    let (status, log) = Server::refuse(&data, &[]);
    assert_eq!(status.code(), Some(1));
    assert!(log.contains("master key"), "{log}");
}

#[test]
fn the_log_holds_no_token_key_or_address() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let server = Server::start(&data, &["--log-level", "debug", "--log-format", "json"]);
    let reply = server.client().call("POST", CREATE, CREATE_WITH_TOKEN);
    let token = reply.body["accessToken"]["token"].as_str().expect("a token").to_owned();
    let (_, key) = server.field("connectionString").split_once("accesskey=").expect("a connection string");
    let refused = server.client().call("POST", CREATE, r#"{"secret-body":1"#);
    assert_eq!(refused.status, 400);
    inspect(&data, &token);
    let log = server.log();
    assert!(log.lines().count() >= 3, "{log}");
    let request_id =
        reply.head.lines().find_map(|line| line.strip_prefix("x-ms-request-id: ")).expect("a request id");
    assert!(log.contains(request_id), "a request is found by its id");
    for secret in [&token, key, "secret-body", "Signature=", "127.0.0.1:"] {
        let found = log.lines().find(|line| line.contains(secret) && !line.contains("endpoint"));
        assert_eq!(found, None, "{secret}");
    }
    assert!(server.stop().success());
}

#[test]
fn the_production_profile_refuses_every_convenience() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let arguments = ["--profile", "production", "--ephemeral", "--test-clock", "--default-resource", "dev"];
    let (status, log) = Server::refuse(&data, &arguments);
    assert_eq!(status.code(), Some(1));
    for key in ["ephemeral", "test_clock", "default_resource", "public_url"] {
        assert!(log.contains(key), "{key} is not refused: {log}");
    }
}

#[test]
fn health_and_metrics_are_on_the_admin_listener_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(&data(&folder), &["--ephemeral"]);
    server.create_user();
    assert_eq!(server.admin("GET", "/healthz", ""), (200, "ok\n".to_owned()));
    assert_eq!(server.admin("GET", "/readyz", ""), (200, "ready\n".to_owned()));
    let (status, metrics) = server.admin("GET", "/metrics", "");
    assert_eq!(status, 200);
    for line in [
        "trunkline_requests_total{operation=\"CommunicationIdentity_Create\",status=\"201\"} 1",
        "trunkline_store_healthy 1",
        "trunkline_connections_accepted_total 1",
    ] {
        assert!(metrics.lines().any(|found| found == line), "{line} is missing: {metrics}");
    }
    assert!(
        metrics.contains(
            "trunkline_request_duration_seconds_count{operation=\"CommunicationIdentity_Create\"} 1"
        )
    );
    assert_eq!(server.admin("GET", "/clock", "").0, 404, "the clock is the machine's");
    assert_eq!(server.admin("GET", "/trunkline/resources", "").0, 404);
    assert_eq!(server.admin("POST", "/metrics", "").0, 405);
    assert_eq!(server.client().call("GET", "/metrics", "").status, 404, "not on the main listener");
    assert!(server.stop().success());
}

#[test]
fn an_ephemeral_server_leaves_no_data() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let server = Server::start(&data, &["--ephemeral"]);
    server.create_user();
    assert_eq!(run_json(&data, &["user", "list"])["value"].as_array().map(Vec::len), Some(1));
    assert!(server.stop().success());
    assert!(!data.join("trunkline.db").exists());
    assert!(!data.join("master.key").exists());
}

#[test]
fn the_test_clock_ends_a_token() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = data(&folder);
    let server = Server::start(&data, &["--test-clock"]);
    let id = run_json(&data, &["user", "create"])["id"].as_str().expect("an id").to_owned();
    let issued = run_json(&data, &["token", "issue", &id, "--scope", "chat", "--expires-in-minutes", "60"]);
    let token = issued["token"].as_str().expect("a token");
    assert_eq!(inspect(&data, token)["isValid"], json!(true));
    assert_eq!(server.admin("POST", "/clock", r#"{"advanceSeconds":3600}"#).0, 200);
    let inspected = inspect(&data, token);
    assert_eq!(inspected["isValid"], json!(false));
    assert!(inspected["reason"].as_str().is_some_and(|reason| reason.contains("expired")), "{inspected}");
    assert_eq!(server.admin("POST", "/clock", r#"{"advanceSeconds":-1}"#).0, 400);
    assert!(server.stop().success());
}
