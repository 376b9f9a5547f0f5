//! A small HTTP/1.1 client over TLS that signs with an access key and can stop in the middle of a request.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value;
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_testkit::realtime::Origin;

/// A reply that never comes must fail the test, not hang it.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// A client of one server and one key.
pub(crate) struct Client {
    authority: String,
    config: Arc<ClientConfig>,
    key: hmac::Key,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// A request of which a part is still to be sent.
pub(crate) struct Unfinished {
    stream: StreamOwned<ClientConnection, TcpStream>,
    rest: Vec<u8>,
}

impl Client {
    pub(crate) fn new(endpoint: &str, ca_file: &Path, key: &str) -> Self {
        let mut roots = RootCertStore::empty();
        let certificates = CertificateDer::pem_file_iter(ca_file).expect("the authority's file");
        roots.add_parsable_certificates(certificates.map(|certificate| certificate.expect("a certificate")));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let key = STANDARD.decode(key).expect("an access key is base64");
        Self {
            authority: endpoint.trim_start_matches("https://").trim_end_matches('/').to_owned(),
            config: Arc::new(config),
            key: hmac::Key::new(hmac::HMAC_SHA256, &key),
        }
    }

    /// Where the server is, for clients that keep connections.
    pub(crate) fn origin(&self) -> Origin {
        let addresses = self.authority.to_socket_addrs().expect("the endpoint names a host");
        let listening = addresses.into_iter().find(|address| TcpStream::connect(address).is_ok());
        let (host, tls) = (self.authority.clone(), Some(Arc::clone(&self.config)));
        Origin { address: listening.expect("the server listens"), host, tls }
    }

    /// A connection on which anything may be said.
    pub(crate) fn raw(&self) -> StreamOwned<ClientConnection, TcpStream> {
        self.connect()
    }

    /// Sends a signed request and reads the answer.
    pub(crate) fn call(&self, method: &str, target: &str, body: &str) -> Reply {
        self.begin(method, target, body, usize::MAX).finish()
    }

    /// Sends a request with one header line of the caller's in place of a signature, and reads the answer.
    pub(crate) fn call_with(&self, method: &str, target: &str, body: &str, header: &str) -> Reply {
        self.send(method, target, body, usize::MAX, header).finish()
    }

    /// Sends the head of a signed request and at most `body_bytes` of its body.
    pub(crate) fn begin(&self, method: &str, target: &str, body: &str, body_bytes: usize) -> Unfinished {
        let date = SystemClock.now().to_http_date();
        let hash = STANDARD.encode(digest::digest(&digest::SHA256, body.as_bytes()));
        let text = format!("{method}\n{target}\n{date};{};{hash}", self.authority);
        let signature = STANDARD.encode(hmac::sign(&self.key, text.as_bytes()));
        let headers = format!(
            "x-ms-date: {date}\r\nx-ms-content-sha256: {hash}\r\n\
             Authorization: HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
        );
        self.send(method, target, body, body_bytes, &headers)
    }

    fn send(&self, method: &str, target: &str, body: &str, body_bytes: usize, headers: &str) -> Unfinished {
        let mut stream = self.connect();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n{headers}\r\n\r\n",
            self.authority,
            body.len(),
        );
        let (now, rest) = body.as_bytes().split_at(body_bytes.min(body.len()));
        stream.write_all(head.as_bytes()).expect("the head is taken");
        stream.write_all(now).expect("the body is taken");
        stream.flush().expect("what was written is sent");
        Unfinished { stream, rest: rest.to_vec() }
    }

    /// Whether a connection can still be opened.
    pub(crate) fn can_connect(&self) -> bool {
        TcpStream::connect(&self.authority).is_ok()
    }

    fn connect(&self) -> StreamOwned<ClientConnection, TcpStream> {
        let host = self.authority.split(':').next().unwrap_or_default().to_owned();
        let name = ServerName::try_from(host).expect("the endpoint names a host");
        let connection =
            ClientConnection::new(Arc::clone(&self.config), name).expect("a valid configuration");
        let socket = TcpStream::connect(&self.authority).expect("the server listens");
        socket.set_read_timeout(Some(READ_TIMEOUT)).expect("a time-out can be set");
        StreamOwned::new(connection, socket)
    }
}

impl Unfinished {
    /// Sends what is left and reads the answer.
    pub(crate) fn finish(mut self) -> Reply {
        self.stream.write_all(&self.rest).expect("the rest of the body is taken");
        self.stream.flush().expect("what was written is sent");
        let mut bytes = Vec::new();
        let end = self.stream.read_to_end(&mut bytes);
        assert!(end.is_ok() || !bytes.is_empty(), "no answer: {end:?}");
        parse(&bytes)
    }
}

/// Asks a listener without TLS; returns the status and the body as text.
pub(crate) fn plain(origin: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let authority = origin.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).expect("the listener listens");
    stream.set_read_timeout(Some(READ_TIMEOUT)).expect("a time-out can be set");
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).expect("the request is taken");
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).expect("the answer ends");
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n").expect("an HTTP answer");
    (status(head), body.to_owned())
}

fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status line")
}

fn parse(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes);
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no HTTP answer: {text}"));
    Reply {
        status: status(head),
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    }
}
