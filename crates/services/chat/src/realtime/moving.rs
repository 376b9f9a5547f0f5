//! The end of a node: clients are asked to move, then let go.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::endpoint::{Closing, Endpoint, Transport};
use super::hub::Hub;
use super::socketio;

/// Over how long clients are asked, so that they do not all arrive elsewhere at once.
const ASK_OVER: Duration = Duration::from_secs(3);
/// The steps of that.
const ASK_STEPS: u32 = 30;
/// How often is looked whether they are gone.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long a connection stays that another node has taken over.
const LINGER: Duration = Duration::from_secs(2);
/// How long the last goodbyes may take.
const END_WITHIN: Duration = Duration::from_secs(2);

impl Hub {
    /// Whether this node takes no new clients.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Acquire)
    }

    /// Sends nothing more to polling clients and waits until they have acknowledged what they got: they do so with
    /// requests, which nobody takes any more once the listeners are closed.
    pub(crate) async fn settle_polls(&self) {
        self.is_leaving.store(true, Ordering::Release);
        let mut polls = self.connected.all();
        polls.retain(|endpoint| endpoint.transport == Transport::Polls);
        for endpoint in &polls {
            endpoint.retire(self.now());
        }
        let settled = async {
            while !polls.iter().all(|endpoint| endpoint.is_settled()) {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        // Whoever did not hears it again.
        let _ = tokio::time::timeout(END_WITHIN, settled).await;
        self.store_all(&polls).await;
    }

    /// Asks every client to move to another node and waits until they have, at most `patience`.
    pub(crate) async fn move_clients(&self, patience: Duration) {
        self.is_leaving.store(true, Ordering::Release);
        let start = self.now();
        let all = self.connected.all();
        let step = (ASK_OVER.min(patience / 2)) / ASK_STEPS;
        for chunk in all.chunks(all.len().div_ceil(ASK_STEPS as usize).max(1)) {
            for endpoint in chunk {
                endpoint.control(socketio::MOVE);
            }
            if all.len() > ASK_STEPS as usize {
                tokio::time::sleep(step).await;
            }
        }
        let is_here = |endpoint: &Arc<Endpoint>| endpoint.closing().is_none() && endpoint.claim().is_some();
        let is_anybody_left = || self.connected.all().iter().any(is_here);
        while is_anybody_left() && self.now().saturating_sub(start) < patience {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        // Those that another node took over may not have read that yet. A client that loses its old connection before
        // tells its application that it was disconnected; one that does not lets go by itself.
        let until = patience.min(self.now().saturating_sub(start) + LINGER);
        let is_open = || self.connected.all().iter().any(|endpoint| endpoint.closing().is_none());
        while is_open() && self.now().saturating_sub(start) < until {
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        self.store_all(&self.connected.all()).await;
    }

    /// Ends every connection and stores what was acknowledged.
    pub(super) async fn end(self: &Arc<Self>) {
        self.is_leaving.store(true, Ordering::Release);
        let all = self.connected.all();
        for endpoint in &all {
            endpoint.close(Closing::Leaving);
        }
        let gone = async {
            while self.connected.count() > 0 {
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        };
        let _ = tokio::time::timeout(END_WITHIN, gone).await;
        for endpoint in self.connected.all() {
            self.leave(&endpoint).await;
        }
    }
}
