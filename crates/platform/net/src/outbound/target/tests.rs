//! Addresses as customers write them, and as attackers do.

use proptest::prelude::*;

use super::*;

fn parse(url: &str, allow_http: bool) -> Result<Target, TargetError> {
    Target::parse(&Secret::new(url.to_owned()), allow_http)
}

#[test]
fn addresses_are_read() {
    for (url, shown, port, host) in [
        ("https://example.com", "https://example.com/", 443, "example.com"),
        ("https://EXAMPLE.com/Events", "https://example.com/Events", 443, "example.com"),
        ("https://example.com:443/a", "https://example.com/a", 443, "example.com"),
        (
            "https://example.com:8443/a/b?code=s3cret",
            "https://example.com:8443/a/b",
            8443,
            "example.com:8443",
        ),
        ("https://example.com?code=s3cret", "https://example.com/", 443, "example.com"),
        ("https://example.com/a#s3cret", "https://example.com/a", 443, "example.com"),
        ("http://127.0.0.1:3000/hook", "http://127.0.0.1:3000/hook", 3000, "127.0.0.1:3000"),
        ("http://[::1]:3000/hook", "http://[::1]:3000/hook", 3000, "[::1]:3000"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/", 443, "xn--bcher-kva.example"),
        ("https://my_host.example./", "https://my_host.example./", 443, "my_host.example."),
    ] {
        let target = parse(url, true).unwrap_or_else(|error| panic!("{url}: {error}"));
        assert_eq!((target.shown(), target.port()), (shown, port), "{url}");
        assert_eq!(target.host_header(), host, "{url}");
        assert!(!format!("{target:?}").contains("s3cret"), "{target:?}");
    }
}

#[test]
fn query_and_path_go_out_as_they_were_written() {
    let target = parse("https://example.com/a%2Fb/../c?x=%20&y=ü".replace('ü', "%C3%BC").as_str(), false);
    let target = target.expect("an address");
    assert_eq!(target.path_and_query().as_str(), "/a%2Fb/../c?x=%20&y=%C3%BC");
}

#[test]
fn bad_addresses_are_refused() {
    let long = format!("https://example.com/{}", "a".repeat(URL_BYTES_MAX));
    for (url, expected) in [
        ("", TargetError::Invalid),
        ("example.com", TargetError::Invalid),
        ("/events", TargetError::Invalid),
        ("https://", TargetError::Invalid),
        ("https:///events", TargetError::Invalid),
        ("https://exa mple.com/", TargetError::Invalid),
        ("https://example.com/a\r\nHost: other", TargetError::Invalid),
        ("https://bücher.example/", TargetError::Invalid),
        ("https://example.com:99999/", TargetError::Port),
        ("https://[::1", TargetError::Invalid),
        ("https://[fe80::1%25eth0]/", TargetError::Invalid),
        ("ftp://example.com/", TargetError::Scheme),
        ("file:///etc/passwd", TargetError::Invalid),
        ("http://example.com/", TargetError::NotSecure),
        ("https://user:s3cret@example.com/", TargetError::UserInfo),
        ("https://s3cret@example.com/", TargetError::UserInfo),
        ("https://example.com@127.0.0.1/", TargetError::UserInfo),
        ("https://exa*mple.com/", TargetError::Host),
        ("https://-example.com/", TargetError::Host),
        // Short forms of IPv4 that some resolvers know.
        ("https://127.1/", TargetError::Host),
        ("https://2130706433/", TargetError::Host),
        ("https://example.com:0/", TargetError::Port),
        (long.as_str(), TargetError::TooLong),
    ] {
        let refused = parse(url, false).expect_err(url);
        let is_expected = refused == expected
            // Which part of a bad authority is told first is the parser's choice.
            || (matches!(expected, TargetError::Invalid) && matches!(refused, TargetError::Host | TargetError::Scheme));
        assert!(is_expected, "{url}: {refused:?}");
        assert!(!refused.to_string().contains("s3cret"), "{refused}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_much(url in "https?://.{0,60}|.{0,60}") {
        drop(parse(&url, true));
    }

    #[test]
    fn what_is_shown_has_the_place_and_not_the_secret(
        host in "[a-z][a-z0-9-]{0,20}[a-z0-9]\\.example",
        port in 1..=u16::MAX,
        path in "(/[a-zA-Z0-9._~%-]{0,10}){0,4}",
        query in "[a-zA-Z0-9=&/?.-]{0,30}",
    ) {
        let target = parse(&format!("https://{host}:{port}{path}?{query}"), false);
        let target = target.expect("an address");
        let place = if port == 443 { host } else { format!("{host}:{port}") };
        let shown_path = if path.is_empty() { "/" } else { &path };
        prop_assert_eq!(target.shown(), format!("https://{place}{shown_path}"));
        prop_assert_eq!(target.path_and_query().query(), Some(query.as_str()));
        prop_assert_eq!((target.port(), target.is_secure()), (port, true));
    }
}
