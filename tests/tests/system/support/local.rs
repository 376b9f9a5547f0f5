//! [`Local`]: the operator API over the socket in the data folder, for tests that ask often or are cut off.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// An answer that never comes must fail the test, not hang it.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// A kept connection with every right.
pub(crate) struct Local(BufReader<UnixStream>);

impl Local {
    /// **Errors**: when no server listens in `data`.
    pub(crate) fn connect(data: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(data.join("trunkline.sock"))?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request and reads the answer: its status and its body as JSON.
    ///
    /// **Errors**: when the server ends before it has answered.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &str) -> io::Result<(u16, Value)> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        let status = status.ok_or_else(|| io::Error::other("no status line"))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    /// Publishes `count` sample events in one transaction; returns their ids, which are on the disk.
    ///
    /// **Errors**: when the server ends before it has answered.
    pub(crate) fn publish(&mut self, resource: &str, count: u64) -> io::Result<Vec<String>> {
        let body = format!(r#"{{"type":"Microsoft.Communication.SMSReceived","count":{count}}}"#);
        let path = format!("/trunkline/resources/{resource}/events/:sendTest");
        let (status, answer) = self.call("POST", &path, &body)?;
        assert_eq!(status, 202, "{answer}");
        let ids = answer["ids"].as_array().expect("the ids of the events");
        Ok(ids.iter().map(|id| id.as_str().expect("an id").to_owned()).collect())
    }
}
