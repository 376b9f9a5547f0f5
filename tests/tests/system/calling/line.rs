//! [`Line`]: real DTLS-SRTP media of one leg, which says something all the time and counts what it hears.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::time::{Duration, Instant};

use trunkline_kernel::{Clock as _, SystemClock};
use trunkline_sfu::Datagram;
use trunkline_sfu::testing::{Client, ClientConfig, ClientEvent, ClientOutput, voice};

/// How long the thread sleeps between two looks at its socket.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// A packet of audio is so long.
const PACKET: Duration = Duration::from_millis(20);

/// The media of a leg. Ends when it is dropped.
pub(super) struct Line {
    /// The offer for the server.
    pub(super) offer: String,
    answers: Sender<String>,
    heard: Arc<AtomicU64>,
}

impl Line {
    /// A line whose offer is not answered yet.
    #[expect(clippy::disallowed_methods, reason = "the media library counts time from an instant")]
    pub(super) fn open() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        socket.set_nonblocking(true).expect("sockets can be nonblocking");
        let config = ClientConfig {
            address: socket.local_addr().expect("it is bound"),
            is_tcp: false,
            origin: Instant::now(),
            has_layers: false,
            audio_slots: 1,
            video_slots: 1,
            has_data: false,
        };
        let start = SystemClock.monotonic();
        let (client, offer) = Client::new(config, Duration::ZERO);
        let (answers, answered) = mpsc::channel();
        let heard = Arc::new(AtomicU64::new(0));
        let talk = Talk { client, socket, start, is_up: false, said: 0, heard: Arc::clone(&heard) };
        std::thread::spawn(move || talk.run(&answered));
        Self { offer, answers, heard }
    }

    /// Takes the server's answer.
    pub(super) fn answer(&self, sdp: &str) {
        self.answers.send(sdp.to_owned()).expect("the line is open");
    }

    /// Packets of audio that came.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }
}

/// What the thread of a line has.
struct Talk {
    client: Client,
    socket: UdpSocket,
    start: Duration,
    is_up: bool,
    said: u32,
    heard: Arc<AtomicU64>,
}

impl Talk {
    fn run(mut self, answers: &Receiver<String>) {
        let mut say_at = Duration::ZERO;
        let mut is_answered = false;
        loop {
            match answers.try_recv() {
                Ok(sdp) => {
                    self.client.answer(&sdp).expect("the answer is good");
                    is_answered = true;
                }
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => return,
            }
            let now = SystemClock.monotonic().saturating_sub(self.start);
            if is_answered && self.work(now).is_none() {
                return;
            }
            if self.is_up && now >= say_at {
                self.say(now);
                say_at = now + PACKET;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Takes what came and lets time pass; nothing once the server has ended the connection.
    fn work(&mut self, now: Duration) -> Option<()> {
        let mut room = [0; 2_048];
        let destination = self.socket.local_addr().ok()?;
        loop {
            match self.socket.recv_from(&mut room) {
                Ok((count, source)) => {
                    let datagram = Datagram { is_tcp: false, source, destination, bytes: &room[..count] };
                    self.client.handle_datagram(datagram, now).ok()?;
                    self.drain()?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // The server's port is gone with the server.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => {}
                Err(error) => panic!("{error}"),
            }
        }
        self.client.handle_timeout(now).ok()?;
        self.drain()
    }

    fn drain(&mut self) -> Option<()> {
        let mut out = ClientOutput::default();
        self.client.drain(&mut out).ok()?;
        for event in out.events {
            match event {
                ClientEvent::Up => self.is_up = true,
                ClientEvent::Packet(received) if !received.slot.is_video => {
                    self.heard.fetch_add(1, Ordering::Relaxed);
                }
                _ => {}
            }
        }
        for sent in out.transmissions {
            // A server that has gone takes nothing.
            let _ = self.socket.send_to(&sent.bytes, sent.destination);
        }
        Some(())
    }

    fn say(&mut self, now: Duration) {
        self.said += 1;
        self.client.send(voice(self.said), now);
    }
}
