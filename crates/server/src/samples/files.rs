//! Files of a folder: known kinds only, nothing outside of it, nothing large.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;

use super::refusal;

/// The largest file, in bytes: the chat page's program has 1.5 MB.
const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024;

/// Files under this folder carry a hash of their content in their name, so they never change.
const HASHED: &str = "assets/";

/// What a file is by its name; others are not served.
const KINDS: &[(&str, &str)] = &[
    ("html", "text/html; charset=utf-8"),
    ("css", "text/css; charset=utf-8"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
    ("wasm", "application/wasm"),
];

/// A folder whose files are served.
#[derive(Debug)]
pub(super) struct Files {
    // Invariant: canonical, so that a file's canonical path starts with it exactly when the file lies inside.
    folder: PathBuf,
}

impl Files {
    /// The files of `folder`.
    ///
    /// **Errors**: the folder is not there.
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let folder = folder
            .canonicalize()
            .with_context(|| format!("samples.folder: {} cannot be read", folder.display()))?;
        Ok(Self { folder })
    }

    /// The file at `path`, or the reason why there is none; a folder stands for its `index.html`.
    pub(super) async fn load<B>(&self, path: &str, request: &Request<B>) -> Response<Full<Bytes>> {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut reply = refusal(StatusCode::METHOD_NOT_ALLOWED, "Pages are read with GET.");
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return reply;
        }
        let missing = || refusal(StatusCode::NOT_FOUND, "There is no such page.");
        if !is_plain(path) {
            return missing();
        }
        let name = if path.ends_with('/') { format!("{path}index.html") } else { path.to_owned() };
        match self.read(&name).await {
            Ok(Found::File { content, kind }) => file(path, content, kind),
            Ok(Found::Folder) => moved(request),
            Ok(Found::Nothing) => missing(),
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                missing()
            }
            Err(cause) => {
                tracing::warn!(%cause, path, "a file of the samples cannot be read");
                missing()
            }
        }
    }

    async fn read(&self, name: &str) -> io::Result<Found> {
        let path = tokio::fs::canonicalize(self.folder.join(name)).await?;
        if !path.starts_with(&self.folder) {
            return Ok(Found::Nothing);
        }
        let metadata = tokio::fs::metadata(&path).await?;
        if metadata.is_dir() {
            return Ok(Found::Folder);
        }
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let kind = KINDS.iter().find(|(known, _)| *known == ending);
        match kind {
            Some((_, kind)) if metadata.is_file() && metadata.len() <= FILE_BYTES_MAX => {
                Ok(Found::File { content: tokio::fs::read(&path).await?, kind })
            }
            _ => Ok(Found::Nothing),
        }
    }
}

enum Found {
    File { content: Vec<u8>, kind: &'static str },
    Folder,
    Nothing,
}

/// Whether a path is made of ordinary names: no escapes, no hidden files, no way up.
fn is_plain(path: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    let is_name = |name: &str| !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_letter);
    !path.is_empty() && path.strip_suffix('/').unwrap_or(path).split('/').all(is_name)
}

fn file(path: &str, content: Vec<u8>, kind: &'static str) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::from(content));
    let cached = if path.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cached));
    reply
}

/// A folder without its slash: relative addresses in its page would miss it.
fn moved<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    let query = request.uri().query().map_or(String::new(), |query| format!("?{query}"));
    let target = format!("{}/{query}", request.uri().path());
    let mut reply = refusal(StatusCode::PERMANENT_REDIRECT, "The page's address ends with a slash.");
    if let Ok(target) = HeaderValue::try_from(target) {
        reply.headers_mut().insert(header::LOCATION, target);
    }
    reply
}
