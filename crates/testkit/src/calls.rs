//! [`Call`] and [`Answer`]: a request and its reply as a test writes and reads them.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;
use trunkline_kernel::Timestamp;
use trunkline_web::reply::Body;

/// The host of a call that names none: the one of the default resource.
pub const HOST: &str = "localhost:8443";

/// What makes the credentials of a call.
#[derive(Clone, Debug)]
enum Credentials {
    None,
    Key(Vec<u8>),
    Bearer(String),
}

/// What of a signed call deviates from what is sent.
#[derive(Clone, Debug, Default)]
struct Signed {
    target: Option<String>,
    host: Option<String>,
    body: Option<Vec<u8>>,
    method: Option<String>,
    offset_seconds: i64,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Call {
    method: String,
    target: String,
    host: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    credentials: Credentials,
    signed: Signed,
}

impl Call {
    /// A call of `method` and `target` (path and query) without body and credentials.
    pub fn new(method: &str, target: impl Into<String>) -> Self {
        Self {
            method: method.to_owned(),
            target: target.into(),
            host: HOST.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            credentials: Credentials::None,
            signed: Signed::default(),
        }
    }

    /// Path and query.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// `GET`.
    pub fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    /// `POST` without a body.
    pub fn post(target: impl Into<String>) -> Self {
        Self::new("POST", target)
    }

    /// `DELETE`.
    pub fn delete(target: impl Into<String>) -> Self {
        Self::new("DELETE", target)
    }

    /// Sends JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string())
    }

    /// Sends `body` as `content_type`.
    pub fn body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// Sends `body` without saying what it is.
    pub fn raw_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// Calls another host.
    pub fn host(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Adds a header; the same name may come twice.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Signs with an access key, as the SDKs do.
    pub fn signed(mut self, key: &[u8]) -> Self {
        self.credentials = Credentials::Key(key.to_vec());
        self
    }

    /// Sends a bearer token.
    pub fn bearer(mut self, token: &str) -> Self {
        self.credentials = Credentials::Bearer(token.to_owned());
        self
    }

    /// Signs another target than the one that is called.
    pub fn signing_target(mut self, target: &str) -> Self {
        self.signed.target = Some(target.to_owned());
        self
    }

    /// Signs another host than the one that is called.
    pub fn signing_host(mut self, host: &str) -> Self {
        self.signed.host = Some(host.to_owned());
        self
    }

    /// Signs another body than the one that is sent.
    pub fn signing_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.signed.body = Some(body.into());
        self
    }

    /// Signs another method than the one that is used.
    pub fn signing_method(mut self, method: &str) -> Self {
        self.signed.method = Some(method.to_owned());
        self
    }

    /// Dates the signature so many seconds after the clock, or before it.
    pub fn dated(mut self, offset_seconds: i64) -> Self {
        self.signed.offset_seconds = offset_seconds;
        self
    }

    /// The request as it goes over the wire at `now`.
    ///
    /// **Errors**: a sentence when the target or a header cannot be sent at all.
    pub fn try_into_request(self, now: Timestamp) -> Result<Request<Full<Bytes>>, String> {
        let mut builder = Request::builder().method(self.method.as_str()).uri(self.target.as_str());
        let headers = builder.headers_mut().ok_or_else(|| format!("{} cannot be sent", self.target))?;
        let mut append = |name: &str, value: &[u8]| {
            let name: HeaderName = name.parse().map_err(|cause| format!("{name}: {cause}"))?;
            let value = HeaderValue::from_bytes(value).map_err(|cause| format!("{name}: {cause}"))?;
            headers.append(name, value);
            Ok::<(), String>(())
        };
        if !self.host.is_empty() {
            append("host", self.host.as_bytes())?;
        }
        match &self.credentials {
            Credentials::None => {}
            Credentials::Bearer(token) => append("authorization", format!("Bearer {token}").as_bytes())?,
            Credentials::Key(key) => {
                for (name, value) in self.signature(key, now) {
                    append(name, value.as_bytes())?;
                }
            }
        }
        for (name, value) in &self.headers {
            append(name, value)?;
        }
        builder.body(Full::from(self.body)).map_err(|cause| cause.to_string())
    }

    /// The request as it goes over the wire at `now`; a test's own request can always be sent.
    pub fn into_request(self, now: Timestamp) -> Request<Full<Bytes>> {
        self.try_into_request(now).expect("the test made a request that can be sent")
    }

    fn signature(&self, key: &[u8], now: Timestamp) -> [(&'static str, String); 3] {
        let offset = Duration::from_secs(self.signed.offset_seconds.unsigned_abs());
        let date = if self.signed.offset_seconds < 0 { now.minus(offset) } else { now.plus(offset) };
        let date = date.to_http_date();
        let body = self.signed.body.as_ref().unwrap_or(&self.body);
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, body));
        let method = self.signed.method.as_ref().unwrap_or(&self.method);
        let target = self.signed.target.as_ref().unwrap_or(&self.target);
        let host = self.signed.host.as_ref().unwrap_or(&self.host);
        let text = format!("{method}\n{target}\n{date};{host};{hash}");
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        let signature = STANDARD.encode(tag);
        let authorization =
            format!("HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}");
        [("x-ms-date", date), ("x-ms-content-sha256", hash), ("authorization", authorization)]
    }
}

/// A reply.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON body; null when it is empty or no JSON.
    pub body: Value,
    /// The body as it came.
    pub bytes: Bytes,
}

impl Answer {
    /// Reads a response to its end.
    pub async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body in memory has no errors").to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status: parts.status.as_u16(), headers: parts.headers, body, bytes }
    }

    /// A header as text; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap_or("no text"))
    }

    /// The reply, which must be a success with `status` and have the headers every reply has.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        assert!(!self.header("x-ms-request-id").is_empty(), "x-ms-request-id is missing");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        assert!(!self.header("cache-control").is_empty(), "cache-control is missing");
        if status == 204 {
            assert!(self.bytes.is_empty(), "a 204 has no body");
        }
        self
    }

    /// The reply, which must be an error with `status` and the ACS `code`, in the body and as a header.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str) -> Self {
        let this = self.expect(status);
        let error = &this.body["error"];
        assert_eq!(error["code"], code, "{}", this.body);
        assert_eq!(this.header("x-ms-error-code"), code);
        assert!(error["message"].as_str().is_some_and(|message| message.len() > 10), "{}", this.body);
        this
    }

    /// The reply, which must be a 401 with the finer `code`.
    #[track_caller]
    pub fn expect_denied(self, code: &str) -> Self {
        let this = self.expect_error(401, "Denied");
        assert_eq!(this.body["error"]["innererror"]["code"], code, "{}", this.body);
        this
    }

    /// The reply, which must be a 400 that names `target` as the field at fault.
    #[track_caller]
    pub fn expect_invalid(self, target: &str) -> Self {
        let this = self.expect_error(400, "BadRequest");
        assert_eq!(this.body["error"]["target"], target, "{}", this.body);
        this
    }
}
