//! What every reply carries.

use std::time::Duration;

use trunkline_kernel::limits::{LimitSet, RequestRate};
use trunkline_testkit::{Call, app};
use trunkline_web::KeySlot;

use crate::harness::{THING, Web, create};

#[tokio::test]
async fn request_ids_are_the_servers_and_client_request_ids_come_back() {
    let web = Web::new();
    let echo = |call: Call| web.call(call.header("x-ms-client-request-id", "client-1"));
    let good = echo(Call::get(THING).signed(&web.key())).await.expect(200);
    let bad = echo(Call::get(THING)).await.expect_denied("CredentialsMissing");
    let nowhere = echo(Call::get("/nowhere")).await.expect_error(404, "NotFound");
    let mut seen = Vec::new();
    for answer in [&good, &bad, &nowhere] {
        assert_eq!(answer.header("x-ms-client-request-id"), "client-1");
        assert_eq!(answer.header("ms-cv"), answer.header("x-ms-request-id"));
        assert!(answer.header("x-ms-request-id").parse::<uuid::Uuid>().is_ok());
        assert!(!seen.contains(&answer.header("x-ms-request-id")), "each request has its own");
        seen.push(answer.header("x-ms-request-id"));
    }
    assert_eq!(good.header("api-supported-versions"), "2024-01-01, 2025-01-01");
    assert_eq!(nowhere.header("api-supported-versions"), "");
    let without = web.call(Call::get("/open")).await.expect(200);
    assert!(without.headers.get("x-ms-client-request-id").is_none());
    assert_eq!(without.header("api-supported-versions"), "");
}

#[tokio::test]
async fn nothing_a_client_sends_becomes_a_header_of_its_own() {
    let web = Web::new();
    let path = "/things/a%0d%0aset-cookie:%20x=1?api-version=2025-01-01&q=%0d%0ax-evil:%201";
    let call = Call::get(path).header("origin", "https://a.example").signed(&web.key());
    let answer = web.call(call).await.expect(200);
    assert!(answer.headers.get("set-cookie").is_none() && answer.headers.get("x-evil").is_none());
    assert_eq!(answer.body["id"], "a\r\nset-cookie: x=1");
    // What cannot be a header value does not even get here.
    let now = trunkline_kernel::Timestamp::EPOCH;
    let split = Call::get("/open").header("x-ms-client-request-id", "a\r\nset-cookie: x=1");
    assert!(split.try_into_request(now).is_err());
    let bytes = Call::get("/open").header("x-ms-client-request-id", *b"\xff\t\xfe");
    let answer = web.call(bytes).await.expect(200);
    assert_eq!(answer.headers["x-ms-client-request-id"].as_bytes(), b"\xff\t\xfe");
}

#[tokio::test]
async fn limits_say_when_a_retry_can_help() {
    let web = Web::with(|settings| settings.limits = LimitSet::Acs);
    web.signed(create()).await.expect(200);
    web.signed(create()).await.expect(200);
    let refused = web.signed(create()).await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "15");
    assert_eq!(web.acted(), 2);
    web.signed(Call::get(THING)).await.expect(200);
    let other = create().host(app::OTHER_HOST).signed(&web.key_of("other", KeySlot::Primary));
    web.call(other).await.expect(200);
    // What is refused for who it comes from takes nothing from the budget.
    web.clock.advance(Duration::from_secs(15));
    for _ in 0..5 {
        let stranger = web.call(create().signed(&[1; 64])).await;
        assert!(stranger.expect_denied("SignatureMismatch").headers.get("retry-after").is_none());
    }
    web.signed(create()).await.expect(200);
}

#[tokio::test]
async fn a_configured_limit_comes_before_those_of_the_set() {
    let web = Web::with(|settings| {
        settings.rates.insert("Things_Get".to_owned(), RequestRate::per_seconds(1, 60));
    });
    web.signed(Call::get(THING)).await.expect(200);
    let refused = web.signed(Call::get(THING)).await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "60");
    for _ in 0..10 {
        web.signed(create()).await.expect(200);
    }
}
