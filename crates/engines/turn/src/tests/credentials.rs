//! Who may ask: names, passwords, nonces, and how often a stranger is answered.

use trunkline_kernel::Secret;

use super::network::{Caller, EPOCH_S, Lab, refusal, secret, tuple};
use crate::client::Event;
use crate::stun::{Class, Message, Method, TransactionId, Writer};
use crate::{Client, Credentials, Now, Transport};

#[test]
fn without_credentials_only_the_own_address_is_told() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    let binding = alice.client.binding();
    assert_eq!(alice.tell(&mut lab, &binding), Event::Mapped(alice.tuple.client));
    for method in [Method::Allocate, Method::Refresh, Method::CreatePermission, Method::ChannelBind] {
        let request = Writer::new(method, Class::Request, TransactionId([1; 12])).finish();
        let answers = lab.say(alice.tuple, &request);
        assert_eq!(refusal(&answers[0]), (method, 401));
    }
    assert!(lab.wire.open.is_empty());
}

#[test]
fn wrong_names_passwords_and_ends_are_refused() {
    let other = Secret::new(b"another secret".to_vec());
    let named = |username: &str| Credentials {
        username: username.to_owned(),
        password: crate::credentials::password(&secret(), username),
    };
    let cases = [
        ("another secret", Credentials::issue(&other, "a.alice", EPOCH_S + 5_000)),
        ("ended", Credentials::issue(&secret(), "a.alice", EPOCH_S + 1_000)),
        ("no colon", named("alice")),
        ("no number", named("soon:alice")),
        ("a negative number", named("-1:alice")),
    ];
    for (name, credentials) in cases {
        let mut lab = Lab::new();
        let mut caller = Caller { client: Client::new(credentials), tuple: tuple(1, Transport::Udp) };
        let event = caller.ask(&mut lab, Client::allocate);
        assert_eq!(event, Event::Refused(Method::Allocate, 401), "{name}");
        assert!(lab.wire.open.is_empty(), "{name}");
    }
}

#[test]
fn a_credential_that_ends_lets_the_allocation_run_out() {
    let mut lab = Lab::new();
    let credentials = Credentials::issue(&secret(), "a.alice", EPOCH_S + 1_000 + 300);
    let mut alice = Caller { client: Client::new(credentials), tuple: tuple(1, Transport::Udp) };
    alice.allocate(&mut lab);
    lab.wait(Now::from_mins(5));
    assert_eq!(alice.ask(&mut lab, |client| client.refresh(600)), Event::Refused(Method::Refresh, 401));
    assert_eq!(lab.wire.open.len(), 1, "what runs goes on");
    lab.wait(Now::from_mins(5));
    assert!(lab.wire.open.is_empty());
}

#[test]
fn secrets_can_take_over_from_each_other() {
    let mut lab = Lab::new();
    let mut old = Caller::new("a.old", 1);
    old.allocate(&mut lab);
    let next = Secret::new(b"the next secret".to_vec());
    lab.server.set_secrets(vec![next.clone(), secret()]);
    assert_eq!(old.ask(&mut lab, |client| client.refresh(600)), Event::Done(Method::Refresh));
    let credentials = Credentials::issue(&next, "a.new", EPOCH_S + 5_000);
    let mut new = Caller { client: Client::new(credentials), tuple: tuple(2, Transport::Udp) };
    new.allocate(&mut lab);
    lab.server.set_secrets(vec![next]);
    assert_eq!(old.ask(&mut lab, |client| client.refresh(600)), Event::Refused(Method::Refresh, 401));
}

#[test]
fn a_nonce_is_for_one_address_and_one_hour() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.allocate(&mut lab);
    let request = alice.client.refresh(600);
    let mut elsewhere = alice.tuple;
    elsewhere.client.set_ip([192, 0, 2, 8].into());
    assert_eq!(refusal(&lab.say(elsewhere, &request)[0]), (Method::Refresh, 438));

    let mut lab = Lab::new();
    let credentials = Credentials::issue(&secret(), "a.alice", EPOCH_S + 100_000);
    let mut alice = Caller { client: Client::new(credentials), tuple: tuple(1, Transport::Udp) };
    alice.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| message.transport(17).lifetime(3_600))
    });
    lab.wait(Now::from_secs(3_599));
    let request = alice.client.refresh(3_600);
    assert_eq!(alice.tell(&mut lab, &request), Event::Done(Method::Refresh));
    lab.wait(Now::from_secs(1));
    let request = alice.client.refresh(3_600);
    assert_eq!(alice.tell(&mut lab, &request), Event::Challenged, "stale, with a new one");
    assert_eq!(alice.ask(&mut lab, |client| client.refresh(3_600)), Event::Done(Method::Refresh));
}

#[test]
fn a_changed_message_is_no_longer_its_makers() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.ask(&mut lab, |client| client.refresh(600));
    let mut request = alice.client.allocate();
    // The lifetime of nothing: a bit of the transport's reserved bytes.
    request[25] ^= 1;
    assert_eq!(refusal(&lab.say(alice.tuple, &request)[0]), (Method::Allocate, 401));
    assert!(lab.wire.open.is_empty());
}

#[test]
fn a_request_that_lacks_a_part_of_its_credentials_is_malformed() {
    let mut lab = Lab::new();
    let key = crate::stun::IntegrityKey::new(b"any");
    let request = Writer::new(Method::Allocate, Class::Request, TransactionId([1; 12]));
    let bytes = request.transport(17).username("1:a").integrity(&key).finish();
    assert_eq!(refusal(&lab.say(tuple(1, Transport::Udp), &bytes)[0]), (Method::Allocate, 400));
}

#[test]
fn a_stranger_who_asks_on_and_on_is_no_longer_answered_until_the_next_second() {
    let mut lab = Lab::new();
    let request = Writer::new(Method::Allocate, Class::Request, TransactionId([1; 12])).finish();
    lab.wait(Now::from_secs(1));
    let flood = |lab: &mut Lab| -> usize {
        (0..1_000).map(|_| lab.say(tuple(1, Transport::Udp), &request).len()).sum()
    };
    assert_eq!(flood(&mut lab), 200);
    let mut alice = Caller::new("a.alice", 2);
    alice.tuple.client.set_ip([192, 0, 2, 99].into());
    alice.allocate(&mut lab);
    lab.wait(Now::from_secs(1));
    assert_eq!(flood(&mut lab), 200);
    assert_eq!(lab.server.statistics().refused_altogether(), 2_001, "1 of them Alice's challenge");
}

#[test]
fn an_answer_has_a_fingerprint_when_the_request_had_one() {
    let mut lab = Lab::new();
    let request = Writer::new(Method::Binding, Class::Request, TransactionId([1; 12]));
    let with = lab.say(tuple(1, Transport::Udp), &request.clone().fingerprint().finish());
    let answer = Message::parse(&with[0]).expect("a message");
    assert!(answer.has_fingerprint() && answer.is_intact());
    let without = lab.say(tuple(1, Transport::Udp), &request.clone().finish());
    assert!(!Message::parse(&without[0]).expect("a message").has_fingerprint());
    let mut wrong = request.fingerprint().finish();
    *wrong.last_mut().expect("bytes") ^= 1;
    assert!(lab.say(tuple(1, Transport::Udp), &wrong).is_empty());
    assert_eq!(lab.server.statistics().malformed, 1);
}
