//! A numbered conversation that survives its sockets. Without input and output.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::window::{Behind, Window};
use crate::rules::LegId;

/// Messages of the client after which an acknowledgement goes out at once.
const ACKNOWLEDGE_AFTER: u64 = 32;

/// SHA-256 of a secret that resumes a session.
pub(super) type SecretHash = [u8; 32];

/// What arrives, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// The next one.
    New,
    /// One that came before.
    Seen,
    /// One too far: no honest client sends it.
    Gap,
}

/// Whether the client waits for an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owed {
    /// It does not.
    Nothing,
    /// It can wait a little, for a message to go with.
    Soon,
    /// It has said much.
    Now,
}

/// Why a session does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResumeRefusal {
    /// The secret is not that of the session.
    WrongSecret,
    /// The client claims to have received what was never said.
    WrongNumber,
}

/// Both directions of a session.
#[derive(Debug)]
pub(super) struct Conversation {
    window: Window,
    /// The highest number received; there is no gap below it.
    received: u64,
    /// The highest number acknowledged to the client.
    told: u64,
    secret: SecretHash,
    /// Good until something is heard after a resume: `resumed` may have been lost with its socket.
    previous_secret: Option<SecretHash>,
}

impl Conversation {
    pub(super) fn new(secret: SecretHash) -> Self {
        Self { window: Window::new(), received: 0, told: 0, secret, previous_secret: None }
    }

    /// Says something, which is kept until it is acknowledged.
    ///
    /// **Errors**: [`Behind`] when the client acknowledges too little.
    pub(super) fn say(&mut self, leg: Option<LegId>, body: Arc<str>) -> Result<(), Behind> {
        self.window.push(leg, body)
    }

    /// Something with the number `n` arrives.
    pub(super) fn arrive(&mut self, n: u64) -> Arrival {
        if n <= self.received {
            return Arrival::Seen;
        }
        if n != self.received + 1 {
            return Arrival::Gap;
        }
        self.received = n;
        Arrival::New
    }

    /// Something is heard on the present socket: nobody speaks there who did not get the newest secret. A `resume` that
    /// is still on its way from a socket before comes too late.
    pub(super) fn heard(&mut self) {
        self.previous_secret = None;
    }

    /// The client has received everything up to `a`; false when that was never said.
    pub(super) fn acknowledge(&mut self, a: u64) -> bool {
        self.window.acknowledge(a)
    }

    /// The highest number received.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Whether the client waits for an acknowledgement.
    pub(super) fn owed(&self) -> Owed {
        match self.received - self.told {
            0 => Owed::Nothing,
            waiting if waiting < ACKNOWLEDGE_AFTER => Owed::Soon,
            _ => Owed::Now,
        }
    }

    /// Writes the next message for the present socket over `out`; false when there is none.
    pub(super) fn write_next(&mut self, out: &mut String) -> bool {
        let is_there = self.window.write_next(self.received, out);
        if is_there {
            self.told = self.received;
        }
        is_there
    }

    /// Writes a bare acknowledgement over `out`.
    pub(super) fn write_acknowledgement(&mut self, out: &mut String) {
        self.told = self.received;
        *out = format!("{{\"a\":{}}}", self.received);
    }

    /// The client comes back on another socket having received everything up to `a`; `next` is the hash of the secret
    /// it is given now. What it has not received is written again.
    pub(super) fn resume(
        &mut self,
        secret: &SecretHash,
        a: u64,
        next: SecretHash,
    ) -> Result<(), ResumeRefusal> {
        let is_same = |known: &SecretHash| verify_slices_are_equal(known, secret).is_ok();
        let is_known = is_same(&self.secret) | self.previous_secret.as_ref().is_some_and(is_same);
        if !is_known {
            return Err(ResumeRefusal::WrongSecret);
        }
        if !self.acknowledge(a) {
            return Err(ResumeRefusal::WrongNumber);
        }
        // The one that was shown stays good: the answer to this may be lost as well.
        self.previous_secret = Some(*secret);
        self.secret = next;
        self.window.rewind();
        Ok(())
    }
}

#[cfg(test)]
mod tests;
