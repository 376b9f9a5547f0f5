//! Operators over HTTPS: roles, tokens that end, and the operations of the server itself.

use serde_json::json;

use crate::support::client::Client;
use crate::support::server::{Server, run, run_json};

fn operator(server: &Server, name: &str, role: &str) -> String {
    let created = run_json(&server.data, &["operator", "create", name, "--role", role]);
    created["token"].as_str().expect("a token is shown once").to_owned()
}

fn get(client: &Client, token: &str, path: &str) -> (u16, serde_json::Value) {
    let reply = client.call_with("GET", path, "", &format!("Authorization: Bearer {token}"));
    (reply.status, reply.body)
}

#[test]
fn a_role_decides_what_an_operator_may_do() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    let client = server.client();
    let (reader, owner) = (operator(&server, "rita", "reader"), operator(&server, "olga", "owner"));

    let (status, body) = get(&client, &reader, "/trunkline/status");
    assert_eq!((status, &body["health"], &body["engine"]), (200, &json!("healthy"), &json!("SQLite")));
    for path in ["/trunkline/audit", "/trunkline/operators", "/trunkline/resources/dev/keys"] {
        assert_eq!(get(&client, &reader, path).0, 403, "{path}");
        assert_eq!(get(&client, &owner, path).0, 200, "{path}");
        assert_eq!(client.call_with("GET", path, "", "X-None: 1").status, 401, "{path}");
        assert_eq!(client.call("GET", path, "").status, 403, "an access key is no operator: {path}");
    }
    for path in ["/trunkline/backups", "/trunkline/masterKey/:rotate"] {
        let body = r#"{"file":"/nowhere/backup"}"#;
        let bearer = format!("Authorization: Bearer {reader}");
        assert_eq!(client.call_with("POST", path, body, &bearer).status, 403, "{path}");
    }

    let (_, audit) = get(&client, &owner, "/trunkline/audit?maxPageSize=1");
    assert_eq!(audit["value"][0]["target"], json!("olga"), "newest first");
    assert_eq!(audit["value"][0]["detail"], json!({ "role": "owner" }));
    let next = audit["nextLink"].as_str().expect("a second page").to_owned();
    let path = next.split_once("localhost").expect("our host").1;
    let (_, second) = get(&client, &owner, &path[path.find('/').expect("a path")..]);
    assert_eq!(second["value"][0]["target"], json!("rita"));

    run_json(&server.data, &["operator", "delete", "rita", "--yes"]);
    assert_eq!(get(&client, &reader, "/trunkline/status").0, 401, "a deleted operator's token ends at once");
    assert!(server.stop().success());
}

#[test]
fn bad_backups_and_unknown_operations_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(&folder.path().join("data"), &[]);
    let (client, owner) = (server.client(), operator(&server, "olga", "owner"));
    let bearer = format!("Authorization: Bearer {owner}");
    let post = |body: &str| client.call_with("POST", "/trunkline/backups", body, &bearer);
    assert_eq!(post(r#"{"file":"relative"}"#).body["error"]["target"], json!("file"));
    let taken = json!({ "file": folder.path() }).to_string();
    assert_eq!(post(&taken).status, 409);
    assert_eq!(get(&client, &owner, "/trunkline/operations/unknown").0, 404);

    let target = folder.path().join("backup");
    let accepted = post(&json!({ "file": target }).to_string());
    assert_eq!(accepted.status, 202);
    assert!(accepted.head.to_ascii_lowercase().contains("retry-after: 1"), "{}", accepted.head);
    let id = accepted.body["id"].as_str().expect("an id");
    assert_eq!(get(&client, &owner, &format!("/trunkline/operations/{id}")).0, 200, "pollable at once");
    assert!(server.stop().success());
}

#[test]
fn documents_are_published_to_everybody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = Server::start(&folder.path().join("data"), &["--ephemeral"]);
    let client = server.client();
    let published = client.call_with("GET", "/openapi/identity/2023-10-01.json", "", "X-None: 1");
    assert_eq!((published.status, &published.body["openapi"]), (200, &json!("3.1.0")));
    let printed = run(&["openapi", "identity", "2023-10-01"]);
    let printed: serde_json::Value = serde_json::from_slice(&printed.stdout).expect("a document");
    assert_eq!(published.body, printed);
    let own = client.call_with("GET", "/openapi/operator/current.json", "", "X-None: 1");
    assert!(own.body["paths"]["/trunkline/backups"]["post"].is_object());
    assert_eq!(client.call_with("GET", "/openapi/identity/1999-01-01.json", "", "X-None: 1").status, 404);
    assert_eq!(client.call_with("GET", "/trunkline/ping", "", "X-None: 1").status, 204);
    assert!(server.stop().success());
}
