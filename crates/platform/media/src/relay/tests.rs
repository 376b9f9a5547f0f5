//! Clients on real sockets: UDP, TCP and streams that were opened elsewhere.

mod bounds;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use rustix::event::{PollFd, PollFlags, poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use trunkline_kernel::{Clock as _, Secret, SeededEntropy, SystemClock};
use trunkline_tasks::Tasks;
use trunkline_turn::channel::{Frame, next_frame};
use trunkline_turn::client::Event;
use trunkline_turn::stun::Method;
use trunkline_turn::{Client, Limits};

use super::mailbox::Handed;
use super::{MediaPorts, Relay, RelayConfig, RelayMetrics};
use crate::queue::ThreadLink;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const CHANNEL: u16 = 0x4000;
/// Far more than anything here takes; a test that fails does not wait for ever.
const PATIENCE: Duration = Duration::from_secs(20);

struct Lab {
    relay: Relay,
    tasks: Tasks,
    metrics: RelayMetrics,
    /// Stands for a media thread.
    media: Arc<ThreadLink>,
}

/// The port that the media thread is known by; nobody listens there.
const MEDIA: SocketAddr = SocketAddr::new(LOOPBACK, 9);

impl Lab {
    fn start(allowed: &[&str]) -> Self {
        Self::with(allowed, |_| {})
    }

    fn with(allowed: &[&str], change: impl FnOnce(&mut RelayConfig)) -> Self {
        let media = Arc::new(ThreadLink::new().expect("descriptors are free"));
        let tasks = Tasks::new();
        let networks = allowed.iter().map(|network| network.parse().expect("a network")).collect();
        let mut config = RelayConfig {
            listen: vec![LOOPBACK],
            port: 0,
            realm: "trunkline.test".to_owned(),
            secret: Secret::new(b"secret".to_vec()),
            media: MediaPorts(vec![(MEDIA.port(), Arc::clone(&media))]),
            public: Vec::new(),
            allowed: networks,
            is_tcp_on: false,
            limits: Limits::default(),
        };
        change(&mut config);
        let (clock, metrics) = (Arc::new(SystemClock) as _, RelayMetrics::default());
        let relay = Relay::start(config, &clock, &SeededEntropy::new(1), &tasks, metrics.clone());
        Self { relay: relay.expect("starts"), tasks, metrics, media }
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
        let media = Arc::clone(&self.media);
        let handed = within(tokio::task::spawn_blocking(move || {
            loop {
                if let Some(handed) = media.take_relayed(1).pop() {
                    break handed;
                }
                poll(&mut [PollFd::from_borrowed_fd(media.wake_fd(), PollFlags::IN)], None)
                    .expect("polling works");
            }
        }));
        let handed = handed.await.expect("it does not panic");
        assert_eq!(handed.to, MEDIA);
        let back = Handed { from: handed.to, to: handed.from, bytes: handed.bytes };
        let dropped = self.media.relay().expect("it is known").hand_over(&mut vec![back]);
        assert_eq!(dropped, 0);
        handed.from
    }

    /// Stops it and gives the lines of its metrics.
    async fn stop(self) -> String {
        self.tasks.stop(Duration::from_secs(5)).await;
        tokio::task::spawn_blocking(move || self.relay.stop(PATIENCE)).await.expect("stops");
        let mut registry = Registry::default();
        self.metrics.register_in(&mut registry);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).expect("it is text");
        text
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
    let bound = ask(line, &mut client, |client| client.bind(CHANNEL, MEDIA)).await;
    assert_eq!(bound, Event::Done(Method::ChannelBind));
    line.say(&Client::channel_data(CHANNEL, b"media")).await;
    assert_eq!(lab.echo().await, relay);
    let back = line.hear().await;
    assert_eq!(client.handle(&back), Event::Channel(CHANNEL, b"media".to_vec()));
}

#[tokio::test]
async fn media_ports_are_reached_over_udp_tcp_and_streams_of_others() {
    let lab = Lab::start(&[]);
    talk_to_media(&lab, &mut udp(&lab).await).await;
    talk_to_media(&lab, &mut Framed(TcpStream::connect(lab.address()).await.expect("connects"))).await;
    let (near, far) = tokio::io::duplex(4_096);
    let (client, handle) = (SocketAddr::new([192, 0, 2, 7].into(), 4_000), lab.relay.handle());
    let server = lab.address();
    lab.tasks.spawn("stream", async move { handle.serve(far, client, server).await });
    talk_to_media(&lab, &mut Framed(near)).await;
    let text = lab.stop().await;
    for to in ["media", "client"] {
        let line = format!("trunkline_relay_handed_over_datagrams_total{{to=\"{to}\"}} 3\n");
        assert!(text.contains(&line), "{text}");
    }
}

#[tokio::test]
async fn other_addresses_of_this_network_are_refused_unless_allowed() {
    let peer = UdpSocket::bind((LOOPBACK, 0)).await.expect("a port");
    let address = peer.local_addr().expect("bound");
    let elsewhere = SocketAddr::new([10, 1, 2, 3].into(), 80);
    let lab = Lab::start(&[]);
    let (mut line, mut client) = (udp(&lab).await, lab.client("a.alice"));
    allocate(&mut line, &mut client).await;
    let refused = ask(&mut line, &mut client, |client| client.permit(&[elsewhere])).await;
    assert_eq!(refused, Event::Refused(Method::CreatePermission, 403));
    // The machine's own address is permitted for the media ports' sake; another port there is not reached.
    let bound = ask(&mut line, &mut client, |client| client.bind(CHANNEL, address)).await;
    assert_eq!(bound, Event::Done(Method::ChannelBind));
    line.say(&Client::channel_data(CHANNEL, b"x")).await;
    // What comes after it in order is answered, so it has been handled.
    ask(&mut line, &mut client, |client| client.bind(CHANNEL + 1, MEDIA)).await;
    line.say(&Client::channel_data(CHANNEL + 1, b"y")).await;
    lab.echo().await;
    let mut buffer = [0; 16];
    assert_eq!(peer.try_recv(&mut buffer).map_err(|error| error.kind()), Err(std::io::ErrorKind::WouldBlock));
    lab.stop().await;

    let lab = Lab::start(&["127.0.0.0/8"]);
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
    let lab = Lab::start(&[]);
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
    let lab = Lab::start(&[]);
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
    let lab = Lab::start(&[]);
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

#[tokio::test]
async fn what_is_refused_is_counted_by_reason() {
    let lab = Lab::with(&[], |config| config.limits.allocations_per_user = 1);
    let (mut line, mut client) = (udp(&lab).await, lab.client("a.alice"));
    allocate(&mut line, &mut client).await;
    let (mut second, mut again) = (udp(&lab).await, lab.client("a.alice"));
    let refused = ask(&mut second, &mut again, Client::allocate).await;
    assert_eq!(refused, Event::Refused(Method::Allocate, 486));
    let text = lab.stop().await;
    for (why, count) in [("user_quota", 1), ("no_credential", 2)] {
        let line = format!("trunkline_relay_refused_requests_total{{why=\"{why}\"}} {count}\n");
        assert!(text.contains(&line), "{text}");
    }
    assert!(text.contains("trunkline_relay_made_total 1\n"), "{text}");
}

/// A stream to the relay.
async fn stream(lab: &Lab) -> Framed<TcpStream> {
    Framed(TcpStream::connect(lab.address()).await.expect("connects"))
}

/// A client with a relay of TCP, and the relay.
async fn allocate_tcp(lab: &Lab, user: &str) -> (Framed<TcpStream>, Client, SocketAddr) {
    let (mut line, mut client) = (stream(lab).await, lab.client(user));
    match ask(&mut line, &mut client, Client::allocate_tcp).await {
        Event::Allocated { relays, .. } => (line, client, relays[0]),
        other => panic!("{other:?}"),
    }
}

/// Alice's relay of TCP with a connection to a peer.
struct Reach {
    control: Framed<TcpStream>,
    client: Client,
    far: TcpStream,
    /// The peer, which goes on listening.
    peer: TcpListener,
    id: u32,
}

async fn reach(lab: &Lab) -> Reach {
    let peer = TcpListener::bind((LOOPBACK, 0)).await.expect("a port");
    let address = peer.local_addr().expect("bound");
    let (mut control, mut client, relay) = allocate_tcp(lab, "a.alice").await;
    let connected = ask(&mut control, &mut client, |client| client.connect(address)).await;
    let Event::Connected(id) = connected else { panic!("{connected:?}") };
    let (far, from) = within(peer.accept()).await.expect("a connection");
    assert_eq!(from, relay, "it comes from the relay");
    Reach { control, client, far, peer, id }
}

/// A stream that takes a connection, and is nothing but it from then on.
async fn bind(lab: &Lab, user: &str, id: u32) -> TcpStream {
    let (mut line, mut client) = (stream(lab).await, lab.client(user));
    let bound = ask(&mut line, &mut client, |client| client.bind_connection(id)).await;
    assert_eq!(bound, Event::Done(Method::ConnectionBind));
    line.0
}

/// Says something each way and ends it, which reaches the other end.
async fn talk(near: &mut TcpStream, far: &mut TcpStream) {
    let mut heard = [0; 5];
    near.write_all(b"hello").await.expect("written");
    within(far.read_exact(&mut heard)).await.expect("read");
    assert_eq!(&heard, b"hello");
    near.shutdown().await.expect("ended");
    assert_eq!(within(far.read(&mut heard)).await.expect("the end"), 0);
    far.write_all(b"world").await.expect("written");
    within(near.read_exact(&mut heard)).await.expect("read after the own end");
    assert_eq!(&heard, b"world");
    far.shutdown().await.expect("ended");
    assert_eq!(within(near.read(&mut heard)).await.expect("the end"), 0);
}

#[tokio::test]
async fn bytes_go_both_ways_over_a_connection_to_a_peer() {
    let lab = Lab::with(&["127.0.0.0/8"], |config| config.is_tcp_on = true);
    let Reach { control: _control, mut far, id, .. } = reach(&lab).await;
    let mut near = bind(&lab, "a.alice", id).await;
    talk(&mut near, &mut far).await;
    let text = lab.stop().await;
    for to in ["peer", "client"] {
        assert!(text.contains(&format!("trunkline_relay_bytes_total{{to=\"{to}\"}} 5\n")), "{text}");
    }
}

#[tokio::test]
async fn a_permitted_peer_connects_to_a_relay_and_others_are_closed() {
    let lab = Lab::with(&["127.0.0.0/8"], |config| config.is_tcp_on = true);
    let (mut control, mut client, relay) = allocate_tcp(&lab, "a.alice").await;
    let mut stranger = TcpStream::connect(relay).await.expect("it listens");
    let mut nothing = [0; 1];
    assert!(!matches!(within(stranger.read(&mut nothing)).await, Ok(1..)), "closed without a word");
    ask(&mut control, &mut client, |client| client.permit(&[relay])).await;
    let mut far = TcpStream::connect(relay).await.expect("it listens");
    let told = control.hear().await;
    let attempted = client.handle(&told);
    let Event::Attempted(from, id) = attempted else { panic!("{attempted:?}") };
    assert_eq!(from, far.local_addr().expect("connected"));
    let mut near = bind(&lab, "a.alice", id).await;
    talk(&mut near, &mut far).await;
    drop(control);
    lab.stop().await;
}

#[tokio::test]
async fn two_relays_of_tcp_reach_each_other_and_nothing_else_of_this_machine_is_reached() {
    let lab = Lab::with(&[], |config| config.is_tcp_on = true);
    let (mut alices, mut alice, at_alice) = allocate_tcp(&lab, "a.alice").await;
    let (mut bobs, mut bob, at_bob) = allocate_tcp(&lab, "a.bob").await;
    let refused = ask(&mut alices, &mut alice, |client| client.connect(lab.address())).await;
    assert_eq!(refused, Event::Refused(Method::Connect, 403));
    let refused = ask(&mut alices, &mut alice, |client| client.connect(MEDIA)).await;
    assert_eq!(refused, Event::Refused(Method::Connect, 403));
    ask(&mut bobs, &mut bob, |client| client.permit(&[at_alice])).await;
    let connected = ask(&mut alices, &mut alice, |client| client.connect(at_bob)).await;
    let Event::Connected(near) = connected else { panic!("{connected:?}") };
    let told = bobs.hear().await;
    let attempted = bob.handle(&told);
    let Event::Attempted(from, far) = attempted else { panic!("{attempted:?}") };
    assert_eq!(from, at_alice);
    let (mut near, mut far) = (bind(&lab, "a.alice", near).await, bind(&lab, "a.bob", far).await);
    talk(&mut near, &mut far).await;
    lab.stop().await;
}

#[tokio::test]
async fn connections_end_with_the_stream_that_has_the_relay() {
    let lab = Lab::with(&["127.0.0.0/8"], |config| config.is_tcp_on = true);
    let Reach { control, mut far, id, .. } = reach(&lab).await;
    let mut near = bind(&lab, "a.alice", id).await;
    drop(control);
    let mut nothing = [0; 1];
    assert!(!matches!(within(near.read(&mut nothing)).await, Ok(1..)));
    assert!(!matches!(within(far.read(&mut nothing)).await, Ok(1..)));
    lab.stop().await;
}

#[tokio::test]
async fn a_stream_that_binds_nothing_goes_on_as_it_was() {
    let lab = Lab::with(&[], |config| config.is_tcp_on = true);
    let (mut line, mut client) = (stream(&lab).await, lab.client("a.alice"));
    let refused = ask(&mut line, &mut client, |client| client.bind_connection(7)).await;
    assert_eq!(refused, Event::Refused(Method::ConnectionBind, 400));
    assert!(matches!(ask(&mut line, &mut client, Client::allocate_tcp).await, Event::Allocated { .. }));
    lab.stop().await;
}

#[tokio::test]
async fn a_stream_that_goes_away_while_it_binds_gives_its_connection_back() {
    let lab = Lab::with(&["127.0.0.0/8"], |config| config.is_tcp_on = true);
    let Reach { mut control, mut client, mut far, peer, id } = reach(&lab).await;
    let address = peer.local_addr().expect("bound");
    let (mut line, mut other) = (stream(&lab).await, lab.client("a.alice"));
    // The nonce first, so that the next request binds.
    let request = other.bind_connection(id);
    let challenge = line.exchange(&request).await;
    assert_eq!(other.handle(&challenge), Event::Challenged);
    let request = other.bind_connection(id);
    line.say(&request).await;
    // Reset, not ended in order: nobody is there for what comes back.
    rustix::net::sockopt::set_socket_linger(&line.0, Some(Duration::ZERO)).expect("it is a socket");
    drop(line);
    let mut nothing = [0; 1];
    assert!(!matches!(within(far.read(&mut nothing)).await, Ok(1..)), "the peer is let go");
    // 446 as long as the old one is there. Then it is the system that may still hold the pair of ports: 447.
    let again = async {
        loop {
            match ask(&mut control, &mut client, |client| client.connect(address)).await {
                Event::Connected(_) | Event::Refused(Method::Connect, 447) => return,
                other => assert_eq!(other, Event::Refused(Method::Connect, 446)),
            }
        }
    };
    within(again).await;
    lab.stop().await;
}
