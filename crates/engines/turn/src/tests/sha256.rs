//! Passwords shown by SHA-256 (RFC 8489 §9.2), beside clients that know nothing of it.

use super::bytes::unhex;
use super::network::{Caller, EPOCH_S, Lab, refusal, secret};
use crate::client::Event;
use crate::stun::{
    Attribute, Class, IntegrityKey, Message, Method, TransactionId, Writer, long_term_key_sha256, user_hash,
};
use crate::{Client, Credentials, Now, Why};

/// RFC 8489 appendix B.1 as erratum 6268 puts it right.
const REQUEST: &str = "000100902112a44278ad3433c6ad72c029da412e\
     001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704\
     001500296f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c394653547679363473410000\
     000014000b6578616d706c652e6f726700\
     001d000400020000\
     001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65";
const NAME: &str = "マトリックス";

fn modern(user: &str, number: u16) -> Caller {
    let credentials = Credentials::issue(&secret(), user, EPOCH_S + 1_000 + 3_600);
    Caller { client: Client::with_sha256(credentials), ..Caller::new(user, number) }
}

#[test]
fn the_vector_of_rfc_8489_is_read_and_written() {
    let bytes = unhex(REQUEST);
    let message = Message::parse(&bytes).expect("a message");
    let key = IntegrityKey::sha256(&long_term_key_sha256(NAME, "example.org", "TheMatrIX"));
    assert!(message.has_sha256() && message.has_integrity() && message.is_made_by(&key));
    assert!(!message.is_made_by(&IntegrityKey::sha256(b"another")));
    assert!(!message.is_made_by(&IntegrityKey::new(b"of the other attribute")));
    let hash = user_hash(NAME, "example.org");
    let read: Vec<_> = message.attributes().collect();
    assert_eq!(read[0], Attribute::UserHash(hash));
    assert_eq!(read[3], Attribute::PasswordAlgorithm(&[0, 2, 0, 0]));
    let mut id = [0; 12];
    id.copy_from_slice(&bytes[8..20]);
    let written = Writer::new(Method::Binding, Class::Request, TransactionId(id))
        .user_hash(hash)
        .nonce("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA")
        .realm("example.org")
        .password_algorithm(&[0, 2, 0, 0])
        .integrity(&key)
        .finish();
    assert_eq!(written, bytes);
}

#[test]
fn a_changed_or_shortened_code_is_nobodys() {
    let key = IntegrityKey::sha256(&long_term_key_sha256(NAME, "example.org", "TheMatrIX"));
    for at in [24, 60, 120, 160] {
        let mut bytes = unhex(REQUEST);
        bytes[at] ^= 1;
        let message = Message::parse(&bytes);
        assert!(!message.is_ok_and(|message| message.is_made_by(&key)), "byte {at}");
    }
    let short = Writer::new(Method::Binding, Class::Request, TransactionId([1; 12]));
    let bytes = short.attribute(0x001C, &[0; 16]).finish();
    assert!(!Message::parse(&bytes).expect("a message").is_made_by(&key));
}

#[test]
fn a_client_that_can_shows_its_password_by_sha_256_and_is_answered_alike() {
    let mut lab = Lab::new();
    let mut alice = modern("a.alice", 1);
    alice.allocate(&mut lab);
    let request = alice.client.refresh(600);
    assert!(Message::parse(&request).expect("a message").has_sha256());
    let answers = lab.say(alice.tuple, &request);
    assert!(Message::parse(&answers[0]).expect("a message").has_sha256());
    assert_eq!(alice.client.handle(&answers[0]), Event::Done(Method::Refresh));
    let mut bob = Caller::new("a.bob", 2);
    bob.allocate(&mut lab);
    let request = bob.client.refresh(600);
    let answers = lab.say(bob.tuple, &request);
    assert!(
        !Message::parse(&answers[0]).expect("a message").has_sha256(),
        "an old client gets what it knows"
    );
}

#[test]
fn a_wrong_password_by_sha_256_is_refused() {
    let mut lab = Lab::new();
    let other = trunkline_kernel::Secret::new(b"another secret".to_vec());
    let client = Client::with_sha256(Credentials::issue(&other, "a.alice", EPOCH_S + 5_000));
    let mut caller = Caller { client, ..Caller::new("a.alice", 1) };
    assert_eq!(caller.ask(&mut lab, Client::allocate), Event::Refused(Method::Allocate, 401));
    assert_eq!(lab.server.statistics().refused_for(Why::WrongCredential), 1);
}

#[test]
fn a_challenge_that_lost_its_algorithms_on_the_way_is_not_believed() {
    let mut lab = Lab::new();
    let mut alice = modern("a.alice", 1);
    let request = alice.client.allocate();
    let challenge = lab.say(alice.tuple, &request).remove(0);
    let read = Message::parse(&challenge).expect("a message");
    let mut without =
        Writer::new(Method::Allocate, Class::Error, read.transaction).error(401, "Unauthorized");
    for attribute in read.attributes() {
        match attribute {
            Attribute::Realm(value) => without = without.attribute(0x0014, value),
            Attribute::Nonce(value) => without = without.attribute(0x0015, value),
            _ => {}
        }
    }
    assert_eq!(alice.client.handle(&without.finish()), Event::Ignored);
    assert_eq!(alice.client.handle(&challenge), Event::Challenged);
}

#[test]
fn a_request_has_to_repeat_the_algorithms_it_was_offered() {
    type Change = fn(Writer) -> Writer;
    let offered = |message: Writer| message.password_algorithms(&[0, 2, 0, 0, 0, 1, 0, 0]);
    let cases: [(&str, Change); 5] = [
        ("only the one", |message| message.password_algorithm(&[0, 2, 0, 0])),
        ("only all", offered),
        ("fewer", |message| message.password_algorithms(&[0, 1, 0, 0]).password_algorithm(&[0, 1, 0, 0])),
        ("unknown", |message| {
            message.password_algorithms(&[0, 2, 0, 0, 0, 1, 0, 0]).password_algorithm(&[0, 3, 0, 0])
        }),
        ("no number", |message| {
            message.password_algorithms(&[0, 2, 0, 0, 0, 1, 0, 0]).password_algorithm(&[])
        }),
    ];
    for (name, change) in cases {
        let mut lab = Lab::new();
        // An old client, so that it adds none of its own.
        let mut alice = Caller::new("a.alice", 1);
        let refused = alice.ask(&mut lab, |client| {
            client.request(Method::Allocate, |message| change(message.transport(17)))
        });
        assert_eq!(refused, Event::Refused(Method::Allocate, 400), "{name}");
        assert!(lab.wire.open.is_empty(), "{name}");
    }
    // MD5, named as such.
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    let event = alice.ask(&mut lab, |client| {
        client.request(Method::Allocate, |message| {
            message
                .transport(17)
                .password_algorithms(&[0, 2, 0, 0, 0, 1, 0, 0])
                .password_algorithm(&[0, 1, 0, 0])
        })
    });
    assert!(matches!(event, Event::Allocated { .. }), "{event:?}");
}

#[test]
fn a_nonce_whose_features_were_changed_is_stale() {
    let mut lab = Lab::new();
    let mut alice = Caller::new("a.alice", 1);
    alice.allocate(&mut lab);
    let request = alice.client.refresh(600);
    let place = request.windows(13).position(|bytes| bytes == b"obMatJos2AAAB").expect("the cookie");
    let mut changed = request.clone();
    changed[place + 12] = b'A';
    assert_eq!(refusal(&lab.say(alice.tuple, &changed)[0]), (Method::Refresh, 438));
    assert_eq!(alice.tell(&mut lab, &request), Event::Done(Method::Refresh));
}

#[test]
fn a_hidden_name_is_asked_for_openly() {
    let mut lab = Lab::new();
    let mut alice = modern("a.alice", 1);
    alice.allocate(&mut lab);
    let nonce = {
        let request = alice.client.refresh(600);
        let message = Message::parse(&request).expect("a message");
        let nonce = message.attributes().find_map(|attribute| match attribute {
            Attribute::Nonce(nonce) => Some(String::from_utf8_lossy(nonce).into_owned()),
            _ => None,
        });
        nonce.expect("a nonce")
    };
    let key = IntegrityKey::sha256(b"any");
    let request = Writer::new(Method::Refresh, Class::Request, TransactionId([7; 12]))
        .user_hash(user_hash("a.alice", "trunkline.test"))
        .realm("trunkline.test")
        .nonce(&nonce)
        .integrity(&key)
        .finish();
    assert_eq!(refusal(&lab.say(alice.tuple, &request)[0]), (Method::Refresh, 401));
    lab.wait(Now::from_secs(1));
    assert_eq!(lab.wire.open.len(), 1);
}
