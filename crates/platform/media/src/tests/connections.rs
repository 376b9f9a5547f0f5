//! TCP connections of those who do not behave.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use trunkline_net::framing::write_frame;

use super::world::World;
use crate::tcp::{FIRST_FRAME, STRANGERS_PER_HOST};

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.server).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out can be set");
    stream
}

/// The server ends the connection without a word.
fn is_ended(stream: &mut TcpStream) -> bool {
    // A reset is an end too.
    stream.read(&mut [0; 16]).unwrap_or(0) == 0
}

fn until_connections(world: &mut World, count: i64) {
    world.until("connections are counted", |world| world.metrics.connections.get() == count);
}

#[test]
fn a_first_frame_without_a_name_of_ours_ends_the_connection() {
    let mut world = World::new();
    for payload in [&b"GET / HTTP/1.1"[..], &[22, 254, 253, 0], &[0; 20]] {
        let mut stream = connect(&world);
        let mut frame = Vec::new();
        write_frame(&mut frame, payload);
        stream.write_all(&frame).expect("the buffer takes it");
        assert!(is_ended(&mut stream), "{payload:?}");
    }
    until_connections(&mut world, 0);
    assert_eq!(world.metrics.drops("form"), 3);
}

#[test]
fn a_frame_that_is_too_long_ends_the_connection() {
    let mut world = World::new();
    let mut stream = connect(&world);
    stream.write_all(&[0xff, 0xff]).expect("the buffer takes it");
    assert!(is_ended(&mut stream));
    until_connections(&mut world, 0);
}

#[test]
fn who_says_nothing_is_cut_off() {
    let mut world = World::new();
    let mut stream = connect(&world);
    until_connections(&mut world, 1);
    world.clock.skip(FIRST_FRAME);
    assert!(is_ended(&mut stream));
    until_connections(&mut world, 0);
}

#[test]
fn a_host_has_few_connections_without_a_client() {
    let mut world = World::new();
    let mut kept: Vec<_> = (0..STRANGERS_PER_HOST).map(|_| connect(&world)).collect();
    until_connections(&mut world, i64::try_from(STRANGERS_PER_HOST).expect("few"));
    assert!(is_ended(&mut connect(&world)));
    world.until("it is counted", |world| world.metrics.drops("tcp_refused") == 1);

    kept.pop();

    until_connections(&mut world, i64::try_from(STRANGERS_PER_HOST).expect("few") - 1);
    let next = connect(&world);
    until_connections(&mut world, i64::try_from(STRANGERS_PER_HOST).expect("few"));
    drop(next);
}

#[test]
fn a_stranger_coming_and_going_is_no_trouble_for_others() {
    let mut world = World::new();
    let (alice, bob) = (world.connect_tcp(), world.connect());
    world.speak_until(alice, "alice is heard", |world| world.clients[bob].heard().count() >= 10);
    assert_eq!(world.metrics.connections.get(), 1);
    let silent = connect(&world);
    until_connections(&mut world, 2);
    drop(silent);
    until_connections(&mut world, 1);
    world.clients[bob].events.clear();
    world.speak_until(alice, "alice is still heard", |world| world.clients[bob].heard().count() >= 10);
}
