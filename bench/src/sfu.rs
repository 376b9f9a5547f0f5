//! `sfu`: forwarded packets and what they cost, beside a bare loop and Janus.
//!
//! ```text
//!  core 1: clients (this process)  ── ICE, DTLS, SRTP over loopback ──  core 0: media plane | bare loop | Janus
//! ```

mod bare;
mod child;
mod crowd;
mod flow;
mod janus;
mod measure;
mod plan;
mod plane;
mod report;
mod tally;

use std::time::Duration;

use anyhow::{Result, bail};

pub(crate) use bare::serve as serve_bare;
pub(crate) use plane::serve as serve_plane;

use bare::Manner;
use flow::{Flow, Media};
use janus::Janus;
use measure::{Figures, Stage};
use plan::Plan;
use plane::Plane;
use report::{Report, Who};

/// Each contestant has its turn this many times.
const ROUNDS: usize = 2;
/// How long one is measured.
const TIME: Duration = Duration::from_secs(3);
/// How long one rate is measured while the rate rises.
const RUNG: Duration = Duration::from_millis(1_500);
/// Packets of the one speaker in a second, one after the other.
const RATES: [u32; 12] = [50, 100, 200, 300, 400, 500, 600, 800, 1_000, 1_300, 1_600, 2_000];
/// What ends the rise.
const LOST_MAX: f64 = 0.001;
const LATE_MAX_MS: f64 = 5.0;

const VOICE: Media = Media::Voice { packets_per_s: 50 };
/// 300 kbit/s.
const SMALL: Media = Media::Camera { packets_per_frame: 1, packet_bytes: 1_200, is_even: false };

/// 1.2 Mbit/s.
const fn wide(is_even: bool) -> Media {
    Media::Camera { packets_per_frame: 5, packet_bytes: 1_000, is_even }
}

const AUDIO: Plan = Plan { people: 101, voices: 1, voice: VOICE, cameras: 0, camera: SMALL, seen: 0 };
const VIDEO: Plan = Plan { people: 201, voices: 0, cameras: 1, camera: wide(false), seen: 1, ..AUDIO };
const EVEN: Plan = Plan { camera: wide(true), ..VIDEO };
const MEETING: Plan = Plan { people: 30, voices: 5, cameras: 30, camera: SMALL, seen: 9, ..AUDIO };

/// A scenario and who takes part beside ours.
struct Scenario {
    name: &'static str,
    plan: Plan,
    bare: &'static [Manner],
    has_janus: bool,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario { name: "audio", plan: AUDIO, bare: &Manner::ALL, has_janus: true },
    Scenario { name: "video", plan: VIDEO, bare: &Manner::ALL, has_janus: true },
    Scenario { name: "even", plan: EVEN, bare: &Manner::ALL, has_janus: false },
    Scenario { name: "meeting", plan: MEETING, bare: &[], has_janus: false },
];

/// Runs all, or those that are named: `[audio|video|even|meeting|rise]...`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let known = |name: &String| name == "rise" || SCENARIOS.iter().any(|scenario| scenario.name == name);
    if let Some(strange) = arguments.iter().find(|name| !known(name)) {
        bail!("there is no scenario `{strange}`; there are audio, video, even, meeting and rise");
    }
    let is_wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|wanted| wanted == name);
    Report::head();
    for scenario in SCENARIOS.iter().filter(|scenario| is_wanted(scenario.name)) {
        compare(scenario)?;
    }
    if is_wanted("rise") {
        rise()?;
    }
    Ok(())
}

/// Everybody in turns.
fn compare(scenario: &Scenario) -> Result<()> {
    let mut report = Report::new(scenario.name);
    for _ in 0..ROUNDS {
        let mut plane = Plane::start()?;
        let mut stage = Stage::new(&mut plane, scenario.plan)?;
        report.add(Who::Ours, stage.measure(TIME)?);
        report.remember(stage.memory()?);
        drop(stage);
        drop(plane);
        for manner in scenario.bare {
            report.add(Who::Bare(*manner), bare::measure(*manner, &scenario.plan, TIME)?);
        }
        if scenario.has_janus {
            for event_loops in [None, Some(2)] {
                let who = Who::Janus(event_loops);
                match measure_janus(scenario.plan, event_loops) {
                    Ok(figures) => report.add(who, figures),
                    Err(why) => report.skip(who, &why),
                }
            }
        }
    }
    report.print();
    Ok(())
}

fn measure_janus(plan: Plan, event_loops: Option<u32>) -> Result<Figures> {
    let mut janus = Janus::start(event_loops)?;
    Stage::new(&mut janus, plan)?.measure(TIME)
}

/// One speaker to a hundred, faster and faster until packets are lost or late.
fn rise() -> Result<()> {
    let mut plane = Plane::start()?;
    let mut stage = Stage::new(&mut plane, AUDIO)?;
    for packets_per_s in RATES {
        stage.change(|flow: &mut Flow| flow.media = Media::Voice { packets_per_s });
        let figures = stage.measure(RUNG)?;
        Report::row(&format!("audio at {packets_per_s}/s"), "ours", &figures, None);
        if figures.lost > LOST_MAX || figures.p99_ms > LATE_MAX_MS {
            break;
        }
    }
    Ok(())
}
