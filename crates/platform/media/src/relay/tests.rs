//! Clients on real sockets: UDP, TCP and streams that were opened elsewhere.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UdpSocket};
use trunkline_kernel::{Clock as _, Secret, SeededEntropy, SystemClock};
use trunkline_tasks::Tasks;
use trunkline_turn::channel::{Frame, next_frame};
use trunkline_turn::client::Event;
use trunkline_turn::stun::Method;
use trunkline_turn::{Client, Limits};

use super::{Relay, RelayConfig};

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CHANNEL: u16 = 0x4000;
/// Far more than anything here takes; a test that fails does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

struct Lab {
    relay: Relay,
    tasks: Tasks,
    /// Stands for a media thread.
    media: UdpSocket,
}

impl Lab {
    async fn start(allowed: &[&str]) -> Self {
        let media = UdpSocket::bind((LOOPBACK, 0)).await.expect("a port");
        let tasks = Tasks::new();
        let networks = allowed.iter().map(|network| network.parse().expect("a network")).collect();
        let config = RelayConfig {
            listen: vec![LOOPBACK],
            port: 0,
            realm: "trunkline.test".to_owned(),
            secret: Secret::new(b"secret".to_vec()),
            media_ports: vec![media.local_addr().expect("bound").port()],
            public: Vec::new(),
            allowed: networks,
            limits: Limits::default(),
        };
        let clock = Arc::new(SystemClock) as _;
        let relay = Relay::start(config, &clock, &SeededEntropy::new(1), &tasks).expect("starts");
        Self { relay, tasks, media }
    }

    fn client(&self, user: &str) -> Client {
        let expires = u64::try_from(SystemClock.now().as_seconds()).expect("after 1970") + 600;
        Client::new(self.relay.handle().issue(user, expires))
    }

    fn address(&self) -> SocketAddr {
        self.relay.addresses()[0]
    }

    /// Sends back what comes to the media port, once, and gives who sent it.
    async fn echo(&self) -> SocketAddr {
        let mut buffer = [0; 2_000];
        let (bytes, from) = within(self.media.recv_from(&mut buffer)).await.expect("a datagram");
        self.media.send_to(&buffer[..bytes], from).await.expect("sent");
        from
    }

    async fn stop(self) {
        self.tasks.stop(Duration::from_secs(5)).await;
        tokio::task::spawn_blocking(move || self.relay.stop(PATIENCE)).await.expect("stops");
    }
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("in time")
}

/// A client's connection, whatever it is made of.
trait Line {
    async fn exchange(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.say(bytes).await;
        self.hear().await
    }
    async fn say(&mut self, bytes: &[u8]);
    async fn hear(&mut self) -> Vec<u8>;
}

impl Line for UdpSocket {
    async fn say(&mut self, bytes: &[u8]) {
        UdpSocket::send(self, bytes).await.expect("sent");
    }

    async fn hear(&mut self) -> Vec<u8> {
        let mut buffer = vec![0; 2_000];
        let bytes = within(self.recv(&mut buffer)).await.expect("received");
        buffer.truncate(bytes);
        buffer
    }
}

struct Framed<S>(S);

impl<S: AsyncRead + AsyncWrite + Unpin> Line for Framed<S> {
    async fn say(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("written");
    }

    async fn hear(&mut self) -> Vec<u8> {
        let mut frame = Vec::new();
        loop {
            match next_frame(&frame) {
                Frame::Bytes(bytes) if frame.len() == bytes => return frame,
                Frame::Foreign => panic!("{frame:?}"),
                _ => frame.push(within(self.0.read_u8()).await.expect("a byte")),
            }
        }
    }
}

async fn udp(lab: &Lab) -> UdpSocket {
    let socket = UdpSocket::bind((LOOPBACK, 0)).await.expect("a port");
    socket.connect(lab.address()).await.expect("connected");
    socket
}

async fn ask(line: &mut impl Line, client: &mut Client, make: impl Fn(&mut Client) -> Vec<u8>) -> Event {
    let request = make(client);
    let answer = line.exchange(&request).await;
    match client.handle(&answer) {
        Event::Challenged => {
            let request = make(client);
            let answer = line.exchange(&request).await;
            client.handle(&answer)
        }
        event => event,
    }
}

async fn allocate(line: &mut impl Line, client: &mut Client) -> SocketAddr {
    match ask(line, client, Client::allocate).await {
        Event::Allocated { relays, .. } => relays[0],
        other => panic!("{other:?}"),
    }
}

/// Allocates, binds a channel to the media port and has something said back.
async fn talk_to_media(lab: &Lab, line: &mut impl Line) {
    let mut client = lab.client("a.alice");
    let relay = allocate(line, &mut client).await;
    let media = lab.media.local_addr().expect("bound");
    let bound = ask(line, &mut client, |client| client.bind(CHANNEL, media)).await;
    assert_eq!(bound, Event::Done(Method::ChannelBind));
    line.say(&Client::channel_data(CHANNEL, b"media")).await;
    assert_eq!(lab.echo().await, relay);
    let back = line.hear().await;
    assert_eq!(client.handle(&back), Event::Channel(CHANNEL, b"media".to_vec()));
}

#[tokio::test]
async fn media_ports_are_reached_over_udp_tcp_and_streams_of_others() {
    let lab = Lab::start(&[]).await;
    talk_to_media(&lab, &mut udp(&lab).await).await;
    talk_to_media(&lab, &mut Framed(TcpStream::connect(lab.address()).await.expect("connects"))).await;
    let (near, far) = tokio::io::duplex(4_096);
    let (client, handle) = (SocketAddr::new([192, 0, 2, 7].into(), 4_000), lab.relay.handle());
    let server = lab.address();
    lab.tasks.spawn("stream", async move { handle.serve(far, client, server).await });
    talk_to_media(&lab, &mut Framed(near)).await;
    lab.stop().await;
}

#[tokio::test]
async fn other_addresses_of_this_network_are_refused_unless_allowed() {
    let peer = UdpSocket::bind((LOOPBACK, 0)).await.expect("a port");
    let address = peer.local_addr().expect("bound");
    let elsewhere = SocketAddr::new([10, 1, 2, 3].into(), 80);
    let lab = Lab::start(&[]).await;
    let (mut line, mut client) = (udp(&lab).await, lab.client("a.alice"));
    allocate(&mut line, &mut client).await;
    let refused = ask(&mut line, &mut client, |client| client.permit(&[elsewhere])).await;
    assert_eq!(refused, Event::Refused(Method::CreatePermission, 403));
    // The machine's own address is permitted for the media ports' sake; another port there is not reached.
    let bound = ask(&mut line, &mut client, |client| client.bind(CHANNEL, address)).await;
    assert_eq!(bound, Event::Done(Method::ChannelBind));
    line.say(&Client::channel_data(CHANNEL, b"x")).await;
    // What comes after it in order is answered, so it has been handled.
    let media = lab.media.local_addr().expect("bound");
    ask(&mut line, &mut client, |client| client.bind(CHANNEL + 1, media)).await;
    line.say(&Client::channel_data(CHANNEL + 1, b"y")).await;
    lab.echo().await;
    let mut buffer = [0; 16];
    assert_eq!(peer.try_recv(&mut buffer).map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
    lab.stop().await;

    let lab = Lab::start(&["127.0.0.0/8"]).await;
    let (mut line, mut client) = (udp(&lab).await, lab.client("a.alice"));
    let relay = allocate(&mut line, &mut client).await;
    ask(&mut line, &mut client, |client| client.bind(CHANNEL, address)).await;
    line.say(&Client::channel_data(CHANNEL, b"allowed")).await;
    let (bytes, from) = within(peer.recv_from(&mut buffer)).await.expect("a datagram");
    assert_eq!((&buffer[..bytes], from), (&b"allowed"[..], relay));
    lab.stop().await;
}

#[tokio::test]
async fn two_clients_of_this_relay_talk_to_each_other() {
    let lab = Lab::start(&[]).await;
    let (mut alice, mut alices) = (udp(&lab).await, lab.client("a.alice"));
    let (mut bob, mut bobs) =
        (Framed(TcpStream::connect(lab.address()).await.expect("connects")), lab.client("a.bob"));
    let (at_alice, at_bob) = (allocate(&mut alice, &mut alices).await, allocate(&mut bob, &mut bobs).await);
    ask(&mut alice, &mut alices, |client| client.bind(CHANNEL, at_bob)).await;
    ask(&mut bob, &mut bobs, |client| client.permit(&[at_alice])).await;
    alice.say(&Client::channel_data(CHANNEL, b"hello")).await;
    let came = bob.hear().await;
    assert_eq!(bobs.handle(&came), Event::Data(at_alice, b"hello".to_vec()));
    let send = bobs.send(at_alice, b"world");
    bob.say(&send).await;
    let came = alice.hear().await;
    assert_eq!(alices.handle(&came), Event::Channel(CHANNEL, b"world".to_vec()));
    lab.stop().await;
}

#[tokio::test]
async fn a_stream_that_speaks_something_else_is_closed_and_its_end_ends_the_relay() {
    let lab = Lab::start(&[]).await;
    for noise in [&b"\x16\x03\x01\x02\x00"[..], &Client::channel_data(CHANNEL, b"too early")] {
        let mut stream = TcpStream::connect(lab.address()).await.expect("connects");
        stream.write_all(noise).await.expect("written");
        let read = within(stream.read_u8()).await;
        assert!(read.is_err(), "closed without a word");
    }
    let (mut line, mut client) =
        (Framed(TcpStream::connect(lab.address()).await.expect("connects")), lab.client("a.alice"));
    allocate(&mut line, &mut client).await;
    drop(line);
    let handle = lab.relay.handle();
    // Somebody else's request shows that the thread has gone round since.
    let (mut other, mut others) = (udp(&lab).await, lab.client("a.other"));
    let gone = async {
        while handle.statistics().allocations > 0 || handle.statistics().made == 0 {
            let request = others.binding();
            other.exchange(&request).await;
        }
    };
    within(gone).await;
    lab.stop().await;
}

#[tokio::test]
async fn a_user_can_be_sent_away() {
    let lab = Lab::start(&[]).await;
    let (mut line, mut client) = (udp(&lab).await, lab.client("a.alice"));
    allocate(&mut line, &mut client).await;
    lab.relay.handle().end_user("a.alice");
    let gone = async {
        while ask(&mut line, &mut client, |client| client.refresh(600)).await
            != Event::Refused(Method::Refresh, 437)
        {}
    };
    within(gone).await;
    lab.stop().await;
}
