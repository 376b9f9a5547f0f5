//! Whatever comes in, the answer is a well-formed one and nothing panics.

use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use tokio::runtime::Runtime;
use trunkline_kernel::Clock as _;
use trunkline_testkit::{Answer, Call, app};

use crate::harness::Web;

static WEB: LazyLock<Web> = LazyLock::new(Web::new);
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made")
});

/// The answer, when the request can be sent at all.
fn answer(call: Call) -> Option<Answer> {
    let request = call.try_into_request(WEB.clock.now()).ok()?;
    Some(RUNTIME.block_on(WEB.send(request, app::peer())))
}

fn is_well_formed(answer: &Answer) -> bool {
    let error = &answer.body["error"];
    let is_error_told = error["code"].is_string() && error["message"].is_string();
    // `/things/panic` panics on purpose; no generator here spells it.
    answer.status < 500 && (answer.status < 400 || is_error_told)
}

fn method() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec!["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]).prop_map(str::to_owned),
        1 => "[A-Z]{1,8}".prop_filter("a reply to HEAD has no body", |method| method != "HEAD"),
    ]
}

fn target() -> impl Strategy<Value = String> {
    prop_oneof![
        "/[!-~]{0,40}",
        "/(things|rooms|open|chat|owned)/?[!-~]{0,20}",
        "/things/[a-z0-9%:+]{0,12}\\?api-version=[!-~]{0,20}&[!-~]{0,20}",
        "/things\\?api-version=2025-01-01(&[!-~]{0,10}){0,3}",
    ]
}

fn header() -> impl Strategy<Value = (String, Vec<u8>)> {
    let names = vec![
        "authorization",
        "content-type",
        "content-length",
        "date",
        "x-ms-date",
        "x-ms-content-sha256",
        "x-ms-client-request-id",
        "x-forwarded-host",
        "origin",
        "access-control-request-method",
        "repeatability-request-id",
        "repeatability-first-sent",
        "x-anything",
    ];
    let name = prop::sample::select(names).prop_map(str::to_owned);
    let value = prop_oneof![
        vec(any::<u8>(), 0..40),
        "(Bearer|HMAC-SHA256) [!-~]{0,30}".prop_map(String::into_bytes),
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=[A-Za-z0-9+/=]{0,50}"
            .prop_map(String::into_bytes),
        "(application/json|[a-z/+;=]{0,20})".prop_map(String::into_bytes),
    ];
    (name, value)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..60), "[\\[\\]{}\":,a-c0-9\\\\]{0,60}".prop_map(String::into_bytes),]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn strangers_get_a_well_formed_answer(
        method in method(),
        target in target(),
        host in "[!-~]{0,30}",
        headers in vec(header(), 0..6),
        body in body(),
    ) {
        let mut call = Call::new(&method, target).host(&host).raw_body(body);
        for (name, value) in headers {
            call = call.header(&name, value);
        }
        if let Some(answer) = answer(call) {
            prop_assert!(is_well_formed(&answer), "{} {}", answer.status, answer.body);
        }
    }

    #[test]
    fn signed_nonsense_gets_a_well_formed_answer(
        method in method(),
        target in target(),
        kind in "(application/json|application/merge-patch\\+json|[!-~]{0,20})",
        body in body(),
    ) {
        let call = Call::new(&method, target).body(&kind, body).signed(&WEB.key());
        if let Some(answer) = answer(call) {
            prop_assert!(is_well_formed(&answer), "{} {}", answer.status, answer.body);
        }
    }
}
