//! `ChatServer_ImportThread`.

use serde_json::{Value, json};
use trunkline_kernel::limits::LimitSet;
use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::chat_server_erase_person::run_erasures;
use super::harness::{
    ADA, BOB, EVE, SLICES, World, at, date, identifier, participant, raw_id, raw_id_in, text, threads,
};
use super::server_calls::{import_at, server_at, thread_from_elsewhere};

on_both_engines!(SLICES;
    a_thread_keeps_its_id_times_and_people,
    its_participants_do_not_see_it_yet,
    the_same_again_changes_nothing,
    it_is_brought_in_line,
    many_people_come_in_one_request,
    who_is_no_user_is_listed,
    ids_of_other_threads_are_taken,
    bad_requests_make_nothing,
    other_credentials_import_nothing,
);

const ID: &str = "19:kKz6x5zYJXNdLxCnbJ1@thread.v2";

async fn import(world: &World, id: &str, body: &Value) -> Answer {
    world.serve(Call::new("PUT", import_at(id, "")).json(body)).await
}

async fn a_thread_keeps_its_id_times_and_people(store: TestStore) {
    let world = World::new(store).await;
    let mut bob = participant(BOB);
    bob["displayName"] = json!("Bob");
    bob["shareHistoryTime"] = json!("2024-05-02T00:00:00.000Z");
    bob["metadata"] = json!({ "role": "guest" });
    let mut body = thread_from_elsewhere(&[participant(ADA), bob]);
    body["metadata"] = json!({ "case": "7" });
    body["retentionPolicy"] = json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": 3650 });
    let imported = import(&world, ID, &body).await.expect(200);
    let expected = json!({
        "id": ID, "topic": "Old times", "createdOn": "2024-05-01T10:00:00.000Z",
        "createdByCommunicationIdentifier": identifier(ADA), "metadata": { "case": "7" },
        "retentionPolicy": { "kind": "threadCreationDate", "deleteThreadAfterDays": 3650 },
        "participantCount": 2, "isImporting": true,
    });
    assert_eq!(imported.body, json!({ "chatThread": expected }));
    assert_eq!(world.serve(Call::get(server_at(ID, ""))).await.expect(200).body, expected);
    let people = world.serve(Call::get(server_at(ID, "/participants"))).await.expect(200).body;
    let expected = json!([
        { "communicationIdentifier": identifier(ADA), "shareHistoryTime": "1970-01-01T00:00:00.000Z" },
        {
            "communicationIdentifier": identifier(BOB), "displayName": "Bob",
            "shareHistoryTime": "2024-05-02T00:00:00.000Z", "metadata": { "role": "guest" },
        },
    ]);
    assert_eq!(people["value"], expected);
    assert_eq!(world.event_kinds().await, Vec::<String>::new());
    // Its days count from its making, which is long ago: they wait for the end of the import.
    assert_eq!(world.app.count("jobs").await, 0);
    let row =
        ("ChatServer_ImportThread".to_owned(), ID.to_owned(), json!({ "isNew": true, "participants": 2 }));
    assert_eq!(world.audited().await, [row]);
}

async fn its_participants_do_not_see_it_yet(store: TestStore) {
    let world = World::new(store).await;
    import(&world, ID, &thread_from_elsewhere(&[participant(ADA)])).await.expect(200);
    for path in ["", "/messages", "/participants"] {
        world.call(ADA, Call::get(at(ID, path))).await.expect_error(404, "NotFound");
    }
    let list = world.call(ADA, Call::get(threads())).await.expect(200);
    assert_eq!(list.body["value"], json!([]));
}

async fn the_same_again_changes_nothing(store: TestStore) {
    let world = World::new(store).await;
    let body = thread_from_elsewhere(&[participant(ADA), participant(BOB)]);
    let first = import(&world, ID, &body).await.expect(200).body;
    let joins = "chat_people WHERE joins = 1";
    let before = world.app.count(joins).await;
    world.advance_ms(1000);
    assert_eq!(import(&world, ID, &body).await.expect(200).body, first);
    assert_eq!((world.audited().await.len(), world.app.count(joins).await), (1, before));
    // Nor once it is open, whatever has happened to it since.
    let last = Call::post(import_at(ID, "/messages:import")).json(&json!({ "isLast": true }));
    world.serve(last).await.expect(200);
    world.remove(ADA, ID, BOB).await;
    let again = import(&world, ID, &body).await.expect(200).body;
    assert_eq!(again["chatThread"]["isImporting"], json!(false));
    assert_eq!(world.participants(ADA, ID).await.len(), 1);
    assert_eq!(world.audited().await.len(), 2);
}

async fn it_is_brought_in_line(store: TestStore) {
    let world = World::new(store).await;
    import(&world, ID, &thread_from_elsewhere(&[participant(ADA), participant(BOB)])).await.expect(200);
    let mut ada = participant(ADA);
    ada["displayName"] = json!("Ada");
    ada["shareHistoryTime"] = json!("2024-05-02T00:00:00.000Z");
    let mut body = thread_from_elsewhere(&[participant(EVE), ada]);
    body["topic"] = json!("New times");
    body["metadata"] = json!({ "a": "b" });
    let imported = import(&world, ID, &body).await.expect(200).body["chatThread"].clone();
    assert_eq!((&imported["topic"], &imported["metadata"]), (&json!("New times"), &json!({ "a": "b" })));
    assert_eq!(imported["participantCount"], json!(2));
    let people = world.serve(Call::get(server_at(ID, "/participants"))).await.expect(200).body;
    let shown: Vec<_> = people["value"]
        .as_array()
        .expect("a page")
        .iter()
        .map(|one| (text(&one["communicationIdentifier"]["rawId"]), text(&one["shareHistoryTime"])))
        .collect();
    let expected = [
        (raw_id(ADA), "2024-05-02T00:00:00.000Z".to_owned()),
        (raw_id(EVE), "1970-01-01T00:00:00.000Z".to_owned()),
    ];
    assert_eq!(shown, expected);
    assert_eq!(world.app.count("chat_members").await, 2);
    let rows = world.audited().await;
    assert_eq!((rows.len(), &rows[1].2), (2, &json!({ "isNew": false, "participants": 2 })));
}

async fn many_people_come_in_one_request(store: TestStore) {
    let world = World::new(store).await;
    for number in 100..350 {
        world.users.add(&raw_id(number));
    }
    let people: Vec<_> = (100..350).chain([100]).map(participant).collect();
    let imported = import(&world, ID, &thread_from_elsewhere(&people)).await.expect(200);
    assert_eq!(imported.body["chatThread"]["participantCount"], json!(250));
}

async fn who_is_no_user_is_listed(store: TestStore) {
    let world = World::new(store).await;
    let named = |raw_id: &str| json!({ "communicationIdentifier": { "rawId": raw_id } });
    let people = [participant(ADA), named(&raw_id(500)), named(&raw_id_in(2, BOB)), named("4:+1425")];
    let imported = import(&world, ID, &thread_from_elsewhere(&people)).await.expect(200).body;
    let codes: Vec<_> = imported["invalidParticipants"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (text(&one["target"]), text(&one["code"])))
        .collect();
    let expected = [(raw_id(500), "404"), (raw_id_in(2, BOB), "403"), ("4:+1425".to_owned(), "403")];
    assert_eq!(codes, expected.map(|(id, code)| (id, code.to_owned())));
    assert_eq!(imported["chatThread"]["participantCount"], json!(1));
    // Once there is such a user, the same request takes them in.
    world.users.add(&raw_id(500));
    let imported = import(&world, ID, &thread_from_elsewhere(&people)).await.expect(200).body;
    assert_eq!(imported["chatThread"]["participantCount"], json!(2));
}

async fn ids_of_other_threads_are_taken(store: TestStore) {
    let world = World::new(store).await;
    let thread = world.thread(ADA, &[]).await;
    let body = thread_from_elsewhere(&[]);
    let taken = import(&world, &thread, &body).await.expect_error(409, "Conflict");
    assert_eq!(taken.body["error"]["innererror"]["code"], json!("ChatThreadAlreadyExists"));
    world.call(ADA, Call::delete(at(&thread, ""))).await.expect(204);
    import(&world, &thread, &body).await.expect_error(409, "Conflict");
    assert_eq!(world.audited().await, []);
    // Once it is erased, the numbers that are left make room.
    run_erasures(&world).await;
    assert_eq!(world.app.count("chat_members").await, 1);
    let imported = import(&world, &thread, &body).await.expect(200).body["chatThread"].clone();
    assert_eq!((&imported["id"], &imported["isImporting"]), (&json!(thread), &json!(true)));
    for table in ["chat_members", "chat_notes", "chat_threads WHERE deleted_at IS NOT NULL"] {
        assert_eq!(world.app.count(table).await, 0, "{table}");
    }
}

async fn bad_requests_make_nothing(store: TestStore) {
    let world = World::with(store, LimitSet::Generous, |settings| settings.participants_max = 2).await;
    let with = |name: &str, value: Value| {
        let mut body = thread_from_elsewhere(&[]);
        body[name] = value;
        body
    };
    let future = date(world.now().plus(std::time::Duration::from_hours(1)));
    for (body, target) in [
        (with("topic", json!(" ")), "topic"),
        (with("topic", json!("x".repeat(1001))), "topic"),
        (with("createdOn", json!("yesterday")), "body"),
        (with("createdOn", json!(future)), "createdOn"),
        (with("createdByCommunicationIdentifier", json!({})), "createdByCommunicationIdentifier"),
        (with("participants", json!([{ "communicationIdentifier": {} }])), "communicationIdentifier"),
        (with("metadata", json!({ "a": "x".repeat(1024) })), "metadata"),
        (json!({ "topic": "x" }), "body"),
    ] {
        import(&world, ID, &body).await.expect_invalid(target);
    }
    let days = json!({ "kind": "threadCreationDate", "deleteThreadAfterDays": 4000 });
    let bad = import(&world, ID, &with("retentionPolicy", days)).await;
    bad.expect_invalid("retentionPolicy.deleteThreadAfterDays");
    let many: Vec<_> = (1..=3).map(participant).collect();
    let many = import(&world, ID, &with("participants", json!(many))).await;
    many.expect_error(400, "ThreadParticipantLimitExceeded");
    for id in ["19:a b", "19:ä", &"x".repeat(201)] {
        import(&world, id, &thread_from_elsewhere(&[])).await.expect_invalid("chatThreadId");
    }
    assert_eq!((world.app.count("chat_threads").await, world.audited().await.len()), (0, 0));
}

async fn other_credentials_import_nothing(store: TestStore) {
    let world = World::new(store).await;
    let call = Call::new("PUT", import_at(ID, "")).json(&thread_from_elsewhere(&[]));
    world.refuses_other_credentials(&call, true).await;
    assert_eq!(world.app.count("chat_threads").await, 0);
}
