//! Connections that change hands, tokens in other headers, bodies and limits of single operations.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prometheus_client::registry::Registry;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use trunkline_kernel::limits::{LimitSet, NamedLimit, RequestRate};
use trunkline_kernel::{Clock as _, ManualClock, SeededEntropy, Timestamp};
use trunkline_tasks::Tasks;
use trunkline_testkit::{Answer, Call, FixedDirectory, FixedOperators, FixedResources, app};
use trunkline_web::app::Parts;
use trunkline_web::metrics::Metrics;
use trunkline_web::{
    Allow, ApiError, App, Context, Method, Operation, RateScope, Reply, RequestBody, Role, Routes, ScopedRate,
};

const READER: &[Allow] = &[Allow::Operator(Role::Reader)];

static SWITCH: Operation = Operation::own("Switch", Method::Get, "/switch/{*rest}", &[Allow::Anyone]);
static POLL: Operation = Operation {
    token_header: Some("x-skypetoken"),
    is_quiet: true,
    ..Operation::own("Poll", Method::Get, "/poll/", READER)
};
static UPLOAD: Operation = Operation {
    body: RequestBody::Binary,
    body_bytes_max: Some(100_000),
    ..Operation::own("Upload", Method::Post, "/images", &[Allow::Anyone])
};
static SEND: Operation = Operation {
    scoped_rates: &[ScopedRate {
        scope: RateScope::CallerAndPath("thread"),
        rate: NamedLimit { generous: None, acs: Some(RequestRate::per_seconds(2, 60)) },
    }],
    ..Operation::own("Send", Method::Get, "/threads/{thread}", READER)
};
static LIST: Operation = Operation::own("List", Method::Get, "/list", &[Allow::Anyone]);

struct World {
    app: App,
    clock: Arc<ManualClock>,
    tasks: Tasks,
    switched: Arc<AtomicUsize>,
}

impl World {
    fn new() -> Arc<Self> {
        let tasks = Tasks::new();
        let switched = Arc::new(AtomicUsize::new(0));
        let state = Arc::new((tasks.clone(), Arc::clone(&switched)));
        let routes = Routes::new()
            .add(&SWITCH, &state, |state, context| async move { switch(&state.0, &state.1, context) })
            .add(&POLL, &state, |_, context| async move {
                Ok(Reply::text(StatusCode::OK, context.principal.key()))
            })
            .add(&UPLOAD, &state, |_, context| async move {
                Ok(Reply::bytes(StatusCode::OK, "image/png", context.body().slice(..1)))
            })
            .add(&SEND, &state, |_, _| async move { Ok(Reply::empty(StatusCode::OK)) })
            .add(&LIST, &state, |_, context| async move { list(&context) });
        let clock = Arc::new(ManualClock::new(Timestamp::from_seconds(1_795_262_400)));
        let app = App::new(Parts {
            routes,
            resources: Arc::new(FixedResources::default()),
            bearers: vec![Arc::new(FixedDirectory), Arc::new(FixedOperators)],
            spend: None,
            settings: app::settings(LimitSet::Acs),
            continuation_secret: vec![7; 32],
            clock: Arc::clone(&clock) as _,
            entropy: Arc::new(SeededEntropy::new(1)),
            metrics: Metrics::register(&mut Registry::default()),
        });
        Arc::new(Self { app, clock, tasks, switched })
    }

    async fn call(&self, call: Call) -> Answer {
        Answer::read(self.app.handle(call.into_request(self.clock.now()), app::peer()).await).await
    }

    /// Serves one connection in memory.
    fn serve(self: &Arc<Self>, is_http2: bool) -> TokioIo<DuplexStream> {
        let (client, server) = duplex(64 * 1024);
        let world = Arc::clone(self);
        let service = service_fn(move |request| {
            let world = Arc::clone(&world);
            async move { Ok::<_, std::convert::Infallible>(world.app.handle(request, app::peer()).await) }
        });
        let server = TokioIo::new(server);
        if is_http2 {
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(server, service);
            self.tasks.spawn_quiet(async { drop(connection.await) });
        } else {
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(server, service);
            self.tasks.spawn_quiet(async { drop(connection.with_upgrades().await) });
        }
        TokioIo::new(client)
    }
}

/// Echoes once in capitals, over the connection that was HTTP.
fn switch(tasks: &Tasks, switched: &Arc<AtomicUsize>, mut context: Context) -> Result<Reply, ApiError> {
    assert_eq!(context.path("rest"), "a/b");
    let Some(upgrade) = context.take_upgrade() else {
        return Err(ApiError::new(StatusCode::UPGRADE_REQUIRED, "UpgradeRequired", "This needs HTTP/1.1."));
    };
    let switched = Arc::clone(switched);
    tasks.spawn_quiet(async move {
        let mut stream = TokioIo::new(upgrade.await.expect("the other end is a test's"));
        switched.fetch_add(1, Ordering::SeqCst);
        let mut text = [0; 5];
        stream.read_exact(&mut text).await.expect("the other end is a test's");
        stream.write_all(&text.to_ascii_uppercase()).await.expect("the other end is a test's");
        stream.shutdown().await.expect("the other end is a test's");
    });
    let mut headers = HeaderMap::new();
    headers.insert(header::UPGRADE, HeaderValue::from_static("echo"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    Ok(Reply::switching(headers))
}

fn list(context: &Context) -> Result<Reply, ApiError> {
    let size = context.page_size_of(200)?;
    let start = context.time_query("startTime")?.map(Timestamp::as_seconds);
    let page = context.page(vec![json!({ "size": size, "skip": context.skip()?, "start": start })], Some(&7));
    Ok(Reply::json(StatusCode::OK, &page))
}

fn switch_request(is_http2: bool) -> Request<Empty<Bytes>> {
    if is_http2 {
        let request = Request::get("https://localhost/switch/a/b").version(http::Version::HTTP_2);
        return request.body(Empty::new()).expect("a request that can be sent");
    }
    let request = Request::get("/switch/a/b").header("host", "localhost").header("upgrade", "echo");
    request.header("connection", "upgrade").body(Empty::new()).expect("a request that can be sent")
}

#[tokio::test]
async fn a_handler_takes_the_connection_over_and_the_client_loses_no_byte() {
    let world = World::new();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(world.serve(false)).await.unwrap();
    world.tasks.spawn_quiet(async { drop(connection.with_upgrades().await) });
    let answer = sender.send_request(switch_request(false)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(answer.headers()["upgrade"], "echo");
    assert!(answer.headers().contains_key("x-ms-request-id"));
    let mut stream = TokioIo::new(hyper::upgrade::on(answer).await.unwrap());
    stream.write_all(b"hello").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert_eq!(text, "HELLO");
    assert_eq!(world.switched.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn requests_that_cannot_be_upgraded_are_told_so() {
    let world = World::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), world.serve(true)).await.unwrap();
    world.tasks.spawn_quiet(async { drop(connection.await) });
    let answer = sender.send_request(switch_request(true)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::UPGRADE_REQUIRED);
    answer.into_body().collect().await.unwrap();
    world.call(Call::get("/switch/a/b")).await.expect_error(426, "UpgradeRequired");
    assert_eq!(world.switched.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_token_may_stand_bare_in_a_header_of_its_own_and_only_there() {
    let world = World::new();
    let answer = world.call(Call::get("/poll/").header("x-skypetoken", "reader")).await.expect(200);
    assert_eq!(answer.bytes, "operator:reader");
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    world.call(Call::get("/poll/").bearer("reader")).await.expect_denied("CredentialsMissing");
    world.call(Call::get("/poll/").header("x-skypetoken", "nobody")).await.expect_denied("TokenUnknown");
    let twice = Call::get("/poll/").header("x-skypetoken", "reader").header("x-skypetoken", "owner");
    world.call(twice).await.expect_invalid("x-skypetoken");
    let stranger = Call::get("/poll/").header("x-skypetoken", "app:data:contributor");
    assert_ne!(world.call(stranger).await.status, 200);
}

#[tokio::test]
async fn an_operation_may_take_larger_bodies_of_any_type() {
    let world = World::new();
    let upload = |bytes: usize| Call::post("/images").body("image/anything", vec![137; bytes]);
    let answer = world.call(upload(100_000)).await.expect(200);
    assert_eq!((answer.bytes.as_ref(), answer.header("content-type")), (&[137][..], "image/png"));
    world.call(upload(100_001)).await.expect_error(413, "RequestBodyTooLarge");
}

#[tokio::test]
async fn a_caller_has_a_budget_of_its_own_in_each_part() {
    let world = World::new();
    let send = |thread: &str, token: &str| world.call(Call::get(format!("/threads/{thread}")).bearer(token));
    for _ in 0..2 {
        send("a", "reader").await.expect(200);
    }
    let refused = send("a", "reader").await.expect_error(429, "TooManyRequests");
    assert_eq!(refused.header("retry-after"), "30");
    send("a", "owner").await.expect(200);
    send("b", "reader").await.expect(200);
}

#[tokio::test]
async fn pages_have_the_operations_own_size_and_skip_once() {
    let world = World::new();
    let value = |answer: Answer| answer.expect(200).body["value"][0].clone();
    let expected =
        |size: u32, skip: u32, start: Option<i64>| json!({ "size": size, "skip": skip, "start": start });
    assert_eq!(value(world.call(Call::get("/list")).await), expected(200, 0, None));
    let first = world.call(Call::get("/list?maxPageSize=500&skip=3&startTime=1970-01-01T00:00:09Z")).await;
    let next = first.body["nextLink"].as_str().unwrap().to_owned();
    assert_eq!(value(first), expected(200, 3, Some(9)));
    assert!(!next.contains("skip=") && next.contains("startTime="), "{next}");
    let target = next.strip_prefix(app::ORIGIN).unwrap();
    assert_eq!(value(world.call(Call::get(target)).await), expected(200, 0, Some(9)));
    let asked_again = format!("{target}&skip=5");
    assert_eq!(value(world.call(Call::get(asked_again)).await), expected(200, 0, Some(9)));
    for (query, target) in
        [("maxPageSize=0", "maxPageSize"), ("skip=-1", "skip"), ("startTime=now", "startTime")]
    {
        world.call(Call::get(format!("/list?{query}"))).await.expect_invalid(target);
    }
}
