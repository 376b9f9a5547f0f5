//! Access keys: every form the SDKs sign, and everything that is no signature.

use http::HeaderValue;
use serde_json::json;
use trunkline_kernel::Clock as _;
use trunkline_testkit::{Call, app};
use trunkline_web::{KeySlot, Peer};

use crate::harness::{THING, Web, at, create};

#[tokio::test]
async fn both_keys_of_the_resource_fit_and_no_other() {
    let web = Web::new();
    for slot in KeySlot::ALL {
        web.call(Call::get(THING).signed(&web.key_of("dev", slot))).await.expect(200);
        let foreign = Call::get(THING).signed(&web.key_of("other", slot));
        web.call(foreign.clone()).await.expect_denied("SignatureMismatch");
        let at_home = web.call(foreign.host(app::OTHER_HOST)).await.expect(200);
        assert_eq!(at_home.body["resource"], "other");
    }
    let mut altered = web.key();
    altered[63] ^= 1;
    web.call(Call::get(THING).signed(&altered)).await.expect_denied("SignatureMismatch");
    web.call(Call::get(THING).signed(&[])).await.expect_denied("SignatureMismatch");
    web.call(Call::get(THING)).await.expect_denied("CredentialsMissing");
    assert_eq!(web.acted(), 4);
}

#[tokio::test]
async fn the_query_may_be_signed_as_a_form() {
    let web = Web::new();
    let wire = "/things/7?api-version=2025-01-01&a=New%20York&$skiptoken=(x)!&b";
    let form = "/things/7?api-version=2025-01-01&a=New+York&%24skiptoken=%28x%29%21&b=";
    web.signed(Call::get(wire)).await.expect(200);
    web.signed(Call::get(wire).signing_target(form)).await.expect(200);
    for other in [
        "/things/7?api-version=2025-01-01&a=New+York",
        "/things/8?api-version=2025-01-01&a=New%20York&$skiptoken=(x)!&b",
        "/things/7",
    ] {
        let call = Call::get(wire).signing_target(other);
        web.signed(call).await.expect_denied("SignatureMismatch");
    }
}

#[tokio::test]
async fn the_decoded_target_is_taken_only_where_an_sdk_signs_it() {
    let web = Web::new();
    let signed = |path: &str| {
        let (wire, decoded) = (
            format!("{path}/a%3Ab%20c?api-version=2025-01-01"),
            format!("{path}/a:b c?api-version=2025-01-01"),
        );
        Call::get(wire).signing_target(&decoded)
    };
    assert_eq!(web.signed(signed("/rooms")).await.expect(200).body["id"], "a:b c");
    web.signed(signed("/things")).await.expect_denied("SignatureMismatch");
}

#[tokio::test]
async fn the_host_may_be_signed_with_a_slash_and_in_any_case() {
    let web = Web::new();
    let call = || Call::get(THING);
    web.signed(call().signing_host("localhost:8443/")).await.expect(200);
    web.signed(call().host("LOCALHOST:8443").signing_host("localhost:8443")).await.expect(200);
    for host in ["localhost", "evil.example", "other.comm.example:8443", ""] {
        web.signed(call().signing_host(host)).await.expect_denied("SignatureMismatch");
    }
}

#[tokio::test]
async fn behind_a_proxy_the_public_host_fits() {
    let web = Web::new();
    // A proxy that renames the host: the client signed the public one.
    let renamed = Call::get(THING).host("10.0.0.7:8080");
    web.signed(renamed.clone().signing_host("localhost:8443")).await.expect(200);
    web.signed(renamed.signing_host("evil.example")).await.expect_denied("SignatureMismatch");
}

#[tokio::test]
async fn forwarded_hosts_count_only_from_trusted_proxies() {
    let careful = Web::new();
    let trusting = Web::with(|settings| {
        settings.trusted_proxies = vec!["10.0.0.0/8".parse().expect("a network")];
    });
    let request = |web: &Web| {
        let key = web.key_of("other", KeySlot::Primary);
        let call = Call::get(THING).host("internal:8080").signing_host(app::OTHER_HOST).signed(&key);
        call.header("x-forwarded-host", app::OTHER_HOST).into_request(web.clock.now())
    };
    let refused = careful.send(request(&careful), at("10.1.2.3")).await;
    refused.expect_denied("SignatureMismatch");
    let refused = trusting.send(request(&trusting), at("11.0.0.1")).await;
    refused.expect_denied("SignatureMismatch");
    for proxy in ["10.1.2.3", "::ffff:10.1.2.3"] {
        let answer = trusting.send(request(&trusting), at(proxy)).await.expect(200);
        assert_eq!(answer.body["resource"], "other");
    }
}

#[tokio::test]
async fn a_clock_off_by_more_than_fifteen_minutes_is_told() {
    let web = Web::new();
    for seconds in [0, 900, -900] {
        web.signed(Call::get(THING).dated(seconds)).await.expect(200);
    }
    for seconds in [901, -901, 86_400 * 365] {
        let answer = web.signed(Call::get(THING).dated(seconds)).await.expect_denied("ClockSkewed");
        let message = answer.body["error"]["message"].as_str().expect("text");
        assert!(message.contains("15 minutes"), "{message}");
    }
}

#[tokio::test]
async fn a_signature_may_be_sent_again() {
    let web = Web::new();
    let call = Call::get(THING).signed(&web.key());
    let request = || call.clone().into_request(web.clock.now());
    web.send(request(), app::peer()).await.expect(200);
    web.send(request(), app::peer()).await.expect(200);
}

#[tokio::test]
async fn what_is_signed_is_what_is_sent() {
    let web = Web::new();
    let denied = |call: Call, code: &'static str| {
        let web = &web;
        async move { web.signed(call).await.expect_denied(code) }
    };
    denied(create().signing_body(*b"{\"a\":2}"), "ContentHashMismatch").await;
    denied(create().signing_body(*b""), "ContentHashMismatch").await;
    denied(create().signing_method("PUT"), "SignatureMismatch").await;
    denied(create().signing_target("/things?api-version=2024-01-01"), "SignatureMismatch").await;
    assert_eq!(web.acted(), 0, "nothing acts before the body is known to be the signed one");
    // Bodies of operations that take none count as well.
    denied(Call::get(THING).raw_body("x").signing_body(*b""), "ContentHashMismatch").await;
    web.signed(Call::get(THING).raw_body("x")).await.expect(200);
}

#[tokio::test]
async fn malformed_authorization_is_told_apart() {
    let web = Web::new();
    let good = create().signed(&web.key());
    let change = |name: &'static str, value: Option<&str>| {
        let mut request = good.clone().into_request(web.clock.now());
        match value {
            Some(value) => drop(request.headers_mut().insert(name, value.parse().expect("a value"))),
            None => drop(request.headers_mut().remove(name)),
        }
        web.send(request, app::peer())
    };
    let authorization = {
        let request = good.clone().into_request(web.clock.now());
        request.headers()["authorization"].to_str().expect("text").to_owned()
    };
    let signature = authorization.split("Signature=").nth(1).expect("a signature").to_owned();
    let replaced = |from: &str, to: &str| authorization.replace(from, to);
    for (value, code) in [
        (String::new(), "AuthorizationInvalid"),
        ("HMAC-SHA256".to_owned(), "AuthorizationInvalid"),
        ("HMAC-SHA256 ".to_owned(), "AuthorizationInvalid"),
        ("Basic dTpw".to_owned(), "AuthorizationInvalid"),
        ("HMAC-SHA256 Signature=x".to_owned(), "AuthorizationInvalid"),
        (replaced("&Signature=", ""), "AuthorizationInvalid"),
        (replaced("x-ms-date;host;", "host;"), "SignedHeadersInvalid"),
        (replaced("x-ms-date;host;", "host;x-ms-date;"), "SignedHeadersInvalid"),
        (replaced(&signature, ""), "SignatureInvalid"),
        (replaced(&signature, "****"), "SignatureInvalid"),
        (replaced(&signature, &signature[..24]), "SignatureInvalid"),
        (replaced(&signature, &format!("{signature}AAAA")), "SignatureInvalid"),
        (replaced(&signature, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), "SignatureMismatch"),
        (replaced("HMAC-SHA256", "Bearer"), "TokenUnknown"),
    ] {
        change("authorization", Some(&value)).await.expect_denied(code);
    }
    change("x-ms-date", None).await.expect_denied("HeaderMissing");
    change("x-ms-date", Some("yesterday")).await.expect_denied("DateInvalid");
    change("x-ms-date", Some("2026-11-21T12:00:00Z")).await.expect_denied("DateInvalid");
    change("x-ms-date", Some("Sat, 21 Nov 2026 12:00:01 GMT")).await.expect_denied("SignatureMismatch");
    change("x-ms-content-sha256", None).await.expect_denied("HeaderMissing");
    change("x-ms-content-sha256", Some("x")).await.expect_denied("SignatureMismatch");
    assert_eq!(web.acted(), 0);
    let lower = authorization.replace("HMAC-SHA256", "hmac-sha256");
    change("authorization", Some(&lower)).await.expect(200);
    let mut request = good.clone().into_request(web.clock.now());
    let bytes = HeaderValue::from_bytes(b"HMAC-SHA256 \xff").expect("a value");
    request.headers_mut().insert("authorization", bytes);
    web.send(request, app::peer()).await.expect_denied("AuthorizationInvalid");
}

#[tokio::test]
async fn the_date_header_may_be_signed_instead() {
    let web = Web::new();
    let mut request = create().signed(&web.key()).into_request(web.clock.now());
    let headers = request.headers_mut();
    let date = headers.remove("x-ms-date").expect("a date");
    headers.insert("date", date);
    let authorization = headers["authorization"].to_str().expect("text").replace("x-ms-date", "date");
    headers.insert("authorization", authorization.parse().expect("a value"));
    web.send(request, app::peer()).await.expect(200);
}

#[tokio::test]
async fn other_principals_are_told_what_would_do() {
    let web = Web::new();
    let message = |answer: trunkline_testkit::Answer| {
        let answer = answer.expect_error(403, "Forbidden");
        answer.body["error"]["message"].as_str().expect("text").to_owned()
    };
    let get = |path: &str, token: &str| web.call(Call::get(path).bearer(token));
    assert!(message(get(THING, "user:chat").await).contains("user token"));
    assert!(message(get(THING, "owner").await).contains("operator token"));
    assert!(message(get("/chat", "user:voip").await).contains("scopes chat"));
    get("/chat", "user:voip,chat").await.expect(200);
    assert!(message(web.signed(Call::get("/chat")).await).contains("access key"));
    assert!(message(get("/owned", "reader").await).contains("contributor or above"));
    get("/owned", "contributor").await.expect(200);
    get("/owned", "owner").await.expect(200);
    for token in ["", "nobody", "owner x"] {
        get("/owned", token).await.expect_denied("TokenUnknown");
    }
    web.call(Call::get("/open")).await.expect(200);
    // Who comes through the socket in the data folder is an owner, and no resource.
    let now = web.clock.now();
    web.send(Call::get("/owned").into_request(now), Peer::Local).await.expect(200);
    let keyed = web.send(Call::get(THING).into_request(now), Peer::Local).await;
    keyed.expect_error(403, "Forbidden");
    let missing = web.call(Call::get("/chat")).await.expect_denied("CredentialsMissing");
    assert!(missing.body.to_string().contains("user access token"));
    assert_eq!(
        web.call(Call::get("/owned")).await.expect_denied("CredentialsMissing").body["error"]["target"],
        json!(null)
    );
}
