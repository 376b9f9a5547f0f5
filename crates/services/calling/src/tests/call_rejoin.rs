//! `call.rejoin`: somebody comes back from another session.

use serde_json::json;
use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, GROUP, SLICES, World};
use crate::rules::{Input, P};

on_both_engines!(SLICES; a_leg_comes_back_with_its_token);

async fn a_leg_comes_back_with_its_token(store: TestStore) {
    let world = World::new(store).await;
    let (_ada, mut first) = (world.joined(ADA, 1).await, world.connect(BOB).await);
    let joined = first.ok("call.join", json!({ "leg": "b", "locator": { "groupId": GROUP } })).await;
    world.news("b", Input::MediaUp { p: P(2) });
    first.until(|message| message["state"] == "connected").await;
    first.cut();
    let mut again = world.connect(BOB).await;
    let mut eve = world.connect(EVE).await;
    let rejoin = json!({ "leg": "b", "legToken": joined["legToken"], "hand": true });
    assert_eq!(eve.refused("call.rejoin", rejoin.clone()).await, "unknownCall");
    let wrong = json!({ "leg": "b", "legToken": "wrong" });
    assert_eq!(again.refused("call.rejoin", wrong).await, "notAllowed");
    let back = again.ok("call.rejoin", rejoin.clone()).await;
    assert_eq!((&back["call"], &back["p"]), (&joined["call"], &json!(2)));
    assert_ne!(back["legToken"], joined["legToken"]);
    world.news("b", Input::MediaUp { p: P(2) });
    again.until(|message| message["t"] == "leg" && message["state"] == "connected").await;
    // A token is good once.
    assert_eq!(again.refused("call.rejoin", rejoin).await, "notAllowed");
}
