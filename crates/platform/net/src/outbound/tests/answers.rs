//! What comes back over a connection, and what is left of the connection.

use trunkline_testkit::Behaviour;

use super::*;

#[tokio::test]
async fn requests_share_a_connection_and_go_where_the_address_says() {
    let sink =
        Sink::start(Behaviour::Answer { status: 200, headers: Vec::new(), body: "fine".to_owned() }).await;
    let mut connection = World::default().connect_to(&sink).await;
    assert!(connection.is_fresh());
    for body in ["one", "two", "three"] {
        let head = connection.exchange(post(body)).await.expect("an answer");
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["content-length"], "4");
        assert!(connection.drain().await);
    }
    assert!(!connection.is_fresh());
    let received = sink.received();
    assert_eq!((received.len(), sink.connections()), (3, 1));
    assert_eq!(received[1].target, "/hook?code=s3cret");
    assert_eq!(received[1].header("host"), sink.address().to_string());
    assert_eq!(received[2].body, b"three");
}

#[tokio::test]
async fn a_body_that_was_not_drained_is_drained_by_the_next_exchange() {
    let sink =
        Sink::start(Behaviour::Answer { status: 200, headers: Vec::new(), body: "x".repeat(1000) }).await;
    let mut connection = World::default().connect_to(&sink).await;
    for _ in 0..3 {
        connection.exchange(post("{}")).await.expect("an answer");
    }
    assert_eq!(sink.connections(), 1);
}

#[tokio::test]
async fn redirects_are_answers_and_are_not_followed() {
    let elsewhere = Sink::start(Behaviour::Status(200)).await;
    let sink = Sink::start(Behaviour::Redirect(elsewhere.url("/"))).await;
    let mut connection = World::default().connect_to(&sink).await;
    let head = connection.exchange(post("{}")).await.expect("an answer");
    assert_eq!(head.status, 307);
    assert!(connection.drain().await);
    assert_eq!((sink.count(), elsewhere.connections()), (1, 0));
}

#[tokio::test]
async fn an_endless_body_costs_the_connection_and_nothing_else() {
    let sink = Sink::start(Behaviour::EndlessBody).await;
    let mut connection = World::default().connect_to(&sink).await;
    let head = connection.exchange(post("{}")).await.expect("the head");
    assert_eq!(head.status, 200);
    assert!(!connection.is_reusable());
    assert!(!connection.drain().await);
    assert!(matches!(connection.exchange(post("{}")).await, Err(OutboundError::Closed { .. })));
    assert_eq!(sink.count(), 1);
}

#[tokio::test]
async fn a_slow_body_is_waited_for_as_long_as_the_bound_says() {
    let slow = Behaviour::SlowBody { bytes: 1000, pause: Duration::from_millis(20) };
    let sink = Sink::start(slow).await;
    let world = World {
        bounds: OutboundBounds { answer_body_wait: SHORT, ..OutboundBounds::default() },
        ..World::default()
    };
    let mut connection = world.connect_to(&sink).await;
    assert_eq!(connection.exchange(post("{}")).await.expect("the head").status, 200);
    assert!(!connection.drain().await);

    sink.set(Behaviour::SlowBody { bytes: 3, pause: Duration::from_millis(1) });
    let mut connection = World::default().connect_to(&sink).await;
    connection.exchange(post("{}")).await.expect("the head");
    assert!(connection.drain().await);
}

#[tokio::test]
async fn heads_are_bounded_in_bytes_and_in_lines() {
    let sink = Sink::start(Behaviour::EndlessHead).await;
    let mut connection = World::default().connect_to(&sink).await;
    assert_eq!(connection.exchange(post("{}")).await, Err(OutboundError::TooLarge));
    assert!(!connection.is_reusable());

    let headers = |count: usize| (0..count).map(|number| (format!("X-{number}"), "1".to_owned())).collect();
    // `Content-Length` is one more.
    sink.set(Behaviour::Answer { status: 200, headers: headers(63), body: String::new() });
    let mut connection = World::default().connect_to(&sink).await;
    assert_eq!(connection.exchange(post("{}")).await.expect("64 headers").headers.len(), 64);
    sink.set(Behaviour::Answer { status: 200, headers: headers(64), body: String::new() });
    assert_eq!(connection.exchange(post("{}")).await, Err(OutboundError::TooLarge));
}

#[tokio::test]
async fn an_exchange_that_was_given_up_leaves_nothing_to_reuse() {
    for behaviour in [Behaviour::Hang, Behaviour::SlowHead { pause: Duration::from_mins(1) }] {
        let sink = Sink::start(behaviour.clone()).await;
        let mut connection = World::default().connect_to(&sink).await;
        let waited = tokio::time::timeout(SHORT, connection.exchange(post("{}"))).await;
        assert!(waited.is_err(), "{behaviour:?}");
        assert!(!connection.is_reusable(), "{behaviour:?}");
        let again = connection.exchange(post("{}")).await;
        assert!(matches!(again, Err(OutboundError::Closed { .. })), "{behaviour:?}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_apart() {
    let sink = Sink::start(Behaviour::Garbage).await;
    let mut connection = World::default().connect_to(&sink).await;
    assert!(matches!(connection.exchange(post("{}")).await, Err(OutboundError::Protocol { .. })));
    sink.set(Behaviour::Close);
    let mut connection = World::default().connect_to(&sink).await;
    assert!(matches!(connection.exchange(post("{}")).await, Err(OutboundError::Closed { .. })));
    assert!(connection.is_fresh(), "the error says something of the endpoint");
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_no_word_about_the_endpoint() {
    let sink = Sink::start(Behaviour::AnswerAndClose).await;
    let mut connection = World::default().connect_to(&sink).await;
    assert_eq!(connection.exchange(post("{}")).await.expect("an answer").status, 200);
    assert!(matches!(connection.exchange(post("{}")).await, Err(OutboundError::Closed { .. })));
    assert!(!connection.is_fresh() && !connection.is_reusable());
}

#[tokio::test]
async fn bodies_that_are_wanted_have_a_limit_too() {
    let sink =
        Sink::start(Behaviour::Answer { status: 202, headers: Vec::new(), body: "x".repeat(100) }).await;
    let mut connection = World::default().connect_to(&sink).await;
    let answer = connection.exchange_with_body(post("{}"), 100).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.body().len()), (202, 100));
    assert!(connection.is_reusable());
    let refused = connection.exchange_with_body(post("{}"), 99).await.expect_err("a longer body");
    assert_eq!(refused, OutboundError::TooLarge);
    assert!(!connection.is_reusable());
    sink.set(Behaviour::EndlessBody);
    let mut connection = World::default().connect_to(&sink).await;
    let refused = connection.exchange_with_body(post("{}"), 99).await.expect_err("a longer body");
    assert_eq!(refused, OutboundError::TooLarge);
}

#[tokio::test]
async fn connections_tire_of_waiting() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let world = World::default();
    let second = Duration::from_secs(1);
    let almost = world.bounds.idle.saturating_sub(second);
    let mut connection = world.connect_to(&sink).await;
    world.clock.advance(almost);
    assert!(connection.is_reusable());
    connection.exchange(post("{}")).await.expect("an answer");
    world.clock.advance(almost);
    assert!(connection.is_reusable(), "use counts anew");
    world.clock.advance(second);
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn connections_grow_old_however_busy_they_are() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let world = World::default();
    let mut connection = world.connect_to(&sink).await;
    let step = world.bounds.age / 20;
    for _ in 0..19 {
        connection.exchange(post("{}")).await.expect("an answer");
        world.clock.advance(step);
        assert!(connection.is_reusable());
    }
    connection.exchange(post("{}")).await.expect("an answer");
    world.clock.advance(step);
    assert_eq!(connection.age(), world.bounds.age);
    assert!(!connection.is_reusable());
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let sink = Sink::start(Behaviour::Status(200)).await;
    let mut connection = World::default().connect_to(&sink).await;
    let body: Vec<u8> = (0..1024 * 1024_u32).map(|number| number.to_le_bytes()[1]).collect();
    let request = Request::post("/").body(Bytes::from(body.clone())).expect("a request");
    assert_eq!(connection.exchange(request).await.expect("an answer").status, 200);
    assert!(connection.drain().await);
    assert!(sink.received()[0].body == body);
}

#[tokio::test]
async fn an_answer_that_comes_before_the_body_was_read_counts() {
    let sink = Sink::start(Behaviour::AnswerEarly(413)).await;
    let mut connection = World::default().connect_to(&sink).await;
    let request = Request::post("/").body(Bytes::from(vec![b'x'; 16 * 1024 * 1024])).expect("a request");
    assert_eq!(connection.exchange(request).await.expect("an answer").status, 413);
}
