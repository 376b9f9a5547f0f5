//! `turn`: datagrams through the relay over channels, beside coturn and beside no relay at all; allocations.

mod allocations;
mod callers;
mod scene;
mod servers;
mod sockets;
mod table;
mod traffic;

use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use callers::Wish;
use scene::{SCENES, Scene};
use servers::Relay;
use table::Row;
use traffic::{Figures, drive};

/// What can be measured alone.
const CASES: [&str; 3] = ["voice", "video", "allocations"];
/// Each is measured so often, in turns; medians are reported.
const ROUNDS: usize = 3;
/// How long a measurement lasts unless the second argument says another time.
const MEASURED: Duration = Duration::from_millis(1_500);
/// Left out of the figures: cold caches, threads that wake up.
const WARM_UP: Duration = Duration::from_millis(200);
/// A rate holds while no more than this part is lost.
const LOSS_MAX: f64 = 0.001;
/// Below this part of what it should send the generator is at its own limit.
const OFFERED_MIN: f64 = 0.98;
/// Tries of a rate until it counts as too high: the machine may have done something else.
const TRIES: usize = 2;

pub(crate) async fn run(arguments: &[String]) -> Result<()> {
    let only = arguments.first().map(String::as_str);
    if only.is_some_and(|name| !CASES.contains(&name)) {
        bail!("there is {}", CASES.join(", "));
    }
    let seconds = arguments.get(1).map(|text| text.parse::<f64>()).transpose();
    let lasting = seconds.context("the second argument is a number of seconds")?;
    let lasting = lasting.map_or(MEASURED, Duration::from_secs_f64);
    let is_wanted = |name| only.is_none_or(|only| only == name);
    crate::chat::limits::raise_open_files()?;
    let clients = allocations::HELD.max(scene::CLIENTS_MAX);
    let relays = [Relay::ours(clients).await?, Relay::coturn(clients)?];
    if is_wanted("allocations") {
        allocations::measure(&relays)?;
    }
    let wanted: Vec<_> = SCENES.iter().filter(|scene| is_wanted(scene.kind)).collect();
    if !wanted.is_empty() {
        table::print_head();
    }
    for scene in wanted {
        measure(scene, &relays, lasting)?;
    }
    Ok(())
}

/// Everybody's rows of one scene.
fn measure(scene: &Scene, relays: &[Relay], lasting: Duration) -> Result<()> {
    let direct = scene.without_relay()?;
    let mut sides = Vec::new();
    for relay in relays {
        sides.push(scene.through(relay)?);
    }
    let load = scene.load;
    let mut plain = Vec::new();
    let mut steady: Vec<Vec<Figures>> = relays.iter().map(|_| Vec::new()).collect();
    for _ in 0..ROUNDS {
        plain.push(drive(&direct, load, scene.per_second, lasting, None)?);
        for ((relay, (_, ends)), figures) in relays.iter().zip(&sides).zip(&mut steady) {
            drive(ends, load, scene.per_second, WARM_UP, None)?;
            figures.push(drive(ends, load, scene.per_second, lasting, Some(relay.id))?);
        }
    }
    let plain = Figures::medians(&plain).context("there are rounds")?;
    table::print(&Row { scene, server: "none", steady: &plain, highest: None, plain: None });
    let mut all = Vec::new();
    for ((relay, (_, ends)), figures) in relays.iter().zip(&sides).zip(&steady) {
        let steady = Figures::medians(figures).context("there are rounds")?;
        let highest = climb(|per_second| drive(ends, load, per_second, lasting, Some(relay.id)), scene)?;
        let highest = highest.as_ref();
        table::print(&Row { scene, server: relay.name, steady: &steady, highest, plain: Some(&plain) });
        all.push((steady.cpu, highest.map(|highest| highest.figures.cpu)));
    }
    if let [(ours, ours_highest), (other, other_highest)] = all[..] {
        table::print_ratio(scene, (ours, other), ours_highest.zip(other_highest));
    }
    for (relay, (callers, _)) in relays.iter().zip(&mut sides) {
        callers::ask(callers, relay.address, |_| Wish::Leave)?;
    }
    Ok(())
}

/// The highest rate that holds.
struct Highest {
    figures: Figures,
    /// The generator could send no more, so the relay may take more.
    is_of_generator: bool,
}

/// Raises the rate until too much is lost; nothing where the first one is too high.
fn climb(mut at: impl FnMut(u32) -> Result<Figures>, scene: &Scene) -> Result<Option<Highest>> {
    let mut per_second = scene.per_second;
    let mut best: Option<Figures> = None;
    loop {
        let mut held = None;
        let mut is_behind = false;
        for _ in 0..TRIES {
            let figures = at(per_second)?;
            is_behind = figures.per_second < f64::from(per_second) * OFFERED_MIN;
            if figures.loss <= LOSS_MAX && !is_behind {
                held = Some(figures);
                break;
            }
        }
        let Some(figures) = held else {
            return Ok(best.map(|figures| Highest { figures, is_of_generator: is_behind }));
        };
        best = Some(figures);
        per_second += per_second / 5;
    }
}
