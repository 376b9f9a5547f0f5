//! Handlers that fail.

use trunkline_testkit::Call;

use crate::harness::{THING, Web};

#[tokio::test]
async fn a_panic_is_an_answer_and_the_server_goes_on() {
    let web = Web::new();
    for call in
        [Call::post("/panic?api-version=2025-01-01"), Call::get("/things/panic?api-version=2025-01-01")]
    {
        let call = call.header("x-ms-client-request-id", "c").header("origin", "https://a.example");
        let answer = web.signed(call).await.expect_error(500, "InternalServerError");
        assert!(!answer.body.to_string().contains("asked to panic"), "the cause stays inside");
        assert_eq!(answer.header("x-ms-client-request-id"), "c");
        assert_eq!(answer.header("access-control-allow-origin"), "https://a.example");
    }
    assert_eq!(web.acted(), 0);
    web.signed(Call::get(THING)).await.expect(200);
}
