//! Calls of pages: preflights, and which replies a page may read.

use trunkline_testkit::{Answer, Call};
use trunkline_web::cors::Origins;

use crate::harness::{THING, Web};

const PAGE: &str = "https://app.example";

fn preflight(origin: &str) -> Call {
    Call::new("OPTIONS", THING)
        .header("origin", origin)
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,x-ms-date,x-anything")
}

fn is_readable(answer: &Answer, origin: &str) -> bool {
    let allowed = answer.header("access-control-allow-origin");
    assert!(allowed.is_empty() || allowed == origin);
    assert!(answer.headers.get("access-control-allow-credentials").is_none(), "no cookies are used");
    !allowed.is_empty()
}

#[tokio::test]
async fn a_preflight_allows_what_the_page_asks_for() {
    let web = Web::new();
    let answer = web.call(preflight(PAGE)).await.expect(204);
    assert!(is_readable(&answer, PAGE));
    assert_eq!(answer.header("access-control-allow-headers"), "authorization,x-ms-date,x-anything");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    assert_eq!(answer.header("access-control-max-age"), "7200");
    assert_eq!(answer.header("vary"), "origin");
    assert_eq!(web.acted(), 0);
}

#[tokio::test]
async fn replies_and_errors_can_be_read_by_the_page() {
    let web = Web::new();
    let good = web.signed(Call::get(THING).header("origin", PAGE)).await.expect(200);
    let bad = web.call(Call::get(THING).header("origin", PAGE)).await.expect_denied("CredentialsMissing");
    for answer in [good, bad] {
        assert!(is_readable(&answer, PAGE));
        let exposed = answer.header("access-control-expose-headers").to_owned();
        for name in ["x-ms-request-id", "x-ms-error-code", "retry-after", "operation-location", "etag"] {
            assert!(exposed.contains(name), "{exposed}");
        }
    }
    let no_page = web.signed(Call::get(THING)).await.expect(200);
    assert!(!is_readable(&no_page, ""));
}

#[tokio::test]
async fn only_listed_origins_are_let_in() {
    let web = Web::with(|settings| settings.origins = Origins::Listed(vec![PAGE.to_owned()]));
    assert!(is_readable(&web.call(preflight(PAGE)).await.expect(204), PAGE));
    for origin in ["https://evil.example", "https://app.example.evil.example", "null", "HTTPS://APP.EXAMPLE"]
    {
        assert!(!is_readable(&web.call(preflight(origin)).await.expect(204), origin));
        let answer = web.signed(Call::get(THING).header("origin", origin)).await.expect(200);
        assert!(!is_readable(&answer, origin));
    }
    let bytes = Call::get("/open").header("origin", *b"https://app.example\xff");
    assert!(!is_readable(&web.call(bytes).await.expect(200), PAGE));
}
