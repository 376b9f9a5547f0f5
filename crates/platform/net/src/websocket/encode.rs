//! From messages to bytes: frames are appended to a vector of the caller, and leave in one write.
//!
//! Only clients mask, so a server's header is known from the length alone and the payload may be appended in
//! parts.

use super::frame::{Opcode, SHORT_MAX};
use super::mask;

const FINAL: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Appends the header of an unmasked text frame; the caller appends exactly `payload_len` bytes behind it.
pub fn write_text_header(out: &mut Vec<u8>, payload_len: usize) {
    write_header(out, Opcode::Text, payload_len, 0);
}

/// How long the header of an unmasked frame with such a payload is, in bytes.
pub const fn text_header_len(payload_len: usize) -> usize {
    if payload_len <= SHORT_MAX {
        2
    } else if payload_len <= u16::MAX as usize {
        4
    } else {
        10
    }
}

/// Appends an unmasked close frame with `code`.
pub fn write_close(out: &mut Vec<u8>, code: u16) {
    write_header(out, Opcode::Close, 2, 0);
    out.extend_from_slice(&code.to_be_bytes());
}

/// Appends an unmasked pong that answers a ping with `payload`, at most 125 bytes.
pub fn write_pong(out: &mut Vec<u8>, payload: &[u8]) {
    write_control(out, Opcode::Pong, payload);
}

/// Appends an unmasked ping; the peer sends `payload` back, at most 125 bytes.
pub fn write_ping(out: &mut Vec<u8>, payload: &[u8]) {
    write_control(out, Opcode::Ping, payload);
}

/// Appends a whole frame of a client, masked with `key`.
pub fn write_masked(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], key: [u8; 4]) {
    write_header(out, opcode, payload.len(), MASKED);
    out.extend_from_slice(&key);
    let start = out.len();
    out.extend_from_slice(payload);
    mask::apply(&mut out[start..], key);
}

fn write_control(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let payload = &payload[..payload.len().min(SHORT_MAX)];
    write_header(out, opcode, payload.len(), 0);
    out.extend_from_slice(payload);
}

#[expect(clippy::cast_possible_truncation, reason = "each branch has checked the length")]
fn write_header(out: &mut Vec<u8>, opcode: Opcode, payload_len: usize, mask: u8) {
    out.push(FINAL | opcode.number());
    match payload_len {
        0..=SHORT_MAX => out.push(mask | payload_len as u8),
        126..=0xffff => {
            out.push(mask | 0x7e);
            out.extend_from_slice(&(payload_len as u16).to_be_bytes());
        }
        _ => {
            out.push(mask | 0x7f);
            out.extend_from_slice(&(payload_len as u64).to_be_bytes());
        }
    }
}
