//! Settings of chat and the samples, and a proxy in front.

use super::*;
use crate::chat;

#[test]
fn chat_follows_the_set_of_limits_where_nothing_else_is_said() {
    let settings = |file| chat::settings(&Given { file, ..Given::default() }.load().expect("valid").config);
    let generous = settings("");
    assert_eq!((generous.participants_max, generous.receipts_max), (1000, None));
    assert_eq!((generous.message_bytes_max, generous.move_time.as_secs()), (28_672, 10));
    let acs = settings("limits = 'acs'");
    assert_eq!((acs.participants_max, acs.receipts_max, acs.retention_days), (250, Some(20), 30..=90));
    let own = settings(
        "limits = 'acs'\nchat.participants_max = 300\nchat.receipts_max = 0\nchat.retention_days_max = 400\n\
         chat.search = false",
    );
    assert_eq!((own.participants_max, own.receipts_max, own.retention_days), (300, None, 30..=400));
    assert!(!own.search);
}

#[test]
fn samples_are_for_development_on_one_machine() {
    let file = "samples.folder = 'web/dist'\nsamples.trusted_service = 'http://127.0.0.1:3000'";
    let samples = Given { file, ..Given::default() }.load().expect("valid").config.samples;
    assert_eq!(samples.folder.as_deref(), Some(Path::new("web/dist")));
    assert_eq!(samples.trusted_service.as_deref(), Some("http://127.0.0.1:3000"));
    let elsewhere = Given { file: "samples.trusted_service = 'http://10.0.0.1:3000'", ..Given::default() };
    insta::assert_snapshot!(elsewhere.problems().join("\n"), @r"
    trunkline.toml:1: samples.trusted_service: must be on this machine, such as http://127.0.0.1:3000: it believes every name
    default: samples.folder: needed because samples.trusted_service is set
    ");
    let file =
        format!("{file}\nprofile = 'production'\npublic_url = 'https://a.example'\ntls.own_authority = true");
    let production = Given { file: &file, ..Given::default() };
    insta::assert_snapshot!(production.problems().join("\n"), @r"
    trunkline.toml:1: samples.folder: is refused in the profile production: its sign-in asks for no password
    trunkline.toml:2: samples.trusted_service: is refused in the profile production: its sign-in asks for no password
    ");
}

#[test]
fn a_proxy_can_do_the_tls() {
    let file = "tls.terminated_by_proxy = true\nhttp.port = 80";
    let config = Given { file, ..Given::default() }.load().expect("valid").config;
    assert!(config.tls.is_terminated_by_proxy);
    assert_eq!(config.public_url(80), "http://localhost:80");
    let file = "profile = 'production'\npublic_url = 'https://a.example'\ntls.terminated_by_proxy = true";
    Given { file, ..Given::default() }.load().expect("production needs no certificate then");
    let file = "tls.terminated_by_proxy = true\ntls.certificate_file = 'a.pem'\ntls.key_file = 'a.key'";
    let both = Given { file, ..Given::default() };
    insta::assert_snapshot!(both.problems().join("\n"), @"trunkline.toml:1: tls.terminated_by_proxy: cannot be together with tls.certificate_file: one of them ends TLS");
}
