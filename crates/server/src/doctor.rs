//! `trunkline doctor`: looks at everything a server needs, and says what is wrong and what to do.
//!
//! Facts come from a [`Machine`], the database and the running server; what they mean is decided in
//! [`checks`], so that tests can bring every fault about.

mod checks;
mod issuers;
mod machine;
mod media;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use trunkline_kernel::Timestamp;

use crate::cli::Program;
use crate::config::Config;
use crate::folder;
pub(crate) use machine::{CertificateFacts, Machine, ThisMachine};

/// What is known of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DatabaseFacts {
    /// `SQLite` or `PostgreSQL`.
    pub(crate) engine: String,
    /// The engine's version, if known.
    pub(crate) version: Option<String>,
    /// What the database's own clock says, if it has one.
    pub(crate) clock: Option<Timestamp>,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// As it should be.
    Fine,
    /// Works, but will or may not.
    Warning,
    /// Does not work.
    Failure,
}

/// The result of one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Check {
    /// What was looked at, such as `port 8443`.
    pub(crate) subject: String,
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What was found.
    pub(crate) finding: String,
    /// What to do; empty when nothing.
    pub(crate) remedy: String,
}

impl Check {
    fn fine(subject: impl Into<String>, finding: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            severity: Severity::Fine,
            finding: finding.into(),
            remedy: String::new(),
        }
    }

    fn warning(subject: impl Into<String>, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        let remedy = remedy.into();
        Self { subject: subject.into(), severity: Severity::Warning, finding: finding.into(), remedy }
    }

    fn failure(subject: impl Into<String>, finding: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { severity: Severity::Failure, ..Self::warning(subject, finding, remedy) }
    }
}

/// All results, in the order they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Report(pub(crate) Vec<Check>);

impl Report {
    /// Whether anything does not work.
    pub(crate) fn is_failed(&self) -> bool {
        self.0.iter().any(|check| check.severity == Severity::Failure)
    }

    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let check = |check: &Check| {
            json!({
                "subject": check.subject,
                "result": word(check.severity),
                "finding": check.finding,
                "remedy": check.remedy,
            })
        };
        json!({ "isHealthy": !self.is_failed(), "checks": self.0.iter().map(check).collect::<Vec<_>>() })
    }

    /// For people: a line for each check, the remedy below it.
    pub(crate) fn to_text(&self) -> String {
        let mut lines = Vec::new();
        for check in &self.0 {
            lines.push(format!("{:<4}  {}: {}", word(check.severity), check.subject, check.finding));
            if !check.remedy.is_empty() {
                lines.push(format!("      -> {}", check.remedy));
            }
        }
        let count = |severity| self.0.iter().filter(|check| check.severity == severity).count();
        let (failures, warnings) = (count(Severity::Failure), count(Severity::Warning));
        lines.push(match (failures, warnings) {
            (0, 0) => "\nEverything is fine.".to_owned(),
            (0, _) => format!("\nIt works, with warnings: {warnings}."),
            _ => format!("\nFailures: {failures}, warnings: {warnings}."),
        });
        lines.join("\n")
    }
}

const fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Fine => "ok",
        Severity::Warning => "warn",
        Severity::Failure => "fail",
    }
}

/// The server that runs on the data folder, if one does.
enum Server {
    /// Nobody holds the folder.
    Stopped,
    /// It answered the status request with this.
    Answers(Value),
    /// The folder is held, but nobody answers.
    Silent { pid: String, reason: String },
}

/// Looks at everything. Nothing is changed but for a temporary file that measures the disk.
pub(crate) async fn examine(config: &Config, program: &dyn Program, machine: &dyn Machine) -> Report {
    let server = ask_server(config, program).await;
    let mut report = vec![checks::server(&server)];
    report.extend(checks::folder(config, machine));
    report.extend(checks::database(config, &look_at_database(config, program, &server).await, machine.now()));
    report.push(checks::master_key(config));
    report.extend(checks::ports(config, machine, matches!(server, Server::Answers(_))));
    report.extend(media::all(config, machine, matches!(server, Server::Answers(_))));
    report.extend(checks::certificates(config, machine));
    report.extend(checks::names(config, machine));
    report.push(checks::open_files(config, machine));
    report.extend(issuers::directory(config, program).await);
    Report(report)
}

async fn ask_server(config: &Config, program: &dyn Program) -> Server {
    let Some(pid) = folder::find_holder(&config.data) else { return Server::Stopped };
    let answer = async {
        let api = program.connect(config).await.map_err(|error| error.to_string())?;
        let reply = api.call("GET", "/trunkline/status", None).await?;
        if reply.status == 200 {
            Ok(reply.body)
        } else {
            Err(format!("it answered with status {}", reply.status))
        }
    };
    match answer.await {
        Ok(status) => Server::Answers(status),
        Err(reason) => Server::Silent { pid, reason },
    }
}

/// What is known of the database without disturbing who uses it.
enum Database {
    /// There is none yet, as before the first start.
    Absent,
    /// A silent server holds it.
    Held,
    /// It was opened, or the server told.
    Known(DatabaseFacts),
    /// It cannot be used.
    Broken(String),
}

async fn look_at_database(config: &Config, program: &dyn Program, server: &Server) -> Database {
    match server {
        Server::Answers(status) => match status["health"].as_str() {
            None | Some("healthy") => Database::Known(DatabaseFacts {
                engine: status["engine"].as_str().unwrap_or("unknown engine").to_owned(),
                version: status["engineVersion"].as_str().map(str::to_owned),
                clock: None,
            }),
            Some(health) => Database::Broken(format!("the server says: {health}")),
        },
        Server::Silent { .. } => Database::Held,
        Server::Stopped if config.ephemeral => Database::Absent,
        Server::Stopped if config.database.url.is_none() && !config.data.join("trunkline.db").exists() => {
            Database::Absent
        }
        Server::Stopped => match program.probe_database(config).await {
            Ok(facts) => Database::Known(facts),
            Err(reason) => Database::Broken(reason),
        },
    }
}
