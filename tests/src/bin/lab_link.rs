//! A network between two devices, which behaves as the lines on its standard input say.
//!
//! `lab_link CLIENT_DEVICE SERVER_DEVICE SEED` makes both devices and says `ready`; whoever started it gives them
//! addresses and moves one into another network namespace. Each line is a [`Conditions`] as JSON and is answered with
//! `ok` once it is in force, or with what is wrong. It ends with its standard input.

use std::io::{Write as _, stdin};
use std::process::ExitCode;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_sfu::testing::{Link, LinkModel};
use trunkline_tests::lab::tunnel::Tunnel;
use trunkline_tests::lab::{Conditions, Passage, Way};

/// Packets of one device that are read before the other one's turn.
const TRAIN: usize = 64;
/// A line that is longer is none of ours.
const LINE_MAX_BYTES: usize = 4_096;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [client, server, seed] = words.as_slice() else { return usage() };
    let Ok(seed) = seed.parse() else { return usage() };
    match Lab::start(client, server, seed).and_then(Lab::run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("lab_link: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("lab_link CLIENT_DEVICE SERVER_DEVICE SEED");
    ExitCode::from(2)
}

struct Lab {
    up: Direction,
    down: Direction,
    client: Tunnel,
    server: Tunnel,
    heard: Vec<u8>,
}

struct Direction {
    link: Link<Vec<u8>>,
    passage: Passage,
}

impl Direction {
    fn new(seed: u64) -> Self {
        Self { link: Link::new(Way::default().model(), seed), passage: Passage::All }
    }

    fn set(&mut self, model: LinkModel, passage: Passage) {
        self.link.set_model(model);
        self.passage = passage;
    }

    fn carry(&mut self, from: &Tunnel, to: &Tunnel, now: Duration) -> std::io::Result<()> {
        for _ in 0..TRAIN {
            let Some(packet) = from.receive()? else { break };
            if self.passage.lets_through(&packet) {
                self.link.send(packet, now);
            }
        }
        while let Some(packet) = self.link.receive(now) {
            to.send(&packet);
        }
        Ok(())
    }
}

impl Lab {
    fn start(client: &str, server: &str, seed: u64) -> std::io::Result<Self> {
        let (up, down) = (Direction::new(seed), Direction::new(seed.wrapping_add(1 << 32)));
        let (client, server) = (Tunnel::create(client)?, Tunnel::create(server)?);
        say("ready")?;
        Ok(Self { up, down, client, server, heard: Vec::new() })
    }

    fn run(mut self) -> std::io::Result<()> {
        loop {
            if self.wait()? && !self.listen()? {
                return Ok(());
            }
            let now = SystemClock.monotonic();
            self.up.carry(&self.client, &self.server, now)?;
            self.down.carry(&self.server, &self.client, now)?;
        }
    }

    /// Waits until there is something to do; whether that is a line.
    fn wait(&self) -> std::io::Result<bool> {
        let now = SystemClock.monotonic();
        let due = [&self.up, &self.down].into_iter().filter_map(|each| each.link.poll_timeout()).min();
        let left =
            due.map(|due| Timespec::try_from(due.saturating_sub(now)).expect("a link is no year long"));
        let input = stdin();
        let mut ready = [
            PollFd::new(&self.client, PollFlags::IN),
            PollFd::new(&self.server, PollFlags::IN),
            PollFd::new(&input, PollFlags::IN),
        ];
        match poll(&mut ready, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(!ready[2].revents().is_empty()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what was said; `false` at the end of the input.
    fn listen(&mut self) -> std::io::Result<bool> {
        let mut part = [0; LINE_MAX_BYTES];
        let size_bytes = rustix::io::read(stdin(), &mut part)?;
        self.heard.extend_from_slice(&part[..size_bytes]);
        while let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.heard.drain(..=end).collect();
            match serde_json::from_slice::<Conditions>(&line) {
                Ok(conditions) => {
                    self.up.set(conditions.up.model(), conditions.passage);
                    self.down.set(conditions.down.model(), conditions.passage);
                    say("ok")?;
                }
                Err(error) => say(&format!("no conditions: {error}"))?,
            }
        }
        Ok(size_bytes > 0 && self.heard.len() < LINE_MAX_BYTES)
    }
}

fn say(words: &str) -> std::io::Result<()> {
    let mut output = std::io::stdout().lock();
    writeln!(output, "{words}").and_then(|()| output.flush())
}
