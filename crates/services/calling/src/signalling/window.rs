//! What was said and is not acknowledged.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::rules::LegId;

/// Messages kept for a client that is away: two minutes of a large, lively call.
const MESSAGES_MAX: usize = 512;
/// And their bytes: a session must not cost more than a call.
const BYTES_MAX: usize = 2 * 1024 * 1024;
/// What a message takes besides its text: its place here and the numbers before it.
const OVERHEAD_BYTES: usize = 64;

/// The client is too far behind: it must begin anew.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Behind;

/// A message without its numbers: its text is shared by everybody who gets the same.
#[derive(Clone, Debug)]
struct Kept {
    leg: Option<LegId>,
    /// JSON without the opening brace.
    body: Arc<str>,
}

impl Kept {
    fn size_bytes(&self) -> usize {
        self.body.len() + self.leg.as_ref().map_or(0, |leg| leg.len()) + OVERHEAD_BYTES
    }
}

/// The messages of one direction, from the first that is not acknowledged to the last.
#[derive(Debug)]
pub(super) struct Window {
    kept: VecDeque<Kept>,
    /// The number of the first one kept.
    first: u64,
    /// The number of the next one to write on the present socket.
    next: u64,
    size_bytes: usize,
}

impl Window {
    pub(super) fn new() -> Self {
        Self { kept: VecDeque::new(), first: 1, next: 1, size_bytes: 0 }
    }

    /// Keeps a message.
    ///
    /// **Errors**: [`Behind`] when too much is kept.
    pub(super) fn push(&mut self, leg: Option<LegId>, body: Arc<str>) -> Result<(), Behind> {
        let kept = Kept { leg, body };
        self.size_bytes += kept.size_bytes();
        self.kept.push_back(kept);
        if self.kept.len() > MESSAGES_MAX || self.size_bytes > BYTES_MAX { Err(Behind) } else { Ok(()) }
    }

    /// Forgets everything up to `a`; false when that was never said.
    pub(super) fn acknowledge(&mut self, a: u64) -> bool {
        if a >= self.next {
            return false;
        }
        while self.first <= a {
            let gone = self.kept.pop_front().expect("numbers below the next one to write are kept");
            self.size_bytes -= gone.size_bytes();
            self.first += 1;
        }
        true
    }

    /// Begins again behind what is acknowledged: another socket has seen nothing.
    pub(super) fn rewind(&mut self) {
        self.next = self.first;
    }

    /// Writes the next message over `out`, with its number and the acknowledgement `a`; false when there is none.
    pub(super) fn write_next(&mut self, a: u64, out: &mut String) -> bool {
        let index = usize::try_from(self.next - self.first).expect("the window is short");
        let Some(kept) = self.kept.get(index) else { return false };
        out.clear();
        let numbers = write!(out, "{{\"n\":{},\"a\":{a},", self.next);
        numbers.expect("writing to a string cannot fail");
        if let Some(leg) = &kept.leg {
            // Ids need no escape.
            write!(out, "\"leg\":\"{leg}\",").expect("writing to a string cannot fail");
        }
        out.push_str(&kept.body);
        self.next += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(window: &mut Window, a: u64) -> Vec<String> {
        let mut out = String::new();
        std::iter::from_fn(|| window.write_next(a, &mut out).then(|| out.clone())).collect()
    }

    #[test]
    fn what_is_not_acknowledged_is_written_again() {
        let mut window = Window::new();
        for (leg, body) in [(None, "\"t\":\"x\"}"), (Some(Arc::from("l-1")), "\"t\":\"y\"}")] {
            assert_eq!(window.push(leg, body.into()), Ok(()));
        }
        let first = r#"{"n":1,"a":0,"t":"x"}"#;
        let second = r#"{"n":2,"a":0,"leg":"l-1","t":"y"}"#;
        assert_eq!(texts(&mut window, 0), [first, second]);
        assert!(texts(&mut window, 0).is_empty());
        assert!(window.acknowledge(1));
        window.rewind();
        assert_eq!(texts(&mut window, 0), [second]);
    }

    #[test]
    fn only_what_was_written_can_be_acknowledged() {
        let mut window = Window::new();
        window.push(None, "}".into()).expect("there is room");
        assert!(!window.acknowledge(1));
        texts(&mut window, 0);
        assert!(window.acknowledge(1));
        assert!(window.acknowledge(0));
        assert!(!window.acknowledge(2));
    }

    #[test]
    fn messages_and_bytes_are_bounded() {
        let mut window = Window::new();
        let kept = (0..MESSAGES_MAX).all(|_| window.push(None, "}".into()).is_ok());
        assert!(kept);
        assert_eq!(window.push(None, "}".into()), Err(Behind));
        let mut window = Window::new();
        let large: Arc<str> = "x".repeat(BYTES_MAX / 2).into();
        assert_eq!(window.push(None, Arc::clone(&large)), Ok(()));
        assert_eq!(window.push(None, large), Err(Behind));
    }
}
