//! The media side of a server: the media threads, and the relay beside them.

use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;
use trunkline_kernel::{Clock, Entropy, Secret, SystemClock};
use trunkline_media::relay::{Relay, RelayMetrics};
use trunkline_media::{MediaConfig, MediaHandle, MediaPlane};
use trunkline_tasks::Tasks;

use crate::config::{Config, Profile};
use crate::relay::{self, RelayDoor};

/// Media threads look at their commands at least that often.
const PATIENCE: Duration = Duration::from_secs(2);

/// What runs on threads of its own.
pub(crate) struct MediaSide {
    plane: MediaPlane,
    door: Arc<RelayDoor>,
    relay: Option<Relay>,
    relay_metrics: RelayMetrics,
    // Sockets wait in the machine's time, also where the services have a test clock.
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl MediaSide {
    /// Starts the media threads; the relay follows when its secret is known.
    pub(crate) fn start(
        config: &Config,
        entropy: &Arc<dyn Entropy>,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let media = &config.media;
        let plane = MediaConfig {
            listen: media.addresses.clone(),
            port_first: media.port,
            threads: media.threads,
            public: media.public_addresses.clone(),
            is_tcp_on: media.tcp,
            is_loopback_offered: config.profile == Profile::Development,
            peers_max: media.peers_max,
        };
        let metrics = trunkline_media::Metrics::register(registry);
        let plane = MediaPlane::start(plane, Arc::clone(&clock), Arc::clone(entropy), metrics)?;
        let relay_metrics = RelayMetrics::register(registry);
        Ok(Self {
            plane,
            relay_metrics,
            door: Arc::default(),
            relay: None,
            clock,
            entropy: Arc::clone(entropy),
        })
    }

    /// The way into the media threads.
    pub(crate) fn handle(&self) -> MediaHandle {
        self.plane.handle()
    }

    /// How clients reach the relay.
    pub(crate) fn door(&self) -> Arc<RelayDoor> {
        Arc::clone(&self.door)
    }

    /// Starts the relay, where it is on.
    pub(crate) fn open_relay(
        &mut self,
        config: &Config,
        secret: Secret<Vec<u8>>,
        public_origin: &str,
        tasks: &Tasks,
    ) -> anyhow::Result<()> {
        let surroundings = (&self.clock, &*self.entropy, tasks);
        let media = (&self.plane, self.relay_metrics.clone());
        self.relay = relay::start(config, &self.door, secret, media, surroundings, public_origin)?;
        Ok(())
    }

    /// Ends every transport and every relay.
    pub(crate) fn stop(self) {
        self.plane.stop(PATIENCE);
        if let Some(relay) = self.relay {
            relay.stop(PATIENCE);
        }
    }
}
