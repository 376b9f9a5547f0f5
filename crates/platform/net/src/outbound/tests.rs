//! Connections to sinks on loopback, well-behaved ones and others.

mod answers;
mod connecting;
mod secrets;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use rustls::pki_types::CertificateDer;
use trunkline_kernel::{ManualClock, Secret, Timestamp};
use trunkline_testkit::Sink;

use super::*;

/// For what a test waits for with a timer of its own: long enough for a busy machine to do everything else.
const SHORT: Duration = Duration::from_millis(200);

/// Answers with a script; the last answer stays.
#[derive(Default)]
struct ScriptedResolver {
    // Guards the answers to come and the names that were asked for.
    state: Mutex<(VecDeque<Vec<SocketAddr>>, Vec<String>)>,
}

impl ScriptedResolver {
    fn new(answers: impl IntoIterator<Item = Vec<SocketAddr>>) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new((answers.into_iter().collect(), Vec::new())) })
    }

    fn asked(&self) -> Vec<String> {
        self.state.lock().expect("no test panics in here").1.clone()
    }
}

impl Resolve for ScriptedResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> ResolveFuture<'a> {
        let (answers, asked) = &mut *self.state.lock().expect("no test panics in here");
        asked.push(format!("{host}:{port}"));
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(async move { answer.ok_or_else(|| io::Error::other("no such name")) })
    }
}

struct World {
    clock: Arc<ManualClock>,
    bounds: OutboundBounds,
    authorities: Vec<CertificateDer<'static>>,
    allowed: &'static [&'static str],
    resolver: Arc<dyn Resolve>,
}

impl Default for World {
    fn default() -> Self {
        Self {
            clock: Arc::new(ManualClock::new(Timestamp::from_seconds(1_000_000))),
            bounds: OutboundBounds::default(),
            authorities: Vec::new(),
            allowed: &["127.0.0.0/8"],
            resolver: Arc::new(SystemResolver),
        }
    }
}

impl World {
    fn outbound(&self) -> Outbound {
        let allowed = self.allowed.iter().map(|network| network.parse().expect("a network")).collect();
        let (resolver, clock) = (Arc::clone(&self.resolver), Arc::clone(&self.clock));
        Outbound::new(&self.authorities, AddressRules::new(allowed), self.bounds, resolver, clock)
            .expect("the crypto library works")
    }

    async fn connect(&self, url: &str) -> Result<Connection, OutboundError> {
        self.outbound().connect(&target(url)).await
    }

    async fn connect_to(&self, sink: &Sink) -> Connection {
        self.connect(&sink.url("/hook?code=s3cret")).await.expect("a sink that listens")
    }
}

fn target(url: &str) -> Target {
    Target::parse(&Secret::new(url.to_owned()), true).expect("an address")
}

fn post(body: &'static str) -> Request<Bytes> {
    Request::post("/ignored").body(Bytes::from_static(body.as_bytes())).expect("a request")
}
