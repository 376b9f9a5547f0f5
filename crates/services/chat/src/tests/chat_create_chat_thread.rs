//! `Chat_CreateChatThread`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, app, on_both_engines};

use super::harness::{
    ADA, BOB, EVE, SLICES, World, at, date, identifier, participant, raw_id, raw_id_in, text, threads, token,
    url,
};

on_both_engines!(SLICES;
    a_thread_has_its_creator_and_the_named,
    its_first_messages_tell_who_is_there_and_what_it_is_about,
    a_creator_may_be_alone,
    who_cannot_take_part_is_listed,
    a_repeated_request_makes_one_thread,
    participants_are_bounded,
    bad_requests_make_nothing,
    earlier_versions_know_less,
    only_the_whole_scope_makes_threads,
    acs_limits_apply_to_each_user,
);

async fn create(world: &World, body: &Value) -> Answer {
    world.call(ADA, Call::post(threads()).json(body)).await
}

async fn a_thread_has_its_creator_and_the_named(store: TestStore) {
    let world = World::new(store).await;
    let now = world.now();
    let mut ada = participant(ADA);
    ada["displayName"] = json!("Ada");
    let mut bob = participant(BOB);
    bob["displayName"] = json!("Bob");
    bob["shareHistoryTime"] = json!("2020-06-06T05:55:41Z");
    bob["metadata"] = json!({ "role": "guest" });
    let body = json!({
        "topic": "Lunch",
        "participants": [bob, ada],
        "metadata": { "case": "7" },
        "retentionPolicy": { "kind": "threadCreationDate", "deleteThreadAfterDays": 60 },
    });
    let made = create(&world, &body).await.expect(201);
    let id = text(&made.body["chatThread"]["id"]);
    assert!(id.starts_with("19:") && id.ends_with("1@thread.v2"), "{id}");
    let thread = json!({
        "id": id,
        "topic": "Lunch",
        "createdOn": date(now),
        "createdByCommunicationIdentifier": identifier(ADA),
        "metadata": { "case": "7" },
        "retentionPolicy": { "kind": "threadCreationDate", "deleteThreadAfterDays": 60 },
    });
    assert_eq!(made.body, json!({ "chatThread": thread }));
    assert_eq!(made.header("location"), url(&id));
    let people = world.participants(BOB, &id).await;
    let expected = json!([
        {
            "communicationIdentifier": identifier(ADA), "displayName": "Ada",
            "shareHistoryTime": "1970-01-01T00:00:00.000Z",
        },
        {
            "communicationIdentifier": identifier(BOB), "displayName": "Bob",
            "shareHistoryTime": "2020-06-06T05:55:41.000Z", "metadata": { "role": "guest" },
        },
    ]);
    assert_eq!(Value::from(people), expected);
    let events = world.app.events().await;
    let event = json!({
        "resource": world.resources.view("dev").id.to_string(), "kind": "chat.thread_created", "subject": id,
        "payload": { "thread": 1, "change": 1 },
    });
    assert_eq!(events, [event]);
    assert_eq!(world.usage().await, []);
}

async fn its_first_messages_tell_who_is_there_and_what_it_is_about(store: TestStore) {
    let world = World::new(store).await;
    let (now, now_ms) = (world.now(), world.now_ms());
    let id = world.thread(ADA, &[BOB]).await;
    let messages = world.messages(BOB, &id).await;
    let person = |number| json!({ "communicationIdentifier": identifier(number), "shareHistoryTime": "1970-01-01T00:00:00.000Z" });
    let expected = json!([
        {
            "id": (now_ms + 1).to_string(), "type": "topicUpdated", "sequenceId": "2",
            "version": (now_ms + 1).to_string(), "createdOn": date(now),
            "content": { "topic": "Lunch", "initiatorCommunicationIdentifier": identifier(ADA) },
        },
        {
            "id": now_ms.to_string(), "type": "participantAdded", "sequenceId": "1",
            "version": now_ms.to_string(), "createdOn": date(now),
            "content": {
                "participants": [person(ADA), person(BOB)],
                "initiatorCommunicationIdentifier": identifier(ADA),
            },
        },
    ]);
    assert_eq!(Value::from(messages), expected);
}

async fn a_creator_may_be_alone(store: TestStore) {
    let world = World::new(store).await;
    for people in [json!(null), json!([]), json!([participant(ADA)])] {
        let made = create(&world, &json!({ "topic": "x", "participants": people })).await.expect(201);
        let id = text(&made.body["chatThread"]["id"]);
        assert_eq!(world.participants(ADA, &id).await.len(), 1);
        assert_eq!(world.messages(ADA, &id).await.len(), 2);
        assert_eq!(made.body["chatThread"]["retentionPolicy"], json!({ "kind": "none" }));
    }
}

async fn who_cannot_take_part_is_listed(store: TestStore) {
    let world = World::new(store).await;
    world.users.add("8:orgid:teams");
    let named = |raw_id: &str| json!({ "communicationIdentifier": { "rawId": raw_id } });
    let people = json!([
        participant(BOB),
        named(&raw_id(500)),
        named(&raw_id_in(2, BOB)),
        named("8:orgid:teams"),
        named("8:orgid:stranger"),
        named("4:+14255550123"),
        named("28:orgid:bot"),
    ]);
    let made = create(&world, &json!({ "topic": "x", "participants": people })).await.expect(201);
    let refused = |target: &str, code: &str, message: &str| json!({ "target": target, "code": code, "message": message });
    let forbidden = |target: &str| refused(target, "403", "Permissions check failed");
    let expected = json!([
        refused(&raw_id(500), "404", "Not found"),
        forbidden(&raw_id_in(2, BOB)),
        forbidden("8:orgid:stranger"),
        forbidden("4:+14255550123"),
        forbidden("28:orgid:bot"),
    ]);
    assert_eq!(made.body["invalidParticipants"], expected);
    let id = text(&made.body["chatThread"]["id"]);
    let people = world.participants(ADA, &id).await;
    let ids: Vec<_> = people.iter().map(|p| p["communicationIdentifier"]["rawId"].clone()).collect();
    assert_eq!(ids, [json!(raw_id(ADA)), json!(raw_id(BOB)), json!("8:orgid:teams")]);
}

async fn a_repeated_request_makes_one_thread(store: TestStore) {
    let world = World::new(store).await;
    let body = json!({ "topic": "x", "participants": [participant(BOB), participant(500)] });
    let ask = |by: u32, id: &'static str, body: &Value| {
        let call = Call::post(threads()).json(body).header("repeatability-request-id", id);
        world.call(by, call)
    };
    let first = ask(ADA, "one", &body).await.expect(201);
    world.advance_ms(5000);
    let second = ask(ADA, "one", &body).await.expect(201);
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("location"), first.header("location"));
    assert_eq!(world.app.count("chat_threads").await, 1);
    assert_eq!(world.app.events().await.len(), 1);
    let other_body = ask(ADA, "one", &json!({ "topic": "y" })).await;
    other_body.expect_invalid("repeatability-request-id");
    ask(ADA, "two", &body).await.expect(201);
    ask(BOB, "one", &body).await.expect(201);
    assert_eq!(world.app.count("chat_threads").await, 3);
    let long: &'static str = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    ask(ADA, long, &body).await.expect_invalid("repeatability-request-id");
}

async fn participants_are_bounded(store: TestStore) {
    let world = World::with(store, LimitSet::Generous, |settings| settings.participants_max = 3).await;
    let people = |count: u32| {
        let people: Vec<Value> = (2..2 + count).map(participant).collect();
        json!({ "topic": "x", "participants": people })
    };
    create(&world, &people(2)).await.expect(201);
    create(&world, &people(3)).await.expect_error(400, "ThreadParticipantLimitExceeded");
    // Those who cannot take part need no place.
    let named = json!([participant(BOB), participant(EVE), participant(500)]);
    create(&world, &json!({ "topic": "x", "participants": named })).await.expect(201);
    create(&world, &people(201)).await.expect_invalid("participants");
    assert_eq!(world.app.count("chat_threads").await, 2);
}

async fn bad_requests_make_nothing(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    let policy = |policy: Value| json!({ "topic": "x", "retentionPolicy": policy });
    let days = |days: i64| policy(json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": days }));
    let named = |identifier: Value| json!({ "topic": "x", "participants": [{ "communicationIdentifier": identifier }] });
    let two = json!({ "communicationUser": { "id": raw_id(BOB) }, "phoneNumber": { "value": "+1" } });
    for (number, (body, target)) in [
        (json!({}), "body"),
        (json!({ "topic": null }), "body"),
        (json!({ "topic": " " }), "topic"),
        (json!({ "topic": "x".repeat(1001) }), "topic"),
        (json!({ "topic": "x", "metadata": { "a": "x".repeat(1024) } }), "metadata"),
        (json!({ "topic": "x", "metadata": { "a": 1 } }), "body"),
        (policy(json!({ "kind": "sometimes" })), "body"),
        (policy(json!({ "kind": "threadCreationDate" })), "body"),
        (days(29), "retentionPolicy.deleteThreadAfterDays"),
        (days(91), "retentionPolicy.deleteThreadAfterDays"),
        (named(json!({})), "communicationIdentifier"),
        (named(two), "communicationIdentifier"),
        (json!({ "topic": "x", "participants": [{}] }), "body"),
    ]
    .into_iter()
    .enumerate()
    {
        // Ten in ten seconds: each from another user.
        let by = u32::try_from(number).expect("few") + 1;
        world.call(by, Call::post(threads()).json(&body)).await.expect_invalid(target);
    }
    assert_eq!(world.app.count("chat_threads").await, 0);
    assert_eq!(world.app.events().await.len(), 0);
}

async fn earlier_versions_know_less(store: TestStore) {
    let world = World::new(store).await;
    for (version, is_later) in
        [("2021-09-07", false), ("2024-03-07", false), ("2024-06-05-preview", true), ("2025-03-15", true)]
    {
        let body = json!({ "topic": "x", "metadata": { "a": "b" } });
        let call = Call::post(format!("/chat/threads?api-version={version}")).json(&body);
        let made = world.call(ADA, call).await.expect(201);
        let thread = &made.body["chatThread"];
        assert_eq!(thread.get("metadata").is_some(), is_later, "{version}");
        assert_eq!(thread.get("retentionPolicy").is_some(), is_later, "{version}");
    }
    let unversioned = Call::post("/chat/threads").json(&json!({ "topic": "x" }));
    world.call(ADA, unversioned).await.expect_error(400, "MissingApiVersionParameter");
}

async fn only_the_whole_scope_makes_threads(store: TestStore) {
    let world = World::new(store).await;
    let call = || Call::post(threads()).json(&json!({ "topic": "x" }));
    let ask = |call: Call| world.app.call(call);
    for scope in ["chat.join", "chat.join.limited", "voip"] {
        ask(call().bearer(&token(&raw_id(ADA), scope))).await.expect_error(403, "Forbidden");
    }
    ask(call()).await.expect_denied("CredentialsMissing");
    ask(call().bearer("owner")).await.expect_error(403, "Forbidden");
    let foreign = call().host(app::OTHER_HOST).bearer(&token(&raw_id(ADA), "chat"));
    ask(foreign).await.expect_denied("TokenOfAnotherResource");
    assert_eq!(world.app.count("chat_threads").await, 0);
    let text = Call::post(threads()).body("text/plain", "{}");
    world.call(ADA, text).await.expect_error(415, "UnsupportedMediaType");
    let made = ask(call().host(app::OTHER_HOST).bearer(&token(&raw_id_in(2, ADA), "chat"))).await.expect(201);
    let id = made.body["chatThread"]["id"].as_str().expect("an id").to_owned();
    world.call(ADA, Call::get(at(&id, ""))).await.expect_error(404, "NotFound");
}

async fn acs_limits_apply_to_each_user(store: TestStore) {
    let world = World::with(store, LimitSet::Acs, |_| ()).await;
    for _ in 0..10 {
        create(&world, &json!({ "topic": "x" })).await.expect(201);
    }
    let refused = create(&world, &json!({ "topic": "x" })).await.expect_error(429, "TooManyRequests");
    assert!(!refused.header("retry-after").is_empty());
    world.call(BOB, Call::post(threads()).json(&json!({ "topic": "x" }))).await.expect(201);
    world.advance_ms(10_000);
    create(&world, &json!({ "topic": "x" })).await.expect(201);
}
