//! Tests of the commands about events.

use super::*;

const HERE: &str = "--resource contoso";

fn subscription(state: &str) -> Value {
    json!({
        "name": "hook", "state": state, "schema": "EventGridSchema",
        "destination": { "webHook": {
            "url": "https://app.example/hook", "maxEventsPerBatch": 10, "preferredBatchSizeInKilobytes": 64,
            "headers": [
                { "name": "X-Team", "value": "voice", "isSecret": false },
                { "name": "X-Key", "isSecret": true },
                { "name": "X-From", "field": "data.from" },
            ],
        } },
        "filter": {
            "includedEventTypes": ["Microsoft.Communication.SMSReceived"], "subjectBeginsWith": "/phonenumber/",
            "advancedFilters": [
                { "operatorType": "StringBeginsWith", "key": "data.from", "values": ["+49", "+43"] },
                { "operatorType": "NumberInRange", "key": "data.x", "values": [[1, 5]] },
                { "operatorType": "BoolEquals", "key": "data.y", "value": true },
            ],
        },
        "retry": { "maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440 },
        "deadLetter": { "container": "lost" }, "labels": ["a", "b"], "createdOn": "2026",
    })
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_made_and_its_handshake_waited_for() {
    let api = FakeApi::default()
        .reply(201, subscription("Creating"))
        .reply(200, subscription("AwaitingManualAction"))
        .reply(200, subscription("AwaitingManualAction"))
        .reply(200, subscription("Succeeded"));
    let line = format!(
        "trunkline events subscribe hook https://app.example/hook --type SMSReceived --type Microsoft.Other.Type \
         --subject-begins /phonenumber/ --subject-ends x --header X-Team:voice --max-events 10 --batch-kb 64 \
         --attempts 5 --ttl-minutes 60 --dead-letter lost --expires 2027 --label a {HERE}"
    );
    insta::assert_snapshot!(shown(api, &line).await, @r#"
    > PUT /trunkline/resources/contoso/eventSubscriptions/hook {"deadLetter":{"container":"lost"},"destination":{"webHook":{"headers":[{"name":"X-Team","value":"voice"}],"maxEventsPerBatch":10,"preferredBatchSizeInKilobytes":64,"url":"https://app.example/hook"}},"expiresOn":"2027","filter":{"includedEventTypes":["Microsoft.Communication.SMSReceived","Microsoft.Other.Type"],"subjectBeginsWith":"/phonenumber/","subjectEndsWith":"x"},"labels":["a"],"retry":{"eventTimeToLiveInMinutes":60,"maxDeliveryAttempts":5},"schema":"EventGridSchema"}
    > GET /trunkline/resources/contoso/eventSubscriptions/hook
    > GET /trunkline/resources/contoso/eventSubscriptions/hook
    > GET /trunkline/resources/contoso/eventSubscriptions/hook
    Name            hook
    State           Succeeded
    To              https://app.example/hook
    Schema          EventGridSchema
    Types           SMSReceived
    Subject begins  /phonenumber/
    Conditions      data.from StringBeginsWith +49,+43; data.x NumberInRange 1..5; data.y BoolEquals true
    Headers         X-Team: voice; X-Key: ***; X-From: from data.from
    Batches         10 events, 64 KiB
    Tries           30 times, 1440 minutes
    Dead letters    lost
    Labels          a, b
    Created         2026
    ! The endpoint answered without the code. Open the validationUrl that it was sent; it is good for 5 minutes.
    ! Try it: trunkline events send-test ChatMessageReceived
    = 0
    "#);
}

#[tokio::test]
async fn a_mistyped_condition_is_refused_before_anything_is_made() {
    let line = format!("trunkline events subscribe hook https://a.example --filter data.a {HERE}");
    let refused = shown(FakeApi::default(), &line).await;
    assert!(refused.contains("KEY OPERATOR VALUE") && refused.ends_with("= 2"), "{refused}");
}

#[tokio::test]
async fn secret_headers_come_from_files_and_are_never_repeated() {
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("key"), "hunter2\n").expect("written");
    let line = format!(
        "trunkline events subscribe hook https://a.example --no-wait --secret-header X-Key:@{}/key {HERE}",
        folder.path().display()
    );
    let api = FakeApi::default().reply(201, subscription("Creating"));
    let made = run_with(&api, folder.path(), &line, None).await;
    let sent = r#""headers":[{"isSecret":true,"name":"X-Key","value":"hunter2"}]"#;
    assert!(made.starts_with("> PUT") && made.contains(sent), "{made}");
    assert!(
        made.ends_with("! Events come when the handshake has ended: trunkline events show hook\n= 0"),
        "{made}"
    );
    let line = format!("trunkline events subscribe hook https://a.example --secret-header hunter2 {HERE}");
    let refused = shown(FakeApi::default(), &line).await;
    assert_eq!(refused, "! error: --secret-header is NAME: VALUE\n= 2");
}

#[tokio::test]
async fn an_endpoint_that_does_not_answer_is_explained() {
    for (state, schema, expected) in [
        ("Failed", "event-grid", "SubscriptionValidationEvent"),
        ("Succeeded", "cloud-events", "WebHook-Allowed-Origin"),
    ] {
        let mut failed = subscription(state);
        failed["failure"] = json!("the endpoint answered with status 404");
        let line = format!("trunkline events subscribe hook https://a.example --schema {schema} {HERE}");
        let shown = shown(FakeApi::default().reply(201, failed), &line).await;
        assert!(shown.contains("! the endpoint answered with status 404\n"), "{shown}");
        assert!(shown.contains(expected) && shown.ends_with("= 1"), "{shown}");
    }
}

#[tokio::test]
async fn a_nats_subject_is_no_web_hook() {
    let made =
        json!({ "name": "bus", "state": "Succeeded", "destination": { "nats": { "subject": "acs" } } });
    let line = format!("trunkline events subscribe bus acs --nats {HERE}");
    let shown_made = shown(FakeApi::default().reply(201, made), &line).await;
    assert!(shown_made.contains(r#""destination":{"nats":{"subject":"acs"}}"#), "{shown_made}");
    assert!(shown_made.contains("nats acs") && shown_made.ends_with("= 0"), "{shown_made}");
    let refused = shown(FakeApi::default(), &format!("{line} --max-events 5")).await;
    assert!(refused.contains("for web hooks") && refused.ends_with("= 2"), "{refused}");
}

#[tokio::test]
async fn subscriptions_are_listed_shown_and_deleted() {
    let page = json!({ "value": [subscription("Succeeded")] });
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, page), &format!("trunkline events list {HERE}")).await, @"
    > GET /trunkline/resources/contoso/eventSubscriptions
    NAME  STATE      TO                        TYPES
    hook  Succeeded  https://app.example/hook  SMSReceived
    = 0
    ");
    let mut one = subscription("Succeeded");
    one["status"] = json!({
        "health": "sick", "pending": 12, "nextAttemptOn": "2027",
        "lastAttempt": { "at": "2026", "outcome": "TimedOut" },
    });
    let secrets = json!({ "url": "https://app.example/hook?code=1", "headers": { "X-Key": "hunter2" } });
    let api = FakeApi::default().reply(200, one).reply(200, secrets);
    let line = format!("trunkline events show hook --reveal {HERE}");
    insta::assert_snapshot!(shown(api, &line).await, @"
    > GET /trunkline/resources/contoso/eventSubscriptions/hook
    > POST /trunkline/resources/contoso/eventSubscriptions/hook/:reveal
    Name            hook
    State           Succeeded
    To              https://app.example/hook
    Schema          EventGridSchema
    Types           SMSReceived
    Subject begins  /phonenumber/
    Conditions      data.from StringBeginsWith +49,+43; data.x NumberInRange 1..5; data.y BoolEquals true
    Headers         X-Team: voice; X-Key: ***; X-From: from data.from
    Batches         10 events, 64 KiB
    Tries           30 times, 1440 minutes
    Dead letters    lost
    Labels          a, b
    Created         2026
    Endpoint        sick
    Waiting         12
    Next try        2027
    Last attempt    2026 TimedOut

    Whole URL       https://app.example/hook?code=1
    Secret headers  X-Key=hunter2
    = 0
    ");
    let line = format!("trunkline events delete hook {HERE}");
    insta::assert_snapshot!(shown(FakeApi::default(), &line).await, @"
    ! error: Delete the subscription hook? Events that wait for it are dropped. Say --yes to do it without being asked.
    = 2
    ");
    let deleted = shown(FakeApi::default().reply(204, Value::Null), &format!("{line} --yes")).await;
    insta::assert_snapshot!(deleted, @"
    > DELETE /trunkline/resources/contoso/eventSubscriptions/hook
    Deleted hook.
    = 0
    ");
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_waited_for() {
    let api = FakeApi::default()
        .accepted("/trunkline/operations/7")
        .reply(200, json!({ "status": "running" }))
        .reply(200, json!({ "status": "succeeded", "result": { "events": 3 } }));
    let line = format!("trunkline events replay hook --from 2h --to 1h {HERE}");
    insta::assert_snapshot!(shown(api, &line).await, @r#"
    > POST /trunkline/resources/contoso/eventSubscriptions/hook/:replay {"from":"2h","to":"1h"}
    > GET /trunkline/operations/7
    > GET /trunkline/operations/7
    3 events wait for hook.
    ! Watch them go: trunkline events log hook --follow
    = 0
    "#);
}

fn attempt(id: i64, outcome: &str) -> Value {
    json!({
        "id": id, "subscription": "hook", "at": "2026-11-21T07:45:59+00:00", "outcome": outcome, "status": 200,
        "durationMs": 12, "attempt": 1, "eventIds": ["e"], "eventCount": 1, "isLate": id == 2,
    })
}

#[tokio::test]
async fn attempts_are_listed_with_the_newest_last() {
    let page = json!({ "value": [attempt(2, "Delivered"), attempt(1, "TimedOut")], "nextLink": "/more" });
    let line = format!("trunkline events log hook --failed --since 1h --event 5 --limit 2 {HERE}");
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, page), &line).await, @"
    > GET /trunkline/resources/contoso/deliveries?subscription=hook&event=5&outcome=failed&from=1h&maxPageSize=2
    TIME                              SUBSCRIPTION          OUTCOME             STATUS       TOOK  TRY  EVENTS  NEXT
    2026-11-21T07:45:59+00:00         hook                  TimedOut            200         12 ms    1       1
    2026-11-21T07:45:59+00:00         hook                  Delivered (late)    200         12 ms    1       1
    ! There are earlier ones; ask with a higher --limit.
    = 0
    ");
    let none = FakeApi::default().reply(200, json!({ "value": [] }));
    assert!(shown(none, &format!("trunkline events log {HERE}")).await.ends_with("No attempts.\n= 0"));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_followed() {
    let api = FakeApi::default()
        .reply(200, json!({ "value": [attempt(1, "Delivered")] }))
        .reply(200, json!({ "value": [attempt(3, "Busy")] }))
        .reply(200, json!({ "value": [] }));
    let line = format!("trunkline events log --follow {HERE}");
    insta::assert_snapshot!(shown(api, &line).await, @"
    > GET /trunkline/resources/contoso/deliveries?maxPageSize=100
    > GET /trunkline/resources/contoso/deliveries?after=1&maxPageSize=500
    > GET /trunkline/resources/contoso/deliveries?after=3&maxPageSize=500
    > GET /trunkline/resources/contoso/deliveries?after=3&maxPageSize=500
    2026-11-21T07:45:59+00:00         hook                  Delivered           200         12 ms    1       1
    2026-11-21T07:45:59+00:00         hook                  Busy                200         12 ms    1       1
    ! TIME                              SUBSCRIPTION          OUTCOME             STATUS       TOOK  TRY  EVENTS  NEXT
    ! error: nobody answers
    = 1
    ");
}

#[tokio::test]
async fn types_are_listed_and_shown_with_their_samples() {
    let one = json!({
        "type": "Microsoft.Communication.SMSReceived", "family": "SMS", "summary": "A message came.",
        "subject": "/phonenumber/{number}", "sample": { "from": "+49" },
    });
    let api = FakeApi::default().reply(200, json!({ "value": [one] }));
    insta::assert_snapshot!(shown(api, "trunkline events types").await, @"
    > GET /trunkline/eventTypes
    TYPE         FAMILY  SUMMARY
    SMSReceived  SMS     A message came.
    = 0
    ");
    insta::assert_snapshot!(shown(FakeApi::default().reply(200, one), "trunkline events types SMSReceived").await, @r#"
    > GET /trunkline/eventTypes/Microsoft.Communication.SMSReceived
    Type     Microsoft.Communication.SMSReceived
    Family   SMS
    Summary  A message came.
    Subject  /phonenumber/{number}

    {
      "from": "+49"
    }
    = 0
    "#);
}

#[tokio::test]
async fn test_events_are_published() {
    let api = FakeApi::default().reply(202, json!({ "ids": ["e1"], "sequence": 7 }));
    let line = format!(r#"trunkline events send-test SMSReceived --subject s --event-data {{"a":1}} {HERE}"#);
    insta::assert_snapshot!(shown(api, &line).await, @r#"
    > POST /trunkline/resources/contoso/events/:sendTest {"data":{"a":1},"subject":"s","type":"Microsoft.Communication.SMSReceived"}
    e1
    = 0
    "#);
    let api = FakeApi::default().reply(202, json!({ "ids": ["e1", "e2"], "sequence": 8 }));
    insta::assert_snapshot!(shown(api, &format!("trunkline events send-test SMSReceived --count 2 {HERE}")).await, @r#"
    > POST /trunkline/resources/contoso/events/:sendTest {"count":2,"type":"Microsoft.Communication.SMSReceived"}
    2 events, up to sequence 8
    = 0
    "#);
    let wrong =
        shown(FakeApi::default(), &format!("trunkline events send-test SMSReceived --event-data x {HERE}"))
            .await;
    assert!(wrong.contains("--event-data is no JSON") && wrong.ends_with("= 2"), "{wrong}");
    let missing =
        shown(FakeApi::default(), &format!("trunkline events send-test T --event-data @/absent/x {HERE}"))
            .await;
    assert!(missing.contains("/absent/x: ") && missing.ends_with("= 1"), "{missing}");
}

fn event(data: &Value) -> Value {
    json!({
        "id": "e1", "topic": "t", "subject": "s", "eventType": "Microsoft.Communication.SMSReceived", "data": data,
        "dataVersion": "1.0", "metadataVersion": "1", "eventTime": "2026-11-21T07:45:59Z",
    })
}

#[tokio::test]
async fn events_are_printed_as_they_come_and_carried_on() {
    let api = FakeApi::default()
        .reply(200, json!({ "value": [], "after": 7 }))
        .reply(200, json!({ "value": [event(&json!({ "from": "+49" }))], "after": 9 }))
        .reply(200, json!({ "value": [event(&json!({})), event(&json!({}))], "after": 10 }));
    let line = format!(
        "trunkline events listen --type SMSReceived --forward http://localhost:3000/hook --limit 2 {HERE}"
    );
    insta::assert_snapshot!(shown(api, &line).await, @r#"
    > GET /trunkline/resources/contoso/events/:listen?schema=EventGridSchema&type=Microsoft.Communication.SMSReceived&waitSeconds=0
    > GET /trunkline/resources/contoso/events/:listen?schema=EventGridSchema&type=Microsoft.Communication.SMSReceived&after=7&waitSeconds=25
    > POST to the program, content-type: application/json; charset=utf-8, aeg-event-type: Notification, aeg-subscription-name: LISTEN, aeg-delivery-count: 0, aeg-data-version: 1.0, aeg-metadata-version: 1 [{"data":{"from":"+49"},"dataVersion":"1.0","eventTime":"2026-11-21T07:45:59Z","eventType":"Microsoft.Communication.SMSReceived","id":"e1","metadataVersion":"1","subject":"s","topic":"t"}]
    > GET /trunkline/resources/contoso/events/:listen?schema=EventGridSchema&type=Microsoft.Communication.SMSReceived&after=9&waitSeconds=25
    > POST to the program, content-type: application/json; charset=utf-8, aeg-event-type: Notification, aeg-subscription-name: LISTEN, aeg-delivery-count: 0, aeg-data-version: 1.0, aeg-metadata-version: 1 [{"data":{},"dataVersion":"1.0","eventTime":"2026-11-21T07:45:59Z","eventType":"Microsoft.Communication.SMSReceived","id":"e1","metadataVersion":"1","subject":"s","topic":"t"}]
    2026-11-21T07:45:59Z  SMSReceived  s
      {"from":"+49"}
    2026-11-21T07:45:59Z  SMSReceived  s
      {}
    ! Listening; Ctrl-C ends it.
    !   -> 204
    !   -> 204
    = 0
    "#);
    let api = FakeApi::default().reply(200, json!({ "value": [event(&json!({}))], "after": 9 }));
    let line = format!("trunkline events listen --since 10m --schema cloud-events --json --limit 1 {HERE}");
    insta::assert_snapshot!(shown(api, &line).await, @r#"
    > GET /trunkline/resources/contoso/events/:listen?schema=CloudEventSchemaV1_0&from=10m&waitSeconds=0
    {"data":{},"dataVersion":"1.0","eventTime":"2026-11-21T07:45:59Z","eventType":"Microsoft.Communication.SMSReceived","id":"e1","metadataVersion":"1","subject":"s","topic":"t"}
    = 0
    "#);
}

#[tokio::test]
async fn dead_letters_are_listed_and_printed() {
    let file = json!({ "id": "d1", "subscription": "hook", "eventCount": 2, "createdOn": "2026" });
    let api = FakeApi::default().reply(200, json!({ "value": [file] }));
    insta::assert_snapshot!(shown(api, &format!("trunkline events dead-letters {HERE}")).await, @"
    > GET /trunkline/resources/contoso/deadLetters
    ID  SUBSCRIPTION  EVENTS  CREATED
    d1  hook          2       2026
    = 0
    ");
    let api = FakeApi::default().reply(200, json!({ "id": "d1", "events": [{ "id": "e1" }] }));
    insta::assert_snapshot!(shown(api, &format!("trunkline events dead-letter d1 {HERE}")).await, @r#"
    > GET /trunkline/resources/contoso/deadLetters/d1
    [
      {
        "id": "e1"
      }
    ]
    = 0
    "#);
}
