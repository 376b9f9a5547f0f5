//! Bodies: JSON that is none, too much of it, too slow, of another kind.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use serde_json::json;
use trunkline_kernel::Clock as _;
use trunkline_testkit::{Call, app};

use crate::harness::{THING, Web, create};

const CREATE: &str = "/things?api-version=2025-01-01";

#[tokio::test]
async fn what_is_no_json_is_refused() {
    let web = Web::new();
    let nested = |depth: usize| format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
    let deep = nested(33);
    let bomb = "[".repeat(60_000);
    for bad in [
        "",
        " ",
        "{",
        "}",
        "{]",
        "{'a':1}",
        r#"{"a":1,}"#,
        r#"{"a":1}{"#,
        r#"{"a":1,"a":1}"#,
        r#"{"a":[{"b":1,"b":2}]}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"{"a":"\ud800"}"#,
        r#"{"a":1e999}"#,
        r#"{"a":NaN}"#,
        "\u{feff}{}",
        "[]",
        "[1]",
        "1",
        "null",
        r#""text""#,
        &deep,
        &bomb,
        &format!(r#"{{"a":{bomb}"#),
    ] {
        web.signed(Call::post(CREATE).body("application/json", bad)).await.expect_invalid("body");
    }
    let latin = Call::post(CREATE).body("application/json", b"{\"a\":\"\xe9\"}".to_vec());
    web.signed(latin).await.expect_invalid("body");
    assert_eq!(web.acted(), 0);
    let most = web.signed(Call::post(CREATE).body("application/json", nested(32))).await.expect(200);
    assert!(most.body["body"].is_object());
    web.signed(Call::post(CREATE).body("application/json", " \r\n\t{}")).await.expect(200);
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let web = Web::new();
    for kind in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "json", "", "application/"]
    {
        let answer = web.signed(Call::post(CREATE).body(kind, "{}")).await;
        answer.expect_error(415, "UnsupportedMediaType");
    }
    web.signed(Call::post(CREATE).raw_body("{}")).await.expect_error(415, "UnsupportedMediaType");
    let bytes = Call::post(CREATE).raw_body("{}").header("content-type", *b"application/json\xff");
    web.signed(bytes).await.expect_error(415, "UnsupportedMediaType");
    assert_eq!(web.acted(), 0);
    for kind in ["application/json", "APPLICATION/JSON;charset=UTF-8", "application/problem+json ; x=y"] {
        web.signed(Call::post(CREATE).body(kind, "{}")).await.expect(200);
    }
}

#[tokio::test]
async fn a_merge_patch_is_an_object() {
    let web = Web::new();
    let patch = |kind: &str, body: &str| web.signed(Call::new("PATCH", THING).body(kind, body));
    for kind in ["application/merge-patch+json", "application/json"] {
        let answer = patch(kind, r#"{"a":null,"b":{"c":[1]}}"#).await.expect(200);
        assert_eq!(answer.body["body"], json!({ "a": null, "b": { "c": [1] } }));
        for body in ["[]", "null", "1", "", r#"{"a":1,"a":2}"#] {
            patch(kind, body).await.expect_invalid("body");
        }
    }
    patch("text/plain", "{}").await.expect_error(415, "UnsupportedMediaType");
}

#[tokio::test]
async fn large_bodies_are_cut_off() {
    let web = Web::new();
    let limit = 64 * 1024;
    let of_size = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8));
    web.signed(Call::post(CREATE).body("application/json", of_size(limit))).await.expect(200);
    let larger = Call::post(CREATE).body("application/json", of_size(limit + 1));
    web.signed(larger).await.expect_error(413, "RequestBodyTooLarge");
    let announced = create().header("content-length", "18446744073709551615");
    web.signed(announced).await.expect_error(413, "RequestBodyTooLarge");
    // Also where a body is of no interest.
    let ignored = Call::get(THING).raw_body("x".repeat(limit + 1));
    web.signed(ignored).await.expect_error(413, "RequestBodyTooLarge");
    assert_eq!(web.acted(), 1);
}

/// A body of pieces of a kilobyte each, and how many of them were taken.
fn pieces(count: usize) -> (impl http_body::Body<Data = Bytes, Error = Infallible> + Send, Arc<AtomicUsize>) {
    let taken = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&taken);
    let pieces = (0..count).map(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok(Frame::data(Bytes::from(vec![b' '; 1024])))
    });
    (StreamBody::new(stream::iter(pieces)), taken)
}

/// A client that writes all before it reads would never see the answer otherwise.
#[tokio::test]
async fn a_refused_request_is_heard_to_its_end() {
    let web = Web::new();
    let refused = |target: &str| Call::post(target).into_request(web.clock.now()).map(drop);
    for (request, status) in [
        (refused("/nowhere"), 404),
        (refused(CREATE), 401),
        (with_body(&web, ()), 413),
        (
            create()
                .header("content-length", "70000")
                .signed(&web.key())
                .into_request(web.clock.now())
                .map(drop),
            413,
        ),
    ] {
        let (body, taken) = pieces(70);
        let answer = web.send(request.map(|()| body), app::peer()).await;
        assert_eq!((answer.status, taken.load(Ordering::Relaxed)), (status, 70));
    }
    // Whoever asks first whether to send gets the answer at once, unless the body was wanted.
    for (mut request, status, heard) in [(refused("/nowhere"), 404, 0), (with_body(&web, ()), 413, 70)] {
        let (body, taken) = pieces(70);
        request.headers_mut().insert("expect", HeaderValue::from_static("100-continue"));
        let answer = web.send(request.map(|()| body), app::peer()).await;
        assert_eq!((answer.status, taken.load(Ordering::Relaxed)), (status, heard));
    }
    assert_eq!(web.acted(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_refused_request_is_not_heard_for_ever() {
    let web = Web::new();
    let (body, taken) = pieces(usize::MAX);
    let endless = Call::post("/nowhere").into_request(web.clock.now()).map(|_| body);
    assert_eq!(web.send(endless, app::peer()).await.status, 404);
    assert_eq!(taken.load(Ordering::Relaxed), 16 * 1024 + 1);
    let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let silent = Call::post("/nowhere").into_request(web.clock.now()).map(|_| never);
    assert_eq!(web.send(silent, app::peer()).await.status, 404);
}

fn with_body<B>(web: &Web, body: B) -> Request<B> {
    let (parts, _) = create().signed(&web.key()).into_request(web.clock.now()).into_parts();
    Request::from_parts(parts, body)
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_in_time_is_not_waited_for() {
    let web = Web::new();
    let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    web.send(with_body(&web, never), app::peer()).await.expect_error(408, "RequestTimeout");
    // A byte now and then does not help: the whole body has one time limit.
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from_static(b" "))), ()))
    });
    let slow = StreamBody::new(Box::pin(drops));
    web.send(with_body(&web, slow), app::peer()).await.expect_error(408, "RequestTimeout");
    assert_eq!(web.acted(), 0);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_the_clients_fault() {
    let web = Web::new();
    let frames = [Ok(Frame::data(Bytes::from_static(b"{"))), Err(std::io::Error::other("reset"))];
    let broken = StreamBody::new(stream::iter(frames));
    web.send(with_body(&web, broken), app::peer()).await.expect_invalid("body");
    let missing = with_body(&web, Empty::<Bytes>::new().boxed());
    web.send(missing, app::peer()).await.expect_denied("ContentHashMismatch");
    assert_eq!(web.acted(), 0);
}

#[tokio::test]
async fn without_credentials_no_body_is_read() {
    let web = Web::new();
    let (parts, _) = create().into_request(web.clock.now()).into_parts();
    let never = StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>());
    let answer = web.send(Request::from_parts(parts, never), app::peer()).await;
    answer.expect_denied("CredentialsMissing");
}

#[tokio::test]
async fn a_form_is_read_field_by_field() {
    let web = Web::new();
    let form = |text: &str| Call::post("/form").body("application/x-www-form-urlencoded", text);
    let answer = web.signed(form("grant_type=a+b&scope=c%2Fd&empty=")).await.expect(200);
    assert_eq!(answer.body["body"], json!({ "grant_type": "a b", "scope": "c/d", "empty": "" }));
    for refused in ["a=1&a=2", "a=%zz", "a=%ff"] {
        web.signed(form(refused)).await.expect_error(400, "BadRequest");
    }
    let other = Call::post("/form").json(&json!({ "a": "1" }));
    web.signed(other).await.expect_error(415, "UnsupportedMediaType");
    assert_eq!(web.acted(), 1);
}
