//! Many packets written and let out at once leave as they would one by one.

use std::time::Duration;

use super::harness::{Pair, client_config, forward};
use crate::SlotKey;

/// Slot, number and payload of what comes at the client, by slot.
fn heard(pair: &Pair) -> Vec<(SlotKey, u64, u32, Vec<u8>)> {
    let mut heard: Vec<_> = pair
        .received()
        .iter()
        .map(|one| (one.slot, one.sequence, one.timestamp, one.payload.to_vec()))
        .collect();
    // A stable order: within a slot it stays as it came.
    heard.sort_by_key(|(slot, ..)| *slot);
    heard
}

fn run(is_batched: bool) -> Vec<(SlotKey, u64, u32, Vec<u8>)> {
    let mut pair = Pair::connected(client_config());
    for round in 0..40 {
        for part in 0..8 {
            let (is_video, index) = [(false, 0), (false, 1), (true, 0)][part as usize % 3];
            pair.peer.write(forward(is_video, index, round * 8 + part, pair.now));
            if !is_batched {
                pair.touch();
            }
        }
        pair.touch();
        pair.run(Duration::from_millis(20));
    }
    pair.run(Duration::from_secs(1));
    heard(&pair)
}

#[test]
fn batched_writes_leave_as_single_ones_do() {
    let (single, batched) = (run(false), run(true));
    assert_eq!(single.len(), 320);
    assert_eq!(single, batched);
    // In the order they were written.
    for slot in single.chunk_by(|one, two| one.0 == two.0) {
        assert!(slot.is_sorted_by_key(|one| one.1), "{:?}", slot[0].0);
    }
}

#[test]
fn voice_goes_ahead_of_pictures_that_were_written_before_it() {
    let mut pair = Pair::connected(client_config());
    for number in 0..40 {
        pair.peer.write(forward(true, 0, number, pair.now));
    }
    pair.peer.write(forward(false, 0, 0, pair.now));
    pair.touch();
    pair.run(Duration::from_secs(1));
    let voice = pair.received().iter().position(|one| !one.slot.is_video).unwrap();
    assert!(voice < 20, "{voice}");
    assert_eq!(pair.received().len(), 41);
}
