//! What is read, and what is refused.

use crate::envelope::{CLIENT_BYTES_MAX, DEPTH_MAX};
use crate::{ClientMessage, ReadError, is_id, read_head};

#[test]
fn numbers_and_types_are_read_and_other_fields_left() {
    let head = read_head(r#"{"n":7,"a":3,"id":"q1","t":"call.hold","leg":"x","more":{"deep":[1]}}"#);
    let head = head.expect("a message");
    assert_eq!(
        (head.n, head.a, head.id.as_deref(), head.t.as_deref()),
        (Some(7), Some(3), Some("q1"), Some("call.hold"))
    );
}

#[test]
fn what_is_no_message_is_refused() {
    let deep = format!("{}{}", r#"{"a":"#.repeat(DEPTH_MAX + 1), "}".repeat(DEPTH_MAX + 1));
    let large = format!(r#"{{"t":"{}"}}"#, "x".repeat(CLIENT_BYTES_MAX));
    let bad_id = format!(r#"{{"n":1,"t":"call.hold","id":"{}"}}"#, "x".repeat(65));
    for text in ["", "[]", "7", "{", r#"{"n":-1}"#, r#"{"n":"1"}"#, r#"{"t":7}"#, &deep, &large, &bad_id] {
        assert!(read_head(text).is_err(), "{}", &text[..text.len().min(80)]);
    }
}

#[test]
fn braces_inside_texts_do_not_count_as_depth() {
    let text = format!(r#"{{"t":"call.text","text":"{}\\\"{}"}}"#, "{".repeat(50), "[".repeat(50));
    assert!(read_head(&text).is_ok());
}

#[test]
fn unknown_types_and_missing_fields_are_told_apart() {
    assert_eq!(ClientMessage::read("call.dance", "{}"), Err(ReadError::UnknownType));
    assert!(matches!(ClientMessage::read("call.hold", "{}"), Err(ReadError::Malformed(_))));
    assert!(matches!(ClientMessage::read("call.hold", r#"{"leg":7}"#), Err(ReadError::Malformed(_))));
}

#[test]
fn a_source_is_left_ended_or_changed() {
    let read = |text| match ClientMessage::read("media.sources", text) {
        Ok(ClientMessage::Sources(sources)) => sources.sources,
        other => panic!("{other:?}"),
    };
    let sources = read(r#"{"leg":"l","screen":null}"#);
    assert_eq!((sources.camera, sources.screen), (None, Some(None)));
    let sources = read(r#"{"leg":"l","camera":{"width":640,"height":360,"layers":2}}"#);
    assert_eq!(sources.camera.flatten().map(|size| (size.width, size.height)), Some((640, 360)));
}

#[test]
fn ids_are_short_and_plain() {
    for good in ["a", "6f0c-1_Z", &"x".repeat(64)] {
        assert!(is_id(good), "{good}");
    }
    for bad in ["", "a b", "a.b", "é", "8:acs:x", &"x".repeat(65)] {
        assert!(!is_id(bad), "{bad}");
    }
}
