//! Datagrams on a stream (RFC 4571): two bytes of length, then the datagram.

/// What a frame may carry at most: a datagram of media has at most 1,500 bytes.
pub const FRAME_BYTES_MAX: usize = 2_000;
const HEAD_BYTES: usize = 2;

/// A frame is longer than [`FRAME_BYTES_MAX`]; the connection cannot be read any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a frame of {bytes} bytes is too long")]
pub struct FrameTooLong {
    /// The length it announced.
    pub bytes: usize,
}

/// The reading half of one stream. It holds at most what was pushed and not taken.
#[derive(Debug, Default)]
pub struct FrameReader {
    bytes: Vec<u8>,
    /// Where the next frame starts.
    at: usize,
}

impl FrameReader {
    /// A reader at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what was read. Take all frames before the next part.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame; empty ones, which keep connections alive, are left out.
    ///
    /// **Errors**: [`FrameTooLong`]; end the connection.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameTooLong> {
        loop {
            let rest = &self.bytes[self.at..];
            let Some(head) = rest.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
            let length = usize::from(u16::from_be_bytes(*head));
            if length > FRAME_BYTES_MAX {
                return Err(FrameTooLong { bytes: length });
            }
            if rest.len() < HEAD_BYTES + length {
                return Ok(None);
            }
            let start = self.at + HEAD_BYTES;
            self.at = start + length;
            if length > 0 {
                return Ok(Some(&self.bytes[start..start + length]));
            }
        }
    }
}

/// Appends `payload` as a frame. One over [`FRAME_BYTES_MAX`] is left out, as a network would drop it.
pub fn write_frame(out: &mut Vec<u8>, payload: &[u8]) {
    if payload.len() > FRAME_BYTES_MAX {
        return;
    }
    let length = u16::try_from(payload.len()).expect("at most 2,000");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(reader: &mut FrameReader) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        while let Some(frame) = reader.next_frame().expect("no frame is too long") {
            frames.push(frame.to_vec());
        }
        frames
    }

    proptest! {
        #[test]
        fn frames_come_back_however_the_stream_is_cut(
            frames in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 0..20),
            cut in 1..500_usize,
        ) {
            let mut stream = Vec::new();
            for frame in &frames {
                write_frame(&mut stream, frame);
            }
            let mut reader = FrameReader::new();
            let mut read = Vec::new();
            for part in stream.chunks(cut) {
                reader.push(part);
                read.extend(read_all(&mut reader));
            }
            prop_assert_eq!(read, frames);
        }
    }

    #[test]
    fn the_longest_frame_passes_and_one_byte_more_ends_the_stream() {
        let mut reader = FrameReader::new();
        let mut stream = Vec::new();
        write_frame(&mut stream, &[7; FRAME_BYTES_MAX]);
        reader.push(&stream);
        assert_eq!(reader.next_frame(), Ok(Some([7; FRAME_BYTES_MAX].as_slice())));
        reader.push(&[0x07, 0xd1]);
        assert_eq!(reader.next_frame(), Err(FrameTooLong { bytes: FRAME_BYTES_MAX + 1 }));
    }

    #[test]
    fn empty_frames_are_left_out() {
        let mut reader = FrameReader::new();
        reader.push(&[0, 0, 0, 1, 9, 0, 0]);
        assert_eq!(read_all(&mut reader), [vec![9]]);
    }

    #[test]
    fn a_datagram_too_long_for_a_frame_is_not_written() {
        let mut out = Vec::new();
        write_frame(&mut out, &[0; FRAME_BYTES_MAX + 1]);
        assert_eq!(out, Vec::<u8>::new());
    }
}
