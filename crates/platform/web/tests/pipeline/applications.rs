//! Entra applications and spend limits: class of route, role, place.

use trunkline_testkit::{Call, app};

use crate::harness::Web;

fn post(target: &str, token: &str) -> Call {
    Call::post(target).bearer(token)
}

#[tokio::test]
async fn an_application_needs_its_role_on_the_resource_of_the_host() {
    let web = Web::new();
    web.call(post("/application", "app:data:contributor")).await.expect(200);
    web.call(post("/application", "app:data:owner:1")).await.expect(200);
    web.call(post("/application", "app:data:owner:2")).await.expect_error(403, "Forbidden");
    web.call(post("/application", "app:data:owner:2").host(app::OTHER_HOST)).await.expect(200);
    for token in ["app:data:reader", "app:data:none", "app:data:sms-sender"] {
        web.call(post("/application", token)).await.expect_error(403, "Forbidden");
    }
    web.call(post("/application", "app:management:owner")).await.expect_denied("AudienceInvalid");
    web.call(post("/application", "user:t:o:c")).await.expect_error(403, "Forbidden");
    web.call(Call::post("/application")).await.expect_denied("CredentialsMissing");
    assert_eq!(web.acted(), 3);
}

#[tokio::test]
async fn a_manager_needs_its_role_on_the_resource_of_the_path() {
    let web = Web::new();
    web.call(post("/subscriptions/other/manage", "app:management:contributor:2")).await.expect(200);
    web.call(post("/Subscriptions/OTHER/Manage", "app:management:contributor:2")).await.expect(200);
    let elsewhere = post("/subscriptions/dev/manage", "app:management:contributor:2");
    web.call(elsewhere).await.expect_error(403, "Forbidden");
    let unknown = post("/subscriptions/nobody/manage", "app:management:contributor:2");
    web.call(unknown).await.expect_error(403, "Forbidden");
    web.call(post("/subscriptions/other/manage", "app:data:owner")).await.expect_denied("AudienceInvalid");
    let signed = Call::post("/subscriptions/other/manage").signed(&web.key());
    web.call(signed).await.expect_error(403, "Forbidden");
    assert_eq!(web.acted(), 2);
}

#[tokio::test]
async fn signatures_are_refused_where_local_authentication_is_off() {
    let web = Web::new();
    web.resources.disable_local_auth("dev");
    let key = web.key();
    web.call(Call::post("/metered").signed(&key)).await.expect_denied("LocalAuthDisabled");
    web.call(Call::post("/metered").signed(&[1; 64])).await.expect_denied("SignatureMismatch");
    web.call(post("/application", "app:data:contributor")).await.expect(200);
    assert_eq!(web.acted(), 1);
}

#[tokio::test]
async fn a_spend_limit_stops_metered_operations_of_its_resource_only() {
    let web = Web::new();
    web.signed(Call::post("/metered")).await.expect(200);
    let key = web.key_of("other", trunkline_web::KeySlot::Primary);
    let stopped = Call::post("/metered").host(app::OTHER_HOST).signed(&key);
    web.call(stopped).await.expect_error(403, "Forbidden");
    web.call(post("/application", "app:data:owner").host(app::OTHER_HOST)).await.expect(200);
    assert_eq!(web.acted(), 2);
}
