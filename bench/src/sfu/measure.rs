//! One run: clients connect, warm up, and are measured.

use std::time::Duration;

use anyhow::Result;

use super::crowd::Crowd;
use super::flow::Flow;
use super::plan::{Plan, Server};
use super::tally::Tally;
use crate::process::{Stat, anonymous_bytes, machine_time, own_cpu};

/// How long one looks whether everything arrives, how often, and what counts as everything.
const WARM_STEP: Duration = Duration::from_secs(1);
const WARM_STEPS_MAX: usize = 8;
const WARM_LOST: f64 = 0.005;

/// What a process used before a run.
pub(super) struct Meter {
    id: u32,
    expected: u64,
    server_cpu: Duration,
    own_cpu: Duration,
    at: Duration,
}

/// What it used in the run.
pub(super) struct Reading {
    expected_before: u64,
    server_cpu: Duration,
    own_cpu: Duration,
    lasted: Duration,
}

/// What came out of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) packets_per_s: f64,
    /// 0 to 1.
    pub(super) lost: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
    /// CPU time of the measured process for a packet that it sent.
    pub(super) cpu_us: f64,
    /// Part of its core that the measured process used, and of theirs the clients.
    pub(super) server_share: f64,
    pub(super) clients_share: f64,
}

impl Meter {
    /// `expected`: packets that should have come until now.
    pub(super) fn start(id: u32, expected: u64) -> Result<Self> {
        Ok(Self { id, expected, server_cpu: Stat::read(id)?.cpu, own_cpu: own_cpu(), at: machine_time() })
    }

    pub(super) fn stop(&self) -> Result<Reading> {
        Ok(Reading {
            expected_before: self.expected,
            server_cpu: Stat::read(self.id)?.cpu.saturating_sub(self.server_cpu),
            own_cpu: own_cpu().saturating_sub(self.own_cpu),
            lasted: machine_time().saturating_sub(self.at),
        })
    }
}

impl Reading {
    /// `expected`: packets that should have come in all.
    pub(super) fn figures(&self, tally: &Tally, expected: u64) -> Figures {
        let (packets, expected) = (tally.packets as f64, (expected - self.expected_before) as f64);
        Figures {
            packets_per_s: packets / self.lasted.as_secs_f64(),
            lost: 1.0 - packets / expected,
            p50_ms: tally.permille_ms(500),
            p99_ms: tally.permille_ms(990),
            cpu_us: self.server_cpu.as_secs_f64() * 1e6 / packets,
            server_share: self.server_cpu.as_secs_f64() / self.lasted.as_secs_f64(),
            clients_share: self.own_cpu.as_secs_f64() / self.lasted.as_secs_f64(),
        }
    }
}

/// Clients on a server, ready to be measured.
pub(super) struct Stage<'a> {
    server: &'a mut dyn Server,
    plan: Plan,
    crowd: Crowd,
    flows: Vec<Flow>,
    empty: u64,
    idle: u64,
}

/// Memory of the measured process for each participant.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    /// Connected, before any media.
    pub(super) idle_bytes: f64,
    /// When media has flowed for some seconds.
    pub(super) used_bytes: f64,
}

impl<'a> Stage<'a> {
    /// Connects everybody and lets media flow until congestion control has found its way.
    pub(super) fn new(server: &'a mut dyn Server, plan: Plan) -> Result<Self> {
        let id = server.id();
        let mut crowd = Crowd::new(plan.people, server.clients())?;
        let empty = anonymous_bytes(id)?;
        for index in 0..plan.people {
            server.join(&mut crowd, &plan, index)?;
            crowd.connect(index)?;
        }
        crowd.rest()?;
        let idle = anonymous_bytes(id)?;
        server.settle(&plan)?;
        let flows = plan.flows();
        let mut stage = Self { server, plan, crowd, flows, empty, idle };
        stage.warm_up()?;
        Ok(stage)
    }

    /// Until everything that is sent arrives: congestion control must find its way first.
    fn warm_up(&mut self) -> Result<()> {
        let mut lost = 1.0;
        for _ in 0..WARM_STEPS_MAX {
            lost = self.measure(WARM_STEP)?.lost;
            if lost < WARM_LOST {
                return Ok(());
            }
        }
        eprintln!("{:.1} % of what is sent does not arrive; measured nevertheless", lost * 100.0);
        Ok(())
    }

    /// Lets it flow for `time` and counts.
    pub(super) fn measure(&mut self, time: Duration) -> Result<Figures> {
        self.crowd.tally.clear();
        let meter = Meter::start(self.server.id(), self.expected())?;
        self.crowd.run(&mut self.flows, time)?;
        let reading = meter.stop()?;
        self.crowd.rest()?;
        Ok(reading.figures(&self.crowd.tally, self.expected()))
    }

    pub(super) fn memory(&self) -> Result<Memory> {
        let each = |bytes: u64| bytes.saturating_sub(self.empty) as f64 / self.plan.people as f64;
        Ok(Memory { idle_bytes: each(self.idle), used_bytes: each(anonymous_bytes(self.server.id())?) })
    }

    fn expected(&self) -> u64 {
        self.flows.iter().map(|flow| flow.sent() * self.plan.receivers(flow) as u64).sum()
    }

    /// Everybody sends as `change` says from now on.
    pub(super) fn change(&mut self, change: impl Fn(&mut Flow)) {
        self.flows.iter_mut().for_each(change);
    }
}
