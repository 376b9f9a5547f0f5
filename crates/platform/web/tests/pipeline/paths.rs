//! Paths, methods, hosts, queries and headers that are not as they should be.

use trunkline_kernel::Clock as _;
use trunkline_testkit::{Call, app};

use crate::harness::{THING, Web, create};

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let web = Web::new();
    for path in
        ["/", "/thing", "/things/", "/things/7/8", "/Things/7", "/things/../open", "/open/", "/%2Fopen"]
    {
        web.call(Call::get(path)).await.expect_error(404, "NotFound");
        web.signed(Call::get(path)).await.expect_error(404, "NotFound");
    }
    web.call(Call::new("OPTIONS", "*")).await.expect_error(404, "NotFound");
    // One SDK writes two slashes where its endpoint ends in one.
    web.call(Call::get("//open")).await.expect(200);
    web.signed(Call::get(format!("/{THING}"))).await.expect(200);
}

#[tokio::test]
async fn unknown_methods_are_told_what_there_is() {
    let web = Web::new();
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get", "X"] {
        let answer = web.call(Call::new(method, THING)).await.expect_error(405, "MethodNotAllowed");
        assert_eq!(answer.header("allow"), "GET, PATCH", "{method}");
    }
    let head = web.call(Call::new("HEAD", THING)).await.expect(405);
    assert!(head.bytes.is_empty(), "a reply to HEAD has no body");
}

#[tokio::test]
async fn bad_percent_encoding_is_refused() {
    let web = Web::new();
    for path in ["/things/%", "/things/%4", "/things/%zz", "/things/%4%41"] {
        web.signed(Call::get(format!("{path}?api-version=2025-01-01"))).await.expect_invalid("path");
    }
    for path in ["/things/%ff", "/things/%c3%28", "/things/%ed%a0%80"] {
        web.signed(Call::get(format!("{path}?api-version=2025-01-01"))).await.expect_invalid("id");
    }
    for query in ["a=%", "a=%4", "%zz=1", "a=%ff", "%c0%80"] {
        web.signed(Call::get(format!("{THING}&{query}"))).await.expect_invalid("query");
    }
    assert_eq!(web.acted(), 0);
    let odd = web.signed(Call::get("/things/%25%00%2F%0d%0a?api-version=2025-01-01")).await.expect(200);
    assert_eq!(odd.body["id"], "%\u{0}/\r\n");
    web.signed(Call::get(format!("{THING}&&=&a=%2B+&a=2"))).await.expect(200);
}

#[tokio::test]
async fn hosts_of_no_resource_are_not_found() {
    let web = Web::new();
    let key = web.key();
    for host in ["foreign.example", "nobody.comm.example", "no_name.comm.example", "FOREIGN.example:8443"] {
        let call = Call::get(THING).host(host).signed(&key);
        let answer = web.call(call).await.expect_error(404, "NotFound");
        assert_eq!(answer.body["error"]["target"], "host");
        web.call(Call::get("/open").host(host)).await.expect(200);
    }
    web.call(Call::get(THING).host("").signed(&key)).await.expect_invalid("host");
    let bytes = Call::get("/open").host("").header("host", *b"\xff");
    web.call(bytes).await.expect_invalid("host");
    // HTTP/2 names the host in the target.
    let call = Call::get(format!("https://localhost:8443{THING}")).host("");
    let call = call.signing_host("localhost:8443").signing_target(THING).signed(&key);
    web.call(call).await.expect(200);
}

#[tokio::test]
async fn headers_that_decide_something_may_not_be_repeated() {
    let web = Web::new();
    let now = web.clock.now();
    for name in [
        "authorization",
        "content-length",
        "content-type",
        "date",
        "host",
        "repeatability-request-id",
        "x-ms-content-sha256",
        "x-ms-date",
    ] {
        let mut request = create().signed(&web.key()).into_request(now);
        let first = request.headers().get(name).cloned().unwrap_or_else(|| "1".parse().expect("a value"));
        request.headers_mut().insert(name, first.clone());
        request.headers_mut().append(name, first);
        web.send(request, app::peer()).await.expect_invalid(name);
    }
    assert_eq!(web.acted(), 0);
    let harmless = create().header("accept", "a").header("accept", "b");
    web.signed(harmless).await.expect(200);
}

#[tokio::test]
async fn api_versions_are_checked() {
    let web = Web::new();
    let get = |query: &str| web.signed(Call::get(format!("/things/7{query}")));
    get("").await.expect_error(400, "MissingApiVersionParameter");
    get("?api-version").await.expect_error(400, "UnsupportedApiVersionValue");
    get("?Api-Version=2025-01-01").await.expect_error(400, "MissingApiVersionParameter");
    let old = get("?api-version=2023-12-31").await.expect_error(400, "UnsupportedApiVersionValue");
    assert_eq!(old.header("api-supported-versions"), "2024-01-01, 2025-01-01");
    // Fields of later versions are absent in earlier ones.
    for (version, knows) in [
        ("2024-01-01", false),
        ("2024-12-31", false),
        ("ApiVersion.V2024_01_01", false),
        ("2025-01-01", true),
        ("ApiVersion.V2025_01_01", true),
        ("2031-05-05-preview", true),
    ] {
        let answer = get(&format!("?api-version={version}")).await.expect(200);
        assert_eq!(answer.body.get("later").is_some(), knows, "{version}");
        assert_eq!(answer.body["id"], "7");
    }
}
