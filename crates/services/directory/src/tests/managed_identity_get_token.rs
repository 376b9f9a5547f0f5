//! Managed identity: for programs on this machine, and nobody who only seems to be one.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};
use trunkline_web::Peer;

use super::door::{Door, claims};
use super::harness::{APPLICATIONS, ROLES, SLICES, settings, text};

on_both_engines!(SLICES;
    both_forms_and_both_paths_answer,
    the_identity_that_is_named_answers,
    calls_that_do_not_come_from_here_find_nothing,
    malformed_questions_are_refused,
);

const RESOURCE: &str = "https%3A%2F%2Fcommunication.azure.com%2F";

async fn identity(door: &Door, name: &str) -> Value {
    let new = json!({ "name": name, "isManagedIdentity": true });
    let made = door.app.call(Call::post(APPLICATIONS).json(&new).bearer("owner")).await.expect(201).body;
    let role = json!({ "principal": made["objectId"], "role": "contributor" });
    door.app.call(Call::post(ROLES).json(&role).bearer("owner")).await.expect(201);
    made
}

fn path(query: &str) -> String {
    format!("/metadata/identity/oauth2/token?api-version=2018-02-01&resource={RESOURCE}{query}")
}

fn ask(query: &str) -> Call {
    Call::get(path(query)).header("metadata", "true")
}

async fn both_forms_and_both_paths_answer(store: TestStore) {
    let door = Door::new(store).await;
    let made = identity(&door, "dev").await;
    let now = door.now().as_seconds();
    let calls = [
        ask(""),
        ask("").header("host", "127.0.0.1:8443").host(""),
        Call::get(path("").replace("token?", "token/?")).header("metadata", "True"),
        Call::get(path("").replace("2018-02-01", "2019-08-01")).header("x-identity-header", "any"),
    ];
    for call in calls {
        let reply = door.app.call(call).await.expect(200).body;
        assert_eq!((&reply["client_id"], &reply["token_type"]), (&made["clientId"], &json!("Bearer")));
        assert_eq!(reply["resource"], "https://communication.azure.com/");
        assert_eq!(
            (reply["expires_in"].as_str(), text(&reply["expires_on"])),
            (Some("3599"), (now + 3600).to_string())
        );
        let who = door.probe("data", &text(&reply["access_token"])).await.expect(200).body;
        assert_eq!(who["id"], made["objectId"]);
    }
    for peer in [
        Peer::Address(Ipv6Addr::LOCALHOST.into()),
        Peer::Address(Ipv4Addr::new(127, 9, 9, 9).into()),
        Peer::Local,
    ] {
        door.app.call_from(ask(""), peer).await.expect(200);
    }
}

async fn the_identity_that_is_named_answers(store: TestStore) {
    let door = Door::new(store).await;
    door.app.call(ask("")).await.expect(400);
    let first = identity(&door, "dev").await;
    door.advance(1);
    let second = identity(&door, "another").await;
    let no_identity = door.application("shop").await;
    let who = async |query: String| door.app.call(ask(&query)).await;
    let id_of = |answer: Answer| claims(&answer.expect(200).body["access_token"])["oid"].clone();
    assert_eq!(id_of(who(String::new()).await), first["objectId"]);
    assert_eq!(id_of(who(format!("&client_id={}", text(&second["clientId"]))).await), second["objectId"]);
    for parameter in ["object_id", "principal_id"] {
        let query = format!("&{parameter}={}", text(&second["objectId"]));
        assert_eq!(id_of(who(query).await), second["objectId"]);
    }
    for query in [
        format!("&client_id={}", text(&no_identity["clientId"])),
        "&client_id=00000000-0000-0000-0000-000000000009".to_owned(),
        "&client_id=dev".to_owned(),
        format!("&client_id={}", text(&first["objectId"])),
        "&mi_res_id=%2Fsubscriptions%2Fx".to_owned(),
    ] {
        let refused = who(query).await.expect(400).body;
        assert!(text(&refused["error_description"]).starts_with("AADSTS"), "{refused}");
    }
}

async fn calls_that_do_not_come_from_here_find_nothing(store: TestStore) {
    let door = Door::new(store).await;
    identity(&door, "dev").await;
    for peer in ["192.0.2.7", "10.0.0.1", "2001:db8::1", "::ffff:192.0.2.7", "0.0.0.0"] {
        let peer = Peer::Address(peer.parse().expect("an address"));
        door.app.call_from(ask(""), peer).await.expect_error(404, "NotFound");
    }
    for (name, value) in [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-for", "\u{e9}"),
        ("x-forwarded-for", ""),
        ("forwarded", "for=127.0.0.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "no-cors"),
    ] {
        door.app.call(ask("").header(name, value)).await.expect_error(404, "NotFound");
    }
    for host in [
        "evil.example",
        "localhost.evil.example:8443",
        "127.0.0.1.evil.example",
        "192.0.2.7",
        "other.comm.example:8443",
    ] {
        door.app.call(ask("").host(host)).await.expect_error(404, "NotFound");
    }
    for off in [
        crate::Settings { is_metadata_enabled: false, ..settings() },
        crate::Settings { is_enabled: false, ..settings() },
    ] {
        let door = Door::with(TestStore::ephemeral(SLICES).await, Vec::new(), off).await;
        identity(&door, "dev").await;
        door.app.call(ask("")).await.expect_error(404, "NotFound");
    }
}

async fn malformed_questions_are_refused(store: TestStore) {
    let door = Door::new(store).await;
    identity(&door, "dev").await;
    let refused = async |call: Call| text(&door.app.call(call).await.expect(400).body["error"]);
    for call in [
        Call::get(path("")),
        Call::get(path("")).header("metadata", "false"),
        Call::get(path("")).header("metadata", ""),
        Call::get(path("")).header("x-identity-header", ""),
        Call::get("/metadata/identity/oauth2/token").header("metadata", "true"),
        ask("&resource=https%3A%2F%2Fmanagement.azure.com"),
    ] {
        assert_eq!(refused(call).await, "invalid_request");
    }
    let graph = Call::get("/metadata/identity/oauth2/token?resource=https%3A%2F%2Fgraph.microsoft.com");
    assert_eq!(refused(graph.header("metadata", "true")).await, "invalid_resource");
}
