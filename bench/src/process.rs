//! CPU time, memory and children of processes.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};

/// CPU time this process has used, all threads.
pub(crate) fn own_cpu() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or(0))
}

/// Time since the machine's start: the same in every process, unlike that of a process's own clock.
pub(crate) fn machine_time() -> Duration {
    let now = clock_gettime(ClockId::Monotonic);
    Duration::new(now.tv_sec.unsigned_abs(), u32::try_from(now.tv_nsec).unwrap_or(0))
}

/// What `/proc/PID/stat` says of a process.
pub(crate) struct Stat {
    pub(crate) id: u32,
    pub(crate) parent: u32,
    /// Its own and that of the children it has waited for; in steps of 10 ms.
    pub(crate) cpu: Duration,
}

impl Stat {
    pub(crate) fn read(id: u32) -> Result<Self> {
        let path = format!("/proc/{id}/stat");
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        // The name in parentheses may hold anything, so the fields are counted from its end.
        let (_, rest) = text.rsplit_once(") ").context("a stat line has a name")?;
        let fields: Vec<&str> = rest.split(' ').collect();
        let field = |number: usize| fields.get(number - 3).and_then(|field| field.parse::<u64>().ok());
        let ticks: u64 = (14..=17).filter_map(field).sum();
        let ticks_a_second = rustix::param::clock_ticks_per_second();
        let cpu = Duration::from_millis(ticks * 1000 / ticks_a_second);
        Ok(Self { id, parent: u32::try_from(field(4).unwrap_or(0))?, cpu })
    }
}

/// CPU time of a process and of its children, living and waited for.
pub(crate) fn family_cpu(parent: u32) -> Result<Duration> {
    let mut cpu = Duration::ZERO;
    for entry in fs::read_dir("/proc").context("cannot list /proc")? {
        let Ok(id) = entry?.file_name().to_string_lossy().parse() else { continue };
        // A process may end between the listing and the reading.
        if let Ok(stat) = Stat::read(id)
            && (stat.id == parent || stat.parent == parent)
        {
            cpu += stat.cpu;
        }
    }
    Ok(cpu)
}

/// Resident memory in bytes.
pub(crate) fn resident_bytes(id: u32) -> Result<u64> {
    status_bytes(id, "VmRSS:")
}

/// Resident memory in bytes without the parts of the program's own file, which come in as they are first used.
pub(crate) fn anonymous_bytes(id: u32) -> Result<u64> {
    status_bytes(id, "RssAnon:")
}

fn status_bytes(id: u32, name: &str) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{id}/status")).context("the process runs")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).context("it has memory")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse().context("a number of kB")?;
    Ok(kib * 1024)
}
