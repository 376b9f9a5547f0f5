//! Datagrams of those who mean no good.

use std::net::{Ipv4Addr, UdpSocket};

use super::world::World;
use crate::RoomEvent;

fn stranger() -> UdpSocket {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports")
}

/// Alice is heard by bob, whatever else came.
fn still_talks(world: &mut World) {
    world.clients[1].events.clear();
    world.speak_until(0, "alice is heard", |world| world.clients[1].heard().count() >= 20);
    assert!(!world.has_event(|event| matches!(event, RoomEvent::Failed { .. } | RoomEvent::Quality { .. })));
    assert_eq!(world.metrics.panics.get(), 0);
}

fn until_dropped(world: &mut World, why: &'static str, count: u64) {
    world.until(why, |world| world.metrics.drops(why) >= count);
    assert_eq!(world.metrics.drops(why), count, "{why}");
}

fn world() -> World {
    let mut world = World::new();
    world.connect();
    world.connect();
    world
}

#[test]
fn what_is_nobodys_is_dropped_and_counted() {
    let mut world = world();
    let stranger = stranger();
    let unknown_name =
        [&[0, 1, 0, 12, 0x21, 0x12, 0xa4, 0x42][..], &[7; 12], &[0, 6, 0, 8], b"nobody:x"].concat();
    for bytes in [&[64, 0, 0, 4, 1, 2, 3, 4][..], b"GET / HTTP/1.1\r\n\r\n", &[255; 1_400]] {
        stranger.send_to(bytes, world.server).expect("loopback takes it");
    }
    stranger.send_to(&unknown_name, world.server).expect("loopback takes it");
    stranger.send_to(&[22, 254, 253, 0], world.server).expect("loopback takes it");
    until_dropped(&mut world, "form", 3);
    until_dropped(&mut world, "unknown_name", 1);
    until_dropped(&mut world, "unknown_address", 1);
    still_talks(&mut world);
}

#[test]
fn overheard_media_from_another_address_is_dropped() {
    let mut world = world();
    let now = world.now();
    world.clients[0].say(now);
    let overheard = world.clients[0].overheard.clone().expect("something was sent");
    assert!(matches!(overheard[0], 128..=191), "media was sent last");

    let stranger = stranger();
    for _ in 0..20 {
        stranger.send_to(&overheard, world.server).expect("loopback takes it");
    }

    until_dropped(&mut world, "unknown_address", 20);
    still_talks(&mut world);
}

#[test]
fn checks_with_a_wrong_password_open_no_way() {
    let mut world = world();
    let ufrag = ufrag_of(&mut world);
    let stranger = stranger();
    let name = format!("{ufrag}:xxxx");
    let padding = vec![0; name.len().next_multiple_of(4) - name.len()];
    let length = u16::try_from(4 + name.len() + padding.len()).expect("short");
    let name_length = u16::try_from(name.len()).expect("short");
    let check = [
        &[0, 1][..],
        &length.to_be_bytes(),
        &[0x21, 0x12, 0xa4, 0x42],
        &[9; 12],
        &[0, 6],
        &name_length.to_be_bytes(),
        name.as_bytes(),
        &padding,
    ]
    .concat();

    world.until("the flood is cut", |world| {
        for _ in 0..50 {
            stranger.send_to(&check, world.server).expect("loopback takes it");
        }
        world.metrics.drops("check_rate") > 0
    });

    stranger.send_to(&[128, 111, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], world.server).expect("loopback takes it");
    until_dropped(&mut world, "unknown_address", 1);
    still_talks(&mut world);
}

/// What the server calls alice's transport: whoever sees her checks knows it.
fn ufrag_of(world: &mut World) -> String {
    let sdp = world.clients[0].restart();
    let answer = world.renew(super::world::id(0), &sdp).expect("a good offer");
    let now = world.now();
    world.clients[0].answer(&answer.sdp, now);
    let line =
        answer.sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).expect("an answer has one");
    line.to_owned()
}

#[test]
fn a_client_that_floods_is_cut_back_and_others_go_on() {
    let mut world = world();
    // Long ones: a few thousand are more bytes than a client may send.
    let garbage = [128; 1_400];
    world.until("the flood is cut", |world| {
        for _ in 0..500 {
            world.clients[1].flood(&garbage, world.server);
        }
        world.metrics.drops("rate") > 0
    });
    still_talks(&mut world);
}
