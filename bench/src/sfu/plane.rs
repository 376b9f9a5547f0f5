//! Our media plane in a process of its own, which does what it is told in lines of JSON.
//!
//! ```text
//! ► {"join": 3, "sdp": "…", "camera": [1280, 720]}     ◄ {"sdp": "…"}
//! ► {"wants": 3, "of": [1, 2], "size": [320, 180]}     ◄ {}
//! ```

use std::io::{BufRead as _, Write as _};
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use trunkline_kernel::{SystemClock, SystemEntropy};
use trunkline_media::{
    MediaConfig, MediaPlane, Metrics, NamedMids, NamedSource, NamedWant, Offer, PeerId, Policy, RoomHandle,
    Size, SourceKind, Sources,
};

use super::child::Child;
use super::crowd::Crowd;
use super::plan::{Plan, Server};
use trunkline_sfu::testing::Client;

const PEERS_MAX: usize = 10_000;
/// What a tile is told to be: as large as the pictures, so that nothing is held back.
const TILE: (u16, u16) = super::flow::PICTURE;

/// The process: one media thread, one room.
pub(crate) async fn serve() -> Result<()> {
    let config = MediaConfig { peers_max: PEERS_MAX, ..MediaConfig::loopback() };
    let plane =
        MediaPlane::start(config, Arc::new(SystemClock), Arc::new(SystemEntropy), Metrics::default())?;
    let (room, mut events) = plane.handle().open_room("bench");
    thread::spawn(move || while events.blocking_recv().is_some() {});
    for line in std::io::stdin().lock().lines() {
        let command: Value = serde_json::from_str(&line?)?;
        let answer = obey(&room, &command).await?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

async fn obey(room: &RoomHandle, command: &Value) -> Result<Value> {
    if let Some(peer) = peer(&command["join"]) {
        let camera = size(&command["camera"]);
        room.set_policy(peer, Policy::ALL);
        room.set_sources(peer, Sources { audio: true, camera, screen: None });
        let sdp = command["sdp"].as_str().context("whoever joins has an offer")?.to_owned();
        let answer = room.join(peer, Offer { sdp, mids: NamedMids::default() }).await?;
        return Ok(json!({ "sdp": answer.sdp }));
    }
    let (Some(peer), Some(of)) = (peer(&command["wants"]), command["of"].as_array()) else {
        bail!("{command} is no command");
    };
    let want = |source| {
        let source = NamedSource { peer: self::peer(source)?, kind: SourceKind::Camera };
        Some(NamedWant { source, size: size(&command["size"])?, priority: 1 })
    };
    let wants: Vec<_> = of.iter().filter_map(want).collect();
    let shown_max = u8::try_from(wants.len())?;
    room.set_wants(peer, wants, shown_max);
    Ok(json!({}))
}

fn peer(value: &Value) -> Option<PeerId> {
    Some(PeerId(u32::try_from(value.as_u64()?).ok()?))
}

fn size(value: &Value) -> Option<Size> {
    let side = |index: usize| u16::try_from(value[index].as_u64()?).ok();
    Some(Size { width: side(0)?, height: side(1)? })
}

/// That process, seen from here.
pub(super) struct Plane(Child);

impl Plane {
    pub(super) fn start() -> Result<Self> {
        Ok(Self(Child::start("sfu-plane", &[])?))
    }

    fn ask(&mut self, command: &Value) -> Result<Value> {
        let answer = self.0.ask(&command.to_string())?;
        Ok(serde_json::from_str(&answer)?)
    }
}

impl Server for Plane {
    fn id(&self) -> u32 {
        self.0.id()
    }

    fn join(&mut self, crowd: &mut Crowd, plan: &Plan, index: usize) -> Result<()> {
        let sees = u8::try_from(plan.sees(index).len())?;
        let config = crowd.config(index, plan.voices_heard(index), sees);
        let (mut client, sdp) = Client::new(config, crowd.now());
        let camera = plan.has_camera(index).then_some([TILE.0, TILE.1]);
        let answer = self.ask(&json!({ "join": index, "sdp": sdp, "camera": camera }))?;
        client.answer(answer["sdp"].as_str().context("the plane answers")?)?;
        crowd.set(index, client);
        Ok(())
    }

    fn settle(&mut self, plan: &Plan) -> Result<()> {
        for index in 0..plan.people {
            let of = plan.sees(index);
            if !of.is_empty() {
                self.ask(&json!({ "wants": index, "of": of, "size": [TILE.0, TILE.1] }))?;
            }
        }
        Ok(())
    }
}
