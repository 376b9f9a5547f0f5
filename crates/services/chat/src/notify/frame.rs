//! The frame around a notification.

use std::io::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::Notification;

/// The path under which requests come down to a client; the same for every socket, so that it can be shared.
pub(crate) const DOWNSTREAM_PATH: &str = "/v4/f/trunkline/";

const START: &str = "3:::{\"id\":";
/// Bytes of the correlation vector's first part; 16 make the 22 characters that clients expect.
const VECTOR_BYTES: usize = 16;

/// What stands between the number and the body, for a body with that text: clients echo the correlation vector.
pub(super) fn envelope(body: &str) -> String {
    let hash = digest(&SHA256, body.as_bytes());
    let vector = STANDARD_NO_PAD.encode(&hash.as_ref()[..VECTOR_BYTES]);
    format!(
        ",\"method\":\"POST\",\"url\":\"{DOWNSTREAM_PATH}\",\"headers\":{{\"Content-Type\":\
         \"application/json; charset=utf-8\",\"MS-CV\":\"{vector}.0\"}},\"body\":\""
    )
}

/// What ends the frame after the body.
pub(super) const END: &str = "\"}";

/// The length in bytes of the frame that [`write_frame`] writes.
pub(crate) fn frame_length(notification: &Notification, id: u64, recipient: &str) -> usize {
    let digits = id.checked_ilog10().unwrap_or(0) as usize + 1;
    START.len() + digits + notification.size_bytes() + recipient.len()
}

/// Appends the frame of a notification: number `id` of its socket, for a recipient that is
/// [escaped](super::recipient) already.
pub(crate) fn write_frame(notification: &Notification, id: u64, recipient: &str, out: &mut Vec<u8>) {
    write!(out, "{START}{id}").expect("writing to memory never fails");
    out.extend_from_slice(&notification.head);
    out.extend_from_slice(recipient.as_bytes());
    out.extend_from_slice(&notification.tail);
}
