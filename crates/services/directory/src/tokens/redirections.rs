//! Whether a redirect URI is one of an application's, and how the answer goes there.

use trunkline_web::context::encode;

/// Whether `asked` is one of `registered`: the same text, and only on loopback another port (RFC 8252 §7.3).
///
/// No normalisation anywhere: whatever a browser could read in two ways is simply another text.
pub(crate) fn is_registered(registered: &[String], asked: &str) -> bool {
    // It becomes a header, and a registered one has nothing else either.
    if !asked.bytes().all(|byte| byte.is_ascii_graphic()) {
        return false;
    }
    let loopback = loopback_parts(asked);
    let is_same =
        |known: &String| known == asked || (loopback.is_some() && loopback_parts(known) == loopback);
    registered.iter().any(is_same)
}

/// Whether the address belongs to an application on the user's machine, which cannot keep a secret
/// (RFC 8252 §7): loopback, or a scheme of its own.
pub(crate) fn is_native(redirect_uri: &str) -> bool {
    loopback_parts(redirect_uri).is_some()
        || !(redirect_uri.starts_with("https://") || redirect_uri.starts_with("http://"))
}

/// Host, and path with query, of a plain-HTTP address on loopback; `None` for every other address.
fn loopback_parts(uri: &str) -> Option<(&'static str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    ["localhost", "127.0.0.1", "[::1]"].into_iter().find_map(|host| {
        let behind = rest.strip_prefix(host)?;
        let behind = match behind.strip_prefix(':') {
            Some(port) => {
                let end = port.find(|character: char| !character.is_ascii_digit()).unwrap_or(port.len());
                port[..end].parse::<u16>().ok().filter(|port| *port > 0)?;
                &port[end..]
            }
            None => behind,
        };
        let is_end = behind.is_empty() || behind.starts_with(['/', '?']);
        (is_end && !behind.contains('#')).then_some((host, behind))
    })
}

/// The source by which a Content-Security-Policy allows a form to lead there.
pub(crate) fn csp_source(redirect_uri: &str) -> String {
    let (scheme, rest) = redirect_uri.split_once(':').unwrap_or((redirect_uri, ""));
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if !scheme.bytes().all(is_scheme) {
        return String::new();
    }
    let authority = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?', '#']).next());
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'_');
    match authority.filter(|host| !host.is_empty() && host.bytes().all(is_host)) {
        Some(host) if matches!(scheme, "http" | "https") => format!("{scheme}://{host}"),
        // Sources know no IPv6 literals and no hosts of other schemes.
        _ => format!("{scheme}:"),
    }
}

/// How the answer is sent (OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

impl ResponseMode {
    /// The name on the wire; nothing means the mode of `response_type=code`.
    pub(crate) fn from_name(name: Option<&str>) -> Option<Self> {
        match name {
            None | Some("query") => Some(Self::Query),
            Some("fragment") => Some(Self::Fragment),
            Some("form_post") => Some(Self::FormPost),
            Some(_) => None,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Fragment => "fragment",
            Self::FormPost => "form_post",
        }
    }
}

/// `redirect_uri` with the answer in its query or fragment.
pub(crate) fn with_answer(redirect_uri: &str, mode: ResponseMode, answer: &[(&str, String)]) -> String {
    let pairs: Vec<String> = answer.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let separator = match mode {
        ResponseMode::Fragment => '#',
        _ if redirect_uri.contains('?') => '&',
        _ => '?',
    };
    format!("{redirect_uri}{separator}{}", pairs.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTERED: [&str; 4] = [
        "https://app.example/callback",
        "http://localhost/done",
        "http://127.0.0.1",
        "com.example.app:/oauth",
    ];

    fn is_ours(asked: &str) -> bool {
        is_registered(&REGISTERED.map(str::to_owned), asked)
    }

    #[test]
    fn registered_addresses_fit_and_loopback_takes_any_port() {
        for asked in REGISTERED {
            assert!(is_ours(asked), "{asked}");
        }
        for asked in ["http://localhost:5000/done", "http://localhost:1/done", "http://127.0.0.1:65535"] {
            assert!(is_ours(asked), "{asked}");
        }
    }

    #[test]
    fn tricks_do_not_fit() {
        for asked in [
            "",
            "https://app.example/callback/",
            "https://app.example/callback?x=1",
            "https://app.example/callback#x",
            "https://app.example/callback/../evil",
            "https://app.example/%63allback",
            "https://app.example/callbackk",
            "https://app.example/CALLBACK",
            "https://APP.example/callback",
            "https://app.example:443/callback",
            "https://app.example.evil.example/callback",
            "https://user@app.example/callback",
            "https://app.example@evil.example/callback",
            "https://evil.example/https://app.example/callback",
            "https://app.example\\@evil.example/callback",
            "http://app.example/callback",
            "//app.example/callback",
            " https://app.example/callback",
            "https://app.example/callback\r\nset-cookie: a=b",
            "javascript:alert(1)//https://app.example/callback",
            "http://localhost:5000/other",
            "http://localhost:5000/done/..",
            "http://localhost:0/done",
            "http://localhost:65536/done",
            "http://localhost:/done",
            "http://localhost:+80/done",
            "http://localhost:80@evil.example/done",
            "http://localhost@evil.example/done",
            "http://user@localhost/done",
            "http://localhost.evil.example/done",
            "http://LOCALHOST/done",
            "https://localhost:5000/done",
            "http://127.0.0.1/",
            "http://127.1",
            "http://[::1]/done",
            "http://localhost/done#x",
            "com.example.app:/oauth2",
            "COM.example.app:/oauth",
        ] {
            assert!(!is_ours(asked), "{asked}");
        }
    }

    #[test]
    fn answers_are_encoded_into_query_or_fragment() {
        let answer = [("code", "a b".to_owned()), ("state", "&x=#\"é".to_owned())];
        let encoded = "code=a%20b&state=%26x%3D%23%22%C3%A9";
        let with = |uri: &str, mode| with_answer(uri, mode, &answer);
        assert_eq!(
            with("https://a.example/b", ResponseMode::Query),
            format!("https://a.example/b?{encoded}")
        );
        assert_eq!(
            with("https://a.example/?b=1", ResponseMode::Query),
            format!("https://a.example/?b=1&{encoded}")
        );
        assert_eq!(
            with("https://a.example/b", ResponseMode::Fragment),
            format!("https://a.example/b#{encoded}")
        );
    }

    #[test]
    fn policies_name_the_origin_and_nothing_else() {
        assert_eq!(csp_source("https://app.example:8443/x?y"), "https://app.example:8443");
        assert_eq!(csp_source("http://localhost:5000"), "http://localhost:5000");
        assert_eq!(csp_source("http://[::1]:5000/done"), "http:");
        assert_eq!(csp_source("com.example.app:/oauth"), "com.example.app:");
        assert_eq!(csp_source("https://a.example;script-src *"), "https:");
        assert_eq!(csp_source("a;b:c"), "");
    }

    #[test]
    fn native_applications_are_told_apart() {
        assert!(is_native("http://localhost:5000") && is_native("com.example.app:/oauth"));
        assert!(!is_native("https://app.example/callback") && !is_native("http://app.example/callback"));
    }
}
