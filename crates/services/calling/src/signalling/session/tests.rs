//! Bounds of a session.

use trunkline_calling_wire::client::OfLeg;
use trunkline_kernel::{ResourceId, Secret, Timestamp};
use trunkline_web::Principal;
use trunkline_web::principal::AccessKey;
use uuid::Uuid;

use super::*;
use crate::signalling::UNKNOWN_SESSION;

const START: Duration = Duration::from_secs(1_000);

fn session() -> Session {
    let key = || AccessKey { bytes: Secret::new(vec![1; 64]), generation: 1 };
    let resource = ResourceView {
        id: ResourceId(Uuid::from_u128(1)),
        name: "dev".parse().expect("a name"),
        keys: [key(), key()],
        origin: "https://localhost".into(),
        is_local_auth_disabled: false,
    };
    let principal = Principal::User {
        raw_id: "8:acs:x".into(),
        scopes: vec!["voip".to_owned()].into(),
        expires: Timestamp::from_seconds(1_000_000_000),
        generation: 1,
        access_key: None,
    };
    let identity = Identity {
        endpoint: EndpointId(1),
        id: "s-1".into(),
        resource: Arc::new(resource),
        user: "8:acs:x".into(),
        name: String::new(),
        agent: "tests".into(),
        wants_rings: true,
    };
    let token = HeldUntil::of(&principal).expect("the scope is there");
    Session::new(identity, [1; 32], token, START)
}

fn request(id: Option<&str>) -> Request {
    let message = ClientMessage::Hold(OfLeg { leg: "l".to_owned() });
    Request { id: id.map(str::to_owned), message }
}

fn texts(session: &Session, number: SocketNumber) -> usize {
    let mut out = Vec::new();
    session.write(number, false, &mut out);
    out.windows(4).filter(|bytes| bytes == b"\"n\":").count()
}

#[test]
fn a_client_that_acknowledges_nothing_is_given_up() {
    let session = session();
    let (number, _) = session.attach(START);
    for _ in 0..512 {
        session.say(None, "\"t\":\"x\"}".into());
    }
    assert_eq!(session.closing(number), None);
    session.say(None, "\"t\":\"x\"}".into());
    let bye = session.closing(number).map(|bye| (bye.code, bye.retry));
    assert_eq!(bye, Some((UNKNOWN_SESSION, true)));
    assert!(session.is_over());
}

#[test]
fn a_client_that_acknowledges_goes_on_for_ever() {
    let session = session();
    let (number, _) = session.attach(START);
    for said in 1..2_000 {
        session.say(None, "\"t\":\"x\"}".into());
        assert_eq!(texts(&session, number), 1);
        assert!(session.acknowledge(said));
    }
    assert_eq!(session.closing(number), None);
}

#[test]
fn requests_wait_for_their_turn_and_not_too_many() {
    let session = session();
    assert_eq!(session.enqueue(request(Some("q"))), Ok(Heard::Start));
    for _ in 1..32 {
        assert_eq!(session.enqueue(request(Some("q"))), Ok(Heard::Done));
    }
    assert_eq!(session.enqueue(request(Some("q"))).map_err(|bye| bye.code), Err(TOO_MANY));
    while session.next_request().is_some() {}
    // Taken up, but none is answered.
    assert_eq!(session.enqueue(request(Some("q"))).map_err(|bye| bye.code), Err(TOO_MANY));
    for _ in 0..32 {
        session.reply("\"t\":\"ok\"}".into());
    }
    assert_eq!(session.enqueue(request(Some("q"))), Ok(Heard::Start));
    assert!(session.next_request().is_some());
    assert_eq!(session.enqueue(request(None)), Ok(Heard::Done));
    assert!(session.next_request().is_some() && session.next_request().is_none());
    assert_eq!(session.enqueue(request(None)), Ok(Heard::Start));
}

#[test]
fn messages_come_back_at_their_rate_and_a_flood_ends_the_socket() {
    let session = session();
    let taken = (0..80).all(|_| session.take_message(START) == Ok(true));
    assert!(taken);
    let refused = (0..200).all(|_| session.take_message(START) == Ok(false));
    assert!(refused);
    assert_eq!(session.take_message(START).map_err(|bye| bye.code), Err(TOO_MANY));
    let later = START + Duration::from_millis(25);
    assert_eq!(session.take_message(later), Ok(true));
}

#[test]
fn only_the_newest_socket_is_written_to() {
    let session = session();
    let (first, _) = session.attach(START);
    session.say(None, "\"t\":\"x\"}".into());
    assert_eq!(texts(&session, first), 1);
    let resumed = session.resume(&[1; 32], 0, [2; 32], START).map(|(number, _, received)| (number, received));
    let Ok((second, received)) = resumed else { panic!("the secret is right") };
    assert_eq!(received, 0);
    assert_eq!(texts(&session, first), 0);
    assert_eq!(texts(&session, second), 1);
    assert_eq!(session.closing(first).map(|bye| bye.code), Some(RESUMED_ELSEWHERE));
    assert!(session.heard(second, START));
    // What still comes on the old one is not heard, and when it leaves, nothing changes for the new one.
    assert!(!session.heard(first, START + SILENCE_MAX));
    session.look(START + SILENCE_MAX, RESUME_FOR);
    assert_eq!(session.closing(second).map(|bye| bye.code), Some(SILENT));
    assert!(!session.detach(first, START));
    assert!(session.has_socket());
    assert!(session.detach(second, START));
    session.say_now(&"l".into(), "\"t\":\"x\"}".into());
    let (third, _) = session.attach(START);
    assert_eq!(texts(&session, third), 0, "what is fleeting is not kept");
}

#[test]
fn absence_is_told_once_and_ends_later_in_a_call() {
    let session = session();
    let (number, _) = session.attach(START);
    session.detach(number, START);
    let rejoin = Duration::from_mins(2);
    let look = |seconds| session.look(START + Duration::from_secs(seconds), rejoin);
    assert_eq!(
        [2, 3, 4, 29, 30].map(look),
        [Absence::Nothing, Absence::Lost, Absence::Nothing, Absence::Nothing, Absence::Expired]
    );
    session.add_leg("l".into());
    assert_eq!([30, 119, 120].map(look), [Absence::Nothing, Absence::Nothing, Absence::Expired]);
    session.remove_leg("l");
    assert_eq!(look(30), Absence::Expired);
}

#[test]
fn nothing_is_said_in_a_session_that_is_over() {
    let session = session();
    let (number, _) = session.attach(START);
    assert!(session.end(malformed("for a test")));
    assert!(!session.end(too_many("for a test")));
    session.say(None, "\"t\":\"x\"}".into());
    assert_eq!(texts(&session, number), 0);
    assert_eq!(session.closing(number).map(|bye| bye.code), Some(MALFORMED));
}
