//! Two servers on one PostgreSQL: any node answers, and what one changes the other one sees.

use std::path::PathBuf;

use serde_json::{Value, json};
use trunkline_testkit::TestDatabase;

use crate::support::server::{Server, inspect, run_json, wait_until};

/// Two nodes with one database and one master key.
pub(crate) struct Fleet {
    pub(crate) first: Server,
    pub(crate) second: Server,
    // Dropped last: the database goes when the servers are gone.
    pub(crate) database: TestDatabase,
    _folder: tempfile::TempDir,
}

impl Fleet {
    pub(crate) async fn start() -> Self {
        let database = TestDatabase::create().await;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let key = folder.path().join("master.key");
        let settings = [
            format!("database.url={}", database.url),
            format!("vault.master_key_file={}", key.display()),
            "database.connections=4".to_owned(),
        ];
        let start = |name: &str| {
            let mut arguments = vec!["--set".to_owned(), format!("node.name={name}")];
            for setting in &settings {
                arguments.extend(["--set".to_owned(), setting.clone()]);
            }
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let data: PathBuf = folder.path().join(name);
            Server::start(&data, &arguments)
        };
        let (first, second) = (start("first"), start("second"));
        Self { first, second, database, _folder: folder }
    }
}

/// A user with a token, made by `server` with the primary key.
fn user_with_token(server: &Server) -> (String, String) {
    let body = r#"{"createTokenWithScopes":["chat"]}"#;
    let reply = server.client().call("POST", "/identities?api-version=2023-10-01", body);
    assert_eq!(reply.status, 201, "{}", reply.head);
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    (text(&reply.body["identity"]["id"]), text(&reply.body["accessToken"]["token"]))
}

fn is_valid(server: &Server, token: &str) -> bool {
    inspect(&server.data, token)["isValid"] == json!(true)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_nodes_answer_for_the_same_resource() {
    let fleet = Fleet::start().await;
    assert_eq!(fleet.first.ready["resourceId"], fleet.second.ready["resourceId"]);
    assert_eq!(fleet.first.ready["subscriptionId"], fleet.second.ready["subscriptionId"]);
    let (id, token) = user_with_token(&fleet.first);
    assert!(is_valid(&fleet.second, &token));
    let path = format!("/identities/{id}/:issueAccessToken?api-version=2023-10-01");
    let issued = fleet.second.client().call("POST", &path, r#"{"scopes":["voip"]}"#);
    assert_eq!(issued.status, 200, "{}", issued.head);
    assert!(is_valid(&fleet.first, issued.body["token"].as_str().expect("a token")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_on_one_node_ends_tokens_on_the_other() {
    let fleet = Fleet::start().await;
    let (id, token) = user_with_token(&fleet.first);
    assert!(is_valid(&fleet.second, &token), "now it is cached there");
    let path = format!("/identities/{id}/:revokeAccessTokens?api-version=2023-10-01");
    assert_eq!(fleet.first.client().call("POST", &path, "").status, 204);
    assert!(!is_valid(&fleet.first, &token), "at once on the answering node");
    wait_until("the other node to refuse the token", || (!is_valid(&fleet.second, &token)).then_some(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_regenerated_key_is_refused_by_the_other_node() {
    let fleet = Fleet::start().await;
    let (_, token) = user_with_token(&fleet.second);
    let old = fleet.second.client();
    let create = || old.call("POST", "/identities?api-version=2023-10-01", "").status;
    assert_eq!(create(), 201);
    run_json(&fleet.first.data, &["key", "regenerate", "primary", "--yes"]);
    wait_until("the other node to refuse the old key", || (create() == 401).then_some(()));
    assert!(!is_valid(&fleet.second, &token), "tokens minted with the old key end with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_nodes_work_moves_on() {
    let mut fleet = Fleet::start().await;
    let gone = run_json(&fleet.second.data, &["resource", "create", "gone"])["id"].clone();
    let gone = gone.as_str().expect("an id").to_owned();
    for _ in 0..3 {
        run_json(&fleet.second.data, &["user", "create", "--resource", "gone"]);
    }
    // The first node reads the outbox; it dies without giving its lease back.
    fleet.first.signal("KILL");
    fleet.first.wait();
    run_json(&fleet.second.data, &["resource", "delete", "gone", "--yes"]);
    wait_until_gone(&fleet, &gone);
}

/// Waits until the database holds no user of the resource.
fn wait_until_gone(fleet: &Fleet, resource: &str) {
    let sql = format!("SELECT COUNT(*) FROM identity_users WHERE resource_id = '{resource}'");
    let runtime = tokio::runtime::Handle::current();
    let count = || tokio::task::block_in_place(|| runtime.block_on(fleet.database.count(&sql)));
    wait_until("the users of the deleted resource to go", || (count() == 0).then_some(()));
}
