//! What a send costs: the hot path is one transaction, whatever else the service does.

use trunkline_testkit::{TestStore, on_both_engines};

use super::harness::{ADA, BOB, SLICES, World};

on_both_engines!(SLICES; a_send_is_one_transaction_and_no_read, a_listing_is_one_read);

async fn a_send_is_one_transaction_and_no_read(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    // Whoever calls for the first time is looked up once.
    for number in [ADA, BOB] {
        world.send(number, &thread, "hello").await;
    }
    let before = world.app.store.metrics();
    for number in [ADA, BOB, ADA] {
        world.send(number, &thread, "hello").await;
    }
    let after = world.app.store.metrics();
    assert_eq!(after.writes_committed - before.writes_committed, 3);
    assert_eq!(after.commits - before.commits, 3);
    assert_eq!(after.writes_rolled_back - before.writes_rolled_back, 0);
    assert_eq!(after.reads - before.reads, 0);
}

async fn a_listing_is_one_read(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[BOB]).await;
    world.messages(BOB, &thread).await;
    let before = world.app.store.metrics();
    world.messages(BOB, &thread).await;
    let after = world.app.store.metrics();
    assert_eq!(after.reads - before.reads, 1);
    assert_eq!(after.writes_committed - before.writes_committed, 0);
}
