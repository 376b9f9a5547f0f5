//! Messages on data channels.

use std::sync::Arc;

use trunkline_sfu::{DataRefusal, Now, PeerKey, Policy, RoomOutput};

use crate::world::World;

/// A message to some, or to everybody.
fn message(recipients: &[u32], sequence: u32, payload: usize) -> Vec<u8> {
    let mut bytes = vec![1, u8::from(!recipients.is_empty()), 0, 7];
    bytes.extend(sequence.to_be_bytes());
    bytes.extend([0xff; 4]);
    if !recipients.is_empty() {
        bytes.push(u8::try_from(recipients.len()).expect("few"));
        bytes.extend(recipients.iter().flat_map(|number| number.to_be_bytes()));
    }
    bytes.extend([0, 0]);
    bytes.resize(bytes.len() + payload, 0);
    bytes
}

/// Receiver, sender's number, message's number and channel of what was sent since the last call.
fn sent(world: &mut World) -> Vec<(u64, u32, u32, bool)> {
    world.take_outputs();
    let is_data = |output: &RoomOutput| matches!(output, RoomOutput::SendData { .. });
    let number = |bytes: &[u8]| u32::from_be_bytes(bytes.try_into().expect("four bytes"));
    world
        .outputs_like(is_data)
        .into_iter()
        .filter_map(|(_, output)| match output {
            RoomOutput::SendData { to, is_reliable, message } => {
                Some((to.0, number(&message[8..12]), number(&message[4..8]), is_reliable))
            }
            _ => None,
        })
        .collect()
}

fn three() -> (World, PeerKey, PeerKey, PeerKey) {
    let mut world = World::new(1);
    let [ann, ben, cleo] = [1, 2, 3].map(|peer| world.join(peer, 1, 1));
    world.run_ms(10);
    (world, ann, ben, cleo)
}

#[test]
fn a_message_goes_to_everybody_else_with_its_true_sender() {
    let (mut world, _, ben, _) = three();
    world.room.handle_data(ben, true, &message(&[], 5, 100), world.now).expect("it is well formed");
    assert_eq!(sent(&mut world), [(1, 2, 5, true), (3, 2, 5, true)]);
}

#[test]
fn an_addressed_message_goes_to_the_addressed() {
    let (mut world, ann, ..) = three();
    world
        .room
        .handle_data(ann, false, &message(&[3, 3, 1, 77], 6, 100), world.now)
        .expect("it is well formed");
    assert_eq!(sent(&mut world), [(3, 1, 6, false)], "not to oneself, not to strangers, once to each");
}

#[test]
fn tiny_messages_to_some_are_bounded_in_number() {
    let (mut world, ann, ..) = three();
    let tiny = message(&[3], 1, 0);
    let mut send = || world.room.handle_data(ann, false, &tiny, world.now).is_ok();
    let taken = (0..1_000).filter(|_| send()).count();
    assert_eq!(taken, 62_500 / (256 + tiny.len()));
    let mut keep = || world.room.handle_data(ann, true, &tiny, world.now).is_ok();
    let kept = (0..5_000).filter(|_| keep()).count();
    assert_eq!(kept, 256 * 1_024 / (100 + tiny.len()));
}

#[test]
fn who_may_nothing_sends_and_gets_nothing() {
    let (mut world, ann, ben, _) = three();
    world.room.set_policy(ben, Policy::default(), world.now);
    world.room.handle_data(ann, true, &message(&[], 1, 10), world.now).expect("it is well formed");
    assert_eq!(sent(&mut world), [(3, 1, 1, true)]);
    let refused =
        |world: &mut World, from| world.room.handle_data(from, true, &message(&[], 1, 10), world.now);
    assert_eq!(refused(&mut world, ben), Err(DataRefusal::NotAllowed));
    assert_eq!(refused(&mut world, PeerKey(99)), Err(DataRefusal::NotAllowed));
    assert_eq!(world.room.handle_data(ann, true, &[1, 2, 3], world.now), Err(DataRefusal::Malformed));
    assert_eq!(sent(&mut world), []);
}

#[test]
fn too_many_parts_are_dropped_on_the_lossy_channel() {
    let (mut world, ann, ..) = three();
    let mut dropped = 0;
    for number in 0..1_000 {
        let said = world.room.handle_data(ann, false, &message(&[], number, 10), world.now);
        dropped += usize::from(said == Err(DataRefusal::OverBudget));
        world.run_ms(5);
    }
    let passed = sent(&mut world).len() / 2;
    assert_eq!(passed + dropped, 1_000);
    assert!((450..=481).contains(&passed), "80 at once and 80 a second, 5 s long: {passed}");
}

#[test]
fn too_much_waits_on_the_ordered_channel() {
    let (mut world, ann, ..) = three();
    let mut accepted = 0;
    while world.room.handle_data(ann, true, &message(&[2], accepted, 15_000), world.now).is_ok() {
        accepted += 1;
    }
    assert_eq!(accepted, 4 + 17, "a second's worth at once, and 256 KiB wait");
    assert_eq!(sent(&mut world).len(), 4);
    world.run_ms(5_000);
    let numbers: Vec<u32> = sent(&mut world).iter().map(|(.., number, _)| *number).collect();
    assert!(numbers.len() >= 16 && numbers.is_sorted(), "{numbers:?}");
    world.run_ms(2_000);
    assert_eq!(numbers.len() + sent(&mut world).len(), 17);
}

/// Ben takes nothing until a time; answers what he took, and when he was given up.
fn refuse(world: &mut World, until: Now, duration_ms: u64) -> (Vec<u32>, Option<Now>) {
    let (mut taken, mut stalled) = (Vec::new(), None);
    for _ in 0..duration_ms {
        world.now += Now::from_millis(1);
        if world.room.poll_timeout().is_some_and(|due| due <= world.now) {
            world.room.handle_timeout(world.now);
        }
        while let Some(output) = world.room.poll_output() {
            match output {
                RoomOutput::SendData { to: PeerKey(2), message, .. } if world.now < until => {
                    world.room.handle_data_full(PeerKey(2), Arc::clone(&message), world.now);
                }
                RoomOutput::SendData { to: PeerKey(2), message, .. } => {
                    taken.push(u32::from_be_bytes(message[4..8].try_into().expect("four bytes")));
                }
                RoomOutput::Stalled { peer: PeerKey(2) } => stalled = Some(world.now),
                _ => {}
            }
        }
    }
    (taken, stalled)
}

#[test]
fn a_receiver_that_takes_nothing_for_a_while_gets_all_in_order() {
    let (mut world, ann, ..) = three();
    for number in 0..20 {
        world
            .room
            .handle_data(ann, true, &message(&[], number, 1_000), world.now)
            .expect("within the budget");
    }
    let until = world.now + Now::from_secs(2);
    assert_eq!(refuse(&mut world, until, 4_000), ((0..20).collect(), None));
}

#[test]
fn a_receiver_that_takes_nothing_at_all_is_given_up() {
    let (mut world, ann, ..) = three();
    world.room.handle_data(ann, true, &message(&[], 0, 1_000), world.now).expect("within the budget");
    let (taken, stalled) = refuse(&mut world, Now::MAX, 30_000);
    assert_eq!(taken, []);
    assert!(stalled.is_some_and(|at| (20_000..20_200).contains(&at.as_millis())), "{stalled:?}");
    world.room.handle_data(ann, true, &message(&[], 1, 1_000), world.now).expect("within the budget");
    assert_eq!(sent(&mut world), [(3, 1, 1, true)], "the others go on");
}

#[test]
fn a_receiver_for_whom_too_much_waits_is_given_up() {
    let (mut world, ann, _, cleo) = three();
    world.room.handle_data(ann, true, &message(&[2], 0, 15_000), world.now).expect("within the budget");
    let mut stalled = None;
    for number in 1..100 {
        stalled = stalled.or(refuse(&mut world, Now::MAX, 40).1);
        for sender in [ann, cleo] {
            let _ = world.room.handle_data(sender, true, &message(&[2], number, 15_000), world.now);
        }
    }
    assert!(stalled.is_some_and(|at| at < Now::from_secs(4)), "{stalled:?}");
}

#[test]
fn what_has_waited_goes_out_at_once_when_the_receiver_takes_again() {
    let (mut world, ann, ..) = three();
    world.room.handle_data(ann, true, &message(&[2], 0, 100), world.now).expect("within the budget");
    let until = world.now + Now::from_millis(500);
    refuse(&mut world, until, 10);
    for number in 1..200 {
        world.room.handle_data(ann, true, &message(&[2], number, 100), world.now).expect("within the budget");
    }
    assert_eq!(refuse(&mut world, until, 600), ((0..200).collect(), None));
}

#[test]
fn a_slow_receiver_that_takes_some_is_not_given_up() {
    let (mut world, ann, ..) = three();
    let mut taken: Vec<u32> = Vec::new();
    let mut number = 0;
    // It takes one message in 50 ms, for a minute; twelve are sent in a second.
    for ms in 0..60_000 {
        world.now += Now::from_millis(1);
        if ms % 83 == 0 {
            let _ = world.room.handle_data(ann, true, &message(&[2], number, 1_000), world.now);
            number += 1;
        }
        let mut may_take = ms % 50 == 0;
        if world.room.poll_timeout().is_some_and(|due| due <= world.now) {
            world.room.handle_timeout(world.now);
            may_take = ms % 100 < 40;
        }
        while let Some(output) = world.room.poll_output() {
            match output {
                RoomOutput::SendData { to: PeerKey(2), message, .. } if std::mem::take(&mut may_take) => {
                    taken.push(u32::from_be_bytes(message[4..8].try_into().expect("four bytes")));
                }
                RoomOutput::SendData { to: PeerKey(2), message, .. } => {
                    world.room.handle_data_full(PeerKey(2), message, world.now);
                }
                RoomOutput::Stalled { .. } => panic!("it took {} messages", taken.len()),
                _ => {}
            }
        }
    }
    assert!(taken.len() > 500, "{}", taken.len());
    assert_eq!(taken, (0..u32::try_from(taken.len()).expect("few")).collect::<Vec<_>>());
}
