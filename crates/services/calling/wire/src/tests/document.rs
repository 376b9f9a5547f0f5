//! Every example of `docs/signalling.md` is a message, and means the same when it is written again.

use serde_json::Value;

use crate::{ClientMessage, ServerMessage, read_head};

const DOCUMENT: &str = include_str!("../../../../../../docs/signalling.md");

/// The messages of all blocks, by who says them: `→` or `←`.
fn examples() -> Vec<(char, String)> {
    let mut examples: Vec<(char, String)> = Vec::new();
    let mut is_inside = false;
    for line in DOCUMENT.lines() {
        if line.starts_with("```") {
            is_inside = line == "```json";
        } else if !is_inside {
            // Prose.
        } else if let Some(text) = line.strip_prefix(['→', '←']) {
            examples.push((line.chars().next().expect("it has a prefix"), text.trim().to_owned()));
        } else {
            let (_, text) = examples.last_mut().expect("a block begins with an arrow");
            text.push_str(line.trim());
        }
    }
    examples
}

#[test]
fn every_example_of_a_client_is_read_and_written_again() {
    let mut kinds = Vec::new();
    for (_, text) in examples().iter().filter(|(who, _)| *who == '→') {
        // Ids in the document are cut short.
        let plain = text.replace('…', "");
        let head = read_head(&plain).unwrap_or_else(|why| panic!("{text}: {why}"));
        let Some(kind) = head.t else { continue };
        let message = ClientMessage::read(&kind, &plain).unwrap_or_else(|why| panic!("{text}: {why:?}"));
        assert_eq!(message.name(), kind);
        let written = serde_json::to_value(&message).expect("messages serialize");
        assert_contains(&written, &plain, &["n", "a", "id"]);
        kinds.push(kind);
    }
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.len() >= 20, "{kinds:?}");
}

#[test]
fn every_example_of_the_server_is_read_and_written_again() {
    let mut count = 0;
    for (_, text) in examples().iter().filter(|(who, _)| *who == '←') {
        let message: ServerMessage = serde_json::from_str(text).unwrap_or_else(|why| panic!("{text}: {why}"));
        let written = serde_json::to_value(&message).expect("messages serialize");
        assert_contains(&written, text, &["n", "a", "re", "leg"]);
        count += 1;
    }
    assert!(count >= 25, "{count}");
}

/// Whatever the example says is there again, besides fields outside the message.
fn assert_contains(written: &Value, text: &str, outside: &[&str]) {
    let example: Value = serde_json::from_str(text).expect("JSON");
    for (name, value) in example.as_object().expect("an object") {
        if written.get(name).is_none() && outside.contains(&name.as_str()) {
            continue;
        }
        assert_same(written.get(name), value, text, name);
    }
}

/// Empty objects, empty lists and `false` may be left out.
fn assert_same(written: Option<&Value>, example: &Value, text: &str, name: &str) {
    match (written, example) {
        (Some(Value::Object(written)), Value::Object(example)) => {
            for (name, value) in example {
                assert_same(written.get(name), value, text, name);
            }
        }
        (Some(Value::Array(written)), Value::Array(example)) => {
            assert_eq!(written.len(), example.len(), "{name} in {text}");
            for (written, value) in written.iter().zip(example) {
                assert_same(Some(written), value, text, name);
            }
        }
        (None, Value::Bool(false)) => {}
        (None, Value::Array(list)) if list.is_empty() => {}
        (None, Value::Object(fields)) if fields.is_empty() => {}
        (written, example) => assert_eq!(written, Some(example), "{name} in {text}"),
    }
}
