//! Who sends what to whom.

use std::net::Ipv4Addr;

use anyhow::Result;

use super::crowd::{Crowd, LOOPBACK};
use super::flow::{Flow, Media};

/// What can be measured: forwards what clients send, in a process of its own.
pub(super) trait Server {
    /// Of the process.
    fn id(&self) -> u32;
    /// What the addresses of the clients follow.
    fn clients(&self) -> Ipv4Addr {
        LOOPBACK
    }
    /// Lets a client in, and puts it into the crowd.
    fn join(&mut self, crowd: &mut Crowd, plan: &Plan, index: usize) -> Result<()>;
    /// Everybody is connected.
    fn settle(&mut self, _plan: &Plan) -> Result<()> {
        Ok(())
    }
}

/// One scenario. The first `voices` people speak, the first `cameras` show themselves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    pub(super) people: usize,
    pub(super) voices: usize,
    pub(super) voice: Media,
    pub(super) cameras: usize,
    pub(super) camera: Media,
    /// How many cameras each sees, those after its own.
    pub(super) seen: usize,
}

impl Plan {
    /// The cameras that somebody sees.
    pub(super) fn sees(&self, index: usize) -> Vec<usize> {
        let others = (1..=self.cameras).map(|step| (index + step) % self.cameras.max(1));
        others.filter(|other| *other != index).take(self.seen).collect()
    }

    pub(super) fn has_camera(&self, index: usize) -> bool {
        index < self.cameras
    }

    /// How many others somebody hears.
    pub(super) fn voices_heard(&self, index: usize) -> u8 {
        u8::try_from(self.voices - usize::from(index < self.voices)).unwrap_or(u8::MAX)
    }

    pub(super) fn flows(&self) -> Vec<Flow> {
        let voices = (0..self.voices).map(|index| Flow::new(self.voice, index));
        voices.chain((0..self.cameras).map(|index| Flow::new(self.camera, index))).collect()
    }

    /// How many receive what `sender` sends.
    pub(super) fn receivers(&self, flow: &Flow) -> usize {
        match flow.media {
            Media::Voice { .. } => self.people - 1,
            Media::Camera { .. } => {
                (0..self.people).filter(|index| self.sees(*index).contains(&flow.sender)).count()
            }
        }
    }
}
