//! [`Local`]: the operator API over the socket in the data folder.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

/// A kept-alive HTTP/1.1 connection to the socket in the data folder.
pub(crate) struct Local(BufReader<UnixStream>);

impl Local {
    pub(crate) fn connect(data: &Path) -> Result<Self> {
        let stream = UnixStream::connect(data.join("trunkline.sock")).context("the server has a socket")?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request, whose answer must have the status `expected`, and reads that as JSON.
    pub(crate) fn request(&mut self, method: &str, path: &str, body: &str, expected: u16) -> Result<Value> {
        let length = body.len();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length) = (None, 0);
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line)? == 0 {
                bail!("the server closed the connection");
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if status.is_none() {
                status = line.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
            }
            if let Some(text) = line.strip_prefix("content-length:") {
                length = text.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        if status != Some(expected) {
            bail!("{method} {path} was answered {status:?}: {}", String::from_utf8_lossy(&body));
        }
        Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
    }
}
