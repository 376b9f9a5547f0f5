//! Bodies of requests: read within bounds, and what a refused request still sends.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use crate::error::ApiError;

/// What is read of a refused request, in bytes: as much as anybody sends who means it, such as an image that is
/// somewhat too large. Beyond that the connection ends in the middle.
const DISCARDED_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How long it is read: enough for a message over a slow line, and too short to hold many connections with it.
const DISCARD_TIME_MAX: Duration = Duration::from_secs(5);

/// A body on its way.
pub(crate) struct Arriving<'b, B> {
    body: Pin<&'b mut B>,
    /// Whether the client sends it: who asks first whether to does so once it is read.
    is_sent: bool,
}

impl<'b, B> Arriving<'b, B>
where
    B: Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    pub(crate) fn new(headers: &HeaderMap, body: Pin<&'b mut B>) -> Self {
        Self { body, is_sent: !headers.contains_key(header::EXPECT) }
    }

    /// The whole body.
    ///
    /// **Errors**: 413 above `bytes_max` bytes; 408 when it is not there within `time_max`; 400 when it ends early.
    pub(crate) async fn read(
        &mut self,
        headers: &HeaderMap,
        bytes_max: usize,
        time_max: Duration,
    ) -> Result<Bytes, ApiError> {
        let too_large = || {
            let message = format!("The body is larger than {bytes_max} bytes.");
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "RequestBodyTooLarge", message)
        };
        let declared =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        if declared.is_some_and(|declared| declared > bytes_max as u64) {
            return Err(too_large());
        }
        self.is_sent = true;
        let body = Limited::new(self.body.as_mut(), bytes_max);
        match tokio::time::timeout(time_max, body.collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(too_large()),
            Ok(Err(_)) => Err(ApiError::invalid("body", "The body ended before its announced length.")),
            Err(_) => Err(ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "RequestTimeout",
                "The body did not arrive in time.",
            )),
        }
    }

    /// Reads what a refused request still sends, and throws it away.
    ///
    /// Many clients write the whole request before they read: where the connection ends meanwhile they find that,
    /// and never the answer. A connection with a rest in it also cannot carry the next request.
    pub(crate) async fn discard(self) {
        if !self.is_sent || self.body.is_end_stream() {
            return;
        }
        let mut rest = Limited::new(self.body, DISCARDED_BYTES_MAX);
        let all = async { while let Some(Ok(_)) = rest.frame().await {} };
        // Whoever is slower has had the chance: the answer is sent either way.
        let _ = tokio::time::timeout(DISCARD_TIME_MAX, all).await;
    }
}
