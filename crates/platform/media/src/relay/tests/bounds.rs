//! The bounds of streams, in virtual time and without the relay's thread.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::timeout;
use trunkline_kernel::Secret;
use trunkline_tasks::Tasks;
use trunkline_turn::{Client, Credentials};

use crate::relay::link::{Command, RelayLink};
use crate::relay::metrics::RelayMetrics;
use crate::relay::streams::{FIRST_FRAME, SILENCE_MAX, STREAMS_MAX, STREAMS_PER_HOST, Streams, Writing};

const SERVER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3_478);
/// Longer than what timers are rounded to. Virtual time passes only when nothing is left to do, so whatever follows
/// from something has happened after it.
const MOMENT: Duration = Duration::from_millis(10);
const SECOND: Duration = Duration::from_secs(1);
/// More than the thread is ever told here.
const COMMANDS_MAX: usize = 100_000;

/// What takes streams in.
struct Door {
    streams: Arc<Streams>,
    link: Arc<RelayLink>,
    metrics: RelayMetrics,
    tasks: Tasks,
}

/// What the relay's thread was told.
#[derive(Default, PartialEq, Eq, Debug)]
struct Told {
    opened: usize,
    frames: Vec<Vec<u8>>,
    closed: usize,
}

impl Door {
    fn new() -> Self {
        let link = Arc::new(RelayLink::new().expect("descriptors are free"));
        let metrics = RelayMetrics::default();
        let streams = Arc::new(Streams::new(Arc::clone(&link), metrics.clone()));
        Self { streams, link, metrics, tasks: Tasks::new() }
    }

    /// A stream from an address.
    fn knock(&self, from: IpAddr) -> DuplexStream {
        let (near, far) = duplex(4_096);
        let streams = Arc::clone(&self.streams);
        self.tasks.spawn("stream", async move {
            streams.serve(far, (SocketAddr::new(from, 4_000), SERVER), Writing::Together).await;
        });
        near
    }

    /// As many streams of an address as it may have, all let in.
    async fn fill(&self, from: IpAddr) -> Vec<DuplexStream> {
        let streams = (0..STREAMS_PER_HOST).map(|_| self.knock(from)).collect();
        tokio::time::sleep(MOMENT).await;
        assert_eq!(refusals(&self.metrics), Vec::<String>::new());
        streams
    }

    fn told(&self) -> Told {
        let mut told = Told::default();
        for command in self.link.take(COMMANDS_MAX) {
            match command {
                Command::Open { .. } => told.opened += 1,
                Command::Frame { bytes, .. } => told.frames.push(bytes),
                Command::Closed { .. } => told.closed += 1,
                _ => panic!("streams tell nothing else"),
            }
        }
        told
    }
}

/// The lines of the metric about streams that were sent away.
fn refusals(metrics: &RelayMetrics) -> Vec<String> {
    let mut registry = Registry::default();
    metrics.register_in(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).expect("it is text");
    let lines = text.lines().filter_map(|line| line.strip_prefix("trunkline_relay_refused_streams_total"));
    lines.map(str::to_owned).collect()
}

/// Whether nothing comes and the stream does not end in that time.
async fn stays(stream: &mut DuplexStream, time: Duration) -> bool {
    timeout(time, stream.read_u8()).await.is_err()
}

/// Whether the stream ends without a word in the next moments.
async fn ends(stream: &mut DuplexStream) -> bool {
    matches!(timeout(3 * MOMENT, stream.read(&mut [0])).await, Ok(Ok(0)))
}

fn request() -> Vec<u8> {
    Client::new(Credentials::issue(&Secret::new(Vec::new()), "a.alice", 0)).binding()
}

const fn v4(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

#[tokio::test(start_paused = true)]
async fn an_address_has_so_many_streams_at_a_time() {
    let door = Door::new();
    let mut office = door.fill(v4(1)).await;
    assert!(ends(&mut door.knock(v4(1))).await);
    assert_eq!(refusals(&door.metrics), ["{why=\"address_quota\"} 1"]);
    assert_eq!(door.metrics.streams.get(), 256);
    assert_eq!(door.told(), Told { opened: 256, ..Told::default() }, "nothing of the one that was sent away");
    assert!(stays(&mut door.knock(v4(2)), MOMENT).await, "others have places of their own");
    drop(office.pop());
    assert!(stays(&mut door.knock(v4(1)), MOMENT).await, "the place of one that ended");
    assert_eq!(refusals(&door.metrics), ["{why=\"address_quota\"} 1"]);
}

#[tokio::test(start_paused = true)]
async fn a_host_is_one_however_its_address_is_written() {
    for [first, second, other] in [
        ["2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1"],
        ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"],
    ] {
        let [first, second, other] = [first, second, other].map(|text| text.parse().expect("an address"));
        let door = Door::new();
        let _taken = door.fill(first).await;
        assert!(ends(&mut door.knock(second)).await, "{second}");
        assert!(stays(&mut door.knock(other), MOMENT).await, "{other}");
        assert_eq!(refusals(&door.metrics), ["{why=\"address_quota\"} 1"]);
    }
}

#[tokio::test(start_paused = true)]
async fn all_addresses_together_have_so_many_streams() {
    let door = Door::new();
    let mut taken = Vec::new();
    for last in 0..STREAMS_MAX / STREAMS_PER_HOST {
        let last = u8::try_from(last).expect("there are few");
        taken.extend(door.fill(v4(last)).await);
    }
    assert!(ends(&mut door.knock(v4(255))).await);
    assert_eq!(refusals(&door.metrics), ["{why=\"capacity\"} 1"]);
    assert_eq!(door.metrics.streams.get(), 8_192);
    drop(taken.pop());
    assert!(stays(&mut door.knock(v4(255)), MOMENT).await);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_says_nothing_is_closed_after_ten_seconds() {
    let door = Door::new();
    let mut stream = door.knock(v4(1));
    assert!(stays(&mut stream, FIRST_FRAME.saturating_sub(MOMENT)).await);
    assert_eq!(door.metrics.streams.get(), 1);
    assert!(ends(&mut stream).await);
    assert_eq!(door.metrics.streams.get(), 0);
    assert_eq!(refusals(&door.metrics), ["{why=\"no_frame\"} 1"]);
    assert_eq!(door.told(), Told { opened: 1, closed: 1, ..Told::default() });
}

#[tokio::test(start_paused = true)]
async fn a_first_frame_that_trickles_has_no_longer() {
    let door = Door::new();
    let mut stream = door.knock(v4(1));
    for byte in &request()[..9] {
        stream.write_u8(*byte).await.expect("it is open");
        assert!(stays(&mut stream, SECOND).await);
    }
    assert!(stays(&mut stream, SECOND.saturating_sub(2 * MOMENT)).await);
    assert!(ends(&mut stream).await);
    assert_eq!(refusals(&door.metrics), ["{why=\"no_frame\"} 1"]);
    assert_eq!(door.told(), Told { opened: 1, closed: 1, ..Told::default() });
}

#[tokio::test(start_paused = true)]
async fn after_its_first_frame_a_stream_may_be_silent_for_eleven_minutes() {
    let door = Door::new();
    let mut stream = door.knock(v4(1));
    assert!(stays(&mut stream, FIRST_FRAME.saturating_sub(MOMENT)).await);
    let request = request();
    stream.write_all(&request).await.expect("it is open");
    assert!(stays(&mut stream, SILENCE_MAX.saturating_sub(MOMENT)).await);
    assert!(ends(&mut stream).await);
    assert_eq!(refusals(&door.metrics), Vec::<String>::new(), "it is not one that said nothing");
    assert_eq!(door.metrics.streams.get(), 0);
    assert_eq!(door.told(), Told { opened: 1, frames: vec![request], closed: 1 });
}
