//! A client with a real socket.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

use trunkline_net::framing::{FrameReader, write_frame};
use trunkline_sfu::testing::{Client, ClientConfig, ClientEvent, ClientOutput, Received, Sent, voice};
use trunkline_sfu::{Datagram, Now};

use super::relayed::Relayed;

/// How a client reaches the server.
enum Wire {
    Udp(UdpSocket),
    Tcp { stream: TcpStream, reader: FrameReader, is_cut: bool },
    Relayed(Box<Relayed>),
}

pub(super) struct TestClient {
    client: Client,
    wire: Wire,
    pub(super) local: SocketAddr,
    /// The first offer.
    pub(super) offer: String,
    due: Now,
    /// What came and was not asked for yet.
    pub(super) events: VecDeque<ClientEvent>,
    /// The last datagram sent, as somebody on its way sees it.
    pub(super) overheard: Option<Vec<u8>>,
    said: u32,
}

impl TestClient {
    pub(super) fn udp(has_data: bool, origin: Instant, now: Now) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        socket.set_nonblocking(true).expect("sockets can be nonblocking");
        let local = socket.local_addr().expect("it is bound");
        Self::new(Wire::Udp(socket), local, has_data, origin, now)
    }

    /// A client that reaches the server's port over TCP.
    pub(super) fn tcp(server: SocketAddr, origin: Instant, now: Now) -> Self {
        let stream = TcpStream::connect(server).expect("the server listens");
        stream.set_nonblocking(true).expect("sockets can be nonblocking");
        let local = stream.local_addr().expect("it is connected");
        Self::new(Wire::Tcp { stream, reader: FrameReader::new(), is_cut: false }, local, false, origin, now)
    }

    /// A client that is known by the address of its relay.
    pub(super) fn relayed(way: Relayed, relay: SocketAddr, origin: Instant, now: Now) -> Self {
        Self::new(Wire::Relayed(Box::new(way)), relay, false, origin, now)
    }

    fn new(wire: Wire, local: SocketAddr, has_data: bool, origin: Instant, now: Now) -> Self {
        let is_tcp = matches!(wire, Wire::Tcp { .. });
        let config = ClientConfig {
            address: local,
            is_tcp,
            origin,
            has_layers: false,
            audio_slots: 2,
            video_slots: 1,
            has_data,
        };
        let (client, offer) = Client::new(config, now);
        Self { client, wire, local, offer, due: now, events: VecDeque::new(), overheard: None, said: 0 }
    }

    pub(super) fn answer(&mut self, sdp: &str, now: Now) {
        self.client.answer(sdp).expect("the answer is good");
        self.work(now);
    }

    /// An offer that begins ICE anew.
    pub(super) fn restart(&mut self) -> String {
        self.client.renew(0, 0, true)
    }

    /// Sends these bytes, whatever they are.
    pub(super) fn flood(&self, bytes: &[u8], server: SocketAddr) {
        let Wire::Udp(socket) = &self.wire else { panic!("floods come over UDP") };
        // A full buffer loses some, as a network would.
        let _ = socket.send_to(bytes, server);
    }

    /// Says a packet of audio, the next one.
    pub(super) fn say(&mut self, now: Now) {
        let sent = voice(self.said);
        self.said += 1;
        self.send(sent, now);
    }

    pub(super) fn send(&mut self, sent: Sent, now: Now) {
        assert!(self.client.send(sent, now), "the stream is there");
        self.work(now);
    }

    /// Sends a message on a data channel.
    pub(super) fn write(&mut self, is_reliable: bool, message: &[u8], now: Now) {
        assert!(self.client.write_data(is_reliable, message), "the channel takes it");
        self.work(now);
    }

    /// The data messages that came.
    pub(super) fn messages(&self) -> Vec<(bool, Vec<u8>)> {
        let messages = self.events.iter().filter_map(|event| match event {
            ClientEvent::Data { is_reliable, message } => Some((*is_reliable, message.clone())),
            _ => None,
        });
        messages.collect()
    }

    /// Both data channels are open.
    pub(super) fn has_data(&self) -> bool {
        self.events.iter().filter(|event| matches!(event, ClientEvent::DataOpen { .. })).count() == 2
    }

    pub(super) fn hang_up(&mut self, now: Now) {
        self.client.close().expect("it is alive");
        self.work(now);
    }

    /// Takes what came, lets time pass, and sends.
    pub(super) fn work(&mut self, now: Now) {
        while let Some((source, bytes)) = self.receive() {
            let is_tcp = matches!(self.wire, Wire::Tcp { .. });
            let datagram = Datagram { is_tcp, source, destination: self.local, bytes: &bytes };
            self.client.handle_datagram(datagram, now).expect("the server says nothing wrong");
            self.drain();
        }
        self.client.handle_timeout(now).expect("time passes");
        self.drain();
    }

    pub(super) fn due(&self) -> Now {
        self.due
    }

    /// The audio that came, one after the other.
    pub(super) fn heard(&self) -> impl Iterator<Item = &Received> {
        self.received().filter(|received| !received.slot.is_video)
    }

    pub(super) fn received(&self) -> impl Iterator<Item = &Received> {
        self.events.iter().filter_map(|event| match event {
            ClientEvent::Packet(received) => Some(&**received),
            _ => None,
        })
    }

    pub(super) fn is_up(&self) -> bool {
        self.events.iter().any(|event| matches!(event, ClientEvent::Up))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.events.iter().any(|event| matches!(event, ClientEvent::Closed))
    }

    /// The server has ended the connection.
    pub(super) fn is_cut(&self) -> bool {
        matches!(self.wire, Wire::Tcp { is_cut: true, .. })
    }

    fn drain(&mut self) {
        let mut out = ClientOutput::default();
        self.due = self.client.drain(&mut out).expect("the client goes on");
        self.events.extend(out.events);
        for sent in out.transmissions {
            match &mut self.wire {
                Wire::Udp(socket) => {
                    socket.send_to(&sent.bytes, sent.destination).expect("loopback takes it");
                }
                Wire::Relayed(way) => way.send(sent.destination, &sent.bytes),
                Wire::Tcp { stream, .. } => {
                    let mut frame = Vec::new();
                    write_frame(&mut frame, &sent.bytes);
                    // The server may have gone, which reading tells.
                    let _ = stream.write_all(&frame);
                }
            }
            // Media, whatever else is sent in the same moment (RFC 7983 §7).
            if matches!(sent.bytes.first(), Some(128..=191)) {
                self.overheard = Some(sent.bytes);
            }
        }
    }

    fn receive(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let mut room = [0; 4_096];
        match &mut self.wire {
            Wire::Udp(socket) => match socket.recv_from(&mut room) {
                Ok((count, source)) => Some((source, room[..count].to_vec())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => panic!("{error}"),
            },
            Wire::Relayed(way) => match way.socket.recv(&mut room) {
                Ok(count) => Some(way.open_frame(&room[..count])),
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => panic!("{error}"),
            },
            Wire::Tcp { stream, reader, is_cut } => {
                let Ok(server) = stream.peer_addr() else {
                    *is_cut = true;
                    return None;
                };
                loop {
                    if let Some(frame) = reader.next_frame().expect("frames are short") {
                        return Some((server, frame.to_vec()));
                    }
                    match stream.read(&mut room) {
                        Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                        Ok(0) | Err(_) => {
                            *is_cut = true;
                            return None;
                        }
                        Ok(count) => reader.push(&room[..count]),
                    }
                }
            }
        }
    }
}

impl AsFd for TestClient {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.wire {
            Wire::Udp(socket) => socket.as_fd(),
            Wire::Relayed(way) => way.socket.as_fd(),
            Wire::Tcp { stream, .. } => stream.as_fd(),
        }
    }
}
