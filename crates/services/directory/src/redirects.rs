//! Which redirect URIs an application may register.
//!
//! A code is sent to a registered address and to no other, so what may be registered is narrow: an absolute
//! `https` address, or `http` to this very machine (RFC 8252 §7.3), written in its one plain form.

use trunkline_web::ApiError;

/// Addresses an application can have; sign-in pages of one service have a handful.
const URIS_MAX: usize = 64;

/// The longest address, as in Entra.
const URI_BYTES_MAX: usize = 2048;

/// The hosts that `http` may lead to.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Checks the addresses of one application.
///
/// **Errors**: 400 that names the address and what is wrong with it.
pub(crate) fn check(uris: &[String]) -> Result<(), ApiError> {
    if uris.len() > URIS_MAX {
        return Err(ApiError::invalid(
            "redirectUris",
            format!("An application has at most {URIS_MAX} redirect URIs."),
        ));
    }
    for (index, uri) in uris.iter().enumerate() {
        check_one(uri).map_err(|fault| {
            ApiError::invalid("redirectUris", format!("The redirect URI '{uri}' {fault}."))
        })?;
        if uris[..index].contains(uri) {
            return Err(ApiError::invalid(
                "redirectUris",
                format!("The redirect URI '{uri}' stands there twice."),
            ));
        }
    }
    Ok(())
}

fn check_one(uri: &str) -> Result<(), &'static str> {
    if uri.len() > URI_BYTES_MAX {
        return Err("is longer than 2048 bytes");
    }
    // What browsers repair or read in their own way (`\`, spaces, tabs) could lead elsewhere than it seems to.
    if !uri.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)) {
        return Err("has characters that must be percent-encoded");
    }
    if uri.contains('#') {
        return Err("has a fragment, where the answer itself may stand");
    }
    if uri.contains('*') {
        return Err("has a wildcard; register each address");
    }
    let (scheme, rest) = uri.split_once("://").ok_or("is not an absolute address")?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err("has user information before the host");
    }
    let (host, port) = split_authority(authority).ok_or("has no valid host and port")?;
    if port.is_some_and(|port| port.parse::<u16>().is_err() || port.starts_with('+')) {
        return Err("has no valid host and port");
    }
    let path = rest[authority.len()..].split('?').next().unwrap_or_default();
    if path.split('/').any(is_dots) {
        return Err("has '.' or '..' in its path");
    }
    match scheme {
        "https" => Ok(()),
        "http" if LOOPBACK_HOSTS.contains(&host) => Ok(()),
        "http" => Err("is http; only https, or http to localhost, 127.0.0.1 or [::1]"),
        _ => Err("is neither https nor http to this machine"),
    }
}

fn split_authority(authority: &str) -> Option<(&str, Option<&str>)> {
    let (host, port) = if authority.starts_with('[') {
        let (host, after) = authority.split_at(authority.find(']')? + 1);
        let inner = host.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<std::net::Ipv6Addr>().ok()?;
        (host, if after.is_empty() { None } else { Some(after.strip_prefix(':')?) })
    } else {
        authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)))
    };
    let is_name = |host: &str| {
        !host.is_empty()
            && host.len() <= 253
            && host
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
    };
    (host.starts_with('[') || is_name(host)).then_some((host, port))
}

/// `.`, `..` and their encoded forms, which browsers take away.
fn is_dots(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secure_addresses_and_this_machine_may_be_registered() {
        for uri in [
            "https://app.example",
            "https://app.example/",
            "https://app.example:8443/sign-in/done?from=a%20b",
            "https://[2001:db8::1]/x",
            "http://localhost",
            "http://localhost:3000/auth",
            "http://127.0.0.1:0/",
            "http://[::1]:8080/done",
        ] {
            assert_eq!(check_one(uri), Ok(()), "{uri}");
        }
    }

    #[test]
    fn tricks_are_refused() {
        for uri in [
            "",
            "app.example",
            "/done",
            "//app.example/done",
            "http://app.example/",
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "http://localhost@evil.example/",
            "https://app.example@evil.example/",
            "https://*.app.example/",
            "https://app.example/*",
            "https://app.example/#done",
            "https://app.example/a b",
            "https://app.example\\@evil.example/",
            "https://app.example/a/../b",
            "https://app.example/a/%2E%2e/b",
            "https://App.example/",
            "https:///done",
            "https://:443/",
            "https://app.example:port/",
            "https://app.example:+1/",
            "https://app.example:65536/",
            "https://[::1/",
            "https://[evil]/",
            "https://é.example/",
            "https://app.example/\n",
            "javascript://app.example/%0aalert(1)",
            "data:text/html,x",
            "myapp://done",
            "HTTPS://app.example/",
        ] {
            assert!(check_one(uri).is_err(), "{uri}");
        }
        assert!(check_one(&format!("https://app.example/{}", "x".repeat(2048))).is_err());
    }

    #[test]
    fn addresses_are_few_and_different() {
        let many: Vec<String> =
            (0..=URIS_MAX).map(|number| format!("https://app.example/{number}")).collect();
        assert!(check(&many).is_err());
        assert!(check(&many[..URIS_MAX]).is_ok());
        assert!(check(&[many[0].clone(), many[0].clone()]).is_err());
    }
}
