//! Streams of frames. Where the network cuts a stream says nothing: the frames are the same.

use trunkline_net::framing::{FRAME_BYTES_MAX, FrameReader, write_frame};
use trunkline_turn::channel::{self, Frame};
use trunkline_turn::stun::Message;

use crate::input::Input;

/// The first two bytes say where to cut.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let cuts = [input.byte(), input.byte()].map(|cut| usize::from(cut) + 1);
    let stream = bytes.get(2..).unwrap_or_default();
    media(stream, cuts);
    turn(stream, cuts);
}

/// Parts of alternating lengths.
fn cut(stream: &[u8], cuts: [usize; 2]) -> Vec<&[u8]> {
    let (mut rest, mut parts, mut turn) = (stream, Vec::new(), 0);
    while !rest.is_empty() {
        let (part, after) = rest.split_at(cuts[turn % 2].min(rest.len()));
        parts.push(part);
        (rest, turn) = (after, turn + 1);
    }
    parts
}

fn media(stream: &[u8], cuts: [usize; 2]) {
    let (whole, whole_end) = read_media(&[stream]);
    let (parts, parts_end) = read_media(&cut(stream, cuts));
    assert_eq!((&whole, whole_end), (&parts, parts_end), "cutting changes nothing");
    assert!(whole.iter().all(|frame| (1..=FRAME_BYTES_MAX).contains(&frame.len())));
    let mut written = Vec::new();
    for frame in &whole {
        write_frame(&mut written, frame);
    }
    assert_eq!(read_media(&[&written]), (whole, true), "what is written is read");
}

/// The frames, and whether the stream was good to its end.
fn read_media(parts: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let (mut reader, mut frames) = (FrameReader::new(), Vec::new());
    for part in parts {
        reader.push(part);
        loop {
            match reader.next_frame() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(_) => return (frames, false),
            }
        }
    }
    (frames, true)
}

fn turn(stream: &[u8], cuts: [usize; 2]) {
    let (whole, whole_end) = read_turn(&[stream]);
    let (parts, parts_end) = read_turn(&cut(stream, cuts));
    assert_eq!((&whole, whole_end), (&parts, parts_end), "cutting changes nothing");
    for frame in &whole {
        if channel::is_channel_data(frame) {
            let (number, data) = channel::parse(frame).expect("a whole frame holds its data");
            let mut written = channel::head(number, data.len()).to_vec();
            written.extend_from_slice(data);
            assert_eq!(channel::parse(&written), Some((number, data)));
        } else if let Ok(message) = Message::parse(frame) {
            assert!(message.attributes().count() <= 32);
        }
    }
}

/// Reads as the relay does: no more waits than the frame that has begun.
fn read_turn(parts: &[&[u8]]) -> (Vec<Vec<u8>>, bool) {
    let (mut waiting, mut frames) = (Vec::new(), Vec::new());
    for part in parts {
        waiting.extend_from_slice(part);
        loop {
            match channel::next_frame(&waiting) {
                Frame::Bytes(count) if waiting.len() >= count => {
                    assert!(count >= channel::CHANNEL_HEAD_BYTES, "a frame of nothing would never end");
                    frames.push(waiting.drain(..count).collect());
                }
                Frame::Bytes(count) => {
                    assert!(count <= channel::FRAME_BYTES_MAX);
                    break;
                }
                Frame::Incomplete => break,
                Frame::Foreign => return (frames, false),
            }
        }
    }
    (frames, true)
}
