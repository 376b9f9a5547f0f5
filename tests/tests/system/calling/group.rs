//! Everything that people do in a call, on a whole server and with real media.

use serde_json::{Value, json};

use super::phone::Phone;
use super::user;
use crate::support::local::Local;
use crate::support::server::{Server, wait_until};

/// Packets of more than five seconds from one who speaks.
const STOCK: u64 = 300;

/// Waits until everybody was told something that fits.
async fn all_are_told(phones: [&mut Phone; 3], fits: impl Fn(&Value) -> bool) {
    for phone in phones {
        phone.client().until(&fits).await;
    }
}

/// A participant as a message tells of them.
fn shown(message: &Value, p: u32) -> Option<&Value> {
    let set = message["set"].as_array().filter(|_| message["t"] == "participants")?;
    set.iter().find(|participant| participant["p"] == p)
}

/// Two talk, and call in a third: Ada is 1, Bob 2, Eve 3.
async fn three(server: &Server) -> [Phone; 3] {
    let node = [server.client().origin()];
    let mut phones = ["a-1", "rung", "rung"].map(|leg| user(server, "dev", leg));
    for phone in &mut phones {
        phone.connect(&node).await;
    }
    let [mut ada, mut bob, mut eve] = phones;
    ada.call(&bob.raw_id).await;
    assert_eq!(ada.joined["kind"], "oneToOne");
    bob.take().await;
    tokio::join!(ada.hears(), bob.hears());
    let added = ada.does("call.add", json!({ "to": [eve.raw_id] })).await;
    assert_eq!(added["added"], json!([{ "p": 3, "user": eve.raw_id }]));
    eve.take().await;
    assert_eq!((&eve.joined["kind"], &eve.joined["call"]), (&json!("group"), &ada.joined["call"]));
    eve.hears().await;
    let is_group_of_three =
        |message: &Value| message["t"] == "call" && message["kind"] == "group" && message["count"] == 3;
    all_are_told([&mut ada, &mut bob, &mut eve], is_group_of_three).await;
    [ada, bob, eve]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_become_three_do_everything_and_one_ends_it_for_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let server = tokio::task::block_in_place(|| Server::start(&folder.path().join("data"), &[]));
    let [mut ada, mut bob, mut eve] = three(&server).await;

    // Everybody speaks, so somebody is dominant.
    bob.client()
        .until(|message| message["t"] == "media.speaking" && message["dominant"][0].is_number())
        .await;
    eve.does("call.muteOthers", json!({ "p": 2 })).await;
    assert_eq!(bob.client().next_of("muted").await["by"], 3);
    bob.does("call.mute", json!({ "muted": true })).await;
    ada.client().until(|message| shown(message, 2).is_some_and(|bob| bob["muted"] == true)).await;
    eve.does("call.spotlight", json!({ "add": [1] })).await;
    bob.does("call.hand", json!({ "raised": true })).await;
    all_are_told([&mut ada, &mut bob, &mut eve], |message| message["spotlight"] == json!([1])).await;
    for phone in [&mut ada, &mut eve] {
        phone.client().until(|message| shown(message, 2).is_some_and(|bob| bob["hand"] == 1)).await;
    }
    ada.does("call.text", json!({ "text": "Hello", "final": true, "seq": 1 })).await;
    bob.does("call.react", json!({ "reaction": "heart" })).await;
    all_are_told([&mut ada, &mut bob, &mut eve], |message| message["text"] == "Hello").await;
    for phone in [&mut ada, &mut eve] {
        phone.client().until(|message| message["reaction"] == "heart" && message["p"] == 2).await;
    }
    ada.does("call.hold", json!({})).await;
    bob.client().until(|message| shown(message, 1).is_some_and(|ada| ada["state"] == "hold")).await;
    ada.does("call.resume", json!({})).await;
    ada.hears().await;
    // The media threads take stock every five seconds.
    ada.listen(STOCK).await;

    eve.does("call.hangUp", json!({ "forEveryone": true })).await;
    for phone in [&mut ada, &mut bob] {
        let over = phone.client().next_of("leg.over").await;
        assert_eq!((&over["reason"]["code"], &over["reason"]["subCode"]), (&json!(0), &json!(4097)));
        assert_eq!(over["by"], 3);
    }
    tokio::task::block_in_place(|| expect_records(&server, &ada));
}

/// The operator sees who was in the call and how the media of each was.
fn expect_records(server: &Server, ada: &Phone) {
    let call = ada.joined["call"].as_str().expect("an id");
    let path = format!("/trunkline/resources/dev/calls/{call}");
    let mut local = Local::connect(&server.data).expect("the server listens");
    let details = wait_until("the records of all three", || {
        let (status, details) = local.call("GET", &path, "").expect("an answer");
        assert_eq!(status, 200, "{details}");
        let legs = details["legs"].as_array().expect("legs");
        legs.iter().all(|leg| leg["quality"].is_object()).then_some(details)
    });
    assert_eq!((&details["kind"], &details["reason"]["subCode"]), (&json!("group"), &json!(4097)));
    let legs = details["legs"].as_array().expect("legs");
    assert_eq!(legs.len(), 3, "{details}");
    for leg in legs {
        let quality = &leg["quality"];
        assert_eq!((&quality["path"], &leg["reason"]["code"]), (&json!("udp"), &json!(0)), "{leg}");
        assert!(quality["rtt_ms"].is_number() && quality["bytesIn"].as_u64() > Some(1_000), "{leg}");
        let audio =
            quality["sources"].as_array().expect("streams").iter().find(|one| one["name"] == "audio/q");
        let audio = audio.unwrap_or_else(|| panic!("{leg}"));
        assert!(audio["packets"].as_u64() > Some(50) && audio["jitter_ms"].is_number(), "{leg}");
        assert!(quality["slots"][0]["packets"].as_u64() > Some(50), "{leg}");
    }
}
