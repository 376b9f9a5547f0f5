//! Tests of the commands about chat.

use super::*;

const HERE: &str = "--resource contoso";

fn thread(id: &str) -> Value {
    json!({
        "id": id, "topic": "Lunch", "createdOn": "2026-11-21T08:00:00.000Z", "participantCount": 2,
        "lastMessageReceivedOn": "2026-11-21T09:00:00.000Z", "isImporting": false,
    })
}

fn message(id: &str, kind: &str, content: &Value) -> Value {
    json!({
        "id": id, "type": kind, "createdOn": "2026-11-21T09:00:00.000Z", "content": content,
        "senderCommunicationIdentifier": { "rawId": "8:acs:R_A" },
    })
}

#[tokio::test]
async fn threads_are_listed() {
    let mut importing = thread("19:b@thread.v2");
    importing["isImporting"] = json!(true);
    let next = "https://x/trunkline/resources/contoso/chat/threads?continuationToken=t";
    let api = FakeApi::default()
        .reply(200, json!({ "value": [thread("19:a@thread.v2")], "nextLink": next }))
        .reply(200, json!({ "value": [importing, thread("19:c@thread.v2")] }));
    let line = format!("trunkline chat threads --participant 8:acs:R_A --limit 2 {HERE}");
    insta::assert_snapshot!(shown(api, &line).await, @"
    > GET /trunkline/resources/contoso/chat/threads?maxPageSize=2&participant=8%3Aacs%3AR_A
    > GET /trunkline/resources/contoso/chat/threads?continuationToken=t
    ID              PEOPLE  LAST MESSAGE              TOPIC
    19:a@thread.v2  2       2026-11-21T09:00:00.000Z  Lunch
    19:b@thread.v2  2       2026-11-21T09:00:00.000Z  Lunch (being imported)
    ! There are more than 2; see them with --limit.
    = 0
    ");
    let none = FakeApi::default().reply(200, json!({ "value": [] }));
    let none = shown(none, &format!("trunkline chat threads {HERE}")).await;
    assert!(none.ends_with("No threads.\n= 0"), "{none}");
}

#[tokio::test]
async fn messages_are_shown_the_newest_last() {
    let people = json!({ "participants": [{ "communicationIdentifier": { "rawId": "8:acs:R_B" } }] });
    let mut named = message("4", "text", &json!({ "message": "two\nlines\u{1b}[31m" }));
    named["senderDisplayName"] = json!("Ada");
    let mut deleted = message("3", "text", &json!({ "message": "" }));
    deleted["deletedOn"] = json!("2026-11-21T09:00:00.000Z");
    let page = json!({ "value": [
        named, deleted, message("2", "topicUpdated", &json!({ "topic": "Lunch" })),
        message("1", "participantAdded", &people),
    ] });
    let line = format!("trunkline chat messages 19:a@thread.v2 --since 2026-11-21T00:00:00Z {HERE}");
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, page), &line).await, @"
    > GET /trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2/messages?maxPageSize=100&startTime=2026-11-21T00%3A00%3A00Z
    SENT                      ID  FROM       MESSAGE
    2026-11-21T09:00:00.000Z  1   8:acs:R_A  (added: 8:acs:R_B)
    2026-11-21T09:00:00.000Z  2   8:acs:R_A  (topic: Lunch)
    2026-11-21T09:00:00.000Z  3   8:acs:R_A  (deleted)
    2026-11-21T09:00:00.000Z  4   Ada        two�lines�[31m
    = 0
    ");
}

#[tokio::test]
async fn threads_and_messages_are_deleted_after_a_question() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let line = format!("trunkline chat delete 19:a@thread.v2 {HERE}");
    let declined = run_with(&FakeApi::default(), folder.path(), &line, Some(false)).await;
    insta::assert_snapshot!(declined, @"
    ? Delete the thread 19:a@thread.v2 with all its messages, for everybody?
    ! error: nothing was changed
    = 1
    ");
    let deleted = shown(FakeApi::default().reply(204, Value::Null), &format!("{line} --yes")).await;
    insta::assert_snapshot!(deleted, @"
    > DELETE /trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2
    Deleted 19:a@thread.v2.
    = 0
    ");
    let deleted =
        shown(FakeApi::default().reply(204, Value::Null), &format!("{line} --message 5 --yes")).await;
    insta::assert_snapshot!(deleted, @"
    > DELETE /trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2/messages/5
    Deleted 5.
    = 0
    ");
}

#[tokio::test]
async fn an_export_has_a_line_for_each_thing() {
    let next =
        "https://x/trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2/messages?continuationToken=t";
    let api = FakeApi::default()
        .reply(200, json!({ "value": [{ "id": "19:a@thread.v2" }] }))
        .reply(200, json!({ "value": [{ "displayName": "Ada" }] }))
        .reply(200, json!({ "value": [{ "id": "2" }], "nextLink": next }))
        .reply(200, json!({ "value": [{ "id": "1" }] }))
        .reply(200, json!({ "value": [{ "chatMessageId": "1" }] }));
    insta::assert_snapshot!(shown(api, &format!("trunkline chat export {HERE}")).await, @r#"
    > GET /trunkline/resources/contoso/chat/threads?maxPageSize=100
    > GET /trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2/participants?maxPageSize=200
    > GET /trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2/messages?maxPageSize=200
    > GET /trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2/messages?continuationToken=t
    > GET /trunkline/resources/contoso/chat/threads/19%3Aa%40thread.v2/readReceipts?maxPageSize=100
    {"thread":{"id":"19:a@thread.v2","participants":[{"displayName":"Ada"}]}}
    {"message":{"id":"2"}}
    {"message":{"id":"1"}}
    {"receipt":{"chatMessageId":"1"}}
    {"end":"19:a@thread.v2"}
    ! Exported. Threads: 1. Messages: 2.
    = 0
    "#);
    let api = FakeApi::default().reply(404, json!({ "error": { "code": "NotFound", "message": "gone" } }));
    let named = shown(api, &format!("trunkline chat export 19:b@thread.v2 {HERE}")).await;
    insta::assert_snapshot!(named, @"
    > GET /trunkline/resources/contoso/chat/threads/19%3Ab%40thread.v2
    ! error: gone
    = 1
    ");
}

fn gone() -> Value {
    json!({ "error": { "code": "NotFound", "message": "gone" } })
}

#[tokio::test]
async fn an_export_goes_on_behind_an_empty_page() {
    let next = |token: u32| {
        format!("https://x/trunkline/resources/contoso/chat/threads/a/messages?continuationToken={token}")
    };
    // The last message was edited after the first page.
    let api = FakeApi::default()
        .reply(200, json!({ "id": "a" }))
        .reply(200, json!({ "value": [] }))
        .reply(200, json!({ "value": [{ "id": "2" }], "nextLink": next(1) }))
        .reply(200, json!({ "value": [], "nextLink": next(2) }))
        .reply(200, json!({ "value": [{ "id": "1" }] }))
        .reply(200, json!({ "value": [] }));
    let exported = shown(api, &format!("trunkline chat export a {HERE}")).await;
    let lines: Vec<_> = exported.lines().filter(|line| line.starts_with('{')).collect();
    let expected = [
        r#"{"thread":{"id":"a","participants":[]}}"#,
        r#"{"message":{"id":"2"}}"#,
        r#"{"message":{"id":"1"}}"#,
        r#"{"end":"a"}"#,
    ];
    assert_eq!(lines, expected);
    let mut api =
        FakeApi::default().reply(200, json!({ "id": "a" })).reply(200, json!({ "value": [{ "id": "x" }] }));
    for token in 0..10 {
        api = api.reply(200, json!({ "value": [], "nextLink": next(token) }));
    }
    let endless = shown(api, &format!("trunkline chat export a {HERE}")).await;
    assert!(endless.contains("! error: 10 pages up to ") && endless.ends_with("are empty\n= 1"), "{endless}");
    assert!(!endless.contains(r#"{"end""#), "{endless}");
}

#[tokio::test]
async fn an_export_goes_on_when_threads_are_deleted_meanwhile() {
    let threads = ["a", "b", "c"].map(|id| json!({ "id": id }));
    let api = FakeApi::default()
        .reply(200, json!({ "value": threads }))
        .reply(404, gone())
        .reply(200, json!({ "value": [] }))
        .reply(200, json!({ "value": [{ "id": "1" }] }))
        .reply(404, gone())
        .reply(200, json!({ "value": [] }))
        .reply(200, json!({ "value": [{ "id": "2" }] }))
        .reply(200, json!({ "value": [] }));
    let exported = shown(api, &format!("trunkline chat export {HERE}")).await;
    let lines = exported.lines().filter(|line| !line.starts_with('>'));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    {"thread":{"id":"b","participants":[]}}
    {"message":{"id":"1"}}
    {"end":"b"}
    {"thread":{"id":"c","participants":[]}}
    {"message":{"id":"2"}}
    {"end":"c"}
    ! a was deleted meanwhile and is left out.
    ! b was deleted meanwhile: only a part of it is exported.
    ! Exported. Threads: 2. Messages: 2.
    = 0
    "#);
}

/// Runs an import of a file with those lines.
async fn import(api: FakeApi, lines: &[Value], more: &str) -> String {
    let folder = tempfile::tempdir().expect("temporary folder");
    let file = folder.path().join("chat.jsonl");
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&file, text).expect("written");
    let line = format!("trunkline chat import {}{more} {HERE}", file.display());
    run_with(&api, folder.path(), &line, None).await
}

fn counted(added: u64, unchanged: u64) -> Value {
    json!({ "added": added, "updated": 0, "unchanged": unchanged, "attachmentsLeftOut": 1, "isImporting": true })
}

#[tokio::test]
async fn an_import_sends_what_an_export_printed() {
    let invalid = json!({ "invalidParticipants": [{ "target": "8:acs:R_B", "code": "404" }] });
    let api = FakeApi::default().reply(200, invalid).reply(200, counted(1, 0)).reply(200, counted(1, 1));
    let lines = [
        json!({ "thread": { "id": "19:a@thread.v2", "topic": "Lunch" } }),
        json!({ "message": { "id": "1", "version": "5" } }),
        // It was edited during the export.
        json!({ "message": { "id": "1", "version": "7" } }),
        json!({ "message": { "id": "2" } }),
        json!({ "receipt": { "chatMessageId": "2" } }),
        json!({ "end": "19:a@thread.v2" }),
    ];
    insta::assert_snapshot!(import(api, &lines, "").await, @r#"
    > PUT /trunkline/resources/contoso/chat/import/threads/19%3Aa%40thread.v2 {"id":"19:a@thread.v2","topic":"Lunch"}
    > POST /trunkline/resources/contoso/chat/import/threads/19%3Aa%40thread.v2/messages:import {"isLast":false,"messages":[{"id":"1","version":"5"}]}
    > POST /trunkline/resources/contoso/chat/import/threads/19%3Aa%40thread.v2/messages:import {"isLast":true,"messages":[{"id":"1","version":"7"},{"id":"2"}],"readReceipts":[{"chatMessageId":"2"}]}
    Threads: 1. Messages: 2 new, 0 newer than those here, 1 here already.
    ! 19:a@thread.v2: 8:acs:R_B is no user of this resource and is not in the thread.
    ! 2 pictures and files were left out.
    ! Whoever was left out can be made a user (trunkline user create --id) before the import is repeated.
    = 0
    "#);
}

#[tokio::test]
async fn an_import_goes_in_batches_and_can_stay_closed() {
    let mut api = FakeApi::default().reply(200, json!({}));
    let mut lines = vec![json!({ "thread": { "id": "19:a@thread.v2" } })];
    for number in 1..=401 {
        lines.push(json!({ "message": { "id": number.to_string() } }));
    }
    lines.push(json!({ "end": "19:a@thread.v2" }));
    for added in [200, 200, 1] {
        api = api.reply(200, counted(added, 0));
    }
    let shown = import(api, &lines, " --unfinished").await;
    let sent: Vec<_> = shown.lines().filter(|line| line.starts_with("> POST")).collect();
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|line| line.contains(r#""isLast":false"#)), "{sent:?}");
    assert_eq!(sent.iter().map(|line| line.matches(r#"{"id":"#).count()).collect::<Vec<_>>(), [200, 200, 1]);
    assert!(shown.contains("Messages: 401 new"), "{shown}");
    assert!(shown.contains("! The threads stay closed until they are imported without --unfinished."));
}

#[tokio::test]
async fn an_import_sends_large_messages_in_smaller_batches() {
    let api = FakeApi::default().reply(200, json!({})).reply(200, counted(3, 0)).reply(200, counted(1, 0));
    let content = "x".repeat(2_500_000);
    let messages =
        (1..=4).map(|number| json!({ "message": { "id": number.to_string(), "content": content } }));
    let mut lines = vec![json!({ "thread": { "id": "19:a@thread.v2" } })];
    lines.extend(messages);
    lines.push(json!({ "end": "19:a@thread.v2" }));
    let shown = import(api, &lines, "").await;
    let sent = shown.lines().filter(|line| line.starts_with("> POST"));
    let counts: Vec<_> = sent.map(|line| line.matches(r#""id":"#).count()).collect();
    assert_eq!(counts, [3, 1]);
}

#[tokio::test]
async fn a_file_that_makes_no_sense_is_refused_with_the_line() {
    let begin = json!({ "thread": { "id": "19:a@thread.v2" } });
    let message = json!({ "message": { "id": "1" } });
    let ok = || FakeApi::default().reply(200, json!({}));
    for (lines, expected) in [
        (vec![message.clone()], "line 1: a message comes before its thread"),
        (vec![json!({ "other": 1 })], "line 1: it is neither a thread, a message, a receipt nor an end"),
        (vec![json!({ "thread": {} })], "line 1: the thread has no id"),
        (vec![begin.clone(), begin.clone()], "line 2: the thread 19:a@thread.v2 has not ended"),
        (vec![begin.clone(), json!({ "end": "19:b@thread.v2" })], "line 2: it ends another thread"),
        (vec![begin.clone(), message], "line 2: the file ends in the middle of the thread 19:a@thread.v2"),
    ] {
        let refused = import(ok(), &lines, "").await;
        assert!(refused.contains(expected) && refused.ends_with("= 1"), "{refused}");
        // Half a thread is never opened.
        assert!(!refused.contains(r#""isLast":true"#), "{refused}");
    }
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("bad"), "\n\nnonsense\n").expect("written");
    let line = format!("trunkline chat import {}/bad {HERE}", folder.path().display());
    let refused = run_with(&FakeApi::default(), folder.path(), &line, None).await;
    assert!(refused.contains("DATA/bad, line 3: no JSON") && refused.ends_with("= 1"), "{refused}");
    let line = format!("trunkline chat import {}/absent {HERE}", folder.path().display());
    let refused = run_with(&FakeApi::default(), folder.path(), &line, None).await;
    assert!(refused.contains("DATA/absent: ") && refused.ends_with("= 1"), "{refused}");
}

#[tokio::test]
async fn a_refusal_says_where_the_import_had_come() {
    let error = json!({ "error": { "code": "BadRequest", "message": "Message 1: no." } });
    let api = FakeApi::default().reply(200, json!({})).reply(400, error);
    let lines = [
        json!({ "thread": { "id": "19:a@thread.v2" } }),
        json!({ "message": { "id": "1" } }),
        json!({ "end": "19:a@thread.v2" }),
    ];
    let refused = import(api, &lines, "").await;
    assert!(refused.ends_with("! error: DATA/chat.jsonl, before line 4: Message 1: no.\n= 1"), "{refused}");
}
