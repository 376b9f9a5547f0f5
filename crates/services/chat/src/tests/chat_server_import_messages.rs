//! `ChatServer_ImportMessages`.

use serde_json::{Value, json};
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::harness::{ADA, BOB, EVE, SLICES, World, at, identifier, participant, text};
use super::server_calls::{
    expect_conflict, import_at, message_from_elsewhere as message, server_at, thread_from_elsewhere,
};

on_both_engines!(SLICES;
    messages_keep_their_ids_times_and_senders,
    system_messages_are_told_as_they_were,
    html_is_cleaned_and_attachments_are_left_out,
    deleted_messages_say_nothing,
    newer_versions_replace_older_ones,
    answers_and_names_come_along,
    whoever_is_erased_or_left_out_is_named_no_more,
    receipts_come_along,
    an_erased_person_leaves_room_for_what_is_still_to_come,
    the_last_ones_open_the_thread,
    into_an_open_thread_nothing_more_is_put,
    a_broken_batch_changes_nothing,
    places_are_given_once,
    what_was_imported_can_be_found,
    batches_are_bounded,
    other_credentials_import_nothing,
);

const ID: &str = "19:kKz6x5zYJXNdLxCnbJ1@thread.v2";

/// A world with a thread of Ada and Bob that is being imported.
async fn importing(store: TestStore) -> World {
    let world = World::new(store).await;
    let body = thread_from_elsewhere(&[participant(ADA), participant(BOB)]);
    world.serve(Call::new("PUT", import_at(ID, "")).json(&body)).await.expect(200);
    world
}

async fn import(world: &World, messages: &[Value], is_last: bool) -> Answer {
    let body = json!({ "messages": messages, "isLast": is_last });
    world.serve(Call::post(import_at(ID, "/messages:import")).json(&body)).await
}

fn counts(added: u32, updated: u32, unchanged: u32, is_importing: bool) -> Value {
    json!({
        "added": added, "updated": updated, "unchanged": unchanged, "readReceipts": 0,
        "attachmentsLeftOut": 0, "isImporting": is_importing,
    })
}

async fn listed(world: &World) -> Vec<Value> {
    let page = world.serve(Call::get(server_at(ID, "/messages"))).await.expect(200).body;
    page["value"].as_array().expect("a page").clone()
}

async fn messages_keep_their_ids_times_and_senders(store: TestStore) {
    let world = importing(store).await;
    let mut edited = message(1, EVE, "edited");
    edited["sequenceId"] = json!("9");
    edited["version"] = json!("1714558000000");
    edited["editedOn"] = json!("2024-05-01T10:06:40.000Z");
    edited["metadata"] = json!({ "a": "b" });
    let second = message(2, BOB, "second");
    let done = import(&world, &[second.clone(), edited.clone()], false).await.expect(200);
    assert_eq!(done.body, counts(2, 0, 0, true));
    // The edited one is at the front, as it was.
    assert_eq!(listed(&world).await, [edited, second]);
    assert_eq!(world.event_kinds().await, Vec::<String>::new());
    assert_eq!(world.usage().await, []);
    let detail = json!({ "added": 2, "updated": 0, "readReceipts": 0, "isLast": false });
    let row = ("ChatServer_ImportMessages".to_owned(), ID.to_owned(), detail);
    assert_eq!(world.audited().await[1..], [row]);
}

async fn system_messages_are_told_as_they_were(store: TestStore) {
    let world = importing(store).await;
    let told = |sequence: u32, kind: &str, content: Value| {
        let mut told = message(sequence, ADA, "");
        for name in ["senderDisplayName", "senderCommunicationIdentifier"] {
            told.as_object_mut().expect("an object").remove(name);
        }
        told["type"] = json!(kind);
        told["content"] = content;
        told
    };
    let somebody = json!({
        "communicationIdentifier": { "rawId": "8:orgid:gone" }, "displayName": "Gone",
        "shareHistoryTime": "1970-01-01T00:00:00.000Z",
    });
    let topic = json!({ "topic": "Old", "initiatorCommunicationIdentifier": identifier(ADA) });
    let people = json!({ "participants": [somebody], "initiatorCommunicationIdentifier": identifier(ADA) });
    let sent = [
        told(3, "participantRemoved", people.clone()),
        told(2, "topicUpdated", topic),
        told(1, "participantAdded", people),
    ];
    import(&world, &sent, true).await.expect(200);
    let seen = world.messages(BOB, ID).await;
    assert_eq!(seen[1], sent[1]);
    for (index, kind) in [(0, "participantRemoved"), (2, "participantAdded")] {
        assert_eq!(seen[index]["type"], json!(kind));
        let told = &seen[index]["content"]["participants"][0];
        assert_eq!(told["communicationIdentifier"]["rawId"], json!("8:orgid:gone"));
        assert_eq!(told["displayName"], json!("Gone"));
    }
    // Whoever sent or did something before need not be a user here.
    assert_eq!(world.participants(ADA, ID).await.len(), 2);
}

async fn html_is_cleaned_and_attachments_are_left_out(store: TestStore) {
    let world = importing(store).await;
    let mut html = message(1, ADA, "<b onclick=x>x</b><script>y</script>");
    html["type"] = json!("html");
    html["content"]["attachments"] = json!([{ "id": "1", "attachmentType": "image" }, { "some": "other" }]);
    let mut picture = message(2, ADA, "");
    picture["content"]["attachments"] = json!([{ "id": "2", "attachmentType": "image", "url": "x" }]);
    let done = import(&world, &[html, picture], false).await.expect(200).body;
    assert_eq!((&done["added"], &done["attachmentsLeftOut"]), (&json!(2), &json!(3)));
    let seen = listed(&world).await;
    assert_eq!(seen[1]["content"], json!({ "message": "<b>x</b>" }));
    assert_eq!(seen[0]["content"], json!({ "message": "" }));
}

async fn deleted_messages_say_nothing(store: TestStore) {
    let world = importing(store).await;
    let mut deleted = message(1, ADA, "canary");
    deleted["deletedOn"] = json!("2024-05-01T10:06:40.000Z");
    deleted["metadata"] = json!({ "a": "canary" });
    deleted.as_object_mut().expect("an object").remove("version");
    import(&world, &[deleted], false).await.expect(200);
    let seen = &listed(&world).await[0];
    assert_eq!((&seen["content"], seen.get("metadata")), (&json!({ "message": "" }), None));
    assert_eq!(
        (&seen["deletedOn"], &seen["version"]),
        (&json!("2024-05-01T10:06:40.000Z"), &json!("1714558000000"))
    );
    let canaries = "chat_messages WHERE body = 'canary' OR metadata LIKE '%canary%'";
    assert_eq!((world.app.count(canaries).await, world.app.count("chat_words").await), (0, 0));
}

async fn newer_versions_replace_older_ones(store: TestStore) {
    let world = importing(store).await;
    let (first, second) = (message(1, ADA, "first"), message(2, BOB, "second"));
    import(&world, &[first.clone(), second.clone()], false).await.expect(200);
    let mut edited = first.clone();
    edited["content"]["message"] = json!("edited elsewhere meanwhile");
    edited["version"] = json!("1714558000000");
    edited["sequenceId"] = json!("3");
    edited["editedOn"] = json!("2024-05-01T10:06:40.000Z");
    let done = import(&world, &[edited.clone(), second.clone()], false).await.expect(200);
    assert_eq!(done.body, counts(0, 1, 1, true));
    assert_eq!(listed(&world).await, [edited.clone(), second.clone()]);
    // An older state does not come back.
    assert_eq!(import(&world, &[first], false).await.expect(200).body, counts(0, 0, 1, true));
    assert_eq!(listed(&world).await, [edited, second]);
    assert_eq!(world.audited().await.len(), 3);
}

async fn answers_and_names_come_along(store: TestStore) {
    let world = importing(store).await;
    let first = message(1, ADA, "question");
    let mut answer = message(2, BOB, "answer @Ada @Eve");
    answer["replyTo"] = first["id"].clone();
    let ada = json!({ "identifier": identifier(ADA), "text": "@Ada" });
    answer["mentions"] = json!([ada, { "identifier": identifier(EVE), "text": "@Eve" }]);
    import(&world, &[first.clone(), answer], true).await.expect(200);
    let seen = &listed(&world).await[0];
    // Eve does not take part.
    assert_eq!((&seen["replyTo"], &seen["mentions"]), (&first["id"], &json!([ada])));
}

async fn whoever_is_erased_or_left_out_is_named_no_more(store: TestStore) {
    let world = World::new(store).await;
    let people = [ADA, BOB, EVE].map(participant);
    world.serve(Call::new("PUT", import_at(ID, "")).json(&thread_from_elsewhere(&people))).await.expect(200);
    let mut naming = message(1, ADA, "all of you");
    let named = |number: u32| json!({ "identifier": identifier(number), "text": format!("@canary{number}") });
    naming["mentions"] = json!([named(ADA), named(BOB), named(EVE)]);
    import(&world, &[naming], false).await.expect(200);
    super::chat_server_erase_person::erase(&world, BOB).await.expect(202);
    super::chat_server_erase_person::run_erasures(&world).await;
    assert_eq!(listed(&world).await[0]["mentions"], json!([named(ADA), named(EVE)]));
    let body = thread_from_elsewhere(&people[..1]);
    world.serve(Call::new("PUT", import_at(ID, "")).json(&body)).await.expect(200);
    import(&world, &[], true).await.expect(200);
    assert_eq!(listed(&world).await[0]["mentions"], json!([named(ADA)]));
}

async fn receipts_come_along(store: TestStore) {
    let world = importing(store).await;
    let (first, second) = (message(1, ADA, "first"), message(2, ADA, "second"));
    let receipt = |number: u32, message: &Value| {
        json!({
            "senderCommunicationIdentifier": identifier(number), "chatMessageId": message["id"],
            "readOn": "2024-05-01T10:10:00.000Z",
        })
    };
    let import_read = async |receipts: &[Value], is_last: bool| {
        let body = json!({ "messages": [first, second], "readReceipts": receipts, "isLast": is_last });
        let call = Call::post(import_at(ID, "/messages:import")).json(&body);
        world.serve(call).await
    };
    // Eve does not take part; an older receipt does not go back behind a newer one.
    let receipts = [receipt(BOB, &second), receipt(EVE, &second)];
    let done = import_read(&receipts, false).await.expect(200);
    assert_eq!((&done.body["added"], &done.body["readReceipts"]), (&json!(2), &json!(1)));
    let done = import_read(&[receipt(BOB, &first)], true).await.expect(200);
    assert_eq!(done.body["readReceipts"], json!(0));
    let expected = json!([receipt(BOB, &second)]);
    let seen = world.call(ADA, Call::get(at(ID, "/readReceipts"))).await.expect(200).body;
    assert_eq!(seen["value"], expected);
    // Once the thread is open, only its participants say what they have read.
    let late = import_read(&[receipt(ADA, &second)], false).await.expect(200);
    assert_eq!(late.body["readReceipts"], json!(0));
    let seen = world.call(ADA, Call::get(at(ID, "/readReceipts"))).await.expect(200).body;
    assert_eq!(seen["value"], expected);
    assert_eq!(world.event_kinds().await, Vec::<String>::new());
    for (bad, target) in [
        (
            json!([{ "senderCommunicationIdentifier": {}, "chatMessageId": "1", "readOn": "2024-05-01T10:10:00Z" }]),
            "readReceipts[0].senderCommunicationIdentifier",
        ),
        (json!([receipt(ADA, &json!({ "id": "x" }))]), "readReceipts[0].chatMessageId"),
        (json!(vec![receipt(ADA, &first); 1001]), "readReceipts"),
    ] {
        import_read(bad.as_array().expect("a list"), false).await.expect_invalid(target);
    }
}

async fn an_erased_person_leaves_room_for_what_is_still_to_come(store: TestStore) {
    let world = importing(store).await;
    let of_bob = message(2, BOB, "canary");
    import(&world, &[message(1, ADA, "first"), of_bob.clone()], false).await.expect(200);
    super::chat_server_erase_person::erase(&world, BOB).await.expect(202);
    super::chat_server_erase_person::run_erasures(&world).await;
    world.advance_ms(30_000);
    super::chat_server_erase_person::run_erasures(&world).await;
    // What comes again is older than the erasure.
    let done = import(&world, &[of_bob, message(3, ADA, "third")], true).await.expect(200);
    assert_eq!(done.body, counts(1, 0, 1, false));
    let seen = world.messages(ADA, ID).await;
    let said: Vec<_> = seen.iter().map(|one| text(&one["content"]["message"])).collect();
    assert_eq!(said, ["third", "", "first"]);
    assert!(seen[1]["deletedOn"].is_string());
    assert_eq!(world.participants(ADA, ID).await.len(), 1);
    assert_eq!(world.app.count("chat_messages WHERE body = 'canary'").await, 0);
    assert_eq!(world.app.count("chat_erasures WHERE done_at IS NULL").await, 0);
    assert_eq!(world.event_kinds().await, Vec::<String>::new());
}

async fn the_last_ones_open_the_thread(store: TestStore) {
    let world = World::new(store).await;
    let mut body = thread_from_elsewhere(&[participant(ADA), participant(BOB)]);
    body["retentionPolicy"] = json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": 3650 });
    world.serve(Call::new("PUT", import_at(ID, "")).json(&body)).await.expect(200);
    assert_eq!(import(&world, &[message(7, BOB, "x")], true).await.expect(200).body, counts(1, 0, 0, false));
    assert_eq!(world.app.count("jobs WHERE kind = 'chat.retention'").await, 1);
    assert_eq!(world.event_kinds().await, Vec::<String>::new());
    // What is said from then on comes behind.
    let id = world.send(ADA, ID, "new").await;
    let seen = world.messages(BOB, ID).await;
    assert_eq!((&seen[0]["id"], &seen[0]["sequenceId"]), (&json!(id), &json!("8")));
    assert_eq!(seen[1], message(7, BOB, "x"));
    assert_eq!(world.event_kinds().await, ["chat.message_sent"]);
    let shown = world.serve(Call::get(server_at(ID, ""))).await.expect(200).body;
    assert_eq!(shown["isImporting"], json!(false));
}

async fn into_an_open_thread_nothing_more_is_put(store: TestStore) {
    let world = importing(store).await;
    let first = message(1, ADA, "first");
    import(&world, std::slice::from_ref(&first), true).await.expect(200);
    let audited = world.audited().await.len();
    // What is there may come again: a script that was stopped starts over.
    let again = import(&world, std::slice::from_ref(&first), true).await.expect(200);
    assert_eq!(again.body, counts(0, 0, 1, false));
    expect_conflict(import(&world, &[first, message(2, ADA, "late")], true).await, "ChatThreadNotImporting");
    assert_eq!((world.messages(ADA, ID).await.len(), world.audited().await.len()), (1, audited));
    let made_here = world.thread(ADA, &[]).await;
    let body = json!({ "messages": [message(5, ADA, "x")] });
    let call = Call::post(import_at(&made_here, "/messages:import")).json(&body);
    expect_conflict(world.serve(call).await, "ChatThreadNotImporting");
}

async fn a_broken_batch_changes_nothing(store: TestStore) {
    let world = importing(store).await;
    let good = message(1, ADA, "good");
    import(&world, std::slice::from_ref(&good), false).await.expect(200);
    let with = |name: &str, value: Value| {
        let mut bad = message(3, BOB, "bad");
        bad[name] = value;
        bad
    };
    for (bad, target) in [
        (with("id", json!("x")), "messages[1].id"),
        (with("id", json!("99999999999999")), "messages[1].id"),
        (with("id", message(2, ADA, "")["id"].clone()), "messages[1].id"),
        (with("version", json!("-1")), "messages[1].version"),
        (with("sequenceId", json!("0")), "messages[1].sequenceId"),
        (with("sequenceId", json!("1234567890123")), "messages[1].sequenceId"),
        (with("sequenceId", json!("x")), "messages[1].sequenceId"),
        (with("createdOn", json!("2999-01-01T00:00:00Z")), "messages[1].createdOn"),
        (with("editedOn", json!("2999-01-01T00:00:00Z")), "messages[1].editedOn"),
        (with("senderCommunicationIdentifier", json!({})), "messages[1].senderCommunicationIdentifier"),
        (with("senderCommunicationIdentifier", Value::Null), "messages[1].senderCommunicationIdentifier"),
        (with("senderDisplayName", json!("x".repeat(257))), "messages[1].senderDisplayName"),
        (with("metadata", json!({ "a": "x".repeat(8192) })), "messages[1].metadata"),
        (with("replyTo", json!("x")), "messages[1].replyTo"),
        (with("mentions", json!([{ "identifier": {}, "text": "x" }])), "messages[1].mentions"),
        (with("type", json!("unknown")), "body"),
        (with("createdOn", json!("yesterday")), "body"),
    ] {
        let refused = import(&world, &[message(2, ADA, "new"), bad], true).await;
        refused.expect_invalid(target);
    }
    let large = with("content", json!({ "message": "x".repeat(28 * 1024 + 1) }));
    let refused = import(&world, &[message(2, ADA, "new"), large], true).await;
    let refused = refused.expect_error(413, "MessageSizeExceeded");
    assert_eq!(refused.body["error"]["target"], json!("messages[1].content"));
    assert_eq!(listed(&world).await, [good]);
    assert_eq!(world.audited().await.len(), 2);
    let shown = world.serve(Call::get(server_at(ID, ""))).await.expect(200).body;
    assert_eq!(shown["isImporting"], json!(true));
}

async fn places_are_given_once(store: TestStore) {
    let world = importing(store).await;
    let first = message(1, ADA, "first");
    import(&world, std::slice::from_ref(&first), false).await.expect(200);
    let mut other = message(2, BOB, "other");
    other["sequenceId"] = json!("1");
    import(&world, &[message(3, ADA, "new"), other], false).await.expect_invalid("sequenceId");
    let mut twin = message(5, BOB, "twin");
    twin["sequenceId"] = json!("4");
    import(&world, &[message(4, ADA, "new"), twin], false).await.expect_invalid("sequenceId");
    assert_eq!(listed(&world).await, [first]);
}

async fn what_was_imported_can_be_found(store: TestStore) {
    let world = importing(store).await;
    let found = message(1, ADA, "a pelican");
    import(&world, &[found.clone(), message(2, BOB, "a swan")], true).await.expect(200);
    let answer = world.call(BOB, Call::get("/trunkline/chat/search?q=pelican")).await.expect(200);
    let ids: Vec<_> = answer.body["value"]
        .as_array()
        .expect("a page")
        .iter()
        .map(|one| text(&one["message"]["id"]))
        .collect();
    assert_eq!(ids, [text(&found["id"])]);
}

async fn batches_are_bounded(store: TestStore) {
    let world = importing(store).await;
    let many: Vec<_> = (1..=201).map(|sequence| message(sequence, ADA, "x")).collect();
    import(&world, &many, false).await.expect_invalid("messages");
    let done = import(&world, &many[..200], false).await.expect(200);
    assert_eq!(done.body, counts(200, 0, 0, true));
    // A full batch of the longest messages goes through.
    let long: Vec<_> = (301..501).map(|sequence| message(sequence, ADA, &"x".repeat(28 * 1024))).collect();
    assert_eq!(import(&world, &long, false).await.expect(200).body["added"], json!(200));
    let unknown = Call::post(import_at("19:unknown@thread.v2", "/messages:import")).json(&json!({}));
    world.serve(unknown).await.expect_error(404, "NotFound");
}

async fn other_credentials_import_nothing(store: TestStore) {
    let world = importing(store).await;
    let body = json!({ "messages": [message(1, ADA, "x")], "isLast": true });
    let call = Call::post(import_at(ID, "/messages:import")).json(&body);
    world.refuses_other_resources(&call, true).await;
    world.call(ADA, Call::get(at(ID, ""))).await.expect_error(404, "NotFound");
    assert_eq!(listed(&world).await.len(), 0);
}
