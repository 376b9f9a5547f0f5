//! The sign-in page: what it shows, where it sends people, and where it does not.

use trunkline_testkit::{Answer, Call, TestStore, on_both_engines};

use super::door::{Door, PASSWORD, REDIRECT, TEAMS, VERIFIER, challenge, changed, form, read_pairs, request};
use super::harness::{SLICES, text};

on_both_engines!(SLICES;
    the_page_carries_the_request_and_signs_in,
    wrong_names_and_passwords_look_the_same,
    a_locked_user_looks_like_a_wrong_password,
    passwords_are_tried_at_a_limited_rate,
    the_page_is_shown_at_a_limited_rate,
    disabled_users_stay_on_the_page,
    unknown_clients_and_addresses_stay_on_the_page,
    other_mistakes_go_back_to_the_application,
    each_response_mode_carries_the_answer,
    only_a_client_with_a_credential_may_go_without_a_challenge,
);

fn page(answer: &Answer) -> String {
    assert!(answer.header("content-type").starts_with("text/html"), "{:?}", answer.headers);
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains('*'), "{policy}");
    assert_eq!(answer.header("x-frame-options"), "DENY");
    assert_eq!(answer.header("referrer-policy"), "no-referrer");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.headers.get("set-cookie").is_none());
    String::from_utf8(answer.bytes.to_vec()).expect("text")
}

async fn prepared(store: TestStore) -> (Door, String, String) {
    let door = Door::new(store).await;
    let id = text(&door.application("The <Shop> & Co").await["clientId"]);
    door.user("ada@example.com").await;
    (door, id, challenge(VERIFIER))
}

async fn the_page_carries_the_request_and_signs_in(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let asked = request(&id, TEAMS, &challenge);
    let hinted = changed(&asked, "login_hint", "ada\"><b>@example.com");
    let shown = page(&door.show(&hinted).await.expect(200));
    for expected in [
        "The &lt;Shop&gt; &amp; Co",
        "value=\"ada&quot;&gt;&lt;b&gt;@example.com\"",
        "name=\"state\" value=\"s&amp;t=&quot;é\"",
        "name=\"nonce\" value=\"n-1\"",
        "<label for=\"username\">",
        "<label for=\"password\">",
        "autocomplete=\"current-password\"",
        "<html lang=\"en\">",
        "width=device-width",
    ] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    assert!(!shown.contains("<script") && !shown.contains("role=\"alert\""), "{shown}");
    // The request may come as a form too.
    page(&door.submit(&asked).await.expect(200));
    assert_eq!(door.app.count("directory_codes").await, 0);
    let mut signed = asked.clone();
    signed.extend([("username", "Ada@Example.com"), ("password", PASSWORD)]);
    let sent = door.submit(&signed).await.expect(303);
    let location = sent.header("location");
    let (address, pairs) = location.split_once('?').expect("a query");
    assert_eq!(address, REDIRECT);
    let pairs = read_pairs(pairs);
    assert_eq!(pairs["state"], "s&t=\"é");
    assert_eq!((pairs["code"].len(), pairs.len()), (43, 2));
    assert_eq!(door.app.count("directory_codes").await, 1);
}

async fn wrong_names_and_passwords_look_the_same(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let asked = request(&id, TEAMS, &challenge);
    let long = "x".repeat(2000);
    let mut seen = Vec::new();
    for (name, password) in [
        ("ada@example.com", "wrong"),
        ("ada@example.com", ""),
        ("ada@example.com", "correct horse "),
        ("ada@example.com", long.as_str()),
        ("ada@example.com", "nul\0"),
        ("bob@example.com", PASSWORD),
    ] {
        let mut fields = asked.clone();
        fields.extend([("username", name), ("password", password)]);
        let answer = door.submit(&fields).await.expect(400);
        let shown = page(&answer).replace(name, "NAME");
        assert!(shown.contains("role=\"alert\"") && !shown.contains("correct horse"), "{shown}");
        seen.push(shown);
    }
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:#?}");
    assert_eq!(door.app.count("directory_codes").await, 0);
}

async fn a_locked_user_looks_like_a_wrong_password(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let mut right = request(&id, TEAMS, &challenge);
    right.extend([("username", "ada@example.com"), ("password", PASSWORD)]);
    let wrong = page(&door.submit(&changed(&right, "password", "wrong")).await.expect(400));
    assert!(wrong.contains("wait a minute"), "{wrong}");
    for _ in 1..10 {
        door.submit(&changed(&right, "password", "wrong")).await.expect(400);
    }
    assert_eq!(page(&door.submit(&right).await.expect(400)), wrong);
    door.advance(61);
    door.submit(&right).await.expect(303);
}

async fn passwords_are_tried_at_a_limited_rate(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let mut fields = request(&id, TEAMS, &challenge);
    fields.extend([("username", "bob@example.com"), ("password", "wrong")]);
    for _ in 0..60 {
        door.submit(&fields).await.expect(400);
    }
    let right = changed(&changed(&fields, "username", "ada@example.com"), "password", PASSWORD);
    let answer = door.submit(&right).await.expect(429);
    assert!(page(&answer).contains("Too many people"));
    assert_eq!(answer.header("retry-after"), "2");
    assert_eq!(door.app.count("directory_codes").await, 0);
    // The page itself and other applications go on.
    door.show(&request(&id, TEAMS, &challenge)).await.expect(200);
    let other = text(&door.application("other").await["clientId"]);
    door.submit(&changed(&right, "client_id", &other)).await.expect(303);
    door.advance(2);
    door.submit(&right).await.expect(303);
}

async fn the_page_is_shown_at_a_limited_rate(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let asked = request(&id, TEAMS, &challenge);
    for _ in 0..600 {
        door.show(&asked).await.expect(200);
    }
    let answer = door.show(&asked).await.expect(429);
    assert!(page(&answer).contains("AADSTS90055") && answer.headers.get("location").is_none());
    assert_eq!(answer.header("retry-after"), "1");
    door.advance(1);
    door.show(&asked).await.expect(200);
}

async fn disabled_users_stay_on_the_page(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let mut right = request(&id, TEAMS, &challenge);
    right.extend([("username", "ada@example.com"), ("password", PASSWORD)]);
    door.submit(&right).await.expect(303);
    door.patch("/trunkline/directory/users/ada@example.com", &serde_json::json!({ "isEnabled": false }))
        .await;
    assert!(page(&door.submit(&right).await.expect(403)).contains("disabled"));
    // Disabling ended the first sign-in.
    assert_eq!(door.app.count("directory_codes").await, 0);
}

async fn unknown_clients_and_addresses_stay_on_the_page(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let asked = request(&id, TEAMS, &challenge);
    for (name, value, number) in [
        ("client_id", "00000000-0000-0000-0000-000000000009", "AADSTS700016"),
        ("client_id", "\"><script>alert(1)</script>", "AADSTS700016"),
        ("client_id", "", "AADSTS900144"),
        ("redirect_uri", "", "AADSTS900144"),
        ("redirect_uri", "https://app.example/done/", "AADSTS50011"),
        ("redirect_uri", "https://app.example/done/../evil", "AADSTS50011"),
        ("redirect_uri", "https://app.example/don%65", "AADSTS50011"),
        ("redirect_uri", "https://APP.example/done", "AADSTS50011"),
        ("redirect_uri", "https://app.example:443/done", "AADSTS50011"),
        ("redirect_uri", "https://user@app.example/done", "AADSTS50011"),
        ("redirect_uri", "https://app.example.evil.example/done", "AADSTS50011"),
        ("redirect_uri", "http://localhost:5000/other", "AADSTS50011"),
        ("redirect_uri", "http://localhost@evil.example/done", "AADSTS50011"),
        ("redirect_uri", "javascript:alert(1)", "AADSTS50011"),
        ("redirect_uri", "https://app.example/done\r\nset-cookie: a=b", "AADSTS50011"),
        ("response_mode", "okta_post_message", "AADSTS9002313"),
    ] {
        let mut fields = changed(&asked, name, value);
        let shown = page(&door.show(&fields).await.expect(400));
        assert!(shown.contains(number) && !shown.contains("<script"), "{name}={value}: {shown}");
        fields.extend([("username", "ada@example.com"), ("password", PASSWORD)]);
        let answer = door.submit(&fields).await.expect(400);
        assert!(page(&answer).contains(number) && answer.headers.get("location").is_none());
    }
    let mut twice = asked.clone();
    twice.push(("redirect_uri", "https://evil.example"));
    page(&door.show(&twice).await.expect(400));
    page(&door.submit(&twice).await.expect(400));
    let long = "x".repeat(5000);
    page(&door.show(&changed(&asked, "state", &long)).await.expect(400));
    let other = format!("/consumers/oauth2/v2.0/authorize?{}", form(&asked));
    assert!(page(&door.app.call(Call::get(other)).await.expect(400)).contains("AADSTS90002"));
    assert_eq!(door.app.count("directory_codes").await, 0);
    // On loopback any port will do.
    door.show(&changed(&asked, "redirect_uri", "http://localhost:50123/done")).await.expect(200);
}

async fn other_mistakes_go_back_to_the_application(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let asked = request(&id, TEAMS, &challenge);
    let long = "x".repeat(5000);
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("scope", "", "invalid_request"),
        ("scope", "https://graph.microsoft.com/User.Read", "invalid_resource"),
        ("scope", "profile", "invalid_scope"),
        ("nonce", long.as_str(), "invalid_request"),
        ("prompt", "none", "login_required"),
        ("request", "eyJ", "invalid_request"),
        ("request_uri", "https://evil.example", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge", &challenge.replace('-', "+").replacen(|_| true, "=", 1), "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
    ] {
        let fields = changed(&asked, name, value);
        let answer = door.show(&fields).await.expect(303);
        let (address, pairs) = answer.header("location").split_once('?').expect("a query");
        let pairs = read_pairs(pairs);
        assert_eq!((address, pairs["error"].as_str()), (REDIRECT, error), "{name}={value:.20}");
        assert_eq!(pairs["state"], "s&t=\"é");
        assert!(pairs["error_description"].starts_with("AADSTS") && !pairs.contains_key("code"));
    }
}

async fn each_response_mode_carries_the_answer(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let asked = request(&id, TEAMS, &challenge);
    let fragment = changed(&asked, "response_mode", "fragment");
    let mut signed = fragment.clone();
    signed.extend([("username", "ada@example.com"), ("password", PASSWORD)]);
    let sent = door.submit(&signed).await.expect(303);
    assert!(sent.header("location").starts_with(&format!("{REDIRECT}#code=")), "{:?}", sent.headers);
    let posted = changed(&signed, "response_mode", "form_post");
    let answer = door.submit(&posted).await.expect(200);
    let shown = page(&answer);
    assert!(shown.contains(&format!("action=\"{REDIRECT}\"")) && shown.contains("name=\"code\" value=\""));
    assert!(shown.contains("<button type=\"submit\">") && shown.contains("&quot;é"), "{shown}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("script-src 'sha256-") && policy.contains("form-action https://app.example;"));
    let refused = changed(&changed(&asked, "response_mode", "form_post"), "scope", "profile");
    assert!(page(&door.show(&refused).await.expect(200)).contains("value=\"invalid_scope\""));
}

async fn only_a_client_with_a_credential_may_go_without_a_challenge(store: TestStore) {
    let (door, id, challenge) = prepared(store).await;
    let asked = request(&id, TEAMS, &challenge);
    let without = changed(&changed(&asked, "code_challenge", ""), "code_challenge_method", "");
    door.show(&without).await.expect(303);
    door.secret(&serde_json::json!({ "clientId": id })).await;
    page(&door.show(&without).await.expect(200));
    // Half of one is none, credential or not.
    door.show(&changed(&asked, "code_challenge", "")).await.expect(303);
}
