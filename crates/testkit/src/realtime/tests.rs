//! The client against a server of a few lines behind the real pipeline.

mod server;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use trunkline_tasks::Tasks;

use self::server::{Mock, delivery};
use super::{ChatClient, Driven, Lost, Options, Transport};

/// How long a test waits for what must happen. Long: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(20);

async fn world() -> (Arc<Mock>, Options, Tasks) {
    let tasks = Tasks::new();
    let (mock, origin) = Mock::start(&tasks).await;
    let options =
        Options { pause: Duration::from_millis(1), ..Options::new(origin, "token-1", "endpoint-1") };
    (mock, options, tasks)
}

async fn next_id(client: &mut ChatClient) -> u64 {
    let came = client.next_notification(DEADLINE).await.expect("the connection holds");
    let came = came.expect("a notification comes");
    assert_eq!((came.event_id, came.url.as_str()), (200, "/v4/f/trunkline/"));
    assert_eq!(came.body["messageBody"], "hällo");
    came.id
}

#[tokio::test]
async fn notifications_over_a_socket_are_answered_and_followed_by_one_ping() {
    let (mock, options, tasks) = world().await;
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    for id in 1..=3 {
        mock.push(0, &delivery(id)).await;
    }
    assert_eq!(
        [next_id(&mut client).await, next_id(&mut client).await, next_id(&mut client).await],
        [1, 2, 3]
    );
    let said = mock.until(|said| said.iter().filter(|text| text.starts_with("3:::")).count() == 3).await;
    assert!(said[0].starts_with("5:1+::{\"name\":\"user.activity\""), "{said:?}");
    let answers: Vec<&String> = said.iter().filter(|text| text.starts_with("3:::")).collect();
    for (answer, id) in answers.iter().zip(1..) {
        let answer: serde_json::Value = serde_json::from_str(&answer[4..]).unwrap();
        assert_eq!(
            (&answer["id"], &answer["status"], &answer["body"]),
            (&json!(id), &json!(200), &json!(""))
        );
    }
    let pings = said.iter().filter(|text| text.contains("\"ping\"")).count();
    assert!((1..=3).contains(&pings), "{said:?}");
    let registration: serde_json::Value = serde_json::from_str(&mock.registrations()[0]).unwrap();
    assert_eq!(registration["registrationId"], "endpoint-1");
    assert_eq!(registration["clientDescription"]["templateKey"], "AcsWeb_Chat_2.1");
    assert_eq!(registration["transports"]["TROUTER"][0]["ttl"], 3600);
    client.stop().await.unwrap();
    let said = mock.until(|said| said.last().is_some_and(|text| text == "0::")).await;
    assert!(said.len() > 4);
    assert_eq!(mock.registrations().last().unwrap(), "DELETE endpoint-1");
}

#[tokio::test]
async fn what_comes_with_the_greeting_reaches_whoever_reads() {
    let (mock, options, tasks) = world().await;
    mock.greet_with(&delivery(7));
    let mut raw = ChatClient::connect(options.clone(), &tasks).await.unwrap();
    let mut came = Vec::new();
    while came.is_empty() {
        raw.drive(DEADLINE, &mut |delivery| came.push(delivery.id)).await.unwrap();
    }
    assert_eq!(came, [7]);
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    assert_eq!(next_id(&mut client).await, 7);
}

#[tokio::test]
async fn a_lost_connection_is_made_again_with_the_parameters_of_the_last() {
    let (mock, options, tasks) = world().await;
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    mock.end(0);
    let driven = loop {
        match client.receive(DEADLINE).await.unwrap() {
            Driven::Read | Driven::Quiet => {}
            other => break other,
        }
    };
    assert!(matches!(driven, Driven::Lost(Lost::Ended(_))), "{driven:?}");
    client.reconnect(DEADLINE).await.unwrap();
    mock.push(1, &delivery(1)).await;
    assert_eq!(next_id(&mut client).await, 1);
    assert_eq!(client.connections(), 2);
    let allocations = mock.allocations();
    assert!(allocations[0].starts_with("/trouter/v4/a?cor_id=endpoint-1&con_num=1_1&epid=endpoint-1"));
    assert!(allocations[1].starts_with("/v4/a?"), "{allocations:?}");
    assert!(allocations[1].contains("&sig=c2ln&") && allocations[1].contains("epid=endpoint-1"));
}

#[tokio::test]
async fn a_move_makes_the_next_connection_first_and_reads_the_old_one_on() {
    let (mock, options, tasks) = world().await;
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    mock.push(0, "5:::{\"name\":\"trouter.reconnect\",\"args\":[{\"target\":\"self\"}]}").await;
    while client.receive(DEADLINE).await.unwrap() != Driven::Moved {}
    mock.push(0, &delivery(7)).await;
    assert_eq!(next_id(&mut client).await, 7);
    mock.end(0);
    mock.push(1, &delivery(1)).await;
    assert_eq!(next_id(&mut client).await, 1);
    assert_eq!(client.connections(), 2);
}

#[tokio::test]
async fn a_server_that_ends_the_connection_is_understood() {
    let (mock, options, tasks) = world().await;
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    mock.push(0, "0:::{\"reason\":\"unauthorized\"}").await;
    let driven = loop {
        match client.receive(DEADLINE).await.unwrap() {
            Driven::Read | Driven::Quiet => {}
            other => break other,
        }
    };
    assert_eq!(driven, Driven::Lost(Lost::Disconnected(Some("unauthorized".to_owned()))));
    assert!(!client.is_connected());
}

#[tokio::test]
async fn polls_carry_the_same_notifications() {
    let (mock, options, tasks) = world().await;
    let options = Options { transport: Transport::Polling, ..options };
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    mock.push(0, &delivery(1)).await;
    mock.push(0, &delivery(2)).await;
    assert_eq!([next_id(&mut client).await, next_id(&mut client).await], [1, 2]);
    let said =
        mock.until(|said| said.iter().map(|text| text.matches("3:::").count()).sum::<usize>() == 2).await;
    assert!(said.iter().all(|text| !text.contains("user.activity") && !text.contains("ping")), "{said:?}");
}

#[tokio::test]
async fn a_refused_socket_falls_back_to_polls() {
    let (mock, options, tasks) = world().await;
    mock.refuse_sockets();
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    mock.push(0, &delivery(1)).await;
    assert_eq!(next_id(&mut client).await, 1);
}

#[tokio::test]
async fn a_client_that_hangs_answers_nothing() {
    let (mock, options, tasks) = world().await;
    let options = Options { answers: false, ..options };
    let mut client = ChatClient::connect(options, &tasks).await.unwrap();
    mock.push(0, &delivery(1)).await;
    assert_eq!(next_id(&mut client).await, 1);
    client.set_answering(true);
    mock.push(0, &delivery(2)).await;
    assert_eq!(next_id(&mut client).await, 2);
    let said = mock.until(|said| said.iter().any(|text| text.starts_with("3:::"))).await;
    let answers: Vec<&String> = said.iter().filter(|text| text.starts_with("3:::")).collect();
    assert!(answers.len() == 1 && answers[0].starts_with("3:::{\"id\":2,"), "{said:?}");
}
