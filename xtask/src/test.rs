//! `cargo xtask test`: every check there is, in one go, with one line at the end.

mod counts;
mod network;
mod steps;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::JoinHandle;

use anyhow::{Result, anyhow, bail};
use clap::Args;

use crate::postgres::{Cluster, Durability};
use crate::setup::{self, Need};
use crate::{deny, server, shell, web, workspace};
use counts::Counts;
use steps::{STEPS, Step};

/// Checks everything: format, house rules, dependencies, lints, unit, system and SDK tests.
///
/// Sets up what is missing, then runs every step, also after one has failed, and ends with one line
/// `N passed, M failed, K skipped`. The output of each step is kept in `target/xtask/STEP.log`.
#[derive(Args)]
pub(crate) struct TestArguments {
    /// Only these steps; what they need is built first.
    #[arg(value_name = "STEP")]
    steps: Vec<String>,
    /// The same (repeatable).
    #[arg(long, value_name = "STEP")]
    only: Vec<String>,
    /// Name the steps.
    #[arg(long)]
    list: bool,
    /// Stop at the first step that fails.
    #[arg(long)]
    fail_fast: bool,
}

/// What the steps share.
pub(crate) struct Context {
    background: Background,
    cluster: Option<Cluster>,
    built: Option<bool>,
    planned: BTreeSet<&'static str>,
}

/// How a step ended: its counts and what to show when it failed.
pub(crate) struct Outcome {
    counts: Counts,
    report: String,
}

impl Outcome {
    /// One check that passed or, with something to show, failed.
    pub(crate) fn check(problems: String) -> Self {
        let counts = if problems.is_empty() { Counts::PASSED } else { Counts::FAILED };
        Self { counts, report: problems }
    }

    /// Nothing was checked, for this reason.
    pub(crate) fn skipped(reason: &str) -> Self {
        Self { counts: Counts::SKIPPED, report: reason.to_owned() }
    }

    /// Counts read from a program's output; its report is shown when it failed.
    pub(crate) fn counted(counts: Counts, success: bool, output: String) -> Self {
        Self { counts: counts.settle(success), report: output }
    }
}

/// Downloads and builds that need no developer's attention, done while cargo works.
struct Background {
    cargo_deny: Work<PathBuf>,
    python: Work<()>,
    javascript: Work<()>,
    web: Work<()>,
}

impl Background {
    fn start(planned: &BTreeSet<&'static str>) -> Self {
        let is_planned = |steps: &[&str]| steps.iter().any(|step| planned.contains(step));
        Self {
            cargo_deny: Work::start(is_planned(&["deny"]), deny::install),
            python: Work::start(is_planned(&["python"]), setup::python),
            javascript: Work::start(is_planned(&["js", "calling", "network"]), setup::javascript),
            web: Work::start(is_planned(&["python", "web", "calling", "network"]), web::build_for_tests),
        }
    }
}

/// One of them, which several steps may wait for.
enum Work<T> {
    /// No step needs it.
    Unplanned,
    Running(JoinHandle<Result<T>>),
    /// With what came out, or the text of the failure.
    Ended(Result<T, String>),
}

impl<T: Clone + Send + 'static> Work<T> {
    fn start(is_planned: bool, body: fn() -> Result<T>) -> Self {
        if is_planned { Self::Running(std::thread::spawn(body)) } else { Self::Unplanned }
    }

    /// Waits for its end; the same answer again when asked again.
    fn wait(&mut self) -> Result<T> {
        *self = match std::mem::replace(self, Self::Unplanned) {
            Self::Running(thread) => {
                let ended = thread.join().unwrap_or_else(|_| bail!("the setup thread panicked"));
                Self::Ended(ended.map_err(|cause| format!("{cause:#}")))
            }
            other => other,
        };
        match self {
            Self::Ended(ended) => ended.clone().map_err(|cause| anyhow!(cause)),
            Self::Unplanned | Self::Running(_) => bail!("no planned step needs this"),
        }
    }
}

impl Context {
    /// Waits for cargo-deny.
    pub(crate) fn cargo_deny(&mut self) -> Result<PathBuf> {
        self.background.cargo_deny.wait()
    }

    /// Waits for the Python environment.
    pub(crate) fn python(&mut self) -> Result<()> {
        self.background.python.wait()
    }

    /// Waits for the Node packages.
    pub(crate) fn javascript(&mut self) -> Result<()> {
        self.background.javascript.wait()
    }

    /// Waits for the sample pages.
    pub(crate) fn web(&mut self) -> Result<()> {
        self.background.web.wait()
    }

    /// The URL of the one PostgreSQL cluster, started at the first call.
    pub(crate) fn postgres(&mut self) -> Result<String> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::start(Durability::None)?);
        }
        self.cluster.as_ref().map(Cluster::url).ok_or_else(|| anyhow!("the cluster was just started"))
    }

    /// The built server: from the step `build`, or built now when that step was not asked for.
    pub(crate) fn server(&mut self) -> Result<PathBuf> {
        if self.built.is_none() && !self.planned.contains("build") {
            self.built = Some(server::build().is_ok());
        }
        if self.built != Some(true) {
            bail!("the server could not be built");
        }
        Ok(std::env::var_os("TRUNKLINE_BIN").map_or_else(workspace::server_binary, PathBuf::from))
    }

    /// Remembers how the step `build` ended.
    pub(crate) fn set_built(&mut self, success: bool) {
        self.built = Some(success);
    }

    /// Whether the step `build` ran and failed.
    pub(crate) fn is_broken(&self) -> bool {
        self.built == Some(false)
    }
}

/// `cargo xtask test`.
pub(crate) fn run(arguments: &TestArguments) -> Result<ExitCode> {
    if arguments.list {
        for step in STEPS {
            println!("{:<11} {}", step.name, step.what);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let steps = select(&[arguments.steps.as_slice(), &arguments.only].concat())?;
    let planned: BTreeSet<_> = steps.iter().map(|step| step.name).collect();
    prepare(&planned)?;
    let background = Background::start(&planned);
    let mut context = Context { background, cluster: None, built: None, planned };
    let started = shell::stopwatch();
    let (mut total, mut notes) = (Counts::default(), Vec::new());
    for step in steps {
        let outcome = run_step(step, &mut context);
        total = total + outcome.counts;
        if outcome.counts.is_failed() {
            notes.push(format!("FAILED   {}: see {}", step.name, log(step.name)?.display()));
        } else if outcome.counts.is_only_skipped() {
            notes.push(format!("SKIPPED  {}: {}", step.name, outcome.report));
        }
        if outcome.counts.is_failed() && arguments.fail_fast {
            break;
        }
    }
    drop(context);
    println!("\n{:.0} s in all", started.elapsed().as_secs_f64());
    for note in notes {
        println!("{note}");
    }
    println!("{total}");
    Ok(if total.is_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn select(only: &[String]) -> Result<Vec<&'static Step>> {
    for name in only {
        if !STEPS.iter().any(|step| step.name == name) {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            bail!("there is no step `{name}`; there are: {}", names.join(", "));
        }
    }
    Ok(STEPS.iter().filter(|step| only.is_empty() || only.iter().any(|name| name == step.name)).collect())
}

/// Brings what must be there before the first step, in front of the developer.
fn prepare(planned: &BTreeSet<&'static str>) -> Result<()> {
    let needs = [
        ("unit", Need::Postgres),
        ("unit", Need::Nats),
        ("python", Need::Python),
        ("python", Need::Chromium),
        ("python", Need::Nats),
        ("python", Need::Node),
        ("python", Need::Coturn),
        ("js", Need::Node),
        ("js", Need::Postgres),
        ("python", Need::Guide),
        ("js", Need::Guide),
        ("web", Need::Node),
        ("calling", Need::Node),
        ("calling", Need::Chromium),
        ("calling", Need::Firefox),
        ("network", Need::Node),
        ("network", Need::Chromium),
        ("network", Need::Namespaces),
    ];
    let needs: Vec<_> =
        needs.into_iter().filter(|(step, _)| planned.contains(step)).map(|(_, need)| need).collect();
    setup::debian(&needs)?;
    if planned.contains("format") || planned.contains("clippy") {
        setup::rust_components()?;
    }
    Ok(())
}

fn run_step(step: &Step, context: &mut Context) -> Outcome {
    use std::io::Write as _;
    print!("{:<11} ", step.name);
    std::io::stdout().flush().ok();
    let started = shell::stopwatch();
    let outcome = (step.body)(context).unwrap_or_else(|error| Outcome::check(format!("{error:#}\n")));
    let seconds = started.elapsed().as_secs_f64();
    if outcome.counts.is_only_skipped() {
        println!("SKIPPED     {}", outcome.report);
    } else if outcome.counts.is_failed() {
        println!("FAILED      {seconds:6.1} s   {}", outcome.counts);
        if let Ok(log) = log(step.name) {
            std::fs::write(log, &outcome.report).ok();
        }
        println!("{}", tail(&outcome.report));
    } else {
        println!("ok          {seconds:6.1} s   {}", outcome.counts);
    }
    outcome
}

/// Where the output of a step is kept.
pub(crate) fn log(step: &str) -> Result<PathBuf> {
    Ok(workspace::scratch()?.join(format!("{step}.log")))
}

/// Lines shown of a failed step; the whole text is in its log.
const SHOWN_LINES: usize = 400;

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    let cut = lines.len().saturating_sub(SHOWN_LINES);
    let mut shown = String::new();
    if cut > 0 {
        shown = format!("    ... {cut} lines before this ...\n");
    }
    lines[cut..].iter().for_each(|line| shown.extend(["    ", line, "\n"]));
    shown
}

#[cfg(test)]
mod tests {
    use super::{Work, select, tail};

    #[test]
    fn what_failed_in_the_background_fails_every_step_that_needs_it() {
        let mut work: Work<()> = Work::start(true, || anyhow::bail!("no network"));
        for _ in 0..2 {
            assert_eq!(work.wait().expect_err("it failed").to_string(), "no network");
        }
        let mut work = Work::start(true, || Ok(7));
        assert_eq!([work.wait().expect("done"), work.wait().expect("done")], [7, 7]);
        assert!(Work::<()>::start(false, || Ok(())).wait().is_err());
    }

    #[test]
    fn an_unknown_step_is_refused_with_the_known_ones() {
        let error = select(&["uint".to_owned()]).err().expect("no such step").to_string();
        assert!(error.contains("unit"), "{error}");
        assert_eq!(select(&["deny".to_owned()]).unwrap().len(), 1);
    }

    #[test]
    fn long_output_is_cut_at_its_start() {
        let text = (0..500).map(|line| line.to_string()).collect::<Vec<_>>().join("\n");
        let shown = tail(&text);
        assert!(shown.starts_with("    ... 100 lines before this ...\n    100\n"), "{shown}");
        assert!(shown.ends_with("    499\n"));
    }
}
