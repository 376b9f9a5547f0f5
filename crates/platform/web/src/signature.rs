//! Signatures with an access key: HMAC-SHA256 over `VERB\nTARGET\nDATE;HOST;CONTENT-HASH`.
//!
//! What a client signs is not always the bytes on the wire: JavaScript signs a re-encoded query, one
//! Python client signs the decoded target, and a slash may follow the host. So a verifier tries a short
//! list of candidates and takes any match. A signature may be repeated: JavaScript signs once and sends
//! the same bytes at every retry, so there is no replay cache.

use std::borrow::Cow;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method};
use trunkline_kernel::clock::Timestamp;
use trunkline_kernel::secret::equal_in_constant_time;

use crate::error::ApiError;
use crate::principal::{KeySlot, ResourceView};

/// The parts of a signed request that come from its headers.
#[derive(Debug)]
pub struct SignedHeaders {
    date: String,
    content_hash: String,
    signature: Vec<u8>,
}

/// How the request looked on the wire.
#[derive(Debug)]
pub struct SignedTarget<'a> {
    /// The method.
    pub method: &'a Method,
    /// Path and query as received.
    pub target: &'a str,
    /// The host names (with port) that the client may have signed, most likely first.
    pub hosts: &'a [Cow<'a, str>],
    /// Whether the decoded form is accepted on this route.
    pub accepts_decoded: bool,
}

impl SignedHeaders {
    /// Reads `Authorization: HMAC-SHA256 SignedHeaders=…&Signature=…` and the headers it names.
    ///
    /// **Errors**: 401 when a header is missing or malformed, or when the date is more than `skew` from
    /// `now`.
    pub fn read(
        parameters: &str,
        headers: &HeaderMap,
        now: Timestamp,
        skew: Duration,
    ) -> Result<Self, ApiError> {
        let (signed_headers, signature) = split_parameters(parameters)?;
        let date_header = match signed_headers.to_ascii_lowercase().as_str() {
            "x-ms-date;host;x-ms-content-sha256" => "x-ms-date",
            "date;host;x-ms-content-sha256" => "date",
            _ => {
                return Err(ApiError::denied(
                    "SignedHeadersInvalid",
                    "SignedHeaders must be 'x-ms-date;host;x-ms-content-sha256' (or with 'date' in place of 'x-ms-date').",
                ));
            }
        };
        let date = text_header(headers, date_header)?;
        let content_hash = text_header(headers, "x-ms-content-sha256")?;
        let sent = Timestamp::parse_http_date(date).ok_or_else(|| {
            ApiError::denied(
                "DateInvalid",
                format!("{date_header} is not a date such as 'Sat, 21 Nov 2026 07:45:59 GMT'."),
            )
        })?;
        if sent.distance(now) > skew {
            return Err(ApiError::denied(
                "ClockSkewed",
                format!(
                    "The request is dated {date}, the server's clock says {}; more than {} minutes apart is refused. Set the clock.",
                    now.to_http_date(),
                    skew.as_secs() / 60,
                ),
            ));
        }
        let signature = STANDARD
            .decode(signature)
            .ok()
            .filter(|bytes| bytes.len() == digest::SHA256_OUTPUT_LEN)
            .ok_or_else(|| {
                ApiError::denied("SignatureInvalid", "Signature is not the base64 text of 32 bytes.")
            })?;
        Ok(Self { date: date.to_owned(), content_hash: content_hash.to_owned(), signature })
    }

    /// Which key of `resource` made the signature.
    ///
    /// **Errors**: 401 when neither did.
    pub fn verify(&self, request: &SignedTarget<'_>, resource: &ResourceView) -> Result<KeySlot, ApiError> {
        let keys = KeySlot::ALL
            .map(|slot| (slot, hmac::Key::new(hmac::HMAC_SHA256, resource.key(slot).bytes.expose())));
        for target in candidate_targets(request) {
            for host in request.hosts {
                let text =
                    format!("{}\n{target}\n{};{host};{}", request.method, self.date, self.content_hash);
                for (slot, key) in &keys {
                    if hmac::verify(key, text.as_bytes(), &self.signature).is_ok() {
                        return Ok(*slot);
                    }
                }
            }
        }
        Err(ApiError::denied(
            "SignatureMismatch",
            "The signature fits neither access key of this resource. Check the key in the connection string, \
             and that the host the client signs is the one it calls.",
        ))
    }

    /// Whether `body` is the body that was signed.
    ///
    /// **Errors**: 401 when its hash differs.
    pub fn verify_body(&self, body: &[u8]) -> Result<(), ApiError> {
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, body));
        if equal_in_constant_time(hash.as_bytes(), self.content_hash.as_bytes()) {
            return Ok(());
        }
        Err(ApiError::denied(
            "ContentHashMismatch",
            "x-ms-content-sha256 is not the SHA-256 of the body that arrived.",
        ))
    }
}

fn split_parameters(parameters: &str) -> Result<(&str, &str), ApiError> {
    let invalid = || {
        ApiError::denied(
            "AuthorizationInvalid",
            "Authorization must read 'HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=…'.",
        )
    };
    let rest = parameters.trim().strip_prefix("SignedHeaders=").ok_or_else(invalid)?;
    rest.split_once("&Signature=").ok_or_else(invalid)
}

fn text_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, ApiError> {
    let missing =
        || ApiError::denied("HeaderMissing", format!("The signed header {name} is missing or not text."));
    headers.get(name).ok_or_else(missing)?.to_str().map_err(|_| missing())
}

/// Raw, then with the query re-encoded as a form, then decoded where the route accepts that.
fn candidate_targets<'a>(request: &SignedTarget<'a>) -> Vec<Cow<'a, str>> {
    let mut candidates = vec![Cow::Borrowed(request.target)];
    if let Some((path, query)) = request.target.split_once('?') {
        let form = format!("{path}?{}", encode_form(query));
        if form != request.target {
            candidates.push(Cow::Owned(form));
        }
    }
    if request.accepts_decoded
        && let Some(decoded) = percent_decode(request.target)
        && decoded != request.target
    {
        candidates.push(Cow::Owned(decoded.into_owned()));
    }
    candidates
}

/// The query as `application/x-www-form-urlencoded` writes it (WHATWG URL §5.2), pairs in their order.
fn encode_form(query: &str) -> String {
    let encode = |text: &str| {
        let spaced = text.replace('+', " ");
        let bytes = percent_decode_bytes(&spaced);
        let mut encoded = String::with_capacity(bytes.len());
        for byte in bytes {
            match byte {
                b' ' => encoded.push('+'),
                b'*' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                    encoded.push(char::from(byte));
                }
                _ => encoded.push_str(&format!("%{byte:02X}")),
            }
        }
        encoded
    };
    let pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) => format!("{}={}", encode(name), encode(value)),
        None => format!("{}=", encode(pair)),
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect::<Vec<_>>().join("&")
}

fn percent_decode_bytes(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let digit = |index: usize| bytes.get(index).and_then(|byte| char::from(*byte).to_digit(16));
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index] == b'%'
            && let (Some(high), Some(low)) = (digit(index + 1), digit(index + 2))
        {
            decoded.push(u8::try_from(high * 16 + low).expect("two hexadecimal digits make a byte"));
            index += 3;
        } else {
            decoded.push(bytes[index]);
            index += 1;
        }
    }
    decoded
}

/// Decodes `%XX`; a `%` without two hexadecimal digits stays. `None` when the result is no UTF-8.
pub fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    String::from_utf8(percent_decode_bytes(text)).ok().map(Cow::Owned)
}

/// Whether every `%` in `text` is followed by two hexadecimal digits.
pub fn is_well_encoded(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_hexdigit);
    (0..bytes.len())
        .filter(|index| bytes[*index] == b'%')
        .all(|index| is_digit(index + 1) && is_digit(index + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The vectors of the official suites: key `pw==`.
    #[test]
    fn official_vectors_fit() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &[0xa7]);
        for (message, expected) in [
            ("banana", "88EC05aAS9iXnaimtNO78JLjiPtfWryQB/5QYEzEsu8="),
            ("😀", "1rudJKjn2Zi+3hRrBG29wIF6pD6YyAeQR1ZcFtXoKAU="),
        ] {
            assert_eq!(STANDARD.encode(hmac::sign(&key, message.as_bytes())), expected);
        }
    }

    #[test]
    fn a_query_is_re_encoded_as_a_form() {
        for (query, expected) in [
            ("a=New%20York", "a=New+York"),
            ("a=New+York", "a=New+York"),
            ("$skiptoken=a/b", "%24skiptoken=a%2Fb"),
            ("a=(x)!'~*-._", "a=%28x%29%21%27%7E*-._"),
            ("b=%e4%BD%a0&a", "b=%E4%BD%A0&a="),
            ("api-version=2023-10-01", "api-version=2023-10-01"),
        ] {
            assert_eq!(encode_form(query), expected);
        }
    }

    #[test]
    fn only_routes_that_need_it_try_the_decoded_form() {
        let target = |accepts_decoded| SignedTarget {
            method: &Method::GET,
            target: "/rooms/a%3Ab%20c?api-version=1",
            hosts: &[],
            accepts_decoded,
        };
        assert_eq!(candidate_targets(&target(false)), ["/rooms/a%3Ab%20c?api-version=1"]);
        assert_eq!(
            candidate_targets(&target(true)),
            ["/rooms/a%3Ab%20c?api-version=1", "/rooms/a:b c?api-version=1"]
        );
    }

    proptest! {
        #[test]
        fn encoding_a_form_twice_changes_nothing(query in "[ -~]{0,40}") {
            let once = encode_form(&query);
            prop_assert_eq!(encode_form(&once), once);
        }

        #[test]
        fn decoders_never_panic(text in ".{0,40}") {
            let _ = percent_decode(&text);
            let _ = is_well_encoded(&text);
            let _ = encode_form(&text);
        }
    }
}
