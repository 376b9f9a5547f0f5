//! `media.sources`, `media.want`, `media.offer`, `media.speaking`.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World};
use crate::rules::{Input, P};

on_both_engines!(SLICES;
    sources_are_shown,
    wishes_are_bounded,
    an_offer_needs_media,
    speakers_are_told,
);

async fn sources_are_shown(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    bob.say("media.sources", json!({ "leg": "g-2", "screen": { "width": 1920, "height": 1080 } })).await;
    let shown = ada.until(|message| message["set"][0]["sources"]["screen"].is_object()).await;
    assert_eq!(shown["set"][0]["sources"]["screen"], json!({ "width": 1920, "height": 1080 }));
    // With an id it is a request.
    bob.ok("media.sources", json!({ "leg": "g-2", "screen": null, "camera": { "width": 1, "height": 1 } }))
        .await;
    let shown = ada.until(|message| message["set"][0]["sources"]["camera"].is_object()).await;
    assert_eq!(shown["set"][0]["sources"].get("screen"), None);
    let large = json!({ "leg": "g-2", "camera": { "width": 8193, "height": 1 } });
    assert_eq!(bob.refused("media.sources", large).await, "malformed");
}

async fn wishes_are_bounded(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    let want = |source: &str| json!({ "p": 2, "source": source, "width": 640, "height": 360, "priority": 1 });
    ada.ok("media.want", json!({ "leg": "g-1", "want": [want("camera"), want("screen")], "max": 9 })).await;
    ada.ok("media.want", json!({ "leg": "g-1", "want": [] })).await;
    let many = vec![want("camera"); 51];
    for bad in
        [json!([want("audio")]), json!([want("smell")]), json!(many), json!([{ "p": 2, "source": "camera" }])]
    {
        assert_eq!(ada.refused("media.want", json!({ "leg": "g-1", "want": bad })).await, "malformed");
    }
}

async fn an_offer_needs_media(store: TestStore) {
    let world = World::new(store).await;
    let mut ada = world.joined(ADA, 1).await;
    // There are no media threads here.
    assert_eq!(ada.refused("media.offer", json!({ "leg": "g-1", "sdp": "v=0" })).await, "unavailable");
    assert_eq!(ada.refused("media.offer", json!({ "leg": "g-1" })).await, "malformed");
    assert_eq!(ada.refused("media.offer", json!({ "leg": "none", "sdp": "v=0" })).await, "unknownCall");
}

async fn speakers_are_told(store: TestStore) {
    let world = World::new(store).await;
    let (mut ada, mut bob) = (world.joined(ADA, 1).await, world.joined(BOB, 2).await);
    world.news("g-1", Input::Speaking { speaking: vec![P(2)], dominant: vec![P(2), P(1)] });
    for (client, leg) in [(&mut ada, "g-1"), (&mut bob, "g-2")] {
        let speaking = client.next_of("media.speaking").await;
        assert_eq!(
            (&speaking["leg"], &speaking["speaking"], &speaking["dominant"]),
            (&json!(leg), &json!([2]), &json!([2, 1]))
        );
    }
}
